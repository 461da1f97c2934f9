/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Start of the model, and what must come true in the end.
 *
 * The formulas are checked under weak fairness with HOG and FAIR: guests leave
 * only when they must, and the scheduler passes nobody over for ever.
 */

#ifdef BUSY
/*
 * On the last pCPU the first is in its guest, the others are queued and asleep. To have a
 * bug near the start; it makes a whole search longer, a thread may come late to its place.
 */
inline busy_start(en)
{
	home[en] = NP - 1;
	cpu[en] = NP - 1;
	if
	:: en == 0 ->
		st[0] = OWNER;
		runs[0] = 0
	:: else ->
		st[en] = QUEUED;
		asleep[en] = 1;
		q[0] = q[0] | BIT(en);
		nq[NP - 1]++;
		tm[NP - 1] = 1;
#ifdef STEAL
		irqw[0] = 1
#endif
	fi
}
#endif

init {
	atomic {
		byte i = 0;

		phase[0] = PH_LIVE;
		do
		:: i < NE ->
			att[0] = att[0] | BIT(i);
			runs[i] = NONE;
#ifdef POOLS
			goal[i] = NONE;
#endif
#ifdef SPREAD
			home[i] = (i + SPREAD) % NP;
			cpu[i] = (i + SPREAD) % NP;
#endif
#ifdef BUSY
			busy_start(i);
#endif
			run vcpu(i);
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NP ->
			slot[i] = NONE;
#ifdef CARRY
			from[i] = NONE;
#endif
#ifdef YIELDTO
			hint[i] = NONE;
#endif
#ifdef HOTPLUG
			online[i] = 1;
			active_cpu[CPU(i)] = 1;
#endif
			run cpu_irq(i);
			i++
		:: else -> break
		od;
#if defined(HALT) || defined(SIGNAL)
		run env();
#endif
#ifdef SWAP
		run swapper();
#endif
#ifdef ROGUE
		run breach();
#endif
#ifdef REMOVE
		i = 0;
		do
		:: i < NS - 1 ->
			if
			:: (REMOVE & BIT(i)) -> run remover(i)
			:: else
			fi;
			i++
		:: else -> break
		od;
#endif
#if NS > 2 && !defined(POOLS)
		/* 0 is active, 1 was before */
		hist[0] = 1;
		nh = 1;
#endif
#ifdef PAUSE
		run service();
#endif
#ifdef POOLS
		sch[NP - 1] = 1;
		phase[1] = PH_LIVE;
#ifdef CPUS
		online[2] = 0;
		evac[2] = 2;
		member = 1;
#endif
		run mover();
#elif defined(HOTPLUG)
		run hotplug();
#endif
#ifdef BUSY
		slot[NP - 1] = 0;
#endif
#ifdef READER
		run reader();
#endif
		i = 0
	}
}

/* A runnable entity is offered a pCPU in the end, or its thread leaves. */
#ifdef LTL_OFFERED
ltl offered { [] (st[0] == QUEUED -> <> (st[0] != QUEUED)) }
#endif
/* Each of them, and no pCPU stays idle beside a queued entity. */
#ifdef LTL_BUSY
ltl busy {
	([] (st[0] == QUEUED -> <> (st[0] != QUEUED))) &&
	([] (st[1] == QUEUED -> <> (st[1] != QUEUED))) &&
	([] ((slot[0] == NONE && nq[0]) -> <> !(slot[0] == NONE && nq[0])))
}
#endif
/* A blocked entity with work is woken. */
#ifdef LTL_WOKEN
ltl woken { [] ((st[0] == BLOCKED && work[0]) -> <> (st[0] != BLOCKED)) }
#endif
/* Whatever took the pool's mutex to change the scheduler gives it back. */
#ifdef LTL_SWAP
ltl swapped { [] (swapping -> <> !swapping) }
#endif
/* A scheduler that broke its contract is replaced. */
#ifdef LTL_BREACH
ltl replaced { [] (broken[act] -> <> !broken[act]) }
#endif
/* The removal of a module ends. */
#ifdef LTL_REMOVED
ltl removed { <> (mod[0] == M_GONE) }
#endif
/* Whom a pCPU's absence made run anywhere is back where he belongs, or it left again. */
#ifdef LTL_HOME
ltl back { [] ((online[NP - 1] && home[0] != NP - 1) -> <> (!online[NP - 1] || home[0] == NP - 1)) }
#endif
/* It goes through to the end, whatever others ask for meanwhile. */
#ifdef LTL_GOES
ltl goes { [] (mod[0] == M_GOING -> <> (mod[0] == M_GONE)) }
#endif
/* A pause ends: its vCPU comes out. */
#ifdef LTL_PAUSED
ltl out { [] (asking -> <> !asking) }
#endif
/* A pCPU that leaves its pool arrives. */
#ifdef LTL_CPU
ltl arrived { [] (moving -> <> !moving) }
#endif
/* A move between pools ends. */
#ifdef LTL_MOVED
ltl moved { [] (goal[0] != NONE -> <> (goal[0] == NONE)) }
#endif
