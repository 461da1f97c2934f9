/* SPDX-License-Identifier: GPL-2.0 */
/*
 * entry.S - from the kernel's setup code to an uncompressed 64-bit kernel
 *
 * Linked at 0x10000. The setup code comes here, as to code32_start, in 32-bit
 * protected mode with paging off, flat segments and %esi = boot parameters.
 * The 64-bit entry wants long mode, an identity mapping of the kernel and of
 * the boot parameters, selectors 0x10 and 0x18, and %rsi = boot parameters.
 * The page tables are static: 1 GiB pages for the first 4 GiB.
 *
 * The loader writes the kernel's entry address into the second word, and the
 * command line behind this image.
 */
#define CR0_PG		0x80000000
#define CR4_PAE		0x20
#define MSR_EFER	0xc0000080
#define EFER_LME	0x100
#define PTE_PRESENT_RW	0x3
#define PTE_LARGE	0x80

	.code32
	.globl	_start
_start:
	jmp	1f
	.org	4
kernel_entry:
	.long	0
1:	cli
	lgdt	gdt_pointer
	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$pml4, %eax
	movl	%eax, %cr3
	movl	$MSR_EFER, %ecx
	rdmsr
	orl	$EFER_LME, %eax
	wrmsr
	movl	%cr0, %eax
	orl	$CR0_PG, %eax
	movl	%eax, %cr0
	ljmp	$0x10, $2f

	.code64
2:	movl	$0x18, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs
	movl	%esi, %esi
	movl	kernel_entry, %eax
	jmp	*%rax

	.balign	8
gdt:
	.quad	0
	.quad	0
	.quad	0x00af9a000000ffff	/* 0x10: 64-bit code */
	.quad	0x00cf92000000ffff	/* 0x18: data */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.org	0x1000
pml4:
	.quad	pdpt + PTE_PRESENT_RW
	.org	0x2000
pdpt:
	.quad	0x00000000 + PTE_LARGE + PTE_PRESENT_RW
	.quad	0x40000000 + PTE_LARGE + PTE_PRESENT_RW
	.quad	0x80000000 + PTE_LARGE + PTE_PRESENT_RW
	.quad	0xc0000000 + PTE_LARGE + PTE_PRESENT_RW
	.org	0x3000
