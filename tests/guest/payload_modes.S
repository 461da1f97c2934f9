/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small programs for the modes that the 64-bit image does not cover, and the
 * images themselves as data of the client.
 *
 * Both small ones are copied to any address and say one line on the serial
 * port, then halt.
 */
#include "payload.h"

	.section .rodata, "a"

	.globl	payload16_start, payload16_end
	.code16
payload16_start:
	call	1f
1:	popw	%si
	addw	$(16f - 1b), %si
	movw	%cs, %ax
	movw	%ax, %ds
	movw	$PORT_SERIAL, %dx
	cld
2:	lodsb
	outb	%al, %dx
	cmpb	$'\n', %al
	jne	2b
	hlt
16:	.ascii	"real 16\n"
payload16_end:

	.globl	payload32_start, payload32_end
	.code32
payload32_start:
	call	1f
1:	popl	%esi
	addl	$(32f - 1b), %esi
	movl	$PORT_SERIAL, %edx
	movl	$(33f - 32f), %ecx
	cld
	rep outsb
	hlt
32:	.ascii	"prot 32\n"
33:
payload32_end:

	.globl	payload64_start, payload64_end
	.balign	16
payload64_start:
	.incbin	"payload64.bin"
payload64_end:

	.section .note.GNU-stack, "", @progbits
