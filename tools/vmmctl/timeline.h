/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vmmctl sched timeline: what its files share.
 *
 * timeline.c records (struct tl_event), timeline_replay.c makes of that who was
 * where and when (struct timeline), timeline_json.c and timeline_svg.c write it.
 * All times are ns of CLOCK_MONOTONIC.
 */
#ifndef VMMCTL_TIMELINE_H
#define VMMCTL_TIMELINE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The tracepoints, in the order of the table in timeline.c. */
enum tl_kind {
	TL_EV_STATE, TL_EV_PUT, TL_EV_OWN, TL_EV_PICK, TL_EV_REQUEST, TL_EV_AWAY, TL_EV_BACK,
	TL_EV_NOSHOW, TL_EV_BREACH, TL_EV_SWAP, TL_EV_FLIP_BEGIN, TL_EV_FLIP_END, TL_EV_CEASE,
	TL_EV_DISPATCH, TL_EV_KINDS,
};

/** struct tl_event - one event, as far as it is of use; strings are kept for good */
struct tl_event {
	uint64_t ts;
	uint32_t cpu;		/* whose buffer it was in */
	uint32_t pcpu, entity;
	uint8_t kind;
	uint64_t a, b;		/* by kind: old and new state; why and ran; slice... */
	const char *s, *t, *u;
};

/** enum tl_state - what a vCPU does, as it is drawn */
enum tl_state {
	TL_OUT,			/* its thread is not there */
	TL_BLOCKED,		/* it waits for an event */
	TL_WAITING,		/* it waits for a pCPU */
	TL_OFFERED,		/* it was picked, its thread is on the way */
	TL_RUNNING,
	TL_HALTED,		/* halted; its pCPU is free for others, but nobody wants it */
	TL_HOST,		/* it has a pCPU, which the host uses for something else */
	TL_STATES,
};

extern const char * const tl_state_names[TL_STATES];

/** struct tl_vcpu - a row */
struct tl_vcpu {
	uint32_t entity, vm_id, index;
	char vm[64];
	char json_vm[400];	/* quoted and escaped */
	uint32_t weight;
	int colour;
	uint64_t kernel_run_ns;	/* what the kernel counted meanwhile */
	uint64_t run_ns;	/* what is drawn */
	bool counted;		/* kernel_run_ns is known */
	/* replay */
	enum tl_state state;
	int first;		/* a state at the begin was found in the record */
	uint64_t since, slice;
	uint32_t pcpu;
	const char *why, *sched;
	int put;		/* why it was put last, -1: unknown */
};

/** struct tl_span - a vCPU was in one state; RUNNING ones are also the turns of the pCPU */
struct tl_span {
	uint64_t begin, end;
	int vcpu;
	enum tl_state state;
	uint32_t pcpu;
	uint64_t slice;
	const char *sched;	/* RUNNING: who picked it */
	const char *why;	/* WAITING: since what; RUNNING: how it ended */
};

/** struct tl_mark - something that happened at one moment */
struct tl_mark {
	uint64_t at;
	enum tl_kind kind;
	int pcpu;		/* -1: all */
	int vcpu;		/* -1: none */
	const char *from, *to, *text;
	uint64_t end;		/* SWAP: of the last flip; CEASE: when they went on */
	uint64_t pause_ns, pause_ticks, entities;
	bool told;		/* SWAP: the whole report is there */
};

/** struct tl_piece - a pCPU's queue was closed for a flip, or its scheduler was in charge */
struct tl_piece {
	uint64_t begin, end;
	uint32_t pcpu;
	const char *from, *to;
};

/** struct tl_count - how many waited for a pCPU from then on */
struct tl_count {
	uint64_t at;
	uint32_t pcpu, n;
};

#define TL_ARRAY(type, name) struct { type *v; size_t n, room; } name

/** struct timeline - all of it */
struct timeline {
	uint64_t begin, end;	/* the window; nothing lies outside */
	uint64_t lost;		/* events that did not fit the buffers */
	uint32_t nr_pcpus;
	const char *active;	/* scheduler at the begin, if nothing else tells */
	TL_ARRAY(struct tl_event, events);
	TL_ARRAY(struct tl_vcpu, vcpus);
	TL_ARRAY(struct tl_span, spans);
	TL_ARRAY(struct tl_mark, marks);
	TL_ARRAY(struct tl_piece, flips);
	TL_ARRAY(struct tl_piece, reigns);
	TL_ARRAY(struct tl_count, counts);
};

void *tl_grow(void *v, size_t n, size_t *room, size_t size);
/* A new element at the end of an array, zeroed. */
#define tl_add(array) ({						\
	(array)->v = tl_grow((array)->v, (array)->n, &(array)->room, sizeof(*(array)->v)); \
	&(array)->v[(array)->n++]; })

const char *tl_string(const char *s, size_t size);	/* one copy of each, kept for good */
void tl_replay(struct timeline *t);
void tl_clip(struct timeline *t);
const char *tl_put_name(int why);
void tl_write_json(const struct timeline *t, FILE *f);
void tl_write_svg(const struct timeline *t, FILE *f);

#endif
