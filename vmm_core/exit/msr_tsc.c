// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs of the time stamp counter.
 *
 * A guest's write to one of the two moves both: the difference goes into the
 * counter's offset. User space restores them one by one, so its write moves
 * only the one that it names.
 *
 * Locking: as in msr.c.
 */
#include <asm/msr-index.h>
#include "exit/exit.h"
#include "exit/msr.h"

/** vmm_get_tsc_msr() - as vmm_get_msr(), or VMM_MSR_UNKNOWN */
int vmm_get_tsc_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr)
{
	switch (msr->index) {
	case MSR_IA32_TSC:
		msr->data = vmm_guest_tsc(vcpu, rdtsc());
		return 0;
	case MSR_IA32_TSC_ADJUST:
		if (!msr->host && !vmm_cpuid_has(vcpu, X86_FEATURE_TSC_ADJUST))
			return 1;
		msr->data = vcpu->msr_tsc_adjust;
		return 0;
	default:
		return VMM_MSR_UNKNOWN;
	}
}

static void move(struct vmm_vcpu *vcpu, s64 diff)
{
	vmx_set_tsc_offset(vcpu, vcpu->vmx->tsc_offset + diff);
	vcpu->msr_tsc_adjust += diff;
}

/** vmm_set_tsc_msr() - as vmm_set_msr(), or VMM_MSR_UNKNOWN */
int vmm_set_tsc_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr)
{
	switch (msr->index) {
	case MSR_IA32_TSC:
		if (msr->host)
			vmx_tsc_sync(vcpu, msr->data);
		else
			move(vcpu, msr->data - vmm_guest_tsc(vcpu, rdtsc()));
		return 0;
	case MSR_IA32_TSC_ADJUST:
		if (msr->host) {
			vcpu->msr_tsc_adjust = msr->data;
			return 0;
		}
		if (!vmm_cpuid_has(vcpu, X86_FEATURE_TSC_ADJUST))
			return 1;
		move(vcpu, msr->data - vcpu->msr_tsc_adjust);
		return 0;
	default:
		return VMM_MSR_UNKNOWN;
	}
}
