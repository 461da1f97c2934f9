// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl sched timeline: from events to who was where, and when.
 *
 * Every vCPU is a small state machine that the events drive. The kernel tells all
 * changes that it makes under a lock (vmm_entity_state); among "off", "owner" and
 * "loaned" a vCPU moves without one and without a word: all of that is running,
 * unless vmm_gate_away says that its thread left the CPU. What was before the
 * first event of a vCPU is read from that event; of one without any, from the dump.
 */
#include <stdlib.h>
#include <string.h>
#include "timeline.h"

/* The kernel's, as in VMM_VCPU_STATE. */
enum { OUT, QUEUED, OFFERED, OFF, OWNER, LOANED, BLOCKED };
/* enum vmm_put_why of include/vmm/sched.h, which user space does not include */
enum { PUT_SLICE, PUT_PREEMPT, PUT_YIELD, PUT_BLOCK, PUT_LEAVE, PUT_NOSHOW, PUT_LOST,
       PUT_MIGRATE, PUT_SWAP };

const char * const tl_state_names[TL_STATES] = {
	"out", "blocked", "waiting", "offered", "running", "halted", "host"
};

static const char * const put_names[] = {
	"slice", "preempt", "yield", "block", "leave", "noshow", "lost", "migrate", "swap"
};

static const char * const enqueue_names[] = {
	"new", "wake", "slice", "preempt", "yield", "migrate", "swap"
};

static const char * const dispatch_names[] = { "ops", "id", "patch" };

#define NAME_OF(names, i) ((uint64_t)(i) < sizeof(names) / sizeof((names)[0]) ? (names)[i] : "?")

const char *tl_put_name(int why)
{
	return NAME_OF(put_names, why);
}

static int index_of(const struct timeline *t, uint32_t entity)
{
	size_t i;

	for (i = 0; i < t->vcpus.n; i++)
		if (t->vcpus.v[i].entity == entity)
			return i;
	return -1;
}

static enum tl_state state_of(uint64_t kernel, const struct tl_vcpu *v)
{
	switch (kernel) {
	case QUEUED:
		return TL_WAITING;
	case OFFERED:
		return TL_OFFERED;
	case OFF:
	case OWNER:
	case LOANED:
		return TL_RUNNING;
	case BLOCKED:
		return TL_BLOCKED;
	default:
		/* A guest that halted in user space, or whose halted owner lost its pCPU. */
		return v->put == PUT_BLOCK ? TL_BLOCKED : TL_OUT;
	}
}

/* --- counts of who waits ------------------------------------------------------------- */

static void count(struct timeline *t, uint32_t *waiting, uint32_t pcpu, int by, uint64_t at)
{
	struct tl_count *c;

	if (pcpu >= t->nr_pcpus)
		return;
	waiting[pcpu] += by;
	c = tl_add(&t->counts);
	c->at = at;
	c->pcpu = pcpu;
	c->n = waiting[pcpu];
}

/* --- one vCPU ------------------------------------------------------------------------------ */

static void close_span(struct timeline *t, int i, uint64_t at)
{
	struct tl_vcpu *v = &t->vcpus.v[i];
	struct tl_span *s;

	if (at <= v->since)
		return;
	s = tl_add(&t->spans);
	s->begin = v->since;
	s->end = at;
	s->vcpu = i;
	s->state = v->state;
	s->pcpu = v->pcpu;
	s->why = v->why;
	if (v->state == TL_RUNNING || v->state == TL_HOST) {
		s->slice = v->slice;
		s->sched = v->sched;
	}
}

static void move(struct timeline *t, uint32_t *waiting, int i, enum tl_state state,
		 uint32_t pcpu, uint64_t at)
{
	struct tl_vcpu *v = &t->vcpus.v[i];

	if (v->state == state && v->pcpu == pcpu)
		return;
	if (v->state == TL_RUNNING)
		v->why = state == TL_HALTED ? "halt" : state == TL_HOST ? "host" :
			 v->put >= 0 ? tl_put_name(v->put) : "";
	close_span(t, i, at);
	if (v->state == TL_WAITING)
		count(t, waiting, v->pcpu, -1, at);
	if (state == TL_WAITING)
		count(t, waiting, pcpu, 1, at);
	v->state = state;
	v->pcpu = pcpu;
	v->since = at;
	v->why = "";
}

static void on_vcpu(struct timeline *t, uint32_t *waiting, const struct tl_event *e)
{
	int i = index_of(t, e->entity);
	struct tl_vcpu *v = i < 0 ? NULL : &t->vcpus.v[i];

	if (!v)
		return;
	switch (e->kind) {
	case TL_EV_STATE:
		move(t, waiting, i, state_of(e->b, v), e->pcpu, e->ts);
		if (v->state != TL_OUT && v->state != TL_BLOCKED)
			v->put = -1;
		break;
	case TL_EV_PUT:
		v->put = e->a;
		break;
	case TL_EV_NOSHOW:
		v->put = PUT_NOSHOW;
		break;
	case TL_EV_OWN:
		v->slice = e->a;
		break;
	case TL_EV_PICK:
		v->sched = e->s;
		break;
	case TL_EV_REQUEST:
		if (v->state == TL_WAITING)
			v->why = NAME_OF(enqueue_names, e->a);
		break;
	case TL_EV_AWAY:
		if (v->state == TL_RUNNING)
			move(t, waiting, i, e->a ? TL_HALTED : TL_HOST, e->pcpu, e->ts);
		break;
	case TL_EV_BACK:
		if (v->state == TL_HALTED || v->state == TL_HOST)
			move(t, waiting, i, TL_RUNNING, e->pcpu, e->ts);
		break;
	default:
		break;
	}
}

/* What each vCPU did before its first event. */
static void find_first(struct timeline *t, const struct tl_event *e)
{
	int i = index_of(t, e->entity);
	struct tl_vcpu *v = i < 0 ? NULL : &t->vcpus.v[i];

	if (!v || v->first)
		return;
	switch (e->kind) {
	case TL_EV_PUT:
		v->put = e->a;
		return;
	case TL_EV_STATE:
		/* Taken from a thread that was away, which had no lock: it was held until now. */
		if (e->a == OUT && e->b == OUT)
			v->state = v->put == PUT_BLOCK ? TL_HALTED : TL_RUNNING;
		else
			v->state = state_of(e->a, v);
		break;
	case TL_EV_AWAY:
		v->state = TL_RUNNING;
		break;
	case TL_EV_BACK:
		v->state = TL_HALTED;
		break;
	default:
		return;
	}
	v->first = 1;
	v->pcpu = e->pcpu;
}

/* --- the rest --------------------------------------------------------------------------------- */

/* Who decides on a pCPU from here on. */
static void reign(struct timeline *t, struct tl_piece *now, uint32_t pcpu, const char *sched,
		  uint64_t at)
{
	if (pcpu >= t->nr_pcpus)
		return;
	if (now[pcpu].to && now[pcpu].to != sched && at > now[pcpu].begin) {
		now[pcpu].end = at;
		*tl_add(&t->reigns) = now[pcpu];
	} else if (now[pcpu].to) {
		if (now[pcpu].to == sched)
			return;
		at = now[pcpu].begin;
	}
	now[pcpu].pcpu = pcpu;
	now[pcpu].begin = at;
	now[pcpu].to = sched;
}

static struct tl_mark *mark(struct timeline *t, const struct tl_event *e, int pcpu)
{
	struct tl_mark *m = tl_add(&t->marks);

	m->at = m->end = e->ts;
	m->kind = e->kind;
	m->pcpu = pcpu;
	m->vcpu = e->entity ? index_of(t, e->entity) : -1;
	m->from = e->s;
	m->to = e->t;
	return m;
}

static struct tl_mark *last_swap(struct timeline *t, const struct tl_event *e)
{
	size_t i = t->marks.n;

	while (i-- > 0)
		if (t->marks.v[i].kind == TL_EV_SWAP)
			return !t->marks.v[i].told && t->marks.v[i].from == e->s &&
			       t->marks.v[i].to == e->t ? &t->marks.v[i] : NULL;
	return NULL;
}

/* A change of scheduler stands where its first pCPU flips; its report comes much later. */
static void on_swap(struct timeline *t, const struct tl_event *e)
{
	struct tl_mark *m = last_swap(t, e);
	struct tl_piece *p;

	if (!m) {
		m = mark(t, e, -1);
		m->kind = TL_EV_SWAP;
	}
	if (e->kind == TL_EV_SWAP) {
		m->told = true;
		m->text = e->u;
		m->pause_ticks = e->a;
		m->entities = e->b;
		return;
	}
	m->end = e->ts;
	if (e->kind == TL_EV_FLIP_BEGIN) {
		p = tl_add(&t->flips);
		p->begin = p->end = e->ts;
		p->pcpu = e->pcpu;
		p->from = e->s;
		p->to = e->t;
	} else if (t->flips.n && t->flips.v[t->flips.n - 1].pcpu == e->pcpu) {
		p = &t->flips.v[t->flips.n - 1];
		p->end = e->ts;
		if (p->end - p->begin > m->pause_ns)
			m->pause_ns = p->end - p->begin;
	}
}

static void on_cease(struct timeline *t, const struct tl_event *e)
{
	size_t i = t->marks.n;

	if (e->a) {
		mark(t, e, -1)->end = t->end;
		return;
	}
	while (i-- > 0)
		if (t->marks.v[i].kind == TL_EV_CEASE) {
			t->marks.v[i].end = e->ts;
			return;
		}
}

static void on_other(struct timeline *t, struct tl_piece *now, const struct tl_event *e)
{
	struct tl_mark *m;

	switch (e->kind) {
	case TL_EV_PICK:
		reign(t, now, e->pcpu, e->s, e->ts);
		break;
	case TL_EV_FLIP_END:
		reign(t, now, e->pcpu, e->t, e->ts);
		on_swap(t, e);
		break;
	case TL_EV_FLIP_BEGIN:
	case TL_EV_SWAP:
		on_swap(t, e);
		break;
	case TL_EV_CEASE:
		on_cease(t, e);
		break;
	case TL_EV_NOSHOW:
		mark(t, e, e->pcpu);
		break;
	case TL_EV_BREACH:
		m = mark(t, e, e->pcpu);
		m->text = e->t;
		break;
	case TL_EV_DISPATCH:
		mark(t, e, -1)->text = NAME_OF(dispatch_names, e->a);
		break;
	default:
		break;
	}
}

/** tl_replay() - fill in all but the events and vCPUs, which are there */
void tl_replay(struct timeline *t)
{
	uint32_t *waiting = calloc(t->nr_pcpus, sizeof(*waiting)), p;
	struct tl_piece *now = calloc(t->nr_pcpus, sizeof(*now));
	size_t i;

	if (!waiting || !now)
		abort();
	for (i = 0; i < t->vcpus.n; i++)
		t->vcpus.v[i].put = -1;
	for (i = 0; i < t->events.n; i++)
		find_first(t, &t->events.v[i]);
	for (p = 0; p < t->nr_pcpus; p++)
		reign(t, now, p, t->active, t->begin);
	for (i = 0; i < t->vcpus.n; i++) {
		struct tl_vcpu *v = &t->vcpus.v[i];

		v->put = -1;
		v->since = t->begin;
		v->why = "";
		v->sched = t->active;
		if (v->state == TL_WAITING && v->pcpu < t->nr_pcpus)
			waiting[v->pcpu]++;
	}
	for (p = 0; p < t->nr_pcpus; p++)
		count(t, waiting, p, 0, t->begin);
	for (i = 0; i < t->events.n; i++) {
		if (t->events.v[i].entity)
			on_vcpu(t, waiting, &t->events.v[i]);
		on_other(t, now, &t->events.v[i]);
	}
	for (i = 0; i < t->vcpus.n; i++)
		close_span(t, i, t->end);
	for (p = 0; p < t->nr_pcpus; p++)
		reign(t, now, p, "", t->end);
	free(waiting);
	free(now);
}

/* The part of [*begin, *end] inside the window; false: none. */
static bool inside(const struct timeline *t, uint64_t *begin, uint64_t *end)
{
	if (*begin < t->begin)
		*begin = t->begin;
	if (*end > t->end)
		*end = t->end;
	return *begin < *end;
}

#define KEEP(t, array, test) do {					\
	size_t i_, n_ = 0;						\
									\
	for (i_ = 0; i_ < (t)->array.n; i_++) {				\
		typeof(*(t)->array.v) *x = &(t)->array.v[i_];		\
									\
		if (test)						\
			(t)->array.v[n_++] = *x;			\
	}								\
	(t)->array.n = n_;						\
} while (0)

/** tl_clip() - leave out all that lies outside of the window; sum up what each vCPU ran */
void tl_clip(struct timeline *t)
{
	size_t i;

	KEEP(t, spans, inside(t, &x->begin, &x->end));
	KEEP(t, reigns, inside(t, &x->begin, &x->end));
	KEEP(t, flips, x->begin >= t->begin && x->end <= t->end);
	KEEP(t, marks, x->at >= t->begin && x->at <= t->end);
	for (i = 0; i < t->counts.n; i++)
		if (t->counts.v[i].at < t->begin)
			t->counts.v[i].at = t->begin;	/* the last of these counts */
	KEEP(t, counts, x->at <= t->end);
	for (i = 0; i < t->spans.n; i++)
		if (t->spans.v[i].state == TL_RUNNING)
			t->vcpus.v[t->spans.v[i].vcpu].run_ns += t->spans.v[i].end - t->spans.v[i].begin;
}
