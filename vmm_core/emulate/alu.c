// SPDX-License-Identifier: GPL-2.0
/*
 * Integer arithmetic with the flags that x86 computes.
 *
 * Design: carries are read off the operands and the result by Boolean
 * identities, so the same lines serve all operand sizes and no compiler
 * extension or inline assembly is needed.
 *
 * Locking: none, pure.
 *
 * Limits: where the architecture leaves a flag undefined this code does what
 * Intel's processors do: AF is cleared by AND, OR, XOR and TEST; BT and its
 * family touch CF only.
 */
#include <linux/types.h>
#include "alu.h"

#define ARITH_FLAGS	(VMM_FLAG_CF | VMM_FLAG_PF | VMM_FLAG_AF | \
			 VMM_FLAG_ZF | VMM_FLAG_SF | VMM_FLAG_OF)

/* Even parity of the lowest byte. */
static bool parity(u64 val)
{
	val ^= val >> 4;
	/* bit n of the constant: number n has an even count of ones */
	return (0x9669 >> (val & 0xf)) & 1;
}

/* The flags that depend on the result alone. */
static u64 result_flags(u64 res, u64 top)
{
	u64 flags = 0;

	if (parity(res))
		flags |= VMM_FLAG_PF;
	if (!res)
		flags |= VMM_FLAG_ZF;
	if (res & top)
		flags |= VMM_FLAG_SF;
	return flags;
}

/*
 * @carry has a one wherever addition carried out of, or subtraction borrowed
 * for, that bit; @overflow is looked at in the top bit only.
 */
static u64 carry_flags(u64 carry, u64 overflow, u64 top)
{
	u64 flags = 0;

	if (carry & top)
		flags |= VMM_FLAG_CF;
	if (carry & 0x8)
		flags |= VMM_FLAG_AF;
	if (overflow & top)
		flags |= VMM_FLAG_OF;
	return flags;
}

/**
 * vmm_alu() - compute one arithmetic or logic operation
 * @op: VMM_OP_ADD to VMM_OP_DEC; the one-operand ones use @dst only
 * @dst: first operand, bits above @size are ignored
 * @src: second operand, bits above @size are ignored
 * @size: operand size in bytes: 1, 2, 4 or 8
 * @rflags: flags before, replaced by the flags after
 *
 * CMP and TEST only compute flags: they return @dst.
 *
 * Return: the result, zero above @size.
 */
u64 vmm_alu(enum vmm_op op, u64 dst, u64 src, unsigned int size, u64 *rflags)
{
	u64 mask = vmm_alu_mask(size);
	u64 top = mask ^ (mask >> 1);
	u64 carry_in = *rflags & VMM_FLAG_CF;
	u64 changed = ARITH_FLAGS;
	u64 flags = 0, res;

	dst &= mask;
	src &= mask;
	if (op == VMM_OP_INC || op == VMM_OP_DEC) {
		src = 1;
		changed &= ~(u64)VMM_FLAG_CF;
	} else if (op == VMM_OP_NEG) {
		src = dst;
		dst = 0;
	}
	if (op != VMM_OP_ADC && op != VMM_OP_SBB)
		carry_in = 0;

	switch (op) {
	case VMM_OP_NOT:
		return ~dst & mask;
	case VMM_OP_AND:
	case VMM_OP_TEST:
		res = dst & src;
		break;
	case VMM_OP_OR:
		res = dst | src;
		break;
	case VMM_OP_XOR:
		res = dst ^ src;
		break;
	case VMM_OP_ADD:
	case VMM_OP_ADC:
	case VMM_OP_INC:
		res = dst + src + carry_in;
		flags = carry_flags((dst & src) | ((dst | src) & ~res),
				    (dst ^ res) & (src ^ res), top);
		break;
	case VMM_OP_SUB:
	case VMM_OP_SBB:
	case VMM_OP_CMP:
	case VMM_OP_DEC:
	case VMM_OP_NEG:
		res = dst - src - carry_in;
		flags = carry_flags((~dst & src) | ((~dst | src) & res),
				    (dst ^ src) & (dst ^ res), top);
		break;
	default:
		return dst;
	}

	res &= mask;
	flags |= result_flags(res, top);
	*rflags = (*rflags & ~changed) | (flags & changed);
	return op == VMM_OP_CMP || op == VMM_OP_TEST ? dst : res;
}

/**
 * vmm_alu_bit() - test and change one bit
 * @op: VMM_OP_BT, VMM_OP_BTS, VMM_OP_BTR or VMM_OP_BTC
 * @dst: operand
 * @bit: bit number below 64
 * @rflags: CF becomes the bit's old value
 *
 * Return: the operand with the bit kept, set, reset or complemented.
 */
u64 vmm_alu_bit(enum vmm_op op, u64 dst, unsigned int bit, u64 *rflags)
{
	u64 one = 1ULL << bit;

	*rflags &= ~(u64)VMM_FLAG_CF;
	if (dst & one)
		*rflags |= VMM_FLAG_CF;

	switch (op) {
	case VMM_OP_BTS:
		return dst | one;
	case VMM_OP_BTR:
		return dst & ~one;
	case VMM_OP_BTC:
		return dst ^ one;
	default:
		return dst;
	}
}

/**
 * vmm_alu_condition() - does a condition hold?
 * @cond: the low four bits of Jcc, SETcc or CMOVcc
 * @rflags: flags to look at
 *
 * Return: whether it holds.
 */
bool vmm_alu_condition(unsigned int cond, u64 rflags)
{
	bool less = !(rflags & VMM_FLAG_SF) != !(rflags & VMM_FLAG_OF);
	bool yes = false;

	switch (cond >> 1) {
	case 0:
		yes = rflags & VMM_FLAG_OF;
		break;
	case 1:
		yes = rflags & VMM_FLAG_CF;
		break;
	case 2:
		yes = rflags & VMM_FLAG_ZF;
		break;
	case 3:
		yes = rflags & (VMM_FLAG_CF | VMM_FLAG_ZF);
		break;
	case 4:
		yes = rflags & VMM_FLAG_SF;
		break;
	case 5:
		yes = rflags & VMM_FLAG_PF;
		break;
	case 6:
		yes = less;
		break;
	case 7:
		yes = less || (rflags & VMM_FLAG_ZF);
		break;
	}
	/* the lowest bit negates */
	return yes != (cond & 1);
}
