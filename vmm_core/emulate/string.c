// SPDX-License-Identifier: GPL-2.0
/*
 * String instructions: MOVS, CMPS, STOS, LODS, SCAS, with their repeats.
 *
 * Design: one iteration is one small instruction. Its registers change when
 * its accesses are complete; then the list of accesses starts anew. The
 * instruction pointer stays until the last iteration, so a repeated
 * instruction may be left between any two of them, as on the processor: for a
 * fault, an interrupt, or to give the rest of the kernel a turn.
 *
 * Locking: none, see exec.h.
 *
 * Limits: element by element, also where the processor would move more at
 * once. INS and OUTS are I/O and handled with it, not here.
 */
#include <linux/types.h>
#include "alu.h"
#include "internal.h"

static u64 string_reg(struct vmm_emul *emul, unsigned int index)
{
	return emul->ops->get_gpr(emul->ctx, index) &
	       vmm_alu_mask(emul->insn.addr_size);
}

/* Moves an index register on by one element, in the direction of DF. */
static void string_advance(struct vmm_emul *emul, unsigned int index)
{
	u64 delta = emul->insn.size;

	if (emul->ops->get_rflags(emul->ctx) & VMM_FLAG_DF)
		delta = -delta;
	emul_set_reg(emul, index, string_reg(emul, index) + delta,
		     emul->insn.addr_size);
}

static int string_source(struct vmm_emul *emul, u64 *addr)
{
	return emul_linear(emul, emul->insn.seg, string_reg(emul, VMM_RSI),
			   emul->insn.size, false, addr);
}

/* The rDI side is in ES; no prefix changes that. */
static int string_dest(struct vmm_emul *emul, bool write, u64 *addr)
{
	return emul_linear(emul, VMM_ES, string_reg(emul, VMM_RDI),
			   emul->insn.size, write, addr);
}

static int string_move(struct vmm_emul *emul)
{
	u64 src, dst, val = 0;
	int r;

	r = string_source(emul, &src);
	if (!r)
		r = string_dest(emul, true, &dst);
	if (!r)
		r = emul_mem_read_first(emul, src, &val, emul->insn.size,
					dst, true);
	if (!r)
		r = emul_mem_write(emul, dst, &val, emul->insn.size);
	if (r)
		return r;
	string_advance(emul, VMM_RSI);
	string_advance(emul, VMM_RDI);
	return VMM_EMUL_DONE;
}

static int string_load(struct vmm_emul *emul)
{
	u64 src, val = 0;
	int r;

	r = string_source(emul, &src);
	if (!r)
		r = emul_mem_read(emul, src, &val, emul->insn.size, false);
	if (r)
		return r;
	emul_set_reg(emul, VMM_RAX, val, emul->insn.size);
	string_advance(emul, VMM_RSI);
	return VMM_EMUL_DONE;
}

static int string_store(struct vmm_emul *emul)
{
	u64 dst, val = emul->ops->get_gpr(emul->ctx, VMM_RAX);
	int r;

	r = string_dest(emul, true, &dst);
	if (!r)
		r = emul_mem_write(emul, dst, &val, emul->insn.size);
	if (r)
		return r;
	string_advance(emul, VMM_RDI);
	return VMM_EMUL_DONE;
}

/* CMPS compares [rSI] with [rDI], SCAS rAX with [rDI]. */
static int string_compare(struct vmm_emul *emul)
{
	const struct vmm_emul_ops *ops = emul->ops;
	bool scan = emul->insn.op == VMM_OP_SCAS;
	unsigned int size = emul->insn.size;
	u64 src, dst, rflags, a = 0, b = 0;
	int r = VMM_EMUL_DONE;

	if (scan)
		a = ops->get_gpr(emul->ctx, VMM_RAX);
	else
		r = string_source(emul, &src);
	if (!r)
		r = string_dest(emul, false, &dst);
	if (!r && !scan)
		r = emul_mem_read_first(emul, src, &a, size, dst, false);
	if (!r)
		r = emul_mem_read(emul, dst, &b, size, false);
	if (r)
		return r;

	rflags = ops->get_rflags(emul->ctx);
	vmm_alu(VMM_OP_CMP, a, b, size, &rflags);
	ops->set_rflags(emul->ctx, rflags);
	if (!scan)
		string_advance(emul, VMM_RSI);
	string_advance(emul, VMM_RDI);
	return VMM_EMUL_DONE;
}

static int string_iteration(struct vmm_emul *emul)
{
	switch (emul->insn.op) {
	case VMM_OP_MOVS:
		return string_move(emul);
	case VMM_OP_LODS:
		return string_load(emul);
	case VMM_OP_STOS:
		return string_store(emul);
	default:
		return string_compare(emul);
	}
}

/* Does a comparison end the repetition? */
static bool string_found(struct vmm_emul *emul)
{
	bool equal;

	if (emul->insn.op != VMM_OP_CMPS && emul->insn.op != VMM_OP_SCAS)
		return false;
	equal = emul->ops->get_rflags(emul->ctx) & VMM_FLAG_ZF;
	return equal == (emul->insn.rep == VMM_REPNE);
}

/* Runs iterations until the end, an access of user space, or the bound. */
int emul_string(struct vmm_emul *emul)
{
	const struct vmm_emul_ops *ops = emul->ops;
	unsigned int i;
	u64 left;
	int r;

	if (!emul->insn.rep)
		return string_iteration(emul);

	for (i = 0; i < VMM_EMUL_REP_MAX; i++) {
		left = string_reg(emul, VMM_RCX);
		if (!left)
			return VMM_EMUL_DONE;
		if (i && ops->event_pending && ops->event_pending(emul->ctx))
			return VMM_EMUL_AGAIN;
		r = string_iteration(emul);
		if (r)
			return r;
		emul->done = 0;
		emul->next = 0;
		emul_set_reg(emul, VMM_RCX, left - 1, emul->insn.addr_size);
		if (left == 1 || string_found(emul))
			return VMM_EMUL_DONE;
	}
	return VMM_EMUL_AGAIN;
}
