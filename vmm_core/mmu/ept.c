// SPDX-License-Identifier: GPL-2.0
/*
 * Extended page tables: lookup, mapping, zapping, write protection, ageing.
 *
 * Design: one 4-level table per VM, addressed by guest frame. There is no
 * reverse map: the MMU notifier turns a host range into guest ranges by the
 * slots, and every operation here takes a guest range. An entry is changed by
 * one 64-bit store, so that a processor walking the table at the same time
 * sees the old or the new one. It may set accessed and dirty in between: it
 * does that with a locked compare of the entry it read, so a store of ours can
 * at worst lose such a bit. That costs one bit of ageing, or has a page logged
 * once more as dirty; who clears dirty bits must flush even where none was set,
 * for a processor may know of one that is lost here.
 *
 * Nothing here flushes. Functions say whether processors may still hold what
 * was taken away; the caller flushes (tlb.c) after the lock is dropped, and
 * only then frees the tables that were unhooked.
 *
 * Locking: mmu->lock, for writing. Pages for tables come out of a small cache
 * per VM that is filled before the lock is taken; when several faults drain it
 * together, the loser gets -ENOMEM, fills it and tries again.
 *
 * Limits: 48-bit guest-physical addresses. Faults of one VM are installed one
 * at a time; what takes long in a fault, finding the host page, is outside.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/vmstat.h>

#include "ept_pte.h"
#include "mmu.h"

/* A mapping takes at most three tables, one for each level below the root. */
#define EPT_CACHE_MIN	3
#define EPT_CACHE_FILL	4

static u64 *ept_child(u64 e)
{
	return __va(e & EPT_ADDR);
}

static void ept_count(struct vmm_mmu *mmu, int level, int n)
{
	if (level == EPT_LEVEL_4K)
		mmu->mapped_4k += n;
	else if (level == EPT_LEVEL_2M)
		mmu->mapped_2m += n;
	else
		mmu->mapped_1g += n;
}

static struct page *ept_alloc_page(void)
{
	struct page *page = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);

	if (page)
		mod_lruvec_page_state(page, NR_SECONDARY_PAGETABLE, 1);
	return page;
}

static void ept_free_page(struct page *page)
{
	mod_lruvec_page_state(page, NR_SECONDARY_PAGETABLE, -1);
	__free_page(page);
}

/**
 * ept_free_dead() - free tables that no processor can reach any more
 * @dead: tables unhooked by ept_map() or ept_drop(), flushed since
 *
 * Context: any that may free pages; no lock needed.
 */
void ept_free_dead(struct list_head *dead)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, dead, lru) {
		list_del(&page->lru);
		ept_free_page(page);
	}
}

/**
 * ept_init() - an empty table
 * @mmu: zeroed memory
 *
 * Context: process, may sleep; nobody else knows @mmu yet.
 * Return: 0 or -ENOMEM.
 */
int ept_init(struct vmm_mmu *mmu)
{
	struct page *root = ept_alloc_page();

	if (!root)
		return -ENOMEM;
	rwlock_init(&mmu->lock);
	INIT_LIST_HEAD(&mmu->cache);
	mmu->root = __pa(page_address(root));
	mmu->pages = 1;
	return 0;
}

static void ept_destroy_table(u64 *table, int level)
{
	int i;

	for (i = 0; level > EPT_LEVEL_4K && i < EPT_ENTRIES; i++)
		if (ept_present(table[i]) && !ept_is_leaf(table[i], level))
			ept_destroy_table(ept_child(table[i]), level - 1);
	ept_free_page(virt_to_page(table));
}

/**
 * ept_destroy() - free all tables
 * @mmu: no processor uses it any more, and nobody else knows it
 */
void ept_destroy(struct vmm_mmu *mmu)
{
	if (!mmu->root)
		return;
	ept_destroy_table(__va(mmu->root), EPT_LEVELS);
	ept_free_dead(&mmu->cache);
	mmu->root = 0;
	mmu->nr_cache = 0;
	mmu->pages = 0;
	mmu->mapped_4k = 0;
	mmu->mapped_2m = 0;
	mmu->mapped_1g = 0;
}

/**
 * ept_topup() - make sure that one ept_map() will find its pages
 * @mmu: the tables
 *
 * Context: process, may sleep; mmu->lock not held.
 * Return: 0 or -ENOMEM.
 */
int ept_topup(struct vmm_mmu *mmu)
{
	LIST_HEAD(fresh);
	struct page *page;
	int n;

	if (likely(READ_ONCE(mmu->nr_cache) >= EPT_CACHE_MIN))
		return 0;
	for (n = 0; n < EPT_CACHE_FILL; n++) {
		page = ept_alloc_page();
		if (!page) {
			ept_free_dead(&fresh);
			return -ENOMEM;
		}
		list_add(&page->lru, &fresh);
	}
	write_lock(&mmu->lock);
	list_splice(&fresh, &mmu->cache);
	WRITE_ONCE(mmu->nr_cache, mmu->nr_cache + n);
	write_unlock(&mmu->lock);
	return 0;
}

static u64 *ept_take(struct vmm_mmu *mmu)
{
	struct page *page = list_first_entry_or_null(&mmu->cache, struct page, lru);

	if (!page)
		return NULL;
	list_del(&page->lru);
	WRITE_ONCE(mmu->nr_cache, mmu->nr_cache - 1);
	mmu->pages++;
	return page_address(page);
}

static void ept_link(u64 *e, u64 *table)
{
	smp_wmb();	/* the entries of @table before the way to it */
	WRITE_ONCE(*e, ept_table_entry(__pa(table)));
}

/**
 * ept_find() - the entry that decides about a frame
 * @mmu:   the tables
 * @gfn:   guest frame
 * @level: set to the level of the entry
 *
 * Context: mmu->lock, reading is enough.
 * Return: the leaf that maps @gfn, or the absent entry where the walk ends.
 */
u64 *ept_find(struct vmm_mmu *mmu, gfn_t gfn, int *level)
{
	u64 *e, *table = __va(mmu->root);
	int l;

	lockdep_assert_held(&mmu->lock);
	for (l = EPT_LEVELS; ; l--) {
		e = &table[ept_index(gfn, l)];
		if (!ept_present(*e) || ept_is_leaf(*e, l))
			break;
		table = ept_child(*e);
	}
	*level = l;
	return e;
}

typedef bool (*ept_visit_t)(struct vmm_mmu *mmu, u64 *e, int level);

/* Call @visit for each leaf that touches [start, end); true if any call was. */
static bool ept_walk_table(struct vmm_mmu *mmu, u64 *table, int level, gfn_t start, gfn_t end,
			   ept_visit_t visit)
{
	gfn_t gfn, next;
	bool any = false;

	for (gfn = start; gfn < end; gfn = next) {
		u64 *e = &table[ept_index(gfn, level)];

		next = min_t(gfn_t, end, (gfn | (ept_level_pages(level) - 1)) + 1);
		if (!ept_present(*e))
			continue;
		if (ept_is_leaf(*e, level))
			any |= visit(mmu, e, level);
		else
			any |= ept_walk_table(mmu, ept_child(*e), level - 1, gfn, next, visit);
	}
	return any;
}

static bool ept_walk(struct vmm_mmu *mmu, gfn_t start, gfn_t end, ept_visit_t visit)
{
	end = min_t(gfn_t, end, 1ULL << EPT_GFN_BITS);
	return ept_walk_table(mmu, __va(mmu->root), EPT_LEVELS, start, end, visit);
}

static bool ept_zap_leaf(struct vmm_mmu *mmu, u64 *e, int level)
{
	WRITE_ONCE(*e, 0);
	ept_count(mmu, level, -1);
	return true;
}

/**
 * ept_zap() - take away every leaf that touches a range
 * @mmu:   the tables
 * @start: first frame
 * @end:   frame behind the last
 *
 * A large leaf goes whole, also when it sticks out of the range. Tables stay.
 * Context: mmu->lock for writing.
 * Return: the caller must flush.
 */
bool ept_zap(struct vmm_mmu *mmu, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&mmu->lock);
	return ept_walk(mmu, start, end, ept_zap_leaf);
}

/* Unhook @table, which lies at @level, and all below it; their leaves go too. */
static void ept_unhook(struct vmm_mmu *mmu, u64 *table, int level, struct list_head *dead)
{
	int i;

	for (i = 0; i < EPT_ENTRIES; i++) {
		u64 e = READ_ONCE(table[i]);

		if (!ept_present(e))
			continue;
		/*
		 * Cleared as well, not only left behind: a processor in the
		 * middle of a walk then has less to find.
		 */
		WRITE_ONCE(table[i], 0);
		if (ept_is_leaf(e, level))
			ept_count(mmu, level, -1);
		else
			ept_unhook(mmu, ept_child(e), level - 1, dead);
	}
	mmu->pages--;
	list_add(&virt_to_page(table)->lru, dead);
}

static bool ept_drop_table(struct vmm_mmu *mmu, u64 *table, int level, gfn_t start, gfn_t end,
			   struct list_head *dead)
{
	gfn_t gfn, next;
	bool any = false;

	for (gfn = start; gfn < end; gfn = next) {
		u64 *e = &table[ept_index(gfn, level)];
		u64 old = *e;

		next = min_t(gfn_t, end, (gfn | (ept_level_pages(level) - 1)) + 1);
		if (!ept_present(old))
			continue;
		if (ept_is_leaf(old, level)) {
			any |= ept_zap_leaf(mmu, e, level);
		} else if (next - gfn == ept_level_pages(level)) {
			WRITE_ONCE(*e, 0);
			ept_unhook(mmu, ept_child(old), level - 1, dead);
			any = true;
		} else {
			any |= ept_drop_table(mmu, ept_child(old), level - 1, gfn, next, dead);
		}
	}
	return any;
}

/**
 * ept_drop() - ept_zap(), and the tables that lie whole inside the range
 * @mmu:   the tables
 * @start: first frame
 * @end:   frame behind the last
 * @dead:  tables to be freed by ept_free_dead() after the flush are added here
 *
 * Context: mmu->lock for writing.
 * Return: the caller must flush.
 */
bool ept_drop(struct vmm_mmu *mmu, gfn_t start, gfn_t end, struct list_head *dead)
{
	lockdep_assert_held_write(&mmu->lock);
	end = min_t(gfn_t, end, 1ULL << EPT_GFN_BITS);
	return ept_drop_table(mmu, __va(mmu->root), EPT_LEVELS, start, end, dead);
}

/*
 * Replace the leaf *@e at @level by a table of 512 parts that say the same. @open:
 * but may be written, and the processor logs it.
 */
static int ept_split(struct vmm_mmu *mmu, u64 *e, int level, bool open)
{
	u64 *table = ept_take(mmu);
	u64 old = *e;
	int i;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < EPT_ENTRIES; i++) {
		table[i] = ept_split_leaf(old, level, i, mmu->nx_huge);
		if (open)
			table[i] = ept_open_leaf(table[i], false);
	}
	ept_link(e, table);
	ept_count(mmu, level, -1);
	ept_count(mmu, level - 1, EPT_ENTRIES);
	return 0;
}

/*
 * What stood where a leaf is about to be written. A leaf of the same frame is
 * as valid as the new one, made by another vCPU a moment ago: rights add up.
 */
static u64 ept_replace(struct vmm_mmu *mmu, u64 old, int level, u64 leaf, struct list_head *dead,
		       bool *flush)
{
	if (!ept_is_leaf(old, level)) {
		ept_unhook(mmu, ept_child(old), level - 1, dead);
		*flush = true;
		return leaf;
	}
	ept_count(mmu, level, -1);
	if (((old ^ leaf) & (EPT_ADDR | EPT_MT_MASK | EPT_IPAT)) == 0)
		return leaf | (old & (EPT_RWX | EPT_D | EPT_SW_WRITABLE));
	*flush = true;
	return leaf;
}

/* No leaf, and no table in which there may be one. */
static bool ept_table_is_empty(const u64 *table)
{
	int i;

	for (i = 0; i < EPT_ENTRIES; i++)
		if (ept_present(table[i]))
			return false;
	return true;
}

/**
 * ept_map() - install a leaf
 * @mmu:   the tables
 * @gfn:   a frame inside the leaf
 * @level: of the leaf
 * @leaf:  from ept_leaf()
 * @dead:  as for ept_drop(): 4 KiB tables that a large leaf replaces
 * @flush: set when the caller must flush
 *
 * A larger leaf that is in the way is split, a table that is in the way of a
 * large leaf is unhooked. With mmu->nx_huge such a table stays while something
 * is in it, for it is there to be executable.
 *
 * Context: mmu->lock for writing, ept_topup() before.
 * Return: 0, -ENOMEM (fill the cache and try again), -EEXIST (a table that must
 * stay: try a smaller leaf).
 */
int ept_map(struct vmm_mmu *mmu, gfn_t gfn, int level, u64 leaf, struct list_head *dead, bool *flush)
{
	u64 *e, *table = __va(mmu->root);
	int l;

	lockdep_assert_held_write(&mmu->lock);
	for (l = EPT_LEVELS; ; l--) {
		e = &table[ept_index(gfn, l)];
		if (l == level)
			break;
		if (!ept_present(*e)) {
			u64 *child = ept_take(mmu);

			if (!child)
				return -ENOMEM;
			ept_link(e, child);
		} else if (ept_is_leaf(*e, l)) {
			if (ept_split(mmu, e, l, false))
				return -ENOMEM;
			*flush = true;
		}
		table = ept_child(*e);
	}
	if (ept_present(*e) && !ept_is_leaf(*e, level) && mmu->nx_huge &&
	    !ept_table_is_empty(ept_child(*e)))
		return -EEXIST;
	if (ept_present(*e))
		leaf = ept_replace(mmu, *e, level, leaf, dead, flush);
	WRITE_ONCE(*e, leaf);
	ept_count(mmu, level, 1);
	return 0;
}

/**
 * ept_allow_write() - lift the write protection of one 4 KiB page
 * @mmu:   the tables
 * @gfn:   guest frame
 * @flush: set when the caller must flush
 *
 * A large leaf is split. Where the processor logs writes, the other pages that
 * it becomes are left to it.
 *
 * Context: mmu->lock for writing, ept_topup() before.
 * Return: 0 (writable now), -ENOENT (not mapped, or the host has not allowed
 * writes), -ENOMEM (fill the cache and try again).
 */
int ept_allow_write(struct vmm_mmu *mmu, gfn_t gfn, bool *flush)
{
	int level;
	u64 *e = ept_find(mmu, gfn, &level);

	lockdep_assert_held_write(&mmu->lock);
	if (!ept_present(*e) || !(*e & EPT_SW_WRITABLE))
		return -ENOENT;
	while (level > EPT_LEVEL_4K) {
		if (ept_split(mmu, e, level, mmu->pml && level - 1 == EPT_LEVEL_4K))
			return -ENOMEM;
		*flush = true;
		e = ept_find(mmu, gfn, &level);
	}
	WRITE_ONCE(*e, ept_open_leaf(*e, true) | EPT_A);
	return 0;
}

static bool ept_protect_leaf(struct vmm_mmu *mmu, u64 *e, int level)
{
	if (!(*e & EPT_W))
		return false;
	WRITE_ONCE(*e, *e & ~EPT_W);
	return true;
}

/*
 * A large leaf has one dirty bit for all its pages: it is protected, and split
 * by the first write.
 */
static bool ept_clean_leaf(struct vmm_mmu *mmu, u64 *e, int level)
{
	if (level > EPT_LEVEL_4K)
		return ept_protect_leaf(mmu, e, level);
	clear_bit(EPT_D_BIT, (unsigned long *)e);
	return *e & EPT_W;
}

/**
 * ept_log_writes() - the next write to each page of a range shall be known of
 * @mmu:   the tables
 * @start: first frame
 * @end:   frame behind the last
 *
 * It will be in the processor's log, or fault where there is none.
 *
 * Context: mmu->lock for writing.
 * Return: the caller must flush.
 */
bool ept_log_writes(struct vmm_mmu *mmu, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&mmu->lock);
	return ept_walk(mmu, start, end, mmu->pml ? ept_clean_leaf : ept_protect_leaf);
}

/* Order of the host's page, or part of it, behind the first leaf in @table. */
static unsigned int ept_host_order(u64 *table, int level)
{
	int i;

	for (i = 0; i < EPT_ENTRIES; i++) {
		unsigned int order;

		if (!ept_present(table[i]))
			continue;
		if (ept_is_leaf(table[i], level)) {
			u64 pfn = ept_pfn(table[i]);

			return pfn_valid(pfn) ? compound_order(compound_head(pfn_to_page(pfn))) : 0;
		}
		order = ept_host_order(ept_child(table[i]), level - 1);
		if (order)
			return order;
	}
	return 0;
}

static bool ept_stop_table(struct vmm_mmu *mmu, u64 *table, int level, gfn_t start, gfn_t end,
			   struct list_head *dead)
{
	gfn_t gfn, next;
	bool any = false;

	for (gfn = start; gfn < end; gfn = next) {
		u64 *e = &table[ept_index(gfn, level)];
		u64 old = *e;

		next = min_t(gfn_t, end, (gfn | (ept_level_pages(level) - 1)) + 1);
		if (!ept_present(old))
			continue;
		if (ept_is_leaf(old, level)) {
			WRITE_ONCE(*e, ept_open_leaf(old, true));
		} else if (level <= mmu->max_level && next - gfn == ept_level_pages(level) &&
			   ept_host_order(ept_child(old), level - 1) >= (level - 1) * EPT_INDEX_BITS) {
			WRITE_ONCE(*e, 0);
			ept_unhook(mmu, ept_child(old), level - 1, dead);
			any = true;
		} else {
			any |= ept_stop_table(mmu, ept_child(old), level - 1, gfn, next, dead);
		}
	}
	return any;
}

/**
 * ept_stop_log() - nobody wants to know of writes to a range any more
 * @mmu:   the tables
 * @start: first frame
 * @end:   frame behind the last
 * @dead:  as for ept_drop()
 *
 * What the host allows to be written may be. Tables go where the host has one
 * large page: the next fault makes a large leaf.
 *
 * Context: mmu->lock for writing.
 * Return: the caller must flush.
 */
bool ept_stop_log(struct vmm_mmu *mmu, gfn_t start, gfn_t end, struct list_head *dead)
{
	lockdep_assert_held_write(&mmu->lock);
	end = min_t(gfn_t, end, 1ULL << EPT_GFN_BITS);
	return ept_stop_table(mmu, __va(mmu->root), EPT_LEVELS, start, end, dead);
}

static bool ept_age_leaf(struct vmm_mmu *mmu, u64 *e, int level)
{
	return test_and_clear_bit(EPT_A_BIT, (unsigned long *)e);
}

/**
 * ept_clear_young() - has a range been accessed since the last call?
 * @mmu:   the tables
 * @start: first frame
 * @end:   frame behind the last
 *
 * Without accessed bits in the processor the leaves go: whoever needs one
 * faults it in again, and a leaf that is there was accessed.
 *
 * Context: mmu->lock for writing.
 * Return: yes or no. Without mmu->ad yes also means that the caller must flush.
 */
bool ept_clear_young(struct vmm_mmu *mmu, gfn_t start, gfn_t end)
{
	lockdep_assert_held_write(&mmu->lock);
	return ept_walk(mmu, start, end, mmu->ad ? ept_age_leaf : ept_zap_leaf);
}

static bool ept_young_leaf(struct vmm_mmu *mmu, u64 *e, int level)
{
	return READ_ONCE(*e) & EPT_A;
}

/** ept_test_young() - the same without changing anything; reading lock is enough */
bool ept_test_young(struct vmm_mmu *mmu, gfn_t start, gfn_t end)
{
	lockdep_assert_held(&mmu->lock);
	return ept_walk(mmu, start, end, ept_young_leaf);
}
