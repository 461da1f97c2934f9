// SPDX-License-Identifier: GPL-2.0
/*
 * The real machine under the pools: clock, timers, IPIs, threads' affinity, CPU hotplug.
 *
 * Affinity: a thread that is offered a pCPU narrows its own mask to that CPU;
 * nobody else does it for it. A mask that is not what the gate set is the
 * newest wish of user space (sched_setaffinity, cpuset) and is read again at
 * each pass. It comes back when the vCPU is released or another thread takes
 * the vCPU over. Limit: a cpuset or taskset that is narrowed to exactly the one
 * CPU that the gate has set cannot be told from the gate's own doing.
 *
 * Locking: see dispatch.c; the affinity fields of an entity are written by its
 * thread only, wish under the domain lock because dispatch reads it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/bitmap.h>
#include <linux/cpuhotplug.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/topology.h>
#include <linux/workqueue.h>
#include <trace/events/ipi.h>
#include "internal.h"

static enum cpuhp_state hp_state;

static u64 host_now(const struct vmm_pool *pool)
{
	return ktime_get_mono_fast_ns();
}

static void host_wake(struct vmm_entity *e, struct task_struct *task)
{
	/* A thread that decided about itself is awake and looks at its state next. */
	if (task && !(in_task() && task == current))
		wake_up_process(task);
}

static void host_kick(struct vmm_pcpu *p)
{
	/* On its own CPU this interrupt ended the guest's run already. */
	if (p->id != raw_smp_processor_id())
		smp_send_reschedule(p->id);
}

static void host_arm(struct vmm_pcpu *p, u64 when)
{
	if (when)
		hrtimer_start(&p->timer, ns_to_ktime(when), HRTIMER_MODE_ABS_PINNED_HARD);
	else
		hrtimer_try_to_cancel(&p->timer);
}

static void host_arm_pool(struct vmm_sched *s, u64 when)
{
	if (when)
		hrtimer_start(&s->pool_timer, ns_to_ktime(when), HRTIMER_MODE_ABS_HARD);
	else
		hrtimer_try_to_cancel(&s->pool_timer);
}

static void broken_work(struct work_struct *work)
{
	vmm_machine_broken(vmm_pool0->machine);
}

static DECLARE_WORK(host_broken_work, broken_work);

/* Called under a domain lock: the work is queued from a hard irq_work. */
static void broken_irq(struct irq_work *work)
{
	vmm_watchdog_queue(&host_broken_work);
}

static struct irq_work host_broken_irq = IRQ_WORK_INIT_HARD(broken_irq);

static void host_broken(struct vmm_pool *pool)
{
	irq_work_queue(&host_broken_irq);
}

static void host_relax(struct vmm_pool *pool)
{
	usleep_range(20, 40);
}

static enum hrtimer_restart pcpu_timer(struct hrtimer *timer)
{
	vmm_pcpu_expired(container_of(timer, struct vmm_pcpu, timer));
	return HRTIMER_NORESTART;
}

static void pcpu_work(struct irq_work *work)
{
	vmm_gate_off_work(container_of(work, struct vmm_pcpu, work));
}

static void host_begin_pool(struct vmm_pool *pool)
{
	u32 i;

	for (i = 0; i < pool->nr_pcpus; i++) {
		struct vmm_pcpu *p = &pool->pcpus[i];

		hrtimer_init(&p->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS_PINNED_HARD);
		p->timer.function = pcpu_timer;
		p->work = IRQ_WORK_INIT_HARD(pcpu_work);
	}
}

static void host_end_pool(struct vmm_pool *pool)
{
	u32 i;

	vmm_watchdog_stop(pool);
	for (i = 0; i < pool->nr_pcpus; i++) {
		irq_work_sync(&pool->pcpus[i].work);
		hrtimer_cancel(&pool->pcpus[i].timer);
	}
}

const struct vmm_host_ops vmm_real_host = {
	.now	= host_now,
	.wake	= host_wake,
	.kick	= host_kick,
	.arm	= host_arm,
	.arm_pool = host_arm_pool,
	.relax	= host_relax,
	.broken	= host_broken,
	.begin_pool = host_begin_pool,
	.end_pool = host_end_pool,
};

/* --- affinity ------------------------------------------------------------------ */

static bool mask_is_ours(const struct vmm_entity *e)
{
	return e->pinned == current && e->pinned_cpu >= 0 && current->nr_cpus_allowed == 1 &&
	       cpumask_test_cpu(e->pinned_cpu, current->cpus_ptr);
}

/**
 * vmm_gate_read_wish() - learn where user space lets the calling thread run
 * @e: its entity
 */
void vmm_gate_read_wish(struct vmm_entity *e)
{
	unsigned long flags;
	struct vmm_pcpu *p;

	if (mask_is_ours(e))
		return;
	/*
	 * A CPU that goes offline makes the kernel widen the mask of the threads
	 * that were pinned there: that is nobody's wish.
	 */
	if (e->pinned == current && e->pinned_cpu >= 0 && !cpu_active(e->pinned_cpu)) {
		e->pinned_cpu = -1;
		return;
	}
	p = vmm_entity_lock(e, &flags);
	bitmap_copy(e->wish, cpumask_bits(current->cpus_ptr), e->pool->nr_pcpus);
	vmm_entity_unlock(p, flags);
	/* The mask is user space's: there is nothing of ours to take back. */
	e->pinned_cpu = -1;
	if (e->pinned == current) {
		e->pinned = NULL;
		put_task_struct(current);
	}
}

/**
 * vmm_gate_move_here() - bring the calling thread to the home pCPU of its entity
 * @e: the entity, OFFERED or OFF: its home does not change
 *
 * Context: process.
 * Return: 0, or -EINVAL: the CPU is going away.
 */
int vmm_gate_move_here(struct vmm_entity *e)
{
	int cpu = READ_ONCE(e->home)->id;
	int ret;

	if (e->pinned_cpu == cpu && mask_is_ours(e))
		return 0;
	ret = set_cpus_allowed_ptr(current, cpumask_of(cpu));
	if (ret)
		return ret;
	if (e->pinned != current) {
		vmm_gate_unpin(e);
		e->pinned = get_task_struct(current);
	}
	e->pinned_cpu = cpu;
	return 0;
}

/**
 * vmm_gate_unpin() - give a thread the affinity back that user space wants
 * @e: the entity; no thread is at its gate
 */
void vmm_gate_unpin(struct vmm_entity *e)
{
	struct task_struct *t = e->pinned;
	cpumask_var_t mask;

	if (!t)
		return;
	/* Only if it still has what the gate set: else user space has spoken since. */
	if (e->pinned_cpu >= 0 && t->nr_cpus_allowed == 1 &&
	    cpumask_test_cpu(e->pinned_cpu, t->cpus_ptr) &&
	    zalloc_cpumask_var(&mask, GFP_KERNEL)) {
		bitmap_copy(cpumask_bits(mask), e->wish, e->pool->nr_pcpus);
		if (set_cpus_allowed_ptr(t, mask))
			pr_debug("the affinity of thread %d could not be restored\n", t->pid);
		free_cpumask_var(mask);
	}
	e->pinned = NULL;
	e->pinned_cpu = -1;
	put_task_struct(t);
}

/* --- CPUs come and go ------------------------------------------------------------- */

static int host_cpu_online(unsigned int cpu)
{
	vmm_machine_set_online(vmm_pool0->machine, cpu, true);
	return 0;
}

static int host_cpu_offline(unsigned int cpu)
{
	vmm_machine_set_online(vmm_pool0->machine, cpu, false);
	return 0;
}

/*
 * Numbers the last-level caches; CPUs that never came up count as the first
 * one's. The kernel's own map of them is not exported: the package stands for
 * the cache, as is so on the Intel server parts since 2010.
 */
static u32 *host_llc_map(void)
{
	u32 *llc = kcalloc(nr_cpu_ids, sizeof(*llc), GFP_KERNEL);
	unsigned int cpu, other;
	u32 next = 0;

	if (!llc)
		return NULL;
	for_each_online_cpu(cpu) {
		llc[cpu] = U32_MAX;
		for_each_online_cpu(other) {
			if (other == cpu)
				break;
			if (cpumask_test_cpu(other, topology_core_cpumask(cpu))) {
				llc[cpu] = llc[other];
				break;
			}
		}
		if (llc[cpu] == U32_MAX)
			llc[cpu] = next++;
	}
	return llc;
}

/** vmm_host_init() - pool 0 over all CPUs of this machine */
int vmm_host_init(void)
{
	struct vmm_pool *pool;
	u32 *llc = host_llc_map();
	unsigned int i;
	int ret;

	if (!llc)
		return -ENOMEM;
	pool = vmm_pool_create(nr_cpu_ids, llc, &vmm_real_host);
	if (IS_ERR(pool)) {
		kfree(llc);
		return PTR_ERR(pool);
	}
	for (i = 0; i < nr_cpu_ids; i++)
		llc[i] = cpu_possible(i) ? max(cpu_to_node(i), 0) : 0;
	ret = vmm_pool_set_nodes(pool, llc);
	kfree(llc);
	if (ret) {
		vmm_pool_destroy(pool);
		return ret;
	}
	vmm_pool0 = pool;
	ret = cpuhp_setup_state(CPUHP_AP_ONLINE_DYN, "vmm/sched:online",
				host_cpu_online, host_cpu_offline);
	if (ret < 0) {
		vmm_pool0 = NULL;
		vmm_pool_destroy(pool);
		return ret;
	}
	hp_state = ret;
	return 0;
}

/** vmm_host_exit() - undo vmm_host_init(); no VM exists any more */
void vmm_host_exit(void)
{
	struct vmm_pool *pool = vmm_pool0;

	cpuhp_remove_state(hp_state);
	irq_work_sync(&host_broken_irq);
	cancel_work_sync(&host_broken_work);
	vmm_pool0 = NULL;
	vmm_pool_destroy(pool);
}
