/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two pools, a pCPU and a scheduler each; VM 0 moves from one to the other and
 * back (with ONCE once), VM 1 stays in pool 0. HOTPLUG is defined with it: the
 * choice of a home keeps to the pool.
 *
 * Design: group_move() prepares the entity, inert, in the target; then takes it over in
 * one step under the lock of its old home, wherever it stands; an owner is
 * kicked and goes over by its own thread, in gate_resolve (move_owner). A grace
 * period later the old scheduler lets go.
 *
 * Locking: both pools' mutexes (one here: pm), one domain lock at a time. pool[e]
 * and home[e] change together, under the lock of the old home.
 *
 * CPUS: pool 0 has two CPUs at first, and one of them goes over and comes back
 * (cpus.pml); a pool without an online CPU takes no VM.
 */
#ifdef CPUS
#include "cpus.pml"
#define TAKES_VM(pl)	((pl) == 0 || member == 2)
#else
#define TAKES_VM(pl)	1
#endif

/* go_over: the old home's lock is held; en is OUT or BLOCKED. */
inline go_over(en)
{
	goal[en] = NONE;
#ifdef BUG_MOVE_TWO_STEPS
	pool[en] = 1 - pool[en]		/* wrong: its home follows later */
#else
	pool[en] = 1 - pool[en];
	home[en] = FIRST(pool[en])
#endif
}

/* move_entity: "again" is what has not come over yet. */
inline move_entity(en, to)
{
	again = 0;
	CS {
		lock_home(en, p);
		if
		:: pool[en] == to
		:: pool[en] != to ->
			goal[en] = to;
			gone = 0;
			if
			:: st[en] == QUEUED -> dequeue(en, p); own = 1; go_over(en)
			:: st[en] == OFFERED -> put_curr(en, p); own = 1; gone = 1; go_over(en)
			:: OWNS(en) ->
				x = en;
				gate_expire(p);
				if
				:: gone -> go_over(en)
				:: else -> resched[p] = 1; kick[p] = 1; again = 1
				fi;
				x = NONE
			:: else -> go_over(en)
			fi;
			if
			:: gone -> gate_offer(p); gone = 0
			:: else
			fi
		fi;
		unlock(p)
	};
	wake_thread();
#ifdef BUG_MOVE_TWO_STEPS
	home[en] = FIRST(pool[en]);
#endif
	if
	:: own -> own = 0; gate_claim(en)
	:: else
	fi
}

proctype mover()
{
	LOCALS;
	byte to = 1;
	bit again = 0;
	bit own = 0;
	bit failed = 0;
#ifdef CPUS
	byte e = 0;
#endif

end_mover:
	do
#ifdef CPUS
	/* to is 1: the VM is in pool 0, and either way both pools keep what they need */
	:: atomic { to == 1 -> MUTEX_LOCK; moving = 1 };
	   move_cpu();
	   atomic {
		moving = 0;
		e = 0;
		MUTEX_UNLOCK
	   }
#endif
	:: atomic {
		TAKES_VM(to) -> MUTEX_LOCK;
		/* attach: all that can fail */
		if
		:: att[to] = att[to] | BIT(0)
		:: failed = 1
		fi
	   };
	   if
	   :: failed
	   :: !failed ->
		do
		:: move_entity(0, to);
		   if
		   :: again
#ifdef BUG_MOVE_NO_WAIT
		   :: again -> break
#endif
		   :: !again -> break
		   fi
		od;
		atomic {
			/* invariants 1 and 2: nothing of it is left behind */
			assert(!INQ(1 - to, 0) && runs[0] != 1 - to);
			att[1 - to] = att[1 - to] & (255 - BIT(0));
			again = 0
		}
	   fi;
	   atomic {
		if
		:: failed
		:: else -> to = 1 - to
		fi;
		MUTEX_UNLOCK;
		if
#ifdef ONCE
		:: !failed -> break
#else
		:: !failed
#endif
		:: failed -> failed = 0
		fi
	   }
	od
}
