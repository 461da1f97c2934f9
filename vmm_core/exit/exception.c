// SPDX-License-Identifier: GPL-2.0
/*
 * Exceptions that exit: #DB, #AC, #MC, #UD, and #BP for a debugger in user space.
 * NMIs and machine checks have been dispatched to the host already (vmx/run.c).
 */
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "exit/exit.h"

#define TYPE(info)	((info) & INTR_INFO_INTR_TYPE_MASK)

static int to_debugger(struct vmm_vcpu *vcpu, u8 vector, unsigned long dr6)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch.exception = vector;
	run->debug.arch.pc = vmm_segment_base(vcpu, VMM_CS) + vmm_read_reg(vcpu, VMM_RIP);
	run->debug.arch.dr6 = dr6;
	run->debug.arch.dr7 = vmcs_readl(GUEST_DR7);
	return 0;
}

static int debug_exception(struct vmm_vcpu *vcpu, u32 info)
{
	unsigned long dr6 = vmx_qualification();

	if (vcpu->guest_debug & (KVM_GUESTDBG_SINGLESTEP | KVM_GUESTDBG_USE_HW_BP))
		return to_debugger(vcpu, X86_TRAP_DB, dr6 | DR6_RESERVED);

	/* INT1 is an instruction; the #DB comes after it. */
	if (TYPE(info) == INTR_TYPE_PRIV_SW_EXCEPTION) {
		vmm_skip_insn(vcpu);
	} else if (vmm_interrupt_shadow(vcpu) &&
		   (vmm_read_reg(vcpu, VMM_RFLAGS) & X86_EFLAGS_TF)) {
		/* The entry insists on seeing the single step together with the shadow. */
		vmcs_writel(GUEST_PENDING_DBG_EXCEPTIONS,
			    vmcs_readl(GUEST_PENDING_DBG_EXCEPTIONS) | DR_STEP);
	}
	vmx_deliver_db(vcpu, dr6);
	return 1;
}

static int breakpoint(struct vmm_vcpu *vcpu)
{
	return to_debugger(vcpu, X86_TRAP_BP, 0);
}

/** exit_exception() - an exception in the guest, or an NMI of the host's */
int exit_exception(struct vmm_vcpu *vcpu)
{
	u32 info = vmcs_read32(VM_EXIT_INTR_INFO);
	u8 vector = info & INTR_INFO_VECTOR_MASK;
	u64 data[3];

	if (TYPE(info) == INTR_TYPE_NMI_INTR || vector == X86_TRAP_MC)
		return 1;
	/* IRET ended the blocking of NMIs before it faulted: it will run again. */
	if ((info & INTR_INFO_UNBLOCK_NMI) && vector != X86_TRAP_DF &&
	    !(vcpu->vmx->idt_vectoring & VECTORING_INFO_VALID_MASK))
		vmm_set_nmi_blocked(vcpu, true);
	switch (vector) {
	case X86_TRAP_DB:
		return debug_exception(vcpu, info);
	case X86_TRAP_BP:
		return breakpoint(vcpu);
	case X86_TRAP_UD:
		return exit_ud(vcpu);
	case X86_TRAP_AC:
		vmm_queue_exception_error(vcpu, X86_TRAP_AC, vmcs_read32(VM_EXIT_INTR_ERROR_CODE));
		return 1;
	default:
		data[0] = vcpu->vmx->idt_vectoring;
		data[1] = info;
		data[2] = vmcs_read32(VM_EXIT_INTR_ERROR_CODE);
		return vmm_internal_error(vcpu, KVM_INTERNAL_ERROR_SIMUL_EX, data, 3);
	}
}
