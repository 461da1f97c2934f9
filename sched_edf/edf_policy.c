// SPDX-License-Identifier: GPL-2.0
/*
 * Earliest deadline first with deferrable servers: the rules.
 *
 * Purpose: decide who may run on the pCPUs of a pool and for how long, so that
 * each entity gets its budget in each of its periods. The rules are those of
 * Xen's RTDS scheduler.
 *
 * Design. An entity has a period from @release to @deadline = @release +
 * period and in it a budget, which falls while it runs and keeps when it does
 * not. At the deadline the budget is filled up and the next period begins
 * there. Who sleeps past its deadline begins a new period when it wakes. The
 * claim of an entity is (level, deadline), the smaller the better: the best
 * claims of all run, on whichever pCPUs. Who has used up its budget waits for
 * the next period; with extratime it goes on at the next level with another
 * budget instead, until the next period brings it back to level 0.
 *
 * On one pCPU, budgets are met in every period by any set whose budget/period
 * add up to at most 1, as long as all are runnable. A deferrable server that
 * sleeps keeps its budget to the end of its period and has the next one right
 * after: for a moment it gets more than its share, and another one may miss a
 * deadline by that. With @strict it cannot: who wakes with more budget than its
 * share of the time to its deadline begins a new period (the wake-up rule of
 * the constant bandwidth server), and the bound holds for sleepers too. On m
 * pCPUs none is late if the sum is at most m - (m - 1) x (the greatest of them)
 * (Goossens, Funk, Baruah); with more, up to m, a period may now and then end
 * before its budget was had, and what is missing then is lost.
 *
 * An overrun (the end of a turn comes late) is a debt, taken from the next
 * budget, so that overruns do not add up.
 *
 * Each operation is O(log n). Equal claims are served in the order of arrival.
 *
 * Locking: none here. The caller serialises everything on one queue, its pCPUs
 * and entities.
 *
 * Limits: nothing here knows who may run where; the caller looks.
 */

#include <linux/kernel.h>
#include <linux/math64.h>

#include "edf_policy.h"

static struct edf_ent *edf_of_key(struct rb_node *n)
{
	return n ? rb_entry(n, struct edf_ent, by_key) : NULL;
}

static struct edf_ent *edf_of_due(struct rb_node *n)
{
	return n ? rb_entry(n, struct edf_ent, by_due) : NULL;
}

static struct edf_cpu *edf_of_curr(struct rb_node *n)
{
	return n ? rb_entry(n, struct edf_cpu, by_curr) : NULL;
}

/** edf_cmp() - whose claim is better: less than 0, it is @a's; 0: equal */
int edf_cmp(const struct edf_ent *a, const struct edf_ent *b)
{
	if (a->level != b->level)
		return a->level < b->level ? -1 : 1;
	if (a->deadline != b->deadline)
		return a->deadline < b->deadline ? -1 : 1;
	return (int)b->tune.critical - (int)a->tune.critical;
}

static bool edf_less_key(struct rb_node *a, const struct rb_node *b)
{
	return edf_cmp(rb_entry(a, struct edf_ent, by_key),
		       rb_entry(b, struct edf_ent, by_key)) < 0;
}

static bool edf_less_cpu(struct rb_node *a, const struct rb_node *b)
{
	return edf_cmp(rb_entry(a, struct edf_ent, by_cpu),
		       rb_entry(b, struct edf_ent, by_cpu)) < 0;
}

static bool edf_less_due(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct edf_ent, by_due)->deadline <
	       rb_entry(b, struct edf_ent, by_due)->deadline;
}

static bool edf_less_busy(struct rb_node *a, const struct rb_node *b)
{
	return edf_cmp(rb_entry(a, struct edf_cpu, by_curr)->curr,
		       rb_entry(b, struct edf_cpu, by_curr)->curr) > 0;
}

/* --- the trees: an entity is in those of its @where ----------------------- */

static void edf_link(struct edf_queue *q, struct edf_ent *e, enum edf_where where)
{
	e->where = where;
	rb_add_cached(&e->by_due, &q->due, edf_less_due);
	if (where == EDF_READY) {
		rb_add_cached(&e->by_key, &q->ready, edf_less_key);
		rb_add_cached(&e->by_cpu, &e->cpu->ready, edf_less_cpu);
	} else if (where == EDF_RUNNING) {
		e->cpu->curr = e;
		rb_add_cached(&e->cpu->by_curr, &q->busy, edf_less_busy);
	}
}

static void edf_unlink(struct edf_queue *q, struct edf_ent *e)
{
	if (e->where == EDF_OUT)
		return;
	rb_erase_cached(&e->by_due, &q->due);
	if (e->where == EDF_READY) {
		rb_erase_cached(&e->by_key, &q->ready);
		rb_erase_cached(&e->by_cpu, &e->cpu->ready);
	} else if (e->where == EDF_RUNNING) {
		rb_erase_cached(&e->cpu->by_curr, &q->busy);
		e->cpu->curr = NULL;
	}
	e->where = EDF_OUT;
}

/* After a change of @e's claim or budget: it was @where. */
static void edf_relink(struct edf_queue *q, struct edf_ent *e, enum edf_where where)
{
	if (where == EDF_READY || where == EDF_DEPLETED)
		where = e->left > 0 ? EDF_READY : EDF_DEPLETED;
	if (where != EDF_OUT)
		edf_link(q, e, where);
}

/** edf_first() - the best claim of all that are ready, or NULL */
struct edf_ent *edf_first(const struct edf_queue *q)
{
	return edf_of_key(rb_first_cached(&q->ready));
}

/** edf_next() - who is behind @e in the order of edf_first() */
struct edf_ent *edf_next(const struct edf_ent *e)
{
	return edf_of_key(rb_next(&e->by_key));
}

/** edf_first_on() - the best claim of those ready on @c, or NULL */
struct edf_ent *edf_first_on(const struct edf_cpu *c)
{
	struct rb_node *n = rb_first_cached(&c->ready);

	return n ? rb_entry(n, struct edf_ent, by_cpu) : NULL;
}

/** edf_worst() - where the worst claim runs, or NULL: nobody runs */
struct edf_cpu *edf_worst(const struct edf_queue *q)
{
	return edf_of_curr(rb_first_cached(&q->busy));
}

/** edf_less_bad() - the pCPU behind @c in the order of edf_worst() */
struct edf_cpu *edf_less_bad(const struct edf_cpu *c)
{
	return edf_of_curr(rb_next(&c->by_curr));
}

/* --- budgets and periods --------------------------------------------------- */

/* Without budget: another one at the next level, or a debt within bounds. */
static void edf_settle(struct edf_ent *e)
{
	u64 n;

	if (e->left > 0)
		return;
	if (e->tune.extratime) {
		n = div64_u64(-e->left, e->tune.budget) + 1;
		e->level = min_t(u64, e->level + n, U32_MAX);
		e->left += n * e->tune.budget;
	} else {
		e->left = max_t(s64, e->left, -(s64)e->tune.budget);
	}
}

static void edf_fill(struct edf_ent *e, bool debt)
{
	e->left = (debt && e->left < 0 ? e->left : 0) + (s64)e->tune.budget;
	e->level = 0;
	e->started = true;
	edf_settle(e);
}

static void edf_begin(struct edf_ent *e, u64 now)
{
	bool debt = e->started && now < e->deadline + e->tune.period;

	e->release = now;
	e->deadline = now + e->tune.period;
	edf_fill(e, debt);
}

/* The period that @now is in; they follow one another without a gap. */
static void edf_advance(struct edf_ent *e, u64 now)
{
	u64 n = div64_u64(now - e->deadline, e->tune.period);

	e->release = e->deadline + n * e->tune.period;
	e->deadline = e->release + e->tune.period;
	edf_fill(e, !n);
}

/* More budget than its share of the time to the deadline: level 0 only. */
static bool edf_too_late(const struct edf_ent *e, u64 now)
{
	return !e->level && e->left > 0 &&
	       mul_u64_u64_div_u64(e->left, e->tune.period, e->tune.budget) >
	       e->deadline - now;
}

/** edf_queue_init() - no entities, no pCPUs */
void edf_queue_init(struct edf_queue *q)
{
	*q = (struct edf_queue){
		.ready = RB_ROOT_CACHED,
		.due = RB_ROOT_CACHED,
		.busy = RB_ROOT_CACHED,
	};
}

/** edf_cpu_init() - a pCPU with nothing on it */
void edf_cpu_init(struct edf_cpu *c)
{
	*c = (struct edf_cpu){ .ready = RB_ROOT_CACHED };
}

/** edf_ent_init() - an entity that has not been anywhere yet */
void edf_ent_init(struct edf_ent *e, const struct edf_tune *t)
{
	*e = (struct edf_ent){ .tune = *t, .where = EDF_OUT };
}

/**
 * edf_retune() - the operator changed something
 * @q:   its queue
 * @e:   an entity in any state, charged
 * @t:   all its parameters
 * @now: ns
 *
 * What is left of the present period is cut to what the new values allow: it
 * does not end later than a new one would, and has no more budget.
 */
void edf_retune(struct edf_queue *q, struct edf_ent *e, const struct edf_tune *t,
		u64 now)
{
	enum edf_where where = e->where;

	edf_unlink(q, e);
	e->tune = *t;
	if (e->started && now < e->deadline) {
		e->deadline = min(e->deadline, now + t->period);
		e->left = min_t(s64, e->left, t->budget);
		if (e->level && !t->extratime) {
			e->level = 0;
			e->left = 0;
		}
		edf_settle(e);
	}
	edf_relink(q, e, where);
}

/**
 * edf_enqueue() - @e waits
 * @q:   its queue
 * @c:   the pCPU that it waits for
 * @e:   an entity that is OUT
 * @how: on what terms
 * @now: ns
 */
void edf_enqueue(struct edf_queue *q, struct edf_cpu *c, struct edf_ent *e,
		 enum edf_enter how, u64 now)
{
	bool over = e->started && now >= e->deadline;

	if (!e->started || (how == EDF_ENTER_WAKE && over))
		edf_begin(e, now);
	else if (over)
		edf_advance(e, now);
	else if (how == EDF_ENTER_WAKE && q->strict && edf_too_late(e, now))
		edf_begin(e, now);
	e->cpu = c;
	edf_relink(q, e, EDF_READY);
}

/** edf_dequeue() - @e, queued, waits no longer */
void edf_dequeue(struct edf_queue *q, struct edf_ent *e)
{
	edf_unlink(q, e);
}

/** edf_run() - @e, READY, runs on @c, where nobody runs */
void edf_run(struct edf_queue *q, struct edf_cpu *c, struct edf_ent *e)
{
	edf_unlink(q, e);
	e->cpu = c;
	edf_link(q, e, EDF_RUNNING);
}

/**
 * edf_adopt() - an entity that runs already comes under this queue
 * @q:   the queue
 * @c:   where it runs
 * @e:   an entity that is OUT
 * @now: ns
 */
void edf_adopt(struct edf_queue *q, struct edf_cpu *c, struct edf_ent *e, u64 now)
{
	edf_enqueue(q, c, e, EDF_ENTER_KEEP, now);
	edf_run(q, c, e);
}

/** edf_charge() - the running entity used its pCPU for @ran ns */
void edf_charge(struct edf_queue *q, struct edf_ent *e, u64 ran)
{
	e->left -= min_t(u64, ran, EDF_NS_MAX);
	if (e->left > 0)
		return;
	if (!e->tune.extratime) {
		edf_settle(e);	/* its claim remains */
		return;
	}
	edf_unlink(q, e);
	edf_settle(e);
	edf_link(q, e, EDF_RUNNING);
}

/** edf_put() - the running entity runs no longer */
void edf_put(struct edf_queue *q, struct edf_ent *e)
{
	edf_unlink(q, e);
}

/** edf_next_due() - when the next period of anybody ends; U64_MAX: nobody is there */
u64 edf_next_due(const struct edf_queue *q)
{
	struct edf_ent *e = edf_of_due(rb_first_cached(&q->due));

	return e ? e->deadline : U64_MAX;
}

/** edf_due() - somebody whose period is over, or NULL */
struct edf_ent *edf_due(const struct edf_queue *q, u64 now)
{
	struct edf_ent *e = edf_of_due(rb_first_cached(&q->due));

	return e && e->deadline <= now ? e : NULL;
}

/**
 * edf_replenish() - the next period of an entity
 * @q:   its queue
 * @e:   from edf_due(); charged, if it runs
 * @t:   its parameters from now on
 * @now: ns
 */
void edf_replenish(struct edf_queue *q, struct edf_ent *e,
		   const struct edf_tune *t, u64 now)
{
	enum edf_where where = e->where;

	edf_unlink(q, e);
	e->tune = *t;
	edf_advance(e, now);
	edf_relink(q, e, where);
}

/* --- from and to other schedulers ------------------------------------------ */

/**
 * edf_lag() - what an entity is owed
 * @e:   an entity
 * @now: ns
 *
 * Return: its budget so far, had it come evenly over the period, minus what it
 * received, ns; within +-EDF_LAG_MAX.
 */
s64 edf_lag(const struct edf_ent *e, u64 now)
{
	u64 passed = now > e->release ? now - e->release : 0;
	s64 due, got;

	if (!e->started || now >= e->deadline + e->tune.period)
		return 0;
	passed = min(passed, e->tune.period);
	due = mul_u64_u64_div_u64(e->tune.budget, passed, e->tune.period);
	/* A level is worth at least EDF_NS_MIN: more of them than this are clipped anyway. */
	got = min_t(u64, e->level, EDF_LAG_MAX / EDF_NS_MIN + 1) * e->tune.budget;
	got += (s64)e->tune.budget - e->left;
	return clamp_t(s64, due - got, -EDF_LAG_MAX, EDF_LAG_MAX);
}

/**
 * edf_take_lag() - begin with what an entity is owed from elsewhere
 * @e:   an entity that is OUT
 * @lag: as edf_lag() returns
 * @now: ns
 *
 * Who is owed something stands in a period as far as it would be with its whole
 * budget left, half of it at most: its deadline is nearer. Who had too much
 * has less budget left.
 */
void edf_take_lag(struct edf_ent *e, s64 lag, u64 now)
{
	u64 shift = 0;

	lag = clamp_t(s64, lag, -EDF_LAG_MAX, EDF_LAG_MAX);
	e->started = false;
	edf_begin(e, now);
	if (lag > 0)
		shift = mul_u64_u64_div_u64(lag, e->tune.period, e->tune.budget);
	shift = min3(shift, e->tune.period / 2, now);
	e->release -= shift;
	e->deadline -= shift;
	if (lag < 0) {
		e->left -= min_t(u64, -lag, e->tune.budget);
		edf_settle(e);
	}
}

/* --- admission -------------------------------------------------------------- */

/** edf_util() - the part of a pCPU that is reserved, in EDF_UNIT; rounded down by < 2^-30 */
u64 edf_util(const struct edf_tune *t)
{
	return div64_u64(t->budget * EDF_UNIT, t->period);
}

/**
 * edf_fits() - the test for admission
 * @load:     sum of edf_util() of all
 * @greatest: the greatest of them
 * @nr_cpus:  online pCPUs, at most 2^20
 * @cap:      how much of them may be reserved, per cent, at most 1000
 * @gfb:      leave room so that nobody is late even on several pCPUs
 */
bool edf_fits(u64 load, u64 greatest, unsigned int nr_cpus, unsigned int cap,
	      bool gfb)
{
	u64 room = nr_cpus * EDF_UNIT;

	if (gfb && nr_cpus)
		room -= (nr_cpus - 1) * min(greatest, EDF_UNIT);
	return load <= div_u64(room * cap, 100);
}
