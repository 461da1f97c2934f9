/* SPDX-License-Identifier: GPL-2.0 */
/*
 * boot.S - the boot sector of the emulated machine
 *
 * Bochs has put everything into memory already (optramimage): the kernel, the
 * initramfs, the kernel's real-mode setup code at 0x90000 and entry.S at
 * 0x10000. All that is left is to run the setup code as a boot loader would.
 *
 * A machine that comes here a second time was reset. CMOS memory survives
 * that, so a mark in it tells, and the machine powers off instead: "reset" on
 * the result channel, then the magic word of Bochs's shutdown port.
 */
#define CMOS_INDEX	0x70
#define CMOS_DATA	0x71
#define CMOS_MARK	0x50		/* not used by the BIOS */
#define MARK		0xa5
#define RESULT_PORT	0xe9
#define SHUTDOWN_PORT	0x8900

	.code16
	.globl	_start
_start:
	cli
	cld
	ljmp	$0, $1f
1:	xorw	%ax, %ax
	movw	%ax, %ds
	movb	$CMOS_MARK, %al
	outb	%al, $CMOS_INDEX
	inb	$CMOS_DATA, %al
	cmpb	$MARK, %al
	je	was_reset
	movb	$CMOS_MARK, %al
	outb	%al, $CMOS_INDEX
	movb	$MARK, %al
	outb	%al, $CMOS_DATA

	/* Documentation/x86/boot.rst: segments at the setup code, a stack
	 * above it, entry one sector in.
	 */
	movw	$0x9000, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %fs
	movw	%ax, %gs
	movw	%ax, %ss
	movw	$0xe000, %sp
	ljmp	$0x9020, $0

was_reset:
	movw	$RESULT_PORT, %dx
	movw	$reset_record, %si
	movw	$(reset_record_end - reset_record), %cx
	rep outsb
	movw	$SHUTDOWN_PORT, %dx
	movw	$shutdown_word, %si
	movw	$(shutdown_word_end - shutdown_word), %cx
	rep outsb
2:	hlt
	jmp	2b

/* a record as init.c writes them: type, length (16 bits), data */
reset_record:
	.byte	'r'
	.word	0
reset_record_end:
shutdown_word:
	.ascii	"Shutdown"
shutdown_word_end:
	.org	510
	.word	0xaa55
