// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of the interrupt side of a VM: copy in, call irq/, copy out.
 *
 * Locking: vm->lock for what creates and sets controllers, taken by the caller
 * (vm.c: locked_ioctl()); the rest takes what it needs in irq/.
 */
#include <linux/slab.h>
#include "abi.h"
#include "trace.h"

/* --- with vm->lock ----------------------------------------------------------------- */

static int get_irqchip(struct vmm_vm *vm, struct kvm_irqchip __user *arg)
{
	struct kvm_irqchip *chip = memdup_user(arg, sizeof(*chip));
	int r;

	if (IS_ERR(chip))
		return PTR_ERR(chip);
	r = vmm_irqchip_get(vm, chip);
	if (!r && copy_to_user(arg, chip, sizeof(*chip)))
		r = -EFAULT;
	kfree(chip);
	return r;
}

static int set_irqchip(struct vmm_vm *vm, const struct kvm_irqchip __user *arg)
{
	struct kvm_irqchip *chip = memdup_user(arg, sizeof(*chip));
	int r;

	if (IS_ERR(chip))
		return PTR_ERR(chip);
	r = vmm_irqchip_set(vm, chip);
	kfree(chip);
	return r;
}

static int create_pit(struct vmm_vm *vm, const struct kvm_pit_config __user *arg)
{
	struct kvm_pit_config config;

	if (copy_from_user(&config, arg, sizeof(config)))
		return -EFAULT;
	return vmm_pit_create(vm, config.flags);
}

/* The older structure is the beginning of the newer one. */
static int get_pit(struct vmm_vm *vm, void __user *arg, size_t size)
{
	struct kvm_pit_state2 state;
	int r = vmm_pit_get(vm, &state);

	if (!r && copy_to_user(arg, &state, size))
		r = -EFAULT;
	return r;
}

static int set_pit(struct vmm_vm *vm, const void __user *arg, size_t size)
{
	struct kvm_pit_state2 state = { };

	if (copy_from_user(&state, arg, size))
		return -EFAULT;
	return vmm_pit_set(vm, &state, size < sizeof(state));
}

static int reinject_control(struct vmm_vm *vm, const struct kvm_reinject_control __user *arg)
{
	struct kvm_reinject_control control;

	if (copy_from_user(&control, arg, sizeof(control)))
		return -EFAULT;
	return vmm_pit_set_reinject(vm, control.pit_reinject);
}

static int set_boot_cpu(struct vmm_vm *vm, unsigned long id)
{
	if (vm->nr_vcpus)
		return -EBUSY;
	vm->bsp_id = id;
	return 0;
}

/**
 * vmm_abi_irqchip_locked() - ioctls of the VM that create and set controllers
 * @vm:  the VM; its lock is held
 * @cmd: ioctl
 * @arg: its argument
 *
 * Return: 0 or an errno; -ENOTTY: none of them.
 */
long vmm_abi_irqchip_locked(struct vmm_vm *vm, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_CREATE_IRQCHIP:
		return vmm_irqchip_create(vm);
	case KVM_GET_IRQCHIP:
		return get_irqchip(vm, argp);
	case KVM_SET_IRQCHIP:
		return set_irqchip(vm, argp);
	case KVM_CREATE_PIT:
		return vmm_pit_create(vm, KVM_PIT_SPEAKER_DUMMY);
	case KVM_CREATE_PIT2:
		return create_pit(vm, argp);
	case KVM_GET_PIT:
		return get_pit(vm, argp, sizeof(struct kvm_pit_state));
	case KVM_SET_PIT:
		return set_pit(vm, argp, sizeof(struct kvm_pit_state));
	case KVM_GET_PIT2:
		return get_pit(vm, argp, sizeof(struct kvm_pit_state2));
	case KVM_SET_PIT2:
		return set_pit(vm, argp, sizeof(struct kvm_pit_state2));
	case KVM_REINJECT_CONTROL:
		return reinject_control(vm, argp);
	case KVM_SET_BOOT_CPU_ID:
		return set_boot_cpu(vm, arg);
	default:
		return -ENOTTY;
	}
}

/* --- without ------------------------------------------------------------------------ */

static int irq_line(struct vmm_vm *vm, struct kvm_irq_level __user *arg, bool status)
{
	struct kvm_irq_level line;

	if (copy_from_user(&line, arg, sizeof(line)))
		return -EFAULT;
	if (READ_ONCE(vm->irq.mode) == VMM_IRQCHIP_NONE)
		return -ENXIO;
	line.status = vmm_set_irq(vm, VMM_IRQ_SOURCE_USER, line.irq, line.level);
	if (status && copy_to_user(arg, &line, sizeof(line)))
		return -EFAULT;
	return 0;
}

/* >0 delivered, 0 coalesced; nobody there is an error. */
static int signal_msi(struct vmm_vm *vm, const struct kvm_msi __user *arg)
{
	struct kvm_msi msi;
	u64 address;

	if (copy_from_user(&msi, arg, sizeof(msi)))
		return -EFAULT;
	if (READ_ONCE(vm->irq.mode) == VMM_IRQCHIP_NONE || msi.flags)
		return -EINVAL;
	address = (u64)msi.address_hi << 32 | msi.address_lo;
	trace_vmm_msi(vm->group->id, address, msi.data);
	return vmm_send_msi(vm, address, msi.data);
}

static int set_routing(struct vmm_vm *vm, const struct kvm_irq_routing __user *arg)
{
	struct kvm_irq_routing_entry *entries = NULL;
	struct kvm_irq_routing head;
	int r;

	if (copy_from_user(&head, arg, sizeof(head)))
		return -EFAULT;
	if (READ_ONCE(vm->irq.mode) == VMM_IRQCHIP_NONE || head.nr > VMM_MAX_GSI || head.flags)
		return -EINVAL;
	if (head.nr) {
		entries = vmemdup_user(arg->entries, array_size(sizeof(*entries), head.nr));
		if (IS_ERR(entries))
			return PTR_ERR(entries);
	}
	r = vmm_set_routing(vm, entries, head.nr, head.flags);
	kvfree(entries);
	return r;
}

static int irqfd(struct vmm_vm *vm, const struct kvm_irqfd __user *arg)
{
	struct kvm_irqfd args;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	return vmm_irqfd(vm, &args);
}

static int ioeventfd(struct vmm_vm *vm, const struct kvm_ioeventfd __user *arg)
{
	struct kvm_ioeventfd args;

	if (copy_from_user(&args, arg, sizeof(args)))
		return -EFAULT;
	return vmm_ioeventfd(vm, &args);
}

static int coalesced(struct vmm_vm *vm, const struct kvm_coalesced_mmio_zone __user *arg, bool add)
{
	struct kvm_coalesced_mmio_zone zone;

	if (copy_from_user(&zone, arg, sizeof(zone)))
		return -EFAULT;
	return add ? vmm_coalesced_register(vm, &zone) : vmm_coalesced_unregister(vm, &zone);
}

/**
 * vmm_abi_irqchip() - ioctls of the VM that drive, route and connect interrupts
 * @vm:  the VM
 * @cmd: ioctl
 * @arg: its argument
 *
 * Return: 0 (KVM_SIGNAL_MSI: more, if delivered) or an errno; -ENOIOCTLCMD: none of
 * them.
 */
long vmm_abi_irqchip(struct vmm_vm *vm, unsigned int cmd, unsigned long arg)
{
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case KVM_IRQ_LINE:
		return irq_line(vm, argp, false);
	case KVM_IRQ_LINE_STATUS:
		return irq_line(vm, argp, true);
	case KVM_SIGNAL_MSI:
		return signal_msi(vm, argp);
	case KVM_SET_GSI_ROUTING:
		return set_routing(vm, argp);
	case KVM_IRQFD:
		return irqfd(vm, argp);
	case KVM_IOEVENTFD:
		return ioeventfd(vm, argp);
	case KVM_REGISTER_COALESCED_MMIO:
		return coalesced(vm, argp, true);
	case KVM_UNREGISTER_COALESCED_MMIO:
		return coalesced(vm, argp, false);
	default:
		return -ENOIOCTLCMD;
	}
}
