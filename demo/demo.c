// SPDX-License-Identifier: GPL-2.0
/*
 * demo - guests run, their scheduler is changed under them
 *
 * Runs inside a machine with VMX: loads the modules, starts guests, and tells a story:
 * round robin; BVT, with warp; credit, with a cap; a scheduler that goes wrong and is thrown
 * out; the active one unloaded. The first change is recorded, as a picture. For each phase a table says what
 * every guest should get (weighted max-min, at most one pCPU per vCPU) and what
 * it got; for each change of scheduler, what it cost.
 *
 * Ends with status 1 when a guest's output is wrong or late, a guest is lost, a
 * busy guest's share is off by more than four points of a CPU, the sleeper does not wake sooner with
 * warp, the bad scheduler stays or the wrong one follows, or a swap forced a guest
 * out; 0 when all went well; 2 for wrong usage.
 *
 * Time on a pCPU is the kernel's count; the guests' own progress must agree with
 * it.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

#define POINTS_ALLOWED	4.0	/* per cent of a pCPU; credit pays in periods of 30 ms */
#define CAP_POINTS	2.0
#define PROGRESS_SLACK	3.0	/* points; lines are counted whole */
#define STEAL_SLACK	0.20	/* of the time waited */
#define STEAL_SLACK_S	0.40	/* a line of the guest's, at its share */
#define USED_AT_LEAST	0.60	/* of the pCPUs that the busy guests may use */
#define SETTLE_US	300000
#define READY_SECONDS	400	/* Debian's kernel takes its time */
#define SWAPS_MAX	8
#define BASE_WEIGHT	256	/* what every VM starts with */
#define SETTLE_SECONDS	2
#define CAP		20	/* per cent of one pCPU, for beta under credit */
#define WARP_GAIN	3	/* so many times sooner the sleeper wakes with warp, at least */

/**
 * struct demo - the whole run
 * @guests: the guests
 * @count: how many
 * @pcpus: pCPUs of the machine
 * @seconds: length of a phase
 * @swaps: the changes so far
 * @swap_count: how many
 * @problems: what went wrong so far
 * @linux_dir: folder with what Linux guests need; NULL: none of those
 * @stock: Debian's kernel in them
 * @elapsed: length of the last phase as it was, s
 */
struct demo {
	struct guest guests[GUESTS_MAX];
	int count;
	int pcpus;
	double seconds;
	struct swap swaps[SWAPS_MAX];
	int swap_count;
	int problems;
	const char *linux_dir;
	int stock;
	double elapsed;
};

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

static int is_busy(const struct guest *g)
{
	return g->kind != GUEST_SLEEPER;
}

static void problem(struct demo *d, const char *who, const char *what)
{
	printf("  PROBLEM: %s%s%s\n", who, *who ? ": " : "", what);
	d->problems++;
}

static int snapshot(struct demo *d)
{
	int ret = ctl_counters(d->guests, d->count);

	return guests_progress(d->guests, d->count) || ret ? -1 : 0;
}

static double ran(const struct guest *g)
{
	return (g->now.run_ns - g->old.run_ns) / 1e9;
}

/* A busy guest that no cap holds back: it takes what there is. */
static int takes_all(const struct guest *g)
{
	return is_busy(g) && !g->cap;
}

/*
 * What each should have got, in seconds: the max-min shares of the pCPUs. Those who take all
 * they get share what is left of their pCPUs: the host itself needs some, not the same on
 * each. One that mostly sleeps is expected to get what it asked for, one with a cap its cap.
 */
static void expect(struct demo *d, double elapsed, double *want)
{
	double demand[GUESTS_MAX], due = 0, got = 0;
	unsigned int scaled = 0;
	int i, k;

	for (i = 0; i < d->count; i++) {
		demand[i] = is_busy(&d->guests[i]) ? 1 : ran(&d->guests[i]) / elapsed;
		if (d->guests[i].cap && demand[i] > d->guests[i].cap / 100.0)
			demand[i] = d->guests[i].cap / 100.0;
	}
	share_max_min(d->guests, d->count, d->pcpus, demand, want);
	for (i = 0; i < d->count; i++)
		want[i] *= elapsed;
	for (i = 0; i < d->count; i++) {
		double mine = 0, have = 0;

		if (!takes_all(&d->guests[i]) || scaled & 1u << i)
			continue;
		for (k = i; k < d->count; k++) {
			if (takes_all(&d->guests[k]) && d->guests[k].pcpus == d->guests[i].pcpus) {
				mine += want[k];
				have += ran(&d->guests[k]);
			}
		}
		for (k = i; k < d->count; k++) {
			if (takes_all(&d->guests[k]) && d->guests[k].pcpus == d->guests[i].pcpus) {
				want[k] *= mine > 0 ? have / mine : 1;
				scaled |= 1u << k;
			}
		}
		due += mine;
		got += have;
	}
	if (got < USED_AT_LEAST * due)
		problem(d, "", "the pCPUs were idle while guests had work");
}

static double share_of(const struct guest *g, double elapsed)
{
	return 100 * ran(g) / elapsed;
}

static void print_row(struct demo *d, struct guest *g, double want)
{
	double got = share_of(g, d->elapsed);
	uint64_t p50 = 0, p99 = 0, lines = g->now.lines - g->old.lines;
	char latency[32] = "-", cpus[8];
	const char *checked = "right";

	want = 100 * want / d->elapsed;
	if (guests_latency(g, &p50, &p99))
		snprintf(latency, sizeof(latency), "%.0f / %.0f us", p50 / 1e3,
			 p99 / 1e3);
	if (g->now.errors)
		checked = "WRONG";
	else if (!lines)
		checked = "NONE";
	snprintf(cpus, sizeof(cpus), g->pcpus ? "%d" : "any", ffs(g->pcpus) - 1);
	printf("  %-10s %4s %6u %8.1f%% %8.1f%% %9" PRIu64 " %18s %6" PRIu64
	       " lines %s\n", g->name, cpus, g->weight, want, got,
	       g->now.switches - g->old.switches, latency, lines, checked);
	if (g->now.errors)
		problem(d, g->name, "wrong or late output");
	else if (!lines)
		problem(d, g->name, "no output: lost");
	if (is_busy(g) && fabs(want - got) > POINTS_ALLOWED)
		problem(d, g->name, "share is off by more than 4 points");
}

/*
 * The wait for a pCPU, as the kernel counts it and as the guest's /proc/stat says.
 * The guest's goes up to its last line, in steps of its tick, and holds what its
 * thread waited in the host's run queue as well, so the two are near, not equal.
 */
static void print_steal(struct demo *d)
{
	double waited, stolen;
	struct guest *g;

	for (g = d->guests; g < d->guests + d->count; g++) {
		if (g->kind != GUEST_LINUX)
			continue;
		waited = (g->now.wait_ns - g->old.wait_ns) / 1e9;
		stolen = (g->now.steal_ms - g->old.steal_ms) / 1e3;
		printf("  %-10s waited %.2f s for a pCPU; its own /proc/stat: %.2f s stolen\n",
		       g->name, waited, stolen);
		if (fabs(stolen - waited) > STEAL_SLACK * waited + STEAL_SLACK_S)
			problem(d, g->name, "its steal time is not what it waited");
	}
}

/* Shares of work done, as the hash guests' own lines say. */
static void cross_check(struct demo *d)
{
	double time = 0, lines = 0, a, b;
	struct guest *g;

	for (g = d->guests; g < d->guests + d->count; g++) {
		if (g->kind != GUEST_HASH)
			continue;
		time += ran(g);
		lines += g->now.lines - g->old.lines;
	}
	for (g = d->guests; g < d->guests + d->count; g++) {
		if (g->kind != GUEST_HASH || time <= 0 || lines <= 0)
			continue;
		a = 100 * ran(g) / time;
		b = 100 * (g->now.lines - g->old.lines) / lines;
		if (fabs(a - b) > PROGRESS_SLACK) {
			printf("  %s: %.1f%% of the time but %.1f%% of the work\n",
			       g->name, a, b);
			problem(d, g->name, "time and work do not agree");
		}
	}
}

static void say(const char *title, const char *text)
{
	const char *end;

	printf("\n== %s\n", title);
	for (; text; text = end ? end + 1 : NULL) {
		end = strchr(text, '\n');
		printf("   %.*s\n", end ? (int)(end - text) : (int)strlen(text), text);
	}
	fflush(stdout);
}

/* Let the guests run for a phase and say what each got. */
static void phase(struct demo *d)
{
	double want[GUESTS_MAX], t0;
	int i;

	usleep(SETTLE_US);
	if (snapshot(d)) {
		problem(d, "", "a guest is lost");
		return;
	}
	for (i = 0; i < d->count; i++)
		d->guests[i].old = d->guests[i].now;
	t0 = now_s();
	usleep(d->seconds * 1e6);
	if (snapshot(d))
		problem(d, "", "a guest is lost");
	d->elapsed = now_s() - t0;

	printf("\n  %-10s %4s %6s %9s %9s %9s %18s  %s\n", "guest", "CPU", "weight",
	       "expected", "measured", "switches", "wake p50 / p99", "output");
	expect(d, d->elapsed, want);
	for (i = 0; i < d->count; i++)
		print_row(d, &d->guests[i], want[i]);
	print_steal(d);
	cross_check(d);
	fflush(stdout);
}

static void print_swap(struct demo *d, const struct swap *s, const char *how)
{
	printf("-- %s: %s -> %s, pause %" PRIu64 " ticks (%.1f us), %" PRIu64
	       " vCPUs carried over, %" PRIu64 " forced out\n", how, s->from,
	       s->to, s->pause_ticks, s->pause_ns / 1e3, s->entities,
	       s->forced_out);
	if (s->forced_out)
		problem(d, "", "the change forced a guest out");
	if (d->swap_count < SWAPS_MAX)
		d->swaps[d->swap_count++] = *s;
	fflush(stdout);
}

/* Load a scheduler's module and make it the active one. */
static int change_to(struct demo *d, const char *module, const char *name,
		     int load)
{
	struct swap s;
	char how[64];

	if (load && ctl_run("modprobe %s", module))
		return -1;
	if (ctl_sched_set(name, &s))
		return -1;
	snprintf(how, sizeof(how), "%svmmctl sched set %s",
		 load ? "modprobe, " : "", name);
	print_swap(d, &s, how);
	if (strcmp(s.to, name))
		problem(d, name, "did not become the active scheduler");
	return 0;
}

/*
 * Two busy guests on each pCPU: one that computes, and one more. The great weights go to
 * those that compute all the time: one that talks to its devices is not always there
 * to take what it is due, and BVT does not pay that back.
 */
static int set_weights(struct demo *d)
{
	static const unsigned int weights[] = { 2, 4, 1, 1 };
	unsigned int busy = 0;
	struct guest *g;

	for (g = d->guests; g < d->guests + d->count; g++) {
		if (is_busy(g))
			g->weight = BASE_WEIGHT * weights[busy++ % 4];
		if (ctl_vm_set(g))
			return -1;
	}
	return 0;
}

static struct guest *find_guest(struct demo *d, const char *name)
{
	int i;

	for (i = 0; i < d->count; i++)
		if (!strcmp(d->guests[i].name, name))
			return &d->guests[i];
	return NULL;
}

static void now_active(struct demo *d, const char *name)
{
	char active[NAME_MAX_LEN];
	struct swap s;

	if (ctl_last_swap(&s, active, sizeof(active)) || strcmp(active, name)) {
		printf("  %s is active, %s should be\n", active, name);
		problem(d, active, "is the active scheduler");
	}
}

/* 1: everybody in turn. Returns the sleeper's p50, ns. */
static uint64_t step_rr(struct demo *d)
{
	uint64_t p50 = 0, p99 = 0;

	say("1. Round robin: everybody in turn",
	    "Two busy guests on each of two CPUs; \"napper\" sleeps, and wakes 200 times a second.\n"
	    "Look at the shares (half of a CPU each) and at how long napper waits when it wakes.");
	if (change_to(d, "sched_rr", "rr", 1))
		return 0;
	phase(d);
	guests_latency(find_guest(d, "napper"), &p50, &p99);
	return p50;
}

/* 2: shares by weight, and who is in a hurry runs first. */
static int step_bvt(struct demo *d, uint64_t rr_p50)
{
	struct guest *napper = find_guest(d, "napper");
	uint64_t p50 = 0, p99 = 0;
	FILE *recording;
	int ret;

	say("2. BVT: shares by weight, and warp for who is in a hurry",
	    "The scheduler is replaced while the guests run. Weights 2:1 on CPU 0 and 4:1 on CPU 1;\n"
	    "napper gets warp: it runs sooner, not more. Look at the shares, and at napper's wait again.");
	recording = ctl_record("/tmp/timeline", "400ms");
	usleep(SETTLE_US);
	/* Weights are no scheduler's own: they can be set before it comes. */
	ret = ctl_run("modprobe sched_bvt") || set_weights(d) || change_to(d, "sched_bvt", "bvt", 0) ||
	      ctl_run("vmmctl vm set %s warp 100ms", napper->vm);
	if (ctl_recorded(recording))
		problem(d, "", "the change was not recorded");
	if (ret)
		return -1;
	phase(d);
	guests_latency(napper, &p50, &p99);
	printf("  napper waited %.0f us under round robin, %.0f us now (half of the times, at most)\n",
	       rr_p50 / 1e3, p50 / 1e3);
	if (!p50 || p50 * WARP_GAIN > rr_p50)
		problem(d, "napper", "does not wake faster");
	return 0;
}

/* 3: a limit. */
static int step_credit(struct demo *d)
{
	struct guest *beta = find_guest(d, "beta");
	double before = share_of(beta, d->elapsed), now;

	say("3. Credit: a limit for one guest",
	    "Xen's rules. Weights stay as they are; beta may have 20 % of a CPU and no more, though it\n"
	    "weighs most. Look at beta, and at who gets what it leaves.");
	beta->cap = CAP;
	if (change_to(d, "sched_credit", "credit", 1) || ctl_vm_set(beta))
		return -1;
	sleep(1);		/* what it had before the cap is settled over some periods */
	phase(d);
	now = share_of(beta, d->elapsed);
	printf("  beta: %.1f%% of a CPU before, %.1f%% with a cap of %d%%\n", before, now, CAP);
	if (fabs(now - CAP) > CAP_POINTS)
		problem(d, "beta", "its cap does not hold");
	return 0;
}

/* 4: one that goes wrong. */
static int step_bad(struct demo *d)
{
	char why[256] = "";
	int tries;

	say("4. A scheduler that goes wrong is thrown out",
	    "\"bad\" works for a while, then it is made to name a vCPU that there is not. Nobody has to\n"
	    "notice: the one before is back in charge at once, with its settings, and guests run on.");
	if (ctl_run("modprobe sched_bad") || change_to(d, "sched_bad", "bad", 0))
		return -1;
	usleep(SETTLE_US);
	if (ctl_run("echo unknown >/sys/module/sched_bad/parameters/kind"))
		return -1;
	for (tries = 0; tries < 100 && ctl_thrown_out(why, sizeof(why)); tries++)
		usleep(50000);
	if (*why)
		printf("-- thrown out: %s\n", why);
	if (strncmp(why, "bad, ", 5))
		problem(d, "bad", "was not thrown out");
	usleep(SETTLE_US);
	now_active(d, "credit");
	phase(d);		/* the cap is there as before */
	return ctl_run("rmmod sched_bad");
}

/* 5: the active one is removed. */
static int step_rmmod(struct demo *d)
{
	char active[NAME_MAX_LEN];
	struct swap s;

	say("5. The active scheduler is unloaded",
	    "rmmod, under running guests: the scheduler that was active before it takes over. Caps are not\n"
	    "BVT's business: beta is back at what its weight gives it.");
	if (ctl_run("rmmod sched_credit") || ctl_last_swap(&s, active, sizeof(active)))
		return -1;
	print_swap(d, &s, "rmmod sched_credit");
	now_active(d, "bvt");
	find_guest(d, "beta")->cap = 0;
	phase(d);
	printf("\n   Who was active, by \"vmmctl sched history\":\n");
	ctl_show("vmmctl sched history", "   ");
	return 0;
}

static int phases(struct demo *d)
{
	uint64_t p50 = step_rr(d);

	if (!p50 || step_bvt(d, p50) || step_credit(d) || step_bad(d) || step_rmmod(d))
		return -1;
	ctl_send("/tmp/timeline.json");
	ctl_send("/tmp/timeline.svg");
	return 0;
}

/* Two busy guests on each pCPU, so that everybody's due is plain. */
static int place(struct demo *d)
{
	unsigned int busy = 0;
	struct guest *g;

	for (g = d->guests; g < d->guests + d->count; g++) {
		if (!is_busy(g))
			continue;
		g->pcpus = 1u << (busy++ % 2);
		if (ctl_vm_set(g))
			return -1;
	}
	return 0;
}

static void add_guest(struct demo *d, const char *name, enum guest_kind kind)
{
	struct guest *g = &d->guests[d->count++];

	snprintf(g->name, sizeof(g->name), "%s", name);
	g->kind = kind;
	g->weight = BASE_WEIGHT;
}

static void usage(FILE *to)
{
	fprintf(to,
"usage: demo [--seconds S] [--linux DIR [--stock]]\n"
"  --seconds S  length of a phase (default 4)\n"
"  --linux DIR  also run two Linux guests under QEMU, from this folder\n"
"  --stock      with Debian's kernel in them (DIR/vmlinux)\n");
}

static int run(struct demo *d)
{
	int ret = -1;

	/*
	 * QEMU's work for one access is a few 10 us on a real machine, but some ms
	 * on an emulated one of 100 MHz: the loan is longer by as much.
	 */
	if (d->linux_dir && ctl_run("modprobe sched_iface loan_us=10000"))
		return -1;
	if (ctl_run("modprobe vmm_core"))
		return -1;
	printf("%d pCPUs, %d guests; per cent are of one CPU, time is that of this machine\n",
	       d->pcpus, d->count);
	if (!guests_start(d->guests, d->count, d->linux_dir, d->stock) &&
	    !guests_wait_ready(d->guests, d->count, READY_SECONDS) &&
	    !ctl_counters(d->guests, d->count) && !place(d)) {
		sleep(SETTLE_SECONDS);	/* the Linux guests' boot is over, the pCPUs even */
		ret = phases(d);
	}
	if (guests_stop(d->guests, d->count))
		problem(d, "", "a guest did not end well");
	return ret;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "seconds", 1, NULL, 's' }, { "linux", 1, NULL, 'l' },
		{ "stock", 0, NULL, 'd' }, { "help", 0, NULL, 'h' }, { }
	};
	static struct demo d = { .seconds = 4 };
	int c;

	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			d.seconds = atof(optarg);
			break;
		case 'l':
			d.linux_dir = optarg;
			break;
		case 'd':
			d.stock = 1;
			break;
		case 'h':
			usage(stdout);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc || d.seconds <= 0 || d.seconds > 3600) {
		usage(stderr);
		return 2;
	}
	d.pcpus = sysconf(_SC_NPROCESSORS_ONLN);
	if (d.pcpus < 2 || d.pcpus > PCPUS_MAX) {
		fprintf(stderr, "demo: made for 2 to %d pCPUs\n", PCPUS_MAX);
		return 2;
	}
	add_guest(&d, "alpha", GUEST_HASH);
	add_guest(&d, "beta", GUEST_HASH);
	/* As many busy ones as make an even number for two pCPUs. */
	if (!d.linux_dir) {
		add_guest(&d, "gamma", GUEST_HASH);
		add_guest(&d, "delta", GUEST_HASH);
	}
	add_guest(&d, "napper", GUEST_SLEEPER);
	if (d.linux_dir) {
		add_guest(&d, "linux-a", GUEST_LINUX);
		add_guest(&d, "linux-b", GUEST_LINUX);
	}
	if (run(&d))
		problem(&d, "", "the demo could not go on");
	printf("\n%d changes of scheduler, %d problems\n", d.swap_count,
	       d.problems);
	return d.problems || d.swap_count < 5;
}
