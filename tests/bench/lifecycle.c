// SPDX-License-Identifier: GPL-2.0
/*
 * What is measured from the host's side: making and ending a machine, the
 * KVM_RUN call alone, and two vCPUs that take turns on one processor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>

#include "bench.h"

#define MAX_TURNS	200000u	/* of one thread in a row of measurements */

static int first_exit(struct kvmc_vcpu *vcpu)
{
	int ret = kvmc_vcpu_payload(vcpu);

	if (ret)
		return ret;
	vcpu->params->op = GOP_FIRST;
	for (;;) {
		ret = kvmc_run(vcpu);
		if (ret < 0)
			return ret;
		if (ret != KVM_EXIT_IO || vcpu->run->io.port == PORT_FAULT)
			return -EFAULT;
		if (vcpu->run->io.port == PORT_DONE)
			return 0;
	}
}

/* Time of making a VM up to its first exit, then of ending it. */
static int life(int dev, uint64_t *born, uint64_t *dead)
{
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu;
	uint64_t t0 = ticks();
	int ret;

	ret = kvmc_vm_create(&vm, dev, GUEST_LOW_BYTES, KVMC_MEM_SMALL);
	if (ret)
		return ret;
	ret = kvmc_vcpu_create(&vcpu, &vm, 0);
	if (ret) {
		kvmc_vm_destroy(&vm);
		return ret;
	}
	ret = first_exit(&vcpu);
	*born = ticks() - t0;
	t0 = ticks();
	kvmc_vcpu_destroy(&vcpu);
	kvmc_vm_destroy(&vm);
	*dead = ticks() - t0;
	return ret;
}

static int lives(const struct bench *b, int dev, struct samples *s, bool ends)
{
	uint64_t born, dead;
	unsigned int i;
	int ret = 0;

	for (i = 0; !ret && i < b->samples; i++) {
		ret = life(dev, &born, &dead);
		if (!ret)
			samples_add(s, ends ? dead : born);
	}
	return ret;
}

/**
 * bench_create() - from KVM_CREATE_VM to the guest's first instructions
 * @b: the row
 * @dev: the device
 * @s: takes the samples
 */
int bench_create(const struct bench *b, int dev, struct samples *s)
{
	return lives(b, dev, s, false);
}

/**
 * bench_destroy() - ending a VM that has run: unmap, close, free
 * @b: the row
 * @dev: the device
 * @s: takes the samples
 */
int bench_destroy(const struct bench *b, int dev, struct samples *s)
{
	return lives(b, dev, s, true);
}

/**
 * bench_null_run() - KVM_RUN that is told to come back before entry
 * @b: the row
 * @dev: the device
 * @s: takes the samples
 */
int bench_null_run(const struct bench *b, int dev, struct samples *s)
{
	struct kvmc_vm vm;
	struct kvmc_vcpu vcpu;
	uint64_t t0;
	unsigned int i;
	int ret;

	ret = kvmc_vm_create(&vm, dev, GUEST_LOW_BYTES, KVMC_MEM_SMALL);
	if (ret)
		return ret;
	ret = kvmc_vcpu_create(&vcpu, &vm, 0);
	if (ret)
		goto out_vm;
	ret = first_exit(&vcpu);
	vcpu.run->immediate_exit = 1;
	kvmc_run(&vcpu);
	for (i = 0; !ret && i < b->samples; i++) {
		t0 = ticks();
		ret = kvmc_run(&vcpu);
		samples_add(s, ticks() - t0);
		ret = ret == -EINTR ? 0 : -EPROTO;
	}
	kvmc_vcpu_destroy(&vcpu);
out_vm:
	kvmc_vm_destroy(&vm);
	return ret;
}

/* How a thread lets the other one go on. */
enum hand_over {
	BY_YIELD,	/* sched_yield() */
	BY_SEMAPHORE,	/* wake the other one, sleep until woken */
};

/**
 * struct turn - one of the two threads
 * @vcpu: what it runs, or NULL for none
 * @how: how it lets the other one go on
 * @s: takes the samples, or NULL
 * @wanted: samples to take
 * @count: turns it has had
 * @other: the other one
 * @mine: posted when it is its turn (BY_SEMAPHORE)
 * @gate: both start together
 * @done: one has ended: stop too
 * @ret: how it ended
 */
struct turn {
	struct kvmc_vcpu *vcpu;
	enum hand_over how;
	struct samples *s;
	unsigned int wanted;
	volatile unsigned int count;
	struct turn *other;
	sem_t mine;
	pthread_barrier_t *gate;
	volatile int *done;
	int ret;
};

static int one_turn(struct turn *t)
{
	int ret = 0;

	if (t->how == BY_SEMAPHORE)
		while (sem_wait(&t->mine) && errno == EINTR)
			;
	if (t->vcpu && !*t->done) {
		ret = kvmc_run(t->vcpu);
		if (ret == KVM_EXIT_HLT || (ret == KVM_EXIT_IO &&
		    t->vcpu->run->io.port == PORT_TEST))
			ret = 0;
		else
			ret = ret < 0 ? ret : -EFAULT;
	}
	t->count++;
	if (t->how == BY_SEMAPHORE)
		sem_post(&t->other->mine);
	else
		sched_yield();
	return ret;
}

/*
 * One sample each time the other thread has had a turn too: ticks per pair of
 * turns, one of each, since the last sample. So a device that lets one guest have
 * several turns in a row is not credited with switches that did not happen.
 */
static void *turns(void *arg)
{
	struct turn *t = arg;
	unsigned int mine = 0, theirs = 0, both;
	uint64_t t0, t1;

	pthread_barrier_wait(t->gate);
	t0 = ticks();
	while (!*t->done) {
		t->ret = one_turn(t);
		if (t->ret)
			break;
		if (!t->s || t->other->count == theirs)
			continue;
		t1 = ticks();
		both = t->count - mine + t->other->count - theirs;
		if (mine)
			samples_add(t->s, 2 * (t1 - t0) / both);
		mine = t->count;
		theirs = t->other->count;
		t0 = t1;
		if (t->s->seen >= t->wanted || t->count > MAX_TURNS)
			break;
	}
	*t->done = 1;
	sem_post(&t->other->mine);
	return NULL;
}

static int run_two(struct turn *x, struct turn *y)
{
	volatile int done = 0;
	pthread_barrier_t gate;
	pthread_t thread;
	int ret;

	x->other = y;
	y->other = x;
	x->gate = &gate;
	y->gate = &gate;
	x->done = &done;
	y->done = &done;
	sem_init(&x->mine, 0, 1);
	sem_init(&y->mine, 0, 0);
	pthread_barrier_init(&gate, NULL, 2);
	ret = -pthread_create(&thread, NULL, turns, y);
	if (!ret) {
		turns(x);
		pthread_join(thread, NULL);
		ret = x->ret ? x->ret : y->ret;
	}
	pthread_barrier_destroy(&gate);
	sem_destroy(&x->mine);
	sem_destroy(&y->mine);
	return ret;
}

static int pairs(const struct bench *b, struct kvmc_vcpu *vcpu,
		 struct kvmc_vcpu *other, struct samples *s)
{
	enum hand_over how = b->arg;
	struct turn x = { .vcpu = vcpu, .how = how, .s = s,
			  .wanted = b->samples };
	struct turn y = { .vcpu = other, .how = how };
	cpu_set_t before, one;
	int ret;

	if (sched_getaffinity(0, sizeof(before), &before))
		return -errno;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		return -errno;
	ret = run_two(&x, &y);
	sched_setaffinity(0, sizeof(before), &before);
	return ret;
}

/**
 * bench_switch() - two vCPU threads on one pCPU that take turns
 * @b: the row; @arg 0: PIO exit and sched_yield, 1: HLT exit and semaphore
 * @dev: the device
 * @s: takes the samples: ticks per pair of turns
 */
int bench_switch(const struct bench *b, int dev, struct samples *s)
{
	struct kvmc_vm vm[2];
	struct kvmc_vcpu vcpu[2];
	int i, made = 0, ret = 0;

	for (i = 0; i < 2; i++) {
		ret = kvmc_vm_create(&vm[i], dev, GUEST_LOW_BYTES,
				     KVMC_MEM_SMALL);
		if (ret)
			break;
		ret = kvmc_vcpu_create(&vcpu[i], &vm[i], 0);
		if (ret) {
			kvmc_vm_destroy(&vm[i]);
			break;
		}
		made++;
		ret = kvmc_vcpu_payload(&vcpu[i]);
		if (ret)
			break;
		vcpu[i].params->op = b->arg ? GOP_HLT_LOOP : GOP_PIO_LOOP;
	}
	if (!ret)
		ret = pairs(b, &vcpu[0], &vcpu[1], s);
	while (made--) {
		kvmc_vcpu_destroy(&vcpu[made]);
		kvmc_vm_destroy(&vm[made]);
	}
	return ret;
}

/**
 * bench_yield() - the same two threads without guests
 * @b: the row
 * @dev: not used
 * @s: takes the samples
 */
int bench_yield(const struct bench *b, int dev, struct samples *s)
{
	(void)dev;
	return pairs(b, NULL, NULL, s);
}
