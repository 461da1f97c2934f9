/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMM_KUNIT_CHOICE_H
#define _VMM_KUNIT_CHOICE_H

#include <linux/types.h>

/* Parameter "full" of vmm_kunit_choice: the long simulations at their full length. */
extern bool vmm_kunit_full;

#endif /* _VMM_KUNIT_CHOICE_H */
