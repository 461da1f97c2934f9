// SPDX-License-Identifier: GPL-2.0
/*
 * Permissions that a running guest loses: what the host takes away is gone when
 * the system call returns, not some time later. (INVEPT, and vCPUs brought out.)
 * And the dirty log, of what is written on a guest's behalf.
 *
 * Threads: one runs the vCPU, the main one does the rest; they share volatiles.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "scene.h"

#define PAGE		4096ul
#define TARGET		0x300000ul	/* the page that is taken away */
#define ROUNDS		20

/* Counts in its own page all the while, and in the one that matters. */
GUEST(writer, "1: incq 0x300000\nincq 0x38000\njmp 1b\n");

/* A byte from a device that is memory, a string from one that is a port. */
GUEST(fetcher, "mov $0xd0000000, %esi\nmov $0x300000, %edi\nmovsb\n"
	       "mov $0x302ffe, %edi\nmov $4, %ecx\nmov $0xe8, %dx\nrep insb\n" SAY("a") END);

static struct scene scene;
static volatile uint64_t *target, *progress;
static volatile int stop, faults, wait_here, ended;
static pthread_t runner;

static void nothing(int sig)
{
	(void)sig;
}

static void *run_vcpu(void *arg)
{
	int ret;

	while (!stop) {
		ret = kvmc_run(&scene.vcpu);
		if (ret == -EFAULT) {
			faults++;
			while (wait_here && !stop)
				usleep(200);
		} else if (ret != -EINTR) {
			ended = ret;
			break;
		}
	}
	return arg;
}

static void start(void)
{
	struct sigaction act = { .sa_handler = nothing };

	sigaction(SIGUSR1, &act, NULL);
	scene_open(&scene, writer);
	target = (uint64_t *)(scene.vm.mem + TARGET);
	progress = (uint64_t *)(scene.vm.mem + SCENE_DATA);
	if (pthread_create(&runner, NULL, run_vcpu, NULL))
		exit(ktap_fail("no thread"));
}

static int finish(void)
{
	stop = 1;
	scene.vcpu.run->immediate_exit = 1;
	pthread_kill(runner, SIGUSR1);
	pthread_join(runner, NULL);
	return ended ? ktap_fail("the guest ended with %d", ended) : KTAP_PASS;
}

/* Until the word has changed by more than @by; 0, or it does not. */
static int changes(volatile uint64_t *word, uint64_t by)
{
	uint64_t before = *word;
	int i;

	for (i = 0; i < 5000; i++) {
		if (*word - before > by)
			return 0;
		usleep(500);
	}
	return ktap_fail("the guest does not go on: at %llu",
			 (unsigned long long)before);
}

/* The child's copy must stand still from the moment that fork() returns. */
static int test_fork(void)
{
	uint64_t before;
	int i, j, status;
	pid_t pid;

	start();
	for (i = 0; i < ROUNDS; i++) {
		if (changes(target, 100))
			return KTAP_FAIL;
		pid = fork();
		if (!pid) {
			before = *target;
			for (j = 0; j < 20000; j++)
				if (*target != before)
					_exit(1);
			_exit(0);
		}
		if (changes(target, 100))
			return KTAP_FAIL;
		if (waitpid(pid, &status, 0) != pid || status)
			return ktap_fail("round %d: the guest writes to the child's memory", i);
	}
	return finish();
}

/* Another page in its place: the old one must stand still. */
static int test_replace(void)
{
	int fd = memfd_create("page", 0), i;
	volatile uint64_t *alias;
	uint64_t before;

	start();
	if (fd < 0 || ftruncate(fd, PAGE))
		return ktap_fail("memfd: %s", strerror(errno));
	alias = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	for (i = 0; i < ROUNDS; i++) {
		if (mmap((void *)target, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			 0) == MAP_FAILED || changes(alias, 100))
			return ktap_fail("memfd page: %s", strerror(errno));
		if (mmap((void *)target, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
			return ktap_fail("mmap: %s", strerror(errno));
		before = *alias;
		if (changes(target, 100) || changes(progress, 1000))
			return KTAP_FAIL;
		if (*alias != before)
			return ktap_fail("round %d: the guest writes to a page it has no more", i);
	}
	return finish();
}

/* Write permission goes: KVM_RUN says EFAULT, and nothing is written any more. */
static int protect(int prot)
{
	uint64_t before, after;
	int i, j, n;

	start();
	for (i = 0; i < ROUNDS; i++) {
		if (changes(target, 100))
			return KTAP_FAIL;
		n = faults;
		wait_here = 1;
		if (mprotect((void *)target, PAGE, prot))
			return ktap_fail("mprotect: %s", strerror(errno));
		before = prot == PROT_NONE ? 0 : *target;
		for (j = 0; faults == n; j++) {
			if (j > 5000)
				return ktap_fail("round %d: no EFAULT", i);
			usleep(500);
		}
		after = prot == PROT_NONE ? 0 : *target;
		if (before != after)
			return ktap_fail("round %d: written after mprotect()", i);
		if (mprotect((void *)target, PAGE, PROT_READ | PROT_WRITE))
			return ktap_fail("mprotect: %s", strerror(errno));
		wait_here = 0;
	}
	return finish();
}

static int test_protect_read(void)
{
	return protect(PROT_READ);
}

static int test_protect_none(void)
{
	return protect(PROT_NONE);
}

/* Discarded: the guest starts from zero again. */
static int test_discard(void)
{
	uint64_t before;
	int i;

	start();
	for (i = 0; i < ROUNDS; i++) {
		if (changes(target, 5000))
			return KTAP_FAIL;
		before = *target;
		if (madvise((void *)target, PAGE, MADV_DONTNEED))
			return ktap_fail("madvise: %s", strerror(errno));
		if (*target >= before && *target > 5000)
			return ktap_fail("round %d: the guest goes on in the old page", i);
	}
	return finish();
}

static int log_says(uint64_t *bits, size_t words)
{
	struct kvm_dirty_log log = { .dirty_bitmap = bits };

	memset(bits, 0, words * sizeof(*bits));
	if (ioctl(scene.vm.fd, KVM_GET_DIRTY_LOG, &log))
		return ktap_fail("KVM_GET_DIRTY_LOG: %s", strerror(errno));
	return KTAP_PASS;
}

/* Until the guest ends; the port that is a device gives zeros. */
static int fetch(void)
{
	struct kvm_run *run = scene.vcpu.run;
	int r;

	do
		r = scene_run(&scene);
	while (r == KVM_EXIT_IO && run->io.direction == KVM_EXIT_IO_IN);
	return r || strcmp(scene.said, "a") ? ktap_fail("ended with %d", r) : KTAP_PASS;
}

/* The log is switched on before anything is mapped, so no fault of the guest's own notes it. */
static int test_core_writes(void)
{
	static uint64_t bits[64];
	const unsigned long page = TARGET / PAGE;
	int r;

	scene_open(&scene, fetcher);
	if (scene.vm.mem_bytes / PAGE > 64 * 64 ||
	    kvmc_slot_set(&scene.vm, 0, 0, scene.vm.mem, scene.vm.mem_bytes,
			  KVM_MEM_LOG_DIRTY_PAGES))
		return ktap_fail("no dirty log");
	r = log_says(bits, 64);
	if (r)
		return r;
	r = fetch();
	if (r)
		return r;
	if (scene.vm.mem[TARGET] != 0x5a)
		return ktap_fail("no byte from the device");
	r = log_says(bits, 64);
	if (r)
		return r;
	if ((bits[page / 64] >> page % 64 & 0xf) != 0xd)
		return ktap_fail("of four pages these are noted: %#x",
				 (unsigned int)(bits[page / 64] >> page % 64 & 0xf));
	r = log_says(bits, 64);
	return r ? r : bits[page / 64] ? ktap_fail("they are noted twice") : KTAP_PASS;
}

const struct ktap_test memory_tests[] = {
	{ "dirty log: what is written for the guest by MOVS and INS", test_core_writes },
	{ "running guest: fork() gives the child a copy that stands still", test_fork },
	{ "running guest: a page replaced by another is written no more", test_replace },
	{ "running guest: mprotect(PROT_READ) ends its writes with EFAULT", test_protect_read },
	{ "running guest: mprotect(PROT_NONE) ends its writes with EFAULT", test_protect_none },
	{ "running guest: MADV_DONTNEED", test_discard },
	{ }
};
