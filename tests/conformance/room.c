// SPDX-License-Identifier: GPL-2.0
/* The virtual machine room of the KUnit suites, for this module. */
#include "../kunit/virtual.c"
