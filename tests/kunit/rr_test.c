// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of sched_rr against an oracle that keeps its queue in an array, and
 * in long runs under a virtual clock. The policy is compiled into this module,
 * so the tests need no sched_rr.ko.
 *
 * Locking: none; each test owns what it uses.
 */
#include <kunit/test.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "rnd.h"
/* The code under test itself. */
#include "../../sched_rr/rr_policy.c"

#define MS	1000000LL
#define Q_NS	(10 * MS)

/* One turn: the entity that pick() names runs for its slice and @late more. */
static struct rr_ent *rr_turn(struct kunit *test, struct rr_queue *q, u64 late)
{
	u64 slice;
	struct rr_ent *r = rr_pick(q, &slice);

	KUNIT_ASSERT_TRUE(test, r);
	rr_charge(r, slice + late);
	rr_enqueue(q, r, RR_ENTER_TAIL, r->quantum);
	return r;
}

/* --- single rules ------------------------------------------------------------- */

static void rr_first_in_first_out(struct kunit *test)
{
	struct rr_ent r[5];
	struct rr_queue q;
	u64 slice;
	int i;

	rr_queue_init(&q);
	KUNIT_EXPECT_TRUE(test, !rr_pick(&q, &slice));
	for (i = 0; i < 5; i++) {
		rr_ent_init(&r[i], Q_NS);
		rr_enqueue(&q, &r[i], RR_ENTER_TAIL, Q_NS);
	}
	for (i = 0; i < 12; i++)
		KUNIT_EXPECT_PTR_EQ(test, rr_turn(test, &q, 0), &r[i % 5]);
	/* 2 is next; it goes and comes back behind the others. */
	rr_dequeue(&q, &r[2]);
	KUNIT_EXPECT_EQ(test, q.nr, 4);
	rr_enqueue(&q, &r[2], RR_ENTER_TAIL, Q_NS);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_PTR_EQ(test, rr_turn(test, &q, 0), &r[(i + 3) % 5]);
	KUNIT_EXPECT_PTR_EQ(test, rr_turn(test, &q, 0), &r[2]);
}

static void rr_preempted_goes_on_with_the_rest(struct kunit *test)
{
	struct rr_ent a, b;
	struct rr_queue q;
	u64 slice;

	rr_queue_init(&q);
	rr_ent_init(&a, Q_NS);
	rr_ent_init(&b, Q_NS);
	rr_enqueue(&q, &a, RR_ENTER_TAIL, Q_NS);
	rr_enqueue(&q, &b, RR_ENTER_TAIL, Q_NS);
	KUNIT_ASSERT_PTR_EQ(test, rr_pick(&q, &slice), &a);
	rr_charge(&a, 4 * MS);
	rr_enqueue(&q, &a, RR_ENTER_BACK, Q_NS);
	KUNIT_ASSERT_PTR_EQ(test, rr_pick(&q, &slice), &a);
	KUNIT_EXPECT_EQ(test, slice, 6 * MS);
	/* What is left is too short: a new quantum, but after the other one. */
	rr_charge(&a, 6 * MS - RR_REST_MIN + 1);
	rr_enqueue(&q, &a, RR_ENTER_BACK, Q_NS);
	KUNIT_ASSERT_PTR_EQ(test, rr_pick(&q, &slice), &b);
	rr_charge(&b, 10 * MS);
	rr_enqueue(&q, &b, RR_ENTER_BACK, Q_NS);
	KUNIT_ASSERT_PTR_EQ(test, rr_pick(&q, &slice), &a);
	KUNIT_EXPECT_EQ(test, slice, Q_NS);
}

static void rr_late_end_is_paid_back(struct kunit *test)
{
	struct rr_ent a;
	struct rr_queue q;
	u64 slice;

	rr_queue_init(&q);
	rr_ent_init(&a, Q_NS);
	rr_enqueue(&q, &a, RR_ENTER_TAIL, Q_NS);
	rr_turn(test, &q, 1 * MS);
	rr_pick(&q, &slice);
	KUNIT_EXPECT_EQ(test, slice, 9 * MS);
	/* Alone for a long time: owes nothing. In pieces or in one. */
	rr_charge(&a, 5000 * MS);
	rr_charge(&a, 5000 * MS);
	rr_enqueue(&q, &a, RR_ENTER_TAIL, Q_NS);
	rr_pick(&q, &slice);
	KUNIT_EXPECT_EQ(test, slice, Q_NS);
	/* Twice U64_MAX / 2 ns: nothing overflows. */
	rr_charge(&a, U64_MAX / 2);
	rr_charge(&a, U64_MAX / 2);
	rr_enqueue(&q, &a, RR_ENTER_TAIL, Q_NS);
	rr_pick(&q, &slice);
	KUNIT_EXPECT_EQ(test, slice, Q_NS);
}

static void rr_new_quantum_from_the_next_turn(struct kunit *test)
{
	struct rr_ent a, b;
	struct rr_queue q;
	u64 slice;

	rr_queue_init(&q);
	rr_ent_init(&a, Q_NS);
	rr_ent_init(&b, Q_NS);
	rr_enqueue(&q, &a, RR_ENTER_TAIL, Q_NS);
	rr_enqueue(&q, &b, RR_ENTER_TAIL, Q_NS);
	rr_pick(&q, &slice);
	/* a runs: its turn gets no longer; b waits: at once. */
	rr_retune(&a, 40 * MS);
	rr_retune(&b, 20 * MS);
	KUNIT_EXPECT_EQ(test, a.left, Q_NS);
	rr_charge(&a, Q_NS);
	rr_enqueue(&q, &a, RR_ENTER_TAIL, 40 * MS);
	KUNIT_ASSERT_PTR_EQ(test, rr_pick(&q, &slice), &b);
	KUNIT_EXPECT_EQ(test, slice, 20 * MS);
	/* But it gets shorter. */
	rr_retune(&b, 1 * MS);
	KUNIT_EXPECT_EQ(test, b.left, 1 * MS);
	KUNIT_ASSERT_PTR_EQ(test, rr_pick(&q, &slice), &a);
	KUNIT_EXPECT_EQ(test, slice, 40 * MS);
	/* Nor does a waiting one's debt go away with another quantum. */
	rr_charge(&a, 42 * MS);
	rr_enqueue(&q, &a, RR_ENTER_TAIL, 40 * MS);
	rr_retune(&a, 20 * MS);
	KUNIT_EXPECT_EQ(test, a.left, 18 * MS);
}

static void rr_adopted_goes_on(struct kunit *test)
{
	struct rr_ent a;

	rr_ent_init(&a, Q_NS);
	KUNIT_EXPECT_EQ(test, rr_adopt(&a, 3 * MS), 7 * MS);
	KUNIT_EXPECT_EQ(test, rr_adopt(&a, 30 * MS), 0);
}

/* --- shares ---------------------------------------------------------------------- */

/*
 * Those that always run get quantum_i of each sum of the quanta, to within
 * their own quantum and one late end; late ends do not add up.
 */
static void rr_shares_follow_the_quanta(struct kunit *test)
{
	enum { N = 30, LATE = 200 * 1000 };
	struct rr_ent *r = kunit_kcalloc(test, N, sizeof(*r), GFP_KERNEL);
	u64 *got = kunit_kcalloc(test, N, sizeof(*got), GFP_KERNEL);
	struct rr_queue q;
	int set, i, k, n;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, got);
	for (set = 0; set < 60; set++) {
		struct rnd rnd = { set };

		n = rnd_range(&rnd, 2, N);
		rr_queue_init(&q);
		for (i = 0; i < n; i++) {
			rr_ent_init(&r[i], rnd_range(&rnd, MS, 50 * MS));
			rr_enqueue(&q, &r[i], RR_ENTER_TAIL, r[i].quantum);
			got[i] = 0;
		}
		for (k = 1; k <= 200; k++) {
			for (i = 0; i < n; i++) {
				u64 late = rnd_range(&rnd, 0, LATE), slice;
				struct rr_ent *e = rr_pick(&q, &slice);

				KUNIT_ASSERT_PTR_EQ(test, e, &r[i]);
				rr_charge(e, slice + late);
				rr_enqueue(&q, e, RR_ENTER_TAIL, e->quantum);
				got[i] += slice + late;
				KUNIT_ASSERT_GE(test, got[i], k * e->quantum);
				KUNIT_ASSERT_LE(test, got[i],
						k * e->quantum + LATE);
			}
		}
	}
}

/* --- at random, against the oracle -------------------------------------------------- */

#define RR_N	40

/* The order of the turns in an array. */
struct rr_oracle {
	struct rr_ent r[RR_N];
	struct rr_ent *order[RR_N];
	unsigned int nr;
};

static void rr_oracle_insert(struct rr_oracle *o, unsigned int at,
			     struct rr_ent *r)
{
	unsigned int i;

	for (i = o->nr++; i > at; i--)
		o->order[i] = o->order[i - 1];
	o->order[at] = r;
}

static void rr_oracle_remove(struct rr_oracle *o, struct rr_ent *r)
{
	unsigned int i, j;

	for (i = j = 0; i < o->nr; i++)
		if (o->order[i] != r)
			o->order[j++] = o->order[i];
	o->nr = j;
}

static void rr_oracle_enqueue(struct kunit *test, struct rr_oracle *o,
			      struct rr_queue *q, struct rr_ent *r,
			      enum rr_enter how)
{
	s64 left = r->left;

	rr_enqueue(q, r, how, Q_NS);
	if (how == RR_ENTER_BACK && left >= RR_REST_MIN) {
		rr_oracle_insert(o, 0, r);
		KUNIT_ASSERT_EQ(test, r->left, left);
		return;
	}
	rr_oracle_insert(o, o->nr, r);
	if (left > 0)
		left = 0;
	KUNIT_ASSERT_EQ(test, r->left,
			left < -Q_NS / 2 ? Q_NS : left + Q_NS);
}

static void rr_random_ops_match_the_oracle(struct kunit *test)
{
	struct rr_oracle *o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);
	struct rr_ent *run = NULL, *r;
	struct rnd rnd = { 77 };
	struct rr_queue q;
	unsigned int i, k;
	u64 slice;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, o);
	rr_queue_init(&q);
	for (i = 0; i < RR_N; i++)
		rr_ent_init(&o->r[i], Q_NS);
	for (k = 0; k < 100000; k++) {
		r = &o->r[rnd_range(&rnd, 0, RR_N - 1)];
		switch (rnd_range(&rnd, 0, 3)) {
		case 0:
			if (r == run)
				break;
			if (list_empty(&r->node)) {
				rr_oracle_enqueue(test, o, &q, r, RR_ENTER_TAIL);
			} else {
				rr_dequeue(&q, r);
				rr_oracle_remove(o, r);
			}
			break;
		default:
			if (run) {
				rr_charge(run, rnd_range(&rnd, 0, 2 * Q_NS));
				if (rnd_range(&rnd, 0, 3))
					rr_oracle_enqueue(test, o, &q, run,
							  rnd_range(&rnd, 0, 1));
				run = NULL;
				break;
			}
			run = rr_pick(&q, &slice);
			KUNIT_ASSERT_PTR_EQ(test, run, o->nr ? o->order[0] : NULL);
			if (!run)
				break;
			rr_oracle_remove(o, run);
			KUNIT_ASSERT_EQ(test, slice, run->left);
			break;
		}
		KUNIT_ASSERT_EQ(test, q.nr, o->nr);
		r = NULL;
		for (i = 0; i < o->nr; i++) {
			r = rr_scan(&q, r);
			KUNIT_ASSERT_PTR_EQ(test, r, o->order[i]);
		}
		KUNIT_ASSERT_TRUE(test, !rr_scan(&q, r));
	}
}

/* 4,000 on one pCPU: each has one turn a round, also those that block. */
static void rr_4000_on_one_pcpu(struct kunit *test)
{
	enum { N = 4000 };
	struct rr_ent *r = kunit_kcalloc(test, N, sizeof(*r), GFP_KERNEL);
	u32 *turns = kunit_kcalloc(test, N, sizeof(*turns), GFP_KERNEL);
	struct rnd rnd = { 5 };
	struct rr_queue q;
	unsigned int i, k;
	u64 slice;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, r);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, turns);
	rr_queue_init(&q);
	for (i = 0; i < N; i++) {
		rr_ent_init(&r[i], Q_NS);
		rr_enqueue(&q, &r[i], RR_ENTER_TAIL, Q_NS);
	}
	for (k = 0; k < 50 * N; k++) {
		struct rr_ent *e = rr_pick(&q, &slice);

		KUNIT_ASSERT_TRUE(test, e);
		turns[e - r]++;
		/* Odd ones block at times after a third of it, and wake at once. */
		if ((e - r) % 2 && rnd_range(&rnd, 0, 1))
			rr_charge(e, slice / 3);
		else
			rr_charge(e, slice);
		rr_enqueue(&q, e, RR_ENTER_TAIL, Q_NS);
		if (!(k % N))
			cond_resched();
	}
	for (i = 0; i < N; i++)
		KUNIT_ASSERT_EQ(test, turns[i], 50);
}

static struct kunit_case rr_cases[] = {
	KUNIT_CASE(rr_first_in_first_out),
	KUNIT_CASE(rr_preempted_goes_on_with_the_rest),
	KUNIT_CASE(rr_late_end_is_paid_back),
	KUNIT_CASE(rr_new_quantum_from_the_next_turn),
	KUNIT_CASE(rr_adopted_goes_on),
	KUNIT_CASE(rr_shares_follow_the_quanta),
	KUNIT_CASE(rr_random_ops_match_the_oracle),
	KUNIT_CASE(rr_4000_on_one_pcpu),
	{}
};

static struct kunit_suite rr_suite = {
	.name = "vmm_rr",
	.test_cases = rr_cases,
};

kunit_test_suite(rr_suite);
