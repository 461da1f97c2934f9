/* SPDX-License-Identifier: GPL-2.0 */
/* QEMU's control socket (QMP), as much of it as tests need. */
#ifndef VMM_TEST_QMP_H
#define VMM_TEST_QMP_H

#include <stddef.h>
#include <stdint.h>

#define QMP_REPLY_MAX	8192

int qmp_open(const char *path, int limit_ms);
int qmp_command(int fd, const char *command, char *reply);
int qmp_monitor(int fd, const char *line, char *reply);
uint64_t qmp_number(const char *reply, const char *key);

#endif
