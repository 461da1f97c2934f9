// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl sched timeline: as a trace that ui.perfetto.dev and chrome://tracing open.
 *
 * The Trace Event Format's JSON object: a track for each pCPU (process 1) with the
 * turns on it, one with the scheduler that decides there, one for each vCPU (a
 * process for each VM) with its states; instants for what happened; counters of who
 * waits. Times are microseconds from the begin of the window. Numbers of tracks
 * are unique over all processes, as some viewers want it.
 */
#include <inttypes.h>
#include <string.h>
#include "timeline.h"

#define PID_PCPUS	1
#define PID_CHANGES	2
#define PID_VM		1000		/* and the VM's number */
#define TID_PCPU	10		/* and the pCPU's number */
#define TID_SCHED	100010		/* ... */
#define TID_FLIP	200010		/* ... */
#define TID_CEASE	300010
#define TID_VCPU	1000000		/* and the entity's number */

static double us(const struct timeline *t, uint64_t at)
{
	return at > t->begin ? (at - t->begin) / 1e3 : 0;
}

static void name(FILE *f, const char *what, int pid, int tid, const char *fmt, const char *text,
		 unsigned int n)
{
	fprintf(f, "{\"ph\":\"M\",\"name\":\"%s\",\"pid\":%d,\"tid\":%d,\"args\":{\"name\":", what,
		pid, tid);
	fprintf(f, fmt, text, n);
	fprintf(f, "}},\n");
}

static void names(const struct timeline *t, FILE *f)
{
	uint32_t p;
	size_t i;

	name(f, "process_name", PID_PCPUS, 0, "\"pCPUs: who runs\"", NULL, 0);
	name(f, "process_name", PID_CHANGES, 0, "\"changes of scheduler\"", NULL, 0);
	name(f, "thread_name", PID_CHANGES, TID_CEASE, "\"all vCPUs out\"", NULL, 0);
	for (p = 0; p < t->nr_pcpus; p++) {
		name(f, "thread_name", PID_PCPUS, TID_PCPU + p, "\"%spCPU %u\"", "", p);
		name(f, "thread_name", PID_PCPUS, TID_SCHED + p, "\"%spCPU %u is decided by\"", "", p);
		name(f, "thread_name", PID_CHANGES, TID_FLIP + p, "\"%spCPU %u: queue closed\"", "", p);
	}
	for (i = 0; i < t->vcpus.n; i++) {
		const struct tl_vcpu *v = &t->vcpus.v[i];

		if (!i || v->vm_id != v[-1].vm_id)
			name(f, "process_name", PID_VM + v->vm_id, 0, "%s", v->json_vm, 0);
		name(f, "thread_name", PID_VM + v->vm_id, TID_VCPU + v->entity, "\"%svCPU %u\"", "",
		     v->index);
	}
}

static void head(const struct timeline *t, FILE *f, const char *ph, const char *cat, int pid, int tid,
		 uint64_t at)
{
	fprintf(f, "{\"ph\":\"%s\",\"cat\":\"%s\",\"pid\":%d,\"tid\":%d,\"ts\":%.3f,", ph, cat, pid,
		tid, us(t, at));
}

/* The VM's name as in JSON, without the quotes around it. */
static int bare(const struct tl_vcpu *v, const char **text)
{
	size_t n = strlen(v->json_vm);

	*text = n > 1 ? v->json_vm + 1 : "";
	return n > 1 ? n - 2 : 0;
}

static void turn(const struct timeline *t, FILE *f, const struct tl_span *s)
{
	const struct tl_vcpu *v = &t->vcpus.v[s->vcpu];
	const char *text;
	int n = bare(v, &text);

	head(t, f, "X", s->state == TL_HOST ? "host" : "run", PID_PCPUS, TID_PCPU + s->pcpu, s->begin);
	fprintf(f, "\"dur\":%.3f,\"name\":\"%.*s/%u%s\",\"args\":{\"vm\":%s,\"vcpu\":%u,\"entity\":%u,\"weight\":%u",
		(s->end - s->begin) / 1e3, n, text, v->index, s->state == TL_HOST ? " (host)" : "",
		v->json_vm, v->index, v->entity, v->weight);
	if (s->slice && s->slice != UINT64_MAX)
		fprintf(f, ",\"slice_us\":%.3f", s->slice / 1e3);
	if (s->sched)
		fprintf(f, ",\"scheduler\":\"%s\"", s->sched);
	fprintf(f, ",\"ended\":\"%s\"}},\n", s->why);
}

static void span(const struct timeline *t, FILE *f, const struct tl_span *s)
{
	const struct tl_vcpu *v = &t->vcpus.v[s->vcpu];

	if (s->state == TL_RUNNING || s->state == TL_HOST)
		turn(t, f, s);
	if (s->state == TL_OUT)
		return;		/* nothing is drawn where its thread is not there */
	head(t, f, "X", "state", PID_VM + v->vm_id, TID_VCPU + v->entity, s->begin);
	fprintf(f, "\"dur\":%.3f,\"name\":\"%s\",\"args\":{\"pcpu\":%u,\"why\":\"%s\"}},\n",
		(s->end - s->begin) / 1e3, tl_state_names[s->state], s->pcpu, s->why);
}

/* What a scheduler or a kernel says is plain text, but it is not ours. */
static void quoted(FILE *f, const char *text)
{
	json_object *o = json_object_new_string(text ? text : "");

	fputs(json_object_to_json_string(o), f);
	json_object_put(o);
}

static void mark(const struct timeline *t, FILE *f, const struct tl_mark *m)
{
	const char *vm = m->vcpu >= 0 ? t->vcpus.v[m->vcpu].json_vm : "\"\"";
	int tid = m->pcpu < 0 ? TID_CEASE : TID_PCPU + m->pcpu;
	int pid = m->pcpu < 0 ? PID_CHANGES : PID_PCPUS;

	if (m->kind == TL_EV_CEASE) {
		head(t, f, "X", "cease", pid, tid, m->at);
		fprintf(f, "\"dur\":%.3f,\"name\":\"all vCPUs out\",\"args\":{}},\n",
			(m->end - m->at) / 1e3);
		return;
	}
	head(t, f, "i", m->kind == TL_EV_SWAP ? "swap" : m->kind == TL_EV_BREACH ? "breach" :
	     m->kind == TL_EV_NOSHOW ? "noshow" : "dispatch", pid, tid, m->at);
	switch (m->kind) {
	case TL_EV_SWAP:
		fprintf(f, "\"s\":\"g\",\"name\":\"%s -> %s\",\"args\":{\"from\":\"%s\",\"to\":\"%s\",\"took_us\":%.3f,\"closed_max_us\":%.3f",
			m->from, m->to, m->from, m->to, (m->end - m->at) / 1e3, m->pause_ns / 1e3);
		if (m->told)
			fprintf(f, ",\"cause\":\"%s\",\"pause_max_ticks\":%" PRIu64 ",\"vcpus\":%" PRIu64,
				m->text, m->pause_ticks, m->entities);
		break;
	case TL_EV_BREACH:
		fprintf(f, "\"s\":\"g\",\"name\":\"%s thrown out\",\"args\":{\"vm\":%s,\"because_it\":",
			m->from, vm);
		quoted(f, m->text);
		break;
	case TL_EV_NOSHOW:
		fprintf(f, "\"s\":\"t\",\"name\":\"offer not taken\",\"args\":{\"vm\":%s", vm);
		break;
	default:
		fprintf(f, "\"s\":\"g\",\"name\":\"dispatch by %s\",\"args\":{\"mode\":\"%s\"", m->text,
			m->text);
		break;
	}
	fprintf(f, "}},\n");
}

static void other(const struct timeline *t, FILE *f)
{
	size_t i;

	fprintf(f, "\"otherData\":{\"tool\":\"vmmctl sched timeline\",\"begin_ns\":%" PRIu64
		",\"length_ns\":%" PRIu64 ",\"pcpus\":%u,\"lost\":%" PRIu64 ",\"vcpus\":[", t->begin,
		t->end - t->begin, t->nr_pcpus, t->lost);
	for (i = 0; i < t->vcpus.n; i++) {
		const struct tl_vcpu *v = &t->vcpus.v[i];

		fprintf(f, "%s\n{\"vm\":%s,\"vm_id\":%u,\"vcpu\":%u,\"entity\":%u,\"weight\":%u,\"run_ns\":%" PRIu64,
			i ? "," : "", v->json_vm, v->vm_id, v->index, v->entity, v->weight, v->run_ns);
		if (v->counted)
			fprintf(f, ",\"kernel_run_ns\":%" PRIu64, v->kernel_run_ns);
		fprintf(f, "}");
	}
	fprintf(f, "]}\n");
}

/** tl_write_json() - the whole as JSON */
void tl_write_json(const struct timeline *t, FILE *f)
{
	const struct tl_piece *p;
	size_t i;

	fprintf(f, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
	names(t, f);
	for (p = t->reigns.v; p < t->reigns.v + t->reigns.n; p++) {
		head(t, f, "X", "scheduler", PID_PCPUS, TID_SCHED + p->pcpu, p->begin);
		fprintf(f, "\"dur\":%.3f,\"name\":\"%s\",\"args\":{}},\n", (p->end - p->begin) / 1e3, p->to);
	}
	for (i = 0; i < t->spans.n; i++)
		span(t, f, &t->spans.v[i]);
	for (p = t->flips.v; p < t->flips.v + t->flips.n; p++) {
		head(t, f, "X", "flip", PID_CHANGES, TID_FLIP + p->pcpu, p->begin);
		fprintf(f, "\"dur\":%.3f,\"name\":\"%s -> %s\",\"args\":{}},\n",
			(p->end - p->begin) / 1e3, p->from, p->to);
	}
	for (i = 0; i < t->marks.n; i++)
		mark(t, f, &t->marks.v[i]);
	for (i = 0; i < t->counts.n; i++) {
		head(t, f, "C", "queue", PID_PCPUS, TID_PCPU + t->counts.v[i].pcpu, t->counts.v[i].at);
		fprintf(f, "\"name\":\"pCPU %u: waiting\",\"args\":{\"vCPUs\":%u}},\n",
			t->counts.v[i].pcpu, t->counts.v[i].n);
	}
	/* The list ends with an event, not with a comma. */
	fprintf(f, "{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":%d,\"tid\":0,\"args\":{\"sort_index\":0}}\n],\n",
		PID_PCPUS);
	other(t, f);
	fprintf(f, "}\n");
}
