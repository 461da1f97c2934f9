# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=sh disable=SC2154 # variables of lib.sh
#
# kernel-stock.sh - the part of build-kernel that fetches Debian's own kernels

# $1: a suite beside the machine's own, or empty
fetch() {
	apt_private "$1" deb
	[ -z "$1" ] || apt_opts="$apt_opts -o APT::Default-Release=$1"
	image=$(newest)
	release=${image#linux-image-}
	heads=linux-headers-$release
	common=$(echo "$heads" | sed 's/-amd64$/-common/')
	kbuild=$(depends "$heads" | grep '^linux-kbuild-')
	say "fetching $image, $heads, $common, $kbuild"
	mkdir debs
	# shellcheck disable=SC2086 # a list of options
	(cd debs && apt-get $apt_opts -q download \
		"$image" "$heads" "$common" "$kbuild")
	for d in debs/*.deb; do
		dpkg-deb -x "$d" root
	done
	rm -rf debs apt
	echo "$release" >release
}

depends() {
	# shellcheck disable=SC2086 # a list of options
	apt-cache $apt_opts depends "$1" | sed -n 's/^ *Depends: //p'
}

# The kernel that the meta package stands for. (The headers' meta package
# may name a later one: signed images take their time.)
newest() {
	# shellcheck disable=SC2086 # a list of options
	apt-cache $apt_opts depends linux-image-amd64 |
		sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

unpack_stock() {
	fetch "$1"
	cp "root/boot/vmlinuz-$release" bzImage
	"$vm_dir/mkboot" --extract bzImage vmlinux
	# Compressed modules would have to be unpacked at each boot.
	find root/lib/modules -name '*.ko.xz' -exec xz -d {} +
	if [ -d root/usr/lib/modules ]; then
		mkdir -p root/lib
		mv root/usr/lib/modules root/lib/
	fi
	rm -f "root/lib/modules/$release/build" "root/lib/modules/$release/source"
	depmod -b root "$release"
	# The headers name each other by absolute paths, as if installed.
	# They are to be found where this directory will be.
	mv root/usr/src src
	for kbuild in root/usr/lib/linux-kbuild-*; do
		rm -f "src/${kbuild##*/}"
		mv "$kbuild" src/
	done
	grep -rlE '/usr/(src|lib)/linux-' --include='Makefile*' --include=.config \
		--include='*.mk' src |
		xargs sed -i -E "s,/usr/(src|lib)/(linux-(headers|kbuild)),$part_dir/src/\2,g"
	find src -type l | while read -r l; do
		to=$(readlink "$l")
		case $to in
		*linux-kbuild-*) ln -sfn "$part_dir/src/linux-kbuild-${to#*linux-kbuild-}" "$l" ;;
		esac
	done
	ln -s "src/linux-headers-$release" build
	rm -rf root/boot root/usr
}

stock_kernel() {
	# Which version it is would have to be asked of the network; it is
	# kept until VMM_UPDATE says to look again.
	[ -z "${VMM_UPDATE:-}" ] || rm -rf "$cache/kernel-$1-"????????????????
	part "kernel-$1-$(key "$vm_dir/kernel-stock.sh")" release unpack_stock "$2"
}
