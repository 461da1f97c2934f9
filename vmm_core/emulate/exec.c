// SPDX-License-Identifier: GPL-2.0
/*
 * Executes one decoded instruction on behalf of a guest.
 *
 * Purpose: serve the instructions with which guests reach devices mapped into
 * memory, and the rare one that the processor cannot finish itself.
 *
 * Design: each class of instructions reads its operands, computes, writes
 * memory, and only then sets registers and flags. An access that user space
 * must serve ends the attempt; when its data are there the instruction starts
 * again from its beginning, and the accesses that were made are not made
 * again (memory.c). So nothing half-done is ever visible, no continuation has
 * to be kept for any instruction, and an instruction that is abandoned leaves
 * no trace in the vCPU.
 *
 * Locking: none, see exec.h.
 *
 * Limits: the caller clears the interrupt shadow, clears RF and raises the
 * single-step trap after VMM_EMUL_DONE; code breakpoints and privilege were
 * checked by the processor before the exit. Operands must lie in memory.
 */
#include <linux/types.h>
#include <linux/string.h>
#include "alu.h"
#include "internal.h"

/* Records an exception with error code 0. */
int emul_fault(struct vmm_emul *emul, unsigned int vector)
{
	emul->ops->fault(emul->ctx, vector, 0);
	return VMM_EMUL_FAULT;
}

/*
 * Sets the low @size bytes of a general register. Four bytes clear the upper
 * half, as in 64-bit mode; elsewhere nobody can see it.
 */
void emul_set_reg(struct vmm_emul *emul, unsigned int index, u64 val,
		  unsigned int size)
{
	u64 mask = vmm_alu_mask(size);

	val &= mask;
	if (size < 4)
		val |= emul->ops->get_gpr(emul->ctx, index) & ~mask;
	emul->ops->set_gpr(emul->ctx, index, val);
}

/* The register operand. */
u64 emul_reg(struct vmm_emul *emul)
{
	const struct vmm_insn *insn = &emul->insn;
	u64 val = emul->ops->get_gpr(emul->ctx, insn->reg);

	if (insn->high_byte)
		val >>= 8;
	return val & vmm_alu_mask(insn->reg_size);
}

/* Sets the register operand. */
static void set_reg_operand(struct vmm_emul *emul, u64 val)
{
	const struct vmm_insn *insn = &emul->insn;
	u64 old;

	if (!insn->high_byte) {
		emul_set_reg(emul, insn->reg, val, insn->reg_size);
		return;
	}
	old = emul->ops->get_gpr(emul->ctx, insn->reg);
	val = (old & ~0xff00ULL) | (val & 0xff) << 8;
	emul->ops->set_gpr(emul->ctx, insn->reg, val);
}

/* The source operand of an instruction that writes to memory. */
static u64 source(struct vmm_emul *emul)
{
	switch (emul->insn.form) {
	case VMM_FORM_MR:
		return emul_reg(emul);
	case VMM_FORM_MI:
		return emul->insn.imm;
	default:
		return 0;
	}
}

/* Linear address of the memory operand at @offset in its segment. */
static int operand_at(struct vmm_emul *emul, u64 offset, u64 *addr)
{
	const struct vmm_insn *insn = &emul->insn;
	int r = emul_linear(emul, insn->seg, offset, insn->size,
			    insn->mem_write, addr);

	if (!r && insn->aligned && (*addr & (insn->size - 1)))
		return emul_fault(emul, VMM_EMUL_GP);
	return r;
}

/* Address and, if the instruction reads it, value of the memory operand. */
static int operand(struct vmm_emul *emul, u64 *addr, u64 *val)
{
	const struct vmm_insn *insn = &emul->insn;
	int r = operand_at(emul, emul_offset(emul, 0), addr);

	*val = 0;
	if (!r && insn->mem_read)
		r = emul_mem_read(emul, *addr, val, insn->size,
				  insn->mem_write);
	return r;
}

/* ADD to DEC. */
static int exec_arith(struct vmm_emul *emul)
{
	const struct vmm_insn *insn = &emul->insn;
	u64 rflags = emul->ops->get_rflags(emul->ctx);
	u64 addr, mem, res;
	int r;

	r = operand(emul, &addr, &mem);
	if (r)
		return r;
	if (insn->form == VMM_FORM_RM) {
		res = vmm_alu(insn->op, emul_reg(emul), mem, insn->size,
			      &rflags);
		if (insn->op != VMM_OP_CMP)
			set_reg_operand(emul, res);
	} else {
		res = vmm_alu(insn->op, mem, source(emul), insn->size, &rflags);
		if (insn->mem_write)
			r = emul_mem_write(emul, addr, &res, insn->size);
		if (r)
			return r;
	}
	emul->ops->set_rflags(emul->ctx, rflags);
	return VMM_EMUL_DONE;
}

/* BT, BTS, BTR, BTC. A bit number in a register reaches beyond the operand. */
static int exec_bit(struct vmm_emul *emul)
{
	const struct vmm_insn *insn = &emul->insn;
	unsigned int bits = 8 * insn->size, unused = 64 - bits;
	u64 rflags = emul->ops->get_rflags(emul->ctx);
	u64 offset = emul_offset(emul, 0);
	u64 addr, mem = 0, bit = source(emul);
	int r;

	if (insn->form == VMM_FORM_MR) {
		s64 number = (s64)(bit << unused) >> unused;

		offset += (u64)(number >> 3) & ~(u64)(insn->size - 1);
		offset &= vmm_alu_mask(insn->addr_size);
	}
	r = operand_at(emul, offset, &addr);
	if (!r)
		r = emul_mem_read(emul, addr, &mem, insn->size,
				  insn->mem_write);
	if (r)
		return r;
	mem = vmm_alu_bit(insn->op, mem, bit & (bits - 1), &rflags);
	if (insn->mem_write)
		r = emul_mem_write(emul, addr, &mem, insn->size);
	if (r)
		return r;
	emul->ops->set_rflags(emul->ctx, rflags);
	return VMM_EMUL_DONE;
}

static u64 swap_bytes(u64 val, unsigned int size)
{
	u64 res = 0;

	while (size--) {
		res = res << 8 | (val & 0xff);
		val >>= 8;
	}
	return res;
}

/* MOV, MOVBE, MOVZX, MOVSX, CMOVcc, SETcc. */
static int exec_move(struct vmm_emul *emul)
{
	const struct vmm_insn *insn = &emul->insn;
	unsigned int unused = 64 - 8 * insn->size;
	u64 rflags = emul->ops->get_rflags(emul->ctx);
	u64 addr, val;
	int r;

	r = operand(emul, &addr, &val);
	if (r)
		return r;
	if (insn->mem_write) {
		val = source(emul);
		if (insn->op == VMM_OP_SETCC)
			val = vmm_alu_condition(insn->cond, rflags);
		else if (insn->op == VMM_OP_MOVBE)
			val = swap_bytes(val, insn->size);
		return emul_mem_write(emul, addr, &val, insn->size);
	}

	if (insn->op == VMM_OP_MOVBE)
		val = swap_bytes(val, insn->size);
	else if (insn->op == VMM_OP_MOVSX)
		val = (u64)((s64)(val << unused) >> unused);
	else if (insn->op == VMM_OP_CMOV &&
		 !vmm_alu_condition(insn->cond, rflags))
		val = emul_reg(emul);	/* still clears the upper half */
	set_reg_operand(emul, val);
	return VMM_EMUL_DONE;
}

/* XCHG, XADD. */
static int exec_exchange(struct vmm_emul *emul)
{
	const struct vmm_insn *insn = &emul->insn;
	u64 rflags = emul->ops->get_rflags(emul->ctx);
	u64 addr, mem, val;
	int r;

	r = operand(emul, &addr, &mem);
	if (r)
		return r;
	val = emul_reg(emul);
	if (insn->op == VMM_OP_XADD)
		val = vmm_alu(VMM_OP_ADD, mem, val, insn->size, &rflags);
	r = emul_mem_write(emul, addr, &val, insn->size);
	if (r)
		return r;
	set_reg_operand(emul, mem);
	emul->ops->set_rflags(emul->ctx, rflags);
	return VMM_EMUL_DONE;
}

/* CMPXCHG. Writes in any case, as the processor does. */
static int exec_cmpxchg(struct vmm_emul *emul)
{
	const struct vmm_insn *insn = &emul->insn;
	u64 rflags = emul->ops->get_rflags(emul->ctx);
	u64 addr, mem, val;
	bool equal;
	int r;

	r = operand(emul, &addr, &mem);
	if (r)
		return r;
	vmm_alu(VMM_OP_CMP, emul->ops->get_gpr(emul->ctx, VMM_RAX), mem,
		insn->size, &rflags);
	equal = rflags & VMM_FLAG_ZF;
	val = equal ? emul_reg(emul) : mem;
	r = emul_mem_write(emul, addr, &val, insn->size);
	if (r)
		return r;
	if (!equal)
		emul_set_reg(emul, VMM_RAX, mem, insn->size);
	emul->ops->set_rflags(emul->ctx, rflags);
	return VMM_EMUL_DONE;
}

/* CMPXCHG8B and CMPXCHG16B: rDX:rAX is compared, rCX:rBX stored. */
static int exec_cmpxchg8b(struct vmm_emul *emul)
{
	const struct vmm_emul_ops *ops = emul->ops;
	unsigned int half = emul->insn.reg_size;
	u64 mask = vmm_alu_mask(half);
	u64 rflags = ops->get_rflags(emul->ctx);
	u64 addr, low = 0, high = 0;
	u8 mem[16];
	bool equal;
	int r;

	r = operand_at(emul, emul_offset(emul, 0), &addr);
	if (!r)
		r = emul_mem_read(emul, addr, mem, 2 * half, true);
	if (r)
		return r;
	memcpy(&low, mem, half);
	memcpy(&high, mem + half, half);
	equal = !(((ops->get_gpr(emul->ctx, VMM_RAX) ^ low) |
		   (ops->get_gpr(emul->ctx, VMM_RDX) ^ high)) & mask);
	if (equal) {
		u64 val = ops->get_gpr(emul->ctx, VMM_RBX);

		memcpy(mem, &val, half);
		val = ops->get_gpr(emul->ctx, VMM_RCX);
		memcpy(mem + half, &val, half);
	}
	r = emul_mem_write(emul, addr, mem, 2 * half);
	if (r)
		return r;

	rflags &= ~(u64)VMM_FLAG_ZF;
	if (equal) {
		rflags |= VMM_FLAG_ZF;
	} else {
		emul_set_reg(emul, VMM_RAX, low, half);
		emul_set_reg(emul, VMM_RDX, high, half);
	}
	ops->set_rflags(emul->ctx, rflags);
	return VMM_EMUL_DONE;
}

/* PUSH and POP of a memory operand. */
static int exec_stack(struct vmm_emul *emul)
{
	const struct vmm_insn *insn = &emul->insn;
	unsigned int width = emul_stack_size(emul);
	bool push = insn->op == VMM_OP_PUSH;
	u64 rsp = emul->ops->get_gpr(emul->ctx, VMM_RSP);
	u64 after = push ? rsp - insn->size : rsp + insn->size;
	u64 top = (push ? after : rsp) & vmm_alu_mask(width);
	u64 mem, stack, from, to, val = 0;
	int r;

	/* POP forms its address with the stack pointer that it leaves */
	r = operand_at(emul, emul_offset(emul, push ? 0 : insn->size), &mem);
	if (!r)
		r = emul_linear(emul, VMM_SS, top, insn->size, push, &stack);
	if (r)
		return r;
	from = push ? mem : stack;
	to = push ? stack : mem;
	r = emul_mem_read_first(emul, from, &val, insn->size, to, true);
	if (!r)
		r = emul_mem_write(emul, to, &val, insn->size);
	if (r)
		return r;
	emul_set_reg(emul, VMM_RSP, after, width);
	return VMM_EMUL_DONE;
}

/* Vector loads clear what they do not fill; stores take the low part. */
static int exec_vector(struct vmm_emul *emul)
{
	const struct vmm_insn *insn = &emul->insn;
	u8 val[16];
	u64 addr;
	int r;

	r = operand_at(emul, emul_offset(emul, 0), &addr);
	if (!r)
		r = emul->ops->get_vec(emul->ctx, insn->reg, val);
	if (r)
		return r;
	if (insn->mem_write)
		return emul_mem_write(emul, addr, val, insn->size);
	memset(val, 0, sizeof(val));
	r = emul_mem_read(emul, addr, val, insn->size, false);
	if (r)
		return r;
	return emul->ops->set_vec(emul->ctx, insn->reg, val);
}

static int execute(struct vmm_emul *emul)
{
	switch (emul->insn.op) {
	case VMM_OP_ADD ... VMM_OP_DEC:
		return exec_arith(emul);
	case VMM_OP_BT ... VMM_OP_BTC:
		return exec_bit(emul);
	case VMM_OP_MOV ... VMM_OP_SETCC:
		return exec_move(emul);
	case VMM_OP_XCHG:
	case VMM_OP_XADD:
		return exec_exchange(emul);
	case VMM_OP_CMPXCHG:
		return exec_cmpxchg(emul);
	case VMM_OP_CMPXCHG8B:
		return exec_cmpxchg8b(emul);
	case VMM_OP_PUSH:
	case VMM_OP_POP:
		return exec_stack(emul);
	case VMM_OP_MOVS ... VMM_OP_SCAS:
		return emul_string(emul);
	case VMM_OP_VMOV:
		return exec_vector(emul);
	case VMM_OP_NOP:
		return VMM_EMUL_DONE;
	default:
		return VMM_EMUL_UNSUPPORTED;
	}
}

/**
 * vmm_emul_init() - make an engine for one vCPU
 * @emul: engine, to be idle afterwards
 * @ops: callbacks, to live as long
 * @ctx: their first argument
 */
void vmm_emul_init(struct vmm_emul *emul, const struct vmm_emul_ops *ops,
		   void *ctx)
{
	memset(emul, 0, sizeof(*emul));
	emul->ops = ops;
	emul->ctx = ctx;
}

/**
 * vmm_emul_begin() - take up the instruction at the instruction pointer
 * @emul: engine; an instruction in flight is dropped
 * @mode: width of the code segment (CS.L with EFER.LMA, else CS.D)
 * @flags: VMM_EMUL_REAL, VMM_EMUL_LA57
 *
 * Context: the vCPU's thread; as the fetch, get_seg and fault callbacks need.
 *
 * Return: VMM_EMUL_DONE when vmm_emul_run() can go on, VMM_EMUL_FAULT, or
 * VMM_EMUL_UNSUPPORTED.
 */
enum vmm_emul_result vmm_emul_begin(struct vmm_emul *emul, enum vmm_mode mode,
				    unsigned int flags)
{
	int r;

	vmm_emul_cancel(emul);
	emul->flags = flags;
	emul->rip = emul->ops->get_rip(emul->ctx);
	r = emul_fetch(emul, mode);
	emul->busy = r == VMM_EMUL_DONE;
	return r;
}

/**
 * vmm_emul_run() - execute the instruction in flight, as far as possible
 * @emul: engine after vmm_emul_begin() or vmm_emul_mmio_done()
 *
 * After VMM_EMUL_MMIO the instruction stays in flight; until its access is
 * reported done, further calls answer VMM_EMUL_MMIO again and do nothing.
 * After anything else it is in flight no more. On VMM_EMUL_FAULT and
 * VMM_EMUL_AGAIN completed iterations of a string instruction stay done.
 *
 * Context: the vCPU's thread; as the callbacks need.
 *
 * Return: any enum vmm_emul_result.
 */
enum vmm_emul_result vmm_emul_run(struct vmm_emul *emul)
{
	u64 rip;
	int r;

	if (!emul->busy)
		return VMM_EMUL_UNSUPPORTED;
	if (emul->ops->get_rip(emul->ctx) != emul->rip) {
		/* user space has reset or moved the vCPU meanwhile */
		vmm_emul_cancel(emul);
		return VMM_EMUL_AGAIN;
	}
	if (emul->pending)
		return VMM_EMUL_MMIO;

	emul->next = 0;
	r = execute(emul);
	if (r == VMM_EMUL_DONE) {
		rip = emul->rip + emul->insn.len;
		if (emul->insn.mode != VMM_MODE_64)
			rip = (u32)rip;
		emul->ops->set_rip(emul->ctx, rip);
	}
	if (r != VMM_EMUL_MMIO)
		vmm_emul_cancel(emul);
	return r;
}

/**
 * vmm_emul_mmio_done() - report that user space has served the access
 * @emul: engine after VMM_EMUL_MMIO
 * @data: what was read, as many bytes as were asked for; ignored for a write
 *
 * Without an access under way it does nothing.
 */
void vmm_emul_mmio_done(struct vmm_emul *emul, const void *data)
{
	struct vmm_emul_access *acc = &emul->access[emul->done];

	if (!emul->pending)
		return;
	if (!acc->write)
		memcpy(acc->data, data, acc->len);
	emul->pending = false;
	emul->done++;
}

/**
 * vmm_emul_cancel() - drop the instruction in flight, if any
 * @emul: engine
 *
 * For a vCPU that is reset. The guest's registers stay as they are.
 */
void vmm_emul_cancel(struct vmm_emul *emul)
{
	emul->busy = false;
	emul->pending = false;
	emul->done = 0;
	emul->next = 0;
}
