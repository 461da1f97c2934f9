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

/* Behaviours of KVM's that can be switched off, and are there to be switched off. */
#define QUIRKS	(KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT | KVM_X86_QUIRK_FIX_HYPERCALL_INSN | \
		 KVM_X86_QUIRK_MWAIT_NEVER_UD_FAULTS)

#define USER_MSR_REASONS	(KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | \
				 KVM_MSR_EXIT_REASON_FILTER)

#define DIRTY_LOG_FLAGS	(KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET)

#define X2APIC_API_FLAGS	(KVM_X2APIC_API_USE_32BIT_IDS | \
				 KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK)

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
	[KVM_CAP_IRQCHIP] = 1,
	[KVM_CAP_PIT] = 1,
	[KVM_CAP_PIT2] = 1,
	[KVM_CAP_PIT_STATE2] = 1,
	[KVM_CAP_REINJECT_CONTROL] = 1,
	[KVM_CAP_SPLIT_IRQCHIP] = 1,
	[KVM_CAP_SET_BOOT_CPU_ID] = 1,
	[KVM_CAP_IRQ_ROUTING] = VMM_MAX_GSI,	/* the largest GSI plus one */
	[KVM_CAP_IRQ_INJECT_STATUS] = 1,
	[KVM_CAP_X2APIC_API] = X2APIC_API_FLAGS,
	[KVM_CAP_SIGNAL_MSI] = 1,
	[KVM_CAP_IRQFD] = 1,
	[KVM_CAP_IRQFD_RESAMPLE] = 1,
	[KVM_CAP_IOEVENTFD] = 1,
	[KVM_CAP_IOEVENTFD_NO_LENGTH] = 1,
	[KVM_CAP_IOEVENTFD_ANY_LENGTH] = 1,
	[KVM_CAP_COALESCED_MMIO] = KVM_COALESCED_MMIO_PAGE_OFFSET,
	[KVM_CAP_COALESCED_PIO] = 1,
	[KVM_CAP_JOIN_MEMORY_REGIONS_WORKS] = 1,
	[KVM_CAP_SET_IDENTITY_MAP_ADDR] = 1,
	[KVM_CAP_INTERNAL_ERROR_DATA] = 1,
	[KVM_CAP_VCPU_EVENTS] = 1,
	[KVM_CAP_DEBUGREGS] = 1,
	[KVM_CAP_X86_ROBUST_SINGLESTEP] = 1,
	[KVM_CAP_XSAVE] = 1,
	[KVM_CAP_GET_TSC_KHZ] = 1,
	[KVM_CAP_KVMCLOCK_CTRL] = 1,
	[KVM_CAP_TSC_DEADLINE_TIMER] = 1,
	[KVM_CAP_BINARY_STATS_FD] = 1,
	[KVM_CAP_SREGS2] = 1,
	[KVM_CAP_SYNC_REGS] = KVM_SYNC_X86_VALID_FIELDS,
	[KVM_CAP_MCE] = VMM_MCE_BANKS,
	[KVM_CAP_DISABLE_QUIRKS] = 1,
	[KVM_CAP_DISABLE_QUIRKS2] = QUIRKS,
	[KVM_CAP_MSR_PLATFORM_INFO] = 1,
	[KVM_CAP_X86_USER_SPACE_MSR] = 1,
	[KVM_CAP_X86_MSR_FILTER] = 1,
	[KVM_CAP_ENFORCE_PV_FEATURE_CPUID] = 1,
	[KVM_CAP_EXCEPTION_PAYLOAD] = 1,
	[KVM_CAP_X86_TRIPLE_FAULT_EVENT] = 1,
	[KVM_CAP_VCPU_ATTRIBUTES] = 1,
	[KVM_CAP_ADJUST_CLOCK] = KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC,
	[KVM_CAP_MAX_VCPUS] = VMM_MAX_VCPUS,
	[KVM_CAP_READONLY_MEM] = 1,
	[KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2] = DIRTY_LOG_FLAGS,
	[KVM_CAP_ENABLE_CAP_VM] = 1,
	[KVM_CAP_CHECK_EXTENSION_VM] = 1,
	[KVM_CAP_MULTI_ADDRESS_SPACE] = 1,
	[KVM_CAP_IMMEDIATE_EXIT] = 1,
	[KVM_CAP_GET_MSR_FEATURES] = 1,
	[KVM_CAP_SET_GUEST_DEBUG2] = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP |
				     KVM_GUESTDBG_USE_SW_BP | KVM_GUESTDBG_USE_HW_BP |
				     KVM_GUESTDBG_INJECT_DB | KVM_GUESTDBG_INJECT_BP |
				     KVM_GUESTDBG_BLOCKIRQ,
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
	case KVM_CAP_TSC_CONTROL:
	case KVM_CAP_VM_TSC_CONTROL:
		return vmx_has_tsc_scaling();
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
	case KVM_CAP_X2APIC_API:
		if (cap.args[0] & ~(u64)X2APIC_API_FLAGS)
			return -EINVAL;
		mutex_lock(&vm->lock);
		vm->x2apic_api |= cap.args[0];
		mutex_unlock(&vm->lock);
		return 0;
	case KVM_CAP_SPLIT_IRQCHIP:
		if (cap.args[0] > VMM_MAX_GSI)
			return -EINVAL;
		mutex_lock(&vm->lock);
		r = vmm_irqchip_split(vm, cap.args[0]);
		mutex_unlock(&vm->lock);
		return r;
	case KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2:
		/* The second flag alone makes no sense. */
		if ((cap.args[0] & ~(u64)DIRTY_LOG_FLAGS) ||
		    cap.args[0] == KVM_DIRTY_LOG_INITIALLY_SET)
			return -EINVAL;
		WRITE_ONCE(vm->dirty_manual, cap.args[0]);
		return 0;
	case KVM_CAP_DISABLE_QUIRKS2:
		if (cap.args[0] & ~(u64)QUIRKS)
			return -EINVAL;
		fallthrough;
	case KVM_CAP_DISABLE_QUIRKS:
		WRITE_ONCE(vm->quirks_off, cap.args[0]);
		return 0;
	case KVM_CAP_MSR_PLATFORM_INFO:
		WRITE_ONCE(vm->hide_platform_info, !cap.args[0]);
		return 0;
	case KVM_CAP_X86_USER_SPACE_MSR:
		if (cap.args[0] & ~(u64)USER_MSR_REASONS)
			return -EINVAL;
		WRITE_ONCE(vm->user_msr, cap.args[0]);
		return 0;
	case KVM_CAP_EXCEPTION_PAYLOAD:
		WRITE_ONCE(vm->exception_payload, cap.args[0]);
		return 0;
	case KVM_CAP_X86_TRIPLE_FAULT_EVENT:
		WRITE_ONCE(vm->triple_fault_event, cap.args[0]);
		return 0;
	default:
		return -EINVAL;
	}
}

/**
 * vmm_abi_enable_vcpu_cap() - KVM_ENABLE_CAP of a vCPU
 * @vcpu: the vCPU
 * @arg:  user space's request
 *
 * Return: 0, -EFAULT, -EINVAL.
 */
int vmm_abi_enable_vcpu_cap(struct vmm_vcpu *vcpu, const struct kvm_enable_cap __user *arg)
{
	struct kvm_enable_cap cap;

	if (copy_from_user(&cap, arg, sizeof(cap)))
		return -EFAULT;
	if (cap.flags)
		return -EINVAL;
	switch (cap.cap) {
	case KVM_CAP_ENFORCE_PV_FEATURE_CPUID:
		vcpu->pv.enforce = cap.args[0];
		vmm_pv_cpuid_changed(vcpu);
		return 0;
	default:
		return -EINVAL;
	}
}
