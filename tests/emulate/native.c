// SPDX-License-Identifier: GPL-2.0
/*
 * Lets the processor execute an instruction, and reports what it did.
 *
 * 64-bit code is jumped to. For 32-bit and 16-bit code there are segments in
 * the local descriptor table, with bases in the region; the way there is a
 * far jump, and so is the way back. Nothing between may use the stack.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <asm/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "oracle.h"

#define __packed	__attribute__((packed))
#define __aligned(x)	__attribute__((aligned(x)))

/* What the assembly below shares with us. */
struct native {
	struct state state;		/* 0 */
	u64 target;			/* 400 */
	u64 sp;				/* 408 */
	struct {			/* 416 */
		u32 offset;
		u16 selector;
	} __packed far;
	u16 compat;			/* 422 */
	u16 ds, es, ss, pad;		/* 424, 426, 428 */
};

struct native native __attribute__((visibility("hidden"))) __aligned(16);

_Static_assert(offsetof(struct native, state.vec) == 144, "vec");
_Static_assert(offsetof(struct native, target) == 400, "target");
_Static_assert(offsetof(struct native, far) == 416, "far");
_Static_assert(offsetof(struct native, ds) == 424, "ds");


asm(
"	.text\n"
"	.macro each_gpr op:req\n"
"	i = 0\n"
"	.irp reg, rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15\n"
"	\\op \\reg, \"native + 8 * i\"\n"
"	i = i + 1\n"
"	.endr\n"
"	.endm\n"
"	.macro each_vec op:req\n"
"	i = 0\n"
"	.irp reg, xmm0, xmm1, xmm2, xmm3, xmm4, xmm5, xmm6, xmm7, xmm8, xmm9, xmm10, xmm11, xmm12, xmm13, xmm14, xmm15\n"
"	\\op \\reg, \"native + 144 + 16 * i\"\n"
"	i = i + 1\n"
"	.endr\n"
"	.endm\n"
"	.macro gpr_load reg:req, at:req\n"
"	movq	\\at(%rip), %\\reg\n"
"	.endm\n"
"	.macro gpr_save reg:req, at:req\n"
"	movq	%\\reg, \\at(%rip)\n"
"	.endm\n"
"	.macro vec_load reg:req, at:req\n"
"	movdqu	\\at(%rip), %\\reg\n"
"	.endm\n"
"	.macro vec_save reg:req, at:req\n"
"	movdqu	%\\reg, \\at(%rip)\n"
"	.endm\n"
"	.globl native_enter\n"
"native_enter:\n"
"	push	%rbx\n"
"	push	%rbp\n"
"	push	%r12\n"
"	push	%r13\n"
"	push	%r14\n"
"	push	%r15\n"
"	mov	%rsp, native + 408(%rip)\n"
"	each_vec vec_load\n"
"	cmpw	$0, native + 422(%rip)\n"
"	jne	1f\n"
"	pushq	native + 128(%rip)\n"
"	popfq\n"
"	each_gpr gpr_load\n"
"	jmp	*native + 400(%rip)\n"
"1:	pushq	native + 128(%rip)\n"
"	popfq\n"
"	mov	native + 424(%rip), %ds\n"
"	mov	native + 426(%rip), %es\n"
"	mov	native + 428(%rip), %ss\n"
"	each_gpr gpr_load\n"
"	ljmp	*native + 416(%rip)\n"
"	.globl native_return\n"
"native_return:\n"
"	each_gpr gpr_save\n"
"	mov	$0x2b, %eax\n"
"	mov	%eax, %ss\n"
"	mov	native + 408(%rip), %rsp\n"
"	pushfq\n"
"	popq	native + 128(%rip)\n"
"	cld\n"
"	each_vec vec_save\n"
"	xor	%eax, %eax\n"
"	mov	%eax, %ds\n"
"	mov	%eax, %es\n"
"	pop	%r15\n"
"	pop	%r14\n"
"	pop	%r13\n"
"	pop	%r12\n"
"	pop	%rbp\n"
"	pop	%rbx\n"
"	ret\n");

const struct test_seg test_segs[4] = {
	[VMM_ES] = { 0x100, false },
	[VMM_CS] = { 0, true },
	[VMM_SS] = { 0x40, false },
	[VMM_DS] = { 0x80, false },
};

#define STUB		0xf00	/* in page 0: 64-bit jump to native_return */
#define SELECTOR(i)	((u16)((i) << 3 | 7))

static bool have_mode[3] = { [VMM_MODE_64] = true };

/* Table entry of a segment in 16-bit or 32-bit tests. */
static unsigned int entry_of(enum vmm_mode mode, unsigned int seg)
{
	return 8 * (mode + 1) + seg;
}

static bool make_segments(enum vmm_mode mode)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		struct user_desc d = {
			.entry_number = entry_of(mode, i),
			.base_addr = REGION + test_segs[i].offset,
			.limit = mode == VMM_MODE_16 ? 0xffff : 0xfffff,
			.limit_in_pages = mode != VMM_MODE_16,
			.seg_32bit = mode == VMM_MODE_32,
			.contents = test_segs[i].code ? 2 : 0,
			.useable = 1,
		};

		if (syscall(SYS_modify_ldt, 1, &d, sizeof(d)))
			return false;
	}
	return true;
}

/* Maps the region; false: the machine does not let us test anything. */
bool native_init(void)
{
	u64 back = (u64)native_return;
	u8 *p = mmap((void *)(uintptr_t)REGION, REGION_SIZE,
		     PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != (u8 *)(uintptr_t)REGION)
		return false;
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, (u64)GS_BASE))
		return false;
	memcpy(p + STUB, "\xff\x25\0\0\0\0", 6);
	memcpy(p + STUB + 6, &back, sizeof(back));
	have_mode[VMM_MODE_16] = make_segments(VMM_MODE_16);
	have_mode[VMM_MODE_32] = make_segments(VMM_MODE_32);
	return true;
}

bool native_has_mode(enum vmm_mode mode)
{
	return have_mode[mode];
}

/* Executes @t in the region; @out gets the registers it leaves. */
void native_run(struct test_case *t, struct state *out)
{
	u8 *code = (u8 *)(uintptr_t)REGION;

	memcpy(code, t->bytes, t->len);
	code += t->len;
	native.state = t->state;
	native.compat = t->mode != VMM_MODE_64;
	if (native.compat) {
		u32 stub = REGION + STUB;

		native.far.offset = 0;
		native.far.selector = SELECTOR(entry_of(t->mode, VMM_CS));
		native.ds = SELECTOR(entry_of(t->mode, VMM_DS));
		native.es = SELECTOR(entry_of(t->mode, VMM_ES));
		native.ss = SELECTOR(entry_of(t->mode, VMM_SS));
		if (t->mode == VMM_MODE_16)
			*code++ = 0x66;
		*code++ = 0xea;
		memcpy(code, &stub, 4);
		memcpy(code + 4, "\x33", 2);
	} else {
		u64 back = (u64)native_return;

		native.target = REGION;
		memcpy(code, "\xff\x25\0\0\0\0", 6);
		memcpy(code + 6, &back, sizeof(back));
	}
	native_enter();
	*out = native.state;
	out->rip = t->state.rip + t->len;
}
