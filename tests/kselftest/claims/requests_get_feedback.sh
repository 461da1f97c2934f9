# SPDX-License-Identifier: GPL-2.0
#
# Whoever asks for a decision is told what became of it: the timer (trace), the service side, a guest.
T=/sys/kernel/tracing
load_all
# Where leaving the guest takes long, each is to want the CPU for longer before it does: for a
# yield one has to own it while the other waits. And who asks is not to push them away.
rounds=1 P=/sys/module/sched_iface/parameters
if [ $SLOW -ge 4 ]; then
	rounds=20 WRAP=env
	echo $((200 * SLOW)) >$P/offer_us; echo $((100 * SLOW)) >$P/loan_us
fi
guest a hash --rounds $rounds
guest b hash --rounds $rounds
[ $SLOW -lt 4 ] || taskset -p 2 $$ >/dev/null || fail "taskset"
all_go_on
a=$(vm_name a) b=$(vm_name b)
# ask REQUEST...: $out is the answer, $value its result
ask() { out=$(vmmctl -j "$@"); json_get result "$out"; }
vmmctl vm set $a cpus 0 && vmmctl vm set $b cpus 0 || fail "cannot pin"
trace() { [ -d $T/events/vmm/vmm_sched_request ] && echo "$1" >$T/events/vmm/vmm_sched_request/enable; }
# What is looked for comes early: all that follows has to fit too.
[ ! -d $T/events/vmm ] || echo 8192 >$T/buffer_size_kb
trace 1
scheds="default rr bvt edf" yields=3
# Some hundred programs are started for each.
[ $SLOW -lt 4 ] || { scheds="rr edf"; yields=1; }
for s in $scheds; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	all_go_on
	# pause: out at once, the other goes on, twice is once
	ask vcpu pause $a 0 && [ "$value" = done ] || fail "$s: pause: $out"
	json_get took_ns "$out"
	echo "# $s: out after $value ns"
	stands_still a || fail "$s: a paused vCPU goes on"
	goes_on b
	ask vcpu pause $a 0
	[ "$value" = already ] || fail "$s: a second pause: $out"
	out=$(vmmctl -j vcpu show $a 0)
	case $out in *'"paused":"itself"'*) ;; *) fail "$s: it does not show: $out" ;; esac
	json_get wait_ns "$out" || fail "$s: no wait_ns: $out"
	w0=$value; sleep 0.1
	json_get wait_ns "$(vmmctl -j vcpu show $a 0)"
	[ "$w0" = "$value" ] || fail "$s: a pause counts as waiting: $w0, then $value"
	refused "paused" vmmctl vcpu yield $a 0
	# (the other one may be out of budget, or on its way to user space and back)
	refused "paused\|owns no\|not runnable" vmmctl vcpu yield $b 0 to $a 0
	refused "paused" vmmctl vcpu boost $a 0
	# with nobody else there: an owner keeps its CPU
	refused "nobody waits\|owns no\|not runnable" vmmctl vcpu yield $b 0
	ask vcpu resume $a 0 && [ "$value" = done ] || fail "$s: resume: $out"
	goes_on a
	# yield: one of the two owns the CPU; the other is next
	n=0 done=0 said=
	while [ $n -lt 40 ] && [ $done -lt $yields ]; do
		ask vcpu yield $a 0
		said="$said $value"
		case $value in
		# (edf may have nobody to give it to: who has spent its budget is held back)
		done)	json_get next_name "$out"
			[ "$value" = $b ] || [ $s = edf -a -z "$value" ] || fail "$s: $out"
			json_get weight "$out"
			[ "$value" = 256 ] || fail "$s: $out"
			done=$((done + 1)) ;;
		not_owner | not_runnable | not_chosen | nobody_waits) ;;
		*)	fail "$s: yield: $out" ;;
		esac
		n=$((n + 1))
	done
	# edf goes by the ends of periods alone: whoever yields may be the next one again
	case $s$said in edf*not_chosen*) done=1 ;; esac
	[ $done -ge 1 ] || fail "$s: no yield was done: $said"
	ask vcpu boost $b 0 100ms
	case $value in d* | n*) ;; *) fail "$s: boost: $out" ;; esac
done
# the pause outlives a change of scheduler, in both modes, and a VM stops as a whole
vmmctl vm pause $a >/dev/null || fail "vm pause"
for m in live cease; do
	vmmctl sched set rr --mode $m >/dev/null && vmmctl sched set bvt --mode $m >/dev/null ||
		fail "no change in mode $m"
	stands_still a || fail "$m: a paused VM goes on"
	goes_on b
done
vmmctl vcpu pause $a 0 >/dev/null && refused "paused" vmmctl vm resume $a
vmmctl vcpu resume $a 0 >/dev/null || fail "resume"
goes_on a
# who asks for what is not there, or may not ask, is told
refused "no such VM" vmmctl vcpu pause nobody 0
refused "no vCPU" vmmctl vcpu pause $a 7
refused "itself" vmmctl vcpu yield $a 0 to $a 0
refused "10s" vmmctl vcpu boost $a 0 11s
refused "no VM" vmmctl vcpu yield $a 0 to nobody 0
if [ -d $T/events/vmm/vmm_sched_request ]; then
	trace 0
	cat $T/trace >$TMP/trace
	for by in "why=slice by=timer answer=done" "why=ask-pause by=service answer=done" \
		  "why=ask-pause by=service answer=already" "why=ask-yield by=service answer=paused" \
		  "why=ask-resume by=service answer=done"; do
		grep -q "$by" $TMP/trace || fail "no '$by' in the trace"
	done
fi
# a guest asks: its own calls, and one that gives its turn away shows in the trace
vmmctl sched set default >/dev/null || fail "no default"
vmmctl vm pause $a >/dev/null && vmmctl vm pause $b >/dev/null || fail "pause"
[ ! -d $T/events/vmm ] || echo >$T/trace
trace 1
$D/calltest >$TMP/calls 2>&1 || fail "calltest: $(grep -v '^ok' $TMP/calls)"
sed -n 's/^# ticks: /# /p' $TMP/calls
if [ -d $T/events/vmm/vmm_sched_request ]; then
	trace 0
	for by in "why=ask-yield by=guest answer=done" "why=ask-wait by=guest answer=time_over" \
		  "why=ask-wait by=guest answer=done" "why=ask-critical by=guest answer=forbidden"; do
		grep -q "$by" $T/trace || fail "no '$by' in the trace"
	done
	echo >$T/trace
fi
vmmctl vm resume $a >/dev/null && vmmctl vm resume $b >/dev/null || fail "resume"
all_go_on
# paused ones can be killed, and end with their VM
vmmctl vm pause $a >/dev/null || fail "pause"
kill -KILL $(pid_of a); wait $(pid_of a) 2>/dev/null
GUESTS=b
goes_on b
end_guests
no_vms
unload
