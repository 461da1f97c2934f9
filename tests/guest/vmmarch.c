// SPDX-License-Identifier: GPL-2.0
/*
 * vmmarch [WORDS] - the corners of the architecture that a hypervisor gets wrong
 *
 * Only the tests whose name contains WORDS. KTAP; status 1 when one failed.
 */
#include <stdio.h>

#include "scene.h"

int main(int argc, char **argv)
{
	static const struct ktap_test *const lists[] = {
		event_tests, debug_tests, state_tests, host_tests, memory_tests, NULL
	};

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("# device %s\n", kvmc_dev_path());
	return ktap_main(lists, argc > 1 ? argv[1] : NULL);
}
