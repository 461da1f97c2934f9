/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vCPU thread: from user space through the gate into the guest and back.
 *
 * Switches: LOAN (device accesses in user space), HALT=n (the first n vCPUs
 * halt inside the gate), UHALT (halts handled by user space), SIGNAL=n
 * SCHED_OUT (the host takes an owner's CPU), MOVE (threads and homes change
 * CPU), FREEZE (the host may keep a thread off for good), EXIT (vCPUs are
 * destroyed), HOG (a guest need not exit unless it is kicked), SPREAD (entities
 * start on different pCPUs; =0: the first on the first), YIELDTO (a guest asks for
 * another one to be next), BUSY (they start where main.pml says).
 * HOTPLUG, PINNED: see hotplug.pml; PAUSE: request.pml.
 */

/* The host keeps this thread off for good, here where it is preemptible. */
#ifdef FREEZE
#define FREEZE_POINT	if :: true :: goto end_frozen fi
#else
#define FREEZE_POINT	skip
#endif

/* The thread is at the guest. From sched_in too. */
inline gate_on(en)
{
	atomic {
		if
		:: st[en] == OFF -> st[en] = OWNER
		:: else
		fi
	};
	if
	:: st[en] == OWNER -> slept[en] = 0
	:: else
	fi
}

inline gate_off(en)
{
	atomic {
		if
		:: st[en] == OWNER -> st[en] = OFF
		:: else
		fi
	}
}

/* The preempt notifier: takes no lock, wakes nobody, leaves the rest to irq_work. */
inline sched_out_in(en)
{
#ifdef SCHED_OUT
	if
	:: true
	:: st[en] == OWNER ->
		if
		:: slept[en] = 1
		:: true
		fi;
		gate_off(en);
		if
		:: nq[home[en]] -> irqw[home[en]] = 1
		:: else
		fi;
		FREEZE_POINT;
#if defined(MOVE) || defined(HOTPLUG)
		if
		:: cpu[en] = NC - 1 - cpu[en]
		:: true
		fi;
#endif
		gate_on(en)
	fi
#else
	skip
#endif
}

/* gate_own: decided under the lock, by state, holder and token. */
inline gate_own(en)
{
	CS {
		lock_home(en, p);
		if
#ifdef BUG_OWN_UNCHECKED
		:: true ->
#else
		:: st[en] == OFFERED && slot[p] == en && tok[en] == seq[p] ->
#endif
			DET {
				tok[en] = 0;
				kick[p] = 0;
				resched[p] = 0;
				GO_FREE(p);
				slept[en] = 0;
				st[en] = OFF;
				update_timer(p)
			}
#ifndef BUG_OWN_UNCHECKED
		:: else
#endif
		fi;
		unlock(p)
	}
}

#ifdef POOLS
#define STAYS(en)	(goal[en] == NONE)
#else
#define STAYS(en)	1
#endif

/* Somebody waits and its turn is over, or it has to go in any case. */
#define MUST_LEAVE(pc)	(CEASED || MUST_GO(pc) || (nq[pc] && (resched[pc] || over)))

/* The owner was told to come: does it go (gate_giveup) or stay? */
inline gate_resolve(en)
{
	CS {
		lock_home(en, p);
		own = 0;
		look_at_clock(0);
		if
		:: slot[p] == en && st[en] == OFF ->
			gone = 1;
			if
#ifdef POOLS
			:: goal[en] != NONE ->
				/* move_owner */
				put_curr(en, p);
				go_over(en)
#endif
			:: STAYS(en) && (!ALLOWED(en, p) || PAUSED(en)) -> put_curr(en, p)
			:: STAYS(en) && ALLOWED(en, p) && !PAUSED(en) && MUST_LEAVE(p) ->
				put_curr(en, p);
				enqueue(en, p)
			:: STAYS(en) && ALLOWED(en, p) && !PAUSED(en) && !MUST_LEAVE(p) -> DET {
				kick[p] = 0;
				resched[p] = 0;
				update_timer(p);
				own = 1;
				gone = 0
			   }
			fi;
			if
			:: gone -> gate_offer(p)
			:: else
			fi;
			gone = 0
		:: else			/* lost it meanwhile */
		fi;
		over = 0;
		unlock(p)
	};
	wake_thread()
}

/* gate_block: the guest halts and was seen to have no work. */
inline gate_block(en)
{
	CS {
		lock_home(en, p);
		if
		:: wp[en] -> wp[en] = 0
		:: else ->
			if
			:: slot[p] == en && st[en] == OFF ->
				put_curr(en, p);
				st[en] = BLOCKED;
				gate_offer(p)
			:: st[en] == OUT ->
				st[en] = BLOCKED	/* lost it meanwhile */
			fi
		fi;
		unlock(p)
	};
	wake_thread()
}

/* gate_loan: to user space for a moment. No lock unless somebody waits, or it was told to go. */
inline gate_loan(en)
{
	atomic {
		if
		:: st[en] == OFF -> st[en] = LOANED; gone = 1
		:: else
		fi
	};
	FREEZE_POINT;
	if
	:: gone && (nq[home[en]] || kick[home[en]]) -> gone = 0; p = home[en]; check_pcpu(p, 0)
	:: else -> gone = 0
	fi
}

/* A halt that user space handles: the pCPU stays while nobody waits. */
inline exit_halted(en)
{
	if
	:: !nq[home[en]] && !kick[home[en]] ->
		slept[en] = 1;
		FREEZE_POINT;
		gone = (nq[home[en]] != 0)
	:: else -> gone = 1
	fi;
	if
	:: gone -> gone = 0; gate_giveup(en)
	:: else
	fi
}

#ifdef YIELDTO
/* gate_yield_to: the owner gives way, to somebody who is queued here already. No mutex. */
inline gate_yield_to(en)
{
	CS {
		lock_home(en, p);
		if
		:: slot[p] == en && st[en] == OFF && nq[p] && !PAUSED(en) ->
			if
			:: en != 0 && HERE(0, p) -> hint[p] = 0
			:: en != 1 && HERE(1, p) -> hint[p] = 1
#if NE > 2
			:: en != 2 && HERE(2, p) -> hint[p] = 2
#endif
			fi;
			put_curr(en, p);
			enqueue(en, p);
			gate_offer(p)
		:: else
		fi;
		unlock(p)
	};
	wake_thread()
}
#endif

#ifdef PAUSE
/* gate_held: sleep for as long as it is held back; with a signal to user space. */
inline gate_held(en)
{
	if
	:: held[en] ->
		asleep[en] = 1;
		if
		:: held[en] && !sig[en] -> (!asleep[en] || sig[en])
		:: else
		fi;
		asleep[en] = 0;
		if
		:: sig[en] -> held[en] = 0
		:: else
		fi
	:: else
	fi
}
#else
#define gate_held(en)	skip
#endif

inline gate_destroy(en)
{
#ifndef BUG_EXIT_NOMUTEX
	MUTEX_LOCK;
#endif
	gate_cancel(en);
	CS {
		lock_home(en, p);
		assert(st[en] == OUT);
		st[en] = DEAD;
		att[sch[p]] = att[sch[p]] & (255 - BIT(en));
		unlock(p)
	};
#ifndef BUG_EXIT_NOMUTEX
	MUTEX_UNLOCK
#endif
}

proctype vcpu(byte e)
{
	LOCALS;
	bit own = 0;

#ifdef BUSY
	if
	:: e == 0 -> goto guest
	:: else -> goto sleep
	fi;
#endif
user:
	atomic { p = 0; own = 0; sig[e] = 0 };
	if
	:: true
#ifdef FREEZE
	:: goto end_frozen
#endif
#ifdef EXIT
	:: goto out
#endif
	fi;
enter:	/* back from the loan: no lock when nothing happened */
	INSIDE(e, 0);
	AWAY(e, 0);
	atomic {
		if
		:: st[e] == LOANED -> st[e] = OFF
		:: else
		fi
	};
	if
	:: st[e] == OFF && cpu[e] == CPU(home[e]) && !kick[home[e]] && !sig[e] -> goto on
	:: else
	fi;
gate:
	INSIDE(e, 0);
	FREEZE_POINT;
	if
	/*
	 * A signal: an owner lends, and so does the holder of an offer; a place in the
	 * queue is kept while the thread is in user space.
	 */
	:: sig[e] && st[e] == OFF -> goto lend
	:: sig[e] && st[e] == OFFERED ->
		gate_own(e);
		if
		:: st[e] == OFF -> goto lend
		:: else -> goto cancel
		fi
	:: sig[e] && st[e] == QUEUED -> AWAY(e, 1); goto user
#ifdef EXIT
	:: sig[e] && st[e] == QUEUED -> goto cancel	/* a fatal one */
#endif
	:: sig[e] && st[e] == OUT -> goto user
	:: sig[e] && st[e] != OFF && st[e] != OFFERED && st[e] != QUEUED && st[e] != OUT ->
		goto cancel
	:: !sig[e] && st[e] == OUT -> gate_claim(e); gate_held(e); goto gate
	:: !sig[e] && (st[e] == QUEUED || st[e] == BLOCKED) ->
#ifndef BUG_SLEEP_ORDER
		asleep[e] = 1;
#endif
		if
		:: (st[e] == QUEUED || st[e] == BLOCKED) && !sig[e] ->
#ifdef BUG_SLEEP_ORDER
			asleep[e] = 1;
#endif
sleep:			(!asleep[e] || sig[e])
		:: else
		fi;
		asleep[e] = 0;
		goto gate
	:: !sig[e] && st[e] == OFFERED ->
#ifdef HOTPLUG
		/* not there any more, or going away: claim anew */
		atomic {
			if
			:: active_cpu[CPU(home[e])] && ALLOWED(e, home[e]) -> cpu[e] = CPU(home[e])
			:: else -> goto cancel
			fi
		};
#else
		cpu[e] = home[e];	/* the thread moves itself */
		FREEZE_POINT;
#endif
		gate_own(e);
		goto gate
	:: !sig[e] && st[e] == OFF ->
		gate_resolve(e);
		if
		:: own ->
#ifdef HOTPLUG
			own = 0;
			if
			:: atomic { active_cpu[CPU(home[e])] -> cpu[e] = CPU(home[e]) }
			:: else -> goto cancel
			fi;
#else
			atomic { own = 0; cpu[e] = home[e] };
#endif
			if
			:: !kick[home[e]] -> goto on
			:: else -> goto gate
			fi
		:: else -> goto gate
		fi
	fi;
cancel:
	gate_cancel(e);
	if
	:: sig[e] -> goto user
	:: else -> goto gate
	fi;
on:
#ifdef CEASE
	/* Inside, then the mark: whoever ceases sets the mark, then looks who is inside. */
#ifndef BUG_CEASE_ORDER
	inside[e] = 1;
#endif
	if
	:: ceased -> goto enter
	:: else
	fi;
	inside[e] = 1;
	assert(!allout);
#endif
	/* the preempt notifier is registered */
	gate_on(e);
guest:
	sched_out_in(e);
	/* interrupts off: the last check. A kick from now on comes as an IPI. */
	atomic {
		p = 0;
		if
#ifdef BUG_NO_CPU_CHECK
		:: st[e] == OWNER && !kick[home[e]] && !sig[e] ->
#else
		:: st[e] == OWNER && cpu[e] == CPU(home[e]) && !kick[home[e]] && !sig[e] ->
#endif
			inguest[e] = 1;
			work[e] = 0;	/* injected */
#ifdef CEASE
			assert(!allout);
#endif
#ifdef PAUSE
			assert(!quiet[e]);
#endif
			assert(slot[home[e]] == e && cpu[e] == CPU(home[e]))
		:: else -> goto stop
		fi
	};
#ifdef HOG
end_hog:	/* with nobody else it runs for ever */
#endif
	if
	:: atomic {
#ifdef HOG
		(kick[home[e]] || sig[e]);
#endif
		assert(st[e] == OWNER && slot[home[e]] == e);
		inguest[e] = 0
	   };
	   goto guest
#ifdef LOAN
	:: inguest[e] = 0;
	   sched_out_in(e);
	   gate_off(e);
	   FREEZE_POINT;
	   INSIDE(e, 0);
	   goto lend
#endif
#ifdef YIELDTO
	:: inguest[e] = 0;
	   gate_off(e);
	   FREEZE_POINT;
	   gate_yield_to(e);
	   goto enter
#endif
#ifdef UHALT
	:: inguest[e] = 0;
	   gate_off(e);
	   FREEZE_POINT;
	   INSIDE(e, 0);
	   if
	   :: st[e] == OFF -> exit_halted(e)
	   :: else
	   fi;
	   goto user
#endif
#ifdef HALT
	:: atomic { e < HALT; inguest[e] = 0 };
	   if
	   :: work[e] -> goto guest
	   :: else
	   fi;
	   gate_off(e);
	   FREEZE_POINT;
	   gate_block(e);
	   goto enter
#endif
	fi;
stop:
	gate_off(e);		/* and the notifier is unregistered */
	FREEZE_POINT;
	if
	:: sig[e] -> INSIDE(e, 0)
	:: else -> goto enter
	fi;
lend:
	gate_loan(e);
	goto user;
#ifdef EXIT
out:
	gate_destroy(e);
#endif
end_frozen:
#ifdef FREEZE
	(st[e] == DEAD)
#else
	skip
#endif
}
