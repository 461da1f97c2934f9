// SPDX-License-Identifier: GPL-2.0
/*
 * A change of scheduler that fails leaves no trace: two rooms run in step, and in
 * one of them every step of a change that can fail does fail, one after the
 * other, from each scheduler to each other, live and ceased. Whoever is picked, for how
 * long, what is charged and waited must stay the same in both to the nanosecond.
 */
#include "virtual.h"

#define MS NSEC_PER_MSEC
#define VCPUS 5

static const char * const names[] = { "default", "rr", "bvt", "credit", "edf" };

static struct virt_room *fail_room(struct kunit *test, const char *from)
{
	struct virt_room *r = virt_create(test, 2, VCPUS);
	u32 i;

	for (i = 0; i < VCPUS; i++) {
		r->vcpu[i].hog = i < 3;
		r->vcpu[i].run_for = i < 3 ? 0 : MS + i * 7000;
		r->vcpu[i].sleep_for = i < 3 ? 0 : 5 * MS;
		r->vcpu[i].group->weight = 100 + 77 * i;
	}
	r->vcpu[1].group->cap = 40;
	r->vcpu[2].group->quantum_ns = 2 * MS;
	r->throttles = true;
	KUNIT_ASSERT_EQ(test, virt_swap(r, "rr"), 0);
	virt_run(r, r->now + 5 * MS);
	if (strcmp(from, "rr"))
		KUNIT_ASSERT_EQ_MSG(test, virt_swap(r, from), 0, "is sched_%s loaded?", from);
	virt_run(r, r->now + 40 * MS);
	return r;
}

static int try_swap(struct virt_room *r, const char *to, bool cease)
{
	const struct vmm_swap_how how = { .cease = cease, .timeout_ns = 10 * MS };
	const struct vmm_sched_ops *ops = vmm_sched_get(to);
	struct vmm_swap_result res;
	const char *why;
	int ret;

	if (!ops)
		return -ENOENT;
	ret = vmm_sched_activate_how(r->pool, ops, NULL, 0, &how, &res, &why);
	vmm_sched_put(ops);
	return ret;
}

static void expect_same(struct kunit *test, struct virt_room *a, struct virt_room *b,
			const char *what, u32 step)
{
	u32 i;

	KUNIT_ASSERT_EQ(test, a->now, b->now);
	for (i = 0; i < VCPUS; i++) {
		const struct vmm_entity *x = &a->vcpu[i].e, *y = &b->vcpu[i].e;

		KUNIT_ASSERT_EQ_MSG(test, x->stats.run_ns, y->stats.run_ns, "%s %u", what, step);
		KUNIT_ASSERT_EQ_MSG(test, x->stats.wait_ns, y->stats.wait_ns, "%s %u", what, step);
		KUNIT_ASSERT_EQ_MSG(test, x->stats.offers, y->stats.offers, "%s %u", what, step);
		KUNIT_ASSERT_EQ(test, x->stats.migrations, y->stats.migrations);
		KUNIT_ASSERT_EQ(test, x->stats.forced_out, y->stats.forced_out);
		KUNIT_ASSERT_EQ(test, x->share_ppm, y->share_ppm);
		KUNIT_ASSERT_EQ(test, vmm_state(x), vmm_state(y));
		KUNIT_ASSERT_EQ(test, x->home->id, y->home->id);
	}
	for (i = 0; i < 2; i++) {
		const struct vmm_pcpu *p = &a->pool->pcpus[i], *q = &b->pool->pcpus[i];

		KUNIT_ASSERT_EQ_MSG(test, p->picks, q->picks, "%s %u", what, step);
		KUNIT_ASSERT_EQ(test, p->busy_ns, q->busy_ns);
		KUNIT_ASSERT_EQ(test, p->slice_end, q->slice_end);
		KUNIT_ASSERT_EQ(test, p->sched_deadline, q->sched_deadline);
		KUNIT_ASSERT_EQ(test, p->nr_queued, q->nr_queued);
	}
	KUNIT_ASSERT_EQ(test, a->pool->nr_history, b->pool->nr_history);
	for (i = 0; i < a->pool->nr_history; i++)
		KUNIT_ASSERT_PTR_EQ(test, a->pool->history[i], b->pool->history[i]);
	KUNIT_ASSERT_EQ(test, a->pool->nr_swaps, b->pool->nr_swaps);
}

/* Returns how many steps there are that can fail. */
static u32 fail_each_step(struct kunit *test, const char *from, const char *to, bool cease)
{
	struct virt_room *a = fail_room(test, from), *b = fail_room(test, from);
	const struct vmm_sched *s = rcu_access_pointer(b->pool->active);
	u32 step;

	for (step = 1; step < 100; step++) {
		int ret;

		b->pool->fail_at = step;
		ret = try_swap(b, to, cease);
		if (!ret)
			break;
		KUNIT_EXPECT_EQ(test, b->pool->fail_at, 0);
		KUNIT_EXPECT_EQ_MSG(test, ret, -ENOMEM, "%s to %s, step %u", from, to, step);
		KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(b->pool->active), s);
		virt_run(a, a->now + 3 * MS);
		virt_run(b, b->now + 3 * MS);
		expect_same(test, a, b, to, step);
		virt_check(test, b);
	}
	b->pool->fail_at = 0;
	KUNIT_EXPECT_STREQ(test, rcu_access_pointer(b->pool->active)->ops->name, to);
	virt_run(b, b->now + 20 * MS);
	virt_check(test, b);
	virt_destroy(a);
	virt_destroy(b);
	return step - 1;
}

static void every_step(struct kunit *test, bool cease)
{
	u32 i, j, n;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		for (j = 0; j < ARRAY_SIZE(names); j++) {
			if (i == j)
				continue;
			n = fail_each_step(test, names[i], names[j], cease);
			/* The instance and its memory, two pCPUs, entities; the default needs none. */
			if (j)
				KUNIT_EXPECT_GE_MSG(test, n, 2 + 2 + VCPUS, "%s to %s", names[i],
						    names[j]);
			else
				KUNIT_EXPECT_EQ(test, n, 0);
		}
	}
}

static void live_change_fails_without_a_trace(struct kunit *test)
{
	every_step(test, false);
}

static void ceased_change_fails_without_a_trace(struct kunit *test)
{
	every_step(test, true);
}

static struct kunit_case swap_fail_cases[] = {
	KUNIT_CASE(live_change_fails_without_a_trace),
	KUNIT_CASE(ceased_change_fails_without_a_trace),
	{ }
};

static struct kunit_suite swap_fail_suite = {
	.name = "vmm_swap_fail",
	.test_cases = swap_fail_cases,
};

kunit_test_suite(swap_fail_suite);
