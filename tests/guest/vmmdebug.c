// SPDX-License-Identifier: GPL-2.0
/*
 * The trap flag, breakpoints and debug registers: the guest's own, and those of
 * a debugger in user space.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "scene.h"

#define DR6_BS		(1ull << 14)
#define DR6_BD		(1ull << 13)
#define RFLAGS_TF	(1ull << 8)

#define MMIO	"0xd0000000"	/* GUEST_MMIO_GPA */

/* Instructions of every kind: plain, exits of each way, shadows, emulated ones. */
LABEL(steps_2);
LABEL(steps_3);
LABEL(steps_4);
LABEL(steps_5);
LABEL(steps_6);
LABEL(steps_7);
LABEL(steps_8);
LABEL(steps_9);
LABEL(steps_10);
LABEL(steps_11);
LABEL(steps_12);
LABEL(steps_13);
LABEL(steps_14);
LABEL(steps_15);
LABEL(steps_17);
LABEL(steps_18);
GUEST(steps,
	"xor %ebx, %ebx\nmov $" MMIO ", %edi\nmov $0x1a0, %ecx\nmov %ss, %esi\n"
	SAY("a")
	"pushf\norl $0x100, (%rsp)\npopf\n"	/* the guest's own TF, or no-ops */
	"steps_1: nop\n"
	"steps_2: cpuid\n"
	"steps_3: mov $'b', %al\n"
	"steps_4: out %al, $0xe0\n"
	"steps_5: mov %eax, (%rdi)\n"		/* MMIO */
	"steps_6: mov (%rdi), %ebx\n"		/* MMIO */
	"steps_7: sti\n"
	"steps_8: inc %ebx\n"
	"steps_9: mov $0x1a0, %ecx\n"
	"steps_10: rdmsr\n"
	"steps_11: cli\n"
	"steps_12: mov %esi, %ss\n"
	"steps_13: nop\n"			/* in its shadow: no trap before it */
	"steps_14: nop\n"
	"steps_15: mov %esi, %ss\n"
	"steps_16: cpuid\n"			/* an exit in the shadow */
	"steps_17: nop\n"
	"steps_18: nop\n"
	"pushf\nandl $~0x100, (%rsp)\npopf\n" SAY("c") END);

static const uint8_t *const step_labels[] = {
	steps_2, steps_3, steps_4, steps_5, steps_6, steps_7, steps_8, steps_9, steps_10,
	steps_11, steps_12, steps_14, steps_15, steps_17, steps_18
};

#define STEPS	(sizeof(step_labels) / sizeof(step_labels[0]))

static int test_guest_tf(void)
{
	const struct scene_event *e;
	unsigned int i;
	struct scene s;
	int ret;

	if (scene_is_peer())
		return ktap_skip("KVM loses the trap behind an MMIO access");
	scene_open(&s, steps);
	ret = scene_run(&s);
	if (ret || s.mmio != 2)
		return ktap_fail("ended with %d, %u MMIO, '%s'", ret, s.mmio, s.said);
	/* The trap behind POPF is the one before it: TF counts from the next one on. */
	for (i = 0; i < STEPS; i++) {
		e = scene_event(&s, i);
		if (e->vector != 1 || e->rip != scene_gpa(&s, step_labels[i]))
			return ktap_fail("trap %u: vector %llu at %#llx, not %#llx", i,
					 (unsigned long long)e->vector,
					 (unsigned long long)e->rip,
					 (unsigned long long)scene_gpa(&s, step_labels[i]));
		if (!(e->dr6 & DR6_BS))
			return ktap_fail("trap %u: DR6 %#llx", i, (unsigned long long)e->dr6);
	}
	return strcmp(s.said + s.len - 1, "c") ? ktap_fail("'%s'", s.said) : KTAP_PASS;
}

static void set_debug(struct scene *s, struct kvm_guest_debug *dbg)
{
	SCENE_DO(s, KVM_SET_GUEST_DEBUG, dbg);
}

static int run_to_a(struct scene *s, char c)
{
	(void)s;
	return c == 'a' ? 99 : 0;
}

static int debug_exit(struct scene *s, unsigned int exception, uint64_t pc, uint64_t dr6,
		      const char *when)
{
	struct kvm_debug_exit_arch *d = &s->vcpu.run->debug.arch;
	int ret = scene_run(s);

	if (ret == KVM_EXIT_DEBUG && d->exception == exception && d->pc == pc &&
	    (exception != 1 || (d->dr6 & 0xe00f) == dr6))
		return KTAP_PASS;
	if (ret != KVM_EXIT_DEBUG)
		return ktap_fail("%s: ended with %d, '%s'", when, ret, s->said);
	return ktap_fail("%s: exception %u at %#llx, not %#llx, DR6 %#llx", when, d->exception,
			 d->pc, (unsigned long long)pc, d->dr6);
}

/* The same instructions under a debugger's single step; the guest's TF stays off. */
GUEST(plain,
	"mov $" MMIO ", %edi\nmov %ss, %esi\n" SAY("a")
	"plain_1: nop\n"
	"plain_2: cpuid\n"
	"plain_3: mov $'b', %al\n"
	"plain_4: out %al, $0xe0\n"
	"plain_5: mov %eax, (%rdi)\n"
	"plain_6: mov (%rdi), %ebx\n"
	"plain_7: sti\n"
	"plain_8: inc %ebx\n"
	"plain_9: xor %ecx, %ecx\n"
	"plain_10: cli\n"
	"plain_11: nop\n"
	"plain_12: " SAY("c") END);
LABEL(plain_2); LABEL(plain_3); LABEL(plain_4); LABEL(plain_5);
LABEL(plain_6); LABEL(plain_7); LABEL(plain_8); LABEL(plain_9); LABEL(plain_10);
LABEL(plain_11); LABEL(plain_12);

static int test_single_step(void)
{
	static const uint8_t *const at[] = {
		plain_2, plain_3, plain_4, plain_5, plain_6, plain_7, plain_8, plain_9,
		plain_10, plain_11, plain_12
	};
	struct kvm_guest_debug dbg = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct kvm_regs regs;
	struct scene s;
	unsigned int i;
	char when[32];

	if (scene_is_peer())
		return ktap_skip("KVM loses the step over an MMIO access");
	scene_open(&s, plain);
	s.on = run_to_a;
	if (scene_run(&s) != 99 || scene_settle(&s))
		return ktap_fail("'%s'", s.said);
	s.on = NULL;
	set_debug(&s, &dbg);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		snprintf(when, sizeof(when), "step %u", i + 1);
		if (debug_exit(&s, 1, scene_gpa(&s, at[i]), DR6_BS, when))
			return KTAP_FAIL;
		scene_get_regs(&s, &regs);
		if (regs.rflags & RFLAGS_TF)
			return ktap_fail("%s: the debugger's TF shows", when);
	}
	dbg.control = 0;
	set_debug(&s, &dbg);
	if (scene_end(&s, "abc"))
		return KTAP_FAIL;
	return s.mmio == 2 && !scene_events(&s) ? KTAP_PASS :
	       ktap_fail("%u MMIO, %llu exceptions in the guest", s.mmio,
			 (unsigned long long)scene_events(&s));
}

/* A step into an interrupt's handler and out of it: nothing is lost. */
static int test_step_interrupt(void)
{
	struct kvm_guest_debug dbg = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct scene s;
	int ret, i;

	scene_open(&s, plain);
	s.on = run_to_a;
	if (scene_run(&s) != 99 || scene_settle(&s))
		return ktap_fail("'%s'", s.said);
	s.on = NULL;
	set_debug(&s, &dbg);
	/* An NMI as IF is off; its handler is some 40 instructions. */
	SCENE_DO(&s, KVM_NMI, 0);
	for (i = 0; i < 60; i++) {
		ret = scene_run(&s);
		if (ret != KVM_EXIT_DEBUG)
			break;
	}
	if (ret != KVM_EXIT_DEBUG && ret)
		return ktap_fail("step %d: %d, '%s'", i, ret, s.said);
	dbg.control = 0;
	set_debug(&s, &dbg);
	return ret ? scene_end(&s, "aNbc") :
	       strcmp(s.said, "aNbc") ? ktap_fail("'%s'", s.said) : KTAP_PASS;
}

/* --- breakpoints of a debugger ------------------------------------------------------------- */

LABEL(bp_insn);
LABEL(bp_written);
LABEL(bp_int3);
GUEST(bp,
	"mov $0x38010, %edi\n" SAY("a") "nop\n"
	"bp_insn: nop\n"
	"mov %eax, (%rdi)\n"
	"bp_written: nop\n"
	"bp_int3: int3\n" SAY("b") END);

static int test_debugger_hw(void)
{
	struct kvm_guest_debug dbg = {
		.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP };
	struct kvm_debugregs guest;
	struct scene s;

	scene_open(&s, bp);
	dbg.arch.debugreg[0] = scene_gpa(&s, bp_insn);
	dbg.arch.debugreg[1] = SCENE_DATA + 0x10;
	dbg.arch.debugreg[7] = 0x400 | 1 << 1 | 1 << 3 | 0xdull << 20;
	set_debug(&s, &dbg);
	if (debug_exit(&s, 1, scene_gpa(&s, bp_insn), 1, "instruction"))
		return KTAP_FAIL;
	/* Past it: a debugger takes it away, steps, puts it back. */
	dbg.arch.debugreg[7] = 0x400 | 1 << 3 | 0xdull << 20;
	set_debug(&s, &dbg);
	if (debug_exit(&s, 1, scene_gpa(&s, bp_written), 2, "write"))
		return KTAP_FAIL;
	SCENE_DO(&s, KVM_GET_DEBUGREGS, &guest);
	if ((guest.dr7 & 0xff) || guest.db[0] || guest.db[1])
		return ktap_fail("the guest sees the debugger's registers");
	dbg.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
	set_debug(&s, &dbg);
	if (debug_exit(&s, 3, scene_gpa(&s, bp_int3), 0, "INT3"))
		return KTAP_FAIL;
	dbg.control = 0;
	set_debug(&s, &dbg);
	return scene_end(&s, "aBb");
}

/* The debugger gives the guest its own INT3 back, and a #DB. */
static int test_debugger_inject(void)
{
	struct kvm_guest_debug dbg = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP };
	struct scene s;

	scene_open(&s, bp);
	set_debug(&s, &dbg);
	if (debug_exit(&s, 3, scene_gpa(&s, bp_int3), 0, "INT3"))
		return KTAP_FAIL;
	dbg.control |= KVM_GUESTDBG_INJECT_BP;
	set_debug(&s, &dbg);
	if (scene_end(&s, "aBb"))
		return KTAP_FAIL;
	if (scene_event(&s, 0)->rip != scene_gpa(&s, bp_int3) + 1)
		return ktap_fail("INT3 at %#llx", (unsigned long long)scene_event(&s, 0)->rip);
	return KTAP_PASS;
}

static int test_debug_refused(void)
{
	struct kvm_guest_debug dbg = { .control = 1u << 14 };
	struct scene s;

	if (scene_is_peer())
		return ktap_skip("KVM takes them");
	scene_open(&s, bp);
	return ioctl(s.vcpu.fd, KVM_SET_GUEST_DEBUG, &dbg) == -1 && errno == EINVAL ?
	       KTAP_PASS : ktap_fail("an unknown bit is taken");
}

/* --- breakpoints of the guest ----------------------------------------------------------------- */

LABEL(own_insn);
LABEL(own_written);
LABEL(own_gd);
GUEST(own,
	"mov $0x38010, %edi\nlea own_insn(%rip), %rax\nmov %rax, %dr0\nmov %rdi, %dr1\n"
	"mov $0x00d0040a, %eax\nmov %rax, %dr7\n"	/* G0 instruction, G1 write of 4 */
	SAY("a") "nop\n"
	"own_insn: nop\n"
	"mov %eax, (%rdi)\n"
	"own_written: cpuid\n"
	"mov %dr0, %rsi\nmov %dr7, %rbx\n"
	"xor %eax, %eax\nmov %rax, %dr7\n"
	"mov %eax, (%rdi)\n"				/* off: nothing */
	"mov $0x2400, %eax\nmov %rax, %dr7\n"		/* GD */
	"own_gd: mov %dr0, %rax\n" SAY("b") END);

static int test_guest_hw(void)
{
	static const struct {
		const uint8_t *at;
		uint64_t dr6;
	} want[] = { { own_insn, 1 }, { own_written, 2 }, { own_gd, DR6_BD } };
	const struct scene_event *e;
	struct kvm_regs regs;
	struct scene s;
	unsigned int i;

	scene_open(&s, own);
	if (scene_end(&s, "aDDDb"))
		return KTAP_FAIL;
	for (i = 0; i < 3; i++) {
		e = scene_event(&s, i);
		if (e->rip != scene_gpa(&s, want[i].at) || (e->dr6 & 0xe00f) != want[i].dr6)
			return ktap_fail("trap %u at %#llx, DR6 %#llx", i,
					 (unsigned long long)e->rip, (unsigned long long)e->dr6);
	}
	scene_get_regs(&s, &regs);
	if (regs.rsi != scene_gpa(&s, own_insn) || regs.rbx != 0x00d0040a)
		return ktap_fail("DR0 reads %#llx, DR7 %#llx", regs.rsi, regs.rbx);
	return KTAP_PASS;
}

const struct ktap_test debug_tests[] = {
	{ "guest's TF: exits, MMIO and shadows trap where they must", test_guest_tf },
	{ "KVM_GUESTDBG_SINGLESTEP: the same, and hidden from the guest", test_single_step },
	{ "KVM_GUESTDBG_SINGLESTEP into an NMI and out of it", test_step_interrupt },
	{ "debugger's breakpoints: instruction, write, INT3", test_debugger_hw },
	{ "debugger gives the guest its INT3 back", test_debugger_inject },
	{ "KVM_SET_GUEST_DEBUG refuses what it does not know", test_debug_refused },
	{ "guest's breakpoints: instruction, write, general detect", test_guest_hw },
	{ }
};
