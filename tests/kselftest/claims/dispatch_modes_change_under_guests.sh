# SPDX-License-Identifier: GPL-2.0
# smoke
load_all
[ "$(vmmctl sched dispatch)" = $DISPATCH ] || fail "dispatch is by $(vmmctl sched dispatch) at first, not $DISPATCH"
four_guests
n=31	# the next part begins with another one than this ends with
[ $SLOW -lt 4 ] || n=4
for mode in id patch ops patch id ops; do
	vmmctl sched dispatch $mode || fail "the mode is not taken"
	[ "$(vmmctl sched dispatch)" = $mode ] || fail "it is $(vmmctl sched dispatch), not $mode"
	swaps $n rr bvt credit edf default
	all_go_on
done
# With the change request, and through the removal of the scheduler whose addresses are in the code.
vmmctl sched set bvt --dispatch patch || fail "set --dispatch"
all_go_on
rmmod sched_bvt || fail "sched_bvt does not unload"
[ "$(vmmctl sched dispatch)" = patch ] || fail "the mode was lost with the scheduler"
all_go_on
vmmctl sched dispatch often 2>/dev/null && fail "there is no mode 'often'"
none_forced_out
end_guests
no_vms
unload
