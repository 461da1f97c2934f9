# SPDX-License-Identifier: GPL-2.0
#
[ $(nproc) -ge 2 ] || skip "one CPU"
load_all
cgroup set cpuset
echo 0 >$CG/cpuset.cpus
four_guests
for s in default bvt; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	for cpu in 0 1 0; do
		echo $cpu >$CG/cpuset.cpus || fail "cpuset"
		echo $(pid_of a) >$CG/cgroup.procs || fail "cannot move"
		goes_on a
		# Never outside of the set, whatever the scheduler wanted.
		for i in 1 2 3 4 5; do
			at=$(sed 's/.*) //' /proc/$(pid_of a)/stat | cut -d' ' -f37)
			[ "$at" = $cpu ] || fail "$s: it runs on CPU $at, the cpuset has $cpu"
			sleep 0.02
		done
	done
	echo $(pid_of a) >/sys/fs/cgroup/cgroup.procs
	all_go_on
done
rmdir $CG
end_guests
unload
