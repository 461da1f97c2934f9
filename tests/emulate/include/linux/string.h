/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's name of the C library's header. */
#include <string.h>
