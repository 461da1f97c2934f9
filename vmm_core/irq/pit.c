// SPDX-License-Identifier: GPL-2.0
/*
 * The 8254: three counters, the first of which interrupts by GSI 0, and the
 * speaker's port, through which the third one is gated and read.
 *
 * Design: nothing counts. A counter is what it was loaded with and when; all else
 * follows from the time (pit_logic.h). Counter 0 has a host timer for its ticks,
 * each computed from the time of loading, so that they do not drift.
 *
 * Ticks that the guest has not acknowledged yet are kept, and delivered one by
 * one as it acknowledges (reinjection, the default): a guest that counts ticks
 * must not lose any. KVM_REINJECT_CONTROL turns it off for guests that do not.
 * An unmasked pin starts with none: those ticks had nobody to go to.
 *
 * Locking: pit->lock, interrupts off, outermost of the board's; it is not held
 * when an interrupt goes out. The timer's function takes it, so nobody waits
 * for the timer under it.
 *
 * Limits: gates are edges only, a low gate does not hold the count; counter 0's
 * gate is tied high, so modes 1 and 5 never start there; counters load at once,
 * not at the end of a period; ticks faster than MIN_PERIOD come in bunches.
 */
#include <linux/slab.h>
#include "board.h"
#include "pit_logic.h"

#define PORT			0x40
#define SPEAKER_PORT		0x61
#define MIN_PERIOD		(200 * NSEC_PER_USEC)
#define SHARE			4	/* and so many times as long as the last tick took */
#define MAX_PENDING		BIT(20)

/* Bytes of a count, as user space sees them in read_state, write_state, count_latched. */
enum { RW_LSB = 1, RW_MSB, RW_WORD0, RW_WORD1 };

#define MODE_NONE		0xff	/* not programmed since reset */

/**
 * struct vmm_pit - the 8254
 * @vm:      whose
 * @lock:    everything
 * @state:   counters and flags, as KVM_GET_PIT2 shows them
 * @timer:   the next tick of counter 0
 * @armed:   @timer is wanted
 * @ticks:   ticks since counter 0 was loaded
 * @reinject: keep ticks that are not acknowledged
 * @may_send: the last one sent has been acknowledged
 * @pending: ticks sent or kept, not acknowledged
 * @notifier: of GSI 0's acknowledgements
 * @io:      ports 40 to 43
 * @speaker: port 61
 */
struct vmm_pit {
	struct vmm_vm *vm;
	spinlock_t lock;
	struct kvm_pit_state2 state;
	struct hrtimer timer;
	bool armed;
	u64 ticks;
	bool reinject, may_send;
	unsigned int pending;
	struct vmm_ack_notifier notifier;
	struct vmm_iodev io, speaker;
};

/* --- counters -------------------------------------------------------------------- */

static u64 now(void)
{
	return ktime_to_ns(ktime_get());
}

static u64 elapsed(const struct kvm_pit_channel_state *c)
{
	u64 ns = now() - (u64)c->count_load_time;

	return pit_clocks((s64)ns < 0 ? 0 : ns);
}

static u16 count(const struct kvm_pit_channel_state *c)
{
	return pit_count(c->mode, c->bcd, c->count, elapsed(c));
}

static bool out(const struct kvm_pit_channel_state *c)
{
	return pit_out(c->mode, c->count, elapsed(c));
}

static void forget_ticks(struct vmm_pit *pit)
{
	pit->pending = 0;
	pit->may_send = true;
}

static bool periodic(const struct vmm_pit *pit)
{
	return pit->state.channels[0].mode == 2 || pit->state.channels[0].mode == 3;
}

/* When tick number pit->ticks + 1 is due, in ns; a periodic one not before @earliest. */
static u64 next_tick(const struct vmm_pit *pit, u64 earliest)
{
	const struct kvm_pit_channel_state *c = &pit->state.channels[0];
	u64 due = c->count_load_time + pit_ns((pit->ticks + 1) * c->count);

	return periodic(pit) ? max(due, earliest) : due;
}

static void disarm(struct vmm_pit *pit)
{
	/* If it is running, it finds out when it gets the lock. */
	pit->armed = false;
	hrtimer_try_to_cancel(&pit->timer);
}

static void arm(struct vmm_pit *pit)
{
	const struct kvm_pit_channel_state *c = &pit->state.channels[0];

	disarm(pit);
	forget_ticks(pit);
	/* With the HPET in its place, counter 0 has no way to interrupt. */
	if (pit->state.flags & KVM_PIT_FLAGS_HPET_LEGACY)
		return;
	if (!periodic(pit) && c->mode != 0 && c->mode != 4)
		return;
	pit->ticks = 0;
	pit->armed = true;
	hrtimer_start(&pit->timer, ns_to_ktime(next_tick(pit, c->count_load_time + MIN_PERIOD)),
		      HRTIMER_MODE_ABS);
}

static void load(struct vmm_pit *pit, unsigned int n, u32 val)
{
	struct kvm_pit_channel_state *c = &pit->state.channels[n];

	c->count = val;
	c->count_load_time = now();
	if (n == 0)
		arm(pit);
}

static void set_gate(struct vmm_pit *pit, unsigned int n, bool gate)
{
	struct kvm_pit_channel_state *c = &pit->state.channels[n];

	/* A rising edge starts these modes anew. */
	if (gate && !c->gate && (c->mode == 1 || c->mode == 2 || c->mode == 3 || c->mode == 5))
		c->count_load_time = now();
	c->gate = gate;
}

/* --- ticks ----------------------------------------------------------------------- */

static void pulse(struct vmm_pit *pit)
{
	vmm_set_irq(pit->vm, VMM_IRQ_SOURCE_PIT, 0, 1);
	vmm_set_irq(pit->vm, VMM_IRQ_SOURCE_PIT, 0, 0);
	vmm_apic_pit_nmi(pit->vm);
}

/* Account for the ticks that are due at @t. True: send one. */
static bool tick(struct vmm_pit *pit, u64 t)
{
	const struct kvm_pit_channel_state *c = &pit->state.channels[0];
	u64 n = 1;

	if (periodic(pit))
		n = div_u64(pit_clocks(t - c->count_load_time), c->count) - pit->ticks;
	if (!n)
		return false;
	pit->ticks += n;
	if (!pit->reinject)
		return true;
	pit->pending = min_t(u64, pit->pending + n, MAX_PENDING);
	if (!pit->may_send)
		return false;
	pit->may_send = false;
	return true;
}

/* Stopped, or started again, while the timer's function did something else? */
static bool still_armed(const struct vmm_pit *pit)
{
	return pit->armed && !hrtimer_is_queued((struct hrtimer *)&pit->timer);
}

static enum hrtimer_restart timer_fn(struct hrtimer *timer)
{
	struct vmm_pit *pit = container_of(timer, struct vmm_pit, timer);
	enum hrtimer_restart restart = HRTIMER_NORESTART;
	u64 start = now(), end;
	unsigned long flags;
	bool send = false;

	spin_lock_irqsave(&pit->lock, flags);
	if (still_armed(pit)) {
		send = tick(pit, start);
		pit->armed = periodic(pit);
	}
	spin_unlock_irqrestore(&pit->lock, flags);
	if (send)
		pulse(pit);

	spin_lock_irqsave(&pit->lock, flags);
	if (still_armed(pit)) {
		/* However long this takes here, most of the host's time is left to it. */
		end = now();
		end += max_t(u64, MIN_PERIOD, SHARE * (end - start));
		hrtimer_set_expires(timer, ns_to_ktime(next_tick(pit, end)));
		restart = HRTIMER_RESTART;
	}
	spin_unlock_irqrestore(&pit->lock, flags);
	return restart;
}

/* The guest has ended a tick: the next of those kept may go. */
static void acked(struct vmm_ack_notifier *n)
{
	struct vmm_pit *pit = container_of(n, struct vmm_pit, notifier);
	unsigned long flags;
	bool send = false;

	spin_lock_irqsave(&pit->lock, flags);
	pit->may_send = true;
	if (pit->pending && --pit->pending) {
		pit->may_send = false;
		send = true;
	}
	spin_unlock_irqrestore(&pit->lock, flags);
	if (send)
		pulse(pit);
}

static void unmasked(struct vmm_ack_notifier *n)
{
	struct vmm_pit *pit = container_of(n, struct vmm_pit, notifier);
	unsigned long flags;

	spin_lock_irqsave(&pit->lock, flags);
	forget_ticks(pit);
	spin_unlock_irqrestore(&pit->lock, flags);
}

/* --- ports ----------------------------------------------------------------------- */

static void latch_count(struct kvm_pit_channel_state *c)
{
	if (c->count_latched)
		return;
	c->latched_count = count(c);
	c->count_latched = c->rw_mode;
}

static void latch_status(struct kvm_pit_channel_state *c)
{
	if (c->status_latched)
		return;
	c->status = out(c) << 7 | (c->rw_mode & 3) << 4 | (c->mode & 7) << 1 | (c->bcd & 1);
	c->status_latched = 1;
}

/* Latch counts, statuses, or both, of several counters. */
static void read_back(struct vmm_pit *pit, u8 val)
{
	unsigned int n;

	for (n = 0; n < 3; n++) {
		struct kvm_pit_channel_state *c = &pit->state.channels[n];

		if (!(val & (2 << n)))
			continue;
		if (!(val & 0x20))
			latch_count(c);
		if (!(val & 0x10))
			latch_status(c);
	}
}

static void write_control(struct vmm_pit *pit, u8 val)
{
	unsigned int n = val >> 6, access = (val >> 4) & 3, mode = (val >> 1) & 7;
	struct kvm_pit_channel_state *c;

	if (n == 3) {
		read_back(pit, val);
		return;
	}
	c = &pit->state.channels[n];
	if (!access) {
		latch_count(c);
		return;
	}
	c->rw_mode = access;
	c->read_state = access;
	c->write_state = access;
	c->mode = mode > 5 ? mode - 4 : mode;
	c->bcd = val & 1;
	c->count_latched = 0;
	c->status_latched = 0;
	/* It waits for its count now. */
	if (n == 0)
		disarm(pit);
}

static void write_count(struct vmm_pit *pit, unsigned int n, u8 val)
{
	struct kvm_pit_channel_state *c = &pit->state.channels[n];

	switch (c->write_state) {
	case RW_MSB:
		load(pit, n, pit_from_guest(val << 8, c->bcd));
		break;
	case RW_WORD0:
		c->write_latch = val;
		c->write_state = RW_WORD1;
		break;
	case RW_WORD1:
		c->write_state = RW_WORD0;
		load(pit, n, pit_from_guest(c->write_latch | val << 8, c->bcd));
		break;
	default:
		load(pit, n, pit_from_guest(val, c->bcd));
	}
}

static u8 read_latched(struct kvm_pit_channel_state *c)
{
	u8 how = c->count_latched;

	c->count_latched = how == RW_WORD0 ? RW_MSB : 0;
	return how == RW_MSB ? c->latched_count >> 8 : c->latched_count;
}

static u8 read_count(struct kvm_pit_channel_state *c)
{
	if (c->status_latched) {
		c->status_latched = 0;
		return c->status;
	}
	if (c->count_latched)
		return read_latched(c);
	switch (c->read_state) {
	case RW_MSB:
		return count(c) >> 8;
	case RW_WORD0:
		c->read_state = RW_WORD1;
		return count(c);
	case RW_WORD1:
		c->read_state = RW_WORD0;
		return count(c) >> 8;
	default:
		return count(c);
	}
}

static int pit_write(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len,
		     const void *data)
{
	struct vmm_pit *pit = container_of(io, struct vmm_pit, io);
	unsigned int reg = addr - PORT;
	u8 val = *(const u8 *)data;
	unsigned long flags;

	spin_lock_irqsave(&pit->lock, flags);
	if (reg == 3)
		write_control(pit, val);
	else
		write_count(pit, reg, val);
	spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

static int pit_read(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len, void *data)
{
	struct vmm_pit *pit = container_of(io, struct vmm_pit, io);
	unsigned int reg = addr - PORT;
	unsigned long flags;
	u8 val = 0;		/* the control word cannot be read */

	spin_lock_irqsave(&pit->lock, flags);
	if (reg < 3)
		val = read_count(&pit->state.channels[reg]);
	spin_unlock_irqrestore(&pit->lock, flags);
	vmm_io_answer(data, len, val);
	return 0;
}

static const struct vmm_iodev_ops pit_ops = {
	.read = pit_read,
	.write = pit_write,
};

static int speaker_write(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len,
			 const void *data)
{
	struct vmm_pit *pit = container_of(io, struct vmm_pit, speaker);
	u8 val = *(const u8 *)data;
	unsigned long flags;

	if (addr != SPEAKER_PORT)
		return -EOPNOTSUPP;
	spin_lock_irqsave(&pit->lock, flags);
	pit->state.flags &= ~KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	if (val & 2)
		pit->state.flags |= KVM_PIT_FLAGS_SPEAKER_DATA_ON;
	set_gate(pit, 2, val & 1);
	spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

static int speaker_read(struct vmm_iodev *io, struct vmm_vcpu *vcpu, u64 addr, u32 len,
			void *data)
{
	struct vmm_pit *pit = container_of(io, struct vmm_pit, speaker);
	unsigned long flags;
	u8 val;

	if (addr != SPEAKER_PORT)
		return -EOPNOTSUPP;
	spin_lock_irqsave(&pit->lock, flags);
	val = !!pit->state.channels[2].gate;
	if (pit->state.flags & KVM_PIT_FLAGS_SPEAKER_DATA_ON)
		val |= 2;
	/* The refresh of the memory toggles each 15 us or so: 2^14 ns. */
	val |= (now() >> 14 & 1) << 4;
	val |= out(&pit->state.channels[2]) << 5;
	spin_unlock_irqrestore(&pit->lock, flags);
	vmm_io_answer(data, len, val);
	return 0;
}

static const struct vmm_iodev_ops speaker_ops = {
	.read = speaker_read,
	.write = speaker_write,
};

/* --- state and life ---------------------------------------------------------------- */

/** vmm_pit_get() - KVM_GET_PIT2; -ENXIO: there is none */
int vmm_pit_get(struct vmm_vm *vm, struct kvm_pit_state2 *state)
{
	struct vmm_pit *pit = vm->irq.pit;
	unsigned long flags;

	if (!pit)
		return -ENXIO;
	spin_lock_irqsave(&pit->lock, flags);
	*state = pit->state;
	spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

/**
 * vmm_pit_set() - KVM_SET_PIT2
 * @vm:    the VM
 * @state: counters, which start anew, and flags
 * @keep_flags: KVM_SET_PIT, whose state has none
 *
 * Context: process.
 * Return: 0 or -ENXIO: there is none.
 */
int vmm_pit_set(struct vmm_vm *vm, const struct kvm_pit_state2 *state, bool keep_flags)
{
	struct vmm_pit *pit = vm->irq.pit;
	unsigned long flags;
	unsigned int n;

	if (!pit)
		return -ENXIO;
	spin_lock_irqsave(&pit->lock, flags);
	memcpy(pit->state.channels, state->channels, sizeof(pit->state.channels));
	if (!keep_flags)
		pit->state.flags = state->flags & (KVM_PIT_FLAGS_HPET_LEGACY |
						   KVM_PIT_FLAGS_SPEAKER_DATA_ON);
	for (n = 0; n < 3; n++) {
		u32 val = pit->state.channels[n].count;

		load(pit, n, val && val <= 0x10000 ? val : 0x10000);
	}
	spin_unlock_irqrestore(&pit->lock, flags);
	return 0;
}

/* irq.lock held, as for all changes of notifiers. */
static void set_reinject(struct vmm_pit *pit, bool reinject)
{
	unsigned long flags;

	if (pit->reinject == reinject)
		return;
	if (reinject)
		vmm_ack_register(pit->vm, &pit->notifier);
	else
		vmm_ack_unregister(pit->vm, &pit->notifier);
	spin_lock_irqsave(&pit->lock, flags);
	pit->reinject = reinject;
	forget_ticks(pit);
	spin_unlock_irqrestore(&pit->lock, flags);
}

/** vmm_pit_set_reinject() - KVM_REINJECT_CONTROL; -ENXIO: there is no PIT */
int vmm_pit_set_reinject(struct vmm_vm *vm, bool reinject)
{
	struct vmm_pit *pit = vm->irq.pit;

	if (!pit)
		return -ENXIO;
	mutex_lock(&vm->irq.lock);
	set_reinject(pit, reinject);
	mutex_unlock(&vm->irq.lock);
	return 0;
}

static int add_ports(struct vmm_vm *vm, struct vmm_pit *pit, u32 flags)
{
	int r;

	pit->io.ops = &pit_ops;
	pit->io.addr = PORT;
	pit->io.len = 4;
	r = vmm_bus_register(vm, VMM_BUS_PIO, &pit->io);
	if (r || !(flags & KVM_PIT_SPEAKER_DUMMY))
		return r;
	pit->speaker.ops = &speaker_ops;
	pit->speaker.addr = SPEAKER_PORT;
	pit->speaker.len = 4;
	r = vmm_bus_register(vm, VMM_BUS_PIO, &pit->speaker);
	if (r)
		vmm_bus_unregister(vm, VMM_BUS_PIO, &pit->io);
	return r;
}

/**
 * vmm_pit_create() - KVM_CREATE_PIT2
 * @vm:    the VM; its lock is held
 * @flags: KVM_PIT_SPEAKER_DUMMY: port 61 is the kernel's, too
 *
 * Context: process.
 * Return: 0, -EEXIST, -ENOENT: no interrupt controllers, -ENOMEM, -ENOSPC.
 */
int vmm_pit_create(struct vmm_vm *vm, u32 flags)
{
	struct vmm_pit *pit;
	unsigned int n;
	int r;

	if (vm->irq.pit)
		return -EEXIST;
	if (vm->irq.mode != VMM_IRQCHIP_KERNEL)
		return -ENOENT;
	pit = kzalloc(sizeof(*pit), GFP_KERNEL_ACCOUNT);
	if (!pit)
		return -ENOMEM;
	pit->vm = vm;
	spin_lock_init(&pit->lock);
	hrtimer_init(&pit->timer, CLOCK_MONOTONIC, HRTIMER_MODE_ABS);
	pit->timer.function = timer_fn;
	pit->notifier.gsi = 0;
	pit->notifier.acked = acked;
	pit->notifier.unmasked = unmasked;
	pit->may_send = true;
	for (n = 0; n < 3; n++) {
		pit->state.channels[n].mode = MODE_NONE;
		pit->state.channels[n].gate = n != 2;
		load(pit, n, 0x10000);
	}
	mutex_lock(&vm->irq.lock);
	r = add_ports(vm, pit, flags);
	if (!r) {
		set_reinject(pit, true);
		WRITE_ONCE(vm->irq.pit, pit);
	}
	mutex_unlock(&vm->irq.lock);
	if (r)
		kfree(pit);
	return r;
}

/** vmm_pit_destroy() - the VM goes: no vCPU runs, its ports are gone; vm->irq.lock held */
void vmm_pit_destroy(struct vmm_vm *vm)
{
	struct vmm_pit *pit = vm->irq.pit;
	unsigned long flags;

	if (!pit)
		return;
	spin_lock_irqsave(&pit->lock, flags);
	disarm(pit);
	spin_unlock_irqrestore(&pit->lock, flags);
	hrtimer_cancel(&pit->timer);
	/* No vCPU is left to acknowledge anything. */
	if (pit->reinject)
		list_del(&pit->notifier.link);
	WRITE_ONCE(vm->irq.pit, NULL);
	kfree(pit);
}
