// SPDX-License-Identifier: GPL-2.0
/*
 * vmm_kunit: the suites of the project in one module. Loading it runs them, all
 * or those that vmm_kunit_choice was told; results are in the kernel log and in
 * /sys/kernel/debug/kunit.
 */
#include <linux/module.h>

/* vmm_sched_ops tests them by name. */
MODULE_SOFTDEP("pre: vmm_kunit_choice sched_rr sched_bvt sched_credit sched_edf");
MODULE_DESCRIPTION("KUnit tests of the hypervisor");
MODULE_LICENSE("GPL");
