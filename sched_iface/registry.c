// SPDX-License-Identifier: GPL-2.0
/*
 * The registry of schedulers: who is loaded, and the checks at the door.
 *
 * Locking: vmm_registry_mutex protects the list and orders registration
 * against requests by name. It is taken before a pool's mutex. A request holds
 * a module reference from vmm_sched_get() to vmm_sched_put() and no longer, so
 * that the module of an active scheduler can be removed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include "call.h"

LIST_HEAD(vmm_sched_list);
DEFINE_MUTEX(vmm_registry_mutex);

const struct vmm_sched_ops *vmm_sched_by_id[VMM_SCHED_IDS];

#define MANDATORY(op) { offsetof(struct vmm_sched_ops, op), #op }

static const struct {
	size_t offset;
	const char *name;
} mandatory_ops[] = {
	MANDATORY(enqueue), MANDATORY(dequeue), MANDATORY(pick),
	MANDATORY(charge), MANDATORY(put), MANDATORY(adopt),
};

static bool valid_name(const char *name, size_t max)
{
	size_t i;

	if (!name || !*name)
		return false;
	for (i = 0; name[i]; i++)
		if (i + 1 >= max || !(islower(name[i]) || isdigit(name[i]) || name[i] == '_'))
			return false;
	return true;
}

static int check_params(const struct vmm_sched_ops *ops)
{
	unsigned int count[2] = { }, i, j;

	for (i = 0; i < ops->nr_params; i++) {
		const struct vmm_sched_param *p = &ops->params[i];

		if (!valid_name(p->name, VMM_SCHED_NAME_LEN) || !p->help ||
		    p->scope > VMM_SCOPE_GROUP || p->min > p->max ||
		    p->def < p->min || p->def > p->max ||
		    ++count[p->scope] > VMM_SCHED_MAX_PARAMS)
			return -EINVAL;
		for (j = 0; j < i; j++)
			if (ops->params[j].scope == p->scope &&
			    !strcmp(ops->params[j].name, p->name))
				return -EINVAL;
	}
	return 0;
}

static int check_ops(const struct vmm_sched_ops *ops)
{
	const char *name = ops->name;
	size_t i;

	if (ops->version != VMM_SCHED_IFACE_VERSION || ops->size != sizeof(*ops)) {
		pr_err("scheduler is built for interface version %u (table of %u bytes), this is version %u (%zu bytes): rebuild it\n",
		       ops->version, ops->size, VMM_SCHED_IFACE_VERSION, sizeof(*ops));
		return -ENOEXEC;
	}
	if (!valid_name(name, VMM_SCHED_NAME_LEN)) {
		pr_err("scheduler without a valid name refused: 1 to %d of [a-z0-9_]\n",
		       VMM_SCHED_NAME_LEN - 1);
		return -EINVAL;
	}
	for (i = 0; i < ARRAY_SIZE(mandatory_ops); i++) {
		if (!*(void * const *)((const char *)ops + mandatory_ops[i].offset)) {
			pr_err("scheduler %s refused: it lacks the op %s()\n", name,
			       mandatory_ops[i].name);
			return -EINVAL;
		}
	}
	if (ops->domain >= VMM_DOMAIN_COUNT || ops->sched_size > SZ_64K ||
	    ops->pcpu_size > SZ_64K || ops->entity_size > SZ_4K ||
	    ops->group_size > SZ_4K) {
		pr_err("scheduler %s refused: its dispatch domain or a size is out of range\n", name);
		return -EINVAL;
	}
	if (ops->patience_ns > VMM_PATIENCE_MAX_NS || ops->hold_max_ns > VMM_HOLD_MAX_NS ||
	    !ops->held != !ops->hold_max_ns) {
		pr_err("scheduler %s refused: patience_ns is at most 30 s, hold_max_ns one hour, and held() and hold_max_ns belong together\n",
		       name);
		return -EINVAL;
	}
	if (ops->pool_deadline && ops->domain != VMM_DOMAIN_POOL) {
		pr_err("scheduler %s refused: pool_deadline() needs the pool as dispatch domain\n", name);
		return -EINVAL;
	}
	if ((ops->nr_params && !ops->params) || check_params(ops)) {
		pr_err("scheduler %s refused: its parameter table is inconsistent\n", name);
		return -EINVAL;
	}
	return 0;
}

static struct vmm_sched_reg *find(const char *name)
{
	struct vmm_sched_reg *r;

	lockdep_assert_held(&vmm_registry_mutex);
	list_for_each_entry(r, &vmm_sched_list, node)
		if (!strcmp(r->ops->name, name))
			return r;
	return NULL;
}

/**
 * vmm_sched_id() - the number of a loaded scheduler
 * @ops: its table; stays loaded for the length of the call
 *
 * Return: 0 .. VMM_SCHED_IDS - 1, or VMM_SCHED_IDS: it is not registered.
 */
u32 vmm_sched_id(const struct vmm_sched_ops *ops)
{
	u32 i;

	for (i = 0; i < VMM_SCHED_IDS; i++)
		if (READ_ONCE(vmm_sched_by_id[i]) == ops)
			break;
	return i;
}

int vmm_sched_register(const struct vmm_sched_ops *ops)
{
	struct vmm_sched_reg *r;
	int ret;

	if (vmm_inside_op("registered a scheduler from inside an op"))
		return -EDEADLK;
	ret = check_ops(ops);
	if (ret)
		return ret;
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return -ENOMEM;
	r->ops = ops;
	mutex_lock(&vmm_registry_mutex);
	if (find(ops->name)) {
		mutex_unlock(&vmm_registry_mutex);
		pr_err("scheduler %s refused: the name is taken\n", ops->name);
		kfree(r);
		return -EEXIST;
	}
	r->id = vmm_sched_id(NULL);	/* the first free one */
	if (r->id == VMM_SCHED_IDS) {
		mutex_unlock(&vmm_registry_mutex);
		pr_err("scheduler %s refused: %d are loaded already\n", ops->name, VMM_SCHED_IDS);
		kfree(r);
		return -ENOSPC;
	}
	WRITE_ONCE(vmm_sched_by_id[r->id], ops);
	list_add_tail(&r->node, &vmm_sched_list);
	mutex_unlock(&vmm_registry_mutex);
	if (ops != &vmm_default_ops)
		vmm_event_sched(ops->name, true);
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_sched_register);

void vmm_sched_unregister(const struct vmm_sched_ops *ops)
{
	struct vmm_sched_reg *r;

	if (vmm_inside_op("unregistered a scheduler from inside an op"))
		return;
	mutex_lock(&vmm_registry_mutex);
	r = find(ops->name);
	if (WARN_ON(!r || r->ops != ops)) {
		mutex_unlock(&vmm_registry_mutex);
		return;
	}
	/* From here no request finds it; one under way holds a reference, so there is none. */
	r->going = true;
	mutex_unlock(&vmm_registry_mutex);

	if (vmm_pool0)
		vmm_machine_unregister(vmm_pool0->machine, ops);

	mutex_lock(&vmm_registry_mutex);
	WRITE_ONCE(vmm_sched_by_id[r->id], NULL);
	list_del(&r->node);
	mutex_unlock(&vmm_registry_mutex);
	kfree(r);
	if (ops != &vmm_default_ops)
		vmm_event_sched(ops->name, false);
}
EXPORT_SYMBOL_GPL(vmm_sched_unregister);

/**
 * vmm_sched_get() - a registered scheduler by name
 * @name: its name
 *
 * Context: process, may sleep.
 * Return: its table, with a module reference, or NULL: not there, or going.
 */
const struct vmm_sched_ops *vmm_sched_get(const char *name)
{
	const struct vmm_sched_ops *ops = NULL;
	struct vmm_sched_reg *r;

	mutex_lock(&vmm_registry_mutex);
	r = find(name);
	if (r && !r->going && try_module_get(r->ops->owner))
		ops = r->ops;
	mutex_unlock(&vmm_registry_mutex);
	return ops;
}
EXPORT_SYMBOL_GPL(vmm_sched_get);

/** vmm_sched_put() - undo vmm_sched_get() */
void vmm_sched_put(const struct vmm_sched_ops *ops)
{
	module_put(ops->owner);
}
EXPORT_SYMBOL_GPL(vmm_sched_put);

/**
 * vmm_find_param() - a declared parameter by name
 * @ops:   the scheduler
 * @scope: whose parameter
 * @name:  as declared
 * @idx:   its index in its scope
 */
const struct vmm_sched_param *vmm_find_param(const struct vmm_sched_ops *ops,
					     enum vmm_param_scope scope,
					     const char *name, unsigned int *idx)
{
	unsigned int i, n = 0;

	for (i = 0; i < ops->nr_params; i++) {
		if (ops->params[i].scope != scope)
			continue;
		if (!strcmp(ops->params[i].name, name)) {
			*idx = n;
			return &ops->params[i];
		}
		n++;
	}
	return NULL;
}
