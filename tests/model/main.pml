/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Start of the model, and what must come true in the end.
 *
 * The formulas are checked under weak fairness with HOG and FAIR: guests leave
 * only when they must, and the scheduler passes nobody over for ever.
 */

init {
	atomic {
		byte i = 0;

		phase[0] = PH_LIVE;
		do
		:: i < NE ->
			att[0] = att[0] | BIT(i);
			runs[i] = NONE;
#ifdef SPREAD
			home[i] = i % NP;
			cpu[i] = i % NP;
#endif
			run vcpu(i);
			i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < NP ->
			slot[i] = NONE;
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
#ifdef READER
		run reader();
#endif
		i = 0
	}
}

/* A runnable entity is offered a pCPU in the end, or its thread leaves. */
#ifdef LTL_OFFERED0
ltl offered0 { [] (st[0] == QUEUED -> <> (st[0] != QUEUED)) }
#endif
#ifdef LTL_OFFERED1
ltl offered1 { [] (st[1] == QUEUED -> <> (st[1] != QUEUED)) }
#endif
/* A blocked entity with work is woken. */
#ifdef LTL_WOKEN
ltl woken { [] ((st[0] == BLOCKED && work[0]) -> <> (st[0] != BLOCKED)) }
#endif
/* No pCPU stays idle beside a queued entity. */
#ifdef LTL_BUSY
ltl busy { [] ((slot[0] == NONE && nq[0]) -> <> !(slot[0] == NONE && nq[0])) }
#endif
/* A swap that began returns. */
#ifdef LTL_SWAP
ltl swapped { [] (swapping -> <> !swapping) }
#endif
