# SPDX-License-Identifier: GPL-2.0
# options: --reset-ok
# INIT is blocked while VMX is on: a machine that is rebooted with it would hang.
load_all
four_guests
vmmctl sched set bvt || fail "no bvt"
goes_on a
echo "rebooting"
reboot -f
sleep 10
fail "still here"
