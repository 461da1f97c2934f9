// SPDX-License-Identifier: GPL-2.0
/*
 * tsc - print the time stamp counter
 *
 * On Bochs that is the machine's only clock, and counts its instructions when
 * it has one processor: two runs of the same command print the same number.
 */
#include <stdio.h>
#include <x86intrin.h>

int main(void)
{
	printf("%llu\n", __rdtsc());
	return 0;
}
