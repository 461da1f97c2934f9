// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID.
 */
#include <asm/msr-index.h>
#include <asm/trapnr.h>
#include "exit/exit.h"

/** exit_cpuid() - answer from the vCPU's table (cpuid.c); also with interrupts off */
int exit_cpuid(struct vmm_vcpu *vcpu)
{
	u32 eax = vcpu->regs[VMM_RAX], ecx = vcpu->regs[VMM_RCX], ebx, edx;

	if (unlikely(vcpu->msr_misc_features & MSR_MISC_FEATURES_ENABLES_CPUID_FAULT) &&
	    vmm_cpl(vcpu) > 0) {
		vmm_queue_exception(vcpu, X86_TRAP_GP);
		return 1;
	}
	vmm_cpuid(vcpu, &eax, &ebx, &ecx, &edx);
	vcpu->regs[VMM_RAX] = eax;
	vcpu->regs[VMM_RBX] = ebx;
	vcpu->regs[VMM_RCX] = ecx;
	vcpu->regs[VMM_RDX] = edx;
	vmm_skip_insn(vcpu);
	return 1;
}
