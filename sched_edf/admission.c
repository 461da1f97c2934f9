// SPDX-License-Identifier: GPL-2.0
/*
 * sched_edf: who is let in. See Admission at the head of main.c.
 *
 * Locking: everything here is called under the pool's mutex, but edf_get_tune(),
 * which reads single words and is called from anywhere.
 */

#include <linux/errno.h>

#include "edf.h"

/* What values mean, those of a VM (@g) and those of the scheduler (@d). */
static void edf_make_tune(const u64 *g, const u64 *d, struct edf_tune *t)
{
	t->period = g[EDF_G_PERIOD] ?: d[EDF_P_PERIOD];
	t->budget = g[EDF_G_BUDGET] ?: d[EDF_P_BUDGET];
	t->extratime = g[EDF_G_EXTRATIME];
	t->critical = false;
}

/* The parameters of an entity, with the values @d of the scheduler; NULL: those in force. */
static void edf_read_tune(struct vmm_sched *s, struct vmm_entity *e, const u64 *d,
			  struct edf_tune *t)
{
	u64 g[] = {
		[EDF_G_PERIOD] = vmm_entity_param(s, e, EDF_G_PERIOD),
		[EDF_G_BUDGET] = vmm_entity_param(s, e, EDF_G_BUDGET),
		[EDF_G_EXTRATIME] = vmm_entity_param(s, e, EDF_G_EXTRATIME),
	};
	u64 in_force[] = {
		[EDF_P_PERIOD] = vmm_sched_param(s, EDF_P_PERIOD),
		[EDF_P_BUDGET] = vmm_sched_param(s, EDF_P_BUDGET),
	};

	edf_make_tune(g, d ?: in_force, t);
	t->critical = vmm_entity_time_critical(e);
}

/** edf_get_tune() - the parameters of an entity, as they are now */
void edf_get_tune(struct vmm_sched *s, struct vmm_entity *e, struct edf_tune *t)
{
	edf_read_tune(s, e, NULL, t);
	/* Single words are read while several change: this holds at all times. */
	t->budget = min(t->budget, t->period);
}

/** edf_check_tune() - can these times be? 0, or -EINVAL with its reason */
int edf_check_tune(struct vmm_sched *s, u64 period, u64 budget)
{
	if (period < EDF_NS_MIN || budget < EDF_NS_MIN)
		vmm_sched_refuse(s, "a period or a budget is at least 50us, or 0 for the scheduler's own");
	else if (budget > period)
		vmm_sched_refuse(s, "the budget would be longer than the period");
	else
		return 0;
	return -EINVAL;
}

static bool edf_room(struct vmm_sched *s, u64 load, u64 greatest, const u64 *d)
{
	return edf_fits(load, greatest, vmm_sched_online(s),
			d ? d[EDF_P_CAP] : vmm_sched_param(s, EDF_P_CAP),
			d ? d[EDF_P_GFB] : vmm_sched_param(s, EDF_P_GFB));
}

static int edf_no_room(struct vmm_sched *s)
{
	vmm_sched_refuse(s, "the budgets would not fit: more processor time reserved than the pool's pCPUs have (see utilisation_cap, gfb)");
	return -ENOSPC;
}

/* Sum and greatest of all utilisations under @d; false: a budget is longer than its period. */
static bool edf_sum(struct vmm_sched *s, const u64 *d, u64 *load, u64 *greatest)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_vcpu *v;

	*load = 0;
	*greatest = 0;
	list_for_each_entry(v, &es->all, all) {
		struct edf_tune t;

		edf_read_tune(s, v->e, d, &t);
		if (t.budget > t.period)
			return false;
		*load += edf_util(&t);
		*greatest = max(*greatest, edf_util(&t));
	}
	return true;
}

int edf_op_check_sched(struct vmm_sched *s, const u64 *want)
{
	struct edf_sched *es = vmm_sched_priv(s);
	u64 load, greatest;
	int ret;

	ret = edf_check_tune(s, want[EDF_P_PERIOD], want[EDF_P_BUDGET]);
	if (ret)
		return ret;
	if (!edf_sum(s, want, &load, &greatest)) {
		vmm_sched_refuse(s, "a VM's own budget would be longer than its period");
		return -EINVAL;
	}
	if (edf_room(s, load, greatest, want))
		return 0;
	/* Too much already: what does not make it worse is welcome. */
	if (es->over && load <= es->load &&
	    want[EDF_P_CAP] >= vmm_sched_param(s, EDF_P_CAP) &&
	    want[EDF_P_GFB] <= vmm_sched_param(s, EDF_P_GFB))
		return 0;
	return edf_no_room(s);
}

int edf_op_check_group(struct vmm_sched *s, unsigned int nr, const u64 *cur,
		       const u64 *want)
{
	struct edf_sched *es = vmm_sched_priv(s);
	u64 d[] = {
		[EDF_P_PERIOD] = vmm_sched_param(s, EDF_P_PERIOD),
		[EDF_P_BUDGET] = vmm_sched_param(s, EDF_P_BUDGET),
	};
	struct edf_tune from, to;
	u64 was, is;
	int ret;

	edf_make_tune(cur, d, &from);
	edf_make_tune(want, d, &to);
	ret = edf_check_tune(s, to.period, to.budget);
	if (ret)
		return ret;
	was = edf_util(&from);
	is = edf_util(&to);
	if (nr && is > was &&
	    !edf_room(s, es->load + nr * (is - was), max(es->greatest, is), NULL))
		return edf_no_room(s);
	return 0;
}

/* After a change of what is reserved, or of what there is. */
static void edf_look_over(struct vmm_sched *s)
{
	struct edf_sched *es = vmm_sched_priv(s);
	bool over = !edf_room(s, es->load, es->greatest, NULL);

	if (over && !es->over)
		vmm_sched_warn(s, "more processor time is reserved than the pool's pCPUs have: deadlines may be missed, nothing more is admitted");
	es->over = over;
}

void edf_op_pcpus_changed(struct vmm_sched *s)
{
	edf_look_over(s);
}

/* Entities take the new values with their next period; see edf_refresh(). */
void edf_op_sched_params(struct vmm_sched *s)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_vcpu *v;

	es->load = 0;
	es->greatest = 0;
	list_for_each_entry(v, &es->all, all) {
		struct edf_tune t;

		edf_get_tune(s, v->e, &t);
		v->util = edf_util(&t);
		es->load += v->util;
		es->greatest = max(es->greatest, v->util);
	}
	WRITE_ONCE(es->q.strict, vmm_sched_param(s, EDF_P_STRICT));
	edf_look_over(s);
}

/** edf_reserve() - @v is in with @util from now on, whatever it had before */
void edf_reserve(struct vmm_sched *s, struct edf_vcpu *v, u64 util)
{
	struct edf_sched *es = vmm_sched_priv(s);
	bool was_greatest = v->util == es->greatest;
	struct edf_vcpu *o;

	es->load += util - v->util;
	v->util = util;
	es->greatest = max(es->greatest, util);
	if (was_greatest && util < es->greatest) {
		es->greatest = 0;
		list_for_each_entry(o, &es->all, all)
			es->greatest = max(es->greatest, o->util);
	}
	es->over = es->over && !edf_room(s, es->load, es->greatest, NULL);
}

/** edf_admit() - let another one in. 0, or -EINVAL or -ENOSPC with its reason */
int edf_admit(struct vmm_sched *s, struct edf_vcpu *v)
{
	struct edf_sched *es = vmm_sched_priv(s);
	struct edf_tune t;
	u64 util;
	int ret;

	/* A VM's values from an earlier time may not go with the scheduler's of today. */
	edf_read_tune(s, v->e, NULL, &t);
	ret = edf_check_tune(s, t.period, t.budget);
	if (ret)
		return ret;
	util = edf_util(&t);
	if (!edf_room(s, es->load + util, max(es->greatest, util), NULL))
		return edf_no_room(s);
	list_add_tail(&v->all, &es->all);
	edf_reserve(s, v, util);
	return 0;
}

/** edf_release() - undo edf_admit() */
void edf_release(struct vmm_sched *s, struct edf_vcpu *v)
{
	edf_reserve(s, v, 0);
	list_del(&v->all);
}
