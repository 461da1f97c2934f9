// SPDX-License-Identifier: GPL-2.0
/*
 * sched_bad: first come first served, but for one thing that it does wrong.
 *
 * Two schedulers, "bad" with one lock for the pool, so that it sees all pCPUs
 * at once, and "bad_pcpu" with one for each. What they do wrong is the
 * parameter "kind", which can be changed while they are in charge. For tests
 * only: this module is no example for anything.
 *
 * Locking: the interface's. Which entity the misdeeds are about (victim and the
 * like) is under the lock of the pool; "bad_pcpu" does not use it.
 */
#include <linux/bitops.h>
#include <linux/delay.h>
#include <linux/module.h>
#include "../../sched_iface/internal.h"
#include "bad.h"

#define PCPUS 64u

static const char * const names[] = {
	[BAD_GOOD] = "good",
	[BAD_NEVER] = "never",
	[BAD_UNKNOWN] = "unknown",
	[BAD_DEAD] = "dead",
	[BAD_RUNNING] = "running",
	[BAD_TWICE] = "twice",
	[BAD_BLOCKED] = "blocked",
	[BAD_FOREIGN] = "foreign",
	[BAD_DISALLOWED] = "disallowed",
	[BAD_LOSE] = "lose",
	[BAD_STARVE] = "starve",
	[BAD_PINGPONG] = "pingpong",
	[BAD_HOLD] = "hold",
	[BAD_HOLD_IDLE] = "hold_idle",
	[BAD_SLICE_ZERO] = "slice_zero",
	[BAD_SLICE_NEGATIVE] = "slice_negative",
	[BAD_SLICE_INFINITE] = "slice_infinite",
	[BAD_WAKEUP] = "wakeup",
	[BAD_ADOPT] = "adopt",
	[BAD_HISTORY] = "history",
	[BAD_INIT_ERRNO] = "init_errno",
	[BAD_PCPU_ERRNO] = "pcpu_errno",
	[BAD_ATTACH_ERRNO] = "attach_errno",
	[BAD_ATTACH_LATER] = "attach_later",
	[BAD_CHECK_SCHED] = "check_sched",
	[BAD_CHECK_GROUP] = "check_group",
	[BAD_ATTACH_FAILS] = "attach_fails",
	[BAD_DETACH_SLOW] = "detach_slow",
	[BAD_REGISTER] = "register",
	[BAD_UNREGISTER] = "unregister",
	[BAD_ACTIVATE] = "activate",
	[BAD_INIT_ACTIVATE] = "init_activate",
	[BAD_PARAMS_UNREGISTER] = "params_unregister",
	[BAD_STEAL_UNLOCKED] = "steal_unlocked",
	[BAD_STEAL_KEEPS] = "steal_keeps",
	[BAD_STEAL_TWO] = "steal_two",
	[BAD_STEAL_GIVES] = "steal_gives",
	[BAD_DEADLINES] = "deadlines",
	[BAD_RESCHED] = "resched",
};

static int kind;			/* enum bad_kind */
int bad_at = 1;
module_param_named(at, bad_at, int, 0644);
MODULE_PARM_DESC(at, "attach_fails: which entity");
EXPORT_SYMBOL_GPL(bad_at);
int bad_attached;
EXPORT_SYMBOL_GPL(bad_attached);
int bad_deadlines;
EXPORT_SYMBOL_GPL(bad_deadlines);
int bad_dangling;
EXPORT_SYMBOL_GPL(bad_dangling);
int bad_told;
EXPORT_SYMBOL_GPL(bad_told);

static u32 victim;			/* lose, starve, hold */
static u32 gone;			/* dead */
static u32 asleep;			/* blocked */

/** bad_set_kind() - what to do wrong from now on */
void bad_set_kind(enum bad_kind new)
{
	WRITE_ONCE(kind, BAD_GOOD);
	victim = 0;
	asleep = 0;
	WRITE_ONCE(kind, new);
}
EXPORT_SYMBOL_GPL(bad_set_kind);

/** bad_kind_name() - as in the parameter */
const char *bad_kind_name(enum bad_kind k)
{
	return names[k];
}
EXPORT_SYMBOL_GPL(bad_kind_name);

static int set_kind(const char *val, const struct kernel_param *kp)
{
	char word[24];
	int i;

	strscpy(word, val, sizeof(word));
	i = match_string(names, BAD_KINDS, strim(word));
	if (i < 0)
		return i;
	bad_set_kind(i);
	return 0;
}

static int get_kind(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", names[kind]);
}

static const struct kernel_param_ops kind_ops = { .set = set_kind, .get = get_kind };
module_param_cb(kind, &kind_ops, NULL, 0644);
MODULE_PARM_DESC(kind, "what it does wrong");

struct bad_entity {
	struct list_head node;
	struct vmm_entity *e;
	bool queued;
};

struct bad_pcpu {
	struct list_head queue;
	struct vmm_pcpu *p;
};

struct bad_sched {
	struct vmm_pcpu *pcpu[PCPUS];
};

static bool is(enum bad_kind k)
{
	return READ_ONCE(kind) == k;
}

static struct bad_entity *entity_of(struct vmm_sched *s, struct vmm_entity *e)
{
	return vmm_entity_priv(s, e);
}

static struct list_head *queue_of(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bad_pcpu *bp = vmm_pcpu_priv(s, p);

	return &bp->queue;
}

static struct vmm_entity *first_of(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bad_entity *be = list_first_entry_or_null(queue_of(s, p), struct bad_entity, node);

	return be ? be->e : NULL;
}

static struct vmm_pcpu *other_of(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bad_sched *bs = vmm_sched_priv(s);

	return vmm_pcpu_id(p) ? bs->pcpu[0] : bs->pcpu[1];
}

/* --- ops that may sleep ---------------------------------------------------------------- */

static const struct vmm_sched_ops bad_ops, bad_pcpu_ops, bad_third_ops;

static void ask_for_change(struct vmm_sched *s)
{
	struct vmm_swap_result res;
	const char *why;

	if (vmm_sched_activate(s->pool, &bad_pcpu_ops, NULL, 0, &res, &why) != -EDEADLK)
		pr_err("sched_bad: a change of scheduler was made from inside an op\n");
}

static int bad_init(struct vmm_sched *s)
{
	if (is(BAD_INIT_ACTIVATE))
		ask_for_change(s);
	return is(BAD_INIT_ERRNO) ? 5 : 0;
}

static int bad_pcpu_init(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bad_sched *bs = vmm_sched_priv(s);
	struct bad_pcpu *bp = vmm_pcpu_priv(s, p);

	if (is(BAD_PCPU_ERRNO))
		return 1 << 20;
	INIT_LIST_HEAD(&bp->queue);
	bp->p = p;
	if (vmm_pcpu_id(p) < PCPUS)
		bs->pcpu[vmm_pcpu_id(p)] = p;
	bad_attached++;
	return 0;
}

static void bad_pcpu_exit(struct vmm_sched *s, struct vmm_pcpu *p)
{
	bad_attached--;
}

static int bad_attach(struct vmm_sched *s, struct vmm_entity *e)
{
	struct bad_entity *be = entity_of(s, e);

	if (is(BAD_ATTACH_ERRNO) ||
	    (is(BAD_ATTACH_LATER) && rcu_access_pointer(s->pool->active) == s))
		return 5;
	if (is(BAD_ATTACH_FAILS) && --bad_at == 0)
		return -ENOSPC;
	be->e = e;
	bad_attached++;
	return 0;
}

/*
 * What a detach() may do: follow the links of its queues, which have somebody in them if it was
 * thrown out. Whoever is there is attached, and its memory and its entity are.
 */
static void look_at_queues(struct vmm_sched *s)
{
	struct bad_sched *bs = vmm_sched_priv(s);
	struct bad_entity *be;
	u32 i;

	for (i = 0; i < PCPUS && bs->pcpu[i]; i++)
		list_for_each_entry(be, queue_of(s, bs->pcpu[i]), node)
			if (!be->e || entity_of(s, be->e) != be)
				bad_dangling++;
}

static void bad_detach(struct vmm_sched *s, struct vmm_entity *e)
{
	if (is(BAD_DETACH_SLOW))
		msleep(20);
	/* While it is in charge they change under other locks. */
	if (READ_ONCE(s->broken))
		look_at_queues(s);
	gone = vmm_entity_id(e);
	bad_attached--;
}

static int bad_check_sched(struct vmm_sched *s, const u64 *want)
{
	return is(BAD_CHECK_SCHED) ? -5000 : 0;
}

static void bad_sched_params(struct vmm_sched *s)
{
	if (is(BAD_PARAMS_UNREGISTER))
		vmm_sched_unregister(s->ops);
}

static int bad_check_group(struct vmm_sched *s, unsigned int nr, const u64 *cur, const u64 *want)
{
	return is(BAD_CHECK_GROUP) ? 7 : 0;
}

/* --- queues ------------------------------------------------------------------------------ */

static void bad_enqueue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			enum vmm_enqueue_why why, u64 now)
{
	struct bad_entity *be = entity_of(s, e);

	if (asleep == vmm_entity_id(e))
		asleep = 0;
	/* Not one that gives way to others by itself. */
	if (!victim && (why == VMM_ENQ_SLICE || why == VMM_ENQ_SWAP || why == VMM_ENQ_PREEMPT))
		victim = vmm_entity_id(e);
	if (is(BAD_LOSE) && victim == vmm_entity_id(e))
		return;
	list_add_tail(&be->node, queue_of(s, p));
	be->queued = true;
}

static void bad_dequeue(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	struct bad_entity *be = entity_of(s, e);

	if (be->queued)
		list_del(&be->node);
	be->queued = false;
}

/* Who is not the victim comes first; the victim only if @alone. */
static struct vmm_entity *choose(struct vmm_sched *s, struct vmm_pcpu *p, bool spare, bool alone)
{
	struct bad_entity *be;

	list_for_each_entry(be, queue_of(s, p), node)
		if (!spare || vmm_entity_id(be->e) != victim)
			return be->e;
	return alone ? first_of(s, p) : NULL;
}

static void pingpong(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct vmm_pcpu *o = other_of(s, p);
	struct bad_entity *be;

	if (!o)
		return;
	list_for_each_entry(be, queue_of(s, o), node) {
		if (vmm_entity_id(be->e) == victim) {
			vmm_steal(p, o, be->e);
			break;
		}
	}
}

static void misuse_steal(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct bad_sched *bs = vmm_sched_priv(s);
	struct vmm_pcpu *o = other_of(s, p), *peer;
	struct vmm_entity *e;

	if (!o)
		return;
	if (is(BAD_STEAL_UNLOCKED)) {
		e = READ_ONCE(o->nr_queued) ?
			list_first_entry(&o->queued, struct vmm_entity, queued_node) : NULL;
		if (e)
			vmm_steal(p, o, e);
	} else if (is(BAD_STEAL_KEEPS)) {
		vmm_try_peer(p, vmm_pcpu_id(o));
	} else if (is(BAD_STEAL_GIVES)) {
		vmm_put_peer(p, o);
	} else if (is(BAD_STEAL_TWO)) {
		peer = vmm_try_peer(p, vmm_pcpu_id(o));
		if (peer) {
			/* The third, or the same once more. */
			vmm_try_peer(p, bs->pcpu[2] && bs->pcpu[2] != p ? 2 : vmm_pcpu_id(o));
			vmm_put_peer(p, peer);
		}
	}
}

/* The id to answer instead of the right one, or 0. */
static u32 wrong_id(struct vmm_sched *s, struct vmm_pcpu *p)
{
	struct vmm_pcpu *o = other_of(s, p);
	struct vmm_entity *e = NULL;

	switch (READ_ONCE(kind)) {
	case BAD_UNKNOWN:
		return 0x7ffffff0;
	case BAD_DEAD:
		return gone;
	case BAD_BLOCKED:
		return asleep;
	case BAD_RUNNING:
	case BAD_TWICE:
		e = o ? vmm_pcpu_current(o) : NULL;
		break;
	case BAD_FOREIGN:
	case BAD_DISALLOWED:
		e = o ? first_of(s, o) : NULL;
		if (e && vmm_entity_allowed(e, p) != is(BAD_FOREIGN))
			e = NULL;
		break;
	default:
		break;
	}
	return e ? vmm_entity_id(e) : 0;
}

static void ask_from_pick(struct vmm_sched *s)
{
	if (is(BAD_REGISTER) && vmm_sched_register(&bad_third_ops) != -EDEADLK)
		pr_err("sched_bad: a scheduler was registered from inside an op\n");
	if (is(BAD_UNREGISTER))
		vmm_sched_unregister(s->ops);
}

static void set_deadlines(struct vmm_sched *s, struct vmm_pcpu *p, u64 now)
{
	bad_deadlines++;
	if (is(BAD_DEADLINES)) {
		vmm_pcpu_set_deadline(p, now);
		if (s->ops->domain == VMM_DOMAIN_POOL)
			vmm_pool_set_deadline(s, now);
	} else if (is(BAD_RESCHED)) {
		vmm_pcpu_resched(p);
	}
}

static u32 bad_pick(struct vmm_sched *s, struct vmm_pcpu *p, u64 now, u64 *slice_ns)
{
	bool spare = is(BAD_STARVE) || is(BAD_PINGPONG) || is(BAD_HOLD);
	struct vmm_entity *e;
	u32 id;

	ask_from_pick(s);
	set_deadlines(s, p, now);
	if (s->ops->domain == VMM_DOMAIN_PCPU)
		misuse_steal(s, p);
	else if (is(BAD_PINGPONG))
		pingpong(s, p);
	id = wrong_id(s, p);
	if (id)
		return id;
	if (is(BAD_NEVER) || is(BAD_HOLD_IDLE))
		return VMM_ENTITY_NONE;
	e = choose(s, p, spare, !is(BAD_HOLD));
	if (is(BAD_HOLD))
		vmm_pcpu_set_deadline(p, now + 100 * NSEC_PER_MSEC);
	if (!e)
		return VMM_ENTITY_NONE;
	bad_dequeue(s, p, e, now);
	switch (READ_ONCE(kind)) {
	case BAD_SLICE_ZERO:
		*slice_ns = 0;
		break;
	case BAD_SLICE_NEGATIVE:
		*slice_ns = (u64)-1000;
		break;
	case BAD_SLICE_INFINITE:
		*slice_ns = VMM_SLICE_INFINITE;
		break;
	default:
		*slice_ns = 3 * NSEC_PER_MSEC;
		break;
	}
	return vmm_entity_id(e);
}

static void bad_charge(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 ran_ns,
		       u64 now)
{
	if (is(BAD_ACTIVATE))
		ask_for_change(s);
}

static void bad_put(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		    enum vmm_put_why why, u64 now)
{
	if (READ_ONCE(s->broken))
		bad_told++;
	if (why == VMM_PUT_BLOCK)
		asleep = vmm_entity_id(e);
}

static u64 bad_take(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
		    enum vmm_enqueue_why why, u64 now)
{
	if (READ_ONCE(s->broken))
		bad_told++;
	return 0;
}

static u64 bad_wakeup(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *curr,
		      struct vmm_entity *woken, u64 now)
{
	return is(BAD_WAKEUP) ? (u64)S64_MIN : VMM_SLICE_INFINITE;
}

static u64 bad_adopt(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 ran_ns,
		     u64 now)
{
	return is(BAD_ADOPT) ? (u64)-5 : 3 * NSEC_PER_MSEC;
}

static void bad_give_history(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e,
			     struct vmm_history *h, u64 now)
{
	if (is(BAD_HISTORY)) {
		h->lag_ns = S64_MIN;
		h->share_ppm = U32_MAX;
	}
}

static void bad_pcpu_deadline(struct vmm_sched *s, struct vmm_pcpu *p, u64 now)
{
	if (is(BAD_HOLD))
		vmm_pcpu_set_deadline(p, now + 100 * NSEC_PER_MSEC);
	set_deadlines(s, p, now);
}

static void bad_pool_deadline(struct vmm_sched *s, u64 now)
{
	set_deadlines(s, &s->pool->pcpus[0], now);
}

static bool bad_held(struct vmm_sched *s, struct vmm_pcpu *p, struct vmm_entity *e, u64 now)
{
	return is(BAD_HOLD_IDLE) || (is(BAD_HOLD) && vmm_entity_id(e) == victim);
}

static const struct vmm_sched_param bad_params[] = {
	{ "depth", "a number", VMM_UNIT_NONE, VMM_SCOPE_SCHED, 1, 10, 5 },
	{ "boost", "a number", VMM_UNIT_NONE, VMM_SCOPE_GROUP, 0, 10, 2 },
};

#define BAD_OPS							\
	.owner = THIS_MODULE,					\
	.version = VMM_SCHED_IFACE_VERSION,			\
	.size = sizeof(struct vmm_sched_ops),			\
	.sched_size = sizeof(struct bad_sched),			\
	.pcpu_size = sizeof(struct bad_pcpu),			\
	.entity_size = sizeof(struct bad_entity),		\
	.hold_max_ns = NSEC_PER_SEC,				\
	.params = bad_params,					\
	.nr_params = ARRAY_SIZE(bad_params),			\
	.init = bad_init,					\
	.pcpu_init = bad_pcpu_init, .pcpu_exit = bad_pcpu_exit,	\
	.attach = bad_attach, .detach = bad_detach,		\
	.enqueue = bad_enqueue, .dequeue = bad_dequeue,		\
	.pick = bad_pick, .charge = bad_charge, .put = bad_put,	\
	.wakeup = bad_wakeup, .adopt = bad_adopt,		\
	.give_history = bad_give_history,			\
	.pcpu_deadline = bad_pcpu_deadline,			\
	.check_sched = bad_check_sched,				\
	.check_group = bad_check_group,				\
	.sched_params = bad_sched_params,			\
	.held = bad_held, .take = bad_take

static const struct vmm_sched_ops bad_ops = {
	.name = "bad", BAD_OPS, .domain = VMM_DOMAIN_POOL, .pool_deadline = bad_pool_deadline,
};
static const struct vmm_sched_ops bad_pcpu_ops = {
	.name = "bad_pcpu", BAD_OPS, .domain = VMM_DOMAIN_PCPU,
};
static const struct vmm_sched_ops bad_third_ops = {
	.name = "bad_third", BAD_OPS, .domain = VMM_DOMAIN_PCPU,
};

static int __init bad_module_init(void)
{
	int ret;

	BUILD_BUG_ON(ARRAY_SIZE(names) != BAD_KINDS);
	ret = vmm_sched_register(&bad_ops);
	if (ret)
		return ret;
	ret = vmm_sched_register(&bad_pcpu_ops);
	if (ret)
		vmm_sched_unregister(&bad_ops);
	return ret;
}
module_init(bad_module_init);

static void __exit bad_module_exit(void)
{
	vmm_sched_unregister(&bad_pcpu_ops);
	vmm_sched_unregister(&bad_ops);
}
module_exit(bad_module_exit);

MODULE_DESCRIPTION("Schedulers that misbehave, for tests");
MODULE_LICENSE("GPL");
