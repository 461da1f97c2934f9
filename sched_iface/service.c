// SPDX-License-Identifier: GPL-2.0
/*
 * What schedulers may ask for beyond their own queues: that a pCPU decides
 * again, or at a given time; where there is room; somebody who is queued on another
 * pCPU; that the operator is told something.
 *
 * A request to decide again comes from inside an op, often for another pCPU
 * than the op's own. The pCPU is put on the list of its domain; whoever called
 * the op sees to the list when it is done (vmm_resched_run()), and where
 * nobody does, the pCPU's timer is set to the next moment.
 *
 * Locking: the domain lock, as in dispatch.c; pool->mutex where it says [P].
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/slab.h>
#include "internal.h"

/* --- decide again ---------------------------------------------------------------- */

void vmm_pcpu_resched(struct vmm_pcpu *p)
{
	vmm_assert_locked(p);
	if (list_empty(&p->resched_node))
		list_add_tail(&p->resched_node, &p->dom->resched);
	if (!p->dom->collecting)
		vmm_update_timer(p, vmm_pool_now(p->pool));
}
EXPORT_SYMBOL_GPL(vmm_pcpu_resched);

static void decide_again(struct vmm_pcpu *p, u64 now, struct vmm_post *post)
{
	if (!p->curr) {
		vmm_pick(p, now, post);
		return;
	}
	if (!vmm_trusted(p))
		return;
	vmm_charge(p, now);
	p->must_go = true;
	vmm_preempt_curr(p, now);
	vmm_check_curr(p, now, post);
}

/**
 * vmm_resched_run() - have those decide again that an op asked for
 * @p:    the pCPU that the op was called for, after vmm_resched_begin()
 * @now:  ns
 * @post: receives wake-ups, one for each at most
 *
 * Whom there is no room for in @post is seen to by its timer. So is who is
 * asked again and again: a scheduler cannot keep us here.
 */
void vmm_resched_run(struct vmm_pcpu *p, u64 now, struct vmm_post *post)
{
	struct vmm_domain *d = p->dom;
	unsigned int left = 2 * ARRAY_SIZE(post->task);
	struct vmm_pcpu *o;

	while (!list_empty(&d->resched) && left-- && post->nr + 1 < ARRAY_SIZE(post->task)) {
		o = list_first_entry(&d->resched, struct vmm_pcpu, resched_node);
		list_del_init(&o->resched_node);
		decide_again(o, now, post);
	}
	d->collecting = false;
	list_for_each_entry(o, &d->resched, resched_node)
		vmm_update_timer(o, now);
}

/** vmm_resched_forget() - another scheduler, or another domain: nothing it asked for counts */
void vmm_resched_forget(struct vmm_pcpu *p)
{
	vmm_assert_locked(p);
	list_del_init(&p->resched_node);
}

void vmm_pcpu_charge(struct vmm_pcpu *p)
{
	vmm_charge(p, vmm_pool_now(p->pool));
}
EXPORT_SYMBOL_GPL(vmm_pcpu_charge);

/* --- deadlines ------------------------------------------------------------------- */

void vmm_pcpu_set_deadline(struct vmm_pcpu *p, u64 when)
{
	vmm_assert_locked(p);
	p->sched_deadline = when;
	vmm_update_timer(p, vmm_pool_now(p->pool));
}
EXPORT_SYMBOL_GPL(vmm_pcpu_set_deadline);

void vmm_pool_set_deadline(struct vmm_sched *s, u64 when)
{
	s->pool_deadline = when;
	s->pool->host->arm_pool(s, when ? max(when, vmm_pace_from(s->paced)) : 0);
}
EXPORT_SYMBOL_GPL(vmm_pool_set_deadline);

/* --- where there is room ------------------------------------------------------------ */

bool vmm_pcpu_free(const struct vmm_pcpu *p)
{
	const struct vmm_entity *e = p->curr;

	vmm_assert_locked(p);
	return !e || (vmm_state(e) == VMM_GATE_OFF && READ_ONCE(e->off_slept));
}
EXPORT_SYMBOL_GPL(vmm_pcpu_free);

struct vmm_pcpu *vmm_idle_pcpu(struct vmm_pcpu *p, struct vmm_entity *e)
{
	struct vmm_pool *pool = p->pool;
	struct vmm_pcpu *o;

	vmm_assert_locked(p);
	if (test_bit(p->id, pool->idle) && vmm_entity_allowed(e, p))
		return p;
	for (o = vmm_next_idle(pool, e, 0); o; o = vmm_next_idle(pool, e, o->id + 1)) {
		/* The bit may be stale, and in a swap o may belong to another one. */
		if (READ_ONCE(o->dom) == p->dom && vmm_pcpu_sched(o) == vmm_pcpu_sched(p) &&
		    vmm_trusted(o) && vmm_pcpu_idle(o))
			return o;
	}
	return NULL;
}
EXPORT_SYMBOL_GPL(vmm_idle_pcpu);

unsigned int vmm_sched_online(const struct vmm_sched *s)
{
	lockdep_assert_held(&s->pool->mutex);
	return s->pool->nr_online;
}
EXPORT_SYMBOL_GPL(vmm_sched_online);

/** vmm_pool_pcpus_changed() - tell the active scheduler. Pool mutex held. */
void vmm_pool_pcpus_changed(struct vmm_pool *pool)
{
	struct vmm_sched *s = rcu_dereference_protected(pool->active, true);
	struct vmm_op op;

	lockdep_assert_held(&pool->mutex);
	if (READ_ONCE(s->broken) || !s->ops->pcpus_changed)
		return;
	vmm_op_begin(&op, s, "pcpus_changed");
	s->ops->pcpus_changed(s);
	vmm_op_end(&op, 0);
}
EXPORT_SYMBOL_GPL(vmm_pool_pcpus_changed);

/* --- from one pCPU to another ------------------------------------------------------- */

struct vmm_pcpu *vmm_try_peer(struct vmm_pcpu *p, u32 peer)
{
	struct vmm_pool *pool = p->pool;
	struct vmm_domain *d;
	struct vmm_pcpu *o;

	vmm_assert_locked(p);
	if (peer >= pool->nr_pcpus || peer == p->id || unlikely(p->old_op))
		return NULL;
	if (p->borrowed) {
		vmm_throw_out(p, VMM_BREACH_STEAL, NULL, 0,
			      "looked at another pCPU before it gave the last one's lock back",
			      vmm_pool_now(pool));
		return NULL;
	}
	o = &pool->pcpus[peer];
	d = READ_ONCE(o->dom);
	if (d != p->dom && !vmm_domain_trylock(d))
		return NULL;
	if (d == READ_ONCE(o->dom) && o->online && vmm_trusted(o) == vmm_trusted(p) &&
	    vmm_pcpu_sched(o) == vmm_pcpu_sched(p)) {
		if (d != p->dom) {
			d->lent_to = p;
			p->borrowed = d;
		}
		return o;
	}
	if (d != p->dom)
		vmm_domain_unlock(d);
	return NULL;
}
EXPORT_SYMBOL_GPL(vmm_try_peer);

void vmm_put_peer(struct vmm_pcpu *p, struct vmm_pcpu *peer)
{
	if (peer->dom == p->dom)
		return;
	if (p->borrowed != peer->dom) {
		vmm_throw_out(p, VMM_BREACH_STEAL, NULL, 0,
			      "gave the lock of a pCPU back that it did not have",
			      vmm_pool_now(p->pool));
		return;
	}
	p->borrowed = NULL;
	peer->dom->lent_to = NULL;
	vmm_domain_unlock(peer->dom);
}
EXPORT_SYMBOL_GPL(vmm_put_peer);

int vmm_steal(struct vmm_pcpu *p, struct vmm_pcpu *peer, struct vmm_entity *e)
{
	u64 now = vmm_pool_now(p->pool), from, due, passed;

	vmm_assert_locked(p);
	/* In the middle of a swap one of them may have gone over, with another lock. */
	if (rcu_access_pointer(p->sched) != rcu_access_pointer(peer->sched))
		return -EBUSY;
	if (READ_ONCE(peer->dom) != p->dom && p->borrowed != READ_ONCE(peer->dom) &&
	    peer->borrowed != p->dom) {
		vmm_throw_out(p, VMM_BREACH_STEAL, NULL, 0,
			      "took from a pCPU that it had not locked", now);
		return -EPERM;
	}
	vmm_assert_locked(peer);
	if (e->home != peer || vmm_state(e) != VMM_GATE_QUEUED || vmm_is_left(peer, e) ||
	    unlikely(p->old_op))
		return -EBUSY;
	if (!vmm_entity_allowed(e, p))
		return -EPERM;
	from = e->wait_from;
	due = e->due_from;
	vmm_dequeue(peer, e, now);
	passed = e->passed;
	WRITE_ONCE(e->home, p);
	e->stats.migrations++;
	vmm_enqueue(p, e, VMM_ENQ_MIGRATE, now);
	/* Who is moved about waits all the same. */
	e->wait_from = from;
	e->due_from = due;
	e->passed = passed;
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_steal);

/* --- what the operator is told ------------------------------------------------------- */

/*
 * An extack keeps the pointer to its text until after the request is over, when
 * the scheduler's module may be gone: its reasons are copied, once each.
 */
#define REASONS 64
static const char *reasons[REASONS];
static DEFINE_MUTEX(reasons_mutex);

static const char *keep_reason(const char *why)
{
	const char *kept = NULL;
	unsigned int i;

	mutex_lock(&reasons_mutex);
	for (i = 0; i < REASONS && reasons[i]; i++) {
		if (!strcmp(reasons[i], why)) {
			kept = reasons[i];
			break;
		}
	}
	if (!kept && i < REASONS)
		kept = reasons[i] = kstrdup(why, GFP_KERNEL);
	mutex_unlock(&reasons_mutex);
	return kept;
}

/** vmm_reasons_free() - undo what vmm_sched_refuse() kept; at the end of the module */
void vmm_reasons_free(void)
{
	unsigned int i;

	for (i = 0; i < REASONS; i++)
		kfree(reasons[i]);
}

void vmm_sched_refuse(struct vmm_sched *s, const char *why)
{
	s->why = keep_reason(why);
}
EXPORT_SYMBOL_GPL(vmm_sched_refuse);

/** vmm_sched_why() - what the op that failed said, or else @otherwise */
const char *vmm_sched_why(struct vmm_sched *s, const char *otherwise)
{
	const char *why = s->why ?: otherwise;

	s->why = NULL;
	return why;
}

/** vmm_entity_refused() - note in the log why a vCPU could not be made. [P] */
void vmm_entity_refused(struct vmm_sched *s, const struct vmm_group *g, u32 index)
{
	if (s->why)
		pr_notice_ratelimited("vCPU %u of VM %s refused: %s\n", index, g->name,
				      vmm_sched_why(s, ""));
}

void vmm_sched_warn(struct vmm_sched *s, const char *what)
{
	lockdep_assert_held(&s->pool->mutex);
	s->nr_warnings++;
	if (!vmm_pool_is_real(s->pool))
		return;
	pr_warn("scheduler %s: %s\n", s->ops->name, what);
	vmm_event_warning(s->ops->name, what);
}
EXPORT_SYMBOL_GPL(vmm_sched_warn);
