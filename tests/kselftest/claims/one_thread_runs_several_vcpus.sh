# SPDX-License-Identifier: GPL-2.0
# smoke
load_all
for s in default rr bvt; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	$D/gatetest one-thread || fail "$s: see above"
done
guest a hash
guest b hash
swaps_meanwhile rr bvt default
$D/gatetest one-thread || fail "under swaps: see above"
stop_swaps
all_go_on
end_guests
no_vms
unload
