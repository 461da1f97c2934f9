// SPDX-License-Identifier: GPL-2.0
/*
 * Events on their way into the guest: exceptions, interrupts, NMIs.
 *
 * An event is *pending* until it is put into the VMCS, then *injected* until
 * an exit shows that it arrived. An exit in the middle of its delivery (IDT
 * vectoring) makes it injected again; user space sees both kinds through
 * KVM_GET_VCPU_EVENTS. Order at an entry: what was under way, then exceptions,
 * NMIs, interrupts. What cannot be delivered now (flags, shadow) opens a
 * window: the guest exits when it could be.
 *
 * Interrupts come from user space (KVM_INTERRUPT), one at a time, or from the
 * local APIC and the 8259 in the kernel (irq/), where one is taken only when it
 * can be delivered: then it is in service there, and injected here.
 *
 * Locking: vcpu->mutex is held by this thread and the VMCS is loaded.
 */
#include <linux/kernel.h>
#include <asm/processor-flags.h>
#include <asm/trapnr.h>
#include "vmx/vmx.h"

#define SHADOW	VMX_INTR_SHADOW

static bool has_error_code(u8 vector)
{
	return BIT(vector & 31) & (BIT(X86_TRAP_DF) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) |
				   BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP) | BIT(X86_TRAP_PF) |
				   BIT(X86_TRAP_AC));
}

/* Exceptions that make a double fault of each other. */
static bool contributory(u8 vector)
{
	return BIT(vector & 31) & (BIT(X86_TRAP_DE) | BIT(X86_TRAP_TS) | BIT(X86_TRAP_NP) |
				   BIT(X86_TRAP_SS) | BIT(X86_TRAP_GP));
}

static void queue(struct vmm_vcpu *vcpu, u8 vector, u32 error)
{
	struct vmm_event *e = &vcpu->exception;

	if (e->pending || e->injected) {
		u8 first = e->vector;

		if (first == X86_TRAP_DF) {
			e->pending = false;
			e->injected = false;
			set_bit(VMM_REQ_TRIPLE_FAULT, &vcpu->requests);
			return;
		}
		if ((contributory(first) && contributory(vector)) ||
		    (first == X86_TRAP_PF && (vector == X86_TRAP_PF || contributory(vector)))) {
			vector = X86_TRAP_DF;
			error = 0;
		}
		/* Otherwise the first one comes again by itself, if it was a fault. */
	}
	*e = (struct vmm_event){
		.pending = true,
		.vector = vector,
		.has_error = has_error_code(vector),
		.error = error,
	};
}

/** vmm_queue_exception() - the guest gets an exception, with error code 0 where it has one */
void vmm_queue_exception(struct vmm_vcpu *vcpu, u8 vector)
{
	queue(vcpu, vector, 0);
}

/** vmm_queue_exception_error() - the guest gets an exception with an error code */
void vmm_queue_exception_error(struct vmm_vcpu *vcpu, u8 vector, u32 error)
{
	queue(vcpu, vector, error);
}

/** vmm_queue_page_fault() - the guest gets #PF at @addr with error code @error */
void vmm_queue_page_fault(struct vmm_vcpu *vcpu, unsigned long addr, u32 error)
{
	vcpu->cr2 = addr;
	queue(vcpu, X86_TRAP_PF, error);
}

/**
 * vmx_deliver_db() - the guest gets a debug exception
 * @vcpu: the vCPU
 * @dr6:  bits to raise, in the polarity of the exit qualification: 1 is raised
 *
 * The bits of DR6 that are active low (RTM, bus lock) go to 0.
 */
void vmx_deliver_db(struct vmm_vcpu *vcpu, unsigned long dr6)
{
	const unsigned long low = BIT(16) | BIT(11);

	vcpu->dr6 &= ~DR_TRAP_BITS;
	vcpu->dr6 |= low | (dr6 & ~low);
	vcpu->dr6 &= ~(dr6 & low);
	vcpu->dr7 &= ~VMX_DR7_GD;
	vmm_update_guest_debug(vcpu);
	queue(vcpu, X86_TRAP_DB, 0);
}

/** vmm_nmi_blocked() - an NMI handler is running */
bool vmm_nmi_blocked(struct vmm_vcpu *vcpu)
{
	return vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & GUEST_INTR_STATE_NMI;
}

/** vmm_set_nmi_blocked() - as user space, or a faulted IRET, has it */
void vmm_set_nmi_blocked(struct vmm_vcpu *vcpu, bool blocked)
{
	u32 info = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);
	u32 want = blocked ? info | GUEST_INTR_STATE_NMI : info & ~GUEST_INTR_STATE_NMI;

	if (want != info)
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, want);
}

/** vmm_interrupt_allowed() - an interrupt could be delivered with the next entry */
bool vmm_interrupt_allowed(struct vmm_vcpu *vcpu)
{
	return !vcpu->interrupt.injected && !vcpu->nmi.injected && !vcpu->exception.pending &&
	       !vcpu->exception.injected && (vmx_rflags(vcpu) & X86_EFLAGS_IF) &&
	       !(vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & SHADOW);
}

/* Has a local APIC in the kernel nothing against an interrupt from user space's 8259? */
static bool apic_lets_in(struct vmm_vcpu *vcpu)
{
	return !vcpu->apic || (vcpu->vm->irq.mode == VMM_IRQCHIP_SPLIT &&
			       vmm_apic_accepts_pic(vcpu) && !vmm_apic_has_extint(vcpu));
}

/* Does user space have an interrupt that a window would let in? */
static bool user_waits(struct vmm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->run->request_interrupt_window) && apic_lets_in(vcpu);
}

/**
 * vmm_user_may_interrupt() - KVM_INTERRUPT now would be delivered with the next entry
 * @vcpu: the vCPU; its interrupt controllers, or its 8259, are in user space
 */
bool vmm_user_may_interrupt(struct vmm_vcpu *vcpu)
{
	return !vcpu->interrupt.pending && vmm_interrupt_allowed(vcpu) && apic_lets_in(vcpu);
}

/**
 * vmm_user_window() - user space waits for the interrupt window, and it is open
 * @vcpu: the vCPU
 */
bool vmm_user_window(struct vmm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->run->request_interrupt_window) && vmm_user_may_interrupt(vcpu);
}

static u32 event_type(const struct vmm_event *e)
{
	if (!e->soft)
		return INTR_TYPE_HARD_EXCEPTION;
	return e->vector == X86_TRAP_DB ? INTR_TYPE_PRIV_SW_EXCEPTION : INTR_TYPE_SOFT_EXCEPTION;
}

static void write_event(struct vmx_vcpu *vmx, u32 info, u8 insn_len)
{
	if (insn_len)
		vmcs_write32(VM_ENTRY_INSTRUCTION_LEN, insn_len);
	vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, info | INTR_INFO_VALID_MASK);
	vmx->event_set = true;
}

static void inject_exception(struct vmm_vcpu *vcpu, struct vmx_vcpu *vmx)
{
	struct vmm_event *e = &vcpu->exception;
	u32 info;

	if (e->pending && !e->soft && (e->vector == X86_TRAP_BP || e->vector == X86_TRAP_OF)) {
		/* A trap from user space's hands: it is re-raised as INT3 / INTO. */
		e->soft = true;
		e->insn_len = e->insn_len ?: 1;
	}
	info = e->vector | event_type(e);
	if (e->pending)
		vmm_deliver_payload(vcpu);

	/* In real mode the processor pushes no error code, and refuses one. */
	if (e->has_error && !e->soft && (vmm_read_reg(vcpu, VMM_CR0) & X86_CR0_PE)) {
		vmcs_write32(VM_ENTRY_EXCEPTION_ERROR_CODE, e->error & 0xffff);
		info |= INTR_INFO_DELIVER_CODE_MASK;
	}
	/* A fault shows RF set in the image of RFLAGS that the handler gets. */
	if (e->pending && !e->soft && e->vector != X86_TRAP_DB && e->vector != X86_TRAP_DF)
		vmm_write_reg(vcpu, VMM_RFLAGS, vmm_read_reg(vcpu, VMM_RFLAGS) | X86_EFLAGS_RF);
	/* An interrupt whose delivery was cut short by this comes again when it may. */
	if (vcpu->interrupt.injected) {
		vcpu->interrupt.injected = false;
		vcpu->interrupt.pending = !vcpu->interrupt.soft;
	}
	e->pending = false;
	e->injected = true;
	write_event(vmx, info, e->soft ? e->insn_len : 0);
}

static void inject_interrupt(struct vmm_vcpu *vcpu, struct vmx_vcpu *vmx)
{
	struct vmm_event *e = &vcpu->interrupt;

	e->pending = false;
	e->injected = true;
	if (e->soft) {
		write_event(vmx, e->vector | INTR_TYPE_SOFT_INTR, e->insn_len);
	} else {
		vcpu->irqs_injected++;
		write_event(vmx, e->vector | INTR_TYPE_EXT_INTR, 0);
	}
}

/* Take what the local APIC or the 8259 has, if it can be delivered. */
static bool inject_apic(struct vmm_vcpu *vcpu, struct vmx_vcpu *vmx)
{
	int vector;

	if (!vmm_interrupt_allowed(vcpu))
		return false;
	vector = vmm_apic_ack_irq(vcpu);
	if (vector < 0) {
		vcpu->irq_look = false;
		return false;
	}
	vcpu->interrupt = (struct vmm_event) { .pending = true, .vector = vector };
	inject_interrupt(vcpu, vmx);
	vmm_pv_eoi_offer(vcpu, vector);
	return true;
}

/* Is there one left that a window will let in? */
static bool apic_waits(struct vmm_vcpu *vcpu)
{
	if (!vcpu->irq_look)
		return false;
	/* A virtualised APIC's own are the processor's business. */
	vcpu->irq_look = vmx_apicv_on(vcpu->vmx) ? vmm_apic_has_extint(vcpu) :
						   vmm_apic_has_irq(vcpu) >= 0;
	return vcpu->irq_look;
}

static bool nmi_allowed(void)
{
	return !(vmcs_read32(GUEST_INTERRUPTIBILITY_INFO) & (SHADOW | GUEST_INTR_STATE_NMI));
}

static void inject_nmi(struct vmm_vcpu *vcpu, struct vmx_vcpu *vmx)
{
	if (!vcpu->nmi.injected) {
		vcpu->nmi.injected = true;
		vcpu->nmi_pending--;
	}
	/* The injection sets it; the entry fails if it is set before. */
	vmm_set_nmi_blocked(vcpu, false);
	write_event(vmx, X86_TRAP_NMI | INTR_TYPE_NMI_INTR, 0);
}

static void update_windows(struct vmm_vcpu *vcpu, struct vmx_vcpu *vmx)
{
	u32 proc = vmx->proc & ~(CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING);

	if (vcpu->interrupt.pending || user_waits(vcpu) || apic_waits(vcpu))
		proc |= CPU_BASED_INTR_WINDOW_EXITING;
	if (vcpu->nmi_pending)
		proc |= CPU_BASED_NMI_WINDOW_EXITING;
	/* A debugger steps without them: they wait until it lets go. */
	if (vcpu->guest_debug & KVM_GUESTDBG_BLOCKIRQ)
		proc = vmx->proc & ~(CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING);
	vmx->window = proc & (CPU_BASED_INTR_WINDOW_EXITING | CPU_BASED_NMI_WINDOW_EXITING);
	vmx_set_proc(vmx, proc);
}

/*
 * With TF set and an interrupt shadow, the processor wants to see the pending
 * single-step trap; for a debugger in user space the shadow is dropped instead.
 */
static void fix_single_step(struct vmm_vcpu *vcpu)
{
	u32 info = vmcs_read32(GUEST_INTERRUPTIBILITY_INFO);

	if (!(info & SHADOW))
		return;
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)
		vmcs_write32(GUEST_INTERRUPTIBILITY_INFO, info & ~SHADOW);
	else if (vcpu->rflags & X86_EFLAGS_TF)
		vmcs_writel(GUEST_PENDING_DBG_EXCEPTIONS,
			    vmcs_readl(GUEST_PENDING_DBG_EXCEPTIONS) | DR_STEP);
}

/** vmx_inject_events() - vmx_inject() where there is something */
void vmx_inject_events(struct vmm_vcpu *vcpu)
{
	bool hold = vcpu->guest_debug & KVM_GUESTDBG_BLOCKIRQ;
	struct vmx_vcpu *vmx = vcpu->vmx;

	if (unlikely(vcpu->pv.eoi_set) && vcpu->irq_look)
		vmm_pv_eoi_take(vcpu);
	if (vmx_apicv_on(vmx))
		vmx_apicv_inject(vcpu, hold);
	else if (vmx_apicv_waits(vmx))
		vmx_apicv_pull(vcpu);
	if (vcpu->exception.pending || vcpu->exception.injected) {
		inject_exception(vcpu, vmx);
	} else if (vcpu->nmi.injected) {
		inject_nmi(vcpu, vmx);
	} else if (vcpu->interrupt.injected) {
		inject_interrupt(vcpu, vmx);
	} else if (!hold && vcpu->nmi_pending && nmi_allowed()) {
		inject_nmi(vcpu, vmx);
	} else if (!hold && vcpu->interrupt.pending && vmm_interrupt_allowed(vcpu)) {
		inject_interrupt(vcpu, vmx);
	} else if (!hold && vcpu->irq_look && inject_apic(vcpu, vmx)) {
		/* done */
	} else if (vmx->event_set) {
		/* User space took back what an entry that did not happen had set. */
		vmcs_write32(VM_ENTRY_INTR_INFO_FIELD, 0);
		vmx->event_set = false;
	}
	update_windows(vcpu, vmx);
	if (vcpu->guest_debug & KVM_GUESTDBG_SINGLESTEP)
		fix_single_step(vcpu);
}

/** vmx_requeue_event() - the exit came in the middle of the delivery that @info describes */
void vmx_requeue_event(struct vmm_vcpu *vcpu, u32 info)
{
	u8 vector = info & VECTORING_INFO_VECTOR_MASK;
	u32 type = info & VECTORING_INFO_TYPE_MASK;
	struct vmm_event e = { .injected = true, .vector = vector };

	switch (type) {
	case INTR_TYPE_NMI_INTR:
		vcpu->nmi.injected = true;
		/* Its delivery had blocked NMIs already. */
		vmm_set_nmi_blocked(vcpu, false);
		break;
	case INTR_TYPE_SOFT_EXCEPTION:
	case INTR_TYPE_PRIV_SW_EXCEPTION:
		e.soft = true;
		e.insn_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
		fallthrough;
	case INTR_TYPE_HARD_EXCEPTION:
		if (info & VECTORING_INFO_DELIVER_CODE_MASK) {
			e.has_error = true;
			e.error = vmcs_read32(IDT_VECTORING_ERROR_CODE);
		}
		vcpu->exception = e;
		break;
	case INTR_TYPE_SOFT_INTR:
		e.soft = true;
		e.insn_len = vmcs_read32(VM_EXIT_INSTRUCTION_LEN);
		fallthrough;
	case INTR_TYPE_EXT_INTR:
		vcpu->interrupt = e;
		break;
	default:
		break;
	}
}
