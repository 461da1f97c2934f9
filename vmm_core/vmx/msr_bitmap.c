// SPDX-License-Identifier: GPL-2.0
/*
 * Which MSRs the guest reads and writes without an exit.
 *
 * The bitmap has four parts of 1 KiB: reads of MSRs 0..1fff, reads of
 * c0000000..c0001fff, then writes of both. A 1 exits.
 *
 * Locking: vcpu->mutex is held by this thread. The processor reads the page
 * while the guest runs, which it does not while we are here.
 */
#include <linux/bitops.h>
#include <linux/string.h>
#include "vmx/vmx.h"

#define READ_LOW	0x000
#define READ_HIGH	0x400
#define WRITE_LOW	0x800
#define WRITE_HIGH	0xc00

static void set_one(void *map, unsigned int part, u32 bit, bool exit)
{
	unsigned long *words = map + part;

	if (exit)
		__set_bit(bit, words);
	else
		__clear_bit(bit, words);
}

/**
 * vmx_msr_intercept() - let accesses to an MSR exit, or not
 * @vmx:   the vCPU
 * @msr:   its index, in one of the two ranges above
 * @read:  RDMSR exits
 * @write: WRMSR exits
 */
void vmx_msr_intercept(struct vmx_vcpu *vmx, u32 msr, bool read, bool write)
{
	/* What user space serves, or denies, must exit in any case. */
	read |= !vmm_msr_allowed(vmx->vcpu->vm, msr, false);
	write |= !vmm_msr_allowed(vmx->vcpu->vm, msr, true);
	if (msr <= 0x1fff) {
		set_one(vmx->msr_bitmap, READ_LOW, msr, read);
		set_one(vmx->msr_bitmap, WRITE_LOW, msr, write);
	} else if (msr >= 0xc0000000 && msr <= 0xc0001fff) {
		set_one(vmx->msr_bitmap, READ_HIGH, msr & 0x1fff, read);
		set_one(vmx->msr_bitmap, WRITE_HIGH, msr & 0x1fff, write);
	}
}

/**
 * vmx_msr_bitmap_init() - everything exits but what the guest uses all the time
 * @vmx: the vCPU
 *
 * Those few are switched by the entry and exit themselves, or put aside by
 * vmx_host_save(). Reading the TSC adds the offset.
 */
void vmx_msr_bitmap_init(struct vmx_vcpu *vmx)
{
	memset(vmx->msr_bitmap, 0xff, PAGE_SIZE);
	vmx_msr_intercept(vmx, MSR_IA32_TSC, false, true);
	vmx_msr_intercept(vmx, MSR_FS_BASE, false, false);
	vmx_msr_intercept(vmx, MSR_GS_BASE, false, false);
	vmx_msr_intercept(vmx, MSR_KERNEL_GS_BASE, false, false);
	vmx_msr_intercept(vmx, MSR_IA32_SYSENTER_CS, false, false);
	vmx_msr_intercept(vmx, MSR_IA32_SYSENTER_ESP, false, false);
	vmx_msr_intercept(vmx, MSR_IA32_SYSENTER_EIP, false, false);
}

/** vmx_msr_filter_changed() - user space has another idea of what must exit */
void vmx_msr_filter_changed(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vcpu->vmx;

	vmx_msr_bitmap_init(vmx);
	vmx_cpuid_changed(vcpu);
	if (vmx->spec_passthrough)
		vmx_msr_intercept(vmx, MSR_IA32_SPEC_CTRL, false, false);
	vmx_apicv_update(vcpu);
}
