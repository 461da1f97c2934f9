// SPDX-License-Identifier: GPL-2.0
/*
 * Taking away translations that processors may still hold.
 *
 * Design: a VM counts what it took away (mmu->tlb_gen); a vCPU notes up to
 * where it has flushed and runs INVEPT before an entry that would find it
 * behind (vmx/run.c). So nothing is flushed for vCPUs that do not run. Those
 * in the guest right now are made to leave, and are waited for.
 *
 * Locking: none. Order is what counts:
 *
 *	here				VM entry (interrupts off)
 *	change the tables		vcpu->mode = IN_GUEST
 *	tlb_gen++ (full barrier)	full barrier
 *	kick whoever is IN_GUEST	compare tlb_gen, INVEPT
 *
 * Either the entry sees the new count, or the kick sees IN_GUEST.
 */
#include "mmu.h"

/**
 * vmm_mmu_flush() - no processor uses what was taken out of the tables before
 * @vm: the VM
 *
 * Context: process; does not sleep (memory notifiers may not be allowed to);
 * interrupts on, mmu->lock not held.
 */
void vmm_mmu_flush(struct vmm_vm *vm)
{
	atomic64_inc_return(&vm->mmu.tlb_gen);
	vmm_kick_all(vm);
}
