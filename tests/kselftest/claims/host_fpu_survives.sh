# SPDX-License-Identifier: GPL-2.0
# smoke
load_all
guest a hash
guest b hash
all_go_on
for s in default bvt; do
	vmmctl sched set $s >/dev/null || fail "no $s"
	$D/gatetest fpu 2; st=$?
	[ $st != 4 ] || skip "no AVX on this processor"
	[ $st = 0 ] || fail "$s: see above"
done
all_go_on
end_guests
unload
