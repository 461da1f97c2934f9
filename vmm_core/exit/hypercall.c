// SPDX-License-Identifier: GPL-2.0
/*
 * VMCALL. There are no hypercalls yet: every number is unknown.
 */
#include <linux/kvm_para.h>
#include "exit/exit.h"

/** exit_vmcall() - number in RAX, answer in RAX; also with interrupts off */
int exit_vmcall(struct vmm_vcpu *vcpu)
{
	long r = -KVM_ENOSYS;

	if (vmm_cpl(vcpu) > 0)
		r = -KVM_EPERM;
	vcpu->regs[VMM_RAX] = vmm_is_64bit(vcpu) ? r : (u32)r;
	vmm_skip_insn(vcpu);
	return 1;
}
