# SPDX-License-Identifier: GPL-2.0
# smoke
load
vmmctl -j monitor >$TMP/events 2>&1 &
mon=$!
sleep $(((SLOW + 2) / 3))
vmmctl sched load rr || fail "rr"
guest a hash
goes_on a
a=$(vm_name a)
vmmctl sched set rr >/dev/null || fail "set"
end_guests
rmmod sched_rr
sleep $(((SLOW + 2) / 3))
kill -INT $mon; wait $mon
cat $TMP/events
line() { grep -n "$1" $TMP/events | head -1 | cut -d: -f1; }
[ -n "$(line "\"sched-loaded\".*\"rr\"")" ] || fail "no event for the load"
[ -n "$(line "\"vm-created\"")" ] || fail "no event for the VM"
[ -n "$(line "\"sched-activated\".*\"request\".*\"pause_max_ticks\"")" ] || fail "no event for the swap"
[ -n "$(line "\"vm-ended\".*\"$a\"")" ] || fail "no event for the end of $a"
[ -n "$(line "\"sched-activated\".*\"unload\"")" ] || fail "no event for the fallback"
[ -n "$(line "\"sched-removed\".*\"rr\"")" ] || fail "no event for the removal"
[ $(line '"vm-created"') -lt $(line '"vm-ended"') ] || fail "wrong order"
