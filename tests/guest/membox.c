// SPDX-License-Identifier: GPL-2.0
/*
 * See membox.h. Single-threaded.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "membox.h"
#include "scene.h"

#define SLOT		1
#define TABLE		(GUEST_PD_GPA + MEM_GPA / MEM_1G * MEM_PAGE)	/* leads to the slot */
#define CODE		SCENE_CODE

#ifndef MAP_HUGE_1GB
#define MAP_HUGE_1GB	(30 << 26)
#endif

/* RDI: where, RSI: its end, R9: distance; RAX: the sum */
GUEST(mem_write, "1: incq (%rdi)\nadd %r9, %rdi\ncmp %rsi, %rdi\njb 1b\nout %al, $0x10\nhlt\n");
GUEST(mem_read, "1: add (%rdi), %rax\nadd %r9, %rdi\ncmp %rsi, %rdi\njb 1b\nout %al, $0x10\nhlt\n");

#define CODE_READ	(CODE + 0x100)

static void must(int ok, const char *what)
{
	if (ok)
		return;
	ktap_fail("%s: %s", what, strerror(errno));
	fflush(stdout);
	_exit(KTAP_FAIL);
}

/** membox_stat() - see membox.h; a counter that there is not ends the test */
uint64_t membox_stat(struct membox *b, int fd, const char *name, unsigned int n)
{
	static uint8_t buf[65536];
	struct kvm_stats_header *h = (void *)buf;
	int file = ioctl(fd, KVM_GET_STATS_FD, NULL);
	unsigned int i;

	(void)b;
	must(file >= 0 && pread(file, buf, sizeof(buf), 0) > 0, "statistics");
	close(file);
	for (i = 0; i < h->num_desc; i++) {
		struct kvm_stats_desc *d = (void *)(buf + h->desc_offset +
						    i * (sizeof(*d) + h->name_size));

		if (!strcmp(d->name, name) && n < d->size)
			return ((uint64_t *)(buf + h->data_offset + d->offset))[n];
	}
	must(0, name);
	return 0;
}

/** membox_parameter() - see membox.h */
int membox_parameter(const char *name)
{
	char path[128], c = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/module/vmm_core/parameters/%s", name);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, &c, 1) != 1)
		c = 'N';
	close(fd);
	return c == 'Y';
}

/* Bytes of transparent huge pages in the mapping that begins at @mem. */
static unsigned long huge_bytes(const void *mem)
{
	unsigned long start, found = 0, kib;
	char line[256];
	FILE *f = fopen("/proc/self/smaps", "r");
	int here = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (strchr(line, '-') && sscanf(line, "%lx-", &start) == 1)
			here = start == (uintptr_t)mem;
		if (here && sscanf(line, "AnonHugePages: %lu", &kib) == 1)
			found = kib << 10;
	}
	if (f)
		fclose(f);
	return found;
}

static uint8_t *get_memory(unsigned long bytes, enum kvmc_backing backing)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_HUGE_1GB;
	uint8_t *mem;

	if (backing == KVMC_MEM_GIGANTIC) {
		mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
		if (mem != MAP_FAILED)
			return mem;
		ktap_skip("no hugetlb page of 1 GiB");
		return NULL;
	}
	mem = kvmc_mem_alloc(bytes, backing);
	if (!mem) {
		ktap_skip("memory: %s", strerror(errno));
		return NULL;
	}
	if (backing != KVMC_MEM_THP)
		return mem;
	memset(mem, 0, bytes);
	if (huge_bytes(mem) == bytes)
		return mem;
	ktap_skip("only %lu of %lu bytes are in huge pages", huge_bytes(mem), bytes);
	return NULL;
}

static int run(struct membox *b, uint64_t rip, uint64_t from, uint64_t to, uint64_t step,
	       uint64_t *sum)
{
	struct kvm_regs regs = {
		.rip = rip, .rdi = from, .rsi = to, .r9 = step, .rflags = 2,
	};
	int ret;

	must(!ioctl(b->vcpu.fd, KVM_SET_REGS, &regs), "KVM_SET_REGS");
	do {
		ret = kvmc_run(&b->vcpu);
	} while (ret == -EINTR);
	if (ret != KVM_EXIT_IO || b->vcpu.run->io.port != 0x10)
		return ktap_fail("the guest ended with %d", ret);
	must(!ioctl(b->vcpu.fd, KVM_GET_REGS, &regs), "KVM_GET_REGS");
	*sum = regs.rax;
	return 0;
}

/* Code and all page tables are mapped. */
static void warm_up(struct membox *b)
{
	uint64_t sum;

	must(!run(b, CODE_READ, TABLE, TABLE + 1, MEM_PAGE, &sum), "a first run");
}

/** membox_open() - see membox.h */
int membox_open(struct membox *b, unsigned long bytes, enum kvmc_backing backing)
{
	return membox_open_at(b, MEM_GPA, bytes, backing);
}

/** membox_open_at() - the same with the slot elsewhere than at MEM_GPA, between 1 and 2 GiB */
int membox_open_at(struct membox *b, uint64_t gpa, unsigned long bytes, enum kvmc_backing backing)
{
	int dev = kvmc_dev_open(NULL);

	memset(b, 0, sizeof(*b));
	b->bytes = bytes;
	b->mem = get_memory(bytes, backing);
	if (!b->mem)
		return 0;
	must(dev >= 0 && !kvmc_vm_create(&b->vm, dev, GUEST_LOW_BYTES, KVMC_MEM_SMALL) &&
	     !kvmc_vcpu_create(&b->vcpu, &b->vm, 0) && !kvmc_vcpu_cpuid(&b->vcpu) &&
	     !kvmc_vcpu_mode(&b->vcpu, KVMC_MODE_LONG64, CODE), "a VM");
	memcpy(b->vm.mem + CODE, mem_write_start, mem_write_end - mem_write_start);
	memcpy(b->vm.mem + CODE_READ, mem_read_start, mem_read_end - mem_read_start);
	b->writes = calloc(bytes / MEM_PAGE, sizeof(*b->writes));
	b->want = calloc(bytes / MEM_PAGE / 64 + 1, sizeof(*b->want));
	must(b->writes && b->want, "memory");
	warm_up(b);
	b->base = membox_stat(b, b->vm.fd, "pages_4k", 0);
	must(!membox_slot(b, gpa, b->mem, bytes, 0), "a slot");
	return 1;
}

/** membox_slot() - see membox.h */
int membox_slot(struct membox *b, uint64_t gpa, uint8_t *mem, unsigned long bytes, uint32_t flags)
{
	int ret;

	/* Another size is only to be had anew; another address is a move. */
	if (b->pages && bytes != b->pages * MEM_PAGE)
		kvmc_slot_set(&b->vm, SLOT, b->gpa, NULL, 0, 0);
	b->pages = bytes / MEM_PAGE;
	b->gpa = gpa;
	if (!bytes)
		return 0;
	ret = kvmc_slot_set(&b->vm, SLOT, gpa, mem, bytes, flags);
	b->mem = mem;
	return ret ? ktap_fail("slot: %s", strerror(-ret)) : 0;
}

/** membox_log() - see membox.h */
int membox_log(struct membox *b, uint32_t flags)
{
	return membox_slot(b, b->gpa, b->mem, b->pages * MEM_PAGE, flags);
}

/** membox_walk() - see membox.h */
int membox_walk(struct membox *b, unsigned long first, unsigned long last, unsigned long step,
		int write)
{
	uint64_t sum, right = 0;
	unsigned long i;

	if (run(b, write ? CODE : CODE_READ, b->gpa + first * MEM_PAGE, b->gpa + last * MEM_PAGE,
		step * MEM_PAGE, &sum))
		return KTAP_FAIL;
	for (i = first; i < last; i += step) {
		if (write)
			b->writes[i]++;
		right += b->writes[i];
	}
	if (!write && sum != right)
		return ktap_fail("the guest has read %llu, not %llu", (unsigned long long)sum,
				 (unsigned long long)right);
	return 0;
}

/** membox_leaves() - see membox.h */
int membox_leaves(struct membox *b, unsigned long small, unsigned long large,
		  unsigned long gigantic)
{
	unsigned long got[3];

	warm_up(b);
	got[0] = membox_stat(b, b->vm.fd, "pages_4k", 0) - b->base;
	got[1] = membox_stat(b, b->vm.fd, "pages_2m", 0);
	got[2] = membox_stat(b, b->vm.fd, "pages_1g", 0);
	if (got[0] == small && got[1] == large && got[2] == gigantic)
		return 0;
	return ktap_fail("leaves: %lu small, %lu of 2 MiB, %lu of 1 GiB, not %lu, %lu, %lu", got[0],
			 got[1], got[2], small, large, gigantic);
}

/** membox_leaves_at_least() - see membox.h */
int membox_leaves_at_least(struct membox *b, unsigned long small, unsigned long large)
{
	unsigned long got[2];

	warm_up(b);
	got[0] = membox_stat(b, b->vm.fd, "pages_4k", 0) - b->base;
	got[1] = membox_stat(b, b->vm.fd, "pages_2m", 0);
	if (got[0] >= small && got[1] >= large)
		return 0;
	return ktap_fail("leaves: %lu small, %lu of 2 MiB, not %lu, %lu", got[0], got[1], small,
			 large);
}

/** membox_want() - see membox.h */
void membox_want(struct membox *b, unsigned long page)
{
	b->want[page / 64] |= 1ul << (page % 64);
}

/** membox_want_not() - see membox.h */
void membox_want_not(struct membox *b, unsigned long page)
{
	b->want[page / 64] &= ~(1ul << (page % 64));
}

/** membox_check_log() - see membox.h */
int membox_check_log(struct membox *b, const char *when)
{
	unsigned long words = (b->pages + 63) / 64, missing = 0, extra = 0, i, first = 0;
	unsigned long *bits = calloc(words, sizeof(*bits));
	struct kvm_dirty_log log = { .slot = SLOT, .dirty_bitmap = bits };

	must(bits && !ioctl(b->vm.fd, KVM_GET_DIRTY_LOG, &log), "KVM_GET_DIRTY_LOG");
	for (i = 0; i < words; i++) {
		if (bits[i] != b->want[i] && !missing && !extra)
			first = i * 64 + __builtin_ctzl(bits[i] ^ b->want[i]);
		missing += __builtin_popcountl(b->want[i] & ~bits[i]);
		extra += __builtin_popcountl(bits[i] & ~b->want[i]);
	}
	free(bits);
	if (!b->keep)
		memset(b->want, 0, words * sizeof(*b->want));
	if (!missing && !extra)
		return 0;
	return ktap_fail("dirty log, %s: %lu pages are missing, %lu were not written (page %lu)",
			 when, missing, extra, first);
}

/** membox_clear() - see membox.h */
int membox_clear(struct membox *b, uint32_t slot, uint64_t first, uint32_t pages, void *bits)
{
	struct kvm_clear_dirty_log log = {
		.slot = slot, .first_page = first, .num_pages = pages, .dirty_bitmap = bits,
	};

	return ioctl(b->vm.fd, KVM_CLEAR_DIRTY_LOG, &log) ? -errno : 0;
}

/** membox_manual() - see membox.h */
int membox_manual(struct membox *b, uint64_t flags)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, .args = { flags },
	};

	return ioctl(b->vm.fd, KVM_ENABLE_CAP, &cap) ? -errno : 0;
}

/** membox_check_memory() - see membox.h */
int membox_check_memory(struct membox *b)
{
	unsigned long i;

	for (i = 0; i < b->pages; i++) {
		uint64_t is = *(uint64_t *)(b->mem + i * MEM_PAGE);

		if (is != b->writes[i])
			return ktap_fail("page %lu holds %llu, not %u", i, (unsigned long long)is,
					 b->writes[i]);
	}
	return 0;
}
