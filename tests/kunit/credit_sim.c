// SPDX-License-Identifier: GPL-2.0
/*
 * See credit_sim.h. Time goes in steps of a millisecond; within one, each pCPU
 * handles what is due in its own order.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "credit_sim.h"

#define TICK	(PERIOD / 3)

static struct csim_ent *ent(struct credit_ent *c)
{
	return container_of(c, struct csim_ent, c);
}

struct csim *csim_make(struct kunit *test, u32 nr_pcpus, u32 nr)
{
	const struct credit_tune t = { .weight = 256 };
	struct csim *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s);
	s->test = test;
	s->nr_pcpus = nr_pcpus;
	s->nr = nr;
	s->rnd.x = nr;
	s->batch = 64;
	s->pool.nr_pcpus = nr_pcpus;
	s->p = kunit_kcalloc(test, nr_pcpus, sizeof(*s->p), GFP_KERNEL);
	s->e = kunit_kcalloc(test, nr, sizeof(*s->e), GFP_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->p);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, s->e);
	for (i = 0; i < nr_pcpus; i++) {
		credit_queue_init(&s->p[i].q, PERIOD);
		INIT_LIST_HEAD(&s->p[i].sleepers);
	}
	for (i = 0; i < nr; i++) {
		s->e[i].hi = nr_pcpus - 1;
		credit_ent_init(&s->e[i].c, &s->e[i].own, &t);
	}
	return s;
}

void csim_set(struct csim *s, u32 i, u32 weight, u32 cap)
{
	const struct credit_tune t = { .weight = weight, .cap = cap };
	struct csim_ent *e = &s->e[i];

	credit_retune(&s->p[e->home].q, &e->c, &t);
}

static void enter(struct csim *s, u32 i, struct csim_ent *e, enum credit_enter how, u64 now)
{
	struct csim_pcpu *p = &s->p[i];

	e->home = i;
	credit_enqueue(&p->q, &e->c, how, now);
	if (!p->tick_at) {
		p->ticks = 0;
		p->tick_at = now + TICK;
	}
}

void csim_start(struct csim *s)
{
	u32 i;

	for (i = 0; i < s->nr; i++) {
		struct csim_ent *e = &s->e[i];

		/* Hogs do not come with a boost: their first turns are whole ones. */
		enter(s, e->lo + i % (e->hi - e->lo + 1), e,
		      e->run_for ? CREDIT_ENTER_WAKE : CREDIT_ENTER_MOVE, s->now);
	}
}

static bool steal_from(struct csim *s, u32 to, u32 from, enum credit_pri worst,
		       bool balance, u64 now)
{
	struct csim_pcpu *p = &s->p[from];
	struct credit_ent *c = NULL;
	int left = 32;

	if (from == to || p->q.nr + !!p->q.curr < 2 || credit_best(&p->q) > worst ||
	    (balance && !credit_crowded(&p->q)))
		return false;
	while (left-- && (c = credit_scan(&p->q, c, worst))) {
		struct csim_ent *e = ent(c);

		if (to < e->lo || to > e->hi ||
		    (balance && !credit_fits(&s->p[to].q, &p->q, c)))
			continue;
		credit_dequeue(&p->q, c);
		enter(s, to, e, CREDIT_ENTER_MOVE, now);
		s->steals++;
		return true;
	}
	return false;
}

static bool steal(struct csim *s, u32 to, enum credit_pri worst, bool balance, u64 now)
{
	u32 i;

	for (i = 1; i < s->nr_pcpus; i++)
		if (steal_from(s, to, (to + i) % s->nr_pcpus, worst, balance, now))
			return true;
	return false;
}

static void charge(struct csim_pcpu *p, u64 now)
{
	struct csim_ent *e = ent(p->q.curr);

	credit_charge(&p->q, &e->c, now - p->since, now);
	e->got += now - p->since;
	e->ran += now - p->since;
	p->since = now;
}

static void pick(struct csim *s, u32 i, u64 now)
{
	struct csim_pcpu *p = &s->p[i];
	enum credit_pri best = credit_best(&p->q);
	struct credit_ent *c;

	if (best >= CREDIT_OVER)
		steal(s, i, best == CREDIT_OVER ? CREDIT_UNDER : CREDIT_OVER,
		      best == CREDIT_OVER, now);
	c = credit_pick(&p->q);
	p->since = now;
	p->slice_end = now + (c ? credit_turn(&p->q, c, PERIOD, s->ratelimit) : PERIOD);
	if (c && ent(c)->woke) {
		ent(c)->woke = false;
		ent(c)->waited_max = max(ent(c)->waited_max, now - ent(c)->queued_at);
	}
}

static void turn_over(struct csim *s, u32 i, u64 now)
{
	struct csim_pcpu *p = &s->p[i];
	struct credit_ent *c = p->q.curr;

	charge(p, now);
	credit_put(&p->q, c, false, now);
	enter(s, i, ent(c), CREDIT_ENTER_TURN, now);
	pick(s, i, now);
}

static void fall_asleep(struct csim *s, u32 i, u64 now)
{
	struct csim_pcpu *p = &s->p[i];
	struct csim_ent *e = ent(p->q.curr);

	charge(p, now);
	credit_put(&p->q, &e->c, false, now);
	e->ran = 0;
	e->wake_at = now + e->sleep_for;
	list_add_tail(&e->sleeping, &p->sleepers);
	pick(s, i, now);
}

static void wake(struct csim *s, u32 i, struct csim_ent *e, u64 now)
{
	struct csim_pcpu *p = &s->p[i];
	u64 rem;

	list_del(&e->sleeping);
	e->wake_at = 0;
	e->queued_at = now;
	e->woke = true;
	enter(s, i, e, CREDIT_ENTER_WAKE, now);
	if (!p->q.curr)
		return;
	charge(p, now);
	rem = credit_wakeup(&p->q, &e->c, s->ratelimit);
	if (!rem)
		turn_over(s, i, now);
	else if (rem != U64_MAX)
		p->slice_end = now + rem;
}

static void tick(struct csim *s, u32 i, u64 now)
{
	struct csim_pcpu *p = &s->p[i];
	struct credit_queue *q = &p->q;

	if (q->curr)
		charge(p, now);
	credit_tick(q, now);
	p->tick_at = now + TICK;
	if (++p->ticks >= 3) {
		p->ticks = 0;
		credit_round_begin(q, &s->pool, now);
		while (credit_round_go(q, &s->pool, now, s->batch))
			;
		if (credit_roomy(q))
			steal(s, i, CREDIT_OVER, true, now);
		if (q->curr && (q->curr->parked ||
				(q->unparked && credit_best(q) < q->curr->pri)))
			turn_over(s, i, now);
	}
	if (!q->curr && !q->nr) {
		p->tick_at = 0;
		credit_idle(q, &s->pool);
	}
}

static struct csim_ent *next_sleeper(struct csim_pcpu *p)
{
	struct csim_ent *e, *best = NULL;

	list_for_each_entry(e, &p->sleepers, sleeping)
		if (!best || e->wake_at < best->wake_at)
			best = e;
	return best;
}

/* The first thing that is due on a pCPU until @until; false: nothing. */
static bool step(struct csim *s, u32 i, u64 until)
{
	struct csim_pcpu *p = &s->p[i];
	struct csim_ent *e = p->q.curr ? ent(p->q.curr) : NULL, *z = next_sleeper(p);
	u64 sleep_at = e && e->run_for ? p->since + e->run_for - min(e->ran, e->run_for) : U64_MAX;
	u64 slice_at = e ? p->slice_end : U64_MAX;
	u64 wake_at = z ? z->wake_at : U64_MAX;
	u64 tick_at = p->tick_at ?: U64_MAX;
	u64 next = min(min(sleep_at, slice_at), min(wake_at, tick_at));

	if (next > until)
		return false;
	if (next == sleep_at)
		fall_asleep(s, i, next);
	else if (next == wake_at)
		wake(s, i, z, next);
	else if (next == tick_at)
		tick(s, i, next);
	else
		turn_over(s, i, next);
	return true;
}

static void step_pcpu(struct csim *s, u32 i, u64 until)
{
	struct csim_pcpu *p = &s->p[i];

	for (;;) {
		/* A pCPU that nobody holds looks for work all the time. */
		if (!p->q.curr)
			pick(s, i, max(s->now, p->since));
		if (!step(s, i, until))
			return;
	}
}

void csim_run(struct csim *s, u64 until)
{
	u32 i;

	while (s->now < until) {
		u64 next = min(s->now + MS, until);

		for (i = 0; i < s->nr_pcpus; i++)
			step_pcpu(s, i, next);
		s->now = next;
		cond_resched();
	}
	for (i = 0; i < s->nr_pcpus; i++)
		if (s->p[i].q.curr && s->p[i].since < s->now)
			charge(&s->p[i], s->now);
}

void csim_reset(struct csim *s)
{
	u32 i;

	for (i = 0; i < s->nr; i++) {
		s->e[i].got = 0;
		s->e[i].waited_max = 0;
	}
	s->steals = 0;
}

static u64 most(const struct csim_ent *e, u64 span)
{
	u64 cap = e->c.tune.cap ? span * e->c.tune.cap / 100 : span;

	return min(cap, span);
}

void csim_fair(const struct csim *s, u64 span, u64 *fair)
{
	u64 supply = span * s->nr_pcpus, weight = 0, took;
	u32 i, left = s->nr;

	for (i = 0; i < s->nr; i++) {
		fair[i] = 0;
		weight += s->e[i].c.tune.weight;
	}
	/* Who would get more than it can use gets that and is out; then again. */
	do {
		took = 0;
		for (i = 0; i < s->nr; i++) {
			const struct csim_ent *e = &s->e[i];

			if (fair[i] || div64_u64(supply, weight) * e->c.tune.weight < most(e, span))
				continue;
			fair[i] = most(e, span);
			supply -= fair[i];
			weight -= e->c.tune.weight;
			took++;
			left--;
			break;
		}
	} while (took && left);
	for (i = 0; i < s->nr; i++)
		if (!fair[i])
			fair[i] = div64_u64(supply, weight) * s->e[i].c.tune.weight;
}
