// SPDX-License-Identifier: GPL-2.0
/*
 * EPT violations: from a guest address to an installed leaf.
 *
 * Design: find the slot, ask the host for the page behind its user address,
 * install a leaf. The page's reference is dropped as soon as the leaf stands:
 * from then on the MMU notifier takes the leaf away before the host takes the
 * page away. Between asking and installing the host may have changed its mind;
 * that shows in mmu->seq and mmu->in_progress under the lock, and the fault
 * starts over. The same goes for the slots, by their generation: no SRCU
 * section is held while the host works, so a fault that waits long (swap,
 * userfaultfd) delays no slot change.
 *
 * A leaf is as large as the host's own mapping, the slot's alignment, dirty
 * logging and the processor allow. The host's mapping is read from its page
 * tables with interrupts off (which keeps them from being freed) and under
 * mmu->lock with the notifier's counts checked (which keeps them from being
 * split or collapsed unnoticed: both announce the whole large range).
 *
 * Locking: SRCU of the slots for the lookup, mmap_lock inside the host's
 * functions, mmu->lock to install. Never two of them at once.
 *
 * Limits: mappings of device memory (VM_PFNMAP) are made page by page.
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/version.h>
#include <asm/e820/api.h>
#include <asm/memtype.h>

#include "ept_pte.h"
#include "mmu.h"

/* Since 6.3: a wait in the host's fault handler ends with any signal. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
#define GUP_FLAGS	(FOLL_HWPOISON | FOLL_INTERRUPTIBLE)
#else
#define GUP_FLAGS	FOLL_HWPOISON
#endif

/* Rounds inside one fault before the vCPU may look at signals again. */
#define FAULT_ROUNDS	4

/* Not an errno of KVM_RUN: the host changed something under way. */
#define FAULT_RETRY	1

/**
 * struct fault - one EPT violation
 * @vm:       where
 * @slot:     the slot; may be followed before SRCU is left, and under mmu->lock
 *            once @slots_gen has been compared
 * @slots_gen: generation of the slots that @slot comes from
 * @seq:      mmu->seq before the host was asked
 * @gfn:      guest frame
 * @hva:      user address of it
 * @pfn:      the answer
 * @page:     referenced, or NULL: memory without a struct page to count on
 * @write:    kind of access
 * @fetch:    kind of access
 * @readonly: the slot is
 * @writable: the host lets @pfn be written
 */
struct fault {
	struct vmm_vm *vm;
	struct vmm_slot *slot;
	u64 slots_gen;
	unsigned long seq;
	gfn_t gfn;
	unsigned long hva;
	kvm_pfn_t pfn;
	struct page *page;
	bool write;
	bool fetch;
	bool readonly;
	bool writable;
};

/* --- asking the host -------------------------------------------------------- */

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
static int read_host_pte(struct vm_area_struct *vma, struct fault *f)
{
	struct follow_pfnmap_args args = { .vma = vma, .address = f->hva };
	int r = follow_pfnmap_start(&args);

	if (r)
		return r;
	f->pfn = args.pfn;
	f->writable = args.writable;
	follow_pfnmap_end(&args);
	return 0;
}
#else
static int read_host_pte(struct vm_area_struct *vma, struct fault *f)
{
	spinlock_t *ptl;
	pte_t *pte;
	int r = follow_pte(vma->vm_mm, f->hva, &pte, &ptl);

	if (r)
		return r;
	f->pfn = pte_pfn(*pte);
	f->writable = pte_write(*pte);
	__acquire(ptl);		/* by follow_pte(), which does not tell sparse */
	pte_unmap_unlock(pte, ptl);
	return 0;
}
#endif

/*
 * Memory that has no pages to refer to: device memory mapped by VFIO and the
 * like. No reference is taken: the mapping's end is announced as any other.
 */
static int find_raw_pfn(struct fault *f)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	int tries, r = -EFAULT;
	bool unlocked;

	mmap_read_lock(mm);
	for (tries = 0; tries < FAULT_ROUNDS; tries++) {
		vma = find_vma(mm, f->hva);
		if (!vma || vma->vm_start > f->hva || !(vma->vm_flags & (VM_IO | VM_PFNMAP))) {
			r = -EFAULT;
			break;
		}
		r = read_host_pte(vma, f);
		if (!r && (f->writable || !f->write))
			break;
		r = fixup_user_fault(mm, f->hva, f->write ? FAULT_FLAG_WRITE : 0, &unlocked);
		if (r)
			break;
		r = -EFAULT;	/* unless the next round finds it */
	}
	mmap_read_unlock(mm);
	if (r)
		return fatal_signal_pending(current) ? -EINTR : -EFAULT;
	return 0;
}

static bool get_page_fast(struct fault *f, struct page **page)
{
	return get_user_pages_fast_only(f->hva, 1, FOLL_WRITE, page) == 1;
}

/*
 * A read asks for a writable page as well, as long as that costs nothing: most
 * pages are written sooner or later, and it saves that fault.
 */
static int find_page(struct fault *f)
{
	struct page *page;
	long n;

	if (!f->readonly && likely(get_page_fast(f, &f->page))) {
		f->writable = true;
		return 0;
	}
	n = get_user_pages_unlocked(f->hva, 1, &f->page, GUP_FLAGS | (f->write ? FOLL_WRITE : 0));
	if (n == 1) {
		f->writable = f->write;
		if (!f->write && !f->readonly && get_page_fast(f, &page)) {
			put_page(f->page);
			f->page = page;
			f->writable = true;
		}
		return 0;
	}
	f->page = NULL;
	return n ? n : -EFAULT;
}

/* 0: f->pfn is good for now; FAULT_RETRY; or an errno of KVM_RUN. */
static int find_pfn(struct fault *f)
{
	int r = find_page(f);

	if (likely(!r)) {
		f->pfn = page_to_pfn(f->page);
		return 0;
	}
	if (r == -EHWPOISON) {
		send_sig_mceerr(BUS_MCEERR_AR, (void __user *)f->hva, PAGE_SHIFT, current);
		return FAULT_RETRY;
	}
	if (r == -EAGAIN)
		return FAULT_RETRY;
	if (r == -EINTR || r == -ERESTARTSYS)
		return -EINTR;
	if (r == -ENOMEM)
		return r;
	return find_raw_pfn(f);
}

/* Memory that must not be cached because it is no memory. */
static bool pfn_is_mmio(kvm_pfn_t pfn)
{
	if (pfn_valid(pfn))
		return !is_zero_pfn(pfn) && PageReserved(pfn_to_page(pfn)) &&
		       (!pat_enabled() || pat_pfn_immune_to_uc_mtrr(pfn));
	return !e820__mapped_raw_any(PFN_PHYS(pfn), PFN_PHYS(pfn + 1) - 1, E820_TYPE_RAM);
}

/* --- how large? --------------------------------------------------------------- */

static int host_level(unsigned long hva)
{
	int level = EPT_LEVEL_4K;
	unsigned long flags;
	pgd_t pgd;
	p4d_t p4d;
	pud_t pud;
	pmd_t pmd;

	local_irq_save(flags);
	pgd = READ_ONCE(*pgd_offset(current->mm, hva));
	if (pgd_none(pgd))
		goto out;
	p4d = READ_ONCE(*p4d_offset(&pgd, hva));
	if (p4d_none(p4d) || !p4d_present(p4d))
		goto out;
	pud = READ_ONCE(*pud_offset(&p4d, hva));
	if (pud_none(pud) || !pud_present(pud))
		goto out;
	if (pud_leaf(pud)) {
		level = EPT_LEVEL_1G;
		goto out;
	}
	pmd = READ_ONCE(*pmd_offset(&pud, hva));
	if (!pmd_none(pmd) && pmd_present(pmd) && pmd_leaf(pmd))
		level = EPT_LEVEL_2M;
out:
	local_irq_restore(flags);
	return level;
}

static bool slot_allows_level(const struct fault *f, int level)
{
	u64 mask = ept_level_pages(level) - 1;
	gfn_t first = f->gfn & ~mask;

	return first >= f->slot->base_gfn &&
	       first + mask < f->slot->base_gfn + f->slot->npages &&
	       !(((f->hva >> PAGE_SHIFT) ^ f->gfn) & mask);
}

/* mmu->lock held, slots_gen and seq compared */
static int fault_level(const struct fault *f)
{
	const struct vmm_mmu *mmu = &f->vm->mmu;
	int level;

	if (!f->page || !PageCompound(f->page) || f->slot->dirty)
		return EPT_LEVEL_4K;
	if (f->fetch && mmu->nx_huge)
		return EPT_LEVEL_4K;
	level = min_t(int, host_level(f->hva), mmu->max_level);
	while (level > EPT_LEVEL_4K && !slot_allows_level(f, level))
		level--;
	return level;
}

/* --- installing ---------------------------------------------------------------- */

static bool fault_is_stale(const struct fault *f)
{
	const struct vmm_mmu *mmu = &f->vm->mmu;

	if (mmu->seq != f->seq || mmu->slots_gen != f->slots_gen)
		return true;
	if (mmu->in_progress && f->hva >= mmu->inv_start && f->hva < mmu->inv_end)
		return true;
	return f->gfn >= mmu->frozen_start && f->gfn < mmu->frozen_end;
}

static int fault_map(struct fault *f, struct list_head *dead, bool *flush)
{
	struct vmm_mmu *mmu = &f->vm->mmu;
	bool mmio = !f->page && pfn_is_mmio(f->pfn);
	/* A page that is only read may be written later if that will be known. */
	bool unknown = f->slot->dirty && !f->write;
	bool write = f->writable && (!unknown || mmu->pml);
	int level = fault_level(f);
	int r;

	do {
		u64 pfn = f->pfn & ~(ept_level_pages(level) - 1);
		bool exec = level == EPT_LEVEL_4K || !mmu->nx_huge;
		u64 leaf = ept_leaf(pfn, level, f->writable, write, exec, mmio);

		if (unknown)
			leaf &= ~EPT_D;
		r = ept_map(mmu, f->gfn, level, leaf, dead, flush);
	} while (r == -EEXIST && --level >= EPT_LEVEL_4K);
	if (!r && f->write)
		vmm_mark_dirty(f->slot, f->gfn);
	return r ? FAULT_RETRY : 0;
}

static int fault_install(struct fault *f)
{
	struct vmm_mmu *mmu = &f->vm->mmu;
	bool flush = false;
	LIST_HEAD(dead);
	int r = FAULT_RETRY;

	write_lock(&mmu->lock);
	if (likely(!fault_is_stale(f)))
		r = fault_map(f, &dead, &flush);
	write_unlock(&mmu->lock);

	if (f->page) {
		/*
		 * The guest may write from here on, and writes leave no trace in
		 * the host's own page tables. Not set_page_dirty(): file systems
		 * want to be asked first, and were, when the host's entry became
		 * writable.
		 */
		if (!r && f->writable && !PageReserved(f->page) &&
		    !folio_test_dirty(page_folio(f->page)))
			folio_set_dirty(page_folio(f->page));
		put_page(f->page);
		f->page = NULL;
	}
	if (unlikely(flush))
		vmm_mmu_flush(f->vm);
	if (unlikely(!list_empty(&dead)))
		ept_free_dead(&dead);
	return r;
}

/*
 * A write to a page that is only protected for the dirty log: the leaf knows
 * that the host allows it. True: done.
 */
static bool fault_unprotect(struct fault *f)
{
	struct vmm_mmu *mmu = &f->vm->mmu;
	bool flush = false, done = false;

	write_lock(&mmu->lock);
	if (mmu->slots_gen == f->slots_gen && !ept_allow_write(mmu, f->gfn, &flush)) {
		vmm_mark_dirty(f->slot, f->gfn);
		done = true;
	}
	write_unlock(&mmu->lock);
	if (flush)
		vmm_mmu_flush(f->vm);
	return done;
}

/* 0, or VMM_FAULT_MMIO; *logged: the slot has a dirty log. */
static int fault_slot(struct fault *f, bool *logged)
{
	struct vmm_vm *vm = f->vm;
	struct vmm_slots *slots;
	int idx, r = VMM_FAULT_MMIO;

	idx = srcu_read_lock(&vm->srcu);
	slots = srcu_dereference(vm->slots, &vm->srcu);
	f->slot = vmm_gfn_to_slot(slots, f->gfn);
	if (f->slot) {
		f->readonly = f->slot->flags & KVM_MEM_READONLY;
		f->hva = vmm_slot_hva(f->slot, f->gfn);
		f->slots_gen = slots->generation;
		*logged = f->slot->dirty;
		if (!f->readonly || !f->write)
			r = 0;
	}
	srcu_read_unlock(&vm->srcu, idx);
	return r;
}

/**
 * vmm_mmu_fault() - an EPT violation
 * @vcpu:  the vCPU of the calling thread, outside the guest
 * @gpa:   guest-physical address
 * @write: it was a write, or an update of the guest's page tables
 * @fetch: it was an instruction fetch
 *
 * Context: process of the VM's owner, may sleep; no locks, no SRCU section.
 * Return: 1 (mapped, or let the vCPU look for signals and fault again),
 * VMM_FAULT_MMIO (no slot, or a write to a read-only one), -EFAULT (nothing
 * there in user space), -EINTR (a signal), -ENOMEM.
 */
int vmm_mmu_fault(struct vmm_vcpu *vcpu, gpa_t gpa, bool write, bool fetch)
{
	struct fault f = {
		.vm = vcpu->vm, .gfn = gpa >> PAGE_SHIFT, .write = write, .fetch = fetch,
	};
	bool logged = false;
	int rounds, r;

	if (unlikely(current->mm != f.vm->mm))
		return -EFAULT;
	vcpu->page_faults++;
	for (rounds = 0; rounds < FAULT_ROUNDS; rounds++) {
		r = fault_slot(&f, &logged);
		if (r)
			return r;
		r = ept_topup(&f.vm->mmu);
		if (r)
			return r;
		if (logged && write && fault_unprotect(&f))
			return 1;
		f.seq = READ_ONCE(f.vm->mmu.seq);
		smp_rmb();	/* seq before the host's page tables */
		r = find_pfn(&f);
		if (r < 0)
			return r;
		if (!r && !fault_install(&f))
			return 1;
		if (signal_pending(current))
			break;
		cond_resched();
	}
	return 1;
}
