// SPDX-License-Identifier: GPL-2.0
/*
 * Between the breach and the change: a scheduler was thrown out, but process context has not
 * replaced it yet, and somebody comes or goes. Its queues still have everybody in them.
 */
#include "../bad/bad.h"
#include "virtual_pools.h"

/* "bad" is broken, after rr; nobody has done anything about it so far. */
static void break_it(struct kunit *test, struct virt_room *r)
{
	bad_set_kind(BAD_GOOD);
	bad_dangling = 0;
	bad_attached = 0;	/* but for those whom other tests have left in charge */
	make_busy(r);
	KUNIT_ASSERT_EQ_MSG(test, virt_swap(r, "rr"), 0, "is sched_rr loaded?");
	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
	virt_run(r, r->now + 20 * MS);
	r->busy = true;
	bad_set_kind(BAD_UNKNOWN);
	virt_run(r, r->now + 20 * MS);
	KUNIT_ASSERT_TRUE(test, r->pool->last_exit.valid);
	KUNIT_ASSERT_STREQ(test, active(r->pool), "bad");
	bad_set_kind(BAD_GOOD);
}

/* rr is in charge, and everything that it was given has been taken from the other one. */
static void expect_gone(struct kunit *test, struct virt_room *r)
{
	KUNIT_EXPECT_STREQ(test, active(r->pool), "rr");
	KUNIT_EXPECT_STREQ(test, r->pool->last_exit.next, "rr");
	KUNIT_EXPECT_EQ(test, bad_attached, 0);
	KUNIT_EXPECT_EQ(test, bad_dangling, 0);
	r->busy = false;
	virt_run(r, r->now + 50 * MS);
	virt_check(test, r);
}

static void a_vcpu_ends(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 4);
	struct virt_vcpu *v = &r->vcpu[3];

	break_it(test, r);
	r->nr_vcpus--;
	vmm_entity_destroy(&v->e);
	expect_gone(test, r);
	vmm_group_put(v->group);
	virt_destroy(r);
}

static void a_vcpu_comes(struct kunit *test)
{
	struct virt_vcpu *late = kunit_kzalloc(test, sizeof(*late), GFP_KERNEL);
	struct virt_room *r = virt_create(test, 1, 4);

	KUNIT_ASSERT_NOT_NULL(test, late);
	break_it(test, r);
	/* What it answers does not count any more. */
	bad_set_kind(BAD_ATTACH_LATER);
	KUNIT_EXPECT_EQ(test, vmm_entity_init(&late->e, r->vcpu[0].group, 1), 0);
	expect_gone(test, r);
	vmm_entity_destroy(&late->e);
	virt_destroy(r);
}

static void a_vm_goes_to_another_pool(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 5);
	struct vmm_pool *p = split(test, r, "side", 0x2, "rr");

	break_it(test, r);
	must_send(test, r, 0, p);
	expect_gone(test, r);
	KUNIT_EXPECT_PTR_EQ(test, r->vcpu[0].e.pool, p);
	join(test, r, p);
	virt_destroy(r);
}

static struct kunit_case throw_out_cases[] = {
	KUNIT_CASE(a_vcpu_ends),
	KUNIT_CASE(a_vcpu_comes),
	KUNIT_CASE(a_vm_goes_to_another_pool),
	{ }
};

static struct kunit_suite throw_out_suite = {
	.name = "vmm_contain_late",
	.test_cases = throw_out_cases,
};
kunit_test_suites(&throw_out_suite);
