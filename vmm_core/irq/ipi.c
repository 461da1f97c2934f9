// SPDX-License-Identifier: GPL-2.0
/*
 * Messages between local APICs, and from the board to them.
 *
 * Design: most messages name one vCPU or a few by an address that a table
 * answers: struct vmm_apic_map, replaced whole when an APIC changes its id,
 * its mode or its logical address. What the table cannot answer (broadcasts,
 * APICs in different modes, no memory for a table) is asked of each vCPU in
 * turn. Acceptance is one atomic bit; nothing here takes a lock, so messages
 * can be sent from interrupt handlers.
 *
 * Locking: the map is read under RCU, and replaced under vm->irq.lock.
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include "irq/lapic.h"

/* --- who is who ------------------------------------------------------------------ */

static void lapic_address(const struct vmm_apic *apic, struct lapic_addr *a)
{
	u32 id = lapic_reg(apic->regs, APIC_ID);

	a->x2apic = lapic_x2apic(apic);
	a->x2id = apic->vcpu->id;
	a->id = a->x2apic ? a->x2id : id >> 24;
	a->ldr = lapic_reg(apic->regs, APIC_LDR);
	a->dfr = lapic_reg(apic->regs, APIC_DFR);
}

static bool addressed(const struct vmm_apic *apic, u32 dest, bool logical, bool wide)
{
	struct lapic_addr a;

	lapic_address(apic, &a);
	return lapic_match(&a, dest, logical, wide);
}

/* --- the table ------------------------------------------------------------------- */

static void map_mode(struct vmm_apic_map *map, enum lapic_map_mode mode)
{
	if (map->mode == LAPIC_MAP_NONE)
		map->mode = mode;
	else if (map->mode != mode)
		map->mode = LAPIC_MAP_MIXED;
}

static void map_logical(struct vmm_apic_map *map, struct vmm_apic *apic,
			const struct lapic_addr *a)
{
	u8 ldr = a->ldr >> 24;
	unsigned int i;

	if (a->x2apic) {
		map_mode(map, LAPIC_MAP_X2APIC);
		return;
	}
	/* Nobody's yet, or its address is that of several: the slow way is right for both. */
	if (!ldr)
		return;
	if (a->dfr == APIC_DFR_FLAT) {
		map_mode(map, LAPIC_MAP_FLAT);
		for (i = 0; i < 8; i++) {
			if (!(ldr & BIT(i)))
				continue;
			if (map->flat[i])
				map->mode = LAPIC_MAP_MIXED;
			map->flat[i] = apic;
		}
	} else {
		map_mode(map, LAPIC_MAP_CLUSTER);
		for (i = 0; i < 4; i++) {
			if (!(ldr & BIT(i)))
				continue;
			if (map->cluster[(ldr >> 4) * 4 + i])
				map->mode = LAPIC_MAP_MIXED;
			map->cluster[(ldr >> 4) * 4 + i] = apic;
		}
	}
}

static void map_add(struct vmm_apic_map *map, struct vmm_apic *apic)
{
	struct lapic_addr a;

	if (!lapic_hw_enabled(apic))
		return;
	lapic_address(apic, &a);
	if (a.x2apic)
		map->x2apic = true;
	else
		map->xapic = true;
	if (a.id < map->nr) {
		/* Two with the same id: both get the message. */
		if (map->by_id[a.id])
			map->mode = LAPIC_MAP_MIXED;
		map->by_id[a.id] = apic;
	}
	if (!a.x2apic && a.x2id > 0xff && a.x2id < map->nr)
		map->by_id[a.x2id] = apic;
	if (lapic_sw_enabled(apic))
		map_logical(map, apic, &a);
}

/**
 * vmm_apic_map_update() - an APIC came, or changed what it answers to
 * @vm: the VM
 *
 * Context: process, may sleep; takes vm->irq.lock. Without memory messages
 * find their way more slowly.
 */
void vmm_apic_map_update(struct vmm_vm *vm)
{
	struct vmm_apic_map *map, *old;
	struct vmm_vcpu *vcpu;
	unsigned long id;
	u32 nr = 256;

	mutex_lock(&vm->irq.lock);
	xa_for_each(&vm->vcpus, id, vcpu)
		nr = max_t(u32, nr, round_up(id + 1, 16));
	map = kvzalloc(struct_size(map, by_id, nr), GFP_KERNEL_ACCOUNT);
	if (map) {
		map->nr = nr;
		xa_for_each(&vm->vcpus, id, vcpu) {
			if (vcpu->apic)
				map_add(map, vcpu->apic);
		}
	}
	old = rcu_replace_pointer(vm->apic_map, map, lockdep_is_held(&vm->irq.lock));
	mutex_unlock(&vm->irq.lock);
	if (old)
		kvfree_rcu(old, rcu);
}

/** vmm_apic_map_free() - the VM goes: nobody sends anything any more */
void vmm_apic_map_free(struct vmm_vm *vm)
{
	kvfree(rcu_dereference_protected(vm->apic_map, true));
	RCU_INIT_POINTER(vm->apic_map, NULL);
}

/**
 * struct targets - APICs that a table names
 * @at:   the first of up to 16
 * @bits: which of them; holes in @at are nobody
 */
struct targets {
	struct vmm_apic *const *at;
	unsigned long bits;
};

static bool find_physical(const struct vmm_apic_map *map, const struct vmm_apic_msg *msg,
			  struct targets *t)
{
	u32 dest = msg->dest;

	if (dest == LAPIC_X2_BROADCAST ||
	    (dest == LAPIC_X_BROADCAST && (!msg->x2apic_wide || map->xapic)))
		return false;
	t->bits = 0;
	if (dest < map->nr) {
		t->at = &map->by_id[array_index_nospec(dest, map->nr)];
		t->bits = 1;
	}
	return true;
}

static bool find_logical(const struct vmm_apic_map *map, const struct vmm_apic_msg *msg,
			 struct targets *t)
{
	u32 dest = msg->dest;

	t->bits = 0;
	switch (map->mode) {
	case LAPIC_MAP_X2APIC:
		if (map->xapic || dest == LAPIC_X2_BROADCAST ||
		    (dest == LAPIC_X_BROADCAST && !msg->x2apic_wide))
			return false;
		if ((dest >> 16) * 16 < map->nr) {
			t->at = &map->by_id[array_index_nospec(dest >> 16, map->nr / 16) * 16];
			t->bits = dest & 0xffff;
		}
		return true;
	case LAPIC_MAP_FLAT:
		if (map->x2apic || dest >= LAPIC_X_BROADCAST)
			return false;
		t->at = map->flat;
		t->bits = dest;
		return true;
	case LAPIC_MAP_CLUSTER:
		if (map->x2apic || dest >= LAPIC_X_BROADCAST)
			return false;
		t->at = &map->cluster[array_index_nospec(dest >> 4, 16) * 4];
		t->bits = dest & 0xf;
		return true;
	default:
		return false;
	}
}

static bool find_targets(const struct vmm_apic_map *map, const struct vmm_apic_msg *msg,
			 struct targets *t)
{
	if (!map || msg->shorthand || map->mode == LAPIC_MAP_MIXED)
		return false;
	return msg->logical ? find_logical(map, msg, t) : find_physical(map, msg, t);
}

/* --- acceptance ------------------------------------------------------------------- */

static int accept_vector(struct vmm_apic *apic, const struct vmm_apic_msg *msg)
{
	if (msg->trig_level && !msg->level)
		return 0;
	if (!lapic_sw_enabled(apic))
		return 0;
	if (msg->vector < 16) {
		lapic_error(apic, LAPIC_ESR_RECV_VECTOR);
		return 0;
	}
	if (lapic_test_vec(apic->regs, APIC_TMR, msg->vector) != msg->trig_level) {
		if (msg->trig_level)
			lapic_set_vec(apic->regs, APIC_TMR, msg->vector);
		else
			lapic_clear_vec(apic->regs, APIC_TMR, msg->vector);
	}
	/* Whoever set it before has told the vCPU, or is about to. */
	if (READ_ONCE(apic->virt))
		vmx_apicv_post(apic->vcpu, msg->vector);
	else if (!lapic_test_and_set_vec(apic->regs, APIC_IRR, msg->vector))
		vmm_vcpu_notify(apic->vcpu);
	return 1;
}

/**
 * lapic_accept() - a message has arrived at an APIC
 * @apic: the APIC
 * @msg:  the message; who it is for is settled
 *
 * Context: any but NMI.
 * Return: 1, or 0: the APIC does not take it.
 */
int lapic_accept(struct vmm_apic *apic, const struct vmm_apic_msg *msg)
{
	struct vmm_vcpu *vcpu = apic->vcpu;

	if (!lapic_hw_enabled(apic))
		return 0;
	switch (msg->mode) {
	case VMM_DM_FIXED:
	case VMM_DM_LOWEST:
		return accept_vector(apic, msg);
	case VMM_DM_NMI:
		vmm_queue_nmi(vcpu);
		return 1;
	case VMM_DM_INIT:
		if (msg->trig_level && !msg->level)
			return 1;
		/* A start-up IPI from before is void. */
		WRITE_ONCE(apic->events, BIT(LAPIC_EV_INIT));
		vmm_vcpu_notify(vcpu);
		return 1;
	case VMM_DM_STARTUP:
		WRITE_ONCE(apic->sipi_vector, msg->vector);
		smp_wmb();	/* the vCPU reads the page after the event */
		set_bit(LAPIC_EV_SIPI, &apic->events);
		vmm_vcpu_notify(vcpu);
		return 1;
	default:
		/* SMI and remote read: not there. ExtINT: the 8259 has a way of its own. */
		return 0;
	}
}

/**
 * lapic_local() - an interrupt that arises in the APIC itself
 * @apic: the APIC
 * @lvt:  its entry in the local vector table
 *
 * Context: any but NMI.
 */
void lapic_local(struct vmm_apic *apic, u32 lvt)
{
	u32 val = lapic_reg(apic->regs, lvt);
	struct vmm_apic_msg msg = {
		.vector = val & APIC_VECTOR_MASK,
		.mode = (val & APIC_MODE_MASK) >> 8,
		.level = true,
	};

	if (!(val & APIC_LVT_MASKED))
		lapic_accept(apic, &msg);
}

/* --- sending ----------------------------------------------------------------------- */

static bool for_vcpu(const struct vmm_apic *apic, const struct vmm_vcpu *src,
		     const struct vmm_apic_msg *msg)
{
	switch (msg->shorthand) {
	case 0:
		return addressed(apic, msg->dest, msg->logical, msg->x2apic_wide);
	case 1:
		return apic->vcpu == src;
	case 2:
		return true;
	default:
		return apic->vcpu != src;
	}
}

static u8 arb_prio(const struct vmm_apic *apic)
{
	return lapic_reg(apic->regs, APIC_TASKPRI);
}

/* Of those that the table names, the one with the lowest priority. */
static int send_lowest(const struct targets *t, const struct vmm_apic_msg *msg)
{
	struct lapic_arb arb = { };
	unsigned int i;
	u32 nth;

	for_each_set_bit(i, &t->bits, 16) {
		if (t->at[i] && lapic_sw_enabled(t->at[i]))
			lapic_arb_see(&arb, arb_prio(t->at[i]));
	}
	if (!arb.ties)
		return -1;
	nth = lapic_arb_index(&arb, msg->vector);
	for_each_set_bit(i, &t->bits, 16) {
		if (t->at[i] && lapic_sw_enabled(t->at[i]) &&
		    (arb_prio(t->at[i]) & 0xf0) == arb.best && !nth--)
			return lapic_accept(t->at[i], msg);
	}
	return -1;	/* one changed its priority meanwhile: see vmm_apic_send() */
}

static int send_targets(const struct targets *t, const struct vmm_apic_msg *msg)
{
	unsigned int i;
	int n = -1;

	for_each_set_bit(i, &t->bits, 16) {
		if (t->at[i])
			n = max(n, 0) + lapic_accept(t->at[i], msg);
	}
	return n;
}

/* The same without a table: every vCPU is asked. */
static int send_all(struct vmm_vm *vm, struct vmm_vcpu *src, const struct vmm_apic_msg *msg)
{
	struct vmm_vcpu *vcpu;
	unsigned long id;
	int n = -1;

	xa_for_each(&vm->vcpus, id, vcpu) {
		if (vcpu->apic && lapic_hw_enabled(vcpu->apic) && for_vcpu(vcpu->apic, src, msg))
			n = max(n, 0) + lapic_accept(vcpu->apic, msg);
	}
	return n;
}

static bool candidate(const struct vmm_apic *apic, struct vmm_vcpu *src,
		      const struct vmm_apic_msg *msg)
{
	return apic && lapic_hw_enabled(apic) && lapic_sw_enabled(apic) &&
	       for_vcpu(apic, src, msg);
}

static int send_all_lowest(struct vmm_vm *vm, struct vmm_vcpu *src, const struct vmm_apic_msg *msg)
{
	struct vmm_apic *last = NULL;
	struct lapic_arb arb = { };
	struct vmm_vcpu *vcpu;
	unsigned long id;
	u32 nth;

	xa_for_each(&vm->vcpus, id, vcpu) {
		if (candidate(vcpu->apic, src, msg))
			lapic_arb_see(&arb, arb_prio(vcpu->apic));
	}
	if (!arb.ties)
		return -1;
	nth = lapic_arb_index(&arb, msg->vector);
	xa_for_each(&vm->vcpus, id, vcpu) {
		if (!candidate(vcpu->apic, src, msg))
			continue;
		last = vcpu->apic;
		if ((arb_prio(last) & 0xf0) == arb.best && !nth--)
			break;
	}
	/* Priorities may change under us; then the last of them does as well. */
	return last ? lapic_accept(last, msg) : -1;
}

int vmm_apic_send(struct vmm_vm *vm, struct vmm_vcpu *src, const struct vmm_apic_msg *msg)
{
	bool lowest = msg->mode == VMM_DM_LOWEST || msg->redir_hint;
	struct targets t;
	int r = -1;

	rcu_read_lock();
	if (find_targets(rcu_dereference(vm->apic_map), msg, &t)) {
		r = lowest ? send_lowest(&t, msg) : send_targets(&t, msg);
		if (r >= 0 || !lowest)
			goto out;
	}
	r = lowest ? send_all_lowest(vm, src, msg) : send_all(vm, src, msg);
out:
	rcu_read_unlock();
	return r;
}

/**
 * lapic_send_icr() - the guest sends an inter-processor interrupt
 * @apic: its APIC
 * @icr:  low half of the interrupt command register
 * @dest: destination
 *
 * Context: any but NMI.
 */
void lapic_send_icr(struct vmm_apic *apic, u32 icr, u32 dest)
{
	struct vmm_apic_msg msg = {
		.dest = dest,
		.vector = icr & APIC_VECTOR_MASK,
		.mode = (icr & APIC_MODE_MASK) >> 8,
		.logical = icr & APIC_DEST_LOGICAL,
		.level = icr & APIC_INT_ASSERT,
		.shorthand = (icr >> 18) & 3,
		.x2apic_wide = true,
	};

	/* IPIs are edges; INIT alone knows the other kind, to be de-asserted. */
	msg.trig_level = msg.mode == VMM_DM_INIT && (icr & APIC_INT_LEVELTRIG);
	if (msg.mode <= VMM_DM_LOWEST && msg.vector < 16) {
		lapic_error(apic, LAPIC_ESR_SEND_VECTOR);
		return;
	}
	vmm_apic_send(apic->vcpu->vm, apic->vcpu, &msg);
}

/* --- the board's wires --------------------------------------------------------------- */

void vmm_apic_pic_changed(struct vmm_vm *vm)
{
	struct vmm_vcpu *vcpu;
	unsigned long id;

	xa_for_each(&vm->vcpus, id, vcpu) {
		if (vmm_apic_accepts_pic(vcpu)) {
			vmm_vcpu_notify(vcpu);
			return;
		}
	}
}

void vmm_apic_pit_nmi(struct vmm_vm *vm)
{
	struct vmm_vcpu *vcpu;
	unsigned long id;

	xa_for_each(&vm->vcpus, id, vcpu) {
		struct vmm_apic *apic = vcpu->apic;

		if (apic && (lapic_reg(apic->regs, APIC_LVT0) & APIC_MODE_MASK) == APIC_DM_NMI)
			lapic_local(apic, APIC_LVT0);
	}
}

/**
 * vmm_apic_eois_changed() - the vectors whose end somebody wants to see have changed
 * @vm: the VM
 *
 * Virtualised APICs have to be told; the others look each time.
 * Context: any but NMI; the chips' locks may be held.
 */
void vmm_apic_eois_changed(struct vmm_vm *vm)
{
	struct vmm_vcpu *vcpu;
	unsigned long id;

	xa_for_each(&vm->vcpus, id, vcpu) {
		if (vcpu->apic && READ_ONCE(vcpu->apic->virt)) {
			set_bit(VMM_REQ_APICV, &vcpu->requests);
			vmm_kick(vcpu);
		}
	}
}

/* --- INIT and start-up IPIs, as the vCPU's own thread sees them ------------------------- */

/** vmm_apic_has_events() - does an INIT or a start-up IPI wait? Any context. */
bool vmm_apic_has_events(struct vmm_vcpu *vcpu)
{
	return vcpu->apic && READ_ONCE(vcpu->apic->events);
}

/**
 * vmm_apic_accept_events() - act on INIT, then on a start-up IPI
 * @vcpu: the vCPU of the calling thread
 *
 * Context: process, VMCS loaded; may sleep.
 */
void vmm_apic_accept_events(struct vmm_vcpu *vcpu)
{
	struct vmm_apic *apic = vcpu->apic;

	if (likely(!apic || !READ_ONCE(apic->events)))
		return;
	if (test_and_clear_bit(LAPIC_EV_INIT, &apic->events))
		vmm_vcpu_take_init(vcpu);
	if (test_and_clear_bit(LAPIC_EV_SIPI, &apic->events)) {
		smp_rmb();	/* pairs with lapic_accept() */
		vmm_vcpu_take_sipi(vcpu, READ_ONCE(apic->sipi_vector));
	}
}

/**
 * vmm_apic_set_sipi() - user space restores what a start-up IPI said
 * @vcpu:    the vCPU, with an APIC; its mutex is held
 * @vector:  the page
 * @pending: the IPI is on its way (KVM_MP_STATE_SIPI_RECEIVED); @vector stays as it is
 */
void vmm_apic_set_sipi(struct vmm_vcpu *vcpu, u8 vector, bool pending)
{
	if (pending)
		set_bit(LAPIC_EV_SIPI, &vcpu->apic->events);
	else
		WRITE_ONCE(vcpu->apic->sipi_vector, vector);
}
