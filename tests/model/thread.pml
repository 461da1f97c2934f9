/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vCPU thread: from user space through the gate into the guest and back.
 *
 * Switches: LOAN (device accesses in user space), HALT=n (the first n vCPUs
 * halt inside the gate), UHALT (halts handled by user space), SIGNAL=n,
 * SCHED_OUT (the host takes an owner's CPU), MOVE (threads and homes change
 * CPU), FREEZE (the host may keep a thread off for good), EXIT (vCPUs are
 * destroyed), HOG (a guest need not exit unless it is kicked), SPREAD (entities
 * start on different pCPUs). HOTPLUG, PINNED: see hotplug.pml.
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
		:: cpu[en] = OTHER(cpu[en])
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
			tok[en] = 0;
			kick[p] = 0;
			resched[p] = 0;
			slept[en] = 0;
			st[en] = OFF;
			update_timer(p)
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

/* The owner was told to come: does it go (gate_giveup) or stay? */
inline gate_resolve(en)
{
	CS {
		lock_home(en, p);
		own = 0;
		look_at_clock(0);
		if
#ifdef POOLS
		:: slot[p] == en && st[en] == OFF && goal[en] != NONE ->
			/* move_owner */
			put_curr(en, p);
			go_over(en);
			gate_offer(p)
#endif
		:: slot[p] == en && st[en] == OFF && ALLOWED(en, p) && STAYS(en) &&
		   (CEASED || (nq[p] && (resched[p] || over))) ->
			put_curr(en, p);
			enqueue(en, p);
			gate_offer(p)
#ifdef HOTPLUG
		:: slot[p] == en && st[en] == OFF && !ALLOWED(en, p) ->
			put_curr(en, p);
			gate_offer(p)
#endif
		:: slot[p] == en && st[en] == OFF && ALLOWED(en, p) && STAYS(en) &&
		   !(CEASED || (nq[p] && (resched[p] || over))) ->
			kick[p] = 0;
			resched[p] = 0;
			update_timer(p);
			own = 1
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

/* gate_loan: to user space for a moment. No lock unless somebody waits. */
inline gate_loan(en)
{
	atomic {
		if
		:: st[en] == OFF -> st[en] = LOANED
		:: else
		fi
	};
	FREEZE_POINT;
	if
	:: nq[home[en]] -> p = home[en]; check_pcpu(p, 0)
	:: else
	fi
}

/*
 * A signal at the gate: an owner lends, and so does the holder of an offer; a
 * place in the queue is kept while the thread is in user space.
 */
inline leave_by_signal(en)
{
	if
	:: st[en] == OFFERED -> gate_own(en)
	:: else
	fi;
	if
	:: st[en] == OFF -> gate_loan(en)
	:: st[en] == QUEUED
	:: else -> gate_cancel(en)
	fi
}

/* A halt that user space handles: the pCPU stays while nobody waits. */
inline exit_halted(en)
{
	if
	:: !nq[home[en]] && !kick[home[en]] ->
		slept[en] = 1;
		FREEZE_POINT;
		if
		:: nq[home[en]] -> gate_giveup(en)
		:: else
		fi
	:: else -> gate_giveup(en)
	fi
}

inline gate_destroy(en)
{
#ifndef BUG_EXIT_NOMUTEX
	atomic { !pm -> pm = 1 };
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
	pm = 0
#endif
}

proctype vcpu(byte e)
{
	LOCALS;
	bit own = 0;

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
	atomic {
		if
		:: st[e] == LOANED -> st[e] = OFF
		:: else
		fi
	};
	if
	:: st[e] == OFF && cpu[e] == home[e] && !kick[home[e]] && !sig[e] -> goto on
	:: else
	fi;
gate:
	INSIDE(e, 0);
	FREEZE_POINT;
	if
	:: sig[e] -> leave_by_signal(e); goto user
	:: !sig[e] && st[e] == OUT -> gate_claim(e); goto gate
	:: !sig[e] && (st[e] == QUEUED || st[e] == BLOCKED) ->
#ifndef BUG_SLEEP_ORDER
		asleep[e] = 1;
#endif
		if
		:: (st[e] == QUEUED || st[e] == BLOCKED) && !sig[e] ->
#ifdef BUG_SLEEP_ORDER
			asleep[e] = 1;
#endif
			(!asleep[e] || sig[e])
		:: else
		fi;
		asleep[e] = 0;
		goto gate
	:: !sig[e] && st[e] == OFFERED ->
#ifdef HOTPLUG
		/* not there any more, or going away: claim anew */
		atomic {
			if
			:: active_cpu[home[e]] && ALLOWED(e, home[e]) -> cpu[e] = home[e]; own = 1
			:: else
			fi
		};
		if
		:: own -> own = 0; gate_own(e)
		:: else -> gate_cancel(e)
		fi;
#else
		cpu[e] = home[e];	/* the thread moves itself */
		FREEZE_POINT;
		gate_own(e);
#endif
		goto gate
	:: !sig[e] && st[e] == OFF ->
		gate_resolve(e);
		if
		:: own ->
#ifdef HOTPLUG
			own = 0;
			if
			:: atomic { active_cpu[home[e]] -> cpu[e] = home[e] }
			:: else -> gate_cancel(e); goto gate
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
		:: st[e] == OWNER && cpu[e] == home[e] && !kick[home[e]] && !sig[e] ->
#endif
			inguest[e] = 1;
			work[e] = 0;	/* injected */
#ifdef CEASE
			assert(!allout);
#endif
			assert(slot[home[e]] == e && cpu[e] == home[e])
		:: else -> goto stop
		fi
	};
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
	   gate_loan(e);
	   goto user
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
	:: sig[e] ->
		INSIDE(e, 0);
		if
		:: st[e] == OFF -> gate_loan(e)
		:: else
		fi;
		goto user
	:: else -> goto enter
	fi;
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
