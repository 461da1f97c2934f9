// SPDX-License-Identifier: GPL-2.0
/*
 * The virtual machine room: see virtual.h.
 *
 * Each step looks at every vCPU whose thread has something to do (an offer to
 * take, a kick to follow, a sleep that ends) and at every timer that is due,
 * then moves the clock to the next deadline. Nothing happens in between, so a
 * run of seconds with thousands of vCPUs takes as many steps as there are
 * decisions.
 */
#include <linux/slab.h>
#include "virtual.h"

static struct virt_room *room_of(const struct vmm_pool *pool)
{
	return container_of(pool->host, struct virt_room, host);
}

static u64 virt_now(const struct vmm_pool *pool)
{
	return room_of(pool)->now;
}

static void virt_wake(struct vmm_entity *e, struct task_struct *task)
{
	container_of(e, struct virt_vcpu, e)->woken = true;
}

static void virt_kick(struct vmm_pcpu *p)
{
	room_of(p->pool)->kicks++;
}

static void virt_arm(struct vmm_pcpu *p, u64 when)
{
	struct virt_room *room = room_of(p->pool);

	room->timer[p->pool->id * room->nr_pcpus + p->id] = when ?: VIRT_HORIZON;
}

static void virt_arm_pool(struct vmm_sched *s, u64 when)
{
	struct virt_room *room = room_of(s->pool);

	room->pool_timer[s->pool->id] = when ?: VIRT_HORIZON;
	room->pool_timer_of[s->pool->id] = s;
}

/* Its mutex is held: what the vCPUs' threads do takes no more than domain locks. */
static void virt_relax(struct vmm_pool *pool)
{
	struct virt_room *room = room_of(pool);

	room->busy = true;
	virt_settle(room);
	room->busy = false;
	room->now += 10 * NSEC_PER_USEC;
}

static void virt_broken(struct vmm_pool *pool)
{
	room_of(pool)->broken = true;
}

void virt_online(struct virt_room *room, u32 pcpu, bool online)
{
	vmm_machine_set_online(room->pool->machine, pcpu, online);
}

/**
 * virt_create_vms() - a room with @nr_pcpus online pCPUs, and vCPUs that are all OUT
 * @test:     the test
 * @nr_pcpus: how many pCPUs
 * @llc_of:   number of the last-level cache of each, or NULL: one for all
 * @nr_vcpus: how many vCPUs
 * @per_vm:   how many of them are in one VM
 */
struct virt_room *virt_create_vms(struct kunit *test, u32 nr_pcpus, const u32 *llc_of,
				  u32 nr_vcpus, u32 per_vm)
{
	struct virt_room *room = kvzalloc(sizeof(*room), GFP_KERNEL);
	u32 i;

	KUNIT_ASSERT_NOT_NULL(test, room);
	room->nr_pcpus = nr_pcpus;
	room->per_vm = per_vm;
	room->now = NSEC_PER_SEC;
	room->host.now = virt_now;
	room->host.wake = virt_wake;
	room->host.kick = virt_kick;
	room->host.arm = virt_arm;
	room->host.arm_pool = virt_arm_pool;
	room->host.broken = virt_broken;
	room->host.relax = virt_relax;
	room->nr_pools = 1;
	for (i = 0; i < VIRT_POOLS; i++)
		room->pool_timer[i] = VIRT_HORIZON;
	room->timer = kvcalloc(VIRT_POOLS * nr_pcpus, sizeof(u64), GFP_KERNEL);
	room->vcpu = kvcalloc(nr_vcpus, sizeof(*room->vcpu), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, room->timer);
	KUNIT_ASSERT_NOT_NULL(test, room->vcpu);
	for (i = 0; i < VIRT_POOLS * nr_pcpus; i++)
		room->timer[i] = VIRT_HORIZON;
	room->pool = vmm_pool_create(nr_pcpus, llc_of, &room->host);
	KUNIT_ASSERT_FALSE(test, IS_ERR(room->pool));
	vmm_dispatch_serve(room->pool);		/* of weight in mode "patch" only */
	for (i = 0; i < nr_pcpus; i++)
		virt_online(room, i, true);
	for (i = 0; i < nr_vcpus; i++) {
		struct virt_vcpu *v = &room->vcpu[i];
		char name[VMM_NAME_LEN];

		snprintf(name, sizeof(name), "virt-%u", i);
		v->group = i % per_vm ? v[-1].group : vmm_group_create_in(room->pool, name);
		KUNIT_ASSERT_FALSE(test, IS_ERR(v->group));
		KUNIT_ASSERT_EQ(test, vmm_entity_init(&v->e, v->group, i % per_vm), 0);
		room->nr_vcpus++;
	}
	return room;
}

/** virt_create() - @nr_pcpus online pCPUs and @nr_vcpus VMs of one vCPU each, all OUT */
struct virt_room *virt_create(struct kunit *test, u32 nr_pcpus, u32 nr_vcpus)
{
	return virt_create_vms(test, nr_pcpus, NULL, nr_vcpus, 1);
}

void virt_destroy(struct virt_room *room)
{
	u32 i;

	vmm_dispatch_serve(NULL);
	for (i = 0; i < room->nr_vcpus; i++)
		vmm_entity_destroy(&room->vcpu[i].e);
	for (i = 0; i < room->nr_vcpus; i += room->per_vm)
		vmm_group_put(room->vcpu[i].group);
	for (i = 0; i < room->nr_pcpus; i++)
		virt_online(room, i, false);
	vmm_pool_destroy(room->pool);
	kvfree(room->vcpu);
	kvfree(room->timer);
	kvfree(room);
}

/* What the fake thread of a vCPU does now; true when it did something. */
static bool step_vcpu(struct virt_room *room, struct virt_vcpu *v)
{
	struct vmm_entity *e = &v->e;

	switch (vmm_state(e)) {
	case VMM_GATE_OUT:
		if (!v->hog && !v->run_for)
			return false;
		if (v->absent || READ_ONCE(e->held))
			return false;
		vmm_gate_claim(e, NULL);
		return true;
	case VMM_GATE_OFFERED:
		if (v->absent || room->now < e->since + room->come_ns || !vmm_gate_own(e))
			return false;
		vmm_gate_on(e);
		v->started = room->now;
		return true;
	case VMM_GATE_OWNER:
		if (v->stuck)
			return false;
		if (e->home->kick) {
			vmm_gate_off(e);
			if (vmm_gate_resolve(e))
				vmm_gate_on(e);
			return true;
		}
		if (v->run_for && room->now >= v->started + v->run_for) {
			vmm_gate_off(e);
			if (vmm_gate_try_block(e))
				v->wake_ns = room->now + v->sleep_for;
			else
				vmm_gate_on(e);
			return true;
		}
		return false;
	case VMM_GATE_BLOCKED:
		if (!v->wake_ns || room->now < v->wake_ns)
			return false;
		v->wake_ns = 0;
		vmm_gate_wake(e);
		return true;
	default:
		return false;
	}
}

static struct vmm_pcpu *nth_pcpu(struct virt_room *room, u32 i)
{
	struct vmm_pool *pool = room->pool->machine->pool[i / room->nr_pcpus];

	return pool ? &pool->pcpus[i % room->nr_pcpus] : NULL;
}

/* The timers of schedulers that are due: true when there was one. */
static bool step_pool_timers(struct virt_room *room)
{
	bool again = false;
	u32 i;

	for (i = 0; i < room->nr_pools; i++) {
		struct vmm_pool *pool = room->pool->machine->pool[i];

		if (room->pool_timer[i] > room->now)
			continue;
		room->pool_timer[i] = VIRT_HORIZON;
		/* Of an instance that is gone it would have been cancelled. */
		if (room->pool_timer_of[i] == rcu_access_pointer(pool->active))
			vmm_pool_expired(room->pool_timer_of[i]);
		again = true;
	}
	return again;
}

static bool watch(struct virt_room *room)
{
	struct vmm_machine *m = room->pool->machine;
	u32 i;

	for (i = 0; i < VMM_POOLS && !room->unwatched; i++)
		if (m->pool[i])
			vmm_watch_pool(m->pool[i]);
	return !room->unwatched;
}

void virt_settle(struct virt_room *room)
{
	bool again;
	u32 i, n = 0;

	do {
		again = false;
		for (i = 0; i < room->nr_vcpus; i++)
			again |= step_vcpu(room, &room->vcpu[i]);
		for (i = 0; i < room->nr_pools * room->nr_pcpus; i++) {
			if (room->timer[i] > room->now)
				continue;
			room->timer[i] = VIRT_HORIZON;
			vmm_pcpu_expired(nth_pcpu(room, i));
			again = true;
		}
		again |= step_pool_timers(room);
		if (room->broken && !room->busy) {
			room->broken = false;
			vmm_machine_broken(room->pool->machine);
			again = true;
		}
		if (room->watch_at <= room->now) {
			room->watch_at = room->now + vmm_watch_period();
			again |= watch(room);
		}
		cond_resched();
	} while (again && ++n < 100000);
	WARN_ONCE(again, "the virtual room does not come to rest");
}

static u64 next_event(struct virt_room *room)
{
	u64 next = room->watch_at;
	u32 i;

	for (i = 0; i < room->nr_pools; i++)
		next = min(next, room->pool_timer[i]);
	for (i = 0; i < room->nr_pools * room->nr_pcpus; i++)
		next = min(next, room->timer[i]);
	for (i = 0; i < room->nr_vcpus; i++) {
		struct virt_vcpu *v = &room->vcpu[i];

		if (v->wake_ns)
			next = min(next, v->wake_ns);
		if (v->run_for && vmm_state(&v->e) == VMM_GATE_OWNER)
			next = min(next, v->started + v->run_for);
		if (room->come_ns && !v->absent && vmm_state(&v->e) == VMM_GATE_OFFERED)
			next = min(next, v->e.since + room->come_ns);
	}
	return next;
}

void virt_run(struct virt_room *room, u64 until)
{
	for (;;) {
		u64 next;

		virt_settle(room);
		next = next_event(room);
		if (next > until)
			break;
		room->now = max(room->now, next);
	}
	room->now = max(room->now, until);
}

u64 virt_entity_ran(struct vmm_entity *e)
{
	unsigned long flags;
	struct vmm_pcpu *p = vmm_entity_lock(e, &flags);
	u64 ran;

	if (p->curr == e)
		vmm_charge(p, vmm_pool_now(e->pool));
	ran = e->stats.run_ns;
	vmm_entity_unlock(p, flags);
	return ran;
}

u64 virt_ran(struct virt_room *room, u32 vcpu)
{
	return virt_entity_ran(&room->vcpu[vcpu].e);
}

void virt_check(struct kunit *test, struct virt_room *room)
{
	u32 i, queued = 0, listed = 0;

	for (i = 0; i < room->nr_vcpus; i++) {
		struct vmm_entity *e = &room->vcpu[i].e;
		enum vmm_gate_state st = vmm_state(e);
		bool owns = st >= VMM_GATE_OFFERED && st <= VMM_GATE_LOANED;

		/* at most one pCPU per entity, and it knows which */
		KUNIT_EXPECT_EQ(test, owns, e->home->curr == e);
		/* in the pool of its VM */
		KUNIT_EXPECT_PTR_EQ(test, e->pool, e->home->pool);
		KUNIT_EXPECT_PTR_EQ(test, e->pool, e->group->pool);
		/* runnable: queued, offered or owner, nothing in between */
		KUNIT_EXPECT_EQ(test, st == VMM_GATE_QUEUED, !list_empty(&e->queued_node));
		queued += st == VMM_GATE_QUEUED;
	}
	for (i = 0; i < room->nr_pools * room->nr_pcpus; i++) {
		struct vmm_pcpu *p = nth_pcpu(room, i);
		struct vmm_entity *e;
		u32 n = 0;

		if (!p)
			continue;
		list_for_each_entry(e, &p->queued, queued_node) {
			KUNIT_EXPECT_PTR_EQ(test, e->home, p);
			KUNIT_EXPECT_PTR_EQ(test, e->with, rcu_access_pointer(p->sched));
			n++;
		}
		KUNIT_EXPECT_EQ(test, n, p->nr_queued);
		/* Nobody is left with the scheduler before. */
		KUNIT_EXPECT_PTR_EQ(test, p->from, NULL);
		KUNIT_EXPECT_EQ(test, test_bit(p->id, p->pool->waiting), n > 0);
		listed += n;
		/* work conserving: nobody waits at a pCPU that nobody holds, unless held back */
		if (p->online && p->nr_queued && !room->throttles && !p->declined)
			KUNIT_EXPECT_NOT_NULL(test, p->curr);
		/* all of one epoch */
		KUNIT_EXPECT_PTR_EQ(test, rcu_access_pointer(p->sched),
				    rcu_access_pointer(p->pool->active));
		/* in use in the pool that its CPU belongs to, and in no other */
		if (p != room->pool->machine->member[p->id]) {
			KUNIT_EXPECT_FALSE(test, p->online);
			KUNIT_EXPECT_NULL(test, p->curr);
		}
	}
	KUNIT_EXPECT_EQ(test, queued, listed);
}

/** virt_swap() - make the scheduler @name active in the room */
int virt_swap(struct virt_room *room, const char *name)
{
	const struct vmm_sched_ops *ops = vmm_sched_get(name);
	struct vmm_swap_result res;
	const char *why;
	int ret;

	if (!ops)
		return -ENOENT;
	ret = vmm_sched_activate(room->pool, ops, NULL, 0, &res, &why);
	vmm_sched_put(ops);
	return ret;
}
