/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Round robin: the rules, free of locks and of the objects of the scheduler
 * interface. See rr_policy.c.
 */
#ifndef _RR_POLICY_H
#define _RR_POLICY_H

#include <linux/list.h>
#include <linux/types.h>

/* A rest of a quantum that is shorter is not worth a turn of its own: ns. */
#define RR_REST_MIN	(50LL * 1000)

/**
 * enum rr_enter - on what terms an entity enters a queue
 * @RR_ENTER_TAIL: at the end, with a new quantum
 * @RR_ENTER_BACK: it was stopped in the middle of its turn and goes on with it
 *                 next, if that is worth while
 */
enum rr_enter {
	RR_ENTER_TAIL,
	RR_ENTER_BACK,
};

/**
 * struct rr_ent - an entity
 * @node:    in the queue
 * @quantum: length of a turn, ns
 * @left:    of the present one, ns; negative: it took more than it had
 */
struct rr_ent {
	struct list_head node;
	u64 quantum;
	s64 left;
};

/**
 * struct rr_queue - the entities that wait for one pCPU
 * @head: in the order of their turns
 * @nr:   how many
 */
struct rr_queue {
	struct list_head head;
	unsigned int nr;
};

void rr_queue_init(struct rr_queue *q);
void rr_ent_init(struct rr_ent *r, u64 quantum);
void rr_retune(struct rr_ent *r, u64 quantum);

void rr_enqueue(struct rr_queue *q, struct rr_ent *r, enum rr_enter how,
		u64 quantum);
void rr_dequeue(struct rr_queue *q, struct rr_ent *r);
struct rr_ent *rr_pick(struct rr_queue *q, u64 *slice);
void rr_charge(struct rr_ent *r, u64 ran);
u64 rr_adopt(struct rr_ent *r, u64 ran);
void rr_prefer(struct rr_queue *q, struct rr_ent *r);
struct rr_ent *rr_scan(const struct rr_queue *q, const struct rr_ent *prev);

#endif /* _RR_POLICY_H */
