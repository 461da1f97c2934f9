// SPDX-License-Identifier: GPL-2.0
/*
 * Invents instructions, and register states with which they hit the arena.
 *
 * The table lists the forms the emulator claims to know, in the notation of
 * processor manuals and written down apart from the emulator's own tables.
 * Prefixes, addressing form, registers and immediates are random; then the
 * registers of the address are chosen so that it comes out in the arena.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "oracle.h"

enum {
	B	= 1 << 0,	/* operand of a byte */
	V	= 1 << 1,	/* operand of 2, 4 or 8 bytes, by prefixes */
	W	= 1 << 2,	/* REX.W makes a difference, 66 is not used */
	K	= 1 << 3,	/* LOCK is allowed */
	AL	= 1 << 4,	/* must be aligned to 16 bytes */
	STR	= 1 << 5,	/* string: rSI, rDI, repeatable */
	ONLY64	= 1 << 6,
	NOT64	= 1 << 7,
	LOGIC	= 1 << 8,	/* leaves AF undefined */
	BITS	= 1 << 9,	/* leaves all but CF undefined, or with ... */
	BITREG	= 1 << 10,	/* ... a register, reaches beyond operand */
	CMPX	= 1 << 11,	/* compares with rAX: make it equal at times */
	STACK	= 1 << 12,
	ACC	= 1 << 13,	/* moffs: no ModRM */
	NOTHING	= 1 << 14,	/* has no effect */
};

struct form {
	const char *name;
	const char *code;	/* [66|F3|F2 +] bytes, /r or /digit, ib, iz */
	unsigned int flags;
};

static const struct form forms[] = {
	{ "add m8, r8", "00 /r", B | K },
	{ "add m, r", "01 /r", V | K },
	{ "add r8, m8", "02 /r", B },
	{ "add r, m", "03 /r", V },
	{ "add m8, i8", "80 /0 ib", B | K },
	{ "add m8, i8 (82)", "82 /0 ib", B | K | NOT64 },
	{ "add m, i", "81 /0 iz", V | K },
	{ "add m, i8", "83 /0 ib", V | K },
	{ "or m8, r8", "08 /r", B | K | LOGIC },
	{ "or m, r", "09 /r", V | K | LOGIC },
	{ "or r8, m8", "0a /r", B | LOGIC },
	{ "or r, m", "0b /r", V | LOGIC },
	{ "or m8, i8", "80 /1 ib", B | K | LOGIC },
	{ "or m8, i8 (82)", "82 /1 ib", B | K | NOT64 | LOGIC },
	{ "or m, i", "81 /1 iz", V | K | LOGIC },
	{ "or m, i8", "83 /1 ib", V | K | LOGIC },
	{ "adc m8, r8", "10 /r", B | K },
	{ "adc m, r", "11 /r", V | K },
	{ "adc r8, m8", "12 /r", B },
	{ "adc r, m", "13 /r", V },
	{ "adc m8, i8", "80 /2 ib", B | K },
	{ "adc m8, i8 (82)", "82 /2 ib", B | K | NOT64 },
	{ "adc m, i", "81 /2 iz", V | K },
	{ "adc m, i8", "83 /2 ib", V | K },
	{ "sbb m8, r8", "18 /r", B | K },
	{ "sbb m, r", "19 /r", V | K },
	{ "sbb r8, m8", "1a /r", B },
	{ "sbb r, m", "1b /r", V },
	{ "sbb m8, i8", "80 /3 ib", B | K },
	{ "sbb m8, i8 (82)", "82 /3 ib", B | K | NOT64 },
	{ "sbb m, i", "81 /3 iz", V | K },
	{ "sbb m, i8", "83 /3 ib", V | K },
	{ "and m8, r8", "20 /r", B | K | LOGIC },
	{ "and m, r", "21 /r", V | K | LOGIC },
	{ "and r8, m8", "22 /r", B | LOGIC },
	{ "and r, m", "23 /r", V | LOGIC },
	{ "and m8, i8", "80 /4 ib", B | K | LOGIC },
	{ "and m8, i8 (82)", "82 /4 ib", B | K | NOT64 | LOGIC },
	{ "and m, i", "81 /4 iz", V | K | LOGIC },
	{ "and m, i8", "83 /4 ib", V | K | LOGIC },
	{ "sub m8, r8", "28 /r", B | K },
	{ "sub m, r", "29 /r", V | K },
	{ "sub r8, m8", "2a /r", B },
	{ "sub r, m", "2b /r", V },
	{ "sub m8, i8", "80 /5 ib", B | K },
	{ "sub m8, i8 (82)", "82 /5 ib", B | K | NOT64 },
	{ "sub m, i", "81 /5 iz", V | K },
	{ "sub m, i8", "83 /5 ib", V | K },
	{ "xor m8, r8", "30 /r", B | K | LOGIC },
	{ "xor m, r", "31 /r", V | K | LOGIC },
	{ "xor r8, m8", "32 /r", B | LOGIC },
	{ "xor r, m", "33 /r", V | LOGIC },
	{ "xor m8, i8", "80 /6 ib", B | K | LOGIC },
	{ "xor m8, i8 (82)", "82 /6 ib", B | K | NOT64 | LOGIC },
	{ "xor m, i", "81 /6 iz", V | K | LOGIC },
	{ "xor m, i8", "83 /6 ib", V | K | LOGIC },
	{ "cmp m8, r8", "38 /r", B }, { "cmp m, r", "39 /r", V },
	{ "cmp r8, m8", "3a /r", B }, { "cmp r, m", "3b /r", V },
	{ "cmp m8, i8", "80 /7 ib", B }, { "cmp m, i", "81 /7 iz", V },
	{ "cmp m8, i8 (82)", "82 /7 ib", B | NOT64 },
	{ "cmp m, i8", "83 /7 ib", V },
	{ "test m8, r8", "84 /r", B | LOGIC }, { "test m, r", "85 /r", V | LOGIC },
	{ "test m8, i8", "f6 /0 ib", B | LOGIC },
	{ "test m, i", "f7 /0 iz", V | LOGIC },
	{ "not m8", "f6 /2", B | K },
	{ "not m", "f7 /2", V | K },
	{ "neg m8", "f6 /3", B | K },
	{ "neg m", "f7 /3", V | K },
	{ "inc m8", "fe /0", B | K },
	{ "inc m", "ff /0", V | K },
	{ "dec m8", "fe /1", B | K },
	{ "dec m", "ff /1", V | K },
	{ "bt m, r", "0f a3 /r", V | BITS | BITREG },
	{ "bt m, i8", "0f ba /4 ib", V | BITS },
	{ "bts m, r", "0f ab /r", V | BITS | BITREG | K },
	{ "bts m, i8", "0f ba /5 ib", V | BITS | K },
	{ "btr m, r", "0f b3 /r", V | BITS | BITREG | K },
	{ "btr m, i8", "0f ba /6 ib", V | BITS | K },
	{ "btc m, r", "0f bb /r", V | BITS | BITREG | K },
	{ "btc m, i8", "0f ba /7 ib", V | BITS | K },
	{ "mov m8, r8", "88 /r", B }, { "mov m, r", "89 /r", V },
	{ "mov r8, m8", "8a /r", B }, { "mov r, m", "8b /r", V },
	{ "mov m8, i8", "c6 /0 ib", B }, { "mov m, i", "c7 /0 iz", V },
	{ "mov al, moffs", "a0", B | ACC }, { "mov rax, moffs", "a1", V | ACC },
	{ "mov moffs, al", "a2", B | ACC }, { "mov moffs, rax", "a3", V | ACC },
	{ "movzx r, m8", "0f b6 /r", V }, { "movzx r, m16", "0f b7 /r", V },
	{ "movsx r, m8", "0f be /r", V }, { "movsx r, m16", "0f bf /r", V },
	{ "movsxd r, m32", "63 /r", V | ONLY64 },
	{ "movnti", "0f c3 /r", W },
	{ "movbe r, m", "0f 38 f0 /r", V }, { "movbe m, r", "0f 38 f1 /r", V },
	{ "cmovo", "0f 40 /r", V },
	{ "seto", "0f 90 /0", B },
	{ "cmovno", "0f 41 /r", V },
	{ "setno", "0f 91 /0", B },
	{ "cmovb", "0f 42 /r", V },
	{ "setb", "0f 92 /0", B },
	{ "cmovae", "0f 43 /r", V },
	{ "setae", "0f 93 /0", B },
	{ "cmove", "0f 44 /r", V },
	{ "sete", "0f 94 /0", B },
	{ "cmovne", "0f 45 /r", V },
	{ "setne", "0f 95 /0", B },
	{ "cmovbe", "0f 46 /r", V },
	{ "setbe", "0f 96 /0", B },
	{ "cmova", "0f 47 /r", V },
	{ "seta", "0f 97 /0", B },
	{ "cmovs", "0f 48 /r", V },
	{ "sets", "0f 98 /0", B },
	{ "cmovns", "0f 49 /r", V },
	{ "setns", "0f 99 /0", B },
	{ "cmovp", "0f 4a /r", V },
	{ "setp", "0f 9a /0", B },
	{ "cmovnp", "0f 4b /r", V },
	{ "setnp", "0f 9b /0", B },
	{ "cmovl", "0f 4c /r", V },
	{ "setl", "0f 9c /0", B },
	{ "cmovge", "0f 4d /r", V },
	{ "setge", "0f 9d /0", B },
	{ "cmovle", "0f 4e /r", V },
	{ "setle", "0f 9e /0", B },
	{ "cmovg", "0f 4f /r", V },
	{ "setg", "0f 9f /0", B },
	{ "xchg m8, r8", "86 /r", B | K }, { "xchg m, r", "87 /r", V | K },
	{ "xadd m8, r8", "0f c0 /r", B | K }, { "xadd m, r", "0f c1 /r", V | K },
	{ "cmpxchg m8, r8", "0f b0 /r", B | K | CMPX },
	{ "cmpxchg m, r", "0f b1 /r", V | K | CMPX },
	{ "cmpxchg8b/16b", "0f c7 /1", W | K | CMPX | AL },
	{ "push m", "ff /6", V | STACK }, { "pop m", "8f /0", V | STACK },
	{ "movsb", "a4", B | STR },
	{ "movs", "a5", V | STR },
	{ "cmpsb", "a6", B | STR },
	{ "cmps", "a7", V | STR },
	{ "stosb", "aa", B | STR },
	{ "stos", "ab", V | STR },
	{ "lodsb", "ac", B | STR },
	{ "lods", "ad", V | STR },
	{ "scasb", "ae", B | STR },
	{ "scas", "af", V | STR },
	{ "clflush", "0f ae /7", NOTHING },
	{ "movups x, m", "0f 10 /r", 0 }, { "movupd x, m", "66+ 0f 10 /r", 0 },
	{ "movss x, m", "f3+ 0f 10 /r", 0 }, { "movsd x, m", "f2+ 0f 10 /r", 0 },
	{ "movups m, x", "0f 11 /r", 0 }, { "movupd m, x", "66+ 0f 11 /r", 0 },
	{ "movss m, x", "f3+ 0f 11 /r", 0 }, { "movsd m, x", "f2+ 0f 11 /r", 0 },
	{ "movaps x, m", "0f 28 /r", AL }, { "movapd x, m", "66+ 0f 28 /r", AL },
	{ "movaps m, x", "0f 29 /r", AL }, { "movapd m, x", "66+ 0f 29 /r", AL },
	{ "movntps", "0f 2b /r", AL }, { "movntpd", "66+ 0f 2b /r", AL },
	{ "movd x, m", "66+ 0f 6e /r", W }, { "movd m, x", "66+ 0f 7e /r", W },
	{ "movdqa x, m", "66+ 0f 6f /r", AL }, { "movdqu x, m", "f3+ 0f 6f /r", 0 },
	{ "movdqa m, x", "66+ 0f 7f /r", AL }, { "movdqu m, x", "f3+ 0f 7f /r", 0 },
	{ "movq x, m", "f3+ 0f 7e /r", 0 }, { "movq m, x", "66+ 0f d6 /r", 0 },
	{ "movntdq", "66+ 0f e7 /r", AL }, { "lddqu", "f2+ 0f f0 /r", 0 },
	{ "movntdqa", "66+ 0f 38 2a /r", AL },
	{}
};

/* What is decided about one instruction before its bytes are known. */
struct plan {
	const struct form *f;
	u8 opcode[4];
	unsigned int opcode_len;
	int digit;		/* ModRM reg, -1: any, -2: no ModRM */
	unsigned int imm;	/* bytes */
	u8 mandatory;
	bool opsize, addrsize, lock;
	u8 rex, seg, rep;
	unsigned int asize, osize;
	u8 modrm, sib;
	unsigned int disp_size;
	u8 base, index, scale;
	enum vmm_seg in;	/* segment of the operand */
};

static void parse(struct plan *p)
{
	char text[64], *word, *save;

	snprintf(text, sizeof(text), "%s", p->f->code);
	p->digit = -2;
	for (word = strtok_r(text, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		if (!strcmp(word, "/r"))
			p->digit = -1;
		else if (word[0] == '/')
			p->digit = word[1] - '0';
		else if (!strcmp(word, "ib"))
			p->imm = 1;
		else if (!strcmp(word, "iz"))
			p->imm = 4;
		else if (word[2] == '+')
			p->mandatory = strtoul(word, NULL, 16);
		else
			p->opcode[p->opcode_len++] = strtoul(word, NULL, 16);
	}
}

static void choose_prefixes(struct plan *p, enum vmm_mode mode)
{
	static const u8 segs[] = { 0x26, 0x2e, 0x36, 0x3e };
	unsigned int flags = p->f->flags;

	if (flags & V)
		p->opsize = !rnd_below(3);
	p->addrsize = !rnd_below(4);
	p->lock = (flags & K) && !rnd_below(3);
	if ((flags & STR) && rnd_below(4))
		p->rep = rnd_below(2) ? 0xf3 : 0xf2;
	if (mode == VMM_MODE_64) {
		if (rnd_below(2))
			p->rex = 0x40 | rnd_below(16);
		if (!(flags & (V | W)) || rnd_below(2))
			p->rex &= ~8;
		if (!rnd_below(4))
			p->seg = rnd_below(2) ? 0x65 : segs[rnd_below(4)];
	} else if (!rnd_below(4)) {
		/* a code segment cannot be written: encode() sees to that */
		p->seg = segs[rnd_below(4)];
	}

	if (flags & B)
		p->osize = 1;
	else if (p->rex & 8)
		p->osize = 8;
	else
		p->osize = (mode == VMM_MODE_16) == p->opsize ? 4 : 2;
	if ((flags & STACK) && mode == VMM_MODE_64 && p->osize == 4)
		p->osize = 8;
	if ((flags & W) && p->osize == 2)
		p->osize = 4;
	if (p->imm == 4 && p->osize < 4)
		p->imm = p->osize;

	if (mode == VMM_MODE_64)
		p->asize = p->addrsize ? 4 : 8;
	else
		p->asize = (mode == VMM_MODE_16) == p->addrsize ? 4 : 2;
}

static void choose_modrm16(struct plan *p)
{
	static const u8 base[] = { 3, 3, 5, 5, 6, 7, 5, 3 };
	static const u8 index[] = { 6, 7, 6, 7 };
	unsigned int mod = p->modrm >> 6, rm = p->modrm & 7;

	p->disp_size = mod;
	if (mod == 0 && rm == 6) {
		p->disp_size = 2;
		return;
	}
	p->base = base[rm];
	if (rm < 4)
		p->index = index[rm];
}

static void choose_modrm32(struct plan *p, enum vmm_mode mode)
{
	unsigned int mod = p->modrm >> 6, rm = p->modrm & 7;

	p->disp_size = mod == 2 ? 4 : mod;
	if (rm == 4) {
		p->sib = rnd();
		/* [rSP] is special for pushes and pops */
		if ((p->f->flags & STACK) && !(p->rex & 3) && rnd_below(2))
			p->sib = 0x24;
		p->scale = p->sib >> 6;
		p->index = ((p->sib >> 3) & 7) | (p->rex & 2 ? 8 : 0);
		if (p->index == 4)
			p->index = VMM_REG_NONE;
		rm = p->sib & 7;
		if (mod == 0 && rm == 5) {
			p->disp_size = 4;
			return;
		}
	} else if (mod == 0 && rm == 5) {
		p->disp_size = 4;
		if (mode == VMM_MODE_64)
			p->base = VMM_REG_RIP;
		return;
	}
	p->base = rm | (p->rex & 1 ? 8 : 0);
}

static void choose_segment(struct plan *p, enum vmm_mode mode)
{
	p->in = VMM_DS;
	if (p->base == VMM_RSP || p->base == VMM_RBP)
		p->in = VMM_SS;
	switch (p->seg) {
	case 0x26:
		p->in = VMM_ES;
		break;
	case 0x2e:
		p->in = VMM_CS;
		break;
	case 0x36:
		p->in = VMM_SS;
		break;
	case 0x3e:
		p->in = VMM_DS;
		break;
	case 0x65:
		p->in = VMM_GS;
		break;
	}
	if (mode == VMM_MODE_64 && p->in != VMM_GS)
		p->in = VMM_DS;
}

static u64 segment_base(enum vmm_seg seg, enum vmm_mode mode)
{
	if (seg == VMM_GS)
		return GS_BASE;
	return mode == VMM_MODE_64 ? 0 : REGION + test_segs[seg].offset;
}

static u64 mask_of(unsigned int size)
{
	return size == 8 ? ~0ULL : (1ULL << 8 * size) - 1;
}

/* Sets the low @size bytes of a register, the rest stays random. */
static void set_low(struct test_case *t, unsigned int reg, u64 val,
		    unsigned int size)
{
	u64 *r = &t->state.gpr[reg];

	*r = (*r & ~mask_of(size)) | (val & mask_of(size));
}

static u64 extend(u64 val, unsigned int size)
{
	u64 sign = 1ULL << (8 * size - 1);

	return size == 8 ? val : ((val & mask_of(size)) ^ sign) - sign;
}

/*
 * Chooses displacement and the registers of the address so that it becomes
 * @want. False: this combination cannot reach it, try another.
 */
static bool solve(struct test_case *t, const struct plan *p, u64 want, u64 *disp)
{
	bool stack = p->f->flags & STACK;
	u64 index = 0;

	*disp = p->disp_size ? extend(rnd(), p->disp_size) : 0;
	if (p->base == VMM_REG_RIP)
		return true;		/* depends on the length: see emit() */
	if (stack && p->base == VMM_RSP) {
		/* the stack decides; its upper half is random in 16-bit mode */
		if (p->index != VMM_REG_NONE || p->in == VMM_GS ||
		    t->mode == VMM_MODE_16)
			return false;
		*disp = rnd_below(128) - 64;
		return true;
	}
	if (p->index != VMM_REG_NONE && p->index == p->base) {
		if (p->disp_size < 4)
			return false;
		set_low(t, p->index, rnd_below(1 << 20), p->asize);
		*disp = want - (t->state.gpr[p->index] & mask_of(p->asize)) *
			       ((1ULL << p->scale) + 1);
		return p->asize <= 4 || extend(*disp, 4) == *disp;
	}
	if (p->index != VMM_REG_NONE) {
		if (p->base == VMM_REG_NONE)
			set_low(t, p->index, rnd_below(1 << 20), p->asize);
		index = t->state.gpr[p->index] << p->scale;
	}
	if (p->base == VMM_REG_NONE) {
		*disp = want - index;
		return p->asize <= 4 || extend(*disp, 4) == *disp;
	}
	set_low(t, p->base, want - index - *disp, p->asize);
	return true;
}

static void put(struct test_case *t, u64 val, unsigned int size)
{
	while (size--) {
		if (t->len < sizeof(t->bytes))
			t->bytes[t->len++] = val;
		val >>= 8;
	}
}

static void emit_prefixes(struct test_case *t, const struct plan *p)
{
	u8 list[8];
	unsigned int n = 0, i;

	if (p->opsize)
		list[n++] = 0x66;
	if (p->addrsize)
		list[n++] = 0x67;
	if (p->lock)
		list[n++] = 0xf0;
	if (p->seg)
		list[n++] = p->seg;
	if (p->rep)
		list[n++] = p->rep;
	if (p->mandatory)
		list[n++] = p->mandatory;
	/* a prefix twice is as good as once */
	if (n && !rnd_below(8)) {
		list[n] = list[rnd_below(n)];
		n++;
	}
	for (i = n; i > 1; i--) {
		unsigned int j = rnd_below(i);
		u8 swap = list[i - 1];

		list[i - 1] = list[j];
		list[j] = swap;
	}
	/* a REX that another prefix follows is void */
	if (t->mode == VMM_MODE_64 && n && !rnd_below(16))
		put(t, 0x40 | rnd_below(16), 1);
	for (i = 0; i < n; i++)
		put(t, list[i], 1);
	if (p->rex)
		put(t, p->rex, 1);
}

static void emit(struct test_case *t, const struct plan *p, u64 want, u64 disp)
{
	unsigned int i;

	emit_prefixes(t, p);
	for (i = 0; i < p->opcode_len; i++)
		put(t, p->opcode[i], 1);
	if (p->f->flags & ACC)
		put(t, want, p->asize);
	if (p->digit > -2) {
		put(t, p->modrm, 1);
		if (p->asize > 2 && (p->modrm & 7) == 4)
			put(t, p->sib, 1);
		if (p->base == VMM_REG_RIP)
			disp = want - (t->state.rip + t->len + 4 + p->imm);
		put(t, disp, p->disp_size);
	}
	put(t, rnd(), p->imm);
}

static void choose_registers(struct test_case *t)
{
	unsigned int i, j;

	for (i = 0; i < 16; i++) {
		/* values near the ends of a range find more than others */
		u64 val = rnd();

		if (!rnd_below(3))
			val = extend(val, 1) << rnd_below(57);
		t->state.gpr[i] = val;
		for (j = 0; j < 16; j++)
			t->state.vec[i][j] = rnd();
	}
	t->state.rflags = (rnd() & (FLAGS_ARITH | VMM_FLAG_DF)) | 0x202;
	t->state.rip = t->mode == VMM_MODE_64 ? REGION : 0;
}

/*
 * A place in the arena, half of the time across a page boundary. But locked
 * accesses across cache lines are rare: kernels punish them with milliseconds.
 */
static u64 choose_place(const struct plan *p)
{
	bool locked = p->lock || !strncmp(p->f->name, "xchg", 4);
	u64 at = ARENA + 2 * PAGE + rnd_below(2 * PAGE - 64);

	if (rnd_below(2))
		at = ARENA + 3 * PAGE - rnd_below(20);
	if (p->f->flags & AL)
		return at & ~15ULL;
	return locked && rnd_below(256) ? at & ~7ULL : at;
}

/* Registers that the instruction uses beside those of its address. */
static bool choose_operands(struct test_case *t, const struct plan *p,
			    u64 place, u8 *arena)
{
	unsigned int flags = p->f->flags;
	unsigned int reg = ((p->modrm >> 3) & 7) | (p->rex & 4 ? 8 : 0);
	unsigned int half = p->osize == 8 ? 8 : 4;

	if (flags & BITREG) {
		if (reg == p->base || reg == p->index)
			return false;
		set_low(t, reg, rnd_below(8 * PAGE) - 4 * PAGE, p->osize);
	}
	if (flags & STACK) {
		unsigned int width = 8;

		if (t->mode != VMM_MODE_64)
			width = t->mode == VMM_MODE_32 ? 4 : 2;
		set_low(t, VMM_RSP, choose_place(p) -
			segment_base(VMM_SS, t->mode), width);
	}
	if ((flags & CMPX) && rnd_below(2)) {
		if (p->base == VMM_RAX || p->index == VMM_RAX ||
		    p->base == VMM_RDX || p->index == VMM_RDX)
			return false;
		if (flags & AL) {
			memcpy(&t->state.gpr[VMM_RAX], arena + place - ARENA, half);
			memcpy(&t->state.gpr[VMM_RDX],
			       arena + place - ARENA + half, half);
		} else {
			memcpy(&t->state.gpr[VMM_RAX], arena + place - ARENA,
			       p->osize);
		}
	}
	return true;
}

static void choose_string(struct test_case *t, struct plan *p)
{
	u64 count = rnd_below(64) ? rnd_below(20) : 1000 + rnd_below(60);

	p->base = VMM_REG_NONE;
	if (p->asize == 4 && t->mode == VMM_MODE_64 && !count)
		count = 1;	/* processors differ in the upper halves */
	if (count > 1000 && p->osize > 4)
		count = 500;
	choose_segment(p, t->mode);
	set_low(t, VMM_RSI, choose_place(p) - segment_base(p->in, t->mode),
		p->asize);
	set_low(t, VMM_RDI, choose_place(p) -
		(t->mode == VMM_MODE_64 ? 0 : segment_base(VMM_ES, t->mode)),
		p->asize);
	if (p->rep)
		set_low(t, VMM_RCX, count, p->asize);
}

unsigned int encode_forms(void)
{
	unsigned int n = 0;

	while (forms[n].name)
		n++;
	return n;
}

/* May the operand be in the code segment, which cannot be written? */
static bool segment_fits(const struct plan *p, enum vmm_mode mode)
{
	if (mode == VMM_MODE_64 || p->in != VMM_CS)
		return true;
	return !strncmp(p->f->name, "cmp ", 4) || strstr(p->f->name, "r, m") ||
	       strstr(p->f->name, "x, m") || (p->f->flags & STR);
}

/*
 * A random instance of form number @form. False: not in this mode, or this
 * throw of the dice did not work out.
 */
bool encode(struct test_case *t, unsigned int form, enum vmm_mode mode,
	    u8 *arena)
{
	struct plan p = {
		.f = &forms[form],
		.base = VMM_REG_NONE,
		.index = VMM_REG_NONE,
	};
	u64 place, want, disp = 0;

	memset(t, 0, sizeof(*t));
	if (p.f->flags & (mode == VMM_MODE_64 ? NOT64 : ONLY64))
		return false;
	t->name = p.f->name;
	t->mode = mode;
	t->string = p.f->flags & STR;
	t->nothing = p.f->flags & NOTHING;
	if (p.f->flags & LOGIC)
		t->undefined = VMM_FLAG_AF;
	if (p.f->flags & BITS)
		t->undefined = VMM_FLAG_PF | VMM_FLAG_AF | VMM_FLAG_SF |
			       VMM_FLAG_OF;
	choose_registers(t);
	parse(&p);
	choose_prefixes(&p, mode);
	if (t->string) {
		choose_string(t, &p);
		emit(t, &p, 0, 0);
		return t->len <= VMM_INSN_MAX;
	}
	if (p.digit > -2) {
		p.modrm = rnd_below(0xc0);
		if (p.digit >= 0)
			p.modrm = (p.modrm & 0xc7) | p.digit << 3;
		if (p.asize == 2)
			choose_modrm16(&p);
		else
			choose_modrm32(&p, mode);
	}
	choose_segment(&p, mode);
	if (!segment_fits(&p, mode))
		return false;
	place = choose_place(&p);
	want = (place - segment_base(p.in, mode)) & mask_of(p.asize);
	if (!choose_operands(t, &p, place, arena) ||
	    (p.digit > -2 && !solve(t, &p, want, &disp)))
		return false;
	emit(t, &p, want, disp);
	return t->len <= VMM_INSN_MAX;
}
