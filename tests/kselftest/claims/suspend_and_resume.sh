# SPDX-License-Identifier: GPL-2.0
#
# The dry run down to the last level: devices, other CPUs off, syscore.
[ -e /sys/power/pm_test ] || skip "this kernel has no pm_test"
grep -qw core /sys/power/pm_test || skip "pm_test without core"
grep -qw "freeze\|mem\|standby" /sys/power/state || skip "no suspend here: $(cat /sys/power/state)"
load_all
four_guests
vmmctl sched set bvt || fail "no bvt"
for level in processors core; do
	echo $level >/sys/power/pm_test
	state=freeze
	for s in standby mem; do grep -qw $s /sys/power/state && state=$s; done
	[ $state != mem ] || grep -qw "deep\|shallow" /sys/power/mem_sleep || state=freeze
	[ $state != freeze ] || skip "only suspend to idle here, which keeps the CPUs"
	[ ! -e /sys/module/suspend/parameters/pm_test_delay ] ||
		echo 1 >/sys/module/suspend/parameters/pm_test_delay
	echo $state >/sys/power/state || fail "$level: no suspend"
	all_go_on
done
echo none >/sys/power/pm_test
end_guests
unload
