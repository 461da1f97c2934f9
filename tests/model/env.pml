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
	/* timer: gate_expire, gate_offer, kick */
	:: CS {
		atomic { tm[me] && lk[me] == 0 -> lk[me] = 1; p = me };
		tm[me] = 0;
		look_at_clock(1);
		check_curr(p);
		update_timer(p);
		unlock(p);
		p = 0
	   };
	   wake_thread()
	/* irq_work: sched_out left a mark, or a peer has too much */
	:: atomic { irqw[me] -> irqw[me] = 0; p = me };
#ifdef STEAL
	   CS {
		lock(p);
		if
		:: slot[p] == NONE -> gate_offer(p)
		:: else -> look_at_clock(0); check_curr(p)
		fi;
		unlock(p)
	   };
	   wake_thread();
#else
	   check_pcpu(p, 0);
#endif
	   p = 0
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
