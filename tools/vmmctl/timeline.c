// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl sched timeline: recording.
 *
 * The tracepoints vmm:* are switched on in a trace instance of our own, so that
 * nobody else's tracing is disturbed, in a ring that keeps the newest. It is read
 * only when the recording is over. The instance carries our process number and
 * goes on every way out; one that a killed vmmctl left behind goes at the next
 * start. Signals are held back from before it is made until it is gone: SIGINT
 * ends the recording early, and what there is is written.
 *
 * Who is who (names, weights) and what the kernel counted comes from two dumps, one
 * at each end. Reading events is libtracefs's and libtraceevent's work.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <tracefs.h>
#include <unistd.h>
#include "timeline.h"
#include "vmmctl.h"

#define INSTANCE	"vmmctl-timeline-"
#define OUTPUTS_MAX	4
#define BUFFERS_KIB	(64 * 1024)	/* of all CPUs, unless asked otherwise */

/** struct field - where the value of an event's field goes */
struct field {
	const char *name;
	enum { TO_NONE, TO_PCPU, TO_ENTITY, TO_A, TO_B, TO_S, TO_T, TO_U } to;
};

#define WHERE { "pcpu", TO_PCPU }, { "entity", TO_ENTITY }

static const struct {
	const char *name;
	struct field fields[6];
} kinds[TL_EV_KINDS] = {
	[TL_EV_STATE] = { "vmm_entity_state", { WHERE, { "old", TO_A }, { "new", TO_B } } },
	[TL_EV_PUT] = { "vmm_sched_put", { WHERE, { "why", TO_A }, { "ran", TO_B } } },
	[TL_EV_OWN] = { "vmm_gate_own", { WHERE, { "slice", TO_A } } },
	[TL_EV_PICK] = { "vmm_sched_pick", { WHERE, { "slice", TO_A }, { "queued", TO_B },
			 { "sched", TO_S } } },
	[TL_EV_REQUEST] = { "vmm_sched_request", { WHERE, { "why", TO_A } } },
	[TL_EV_AWAY] = { "vmm_gate_away", { WHERE, { "slept", TO_A } } },
	[TL_EV_BACK] = { "vmm_gate_back", { WHERE } },
	[TL_EV_NOSHOW] = { "vmm_gate_noshow", { WHERE } },
	[TL_EV_BREACH] = { "vmm_sched_breach", { WHERE, { "sched", TO_S }, { "what", TO_T } } },
	[TL_EV_SWAP] = { "vmm_sched_swap", { { "from", TO_S }, { "to", TO_T }, { "cause", TO_U },
			 { "pause", TO_A }, { "entities", TO_B } } },
	[TL_EV_FLIP_BEGIN] = { "vmm_swap_flip_begin", { { "pcpu", TO_PCPU }, { "from", TO_S },
			       { "to", TO_T } } },
	[TL_EV_FLIP_END] = { "vmm_swap_flip_end", { { "pcpu", TO_PCPU }, { "from", TO_S },
			     { "to", TO_T } } },
	[TL_EV_CEASE] = { "vmm_swap_cease", { { "ceased", TO_A } } },
	[TL_EV_DISPATCH] = { "vmm_sched_dispatch", { { "mode", TO_A } } },
};

/** struct request - what was asked for */
struct request {
	struct { const char *path; bool svg; } out[OUTPUTS_MAX];
	int nr_out;
	bool around;
	uint64_t length;	/* ns */
	uint64_t buffer_kib;	/* of each CPU */
};

/** struct recorder - a recording under way */
struct recorder {
	struct timeline *t;
	struct tracefs_instance *instance;
	struct tep_handle *tep;
	int ids[TL_EV_KINDS];
	json_object *before, *after;	/* VMs at both ends */
	int nr_cpus;
};

/* --- small things ------------------------------------------------------------------- */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

void *tl_grow(void *v, size_t n, size_t *room, size_t size)
{
	if (n == *room) {
		*room = *room ? *room * 2 : 256;
		v = realloc(v, *room * size);
		if (!v) {
			/* The instance is gone by the time that anything grows much. */
			fprintf(stderr, "vmmctl: out of memory\n");
			exit(REFUSED);
		}
	}
	memset((char *)v + n * size, 0, size);
	return v;
}

const char *tl_string(const char *s, size_t size)
{
	static TL_ARRAY(char *, all);
	size_t i;

	size = strnlen(s, size);
	for (i = all.n; i-- > 0;)
		if (!strncmp(all.v[i], s, size) && !all.v[i][size])
			return all.v[i];
	*tl_add(&all) = strndup(s, size);
	return all.v[all.n - 1] ? all.v[all.n - 1] : "";
}

/* --- what was asked for ------------------------------------------------------------------ */

static int parse_format(const char *text, bool *svg)
{
	*svg = !strcmp(text, "svg");
	return *svg || !strcmp(text, "perfetto") ? DONE : usage("the format is perfetto or svg");
}

static int add_output(struct request *r, const char *path)
{
	size_t len = strlen(path);

	if (r->nr_out == OUTPUTS_MAX)
		return usage("more than %d files", OUTPUTS_MAX);
	r->out[r->nr_out].path = path;
	r->out[r->nr_out++].svg = len > 4 && !strcmp(path + len - 4, ".svg");
	return DONE;
}

static int parse_request(struct request *r, int argc, char **argv)
{
	const char *format = NULL;
	int i, ret = DONE;
	uint32_t kib;

	for (i = 0; !ret && i < argc; i++) {
		const char *option = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!strcmp(option, "--around-swap")) {
			r->around = true;
			continue;
		}
		if (strcmp(option, "-o") && strcmp(option, "--for") && strcmp(option, "--format") &&
		    strcmp(option, "--buffer"))
			return usage("'%s' is no option of 'sched timeline'; see 'vmmctl sched help'", option);
		if (!value)
			return usage("%s needs a value; see 'vmmctl sched help'", option);
		i++;
		if (!strcmp(option, "-o")) {
			ret = add_output(r, value);
		} else if (!strcmp(option, "--for")) {
			if (parse_time(value, &r->length) || r->length < 1000000 ||
			    r->length > 600000000000ULL)
				ret = usage("'%s' is no length: 1ms to 600s", value);
		} else if (!strcmp(option, "--format")) {
			format = value;
		} else if (parse_u32(value, &kib) || kib < 64 || kib > 1048576) {
			ret = usage("'%s' is no buffer: 64 to 1048576, KiB for each CPU", value);
		} else {
			r->buffer_kib = kib;
		}
	}
	if (!ret && !r->nr_out)
		ret = add_output(r, "-");
	for (i = 0; !ret && format && i < r->nr_out; i++)
		ret = parse_format(format, &r->out[i].svg);
	return ret;
}

/* A file that cannot be written is found out before anything is recorded. */
static int check_outputs(const struct request *r)
{
	int i;

	for (i = 0; i < r->nr_out; i++) {
		FILE *f;

		if (!strcmp(r->out[i].path, "-"))
			continue;
		f = fopen(r->out[i].path, "a");
		if (!f)
			return refused("cannot write %s: %s", r->out[i].path, strerror(errno));
		fclose(f);
	}
	return DONE;
}

/* --- the instance ------------------------------------------------------------------------ */

static void drop_stale(void)
{
	char **names = tracefs_instances("^" INSTANCE "[0-9]*$");
	int i;

	for (i = 0; names && names[i]; i++) {
		struct tracefs_instance *old;

		if (!kill(atoi(names[i] + strlen(INSTANCE)), 0) || errno != ESRCH)
			continue;
		old = tracefs_instance_create(names[i]);
		if (old)
			tracefs_instance_destroy(old);
		tracefs_instance_free(old);
	}
	tracefs_list_free(names);
}

static void drop_instance(struct recorder *r)
{
	if (!r->instance)
		return;
	tracefs_trace_off(r->instance);
	tracefs_event_disable(r->instance, "vmm", NULL);
	if (tracefs_instance_destroy(r->instance))
		fprintf(stderr, "vmmctl: the trace instance %s remains: %s\n",
			tracefs_instance_get_name(r->instance), strerror(errno));
	tracefs_instance_free(r->instance);
	r->instance = NULL;
}

static int find_events(struct recorder *r)
{
	static const char * const systems[] = { "vmm", NULL };
	struct tep_event *event;
	int i;

	r->tep = tracefs_local_events_system(NULL, systems);
	for (i = 0; i < TL_EV_KINDS; i++) {
		event = r->tep ? tep_find_event_by_name(r->tep, "vmm", kinds[i].name) : NULL;
		if (!event)
			return refused("the kernel has no tracepoint vmm:%s: is sched_iface loaded, and as new as this vmmctl?",
				       kinds[i].name);
		r->ids[i] = event->id;
	}
	return DONE;
}

static int make_instance(struct recorder *r, const struct request *req)
{
	char name[64];
	int i;

	snprintf(name, sizeof(name), INSTANCE "%d", getpid());
	r->instance = tracefs_instance_create(name);
	if (!r->instance)
		return refused("no trace instance: %s%s", strerror(errno),
			       errno == EACCES || errno == EPERM ? ": recording takes CAP_SYS_ADMIN: run as root" : "");
	if (tracefs_trace_off(r->instance) ||
	    tracefs_instance_file_write(r->instance, "trace_clock", "mono") < 0)
		return refused("no trace: %s", strerror(errno));
	if (tracefs_instance_set_buffer_size(r->instance, req->buffer_kib, -1))
		return refused("no memory for %llu KiB of trace buffer on each CPU: try a smaller --buffer",
			       (unsigned long long)req->buffer_kib);
	for (i = 0; i < TL_EV_KINDS; i++)
		if (tracefs_event_enable(r->instance, "vmm", kinds[i].name))
			return refused("the tracepoint vmm:%s cannot be switched on: %s",
				       kinds[i].name, strerror(errno));
	return DONE;
}

/* --- reading ------------------------------------------------------------------------------- */

static void take_field(struct tl_event *e, const struct field *f, struct tep_event *event,
		       struct tep_record *rec)
{
	unsigned long long val = 0;
	const char *text;
	int len = 0;

	if (f->to >= TO_S) {
		text = tep_get_field_raw(NULL, event, f->name, rec, &len, 0);
		text = text ? tl_string(text, len) : "";
		*(f->to == TO_S ? &e->s : f->to == TO_T ? &e->t : &e->u) = text;
		return;
	}
	tep_get_field_val(NULL, event, f->name, rec, &val, 0);
	switch (f->to) {
	case TO_PCPU:
		e->pcpu = val;
		break;
	case TO_ENTITY:
		e->entity = val;
		break;
	case TO_A:
		e->a = val;
		break;
	default:
		e->b = val;
		break;
	}
}

static int on_record(struct tep_event *event, struct tep_record *rec, int cpu, void *arg)
{
	struct recorder *r = arg;
	const struct field *f;
	struct tl_event *e;
	int kind;

	for (kind = 0; kind < TL_EV_KINDS && r->ids[kind] != event->id; kind++)
		;
	if (kind == TL_EV_KINDS)
		return 0;
	e = tl_add(&r->t->events);
	e->ts = rec->ts;
	e->cpu = cpu;
	e->kind = kind;
	for (f = kinds[kind].fields; f < kinds[kind].fields + 6 && f->name; f++)
		take_field(e, f, event, rec);
	return 0;
}

static uint64_t lost_on(struct tracefs_instance *instance, int cpu)
{
	static const char * const lines[] = { "overrun: ", "dropped events: " };
	char file[64], *text, *at;
	uint64_t lost = 0;
	size_t i;

	snprintf(file, sizeof(file), "per_cpu/cpu%d/stats", cpu);
	text = tracefs_instance_file_read(instance, file, NULL);
	for (i = 0; text && i < 2; i++) {
		at = strstr(text, lines[i]);
		while (at && at != text && at[-1] != '\n')	/* not "commit overrun" */
			at = strstr(at + 1, lines[i]);
		lost += at ? strtoull(at + strlen(lines[i]), NULL, 10) : 0;
	}
	free(text);
	return lost;
}

/* They come in order but for a few; what has one time stays in the order it came. */
static void sort_events(struct timeline *t)
{
	size_t i, k;

	for (i = 1; i < t->events.n; i++) {
		struct tl_event e = t->events.v[i];

		for (k = i; k > 0 && t->events.v[k - 1].ts > e.ts; k--)
			t->events.v[k] = t->events.v[k - 1];
		t->events.v[k] = e;
	}
}

/*
 * Each CPU has a ring of its own. Where one ran over, the record is whole from its
 * first event on only.
 */
static int read_events(struct recorder *r)
{
	struct timeline *t = r->t;
	uint64_t lost, *first;
	size_t i;
	int cpu;

	if (tracefs_iterate_raw_events(r->tep, r->instance, NULL, 0, on_record, r) < 0 &&
	    !t->events.n)
		return refused("the trace cannot be read: %s", strerror(errno));
	first = calloc(r->nr_cpus, sizeof(*first));
	if (!first)
		return refused("out of memory");
	for (i = t->events.n; i-- > 0;)
		if (t->events.v[i].cpu < (uint32_t)r->nr_cpus)
			first[t->events.v[i].cpu] = t->events.v[i].ts;
	for (cpu = 0; cpu < r->nr_cpus; cpu++) {
		lost = lost_on(r->instance, cpu);
		t->lost += lost;
		if (lost && first[cpu] > t->begin)
			t->begin = first[cpu];
	}
	free(first);
	sort_events(t);
	return DONE;
}

/* --- who is who ------------------------------------------------------------------------------ */

static struct tl_vcpu *find_vcpu(struct timeline *t, uint32_t entity)
{
	size_t i;

	for (i = 0; i < t->vcpus.n; i++)
		if (t->vcpus.v[i].entity == entity)
			return &t->vcpus.v[i];
	return NULL;
}

static void name_vcpu(struct tl_vcpu *v, const char *vm)
{
	json_object *o = json_object_new_string(vm);

	snprintf(v->vm, sizeof(v->vm), "%s", vm);
	snprintf(v->json_vm, sizeof(v->json_vm), "%s", json_object_to_json_string(o));
	json_object_put(o);
}

static enum tl_state snapshot_state(const char *name)
{
	if (!strcmp(name, "queued"))
		return TL_WAITING;
	if (!strcmp(name, "offered"))
		return TL_OFFERED;
	if (!strcmp(name, "blocked"))
		return TL_BLOCKED;
	return strcmp(name, "out") ? TL_RUNNING : TL_OUT;
}

/* @sign: -1 for the dump at the begin, 1 for that at the end */
static void take_vcpus(struct timeline *t, json_object *vms, int sign)
{
	size_t i, k;

	for (i = 0; i < json_object_array_length(vms); i++) {
		json_object *vm = json_object_array_get_idx(vms, i), *list;

		json_object_object_get_ex(vm, "vcpus", &list);
		for (k = 0; k < json_object_array_length(list); k++) {
			json_object *o = json_object_array_get_idx(list, k);
			struct tl_vcpu *v = find_vcpu(t, get_num(o, "entity"));

			if (!v) {
				v = tl_add(&t->vcpus);
				v->entity = get_num(o, "entity");
				v->vm_id = get_num(vm, "id");
				v->index = get_num(o, "index");
				v->weight = get_num(vm, "weight");
				v->state = snapshot_state(get_str(o, "state"));
				v->pcpu = get_num(o, "pcpu");
				name_vcpu(v, get_str(vm, "name"));
			}
			v->counted = sign > 0 && !t->lost;
			v->kernel_run_ns += sign * get_num(o, "run_ns");
		}
	}
}

/* A vCPU that came and went between the two dumps is known by its number only. */
static void add_strangers(struct timeline *t)
{
	size_t i;

	for (i = 0; i < t->events.n; i++) {
		uint32_t entity = t->events.v[i].entity;
		struct tl_vcpu *v;
		char name[32];

		/* Only this event names none that is not there. */
		if (t->events.v[i].kind != TL_EV_STATE || find_vcpu(t, entity))
			continue;
		v = tl_add(&t->vcpus);
		v->entity = entity;
		snprintf(name, sizeof(name), "entity-%u", entity);
		name_vcpu(v, name);
	}
}

static int by_vm(const void *a, const void *b)
{
	const struct tl_vcpu *x = a, *y = b;

	if (x->vm_id != y->vm_id)
		return x->vm_id < y->vm_id ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static void know_vcpus(struct recorder *r)
{
	struct timeline *t = r->t;
	int colour = -1;
	size_t i;

	take_vcpus(t, r->before, -1);
	take_vcpus(t, r->after, 1);
	add_strangers(t);
	qsort(t->vcpus.v, t->vcpus.n, sizeof(*t->vcpus.v), by_vm);
	for (i = 0; i < t->vcpus.n; i++) {
		if (!i || strcmp(t->vcpus.v[i].vm, t->vcpus.v[i - 1].vm))
			colour++;
		t->vcpus.v[i].colour = colour;
	}
}

/* --- recording --------------------------------------------------------------------------------- */

static int on_swap_event(uint8_t cmd, struct nlattr **a)
{
	(void)a;
	return cmd == VMM_CMD_EVENT_SCHED_ACTIVATED;
}

static bool to_stdout(const struct request *req)
{
	int i;

	for (i = 0; i < req->nr_out; i++)
		if (!strcmp(req->out[i].path, "-"))
			return true;
	return false;
}

static int wait_out(const struct request *req)
{
	enum nl_end end = NL_EVENT;
	int half = req->length / 2000000;

	if (!req->around)
		return nl_wait(req->length / 1000000) == NL_ERROR ? REFUSED : DONE;
	/* Whoever makes the change must know that it is not too early. */
	if (!opt_json)
		fprintf(to_stdout(req) ? stderr : stdout, "recording; waiting for a change of scheduler\n");
	fflush(stdout);
	end = nl_wait(-1);
	nl_deaf();
	if (end == NL_EVENT)
		end = nl_wait(half > 0 ? half : 1);
	return end == NL_ERROR ? REFUSED : DONE;
}

static int record(struct recorder *r, const struct request *req)
{
	struct timeline *t = r->t;
	json_object *scheds;
	int ret;

	scheds = sched_list();
	if (!scheds)
		return REFUSED;
	t->active = tl_string(get_str(find_by(scheds, "state", "active"), "name"), 64);
	json_object_put(scheds);
	ret = req->around ? nl_listen(on_swap_event) : nl_signals();
	if (ret)
		return ret;
	drop_stale();
	ret = make_instance(r, req);
	if (ret)
		return ret;
	t->begin = now_ns();
	if (tracefs_trace_on(r->instance))
		return refused("tracing cannot be switched on: %s", strerror(errno));
	r->before = vm_list();
	ret = r->before ? wait_out(req) : REFUSED;
	if (ret)
		return ret;
	r->after = vm_list();
	t->end = now_ns();
	tracefs_trace_off(r->instance);
	return r->after ? read_events(r) : REFUSED;
}

/* --- answer ------------------------------------------------------------------------------------- */

static int write_outputs(const struct request *req, const struct timeline *t)
{
	bool bad;
	FILE *f;
	int i;

	for (i = 0; i < req->nr_out; i++) {
		const char *path = req->out[i].path;
		bool is_stdout = !strcmp(path, "-");

		f = is_stdout ? stdout : fopen(path, "w");
		if (!f)
			return refused("cannot write %s: %s", path, strerror(errno));
		if (req->out[i].svg)
			tl_write_svg(t, f);
		else
			tl_write_json(t, f);
		bad = fflush(f) || ferror(f);
		if (!is_stdout)
			bad |= fclose(f) != 0;
		if (bad)
			return refused("cannot write %s: %s", path, strerror(errno));
	}
	return DONE;
}

static size_t count_marks(const struct timeline *t, enum tl_kind kind)
{
	size_t i, n = 0;

	for (i = 0; i < t->marks.n; i++)
		n += t->marks.v[i].kind == kind;
	return n;
}

static json_object *summary(const struct request *req, const struct timeline *t)
{
	json_object *o = json_object_new_object(), *files = json_object_new_array();
	size_t i, turns = 0;
	int k;

	for (i = 0; i < t->spans.n; i++)
		turns += t->spans.v[i].state == TL_RUNNING;
	for (k = 0; k < req->nr_out; k++)
		json_object_array_add(files, json_object_new_string(req->out[k].path));
	json_object_object_add(o, "files", files);
	json_object_object_add(o, "length_ns", json_object_new_uint64(t->end - t->begin));
	json_object_object_add(o, "pcpus", json_object_new_uint64(t->nr_pcpus));
	json_object_object_add(o, "vcpus", json_object_new_uint64(t->vcpus.n));
	json_object_object_add(o, "turns", json_object_new_uint64(turns));
	json_object_object_add(o, "swaps", json_object_new_uint64(count_marks(t, TL_EV_SWAP)));
	json_object_object_add(o, "breaches", json_object_new_uint64(count_marks(t, TL_EV_BREACH)));
	json_object_object_add(o, "noshows", json_object_new_uint64(count_marks(t, TL_EV_NOSHOW)));
	json_object_object_add(o, "lost", json_object_new_uint64(t->lost));
	return o;
}

static void print_summary(json_object *o, const struct timeline *t)
{
	json_object *files;
	char buf[32];
	size_t i;

	json_object_object_get_ex(o, "files", &files);
	for (i = 0; i < json_object_array_length(files); i++)
		printf("%s%s", i ? ", " : "",
		       json_object_get_string(json_object_array_get_idx(files, i)));
	printf(": %s, %llu pCPUs, %llu vCPUs, %llu turns, %llu offers not taken\n",
	       show_ns(get_num(o, "length_ns"), buf, sizeof(buf)),
	       (unsigned long long)get_num(o, "pcpus"), (unsigned long long)get_num(o, "vcpus"),
	       (unsigned long long)get_num(o, "turns"), (unsigned long long)get_num(o, "noshows"));
	for (i = 0; i < t->marks.n; i++) {
		const struct tl_mark *m = &t->marks.v[i];

		if (m->kind == TL_EV_SWAP)
			printf("change of scheduler at %s: %s -> %s, a queue was closed for %llu ns at most\n",
			       show_ns(m->at - t->begin, buf, sizeof(buf)), m->from, m->to,
			       (unsigned long long)m->pause_ns);
		else if (m->kind == TL_EV_BREACH)
			printf("thrown out at %s: %s, because it %s\n",
			       show_ns(m->at - t->begin, buf, sizeof(buf)), m->from, m->text);
	}
}

static void answer(const struct request *req, const struct timeline *t)
{
	json_object *o = summary(req, t);
	bool silent = to_stdout(req);

	if (!silent && opt_json)
		print_json(o);
	else if (!silent)
		print_summary(o, t);
	if (t->lost)
		fprintf(stderr, "vmmctl: %llu events did not fit the buffers; the record is whole for its last %.3f s: use a larger --buffer or a shorter --for\n",
			(unsigned long long)t->lost, (t->end - t->begin) / 1e9);
	json_object_put(o);
}

/* So much before the last change of scheduler, and so much after it. */
static void centre(struct timeline *t, uint64_t half)
{
	const struct tl_mark *swap = NULL;
	size_t i;

	for (i = 0; i < t->marks.n; i++)
		if (t->marks.v[i].kind == TL_EV_SWAP)
			swap = &t->marks.v[i];
	if (!swap)
		return;
	for (i = 0; i < t->vcpus.n; i++)
		t->vcpus.v[i].counted = false;	/* that was for all of the time */
	if (swap->at > half && t->begin < swap->at - half)
		t->begin = swap->at - half;
	if (t->end > swap->end + half)
		t->end = swap->end + half;
}

static int check_tracefs(void)
{
	tracefs_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);
	if (geteuid())
		return refused("recording takes CAP_SYS_ADMIN: run as root");
	if (!tracefs_tracing_dir())
		return refused("there is no tracefs: the kernel does not trace, or /sys/kernel/tracing cannot be mounted");
	return DONE;
}

int cmd_sched_timeline(int argc, char **argv)
{
	int cpus = sysconf(_SC_NPROCESSORS_CONF), ret;
	struct request req = { .length = 1000000000 };
	struct timeline t = { .nr_pcpus = cpus };
	struct recorder r = { .t = &t, .nr_cpus = cpus };

	req.buffer_kib = BUFFERS_KIB / cpus < 512 ? 512 :
			 BUFFERS_KIB / cpus > 8192 ? 8192 : BUFFERS_KIB / cpus;
	ret = parse_request(&req, argc, argv);
	if (!ret)
		ret = check_tracefs();
	if (!ret)
		ret = find_events(&r);
	if (!ret)
		ret = check_outputs(&req);
	if (!ret)
		ret = record(&r, &req);
	drop_instance(&r);
	if (!ret) {
		know_vcpus(&r);
		tl_replay(&t);
		if (req.around)
			centre(&t, req.length / 2);
		tl_clip(&t);
		ret = write_outputs(&req, &t);
	}
	if (!ret)
		answer(&req, &t);
	json_object_put(r.before);
	json_object_put(r.after);
	tep_free(r.tep);
	return ret;
}
