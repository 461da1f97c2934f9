// SPDX-License-Identifier: GPL-2.0
/*
 * hostile [SEED [ROUNDS [MICROSECONDS]]] - a client that sets state which no client should
 *
 * For each kind of state that can be read and set: what is read is spoilt - a few
 * bits, a field with a value at the edges, random bytes, all of it - and set;
 * where that is accepted the vCPU runs. Setting must end in success or with an
 * errno, running with an errno or an exit (FAIL_ENTRY and INTERNAL_ERROR among
 * them). The guest computes, writes to ports and to memory that is not there, and
 * asks CPUID. Once without interrupt controllers in the kernel, once with all of
 * them, once with the local APIC alone. Spoilt state piles up: good registers
 * come back after each run, a new VM after GENERATION of them.
 *
 * MICROSECONDS: how long a run may take, on average half of it (1500).
 * Status 0; 1 says what was wrong; 2 usage. That the host survives is for the
 * kernel's log to say. Single-threaded; runs are ended by a timer.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "kvmclient.h"

#define GENERATION	48
#define RUNS		4	/* after each change, if exits come soon */
#define CODE		0x20000
#define BUF_BYTES	8192u
#define MSRS		4

extern const uint8_t hostile_start[], hostile_end[];
asm("	.pushsection .rodata\n"
	"hostile_start: incq 0x38000\npush %rax\npop %rbx\nmov $1, %eax\ncpuid\n"
	"out %al, $0x80\nmov $0xd0000000, %edi\nmov %rbx, (%rdi)\nsti\npause\ncli\nrdtsc\n"
	"jmp hostile_start\n"
	"hostile_end:\n.popsection\n");

enum board { NO_IRQCHIP, IRQCHIP, SPLIT, BOARDS };
enum where { VM, VCPU };

static const char *const board_names[] = { "no irqchip", "irqchip", "split irqchip" };

static enum board board;
static int dev;
static struct kvmc_vm vm;
static struct kvmc_vcpu vcpu;
static void *buf, *good;		/* BUF_BYTES each */
static uint64_t rnd_state;
static uint32_t msr_list[512], nr_msrs;

static struct kvm_regs good_regs;
static struct kvm_sregs good_sregs;
static struct kvm_vcpu_events good_events;
static struct kvm_debugregs good_debugregs;
static struct kvm_mp_state good_mp;

/* what came of it */
static unsigned long failed_by[64];	/* entries, by kind */
static unsigned long accepted, refused, entries_failed, internal_errors, shutdowns, other_exits,
	errnos, interrupted;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static void on_alarm(int sig)
{
	(void)sig;
}

static int wrong(const char *what, const char *why)
{
	printf("%s, %s: %s\n", board_names[board], what, why);
	return 1;
}

/* --- the kinds of state ---------------------------------------------------------- */

/**
 * struct kind - something that can be set
 * @name: of the call
 * @where: whose
 * @get: reads it first, or 0: @fill alone makes it
 * @set: sets it
 * @bytes: how much there is to spoil
 * @fill: before @get, or instead of it; may be NULL
 * @boards: bits of enum board, where it exists
 * @fresh: only before the first run: a VM anew each time
 */
struct kind {
	const char *name;
	enum where where;
	unsigned long get, set;
	unsigned int bytes;
	void (*fill)(void);
	unsigned int boards;
	int fresh;
};

#define ANY	7
#define KERNEL	(1 << IRQCHIP)
#define APIC	((1 << IRQCHIP) | (1 << SPLIT))

static void chip(uint32_t id)
{
	((struct kvm_irqchip *)buf)->chip_id = id;
}

static void fill_master(void)
{
	chip(KVM_IRQCHIP_PIC_MASTER);
}

static void fill_slave(void)
{
	chip(KVM_IRQCHIP_PIC_SLAVE);
}

static void fill_ioapic(void)
{
	chip(KVM_IRQCHIP_IOAPIC);
}

static void fill_msrs(void)
{
	struct kvm_msrs *m = buf;
	unsigned int i;

	m->nmsrs = MSRS;
	for (i = 0; i < MSRS; i++)
		m->entries[i].index = msr_list[rnd() % nr_msrs];
}

static void fill_routes(void)
{
	struct kvm_irq_routing *r = buf;
	unsigned int i;

	r->nr = 8;
	for (i = 0; i < r->nr; i++) {
		r->entries[i].gsi = rnd() % 64;
		r->entries[i].type = 1 + rnd() % 2;
		if (r->entries[i].type == KVM_IRQ_ROUTING_MSI) {
			r->entries[i].u.msi.address_lo = 0xfee00000 | (rnd() & 0xff00c);
			r->entries[i].u.msi.data = rnd() & 0xc7ff;
		} else {
			r->entries[i].u.irqchip.irqchip = rnd() % 3;
			r->entries[i].u.irqchip.pin = rnd() % 24;
		}
	}
}

static void fill_msi(void)
{
	struct kvm_msi *m = buf;

	m->address_lo = 0xfee00000 | (rnd() & 0xff00c);
	m->data = rnd() & 0xc7ff;
}

static void fill_line(void)
{
	struct kvm_irq_level *l = buf;

	l->irq = rnd() % 26;
	l->level = rnd() & 1;
}

static void fill_interrupt(void)
{
	((struct kvm_interrupt *)buf)->irq = rnd() & 0xff;
}

static void fill_debug(void)
{
	((struct kvm_guest_debug *)buf)->control = rnd() & 0x1f0003;
}

static void fill_cpuid(void)
{
	((struct kvm_cpuid2 *)buf)->nent = 100;
	ioctl(dev, KVM_GET_SUPPORTED_CPUID, buf);
}

static void fill_mce(void)
{
	struct kvm_x86_mce *m = buf;

	m->status = 1ull << 63 | rnd() >> 3;
	m->bank = rnd() % 12;
}

static const struct kind kinds[] = {
	{ "KVM_SET_REGS", VCPU, KVM_GET_REGS, KVM_SET_REGS, sizeof(struct kvm_regs), NULL, ANY, 0 },
	{ "KVM_SET_SREGS", VCPU, KVM_GET_SREGS, KVM_SET_SREGS, sizeof(struct kvm_sregs), NULL, ANY, 0 },
	{ "KVM_SET_SREGS2", VCPU, KVM_GET_SREGS2, KVM_SET_SREGS2, sizeof(struct kvm_sregs2), NULL, ANY, 0 },
	{ "KVM_SET_FPU", VCPU, KVM_GET_FPU, KVM_SET_FPU, sizeof(struct kvm_fpu), NULL, ANY, 0 },
	{ "KVM_SET_XSAVE", VCPU, KVM_GET_XSAVE, KVM_SET_XSAVE, sizeof(struct kvm_xsave), NULL, ANY, 0 },
	{ "head of KVM_SET_XSAVE", VCPU, KVM_GET_XSAVE, KVM_SET_XSAVE, 600, NULL, ANY, 0 },
	{ "KVM_SET_XCRS", VCPU, KVM_GET_XCRS, KVM_SET_XCRS, sizeof(struct kvm_xcrs), NULL, ANY, 0 },
	{ "KVM_SET_DEBUGREGS", VCPU, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, sizeof(struct kvm_debugregs), NULL, ANY, 0 },
	{ "KVM_SET_VCPU_EVENTS", VCPU, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, sizeof(struct kvm_vcpu_events), NULL, ANY, 0 },
	{ "KVM_SET_MP_STATE", VCPU, KVM_GET_MP_STATE, KVM_SET_MP_STATE, sizeof(struct kvm_mp_state), NULL, ANY, 0 },
	{ "KVM_SET_MSRS", VCPU, KVM_GET_MSRS, KVM_SET_MSRS, 8 + 16 * MSRS, fill_msrs, ANY, 0 },
	{ "KVM_SET_GUEST_DEBUG", VCPU, 0, KVM_SET_GUEST_DEBUG, sizeof(struct kvm_guest_debug), fill_debug, ANY, 0 },
	{ "KVM_INTERRUPT", VCPU, 0, KVM_INTERRUPT, sizeof(struct kvm_interrupt), fill_interrupt, ANY, 0 },
	{ "KVM_X86_SET_MCE", VCPU, 0, KVM_X86_SET_MCE, sizeof(struct kvm_x86_mce), fill_mce, ANY, 0 },
	{ "KVM_SET_CPUID2", VCPU, 0, KVM_SET_CPUID2, 8 + 40 * 40, fill_cpuid, ANY, 1 },
	{ "KVM_SET_LAPIC", VCPU, KVM_GET_LAPIC, KVM_SET_LAPIC, sizeof(struct kvm_lapic_state), NULL, APIC, 0 },
	{ "KVM_SIGNAL_MSI", VM, 0, KVM_SIGNAL_MSI, sizeof(struct kvm_msi), fill_msi, APIC, 0 },
	{ "KVM_SET_GSI_ROUTING", VM, 0, KVM_SET_GSI_ROUTING, 8 + 48 * 8, fill_routes, APIC, 0 },
	{ "KVM_IRQ_LINE", VM, 0, KVM_IRQ_LINE, sizeof(struct kvm_irq_level), fill_line, KERNEL, 0 },
	{ "KVM_SET_IRQCHIP, master", VM, KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, sizeof(struct kvm_irqchip), fill_master, KERNEL, 0 },
	{ "KVM_SET_IRQCHIP, slave", VM, KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, sizeof(struct kvm_irqchip), fill_slave, KERNEL, 0 },
	{ "KVM_SET_IRQCHIP, I/O APIC", VM, KVM_GET_IRQCHIP, KVM_SET_IRQCHIP, sizeof(struct kvm_irqchip), fill_ioapic, KERNEL, 0 },
	{ "KVM_SET_PIT2", VM, KVM_GET_PIT2, KVM_SET_PIT2, sizeof(struct kvm_pit_state2), NULL, KERNEL, 0 },
	{ "KVM_SET_CLOCK", VM, KVM_GET_CLOCK, KVM_SET_CLOCK, sizeof(struct kvm_clock_data), NULL, ANY, 0 },
};

#define KINDS	(sizeof(kinds) / sizeof(kinds[0]))

/* --- the VM ------------------------------------------------------------------------ */

static int make_board(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct kvm_pit_config pit = { 0 };

	if (board == SPLIT)
		return ioctl(vm.fd, KVM_ENABLE_CAP, &cap);
	if (board == IRQCHIP)
		return ioctl(vm.fd, KVM_CREATE_IRQCHIP, 0) || ioctl(vm.fd, KVM_CREATE_PIT2, &pit);
	return 0;
}

static int get_good(void)
{
	return ioctl(vcpu.fd, KVM_GET_REGS, &good_regs) ||
	       ioctl(vcpu.fd, KVM_GET_SREGS, &good_sregs) ||
	       ioctl(vcpu.fd, KVM_GET_VCPU_EVENTS, &good_events) ||
	       ioctl(vcpu.fd, KVM_GET_DEBUGREGS, &good_debugregs) ||
	       ioctl(vcpu.fd, KVM_GET_MP_STATE, &good_mp);
}

/* Whatever of it is refused now: the next generation is near. */
static void set_good(void)
{
	struct kvm_guest_debug debug = { 0 };

	ioctl(vcpu.fd, KVM_SET_SREGS, &good_sregs);
	ioctl(vcpu.fd, KVM_SET_REGS, &good_regs);
	ioctl(vcpu.fd, KVM_SET_VCPU_EVENTS, &good_events);
	ioctl(vcpu.fd, KVM_SET_DEBUGREGS, &good_debugregs);
	ioctl(vcpu.fd, KVM_SET_MP_STATE, &good_mp);
	ioctl(vcpu.fd, KVM_SET_GUEST_DEBUG, &debug);
}

static int make_vm(int with_cpuid)
{
	if (kvmc_vm_create(&vm, dev, GUEST_LOW_BYTES, KVMC_MEM_SMALL) || make_board() ||
	    kvmc_vcpu_create(&vcpu, &vm, 0) || (with_cpuid && kvmc_vcpu_cpuid(&vcpu)) ||
	    kvmc_vcpu_mode(&vcpu, KVMC_MODE_LONG64, CODE) || get_good())
		return wrong("a new VM", strerror(errno));
	memcpy(vm.mem + CODE, hostile_start, hostile_end - hostile_start);
	return 0;
}

/* The timer keeps out: a signal ends KVM_CREATE_VM. */
static int open_vm(int with_cpuid)
{
	sigset_t alarm;
	int ret;

	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alarm, NULL);
	ret = make_vm(with_cpuid);
	sigprocmask(SIG_UNBLOCK, &alarm, NULL);
	return ret;
}

static void close_vm(void)
{
	kvmc_vcpu_destroy(&vcpu);
	kvmc_vm_destroy(&vm);
}

/* --- spoiling, setting, running ------------------------------------------------------ */

static uint64_t edge(void)
{
	static const uint64_t edges[] = {
		0, 1, 2, 3, 8, ~0ull, 1ull << 63, (1ull << 63) - 1, 0xffffffffull, 0x80000000ull,
		0x7fffffffull, 0xfffull, 0x1000, 1ull << 52, 1ull << 47, 0xffff800000000000ull,
		0xfee00000, 0xd01, 0x80050033, 0x370678,
	};

	return edges[rnd() % (sizeof(edges) / sizeof(edges[0]))];
}

static void spoil(unsigned int bytes)
{
	uint8_t *b = buf;
	unsigned int i, n, at, len;
	uint64_t e;

	switch (rnd() % 6) {
	case 0:
	case 1:	/* a few bits */
		for (n = 1 + rnd() % 4; n; n--) {
			i = rnd() % (bytes * 8);
			b[i / 8] ^= 1 << (i % 8);
		}
		break;
	case 2:
	case 3:	/* a field */
		len = 1u << (rnd() % 4);
		at = rnd() % bytes & -len;
		e = edge();
		memcpy(b + at, &e, at + len > bytes ? bytes - at : len);
		break;
	case 4:	/* a stretch */
		at = rnd() % bytes;
		len = 1 + rnd() % (bytes - at < 32 ? bytes - at : 32);
		for (i = at; i < at + len; i++)
			b[i] = rnd() >> 32;
		break;
	default:	/* all */
		for (i = 0; i < bytes; i++)
			b[i] = rnd() >> 32;
	}
}

static int is_errno_of_run(int e)
{
	return e == EINTR || e == EINVAL || e == EFAULT || e == EAGAIN || e == EIO;
}

/* 0, or 1: KVM_RUN did what it must not. */
static int run_it(const char *what)
{
	int i;

	for (i = 0; i < RUNS; i++) {
		vcpu.run->exit_reason = ~0u;
		if (ioctl(vcpu.fd, KVM_RUN, 0)) {
			if (!is_errno_of_run(errno))
				return wrong(what, strerror(errno));
			if (errno == EINTR)
				interrupted++;
			else
				errnos++;
			return 0;
		}
		switch (vcpu.run->exit_reason) {
		case KVM_EXIT_FAIL_ENTRY:
			entries_failed++;
			return 0;
		case KVM_EXIT_INTERNAL_ERROR:
			internal_errors++;
			return 0;
		case KVM_EXIT_SHUTDOWN:
			shutdowns++;
			return 0;
		case ~0u:
		case KVM_EXIT_UNKNOWN:
			return wrong(what, "KVM_RUN says nothing");
		default:
			other_exits++;
		}
	}
	return 0;
}

/* Registers by way of the shared page, and its other fields. */
static int shared_page(void)
{
	static struct kvm_sync_regs regs;
	unsigned int i;

	vcpu.run->kvm_valid_regs = rnd() % 8;
	if (ioctl(vcpu.fd, KVM_RUN, 0) && errno != EINTR)
		return 0;
	regs = vcpu.run->s.regs;
	memcpy(buf, &regs, sizeof(regs));
	spoil(sizeof(regs));
	memcpy(&vcpu.run->s.regs, buf, sizeof(regs));
	vcpu.run->kvm_dirty_regs = rnd() % 16 ? rnd() % 8 : rnd();
	vcpu.run->kvm_valid_regs = rnd() % 16 ? rnd() % 8 : rnd();
	vcpu.run->cr8 = rnd() % 4 ? 0 : rnd();
	vcpu.run->request_interrupt_window = rnd();
	vcpu.run->immediate_exit = !(rnd() % 8);
	i = run_it("shared page");
	vcpu.run->kvm_dirty_regs = vcpu.run->kvm_valid_regs = 0;
	vcpu.run->immediate_exit = 0;
	vcpu.run->cr8 = 0;
	return i;
}

static int one(const struct kind *k)
{
	int fd = k->where == VM ? vm.fd : vcpu.fd;
	unsigned long failed;

	memset(buf, 0, BUF_BYTES);
	if (k->fill)
		k->fill();
	if (k->get && ioctl(fd, k->get, buf) < 0)
		return wrong(k->name, "what shall be spoilt cannot be read");
	memcpy(good, buf, k->bytes);
	spoil(k->bytes);
	if (ioctl(fd, k->set, buf) < 0) {
		refused++;
		return 0;
	}
	accepted++;
	failed = entries_failed;
	if (run_it(k->name))
		return 1;
	failed_by[k - kinds] += entries_failed - failed;
	if (k->get)
		ioctl(fd, k->set, good);
	set_good();
	return 0;
}

static int rounds(unsigned int count)
{
	unsigned int n, made = 0, took[KINDS] = { 0 };

	if (open_vm(1))
		return 1;
	for (n = 0; n < count * (KINDS + 1); n++) {
		const struct kind *k = &kinds[n % (KINDS + 1)];

		if (n % (KINDS + 1) == KINDS) {
			if (shared_page())
				return 1;
			set_good();
			continue;
		}
		if (!(k->boards >> board & 1))
			continue;
		if (k->fresh || ++made % GENERATION == 0) {
			close_vm();
			if (open_vm(!k->fresh))
				return 1;
		}
		if (one(k))
			return 1;
		took[k - kinds]++;
		if (k->fresh) {
			close_vm();
			if (open_vm(1))
				return 1;
		}
	}
	for (n = 0; n < KINDS; n++)
		if (!took[n] && (kinds[n].boards >> board & 1))
			return wrong(kinds[n].name, "was not tried");
	close_vm();
	return 0;
}

/* After all that: a new VM runs as ever. */
static int good_guest(void)
{
	int i, ret;

	if (open_vm(1))
		return 1;
	for (i = 0; i < 10000 && *(uint64_t *)(vm.mem + 0x38000) < 10; i++) {
		ret = kvmc_run(&vcpu);
		if (ret < 0 && ret != -EINTR)
			return wrong("afterwards a good guest", strerror(-ret));
	}
	if (i == 10000)
		return wrong("afterwards a good guest", "does not run");
	close_vm();
	return 0;
}

static int get_msr_list(void)
{
	static struct {
		struct kvm_msr_list head;
		uint32_t index[512];
	} list = { .head.nmsrs = 512 };

	if (ioctl(dev, KVM_GET_MSR_INDEX_LIST, &list))
		return 1;
	nr_msrs = list.head.nmsrs;
	memcpy(msr_list, list.index, sizeof(list.index));
	return !nr_msrs;
}

int main(int argc, char **argv)
{
	unsigned int us = argc > 3 ? strtoul(argv[3], NULL, 0) : 1500;
	struct itimerval t = { { 0, us }, { 0, us } };
	struct sigaction act = { .sa_handler = on_alarm };
	unsigned int count = argc > 2 ? strtoul(argv[2], NULL, 0) : 40, i;

	if (argc > 4 || !count || !us || us > 999999) {
		fprintf(stderr, "usage: hostile [SEED [ROUNDS [MICROSECONDS]]]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	buf = calloc(1, BUF_BYTES);
	good = calloc(1, BUF_BYTES);
	if (!buf || !good)
		return 1;
	rnd_state = 0x9e3779b97f4a7c15ull * (1 + (argc > 1 ? strtoul(argv[1], NULL, 0) : 1));
	dev = kvmc_dev_open(NULL);
	if (dev < 0 || get_msr_list())
		return wrong("the device", strerror(errno));
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
	for (board = 0; board < BOARDS; board++) {
		if (rounds(count) || good_guest())
			return 1;
		printf("%s: accepted=%lu refused=%lu errno=%lu interrupted=%lu fail_entry=%lu "
		       "internal=%lu shutdown=%lu other=%lu\n", board_names[board], accepted,
		       refused, errnos, interrupted, entries_failed, internal_errors, shutdowns,
		       other_exits);
	}
	for (i = 0; i < KINDS; i++)
		if (failed_by[i])
			printf("entries failed after %s: %lu\n", kinds[i].name, failed_by[i]);
	return !accepted || !refused || !shutdowns || !other_exits;
}
