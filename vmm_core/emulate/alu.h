/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Integer arithmetic with the flags that x86 computes. Pure; see alu.c.
 */
#ifndef VMM_EMULATE_ALU_H
#define VMM_EMULATE_ALU_H

#include <linux/types.h>
#include "decode.h"

#define VMM_FLAG_CF	(1U << 0)
#define VMM_FLAG_PF	(1U << 2)
#define VMM_FLAG_AF	(1U << 4)
#define VMM_FLAG_ZF	(1U << 6)
#define VMM_FLAG_SF	(1U << 7)
#define VMM_FLAG_DF	(1U << 10)
#define VMM_FLAG_OF	(1U << 11)

/* The bits that a number of @size bytes can hold. */
static inline u64 vmm_alu_mask(unsigned int size)
{
	return size >= 8 ? ~0ULL : (1ULL << (8 * size)) - 1;
}

u64 vmm_alu(enum vmm_op op, u64 dst, u64 src, unsigned int size, u64 *rflags);
u64 vmm_alu_bit(enum vmm_op op, u64 dst, unsigned int bit, u64 *rflags);
bool vmm_alu_condition(unsigned int cond, u64 rflags);

#endif /* VMM_EMULATE_ALU_H */
