/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The schedulers as the gate sees them.
 *
 * NS of them; the last one is the built-in default. What a policy would compute
 * is left open: a pick may return any queued entity (or, with FAIR, goes round
 * in a circle; those in the bit mask ROGUE return anything at all). Kept is what
 * the interface promises them: who is attached, who is queued, who was said to
 * run. Each call asserts that it goes to the scheduler that is active on that
 * pCPU and still attached, that its module is there, and that it is told the
 * truth: nobody is queued twice, nobody taken who is not there.
 *
 * CARRY: a swap_flip leaves some that are queued with the scheduler before, for a
 * while (left[], from[], with[]): that one is asked about them, and about nobody else.
 *
 * Locking: q[], runs[], bypass[] and the three above under the lock of the home; sch[p] written
 * under the lock of p, read there or in an RCU read section; phase[] and att[]
 * under the pool's mutex.
 *
 * broken[] is set under the lock of the pCPU where it showed, and read anywhere.
 *
 * Limits: parameters and lag are not here.
 */

#define PH_NONE		0	/* not there, its module may be gone */
#define PH_PREPARED	1	/* attached, inert */
#define PH_LIVE		2

byte q[NS];		/* entities queued in each scheduler, as it was told */
byte att[NS];		/* entities attached to each scheduler */
byte phase[NS];
byte runs[NE];		/* scheduler that knows the entity as running */
byte sch[NP];		/* scheduler of each pCPU; also its epoch */
#ifdef FAIR
byte last[NP];		/* where the circle of picks goes on */
#endif

#ifdef CARRY
byte left[NP];		/* in a swap: queued too, still with the scheduler before */
byte from[NP];		/* ... which is this one; NONE: nobody is left */
byte with[NE];		/* while QUEUED: who has it */
#define LEFT(e, pc)	((left[pc] & BIT(e)) != 0)
#define HOLDER(e, pc)	(LEFT(e, pc) -> from[pc] : sch[pc])
#define ALL_OVER(pc)	(from[pc] == NONE)
#else
#define LEFT(e, pc)	0
#define HOLDER(e, pc)	sch[pc]
#define ALL_OVER(pc)	1
#endif
#ifdef YIELDTO
byte hint[NP];		/* whom somebody wants to be next there */
#endif

#define BIT(e)		(1 << (e))
#define INQ(s, e)	((q[s] & BIT(e)) != 0)

#ifdef ROGUE
bit broken[NS];		/* it broke its contract: not asked any more */
bit expelled[NS];	/* checks only: thrown out, and not asked for by name since */
bit thrown;		/* host->broken(): swap_broken is to come */
#define BROKEN(s)	broken[s]
#else
#define BROKEN(s)	0
#endif

/* Is the scheduler of pc told and asked? Not once it is known anywhere that it is broken. */
#ifdef BUG_TOLD_ON_PEERS
#define ASKED(pc)	(!bypass[pc])
#else
#define ASKED(pc)	(!bypass[pc] && !BROKEN(sch[pc]))
#endif

/* May sc, which has entities of pc, be asked about them? */
#define ASKED_BY(sc, pc)	((sc) == sch[pc] -> ASKED(pc) : !BROKEN(sc))

/* Does another scheduler than sc hold e to be queued? */
#if NS > 2
#define INQ_ELSE(sc, e)	((INQ(((sc) + 1) % 3, e) && !BROKEN(((sc) + 1) % 3)) || \
			 (INQ(((sc) + 2) % 3, e) && !BROKEN(((sc) + 2) % 3)))
#else
#define INQ_ELSE(sc, e)	(INQ(1 - (sc), e) && !BROKEN(1 - (sc)))
#endif
#define HERE(e, pc)	(st[e] == QUEUED && home[e] == (pc))
#ifdef BUG_PICK_LEFT
#define MINE(e, pc)	HERE(e, pc)
#else
#define MINE(e, pc)	(HERE(e, pc) && !LEFT(e, pc))	/* in pcpu->queued */
#endif

/* Invariants 1, 2 and 7: the one that is asked is live, and was not thrown out. */
inline sched_call_to(sc, en)
{
	assert(phase[sc] == PH_LIVE && (att[sc] & BIT(en)));
#ifndef BUG_TOLD_ON_PEERS
	assert(!BROKEN(sc));
#endif
	assert_loaded(sc)
}

inline sched_call(en, pc)
{
	sched_call_to(sch[pc], en)
}

inline sched_enqueue(en, pc)
{
#ifdef CARRY
	with[en] = sch[pc];
#endif
	if
	:: ASKED(pc) ->
		sched_call(en, pc);
		assert(!INQ(sch[pc], en));
		q[sch[pc]] = q[sch[pc]] | BIT(en)
	:: else
	fi
}

#ifdef BUG_CARRY_TRUSTS
#define OLD_ASKED(pc)	1
#else
#define OLD_ASKED(pc)	!BROKEN(from[pc])
#endif

#ifdef CARRY
#ifdef BUG_CARRY_TELLS
#define NEW_TOLD(pc)	(!bypass[pc])
#else
#define NEW_TOLD(pc)	ASKED(pc)
#endif

/*
 * carry_one: one that was left leaves its old scheduler, which is asked unless it was
 * thrown out, and comes over to the one that is in charge. Lock held.
 */
inline carry_one(en, pc)
{
	if
	:: OLD_ASKED(pc) ->
		sched_call_to(from[pc], en);
		assert(INQ(from[pc], en))
	:: else
	fi;
	q[from[pc]] = q[from[pc]] & (255 - BIT(en));
	left[pc] = left[pc] & (255 - BIT(en));
	if
	:: left[pc] == 0 -> from[pc] = NONE
	:: else
	fi;
	with[en] = sch[pc];
	if
	:: NEW_TOLD(pc) ->
		sched_call(en, pc);
		assert(!INQ(sch[pc], en));
		q[sch[pc]] = q[sch[pc]] | BIT(en)
	:: else
	fi
}

/* carry: a few of those who are left come over; which ones is open. Lock held. */
inline carry(pc)
{
	if
	:: LEFT(0, pc) -> DET { carry_one(0, pc) }
#if NE > 1
	:: LEFT(1, pc) -> DET { carry_one(1, pc) }
#endif
#if NE > 2
	:: LEFT(2, pc) -> DET { carry_one(2, pc) }
#endif
	fi
}
#endif

/* It was picked, or leaves: the one that has it is told. */
inline sched_taken(en, pc)
{
	if
	:: ASKED(pc) ->
		sched_call(en, pc);
		assert(INQ(sch[pc], en));
		q[sch[pc]] = q[sch[pc]] & (255 - BIT(en))
	:: else
	fi
}

inline sched_dequeue(en, pc)
{
#if defined(CARRY) && !defined(BUG_DEQUEUE_NEW)
	if
	:: LEFT(en, pc) -> carry_one(en, pc)
	:: else
	fi;
#endif
	sched_taken(en, pc)
}

inline sched_charge(en, pc)
{
	if
	:: ASKED(pc) -> sched_call(en, pc); assert(runs[en] == sch[pc])
	:: else
	fi
}

inline sched_put(en, pc)
{
	sched_charge(en, pc);
	runs[en] = NONE
}

/* Any entity of those that are queued on pf, NONE when there is none. */
inline sched_choose(pf)
{
#ifdef FAIR
	d_step {
		ix = 0;
		do
		:: ix < NE && MINE((last[pf] + 1 + ix) % NE, pf) ->
			c = (last[pf] + 1 + ix) % NE;
			last[pf] = c;
			break
		:: ix < NE && !MINE((last[pf] + 1 + ix) % NE, pf) -> ix++
		:: else -> break
		od;
		ix = 0
	}
#else
	if
	:: MINE(0, pf) -> c = 0
#if NE > 1
	:: MINE(1, pf) -> c = 1
#endif
#if NE > 2
	:: MINE(2, pf) -> c = 2
#endif
	:: else
	fi
#endif
}

/*
 * The scheduler of pc steals from the peer: its lock is tried, and nothing
 * moves between epochs. The try may always fail, as it does when the lock is
 * held for a moment.
 */
#ifdef BUG_STEAL_EPOCH
#define SAME_EPOCH(pc)	true
#else
#define SAME_EPOCH(pc)	(sch[OTHER(pc)] == sch[pc] && \
			 ASKED(OTHER(pc)) == ASKED(pc))
#endif

inline sched_steal(pc)
{
	if
#ifdef BUG_PEER_LOCK
	:: lock(OTHER(pc));
#else
	:: true
	:: atomic { lk[OTHER(pc)] == 0 -> lk[OTHER(pc)] = 1 };
#endif
	   if
	   :: SAME_EPOCH(pc) ->
		sched_choose(OTHER(pc));
		if
		:: c != NONE ->
			/* one scheduler: it finds what it holds itself */
			assert(!ASKED(pc) || INQ(sch[pc], c));
			sched_dequeue(c, OTHER(pc));
			nq[OTHER(pc)]--;
			home[c] = pc;
			nq[pc]++;
			sched_enqueue(c, pc)
		:: else
		fi
	   :: !SAME_EPOCH(pc)
	   fi;
	   unlock(OTHER(pc))
	fi
}

/*
 * throw_out: a contract is broken. From here on the interface serves pc in FIFO
 * order, and calls no op of that scheduler on any pCPU; process context is told.
 */
#ifdef ROGUE
inline throw_out(pc)
{
	bypass[pc] = 1;
	if
	:: !BROKEN(sch[pc]) ->
		broken[sch[pc]] = 1;
		expelled[sch[pc]] = 1;
		thrown = 1
	:: else
	fi
}
#endif

#ifdef YIELDTO
/* hint_take: prefer() is told whom somebody asked for; it picks as it likes. */
inline hint_take(pc)
{
	if
	:: hint[pc] != NONE ->
		if
		:: HERE(hint[pc], pc) ->
#if defined(CARRY) && !defined(BUG_HINT_LEFT)
			if
			:: LEFT(hint[pc], pc) -> carry_one(hint[pc], pc)
			:: else
			fi;
#endif
			if
			:: ASKED(pc) ->
				sched_call(hint[pc], pc);
				/* invariant 1: it has the one that it is asked about */
				assert(INQ(sch[pc], hint[pc]))
			:: else
			fi
		:: else
		fi;
		hint[pc] = NONE
	:: else
	fi
}
#endif

inline sched_pick(pc)
{
	assert(phase[sch[pc]] == PH_LIVE);
	c = NONE;
#ifdef ROGUE
	if
	:: BROKEN(sch[pc]) -> bypass[pc] = 1	/* known from another pCPU already */
	:: else
	fi;
#endif
#ifdef CARRY
	if
	:: !ALL_OVER(pc) -> carry(pc)
	:: else
	fi;
#endif
#ifdef YIELDTO
	hint_take(pc);
#endif
#ifdef ROGUE
	if
	:: bypass[pc] || !(ROGUE & BIT(sch[pc])) -> sched_choose(pc)
	:: !bypass[pc] && (ROGUE & BIT(sch[pc])) ->
		/* any answer, or none beside a queued one */
		assert_loaded(sch[pc]);
		if
		:: c = 0
#if NE > 1
		:: c = 1
#endif
		:: c = NONE
		fi;
#ifndef BUG_PICK_UNCHECKED
		/* invariant 7: believed only if it stands for one queued here */
		if
		:: c == NONE && nq[pc] == 0
		:: c != NONE && MINE(c, pc)
		:: else ->
			throw_out(pc);
			c = NONE;
			sched_choose(pc)
		fi
#endif
	fi;
#else
	sched_choose(pc);
#endif
#ifdef STEAL
	if
	:: c == NONE -> sched_steal(pc)
	:: else
	fi;
#endif
	if
	:: c != NONE ->
#ifndef BUG_PICK_UNCHECKED
		sched_taken(c, pc);
#endif
		runs[c] = sch[pc]
	:: else
	fi
}
