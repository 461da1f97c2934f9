// SPDX-License-Identifier: GPL-2.0
/*
 * irqfd: an eventfd that is an interrupt line.
 *
 * Design: an entry in the eventfd's wait queue is called in the middle of its
 * signalling and drives the GSI at once: up and down, an edge. With a resample
 * eventfd the line stays up until the guest ends the interrupt; then it goes
 * down, the resample eventfd is signalled, and the device raises the first one
 * again if it has to. All of those of one GSI share the line: a resampler.
 *
 * Life: an irqfd ends by request, with the VM's file, or with its eventfd. In
 * each case the first one to mark it dying queues its end to a work queue, and
 * only that end takes it apart. Who marks it from the eventfd's wake-up does so
 * before the entry is off the wait queue; who marks it otherwise holds irq.lock
 * and has found it in the list: so the struct is there for both.
 *
 * Locking: vm->irq.lock for lists. The wake-up runs with interrupts off, under
 * the lock of the eventfd's wait queue.
 *
 * Limits: no bypass by the processor (posted interrupts of assigned devices).
 */
#include <linux/file.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include "board.h"
#include "trace.h"

#define IRQFD_DYING	0

/**
 * struct resampler - the irqfds with a resample eventfd on one GSI
 * @vm:       whose
 * @link:     in vm->irq.resamplers
 * @irqfds:   its irqfds; irq.lock for changes, SRCU for reading
 * @notifier: of the GSI's acknowledgements
 */
struct resampler {
	struct vmm_vm *vm;
	struct list_head link;
	struct list_head irqfds;
	struct vmm_ack_notifier notifier;
};

/**
 * struct irqfd - an eventfd that drives a GSI
 * @vm:        whose; the VM outlives it
 * @link:      in vm->irq.irqfds, or empty
 * @gsi:       which
 * @state:     bit IRQFD_DYING
 * @eventfd:   what drives it
 * @wait:      entry in its wait queue
 * @poll:      for getting there
 * @end:       work that takes it apart
 * @resampler: or NULL
 * @resample:  eventfd to signal at the end of an interrupt
 * @sibling:   in the resampler's list
 */
struct irqfd {
	struct vmm_vm *vm;
	struct list_head link;
	u32 gsi;
	unsigned long state;
	struct eventfd_ctx *eventfd;
	wait_queue_entry_t wait;
	poll_table poll;
	struct work_struct end;
	struct resampler *resampler;
	struct eventfd_ctx *resample;
	struct list_head sibling;
};

static struct workqueue_struct *ends;

/* --- resampling ---------------------------------------------------------------------- */

/* The guest has ended the interrupt: the line goes down, and the devices are asked again. */
static void resampler_acked(struct vmm_ack_notifier *n)
{
	struct resampler *rs = container_of(n, struct resampler, notifier);
	struct irqfd *irqfd;

	vmm_set_irq(rs->vm, VMM_IRQ_SOURCE_RESAMPLE, n->gsi, 0);
	list_for_each_entry_srcu(irqfd, &rs->irqfds, sibling,
				 srcu_read_lock_held(&rs->vm->irq.srcu))
		vmm_signal_eventfd(irqfd->resample);
}

static struct resampler *resampler_find(struct vmm_vm *vm, u32 gsi)
{
	struct resampler *rs;

	list_for_each_entry(rs, &vm->irq.resamplers, link) {
		if (rs->notifier.gsi == gsi)
			return rs;
	}
	return NULL;
}

static int resampler_join(struct irqfd *irqfd)
{
	struct vmm_vm *vm = irqfd->vm;
	struct resampler *rs;

	lockdep_assert_held(&vm->irq.lock);
	rs = resampler_find(vm, irqfd->gsi);
	if (!rs) {
		rs = kzalloc(sizeof(*rs), GFP_KERNEL_ACCOUNT);
		if (!rs)
			return -ENOMEM;
		rs->vm = vm;
		INIT_LIST_HEAD(&rs->irqfds);
		rs->notifier.gsi = irqfd->gsi;
		rs->notifier.acked = resampler_acked;
		list_add(&rs->link, &vm->irq.resamplers);
		vmm_ack_register(vm, &rs->notifier);
	}
	irqfd->resampler = rs;
	list_add_rcu(&irqfd->sibling, &rs->irqfds);
	return 0;
}

static void resampler_leave(struct irqfd *irqfd)
{
	struct resampler *rs = irqfd->resampler;
	struct vmm_vm *vm = irqfd->vm;

	lockdep_assert_held(&vm->irq.lock);
	list_del_rcu(&irqfd->sibling);
	irqfd->resampler = NULL;
	if (!list_empty(&rs->irqfds)) {
		synchronize_srcu_expedited(&vm->irq.srcu);
		return;
	}
	list_del(&rs->link);
	vmm_ack_unregister(vm, &rs->notifier);	/* waits, for the list above, too */
	/* Nobody is left who could take it down. */
	vmm_set_irq(vm, VMM_IRQ_SOURCE_RESAMPLE, rs->notifier.gsi, 0);
	kfree(rs);
}

/* --- signals -------------------------------------------------------------------------- */

static void inject(struct irqfd *irqfd)
{
	trace_vmm_irqfd(irqfd->vm->group->id, irqfd->gsi);
	if (irqfd->resample) {
		vmm_set_irq(irqfd->vm, VMM_IRQ_SOURCE_RESAMPLE, irqfd->gsi, 1);
		return;
	}
	vmm_set_irq(irqfd->vm, VMM_IRQ_SOURCE_USER, irqfd->gsi, 1);
	vmm_set_irq(irqfd->vm, VMM_IRQ_SOURCE_USER, irqfd->gsi, 0);
}

static void die(struct irqfd *irqfd)
{
	if (!test_and_set_bit(IRQFD_DYING, &irqfd->state))
		queue_work(ends, &irqfd->end);
}

/* The eventfd was signalled, or is closed. Its wait queue's lock is held, interrupts are off. */
static int wake(wait_queue_entry_t *wait, unsigned int mode, int sync, void *key)
{
	struct irqfd *irqfd = container_of(wait, struct irqfd, wait);
	__poll_t events = key_to_poll(key);
	u64 count;
	int took = 0;

	if (events & EPOLLIN) {
		eventfd_ctx_do_read(irqfd->eventfd, &count);
		inject(irqfd);
		took = 1;
	}
	if (events & EPOLLHUP)
		die(irqfd);
	return took;
}

static void queue_proc(struct file *file, wait_queue_head_t *wqh, poll_table *poll)
{
	struct irqfd *irqfd = container_of(poll, struct irqfd, poll);

	add_wait_queue_priority(wqh, &irqfd->wait);
}

/* --- life ------------------------------------------------------------------------------ */

static void free_irqfd(struct irqfd *irqfd)
{
	if (irqfd->resample)
		eventfd_ctx_put(irqfd->resample);
	if (irqfd->eventfd)
		eventfd_ctx_put(irqfd->eventfd);
	kfree(irqfd);
}

static void end_work(struct work_struct *work)
{
	struct irqfd *irqfd = container_of(work, struct irqfd, end);
	struct vmm_vm *vm = irqfd->vm;
	u64 count;

	/* No wake-up from here on. */
	eventfd_ctx_remove_wait_queue(irqfd->eventfd, &irqfd->wait, &count);
	mutex_lock(&vm->irq.lock);
	list_del_init(&irqfd->link);
	if (irqfd->resampler)
		resampler_leave(irqfd);
	mutex_unlock(&vm->irq.lock);
	free_irqfd(irqfd);
}

static bool in_use(struct vmm_vm *vm, const struct eventfd_ctx *eventfd)
{
	struct irqfd *irqfd;

	list_for_each_entry(irqfd, &vm->irq.irqfds, link) {
		if (irqfd->eventfd == eventfd)
			return true;
	}
	return false;
}

/* Connect it; what was signalled before counts. irq.lock held. */
static int connect(struct irqfd *irqfd, struct file *file)
{
	struct vmm_vm *vm = irqfd->vm;
	int r;

	lockdep_assert_held(&vm->irq.lock);
	if (in_use(vm, irqfd->eventfd))
		return -EBUSY;
	if (irqfd->resample) {
		r = resampler_join(irqfd);
		if (r)
			return r;
	}
	list_add_tail(&irqfd->link, &vm->irq.irqfds);
	init_waitqueue_func_entry(&irqfd->wait, wake);
	init_poll_funcptr(&irqfd->poll, queue_proc);
	if (vfs_poll(file, &irqfd->poll) & EPOLLIN)
		inject(irqfd);
	return 0;
}

static int assign(struct vmm_vm *vm, const struct kvm_irqfd *args)
{
	struct irqfd *irqfd;
	struct file *file;
	int r;

	file = eventfd_fget(args->fd);
	if (IS_ERR(file))
		return PTR_ERR(file);
	irqfd = kzalloc(sizeof(*irqfd), GFP_KERNEL_ACCOUNT);
	if (!irqfd) {
		r = -ENOMEM;
		goto out_file;
	}
	irqfd->vm = vm;
	irqfd->gsi = args->gsi;
	INIT_LIST_HEAD(&irqfd->link);
	INIT_WORK(&irqfd->end, end_work);
	irqfd->eventfd = eventfd_ctx_fileget(file);
	if (args->flags & KVM_IRQFD_FLAG_RESAMPLE) {
		irqfd->resample = eventfd_ctx_fdget(args->resamplefd);
		if (IS_ERR(irqfd->resample)) {
			r = PTR_ERR(irqfd->resample);
			irqfd->resample = NULL;
			goto err_free;
		}
	}
	mutex_lock(&vm->irq.lock);
	r = connect(irqfd, file);
	mutex_unlock(&vm->irq.lock);
	if (!r)
		goto out_file;

err_free:
	free_irqfd(irqfd);
out_file:
	fput(file);
	return r;
}

static int deassign(struct vmm_vm *vm, const struct kvm_irqfd *args)
{
	struct eventfd_ctx *eventfd = eventfd_ctx_fdget(args->fd);
	struct irqfd *irqfd;

	if (IS_ERR(eventfd))
		return PTR_ERR(eventfd);
	mutex_lock(&vm->irq.lock);
	list_for_each_entry(irqfd, &vm->irq.irqfds, link) {
		if (irqfd->eventfd == eventfd && irqfd->gsi == args->gsi)
			die(irqfd);
	}
	mutex_unlock(&vm->irq.lock);
	eventfd_ctx_put(eventfd);
	/* The caller may rely on it that nothing comes any more. */
	flush_workqueue(ends);
	return 0;
}

/**
 * vmm_irqfd() - KVM_IRQFD
 * @vm:   the VM
 * @args: user space's request
 *
 * Context: process, no locks.
 * Return: 0; -EINVAL: a flag, not an eventfd, no controller in the kernel (or,
 * for resampling, no I/O APIC); -EBADF; -EBUSY: the eventfd drives a GSI
 * already; -ENOMEM.
 */
int vmm_irqfd(struct vmm_vm *vm, const struct kvm_irqfd *args)
{
	int mode = READ_ONCE(vm->irq.mode);

	if (args->flags & ~(KVM_IRQFD_FLAG_DEASSIGN | KVM_IRQFD_FLAG_RESAMPLE))
		return -EINVAL;
	if (args->flags & KVM_IRQFD_FLAG_DEASSIGN)
		return deassign(vm, args);
	if (mode == VMM_IRQCHIP_NONE || args->gsi >= VMM_MAX_GSI)
		return -EINVAL;
	if ((args->flags & KVM_IRQFD_FLAG_RESAMPLE) && mode != VMM_IRQCHIP_KERNEL)
		return -EINVAL;
	return assign(vm, args);
}

/** vmm_irqfd_stop() - the VM's file is released: all of its irqfds end */
void vmm_irqfd_stop(struct vmm_vm *vm)
{
	struct irqfd *irqfd;

	mutex_lock(&vm->irq.lock);
	list_for_each_entry(irqfd, &vm->irq.irqfds, link)
		die(irqfd);
	mutex_unlock(&vm->irq.lock);
	/* Those that their eventfds ended are on their way, too. */
	if (READ_ONCE(vm->irq.mode) != VMM_IRQCHIP_NONE)
		flush_workqueue(ends);
}

/* Before a change of scheduler that ceases all vCPUs: what ends irqfds has ended. */
static void flush_ends(void)
{
	flush_workqueue(ends);
}

/** vmm_irqfd_setup() - at module init, before the first VM; 0 or -ENOMEM */
int vmm_irqfd_setup(void)
{
	ends = alloc_workqueue("vmm-irqfd", WQ_UNBOUND, 0);
	if (!ends)
		return -ENOMEM;
	vmm_gate_set_flush(flush_ends);
	return 0;
}

/** vmm_irqfd_teardown() - at module exit, after the last VM */
void vmm_irqfd_teardown(void)
{
	vmm_gate_set_flush(NULL);
	destroy_workqueue(ends);
}
