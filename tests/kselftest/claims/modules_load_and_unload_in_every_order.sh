# SPDX-License-Identifier: GPL-2.0
# smoke
for order in "sched_iface sched_rr sched_bvt sched_credit vmm_core" "vmm_core sched_bvt sched_credit sched_rr" \
	"sched_credit sched_bvt vmm_core sched_rr" "sched_rr sched_bvt vmm_core sched_credit"; do
	for m in $order; do modprobe $m || fail "$m does not load ($order)"; done
	for m in sched_iface sched_rr sched_bvt sched_credit vmm_core; do
		[ -d /sys/module/$m ] || fail "$m is not there ($order)"
	done
	# away again: as they came, and the other way round, but sched_iface last
	for m in $order; do [ $m = sched_iface ] || rmmod $m || fail "$m does not unload ($order)"; done
	rmmod sched_iface || fail "sched_iface does not unload ($order)"
	[ ! -e /dev/vmm ] || fail "/dev/vmm is still there"
done
modprobe -a vmm_core sched_rr sched_bvt sched_credit
rmmod sched_credit && rmmod sched_bvt && rmmod sched_rr && rmmod vmm_core && rmmod sched_iface ||
	fail "not unloaded in the order of the last come"
# again and again
for i in 1 2 3 4 5; do
	load
	rmmod vmm_core && rmmod sched_iface || fail "time $i: does not unload"
done
