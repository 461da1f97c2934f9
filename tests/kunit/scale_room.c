// SPDX-License-Identifier: GPL-2.0
/*
 * The large virtual room: see scale_room.h. Threads whom the gate wakes or kicks
 * are on a list, timers in a tree, and the clock goes from one to the next.
 */
#include <linux/kdebug.h>
#include <linux/slab.h>
#include "scale_room.h"
#include "virtual.h"

/* --- counting ------------------------------------------------------------------------ */

/* This CPU steps, interrupts off; not while @aside: what the room does is no cost of a decision. */
static bool stepping, aside;
static u64 steps;

static int on_step(struct notifier_block *nb, unsigned long what, void *data)
{
	if (what != DIE_DEBUG || !stepping)
		return NOTIFY_DONE;
	steps += !aside;
	return NOTIFY_STOP;
}

static struct notifier_block step_nb = { .notifier_call = on_step, .priority = INT_MAX };

static void step_begin(void)
{
	steps = 0;
	stepping = true;
	asm volatile("pushf; orq %0, (%%rsp); popf" : : "i" (X86_EFLAGS_TF) : "memory", "cc");
}

static u64 step_end(void)
{
	asm volatile("pushf; andq %0, (%%rsp); popf" : : "i" (~X86_EFLAGS_TF) : "memory", "cc");
	stepping = false;
	return steps;
}

/* --- the machine under the pool ------------------------------------------------------------- */

static struct scale_room *room_of(const struct vmm_pool *pool)
{
	return container_of(pool->host, struct scale_room, host);
}

static void look_at(struct scale_room *room, struct scale_vcpu *v)
{
	if (list_empty(&v->ready))
		list_add_tail(&v->ready, &room->ready);
}

static u64 scale_now(const struct vmm_pool *pool)
{
	return room_of(pool)->now;
}

static void scale_wake(struct vmm_entity *e, struct task_struct *task)
{
	look_at(room_of(e->pool), container_of(e, struct scale_vcpu, e));
}

static void scale_kick(struct vmm_pcpu *p)
{
	look_at(room_of(p->pool), container_of(p->curr, struct scale_vcpu, e));
}

static void scale_arm(struct vmm_pcpu *p, u64 when)
{
	struct scale_room *room = room_of(p->pool);
	struct scale_pcpu *sp = &room->pcpu[p->id];

	aside = true;
	if (sp->armed)
		timerqueue_del(&room->pcpu_timers, &sp->timer);
	sp->armed = when;
	sp->timer.expires = when;
	if (when)
		timerqueue_add(&room->pcpu_timers, &sp->timer);
	aside = false;
}

static void scale_arm_pool(struct vmm_sched *s, u64 when)
{
}

static void scale_relax(struct vmm_pool *pool)
{
}

static void scale_broken(struct vmm_pool *pool)
{
	room_of(pool)->broken = true;
}

static void set_online(struct scale_room *room, u32 i, bool online)
{
	struct vmm_pcpu *p = &room->pool->pcpus[i];

	mutex_lock(&room->pool->mutex);
	if (online) {
		local_irq_disable();
		vmm_pcpu_lock(p);
		p->online = true;
		set_bit(i, room->pool->idle);
		room->pool->nr_online++;
		vmm_pcpu_unlock(p);
		local_irq_enable();
	} else {
		room->pool->nr_online--;
		p->online = false;
	}
	mutex_unlock(&room->pool->mutex);
}

static int add_vcpus(struct scale_room *room, u32 nr)
{
	int ret;

	for (; room->nr_vcpus < nr; room->nr_vcpus++, cond_resched()) {
		struct scale_vcpu *v = &room->vcpu[room->nr_vcpus];
		u32 in_vm = room->nr_vcpus % SCALE_VM_VCPUS;

		if (!in_vm) {
			struct vmm_group *g;
			char name[VMM_NAME_LEN];

			snprintf(name, sizeof(name), "scale-%u", room->nr_groups);
			g = vmm_group_create_in(room->pool, name);
			if (IS_ERR(g))
				return PTR_ERR(g);
			room->group[room->nr_groups++] = g;
		}
		INIT_LIST_HEAD(&v->ready);
		timerqueue_init(&v->timer);
		ret = vmm_entity_init(&v->e, room->group[room->nr_groups - 1], in_vm);
		if (ret)
			return ret;
	}
	return 0;
}

/** scale_create() - @nr_pcpus online pCPUs and @nr_vcpus vCPUs, OUT, of weight 256 */
struct scale_room *scale_create(struct kunit *test, u32 nr_pcpus, u32 nr_vcpus)
{
	struct scale_room *room = kvzalloc(sizeof(*room), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, room);
	room->nr_pcpus = nr_pcpus;
	room->now = SCALE_START_NS;
	room->host = (struct vmm_host_ops) {
		.now = scale_now, .wake = scale_wake, .kick = scale_kick, .arm = scale_arm,
		.arm_pool = scale_arm_pool, .relax = scale_relax, .broken = scale_broken,
	};
	timerqueue_init_head(&room->pcpu_timers);
	timerqueue_init_head(&room->vcpu_timers);
	INIT_LIST_HEAD(&room->ready);
	room->pcpu = kvcalloc(nr_pcpus, sizeof(*room->pcpu), GFP_KERNEL);
	room->vcpu = kvcalloc(nr_vcpus, sizeof(*room->vcpu), GFP_KERNEL);
	room->group = kvcalloc(nr_vcpus / SCALE_VM_VCPUS + 1, sizeof(*room->group), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, room->pcpu && room->vcpu && room->group);
	for (i = 0; i < nr_pcpus; i++)
		timerqueue_init(&room->pcpu[i].timer);
	room->pool = vmm_pool_create(nr_pcpus, NULL, &room->host);
	KUNIT_ASSERT_FALSE(test, IS_ERR(room->pool));
	vmm_dispatch_serve(room->pool);
	for (i = 0; i < nr_pcpus; i++)
		set_online(room, i, true);
	KUNIT_ASSERT_EQ(test, add_vcpus(room, nr_vcpus), 0);
	return room;
}

/* Nobody goes on: each vCPU leaves, and is not looked at again. */
static void stop(struct scale_room *room)
{
	u32 i;

	for (i = 0; i < room->nr_vcpus; i++) {
		vmm_gate_off(&room->vcpu[i].e);
		vmm_gate_cancel(&room->vcpu[i].e);
		cond_resched();
	}
}

void scale_destroy(struct scale_room *room)
{
	u32 i;

	vmm_dispatch_serve(NULL);
	stop(room);
	for (i = 0; i < room->nr_pcpus; i++)
		set_online(room, i, false);
	for (i = 0; i < room->nr_vcpus; i++) {
		vmm_entity_destroy(&room->vcpu[i].e);
		cond_resched();
	}
	for (i = 0; i < room->nr_groups; i++)
		vmm_group_put(room->group[i]);
	vmm_pool_destroy(room->pool);
	kvfree(room->group);
	kvfree(room->vcpu);
	kvfree(room->pcpu);
	kvfree(room);
}

static void plan(struct scale_room *room, struct scale_vcpu *v, u64 when)
{
	v->timer.expires = when;
	timerqueue_add(&room->vcpu_timers, &v->timer);
}

/* A thread comes to the gate with its guest's work done for now, or told to come. */
static void at_gate(struct scale_room *room, struct scale_vcpu *v, bool done)
{
	struct vmm_entity *e = &v->e;
	unsigned long flags;
	bool stays;

	vmm_gate_off(e);
	if (done && vmm_gate_try_block(e)) {
		plan(room, v, room->now + v->sleep_for);
		v->off_at = 0;
		return;
	}
	if (room->count_every && !(++room->ends % room->count_every)) {
		local_irq_save(flags);
		step_begin();
		stays = vmm_gate_resolve(e);
		room->insns_max = max(room->insns_max, step_end());
		room->insns += steps;
		room->counted++;
		local_irq_restore(flags);
	} else {
		stays = vmm_gate_resolve(e);
	}
	if (stays) {
		vmm_gate_on(e);
		return;
	}
	v->off_at = room->now;
	if (vmm_state(e) == VMM_GATE_OUT)
		vmm_gate_claim(e, NULL);
}

static void step(struct scale_room *room, struct scale_vcpu *v)
{
	struct vmm_entity *e = &v->e;

	switch (vmm_state(e)) {
	case VMM_GATE_OUT:
		vmm_gate_claim(e, NULL);
		break;
	case VMM_GATE_OFFERED:
		if (!vmm_gate_own(e))
			break;
		vmm_gate_on(e);
		room->decisions++;
		if (v->off_at)
			v->gap = max(v->gap, room->now - v->off_at);
		if (v->run_for && !timerqueue_node_queued(&v->timer))
			plan(room, v, room->now + v->run_for);
		break;
	case VMM_GATE_OWNER:
		if (e->home->kick)
			at_gate(room, v, false);
		break;
	default:
		break;
	}
}

static void expired(struct scale_room *room, struct scale_vcpu *v)
{
	timerqueue_del(&room->vcpu_timers, &v->timer);
	if (vmm_state(&v->e) == VMM_GATE_BLOCKED) {
		v->off_at = room->now;
		vmm_gate_wake(&v->e);
	} else if (vmm_state(&v->e) == VMM_GATE_OWNER) {
		at_gate(room, v, true);
	} else {
		/* It waits: it has the rest of its work before it. */
		plan(room, v, room->now + v->run_for);
	}
}

/* All that is due at this instant. */
static void settle(struct scale_room *room)
{
	struct timerqueue_node *n;

	for (;;) {
		struct scale_vcpu *v = list_first_entry_or_null(&room->ready, struct scale_vcpu,
								ready);

		if (v) {
			list_del_init(&v->ready);
			step(room, v);
			cond_resched();
			continue;
		}
		n = timerqueue_getnext(&room->pcpu_timers);
		if (n && (u64)n->expires <= room->now) {
			struct scale_pcpu *sp = container_of(n, struct scale_pcpu, timer);

			scale_arm(&room->pool->pcpus[sp - room->pcpu], 0);
			vmm_pcpu_expired(&room->pool->pcpus[sp - room->pcpu]);
			continue;
		}
		n = timerqueue_getnext(&room->vcpu_timers);
		if (!n || (u64)n->expires > room->now)
			return;
		expired(room, container_of(n, struct scale_vcpu, timer));
	}
}

/** scale_start() - all vCPUs want to run */
void scale_start(struct scale_room *room)
{
	u32 i;

	for (i = 0; i < room->nr_vcpus; i++) {
		room->vcpu[i].off_at = room->now;
		vmm_gate_claim(&room->vcpu[i].e, NULL);
		cond_resched();
	}
}

/** scale_run() - run everything that is due, then time, until @until ns */
void scale_run(struct scale_room *room, u64 until)
{
	struct timerqueue_node *n;
	u64 next;

	for (;;) {
		settle(room);
		if (room->now >= room->watch_at) {
			vmm_watch_pool(room->pool);
			room->watch_at = room->now + vmm_watch_period();
			continue;
		}
		next = room->watch_at;
		n = timerqueue_getnext(&room->pcpu_timers);
		if (n)
			next = min_t(u64, next, n->expires);
		n = timerqueue_getnext(&room->vcpu_timers);
		if (n)
			next = min_t(u64, next, n->expires);
		if (next > until)
			break;
		room->now = next;
		cond_resched();
	}
	room->now = until;
}

/** scale_count() - in the next @ns, count the instructions of about @samples decisions */
void scale_count(struct scale_room *room, u64 ns, u32 samples)
{
	/* Odd: a scheduler that does more at every fourth pick is met at each of them. */
	room->count_every = (u32)div_u64(ns, 10 * NSEC_PER_MSEC) * room->nr_pcpus / samples | 1;
	room->ends = 0;
	room->counted = 0;
	room->insns = 0;
	room->insns_max = 0;
	if (register_die_notifier(&step_nb))
		return;
	scale_run(room, room->now + ns);
	unregister_die_notifier(&step_nb);
	room->count_every = 0;
}

u64 scale_ran(struct scale_room *room, u32 vcpu)
{
	return virt_entity_ran(&room->vcpu[vcpu].e);
}

/** scale_swap() - make the scheduler @name active */
int scale_swap(struct scale_room *room, const char *name, struct vmm_swap_result *res)
{
	const struct vmm_sched_ops *ops = vmm_sched_get(name);
	const char *why;
	int ret;

	if (!ops)
		return -ENOENT;
	ret = vmm_sched_activate(room->pool, ops, NULL, 0, res, &why);
	vmm_sched_put(ops);
	return ret;
}
