/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of vmm_bench share. */
#ifndef _VMM_BENCH_MODULE_H
#define _VMM_BENCH_MODULE_H

#include <linux/types.h>

/**
 * struct series - values measured, ticks each
 * @v:    the values
 * @room: how many fit
 * @nr:   how many there are; more than @room are not kept
 */
struct series {
	u64 *v;
	u32 room;
	u32 nr;
};

void series_add(struct series *s, u64 ticks);

/* room.c: a pool of one pCPU that does not exist, under a clock that is set */
int room_dispatch(const char *sched, u32 nr, struct series *s);
int room_swaps(u32 nr, struct series *s);

/* threads.c: the real pool and real threads */
int threads_switch(struct series *s);

#endif /* _VMM_BENCH_MODULE_H */
