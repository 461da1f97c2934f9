/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Into the guest and out of it.
 *
 * unsigned long vmx_enter_guest(struct vmx_entry_frame *frame,
 *				 unsigned long *regs, unsigned int flags)
 *
 * Loads the guest's general registers from @regs (order of enum vmm_reg, RSP
 * is in the VMCS), enters, and stores them there after the exit.
 * Returns 0 after a VM exit, 1 when the processor refused the entry.
 *
 * Context: interrupts off, the VMCS is current and complete but for HOST_RSP;
 * between context tracking's enter and exit, so nothing in here may be traced
 * or instrumented.
 *
 * Speculation: what the guest left in the predictors is disarmed before the
 * first return or indirect branch after the exit (return stack, SPEC_CTRL,
 * branch history), what the host left in the CPU's buffers is cleared right
 * before the entry; the registers are zeroed so that nothing speculates with
 * values the guest chose.
 */
#include <linux/linkage.h>
#include <asm/alternative.h>
#include <asm/asm.h>
#include <asm/cpufeatures.h>
#include <asm/frame.h>
#include <asm/msr-index.h>
#include <asm/nospec-branch.h>
#include <asm/segment.h>
#include <asm/unwind_hints.h>

/* struct vmx_entry_frame */
#define FRAME_HOST_RSP		0
#define FRAME_SPEC_CTRL		8
#define FRAME_HOST_SPEC_CTRL	16

/* enum vmm_reg */
#define REG_RAX		(0 * 8)
#define REG_RCX		(1 * 8)
#define REG_RDX		(2 * 8)
#define REG_RBX		(3 * 8)
#define REG_RBP		(5 * 8)
#define REG_RSI		(6 * 8)
#define REG_RDI		(7 * 8)
#define REG_R8		(8 * 8)
#define REG_R9		(9 * 8)
#define REG_R10		(10 * 8)
#define REG_R11		(11 * 8)
#define REG_R12		(12 * 8)
#define REG_R13		(13 * 8)
#define REG_R14		(14 * 8)
#define REG_R15		(15 * 8)

#define VMCS_HOST_RSP	0x6c14

/* Bits of @flags */
#define BIT_LAUNCHED	0
#define BIT_SAVE_SPEC	1

/* What lies on the stack while the guest runs, from RSP upwards */
#define SAVED_REGS	0
#define SAVED_FRAME	8
#define SAVED_FLAGS	16

.section .noinstr.text, "ax"

SYM_FUNC_START(vmx_enter_guest)
	push	%rbp
	mov	%rsp, %rbp
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%rbx
	push	%rdx
	push	%rdi
	push	%rsi

	/* The stack is the same from one entry of a thread to the next. */
	cmp	%rsp, FRAME_HOST_RSP(%rdi)
	je	.Lrsp_done
	mov	%rsp, FRAME_HOST_RSP(%rdi)
	mov	$VMCS_HOST_RSP, %eax
.Lwrite_rsp:
	vmwrite	%rsp, %rax
	_ASM_EXTABLE(.Lwrite_rsp, .Lrsp_done)
.Lrsp_done:
	mov	%edx, %ebx
	mov	%rsi, %r8

	ALTERNATIVE "jmp .Lspec_done", "", X86_FEATURE_MSR_SPEC_CTRL
	mov	FRAME_SPEC_CTRL(%rdi), %rax
	cmp	%rax, FRAME_HOST_SPEC_CTRL(%rdi)
	je	.Lspec_done
	mov	%rax, %rdx
	shr	$32, %rdx
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	wrmsr
	/* No return and no indirect branch from here to the entry. */
.Lspec_done:
	/* CF carries "launched" past the moves, which leave the flags alone. */
	bt	$BIT_LAUNCHED, %ebx
	mov	REG_RAX(%r8), %rax
	mov	REG_RCX(%r8), %rcx
	mov	REG_RDX(%r8), %rdx
	mov	REG_RBX(%r8), %rbx
	mov	REG_RBP(%r8), %rbp
	mov	REG_RSI(%r8), %rsi
	mov	REG_RDI(%r8), %rdi
	mov	REG_R9(%r8), %r9
	mov	REG_R10(%r8), %r10
	mov	REG_R11(%r8), %r11
	mov	REG_R12(%r8), %r12
	mov	REG_R13(%r8), %r13
	mov	REG_R14(%r8), %r14
	mov	REG_R15(%r8), %r15
	mov	REG_R8(%r8), %r8

	/* VERW changes ZF only. */
	CLEAR_CPU_BUFFERS

	jnc	.Llaunch

	/* An exit comes back at vmx_exit_point, with the stack as it is now. */
	UNWIND_HINT_SAVE
.Lresume:
	vmresume
	jmp	.Lrefused
.Llaunch:
	vmlaunch
	jmp	.Lrefused
	/* VMX was switched off under us: reboot or crash. */
	_ASM_EXTABLE(.Lresume, .Lrefused)
	_ASM_EXTABLE(.Llaunch, .Lrefused)

SYM_INNER_LABEL_ALIGN(vmx_exit_point, SYM_L_GLOBAL)
	UNWIND_HINT_RESTORE
	ENDBR
	push	%r8
	mov	8 + SAVED_REGS(%rsp), %r8
	mov	%rax, REG_RAX(%r8)
	mov	%rcx, REG_RCX(%r8)
	mov	%rdx, REG_RDX(%r8)
	mov	%rbx, REG_RBX(%r8)
	mov	%rbp, REG_RBP(%r8)
	mov	%rsi, REG_RSI(%r8)
	mov	%rdi, REG_RDI(%r8)
	mov	%r9, REG_R9(%r8)
	mov	%r10, REG_R10(%r8)
	mov	%r11, REG_R11(%r8)
	mov	%r12, REG_R12(%r8)
	mov	%r13, REG_R13(%r8)
	mov	%r14, REG_R14(%r8)
	mov	%r15, REG_R15(%r8)
	pop	REG_R8(%r8)
	xor	%ebx, %ebx		/* the result: an exit */

.Lscrub:
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d

	FILL_RETURN_BUFFER %rcx, RSB_CLEAR_LOOPS, X86_FEATURE_RSB_VMEXIT, \
			   X86_FEATURE_RSB_VMEXIT_LITE

	pop	%rsi			/* regs, not needed any more */
	pop	%rdi			/* frame */
	pop	%rsi			/* flags */

	ALTERNATIVE "jmp .Lspec_back", "", X86_FEATURE_MSR_SPEC_CTRL
	mov	$MSR_IA32_SPEC_CTRL, %ecx
	bt	$BIT_SAVE_SPEC, %esi
	jnc	.Lspec_known
	rdmsr
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, FRAME_SPEC_CTRL(%rdi)
.Lspec_known:
	/* Legacy IBRS: the write itself is the barrier, so it is never left out. */
	ALTERNATIVE "", "jmp .Lspec_write", X86_FEATURE_KERNEL_IBRS
	mov	FRAME_SPEC_CTRL(%rdi), %rax
	cmp	%rax, FRAME_HOST_SPEC_CTRL(%rdi)
	je	.Lspec_fence
.Lspec_write:
	mov	FRAME_HOST_SPEC_CTRL(%rdi), %rax
	mov	%rax, %rdx
	shr	$32, %rdx
	wrmsr
.Lspec_fence:
	lfence
.Lspec_back:
	CLEAR_BRANCH_HISTORY_VMEXIT

	mov	%rbx, %rax
	pop	%rbx
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	pop	%rbp
	RET

.Lrefused:
	mov	$1, %ebx
	jmp	.Lscrub
SYM_FUNC_END(vmx_enter_guest)

/*
 * void vmx_call_gate(unsigned long handler)
 *
 * Call an interrupt handler as the processor would: on a stack that is aligned to
 * 16 bytes, with what IRET takes off it again. The call itself pushes RIP.
 *
 * Context: interrupts off.
 */
.text
SYM_FUNC_START(vmx_call_gate)
	push	%rbp
	mov	%rsp, %rbp
	and	$-16, %rsp
	push	$__KERNEL_DS
	push	%rbp
	pushf
	push	$__KERNEL_CS
	CALL_NOSPEC rdi
	/* IRET has left RSP as it was: at the saved RBP. */
	mov	%rbp, %rsp
	pop	%rbp
	RET
SYM_FUNC_END(vmx_call_gate)
