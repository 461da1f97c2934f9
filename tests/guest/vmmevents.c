// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts, NMIs and exceptions: windows, shadows, blocking, and delivery that
 * is cut short by an exit.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "scene.h"

static int nmi(struct scene *s)
{
	return ioctl(s->vcpu.fd, KVM_NMI, 0) ? ktap_fail("KVM_NMI: %s", strerror(errno)) : 0;
}

static int event_is(const struct scene *s, unsigned int n, const uint8_t *label,
		    uint64_t error)
{
	const struct scene_event *e = scene_event(s, n);

	if (e->rip == scene_gpa(s, label) && e->error == error)
		return KTAP_PASS;
	return ktap_fail("event %u, vector %#llx: at %#llx, not %#llx; error code %#llx", n,
			 (unsigned long long)e->vector, (unsigned long long)e->rip,
			 (unsigned long long)scene_gpa(s, label),
			 (unsigned long long)e->error);
}

/* --- NMI ------------------------------------------------------------------------- */

LABEL(nmi_after_a);
GUEST(nmi, SAY("a") "nmi_after_a: nop\n" SAY("b") END);

static int nmi_at_a(struct scene *s, char c)
{
	return c == 'a' ? nmi(s) : 0;
}

static int test_nmi(void)
{
	struct scene s;

	scene_open(&s, nmi);
	s.on = nmi_at_a;
	return scene_end(&s, "aNb") || event_is(&s, 0, nmi_after_a, 0);
}

/* The second comes while the handler of the first runs, and the third with it. */
static int nmi_in_handler(struct scene *s, char c)
{
	if (c == 'a')
		return nmi(s);
	if (c == 'N' && !s->number++)
		return nmi(s) || nmi(s) || nmi(s);
	return 0;
}

static int test_nmi_blocked(void)
{
	struct scene s;

	scene_open(&s, nmi);
	s.on = nmi_in_handler;
	/* One is remembered; and it waits for the IRET. */
	return scene_end(&s, "aNNb") || event_is(&s, 0, nmi_after_a, 0) ||
	       event_is(&s, 1, nmi_after_a, 0);
}

static int nmi_thrice(struct scene *s, char c)
{
	return c == 'a' ? nmi(s) || nmi(s) || nmi(s) : 0;
}

static int test_nmi_thrice(void)
{
	struct scene s;

	scene_open(&s, nmi);
	s.on = nmi_thrice;
	return scene_end(&s, "aNNb");
}

/*
 * IRET ends the blocking, then faults on the descriptor that it needs, and so
 * runs again: until it is through, NMIs must be blocked again.
 */
static int nmi_and_lost_mappings(struct scene *s, char c)
{
	if (c == 'a')
		return nmi(s);
	if (c == 'N' && !s->number++) {
		scene_lose_mappings(s);
		return nmi(s);
	}
	return 0;
}

static int test_nmi_iret_faults(void)
{
	struct scene s;

	scene_open(&s, nmi);
	s.on = nmi_and_lost_mappings;
	return scene_end(&s, "aNNb") || event_is(&s, 1, nmi_after_a, 0);
}

static int nmi_delivery_cut_short(struct scene *s, char c)
{
	if (c != 'a')
		return 0;
	scene_lose_mappings(s);
	return nmi(s);
}

static int test_nmi_requeued(void)
{
	struct scene s;

	scene_open(&s, nmi);
	s.on = nmi_delivery_cut_short;
	return scene_end(&s, "aNb") || event_is(&s, 0, nmi_after_a, 0);
}

/* As IF is clear all the while: NMIs do not care. */
LABEL(nmi_shadow_over);
GUEST(nmi_shadow, SAY("a") "inc %ebx\nnmi_shadow_over: inc %ebx\n" SAY("b") END);

static int nmi_in_shadow(struct scene *s, char c)
{
	struct kvm_vcpu_events e;

	if (c != 'a' || scene_settle(s))
		return c == 'a';
	scene_get_events(s, &e);
	e.flags = KVM_VCPUEVENT_VALID_SHADOW;
	e.interrupt.shadow = KVM_X86_SHADOW_INT_MOV_SS;
	scene_set_events(s, &e);
	return nmi(s);
}

static int test_nmi_shadow(void)
{
	struct scene s;

	scene_open(&s, nmi_shadow);
	s.on = nmi_in_shadow;
	return scene_end(&s, "aNb") || event_is(&s, 0, nmi_shadow_over, 0);
}

/* --- interrupts -------------------------------------------------------------------- */

LABEL(window_open);
GUEST(window,
	"xor %ebx, %ebx\n" SAY("a")
	"inc %ebx\nsti\ninc %ebx\nwindow_open: inc %ebx\n" SAY("b") END);

static int ask_for_window(struct scene *s, char c)
{
	if (c == 'a')
		s->vcpu.run->request_interrupt_window = 1;
	return 0;
}

/* IF goes on by STI: the window opens one instruction later. */
static int test_window(void)
{
	struct kvm_vcpu_events e;
	struct kvm_regs regs;
	struct scene s;
	int ret;

	scene_open(&s, window);
	s.on = ask_for_window;
	ret = scene_run(&s);
	if (ret != KVM_EXIT_IRQ_WINDOW_OPEN)
		return ktap_fail("ended with %d, '%s'", ret, s.said);
	scene_get_regs(&s, &regs);
	if (regs.rbx != 2 || regs.rip != scene_gpa(&s, window_open) ||
	    !s.vcpu.run->if_flag || !s.vcpu.run->ready_for_interrupt_injection) {
		scene_get_events(&s, &e);
		return ktap_fail("the window is open at %#llx, RBX %llu, IF %u, ready %u, shadow %u",
				 regs.rip, regs.rbx, s.vcpu.run->if_flag,
				 s.vcpu.run->ready_for_interrupt_injection, e.interrupt.shadow);
	}
	s.vcpu.run->request_interrupt_window = 0;
	if (kvmc_interrupt(&s.vcpu, SCENE_IRQ))
		return ktap_fail("KVM_INTERRUPT");
	return scene_end(&s, "aIb") || event_is(&s, 0, window_open, 0);
}

/* Ours keeps an interrupt that cannot be delivered yet; KVM wants to be asked first. */
static int interrupt_at_a(struct scene *s, char c)
{
	return c == 'a' ? kvmc_interrupt(&s->vcpu, SCENE_IRQ) : 0;
}

static int test_kept_interrupt(void)
{
	struct scene s;

	if (scene_is_peer())
		return ktap_skip("KVM injects at once");
	scene_open(&s, window);
	s.on = interrupt_at_a;
	return scene_end(&s, "aIb") || event_is(&s, 0, window_open, 0);
}

LABEL(ss_over);
GUEST(ss, "sti\nnop\n" SAY("a") "inc %ebx\nss_over: inc %ebx\n" SAY("b") END);

/* MOV SS holds interrupts off for one instruction, also when user space restores it. */
static int window_in_shadow(struct scene *s, char c)
{
	struct kvm_vcpu_events e;

	if (c != 'a' || scene_settle(s))
		return c == 'a';
	scene_get_events(s, &e);
	if (e.interrupt.shadow)
		return ktap_fail("a shadow without MOV SS");
	e.flags = KVM_VCPUEVENT_VALID_SHADOW;
	e.interrupt.shadow = KVM_X86_SHADOW_INT_MOV_SS;
	scene_set_events(s, &e);
	memset(&e, 0, sizeof(e));
	scene_get_events(s, &e);
	if (e.interrupt.shadow != KVM_X86_SHADOW_INT_MOV_SS)
		return ktap_fail("the shadow is %u", e.interrupt.shadow);
	s->vcpu.run->request_interrupt_window = 1;
	return 0;
}

static int test_mov_ss(void)
{
	struct kvm_regs regs;
	struct scene s;
	int ret;

	scene_open(&s, ss);
	s.on = window_in_shadow;
	ret = scene_run(&s);
	scene_get_regs(&s, &regs);
	if (ret != KVM_EXIT_IRQ_WINDOW_OPEN || regs.rip != scene_gpa(&s, ss_over))
		return ktap_fail("%d, at %#llx, '%s'", ret, regs.rip, s.said);
	s.vcpu.run->request_interrupt_window = 0;
	if (kvmc_interrupt(&s.vcpu, SCENE_IRQ))
		return ktap_fail("KVM_INTERRUPT");
	return scene_end(&s, "aIb") || event_is(&s, 0, ss_over, 0);
}

LABEL(irq_after_a);
GUEST(irq, "sti\nnop\n" SAY("a") "irq_after_a: nop\n" SAY("b") END);

static int irq_cut_short(struct scene *s, char c)
{
	if (c != 'a')
		return 0;
	scene_lose_mappings(s);
	return kvmc_interrupt(&s->vcpu, SCENE_IRQ);
}

static int test_irq_requeued(void)
{
	struct scene s;

	scene_open(&s, irq);
	s.on = irq_cut_short;
	return scene_end(&s, "aIb") || event_is(&s, 0, irq_after_a, 0);
}

/* An entry that is given up after the event was set must not lose or double it. */
static int irq_and_immediate_exit(struct scene *s, char c)
{
	int i;

	if (c != 'a')
		return 0;
	if (scene_settle(s) || kvmc_interrupt(&s->vcpu, SCENE_IRQ))
		return 1;
	for (i = 0; i < 3; i++)
		if (scene_settle(s))
			return 1;
	return 0;
}

static int test_entry_given_up(void)
{
	struct scene s;

	scene_open(&s, irq);
	s.on = irq_and_immediate_exit;
	return scene_end(&s, "aIb") || event_is(&s, 0, irq_after_a, 0);
}

/* --- exceptions whose delivery is cut short ------------------------------------------ */

static int lose_at_a(struct scene *s, char c)
{
	if (c == 'a')
		scene_lose_mappings(s);
	return 0;
}

LABEL(gp_here);
GUEST(gp, "mov $0xdead, %ecx\n" SAY("a") "gp_here: mov %cx, %fs\nnop\n" SAY("b") END);

static int test_gp_requeued(void)
{
	struct scene s;

	scene_open(&s, gp);
	scene_skip(&s, 2);
	s.on = lose_at_a;
	return scene_end(&s, "aGb") || event_is(&s, 0, gp_here, 0xdeac);
}

/* The error code of a #PF, and CR2, through delivery in pieces. */
LABEL(pf_here);
GUEST(pf, "mov $0x123456789a, %rcx\n" SAY("a") "pf_here: mov %al, (%rcx)\n" SAY("b") END);

static int test_pf_requeued(void)
{
	struct scene s;
	int ret;

	scene_open(&s, pf);
	scene_skip(&s, 2);
	s.on = lose_at_a;
	ret = scene_end(&s, "aPb") || event_is(&s, 0, pf_here, 2);
	if (!ret && scene_event(&s, 0)->cr2 != 0x123456789aull)
		ret = ktap_fail("CR2 is %#llx", (unsigned long long)scene_event(&s, 0)->cr2);
	return ret;
}

LABEL(ud_here);
GUEST(ud, SAY("a") "ud_here: ud2\n" SAY("b") END);

static int test_ud_requeued(void)
{
	struct scene s;

	scene_open(&s, ud);
	scene_skip(&s, 2);
	s.on = lose_at_a;
	return scene_end(&s, "aUb") || event_is(&s, 0, ud_here, 0);
}

/* Traps by instruction: what is pushed is behind them, by their length. */
LABEL(int3_over);
LABEL(intn_over);
LABEL(int1_over);
GUEST(int3, SAY("a") "int3\nint3_over: nop\n" SAY("b") END);
GUEST(intn, SAY("a") "int $0x50\nintn_over: nop\n" SAY("b") END);
GUEST(int1, SAY("a") ".byte 0xf1\nint1_over: nop\n" SAY("b") END);

static int test_int3_requeued(void)
{
	struct scene s;

	scene_open(&s, int3);
	s.on = lose_at_a;
	return scene_end(&s, "aBb") || event_is(&s, 0, int3_over, 0);
}

static int test_intn_requeued(void)
{
	struct scene s;

	scene_open(&s, intn);
	s.on = lose_at_a;
	return scene_end(&s, "aIb") || event_is(&s, 0, intn_over, 0);
}

static int test_int1_requeued(void)
{
	struct scene s;

	scene_open(&s, int1);
	s.on = lose_at_a;
	return scene_end(&s, "aDb") || event_is(&s, 0, int1_over, 0);
}

/* An IDT that is a device: no instruction is there to emulate. */
static int test_idt_is_device(void)
{
	struct kvm_sregs sregs;
	struct scene s;
	int ret;

	scene_open(&s, ud);
	SCENE_DO(&s, KVM_GET_SREGS, &sregs);
	sregs.idt.base = GUEST_MMIO_GPA;
	SCENE_DO(&s, KVM_SET_SREGS, &sregs);
	ret = scene_run(&s);
	/* KVM tries to emulate first, and says that it cannot. */
	if (ret != KVM_EXIT_INTERNAL_ERROR ||
	    s.vcpu.run->internal.suberror != (scene_is_peer() ? KVM_INTERNAL_ERROR_EMULATION :
					      KVM_INTERNAL_ERROR_DELIVERY_EV))
		return ktap_fail("ended with %d, suberror %u", ret,
				 s.vcpu.run->internal.suberror);
	return KTAP_PASS;
}

/* Faults while an exception is delivered: #GP in #GP is #DF, one more a shutdown. */
GUEST(shutdown, SAY("a") "ud2\n" SAY("b") END);

static int test_triple(void)
{
	struct kvm_sregs sregs;
	struct scene s;
	int ret;

	scene_open(&s, shutdown);
	SCENE_DO(&s, KVM_GET_SREGS, &sregs);
	sregs.idt.limit = 0;
	SCENE_DO(&s, KVM_SET_SREGS, &sregs);
	s.on = lose_at_a;
	ret = scene_run(&s);
	return ret == KVM_EXIT_SHUTDOWN ? KTAP_PASS : ktap_fail("ended with %d", ret);
}

/* --- KVM_GET / SET_VCPU_EVENTS ---------------------------------------------------------- */

/* An injected exception with its error code: kept, and delivered. */
static int inject_gp(struct scene *s, char c)
{
	struct kvm_vcpu_events e, f;

	if (c != 'a' || scene_settle(s))
		return c == 'a';
	scene_get_events(s, &e);
	if (e.exception.injected || e.interrupt.injected || e.nmi.injected || e.nmi.pending)
		return ktap_fail("events out of nothing");
	e.exception.injected = 1;
	e.exception.nr = 13;
	e.exception.has_error_code = 1;
	e.exception.error_code = 0x1230;
	scene_set_events(s, &e);
	scene_get_events(s, &f);
	if (!f.exception.injected || f.exception.nr != 13 || !f.exception.has_error_code ||
	    f.exception.error_code != 0x1230)
		return ktap_fail("the exception did not stay");
	return 0;
}

static int test_events_exception(void)
{
	struct scene s;

	scene_open(&s, nmi);
	s.on = inject_gp;
	return scene_end(&s, "aGb") || event_is(&s, 0, nmi_after_a, 0x1230);
}

/* In the handler of an NMI, with another one waiting: moved to a new machine. */
static int stop_in_nmi(struct scene *s, char c)
{
	if (c == 'a')
		return nmi(s);
	return c == 'N' ? nmi(s) || 99 : 0;
}

static int test_events_nmi(void)
{
	struct kvm_vcpu_events e;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct scene s, t;
	int ret;

	scene_open(&s, nmi);
	s.on = stop_in_nmi;
	ret = scene_run(&s);
	if (ret != 1 || strcmp(s.said, "aN"))
		return ktap_fail("%d, '%s'", ret, s.said);
	if (scene_settle(&s))
		return KTAP_FAIL;
	scene_get_events(&s, &e);
	if (!e.nmi.masked || e.nmi.pending != 1 || e.nmi.injected)
		return ktap_fail("masked %u pending %u injected %u", e.nmi.masked,
				 e.nmi.pending, e.nmi.injected);
	SCENE_DO(&s, KVM_GET_SREGS, &sregs);
	scene_get_regs(&s, &regs);

	scene_open(&t, nmi);
	memcpy(t.vm.mem, s.vm.mem, s.vm.mem_bytes);
	SCENE_DO(&t, KVM_SET_SREGS, &sregs);
	SCENE_DO(&t, KVM_SET_REGS, &regs);
	e.flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW;
	scene_set_events(&t, &e);
	return scene_end(&t, "Nb") || event_is(&t, 1, nmi_after_a, 0);
}

/* An interrupt that was queued and not delivered moves as well. */
static int stop_at_a(struct scene *s, char c)
{
	(void)s;
	return c == 'a' ? 98 : 0;
}

static int test_events_interrupt(void)
{
	struct kvm_vcpu_events e;
	struct kvm_sregs sregs;
	struct kvm_regs regs;
	struct scene s, t;

	scene_open(&s, irq);
	s.on = stop_at_a;
	if (scene_run(&s) != 98 || scene_settle(&s) || kvmc_interrupt(&s.vcpu, SCENE_IRQ))
		return ktap_fail("'%s'", s.said);
	scene_get_events(&s, &e);
	if (!e.interrupt.injected || e.interrupt.nr != SCENE_IRQ || e.interrupt.soft)
		return ktap_fail("injected %u nr %#x soft %u", e.interrupt.injected,
				 e.interrupt.nr, e.interrupt.soft);
	SCENE_DO(&s, KVM_GET_SREGS, &sregs);
	scene_get_regs(&s, &regs);

	scene_open(&t, irq);
	SCENE_DO(&t, KVM_SET_SREGS, &sregs);
	SCENE_DO(&t, KVM_SET_REGS, &regs);
	scene_set_events(&t, &e);
	return scene_end(&t, "Ib") || event_is(&t, 0, irq_after_a, 0);
}

static int test_events_refused(void)
{
	struct kvm_vcpu_events e, bad;
	struct scene s;

	scene_open(&s, nmi);
	scene_get_events(&s, &e);
	bad = e;
	bad.flags = 1u << 30;
	if (!ioctl(s.vcpu.fd, KVM_SET_VCPU_EVENTS, &bad) || errno != EINVAL)
		return ktap_fail("an unknown flag is taken");
	bad = e;
	bad.exception.injected = 1;
	bad.exception.nr = 2;
	if (!ioctl(s.vcpu.fd, KVM_SET_VCPU_EVENTS, &bad) || errno != EINVAL)
		return ktap_fail("an exception that is the NMI is taken");
	bad.exception.nr = 32;
	if (!ioctl(s.vcpu.fd, KVM_SET_VCPU_EVENTS, &bad) || errno != EINVAL)
		return ktap_fail("exception 32 is taken");
	return KTAP_PASS;
}

const struct ktap_test event_tests[] = {
	{ "NMI", test_nmi },
	{ "NMI waits for the IRET of the one in service, one is kept", test_nmi_blocked },
	{ "three NMIs at once are two", test_nmi_thrice },
	{ "NMIs stay blocked when the IRET faults", test_nmi_iret_faults },
	{ "NMI, delivery cut short by EPT violations", test_nmi_requeued },
	{ "NMI waits for the end of a MOV SS shadow", test_nmi_shadow },
	{ "interrupt window opens behind the STI shadow", test_window },
	{ "KVM_INTERRUPT with IF clear waits for the window", test_kept_interrupt },
	{ "interrupt window waits for the end of a MOV SS shadow", test_mov_ss },
	{ "interrupt, delivery cut short by EPT violations", test_irq_requeued },
	{ "interrupt, its entry given up thrice", test_entry_given_up },
	{ "#GP with error code, delivery cut short", test_gp_requeued },
	{ "#PF with error code and CR2, delivery cut short", test_pf_requeued },
	{ "#UD, delivery cut short", test_ud_requeued },
	{ "INT3, delivery cut short", test_int3_requeued },
	{ "INT n, delivery cut short", test_intn_requeued },
	{ "INT1, delivery cut short", test_int1_requeued },
	{ "exception through an IDT that is MMIO is an internal error", test_idt_is_device },
	{ "exception without a handler is a shutdown", test_triple },
	{ "events: injected exception stays and is delivered", test_events_exception },
	{ "events: NMI in service and one pending move to another VM", test_events_nmi },
	{ "events: queued interrupt moves to another VM", test_events_interrupt },
	{ "events: what is no state is refused", test_events_refused },
	{ }
};
