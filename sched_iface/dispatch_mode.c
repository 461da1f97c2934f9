// SPDX-License-Identifier: GPL-2.0
/*
 * Which of the three ways leads to the active scheduler (see call.h), and the
 * change of it while guests run.
 *
 * Patching the call sites takes the kernel's locks for its text, which come
 * after the lock of CPU hotplug, and that comes before a pool's mutex: so the
 * call sites are changed outside of the pool's mutex, under mode_mutex. A swap
 * only forgets, under the mutex, whose addresses are in the code
 * (vmm_dispatch_forget()): from then on its instance is reached by ops. Its
 * grace period over, nobody is in between the look at vmm_patched and the call,
 * and vmm_dispatch_follow() writes the new addresses and says so.
 *
 * There is one set of call sites: it is pool 0's. The schedulers of other pools
 * are reached by ops in that mode, which vmm_is_patched() sees for each call.
 *
 * Locking: mode_mutex -> registry_mutex -> pool->mutex.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/moduleparam.h>
#include "call.h"
#include "trace.h"

DEFINE_STATIC_KEY_FALSE(vmm_mode_id);
DEFINE_STATIC_KEY_FALSE(vmm_mode_patch);

static DEFINE_MUTEX(mode_mutex);
static enum vmm_dispatch_mode mode;	/* mode_mutex, read without */
static struct vmm_pool *patch_pool;	/* mode_mutex: whose scheduler belongs into the code */

struct vmm_sched *vmm_patched;		/* written under the pool's mutex */

static char *dispatch = "ops";
module_param(dispatch, charp, 0444);
MODULE_PARM_DESC(dispatch, "how schedulers are reached at first: ops, id or patch (vmmctl sched dispatch changes it)");

/* --- what stands in the call sites while nobody is patched in; never called ------------ */

void vmm_no_enqueue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		    enum vmm_enqueue_why why, u64 now)
{
	s->ops->enqueue(s, p, e, why, now);
}

void vmm_no_dequeue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	s->ops->dequeue(s, p, e, now);
}

u32 vmm_no_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now, u64 *slice_ns)
{
	return s->ops->pick(s, p, now, slice_ns);
}

void vmm_no_charge(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 ran_ns,
		   u64 now)
{
	s->ops->charge(s, p, e, ran_ns, now);
}

void vmm_no_put(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		enum vmm_put_why why, u64 now)
{
	s->ops->put(s, p, e, why, now);
}

/* Of a scheduler that has no wakeup(): the slice stays as it is. */
u64 vmm_no_wakeup(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *curr,
		  struct vmm_entity *woken, u64 now)
{
	return VMM_SLICE_INFINITE;
}

/* Of one that has no take(): it is asked the long way. */
u64 vmm_no_take(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		enum vmm_enqueue_why why, u64 now)
{
	return 0;
}

DEFINE_STATIC_CALL(vmm_enqueue, vmm_no_enqueue);
DEFINE_STATIC_CALL(vmm_dequeue, vmm_no_dequeue);
DEFINE_STATIC_CALL(vmm_pick, vmm_no_pick);
DEFINE_STATIC_CALL(vmm_charge, vmm_no_charge);
DEFINE_STATIC_CALL(vmm_put, vmm_no_put);
DEFINE_STATIC_CALL(vmm_wakeup, vmm_no_wakeup);
DEFINE_STATIC_CALL(vmm_take, vmm_no_take);

static void write_calls(const struct vmm_sched_ops *ops)
{
	static_call_update(vmm_enqueue, ops ? ops->enqueue : vmm_no_enqueue);
	static_call_update(vmm_dequeue, ops ? ops->dequeue : vmm_no_dequeue);
	static_call_update(vmm_pick, ops ? ops->pick : vmm_no_pick);
	static_call_update(vmm_charge, ops ? ops->charge : vmm_no_charge);
	static_call_update(vmm_put, ops ? ops->put : vmm_no_put);
	static_call_update(vmm_wakeup, ops && ops->wakeup ? ops->wakeup : vmm_no_wakeup);
	static_call_update(vmm_take, ops && ops->take ? ops->take : vmm_no_take);
}

/**
 * vmm_dispatch_forget() - an instance is about to be replaced: do not call it by its address
 * @s: the instance
 *
 * Context: process, the pool's mutex held. A grace period must pass before the
 * call sites may change.
 */
void vmm_dispatch_forget(const struct vmm_sched *s)
{
	lockdep_assert_held(&s->pool->mutex);
	if (vmm_patched == s)
		WRITE_ONCE(vmm_patched, NULL);
}

/* The active instance of the pool, with a reference on its module, or NULL: it is going. */
static struct vmm_sched *hold_active(struct vmm_pool *pool)
{
	struct vmm_sched *s;

	mutex_lock(&pool->mutex);
	s = rcu_dereference_protected(pool->active, lockdep_is_held(&pool->mutex));
	if (s->broken || !try_module_get(s->ops->owner))
		s = NULL;
	mutex_unlock(&pool->mutex);
	return s;
}

/* False: another one has become active meanwhile. */
static bool say_patched(struct vmm_pool *pool, struct vmm_sched *s, const struct vmm_sched_ops *ops)
{
	bool same;

	mutex_lock(&pool->mutex);
	same = rcu_access_pointer(pool->active) == s && s->ops == ops;
	if (same)
		smp_store_release(&vmm_patched, s);	/* after the code */
	mutex_unlock(&pool->mutex);
	return same;
}

static void follow_locked(void)
{
	const struct vmm_sched_ops *ops;
	struct vmm_sched *s;
	bool done;

	lockdep_assert_held(&mode_mutex);
	if (mode != VMM_DISPATCH_PATCH || !patch_pool)
		return;
	do {
		s = hold_active(patch_pool);
		if (!s)		/* whoever comes next calls here again */
			return;
		ops = s->ops;
		if (READ_ONCE(vmm_patched) == s) {
			done = true;
		} else {
			/* Not while one that is in the code may still be on its way there. */
			synchronize_rcu();
			write_calls(ops);
			done = say_patched(patch_pool, s, ops);
		}
		module_put(ops->owner);
	} while (!done);
}

/**
 * vmm_dispatch_follow() - have the active scheduler's addresses in the call sites
 * @pool: where a swap has just ended
 *
 * Nothing to do unless that is the mode and the pool the one that is served so.
 * Context: process, may sleep; no lock of ours held.
 */
void vmm_dispatch_follow(struct vmm_pool *pool)
{
	if (READ_ONCE(mode) != VMM_DISPATCH_PATCH || READ_ONCE(patch_pool) != pool)
		return;
	mutex_lock(&mode_mutex);
	follow_locked();
	mutex_unlock(&mode_mutex);
}
EXPORT_SYMBOL_GPL(vmm_dispatch_follow);

static void unpatch_locked(void)
{
	struct vmm_pool *pool = patch_pool;

	lockdep_assert_held(&mode_mutex);
	if (!pool)
		return;
	mutex_lock(&pool->mutex);
	WRITE_ONCE(vmm_patched, NULL);
	mutex_unlock(&pool->mutex);
	synchronize_rcu();
	write_calls(NULL);
}

/**
 * vmm_dispatch_serve() - choose the pool whose scheduler belongs into the call sites
 * @pool: a pool of a test; NULL: pool 0 again
 *
 * Context: process, may sleep; no lock of ours held.
 */
void vmm_dispatch_serve(struct vmm_pool *pool)
{
	mutex_lock(&mode_mutex);
	if (mode == VMM_DISPATCH_PATCH)
		unpatch_locked();
	WRITE_ONCE(patch_pool, pool ?: vmm_pool0);
	follow_locked();
	mutex_unlock(&mode_mutex);
}
EXPORT_SYMBOL_GPL(vmm_dispatch_serve);

/**
 * vmm_dispatch_set() - choose how schedulers are reached, while guests run
 * @new: the mode
 *
 * Context: process, may sleep; no lock of ours held.
 * Return: 0 or -EINVAL.
 */
int vmm_dispatch_set(enum vmm_dispatch_mode new)
{
	if (new > VMM_DISPATCH_PATCH)
		return -EINVAL;
	mutex_lock(&mode_mutex);
	if (new != mode) {
		if (mode == VMM_DISPATCH_PATCH)
			unpatch_locked();
		WRITE_ONCE(mode, new);
		if (new == VMM_DISPATCH_ID)
			static_branch_enable(&vmm_mode_id);
		else
			static_branch_disable(&vmm_mode_id);
		if (new == VMM_DISPATCH_PATCH)
			static_branch_enable(&vmm_mode_patch);
		else
			static_branch_disable(&vmm_mode_patch);
		follow_locked();
		trace_vmm_sched_dispatch(new);
	}
	mutex_unlock(&mode_mutex);
	return 0;
}
EXPORT_SYMBOL_GPL(vmm_dispatch_set);

/** vmm_dispatch_get() - the mode in force. Any context. */
enum vmm_dispatch_mode vmm_dispatch_get(void)
{
	return READ_ONCE(mode);
}
EXPORT_SYMBOL_GPL(vmm_dispatch_get);

/** vmm_dispatch_init() - the mode that the module was loaded with; pool 0 is there */
int vmm_dispatch_init(void)
{
	static const char * const names[] = { "ops", "id", "patch" };
	int i = match_string(names, ARRAY_SIZE(names), dispatch);

	if (i < 0) {
		pr_err("dispatch=%s: there are only ops, id and patch\n", dispatch);
		return -EINVAL;
	}
	patch_pool = vmm_pool0;
	return vmm_dispatch_set(i);
}

/** vmm_dispatch_exit() - before pool 0 goes */
void vmm_dispatch_exit(void)
{
	vmm_dispatch_set(VMM_DISPATCH_OPS);
	patch_pool = NULL;
}
