// SPDX-License-Identifier: GPL-2.0
/*
 * Extended page tables: entries against the numbers of the architecture, and
 * whole tables against an oracle that is too simple to be wrong: an array that
 * says for each guest frame what it should map to.
 *
 * The tables' code is compiled into this module, so the tests need neither
 * vmm_core.ko nor VMX.
 *
 * Locking: as the code under test wants it; each test owns what it uses.
 */
#include <kunit/test.h>
#include <linux/slab.h>

#include "rnd.h"
/* The code under test itself. */
#include "../../vmm_core/mmu/ept.c"

/* --- entries ------------------------------------------------------------------ */

static void ept_leaf_has_the_bits_of_the_manual(struct kunit *test)
{
	/* R A, WB, ignore PAT */
	KUNIT_EXPECT_EQ(test, ept_leaf(0x12345, 1, false, false, false, false), 0x12345171ULL);
	/* + X */
	KUNIT_EXPECT_EQ(test, ept_leaf(0x12345, 1, false, false, true, false), 0x12345175ULL);
	/* + W D and the host's consent */
	KUNIT_EXPECT_EQ(test, ept_leaf(0x12345, 1, true, true, true, false), 0x0080000012345377ULL);
	/* consent alone */
	KUNIT_EXPECT_EQ(test, ept_leaf(0x12345, 1, true, false, true, false), 0x0080000012345175ULL);
	/* writing without consent is not to be had */
	KUNIT_EXPECT_EQ(test, ept_leaf(0x12345, 1, false, true, true, false), 0x12345175ULL);
	/* large */
	KUNIT_EXPECT_EQ(test, ept_leaf(0x12200, 2, true, true, true, false), 0x00800000122003f7ULL);
	KUNIT_EXPECT_EQ(test, ept_leaf(0x40000, 3, true, true, true, false), 0x00800000400003f7ULL);
	/* device memory: uncached, the guest's PAT counts */
	KUNIT_EXPECT_EQ(test, ept_leaf(0xfe000, 1, true, true, true, true), 0x00800000fe000307ULL);
	/* the highest frame that fits */
	KUNIT_EXPECT_EQ(test, ept_pfn(ept_leaf(0xffffffffffULL, 1, true, true, true, false)),
			0xffffffffffULL);
	KUNIT_EXPECT_EQ(test, ept_table_entry(0x1234000), 0x1234007ULL);
}

static void ept_leaf_opens_with_the_hosts_consent_only(struct kunit *test)
{
	u64 closed = ept_leaf(0x12345, 1, true, false, true, false);
	u64 foreign = ept_leaf(0x12345, 1, false, false, true, false);

	KUNIT_EXPECT_EQ(test, ept_open_leaf(closed, true), closed | EPT_W | EPT_D);
	KUNIT_EXPECT_EQ(test, ept_open_leaf(closed, false), closed | EPT_W);
	KUNIT_EXPECT_EQ(test, ept_open_leaf(closed | EPT_D, false), closed | EPT_W);
	KUNIT_EXPECT_EQ(test, ept_open_leaf(foreign, true), foreign);
	KUNIT_EXPECT_EQ(test, ept_open_leaf(foreign, false), foreign);
}

static void ept_entries_are_told_apart(struct kunit *test)
{
	KUNIT_EXPECT_FALSE(test, ept_present(0));
	KUNIT_EXPECT_FALSE(test, ept_present(EPT_SW_WRITABLE | EPT_A | EPT_MT_WB));
	KUNIT_EXPECT_TRUE(test, ept_present(ept_leaf(0, 1, false, false, false, false)));
	KUNIT_EXPECT_TRUE(test, ept_is_leaf(ept_leaf(0, 1, true, true, true, false), 1));
	KUNIT_EXPECT_TRUE(test, ept_is_leaf(ept_leaf(0, 2, true, true, true, false), 2));
	KUNIT_EXPECT_FALSE(test, ept_is_leaf(ept_table_entry(0x1000), 2));
	KUNIT_EXPECT_FALSE(test, ept_is_leaf(ept_table_entry(0x1000), 4));
}

static void ept_index_takes_nine_bits_a_level(struct kunit *test)
{
	u64 gfn = (1ULL << 27) * 5 + (1ULL << 18) * 6 + (1ULL << 9) * 7 + 8;

	KUNIT_EXPECT_EQ(test, ept_index(gfn, 4), 5u);
	KUNIT_EXPECT_EQ(test, ept_index(gfn, 3), 6u);
	KUNIT_EXPECT_EQ(test, ept_index(gfn, 2), 7u);
	KUNIT_EXPECT_EQ(test, ept_index(gfn, 1), 8u);
	KUNIT_EXPECT_EQ(test, ept_level_pages(1), 1ULL);
	KUNIT_EXPECT_EQ(test, ept_level_pages(2), 512ULL);
	KUNIT_EXPECT_EQ(test, ept_level_pages(3), 512ULL * 512);
}

static void ept_parts_of_a_leaf_say_the_same(struct kunit *test)
{
	u64 e2 = ept_leaf(0x12200, 2, true, false, true, false);
	u64 e3 = ept_leaf(0x40000, 3, true, true, false, false);
	unsigned int i;

	for (i = 0; i < 512; i++) {
		KUNIT_ASSERT_EQ(test, ept_split_leaf(e2, 2, i, false),
				ept_leaf(0x12200 + i, 1, true, false, true, false));
		KUNIT_ASSERT_EQ(test, ept_split_leaf(e3, 3, i, false),
				ept_leaf(0x40000 + 512 * i, 2, true, true, false, false));
		/* 2 MiB parts stay as they are, 4 KiB parts become executable */
		KUNIT_ASSERT_EQ(test, ept_split_leaf(e3, 3, i, true),
				ept_leaf(0x40000 + 512 * i, 2, true, true, false, false));
		KUNIT_ASSERT_EQ(test, ept_split_leaf(e2 & ~EPT_X, 2, i, true),
				ept_leaf(0x12200 + i, 1, true, false, true, false));
	}
}

/* --- tables against the oracle ---------------------------------------------------- */

/* A window that lies across a 1 GiB boundary: 4 large pages on each side. */
#define WIN_PAGES	4096
#define WIN_BASE	((1ULL << 18) - WIN_PAGES / 2)

/* What one guest frame maps to; all 512 of a large leaf say the same but for pfn. */
struct want {
	u64 pfn;
	u8 level;		/* 0: nothing */
	bool w, x, host_w, young, d;
};

struct model {
	struct kunit *test;
	struct vmm_mmu mmu;
	struct want want[WIN_PAGES];
	struct rnd rnd;
};

static struct model *model_new(struct kunit *test, u64 seed, bool ad, bool nx_huge, bool pml)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	m->rnd.x = seed;
	m->mmu.ad = ad;
	m->mmu.nx_huge = nx_huge;
	m->mmu.pml = pml;
	m->mmu.max_level = EPT_LEVEL_1G;
	KUNIT_ASSERT_EQ(test, ept_init(&m->mmu), 0);
	return m;
}

/* First and last page of the leaf that page @i belongs to. */
static void model_leaf(struct model *m, int i, int *first, int *last)
{
	*first = *last = i;
	if (m->want[i].level == 2) {
		*first = i & ~511;
		*last = *first + 511;
	}
}

static bool model_for_leaves(struct model *m, int lo, int hi, bool (*fn)(struct want *w))
{
	bool any = false;
	int i, first, last;

	for (i = lo; i < hi; i++) {
		if (!m->want[i].level)
			continue;
		model_leaf(m, i, &first, &last);
		if (i != lo && i != first)
			continue;	/* this leaf has been done */
		for (; first <= last; first++)
			any |= fn(&m->want[first]);
	}
	return any;
}

static bool want_zap(struct want *w)
{
	memset(w, 0, sizeof(*w));
	return true;
}

static bool want_protect(struct want *w)
{
	bool was = w->w;

	w->w = false;
	return was;
}

/* As above, where the processor logs. */
static bool want_clean(struct want *w)
{
	if (w->level > 1)
		return want_protect(w);
	w->d = false;
	return w->w;
}

static bool want_open(struct want *w)
{
	if (w->host_w)
		w->w = w->d = true;
	return false;
}

static bool want_age(struct want *w)
{
	bool was = w->young;

	w->young = false;
	return was;
}

static bool want_young(struct want *w)
{
	return w->young;
}

/* What a smaller page does to the large leaf around it. */
static void model_split(struct model *m, int i)
{
	int first, last;

	model_leaf(m, i, &first, &last);
	if (first == last)
		return;
	for (; first <= last; first++) {
		m->want[first].level = 1;
		if (m->mmu.nx_huge)
			m->want[first].x = true;
	}
}

static void model_check_page(struct model *m, int i)
{
	struct want *w = &m->want[i];
	int level;
	u64 e;

	write_lock(&m->mmu.lock);
	e = *ept_find(&m->mmu, WIN_BASE + i, &level);
	write_unlock(&m->mmu.lock);

	KUNIT_ASSERT_EQ_MSG(m->test, ept_present(e), !!w->level, "page %d", i);
	if (!w->level)
		return;
	KUNIT_ASSERT_EQ_MSG(m->test, level, (int)w->level, "page %d", i);
	KUNIT_ASSERT_EQ_MSG(m->test, ept_pfn(e) + (level == 2 ? (i & 511) : 0), w->pfn, "page %d", i);
	KUNIT_ASSERT_EQ_MSG(m->test, !!(e & EPT_W), w->w, "page %d", i);
	KUNIT_ASSERT_EQ_MSG(m->test, !!(e & EPT_D), w->d, "page %d", i);
	KUNIT_ASSERT_EQ_MSG(m->test, !!(e & EPT_X), w->x, "page %d", i);
	KUNIT_ASSERT_EQ_MSG(m->test, !!(e & EPT_SW_WRITABLE), w->host_w, "page %d", i);
	KUNIT_ASSERT_EQ_MSG(m->test, !!(e & EPT_A), w->young, "page %d", i);
}

static void model_check(struct model *m)
{
	u64 small = 0, large = 0;
	int i;

	for (i = 0; i < WIN_PAGES; i++) {
		model_check_page(m, i);
		small += m->want[i].level == 1;
		large += m->want[i].level == 2;
	}
	KUNIT_ASSERT_EQ(m->test, m->mmu.mapped_4k, small);
	KUNIT_ASSERT_EQ(m->test, m->mmu.mapped_2m, large / 512);
	KUNIT_ASSERT_EQ(m->test, m->mmu.mapped_1g, 0ULL);
}

/* Is a right taken away, or a frame replaced, when @new is put over page @i? */
static bool model_put(struct model *m, int i, const struct want *new, u64 pfn)
{
	struct want *w = &m->want[i], was = *w;

	*w = *new;
	w->pfn = pfn;
	if (was.level == new->level && was.pfn == pfn) {
		w->w |= was.w;
		w->x |= was.x;
		w->d |= was.d;
		w->host_w |= was.host_w;
		return false;
	}
	return was.level;
}

static void step_map(struct model *m)
{
	int i = rnd_range(&m->rnd, 0, WIN_PAGES - 1), k;
	int level = rnd_range(&m->rnd, 0, 9) ? 1 : 2;
	/* few frames, so that the same one comes again */
	u64 pfn = (rnd_range(&m->rnd, 1, 3) << 20) + WIN_BASE + i;
	struct want new = { .level = level, .young = true, .host_w = rnd_range(&m->rnd, 0, 1) };
	bool flush = false, must_flush = false, table;
	LIST_HEAD(dead);
	u64 leaf;
	int r;

	new.w = new.host_w && rnd_range(&m->rnd, 0, 1);
	new.d = new.w && !(m->mmu.pml && rnd_range(&m->rnd, 0, 1));
	new.x = level == 1 || !m->mmu.nx_huge;
	if (level == 2) {
		pfn &= ~511ULL;
		i &= ~511;
	}
	table = false;
	for (k = 0; level == 2 && k < 512; k++)
		table |= m->want[i + k].level == 1;

	leaf = ept_leaf(pfn, level, new.host_w, new.w, new.x, false);
	if (!new.d)
		leaf &= ~EPT_D;
	KUNIT_ASSERT_EQ(m->test, ept_topup(&m->mmu), 0);
	write_lock(&m->mmu.lock);
	r = ept_map(&m->mmu, WIN_BASE + i, level, leaf, &dead, &flush);
	write_unlock(&m->mmu.lock);
	if (r == -EEXIST) {
		/* only for a table with something in it */
		KUNIT_ASSERT_TRUE(m->test, table && m->mmu.nx_huge);
		KUNIT_ASSERT_TRUE(m->test, list_empty(&dead));
		return;
	}
	KUNIT_ASSERT_EQ(m->test, r, 0);
	KUNIT_ASSERT_FALSE(m->test, table && m->mmu.nx_huge);
	if (level == 1) {
		model_split(m, i);
		must_flush = model_put(m, i, &new, pfn);
	} else {
		for (k = 0; k < 512; k++)
			must_flush |= model_put(m, i + k, &new, pfn + k);
	}
	KUNIT_ASSERT_TRUE(m->test, flush || !must_flush);
	KUNIT_ASSERT_TRUE(m->test, flush || list_empty(&dead));
	ept_free_dead(&dead);
}

static void step_range(struct model *m, int what)
{
	int lo = rnd_range(&m->rnd, 0, WIN_PAGES - 1);
	int hi = rnd_range(&m->rnd, lo + 1, min(WIN_PAGES, lo + (rnd_range(&m->rnd, 0, 9) ? 40 : 2000)));
	gfn_t start = WIN_BASE + lo, end = WIN_BASE + hi;
	bool got, want = false;
	LIST_HEAD(dead);

	write_lock(&m->mmu.lock);
	switch (what) {
	case 0:
		got = ept_zap(&m->mmu, start, end);
		break;
	case 1:
		got = ept_drop(&m->mmu, start, end, &dead);
		break;
	case 2:
		got = ept_log_writes(&m->mmu, start, end);
		break;
	case 5:
		got = ept_stop_log(&m->mmu, start, end, &dead);
		break;
	case 3:
		got = ept_test_young(&m->mmu, start, end);
		break;
	default:
		got = ept_clear_young(&m->mmu, start, end);
		break;
	}
	write_unlock(&m->mmu.lock);

	if (what == 2)
		want = model_for_leaves(m, lo, hi, m->mmu.pml ? want_clean : want_protect);
	else if (what == 5)
		want = model_for_leaves(m, lo, hi, want_open);
	else if (what == 3)
		want = model_for_leaves(m, lo, hi, want_young);
	else if (what == 4 && m->mmu.ad)
		want = model_for_leaves(m, lo, hi, want_age);
	else
		want = model_for_leaves(m, lo, hi, want_zap);

	/* Unhooking an empty table asks for a flush too. */
	if (what == 1 && !list_empty(&dead))
		KUNIT_ASSERT_TRUE(m->test, got);
	else
		KUNIT_ASSERT_EQ(m->test, got, want);
	ept_free_dead(&dead);
}

static void step_allow_write(struct model *m)
{
	int i = rnd_range(&m->rnd, 0, WIN_PAGES - 1);
	bool large = m->want[i].level == 2, flush = false;
	bool can = m->want[i].level && m->want[i].host_w;
	int r, k;

	KUNIT_ASSERT_EQ(m->test, ept_topup(&m->mmu), 0);
	write_lock(&m->mmu.lock);
	r = ept_allow_write(&m->mmu, WIN_BASE + i, &flush);
	write_unlock(&m->mmu.lock);
	KUNIT_ASSERT_EQ(m->test, r, can ? 0 : -ENOENT);
	if (!can)
		return;
	KUNIT_ASSERT_EQ(m->test, flush, large);
	model_split(m, i);
	for (k = i & ~511; large && m->mmu.pml && k <= (i | 511); k++) {
		if (m->want[k].host_w) {
			m->want[k].w = true;
			m->want[k].d = false;
		}
	}
	m->want[i].w = true;
	m->want[i].d = true;
	m->want[i].young = true;
}

static void model_run(struct kunit *test, u64 seed, bool ad, bool nx_huge, bool pml)
{
	struct model *m = model_new(test, seed, ad, nx_huge, pml);
	LIST_HEAD(dead);
	int n;

	for (n = 0; n < 6000; n++) {
		int what = rnd_range(&m->rnd, 0, 20);

		if (what < 12)
			step_map(m);
		else if (what < 15)
			step_allow_write(m);
		else
			step_range(m, what - 15);
		if (n % 500 == 0)
			model_check(m);
	}
	model_check(m);

	/* All of it goes, and only the root stays. */
	write_lock(&m->mmu.lock);
	ept_drop(&m->mmu, 0, 1ULL << EPT_GFN_BITS, &dead);
	write_unlock(&m->mmu.lock);
	ept_free_dead(&dead);
	memset(m->want, 0, sizeof(m->want));
	model_check(m);
	KUNIT_EXPECT_EQ(test, m->mmu.pages, 1UL);
	ept_destroy(&m->mmu);
}

static void ept_tables_match_the_oracle(struct kunit *test)
{
	model_run(test, 1, true, false, false);
	model_run(test, 2, true, false, false);
}

static void ept_tables_match_without_accessed_bits(struct kunit *test)
{
	model_run(test, 3, false, false, false);
}

static void ept_tables_match_without_executable_large_leaves(struct kunit *test)
{
	model_run(test, 4, true, true, false);
}

static void ept_tables_match_where_the_processor_logs(struct kunit *test)
{
	model_run(test, 8, true, false, true);
	model_run(test, 9, true, true, true);
}

/* A leaf of each size, split on the way down to one page in its middle. */
static void ept_gigantic_leaf_splits_to_small(struct kunit *test)
{
	struct model *m = model_new(test, 5, true, false, false);
	struct vmm_mmu *mmu = &m->mmu;
	gfn_t gfn = (3ULL << 18) + 12345;
	bool flush = false;
	LIST_HEAD(dead);
	int level;
	u64 e;

	KUNIT_ASSERT_EQ(test, ept_topup(mmu), 0);
	write_lock(&mmu->lock);
	KUNIT_ASSERT_EQ(test, ept_map(mmu, gfn, 3, ept_leaf(7ULL << 18, 3, true, true, true, false),
				      &dead, &flush), 0);
	write_unlock(&mmu->lock);
	KUNIT_EXPECT_FALSE(test, flush);
	KUNIT_EXPECT_EQ(test, mmu->mapped_1g, 1ULL);

	KUNIT_ASSERT_EQ(test, ept_topup(mmu), 0);
	write_lock(&mmu->lock);
	KUNIT_EXPECT_TRUE(test, ept_log_writes(mmu, gfn, gfn + 1));
	KUNIT_ASSERT_EQ(test, ept_allow_write(mmu, gfn, &flush), 0);
	KUNIT_EXPECT_TRUE(test, flush);
	e = *ept_find(mmu, gfn, &level);
	KUNIT_EXPECT_EQ(test, level, 1);
	KUNIT_EXPECT_EQ(test, e, ept_leaf((7ULL << 18) + 12345, 1, true, true, true, false));
	e = *ept_find(mmu, gfn + 1, &level);
	KUNIT_EXPECT_EQ(test, level, 1);
	KUNIT_EXPECT_EQ(test, ept_pfn(e), (7ULL << 18) + 12346);
	KUNIT_EXPECT_EQ(test, e & EPT_W, 0ULL);
	e = *ept_find(mmu, gfn + 512, &level);
	KUNIT_EXPECT_EQ(test, level, 2);
	KUNIT_EXPECT_EQ(test, e & EPT_W, 0ULL);
	KUNIT_EXPECT_EQ(test, mmu->mapped_1g, 0ULL);
	KUNIT_EXPECT_EQ(test, mmu->mapped_2m, 511ULL);
	KUNIT_EXPECT_EQ(test, mmu->mapped_4k, 512ULL);

	/* And back: one large leaf over it all. */
	flush = false;
	KUNIT_ASSERT_EQ(test, ept_map(mmu, gfn, 3, ept_leaf(7ULL << 18, 3, true, true, true, false),
				      &dead, &flush), 0);
	write_unlock(&mmu->lock);
	KUNIT_EXPECT_TRUE(test, flush);
	KUNIT_EXPECT_FALSE(test, list_empty(&dead));
	KUNIT_EXPECT_EQ(test, mmu->mapped_1g, 1ULL);
	KUNIT_EXPECT_EQ(test, mmu->mapped_2m, 0ULL);
	KUNIT_EXPECT_EQ(test, mmu->mapped_4k, 0ULL);
	ept_free_dead(&dead);
	ept_destroy(mmu);
}

static void map_small(struct model *m, gfn_t gfn, u64 pfn)
{
	bool flush = false;
	LIST_HEAD(dead);

	KUNIT_ASSERT_EQ(m->test, ept_topup(&m->mmu), 0);
	write_lock(&m->mmu.lock);
	KUNIT_ASSERT_EQ(m->test, ept_map(&m->mmu, gfn, 1,
					 ept_leaf(pfn, 1, true, false, true, false), &dead, &flush), 0);
	write_unlock(&m->mmu.lock);
}

/* Where the host has a large page the small leaves go, but only if all of it is in the range. */
static void ept_large_pages_come_back_after_the_log(struct kunit *test)
{
	struct model *m = model_new(test, 10, true, false, true);
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, EPT_INDEX_BITS);
	struct vmm_mmu *mmu = &m->mmu;
	u64 e, pfn, small = 1ULL << 30;	/* nothing has that frame */
	LIST_HEAD(dead);
	int i, level;

	if (!page)
		kunit_skip(test, "no large page to be had");
	pfn = page_to_pfn(page);
	for (i = 0; i < 512; i += 3) {
		map_small(m, 512 + i, pfn + i);		/* large, whole */
		map_small(m, 1024 + i, small + i);	/* small */
		map_small(m, 1536 + i, pfn + i);	/* large, not whole */
	}
	write_lock(&mmu->lock);
	KUNIT_EXPECT_TRUE(test, ept_stop_log(mmu, 512, 2047, &dead));
	write_unlock(&mmu->lock);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&dead));
	KUNIT_EXPECT_EQ(test, mmu->mapped_4k, 2ULL * 171);
	read_lock(&mmu->lock);
	KUNIT_EXPECT_FALSE(test, ept_present(*ept_find(mmu, 512, &level)));
	KUNIT_EXPECT_EQ(test, level, 2);
	e = *ept_find(mmu, 1024 + 3, &level);
	KUNIT_EXPECT_EQ(test, e, ept_leaf(small + 3, 1, true, true, true, false));
	e = *ept_find(mmu, 1536 + 3, &level);
	KUNIT_EXPECT_EQ(test, e, ept_leaf(pfn + 3, 1, true, true, true, false));
	read_unlock(&mmu->lock);

	/* Again with none that is whole. */
	write_lock(&mmu->lock);
	KUNIT_EXPECT_FALSE(test, ept_stop_log(mmu, 513, 2047, &dead));
	/* And 2 MiB is all that this processor can. */
	mmu->max_level = EPT_LEVEL_4K;
	KUNIT_EXPECT_FALSE(test, ept_stop_log(mmu, 512, 2048, &dead));
	write_unlock(&mmu->lock);
	ept_free_dead(&dead);
	ept_destroy(mmu);
	__free_pages(page, EPT_INDEX_BITS);
}

/* Without executable large leaves a table stays as long as something is in it. */
static void ept_empty_table_gives_way_to_a_large_leaf(struct kunit *test)
{
	struct model *m = model_new(test, 11, true, true, false);
	u64 leaf = ept_leaf(512, 2, true, true, false, false);
	struct vmm_mmu *mmu = &m->mmu;
	bool flush = false;
	LIST_HEAD(dead);

	map_small(m, 512 + 7, 512 + 7);
	KUNIT_ASSERT_EQ(test, ept_topup(mmu), 0);
	write_lock(&mmu->lock);
	KUNIT_EXPECT_EQ(test, ept_map(mmu, 512, 2, leaf, &dead, &flush), -EEXIST);
	KUNIT_EXPECT_TRUE(test, ept_zap(mmu, 512, 1024));
	KUNIT_EXPECT_EQ(test, ept_map(mmu, 512, 2, leaf, &dead, &flush), 0);
	write_unlock(&mmu->lock);
	KUNIT_EXPECT_TRUE(test, flush);
	KUNIT_EXPECT_EQ(test, mmu->mapped_2m, 1ULL);
	ept_free_dead(&dead);
	ept_destroy(mmu);
}

/* Nothing is half done when the cache is empty, and the second try succeeds. */
static void ept_map_without_pages_says_so(struct kunit *test)
{
	struct model *m = model_new(test, 6, true, false, false);
	struct vmm_mmu *mmu = &m->mmu;
	u64 leaf = ept_leaf(0x12345, 1, true, true, true, false);
	bool flush = false;
	LIST_HEAD(dead);

	write_lock(&mmu->lock);
	KUNIT_EXPECT_EQ(test, ept_map(mmu, 0x777, 1, leaf, &dead, &flush), -ENOMEM);
	write_unlock(&mmu->lock);
	KUNIT_EXPECT_EQ(test, mmu->mapped_4k, 0ULL);
	KUNIT_ASSERT_EQ(test, ept_topup(mmu), 0);
	write_lock(&mmu->lock);
	KUNIT_EXPECT_EQ(test, ept_map(mmu, 0x777, 1, leaf, &dead, &flush), 0);
	write_unlock(&mmu->lock);
	KUNIT_EXPECT_EQ(test, mmu->mapped_4k, 1ULL);
	KUNIT_EXPECT_FALSE(test, flush);
	ept_destroy(mmu);
}

/* Ranges far beyond what a table can hold are empty, not wrapped around. */
static void ept_ranges_end_at_48_bits(struct kunit *test)
{
	struct model *m = model_new(test, 7, true, false, false);
	struct vmm_mmu *mmu = &m->mmu;
	bool flush = false;
	LIST_HEAD(dead);

	KUNIT_ASSERT_EQ(test, ept_topup(mmu), 0);
	write_lock(&mmu->lock);
	KUNIT_ASSERT_EQ(test, ept_map(mmu, 5, 1, ept_leaf(1, 1, true, true, true, false), &dead,
				      &flush), 0);
	KUNIT_EXPECT_FALSE(test, ept_zap(mmu, 1ULL << EPT_GFN_BITS, 1ULL << 40));
	KUNIT_EXPECT_FALSE(test, ept_zap(mmu, (1ULL << EPT_GFN_BITS) - 1, 1ULL << 40));
	KUNIT_EXPECT_EQ(test, mmu->mapped_4k, 1ULL);
	KUNIT_EXPECT_TRUE(test, ept_zap(mmu, 0, 1ULL << 52));
	write_unlock(&mmu->lock);
	KUNIT_EXPECT_EQ(test, mmu->mapped_4k, 0ULL);
	ept_destroy(mmu);
}

static struct kunit_case ept_cases[] = {
	KUNIT_CASE(ept_leaf_has_the_bits_of_the_manual),
	KUNIT_CASE(ept_leaf_opens_with_the_hosts_consent_only),
	KUNIT_CASE(ept_entries_are_told_apart),
	KUNIT_CASE(ept_index_takes_nine_bits_a_level),
	KUNIT_CASE(ept_parts_of_a_leaf_say_the_same),
	KUNIT_CASE(ept_tables_match_the_oracle),
	KUNIT_CASE(ept_tables_match_without_accessed_bits),
	KUNIT_CASE(ept_tables_match_without_executable_large_leaves),
	KUNIT_CASE(ept_tables_match_where_the_processor_logs),
	KUNIT_CASE(ept_gigantic_leaf_splits_to_small),
	KUNIT_CASE(ept_large_pages_come_back_after_the_log),
	KUNIT_CASE(ept_empty_table_gives_way_to_a_large_leaf),
	KUNIT_CASE(ept_map_without_pages_says_so),
	KUNIT_CASE(ept_ranges_end_at_48_bits),
	{}
};

static struct kunit_suite ept_suite = {
	.name = "vmm_ept",
	.test_cases = ept_cases,
};
kunit_test_suite(ept_suite);
