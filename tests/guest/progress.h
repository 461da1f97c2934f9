/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How far a guest is, told to whoever wants to know, without a system call.
 *
 * The file holds one struct progress, mapped by its writer. Each member is read
 * and written whole; @errors is written first, so a reader that sees a new @lines
 * has seen what was wrong with it.
 */
#ifndef VMM_TEST_PROGRESS_H
#define VMM_TEST_PROGRESS_H

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/**
 * struct progress - the content of the file
 * @lines: lines the guest has printed, all checked
 * @ns: when the last one came, CLOCK_MONOTONIC
 * @errors: how many were wrong or late, and other mishaps
 * @steal_ms: time stolen from it in all, as the guest itself says; Linux guests
 */
struct progress {
	uint64_t lines;
	uint64_t ns;
	uint64_t errors;
	uint64_t steal_ms;
};

/* Create the file and map it; NULL with errno set. Without a path, a dummy. */
static inline struct progress *progress_open(const char *path)
{
	static struct progress nobody;
	struct progress *p;
	int fd;

	if (!path)
		return &nobody;
	fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
	if (fd < 0)
		return NULL;
	if (ftruncate(fd, sizeof(*p))) {
		close(fd);
		return NULL;
	}
	p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return p == MAP_FAILED ? NULL : p;
}

static inline void progress_set(struct progress *p, uint64_t lines, uint64_t ns,
				uint64_t errors)
{
	__atomic_store_n(&p->errors, errors, __ATOMIC_RELAXED);
	__atomic_store_n(&p->ns, ns, __ATOMIC_RELAXED);
	__atomic_store_n(&p->lines, lines, __ATOMIC_RELEASE);
}

/* A reader's copy; 0, or -1 when there is no such file yet. */
static inline int progress_read(const char *path, struct progress *p)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, p, sizeof(*p));
	close(fd);
	return n == sizeof(*p) ? 0 : -1;
}

#endif
