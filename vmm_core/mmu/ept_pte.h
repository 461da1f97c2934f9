/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Entries of the extended page tables: layout, encoding and decoding.
 *
 * Pure arithmetic on 64-bit values: no locks, no memory access, and nothing of
 * the kernel beyond its integer types.
 *
 * Levels are numbered as the processor walks them down: 4 is the root, 1 maps
 * 4 KiB pages. Level 2 and 3 entries are leaves (2 MiB, 1 GiB) when EPT_LARGE
 * is set. Only 4-level tables are used: guest-physical addresses have 48 bits.
 */
#ifndef _VMM_MMU_EPT_PTE_H
#define _VMM_MMU_EPT_PTE_H

#include <linux/types.h>

#define EPT_LEVELS		4
#define EPT_INDEX_BITS		9
#define EPT_ENTRIES		(1 << EPT_INDEX_BITS)
#define EPT_GFN_BITS		(EPT_LEVELS * EPT_INDEX_BITS)

/* Levels at which an entry may be a leaf. */
#define EPT_LEVEL_4K		1
#define EPT_LEVEL_2M		2
#define EPT_LEVEL_1G		3

#define EPT_R			(1ULL << 0)
#define EPT_W			(1ULL << 1)
#define EPT_X			(1ULL << 2)
#define EPT_RWX			(EPT_R | EPT_W | EPT_X)
#define EPT_MT_SHIFT		3
#define EPT_MT_MASK		(7ULL << EPT_MT_SHIFT)
#define EPT_MT_UC		(0ULL << EPT_MT_SHIFT)
#define EPT_MT_WB		(6ULL << EPT_MT_SHIFT)
#define EPT_IPAT		(1ULL << 6)	/* the guest's PAT has no say */
#define EPT_LARGE		(1ULL << 7)
#define EPT_A_BIT		8
#define EPT_A			(1ULL << EPT_A_BIT)
#define EPT_D_BIT		9
#define EPT_D			(1ULL << EPT_D_BIT)
#define EPT_ADDR		0x000ffffffffff000ULL

/*
 * Ignored by the processor. In a leaf: the host lets this frame be written,
 * so that EPT_W may be set again without asking it (dirty log).
 */
#define EPT_SW_WRITABLE		(1ULL << 55)

/** ept_level_pages() - 4 KiB pages that one entry at @level spans */
static inline u64 ept_level_pages(int level)
{
	return 1ULL << ((level - 1) * EPT_INDEX_BITS);
}

/** ept_index() - which entry of a table at @level leads to @gfn */
static inline unsigned int ept_index(u64 gfn, int level)
{
	return (gfn >> ((level - 1) * EPT_INDEX_BITS)) & (EPT_ENTRIES - 1);
}

static inline bool ept_present(u64 e)
{
	return e & EPT_RWX;
}

/** ept_is_leaf() - does the present entry @e at @level map memory? */
static inline bool ept_is_leaf(u64 e, int level)
{
	return level == EPT_LEVEL_4K || (e & EPT_LARGE);
}

/** ept_pfn() - frame of a leaf, or of the next table */
static inline u64 ept_pfn(u64 e)
{
	return (e & EPT_ADDR) >> 12;
}

/** ept_table_entry() - entry that leads to the table at physical address @table */
static inline u64 ept_table_entry(u64 table)
{
	return table | EPT_RWX;
}

/**
 * ept_leaf() - a leaf
 * @pfn:      host frame of its first page, aligned as @level wants
 * @level:    EPT_LEVEL_*
 * @host_writable: the host lets the frame be written
 * @write:    so may the guest now; false under write protection for a dirty log
 * @exec:     instructions may be fetched
 * @mmio:     device memory: the guest's memory types hold, uncached at best
 *
 * Accessed is set, for a leaf is made on behalf of an access, and so is dirty
 * where writes are allowed: it saves the processor the locked update. Only
 * where the processor writes the dirty log does the caller clear it.
 */
static inline u64 ept_leaf(u64 pfn, int level, bool host_writable, bool write, bool exec, bool mmio)
{
	u64 e = (pfn << 12) | EPT_R | EPT_A;

	if (host_writable)
		e |= EPT_SW_WRITABLE;
	if (host_writable && write)
		e |= EPT_W | EPT_D;
	if (exec)
		e |= EPT_X;
	if (level > EPT_LEVEL_4K)
		e |= EPT_LARGE;
	return e | (mmio ? EPT_MT_UC : EPT_MT_WB | EPT_IPAT);
}

/**
 * ept_split_leaf() - what the @i-th part of a leaf is one level below
 * @e:       the leaf
 * @level:   its level, 2 or 3
 * @i:       0..511
 * @nx_huge: large leaves are not executable, so a 4 KiB part becomes so
 */
static inline u64 ept_split_leaf(u64 e, int level, unsigned int i, bool nx_huge)
{
	u64 part = e + ((i * ept_level_pages(level - 1)) << 12);

	if (level - 1 == EPT_LEVEL_4K) {
		part &= ~EPT_LARGE;
		if (nx_huge)
			part |= EPT_X;
	}
	return part;
}

/**
 * ept_open_leaf() - a leaf that may be written again after it was protected
 * @e:     the leaf
 * @dirty: nobody wants to know of the first write
 */
static inline u64 ept_open_leaf(u64 e, bool dirty)
{
	if (!(e & EPT_SW_WRITABLE))
		return e;
	return dirty ? e | EPT_W | EPT_D : (e | EPT_W) & ~EPT_D;
}

#endif /* _VMM_MMU_EPT_PTE_H */
