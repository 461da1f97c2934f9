# SPDX-License-Identifier: GPL-2.0
# smoke
load
guest a hash
goes_on a
echo "no module" >$TMP/sched_x.ko
refused "no module for this kernel" vmmctl sched load $TMP/sched_x.ko
# A real module cut short.
ko=$(find /lib/modules -name sched_rr.ko | head -1)
head -c 3000 $ko >$TMP/sched_y.ko
refused "no module for this kernel\|no such module\|not a whole" vmmctl sched load $TMP/sched_y.ko
refused "there is no such file" vmmctl sched load $TMP/sched_z.ko
[ "$(active)" = default ] || fail "$(active) is active, not default"
vmmctl sched list | grep -q "^[xyz] " && fail "it is listed"
goes_on a
end_guests
unload
