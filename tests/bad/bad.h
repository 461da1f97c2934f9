/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _VMM_TESTS_BAD_H
#define _VMM_TESTS_BAD_H

/* What sched_bad does wrong; the names of the parameter "kind" are in main.c. */
enum bad_kind {
	BAD_GOOD,		/* nothing */
	BAD_NEVER,		/* picks nobody, ever */
	BAD_UNKNOWN,		/* picks an id that nobody has */
	BAD_DEAD,		/* picks one that is gone */
	BAD_RUNNING,		/* picks who runs elsewhere */
	BAD_TWICE,		/* picks one, and the next pCPU gets it too */
	BAD_BLOCKED,		/* picks one that went to sleep */
	BAD_FOREIGN,		/* picks one that is queued elsewhere */
	BAD_DISALLOWED,		/* ... and pinned there */
	BAD_LOSE,		/* forgets one */
	BAD_STARVE,		/* picks one only if there is nobody else */
	BAD_PINGPONG,		/* the same, and moves it from pCPU to pCPU */
	BAD_HOLD,		/* holds one back for ever, with a deadline */
	BAD_HOLD_IDLE,		/* holds all back, without a deadline */
	BAD_SLICE_ZERO,		/* slices of no length */
	BAD_SLICE_NEGATIVE,
	BAD_SLICE_INFINITE,	/* without end, for all */
	BAD_WAKEUP,		/* garbage from wakeup() */
	BAD_ADOPT,		/* ... from adopt(): taken for short slices */
	BAD_HISTORY,		/* ... from give_history(): clipped */
	BAD_INIT_ERRNO,		/* init() returns 5 */
	BAD_PCPU_ERRNO,		/* pcpu_init() */
	BAD_ATTACH_ERRNO,	/* attach() */
	BAD_ATTACH_LATER,	/* attach() returns 5 once it is in charge */
	BAD_CHECK_SCHED,	/* check_sched() returns -5000 */
	BAD_CHECK_GROUP,	/* check_group() */
	BAD_ATTACH_FAILS,	/* attach() refuses the bad_at-th entity */
	BAD_DETACH_SLOW,	/* detach() takes its time */
	BAD_REGISTER,		/* registers a scheduler from pick() */
	BAD_UNREGISTER,		/* unregisters itself from pick() */
	BAD_ACTIVATE,		/* asks for a change of scheduler from charge() */
	BAD_INIT_ACTIVATE,	/* ... from init() */
	BAD_PARAMS_UNREGISTER,	/* unregisters itself from sched_params() */
	BAD_STEAL_UNLOCKED,	/* takes from a pCPU that it has not locked */
	BAD_STEAL_KEEPS,	/* does not give a peer's lock back */
	BAD_STEAL_TWO,		/* looks at two peers at once */
	BAD_STEAL_GIVES,	/* gives a lock back that it does not have */
	BAD_DEADLINES,		/* sets deadlines that are over already */
	BAD_RESCHED,		/* asks in every pick() to be asked again */
	BAD_KINDS,
};

extern int bad_at;
extern int bad_attached;	/* entities and pCPUs that were not detached yet */
extern int bad_deadlines;	/* calls because of a deadline, and picks */
extern int bad_dangling;	/* links to what is gone that detach() has found */
extern int bad_told;		/* calls of put() and take() after it was thrown out */

void bad_set_kind(enum bad_kind kind);
const char *bad_kind_name(enum bad_kind kind);

#endif /* _VMM_TESTS_BAD_H */
