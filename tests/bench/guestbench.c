// SPDX-License-Identifier: GPL-2.0
/*
 * guestbench - a Linux guest measures what its machine is like
 *
 *	guestbench [boot]	all, or the time from power-on to here only
 *	guestbench echo		in the host: send small packets back
 *
 * Prints lines "GUEST name ticks" in ticks of the time stamp counter, which runs at
 * the host's rate: the median of several, or the whole where that is said. The counter
 * starts with the vCPU, so that its first reading is the time from power-on. What the
 * guest's kernel does is the same on both sides; the rest is the hypervisor's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#define MAX_SAMPLES	400
#define PAGE		4096ul
#define MIB		(1ul << 20)
#define ECHO_PORT	7777

static uint64_t samples[MAX_SAMPLES];

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void say(const char *name, uint64_t ticks)
{
	printf("GUEST %s %llu\n", name, (unsigned long long)ticks);
	fflush(stdout);
}

static void say_median(const char *name, int n)
{
	qsort(samples, n, sizeof(samples[0]), by_size);
	say(name, samples[n / 2]);
}

static void say_error(const char *name, const char *why)
{
	printf("GUEST %s error %s: %s\n", name, why, strerror(errno));
	fflush(stdout);
}

static void use_cpu(int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* --- processes and memory --------------------------------------------------------- */

static void bench_fork_exec(char *self)
{
	int i, n = 30;

	for (i = 0; i < n; i++) {
		uint64_t start = __rdtsc();
		pid_t pid = vfork();

		if (!pid) {
			execl(self, self, "nothing", NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
		samples[i] = __rdtsc() - start;
	}
	say_median("fork_exec", n);
}

static uint64_t touch(size_t bytes)
{
	uint64_t start = __rdtsc(), at;
	char *mem = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		return 0;
	madvise(mem, bytes, MADV_NOHUGEPAGE);
	for (at = 0; at < bytes; at += PAGE)
		mem[at] = 1;
	munmap(mem, bytes);
	return __rdtsc() - start;
}

static void bench_memory(void)
{
	size_t big = 256 * MIB;
	uint64_t ticks = touch(big);
	int i;

	/* Most of it has never been touched before, by anybody in the guest. */
	if (ticks)
		say("first_touch_256m", ticks);
	else
		say_error("first_touch_256m", "mmap");
	for (i = 0; i < 5; i++)
		samples[i] = touch(16 * MIB) / (16 * MIB / PAGE);
	say_median("page_fault", 5);
}

/* --- time ----------------------------------------------------------------------------- */

static void bench_timer(void)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	int i, n = 100;

	for (i = 0; i < n; i++) {
		uint64_t start = __rdtsc();

		nanosleep(&pause, NULL);
		samples[i] = __rdtsc() - start;
	}
	say_median("sleep_200us", n);
}

/* --- processors ------------------------------------------------------------------------- */

static volatile int spinning, stop;

static void *spin(void *arg)
{
	(void)arg;
	use_cpu(1);
	spinning = 1;
	while (!stop)
		__builtin_ia32_pause();
	return NULL;
}

/* The other processor runs user code: an interrupt there, and the answer. */
static void bench_ipi(void)
{
	pthread_t thread;
	int i, n = 200;

	use_cpu(0);
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)) {
		say_error("ipi_busy", "membarrier");
		return;
	}
	pthread_create(&thread, NULL, spin, NULL);
	while (!spinning)
		sched_yield();
	for (i = 0; i < n; i++) {
		uint64_t start = __rdtsc();

		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
		samples[i] = __rdtsc() - start;
	}
	stop = 1;
	pthread_join(thread, NULL);
	say_median("ipi_busy", n);
}

static int ping[2], pong[2];

static void *answer(void *arg)
{
	char c;

	(void)arg;
	use_cpu(1);
	while (read(ping[0], &c, 1) == 1 && c != 'x' && write(pong[1], &c, 1) == 1)
		;
	return NULL;
}

/* Both processors halt in turn: there and back. */
static void bench_wake(void)
{
	pthread_t thread;
	int i, n = 100;
	char c = 'a';

	use_cpu(0);
	if (pipe(ping) || pipe(pong)) {
		say_error("ipi_halted", "pipe");
		return;
	}
	pthread_create(&thread, NULL, answer, NULL);
	for (i = 0; i < n; i++) {
		uint64_t start = __rdtsc();

		if (write(ping[1], &c, 1) != 1 || read(pong[0], &c, 1) != 1)
			break;
		samples[i] = __rdtsc() - start;
	}
	c = 'x';
	if (write(ping[1], &c, 1) == 1)
		pthread_join(thread, NULL);
	say_median("ipi_halted", i);
}

/* --- devices ------------------------------------------------------------------------------ */

static void bench_disk(void)
{
	int fd = open("/dev/vda", O_RDONLY | O_DIRECT), i, n = 100;
	char *page = aligned_alloc(PAGE, PAGE);

	if (fd < 0 || !page) {
		say_error("disk_read_4k", "/dev/vda");
		return;
	}
	for (i = 0; i < n; i++) {
		uint64_t start = __rdtsc();

		if (pread(fd, page, PAGE, i * PAGE) != (ssize_t)PAGE) {
			say_error("disk_read_4k", "read");
			return;
		}
		samples[i] = __rdtsc() - start;
	}
	say_median("disk_read_4k", n);
}

/* A small packet to the host and the echo of it. */
static void bench_net(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(ECHO_PORT) };
	struct timeval limit = { .tv_sec = 2 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0), i, n = 100;
	char data[64] = "packet";

	inet_pton(AF_INET, "192.168.7.1", &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	connect(fd, (struct sockaddr *)&to, sizeof(to));
	for (i = -5; i < n; i++) {	/* the first ones find the neighbour */
		uint64_t start = __rdtsc();

		if (send(fd, data, sizeof(data), 0) < 0 || recv(fd, data, sizeof(data), 0) < 0) {
			if (i < 0)
				continue;
			say_error("net_echo", "packet");
			return;
		}
		if (i >= 0)
			samples[i] = __rdtsc() - start;
	}
	say_median("net_echo", n);
}

/*
 * In the host: the other end of bench_net(), for ever. As a batch process, so that it
 * does not preempt vhost, which shares a CPU with it, when a packet wakes it: by the
 * two threads' virtual times that would happen in one run and not in the next.
 */
static int echo(void)
{
	struct sched_param param = { };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(ECHO_PORT) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	socklen_t len = sizeof(a);
	char data[2048];
	ssize_t n;

	if (sched_setscheduler(0, SCHED_BATCH, &param) || bind(fd, (struct sockaddr *)&a, len))
		return 1;
	for (;;) {
		len = sizeof(a);
		n = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&a, &len);
		if (n > 0)
			sendto(fd, data, n, 0, (struct sockaddr *)&a, len);
	}
}

int main(int argc, char **argv)
{
	uint64_t boot = __rdtsc();

	if (argc > 1 && !strcmp(argv[1], "nothing"))
		return 0;
	if (argc > 1 && !strcmp(argv[1], "echo"))
		return echo();
	say("boot", boot);
	if (argc > 1 && !strcmp(argv[1], "boot")) {
		pause();
		return 0;
	}
	use_cpu(0);
	bench_fork_exec(argv[0]);
	bench_memory();
	bench_timer();
	if (sysconf(_SC_NPROCESSORS_ONLN) > 1) {
		bench_ipi();
		bench_wake();
	}
	use_cpu(0);
	bench_disk();
	bench_net();
	say("end", __rdtsc());
	return 0;
}
