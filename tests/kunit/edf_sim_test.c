// SPDX-License-Identifier: GPL-2.0
/*
 * sched_edf in long runs under a virtual clock: sets up to the bounds of
 * admission miss no deadline, others do (so that the test can tell), sleepers
 * harm others unless strict, and thousands cost little more than a few. Uses
 * the copy of the policy in edf_policy_test.c.
 *
 * Locking: none; each test owns what it uses.
 */
#include <kunit/test.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timex.h>

#include "../../sched_edf/edf_policy.h"
#include "rnd.h"

#define US 1000LL
#define MS 1000000LL

struct sim_ent {
	struct edf_ent e;
	bool sleeps;		/* at times */
	bool whole;		/* it was awake since the period began */
	u64 wake_at;		/* 0: awake */
	u64 nap_at;		/* when it falls asleep next, unless it is earlier */
	u64 got;
};

struct sim {
	struct kunit *test;
	struct rnd r;
	struct edf_queue q;
	struct edf_cpu *cpu;
	unsigned int nr_cpus;
	struct sim_ent *ent;
	unsigned int n;
	u64 now;
	u64 load;		/* sum of the utilisations, in EDF_UNIT */
	u64 greatest;
	bool sleepers;		/* some sleep at times */
	u32 misses;
	u32 met;
};

static struct sim *sim_make(struct kunit *test, u64 seed, unsigned int nr_cpus,
			    unsigned int n)
{
	struct sim *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s);
	s->test = test;
	s->r.x = seed;
	s->cpu = kunit_kcalloc(test, nr_cpus, sizeof(*s->cpu), GFP_KERNEL);
	s->ent = kunit_kcalloc(test, n, sizeof(*s->ent), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->cpu);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->ent);
	s->nr_cpus = nr_cpus;
	edf_queue_init(&s->q);
	for (i = 0; i < nr_cpus; i++)
		edf_cpu_init(&s->cpu[i]);
	return s;
}

/* One more, with this share of a pCPU (in EDF_UNIT) in a period of 1 to 50 ms. */
static void sim_add(struct sim *s, u64 util)
{
	struct edf_tune t = { .period = rnd_range(&s->r, 1 * MS, 50 * MS) };
	struct sim_ent *x = &s->ent[s->n++];

	t.budget = clamp_t(u64, t.period * util / EDF_UNIT, 1, t.period);
	edf_ent_init(&x->e, &t);
	edf_enqueue(&s->q, &s->cpu[0], &x->e, EDF_ENTER_WAKE, s->now);
	x->whole = true;
	s->load += edf_util(&t);
	s->greatest = max(s->greatest, edf_util(&t));
}

/* @n that reserve @room together, in random parts of at most @most. */
static void sim_fill(struct sim *s, unsigned int n, u64 room, u64 most)
{
	unsigned int i;
	u64 part;

	for (i = n; i > 0; i--) {
		/* The last one takes the rest; no part may leave too much for the others. */
		u64 low = room > (i - 1) * most ? room - (i - 1) * most : 0;

		part = i == 1 ? room : rnd_range(&s->r, low, min(most, 2 * room / i));
		sim_add(s, min(part, most));
		room -= min(part, room);
	}
}

static void sim_due(struct sim *s)
{
	struct edf_ent *e;

	while ((e = edf_due(&s->q, s->now))) {
		struct sim_ent *x = container_of(e, struct sim_ent, e);
		struct edf_tune t = e->tune;

		/* It wanted all of its budget for all of its period. */
		if (x->whole) {
			if (e->left > 0)
				s->misses++;
			else
				s->met++;
		}
		x->whole = true;
		edf_replenish(&s->q, e, &t, s->now);
	}
}

static void sim_sleep(struct sim *s, struct sim_ent *x)
{
	u64 till = s->now + rnd_range(&s->r, 1, 30 * MS);

	if (x->e.where == EDF_RUNNING)
		edf_put(&s->q, &x->e);
	else
		edf_dequeue(&s->q, &x->e);
	x->wake_at = till;
	x->whole = false;
}

static void sim_wake(struct sim *s)
{
	unsigned int i;

	for (i = 0; s->sleepers && i < s->n; i++) {
		struct sim_ent *x = &s->ent[i];

		if (x->wake_at && x->wake_at <= s->now) {
			u64 was = x->e.deadline;

			x->wake_at = 0;
			x->nap_at = s->now + rnd_range(&s->r, 1 * MS, 40 * MS);
			edf_enqueue(&s->q, &s->cpu[0], &x->e, EDF_ENTER_WAKE, s->now);
			x->whole = x->e.deadline != was;
		} else if (x->sleeps && !x->wake_at && x->nap_at <= s->now) {
			sim_sleep(s, x);
		}
	}
}

/* The best claims run, on whichever pCPUs. */
static void sim_dispatch(struct sim *s)
{
	struct edf_cpu *c, *worst;
	struct edf_ent *e;
	unsigned int i;

	for (i = 0; i < s->nr_cpus; i++) {
		e = s->cpu[i].curr;
		if (!e || e->left > 0)
			continue;
		edf_put(&s->q, e);
		edf_enqueue(&s->q, &s->cpu[i], e, EDF_ENTER_KEEP, s->now);
	}
	while ((e = edf_first(&s->q))) {
		c = NULL;
		for (i = 0; i < s->nr_cpus && !c; i++)
			if (!s->cpu[i].curr)
				c = &s->cpu[i];
		if (!c) {
			struct edf_ent *out;

			worst = edf_worst(&s->q);
			if (edf_cmp(e, worst->curr) >= 0)
				break;
			c = worst;
			out = c->curr;
			edf_put(&s->q, out);
			edf_enqueue(&s->q, c, out, EDF_ENTER_KEEP, s->now);
		}
		edf_run(&s->q, c, e);
	}
}

static void sim_run(struct sim *s, u64 until)
{
	unsigned int i;
	u64 next, ran;

	while (s->now < until) {
		sim_due(s);
		sim_wake(s);
		sim_dispatch(s);
		next = min(until, edf_next_due(&s->q));
		for (i = 0; i < s->nr_cpus; i++)
			if (s->cpu[i].curr)
				next = min_t(u64, next, s->now + s->cpu[i].curr->left);
		for (i = 0; s->sleepers && i < s->n; i++) {
			if (s->ent[i].wake_at)
				next = min(next, s->ent[i].wake_at);
			else if (s->ent[i].sleeps)
				next = min(next, max(s->ent[i].nap_at, s->now + 1));
		}
		ran = next - s->now;
		s->now = next;
		for (i = 0; i < s->nr_cpus; i++) {
			struct edf_ent *e = s->cpu[i].curr;

			if (!e)
				continue;
			edf_charge(&s->q, e, ran);
			container_of(e, struct sim_ent, e)->got += ran;
		}
	}
}

/* --- deadlines --------------------------------------------------------------------- */

/* Full load up to one pCPU: every budget in every period, to the ns. */
static void edf_no_miss_up_to_one(struct kunit *test)
{
	u32 met = 0;
	int set;

	for (set = 0; set < 60; set++) {
		struct sim *s;
		unsigned int n = 1 + set % 15;

		s = sim_make(test, set, 1, n);
		sim_fill(s, n, set % 2 ? EDF_UNIT : EDF_UNIT * 9 / 10, EDF_UNIT);
		KUNIT_ASSERT_TRUE(test, edf_fits(s->load, s->greatest, 1, 100, true));
		sim_run(s, 1000 * MS);
		KUNIT_ASSERT_EQ_MSG(test, s->misses, 0, "set %d, %u entities", set, n);
		met += s->met;
		cond_resched();
	}
	KUNIT_EXPECT_GT(test, met, 10000);
}

/* The test above can fail: with 5 % more than fits somebody is late, in each set. */
static void edf_overload_is_late(struct kunit *test)
{
	int set;

	for (set = 0; set < 20; set++) {
		struct sim *s = sim_make(test, set, 1, 5);

		sim_fill(s, 5, EDF_UNIT * 105 / 100, EDF_UNIT / 2);
		KUNIT_ASSERT_FALSE(test, edf_fits(s->load, s->greatest, 1, 100, false));
		sim_run(s, 2000 * MS);
		KUNIT_ASSERT_GT(test, s->misses, 0);
	}
}

/*
 * On several pCPUs: none late within the GFB bound. Within the plain one it
 * happens (that is what the option is for), and nobody gets more than its share.
 */
static void edf_several_pcpus(struct kunit *test)
{
	u32 misses = 0, met = 0;
	unsigned int i;
	int set;

	for (set = 0; set < 30; set++) {
		unsigned int m = 2 + set % 7, n = 3 * m;
		struct sim *s = sim_make(test, set, m, n);

		sim_fill(s, n, m * EDF_UNIT - (m - 1) * EDF_UNIT / 2, EDF_UNIT / 2);
		KUNIT_ASSERT_TRUE(test, edf_fits(s->load, s->greatest, m, 100, true));
		sim_run(s, 500 * MS);
		KUNIT_ASSERT_EQ_MSG(test, s->misses, 0, "set %d", set);
		KUNIT_ASSERT_GT(test, s->met, 50);

		s = sim_make(test, set, m, 2 * m);
		sim_fill(s, 2 * m, m * EDF_UNIT, EDF_UNIT);
		KUNIT_ASSERT_TRUE(test, edf_fits(s->load, s->greatest, m, 100, false));
		sim_run(s, 1000 * MS);
		for (i = 0; i < s->n; i++) {
			const struct edf_tune *t = &s->ent[i].e.tune;
			u64 share = 1000 * MS * t->budget / t->period;

			KUNIT_ASSERT_LE(test, s->ent[i].got, share + t->budget);
		}
		misses += s->misses;
		met += s->met;
		cond_resched();
	}
	kunit_info(test, "late periods without the GFB bound: %u of %u\n", misses, misses + met);
	KUNIT_EXPECT_GT(test, misses, 0);
	KUNIT_EXPECT_GT(test, met, 20 * misses);
}

/*
 * Sleepers among those that always run: with the rule of a plain deferrable
 * server somebody is late now and then, with the strict one nobody.
 */
static void edf_sleepers_harm_nobody_if_strict(struct kunit *test)
{
	u32 misses[2] = { }, met[2] = { };
	int set, strict;
	unsigned int i;

	for (set = 0; set < 60; set++) {
		for (strict = 0; strict < 2; strict++) {
			struct sim *s = sim_make(test, set, 1, 6);

			s->q.strict = strict;
			s->sleepers = true;
			sim_fill(s, 6, EDF_UNIT, EDF_UNIT / 3);
			for (i = 0; i < 6; i += 2)
				s->ent[i].sleeps = true;
			sim_run(s, 1000 * MS);
			misses[strict] += s->misses;
			met[strict] += s->met;
			cond_resched();
		}
	}
	KUNIT_EXPECT_GT(test, misses[0], 0);
	KUNIT_EXPECT_EQ(test, misses[1], 0);
	KUNIT_EXPECT_GT(test, met[1], 1000);
	kunit_info(test, "late periods with sleepers: %u of %u, strict %u of %u\n", misses[0],
		   misses[0] + met[0], misses[1], misses[1] + met[1]);
}

/* --- many ----------------------------------------------------------------------------- */

/*
 * Ticks of a decision with @n entities, as an average: who runs is put and
 * queued, anybody leaves and comes back, the best claim runs.
 */
static u64 ticks_with(struct kunit *test, unsigned int n)
{
	enum { TIMES = 2000 };
	struct sim *s = sim_make(test, 3, 1, n);
	struct edf_ent *e;
	unsigned int i;
	u64 t0 = 0;

	sim_fill(s, n, EDF_UNIT, EDF_UNIT);
	sim_dispatch(s);
	for (i = 0; i < 2 * TIMES; i++) {
		if (i == TIMES)
			t0 = get_cycles();	/* what came before warmed the caches */
		e = s->cpu[0].curr;
		edf_put(&s->q, e);
		edf_enqueue(&s->q, &s->cpu[0], e, EDF_ENTER_KEEP, s->now);
		e = &s->ent[rnd_range(&s->r, 0, n - 1)].e;
		edf_dequeue(&s->q, e);
		edf_enqueue(&s->q, &s->cpu[0], e, EDF_ENTER_KEEP, s->now);
		edf_run(&s->q, &s->cpu[0], edf_first(&s->q));
	}
	return div_u64(get_cycles() - t0, TIMES);
}

static void edf_cost_is_logarithmic(struct kunit *test)
{
	u64 few = ticks_with(test, 16), many = ticks_with(test, 4096);

	kunit_info(test, "a decision: %llu ticks with 16, %llu with 4096\n", few, many);
	/* The logarithm trebles (and caches miss); the square root would grow by 16. */
	KUNIT_EXPECT_LT(test, many, 10 * few);
}

static void edf_4000_on_one_pcpu(struct kunit *test)
{
	struct sim *s = sim_make(test, 17, 1, 4000);
	unsigned int i;

	/* Parts so small that a budget is about 1 us. */
	sim_fill(s, 4000, EDF_UNIT, EDF_UNIT);
	for (i = 0; i < s->n; i++)
		KUNIT_ASSERT_GE(test, s->ent[i].e.tune.budget, 1);
	sim_run(s, 20 * MS);
	KUNIT_EXPECT_EQ(test, s->misses, 0);
	KUNIT_EXPECT_GT(test, s->met, 1000);
}

static struct kunit_case edf_sim_cases[] = {
	KUNIT_CASE(edf_no_miss_up_to_one),
	KUNIT_CASE(edf_overload_is_late),
	KUNIT_CASE(edf_several_pcpus),
	KUNIT_CASE(edf_sleepers_harm_nobody_if_strict),
	KUNIT_CASE(edf_cost_is_logarithmic),
	KUNIT_CASE(edf_4000_on_one_pcpu),
	{}
};

static struct kunit_suite edf_sim_suite = {
	.name = "vmm_edf_sim",
	.test_cases = edf_sim_cases,
};

kunit_test_suite(edf_sim_suite);
