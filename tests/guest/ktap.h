/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of tests that print KTAP. Each test runs in a process of its own with a
 * time limit, so that one which hangs or dies does not take the others along.
 */
#ifndef VMM_TEST_KTAP_H
#define VMM_TEST_KTAP_H

enum ktap_result { KTAP_PASS, KTAP_FAIL, KTAP_SKIP };

/**
 * struct ktap_test - one test
 * @name: says what holds when it passes
 * @run: returns an enum ktap_result
 */
struct ktap_test {
	const char *name;
	int (*run)(void);
};

/* A list of tests ends with an entry without a name. */
int ktap_main(const struct ktap_test *const lists[], const char *wanted);
/* What ktap_main() is made of, for programs with lists of another kind. */
void ktap_run(const char *name, int (*run)(void));
int ktap_end(void);
int ktap_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int ktap_skip(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
