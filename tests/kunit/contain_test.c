// SPDX-License-Identifier: GPL-2.0
/*
 * Containment: each scheduler of tests/bad under the real dispatch, gate and swap,
 * in a virtual room. It goes within the bound and for the right reason; the one
 * before it takes over; everybody is still there and runs on. And the watchdog:
 * who is lawfully held back, light or slow to come does not cost a scheduler its
 * place.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/slab.h>

#include "../bad/bad.h"
#include "virtual_set.h"

#define MS NSEC_PER_MSEC
#define HOGS 4
#define VCPUS 6

static const char *active(struct virt_room *r)
{
	return rcu_access_pointer(r->pool->active)->ops->name;
}

/* Two pCPUs, four hogs and two that sleep most of the time; rr is in charge. */
static struct virt_room *busy_room(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, VCPUS);
	u32 i;

	bad_set_kind(BAD_GOOD);
	for (i = 0; i < VCPUS; i++) {
		r->vcpu[i].hog = i < HOGS;
		r->vcpu[i].run_for = i < HOGS ? 0 : MS;
		r->vcpu[i].sleep_for = i < HOGS ? 0 : 7 * MS + i * 10000;
	}
	KUNIT_ASSERT_EQ_MSG(test, virt_swap(r, "rr"), 0, "is sched_rr loaded?");
	virt_run(r, r->now + 50 * MS);
	return r;
}

/* All of them get on, in fair shares roughly. */
static void all_run_on(struct kunit *test, struct virt_room *r, const char *what)
{
	u64 ran[VCPUS];
	u32 i;

	for (i = 0; i < r->nr_vcpus; i++)
		ran[i] = virt_ran(r, i);
	virt_run(r, r->now + 400 * MS);
	for (i = 0; i < r->nr_vcpus; i++)
		KUNIT_EXPECT_GE_MSG(test, virt_ran(r, i) - ran[i], i < HOGS ? 80ULL * MS : 10ULL * MS,
				    "vCPU %u after %s", i, what);
	virt_check(test, r);
}

static void expect_exit(struct kunit *test, struct virt_room *r, enum vmm_breach breach,
			const char *name, const char *what)
{
	const struct vmm_exit_record *rec = &r->pool->last_exit;

	KUNIT_EXPECT_TRUE_MSG(test, rec->valid, "%s is still there", what);
	KUNIT_EXPECT_EQ_MSG(test, (u32)rec->kind, (u32)breach, "%s: it %s", what, rec->reason);
	KUNIT_EXPECT_STREQ(test, rec->name, name);
	KUNIT_EXPECT_STREQ(test, rec->next, "rr");
	KUNIT_EXPECT_STREQ(test, active(r), "rr");
	KUNIT_EXPECT_EQ_MSG(test, bad_attached, 0, "%s was not detached whole", what);
}

/* --- what it does in charge ------------------------------------------------------------ */

static const struct {
	enum bad_kind kind;
	const char *sched;
	enum vmm_breach breach;
	bool entity;		/* the record names one */
	u32 bounds;		/* within so many halves of the bound */
} breaches[] = {
	{ BAD_NEVER, "bad", VMM_BREACH_STALLED, true, 4 },
	{ BAD_UNKNOWN, "bad", VMM_BREACH_UNKNOWN, false, 1 },
	{ BAD_RUNNING, "bad", VMM_BREACH_RUNNING, true, 1 },
	{ BAD_TWICE, "bad", VMM_BREACH_RUNNING, true, 1 },
	{ BAD_BLOCKED, "bad", VMM_BREACH_BLOCKED, true, 1 },
	{ BAD_FOREIGN, "bad", VMM_BREACH_FOREIGN, true, 1 },
	{ BAD_LOSE, "bad", VMM_BREACH_LOST, true, 4 },
	{ BAD_STARVE, "bad", VMM_BREACH_STARVED, true, 4 },
	{ BAD_PINGPONG, "bad", VMM_BREACH_STARVED, true, 4 },
	{ BAD_HOLD, "bad", VMM_BREACH_STARVED, true, 6 },	/* it may hold for 1 s */
	{ BAD_HOLD_IDLE, "bad", VMM_BREACH_STALLED, true, 4 },
	{ BAD_SLICE_ZERO, "bad", VMM_BREACH_SLICE, true, 1 },
	{ BAD_SLICE_NEGATIVE, "bad", VMM_BREACH_SLICE, true, 1 },
	{ BAD_SLICE_INFINITE, "bad", VMM_BREACH_SLICE, true, 4 },
	{ BAD_WAKEUP, "bad", VMM_BREACH_SLICE, true, 1 },
	{ BAD_REGISTER, "bad", VMM_BREACH_REENTRY, false, 1 },
	{ BAD_UNREGISTER, "bad", VMM_BREACH_REENTRY, false, 1 },
	{ BAD_ACTIVATE, "bad", VMM_BREACH_REENTRY, false, 1 },
	{ BAD_STEAL_UNLOCKED, "bad_pcpu", VMM_BREACH_STEAL, false, 1 },
	{ BAD_STEAL_KEEPS, "bad_pcpu", VMM_BREACH_STEAL, false, 1 },
	{ BAD_STEAL_TWO, "bad_pcpu", VMM_BREACH_STEAL, false, 1 },
	{ BAD_STEAL_GIVES, "bad_pcpu", VMM_BREACH_STEAL, false, 1 },
};

static void bad_ones_are_thrown_out(struct kunit *test)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(breaches); i++) {
		const char *what = bad_kind_name(breaches[i].kind);
		struct virt_room *r = busy_room(test);
		const struct vmm_exit_record *rec = &r->pool->last_exit;
		u64 start;

		KUNIT_ASSERT_EQ(test, virt_swap(r, breaches[i].sched), 0);
		virt_run(r, r->now + 100 * MS);
		KUNIT_ASSERT_FALSE_MSG(test, rec->valid, "good: it %s", rec->reason);
		bad_set_kind(breaches[i].kind);
		start = r->now;
		while (!rec->valid && r->now < start + 6000 * MS)
			virt_run(r, r->now + 10 * MS);
		/* Half a bound more: that is how often the watchdog looks. */
		KUNIT_EXPECT_LE_MSG(test, r->now - start, (breaches[i].bounds + 1) * 500ULL * MS,
				    "%s", what);
		expect_exit(test, r, breaches[i].breach, breaches[i].sched, what);
		KUNIT_EXPECT_EQ_MSG(test, rec->vm[0] != 0, breaches[i].entity, "%s", what);
		KUNIT_EXPECT_GE(test, rec->active_ns, 100ULL * MS);
		if (rec->pcpu != VMM_NO_PCPU)
			KUNIT_EXPECT_GT_MSG(test, rec->nr, 0, "%s", what);
		all_run_on(test, r, what);
		virt_destroy(r);
	}
}

/* Pinned to the other pCPU: not only foreign. */
static void picks_a_disallowed_one(struct kunit *test)
{
	struct virt_room *r = busy_room(test);

	pin(test, r, 0, 0);
	pin(test, r, 1, 0);
	pin(test, r, 2, 1);
	pin(test, r, 3, 1);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
	virt_run(r, r->now + 20 * MS);
	bad_set_kind(BAD_DISALLOWED);
	virt_run(r, r->now + 50 * MS);
	expect_exit(test, r, VMM_BREACH_DISALLOWED, "bad", "disallowed");
	all_run_on(test, r, "disallowed");
	virt_destroy(r);
}

static void picks_a_dead_one(struct kunit *test)
{
	struct virt_room *r = busy_room(test);
	u32 id = r->vcpu[VCPUS - 1].e.id;

	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
	virt_run(r, r->now + 20 * MS);
	r->nr_vcpus--;
	vmm_entity_destroy(&r->vcpu[VCPUS - 1].e);
	vmm_group_put(r->vcpu[VCPUS - 1].group);
	bad_set_kind(BAD_DEAD);
	virt_run(r, r->now + 50 * MS);
	expect_exit(test, r, VMM_BREACH_DEAD, "bad", "dead");
	KUNIT_EXPECT_EQ(test, r->pool->last_exit.entity, id);
	KUNIT_EXPECT_STREQ(test, r->pool->last_exit.vm, "");
	all_run_on(test, r, "dead");
	virt_destroy(r);
}

/* Its queues, the loser's list and ours: nobody is missing from the last one. */
static void nobody_is_lost_with_the_queues(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 3);
	u32 i;

	/* All others asleep: the pCPU is free, and still it does not come. */
	bad_set_kind(BAD_GOOD);
	r->vcpu[0].hog = true;
	for (i = 1; i < 3; i++) {
		r->vcpu[i].run_for = MS;
		r->vcpu[i].sleep_for = 9 * MS;
	}
	KUNIT_ASSERT_EQ(test, virt_swap(r, "rr"), 0);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
	bad_set_kind(BAD_LOSE);
	virt_run(r, r->now + 2100 * MS);
	KUNIT_EXPECT_EQ(test, (u32)r->pool->last_exit.kind, (u32)VMM_BREACH_LOST);
	KUNIT_EXPECT_EQ(test, r->pool->last_exit.entity, r->vcpu[0].e.id);
	KUNIT_EXPECT_GT(test, r->pool->last_exit.waited_ns, 1000ULL * MS);
	KUNIT_EXPECT_LE(test, r->pool->last_exit.waited_ns, 1500ULL * MS);
	KUNIT_EXPECT_STREQ(test, r->pool->last_exit.vm, r->vcpu[0].group->name);
	KUNIT_EXPECT_STREQ(test, active(r), "rr");
	virt_check(test, r);
	virt_destroy(r);
}

/* --- what it does before it is in charge, or beside it ---------------------------------- */

static void bad_preparations_are_refused(struct kunit *test)
{
	static const struct {
		enum bad_kind kind;
		int err;
	} refusals[] = {
		{ BAD_INIT_ERRNO, -EPROTO }, { BAD_PCPU_ERRNO, -EPROTO },
		{ BAD_ATTACH_ERRNO, -EPROTO }, { BAD_INIT_ACTIVATE, -EDEADLK },
	};
	struct virt_room *r = busy_room(test);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(refusals); i++) {
		bad_set_kind(refusals[i].kind);
		KUNIT_EXPECT_EQ_MSG(test, virt_swap(r, "bad"), refusals[i].err, "%s",
				    bad_kind_name(refusals[i].kind));
		KUNIT_EXPECT_STREQ(test, active(r), "rr");
		KUNIT_EXPECT_EQ(test, bad_attached, 0);
	}
	for (i = 1; i <= VCPUS; i++) {
		bad_set_kind(BAD_ATTACH_FAILS);
		bad_at = i;
		KUNIT_EXPECT_EQ(test, virt_swap(r, "bad"), -ENOSPC);
		KUNIT_EXPECT_STREQ(test, active(r), "rr");
		KUNIT_EXPECT_EQ(test, bad_attached, 0);
		virt_run(r, r->now + 10 * MS);
	}
	KUNIT_EXPECT_FALSE(test, r->pool->last_exit.valid);
	all_run_on(test, r, "refusals");
	virt_destroy(r);
}

static int set_depth(struct virt_room *r)
{
	const struct vmm_param_set set = { "depth", 7 };
	const char *why;

	return vmm_sched_set_params(r->pool, &set, 1, &why);
}

static int set_boost(struct virt_room *r)
{
	const char *why;
	int ret;

	mutex_lock(&r->pool->mutex);
	ret = vmm_group_set_param(r->vcpu[0].group, "boost", 7, &why);
	mutex_unlock(&r->pool->mutex);
	return ret;
}

static int one_more(struct virt_room *r)
{
	struct vmm_entity *e = kzalloc(sizeof(*e), GFP_KERNEL);
	int ret = e ? vmm_entity_init(e, r->vcpu[0].group, 1) : -ENOMEM;

	if (!ret)
		vmm_entity_destroy(e);
	kfree(e);
	return ret;
}

static void bad_answers_in_charge(struct kunit *test)
{
	static const struct {
		enum bad_kind kind;
		int (*ask)(struct virt_room *r);
		int err;
		enum vmm_breach breach;
	} rows[] = {
		{ BAD_CHECK_SCHED, set_depth, -EPROTO, VMM_BREACH_ERRNO },
		{ BAD_CHECK_GROUP, set_boost, -EPROTO, VMM_BREACH_ERRNO },
		{ BAD_ATTACH_LATER, one_more, -EPROTO, VMM_BREACH_ERRNO },
		{ BAD_PARAMS_UNREGISTER, set_depth, 0, VMM_BREACH_REENTRY },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct virt_room *r = busy_room(test);
		const char *what = bad_kind_name(rows[i].kind);

		KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
		virt_run(r, r->now + 20 * MS);
		bad_set_kind(rows[i].kind);
		KUNIT_EXPECT_EQ_MSG(test, rows[i].ask(r), rows[i].err, "%s", what);
		virt_run(r, r->now + 20 * MS);
		expect_exit(test, r, rows[i].breach, "bad", what);
		KUNIT_EXPECT_EQ(test, r->pool->last_exit.pcpu, VMM_NO_PCPU);
		/* What it asked for was not done: it is known still, once. */
		KUNIT_EXPECT_EQ(test, virt_swap(r, "bad"), 0);
		virt_swap(r, "rr");
		all_run_on(test, r, what);
		virt_destroy(r);
	}
}

/* Out of range, with a sane reading; slow. It stays. */
static void what_is_tolerated(struct kunit *test)
{
	static const enum bad_kind kinds[] = { BAD_ADOPT, BAD_HISTORY, BAD_DETACH_SLOW };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct virt_room *r = busy_room(test);

		bad_set_kind(kinds[i]);
		KUNIT_EXPECT_EQ(test, virt_swap(r, "bad"), 0);
		virt_run(r, r->now + 2000 * MS);
		KUNIT_EXPECT_EQ(test, virt_swap(r, "rr"), 0);
		KUNIT_EXPECT_FALSE_MSG(test, r->pool->last_exit.valid, "%s: it %s",
				       bad_kind_name(kinds[i]), r->pool->last_exit.reason);
		all_run_on(test, r, bad_kind_name(kinds[i]));
		virt_destroy(r);
	}
}

/* A hand-over calls three ops in a row: after the one that breaks the contract none comes. */
static void a_hand_over_stops_at_the_breach(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);
	struct vmm_entity *a = &r->vcpu[0].e, *b = &r->vcpu[1].e;
	struct vmm_pcpu *p = &r->pool->pcpus[0];

	bad_set_kind(BAD_GOOD);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
	vmm_gate_claim(a, NULL);
	KUNIT_ASSERT_TRUE(test, vmm_gate_own(a));
	vmm_gate_on(a);
	r->now += MS;
	vmm_gate_off(a);
	vmm_gate_exit(a, VMM_EXIT_HALT);
	KUNIT_ASSERT_PTR_EQ(test, p->curr, a);
	bad_told = 0;
	bad_set_kind(BAD_ACTIVATE);
	KUNIT_EXPECT_FALSE(test, vmm_gate_take(b, p));
	bad_set_kind(BAD_GOOD);
	KUNIT_EXPECT_EQ(test, (u32)r->pool->last_exit.kind, (u32)VMM_BREACH_REENTRY);
	KUNIT_EXPECT_EQ(test, bad_told, 0);
	KUNIT_EXPECT_EQ(test, vmm_state(a), VMM_GATE_OUT);
	KUNIT_EXPECT_EQ(test, vmm_state(b), VMM_GATE_OUT);
	KUNIT_EXPECT_NULL(test, p->curr);
	/* It is served all the same. */
	vmm_gate_claim(b, NULL);
	KUNIT_EXPECT_TRUE(test, vmm_gate_own(b));
	KUNIT_EXPECT_EQ(test, bad_told, 0);
	virt_destroy(r);
}

/*
 * Deadlines that are over when they are set, decisions that ask for another one: each is an
 * interrupt. It stays, but gets one in 50 us from each of its timers and no more.
 */
static void timers_are_paced(struct kunit *test)
{
	static const struct {
		enum bad_kind kind;
		const char *sched;
		u32 timers;
		u32 each;	/* calls that one may make */
	} rows[] = {
		{ BAD_DEADLINES, "bad", 3, 1 },		/* two pCPUs, and the pool */
		{ BAD_DEADLINES, "bad_pcpu", 2, 1 },
		{ BAD_RESCHED, "bad_pcpu", 2, 9 },	/* served a few times at once */
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct virt_room *r = busy_room(test);
		const char *what = bad_kind_name(rows[i].kind);
		u32 most;

		KUNIT_EXPECT_EQ(test, virt_swap(r, rows[i].sched), 0);
		bad_set_kind(rows[i].kind);
		virt_run(r, r->now + 20 * MS);
		bad_deadlines = 0;
		virt_run(r, r->now + 100 * MS);
		/* 2,000 in 100 ms, nine in a row, and the picks that there are anyway. */
		most = rows[i].timers * (2000 + 9) * rows[i].each + 300;
		KUNIT_EXPECT_LE_MSG(test, (u32)bad_deadlines, most, "%s of %s", what,
				    rows[i].sched);
		KUNIT_EXPECT_GE_MSG(test, (u32)bad_deadlines, 2000U, "%s of %s", what,
				    rows[i].sched);
		KUNIT_EXPECT_FALSE_MSG(test, r->pool->last_exit.valid, "%s: it %s", what,
				       r->pool->last_exit.reason);
		bad_set_kind(BAD_GOOD);
		KUNIT_EXPECT_EQ(test, virt_swap(r, "rr"), 0);
		all_run_on(test, r, what);
		virt_destroy(r);
	}
}

/* One that is set now and then is not put off. */
static void few_deadlines_come_in_time(struct kunit *test)
{
	u64 paced = 0, now = 1000 * MS;
	u32 i;

	for (i = 0; i <= VMM_DEADLINE_BURST; i++) {
		KUNIT_EXPECT_LE(test, vmm_pace_from(paced), now);
		paced = vmm_pace(paced, now);
	}
	KUNIT_EXPECT_EQ(test, vmm_pace_from(paced), now + VMM_DEADLINE_NS);
	/* However many there are, the next one is near. */
	for (i = 0; i < 100; i++)
		paced = vmm_pace(paced, now);
	KUNIT_EXPECT_EQ(test, vmm_pace_from(paced), now + VMM_DEADLINE_NS);
	now += (VMM_DEADLINE_BURST + 1) * VMM_DEADLINE_NS;
	for (i = 0; i <= VMM_DEADLINE_BURST; i++) {
		KUNIT_EXPECT_LE(test, vmm_pace_from(paced), now);
		paced = vmm_pace(paced, now);
	}
}

/* Thrown out twice in a row: in the end it is the default. */
static void the_default_is_the_last_resort(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 2, VCPUS);
	u32 i;

	bad_set_kind(BAD_GOOD);
	for (i = 0; i < VCPUS; i++)
		r->vcpu[i].hog = true;
	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad_pcpu"), 0);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
	virt_run(r, r->now + 20 * MS);
	bad_set_kind(BAD_SLICE_ZERO);
	virt_run(r, r->now + 200 * MS);
	KUNIT_EXPECT_STREQ(test, r->pool->last_exit.name, "bad_pcpu");
	KUNIT_EXPECT_STREQ(test, r->pool->last_exit.next, "default");
	KUNIT_EXPECT_STREQ(test, active(r), "default");
	KUNIT_EXPECT_EQ(test, r->pool->nr_history, 0);
	KUNIT_EXPECT_EQ(test, bad_attached, 0);
	virt_check(test, r);
	virt_destroy(r);
}

/* Unloaded between the breach and the takeover. */
static void unloaded_while_broken(struct kunit *test)
{
	struct virt_room *r = busy_room(test);
	const struct vmm_sched_ops *ops;
	u32 i;

	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
	virt_run(r, r->now + 20 * MS);
	ops = rcu_access_pointer(r->pool->active)->ops;
	bad_set_kind(BAD_NEVER);
	/* Now everybody is queued; then time passes, and only the watchdog looks. */
	virt_run(r, r->now + 50 * MS);
	for (i = 0; i < 20 && !r->pool->last_exit.valid; i++) {
		r->now += 100 * MS;
		vmm_watch_pool(r->pool);
	}
	KUNIT_EXPECT_TRUE(test, r->broken);
	/* The FIFO serves at once: nobody waits at a pCPU that nobody has. */
	virt_check(test, r);
	vmm_swap_unregister(r->pool, ops);
	KUNIT_EXPECT_STREQ(test, active(r), "rr");
	KUNIT_EXPECT_STREQ(test, r->pool->last_exit.next, "rr");
	all_run_on(test, r, "unload");
	virt_destroy(r);
}

/* --- the watchdog -------------------------------------------------------------------------- */

/* Its work does not get to run: the pCPUs look after themselves. */
static void watchdog_is_watched(struct kunit *test)
{
	static const enum bad_kind kinds[] = { BAD_NEVER, BAD_SLICE_INFINITE, BAD_STARVE };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct virt_room *r = busy_room(test);
		u64 start;

		KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
		virt_run(r, r->now + 100 * MS);
		r->unwatched = true;
		bad_set_kind(kinds[i]);
		start = r->now;
		while (!r->pool->last_exit.valid && r->now < start + 10000 * MS)
			virt_run(r, r->now + 10 * MS);
		KUNIT_EXPECT_LE_MSG(test, r->now - start, 4500ULL * MS, "%s",
				    bad_kind_name(kinds[i]));
		KUNIT_EXPECT_STREQ(test, active(r), "rr");
		all_run_on(test, r, bad_kind_name(kinds[i]));
		virt_destroy(r);
	}
}

static void watchdog_bound_is_kept(struct kunit *test)
{
	static const u64 bounds[] = { VMM_WATCHDOG_MIN_NS, 400 * MS, VMM_WATCHDOG_MAX_NS };
	u64 before = vmm_watchdog_get(), start, took;
	u32 i;

	KUNIT_EXPECT_EQ(test, vmm_watchdog_set(VMM_WATCHDOG_MIN_NS - 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, vmm_watchdog_set(VMM_WATCHDOG_MAX_NS + 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, vmm_watchdog_get(), before);
	for (i = 0; i < ARRAY_SIZE(bounds); i++) {
		struct virt_room *r = busy_room(test);

		KUNIT_EXPECT_EQ(test, vmm_watchdog_set(bounds[i]), 0);
		r->watch_at = 0;
		KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
		virt_run(r, r->now + 20 * MS);
		bad_set_kind(BAD_NEVER);
		start = r->now;
		while (!r->pool->last_exit.valid && r->now < start + 3 * bounds[i])
			virt_run(r, r->now + bounds[i] / 50);
		took = r->now - start;
		/* It may have waited for a turn before. */
		KUNIT_EXPECT_GE(test, took + 10 * MS, bounds[i]);
		KUNIT_EXPECT_LE(test, took, bounds[i] + bounds[i] / 2 + bounds[i] / 10);
		expect_exit(test, r, VMM_BREACH_STALLED, "bad", "never");
		virt_destroy(r);
	}
	KUNIT_EXPECT_EQ(test, vmm_watchdog_set(before), 0);
}

/* The least lawful weight beside the greatest, and a sleeper that makes many picks. */
static void light_ones_are_not_starved(struct kunit *test)
{
	static const char * const names[] = { "bvt", "credit" };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		struct virt_room *r = virt_create(test, 1, 4);

		r->vcpu[0].group->weight = 1;
		r->vcpu[1].group->weight = 1000;
		r->vcpu[2].group->weight = 65535;
		r->vcpu[3].run_for = 20 * NSEC_PER_USEC;
		r->vcpu[3].sleep_for = MS;
		r->vcpu[0].hog = true;
		r->vcpu[1].hog = true;
		r->vcpu[2].hog = true;
		KUNIT_ASSERT_EQ(test, virt_swap(r, names[i]), 0);
		virt_run(r, r->now + 8000ULL * MS);
		KUNIT_EXPECT_FALSE_MSG(test, r->pool->last_exit.valid, "%s: it %s", names[i],
				       r->pool->last_exit.reason);
		KUNIT_EXPECT_STREQ(test, active(r), names[i]);
		virt_destroy(r);
	}
}

/* Over its cap for longer than the bound; and a claim that lasts for one period of 10 s. */
static void who_is_held_back_does_not_wait(struct kunit *test)
{
	struct virt_room *r = virt_create(test, 1, 2);
	const struct vmm_param_set set[] = { { "period", 10000 * MS }, { "budget", 100 * MS } };
	const struct vmm_sched_ops *ops;
	struct vmm_swap_result res;
	const char *why;

	r->throttles = true;
	r->vcpu[0].hog = true;
	r->vcpu[0].group->cap = 1;
	KUNIT_ASSERT_EQ(test, virt_swap(r, "credit"), 0);
	virt_run(r, r->now + 15000ULL * MS);
	r->vcpu[1].hog = true;
	virt_run(r, r->now + 15000ULL * MS);
	KUNIT_EXPECT_FALSE_MSG(test, r->pool->last_exit.valid, "credit: it %s",
			       r->pool->last_exit.reason);
	KUNIT_EXPECT_LE(test, virt_ran(r, 0), 30000ULL * MS / 50);
	ops = vmm_sched_get("edf");
	KUNIT_ASSERT_NOT_NULL(test, ops);
	KUNIT_EXPECT_EQ(test, vmm_sched_activate(r->pool, ops, set, 2, &res, &why), 0);
	vmm_sched_put(ops);
	virt_run(r, r->now + 40000ULL * MS);
	KUNIT_EXPECT_FALSE_MSG(test, r->pool->last_exit.valid, "edf: it %s",
			       r->pool->last_exit.reason);
	KUNIT_EXPECT_STREQ(test, active(r), "edf");
	virt_destroy(r);
}

/* A thread that does not come, a pCPU that is gone, all ceased: nobody's fault. */
static void who_is_away_does_not_wait(struct kunit *test)
{
	struct virt_room *r = busy_room(test);

	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
	r->vcpu[0].absent = true;
	virt_run(r, r->now + 3000 * MS);
	virt_online(r, 1, false);
	pin(test, r, 1, 0);
	virt_run(r, r->now + 3000 * MS);
	virt_online(r, 0, false);
	virt_run(r, r->now + 3000 * MS);
	virt_online(r, 0, true);
	virt_online(r, 1, true);
	virt_run(r, r->now + 3000 * MS);
	KUNIT_EXPECT_FALSE_MSG(test, r->pool->last_exit.valid, "it %s",
			       r->pool->last_exit.reason);
	virt_destroy(r);
}

/* The last 64 decisions, oldest first, and only its own. */
static void the_record_tells_the_last_decisions(struct kunit *test)
{
	struct virt_room *r = busy_room(test);
	struct vmm_exit_record *rec;
	u32 i;

	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
	virt_run(r, r->now + 1000 * MS);
	bad_set_kind(BAD_UNKNOWN);
	virt_run(r, r->now + 20 * MS);
	rec = vmm_exit_copy(r->pool);
	KUNIT_ASSERT_NOT_NULL(test, rec);
	KUNIT_ASSERT_EQ(test, rec->nr, VMM_DECISIONS);
	for (i = 1; i < rec->nr; i++)
		KUNIT_EXPECT_LE(test, rec->decision[i].at_ns, rec->decision[i - 1].at_ns);
	KUNIT_EXPECT_EQ(test, rec->decision[rec->nr - 1].entity, 0x7ffffff0);
	KUNIT_EXPECT_EQ(test, rec->decision[rec->nr - 1].at_ns, 0);
	KUNIT_EXPECT_EQ(test, rec->decision[rec->nr - 3].slice_ns, 3ULL * MS);
	KUNIT_EXPECT_EQ(test, rec->decision[rec->nr - 3].op, VMM_DECISION_PICK);
	kfree(rec);
	virt_destroy(r);

	r = busy_room(test);
	bad_set_kind(BAD_UNKNOWN);
	KUNIT_ASSERT_EQ(test, virt_swap(r, "bad"), 0);
	virt_run(r, r->now + 20 * MS);
	KUNIT_EXPECT_TRUE(test, r->pool->last_exit.valid);
	KUNIT_EXPECT_LE(test, r->pool->last_exit.nr, 8);
	virt_destroy(r);
}

static void contain_exit(struct kunit *test)
{
	bad_set_kind(BAD_GOOD);
}

static struct kunit_case contain_cases[] = {
	KUNIT_CASE(bad_ones_are_thrown_out),
	KUNIT_CASE(picks_a_disallowed_one),
	KUNIT_CASE(picks_a_dead_one),
	KUNIT_CASE(nobody_is_lost_with_the_queues),
	KUNIT_CASE(bad_preparations_are_refused),
	KUNIT_CASE(bad_answers_in_charge),
	KUNIT_CASE(what_is_tolerated),
	KUNIT_CASE(a_hand_over_stops_at_the_breach),
	KUNIT_CASE(timers_are_paced),
	KUNIT_CASE(few_deadlines_come_in_time),
	KUNIT_CASE(the_default_is_the_last_resort),
	KUNIT_CASE(unloaded_while_broken),
	KUNIT_CASE(watchdog_is_watched),
	KUNIT_CASE(watchdog_bound_is_kept),
	KUNIT_CASE(light_ones_are_not_starved),
	KUNIT_CASE(who_is_held_back_does_not_wait),
	KUNIT_CASE(who_is_away_does_not_wait),
	KUNIT_CASE(the_record_tells_the_last_decisions),
	{ }
};

static struct kunit_suite contain_suite = {
	.name = "vmm_contain",
	.exit = contain_exit,
	.test_cases = contain_cases,
};

kunit_test_suite(contain_suite);
