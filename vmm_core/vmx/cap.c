// SPDX-License-Identifier: GPL-2.0
/*
 * What this processor's VMX offers, and the controls of every VMCS.
 *
 * The capability MSRs are read once. What the product cannot do without is
 * listed in one table each for must-have controls; the first one that is
 * missing is named in the one line that the module logs when it refuses to
 * load. What is nice to have is taken if it is there.
 *
 * Locking: vmx_caps is written by vmx_setup() before anything else exists.
 * Limits: all CPUs must be alike; see vmx_cap_read() in cpu.c.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <asm/cpufeature.h>
#include <asm/fpu/xcr.h>
#include <asm/fpu/xstate.h>
#include <asm/processor.h>
#include "vmx/vmx.h"

struct vmx_caps vmx_caps __ro_after_init;

/* Named as kvm_intel's. */
static bool use_ad = true;
module_param_named(eptad, use_ad, bool, 0444);
MODULE_PARM_DESC(eptad, "Use the accessed and dirty bits of EPT (default: yes, where there are any)");

static bool use_pml = true;
module_param_named(pml, use_pml, bool, 0444);
MODULE_PARM_DESC(pml, "Let the processor write the dirty log (default: yes, where it can)");

/* VMX_BASIC */
#define BASIC_SIZE(basic)	(((basic) >> 32) & 0x1fff)
#define BASIC_32BIT_ONLY	BIT_ULL(48)
#define BASIC_MEMORY_TYPE(basic) (((basic) >> 50) & 0xf)
#define BASIC_INS_OUTS_INFO	BIT_ULL(54)
#define BASIC_TRUE_CTLS		BIT_ULL(55)
#define MEMORY_TYPE_WB		6

struct control {
	u32 bit;
	const char *name;
};

static const struct control pin_needed[] = {
	{ PIN_BASED_EXT_INTR_MASK, "external-interrupt exiting" },
	{ PIN_BASED_NMI_EXITING, "NMI exiting" },
	{ PIN_BASED_VIRTUAL_NMIS, "virtual NMIs" },
};

static const struct control proc_needed[] = {
	{ CPU_BASED_INTR_WINDOW_EXITING, "interrupt-window exiting" },
	{ CPU_BASED_USE_TSC_OFFSETTING, "TSC offsetting" },
	{ CPU_BASED_HLT_EXITING, "HLT exiting" },
	{ CPU_BASED_MWAIT_EXITING, "MWAIT exiting" },
	{ CPU_BASED_MONITOR_EXITING, "MONITOR exiting" },
	{ CPU_BASED_RDPMC_EXITING, "RDPMC exiting" },
	{ CPU_BASED_CR8_LOAD_EXITING, "CR8-load exiting" },
	{ CPU_BASED_CR8_STORE_EXITING, "CR8-store exiting" },
	{ CPU_BASED_NMI_WINDOW_EXITING, "NMI-window exiting" },
	{ CPU_BASED_MOV_DR_EXITING, "MOV-DR exiting" },
	{ CPU_BASED_UNCOND_IO_EXITING, "unconditional I/O exiting" },
	{ CPU_BASED_USE_MSR_BITMAPS, "MSR bitmaps" },
	{ CPU_BASED_ACTIVATE_SECONDARY_CONTROLS, "secondary controls" },
};

/* Windows are opened when there is something to deliver. */
#define PROC_ON_DEMAND	(CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING)

static const struct control proc2_needed[] = {
	{ SECONDARY_EXEC_ENABLE_EPT, "EPT" },
	{ SECONDARY_EXEC_UNRESTRICTED_GUEST, "unrestricted guest" },
	{ SECONDARY_EXEC_ENABLE_VPID, "VPID" },
	{ SECONDARY_EXEC_WBINVD_EXITING, "WBINVD exiting" },
};

static const struct control exit_needed[] = {
	{ VM_EXIT_SAVE_DEBUG_CONTROLS, "save debug controls" },
	{ VM_EXIT_HOST_ADDR_SPACE_SIZE, "64-bit host" },
	{ VM_EXIT_LOAD_IA32_PAT, "load IA32_PAT on exit" },
	{ VM_EXIT_LOAD_IA32_EFER, "load IA32_EFER on exit" },
};

static const struct control entry_needed[] = {
	{ VM_ENTRY_LOAD_DEBUG_CONTROLS, "load debug controls" },
	{ VM_ENTRY_IA32E_MODE, "IA-32e mode guest" },
	{ VM_ENTRY_LOAD_IA32_PAT, "load IA32_PAT on entry" },
	{ VM_ENTRY_LOAD_IA32_EFER, "load IA32_EFER on entry" },
};

/* VM entry as long mode is switched on when the guest gets there. */
#define ENTRY_ON_DEMAND	VM_ENTRY_IA32E_MODE

/*
 * Bits that are 1 in the low half of a control MSR must be set, those that are
 * 0 in its high half cannot be.
 */
static u32 take_controls(u32 msr, const struct control *needed, int n, u32 wanted,
			 const char **missing)
{
	u32 must, may, ctl = 0;
	int i;

	if (rdmsr_safe(msr, &must, &may)) {
		*missing = "a VMX capability MSR";
		return 0;
	}
	for (i = 0; i < n; i++) {
		if (!(may & needed[i].bit)) {
			*missing = needed[i].name;
			return 0;
		}
		ctl |= needed[i].bit;
	}
	return ctl | (wanted & may) | must;
}

static void read_host(struct vmx_caps *caps)
{
	rdmsrl(MSR_EFER, caps->host_efer);
	rdmsrl(MSR_IA32_CR_PAT, caps->host_pat);
	if (boot_cpu_has(X86_FEATURE_OSXSAVE))
		caps->host_xcr0 = xgetbv(XCR_XFEATURE_ENABLED_MASK);
	if (boot_cpu_has(X86_FEATURE_XSAVES))
		rdmsrl(MSR_IA32_XSS, caps->host_xss);
	if (boot_cpu_has(X86_FEATURE_ARCH_CAPABILITIES))
		rdmsrl(MSR_IA32_ARCH_CAPABILITIES, caps->arch_caps);
}

/* Whether all controls that vmx/apicv.c needs can be set: the high halves. */
static bool has_apicv(void)
{
	u64 pin, proc, proc2, vmexit;

	rdmsrl(MSR_IA32_VMX_TRUE_PINBASED_CTLS, pin);
	rdmsrl(MSR_IA32_VMX_TRUE_PROCBASED_CTLS, proc);
	rdmsrl(MSR_IA32_VMX_PROCBASED_CTLS2, proc2);
	rdmsrl(MSR_IA32_VMX_TRUE_EXIT_CTLS, vmexit);
	proc2 = ~(proc2 >> 32) & (SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE |
				  SECONDARY_EXEC_APIC_REGISTER_VIRT |
				  SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY);
	return ((pin >> 32) & PIN_BASED_POSTED_INTR) &&
	       ((proc >> 32) & CPU_BASED_TPR_SHADOW) && !proc2 &&
	       ((vmexit >> 32) & VM_EXIT_ACK_INTR_ON_EXIT);
}

static const char *check_ept_vpid(u64 cap)
{
	if (!(cap & VMX_EPT_PAGE_WALK_4_BIT))
		return "EPT with 4 levels";
	if (!(cap & VMX_EPTP_WB_BIT))
		return "EPT tables in write-back memory";
	if (!(cap & VMX_EPT_INVEPT_BIT) || !(cap & VMX_EPT_EXTENT_CONTEXT_BIT) ||
	    !(cap & VMX_EPT_EXTENT_GLOBAL_BIT))
		return "INVEPT";
	if (!(cap & (VMX_VPID_INVVPID_BIT << 32)) ||
	    !(cap & (VMX_VPID_EXTENT_SINGLE_CONTEXT_BIT << 32)))
		return "INVVPID";
	return NULL;
}

/**
 * vmx_cap_read() - read the capabilities of the CPU it runs on
 * @caps:    filled in
 * @missing: what is needed and not there, when it fails
 *
 * Context: any in which the task stays on one CPU.
 * Return: 0 or -EOPNOTSUPP.
 */
int vmx_cap_read(struct vmx_caps *caps, const char **missing)
{
	u64 basic;

	*missing = NULL;
	memset(caps, 0, sizeof(*caps));
	if (!boot_cpu_has(X86_FEATURE_VMX)) {
		*missing = "VMX (not in CPUID, or locked off by the firmware in IA32_FEATURE_CONTROL)";
		return -EOPNOTSUPP;
	}
	if (!boot_cpu_has(X86_FEATURE_MSR_IA32_FEAT_CTL)) {
		*missing = "VMX in IA32_FEATURE_CONTROL (locked off by the firmware)";
		return -EOPNOTSUPP;
	}

	rdmsrl(MSR_IA32_VMX_BASIC, basic);
	caps->revision = basic & 0x7fffffff;
	if (BASIC_SIZE(basic) > PAGE_SIZE)
		*missing = "a VMCS of at most one page";
	else if (basic & BASIC_32BIT_ONLY)
		*missing = "VMX structures above 4 GiB";
	else if (BASIC_MEMORY_TYPE(basic) != MEMORY_TYPE_WB)
		*missing = "VMX structures in write-back memory";
	else if (!(basic & BASIC_TRUE_CTLS))
		*missing = "TRUE capability MSRs";
	else if (!(basic & BASIC_INS_OUTS_INFO))
		*missing = "instruction information for INS and OUTS";
	if (*missing)
		return -EOPNOTSUPP;

#define TAKE(msr, list, wanted) \
	(*missing ? 0 : take_controls(msr, list, ARRAY_SIZE(list), wanted, missing))
	caps->pin = TAKE(MSR_IA32_VMX_TRUE_PINBASED_CTLS, pin_needed, 0);
	caps->proc = TAKE(MSR_IA32_VMX_TRUE_PROCBASED_CTLS, proc_needed, 0) & ~PROC_ON_DEMAND;
	caps->proc2 = TAKE(MSR_IA32_VMX_PROCBASED_CTLS2, proc2_needed,
			   VMX_PROC2_ON_DEMAND | SECONDARY_EXEC_PAUSE_LOOP_EXITING);
	caps->vmexit = TAKE(MSR_IA32_VMX_TRUE_EXIT_CTLS, exit_needed, 0);
	caps->vmentry = TAKE(MSR_IA32_VMX_TRUE_ENTRY_CTLS, entry_needed, 0) & ~ENTRY_ON_DEMAND;
#undef TAKE
	if (*missing)
		return -EOPNOTSUPP;
	if (caps->proc & (CPU_BASED_CR3_LOAD_EXITING | CPU_BASED_CR3_STORE_EXITING |
			  CPU_BASED_INVLPG_EXITING)) {
		*missing = "CR3 and INVLPG without exits";
		return -EOPNOTSUPP;
	}

	rdmsrl(MSR_IA32_VMX_EPT_VPID_CAP, caps->ept_vpid);
	*missing = check_ept_vpid(caps->ept_vpid);
	if (*missing)
		return -EOPNOTSUPP;
	if (!use_ad)
		caps->ept_vpid &= ~(u64)VMX_EPT_AD_BIT;
	/* What is logged is that a dirty bit was set. */
	if (!use_pml || !(caps->ept_vpid & VMX_EPT_AD_BIT))
		caps->proc2 &= ~SECONDARY_EXEC_ENABLE_PML;

	rdmsrl(MSR_IA32_VMX_CR0_FIXED0, caps->cr0_fixed0);
	rdmsrl(MSR_IA32_VMX_CR0_FIXED1, caps->cr0_fixed1);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED0, caps->cr4_fixed0);
	rdmsrl(MSR_IA32_VMX_CR4_FIXED1, caps->cr4_fixed1);
	caps->cr0_fixed0 &= ~(u64)(X86_CR0_PE | X86_CR0_PG);

	caps->apicv = has_apicv();
	read_host(caps);
	return 0;
}

/**
 * vmx_setup() - find out whether guests can run here at all
 *
 * Logs one line naming what is missing.
 * Context: module initialisation.
 * Return: 0, -EOPNOTSUPP.
 */
int __init vmx_setup(void)
{
	const char *missing;
	int r;

	migrate_disable();
	r = vmx_cap_read(&vmx_caps, &missing);
	migrate_enable();
	if (r)
		pr_err("vmm_core: this processor cannot run guests: it lacks %s\n", missing);
	if (!r) {
		vmm_msr_setup();
		vmx_apicv_setup();
	}
	return r;
}

/**
 * vmx_eptp() - the EPT pointer for a root table
 * @root: its physical address
 *
 * Return: write-back, 4 levels, accessed and dirty flags where there are any.
 */
u64 vmx_eptp(hpa_t root)
{
	u64 eptp = root | VMX_EPTP_MT_WB | VMX_EPTP_PWL_4;

	if (vmx_ept_has_ad())
		eptp |= VMX_EPTP_AD_ENABLE_BIT;
	return eptp;
}

/** vmx_ept_has_2m() - EPT can map 2 MiB pages */
bool vmx_ept_has_2m(void)
{
	return vmx_caps.ept_vpid & VMX_EPT_2MB_PAGE_BIT;
}

/** vmx_ept_has_1g() - EPT can map 1 GiB pages */
bool vmx_ept_has_1g(void)
{
	return vmx_caps.ept_vpid & VMX_EPT_1GB_PAGE_BIT;
}

/** vmx_ept_has_ad() - EPT entries have accessed and dirty flags */
bool vmx_ept_has_ad(void)
{
	return vmx_caps.ept_vpid & VMX_EPT_AD_BIT;
}

/** vmx_has_pml() - the processor can write down which pages become dirty */
bool vmx_has_pml(void)
{
	return vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_PML;
}

/**
 * vmx_guest_has() - can a guest be given an instruction that takes a VMX control?
 * @x86_feature: X86_FEATURE_RDTSCP, INVPCID or XSAVES
 *
 * Context: any, after vmx_setup().
 * Return: whether the control exists.
 */
bool vmx_guest_has(unsigned int x86_feature)
{
	switch (x86_feature) {
	case X86_FEATURE_RDTSCP:
		return vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_RDTSCP;
	case X86_FEATURE_INVPCID:
		return vmx_caps.proc2 & SECONDARY_EXEC_ENABLE_INVPCID;
	case X86_FEATURE_XSAVES:
		return vmx_caps.proc2 & VMX_PROC2_XSAVES;
	default:
		return true;
	}
}
