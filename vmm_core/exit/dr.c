// SPDX-License-Identifier: GPL-2.0
/*
 * MOV to and from debug registers.
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "exit/exit.h"

static unsigned long read_dr(const struct vmm_vcpu *vcpu, int dr)
{
	if (dr < 4)
		return vcpu->db[dr];
	return dr & 1 ? vcpu->dr7 : vcpu->dr6;
}

/* DR7.GD guards the registers themselves; true: somebody is told instead. */
static bool general_detect(struct vmm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (!(vmcs_readl(GUEST_DR7) & VMX_DR7_GD))
		return false;
	if (vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP) {
		run->debug.arch.dr6 = VMX_DR6_BD | DR6_RESERVED;
		run->debug.arch.dr7 = vcpu->debug_dr7;
		run->debug.arch.pc = vmm_segment_base(vcpu, VMM_CS) + vmm_read_reg(vcpu, VMM_RIP);
		run->debug.arch.exception = X86_TRAP_DB;
		run->exit_reason = KVM_EXIT_DEBUG;
	} else {
		vmx_deliver_db(vcpu, VMX_DR6_BD);
	}
	return true;
}

/** exit_dr() - MOV DR; the exit comes before any check but the one of CPL by the processor */
int exit_dr(struct vmm_vcpu *vcpu)
{
	unsigned long qual = vmx_qualification();
	int dr = qual & DEBUG_REG_ACCESS_NUM;
	enum vmm_reg gpr = DEBUG_REG_ACCESS_REG(qual);
	bool long_mode = vmm_is_64bit(vcpu);

	/* With CR4.DE there are no aliases of DR6 and DR7. */
	if ((dr == 4 || dr == 5) && (vmm_read_reg(vcpu, VMM_CR4) & X86_CR4_DE))
		return exit_undefined(vcpu);
	if (vmm_cpl(vcpu) > 0) {
		vmm_queue_exception(vcpu, X86_TRAP_GP);
		return 1;
	}
	if (general_detect(vcpu))
		return !(vcpu->guest_debug & KVM_GUESTDBG_USE_HW_BP);
	if (qual & TYPE_MOV_FROM_DR) {
		unsigned long val = read_dr(vcpu, dr);

		vmm_write_reg(vcpu, gpr, long_mode ? val : (u32)val);
	} else {
		unsigned long val = vmm_read_reg(vcpu, gpr);

		if (vmm_set_dr(vcpu, dr, long_mode ? val : (u32)val)) {
			vmm_queue_exception(vcpu, X86_TRAP_GP);
			return 1;
		}
	}
	vmm_skip_insn(vcpu);
	return 1;
}
