/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Interrupt context of a pCPU, and the world outside: devices and timers that
 * wake, whoever sends signals. The timer carries nothing from the moment it
 * fires to the moment it has the lock, so that is one step.
 */

proctype cpu_irq(byte me)
{
	LOCALS;

end_irq:	/* with every thread stopped, no interrupt need come */
	do
	:: CS {
		if
		/* timer: gate_expire, gate_offer, kick */
		:: atomic { tm[me] && lk[me] == 0 -> lk[me] = 1; tm[me] = 0; p = me };
		   look_at_clock(1)
		/* irq_work: sched_out left a mark, or a peer has too much */
		:: atomic { irqw[me] -> irqw[me] = 0; p = me };
		   lock(p);
#ifdef STEAL
		   if
		   :: slot[p] == NONE -> gate_offer(p)
		   :: else -> look_at_clock(0)
		   fi
#else
		   look_at_clock(0)
#endif
		fi;
		check_curr(p);
		unlock(p);
		p = 0
	   };
	   wake_thread()
	od
}

#if defined(HALT) || defined(SIGNAL)
proctype env()
{
	LOCALS;
	byte e = 0;

end_env:
	do
#ifdef HALT
	:: atomic {
		if
		:: !work[0] && st[0] != DEAD -> e = 0
#if NE > 1 && HALT > 1
		:: !work[1] && st[1] != DEAD -> e = 1
#endif
		fi;
		work[e] = 1;
		waking[e] = 1
	   };
	   gate_wake(e);
	   atomic { e = 0; p = 0 }
#endif
#ifdef SIGNAL
	:: sig[0] == 0 -> sig[0] = 1
#if NE > 1 && SIGNAL > 1
	:: sig[1] == 0 -> sig[1] = 1
#endif
#endif
	od
}
#endif
