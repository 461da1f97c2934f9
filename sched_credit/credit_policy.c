// SPDX-License-Identifier: GPL-2.0
/*
 * Credits: the rules.
 *
 * Purpose: shares by weight, limits by cap. Who has credit goes before who has
 * none; who wakes up with credit goes first.
 *
 * Credits are kept in ns of service: what Xen calls a credit is 100 us here.
 * Running costs them. Once in a period an accounting round pays each active
 * entity its share and sorts it anew: below zero it is OVER, else UNDER; with a
 * cap, and in debt by more than the cap earns in a period, it is parked; with
 * more than a whole period in hand, and asleep for most of the time or with nobody beside
 * it, it stops being active (it cannot use what it gets) and keeps half. (Xen does that
 * to those that wait for their turn too: with 20 vCPUs on a pCPU the heavy ones then lose
 * up to 7 % of their share to the light ones.)
 *
 * The share of an entity is a rate: level x weight, at most its peak, which is
 * one pCPU or its part of the cap. The level is the one at which all rates
 * together make up the pool, as far as anybody is on its pCPUs (one with nobody would have
 * taken somebody, if there were any who may go there): weighted max-min. Nobody walks
 * through all VMs for it. Each queue shows the pool sums over its own entities (struct
 * credit_sums): which of them are at their peak, and what the others weigh. For
 * any such division the level (supply - full) / open is never above the right
 * one, and to divide by a level that is too low and to compute it again comes
 * nearer with each round; so queues may work at different times, and a division
 * that is out of date costs a few rounds of less credit for everybody.
 *
 * The entities of a queue cannot have more than their pCPU. Where pins put more
 * weight on it than it can serve, their credits would all rise without end and
 * weights mean nothing; and where others have more weight they would all sink to
 * the floor. So a round keeps the sum of the queue's credits between -CREDIT_DEBT
 * and CREDIT_SLACK, by a level of its own at these bounds; in between the level
 * is the pool's. Sums alone do not move anybody: a queue whose entities want
 * less, at the pool's level, than their pCPU has takes from those whose entities
 * want more; see credit_fits().
 *
 * An entity that sleeps belongs to no queue. Its weight counts in the next round,
 * which pays for time when it was there, and then no more until it is back; then it is
 * paid at its last rate for the time that it slept, as far as it would have stayed
 * active. (If a round took no notice of those who happen to be away, a single hog that
 * serves a device in that moment would have its share of a whole period go to the others.)
 *
 * Locking: the caller's, one lock for each queue with its entities. struct
 * credit_pool and struct credit_vm are atomics and shared.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "credit_policy.h"
#include "credit_sums.h"

#define ONE_SHIFT	20
#define LEVEL_MAX	(1ULL << (2 * ONE_SHIFT))	/* weight 1 gets a whole pCPU */
#define AWAY_MAX	(1ULL << 36)			/* ns that can be paid at once */

/* --- sums ------------------------------------------------------------------------ */

static void activate(struct credit_queue *q, struct credit_ent *e, u64 now)
{
	if (e->active)
		return;
	e->active = true;
	e->full = false;
	e->paid_at = now;
	link_to(q, e);
}

static void add_credit(struct credit_queue *q, struct credit_ent *e, s64 ns)
{
	e->credit += ns;
	if (e->linked)
		q->sums[apart(e)].balance += ns;
}

/* Tell the pool what has changed in the sums, with or without the balance. */
static void show(struct credit_queue *q, struct credit_pool *pool, bool balance)
{
	struct credit_sums now = q->sums[0];

	add_to(&now, &q->sums[1], 1);
	now.balance = q->sums[0].balance;	/* what caps earn is nobody else's business */
	if (!now.weight != !q->shown.weight)
		atomic_add(now.weight ? 1 : -1, &pool->busy);
	atomic64_add(now.weight - q->shown.weight, &pool->weight);
	atomic64_add(now.open - q->shown.open, &pool->open);
	atomic64_add(now.full - q->shown.full, &pool->full);
	/* Only as it is right after a round: before, what was used is not paid yet. */
	if (balance)
		atomic64_add(now.balance - q->shown.balance, &pool->balance);
	else
		now.balance = q->shown.balance;
	q->shown = now;
}

/**
 * credit_show() - tell the pool what has changed in a queue's sums
 * @q:    the queue, empty, or at the end of a round
 * @pool: where it belongs
 */
void credit_show(struct credit_queue *q, struct credit_pool *pool)
{
	show(q, pool, true);
}

/**
 * credit_idle() - nobody is there: no round will come
 * @q:    the queue
 * @pool: where it belongs
 */
void credit_idle(struct credit_queue *q, struct credit_pool *pool)
{
	forget_away(q);
	show(q, pool, true);
}

/* --- lanes ------------------------------------------------------------------------ */

static struct credit_ent *first(struct credit_queue *q, enum credit_pri lane)
{
	return list_first_entry_or_null(&q->lane[lane], struct credit_ent, queued);
}

/*
 * Last in its lane. One that yields lets one of a lower priority pass as well:
 * it queues behind the first of those.
 */
static void place(struct credit_queue *q, struct credit_ent *e)
{
	enum credit_pri lane = e->parked ? CREDIT_PARKED : e->pri;
	struct list_head *at = q->lane[lane].prev;

	if (e->yields && !e->parked) {
		enum credit_pri lower;

		for (lower = lane + 1; lower < CREDIT_PARKED; lower++) {
			if (list_empty(&q->lane[lower]))
				continue;
			at = q->lane[lower].next;
			lane = lower;
			break;
		}
	}
	list_add(&e->queued, at);
	e->lane = lane;
	q->nr++;
	q->nr_parked += e->parked;
	if (q->curr || q->nr > 1)
		q->company = true;
}

static void take_out(struct credit_queue *q, struct credit_ent *e)
{
	q->nr--;
	q->nr_parked -= e->lane == CREDIT_PARKED;
	list_del(&e->queued);
	e->lane = CREDIT_NONE;
}

/* @pri and @parked are new values: put it where it belongs now. */
static void sort_anew(struct credit_queue *q, struct credit_ent *e,
		      enum credit_pri pri, bool parked)
{
	bool moves = e->lane != CREDIT_NONE && (e->pri != pri || e->parked != parked);

	if (moves)
		take_out(q, e);
	e->pri = pri;
	if (e->parked != parked) {
		if (e->linked)
			count(q, e, -1);
		e->parked = parked;
		if (e->linked)
			count(q, e, 1);
	}
	if (moves)
		place(q, e);
}

/* --- pay --------------------------------------------------------------------------- */

static u64 part_of_cap(const struct credit_ent *e, u64 whole)
{
	u32 active = max(atomic_read(&e->vm->active), 1);

	return div_u64(div_u64(whole * e->tune.cap, 100), active);
}

/*
 * A cap holds for the VM whatever its vCPUs do: those that sleep, wake and move
 * take their part from one account. Returns how much of @ns there still is.
 */
static u64 take_from_cap(struct credit_ent *e, u64 ns, u64 period, u64 now)
{
	u64 window = CREDIT_CAP_WINDOW * period;
	s64 old = atomic64_read(&e->vm->paid_to);
	u64 from, got;
	s64 new;

	do {
		from = max_t(u64, old, now - min(now, window));
		got = now > from ? min(ns, div_u64((now - from) * e->tune.cap, 100)) : 0;
		new = from + div_u64(got * 100 + e->tune.cap - 1, e->tune.cap);
	} while (!atomic64_try_cmpxchg(&e->vm->paid_to, &old, new));
	return got;
}

/* What @e earned since it was paid last. */
static u64 earned(struct credit_ent *e, u64 period, u64 now)
{
	u64 span = now > e->paid_at ? min(now - e->paid_at, AWAY_MAX) : 0;
	u64 ns = (span * e->rate) >> ONE_SHIFT;

	e->paid_at = now;
	return e->tune.cap ? take_from_cap(e, ns, period, now) : ns;
}

static void set_rate(struct credit_queue *q, struct credit_ent *e)
{
	u64 peak = CREDIT_ONE, rate = (q->level * e->tune.weight) >> ONE_SHIFT;
	u64 want = (q->pool_level * e->tune.weight) >> ONE_SHIFT;

	if (q->of)
		peak += div64_u64(q->extra * e->tune.weight, q->of);
	if (e->tune.cap)
		peak = min(peak, part_of_cap(e, CREDIT_ONE));
	peak = min_t(u64, peak, 4 * CREDIT_ONE);
	/*
	 * The level of this round goes up and down with what the others used in
	 * the last one. That is no reason for less than the cap to one that would
	 * get more than its cap from a pCPU shared by weight.
	 */
	if (e->tune.cap && (q->fair * e->tune.weight) >> ONE_SHIFT >= peak)
		rate = peak;
	count(q, e, -1);
	e->peak = peak;
	e->full = rate >= peak;
	e->rate = min(rate, peak);
	e->want = min3(want, peak, (u64)CREDIT_ONE);
	count(q, e, 1);
}

/* One entity in an accounting round. */
static void account(struct credit_queue *q, struct credit_ent *e, u64 now)
{
	s64 period = q->period, floor = -(s64)CREDIT_FLOOR(q->period);
	bool parked = e->parked;

	set_rate(q, e);
	add_credit(q, e, earned(e, period, now));
	if (e->credit < 0) {
		if (e->tune.cap) {
			parked = parked || e->credit < -(s64)part_of_cap(e, period);
			floor *= 2;
		}
		if (e->credit < floor)
			add_credit(q, e, floor - e->credit);
		sort_anew(q, e, CREDIT_OVER, parked);
		return;
	}
	q->unparked |= e->parked;
	/* One that waits with a boost has had nothing of it yet. */
	if (e->pri != CREDIT_BOOST || e->lane == CREDIT_NONE)
		sort_anew(q, e, CREDIT_UNDER, false);
	/* One that waits for its turn can use what it has, however much that is. */
	if (e->credit > period && q->alone && e->full) {
		unlink_from(q, e);
		e->active = false;
		e->credit /= 2;
	} else if (e->credit > period && apart(e)) {
		add_credit(q, e, period - e->credit);
	}
}

/* Back from where no round could pay it. */
static void settle_absence(struct credit_queue *q, struct credit_ent *e, u64 now)
{
	s64 others = q->sums[0].weight + q->sums[1].weight;
	u64 rate = CREDIT_ONE, away = now - min(now, e->left_at);
	bool slept = away * 2 > now - min(now, e->paid_at);
	s64 had = e->credit;

	if (!e->active)
		return;
	if (q->curr && !q->curr->linked)
		others += q->curr->tune.weight;
	/* Its rate is that of one round, or of none: no worse than what it would get here. */
	if (others > 0) {
		rate = min_t(u64, (q->fair * e->tune.weight) >> ONE_SHIFT, CREDIT_ONE);
		rate = div64_u64(rate * others, others + e->tune.weight);
	}
	if (e->tune.cap)
		rate = min(rate, part_of_cap(e, CREDIT_ONE));
	e->rate = max_t(u64, e->rate, rate);
	e->credit += earned(e, q->period, now);
	if (e->credit > (s64)q->period && slept) {
		/*
		 * Who was cut short since it slept last can use what it got in hand while
		 * it waited for its turn. Others have more than they need: a round
		 * would have found that, perhaps long ago, and they got nothing since.
		 */
		if (e->hungry) {
			e->credit = min_t(s64, e->credit, max_t(s64, had, CREDIT_FLOOR(q->period)));
		} else {
			e->credit = q->period / 2;
			e->active = false;
		}
	}
	e->hungry = false;
	if (e->credit >= 0) {
		e->pri = CREDIT_UNDER;
		e->parked = false;
	} else if (q->round_at >= e->left_at) {
		/* Whoever sleeps through each round is not better off for it. */
		e->pri = CREDIT_OVER;
	}
}

/* --- rounds -------------------------------------------------------------------------- */

/* The rate of weight 1 that hands out @supply, by the present division; see above. */
static u64 level_for(s64 supply, const struct credit_sums *s)
{
	u64 low, high = 0;

	if (supply <= 0)
		return 0;
	if (s->weight <= 0)
		return LEVEL_MAX;
	low = div64_u64((u64)supply << ONE_SHIFT, s->weight);
	if (supply > s->full)
		high = s->open > 0 ?
			div64_u64((u64)(supply - s->full) << ONE_SHIFT, s->open) : LEVEL_MAX;
	return min(max(low, high), LEVEL_MAX);
}

static s64 rate_of(const struct credit_queue *q, s64 ns)
{
	return div64_s64(ns << ONE_SHIFT, q->period);
}

/*
 * Keep the credits of @q together within bounds. Those who are away may be hogs, without
 * whom the others look poor, or sleepers with plenty, with whom the others look rich: a
 * bound holds if it does with them and without.
 */
static void bound_level(struct credit_queue *q)
{
	struct credit_sums own[2] = { q->sums[0], q->sums[0] };
	u64 lower = U64_MAX, upper = 0;
	unsigned int i;
	s64 need;

	add_to(&own[1], &q->away[0], -1);
	for (i = 0; i < ARRAY_SIZE(own); i++) {
		if (own[i].weight <= 0)
			continue;
		need = rate_of(q, -own[i].balance);
		lower = min(lower, level_for(need - rate_of(q, CREDIT_DEBT(q->period)), &own[i]));
		upper = max(upper, level_for(need + rate_of(q, CREDIT_SLACK(q->period)), &own[i]));
	}
	if (lower != U64_MAX)
		q->level = clamp(q->level, min(lower, upper), upper);
}

/**
 * credit_round_begin() - begin an accounting round
 * @q:    the queue
 * @pool: where it belongs
 * @now:  ns
 */
void credit_round_begin(struct credit_queue *q, struct credit_pool *pool, u64 now)
{
	struct credit_sums all, total;
	s64 busy;

	show(q, pool, false);
	all.weight = atomic64_read(&pool->weight);
	all.open = atomic64_read(&pool->open);
	all.full = atomic64_read(&pool->full);
	all.balance = atomic64_read(&pool->balance);
	q->extra = all.balance < 0 ? rate_of(q, -all.balance) : 0;
	q->of = max(all.weight, 0LL);
	busy = clamp(atomic_read(&pool->busy), 1, (int)READ_ONCE(pool->nr_pcpus));
	q->level = level_for(busy * CREDIT_ONE + q->extra, &all);
	q->pool_level = q->level;
	total = q->sums[0];
	add_to(&total, &q->sums[1], 1);
	q->fair = min(q->level, level_for(CREDIT_ONE, &total));

	bound_level(q);
	forget_away(q);
	list_splice_tail_init(&q->active, &q->todo);
	q->round_at = now;
	q->unparked = false;
	q->alone = !q->company;
	q->company = q->nr > 0;
}

/**
 * credit_round_go() - account the next few of a round
 * @q:     the queue
 * @pool:  where it belongs
 * @now:   ns
 * @batch: how many at most
 *
 * Return: true when there are more.
 */
bool credit_round_go(struct credit_queue *q, struct credit_pool *pool, u64 now,
		     unsigned int batch)
{
	struct credit_ent *e;

	while (batch-- && !list_empty(&q->todo)) {
		e = list_first_entry(&q->todo, struct credit_ent, member);
		list_move_tail(&e->member, &q->active);
		account(q, e, now);
	}
	if (!list_empty(&q->todo))
		return true;
	credit_show(q, pool);
	return false;
}

/**
 * credit_tick() - look at who runs: three times a period
 * @q:   the queue
 * @now: ns
 */
void credit_tick(struct credit_queue *q, u64 now)
{
	struct credit_ent *e = q->curr;

	if (!e)
		return;
	if (e->pri == CREDIT_BOOST)
		e->pri = CREDIT_UNDER;
	activate(q, e, now);
}

/* --- entities -------------------------------------------------------------------------- */

/**
 * credit_queue_init() - set an empty queue up
 * @q:      zeroed
 * @period: length of an accounting period, ns
 */
void credit_queue_init(struct credit_queue *q, u64 period)
{
	int i;

	for (i = 0; i < CREDIT_LANES; i++)
		INIT_LIST_HEAD(&q->lane[i]);
	INIT_LIST_HEAD(&q->active);
	INIT_LIST_HEAD(&q->todo);
	q->period = period;
	q->fair = LEVEL_MAX;
}

/**
 * credit_ent_init() - set an entity up, not queued, with neither credit nor debt
 * @e:  zeroed
 * @vm: its VM
 * @t:  its parameters
 */
void credit_ent_init(struct credit_ent *e, struct credit_vm *vm,
		     const struct credit_tune *t)
{
	e->vm = vm;
	e->tune = *t;
	e->pri = CREDIT_UNDER;
	e->lane = CREDIT_NONE;
}

/**
 * credit_retune() - its parameters changed
 * @q: where it is queued or runs, if it is
 * @e: the entity
 * @t: the new ones
 */
void credit_retune(struct credit_queue *q, struct credit_ent *e,
		   const struct credit_tune *t)
{
	if (e->linked)
		count(q, e, -1);
	e->tune = *t;
	if (e->linked)
		count(q, e, 1);
	/* Without a cap nobody is parked; a new one counts from the next round. */
	if (!t->cap && e->parked)
		sort_anew(q, e, e->pri, false);
}

/**
 * credit_enqueue() - an entity is runnable
 * @q:     its queue
 * @e:     the entity
 * @enter: on what terms
 * @now:   ns
 */
void credit_enqueue(struct credit_queue *q, struct credit_ent *e,
		    enum credit_enter enter, u64 now)
{
	come_back(q, e);
	e->yields = enter == CREDIT_ENTER_YIELD;
	if (enter == CREDIT_ENTER_WAKE) {
		settle_absence(q, e, now);
		if (e->pri == CREDIT_UNDER && !e->parked)
			e->pri = CREDIT_BOOST;
	} else if (enter == CREDIT_ENTER_TURN) {
		e->hungry = true;
	}
	link_to(q, e);
	place(q, e);
}

/** credit_dequeue() - it is not, or must go elsewhere */
void credit_dequeue(struct credit_queue *q, struct credit_ent *e)
{
	take_out(q, e);
	unlink_from(q, e);
	e->yields = false;
}

/** credit_pick() - take out who is next; NULL: nobody, or all are parked */
struct credit_ent *credit_pick(struct credit_queue *q)
{
	enum credit_pri best = credit_best(q);
	struct credit_ent *e;

	if (best == CREDIT_NONE)
		return NULL;
	e = first(q, best);
	take_out(q, e);
	e->yields = false;
	e->ran = 0;
	q->curr = e;
	return e;
}

/**
 * credit_turn() - how long may one that was just picked go on?
 * @q:         its queue
 * @e:         the entity
 * @slice:     ... if nothing else is to be considered, ns
 * @ratelimit: how long a turn lasts at least, ns
 */
u64 credit_turn(const struct credit_queue *q, const struct credit_ent *e, u64 slice,
		u64 ratelimit)
{
	if (e->pri != CREDIT_BOOST || list_empty(&q->lane[CREDIT_BOOST]))
		return slice;
	return min(slice, max(ratelimit, CREDIT_BOOST_NS));
}

/** credit_prefer() - let @e be the next pick, if nobody of a higher priority waits */
void credit_prefer(struct credit_queue *q, struct credit_ent *e)
{
	if (e->lane == credit_best(q))
		list_move(&e->queued, &q->lane[e->lane]);
}

/** credit_charge() - who runs has used @ran_ns more */
void credit_charge(struct credit_queue *q, struct credit_ent *e, u64 ran_ns, u64 now)
{
	add_credit(q, e, -(s64)ran_ns);
	e->ran += ran_ns;
	e->left_at = now;
	/* Whoever contrives to sleep at each tick is found by its debt. */
	if (e->credit < 0)
		activate(q, e, now);
}

/**
 * credit_put() - who ran does so no longer
 * @q:      its queue
 * @e:      the entity
 * @leaves: it will not be back here: it goes to another pCPU, or another scheduler
 * @now:    ns
 */
void credit_put(struct credit_queue *q, struct credit_ent *e, bool leaves, u64 now)
{
	if (leaves)
		unlink_from(q, e);
	else
		go_away(q, e, now);
	e->left_at = now;
	q->curr = NULL;
}

/** credit_adopt() - it runs already, and has done so for @ran_ns */
void credit_adopt(struct credit_queue *q, struct credit_ent *e, u64 ran_ns, u64 now)
{
	e->ran = ran_ns;
	e->left_at = now;
	q->curr = e;
	link_to(q, e);
}

/**
 * credit_wakeup() - how long may who runs go on beside one that has just been queued?
 * @q:         the queue; somebody runs
 * @woken:     the other one
 * @ratelimit: how long a turn lasts at least, ns; 0: no limit
 *
 * Return: ns; U64_MAX: it is not disturbed.
 */
u64 credit_wakeup(const struct credit_queue *q, const struct credit_ent *woken,
		  u64 ratelimit)
{
	u64 least = ratelimit;

	if (woken->parked || woken->yields || woken->pri > q->curr->pri)
		return U64_MAX;
	if (woken->pri == q->curr->pri) {
		if (woken->pri != CREDIT_BOOST)
			return U64_MAX;
		least = max(least, CREDIT_BOOST_NS);
	}
	return least > q->curr->ran ? least - q->curr->ran : 0;
}

/** credit_best() - the lane of who is next; CREDIT_NONE: nobody may run */
enum credit_pri credit_best(const struct credit_queue *q)
{
	enum credit_pri lane;

	for (lane = CREDIT_BOOST; lane < CREDIT_PARKED; lane++)
		if (!list_empty(&q->lane[lane]))
			return lane;
	return CREDIT_NONE;
}

/**
 * credit_scan() - those that another pCPU may take, the most urgent first
 * @q:     the queue
 * @e:     the one before, or NULL for the first
 * @worst: lowest priority wanted
 */
struct credit_ent *credit_scan(struct credit_queue *q, struct credit_ent *e,
			       enum credit_pri worst)
{
	enum credit_pri lane = e ? e->lane : CREDIT_BOOST;
	struct list_head *at = e ? e->queued.next : q->lane[lane].next;

	for (;;) {
		for (; at != &q->lane[lane]; at = at->next) {
			e = list_entry(at, struct credit_ent, queued);
			if (!e->yields)
				return e;
		}
		if (++lane > worst || lane >= CREDIT_PARKED)
			return NULL;
		at = q->lane[lane].next;
	}
}

static s64 want_of(const struct credit_queue *q)
{
	/* Who runs without being active has all that it can use. */
	s64 apart = q->curr && !q->curr->linked ? CREDIT_ONE : 0;

	return q->sums[0].want + q->sums[1].want + apart;
}

/** credit_crowded() - those here want more than the pCPU has, and somebody waits */
bool credit_crowded(const struct credit_queue *q)
{
	return want_of(q) > CREDIT_ONE + CREDIT_ONE / CREDIT_NEAR &&
	       q->nr > q->nr_parked;
}

/** credit_roomy() - those here want less than the pCPU has */
bool credit_roomy(const struct credit_queue *q)
{
	return want_of(q) < CREDIT_ONE - CREDIT_ONE / CREDIT_NEAR;
}

/**
 * credit_fits() - is it worth moving?
 * @to:   a queue with room, or with nobody
 * @from: where @e is queued
 * @e:    the entity
 *
 * It is when the two are nearer to each other then. Where that cannot be had
 * they take turns: as soon as those of one queue have so much more in hand than
 * those of the other. One that wants a whole pCPU gains nothing beside others.
 */
bool credit_fits(const struct credit_queue *to, const struct credit_queue *from,
		 const struct credit_ent *e)
{
	s64 gap = want_of(from) - want_of(to);

	if (!to->curr && !to->nr)
		return true;
	if (e->want >= CREDIT_ONE - CREDIT_ONE / 16)
		return false;
	if (e->want < gap - gap / 8)
		return true;
	/* They change places. Those who stay gain by it: let that be who has more due. */
	return (!from->curr || e->credit <= from->curr->credit) &&
	       from->sums[0].balance - to->sums[0].balance > (s64)CREDIT_SLACK(to->period) * 3 / 4;
}

/**
 * credit_lag() - what another scheduler is told
 * @e:   queued or running
 * @now: ns
 *
 * Return: its credit, and what it earned since the last round, ns. Not with a cap, where
 * what is earned is the VM's and stays there.
 */
s64 credit_lag(const struct credit_ent *e, u64 now)
{
	u64 span = now > e->paid_at ? min(now - e->paid_at, AWAY_MAX) : 0;

	if (!e->active || e->tune.cap)
		return e->credit;
	return e->credit + (s64)((span * e->rate) >> ONE_SHIFT);
}

/**
 * credit_take_lag() - start from what another scheduler says
 * @e:      not queued
 * @lag_ns: service that it is owed, or has had too much of
 * @period: of the queue that it comes to, ns
 * @now:    ns
 */
void credit_take_lag(struct credit_ent *e, s64 lag_ns, u64 period, u64 now)
{
	e->credit = clamp_t(s64, lag_ns, -(s64)CREDIT_FLOOR(period), CREDIT_FLOOR(period));
	e->pri = e->credit < 0 ? CREDIT_OVER : CREDIT_UNDER;
	e->parked = false;
	e->active = true;
	e->full = false;
	e->paid_at = now;
}
