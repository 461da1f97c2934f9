// SPDX-License-Identifier: GPL-2.0
/*
 * Devices inside the kernel, found by port or guest-physical address.
 *
 * Design: one array per bus, sorted by address, that is replaced as a whole.
 * Ranges may overlap and be nested; with each entry goes the highest end of all
 * ranges up to it, so that a search knows when it may stop looking back. An
 * access is offered to each device in whose range it lies, lowest first, until
 * one takes it. A device of length 0 is met by any access that starts at its
 * address.
 *
 * Locking: vm->irq.lock for changes, vm->irq.srcu for lookups. A removed device
 * is no longer in use when vmm_bus_unregister() returns.
 *
 * Limits: VMM_BUS_MAX devices a bus.
 */
#include <linux/slab.h>
#include "board.h"

#define VMM_BUS_MAX	16384

struct bus_entry {
	u64 addr;
	u64 end;		/* first address beyond; a device of length 0 has one address */
	u64 max_end;		/* of this entry and all before it */
	struct vmm_iodev *dev;
};

struct vmm_bus {
	u32 nr;
	struct bus_entry entry[];
};

static struct vmm_bus *bus_of(struct vmm_vm *vm, enum vmm_bus_id id)
{
	return rcu_dereference_protected(vm->irq.bus[id], lockdep_is_held(&vm->irq.lock));
}

static struct vmm_bus *bus_alloc(u32 nr)
{
	return kvzalloc(sizeof(struct vmm_bus) + nr * sizeof(struct bus_entry),
			GFP_KERNEL_ACCOUNT);
}

static void bus_finish(struct vmm_bus *bus)
{
	u64 max_end = 0;
	u32 i;

	for (i = 0; i < bus->nr; i++) {
		max_end = max(max_end, bus->entry[i].end);
		bus->entry[i].max_end = max_end;
	}
}

/* A device without the guest's accesses, seen by its address alone. */
static u64 dev_end(const struct vmm_iodev *dev)
{
	u64 end = dev->addr + (dev->len ?: 1);

	return end < dev->addr ? ~0ull : end;
}

/**
 * vmm_bus_register() - put a device on a bus
 * @vm:  the VM
 * @id:  which bus
 * @dev: device; its ops, addr and len are filled in
 *
 * Context: process, vm->irq.lock held; sleeps for a grace period.
 * Return: 0, -ENOSPC: too many devices, -ENOMEM.
 */
int vmm_bus_register(struct vmm_vm *vm, enum vmm_bus_id id, struct vmm_iodev *dev)
{
	struct vmm_bus *old = bus_of(vm, id), *new;
	u32 nr = old ? old->nr : 0, at = 0;

	lockdep_assert_held(&vm->irq.lock);
	if (nr >= VMM_BUS_MAX)
		return -ENOSPC;
	new = bus_alloc(nr + 1);
	if (!new)
		return -ENOMEM;
	while (at < nr && old->entry[at].addr <= dev->addr)
		at++;
	if (old) {
		memcpy(new->entry, old->entry, at * sizeof(*new->entry));
		memcpy(new->entry + at + 1, old->entry + at, (nr - at) * sizeof(*new->entry));
	}
	new->nr = nr + 1;
	new->entry[at].addr = dev->addr;
	new->entry[at].end = dev_end(dev);
	new->entry[at].dev = dev;
	bus_finish(new);
	rcu_assign_pointer(vm->irq.bus[id], new);
	synchronize_srcu_expedited(&vm->irq.srcu);
	kvfree(old);
	return 0;
}

/*
 * No memory for a smaller array: the device's place stays, and nobody is there.
 * The array is in use, so the pointer is all that may change.
 */
static void bus_blank(struct vmm_bus *bus, struct vmm_iodev *dev)
{
	u32 i;

	for (i = 0; i < bus->nr; i++) {
		if (bus->entry[i].dev == dev)
			WRITE_ONCE(bus->entry[i].dev, NULL);
	}
}

/**
 * vmm_bus_unregister() - take a device off a bus
 * @vm:  the VM
 * @id:  which bus
 * @dev: the device; if it is not there, nothing happens
 *
 * Context: process, vm->irq.lock held; sleeps until nobody uses the device.
 */
void vmm_bus_unregister(struct vmm_vm *vm, enum vmm_bus_id id, struct vmm_iodev *dev)
{
	struct vmm_bus *old = bus_of(vm, id), *new;
	u32 i;

	lockdep_assert_held(&vm->irq.lock);
	if (!old)
		return;
	new = bus_alloc(old->nr);
	if (!new) {
		bus_blank(old, dev);
		synchronize_srcu_expedited(&vm->irq.srcu);
		return;
	}
	/* This also drops places that were blanked for want of memory. */
	for (i = 0; i < old->nr; i++) {
		if (old->entry[i].dev && old->entry[i].dev != dev)
			new->entry[new->nr++] = old->entry[i];
	}
	bus_finish(new);
	if (!new->nr) {
		kvfree(new);
		new = NULL;
	}
	rcu_assign_pointer(vm->irq.bus[id], new);
	synchronize_srcu_expedited(&vm->irq.srcu);
	kvfree(old);
}

/** vmm_bus_destroy() - the VM goes: no vCPU runs, and the devices free themselves */
void vmm_bus_destroy(struct vmm_vm *vm)
{
	int i;

	for (i = 0; i < VMM_NR_BUSES; i++) {
		kvfree(rcu_dereference_protected(vm->irq.bus[i], true));
		RCU_INIT_POINTER(vm->irq.bus[i], NULL);
	}
}

/* First entry whose range, or that of one after it, can hold @addr. */
static u32 bus_first(const struct vmm_bus *bus, u64 addr)
{
	u32 lo = 0, hi = bus->nr;

	/* max_end never falls along the array */
	while (lo < hi) {
		u32 mid = (lo + hi) / 2;

		if (bus->entry[mid].max_end > addr)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

static bool covers(const struct bus_entry *e, const struct vmm_iodev *dev, u64 addr, u32 len)
{
	if (!dev->len)
		return e->addr == addr;
	/* the access does not wrap around: the range does not, and it lies in it */
	return addr < e->end && len <= e->end - addr;
}

/* Offer an access to each device in whose range it lies, until one takes it. */
static int bus_access(struct vmm_vcpu *vcpu, enum vmm_bus_id id, bool write, u64 addr, u32 len,
		      void *data)
{
	struct vmm_irq *irq = &vcpu->vm->irq;
	int idx, r = -EOPNOTSUPP;
	struct vmm_bus *bus;
	u32 i;

	if (!rcu_access_pointer(irq->bus[id]))
		return -EOPNOTSUPP;
	idx = srcu_read_lock(&irq->srcu);
	bus = srcu_dereference(irq->bus[id], &irq->srcu);
	for (i = bus ? bus_first(bus, addr) : 0; bus && i < bus->nr; i++) {
		struct vmm_iodev *dev = READ_ONCE(bus->entry[i].dev);

		if (bus->entry[i].addr > addr)
			break;
		if (!dev || !covers(&bus->entry[i], dev, addr, len))
			continue;
		r = write ? dev->ops->write(dev, vcpu, addr, len, data) :
			    dev->ops->read(dev, vcpu, addr, len, data);
		if (!r)
			break;
	}
	srcu_read_unlock(&irq->srcu, idx);
	return r;
}

/**
 * vmm_bus_read() - offer a read to the devices of a bus
 * @vcpu: who reads
 * @id:   which bus
 * @addr: port or guest-physical address
 * @len:  bytes
 * @data: the answer
 *
 * Context: process, the vCPU's thread.
 * Return: 0 a device served it, -EOPNOTSUPP nobody did.
 */
int vmm_bus_read(struct vmm_vcpu *vcpu, enum vmm_bus_id id, u64 addr, u32 len, void *data)
{
	return bus_access(vcpu, id, false, addr, len, data);
}

/**
 * vmm_bus_write() - offer a write to the devices of a bus
 * @vcpu: who writes
 * @id:   which bus
 * @addr: port or guest-physical address
 * @len:  bytes; 0 on the bus that decodes nothing
 * @data: what is written
 *
 * Context: process, the vCPU's thread.
 * Return: 0 a device served it, -EOPNOTSUPP nobody did.
 */
int vmm_bus_write(struct vmm_vcpu *vcpu, enum vmm_bus_id id, u64 addr, u32 len, const void *data)
{
	return bus_access(vcpu, id, true, addr, len, (void *)data);
}

/**
 * vmm_mmio_in_kernel() - offer an access to the local APIC and the devices of the kernel
 * @vcpu:  who accesses
 * @write: direction
 * @gpa:   guest-physical address
 * @len:   1 to 8 bytes
 * @data:  what is written, or the answer
 *
 * Context: process, the vCPU's thread.
 * Return: 0 served, -EOPNOTSUPP: it is user space's.
 */
int vmm_mmio_in_kernel(struct vmm_vcpu *vcpu, bool write, u64 gpa, u32 len, void *data)
{
	if (vcpu->vm->irq.mode != VMM_IRQCHIP_NONE && !vmm_apic_mmio(vcpu, write, gpa, len, data))
		return 0;
	return bus_access(vcpu, VMM_BUS_MMIO, write, gpa, len, data);
}
