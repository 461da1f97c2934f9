// SPDX-License-Identifier: GPL-2.0
/*
 * The host's state around guests: segments, MSRs, extended control registers,
 * debug registers. The AVX registers have a test of their own (gatetest fpu).
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "scene.h"

int run_msr_guests(unsigned int rounds);

static int on_cpu(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set);
}

GUEST(rounds, "1: out %al, $0xe3\ncpuid\njmp 1b\n");

/* --- segments ------------------------------------------------------------------- */

#define USER_DS		0x2b

struct selectors {
	uint16_t ds, es, fs, gs;
};

/*
 * KVM_RUN with these selectors; @got: those after it. There is no library call,
 * not even a stack protector, while FS is not the library's.
 */
static long run_with(int fd, const struct selectors *set, struct selectors *got)
{
	unsigned long fs_base;
	long ret, di = fd;

	if (syscall(SYS_arch_prctl, ARCH_GET_FS, &fs_base))
		return -errno;
	asm volatile("movw 0(%[set]), %%ds\n\tmovw 2(%[set]), %%es\n\t"
		     "movw 4(%[set]), %%fs\n\tmovw 6(%[set]), %%gs\n\t"
		     /* long enough for a timer interrupt in some of the rounds */
		     "movl $200000, %%ecx\n1:\tdecl %%ecx\n\tjnz 1b\n\t"
		     "syscall\n\t"
		     "movw %%ds, 0(%[got])\n\tmovw %%es, 2(%[got])\n\t"
		     "movw %%fs, 4(%[got])\n\tmovw %%gs, 6(%[got])\n\t"
		     "movq %%rax, %%r12\n\t"
		     "xorl %%eax, %%eax\n\tmovw %%ax, %%fs\n\tmovw %%ax, %%gs\n\t"
		     "movw %%ax, %%ds\n\tmovw %%ax, %%es\n\t"
		     "movl $158, %%eax\n\tmovl $0x1002, %%edi\n\tmovq %[base], %%rsi\n\t"
		     "syscall\n\tmovq %%r12, %%rax"
		     : "=a"(ret), "+D"(di)
		     : "0"((long)SYS_ioctl), "S"((long)KVM_RUN), "d"(0l), [set] "r"(set),
		       [got] "r"(got), [base] "r"(fs_base)
		     : "rcx", "r11", "r12", "memory", "cc");
	return ret;
}

/*
 * The same, as far as a program can tell: IRET to an outer level clears what cannot be
 * used there, the RPL of a null selector with it (SDM volume 2, IRET).
 */
static int same_selector(uint16_t a, uint16_t b)
{
	return a == b || (a <= 3 && b <= 3);
}

static int same_selectors(const struct selectors *a, const struct selectors *b)
{
	return same_selector(a->ds, b->ds) && same_selector(a->es, b->es) &&
	       same_selector(a->fs, b->fs) && same_selector(a->gs, b->gs);
}

static int keeps(struct scene *s, const struct selectors *set)
{
	struct selectors got;
	long ret;
	int i;

	for (i = 0; i < 20; i++) {
		ret = run_with(s->vcpu.fd, set, &got);
		if (ret || s->vcpu.run->exit_reason != KVM_EXIT_IO)
			return ktap_fail("KVM_RUN: %ld, exit %u", ret, s->vcpu.run->exit_reason);
		if (!same_selectors(&got, set))
			return ktap_fail("DS ES FS GS were %#x %#x %#x %#x, are %#x %#x %#x %#x",
					 set->ds, set->es, set->fs, set->gs, got.ds, got.es,
					 got.fs, got.gs);
	}
	return KTAP_PASS;
}

static int test_selectors(void)
{
	static const struct selectors sets[] = {
		{ USER_DS, USER_DS, USER_DS, USER_DS }, { USER_DS, 0, 0, 0 },
		{ 0, USER_DS, 0, 0 }, { 0, 0, USER_DS, 0 }, { 0, 0, 0, USER_DS },
		{ 3, 3, 3, 3 }, { 0, 0, 0, 0 },
	};
	unsigned int i;
	struct scene s;

	scene_open(&s, rounds);
	for (i = 0; i < sizeof(sets) / sizeof(sets[0]); i++)
		if (keeps(&s, &sets[i]))
			return KTAP_FAIL;
	return KTAP_PASS;
}

static uint64_t gs_word(void)
{
	uint64_t word;

	asm volatile("movq %%gs:0, %0" : "=r"(word));
	return word;
}

/* A base that belongs to no selector. */
static int test_gs_base(void)
{
	static uint64_t mine = 0x1122334455667788ull;
	struct scene s;
	int i;

	scene_open(&s, rounds);
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, &mine))
		return ktap_fail("arch_prctl: %s", strerror(errno));
	for (i = 0; i < 100; i++) {
		if (kvmc_run(&s.vcpu) != KVM_EXIT_IO)
			return ktap_fail("exit %u", s.vcpu.run->exit_reason);
		if (gs_word() != mine)
			return ktap_fail("round %d: GS is elsewhere", i);
		if (i % 10 == 0)
			usleep(1000);
	}
	return KTAP_PASS;
}

static int test_ldt(void)
{
	static uint64_t mine = 0x99aabbccddeeff00ull;
	struct user_desc d = { .entry_number = 1, .limit = 0xfff, .seg_32bit = 1, .useable = 1 };
	const struct selectors set = { 0, 0, 0, 1 << 3 | 7 };
	struct scene s;
	void *low;

	low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		return ktap_skip("no memory below 2 GiB");
	memcpy(low, &mine, sizeof(mine));
	d.base_addr = (uintptr_t)low;
	if (syscall(SYS_modify_ldt, 1, &d, sizeof(d)))
		return ktap_skip("modify_ldt: %s", strerror(errno));
	scene_open(&s, rounds);
	if (keeps(&s, &set))
		return KTAP_FAIL;
	/* The LDT itself is loaded: a selector of it can be loaded anew. */
	asm volatile("movw %w0, %%gs" : : "r"(set.gs));
	return gs_word() == mine ? KTAP_PASS : ktap_fail("the LDT's segment is elsewhere");
}

/* --- MSRs ------------------------------------------------------------------------- */

static const uint32_t host_msrs[] = {
	0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000103,
	0x174, 0x175, 0x176, 0x277, 0x1d9, 0xda0, 0x48,
};

/* places in the list */
#define SYSENTER_CS	6
#define SYSENTER_ESP	7

#define MSRS	(sizeof(host_msrs) / sizeof(host_msrs[0]))

static int read_msrs(int fd, uint64_t *v)
{
	unsigned int i, n = 0;

	for (i = 0; i < MSRS; i++) {
		v[i] = ~0ull;
		n += pread(fd, &v[i], 8, host_msrs[i]) == 8;
	}
	return n;
}

static int test_msrs(void)
{
	uint64_t before[MSRS], after[MSRS];
	unsigned int i;
	int fd, n;

	if (on_cpu(0))
		return ktap_fail("sched_setaffinity: %s", strerror(errno));
	fd = open("/dev/cpu/0/msr", O_RDONLY);
	if (fd >= 0 && read_msrs(fd, before) < 6)
		return ktap_fail("MSRs cannot be read");
	/* A guest that ran before may have done harm already. */
	if (fd >= 0 && before[SYSENTER_CS] && !before[SYSENTER_ESP])
		return ktap_fail("the host has SYSENTER, but no stack for it");
	if (run_msr_guests(200))
		return KTAP_FAIL;
	if (fd < 0)
		return ktap_skip("/dev/cpu/0/msr: %s; the guests' own were right", strerror(errno));
	n = read_msrs(fd, after);
	for (i = 0; i < MSRS; i++)
		if (before[i] != after[i])
			return ktap_fail("MSR %#x was %#llx, is %#llx", host_msrs[i],
					 (unsigned long long)before[i],
					 (unsigned long long)after[i]);
	printf("# %d MSRs compared\n", n);
	return KTAP_PASS;
}

/* --- XCR0 and PKRU ------------------------------------------------------------------ */

/* The guest keeps fewer components on than the host; and its own PKRU, when it may. */
GUEST(xcr,
	"mov %cr4, %rax\nor $0x40600, %rax\nmov %rax, %cr4\n"
	"xor %ecx, %ecx\nxor %edx, %edx\nmov $3, %eax\nxsetbv\n"
	"test %rbx, %rbx\njz 1f\n"
	"mov %cr4, %rax\nor $0x400000, %rax\nmov %rax, %cr4\n"
	"xor %ecx, %ecx\nxor %edx, %edx\nmov %ebx, %eax\nwrpkru\n"
	"1: out %al, $0xe3\n"
	"xor %ecx, %ecx\nxgetbv\ncmp $3, %eax\n jne 9f\n"
	"test %rbx, %rbx\njz 1b\n"
	"xor %ecx, %ecx\nrdpkru\ncmp %ebx, %eax\nje 1b\n"
	"9: out %al, $0xe4\n");

static uint64_t xgetbv0(void)
{
	uint32_t lo, hi;

	asm volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo | (uint64_t)hi << 32;
}

static uint32_t read_pkru(void)
{
	uint32_t pkru;

	asm volatile("rdpkru" : "=a"(pkru) : "c"(0) : "edx");
	return pkru;
}

static void write_pkru(uint32_t pkru)
{
	asm volatile("wrpkru" : : "a"(pkru), "c"(0), "d"(0) : "memory");
}

static int xcr_rounds(uint32_t guest_pkru, uint32_t host_pkru)
{
	uint64_t xcr0 = xgetbv0();
	struct kvm_regs regs;
	struct scene s;
	int i, ret;

	scene_open(&s, xcr);
	scene_get_regs(&s, &regs);
	regs.rbx = guest_pkru;
	SCENE_DO(&s, KVM_SET_REGS, &regs);
	for (i = 0; i < 100; i++) {
		ret = kvmc_run(&s.vcpu);
		if (ret != KVM_EXIT_IO || s.vcpu.run->io.port != 0xe3)
			return ktap_fail("round %d: %d, the guest lost its own", i, ret);
		if (xgetbv0() != xcr0)
			return ktap_fail("the host's XCR0 is %#llx", (unsigned long long)xgetbv0());
		if (guest_pkru && read_pkru() != host_pkru)
			return ktap_fail("the host's PKRU is %#x", read_pkru());
	}
	return KTAP_PASS;
}

static int test_xcr0(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return ktap_skip("no XSAVE here");
	return xcr_rounds(0, 0);
}

static int test_pkru(void)
{
	unsigned int a, b, c, d;

	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(c & bit_OSPKE))
		return ktap_skip("this kernel or processor has no protection keys");
	write_pkru(0x55555550);
	return xcr_rounds(0x33333330, 0x55555550);
}

/* --- debug registers: a perf breakpoint of the host's ---------------------------------- */

/* The guest uses the same registers for itself, on an address that it does touch. */
GUEST(drs,
	"mov $0x38010, %edi\nmov %rdi, %dr0\nmov %rdi, %dr1\nmov %rdi, %dr2\nmov %rdi, %dr3\n"
	"mov $0x00d0040a, %eax\nmov %rax, %dr7\n"
	"1: mov %eax, (%rdi)\ncpuid\nout %al, $0xe3\njmp 1b\n");

static volatile uint32_t watched;

static int watch(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_W,
		.bp_addr = (uintptr_t)&watched,
		.bp_len = HW_BREAKPOINT_LEN_4,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

#define WATCH_ROUNDS	50

static int test_host_breakpoint(void)
{
	int fd = watch(), i, j, ret;
	uint64_t count;
	struct scene s;

	if (fd < 0)
		return ktap_skip("perf_event_open: %s", strerror(errno));
	scene_open(&s, drs);
	for (i = 0; i < WATCH_ROUNDS; i++) {
		/* its handler's exit, then its own */
		for (j = 0; j < 2; j++) {
			ret = kvmc_run(&s.vcpu);
			if (ret != KVM_EXIT_IO)
				return ktap_fail("round %d: %d", i, ret);
		}
		watched = i;
	}
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return ktap_fail("read: %s", strerror(errno));
	if (count != WATCH_ROUNDS)
		return ktap_fail("the host's breakpoint was hit %llu times, not %d",
				 (unsigned long long)count, WATCH_ROUNDS);
	/* One log entry each: the guest's own traps came, and no others. */
	if (scene_events(&s) != WATCH_ROUNDS || scene_event(&s, 0)->vector != 1)
		return ktap_fail("the guest took %llu traps", (unsigned long long)scene_events(&s));
	return KTAP_PASS;
}

/* A breakpoint of the host's on the guest's own address: not the guest's business. */
static int test_host_breakpoint_alone(void)
{
	int fd = watch(), i;
	uint64_t count;
	struct scene s;

	if (fd < 0)
		return ktap_skip("perf_event_open: %s", strerror(errno));
	scene_open(&s, rounds);
	for (i = 0; i < WATCH_ROUNDS; i++) {
		if (kvmc_run(&s.vcpu) != KVM_EXIT_IO)
			return ktap_fail("exit %u", s.vcpu.run->exit_reason);
		watched = i;
	}
	if (read(fd, &count, sizeof(count)) != sizeof(count) || count != WATCH_ROUNDS)
		return ktap_fail("%llu hits", (unsigned long long)count);
	return scene_events(&s) ? ktap_fail("the guest took a trap") : KTAP_PASS;
}

const struct ktap_test host_tests[] = {
	{ "host: DS, ES, FS, GS selectors", test_selectors },
	{ "host: GS base", test_gs_base },
	{ "host: LDT", test_ldt },
	{ "host and guests: system call MSRs, TSC_AUX, KERNEL_GS_BASE, SYSENTER, PAT", test_msrs },
	{ "host and guest: XCR0", test_xcr0 },
	{ "host and guest: PKRU", test_pkru },
	{ "host: perf breakpoint beside a guest that has four", test_host_breakpoint },
	{ "host: perf breakpoint beside a guest that has none", test_host_breakpoint_alone },
	{ }
};
