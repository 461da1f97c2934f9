# SPDX-License-Identifier: GPL-2.0
#
[ -e /sys/devices/system/cpu/cpu1/online ] || skip "no CPU can go offline"
load_all
four_guests
pin a 1
online=/sys/devices/system/cpu/cpu1/online
for s in default rr bvt edf; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	echo 0 >$online || fail "CPU 1 does not go offline"
	vmmctl -j pcpu list | grep -q '"online":false' || fail "pcpu list does not say so: $(vmmctl pcpu list)"
	# a's only pCPU is gone: it runs anywhere until it returns
	all_go_on
	refused "none of these CPUs is online" vmmctl vm set $(vm_name b) cpus 1
	echo 1 >$online || fail "CPU 1 does not come back"
	all_go_on
done
swaps_meanwhile rr bvt default
for i in 1 2 3; do
	echo 0 >$online && sleep 0.1 && echo 1 >$online || fail "not under swaps"
	all_go_on
done
stop_swaps
# once more from the start: VMX on a CPU that was not there when the module came
end_guests
unload
echo 0 >$online
load
guest d hash
goes_on d
echo 1 >$online
pin d 1
goes_on d
sleep 0.2
at=$(sed 's/.*) //' /proc/$(pid_of d)/stat | cut -d' ' -f37)
[ "$at" = 1 ] || fail "d runs on CPU $at"
end_guests
unload
