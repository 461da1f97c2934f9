# SPDX-License-Identifier: GPL-2.0
# smoke
load_all
guest a hash
goes_on a
vmmctl sched set rr || fail "no rr"
refused "no scheduler of that name" vmmctl sched set no_such
[ "$(active)" = rr ] || fail "$(active) is active, not rr"
refused "no such module" vmmctl sched load no_such
goes_on a
end_guests
unload
