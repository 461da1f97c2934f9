// SPDX-License-Identifier: GPL-2.0
/*
 * APIC virtualisation: the processor itself reads and writes the registers of an
 * x2APIC, ends interrupts and delivers them, and takes new ones for a running
 * vCPU without an exit (SDM vol. 3, "APIC Virtualization and Virtual Interrupts").
 *
 * Design: the registers' page (irq/lapic.c) is the virtual-APIC page as it is.
 * With this on, a vector for a vCPU is not put into IRR, which the processor
 * owns while the guest runs, but posted: into a descriptor of its own, followed by
 * a notification. In the guest the notification makes the processor take
 * the vectors over; everywhere else the vCPU does so itself, when it halts and before
 * each entry: the last look comes after it became IN_GUEST, so either that look
 * sees a vector or the sender sees IN_GUEST. RVI, which says what is to be delivered
 * next, and SVI, what is in service, are in the VMCS and follow from the page.
 *
 * An xAPIC, which the guest reaches through memory, is served as without all
 * this; so is the 8259. A vCPU changes from one way to the other with IA32_APIC_BASE:
 * VMM_REQ_APICV has its thread call vmx_apicv_update() before the next entry.
 *
 * Notifications need the processor to acknowledge the interrupts that end a run;
 * the handler of such an interrupt is called by vmx_dispatch_interrupt().
 *
 * Locking: a vCPU's thread, VMCS loaded; vmx_apicv_post() is for everybody.
 *
 * Limits: off unless the module's parameter apicv says otherwise, as it has not
 * run on hardware yet; not on processors with FRED, where no IDT is
 * used; no posting by devices (VT-d), no IPI virtualisation.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <asm/apic.h>
#include <asm/desc.h>
#include <asm/irq_vectors.h>
#include "irq/lapic.h"
#include "vmx/vmx.h"

static bool apicv;
module_param(apicv, bool, 0444);
MODULE_PARM_DESC(apicv, "virtualise x2APICs in the processor, with posted interrupts (default off: not proven on hardware)");

#define APICV_PROC2	(SECONDARY_EXEC_VIRTUALIZE_X2APIC_MODE | \
			 SECONDARY_EXEC_APIC_REGISTER_VIRT | SECONDARY_EXEC_VIRTUAL_INTR_DELIVERY)
#define CR8_EXITING	(CPU_BASED_CR8_LOAD_EXITING | CPU_BASED_CR8_STORE_EXITING)

#define POSTED_ON	0	/* bit of vmx_posted.control: vectors wait */

/**
 * struct vmx_posted - posted-interrupt descriptor, in the hardware's layout
 * @pir:     vectors that wait
 * @control: bit 0: there are some; the rest is for devices and stays 0
 * @reserved: 0
 *
 * 64 bytes, aligned; a page of its own, which some emulators want.
 */
struct vmx_posted {
	unsigned long pir[4];
	unsigned long control;
	unsigned long reserved[3];
};

static_assert(sizeof(struct vmx_posted) == 64);

/**
 * vmx_apicv_setup() - is it wanted, and can the processor do it?
 *
 * Context: module initialisation, after vmx_cap_read(). What is missing is logged.
 */
void __init vmx_apicv_setup(void)
{
	if (!apicv)
		return;
#if !defined(POSTED_INTR_VECTOR)
	pr_warn("vmm_core: apicv: this kernel has no vector for posted interrupts\n");
	apicv = false;
#else
	if (!vmx_caps.apicv) {
		pr_warn("vmm_core: apicv: this processor lacks controls for it\n");
		apicv = false;
	}
#ifdef X86_FEATURE_FRED
	if (apicv && cpu_feature_enabled(X86_FEATURE_FRED)) {
		pr_warn("vmm_core: apicv: not with FRED\n");
		apicv = false;
	}
#endif
#endif
}

/** vmx_apicv_create() - a new vCPU's descriptor, if it gets one. Return: 0 or -ENOMEM. */
int vmx_apicv_create(struct vmm_vcpu *vcpu)
{
	if (!apicv || !vcpu->apic)
		return 0;
	vcpu->vmx->posted = (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
	return vcpu->vmx->posted ? 0 : -ENOMEM;
}

/** vmx_apicv_destroy() - undo vmx_apicv_create() */
void vmx_apicv_destroy(struct vmx_vcpu *vmx)
{
	free_page((unsigned long)vmx->posted);
}

/* --- switching ------------------------------------------------------------------------- */

/*
 * Registers that are what the page holds. Not the current count, which runs, and
 * not the ICR, which the page has in two halves.
 */
static const u8 plain_registers[] = {
	APIC_ID >> 4, APIC_LVR >> 4, APIC_TASKPRI >> 4, APIC_PROCPRI >> 4, APIC_LDR >> 4,
	APIC_SPIV >> 4, APIC_LVTT >> 4, APIC_LVTTHMR >> 4, APIC_LVTPC >> 4, APIC_LVT0 >> 4,
	APIC_LVT1 >> 4, APIC_LVTERR >> 4, APIC_TMICT >> 4, APIC_TDCR >> 4,
};

static void update_bitmap(struct vmx_vcpu *vmx, bool on)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(plain_registers); i++)
		vmx_msr_intercept(vmx, LAPIC_BASE_MSR + plain_registers[i], !on, true);
	/* ISR, TMR, IRR */
	for (i = APIC_ISR >> 4; i < APIC_ESR >> 4; i++)
		vmx_msr_intercept(vmx, LAPIC_BASE_MSR + i, !on, true);
	vmx_msr_intercept(vmx, LAPIC_BASE_MSR + (APIC_TASKPRI >> 4), !on, !on);
	vmx_msr_intercept(vmx, LAPIC_BASE_MSR + (APIC_EOI >> 4), true, !on);
	vmx_msr_intercept(vmx, LAPIC_BASE_MSR + (LAPIC_SELF_IPI >> 4), true, !on);
}

static void update_controls(struct vmm_vcpu *vcpu, struct vmx_vcpu *vmx, bool on)
{
	u32 proc = vmx->proc & ~CPU_BASED_TPR_SHADOW;

	proc |= CR8_EXITING;
	vmx->proc2 &= ~APICV_PROC2;
	if (on) {
		proc = (proc & ~CR8_EXITING) | CPU_BASED_TPR_SHADOW;
		vmx->proc2 |= APICV_PROC2;
		vmcs_write64(VIRTUAL_APIC_PAGE_ADDR, __pa(vcpu->apic->regs));
		vmcs_write64(POSTED_INTR_DESC_ADDR, __pa(vmx->posted));
		vmcs_write16(POSTED_INTR_NV, VMX_POSTED_VECTOR);
		vmcs_write32(TPR_THRESHOLD, 0);
	}
	vmx_set_proc(vmx, proc);
	vmcs_write32(SECONDARY_VM_EXEC_CONTROL, vmx->proc2);
	vmcs_write32(PIN_BASED_VM_EXEC_CONTROL,
		     vmx_caps.pin | (on ? PIN_BASED_POSTED_INTR : 0));
	vmcs_write32(VM_EXIT_CONTROLS, vmx_caps.vmexit | (on ? VM_EXIT_ACK_INTR_ON_EXIT : 0));
}

/**
 * vmx_apicv_update() - the APIC's mode, its registers as a whole, or the vectors
 *	whose end is of interest have changed
 * @vcpu: the vCPU
 *
 * Context: VMCS loaded.
 */
void vmx_apicv_update(struct vmm_vcpu *vcpu)
{
	struct vmx_vcpu *vmx = vcpu->vmx;
	struct vmm_apic *apic = vcpu->apic;
	bool on;
	int i;

	if (!vmx->posted)
		return;
	on = lapic_hw_enabled(apic) && lapic_x2apic(apic);
	if (on != apic->virt) {
		/* Posted from now on, or not; what comes meanwhile is found either way. */
		WRITE_ONCE(apic->virt, on);
		apic->isrv = lapic_highest(apic->regs, APIC_ISR);
		update_controls(vcpu, vmx, on);
	}
	update_bitmap(vmx, on);
	if (!on)
		return;
	for (i = 0; i < 4; i++)
		vmcs_write64(EOI_EXIT_BITMAP0 + 2 * i, READ_ONCE(vcpu->vm->irq.eoi_vectors[i]));
	i = lapic_highest(apic->regs, APIC_ISR);
	vmcs_write16(GUEST_INTR_STATUS, max(i, 0) << 8);
	vcpu->irq_look = true;
}

/* --- interrupts -------------------------------------------------------------------------- */

/**
 * vmx_apicv_post() - a vector for an APIC that the processor virtualises
 * @vcpu:   the vCPU
 * @vector: 16 to 255
 *
 * Context: any but NMI.
 */
void vmx_apicv_post(struct vmm_vcpu *vcpu, u8 vector)
{
	struct vmx_posted *posted = vcpu->vmx->posted;

	/* Whoever did either before has told the vCPU, or is about to. */
	if (test_and_set_bit(vector, posted->pir) ||
	    test_and_set_bit(POSTED_ON, &posted->control))
		return;
	/* Fully ordered against the reads of the mode by the bit operation. */
	if (READ_ONCE(vcpu->mode) == VMM_IN_GUEST)
		apic->send_IPI_mask(cpumask_of(READ_ONCE(vcpu->cpu)), VMX_POSTED_VECTOR);
	else
		vmm_vcpu_notify(vcpu);
}

/** vmx_apicv_posted() - vmx_apicv_waits() of a vCPU with vmx->posted */
bool vmx_apicv_posted(const struct vmx_vcpu *vmx)
{
	return test_bit(POSTED_ON, &vmx->posted->control);
}

/**
 * vmx_apicv_pull() - take over what has been posted, into IRR
 * @vcpu: the vCPU of the calling thread; its VMCS need not be loaded
 */
void vmx_apicv_pull(struct vmm_vcpu *vcpu)
{
	struct vmx_posted *posted = vcpu->vmx->posted;
	unsigned long bits;
	int i, bit;

	if (!vmx_apicv_waits(vcpu->vmx))
		return;
	clear_bit(POSTED_ON, &posted->control);
	smp_mb__after_atomic();	/* vectors posted from here on set it again */
	for (i = 0; i < 4; i++) {
		if (!READ_ONCE(posted->pir[i]))
			continue;
		bits = xchg(&posted->pir[i], 0);
		for_each_set_bit(bit, &bits, BITS_PER_LONG)
			lapic_set_vec(vcpu->apic->regs, APIC_IRR, i * BITS_PER_LONG + bit);
	}
	vcpu->irq_look = true;
}

/** vmx_apicv_forget() - RESET, INIT or user space's registers: nothing is posted */
void vmx_apicv_forget(struct vmm_vcpu *vcpu)
{
	struct vmx_posted *posted = vcpu->vmx ? vcpu->vmx->posted : NULL;
	int i;

	if (!posted)
		return;
	clear_bit(POSTED_ON, &posted->control);
	for (i = 0; i < 4; i++)
		WRITE_ONCE(posted->pir[i], 0);
}

/**
 * vmx_apicv_inject() - tell the processor what is to be delivered next
 * @vcpu: the vCPU
 * @hold: nothing, for now
 *
 * Context: VMCS loaded, before an entry.
 */
void vmx_apicv_inject(struct vmm_vcpu *vcpu, bool hold)
{
	u16 status = vmcs_read16(GUEST_INTR_STATUS), want;
	int vector;

	vmx_apicv_pull(vcpu);
	vector = hold ? -1 : lapic_highest(vcpu->apic->regs, APIC_IRR);
	want = (status & 0xff00) | max(vector, 0);
	if (want != status)
		vmcs_write16(GUEST_INTR_STATUS, want);
}

/**
 * vmx_dispatch_interrupt() - call the handler of the interrupt that ended the run
 * @vmx: the vCPU; the processor has acknowledged the interrupt
 *
 * Context: interrupts off, right after the exit.
 */
void vmx_dispatch_interrupt(struct vmx_vcpu *vmx)
{
	u32 info = vmcs_read32(VM_EXIT_INTR_INFO);
	struct desc_ptr idt;

	if (WARN_ON_ONCE(!(info & INTR_INFO_VALID_MASK)))
		return;
	store_idt(&idt);
	vmx_call_gate(gate_offset((gate_desc *)idt.address + (info & INTR_INFO_VECTOR_MASK)));
}
