// SPDX-License-Identifier: GPL-2.0
/*
 * GSI routing: what an interrupt number of user space leads to, and the life of
 * the board as a whole.
 *
 * Design: one table, indexed by GSI, replaced as a whole. An entry is a message
 * (MSI), or up to one pin of each controller: both the 8259 and the I/O APIC
 * have the lines of the old devices, and the guest decides which one it uses.
 * A lookup is one index, so nobody needs to cache what a GSI leads to.
 *
 * The way back, from a pin to its GSI, is for those who wait for an
 * acknowledgement.
 *
 * Locking: vm->irq.lock for changes, vm->irq.srcu for readers, who may be in
 * interrupts.
 *
 * Limits: no message sinks of other kinds (Hyper-V, Xen).
 */
#include <linux/nospec.h>
#include <linux/slab.h>
#include "board.h"

enum route_kind { ROUTE_NONE, ROUTE_PINS, ROUTE_MSI };

#define NO_PIN		0xff
#define NO_GSI		(-1)

/**
 * struct route - what a GSI leads to
 * @kind:    enum route_kind
 * @pic:     pin of the 8259 pair, 0 to 15, or NO_PIN
 * @ioapic:  pin of the I/O APIC or NO_PIN
 * @data:    of the message
 * @address: of the message
 */
struct route {
	u8 kind;
	u8 pic, ioapic;
	u32 data;
	u64 address;
};

struct vmm_routes {
	u32 nr;				/* GSIs: 0 to nr - 1 */
	s16 pic_gsi[VMM_NR_PIC_PINS];	/* or NO_GSI */
	s16 ioapic_gsi[VMM_NR_IOAPIC_PINS];
	struct route route[];
};

static_assert(VMM_MAX_GSI <= S16_MAX + 1);

/* --- delivery ---------------------------------------------------------------------- */

/* The message as the hardware's address and data encode it. */
static int decode_msi(struct vmm_vm *vm, u64 address, u32 data, struct vmm_apic_msg *msg)
{
	*msg = (struct vmm_apic_msg) {
		.dest = (address >> 12) & 0xff,
		.vector = data & 0xff,
		.mode = (data >> 8) & 7,
		.logical = address & BIT(2),
		.redir_hint = address & BIT(3),
		.trig_level = data & BIT(15),
		.level = true,
		.x2apic_wide = vm->x2apic_api & KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK,
	};
	if (vm->x2apic_api & KVM_X2APIC_API_USE_32BIT_IDS) {
		/* Above 4 GiB: the upper 24 bits of the id, in their own places. */
		if ((address >> 32) & 0xff)
			return -EINVAL;
		msg->dest |= (address >> 32) & 0xffffff00;
	}
	/* All of them cannot be the one with the lowest priority. */
	if (!msg->logical && msg->dest == 0xff &&
	    (msg->mode == VMM_DM_LOWEST || msg->redir_hint)) {
		msg->mode = VMM_DM_FIXED;
		msg->redir_hint = false;
	}
	return 0;
}

/**
 * vmm_send_msi() - send a message to whom its address says
 * @vm:      the VM; it has local APICs
 * @address: of the message, with the destination in it
 * @data:    vector, delivery mode, trigger
 *
 * Context: any but NMI.
 * Return: as vmm_apic_send(); -EINVAL: no such address.
 */
int vmm_send_msi(struct vmm_vm *vm, u64 address, u32 data)
{
	struct vmm_apic_msg msg;
	int r = decode_msi(vm, address, data, &msg);

	return r ?: vmm_apic_send(vm, NULL, &msg);
}

static int set_pins(struct vmm_irq *irq, const struct route *route, int source, int level)
{
	int r = -1, n;

	if (route->pic != NO_PIN && irq->pic) {
		n = vmm_pic_set_irq(irq->pic, source, route->pic, level);
		if (n >= 0)
			r = n;
	}
	if (route->ioapic != NO_PIN && irq->ioapic) {
		n = vmm_ioapic_set_irq(irq->ioapic, source, route->ioapic, level);
		if (n >= 0)
			r = max(r, 0) + n;
	}
	return r;
}

/** vmm_set_irq() - see irq.h */
int vmm_set_irq(struct vmm_vm *vm, int source, u32 gsi, int level)
{
	struct vmm_irq *irq = &vm->irq;
	struct vmm_routes *routes;
	struct route *route;
	int idx, r = -1;

	idx = srcu_read_lock(&irq->srcu);
	routes = srcu_dereference(irq->routes, &irq->srcu);
	if (routes && gsi < routes->nr) {
		route = &routes->route[array_index_nospec(gsi, routes->nr)];
		if (route->kind == ROUTE_PINS)
			r = set_pins(irq, route, source, level);
		else if (route->kind == ROUTE_MSI && level)
			r = vmm_send_msi(vm, route->address, route->data);
	}
	srcu_read_unlock(&irq->srcu, idx);
	return r;
}

/* --- who waits for acknowledgements --------------------------------------------------- */

static int gsi_of(const struct vmm_routes *routes, enum vmm_chip chip, unsigned int pin)
{
	if (!routes)
		return NO_GSI;
	return chip == VMM_CHIP_PIC ? routes->pic_gsi[pin] : routes->ioapic_gsi[pin];
}

/* @unmask: call .unmasked instead of .acked. */
static void notify(struct vmm_vm *vm, enum vmm_chip chip, unsigned long pins, bool unmask)
{
	struct vmm_irq *irq = &vm->irq;
	struct vmm_ack_notifier *n;
	struct vmm_routes *routes;
	unsigned int pin;
	int gsi, idx;

	if (list_empty(&irq->ack_notifiers))
		return;
	idx = srcu_read_lock(&irq->srcu);
	routes = srcu_dereference(irq->routes, &irq->srcu);
	for_each_set_bit(pin, &pins, 32) {
		gsi = gsi_of(routes, chip, pin);
		if (gsi == NO_GSI)
			continue;
		list_for_each_entry_srcu(n, &irq->ack_notifiers, link,
					 srcu_read_lock_held(&irq->srcu)) {
			if (n->gsi != gsi)
				continue;
			if (!unmask)
				n->acked(n);
			else if (n->unmasked)
				n->unmasked(n);
		}
	}
	srcu_read_unlock(&irq->srcu, idx);
}

/** vmm_irq_acked() - the guest has ended interrupts of these pins; process context, no locks */
void vmm_irq_acked(struct vmm_vm *vm, enum vmm_chip chip, u32 pins)
{
	notify(vm, chip, pins, false);
}

/** vmm_irq_unmasked() - the guest has unmasked these pins; process context, no locks */
void vmm_irq_unmasked(struct vmm_vm *vm, enum vmm_chip chip, u32 pins)
{
	notify(vm, chip, pins, true);
}

/** vmm_irq_notified_pins() - pins of the I/O APIC whose acknowledgement somebody waits for */
u32 vmm_irq_notified_pins(struct vmm_vm *vm)
{
	struct vmm_irq *irq = &vm->irq;
	struct vmm_ack_notifier *n;
	struct vmm_routes *routes;
	u32 pins = 0;
	int idx;

	idx = srcu_read_lock(&irq->srcu);
	routes = srcu_dereference(irq->routes, &irq->srcu);
	list_for_each_entry_srcu(n, &irq->ack_notifiers, link, srcu_read_lock_held(&irq->srcu)) {
		if (routes && n->gsi < routes->nr && routes->route[n->gsi].kind == ROUTE_PINS &&
		    routes->route[n->gsi].ioapic != NO_PIN)
			pins |= BIT(routes->route[n->gsi].ioapic);
	}
	srcu_read_unlock(&irq->srcu, idx);
	return pins;
}

/** vmm_ack_register() - from now on @n is called; vm->irq.lock held */
void vmm_ack_register(struct vmm_vm *vm, struct vmm_ack_notifier *n)
{
	lockdep_assert_held(&vm->irq.lock);
	list_add_rcu(&n->link, &vm->irq.ack_notifiers);
	if (vm->irq.ioapic)
		vmm_ioapic_update_eoi(vm->irq.ioapic);
}

/** vmm_ack_unregister() - and no call is under way any more; vm->irq.lock held */
void vmm_ack_unregister(struct vmm_vm *vm, struct vmm_ack_notifier *n)
{
	lockdep_assert_held(&vm->irq.lock);
	list_del_rcu(&n->link);
	synchronize_srcu_expedited(&vm->irq.srcu);
	if (vm->irq.ioapic)
		vmm_ioapic_update_eoi(vm->irq.ioapic);
}

/** vmm_irq_wants_eoi() - see irq.h */
bool vmm_irq_wants_eoi(struct vmm_vcpu *vcpu, u8 vector)
{
	return test_bit(vector, vcpu->vm->irq.eoi_vectors);
}

/* --- the table ----------------------------------------------------------------------- */

/* User space's I/O APIC: the vectors of its level-triggered pins. */
static void update_split_eoi(struct vmm_vm *vm, const struct vmm_routes *routes)
{
	DECLARE_BITMAP(want, 256) = { };
	struct vmm_irq *irq = &vm->irq;
	u32 gsi;
	int i;

	for (gsi = 0; gsi < min(routes->nr, irq->nr_split_pins); gsi++) {
		if (routes->route[gsi].kind == ROUTE_MSI && (routes->route[gsi].data & BIT(15)))
			__set_bit(routes->route[gsi].data & 0xff, want);
	}
	for (i = 0; i < BITS_TO_LONGS(256); i++)
		WRITE_ONCE(irq->eoi_vectors[i], want[i]);
	vmm_apic_eois_changed(vm);
}

static int add_pin(struct vmm_routes *routes, u32 gsi, u32 chip, u32 pin)
{
	struct route *route = &routes->route[gsi];
	bool ioapic = chip == KVM_IRQCHIP_IOAPIC;
	u8 *slot = ioapic ? &route->ioapic : &route->pic;

	switch (chip) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		if (pin >= VMM_NR_PIC_PINS / 2)
			return -EINVAL;
		pin += chip == KVM_IRQCHIP_PIC_SLAVE ? 8 : 0;
		routes->pic_gsi[pin] = gsi;
		break;
	case KVM_IRQCHIP_IOAPIC:
		if (pin >= VMM_NR_IOAPIC_PINS)
			return -EINVAL;
		routes->ioapic_gsi[pin] = gsi;
		break;
	default:
		return -EINVAL;
	}
	/* one pin of a kind, and no message beside it */
	if (route->kind == ROUTE_MSI || *slot != NO_PIN)
		return -EINVAL;
	route->kind = ROUTE_PINS;
	*slot = pin;
	return 0;
}

static int add_msi(struct vmm_vm *vm, struct vmm_routes *routes, u32 gsi,
		   const struct kvm_irq_routing_msi *msi)
{
	struct route *route = &routes->route[gsi];
	struct vmm_apic_msg msg;

	if (route->kind != ROUTE_NONE)
		return -EINVAL;
	route->kind = ROUTE_MSI;
	route->address = (u64)msi->address_hi << 32 | msi->address_lo;
	route->data = msi->data;
	return decode_msi(vm, route->address, route->data, &msg);
}

static int add_entry(struct vmm_vm *vm, struct vmm_routes *routes,
		     const struct kvm_irq_routing_entry *e)
{
	switch (e->type) {
	case KVM_IRQ_ROUTING_IRQCHIP:
		/* Pins of controllers that are user space's lead nowhere, and are refused. */
		if (e->flags || vm->irq.mode == VMM_IRQCHIP_SPLIT)
			return -EINVAL;
		return add_pin(routes, e->gsi, e->u.irqchip.irqchip, e->u.irqchip.pin);
	case KVM_IRQ_ROUTING_MSI:
		/* A device's id beside the message is not used here, but allowed. */
		if (e->flags & ~KVM_MSI_VALID_DEVID)
			return -EINVAL;
		return add_msi(vm, routes, e->gsi, &e->u.msi);
	default:
		return -EINVAL;
	}
}

static struct vmm_routes *alloc_routes(u32 nr)
{
	struct vmm_routes *routes;
	u32 i;

	routes = kvzalloc(struct_size(routes, route, nr), GFP_KERNEL_ACCOUNT);
	if (!routes)
		return NULL;
	routes->nr = nr;
	for (i = 0; i < nr; i++) {
		routes->route[i].pic = NO_PIN;
		routes->route[i].ioapic = NO_PIN;
	}
	for (i = 0; i < VMM_NR_PIC_PINS; i++)
		routes->pic_gsi[i] = NO_GSI;
	for (i = 0; i < VMM_NR_IOAPIC_PINS; i++)
		routes->ioapic_gsi[i] = NO_GSI;
	return routes;
}

static struct vmm_routes *build_routes(struct vmm_vm *vm, const struct kvm_irq_routing_entry *e,
				       u32 n)
{
	struct vmm_routes *routes;
	u32 i, nr = 0;
	int r;

	for (i = 0; i < n; i++) {
		if (e[i].gsi >= VMM_MAX_GSI)
			return ERR_PTR(-EINVAL);
		nr = max(nr, e[i].gsi + 1);
	}
	routes = alloc_routes(nr);
	if (!routes)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < n; i++) {
		r = add_entry(vm, routes, &e[i]);
		if (r) {
			kvfree(routes);
			return ERR_PTR(r);
		}
		cond_resched();
	}
	return routes;
}

static void install_routes(struct vmm_vm *vm, struct vmm_routes *routes)
{
	struct vmm_irq *irq = &vm->irq;
	struct vmm_routes *old;

	lockdep_assert_held(&irq->lock);
	old = rcu_dereference_protected(irq->routes, lockdep_is_held(&irq->lock));
	rcu_assign_pointer(irq->routes, routes);
	if (irq->mode == VMM_IRQCHIP_SPLIT)
		update_split_eoi(vm, routes);
	else if (irq->ioapic)
		vmm_ioapic_update_eoi(irq->ioapic);
	if (!old)
		return;
	synchronize_srcu_expedited(&irq->srcu);
	kvfree(old);
}

/**
 * vmm_set_routing() - KVM_SET_GSI_ROUTING
 * @vm:    the VM
 * @ue:    entries
 * @nr:    how many
 * @flags: must be 0
 *
 * Context: process; sleeps until nobody uses the table before.
 * Return: 0; -EINVAL: no local APICs in the kernel, too many or impossible
 * entries; -ENOMEM.
 */
int vmm_set_routing(struct vmm_vm *vm, const struct kvm_irq_routing_entry *ue, u32 nr, u32 flags)
{
	struct vmm_routes *routes;

	if (vm->irq.mode == VMM_IRQCHIP_NONE || nr > VMM_MAX_GSI || flags)
		return -EINVAL;
	mutex_lock(&vm->irq.lock);
	routes = build_routes(vm, ue, nr);
	if (!IS_ERR(routes))
		install_routes(vm, routes);
	mutex_unlock(&vm->irq.lock);
	return PTR_ERR_OR_ZERO(routes);
}

/* The lines of a PC: the old devices on both controllers, the rest on the I/O APIC. */
static int default_routes(struct vmm_vm *vm)
{
	struct vmm_routes *routes = alloc_routes(VMM_NR_IOAPIC_PINS);
	u32 gsi;

	if (!routes)
		return -ENOMEM;
	for (gsi = 0; gsi < VMM_NR_IOAPIC_PINS; gsi++) {
		add_pin(routes, gsi, KVM_IRQCHIP_IOAPIC, gsi);
		if (gsi < VMM_NR_PIC_PINS)
			add_pin(routes, gsi, gsi / 8 ? KVM_IRQCHIP_PIC_SLAVE :
				KVM_IRQCHIP_PIC_MASTER, gsi % 8);
	}
	install_routes(vm, routes);
	return 0;
}

/* --- the board as a whole --------------------------------------------------------------- */

/**
 * vmm_irqchip_create() - KVM_CREATE_IRQCHIP
 * @vm: the VM; its lock is held
 *
 * Return: 0, -EEXIST there is one, -EINVAL there are vCPUs, -ENOMEM.
 */
int vmm_irqchip_create(struct vmm_vm *vm)
{
	struct vmm_irq *irq = &vm->irq;
	int r;

	lockdep_assert_held(&vm->lock);
	if (irq->mode != VMM_IRQCHIP_NONE)
		return -EEXIST;
	if (vm->nr_vcpus)
		return -EINVAL;
	mutex_lock(&irq->lock);
	r = vmm_pic_create(vm);
	if (r)
		goto out;
	r = vmm_ioapic_create(vm);
	if (r)
		goto err_pic;
	r = default_routes(vm);
	if (r)
		goto err_ioapic;
	smp_store_release(&irq->mode, VMM_IRQCHIP_KERNEL);
	goto out;

err_ioapic:
	vmm_ioapic_destroy(vm);
err_pic:
	vmm_pic_destroy(vm);
out:
	mutex_unlock(&irq->lock);
	return r;
}

/**
 * vmm_irqchip_split() - KVM_CAP_SPLIT_IRQCHIP: local APICs only
 * @vm:   the VM; its lock is held
 * @pins: routes whose EOI user space wants: those below this number
 *
 * Return: 0, -EEXIST there is one, or there are vCPUs; -EINVAL too many pins; -ENOMEM.
 */
int vmm_irqchip_split(struct vmm_vm *vm, u32 pins)
{
	struct vmm_irq *irq = &vm->irq;
	struct vmm_routes *routes;

	lockdep_assert_held(&vm->lock);
	if (pins > VMM_MAX_GSI)
		return -EINVAL;
	if (irq->mode != VMM_IRQCHIP_NONE || vm->nr_vcpus)
		return -EEXIST;
	routes = alloc_routes(0);
	if (!routes)
		return -ENOMEM;
	mutex_lock(&irq->lock);
	irq->nr_split_pins = pins;
	install_routes(vm, routes);
	smp_store_release(&irq->mode, VMM_IRQCHIP_SPLIT);
	mutex_unlock(&irq->lock);
	return 0;
}

static int irqchip_access(struct vmm_vm *vm, struct kvm_irqchip *chip, bool set)
{
	struct vmm_irq *irq = &vm->irq;
	bool slave = chip->chip_id == KVM_IRQCHIP_PIC_SLAVE;

	if (irq->mode != VMM_IRQCHIP_KERNEL)
		return -ENXIO;
	switch (chip->chip_id) {
	case KVM_IRQCHIP_PIC_MASTER:
	case KVM_IRQCHIP_PIC_SLAVE:
		if (set)
			vmm_pic_set(irq->pic, slave, &chip->chip.pic);
		else
			vmm_pic_get(irq->pic, slave, &chip->chip.pic);
		return 0;
	case KVM_IRQCHIP_IOAPIC:
		if (set)
			vmm_ioapic_set(irq->ioapic, &chip->chip.ioapic);
		else
			vmm_ioapic_get(irq->ioapic, &chip->chip.ioapic);
		return 0;
	default:
		return -EINVAL;
	}
}

/** vmm_irqchip_get() - KVM_GET_IRQCHIP; -ENXIO not in the kernel, -EINVAL no such chip */
int vmm_irqchip_get(struct vmm_vm *vm, struct kvm_irqchip *chip)
{
	return irqchip_access(vm, chip, false);
}

/** vmm_irqchip_set() - KVM_SET_IRQCHIP; as above */
int vmm_irqchip_set(struct vmm_vm *vm, struct kvm_irqchip *chip)
{
	return irqchip_access(vm, chip, true);
}

/**
 * vmm_irq_init() - the interrupt side of a new VM: nothing in the kernel yet
 * @vm: the VM
 *
 * Return: 0 or -ENOMEM.
 */
int vmm_irq_init(struct vmm_vm *vm)
{
	struct vmm_irq *irq = &vm->irq;
	int r;

	mutex_init(&irq->lock);
	spin_lock_init(&irq->ring_lock);
	INIT_LIST_HEAD(&irq->irqfds);
	INIT_LIST_HEAD(&irq->resamplers);
	INIT_LIST_HEAD(&irq->ioeventfds);
	INIT_LIST_HEAD(&irq->zones);
	INIT_LIST_HEAD(&irq->ack_notifiers);
	irq->ring_page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!irq->ring_page)
		return -ENOMEM;
	r = init_srcu_struct(&irq->srcu);
	if (r) {
		put_page(irq->ring_page);
		return r;
	}
	return 0;
}

/** vmm_irq_stop() - the VM's file is released: its irqfds end, its vCPUs may still run */
void vmm_irq_stop(struct vmm_vm *vm)
{
	vmm_irqfd_stop(vm);
}

/** vmm_irq_destroy() - the VM goes; no vCPU runs, and they are still there */
void vmm_irq_destroy(struct vmm_vm *vm)
{
	struct vmm_irq *irq = &vm->irq;

	mutex_lock(&irq->lock);
	/* First the ways to the devices, so that none of them has to wait for its readers. */
	vmm_bus_destroy(vm);
	vmm_pit_destroy(vm);
	vmm_ioeventfd_destroy(vm);
	vmm_coalesced_destroy(vm);
	vmm_ioapic_destroy(vm);
	vmm_pic_destroy(vm);
	kvfree(rcu_dereference_protected(irq->routes, lockdep_is_held(&irq->lock)));
	RCU_INIT_POINTER(irq->routes, NULL);
	mutex_unlock(&irq->lock);
	cleanup_srcu_struct(&irq->srcu);
	put_page(irq->ring_page);
}
