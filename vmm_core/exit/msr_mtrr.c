// SPDX-License-Identifier: GPL-2.0
/*
 * MSRs of memory types (PAT, MTRRs) and of machine checks.
 *
 * MTRRs have no effect: guest memory is write-back whatever the guest says. They
 * keep what is written, because systems read it back. Machine checks come from
 * user space only (abi/mce.c).
 *
 * Locking: as in msr.c.
 */
#include <linux/kernel.h>
#include <asm/mce.h>
#include <asm/msr-index.h>
#include "exit/exit.h"
#include "exit/msr.h"

#define NR_VARIABLE	8
/* Write combining, fixed ranges, number of variable ranges */
#define MTRR_CAP	(0x500 | NR_VARIABLE)
#define MTRR_DEF_BITS	0xcff
#define MTRR_PHYS_BASE0	0x200

static const u32 fixed_mtrrs[] = {
	MSR_MTRRfix64K_00000, MSR_MTRRfix16K_80000, MSR_MTRRfix16K_A0000,
	MSR_MTRRfix4K_C0000, MSR_MTRRfix4K_C8000, MSR_MTRRfix4K_D0000, MSR_MTRRfix4K_D8000,
	MSR_MTRRfix4K_E0000, MSR_MTRRfix4K_E8000, MSR_MTRRfix4K_F0000, MSR_MTRRfix4K_F8000,
};

/* @types: which memory types are allowed in each byte */
static bool valid_types(u64 data, u8 types)
{
	int i;

	for (i = 0; i < 64; i += 8) {
		u8 type = data >> i;

		if (type > 7 || !(types & BIT(type)))
			return false;
	}
	return true;
}

#define PAT_TYPES	0xf3	/* 0, 1, 4, 5, 6, 7 */
#define MTRR_TYPES	0x73	/* 0, 1, 4, 5, 6 */

static u64 *mtrr_slot(struct vmm_vcpu *vcpu, u32 index)
{
	unsigned int i;

	if (index >= MTRR_PHYS_BASE0 && index < MTRR_PHYS_BASE0 + 2 * NR_VARIABLE)
		return &vcpu->msr_mtrr_var[index - MTRR_PHYS_BASE0];
	if (index == MSR_MTRRdefType)
		return &vcpu->msr_mtrr_def;
	for (i = 0; i < ARRAY_SIZE(fixed_mtrrs); i++) {
		if (index == fixed_mtrrs[i])
			return &vcpu->msr_mtrr_fixed[i];
	}
	return NULL;
}

static bool valid_mtrr(struct vmm_vcpu *vcpu, u32 index, u64 data)
{
	u64 reserved = ~GENMASK_ULL(vcpu->maxphyaddr - 1, 0);

	if (index == MSR_MTRRdefType)
		return !(data & ~(u64)MTRR_DEF_BITS) && valid_types(data & 0xff, MTRR_TYPES);
	if (index >= MSR_MTRRfix64K_00000)
		return valid_types(data, MTRR_TYPES);
	if (index & 1)		/* mask: bit 11 is "valid" */
		return !(data & (reserved | 0x7ff));
	return !(data & (reserved | 0xf00)) && valid_types(data & 0xff, MTRR_TYPES);
}

static u64 *mce_slot(struct vmm_vcpu *vcpu, u32 index)
{
	if (index == MSR_IA32_MCG_STATUS)
		return &vcpu->msr_mcg_status;
	if (index == MSR_IA32_MCG_CTL)
		return &vcpu->msr_mcg_ctl;
	if (index >= MSR_IA32_MC0_CTL &&
	    index < MSR_IA32_MC0_CTL + 4 * (vcpu->msr_mcg_cap & MCG_BANKCNT_MASK))
		return &vcpu->msr_mce[index - MSR_IA32_MC0_CTL];
	return NULL;
}

static bool valid_mce(u32 index, u64 data, bool host)
{
	if (host)
		return true;
	if (index == MSR_IA32_MCG_STATUS)
		return !(data & ~(MCG_STATUS_RIPV | MCG_STATUS_EIPV | MCG_STATUS_MCIP));
	if (index == MSR_IA32_MCG_CTL)
		return !data || data == ~0ull;
	switch ((index - MSR_IA32_MC0_CTL) & 3) {
	case 0:		/* CTL: all or nothing; some systems clear bits 0 or 10 */
		return !data || (data | BIT_ULL(10) | 1) == ~0ull;
	case 1:		/* STATUS can be cleared */
		return !data;
	default:
		return true;
	}
}

/** vmm_get_mtrr_msr() - as vmm_get_msr(), or VMM_MSR_UNKNOWN */
int vmm_get_mtrr_msr(struct vmm_vcpu *vcpu, struct vmm_msr *msr)
{
	u64 *slot;

	switch (msr->index) {
	case MSR_IA32_CR_PAT:
		msr->data = vcpu->msr_pat;
		return 0;
	case MSR_MTRRcap:
		msr->data = MTRR_CAP;
		return 0;
	case MSR_IA32_P5_MC_ADDR:
	case MSR_IA32_P5_MC_TYPE:
		msr->data = 0;
		return 0;
	case MSR_IA32_MCG_CAP:
		msr->data = vcpu->msr_mcg_cap;
		return 0;
	}
	slot = mtrr_slot(vcpu, msr->index) ?: mce_slot(vcpu, msr->index);
	if (!slot)
		return VMM_MSR_UNKNOWN;
	msr->data = *slot;
	return 0;
}

/** vmm_set_mtrr_msr() - as vmm_set_msr(), or VMM_MSR_UNKNOWN */
int vmm_set_mtrr_msr(struct vmm_vcpu *vcpu, const struct vmm_msr *msr)
{
	u64 *slot;

	if (msr->index == MSR_IA32_CR_PAT) {
		if (!valid_types(msr->data, PAT_TYPES))
			return 1;
		vcpu->msr_pat = msr->data;
		vmcs_write64(GUEST_IA32_PAT, msr->data);
		return 0;
	}
	slot = mtrr_slot(vcpu, msr->index);
	if (slot) {
		if (!valid_mtrr(vcpu, msr->index, msr->data))
			return 1;
		*slot = msr->data;
		return 0;
	}
	slot = mce_slot(vcpu, msr->index);
	if (!slot)
		return VMM_MSR_UNKNOWN;
	if (!valid_mce(msr->index, msr->data, msr->host))
		return 1;
	*slot = msr->data;
	return 0;
}

/** vmm_msr_reset_mtrr() - values after RESET */
void vmm_msr_reset_mtrr(struct vmm_vcpu *vcpu)
{
	int i;

	vcpu->msr_mtrr_def = 0;
	memset(vcpu->msr_mtrr_fixed, 0, sizeof(vcpu->msr_mtrr_fixed));
	memset(vcpu->msr_mtrr_var, 0, sizeof(vcpu->msr_mtrr_var));
	if (!vcpu->msr_mcg_cap)
		vcpu->msr_mcg_cap = VMM_MCE_BANKS;
	vcpu->msr_mcg_status = 0;
	vcpu->msr_mcg_ctl = ~0ull;
	memset(vcpu->msr_mce, 0, sizeof(vcpu->msr_mce));
	for (i = 0; i < VMM_MCE_BANKS; i++)
		vcpu->msr_mce[4 * i] = ~0ull;
}
