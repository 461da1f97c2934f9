// SPDX-License-Identifier: GPL-2.0
/*
 * What the operator has set on a scheduler stays set while it is loaded: it
 * comes back with its parameters, by request, or because the one after it went.
 *
 * Locking: the pool's mutex.
 */
#include "internal.h"

/** vmm_params_keep() - remember the parameters of an instance that ends. Pool mutex held. */
void vmm_params_keep(const struct vmm_sched *s)
{
	struct vmm_kept *k;

	lockdep_assert_held(&s->pool->mutex);
	if (s->id >= VMM_SCHED_IDS)
		return;
	k = &s->pool->kept[s->id];
	memcpy(k->param, s->param, sizeof(k->param));
	k->valid = true;
}

/** vmm_params_restore() - give a new instance what the last one of its scheduler had here */
void vmm_params_restore(struct vmm_sched *s)
{
	if (s->id < VMM_SCHED_IDS && s->pool->kept[s->id].valid)
		memcpy(s->param, s->pool->kept[s->id].param, sizeof(s->param));
}

/** vmm_params_forget() - a scheduler's module goes, and its number with it. Pool mutex held. */
void vmm_params_forget(struct vmm_pool *pool, const struct vmm_sched_ops *ops)
{
	u32 id = vmm_sched_id(ops);

	lockdep_assert_held(&pool->mutex);
	if (id < VMM_SCHED_IDS)
		pool->kept[id].valid = false;
}

/** vmm_params_of() - values in force, or that will be when it is active again; NULL: defaults */
const u64 *vmm_params_of(const struct vmm_pool *pool, const struct vmm_sched_ops *ops)
{
	const struct vmm_sched *s = rcu_dereference_protected(pool->active,
							      lockdep_is_held(&pool->mutex));
	u32 id = vmm_sched_id(ops);

	if (s->ops == ops)
		return s->param;
	return id < VMM_SCHED_IDS && pool->kept[id].valid ? pool->kept[id].param : NULL;
}
EXPORT_SYMBOL_GPL(vmm_params_of);
