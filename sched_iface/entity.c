// SPDX-License-Identifier: GPL-2.0
/*
 * Groups (VMs) and entities (vCPUs): life, parameters, affinity, accounting.
 *
 * Parameters belong to groups and survive a change of scheduler: weight, cap,
 * quantum, affinity and the time-critical flag in the group itself, those that
 * a scheduler declares by name in a list that is read again when that
 * scheduler comes back.
 *
 * Locking: pool->mutex for everything here, machine->vm_mutex for names and the
 * list of all VMs; readers under a domain lock see single words change (weight,
 * cap, quantum, param[]) or an RCU pointer (affinity).
 */
#include <linux/bitmap.h>
#include <linux/cred.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include "internal.h"

static unsigned int max_vms_per_user = 1024;
module_param(max_vms_per_user, uint, 0644);
MODULE_PARM_DESC(max_vms_per_user, "VMs that one user without CAP_SYS_RESOURCE may have (1024)");
static unsigned int max_vcpus_per_user = 8192;
module_param(max_vcpus_per_user, uint, 0644);
MODULE_PARM_DESC(max_vcpus_per_user, "vCPUs that one user without CAP_SYS_RESOURCE may have (8192)");

struct remembered {
	struct list_head node;
	char sched[VMM_SCHED_NAME_LEN];
	char name[VMM_SCHED_NAME_LEN];
	u64 val;
};

/* --- groups -------------------------------------------------------------------- */

static bool valid_vm_name(const char *name)
{
	size_t len = strnlen(name, VMM_NAME_LEN), i;

	if (!len || len >= VMM_NAME_LEN)
		return false;
	for (i = 0; i < len; i++)
		if (name[i] <= ' ' || name[i] > '~' || name[i] == '/')
			return false;
	/* A number alone would be taken for an id. */
	return strspn(name, "0123456789") != len;
}

/* In all pools. */
static struct vmm_group *find_name(struct vmm_machine *m, const char *name)
{
	struct vmm_group *g;
	unsigned long id;

	lockdep_assert_held(&m->vm_mutex);
	xa_for_each(&m->vms, id, g)
		if (!strcmp(g->name, name))
			return g;
	return NULL;
}

/**
 * vmm_group_find() - look for a VM
 * @pool: where
 * @name: its name, or NULL
 * @id:   its id, where @name is NULL
 *
 * Context: pool mutex held; the group stays as long as that.
 */
struct vmm_group *vmm_group_find(struct vmm_pool *pool, const char *name, u32 id)
{
	struct vmm_group *g;

	lockdep_assert_held(&pool->mutex);
	list_for_each_entry(g, &pool->groups, node)
		if (name ? !strcmp(g->name, name) : g->id == id)
			return g;
	return NULL;
}

/* comm-pid, and -2, -3 ... after it as long as that is taken; comm may hold anything */
static void default_name(struct vmm_machine *m, char *name)
{
	char comm[TASK_COMM_LEN];
	unsigned int n;
	char *c;

	get_task_comm(comm, current);
	for (c = comm; *c; c++)
		if (*c <= ' ' || *c > '~' || *c == '/')
			*c = '_';
	snprintf(name, VMM_NAME_LEN, "%s-%d", comm, task_tgid_nr(current));
	for (n = 2; find_name(m, name); n++)
		snprintf(name, VMM_NAME_LEN, "%s-%d-%u", comm, task_tgid_nr(current), n);
}

static bool over_limit(struct vmm_machine *m, unsigned int *vcpus)
{
	unsigned int vms = 0;
	struct vmm_group *g;
	unsigned long id;

	*vcpus = 0;
	xa_for_each(&m->vms, id, g) {
		if (!uid_eq(g->uid, current_uid()))
			continue;
		vms++;
		*vcpus += READ_ONCE(g->nr_entities);
	}
	return vms >= READ_ONCE(max_vms_per_user);
}

/** vmm_group_create_in() - vmm_group_create() in a given pool */
struct vmm_group *vmm_group_create_in(struct vmm_pool *pool, const char *name)
{
	struct vmm_machine *m = pool->machine;
	struct vmm_sched *s;
	struct vmm_group *g;
	unsigned int vcpus;
	int ret;

	if (name && !valid_vm_name(name))
		return ERR_PTR(-EINVAL);
	g = kzalloc(sizeof(*g), GFP_KERNEL_ACCOUNT);
	if (!g)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&g->entities);
	INIT_LIST_HEAD(&g->remembered);
	g->pool = pool;
	g->pid = task_tgid_nr(current);
	g->uid = current_uid();
	g->weight = VMM_WEIGHT_DEFAULT;
	g->created_ns = vmm_pool_now(pool);

	if (mutex_lock_killable(&pool->mutex)) {
		kfree(g);
		return ERR_PTR(-EINTR);
	}
	s = rcu_dereference_protected(pool->active, true);
	ret = vmm_sched_attach_group(s, g);
	if (ret)
		goto err;
	vmm_group_load_params(g, s);
	mutex_lock(&m->vm_mutex);
	ret = -EDQUOT;
	if (over_limit(m, &vcpus) && !capable(CAP_SYS_RESOURCE))
		goto err_group;
	ret = -EEXIST;
	if (name && find_name(m, name))
		goto err_group;
	if (name)
		strscpy(g->name, name, sizeof(g->name));
	else
		default_name(m, g->name);
	g->id = ++m->next_vm;
	ret = xa_insert(&m->vms, g->id, g, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_group;
	mutex_unlock(&m->vm_mutex);
	list_add_tail(&g->node, &pool->groups);
	vmm_event_vm(g, true);
	mutex_unlock(&pool->mutex);
	return g;
err_group:
	mutex_unlock(&m->vm_mutex);
	vmm_sched_detach_group(s, g);
err:
	mutex_unlock(&pool->mutex);
	kfree(g);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_GPL(vmm_group_create_in);

struct vmm_group *vmm_group_create(const char *name)
{
	return vmm_group_create_in(vmm_pool0, name);
}
EXPORT_SYMBOL_GPL(vmm_group_create);

void vmm_group_put(struct vmm_group *g)
{
	struct vmm_pool *pool = vmm_lock_pool_of(g);
	struct remembered *r, *n;

	WARN_ON(!list_empty(&g->entities));
	list_del(&g->node);
	mutex_lock(&pool->machine->vm_mutex);
	xa_erase(&pool->machine->vms, g->id);
	mutex_unlock(&pool->machine->vm_mutex);
	vmm_sched_detach_group(rcu_dereference_protected(pool->active, true), g);
	vmm_event_vm(g, false);
	mutex_unlock(&pool->mutex);
	list_for_each_entry_safe(r, n, &g->remembered, node)
		kfree(r);
	bitmap_free(rcu_dereference_protected(g->affinity, true));
	kfree(g);
}
EXPORT_SYMBOL_GPL(vmm_group_put);

/** vmm_group_set_name() - rename a VM. Pool mutex held. 0, -EINVAL, -EEXIST */
int vmm_group_set_name(struct vmm_group *g, const char *name)
{
	struct vmm_machine *m = g->pool->machine;
	struct vmm_group *other;

	lockdep_assert_held(&g->pool->mutex);
	if (!valid_vm_name(name))
		return -EINVAL;
	mutex_lock(&m->vm_mutex);
	other = find_name(m, name);
	if (!other || other == g)
		strscpy(g->name, name, sizeof(g->name));
	mutex_unlock(&m->vm_mutex);
	return other && other != g ? -EEXIST : 0;
}

/** vmm_group_params_changed() - tell the scheduler about all entities of a VM. Pool mutex held. */
void vmm_group_params_changed(struct vmm_group *g)
{
	struct vmm_entity *e;

	lockdep_assert_held(&g->pool->mutex);
	list_for_each_entry(e, &g->entities, group_node) {
		struct vmm_post post = { };
		unsigned long flags;
		struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
		struct vmm_sched *s = vmm_pcpu_sched(p);
		u64 now = vmm_pool_now(g->pool);

		if (p->curr == e)
			vmm_charge(p, now);
		vmm_resched_begin(p);
		if (vmm_trusted(p) && s->ops->entity_params)
			s->ops->entity_params(s, p, e, now);
		/* Whoever was held back may be let go by it. */
		vmm_check_curr(p, now, &post);
		vmm_resched_run(p, now, &post);
		vmm_entity_unlock(p, flags);
		vmm_post_run(&post);
	}
}
EXPORT_SYMBOL_GPL(vmm_group_params_changed);

/**
 * vmm_group_set_affinity() - where a VM's entities may run
 * @g:    the VM
 * @bits: pool->nr_pcpus bits, with an online one among them; or NULL: anywhere
 *
 * Context: pool mutex held; may sleep.
 * Return: 0, -ENOMEM, -EINVAL: none of them is online.
 */
int vmm_group_set_affinity(struct vmm_group *g, const unsigned long *bits)
{
	struct vmm_pool *pool = g->pool;
	unsigned long *old, *new = NULL;
	struct vmm_entity *e;
	unsigned int i;

	lockdep_assert_held(&pool->mutex);
	if (bits) {
		for_each_set_bit(i, bits, pool->nr_pcpus)
			if (READ_ONCE(pool->pcpus[i].online))
				break;
		if (i >= pool->nr_pcpus)
			return -EINVAL;
		new = bitmap_alloc(pool->nr_pcpus, GFP_KERNEL_ACCOUNT);
		if (!new)
			return -ENOMEM;
		bitmap_copy(new, bits, pool->nr_pcpus);
	}
	old = rcu_replace_pointer(g->affinity, new, lockdep_is_held(&pool->mutex));
	list_for_each_entry(e, &g->entities, group_node)
		vmm_gate_requeue(e);
	if (old) {
		synchronize_rcu();
		bitmap_free(old);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_group_set_affinity);

/* The note of a parameter's value, made with @val if there is none; NULL: no memory. */
static struct remembered *remember(struct vmm_group *g, const char *sched,
				   const char *name, u64 val)
{
	struct remembered *r;

	list_for_each_entry(r, &g->remembered, node)
		if (!strcmp(r->sched, sched) && !strcmp(r->name, name))
			return r;
	r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	if (!r)
		return NULL;
	strscpy(r->sched, sched, sizeof(r->sched));
	strscpy(r->name, name, sizeof(r->name));
	r->val = val;
	list_add_tail(&r->node, &g->remembered);
	return r;
}

/**
 * vmm_group_check_params() - may these parameters be set on a VM?
 * @g:   the VM
 * @set: names and values
 * @n:   how many
 * @why: set to the reason of a refusal
 *
 * Context: pool mutex held.
 * Return: 0, -ENOENT, -ERANGE, or what the scheduler's check_group() says.
 */
int vmm_group_check_params(struct vmm_group *g, const struct vmm_param_set *set,
			   unsigned int n, const char **why)
{
	static const u64 none[VMM_SCHED_MAX_PARAMS];
	struct vmm_sched *s = rcu_dereference_protected(g->pool->active, true);
	const u64 *cur = g->view[s->slot] ? g->view[s->slot]->param : none;
	u64 want[VMM_SCHED_MAX_PARAMS];
	unsigned int i, idx;
	struct vmm_op op;
	int ret;

	lockdep_assert_held(&g->pool->mutex);
	memcpy(want, cur, sizeof(want));
	for (i = 0; i < n; i++) {
		const struct vmm_sched_param *p =
			vmm_find_param(s->ops, VMM_SCOPE_GROUP, set[i].name, &idx);

		if (!p) {
			*why = "the active scheduler has no such parameter for VMs; see 'vmmctl sched show'";
			return -ENOENT;
		}
		if (set[i].val < p->min || set[i].val > p->max) {
			*why = "the value is out of the parameter's range; see 'vmmctl sched show'";
			return -ERANGE;
		}
		want[idx] = set[i].val;
	}
	if (!n || !s->ops->check_group)
		return 0;
	vmm_op_begin(&op, s, "check_group");
	ret = vmm_op_end(&op, s->ops->check_group(s, g->nr_entities, cur, want));
	if (ret)
		*why = vmm_sched_why(s, "the scheduler refuses these values");
	return ret;
}

/**
 * vmm_group_set_params() - set what the active scheduler declares for VMs; all or none
 * @g:   the VM
 * @set: names and values
 * @n:   how many
 * @why: set to the reason of a refusal
 *
 * Context: pool mutex held. Call vmm_group_params_changed() afterwards.
 * Return: 0, -ENOMEM, or as vmm_group_check_params().
 */
int vmm_group_set_params(struct vmm_group *g, const struct vmm_param_set *set,
			 unsigned int n, const char **why)
{
	const struct vmm_sched *s = rcu_dereference_protected(g->pool->active, true);
	unsigned int i, idx;
	int ret = vmm_group_check_params(g, set, n, why);

	if (ret)
		return ret;
	/* All the memory first: a note of the present value changes nothing. */
	for (i = 0; i < n; i++) {
		vmm_find_param(s->ops, VMM_SCOPE_GROUP, set[i].name, &idx);
		if (!remember(g, s->ops->name, set[i].name, g->view[s->slot]->param[idx])) {
			*why = "out of memory";
			return -ENOMEM;
		}
	}
	for (i = 0; i < n; i++) {
		vmm_find_param(s->ops, VMM_SCOPE_GROUP, set[i].name, &idx);
		remember(g, s->ops->name, set[i].name, 0)->val = set[i].val;
		WRITE_ONCE(g->view[s->slot]->param[idx], set[i].val);
	}
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_group_set_params);

/** vmm_group_set_param() - vmm_group_set_params() for a single one */
int vmm_group_set_param(struct vmm_group *g, const char *name, u64 val, const char **why)
{
	const struct vmm_param_set set = { name, val };

	return vmm_group_set_params(g, &set, 1, why);
}
EXPORT_SYMBOL_GPL(vmm_group_set_param);

/** vmm_group_load_params() - what a scheduler's view begins with: remembered values, else defaults */
void vmm_group_load_params(struct vmm_group *g, const struct vmm_sched *s)
{
	unsigned int i, n = 0;
	struct remembered *r;

	for (i = 0; i < s->ops->nr_params; i++) {
		const struct vmm_sched_param *p = &s->ops->params[i];
		u64 val = p->def;

		if (p->scope != VMM_SCOPE_GROUP)
			continue;
		list_for_each_entry(r, &g->remembered, node)
			if (!strcmp(r->sched, s->ops->name) && !strcmp(r->name, p->name) &&
			    r->val >= p->min && r->val <= p->max)
				val = r->val;
		WRITE_ONCE(g->view[s->slot]->param[n++], val);
	}
}

/* --- entities ------------------------------------------------------------------------ */

int vmm_entity_init(struct vmm_entity *e, struct vmm_group *group, u32 index)
{
	struct vmm_pool *pool = READ_ONCE(group->pool);
	struct vmm_machine *m = pool->machine;
	struct vmm_sched *s;
	unsigned int vcpus;
	int ret;

	e->group = group;
	e->index = index;
	e->pinned_cpu = -1;
	e->next_why = VMM_ENQ_NEW;
	INIT_LIST_HEAD(&e->group_node);
	INIT_LIST_HEAD(&e->queued_node);
	e->since = vmm_pool_now(pool);
	e->share_at = e->since;
	e->wish = bitmap_alloc(pool->nr_pcpus, GFP_KERNEL_ACCOUNT);
	if (!e->wish)
		return -ENOMEM;
	bitmap_fill(e->wish, pool->nr_pcpus);

	ret = vmm_lock_pool_of_killable(group, &pool);
	if (ret)
		goto err_wish;
	vmm_swap_settle(pool);
	e->pool = pool;
	e->home = &pool->pcpus[0];
	mutex_lock(&m->vm_mutex);
	over_limit(m, &vcpus);
	mutex_unlock(&m->vm_mutex);
	ret = -EDQUOT;
	if (vcpus >= READ_ONCE(max_vcpus_per_user) && !capable(CAP_SYS_RESOURCE))
		goto err_unlock;
	/* Unique in the machine: an entity keeps its id when it goes to another pool. */
	ret = xa_alloc_cyclic(&m->ids, &e->id, e, XA_LIMIT(1, S32_MAX), &m->next_id,
			      GFP_KERNEL_ACCOUNT);
	if (ret < 0)
		goto err_unlock;
	ret = xa_insert(&pool->entities, e->id, e, GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_id;
	s = rcu_dereference_protected(pool->active, true);
	ret = vmm_sched_attach_entity(s, e);
	if (ret) {
		vmm_entity_refused(s, group, index);
		goto err_entry;
	}
	list_add_tail(&e->group_node, &group->entities);
	group->nr_entities++;
	if (group->paused) {
		e->paused = VMM_PAUSED_VM;
		e->paused_at = vmm_pool_now(pool);
	}
	mutex_unlock(&pool->mutex);
	vmm_watchdog_wake(pool);
	return 0;
err_entry:
	xa_erase(&pool->entities, e->id);
err_id:
	xa_erase(&m->ids, e->id);
err_unlock:
	mutex_unlock(&pool->mutex);
err_wish:
	bitmap_free(e->wish);
	e->wish = NULL;
	return ret;
}
EXPORT_SYMBOL_GPL(vmm_entity_init);

/*
 * check_pick() looks entities up by their ids under a domain lock: whoever has
 * found this one before it was erased is done when each lock has been held once.
 * That is far cheaper than a grace period.
 */
static void drain_lookups(struct vmm_pool *pool)
{
	u32 i;

	for (i = 0; i < pool->nr_pcpus; i++) {
		local_irq_disable();
		vmm_pcpu_lock(&pool->pcpus[i]);
		vmm_pcpu_unlock(&pool->pcpus[i]);
		local_irq_enable();
	}
}

void vmm_entity_destroy(struct vmm_entity *e)
{
	struct vmm_pool *pool = vmm_lock_pool_of(e->group);
	struct vmm_sched *s;

	vmm_gate_off(e);
	vmm_gate_cancel(e);
	WARN_ON(vmm_state(e) != VMM_GATE_OUT);
	/* After it: a scheduler that breaks its contract just before was not told that it left. */
	vmm_swap_settle(pool);
	s = rcu_dereference_protected(pool->active, true);
	vmm_sched_detach_entity(s, e);
	list_del(&e->group_node);
	e->group->nr_entities--;
	xa_erase(&pool->entities, e->id);
	xa_erase(&pool->machine->ids, e->id);
	mutex_unlock(&pool->mutex);
	drain_lookups(pool);
	if (pool->host == &vmm_real_host)
		vmm_gate_unpin(e);
	if (e->task)
		put_task_struct(e->task);
	e->task = NULL;
	bitmap_free(e->wish);
	e->wish = NULL;
}
EXPORT_SYMBOL_GPL(vmm_entity_destroy);

/* --- accessors for schedulers ----------------------------------------------------------- */

void *vmm_sched_priv(const struct vmm_sched *s)
{
	return s->priv;
}
EXPORT_SYMBOL_GPL(vmm_sched_priv);

void *vmm_pcpu_priv(const struct vmm_sched *s, const struct vmm_pcpu *p)
{
	return p->priv[s->half];
}
EXPORT_SYMBOL_GPL(vmm_pcpu_priv);

void *vmm_entity_priv(const struct vmm_sched *s, const struct vmm_entity *e)
{
	return e->priv[s->slot];
}
EXPORT_SYMBOL_GPL(vmm_entity_priv);

void *vmm_group_priv(const struct vmm_sched *s, const struct vmm_entity *e)
{
	return e->group->view[s->slot]->priv;
}
EXPORT_SYMBOL_GPL(vmm_group_priv);

u64 vmm_sched_param(const struct vmm_sched *s, unsigned int idx)
{
	return idx < VMM_SCHED_MAX_PARAMS ? READ_ONCE(s->param[idx]) : 0;
}
EXPORT_SYMBOL_GPL(vmm_sched_param);

u64 vmm_entity_param(const struct vmm_sched *s, const struct vmm_entity *e,
		     unsigned int idx)
{
	return idx < VMM_SCHED_MAX_PARAMS ? READ_ONCE(e->group->view[s->slot]->param[idx]) : 0;
}
EXPORT_SYMBOL_GPL(vmm_entity_param);

u32 vmm_entity_id(const struct vmm_entity *e)
{
	return e->id;
}
EXPORT_SYMBOL_GPL(vmm_entity_id);

u32 vmm_entity_weight(const struct vmm_entity *e)
{
	return READ_ONCE(e->weight) ?: READ_ONCE(e->group->weight);
}
EXPORT_SYMBOL_GPL(vmm_entity_weight);

u32 vmm_entity_cap(const struct vmm_entity *e)
{
	return READ_ONCE(e->group->cap);
}
EXPORT_SYMBOL_GPL(vmm_entity_cap);

u32 vmm_entity_group(const struct vmm_entity *e)
{
	return e->group->id;
}
EXPORT_SYMBOL_GPL(vmm_entity_group);

unsigned int vmm_entity_siblings(const struct vmm_entity *e)
{
	return READ_ONCE(e->group->nr_entities);
}
EXPORT_SYMBOL_GPL(vmm_entity_siblings);

u64 vmm_entity_quantum(const struct vmm_entity *e)
{
	return READ_ONCE(e->quantum_ns) ?: READ_ONCE(e->group->quantum_ns);
}
EXPORT_SYMBOL_GPL(vmm_entity_quantum);

bool vmm_entity_time_critical(const struct vmm_entity *e)
{
	return READ_ONCE(e->group->time_critical) ||
	       (READ_ONCE(e->critical) && READ_ONCE(e->group->guest_critical));
}
EXPORT_SYMBOL_GPL(vmm_entity_time_critical);

/** vmm_entity_allowed_strict() - as vmm_entity_allowed(), without the last resort */
bool vmm_entity_allowed_strict(const struct vmm_entity *e, const struct vmm_pcpu *p)
{
	const unsigned long *affinity;
	bool ok;

	if (!READ_ONCE(p->online) || !test_bit(p->id, e->wish))
		return false;
	rcu_read_lock();
	affinity = rcu_dereference(e->group->affinity);
	ok = !affinity || test_bit(p->id, affinity);
	rcu_read_unlock();
	return ok;
}

bool vmm_entity_allowed(const struct vmm_entity *e, const struct vmm_pcpu *p)
{
	switch (READ_ONCE(e->anywhere)) {
	case 0:
		return vmm_entity_allowed_strict(e, p);
	case 1:
		return READ_ONCE(p->online) && test_bit(p->id, e->wish);
	default:
		return READ_ONCE(p->online);
	}
}
EXPORT_SYMBOL_GPL(vmm_entity_allowed);

const unsigned long *vmm_pcpu_near(const struct vmm_pcpu *p, enum vmm_near near)
{
	return p->near[near];
}
EXPORT_SYMBOL_GPL(vmm_pcpu_near);

u32 vmm_pcpu_id(const struct vmm_pcpu *p)
{
	return p->id;
}
EXPORT_SYMBOL_GPL(vmm_pcpu_id);

struct vmm_entity *vmm_pcpu_current(const struct vmm_pcpu *p)
{
	vmm_assert_locked(p);
	return p->curr;
}
EXPORT_SYMBOL_GPL(vmm_pcpu_current);

unsigned int vmm_pcpu_queued(const struct vmm_pcpu *p)
{
	return p->nr_queued;
}
EXPORT_SYMBOL_GPL(vmm_pcpu_queued);

/* --- figures ------------------------------------------------------------------------------ */

/**
 * vmm_entity_update_share() - fold the run time since the last window into the average
 * @e:   the entity
 * @now: ns
 *
 * Each full window halves the weight of what was before.
 */
void vmm_entity_update_share(struct vmm_entity *e, u64 now)
{
	u64 span = now - e->share_at;
	u64 ppm;

	if (span < VMM_SHARE_WINDOW_NS)
		return;
	ppm = div64_u64((e->stats.run_ns - e->share_run) * 1000, div64_u64(span, 1000) ?: 1);
	e->share_ppm = span >= 8 * VMM_SHARE_WINDOW_NS ? ppm : (e->share_ppm + ppm) / 2;
	e->share_at = now;
	e->share_run = e->stats.run_ns;
}

/** vmm_hist_bucket() - bucket of a latency: 4 for each power of two from 128 ns up */
unsigned int vmm_hist_bucket(u64 ns)
{
	unsigned int order, idx;

	if (ns < 128)
		return 0;
	order = fls64(ns) - 1;
	idx = (order - 7) * 4 + ((ns >> (order - 2)) & 3) + 1;
	return min_t(unsigned int, idx, VMM_HIST_BUCKETS - 1);
}
EXPORT_SYMBOL_GPL(vmm_hist_bucket);

/** vmm_hist_percentile() - upper bound in ns of the bucket that holds the @percent-th percentile */
u64 vmm_hist_percentile(const u32 *hist, unsigned int percent)
{
	u64 total = 0, want, sum = 0;
	unsigned int i, order;

	for (i = 0; i < VMM_HIST_BUCKETS; i++)
		total += READ_ONCE(hist[i]);
	if (!total)
		return 0;
	want = div_u64(total * percent + 99, 100);
	for (i = 0; i < VMM_HIST_BUCKETS - 1; i++) {
		sum += READ_ONCE(hist[i]);
		if (sum >= want)
			break;
	}
	if (!i)
		return 128;
	order = (i - 1) / 4 + 7;
	return (1ULL << order) + (((u64)(i - 1) % 4 + 1) << (order - 2));
}
EXPORT_SYMBOL_GPL(vmm_hist_percentile);
