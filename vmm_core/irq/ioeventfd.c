// SPDX-License-Identifier: GPL-2.0
/*
 * ioeventfd: a guest's write to a port or an address that signals an eventfd, and
 * goes on at once.
 *
 * Design: a device on the bus for each. Length 0 takes writes of any length; such a
 * one in memory is also on the bus that decodes nothing, where the address of
 * the exit alone decides. With a datamatch, only a write of that value counts;
 * others go to the next device there, or to user space.
 *
 * Locking: vm->irq.lock for the list; the bus for its readers.
 */
#include <linux/slab.h>
#include "board.h"
#include "trace.h"

/**
 * struct ioeventfd - a write that signals
 * @link:    in vm->irq.ioeventfds
 * @eventfd: what is signalled
 * @match:   only the value @datamatch
 * @datamatch: see there
 * @bus:     ports or memory
 * @io:      its address and length
 * @fast:    the same, on the bus that decodes nothing; ops NULL: not there
 */
struct ioeventfd {
	struct list_head link;
	struct eventfd_ctx *eventfd;
	bool match;
	u64 datamatch;
	enum vmm_bus_id bus;
	struct vmm_iodev io, fast;
};

static int no_read(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len, void *data)
{
	return -EOPNOTSUPP;
}

static int io_write(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len,
		    const void *data)
{
	struct ioeventfd *p = container_of(io, struct ioeventfd, io);

	if (addr != io->addr || (io->len && len != io->len))
		return -EOPNOTSUPP;
	if (p->match && vmm_io_value(data, len) != p->datamatch)
		return -EOPNOTSUPP;
	trace_vmm_ioeventfd(vcpu->vm->group->id, vcpu->id, addr);
	vmm_signal_eventfd(p->eventfd);
	return 0;
}

static int fast_write(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len,
		      const void *data)
{
	trace_vmm_ioeventfd(vcpu->vm->group->id, vcpu->id, addr);
	vmm_signal_eventfd(container_of(io, struct ioeventfd, fast)->eventfd);
	return 0;
}

static const struct vmm_iodev_ops io_ops = {
	.read = no_read,
	.write = io_write,
};

static const struct vmm_iodev_ops fast_ops = {
	.read = no_read,
	.write = fast_write,
};

/* Would one write signal both? */
static bool conflict(struct vmm_vm *vm, const struct ioeventfd *new)
{
	struct ioeventfd *p;

	list_for_each_entry(p, &vm->irq.ioeventfds, link) {
		if (p->bus != new->bus || p->io.addr != new->io.addr)
			continue;
		if (!p->io.len || !new->io.len)
			return true;
		if (p->io.len == new->io.len &&
		    (!p->match || !new->match || p->datamatch == new->datamatch))
			return true;
	}
	return false;
}

static int connect(struct vmm_vm *vm, struct ioeventfd *p)
{
	int r;

	lockdep_assert_held(&vm->irq.lock);
	if (conflict(vm, p))
		return -EEXIST;
	r = vmm_bus_register(vm, p->bus, &p->io);
	if (r)
		return r;
	if (!p->io.len && p->bus == VMM_BUS_MMIO) {
		p->fast = p->io;
		p->fast.ops = &fast_ops;
		r = vmm_bus_register(vm, VMM_BUS_FAST_MMIO, &p->fast);
		if (r) {
			vmm_bus_unregister(vm, p->bus, &p->io);
			return r;
		}
	}
	list_add_tail(&p->link, &vm->irq.ioeventfds);
	return 0;
}

static u64 datamatch_of(const struct kvm_ioeventfd *args)
{
	if (!(args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH))
		return 0;
	return vmm_io_value(&args->datamatch, args->len);
}

static int assign(struct vmm_vm *vm, const struct kvm_ioeventfd *args, enum vmm_bus_id bus)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);
	struct ioeventfd *p;
	int r = -ENOMEM;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	p = kzalloc(sizeof(*p), GFP_KERNEL_ACCOUNT);
	if (p) {
		p->eventfd = eventfd;
		p->match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
		p->datamatch = datamatch_of(args);
		p->bus = bus;
		p->io.ops = &io_ops;
		p->io.addr = args->addr;
		p->io.len = args->len;
		mutex_lock(&vm->irq.lock);
		r = connect(vm, p);
		mutex_unlock(&vm->irq.lock);
	}
	if (r) {
		kfree(p);
		eventfd_ctx_put(eventfd);
	}
	return r;
}

static struct ioeventfd *find(struct vmm_vm *vm, const struct kvm_ioeventfd *args,
			      enum vmm_bus_id bus, const struct eventfd_ctx *eventfd)
{
	bool match = args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH;
	struct ioeventfd *p;

	list_for_each_entry(p, &vm->irq.ioeventfds, link) {
		if (p->bus == bus && p->eventfd == eventfd && p->io.addr == args->addr &&
		    p->io.len == args->len && p->match == match &&
		    p->datamatch == datamatch_of(args))
			return p;
	}
	return NULL;
}

static int deassign(struct vmm_vm *vm, const struct kvm_ioeventfd *args, enum vmm_bus_id bus)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);
	struct ioeventfd *p;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	mutex_lock(&vm->irq.lock);
	p = find(vm, args, bus, eventfd);
	if (p) {
		list_del(&p->link);
		vmm_bus_unregister(vm, p->bus, &p->io);
		if (p->fast.ops)
			vmm_bus_unregister(vm, VMM_BUS_FAST_MMIO, &p->fast);
		eventfd_ctx_put(p->eventfd);
		kfree(p);
	}
	mutex_unlock(&vm->irq.lock);
	eventfd_ctx_put(eventfd);
	return p ? 0 : -ENOENT;
}

/**
 * vmm_ioeventfd() - KVM_IOEVENTFD
 * @vm:   the VM
 * @args: user space's request
 *
 * Context: process, no locks.
 * Return: 0; -EINVAL: a flag, a length, an address that wraps, a datamatch without
 * a length, not an eventfd; -EBADF; -EEXIST: another one would be signalled by the
 * same write; -ENOENT: none to take away; -ENOSPC, -ENOMEM.
 */
int vmm_ioeventfd(struct vmm_vm *vm, const struct kvm_ioeventfd *args)
{
	enum vmm_bus_id bus = VMM_BUS_MMIO;

	if (args->flags & ~(KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_PIO |
			    KVM_IOEVENTFD_FLAG_DEASSIGN))
		return -EINVAL;
	if (args->flags & KVM_IOEVENTFD_FLAG_PIO)
		bus = VMM_BUS_PIO;
	if (args->flags & KVM_IOEVENTFD_FLAG_DEASSIGN)
		return deassign(vm, args, bus);
	if (args->len > 8 || (args->len & (args->len - 1)))
		return -EINVAL;
	if (args->addr + args->len < args->addr)
		return -EINVAL;
	if (!args->len && (args->flags & KVM_IOEVENTFD_FLAG_DATAMATCH))
		return -EINVAL;
	return assign(vm, args, bus);
}

/** vmm_ioeventfd_destroy() - the VM goes, its buses are gone; vm->irq.lock held */
void vmm_ioeventfd_destroy(struct vmm_vm *vm)
{
	struct ioeventfd *p, *next;

	list_for_each_entry_safe(p, next, &vm->irq.ioeventfds, link) {
		list_del(&p->link);
		eventfd_ctx_put(p->eventfd);
		kfree(p);
	}
}
