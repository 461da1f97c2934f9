// SPDX-License-Identifier: GPL-2.0
/*
 * memtest [WORDS] - a guest's memory: sizes of pages, dirty log, ageing, merging
 * memtest --big MIB - a guest that has so much, and uses it
 *
 * Only the tests whose name contains WORDS. The memory that matters is a slot of
 * its own at 1 GiB; code and page tables of the guest are elsewhere. The guest
 * walks through part of it, reading or writing. How large the leaves are that
 * map it is read from the VM's statistics. KTAP; status 1 when one failed.
 *
 * Needs for all of its tests: hugetlb pages of 2 MiB and one of 1 GiB, idle page
 * tracking, KSM; what is missing is skipped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "membox.h"
#include "scene.h"

#ifndef MADV_COLLAPSE	/* the C library may not have it yet */
#define MADV_COLLAPSE	25
#endif

/* --- sizes of pages ----------------------------------------------------------- */

/* One leaf for each large page, made by one fault. */
static int large_leaves(enum kvmc_backing backing, int write)
{
	struct membox b;
	uint64_t faults;

	if (!membox_open(&b, 8 * MEM_2M, backing))
		return KTAP_SKIP;
	faults = membox_stat(&b, b.vcpu.fd, "pf_taken", 0);
	if (membox_walk(&b, 0, b.pages, 1, write))
		return KTAP_FAIL;
	faults = membox_stat(&b, b.vcpu.fd, "pf_taken", 0) - faults;
	if (membox_leaves(&b, 0, 8, 0))
		return KTAP_FAIL;
	/* Those of the code and the page tables are among them. */
	return faults > 8 + 8 ? ktap_fail("%llu faults", (unsigned long long)faults) : KTAP_PASS;
}

static int test_hugetlb(void)
{
	return large_leaves(KVMC_MEM_HUGETLB, 1);
}

static int test_thp(void)
{
	return large_leaves(KVMC_MEM_THP, 1);
}

static int test_small(void)
{
	struct membox b;

	membox_open(&b, 2 * MEM_2M, KVMC_MEM_SMALL);
	return membox_walk(&b, 0, b.pages, 1, 1) ? KTAP_FAIL : membox_leaves(&b, b.pages, 0, 0);
}

/* Slot and memory must be aligned alike. */
static int test_crooked(void)
{
	struct membox b;

	if (!membox_open_at(&b, MEM_GPA + MEM_PAGE, 4 * MEM_2M, KVMC_MEM_THP))
		return KTAP_SKIP;
	return membox_walk(&b, 0, b.pages, 1, 1) ? KTAP_FAIL : membox_leaves(&b, b.pages, 0, 0);
}

/* A slot that begins and ends in the middle of large pages. */
static int test_borders(void)
{
	struct membox b;
	uint8_t *mem;

	if (!membox_open(&b, 4 * MEM_2M, KVMC_MEM_THP))
		return KTAP_SKIP;
	mem = b.mem;
	if (membox_slot(&b, MEM_GPA + MEM_2M / 2, mem + MEM_2M / 2, 3 * MEM_2M, 0) ||
	    membox_walk(&b, 0, b.pages, 1, 1))
		return KTAP_FAIL;
	return membox_leaves(&b, 512, 2, 0);
}

static int test_gigantic(void)
{
	struct membox b;

	if (!membox_open(&b, MEM_1G, KVMC_MEM_GIGANTIC))
		return KTAP_SKIP;
	/* Each 2 MiB of it; the first one makes it all. */
	if (membox_walk(&b, 0, b.pages, 512, 1) || membox_leaves(&b, 0, 0, 1))
		return KTAP_FAIL;
	if (membox_log(&b, KVM_MEM_LOG_DIRTY_PAGES) || membox_walk(&b, 777, 779, 1, 1) ||
	    membox_walk(&b, 100000, 100001, 1, 1))
		return KTAP_FAIL;
	membox_want(&b, 777);
	membox_want(&b, 778);
	membox_want(&b, 100000);
	if (membox_check_log(&b, "1 GiB page") || membox_leaves_at_least(&b, 1024, 0))
		return KTAP_FAIL;
	if (membox_log(&b, 0) || membox_walk(&b, 0, b.pages, 512, 1))
		return KTAP_FAIL;
	return membox_leaves(&b, 0, 0, 1);
}

/* What splits a host page splits the leaf; what makes one anew lets it grow again. */
static int test_collapse(void)
{
	struct membox b;

	if (!membox_open(&b, 4 * MEM_2M, KVMC_MEM_THP) || membox_walk(&b, 0, b.pages, 1, 1))
		return KTAP_SKIP;
	if (membox_leaves(&b, 0, 4, 0))
		return KTAP_FAIL;
	if (mprotect(b.mem + 7 * MEM_PAGE, MEM_PAGE, PROT_READ) ||
	    membox_walk(&b, 0, b.pages, 1, 0) || membox_leaves(&b, 512, 3, 0))
		return ktap_fail("one page protected");
	if (mprotect(b.mem + 7 * MEM_PAGE, MEM_PAGE, PROT_READ | PROT_WRITE) ||
	    madvise(b.mem + MEM_2M, MEM_PAGE, MADV_DONTNEED) ||
	    membox_walk(&b, 0, b.pages, 1, 1) || membox_leaves(&b, 1024, 2, 0))
		return ktap_fail("one page discarded");
	if (madvise(b.mem, 4 * MEM_2M, MADV_COLLAPSE))
		return ktap_skip("MADV_COLLAPSE: %s", strerror(errno));
	if (membox_walk(&b, 0, b.pages, 1, 1))
		return KTAP_FAIL;
	return membox_leaves(&b, 0, 4, 0) ? ktap_fail("after MADV_COLLAPSE") : KTAP_PASS;
}

/* --- dirty log -------------------------------------------------------------------- */

static int exact_log(enum kvmc_backing backing, int before)
{
	struct membox b;
	unsigned long i;
	int round;

	if (!membox_open(&b, 4 * MEM_2M, backing))
		return KTAP_SKIP;
	if (before && membox_walk(&b, 0, b.pages, 1, 1))
		return KTAP_FAIL;
	if (membox_log(&b, KVM_MEM_LOG_DIRTY_PAGES) || membox_check_log(&b, "at first"))
		return KTAP_FAIL;
	for (round = 0; round < 3; round++) {
		/* Reads leave no trace, each third write does. */
		if (membox_walk(&b, 0, b.pages, 1, 0) ||
		    membox_walk(&b, round, b.pages, 3, 1))
			return KTAP_FAIL;
		for (i = round; i < b.pages; i += 3)
			membox_want(&b, i);
		if (membox_check_log(&b, "each third page") ||
		    membox_check_log(&b, "asked again"))
			return KTAP_FAIL;
	}
	return membox_check_memory(&b);
}

static int test_log_small(void)
{
	return exact_log(KVMC_MEM_SMALL, 0);
}

static int test_log_small_mapped(void)
{
	return exact_log(KVMC_MEM_SMALL, 1);
}

static int test_log_thp(void)
{
	return exact_log(KVMC_MEM_THP, 1);
}

static int test_log_hugetlb(void)
{
	return exact_log(KVMC_MEM_HUGETLB, 1);
}

/* Far more pages than the processor's log has entries, and whether it was that log. */
static int test_log_full(void)
{
	uint64_t full = 0, faults;
	struct membox b;
	unsigned long i;

	if (!membox_open(&b, 4 * MEM_2M, KVMC_MEM_SMALL) || membox_walk(&b, 0, b.pages, 1, 1) ||
	    membox_log(&b, KVM_MEM_LOG_DIRTY_PAGES))
		return KTAP_FAIL;
	faults = membox_stat(&b, b.vcpu.fd, "pf_taken", 0);
	if (membox_walk(&b, 0, b.pages, 1, 1))
		return KTAP_FAIL;
	for (i = 0; i < b.pages; i++)
		membox_want(&b, i);
	if (membox_check_log(&b, "all pages"))
		return KTAP_FAIL;
	if (scene_is_peer())
		return KTAP_PASS;
	faults = membox_stat(&b, b.vcpu.fd, "pf_taken", 0) - faults;
	full = membox_stat(&b, b.vcpu.fd, "exits_by_reason", 62);
	printf("# %llu faults, log full %llu times\n", (unsigned long long)faults,
	       (unsigned long long)full);
	if (!membox_parameter("pml") || !membox_parameter("eptad"))
		return full || faults < b.pages ? ktap_fail("without the processor's log") : KTAP_PASS;
	return full < 3 || faults > 16 ? ktap_fail("not by the processor's log") : KTAP_PASS;
}

/* As large as before, once nobody logs. */
static int leaves_come_back(enum kvmc_backing backing)
{
	struct membox b;

	if (!membox_open(&b, 4 * MEM_2M, backing))
		return KTAP_SKIP;
	if (membox_walk(&b, 0, b.pages, 1, 1) || membox_leaves(&b, 0, 4, 0) ||
	    membox_log(&b, KVM_MEM_LOG_DIRTY_PAGES) || membox_walk(&b, 0, b.pages, 1, 1) ||
	    membox_leaves(&b, b.pages, 0, 0) || membox_log(&b, 0) ||
	    membox_walk(&b, 0, b.pages, 1, 1) || membox_leaves(&b, 0, 4, 0))
		return KTAP_FAIL;
	return membox_check_memory(&b);
}

static int test_back_thp(void)
{
	return leaves_come_back(KVMC_MEM_THP);
}

static int test_back_hugetlb(void)
{
	return leaves_come_back(KVMC_MEM_HUGETLB);
}

/* --- manual clear ---------------------------------------------------------------- */

static int test_manual_flags(void)
{
	struct membox b;
	int caps;

	membox_open(&b, MEM_2M, KVMC_MEM_SMALL);
	caps = ioctl(b.vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2);
	if (caps != 3)
		return ktap_fail("the capability is %d", caps);
	if (membox_manual(&b, 2) != -EINVAL || membox_manual(&b, 4) != -EINVAL ||
	    membox_manual(&b, 5) != -EINVAL || membox_manual(&b, ~0ull) != -EINVAL)
		return ktap_fail("flags that there are not, or not alone, are taken");
	if (membox_manual(&b, 1) || membox_manual(&b, 3) || membox_manual(&b, 0))
		return ktap_fail("good flags are not taken");
	return KTAP_PASS;
}

/* Without the capability too: it is a call like any other. */
static int test_manual_errors(void)
{
	static const struct {
		uint32_t slot;
		uint64_t first;
		uint32_t pages;
		int want;
	} cases[] = {
		{ 1, 0, 1000, 0 }, { 1, 0, 64, 0 }, { 1, 960, 40, 0 }, { 1, 64, 0, 0 },
		{ 1, 1, 64, -EINVAL }, { 1, 0, 63, -EINVAL }, { 1, 0, 1001, -EINVAL },
		{ 1, 0, 1024, -EINVAL }, { 1, 960, 64, -EINVAL }, { 1, 960, 39, -EINVAL },
		{ 1, 1024, 0, -EINVAL }, { 1, ~63ull, 64, -EINVAL }, { 1, 0, ~0u, -EINVAL },
		{ 0, 0, 64, -ENOENT }, { 2, 0, 64, -ENOENT }, { 0x20001, 0, 64, -EINVAL },
		{ 32764, 0, 64, -EINVAL }, { 0xffff, 0, 64, -EINVAL }, { 2, 1, 64, -EINVAL },
	};
	unsigned long bits[1024 / 64] = { 0 };
	struct membox b;
	unsigned int i;
	int got;

	membox_open(&b, 1000 * MEM_PAGE, KVMC_MEM_SMALL);
	if (membox_clear(&b, 1, 0, 64, bits) != -ENOENT)
		return ktap_fail("no ENOENT without a log");
	if (membox_log(&b, KVM_MEM_LOG_DIRTY_PAGES))
		return KTAP_FAIL;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		got = membox_clear(&b, cases[i].slot, cases[i].first, cases[i].pages, bits);
		if (got != cases[i].want)
			return ktap_fail("slot %#x, %u pages from %llu: %d", cases[i].slot,
					 cases[i].pages, (unsigned long long)cases[i].first, got);
	}
	if (membox_clear(&b, 1, 0, 1000, (void *)8) != -EFAULT)
		return ktap_fail("no EFAULT");
	return KTAP_PASS;
}

/* What is cleared is logged anew, what is not stays set, though nobody wrote it. */
static int test_manual_clear(void)
{
	unsigned long bits[1024 / 64] = { 0 };
	struct membox b;
	unsigned long i;

	membox_open(&b, 1024 * MEM_PAGE, KVMC_MEM_SMALL);
	if (membox_manual(&b, 1) || membox_log(&b, KVM_MEM_LOG_DIRTY_PAGES) ||
	    membox_walk(&b, 0, 300, 1, 1))
		return KTAP_FAIL;
	for (i = 0; i < 300; i++)
		membox_want(&b, i);
	b.keep = 1;
	if (membox_check_log(&b, "first") || membox_check_log(&b, "as it was: asking takes nothing"))
		return KTAP_FAIL;
	/* One word of them; in another one, a single page and pages not written. */
	bits[0] = 0xff00ff00ff00ff00;
	bits[3] = 0x10;
	if (membox_clear(&b, 1, 64, 256, bits))
		return ktap_fail("KVM_CLEAR_DIRTY_LOG: %s", strerror(errno));
	for (i = 0; i < 64; i++)
		if (bits[0] >> i & 1)
			membox_want_not(&b, 64 + i);
	membox_want_not(&b, 64 + 3 * 64 + 4);
	if (membox_check_log(&b, "cleared"))
		return KTAP_FAIL;
	if (membox_walk(&b, 64 + 8, 64 + 12, 1, 1) || membox_walk(&b, 1000, 1001, 1, 1))
		return KTAP_FAIL;
	for (i = 8; i < 12; i++)
		membox_want(&b, 64 + i);
	membox_want(&b, 1000);
	return membox_check_log(&b, "written after they were cleared") ? KTAP_FAIL :
		membox_check_memory(&b);
}

/* All bits are set at first, nothing is protected; a large page is split where it is cleared. */
static int test_initially_set(void)
{
	unsigned long bits[MEM_2M / MEM_PAGE / 64];
	struct membox b;
	unsigned long i;

	if (!membox_open(&b, 4 * MEM_2M, KVMC_MEM_THP) || membox_walk(&b, 0, b.pages, 1, 1) ||
	    membox_leaves(&b, 0, 4, 0))
		return KTAP_SKIP;
	if (membox_manual(&b, 3) || membox_log(&b, KVM_MEM_LOG_DIRTY_PAGES))
		return KTAP_FAIL;
	for (i = 0; i < b.pages; i++)
		membox_want(&b, i);
	b.keep = 1;
	if (membox_check_log(&b, "all are set") || membox_walk(&b, 0, b.pages, 1, 1) ||
	    membox_leaves(&b, 0, 4, 0))
		return ktap_fail("leaves are split too early");
	/* The second large page, but for its last 64 pages. */
	memset(bits, 0xff, sizeof(bits));
	if (membox_clear(&b, 1, 512, 448, bits))
		return ktap_fail("KVM_CLEAR_DIRTY_LOG: %s", strerror(errno));
	for (i = 512; i < 960; i++)
		membox_want_not(&b, i);
	if (membox_walk(&b, 512, 960, 1, 0) || membox_check_log(&b, "cleared") ||
	    membox_walk(&b, 600, 700, 2, 1))
		return KTAP_FAIL;
	for (i = 600; i < 700; i += 2)
		membox_want(&b, i);
	if (membox_check_log(&b, "written since") || membox_leaves_at_least(&b, 1, 3))
		return KTAP_FAIL;
	if (membox_log(&b, 0) || membox_walk(&b, 0, b.pages, 1, 1) || membox_leaves(&b, 0, 4, 0))
		return KTAP_FAIL;
	return membox_check_memory(&b);
}

/* A slot that is made with its log on has them set too. */
static int test_initially_set_new(void)
{
	struct membox b;
	unsigned long i;

	membox_open(&b, 200 * MEM_PAGE, KVMC_MEM_SMALL);
	if (membox_manual(&b, 3) || membox_slot(&b, 0, NULL, 0, 0) ||
	    membox_slot(&b, MEM_GPA, b.mem, 100 * MEM_PAGE, KVM_MEM_LOG_DIRTY_PAGES))
		return KTAP_FAIL;
	for (i = 0; i < 100; i++)
		membox_want(&b, i);
	return membox_check_log(&b, "a new slot");
}

/* The log moves along with its slot. */
static int test_log_moves(void)
{
	struct membox b;
	unsigned long i;

	membox_open(&b, 512 * MEM_PAGE, KVMC_MEM_SMALL);
	if (membox_log(&b, KVM_MEM_LOG_DIRTY_PAGES) || membox_walk(&b, 10, 20, 1, 1) ||
	    membox_slot(&b, MEM_GPA + MEM_2M, b.mem, 512 * MEM_PAGE, KVM_MEM_LOG_DIRTY_PAGES) ||
	    membox_walk(&b, 30, 40, 1, 1))
		return KTAP_FAIL;
	for (i = 10; i < 20; i++)
		membox_want(&b, i);
	for (i = 30; i < 40; i++)
		membox_want(&b, i);
	return membox_check_log(&b, "moved");
}

/* Two slots, one log: the other one's writes are nobody's business. */
static int test_two_slots(void)
{
	struct membox b;
	unsigned long i;

	membox_open(&b, 1024 * MEM_PAGE, KVMC_MEM_SMALL);
	if (membox_slot(&b, MEM_GPA, b.mem, 512 * MEM_PAGE, KVM_MEM_LOG_DIRTY_PAGES) ||
	    kvmc_slot_set(&b.vm, 2, MEM_GPA + 512 * MEM_PAGE, b.mem + 512 * MEM_PAGE,
			  512 * MEM_PAGE, 0))
		return KTAP_FAIL;
	b.pages = 1024;
	if (membox_walk(&b, 500, 530, 1, 1))
		return KTAP_FAIL;
	b.pages = 512;
	for (i = 500; i < 512; i++)
		membox_want(&b, i);
	return membox_check_log(&b, "beside another slot");
}

static const struct ktap_test tests[] = {
	{ "pages: one leaf for each hugetlb page of 2 MiB", test_hugetlb },
	{ "pages: one leaf for each transparent huge page", test_thp },
	{ "pages: small ones are mapped one by one", test_small },
	{ "pages: small leaves where slot and memory are not aligned alike", test_crooked },
	{ "pages: small leaves at the borders of a slot", test_borders },
	{ "pages: 1 GiB: one leaf, split for the dirty log, and back", test_gigantic },
	{ "pages: split with the host's page, large again after MADV_COLLAPSE", test_collapse },
	{ "dirty log: exact, small pages", test_log_small },
	{ "dirty log: exact, small pages mapped before", test_log_small_mapped },
	{ "dirty log: exact, transparent huge pages", test_log_thp },
	{ "dirty log: exact, hugetlb", test_log_hugetlb },
	{ "dirty log: more pages than the processor's log has room for", test_log_full },
	{ "dirty log: transparent huge pages are large again after it", test_back_thp },
	{ "dirty log: hugetlb pages are large again after it", test_back_hugetlb },
	{ "dirty log: goes along when its slot moves", test_log_moves },
	{ "dirty log: of one slot of two", test_two_slots },
	{ "manual clear: flags of the capability", test_manual_flags },
	{ "manual clear: each wrong request gets its errno", test_manual_errors },
	{ "manual clear: what is cleared is logged anew, the rest stays", test_manual_clear },
	{ "manual clear: initially set, large pages stay until cleared", test_initially_set },
	{ "manual clear: initially set in a new slot", test_initially_set_new },
	{ }
};

int main(int argc, char **argv)
{
	static const struct ktap_test *const lists[] = { tests, mem_host_tests, NULL };

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc == 3 && !strcmp(argv[1], "--big"))
		return mem_big(strtoul(argv[2], NULL, 0));
	printf("# device %s\n", kvmc_dev_path());
	return ktap_main(lists, argc > 1 ? argv[1] : NULL);
}
