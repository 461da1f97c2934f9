/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vCPU for the tests of the instruction emulator: registers, two pages of
 * memory that are RAM, a device or absent, and a user space. To be included
 * once: it brings the code under test along.
 *
 * Locking: none, each test has its own.
 */
/* The code under test itself. */
#include "../../vmm_core/emulate/alu.c"
#include "../../vmm_core/emulate/decode.c"
#include "../../vmm_core/emulate/exec.c"
#include "../../vmm_core/emulate/memory.c"
#include "../../vmm_core/emulate/string.c"

/* Registers by number; changes of rows name them and memory alike. */
enum {
	R_RAX, R_RCX, R_RDX, R_RBX, R_RSP, R_RBP, R_RSI, R_RDI,
	R_R8, R_R9, R_R10, R_R11, R_R12, R_R13, R_R14, R_R15,
	R_FLAGS,
	R_VEC_LOW, R_VEC_HIGH,		/* of vector register 1 */
	R_COUNT,
	R_MEM = 0x100,			/* plus an offset from MEM */
};

/* The operand, at the start of the second of two pages of guest memory. */
#define MEM		0x20004000ULL
#define PAGE		4096u
#define WINDOW		(MEM - PAGE)
#define WINDOW_SIZE	(2 * PAGE)

/* Bases of the segments outside 64-bit mode, and the code's address. */
#define REGION		0x20000000ULL
#define GS_BASE		0x10000000ULL

enum page_kind { PAGE_RAM, PAGE_DEVICE, PAGE_ABSENT };

struct access {
	u64 addr;
	u8 len;
	bool write;
};

struct test_vcpu {
	struct vmm_emul emul;
	enum vmm_mode mode;
	u64 reg[R_COUNT];
	u64 rip;
	struct vmm_emul_seg seg[6];
	u8 code[16];
	u8 mem[WINDOW_SIZE];
	enum page_kind page[2];
	bool no_code;
	struct access asked;		/* of user space */
	u8 asked_data[8];
	bool is_asked;
	struct access log[32];		/* all that reached memory */
	unsigned int count;
	bool event;
	int vector;
	bool fault_write;
};

static u64 get_gpr(void *ctx, unsigned int index)
{
	struct test_vcpu *v = ctx;

	return v->reg[index];
}

static void set_gpr(void *ctx, unsigned int index, u64 val)
{
	struct test_vcpu *v = ctx;

	v->reg[index] = val;
}

static u64 get_rip(void *ctx)
{
	struct test_vcpu *v = ctx;

	return v->rip;
}

static void set_rip(void *ctx, u64 rip)
{
	struct test_vcpu *v = ctx;

	v->rip = rip;
}

static u64 get_rflags(void *ctx)
{
	struct test_vcpu *v = ctx;

	return v->reg[R_FLAGS];
}

static void set_rflags(void *ctx, u64 rflags)
{
	struct test_vcpu *v = ctx;

	v->reg[R_FLAGS] = rflags;
}

static void get_seg(void *ctx, enum vmm_seg seg, struct vmm_emul_seg *out)
{
	struct test_vcpu *v = ctx;

	*out = v->seg[seg];
}

static int get_vec(void *ctx, unsigned int index, u8 val[16])
{
	struct test_vcpu *v = ctx;

	memcpy(val, &v->reg[R_VEC_LOW], 16);
	return index == 1 ? VMM_EMUL_DONE : VMM_EMUL_FAULT;
}

static int set_vec(void *ctx, unsigned int index, const u8 val[16])
{
	struct test_vcpu *v = ctx;

	memcpy(&v->reg[R_VEC_LOW], val, 16);
	return index == 1 ? VMM_EMUL_DONE : VMM_EMUL_FAULT;
}

static void fault(void *ctx, unsigned int vector, u32 error)
{
	struct test_vcpu *v = ctx;

	v->vector = vector;
	v->is_asked = false;
}

/* The code is wherever the instruction pointer says. */
static int fetch(void *ctx, u64 addr, void *buf, unsigned int len)
{
	struct test_vcpu *v = ctx;
	unsigned int at = (unsigned int)(addr - v->rip) & (PAGE - 1);

	if (v->no_code) {
		fault(v, 14, 0);
		return VMM_EMUL_FAULT;
	}
	memset(buf, 0x90, len);
	if (at < sizeof(v->code))
		memcpy(buf, v->code + at,
		       min_t(unsigned int, len, sizeof(v->code) - at));
	return VMM_EMUL_DONE;
}

static enum page_kind lookup(struct test_vcpu *v, u64 addr)
{
	if (addr < WINDOW || addr >= WINDOW + WINDOW_SIZE)
		return PAGE_ABSENT;
	return v->page[(addr - WINDOW) / PAGE];
}

static void log_access(struct test_vcpu *v, u64 addr, unsigned int len,
		       bool write)
{
	if (v->count < ARRAY_SIZE(v->log))
		v->log[v->count] = (struct access){ addr, len, write };
	v->count++;
}

static int access_mem(struct test_vcpu *v, u64 addr, void *in, const void *out,
		      unsigned int len, bool for_write)
{
	switch (lookup(v, addr)) {
	case PAGE_ABSENT:
		fault(v, 14, 0);
		v->fault_write = for_write;
		return VMM_EMUL_FAULT;
	case PAGE_DEVICE:
		v->asked = (struct access){ addr, len, out };
		v->is_asked = true;
		if (out)
			memcpy(v->asked_data, out, len);
		return VMM_EMUL_MMIO;
	default:
		log_access(v, addr, len, out);
		if (out)
			memcpy(v->mem + (addr - WINDOW), out, len);
		else if (in)
			memcpy(in, v->mem + (addr - WINDOW), len);
		return VMM_EMUL_DONE;
	}
}

static int read_mem(void *ctx, u64 addr, void *buf, unsigned int len,
		    bool for_write)
{
	return access_mem(ctx, addr, buf, NULL, len, for_write);
}

static int write_mem(void *ctx, u64 addr, const void *buf, unsigned int len)
{
	return access_mem(ctx, addr, NULL, buf, len, true);
}

static int probe(void *ctx, u64 addr, unsigned int len, bool write)
{
	struct test_vcpu *v = ctx;

	if (lookup(v, addr) != PAGE_ABSENT)
		return VMM_EMUL_DONE;
	fault(v, 14, 0);
	v->fault_write = write;
	return VMM_EMUL_FAULT;
}

static bool event_pending(void *ctx)
{
	struct test_vcpu *v = ctx;

	return v->event;
}

static const struct vmm_emul_ops ops = {
	.get_gpr = get_gpr,
	.set_gpr = set_gpr,
	.get_rip = get_rip,
	.set_rip = set_rip,
	.get_rflags = get_rflags,
	.set_rflags = set_rflags,
	.get_seg = get_seg,
	.get_vec = get_vec,
	.set_vec = set_vec,
	.fetch = fetch,
	.read = read_mem,
	.write = write_mem,
	.probe = probe,
	.fault = fault,
	.event_pending = event_pending,
};

/* The state before each row: rBX, rSI, rDI, rSP and rBP point into MEM. */
static void reset_vcpu(struct test_vcpu *v, enum vmm_mode mode,
		       const u8 *code, unsigned int len)
{
	static const u16 base[4] = {
		[VMM_ES] = 0x100, [VMM_CS] = 0, [VMM_SS] = 0x40, [VMM_DS] = 0x80,
	};
	unsigned int i;

	memset(v, 0, sizeof(*v));
	v->mode = mode;
	v->vector = -1;
	memcpy(v->code, code, len);
	for (i = 0; i < 4 && mode != VMM_MODE_64; i++) {
		v->seg[i].base = REGION + base[i];
		v->seg[i].limit = mode == VMM_MODE_16 ? 0xffff : 0xffffffff;
		v->seg[i].ar = (i == VMM_CS ? 0xfb : 0xf3) |
			       (mode == VMM_MODE_32 ? BIT(14) : 0);
	}
	v->seg[VMM_GS].base = GS_BASE;
	v->rip = mode == VMM_MODE_64 ? REGION : 0;

	for (i = 0; i < PAGE; i++)
		v->mem[PAGE + i] = i * 37 + 0x8b;
	memcpy(&v->reg[R_RAX], v->mem + PAGE, 8);
	v->reg[R_RCX] = 0xfedcba9876543210;
	v->reg[R_RDX] = 0x25;
	v->reg[R_RBX] = MEM - v->seg[VMM_DS].base;
	v->reg[R_RSP] = MEM - v->seg[VMM_SS].base + 0x28;
	v->reg[R_RBP] = MEM - v->seg[VMM_SS].base;
	v->reg[R_RSI] = MEM - v->seg[VMM_DS].base + 0x10;
	v->reg[R_RDI] = MEM - v->seg[VMM_ES].base + 0x18;
	for (i = R_R8; i <= R_R15; i++)
		v->reg[i] = 0x1111111111111111 * (i - 7);
	v->reg[R_R11] = MEM - v->seg[VMM_DS].base;
	for (i = 0; i < 16; i++)
		((u8 *)&v->reg[R_VEC_LOW])[i] = 0xf0 + i * 3;
	v->reg[R_FLAGS] = 0x203;
	vmm_emul_init(&v->emul, &ops, v);
}

/* User space. */
static void serve(struct test_vcpu *v)
{
	struct access *a = &v->asked;
	u8 *mem = v->mem + (a->addr - WINDOW);

	log_access(v, a->addr, a->len, a->write);
	v->is_asked = false;
	if (a->write)
		memcpy(mem, v->asked_data, a->len);
	vmm_emul_mmio_done(&v->emul, mem);
}

/* As far as it goes without user space. */
static int step(struct test_vcpu *v, unsigned int flags)
{
	int r;

	if (!vmm_emul_busy(&v->emul)) {
		r = vmm_emul_begin(&v->emul, v->mode, flags);
		if (r)
			return r;
	}
	return vmm_emul_run(&v->emul);
}

static int run(struct test_vcpu *v)
{
	int r;

	while ((r = step(v, 0)) == VMM_EMUL_MMIO)
		serve(v);
	return r;
}

#define RESET(_v, _mode, ...)						\
	do {								\
		static const u8 _code[] = { __VA_ARGS__ };		\
									\
		reset_vcpu(_v, VMM_MODE_##_mode, _code, sizeof(_code));	\
	} while (0)

static u64 mem_at(struct test_vcpu *v, unsigned int offset)
{
	u64 val;

	memcpy(&val, v->mem + PAGE + offset, 8);
	return val;
}
