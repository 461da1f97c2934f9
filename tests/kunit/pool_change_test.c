// SPDX-License-Identifier: GPL-2.0
/*
 * Pools that come and go while something about them is under way: what was meant
 * for one is not done to the next one in its place, and nothing is told of it there.
 */
#include "virtual_pools.h"

#define WHO	0xfff0		/* a requester's port that netlink gives to nobody */

/* What is begun in a pool ends with it; the next one in its place knows nothing of it. */
static void changes_end_with_their_pool(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 2);
	struct vmm_swap_how how = { };
	struct vmm_pool *p, *again;
	const char *why = "";
	u64 serial;

	make_busy(r);
	p = split(test, r, "side", 0x2, "rr");
	must_send(test, r, 0, p);
	serial = p->serial;
	KUNIT_EXPECT_EQ(test, vmm_change_abort(WHO, &why), -ENOENT);
	KUNIT_ASSERT_EQ(test, vmm_change_begin(p, serial, WHO, &why), 0);
	KUNIT_EXPECT_EQ(test, vmm_change_begin(r->pool, 0, WHO, &why), -EBUSY);
	KUNIT_EXPECT_EQ(test, vmm_change_abort(WHO + 1, &why), -ENOENT);
	/* A stopgap, and the requester gives up. */
	KUNIT_ASSERT_EQ(test, swap_in(p, "default"), 0);
	KUNIT_EXPECT_EQ(test, vmm_change_abort(WHO, &why), 0);
	KUNIT_EXPECT_STREQ(test, active(p), "rr");
	virt_check(test, r);

	KUNIT_ASSERT_EQ(test, vmm_change_begin(p, serial, WHO, &why), 0);
	join(test, r, p);
	KUNIT_EXPECT_EQ(test, vmm_change_begin(p, serial, WHO, &why), -ENOENT);
	again = split(test, r, "again", 0x2, "bvt");
	KUNIT_ASSERT_PTR_EQ(test, again, p);
	KUNIT_EXPECT_EQ(test, vmm_change_abort(WHO, &why), -ENOENT);
	KUNIT_EXPECT_TRUE(test, strstr(why, "no change was begun"));
	KUNIT_EXPECT_STREQ(test, active(again), "bvt");
	KUNIT_EXPECT_EQ(test, vmm_change_begin(again, serial, WHO, &why), -ENOENT);
	how.serial = serial;
	KUNIT_EXPECT_EQ(test, swap_how(again, "rr", &how, &why), -ENOENT);
	KUNIT_EXPECT_STREQ(test, active(again), "bvt");
	how.serial = again->serial;
	KUNIT_EXPECT_EQ(test, swap_how(again, "rr", &how, &why), 0);
	join(test, r, again);
	virt_destroy(r);
}

/*
 * A success that was asked for ends what was begun in its pool before, whoever had begun it: as
 * part of the change, so that it cannot be late and end what somebody has begun since. Not one
 * in another pool, nor one that failed, nor the next pool in the place of the one that was meant.
 */
static void a_success_ends_what_was_begun_before(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 2);
	struct vmm_swap_how how = { .ends_change = true };
	struct vmm_pool *p;
	const char *why = "";
	u64 serial;

	make_busy(r);
	p = split(test, r, "side", 0x2, "rr");
	must_send(test, r, 0, p);
	serial = p->serial;
	how.serial = serial;
	KUNIT_ASSERT_EQ(test, vmm_change_begin(p, serial, WHO, &why), 0);
	KUNIT_EXPECT_EQ(test, swap_how(r->pool, "rr", &(struct vmm_swap_how){ .ends_change = true },
				       &why), 0);
	p->fail_at = 1;
	KUNIT_EXPECT_EQ(test, swap_how(p, "bvt", &how, &why), -ENOMEM);
	p->fail_at = 0;
	KUNIT_EXPECT_EQ(test, vmm_change_begin(r->pool, 0, WHO, &why), -EBUSY);
	KUNIT_EXPECT_EQ(test, swap_how(p, "bvt", &how, &why), 0);
	KUNIT_EXPECT_EQ(test, vmm_change_abort(WHO, &why), -ENOENT);
	/* To who is active already: only its parameters could have changed. */
	KUNIT_ASSERT_EQ(test, vmm_change_begin(p, serial, WHO, &why), 0);
	KUNIT_EXPECT_EQ(test, swap_how(p, "bvt", &how, &why), 0);
	KUNIT_EXPECT_EQ(test, vmm_change_abort(WHO, &why), -ENOENT);

	join(test, r, p);
	KUNIT_ASSERT_PTR_EQ(test, split(test, r, "again", 0x2, "bvt"), p);
	KUNIT_ASSERT_EQ(test, vmm_change_begin(p, p->serial, WHO, &why), 0);
	KUNIT_EXPECT_EQ(test, swap_how(p, "rr", &how, &why), -ENOENT);
	KUNIT_ASSERT_EQ(test, swap_in(p, "default"), 0);
	KUNIT_EXPECT_EQ(test, vmm_change_abort(WHO, &why), 0);
	KUNIT_EXPECT_STREQ(test, active(p), "bvt");
	join(test, r, p);
	virt_destroy(r);
}

/* Nothing of a pool that was deleted is told of the next one in its place. */
static void a_new_pool_has_no_past(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, 2);
	struct vmm_pool *p = split(test, r, "side", 0x2, "default");

	KUNIT_ASSERT_EQ(test, swap_in(p, "rr"), 0);
	KUNIT_ASSERT_EQ(test, swap_in(p, "bvt"), 0);
	KUNIT_EXPECT_EQ(test, p->nr_past, 2U);
	virt_run(r, r->now + 50 * MS);
	join(test, r, p);
	virt_run(r, r->now + 50 * MS);
	KUNIT_ASSERT_PTR_EQ(test, split(test, r, "again", 0x2, "default"), p);
	KUNIT_EXPECT_EQ(test, p->nr_past, 0U);
	KUNIT_EXPECT_EQ(test, p->nr_swaps, 0ULL);
	KUNIT_EXPECT_EQ(test, rcu_access_pointer(p->active)->activated_ns, r->now);
	join(test, r, p);
	virt_destroy(r);
}

/*
 * A CPU brings its counters along. Who waits on it in its new pool already, for want of any
 * CPU there, has not been passed over by all the picks that were made elsewhere.
 */
static void picks_elsewhere_pass_nobody_over(struct kunit *test)
{
	struct virt_vcpu *late = kunit_kzalloc(test, sizeof(*late), GFP_KERNEL);
	struct virt_room *r = virt_create(test, 3, 8);
	struct vmm_entity *e = &late->e;
	struct vmm_pool *p;
	const char *why;
	u64 passed;

	KUNIT_ASSERT_NOT_NULL(test, late);
	make_busy(r);
	p = split(test, r, "side", 0x4, "rr");
	must_send(test, r, 0, p);
	virt_run(r, r->now + 200 * MS);
	virt_online(r, 2, false);
	KUNIT_ASSERT_EQ(test, vmm_entity_init(e, r->vcpu[0].group, 1), 0);
	vmm_gate_claim(e, NULL);
	KUNIT_ASSERT_EQ(test, vmm_state(e), VMM_GATE_QUEUED);
	KUNIT_ASSERT_PTR_EQ(test, e->home, &p->pcpus[0]);
	KUNIT_ASSERT_GT(test, r->pool->pcpus[0].picks, 5ULL);
	KUNIT_ASSERT_EQ(test, set_cpus(r, p, 0x5, &why), 0);
	passed = e->passed;
	if (vmm_state(e) == VMM_GATE_QUEUED)
		passed += e->home->picks - e->picks_at;
	KUNIT_EXPECT_LE(test, passed, 2ULL);
	vmm_entity_destroy(e);
	virt_online(r, 2, true);
	join(test, r, p);
	virt_destroy(r);
}

static struct kunit_case pool_change_cases[] = {
	KUNIT_CASE(changes_end_with_their_pool),
	KUNIT_CASE(a_success_ends_what_was_begun_before),
	KUNIT_CASE(a_new_pool_has_no_past),
	KUNIT_CASE(picks_elsewhere_pass_nobody_over),
	{ }
};

static struct kunit_suite pool_change_suite = {
	.name = "vmm_pool_change",
	.test_cases = pool_change_cases,
};
kunit_test_suites(&pool_change_suite);
