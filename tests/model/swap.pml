/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Process context: everything that changes which scheduler is active.
 *
 * Design: prepare (can fail) while the old one is asked on; flip pCPU by pCPU
 * under its lock; a grace period for calls made outside the locks; detach.
 * sch[p] doubles as the epoch of p: nothing is stolen between unequal ones.
 * Three come here: a request by name (swapper), the work that a breach sets off
 * (swap_broken), the exit function of a scheduler's module (remover). The last
 * two have the one before put in charge again (fall_back), in the end the default.
 *
 * Locking: the pool's mutex from the first attach to the last detach. The
 * reader stands for all calls that hold only an RCU read section. A request
 * holds a reference on the module of the new scheduler, nobody on that of the
 * active one. The registry's mutex is held for single steps only: each is atomic.
 *
 * Switches: SWAP (requests, again and again, both ways; with ONCE a single
 * one), CEASE (every vCPU is brought out of its guest and its handlers before
 * the first flip, or the swap is given up and the old scheduler goes on), ROGUE=mask
 * (schedulers that break their contract), REMOVE=mask (those whose modules are
 * removed), READER, NS=3 (two that are loaded and the default; else there is
 * one beside the default), SURE (to prepare does not fail).
 *
 * Limits: parameters are not modelled; a broken scheduler is not asked for
 * again by name before it is replaced; a module is not loaded a second time.
 */

#if defined(SWAP) || defined(ROGUE) || defined(REMOVE)
#if defined(EXIT) || defined(FINE)
#define STEPS
#else
#define STEPS	atomic	/* nobody else looks at what is attached */
#endif

#define DEF	(NS - 1)

byte act;		/* pool->active */
bit swapping;		/* from the first attach until the swap returns */

#if NS > 2
byte hist[2];		/* active before, newest first; not the default */
byte nh;

inline history_drop(sc)
{
	d_step {
		if
		:: nh > 0 && hist[0] == sc -> hist[0] = hist[1]; nh--; hist[1] = 0
		:: nh == 2 && hist[1] == sc -> nh = 1; hist[1] = 0
		:: else
		fi
	}
}

inline history_push(sc)
{
	history_drop(sc);
	d_step {
		if
		:: sc != DEF ->
			assert(nh < 2);
			hist[1] = hist[0] * nh;
			hist[0] = sc;
			nh++
		:: else
		fi
	}
}
#else
inline history_drop(sc) { skip }
inline history_push(sc) { skip }
#endif

#ifdef READER
byte readers;		/* RCU read sections that a grace period waits for */

/* A call outside the domain locks: statistics, parameters. */
proctype reader()
{
	byte s;

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

#ifdef CARRY
#define FLIP
#else
#define FLIP	DET
#endif

/* swap_flip: one pCPU, under its lock: drain, flip, enqueue, adopt_running. */
inline swap_flip(to)
{
	CS {
		lock(p);
#ifdef CEASE
		assert(!how || slot[p] == NONE);
#endif
#ifdef BUG_FLIP_FIRST
		sch[p] = to;
#endif
#ifdef CARRY
		go = CARRY;	/* carry_split: so many go at once, at most */
#endif
		FLIP {
			e = 0;
			do
			:: e < NE ->
				if
				:: !ASKED(p) && home[e] == p ->
					/* not asked any more: what it thinks is void */
					q[act] = q[act] & (255 - BIT(e))
				:: else
				fi;
				if
#ifdef CARRY
				:: HERE(e, p) -> left[p] = left[p] | BIT(e)
				:: HERE(e, p) && go > 0 ->
					go--;
#else
				:: HERE(e, p) ->
#endif
					sched_taken(e, p);
#ifdef CARRY
					with[e] = to;
#endif
					assert(att[to] & BIT(e));
					if
					:: !BROKEN(to) -> assert(!INQ(to, e)); q[to] = q[to] | BIT(e)
					:: else		/* already, on a pCPU that flipped before */
					fi
				:: home[e] == p && HOLDS(e) ->
					sched_charge(e, p);
#ifndef BUG_NO_ADOPT
					assert(att[to] & BIT(e));
					runs[e] = to
#endif
				:: else
				fi;
				e++
			:: else -> break
			od
		};
		e = 0;
#ifdef CARRY
		go = 0;
		if
		:: left[p] -> from[p] = act
		:: else
		fi;
#endif
		sch[p] = to;
		phase[to] = PH_LIVE;
		bypass[p] = 0;
		GO_FREE(p);
#ifdef CARRY
		/* a pick takes some along: under the next lock, where some are left */
		if
		:: !ALL_OVER(p) -> update_timer(p)
		:: ALL_OVER(p) -> look_at_clock(0); check_curr(p)
		fi;
#else
		look_at_clock(0);
		check_curr(p);
#endif
		unlock(p)
	};
	wake_thread()
}

#ifdef CARRY
/* Whom the flip has left follow, one each time that the lock is held, unless a pick takes it. */
inline swap_carry()
{
	do
	:: !ALL_OVER(p) ->
		CS {
			lock(p);
			go = left[p];
			look_at_clock(0);
			check_curr(p);
			if
			:: left[p] && left[p] == go -> carry(p)
			:: else
			fi;
			go = 0;
			unlock(p)
		};
		wake_thread()
	:: ALL_OVER(p) -> break
	od
}
#endif

/* The grace period: calls into the old one that began before are over. */
inline swap_sync()
{
#ifdef READER
	readers == 0
#else
	skip
#endif
}

/*
 * swap_detach: last, entity by entity; then the module may go. One that broke
 * its contract may still hold entities to be queued that have long gone elsewhere.
 */
inline swap_detach(sc)
{
	e = 0;
	do
	:: e < NE ->
		if
		:: st[e] != DEAD ->
			assert(BROKEN(sc) || (!INQ(sc, e) && runs[e] != sc));
			att[sc] = att[sc] & (255 - BIT(e))
		:: else
		fi;
		e++
	:: else -> break
	od;
	e = 0;
	assert(att[sc] == 0 && (BROKEN(sc) || q[sc] == 0));
	q[sc] = 0;
	phase[sc] = PH_NONE;
#ifdef ROGUE
	broken[sc] = 0
#endif
}

/* swap_prepare: all that can fail. On failure the old one is untouched. */
inline swap_prepare(sc)
{
	assert(phase[sc] == PH_NONE && att[sc] == 0 && q[sc] == 0);
	assert_loaded(sc);
	phase[sc] = PH_PREPARED;
	e = 0;
	do
	:: e < NE ->
		if
		:: st[e] != DEAD -> att[sc] = att[sc] | BIT(e)
		:: else
		fi;
		e++
#if !defined(SURE) && (!defined(ROGUE) || NS > 2)
	:: e < NE && (NS == 2 || sc != DEF) -> failed = 1; break
#endif
	:: e == NE -> break
	od;
	if
	:: failed ->
		assert(phase[act] == PH_LIVE && phase[sc] == PH_PREPARED);
		swap_detach(sc)
	:: else
	fi;
	e = 0
}

/* activate_locked: the pool's mutex is held; "failed": the old one goes on. */
inline activate_locked(to)
{
	STEPS {
		failed = 0;
		swap_prepare(to)
	};
#ifdef CEASE
	if
	:: how && !failed ->
		cease();
		if
		:: failed ->
			resume();
			STEPS { swap_detach(to) }
		:: else
		fi
	:: else
	fi;
#endif
	if
	:: failed
	:: !failed ->
		/* the point of no return */
		do
#if defined(CARRY) && !defined(BUG_CARRY_NO_WAIT)
		:: p < NP -> swap_flip(to); swap_carry(); p++
#else
		:: p < NP -> swap_flip(to); p++
#endif
		:: else -> break
		od;
		atomic {
			p = 0;
			old = act;
			act = to;
			history_drop(to);
#ifdef BUG_BROKEN_REMEMBERED
			history_push(old)
#else
			if
			:: !BROKEN(old) -> history_push(old)
			:: else
			fi
#endif
		};
#ifdef CEASE
		if
		:: how -> resume()
		:: else
		fi;
#endif
#ifndef BUG_EARLY_DETACH
		swap_sync();
#endif
		STEPS {
			swap_detach(old);
#ifdef BUG_EARLY_DETACH
			swap_sync();
#endif
			old = 0
		}
	fi
}

#ifdef CARRY
#define CLOCALS		byte go = 0;
#else
#define CLOCALS
#endif
#define SWAPPER \
	LOCALS; \
	CLOCALS \
	byte e = 0; \
	byte to = 0; \
	byte old = 0; \
	bit how = 0;	/* it is to cease */ \
	bit failed = 0

/* fall_back: the one before, and the one before that; the default cannot fail. */
inline fall_back()
{
	failed = 1;
	do
	:: failed ->
		to = DEF;
#if NS > 2
		atomic {
			if
			:: nh > 0 -> to = hist[0]; history_drop(to)
			:: else
			fi;
			assert(to != act)
		};
#endif
#ifdef ROGUE
		assert(!expelled[to]);
#endif
#ifdef REMOVE
		/* its table is read: its own unregistration waits for the mutex */
		assert(mod[to] != M_GONE);
		if
		:: atomic { mod[to] == M_LIVE -> ref[to]++ };
		   activate_locked(to);
		   ref[to]--
		:: mod[to] != M_LIVE
		fi
#else
		activate_locked(to)
#endif
	:: !failed -> break
	od;
	to = 0
}

/* A request: by name, with a reference on the module for as long as it lasts. */
#ifdef SWAP
proctype swapper()
{
	SWAPPER;

#ifdef CEASE
	how = 1;
#endif
end_swap:
	do
	:: STEPS {
#ifdef REMOVE
		/* sched_get: under the registry's mutex */
		if
		:: mod[0] == M_LIVE -> to = 0
		:: mod[1] == M_LIVE -> to = 1
		:: mod[0] != M_LIVE && mod[1] != M_LIVE -> break
		fi;
#ifndef BUG_GET_NO_REF
		ref[to]++
#endif
	   };
	   STEPS {
#endif
		atomic { MUTEX_LOCK; swapping = 1 };
#ifndef REMOVE
		if
		:: act != 0 -> to = 0
		:: act != 1 -> to = 1
		fi
#endif
	   };
	   if
	   :: to != act && phase[to] == PH_NONE ->
#ifdef ROGUE
		expelled[to] = 0;
#endif
		activate_locked(to)
	   :: else -> failed = 0
	   fi;
	   atomic {
		swapping = 0;
		MUTEX_UNLOCK;
#if defined(REMOVE) && !defined(BUG_GET_NO_REF)
		ref[to]--;
#endif
		to = 0;
		if
#ifdef ONCE
		:: !failed -> break
#endif
		:: failed -> failed = 0
#ifndef ONCE
		:: !failed
#endif
		fi
	   }
	od
}
#endif

#ifdef ROGUE
/* swap_broken: the work that throw_out has queued. */
proctype breach()
{
	SWAPPER;

end_breach:
	do
	:: atomic { thrown -> thrown = 0 };
	   atomic { MUTEX_LOCK; swapping = 1 };
	   if
#ifdef BUG_BREACH_UNCHECKED
	   :: true ->	/* wrong: a request may have come before */
#else
	   :: BROKEN(act) ->
#endif
		assert(BROKEN(act));
		fall_back()
#ifndef BUG_BREACH_UNCHECKED
	   :: else
#endif
	   fi;
#ifdef BUG_BREACH_LOST
	   thrown = 0;	/* wrong: the successor may have done it meanwhile */
#endif
	   atomic { swapping = 0; MUTEX_UNLOCK }
	od
}
#endif

#ifdef REMOVE
/* rmmod: refused while somebody holds a reference; then the module's exit function. */
proctype remover(byte sc)
{
	SWAPPER;

	atomic {
		ref[sc] == 0 -> mod[sc] = M_GOING
#ifdef BUG_NUMBER_FIRST
		; unreg[sc] = 1		/* wrong: it is still asked */
#endif
	};
	/* vmm_sched_unregister: going; from here on nobody finds it by name */
	atomic { MUTEX_LOCK; swapping = 1 };
	/* swap_unregister */
	history_drop(sc);
	if
	:: act == sc ->
		fall_back();
#ifndef BUG_GOING_REMEMBERED
		history_drop(sc)	/* not to come back by way of the history */
#endif
	:: else
	fi;
	atomic { swapping = 0; MUTEX_UNLOCK };
	atomic {
		unreg[sc] = 1;
		/* invariant 2: never called again, nothing of it is left */
		assert(phase[sc] == PH_NONE && att[sc] == 0 && act != sc);
		mod[sc] = M_GONE
	}
}
#endif
#endif
