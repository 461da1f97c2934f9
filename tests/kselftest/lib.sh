# SPDX-License-Identifier: GPL-2.0
# For the claims: sh (busybox) on the test machine. A claim is a file that ends
# with status 0 (holds), 1 (does not; said why) or 4 (cannot be tested here; said why).

D=$PWD
TMP=/tmp/claim
SLOW=${SLOW:-1}		# this kernel is so many times slower than "test"

fail() { echo "# $*"; exit 1; }
skip() { echo "SKIP: $*"; exit 4; }

fresh() {
	rm -rf $TMP; mkdir -p $TMP
	GUESTS=
}

load() { modprobe vmm_core || fail "vmm_core does not load"; [ -c /dev/vmm ] || fail "no /dev/vmm"; }

unload() {
	for m in vmm_core sched_rr sched_bvt sched_credit sched_edf sched_bad sched_iface; do
		[ ! -d /sys/module/$m ] || rmmod $m || fail "$m does not unload"
	done
}

load_all() { load; for s in rr bvt credit edf; do vmmctl sched load $s || fail "$s does not load"; done; }

# guest NAME KIND [vmmguest options]; $WRAP: a program that starts it, and becomes it. Where all
# is slow guests give way to the claim's own programs, each of which took 5 s beside them.
guest() {
	local name=$1 kind=$2
	shift 2
	[ $SLOW -lt 4 ] || WRAP=${WRAP:-$D/nice -n 19}
	$WRAP $D/vmmguest --name $name --kind $kind --progress $TMP/$name.n --late-ms $((20000 * SLOW)) "$@" \
		>$TMP/$name.out 2>$TMP/$name.err &
	eval "pid_$name=$!"
	GUESTS="$GUESTS $name"
}

pid_of() { eval "echo \$pid_$1"; }
# Lines a guest has printed
count() { $D/onward -n $TMP/$1.n; }
# json_get NAME JSON: $value is the first field of that name, a string without its quotes; empty:
# there is none. By the shell alone: on the debug kernel a program costs half a second and more.
json_get() {
	value=${2#*\"$1\":}
	[ "$value" != "$2" ] || { value=; return 1; }
	case $value in
	\"*) value=${value#\"}; value=${value%%\"*} ;;
	*) value=${value%%[],\}]*} ;;
	esac
}
# A field of the VM as a whole: behind those of its vCPUs. As it is written, with its quotes.
vm_field() {
	local all
	all=$(vmmctl -j vm show "$1")
	case $all in *\"$2\":*) ;; *) return ;; esac
	all=${all##*\"$2\":}
	echo "${all%%[],\}]*}"
}
vm_name() { eval "echo $1-\$pid_$1"; }
active() { json_get name "$(vmmctl -j sched show)"; echo "$value"; }

# until each NAME shows that it goes on, within 10 s * SLOW
goes_on() {
	local files= g out
	for g in "$@"; do files="$files $TMP/$g.n"; done
	out=$($D/onward -t $((10000 * SLOW)) $files) || fail "$out $(cat $TMP/*.err)"
}

all_go_on() { goes_on $GUESTS; }

# Ends the guests in good order: each must say that all its output was right.
end_guests() {
	local g st
	for g in $GUESTS; do kill -TERM $(pid_of $g) 2>/dev/null; done
	for g in $GUESTS; do
		wait $(pid_of $g); st=$?
		[ $st = 0 ] || fail "guest $g ended with $st: $(cat $TMP/$g.out $TMP/$g.err)"
	done
	GUESTS=
}

drop_guests() {
	local g
	for g in $GUESTS; do kill -KILL $(pid_of $g) 2>/dev/null; wait $(pid_of $g) 2>/dev/null; done
	GUESTS=
}

# refused WORDS COMMAND...: ends with 1, one line on stderr, with these words in it
refused() {
	local words=$1 st line more
	shift
	"$@" >$TMP/ref.out 2>$TMP/ref.err; st=$?
	[ $st = 1 ] || fail "'$*' ended with $st, not 1: $(cat $TMP/ref.err)"
	{ read -r line && ! read -r more; } <$TMP/ref.err && grep -q "$words" $TMP/ref.err ||
		fail "'$*' said: $(cat $TMP/ref.err)"
}

# Whether a guest does nothing
stands_still() {
	local before now
	before=$(count $1)
	sleep 0.3
	now=$(count $1)
	[ "$before" = "$now" ]
}

# Four guests, one of them mostly asleep: on every pCPU more than one.
four_guests() {
	guest a hash "$@"
	guest b hash "$@"
	guest c hash --byte-io "$@"
	guest s sleeper
	all_go_on
}

# swaps COUNT NAME...: so many changes of scheduler in a row, none of which forces a guest out
swaps() {
	local out
	out=$($D/swapper "$@") || fail "swapper: $out"
	echo "# $out"
	case $out in *" forced=0 "*) ;; *) fail "guests were forced out: $out" ;; esac
}

# In the background, until stop_swaps.
swaps_meanwhile() {
	( while :; do $D/swapper 20 "$@" || exit 1; sleep 0.05; done ) >$TMP/swaps.out 2>&1 &
	swaps_pid=$!
}
stop_swaps() {
	kill -0 $swaps_pid 2>/dev/null || fail "the swapper ended: $(tail -1 $TMP/swaps.out)"
	kill -TERM $swaps_pid; wait $swaps_pid 2>/dev/null
	# The one under way is its child: until it ends, a request may hold a module.
	killall -q -TERM swapper
	while pidof swapper >/dev/null; do sleep 0.05; done
	return 0
}

# No change of scheduler made a guest leave.
none_forced_out() {
	for g in $GUESTS; do
		f=$(vm_field $(vm_name $g) forced_out)
		[ "$f" = 0 ] || fail "guest $g was forced out $f times"
	done
}

no_vms() {
	local i=0
	while [ "$(vmmctl -j vm list)" != "[]" ]; do
		i=$((i + 1))
		[ $i -lt $((50 * SLOW)) ] || fail "VMs that nobody has: $(vmmctl vm list)"
		sleep 0.1
	done
}

# cgroup NAME CONTROLLER...: a group below the root that has these controllers
cgroup() {
	local c name=$1
	shift
	for c in "$@"; do
		grep -qw $c /sys/fs/cgroup/cgroup.controllers 2>/dev/null ||
			skip "no cgroup2 with $c"
		echo +$c >/sys/fs/cgroup/cgroup.subtree_control || fail "cgroup: no $c"
	done
	mkdir -p /sys/fs/cgroup/$name || fail "no cgroup"
	CG=/sys/fs/cgroup/$name
}
leave_cgroup() { pid_of $1 >/sys/fs/cgroup/cgroup.procs; rmdir $CG; }
cpus() { nproc; }
pin() { vmmctl vm set $(vm_name $1) cpus $2 || fail "cannot pin $1 to $2"; }
