// SPDX-License-Identifier: GPL-2.0
/*
 * Debug registers of the guest, and the debugger in user space (KVM_SET_GUEST_DEBUG).
 *
 * MOV DR always exits, so that the values here are always the guest's. The
 * address registers are loaded only while a breakpoint is enabled. #DB always
 * exits too: it gives the bits for DR6, and keeps a guest from looping for ever
 * inside the processor while it delivers one.
 *
 * Locking: vcpu->mutex is held by this thread and the VMCS is loaded.
 */
#include <linux/kernel.h>
#include <asm/trapnr.h>
#include "vmx/vmx.h"

#define DR6_WRITABLE	0x0000e00f
#define DR6_FIXED	0xffff0ff0	/* without RTM and bus lock detection */
#define DR7_WRITABLE	0xffff2bff
#define DR7_FIXED	0x00000400
#define DR7_ENABLED	0xff

/**
 * vmm_set_dr() - MOV to a debug register
 * @vcpu: the vCPU
 * @dr:   its number; 4 and 5 are taken as 6 and 7
 * @val:  the value
 *
 * Return: 0, or 1: the guest deserves #GP(0).
 */
int vmm_set_dr(struct vmm_vcpu *vcpu, int dr, unsigned long val)
{
	switch (dr) {
	case 0 ... 3:
		vcpu->db[dr] = val;
		return 0;
	case 4:
	case 6:
		if (val >> 32)
			return 1;
		vcpu->dr6 = (val & DR6_WRITABLE) | DR6_FIXED;
		return 0;
	default:
		if (val >> 32)
			return 1;
		vcpu->dr7 = (val & DR7_WRITABLE) | DR7_FIXED;
		vmm_update_guest_debug(vcpu);
		return 0;
	}
}

/**
 * vmm_update_guest_debug() - apply dr7 and guest_debug
 * @vcpu: the vCPU
 *
 * Context: the VMCS is loaded.
 */
void vmm_update_guest_debug(struct vmm_vcpu *vcpu)
{
	u32 exceptions = vcpu->vmx->exceptions & ~BIT(X86_TRAP_BP);
	unsigned long dr7 = vcpu->dr7;

	if (vcpu->guest_debug & KVM_GUESTDBG_USE_SW_BP)
		exceptions |= BIT(X86_TRAP_BP);
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP)
		dr7 = (vcpu->debug_dr7 & DR7_WRITABLE) | DR7_FIXED;
	vmx_set_exceptions(vcpu->vmx, exceptions);
	vmcs_writel(GUEST_DR7, dr7);
	/* The debugger's trap flag: into RFLAGS, or out of it. */
	vmm_read_reg(vcpu, VMM_RFLAGS);
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP) {
		vmm_write_reg(vcpu, VMM_RFLAGS, vcpu->rflags);
		vcpu->vmx->debug_tf = true;
	} else if (vcpu->vmx->debug_tf) {
		vcpu->vmx->debug_tf = false;
		vmm_write_reg(vcpu, VMM_RFLAGS, vcpu->rflags & ~X86_EFLAGS_TF);
	}
}

/**
 * vmx_load_debugregs() - load the breakpoint addresses that the guest will use
 * @vcpu: the vCPU
 *
 * The host's DR7 is cleared first; run.c lets hw_breakpoint restore all of it.
 * Context: interrupts off, right before an entry.
 */
void vmx_load_debugregs(struct vmm_vcpu *vcpu)
{
	bool debugger = vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP;
	unsigned long dr7 = debugger ? vcpu->debug_dr7 : vcpu->dr7;
	const unsigned long *db = debugger ? vcpu->debug_db : vcpu->db;

	set_debugreg(0, 7);
	if (!(dr7 & DR7_ENABLED))
		return;
	set_debugreg(db[0], 0);
	set_debugreg(db[1], 1);
	set_debugreg(db[2], 2);
	set_debugreg(db[3], 3);
}
