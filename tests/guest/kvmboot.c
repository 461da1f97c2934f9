// SPDX-License-Identifier: GPL-2.0
/*
 * Processor modes of the test client: tables in guest memory and registers.
 *
 * All tables lie below PAYLOAD_GPA at the addresses in payload.h. They are the
 * same for every vCPU of a VM and written anew for each: the bytes do not
 * differ, so vCPUs that already run do not notice.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvmclient.h"

#define CR0_PE		(1ul << 0)
#define CR0_MP		(1ul << 1)
#define CR0_ET		(1ul << 4)
#define CR0_NE		(1ul << 5)
#define CR0_WP		(1ul << 16)
#define CR0_PG		(1ul << 31)
#define CR4_PAE		(1ul << 5)
#define CR4_OSFXSR	(1ul << 9)
#define CR4_OSXMMEXCPT	(1ul << 10)
#define EFER_LME	(1ul << 8)
#define EFER_LMA	(1ul << 10)

#define PTE_P		(1ull << 0)
#define PTE_RW		(1ull << 1)
#define PTE_PS		(1ull << 7)

#define SEL_CODE	0x08
#define SEL_DATA	0x10
#define SEL_TSS		0x18

#define TYPE_CODE	0xb	/* execute, read, accessed */
#define TYPE_DATA	0x3	/* read, write, accessed */
#define TYPE_TSS_BUSY	0xb
#define GATE_INTR	0x8e	/* present, DPL 0, interrupt gate */

static struct kvm_segment flat_segment(uint16_t selector, uint8_t type)
{
	return (struct kvm_segment) {
		.limit = 0xffffffff,
		.selector = selector,
		.type = type,
		.present = 1,
		.s = 1,
		.g = 1,
		.db = 1,
	};
}

/* The descriptor that a load of the segment would have read. */
static uint64_t descriptor(const struct kvm_segment *s)
{
	uint64_t limit = s->g ? s->limit >> 12 : s->limit;

	return (limit & 0xffff) | (s->base & 0xffffff) << 16 |
	       (uint64_t)s->type << 40 | (uint64_t)s->s << 44 |
	       (uint64_t)s->dpl << 45 | (uint64_t)s->present << 47 |
	       (limit >> 16 & 0xf) << 48 | (uint64_t)s->l << 53 |
	       (uint64_t)s->db << 54 | (uint64_t)s->g << 55 |
	       (s->base >> 24 & 0xff) << 56;
}

static void set_segments(struct kvmc_vm *vm, struct kvm_sregs *sregs,
			 int long_mode)
{
	uint64_t *gdt = (uint64_t *)(vm->mem + GUEST_GDT_GPA);
	struct kvm_segment code = flat_segment(SEL_CODE, TYPE_CODE);
	struct kvm_segment data = flat_segment(SEL_DATA, TYPE_DATA);
	struct kvm_segment tss = {
		.base = GUEST_TSS_GPA,
		.limit = 0x67,
		.selector = SEL_TSS,
		.type = TYPE_TSS_BUSY,
		.present = 1,
	};

	if (long_mode) {
		code.l = 1;
		code.db = 0;
	}
	gdt[0] = 0;
	gdt[SEL_CODE / 8] = descriptor(&code);
	gdt[SEL_DATA / 8] = descriptor(&data);
	gdt[SEL_TSS / 8] = descriptor(&tss);
	gdt[SEL_TSS / 8 + 1] = 0;
	sregs->gdt.base = GUEST_GDT_GPA;
	sregs->gdt.limit = 5 * 8 - 1;
	sregs->cs = code;
	sregs->ds = data;
	sregs->es = data;
	sregs->fs = data;
	sregs->gs = data;
	sregs->ss = data;
	sregs->tr = tss;
}

static void set_gate64(struct kvmc_vm *vm, unsigned int vector, uint64_t to)
{
	uint64_t *idt = (uint64_t *)(vm->mem + GUEST_IDT_GPA) + 2 * vector;

	idt[0] = (to & 0xffff) | SEL_CODE << 16 | (uint64_t)GATE_INTR << 40 |
		 (to >> 16 & 0xffff) << 48;
	idt[1] = to >> 32;
}

static void set_page_tables(struct kvmc_vm *vm)
{
	uint64_t *pml4 = (uint64_t *)(vm->mem + GUEST_PML4_GPA);
	uint64_t *pdpt = (uint64_t *)(vm->mem + GUEST_PDPT_GPA);
	uint64_t *pd = (uint64_t *)(vm->mem + GUEST_PD_GPA);
	uint64_t i;

	pml4[0] = GUEST_PDPT_GPA | PTE_P | PTE_RW;
	for (i = 0; i < 4; i++)
		pdpt[i] = (GUEST_PD_GPA + i * 0x1000) | PTE_P | PTE_RW;
	for (i = 0; i < 4 * 512; i++)
		pd[i] = i << 21 | PTE_P | PTE_RW | PTE_PS;
}

static void mode_real(struct kvm_sregs *sregs, uint64_t entry)
{
	sregs->cs.base = entry & ~0xfull;
	sregs->cs.selector = entry >> 4;
}

static void mode_prot32(struct kvmc_vm *vm, struct kvm_sregs *sregs)
{
	set_segments(vm, sregs, 0);
	sregs->cr0 = CR0_PE | CR0_ET | CR0_NE;
}

static void mode_long64(struct kvmc_vcpu *vcpu, struct kvm_sregs *sregs)
{
	struct kvmc_vm *vm = vcpu->vm;

	set_segments(vm, sregs, 1);
	set_page_tables(vm);
	sregs->idt.base = GUEST_IDT_GPA;
	sregs->idt.limit = 256 * 16 - 1;
	sregs->gs.base = GUEST_PARAMS_GPA + vcpu->id * 0x1000 + 0x800;
	sregs->cr0 = CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG;
	sregs->cr3 = GUEST_PML4_GPA;
	sregs->cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
	sregs->efer = EFER_LME | EFER_LMA;
}

/**
 * kvmc_vcpu_mode() - make the vCPU ready to start in a processor mode
 * @vcpu: the vCPU, just created
 * @mode: the mode
 * @entry: guest-physical address of its first instruction, below 1 MiB for
 *         KVMC_MODE_REAL
 *
 * RDI holds the address of the parameters (not in real mode), RSP a stack of
 * the vCPU's own.
 */
int kvmc_vcpu_mode(struct kvmc_vcpu *vcpu, enum kvmc_mode mode, uint64_t entry)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = {
		.rip = mode == KVMC_MODE_REAL ? entry & 0xf : entry,
		.rsp = GUEST_STACK_GPA - vcpu->id * GUEST_STACK_BYTES,
		.rdi = GUEST_PARAMS_GPA + vcpu->id * 0x1000,
		.rflags = 2,
	};

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		return -errno;
	switch (mode) {
	case KVMC_MODE_REAL:
		mode_real(&sregs, entry);
		regs.rsp = 0x7000;
		regs.rdi = 0;
		break;
	case KVMC_MODE_PROT32:
		mode_prot32(vcpu->vm, &sregs);
		break;
	case KVMC_MODE_LONG64:
		mode_long64(vcpu, &sregs);
		break;
	}
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) ||
	    ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		return -errno;
	return 0;
}

static uint64_t head_word(struct kvmc_vm *vm, unsigned int offset)
{
	uint64_t word;

	memcpy(&word, vm->mem + PAYLOAD_GPA + offset, sizeof(word));
	return word;
}

/**
 * kvmc_vcpu_payload() - load the 64-bit program and stand at its entry
 * @vcpu: the vCPU; its CPUID is set here too
 *
 * What the program shall do is written to @vcpu->params by the caller, before
 * or after.
 */
int kvmc_vcpu_payload(struct kvmc_vcpu *vcpu)
{
	struct kvmc_vm *vm = vcpu->vm;
	size_t bytes = payload64_end - payload64_start;
	unsigned int i;
	int ret;

	if (bytes > PAYLOAD_MAX || vm->mem_bytes < GUEST_LOW_BYTES)
		return -E2BIG;
	memcpy(vm->mem + PAYLOAD_GPA, payload64_start, bytes);
	if (head_word(vm, 0) != PAYLOAD_MAGIC)
		return -ENOEXEC;
	for (i = 0; i < 32; i++)
		set_gate64(vm, i, head_word(vm, PAYLOAD_OFF_FAULT) +
			   i * FAULT_STUB_BYTES);
	for (; i < 256; i++)
		set_gate64(vm, i, head_word(vm, PAYLOAD_OFF_IRQ));
	ret = kvmc_vcpu_cpuid(vcpu);
	if (ret)
		return ret;
	return kvmc_vcpu_mode(vcpu, KVMC_MODE_LONG64,
			      head_word(vm, PAYLOAD_OFF_ENTRY));
}
