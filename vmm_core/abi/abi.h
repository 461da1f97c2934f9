/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of abi/ know of each other.
 *
 * Every function that takes a vCPU and no lock below expects vcpu->mutex held
 * and the calling thread to belong to the VM's mm; the ioctl entry in vcpu.c
 * sees to both.
 */
#ifndef _VMM_CORE_ABI_H
#define _VMM_CORE_ABI_H

#include <linux/fs.h>
#include <linux/uaccess.h>
#include "vmm.h"

/* vm.c */
int vmm_abi_create_vm(unsigned long type);

/* vcpu.c */
extern const struct file_operations vmm_vcpu_fops;

/* cap.c */
int vmm_abi_enable_vm_cap(struct vmm_vm *vm, const struct kvm_enable_cap __user *arg);

/* irqchip.c: the interrupt side of a VM; the first with vm->lock, the second without */
long vmm_abi_irqchip_locked(struct vmm_vm *vm, unsigned int cmd, unsigned long arg);
long vmm_abi_irqchip(struct vmm_vm *vm, unsigned int cmd, unsigned long arg);

int vmm_abi_enable_vcpu_cap(struct vmm_vcpu *vcpu, const struct kvm_enable_cap __user *arg);

/* regs.c: general, segment and control registers */
int vmm_abi_get_regs(struct vmm_vcpu *vcpu, struct kvm_regs __user *arg);
int vmm_abi_set_regs(struct vmm_vcpu *vcpu, const struct kvm_regs __user *arg);
int vmm_abi_get_sregs(struct vmm_vcpu *vcpu, struct kvm_sregs __user *arg);
int vmm_abi_set_sregs(struct vmm_vcpu *vcpu, const struct kvm_sregs __user *arg);

int vmm_abi_get_sregs2(struct vmm_vcpu *vcpu, struct kvm_sregs2 __user *arg);
int vmm_abi_set_sregs2(struct vmm_vcpu *vcpu, const struct kvm_sregs2 __user *arg);
void vmm_regs_get(struct vmm_vcpu *vcpu, struct kvm_regs *regs);
void vmm_regs_set(struct vmm_vcpu *vcpu, const struct kvm_regs *regs);
void vmm_sregs_get(struct vmm_vcpu *vcpu, struct kvm_sregs *s);
int vmm_sregs_set(struct vmm_vcpu *vcpu, const struct kvm_sregs *s);

/* events.c */
void vmm_events_get(struct vmm_vcpu *vcpu, struct kvm_vcpu_events *e);
int vmm_events_set(struct vmm_vcpu *vcpu, const struct kvm_vcpu_events *e);

/* state.c: the rest of a vCPU's state */
int vmm_abi_get_fpu(struct vmm_vcpu *vcpu, struct kvm_fpu __user *arg);
int vmm_abi_set_fpu(struct vmm_vcpu *vcpu, const struct kvm_fpu __user *arg);
int vmm_abi_get_xsave(struct vmm_vcpu *vcpu, void __user *arg, bool whole);
int vmm_abi_set_xsave(struct vmm_vcpu *vcpu, const void __user *arg);
int vmm_abi_get_xcrs(struct vmm_vcpu *vcpu, struct kvm_xcrs __user *arg);
int vmm_abi_set_xcrs(struct vmm_vcpu *vcpu, const struct kvm_xcrs __user *arg);
int vmm_abi_get_debugregs(struct vmm_vcpu *vcpu, struct kvm_debugregs __user *arg);
int vmm_abi_set_debugregs(struct vmm_vcpu *vcpu, const struct kvm_debugregs __user *arg);
int vmm_abi_get_events(struct vmm_vcpu *vcpu, struct kvm_vcpu_events __user *arg);
int vmm_abi_set_events(struct vmm_vcpu *vcpu, const struct kvm_vcpu_events __user *arg);
int vmm_abi_set_guest_debug(struct vmm_vcpu *vcpu, const struct kvm_guest_debug __user *arg);
int vmm_abi_translate(struct vmm_vcpu *vcpu, struct kvm_translation __user *arg);
int vmm_abi_set_signal_mask(struct vmm_vcpu *vcpu, const struct kvm_signal_mask __user *arg);
/* Size of the buffer of KVM_GET_XSAVE2 and KVM_SET_XSAVE: KVM_CAP_XSAVE2. */
unsigned int vmm_abi_xsave_size(struct vmm_vcpu *vcpu);

/* apic.c: run state, interrupts, the local APIC */
int vmm_abi_get_mp_state(struct vmm_vcpu *vcpu, struct kvm_mp_state __user *arg);
int vmm_abi_set_mp_state(struct vmm_vcpu *vcpu, const struct kvm_mp_state __user *arg);
int vmm_abi_interrupt(struct vmm_vcpu *vcpu, const struct kvm_interrupt __user *arg);
int vmm_abi_nmi(struct vmm_vcpu *vcpu);
int vmm_abi_get_lapic(struct vmm_vcpu *vcpu, struct kvm_lapic_state __user *arg);
int vmm_abi_set_lapic(struct vmm_vcpu *vcpu, const struct kvm_lapic_state __user *arg);
int vmm_abi_set_vapic_addr(struct vmm_vcpu *vcpu, const struct kvm_vapic_addr __user *arg);
int vmm_abi_tpr_reporting(struct vmm_vcpu *vcpu, struct kvm_tpr_access_ctl __user *arg);

/* clock.c: time */
int vmm_abi_get_clock(struct vmm_vm *vm, struct kvm_clock_data __user *arg);
int vmm_abi_set_clock(struct vmm_vm *vm, const struct kvm_clock_data __user *arg);
int vmm_abi_kvmclock_ctrl(struct vmm_vcpu *vcpu);
int vmm_abi_vm_tsc_khz(struct vmm_vm *vm, unsigned long khz);
int vmm_abi_vcpu_attr(struct vmm_vcpu *vcpu, unsigned int cmd,
		      const struct kvm_device_attr __user *arg);

/* stats.c */
int vmm_abi_vm_stats(struct vmm_vm *vm);
int vmm_abi_vcpu_stats(struct vmm_vcpu *vcpu);

/* mce.c: machine checks */
int vmm_abi_mce_cap(u64 __user *arg);
int vmm_abi_setup_mce(struct vmm_vcpu *vcpu, const u64 __user *arg);
int vmm_abi_set_mce(struct vmm_vcpu *vcpu, const struct kvm_x86_mce __user *arg);

/* msr_filter.c */
int vmm_abi_set_msr_filter(struct vmm_vm *vm, const struct kvm_msr_filter __user *arg);

/* msrs.c: lists that user space passes */
int vmm_abi_msr_list(struct kvm_msr_list __user *arg, const u32 *list, u32 n);
int vmm_abi_feature_msrs(struct kvm_msrs __user *arg);
int vmm_abi_get_msrs(struct vmm_vcpu *vcpu, struct kvm_msrs __user *arg);
int vmm_abi_set_msrs(struct vmm_vcpu *vcpu, struct kvm_msrs __user *arg);
int vmm_abi_supported_cpuid(struct kvm_cpuid2 __user *arg);
int vmm_abi_get_cpuid2(struct vmm_vcpu *vcpu, struct kvm_cpuid2 __user *arg);
int vmm_abi_set_cpuid2(struct vmm_vcpu *vcpu, const struct kvm_cpuid2 __user *arg);

#endif /* _VMM_CORE_ABI_H */
