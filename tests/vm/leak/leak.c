// SPDX-License-Identifier: GPL-2.0
/*
 * leak.c - a module that loses memory when it is loaded
 *
 * For tests/vm/selftest: a leak that --leaks has to find.
 */
#include <linux/module.h>
#include <linux/slab.h>

static int __init leak_init(void)
{
	int i;

	/* several: one may seem reachable by a stale pointer somewhere */
	for (i = 0; i < 8; i++)
		if (!kmalloc(1000, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}
module_init(leak_init);

static void __exit leak_exit(void)
{
}
module_exit(leak_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Loses memory, to test the finding of leaks");
