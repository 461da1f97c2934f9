// SPDX-License-Identifier: GPL-2.0
/*
 * calltest - hypercalls of our own, from a guest kernel's point of view
 *
 * Guests do what lists say (apic.h). KTAP, at the end "N passed, N failed, N
 * skipped"; lines that begin with "# ticks" are figures, in ticks of the guest's
 * time stamp counter. All threads stay on CPU 0, so that vCPUs wait for each other.
 * SLOW in the environment: how many times slower than its "test" this kernel is.
 */
#define _GNU_SOURCE
#include <asm/kvm_para.h>
#include <errno.h>
#include <linux/kvm_para.h>
#include <linux/vmm.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "apicbox.h"

#define BITS(list)	(sizeof(list) / sizeof((list)[0]))
#define NEG(err)	(~0ull - (err) + 1)

static unsigned int slow = 1;

static const struct kvm_cpuid_entry2 *leaf(const struct kvm_cpuid2 *c, uint32_t function)
{
	unsigned int i;

	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == function)
			return &c->entries[i];
	return NULL;
}

static struct kvm_cpuid2 *supported(struct box *b)
{
	struct kvm_cpuid2 *c = calloc(1, sizeof(*c) + 100 * sizeof(c->entries[0]));

	c->nent = 100;
	must(b->vm.dev, "KVM_GET_SUPPORTED_CPUID", KVM_GET_SUPPORTED_CPUID, c);
	return c;
}

static int test_named(void)
{
	const struct kvm_cpuid_entry2 *sig, *calls;
	struct box b;

	open_vm(&b, KERNEL);
	sig = leaf(supported(&b), VMM_CPUID_SIGNATURE);
	calls = leaf(supported(&b), VMM_CPUID_CALLS);
	if (!sig || !calls)
		return ktap_fail("no leaf");
	if (memcmp(&sig->ebx, "vmmvmmvmmvmm", 12) || sig->eax != VMM_CPUID_CALLS)
		return ktap_fail("signature %.12s, last leaf %#x", (const char *)&sig->ebx, sig->eax);
	if (calls->eax != (1u << VMM_HC_COUNT) - 1 || calls->ebx != 1)
		return ktap_fail("calls %#x, version %u", calls->eax, calls->ebx);
	return KTAP_PASS;
}

static int test_answers(void)
{
	static const struct {
		uint64_t nr, arg, want;
	} list[] = {
		{ VMM_HC_YIELD, 0, VMM_FB_NOBODY_WAITS },
		{ VMM_HC_YIELD_TO, 0, VMM_FB_ALREADY },
		{ VMM_HC_YIELD_TO, 1, VMM_FB_NOT_RUNNABLE },	/* there, but nobody runs it */
		{ VMM_HC_YIELD_TO, 77, NEG(KVM_EINVAL) },
		{ VMM_HC_YIELD_TO, ~0ull, NEG(KVM_EINVAL) },
		{ VMM_HC_CRITICAL, 1, VMM_FB_FORBIDDEN },
		{ VMM_HC_CRITICAL, 2, NEG(KVM_EINVAL) },
		{ VMM_HC_PRIORITY, 0, 0 },
		{ VMM_HC_SCHEDULER, 0, 0 },
		{ VMM_HC_BASE + VMM_HC_COUNT, 0, NEG(KVM_ENOSYS) },
		{ VMM_HC_BASE - 1, 0, NEG(KVM_ENOSYS) },
		{ VMM_HC_BASE + 0xff, 0, NEG(KVM_ENOSYS) },
	};
	struct apic_op *o[BITS(list)];
	unsigned int i;
	struct box b;

	open_box(&b, KERNEL, 2);
	for (i = 0; i < BITS(list); i++)
		o[i] = op(&b, 0, A_CALL, list[i].nr, list[i].arg);
	if (serve(&b, 0) != 1)
		return ktap_fail("it did not come to its end");
	for (i = 0; i < BITS(list); i++)
		if (o[i]->value != list[i].want)
			return ktap_fail("call %#llx of %#llx: %lld", o[i]->addr,
					 (unsigned long long)list[i].arg, o[i]->value);
	return KTAP_PASS;
}

static int test_priority(void)
{
	const unsigned long long *c;
	struct apic_op *o;
	struct box b;

	open_box(&b, KERNEL, 1);
	c = state(&b, 0)->call;
	o = op(&b, 0, A_CALL, VMM_HC_PRIORITY, 0);
	if (serve(&b, 0) != 1 || o->value)
		return ktap_fail("%lld", o->value);
	if (c[0] != 256 || c[1] || c[2] || c[3])
		return ktap_fail("weight %llu, cap %llu, boost %llu, flags %#llx", c[0], c[1], c[2],
				 c[3]);
	return KTAP_PASS;
}

static int test_scheduler(void)
{
	const char *want = getenv("VMM_SCHED");
	const unsigned long long *c;
	char name[17] = "";
	struct apic_op *o;
	struct box b;
	int i;

	open_box(&b, KERNEL, 1);
	c = state(&b, 0)->call;
	o = op(&b, 0, A_CALL, VMM_HC_SCHEDULER, 0);
	if (serve(&b, 0) != 1 || o->value)
		return ktap_fail("%lld", o->value);
	for (i = 0; i < 4; i++) {
		uint32_t word = c[i];

		if (c[i] >> 32)
			return ktap_fail("register %d has more than 32 bits: %#llx", i, c[i]);
		memcpy(name + 4 * i, &word, 4);
	}
	return strcmp(name, want ? want : "default") ? ktap_fail("'%s'", name) : KTAP_PASS;
}

/* A user space that wants only what CPUID names, and names none: none. */
static int test_enforced(void)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = { 1 } };
	struct kvm_cpuid2 *c;
	struct apic_op *o[2];
	unsigned int i;
	struct box b;

	open_box(&b, KERNEL, 1);
	c = supported(&b);
	for (i = 0; i < c->nent; i++)
		if (c->entries[i].function == VMM_CPUID_CALLS)
			c->entries[i].eax = 1u << (VMM_HC_PRIORITY - VMM_HC_BASE);
	must(b.vcpu[0].fd, "KVM_SET_CPUID2", KVM_SET_CPUID2, c);
	must(b.vcpu[0].fd, "KVM_ENABLE_CAP", KVM_ENABLE_CAP, &cap);
	o[0] = op(&b, 0, A_CALL, VMM_HC_PRIORITY, 0);
	o[1] = op(&b, 0, A_CALL, VMM_HC_SCHEDULER, 0);
	if (serve(&b, 0) != 1)
		return ktap_fail("it did not come to its end");
	if (o[0]->value || o[1]->value != NEG(KVM_ENOSYS))
		return ktap_fail("%lld and %lld", o[0]->value, o[1]->value);
	return KTAP_PASS;
}

/* Nothing comes: it goes on when the time is over, not before. */
static int test_wait_time(void)
{
	struct apic_op *begin, *end, *o;
	uint64_t took;
	struct box b;

	open_box(&b, KERNEL, 1);
	begin = op(&b, 0, A_TICKS, 0, 0);
	o = op(&b, 0, A_CALL, VMM_HC_WAIT, 20000000);
	end = op(&b, 0, A_TICKS, 0, 0);
	if (serve(&b, 0) != 1 || o->value != VMM_FB_TIME_OVER)
		return ktap_fail("%lld", o->value);
	took = end->value - begin->value;
	printf("# ticks: wait for 20 ms %llu\n", (unsigned long long)took);
	if (took < 20 * b.khz || took > 200 * b.khz)
		return ktap_fail("20 ms took %llu ticks", (unsigned long long)took);
	return KTAP_PASS;
}

/* An interrupt that is pending already, masked by the flag or not, ends it; so does one that comes. */
static int test_wait_interrupt(void)
{
	struct apic_op *o[3], *begin, *end;
	struct box b;
	int i;

	open_box(&b, KERNEL, 2);
	op(&b, 0, A_CLI, 0, 0);
	begin = op(&b, 0, A_TICKS, 0, 0);
	op(&b, 0, A_ICR, 0, 0x61 | TO_SELF | ASSERT);
	o[0] = op(&b, 0, A_CALL, VMM_HC_WAIT, 1000000000);
	op(&b, 0, A_STI, 0, 0);
	op(&b, 0, A_WAIT, 0x61, 1);
	op(&b, 0, A_STI, 0, 0);
	o[1] = op(&b, 0, A_CALL, VMM_HC_WAIT, 1000000000);
	op(&b, 0, A_WAIT, 0x62, 1);
	op(&b, 0, A_CLI, 0, 0);
	o[2] = op(&b, 0, A_CALL, VMM_HC_WAIT, 1000000000);
	op(&b, 0, A_STI, 0, 0);
	op(&b, 0, A_WAIT, 0x63, 1);
	end = op(&b, 0, A_TICKS, 0, 0);
	op(&b, 1, A_DELAY, 0, 5 * b.khz);
	op(&b, 1, A_ICR, 0, 0x62 | ASSERT);
	op(&b, 1, A_DELAY, 0, 5 * b.khz);
	op(&b, 1, A_ICR, 0, 0x63 | ASSERT);
	if (finish(&b, 2))
		return KTAP_FAIL;
	for (i = 0; i < 3; i++)
		if (o[i]->value != VMM_FB_DONE)
			return ktap_fail("wait %d: %lld", i, o[i]->value);
	if (end->value - begin->value > 900 * b.khz)
		return ktap_fail("%llu ticks", end->value - begin->value);
	return KTAP_PASS;
}

/* Two vCPUs on one CPU: what one gives the other gets. */
static int yield_to_after(unsigned int times)
{
	struct apic_op *o, *mine;
	struct box b;

	open_box(&b, KERNEL, 2);
	/* 1 comes when 0 has run for a while; it is queued when 0 is there */
	op(&b, 0, A_DELAY, 0, times * 25 * b.khz);
	o = op(&b, 0, A_CALL, VMM_HC_YIELD_TO, 1);
	mine = op(&b, 0, A_CALL, VMM_HC_YIELD, 0);
	op(&b, 1, A_DELAY, 0, times * 60 * b.khz);
	if (finish(&b, 2))
		return KTAP_FAIL;
	if (o->value != VMM_FB_DONE || mine->value != VMM_FB_DONE)
		return ktap_fail("%lld, then %lld", o->value, mine->value);
	return KTAP_PASS;
}

/* Where all is slow, when the other one comes, and whether it misses its turn, is the host's affair. */
static int test_yield_to(void)
{
	unsigned int times = slow;
	int ret;

	do {
		ret = yield_to_after(times);
		times *= 2;
	} while (ret == KTAP_FAIL && slow >= 4 && times <= 32 * slow);
	return ret;
}

static uint64_t counter(int fd, const char *name)
{
	struct kvm_stats_header h;
	struct kvm_stats_desc *d;
	uint64_t value = ~0ull;
	unsigned int i;
	char *desc;

	if (pread(fd, &h, sizeof(h), 0) != sizeof(h))
		die("no statistics");
	for (i = 0; i < h.num_desc; i++) {
		size_t size = sizeof(*d) + h.name_size;

		desc = calloc(1, size);
		if (pread(fd, desc, size, h.desc_offset + i * size) != (ssize_t)size)
			die("no descriptor");
		d = (void *)desc;
		if (!strcmp(d->name, name) &&
		    pread(fd, &value, 8, h.data_offset + d->offset) != 8)
			die("no value");
		free(desc);
	}
	return value;
}

#define ROUNDS	40
#define LOOPS	20000

/* The time that both take together, ticks. */
static uint64_t lock_test(enum lock_how how, uint64_t *tried, uint64_t *done)
{
	uint64_t from = ~0ull, to = 0;
	struct apic_op *begin[2], *end[2], *o;
	struct box b;
	int i, fd;

	open_box(&b, KERNEL, 2);
	for (i = 0; i < 2; i++) {
		begin[i] = op(&b, i, A_TICKS, 0, 0);
		o = op(&b, i, A_LOCK, how, ROUNDS);
		o->done = LOOPS;
		end[i] = op(&b, i, A_TICKS, 0, 0);
	}
	if (finish(&b, 2))
		_exit(KTAP_FAIL);
	*tried = 0;
	*done = 0;
	for (i = 0; i < 2; i++) {
		from = begin[i]->value < from ? begin[i]->value : from;
		to = end[i]->value > to ? end[i]->value : to;
		fd = ioctl(b.vcpu[i].fd, KVM_GET_STATS_FD, 0);
		if (fd < 0)
			die("KVM_GET_STATS_FD");
		*tried += counter(fd, "directed_yield_attempted");
		*done += counter(fd, "directed_yield_successful");
		close(fd);
	}
	return to - from;
}

/* A lock whose holder loses the CPU: who waits for it spins its turn away, or gives it back. */
static int test_lock_holder(void)
{
	static const char * const names[] = {
		"nothing but spins", "PAUSE", "YIELD", "YIELD_TO its holder", "KVM's SCHED_YIELD to it",
	};
	uint64_t ticks[5], tried[5], done[5];
	int i;

	for (i = 0; i < 5; i++) {
		ticks[i] = lock_test(i, &tried[i], &done[i]);
		printf("# ticks: lock, %d rounds each of two vCPUs on one CPU, %s: %llu (%llu of %llu directed yields)\n",
		       ROUNDS, names[i], (unsigned long long)ticks[i],
		       (unsigned long long)done[i], (unsigned long long)tried[i]);
	}
	for (i = LOCK_YIELD_TO; i <= LOCK_KVM; i++) {
		if (!done[i] || done[i] * 2 < tried[i])
			return ktap_fail("%s: %llu of %llu", names[i],
					 (unsigned long long)done[i], (unsigned long long)tried[i]);
		/* Where a change of vCPUs takes as long as a turn, there is nothing to be won. */
		if (slow < 4 && ticks[i] * 10 > ticks[LOCK_BARE] * 9)
			return ktap_fail("%s is no better than to spin", names[i]);
	}
	if (done[LOCK_BARE])
		return ktap_fail("nobody can have seen that it spins");
	return KTAP_PASS;
}

/* What each costs, round trip. */
static int test_cost(void)
{
	static const struct {
		const char *name;
		uint64_t nr, arg;
	} list[] = {
		{ "VAPIC_POLL_IRQ (KVM's, does nothing)", KVM_HC_VAPIC_POLL_IRQ, 0 },
		{ "YIELD, nobody waits", VMM_HC_YIELD, 0 },
		{ "YIELD_TO, itself", VMM_HC_YIELD_TO, 0 },
		{ "PRIORITY", VMM_HC_PRIORITY, 0 },
		{ "SCHEDULER", VMM_HC_SCHEDULER, 0 },
		{ "CRITICAL, forbidden", VMM_HC_CRITICAL, 1 },
		{ "unknown", VMM_HC_BASE + 0x80, 0 },
	};
	struct apic_op *o[BITS(list)];
	unsigned int i;
	struct box b;

	open_box(&b, KERNEL, 1);
	for (i = 0; i < BITS(list); i++) {
		o[i] = op(&b, 0, A_CALLS, list[i].nr, list[i].arg);
		o[i]->done = 500;
	}
	if (serve(&b, 0) != 1)
		return ktap_fail("it did not come to its end");
	for (i = 0; i < BITS(list); i++)
		printf("# ticks: %s %llu\n", list[i].name, o[i]->value / 500);
	return KTAP_PASS;
}

static const struct ktap_test tests[] = {
	{ "CPUID names the calls", test_named },
	{ "each call answers", test_answers },
	{ "a vCPU is told its priority", test_priority },
	{ "a vCPU is told the scheduler's name", test_scheduler },
	{ "what CPUID does not name is refused, if so wanted", test_enforced },
	{ "a wait ends when its time is over", test_wait_time },
	{ "a wait ends with an interrupt", test_wait_interrupt },
	{ "a turn is given to another vCPU", test_yield_to },
	{ "the holder of a lock gets the CPU", test_lock_holder },
	{ "what each costs", test_cost },
	{ }
};

static void nothing(int sig)
{
	(void)sig;
}

int main(int argc, char **argv)
{
	static const struct ktap_test *const lists[] = { tests, NULL };
	struct sigaction act = { .sa_handler = nothing };
	const char *times = getenv("SLOW");
	cpu_set_t cpu0;

	if (times && atoi(times) > 1)
		slow = atoi(times);
	CPU_ZERO(&cpu0);
	CPU_SET(0, &cpu0);
	sched_setaffinity(0, sizeof(cpu0), &cpu0);
	sigaction(SIGUSR1, &act, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	return ktap_main(lists, argc > 1 ? argv[1] : NULL);
}
