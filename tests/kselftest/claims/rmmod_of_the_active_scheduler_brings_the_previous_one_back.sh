# SPDX-License-Identifier: GPL-2.0
# smoke
load_all
four_guests
vmmctl sched set rr || fail "no rr"
vmmctl sched set bvt || fail "no bvt"
rmmod sched_bvt || fail "the active scheduler does not unload"
[ "$(active)" = rr ] || fail "after bvt not rr is active but $(active)"
all_go_on
rmmod sched_rr || fail "the active scheduler does not unload"
[ "$(active)" = default ] || fail "after rr not default is active but $(active)"
all_go_on
# and back, many times
for i in 1 2 3 4 5 6 7 8 9 10; do
	vmmctl sched load rr && vmmctl sched set rr || fail "time $i: no rr"
	rmmod sched_rr || fail "time $i: the active scheduler does not unload"
done
all_go_on
end_guests
unload
