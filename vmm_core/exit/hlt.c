// SPDX-License-Identifier: GPL-2.0
/*
 * HLT. Who waits is where the interrupt controllers are: user space, or the
 * vCPU's thread in the gate (wait.c).
 */
#include <asm/processor-flags.h>
#include "exit/exit.h"

/** exit_hlt() - wait, unless something is on its way in already */
int exit_hlt(struct vmm_vcpu *vcpu)
{
	vmx_skip_insn(vcpu);
	vcpu->halts++;
	if (vcpu->apic) {
		vcpu->mp_state = KVM_MP_STATE_HALTED;
		return 1;
	}
	if (vcpu->nmi_pending || vcpu->exception.pending ||
	    (vcpu->interrupt.pending && (vmx_rflags(vcpu) & X86_EFLAGS_IF)))
		return 1;
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return 0;
}
