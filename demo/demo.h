/* SPDX-License-Identifier: GPL-2.0 */
/* What the parts of the demo share. */
#ifndef VMM_DEMO_H
#define VMM_DEMO_H

#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define GUESTS_MAX	8
#define NAME_MAX_LEN	32
#define PCPUS_MAX	8

enum guest_kind { GUEST_HASH, GUEST_SLEEPER, GUEST_LINUX };

/**
 * struct counters - what a guest had got at one moment
 * @run_ns: time on a pCPU, from the kernel
 * @wait_ns: time waiting for one
 * @switches: times it was given a pCPU
 * @lines: lines it had printed, all checked, from its client
 * @errors: wrong or late ones
 * @wakes: wake-up latencies in its latency file
 * @steal_ms: Linux: time stolen from it, as its own /proc/stat says
 */
struct counters {
	uint64_t run_ns;
	uint64_t wait_ns;
	uint64_t switches;
	uint64_t lines;
	uint64_t errors;
	uint64_t wakes;
	uint64_t steal_ms;
};

/**
 * struct guest - one guest of the demo
 * @name: its name, also the start of its VM's name
 * @kind: what it does
 * @weight: as last set
 * @pcpus: bit mask of the pCPUs it may use, as last set; 0: all
 * @cap: the most it may get, per cent of one pCPU; 0: no limit
 * @pid: its client, 0 when not running
 * @vm: its VM's name as the kernel says
 * @old: counters at the start of the phase
 * @now: counters at its end
 */
struct guest {
	char name[NAME_MAX_LEN];
	enum guest_kind kind;
	unsigned int weight;
	unsigned int pcpus;
	unsigned int cap;
	pid_t pid;
	char vm[64];
	struct counters old;
	struct counters now;
};

/**
 * struct swap - one change of scheduler, as the kernel reports it
 * @from: who was active
 * @to: who is
 * @pause_ticks: longest time one pCPU's queue was closed, TSC ticks
 * @pause_ns: the same in ns
 * @entities: vCPUs carried over
 * @running: of them on a pCPU meanwhile
 * @forced_out: guests made to leave
 */
struct swap {
	char from[NAME_MAX_LEN];
	char to[NAME_MAX_LEN];
	uint64_t pause_ticks;
	uint64_t pause_ns;
	uint64_t entities;
	uint64_t running;
	uint64_t forced_out;
};

/* ctl.c: the control program */
int ctl_sched_set(const char *name, struct swap *swap);
int ctl_last_swap(struct swap *swap, char *active, size_t size);
int ctl_vm_set(const struct guest *g);
int ctl_counters(struct guest *guests, int count);
int ctl_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
int ctl_thrown_out(char *text, size_t size);
void ctl_show(const char *command, const char *indent);
FILE *ctl_record(const char *name, const char *length);
int ctl_recorded(FILE *recording);
void ctl_send(const char *path);

/* guests.c: starting, watching and ending them */
int guests_start(struct guest *guests, int count, const char *linux_dir, int stock);
int guests_wait_ready(struct guest *guests, int count, int seconds);
int guests_progress(struct guest *guests, int count);
int guests_stop(struct guest *guests, int count);
int guests_latency(const struct guest *g, uint64_t *p50, uint64_t *p99);

/* share.c: what each should get */
void share_max_min(const struct guest *guests, int count, int pcpus,
		   const double *demand, double *share);

#endif
