/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Earliest deadline first with deferrable servers: the rules, free of locks and
 * of the objects of the scheduler interface. See edf_policy.c.
 */
#ifndef _EDF_POLICY_H
#define _EDF_POLICY_H

#include <linux/bits.h>
#include <linux/rbtree.h>
#include <linux/types.h>

/* The utilisation of one whole pCPU. */
#define EDF_UNIT	BIT_ULL(30)

/* Bounds of periods and budgets, ns. (EDF_NS_MAX * EDF_UNIT fits in 64 bits.) */
#define EDF_NS_MIN	(50ULL * 1000)
#define EDF_NS_MAX	(10ULL * 1000 * 1000 * 1000)

/* What an entity may bring from, or owe to, another scheduler: ns of service. */
#define EDF_LAG_MAX	(100LL * 1000 * 1000)

/**
 * struct edf_tune - what the operator sets on an entity
 * @period:    ns
 * @budget:    service in each period, ns; at most @period
 * @extratime: it goes on without budget, behind all who have some
 * @critical:  it goes first among those with the same claim
 */
struct edf_tune {
	u64 period;
	u64 budget;
	bool extratime;
	bool critical;
};

/**
 * enum edf_enter - on what terms an entity becomes queued
 * @EDF_ENTER_WAKE: it slept, or is new: a period that is over is forgotten
 * @EDF_ENTER_KEEP: it was runnable all along: periods follow one another
 */
enum edf_enter {
	EDF_ENTER_WAKE,
	EDF_ENTER_KEEP,
};

/**
 * enum edf_where - where an entity is
 * @EDF_OUT:      neither queued nor running
 * @EDF_READY:    queued, with budget
 * @EDF_DEPLETED: queued, waits for its next period
 * @EDF_RUNNING:  runs
 */
enum edf_where {
	EDF_OUT,
	EDF_READY,
	EDF_DEPLETED,
	EDF_RUNNING,
};

/**
 * struct edf_ent - an entity
 * @tune:     parameters in force
 * @where:    see there
 * @started:  it has had a period
 * @level:    how many extra budgets it took in this period; lower goes first
 * @left:     budget left, ns; a debt when it overran, at most one budget
 * @release:  begin of its period
 * @deadline: end of its period, when its budget is filled up
 * @cpu:      where it is queued or runs
 * @by_key:   READY: node in the queue's @ready
 * @by_cpu:   READY: node in @cpu's @ready
 * @by_due:   not OUT: node in the queue's @due
 */
struct edf_ent {
	struct edf_tune tune;
	enum edf_where where;
	bool started;
	u32 level;
	s64 left;
	u64 release;
	u64 deadline;
	struct edf_cpu *cpu;
	struct rb_node by_key;
	struct rb_node by_cpu;
	struct rb_node by_due;
};

/**
 * struct edf_cpu - a pCPU
 * @ready:   those queued here with budget, best claim first
 * @curr:    who runs, or NULL
 * @by_curr: with @curr: node in the queue's @busy
 */
struct edf_cpu {
	struct rb_root_cached ready;
	struct edf_ent *curr;
	struct rb_node by_curr;
};

/**
 * struct edf_queue - all entities and pCPUs of a pool
 * @ready:  those queued with budget, best claim first
 * @due:    all queued and running, by the end of their periods
 * @busy:   pCPUs on which somebody runs, worst claim first
 * @strict: a sleeper that comes late in its period starts a new one
 */
struct edf_queue {
	struct rb_root_cached ready;
	struct rb_root_cached due;
	struct rb_root_cached busy;
	bool strict;
};

void edf_queue_init(struct edf_queue *q);
void edf_cpu_init(struct edf_cpu *c);
void edf_ent_init(struct edf_ent *e, const struct edf_tune *t);
void edf_retune(struct edf_queue *q, struct edf_ent *e, const struct edf_tune *t,
		u64 now);

void edf_enqueue(struct edf_queue *q, struct edf_cpu *c, struct edf_ent *e,
		 enum edf_enter how, u64 now);
void edf_dequeue(struct edf_queue *q, struct edf_ent *e);
void edf_run(struct edf_queue *q, struct edf_cpu *c, struct edf_ent *e);
void edf_adopt(struct edf_queue *q, struct edf_cpu *c, struct edf_ent *e, u64 now);
void edf_charge(struct edf_queue *q, struct edf_ent *e, u64 ran);
void edf_put(struct edf_queue *q, struct edf_ent *e);

u64 edf_next_due(const struct edf_queue *q);
struct edf_ent *edf_due(const struct edf_queue *q, u64 now);
void edf_replenish(struct edf_queue *q, struct edf_ent *e,
		   const struct edf_tune *t, u64 now);

int edf_cmp(const struct edf_ent *a, const struct edf_ent *b);
struct edf_ent *edf_first(const struct edf_queue *q);
struct edf_ent *edf_next(const struct edf_ent *e);
struct edf_ent *edf_first_on(const struct edf_cpu *c);
struct edf_cpu *edf_worst(const struct edf_queue *q);
struct edf_cpu *edf_less_bad(const struct edf_cpu *c);

s64 edf_lag(const struct edf_ent *e, u64 now);
void edf_take_lag(struct edf_ent *e, s64 lag, u64 now);

u64 edf_util(const struct edf_tune *t);
bool edf_fits(u64 load, u64 greatest, unsigned int nr_cpus, unsigned int cap,
	      bool gfb);

#endif /* _EDF_POLICY_H */
