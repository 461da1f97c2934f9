# SPDX-License-Identifier: GPL-2.0
#
load_all
cgroup frozen
four_guests
echo $(pid_of a) >$CG/cgroup.procs || fail "cannot move"
for s in rr bvt edf default; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	echo 1 >$CG/cgroup.freeze
	sleep 0.2
	stands_still a || fail "$s: a frozen guest goes on"
	for g in b c s; do goes_on $g; done
	echo 0 >$CG/cgroup.freeze
	goes_on a
done
leave_cgroup a
end_guests
unload
