# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh
#
# lib.sh - the cache of the test machine's parts, for the build-* scripts
#
# A part (an emulator, a kernel) is a directory NAME-KEY in the cache, where
# KEY is a hash of all that the part is made from. It is built in a temporary
# directory beside it and renamed at the end, so that a directory which exists
# is complete; a lock per part lets several users wait for one build.

vm_dir=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$vm_dir/../.." && pwd)
cache=${VMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmm}

say() {
	echo "${0##*/}: $*" >&2
}

die() {
	say "$*"
	exit 1
}

# key FILE-OR-WORD...: a hash over the contents of files and over plain words
key() {
	for k; do
		if [ -f "$k" ]; then
			cat "$k"
		else
			printf '%s\n' "$k"
		fi
	done | sha256sum | cut -c1-16
}

# part NAME-KEY TEST-FILE BUILD-FUNCTION [ARG]...
# Print the part's directory; make it first if it is not there. The build
# function runs with the temporary directory as its working directory; its
# output goes to a log, which is shown if it fails. Nothing here may be called
# as part of a condition: set -e would be off in the build function.
part() {
	part_name=$1 part_test=$2
	shift 2
	part_dir=$cache/$part_name
	if [ -e "$part_dir/$part_test" ]; then
		echo "$part_dir"
		return 0
	fi
	mkdir -p "$cache"
	(
		flock 9
		if [ ! -e "$part_dir/$part_test" ]; then
			part_make "$@"
		fi
	) 9>"$cache/$part_name.lock"
	echo "$part_dir"
}

# Called with the part's lock held.
part_make() {
	tmp=$cache/tmp.$part_name
	rm -rf "$tmp" "$part_dir"
	mkdir -p "$tmp"
	log=$cache/$part_name.log
	start=$(date +%s)
	say "making $part_name in $cache (log: $log)"
	set +e
	(
		set -e
		"$top/scripts/deps" vm
		cd "$tmp"
		"$@"
	) >"$log" 2>&1 </dev/null 9>&-
	status=$?
	set -e
	if [ $status -ne 0 ] || [ ! -e "$tmp/$part_test" ]; then
		tail -n 40 "$log" >&2
		rm -rf "$tmp"
		say "making $part_name failed, the log is $log"
		return 1
	fi
	mv "$tmp" "$part_dir"
	rm -f "$log"
	say "made $part_name in $(($(date +%s) - start)) s"
}

# apt_private SUITE TYPE: prepare an apt of our own in ./apt that also knows
# SUITE (which may be empty; TYPE is deb or deb-src), from where this machine
# has its packages. Sets apt_opts, the options for apt-get and apt-cache.
# The machine's own apt state is not touched; signatures are checked as ever.
apt_private() {
	a=$PWD/apt
	mkdir -p "$a/lists/partial" "$a/cache/archives/partial"
	# The machine's own sources, whichever syntax and mirror they have.
	# shellcheck disable=SC2016 # not for the shell to expand
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' | sort -u >"$a/own"
	uri=$(awk '$2 !~ /[-\/]/ && $3 == "main" { print $1; exit }' "$a/own")
	[ -n "$uri" ] || die "no Debian release in this machine's apt configuration"
	keys=/usr/share/keyrings/debian-archive-keyring.gpg
	{
		awk -v k="$keys" '$1 ~ /debian/ && $3 == "main" {
			print "deb [signed-by=" k "]", $1, $2, $3 }' "$a/own"
		[ -z "$1" ] || echo "$2 [signed-by=$keys] $uri $1 main"
	} | sort -u >"$a/sources.list"
	apt_opts="-o Dir::Etc::sourcelist=$a/sources.list
		-o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$a/lists
		-o Dir::Cache=$a/cache -o APT::Sandbox::User=root"
	# shellcheck disable=SC2086 # a list of options
	apt-get $apt_opts -q update
}
