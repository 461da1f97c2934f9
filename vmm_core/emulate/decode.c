// SPDX-License-Identifier: GPL-2.0
/*
 * Instruction decoder for accesses to memory-mapped devices.
 *
 * Purpose: an EPT violation on memory that nothing backs names an address,
 * not what the instruction wanted there. This file finds that out from the
 * bytes of the instruction.
 *
 * Design: the tables are the decoder. One entry for each opcode says what it
 * does, where its operands are and which immediate follows; the code reads
 * prefixes, opcode, ModRM, SIB, displacement and immediate in that order.
 * Only instructions with a memory operand are decoded: the form with two
 * registers cannot have caused the exit.
 *
 * Locking: none, pure.
 *
 * Limits: no VEX, EVEX or x87, no shifts or multiplications, no instruction
 * that loads a segment register or branches. What the tables do not have is
 * VMM_DECODE_UNSUPPORTED, never a guess.
 */
#include <linux/types.h>
#include <linux/string.h>
#include "decode.h"

/* What the tables say beside operation and form. */
enum {
	OP_BYTE		= 1 << 0,	/* memory operand of one byte */
	OP_WORD		= 1 << 1,	/* memory operand of two bytes */
	OP_DWORD	= 1 << 2,	/* memory operand of four bytes */
	OP_IMM8		= 1 << 3,	/* sign-extended immediate byte follows */
	OP_IMM		= 1 << 4,	/* immediate of operand size, at most 4 */
	OP_LOCK		= 1 << 5,	/* LOCK is allowed if memory is written */
	OP_READ		= 1 << 6,	/* reads memory */
	OP_WRITE	= 1 << 7,	/* writes memory */
	OP_MOFFS	= 1 << 8,	/* no ModRM: address follows, reg is rAX */
	OP_STRING	= 1 << 9,	/* no ModRM: rSI and rDI, reg is rAX */
	OP_ONLY64	= 1 << 10,	/* exists in 64-bit mode only */
	OP_NOT64	= 1 << 11,	/* exists outside 64-bit mode only */
	OP_STACK	= 1 << 12,	/* 64 bits by default in 64-bit mode */
	OP_GROUP	= 1 << 13,	/* op is an index into op_groups */
	OP_NOPREFIX	= 1 << 14,	/* 66, F2 and F3 make another instruction */
	OP_NOREP	= 1 << 15,	/* F2 and F3 make another instruction */
	OP_VALID	= 1 << 16,	/* present in the table */

	OP_RMW		= OP_READ | OP_WRITE,
};

struct opcode {
	u8 op;
	u8 form;
	u32 flags;
};

/* Opcodes whose ModRM reg field selects the operation. */
enum op_group {
	GROUP_1,	/* 80 to 83 */
	GROUP_1A,	/* 8F */
	GROUP_3,	/* F6, F7 */
	GROUP_4,	/* FE */
	GROUP_5,	/* FF */
	GROUP_8,	/* 0F BA */
	GROUP_9,	/* 0F C7 */
	GROUP_11,	/* C6, C7 */
	GROUP_15,	/* 0F AE */
	GROUP_COUNT,
};

#define OP(_op, _form, _flags) { VMM_OP_##_op, VMM_FORM_##_form, (_flags) | OP_VALID }
#define GROUP(_group, _flags) \
	{ GROUP_##_group, VMM_FORM_M, (_flags) | OP_GROUP | OP_VALID }

/* Two forms for each row: operands of a byte, and of the operand size. */
#define PAIR(_code, _op, _form, _flags)					\
	[(_code)] = OP(_op, _form, (_flags) | OP_BYTE),			\
	[(_code) + 1] = OP(_op, _form, (_flags))

static const struct opcode op_one_byte[256] = {
	PAIR(0x00, ADD, MR, OP_RMW | OP_LOCK),
	PAIR(0x02, ADD, RM, OP_READ),
	PAIR(0x08, OR, MR, OP_RMW | OP_LOCK),
	PAIR(0x0a, OR, RM, OP_READ),
	PAIR(0x10, ADC, MR, OP_RMW | OP_LOCK),
	PAIR(0x12, ADC, RM, OP_READ),
	PAIR(0x18, SBB, MR, OP_RMW | OP_LOCK),
	PAIR(0x1a, SBB, RM, OP_READ),
	PAIR(0x20, AND, MR, OP_RMW | OP_LOCK),
	PAIR(0x22, AND, RM, OP_READ),
	PAIR(0x28, SUB, MR, OP_RMW | OP_LOCK),
	PAIR(0x2a, SUB, RM, OP_READ),
	PAIR(0x30, XOR, MR, OP_RMW | OP_LOCK),
	PAIR(0x32, XOR, RM, OP_READ),
	PAIR(0x38, CMP, MR, OP_READ),
	PAIR(0x3a, CMP, RM, OP_READ),
	[0x63] = OP(MOVSX, RM, OP_READ | OP_DWORD | OP_ONLY64),
	[0x80] = GROUP(1, OP_BYTE | OP_IMM8),
	[0x81] = GROUP(1, OP_IMM),
	[0x82] = GROUP(1, OP_BYTE | OP_IMM8 | OP_NOT64),
	[0x83] = GROUP(1, OP_IMM8),
	PAIR(0x84, TEST, MR, OP_READ),
	PAIR(0x86, XCHG, MR, OP_RMW | OP_LOCK),
	PAIR(0x88, MOV, MR, OP_WRITE),
	PAIR(0x8a, MOV, RM, OP_READ),
	[0x8f] = GROUP(1A, OP_STACK),
	PAIR(0xa0, MOV, RM, OP_READ | OP_MOFFS),
	PAIR(0xa2, MOV, MR, OP_WRITE | OP_MOFFS),
	PAIR(0xa4, MOVS, STRING, OP_RMW | OP_STRING),
	PAIR(0xa6, CMPS, STRING, OP_READ | OP_STRING),
	PAIR(0xaa, STOS, STRING, OP_WRITE | OP_STRING),
	PAIR(0xac, LODS, STRING, OP_READ | OP_STRING),
	PAIR(0xae, SCAS, STRING, OP_READ | OP_STRING),
	[0xc6] = GROUP(11, OP_BYTE | OP_IMM8),
	[0xc7] = GROUP(11, OP_IMM),
	[0xf6] = GROUP(3, OP_BYTE),
	[0xf7] = GROUP(3, 0),
	[0xfe] = GROUP(4, OP_BYTE),
	[0xff] = GROUP(5, 0),
};

/* 0F xx, but for the vector moves, whose operation hangs on the prefix. */
static const struct opcode op_two_byte[256] = {
	[0x40 ... 0x4f] = OP(CMOV, RM, OP_READ),
	[0x90 ... 0x9f] = OP(SETCC, M, OP_WRITE | OP_BYTE),
	[0xa3] = OP(BT, MR, OP_READ),
	[0xab] = OP(BTS, MR, OP_RMW | OP_LOCK),
	[0xae] = GROUP(15, OP_BYTE | OP_NOREP),
	PAIR(0xb0, CMPXCHG, MR, OP_RMW | OP_LOCK),
	[0xb3] = OP(BTR, MR, OP_RMW | OP_LOCK),
	[0xb6] = OP(MOVZX, RM, OP_READ | OP_BYTE),
	[0xb7] = OP(MOVZX, RM, OP_READ | OP_WORD),
	[0xba] = GROUP(8, OP_IMM8),
	[0xbb] = OP(BTC, MR, OP_RMW | OP_LOCK),
	[0xbe] = OP(MOVSX, RM, OP_READ | OP_BYTE),
	[0xbf] = OP(MOVSX, RM, OP_READ | OP_WORD),
	PAIR(0xc0, XADD, MR, OP_RMW | OP_LOCK),
	[0xc3] = OP(MOV, MR, OP_WRITE | OP_NOPREFIX),
	[0xc7] = GROUP(9, 0),
};

/* By ModRM reg field. The flags add to those of the opcode. */
static const struct opcode op_groups[GROUP_COUNT][8] = {
	[GROUP_1] = {
		OP(ADD, MI, OP_RMW | OP_LOCK), OP(OR, MI, OP_RMW | OP_LOCK),
		OP(ADC, MI, OP_RMW | OP_LOCK), OP(SBB, MI, OP_RMW | OP_LOCK),
		OP(AND, MI, OP_RMW | OP_LOCK), OP(SUB, MI, OP_RMW | OP_LOCK),
		OP(XOR, MI, OP_RMW | OP_LOCK), OP(CMP, MI, OP_READ),
	},
	[GROUP_1A] = {
		[0] = OP(POP, M, OP_WRITE),
	},
	[GROUP_3] = {
		[0] = OP(TEST, MI, OP_READ | OP_IMM),
		[1] = OP(TEST, MI, OP_READ | OP_IMM),
		[2] = OP(NOT, M, OP_RMW | OP_LOCK),
		[3] = OP(NEG, M, OP_RMW | OP_LOCK),
	},
	[GROUP_4] = {
		[0] = OP(INC, M, OP_RMW | OP_LOCK),
		[1] = OP(DEC, M, OP_RMW | OP_LOCK),
	},
	[GROUP_5] = {
		[0] = OP(INC, M, OP_RMW | OP_LOCK),
		[1] = OP(DEC, M, OP_RMW | OP_LOCK),
		[6] = OP(PUSH, M, OP_READ | OP_STACK),
	},
	[GROUP_8] = {
		[4] = OP(BT, MI, OP_READ), [5] = OP(BTS, MI, OP_RMW | OP_LOCK),
		[6] = OP(BTR, MI, OP_RMW | OP_LOCK),
		[7] = OP(BTC, MI, OP_RMW | OP_LOCK),
	},
	[GROUP_9] = {
		[1] = OP(CMPXCHG8B, M, OP_RMW | OP_LOCK),
	},
	[GROUP_11] = {
		[0] = OP(MOV, MI, OP_WRITE),
	},
	[GROUP_15] = {
		/* XSAVEOPT or CLWB, CLFLUSH or CLFLUSHOPT: see decode_group() */
		[6] = OP(NOP, M, OP_READ), [7] = OP(NOP, M, OP_READ),
	},
};

/* Mandatory prefixes of vector moves. */
enum { PFX_NONE, PFX_66, PFX_F3, PFX_F2 };

struct vector_move {
	u16 code;	/* 0F xx, or 38xx for 0F 38 xx */
	u8 prefix;
	u8 form;
	u8 size;	/* 0: by REX.W, 4 or 8 */
	bool aligned;
};

static const struct vector_move vector_moves[] = {
	{ 0x10, PFX_NONE, VMM_FORM_RM, 16, false },	/* MOVUPS */
	{ 0x10, PFX_66, VMM_FORM_RM, 16, false },	/* MOVUPD */
	{ 0x10, PFX_F3, VMM_FORM_RM, 4, false },	/* MOVSS */
	{ 0x10, PFX_F2, VMM_FORM_RM, 8, false },	/* MOVSD */
	{ 0x11, PFX_NONE, VMM_FORM_MR, 16, false },
	{ 0x11, PFX_66, VMM_FORM_MR, 16, false },
	{ 0x11, PFX_F3, VMM_FORM_MR, 4, false },
	{ 0x11, PFX_F2, VMM_FORM_MR, 8, false },
	{ 0x28, PFX_NONE, VMM_FORM_RM, 16, true },	/* MOVAPS */
	{ 0x28, PFX_66, VMM_FORM_RM, 16, true },	/* MOVAPD */
	{ 0x29, PFX_NONE, VMM_FORM_MR, 16, true },
	{ 0x29, PFX_66, VMM_FORM_MR, 16, true },
	{ 0x2b, PFX_NONE, VMM_FORM_MR, 16, true },	/* MOVNTPS */
	{ 0x2b, PFX_66, VMM_FORM_MR, 16, true },	/* MOVNTPD */
	{ 0x6e, PFX_66, VMM_FORM_RM, 0, false },	/* MOVD, MOVQ */
	{ 0x6f, PFX_66, VMM_FORM_RM, 16, true },	/* MOVDQA */
	{ 0x6f, PFX_F3, VMM_FORM_RM, 16, false },	/* MOVDQU */
	{ 0x7e, PFX_66, VMM_FORM_MR, 0, false },	/* MOVD, MOVQ */
	{ 0x7e, PFX_F3, VMM_FORM_RM, 8, false },	/* MOVQ */
	{ 0x7f, PFX_66, VMM_FORM_MR, 16, true },
	{ 0x7f, PFX_F3, VMM_FORM_MR, 16, false },
	{ 0xd6, PFX_66, VMM_FORM_MR, 8, false },	/* MOVQ */
	{ 0xe7, PFX_66, VMM_FORM_MR, 16, true },	/* MOVNTDQ */
	{ 0xf0, PFX_F2, VMM_FORM_RM, 16, false },	/* LDDQU */
	{ 0x382a, PFX_66, VMM_FORM_RM, 16, true },	/* MOVNTDQA */
	{}
};

/* What is known while one instruction is being read. */
struct decoder {
	struct vmm_insn *insn;
	const u8 *bytes;
	unsigned int count;
	unsigned int pos;
	enum vmm_decode_result error;	/* of the first read that failed */
	u8 rex;
	u8 modrm;
	u8 rep;				/* enum vmm_rep, whatever it means here */
	bool opsize;			/* 66 */
	bool addrsize;			/* 67 */
	u8 seg;				/* override or VMM_REG_NONE */
};

enum { REX_B = 1, REX_X = 2, REX_R = 4, REX_W = 8 };

/*
 * The next @size bytes as a sign-extended little-endian number. After the end
 * of the bytes it yields zeros and remembers why, so that callers need to look
 * only once, at the end.
 */
static s64 next(struct decoder *d, unsigned int size)
{
	u64 val = 0;
	unsigned int i;

	if (d->error)
		return 0;
	if (d->pos + size > VMM_INSN_MAX) {
		/* the processor needs to see the bytes before it objects */
		d->error = d->count >= VMM_INSN_MAX ? VMM_DECODE_TOO_LONG :
						      VMM_DECODE_MORE;
		return 0;
	}
	if (d->pos + size > d->count) {
		d->error = VMM_DECODE_MORE;
		return 0;
	}
	for (i = 0; i < size; i++)
		val |= (u64)d->bytes[d->pos++] << (8 * i);
	if (size && size < 8) {
		u64 sign = 1ULL << (8 * size - 1);

		val = (val ^ sign) - sign;
	}
	return (s64)val;
}

static u8 next_byte(struct decoder *d)
{
	return (u8)next(d, 1);
}

/* Reads prefixes and REX; returns the first byte of the opcode. */
static u8 decode_prefixes(struct decoder *d)
{
	bool is64 = d->insn->mode == VMM_MODE_64;

	for (;;) {
		u8 b = next_byte(d);

		if (d->error)
			return 0;
		switch (b) {
		case 0x66:
			d->opsize = true;
			break;
		case 0x67:
			d->addrsize = true;
			break;
		case 0x26: case 0x2e: case 0x36: case 0x3e:
			/* without effect in 64-bit mode */
			if (!is64)
				d->seg = (b >> 3) & 3;
			break;
		case 0x64: case 0x65:
			d->seg = b - 0x60;
			break;
		case 0xf0:
			d->insn->lock = true;
			break;
		case 0xf2:
			d->rep = VMM_REPNE;
			break;
		case 0xf3:
			d->rep = VMM_REP;
			break;
		default:
			if (!is64 || (b & 0xf0) != 0x40)
				return b;
			/* counts only directly before the opcode */
			d->rex = b;
			continue;
		}
		d->rex = 0;
	}
}

/* Operand size in bytes from mode, 66 and REX.W. */
static u8 operand_size(const struct decoder *d)
{
	if (d->rex & REX_W)
		return 8;
	return (d->insn->mode == VMM_MODE_16) == d->opsize ? 4 : 2;
}

static u8 address_size(const struct decoder *d)
{
	switch (d->insn->mode) {
	case VMM_MODE_64:
		return d->addrsize ? 4 : 8;
	case VMM_MODE_32:
		return d->addrsize ? 2 : 4;
	default:
		return d->addrsize ? 4 : 2;
	}
}

/* The eight ways of 16-bit addressing, by ModRM r/m. */
static void decode_ea16(struct decoder *d)
{
	static const u8 base[8] = {
		VMM_RBX, VMM_RBX, VMM_RBP, VMM_RBP,
		VMM_RSI, VMM_RDI, VMM_RBP, VMM_RBX,
	};
	struct vmm_insn *insn = d->insn;
	unsigned int mod = d->modrm >> 6, rm = d->modrm & 7;

	if (mod == 0 && rm == 6) {
		insn->disp = next(d, 2);
		return;
	}
	insn->base = base[rm];
	if (rm < 4)
		insn->index = rm & 1 ? VMM_RDI : VMM_RSI;
	if (insn->base == VMM_RBP)
		insn->seg = VMM_SS;
	insn->disp = next(d, mod);
}

/* 32-bit and 64-bit addressing: ModRM, SIB and displacement. */
static void decode_ea32(struct decoder *d)
{
	struct vmm_insn *insn = d->insn;
	unsigned int mod = d->modrm >> 6, rm = d->modrm & 7;
	bool sib = rm == 4;

	if (sib) {
		u8 b = next_byte(d);

		insn->scale = b >> 6;
		insn->index = ((b >> 3) & 7) | (d->rex & REX_X ? 8 : 0);
		if (insn->index == VMM_RSP)
			insn->index = VMM_REG_NONE;
		rm = b & 7;
	}
	if (mod == 0 && rm == 5) {
		if (!sib && insn->mode == VMM_MODE_64)
			insn->base = VMM_REG_RIP;
		insn->disp = next(d, 4);
		return;
	}
	insn->base = rm | (d->rex & REX_B ? 8 : 0);
	if (insn->base == VMM_RSP || insn->base == VMM_RBP)
		insn->seg = VMM_SS;
	insn->disp = next(d, mod == 2 ? 4 : mod);
}

/* The register operand; without REX, byte registers 4 to 7 are AH to BH. */
static void decode_reg(struct decoder *d)
{
	struct vmm_insn *insn = d->insn;

	insn->reg = ((d->modrm >> 3) & 7) | (d->rex & REX_R ? 8 : 0);
	if (insn->reg_size == 1 && !d->rex && insn->reg >= 4) {
		insn->reg &= 3;
		insn->high_byte = true;
	}
}

static void decode_modrm(struct decoder *d)
{
	if (d->insn->addr_size == 2)
		decode_ea16(d);
	else
		decode_ea32(d);
	if (d->seg != VMM_REG_NONE)
		d->insn->seg = d->seg;
}

/* The vector move that @code is with the prefixes seen, or NULL. */
static const struct vector_move *find_vector_move(const struct decoder *d,
						  u16 code)
{
	const struct vector_move *vec;
	unsigned int prefix = PFX_NONE;

	/* F2 and F3 win over 66, and the last of them counts */
	if (d->rep)
		prefix = d->rep == VMM_REP ? PFX_F3 : PFX_F2;
	else if (d->opsize)
		prefix = PFX_66;
	for (vec = vector_moves; vec->code; vec++)
		if (vec->code == code && vec->prefix == prefix)
			return vec;
	return NULL;
}

static enum vmm_decode_result decode_vector(struct decoder *d,
					    const struct vector_move *vec)
{
	struct vmm_insn *insn = d->insn;

	if (insn->lock)
		return VMM_DECODE_UD;
	d->modrm = next_byte(d);
	if (d->modrm >> 6 == 3)
		return d->error ? d->error : VMM_DECODE_UNSUPPORTED;
	insn->op = VMM_OP_VMOV;
	insn->form = vec->form;
	insn->size = vec->size;
	if (!insn->size)
		insn->size = d->rex & REX_W ? 8 : 4;
	insn->reg_size = 16;
	insn->aligned = vec->aligned;
	insn->mem_read = vec->form == VMM_FORM_RM;
	insn->mem_write = !insn->mem_read;
	decode_reg(d);
	decode_modrm(d);
	return d->error;
}

/* MOVBE; all else behind 0F 38 is a vector move or not ours. */
static enum vmm_decode_result decode_three_byte(struct decoder *d,
						struct opcode *op)
{
	u8 code = next_byte(d);
	const struct vector_move *vec;

	if (d->error)
		return d->error;
	if ((code == 0xf0 || code == 0xf1) && !d->rep) {
		op->op = VMM_OP_MOVBE;
		op->form = code == 0xf0 ? VMM_FORM_RM : VMM_FORM_MR;
		op->flags = OP_VALID |
			    (code == 0xf0 ? OP_READ : OP_WRITE);
		return VMM_DECODE_OK;
	}
	vec = find_vector_move(d, 0x3800 | code);
	return vec ? decode_vector(d, vec) : VMM_DECODE_UNSUPPORTED;
}

/*
 * Finds the table entry. A vector move is decoded to its end, which shows as
 * an entry without OP_VALID.
 */
static enum vmm_decode_result decode_opcode(struct decoder *d,
					    struct opcode *op)
{
	u8 code = decode_prefixes(d);
	const struct vector_move *vec;

	if (d->error)
		return d->error;
	d->insn->addr_size = address_size(d);
	if (code != 0x0f) {
		*op = op_one_byte[code];
		return op->flags ? VMM_DECODE_OK : VMM_DECODE_UNSUPPORTED;
	}
	code = next_byte(d);
	if (d->error)
		return d->error;
	if (code == 0x38)
		return decode_three_byte(d, op);
	vec = find_vector_move(d, code);
	if (vec)
		return decode_vector(d, vec);
	*op = op_two_byte[code];
	d->insn->cond = code & 0xf;
	return op->flags ? VMM_DECODE_OK : VMM_DECODE_UNSUPPORTED;
}

/* Replaces an entry that stands for a group by that of the ModRM byte. */
static enum vmm_decode_result decode_group(struct decoder *d,
					   struct opcode *op)
{
	unsigned int reg = (d->modrm >> 3) & 7;
	const struct opcode *sub = &op_groups[op->op][reg];

	if (!sub->flags)
		return VMM_DECODE_UNSUPPORTED;
	/* 0F AE /6 writes back a line with 66 only, else it is XSAVEOPT */
	if (op->op == GROUP_15 && reg == 6 && !d->opsize)
		return VMM_DECODE_UNSUPPORTED;
	op->flags = (op->flags & ~OP_GROUP) | sub->flags;
	op->op = sub->op;
	op->form = sub->form;
	return VMM_DECODE_OK;
}

static void decode_sizes(struct decoder *d, u32 flags)
{
	struct vmm_insn *insn = d->insn;
	u8 size = operand_size(d);

	/* pushes and pops have no 32-bit form in 64-bit mode */
	if ((flags & OP_STACK) && insn->mode == VMM_MODE_64 && size == 4)
		size = 8;
	/* and MOVNTI none of 16 bits, whatever the mode */
	if ((flags & OP_NOPREFIX) && size == 2)
		size = 4;
	insn->reg_size = size;
	insn->size = size;
	if (flags & OP_BYTE)
		insn->size = 1;
	else if (flags & OP_WORD)
		insn->size = 2;
	else if (flags & OP_DWORD)
		insn->size = 4;
	switch (insn->op) {
	case VMM_OP_MOVZX:
	case VMM_OP_MOVSX:
		break;
	case VMM_OP_CMPXCHG8B:
		/* the register size is that of one half */
		insn->reg_size = size == 8 ? 8 : 4;
		insn->size = 2 * insn->reg_size;
		insn->aligned = size == 8;
		break;
	default:
		insn->reg_size = insn->size;
	}
}

/* Everything behind the opcode, for all but vector moves. */
static enum vmm_decode_result decode_operands(struct decoder *d,
					      struct opcode *op)
{
	struct vmm_insn *insn = d->insn;
	bool modrm = !(op->flags & (OP_MOFFS | OP_STRING));
	enum vmm_decode_result r;

	if (modrm)
		d->modrm = next_byte(d);
	if (d->error)
		return d->error;
	if (op->flags & OP_GROUP) {
		r = decode_group(d, op);
		if (r)
			return r;
	}
	if ((op->flags & (OP_NOREP | OP_NOPREFIX)) && d->rep)
		return VMM_DECODE_UNSUPPORTED;
	if ((op->flags & OP_NOPREFIX) && d->opsize)
		return VMM_DECODE_UNSUPPORTED;
	if ((op->flags & OP_ONLY64) && insn->mode != VMM_MODE_64)
		return VMM_DECODE_UNSUPPORTED;
	if ((op->flags & OP_NOT64) && insn->mode == VMM_MODE_64)
		return VMM_DECODE_UD;

	insn->op = op->op;
	insn->form = op->form;
	insn->mem_read = op->flags & OP_READ;
	insn->mem_write = op->flags & OP_WRITE;
	decode_sizes(d, op->flags);
	if (modrm && d->modrm >> 6 == 3)
		return VMM_DECODE_UNSUPPORTED;
	if (insn->lock && !((op->flags & OP_LOCK) && insn->mem_write &&
			    insn->form != VMM_FORM_RM))
		return VMM_DECODE_UD;

	if (modrm) {
		decode_reg(d);
		decode_modrm(d);
	} else {
		insn->reg = VMM_RAX;
		if (d->seg != VMM_REG_NONE)
			insn->seg = d->seg;
		if (op->flags & OP_MOFFS)
			insn->disp = next(d, insn->addr_size);
		else
			insn->rep = d->rep;
	}
	if (op->flags & OP_IMM8)
		insn->imm = (u64)next(d, 1);
	else if (op->flags & OP_IMM)
		insn->imm = (u64)next(d, insn->size > 4 ? 4 : insn->size);
	return d->error;
}

/**
 * vmm_decode() - decode one instruction that has a memory operand
 * @insn: filled in when the answer is VMM_DECODE_OK, else undefined
 * @bytes: the bytes from the instruction pointer on
 * @count: how many there are; more than 15 is as good as 15
 * @mode: width of the code segment
 *
 * Context: any. Looks only at its arguments.
 *
 * Return: VMM_DECODE_OK, or why not. VMM_DECODE_MORE asks for another call
 * with more bytes, from the next page.
 */
enum vmm_decode_result vmm_decode(struct vmm_insn *insn, const u8 *bytes,
				  unsigned int count, enum vmm_mode mode)
{
	struct decoder d = {
		.insn = insn,
		.bytes = bytes,
		.count = count,
		.seg = VMM_REG_NONE,
	};
	struct opcode op = {};
	enum vmm_decode_result r;

	memset(insn, 0, sizeof(*insn));
	insn->mode = mode;
	insn->seg = VMM_DS;
	insn->base = VMM_REG_NONE;
	insn->index = VMM_REG_NONE;

	r = decode_opcode(&d, &op);
	if (!r && op.flags)
		r = decode_operands(&d, &op);
	insn->len = d.pos;
	return r;
}
