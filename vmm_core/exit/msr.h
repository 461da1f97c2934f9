/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the files of exit/ that serve MSRs.
 */
#ifndef _VMM_CORE_EXIT_MSR_H
#define _VMM_CORE_EXIT_MSR_H

struct vmm_vcpu;
struct vmm_msr;

/* Answer of a family of MSRs: not mine. 0: done, 1: refused. */
#define VMM_MSR_UNKNOWN	2

int vmm_get_mtrr_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr);
int vmm_set_mtrr_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr);
int vmm_get_tsc_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr);
int vmm_set_tsc_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr);
void vmm_msr_reset_mtrr(struct vmm_vcpu *vcpu);

#endif /* _VMM_CORE_EXIT_MSR_H */
