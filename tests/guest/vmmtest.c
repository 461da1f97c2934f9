// SPDX-License-Identifier: GPL-2.0
/*
 * vmmtest - small guests, each for one thing that the KVM ABI promises
 *
 * KTAP on standard output, at the end "N passed, N failed, N skipped". Each test
 * runs in a process of its own with a time limit, so that one which hangs or
 * dies does not take the others along.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hash.h"
#include "ktap.h"
#include "kvmclient.h"

#define WORK_BYTES	(64u << 10)
#define HOLE_SLOT	1
#define HOLE_GPA	0x40000000ull
#define HUGE		(2ul << 20)

/**
 * struct box - one VM with one or two vCPUs and what its guest said
 * @vm: the machine
 * @vcpu: its vCPUs
 * @serial: collects lines
 * @lines: lines seen
 * @last: the last of them
 * @outs: OUTs to PORT_TEST
 * @out_value: value of the last one
 * @mmio_writes: MMIO writes seen
 * @mmio_gpa: address of the last access
 * @mmio_len: its length
 * @halts: HLT exits
 * @fault: vector of the exception that the guest took, or -1
 */
struct box {
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu[2];
	struct kvmc_serial serial;
	unsigned int lines;
	char last[KVMC_LINE_MAX];
	unsigned int outs;
	uint32_t out_value;
	unsigned int mmio_writes;
	uint64_t mmio_gpa;
	int mmio_len;
	unsigned int halts;
	int fault;
};

static int on_line(void *ctx, char *text)
{
	struct box *b = ctx;

	strcpy(b->last, text);
	b->lines++;
	return 0;
}

static int on_out(void *ctx, uint16_t port, const uint8_t *data, int size,
		  uint32_t count)
{
	struct box *b = ctx;

	switch (port) {
	case PORT_SERIAL:
		return kvmc_serial_out(&b->serial, data, size * count);
	case PORT_DONE:
		return 1;
	case PORT_FAULT:
		b->fault = data[0];
		return 1;
	case PORT_TEST:
		b->outs++;
		b->out_value = 0;
		memcpy(&b->out_value, data, size);
		break;
	}
	return 0;
}

static int on_in(void *ctx, uint16_t port, uint8_t *data, int size,
		 uint32_t count)
{
	uint32_t i;

	(void)ctx;
	(void)port;
	for (i = 0; i < size * count; i++)
		data[i] = 0xa0 + i;
	return 0;
}

static int on_mmio(void *ctx, uint64_t gpa, uint8_t *data, int len, int write)
{
	struct box *b = ctx;

	b->mmio_gpa = gpa;
	b->mmio_len = len;
	b->mmio_writes += write;
	if (write)
		memcpy(&b->out_value, data, len < 4 ? len : 4);
	else
		memset(data, 0x5a, len);
	return 0;
}

static int on_hlt(void *ctx, int enabled)
{
	struct box *b = ctx;

	b->halts++;
	return enabled ? kvmc_interrupt(&b->vcpu[0], GUEST_IRQ_VECTOR) : 1;
}

static const struct kvmc_ops box_ops = { on_out, on_in, on_mmio, on_hlt };

static int box_open(struct box *b, enum kvmc_backing backing, int vcpus)
{
	int dev = kvmc_dev_open(NULL), i, ret;

	memset(b, 0, sizeof(*b));
	b->fault = -1;
	b->serial.line = on_line;
	b->serial.ctx = b;
	ret = dev < 0 ? dev : kvmc_vm_create(&b->vm, dev, GUEST_LOW_BYTES +
					     HUGE, backing);
	for (i = 0; !ret && i < vcpus; i++)
		ret = kvmc_vcpu_create(&b->vcpu[i], &b->vm, i);
	return ret;
}

/* Start the 64-bit program on a new VM and serve it until it ends. */
static int box_do(struct box *b, enum kvmc_backing backing,
		  struct guest_params p)
{
	int ret = box_open(b, backing, 1);

	p.results = GUEST_WORK_GPA + HUGE - 0x10000;
	if (!ret)
		ret = kvmc_vcpu_payload(&b->vcpu[0]);
	if (ret)
		return ret;
	*b->vcpu[0].params = p;
	return kvmc_serve(&b->vcpu[0], &box_ops, b);
}

static int small_mode(enum kvmc_mode mode, const uint8_t *start,
		      const uint8_t *end, const char *says)
{
	struct box b;
	int ret = box_open(&b, KVMC_MEM_SMALL, 1);

	if (ret)
		return ktap_fail("no VM: %s", strerror(-ret));
	memcpy(b.vm.mem + 0x8000, start, end - start);
	ret = kvmc_vcpu_mode(&b.vcpu[0], mode, 0x8000);
	if (!ret)
		ret = kvmc_serve(&b.vcpu[0], &box_ops, &b);
	if (ret != 1 || strcmp(b.last, says))
		return ktap_fail("ended with %d, exit %u, said '%s'", ret,
			    b.vcpu[0].run->exit_reason, b.last);
	return KTAP_PASS;
}

static int test_real(void)
{
	return small_mode(KVMC_MODE_REAL, payload16_start, payload16_end,
			  "real 16");
}

static int test_prot32(void)
{
	return small_mode(KVMC_MODE_PROT32, payload32_start, payload32_end,
			  "prot 32");
}

/*
 * Three lines of a hash guest: all right, or, after one bit of its memory was
 * flipped behind its back, the last one wrong.
 */
static int hash_lines(enum kvmc_backing backing, int byte_io, int flip)
{
	struct hash_state h;
	struct guest_params p = {
		.op = GOP_SLEEPER, .base = GUEST_WORK_GPA, .bytes = WORK_BYTES,
		.seed = 77, .rounds = 1, .name = "t",
		.flags = byte_io ? GUEST_F_BYTE_IO : 0,
	};
	char want[64];
	struct box b;
	int ret, flipped = 0;

	ret = box_open(&b, backing, 1);
	if (ret == -ENOMEM && backing == KVMC_MEM_HUGETLB)
		return KTAP_SKIP;
	if (!ret)
		ret = kvmc_vcpu_payload(&b.vcpu[0]);
	if (ret)
		return ktap_fail("no VM: %s", strerror(-ret));
	*b.vcpu[0].params = p;
	hash_start(&h, p.seed, p.bytes);
	while (b.lines < 3) {
		ret = kvmc_run(&b.vcpu[0]);
		if (ret == KVM_EXIT_HLT)
			kvmc_interrupt(&b.vcpu[0], GUEST_IRQ_VECTOR);
		else if (ret == KVM_EXIT_IO)
			on_out(&b, b.vcpu[0].run->io.port,
			       (uint8_t *)b.vcpu[0].run +
			       b.vcpu[0].run->io.data_offset,
			       b.vcpu[0].run->io.size,
			       b.vcpu[0].run->io.count);
		if ((ret != KVM_EXIT_HLT && ret != KVM_EXIT_IO) || b.fault >= 0)
			return ktap_fail("exit %d, vector %d", ret, b.fault);
		if (flip && b.lines == 2) {
			b.vm.mem[GUEST_WORK_GPA + WORK_BYTES / 2] ^= 0x10;
			flip = 0;
			flipped = 1;
		}
	}
	hash_rounds(&h, 3);
	snprintf(want, sizeof(want), "t 3 %016llx", (unsigned long long)h.hash);
	if (flipped)
		return strcmp(want, b.last) ? KTAP_PASS : ktap_fail("nobody noticed");
	return strcmp(want, b.last) ? ktap_fail("want '%s', got '%s'", want, b.last) :
	       KTAP_PASS;
}

static int test_hash(void)
{
	return hash_lines(KVMC_MEM_SMALL, 0, 0);
}

static int test_hash_bytes(void)
{
	return hash_lines(KVMC_MEM_SMALL, 1, 0);
}

static int test_hash_flip(void)
{
	return hash_lines(KVMC_MEM_SMALL, 0, 1);
}

static int test_hash_thp(void)
{
	return hash_lines(KVMC_MEM_THP, 0, 0);
}

static int test_hash_hugetlb(void)
{
	return hash_lines(KVMC_MEM_HUGETLB, 0, 0);
}

static int test_hash_memfd(void)
{
	return hash_lines(KVMC_MEM_MEMFD, 0, 0);
}

static int test_pio(void)
{
	struct box b;
	int ret = box_do(&b, KVMC_MEM_SMALL, (struct guest_params){
			 .op = GOP_PIO_OUT, .count = 100 });

	if (ret != 1 || b.outs != 100 || b.out_value != 99)
		return ktap_fail("%d: %u OUTs, last %u", ret, b.outs, b.out_value);
	return KTAP_PASS;
}

static int test_string_in(void)
{
	struct box b;
	unsigned int i;
	int ret = box_do(&b, KVMC_MEM_SMALL, (struct guest_params){
			 .op = GOP_STRING_IN, .count = 64,
			 .base = GUEST_WORK_GPA });

	if (ret != 1)
		return ktap_fail("ended with %d, vector %d", ret, b.fault);
	/* The device may cut the string; each piece starts at 0xa0 again. */
	for (i = 0; i < 64; i++)
		if ((b.vm.mem[GUEST_WORK_GPA + i] & 0xe0) != 0xa0 &&
		    (b.vm.mem[GUEST_WORK_GPA + i] & 0xe0) != 0xc0)
			return ktap_fail("byte %u is %#x", i,
				    b.vm.mem[GUEST_WORK_GPA + i]);
	return KTAP_PASS;
}

static int test_mmio_write(void)
{
	struct box b;
	int ret = box_do(&b, KVMC_MEM_SMALL, (struct guest_params){
			 .op = GOP_MMIO_WRITE, .count = 50 });

	if (ret != 1 || b.mmio_writes != 50 || b.mmio_gpa != GUEST_MMIO_GPA ||
	    b.mmio_len != 4 || b.out_value != 49)
		return ktap_fail("%d: %u writes, last %u at %#llx", ret,
			    b.mmio_writes, b.out_value,
			    (unsigned long long)b.mmio_gpa);
	return KTAP_PASS;
}

static int test_mmio_read(void)
{
	struct box b;
	int ret = box_do(&b, KVMC_MEM_SMALL, (struct guest_params){
			 .op = GOP_MMIO_READ, .count = 1 });
	struct kvm_regs regs;

	if (ret != 1 || b.mmio_gpa != GUEST_MMIO_GPA || b.mmio_writes)
		return ktap_fail("%d: at %#llx, %u writes", ret,
			    (unsigned long long)b.mmio_gpa, b.mmio_writes);
	return ioctl(b.vcpu[0].fd, KVM_GET_REGS, &regs) ?
	       ktap_fail("KVM_GET_REGS: %s", strerror(errno)) : KTAP_PASS;
}

static int test_hlt(void)
{
	struct box b;
	int ret = box_do(&b, KVMC_MEM_SMALL, (struct guest_params){
			 .op = GOP_HLT, .count = 20 });

	if (ret != 1 || b.halts != 20 || b.vcpu[0].params->irqs != 20)
		return ktap_fail("%d: %u halts, %llu interrupts taken", ret,
			    b.halts, b.vcpu[0].params->irqs);
	return KTAP_PASS;
}

static int test_undefined(void)
{
	struct box b;
	int ret = box_do(&b, KVMC_MEM_SMALL,
			 (struct guest_params){ .op = GOP_UD });

	return ret == 1 && b.fault == 6 ? KTAP_PASS :
	       ktap_fail("ended with %d, vector %d, not 6", ret, b.fault);
}

static int test_shutdown(void)
{
	struct box b;
	int ret = box_do(&b, KVMC_MEM_SMALL,
			 (struct guest_params){ .op = GOP_TRIPLE });

	return ret == -EIO &&
	       b.vcpu[0].run->exit_reason == KVM_EXIT_SHUTDOWN ? KTAP_PASS :
	       ktap_fail("ended with %d, exit %u", ret, b.vcpu[0].run->exit_reason);
}

static int exits_run(enum guest_op op, uint64_t arg)
{
	struct box b;
	int ret = box_do(&b, KVMC_MEM_SMALL, (struct guest_params){
			 .op = op, .count = 100, .arg = arg });

	return ret == 1 && b.fault < 0 ? KTAP_PASS :
	       ktap_fail("ended with %d, vector %d, exit %u", ret, b.fault,
		    b.vcpu[0].run->exit_reason);
}

static int test_cpuid(void)
{
	return exits_run(GOP_CPUID, 0);
}

static int test_vmcall(void)
{
	return exits_run(GOP_VMCALL, 0x7fff);
}

static int test_rdmsr(void)
{
	return exits_run(GOP_RDMSR, 0x1a0);
}

static int test_invd(void)
{
	return exits_run(GOP_INVD, 0);
}

static int test_rdmsr_unknown(void)
{
	struct box b;
	int ret = box_do(&b, KVMC_MEM_SMALL, (struct guest_params){
			 .op = GOP_RDMSR, .count = 1, .arg = 0x1234567 });

	return ret == 1 && b.fault == 13 ? KTAP_PASS :
	       ktap_fail("ended with %d, vector %d, not 13", ret, b.fault);
}

static int test_immediate(void)
{
	struct box b;
	int ret = box_open(&b, KVMC_MEM_SMALL, 1);

	if (!ret)
		ret = kvmc_vcpu_payload(&b.vcpu[0]);
	if (ret)
		return ktap_fail("no VM: %s", strerror(-ret));
	b.vcpu[0].params->op = GOP_SPIN;
	b.vcpu[0].run->immediate_exit = 1;
	ret = kvmc_run(&b.vcpu[0]);
	return ret == -EINTR ? KTAP_PASS : ktap_fail("KVM_RUN gave %d", ret);
}

static void nothing(int sig)
{
	(void)sig;
}

static int test_signal(void)
{
	/* Again and again: the first may come before the guest runs. */
	struct itimerval soon = { .it_value = { 0, 20000 }, .it_interval = { 0, 20000 } };
	struct sigaction act = { .sa_handler = nothing };
	struct box b;
	int ret, i;

	for (i = 0; i < 3; i++) {
		sigaction(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &soon, NULL);
		ret = box_do(&b, KVMC_MEM_SMALL,
			     (struct guest_params){ .op = GOP_SPIN });
		if (ret != -EINTR)
			return ktap_fail("KVM_RUN gave %d", ret);
	}
	return KTAP_PASS;
}

struct second {
	struct box *b;
	int ret;
};

static void *run_second(void *arg)
{
	struct second *s = arg;

	do {
		s->ret = kvmc_run(&s->b->vcpu[1]);
	} while (s->ret == KVM_EXIT_IO &&
		 s->b->vcpu[1].run->io.port == PORT_TEST);
	return NULL;
}

static int test_two_vcpus(void)
{
	struct second s;
	struct box b;
	pthread_t thread;
	int i, ret = box_open(&b, KVMC_MEM_SMALL, 2);

	for (i = 0; !ret && i < 2; i++) {
		ret = kvmc_vcpu_payload(&b.vcpu[i]);
		*b.vcpu[i].params = (struct guest_params){
			.op = GOP_PIO_OUT, .count = 200,
			.results = GUEST_WORK_GPA + i * 0x10000 };
	}
	if (ret)
		return ktap_fail("no VM: %s", strerror(-ret));
	s.b = &b;
	if (pthread_create(&thread, NULL, run_second, &s))
		return ktap_fail("no thread");
	ret = kvmc_serve(&b.vcpu[0], &box_ops, &b);
	pthread_join(thread, NULL);
	return ret == 1 && s.ret == KVM_EXIT_IO && b.outs == 200 ? KTAP_PASS :
	       ktap_fail("ended with %d and %d after %u OUTs", ret, s.ret, b.outs);
}

/* Touch a slot, take its pages away, touch again: zeroes, not old contents. */
static int test_discard(void)
{
	struct guest_params p = {
		.op = GOP_TOUCH, .count = 16, .base = HOLE_GPA,
		.stride = 4096, .results = GUEST_WORK_GPA };
	struct box b;
	uint8_t *mem;
	int i, ret = box_open(&b, KVMC_MEM_SMALL, 1);

	mem = kvmc_mem_alloc(HUGE, KVMC_MEM_SMALL);
	if (!ret)
		ret = kvmc_slot_set(&b.vm, HOLE_SLOT, HOLE_GPA, mem, HUGE, 0);
	for (i = 0; !ret && i < 2; i++) {
		*b.vcpu[0].params = p;
		memset(mem, 7, 16 * 4096);
		if (i)
			madvise(mem, HUGE, MADV_DONTNEED);
		ret = kvmc_vcpu_payload(&b.vcpu[0]);
		if (!ret && kvmc_serve(&b.vcpu[0], &box_ops, &b) != 1)
			return ktap_fail("vector %d", b.fault);
		b.vcpu[0].run->immediate_exit = 1;
		kvmc_run(&b.vcpu[0]);
		b.vcpu[0].run->immediate_exit = 0;
	}
	if (ret)
		return ktap_fail("%s", strerror(-ret));
	for (i = 0; i < 16; i++)
		if (mem[i * 4096] != 1 || mem[i * 4096 + 1] != 0)
			return ktap_fail("page %d: %u %u", i, mem[i * 4096],
				    mem[i * 4096 + 1]);
	return KTAP_PASS;
}

static int test_slot_gone(void)
{
	struct guest_params p = {
		.op = GOP_TOUCH, .count = 4, .base = HOLE_GPA,
		.stride = 4096, .results = GUEST_WORK_GPA };
	struct box b;
	uint8_t *mem = kvmc_mem_alloc(HUGE, KVMC_MEM_SMALL);
	int i, ret = box_open(&b, KVMC_MEM_SMALL, 1);

	for (i = 0; !ret && i < 2; i++) {
		ret = kvmc_slot_set(&b.vm, HOLE_SLOT, HOLE_GPA, mem,
				    i ? 0 : HUGE, 0);
		*b.vcpu[0].params = p;
		if (!ret)
			ret = kvmc_vcpu_payload(&b.vcpu[0]);
		if (!ret && kvmc_serve(&b.vcpu[0], &box_ops, &b) != 1)
			return ktap_fail("vector %d", b.fault);
		if (b.mmio_writes != (i ? 4 : 0))
			return ktap_fail("%u MMIO writes in run %d", b.mmio_writes, i);
		b.vcpu[0].run->immediate_exit = 1;
		kvmc_run(&b.vcpu[0]);
		b.vcpu[0].run->immediate_exit = 0;
	}
	return ret ? ktap_fail("%s", strerror(-ret)) : KTAP_PASS;
}

static int test_errors(void)
{
	struct kvmc_vcpu again;
	struct box b;
	int ret = box_open(&b, KVMC_MEM_SMALL, 1);

	if (ret)
		return ktap_fail("no VM: %s", strerror(-ret));
	ret = kvmc_vcpu_create(&again, &b.vm, 0);
	if (ret != -EEXIST)
		return ktap_fail("second vCPU 0 gave %d", ret);
	ret = kvmc_slot_set(&b.vm, HOLE_SLOT, 0x1000, b.vm.mem, 4096, 0);
	if (ret != -EEXIST)
		return ktap_fail("overlapping slot gave %d", ret);
	ret = kvmc_slot_set(&b.vm, HOLE_SLOT, HOLE_GPA + 1, b.vm.mem, 4096, 0);
	if (ret != -EINVAL)
		return ktap_fail("unaligned slot gave %d", ret);
	if (ioctl(b.vm.fd, _IO(KVMIO, 0xfe), 0) != -1)
		return ktap_fail("an unknown ioctl was taken");
	ret = ioctl(b.vm.dev, KVM_CHECK_EXTENSION, 99999);
	return ret ? ktap_fail("unknown capability gave %d", ret) : KTAP_PASS;
}

static const struct ktap_test tests[] = {
	{ "real mode", test_real },
	{ "32-bit protected mode, REP OUTSB", test_prot32 },
	{ "64-bit mode, output right", test_hash },
	{ "64-bit mode, byte output", test_hash_bytes },
	{ "64-bit mode, a flipped bit is noticed", test_hash_flip },
	{ "THP memory", test_hash_thp },
	{ "hugetlb memory", test_hash_hugetlb },
	{ "memfd memory", test_hash_memfd },
	{ "port output", test_pio },
	{ "REP INSB", test_string_in },
	{ "MMIO write", test_mmio_write },
	{ "MMIO read", test_mmio_read },
	{ "HLT and interrupt", test_hlt },
	{ "undefined instruction is #UD", test_undefined },
	{ "triple fault is a shutdown", test_shutdown },
	{ "CPUID", test_cpuid },
	{ "unknown hypercall", test_vmcall },
	{ "RDMSR", test_rdmsr },
	{ "unknown MSR is #GP", test_rdmsr_unknown },
	{ "INVD", test_invd },
	{ "immediate_exit", test_immediate },
	{ "signal ends KVM_RUN", test_signal },
	{ "two vCPUs", test_two_vcpus },
	{ "discarded pages read as zero", test_discard },
	{ "slot taken away is MMIO", test_slot_gone },
	{ "bad requests are refused", test_errors },
	{ }
};

int main(int argc, char **argv)
{
	static const struct ktap_test *const lists[] = { tests, NULL };

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# device %s\n", kvmc_dev_path());
	return ktap_main(lists, argc > 1 ? argv[1] : NULL);
}
