// SPDX-License-Identifier: GPL-2.0
/*
 * Port accesses and internal errors: exits that user space finishes, if no
 * device of the kernel's does (irq/bus.c).
 *
 * An access is reported with the vCPU still at the instruction; the next
 * KVM_RUN finishes it (registers, memory, RIP) before the guest runs on. So
 * user space can save, or reset, a vCPU between the two: one that has been
 * moved meanwhile is left where it was put.
 *
 * String instructions go as many elements at a time as fit in the data page
 * and in one page of the guest's memory; what is left of them the processor
 * starts again, as it does after an interrupt in the middle.
 *
 * Locking: everything belongs to the vCPU's thread (vcpu->mutex).
 *
 * Limits: string operands in device memory are an internal error.
 */
#include <asm/processor-flags.h>
#include <asm/traps.h>
#include <asm/msr-index.h>
#include "abi.h"
#include "irq/bus.h"

/*
 * Which instruction this is. In long mode RIP alone: reading the base of CS
 * costs as much as the rest, and it is 0 there.
 */
static unsigned long linear_rip(struct vmm_vcpu *vcpu)
{
	unsigned long rip = vmm_read_reg(vcpu, VMM_RIP);

	return vcpu->efer & EFER_LMA ? rip : vmm_segment_base(vcpu, VMM_CS) + rip;
}

static void fill_run(struct vmm_vcpu *vcpu)
{
	const struct vmm_pio *pio = &vcpu->pio;
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_IO;
	run->io.direction = pio->in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	run->io.size = pio->size;
	run->io.port = pio->port;
	run->io.count = pio->count;
	run->io.data_offset = KVM_PIO_PAGE_OFFSET * PAGE_SIZE;
	vcpu->io_exits++;
}

static int complete_out(struct vmm_vcpu *vcpu)
{
	if (linear_rip(vcpu) == vcpu->pio.rip)
		vmm_skip_insn(vcpu);
	return 1;
}

static void set_rax(struct vmm_vcpu *vcpu, u8 size, const void *data)
{
	unsigned long rax = vmm_read_reg(vcpu, VMM_RAX);

	switch (size) {
	case 1:
		rax = (rax & ~0xfful) | *(const u8 *)data;
		break;
	case 2:
		rax = (rax & ~0xfffful) | *(const u16 *)data;
		break;
	default:
		rax = *(const u32 *)data;
	}
	vmm_write_reg(vcpu, VMM_RAX, rax);
}

static int complete_in(struct vmm_vcpu *vcpu)
{
	if (linear_rip(vcpu) != vcpu->pio.rip)
		return 1;
	set_rax(vcpu, vcpu->pio.size, vcpu->pio_data);
	vmm_skip_insn(vcpu);
	return 1;
}

/* A device of the kernel's: done at once. */
static bool in_kernel(struct vmm_vcpu *vcpu, u16 port, u8 size, bool in)
{
	u32 data = 0;

	if (in) {
		if (vmm_bus_read(vcpu, VMM_BUS_PIO, port, size, &data))
			return false;
		set_rax(vcpu, size, &data);
	} else {
		data = vmm_read_reg(vcpu, VMM_RAX);
		if (vmm_bus_write(vcpu, VMM_BUS_PIO, port, size, &data))
			return false;
	}
	vmm_skip_insn(vcpu);
	return true;
}

/**
 * vmm_pio() - IN and OUT between a port and rAX
 * @vcpu: vCPU of the calling thread, loaded
 * @port: port
 * @size: 1, 2, 4 bytes
 * @in:   direction
 *
 * Return: 1: the kernel has the device; 0: to user space.
 */
int vmm_pio(struct vmm_vcpu *vcpu, u16 port, u8 size, bool in)
{
	struct vmm_pio *pio = &vcpu->pio;

	if (rcu_access_pointer(vcpu->vm->irq.bus[VMM_BUS_PIO]) &&
	    in_kernel(vcpu, port, size, in))
		return 1;
	pio->port = port;
	pio->size = size;
	pio->in = in;
	pio->string = false;
	pio->count = 1;
	pio->rip = linear_rip(vcpu);
	fill_run(vcpu);
	if (in) {
		vcpu->complete = complete_in;
	} else {
		*(u32 *)vcpu->pio_data = vmm_read_reg(vcpu, VMM_RAX);
		vcpu->complete = complete_out;
	}
	return 0;
}

/* --- INS and OUTS -------------------------------------------------------------- */

static unsigned long addr_mask(u8 addr_size)
{
	return addr_size == 8 ? ~0ul : (1ul << (8 * addr_size)) - 1;
}

/* A 16-bit register leaves the rest of the 64 bits alone, a 32-bit one clears them. */
static void add_reg(struct vmm_vcpu *vcpu, enum vmm_reg reg, long delta, u8 addr_size)
{
	unsigned long mask = addr_mask(addr_size);
	unsigned long old = vmm_read_reg(vcpu, reg);
	unsigned long val = (old + delta) & mask;

	vmm_write_reg(vcpu, reg, addr_size == 2 ? (old & ~mask) | val : val);
}

/*
 * Translate one piece of the operand, at most up to the end of its page.
 * 0, or 1: the guest has been given a page fault.
 */
static int string_gpa(struct vmm_vcpu *vcpu, unsigned long lin, gpa_t *gpa)
{
	u32 access = (vcpu->pio.in ? VMM_PF_WRITE : 0) | (vmm_cpl(vcpu) == 3 ? VMM_PF_USER : 0);
	u32 error;

	if (!vmm_gva_to_gpa(vcpu, lin, access, gpa, &error))
		return 0;
	vmm_queue_page_fault(vcpu, lin, error);
	return 1;
}

enum string_op { STRING_CHECK, STRING_READ, STRING_WRITE };

/*
 * Check, read or write the operand: @vcpu->pio.count elements, in one page but
 * for a single one that straddles two. 0: done; else 1 or 2: ended otherwise,
 * answer 2 - that value.
 */
static int string_memory(struct vmm_vcpu *vcpu, enum string_op op)
{
	unsigned int left = vcpu->pio.count * vcpu->pio.size, n;
	unsigned long lin = vcpu->pio.lin;
	void *data = vcpu->pio_data;
	gpa_t gpa;
	int r = 0;

	for (; left; left -= n, data += n, lin += n) {
		n = min_t(unsigned int, left, PAGE_SIZE - offset_in_page(lin));
		if (string_gpa(vcpu, lin, &gpa))
			return 1;
		if (op == STRING_READ)
			r = vmm_read_guest(vcpu->vm, gpa, data, n);
		else if (op == STRING_WRITE)
			r = vmm_write_guest(vcpu->vm, gpa, data, n);
		if (r) {
			vmm_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, NULL, 0);
			return 2;
		}
	}
	return 0;
}

static int complete_string(struct vmm_vcpu *vcpu)
{
	struct vmm_pio *pio = &vcpu->pio;
	unsigned long left;
	long delta;
	int r;

	if (linear_rip(vcpu) != pio->rip)
		return 1;
	if (pio->rep) {
		/* User space may have made it fewer meanwhile. */
		left = vmm_read_reg(vcpu, VMM_RCX) & addr_mask(pio->addr_size);
		pio->count = min_t(unsigned long, pio->count, left);
	}
	delta = (long)pio->count * pio->size;
	if (pio->in) {
		r = string_memory(vcpu, STRING_WRITE);
		if (r)
			return 2 - r;
	}
	add_reg(vcpu, pio->in ? VMM_RDI : VMM_RSI, pio->down ? -delta : delta, pio->addr_size);
	if (pio->rep) {
		add_reg(vcpu, VMM_RCX, -(long)pio->count, pio->addr_size);
		if (vmm_read_reg(vcpu, VMM_RCX) & addr_mask(pio->addr_size))
			return 1;
	}
	vmm_skip_insn(vcpu);
	return 1;
}

/*
 * Offer the elements to the kernel's devices. False: the first one found nobody, all
 * of it is user space's. What is not served further on (a coalesced ring is full, or
 * the vCPU's turn is over) is left to the next time the instruction runs.
 */
static bool string_in_kernel(struct vmm_vcpu *vcpu)
{
	struct vmm_pio *pio = &vcpu->pio;
	void *data = vcpu->pio_data;
	u32 i;
	int r;

	for (i = 0; i < pio->count; i++, data += pio->size) {
		if (i && vmm_vcpu_wanted(vcpu)) {
			pio->count = i;
			break;
		}
		if (pio->in)
			r = vmm_bus_read(vcpu, VMM_BUS_PIO, pio->port, pio->size, data);
		else
			r = vmm_bus_write(vcpu, VMM_BUS_PIO, pio->port, pio->size, data);
		if (!r)
			continue;
		if (!i)
			return false;
		pio->count = i;
		break;
	}
	return true;
}

/* As many elements as can go at once; at least the one at @off. */
static u32 string_count(struct vmm_vcpu *vcpu, enum vmm_seg seg, unsigned long off,
			unsigned long want)
{
	const struct vmm_pio *pio = &vcpu->pio;
	unsigned long n = (PAGE_SIZE - offset_in_page(pio->lin)) / pio->size;
	unsigned long lin;
	u8 vector;

	n = min(n, want);
	if (pio->down || n < 2 || off + n * pio->size - 1 > addr_mask(pio->addr_size) ||
	    vmm_linear(vcpu, seg, off, n * pio->size, pio->in, &lin, &vector))
		return 1;
	return n;
}

/**
 * vmm_pio_string() - INS and OUTS
 * @vcpu: vCPU of the calling thread, loaded
 * @port: port
 * @size: 1, 2, 4 bytes an element
 * @in:   direction
 * @rep:  repeat rCX times
 * @addr_size: 2, 4, 8 bytes of rSI, rDI and rCX
 * @seg:  segment of the source; the destination's is ES
 *
 * Return: 1: nothing to do, or the guest has an exception; 0: to user space;
 * -ENOMEM.
 */
int vmm_pio_string(struct vmm_vcpu *vcpu, u16 port, u8 size, bool in, bool rep, u8 addr_size,
		   enum vmm_seg seg)
{
	unsigned long mask = addr_mask(addr_size);
	unsigned long want = rep ? vmm_read_reg(vcpu, VMM_RCX) & mask : 1;
	unsigned long off = vmm_read_reg(vcpu, in ? VMM_RDI : VMM_RSI) & mask;
	struct vmm_pio *pio = &vcpu->pio;
	u8 vector;
	int r;

	if (!want) {
		vmm_skip_insn(vcpu);
		return 1;
	}
	if (in)
		seg = VMM_ES;
	*pio = (struct vmm_pio) {
		.port = port, .size = size, .in = in, .string = true, .count = 1,
		.rip = linear_rip(vcpu), .addr_size = addr_size, .rep = rep,
		.down = vmm_read_reg(vcpu, VMM_RFLAGS) & X86_EFLAGS_DF,
	};
	r = vmm_linear(vcpu, seg, off, size, in, &pio->lin, &vector);
	if (r < 0)
		return r;
	if (r) {
		vmm_queue_exception_error(vcpu, vector, 0);
		return 1;
	}
	pio->count = string_count(vcpu, seg, off, want);
	/* Input goes where it can be written: a device's data must not get lost. */
	r = string_memory(vcpu, in ? STRING_CHECK : STRING_READ);
	if (r)
		return 2 - r;
	if (rcu_access_pointer(vcpu->vm->irq.bus[VMM_BUS_PIO]) && string_in_kernel(vcpu))
		return complete_string(vcpu);
	fill_run(vcpu);
	vcpu->complete = complete_string;
	return 0;
}

/**
 * vmm_internal_error() - give up on a guest: KVM_EXIT_INTERNAL_ERROR
 * @vcpu: vCPU of the calling thread
 * @suberror: KVM_INTERNAL_ERROR_*
 * @data: details for a person
 * @n:    how many
 *
 * Return: 0: to user space.
 */
int vmm_internal_error(struct vmm_vcpu *vcpu, u32 suberror, const u64 *data, int n)
{
	struct kvm_run *run = vcpu->run;

	n = min_t(int, n, ARRAY_SIZE(run->internal.data));
	run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run->internal.suberror = suberror;
	run->internal.ndata = n;
	if (n)
		memcpy(run->internal.data, data, n * sizeof(*data));
	return 0;
}
