// SPDX-License-Identifier: GPL-2.0
/*
 * What the host does to a guest's memory on its own: it looks which pages are
 * idle, merges equal ones, swaps them out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "membox.h"

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY), ret;

	if (fd < 0)
		return -1;
	ret = write(fd, text, strlen(text)) < 0;
	close(fd);
	return ret;
}

static unsigned long read_number(const char *path)
{
	unsigned long n = 0;
	FILE *f = fopen(path, "r");

	if (!f || fscanf(f, "%lu", &n) != 1)
		n = 0;
	if (f)
		fclose(f);
	return n;
}

/* --- ageing --------------------------------------------------------------------- */

#define AGED_PAGES	2048ul
#define PAGEMAP_PFN	((1ull << 55) - 1)

static int idle_fd;

static uint64_t pfn_of(int pagemap, const uint8_t *at)
{
	uint64_t entry = 0;

	if (pread(pagemap, &entry, 8, (uintptr_t)at / MEM_PAGE * 8) != 8)
		return 0;
	return entry & PAGEMAP_PFN;
}

static int is_idle(uint64_t pfn)
{
	uint64_t word = 0;

	return pread(idle_fd, &word, 8, pfn / 64 * 8) == 8 && (word >> (pfn % 64) & 1);
}

static void make_idle(uint64_t pfn)
{
	uint64_t word = 1ull << (pfn % 64);

	if (pwrite(idle_fd, &word, 8, pfn / 64 * 8) != 8)
		ktap_fail("page_idle: %s", strerror(errno));
}

/*
 * The guest touches half of the pages that were marked. Pages are marked and
 * looked at one by one, each look clears what it finds. A few may be on no list
 * of the host's yet, or still in the processor's cache of translations.
 */
static int idle_pages(int write)
{
	unsigned long i, idle = 0, busy = 0, half = AGED_PAGES / 2;
	static uint64_t pfn[AGED_PAGES];
	struct membox b;
	int pagemap;

	idle_fd = open("/sys/kernel/mm/page_idle/bitmap", O_RDWR);
	pagemap = open("/proc/self/pagemap", O_RDONLY);
	if (idle_fd < 0 || pagemap < 0)
		return ktap_skip("no idle page tracking");
	if (!membox_open(&b, AGED_PAGES * MEM_PAGE, KVMC_MEM_SMALL) ||
	    membox_walk(&b, 0, AGED_PAGES, 1, 1))
		return KTAP_FAIL;
	write_text("/proc/sys/vm/compact_memory", "1");
	if (membox_walk(&b, 0, AGED_PAGES, 1, 1))
		return KTAP_FAIL;
	for (i = 0; i < AGED_PAGES; i++) {
		pfn[i] = pfn_of(pagemap, b.mem + i * MEM_PAGE);
		if (!pfn[i])
			return ktap_fail("page %lu is nowhere", i);
		make_idle(pfn[i]);
	}
	if (membox_walk(&b, half, AGED_PAGES, 1, write))
		return KTAP_FAIL;
	for (i = 0; i < half; i++) {
		idle += is_idle(pfn[i]);
		busy += !is_idle(pfn[half + i]);
	}
	printf("# of %lu pages each: %lu not touched are idle, %lu touched are not\n", half, idle,
	       busy);
	if (idle < half * 9 / 10 || busy < half * 9 / 10)
		return ktap_fail("idle pages and touched ones are not told apart");
	return membox_check_memory(&b);
}

static int test_idle_read(void)
{
	return idle_pages(0);
}

static int test_idle_write(void)
{
	return idle_pages(1);
}

/* --- merging ------------------------------------------------------------------------ */

#define KSM		"/sys/kernel/mm/ksm/"
#define MERGED_PAGES	512ul

static int wait_for_sharing(unsigned long at_least, struct membox *reader)
{
	int i;

	for (i = 0; i < 400; i++) {
		if (read_number(KSM "pages_sharing") >= at_least)
			return 0;
		if (membox_walk(reader, 0, MERGED_PAGES, 1, 0))
			return KTAP_FAIL;
		usleep(20000);
	}
	return ktap_fail("%lu pages are shared, not %lu", read_number(KSM "pages_sharing"), at_least);
}

static int merge(struct membox *a, struct membox *b)
{
	if (membox_walk(a, 0, MERGED_PAGES, 1, 1) || membox_walk(b, 0, MERGED_PAGES, 1, 1))
		return KTAP_FAIL;
	if (madvise(a->mem, a->bytes, MADV_MERGEABLE) || madvise(b->mem, b->bytes, MADV_MERGEABLE))
		return ktap_fail("MADV_MERGEABLE: %s", strerror(errno));
	/* All of them are the same page, but for the sharing limit. */
	if (wait_for_sharing(2 * MERGED_PAGES * 9 / 10, a))
		return KTAP_FAIL;
	if (membox_walk(a, 0, MERGED_PAGES, 1, 0) || membox_walk(b, 0, MERGED_PAGES, 1, 0))
		return KTAP_FAIL;
	/* One of them writes each third page: its own copy from now on. */
	if (membox_walk(a, 0, MERGED_PAGES, 3, 1) || membox_check_memory(a) ||
	    membox_check_memory(b) || membox_walk(b, 0, MERGED_PAGES, 1, 0) ||
	    membox_walk(a, 0, MERGED_PAGES, 1, 0))
		return KTAP_FAIL;
	if (madvise(a->mem, a->bytes, MADV_UNMERGEABLE) ||
	    madvise(b->mem, b->bytes, MADV_UNMERGEABLE))
		return ktap_fail("MADV_UNMERGEABLE: %s", strerror(errno));
	if (membox_walk(a, 0, MERGED_PAGES, 1, 1) || membox_walk(b, 1, MERGED_PAGES, 2, 1))
		return KTAP_FAIL;
	return membox_check_memory(a) || membox_check_memory(b) ? KTAP_FAIL : KTAP_PASS;
}

static int test_merge(void)
{
	struct membox a, b;
	int ret;

	if (write_text(KSM "pages_to_scan", "5000") || write_text(KSM "sleep_millisecs", "5") ||
	    write_text(KSM "run", "1"))
		return ktap_skip("no KSM");
	membox_open(&a, MERGED_PAGES * MEM_PAGE, KVMC_MEM_SMALL);
	membox_open(&b, MERGED_PAGES * MEM_PAGE, KVMC_MEM_SMALL);
	ret = merge(&a, &b);
	write_text(KSM "run", "2");
	write_text(KSM "run", "0");
	return ret;
}

/* --- swap ------------------------------------------------------------------------- */

/* Pages of this process that are in swap. */
static unsigned long in_swap(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmSwap: %lu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib / 4;
}

/** mem_big() - a guest that walks through @mib MiB twice; for machines with less */
int mem_big(unsigned long mib)
{
	unsigned long most = 0;
	struct rusage usage;
	struct membox b;
	int round;

	if (!membox_open(&b, mib << 20, KVMC_MEM_SMALL))
		return KTAP_FAIL;
	for (round = 0; round < 2; round++) {
		if (membox_walk(&b, 0, b.pages, 1, 1) || membox_walk(&b, 0, b.pages, 1, 0))
			return KTAP_FAIL;
		if (in_swap() > most)
			most = in_swap();
	}
	if (membox_check_memory(&b))
		return KTAP_FAIL;
	getrusage(RUSAGE_SELF, &usage);
	printf("# %lu pages, up to %lu in swap, %ld read back\n", b.pages, most, usage.ru_majflt);
	return most && usage.ru_majflt ? KTAP_PASS : ktap_fail("nothing was swapped");
}

const struct ktap_test mem_host_tests[] = {
	{ "idle pages: those that the guest reads are not", test_idle_read },
	{ "idle pages: those that the guest writes are not", test_idle_write },
	{ "KSM: equal pages of two guests are one, until written", test_merge },
	{ }
};
