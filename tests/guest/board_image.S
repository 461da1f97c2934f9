/* SPDX-License-Identifier: GPL-2.0 */
/* boardtest's guest program as bytes. */
	.section .rodata
	.globl	board_start, board_end
board_start:
	.incbin	"board.bin"
board_end:

	.section .note.GNU-stack, "", @progbits
