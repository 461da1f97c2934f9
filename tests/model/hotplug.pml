/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pCPUs go offline and come back.
 *
 * The last pCPU goes, again and again (with ONCE a single time); at least one
 * stays. A thread cannot be sent to a CPU (gate_move_here) from before its
 * evacuation until after it is back. An entity without an allowed pCPU runs
 * anywhere until one returns.
 *
 * Locking: the pool's mutex; the lock of each pCPU for a moment. A claim that
 * chose the pCPU before it went finds out under the lock.
 */

/* vmm_choose_home: a guess, without a lock. How many wait is left open. */
inline choose_home(en)
{
	atomic {
		anyw[en] = 0;
		if
		:: ALLOWED(en, 0) -> h = 0
		:: ALLOWED(en, 1) -> h = 1
#if NP > 2
		:: ALLOWED(en, 2) -> h = 2
#endif
		:: else ->
			anyw[en] = 1;
			if
			:: ALLOWED(en, 0) -> h = 0
			:: ALLOWED(en, 1) -> h = 1
#if NP > 2
			:: ALLOWED(en, 2) -> h = 2
#endif
			:: else -> h = home[en]
			fi
		fi
	}
}

/* gate_claim: queue an entity that is OUT where it may run. */
inline gate_claim(en)
{
	do
	:: choose_home(en);
	   /* move_home, then the claim itself */
	   if
	   :: home[en] != h ->
		CS {
			lock_home(en, p);
			if
#ifdef BUG_CLAIM_OLD_POOL
			:: st[en] == OUT -> home[en] = h
#else
			:: st[en] == OUT && SAME_POOL(en, h) -> home[en] = h
#endif
			:: else
			fi;
			unlock(p)
		}
	   :: else
	   fi;
	   CS {
		lock_home(en, p);
		if
#ifdef BUG_CLAIM_OFFLINE
		:: true ->
#else
		:: online[p] ->
#endif
			claim_here(en, p);
			over = 0;
			unlock(p);
			break
#ifndef BUG_CLAIM_OFFLINE
		:: else -> unlock(p)
#endif
		fi
	   }
	od;
	wake_thread()
}

/* gate_requeue: what en may use changed; see that it stands right. pm is held. */
inline gate_requeue(en)
{
	CS {
		lock_home(en, p);
#ifndef BUG_REQUEUE_ANYWHERE
		anyw[en] = 0;
#endif
		again = 0;
		gone = 0;
		if
		:: STRICT(en, p)
		:: !STRICT(en, p) ->
			if
			:: st[en] == QUEUED -> dequeue(en, p); again = 1
#ifndef BUG_EVAC_KEEPS_OFFER
			:: st[en] == OFFERED -> put_curr(en, p); again = 1; gone = 1
#endif
			:: OWNS(en) ->
				x = en;
				gate_expire(p);
				if
				:: !gone -> resched[p] = 1; kick[p] = 1
				:: else
				fi;
				x = NONE
			:: else
			fi
		fi;
		if
		:: gone -> gate_offer(p); gone = 0
		:: else
		fi;
		unlock(p)
	};
	wake_thread();
	if
	:: again -> again = 0; gate_claim(en)
	:: else
	fi
}

/* gate_evacuate: everything that is on pc goes elsewhere. pm is held. */
inline gate_evacuate(pc)
{
	CS { lock(pc); online[pc] = 0; unlock(pc) };
	do
	:: e < NE ->
		if
		:: home[e] == pc -> gate_requeue(e)
		:: else
		fi;
		e++
	:: else -> break
	od;
	CS { e = 0; lock(pc); evac[pc] = 1; unlock(pc) }
}

/* pcpu_up: who waits there is served, and whom its absence drove away comes back. pm is held. */
inline pcpu_up(pc)
{
	CS {
		lock(pc);
		evac[pc] = 0;
		online[pc] = 1;
		look_at_clock(0);
		check_curr(pc);
		unlock(pc)
	};
	wake_thread();
#ifndef BUG_ONLINE_FORGETS
	/* gate_return */
	do
	:: e < NE ->
		if
		:: (anyw[e] || !online[home[e]]) && SAME_POOL(e, pc) -> gate_requeue(e)
		:: else
		fi;
		e++
	:: else -> break
	od;
#endif
	e = 0
}

inline host_cpu_offline(pc)
{
	active_cpu[pc] = 0;
	MUTEX_LOCK;
	gate_evacuate(pc);
	atomic { MUTEX_UNLOCK }
}

inline host_cpu_online(pc)
{
	MUTEX_LOCK;
	pcpu_up(pc);
	atomic { MUTEX_UNLOCK };
	active_cpu[pc] = 1
}

#ifndef POOLS
proctype hotplug()
{
	LOCALS;
	byte e = 0;
	bit again = 0;

end_hotplug:
	do
	:: host_cpu_offline(NP - 1);
	   host_cpu_online(NP - 1)
#ifdef ONCE
	   ; break
#endif
	od
}
#endif
