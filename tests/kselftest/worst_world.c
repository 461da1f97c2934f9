// SPDX-License-Identifier: GPL-2.0
/*
 * The VMs of worst: memory, tables, and processor states to start from.
 *
 * All tables are good to begin with: memory below 4 GiB mapped one to one in each
 * format, a gate for every vector, to a handler that takes a good stack and goes
 * on somewhere in the garbage. Then some of it is spoilt.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "worst.h"

#define CR0_PE		0x1u
#define CR0_ET_NE	0x30u
#define CR0_WP		0x10000u
#define CR0_AM		0x40000u
#define CR0_PG		0x80000000u
#define CR4_BASE	0x600u		/* OSFXSR, OSXMMEXCPT */
#define CR4_PSE		0x10u
#define CR4_PAE		0x20u
#define CR4_OSXSAVE	0x40000u
#define EFER_SCE	0x1u
#define EFER_LME_LMA	0x500u
#define EFER_NX		0x800u

#define RFLAGS_TF	0x100u
#define RFLAGS_IF	0x200u
#define RFLAGS_DF	0x400u
#define RFLAGS_IOPL	0x3000u
#define RFLAGS_VM	0x20000u
#define RFLAGS_AC	0x40000u

#define SEL_CODE64	0x08
#define SEL_DATA	0x10
#define SEL_CODE32	0x18
#define SEL_CODE32_3	0x28
#define SEL_DATA_3	0x30
#define SEL_CODE64_3	0x38
#define SEL_TSS		0x40
#define GDT_BYTES	0x50

#define PTE_GOOD	0x7ull		/* present, writable, user */
#define PTE_LARGE	0x80ull

extern const uint8_t handler64[], handler32[], handler16[], handlers_end[];
asm("	.pushsection .rodata\n"
	"handler64: movl $0x38000, %esp\nincl 0x40000\nmovl 0x40008, %eax\n"
	"addl $37, %eax\nandl $0x1fff, %eax\nmovl %eax, 0x40008\naddl $0x20000, %eax\njmp *%rax\n"
	".code32\n"
	"handler32: movl $0x38000, %esp\nincl 0x40000\nmovl 0x40008, %eax\n"
	"addl $37, %eax\nandl $0x1fff, %eax\nmovl %eax, 0x40008\naddl $0x20000, %eax\njmp *%eax\n"
	".code16\n"
	"handler16: xorw %ax, %ax\nmovw %ax, %ds\nmovw %ax, %ss\nmovw $0x7000, %sp\n"
	"incw 0x7f00\nmovw 0x7f08, %ax\naddw $37, %ax\nandw $0x1fff, %ax\nmovw %ax, 0x7f08\n"
	"pushw $0x2000\npushw %ax\nlretw\n"
	".code64\n"
	"handlers_end:\n.popsection\n");

const char *const board_names[BOARDS] = { "no irqchip", "irqchip", "split irqchip" };
const char *const mode_names[MODES] = {
	"real mode", "v8086", "32 bits", "32 bits, paging", "PAE", "64 bits", "compatibility mode",
};

/* --- the VM ------------------------------------------------------------------------ */

static int make_board(struct world *w)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };
	struct kvm_pit_config pit = { 0 };

	if (w->board == SPLIT)
		return ioctl(w->vm.fd, KVM_ENABLE_CAP, &cap) ? -errno : 0;
	if (w->board == IRQCHIP && (ioctl(w->vm.fd, KVM_CREATE_IRQCHIP, 0) ||
				    ioctl(w->vm.fd, KVM_CREATE_PIT2, &pit)))
		return -errno;
	return 0;
}

static int make_slots(struct world *w)
{
	int r;

	w->rom = mmap(NULL, W_ROM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	w->nothing = mmap(NULL, W_VOID_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (w->rom == MAP_FAILED || w->nothing == MAP_FAILED)
		return -errno;
	r = kvmc_slot_set(&w->vm, 1, W_ROM, w->rom, W_ROM_BYTES, KVM_MEM_READONLY);
	if (!r)
		r = kvmc_slot_set(&w->vm, 2, W_VOID, w->nothing, W_VOID_BYTES, 0);
	return r;
}

/* MSRs that do not exist, or that a filter denies, are user space's. */
static int msrs_to_user(struct world *w)
{
	static uint8_t denied[32];	/* all of the range */
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args = { KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN |
			  KVM_MSR_EXIT_REASON_FILTER },
	};
	struct kvm_msr_filter filter = {
		.flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
		.ranges = {
			{ KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE, 256, 0xc0000080, denied },
			{ KVM_MSR_FILTER_WRITE, 256, 0x100, denied },
		},
	};

	return ioctl(w->vm.fd, KVM_ENABLE_CAP, &cap) ||
	       ioctl(w->vm.fd, KVM_X86_SET_MSR_FILTER, &filter) ? -errno : 0;
}

static int no_quirks(struct world *w)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_DISABLE_QUIRKS2 };
	int quirks = ioctl(w->vm.fd, KVM_CHECK_EXTENSION, KVM_CAP_DISABLE_QUIRKS2);

	cap.args[0] = quirks;
	return quirks < 0 || ioctl(w->vm.fd, KVM_ENABLE_CAP, &cap) ? -errno : 0;
}

/*
 * What user space can choose goes by the number of vCPUs. Errors end the program, so
 * nothing is undone on the way.
 */
int world_open(struct world *w, int dev, enum board board, unsigned int nr)
{
	int r;

	w->board = board;
	r = kvmc_vm_create(&w->vm, dev, GUEST_LOW_BYTES, KVMC_MEM_SMALL);
	if (!r)
		r = make_slots(w);
	if (!r)
		r = make_board(w);
	if (!r && nr == 2)
		r = msrs_to_user(w);
	if (!r && nr == 4)
		r = no_quirks(w);
	for (w->nr = 0; !r && w->nr < nr; w->nr++) {
		r = kvmc_vcpu_create(&w->vcpu[w->nr], &w->vm, w->nr);
		if (!r)
			r = kvmc_vcpu_cpuid(&w->vcpu[w->nr]);
	}
	return r;
}

void world_close(struct world *w)
{
	while (w->nr)
		kvmc_vcpu_destroy(&w->vcpu[--w->nr]);
	kvmc_vm_destroy(&w->vm);
	munmap(w->rom, W_ROM_BYTES);
	munmap(w->nothing, W_VOID_BYTES);
}

/* --- good tables --------------------------------------------------------------------- */

static void *at(struct world *w, uint64_t gpa)
{
	return w->vm.mem + gpa;
}

static void fill_gdt(uint64_t *gdt)
{
	gdt[SEL_CODE64 / 8] = 0x00af9b000000ffffull;
	gdt[SEL_DATA / 8] = 0x00cf93000000ffffull;
	gdt[SEL_CODE32 / 8] = 0x00cf9b000000ffffull;
	gdt[SEL_CODE32_3 / 8] = 0x00cffb000000ffffull;
	gdt[SEL_DATA_3 / 8] = 0x00cff3000000ffffull;
	gdt[SEL_CODE64_3 / 8] = 0x00affb000000ffffull;
	gdt[SEL_TSS / 8] = 0x0000890030000067ull;	/* base W_TSS */
	gdt[SEL_TSS / 8 + 1] = 0;
}

/* Both formats are there: ESP0, SS0 overlap with RSP0 so that each is good. */
static void fill_tss(uint32_t *tss)
{
	tss[1] = W_STACK;
	tss[2] = SEL_DATA;	/* SS0; in 64-bit mode the upper half of RSP0 */
	tss[25] = 104 << 16;	/* no I/O bitmap */
}

static void fill_tss64(uint8_t *tss)
{
	const uint64_t stack = W_STACK, ist = W_STACK - 0x4000;

	memcpy(tss + 4, &stack, 8);
	memcpy(tss + 0x24, &ist, 8);
}

/* All tables of all formats, good; memory elsewhere as it is. */
void world_tables(struct world *w)
{
	uint64_t *pd = at(w, W_PD), *pt = at(w, W_PT), i;
	uint32_t *pd32 = at(w, W_PD32);

	memset(at(w, 0), 0, W_TABLES_END);
	fill_gdt(at(w, W_GDT));
	fill_tss(at(w, W_TSS));
	*(uint64_t *)at(w, W_PML4) = W_PDPT | PTE_GOOD;
	for (i = 0; i < 4; i++) {
		((uint64_t *)at(w, W_PDPT))[i] = (W_PD + i * 0x1000) | PTE_GOOD;
		((uint64_t *)at(w, W_PDPT_PAE))[i] = (W_PD + i * 0x1000) | 1;
	}
	for (i = 0; i < 4 * 512; i++)
		pd[i] = i << 21 | PTE_GOOD | PTE_LARGE;
	for (i = 0; i < 512; i++)
		pt[i] = i << 12 | PTE_GOOD;
	for (i = 0; i < 1024; i++)
		pd32[i] = i << 22 | PTE_GOOD | PTE_LARGE;
	memcpy(at(w, W_HANDLER64), handler64, handler32 - handler64);
	memcpy(at(w, W_HANDLER32), handler32, handler16 - handler32);
	memcpy(at(w, W_HANDLER16), handler16, handlers_end - handler16);
}

static int is_long(enum mode mode)
{
	return mode == LONG64 || mode == COMPAT;
}

/* A gate for every vector to @handler, which is below 64 KiB or W_CODE; @ist: on the extra stack. */
void world_gates(struct world *w, enum mode mode, uint64_t handler, int ist)
{
	uint64_t *idt = at(w, W_IDT), gate = handler & 0xffff;
	unsigned int i;

	memset(idt, 0, 0x1000);
	gate |= (handler >> 16 & 0xffff) << 48;
	for (i = 0; i < 256; i++) {
		if (mode == REAL)
			((uint32_t *)idt)[i] = handler;
		else if (is_long(mode))
			idt[2 * i] = gate | 0xee00ull << 32 | SEL_CODE64 << 16 |
				     (uint64_t)!!ist << 32;
		else
			idt[i] = gate | 0xee00ull << 32 | SEL_CODE32 << 16;
	}
	if (is_long(mode))
		fill_tss64(at(w, W_TSS));
}

/* --- spoilt tables -------------------------------------------------------------------- */

/* What an entry could point at that it should not. */
static uint64_t bad_frame(struct rnd *r, uint64_t self)
{
	switch (rnd_below(r, 9)) {
	case 0:
		return self & ~0xfffull;
	case 1:
		return W_HOLE;
	case 2:
		return W_ROM + (rnd(r) & 0xf000);
	case 3:
		return W_FAR;
	case 4:
		return 1ull << 51;		/* reserved, wherever MAXPHYADDR is less */
	case 5:
		return W_LAPIC;
	case 6:
		return W_PML4 + (rnd(r) & 0x7000);
	case 7:
		return once_in(r, 4) ? W_VOID : W_CODE;
	default:
		return rnd(r) & 0x1ff000;
	}
}

static uint64_t bad_entry(struct rnd *r, uint64_t self)
{
	if (once_in(r, 6))
		return rnd(r);
	return bad_frame(r, self) | (rnd(r) & 0xfff) | PTE_GOOD |
	       (once_in(r, 8) ? 1ull << 63 : 0);
}

/* Tables' entries, a few; the low ones, which everything hangs on, not always. */
static void spoil_pages(struct world *w, struct rnd *r)
{
	unsigned int n = 1 + rnd_below(r, 6);
	uint64_t gpa;

	if (once_in(r, 2)) {
		/* 4 KiB pages for the low 2 MiB, so that single ones can be bad */
		*(uint64_t *)at(w, W_PD) = W_PT | PTE_GOOD;
		gpa = W_PT + 8 * rnd_below(r, 512);
		*(uint64_t *)at(w, gpa) = bad_entry(r, gpa);
	}
	while (n--) {
		gpa = W_PML4 + 8 * rnd_below(r, (W_TABLES_END - W_PML4) / 8);
		if (once_in(r, 3))
			gpa = W_PML4 + 0x1000 * rnd_below(r, 9) + 8 * rnd_below(r, 4);
		*(uint64_t *)at(w, gpa) = bad_entry(r, gpa);
	}
}

/* Memory that the processor uses of its own accord, and that garbage hits in the end. */
static void spoil_descriptors(struct world *w, struct rnd *r)
{
	unsigned int n = rnd_below(r, 4);
	uint64_t gpa, any;

	while (n--) {
		gpa = W_GDT + rnd_below(r, W_PML4 - W_GDT - 8);
		any = rnd(r);
		memcpy(at(w, gpa), &any, 1 + rnd_below(r, 8));
	}
}

void world_spoil(struct world *w, struct rnd *r)
{
	uint64_t *rom = (uint64_t *)w->rom;
	unsigned int i;

	/* The ROM has a page of entries that point anywhere, one of gates, one of code. */
	for (i = 0; i < 512; i++) {
		rom[i] = bad_entry(r, W_ROM);
		rom[512 + i] = ((uint64_t *)at(w, W_IDT))[i];
	}
	if (once_in(r, 2))
		spoil_pages(w, r);
	if (once_in(r, 2))
		spoil_descriptors(w, r);
}

/* --- processor states ------------------------------------------------------------------- */

static struct kvm_segment segment(uint16_t selector, uint8_t type, int ring)
{
	return (struct kvm_segment) {
		.selector = selector | ring, .limit = 0xffffffff, .type = type, .present = 1,
		.dpl = ring, .s = 1, .db = 1, .g = 1,
	};
}

static struct kvm_segment segment16(uint16_t selector, uint8_t type, int ring)
{
	return (struct kvm_segment) {
		.base = selector << 4, .selector = selector, .limit = 0xffff, .type = type,
		.present = 1, .dpl = ring, .s = 1,
	};
}

static void set_segments(struct kvm_sregs *s, enum mode mode, int ring)
{
	struct kvm_segment code, data;

	if (mode == REAL || mode == V86) {
		ring = mode == V86 ? 3 : 0;
		code = segment16(W_CODE >> 4, mode == V86 ? 3 : 11, ring);
		data = segment16(0, 3, ring);
	} else {
		code = segment(ring ? SEL_CODE32_3 : SEL_CODE32, 11, ring);
		data = segment(ring ? SEL_DATA_3 : SEL_DATA, 3, ring);
		if (mode == LONG64) {
			code.selector = (ring ? SEL_CODE64_3 : SEL_CODE64) | ring;
			code.l = 1;
			code.db = 0;
		}
	}
	s->cs = code;
	s->ds = s->es = s->fs = s->gs = s->ss = data;
	s->tr = (struct kvm_segment) {
		.base = W_TSS, .limit = 0x67, .selector = SEL_TSS, .type = 11, .present = 1,
	};
	s->ldt = (struct kvm_segment) { .type = 2, .unusable = 1 };
}

static void set_control(struct kvm_sregs *s, enum mode mode)
{
	s->cr0 = CR0_ET_NE | (mode == REAL ? 0 : CR0_PE);
	s->cr4 = CR4_BASE;
	s->efer = 0;
	s->cr3 = 0;
	if (mode == PAGED32) {
		s->cr0 |= CR0_PG | CR0_WP;
		s->cr3 = W_PD32;
		s->cr4 |= CR4_PSE;
	} else if (mode == PAE) {
		s->cr0 |= CR0_PG | CR0_WP;
		s->cr3 = W_PDPT_PAE;
		s->cr4 |= CR4_PAE;
	} else if (is_long(mode)) {
		s->cr0 |= CR0_PG | CR0_WP;
		s->cr3 = W_PML4;
		s->cr4 |= CR4_PAE;
		s->efer = EFER_LME_LMA | EFER_SCE;
	}
	s->gdt.base = W_GDT;
	s->gdt.limit = GDT_BYTES - 1;
	s->idt.base = W_IDT;
	s->idt.limit = mode == REAL ? 0x3ff : is_long(mode) ? 0xfff : 0x7ff;
	s->cr8 = 0;
	memset(s->interrupt_bitmap, 0, sizeof(s->interrupt_bitmap));
}

/* Nothing is left of what happened before: no event, no shadow, no breakpoint, not halted. */
static int clean(struct kvmc_vcpu *vcpu)
{
	struct kvm_vcpu_events none = {
		.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
	};
	struct kvm_mp_state runs = { KVM_MP_STATE_RUNNABLE };
	struct kvm_debugregs debug = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };

	if (ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &none) ||
	    ioctl(vcpu->fd, KVM_SET_MP_STATE, &runs) ||
	    ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &debug))
		return -errno;
	return 0;
}

static int set_state(struct kvmc_vcpu *vcpu, struct kvm_sregs *sregs, struct kvm_regs *regs)
{
	int r = clean(vcpu);

	if (r)
		return r;
	return ioctl(vcpu->fd, KVM_SET_SREGS, sregs) || ioctl(vcpu->fd, KVM_SET_REGS, regs) ?
	       -errno : 0;
}

static void start_regs(struct kvm_regs *regs, enum mode mode, unsigned int id)
{
	int near = mode == REAL || mode == V86;

	memset(regs, 0, sizeof(*regs));
	regs->rip = near ? 0 : W_CODE;
	regs->rsp = near ? 0x7000 : W_STACK - id * 0x1000;
	regs->rdi = id;
	regs->rflags = 2 | (mode == V86 ? RFLAGS_VM | RFLAGS_IOPL : 0);
}

/* Make a vCPU stand at W_CODE, all else as good as can be. */
int world_start(struct world *w, unsigned int id, enum mode mode, int ring)
{
	struct kvmc_vcpu *vcpu = &w->vcpu[id];
	struct kvm_sregs sregs;
	struct kvm_regs regs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	set_segments(&sregs, mode, ring);
	set_control(&sregs, mode);
	start_regs(&regs, mode, id);
	return set_state(vcpu, &sregs, &regs);
}

/* Tables, sometimes where none should be. */
static void wild_tables(struct kvm_sregs *s, struct rnd *r)
{
	static const uint64_t places[] = {
		W_HOLE, W_HOLE - 0x80, W_ROM, W_ROM + 0x1000, W_PML4, W_FAR, W_VOID, W_LAPIC, W_CODE,
	};
	unsigned int n = sizeof(places) / sizeof(places[0]);

	if (once_in(r, 6))
		s->idt.base = places[rnd_below(r, n)];
	if (once_in(r, 12))
		s->idt.limit = rnd(r) & 0x1ff;
	if (once_in(r, 8))
		s->gdt.base = places[rnd_below(r, n)];
	if (once_in(r, 10))
		s->tr.base = places[rnd_below(r, n)];
	if (once_in(r, 12))
		s->cr3 = places[rnd_below(r, n)] & 0xffffff000ull;
	if (once_in(r, 3))
		s->cr4 |= CR4_OSXSAVE;
	if (once_in(r, 3) && s->efer)
		s->efer |= EFER_NX;
	if (once_in(r, 3))
		s->cr0 |= CR0_AM;
}

static void wild_flags(struct kvm_regs *regs, struct rnd *r)
{
	static const uint32_t flags[] = {
		RFLAGS_IF, RFLAGS_IF, RFLAGS_DF, RFLAGS_IOPL, RFLAGS_AC, RFLAGS_TF,
	};

	if (once_in(r, 2))
		regs->rflags |= flags[rnd_below(r, sizeof(flags) / sizeof(flags[0]))];
	regs->rflags |= rnd(r) & 0x8d5;		/* arithmetic */
}

/* Make a vCPU stand somewhere in the garbage, with registers that point anywhere. */
int world_start_wild(struct world *w, unsigned int id, enum mode mode, struct rnd *r)
{
	struct kvmc_vcpu *vcpu = &w->vcpu[id];
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	uint64_t *gpr = (uint64_t *)&regs;
	unsigned int i;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	set_segments(&sregs, mode, once_in(r, 3) ? 3 : 0);
	set_control(&sregs, mode);
	wild_tables(&sregs, r);
	start_regs(&regs, mode, id);
	for (i = 0; i < 16; i++) {
		/* the stack is mostly good: what is done with it is in the code */
		if (&gpr[i] != (uint64_t *)&regs.rsp || once_in(r, 5))
			gpr[i] = code_pointer(r);
	}
	regs.rip += rnd_below(r, W_CODE_BYTES - 64);
	wild_flags(&regs, r);
	return set_state(vcpu, &sregs, &regs);
}

int world_start_storm(struct world *w, const struct storm *storm)
{
	unsigned int id;
	int r = 0;

	world_tables(w);
	world_gates(w, LONG64, W_CODE + 16, storm->ist);
	memcpy(at(w, W_CODE), storm->start, storm->end - storm->start);
	for (id = 0; !r && id < w->nr; id++)
		r = world_start(w, id, LONG64, 0);
	if (!r && storm->prepare)
		r = storm->prepare(w);
	return r;
}
