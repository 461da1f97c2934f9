# SPDX-License-Identifier: GPL-2.0
# smoke
load_all
guest a hash
guest b hash
for s in default rr bvt; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	$D/gatetest hand-over || fail "$s: see above"
	$D/gatetest contend || fail "$s: see above"
done
swaps_meanwhile rr bvt default
$D/gatetest hand-over && $D/gatetest contend || fail "under swaps: see above"
stop_swaps
all_go_on
end_guests
no_vms
unload
