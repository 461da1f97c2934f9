/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The live swap of one scheduler for the other, again and again, both ways
 * (with ONCE, a single time).
 *
 * Design: prepare (can fail) while the old one is asked on; flip pCPU by pCPU
 * under its lock; a grace period for calls made outside the locks; detach.
 * sch[p] doubles as the epoch of p: nothing is stolen between unequal ones.
 *
 * Locking: the pool's mutex from the first attach to the last detach. The
 * reader stands for all calls that hold only an RCU read section.
 *
 * With CEASE every vCPU is brought out of its guest and its handlers before the
 * first flip, or the swap is given up and the old scheduler goes on.
 *
 * Limits: parameters and history are not modelled.
 */

#ifdef SWAP
#if defined(EXIT) || defined(FINE)
#define STEPS
#else
#define STEPS	atomic	/* nobody else looks at what is attached */
#endif

bit from;		/* the scheduler that is replaced */
bit swapping;		/* from the first attach until the swap returns */

#ifdef READER
byte readers;		/* RCU read sections that a grace period waits for */

/* A call outside the domain locks: statistics, parameters. */
proctype reader()
{
	bit s;

	do
	:: atomic { readers++; s = sch[NP - 1] };
	   assert(phase[s] == PH_LIVE);		/* entering the op */
	   assert(phase[s] == PH_LIVE);		/* still inside it */
	   atomic { readers--; s = 0 }
	od
}
#endif

#ifdef CEASE
/* cease_take: whoever has pc loses it, now or as soon as it comes out. Lock held. */
inline cease_take(pc)
{
	x = slot[pc];
	if
	:: x == NONE
	:: x != NONE && st[x] == OFFERED -> put_curr(x, pc); enqueue(x, pc)
	:: x != NONE && (st[x] == LOANED || (st[x] == OFF && slept[x])) ->
		gate_expire(pc);
		gone = 0
	:: x != NONE && (st[x] == OWNER || (st[x] == OFF && !slept[x])) ->
		resched[pc] = 1;
		kick[pc] = 1
	fi;
	x = NONE
}

inline anybody()
{
	d_step {
		over = 0;
		e = 0;
		do
		:: e < NE -> over = over || inside[e] || HOLDS(e); e++
		:: else -> break
		od;
		e = 0
	}
}

/* Until all are out, or patience ends: then "failed". */
inline cease()
{
	atomic { ceased = 1; lax = 1 };
	do
	:: p < NP -> CS { lock(p); cease_take(p); unlock(p) }; wake_thread(); p++
	:: p == NP ->
		atomic {
			anybody();
			if
			:: !over -> allout = 1; p = 0; break
			:: over -> over = 0; p = 0
			:: over -> over = 0; failed = 1; p = 0; break
			fi
		}
	od
}

inline resume()
{
	atomic { allout = 0; ceased = 0 };
	do
	:: p < NP -> check_pcpu(p, 0); p++
	:: else -> break
	od;
	atomic { lax = 0; p = 0 }
}
#endif

/* swap_flip: one pCPU, under its lock: drain, flip, enqueue, adopt_running. */
inline swap_flip()
{
	CS {
		lock(p);
#ifdef CEASE
		assert(slot[p] == NONE);
#endif
#ifdef BUG_FLIP_FIRST
		sch[p] = 1 - from;
#endif
		e = 0;
		do
		:: e < NE ->
			if
			:: bypass[p] && home[e] == p ->
				/* not asked any more: what it thinks is void */
				q[from] = q[from] & (255 - BIT(e))
			:: else
			fi;
			if
			:: HERE(e, p) ->
				sched_dequeue(e, p);
				assert(att[1 - from] & BIT(e));
				q[1 - from] = q[1 - from] | BIT(e)
			:: home[e] == p && HOLDS(e) ->
				sched_charge(e, p);
#ifndef BUG_NO_ADOPT
				assert(att[1 - from] & BIT(e));
				runs[e] = 1 - from
#endif
			:: else
			fi;
			e++
		:: else -> break
		od;
		e = 0;
		sch[p] = 1 - from;
		phase[1 - from] = PH_LIVE;
		bypass[p] = 0;
		look_at_clock(0);
		check_curr(p);
		unlock(p)
	};
	wake_thread()
}

/* The grace period: calls into the old one that began before are over. */
inline swap_sync()
{
#ifdef READER
	readers == 0
#else
	skip
#endif
}

/* swap_detach: last, entity by entity; then the module may go. */
inline swap_detach(sc)
{
	e = 0;
	do
	:: e < NE ->
		if
		:: st[e] != DEAD ->
			assert(!INQ(sc, e) && runs[e] != sc);
			att[sc] = att[sc] & (255 - BIT(e))
		:: else
		fi;
		e++
	:: else -> break
	od;
	e = 0;
	assert(att[sc] == 0 && q[sc] == 0);
	phase[sc] = PH_NONE
}

/* swap_prepare: all that can fail. On failure the old one is untouched. */
inline swap_prepare(sc)
{
	assert(phase[sc] == PH_NONE && att[sc] == 0 && q[sc] == 0);
	phase[sc] = PH_PREPARED;
	e = 0;
	do
	:: e < NE ->
		if
		:: st[e] != DEAD -> att[sc] = att[sc] | BIT(e)
		:: else
		fi;
		e++
#ifndef ROGUE
	:: e < NE -> failed = 1; break
#endif
	:: e == NE -> break
	od;
	if
	:: failed ->
		assert(phase[from] == PH_LIVE && phase[sc] == PH_PREPARED);
		swap_detach(sc)
	:: else
	fi;
	e = 0
}

proctype swapper()
{
	LOCALS;
	byte e = 0;
	bit failed = 0;

end_swap:
	do
	:: STEPS {
#ifdef ROGUE
		/* the one that broke its contract is replaced */
		(broken && from == 0);
#endif
		atomic { !pm -> pm = 1; swapping = 1 };
		swap_prepare(1 - from);
		if
		:: failed ->
			atomic { failed = 0; swapping = 0; pm = 0 };
			goto end_swap
		:: else
		fi
	   };
#ifdef CEASE
	   cease();
	   if
	   :: failed ->
		resume();
		STEPS {
			swap_detach(1 - from);
			atomic { failed = 0; swapping = 0; pm = 0 }
		};
		goto end_swap
	   :: else
	   fi;
#endif
	   /* the point of no return */
	   do
	   :: p < NP -> swap_flip(); p++
	   :: else -> break
	   od;
#ifdef CEASE
	   p = 0;
	   resume();
#endif
#ifndef BUG_EARLY_DETACH
	   swap_sync();
#endif
	   STEPS {
		swap_detach(from);
#ifdef BUG_EARLY_DETACH
		swap_sync();
#endif
		atomic { from = 1 - from; p = 0; broken = 0; swapping = 0; pm = 0 }
	   }
#ifdef ONCE
	   ; break
#endif
	od
}
#endif
