/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMM_CONFORM_ARGS_H
#define _VMM_CONFORM_ARGS_H

#include <linux/types.h>

/** struct conform_args - what the suite is told; see the descriptions in args.c */
struct conform_args {
	char *sched;
	char *weights;
	char *idles;
	uint share_error;
	uint wake_ms;
	char *set;
	char *set_vm;
	char *only;
};

extern struct conform_args conform_args;

#endif /* _VMM_CONFORM_ARGS_H */
