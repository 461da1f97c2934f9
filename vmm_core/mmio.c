// SPDX-License-Identifier: GPL-2.0
/*
 * Between the processor, the instruction engine (emulate/) and user space:
 * a guest touched an address where no memory is.
 *
 * Design: the engine runs the instruction through the callbacks below. What is
 * RAM they read and write at once; what is not they put aside. Devices in the
 * kernel serve it on the spot (irq/bus.c); else the vCPU goes to user space with
 * KVM_EXIT_MMIO. The next KVM_RUN gives the engine the
 * answer and starts the instruction again from its beginning; what was served
 * is not asked for again. An exception is recorded by the callback that met it
 * and queued once the engine has given up.
 *
 * The processor has translated the operand's address already, and checked the
 * access, when it reports the violation: for instructions with one memory
 * operand that translation is used, which saves a walk of the guest's tables.
 *
 * Locking: everything belongs to the vCPU's thread (vcpu->mutex).
 *
 * Limits: a locked operation on a device is a read and a write; see emulate/.
 */
#include <linux/slab.h>
#include <asm/fpu/api.h>
#include <asm/processor-flags.h>
#include <asm/traps.h>
#include "vmm.h"
#include "emulate/exec.h"
#include "emulate/internal.h"
#include "irq/bus.h"

/**
 * struct vmm_emul_state - an instruction in flight
 * @engine:    it
 * @vcpu:      whose
 * @gpa:       where the access that the processor reported goes
 * @gpa_valid: @gpa is good for the one memory operand
 * @vector:    exception met
 * @has_error: it pushes @error
 * @error:     its error code
 * @cr2:       address of a page fault
 * @mmio:      access that user space must serve
 */
struct vmm_emul_state {
	struct vmm_emul engine;
	struct vmm_vcpu *vcpu;
	gpa_t gpa;
	bool gpa_valid;
	u8 vector;
	bool has_error;
	u32 error;
	unsigned long cr2;
	struct {
		gpa_t gpa;
		u8 len;
		bool write;
		u8 data[8];
	} mmio;
};

/* --- registers --------------------------------------------------------------- */

static struct vmm_vcpu *vcpu_of(void *ctx)
{
	return ((struct vmm_emul_state *)ctx)->vcpu;
}

static u64 get_gpr(void *ctx, unsigned int index)
{
	return vmm_read_reg(vcpu_of(ctx), index);
}

static void set_gpr(void *ctx, unsigned int index, u64 val)
{
	vmm_write_reg(vcpu_of(ctx), index, val);
}

static u64 get_rip(void *ctx)
{
	return vmm_read_reg(vcpu_of(ctx), VMM_RIP);
}

/* The one who advances it also ends the interrupt shadow and serves TF. */
static void set_rip(void *ctx, u64 rip)
{
	struct vmm_emul_state *st = ctx;

	vmm_advance_rip(st->vcpu, st->engine.insn.len);
}

static u64 get_rflags(void *ctx)
{
	return vmm_read_reg(vcpu_of(ctx), VMM_RFLAGS);
}

static void set_rflags(void *ctx, u64 rflags)
{
	vmm_write_reg(vcpu_of(ctx), VMM_RFLAGS, rflags);
}

static void get_seg(void *ctx, enum vmm_seg seg, struct vmm_emul_seg *out)
{
	struct vmm_emul_state *st = ctx;
	struct kvm_segment s;

	if (st->engine.insn.mode == VMM_MODE_64) {
		/* nothing but the base counts, and that of FS and GS only */
		out->base = vmm_segment_base(st->vcpu, seg);
		out->limit = ~0u;
		out->ar = 0x93;
		return;
	}
	vmm_get_segment(st->vcpu, &s, seg);
	out->base = s.base;
	out->limit = s.limit;
	out->ar = s.type | s.s << 4 | s.dpl << 5 | s.present << 7 | s.avl << 12 | s.l << 13 |
		  s.db << 14 | s.g << 15 | s.unusable << 16;
}

/*
 * The guest's vector registers are in the processor or, after a switch of
 * tasks, in memory; bring them into the processor and keep them there.
 */
static void vec_begin(void)
{
	fpregs_lock();
	fpregs_assert_state_consistent();
	if (test_thread_flag(TIF_NEED_FPU_LOAD))
		switch_fpu_return();
}

struct vec {
	u8 byte[16];
};

/* The register's number must be in the instruction itself. */
#define VEC_ACCESS(n)								\
	do {									\
		if (index == (n) && to_mem)					\
			asm volatile("movdqu %%xmm" #n ", %0" : "=m" (*val));	\
		else if (index == (n))						\
			asm volatile("movdqu %0, %%xmm" #n : : "m" (*val));	\
	} while (0)

static void vec_access(unsigned int index, struct vec *val, bool to_mem)
{
	vec_begin();
	VEC_ACCESS(0);
	VEC_ACCESS(1);
	VEC_ACCESS(2);
	VEC_ACCESS(3);
	VEC_ACCESS(4);
	VEC_ACCESS(5);
	VEC_ACCESS(6);
	VEC_ACCESS(7);
	VEC_ACCESS(8);
	VEC_ACCESS(9);
	VEC_ACCESS(10);
	VEC_ACCESS(11);
	VEC_ACCESS(12);
	VEC_ACCESS(13);
	VEC_ACCESS(14);
	VEC_ACCESS(15);
	fpregs_unlock();
}

static void record(struct vmm_emul_state *st, u8 vector, bool has_error, u32 error)
{
	st->vector = vector;
	st->has_error = has_error;
	st->error = error;
}

/* An emulated vector instruction faults as the processor's own would. */
static int get_vec(void *ctx, unsigned int index, u8 val[16])
{
	struct vmm_emul_state *st = ctx;
	unsigned long cr0 = vmm_read_reg(st->vcpu, VMM_CR0);

	if ((cr0 & X86_CR0_EM) || !(vmm_read_reg(st->vcpu, VMM_CR4) & X86_CR4_OSFXSR)) {
		record(st, X86_TRAP_UD, false, 0);
		return VMM_EMUL_FAULT;
	}
	if (cr0 & X86_CR0_TS) {
		record(st, X86_TRAP_NM, false, 0);
		return VMM_EMUL_FAULT;
	}
	vec_access(index, (struct vec *)val, true);
	return VMM_EMUL_DONE;
}

static int set_vec(void *ctx, unsigned int index, const u8 val[16])
{
	vec_access(index, (struct vec *)val, false);
	return VMM_EMUL_DONE;
}

/* --- memory ------------------------------------------------------------------ */

static u32 access_rights(struct vmm_vcpu *vcpu, u32 access)
{
	return vmm_cpl(vcpu) == 3 ? access | VMM_PF_USER : access;
}

/* Is @addr the operand that the processor has translated? */
static bool translated(const struct vmm_emul_state *st, u64 addr)
{
	const struct vmm_insn *insn = &st->engine.insn;

	return st->gpa_valid && offset_in_page(addr) == offset_in_page(st->gpa) &&
	       insn->form != VMM_FORM_STRING && insn->op != VMM_OP_PUSH && insn->op != VMM_OP_POP;
}

static int translate(struct vmm_emul_state *st, u64 addr, u32 access, gpa_t *gpa)
{
	u32 error;

	if (!(access & VMM_PF_FETCH) && translated(st, addr)) {
		*gpa = st->gpa;
		return VMM_EMUL_DONE;
	}
	if (!vmm_gva_to_gpa(st->vcpu, addr, access_rights(st->vcpu, access), gpa, &error))
		return VMM_EMUL_DONE;
	record(st, X86_TRAP_PF, true, error);
	st->cr2 = addr;
	return VMM_EMUL_FAULT;
}

static int fetch(void *ctx, u64 addr, void *buf, unsigned int len)
{
	struct vmm_emul_state *st = ctx;
	gpa_t gpa;
	int r = translate(st, addr, VMM_PF_FETCH, &gpa);

	if (r)
		return r;
	return vmm_read_guest(st->vcpu->vm, gpa, buf, len) ? VMM_EMUL_UNSUPPORTED : VMM_EMUL_DONE;
}

static int mem_read(void *ctx, u64 addr, void *buf, unsigned int len, bool for_write)
{
	struct vmm_emul_state *st = ctx;
	gpa_t gpa;
	int r = translate(st, addr, for_write ? VMM_PF_WRITE : 0, &gpa);

	if (r)
		return r;
	if (!vmm_read_guest(st->vcpu->vm, gpa, buf, len))
		return VMM_EMUL_DONE;
	st->mmio.gpa = gpa;
	st->mmio.len = len;
	st->mmio.write = false;
	return VMM_EMUL_MMIO;
}

static int mem_write(void *ctx, u64 addr, const void *buf, unsigned int len)
{
	struct vmm_emul_state *st = ctx;
	gpa_t gpa;
	int r = translate(st, addr, VMM_PF_WRITE, &gpa);

	if (r)
		return r;
	if (!vmm_write_guest(st->vcpu->vm, gpa, buf, len))
		return VMM_EMUL_DONE;
	st->mmio.gpa = gpa;
	st->mmio.len = len;
	st->mmio.write = true;
	memcpy(st->mmio.data, buf, len);
	return VMM_EMUL_MMIO;
}

static int probe(void *ctx, u64 addr, unsigned int len, bool write)
{
	gpa_t gpa;

	return translate(ctx, addr, write ? VMM_PF_WRITE : 0, &gpa);
}

static void fault(void *ctx, unsigned int vector, u32 error)
{
	struct vmm_emul_state *st = ctx;
	bool real = !(st->vcpu->cr0 & X86_CR0_PE);

	record(st, vector, vector != X86_TRAP_UD && !real, error);
}

/* A repeated instruction may be left here. */
static bool event_pending(void *ctx)
{
	return vmm_vcpu_wanted(vcpu_of(ctx));
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
	.read = mem_read,
	.write = mem_write,
	.probe = probe,
	.fault = fault,
	.event_pending = event_pending,
};

/* --- the instruction --------------------------------------------------------- */

/* Most VMs need this once, and their vCPUs keep it. */
static struct vmm_emul_state *get_state(struct vmm_vcpu *vcpu)
{
	struct vmm_emul_state *st = vcpu->emul;

	if (likely(st))
		return st;
	st = kzalloc(sizeof(*st), GFP_KERNEL_ACCOUNT);
	if (!st)
		return NULL;
	st->vcpu = vcpu;
	vmm_emul_init(&st->engine, &ops, st);
	vcpu->emul = st;
	return st;
}

/** vmm_emul_free() - the vCPU goes; no instruction is in flight that anyone waits for */
void vmm_emul_free(struct vmm_vcpu *vcpu)
{
	kfree(vcpu->emul);
	vcpu->emul = NULL;
}

static enum vmm_mode cpu_mode(struct vmm_vcpu *vcpu, unsigned int *flags)
{
	struct kvm_segment cs;

	/* LA57 and PE do not change without an exit: the copies are good. */
	*flags = 0;
	if (vmm_is_64bit(vcpu)) {
		if (vcpu->cr4 & X86_CR4_LA57)
			*flags = VMM_EMUL_LA57;
		return VMM_MODE_64;
	}
	if (!(vcpu->cr0 & X86_CR0_PE) || (vmm_read_reg(vcpu, VMM_RFLAGS) & X86_EFLAGS_VM)) {
		/* a code segment can keep its width on the way to real mode */
		*flags = VMM_EMUL_REAL;
	}
	vmm_get_segment(vcpu, &cs, VMM_CS);
	return cs.db ? VMM_MODE_32 : VMM_MODE_16;
}

static void raise(struct vmm_emul_state *st)
{
	if (st->vector == X86_TRAP_PF)
		vmm_queue_page_fault(st->vcpu, st->cr2, st->error);
	else if (st->has_error)
		vmm_queue_exception_error(st->vcpu, st->vector, st->error);
	else
		vmm_queue_exception(st->vcpu, st->vector);
}

/*
 * An instruction that the engine does not know. A program in the guest must
 * not be able to end the guest with it; the guest's kernel gets user space's
 * attention, with the bytes.
 */
static int unsupported(struct vmm_emul_state *st)
{
	struct vmm_vcpu *vcpu = st->vcpu;
	unsigned long rip = vmm_read_reg(vcpu, VMM_RIP) + vmm_segment_base(vcpu, VMM_CS);
	u64 data[3] = { KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES };
	u8 *bytes = (u8 *)&data[1];
	unsigned int n = min_t(unsigned int, VMM_INSN_MAX, PAGE_SIZE - offset_in_page(rip));

	if (vmm_cpl(vcpu) > 0) {
		vmm_queue_exception(vcpu, X86_TRAP_UD);
		return 1;
	}
	if (fetch(st, rip, bytes + 1, n) == VMM_EMUL_DONE)
		bytes[0] = n;
	else
		data[0] = 0;
	return vmm_internal_error(vcpu, KVM_INTERNAL_ERROR_EMULATION, data, ARRAY_SIZE(data));
}

static int complete_mmio(struct vmm_vcpu *vcpu);

/* Is there anything in the kernel that an access could be for? */
static bool devices_in_kernel(struct vmm_vm *vm)
{
	return READ_ONCE(vm->irq.mode) != VMM_IRQCHIP_NONE ||
	       rcu_access_pointer(vm->irq.bus[VMM_BUS_MMIO]);
}

/* Run it; accesses that the kernel's devices serve do not stop it. */
static int engine_run(struct vmm_emul_state *st)
{
	u8 data[8];
	int r;

	for (;;) {
		r = vmm_emul_run(&st->engine);
		if (r != VMM_EMUL_MMIO || !devices_in_kernel(st->vcpu->vm))
			return r;
		memcpy(data, st->mmio.data, sizeof(data));
		if (vmm_mmio_in_kernel(st->vcpu, st->mmio.write, st->mmio.gpa, st->mmio.len, data))
			return r;
		vmm_emul_mmio_done(&st->engine, data);
	}
}

static int go_on(struct vmm_emul_state *st)
{
	struct vmm_vcpu *vcpu = st->vcpu;
	struct kvm_run *run = vcpu->run;

	switch (engine_run(st)) {
	case VMM_EMUL_DONE:
	case VMM_EMUL_AGAIN:
		return 1;
	case VMM_EMUL_FAULT:
		raise(st);
		return 1;
	case VMM_EMUL_MMIO:
		vcpu->mmio_exits++;
		run->exit_reason = KVM_EXIT_MMIO;
		run->mmio.phys_addr = st->mmio.gpa;
		run->mmio.len = st->mmio.len;
		run->mmio.is_write = st->mmio.write;
		if (st->mmio.write)
			memcpy(run->mmio.data, st->mmio.data, sizeof(st->mmio.data));
		vcpu->complete = complete_mmio;
		return 0;
	default:
		return unsupported(st);
	}
}

static int complete_mmio(struct vmm_vcpu *vcpu)
{
	struct vmm_emul_state *st = vcpu->emul;
	u8 data[8];

	/* Once only: user space may go on writing there. */
	memcpy(data, vcpu->run->mmio.data, sizeof(data));
	vmm_emul_mmio_done(&st->engine, data);
	return go_on(st);
}

/**
 * vmm_emulate_mmio() - run the instruction at RIP, which touched no memory
 * @vcpu: vCPU of the calling thread, loaded
 * @gpa:  guest-physical address of the violation
 * @operand: it is what the instruction's operand translates to; else the access
 *        was the processor's own, to the guest's page tables
 *
 * Context: process, preemptible, may sleep.
 * Return: 1 done, 0 to user space, -ENOMEM.
 */
int vmm_emulate_mmio(struct vmm_vcpu *vcpu, gpa_t gpa, bool operand)
{
	struct vmm_emul_state *st = get_state(vcpu);
	unsigned int flags;
	enum vmm_mode mode;

	if (!st)
		return -ENOMEM;
	st->gpa = gpa;
	st->gpa_valid = operand;
	mode = cpu_mode(vcpu, &flags);
	switch (vmm_emul_begin(&st->engine, mode, flags)) {
	case VMM_EMUL_DONE:
		return go_on(st);
	case VMM_EMUL_FAULT:
		raise(st);
		return 1;
	default:
		return unsupported(st);
	}
}

/**
 * vmm_linear() - linear address of an operand, by the rules of its segment
 * @vcpu:  vCPU of the calling thread, loaded
 * @seg:   segment
 * @off:   offset in it
 * @len:   bytes
 * @write: kind of access
 * @lin:   the answer
 * @vector: on refusal #GP or #SS, with error code 0
 *
 * Context: process.
 * Return: 0, or 1: an exception; -ENOMEM.
 */
int vmm_linear(struct vmm_vcpu *vcpu, enum vmm_seg seg, unsigned long off, unsigned int len,
	       bool write, unsigned long *lin, u8 *vector)
{
	struct vmm_emul_state *st = get_state(vcpu);
	unsigned int flags;
	u64 addr;

	if (!st)
		return -ENOMEM;
	vmm_emul_cancel(&st->engine);
	st->engine.insn.mode = cpu_mode(vcpu, &flags);
	st->engine.flags = flags;
	if (emul_linear(&st->engine, seg, off, len, write, &addr)) {
		*vector = st->vector;
		return 1;
	}
	*lin = addr;
	return 0;
}
