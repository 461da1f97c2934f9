// SPDX-License-Identifier: GPL-2.0
/*
 * vmm_kunit_choice: which suites of vmm_kunit run, and how long.
 *
 * KUnit of 6.1 runs all suites of a module while that is being loaded, before its
 * parameters are read, and has no filter of its own for modules. So this one is
 * loaded before, hears of vmm_kunit ahead of KUnit, and leaves in its table of
 * suites those that are wanted.
 */
#include <linux/glob.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <kunit/test.h>
#include "choice.h"

static char *only = "*";
module_param(only, charp, 0444);
MODULE_PARM_DESC(only, "which suites to run: names, with wildcards, separated by commas; !NAME: not that one (all)");

bool vmm_kunit_full;
module_param_named(full, vmm_kunit_full, bool, 0444);
MODULE_PARM_DESC(full, "the long simulations at their full length (off)");
EXPORT_SYMBOL_GPL(vmm_kunit_full);

static bool fits(char *patterns, const char *name)
{
	bool found = false;
	char *pattern;

	while ((pattern = strsep(&patterns, ","))) {
		bool not = *pattern == '!';

		if (glob_match(pattern + not, name))
			found = !not;
	}
	return found;
}

static int choose(struct module *mod)
{
	int i, n = 0;

	for (i = 0; i < mod->num_kunit_suites; i++) {
		char *patterns = kstrdup(only, GFP_KERNEL);

		if (!patterns)
			return -ENOMEM;
		if (fits(patterns, mod->kunit_suites[i]->name))
			mod->kunit_suites[n++] = mod->kunit_suites[i];
		kfree(patterns);
	}
	mod->num_kunit_suites = n;
	return n ? 0 : -ENOENT;
}

static int on_module(struct notifier_block *nb, unsigned long what, void *data)
{
	struct module *mod = data;

	if (what != MODULE_STATE_COMING || strcmp(mod->name, "vmm_kunit"))
		return NOTIFY_DONE;
	return notifier_from_errno(choose(mod));
}

/* KUnit's own has priority 0. */
static struct notifier_block choice_nb = { .notifier_call = on_module, .priority = 1 };

static int __init choice_init(void)
{
	return register_module_notifier(&choice_nb);
}
module_init(choice_init);

static void __exit choice_exit(void)
{
	unregister_module_notifier(&choice_nb);
}
module_exit(choice_exit);

MODULE_DESCRIPTION("Which KUnit suites of the hypervisor run");
MODULE_LICENSE("GPL");
