// SPDX-License-Identifier: GPL-2.0
/*
 * CPUID: what a guest can be offered, and what it is told.
 *
 * What can be offered is computed once: the processor's own answer, less what
 * the host's kernel has switched off, less what this hypervisor does not
 * virtualise (the masks below). User space chooses among it; what it sets is
 * believed for everything but the bits that follow the guest's own registers
 * (OSXSAVE, OSPKE, the size of the state that XCR0 selects).
 *
 * x2APIC and the local APIC's timer that never stops are the kernel's own, not the
 * processor's. The TSC-deadline mode of that timer is not named here but by a
 * capability, as with KVM: it needs the APIC to be in the kernel, which user
 * space decides later.
 *
 * No VMX, no performance counters, no MONITOR/MWAIT.
 *
 * Locking: the tables are constant after vmm_cpuid_setup(); a vCPU's entries
 * belong to the holder of vcpu->mutex.
 *
 * Limits: extended state that needs a process's permission (AMX) is not
 * offered.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmm.h>
#include <asm/cpufeature.h>
#include <asm/fpu/types.h>
#include <asm/fpu/xcr.h>
#include <asm/processor-flags.h>
#include <asm/processor.h>
#include "vmm.h"

#define F(name)		BIT(X86_FEATURE_##name & 31)

enum cpuid_out { OUT_EAX, OUT_EBX, OUT_ECX, OUT_EDX };

/**
 * struct feature_word - one register full of feature bits
 * @function: leaf
 * @index:    subleaf
 * @out:      register
 * @mask:     what we can virtualise; after setup also what there is
 */
struct feature_word {
	u32 function;
	u32 index;
	enum cpuid_out out;
	u32 mask;
};

/* By the number of the kernel's feature words; X86_FEATURE_x / 32 finds x. */
static struct feature_word words[NCAPINTS] __ro_after_init = {
	[X86_FEATURE_FPU / 32] = { 1, 0, OUT_EDX,
		F(FPU) | F(VME) | F(DE) | F(PSE) | F(TSC) | F(MSR) | F(PAE) | F(MCE) | F(CX8) |
		F(APIC) | F(SEP) | F(MTRR) | F(PGE) | F(MCA) | F(CMOV) | F(PAT) | F(PSE36) |
		F(CLFLUSH) | F(MMX) | F(FXSR) | F(XMM) | F(XMM2) | F(SELFSNOOP) },
	[X86_FEATURE_XMM3 / 32] = { 1, 0, OUT_ECX,
		F(XMM3) | F(PCLMULQDQ) | F(SSSE3) | F(FMA) | F(CX16) | F(PCID) | F(XMM4_1) |
		F(XMM4_2) | F(MOVBE) | F(POPCNT) | F(AES) | F(XSAVE) | F(AVX) | F(F16C) |
		F(RDRAND) },
	[X86_FEATURE_FSGSBASE / 32] = { 7, 0, OUT_EBX,
		F(FSGSBASE) | F(TSC_ADJUST) | F(BMI1) | F(HLE) | F(AVX2) | F(FDP_EXCPTN_ONLY) |
		F(SMEP) | F(BMI2) | F(ERMS) | F(INVPCID) | F(RTM) | F(ZERO_FCS_FDS) | F(AVX512F) |
		F(AVX512DQ) | F(RDSEED) | F(ADX) | F(SMAP) | F(AVX512IFMA) | F(CLFLUSHOPT) |
		F(CLWB) | F(AVX512CD) | F(SHA_NI) | F(AVX512BW) | F(AVX512VL) },
	[X86_FEATURE_LA57 / 32] = { 7, 0, OUT_ECX,
		F(AVX512VBMI) | F(UMIP) | F(PKU) | F(AVX512_VBMI2) | F(GFNI) | F(VAES) |
		F(VPCLMULQDQ) | F(AVX512_VNNI) | F(AVX512_BITALG) | F(AVX512_VPOPCNTDQ) |
		F(LA57) | F(RDPID) | F(CLDEMOTE) | F(MOVDIRI) | F(MOVDIR64B) },
	[X86_FEATURE_FSRM / 32] = { 7, 0, OUT_EDX,
		F(AVX512_4VNNIW) | F(AVX512_4FMAPS) | F(FSRM) | F(AVX512_VP2INTERSECT) |
		F(MD_CLEAR) | F(SERIALIZE) | F(TSXLDTRK) | F(AVX512_FP16) | F(SPEC_CTRL) |
		F(INTEL_STIBP) | F(ARCH_CAPABILITIES) | F(SPEC_CTRL_SSBD) },
	[X86_FEATURE_AVX_VNNI / 32] = { 7, 1, OUT_EAX,
		F(AVX_VNNI) | F(AVX512_BF16) },
	[X86_FEATURE_XSAVEOPT / 32] = { 0xd, 1, OUT_EAX,
		F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1) | F(XSAVES) },
	[X86_FEATURE_LAHF_LM / 32] = { 0x80000001, 0, OUT_ECX,
		F(LAHF_LM) | F(ABM) | F(3DNOWPREFETCH) },
	[X86_FEATURE_SYSCALL / 32] = { 0x80000001, 0, OUT_EDX,
		F(SYSCALL) | F(NX) | F(GBPAGES) | F(RDTSCP) | F(LM) },
};

/* The kernel's word for 80000007:EDX is one of its own making. */
#define INVARIANT_TSC		BIT(8)

#define HYPERVISOR_BIT		BIT(X86_FEATURE_HYPERVISOR & 31)
#define OSXSAVE_BIT		BIT(X86_FEATURE_OSXSAVE & 31)
#define APIC_BIT		BIT(X86_FEATURE_APIC & 31)
#define X2APIC_BIT		BIT(X86_FEATURE_X2APIC & 31)
#define MWAIT_BIT		BIT(X86_FEATURE_MWAIT & 31)
#define ARAT_BIT		BIT(X86_FEATURE_ARAT & 31)
#define OSPKE_BIT		BIT(X86_FEATURE_OSPKE & 31)

#define SIGNATURE_LEAF		0x40000000u
#define SIGNATURE_EBX		0x4b4d564bu	/* "KVMK" */
#define SIGNATURE_ECX		0x564b4d56u	/* "VMKV" */
#define SIGNATURE_EDX		0x0000004du	/* "M\0\0\0" */
#define EXTENDED_LEAF		0x80000000u

#define MAX_BASIC		0xdu
#define MAX_EXTENDED		0x80000008u
#define EPT_ADDRESS_BITS	48		/* 4 levels */
#define XSAVE_LEGACY		576		/* legacy area and header */
#define XSAVE_ALIGN64		BIT(1)		/* 0xd:n ECX */

static u64 xcr0_offered __ro_after_init;
static u32 xsave_size[64] __ro_after_init;	/* of each component */
static u32 xsave_offset[64] __ro_after_init;	/* in the standard format */
static u64 xsave_align __ro_after_init;		/* components aligned in the compacted one */

static u32 out_of(const struct kvm_cpuid_entry2 *e, enum cpuid_out out)
{
	switch (out) {
	case OUT_EAX:
		return e->eax;
	case OUT_EBX:
		return e->ebx;
	case OUT_ECX:
		return e->ecx;
	default:
		return e->edx;
	}
}

static void ask_host(struct kvm_cpuid_entry2 *e)
{
	cpuid_count(e->function, e->index, &e->eax, &e->ebx, &e->ecx, &e->edx);
}

/* --- once ---------------------------------------------------------------------- */

static bool __init offered(unsigned int feature)
{
	return words[feature / 32].mask & BIT(feature & 31);
}

static void __init withdraw(unsigned int feature)
{
	words[feature / 32].mask &= ~BIT(feature & 31);
}

static void __init setup_xstate(void)
{
	u64 want = XFEATURE_MASK_FPSSE | XFEATURE_MASK_YMM | XFEATURE_MASK_AVX512 |
		   XFEATURE_MASK_PKRU;
	int i;

	if (!offered(X86_FEATURE_XSAVE))
		return;
	xcr0_offered = xgetbv(XCR_XFEATURE_ENABLED_MASK) & want;
	if (!offered(X86_FEATURE_PKU))
		xcr0_offered &= ~XFEATURE_MASK_PKRU;
	if ((xcr0_offered & XFEATURE_MASK_AVX512) != XFEATURE_MASK_AVX512)
		xcr0_offered &= ~XFEATURE_MASK_AVX512;
	for (i = 2; i < 64; i++) {
		struct kvm_cpuid_entry2 e = { .function = 0xd, .index = i };

		if (!(xcr0_offered & BIT_ULL(i)))
			continue;
		ask_host(&e);
		xsave_size[i] = e.eax;
		xsave_offset[i] = e.ebx;
		if (e.ecx & XSAVE_ALIGN64)
			xsave_align |= BIT_ULL(i);
	}
}

/**
 * vmm_cpuid_setup() - find out what this host can offer
 *
 * Context: module init, after vmx_setup().
 */
void __init vmm_cpuid_setup(void)
{
	u32 max_basic = cpuid_eax(0);
	int i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		struct feature_word *w = &words[i];
		struct kvm_cpuid_entry2 e = { .function = w->function, .index = w->index };

		if (!w->mask)
			continue;
		if (w->function < EXTENDED_LEAF && w->function > max_basic) {
			w->mask = 0;
			continue;
		}
		ask_host(&e);
		w->mask &= out_of(&e, w->out) & boot_cpu_data.x86_capability[i];
	}
	/* What takes a VMX control to be allowed. */
	if (!vmx_guest_has(X86_FEATURE_RDTSCP)) {
		withdraw(X86_FEATURE_RDTSCP);
		withdraw(X86_FEATURE_RDPID);
	}
	if (!vmx_guest_has(X86_FEATURE_INVPCID))
		withdraw(X86_FEATURE_INVPCID);
	if (!vmx_guest_has(X86_FEATURE_XSAVES))
		withdraw(X86_FEATURE_XSAVES);
	/* The registers of PKU are switched only where the kernel uses them, too. */
	if (!boot_cpu_has(X86_FEATURE_OSPKE))
		withdraw(X86_FEATURE_PKU);
	setup_xstate();
}

/** vmm_supported_xcr0() - components of extended state that a guest may enable; 0: no XSAVE */
u64 vmm_supported_xcr0(void)
{
	return xcr0_offered;
}

/* --- what can be offered: KVM_GET_SUPPORTED_CPUID -------------------------------- */

/**
 * struct list - entries under construction
 * @e:   room
 * @max: how much
 * @n:   used, or wanted if more than @max
 */
struct list {
	struct kvm_cpuid_entry2 *e;
	int max;
	int n;
};

/* The next entry, filled with the host's answer; a dummy when there is no room. */
static struct kvm_cpuid_entry2 *add(struct list *l, u32 function, u32 index, bool indexed)
{
	static const struct kvm_cpuid_entry2 zero;
	struct kvm_cpuid_entry2 *e = &l->e[min(l->n, l->max - 1)];

	l->n++;
	*e = zero;
	e->function = function;
	e->index = index;
	e->flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0;
	ask_host(e);
	return e;
}

static struct kvm_cpuid_entry2 *add_clear(struct list *l, u32 function, u32 index, bool indexed)
{
	struct kvm_cpuid_entry2 *e = add(l, function, index, indexed);

	e->eax = 0;
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
	return e;
}

static u32 word_of(u32 function, u32 index, enum cpuid_out out)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].mask && words[i].function == function && words[i].index == index &&
		    words[i].out == out)
			return words[i].mask;
	return 0;
}

static u32 xstate_size(u64 xstate, bool compacted)
{
	u32 end = XSAVE_LEGACY;
	int i;

	for (i = 2; i < 64 && xstate >> i; i++) {
		u32 start;

		if (!(xstate & BIT_ULL(i)))
			continue;
		if (compacted)
			start = xsave_align & BIT_ULL(i) ? ALIGN(end, 64) : end;
		else
			start = xsave_offset[i];
		end = max(end, start + xsave_size[i]);
	}
	return end;
}

/* Each cache is this vCPU's own until user space says otherwise. */
static void add_caches(struct list *l)
{
	u32 i;

	for (i = 0; i < 8; i++) {
		struct kvm_cpuid_entry2 *e = add(l, 4, i, true);

		if (!(e->eax & 0x1f))
			break;
		e->eax &= GENMASK(13, 0);
	}
}

static void add_xstate(struct list *l)
{
	struct kvm_cpuid_entry2 *e;
	int i;

	e = add_clear(l, 0xd, 0, true);
	if (!xcr0_offered)
		return;
	e->eax = lower_32_bits(xcr0_offered);
	e->edx = upper_32_bits(xcr0_offered);
	e->ebx = xstate_size(xcr0_offered, false);
	e->ecx = e->ebx;
	e = add_clear(l, 0xd, 1, true);
	e->eax = word_of(0xd, 1, OUT_EAX);
	if (e->eax & (F(XSAVES) | F(XSAVEC)))
		e->ebx = xstate_size(xcr0_offered, true);
	for (i = 2; i < 64; i++) {
		if (!(xcr0_offered & BIT_ULL(i)))
			continue;
		e = add_clear(l, 0xd, i, true);
		e->eax = xsave_size[i];
		e->ebx = xsave_offset[i];
		e->ecx = xsave_align & BIT_ULL(i) ? XSAVE_ALIGN64 : 0;
	}
}

static void add_basic(struct list *l)
{
	struct kvm_cpuid_entry2 *e;
	u32 max;

	e = add(l, 0, 0, false);
	e->eax = min(e->eax, MAX_BASIC);
	max = e->eax;
	e = add(l, 1, 0, false);
	/* CLFLUSH size only: APIC id and number of processors are user space's */
	e->ebx &= GENMASK(15, 8);
	e->ecx = word_of(1, 0, OUT_ECX) | HYPERVISOR_BIT | X2APIC_BIT;
	e->edx = word_of(1, 0, OUT_EDX);
	if (max >= 2)
		add(l, 2, 0, false);
	if (max >= 4)
		add_caches(l);
	if (max >= 6) {
		e = add_clear(l, 6, 0, false);
		e->eax = ARAT_BIT;
	}
	if (max >= 7) {
		e = add_clear(l, 7, 0, true);
		e->ebx = word_of(7, 0, OUT_EBX);
		e->ecx = word_of(7, 0, OUT_ECX);
		e->edx = word_of(7, 0, OUT_EDX);
		if (word_of(7, 1, OUT_EAX)) {
			e->eax = 1;
			e = add_clear(l, 7, 1, true);
			e->eax = word_of(7, 1, OUT_EAX);
		}
	}
	/* No performance counters, no topology: said in so many words. */
	if (max >= 0xa)
		add_clear(l, 0xa, 0, false);
	if (max >= 0xb)
		add_clear(l, 0xb, 0, true);
	if (max >= 0xd)
		add_xstate(l);
}

static void add_hypervisor(struct list *l)
{
	struct kvm_cpuid_entry2 *e;

	e = add_clear(l, SIGNATURE_LEAF, 0, false);
	e->eax = SIGNATURE_LEAF + 1;
	e->ebx = SIGNATURE_EBX;
	e->ecx = SIGNATURE_ECX;
	e->edx = SIGNATURE_EDX;
	e = add_clear(l, SIGNATURE_LEAF + 1, 0, false);
	e->eax = vmm_pv_supported();
	e = add_clear(l, VMM_CPUID_SIGNATURE, 0, false);	/* "vmmvmmvmmvmm" */
	e->eax = VMM_CPUID_CALLS;
	e->ebx = 0x766d6d76;
	e->ecx = 0x6d766d6d;
	e->edx = 0x6d6d766d;
	e = add_clear(l, VMM_CPUID_CALLS, 0, false);
	e->eax = vmm_pv_sched_calls();
	e->ebx = 1;
}

static void add_extended(struct list *l)
{
	struct kvm_cpuid_entry2 *e;
	u32 i, bits;

	e = add_clear(l, EXTENDED_LEAF, 0, false);
	e->eax = MAX_EXTENDED;
	e = add_clear(l, 0x80000001, 0, false);
	e->ecx = word_of(0x80000001, 0, OUT_ECX);
	e->edx = word_of(0x80000001, 0, OUT_EDX);
	for (i = 0x80000002; i <= 0x80000004; i++)	/* the processor's name */
		add(l, i, 0, false);
	e = add(l, 0x80000006, 0, false);
	e->eax = 0;
	e->ebx = 0;
	e->edx = 0;
	e = add_clear(l, 0x80000007, 0, false);
	if (boot_cpu_has(X86_FEATURE_CONSTANT_TSC) && boot_cpu_has(X86_FEATURE_NONSTOP_TSC))
		e->edx = INVARIANT_TSC;
	e = add(l, 0x80000008, 0, false);
	bits = min_t(u32, e->eax & 0xff, EPT_ADDRESS_BITS);
	e->eax = (e->eax & 0xff00) | bits;
	e->ebx = 0;
	e->ecx = 0;
	e->edx = 0;
}

/**
 * vmm_cpuid_supported() - all that a guest can be offered
 * @entries: room for it
 * @max: how much
 *
 * Context: any CPU, may be preempted: the table is of the boot CPU.
 * Return: the number of entries, or -E2BIG.
 */
int vmm_cpuid_supported(struct kvm_cpuid_entry2 *entries, int max)
{
	struct list l = { .e = entries, .max = max };

	if (max < 1)
		return -E2BIG;
	add_basic(&l);
	add_hypervisor(&l);
	add_extended(&l);
	return l.n > max ? -E2BIG : l.n;
}

/* --- what a vCPU has: KVM_SET_CPUID2 ---------------------------------------------- */

/**
 * vmm_cpuid_find() - an entry as user space set it
 * @vcpu: whose
 * @function: leaf
 * @index: subleaf
 *
 * Return: the entry or NULL.
 */
const struct kvm_cpuid_entry2 *vmm_cpuid_find(struct vmm_vcpu *vcpu, u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *e = vcpu->cpuid, *end = e + vcpu->nr_cpuid;

	for (; e < end; e++)
		if (e->function == function &&
		    (e->index == index || !(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX)))
			return e;
	return NULL;
}

/**
 * vmm_cpuid_has() - was the guest given a feature?
 * @vcpu: whose
 * @feature: X86_FEATURE_* of a word that CPUID has
 */
bool vmm_cpuid_has(struct vmm_vcpu *vcpu, unsigned int feature)
{
	const struct kvm_cpuid_entry2 *e;
	const struct feature_word *w;

	if (feature / 32 >= ARRAY_SIZE(words))
		return false;
	w = &words[feature / 32];
	if (!w->function)
		return false;
	e = vmm_cpuid_find(vcpu, w->function, w->index);
	return e && (out_of(e, w->out) & BIT(feature & 31));
}

/* Bits of CR4 that need a feature; all others but the ones every processor has are refused. */
static const struct {
	unsigned int feature;
	unsigned long cr4;
} cr4_features[] = {
	{ X86_FEATURE_UMIP, X86_CR4_UMIP },
	{ X86_FEATURE_LA57, X86_CR4_LA57 },
	{ X86_FEATURE_FSGSBASE, X86_CR4_FSGSBASE },
	{ X86_FEATURE_PCID, X86_CR4_PCIDE },
	{ X86_FEATURE_XSAVE, X86_CR4_OSXSAVE },
	{ X86_FEATURE_SMEP, X86_CR4_SMEP },
	{ X86_FEATURE_SMAP, X86_CR4_SMAP },
	{ X86_FEATURE_PKU, X86_CR4_PKE },
};

#define CR4_ALWAYS	(X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PSE | \
			 X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE | X86_CR4_PCE |		   \
			 X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT)

static bool host_offers(unsigned int feature)
{
	return words[feature / 32].mask & BIT(feature & 31);
}

/**
 * vmm_cpuid_reset() - limits of a vCPU that was given no CPUID yet
 * @vcpu: a new one
 *
 * Registers can be set before the model is: the host's limits apply.
 */
void vmm_cpuid_reset(struct vmm_vcpu *vcpu)
{
	unsigned long allowed = CR4_ALWAYS;
	int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (host_offers(cr4_features[i].feature))
			allowed |= cr4_features[i].cr4;
	vcpu->cr4_reserved = ~allowed;
	vcpu->maxphyaddr = 36;
	vcpu->supported_xcr0 = 0;
}

static void update_limits(struct vmm_vcpu *vcpu)
{
	const struct kvm_cpuid_entry2 *e;
	unsigned long allowed = CR4_ALWAYS;
	int i;

	for (i = 0; i < ARRAY_SIZE(cr4_features); i++)
		if (host_offers(cr4_features[i].feature) &&
		    vmm_cpuid_has(vcpu, cr4_features[i].feature))
			allowed |= cr4_features[i].cr4;
	vcpu->cr4_reserved = ~allowed;

	e = vmm_cpuid_find(vcpu, EXTENDED_LEAF, 0);
	if (e && e->eax >= 0x80000008)
		e = vmm_cpuid_find(vcpu, 0x80000008, 0);
	else
		e = NULL;
	vcpu->maxphyaddr = e && (e->eax & 0xff) ? clamp_t(u32, e->eax & 0xff, 32, 52) : 36;

	e = vmm_cpuid_find(vcpu, 0xd, 0);
	vcpu->supported_xcr0 = e ? (e->eax | (u64)e->edx << 32) & xcr0_offered : 0;
}

/* Linear addresses have 48 or 57 bits; a CPUID that says otherwise cannot be kept to. */
static bool valid_entries(const struct kvm_cpuid_entry2 *e, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		u32 bits = (e[i].eax >> 8) & 0xff;

		if (e[i].function == 0x80000008 && bits && bits != 48 && bits != 57)
			return false;
	}
	return true;
}

/* --- what the guest is told --------------------------------------------------------- */

/*
 * Beyond the last leaf of a range Intel's processors answer as for the last
 * basic leaf; leaves that are missing below it are all zero.
 */
static const struct kvm_cpuid_entry2 *beyond(struct vmm_vcpu *vcpu, u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *first = vmm_cpuid_find(vcpu, 0, 0);
	const struct kvm_cpuid_entry2 *range;

	if (!first)
		return NULL;
	if (function >= SIGNATURE_LEAF && function < SIGNATURE_LEAF + 0x10000000)
		range = vmm_cpuid_find(vcpu, function & 0xffffff00, 0);
	else
		range = vmm_cpuid_find(vcpu, function & EXTENDED_LEAF, 0);
	if (range && function <= range->eax)
		return NULL;
	return vmm_cpuid_find(vcpu, first->eax, index);
}

/* Bits and sizes that follow the guest's registers. */
static void runtime_bits(struct vmm_vcpu *vcpu, u32 function, u32 index, u32 *eax, u32 *ebx,
			 u32 *ecx, u32 *edx)
{
	switch (function) {
	case 1:
		*ecx &= ~OSXSAVE_BIT;
		if (vmm_read_reg(vcpu, VMM_CR4) & X86_CR4_OSXSAVE)
			*ecx |= OSXSAVE_BIT;
		if (!(vcpu->apic_base & MSR_IA32_APICBASE_ENABLE))
			*edx &= ~APIC_BIT;
		if (!vmm_quirk(vcpu->vm, KVM_X86_QUIRK_MISC_ENABLE_NO_MWAIT)) {
			*ecx &= ~MWAIT_BIT;
			if (vcpu->msr_misc_enable & MSR_IA32_MISC_ENABLE_MWAIT)
				*ecx |= MWAIT_BIT;
		}
		break;
	case 7:
		if (index)
			break;
		*ecx &= ~OSPKE_BIT;
		if (vmm_read_reg(vcpu, VMM_CR4) & X86_CR4_PKE)
			*ecx |= OSPKE_BIT;
		break;
	case 0xd:
		if (!index)
			*ebx = xstate_size(vcpu->xcr0, false);
		else if (index == 1 && (*eax & (F(XSAVES) | F(XSAVEC))))
			*ebx = xstate_size(vcpu->xcr0 | vcpu->xss, true);
		break;
	}
}

/**
 * vmm_cpuid() - the answer to the guest's CPUID
 * @vcpu: vCPU of the calling thread, loaded
 * @eax: leaf in, answer out
 * @ebx: answer
 * @ecx: subleaf in, answer out
 * @edx: answer
 */
void vmm_cpuid(struct vmm_vcpu *vcpu, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	u32 function = *eax, index = *ecx;
	const struct kvm_cpuid_entry2 *e = vmm_cpuid_find(vcpu, function, index);

	if (!e)
		e = beyond(vcpu, function, index);
	if (!e) {
		*eax = 0;
		*ebx = 0;
		*ecx = 0;
		*edx = 0;
		/* Topology levels that do not exist still say who asks, and for which. */
		if (function == 0xb || function == 0x1f) {
			e = vmm_cpuid_find(vcpu, function, 1);
			if (e) {
				*ecx = index & 0xff;
				*edx = e->edx;
			}
		}
		return;
	}
	*eax = e->eax;
	*ebx = e->ebx;
	*ecx = e->ecx;
	*edx = e->edx;
	runtime_bits(vcpu, e->function, index, eax, ebx, ecx, edx);
}

/**
 * vmm_cpuid_get() - an entry as the guest would see it now: KVM_GET_CPUID2
 * @vcpu: vCPU, loaded
 * @e:    copy of one of its entries; the bits that follow registers are brought up to date
 */
void vmm_cpuid_get(struct vmm_vcpu *vcpu, struct kvm_cpuid_entry2 *e)
{
	runtime_bits(vcpu, e->function, e->index, &e->eax, &e->ebx, &e->ecx, &e->edx);
}

/* As far as user space decides: the bits that follow the vCPU's registers do not count. */
static bool same_entries(struct vmm_vcpu *vcpu, const struct kvm_cpuid_entry2 *entries, int n)
{
	int i;

	if (n != vcpu->nr_cpuid)
		return false;
	for (i = 0; i < n; i++) {
		struct kvm_cpuid_entry2 a = entries[i], b = vcpu->cpuid[i];

		vmm_cpuid_get(vcpu, &a);
		vmm_cpuid_get(vcpu, &b);
		if (memcmp(&a, &b, sizeof(a)))
			return false;
	}
	return true;
}

/**
 * vmm_cpuid_set() - KVM_SET_CPUID2
 * @vcpu: vCPU, loaded
 * @entries: from kvcalloc(), taken over on success
 * @n: how many, at most VMM_MAX_CPUID
 *
 * Once the vCPU has run its model is fixed; to set the same again is allowed.
 * Return: 0 or -EINVAL.
 */
int vmm_cpuid_set(struct vmm_vcpu *vcpu, struct kvm_cpuid_entry2 *entries, int n)
{
	if (vcpu->ran && !same_entries(vcpu, entries, n))
		return -EINVAL;
	if (!valid_entries(entries, n))
		return -EINVAL;
	kvfree(vcpu->cpuid);
	vcpu->cpuid = entries;
	vcpu->nr_cpuid = n;
	update_limits(vcpu);
	vmm_pv_cpuid_changed(vcpu);
	vmx_cpuid_changed(vcpu);
	return 0;
}
