// SPDX-License-Identifier: GPL-2.0
/*
 * gatetest WHAT: threads and vCPUs in combinations that no client of ours uses.
 *
 *   one-thread    one thread runs four vCPUs of two VMs in turn, changing both
 *                 at their exits and in the middle of their work
 *   hand-over     two threads take turns with one vCPU at each of its exits
 *   contend       two threads call KVM_RUN of one vCPU at the same time
 *   fpu SECONDS   a guest that uses all AVX registers in a thread that keeps
 *                 its own there, beside a thread that does the same
 *   hog CPU MS    SCHED_FIFO on that CPU for so long, then "done"
 *   affinity      the thread's mask is its own again when it has left the VM
 *   memory        fork, madvise, KSM and (when there is swap) page-out of a
 *                 guest's memory while it computes
 *
 * Each checks that what the guests computed is right. Status 0, 1 (says why), 2 usage,
 * 4 the processor lacks something.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "hash.h"
#include "kvmclient.h"

#define WORK_BYTES	(64u << 10)
#define HASH_LINES	25
#define HUGE		(2ul << 20)

/**
 * struct worker - a vCPU that computes, and what it must say
 * @vcpu: the vCPU
 * @serial: collects its lines
 * @expect: what the next line must carry
 * @name: its name
 * @lines: right lines so far
 * @wrong: a line was not right
 */
struct worker {
	struct kvmc_vcpu vcpu;
	struct kvmc_serial serial;
	struct hash_state expect;
	char name[8];
	unsigned int lines;
	int wrong;
};

static volatile struct kvm_run *signal_run;

static int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	return 1;
}

static void on_alarm(int sig)
{
	(void)sig;
	if (signal_run)
		signal_run->immediate_exit = 1;
}

/* A signal every @us microseconds, none with 0. */
static void ticks(unsigned int us)
{
	struct itimerval t = { { 0, us }, { 0, us } };
	struct sigaction act = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
}

static int on_line(void *ctx, char *text)
{
	struct worker *w = ctx;

	hash_rounds(&w->expect, 1);
	w->lines++;
	if (!hash_line_matches(text, w->name, w->lines, w->expect.hash)) {
		w->wrong = 1;
		return fail("%s, line %u is wrong: %s", w->name, w->lines, text);
	}
	return 0;
}

static int worker_start(struct worker *w, struct kvmc_vm *vm, int id, int number)
{
	int ret = kvmc_vcpu_create(&w->vcpu, vm, id);

	if (!ret)
		ret = kvmc_vcpu_payload(&w->vcpu);
	if (ret)
		return ret;
	w->lines = 0;
	w->wrong = 0;
	w->serial = (struct kvmc_serial){ .line = on_line, .ctx = w };
	snprintf(w->name, sizeof(w->name), "w%d", number);
	*w->vcpu.params = (struct guest_params) {
		.op = GOP_HASH,
		.base = GUEST_WORK_GPA + id * WORK_BYTES,
		.bytes = WORK_BYTES,
		.rounds = 1,
		.seed = 1000 + number,
	};
	strcpy(w->vcpu.params->name, w->name);
	hash_start(&w->expect, 1000 + number, WORK_BYTES);
	return 0;
}

/* One KVM_RUN and what follows from it; 0, or not when the guest is wrong. */
static int worker_step(struct worker *w)
{
	struct kvm_run *run = w->vcpu.run;
	int ret = kvmc_run(&w->vcpu);

	if (ret == -EINTR) {
		run->immediate_exit = 0;
		return 0;
	}
	if (ret != KVM_EXIT_IO || run->io.port != PORT_SERIAL)
		return fail("%s: exit %d, port %#x", w->name, ret,
			    ret == KVM_EXIT_IO ? run->io.port : 0);
	kvmc_serial_out(&w->serial, (uint8_t *)run + run->io.data_offset,
			run->io.size * run->io.count);
	return w->wrong;
}

static int open_vm(struct kvmc_vm *vm)
{
	int dev = kvmc_dev_open(NULL);
	int ret = dev < 0 ? dev : kvmc_vm_create(vm, dev, GUEST_LOW_BYTES + HUGE,
						 KVMC_MEM_SMALL);

	if (ret)
		fail("no VM: %s", strerror(-ret));
	return ret;
}

static int one_thread(void)
{
	struct worker w[4];
	struct kvmc_vm vm[2];
	unsigned int i, done, turns = 0;

	for (i = 0; i < 4; i++)
		if ((!(i & 1) && open_vm(&vm[i / 2])) ||
		    worker_start(&w[i], &vm[i / 2], i & 1, i))
			return fail("cannot start vCPU %u", i);
	ticks(3000);
	do {
		for (i = done = 0; i < 4; i++) {
			signal_run = w[i].vcpu.run;
			if (worker_step(&w[i]))
				return 1;
			done += w[i].lines >= HASH_LINES;
		}
		turns++;
	} while (done < 4);
	ticks(0);
	printf("turns=%u lines=%u,%u,%u,%u\n", turns, w[0].lines, w[1].lines,
	       w[2].lines, w[3].lines);
	return 0;
}

/* --- two threads, one vCPU --------------------------------------------------- */

static pthread_mutex_t turn_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turn_changed = PTHREAD_COND_INITIALIZER;
static int turn, stop;

struct party {
	struct worker *w;
	int me;
	unsigned int steps;
	int ret;
};

static void *take_turns(void *arg)
{
	struct party *p = arg;

	pthread_mutex_lock(&turn_lock);
	while (!stop) {
		while (turn != p->me && !stop)
			pthread_cond_wait(&turn_changed, &turn_lock);
		if (stop)
			break;
		p->steps++;
		p->ret = worker_step(p->w);
		if (p->ret || p->w->lines >= HASH_LINES)
			stop = 1;
		turn = !p->me;
		pthread_cond_broadcast(&turn_changed);
	}
	pthread_mutex_unlock(&turn_lock);
	return NULL;
}

static int hand_over(void)
{
	struct worker w;
	struct kvmc_vm vm;
	struct party p[2] = { { &w, 0, 0, 0 }, { &w, 1, 0, 0 } };
	pthread_t t[2];
	int i;

	if (open_vm(&vm) || worker_start(&w, &vm, 0, 7))
		return fail("cannot start");
	for (i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, take_turns, &p[i]))
			return fail("no thread");
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	printf("lines=%u steps=%u,%u\n", w.lines, p[0].steps, p[1].steps);
	return p[0].ret || p[1].ret || w.lines < HASH_LINES || !p[0].steps || !p[1].steps;
}

#define CONTEND_RUNS	1000u

static void *contend_run(void *arg)
{
	struct party *p = arg;

	while (p->steps < CONTEND_RUNS && !p->ret) {
		int ret = ioctl(p->w->vcpu.fd, KVM_RUN, 0) ? -errno : 0;

		if (!ret)
			p->steps++;
		else if (ret != -EINTR)
			p->ret = ret;
	}
	return NULL;
}

/*
 * Every KVM_RUN that succeeds is exactly one OUT of the guest, whoever called
 * it: after 2 x CONTEND_RUNS of them the next exit is the one behind the loop.
 */
static int contend(void)
{
	struct worker w;
	struct kvmc_vm vm;
	struct party p[2] = { { &w, 0, 0, 0 }, { &w, 1, 0, 0 } };
	pthread_t t[2];
	int i, ret;

	if (open_vm(&vm) || worker_start(&w, &vm, 0, 8))
		return fail("cannot start");
	*w.vcpu.params = (struct guest_params) {
		.op = GOP_PIO_OUT, .count = 2 * CONTEND_RUNS,
		.results = GUEST_WORK_GPA };
	for (i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, contend_run, &p[i]))
			return fail("no thread");
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	if (p[0].ret || p[1].ret)
		return fail("KVM_RUN gave %d, %d", p[0].ret, p[1].ret);
	ret = kvmc_run(&w.vcpu);
	if (ret != KVM_EXIT_IO || w.vcpu.run->io.port != PORT_DONE)
		return fail("after %u exits: exit %d, port %#x", 2 * CONTEND_RUNS, ret,
			    w.vcpu.run->io.port);
	printf("runs=%u,%u\n", p[0].steps, p[1].steps);
	return 0;
}

/* --- AVX registers ------------------------------------------------------------- */

#define ALL_YMM(op) \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) \
	op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD(n)		"vmovdqu 32*" #n "(%%rsi), %%ymm" #n "\n\t"
#define STORE(n)	"vmovdqu %%ymm" #n ", 32*" #n "(%%rdi)\n\t"
#define YMM_BYTES	512
#define YMM_CLOBBERS \
	"xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", \
	"xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15"

extern const uint8_t avx_guest_start[], avx_guest_end[];

/*
 * The guest: enables AVX, then for ever writes a new pattern into each half of
 * the registers, leaves by CPUID, looks whether it is still there, and sends
 * one byte to PORT_TEST every 64 rounds; a byte to PORT_FAULT when it is not.
 */
#define G_SET(n)	"vbroadcastss 0x21000, %ymm" #n "\n"
#define G_CHECK(n) \
	"vmovdqu %ymm" #n ", 0x21040\n" \
	"cmpl %r12d, 0x21040\njne 9f\ncmpl %r12d, 0x2105c\njne 9f\n"
asm(	".pushsection .rodata\n"
	".globl avx_guest_start\n.globl avx_guest_end\n"
	"avx_guest_start:\n"
	"mov %cr4, %rax\nor $0x40600, %rax\nmov %rax, %cr4\n"
	"mov %cr0, %rax\nand $-13, %rax\nor $2, %rax\nmov %rax, %cr0\n"
	"xor %ecx, %ecx\nxor %edx, %edx\nmov $7, %eax\nxsetbv\n"
	"mov $1, %r12d\n"
	"1: imul $1664525, %r12d, %r12d\nadd $1013904223, %r12d\n"
	"mov %r12d, 0x21000\n"
	ALL_YMM(G_SET)
	"xor %eax, %eax\ncpuid\n"
	ALL_YMM(G_CHECK)
	"inc %r13\ntest $63, %r13b\njnz 1b\n"
	"mov $0x510, %edx\nmov %r13b, %al\nout %al, %dx\n"
	"jmp 1b\n"
	"9: mov $0x502, %edx\nmov $1, %al\nout %al, %dx\nhlt\n"
	"avx_guest_end:\n"
	".popsection\n");

static int has_avx(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_AVX) && (c & bit_OSXSAVE);
}

/* Keep @want in all registers for a while, without a system call. */
static void keep_ymm(const uint8_t *want, uint8_t *got)
{
	long n = 20000;

	asm volatile(ALL_YMM(LOAD) "1: pause\n\tdec %[n]\n\tjnz 1b\n\t" ALL_YMM(STORE)
		     : [n] "+r"(n)
		     : "S"(want), "D"(got) : "memory", "cc", YMM_CLOBBERS);
}

static volatile int fpu_stop, fpu_wrong;
static volatile unsigned long fpu_rounds;

static void *fpu_beside(void *arg)
{
	uint8_t want[YMM_BYTES], got[YMM_BYTES];
	unsigned int i, n = 0;

	(void)arg;
	while (!fpu_stop) {
		n++;
		for (i = 0; i < YMM_BYTES; i++)
			want[i] = i * 7 + n;
		keep_ymm(want, got);
		if (memcmp(want, got, YMM_BYTES))
			fpu_wrong = 1;
		fpu_rounds++;
	}
	return NULL;
}

/* KVM_RUN with the second argument of ioctl() in RSI: the pattern must be elsewhere. */
static long run_with_ymm(int fd, const uint8_t *want, uint8_t *got)
{
	long ret, di = fd;

	asm volatile("movq %[want], %%rsi\n\t" ALL_YMM(LOAD)
		     "movq %[cmd], %%rsi\n\tsyscall\n\t"
		     "movq %[got], %%rdi\n\t" ALL_YMM(STORE)
		     : "=a"(ret), "+D"(di)
		     : "0"((long)SYS_ioctl), "d"(0l),
		       [want] "r"(want), [got] "r"(got), [cmd] "r"((long)KVM_RUN)
		     : "rsi", "rcx", "r11", "memory", "cc", YMM_CLOBBERS);
	return ret;
}

static int fpu(unsigned int seconds)
{
	uint8_t want[YMM_BYTES], got[YMM_BYTES];
	struct kvmc_vcpu v;
	struct kvmc_vm vm;
	unsigned int n = 0, i, outs = 0;
	time_t end = time(NULL) + seconds;
	pthread_t beside;
	long ret;

	if (!has_avx()) {
		printf("SKIP: no AVX here\n");
		return 4;
	}
	if (open_vm(&vm) || kvmc_vcpu_create(&v, &vm, 0) || kvmc_vcpu_payload(&v))
		return fail("cannot start");
	memcpy(vm.mem + 0x20000, avx_guest_start, avx_guest_end - avx_guest_start);
	if (kvmc_vcpu_mode(&v, KVMC_MODE_LONG64, 0x20000) ||
	    pthread_create(&beside, NULL, fpu_beside, NULL))
		return fail("cannot start");
	signal_run = v.run;
	ticks(1000);
	while (time(NULL) < end) {
		n++;
		for (i = 0; i < YMM_BYTES; i++)
			want[i] = i * 11 + n;
		ret = run_with_ymm(v.fd, want, got);
		if (memcmp(want, got, YMM_BYTES))
			return fail("the thread that ran the guest lost its AVX registers");
		v.run->immediate_exit = 0;
		if (ret == -EINTR)
			continue;
		if (ret || v.run->exit_reason != KVM_EXIT_IO || v.run->io.port != PORT_TEST)
			return fail("%ld, exit %u, port %#x: the guest lost its registers?", ret,
				    v.run->exit_reason, v.run->io.port);
		outs++;
	}
	ticks(0);
	fpu_stop = 1;
	pthread_join(beside, NULL);
	if (fpu_wrong)
		return fail("a thread beside the guest lost its AVX registers");
	printf("runs=%u outs=%u beside=%lu\n", n, outs, fpu_rounds);
	return outs < 3 || fpu_rounds < 3;
}

/* --- the host's own ways ---------------------------------------------------------- */

static int hog(int cpu, unsigned int ms)
{
	struct sched_param param = { .sched_priority = 50 };
	struct timespec now;
	uint64_t end;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) ||
	    sched_setscheduler(0, SCHED_FIFO, &param))
		return fail("no real-time hog: %s", strerror(errno));
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec * 1000ull + now.tv_nsec / 1000000 + ms;
	do {
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec * 1000ull + now.tv_nsec / 1000000 < end);
	printf("done\n");
	return 0;
}

static int mask_is(const cpu_set_t *want, const char *when)
{
	cpu_set_t now;

	CPU_ZERO(&now);
	if (sched_getaffinity(0, sizeof(now), &now))
		return fail("sched_getaffinity: %s", strerror(errno));
	return CPU_EQUAL(&now, want) ? 0 :
		fail("%s the thread may run on %d CPUs, not on %d", when, CPU_COUNT(&now),
		     CPU_COUNT(want));
}

/* The mask that the thread came with, and one that it gets meanwhile, are given back. */
static int affinity(void)
{
	cpu_set_t mask;
	struct worker w;
	struct kvmc_vm vm;
	unsigned int i;

	sched_getaffinity(0, sizeof(mask), &mask);
	if (open_vm(&vm) || worker_start(&w, &vm, 0, 5))
		return fail("cannot start");
	for (i = 0; i < 2; i++) {
		while (w.lines < HASH_LINES)
			if (worker_step(&w))
				return 1;
		kvmc_vcpu_destroy(&w.vcpu);
		kvmc_vm_destroy(&vm);
		if (mask_is(&mask, i ? "after its second VM" : "after its VM"))
			return 1;
		CPU_ZERO(&mask);
		CPU_SET(1, &mask);
		if (sched_setaffinity(0, sizeof(mask), &mask))
			return fail("sched_setaffinity: %s", strerror(errno));
		if (i || open_vm(&vm) || worker_start(&w, &vm, 0, 5))
			break;
	}
	return i != 1;
}

/* Kilobytes of this process that are in swap. */
static unsigned long in_swap(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long n = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmSwap: %lu", &n) == 1)
			break;
	if (f)
		fclose(f);
	return n;
}

/* What happens to a process's memory behind its back; @at rises from 0. */
static int disturb(struct worker *w, unsigned int at)
{
	uint8_t *mem = w->vcpu.vm->mem;
	size_t bytes = w->vcpu.vm->mem_bytes;
	pid_t pid;
	int status;

	switch (at % 4) {
	case 0:	/* copy on write: the child changes its copy, not the guest's */
		pid = fork();
		if (!pid) {
			memset(mem + GUEST_WORK_GPA, 0xee, WORK_BYTES);
			_exit(ioctl(w->vcpu.fd, KVM_RUN, 0) != -1 || errno != EIO);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			return fail("fork: %s", strerror(errno));
		return status ? fail("a forked child could run the vCPU") : 0;
	case 1:
		return madvise(mem, bytes, MADV_PAGEOUT) && errno != EINVAL ?
			fail("MADV_PAGEOUT: %s", strerror(errno)) : 0;
	case 2:	/* EINVAL: no KSM in this kernel */
		return madvise(mem, bytes, MADV_MERGEABLE) && errno != EINVAL ?
			fail("MADV_MERGEABLE: %s", strerror(errno)) : 0;
	default:
		madvise(mem, bytes, MADV_UNMERGEABLE);
		/* The page tables go, the pages stay: all must be faulted in again. */
		return madvise(mem, bytes, MADV_COLD) ? fail("MADV_COLD: %s", strerror(errno)) : 0;
	}
}

static int memory(void)
{
	struct worker w;
	struct kvmc_vm vm;
	unsigned long swapped = 0;
	unsigned int n = 0;

	if (open_vm(&vm) || worker_start(&w, &vm, 0, 9))
		return fail("cannot start");
	signal_run = w.vcpu.run;
	while (w.lines < 4 * HASH_LINES) {
		/* The tick ends computing in the middle; what follows it must not disturb. */
		ticks(2000);
		if (worker_step(&w))
			return 1;
		ticks(0);
		if (disturb(&w, n++))
			return 1;
		swapped += in_swap();
	}
	printf("lines=%u disturbances=%u\n", w.lines, n);
	printf("swapped=%lu\n", swapped);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "one-thread"))
		return one_thread();
	if (!strcmp(what, "hand-over"))
		return hand_over();
	if (!strcmp(what, "contend"))
		return contend();
	if (!strcmp(what, "fpu") && argc == 3)
		return fpu(atoi(argv[2]));
	if (!strcmp(what, "hog") && argc == 4)
		return hog(atoi(argv[2]), atoi(argv[3]));
	if (!strcmp(what, "affinity"))
		return affinity();
	if (!strcmp(what, "memory"))
		return memory();
	fprintf(stderr, "usage: gatetest one-thread|hand-over|contend|fpu SECONDS|"
		"hog CPU MS|affinity|memory\n");
	return 2;
}
