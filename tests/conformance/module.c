// SPDX-License-Identifier: GPL-2.0
/*
 * vmm_conform: does a scheduler keep the contract of <vmm/sched.h>, and what it
 * says of itself? Loading this module runs the suite on the one that is named;
 * results are in the kernel log (KTAP), a test for each property. tests/conformance/run
 * does all that on the test machine.
 *
 * What a scheduler claims (VMM_SCHED_CLAIM) comes as parameters: the module
 * loader does not keep it.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>
#include "conform.h"

static char *sched = "";
module_param(sched, charp, 0444);
MODULE_PARM_DESC(sched, "name of the scheduler to test; it is loaded");
static char *weights = "proportional";
module_param(weights, charp, 0444);
MODULE_PARM_DESC(weights, "what they do there: proportional (default) or ignored");
static char *idles = "no";
module_param(idles, charp, 0444);
MODULE_PARM_DESC(idles, "yes: it may leave a pCPU free although somebody could run there (no)");
static uint share_error = 5;
module_param(share_error, uint, 0444);
MODULE_PARM_DESC(share_error, "its shares are right to within so many per cent (5)");
static uint wake_ms = 1000;
module_param(wake_ms, uint, 0444);
MODULE_PARM_DESC(wake_ms, "who wakes up runs within so many ms (1000)");
static char *set = "";
module_param(set, charp, 0444);
MODULE_PARM_DESC(set, "parameters to test it with: name=number,...");
static char *set_vm = "";
module_param(set_vm, charp, 0444);
MODULE_PARM_DESC(set_vm, "the same, of each VM");
static char *only = "";
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "names of tests, with commas; the others are left out");

struct conform conform;

/* "a=1,b=2" taken apart, in place. */
static int parse_set(char *text, struct vmm_param_set *out, unsigned int *nr)
{
	char *word;

	while ((word = strsep(&text, ",")) && *word) {
		char *value = strchr(word, '=');

		if (!value || *nr == VMM_SCHED_MAX_PARAMS)
			return -EINVAL;
		*value++ = 0;
		out[*nr].name = word;
		if (kstrtou64(value, 0, &out[(*nr)++].val))
			return -EINVAL;
	}
	return 0;
}

/* Is this test one of those in @only? */
static bool chosen(const char *name)
{
	const char *at = strstr(only, name);
	size_t len = strlen(name);

	return !*only || (at && (at == only || at[-1] == ',') && (!at[len] || at[len] == ','));
}

/* Once. The suites may run before or after this module's init: that depends on the kernel. */
static int conform_setup(void)
{
	struct conform *c = &conform;

	if (c->ops)
		return 0;
	c->weights = !strcmp(weights, "proportional");
	c->idles = !strcmp(idles, "yes");
	if ((!c->weights && strcmp(weights, "ignored")) ||
	    (!c->idles && strcmp(idles, "no"))) {
		pr_err("conformance: weights is proportional or ignored, idles yes or no\n");
		return -EINVAL;
	}
	c->share_error = share_error;
	c->wake_ns = wake_ms * MS;
	if (parse_set(set, c->set, &c->nr_set) || parse_set(set_vm, c->set_vm, &c->nr_set_vm)) {
		pr_err("conformance: set and set_vm are lists of name=number\n");
		return -EINVAL;
	}
	c->ops = vmm_sched_get(sched);
	if (!c->ops) {
		pr_err("conformance: no scheduler '%s' is loaded\n", sched);
		return -ENOENT;
	}
	c->slice_min = U64_MAX;
	conform_make_shim(c);
	return 0;
}

static int __init conform_module_init(void)
{
	return conform_setup();
}
module_init(conform_module_init);

static void __exit conform_module_exit(void)
{
	vmm_sched_put(conform.ops);
}
module_exit(conform_module_exit);

static int conform_init(struct kunit *test)
{
	int ret = conform_setup();

	if (!ret && !chosen(test->name))
		kunit_skip(test, "left out");
	return ret;
}

static void conform_exit(struct kunit *test)
{
	conform_leave(test);
}

static struct kunit_suite order_suite = {
	.name = "vmm_conform_order",
	.init = conform_init,
	.exit = conform_exit,
	.test_cases = conform_order_cases,
};

static struct kunit_suite share_suite = {
	.name = "vmm_conform_share",
	.init = conform_init,
	.exit = conform_exit,
	.test_cases = conform_share_cases,
};

static struct kunit_suite change_suite = {
	.name = "vmm_conform_change",
	.init = conform_init,
	.exit = conform_exit,
	.test_cases = conform_change_cases,
};

kunit_test_suites(&order_suite, &share_suite, &change_suite);

MODULE_SOFTDEP("pre: sched_rr sched_bvt sched_credit sched_edf");
MODULE_DESCRIPTION("Conformance suite for vCPU schedulers");
MODULE_LICENSE("GPL");
