// SPDX-License-Identifier: GPL-2.0
/*
 * sched_bvt in long runs under a virtual clock: shares within the proven bound,
 * thousands of entities on one pCPU, 64 pCPUs that steal from each other, many
 * hand-overs, limits of warps. Uses the copy of the policy in
 * bvt_policy_test.c.
 *
 * With n entities that always run, phi_i = w_i / (sum of w), S_i the service of
 * i and T that of all:
 *
 *   -phi_i n (C + MCU) <= S_i - phi_i T <= C + MCU
 *
 * where MCU stands for how late the end of a slice may come (SLOP here).
 *
 * Locking: none; each test owns what it uses.
 */
#include <kunit/test.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "../../sched_bvt/bvt_policy.h"
#include "bvt_sim.h"
#include "rnd.h"

#define SLOP	(100 * 1000)	/* ns */

/* An entity with the measurements of a test. */
struct sim_ent {
	struct bvt_ent b;
	u64 got;		/* service, ns */
	u64 last;		/* when it ran last, ns */
	u64 sleeps_till;	/* when it wakes, ns; 0: awake */
	u64 warped;		/* service while it was warped, ns */
	u64 one_warp;		/* of the present warp, ns */
};

/* One pCPU, or several, and those who run there. */
struct sim {
	struct kunit *test;
	struct rnd r;
	struct bvt_queue *q;
	struct sim_ent *e;
	unsigned int nr_q;
	unsigned int n;
	u64 now;
	u64 total;		/* service of all, ns */
	u64 load;		/* sum of the weights of all */
};

static struct sim_ent *sim_of(struct bvt_ent *b)
{
	return container_of(b, struct sim_ent, b);
}

static struct sim *sim_make(struct kunit *test, u64 seed, unsigned int nr_q,
			    unsigned int n, u32 (*weight)(struct rnd *))
{
	struct sim *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	struct bvt_tune t = { .unwarp = 1 };
	unsigned int i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s);
	s->test = test;
	s->r.x = seed;
	s->n = n;
	s->nr_q = nr_q;
	s->q = kunit_kcalloc(test, nr_q, sizeof(*s->q), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->q);
	s->e = kunit_kcalloc(test, n, sizeof(*s->e), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->e);
	for (i = 0; i < nr_q; i++)
		bvt_queue_init(&s->q[i], i + 1);
	for (i = 0; i < n; i++) {
		t.weight = weight(&s->r);
		s->load += t.weight;
		bvt_ent_init(&s->e[i].b, &t);
	}
	return s;
}

static u32 weight_any(struct rnd *r)
{
	return rnd_weight(r);
}

static u32 weight_small(struct rnd *r)
{
	return rnd_range(r, 1, 8);
}

static u32 weight_same(struct rnd *r)
{
	return 256;
}

/* (S_i - phi_i T) times the sum of the weights. */
static s128 sim_error(const struct sim *s, const struct sim_ent *e)
{
	return (s128)e->got * s->load - (s128)s->total * e->b.tune.weight;
}

static void sim_expect_bound(struct sim *s, const struct sim_ent *e)
{
	s128 high = (s128)(C_NS + SLOP) * s->load;
	s128 low = -(s128)(C_NS + SLOP) * s->n * e->b.tune.weight;
	s128 err = sim_error(s, e);

	KUNIT_ASSERT_TRUE(s->test, err <= high);
	KUNIT_ASSERT_TRUE(s->test, err >= low);
}

/* One turn on queue @q: pick, run to the end of the slice (a little late), put. */
static struct sim_ent *sim_turn(struct sim *s, struct bvt_queue *q)
{
	struct sim_ent *e;
	struct bvt_ent *b;
	u64 slice, ran;

	b = bvt_pick(q, C_NS, s->now, &slice);
	KUNIT_ASSERT_TRUE(s->test, b);
	e = sim_of(b);
	/* An error is greatest at the ends of a turn: low before, high after. */
	ran = slice + rnd_range(&s->r, 0, SLOP);
	s->now += ran;
	bvt_charge(q, b, ran, s->now);
	e->got += ran;
	s->total += ran;
	e->last = s->now;
	bvt_put(q, b, BVT_LEAVE_TURN, s->now);
	bvt_enqueue(q, b, BVT_ENTER_KEEP, s->now);
	return e;
}

static void sim_fill(struct sim *s, struct bvt_queue *q)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		bvt_enqueue(q, &s->e[i].b, BVT_ENTER_WAKE, 0);
}

/* --- shares --------------------------------------------------------------------- */

static void bvt_shares_within_bound(struct kunit *test)
{
	unsigned int set, i, j, n;

	for (set = 0; set < 96; set++) {
		struct rnd r = { set };
		struct sim *s;

		n = rnd_range(&r, 2, 32);
		s = sim_make(test, set, 1, n, set % 3 ? weight_any : weight_small);
		sim_fill(s, &s->q[0]);
		for (i = 0; i < 2000; i++) {
			sim_turn(s, &s->q[0]);
			for (j = 0; j < n; j++)
				sim_expect_bound(s, &s->e[j]);
		}
	}
}

/* In the end the measured share is the weight, to a tenth of a per cent of it. */
static void bvt_shares_converge(struct kunit *test)
{
	static const u32 weight[] = { 1, 2, 4, 8, 100, 65535 };
	struct sim *s = sim_make(test, 7, 1, ARRAY_SIZE(weight), weight_same);
	unsigned int i;
	s128 err;

	s->load = 0;
	for (i = 0; i < s->n; i++) {
		struct bvt_tune t = { .weight = weight[i], .unwarp = 1 };

		bvt_retune(&s->q[0], &s->e[i].b, &t);
		s->load += weight[i];
	}
	sim_fill(s, &s->q[0]);
	/* Until the lightest has had 2000 turns' worth of C. */
	while (s->e[0].got < 2000ULL * C_NS)
		sim_turn(s, &s->q[0]);
	for (i = 0; i < s->n; i++) {
		err = sim_error(s, &s->e[i]) * 1000;
		if (err < 0)
			err = -err;
		KUNIT_EXPECT_TRUE(test, err <= (s128)s->e[i].got * s->load);
	}
}

/* --- many -------------------------------------------------------------------------- */

#define MANY	4000

static void bvt_4000_on_one_pcpu(struct kunit *test)
{
	struct sim *s = sim_make(test, 11, 1, MANY, weight_small);
	unsigned int i;

	sim_fill(s, &s->q[0]);
	for (i = 0; i < 100 * MANY; i++) {
		struct sim_ent *e = sim_turn(s, &s->q[0]);

		sim_expect_bound(s, e);
		if (!(i % MANY))
			cond_resched();
	}
	for (i = 0; i < MANY; i++) {
		sim_expect_bound(s, &s->e[i]);
		/* Nobody waits for longer than a round in which each had its bound. */
		KUNIT_ASSERT_LE(test, s->now - s->e[i].last,
				2 * s->load * (C_NS + SLOP));
	}
}

/*
 * The lower side of the bound says when an entity must run: with the error at
 * most C above what it deserves, it cannot be left out for more than
 * (n + 1) (C + MCU) + (C + MCU) / phi.
 */
static void bvt_nobody_starves(struct kunit *test)
{
	unsigned int set, i;

	for (set = 0; set < 20; set++) {
		struct sim *s = sim_make(test, 100 + set, 1, 40, weight_any);

		sim_fill(s, &s->q[0]);
		for (i = 0; i < 4000; i++) {
			struct bvt_ent *b = bvt_scan(&s->q[0], NULL);
			struct sim_ent *next = sim_of(b);
			u64 waits = s->now - next->last;
			u64 bound = (s->n + 1) * (C_NS + SLOP) +
				    (C_NS + SLOP) * s->load / next->b.tune.weight;

			KUNIT_ASSERT_LE(test, waits, bound);
			sim_turn(s, &s->q[0]);
		}
	}
}

/* --- sleepers ------------------------------------------------------------------------ */

/*
 * |S_i/w_i - S_j/w_j| <= (C + MCU) (1/w_i + 1/w_j) for two that always run: each
 * is ahead of the least A by one allowance at most.
 */
static void sim_expect_close(struct sim *s, const struct sim_ent *a,
			     const struct sim_ent *b)
{
	u32 wa = a->b.tune.weight, wb = b->b.tune.weight;
	s128 ahead = (s128)a->got * wb - (s128)b->got * wa;

	KUNIT_ASSERT_TRUE(s->test, ahead <= (s128)(C_NS + SLOP) * (wa + wb));
}

/*
 * Half of them sleep and wake at random. In any stretch of time in which two
 * are awake all the time, their services differ by no more than the bound
 * allows: checked for those that never sleep.
 */
static void bvt_sleepers_take_nothing_from_others(struct kunit *test)
{
	struct sim *s = sim_make(test, 21, 1, 40, weight_any);
	struct bvt_queue *q = &s->q[0];
	unsigned int i, k, j;

	sim_fill(s, q);
	for (k = 0; k < 40000; k++) {
		struct sim_ent *e = sim_turn(s, q);

		i = e - s->e;
		if (i >= 20 && !rnd_range(&s->r, 0, 2)) {
			bvt_dequeue(q, &e->b, s->now);
			e->sleeps_till = s->now + rnd_range(&s->r, 1, 400 * MS);
		}
		for (i = 20; i < 40; i++) {
			e = &s->e[i];
			if (!e->sleeps_till || e->sleeps_till > s->now)
				continue;
			e->sleeps_till = 0;
			bvt_enqueue(q, &e->b, BVT_ENTER_WAKE, s->now);
			/* max(A, SVT): never behind all the others. */
			KUNIT_ASSERT_GE(test, bvt_vt_cmp(&e->b.avt, &q->svt), 0);
		}
		for (i = 0; i < 20; i++) {
			j = (i + 1) % 20;
			sim_expect_close(s, &s->e[i], &s->e[j]);
		}
	}
}

/* --- hand-over -------------------------------------------------------------------------- */

static void bvt_1000_swaps_favour_nobody(struct kunit *test)
{
	struct sim *s = sim_make(test, 31, 1, 5, weight_small);
	struct bvt_queue *q = &s->q[0];
	unsigned int i, swap;
	s64 lag[5];

	sim_fill(s, q);
	for (swap = 0; swap < 1000; swap++) {
		for (i = 0; i < 7; i++)
			sim_turn(s, q);
		for (i = 0; i < s->n; i++) {
			lag[i] = bvt_lag(q, &s->e[i].b);
			bvt_dequeue(q, &s->e[i].b, s->now);
		}
		bvt_queue_init(q, swap + 2);
		for (i = 0; i < s->n; i++) {
			struct bvt_tune t = s->e[i].b.tune;

			bvt_ent_init(&s->e[i].b, &t);
			bvt_take_lag(q, &s->e[i].b, lag[i]);
			bvt_enqueue(q, &s->e[i].b, BVT_ENTER_KEEP, s->now);
		}
	}
	/* As without swaps, but for one rounding (1 ns) per swap and entity. */
	for (i = 0; i < s->n; i++) {
		s128 err = sim_error(s, &s->e[i]);

		if (err < 0)
			err = -err;
		KUNIT_EXPECT_TRUE(test, err <= (s128)s->n * s->load *
					       (C_NS + SLOP + 1000));
	}
}

/* --- warp ------------------------------------------------------------------------------- */

/*
 * A hog with a warp gets its share and what it borrowed, once; and in no warp
 * does it run for longer than L, and never warped again before U is over.
 */
static void bvt_warped_hog_gets_its_share(struct kunit *test)
{
	struct sim *s = sim_make(test, 41, 1, 4, weight_same);
	struct bvt_tune t = { .weight = 256, .warp = 50 * MS,
			      .warp_limit = 30 * MS, .unwarp = 300 * MS };
	struct bvt_queue *q = &s->q[0];
	struct sim_ent *hog = &s->e[0];
	u64 rests_till = 0, warps = 0;
	unsigned int i, k;
	bool warped;

	bvt_retune(q, &hog->b, &t);
	sim_fill(s, q);
	for (k = 0; k < 50000; k++) {
		u64 slice, ran;
		struct bvt_ent *b = bvt_pick(q, C_NS, s->now, &slice);
		struct sim_ent *e = sim_of(b);

		warped = b->tune.warp && !b->rest_till;
		ran = slice + rnd_range(&s->r, 0, SLOP);
		if (warped) {
			KUNIT_ASSERT_GE(test, s->now, rests_till);
			e->one_warp += ran;
			KUNIT_ASSERT_LE(test, e->one_warp, t.warp_limit + SLOP);
		}
		s->now += ran;
		bvt_charge(q, b, ran, s->now);
		if (warped && b->rest_till) {
			rests_till = s->now + t.unwarp;
			e->one_warp = 0;
			warps++;
		}
		e->got += ran;
		s->total += ran;
		bvt_put(q, b, BVT_LEAVE_TURN, s->now);
		bvt_enqueue(q, b, BVT_ENTER_KEEP, s->now);
		for (i = 0; i < s->n; i++) {
			s128 err = sim_error(s, &s->e[i]);

			KUNIT_ASSERT_TRUE(test, err <= (s128)s->load *
					  (t.warp + C_NS + SLOP + 256));
		}
	}
	/* It did warp, about as often as U lets it. */
	KUNIT_EXPECT_GT(test, warps, s->now / (t.unwarp + t.warp_limit) / 4);
}

/* --- many pCPUs ----------------------------------------------------------------------------- */

#define PCPUS	64

/* @to has nothing to do: take the most entitled one of the queue that waits longest. */
static bool sim_steal(struct sim *s, unsigned int to)
{
	unsigned int i, from = to;
	struct bvt_ent *b;

	for (i = 0; i < s->nr_q; i++)
		if (s->q[i].nr > s->q[from].nr)
			from = i;
	b = bvt_scan(&s->q[from], NULL);
	if (!b)
		return false;
	bvt_dequeue(&s->q[from], b, s->now);
	bvt_enqueue(&s->q[to], b, BVT_ENTER_MOVE, s->now);
	return true;
}

/* State of one of the pCPUs. */
struct sim_pcpu {
	struct bvt_ent *runs;
	u64 since;
	u64 till;
	u64 idle;
};

static void sim_pcpu_step(struct sim *s, struct sim_pcpu *p, unsigned int i)
{
	struct bvt_queue *q = &s->q[i];
	struct sim_ent *e;
	u64 slice;

	if (p->runs) {
		e = sim_of(p->runs);
		bvt_charge(q, p->runs, s->now - p->since, s->now);
		e->got += s->now - p->since;
		s->total += s->now - p->since;
		e->last = s->now;
		if (rnd_range(&s->r, 0, 4)) {
			bvt_put(q, &e->b, BVT_LEAVE_TURN, s->now);
			bvt_enqueue(q, &e->b, BVT_ENTER_KEEP, s->now);
		} else {
			bvt_put(q, &e->b, BVT_LEAVE_SLEEP, s->now);
			e->sleeps_till = s->now + rnd_range(&s->r, 1, 20 * MS);
		}
	} else {
		p->idle += s->now - p->since;
	}
	if (!q->nr)
		sim_steal(s, i);
	p->runs = bvt_pick(q, C_NS, s->now, &slice);
	p->since = s->now;
	p->till = s->now + (p->runs ? slice + 1 : 100 * 1000);
}

static void bvt_64_pcpus_keep_each_other_busy(struct kunit *test)
{
	struct sim *s = sim_make(test, 51, PCPUS, MANY, weight_small);
	struct sim_pcpu *p = kunit_kcalloc(test, PCPUS, sizeof(*p), GFP_KERNEL);
	unsigned int i, k, next;
	u64 total = 0;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p);
	/* All begin on 8 of the pCPUs; the others have to come and take. */
	for (i = 0; i < MANY; i++)
		bvt_enqueue(&s->q[i % 8], &s->e[i].b, BVT_ENTER_WAKE, 0);
	for (k = 0; k < 120000; k++) {
		for (next = 0, i = 1; i < PCPUS; i++)
			if (p[i].till < p[next].till)
				next = i;
		s->now = p[next].till;
		sim_pcpu_step(s, &p[next], next);

		/* Wake a few, anywhere. */
		for (i = 0; i < 40; i++) {
			struct sim_ent *e = &s->e[rnd_range(&s->r, 0, MANY - 1)];

			if (!e->sleeps_till || e->sleeps_till > s->now)
				continue;
			e->sleeps_till = 0;
			bvt_enqueue(&s->q[rnd_range(&s->r, 0, PCPUS - 1)], &e->b,
				    BVT_ENTER_WAKE, s->now);
		}
		if (!(k % 1000))
			cond_resched();
	}
	for (i = 0; i < PCPUS; i++) {
		/* Idle only before its first look, or for one period of it. */
		KUNIT_EXPECT_LE(test, p[i].idle, 100 * 1000);
		total += s->now - (p[i].runs ? s->now - p[i].since : 0) - p[i].idle;
	}
	/* What the entities got is what the pCPUs gave. */
	KUNIT_EXPECT_EQ(test, total, s->total);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_GT(test, s->e[i].got, 0);
}

static struct kunit_case bvt_sim_cases[] = {
	KUNIT_CASE(bvt_shares_within_bound),
	KUNIT_CASE(bvt_shares_converge),
	KUNIT_CASE(bvt_4000_on_one_pcpu),
	KUNIT_CASE(bvt_nobody_starves),
	KUNIT_CASE(bvt_sleepers_take_nothing_from_others),
	KUNIT_CASE(bvt_1000_swaps_favour_nobody),
	KUNIT_CASE(bvt_warped_hog_gets_its_share),
	KUNIT_CASE(bvt_64_pcpus_keep_each_other_busy),
	{}
};

static struct kunit_suite bvt_sim_suite = {
	.name = "vmm_bvt_sim",
	.test_cases = bvt_sim_cases,
};

kunit_test_suite(bvt_sim_suite);
