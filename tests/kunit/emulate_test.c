// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite vmm_emulate: the instruction emulator of vmm_core.
 *
 * emulate_rows.h has one row for each form of instruction; what else must hold
 * is below: faults, page boundaries, repeats, and that a device never sees an
 * access twice. The user-space twin, tests/emulate/, compares with the
 * processor at random.
 *
 * Locking: none.
 */
#include <kunit/test.h>
#include <linux/bitops.h>
#include <linux/string.h>

#include "emulate_vcpu.h"

struct emulate_row {
	const char *name;
	enum vmm_mode mode;
	u8 len;
	u8 code[VMM_INSN_MAX + 1];
	struct {
		u16 what;
		u64 val;
	} change[6];			/* ends with val and what zero */
};

#include "emulate_rows.h"

static void check_row(struct kunit *test, const struct emulate_row *row,
		      struct test_vcpu *v, struct test_vcpu *want,
		      enum page_kind kind)
{
	u64 mask = row->mode == VMM_MODE_64 ? ~0ULL : U32_MAX;
	unsigned int i;

	reset_vcpu(want, row->mode, row->code, row->len);
	for (i = 0; i < ARRAY_SIZE(row->change); i++) {
		u16 what = row->change[i].what;
		u64 val = row->change[i].val;

		if (!what && !val)
			break;
		if (what >= R_MEM)
			memcpy(want->mem + PAGE + (what - R_MEM), &val, 8);
		else
			want->reg[what] = val;
	}

	reset_vcpu(v, row->mode, row->code, row->len);
	v->page[1] = kind;
	KUNIT_EXPECT_EQ_MSG(test, run(v), (int)VMM_EMUL_DONE, "%s", row->name);
	KUNIT_EXPECT_EQ_MSG(test, v->rip, want->rip + row->len, "%s", row->name);
	KUNIT_EXPECT_EQ_MSG(test, memcmp(v->mem, want->mem, WINDOW_SIZE), 0,
			    "%s", row->name);
	for (i = 0; i < R_COUNT; i++)
		KUNIT_EXPECT_EQ_MSG(test, v->reg[i] & mask,
				    want->reg[i] & mask, "%s: register %u",
				    row->name, i);
}

static void each_form_as_a_processor(struct kunit *test)
{
	struct test_vcpu *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);
	struct test_vcpu *want = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, v);
	KUNIT_ASSERT_NOT_NULL(test, want);
	for (i = 0; i < ARRAY_SIZE(emulate_rows); i++) {
		check_row(test, &emulate_rows[i], v, want, PAGE_RAM);
		check_row(test, &emulate_rows[i], v, want, PAGE_DEVICE);
	}
}

/* One bit after the other, as one learns it at school. */
static u8 slow_add(u8 a, u8 b, bool carry, u64 *flags, bool borrow)
{
	unsigned int i, before = carry;
	bool carry3 = false, carry6 = false;
	u8 res = 0;

	for (i = 0; i < 8; i++) {
		unsigned int x = a >> i & 1, y = b >> i & 1;

		res |= (x ^ y ^ carry) << i;
		if (borrow)
			x = !x;
		carry = x + y + carry > 1;
		if (i == 3)
			carry3 = carry;
		if (i == 6)
			carry6 = carry;
	}
	before = hweight8(res);
	*flags = (carry ? VMM_FLAG_CF : 0) | (before & 1 ? 0 : VMM_FLAG_PF) |
		 (carry3 ? VMM_FLAG_AF : 0) | (res ? 0 : VMM_FLAG_ZF) |
		 (res & 0x80 ? VMM_FLAG_SF : 0) |
		 (carry != carry6 ? VMM_FLAG_OF : 0);
	return res;
}

static void flags_of_bytes_all_of_them(struct kunit *test)
{
	unsigned int a, b, carry, wrong = 0;
	u64 flags, want;
	u8 res;

	for (a = 0; a < 256; a++) {
		for (b = 0; b < 256; b++) {
			for (carry = 0; carry < 2; carry++) {
				res = slow_add(a, b, carry, &want, false);
				flags = carry;
				wrong += vmm_alu(VMM_OP_ADC, a, b, 1, &flags) != res;
				wrong += flags != want;
				res = slow_add(a, b, carry, &want, true);
				flags = carry;
				wrong += vmm_alu(VMM_OP_SBB, a, b, 1, &flags) != res;
				wrong += flags != want;
			}
		}
	}
	KUNIT_EXPECT_EQ(test, wrong, 0u);
}

static void conditions(struct kunit *test)
{
	/* flags, and a bit for each condition that holds with them */
	static const struct {
		u64 flags;
		u16 hold;
	} rows[] = {
		{ 0, 0xaaaa },
		{ VMM_FLAG_OF, 0x5aa9 },
		{ VMM_FLAG_CF, 0xaa66 },
		{ VMM_FLAG_ZF, 0x6a5a },
		{ VMM_FLAG_SF, 0x59aa },
		{ VMM_FLAG_PF, 0xa6aa },
		{ VMM_FLAG_SF | VMM_FLAG_OF, 0xa9a9 },
		{ VMM_FLAG_ZF | VMM_FLAG_CF, 0x6a56 },
	};
	unsigned int i, cond;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		for (cond = 0; cond < 16; cond++)
			KUNIT_EXPECT_EQ_MSG(test,
					    vmm_alu_condition(cond, rows[i].flags),
					    (bool)(rows[i].hold >> cond & 1),
					    "condition %u, row %u", cond, i);
}

struct decode_row {
	enum vmm_mode mode;
	enum vmm_decode_result result;
	u8 code[VMM_INSN_MAX + 1];
};

static void decoder_refusals(struct kunit *test)
{
	static const struct decode_row rows[] = {
		/* LOCK where nothing is written to memory */
		{ VMM_MODE_64, VMM_DECODE_UD, "\xf0\x8b\x03" },
		{ VMM_MODE_64, VMM_DECODE_UD, "\xf0\x89\x03" },
		{ VMM_MODE_64, VMM_DECODE_UD, "\xf0\x03\x03" },
		{ VMM_MODE_64, VMM_DECODE_UD, "\xf0\x39\x03" },
		{ VMM_MODE_64, VMM_DECODE_UD, "\xf0\x83\x3b\x01" },
		{ VMM_MODE_64, VMM_DECODE_UD, "\xf0\x0f\xa3\x03" },
		{ VMM_MODE_64, VMM_DECODE_UD, "\xf0\xa4" },
		{ VMM_MODE_64, VMM_DECODE_UD, "\xf0\x0f\x10\x03" },
		{ VMM_MODE_64, VMM_DECODE_OK, "\xf0\x01\x03" },
		/* other modes */
		{ VMM_MODE_64, VMM_DECODE_UD, "\x82\x03\x01" },
		{ VMM_MODE_32, VMM_DECODE_OK, "\x82\x03\x01" },
		{ VMM_MODE_32, VMM_DECODE_UNSUPPORTED, "\x63\x03" },
		{ VMM_MODE_32, VMM_DECODE_UNSUPPORTED, "\x48\x89\x03" },
		/* no memory operand, or not ours */
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\x89\xc3" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\x0f\x10\xc1" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\x90" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\x0f\x0b" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\xd9\x03" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\xc5\xf8\x10\x03" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\x62\xf1\x7c\x48\x10\x03" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\xff\x13" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\xff\x23" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\x8f\x0b" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\x66\x0f\xc3\x03" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\xf2\x0f\x38\xf0\x03" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\x0f\xae\x33" },
		{ VMM_MODE_64, VMM_DECODE_OK, "\x66\x0f\xae\x33" },
		{ VMM_MODE_64, VMM_DECODE_UNSUPPORTED, "\xf3\x0f\xae\x3b" },
		/* 15 bytes are allowed, 16 are not */
		{ VMM_MODE_64, VMM_DECODE_OK,
		  "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x03" },
		{ VMM_MODE_64, VMM_DECODE_TOO_LONG,
		  "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x03" },
		{ VMM_MODE_64, VMM_DECODE_TOO_LONG,
		  "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\x83\x01" },
	};
	struct vmm_insn insn;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		KUNIT_EXPECT_EQ_MSG(test, (int)vmm_decode(&insn, rows[i].code,
							  VMM_INSN_MAX,
							  rows[i].mode),
				    (int)rows[i].result, "row %u", i);
}

static void decoder_asks_for_missing_bytes(struct kunit *test)
{
	struct vmm_insn insn;
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(emulate_rows); i++) {
		const struct emulate_row *row = &emulate_rows[i];

		for (n = 0; n < row->len; n++)
			KUNIT_EXPECT_EQ_MSG(test,
					    (int)vmm_decode(&insn, row->code, n,
							    row->mode),
					    (int)VMM_DECODE_MORE, "%s", row->name);
		KUNIT_EXPECT_EQ(test, (int)vmm_decode(&insn, row->code, n,
						      row->mode),
				(int)VMM_DECODE_OK);
		KUNIT_EXPECT_EQ(test, insn.len, row->len);
	}
}

static struct test_vcpu *new_vcpu(struct kunit *test)
{
	struct test_vcpu *v = kunit_kzalloc(test, sizeof(*v), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, v);
	return v;
}

static void expect_access(struct kunit *test, struct test_vcpu *v,
			  unsigned int i, u64 addr, unsigned int len, bool write)
{
	KUNIT_EXPECT_EQ(test, v->log[i].addr, addr);
	KUNIT_EXPECT_EQ(test, (unsigned int)v->log[i].len, len);
	KUNIT_EXPECT_EQ(test, v->log[i].write, write);
}

static void a_device_sees_each_access_once(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);
	u64 rax;

	/* xchg [rbx], rax: one read, then one write, then the register */
	RESET(v, 64, 0x48, 0x87, 0x03);
	v->page[1] = PAGE_DEVICE;
	rax = 0x1234;
	v->reg[R_RAX] = rax;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_MMIO);
	KUNIT_EXPECT_FALSE(test, v->asked.write);
	/* asking again without an answer changes nothing */
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_MMIO);
	serve(v);
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_MMIO);
	KUNIT_EXPECT_TRUE(test, v->asked.write);
	KUNIT_EXPECT_EQ(test, v->reg[R_RAX], rax);
	KUNIT_EXPECT_EQ(test, v->rip, REGION);
	serve(v);
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_FALSE(test, vmm_emul_busy(&v->emul));
	KUNIT_EXPECT_EQ(test, v->count, 2u);
	KUNIT_EXPECT_EQ(test, v->reg[R_RAX], 0x8e69441ffad5b08bULL);
	KUNIT_EXPECT_EQ(test, mem_at(v, 0), rax);
}

static void accesses_are_cut_at_pages_and_8_bytes(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);

	/* movups [rbx], xmm1 */
	RESET(v, 64, 0x0f, 0x11, 0x0b);
	v->page[0] = PAGE_DEVICE;
	v->page[1] = PAGE_DEVICE;
	v->reg[R_RBX] = MEM - 4;
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, v->count, 3u);
	expect_access(test, v, 0, MEM - 4, 4, true);
	expect_access(test, v, 1, MEM, 8, true);
	expect_access(test, v, 2, MEM + 8, 4, true);
	KUNIT_EXPECT_EQ(test, memcmp(v->mem + PAGE - 4, &v->reg[R_VEC_LOW], 16), 0);

	/* add [rbx], rax */
	RESET(v, 64, 0x48, 0x01, 0x03);
	v->page[0] = PAGE_DEVICE;
	v->reg[R_RBX] = MEM - 3;
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, v->count, 4u);
	expect_access(test, v, 0, MEM - 3, 3, false);
	expect_access(test, v, 1, MEM, 5, false);
	expect_access(test, v, 2, MEM - 3, 3, true);
	expect_access(test, v, 3, MEM, 5, true);
}

static void a_fault_leaves_no_trace(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);
	u64 before[R_COUNT];

	/* mov [rbx], rax: the second page is absent, the first a device */
	RESET(v, 64, 0x48, 0x89, 0x03);
	v->page[0] = PAGE_DEVICE;
	v->page[1] = PAGE_ABSENT;
	v->reg[R_RBX] = MEM - 3;
	memcpy(before, v->reg, sizeof(before));
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_FAULT);
	KUNIT_EXPECT_TRUE(test, v->fault_write);
	KUNIT_EXPECT_FALSE(test, v->is_asked);
	KUNIT_EXPECT_EQ(test, memcmp(before, v->reg, sizeof(before)), 0);
	KUNIT_EXPECT_EQ(test, v->rip, REGION);
	KUNIT_EXPECT_FALSE(test, vmm_emul_busy(&v->emul));

	/* add [rbx], rax faults as a write, though it reads first */
	RESET(v, 64, 0x48, 0x01, 0x03);
	v->page[1] = PAGE_ABSENT;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_FAULT);
	KUNIT_EXPECT_TRUE(test, v->fault_write);

	/* movsb does not read the device when it cannot write */
	RESET(v, 64, 0xa4);
	v->page[1] = PAGE_DEVICE;
	v->reg[R_RDI] = WINDOW - 1;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_FAULT);
	KUNIT_EXPECT_EQ(test, v->vector, 14);
	KUNIT_EXPECT_FALSE(test, v->is_asked);

	/* nor does cmpsb when the second operand is absent */
	RESET(v, 64, 0xa6);
	v->page[1] = PAGE_DEVICE;
	v->reg[R_RDI] = WINDOW - 1;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_FAULT);
	KUNIT_EXPECT_FALSE(test, v->fault_write);

	/* a vector register that cannot be had: before the device is asked */
	RESET(v, 64, 0x0f, 0x10, 0x13);
	v->page[1] = PAGE_DEVICE;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_FAULT);
	KUNIT_EXPECT_FALSE(test, v->is_asked);

	RESET(v, 64, 0x89, 0x03);
	v->no_code = true;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_FAULT);
	KUNIT_EXPECT_EQ(test, v->vector, 14);
}

static void expect_vector(struct kunit *test, struct test_vcpu *v,
			  unsigned int flags, int vector)
{
	KUNIT_EXPECT_EQ(test, step(v, flags), (int)VMM_EMUL_FAULT);
	KUNIT_EXPECT_EQ(test, v->vector, vector);
	KUNIT_EXPECT_EQ(test, v->count, 0u);
}

static void addresses_must_be_canonical(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);

	RESET(v, 64, 0x8b, 0x03);		/* mov eax, [rbx] */
	v->reg[R_RBX] = 0x0000800000000000;
	expect_vector(test, v, 0, VMM_EMUL_GP);
	v->reg[R_RBX] = 0x00007ffffffffffd;	/* its last byte */
	expect_vector(test, v, 0, VMM_EMUL_GP);
	v->reg[R_RBX] = 0x00007ffffffffffc;
	expect_vector(test, v, 0, 14);
	v->reg[R_RBX] = 0xffff800000000000;
	expect_vector(test, v, 0, 14);
	v->reg[R_RBX] = 0x0000800000000000;
	expect_vector(test, v, VMM_EMUL_LA57, 14);
	v->reg[R_RBX] = 0x0100000000000000;
	expect_vector(test, v, VMM_EMUL_LA57, VMM_EMUL_GP);

	RESET(v, 64, 0x8b, 0x45, 0x00);		/* mov eax, [rbp] */
	v->reg[R_RBP] = 0x0000800000000000;
	expect_vector(test, v, 0, VMM_EMUL_SS);

	RESET(v, 64, 0x0f, 0x28, 0x0b);		/* movaps xmm1, [rbx] */
	v->reg[R_RBX] += 8;
	expect_vector(test, v, 0, VMM_EMUL_GP);

	RESET(v, 64, 0xf0, 0x89, 0x03);		/* lock mov */
	expect_vector(test, v, 0, VMM_EMUL_UD);
}

static void segments_are_checked(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);

	RESET(v, 32, 0x8b, 0x03);		/* mov eax, [ebx] */
	v->seg[VMM_DS].limit = v->reg[R_RBX] + 2;
	expect_vector(test, v, 0, VMM_EMUL_GP);
	v->seg[VMM_DS].limit++;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_DONE);

	/* expand-down: offsets above the limit are valid */
	RESET(v, 32, 0x8b, 0x03);
	v->seg[VMM_DS].ar |= 4;
	v->seg[VMM_DS].limit = v->reg[R_RBX];
	expect_vector(test, v, 0, VMM_EMUL_GP);
	v->seg[VMM_DS].limit--;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_DONE);

	RESET(v, 32, 0x8b, 0x03);
	v->seg[VMM_DS].ar |= BIT(16);		/* unusable */
	expect_vector(test, v, 0, VMM_EMUL_GP);

	RESET(v, 32, 0x8b, 0x45, 0x00);		/* mov eax, [ebp] */
	v->seg[VMM_SS].limit = 3;
	expect_vector(test, v, 0, VMM_EMUL_SS);

	RESET(v, 32, 0x89, 0x03);		/* mov [ebx], eax */
	v->seg[VMM_DS].ar &= ~2u;		/* read-only */
	expect_vector(test, v, 0, VMM_EMUL_GP);

	RESET(v, 32, 0x2e, 0x8b, 0x03);		/* mov eax, cs:[ebx] */
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_DONE);
	RESET(v, 32, 0x2e, 0x8b, 0x03);
	v->seg[VMM_CS].ar &= ~2u;		/* execute-only */
	expect_vector(test, v, 0, VMM_EMUL_GP);

	/* code cannot be written, but in real mode */
	RESET(v, 16, 0x2e, 0x89, 0x07);		/* mov cs:[bx], ax */
	expect_vector(test, v, 0, VMM_EMUL_GP);
	KUNIT_EXPECT_EQ(test, step(v, VMM_EMUL_REAL), (int)VMM_EMUL_DONE);

	/* no operand across the end of 64 KiB */
	RESET(v, 16, 0x8b, 0x07);		/* mov ax, [bx] */
	v->reg[R_RBX] = 0xffff;
	expect_vector(test, v, VMM_EMUL_REAL, VMM_EMUL_GP);
}

/* Reads the byte that 16-bit addressing form @rm with a displacement names. */
static void check_address16(struct kunit *test, struct test_vcpu *v,
			    unsigned int rm, u64 offset, enum vmm_seg seg)
{
	const u8 code[] = { 0x8a, 0x48, 0xfe };	/* mov cl, [rm - 2] */

	reset_vcpu(v, VMM_MODE_16, code, sizeof(code));
	v->code[1] |= rm;
	/* the upper halves do not count */
	v->reg[R_RBX] = 0xabcd0000 | 0x1102;
	v->reg[R_RBP] = 0xabcd0000 | 0x2203;
	v->reg[R_RSI] = 0xabcd0000 | 0x0304;
	v->reg[R_RDI] = 0xabcd0000 | 0xf405;
	v->seg[seg].base = MEM - offset;
	KUNIT_EXPECT_EQ_MSG(test, step(v, VMM_EMUL_REAL), (int)VMM_EMUL_DONE,
			    "form %u", rm);
	KUNIT_EXPECT_EQ_MSG(test, v->log[0].addr, MEM, "form %u", rm);
}

static void addresses_of_16_bits(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);

	check_address16(test, v, 0, 0x1404, VMM_DS);	/* bx + si */
	check_address16(test, v, 1, 0x0505, VMM_DS);	/* bx + di, wraps */
	check_address16(test, v, 2, 0x2505, VMM_SS);	/* bp + si */
	check_address16(test, v, 3, 0x1606, VMM_SS);	/* bp + di, wraps */
	check_address16(test, v, 4, 0x0302, VMM_DS);	/* si */
	check_address16(test, v, 5, 0xf403, VMM_DS);	/* di */
	check_address16(test, v, 6, 0x2201, VMM_SS);	/* bp */
	check_address16(test, v, 7, 0x1100, VMM_DS);	/* bx */

	/* bt [bx], dx: bit -16 is in the word before, at the segment's end */
	RESET(v, 16, 0x0f, 0xa3, 0x17);
	v->reg[R_RBX] = 0;
	v->reg[R_RDX] = 0xfff0;
	v->seg[VMM_DS].base = MEM - 0xfffe;
	KUNIT_EXPECT_EQ(test, step(v, VMM_EMUL_REAL), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, v->log[0].addr, MEM);
}

static void compare_and_exchange_of_pairs(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);

	RESET(v, 64, 0xf0, 0x48, 0x0f, 0xc7, 0x0b);	/* lock cmpxchg16b [rbx] */
	v->page[1] = PAGE_DEVICE;
	memcpy(&v->reg[R_RDX], v->mem + PAGE + 8, 8);
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, mem_at(v, 0), v->reg[R_RBX]);
	KUNIT_EXPECT_EQ(test, mem_at(v, 8), v->reg[R_RCX]);
	KUNIT_EXPECT_EQ(test, v->reg[R_FLAGS], 0x243ULL);
	KUNIT_EXPECT_EQ(test, v->count, 4u);

	RESET(v, 64, 0x48, 0x0f, 0xc7, 0x0b);
	v->reg[R_RBX] += 8;
	expect_vector(test, v, 0, VMM_EMUL_GP);

	RESET(v, 32, 0x0f, 0xc7, 0x0b);			/* cmpxchg8b [ebx] */
	v->reg[R_RDX] = v->reg[R_RAX] >> 32;
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, mem_at(v, 0), v->reg[R_RCX] << 32 |
			(u32)v->reg[R_RBX]);
}

static void repeats_move_all_elements(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);
	u8 *mem = v->mem + PAGE;

	RESET(v, 64, 0xf3, 0x66, 0xa5);		/* rep movsw to a device */
	v->page[1] = PAGE_DEVICE;
	v->reg[R_RCX] = 5;
	v->reg[R_RSI] = MEM - 10;
	v->reg[R_RDI] = MEM;
	memcpy(v->mem + PAGE - 10, "0123456789", 10);
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, memcmp(mem, "0123456789", 10), 0);
	KUNIT_EXPECT_EQ(test, v->reg[R_RCX], 0ULL);
	KUNIT_EXPECT_EQ(test, v->reg[R_RSI], MEM);
	KUNIT_EXPECT_EQ(test, v->reg[R_RDI], MEM + 10);
	KUNIT_EXPECT_EQ(test, v->count, 10u);
	KUNIT_EXPECT_EQ(test, v->rip, REGION + 3);

	RESET(v, 64, 0xf3, 0xaa);		/* rep stosb downwards */
	v->reg[R_FLAGS] |= VMM_FLAG_DF;
	v->reg[R_RCX] = 4;
	v->reg[R_RAX] = 'x';
	v->reg[R_RDI] = MEM + 3;
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, memcmp(mem, "xxxx", 4), 0);
	KUNIT_EXPECT_EQ(test, v->reg[R_RDI], MEM - 1);

	RESET(v, 64, 0xf3, 0xaa);		/* not at all */
	v->reg[R_RCX] = 0;
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, v->count, 0u);

	RESET(v, 16, 0xf3, 0xaa);		/* CX counts, not ECX */
	v->reg[R_RCX] = 0x00070002;
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, v->reg[R_RCX], 0x00070000ULL);
	KUNIT_EXPECT_EQ(test, v->count, 2u);
}

static void repeats_end_when_found(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);

	RESET(v, 64, 0xf2, 0xae);		/* repne scasb */
	v->page[1] = PAGE_DEVICE;
	memcpy(v->mem + PAGE, "abcdef", 6);
	v->reg[R_RDI] = MEM;
	v->reg[R_RAX] = 'c';
	v->reg[R_RCX] = 100;
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, v->reg[R_RDI], MEM + 3);
	KUNIT_EXPECT_EQ(test, v->reg[R_RCX], 97ULL);
	KUNIT_EXPECT_TRUE(test, v->reg[R_FLAGS] & VMM_FLAG_ZF);

	RESET(v, 64, 0xf3, 0xa6);		/* repe cmpsb */
	memcpy(v->mem + PAGE, "abcdabce", 8);
	v->reg[R_RSI] = MEM;
	v->reg[R_RDI] = MEM + 4;
	v->reg[R_RCX] = 100;
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, v->reg[R_RSI], MEM + 4);
	KUNIT_EXPECT_EQ(test, v->reg[R_RCX], 96ULL);
	KUNIT_EXPECT_FALSE(test, v->reg[R_FLAGS] & VMM_FLAG_ZF);
	KUNIT_EXPECT_TRUE(test, v->reg[R_FLAGS] & VMM_FLAG_CF);
}

static void repeats_can_be_left_and_taken_up(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);

	RESET(v, 64, 0xf3, 0xaa);		/* rep stosb, long */
	v->reg[R_RDI] = MEM;
	v->reg[R_RCX] = VMM_EMUL_REP_MAX + 10;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_AGAIN);
	KUNIT_EXPECT_EQ(test, v->reg[R_RCX], 10ULL);
	KUNIT_EXPECT_EQ(test, v->rip, REGION);
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, v->count, VMM_EMUL_REP_MAX + 10u);

	RESET(v, 64, 0xf3, 0xaa);		/* an interrupt comes */
	v->reg[R_RDI] = MEM;
	v->reg[R_RCX] = 3;
	v->event = true;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_AGAIN);
	KUNIT_EXPECT_EQ(test, v->reg[R_RCX], 2ULL);
	v->event = false;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_DONE);

	RESET(v, 64, 0xf3, 0xaa);		/* a fault in the middle */
	v->reg[R_RDI] = MEM + PAGE - 2;
	v->reg[R_RCX] = 5;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_FAULT);
	KUNIT_EXPECT_EQ(test, v->reg[R_RCX], 3ULL);
	KUNIT_EXPECT_EQ(test, v->reg[R_RDI], MEM + PAGE);
	KUNIT_EXPECT_EQ(test, v->rip, REGION);
}

static void user_space_can_move_the_vcpu(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);

	RESET(v, 64, 0x89, 0x03);		/* mov [rbx], eax */
	v->page[1] = PAGE_DEVICE;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_MMIO);
	v->rip = 0xfff0;			/* a reset */
	serve(v);
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_AGAIN);
	KUNIT_EXPECT_EQ(test, v->rip, 0xfff0ULL);
	KUNIT_EXPECT_FALSE(test, vmm_emul_busy(&v->emul));

	RESET(v, 64, 0x89, 0x03);
	v->page[1] = PAGE_DEVICE;
	KUNIT_EXPECT_EQ(test, step(v, 0), (int)VMM_EMUL_MMIO);
	vmm_emul_cancel(&v->emul);
	KUNIT_EXPECT_FALSE(test, vmm_emul_busy(&v->emul));
	vmm_emul_mmio_done(&v->emul, v->mem);	/* too late: no effect */
	KUNIT_EXPECT_EQ(test, (int)vmm_emul_run(&v->emul),
			(int)VMM_EMUL_UNSUPPORTED);
	KUNIT_EXPECT_EQ(test, v->rip, REGION);
}

static void code_is_fetched_page_by_page(struct kunit *test)
{
	struct test_vcpu *v = new_vcpu(test);

	/* mov qword ptr [rbx], imm32, from the last three bytes of a page */
	RESET(v, 64, 0x48, 0xc7, 0x03, 0x11, 0x22, 0x33, 0x44);
	v->rip = REGION + PAGE - 3;
	KUNIT_EXPECT_EQ(test, run(v), (int)VMM_EMUL_DONE);
	KUNIT_EXPECT_EQ(test, mem_at(v, 0), 0x44332211ULL);
	KUNIT_EXPECT_EQ(test, v->rip, REGION + PAGE + 4);
}

static struct kunit_case emulate_cases[] = {
	KUNIT_CASE(each_form_as_a_processor),
	KUNIT_CASE(flags_of_bytes_all_of_them),
	KUNIT_CASE(conditions),
	KUNIT_CASE(decoder_refusals),
	KUNIT_CASE(decoder_asks_for_missing_bytes),
	KUNIT_CASE(a_device_sees_each_access_once),
	KUNIT_CASE(accesses_are_cut_at_pages_and_8_bytes),
	KUNIT_CASE(a_fault_leaves_no_trace),
	KUNIT_CASE(addresses_must_be_canonical),
	KUNIT_CASE(segments_are_checked),
	KUNIT_CASE(addresses_of_16_bits),
	KUNIT_CASE(compare_and_exchange_of_pairs),
	KUNIT_CASE(repeats_move_all_elements),
	KUNIT_CASE(repeats_end_when_found),
	KUNIT_CASE(repeats_can_be_left_and_taken_up),
	KUNIT_CASE(user_space_can_move_the_vcpu),
	KUNIT_CASE(code_is_fetched_page_by_page),
	{}
};

static struct kunit_suite emulate_suite = {
	.name = "vmm_emulate",
	.test_cases = emulate_cases,
};

kunit_test_suite(emulate_suite);
