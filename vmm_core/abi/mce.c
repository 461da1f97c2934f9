// SPDX-License-Identifier: GPL-2.0
/*
 * Machine checks that user space gives a guest, e.g. for memory that has gone bad.
 *
 * Locking: vcpu->mutex; VMCS loaded.
 *
 * Limits: no corrected-error interrupt, no local machine checks.
 */
#include <asm/mce.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "abi.h"

/* MCG_CAP: what can be chosen beside the number of banks and of extended registers. */
#define MCG_FLAGS	(MCG_CTL_P | MCG_SER_P)
#define MCG_NUMBERS	(MCG_BANKCNT_MASK | MCG_EXT_CNT_MASK)

enum { BANK_CTL, BANK_STATUS, BANK_ADDR, BANK_MISC, BANK_REGS };

/** vmm_abi_mce_cap() - KVM_X86_GET_MCE_CAP_SUPPORTED */
int vmm_abi_mce_cap(u64 __user *arg)
{
	const u64 cap = MCG_FLAGS;

	return copy_to_user(arg, &cap, sizeof(cap)) ? -EFAULT : 0;
}

/**
 * vmm_abi_setup_mce() - KVM_X86_SETUP_MCE: which banks a vCPU has
 * @vcpu: the vCPU
 * @arg:  its IA32_MCG_CAP
 *
 * Return: 0, -EFAULT, -EINVAL.
 */
int vmm_abi_setup_mce(struct vmm_vcpu *vcpu, const u64 __user *arg)
{
	unsigned int banks, i;
	u64 cap;

	if (copy_from_user(&cap, arg, sizeof(cap)))
		return -EFAULT;
	banks = cap & MCG_BANKCNT_MASK;
	if (!banks || banks > VMM_MCE_BANKS || (cap & ~(u64)(MCG_FLAGS | MCG_NUMBERS)))
		return -EINVAL;
	vcpu->msr_mcg_cap = cap;
	if (cap & MCG_CTL_P)
		vcpu->msr_mcg_ctl = ~0ull;
	for (i = 0; i < banks; i++)
		vcpu->msr_mce[BANK_REGS * i + BANK_CTL] = ~0ull;
	return 0;
}

static void fill(u64 *bank, const struct kvm_x86_mce *mce)
{
	u64 over = bank[BANK_STATUS] & MCI_STATUS_VAL ? MCI_STATUS_OVER : 0;

	bank[BANK_ADDR] = mce->addr;
	bank[BANK_MISC] = mce->misc;
	bank[BANK_STATUS] = mce->status | over;
}

/**
 * vmm_abi_set_mce() - KVM_X86_SET_MCE: a machine check
 * @vcpu: the vCPU
 * @arg:  bank and contents
 *
 * An uncorrected one is #MC, or the end of the guest where it cannot take that.
 * Return: 0 (also when the guest has switched reporting off), -EFAULT, -EINVAL.
 */
int vmm_abi_set_mce(struct vmm_vcpu *vcpu, const struct kvm_x86_mce __user *arg)
{
	struct kvm_x86_mce mce;
	u64 *bank;

	if (copy_from_user(&mce, arg, sizeof(mce)))
		return -EFAULT;
	if (mce.bank >= (vcpu->msr_mcg_cap & MCG_BANKCNT_MASK) || !(mce.status & MCI_STATUS_VAL))
		return -EINVAL;
	bank = &vcpu->msr_mce[BANK_REGS * mce.bank];
	if (!(mce.status & MCI_STATUS_UC)) {
		/* One that could not be corrected is not overwritten. */
		if ((bank[BANK_STATUS] & MCI_STATUS_VAL) && (bank[BANK_STATUS] & MCI_STATUS_UC))
			bank[BANK_STATUS] |= MCI_STATUS_OVER;
		else
			fill(bank, &mce);
		return 0;
	}
	if (((vcpu->msr_mcg_cap & MCG_CTL_P) && vcpu->msr_mcg_ctl != ~0ull) ||
	    bank[BANK_CTL] != ~0ull)
		return 0;
	if ((vcpu->msr_mcg_status & MCG_STATUS_MCIP) ||
	    !(vmm_read_reg(vcpu, VMM_CR4) & X86_CR4_MCE)) {
		vmm_make_request(vcpu, VMM_REQ_TRIPLE_FAULT);
		return 0;
	}
	fill(bank, &mce);
	vcpu->msr_mcg_status = mce.mcg_status;
	vmm_queue_exception(vcpu, X86_TRAP_MC);
	return 0;
}
