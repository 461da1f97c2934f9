# SPDX-License-Identifier: GPL-2.0
#
[ "$(cpus)" -ge 2 ] || skip "one CPU cannot be split"
load_all
four_guests
n=50
[ $SLOW -lt 4 ] || n=15

pool_get() { json_get $2 "$(vmmctl -j pool show $1)"; echo "$value"; }
sched_of() { json_get name "$(vmmctl -j sched show --pool $1)"; echo "$value"; }
swaps_of() { pool_get $1 swaps; }
worst=0 forced=0
move() { # GUEST POOL
	local out
	out=$(vmmctl -j vm set $(vm_name $1) pool $2) || fail "$1 to $2: $out"
	json_get vcpu_pause_max_ns "$out"
	[ $value -le $worst ] || worst=$value
	json_get forced_out "$out"
	forced=$((forced + value))
}

vmmctl sched set rr >/dev/null || fail "no rr"
vmmctl pool add side cpus 1 sched bvt || fail "no pool"
vmmctl sched set bvt --pool side --set ctx_allow=2ms >/dev/null || fail "no parameter"
[ "$(sched_of 0)" = rr ] && [ "$(sched_of side)" = bvt ] || fail "$(vmmctl pool list)"
vmmctl -j pcpu list | grep -q '"id":1,"online":true,"pool":"side"' || fail "$(vmmctl pcpu list)"
[ "$(pool_get pool0 cpus)" = 0 ] || fail "$(vmmctl pool list)"
all_go_on

# What is refused says why, and nothing has changed.
refused "there is a pool of that name" vmmctl pool add side cpus 0
refused "pool 0 has to keep a CPU" vmmctl pool add all cpus 0-1
refused "no scheduler of that name" vmmctl pool add x sched nothing
refused "pool 0 always exists" vmmctl pool del 0
refused "there is no such pool" vmmctl vm set $(vm_name a) pool nowhere
refused "there is no such pool" vmmctl sched set rr --pool nowhere
refused "there is no such VM" vmmctl vm set nobody pool side

# What is set on it goes with it, and comes back with it.
vmmctl vm set $(vm_name a) weight 512 cap 150 quantum 4ms cpus 0 time-critical on || fail "set"
move a side
goes_on a
refused "there are VMs in it" vmmctl pool del side
refused "the last online CPU" vmmctl pool set side cpus none
vmmctl vm set $(vm_name a) warp 5ms || fail "bvt's parameter is not known in its pool"
out=$(vmmctl -j vm show $(vm_name a))
for s in '"pool":"side"' '"weight":512' '"cap":150' '"quantum_ns":4000000' '"cpus":"0"' \
	'"time_critical":true' '"warp":5000000'; do
	case $out in *"$s"*) ;; *) fail "no $s: $out" ;; esac
done
move a pool0
out=$(vmmctl -j vm show $(vm_name a))
case $out in *'"weight":512,"cap":150,"quantum_ns":4000000,"cpus":"0","time_critical":true'*) ;; *) fail "$out" ;; esac
vmmctl vm set $(vm_name a) weight 256 cap none quantum default cpus all time-critical off || fail "set"

# Back and forth under load, and under changes of pool 0's scheduler.
i=0
while [ $i -lt $n ]; do
	[ $i != $((n - 10)) ] || swaps_meanwhile default rr
	case $((i % 4)) in 0) g=a ;; 1) g=b ;; 2) g=c ;; *) g=s ;; esac
	[ $((i / 4 % 2)) = 0 ] && to=side || to=pool0
	move $g $to
	i=$((i + 1))
	[ $((i % 12)) != 0 ] || all_go_on
done
stop_swaps
all_go_on
echo "# $n moves of running VMs: longest pause of a vCPU $worst ns, $forced forced out"
vmmctl sched set rr >/dev/null
for g in a b; do move $g side; done
for g in c s; do move $g 0; done

# A CPU that goes and comes back is in its pool, and so is its scheduler.
online=/sys/devices/system/cpu/cpu1/online
for i in 1 2; do
	echo 0 >$online || fail "CPU 1 does not go offline"
	goes_on c s
	stands_still a || fail "a runs, but the only CPU of its pool is offline"
	refused "no CPU that is online" vmmctl vm set $(vm_name c) pool side
	echo 1 >$online || fail "CPU 1 does not come back"
	all_go_on
	[ "$(sched_of side)" = bvt ] && [ "$(pool_get side cpus)" = 1 ] ||
		fail "$(vmmctl pool list)"
done

# The CPUs change hands: CPU 0 too can leave pool 0.
vmmctl pool add third || fail "no third pool"
vmmctl pool set third name spare || fail "no other name"
refused "the last online CPU" vmmctl pool set spare cpus 1
for g in a b; do move $g 0; done
vmmctl pool set 0 cpus 0-1 || fail "CPU 1 does not go to pool 0"
vmmctl pool set side cpus 0 || fail "CPU 0 does not leave pool 0"
for g in a b; do move $g side; done
all_go_on
vmmctl pool del spare || fail "spare is not deleted"

# What happens to a scheduler in one pool is nothing to the other.
swaps=$(swaps_of 0)
vmmctl sched set rr --pool side >/dev/null || fail "swap"
refused "other pools use it" vmmctl sched set bvt --policy unload-after
vmmctl sched set bvt --pool side >/dev/null || fail "swap"
rmmod sched_bvt || fail "bvt does not unload"
[ "$(sched_of side)" = rr ] || fail "after bvt not rr decides in pool side: $(vmmctl pool list)"
[ "$(sched_of 0)" = rr ] && [ "$(swaps_of 0)" = "$swaps" ] || fail "pool 0 was touched"
all_go_on
# Nor is what one does wrong there: the watchdog of that pool looks, also after VMs that moved in.
KIND=/sys/module/sched_bad/parameters/kind
if modprobe sched_bad 2>/dev/null; then
	vmmctl sched watchdog $((200 * SLOW))ms || fail "no watchdog"
	vmmctl sched set bad --pool side >/dev/null || fail "bad is refused"
	echo never >$KIND
	i=0
	while [ "$(sched_of side)" = bad ] && [ $i -lt $((100 * SLOW)) ]; do sleep 0.05; i=$((i + 1)); done
	[ "$(sched_of side)" = rr ] || fail "it picks nobody in pool side, and stays"
	vmmctl sched show --last-exit --pool side | grep -q stalled || fail "no record in pool side"
	refused "no scheduler has been thrown out" vmmctl sched show --last-exit
	[ "$(swaps_of 0)" = "$swaps" ] || fail "pool 0 was touched"
	vmmctl sched watchdog 1s && rmmod sched_bad || fail "rmmod sched_bad"
	all_go_on
fi
for g in a b; do move $g 0; done
vmmctl pool del side || fail "side is not deleted"
[ "$(pool_get 0 cpus)" = 0-1 ] || fail "$(vmmctl pool list)"
all_go_on
end_guests
no_vms
unload
