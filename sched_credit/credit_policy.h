/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The credit rules, free of locks and of the objects of the scheduler
 * interface. See credit_policy.c.
 */
#ifndef _CREDIT_POLICY_H
#define _CREDIT_POLICY_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/time64.h>
#include <linux/types.h>

/* A rate: so much of one pCPU. */
#define CREDIT_ONE		(1u << 20)

/* What the entities of one pCPU may have in hand together, and what they may owe: ns */
#define CREDIT_SLACK(period)	((period) * 2)
#define CREDIT_DEBT(period)	((period) / 2)

/*
 * What one may owe, or bring along from another scheduler: ns. Xen's debts end at a period,
 * which is 30 ms there; with turns of a few ms a scheduler before this one, or one turn too
 * many, would go beyond that all the time, and whoever had too much would be let off.
 */
#define CREDIT_FLOOR(period)	max_t(u64, period, 30 * NSEC_PER_MSEC)

/* What differs from a whole pCPU by such a part is as good as one. */
#define CREDIT_NEAR		64

/*
 * Turns of those that have a boost and wait for each other: ns. With Xen the first of them goes
 * on until it sleeps or its slice ends; if that is a hog back from its device, it
 * keeps those waiting for whom the boost is meant.
 */
#define CREDIT_BOOST_NS		((u64)NSEC_PER_MSEC)

/* Share of a VM's cap that it may not have used and still keeps, in periods. */
#define CREDIT_CAP_WINDOW	8

/**
 * enum credit_pri - priority, the more urgent the smaller; also the lane it queues in
 * @CREDIT_BOOST:  woke up with credit left
 * @CREDIT_UNDER:  has credit
 * @CREDIT_OVER:   has used more than its share
 * @CREDIT_PARKED: only as a lane: over its cap, not to be picked
 * @CREDIT_NONE:   only as an answer: nobody
 */
enum credit_pri {
	CREDIT_BOOST,
	CREDIT_UNDER,
	CREDIT_OVER,
	CREDIT_PARKED,
	CREDIT_NONE,
};

#define CREDIT_LANES	CREDIT_NONE

/**
 * enum credit_enter - on what terms an entity enters a queue
 * @CREDIT_ENTER_WAKE:  it slept, or was elsewhere, of its own will
 * @CREDIT_ENTER_TURN:  its turn is over
 * @CREDIT_ENTER_YIELD: the same, of its own will
 * @CREDIT_ENTER_MOVE:  it comes from another queue
 */
enum credit_enter {
	CREDIT_ENTER_WAKE,
	CREDIT_ENTER_TURN,
	CREDIT_ENTER_YIELD,
	CREDIT_ENTER_MOVE,
};

/**
 * struct credit_tune - what the operator sets
 * @weight: 1 .. 65535
 * @cap:    of the VM as a whole, per cent of one pCPU; 0: none
 */
struct credit_tune {
	u32 weight;
	u32 cap;
};

/**
 * struct credit_sums - of a set of active entities
 * @weight:  their weights
 * @open:    weights of those that could use a higher rate than they get
 * @full:    rates of the others
 * @balance: their credits, ns
 * @want:    what they would get at the pool's level
 */
struct credit_sums {
	s64 weight;
	s64 open;
	s64 full;
	s64 balance;
	s64 want;
};

/**
 * struct credit_pool - what the queues tell each other; any of them, at any time
 * @weight:   sum of what they show, as in struct credit_sums
 * @open:     likewise
 * @full:     likewise
 * @balance:  likewise
 * @busy:     how many of the queues show anybody
 * @nr_pcpus: how many pCPUs there are to share
 */
struct credit_pool {
	atomic64_t weight;
	atomic64_t open;
	atomic64_t full;
	atomic64_t balance;
	atomic_t busy;
	unsigned int nr_pcpus;
};

/**
 * struct credit_vm - a VM, as far as its vCPUs share something
 * @active:  how many of them are active and runnable
 * @paid_to: the cap has been handed out up to this moment, ns
 */
struct credit_vm {
	atomic_t active;
	atomic64_t paid_to;
};

/**
 * struct credit_ent - an entity
 * @queued:  in a lane of its queue
 * @member:  in @active or @todo of its queue, while linked
 * @vm:      its VM
 * @tune:    parameters in force
 * @pri:     BOOST, UNDER or OVER
 * @lane:    where it queues; CREDIT_NONE: not queued
 * @credit:  ns of service in hand (or owed)
 * @rate:    what it earns
 * @want:    what it would at the pool's level
 * @peak:    what it could use, when @rate was set
 * @full:    @rate is @peak
 * @paid_at: earnings are paid up to here
 * @ran:     since it was picked, ns
 * @left_at: when it ran last
 * @active:  it earns
 * @linked:  ... and is queued or runs: member of a queue
 * @parked:  over its cap
 * @yields:  queued, and gave its turn away
 * @hungry:  a turn of it was cut short since it slept last
 * @away_from: where it counts while it is away, unless there was a round; NULL: nowhere
 * @away_since: @away_since of that queue then
 * @away:    what it counts for there
 * @away_apart: in which sums
 */
struct credit_ent {
	struct list_head queued;
	struct list_head member;
	struct credit_vm *vm;
	struct credit_tune tune;
	enum credit_pri pri;
	enum credit_pri lane;
	s64 credit;
	u32 rate;
	u32 want;
	u32 peak;
	bool full;
	u64 paid_at;
	u64 ran;
	u64 left_at;
	bool active;
	bool linked;
	bool parked;
	bool yields;
	bool hungry;
	bool away_apart;
	struct credit_queue *away_from;
	u64 away_since;
	struct credit_sums away;
};

/**
 * struct credit_queue - the entities of one pCPU
 * @lane:      those queued, by priority, first come first served
 * @nr:        how many are queued, parked ones included
 * @nr_parked: how many of them are parked
 * @curr:      who runs, or NULL
 * @active:    linked entities that this round has dealt with, or that came since
 * @todo:      those that it still has to
 * @sums:      of the linked ones; [1]: of those whose cap decides what they get
 * @away:      part of @sums: those who ran here since the last round and are away now
 * @away_since: when the first of them left, ns; 0: there is none
 * @shown:     what the pool has been told
 * @period:    length of an accounting period, ns
 * @round_at:  when the round under way, or the last one, began
 * @level:     its rate for one unit of weight, in 2^-20 of a rate
 * @pool_level: the same for the pool as a whole
 * @fair:      the same for this pCPU, shared by weight, or the pool's if that is lower
 * @extra:     its rate for catching up, to be shared by weight
 * @of:        ... the sum of those weights
 * @company:   two at a time were here since the last round began
 * @alone:     there was no such moment between the last two
 * @unparked:  this round let somebody run again
 */
struct credit_queue {
	struct list_head lane[CREDIT_LANES];
	unsigned int nr;
	unsigned int nr_parked;
	struct credit_ent *curr;
	struct list_head active;
	struct list_head todo;
	struct credit_sums sums[2];
	struct credit_sums away[2];
	u64 away_since;
	struct credit_sums shown;
	u64 period;
	u64 round_at;
	u64 level;
	u64 pool_level;
	u64 fair;
	u64 extra;
	u64 of;
	bool company;
	bool alone;
	bool unparked;
};

void credit_queue_init(struct credit_queue *q, u64 period);
void credit_ent_init(struct credit_ent *e, struct credit_vm *vm,
		     const struct credit_tune *t);
void credit_retune(struct credit_queue *q, struct credit_ent *e,
		   const struct credit_tune *t);

void credit_enqueue(struct credit_queue *q, struct credit_ent *e,
		    enum credit_enter enter, u64 now);
void credit_dequeue(struct credit_queue *q, struct credit_ent *e);
struct credit_ent *credit_pick(struct credit_queue *q);
u64 credit_turn(const struct credit_queue *q, const struct credit_ent *e, u64 slice,
		u64 ratelimit);
void credit_prefer(struct credit_queue *q, struct credit_ent *e);
void credit_charge(struct credit_queue *q, struct credit_ent *e, u64 ran_ns, u64 now);
void credit_put(struct credit_queue *q, struct credit_ent *e, bool leaves, u64 now);
void credit_adopt(struct credit_queue *q, struct credit_ent *e, u64 ran_ns, u64 now);
u64 credit_wakeup(const struct credit_queue *q, const struct credit_ent *woken,
		  u64 ratelimit);

enum credit_pri credit_best(const struct credit_queue *q);
bool credit_crowded(const struct credit_queue *q);
bool credit_roomy(const struct credit_queue *q);
bool credit_fits(const struct credit_queue *to, const struct credit_queue *from,
		 const struct credit_ent *e);
struct credit_ent *credit_scan(struct credit_queue *q, struct credit_ent *e,
			       enum credit_pri worst);

void credit_tick(struct credit_queue *q, u64 now);
void credit_round_begin(struct credit_queue *q, struct credit_pool *pool, u64 now);
bool credit_round_go(struct credit_queue *q, struct credit_pool *pool, u64 now,
		     unsigned int batch);
void credit_show(struct credit_queue *q, struct credit_pool *pool);
void credit_idle(struct credit_queue *q, struct credit_pool *pool);

s64 credit_lag(const struct credit_ent *e, u64 now);
void credit_take_lag(struct credit_ent *e, s64 lag_ns, u64 period, u64 now);

#endif /* _CREDIT_POLICY_H */
