# SPDX-License-Identifier: GPL-2.0
#
load_all
four_guests
n=30
[ $SLOW -lt 4 ] || n=6
i=0
while [ $i -lt $n ]; do
	case $((i % 5)) in 0) s=rr ;; 1) s=bvt ;; 2) s=credit ;; 3) s=edf ;; *) s=default ;; esac
	out=$(vmmctl -j sched set $s --mode cease --timeout $((2 * SLOW))s) || fail "$s: $out"
	case $out in *'"mode":"cease"'*) ;; *) fail "not ceased: $out" ;; esac
	case $out in *'"running":0'*) ;; *) fail "somebody ran on: $out" ;; esac
	case $out in *'"vcpu_pause_max_ticks":0,'*) fail "nobody was kept out: $out" ;; esac
	i=$((i + 1))
	[ $((i % 6)) != 0 ] || all_go_on
done
vmmctl sched set rr --mode cease >/dev/null || fail "rr"
# Live ones and ceased ones in turn, from two requesters at once.
swaps_meanwhile rr bvt
for i in 1 2 3; do
	vmmctl sched set default --mode cease --timeout $((2 * SLOW))s >/dev/null || fail "beside live changes"
done
all_go_on
stop_swaps
end_guests

# An owner that the host keeps off its CPU does not come out: the old one stays, and says so.
vmmctl sched set rr >/dev/null
cgroup t cpu
echo "$((10000 * SLOW)) 1000000" >$CG/cpu.max
guest t hash
all_go_on
echo $(pid_of t) >$CG/cgroup.procs
refused=0 i=0
while [ $refused = 0 ] && [ $i -lt 20 ]; do
	i=$((i + 1))
	if ! vmmctl sched set bvt --mode cease --timeout 20ms >$TMP/cease 2>&1; then
		refused=1
		grep -q "did not come out in time" $TMP/cease || fail "$(cat $TMP/cease)"
		[ "$(active)" = rr ] || fail "refused, but $(active) is active"
	else
		vmmctl sched set rr >/dev/null
	fi
done
[ $refused = 1 ] || fail "a throttled owner came out each time"
echo max >$CG/cpu.max
goes_on t
vmmctl sched set bvt --mode cease --timeout $((2 * SLOW))s || fail "afterwards"
echo $(pid_of t) >/sys/fs/cgroup/cgroup.procs
goes_on t
rmdir $CG
kill -TERM $(pid_of t); wait $(pid_of t) || fail "guest t: $(cat $TMP/t.err)"
unload
