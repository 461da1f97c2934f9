// SPDX-License-Identifier: GPL-2.0
/*
 * Round robin: the rules.
 *
 * Purpose: each entity in its turn, for one quantum of its own length. Of two
 * that always run, each gets quantum_i / (sum of the quanta).
 *
 * Design: a list. Who becomes runnable (new, woken, stolen) goes to its end
 * with a fresh quantum, so that a wake-up costs nobody else a turn. (ACRN puts
 * the woken one in front, which is quick for it and lets two that wake each
 * other keep everybody else out.) Who is stopped in the middle of its turn goes
 * on with what is left of it before anybody else's turn; that can happen only
 * until its quantum is used up.
 *
 * Who is alone gets a quantum as well; the interface lets it go on as long as
 * nobody waits, and ends the turn at once when somebody comes after its end.
 *
 * A turn never ends to the nanosecond. What somebody took too much is taken off
 * its next quantum, so the error does not grow. More than half a quantum is not
 * a late timer: it was alone, took nothing from anybody and owes nothing.
 *
 * Every operation is O(1).
 *
 * Locking: none here. The caller serialises everything on one queue and the
 * entities that are on it.
 *
 * Limits: weights mean nothing here; that is what quanta are for.
 */

#include <linux/kernel.h>

#include "rr_policy.h"

/**
 * rr_queue_init() - an empty queue
 * @q: memory for it
 */
void rr_queue_init(struct rr_queue *q)
{
	INIT_LIST_HEAD(&q->head);
	q->nr = 0;
}

/**
 * rr_ent_init() - an entity before its first turn
 * @r:       memory for it
 * @quantum: ns, below 2^62
 */
void rr_ent_init(struct rr_ent *r, u64 quantum)
{
	INIT_LIST_HEAD(&r->node);
	r->quantum = quantum;
	r->left = 0;
}

/**
 * rr_retune() - another quantum, from the next turn on
 * @r:       the entity, in any state
 * @quantum: ns, below 2^62
 *
 * One that waits has its turn ahead: it gets the new length at once, less what
 * it owes. The turn in progress becomes shorter but not longer.
 */
void rr_retune(struct rr_ent *r, u64 quantum)
{
	s64 owed = r->quantum - r->left;

	if (!list_empty(&r->node))
		r->left = max_t(s64, (s64)quantum - owed, quantum / 2);
	else
		r->left = min_t(s64, r->left, quantum);
	r->quantum = quantum;
}

/**
 * rr_enqueue() - @r waits for its turn
 * @q:       the queue
 * @r:       an entity that is not queued
 * @how:     on what terms
 * @quantum: length of a new turn, ns, below 2^62
 */
void rr_enqueue(struct rr_queue *q, struct rr_ent *r, enum rr_enter how,
		u64 quantum)
{
	q->nr++;
	if (how == RR_ENTER_BACK && r->left >= RR_REST_MIN) {
		list_add(&r->node, &q->head);
		return;
	}
	r->quantum = quantum;
	r->left = min_t(s64, r->left, 0) + (s64)r->quantum;
	if (r->left < (s64)(r->quantum / 2))
		r->left = r->quantum;
	list_add_tail(&r->node, &q->head);
}

/**
 * rr_dequeue() - @r waits no longer
 * @q: its queue
 * @r: an entity that is queued there
 */
void rr_dequeue(struct rr_queue *q, struct rr_ent *r)
{
	list_del_init(&r->node);
	q->nr--;
}

/**
 * rr_pick() - whose turn it is
 * @q:     the queue
 * @slice: how long it may run, ns; at least 1
 *
 * Return: the entity, no longer queued; NULL: nobody waits.
 */
struct rr_ent *rr_pick(struct rr_queue *q, u64 *slice)
{
	struct rr_ent *r = list_first_entry_or_null(&q->head, struct rr_ent,
						    node);

	if (!r)
		return NULL;
	rr_dequeue(q, r);
	*slice = max_t(s64, r->left, 1);
	return r;
}

/**
 * rr_prefer() - let @r have the next turn
 * @q: the queue
 * @r: an entity that is queued there
 */
void rr_prefer(struct rr_queue *q, struct rr_ent *r)
{
	list_move(&r->node, &q->head);
}

/**
 * rr_charge() - the running entity used its pCPU
 * @r:   the entity
 * @ran: for how long since the last charge, ns
 *
 * More than one quantum too much is not told apart from one.
 */
void rr_charge(struct rr_ent *r, u64 ran)
{
	s64 floor = -(s64)r->quantum;

	if (ran > 2 * r->quantum)
		r->left = floor;
	else
		r->left = max_t(s64, r->left - (s64)ran, floor);
}

/**
 * rr_adopt() - an entity that runs already comes under these rules
 * @r:   the entity, not queued
 * @ran: for how long it has run in its turn, ns
 *
 * Return: how long it may go on, ns; 0: not at all.
 */
u64 rr_adopt(struct rr_ent *r, u64 ran)
{
	r->left = ran < r->quantum ? r->quantum - ran : 0;
	return r->left;
}

/**
 * rr_scan() - go through all that are queued, for somebody who wants to steal
 * @q:    the queue
 * @prev: the last answer, or NULL to begin
 *
 * Return: the next one in the order of their turns, or NULL.
 */
struct rr_ent *rr_scan(const struct rr_queue *q, const struct rr_ent *prev)
{
	const struct list_head *n = prev ? prev->node.next : q->head.next;

	return n == &q->head ? NULL : list_entry(n, struct rr_ent, node);
}
