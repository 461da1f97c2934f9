// SPDX-License-Identifier: GPL-2.0
/*
 * Coalesced accesses: writes to some addresses or ports wait in a ring that user
 * space shares, until it looks for another reason.
 *
 * Design: a device on the bus for each zone; one ring for the VM, in the third
 * page of each vCPU's run area. We write entries and @last, user space reads them
 * and writes @first. A full ring sends the write to user space as ever, which
 * empties the ring first, so that the order stays.
 *
 * Locking: vm->irq.lock for the list of zones; vm->irq.ring_lock for the ring's
 * writers. User space can write anything anywhere in it: both indices are
 * checked at each use, and nothing is read back.
 */
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include "board.h"

#define RING_ENTRIES	KVM_COALESCED_MMIO_MAX
#define MAX_ZONES	1000

struct ring_zone {
	struct list_head link;
	struct vmm_vm *vm;
	bool pio;
	struct vmm_iodev io;
};

static int no_read(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len, void *data)
{
	return -EOPNOTSUPP;
}

static int zone_write(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len,
		      const void *data)
{
	struct ring_zone *zone = container_of(io, struct ring_zone, io);
	struct vmm_irq *irq = &zone->vm->irq;
	struct kvm_coalesced_mmio_ring *ring = page_address(irq->ring_page);
	struct kvm_coalesced_mmio *entry;
	u32 last, next;

	if (len > sizeof(entry->data))
		return -EOPNOTSUPP;
	spin_lock(&irq->ring_lock);
	last = READ_ONCE(ring->last);
	if (last >= RING_ENTRIES)
		goto full;
	next = (last + 1) % RING_ENTRIES;
	/* What user space has read it does not read again: a barrier is not needed here. */
	if (next == READ_ONCE(ring->first))
		goto full;
	entry = &ring->coalesced_mmio[array_index_nospec(last, RING_ENTRIES)];
	entry->phys_addr = addr;
	entry->len = len;
	entry->pio = zone->pio;
	memcpy(entry->data, data, len);
	smp_store_release(&ring->last, next);
	spin_unlock(&irq->ring_lock);
	return 0;

full:
	spin_unlock(&irq->ring_lock);
	return -EOPNOTSUPP;
}

static const struct vmm_iodev_ops zone_ops = {
	.read = no_read,
	.write = zone_write,
};

static enum vmm_bus_id bus_of(const struct ring_zone *zone)
{
	return zone->pio ? VMM_BUS_PIO : VMM_BUS_MMIO;
}

/**
 * vmm_coalesced_register() - KVM_REGISTER_COALESCED_MMIO
 * @vm:   the VM
 * @args: addresses or ports
 *
 * Context: process, no locks.
 * Return: 0; -EINVAL: neither memory nor ports, or nothing of it; -ENOSPC, -ENOMEM.
 */
int vmm_coalesced_register(struct vmm_vm *vm, const struct kvm_coalesced_mmio_zone *args)
{
	struct ring_zone *zone, *z;
	unsigned int n = 0;
	int r;

	if (args->pio > 1 || !args->size || args->addr + args->size < args->addr)
		return -EINVAL;
	zone = kzalloc(sizeof(*zone), GFP_KERNEL_ACCOUNT);
	if (!zone)
		return -ENOMEM;
	zone->vm = vm;
	zone->pio = args->pio;
	zone->io.ops = &zone_ops;
	zone->io.addr = args->addr;
	zone->io.len = args->size;
	mutex_lock(&vm->irq.lock);
	list_for_each_entry(z, &vm->irq.zones, link)
		n++;
	r = n < MAX_ZONES ? 0 : -ENOSPC;
	if (!r)
		r = vmm_bus_register(vm, bus_of(zone), &zone->io);
	if (!r)
		list_add_tail(&zone->link, &vm->irq.zones);
	mutex_unlock(&vm->irq.lock);
	if (r)
		kfree(zone);
	return r;
}

/* Does @zone hold all of @args? */
static bool holds(const struct ring_zone *zone, const struct kvm_coalesced_mmio_zone *args)
{
	return zone->pio == args->pio && args->addr >= zone->io.addr &&
	       args->addr - zone->io.addr <= zone->io.len &&
	       args->size <= zone->io.len - (args->addr - zone->io.addr);
}

/**
 * vmm_coalesced_unregister() - KVM_UNREGISTER_COALESCED_MMIO
 * @vm:   the VM
 * @args: addresses or ports; each zone that holds them goes
 *
 * Context: process, no locks.
 * Return: 0, also if there is none; -EINVAL: neither memory nor ports.
 */
int vmm_coalesced_unregister(struct vmm_vm *vm, const struct kvm_coalesced_mmio_zone *args)
{
	struct ring_zone *zone, *next;

	if (args->pio > 1)
		return -EINVAL;
	mutex_lock(&vm->irq.lock);
	list_for_each_entry_safe(zone, next, &vm->irq.zones, link) {
		if (!holds(zone, args))
			continue;
		vmm_bus_unregister(vm, bus_of(zone), &zone->io);
		list_del(&zone->link);
		kfree(zone);
	}
	mutex_unlock(&vm->irq.lock);
	return 0;
}

/** vmm_coalesced_destroy() - the VM goes, its buses are gone; vm->irq.lock held */
void vmm_coalesced_destroy(struct vmm_vm *vm)
{
	struct ring_zone *zone, *next;

	list_for_each_entry_safe(zone, next, &vm->irq.zones, link) {
		list_del(&zone->link);
		kfree(zone);
	}
}
