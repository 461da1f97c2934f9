// SPDX-License-Identifier: GPL-2.0
/*
 * vmm_conform_args: what vmm_conform is told. KUnit of 6.1 runs a module's suites
 * before the module's own parameters are read, so they are those of another one,
 * which is loaded before.
 *
 * What a scheduler claims (VMM_SCHED_CLAIM) comes as parameters: the module
 * loader does not keep it.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include "args.h"

struct conform_args conform_args = {
	.sched		= "",
	.weights	= "proportional",
	.idles		= "no",
	.share_error	= 5,
	.wake_ms	= 1000,
	.set		= "",
	.set_vm		= "",
	.only		= "",
};
EXPORT_SYMBOL_GPL(conform_args);

module_param_named(sched, conform_args.sched, charp, 0444);
MODULE_PARM_DESC(sched, "name of the scheduler to test; it is loaded");
module_param_named(weights, conform_args.weights, charp, 0444);
MODULE_PARM_DESC(weights, "what they do there: proportional (default) or ignored");
module_param_named(idles, conform_args.idles, charp, 0444);
MODULE_PARM_DESC(idles, "yes: it may leave a pCPU free although somebody could run there (no)");
module_param_named(share_error, conform_args.share_error, uint, 0444);
MODULE_PARM_DESC(share_error, "its shares are right to within so many per cent (5)");
module_param_named(wake_ms, conform_args.wake_ms, uint, 0444);
MODULE_PARM_DESC(wake_ms, "who wakes up runs within so many ms (1000)");
module_param_named(set, conform_args.set, charp, 0444);
MODULE_PARM_DESC(set, "parameters to test it with: name=number,...");
module_param_named(set_vm, conform_args.set_vm, charp, 0444);
MODULE_PARM_DESC(set_vm, "the same, of each VM");
module_param_named(only, conform_args.only, charp, 0444);
MODULE_PARM_DESC(only, "names of tests, with commas; the others are left out");

MODULE_DESCRIPTION("Parameters of the conformance suite for vCPU schedulers");
MODULE_LICENSE("GPL");
