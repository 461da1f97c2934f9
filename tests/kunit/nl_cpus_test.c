// SPDX-License-Identifier: GPL-2.0
/*
 * Lists of CPUs in answers: whole, however long. That of every second CPU is the longest.
 */
#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/vmm.h>

#include "../../sched_iface/netlink.h"
#include "virtual.h"

/* What the attribute says is what was put, and took no more than the room for it. */
static void expect_list(struct kunit *test, const struct sk_buff *skb, int type,
			const unsigned long *want, u32 nr)
{
	const struct nlattr *a = (void *)skb->data;
	unsigned long *said = bitmap_zalloc(nr, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, said);
	KUNIT_EXPECT_EQ(test, nla_type(a), type);
	KUNIT_EXPECT_EQ(test, ((char *)nla_data(a))[nla_len(a) - 1], 0);
	KUNIT_EXPECT_EQ(test, bitmap_parselist(nla_data(a), said, nr), 0);
	KUNIT_EXPECT_TRUE_MSG(test, bitmap_equal(said, want, nr), "of %u CPUs: %s", nr,
			      (char *)nla_data(a));
	KUNIT_EXPECT_LE(test, skb->len, vmm_nl_cpus_room(nr));
	bitmap_free(said);
}

static void every_second_cpu(struct kunit *test)
{
	static const u32 nrs[] = { 1, 2, 9, 10, 11, 64, 99, 100, 101, 255, 1024, 8192 };
	unsigned long *bits = bitmap_zalloc(8192, GFP_KERNEL);
	u32 i, n, first;

	KUNIT_ASSERT_NOT_NULL(test, bits);
	for (i = 0; i < ARRAY_SIZE(nrs); i++) {
		for (first = 0; first < 2; first++) {
			struct sk_buff *skb = alloc_skb(vmm_nl_cpus_room(nrs[i]), GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, skb);
			bitmap_zero(bits, 8192);
			for (n = first; n < nrs[i]; n += 2)
				set_bit(n, bits);
			KUNIT_EXPECT_EQ(test, 0,
					vmm_nl_put_cpus(skb, VMM_ATTR_VM_CPUS, bits, nrs[i]));
			expect_list(test, skb, VMM_ATTR_VM_CPUS, bits, nrs[i]);
			kfree_skb(skb);
		}
	}
	bitmap_free(bits);
}

/* No room: nothing, rather than a part. */
static void no_part_of_a_list(struct kunit *test)
{
	struct sk_buff *skb = alloc_skb(128, GFP_KERNEL);
	unsigned long *bits = bitmap_zalloc(1024, GFP_KERNEL);
	u32 n;

	KUNIT_ASSERT_NOT_NULL(test, skb);
	KUNIT_ASSERT_NOT_NULL(test, bits);
	for (n = 0; n < 1024; n += 2)
		set_bit(n, bits);
	KUNIT_EXPECT_EQ(test, vmm_nl_put_cpus(skb, VMM_ATTR_VM_CPUS, bits, 1024), -EMSGSIZE);
	KUNIT_EXPECT_EQ(test, skb->len, 0U);
	bitmap_free(bits);
	kfree_skb(skb);
}

/* As an answer has it: two pools that share the CPUs in turn. */
static void two_pools_in_turn(struct kunit *test)
{
	enum { NR = 256 };
	struct virt_room *r = virt_create(test, NR, 1);
	const struct vmm_sched_ops *ops = vmm_sched_get("default");
	struct vmm_machine *m = r->pool->machine;
	DECLARE_BITMAP(bits, NR) = { };
	struct vmm_pool *pool = NULL;
	const char *why = "";
	u32 i;

	for (i = 1; i < NR; i += 2)
		set_bit(i, bits);
	mutex_lock(&m->mutex);
	KUNIT_EXPECT_EQ_MSG(test, vmm_pool_add(m, "odd", bits, ops, &pool, &why), 0, "%s", why);
	for (i = 0; pool && i < 2; i++) {
		struct sk_buff *skb = alloc_skb(NLMSG_GOODSIZE, GFP_KERNEL);

		if (skb) {
			KUNIT_EXPECT_EQ(test, vmm_nl_put_pool_cpus(skb, i ? r->pool : pool), 0);
			expect_list(test, skb, VMM_ATTR_POOL_CPUS, bits, NR);
		}
		kfree_skb(skb);
		bitmap_complement(bits, bits, NR);
	}
	KUNIT_EXPECT_EQ_MSG(test, pool ? vmm_pool_del(pool, &why) : 0, 0, "%s", why);
	mutex_unlock(&m->mutex);
	vmm_sched_put(ops);
	virt_destroy(r);
}

static struct kunit_case nl_cpus_cases[] = {
	KUNIT_CASE(every_second_cpu),
	KUNIT_CASE(no_part_of_a_list),
	KUNIT_CASE(two_pools_in_turn),
	{ }
};

static struct kunit_suite nl_cpus_suite = {
	.name = "vmm_nl_cpus",
	.test_cases = nl_cpus_cases,
};
kunit_test_suites(&nl_cpus_suite);
