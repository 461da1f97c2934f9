/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Start of every 64-bit guest image: table of entry points, the entry itself,
 * the interrupt handler and one stub per exception vector. The client reads the
 * table (payload.h, PAYLOAD_OFF_*) and builds the IDT from it.
 */
#include "payload.h"

	.section .head, "ax"
	.globl	_start
_start:
	.quad	PAYLOAD_MAGIC
	.quad	entry
	.quad	irq_entry
	.quad	fault_stubs

	/* RDI: parameters, RSP: stack; both set by the client */
entry:
	xorl	%ebp, %ebp
	movq	%rdi, %gs:0
	call	guest_main
1:	hlt
	jmp	1b

	/*
	 * Count and go back; what to do about it is the main loop's business.
	 * GS base is a word per vCPU that holds the parameters' address.
	 */
irq_entry:
	pushq	%rax
	movq	%gs:0, %rax
	incq	GUEST_PARAMS_IRQS(%rax)
	popq	%rax
	iretq

	.balign	FAULT_STUB_BYTES
fault_stubs:
	.set	vector, 0
	.rept	32
	.balign	FAULT_STUB_BYTES
	movl	$vector, %eax
	jmp	fault_common
	.set	vector, vector + 1
	.endr

	/* Never returns: the client ends the guest. */
fault_common:
	movl	$PORT_FAULT, %edx
	outl	%eax, %dx
1:	hlt
	jmp	1b
