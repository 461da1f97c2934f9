/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Borrowed Virtual Time: the rules, free of locks and of the objects of the
 * scheduler interface. See bvt_policy.c.
 */
#ifndef _BVT_POLICY_H
#define _BVT_POLICY_H

#include <linux/rbtree.h>
#include <linux/types.h>

#include "bvt_vtime.h"

/* The weight at which the operator's figure for a warp means what it says. */
#define BVT_WEIGHT_DEF		256u

/* What an entity may keep of a claim it could not use, and of a hand-over: ns of service. */
#define BVT_LAG_MAX		(100LL * 1000 * 1000)
/* What a move between level queues changes of its distance to the others, ns of service. */
#define BVT_LEVEL_MAX		(20LL * 1000 * 1000)

/* How far ahead of the others an entity may be put on another pCPU: ns of service. */
#define BVT_AHEAD_MAX		(S64_MAX >> 21)

/* "No end": the value of VMM_SLICE_INFINITE. */
#define BVT_NO_END		U64_MAX

/**
 * enum bvt_enter - on what terms an entity enters a queue
 * @BVT_ENTER_WAKE:  it slept of its own will, or is new: no claim from the past
 * @BVT_ENTER_KEEP:  it ran a moment ago: its virtual time stays
 * @BVT_ENTER_YIELD: the same, and the next pick passes it over once
 * @BVT_ENTER_MOVE:  it was queued elsewhere: same distance from the new queue's time
 */
enum bvt_enter {
	BVT_ENTER_WAKE,
	BVT_ENTER_KEEP,
	BVT_ENTER_YIELD,
	BVT_ENTER_MOVE,
};

/**
 * enum bvt_leave - why an entity is neither queued nor running any more
 * @BVT_LEAVE_SLEEP:  of its own will
 * @BVT_LEAVE_ABSENT: it was kept from running; it will come back to its claim
 * @BVT_LEAVE_TURN:   its turn is over; it is queued again in a moment
 */
enum bvt_leave {
	BVT_LEAVE_SLEEP,
	BVT_LEAVE_ABSENT,
	BVT_LEAVE_TURN,
};

/**
 * struct bvt_tune - what the operator sets on an entity
 * @weight:     1 .. BVT_WEIGHT_MAX
 * @warp:       how far it may borrow against its future, virtual time in ns of
 *              service at weight BVT_WEIGHT_DEF; 0: not at all
 * @warp_limit: longest run time in one warp, ns; 0: no limit
 * @unwarp:     how long it must then do without, ns
 */
struct bvt_tune {
	u32 weight;
	u64 warp;
	u64 warp_limit;
	u64 unwarp;
};

/* Where an entity is; a queued one is in one of the three ways of struct bvt_queue. */
enum bvt_where {
	BVT_OUT,
	BVT_RUNNING,
	BVT_PLAIN,
	BVT_RESTING,
	BVT_WARPED,
};

/**
 * struct bvt_ent - an entity
 * @avt:       actual virtual time, A in the paper
 * @tune:      parameters in force
 * @where:     queued (how), running or neither
 * @key:       effective virtual time while queued, E in the paper
 * @by_evt:    node in the tree that pick() looks at
 * @by_other:  node in @warped_avt or @resting of its queue
 * @warp_ran:  run time used up of the present warp, ns
 * @rest_till: the end of the time without warp, ns; 0: may warp
 * @seq:       the queue that @avt refers to; 0: none yet
 * @rel:       where it stood when it left: its lead over the virtual time of
 *             that queue, ns of service
 * @left_at:   when it left
 * @left_load: sum of the weights in that queue at that moment
 * @enter:     terms of the last bvt_enqueue()
 * @avt_was:   @avt before those terms were applied
 * @seq_was:   @seq before that
 * @absent:    it left as BVT_LEAVE_ABSENT
 * @turn:      it left as BVT_LEAVE_TURN
 * @bumped:    ... because bvt_wakeup() said so
 * @level:     the next queue's virtual time is level with the one it comes from: what it
 *             is behind or ahead there is its own
 */
struct bvt_ent {
	struct bvt_vt avt;
	struct bvt_tune tune;
	enum bvt_where where;
	struct bvt_vt key;
	struct rb_node by_evt;
	struct rb_node by_other;
	u64 warp_ran;
	u64 rest_till;
	u64 seq;
	s64 rel;
	u64 left_at;
	u64 left_load;
	enum bvt_enter enter;
	struct bvt_vt avt_was;
	u64 seq_was;
	bool absent;
	bool turn;
	bool bumped;
	bool level;
};

/**
 * struct bvt_queue - the entities of one pCPU
 * @plain:      queued and not warped, by A (which is their E)
 * @warped:     queued and warped, by E
 * @warped_avt: the same entities by A, for the scheduler virtual time
 * @resting:    those of @plain that may warp again later, by that time
 * @curr:       who runs, or NULL
 * @hold:       queued; its turn ended last: the context-switch allowance
 *              protects it
 * @skip:       queued; it yielded, or somebody woke with an equal claim: passed
 *              over by the next pick
 * @next:       queued; somebody asked that it be the next pick
 * @svt:        scheduler virtual time: the least A of all runnable, never falls
 * @base:       whole units; origin of @sum
 * @sum:        sum over all runnable of (A - @base) * weight, exact, ns
 * @load:       sum of the weights of all runnable
 * @seq:        number of this queue, never 0 and never used twice
 * @nr:         how many are queued
 * @mean_v:     what bvt_lag() measures against: whole units,
 * @mean_rest:  numerator
 * @mean_load:  and denominator of the fraction; 0: to be computed
 * @settling:   entities are being handed over and nobody has run since
 * @preempt:    bvt_wakeup() told @curr to stop: no allowance for it
 */
struct bvt_queue {
	struct rb_root_cached plain;
	struct rb_root_cached warped;
	struct rb_root_cached warped_avt;
	struct rb_root_cached resting;
	struct bvt_ent *curr;
	struct bvt_ent *hold;
	struct bvt_ent *skip;
	struct bvt_ent *next;
	struct bvt_vt svt;
	s64 base;
	s64 sum;
	u64 load;
	u64 seq;
	unsigned int nr;
	s64 mean_v;
	u64 mean_rest;
	u64 mean_load;
	bool settling;
	bool preempt;
};

void bvt_queue_init(struct bvt_queue *q, u64 seq);
void bvt_ent_init(struct bvt_ent *b, const struct bvt_tune *t);
void bvt_retune(struct bvt_queue *q, struct bvt_ent *b,
		const struct bvt_tune *t);

void bvt_enqueue(struct bvt_queue *q, struct bvt_ent *b, enum bvt_enter how,
		 u64 now);
void bvt_dequeue(struct bvt_queue *q, struct bvt_ent *b, u64 now);
struct bvt_ent *bvt_pick(struct bvt_queue *q, u64 allow, u64 now, u64 *slice);
void bvt_charge(struct bvt_queue *q, struct bvt_ent *b, u64 ran, u64 now);
void bvt_put(struct bvt_queue *q, struct bvt_ent *b, enum bvt_leave how,
	     u64 now);
void bvt_prefer(struct bvt_queue *q, struct bvt_ent *b, u64 allow);
u64 bvt_wakeup(struct bvt_queue *q, struct bvt_ent *woken, u64 allow,
	       bool at_once, u64 now);
u64 bvt_adopt(struct bvt_queue *q, struct bvt_ent *b, u64 allow, u64 ran,
	      u64 now);

s64 bvt_vtime(struct bvt_queue *q);
void bvt_catch_up(struct bvt_queue *q, s64 to);
s64 bvt_lag(struct bvt_queue *q, const struct bvt_ent *b);
void bvt_take_lag(struct bvt_queue *q, struct bvt_ent *b, s64 lag);

struct bvt_ent *bvt_scan(const struct bvt_queue *q, const struct bvt_ent *prev);

/** bvt_queued() - is it waiting in a queue? */
static inline bool bvt_queued(const struct bvt_ent *b)
{
	return b->where >= BVT_PLAIN;
}

#endif /* _BVT_POLICY_H */
