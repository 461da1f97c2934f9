# SPDX-License-Identifier: GPL-2.0
# smoke
[ $(nproc) -ge 2 ] || skip "one CPU"
load_all
guest a hash
WRAP="taskset 2"
guest b hash
WRAP=
all_go_on
where() { sed 's/.*) //' /proc/$(pid_of $1)/stat | cut -d' ' -f37; }
for s in default rr bvt; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	# what the user wished with taskset holds
	for i in 1 2 3 4 5; do
		[ "$(where b)" = 1 ] || fail "$s: b runs on CPU $(where b), its mask is CPU 1"
		sleep 0.02
	done
	for cpu in 0 1; do
		pin a $cpu
		goes_on a
		sleep 0.1
		for i in 1 2 3 4 5; do
			[ "$(where a)" = $cpu ] || fail "$s: a runs on CPU $(where a), pinned to $cpu"
			sleep 0.02
		done
	done
	vmmctl vm set $(vm_name a) cpus all || fail "unpin"
	all_go_on
done
# A new wish while it runs. (One that is exactly the pCPU at which the thread happens to be kept
# just then cannot be told from our own; b is at CPU 1.)
taskset -p 1 $(pid_of b) >/dev/null
goes_on b
sleep 0.2
[ "$(where b)" = 0 ] || fail "b runs on CPU $(where b), its new mask is CPU 0"
taskset -p 3 $(pid_of b) >/dev/null
goes_on b
end_guests
# Given back: a thread that has left its vCPU has the mask that it came with.
$D/gatetest affinity || fail "see above"
unload
