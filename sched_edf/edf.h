/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of sched_edf share: its objects under the scheduler interface.
 *
 * Legend of the tags: [D] the lock of the pool's dispatch domain, [M] the pool's
 * mutex, [I] immutable.
 */
#ifndef _EDF_H
#define _EDF_H

#include <linux/kernel.h>
#include <linux/list.h>
#include <vmm/sched.h>

#include "edf_policy.h"

/* Parameters of the scheduler. */
enum {
	EDF_P_PERIOD,
	EDF_P_BUDGET,
	EDF_P_CAP,
	EDF_P_GFB,
	EDF_P_STRICT,
};

/* Parameters of a VM. */
enum {
	EDF_G_PERIOD,
	EDF_G_BUDGET,
	EDF_G_EXTRATIME,
};

/**
 * struct edf_sched - one instance
 * @q:        the rules' part
 * @free:     pCPUs on which nobody runs
 * @armed:    what the pool's deadline is set to, 0: nothing
 * @all:      attached entities
 * @load:     sum of their utilisations, in EDF_UNIT
 * @greatest: at least the greatest of them
 * @over:     more is reserved than there is
 */
struct edf_sched {
	struct edf_queue q;		/* [D] */
	struct list_head free;		/* [D] */
	u64 armed;			/* [D] */
	struct list_head all;		/* [M] */
	u64 load;			/* [M] */
	u64 greatest;			/* [M] */
	bool over;			/* [M] */
};

/**
 * struct edf_pcpu - a pCPU
 * @c:      the rules' part
 * @p:      the way back
 * @free:   node in the list of free ones, or empty
 * @unsure: queued here last: it is not certain yet that it waits where it should
 * @seen:   budget of who runs when its end was last looked at
 */
struct edf_pcpu {
	struct edf_cpu c;		/* [D] */
	struct vmm_pcpu *p;		/* [I] */
	struct list_head free;		/* [D] */
	struct edf_ent *unsure;		/* [D] */
	s64 seen;			/* [D] */
};

/**
 * struct edf_vcpu - an entity
 * @x:    the rules' part
 * @e:    the way back
 * @all:  node in the list of all
 * @util: what it is admitted with, in EDF_UNIT
 */
struct edf_vcpu {
	struct edf_ent x;		/* [D] */
	struct vmm_entity *e;		/* [I] */
	struct list_head all;		/* [M] */
	u64 util;			/* [M] */
};

static inline struct edf_pcpu *edf_pcpu_of(struct vmm_sched *s, struct vmm_pcpu *p)
{
	return vmm_pcpu_priv(s, p);
}

static inline struct edf_pcpu *edf_at(struct edf_cpu *c)
{
	return container_of(c, struct edf_pcpu, c);
}

static inline struct edf_vcpu *edf_vcpu_of(struct vmm_sched *s, struct vmm_entity *e)
{
	return vmm_entity_priv(s, e);
}

static inline struct vmm_entity *edf_entity(struct edf_ent *x)
{
	return container_of(x, struct edf_vcpu, x)->e;
}

/* --- admission.c ------------------------------------------------------------- */
void edf_get_tune(struct vmm_sched *s, struct vmm_entity *e, struct edf_tune *t);
int edf_check_tune(struct vmm_sched *s, u64 period, u64 budget);
int edf_admit(struct vmm_sched *s, struct edf_vcpu *v);
void edf_reserve(struct vmm_sched *s, struct edf_vcpu *v, u64 util);
void edf_release(struct vmm_sched *s, struct edf_vcpu *v);

int edf_op_check_sched(struct vmm_sched *s, const u64 *want);
int edf_op_check_group(struct vmm_sched *s, unsigned int nr, const u64 *cur,
		       const u64 *want);
void edf_op_pcpus_changed(struct vmm_sched *s);
void edf_op_sched_params(struct vmm_sched *s);

#endif /* _EDF_H */
