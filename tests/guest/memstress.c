// SPDX-License-Identifier: GPL-2.0
/*
 * memstress CHANGES [small|thp|memfd [SEED]] - memory that moves under two vCPUs
 *
 * Each vCPU walks through half of the memory. A page holds a number and its
 * complement: the guest checks them, adds one, goes on. Meanwhile pages are
 * swapped out, unmapped, merged, collapsed, forked, protected, moved away and
 * back; the slot is deleted, made anew, and its dirty log switched on and off,
 * cleared by itself when it is asked or by hand. At the end, and whenever the vCPUs pause, what is there is checked:
 * a stale translation or a lost page shows as a wrong pair, a write that was not
 * logged as a difference to a copy.
 *
 * Threads: one per vCPU, the main one does the changes. A vCPU that finds its
 * memory away for the moment gets EFAULT and tries again.
 * Status 0; 1 says what was wrong; 2 usage. $VMM_DEV: the device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kvmclient.h"

#define PAGE		4096ul
#define HUGE		(2ul << 20)
#define BYTES		(4 * HUGE)
#define DATA		HUGE		/* tables and code are below it */
#define CODE		0x20000
#define VCPUS		2
#define PAGES		(BYTES / PAGE)
#define PORT_PASS	0x10
#define PORT_WRONG	0x11

/* Names that the C library may not have yet. */
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

extern const uint8_t walk_start[], walk_end[];

/* RDI: start, RSI: end, R9: page size */
asm("	.pushsection .rodata\n"
	"walk_start: mov %rdi, %rax\n"
	"1: mov (%rax), %rcx\nmov 8(%rax), %rdx\nnot %rdx\ncmp %rcx, %rdx\njne 2f\n"
	"inc %rcx\nmov %rcx, (%rax)\nnot %rcx\nmov %rcx, 8(%rax)\n"
	"add %r9, %rax\ncmp %rsi, %rax\njb 1b\n"
	"out %al, $0x10\njmp walk_start\n"
	"2: out %al, $0x11\nhlt\n"
	"walk_end:\n.popsection\n");

static struct kvmc_vm vm;
static struct kvmc_vcpu vcpus[VCPUS];
static enum kvmc_backing backing;
static volatile int stop, pausing, failed;
static int paused;
static long passes;
static uint64_t rnd_state = 1;

/* the dirty log: on, what it said since the copy was taken */
static int logging, manual;
static unsigned long bitmap[PAGES / 64], logged[PAGES / 64];
static uint8_t *copy;
static unsigned long log_checks, dirty_pages, moves, clears;
static unsigned long swapped, shared;	/* pages, the most that were seen */

static void wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	failed = 1;
}

static unsigned int rnd(void)
{
	rnd_state = rnd_state * 6364136223846793005ull + 1442695040888963407ull;
	return rnd_state >> 33;
}

static void *run_vcpu(void *arg)
{
	struct kvmc_vcpu *v = arg;
	struct kvm_regs regs;
	int ret;

	while (!stop && !failed) {
		if (pausing) {
			__atomic_add_fetch(&paused, 1, __ATOMIC_SEQ_CST);
			while (pausing)
				usleep(500);
			__atomic_sub_fetch(&paused, 1, __ATOMIC_SEQ_CST);
		}
		ret = kvmc_run(v);
		if (ret == -EFAULT)
			usleep(500);
		if (ret == -EFAULT || ret == -EINTR)
			continue;
		if (ret == KVM_EXIT_IO && v->run->io.port == PORT_PASS) {
			__atomic_add_fetch(&passes, 1, __ATOMIC_RELAXED);
			continue;
		}
		ioctl(v->fd, KVM_GET_REGS, &regs);
		wrong("vCPU %d: exit %d, port %#x, page %#llx holds %#llx and not %#llx", v->id,
		      ret, v->run->io.port, regs.rax, regs.rcx, regs.rdx);
	}
	return NULL;
}

static void pause_all(void)
{
	pausing = 1;
	while (__atomic_load_n(&paused, __ATOMIC_SEQ_CST) < VCPUS && !failed)
		usleep(500);
}

static void resume_all(void)
{
	pausing = 0;
	while (__atomic_load_n(&paused, __ATOMIC_SEQ_CST))
		usleep(500);
}

/* The number behind @name in a file of /proc or /sys, or 0. */
static unsigned long number_in(const char *path, const char *name)
{
	FILE *f = fopen(path, "r");
	unsigned long n = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, name, strlen(name))) {
			n = strtoul(line + strlen(name), NULL, 10);
			break;
		}
	}
	if (f)
		fclose(f);
	return n;
}

static void look_around(void)
{
	unsigned long now = number_in("/proc/self/status", "VmSwap:") / 4;

	if (now > swapped)
		swapped = now;
	now = number_in("/sys/kernel/mm/ksm/pages_sharing", "");
	if (now > shared)
		shared = now;
}

/* --- the changes -------------------------------------------------------------------- */

static void advise(uint8_t *mem, size_t len, int advice)
{
	/* Not every kernel knows each, and not all memory can be had so. */
	madvise(mem, len, advice);
}

static void do_fork(uint8_t *mem, size_t len)
{
	size_t at;
	pid_t pid = fork();

	if (!pid) {
		/* its copy, not the guest's */
		for (at = 0; backing != KVMC_MEM_MEMFD && at < len; at += PAGE)
			mem[at] ^= 0xff;
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		wrong("fork: %s", strerror(errno));
}

static void do_protect(uint8_t *mem, size_t len)
{
	if (mprotect(mem, len, PROT_READ) || mprotect(mem, len, PROT_READ | PROT_WRITE))
		wrong("mprotect: %s", strerror(errno));
}

static void do_move(uint8_t *mem, size_t len)
{
	uint8_t *away = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (away == MAP_FAILED) {
		wrong("mmap: %s", strerror(errno));
		return;
	}
	if (mremap(mem, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, away) == MAP_FAILED) {
		/* Not of one piece, as part of it is mergeable. */
		if (errno != EFAULT)
			wrong("mremap: %s", strerror(errno));
		munmap(away, len);
		return;
	}
	moves++;
	usleep(500);
	if (mremap(away, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, mem) == MAP_FAILED)
		wrong("mremap back: %s", strerror(errno));
}

/* All that @bitmap says, in pieces of any size. */
static void clear_log(void)
{
	unsigned long at, n;

	for (at = 0; at < PAGES; at += n) {
		struct kvm_clear_dirty_log log = { .slot = 0, .first_page = at };

		n = (1 + rnd() % (PAGES / 64)) * 64;
		if (n > PAGES - at)
			n = PAGES - at;
		log.num_pages = n;
		log.dirty_bitmap = bitmap + at / 64;
		if (ioctl(vm.fd, KVM_CLEAR_DIRTY_LOG, &log))
			wrong("KVM_CLEAR_DIRTY_LOG: %s", strerror(errno));
		clears++;
	}
}

static void fetch_log(void)
{
	struct kvm_dirty_log log = { .slot = 0, .dirty_bitmap = bitmap };
	unsigned int i;

	if (!logging)
		return;
	if (ioctl(vm.fd, KVM_GET_DIRTY_LOG, &log))
		wrong("KVM_GET_DIRTY_LOG: %s", strerror(errno));
	for (i = 0; i < PAGES / 64; i++)
		logged[i] |= bitmap[i];
	if (manual)
		clear_log();
}

/* Nobody logs at the moment: another way to clear. */
static void choose_clearing(void)
{
	static const int ways[] = { 0, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE,
		KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE | KVM_DIRTY_LOG_INITIALLY_SET };
	struct kvm_enable_cap cap = { .cap = KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 };

	manual = ways[rnd() % 3];
	cap.args[0] = manual;
	if (ioctl(vm.fd, KVM_ENABLE_CAP, &cap))
		wrong("manual clear: %s", strerror(errno));
}

/* The vCPUs pause: every page that differs from the copy must have been logged. */
static void check_log(void)
{
	unsigned long i;

	fetch_log();
	for (i = 0; i < PAGES; i++) {
		if (!memcmp(copy + i * PAGE, vm.mem + i * PAGE, PAGE))
			continue;
		dirty_pages++;
		if (!(logged[i / 64] >> (i % 64) & 1)) {
			wrong("page %#lx was written and is not in the log", i);
			return;
		}
	}
	log_checks++;
}

static void change_log(void)
{
	pause_all();
	if (logging)
		check_log();
	if (rnd() & 1) {
		if (!logging)
			choose_clearing();
		logging = !logging;
		if (kvmc_slot_set(&vm, 0, 0, vm.mem, BYTES, logging ? KVM_MEM_LOG_DIRTY_PAGES : 0))
			wrong("slot flags: %s", strerror(errno));
	}
	if (logging) {
		fetch_log();
		memset(logged, 0, sizeof(logged));
		memcpy(copy, vm.mem, BYTES);
	}
	resume_all();
}

static void make_slot_anew(void)
{
	pause_all();
	if (kvmc_slot_set(&vm, 0, 0, vm.mem, 0, 0) || kvmc_slot_set(&vm, 0, 0, vm.mem, BYTES, 0))
		wrong("the slot cannot be made anew: %s", strerror(errno));
	logging = 0;
	resume_all();
}

static void change(void)
{
	size_t at = rnd() % PAGES * PAGE, len = (1 + rnd() % 300) * PAGE;
	uint8_t *mem = vm.mem + at;

	if (len > BYTES - at)
		len = BYTES - at;
	switch (rnd() % 11) {
	case 0:
		advise(mem, len, MADV_PAGEOUT);
		look_around();
		break;
	case 1:
		advise(mem, len, MADV_COLD);
		break;
	case 2:
		do_fork(mem, len);
		break;
	case 3:
		advise(mem, len, MADV_MERGEABLE);
		break;
	case 4:
		advise(mem, len, MADV_UNMERGEABLE);
		break;
	case 5:
		advise(vm.mem, BYTES, MADV_COLLAPSE);
		break;
	case 6:
		do_protect(mem, len);
		break;
	case 7:
		do_move(mem, len);
		break;
	case 8:
		fetch_log();
		break;
	case 9:
		change_log();
		break;
	default:
		make_slot_anew();
		break;
	}
}

static int start(void)
{
	int dev = kvmc_dev_open(NULL), ret, i;
	unsigned long at;

	ret = dev < 0 ? dev : kvmc_vm_create(&vm, dev, BYTES, backing);
	if (ret)
		return ret;
	memcpy(vm.mem + CODE, walk_start, walk_end - walk_start);
	for (at = DATA; at < BYTES; at += PAGE)
		((uint64_t *)(vm.mem + at))[1] = ~0ull;
	for (i = 0; i < VCPUS; i++) {
		struct kvm_regs regs;

		ret = kvmc_vcpu_create(&vcpus[i], &vm, i);
		if (!ret)
			ret = kvmc_vcpu_cpuid(&vcpus[i]);
		if (!ret)
			ret = kvmc_vcpu_mode(&vcpus[i], KVMC_MODE_LONG64, CODE);
		if (ret || ioctl(vcpus[i].fd, KVM_GET_REGS, &regs))
			return ret ? ret : -errno;
		regs.rdi = DATA + i * (BYTES - DATA) / VCPUS;
		regs.rsi = DATA + (i + 1) * (BYTES - DATA) / VCPUS;
		regs.r9 = PAGE;
		if (ioctl(vcpus[i].fd, KVM_SET_REGS, &regs))
			return -errno;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "small", "thp", "", "memfd" };
	pthread_t threads[VCPUS];
	unsigned long n, count, at;
	int i, ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	count = argc > 1 ? strtoul(argv[1], NULL, 0) : 0;
	for (i = 0; argc > 2 && i < 4 && strcmp(argv[2], names[i]); i++)
		;
	if (!count || argc > 4 || i == 4) {
		fprintf(stderr, "usage: memstress CHANGES [small|thp|memfd [SEED]]\n");
		return 2;
	}
	backing = i;
	rnd_state = argc > 3 ? strtoul(argv[3], NULL, 0) : 1;
	copy = malloc(BYTES);
	ret = start();
	if (ret) {
		printf("no VM: %s\n", strerror(-ret));
		return 1;
	}
	for (i = 0; i < VCPUS; i++)
		if (pthread_create(&threads[i], NULL, run_vcpu, &vcpus[i]))
			return 1;
	for (n = 0; n < count && !failed; n++) {
		change();
		usleep(rnd() % 300);
	}
	stop = 1;
	for (i = 0; i < VCPUS; i++)
		pthread_join(threads[i], NULL);
	for (at = DATA; at < BYTES && !failed; at += PAGE) {
		uint64_t *pair = (uint64_t *)(vm.mem + at);

		if (pair[0] != ~pair[1])
			wrong("at the end page %#lx is wrong", at / PAGE);
	}
	printf("changes=%lu passes=%ld moves=%lu log_checks=%lu dirty_pages=%lu clears=%lu "
	       "swapped=%lu shared=%lu\n", n, passes, moves, log_checks, dirty_pages, clears,
	       swapped, shared);
	return failed || passes < 10;
}
