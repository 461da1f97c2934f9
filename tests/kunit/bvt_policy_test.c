// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of sched_bvt, one by one; virtual time against fractions compared
 * in 128 bits.
 *
 * The policy is compiled into this module, so the tests need no sched_bvt.ko.
 * Random operations are in bvt_oracle_test.c, long runs under a virtual clock in
 * bvt_sim_test.c.
 *
 * Locking: none; each test owns what it uses.
 */
#include <kunit/test.h>
#include <linux/slab.h>

#include "bvt_sim.h"
#include "rnd.h"
/* The code under test itself; the other bvt_*_test.c use this copy too. */
#include "../../sched_bvt/bvt_policy.c"

/* --- virtual time ------------------------------------------------------------ */

static void bvt_vtime_adds_exactly(struct kunit *test)
{
	struct rnd r = { 1 };
	int i, j;

	for (i = 0; i < 200; i++) {
		struct bvt_vt t = { .w = rnd_weight(&r) };
		s128 total = 0;

		for (j = 0; j < 500; j++) {
			u64 ns = rnd_u64(&r) >> rnd_range(&r, 16, 63);

			if (rnd_range(&r, 0, 2)) {
				bvt_vt_add(&t, ns);
				total += ns;
			} else {
				bvt_vt_sub(&t, ns);
				total -= ns;
			}
			KUNIT_ASSERT_LT(test, t.f, t.w);
			KUNIT_ASSERT_TRUE(test, (s128)t.v * t.w + t.f == total);
		}
	}
}

static int oracle_cmp(const struct bvt_vt *a, const struct bvt_vt *b)
{
	s128 l = ((s128)a->v * a->w + a->f) * b->w;
	s128 r = ((s128)b->v * b->w + b->f) * a->w;

	return l < r ? -1 : l > r;
}

static struct bvt_vt rnd_vt(struct rnd *r, s64 near)
{
	struct bvt_vt t = { .w = rnd_weight(r) };

	t.v = near + (s64)rnd_range(r, 0, 4) - 2;
	/* Halves and thirds, so that equal points are met too. */
	if (rnd_range(r, 0, 1))
		t.f = t.w / (u32)rnd_range(r, 2, 3);
	else
		t.f = rnd_range(r, 0, t.w - 1);
	return t;
}

static void bvt_vtime_orders_exactly(struct kunit *test)
{
	struct rnd r = { 2 };
	int i, same = 0;

	for (i = 0; i < 100000; i++) {
		s64 near = (s64)(rnd_u64(&r) >> 4) - (1LL << 59);
		struct bvt_vt a = rnd_vt(&r, near), b = rnd_vt(&r, near);
		int want = oracle_cmp(&a, &b);

		KUNIT_ASSERT_EQ(test, bvt_vt_cmp(&a, &b), want);
		same += !want;
	}
	KUNIT_EXPECT_GT(test, same, 100);
}

static void bvt_vtime_converts_without_a_gift(struct kunit *test)
{
	struct rnd r = { 3 };
	int i;

	for (i = 0; i < 50000; i++) {
		struct bvt_vt a = rnd_vt(&r, rnd_u64(&r) >> 20);
		struct bvt_vt b = bvt_vt_at(&a, rnd_weight(&r));
		struct bvt_vt less = b;

		KUNIT_ASSERT_LT(test, b.f, b.w);
		KUNIT_ASSERT_GE(test, oracle_cmp(&b, &a), 0);
		bvt_vt_sub(&less, 1);
		KUNIT_ASSERT_LT(test, oracle_cmp(&less, &a), 0);
	}
}

static void bvt_vtime_service_is_least(struct kunit *test)
{
	struct rnd r = { 4 };
	struct bvt_vt far = { .v = 1LL << 61, .w = 1 }, zero = { .w = 65535 };
	int i;

	for (i = 0; i < 50000; i++) {
		s64 near = rnd_u64(&r) >> 24;
		struct bvt_vt a = rnd_vt(&r, near);
		struct bvt_vt b = rnd_vt(&r, near + (s64)rnd_range(&r, 0, 1 << 20) -
						     (1 << 19));
		s64 ns = bvt_vt_service(&a, &b);
		struct bvt_vt t = a;

		bvt_vt_move(&t, ns);
		KUNIT_ASSERT_GE(test, oracle_cmp(&t, &b), 0);
		t = a;
		bvt_vt_move(&t, ns - 1);
		KUNIT_ASSERT_LT(test, oracle_cmp(&t, &b), 0);
	}
	KUNIT_EXPECT_EQ(test, bvt_vt_service(&zero, &far), BVT_FAR);
	KUNIT_EXPECT_EQ(test, bvt_vt_service(&far, &zero), -BVT_FAR);
}

/* --- helpers -------------------------------------------------------------------- */

static struct bvt_tune tune(u32 weight)
{
	return (struct bvt_tune){ .weight = weight, .unwarp = 1000 * MS };
}

static void make(struct bvt_ent *b, u32 weight)
{
	struct bvt_tune t = tune(weight);

	bvt_ent_init(b, &t);
}

/* One turn of @ran ns from @now; the answer of pick() must be @want unless NULL. */
static struct bvt_ent *turn(struct kunit *test, struct bvt_queue *q,
			    struct bvt_ent *want, u64 ran, u64 now)
{
	u64 slice;
	struct bvt_ent *b = bvt_pick(q, C_NS, now, &slice);

	KUNIT_ASSERT_TRUE(test, b);
	if (want)
		KUNIT_ASSERT_PTR_EQ(test, b, want);
	bvt_charge(q, b, ran, now + ran);
	bvt_put(q, b, BVT_LEAVE_TURN, now + ran);
	bvt_enqueue(q, b, BVT_ENTER_KEEP, now + ran);
	return b;
}

/* --- single rules ------------------------------------------------------------------ */

static void bvt_new_and_woken_enter_at_svt(struct kunit *test)
{
	struct bvt_ent a, b, c;
	struct bvt_queue q;

	bvt_queue_init(&q, 1);
	make(&a, 100);
	make(&b, 100);
	make(&c, 300);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 0);
	turn(test, &q, &a, 50 * MS, 0);
	KUNIT_EXPECT_EQ(test, a.avt.v, 50 * MS / 100);

	/* b is new: A = SVT = A of a, not 0. */
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 50 * MS);
	KUNIT_EXPECT_EQ(test, bvt_vt_cmp(&b.avt, &a.avt), 0);
	bvt_enqueue(&q, &c, BVT_ENTER_WAKE, 50 * MS);
	KUNIT_EXPECT_EQ(test, bvt_vt_cmp(&c.avt, &a.avt), 0);

	/* a sleeps; the others go on for 62 ms; a wakes at their SVT. */
	bvt_dequeue(&q, &a, 50 * MS);
	turn(test, &q, &c, 42 * MS, 50 * MS);
	turn(test, &q, &b, 20 * MS, 92 * MS);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 112 * MS);
	/* SVT = min(50 + 20, 50 + 42/3) ms per 100 */
	KUNIT_EXPECT_EQ(test, bvt_vt_cmp(&a.avt, &c.avt), 0);
	KUNIT_EXPECT_LT(test, bvt_vt_cmp(&a.avt, &b.avt), 0);

	/* b sleeps while c runs for 3 ms: it finds its A still ahead, and keeps it. */
	bvt_dequeue(&q, &a, 112 * MS);
	bvt_dequeue(&q, &b, 112 * MS);
	turn(test, &q, &c, 3 * MS, 112 * MS);
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 115 * MS);
	KUNIT_EXPECT_EQ(test, b.avt.v, 70 * MS / 100);
}

static void bvt_who_was_kept_from_running_has_its_claim(struct kunit *test)
{
	struct bvt_ent a, b;
	struct bvt_queue q;
	struct bvt_vt floor;
	u64 slice;
	int i;

	bvt_queue_init(&q, 1);
	make(&a, 100);
	make(&b, 100);
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 0);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &a);
	bvt_put(&q, &a, BVT_LEAVE_ABSENT, 0);
	turn(test, &q, &b, 30 * MS, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 30 * MS);
	KUNIT_EXPECT_EQ(test, a.avt.v, 0);

	/* But not more than BVT_LAG_MAX of it. */
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &a);
	bvt_put(&q, &a, BVT_LEAVE_ABSENT, 30 * MS);
	for (i = 0; i < 100; i++)
		turn(test, &q, &b, 30 * MS, 30 * MS);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 4000 * MS);
	floor = b.avt;
	bvt_vt_sub(&floor, BVT_LAG_MAX);
	KUNIT_EXPECT_EQ(test, bvt_vt_cmp(&a.avt, &floor), 0);
}

static void bvt_switch_waits_for_the_allowance(struct kunit *test)
{
	struct bvt_ent a, b;
	struct bvt_queue q;
	u64 slice;

	bvt_queue_init(&q, 1);
	make(&a, 200);
	make(&b, 100);
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 0);

	/* Equal E: a may run until E_a - C/w_a = E_b. */
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &a);
	KUNIT_EXPECT_EQ(test, slice, C_NS);
	bvt_charge(&q, &a, C_NS - 1, 0);
	bvt_put(&q, &a, BVT_LEAVE_TURN, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_KEEP, 0);
	/* 1 ns too early: a goes on, for that ns. */
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &a);
	KUNIT_EXPECT_EQ(test, slice, 1);
	bvt_charge(&q, &a, 1, 0);
	bvt_put(&q, &a, BVT_LEAVE_TURN, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_KEEP, 0);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &b);
	/* b has half the weight: half of what a ran, plus C. */
	KUNIT_EXPECT_EQ(test, slice, C_NS / 2 + C_NS);

	/* Who comes back to the queue by another way has no allowance. */
	bvt_charge(&q, &b, C_NS / 2 + 1, 0);
	bvt_put(&q, &b, BVT_LEAVE_TURN, 0);
	bvt_enqueue(&q, &b, BVT_ENTER_KEEP, 0);
	bvt_dequeue(&q, &b, 0);
	bvt_enqueue(&q, &b, BVT_ENTER_KEEP, 0);
	KUNIT_EXPECT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &a);
}

static void bvt_allowance_is_of_one_queue(struct kunit *test)
{
	struct bvt_ent a, b;
	struct bvt_queue p, q;
	u64 slice;

	bvt_queue_init(&p, 1);
	bvt_queue_init(&q, 2);
	make(&a, 100);
	make(&b, 100);
	bvt_enqueue(&p, &a, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 0);
	turn(test, &p, &a, 1 * MS, 0);
	bvt_pick(&p, C_NS, 0, &slice);
	bvt_charge(&p, &a, 1 * MS, 0);
	bvt_put(&p, &a, BVT_LEAVE_TURN, 0);
	/* It ran elsewhere: nothing here is saved by letting it go on. */
	a.rel = 1 * MS;
	bvt_enqueue(&q, &a, BVT_ENTER_KEEP, 0);
	KUNIT_EXPECT_GT(test, bvt_vt_cmp(&a.avt, &b.avt), 0);
	KUNIT_EXPECT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &b);
}

static void bvt_yield_lets_one_other_go_first(struct kunit *test)
{
	struct bvt_ent a, b;
	struct bvt_queue q;
	u64 slice;

	bvt_queue_init(&q, 1);
	make(&a, 100);
	make(&b, 100);
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 0);
	turn(test, &q, &a, 9 * MS, 0);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &b);
	bvt_charge(&q, &b, 1 * MS, 0);
	bvt_put(&q, &b, BVT_LEAVE_TURN, 0);
	bvt_enqueue(&q, &b, BVT_ENTER_YIELD, 0);
	/* b has the least E and passes. The other gets a whole allowance. */
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &a);
	KUNIT_EXPECT_EQ(test, slice, C_NS);
	bvt_charge(&q, &a, C_NS, 0);
	bvt_put(&q, &a, BVT_LEAVE_TURN, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_KEEP, 0);
	KUNIT_EXPECT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &b);
	bvt_put(&q, &b, BVT_LEAVE_TURN, 0);
	bvt_dequeue(&q, &a, 0);
	/* Alone, it yields to itself. */
	bvt_enqueue(&q, &b, BVT_ENTER_YIELD, 0);
	KUNIT_EXPECT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &b);

	/* A yield is forgotten by who leaves. */
	bvt_put(&q, &b, BVT_LEAVE_TURN, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&q, &b, BVT_ENTER_YIELD, 0);
	bvt_dequeue(&q, &b, 0);
	bvt_enqueue(&q, &b, BVT_ENTER_KEEP, 0);
	KUNIT_EXPECT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &b);
}

/* Each of the two may be the only one of its tree. */
static void bvt_yield_between_warped_and_not(struct kunit *test)
{
	struct bvt_tune t = tune(100);
	struct bvt_ent a, b;
	struct bvt_queue q;
	u64 slice;

	bvt_queue_init(&q, 1);
	make(&a, 100);
	t.warp = 256 * 1000;
	bvt_ent_init(&b, &t);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 0);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &b);
	bvt_put(&q, &b, BVT_LEAVE_TURN, 0);
	bvt_enqueue(&q, &b, BVT_ENTER_YIELD, 0);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &a);
	/* b: A = 50, E = -950. Now a has E = 0, b has 8000 - 1000. */
	bvt_put(&q, &a, BVT_LEAVE_TURN, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_YIELD, 0);
	bvt_dequeue(&q, &b, 0);
	b.avt.v += 8000;
	bvt_enqueue(&q, &b, BVT_ENTER_KEEP, 0);
	KUNIT_EXPECT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &b);
}

static void bvt_wakeup_rules(struct kunit *test)
{
	struct bvt_ent a, b;
	struct bvt_queue q;
	u64 slice;

	bvt_queue_init(&q, 1);
	make(&a, 100);
	make(&b, 100);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 0);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &a);

	/* a runs alone for 1 s, and is charged only after b was queued. */
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 1000 * MS);
	KUNIT_EXPECT_EQ(test, b.avt.v, 0);
	bvt_charge(&q, &a, 1000 * MS, 1000 * MS);
	/* The claim is equal, no better: by the paper's rule it waits for C. */
	KUNIT_EXPECT_EQ(test, bvt_wakeup(&q, &b, C_NS, false, 1000 * MS), C_NS);
	KUNIT_EXPECT_EQ(test, bvt_vt_cmp(&a.avt, &b.avt), 0);
	/* Or it goes at once, and a has no allowance against it. */
	KUNIT_EXPECT_EQ(test, bvt_wakeup(&q, &b, C_NS, true, 1000 * MS), 0);
	bvt_put(&q, &a, BVT_LEAVE_TURN, 1000 * MS);
	bvt_enqueue(&q, &a, BVT_ENTER_KEEP, 1000 * MS);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 1000 * MS, &slice), &b);

	/* b runs for 8 ms and sleeps for 1 ms: a is behind, b has to wait. */
	bvt_charge(&q, &b, 8 * MS, 1008 * MS);
	bvt_put(&q, &b, BVT_LEAVE_SLEEP, 1008 * MS);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 1008 * MS, &slice), &a);
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 1009 * MS);
	bvt_charge(&q, &a, 1 * MS, 1009 * MS);
	KUNIT_EXPECT_EQ(test, bvt_wakeup(&q, &b, C_NS, true, 1009 * MS),
			7 * MS + C_NS);

	/* The preemption of before counts no more: a has its allowance. */
	bvt_charge(&q, &a, 7 * MS + C_NS - 1, 1021 * MS);
	bvt_put(&q, &a, BVT_LEAVE_TURN, 1021 * MS);
	bvt_enqueue(&q, &a, BVT_ENTER_KEEP, 1021 * MS);
	KUNIT_EXPECT_PTR_EQ(test, bvt_pick(&q, C_NS, 1021 * MS, &slice), &a);
	KUNIT_EXPECT_EQ(test, slice, 1);
}

/* At the same E an unwarped one would be first; who was preempted passes once. */
static void bvt_woken_goes_first_at_equal_claim(struct kunit *test)
{
	struct bvt_tune t = tune(100);
	struct bvt_ent a, b, c;
	struct bvt_queue q;
	u64 slice;

	bvt_queue_init(&q, 1);
	make(&a, 100);
	t.warp = 256 * 1000;
	bvt_ent_init(&b, &t);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 0);
	bvt_pick(&q, C_NS, 0, &slice);
	b.seq = 1;
	b.avt.v = 1000;
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 0);
	KUNIT_EXPECT_EQ(test, bvt_vt_cmp(&b.key, &a.avt), 0);
	KUNIT_EXPECT_EQ(test, bvt_wakeup(&q, &b, C_NS, true, 0), 0);
	bvt_put(&q, &a, BVT_LEAVE_TURN, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_KEEP, 0);
	KUNIT_EXPECT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &b);

	/* The same with one that has waited in the queue at SVT for long. */
	bvt_put(&q, &b, BVT_LEAVE_SLEEP, 0);
	make(&c, 100);
	bvt_enqueue(&q, &c, BVT_ENTER_WAKE, 0);
	KUNIT_EXPECT_EQ(test, bvt_vt_cmp(&c.avt, &a.avt), 0);
	KUNIT_EXPECT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &c);
}

/* --- warp --------------------------------------------------------------------------- */

static void bvt_warp_goes_first(struct kunit *test)
{
	struct bvt_tune t = tune(256);
	struct bvt_ent hog, lat;
	struct bvt_queue q;
	u64 slice;

	t.warp = 20 * MS;
	bvt_queue_init(&q, 1);
	make(&hog, 256);
	bvt_ent_init(&lat, &t);
	bvt_enqueue(&q, &hog, BVT_ENTER_WAKE, 0);
	bvt_pick(&q, C_NS, 0, &slice);
	bvt_charge(&q, &hog, 10 * MS, 10 * MS);
	bvt_enqueue(&q, &lat, BVT_ENTER_WAKE, 10 * MS);
	KUNIT_EXPECT_EQ(test, lat.where, BVT_WARPED);
	/* 20 ms ahead at equal weight: even C does not stop it. */
	KUNIT_EXPECT_EQ(test, bvt_wakeup(&q, &lat, C_NS, false, 10 * MS), 0);
	bvt_put(&q, &hog, BVT_LEAVE_TURN, 10 * MS);
	bvt_enqueue(&q, &hog, BVT_ENTER_KEEP, 10 * MS);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 10 * MS, &slice), &lat);
	/* It borrows 20 ms, and 5 ms are the allowance; not for ever. */
	KUNIT_EXPECT_EQ(test, slice, 25 * MS);
	/* SVT is the least A, not the least E. */
	KUNIT_EXPECT_EQ(test, bvt_vt_cmp(&q.svt, &hog.avt), 0);
}

static void bvt_warp_limit_is_kept(struct kunit *test)
{
	struct bvt_tune t = tune(256);
	struct bvt_ent hog, lat, third;
	struct bvt_queue q;
	u64 slice;

	t.warp = 1000 * MS;
	t.warp_limit = 30 * MS;
	t.unwarp = 200 * MS;
	bvt_queue_init(&q, 1);
	make(&hog, 65535);
	bvt_ent_init(&lat, &t);
	bvt_enqueue(&q, &hog, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&q, &lat, BVT_ENTER_WAKE, 0);

	/* Its slice ends with its warp, though its E is lower by 1 s. */
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &lat);
	KUNIT_ASSERT_EQ(test, slice, 30 * MS);
	bvt_charge(&q, &lat, 30 * MS, 30 * MS);
	KUNIT_EXPECT_EQ(test, lat.rest_till, 230 * MS);
	bvt_put(&q, &lat, BVT_LEAVE_TURN, 30 * MS);
	bvt_enqueue(&q, &lat, BVT_ENTER_KEEP, 30 * MS);
	KUNIT_EXPECT_EQ(test, lat.where, BVT_RESTING);

	/*
	 * Unwarped it is 30 ms behind at 1/256 of the weight. But the slice of
	 * the other one ends where lat may warp again.
	 */
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 30 * MS, &slice), &hog);
	KUNIT_EXPECT_EQ(test, slice, 200 * MS);

	/* Sleep does not shorten the rest. */
	bvt_dequeue(&q, &lat, 30 * MS);
	bvt_enqueue(&q, &lat, BVT_ENTER_WAKE, 100 * MS);
	KUNIT_EXPECT_EQ(test, lat.where, BVT_RESTING);

	bvt_charge(&q, &hog, 200 * MS, 230 * MS);
	bvt_put(&q, &hog, BVT_LEAVE_TURN, 230 * MS);
	bvt_enqueue(&q, &hog, BVT_ENTER_KEEP, 230 * MS);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 230 * MS, &slice), &lat);
	KUNIT_EXPECT_EQ(test, slice, 30 * MS);

	/* A wake-up also looks whose rest is over. */
	bvt_charge(&q, &lat, 30 * MS, 260 * MS);
	bvt_put(&q, &lat, BVT_LEAVE_TURN, 260 * MS);
	bvt_enqueue(&q, &lat, BVT_ENTER_KEEP, 260 * MS);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 260 * MS, &slice), &hog);
	make(&third, 1);
	bvt_enqueue(&q, &third, BVT_ENTER_WAKE, 460 * MS);
	bvt_wakeup(&q, &third, C_NS, false, 460 * MS);
	KUNIT_EXPECT_EQ(test, lat.where, BVT_WARPED);
	bvt_dequeue(&q, &third, 460 * MS);
	bvt_put(&q, &hog, BVT_LEAVE_TURN, 460 * MS);
	bvt_enqueue(&q, &hog, BVT_ENTER_WAKE, 460 * MS);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 460 * MS, &slice), &lat);

	/* A lower limit that is exceeded already ends the warp at once. */
	bvt_charge(&q, &lat, 10 * MS, 470 * MS);
	bvt_put(&q, &lat, BVT_LEAVE_TURN, 470 * MS);
	bvt_enqueue(&q, &lat, BVT_ENTER_KEEP, 470 * MS);
	t.warp_limit = 5 * MS;
	bvt_retune(&q, &lat, &t);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 470 * MS, &slice), &lat);
	KUNIT_EXPECT_EQ(test, slice, 1);

	/* Without a warp there is nothing to rest from. */
	bvt_charge(&q, &lat, 1, 470 * MS);
	KUNIT_EXPECT_GT(test, lat.rest_till, 0);
	t.warp = 0;
	bvt_retune(&q, &lat, &t);
	KUNIT_EXPECT_EQ(test, lat.rest_till, 0);
	bvt_put(&q, &lat, BVT_LEAVE_SLEEP, 470 * MS);
	bvt_enqueue(&q, &lat, BVT_ENTER_WAKE, 470 * MS);
	KUNIT_EXPECT_EQ(test, lat.where, BVT_PLAIN);
}

static void bvt_warp_time_comes_back_with_sleep(struct kunit *test)
{
	struct bvt_tune t = tune(256);
	struct bvt_ent lat;
	struct bvt_queue q;
	u64 slice;

	t.warp = 100 * MS;
	t.warp_limit = 40 * MS;
	t.unwarp = 80 * MS;
	bvt_queue_init(&q, 1);
	bvt_ent_init(&lat, &t);
	bvt_enqueue(&q, &lat, BVT_ENTER_WAKE, 0);
	bvt_pick(&q, C_NS, 0, &slice);
	bvt_charge(&q, &lat, 30 * MS, 30 * MS);
	bvt_put(&q, &lat, BVT_LEAVE_SLEEP, 30 * MS);
	/* 10 ms of 80 ms asleep give back 5 ms of 40 ms. */
	bvt_enqueue(&q, &lat, BVT_ENTER_WAKE, 40 * MS);
	KUNIT_EXPECT_EQ(test, lat.warp_ran, 25 * MS);
	/* A turn that ended is no sleep. */
	bvt_pick(&q, C_NS, 40 * MS, &slice);
	bvt_put(&q, &lat, BVT_LEAVE_TURN, 40 * MS);
	bvt_enqueue(&q, &lat, BVT_ENTER_KEEP, 50 * MS);
	KUNIT_EXPECT_EQ(test, lat.warp_ran, 25 * MS);
	bvt_dequeue(&q, &lat, 50 * MS);
	bvt_enqueue(&q, &lat, BVT_ENTER_WAKE, 130 * MS);
	KUNIT_EXPECT_EQ(test, lat.warp_ran, 0);
}

/* --- several queues --------------------------------------------------------------------- */

static void bvt_move_keeps_the_distance(struct kunit *test)
{
	struct bvt_ent *e = kunit_kcalloc(test, 4, sizeof(*e), GFP_KERNEL);
	struct bvt_ent *a = e, *b = e + 1, *c = e + 2, *d = e + 3;
	struct bvt_queue p, q;
	u64 slice;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, e);
	bvt_queue_init(&p, 1);
	bvt_queue_init(&q, 2);
	make(a, 100);
	make(b, 50);
	make(c, 7);
	make(d, 7);
	bvt_enqueue(&p, a, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&p, b, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&q, d, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&q, c, BVT_ENTER_WAKE, 0);
	turn(test, &q, c, 700 * MS, 0);
	turn(test, &q, d, 700 * MS, 0);
	bvt_pick(&p, C_NS, 0, &slice);
	bvt_charge(&p, a, 12 * MS, 12 * MS);
	bvt_put(&p, a, BVT_LEAVE_TURN, 12 * MS);
	bvt_enqueue(&q, a, BVT_ENTER_MOVE, 12 * MS);
	KUNIT_EXPECT_EQ(test, a->avt.v, 100 * MS + 12 * MS / 100);

	/* A long sleep in between: there SVT would have caught up. */
	bvt_dequeue(&q, a, 12 * MS);
	bvt_enqueue(&p, a, BVT_ENTER_WAKE, 10000 * MS);
	KUNIT_EXPECT_EQ(test, a->avt.v, p.svt.v);
}

static void bvt_lag_is_handed_over(struct kunit *test)
{
	enum { N = 16 };
	struct bvt_ent *a = kunit_kcalloc(test, N, sizeof(*a), GFP_KERNEL);
	struct bvt_ent *b = kunit_kcalloc(test, N, sizeof(*b), GFP_KERNEL);
	struct rnd r = { 5 };
	struct bvt_queue p, q;
	s64 sum = 0, lag[N];
	int i, j;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, a);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, b);
	bvt_queue_init(&p, 1);
	bvt_queue_init(&q, 1);
	for (i = 0; i < N; i++) {
		make(&a[i], rnd_range(&r, 1, 1000));
		b[i] = a[i];
		bvt_enqueue(&p, &a[i], BVT_ENTER_WAKE, 0);
	}
	for (i = 0; i < 2000; i++)
		turn(test, &p, NULL, rnd_range(&r, 1, 7 * MS), 0);
	for (i = 0; i < N; i++) {
		lag[i] = bvt_lag(&p, &a[i]);
		KUNIT_EXPECT_LE(test, abs(lag[i]), BVT_LAG_MAX);
		sum += lag[i];
		bvt_take_lag(&q, &b[i], lag[i]);
		bvt_enqueue(&q, &b[i], BVT_ENTER_KEEP, 0);
	}
	/* Fair minus received adds up to nothing, but for one rounding each. */
	KUNIT_EXPECT_LE(test, abs(sum), N);
	for (i = 0; i < N; i++) {
		KUNIT_EXPECT_LE(test, abs(bvt_lag(&q, &b[i]) - lag[i]), 2 * N);
		for (j = 0; j < N; j++) {
			struct bvt_vt near = a[i].avt;

			bvt_vt_add(&near, 2 * N);
			if (bvt_vt_cmp(&near, &a[j].avt) < 0)
				KUNIT_EXPECT_LE(test, bvt_vt_cmp(&b[i].avt, &b[j].avt), 0);
		}
	}
}

static void bvt_lag_is_of_this_moment(struct kunit *test)
{
	struct bvt_ent a, b, c;
	struct bvt_queue q;
	u64 slice;

	bvt_queue_init(&q, 1);
	make(&a, 3);
	make(&b, 7);
	make(&c, 11);
	/* Of 10 ms that are owed to a it pays 3/10 itself: b owes it the rest. */
	bvt_take_lag(&q, &a, 10 * MS + 1);
	bvt_enqueue(&q, &a, BVT_ENTER_KEEP, 0);
	bvt_take_lag(&q, &b, 0);
	bvt_enqueue(&q, &b, BVT_ENTER_KEEP, 0);
	KUNIT_EXPECT_LE(test, abs(bvt_lag(&q, &a) - 7 * MS), 2);
	KUNIT_EXPECT_LE(test, abs(bvt_lag(&q, &b) + 7 * MS), 2);

	/* While the queue fills up, who wakes is put at the point of reference. */
	bvt_enqueue(&q, &c, BVT_ENTER_WAKE, 0);
	KUNIT_EXPECT_EQ(test, bvt_vt_cmp(&c.avt, &b.avt), 0);
	bvt_dequeue(&q, &c, 0);

	/* Asked again after somebody ran, the answer is another one. */
	KUNIT_EXPECT_LE(test, abs(bvt_lag(&q, &a) - 7 * MS), 2);
	KUNIT_ASSERT_PTR_EQ(test, bvt_pick(&q, C_NS, 0, &slice), &a);
	bvt_charge(&q, &a, 10 * MS, 10 * MS);
	KUNIT_EXPECT_LE(test, abs(bvt_lag(&q, &a)), 2);
	KUNIT_EXPECT_LE(test, abs(bvt_lag(&q, &b)), 2);
}

/* Those that are ahead come first: they do not push the virtual time on. */
static void bvt_lag_of_the_first_one_moves_nobody(struct kunit *test)
{
	struct bvt_ent a, b;
	struct bvt_queue q;

	bvt_queue_init(&q, 1);
	make(&a, 100);
	make(&b, 100);
	bvt_take_lag(&q, &a, -20 * MS);
	bvt_enqueue(&q, &a, BVT_ENTER_KEEP, 0);
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 0);
	KUNIT_EXPECT_EQ(test, b.avt.v, 0);
}

static void bvt_adopted_goes_on(struct kunit *test)
{
	struct bvt_ent a, b;
	struct bvt_queue q;

	bvt_queue_init(&q, 1);
	make(&a, 100);
	make(&b, 100);
	bvt_take_lag(&q, &a, -20 * MS);
	bvt_take_lag(&q, &b, 20 * MS);
	KUNIT_EXPECT_EQ(test, bvt_adopt(&q, &a, C_NS, 2 * MS, 0), 3 * MS);
	bvt_enqueue(&q, &b, BVT_ENTER_KEEP, 0);
	KUNIT_EXPECT_PTR_EQ(test, q.curr, &a);
	KUNIT_EXPECT_EQ(test, bvt_lag(&q, &a), -20 * MS);
	KUNIT_EXPECT_EQ(test, bvt_lag(&q, &b), 20 * MS);
	/* It is 40 ms ahead: over as soon as somebody asks. */
	KUNIT_EXPECT_EQ(test, bvt_wakeup(&q, &b, C_NS, false, 0), 0);
}

static void bvt_weight_change_keeps_the_past(struct kunit *test)
{
	struct bvt_tune t = tune(1000);
	struct bvt_ent a, b;
	struct bvt_queue q;
	u64 slice;

	bvt_queue_init(&q, 1);
	make(&a, 10);
	make(&b, 10);
	bvt_enqueue(&q, &b, BVT_ENTER_WAKE, 0);
	bvt_enqueue(&q, &a, BVT_ENTER_WAKE, 0);
	turn(test, &q, &a, 10 * MS, 0);
	bvt_retune(&q, &a, &t);
	/* The 10 ms that it is ahead count as 10 ms at its weight of now. */
	KUNIT_EXPECT_EQ(test, a.avt.v, 10 * MS / 1000);
	KUNIT_EXPECT_EQ(test, q.load, 1010);
	bvt_pick(&q, C_NS, 0, &slice);
	KUNIT_EXPECT_PTR_EQ(test, q.curr, &b);
	bvt_retune(&q, &b, &t);
	KUNIT_EXPECT_EQ(test, q.load, 2000);
	/* From now on b ages 100 times slower: 1 unit per 1000 ns, not per 10. */
	bvt_charge(&q, &b, 10 * MS, 10 * MS);
	KUNIT_EXPECT_EQ(test, b.avt.v, 10 * MS / 1000);
}

static struct kunit_case bvt_cases[] = {
	KUNIT_CASE(bvt_vtime_adds_exactly),
	KUNIT_CASE(bvt_vtime_orders_exactly),
	KUNIT_CASE(bvt_vtime_converts_without_a_gift),
	KUNIT_CASE(bvt_vtime_service_is_least),
	KUNIT_CASE(bvt_new_and_woken_enter_at_svt),
	KUNIT_CASE(bvt_who_was_kept_from_running_has_its_claim),
	KUNIT_CASE(bvt_switch_waits_for_the_allowance),
	KUNIT_CASE(bvt_allowance_is_of_one_queue),
	KUNIT_CASE(bvt_yield_lets_one_other_go_first),
	KUNIT_CASE(bvt_yield_between_warped_and_not),
	KUNIT_CASE(bvt_wakeup_rules),
	KUNIT_CASE(bvt_woken_goes_first_at_equal_claim),
	KUNIT_CASE(bvt_warp_goes_first),
	KUNIT_CASE(bvt_warp_limit_is_kept),
	KUNIT_CASE(bvt_warp_time_comes_back_with_sleep),
	KUNIT_CASE(bvt_move_keeps_the_distance),
	KUNIT_CASE(bvt_lag_is_handed_over),
	KUNIT_CASE(bvt_lag_is_of_this_moment),
	KUNIT_CASE(bvt_lag_of_the_first_one_moves_nobody),
	KUNIT_CASE(bvt_adopted_goes_on),
	KUNIT_CASE(bvt_weight_change_keeps_the_past),
	{}
};

static struct kunit_suite bvt_suite = {
	.name = "vmm_bvt",
	.test_cases = bvt_cases,
};

kunit_test_suite(bvt_suite);
