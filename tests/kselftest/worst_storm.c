// SPDX-License-Identifier: GPL-2.0
/*
 * Programs of worst's guests that do one bad thing as fast as they can: interrupts
 * that never end, exceptions that cause themselves, exits of each kind.
 *
 * Each has the form that struct storm describes: a jump over the handler, the
 * handler of every vector 16 bytes on, the rest.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "worst.h"

#define PROGRAM(sym, handler, body)						\
	extern const uint8_t sym##_start[], sym##_end[];			\
	asm("	.pushsection .rodata\n.balign 16\n" #sym "_start:\njmp 1f\n"	\
	    ".balign 16, 0x90\n" handler "1:\n" body #sym "_end:\n.popsection\n")

#define WRMSR(msr, lo, hi) "movl $" #msr ", %ecx\nmovl $" #lo ", %eax\nmovl $" #hi ", %edx\nwrmsr\n"
#define EOI	WRMSR(0x80b, 0, 0)
#define X2APIC	"movl $0x1b, %ecx\nrdmsr\norl $0xc00, %eax\nwrmsr\n" WRMSR(0x80f, 0x1ff, 0)
#define IRET	"iretq\n"
#define FOREVER	"jmp 1b\n"

/* A count of 1 in periodic mode; deadlines that are over. */
PROGRAM(periodic, EOI IRET,
	X2APIC WRMSR(0x832, 0x20040, 0) WRMSR(0x83e, 0xb, 0) WRMSR(0x838, 1, 0)
	"sti\n2: hlt\njmp 2b\n");
PROGRAM(deadline, EOI WRMSR(0x6e0, 1, 0) IRET,
	X2APIC WRMSR(0x832, 0x40040, 0) WRMSR(0x6e0, 1, 0) "sti\n2: jmp 2b\n");

/* IPIs: to oneself and ended; to all, of all vectors, never ended; NMIs; INIT and start-up. */
PROGRAM(self_ipi, EOI IRET, X2APIC "sti\n2:" WRMSR(0x83f, 0x50, 0) "jmp 2b\n");
PROGRAM(all_ipi, IRET, X2APIC "sti\nxorl %ebx, %ebx\n"
	"2: movl $0x830, %ecx\nmovzbl %bl, %eax\norl $0x84000, %eax\nxorl %edx, %edx\nwrmsr\n"
	"incl %ebx\njmp 2b\n");
PROGRAM(lowest_ipi, EOI IRET, X2APIC "sti\n2:" WRMSR(0x830, 0x4960, 0x0f) "jmp 2b\n");
PROGRAM(nmi_ipi, IRET, X2APIC "2:" WRMSR(0x830, 0x84400, 0) "jmp 2b\n");
PROGRAM(init_ipi, IRET, "testl %edi, %edi\njnz 3f\n" X2APIC
	"2:" WRMSR(0x830, 0xc4500, 0) WRMSR(0x830, 0xc4620, 0) "jmp 2b\n3: pause\njmp 3b\n");
PROGRAM(xapic_ipi, "movl $0xfee000b0, %eax\nmovl $0, (%rax)\niretq\n",
	"movl $0xfee000f0, %eax\nmovl $0x1ff, (%rax)\nsti\n"
	"2: movl $0xfee00300, %eax\nmovl $0x84041, (%rax)\nmovl $0x84400, (%rax)\njmp 2b\n");

/* The addresses of all APICs change again and again: each time the map of them is made anew. */
PROGRAM(addresses, IRET,
	"1: movl $0xfee000f0, %eax\nmovl $0x1ff, (%rax)\nmovl $0xfee000d0, %eax\n"
	"addl $0x1000000, (%rax)\nmovl $0xfee000f0, %eax\nmovl $0xff, (%rax)\n" FOREVER);
/* One instruction with thousands of accesses, each of which the kernel serves. */
PROGRAM(rep_apic, IRET,
	"1: movl $0xfee00000, %esi\nmovl $0x1000, %ecx\nrep lodsb\n" FOREVER);

PROGRAM(rep_ports, IRET,
	"1: movl $0x21, %edx\nmovl $0x40000, %esi\nmovl $0x1000, %ecx\nrep outsb\n"
	"movl $0x40, %edx\nmovl $0x40000, %edi\nmovl $0x1000, %ecx\nrep insb\n" FOREVER);

/* Lines that stay up: the I/O APIC, the 8259; the 8254 at its fastest. */
PROGRAM(ioapic_line, EOI IRET, X2APIC "sti\n2: jmp 2b\n");
PROGRAM(pic_line, "movb $0x20, %al\noutb %al, $0x20\niretq\n",
	"movb $0x11, %al\noutb %al, $0x20\nmovb $0x40, %al\noutb %al, $0x21\nmovb $4, %al\n"
	"outb %al, $0x21\nmovb $1, %al\noutb %al, $0x21\nmovb $0, %al\noutb %al, $0x21\n"
	"movl $0x4d0, %edx\nmovb $0x20, %al\noutb %al, %dx\nsti\n2: jmp 2b\n");
/* An interrupt whose end signals the eventfd that raises it; a bell that rings at home. */
PROGRAM(resampled, EOI IRET, X2APIC "sti\n2: jmp 2b\n");
PROGRAM(bell, EOI IRET,
	X2APIC "sti\n2: movl $0x510, %edx\noutl %eax, %dx\nmovl $0xd0000000, %eax\n"
	"movl %eax, (%rax)\njmp 2b\n");
PROGRAM(pit, EOI IRET, X2APIC
	"movb $0x34, %al\noutb %al, $0x43\nmovb $2, %al\noutb %al, $0x40\nmovb $0, %al\n"
	"outb %al, $0x40\nsti\n2: hlt\njmp 2b\n");

/* Exceptions that come again before their handler's first instruction is done. */
PROGRAM(db_loop, IRET,		/* a breakpoint on the stack that it is pushed to */
	"movl $0x33ff8, %eax\nmovq %rax, %dr0\nmovl $0x90401, %eax\nmovq %rax, %dr7\n"
	"1: movl $0x33ff8, %eax\nmovq %rax, (%rax)\nnop\n" FOREVER);
PROGRAM(ac_loop, "nop\n", "1: pushq %rax\n" FOREVER);
PROGRAM(bp_loop, "int3\n", "1: int3\n" FOREVER);
PROGRAM(ud_loop, "ud2\n", "1: ud2\n" FOREVER);
PROGRAM(pf_loop, "addq $8, %rsp\n" IRET, "1: movq $0x100000000000, %rax\nmovq (%rax), %rbx\n" FOREVER);
PROGRAM(tf_loop, IRET, "1: pushq $0x102\npopfq\nnop\ncpuid\nint1\n" FOREVER);

/* Exits. */
PROGRAM(ports, IRET,
	"1: movl $0x510, %edx\noutl %eax, %dx\ninl %dx, %eax\nmovl $0x40000, %esi\n"
	"movl $200, %ecx\nrep outsb\nmovl $0x40000, %edi\nmovl $200, %ecx\nrep insb\n" FOREVER);
PROGRAM(hypercalls, IRET,
	"xorl %r8d, %r8d\n1: incl %r8d\nmovl %r8d, %eax\nandl $15, %eax\nmovq $-1, %rbx\n"
	"movq $-1, %rcx\nmovl %r8d, %edx\nshrl $4, %edx\nandl $3, %edx\nmovl $0x41, %esi\nvmcall\n"
	FOREVER);
PROGRAM(unknown_msrs, "addq $8, %rsp\naddq $2, (%rsp)\niretq\n",
	"movl $0x300, %r8d\n1: incl %r8d\nmovl %r8d, %ecx\nandl $0x7fffffff, %ecx\nrdmsr\n"
	"movl %r8d, %ecx\norl $0x80000000, %ecx\nrdmsr\n" FOREVER);
PROGRAM(cpuid, IRET, "1: cpuid\npause\n" FOREVER);
PROGRAM(halt, IRET, "1: cli\nhlt\n" FOREVER);
PROGRAM(registers, IRET,
	"1: movq %cr0, %rax\nxorl $0x40000000, %eax\nmovq %rax, %cr0\nmovq %cr4, %rax\n"
	"xorl $0x80, %eax\nmovq %rax, %cr4\nmovq %cr3, %rax\nmovq %rax, %cr3\nwbinvd\n"
	"movl $1, %eax\nxorl %edx, %edx\nxorl %ecx, %ecx\nmovq %cr4, %rbx\norl $0x40000, %ebx\n"
	"movq %rbx, %cr4\nxsetbv\nmovq %rax, %dr1\nmovq %cr8, %rax\nmovq %rax, %cr8\n" FOREVER);

/* --- what a program cannot do itself ----------------------------------------------------- */

/* A line up for good; at the I/O APIC it is level-triggered and goes to vector 0x45. */
static int raise_line(struct world *w)
{
	struct kvm_irq_level line = { .irq = 5, .level = 1 };
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

	if (ioctl(w->vm.fd, KVM_GET_IRQCHIP, &chip))
		return -errno;
	chip.chip.ioapic.redirtbl[5].bits = 0x8045;
	chip.chip.ioapic.redirtbl[2].bits = 0x42;	/* the 8254's */
	if (ioctl(w->vm.fd, KVM_SET_IRQCHIP, &chip) || ioctl(w->vm.fd, KVM_IRQ_LINE, &line))
		return -errno;
	return 0;
}

/* Pin 6, level-triggered, by an eventfd that is its own resample eventfd. */
static int resample_itself(struct world *w)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	int fd = eventfd(1, EFD_CLOEXEC);
	struct kvm_irqfd irqfd = {
		.fd = fd, .gsi = 6, .flags = KVM_IRQFD_FLAG_RESAMPLE, .resamplefd = fd,
	};

	if (fd < 0 || ioctl(w->vm.fd, KVM_GET_IRQCHIP, &chip))
		return -errno;
	chip.chip.ioapic.redirtbl[6].bits = 0x8046;
	if (ioctl(w->vm.fd, KVM_SET_IRQCHIP, &chip) || ioctl(w->vm.fd, KVM_IRQFD, &irqfd))
		return -errno;
	return 0;	/* an irqfd ends with its file: that stays open until exit */
}

/* A port and an address that raise pin 7, an edge. */
static int ring_itself(struct world *w)
{
	struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };
	struct kvm_ioeventfd by_port = { .addr = 0x510, .flags = KVM_IOEVENTFD_FLAG_PIO };
	struct kvm_ioeventfd by_memory = { .addr = GUEST_MMIO_GPA };
	int fd = eventfd(0, EFD_CLOEXEC);
	struct kvm_irqfd irqfd = { .fd = fd, .gsi = 7 };

	if (fd < 0 || ioctl(w->vm.fd, KVM_GET_IRQCHIP, &chip))
		return -errno;
	by_port.fd = by_memory.fd = fd;
	chip.chip.ioapic.redirtbl[7].bits = 0x47;
	if (ioctl(w->vm.fd, KVM_SET_IRQCHIP, &chip) || ioctl(w->vm.fd, KVM_IRQFD, &irqfd) ||
	    ioctl(w->vm.fd, KVM_IOEVENTFD, &by_port) || ioctl(w->vm.fd, KVM_IOEVENTFD, &by_memory))
		return -errno;
	return 0;	/* the file stays open, as above */
}

/*
 * Alignment checks: 32-bit code in ring 3, on a stack that is not aligned, with a
 * gate to ring 3: its frame is not aligned either.
 */
static int prepare_ac(struct world *w)
{
	uint64_t *idt = (uint64_t *)(w->vm.mem + W_IDT);
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	unsigned int i;
	int r;

	world_gates(w, PROT32, W_CODE + 16, 0);
	for (i = 0; i < 256; i++)
		idt[i] |= 0x2b << 16;
	for (i = 0; i < w->nr; i++) {
		r = world_start(w, i, PROT32, 3);
		if (r)
			return r;
		if (ioctl(w->vcpu[i].fd, KVM_GET_SREGS, &sregs) ||
		    ioctl(w->vcpu[i].fd, KVM_GET_REGS, &regs))
			return -errno;
		sregs.cr0 |= 0x40000;		/* AM */
		regs.rflags |= 0x40000;		/* AC */
		regs.rsp -= 3;
		if (ioctl(w->vcpu[i].fd, KVM_SET_SREGS, &sregs) ||
		    ioctl(w->vcpu[i].fd, KVM_SET_REGS, &regs))
			return -errno;
	}
	return 0;
}

#define ANY	((1 << NO_IRQCHIP) | (1 << IRQCHIP) | (1 << SPLIT))
#define APIC	((1 << IRQCHIP) | (1 << SPLIT))
#define KERNEL	(1 << IRQCHIP)

#define STORM(what, on, sym, on_ist, does) \
	{ .name = (what), .boards = (on), .start = sym##_start, .end = sym##_end, \
	  .ist = (on_ist), .prepare = (does) }

const struct storm storms[] = {
	STORM("periodic timer, count 1", APIC, periodic, 0, NULL),
	STORM("TSC deadlines in the past", APIC, deadline, 0, NULL),
	STORM("IPIs to itself", APIC, self_ipi, 0, NULL),
	STORM("IPIs to all, never ended", APIC, all_ipi, 1, NULL),
	STORM("lowest-priority IPIs", APIC, lowest_ipi, 0, NULL),
	STORM("NMIs to all", APIC, nmi_ipi, 0, NULL),
	STORM("INIT and start-up IPIs", APIC, init_ipi, 0, NULL),
	STORM("IPIs by memory", APIC, xapic_ipi, 0, NULL),
	STORM("APIC addresses change", APIC, addresses, 0, NULL),
	STORM("string accesses to the APIC", APIC, rep_apic, 0, NULL),
	STORM("string accesses to the 8259 and 8254", KERNEL, rep_ports, 0, NULL),
	STORM("level-triggered line, I/O APIC", KERNEL, ioapic_line, 0, raise_line),
	STORM("level-triggered line, 8259", KERNEL, pic_line, 0, raise_line),
	STORM("interrupt that resamples itself", KERNEL, resampled, 0, resample_itself),
	STORM("doorbell that is an interrupt", KERNEL, bell, 0, ring_itself),
	STORM("8254, count 2", KERNEL, pit, 0, raise_line),
	STORM("#DB by its own delivery", ANY, db_loop, 1, NULL),
	STORM("#AC by its own delivery", ANY, ac_loop, 0, prepare_ac),
	STORM("#BP in its handler", ANY, bp_loop, 1, NULL),
	STORM("#UD in its handler", ANY, ud_loop, 1, NULL),
	STORM("#PF for ever", ANY, pf_loop, 0, NULL),
	STORM("single steps", ANY, tf_loop, 0, NULL),
	STORM("port accesses", ANY, ports, 0, NULL),
	STORM("hypercalls", ANY, hypercalls, 0, NULL),
	STORM("MSRs that do not exist", ANY, unknown_msrs, 0, NULL),
	STORM("CPUID, PAUSE", ANY, cpuid, 0, NULL),
	STORM("HLT with interrupts off", ANY, halt, 0, NULL),
	STORM("control registers", ANY, registers, 0, NULL),
};
const unsigned int nr_storms = sizeof(storms) / sizeof(storms[0]);
