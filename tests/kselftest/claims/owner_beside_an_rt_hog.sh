# SPDX-License-Identifier: GPL-2.0
#
# A real-time thread takes a whole pCPU: its owner is off, the others elsewhere go on, and so
# does everybody afterwards.
[ $(nproc) -ge 2 ] || skip "one CPU"
load_all
four_guests
rt=$(cat /proc/sys/kernel/sched_rt_runtime_us)
echo -1 >/proc/sys/kernel/sched_rt_runtime_us
for s in default rr bvt edf; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	pin a 1; pin b 0; pin c 0; pin s 0
	goes_on a
	$D/gatetest hog 1 1500 >$TMP/hog &
	hog=$!
	sleep 0.3
	for g in b c s; do goes_on $g; done
	# without a pin it must get away from there
	vmmctl vm set $(vm_name a) cpus all || fail "unpin"
	wait $hog || { echo $rt >/proc/sys/kernel/sched_rt_runtime_us; fail "hog: $(cat $TMP/hog)"; }
	for g in b c s; do vmmctl vm set $(vm_name $g) cpus all; done
	all_go_on
done
echo $rt >/proc/sys/kernel/sched_rt_runtime_us
end_guests
unload
