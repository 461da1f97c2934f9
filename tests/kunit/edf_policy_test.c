// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of sched_edf: each by itself; at random against an oracle that knows
 * no trees and counts time in ticks; in long runs that no deadline is missed
 * where none may be. The policy is compiled into this module.
 *
 * Locking: none; each test owns what it uses.
 */
#include <kunit/test.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timex.h>

#include "rnd.h"
/* The code under test itself. */
#include "../../sched_edf/edf_policy.c"

#define US 1000LL
#define MS 1000000LL

/* One pCPU, as main.c drives it. */
struct one {
	struct edf_queue q;
	struct edf_cpu c;
};

static struct edf_tune tune_of(u64 period, u64 budget)
{
	return (struct edf_tune){ .period = period, .budget = budget };
}

static void one_init(struct one *o)
{
	edf_queue_init(&o->q);
	edf_cpu_init(&o->c);
}

static void one_add(struct one *o, struct edf_ent *e, u64 period, u64 budget, u64 now)
{
	struct edf_tune t = tune_of(period, budget);

	edf_ent_init(e, &t);
	edf_enqueue(&o->q, &o->c, e, EDF_ENTER_WAKE, now);
}

/* Everything due at @now, then who should run does. */
static struct edf_ent *one_decide(struct one *o, u64 now)
{
	struct edf_ent *e, *first;

	while ((e = edf_due(&o->q, now))) {
		struct edf_tune t = e->tune;

		edf_replenish(&o->q, e, &t, now);
	}
	e = o->c.curr;
	first = edf_first(&o->q);
	if (e && (e->left <= 0 || (first && edf_cmp(first, e) < 0))) {
		edf_put(&o->q, e);
		edf_enqueue(&o->q, &o->c, e, EDF_ENTER_KEEP, now);
	}
	first = edf_first(&o->q);
	if (!o->c.curr && first)
		edf_run(&o->q, &o->c, first);
	return o->c.curr;
}

/* --- single rules -------------------------------------------------------------- */

static void edf_earliest_deadline_runs(struct kunit *test)
{
	struct edf_ent a, b, d;
	struct one o;

	one_init(&o);
	one_add(&o, &a, 10 * MS, 4 * MS, 0);
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 0), &a);
	one_add(&o, &b, 20 * MS, 4 * MS, 0);
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 0), &a);
	/* A nearer deadline takes the pCPU, an equal one does not. */
	one_add(&o, &d, 5 * MS, 1 * MS, 1 * MS);
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 1 * MS), &d);
	edf_dequeue(&o.q, &a);
	one_add(&o, &a, 5 * MS, 1 * MS, 1 * MS);
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 1 * MS), &d);
	edf_charge(&o.q, &d, 1 * MS);
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 2 * MS), &a);
	KUNIT_EXPECT_EQ(test, d.where, EDF_DEPLETED);
	edf_charge(&o.q, &a, 1 * MS);
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 3 * MS), &b);
}

static void edf_budget_comes_back_at_the_deadline(struct kunit *test)
{
	struct edf_ent a;
	struct one o;

	one_init(&o);
	one_add(&o, &a, 10 * MS, 4 * MS, 3 * MS);
	KUNIT_ASSERT_PTR_EQ(test, one_decide(&o, 3 * MS), &a);
	edf_charge(&o.q, &a, 4 * MS);
	KUNIT_EXPECT_NULL(test, one_decide(&o, 7 * MS));
	KUNIT_EXPECT_NULL(test, one_decide(&o, 13 * MS - 1));
	KUNIT_EXPECT_EQ(test, edf_next_due(&o.q), 13 * MS);
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 13 * MS), &a);
	KUNIT_EXPECT_EQ(test, a.left, 4 * MS);
	KUNIT_EXPECT_EQ(test, a.release, 13 * MS);
	KUNIT_EXPECT_EQ(test, a.deadline, 23 * MS);
	/* What it did not use is lost, and late by periods it keeps its grid. */
	edf_charge(&o.q, &a, 1 * MS);
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 47 * MS), &a);
	KUNIT_EXPECT_EQ(test, a.left, 4 * MS);
	KUNIT_EXPECT_EQ(test, a.release, 43 * MS);
}

static void edf_overrun_is_paid_back(struct kunit *test)
{
	struct edf_ent a;
	struct one o;

	one_init(&o);
	one_add(&o, &a, 10 * MS, 4 * MS, 0);
	one_decide(&o, 0);
	edf_charge(&o.q, &a, 4 * MS + 30 * US);
	KUNIT_EXPECT_NULL(test, one_decide(&o, 5 * MS));
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 10 * MS), &a);
	KUNIT_EXPECT_EQ(test, a.left, 4 * MS - 30 * US);
	/* At most one budget: it costs one period, not ten. */
	edf_charge(&o.q, &a, 400 * MS);
	KUNIT_EXPECT_EQ(test, a.left, -4 * MS);
	KUNIT_EXPECT_NULL(test, one_decide(&o, 20 * MS));
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 30 * MS), &a);
	KUNIT_EXPECT_EQ(test, a.left, 4 * MS);
	edf_charge(&o.q, &a, U64_MAX);
	KUNIT_EXPECT_EQ(test, a.left, -4 * MS);
}

static void edf_extratime_goes_on_behind(struct kunit *test)
{
	struct edf_tune t = tune_of(10 * MS, 2 * MS);
	struct edf_ent a, b;
	struct one o;

	one_init(&o);
	one_add(&o, &b, 100 * MS, 3 * MS, 0);
	t.extratime = true;
	edf_ent_init(&a, &t);
	edf_enqueue(&o.q, &o.c, &a, EDF_ENTER_WAKE, 0);
	KUNIT_ASSERT_PTR_EQ(test, one_decide(&o, 0), &a);
	edf_charge(&o.q, &a, 2 * MS);
	KUNIT_EXPECT_EQ(test, a.level, 1);
	KUNIT_EXPECT_EQ(test, a.left, 2 * MS);
	/* Level 0 first, although its deadline is ten times as far. */
	KUNIT_ASSERT_PTR_EQ(test, one_decide(&o, 2 * MS), &b);
	edf_charge(&o.q, &b, 3 * MS);
	KUNIT_ASSERT_PTR_EQ(test, one_decide(&o, 5 * MS), &a);
	edf_charge(&o.q, &a, 4500 * US);
	KUNIT_EXPECT_EQ(test, a.level, 3);
	KUNIT_EXPECT_EQ(test, a.left, 1500 * US);
	KUNIT_ASSERT_PTR_EQ(test, one_decide(&o, 10 * MS), &a);
	KUNIT_EXPECT_EQ(test, a.level, 0);
	KUNIT_EXPECT_EQ(test, a.left, 2 * MS);
}

static void edf_wakes_into_its_period_or_a_new_one(struct kunit *test)
{
	struct edf_ent a;
	struct one o;

	one_init(&o);
	one_add(&o, &a, 10 * MS, 4 * MS, 0);
	one_decide(&o, 0);
	edf_charge(&o.q, &a, 1 * MS);
	edf_put(&o.q, &a);
	/* The server is deferrable: budget and deadline kept. */
	edf_enqueue(&o.q, &o.c, &a, EDF_ENTER_WAKE, 9 * MS);
	KUNIT_EXPECT_EQ(test, a.left, 3 * MS);
	KUNIT_EXPECT_EQ(test, a.deadline, 10 * MS);
	edf_dequeue(&o.q, &a);
	/* The deadline has passed: from now on, not from there. */
	edf_enqueue(&o.q, &o.c, &a, EDF_ENTER_WAKE, 14 * MS);
	KUNIT_EXPECT_EQ(test, a.left, 4 * MS);
	KUNIT_EXPECT_EQ(test, a.release, 14 * MS);
	KUNIT_EXPECT_EQ(test, a.deadline, 24 * MS);
	edf_dequeue(&o.q, &a);
	/* Not asleep, only kept away: the periods follow one another. */
	edf_enqueue(&o.q, &o.c, &a, EDF_ENTER_KEEP, 30 * MS);
	KUNIT_EXPECT_EQ(test, a.release, 24 * MS);
	edf_dequeue(&o.q, &a);
	/* Strict: 4 ms of budget do not fit into the last 3 of 10 ms at 40 %. */
	o.q.strict = true;
	edf_enqueue(&o.q, &o.c, &a, EDF_ENTER_WAKE, 31 * MS);
	KUNIT_EXPECT_EQ(test, a.release, 31 * MS);
	KUNIT_EXPECT_EQ(test, a.deadline, 41 * MS);
	edf_run(&o.q, &o.c, &a);
	edf_charge(&o.q, &a, 3 * MS);
	edf_put(&o.q, &a);
	edf_enqueue(&o.q, &o.c, &a, EDF_ENTER_WAKE, 38 * MS);
	KUNIT_EXPECT_EQ(test, a.deadline, 41 * MS);
	KUNIT_EXPECT_EQ(test, a.left, 1 * MS);
}

static void edf_time_critical_breaks_ties(struct kunit *test)
{
	struct edf_tune t = tune_of(10 * MS, 4 * MS);
	struct edf_ent a, b;
	struct one o;

	one_init(&o);
	one_add(&o, &a, 10 * MS, 4 * MS, 0);
	t.critical = true;
	edf_ent_init(&b, &t);
	edf_enqueue(&o.q, &o.c, &b, EDF_ENTER_WAKE, 0);
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 0), &b);
	/* Of equal claims only: */
	t.period++;
	edf_retune(&o.q, &b, &t, 0);
	edf_charge(&o.q, &b, 4 * MS);
	KUNIT_EXPECT_PTR_EQ(test, one_decide(&o, 4 * MS), &a);
	one_decide(&o, 10 * MS + 1);
	KUNIT_EXPECT_PTR_EQ(test, o.c.curr, &a);
}

static void edf_new_parameters_cut_the_period(struct kunit *test)
{
	struct edf_tune t;
	struct edf_ent a;
	struct one o;

	one_init(&o);
	one_add(&o, &a, 10000 * MS, 5000 * MS, 0);
	one_decide(&o, 0);
	edf_charge(&o.q, &a, 10 * MS);
	t = tune_of(10 * MS, 5 * MS);
	edf_retune(&o.q, &a, &t, 10 * MS);
	KUNIT_EXPECT_EQ(test, a.deadline, 20 * MS);
	KUNIT_EXPECT_EQ(test, a.left, 5 * MS);
	KUNIT_EXPECT_EQ(test, a.where, EDF_RUNNING);
	KUNIT_EXPECT_EQ(test, edf_next_due(&o.q), 20 * MS);
	/* More of both: from the next period on. */
	t = tune_of(40 * MS, 8 * MS);
	edf_retune(&o.q, &a, &t, 12 * MS);
	KUNIT_EXPECT_EQ(test, a.deadline, 20 * MS);
	KUNIT_EXPECT_EQ(test, a.left, 5 * MS);
	edf_charge(&o.q, &a, 5 * MS);
	KUNIT_EXPECT_NULL(test, one_decide(&o, 17 * MS));
	/* Extratime while it waits, and none again: its budget was used. */
	t.extratime = true;
	edf_retune(&o.q, &a, &t, 17 * MS);
	KUNIT_EXPECT_EQ(test, a.where, EDF_READY);
	KUNIT_EXPECT_EQ(test, a.level, 1);
	t.extratime = false;
	edf_retune(&o.q, &a, &t, 18 * MS);
	KUNIT_EXPECT_EQ(test, a.where, EDF_DEPLETED);
	one_decide(&o, 20 * MS);
	KUNIT_EXPECT_EQ(test, a.deadline, 60 * MS);
	KUNIT_EXPECT_EQ(test, a.left, 8 * MS);
}

static void edf_lag_survives_a_hand_over(struct kunit *test)
{
	struct edf_tune t = tune_of(10 * MS, 4 * MS);
	static const s64 lags[] = { 0, 1 * MS, 2 * MS, -1 * MS, -4 * MS, 100 * MS, -100 * MS };
	u64 now = 1000 * MS;
	struct edf_ent a;
	int i;

	for (i = 0; i < ARRAY_SIZE(lags); i++) {
		edf_ent_init(&a, &t);
		edf_take_lag(&a, lags[i], now);
		/* Half a period's share is the most that it can be owed, its budget to owe. */
		KUNIT_EXPECT_LE(test, abs(edf_lag(&a, now) -
					  clamp_t(s64, lags[i], -4 * MS, 2 * MS)), 1);
		KUNIT_EXPECT_GE(test, a.deadline, now + 5 * MS);
	}
	/* As it runs: owed in the first 6 ms without service, even after 4 of 10. */
	edf_ent_init(&a, &t);
	edf_take_lag(&a, 0, now);
	KUNIT_EXPECT_EQ(test, edf_lag(&a, now + 5 * MS), 2 * MS);
	a.left = 0;
	KUNIT_EXPECT_EQ(test, edf_lag(&a, now + 10 * MS), 0);
	KUNIT_EXPECT_EQ(test, edf_lag(&a, now + 20 * MS), 0);
	a.level = U32_MAX;
	KUNIT_EXPECT_EQ(test, edf_lag(&a, now + 5 * MS), -EDF_LAG_MAX);
}

static void edf_admission_in_figures(struct kunit *test)
{
	struct edf_tune third = tune_of(30 * MS, 10 * MS), half = tune_of(10 * MS, 5 * MS);
	struct edf_tune whole = tune_of(EDF_NS_MAX, EDF_NS_MAX);
	u64 t = edf_util(&third), h = edf_util(&half), one = edf_util(&whole);

	KUNIT_EXPECT_EQ(test, one, EDF_UNIT);
	/* Three thirds fit, and not a millionth more. */
	KUNIT_EXPECT_TRUE(test, edf_fits(3 * t, t, 1, 100, false));
	KUNIT_EXPECT_FALSE(test, edf_fits(3 * t + EDF_UNIT / 1000000, t, 1, 100, false));
	KUNIT_EXPECT_TRUE(test, edf_fits(4 * h, h, 2, 100, false));
	KUNIT_EXPECT_FALSE(test, edf_fits(5 * h, h, 2, 100, false));
	KUNIT_EXPECT_TRUE(test, edf_fits(h, h, 1, 50, false));
	KUNIT_EXPECT_FALSE(test, edf_fits(h, h, 1, 49, false));
	/* GFB: 2 - 1 x 1/2 = 3/2; 4 - 3 x 1 = 1. On one pCPU it asks for nothing. */
	KUNIT_EXPECT_TRUE(test, edf_fits(3 * h, h, 2, 100, true));
	KUNIT_EXPECT_FALSE(test, edf_fits(4 * h, h, 2, 100, true));
	KUNIT_EXPECT_TRUE(test, edf_fits(one, one, 4, 100, true));
	KUNIT_EXPECT_FALSE(test, edf_fits(one + t, one, 4, 100, true));
	KUNIT_EXPECT_TRUE(test, edf_fits(2 * h, h, 1, 100, true));
	KUNIT_EXPECT_FALSE(test, edf_fits(1, 1, 0, 100, true));
	KUNIT_EXPECT_TRUE(test, edf_fits(1ULL << 40, 1, 1 << 10, 100, false));
}

/* --- at random, against the oracle ---------------------------------------------- */

#define TICK	(100 * US)
#define O_N	12

/*
 * An entity as the oracle sees it, in ticks: it counts what was used of how
 * many budgets, and knows no levels but that quotient.
 */
struct oracle_ent {
	u32 period, budget;
	bool extra, awake, known;
	u32 begin;		/* of its period */
	u32 used;		/* in it */
};

static u32 o_level(const struct oracle_ent *o)
{
	return o->extra ? o->used / o->budget : 0;
}

static bool o_may_run(const struct oracle_ent *o)
{
	return o->awake && (o->extra || o->used < o->budget);
}

/* Level and deadline as one number. */
static u64 o_key(const struct oracle_ent *o)
{
	return ((u64)o_level(o) << 32) | (o->begin + o->period);
}

static void o_new_period(struct oracle_ent *o, u32 begin)
{
	o->begin = begin;
	o->used = 0;
}

static void expect_same(struct kunit *test, const struct oracle_ent *o,
			const struct edf_ent *e)
{
	s64 left = ((s64)(o_level(o) + 1) * o->budget - o->used) * TICK;

	if (!o->awake)
		return;
	KUNIT_ASSERT_EQ(test, e->deadline, (o->begin + o->period) * TICK);
	KUNIT_ASSERT_EQ(test, e->level, o_level(o));
	KUNIT_ASSERT_EQ(test, e->left, left);
}

static void o_make(struct rnd *r, struct oracle_ent *o, struct edf_ent *e, int n)
{
	struct edf_tune t;
	int i;

	for (i = 0; i < n; i++) {
		o[i] = (struct oracle_ent){
			.period = rnd_range(r, 2, 60),
			.extra = rnd_range(r, 0, 3) == 0,
		};
		o[i].budget = rnd_range(r, 1, o[i].period);
		t = tune_of(o[i].period * TICK, o[i].budget * TICK);
		t.extratime = o[i].extra;
		edf_ent_init(&e[i], &t);
	}
}

/* @i falls asleep or wakes in the tick @now; in both. */
static void o_toggle(struct one *q, struct oracle_ent *o, struct edf_ent *e, u32 now)
{
	if (o->awake) {
		o->awake = false;
		if (q->c.curr == e)
			edf_put(&q->q, e);
		else
			edf_dequeue(&q->q, e);
		return;
	}
	if (!o->known || now >= o->begin + o->period)
		o_new_period(o, now);
	o->known = true;
	o->awake = true;
	edf_enqueue(&q->q, &q->c, e, EDF_ENTER_WAKE, now * TICK);
}

static void o_tick(struct kunit *test, struct one *q, struct oracle_ent *o,
		   struct edf_ent *e, int n, u32 now)
{
	struct edf_ent *run;
	u64 best = U64_MAX;
	int i;

	for (i = 0; i < n; i++)
		if (o[i].awake && now == o[i].begin + o[i].period)
			o_new_period(&o[i], now);
	run = one_decide(q, now * TICK);
	for (i = 0; i < n; i++) {
		expect_same(test, &o[i], &e[i]);
		if (o_may_run(&o[i]))
			best = min(best, o_key(&o[i]));
	}
	KUNIT_ASSERT_EQ(test, !run, best == U64_MAX);
	if (!run)
		return;
	KUNIT_ASSERT_EQ(test, o_key(&o[run - e]), best);
	KUNIT_ASSERT_TRUE(test, o_may_run(&o[run - e]));
	o[run - e].used++;
	edf_charge(&q->q, run, TICK);
}

static void edf_random_sets_match_the_oracle(struct kunit *test)
{
	struct oracle_ent *o = kunit_kcalloc(test, O_N, sizeof(*o), GFP_KERNEL);
	struct edf_ent *e = kunit_kcalloc(test, O_N, sizeof(*e), GFP_KERNEL);
	struct one q;
	int set, n;
	u32 now;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, o);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e);
	for (set = 0; set < 60; set++) {
		struct rnd r = { set };

		n = rnd_range(&r, 1, O_N);
		one_init(&q);
		o_make(&r, o, e, n);
		for (now = 1; now < 1500; now++) {
			if (rnd_range(&r, 0, 5) == 0) {
				int i = rnd_range(&r, 0, n - 1);

				/* Not in the tick of its deadline: who comes first is undefined. */
				if (!o[i].awake || now != o[i].begin + o[i].period)
					o_toggle(&q, &o[i], &e[i], now);
			}
			o_tick(test, &q, o, e, n, now);
		}
		cond_resched();
	}
}

static struct kunit_case edf_policy_cases[] = {
	KUNIT_CASE(edf_earliest_deadline_runs),
	KUNIT_CASE(edf_budget_comes_back_at_the_deadline),
	KUNIT_CASE(edf_overrun_is_paid_back),
	KUNIT_CASE(edf_extratime_goes_on_behind),
	KUNIT_CASE(edf_wakes_into_its_period_or_a_new_one),
	KUNIT_CASE(edf_time_critical_breaks_ties),
	KUNIT_CASE(edf_new_parameters_cut_the_period),
	KUNIT_CASE(edf_lag_survives_a_hand_over),
	KUNIT_CASE(edf_admission_in_figures),
	KUNIT_CASE(edf_random_sets_match_the_oracle),
	{}
};

static struct kunit_suite edf_policy_suite = {
	.name = "vmm_edf_policy",
	.test_cases = edf_policy_cases,
};

kunit_test_suite(edf_policy_suite);
