// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's own page tables, walked as its processor would.
 *
 * Needed for the few instructions that the core emulates: their code and
 * operands are guest-virtual. All four formats (32-bit with 4 MiB pages, PAE,
 * 4 and 5 levels), write protection, NX, SMEP, SMAP, protection keys, reserved
 * bits; accessed and dirty bits are set in the guest's tables.
 *
 * The tables are read through user space. An entry that changes between being
 * read and having its accessed bit set makes the walk start over.
 *
 * Locking: SRCU of the slots around a walk; registers belong to the caller,
 * the vCPU's thread.
 *
 * Limits: in PAE mode the four top entries are read from memory at each walk;
 * a processor keeps those that it loaded with CR3.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>

#include "mmu.h"

#define VMM_PF_PK	0x20

#define GPTE_P		(1ULL << 0)
#define GPTE_W		(1ULL << 1)
#define GPTE_U		(1ULL << 2)
#define GPTE_A		(1ULL << 5)
#define GPTE_D		(1ULL << 6)
#define GPTE_PS		(1ULL << 7)
#define GPTE_NX		(1ULL << 63)
#define GPTE_ADDR	0x000ffffffffff000ULL

#define WALK_MAX	5
#define WALK_AGAIN	2	/* besides 0 and 1 */
#define WALK_ROUNDS	16	/* a guest that keeps changing its tables gets a fault */

/**
 * struct walk - one walk
 * @vcpu:   whose
 * @cr0:    registers that decide, read once
 * @cr4:    ...
 * @gva:    address
 * @access: VMM_PF_*
 * @levels: 2, 3 (PAE), 4, 5
 * @wide:   entries have 8 bytes
 * @nx:     bit 63 means something
 * @pte:    entries by level, 1 the lowest
 * @ptep:   and where they are in user space
 * @slot:   and in which slot
 * @gfn:    and which guest frame they lie in
 * @leaf:   level of the last one
 */
struct walk {
	struct vmm_vcpu *vcpu;
	unsigned long cr0, cr4;
	unsigned long gva;
	u32 access;
	int levels;
	bool wide;
	bool nx;
	u64 pte[WALK_MAX + 1];
	void __user *ptep[WALK_MAX + 1];
	struct vmm_slot *slot[WALK_MAX + 1];
	gfn_t gfn[WALK_MAX + 1];
	int leaf;
};

static void walk_start(struct walk *w, struct vmm_vcpu *vcpu, unsigned long gva, u32 access)
{
	bool lma = vcpu->efer & EFER_LMA;

	w->vcpu = vcpu;
	w->cr0 = vmm_read_reg(vcpu, VMM_CR0);
	w->cr4 = vmm_read_reg(vcpu, VMM_CR4);
	w->gva = lma ? gva : (u32)gva;
	w->access = access;
	w->wide = w->cr4 & X86_CR4_PAE;
	w->nx = w->wide && (vcpu->efer & EFER_NX);
	if (lma)
		w->levels = w->cr4 & X86_CR4_LA57 ? 5 : 4;
	else
		w->levels = w->wide ? 3 : 2;
}

static unsigned int walk_shift(const struct walk *w, int level)
{
	return PAGE_SHIFT + (level - 1) * (w->wide ? 9 : 10);
}

/* A PAE directory pointer has no rights and no accessed bit. */
static bool is_pdpte(const struct walk *w, int level)
{
	return w->levels == 3 && level == 3;
}

static bool is_large(const struct walk *w, u64 pte, int level)
{
	if (!(pte & GPTE_PS) || level == 1)
		return false;
	if (!w->wide)
		return w->cr4 & X86_CR4_PSE;
	return level == 2 || (level == 3 && w->levels > 3 && boot_cpu_has(X86_FEATURE_GBPAGES));
}

static u64 reserved_bits(const struct walk *w, u64 pte, int level)
{
	u64 rsvd;

	if (!w->wide)	/* a 4 MiB page: bits 13 to 20 extend the address */
		return is_large(w, pte, level) ? 1ULL << 21 : 0;

	/* Without CPUID a processor has 36 bits. */
	rsvd = GPTE_ADDR & ~(BIT_ULL(w->vcpu->maxphyaddr ?: 36) - 1);
	if (!w->nx)
		rsvd |= GPTE_NX;
	if (w->levels == 3)
		rsvd |= GENMASK_ULL(62, 52);
	if (is_pdpte(w, level))
		return rsvd | GPTE_NX | GENMASK_ULL(8, 5) | GENMASK_ULL(2, 1);
	if (is_large(w, pte, level))
		return rsvd | GENMASK_ULL(walk_shift(w, level) - 1, 13);
	if (level > 2)
		rsvd |= GPTE_PS;
	return rsvd;
}

static int walk_fault(const struct walk *w, u32 error, u32 *fault_error)
{
	error |= w->access & (VMM_PF_WRITE | VMM_PF_USER);
	if ((w->access & VMM_PF_FETCH) && (w->nx || (w->cr4 & X86_CR4_SMEP)))
		error |= VMM_PF_FETCH;
	*fault_error = error;
	return 1;
}

/* Read the entry for @level out of the table at @table. */
static bool read_entry(struct walk *w, struct vmm_slots *slots, gpa_t table, int level)
{
	unsigned int index_bits = w->wide ? 9 : 10;
	unsigned int size = w->wide ? 8 : 4;
	u64 index = (w->gva >> walk_shift(w, level)) & ((1U << index_bits) - 1);
	gpa_t gpa = table + index * size;
	void __user *p;
	u32 narrow;

	w->gfn[level] = gpa >> PAGE_SHIFT;
	w->slot[level] = vmm_gfn_to_slot(slots, w->gfn[level]);
	if (!w->slot[level])
		return false;
	p = (void __user *)(vmm_slot_hva(w->slot[level], w->gfn[level]) + offset_in_page(gpa));
	w->ptep[level] = p;
	if (w->wide)
		return !get_user(w->pte[level], (u64 __user *)p);
	if (get_user(narrow, (u32 __user *)p))
		return false;
	w->pte[level] = narrow;
	return true;
}

static int walk_tables(struct walk *w, struct vmm_slots *slots, u32 *fault_error)
{
	unsigned long cr3 = vmm_read_reg(w->vcpu, VMM_CR3);
	gpa_t table;
	int level;

	if (w->levels == 3)
		table = cr3 & 0xffffffe0;
	else
		table = cr3 & (w->levels == 2 ? 0xfffff000 : GPTE_ADDR);
	for (level = w->levels; ; level--) {
		if (!read_entry(w, slots, table, level))
			return walk_fault(w, 0, fault_error);
		if (!(w->pte[level] & GPTE_P))
			return walk_fault(w, 0, fault_error);
		if (w->pte[level] & reserved_bits(w, w->pte[level], level))
			return walk_fault(w, VMM_PF_PRESENT | VMM_PF_RSVD, fault_error);
		if (level == 1 || is_large(w, w->pte[level], level))
			break;
		table = w->pte[level] & GPTE_ADDR;
	}
	w->leaf = level;
	return 0;
}

/* SMAP: a supervisor's access to a user page, unless it says that it means it. */
static bool smap_forbids(const struct walk *w)
{
	if (!(w->cr4 & X86_CR4_SMAP))
		return false;
	/* At CPL 3 a supervisor access is implicit (descriptor tables): AC has no say. */
	return vmm_cpl(w->vcpu) == 3 || !(vmm_read_reg(w->vcpu, VMM_RFLAGS) & X86_EFLAGS_AC);
}

static bool pkey_forbids(const struct walk *w, bool write_checked)
{
	u32 bits;

	if (w->levels < 4 || !(w->cr4 & X86_CR4_PKE) || (w->access & VMM_PF_FETCH))
		return false;
	bits = w->vcpu->pkru >> (2 * ((w->pte[w->leaf] >> 59) & 15));
	return (bits & 1) || ((bits & 2) && write_checked);
}

/* 0, or the error code. */
static u32 check_rights(const struct walk *w)
{
	bool write = w->access & VMM_PF_WRITE, user = w->access & VMM_PF_USER;
	u64 all = GPTE_U | GPTE_W, nx = 0;
	bool write_checked = write && (user || (w->cr0 & X86_CR0_WP));
	int level;

	for (level = w->leaf; level <= w->levels; level++) {
		if (is_pdpte(w, level))
			continue;
		all &= w->pte[level];
		nx |= w->pte[level] & GPTE_NX;
	}
	if (user && !(all & GPTE_U))
		return VMM_PF_PRESENT;
	if (write_checked && !(all & GPTE_W))
		return VMM_PF_PRESENT;
	if (w->access & VMM_PF_FETCH) {
		if (w->nx && nx)
			return VMM_PF_PRESENT;
		if (!user && (all & GPTE_U) && (w->cr4 & X86_CR4_SMEP))
			return VMM_PF_PRESENT;
	} else if (!user && (all & GPTE_U) && smap_forbids(w)) {
		return VMM_PF_PRESENT;
	}
	if ((all & GPTE_U) && pkey_forbids(w, write_checked))
		return VMM_PF_PRESENT | VMM_PF_PK;
	return 0;
}

/* 0, WALK_AGAIN (somebody else changed the entry), -EFAULT. */
static int set_bits(struct walk *w, int level, u64 bits)
{
	u64 old = w->pte[level];
	int r;

	if (w->wide) {
		u64 __user *p = w->ptep[level];

		r = __try_cmpxchg_user(p, &old, old | bits, wide_fault);
	} else {
		u32 __user *p = w->ptep[level];
		u32 narrow = old;

		r = __try_cmpxchg_user(p, &narrow, narrow | (u32)bits, narrow_fault);
	}
	if (r)
		return r < 0 ? r : WALK_AGAIN;
	vmm_mark_dirty(w->slot[level], w->gfn[level]);
	return 0;
}

static int set_accessed(struct walk *w)
{
	int level, r;

	for (level = w->levels; level >= w->leaf; level--) {
		u64 bits = GPTE_A;

		if (level == w->leaf && (w->access & VMM_PF_WRITE))
			bits |= GPTE_D;
		/* Tables in ROM keep what they say. */
		if (is_pdpte(w, level) || (w->slot[level]->flags & KVM_MEM_READONLY) ||
		    (w->pte[level] & bits) == bits)
			continue;
		r = set_bits(w, level, bits);
		if (r)
			return r;
	}
	return 0;
}

static gpa_t walk_result(const struct walk *w)
{
	u64 pte = w->pte[w->leaf];
	u64 mask = BIT_ULL(walk_shift(w, w->leaf)) - 1;
	gpa_t base = pte & GPTE_ADDR & ~mask;

	if (!w->wide && w->leaf == 2)
		base |= (pte & GENMASK_ULL(20, 13)) << 19;
	return base | (w->gva & mask);
}

static int walk_once(struct walk *w, gpa_t *gpa, u32 *fault_error)
{
	struct vmm_vm *vm = w->vcpu->vm;
	u32 error;
	int idx, r;

	idx = srcu_read_lock(&vm->srcu);
	r = walk_tables(w, srcu_dereference(vm->slots, &vm->srcu), fault_error);
	if (r)
		goto out;
	error = check_rights(w);
	if (error) {
		r = walk_fault(w, error, fault_error);
		goto out;
	}
	r = set_accessed(w);
	if (!r)
		*gpa = walk_result(w);
	else if (r < 0)
		r = walk_fault(w, 0, fault_error);
out:
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

/**
 * vmm_gva_to_gpa() - translate by the guest's page tables
 * @vcpu:   the vCPU of the calling thread, loaded
 * @gva:    linear address; that it is canonical is the caller's business
 * @access: VMM_PF_WRITE, VMM_PF_USER (at CPL 3), VMM_PF_FETCH
 * @gpa:    the answer
 * @fault_error: error code of the page fault
 *
 * Context: process of the VM's owner, may sleep.
 * Return: 0, or 1: the guest deserves a page fault.
 */
int vmm_gva_to_gpa(struct vmm_vcpu *vcpu, unsigned long gva, u32 access, gpa_t *gpa,
		   u32 *fault_error)
{
	struct walk w;
	int rounds, r;

	walk_start(&w, vcpu, gva, access);
	if (!(w.cr0 & X86_CR0_PG)) {
		*gpa = w.gva;
		return 0;
	}
	if (current->mm != vcpu->vm->mm)
		return walk_fault(&w, 0, fault_error);
	for (rounds = 0; rounds < WALK_ROUNDS; rounds++) {
		r = walk_once(&w, gpa, fault_error);
		if (r != WALK_AGAIN)
			return r;
	}
	return walk_fault(&w, 0, fault_error);
}
