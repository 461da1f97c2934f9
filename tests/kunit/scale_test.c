// SPDX-License-Identifier: GPL-2.0
/*
 * Suite vmm_scale: a machine of 1,024 pCPUs with 20,480 vCPUs that all want to run,
 * under the real gate, dispatch, schedulers and swap.
 *
 * Each vCPU may run on one pCPU only, with as much weight on each: then its share is
 * known. In the long form there is a second run in which they go where they are put, which the
 * gate levels out by number, and bvt by virtual time.
 */
#include <linux/sort.h>
#include "choice.h"
#include "scale_room.h"

#define PCPUS	1024
#define VCPUS	(20 * PCPUS)
#define CLASSES	3
#define SLACK_NS	(12 * NSEC_PER_MSEC)	/* beside 1 %: two turns of bvt's, with what it allows */

/* Of the vCPU number @i: 128, 256 or 512; on each pCPU the same mixture. */
static u32 class_of(const struct scale_room *room, u32 i)
{
	return i / room->nr_pcpus % CLASSES;
}

static void crowd_by_class(struct scale_room *room)
{
	u32 i;

	for (i = 0; i < room->nr_vcpus; i++) {
		struct vmm_entity *e = &room->vcpu[i].e;

		e->weight = 128u << class_of(room, i);
		bitmap_zero(e->wish, room->nr_pcpus);
		set_bit(i % room->nr_pcpus, e->wish);
	}
}

static void unpin(struct scale_room *room)
{
	u32 i;

	for (i = 0; i < room->nr_vcpus; i++)
		bitmap_fill(room->vcpu[i].e.wish, room->nr_pcpus);
}

/** struct verdict - how far the shares were from the weights, in ppm of what is due */
struct verdict {
	s64 class[CLASSES];
	u32 p99;
	u32 max;
	u64 gap;
	u32 outside;		/* vCPUs that are off by more than 1 % and SLACK_NS */
};

static int compare(const void *a, const void *b)
{
	u32 x = *(const u32 *)a, y = *(const u32 *)b;

	return (x > y) - (x < y);
}

static void note(struct scale_room *room)
{
	u32 i;

	for (i = 0; i < room->nr_vcpus; i++) {
		room->vcpu[i].ran_before = scale_ran(room, i);
		room->vcpu[i].gap = 0;
	}
}

/* All shares are below one pCPU: what is due is in proportion to the weight. */
static void judge(struct kunit *test, struct scale_room *room, u64 ns, struct verdict *v)
{
	u64 due[CLASSES] = { }, got[CLASSES] = { }, sum = 0;
	u32 *off = kvcalloc(room->nr_vcpus, sizeof(*off), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, off);
	memset(v, 0, sizeof(*v));
	for (i = 0; i < room->nr_vcpus; i++)
		sum += room->vcpu[i].e.weight;
	for (i = 0; i < room->nr_vcpus; i++) {
		u64 fair = div64_u64(ns * room->nr_pcpus / 64 * room->vcpu[i].e.weight, sum) * 64;
		u64 ran = scale_ran(room, i) - room->vcpu[i].ran_before;
		u32 c = class_of(room, i);

		due[c] += fair;
		got[c] += ran;
		v->outside += abs((s64)(ran - fair)) > div_u64(fair, 100) + SLACK_NS;
		off[i] = div64_u64(abs((s64)(ran - fair)) * 1000000, fair);
		v->gap = max(v->gap, room->vcpu[i].gap);
	}
	for (i = 0; i < CLASSES; i++)
		v->class[i] = div64_s64(((s64)got[i] - (s64)due[i]) * 1000, due[i] / 1000);
	sort(off, room->nr_vcpus, sizeof(*off), compare, NULL);
	v->p99 = off[room->nr_vcpus * 99 / 100];
	v->max = off[room->nr_vcpus - 1];
	kvfree(off);
}

/* Makes @sched active, and runs @ns. */
static void run_under(struct kunit *test, struct scale_room *room, const char *sched, u64 ns)
{
	struct vmm_swap_result res;

	KUNIT_ASSERT_EQ(test, scale_swap(room, sched, &res), 0);
	/* However many there are, few go over under one lock. */
	KUNIT_EXPECT_LE(test, res.at_once, VMM_CARRY);
	if (!room->decisions)
		scale_start(room);
	else
		KUNIT_EXPECT_EQ(test, res.queued + res.running, room->nr_vcpus);
	scale_run(room, room->now + ns);
	KUNIT_EXPECT_FALSE(test, room->broken);
}

static void shares(struct kunit *test, struct scale_room *room, const char *what, u64 ns,
		   struct verdict *v)
{
	u64 d0 = room->decisions;

	note(room);
	scale_run(room, room->now + ns);
	judge(test, room, ns, v);
	kunit_info(test, "BENCH %s, %llu ms, %llu decisions: off by %lld, %lld, %lld ppm of what is due, by weight; single vCPUs p99 %u, max %u; longest wait %llu ms",
		   what, ns / NSEC_PER_MSEC, room->decisions - d0, v->class[0], v->class[1],
		   v->class[2], v->p99, v->max, v->gap / NSEC_PER_MSEC);
	/* Nobody starves: a round of all takes 200 ms under bvt, 600 under credit. */
	KUNIT_EXPECT_LT(test, v->gap, 5 * NSEC_PER_SEC);
}

/* All pCPUs do the same at the same time: in a short run their turns do not add up. */
static void judge_classes(struct kunit *test, const struct verdict *v)
{
	u32 i;

	for (i = 0; vmm_kunit_full && i < CLASSES; i++)
		KUNIT_EXPECT_LE(test, abs(v->class[i]), 10000LL);
}

/* One after the other, with the same vCPUs: making the room takes longest. */
static void scale_1024_pcpus(struct kunit *test)
{
	struct scale_room *room = scale_create(test, PCPUS, VCPUS);
	u64 sec = NSEC_PER_SEC, times = vmm_kunit_full ? 20 : 1;
	struct verdict v;

	crowd_by_class(room);
	run_under(test, room, "rr", sec / 10);
	run_under(test, room, "bvt", sec / 5);
	shares(test, room, "bvt", times * sec, &v);
	KUNIT_EXPECT_EQ(test, v.outside, 0);
	judge_classes(test, &v);
	run_under(test, room, "credit", sec);
	shares(test, room, "credit", times * 3 * sec / 2, &v);
	judge_classes(test, &v);
	scale_destroy(room);
}

/* Where they go is the gate's doing, and bvt's: in more turns than a short run has room for. */
static void scale_1024_pcpus_unpinned(struct kunit *test)
{
	struct scale_room *room;
	struct verdict v;

	if (!vmm_kunit_full)
		kunit_skip(test, "minutes long: with full=1 only");
	room = scale_create(test, PCPUS, VCPUS);
	crowd_by_class(room);
	unpin(room);
	run_under(test, room, "credit", NSEC_PER_SEC);
	shares(test, room, "credit, not pinned", 30 * NSEC_PER_SEC, &v);
	judge_classes(test, &v);
	run_under(test, room, "bvt", NSEC_PER_SEC);
	shares(test, room, "bvt, not pinned", 10 * NSEC_PER_SEC, &v);
	judge_classes(test, &v);
	run_under(test, room, "default", NSEC_PER_SEC / 50);
	scale_destroy(room);
}

static struct kunit_case scale_cases[] = {
	KUNIT_CASE(scale_1024_pcpus),
	KUNIT_CASE(scale_1024_pcpus_unpinned),
	{}
};

static struct kunit_suite scale_suite = {
	.name = "vmm_scale",
	.test_cases = scale_cases,
};

/* --- what a decision costs ---------------------------------------------------------------- */

static const char * const scheds[] = { "default", "rr", "bvt", "credit" };

/** struct cost - of the end of a slice: charge, put, queue, place, pick, offer; instructions */
struct cost {
	u64 mean;
	u64 max;
};

static void costs(struct kunit *test, u32 pcpus, u32 vcpus, bool pinned, u64 ns, struct cost *cost)
{
	struct scale_room *room = scale_create(test, pcpus, vcpus);
	u32 i;

	if (pinned)
		crowd_by_class(room);
	for (i = 0; i < ARRAY_SIZE(scheds); i++) {
		run_under(test, room, scheds[i], NSEC_PER_SEC / 10);
		scale_count(room, ns, 60);
		KUNIT_EXPECT_GE(test, room->counted, 16);
		cost[i].mean = div_u64(room->insns, max(room->counted, 1u));
		cost[i].max = room->insns_max;
		KUNIT_EXPECT_GE(test, cost[i].mean, 200ULL);
		KUNIT_EXPECT_FALSE(test, room->broken);
	}
	scale_destroy(room);
}

/* What is the same on 16 pCPUs: of no more are loads compared. */
static void cost_ignores_pcpus(struct kunit *test)
{
	struct cost few[ARRAY_SIZE(scheds)], many[ARRAY_SIZE(scheds)];
	u32 i;

	costs(test, 16, 4 * 16, false, NSEC_PER_SEC / 5, few);
	costs(test, PCPUS, 4 * PCPUS, false, NSEC_PER_SEC / 10, many);
	for (i = 0; i < ARRAY_SIZE(scheds); i++) {
		kunit_info(test, "BENCH %s: end of a slice %llu instructions (max %llu) on 16 pCPUs, %llu (%llu) on %u",
			   scheds[i], few[i].mean, few[i].max, many[i].mean, many[i].max, PCPUS);
		KUNIT_EXPECT_LE(test, many[i].mean, few[i].mean + few[i].mean / 4);
		KUNIT_EXPECT_LE(test, many[i].max, few[i].max + few[i].max / 2);
	}
}

/* Sixteen times as many queued: of 6 levels of a tree it becomes 10, and of nothing else more. */
static void cost_is_logarithmic(struct kunit *test)
{
	struct cost few[ARRAY_SIZE(scheds)], many[ARRAY_SIZE(scheds)];
	u32 i;

	costs(test, 1, 64, true, NSEC_PER_SEC, few);
	costs(test, 1, 1024, true, NSEC_PER_SEC, many);
	for (i = 0; i < ARRAY_SIZE(scheds); i++) {
		kunit_info(test, "BENCH %s: end of a slice %llu instructions (max %llu) with 64 vCPUs, %llu (%llu) with 1,024",
			   scheds[i], few[i].mean, few[i].max, many[i].mean, many[i].max);
		KUNIT_EXPECT_LE(test, many[i].mean, few[i].mean + few[i].mean / 2);
		KUNIT_EXPECT_LE(test, many[i].max, few[i].max + few[i].max / 2);
	}
}

static struct kunit_case cost_cases[] = {
	KUNIT_CASE(cost_ignores_pcpus),
	KUNIT_CASE(cost_is_logarithmic),
	{}
};

static struct kunit_suite cost_suite = {
	.name = "vmm_scale_cost",
	.test_cases = cost_cases,
};

kunit_test_suites(&scale_suite, &cost_suite);
