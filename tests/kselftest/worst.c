// SPDX-License-Identifier: GPL-2.0
/*
 * worst [-k] [-u MICROSECONDS] [-l LATE_MS] [-o ROUND] [SEED [ROUNDS [VCPUS]]]
 * worst [-u MICROSECONDS] [-l LATE_MS] -s STORM -t MS
 *	- a guest that does its worst
 *
 * Three parts, for each set of interrupt controllers in the kernel (none, all,
 * the local APICs alone), with 1, 2 and 4 vCPUs (or VCPUS): triple faults in
 * every mode; storms (worst_storm.c); and ROUNDS rounds of garbage, in each of
 * which all vCPUs run the same random code on the same tables, good or spoilt.
 *
 * What is asked of KVM_RUN: it comes back within LATE_MS of the timer that ends
 * it; with an errno or an exit that has a meaning; no guest, whatever it does,
 * makes the processor refuse its state (FAIL_ENTRY) or hits an exit that nobody
 * thought of: the state that the client sets is always a valid one. Exits are
 * answered by garbage, or not at all. -k: go on after such a thing; -o: only
 * that round, as seen in a report. -s: that storm alone, with one vCPU, for MS; its
 * number is one of those below the status that -s -1 gives.
 *
 * The same seed makes the same programs and states. When interrupts come, and
 * how several vCPUs meet, is the machine's affair.
 *
 * Status 0; 1 says what was wrong; 2 usage. That the host survives is for the
 * kernel's log to say, that others do not suffer for a guest beside this one.
 * Threads: one for each vCPU of the present VM; main() lays out memory between.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "worst.h"

#define GENERATION	24	/* rounds of a VM */
#define EXITS		48	/* of a vCPU in a round */
#define RESTARTS	6	/* after a dead end, in a round */
#define TICKS		2	/* of the timer, then a vCPU's round is over */
#define HUNG_S		60
#define NSEC		1000000000ull

enum part { TRIPLE, STORM_PART, GARBAGE };

static unsigned int late_ms = 1000, timer_us = 1500, storm_ms, storm_ticks = 2 * TICKS;
static unsigned long only_round = ~0ul;
static int dev, keep_going, peer;
static struct world world;
static unsigned long anomalies;
static uint64_t seed_number = 1;

/* What the round under way is; written while no vCPU runs. */
static enum part part;
static enum mode mode;
static unsigned long number;
static const struct storm *storm;

/* what came of it, over all */
static unsigned long exits[64], suberrors[8], interrupted, other_errnos, runs;
static uint64_t longest_ns;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begin = PTHREAD_COND_INITIALIZER, end = PTHREAD_COND_INITIALIZER;
static unsigned long round_at;		/* goes up by one for each */
static unsigned long opened_at;		/* where it was when the VM was made */
static unsigned int busy;		/* vCPUs that are not done with it */
static int quit;

static __thread volatile sig_atomic_t ticks;

uint64_t rnd(struct rnd *r)
{
	r->state ^= r->state << 13;
	r->state ^= r->state >> 7;
	r->state ^= r->state << 17;
	return r->state * 0x2545f4914f6cdd1dull;
}

uint32_t rnd_below(struct rnd *r, uint32_t n)
{
	return (rnd(r) >> 33) % n;
}

int once_in(struct rnd *r, uint32_t n)
{
	return !rnd_below(r, n);
}

/* Chance of one vCPU (or none: -1) in one round; no other round has a part in it. */
static struct rnd rnd_of(int id)
{
	struct rnd r = {
		.state = (1 + seed_number) * 0x94d049bb133111ebull +
			 number * 0x9e3779b97f4a7c15ull + id * 0xbf58476d1ce4e5b9ull,
	};
	unsigned int i;

	r.state = r.state ?: 1;
	for (i = 0; i < 4; i++)
		rnd(&r);
	return r;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC + t.tv_nsec;
}

static void on_alarm(int sig)
{
	(void)sig;
	ticks++;
}

/* --- reports ------------------------------------------------------------------------- */

static const char *doing(void)
{
	return part == STORM_PART ? storm->name : mode_names[mode];
}

static void wrong(const struct kvmc_vcpu *vcpu, const char *what, uint64_t value)
{
	static const char *const names[] = { "triple fault", "storm", "garbage" };

	pthread_mutex_lock(&lock);
	anomalies++;
	printf("%s, %u vCPUs, %s, %s, seed %llu round %lu, vCPU %d: %s (%#llx)\n",
	       board_names[world.board], world.nr, names[part], doing(),
	       (unsigned long long)seed_number, number,
	       vcpu ? vcpu->id : -1, what, (unsigned long long)value);
	pthread_mutex_unlock(&lock);
	if (!keep_going)
		_exit(1);
}

static void client_failed(const char *what, int r)
{
	printf("%s: %s: %s\n", board_names[world.board], what, strerror(-r));
	exit(1);
}

static void note(unsigned long *what)
{
	__atomic_add_fetch(what, 1, __ATOMIC_RELAXED);
}

/* --- a vCPU's part of a round ------------------------------------------------------------ */

static int is_errno_of_run(int e)
{
	return e == EINTR || e == EFAULT || e == EAGAIN;
}

/*
 * Exceptions that nobody asked for, exits without a handler: nothing that a guest
 * can do leads there. What cannot be emulated or delivered is as good an end as
 * any. (kvm_intel also gives up on an exception in the delivery of another one.)
 */
static void judge_internal_error(const struct kvmc_vcpu *vcpu)
{
	uint32_t sub = vcpu->run->internal.suberror;

	note(&suberrors[sub & 7]);
	if (sub != KVM_INTERNAL_ERROR_EMULATION && sub != KVM_INTERNAL_ERROR_DELIVERY_EV &&
	    !(peer && sub == KVM_INTERNAL_ERROR_SIMUL_EX))
		wrong(vcpu, "internal error", sub);
}

static void answer_io(struct kvm_run *run, struct rnd *r)
{
	uint64_t *data = (uint64_t *)((uint8_t *)run + run->io.data_offset);
	unsigned int i;

	if (run->io.direction == KVM_EXIT_IO_OUT)
		return;
	for (i = 0; i < (run->io.size * run->io.count + 7) / 8 && i < 512; i++)
		data[i] = rnd(r);
}

/* User space's part, done badly. 0: go on, 1: the guest has to be set up again. */
static int answer(struct kvmc_vcpu *vcpu, struct rnd *r)
{
	struct kvm_run *run = vcpu->run;
	uint64_t any = rnd(r);

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		answer_io(run, r);
		return once_in(r, 16);
	case KVM_EXIT_MMIO:
		memcpy(run->mmio.data, &any, sizeof(run->mmio.data));
		return once_in(r, 16);
	case KVM_EXIT_HLT:
		if (run->ready_for_interrupt_injection && run->if_flag)
			kvmc_interrupt(vcpu, any & 0xff);
		return !run->if_flag;
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		run->request_interrupt_window = 0;
		kvmc_interrupt(vcpu, any & 0xff);
		return 0;
	case KVM_EXIT_FAIL_ENTRY:
		wrong(vcpu, "the processor refuses the guest's state",
		      run->fail_entry.hardware_entry_failure_reason);
		return 1;
	case KVM_EXIT_INTERNAL_ERROR:
		judge_internal_error(vcpu);
		return 1;
	case KVM_EXIT_SHUTDOWN:
		return !once_in(r, 8);	/* run on after it, sometimes */
	case KVM_EXIT_X86_RDMSR:
	case KVM_EXIT_X86_WRMSR:
		run->msr.error = any & 1;
		run->msr.data = any;
		return 0;
	case KVM_EXIT_SET_TPR:
	case KVM_EXIT_IOAPIC_EOI:
		return 0;
	default:
		wrong(vcpu, "an exit without a meaning", run->exit_reason);
		return 1;
	}
}

/* KVM_RUN once. 0: go on, 1: a dead end, <0: signal. */
static int run_once(struct kvmc_vcpu *vcpu, struct rnd *r)
{
	uint64_t from = now_ns(), took;
	int ret;

	vcpu->run->exit_reason = ~0u;
	if (part == GARBAGE && world.board != IRQCHIP)
		vcpu->run->request_interrupt_window = once_in(r, 4);
	ret = ioctl(vcpu->fd, KVM_RUN, 0) ? errno : 0;
	took = now_ns() - from;
	note(&runs);
	if (took > __atomic_load_n(&longest_ns, __ATOMIC_RELAXED))
		__atomic_store_n(&longest_ns, took, __ATOMIC_RELAXED);
	if (took > late_ms * 1000000ull)
		wrong(vcpu, "KVM_RUN is late, us", took / 1000);
	if (!ret) {
		note(&exits[vcpu->run->exit_reason & 63]);
		return answer(vcpu, r);
	}
	if (!is_errno_of_run(ret))
		wrong(vcpu, "errno of KVM_RUN", ret);
	note(ret == EINTR ? &interrupted : &other_errnos);
	return ret == EINTR ? -1 : 1;
}

/* Random code and spoilt tables, as often as it takes. */
static void run_garbage(struct kvmc_vcpu *vcpu)
{
	unsigned int n = 0, restarts = 0;
	struct rnd r = rnd_of(vcpu->id);
	int ret = 1;

	while (ticks < TICKS && n++ < EXITS) {
		if (ret > 0) {
			if (restarts++ == RESTARTS)
				break;
			ret = world_start_wild(&world, vcpu->id, mode, &r);
			if (ret)
				client_failed("start", ret);
		}
		ret = run_once(vcpu, &r);
	}
	vcpu->run->request_interrupt_window = 0;
}

/* A storm goes on until the timer ends it; one that ends by itself is over. */
static void run_storm(struct kvmc_vcpu *vcpu)
{
	struct rnd r = rnd_of(vcpu->id);

	while (ticks < (int)storm_ticks) {
		if (run_once(vcpu, &r) <= 0)
			continue;
		if (vcpu->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
		    vcpu->run->exit_reason == KVM_EXIT_SHUTDOWN)
			break;
	}
}

/* The first exit that is not a signal's must be the shutdown. */
static void run_triple(struct kvmc_vcpu *vcpu)
{
	struct rnd r = rnd_of(vcpu->id);

	while (run_once(vcpu, &r) < 0 && ticks < 1000)
		;
	if (vcpu->run->exit_reason != KVM_EXIT_SHUTDOWN)
		wrong(vcpu, "no shutdown but", vcpu->run->exit_reason);
}

static void start_timer(timer_t *timer)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGALRM,
	};
	struct itimerspec t = {
		.it_interval.tv_nsec = timer_us * 1000,
		.it_value.tv_nsec = timer_us * 1000,
	};

	event._sigev_un._tid = syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, timer) || timer_settime(*timer, 0, &t, NULL))
		client_failed("timer", -errno);
}

static void *vcpu_thread(void *arg)
{
	static void (*const does[])(struct kvmc_vcpu *vcpu) = { run_triple, run_storm, run_garbage };
	struct kvmc_vcpu *vcpu = arg;
	unsigned long seen = opened_at;
	timer_t timer;

	start_timer(&timer);
	pthread_mutex_lock(&lock);
	for (;;) {
		while (round_at == seen && !quit)
			pthread_cond_wait(&begin, &lock);
		if (quit)
			break;
		seen = round_at;
		pthread_mutex_unlock(&lock);
		ticks = 0;
		does[part](vcpu);
		pthread_mutex_lock(&lock);
		if (!--busy)
			pthread_cond_signal(&end);
	}
	pthread_mutex_unlock(&lock);
	timer_delete(timer);
	return NULL;
}

/* --- rounds ------------------------------------------------------------------------------ */

static pthread_t threads[MAX_VCPUS];

static void open_world(enum board board, unsigned int nr)
{
	unsigned int i;
	int r = world_open(&world, dev, board, nr);

	if (r)
		client_failed("a new VM", r);
	quit = 0;
	opened_at = round_at;
	for (i = 0; i < nr; i++) {
		if (pthread_create(&threads[i], NULL, vcpu_thread, &world.vcpu[i]))
			client_failed("a thread", -EAGAIN);
	}
}

static void close_world(void)
{
	unsigned int i;

	pthread_mutex_lock(&lock);
	quit = 1;
	pthread_cond_broadcast(&begin);
	pthread_mutex_unlock(&lock);
	for (i = 0; i < world.nr; i++)
		pthread_join(threads[i], NULL);
	world_close(&world);
}

/* All vCPUs do their part. A vCPU that does not come back ends the program. */
static void do_round(void)
{
	struct timespec until;
	int ret = 0;

	pthread_mutex_lock(&lock);
	busy = world.nr;
	round_at++;
	pthread_cond_broadcast(&begin);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += HUNG_S;
	while (busy && !ret)
		ret = pthread_cond_timedwait(&end, &lock, &until);
	pthread_mutex_unlock(&lock);
	if (ret) {
		keep_going = 0;
		wrong(NULL, "vCPUs do not come back", busy);
	}
}

/* UD2 without an IDT, in each mode, in each ring that it has. */
static void triple_faults(void)
{
	const uint8_t ud2[] = { 0x0f, 0x0b };
	struct kvm_sregs sregs;
	unsigned int id;
	int ring, r;

	part = TRIPLE;
	number = 0;
	for (mode = REAL; mode < MODES; mode++) {
		for (ring = 0; ring <= 3; ring += 3) {
			if (mode == REAL && ring)
				continue;
			world_tables(&world);
			memcpy(world.vm.mem + W_CODE, ud2, sizeof(ud2));
			for (id = 0; id < world.nr; id++) {
				r = world_start(&world, id, mode, ring);
				if (!r && ioctl(world.vcpu[id].fd, KVM_GET_SREGS, &sregs))
					r = -errno;
				sregs.idt.limit = 0;
				if (!r && ioctl(world.vcpu[id].fd, KVM_SET_SREGS, &sregs))
					r = -errno;
				if (r)
					client_failed("start", r);
			}
			do_round();
		}
	}
}

/* In a VM of its own: each leaves APICs and lines in a state of its own. */
static void one_storm(enum board board, unsigned int nr, unsigned int i)
{
	int r;

	part = STORM_PART;
	mode = LONG64;
	number = i;
	storm = &storms[i];
	open_world(board, nr);
	r = world_start_storm(&world, storm);
	if (r)
		client_failed(storm->name, r);
	if (storm_ms)
		printf("%s\n", storm->name);	/* whoever measures it waits for that */
	do_round();
	close_world();
}

static void all_storms(enum board board, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr_storms; i++) {
		if (storms[i].boards >> board & 1)
			one_storm(board, nr, i);
	}
}

static void garbage(enum board board, unsigned int nr, unsigned long count)
{
	static const uint16_t handlers[MODES] = {
		W_HANDLER16, W_HANDLER32, W_HANDLER32, W_HANDLER32, W_HANDLER32,
		W_HANDLER64, W_HANDLER64,
	};
	unsigned long i, from = (nr * BOARDS + board) * 1000000ul;
	struct rnd r;
	int opened = 0;

	part = GARBAGE;
	for (i = 0; i < count; i++) {
		number = from + i;
		if (only_round != ~0ul && number != only_round)
			continue;
		if (opened && i % GENERATION == 0) {
			close_world();
			opened = 0;
		}
		if (!opened)
			open_world(board, nr);
		opened = 1;
		r = rnd_of(-1);
		mode = rnd_below(&r, MODES);
		world_tables(&world);
		world_gates(&world, mode, handlers[mode], once_in(&r, 4));
		code_fill(&r, world.vm.mem + W_CODE, W_CODE_BYTES, mode);
		code_fill(&r, world.rom + 0x2000, 0x1000, mode);
		world_spoil(&world, &r);
		do_round();
	}
	if (opened)
		close_world();
}

/* --- all of it --------------------------------------------------------------------------- */

static void report(void)
{
	static const char *const names[64] = {
		[KVM_EXIT_IO] = "io", [KVM_EXIT_MMIO] = "mmio", [KVM_EXIT_HLT] = "hlt",
		[KVM_EXIT_SHUTDOWN] = "shutdown", [KVM_EXIT_INTERNAL_ERROR] = "internal",
		[KVM_EXIT_FAIL_ENTRY] = "fail_entry", [KVM_EXIT_IRQ_WINDOW_OPEN] = "window",
		[KVM_EXIT_SET_TPR] = "tpr", [KVM_EXIT_IOAPIC_EOI] = "eoi",
	};
	unsigned int i;

	printf("runs=%lu interrupted=%lu errno=%lu", runs, interrupted, other_errnos);
	for (i = 0; i < 64; i++) {
		if (exits[i] && names[i])
			printf(" %s=%lu", names[i], exits[i]);
		else if (exits[i])
			printf(" exit%u=%lu", i, exits[i]);
	}
	printf(" (emulation=%lu delivery=%lu) longest_us=%llu wrong=%lu\n",
	       suberrors[KVM_INTERNAL_ERROR_EMULATION], suberrors[KVM_INTERNAL_ERROR_DELIVERY_EV],
	       (unsigned long long)longest_ns / 1000, anomalies);
}

/* What the command line asks for. */
static unsigned long rounds = 40;
static unsigned int vcpus;
static int storm_wanted = -2;

static int everything(void)
{
	static const unsigned int numbers[] = { 1, 2, 4 };
	enum board board;
	unsigned int i;

	for (board = 0; board < BOARDS; board++) {
		for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			if (vcpus && numbers[i] != vcpus)
				continue;
			if (only_round == ~0ul) {
				open_world(board, numbers[i]);
				triple_faults();
				close_world();
				/* one vCPU's storm against a witness: see -s */
				if (vcpus || numbers[i] > 1)
					all_storms(board, numbers[i]);
			}
			garbage(board, numbers[i], rounds);
		}
		printf("%s: ", board_names[board]);
		report();
	}
	if (only_round != ~0ul || rounds < 20)
		return !!anomalies;
	/* Garbage that reaches none of these is not what it should be. */
	return anomalies || !interrupted || !exits[KVM_EXIT_IO] || !exits[KVM_EXIT_MMIO] ||
	       !exits[KVM_EXIT_HLT] || !exits[KVM_EXIT_SHUTDOWN] ||
	       !suberrors[KVM_INTERNAL_ERROR_DELIVERY_EV];
}

static int usage(void)
{
	fprintf(stderr, "usage: worst [-k] [-u US] [-l LATE_MS] [-o ROUND] [SEED [ROUNDS [VCPUS]]]\n"
			"       worst [-u US] [-l LATE_MS] -s STORM -t MS\n");
	return 2;
}

static int parse(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "ku:l:o:s:t:")) != -1) {
		if (opt == 'k')
			keep_going = 1;
		else if (opt == 'u')
			timer_us = strtoul(optarg, NULL, 0);
		else if (opt == 'l')
			late_ms = strtoul(optarg, NULL, 0);
		else if (opt == 'o')
			only_round = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			storm_wanted = strtol(optarg, NULL, 0);
		else if (opt == 't')
			storm_ms = strtoul(optarg, NULL, 0);
		else
			return 1;
	}
	argc -= optind;
	argv += optind;
	if (argc > 0)
		seed_number = strtoul(argv[0], NULL, 0);
	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 0);
	if (argc > 2)
		vcpus = strtoul(argv[2], NULL, 0);
	return argc > 3 || vcpus > MAX_VCPUS || !timer_us || timer_us > 999999 || !late_ms ||
	       storm_wanted >= (int)nr_storms || (storm_wanted >= 0 && !storm_ms);
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_alarm };

	if (parse(argc, argv))
		return usage();
	if (storm_wanted == -1)
		return nr_storms;
	setvbuf(stdout, NULL, _IOLBF, 0);
	dev = kvmc_dev_open(NULL);
	if (dev < 0)
		client_failed("the device", dev);
	peer = !!strcmp(kvmc_dev_path(), "/dev/vmm");
	sigaction(SIGALRM, &act, NULL);
	if (storm_wanted < 0)
		return everything();
	storm_ticks = storm_ms * 1000 / timer_us;
	one_storm(IRQCHIP, 1, storm_wanted);
	report();
	return !!anomalies;
}
