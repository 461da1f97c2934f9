// SPDX-License-Identifier: GPL-2.0
/*
 * KTAP on standard output, at the end "N passed, N failed, N skipped".
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"

#define TIME_LIMIT	30	/* seconds per test */

static void remark(const char *format, va_list args)
{
	printf("# ");
	vprintf(format, args);
	printf("\n");
}

/** ktap_fail() - say why a test fails; KTAP_FAIL */
int ktap_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	remark(format, args);
	va_end(args);
	return KTAP_FAIL;
}

/** ktap_skip() - say why a test cannot be made here; KTAP_SKIP */
int ktap_skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	remark(format, args);
	va_end(args);
	return KTAP_SKIP;
}

static int run_apart(int (*run)(void))
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		alarm(TIME_LIMIT);
		status = run();
		fflush(stdout);
		_exit(status);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return ktap_fail("no process");
	if (WIFSIGNALED(status))
		return ktap_fail("ended by signal %d", WTERMSIG(status));
	status = WEXITSTATUS(status);
	return status > KTAP_SKIP ? KTAP_FAIL : status;
}

static unsigned int number, count[3];

/** ktap_run() - one test; @name has no '#' */
void ktap_run(const char *name, int (*run)(void))
{
	int ret;

	if (!number)
		printf("KTAP version 1\n");
	ret = run_apart(run);
	count[ret]++;
	printf("%sok %u %s%s\n", ret == KTAP_FAIL ? "not " : "", ++number, name,
	       ret == KTAP_SKIP ? " # SKIP" : "");
}

/**
 * ktap_end() - the plan and the line of totals
 *
 * Return: exit status of the program: 1 when a test failed.
 */
int ktap_end(void)
{
	printf("1..%u\n%u passed, %u failed, %u skipped\n", number, count[KTAP_PASS],
	       count[KTAP_FAIL], count[KTAP_SKIP]);
	return count[KTAP_FAIL] != 0;
}

/**
 * ktap_main() - run the tests of all lists
 * @lists: the lists, the last one NULL
 * @wanted: only those whose name contains this; NULL: all
 *
 * Return: exit status of the program: 1 when one failed.
 */
int ktap_main(const struct ktap_test *const lists[], const char *wanted)
{
	const struct ktap_test *t;
	int i;

	for (i = 0; lists[i]; i++) {
		for (t = lists[i]; t->name; t++) {
			if (!wanted || strstr(t->name, wanted))
				ktap_run(t->name, t->run);
		}
	}
	return ktap_end();
}
