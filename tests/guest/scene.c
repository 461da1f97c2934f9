// SPDX-License-Identifier: GPL-2.0
/*
 * Scenes: see scene.h. Single-threaded, except where a test makes threads.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "scene.h"

#define PORT_SAY	0xe0
#define PORT_END	0xe1
#define PORT_VECTOR	0xe2

#define HANDLERS	0x28000		/* in the guest, behind its code */
#define STUB_BYTES	16
#define LOG_BYTES	64		/* count, bytes to skip, then the events */

#define STRINGIFY(x)	#x
#define STR(x)		STRINGIFY(x)
#define LOG		STR(SCENE_LOG)

LABEL(scene_handlers);
LABEL(scene_handlers_end);

/* 32 stubs for exceptions and one more for SCENE_IRQ; then what they share. */
asm("	.pushsection .rodata\n"
	"scene_handlers:\n"
	".set v, 0\n"
	".rept 33\n"
	".balign " STR(STUB_BYTES) "\n"
	".if v != 8 && v != 10 && v != 11 && v != 12 && v != 13 && v != 14 && v != 17\n"
	"push $0\n"
	".endif\n"
	".if v == 32\npush $" STR(SCENE_IRQ) "\n.else\npush $v\n.endif\n"
	"jmp scene_common\n"
	".set v, v + 1\n"
	".endr\n"
	/* from RSP: RDX RCX RAX, vector, error code, RIP CS RFLAGS RSP SS */
	"scene_common:\n"
	"push %rax\npush %rcx\npush %rdx\n"
	"mov " LOG ", %rcx\nincq " LOG "\nshl $6, %rcx\n"
	"mov 24(%rsp), %rax\nmov %rax, " LOG "+64(%rcx)\n"
	"mov 32(%rsp), %rax\nmov %rax, " LOG "+72(%rcx)\n"
	"mov 40(%rsp), %rax\nmov %rax, " LOG "+80(%rcx)\n"
	"mov 56(%rsp), %rax\nmov %rax, " LOG "+88(%rcx)\n"
	"mov %rbx, " LOG "+96(%rcx)\n"
	"mov %cr2, %rax\nmov %rax, " LOG "+104(%rcx)\n"
	"mov 64(%rsp), %rax\nmov %rax, " LOG "+120(%rcx)\n"
	"cmpb $1, 24(%rsp)\njne 1f\n"
	"mov %dr6, %rax\nmov %rax, " LOG "+112(%rcx)\n"
	/* RF: past a breakpoint on an instruction */
	"test $0xf, %al\njz 2f\norq $0x10000, 56(%rsp)\n"
	"2: mov $0xffff0ff0, %eax\nmov %rax, %dr6\n"
	"1: mov 24(%rsp), %al\nout %al, $" STR(PORT_VECTOR) "\n"
	"cmp $6, %al\nje 3f\ncmp $13, %al\nje 3f\ncmp $14, %al\njne 4f\n"
	"3: mov " LOG "+8, %rax\nadd %rax, 40(%rsp)\n"
	"4: pop %rdx\npop %rcx\npop %rax\nadd $16, %rsp\niretq\n"
	"scene_handlers_end:\n"
	".popsection\n");

/** scene_do() - see SCENE_DO(); ends the test's process when it fails */
void scene_do(int fd, unsigned long request, void *arg, const char *name)
{
	if (ioctl(fd, request, arg) >= 0)
		return;
	exit(ktap_fail("%s: %s", name, strerror(errno)));
}

void scene_get_regs(struct scene *s, struct kvm_regs *regs)
{
	SCENE_DO(s, KVM_GET_REGS, regs);
}

void scene_get_events(struct scene *s, struct kvm_vcpu_events *e)
{
	SCENE_DO(s, KVM_GET_VCPU_EVENTS, e);
}

void scene_set_events(struct scene *s, struct kvm_vcpu_events *e)
{
	SCENE_DO(s, KVM_SET_VCPU_EVENTS, e);
}

/** scene_is_peer() - the device is not ours: for promises that KVM does not make */
int scene_is_peer(void)
{
	return !strstr(kvmc_dev_path(), "vmm");
}

/** scene_gpa() - where a label of the code is in the guest */
uint64_t scene_gpa(const struct scene *s, const uint8_t *label)
{
	return SCENE_CODE + (label - s->start);
}

/** scene_events() - how many exceptions and interrupts the guest took */
uint64_t scene_events(const struct scene *s)
{
	return *(uint64_t *)(s->vm.mem + SCENE_LOG);
}

/** scene_event() - the @n'th of them, from 0 */
struct scene_event *scene_event(const struct scene *s, unsigned int n)
{
	return (struct scene_event *)(s->vm.mem + SCENE_LOG + LOG_BYTES) + n;
}

/** scene_skip() - faults are skipped by so many bytes */
void scene_skip(struct scene *s, uint64_t bytes)
{
	((uint64_t *)(s->vm.mem + SCENE_LOG))[1] = bytes;
}

static void set_gate(struct scene *s, unsigned int vector, unsigned int stub)
{
	uint64_t *idt = (uint64_t *)(s->vm.mem + GUEST_IDT_GPA) + 2 * vector;
	uint64_t to = HANDLERS + stub * STUB_BYTES;

	idt[0] = (to & 0xffff) | 8 << 16 | 0x8eull << 40 | (to >> 16 & 0xffff) << 48;
	idt[1] = 0;
}

/**
 * scene_open_code() - a new machine that stands at the start of the code
 * @s: the scene
 * @start: the code, position-independent or linked to SCENE_CODE
 * @end: its end
 *
 * Ends the test's process when there is none. Return: KTAP_PASS.
 */
int scene_open_code(struct scene *s, const uint8_t *start, const uint8_t *end)
{
	int dev = kvmc_dev_open(NULL), ret, i;

	memset(s, 0, sizeof(*s));
	s->start = start;
	ret = dev < 0 ? dev : kvmc_vm_create(&s->vm, dev, 2 * GUEST_LOW_BYTES,
					     KVMC_MEM_SMALL);
	if (!ret)
		ret = kvmc_vcpu_create(&s->vcpu, &s->vm, 0);
	if (!ret)
		ret = kvmc_vcpu_cpuid(&s->vcpu);
	if (!ret)
		ret = kvmc_vcpu_mode(&s->vcpu, KVMC_MODE_LONG64, SCENE_CODE);
	if (ret)
		exit(ktap_fail("no VM: %s", strerror(-ret)));
	memcpy(s->vm.mem + SCENE_CODE, start, end - start);
	memcpy(s->vm.mem + HANDLERS, scene_handlers,
	       scene_handlers_end - scene_handlers);
	for (i = 0; i < 32; i++)
		set_gate(s, i, i);
	set_gate(s, SCENE_IRQ, 32);
	return KTAP_PASS;
}

/** scene_settle() - finish the instruction whose exit was seen, without another one */
int scene_settle(struct scene *s)
{
	int ret;

	s->vcpu.run->immediate_exit = 1;
	ret = kvmc_run(&s->vcpu);
	s->vcpu.run->immediate_exit = 0;
	return ret == -EINTR ? KTAP_PASS : ktap_fail("to settle gave %d", ret);
}

/** scene_lose_mappings() - what the guest touches next, it touches for the first time */
void scene_lose_mappings(struct scene *s)
{
	if (mprotect(s->vm.mem, s->vm.mem_bytes, PROT_NONE) ||
	    mprotect(s->vm.mem, s->vm.mem_bytes, PROT_READ | PROT_WRITE))
		exit(ktap_fail("mprotect: %s", strerror(errno)));
}

static char vector_name(uint8_t vector)
{
	static const char names[] = "?DNB??U??????GP?";

	if (vector == SCENE_IRQ)
		return 'I';
	return vector < 16 ? names[vector] : '?';
}

static int heard(struct scene *s, char c)
{
	if (s->len >= sizeof(s->said) - 1)
		return ktap_fail("it says too much: %s", s->said), -1;
	s->said[s->len++] = c;
	return s->on ? s->on(s, c) : 0;
}

/**
 * scene_run() - run until the guest ends
 * @s: the scene
 *
 * Return: 0: ended; KVM_EXIT_* of an exit that is not served here, a negative
 * errno of KVM_RUN, or what @on returned.
 */
int scene_run(struct scene *s)
{
	struct kvm_run *run = s->vcpu.run;
	uint8_t byte;
	int ret;

	for (;;) {
		ret = kvmc_run(&s->vcpu);
		if (ret == KVM_EXIT_MMIO) {
			s->mmio++;
			if (!run->mmio.is_write)
				memset(run->mmio.data, 0x5a, run->mmio.len);
			continue;
		}
		if (ret != KVM_EXIT_IO || run->io.direction != KVM_EXIT_IO_OUT)
			return ret;
		byte = *((uint8_t *)run + run->io.data_offset);
		switch (run->io.port) {
		case PORT_SAY:
			ret = heard(s, byte);
			break;
		case PORT_VECTOR:
			ret = heard(s, vector_name(byte));
			break;
		case PORT_END:
			return 0;
		default:
			return ret;
		}
		if (ret)
			return ret;
	}
}

/** scene_end() - run until the guest ends, having said @want; KTAP_* */
int scene_end(struct scene *s, const char *want)
{
	int ret = scene_run(s);
	struct kvm_regs regs;

	if (!ret && !strcmp(s->said, want))
		return KTAP_PASS;
	scene_get_regs(s, &regs);
	return ktap_fail("ended with %d (exit %u) at %#llx, having said '%s', not '%s'",
			 ret, s->vcpu.run->exit_reason, regs.rip, s->said, want);
}
