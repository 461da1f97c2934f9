// SPDX-License-Identifier: GPL-2.0
/*
 * vmmctl [-j|-p] OBJECT COMMAND: the command line.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "vmmctl.h"

bool opt_json, opt_pretty;

static const struct object {
	const char *name;
	const struct command *commands;
	int (*run)(int argc, char **argv);
	const char *help;
} objects[] = {
	{ "sched", sched_commands, NULL, "schedulers: which are loaded, which one decides" },
	{ "vm", vm_commands, NULL, "virtual machines: what each has and gets" },
	{ "vcpu", vcpu_commands, NULL, "virtual CPUs: requests for a decision, and the answers" },
	{ "pcpu", pcpu_commands, NULL, "physical CPUs: who owns each" },
	{ "pool", pool_commands, NULL, "pools of physical CPUs, each under a scheduler of its own" },
	{ "monitor", NULL, cmd_monitor, "events as they happen, until interrupted" },
	{ }
};

/* What went wrong, one line however many steps had something to say. */
static char error[2048];

static void say(const char *fmt, va_list ap)
{
	size_t n = strlen(error);

	if (n)
		n += snprintf(error + n, sizeof(error) - n, "; ");
	if (n < sizeof(error))
		vsnprintf(error + n, sizeof(error) - n, fmt, ap);
}

static void tell_error(void)
{
	json_object *o;

	if (!*error)
		return;
	if (!opt_json) {
		fprintf(stderr, "vmmctl: %s\n", error);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "error", json_object_new_string(error));
	print_json(o);
	json_object_put(o);
}

int usage(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return USAGE;
}

int refused(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	return REFUSED;
}

static void help_object(const struct object *o)
{
	const struct command *c;

	if (!o->commands)
		printf("  vmmctl %s\n        %s\n", o->name, o->help);
	for (c = o->commands; c && c->name; c++)
		printf("  vmmctl %s %s%s%s\n        %s\n", o->name, c->name,
		       *c->args ? " " : "", c->args, c->help);
}

static int help(const struct object *only)
{
	const struct object *o;

	printf("usage: vmmctl [OPTIONS] OBJECT { COMMAND | help }\n");
	for (o = objects; o->name; o++)
		if (!only || only == o)
			help_object(o);
	printf("options:\n"
	       "  -j, --json     print JSON\n"
	       "  -p, --pretty   print JSON with line breaks\n"
	       "  -h, --help     print this\n"
	       "  --pool NAME    with 'sched': of this pool, by name or id; else of pool 0\n"
	       "exit status: 0 done, 1 the kernel refused (and why), 2 usage\n");
	return DONE;
}

static int run_object(const struct object *o, int argc, char **argv)
{
	const struct command *c;

	if (argc && !strcmp(argv[0], "help"))
		return help(o);
	if (o->commands == sched_commands && take_pool_option(&argc, argv))
		return USAGE;
	if (!o->commands)
		return o->run(argc, argv);
	if (!argc)
		return usage("which command? See 'vmmctl %s help'", o->name);
	for (c = o->commands; c->name; c++)
		if (!strcmp(argv[0], c->name))
			return c->run(argc - 1, argv + 1);
	return usage("'%s' is no command of '%s'; see 'vmmctl %s help'", argv[0], o->name, o->name);
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pretty", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	const struct object *o;
	int opt, ret;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "+jph", options, NULL)) >= 0) {
		switch (opt) {
		case 'p':
			opt_pretty = true;
			opt_json = true;
			break;
		case 'j':
			opt_json = true;
			break;
		case 'h':
			return help(NULL);
		default:
			return usage("'%s' is no option; see 'vmmctl help'", argv[optind - 1]);
		}
	}
	argc -= optind;
	argv += optind;
	if (!argc)
		return usage("which object? See 'vmmctl help'");
	if (!strcmp(argv[0], "help"))
		return help(NULL);
	for (o = objects; o->name; o++) {
		if (strcmp(argv[0], o->name))
			continue;
		ret = run_object(o, argc - 1, argv + 1);
		ctl_close();
		if (fflush(stdout) || ferror(stdout))
			return refused("cannot write: %s", strerror(errno));
		return ret;
	}
	return usage("'%s' is no object; see 'vmmctl help'", argv[0]);
}

int main(int argc, char **argv)
{
	int ret;

	signal(SIGPIPE, SIG_DFL);
	ret = run(argc, argv);
	tell_error();
	return ret;
}
