/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CPU 1 goes from pool to pool while guests run.
 *
 * It has a pCPU in each pool; that of the pool it is a member of is online. move_cpu()
 * takes the one offline by the steps of hotplug.pml, waits until nobody holds it
 * (pcpu_drain), and has the other one online. A CPU is not taken from a pool with a VM
 * that would have none left (check_cpus).
 *
 * Locking: the machine's mutex and those of both pools, one here: pm.
 *
 * Limits: CPU 1 does not go offline on the machine as well.
 */

byte member;		/* machine->member[1]: the pCPU by which it is used */
bit moving;		/* checks only */

/* pcpu_drain: until nobody has or waits for it; e is scratch. pm is held. */
inline pcpu_drain(pc)
{
	do
	:: CS {
		lock(pc);
		e = slot[pc];
#ifndef BUG_CPU_NO_DRAIN
		if
		:: e == NONE -> evac[pc] = 2
		:: else
		fi;
#endif
		assert(nq[pc] == 0);	/* invariant 1: nobody waits where no pick is made */
		unlock(pc)
	   };
	   if
	   :: e == NONE -> break
#ifdef BUG_CPU_NO_DRAIN
	   :: e != NONE -> break	/* wrong: in the guest still, perhaps */
#else
	   :: e != NONE -> gate_requeue(e)
#endif
	   fi
	od;
	e = 0
}

inline move_cpu()
{
	gate_evacuate(member);
	pcpu_drain(member);
	atomic {
		assert(slot[member] == NONE);	/* nobody of the old pool has the CPU now */
		member = 3 - member
	};
	pcpu_up(member)
}
