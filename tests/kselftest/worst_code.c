// SPDX-License-Identifier: GPL-2.0
/*
 * The garbage that worst's guests run.
 *
 * A page of it is a mixture: plain random bytes; opcodes of the processor's
 * families with random prefixes, operands and immediates; and whole templates of
 * what a hypervisor has to look at: control and debug registers, MSRs, descriptor
 * tables, port and string accesses, VMX. Between them registers are loaded with
 * addresses that are worth an access. All comes from the seed.
 */
#include <string.h>

#include "worst.h"

/**
 * struct out - where code is written
 * @at: the next byte
 * @end: behind the last one
 * @r: where chance comes from
 * @mode: of the processor that will run it
 */
struct out {
	uint8_t *at, *end;
	struct rnd *r;
	enum mode mode;
};

static void byte(struct out *o, uint8_t b)
{
	if (o->at < o->end)
		*o->at++ = b;
}

static void bytes(struct out *o, uint64_t val, unsigned int n)
{
	for (; n; n--, val >>= 8)
		byte(o, val);
}

/* How wide an immediate operand of a full word is, in this mode. */
static unsigned int word_bytes(const struct out *o)
{
	return o->mode == REAL || o->mode == V86 ? 2 : 4;
}

/* An address that is worth an access, or any number. */
uint64_t code_pointer(struct rnd *r)
{
	static const uint64_t bases[] = {
		W_DATA, W_DATA, W_STACK - 64, W_CODE, W_HOLE, W_HOLE, W_HOLE - 4, W_HOLE + 0xffc,
		W_ROM, W_ROM + 0xffc, W_ROM + W_ROM_BYTES - 4, W_VOID, GUEST_MMIO_GPA,
		GUEST_MMIO_GPA + 0xffd, W_LAPIC + 0x80, W_LAPIC + 0x300, W_LAPIC + 0x380, W_LAPIC,
		W_IOAPIC, W_IOAPIC + 0x10, W_PML4, W_PD, W_PD32, W_IDT, W_GDT, W_TSS, W_FAR,
		0xffffffffull, 0xffffffff80000000ull, 0x7ffffffffff8ull, 0x800000000000ull,
	};
	uint64_t base = bases[rnd_below(r, sizeof(bases) / sizeof(bases[0]))];

	switch (rnd_below(r, 8)) {
	case 0:
		return rnd(r);
	case 1:
		return rnd_below(r, 0x10000);
	case 2:
		return base + (rnd(r) & 0xff);
	case 3:
		return rnd_below(r, 64);
	default:
		return base;
	}
}

/* --- pieces -------------------------------------------------------------------------- */

static void prefixes(struct out *o)
{
	static const uint8_t list[] = {
		0x66, 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65,
	};
	unsigned int n = once_in(o->r, 2) ? rnd_below(o->r, 3) : 0;

	while (n--)
		byte(o, list[rnd_below(o->r, sizeof(list))]);
	if (o->mode == LONG64 && once_in(o->r, 2))
		byte(o, 0x40 | (rnd(o->r) & 15));
}

/* ModRM with what follows it; @reg: 0 to 7, or -1: any; @mem: no register form. */
static void modrm(struct out *o, int reg, int mem)
{
	uint8_t b = rnd(o->r), mod;

	if (mem && (b >> 6) == 3)
		b &= 0x7f;
	if (once_in(o->r, 2))		/* mostly plain [register] */
		b &= mem || once_in(o->r, 2) ? 0x3f : 0xff;
	if (reg >= 0)
		b = (b & 0xc7) | reg << 3;
	byte(o, b);
	mod = b >> 6;
	if (mod == 3)
		return;
	if (word_bytes(o) == 4 && (b & 7) == 4)
		byte(o, rnd(o->r));
	if (mod == 1)
		byte(o, rnd(o->r));
	else if (mod == 2 || (b & 0xc7) == 5)
		bytes(o, code_pointer(o->r), word_bytes(o));
}

/* MOV register, number: registers are what makes an access interesting. */
static void load(struct out *o, unsigned int reg, uint64_t val)
{
	if (o->mode == LONG64 && once_in(o->r, 2)) {
		byte(o, 0x48);
		byte(o, 0xb8 + reg);
		bytes(o, val, 8);
		return;
	}
	if (word_bytes(o) == 2)
		byte(o, 0x66);
	byte(o, 0xb8 + reg);
	bytes(o, val, 4);
}

static void load_any(struct out *o)
{
	load(o, rnd_below(o->r, 8), code_pointer(o->r));
}

static void plain_random(struct out *o)
{
	unsigned int n = 1 + rnd_below(o->r, 15);

	while (n--)
		byte(o, rnd(o->r) >> 24);
}

static void one_byte_opcode(struct out *o)
{
	prefixes(o);
	byte(o, rnd(o->r));
	modrm(o, -1, 0);
	if (once_in(o->r, 2))
		bytes(o, rnd(o->r), word_bytes(o));
}

static void two_byte_opcode(struct out *o)
{
	prefixes(o);
	byte(o, 0x0f);
	byte(o, rnd(o->r));
	modrm(o, -1, 0);
	if (once_in(o->r, 3))
		byte(o, rnd(o->r));
}

static void three_byte_opcode(struct out *o)
{
	int imm = once_in(o->r, 2);

	prefixes(o);
	byte(o, 0x0f);
	byte(o, imm ? 0x3a : 0x38);
	byte(o, rnd(o->r));
	modrm(o, -1, 0);
	if (imm)
		byte(o, rnd(o->r));
}

static void vector_opcode(struct out *o)
{
	switch (rnd_below(o->r, 3)) {
	case 0:			/* two-byte VEX */
		byte(o, 0xc5);
		byte(o, rnd(o->r));
		break;
	case 1:			/* three-byte VEX */
		byte(o, 0xc4);
		byte(o, (rnd(o->r) & 0xe0) | (1 + rnd_below(o->r, 3)));
		byte(o, rnd(o->r));
		break;
	default:		/* EVEX */
		byte(o, 0x62);
		byte(o, (rnd(o->r) & 0xf0) | (1 + rnd_below(o->r, 3)));
		byte(o, rnd(o->r) | 4);
		byte(o, rnd(o->r));
	}
	byte(o, rnd(o->r));
	modrm(o, -1, once_in(o->r, 2));
	byte(o, rnd(o->r));
}

/* --- templates ------------------------------------------------------------------------- */

static void memory_operand(struct out *o)
{
	static const uint8_t ops[] = {
		0x00, 0x01, 0x02, 0x03, 0x08, 0x0a, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x3a,
		0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x8b, 0x8c, 0x8e, 0x8f, 0x62, 0x63,
		0xc4, 0xc5, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xf6, 0xf7, 0xfe, 0xff,
		0xff, 0xff, 0x80, 0x81, 0x83, 0xc0, 0xc1, 0xc6, 0xc7, 0xd0, 0xd3,
	};

	prefixes(o);
	byte(o, ops[rnd_below(o->r, sizeof(ops))]);
	modrm(o, -1, 1);
	byte(o, rnd(o->r));
}

static void memory_operand_0f(struct out *o)
{
	static const uint8_t ops[] = {
		0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x28, 0x29, 0x2b, 0x6e, 0x6f, 0x7e, 0x7f, 0xd6,
		0xe7, 0xf0, 0xa3, 0xab, 0xb3, 0xbb, 0xba, 0xb0, 0xb1, 0xb2, 0xb4, 0xb5, 0xb6, 0xb7,
		0xbe, 0xbf, 0xc0, 0xc1, 0xc3, 0xc7, 0xc7, 0xae, 0xae, 0x18, 0x0d, 0x40, 0xaf, 0xbc,
		0xa4, 0xa5, 0xac, 0x00, 0x01, 0x02, 0x03, 0x54, 0x58, 0xc2,
	};

	prefixes(o);
	byte(o, 0x0f);
	byte(o, ops[rnd_below(o->r, sizeof(ops))]);
	modrm(o, -1, 1);
	if (once_in(o->r, 2))
		byte(o, rnd(o->r));
}

static void string_op(struct out *o)
{
	static const uint8_t ops[] = {
		0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0x6c, 0x6d, 0x6e, 0x6f,
	};

	load(o, 1, once_in(o->r, 3) ? rnd(o->r) : rnd_below(o->r, 600));
	load(o, 6, code_pointer(o->r));
	load(o, 7, code_pointer(o->r));
	prefixes(o);
	if (once_in(o->r, 2))
		byte(o, once_in(o->r, 3) ? 0xf2 : 0xf3);
	byte(o, ops[rnd_below(o->r, sizeof(ops))]);
}

static uint32_t msr_index(struct rnd *r)
{
	static const uint32_t list[] = {
		0x10, 0x11, 0x12, 0x17, 0x1b, 0x2a, 0x3a, 0x3b, 0x48, 0x49, 0x8b, 0xce, 0xfe, 0x10a,
		0x10b, 0x140, 0x174, 0x175, 0x176, 0x179, 0x17a, 0x17b, 0x186, 0x198, 0x199, 0x1a0,
		0x1d9, 0x1db, 0x200, 0x250, 0x277, 0x2ff, 0x345, 0x38f, 0x390, 0x400, 0x401, 0x480,
		0x48b, 0x570, 0x6e0, 0xda0, 0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083,
		0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0xc0000103, 0xc0010015, 0x4b564d00,
		0x4b564d01, 0x4b564d02, 0x4b564d03, 0x4b564d04, 0x4b564d05, 0x4b564d06, 0x4b564d07,
		0x40000000, 0x40000001, 0x40000073,
	};

	switch (rnd_below(r, 8)) {
	case 0:
		return rnd(r);
	case 1:
		return 0x800 + rnd_below(r, 0x40);
	case 2:
		return rnd_below(r, 0x800);
	default:
		return list[rnd_below(r, sizeof(list) / sizeof(list[0]))];
	}
}

static void msr(struct out *o)
{
	load(o, 1, msr_index(o->r));
	if (once_in(o->r, 2)) {
		load(o, 0, code_pointer(o->r) | rnd_below(o->r, 2));
		load(o, 2, once_in(o->r, 2) ? 0 : code_pointer(o->r));
		bytes(o, 0x300f, 2);
	} else {
		bytes(o, 0x320f, 2);
	}
}

/* MOV CR, MOV DR: with a value near the present one, or any. */
static void control_register(struct out *o)
{
	static const uint8_t crs[] = { 0, 0, 2, 3, 3, 4, 4, 8 };
	unsigned int cr = crs[rnd_below(o->r, sizeof(crs))];

	switch (rnd_below(o->r, 4)) {
	case 0:		/* read, change a bit, write */
		bytes(o, 0x200f, 2);
		byte(o, 0xc0 | (cr & 7) << 3);
		bytes(o, word_bytes(o) == 2 ? 0xba0f66 : 0xba0f, word_bytes(o) == 2 ? 3 : 2);
		byte(o, 0xf8);
		byte(o, rnd_below(o->r, 32));
		bytes(o, 0x220f, 2);
		byte(o, 0xc0 | (cr & 7) << 3);
		return;
	case 1:
		load(o, 0, code_pointer(o->r));
		break;
	case 2:
		load(o, 0, rnd(o->r) >> rnd_below(o->r, 64));
		break;
	default:
		break;
	}
	if (o->mode == LONG64 && cr == 8)
		byte(o, 0x44);
	byte(o, 0x0f);
	byte(o, 0x20 + rnd_below(o->r, 4));
	byte(o, once_in(o->r, 2) ? 0xc0 | (cr & 7) << 3 : rnd(o->r));
}

/* Breakpoints on memory that is used, TF, INT1: exceptions beside instructions. */
static void debug_state(struct out *o)
{
	load(o, 0, code_pointer(o->r));
	bytes(o, 0x230f, 2);
	byte(o, 0xc0 | rnd_below(o->r, 4) << 3);
	load(o, 0, (rnd(o->r) & 0xffff27ff) | 0x400);
	bytes(o, 0x230f, 2);
	byte(o, 0xf8);
}

static void flags(struct out *o)
{
	static const uint32_t bits[] = { 0x100, 0x200, 0x400, 0x3000, 0x4000, 0x40000, 0x100000 };
	uint32_t val = 2;
	unsigned int n = rnd_below(o->r, 3);

	while (n--)
		val |= bits[rnd_below(o->r, sizeof(bits) / sizeof(bits[0]))];
	byte(o, 0x68);
	bytes(o, val, word_bytes(o));
	byte(o, 0x9d);
}

static void table_register(struct out *o)
{
	prefixes(o);
	byte(o, 0x0f);
	if (once_in(o->r, 2)) {
		byte(o, 0x01);		/* SGDT SIDT LGDT LIDT SMSW LMSW INVLPG */
		modrm(o, -1, !once_in(o->r, 3));
	} else {
		byte(o, 0x00);		/* SLDT STR LLDT LTR VERR VERW */
		modrm(o, -1, 0);
	}
}

static void far_transfer(struct out *o)
{
	static const uint16_t selectors[] = { 0x08, 0x10, 0x18, 0x28, 0x2b, 0x3b, 0x40, 0x43, 0x2000 };
	uint16_t sel = selectors[rnd_below(o->r, sizeof(selectors) / 2)];

	switch (rnd_below(o->r, 5)) {
	case 0:
		byte(o, once_in(o->r, 2) ? 0xea : 0x9a);
		bytes(o, W_CODE + rnd_below(o->r, W_CODE_BYTES), word_bytes(o));
		bytes(o, sel, 2);
		break;
	case 1:			/* through memory */
		prefixes(o);
		byte(o, 0xff);
		modrm(o, once_in(o->r, 2) ? 3 : 5, 1);
		break;
	case 2:			/* a selector and an address, and IRET or RETF to them */
		byte(o, 0x9c);
		byte(o, 0x6a);
		byte(o, sel);
		byte(o, 0x68);
		bytes(o, W_CODE + rnd_below(o->r, W_CODE_BYTES), word_bytes(o));
		prefixes(o);
		byte(o, once_in(o->r, 2) ? 0xcf : 0xcb);
		break;
	case 3:			/* into memory that is none */
		load(o, 0, code_pointer(o->r));
		bytes(o, once_in(o->r, 2) ? 0xe0ff : 0xd0ff, 2);
		break;
	default:		/* a segment register */
		load(o, 0, sel);
		byte(o, 0x8e);
		byte(o, 0xc0 | rnd_below(o->r, 6) << 3);
	}
}

static void port(struct out *o)
{
	static const uint16_t ports[] = {
		0x20, 0x21, 0xa0, 0xa1, 0x40, 0x42, 0x43, 0x61, 0x4d0, 0x4d1, 0x3f8, 0x80, 0xcf8,
		0x92, 0xffff, 0xfffd,
	};

	load(o, 2, ports[rnd_below(o->r, sizeof(ports) / 2)]);
	if (once_in(o->r, 2))
		load(o, 0, rnd(o->r));
	prefixes(o);
	byte(o, 0xec + rnd_below(o->r, 4));
}

static void system_op(struct out *o)
{
	static const struct {
		uint8_t len;
		uint32_t code;
	} ops[] = {
		{ 1, 0xf4 }, { 1, 0xfa }, { 1, 0xfb }, { 1, 0xf1 }, { 1, 0xcc }, { 1, 0xce }, { 1, 0xcf },
		{ 1, 0x9d }, { 1, 0x17 }, { 2, 0x90f3 }, { 2, 0x060f }, { 2, 0x080f }, { 2, 0x090f },
		{ 2, 0x0b0f }, { 2, 0xa20f }, { 2, 0x310f }, { 2, 0x330f }, { 2, 0x340f }, { 2, 0x350f },
		{ 2, 0x050f }, { 2, 0x070f }, { 2, 0xaa0f }, { 2, 0x770f }, { 2, 0x370f },
		{ 3, 0xc1010f }, { 3, 0xc2010f }, { 3, 0xc3010f }, { 3, 0xc4010f }, { 3, 0xd4010f },
		{ 3, 0xd9010f }, { 3, 0xd8010f }, { 3, 0xda010f }, { 3, 0xdf010f }, { 3, 0xc8010f },
		{ 3, 0xc9010f }, { 3, 0xd0010f }, { 3, 0xd1010f }, { 3, 0xf8010f }, { 3, 0xf9010f },
		{ 3, 0xca010f }, { 3, 0xcb010f }, { 3, 0xc0010f }, { 3, 0xcf010f }, { 3, 0xee010f },
		{ 3, 0xef010f }, { 2, 0x10cd }, { 2, 0x80cd }, { 2, 0x02cd }, { 2, 0x08cd },
		{ 2, 0xd48e }, { 2, 0xd08e }, { 3, 0xf0ae0f }, { 4, 0xf0c70ff3 },
		{ 3, 0xf0c70f }, { 3, 0xf8c70f }, { 4, 0xd8ae0ff3 }, { 2, 0xfeeb }, { 2, 0xfce2 },
	};
	unsigned int i = rnd_below(o->r, sizeof(ops) / sizeof(ops[0]));

	if (once_in(o->r, 2))
		load(o, 0, rnd_below(o->r, 16));	/* hypercall, CPUID leaf, XCR0 */
	if (once_in(o->r, 3))
		load(o, 1, rnd_below(o->r, 8));
	if (once_in(o->r, 4))
		load(o, 2, 0);
	bytes(o, ops[i].code, ops[i].len);
}

/* VMX and its relatives with a memory operand. */
static void vmx_op(struct out *o)
{
	static const uint8_t ops[][3] = {
		{ 0x00, 0xc7, 6 }, { 0x66, 0xc7, 6 }, { 0xf3, 0xc7, 6 }, { 0x00, 0xc7, 7 },
		{ 0x00, 0x78, 8 }, { 0x00, 0x79, 8 },
	};
	unsigned int i = rnd_below(o->r, 9);

	if (i >= 6) {		/* INVEPT, INVVPID, INVPCID */
		bytes(o, 0x380f66, 3);
		byte(o, 0x80 + i - 6);
		modrm(o, rnd_below(o->r, 5), 1);
		return;
	}
	if (ops[i][0])
		byte(o, ops[i][0]);
	byte(o, 0x0f);
	byte(o, ops[i][1]);
	modrm(o, ops[i][2] == 8 ? -1 : ops[i][2], ops[i][2] != 8);
}

static void stack_op(struct out *o)
{
	load(o, 4, code_pointer(o->r));
	switch (rnd_below(o->r, 5)) {
	case 0:
		byte(o, 0x50 + rnd_below(o->r, 16));
		break;
	case 1:
		byte(o, 0x60 + rnd_below(o->r, 2));
		break;
	case 2:
		byte(o, 0xc8);		/* ENTER */
		bytes(o, rnd(o->r) & 0x1f00ff, 3);
		break;
	case 3:
		prefixes(o);
		byte(o, 0xff);
		modrm(o, 6, 1);
		break;
	default:
		prefixes(o);
		byte(o, 0x8f);
		modrm(o, 0, 1);
	}
}

static void xsave_op(struct out *o)
{
	static const uint8_t second[] = { 0xae, 0xae, 0xc7 };
	unsigned int i = rnd_below(o->r, 3);

	if (once_in(o->r, 2)) {
		load(o, 0, rnd_below(o->r, 256));
		load(o, 2, 0);
	}
	if (o->mode == LONG64 && once_in(o->r, 3))
		byte(o, 0x48);
	byte(o, 0x0f);
	byte(o, second[i]);
	modrm(o, i == 2 ? 3 + (int)rnd_below(o->r, 3) : (int)rnd_below(o->r, 8), 1);
}

static void loop_back(struct out *o)
{
	byte(o, once_in(o->r, 2) ? 0xeb : 0x70 + rnd_below(o->r, 16));
	byte(o, rnd(o->r));
}

/**
 * code_fill() - a stretch of garbage
 * @r: where chance comes from
 * @to: where to
 * @length: how much
 * @mode: of the processor that will run it, mostly
 */
void code_fill(struct rnd *r, uint8_t *to, unsigned int length, enum mode mode)
{
	static void (*const menu[])(struct out *o) = {
		load_any, load_any, load_any, plain_random, plain_random, one_byte_opcode,
		two_byte_opcode, three_byte_opcode, vector_opcode, memory_operand, memory_operand,
		memory_operand, memory_operand_0f, memory_operand_0f, string_op, string_op, msr,
		msr, control_register, control_register, debug_state, flags, table_register,
		far_transfer, far_transfer, port, port, system_op, system_op, system_op, vmx_op,
		stack_op, xsave_op, loop_back,
	};
	struct out o = { to, to + length, r, mode };

	while (o.at < o.end)
		menu[rnd_below(r, sizeof(menu) / sizeof(menu[0]))](&o);
}
