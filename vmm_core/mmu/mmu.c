// SPDX-License-Identifier: GPL-2.0
/*
 * Birth and death of a VM's memory: slots, tables, notifier.
 *
 * Order: the notifier is registered last and goes first, so its callbacks
 * always find slots and tables. After it is gone nothing keeps guest pages in
 * place, and nothing may run in the guest.
 */
#include <linux/mmu_notifier.h>

#include "ept_pte.h"
#include "mmu.h"

/**
 * vmm_mmu_init() - memory of a new VM
 * @vm: zeroed, with vm->mm (of the caller), slots_lock and vcpus set up
 *
 * Context: process, may sleep; mmap_lock not held.
 * Return: 0, -ENOMEM, -EINTR; nothing is left behind on failure.
 */
int vmm_mmu_init(struct vmm_vm *vm)
{
	struct vmm_mmu *mmu = &vm->mmu;
	int r;

	r = vmm_slots_init(vm);
	if (r)
		return r;
	r = ept_init(mmu);
	if (r)
		goto err_slots;
	atomic64_set(&mmu->tlb_gen, 1);
	mmu->eptp = vmx_eptp(mmu->root);
	mmu->ad = vmx_ept_has_ad();
	mmu->pml = vmx_has_pml();
	mmu->nx_huge = vmx_nx_huge_pages();
	mmu->max_level = EPT_LEVEL_4K;
	if (vmx_ept_has_2m())
		mmu->max_level = vmx_ept_has_1g() ? EPT_LEVEL_1G : EPT_LEVEL_2M;
	vm->mn.ops = &vmm_mmu_notifier_ops;
	r = mmu_notifier_register(&vm->mn, vm->mm);
	if (r)
		goto err_ept;
	return 0;

err_ept:
	ept_destroy(mmu);
err_slots:
	vmm_slots_destroy(vm);
	return r;
}

/**
 * vmm_mmu_destroy() - the end of it
 * @vm: with no vCPU left; vm->mm still counted by the caller
 *
 * Context: any process, may sleep.
 */
void vmm_mmu_destroy(struct vmm_vm *vm)
{
	mmu_notifier_unregister(&vm->mn, vm->mm);
	ept_destroy(&vm->mmu);
	vmm_slots_destroy(vm);
}
