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
 * Limits: a pool has one pCPU, so pCPUs are not moved; that is host_cpu_offline
 * in one pool, as in hotplug.pml, a wait until nobody holds the pCPU there, and
 * host_cpu_online in the other.
 */

/* go_over: the old home's lock is held; en is OUT or BLOCKED. */
inline go_over(en)
{
	goal[en] = NONE;
#ifdef BUG_MOVE_TWO_STEPS
	pool[en] = 1 - pool[en]		/* wrong: its home follows later */
#else
	pool[en] = 1 - pool[en];
	home[en] = pool[en]
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
			if
			:: st[en] == QUEUED ->
				nq[p]--;
				sched_dequeue(en, p);
				st[en] = OUT;
				own = 1;
				go_over(en)
			:: st[en] == OFFERED ->
				put_curr(en, p);
				own = 1;
				go_over(en);
				gate_offer(p)
			:: OWNS(en) ->
				x = en;
				gate_expire(p);
				if
				:: gone -> go_over(en); gate_offer(p)
				:: else -> resched[p] = 1; kick[p] = 1; again = 1
				fi;
				x = NONE;
				gone = 0
			:: else -> go_over(en)
			fi
		fi;
		unlock(p)
	};
	wake_thread();
#ifdef BUG_MOVE_TWO_STEPS
	home[en] = pool[en];
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

end_mover:
	do
	:: atomic {
		!pm -> pm = 1;
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
		pm = 0;
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
