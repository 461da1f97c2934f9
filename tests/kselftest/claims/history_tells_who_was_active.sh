# SPDX-License-Identifier: GPL-2.0
# smoke
# The history names everybody who was active, with how often and why it ended, in the order
# in which they take over; what is unloaded stays in it. Back and forth by sched back.
load_all
guest a hash
guest b hash
all_go_on
# "NAME STATE NEXT TIMES ENDED-BY" of each line, one after the other
history() {
	vmmctl sched history | awk 'NR > 1 { printf "%s%s %s %s %s %s", (NR > 2 ? ", " : ""), $1, $2, $3, $4, $8 }'
}
history_is() { [ "$(history)" = "$1" ] || fail "the history is '$(history)', not '$1'"; }
history_is "default active - 1 -"
refused "no scheduler was active before" vmmctl sched back
vmmctl sched set rr >/dev/null && vmmctl sched set bvt --set ctx_allow=3ms >/dev/null || fail "sched set"
history_is "bvt active - 1 -, rr loaded 1 1 request, default loaded 2 1 request"
# Back and forth while the other stays loaded; parameters come back too.
for i in 1 2 3; do
	vmmctl sched back >/dev/null && [ "$(active)" = rr ] || fail "back to rr: $(active) is active"
	vmmctl sched back >/dev/null && [ "$(active)" = bvt ] || fail "back to bvt: $(active) is active"
done
vmmctl sched show | grep -q 'ctx_allow = 3' || fail "it came back with: $(vmmctl sched show)"
vmmctl sched back --mode cease --timeout $((2 * SLOW))s | grep -q ceased || fail "back by cease"
vmmctl sched back --set ctx_allow=4ms >/dev/null || fail "back with a parameter"
vmmctl sched show | grep -q 'ctx_allow = 4' || fail "--set does not win: $(vmmctl sched show)"
history_is "bvt active - 5 -, rr loaded 1 5 request, default loaded 2 1 request"
vmmctl sched set edf >/dev/null || fail "no edf"
history_is "edf active - 1 -, bvt loaded 1 5 request, rr loaded 2 5 request, default loaded 3 1 request"
all_go_on
# Unloading, from the top and from the middle.
rmmod sched_edf || fail "edf does not unload"
history_is "bvt active - 6 -, edf unloaded - 1 unload, rr loaded 1 5 request, default loaded 2 1 request"
vmmctl sched show | grep -q 'ctx_allow = 4' || fail "taking over it has: $(vmmctl sched show)"
rmmod sched_rr || fail "rr does not unload"
history_is "bvt active - 6 -, edf unloaded - 1 unload, rr unloaded - 5 request, default loaded 1 1 request"
rmmod sched_bvt || fail "bvt does not unload"
history_is "default active - 2 -, bvt unloaded - 6 unload, edf unloaded - 1 unload, rr unloaded - 5 request"
refused "no scheduler was active before" vmmctl sched back
vmmctl sched load rr && vmmctl sched set rr >/dev/null || fail "rr again"
history_is "rr active - 6 -, bvt unloaded - 6 unload, edf unloaded - 1 unload, default loaded 1 2 request"
# Times agree with each other, and with the clock.
vmmctl -j sched history | tr '{}' '\n\n' | awk -F'"total_ns":' 'NF > 1 { sub(/,.*/, "", $2); s += $2 } END { printf "%d\n", s / 1000000 }' >$TMP/total
for i in "$(vmmctl -j sched history | grep -o '"name":"rr"[^}]*')"; do
	echo "$i" | grep -q '"began_ago_ns"' || fail "rr never began: $i"
	echo "$i" | grep -q '"ended_ago_ns"' && fail "rr ended: $i"
done
up=$(($(cut -d. -f1 /proc/uptime) * 1000))
[ $(cat $TMP/total) -gt 100 ] && [ $(cat $TMP/total) -le $((up + 1000)) ] ||
	fail "all together were active for $(cat $TMP/total) ms, the machine is up for $up"
all_go_on
end_guests
unload
