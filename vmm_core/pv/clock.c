// SPDX-License-Identifier: GPL-2.0
/*
 * The clock of a VM (kvmclock), its page in each vCPU's memory, the wall clock.
 *
 * Design: the clock is a straight line through the point where it was last set.
 * Where the host's TSC is good on all CPUs it is the axis, and the page of a
 * vCPU holds that point in the guest's own TSC: it changes only when the line
 * or the vCPU's TSC does, not when the vCPU moves. Otherwise the host's raw
 * monotonic clock is the axis, and a page is written again each time the vCPU
 * comes to another CPU.
 *
 * A guest may use any vCPU's page for all (its vDSO does) only where all their
 * TSCs are in step; that is what the "stable" flag says.
 *
 * Locking: clock->lock around the line; a leaf, process context. The pages
 * belong to the vCPUs' threads.
 *
 * Limits: a host TSC that starts again at 0 after a suspend takes the clock back
 * with it.
 */
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/timekeeping.h>
#include <linux/xarray.h>
#include <asm/msr.h>
#include <asm/pvclock.h>
#include <asm/tsc.h>
#include "vmx/vmx.h"

/* --- the line -------------------------------------------------------------------- */

/*
 * ns = ((ticks << shift) * mul) >> 32, with 2^31 <= mul < 2^32 for the most
 * precision: an error of less than a nanosecond in two seconds. khz is at most
 * some 10^7, so nothing overflows: at most 43 bits before the last shift.
 */
static void tick_length(u64 khz, s8 *shift, u32 *mul)
{
	u64 num = USEC_PER_SEC, den = khz;

	*shift = 0;
	while (num >= den) {
		den <<= 1;
		++*shift;
	}
	while (num << 1 < den) {
		num <<= 1;
		--*shift;
	}
	*mul = div64_u64(num << 32, den);
}

static u64 ticks_to_ns(u64 khz, u64 ticks)
{
	u32 mul;
	s8 shift;

	tick_length(khz, &shift, &mul);
	return pvclock_scale_delta(ticks, mul, shift);
}

/* @tsc and @raw: the same instant. */
static u64 at(const struct vmm_clock *c, u64 tsc, u64 raw)
{
	if (c->by_tsc)
		return c->base_ns + ticks_to_ns(tsc_khz, tsc - c->base_tsc);
	return c->base_ns + (raw - c->base_raw);
}

struct instant {
	u64 tsc, raw, real;
};

static struct instant now(void)
{
	struct instant i;
	unsigned long flags;

	local_irq_save(flags);
	i.tsc = rdtsc_ordered();
	i.raw = ktime_get_raw_ns();
	i.real = ktime_get_real_ns();
	local_irq_restore(flags);
	return i;
}

/* Every vCPU writes its page again. */
static void update_all(struct vmm_vm *vm)
{
	struct vmm_vcpu *vcpu;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&vm->vcpus, id, vcpu)
		if (READ_ONCE(vcpu->pv.time) & KVM_MSR_ENABLED)
			vmm_make_request(vcpu, VMM_REQ_CLOCK);
	rcu_read_unlock();
}

/** vmm_clock_init() - the clock of a new VM starts at 0 */
void vmm_clock_init(struct vmm_vm *vm)
{
	struct vmm_clock *c = &vm->clock;
	struct instant i = now();

	spin_lock_init(&c->lock);
	c->by_tsc = !check_tsc_unstable();
	c->matched = true;
	c->base_tsc = i.tsc;
	c->base_raw = i.raw;
}

/* The host found out meanwhile that its TSCs are not in step: go on by its clock. */
static void leave_tsc(struct vmm_clock *c)
{
	struct instant i = now();

	lockdep_assert_held(&c->lock);
	if (!c->by_tsc || likely(!check_tsc_unstable()))
		return;
	c->base_ns = at(c, i.tsc, i.raw);
	c->base_raw = i.raw;
	c->by_tsc = false;
}

/**
 * vmm_clock_get() - KVM_GET_CLOCK
 * @vm:   the VM
 * @data: filled: the clock, and the host's TSC and wall clock of the same instant
 *
 * Context: process.
 */
void vmm_clock_get(struct vmm_vm *vm, struct kvm_clock_data *data)
{
	struct vmm_clock *c = &vm->clock;
	struct instant i;

	memset(data, 0, sizeof(*data));
	spin_lock(&c->lock);
	leave_tsc(c);
	i = now();
	data->clock = at(c, i.tsc, i.raw);
	if (c->by_tsc && c->matched) {
		data->flags = KVM_CLOCK_TSC_STABLE | KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC;
		data->realtime = i.real;
		data->host_tsc = i.tsc;
	}
	spin_unlock(&c->lock);
}

/**
 * vmm_clock_set() - KVM_SET_CLOCK
 * @vm:   the VM
 * @data: the clock; with KVM_CLOCK_REALTIME as it was at a certain wall clock time:
 *        what has passed since then is added
 *
 * Context: process. The vCPUs learn of it at their next entry.
 */
void vmm_clock_set(struct vmm_vm *vm, const struct kvm_clock_data *data)
{
	struct vmm_clock *c = &vm->clock;
	struct instant i;

	spin_lock(&c->lock);
	leave_tsc(c);
	i = now();
	c->base_tsc = i.tsc;
	c->base_raw = i.raw;
	c->base_ns = data->clock;
	if ((data->flags & KVM_CLOCK_REALTIME) && i.real > data->realtime)
		c->base_ns += i.real - data->realtime;
	spin_unlock(&c->lock);
	update_all(vm);
}

/**
 * vmm_clock_tsc_moved() - a vCPU's TSC was set, by user space or by the guest
 * @vcpu: the vCPU, of the calling thread
 *
 * Its own page depends on it, and the flag in all pages on whether all agree.
 * Context: process.
 */
void vmm_clock_tsc_moved(struct vmm_vcpu *vcpu)
{
	struct vmm_vm *vm = vcpu->vm;
	u64 offset = READ_ONCE(vcpu->vmx->tsc_offset);
	struct vmm_vcpu *other;
	bool matched = true, changed;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&vm->vcpus, id, other)
		if (READ_ONCE(other->vmx->tsc_offset) != offset)
			matched = false;
	rcu_read_unlock();
	spin_lock(&vm->clock.lock);
	changed = vm->clock.matched != matched;
	vm->clock.matched = matched;
	spin_unlock(&vm->clock.lock);
	if (changed)
		update_all(vm);
	else if (vcpu->pv.time & KVM_MSR_ENABLED)
		set_bit(VMM_REQ_CLOCK, &vcpu->requests);
}

/* --- the pages -------------------------------------------------------------------- */

/* The guest's readers try again while the version is odd, and when it has changed. */
static int write_page(struct vmm_vm *vm, gpa_t gpa, struct pvclock_vcpu_time_info *page,
		      bool stopped)
{
	struct pvclock_vcpu_time_info old;

	if (vmm_read_guest(vm, gpa, &old, sizeof(old)))
		return -EFAULT;
	page->version = (old.version | 1) + (old.version & 1 ? 2 : 0);
	/* The guest clears this flag itself when it has taken notice. */
	page->flags |= old.flags & PVCLOCK_GUEST_STOPPED;
	if (stopped)
		page->flags |= PVCLOCK_GUEST_STOPPED;
	if (vmm_write_guest(vm, gpa, &page->version, sizeof(page->version)))
		return -EFAULT;
	smp_wmb();	/* the guest sees the odd version before what changes */
	if (vmm_write_guest(vm, gpa, page, sizeof(*page)))
		return -EFAULT;
	smp_wmb();	/* ... and the even one after it */
	page->version++;
	return vmm_write_guest(vm, gpa, &page->version, sizeof(page->version));
}

/**
 * vmm_clock_update() - bring a vCPU's clock page up to date
 * @vcpu: the vCPU, of the calling thread
 *
 * A page that is not there any more is the guest's own fault; it is not tried
 * again before the next change.
 * Context: process, may sleep.
 */
void vmm_clock_update(struct vmm_vcpu *vcpu)
{
	struct vmm_clock *c = &vcpu->vm->clock;
	struct pvclock_vcpu_time_info page = {};
	u64 time = vcpu->pv.time;
	struct instant i;
	u64 tsc;

	if (!(time & KVM_MSR_ENABLED))
		return;
	spin_lock(&c->lock);
	leave_tsc(c);
	if (c->by_tsc) {
		tsc = c->base_tsc;
		page.system_time = c->base_ns;
		if (c->matched)
			page.flags = PVCLOCK_TSC_STABLE_BIT;
	} else {
		i = now();
		tsc = i.tsc;
		page.system_time = at(c, i.tsc, i.raw);
	}
	spin_unlock(&c->lock);
	page.tsc_timestamp = vmm_guest_tsc(vcpu, tsc);
	tick_length(vcpu->tsc_khz, &page.tsc_shift, &page.tsc_to_system_mul);
	write_page(vcpu->vm, time & ~(u64)KVM_MSR_ENABLED, &page, vcpu->pv.stopped);
	vcpu->pv.stopped = false;
}

/**
 * vmm_clock_write_wall() - tell the guest what time it was when its clock was 0
 * @vm:  the VM
 * @gpa: where to
 *
 * Context: process, may sleep.
 */
void vmm_clock_write_wall(struct vmm_vm *vm, u64 gpa)
{
	struct pvclock_wall_clock wall;
	struct vmm_clock *c = &vm->clock;
	struct instant i;
	u64 start;
	u32 nsec;

	if (!gpa || vmm_read_guest(vm, gpa, &wall, sizeof(wall)))
		return;
	spin_lock(&c->lock);
	i = now();
	start = i.real - at(c, i.tsc, i.raw);
	spin_unlock(&c->lock);
	wall.version = (wall.version | 1) + (wall.version & 1 ? 2 : 0);
	wall.sec = div_u64_rem(start, NSEC_PER_SEC, &nsec);
	wall.nsec = nsec;
	if (vmm_write_guest(vm, gpa, &wall.version, sizeof(wall.version)))
		return;
	smp_wmb();	/* as in write_page() */
	if (vmm_write_guest(vm, gpa, &wall, sizeof(wall)))
		return;
	smp_wmb();	/* as in write_page() */
	wall.version++;
	vmm_write_guest(vm, gpa, &wall.version, sizeof(wall.version));
}
