/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a queue knows of its entities together: struct credit_sums, kept up as they come,
 * change and go. For credit_policy.c; see there.
 */
#ifndef _CREDIT_SUMS_H
#define _CREDIT_SUMS_H

#include <linux/kernel.h>
#include <linux/minmax.h>

#include "credit_policy.h"

/* Its cap decides what it gets, not what the pCPU has left. */
static inline bool apart(const struct credit_ent *e)
{
	return e->parked || (e->tune.cap && e->full);
}

/* What @e counts for, as it is classed now. */
static inline struct credit_sums sums_of(const struct credit_ent *e)
{
	return (struct credit_sums){
		.weight = e->tune.weight,
		.open = e->full ? 0 : e->tune.weight,
		.full = e->full ? e->peak : 0,
		.balance = e->credit,
		.want = e->want,
	};
}

static inline void add_to(struct credit_sums *to, const struct credit_sums *s, int times)
{
	to->weight += times * s->weight;
	to->open += times * s->open;
	to->full += times * s->full;
	to->balance += times * s->balance;
	to->want += times * s->want;
}

/* @times: 1 to count @e in, -1 to count it out. */
static inline void count(struct credit_queue *q, const struct credit_ent *e, int times)
{
	struct credit_sums s = sums_of(e);

	add_to(&q->sums[apart(e)], &s, times);
}

/* It ran here and is away: until the next round it counts as it was when it left. */
static inline void go_away(struct credit_queue *q, struct credit_ent *e, u64 now)
{
	if (!e->linked)
		return;
	e->away_apart = apart(e);
	e->away = sums_of(e);
	add_to(&q->away[e->away_apart], &e->away, 1);
	if (!q->away_since)
		q->away_since = max(now, 1ULL);
	e->away_since = q->away_since;
	e->away_from = q;
	atomic_dec(&e->vm->active);
	list_del(&e->member);
	e->linked = false;
}

/* ... or it is back before that. */
static inline void come_back(struct credit_queue *q, struct credit_ent *e)
{
	if (e->away_from == q && q->away_since && e->away_since == q->away_since) {
		add_to(&q->sums[e->away_apart], &e->away, -1);
		add_to(&q->away[e->away_apart], &e->away, -1);
	}
	e->away_from = NULL;
}

/* Who is still away counts no longer. */
static inline void forget_away(struct credit_queue *q)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(q->away); i++) {
		add_to(&q->sums[i], &q->away[i], -1);
		q->away[i] = (struct credit_sums){ };
	}
	q->away_since = 0;
}

static inline void link_to(struct credit_queue *q, struct credit_ent *e)
{
	if (!e->active || e->linked)
		return;
	e->linked = true;
	/* Its turn in the round under way, if it has not been yet. */
	list_add_tail(&e->member, e->paid_at < q->round_at && !list_empty(&q->todo) ?
		      &q->todo : &q->active);
	atomic_inc(&e->vm->active);
	count(q, e, 1);
}

static inline void unlink_from(struct credit_queue *q, struct credit_ent *e)
{
	if (!e->linked)
		return;
	count(q, e, -1);
	atomic_dec(&e->vm->active);
	list_del(&e->member);
	e->linked = false;
}

#endif /* _CREDIT_SUMS_H */
