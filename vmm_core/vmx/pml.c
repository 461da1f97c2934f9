// SPDX-License-Identifier: GPL-2.0
/*
 * Page-modification logging: the processor writes down the guest-physical
 * address of each page whose EPT dirty bit it sets.
 *
 * Design: switched on for all vCPUs of a VM while one of its slots has a dirty
 * log (mmu/dirty.c), so nobody else pays for it. The buffer is emptied after
 * each run, before the mode says that the vCPU is outside and before
 * interrupts are on: once vmm_kick_all() returns, what the guest had written
 * is in the bitmaps. The processor fills it from the last entry down and exits
 * when there is no entry left.
 *
 * Locking: vcpu->mutex is held by this thread, its VMCS is loaded.
 */
#include <linux/gfp.h>
#include "vmx/vmx.h"

#define PML_ENTRIES	(PAGE_SIZE / sizeof(u64))

/**
 * vmx_pml_update() - log, or not, as the VM's slots want it now
 * @vcpu: the vCPU
 *
 * Context: process, may sleep.
 * Return: 0, or -ENOMEM: it must not run, and the request stands.
 */
int vmx_pml_update(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vcpu->vmx;
	bool on = READ_ONCE(vcpu->vm->mmu.nr_logged);

	if (on == vmx->pml_on)
		return 0;
	if (on && !vmx->pml) {
		vmx->pml = (u64 *)__get_free_page(GFP_KERNEL_ACCOUNT);
		if (!vmx->pml) {
			set_bit(VMM_REQ_PML, &vcpu->requests);
			return -ENOMEM;
		}
		vmcs_write64(PML_ADDRESS, __pa(vmx->pml));
	}
	if (on)
		vmcs_write16(GUEST_PML_INDEX, PML_ENTRIES - 1);
	vmx->pml_on = on;
	vmx->proc2 ^= SECONDARY_EXEC_ENABLE_PML;
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, vmx->proc2);
	return 0;
}

/**
 * vmx_pml_drain() - what the processor has logged goes to the slots' bitmaps
 * @vcpu: the vCPU, with vmx->pml_on
 *
 * Context: after a run, interrupts off.
 */
void vmx_pml_drain(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vcpu->vmx;
	u16 index = vmcs_read16(GUEST_PML_INDEX);
	unsigned int first;

	if (index == PML_ENTRIES - 1)
		return;
	/* It points to the next free entry; behind the first one: all are used. */
	first = index < PML_ENTRIES ? index + 1 : 0;
	vmm_dirty_gpas(vcpu->vm, vmx->pml + first, PML_ENTRIES - first);
	vmcs_write16(GUEST_PML_INDEX, PML_ENTRIES - 1);
}

/** vmx_pml_free() - free the buffer; the VMCS is not used any more */
void vmx_pml_free(struct vmx_vcpu *vmx)
{
	free_page((unsigned long)vmx->pml);
}
