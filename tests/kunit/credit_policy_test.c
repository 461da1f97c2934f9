// SPDX-License-Identifier: GPL-2.0
/*
 * The credit rules one by one, and in long runs under a virtual clock: against
 * the shares that Xen's rules give, against weighted max-min computed by a dumb
 * oracle, with caps, sleepers, pins, thousands of entities.
 *
 * Locking: none; each test owns what it uses.
 */
#include <kunit/test.h>
#include <linux/list.h>

#include "../../sched_credit/credit_policy.c"
#include "credit_sim.h"

struct bed {
	struct credit_pool pool;
	struct credit_queue q;
	struct credit_vm vm[8];
	struct credit_ent e[8];
};

static struct bed *bed_make(struct kunit *test)
{
	const struct credit_tune t = { .weight = 256 };
	struct bed *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b);
	b->pool.nr_pcpus = 1;
	credit_queue_init(&b->q, PERIOD);
	for (i = 0; i < 8; i++)
		credit_ent_init(&b->e[i], &b->vm[i], &t);
	return b;
}

static void round_now(struct bed *b, u64 now)
{
	credit_round_begin(&b->q, &b->pool, now);
	while (credit_round_go(&b->q, &b->pool, now, 64))
		;
}

static void queue(struct bed *b, int i, enum credit_pri pri)
{
	b->e[i].pri = pri;
	credit_enqueue(&b->q, &b->e[i], CREDIT_ENTER_TURN, 0);
}

/* --- order ------------------------------------------------------------------------ */

static void expect_order(struct kunit *test, struct bed *b, const int *order, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_PTR_EQ(test, credit_pick(&b->q), &b->e[order[i]]);
		credit_put(&b->q, &b->e[order[i]], false, 0);
	}
	KUNIT_EXPECT_TRUE(test, !credit_pick(&b->q));
}

static void credit_priority_then_fifo(struct kunit *test)
{
	static const int order[] = { 4, 1, 3, 0, 2 };
	struct bed *b = bed_make(test);

	queue(b, 0, CREDIT_OVER);
	queue(b, 1, CREDIT_UNDER);
	queue(b, 2, CREDIT_OVER);
	queue(b, 3, CREDIT_UNDER);
	queue(b, 4, CREDIT_BOOST);
	expect_order(test, b, order, 5);
}

/* One that yields lets one of lower priority pass, and only one. */
static void credit_yield_passes_one_lower(struct kunit *test)
{
	static const int order[] = { 1, 0, 3, 2 }, alone[] = { 1, 3 };
	struct bed *b = bed_make(test);

	queue(b, 0, CREDIT_OVER);
	queue(b, 1, CREDIT_UNDER);
	queue(b, 2, CREDIT_OVER);
	b->e[3].pri = CREDIT_UNDER;
	credit_enqueue(&b->q, &b->e[3], CREDIT_ENTER_YIELD, 0);
	expect_order(test, b, order, 4);
	/* The flag went with the pick: next time it is as any other. */
	KUNIT_EXPECT_FALSE(test, b->e[3].yields);
	/* With nobody lower it goes to the end of its own. */
	b->e[3].pri = CREDIT_UNDER;
	queue(b, 1, CREDIT_UNDER);
	credit_enqueue(&b->q, &b->e[3], CREDIT_ENTER_YIELD, 0);
	expect_order(test, b, alone, 2);
}

static void credit_wake_boosts_who_is_under(struct kunit *test)
{
	struct bed *b = bed_make(test);

	credit_enqueue(&b->q, &b->e[0], CREDIT_ENTER_WAKE, 0);
	KUNIT_EXPECT_EQ(test, (int)b->e[0].pri, (int)CREDIT_BOOST);
	b->e[1].pri = CREDIT_OVER;
	b->e[1].credit = -1;
	credit_enqueue(&b->q, &b->e[1], CREDIT_ENTER_WAKE, 0);
	KUNIT_EXPECT_EQ(test, (int)b->e[1].pri, (int)CREDIT_OVER);
	credit_enqueue(&b->q, &b->e[2], CREDIT_ENTER_MOVE, 0);
	KUNIT_EXPECT_EQ(test, (int)b->e[2].pri, (int)CREDIT_UNDER);

	/* The boost ends at the tick that finds it running; it is active from then on. */
	KUNIT_EXPECT_PTR_EQ(test, credit_pick(&b->q), &b->e[0]);
	KUNIT_EXPECT_FALSE(test, b->e[0].active);
	credit_tick(&b->q, 10 * MS);
	KUNIT_EXPECT_EQ(test, (int)b->e[0].pri, (int)CREDIT_UNDER);
	KUNIT_EXPECT_TRUE(test, b->e[0].active);
}

static void credit_preempts_only_the_lower(struct kunit *test)
{
	struct bed *b = bed_make(test);

	queue(b, 0, CREDIT_UNDER);
	credit_pick(&b->q);
	queue(b, 1, CREDIT_UNDER);
	queue(b, 2, CREDIT_BOOST);
	queue(b, 3, CREDIT_OVER);
	KUNIT_EXPECT_EQ(test, credit_wakeup(&b->q, &b->e[1], 0), U64_MAX);
	KUNIT_EXPECT_EQ(test, credit_wakeup(&b->q, &b->e[3], 0), U64_MAX);
	KUNIT_EXPECT_EQ(test, credit_wakeup(&b->q, &b->e[2], 0), 0ULL);
	/* The rate limit: the rest of the first millisecond. */
	KUNIT_EXPECT_EQ(test, credit_wakeup(&b->q, &b->e[2], MS), (u64)MS);
	credit_charge(&b->q, &b->e[0], 300000, 300000);
	KUNIT_EXPECT_EQ(test, credit_wakeup(&b->q, &b->e[2], MS), 700000ULL);
	credit_charge(&b->q, &b->e[0], 700000, MS);
	KUNIT_EXPECT_EQ(test, credit_wakeup(&b->q, &b->e[2], MS), 0ULL);
	/* Parked or yielding, it does not. */
	b->e[2].parked = true;
	KUNIT_EXPECT_EQ(test, credit_wakeup(&b->q, &b->e[2], 0), U64_MAX);
}

/* A hog that has a boost keeps nobody out who has one too: they take turns of 1 ms. */
static void credit_boosted_take_turns(struct kunit *test)
{
	struct bed *b = bed_make(test);

	queue(b, 0, CREDIT_BOOST);
	credit_pick(&b->q);
	KUNIT_EXPECT_EQ(test, credit_turn(&b->q, &b->e[0], PERIOD, 0), (u64)PERIOD);
	credit_charge(&b->q, &b->e[0], 300000, 300000);
	queue(b, 1, CREDIT_BOOST);
	KUNIT_EXPECT_EQ(test, credit_wakeup(&b->q, &b->e[1], 0), 700000ULL);
	KUNIT_EXPECT_EQ(test, credit_wakeup(&b->q, &b->e[1], 5 * MS), 4700000ULL);
	credit_charge(&b->q, &b->e[0], 2 * MS, 2300000);
	KUNIT_EXPECT_EQ(test, credit_wakeup(&b->q, &b->e[1], 0), 0ULL);
	credit_put(&b->q, &b->e[0], false, 3 * MS);
	credit_enqueue(&b->q, &b->e[0], CREDIT_ENTER_TURN, 3 * MS);
	KUNIT_EXPECT_PTR_EQ(test, credit_pick(&b->q), &b->e[1]);
	KUNIT_EXPECT_EQ(test, credit_turn(&b->q, &b->e[1], PERIOD, 0), (u64)MS);
	KUNIT_EXPECT_EQ(test, credit_turn(&b->q, &b->e[1], PERIOD, 5 * MS), 5ULL * MS);
	KUNIT_EXPECT_EQ(test, credit_turn(&b->q, &b->e[1], 500000, 5 * MS), 500000ULL);
}

/* --- accounts ----------------------------------------------------------------------- */

/* Alone for a period that it does not use: more than a period in hand, so out and halved. */
static void credit_idler_leaves_the_active(struct kunit *test)
{
	struct bed *b = bed_make(test);
	struct credit_ent *e = &b->e[0];

	credit_take_lag(e, PERIOD, PERIOD, 0);
	queue(b, 0, CREDIT_UNDER);
	credit_pick(&b->q);
	KUNIT_EXPECT_EQ(test, b->vm[0].active.counter, 1);
	credit_charge(&b->q, e, MS, PERIOD);
	round_now(b, PERIOD);
	round_now(b, 2 * PERIOD);
	KUNIT_EXPECT_FALSE(test, e->active);
	KUNIT_EXPECT_EQ(test, b->vm[0].active.counter, 0);
	KUNIT_EXPECT_LE(test, e->credit, (s64)PERIOD);
	KUNIT_EXPECT_GE(test, e->credit, (s64)PERIOD / 2);
	/* The tick that finds it running brings it back. */
	credit_tick(&b->q, 2 * PERIOD + 10 * MS);
	KUNIT_EXPECT_TRUE(test, e->active);
}

/* It sleeps while the rounds go on: paid at its last rate, until it would have left. */
static void credit_sleeper_is_paid_up(struct kunit *test)
{
	struct bed *b = bed_make(test);
	struct credit_ent *e = &b->e[0];

	/* Somebody else runs, and at this level nothing is to be had. */
	queue(b, 1, CREDIT_UNDER);
	credit_pick(&b->q);
	b->q.fair = 0;
	credit_take_lag(e, -10 * MS, PERIOD, 0);
	e->rate = CREDIT_ONE / 3;
	KUNIT_EXPECT_EQ(test, (int)e->pri, (int)CREDIT_OVER);
	credit_enqueue(&b->q, e, CREDIT_ENTER_WAKE, 15 * MS);
	KUNIT_EXPECT_LE(test, abs(e->credit + 5 * MS), 1000LL);
	KUNIT_EXPECT_EQ(test, (int)e->pri, (int)CREDIT_OVER);
	credit_dequeue(&b->q, e);
	credit_enqueue(&b->q, e, CREDIT_ENTER_WAKE, 60 * MS);
	KUNIT_EXPECT_EQ(test, (int)e->pri, (int)CREDIT_BOOST);
	KUNIT_EXPECT_TRUE(test, e->active);
	credit_dequeue(&b->q, e);
	credit_enqueue(&b->q, e, CREDIT_ENTER_WAKE, 10000 * MS);
	KUNIT_EXPECT_FALSE(test, e->active);
	KUNIT_EXPECT_EQ(test, e->credit, (s64)PERIOD / 2);
}

/*
 * A hog is away in the moment of the round, to serve a device: the others do not get its
 * share of the period. If it stays away for another round, they do.
 */
static void credit_away_in_a_round(struct kunit *test)
{
	struct bed *b = bed_make(test);
	s64 before;
	u32 i;

	for (i = 0; i < 3; i++) {
		const struct credit_tune t = { .weight = 100 << i };

		credit_retune(&b->q, &b->e[i], &t);
		credit_take_lag(&b->e[i], 0, PERIOD, 0);
	}
	queue(b, 2, CREDIT_UNDER);
	queue(b, 1, CREDIT_UNDER);
	queue(b, 0, CREDIT_UNDER);
	KUNIT_ASSERT_PTR_EQ(test, credit_pick(&b->q), &b->e[2]);
	credit_charge(&b->q, &b->e[2], PERIOD, PERIOD);
	credit_put(&b->q, &b->e[2], false, PERIOD);
	KUNIT_EXPECT_EQ(test, b->q.sums[0].weight + b->q.sums[1].weight, 700LL);
	round_now(b, PERIOD);
	KUNIT_EXPECT_LE(test, abs(b->e[0].credit - (s64)PERIOD / 7), 1000LL);
	KUNIT_EXPECT_LE(test, abs(b->e[1].credit - (s64)PERIOD * 2 / 7), 1000LL);
	KUNIT_EXPECT_EQ(test, b->q.sums[0].weight + b->q.sums[1].weight, 300LL);
	/* What it is owed for the round that it missed comes with the next one. */
	credit_enqueue(&b->q, &b->e[2], CREDIT_ENTER_TURN, PERIOD);
	KUNIT_EXPECT_EQ(test, b->q.sums[0].weight + b->q.sums[1].weight, 700LL);
	/* Back before the round: it counts once. */
	credit_prefer(&b->q, &b->e[2]);
	KUNIT_ASSERT_PTR_EQ(test, credit_pick(&b->q), &b->e[2]);
	credit_put(&b->q, &b->e[2], false, PERIOD);
	credit_enqueue(&b->q, &b->e[2], CREDIT_ENTER_TURN, PERIOD);
	KUNIT_EXPECT_EQ(test, b->q.sums[0].weight + b->q.sums[1].weight, 700LL);
	KUNIT_EXPECT_EQ(test, b->q.away[0].weight + b->q.away[1].weight, 0LL);
	/* Away for two rounds: by the second one the others have all. */
	credit_prefer(&b->q, &b->e[2]);
	KUNIT_ASSERT_PTR_EQ(test, credit_pick(&b->q), &b->e[2]);
	b->e[0].credit = b->e[1].credit = 0;
	credit_put(&b->q, &b->e[2], false, PERIOD);
	round_now(b, 2 * PERIOD);
	before = b->e[0].credit;
	KUNIT_EXPECT_LE(test, before, (s64)PERIOD / 5);
	round_now(b, 3 * PERIOD);
	KUNIT_EXPECT_GE(test, b->e[0].credit - before, (s64)PERIOD / 4);
}

/* More than anybody may have in hand, left by longer periods: nothing is paid until it is used. */
static void credit_plenty_is_bounded(struct kunit *test)
{
	struct bed *b = bed_make(test);
	int i;

	b->q.period = 5 * MS;
	for (i = 0; i < 2; i++) {
		credit_take_lag(&b->e[i], 20 * MS, 5 * MS, 0);
		credit_enqueue(&b->q, &b->e[i], CREDIT_ENTER_TURN, 0);
	}
	round_now(b, 5 * MS);
	KUNIT_EXPECT_EQ(test, b->e[0].credit, 20LL * MS);
	KUNIT_EXPECT_EQ(test, b->e[1].credit, 20LL * MS);
}

/* What a hog had in hand while it waited is not taken from it because its device was slow. */
static void credit_keeps_what_it_had(struct kunit *test)
{
	struct bed *b = bed_make(test);
	struct credit_ent *e = &b->e[0];

	queue(b, 1, CREDIT_UNDER);
	credit_pick(&b->q);
	credit_take_lag(e, PERIOD, PERIOD, 0);
	queue(b, 0, CREDIT_UNDER);
	credit_dequeue(&b->q, e);
	e->credit = PERIOD * 3 / 2;
	e->rate = CREDIT_ONE / 3;
	credit_enqueue(&b->q, e, CREDIT_ENTER_WAKE, 2 * PERIOD);
	KUNIT_EXPECT_EQ(test, e->credit, (s64)PERIOD * 3 / 2);
	KUNIT_EXPECT_TRUE(test, e->active);
	/* The second time it has used no turn in between: it has too much. */
	credit_dequeue(&b->q, e);
	credit_enqueue(&b->q, e, CREDIT_ENTER_WAKE, 4 * PERIOD);
	KUNIT_EXPECT_EQ(test, e->credit, (s64)PERIOD / 2);
	KUNIT_EXPECT_FALSE(test, e->active);
}

/* With short periods too debts and credits of some length are kept, and brought along. */
static void credit_short_periods_forgive_nothing(struct kunit *test)
{
	struct bed *b = bed_make(test);

	b->q.period = MS;
	credit_take_lag(&b->e[0], -20 * MS, MS, 0);
	credit_take_lag(&b->e[1], 20 * MS, MS, 0);
	KUNIT_EXPECT_EQ(test, b->e[0].credit, -20LL * MS);
	KUNIT_EXPECT_EQ(test, b->e[1].credit, 20LL * MS);
	credit_enqueue(&b->q, &b->e[0], CREDIT_ENTER_TURN, 0);
	credit_enqueue(&b->q, &b->e[1], CREDIT_ENTER_TURN, 0);
	round_now(b, MS);
	KUNIT_EXPECT_LE(test, b->e[0].credit, -19LL * MS);
	KUNIT_EXPECT_GE(test, b->e[0].credit, -20LL * MS);
}

static void credit_debt_has_a_floor(struct kunit *test)
{
	struct bed *b = bed_make(test);

	queue(b, 0, CREDIT_UNDER);
	queue(b, 1, CREDIT_UNDER);
	credit_pick(&b->q);
	credit_charge(&b->q, &b->e[0], 500 * MS, 500 * MS);
	KUNIT_EXPECT_TRUE(test, b->e[0].active);
	round_now(b, 500 * MS);
	KUNIT_EXPECT_EQ(test, b->e[0].credit, -(s64)PERIOD);
	KUNIT_EXPECT_EQ(test, (int)b->e[0].pri, (int)CREDIT_OVER);
}

static void credit_parks_and_lets_go(struct kunit *test)
{
	const struct credit_tune capped = { .weight = 256, .cap = 25 }, free = { .weight = 256 };
	struct bed *b = bed_make(test);
	struct credit_ent *e = &b->e[0];
	u64 now = 1000 * MS;
	int i;

	credit_retune(&b->q, e, &capped);
	queue(b, 0, CREDIT_UNDER);
	credit_pick(&b->q);
	credit_tick(&b->q, now);
	credit_charge(&b->q, e, PERIOD, now + PERIOD);
	now += PERIOD;
	round_now(b, now);
	/* Ran 30 ms and earned 7.5: more than 7.5 in debt. */
	KUNIT_EXPECT_TRUE(test, e->parked);
	credit_put(&b->q, e, false, now);
	credit_enqueue(&b->q, e, CREDIT_ENTER_TURN, now);
	KUNIT_EXPECT_EQ(test, (int)credit_best(&b->q), (int)CREDIT_NONE);
	KUNIT_EXPECT_TRUE(test, !credit_pick(&b->q));
	KUNIT_EXPECT_EQ(test, b->q.nr_parked, 1u);
	for (i = 1; e->parked && i < 10; i++)
		round_now(b, now + i * PERIOD);
	/* 22.5 ms of debt, 7.5 a round. */
	KUNIT_EXPECT_GE(test, i, 4);
	KUNIT_EXPECT_LE(test, i, 5);
	KUNIT_EXPECT_TRUE(test, b->q.unparked);
	KUNIT_EXPECT_PTR_EQ(test, credit_pick(&b->q), e);

	/* No cap any more: no reason to be parked. */
	credit_charge(&b->q, e, PERIOD, now + 10 * PERIOD);
	round_now(b, now + 10 * PERIOD);
	credit_put(&b->q, e, false, now + 10 * PERIOD);
	e->parked = true;
	credit_enqueue(&b->q, e, CREDIT_ENTER_TURN, now + 10 * PERIOD);
	credit_retune(&b->q, e, &free);
	KUNIT_EXPECT_FALSE(test, e->parked);
	KUNIT_EXPECT_PTR_EQ(test, credit_pick(&b->q), e);
	KUNIT_EXPECT_EQ(test, b->q.nr_parked, 0u);
}

/* Whatever moves, sleeps or is parked: the sums are those of who is there. */
static void expect_sums(struct kunit *test, struct csim *s)
{
	struct credit_sums pool = { };
	u32 i, k;

	for (i = 0; i < s->nr_pcpus; i++) {
		struct credit_queue *q = &s->p[i].q;
		struct credit_sums sum[2] = { };
		u32 nr = 0, linked = 0;

		for (k = 0; k < s->nr; k++) {
			struct credit_ent *c = &s->e[k].c;
			struct credit_sums *a = &sum[c->parked || (c->tune.cap && c->full)];

			if (s->e[k].home != i)
				continue;
			nr += c->lane != CREDIT_NONE;
			if (!c->linked)
				continue;
			linked++;
			a->weight += c->tune.weight;
			a->balance += c->credit;
			a->want += c->want;
			a->full += c->full ? c->peak : 0;
			a->open += c->full ? 0 : c->tune.weight;
		}
		KUNIT_EXPECT_EQ(test, nr, q->nr);
		for (k = 0; k < 2; k++) {
			/* Those who left since the last round count still. */
			add_to(&sum[k], &q->away[k], 1);
			KUNIT_EXPECT_EQ(test, sum[k].weight, q->sums[k].weight);
			KUNIT_EXPECT_EQ(test, sum[k].balance, q->sums[k].balance);
			KUNIT_EXPECT_EQ(test, sum[k].want, q->sums[k].want);
			KUNIT_EXPECT_EQ(test, sum[k].full, q->sums[k].full);
			KUNIT_EXPECT_EQ(test, sum[k].open, q->sums[k].open);
		}
		pool.weight += q->shown.weight;
		pool.balance += q->shown.balance;
	}
	KUNIT_EXPECT_EQ(test, pool.weight, (s64)atomic64_read(&s->pool.weight));
	KUNIT_EXPECT_EQ(test, pool.balance, (s64)atomic64_read(&s->pool.balance));
}

/* --- shares -------------------------------------------------------------------------- */

/* @tol: how far a share may be from the oracle's, in 1/1000 of it. */
static void expect_fair(struct csim *s, u64 span, u32 tol)
{
	u64 *fair = kunit_kcalloc(s->test, s->nr, sizeof(*fair), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(s->test, fair);
	csim_fair(s, span, fair);
	for (i = 0; i < s->nr; i++) {
		s64 err = (s64)s->e[i].got - (s64)fair[i];

		if (abs(err) * 1000 > (s64)fair[i] * tol)
			kunit_info(s->test, "entity %u of %u, weight %u, cap %u: %llu us, not %llu",
				   i, s->nr, s->e[i].c.tune.weight, s->e[i].c.tune.cap,
				   div_u64(s->e[i].got, 1000), div_u64(fair[i], 1000));
		KUNIT_EXPECT_LE(s->test, abs(err) * 1000, (s64)fair[i] * tol);
	}
}

struct pair {
	u32 weight;
	u32 cap;
};

static void shares(struct kunit *test, u32 nr_pcpus, const struct pair *set, u32 n,
		   u64 span, u32 tol)
{
	struct csim *s = csim_make(test, nr_pcpus, n);
	u32 i;

	for (i = 0; i < n; i++)
		csim_set(s, i, set[i].weight, set[i].cap);
	s->ratelimit = MS;
	csim_start(s);
	csim_run(s, 1000 * MS);
	csim_reset(s);
	csim_run(s, s->now + span);
	expect_fair(s, span, tol);
	expect_sums(test, s);
}

/* The shares that Xen's rules give, in 60 s, within 1 %. */
static void credit_shares_as_published(struct kunit *test)
{
	static const struct pair two[] = { { 256 }, { 512 } };
	static const struct pair three[] = { { 256 }, { 256 }, { 512 } };
	static const struct pair capped[] = { { 256, 25 }, { 256 } };

	shares(test, 1, two, 2, 60000 * MS, 10);
	shares(test, 1, three, 3, 60000 * MS, 10);
	shares(test, 1, capped, 2, 60000 * MS, 10);
}

static void credit_cap_holds_alone(struct kunit *test)
{
	static const struct pair one[] = { { 256, 10 } }, half[] = { { 256, 50 }, { 1, 30 } };
	static const struct pair small[] = { { 65535, 1 }, { 256 } };

	shares(test, 1, one, 1, 60000 * MS, 10);
	shares(test, 1, half, 2, 60000 * MS, 10);
	shares(test, 1, small, 2, 600000 * MS, 10);
}

/* Weighted max-min with at most one pCPU for each. */
static void credit_shares_on_several_pcpus(struct kunit *test)
{
	static const struct pair same[] = { { 256 }, { 256 }, { 256 } };
	static const struct pair heavy[] = { { 256 }, { 256 }, { 512 } };
	static const struct pair many[] = {
		{ 1 }, { 2 }, { 4 }, { 8 }, { 3 }, { 5 }, { 7 }, { 6 }, { 9 }, { 1 }, { 20 }
	};
	static const struct pair free[] = { { 1 }, { 65535 }, { 7 } };

	shares(test, 2, same, 3, 60000 * MS, 10);
	shares(test, 2, heavy, 3, 60000 * MS, 10);
	shares(test, 4, many, ARRAY_SIZE(many), 120000 * MS, 10);
	/* As many as pCPUs: one each, whatever the weights. */
	shares(test, 3, free, 3, 10000 * MS, 1);
}

/* Pins decide how much there is: weights hold among those of each pCPU. */
static void credit_weights_hold_among_the_pinned(struct kunit *test)
{
	static const u32 weight[] = { 100, 200, 1, 2, 4 };
	static const u32 permille[] = { 333, 667, 143, 286, 571 };
	struct csim *s = csim_make(test, 4, 5);
	u32 i;

	for (i = 0; i < 5; i++) {
		s->e[i].lo = i / 2 ? 1 : 0;
		s->e[i].hi = s->e[i].lo;
		csim_set(s, i, weight[i], 0);
	}
	csim_start(s);
	csim_run(s, 3000 * MS);
	csim_reset(s);
	csim_run(s, s->now + 60000 * MS);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_LE(test, abs((s64)s->e[i].got - permille[i] * 60LL * MS),
				permille[i] * 60 * MS / 100);
	KUNIT_EXPECT_EQ(test, s->steals, 0ULL);
	expect_sums(test, s);
}

/* A hog alone on a pCPU does not take part, until the pin of a crowd is gone. */
static void credit_balance_respects_affinity(struct kunit *test)
{
	struct csim *s = csim_make(test, 3, 9);
	u32 i;

	for (i = 0; i < 9; i++) {
		s->e[i].lo = 0;
		s->e[i].hi = i < 5 ? 0 : 1;
	}
	csim_start(s);
	csim_run(s, 30000 * MS);
	for (i = 0; i < 9; i++)
		KUNIT_EXPECT_LE(test, s->e[i].home, s->e[i].hi);
	KUNIT_EXPECT_EQ(test, s->p[2].q.nr, 0u);
	for (i = 0; i < 9; i++)
		s->e[i].hi = 2;
	csim_run(s, s->now + 3000 * MS);
	csim_reset(s);
	csim_run(s, s->now + 60000 * MS);
	expect_fair(s, 60000 * MS, 20);
}

/* --- latency ---------------------------------------------------------------------------- */

/* One that mostly sleeps waits for nobody longer than the rate limit. */
static void credit_boost_latency(struct kunit *test)
{
	struct csim *s = csim_make(test, 1, 5);

	s->e[0].run_for = 500000;
	s->e[0].sleep_for = 19 * MS + 300000;
	s->ratelimit = MS;
	csim_start(s);
	csim_run(s, 2000 * MS);
	csim_reset(s);
	csim_run(s, s->now + 20000 * MS);
	KUNIT_EXPECT_LE(test, s->e[0].waited_max, (u64)MS);
	KUNIT_EXPECT_GE(test, s->e[0].got, 480ULL * MS);
	expect_sums(test, s);
}

/* The same for one that no round ever finds queued, so that none could set its rate. */
static void credit_boost_goes_on(struct kunit *test)
{
	struct csim *s = csim_make(test, 1, 5);

	s->e[0].run_for = 500000;
	s->e[0].sleep_for = 32 * MS;
	s->ratelimit = 8 * MS;
	csim_start(s);
	csim_run(s, 500 * MS);
	csim_reset(s);
	csim_run(s, s->now + 60000 * MS);
	KUNIT_EXPECT_LE(test, s->e[0].waited_max, 8ULL * MS);
	KUNIT_EXPECT_GE(test, s->e[0].got, 700ULL * MS);
}

/* Bursts that no tick ever sees: it is charged and sorted all the same. */
static void credit_tick_dodger_gets_its_share(struct kunit *test)
{
	struct csim *s = csim_make(test, 1, 2);

	s->e[0].run_for = 9 * MS;
	s->e[0].sleep_for = 1 * MS;
	csim_start(s);
	csim_run(s, 2000 * MS);
	csim_reset(s);
	csim_run(s, s->now + 60000 * MS);
	KUNIT_EXPECT_LE(test, s->e[0].got, 60000ULL * MS * 53 / 100);
	KUNIT_EXPECT_GE(test, s->e[0].got, 60000ULL * MS * 40 / 100);
}

/*
 * Pinned to one of two pCPUs, so that there is more credit than time, and away for
 * a moment now and then: that is no reason to lose what the heavy one has in hand.
 */
static void credit_short_absence_costs_nothing(struct kunit *test)
{
	struct csim *s = csim_make(test, 2, 2);
	u64 all;
	u32 i;

	for (i = 0; i < 2; i++) {
		s->e[i].hi = 0;
		s->e[i].run_for = 7 * MS;
		s->e[i].sleep_for = 200000;
		csim_set(s, i, 100 << i, 0);
	}
	csim_start(s);
	csim_run(s, 3000 * MS);
	csim_reset(s);
	csim_run(s, s->now + 60000 * MS);
	all = s->e[0].got + s->e[1].got;
	KUNIT_EXPECT_LE(test, abs((s64)(s->e[0].got * 3) - (s64)all) * 100, (s64)all * 4);
	expect_sums(test, s);
}

/* Sleepers among hogs: what they leave is shared by weight. */
static void credit_sleepers_and_weights(struct kunit *test)
{
	struct csim *s = csim_make(test, 1, 4);
	u64 hogs;

	csim_set(s, 0, 256, 0);
	csim_set(s, 1, 512, 0);
	s->e[2].run_for = 1 * MS;
	s->e[2].sleep_for = 9 * MS;
	s->e[3].run_for = 3 * MS;
	s->e[3].sleep_for = 21 * MS;
	s->ratelimit = MS;
	csim_start(s);
	csim_run(s, 2000 * MS);
	csim_reset(s);
	csim_run(s, s->now + 60000 * MS);
	hogs = s->e[0].got + s->e[1].got;
	KUNIT_EXPECT_LE(test, abs((s64)(s->e[0].got * 3) - (s64)hogs) * 100, (s64)hogs * 3);
	KUNIT_EXPECT_GE(test, s->e[2].got, 60000ULL * MS * 9 / 100);
	expect_sums(test, s);
}

/* --- many -------------------------------------------------------------------------------- */

/* Shares of each of three classes of weight, 1:2:4, in 1/1000. */
static void expect_classes(struct kunit *test, struct csim *s, u32 tol)
{
	u64 got[3] = { }, all = 0, want, sum = 0;
	u32 n[3] = { }, i;

	for (i = 0; i < s->nr; i++) {
		got[i % 3] += s->e[i].got;
		n[i % 3]++;
		all += s->e[i].got;
		KUNIT_EXPECT_GT(test, s->e[i].got, 0ULL);
	}
	for (i = 0; i < 3; i++)
		sum += n[i] << i;
	for (i = 0; i < 3; i++) {
		want = div64_u64(all, sum) * (n[i] << i);
		KUNIT_EXPECT_LE(test, abs((s64)got[i] - (s64)want) * 1000, (s64)want * tol);
	}
}

static struct csim *crowd(struct kunit *test, u32 nr_pcpus, u32 nr, u64 warm, u64 span)
{
	struct csim *s = csim_make(test, nr_pcpus, nr);
	u32 i;

	for (i = 0; i < nr; i++)
		csim_set(s, i, 128 << (i % 3), 0);
	csim_start(s);
	csim_run(s, warm);
	csim_reset(s);
	csim_run(s, s->now + span);
	return s;
}

static void credit_5000_on_256_pcpus(struct kunit *test)
{
	struct csim *s = crowd(test, 256, 5000, 2000 * MS, 6000 * MS);

	expect_classes(test, s, 10);
	expect_sums(test, s);
}

/* All on one pCPU at first: those that are idle come and take them, one each time. */
static void credit_idle_pcpus_take_all_they_can(struct kunit *test)
{
	struct csim *s = csim_make(test, 64, 1000);
	u32 i, max = 0;

	for (i = 0; i < 1000; i++)
		s->e[i].hi = 0;
	csim_start(s);
	for (i = 0; i < 1000; i++)
		s->e[i].hi = 63;
	csim_run(s, 10000 * MS);
	for (i = 0; i < 64; i++) {
		KUNIT_EXPECT_TRUE(test, s->p[i].q.curr);
		max = max(max, s->p[i].q.nr);
	}
	KUNIT_EXPECT_LE(test, max, 40u);
}

/* 400 on one pCPU: everybody has a turn in each round of them, and rounds come in batches. */
static void credit_nobody_starves(struct kunit *test)
{
	struct csim *s = csim_make(test, 1, 400);
	u32 i;

	for (i = 0; i < 400; i++)
		csim_set(s, i, 1 + i % 7, 0);
	csim_start(s);
	csim_run(s, 7 * 400 * PERIOD);
	for (i = 0; i < 400; i++)
		KUNIT_EXPECT_GT(test, s->e[i].got, 0ULL);
	expect_sums(test, s);
}

static void credit_batches_are_bounded(struct kunit *test)
{
	struct csim *s = csim_make(test, 1, 300);
	struct credit_queue *q = &s->p[0].q;
	u32 calls = 1;

	csim_start(s);
	csim_run(s, 300 * PERIOD);
	credit_round_begin(q, &s->pool, s->now + 1);
	while (credit_round_go(q, &s->pool, s->now + 1, 64))
		calls++;
	/* All of them are active by now: 300 in lots of 64. */
	KUNIT_EXPECT_EQ(test, calls, 5u);
	expect_sums(test, s);
}

static struct kunit_case credit_cases[] = {
	KUNIT_CASE(credit_priority_then_fifo),
	KUNIT_CASE(credit_yield_passes_one_lower),
	KUNIT_CASE(credit_wake_boosts_who_is_under),
	KUNIT_CASE(credit_preempts_only_the_lower),
	KUNIT_CASE(credit_boosted_take_turns),
	KUNIT_CASE(credit_idler_leaves_the_active),
	KUNIT_CASE(credit_sleeper_is_paid_up),
	KUNIT_CASE(credit_away_in_a_round),
	KUNIT_CASE(credit_plenty_is_bounded),
	KUNIT_CASE(credit_keeps_what_it_had),
	KUNIT_CASE(credit_short_periods_forgive_nothing),
	KUNIT_CASE(credit_debt_has_a_floor),
	KUNIT_CASE(credit_parks_and_lets_go),
	KUNIT_CASE(credit_shares_as_published),
	KUNIT_CASE(credit_cap_holds_alone),
	KUNIT_CASE(credit_shares_on_several_pcpus),
	KUNIT_CASE(credit_weights_hold_among_the_pinned),
	KUNIT_CASE(credit_balance_respects_affinity),
	KUNIT_CASE(credit_boost_latency),
	KUNIT_CASE(credit_boost_goes_on),
	KUNIT_CASE(credit_tick_dodger_gets_its_share),
	KUNIT_CASE(credit_short_absence_costs_nothing),
	KUNIT_CASE(credit_sleepers_and_weights),
	KUNIT_CASE(credit_5000_on_256_pcpus),
	KUNIT_CASE(credit_idle_pcpus_take_all_they_can),
	KUNIT_CASE(credit_nobody_starves),
	KUNIT_CASE(credit_batches_are_bounded),
	{}
};

static struct kunit_suite credit_suite = {
	.name = "vmm_credit",
	.test_cases = credit_cases,
};

kunit_test_suite(credit_suite);
