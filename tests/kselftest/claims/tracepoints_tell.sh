# SPDX-License-Identifier: GPL-2.0
# smoke
T=/sys/kernel/tracing
[ -d $T/events ] || skip "no tracefs"
load_all
[ -d $T/events/vmm ] || skip "this kernel does not trace modules"
guest a hash
guest b hash
guest c hash
all_go_on
vmmctl sched set rr >/dev/null || fail "no rr"
echo 0 >$T/tracing_on
echo >$T/trace
echo 4096 >$T/buffer_size_kb
for e in vmm_sched_pick vmm_sched_swap vmm_sched_request vmm_gate_own; do
	echo 1 >$T/events/vmm/$e/enable || fail "no $e"
done
echo 1 >$T/tracing_on
sleep 0.2
vmmctl sched set bvt >/dev/null || fail "no bvt"
sleep 0.3
echo 0 >$T/tracing_on
echo 0 >$T/events/vmm/enable
cat $T/trace >$TMP/trace
for e in vmm_sched_pick vmm_sched_swap vmm_sched_request vmm_gate_own; do
	grep -q " $e: " $TMP/trace || fail "no $e in the trace"
done
# The swap is traced when all pCPUs have flipped: behind it nobody asks the old one.
awk '/ vmm_sched_swap: /		{ seen = 1 }
     / vmm_sched_pick: .*sched=rr/	{ if (seen) late++; else before++ }
     / vmm_sched_pick: .*sched=bvt/	{ if (seen) after++ }
     END { print "# picks by rr before:", before + 0, "by bvt after:", after + 0, "by rr after:", late + 0
	   exit !(before && after && !late && seen) }' $TMP/trace || fail "$(grep -n -B3 -A3 vmm_sched_swap: $TMP/trace)"
# entry and exit, for a moment
echo >$T/trace
echo 1 >$T/events/vmm/vmm_entry/enable
echo 1 >$T/events/vmm/vmm_exit/enable
echo 1 >$T/tracing_on
sleep 0.05
echo 0 >$T/tracing_on
echo 0 >$T/events/vmm/enable
grep -q ' vmm_entry: ' $T/trace && grep -q ' vmm_exit: ' $T/trace || fail "no entry and exit in the trace"
echo >$T/trace
all_go_on
end_guests
unload
