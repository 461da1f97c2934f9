// SPDX-License-Identifier: GPL-2.0
/*
 * A vCPU for the emulator: registers, an arena of memory whose pages are RAM,
 * device or absent, and the user space that serves devices.
 */
#include <string.h>
#include "oracle.h"

static u64 get_gpr(void *ctx, unsigned int index)
{
	struct vcpu *v = ctx;

	return v->state.gpr[index];
}

static void set_gpr(void *ctx, unsigned int index, u64 val)
{
	struct vcpu *v = ctx;

	v->state.gpr[index] = val;
}

static u64 get_rip(void *ctx)
{
	struct vcpu *v = ctx;

	return v->state.rip;
}

static void set_rip(void *ctx, u64 rip)
{
	struct vcpu *v = ctx;

	v->state.rip = rip;
}

static u64 get_rflags(void *ctx)
{
	struct vcpu *v = ctx;

	return v->state.rflags;
}

static void set_rflags(void *ctx, u64 rflags)
{
	struct vcpu *v = ctx;

	if ((rflags ^ v->state.rflags) & ~(u64)FLAGS_ARITH)
		v->broken = "flags other than arithmetic ones changed";
	v->state.rflags = rflags;
}

static void get_seg(void *ctx, enum vmm_seg seg, struct vmm_emul_seg *out)
{
	struct vcpu *v = ctx;

	*out = v->seg[seg];
}

static int get_vec(void *ctx, unsigned int index, u8 val[16])
{
	struct vcpu *v = ctx;

	memcpy(val, v->state.vec[index], 16);
	return VMM_EMUL_DONE;
}

static int set_vec(void *ctx, unsigned int index, const u8 val[16])
{
	struct vcpu *v = ctx;

	memcpy(v->state.vec[index], val, 16);
	return VMM_EMUL_DONE;
}

static int fetch(void *ctx, u64 addr, void *buf, unsigned int len)
{
	struct vcpu *v = ctx;
	u64 at = addr - REGION;

	if (addr / PAGE != (addr + len - 1) / PAGE)
		v->broken = "code is read across a page";
	memset(buf, 0xcc, len);
	if (at < v->code_len)
		memcpy(buf, v->code + at,
		       len < v->code_len - at ? len : v->code_len - at);
	return VMM_EMUL_DONE;
}

static void fault(void *ctx, unsigned int vector, u32 error)
{
	struct vcpu *v = ctx;

	(void)error;
	v->vector = vector;
	v->has_pending = false;
}

/* What lies at @addr, or a fault outside the arena. */
static enum page_kind lookup(struct vcpu *v, u64 addr, unsigned int len)
{
	if (!len || len > 8 || addr / PAGE != (addr + len - 1) / PAGE)
		v->broken = "access is too long or crosses a page";
	if (addr < ARENA || addr - ARENA >= ARENA_SIZE)
		return PAGE_FAULT;
	return v->page[(addr - ARENA) / PAGE];
}

static struct trace_entry *trace(struct vcpu *v, u64 addr, unsigned int len,
				 bool write, const void *data)
{
	struct trace_entry *e = &v->trace[v->trace_len];

	if (v->trace_len == TRACE_MAX - 1)
		v->broken = "too many accesses";
	else
		v->trace_len++;
	memset(e, 0, sizeof(*e));
	e->addr = addr;
	e->len = len;
	e->write = write;
	memcpy(e->data, data, len);
	return e;
}

static int access_mem(struct vcpu *v, u64 addr, void *in, const void *out,
		      unsigned int len)
{
	switch (lookup(v, addr, len)) {
	case PAGE_FAULT:
		fault(v, 14, 0);
		return VMM_EMUL_FAULT;
	case PAGE_MMIO:
		if (v->has_pending)
			v->broken = "access while another is with user space";
		v->has_pending = true;
		memset(&v->pending, 0, sizeof(v->pending));
		v->pending.addr = addr;
		v->pending.len = len;
		v->pending.write = out;
		if (out)
			memcpy(v->pending.data, out, len);
		return VMM_EMUL_MMIO;
	default:
		if (out)
			memcpy(v->mem + (addr - ARENA), out, len);
		else
			memcpy(in, v->mem + (addr - ARENA), len);
		trace(v, addr, len, out, out ? out : in);
		return VMM_EMUL_DONE;
	}
}

static int read_mem(void *ctx, u64 addr, void *buf, unsigned int len,
		    bool for_write)
{
	(void)for_write;
	return access_mem(ctx, addr, buf, NULL, len);
}

static int write_mem(void *ctx, u64 addr, const void *buf, unsigned int len)
{
	return access_mem(ctx, addr, NULL, buf, len);
}

static int probe(void *ctx, u64 addr, unsigned int len, bool write)
{
	struct vcpu *v = ctx;

	(void)write;
	if (lookup(v, addr, len) != PAGE_FAULT)
		return VMM_EMUL_DONE;
	fault(v, 14, 0);
	return VMM_EMUL_FAULT;
}

static bool event_pending(void *ctx)
{
	struct vcpu *v = ctx;

	return v->event_in && ++v->events % v->event_in == 0;
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

/* The descriptor registers that native.c runs the same test with. */
static void init_segments(struct vcpu *v)
{
	bool big = v->mode == VMM_MODE_32;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		v->seg[i].base = REGION + test_segs[i].offset;
		v->seg[i].limit = big ? 0xffffffff : 0xffff;
		v->seg[i].ar = 0xf0 | (test_segs[i].code ? 0xb : 3) |
			       (big ? 1u << 14 : 0);
	}
	v->seg[VMM_FS].ar = 1u << 16;
	v->seg[VMM_GS].ar = 1u << 16;
	if (v->mode == VMM_MODE_64)
		v->seg[VMM_GS].base = GS_BASE;
}

/* A vCPU before instruction @t, its memory all RAM with contents @arena. */
void vcpu_init(struct vcpu *v, const struct test_case *t, const u8 *arena)
{
	v->state = t->state;
	v->mode = t->mode;
	v->flags = 0;
	v->code = t->bytes;
	v->code_len = t->len;
	memcpy(v->mem, arena, ARENA_SIZE);
	memset(v->page, 0, sizeof(v->page));
	memset(v->seg, 0, sizeof(v->seg));
	init_segments(v);
	v->has_pending = false;
	v->trace_len = 0;
	v->mmio = 0;
	v->again = 0;
	v->event_in = 0;
	v->events = 0;
	v->vector = -1;
	v->broken = NULL;
	vmm_emul_init(&v->emul, &ops, v);
}

/* User space: serves the recorded access. */
static void serve(struct vcpu *v)
{
	struct trace_entry *p = &v->pending;
	u8 *mem = v->mem + (p->addr - ARENA);

	if (!v->has_pending) {
		v->broken = "no access was recorded";
		return;
	}
	v->has_pending = false;
	v->mmio++;
	if (p->write)
		memcpy(mem, p->data, p->len);
	else
		memcpy(p->data, mem, p->len);
	trace(v, p->addr, p->len, p->write, p->data);
	vmm_emul_mmio_done(&v->emul, p->data);
}

/* Runs one instruction to its end, like a KVM_RUN loop would. */
enum vmm_emul_result vcpu_run(struct vcpu *v)
{
	struct state before = v->state;
	enum vmm_emul_result r;

	for (;;) {
		if (!vmm_emul_busy(&v->emul)) {
			r = vmm_emul_begin(&v->emul, v->mode, v->flags);
			if (r != VMM_EMUL_DONE)
				return r;
		}
		r = vmm_emul_run(&v->emul);
		if (v->broken || (r != VMM_EMUL_MMIO && r != VMM_EMUL_AGAIN))
			break;
		if (v->state.rip != before.rip)
			v->broken = "rip moved before the end";
		if (r == VMM_EMUL_AGAIN) {
			v->again++;
			continue;
		}
		if (v->emul.insn.form != VMM_FORM_STRING &&
		    memcmp(&v->state, &before, sizeof(before)))
			v->broken = "registers changed before the end";
		serve(v);
	}
	if (r == VMM_EMUL_FAULT && v->state.rip != before.rip)
		v->broken = "rip moved by a fault";
	return r;
}
