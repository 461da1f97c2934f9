/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Model of the gate: who may run guest code on which pCPU. Start file.
 *
 * Purpose: the protocol of sched_iface, small enough that all interleavings
 * can be searched. The names of the steps (gate_claim, gate_offer, gate_own,
 * gate_loan, gate_giveup, gate_expire, gate_block, gate_wake, gate_cancel,
 * swap_prepare, swap_flip, swap_detach, cease_take, throw_out, activate_locked,
 * swap_carry, fall_back, gate_evacuate, gate_requeue, host_cpu_offline, host_cpu_online,
 * move_cpu, request_pause) are those of the C code: Documentation/model.rst has the table.
 *
 * Design: one process per vCPU thread (thread.pml), one per pCPU for its timer
 * and irq_work, one that wakes and signals (env.pml), those that change
 * schedulers (swap.pml): by request, after a breach, at the removal of a module;
 * one that takes pCPUs away and brings them back (hotplug.pml), one that moves
 * a VM (pool.pml) or a pCPU (cpus.pml) to another pool, one that pauses a vCPU
 * (request.pml). Time is open: a deadline may be over at any moment that somebody
 * looks, so one that comes too early is always covered. The host is modelled
 * where it matters: it takes an owner's CPU away, moves threads between CPUs,
 * and may keep a thread off for good at any point where it can be preempted.
 *
 * Locking: lk[p] is the raw lock of the dispatch domain, here one per pCPU.
 * home[e] names the lock that protects everything else of entity e; it changes
 * under that lock (under both when a peer steals). A peer's lock is tried,
 * never waited for. pm is the pool's mutex. Without a lock: the thread of e
 * moves st[e] among OFF, OWNER and LOANED by compare-and-exchange, and whoever
 * takes the pCPU away takes OFF or LOANED, never OWNER, to OUT in the same way.
 * Reads without a lock: st by the sleeping thread and before entry, kick, nq.
 *
 * CS is "atomic" unless FINE is defined: with FINE the statements of a critical
 * section are steps of their own and only lk[] keeps others out. DET is a part of one
 * in which nothing is left open.
 *
 * Limits: sequential consistency (no store buffers); one lock per pCPU, not per
 * LLC; one thread per vCPU. Tokens wrap at SEQ.
 */

#ifndef NE
#define NE	2		/* entities */
#endif
#ifndef NP
#define NP	1		/* pCPUs */
#endif
#ifndef NS
#define NS	2		/* schedulers */
#endif
#ifndef SEQ
#define SEQ	2		/* distinct tokens */
#endif
#ifdef FINE
#define CS
#define DET
#else
#define CS	atomic
#define DET	d_step
#endif

#define NONE	255

/*
 * CPUS: CPU 1 changes pools. Each pool has a pCPU of its own for it, 1 in pool 0 and
 * 2 in pool 1; one of them is online. pCPU 0 stays in pool 0.
 */
#ifdef CPUS
#define NC	2		/* CPUs */
#define CPU(pc)		((pc) != 0)
#define POOL_OF(pc)	((pc) == 2)
#define FIRST(pl)	(2 * (pl))	/* first_home() */
#else
#define NC	NP
#define CPU(pc)		(pc)
#define POOL_OF(pc)	(pc)
#define FIRST(pl)	(pl)
#endif

/* Entity states, as enum vmm_gate_state; DEAD is the model's own. */
#define OUT	0
#define QUEUED	1
#define OFFERED	2
#define OFF	3		/* owns, thread not (known to be) at the guest */
#define OWNER	4		/* owns, thread at the guest */
#define LOANED	5		/* owns, thread in user space for a moment */
#define BLOCKED	6
#define DEAD	7
#define OWNS(e)		(st[e] == OFF || st[e] == OWNER || st[e] == LOANED)
#define HOLDS(e)	(st[e] == OFFERED || OWNS(e))

/* Entities */
byte st[NE];		/* state */
byte home[NE];		/* pCPU whose lock protects the entity */
byte cpu[NE];		/* CPU that the thread is on */
byte tok[NE];		/* token of the last offer, 0 when there is none */
bit slept[NE];		/* OFF because the thread sleeps: take it at once */
bit wp[NE];		/* wake_pending */
bit asleep[NE];		/* the thread sleeps interruptibly: a wake-up clears it */
bit sig[NE];		/* a signal is pending for the thread */
bit work[NE];		/* an event for the guest is pending */
bit waking[NE];		/* checks only: a gate_wake() is under way */
bit inguest[NE];	/* checks only: guest code is running */

/* pCPUs */
bit lk[NP];		/* lock of the domain */
byte slot[NP];		/* curr: the entity that holds the pCPU */
byte seq[NP];		/* last token given */
byte nq[NP];		/* nr_queued */
bit kick[NP];		/* the owner must come to the gate */
bit resched[NP];	/* whoever holds it was told to give up */
bit tm[NP];		/* the timer is armed */
bit irqw[NP];		/* irq_work of sched_out is queued */
bit bypass[NP];		/* contract broken: FIFO by the interface itself */

bit pm;			/* the pool's mutex */
#ifdef FIFO_MUTEX
byte pm_last, pm_first;	/* it goes to whoever waits longest, as a kernel mutex does in the end */
#define MLOCALS		byte turn = 0;
#define MUTEX_LOCK	atomic { turn = pm_last; pm_last = (pm_last + 1) % 4 }; \
			atomic { pm_first == turn -> pm = 1; turn = 0 }
#define MUTEX_UNLOCK	pm = 0; pm_first = (pm_first + 1) % 4
#else
#define MLOCALS
#define MUTEX_LOCK	atomic { !pm -> pm = 1 }
#define MUTEX_UNLOCK	pm = 0
#endif

#ifdef PAUSE
bit paused[NE];
bit held[NE];		/* its thread waits at the gate for the end of the pause */
bit away[NE];		/* in user space with a place in the queue */
bit must_go[NP];	/* whoever has it is to leave, though nobody waits */
bit quiet[NE];		/* checks only: it was said to be out */
bit asking;		/* checks only: a pause is under way */
#define PAUSED(e)	paused[e]
#define AWAY(e, v)	away[e] = v
#define MUST_GO(pc)	must_go[pc]
#define GO_FREE(pc)	must_go[pc] = 0
#else
#define PAUSED(e)	0
#define AWAY(e, v)	skip
#define MUST_GO(pc)	0
#define GO_FREE(pc)	skip
#endif

#ifdef CEASE
bit ceased;		/* the mark in the way of every resume */
bit lax;		/* checks only: from the mark until every pCPU was looked at after it */
bit allout;		/* checks only: the swap may rely on it that nobody is inside */
bit inside[NE];		/* the thread is past the gate: in the guest or in a handler */
#define CEASED		ceased
#define LAX		lax
#define INSIDE(e, v)	inside[e] = v
#else
#define CEASED		0
#define LAX		0
#define INSIDE(e, v)	skip
#endif

byte ix;			/* scratch of d_step blocks, 0 between steps */

/* Locals of every process that takes a domain lock. */
#define LOCALS \
	byte p = 0;	/* the pCPU at hand */ \
	byte c = NONE;	/* candidate of a pick */ \
	byte x = NONE;	/* holder of the pCPU at hand */ \
	byte w = NONE;	/* thread to wake once the lock is free */ \
	byte s = 0;	/* state that a compare-and-exchange expects */ \
	bit over = 0;	/* the deadline of the holder is over */ \
	HLOCALS \
	MLOCALS \
	bit gone = 0	/* it lost the pCPU */

#define OTHER(p)	(NP - 1 - (p))

/* Modules of schedulers. */
#define M_LIVE	0
#define M_GOING	1
#define M_GONE	2

#ifdef REMOVE
byte mod[NS];		/* state of the module */
byte ref[NS];		/* references on it */
bit unreg[NS];		/* its number stands for nobody any more */
inline assert_loaded(sc)
{
	assert(mod[sc] != M_GONE && !unreg[sc])
}
#define LOADED(sc)	(mod[sc] != M_GONE && !unreg[sc])
#else
inline assert_loaded(sc) { skip }
#endif

#ifdef HOTPLUG
bit online[NP];
bit active_cpu[NC];	/* threads can be sent there */
byte evac[NP];		/* checks only: 1: the evacuation is over, 2: and nobody is left */
bit anyw[NE];		/* anywhere: no allowed pCPU is online */
#define ONLINE(pc)	online[pc]
#define EVAC(pc)	evac[pc]
#ifdef POOLS
byte pool[NE];		/* whose pCPUs it may use */
byte goal[NE];		/* e->to: the pool that it is to go to, NONE: no other */
#define SAME_POOL(e, pc)	(pool[e] == POOL_OF(pc))
#else
#define SAME_POOL(e, pc)	1
#endif
/* PINNED: entity 0 may run on the last pCPU only, the one that comes and goes. */
#ifdef PINNED
#define FITS(e, pc)	((e) != 0 || (pc) == NP - 1)
#else
#define FITS(e, pc)	SAME_POOL(e, pc)
#endif
#define HLOCALS		byte h = 0;	/* where a claim goes */
#define ALLOWED(e, pc)	(online[pc] && SAME_POOL(e, pc) && (anyw[e] || FITS(e, pc)))
#define STRICT(e, pc)	(online[pc] && FITS(e, pc))
#else
#define HLOCALS
#define ONLINE(pc)	1
#define EVAC(pc)	0
#define ALLOWED(e, pc)	1
#endif

#include "sched.pml"

inline lock(pc)
{
	atomic { lk[pc] == 0 -> lk[pc] = 1 }
}

/* The lock of an entity's home: the home may move while we wait for it. */
inline lock_home(en, pc)
{
#ifndef FINE
	/* The same: nobody is found in the midst of a critical section. */
	atomic { lk[home[en]] == 0 -> pc = home[en]; lk[pc] = 1 }
#else
	do
	:: pc = home[en];
	   lock(pc);
	   if
	   :: home[en] == pc -> break
	   :: else -> lk[pc] = 0
	   fi
	od
#endif
}

/*
 * What must hold whenever the lock of pc is released: invariant 1 of the
 * design, no lost wake-up, no lost token, no pCPU idle beside a queued entity,
 * nobody in the way of one without a timer that will look again.
 */
inline check(pc)
{
	assert(slot[pc] == NONE || home[slot[pc]] == pc);
	assert(LAX || nq[pc] == 0 || slot[pc] != NONE || !ONLINE(pc));
	/* nobody is left on a pCPU that was evacuated, unless he is on his way out */
	assert(!EVAC(pc) || (nq[pc] == 0 && (slot[pc] == NONE || (EVAC(pc) == 1 && kick[pc]))));
#ifdef CPUS
	/* one holder a CPU, in whatever pool */
	assert(slot[1] == NONE || slot[2] == NONE);
#endif
#ifndef BUG_KICK_NO_BACKSTOP
	assert(LAX || nq[pc] == 0 || tm[pc] || !ONLINE(pc));
#endif
	ix = 0;
	do
	:: ix < NE ->
		if
		:: home[ix] == pc ->
			/* at most one pCPU per entity, one holder per pCPU */
			assert(HOLDS(ix) == (slot[pc] == ix));
			assert(!inguest[ix] || st[ix] == OWNER);
#if defined(POOLS) && !defined(BUG_MOVE_TWO_STEPS)
			assert(SAME_POOL(ix, pc));
#endif
			/* one scheduler has it, or none */
			assert(!ASKED_BY(HOLDER(ix, pc), pc) ||
			       (st[ix] == QUEUED) == INQ(HOLDER(ix, pc), ix));
			assert(!INQ_ELSE(HOLDER(ix, pc), ix));
			assert(!ASKED(pc) || runs[ix] ==
			       (HOLDS(ix) -> sch[pc] : NONE));
#ifdef CARRY
			assert(LEFT(ix, pc) == (from[pc] != NONE && st[ix] == QUEUED &&
						with[ix] == from[pc]));
#endif
			/* no lost wake-up */
			assert(!(st[ix] == BLOCKED && work[ix]) || waking[ix])
#ifdef PAUSE
			;
			/* whoever paused it can rely on it that it is out */
			assert(!quiet[ix] || st[ix] == OUT || st[ix] == BLOCKED)
#endif
		:: else
		fi;
		ix++
	:: else -> break
	od;
	ix = 0
}

inline unlock(pc)
{
	d_step {
		check(pc);
		lk[pc] = 0
	}
}

/* All wake-ups come after the lock was released. */
inline wake_thread()
{
	if
	:: w == NONE
	:: else -> atomic { asleep[w] = 0; w = NONE }
	fi
}

/*
 * Has the deadline of the holder passed? Anything goes, except with HOG, where
 * time is only as fast as the timer.
 */
inline look_at_clock(timer)
{
#ifdef HOG
	over = timer
#else
	if
	:: over = 1
	:: over = 0
	fi
#endif
}

/* A timer for whoever stands between a queued entity and the pCPU. */
inline update_timer(pc)
{
	if
#ifdef BUG_NO_SLICE
	:: slot[pc] != NONE && nq[pc] && st[slot[pc]] != OWNER -> tm[pc] = 1
#elif defined(BUG_KICK_NO_BACKSTOP)
	/* wrong: a kicked owner can be switched out after its gate_off */
	:: slot[pc] != NONE && nq[pc] && !(st[slot[pc]] == OWNER && kick[pc]) ->
		tm[pc] = 1
#else
	:: slot[pc] != NONE && (nq[pc] || MUST_GO(pc)) -> tm[pc] = 1
#endif
	:: else
	fi
}

/* gate_offer: ask the scheduler for the next one. Lock held, nobody holds pc. */
inline gate_offer(pc)
{
	assert(slot[pc] == NONE);
	if
#ifdef BUG_CEASE_OFFERS
	:: true -> sched_pick(pc)
#elif defined(BUG_PICK_OFFLINE)
	:: !CEASED -> sched_pick(pc)
	:: CEASED
#else
	:: !CEASED && ONLINE(pc) -> sched_pick(pc)
	:: CEASED || !ONLINE(pc)
#endif
	fi;
	if
	:: c != NONE -> DET {
		nq[pc]--;
		st[c] = OFFERED;
		slot[pc] = c;
		seq[pc] = (seq[pc] + 1) % SEQ;
		tok[c] = seq[pc];
		w = c;
		c = NONE;
		update_timer(pc)
	   }
	:: else
	fi
}

/* The holder stops: its thread says so, or it was taken, or only OFFERED. */
inline put_curr(en, pc)
{
	DET {
		sched_put(en, pc);
		slot[pc] = NONE;
		kick[pc] = 0;
		resched[pc] = 0;
		GO_FREE(pc);
		tok[en] = 0;
		st[en] = OUT
	}
}

#ifdef BUG_TAKE_OWNER
#define TAKEABLE(state)	(state == OFF || state == LOANED || state == OWNER)
#else
#define TAKEABLE(state)	(state == OFF || state == LOANED)
#endif

/* gate_expire: take pc from x, unless its thread is, or just came, back. */
inline gate_expire(pc)
{
	s = st[x];
	sched_charge(x, pc);
	if
	:: !TAKEABLE(s) -> gone = 0
#ifdef BUG_TAKE_NOCAS
	:: TAKEABLE(s) -> gone = 1	/* wrong: it may have come back */
#else
	:: TAKEABLE(s) ->
		atomic {
			if
			:: st[x] == s -> st[x] = OUT; gone = 1
			:: else -> gone = 0
			fi
		}
#endif
	fi;
	s = 0;
	if
	:: gone -> put_curr(x, pc)
	:: else
	fi
}

/* Somebody waits for pc: must its holder go? Lock held, over is set. */
inline check_curr(pc)
{
	x = slot[pc];
	gone = 0;
	if
	:: x == NONE -> gone = (nq[pc] != 0)
	:: x != NONE && (nq[pc] || MUST_GO(pc)) ->
		if
		:: st[x] == OFFERED && over ->
			/* no-show: queued again when its thread runs next */
#ifdef BUG_EXPIRY_KEEPS
			sched_put(x, pc);
			slot[pc] = NONE;
#else
			put_curr(x, pc);
#endif
			gone = 1
		:: TAKEABLE(st[x]) && (over || resched[pc] || (slept[x] && st[x] == OFF)) ->
			gate_expire(pc)
		:: else
		fi;
		DET {
			if
			:: !gone && st[x] == OWNER && over ->
				resched[pc] = 1;
				kick[pc] = 1		/* and an IPI */
			:: else
			fi;
			if
			:: !gone -> update_timer(pc)
			:: else
			fi
		}
	:: else
	fi;
	if
	:: gone -> gate_offer(pc)
	:: else
	fi;
	x = NONE;
	gone = 0;
	over = 0
}

/* Without any lock held: have a look at pc. */
inline check_pcpu(pc, timer)
{
	CS {
		lock(pc);
		look_at_clock(timer);
		check_curr(pc);
		unlock(pc)
	};
	wake_thread()
}

inline enqueue(en, pc)
{
	DET {
		assert(!PAUSED(en));
		st[en] = QUEUED;
		nq[pc]++;
		sched_enqueue(en, pc)
	}
}

/* A QUEUED entity leaves. */
inline dequeue(en, pc)
{
	DET {
		nq[pc]--;
		sched_dequeue(en, pc);
		st[en] = OUT
	}
}

/* An entity has just been queued on pc: does it go first? Lock held. */
inline enqueued(pc)
{
#ifdef PREEMPT
	if
	:: slot[pc] != NONE && st[slot[pc]] != OFFERED ->
		if
		:: st[slot[pc]] == OWNER -> resched[pc] = 1; kick[pc] = 1
		:: st[slot[pc]] != OWNER -> resched[pc] = 1
		:: true
		fi
	:: else
	fi;
#endif
	look_at_clock(0);
	check_curr(pc);
#ifdef STEAL
	/* an idle peer is told, and may come and steal */
	if
	:: nq[pc] && NP > 1 && slot[OTHER(pc)] == NONE -> irqw[OTHER(pc)] = 1
	:: else
	fi
#endif
}

/* The lock of its home is held: queued, unless somebody wants it out. */
inline claim_here(en, pc)
{
	if
#ifdef PAUSE
#ifndef BUG_CLAIM_PAUSED
	:: st[en] == OUT && paused[en] -> held[en] = 1
#endif
#endif
#ifdef BUG_CLAIM_PAUSED
	:: st[en] == OUT -> enqueue(en, pc); enqueued(pc)
#else
	:: st[en] == OUT && !PAUSED(en) -> enqueue(en, pc); enqueued(pc)
#endif
	:: else
	fi
}

/* gate_claim: queue an entity that is OUT, perhaps with another home. */
#ifdef HOTPLUG
#include "hotplug.pml"
#else
inline gate_claim(en)
{
#ifdef MOVE
	if
	:: CS {
		lock_home(en, p);
		if
		:: st[en] == OUT -> home[en] = OTHER(p)
		:: else
		fi;
		unlock(p)
	   }
	:: true
	fi;
#endif
	CS {
		lock_home(en, p);
		claim_here(en, p);
		unlock(p)
	};
	wake_thread()
}
#endif

/* gate_giveup: the thread of an owner gives the pCPU away, if it still has it. */
inline gate_giveup(en)
{
	CS {
		lock_home(en, p);
		if
		:: slot[p] == en && st[en] == OFF ->
			put_curr(en, p);
			gate_offer(p)
		:: else
		fi;
		unlock(p)
	};
	wake_thread()
}

/* gate_cancel: out of the gate, wherever it stands; a token goes to the next. */
inline gate_cancel(en)
{
	CS {
		lock_home(en, p);
		gone = 0;
		if
		:: st[en] == QUEUED -> dequeue(en, p)
		:: st[en] == OFFERED ->
#ifdef BUG_CANCEL_KEEPS
			st[en] = OUT	/* wrong: the token is lost */
#else
			put_curr(en, p);
			gone = 1
#endif
		:: st[en] == OFF || st[en] == LOANED -> x = en; gate_expire(p)
		:: st[en] == BLOCKED -> st[en] = OUT
		:: st[en] == OUT || st[en] == OWNER
		fi;
		if
		:: gone -> gate_offer(p)
		:: else
		fi;
		x = NONE;
		gone = 0;
		unlock(p)
	};
	wake_thread()
}

/*
 * gate_wake: an interrupt, eventfd or timer has work for en. Any context, any
 * CPU. The entity is queued at once; where its home is gone, or busy while
 * another pCPU is idle, its thread is woken instead, and claims anew.
 */
#ifdef BUG_WAKE_PAUSED
#define WAKEABLE(en)	1
#else
#define WAKEABLE(en)	!PAUSED(en)
#endif

inline gate_wake(en)
{
	CS {
		lock_home(en, p);
		if
		:: st[en] == BLOCKED && ALLOWED(en, p) && WAKEABLE(en) ->
			enqueue(en, p);
			enqueued(p)
		:: st[en] == BLOCKED -> st[en] = OUT; w = en
		:: else ->
#ifndef BUG_WAKE_FORGETS
			wp[en] = 1
#else
			skip
#endif
		fi;
		waking[en] = 0;
		unlock(p)
	};
	wake_thread()
}

#ifdef POOLS
#include "pool.pml"
#endif
#include "thread.pml"
#include "env.pml"
#include "swap.pml"
#ifdef PAUSE
#include "request.pml"
#endif
#include "main.pml"
