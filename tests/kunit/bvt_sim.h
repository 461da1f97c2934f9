/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of sched_bvt share. */
#ifndef _VMM_KUNIT_BVT_SIM_H
#define _VMM_KUNIT_BVT_SIM_H

#define MS	1000000LL	/* ns */
#define C_NS	(5 * MS)	/* context-switch allowance */

/* Products of a time in ns and two weights do not fit in 64 bits. */
#define s128	__int128

#endif /* _VMM_KUNIT_BVT_SIM_H */
