// SPDX-License-Identifier: GPL-2.0
/*
 * vmm_conform: does a scheduler keep the contract of <vmm/sched.h>, and what it
 * says of itself? Loading this module runs the suite on the one that was named to
 * vmm_conform_args; results are in the kernel log (KTAP), a test for each
 * property. tests/conformance/run does all that on the test machine.
 */
#include <linux/module.h>
#include "args.h"
#include "conform.h"

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
	const struct conform_args *a = &conform_args;
	const char *at = strstr(a->only, name);
	size_t len = strlen(name);

	return !*a->only || (at && (at == a->only || at[-1] == ',') && (!at[len] || at[len] == ','));
}

/* Once. The suites may run before or after this module's init: that depends on the kernel. */
static int conform_setup(void)
{
	const struct conform_args *a = &conform_args;
	struct conform *c = &conform;

	if (c->ops)
		return 0;
	c->weights = !strcmp(a->weights, "proportional");
	c->idles = !strcmp(a->idles, "yes");
	if ((!c->weights && strcmp(a->weights, "ignored")) ||
	    (!c->idles && strcmp(a->idles, "no"))) {
		pr_err("conformance: weights is proportional or ignored, idles yes or no\n");
		return -EINVAL;
	}
	c->share_error = a->share_error;
	c->wake_ns = a->wake_ms * MS;
	if (parse_set(a->set, c->set, &c->nr_set) || parse_set(a->set_vm, c->set_vm, &c->nr_set_vm)) {
		pr_err("conformance: set and set_vm are lists of name=number\n");
		return -EINVAL;
	}
	c->ops = vmm_sched_get(a->sched);
	if (!c->ops) {
		pr_err("conformance: no scheduler '%s' is loaded\n", a->sched);
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
