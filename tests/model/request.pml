/* SPDX-License-Identifier: GPL-2.0 */
/*
 * vCPU 0 is paused and resumed, again and again (with ONCE a single time).
 *
 * It is taken out of wherever it stands (take_out); in its guest it is kicked and comes
 * out by itself (gate_resolve). From then until it is resumed it claims nothing: its
 * thread sleeps at the gate (held, gate_held). The service waits for a while; what
 * it was told to be out of the way stays so (quiet). With HOG it waits for as long as it
 * takes.
 *
 * Locking: the pool's mutex for each of the two requests, not between them; the lock of
 * the entity's home. away[] is its thread's, read without a lock.
 *
 * Limits: the pause of a vCPU, not that of its VM too.
 */

/* take_out: false (out is 0): it is in its guest and has been told. Lock held. */
inline take_out(en, pc)
{
	out = 1;
	gone = 0;
	if
	:: st[en] == QUEUED -> dequeue(en, pc); held[en] = !away[en]
	:: st[en] == OFFERED -> put_curr(en, pc); held[en] = !away[en]; gone = 1
	:: OWNS(en) ->
		x = en;
		gate_expire(pc);
		x = NONE;
		if
		:: !gone -> DET { must_go[pc] = 1; resched[pc] = 1; kick[pc] = 1; out = 0 }
		:: else
		fi
	:: else
	fi;
	if
	:: gone -> gate_offer(pc); gone = 0
	:: else
	fi
}

inline request_pause(en)
{
	do
	:: CS {
		lock_home(en, p);
		paused[en] = 1;
		take_out(en, p);
		quiet[en] = out;
		unlock(p)
	   };
	   wake_thread();
	   if
	   :: out -> break
	   :: !out
#ifndef HOG
	   :: !out -> break	/* for too long: it stops as soon as it can */
#endif
	   fi
	od
}

inline request_resume(en)
{
	CS {
		lock_home(en, p);
		DET {
			quiet[en] = 0;
			paused[en] = 0;
			if
			:: held[en] ->
				held[en] = 0;
#ifndef BUG_RESUME_SILENT
				w = en
#endif
			:: else
			fi
		};
		unlock(p)
	};
	wake_thread()
}

proctype service()
{
	LOCALS;
	bit out = 0;

end_service:
	do
	:: atomic { MUTEX_LOCK; asking = 1 };
	   request_pause(0);
	   atomic { asking = 0; out = 0; p = 0; MUTEX_UNLOCK };
	   MUTEX_LOCK;
	   request_resume(0);
	   atomic { p = 0; MUTEX_UNLOCK }
#ifdef ONCE
	   ; break
#endif
	od
}
