/* SPDX-License-Identifier: GPL-2.0 */
/* A Linux guest looks whether time, registers, interrupts and its disk are as they must be. */
#ifndef VMM_TEST_LINUXCHECK_H
#define VMM_TEST_LINUXCHECK_H

#include <stdint.h>

void checks_start(const char *name, const char *disk);
void checks_turn(uint64_t seq);

#endif
