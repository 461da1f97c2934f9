# SPDX-License-Identifier: GPL-2.0
#
# cpu.max of 10 per cent: the guest gets about that, the others the rest, nobody stops.
load_all
cgroup throttled cpu
four_guests
echo $(pid_of a) >$CG/cgroup.procs || fail "cannot move"
echo "10000 100000" >$CG/cpu.max || fail "no cpu.max"
for s in default rr bvt edf; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	all_go_on
done
u0=$(sed -n 's/^usage_usec //p' $CG/cpu.stat); n0=$(count b)
sleep 2
u1=$(sed -n 's/^usage_usec //p' $CG/cpu.stat)
echo "# used $((u1 - u0)) us in 2 s"
[ $((u1 - u0)) -le 400000 ] || fail "a guest with cpu.max 10 per cent used $((u1 - u0)) us of 2 s"
[ "$(sed -n 's/^nr_throttled //p' $CG/cpu.stat)" -gt 0 ] || fail "it was never throttled"
all_go_on
echo "max 100000" >$CG/cpu.max
leave_cgroup a
all_go_on
end_guests
unload
