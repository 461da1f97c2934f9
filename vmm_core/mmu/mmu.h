/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of mmu/ know of each other; the rest of the core uses vmm.h.
 */
#ifndef _VMM_MMU_MMU_H
#define _VMM_MMU_MMU_H

#include "../vmm.h"

/* A lock hold covers at most this many pages of a long range (1 GiB). */
#define VMM_MMU_CHUNK		(1ULL << 18)

/* --- ept.c: tables; mmu->lock held for writing unless said otherwise -------- */

int ept_init(struct vmm_mmu *mmu);
void ept_destroy(struct vmm_mmu *mmu);
int ept_topup(struct vmm_mmu *mmu);
u64 *ept_find(struct vmm_mmu *mmu, gfn_t gfn, int *level);
int ept_map(struct vmm_mmu *mmu, gfn_t gfn, int level, u64 leaf, struct list_head *dead, bool *flush);
int ept_allow_write(struct vmm_mmu *mmu, gfn_t gfn, bool *flush);
bool ept_zap(struct vmm_mmu *mmu, gfn_t start, gfn_t end);
bool ept_drop(struct vmm_mmu *mmu, gfn_t start, gfn_t end, struct list_head *dead);
bool ept_log_writes(struct vmm_mmu *mmu, gfn_t start, gfn_t end);
bool ept_stop_log(struct vmm_mmu *mmu, gfn_t start, gfn_t end, struct list_head *dead);
bool ept_clear_young(struct vmm_mmu *mmu, gfn_t start, gfn_t end);
bool ept_test_young(struct vmm_mmu *mmu, gfn_t start, gfn_t end);
void ept_free_dead(struct list_head *dead);

/* --- tlb.c -------------------------------------------------------------------- */

void vmm_mmu_flush(struct vmm_vm *vm);

/* --- slots.c ------------------------------------------------------------------ */

int vmm_slots_init(struct vmm_vm *vm);
void vmm_slots_destroy(struct vmm_vm *vm);

static inline unsigned long vmm_slot_hva(const struct vmm_slot *slot, gfn_t gfn)
{
	return slot->hva + ((gfn - slot->base_gfn) << PAGE_SHIFT);
}

/* --- dirty.c ------------------------------------------------------------------ */

int vmm_dirty_alloc(struct vmm_vm *vm, struct vmm_slot *slot);
void vmm_dirty_count(struct vmm_vm *vm, int change);
void vmm_dirty_start(struct vmm_vm *vm, struct vmm_slot *slot);
void vmm_dirty_stop(struct vmm_vm *vm, struct vmm_slot *slot);

/**
 * vmm_mark_dirty() - a page has been, or may now be, written
 * @slot: its slot; nothing happens without a dirty log
 * @gfn:  guest frame
 *
 * Context: SRCU read side of the slots, or mmu->lock with slots_gen checked.
 */
static inline void vmm_mark_dirty(struct vmm_slot *slot, gfn_t gfn)
{
	unsigned long bit = gfn - slot->base_gfn;

	if (slot->dirty && !test_bit(bit, slot->dirty))
		set_bit(bit, slot->dirty);
}

/* --- notifier.c --------------------------------------------------------------- */

extern const struct mmu_notifier_ops vmm_mmu_notifier_ops;

#endif /* _VMM_MMU_MMU_H */
