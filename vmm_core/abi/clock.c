// SPDX-License-Identifier: GPL-2.0
/*
 * Time as user space sees and sets it: the VM's clock, the vCPUs' TSCs.
 *
 * Locking: the vCPU's calls as in regs.c; the clock has its own lock (pv/).
 */
#include <linux/kvm_para.h>
#include "abi.h"

/* What KVM_GET_CLOCK gives can be passed back. */
#define CLOCK_FLAGS	(KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC)

int vmm_abi_get_clock(struct vmm_vm *vm, struct kvm_clock_data __user *arg)
{
	struct kvm_clock_data data;

	vmm_clock_get(vm, &data);
	return copy_to_user(arg, &data, sizeof(data)) ? -EFAULT : 0;
}

int vmm_abi_set_clock(struct vmm_vm *vm, const struct kvm_clock_data __user *arg)
{
	struct kvm_clock_data data;

	if (copy_from_user(&data, arg, sizeof(data)))
		return -EFAULT;
	if (data.flags & ~CLOCK_FLAGS)
		return -EINVAL;
	vmm_clock_set(vm, &data);
	return 0;
}

/**
 * vmm_abi_kvmclock_ctrl() - KVM_KVMCLOCK_CTRL: the guest was stopped
 * @vcpu: the vCPU
 *
 * Its watchdogs are told so with the next update of its clock page.
 * Return: 0, -EINVAL: it uses no such page.
 */
int vmm_abi_kvmclock_ctrl(struct vmm_vcpu *vcpu)
{
	if (!(vcpu->pv.time & KVM_MSR_ENABLED))
		return -EINVAL;
	vcpu->pv.stopped = true;
	set_bit(VMM_REQ_CLOCK, &vcpu->requests);
	return 0;
}

/**
 * vmm_abi_vm_tsc_khz() - KVM_SET_TSC_KHZ of a VM: of the vCPUs that it gets from now on
 * @vm:  the VM, vm->lock held
 * @khz: wanted, 0: the host's
 *
 * Return: 0 or -EINVAL.
 */
int vmm_abi_vm_tsc_khz(struct vmm_vm *vm, unsigned long khz)
{
	khz = vmx_tsc_khz(khz);
	if (!khz)
		return -EINVAL;
	vm->tsc_khz = khz;
	return 0;
}

/**
 * vmm_abi_vcpu_attr() - KVM_HAS_DEVICE_ATTR, KVM_GET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR
 * @vcpu: the vCPU, VMCS loaded
 * @cmd:  which of them
 * @arg:  group, attribute and where its value is
 *
 * Return: 0, -ENXIO (no such attribute), -EFAULT.
 */
int vmm_abi_vcpu_attr(struct vmm_vcpu *vcpu, unsigned int cmd,
		      const struct kvm_device_attr __user *arg)
{
	struct kvm_device_attr attr;
	u64 __user *value;
	u64 offset;

	if (copy_from_user(&attr, arg, sizeof(attr)))
		return -EFAULT;
	if (attr.group != KVM_VCPU_TSC_CTRL || attr.attr != KVM_VCPU_TSC_OFFSET)
		return -ENXIO;
	value = u64_to_user_ptr(attr.addr);
	switch (cmd) {
	case KVM_HAS_DEVICE_ATTR:
		return 0;
	case KVM_GET_DEVICE_ATTR:
		offset = vmm_guest_tsc(vcpu, 0);
		return put_user(offset, value) ? -EFAULT : 0;
	default:
		if (get_user(offset, value))
			return -EFAULT;
		vmx_tsc_set_offset(vcpu, offset);
		return 0;
	}
}
