# SPDX-License-Identifier: GPL-2.0
# options: --reset-ok
# Without shutdown: the CPUs, some of them in guests, are stopped by NMIs and must leave VMX then.
load_all
four_guests
vmmctl sched set bvt || fail "no bvt"
goes_on a
echo "rebooting"
echo b >/proc/sysrq-trigger
sleep 10
fail "still here"
