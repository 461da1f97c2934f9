/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Between the files of the engine: exec.c (entry points, one instruction),
 * string.c (repeated instructions), memory.c (addresses and accesses).
 *
 * All functions that return int return an enum vmm_emul_result, VMM_EMUL_DONE
 * being zero. None changes a register but those whose name says so.
 */
#ifndef VMM_EMULATE_INTERNAL_H
#define VMM_EMULATE_INTERNAL_H

#include <linux/types.h>
#include "exec.h"

/* memory.c */
u64 emul_offset(struct vmm_emul *emul, u64 rsp_add);
int emul_linear(struct vmm_emul *emul, enum vmm_seg seg, u64 offset,
		unsigned int len, bool write, u64 *addr);
int emul_mem_read(struct vmm_emul *emul, u64 addr, void *buf,
		  unsigned int len, bool for_write);
int emul_mem_write(struct vmm_emul *emul, u64 addr, const void *buf,
		   unsigned int len);
int emul_mem_read_first(struct vmm_emul *emul, u64 addr, void *buf,
			unsigned int len, u64 other, bool other_write);
int emul_fetch(struct vmm_emul *emul, enum vmm_mode mode);

/* string.c */
int emul_string(struct vmm_emul *emul);

/* exec.c */
int emul_fault(struct vmm_emul *emul, unsigned int vector);
u64 emul_reg(struct vmm_emul *emul);
void emul_set_reg(struct vmm_emul *emul, unsigned int index, u64 val,
		  unsigned int size);

/* The stack pointer's width in bytes. */
static inline unsigned int emul_stack_size(struct vmm_emul *emul)
{
	struct vmm_emul_seg ss;

	if (emul->insn.mode == VMM_MODE_64)
		return 8;
	emul->ops->get_seg(emul->ctx, VMM_SS, &ss);
	return ss.ar & (1U << 14) ? 4 : 2;
}

#endif /* VMM_EMULATE_INTERNAL_H */
