// SPDX-License-Identifier: GPL-2.0
/*
 * KVM_CHECK_EXTENSION and KVM_ENABLE_CAP: what is there, and nothing else.
 *
 * A capability is in this table only when the whole path behind it works: a
 * client that sees one takes it for granted and often aborts when a call of it
 * fails. What is absent answers 0, as KVM does for numbers that it does not
 * know.
 */
#include <linux/cpu.h>
#include <asm/cpufeature.h>
#include "abi.h"

/* Values that never change; 0: absent, or computed below. */
static const int caps[] = {
	[KVM_CAP_HLT] = 1,
	[KVM_CAP_MMU_SHADOW_CACHE_CONTROL] = 1,
	[KVM_CAP_USER_MEMORY] = 1,
	[KVM_CAP_SET_TSS_ADDR] = 1,
	[KVM_CAP_EXT_CPUID] = 1,
	[KVM_CAP_NR_MEMSLOTS] = VMM_USER_SLOTS,
	[KVM_CAP_MP_STATE] = 1,
	[KVM_CAP_SYNC_MMU] = 1,
	[KVM_CAP_DESTROY_MEMORY_REGION_WORKS] = 1,
	[KVM_CAP_USER_NMI] = 1,
	[KVM_CAP_SET_GUEST_DEBUG] = 1,
	/*
	 * The largest GSI plus one. Without an interrupt controller in the
	 * kernel there is nothing to route and KVM_SET_GSI_ROUTING refuses,
	 * as KVM's does; but a client may insist on a number other than 0.
	 */
	[KVM_CAP_IRQ_ROUTING] = 1,
	[KVM_CAP_JOIN_MEMORY_REGIONS_WORKS] = 1,
	[KVM_CAP_SET_IDENTITY_MAP_ADDR] = 1,
	[KVM_CAP_INTERNAL_ERROR_DATA] = 1,
	[KVM_CAP_VCPU_EVENTS] = 1,
	[KVM_CAP_DEBUGREGS] = 1,
	[KVM_CAP_X86_ROBUST_SINGLESTEP] = 1,
	[KVM_CAP_XSAVE] = 1,
	[KVM_CAP_GET_TSC_KHZ] = 1,
	[KVM_CAP_MAX_VCPUS] = VMM_MAX_VCPUS,
	[KVM_CAP_READONLY_MEM] = 1,
	[KVM_CAP_ENABLE_CAP_VM] = 1,
	[KVM_CAP_CHECK_EXTENSION_VM] = 1,
	[KVM_CAP_MULTI_ADDRESS_SPACE] = 1,
	[KVM_CAP_IMMEDIATE_EXIT] = 1,
	[KVM_CAP_GET_MSR_FEATURES] = 1,
	[KVM_CAP_SET_GUEST_DEBUG2] = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
				     KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |
				     KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP,
};

/**
 * vmm_check_extension() - KVM_CHECK_EXTENSION
 * @vm:  the VM, NULL when asked of the device
 * @ext: KVM_CAP_*, any number
 *
 * Context: process, no locks.
 * Return: 0 (absent) or its value; never negative.
 */
int vmm_check_extension(struct vmm_vm *vm, long ext)
{
	switch (ext) {
	case KVM_CAP_NR_VCPUS:
		/* a recommendation: as many as the machine has processors */
		return min_t(int, num_online_cpus(), VMM_MAX_VCPUS);
	case KVM_CAP_MAX_VCPU_ID:
		return vm && vm->max_vcpu_id ? vm->max_vcpu_id : VMM_MAX_VCPU_ID;
	case KVM_CAP_XCRS:
		return boot_cpu_has(X86_FEATURE_XSAVE);
	case KVM_CAP_XSAVE2:
		return vmm_abi_xsave_size(NULL);
	}
	if (ext < 0 || ext >= ARRAY_SIZE(caps))
		return 0;
	return caps[ext];
}

/**
 * vmm_abi_enable_vm_cap() - KVM_ENABLE_CAP of a VM
 * @vm:  the VM
 * @arg: user space's request
 *
 * Return: 0, -EFAULT, or -EINVAL: a flag, a value out of range, set already, or
 * not a capability that can be enabled.
 */
int vmm_abi_enable_vm_cap(struct vmm_vm *vm, const struct kvm_enable_cap __user *arg)
{
	struct kvm_enable_cap cap;
	int r = -EINVAL;

	if (copy_from_user(&cap, arg, sizeof(cap)))
		return -EFAULT;
	if (cap.flags)
		return -EINVAL;
	switch (cap.cap) {
	case KVM_CAP_MAX_VCPU_ID:
		mutex_lock(&vm->lock);
		/* Once only; the ids below it stay valid for vCPUs that exist. */
		if (cap.args[0] && cap.args[0] <= VMM_MAX_VCPU_ID && !vm->nr_vcpus &&
		    (!vm->max_vcpu_id || vm->max_vcpu_id == cap.args[0])) {
			vm->max_vcpu_id = cap.args[0];
			r = 0;
		}
		mutex_unlock(&vm->lock);
		return r;
	default:
		return -EINVAL;
	}
}
