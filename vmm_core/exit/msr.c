// SPDX-License-Identifier: GPL-2.0
/*
 * Model-specific registers, for the guest (RDMSR, WRMSR) and for user space
 * (KVM_GET_MSRS, KVM_SET_MSRS).
 *
 * Design: each family has a get and a set function, asked one after the other;
 * the first that knows the index answers. What no family knows is #GP for the
 * guest, and not counted for user space. Memory types and machine checks are
 * in msr_mtrr.c.
 *
 * User space may restore what a guest could not write (host == true): read-only
 * bits, states that do not fit the rest yet.
 *
 * Locking: vcpu->mutex is held by this thread and the VMCS is loaded. The get
 * functions neither sleep nor need interrupts, because vmm_fast_exit() calls
 * them with interrupts off.
 */
#include <linux/kernel.h>
#include <linux/kvm_para.h>
#include <asm/apicdef.h>
#include <asm/cpufeature.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/trapnr.h>
#include "exit/exit.h"
#include "exit/msr.h"

#ifndef ARCH_CAP_RFDS_NO
#define ARCH_CAP_RFDS_NO	0
#define ARCH_CAP_RFDS_CLEAR	0
#endif
#ifndef ARCH_CAP_ITS_NO
#define ARCH_CAP_ITS_NO		0
#endif
/* Bits of IA32_ARCH_CAPABILITIES that mean the same in a guest. */
#define ARCH_CAPS_PASSED (ARCH_CAP_RDCL_NO | ARCH_CAP_IBRS_ALL | ARCH_CAP_RSBA | \
			  ARCH_CAP_SKIP_VMENTRY_L1DFLUSH | ARCH_CAP_SSB_NO | ARCH_CAP_MDS_NO | \
			  ARCH_CAP_PSCHANGE_MC_NO | ARCH_CAP_TAA_NO | ARCH_CAP_SBDR_SSDP_NO | \
			  ARCH_CAP_FBSDP_NO | ARCH_CAP_PSDP_NO | ARCH_CAP_FB_CLEAR | \
			  ARCH_CAP_RRSBA | ARCH_CAP_BHI_NO | ARCH_CAP_PBRSB_NO | ARCH_CAP_GDS_NO | \
			  ARCH_CAP_RFDS_NO | ARCH_CAP_RFDS_CLEAR | ARCH_CAP_ITS_NO)

#define UCODE_REV_DEFAULT	0x100000000ull
#define MISC_ENABLE_DEFAULT	(MSR_IA32_MISC_ENABLE_FAST_STRING | \
				 MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
				 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)
/* A guest's write that would change these faults; one of EMON does nothing. */
#define MISC_ENABLE_FIXED	(MSR_IA32_MISC_ENABLE_BTS_UNAVAIL | \
				 MSR_IA32_MISC_ENABLE_PEBS_UNAVAIL)

/*
 * What KVM_GET_MSR_INDEX_LIST gives: state that a saved vCPU needs. User space
 * sets all of it, so vmm_msr_setup() takes out what this processor lacks.
 */
u32 vmm_msr_list[] __ro_after_init = {
	MSR_IA32_SYSENTER_CS, MSR_IA32_SYSENTER_ESP, MSR_IA32_SYSENTER_EIP,
	MSR_STAR, MSR_CSTAR, MSR_KERNEL_GS_BASE, MSR_SYSCALL_MASK, MSR_LSTAR,
	MSR_IA32_TSC, MSR_IA32_CR_PAT, MSR_TSC_AUX, MSR_IA32_TSC_ADJUST,
	MSR_IA32_MISC_ENABLE, MSR_IA32_MCG_STATUS, MSR_IA32_MCG_CTL,
	MSR_MISC_FEATURES_ENABLES, MSR_PLATFORM_INFO, MSR_IA32_SPEC_CTRL,
	MSR_IA32_ARCH_CAPABILITIES, MSR_IA32_UCODE_REV, MSR_IA32_TSC_DEADLINE,
	MSR_IA32_XSS, MSR_IA32_POWER_CTL, MSR_SMI_COUNT,
	MSR_KVM_WALL_CLOCK, MSR_KVM_SYSTEM_TIME, MSR_KVM_WALL_CLOCK_NEW,
	MSR_KVM_SYSTEM_TIME_NEW, MSR_KVM_STEAL_TIME, MSR_KVM_PV_EOI_EN, MSR_KVM_POLL_CONTROL,
};
u32 vmm_msr_list_size __ro_after_init = ARRAY_SIZE(vmm_msr_list);

/* What KVM_GET_MSRS on the device's own file answers. */
const u32 vmm_msr_features[] = {
	MSR_IA32_UCODE_REV, MSR_IA32_ARCH_CAPABILITIES, MSR_IA32_PERF_CAPABILITIES,
};
const u32 vmm_msr_features_size = ARRAY_SIZE(vmm_msr_features);

static bool __init on_this_processor(u32 index)
{
	switch (index) {
	case MSR_TSC_AUX:
		return boot_cpu_has(X86_FEATURE_RDTSCP) || boot_cpu_has(X86_FEATURE_RDPID);
	case MSR_IA32_SPEC_CTRL:
		return boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL);
	default:
		return true;
	}
}

/** vmm_msr_setup() - make the list of MSRs fit the processor; module initialisation */
void __init vmm_msr_setup(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(vmm_msr_list); i++) {
		if (on_this_processor(vmm_msr_list[i]))
			vmm_msr_list[n++] = vmm_msr_list[i];
	}
	vmm_msr_list_size = n;
}

static u64 arch_capabilities(void)
{
	u64 caps = vmx_caps.arch_caps & ARCH_CAPS_PASSED;

	/* mmu/ keeps huge pages from being executable where that matters. */
	caps |= ARCH_CAP_PSCHANGE_MC_NO;
	if (!boot_cpu_has_bug(X86_BUG_CPU_MELTDOWN))
		caps |= ARCH_CAP_RDCL_NO;
	if (!boot_cpu_has_bug(X86_BUG_SPEC_STORE_BYPASS))
		caps |= ARCH_CAP_SSB_NO;
	if (!boot_cpu_has_bug(X86_BUG_MDS))
		caps |= ARCH_CAP_MDS_NO;
	return caps;
}

/** vmm_get_msr_feature() - 0, or 1: not one of vmm_msr_features[] */
int vmm_get_msr_feature(struct vmm_msr *msr)
{
	switch (msr->index) {
	case MSR_IA32_UCODE_REV:
		msr->data = UCODE_REV_DEFAULT;
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		msr->data = arch_capabilities();
		return 0;
	case MSR_IA32_PERF_CAPABILITIES:
		msr->data = 0;		/* no performance counters */
		return 0;
	default:
		return 1;
	}
}

/** vmm_msr_reset() - values of the MSRs after RESET, as far as they are kept here */
void vmm_msr_reset(struct vmm_vcpu *vcpu)
{
	vcpu->msr_pat = 0x0007040600070406ull;
	vcpu->msr_misc_enable = MISC_ENABLE_DEFAULT;
	vcpu->msr_tsc_adjust = 0;
	vcpu->msr_ucode_rev = UCODE_REV_DEFAULT;
	vcpu->msr_platform_info = MSR_PLATFORM_INFO_CPUID_FAULT;
	vcpu->msr_misc_features = 0;
	vcpu->msr_arch_capabilities = arch_capabilities();
	vmm_msr_reset_mtrr(vcpu);
}

/* --- what lives in the VMCS or in the processor ------------------------------- */

static int uret_slot(u32 index)
{
	switch (index) {
	case MSR_STAR:
		return VMX_URET_STAR;
	case MSR_LSTAR:
		return VMX_URET_LSTAR;
	case MSR_SYSCALL_MASK:
		return VMX_URET_FMASK;
	case MSR_TSC_AUX:
		return VMX_URET_TSC_AUX;
	default:
		return -1;
	}
}

static bool uret_allowed(struct vmm_vcpu *vcpu, const struct vmm_msr *msr)
{
	if (msr->index != MSR_TSC_AUX)
		return true;
	if (!vmx_uret_exists(VMX_URET_TSC_AUX))
		return false;
	return msr->host || vmm_cpuid_has(vcpu, X86_FEATURE_RDTSCP) ||
	       vmm_cpuid_has(vcpu, X86_FEATURE_RDPID);
}

static u64 kernel_gs_base(struct vmx_vcpu *vmx)
{
	u64 val;

	preempt_disable();
	if (vmx->host.loaded)
		rdmsrl(MSR_KERNEL_GS_BASE, vmx->guest_kernel_gs_base);
	val = vmx->guest_kernel_gs_base;
	preempt_enable();
	return val;
}

static void set_kernel_gs_base(struct vmx_vcpu *vmx, u64 val)
{
	preempt_disable();
	vmx->guest_kernel_gs_base = val;
	if (vmx->host.loaded)
		wrmsrl(MSR_KERNEL_GS_BASE, val);
	preempt_enable();
}

static int get_cpu_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr)
{
	int slot = uret_slot(msr->index);

	if (slot >= 0) {
		if (!uret_allowed(vcpu, msr))
			return 1;
		msr->data = vcpu->vmx->uret[slot];
		return 0;
	}
	switch (msr->index) {
	case MSR_EFER:
		msr->data = vcpu->efer;
		return 0;
	case MSR_FS_BASE:
		msr->data = vmcs_readl(GUEST_FS_BASE);
		return 0;
	case MSR_GS_BASE:
		msr->data = vmcs_readl(GUEST_GS_BASE);
		return 0;
	case MSR_KERNEL_GS_BASE:
		msr->data = kernel_gs_base(vcpu->vmx);
		return 0;
	case MSR_CSTAR:
		msr->data = vcpu->vmx->cstar;
		return 0;
	case MSR_IA32_SYSENTER_CS:
		msr->data = vmcs_read32(GUEST_SYSENTER_CS);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		msr->data = vmcs_readl(GUEST_SYSENTER_ESP);
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		msr->data = vmcs_readl(GUEST_SYSENTER_EIP);
		return 0;
	default:
		return VMM_MSR_UNKNOWN;
	}
}

static bool canonical(struct vmm_vcpu *vcpu, u64 addr)
{
	int shift = vmm_cpuid_has(vcpu, X86_FEATURE_LA57) ? 64 - 57 : 64 - 48;

	return (u64)((s64)(addr << shift) >> shift) == addr;
}

static int set_uret(struct vmm_vcpu *vcpu, const struct vmm_msr *msr, int slot)
{
	if (!uret_allowed(vcpu, msr))
		return 1;
	if (msr->index == MSR_LSTAR && !canonical(vcpu, msr->data))
		return 1;
	if ((msr->index == MSR_TSC_AUX || msr->index == MSR_SYSCALL_MASK) && msr->data >> 32)
		return 1;
	vcpu->vmx->uret[slot] = msr->data;
	vcpu->vmx->uret_loaded = false;
	return 0;
}

static int set_cpu_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr)
{
	int slot = uret_slot(msr->index);
	u64 data = msr->data;

	if (slot >= 0)
		return set_uret(vcpu, msr, slot);
	switch (msr->index) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE:
	case MSR_CSTAR:
	case MSR_IA32_SYSENTER_ESP:
	case MSR_IA32_SYSENTER_EIP:
		/* User space's values are made fit: the next entry would fail otherwise. */
		if (!canonical(vcpu, data)) {
			if (!msr->host)
				return 1;
			data = (u64)((s64)(data << 16) >> 16);
		}
		break;
	}
	switch (msr->index) {
	case MSR_EFER:
		return vmm_set_efer(vcpu, data, msr->host);
	case MSR_FS_BASE:
		vmcs_writel(GUEST_FS_BASE, data);
		return 0;
	case MSR_GS_BASE:
		vmcs_writel(GUEST_GS_BASE, data);
		return 0;
	case MSR_KERNEL_GS_BASE:
		set_kernel_gs_base(vcpu->vmx, data);
		return 0;
	case MSR_CSTAR:
		vcpu->vmx->cstar = data;
		return 0;
	case MSR_IA32_SYSENTER_CS:
		vmcs_write32(GUEST_SYSENTER_CS, data);
		return 0;
	case MSR_IA32_SYSENTER_ESP:
		vmcs_writel(GUEST_SYSENTER_ESP, data);
		return 0;
	case MSR_IA32_SYSENTER_EIP:
		vmcs_writel(GUEST_SYSENTER_EIP, data);
		return 0;
	default:
		return VMM_MSR_UNKNOWN;
	}
}

/* --- speculation ------------------------------------------------------------------- */

static u64 spec_ctrl_bits(struct vmm_vcpu *vcpu, bool host)
{
	u64 bits = 0;

	if (!boot_cpu_has(X86_FEATURE_MSR_SPEC_CTRL))
		return 0;
	if (host || vmm_cpuid_has(vcpu, X86_FEATURE_SPEC_CTRL))
		bits |= SPEC_CTRL_IBRS;
	if (boot_cpu_has(X86_FEATURE_STIBP) &&
	    (host || vmm_cpuid_has(vcpu, X86_FEATURE_INTEL_STIBP)))
		bits |= SPEC_CTRL_STIBP;
	if (boot_cpu_has(X86_FEATURE_SSBD) &&
	    (host || vmm_cpuid_has(vcpu, X86_FEATURE_SPEC_CTRL_SSBD)))
		bits |= SPEC_CTRL_SSBD;
	return bits;
}

static int get_spec_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr)
{
	switch (msr->index) {
	case MSR_IA32_SPEC_CTRL:
		if (!spec_ctrl_bits(vcpu, msr->host))
			return 1;
		msr->data = vcpu->vmx->frame.spec_ctrl;
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		if (!msr->host && !vmm_cpuid_has(vcpu, X86_FEATURE_ARCH_CAPABILITIES))
			return 1;
		msr->data = vcpu->msr_arch_capabilities;
		return 0;
	default:
		return VMM_MSR_UNKNOWN;
	}
}

static int set_spec_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr)
{
	u64 allowed;

	switch (msr->index) {
	case MSR_IA32_SPEC_CTRL:
		allowed = spec_ctrl_bits(vcpu, msr->host);
		if (!allowed || (msr->data & ~allowed))
			return 1;
		vcpu->vmx->frame.spec_ctrl = msr->data;
		/* A guest that uses it does so at each of its own kernel entries. */
		if (msr->data && !msr->host) {
			vcpu->vmx->spec_passthrough = true;
			vmx_msr_intercept(vcpu->vmx, MSR_IA32_SPEC_CTRL, false, false);
		}
		return 0;
	case MSR_IA32_PRED_CMD:
		if (!msr->host && !vmm_cpuid_has(vcpu, X86_FEATURE_SPEC_CTRL))
			return 1;
		if (msr->data & ~PRED_CMD_IBPB)
			return 1;
		if (msr->data)
			indirect_branch_prediction_barrier();
		return 0;
	case MSR_IA32_ARCH_CAPABILITIES:
		if (!msr->host || (msr->data & ~arch_capabilities()))
			return 1;
		vcpu->msr_arch_capabilities = msr->data;
		return 0;
	default:
		return VMM_MSR_UNKNOWN;
	}
}

/* --- the rest ------------------------------------------------------------------------ */

static int get_misc_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr)
{
	switch (msr->index) {
	case MSR_IA32_MISC_ENABLE:
		msr->data = vcpu->msr_misc_enable;
		return 0;
	case MSR_IA32_UCODE_REV:
		msr->data = vcpu->msr_ucode_rev;
		return 0;
	case MSR_PLATFORM_INFO:
		if (!msr->host && READ_ONCE(vcpu->vm->hide_platform_info))
			return 1;
		msr->data = vcpu->msr_platform_info;
		return 0;
	case MSR_IA32_POWER_CTL:
		msr->data = vcpu->msr_power_ctl;
		return 0;
	case MSR_SMI_COUNT:
		msr->data = 0;		/* there are none */
		return 0;
	case MSR_IA32_PERF_CAPABILITIES:
		msr->data = 0;
		return !msr->host;
	case MSR_IA32_PERF_STATUS:
		/* Systems read the present ratio; the values are KVM's. */
		msr->data = 1000 | 4ull << 40;
		return 0;
	case MSR_FSB_FREQ:
		msr->data = 3;
		return 0;
	case MSR_EBC_FREQUENCY_ID:
		msr->data = 1 << 24;	/* ratio 1: systems divide by it */
		return 0;
	case MSR_IA32_PERF_CTL:
	case MSR_MISC_FEATURES_ENABLES:
		msr->data = vcpu->msr_misc_features;
		return 0;
	case MSR_IA32_XSS:
		if (!msr->host && !vmm_cpuid_has(vcpu, X86_FEATURE_XSAVES))
			return 1;
		msr->data = vcpu->xss;
		return 0;
	case MSR_IA32_FEAT_CTL:
		msr->data = FEAT_CTL_LOCKED;	/* no VMX, no SGX */
		return 0;
	/* They exist on every processor of this family, and systems read them unasked. */
	case MSR_IA32_PLATFORM_ID:
	case MSR_IA32_EBL_CR_POWERON:
	case MSR_IA32_DEBUGCTLMSR:
	case MSR_IA32_LASTBRANCHFROMIP:
	case MSR_IA32_LASTBRANCHTOIP:
	case MSR_IA32_LASTINTFROMIP:
	case MSR_IA32_LASTINTTOIP:
	case MSR_P6_PERFCTR0 ... MSR_P6_PERFCTR1:
	case MSR_P6_EVNTSEL0 ... MSR_P6_EVNTSEL1:
	case MSR_RAPL_POWER_UNIT:
	case MSR_PKG_ENERGY_STATUS:
	case MSR_DRAM_ENERGY_STATUS:
	case MSR_PP0_ENERGY_STATUS:
	case MSR_PP1_ENERGY_STATUS:
		msr->data = 0;
		return 0;
	default:
		return VMM_MSR_UNKNOWN;
	}
}

static int set_misc_enable(struct vmm_vcpu *vcpu, const struct vmm_msr *msr)
{
	u64 old = vcpu->msr_misc_enable, data = msr->data;

	if (!msr->host) {
		if ((old ^ data) & MISC_ENABLE_FIXED)
			return 1;
		data &= ~(u64)MSR_IA32_MISC_ENABLE_EMON;
		data |= old & MSR_IA32_MISC_ENABLE_EMON;
	}
	/* The bit switches MONITOR and MWAIT in CPUID; on processors that can have them. */
	if (!vmm_quirk(vcpu->vm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT) &&
	    ((old ^ data) & MSR_IA32_MISC_ENABLE_MWAIT) && !vmm_cpuid_has(vcpu, X86_FEATURE_XMM3))
		return 1;
	vcpu->msr_misc_enable = data;
	return 0;
}

static int set_misc_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr)
{
	u64 data = msr->data;

	switch (msr->index) {
	case MSR_IA32_MISC_ENABLE:
		return set_misc_enable(vcpu, msr);
	case MSR_IA32_POWER_CTL:
		vcpu->msr_power_ctl = data;
		return 0;
	case MSR_SMI_COUNT:
	case MSR_IA32_PERF_CAPABILITIES:
		return !msr->host || data;
	case MSR_IA32_UCODE_REV:
		if (msr->host)
			vcpu->msr_ucode_rev = data;
		return 0;
	case MSR_PLATFORM_INFO:
		if (!msr->host)
			return 1;
		vcpu->msr_platform_info = data;
		return 0;
	case MSR_MISC_FEATURES_ENABLES:
		if ((data & ~MSR_MISC_FEATURES_ENABLES_CPUID_FAULT) ||
		    (data && !(vcpu->msr_platform_info & MSR_PLATFORM_INFO_CPUID_FAULT)))
			return 1;
		vcpu->msr_misc_features = data;
		return 0;
	case MSR_IA32_XSS:
		if ((!msr->host && !vmm_cpuid_has(vcpu, X86_FEATURE_XSAVES)) || data)
			return 1;
		return 0;
	case MSR_IA32_FEAT_CTL:
		return !msr->host;
	case MSR_IA32_DEBUGCTLMSR:
		/* Branch trace and single-step on branches do nothing here. */
		return !!(data & ~(DEBUGCTLMSR_BTF | DEBUGCTLMSR_LBR));
	case MSR_IA32_EBL_CR_POWERON:
	case MSR_IA32_UCODE_WRITE:
		return 0;
	case MSR_P6_PERFCTR0 ... MSR_P6_PERFCTR1:
	case MSR_P6_EVNTSEL0 ... MSR_P6_EVNTSEL1:
		return data != 0;
	default:
		return VMM_MSR_UNKNOWN;
	}
}

/* User space may restore as 0 whatever the list names, though this guest has no use for it. */
static bool listed(u32 index)
{
	u32 i;

	for (i = 0; i < vmm_msr_list_size; i++)
		if (vmm_msr_list[i] == index)
			return true;
	return false;
}

/**
 * vmm_get_msr() - read an MSR
 * @vcpu: the vCPU
 * @msr:  index and who asks; data is filled in
 *
 * Context: the VMCS is loaded; any, also with interrupts off.
 * Return: 0, 1: it may not be read, VMM_MSR_UNKNOWN: there is none such.
 */
int vmm_get_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr)
{
	int r;

	r = get_cpu_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = get_misc_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = vmm_get_tsc_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = get_spec_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = vmm_apic_get_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = vmm_pv_get_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = vmm_get_mtrr_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN && msr->host && listed(msr->index)) {
		msr->data = 0;
		r = 0;
	}
	return r;
}

/**
 * vmm_set_msr() - write an MSR
 * @vcpu: the vCPU
 * @msr:  index, data and who asks
 *
 * Context: the VMCS is loaded; process.
 * Return: 0, 1: the value is not allowed, VMM_MSR_UNKNOWN: there is none such.
 */
int vmm_set_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr)
{
	int r;

	r = set_cpu_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = vmm_set_tsc_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = set_spec_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = set_misc_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = vmm_apic_set_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = vmm_pv_set_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN)
		r = vmm_set_mtrr_msr(vcpu, msr);
	if (r == VMM_MSR_UNKNOWN && msr->host && !msr->data && listed(msr->index))
		r = 0;
	return r;
}
