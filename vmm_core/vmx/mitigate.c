// SPDX-License-Identifier: GPL-2.0
/*
 * What the host's vulnerability state asks of VM entries and switches.
 *
 *  - L1TF: flush the L1 data cache before an entry, always or only after code
 *    ran that may have brought secrets in (an exit that was handled with
 *    interrupts on, an interrupt, another vCPU), as ``l1tf=`` says. KVM's own
 *    parameter (kvm_intel.vmentry_l1d_flush) has no counterpart here.
 *  - Branch predictors: a barrier (IBPB) between the guests of two VMs, and one
 *    before user space runs after a guest where the kernel asks for it. The
 *    return stack, SPEC_CTRL and the branch history are dealt with in entry.S,
 *    and so is clearing CPU buffers (VERW).
 *  - iTLB multihit: no executable huge pages; mmu/ asks vmx_nx_huge_pages().
 *
 * Locking: none; decided once at module load.
 */
#include <linux/cpu.h>
#include <linux/gfp.h>
#include <linux/jump_label.h>
#include <asm/cpufeature.h>
#include <asm/hardirq.h>
#include <asm/nospec-branch.h>
#include <asm/processor.h>
#include "vmx/vmx.h"

#define L1D_ORDER	4	/* twice the largest L1 data cache */

DEFINE_STATIC_KEY_FALSE(vmx_l1d_key);
static DEFINE_STATIC_KEY_FALSE(l1d_cond_key);

static struct page *l1d_pages;
static void *l1d_base;

/* @return what the policy of the host means for guests without in-kernel choice */
static enum vmx_l1d_flush_state l1d_policy(void)
{
	if (!boot_cpu_has_bug(X86_BUG_L1TF) || (vmx_caps.arch_caps & ARCH_CAP_SKIP_VMENTRY_L1DFLUSH))
		return VMENTER_L1D_FLUSH_NOT_REQUIRED;
	switch (l1tf_mitigation) {
	case L1TF_MITIGATION_OFF:
		return VMENTER_L1D_FLUSH_NEVER;
	case L1TF_MITIGATION_FULL:
	case L1TF_MITIGATION_FULL_FORCE:
		return VMENTER_L1D_FLUSH_ALWAYS;
	default:
		return VMENTER_L1D_FLUSH_COND;
	}
}

/** vmx_mitigate_setup() - decide; 0 or -ENOMEM */
int vmx_mitigate_setup(void)
{
	enum vmx_l1d_flush_state state = l1d_policy();
	int i;

	if ((state == VMENTER_L1D_FLUSH_COND || state == VMENTER_L1D_FLUSH_ALWAYS)) {
		if (!boot_cpu_has(X86_FEATURE_FLUSH_L1D)) {
			l1d_pages = alloc_pages(GFP_KERNEL, L1D_ORDER);
			if (!l1d_pages)
				return -ENOMEM;
			l1d_base = page_address(l1d_pages);
			/* Distinct contents, so that KSM of an outer host leaves them apart. */
			for (i = 0; i < 1 << L1D_ORDER; i++)
				memset(l1d_base + i * PAGE_SIZE, i + 1, PAGE_SIZE);
		}
		static_branch_enable(&vmx_l1d_key);
		if (state == VMENTER_L1D_FLUSH_COND)
			static_branch_enable(&l1d_cond_key);
	}
	if (boot_cpu_has_bug(X86_BUG_L1TF))
		l1tf_vmx_mitigation = state;	/* shown in sysfs */
	itlb_multihit_kvm_mitigation = vmx_nx_huge_pages();
	return 0;
}

/** vmx_mitigate_cleanup() - undo vmx_mitigate_setup() */
void vmx_mitigate_cleanup(void)
{
	static_branch_disable(&vmx_l1d_key);
	static_branch_disable(&l1d_cond_key);
	if (l1d_pages)
		__free_pages(l1d_pages, L1D_ORDER);
	l1d_pages = NULL;
	l1tf_vmx_mitigation = VMENTER_L1D_FLUSH_AUTO;
	itlb_multihit_kvm_mitigation = false;
}

/**
 * vmx_flush_l1d() - flush the L1 data cache if the policy asks for it now
 * @vmx: the vCPU about to enter
 *
 * Context: interrupts off, right before the entry; must not be instrumented.
 */
noinstr void vmx_flush_l1d(struct vmx_vcpu *vmx)
{
	unsigned long i;

	if (static_branch_likely(&l1d_cond_key)) {
		bool flush = vmx->l1d_flush | kvm_get_cpu_l1tf_flush_l1d();

		vmx->l1d_flush = false;
		kvm_clear_cpu_l1tf_flush_l1d();
		if (!flush)
			return;
	}
	if (static_cpu_has(X86_FEATURE_FLUSH_L1D)) {
		native_wrmsr(MSR_IA32_FLUSH_CMD, L1D_FLUSH, 0);
		return;
	}
	/* First the translations, then, serialised, the lines. */
	for (i = 0; i < PAGE_SIZE << L1D_ORDER; i += PAGE_SIZE)
		(void)READ_ONCE(*(char *)(l1d_base + i));
	asm volatile("cpuid" : : "a" (0) : "ebx", "ecx", "edx", "memory");
	for (i = 0; i < PAGE_SIZE << L1D_ORDER; i += 64)
		(void)READ_ONCE(*(char *)(l1d_base + i));
	asm volatile("lfence" : : : "memory");
}

/** vmx_nx_huge_pages() - huge EPT mappings must not be executable on this processor */
bool vmx_nx_huge_pages(void)
{
	return boot_cpu_has_bug(X86_BUG_ITLB_MULTIHIT) && !cpu_mitigations_off();
}
