/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instruction decoder: from bytes to struct vmm_insn.
 *
 * The contract between decode.c, which knows encodings, and exec.c, which
 * knows meanings. Pure: no state, no allocation, no guest. Needs nothing but
 * <linux/types.h>, so the same files are tested in user space.
 *
 * Locking: none.
 */
#ifndef VMM_EMULATE_DECODE_H
#define VMM_EMULATE_DECODE_H

#include <linux/types.h>

/* The longest instruction the architecture allows, in bytes. */
#define VMM_INSN_MAX	15

/* Values of vmm_insn.base and vmm_insn.index beside the numbers 0 to 15. */
#define VMM_REG_NONE	0xff
#define VMM_REG_RIP	0xfe

#ifndef _VMM_CORE_VMM_H		/* vmm.h has the same, and more of each */
/* Register numbers, as the architecture encodes them. */
enum vmm_reg {
	VMM_RAX, VMM_RCX, VMM_RDX, VMM_RBX, VMM_RSP, VMM_RBP, VMM_RSI, VMM_RDI,
};

/* Segment registers, as the architecture encodes them. */
enum vmm_seg {
	VMM_ES, VMM_CS, VMM_SS, VMM_DS, VMM_FS, VMM_GS,
};
#endif

/* Width of the code segment. Real and virtual-8086 mode are 16-bit. */
enum vmm_mode {
	VMM_MODE_16,
	VMM_MODE_32,
	VMM_MODE_64,
};

/* What the instruction does. The first eight are in the order of opcodes. */
enum vmm_op {
	VMM_OP_ADD, VMM_OP_OR, VMM_OP_ADC, VMM_OP_SBB,
	VMM_OP_AND, VMM_OP_SUB, VMM_OP_XOR, VMM_OP_CMP,
	VMM_OP_TEST, VMM_OP_NOT, VMM_OP_NEG, VMM_OP_INC, VMM_OP_DEC,
	VMM_OP_BT, VMM_OP_BTS, VMM_OP_BTR, VMM_OP_BTC,
	VMM_OP_MOV, VMM_OP_MOVZX, VMM_OP_MOVSX, VMM_OP_MOVBE,
	VMM_OP_CMOV, VMM_OP_SETCC,
	VMM_OP_XCHG, VMM_OP_XADD, VMM_OP_CMPXCHG, VMM_OP_CMPXCHG8B,
	VMM_OP_PUSH, VMM_OP_POP,
	VMM_OP_MOVS, VMM_OP_CMPS, VMM_OP_STOS, VMM_OP_LODS, VMM_OP_SCAS,
	VMM_OP_VMOV,		/* to or from a vector register */
	VMM_OP_NOP,		/* touches a cache line, has no result */
	VMM_OP_COUNT,
};

/* Where the operands are. */
enum vmm_form {
	VMM_FORM_MR,		/* memory is destination, register source */
	VMM_FORM_RM,		/* register is destination, memory source */
	VMM_FORM_MI,		/* memory is destination, immediate source */
	VMM_FORM_M,		/* memory only */
	VMM_FORM_STRING,	/* rSI and rDI */
};

/* Repeat prefixes. */
enum vmm_rep {
	VMM_REP_NONE,
	VMM_REP,		/* 0xf3: REP, REPE */
	VMM_REPNE,		/* 0xf2 */
};

/* Answers of vmm_decode(). */
enum vmm_decode_result {
	VMM_DECODE_OK,
	VMM_DECODE_MORE,	/* the instruction goes on behind the bytes given */
	VMM_DECODE_UNSUPPORTED,	/* not in the tables, or no memory operand */
	VMM_DECODE_UD,		/* the processor raises #UD for it */
	VMM_DECODE_TOO_LONG,	/* over 15 bytes: the processor raises #GP(0) */
};

/**
 * struct vmm_insn - one decoded instruction with a memory operand
 * @op: enum vmm_op
 * @form: enum vmm_form
 * @mode: enum vmm_mode it was decoded for
 * @len: length in bytes, 1 to 15
 * @size: bytes of the memory operand (of one element for a string)
 * @reg_size: bytes of the register operand; differs from @size for
 *	extensions only
 * @addr_size: bytes of an address, 2, 4 or 8
 * @seg: enum vmm_seg of the memory operand, default or override; for strings
 *	of the rSI side
 * @reg: register operand 0 to 15, a vector register for VMM_OP_VMOV
 * @high_byte: the register operand is AH, CH, DH or BH of register @reg
 * @base: 0 to 15, VMM_REG_NONE or VMM_REG_RIP (address of the next
 *	instruction)
 * @index: 0 to 15 or VMM_REG_NONE
 * @scale: left shift for @index, 0 to 3
 * @disp: displacement, sign-extended; the whole offset for A0 to A3
 * @imm: immediate operand, sign-extended to 64 bits
 * @rep: enum vmm_rep, strings only
 * @cond: condition code 0 to 15 for VMM_OP_CMOV and VMM_OP_SETCC
 * @lock: has a LOCK prefix (XCHG is locked without it)
 * @aligned: a vector operand that must be naturally aligned
 * @mem_read: reads its memory operand
 * @mem_write: writes its memory operand
 */
struct vmm_insn {
	u8 op;
	u8 form;
	u8 mode;
	u8 len;
	u8 size;
	u8 reg_size;
	u8 addr_size;
	u8 seg;
	u8 reg;
	bool high_byte;
	u8 base;
	u8 index;
	u8 scale;
	u8 rep;
	u8 cond;
	bool lock;
	bool aligned;
	bool mem_read;
	bool mem_write;
	s64 disp;
	u64 imm;
};

enum vmm_decode_result vmm_decode(struct vmm_insn *insn, const u8 *bytes,
				  unsigned int count, enum vmm_mode mode);

#endif /* VMM_EMULATE_DECODE_H */
