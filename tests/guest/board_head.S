/* SPDX-License-Identifier: GPL-2.0 */
/* Start of boardtest's guest: entry, and one stub for each vector, 16 bytes apart. */
#include "board.h"

	.section .head, "ax"
	.globl	_start
_start:
	call	board_main
1:	hlt
	jmp	1b

	.balign	16
	.globl	board_stubs
board_stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	pushq	$vector
	jmp	common
	.set	vector, vector + 1
	.endr

common:
	pushq	%rax
	pushq	%rcx
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	pushq	%r8
	pushq	%r9
	pushq	%r10
	pushq	%r11
	movq	72(%rsp), %rdi
	cld
	call	board_irq
	popq	%r11
	popq	%r10
	popq	%r9
	popq	%r8
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%rcx
	popq	%rax
	addq	$8, %rsp
	iretq
