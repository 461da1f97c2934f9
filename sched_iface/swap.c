// SPDX-License-Identifier: GPL-2.0
/*
 * The swap: another scheduler becomes active while the guests run.
 *
 * Design: under the pool's mutex the new scheduler B is prepared, inert: its
 * instance, its view of each pCPU, each entity attached. That is all that can
 * fail, and a failure leaves the old one, A, untouched. Then, pCPU by pCPU and
 * under the lock of its domain, A is drained, the pointer flips, B takes what
 * was queued and adopts who runs; where many are queued, the lock is released
 * in between (carry.c). Nobody is stopped. Between two pCPUs in different epochs
 * nothing is stolen (vmm_try_peer() refuses). After a grace period A is detached and
 * its module may go.
 *
 * The steps carry the names of the model in tests/model: swap_prepare,
 * swap_flip, swap_detach.
 *
 * Locking: pool->mutex for the whole; two domain locks in swap_flip() when the
 * reach changes, the coarser one first.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/timex.h>
#include "call.h"
#include "trace.h"

/** vmm_fail_point() - tests make the n-th step fail that can fail. Pool mutex held. */
int vmm_fail_point(struct vmm_pool *pool)
{
	return pool->fail_at && --pool->fail_at == 0 ? -ENOMEM : 0;
}

/* --- instances ------------------------------------------------------------------- */

static enum hrtimer_restart pool_timer(struct hrtimer *timer)
{
	vmm_pool_expired(container_of(timer, struct vmm_sched, pool_timer));
	return HRTIMER_NORESTART;
}

static void load_defaults(struct vmm_sched *s)
{
	unsigned int i, n = 0;

	for (i = 0; i < s->ops->nr_params; i++)
		if (s->ops->params[i].scope == VMM_SCOPE_SCHED)
			s->param[n++] = s->ops->params[i].def;
}

/**
 * vmm_sched_instance() - an instance of a scheduler, not initialised by it yet
 * @pool: where
 * @ops:  which
 *
 * That of the built-in default is part of the pool: it needs no memory.
 * Context: process; pool mutex held, or the pool is not in use yet.
 */
struct vmm_sched *vmm_sched_instance(struct vmm_pool *pool,
				     const struct vmm_sched_ops *ops)
{
	struct vmm_sched *a = rcu_dereference_protected(pool->active, true);
	struct vmm_sched *s = &pool->fallback;

	if (ops == &vmm_default_ops) {
		memset(s, 0, sizeof(*s));
	} else {
		s = kzalloc(sizeof(*s), GFP_KERNEL);
		if (!s || vmm_fail_point(pool))
			goto err;
		s->priv = kvzalloc(ops->sched_size ?: 1, GFP_KERNEL);
		if (!s->priv || vmm_fail_point(pool))
			goto err;
	}
	s->ops = ops;
	s->id = vmm_sched_id(ops);
	s->pool = pool;
	s->half = a ? !a->half : 0;
	s->slot = 2 * pool->id + s->half;
	hrtimer_init(&s->pool_timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_HARD);
	s->pool_timer.function = pool_timer;
	load_defaults(s);
	return s;
err:
	if (s)
		kvfree(s->priv);
	kfree(s);
	return ERR_PTR(-ENOMEM);
}

/** vmm_sched_instance_free() - undo vmm_sched_instance() */
void vmm_sched_instance_free(struct vmm_sched *s)
{
	hrtimer_cancel(&s->pool_timer);
	kvfree(s->priv);
	s->priv = NULL;
	if (s != &s->pool->fallback)
		kfree(s);
}

static void free_pcpus(struct vmm_sched *s, u32 n)
{
	while (n--) {
		struct vmm_pcpu *p = &s->pool->pcpus[n];

		kfree(p->priv[s->half]);
		p->priv[s->half] = NULL;
	}
}

static void detach_pcpus(struct vmm_sched *s, u32 n)
{
	u32 i;

	for (i = n; i--;)
		vmm_op_pcpu_exit(s, &s->pool->pcpus[i]);
	free_pcpus(s, n);
}

/** vmm_sched_attach_pcpus() - give an instance its view of all pCPUs. Pool mutex held. */
int vmm_sched_attach_pcpus(struct vmm_sched *s)
{
	struct vmm_pool *pool = s->pool;
	int ret;
	u32 i;

	for (i = 0; i < pool->nr_pcpus; i++) {
		struct vmm_pcpu *p = &pool->pcpus[i];

		if (s->ops->pcpu_size) {
			ret = -ENOMEM;
			p->priv[s->half] = kzalloc(s->ops->pcpu_size, GFP_KERNEL);
			if (!p->priv[s->half] || vmm_fail_point(pool))
				goto err;
		}
		ret = vmm_op_pcpu_init(s, p);
		if (ret)
			goto err;
	}
	return 0;
err:
	kfree(pool->pcpus[i].priv[s->half]);
	pool->pcpus[i].priv[s->half] = NULL;
	detach_pcpus(s, i);
	return ret;
}

/** vmm_sched_attach_group() - memory for a VM under an instance. Pool mutex held. */
int vmm_sched_attach_group(struct vmm_sched *s, struct vmm_group *g)
{
	g->view[s->slot] = NULL;
	if (!s->ops->group_size && !s->ops->nr_params)
		return 0;
	if (!vmm_fail_point(s->pool))
		g->view[s->slot] = kzalloc(sizeof(**g->view) + s->ops->group_size,
					   GFP_KERNEL_ACCOUNT);
	return g->view[s->slot] ? 0 : -ENOMEM;
}

/** vmm_sched_detach_group() - undo vmm_sched_attach_group() */
void vmm_sched_detach_group(struct vmm_sched *s, struct vmm_group *g)
{
	kfree(g->view[s->slot]);
	g->view[s->slot] = NULL;
}

/** vmm_sched_attach_entity() - an entity comes under an instance. Pool mutex held. */
int vmm_sched_attach_entity(struct vmm_sched *s, struct vmm_entity *e)
{
	int ret;

	e->priv[s->slot] = NULL;
	if (s->ops->entity_size) {
		e->priv[s->slot] = kzalloc(s->ops->entity_size, GFP_KERNEL_ACCOUNT);
		if (!e->priv[s->slot] || vmm_fail_point(s->pool)) {
			ret = -ENOMEM;
			goto err;
		}
	}
	ret = vmm_op_attach(s, e);
	if (ret)
		goto err;
	return 0;
err:
	kfree(e->priv[s->slot]);
	e->priv[s->slot] = NULL;
	return ret;
}

/** vmm_sched_detach_entity() - undo vmm_sched_attach_entity(). Pool mutex held. */
void vmm_sched_detach_entity(struct vmm_sched *s, struct vmm_entity *e)
{
	vmm_op_detach(s, e);
	kfree(e->priv[s->slot]);
	e->priv[s->slot] = NULL;
}

static void detach_groups(struct vmm_sched *s)
{
	struct vmm_group *g;

	list_for_each_entry(g, &s->pool->groups, node)
		vmm_sched_detach_group(s, g);
}

static int attach_groups(struct vmm_sched *s)
{
	struct vmm_group *g;

	list_for_each_entry(g, &s->pool->groups, node)
		g->view[s->slot] = NULL;
	list_for_each_entry(g, &s->pool->groups, node) {
		if (vmm_sched_attach_group(s, g)) {
			detach_groups(s);
			return -ENOMEM;
		}
	}
	return 0;
}

/* Every entity that is attached; stops at @until, which is not. */
static void detach_entities(struct vmm_sched *s, const struct vmm_entity *until)
{
	struct vmm_group *g;
	struct vmm_entity *e;

	list_for_each_entry(g, &s->pool->groups, node) {
		list_for_each_entry(e, &g->entities, group_node) {
			if (e == until)
				return;
			vmm_sched_detach_entity(s, e);
		}
	}
}

/*
 * swap_detach of the model. Memory goes last: the queues of one that was thrown
 * out have not been emptied, and its ops may still follow their links.
 */
static void swap_detach(struct vmm_sched *s)
{
	struct vmm_group *g;
	struct vmm_entity *e;
	u32 i;

	list_for_each_entry(g, &s->pool->groups, node)
		list_for_each_entry(e, &g->entities, group_node)
			vmm_op_detach(s, e);
	for (i = s->pool->nr_pcpus; i--;)
		vmm_op_pcpu_exit(s, &s->pool->pcpus[i]);
	vmm_op_exit(s);
	list_for_each_entry(g, &s->pool->groups, node) {
		list_for_each_entry(e, &g->entities, group_node) {
			kfree(e->priv[s->slot]);
			e->priv[s->slot] = NULL;
		}
	}
	detach_groups(s);
	free_pcpus(s, s->pool->nr_pcpus);
	vmm_sched_instance_free(s);
}

/* --- prepare ------------------------------------------------------------------------ */

static int apply_params(const struct vmm_sched *s, u64 *param,
			const struct vmm_param_set *set, unsigned int nr_set,
			const char **why)
{
	const struct vmm_sched_param *p;
	unsigned int i, idx;

	for (i = 0; i < nr_set; i++) {
		p = vmm_find_param(s->ops, VMM_SCOPE_SCHED, set[i].name, &idx);
		if (!p) {
			*why = "the scheduler has no such parameter; see 'vmmctl sched show'";
			return -ENOENT;
		}
		if (set[i].val < p->min || set[i].val > p->max) {
			*why = "a parameter is out of its range; see 'vmmctl sched show'";
			return -ERANGE;
		}
		param[idx] = set[i].val;
	}
	return 0;
}

/* swap_prepare of the model: all that can fail; B is inert */
static struct vmm_sched *swap_prepare(struct vmm_pool *pool,
				      const struct vmm_sched_ops *ops,
				      const struct vmm_param_set *set,
				      unsigned int nr_set, const char **why)
{
	struct vmm_entity *e = NULL;
	struct vmm_group *g;
	struct vmm_sched *b;
	int ret;

	*why = "out of memory";
	b = vmm_sched_instance(pool, ops);
	if (IS_ERR(b))
		return b;
	vmm_params_restore(b);
	ret = apply_params(b, b->param, set, nr_set, why);
	if (ret)
		goto err_free;
	ret = vmm_op_init(b);
	*why = vmm_sched_why(b, "the scheduler's init() refused");
	if (ret)
		goto err_free;
	ret = vmm_sched_attach_pcpus(b);
	*why = vmm_sched_why(b, "the scheduler could not take a pCPU");
	if (ret)
		goto err_exit;
	*why = "out of memory";
	ret = attach_groups(b);
	if (ret)
		goto err_pcpus;
	list_for_each_entry(g, &pool->groups, node) {
		vmm_group_load_params(g, b);
		list_for_each_entry(e, &g->entities, group_node) {
			ret = vmm_sched_attach_entity(b, e);
			if (ret)
				goto err_entities;
		}
	}
	return b;
err_entities:
	*why = vmm_sched_why(b, "the scheduler could not take a vCPU");
	detach_entities(b, e);
	detach_groups(b);
err_pcpus:
	detach_pcpus(b, pool->nr_pcpus);
err_exit:
	vmm_op_exit(b);
err_free:
	vmm_sched_instance_free(b);
	return ERR_PTR(ret);
}

/* --- flip ----------------------------------------------------------------------------- */

static void lock_both(struct vmm_domain *a, struct vmm_domain *b)
{
	struct vmm_domain *first = a->reach >= b->reach ? a : b;
	struct vmm_domain *second = first == a ? b : a;

	vmm_domain_lock(first);
	if (second != first)
		vmm_domain_lock(second);
}

static void unlock_both(struct vmm_domain *a, struct vmm_domain *b)
{
	vmm_domain_unlock(a);
	if (a != b)
		vmm_domain_unlock(b);
}

/* Whose thread is at the guest and was not told to leave. */
static struct vmm_entity *in_guest(struct vmm_pcpu *p)
{
	return p->curr && vmm_state(p->curr) == VMM_GATE_OWNER && !p->kick ? p->curr : NULL;
}

static void note_pause(struct vmm_swap_result *res, u64 ns, u64 ticks)
{
	res->pause_total_ns += ns;
	res->pause_max_ns = max(res->pause_max_ns, ns);
	res->pause_total_ticks += ticks;
	res->pause_max_ticks = max(res->pause_max_ticks, ticks);
}

/*
 * swap_flip of the model: one pCPU changes hands, under its lock; true: of those
 * who are queued there some are left with @a (carry.c)
 */
static bool swap_flip(struct vmm_pcpu *p, struct vmm_sched *a, struct vmm_sched *b,
		      struct vmm_swap_result *res)
{
	struct vmm_domain *old = p->dom;	/* changes under the pool mutex only */
	struct vmm_domain *new = vmm_pcpu_domain(p, b->ops->domain);
	struct vmm_post post = { };
	struct vmm_entity *guest;
	u64 now, end, ticks, t0;
	unsigned int over;
	bool left;

	local_irq_disable();
	lock_both(old, new);
	this_cpu_write(vmm_locked, p);
	t0 = get_cycles();
	now = vmm_pool_now(p->pool);
	trace_vmm_swap_flip_begin(p->id, a->ops->name, b->ops->name);
	guest = in_guest(p);
	vmm_charge(p, now);
	res->queued += p->nr_queued;
	over = vmm_carry_split(a, p);
	res->at_once = max(res->at_once, over);
	left = p->from;
	vmm_carry_out(a, p, now);
	vmm_resched_forget(p);
	rcu_assign_pointer(p->sched, b);
	p->sched_id = b->id;
	WRITE_ONCE(p->dom, new);
	p->bypass = false;
	p->sched_deadline = 0;
	p->must_go = false;
	vmm_watch_restart(p, now);
	vmm_carry_in(b, p, now, res);
	/* A pick would take more along: under the next lock, with what is left. */
	if (left)
		vmm_update_timer(p, now);
	else
		vmm_check_curr(p, now, &post);
	if (guest && (p->curr != guest || p->kick)) {
		guest->stats.forced_out++;
		res->forced_out++;
	}
	trace_vmm_swap_flip_end(p->id, a->ops->name, b->ops->name);
	end = vmm_pool_now(p->pool);
	ticks = get_cycles() - t0;
	unlock_both(old, new);
	local_irq_enable();
	vmm_post_run(&post);
	note_pause(res, end - now, ticks);
	return left;
}

/*
 * Some of those whom the flip has left follow, and the pCPU decides if it has to: whoever
 * was picked before them may be nobody. False: nobody had been left.
 */
static bool swap_carry(struct vmm_pcpu *p, struct vmm_swap_result *res)
{
	struct vmm_post post = { };
	struct list_head *first;
	u64 now, end, ticks, t0;
	bool left;

	local_irq_disable();
	vmm_pcpu_lock(p);
	t0 = get_cycles();
	now = vmm_pool_now(p->pool);
	vmm_resched_begin(p);
	left = p->from;
	first = p->left.next;
	vmm_check_curr(p, now, &post);
	/* Unless a pick has taken some along. */
	if (p->from && p->left.next == first)
		vmm_carry(p, now);
	vmm_resched_run(p, now, &post);
	end = vmm_pool_now(p->pool);
	ticks = get_cycles() - t0;
	vmm_pcpu_unlock(p);
	local_irq_enable();
	vmm_post_run(&post);
	note_pause(res, end - now, ticks);
	return left;
}

/* --- the end of one that was thrown out ----------------------------------------------------- */

/* Whoever replaces it: what it was told to do, a request, its unloading. Pool mutex held. */
static void thrown_out(struct vmm_pool *pool)
{
	struct vmm_exit_record *rec;

	vmm_exit_done(pool, vmm_pool_now(pool));
	rec = vmm_exit_copy(pool);
	if (!rec)
		return;
	pr_err("scheduler %s thrown out (%s): it %s (entity %u, vCPU %u of VM %s, pCPU %d, waited %llu us)\n",
	       rec->name, vmm_breach_name(rec->kind), rec->reason, rec->entity, rec->vcpu,
	       rec->vm[0] ? rec->vm : "-", (int)rec->pcpu, div_u64(rec->waited_ns, NSEC_PER_USEC));
	vmm_event_thrown_out(pool, rec);
	kfree(rec);
}

/* --- the request ---------------------------------------------------------------------------- */

static int activate_locked(struct vmm_pool *pool, const struct vmm_sched_ops *ops,
			   const struct vmm_param_set *set, unsigned int nr_set,
			   const struct vmm_swap_how *how, struct vmm_swap_result *res,
			   const char *cause, const char **why)
{
	struct vmm_sched *a = rcu_dereference_protected(pool->active, true);
	u64 begin = vmm_pool_now(pool);
	struct vmm_sched *b;
	struct vmm_group *g;
	int ret;
	u32 i;

	lockdep_assert_held(&pool->mutex);
	memset(res, 0, sizeof(*res));
	strscpy(res->from, a->ops->name, sizeof(res->from));
	strscpy(res->to, ops->name, sizeof(res->to));
	b = swap_prepare(pool, ops, set, nr_set, why);
	if (IS_ERR(b))
		return PTR_ERR(b);
	if (how && how->cease) {
		ret = vmm_cease(pool, how->timeout_ns, res);
		if (ret) {
			*why = ret == -EINTR ? "the requester was killed" :
				"a vCPU did not come out in time: it is in a handler that waits; try again, or --mode live";
			swap_detach(b);
			return ret;
		}
		res->ceased = true;
	}

	/* The point of no return: nothing below can fail. */
	vmm_dispatch_forget(a);
	for (i = 0; i < pool->nr_pcpus; i++) {
		if (swap_flip(&pool->pcpus[i], a, b, res))
			while (swap_carry(&pool->pcpus[i], res))
				;
	}
	b->activated_ns = vmm_pool_now(pool);
	vmm_past_note(pool, a, cause, b->activated_ns);
	rcu_assign_pointer(pool->active, b);
	if (res->ceased)
		vmm_resume(pool, res);
	if (a->broken)
		thrown_out(pool);
	list_for_each_entry(g, &pool->groups, node)
		res->entities += g->nr_entities;
	vmm_past_drop(pool, ops);
	if (!a->broken)
		vmm_past_push(pool, a->ops);
	synchronize_rcu();
	vmm_params_keep(a);
	swap_detach(a);
	*why = NULL;
	pool->nr_swaps++;
	res->total_ns = vmm_pool_now(pool) - begin;
	pool->last_swap = *res;
	trace_vmm_sched_swap(res->from, res->to, res->pause_max_ticks,
			     res->entities, res->forced_out, cause);
	if (vmm_pool_is_real(pool))
		vmm_event_swap(pool, res, cause);
	return 0;
}

static int set_params_locked(struct vmm_pool *pool, const struct vmm_param_set *set,
			     unsigned int nr_set, const char **why)
{
	struct vmm_sched *s = rcu_dereference_protected(pool->active, true);
	u64 want[VMM_SCHED_MAX_PARAMS];
	struct vmm_op op;
	unsigned int i;
	int ret;

	memcpy(want, s->param, sizeof(want));
	ret = apply_params(s, want, set, nr_set, why);
	if (ret)
		return ret;
	if (s->ops->check_sched) {
		vmm_op_begin(&op, s, "check_sched");
		ret = vmm_op_end(&op, s->ops->check_sched(s, want));
	}
	if (ret) {
		*why = vmm_sched_why(s, "the scheduler refuses these values");
		return ret;
	}
	for (i = 0; i < VMM_SCHED_MAX_PARAMS; i++)
		WRITE_ONCE(s->param[i], want[i]);
	if (s->ops->sched_params) {
		vmm_op_begin(&op, s, "sched_params");
		s->ops->sched_params(s);
		vmm_op_end(&op, 0);
	}
	return 0;
}

/**
 * vmm_sched_set_params() - change parameters of the active scheduler; all or none
 * @pool:   where
 * @set:    names and values
 * @nr_set: how many
 * @why:    set to the reason of a refusal
 *
 * Context: process; takes the pool mutex.
 * Return: 0, -ENOENT, -ERANGE, or what the scheduler's check_sched() says.
 */
int vmm_sched_set_params(struct vmm_pool *pool, const struct vmm_param_set *set,
			 unsigned int nr_set, const char **why)
{
	int ret;

	if (vmm_inside_op("asked from inside an op for a change of parameters")) {
		*why = "asked for from inside an op of the scheduler";
		return -EDEADLK;
	}
	mutex_lock(&pool->mutex);
	ret = set_params_locked(pool, set, nr_set, why);
	mutex_unlock(&pool->mutex);
	return ret;
}
EXPORT_SYMBOL_GPL(vmm_sched_set_params);

/**
 * vmm_sched_activate_how() - make a scheduler the active one
 * @pool:   where
 * @ops:    which; the caller holds a reference on its module (vmm_sched_get())
 * @set:    values of its parameters
 * @nr_set: how many
 * @how:    live, or with all vCPUs brought out first; NULL: live
 * @res:    what was done and how long it took
 * @why:    set to the reason of a failure
 *
 * When it is active already only the parameters change.
 *
 * Context: process, may sleep.
 * Return: 0, or a negative errno: the old scheduler is still active. -EDEADLK:
 * it was an op of a scheduler that asked; -ENOENT: the pool has gone.
 */
int vmm_sched_activate_how(struct vmm_pool *pool, const struct vmm_sched_ops *ops,
			   const struct vmm_param_set *set, unsigned int nr_set,
			   const struct vmm_swap_how *how, struct vmm_swap_result *res,
			   const char **why)
{
	struct vmm_sched *a;
	int ret;

	if (vmm_inside_op("asked from inside an op for a change of scheduler")) {
		*why = "asked for from inside an op of the scheduler";
		return -EDEADLK;
	}
	if (mutex_lock_killable(&pool->mutex)) {
		*why = "interrupted";
		return -EINTR;
	}
	if (!pool->live || (how && how->serial && how->serial != pool->serial)) {
		mutex_unlock(&pool->mutex);
		*why = "the pool has just been deleted";
		return -ENOENT;
	}
	a = rcu_dereference_protected(pool->active, true);
	if (a->ops == ops && !a->broken) {
		memset(res, 0, sizeof(*res));
		strscpy(res->from, ops->name, sizeof(res->from));
		strscpy(res->to, ops->name, sizeof(res->to));
		ret = set_params_locked(pool, set, nr_set, why);
	} else {
		ret = activate_locked(pool, ops, set, nr_set, how, res, "request", why);
	}
	/* With the mutex still held: what somebody begins after this success is not ended by it. */
	if (!ret && how && how->ends_change)
		vmm_change_done(pool);
	mutex_unlock(&pool->mutex);
	vmm_dispatch_follow(pool);
	return ret;
}
EXPORT_SYMBOL_GPL(vmm_sched_activate_how);

/** vmm_sched_activate() - the same, live */
int vmm_sched_activate(struct vmm_pool *pool, const struct vmm_sched_ops *ops,
		       const struct vmm_param_set *set, unsigned int nr_set,
		       struct vmm_swap_result *res, const char **why)
{
	return vmm_sched_activate_how(pool, ops, set, nr_set, NULL, res, why);
}
EXPORT_SYMBOL_GPL(vmm_sched_activate);

/**
 * vmm_swap_to() - a pool comes into being, or ends: its scheduler
 * @pool:  the pool; it is served by no call sites of its own (vmm_dispatch_serve())
 * @ops:   the scheduler; the caller holds a reference on its module
 * @cause: for the event
 * @why:   set to the reason of a failure
 *
 * What it was under before is forgotten.
 * Context: process; pool mutex held.
 * Return: 0, or a negative errno: nothing has changed.
 */
int vmm_swap_to(struct vmm_pool *pool, const struct vmm_sched_ops *ops, const char *cause,
		const char **why)
{
	struct vmm_sched *a = rcu_dereference_protected(pool->active, true);
	struct vmm_swap_result res;
	int ret = 0;

	lockdep_assert_held(&pool->mutex);
	if (a->ops != ops || a->broken)
		ret = activate_locked(pool, ops, NULL, 0, NULL, &res, cause, why);
	else
		a->activated_ns = vmm_pool_now(pool);
	if (ret)
		return ret;
	pool->nr_history = 0;
	pool->nr_past = 0;
	pool->nr_swaps = 0;
	memset(pool->kept, 0, sizeof(pool->kept));
	memset(&pool->last_swap, 0, sizeof(pool->last_swap));
	raw_spin_lock_irq(&pool->exit_lock);
	memset(&pool->last_exit, 0, sizeof(pool->last_exit));
	raw_spin_unlock_irq(&pool->exit_lock);
	return 0;
}

/* The one before, and the one before that; the default cannot fail. */
static void fall_back(struct vmm_pool *pool, const char *cause)
{
	struct vmm_swap_result res;
	const char *why;

	while (pool->nr_history) {
		const struct vmm_sched_ops *ops = pool->history[0];
		int ret;

		vmm_past_drop(pool, ops);
		/* Its module may be about to go: then its own unregistration waits for the mutex. */
		if (!try_module_get(ops->owner))
			continue;
		ret = activate_locked(pool, ops, NULL, 0, NULL, &res, cause, &why);
		module_put(ops->owner);
		if (!ret)
			return;
		pr_warn("scheduler %s could not take over again: %s (%d)\n", ops->name,
			why, ret);
	}
	WARN_ON(activate_locked(pool, &vmm_default_ops, NULL, 0, NULL, &res, cause, &why));
}

/**
 * vmm_swap_settle() - a scheduler that broke its contract goes at once, not when its turn comes
 * @pool: where it may be in charge
 *
 * Before an entity is attached to who is in charge; and after one has left the queues, before it
 * is detached: a scheduler that was thrown out is told of no dequeue, so whoever goes would
 * still be linked in its queues, with its memory freed, when the others are detached.
 *
 * Context: process, may sleep; pool mutex held. That the call sites follow is seen to by the
 * work that follows each breach.
 */
void vmm_swap_settle(struct vmm_pool *pool)
{
	lockdep_assert_held(&pool->mutex);
	if (READ_ONCE(rcu_dereference_protected(pool->active, true)->broken))
		fall_back(pool, "breach");
}

/** vmm_swap_broken() - replace a scheduler that broke its contract. Process context. */
void vmm_swap_broken(struct vmm_pool *pool)
{
	mutex_lock(&pool->mutex);
	vmm_swap_settle(pool);
	mutex_unlock(&pool->mutex);
	vmm_dispatch_follow(pool);
}
EXPORT_SYMBOL_GPL(vmm_swap_broken);

/**
 * vmm_swap_unregister() - a scheduler's module goes
 * @pool: where it may be active
 * @ops:  its table
 *
 * Context: process, may sleep.
 */
void vmm_swap_unregister(struct vmm_pool *pool, const struct vmm_sched_ops *ops)
{
	struct vmm_sched *a;

	mutex_lock(&pool->mutex);
	vmm_past_drop(pool, ops);
	a = rcu_dereference_protected(pool->active, true);
	if (a->ops == ops) {
		/* Not to come back by way of the history. */
		fall_back(pool, "unload");
		vmm_past_drop(pool, ops);
	}
	vmm_params_forget(pool, ops);
	mutex_unlock(&pool->mutex);
	vmm_dispatch_follow(pool);
}
EXPORT_SYMBOL_GPL(vmm_swap_unregister);
