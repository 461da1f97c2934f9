// SPDX-License-Identifier: GPL-2.0
/*
 * Borrowed Virtual Time: the rules.
 *
 * Purpose: decide who runs next on one pCPU and for how long, after Duda and
 * Cheriton, "Borrowed-Virtual-Time (BVT) scheduling", SOSP 1999.
 *
 * Design. Entity i of weight w_i has an actual virtual time A_i, which grows by
 * t/w_i when it runs for t, and an effective one E_i = A_i - W_i while it is
 * warped, E_i = A_i otherwise. The least E runs. The context-switch allowance
 * C lets a running i go on until another j has E_j <= E_i - C/w_i. The
 * scheduler virtual time SVT is the least A of all runnable; who wakes up
 * enters with max(A, SVT), so that sleep earns nothing.
 *
 * A warp is limited twice, in run time: after L of it the entity loses the warp
 * and has to do without it for U. Sleep gives run time back in proportion, L
 * for U: who is warped for a share below L / (L + U) of the time never meets
 * the limit, and who sleeps for an instant just before it gains an instant.
 *
 * The queue has a tree of unwarped entities by A, one of warped entities by E,
 * the warped ones again by A (SVT needs the least A of all), and the entities
 * that wait for their next warp by time. Each operation is O(log n).
 *
 * Every charge is exact to the nanosecond (bvt_vtime.h), so the paper's minimum
 * charging unit does not exist here; in the bound
 *   -phi_i n (C + MCU) <= S_i - phi_i T <= C + MCU
 * the place of MCU is taken by how late the end of a slice comes.
 *
 * Overflow. A point that is charged: see bvt_vtime.h. A point that is set lies
 * between SVT - BVT_LAG_MAX/w and SVT + BVT_AHEAD_MAX/w. So an entity is never
 * more than 2^42 ns of service away from SVT, plus a warp (10 s at weight
 * 65535: 2^42) and what it ran against the rules; @sum stays in 63 bits with
 * 2^18 entities at that extreme distance, all on the same side.
 *
 * Locking: none here. The caller serialises everything on one queue and the
 * entities that are on it.
 *
 * Limits: one queue knows nothing of another; moving entities is up to the
 * caller. An entity that may not run here has to stay out of the queue.
 */

#include <linux/kernel.h>
#include <linux/math64.h>

#include "bvt_policy.h"

static struct bvt_ent *bvt_of_evt(struct rb_node *n)
{
	return n ? rb_entry(n, struct bvt_ent, by_evt) : NULL;
}

static struct bvt_ent *bvt_of_other(struct rb_node *n)
{
	return n ? rb_entry(n, struct bvt_ent, by_other) : NULL;
}

/*
 * Equal keys keep the order of their arrival, but who wakes up goes before them.
 * That is no rare case: it enters at SVT, which is where another one is.
 */
static bool bvt_less_evt(struct rb_node *a, const struct rb_node *b)
{
	const struct bvt_ent *l = rb_entry(a, struct bvt_ent, by_evt);
	const struct bvt_ent *r = rb_entry(b, struct bvt_ent, by_evt);

	return bvt_vt_cmp(&l->key, &r->key) < (l->enter == BVT_ENTER_WAKE);
}

static bool bvt_less_avt(struct rb_node *a, const struct rb_node *b)
{
	return bvt_vt_cmp(&rb_entry(a, struct bvt_ent, by_other)->avt,
			  &rb_entry(b, struct bvt_ent, by_other)->avt) < 0;
}

static bool bvt_less_rest(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct bvt_ent, by_other)->rest_till <
	       rb_entry(b, struct bvt_ent, by_other)->rest_till;
}

static bool bvt_is_warped(const struct bvt_ent *b)
{
	return b->tune.warp && !b->rest_till;
}

/* E: whole units suffice for a warp, its fraction is below 256 ns of service. */
static struct bvt_vt bvt_evt(const struct bvt_ent *b)
{
	struct bvt_vt e = b->avt;

	if (bvt_is_warped(b))
		e.v -= b->tune.warp / BVT_WEIGHT_DEF;
	return e;
}

/* --- the trees ----------------------------------------------------------- */

static void bvt_tree_insert(struct bvt_queue *q, struct bvt_ent *b)
{
	b->key = bvt_evt(b);
	if (bvt_is_warped(b)) {
		b->where = BVT_WARPED;
		rb_add_cached(&b->by_evt, &q->warped, bvt_less_evt);
		rb_add_cached(&b->by_other, &q->warped_avt, bvt_less_avt);
		return;
	}
	rb_add_cached(&b->by_evt, &q->plain, bvt_less_evt);
	b->where = BVT_PLAIN;
	if (b->rest_till) {
		b->where = BVT_RESTING;
		rb_add_cached(&b->by_other, &q->resting, bvt_less_rest);
	}
}

static void bvt_tree_remove(struct bvt_queue *q, struct bvt_ent *b)
{
	switch (b->where) {
	case BVT_WARPED:
		rb_erase_cached(&b->by_other, &q->warped_avt);
		rb_erase_cached(&b->by_evt, &q->warped);
		break;
	case BVT_RESTING:
		rb_erase_cached(&b->by_other, &q->resting);
		fallthrough;
	case BVT_PLAIN:
		rb_erase_cached(&b->by_evt, &q->plain);
		break;
	default:
		break;
	}
	b->where = BVT_OUT;
}

/* Who has the least E; the unwarped one when one of each kind has the same. */
static struct bvt_ent *bvt_first(const struct bvt_queue *q)
{
	struct bvt_ent *p = bvt_of_evt(rb_first_cached(&q->plain));
	struct bvt_ent *w = bvt_of_evt(rb_first_cached(&q->warped));

	if (p && w)
		return bvt_vt_cmp(&w->key, &p->key) < 0 ? w : p;
	return p ?: w;
}

/* Who would be first without @b, which is first. */
static struct bvt_ent *bvt_second(const struct bvt_queue *q, struct bvt_ent *b)
{
	bool warped = b->where == BVT_WARPED;
	struct bvt_ent *same = bvt_of_evt(rb_next(&b->by_evt));
	struct bvt_ent *other = bvt_of_evt(rb_first_cached(warped ? &q->plain :
								    &q->warped));

	if (same && other)
		return bvt_vt_cmp(&other->key, &same->key) < 0 ? other : same;
	return same ?: other;
}

/**
 * bvt_scan() - go through all that are queued, for somebody who wants to steal
 * @q:    the queue
 * @prev: the last answer, or NULL to begin
 *
 * Return: the next one (warped entities by E, then the others by E), or NULL.
 */
struct bvt_ent *bvt_scan(const struct bvt_queue *q, const struct bvt_ent *prev)
{
	struct rb_node *n;

	if (!prev) {
		n = rb_first_cached(&q->warped);
		return bvt_of_evt(n ?: rb_first_cached(&q->plain));
	}
	n = rb_next(&prev->by_evt);
	if (!n && prev->where == BVT_WARPED)
		n = rb_first_cached(&q->plain);
	return bvt_of_evt(n);
}

/* --- sums over the runnable, and the virtual time of the queue ------------ */

static s64 bvt_weighted(const struct bvt_queue *q, const struct bvt_ent *b)
{
	return (b->avt.v - q->base) * b->avt.w + b->avt.f;
}

static void bvt_join(struct bvt_queue *q, struct bvt_ent *b)
{
	q->sum += bvt_weighted(q, b);
	q->load += b->avt.w;
	q->mean_load = 0;	/* see bvt_mean() */
}

static void bvt_part(struct bvt_queue *q, struct bvt_ent *b)
{
	q->sum -= bvt_weighted(q, b);
	q->load -= b->avt.w;
}

/* SVT = least A of the runnable; it does not fall when somebody comes back behind it. */
static void bvt_svt_update(struct bvt_queue *q)
{
	struct bvt_ent *p = bvt_of_evt(rb_first_cached(&q->plain));
	struct bvt_ent *w = bvt_of_other(rb_first_cached(&q->warped_avt));
	const struct bvt_vt *min = q->curr ? &q->curr->avt : NULL;

	if (q->settling)
		return;
	if (p && (!min || bvt_vt_cmp(&p->avt, min) < 0))
		min = &p->avt;
	if (w && (!min || bvt_vt_cmp(&w->avt, min) < 0))
		min = &w->avt;
	if (!min || bvt_vt_cmp(min, &q->svt) <= 0)
		return;

	q->svt = *min;
	q->sum -= (s64)q->load * (q->svt.v - q->base);
	q->base = q->svt.v;
}

/*
 * The weighted mean of A: where each of the runnable would be had all got their
 * share. It stays as it is while entities only leave and nobody runs: whoever
 * hands a queue over one by one measures all of them against the same point.
 */
static struct bvt_vt bvt_mean(struct bvt_queue *q, u32 w)
{
	struct bvt_vt r = { .w = w };
	s64 rest;

	if (!q->mean_load) {
		if (!q->load)
			return bvt_vt_at(&q->svt, w);
		q->mean_v = div64_s64(q->sum, q->load);
		rest = q->sum - q->mean_v * (s64)q->load;
		if (rest < 0) {
			q->mean_v--;
			rest += q->load;
		}
		q->mean_v += q->base;
		q->mean_rest = rest;
		q->mean_load = q->load;
	}
	r.v = q->mean_v;
	/* rest < load < 2^47 with fewer than 2^31 entities: the product fits. */
	r.f = div64_u64(q->mean_rest * w, q->mean_load);
	return r;
}

/* --- warp ------------------------------------------------------------------ */

static void bvt_warp_renew(struct bvt_ent *b)
{
	b->rest_till = 0;
	b->warp_ran = 0;
}

static void bvt_warp_on_enter(struct bvt_ent *b, u64 now)
{
	u64 slept = now > b->left_at ? now - b->left_at : 0;

	if (b->rest_till) {
		if (now >= b->rest_till)
			bvt_warp_renew(b);
		return;
	}
	if (b->enter != BVT_ENTER_WAKE || b->absent || !b->warp_ran)
		return;
	if (slept >= b->tune.unwarp) {
		b->warp_ran = 0;
		return;
	}
	slept = mul_u64_u64_div_u64(slept, b->tune.warp_limit, b->tune.unwarp);
	b->warp_ran -= min(slept, b->warp_ran);
}

static void bvt_warp_on_charge(struct bvt_ent *b, u64 ran, u64 now)
{
	if (!b->tune.warp)
		return;
	if (b->rest_till) {
		if (now >= b->rest_till)
			bvt_warp_renew(b);
		return;
	}
	if (!b->tune.warp_limit)
		return;
	b->warp_ran += ran;
	if (b->warp_ran >= b->tune.warp_limit)
		b->rest_till = now + b->tune.unwarp;
}

/* Whose time without warp is over gets another place in the queue. */
static void bvt_wake_rested(struct bvt_queue *q, u64 now)
{
	struct bvt_ent *b;

	while ((b = bvt_of_other(rb_first_cached(&q->resting))) &&
	       b->rest_till <= now) {
		bvt_tree_remove(q, b);
		bvt_warp_renew(b);
		bvt_tree_insert(q, b);
	}
}

/* --- slices ---------------------------------------------------------------- */

/*
 * How long @b may run, apart from the limits of warps: until the first in the
 * queue has E <= E_b - allow/w_b. May be negative. Who is alone gets C: as long
 * as nobody waits the end of a slice means nothing, and when somebody comes
 * bvt_wakeup() looks again, unless the slice has not begun.
 */
static s64 bvt_turn(const struct bvt_queue *q, const struct bvt_ent *b,
		    u64 allow)
{
	struct bvt_ent *next = bvt_first(q);
	struct bvt_vt evt = bvt_evt(b);

	return (next ? bvt_vt_service(&evt, &next->key) : 0) + (s64)allow;
}

/*
 * A slice also ends where a warp ends (@b's own) or begins (of one that is
 * queued), for then the order changes without anybody calling.
 */
static u64 bvt_slice(const struct bvt_queue *q, const struct bvt_ent *b,
		     s64 turn, u64 now)
{
	struct bvt_ent *rested = bvt_of_other(rb_first_cached(&q->resting));
	u64 t = turn;

	/* Less than what it ran: the operator lowered the limit meanwhile. */
	if (bvt_is_warped(b) && b->tune.warp_limit)
		t = min(t, max(b->tune.warp_limit, b->warp_ran + 1) -
			   b->warp_ran);
	if (rested && rested->rest_till > now)
		t = min(t, rested->rest_till - now);
	return t;
}

/* --- coming and going ------------------------------------------------------ */

/* Give @b its place in virtual time, on the terms in @b->enter. */
static void bvt_place(struct bvt_queue *q, struct bvt_ent *b, u64 now)
{
	struct bvt_vt at = bvt_vt_at(&q->svt, b->tune.weight);
	bool claim = b->enter != BVT_ENTER_WAKE || b->absent;
	s64 rel = b->rel;
	u64 away;

	if (b->seq_was == q->seq) {
		b->avt = b->avt_was;
		if (claim)
			bvt_vt_sub(&at, BVT_LAG_MAX);
		if (bvt_vt_cmp(&b->avt, &at) < 0)
			b->avt = at;
		return;
	}

	/*
	 * From another queue. There the virtual time went on while @b slept, by
	 * about 1/load per ns, and its lead shrank in the same measure.
	 */
	if (!b->seq_was)
		rel = 0;
	else if (b->level)
		rel += clamp_t(s64, bvt_vt_service(&at, &b->avt_was) - rel, -BVT_LEVEL_MAX,
			       BVT_LEVEL_MAX);
	b->level = false;
	if (!claim && rel > 0) {
		away = now > b->left_at ? now - b->left_at : 0;
		away = min_t(u64, away, BVT_AHEAD_MAX);
		away = div64_u64(away * b->tune.weight, b->left_load);
		rel -= min_t(s64, rel, away);
	}
	rel = clamp_t(s64, rel, claim ? -BVT_LAG_MAX : 0, BVT_AHEAD_MAX);
	bvt_vt_move(&at, rel);
	b->avt = at;
}

/* Before @b goes: remember where it stood among the others. */
static void bvt_note(struct bvt_queue *q, struct bvt_ent *b, u64 now)
{
	struct bvt_vt svt;

	bvt_svt_update(q);
	svt = bvt_vt_at(&q->svt, b->avt.w);
	b->rel = bvt_vt_service(&svt, &b->avt);
	b->left_at = now;
	b->left_load = q->load;
	b->absent = false;
	b->turn = false;
	b->bumped = false;
}

/**
 * bvt_queue_init() - an empty queue
 * @q:   memory for it
 * @seq: a number that no other queue has or had; not 0
 */
void bvt_queue_init(struct bvt_queue *q, u64 seq)
{
	*q = (struct bvt_queue){
		.plain = RB_ROOT_CACHED,
		.warped = RB_ROOT_CACHED,
		.warped_avt = RB_ROOT_CACHED,
		.resting = RB_ROOT_CACHED,
		.svt = { .w = 1 },
		.seq = seq,
	};
}

/**
 * bvt_ent_init() - an entity that has not been anywhere yet
 * @b: memory for it
 * @t: its parameters
 */
void bvt_ent_init(struct bvt_ent *b, const struct bvt_tune *t)
{
	*b = (struct bvt_ent){
		.avt = { .w = t->weight },
		.avt_was = { .w = t->weight },
		.tune = *t,
		.where = BVT_OUT,
	};
}

/** bvt_vtime() - the virtual time of a queue, in whole units: ns of service at weight 1 */
s64 bvt_vtime(struct bvt_queue *q)
{
	bvt_svt_update(q);
	return q->svt.v;
}

/**
 * bvt_catch_up() - a queue with nobody goes to where the others are
 * @q:  the queue
 * @to: a virtual time; one that is behind counts for nothing
 */
void bvt_catch_up(struct bvt_queue *q, s64 to)
{
	if (q->curr || q->nr || to <= q->svt.v)
		return;
	q->svt = (struct bvt_vt){ .v = to, .w = 1 };
	q->base = to;
	q->sum = 0;
	q->mean_load = 0;
}

/* As far from @svt as before, in ns of service. */
static struct bvt_vt bvt_reweighed(const struct bvt_vt *svt, const struct bvt_vt *avt, u32 w)
{
	struct bvt_vt from = bvt_vt_at(svt, avt->w);
	struct bvt_vt at = bvt_vt_at(svt, w);

	bvt_vt_move(&at, bvt_vt_service(&from, avt));
	return at;
}

/**
 * bvt_retune() - the operator changed something
 * @q: the queue that @b is on, or was on last; NULL: none
 * @b: an entity in any state
 * @t: all its parameters
 *
 * With another weight it keeps its lead or lag in ns of service. In virtual time
 * a turn at weight 1 is a lead of minutes, which are not to be waited for by
 * one that the operator has made important since.
 */
void bvt_retune(struct bvt_queue *q, struct bvt_ent *b,
		const struct bvt_tune *t)
{
	enum bvt_where where = b->where;

	if (q)
		bvt_svt_update(q);
	if (bvt_queued(b))
		bvt_tree_remove(q, b);
	if (where != BVT_OUT)
		bvt_part(q, b);

	b->tune = *t;
	if (b->avt.w != t->weight) {
		b->avt = q && b->seq == q->seq ? bvt_reweighed(&q->svt, &b->avt, t->weight) :
					    bvt_vt_at(&b->avt, t->weight);
		b->avt_was = q && b->seq_was == q->seq ?
			bvt_reweighed(&q->svt, &b->avt_was, t->weight) :
			bvt_vt_at(&b->avt_was, t->weight);
	}
	if (!t->warp)
		bvt_warp_renew(b);

	if (where != BVT_OUT)
		bvt_join(q, b);
	if (where >= BVT_PLAIN)
		bvt_tree_insert(q, b);
}

/**
 * bvt_enqueue() - @b waits for this pCPU
 * @q:   its queue
 * @b:   an entity that is neither queued nor running
 * @how: on what terms
 * @now: ns
 *
 * SVT is only as good as the last charge of who runs here. Where that may be
 * long ago, charge first, or call bvt_wakeup() afterwards: it corrects the place.
 */
void bvt_enqueue(struct bvt_queue *q, struct bvt_ent *b, enum bvt_enter how,
		 u64 now)
{
	/* Whose turn ended was not gone: SVT must not move on without it. */
	if (how == BVT_ENTER_WAKE || how == BVT_ENTER_MOVE || b->seq != q->seq)
		bvt_svt_update(q);
	b->enter = how;
	b->avt_was = b->avt;
	b->seq_was = b->seq;
	bvt_place(q, b, now);
	bvt_warp_on_enter(b, now);
	b->seq = q->seq;

	bvt_join(q, b);
	bvt_tree_insert(q, b);
	q->nr++;

	if (how == BVT_ENTER_YIELD || b->bumped)
		q->skip = b;
	else if (how == BVT_ENTER_KEEP && b->turn && b->seq_was == q->seq)
		q->hold = b;
}

static void bvt_take_out(struct bvt_queue *q, struct bvt_ent *b)
{
	bvt_tree_remove(q, b);
	q->nr--;
	if (q->hold == b)
		q->hold = NULL;
	if (q->skip == b)
		q->skip = NULL;
	if (q->next == b)
		q->next = NULL;
}

/**
 * bvt_dequeue() - @b waits no longer
 * @q:   its queue
 * @b:   an entity that is queued there
 * @now: ns
 */
void bvt_dequeue(struct bvt_queue *q, struct bvt_ent *b, u64 now)
{
	bvt_note(q, b, now);
	bvt_take_out(q, b);
	bvt_part(q, b);
}

/**
 * bvt_pick() - who runs next
 * @q:     a queue of which nobody runs
 * @allow: context-switch allowance C, ns
 * @now:   ns
 * @slice: how long it may run, ns; at least 1
 *
 * Return: the entity, no longer queued and now running; NULL: nobody waits.
 */
struct bvt_ent *bvt_pick(struct bvt_queue *q, u64 allow, u64 now, u64 *slice)
{
	struct bvt_ent *b, *hold = q->hold;
	s64 turn;

	bvt_wake_rested(q, now);
	b = bvt_first(q);
	if (!b)
		return NULL;

	if (b == q->skip) {
		b = bvt_second(q, b) ?: b;
	} else if (hold && hold != b) {
		struct bvt_vt limit = hold->key;

		/* Switch only if E_b <= E_hold - C/w_hold. */
		bvt_vt_sub(&limit, allow);
		if (bvt_vt_cmp(&b->key, &limit) > 0)
			b = hold;
	}
	if (q->next)
		b = q->next;
	q->hold = NULL;
	q->skip = NULL;
	q->next = NULL;
	q->preempt = false;
	q->settling = false;
	q->mean_load = 0;

	bvt_take_out(q, b);
	b->where = BVT_RUNNING;
	q->curr = b;

	/* Not the first of the queue: only when that one yielded. */
	turn = bvt_turn(q, b, allow);
	if (turn <= 0)
		turn = max_t(u64, allow, 1);
	*slice = bvt_slice(q, b, turn, now);
	return b;
}

/**
 * bvt_prefer() - let @b be the next pick, if it is not far behind in its claim
 * @q:     its queue
 * @b:     an entity that is queued there
 * @allow: context-switch allowance C, ns
 *
 * Nobody is kept waiting for more than C by it: as if @b had run last and were
 * protected by the allowance.
 */
void bvt_prefer(struct bvt_queue *q, struct bvt_ent *b, u64 allow)
{
	struct bvt_ent *first = bvt_first(q);
	struct bvt_vt limit = b->key;

	if (first && first == q->skip)
		first = bvt_second(q, first);
	bvt_vt_sub(&limit, allow);
	if (first && bvt_vt_cmp(&first->key, &limit) > 0)
		q->next = b;
}

/**
 * bvt_charge() - the running entity used its pCPU
 * @q:   its queue
 * @b:   the entity
 * @ran: for how long since the last charge, ns
 * @now: ns
 */
void bvt_charge(struct bvt_queue *q, struct bvt_ent *b, u64 ran, u64 now)
{
	bvt_vt_add(&b->avt, ran);
	q->sum += ran;
	q->mean_load = 0;	/* see bvt_mean() */
	bvt_warp_on_charge(b, ran, now);
	q->settling = false;
	bvt_svt_update(q);
}

/**
 * bvt_put() - the running entity runs no longer
 * @q:   its queue
 * @b:   the entity, charged
 * @how: why
 * @now: ns
 */
void bvt_put(struct bvt_queue *q, struct bvt_ent *b, enum bvt_leave how,
	     u64 now)
{
	bvt_note(q, b, now);
	b->absent = how == BVT_LEAVE_ABSENT;
	b->turn = how == BVT_LEAVE_TURN;
	b->bumped = how == BVT_LEAVE_TURN && q->preempt;
	b->where = BVT_OUT;
	q->curr = NULL;
	bvt_part(q, b);
}

/**
 * bvt_wakeup() - somebody was queued while another one runs
 * @q:       the queue
 * @woken:   who was just queued there
 * @allow:   context-switch allowance C, ns
 * @at_once: it need not wait for C when its claim is as good as that of who runs
 * @now:     ns; who runs was charged up to then
 *
 * Return: how long the running entity may go on, ns; 0: not at all.
 */
u64 bvt_wakeup(struct bvt_queue *q, struct bvt_ent *woken, u64 allow,
	       bool at_once, u64 now)
{
	struct bvt_ent *curr = q->curr;
	struct bvt_vt evt;
	s64 turn;

	if (!curr)
		return BVT_NO_END;

	/* Without @woken: the charge that came between may have moved SVT. */
	bvt_tree_remove(q, woken);
	bvt_part(q, woken);
	bvt_svt_update(q);
	bvt_place(q, woken, now);
	woken->avt_was = woken->avt;
	woken->seq_was = q->seq;
	bvt_join(q, woken);
	bvt_tree_insert(q, woken);
	bvt_wake_rested(q, now);

	evt = bvt_evt(curr);
	turn = bvt_turn(q, curr, allow);
	if (turn <= 0 || (at_once && bvt_vt_cmp(&woken->key, &evt) <= 0)) {
		q->preempt = true;
		return 0;
	}
	return bvt_slice(q, curr, turn, now);
}

/**
 * bvt_adopt() - an entity that runs already comes under this queue
 * @q:     the queue, of which nobody runs
 * @b:     the entity, neither queued nor running here
 * @allow: context-switch allowance C, ns
 * @ran:   for how long it has run in its turn, ns
 * @now:   ns
 *
 * Return: how long it may go on, ns; not more than C, for the others may still
 * be on their way into the queue.
 */
u64 bvt_adopt(struct bvt_queue *q, struct bvt_ent *b, u64 allow, u64 ran,
	      u64 now)
{
	u64 turn;

	b->enter = BVT_ENTER_MOVE;
	b->avt_was = b->avt;
	b->seq_was = b->seq;
	bvt_place(q, b, now);
	b->seq = q->seq;
	b->where = BVT_RUNNING;
	bvt_join(q, b);
	q->curr = b;

	turn = clamp_t(s64, bvt_turn(q, b, allow), 0, allow);
	turn -= min(turn, ran);
	return bvt_slice(q, b, turn, now);
}

/**
 * bvt_lag() - what an entity is owed
 * @q: its queue
 * @b: an entity that is queued or running there
 *
 * Return: fair service minus received service, ns; the sum over all runnable is
 * 0 but for rounding, also when each leaves right after it was asked about.
 * Within +-BVT_LAG_MAX.
 */
s64 bvt_lag(struct bvt_queue *q, const struct bvt_ent *b)
{
	struct bvt_vt mean = bvt_mean(q, b->avt.w);

	return clamp_t(s64, bvt_vt_service(&b->avt, &mean), -BVT_LAG_MAX,
		       BVT_LAG_MAX);
}

/**
 * bvt_take_lag() - begin with what an entity is owed from elsewhere
 * @q:   the queue it will enter
 * @b:   an entity that is neither queued nor running
 * @lag: as bvt_lag() returns
 *
 * As long as a new queue fills up and nobody runs, all are placed around the
 * same point; the mean of those that came first would move with each.
 */
void bvt_take_lag(struct bvt_queue *q, struct bvt_ent *b, s64 lag)
{
	if (!q->load)
		q->settling = true;
	b->avt = q->settling ? bvt_vt_at(&q->svt, b->tune.weight) :
			       bvt_mean(q, b->tune.weight);
	bvt_vt_move(&b->avt, -clamp_t(s64, lag, -BVT_LAG_MAX, BVT_LAG_MAX));
	b->seq = q->seq;
}
