/* SPDX-License-Identifier: GPL-2.0 */
/* apictest's guest program as bytes. */
	.section .rodata
	.globl	apic_start, apic_end
apic_start:
	.incbin	"apic.bin"
apic_end:

	.section .note.GNU-stack, "", @progbits
