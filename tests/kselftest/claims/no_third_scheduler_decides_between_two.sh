# SPDX-License-Identifier: GPL-2.0
#
# From A to B on the same pCPUs: the tracepoints of every decision name A and then B on
# each pCPU, and nobody else, neither the default nor the interface itself; live and cease.
T=/sys/kernel/tracing
[ -d $T/events ] || skip "no tracefs"
load_all
[ -d $T/events/vmm ] || skip "this kernel does not trace modules"
four_guests
vmmctl sched set rr >/dev/null || fail "no rr"
I=$T/instances/claim
mkdir $I || fail "no trace instance"
echo mono >$I/trace_clock
echo 4096 >$I/buffer_size_kb
for e in vmm_sched_pick vmm_swap_flip_begin vmm_swap_flip_end vmm_sched_breach; do
	echo 1 >$I/events/vmm/$e/enable || fail "no $e"
done
# Each of them is to decide on both pCPUs, also where a program keeps the guests off one for long.
wait=0.2
[ $SLOW -lt 4 ] || { wait=1; pin a 0; pin b 0; pin c 1; pin s 1; }
want=rr
sleep $wait
for to in "bvt" "credit --mode cease" "edf" "rr --mode cease" "credit" "bvt --mode cease"; do
	vmmctl sched set $to --timeout $((2 * SLOW))s >/dev/null || fail "no $to"
	want="$want ${to%% *}"
	sleep $wait
done
echo 0 >$I/tracing_on
cat $I/trace >$TMP/trace
lost=$(cat $I/per_cpu/cpu*/stats | awk '/^overrun/ { n += $2 } END { print n + 0 }')
rmdir $I
[ "$lost" = 0 ] || fail "$lost events did not fit the buffer"
# For each pCPU: who picked, one after the other, and who was in charge by the flips.
awk -v want="$want" '
function pcpu_of(i) { for (i = 1; i <= NF; i++) if ($i ~ /^pcpu=/) return substr($i, 6) }
function value(key, i) { for (i = 1; i <= NF; i++) if (index($i, key "=") == 1) return substr($i, length(key) + 2) }
/ vmm_sched_breach: /		{ print "a breach: " $0; bad = 1 }
/ vmm_sched_pick: /		{ p = pcpu_of(); s = value("sched"); picks[p]++
				  if (open[p]) { print "a pick in the midst of a flip: " $0; bad = 1 }
				  if (s != last[p]) { by[p] = by[p] (by[p] ? " " : "") s; last[p] = s } }
/ vmm_swap_flip_begin: /	{ p = pcpu_of(); open[p] = 1; flips[p]++ }
/ vmm_swap_flip_end: /		{ p = pcpu_of(); open[p] = 0 }
END { n = 0
      for (p in by) {
	n++
	print "# pCPU " p ": " picks[p] " picks, " flips[p] " flips, by " by[p]
	if (by[p] != want) { print "pCPU " p " was decided by: " by[p] ", not: " want; bad = 1 }
	if (flips[p] != 6) { print "pCPU " p " flipped " flips[p] " times"; bad = 1 }
      }
      if (!n) { print "no pick in the trace"; bad = 1 }
      exit bad }' $TMP/trace >$TMP/result || fail "$(cat $TMP/result)"
cat $TMP/result
all_go_on
end_guests
unload
