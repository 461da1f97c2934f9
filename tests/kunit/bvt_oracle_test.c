// SPDX-License-Identifier: GPL-2.0
/*
 * Random operations on a queue of sched_bvt, each compared with an oracle that
 * is too simple to be wrong: linear scans, and fractions compared in 128 bits.
 * Uses the copy of the policy in bvt_policy_test.c.
 *
 * Locking: none; each test owns what it uses.
 */
#include <kunit/test.h>
#include <linux/slab.h>

#include "../../sched_bvt/bvt_policy.h"
#include "bvt_sim.h"
#include "rnd.h"

#define ORACLE_N	24

/* What the oracle knows of an entity: A = n / w, exactly. */
struct oracle_ent {
	s128 n;
	u32 w;
	bool queued;
};

/* The whole of the oracle; @last is whose turn ended just before, or -1. */
struct oracle {
	struct kunit *test;
	struct rnd r;
	u64 now;
	struct bvt_queue q;
	struct bvt_ent b[ORACLE_N];
	struct oracle_ent o[ORACLE_N];
	s128 svt_n;
	u32 svt_w;
	int running;
	int last;
};

static s128 oracle_n(const struct bvt_vt *t)
{
	return (s128)t->v * t->w + t->f;
}

/* E of entity @i as numerator over its weight. */
static s128 oracle_e(struct oracle *x, int i)
{
	bool warped = x->b[i].tune.warp && !x->b[i].rest_till;

	return x->o[i].n - (warped ? (s128)(x->b[i].tune.warp / 256) * x->o[i].w : 0);
}

static bool runnable(struct oracle *x, int i)
{
	return x->o[i].queued || x->running == i;
}

/* Linear scan for the least A; the virtual time never falls. */
static void oracle_svt(struct oracle *x)
{
	s128 n = 0;
	u32 w = 0;
	int i;

	for (i = 0; i < ORACLE_N; i++) {
		if (!runnable(x, i) || (w && x->o[i].n * w >= n * x->o[i].w))
			continue;
		n = x->o[i].n;
		w = x->o[i].w;
	}
	if (w && n * x->svt_w > x->svt_n * w) {
		x->svt_n = n;
		x->svt_w = w;
	}
}

static void oracle_check(struct oracle *x)
{
	struct kunit *test = x->test;
	s128 sum = 0;
	u64 load = 0;
	unsigned int nr = 0, seen = 0;
	struct bvt_ent *b = NULL;
	int i;

	for (i = 0; i < ORACLE_N; i++) {
		KUNIT_ASSERT_EQ(test, bvt_queued(&x->b[i]), x->o[i].queued);
		nr += x->o[i].queued;
		if (!runnable(x, i))
			continue;
		KUNIT_ASSERT_TRUE(test, oracle_n(&x->b[i].avt) == x->o[i].n);
		sum += x->o[i].n - (s128)x->q.base * x->o[i].w;
		load += x->o[i].w;
	}
	KUNIT_ASSERT_EQ(test, x->q.nr, nr);
	KUNIT_ASSERT_EQ(test, x->q.load, load);
	KUNIT_ASSERT_TRUE(test, x->q.sum == sum);
	KUNIT_ASSERT_TRUE(test, oracle_n(&x->q.svt) * x->svt_w ==
				x->svt_n * x->q.svt.w);
	while ((b = bvt_scan(&x->q, b))) {
		i = b - x->b;
		KUNIT_ASSERT_TRUE(test, x->o[i].queued);
		KUNIT_ASSERT_TRUE(test, oracle_n(&b->key) == oracle_e(x, i));
		seen++;
	}
	KUNIT_ASSERT_EQ(test, seen, nr);
}

/* max(A, SVT - back/w), where SVT is rounded up to what w can express. */
static void oracle_floor(struct oracle *x, int i, s64 back)
{
	struct oracle_ent *o = &x->o[i];
	s128 got = oracle_n(&x->b[i].avt) + back;

	/* Is A - back/w >= SVT? Then it stays. */
	if ((o->n + back) * x->svt_w >= x->svt_n * o->w) {
		KUNIT_ASSERT_TRUE(x->test, got - back == o->n);
		return;
	}
	KUNIT_ASSERT_TRUE(x->test, got * x->svt_w >= x->svt_n * o->w);
	KUNIT_ASSERT_TRUE(x->test, (got - 1) * x->svt_w < x->svt_n * o->w);
	o->n = got - back;
}

static void oracle_enter(struct oracle *x, int i, enum bvt_enter how)
{
	bool claim = how != BVT_ENTER_WAKE || x->b[i].absent;

	/* Between the end of a turn and here the entity counted as runnable. */
	if (how == BVT_ENTER_WAKE)
		oracle_svt(x);
	bvt_enqueue(&x->q, &x->b[i], how, x->now);
	oracle_floor(x, i, claim ? BVT_LAG_MAX : 0);
	x->o[i].queued = true;
}

/* Is going from @i to @j in keeping with E_j <= E_i - allow/w_i? */
static bool oracle_may_switch(struct oracle *x, int i, int j, s128 allow)
{
	return oracle_e(x, j) * x->o[i].w <= (oracle_e(x, i) - allow) * x->o[j].w;
}

static void oracle_pick(struct oracle *x)
{
	struct kunit *test = x->test;
	struct bvt_ent *b;
	int i, got, best = -1;
	u64 slice, cap = U64_MAX;

	b = bvt_pick(&x->q, C_NS, x->now, &slice);
	for (i = 0; i < ORACLE_N; i++)
		if (x->o[i].queued &&
		    (best < 0 || !oracle_may_switch(x, i, best, 0)))
			best = i;
	KUNIT_ASSERT_EQ(test, !b, best < 0);
	if (!b)
		return;
	got = b - x->b;
	KUNIT_ASSERT_TRUE(test, x->o[got].queued);
	if (x->last >= 0 && x->o[x->last].queued &&
	    !oracle_may_switch(x, x->last, best, C_NS)) {
		KUNIT_ASSERT_EQ(test, got, x->last);
	} else {
		/* Nobody has a smaller E. */
		KUNIT_ASSERT_TRUE(test, oracle_may_switch(x, best, got, 0));
	}
	x->o[got].queued = false;
	x->running = got;
	x->last = -1;

	if (b->tune.warp && !b->rest_till && b->tune.warp_limit)
		cap = b->tune.warp_limit - b->warp_ran;
	for (best = -1, i = 0; i < ORACLE_N; i++) {
		if (!x->o[i].queued)
			continue;
		if (best < 0 || !oracle_may_switch(x, i, best, 0))
			best = i;
		if (x->b[i].tune.warp && x->b[i].rest_till) {
			KUNIT_ASSERT_GT(test, x->b[i].rest_till, x->now);
			cap = min(cap, x->b[i].rest_till - x->now);
		}
	}
	if (slice == cap || best < 0) {
		KUNIT_ASSERT_LE(test, slice, best < 0 ? (u64)C_NS : cap);
		return;
	}
	/* The first ns at which the switch is due, not one earlier or later. */
	KUNIT_ASSERT_LT(test, slice, cap);
	KUNIT_ASSERT_TRUE(test, oracle_may_switch(x, got, best, C_NS - (s128)slice));
	KUNIT_ASSERT_FALSE(test, oracle_may_switch(x, got, best, C_NS - (s128)slice + 1));
}

static void oracle_run(struct oracle *x)
{
	u64 ran = rnd_u64(&x->r) >> rnd_range(&x->r, 38, 50);
	int i = x->running;
	u64 limit = x->b[i].tune.warp_limit;
	bool warped = x->b[i].tune.warp && !x->b[i].rest_till;
	u64 used = x->b[i].warp_ran + ran;

	x->now += ran;
	bvt_charge(&x->q, &x->b[i], ran, x->now);
	x->o[i].n += ran;
	oracle_svt(x);
	if (warped && limit)
		KUNIT_ASSERT_EQ(x->test, x->b[i].rest_till,
				used >= limit ? x->now + x->b[i].tune.unwarp : 0);
}

static void oracle_leave(struct oracle *x)
{
	int i = x->running;
	enum bvt_leave how = rnd_range(&x->r, BVT_LEAVE_SLEEP, BVT_LEAVE_TURN);

	oracle_svt(x);
	bvt_put(&x->q, &x->b[i], how, x->now);
	x->running = -1;
	if (how != BVT_LEAVE_TURN)
		return;
	oracle_enter(x, i, BVT_ENTER_KEEP);
	x->last = i;
}

static void oracle_retune(struct oracle *x, int i)
{
	u32 w = rnd_weight(&x->r);
	struct bvt_tune t = {
		.weight = w,
		.warp = rnd_range(&x->r, 0, 1) ? rnd_u64(&x->r) >> 38 : 0,
		.warp_limit = rnd_range(&x->r, 0, 1) ? x->b[i].warp_ran + 1 +
						       (rnd_u64(&x->r) >> 38) : 0,
		.unwarp = 1 + (rnd_u64(&x->r) >> 36),
	};
	s128 n, was;

	oracle_svt(x);
	bvt_retune(&x->q, &x->b[i], &t);
	/* As far from SVT as before in ns of service, to less than 3. */
	n = oracle_n(&x->b[i].avt);
	was = x->o[i].n * x->svt_w + x->svt_n * ((s128)w - x->o[i].w);
	KUNIT_ASSERT_TRUE(x->test, n * x->svt_w > was - 3 * (s128)x->svt_w);
	KUNIT_ASSERT_TRUE(x->test, n * x->svt_w < was + 3 * (s128)x->svt_w);
	x->o[i].n = n;
	x->o[i].w = w;
}

static void oracle_step(struct oracle *x)
{
	int i = rnd_range(&x->r, 0, ORACLE_N - 1);

	x->now += rnd_u64(&x->r) >> 42;
	switch (rnd_range(&x->r, 0, 9)) {
	case 0:
	case 1:
		if (!runnable(x, i))
			oracle_enter(x, i, BVT_ENTER_WAKE);
		break;
	case 2:
		if (!x->o[i].queued)
			break;
		oracle_svt(x);
		bvt_dequeue(&x->q, &x->b[i], x->now);
		x->o[i].queued = false;
		if (x->last == i)
			x->last = -1;
		break;
	case 3:
		if (!rnd_range(&x->r, 0, 9))
			oracle_retune(x, i);
		break;
	default:
		if (x->running < 0) {
			oracle_pick(x);
		} else {
			oracle_run(x);
			if (rnd_range(&x->r, 0, 3))
				oracle_leave(x);
		}
		break;
	}
	oracle_check(x);
}

static void bvt_random_ops_match_the_oracle(struct kunit *test)
{
	struct oracle *x = kunit_kzalloc(test, sizeof(*x), GFP_KERNEL);
	int seed, i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, x);
	for (seed = 0; seed < 30; seed++) {
		*x = (struct oracle){ .test = test, .r = { seed }, .svt_w = 1,
				      .running = -1, .last = -1 };
		bvt_queue_init(&x->q, 1);
		for (i = 0; i < ORACLE_N; i++) {
			x->o[i].w = rnd_weight(&x->r);
			bvt_ent_init(&x->b[i], &(struct bvt_tune){ .weight = x->o[i].w });
			/* As one that was here before, at 0. */
			x->b[i].seq = 1;
			oracle_retune(x, i);
		}
		for (i = 0; i < 3000; i++)
			oracle_step(x);
	}
}

static struct kunit_case bvt_oracle_cases[] = {
	KUNIT_CASE(bvt_random_ops_match_the_oracle),
	{}
};

static struct kunit_suite bvt_oracle_suite = {
	.name = "vmm_bvt_oracle",
	.test_cases = bvt_oracle_cases,
};

kunit_test_suite(bvt_oracle_suite);
