// SPDX-License-Identifier: GPL-2.0
/*
 * The demo's use of vmmctl: what a person would type, with -j, and read back.
 *
 * Functions return 0, or -1 after saying on standard error what went wrong.
 */
#define _GNU_SOURCE
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "demo.h"

#define COMMAND_MAX	512
#define REPLY_MAX	(256 * 1024)

/* Run a command; its output, to be freed, or NULL when it failed. */
static char *output_of(const char *command)
{
	char *text = calloc(1, REPLY_MAX);
	FILE *f = popen(command, "r");
	size_t n;
	int status;

	if (!f || !text) {
		fprintf(stderr, "demo: cannot run %s\n", command);
		free(text);
		if (f)
			pclose(f);
		return NULL;
	}
	n = fread(text, 1, REPLY_MAX - 1, f);
	text[n] = '\0';
	status = pclose(f);
	if (status) {
		fprintf(stderr, "demo: '%s' ended with status %d: %s\n", command,
			WIFEXITED(status) ? WEXITSTATUS(status) : -1, text);
		free(text);
		return NULL;
	}
	return text;
}

static struct json_object *reply_of(const char *command)
{
	char *text = output_of(command);
	struct json_object *o;

	if (!text)
		return NULL;
	o = json_tokener_parse(text);
	if (!o)
		fprintf(stderr, "demo: '%s' printed no JSON: %s\n", command, text);
	free(text);
	return o;
}

/**
 * ctl_run() - run a command that prints nothing of interest
 * @format: the command, as for printf()
 */
int ctl_run(const char *format, ...)
{
	char command[COMMAND_MAX];
	char *text;
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	text = output_of(command);
	if (!text)
		return -1;
	free(text);
	return 0;
}

static struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *v = NULL;

	if (json_object_is_type(o, json_type_object))
		json_object_object_get_ex(o, key, &v);
	return v;
}

static uint64_t number(struct json_object *o, const char *key)
{
	return json_object_get_int64(member(o, key));
}

static void string(struct json_object *o, const char *key, char *to, size_t size)
{
	const char *s = json_object_get_string(member(o, key));

	snprintf(to, size, "%s", s ? s : "");
}

/* Also where a client wraps its answer into an object by this name. */
static struct json_object *inside(struct json_object *o, const char *key)
{
	struct json_object *v = member(o, key);

	return v ? v : o;
}

static int read_swap(struct json_object *o, struct swap *swap)
{
	memset(swap, 0, sizeof(*swap));
	if (!member(o, "to")) {
		fprintf(stderr, "demo: no report of the swap in %s\n",
			json_object_to_json_string(o));
		return -1;
	}
	string(o, "from", swap->from, sizeof(swap->from));
	string(o, "to", swap->to, sizeof(swap->to));
	swap->pause_ticks = number(o, "pause_max_ticks");
	swap->pause_ns = number(o, "pause_max_ns");
	swap->entities = number(o, "entities");
	swap->running = number(o, "running");
	swap->forced_out = number(o, "forced_out");
	return 0;
}

/**
 * ctl_sched_set() - make a scheduler the active one
 * @name: its name
 * @swap: filled in with what the change cost
 */
int ctl_sched_set(const char *name, struct swap *swap)
{
	char command[COMMAND_MAX];
	struct json_object *o;
	int ret;

	snprintf(command, sizeof(command), "vmmctl -j sched set %s", name);
	o = reply_of(command);
	if (!o)
		return -1;
	ret = read_swap(inside(o, "swap"), swap);
	json_object_put(o);
	return ret;
}

/**
 * ctl_last_swap() - who is active, and how that came about
 * @swap: the last change
 * @active: filled in with the name of the active scheduler
 * @size: size of @active
 */
int ctl_last_swap(struct swap *swap, char *active, size_t size)
{
	struct json_object *reply = reply_of("vmmctl -j sched list"), *list, *s;
	size_t i;
	int ret = -1;

	if (!reply)
		return -1;
	list = inside(reply, "schedulers");
	*active = '\0';
	for (i = 0; json_object_is_type(list, json_type_array) &&
	     i < json_object_array_length(list); i++) {
		char state[16];

		s = json_object_array_get_idx(list, i);
		string(s, "state", state, sizeof(state));
		if (strcmp(state, "active"))
			continue;
		string(s, "name", active, size);
		ret = read_swap(inside(s, "last_swap"), swap);
	}
	if (!*active)
		fprintf(stderr, "demo: no active scheduler in %s\n",
			json_object_to_json_string(reply));
	json_object_put(reply);
	return ret;
}

/**
 * ctl_vm_set() - set a guest's weight, its cap and the pCPUs it may use
 * @g: the guest
 */
int ctl_vm_set(const struct guest *g)
{
	char cpus[4 * PCPUS_MAX] = "", cap[16] = "none";
	size_t n = 0;
	int i;

	for (i = 0; i < PCPUS_MAX; i++)
		if (g->pcpus & 1u << i)
			n += snprintf(cpus + n, sizeof(cpus) - n, "%s%d",
				      n ? "," : "", i);
	if (g->cap)
		snprintf(cap, sizeof(cap), "%u", g->cap);
	return ctl_run("vmmctl vm set %s weight %u cap %s cpus %s", g->vm, g->weight, cap,
		       *cpus ? cpus : "all");
}

/* A VM is a guest's when its name is the guest's and a process number. */
static int is_vm_of(const char *vm, const char *guest)
{
	size_t n = strlen(guest);

	return !strncmp(vm, guest, n) && vm[n] == '-' &&
	       strspn(vm + n + 1, "0123456789") == strlen(vm + n + 1);
}

static void take_counters(struct json_object *vm, struct guest *g)
{
	string(vm, "name", g->vm, sizeof(g->vm));
	g->now.run_ns = number(vm, "run_ns");
	g->now.wait_ns = number(vm, "wait_ns");
	g->now.switches = number(vm, "switches");
}

/**
 * ctl_counters() - read what the kernel has counted for each guest
 * @guests: the guests; their @now is updated
 * @count: how many
 */
int ctl_counters(struct guest *guests, int count)
{
	struct json_object *reply = reply_of("vmmctl -j vm list"), *list, *vm;
	int found = 0, j;
	char name[64];
	size_t i;

	if (!reply)
		return -1;
	list = inside(reply, "vms");
	for (i = 0; json_object_is_type(list, json_type_array) &&
	     i < json_object_array_length(list); i++) {
		vm = json_object_array_get_idx(list, i);
		string(vm, "name", name, sizeof(name));
		for (j = 0; j < count; j++) {
			if (is_vm_of(name, guests[j].name)) {
				take_counters(vm, &guests[j]);
				found++;
			}
		}
	}
	json_object_put(reply);
	if (found == count)
		return 0;
	fprintf(stderr, "demo: the kernel knows %d of our %d guests\n", found,
		count);
	return -1;
}

/**
 * ctl_thrown_out() - why the last scheduler was thrown out
 * @text: filled in, "NAME, because it ..."
 * @size: of @text
 *
 * Return: 0, or -1 when none was.
 */
int ctl_thrown_out(char *text, size_t size)
{
	struct json_object *o = reply_of("vmmctl -j sched show"), *rec;
	char name[NAME_MAX_LEN], reason[128];

	*text = '\0';
	rec = member(o, "last_exit");
	if (rec) {
		string(rec, "name", name, sizeof(name));
		string(rec, "reason", reason, sizeof(reason));
		snprintf(text, size, "%s, because it %s", name, reason);
	}
	json_object_put(o);
	return *text ? 0 : -1;
}

/** ctl_show() - run a command and print what it prints, with @indent before each line */
void ctl_show(const char *command, const char *indent)
{
	char *text = output_of(command), *line, *next;

	for (line = text; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		else
			next = line + strlen(line);
		printf("%s%s\n", indent, line);
	}
	free(text);
}

/**
 * ctl_record() - begin to record who runs when, around the next change of scheduler
 * @name:   of the files, without .json and .svg
 * @length: as vmmctl reads it
 *
 * Returns when it is ready for that change.
 * Return: for ctl_recorded(), or NULL.
 */
FILE *ctl_record(const char *name, const char *length)
{
	char command[COMMAND_MAX], line[256];
	FILE *recording;

	snprintf(command, sizeof(command),
		 "exec vmmctl sched timeline --around-swap --for %s --buffer 1024 -o %s.json -o %s.svg", length, name,
		 name);
	recording = popen(command, "r");
	if (recording && !fgets(line, sizeof(line), recording)) {
		pclose(recording);
		return NULL;
	}
	return recording;
}

/** ctl_recorded() - wait until it is written; prints what vmmctl says of it */
int ctl_recorded(FILE *recording)
{
	char line[256];

	if (!recording)
		return -1;
	while (fgets(line, sizeof(line), recording))
		printf("   %s", line);
	return pclose(recording) ? -1 : 0;
}

/** ctl_send() - have a file written on the machine that started this one (tests/vm/unpack) */
void ctl_send(const char *path)
{
	const char *base = strrchr(path, '/');
	char command[COMMAND_MAX];
	char *text;

	snprintf(command, sizeof(command), "gzip -c %s | base64", path);
	text = output_of(command);
	if (text)
		printf("@@file %s\n%s@@end\n", base ? base + 1 : path, text);
	free(text);
}
