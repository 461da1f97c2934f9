// SPDX-License-Identifier: GPL-2.0
/*
 * A pCPU changes hands between two real threads, in the kernel.
 *
 * Two kernel threads stand for the threads of two vCPUs of a VM on CPU 0 of the
 * real pool, under whatever scheduler is active there. Each becomes owner, is
 * told to go at once, as at the end of its slice, and comes back to the gate.
 * Timed is the way from there until the other one is past the gate: leaving the
 * guest's place, decision, offer, wake-up, the host's switch of threads, taking
 * the offer. Not in it: VM exit and entry and the registers of the guest, which
 * belong to vmm_core.
 *
 * Locking: @given and @from are written by the owner before it goes and read by
 * the next one; the gate hands them over in between.
 */
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/slab.h>
#include <asm/msr.h>
#include "../../../sched_iface/internal.h"
#include "bench.h"

#define TURNS	1000

/**
 * struct pair - the two threads
 * @group: their VM
 * @e:     their vCPUs
 * @made:  how many of them are initialised
 * @task:  the threads, with a reference
 * @s:     takes the values
 * @given: ticks when the owner went to the gate
 * @from:  which one that was
 * @ret:   what went wrong first
 * @done:  completed by each
 */
struct pair {
	struct vmm_group *group;
	struct vmm_entity e[2];
	int made;
	struct task_struct *task[2];
	struct series *s;
	u64 given;
	int from;
	int ret;
	struct completion done;
};

/* As when the timer finds the slice over, without the interrupt. */
static void tell_to_go(struct vmm_entity *e)
{
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);

	p->resched = true;
	WRITE_ONCE(p->kick, true);
	vmm_entity_unlock(p, flags);
}

static void turns(struct pair *pair, int me)
{
	struct vmm_entity *e = &pair->e[me];
	u64 t;
	int i, ret;

	for (i = 0; i < TURNS; i++) {
		ret = vmm_gate_enter(e);
		t = rdtsc_ordered();
		if (ret) {
			WRITE_ONCE(pair->ret, ret);
			return;
		}
		if (pair->from == !me)
			series_add(pair->s, t - pair->given);
		/* Wait, as owner, until the other one waits for the pCPU. */
		if (!READ_ONCE(e->home->nr_queued))
			usleep_range(100, 200);
		preempt_disable();
		vmm_gate_on(e);
		tell_to_go(e);
		pair->from = me;
		pair->given = rdtsc_ordered();
		vmm_gate_off(e);
		preempt_enable();
	}
	vmm_gate_exit(e, VMM_EXIT_LEAVE);
}

static int thread_of(struct pair *pair, int me)
{
	turns(pair, me);
	complete(&pair->done);
	return 0;
}

static int thread_0(void *pair)
{
	return thread_of(pair, 0);
}

static int thread_1(void *pair)
{
	return thread_of(pair, 1);
}

static int run_pair(struct pair *pair)
{
	static int (* const function[])(void *) = { thread_0, thread_1 };
	struct task_struct *t;
	int i, n;

	for (n = 0; n < 2; n++) {
		t = kthread_create(function[n], pair, "vmm_bench/%d", n);
		if (IS_ERR(t)) {
			pair->ret = PTR_ERR(t);
			break;
		}
		pair->task[n] = get_task_struct(t);
	}
	for (i = 0; n == 2 && i < n; i++)
		wake_up_process(pair->task[i]);
	for (i = 0; n == 2 && i < n; i++)
		wait_for_completion(&pair->done);
	/* Also the last instructions of a thread are this module's. */
	for (i = 0; i < n; i++) {
		kthread_stop(pair->task[i]);
		put_task_struct(pair->task[i]);
	}
	return pair->ret;
}

static int on_cpu0(struct vmm_group *g)
{
	unsigned long *bits = bitmap_zalloc(g->pool->nr_pcpus, GFP_KERNEL);
	int ret;

	if (!bits)
		return -ENOMEM;
	set_bit(0, bits);
	mutex_lock(&g->pool->mutex);
	ret = vmm_group_set_affinity(g, bits);
	mutex_unlock(&g->pool->mutex);
	bitmap_free(bits);
	return ret;
}

/**
 * threads_switch() - what it costs that a pCPU gets another owner
 * @s: takes the values; a turn after which the same one went on gives none
 *
 * Context: process; nobody else uses CPU 0 of the real pool.
 * Return: 0 or a negative errno.
 */
int threads_switch(struct series *s)
{
	struct pair *pair = kzalloc(sizeof(*pair), GFP_KERNEL);
	int ret;

	if (!pair)
		return -ENOMEM;
	pair->s = s;
	pair->from = -1;
	init_completion(&pair->done);
	pair->group = vmm_group_create("vmm-bench");
	ret = PTR_ERR_OR_ZERO(pair->group);
	if (ret)
		goto out;
	ret = on_cpu0(pair->group);
	for (; !ret && pair->made < 2; pair->made++) {
		ret = vmm_entity_init(&pair->e[pair->made], pair->group, pair->made);
		if (ret)
			break;
	}
	if (!ret)
		ret = run_pair(pair);
	while (pair->made--)
		vmm_entity_destroy(&pair->e[pair->made]);
	vmm_group_put(pair->group);
out:
	kfree(pair);
	return ret;
}
