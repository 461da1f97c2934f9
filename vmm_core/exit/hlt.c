// SPDX-License-Identifier: GPL-2.0
/*
 * HLT. The interrupt controllers are in user space, so the wait is there too.
 */
#include <asm/processor-flags.h>
#include "exit/exit.h"

/** exit_hlt() - to user space, unless something is on its way in already */
int exit_hlt(struct vmm_vcpu *vcpu)
{
	vmm_skip_insn(vcpu);
	vcpu->halts++;
	if (vcpu->nmi_pending || vcpu->exception.pending ||
	    (vcpu->interrupt.pending && (vmm_read_reg(vcpu, VMM_RFLAGS) & X86_EFLAGS_IF)))
		return 1;
	vcpu->run->exit_reason = KVM_EXIT_HLT;
	return 0;
}
