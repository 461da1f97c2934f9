/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's names of integer types, so that vmm_core/emulate/ compiles in
 * user space. The C library's users of the uapi header still get that.
 */
#ifndef VMM_TEST_LINUX_TYPES_H
#define VMM_TEST_LINUX_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include_next <linux/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#endif
