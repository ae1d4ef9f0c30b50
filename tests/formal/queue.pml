/* The queue with its outbox, as a model: two jobs, two workers and a recorder that may crash between any two steps, a
 * reclaimer that also takes the leases of workers that are only slow, so that every clock and every lease is covered.
 *
 * One script of Redis is one atomic step, one transaction of PostgreSQL is one atomic step; all else may interleave.
 *
 *   claim     pending -> running; a new token, higher than every earlier one
 *   settle    running -> completed, only with the current token; the fact goes to the outbox in the same step
 *   reclaim   running -> pending; the token is void from then on
 *   record    read the head of the outbox; commit its row (repeated without a trace); publish; drop the entry
 *
 * Each of these macros breaks one rule on purpose, and must be found out:
 *   NO_FENCE               settle does not compare the token
 *   SETTLE_WITHOUT_OUTBOX  state and fact are two steps
 *   DELETE_BEFORE_COMMIT   the entry is dropped before its row is committed
 *   PUBLISH_BEFORE_COMMIT  the event is sent before its row is committed
 */
#define NJOBS 2
#define CRASHES 2
#define FREEZES 2

mtype = { pending, running, completed };

/* Redis */
mtype state[NJOBS] = pending;
bool ready[NJOBS] = true;
bool leased[NJOBS];
byte token[NJOBS];
byte fence;
chan outbox = [NJOBS + 2] of { byte };

/* PostgreSQL, and what subscribers heard */
bool row[NJOBS];
bool announced[NJOBS];

/* For the properties and the bounds only */
bool holder_lives[NJOBS];
byte settles[NJOBS];
bool stale_write;
byte crashes = CRASHES;
byte freezes = FREEZES;
byte ended;

#define ALL_COMPLETED (state[0] == completed && state[1] == completed)

inline worker_may_crash() {
    if
    :: atomic { crashes > 0 -> crashes--; holder_lives[job] = false; goto idle }
    :: true
    fi
}

proctype Worker() {
    byte job, mine;
idle:
    atomic {
        job = 0; mine = 0;
        if
        :: ready[0] -> job = 0
        :: ready[1] -> job = 1
        :: ALL_COMPLETED -> goto over
        fi;
        assert(state[job] == pending);
        ready[job] = false; state[job] = running; leased[job] = true; holder_lives[job] = true;
        fence++; token[job] = fence; mine = fence
    };
    worker_may_crash();                               /* the answer of the claim is lost with its reader */
    worker_may_crash();                               /* the scraper runs; a frozen worker is not scheduled */
    atomic {
        if
#ifdef NO_FENCE
        :: state[job] == running ->
#else
        :: state[job] == running && token[job] == mine ->
#endif
            stale_write = stale_write || token[job] != mine;
            state[job] = completed; leased[job] = false; settles[job]++;
#ifndef SETTLE_WITHOUT_OUTBOX
            outbox!job
#endif
        :: else -> goto idle                          /* STALE: nothing is written */
        fi
    };
#ifdef SETTLE_WITHOUT_OUTBOX
    worker_may_crash();
    outbox!job;
#endif
    goto idle;
over:
    ended++
}

#define EXPIRED(j) (leased[j] && (!holder_lives[j] || freezes > 0))

proctype Reclaimer() {
    byte job;
    do
    :: atomic {
        if
        :: EXPIRED(0) -> job = 0
        :: EXPIRED(1) -> job = 1
        fi;
        if
        :: holder_lives[job] -> freezes--
        :: else
        fi;
        leased[job] = false; token[job] = 0; state[job] = pending; ready[job] = true }
    :: ALL_COMPLETED -> break
    od;
    ended++
}

inline recorder_may_crash() {
    if
    :: atomic { crashes > 0 -> crashes--; goto begin }
    :: true
    fi
}

/* A lock lets one recorder work; a crash frees it, and the next one begins. */
proctype Recorder() {
    byte head;
begin:
    if
    :: outbox?<head>
    :: ALL_COMPLETED && row[0] && row[1] && empty(outbox) -> goto over
    fi;
    recorder_may_crash();
#ifdef DELETE_BEFORE_COMMIT
    outbox?head;
    recorder_may_crash();
#endif
#ifdef PUBLISH_BEFORE_COMMIT
    announced[head] = true;
    recorder_may_crash();
#endif
    row[head] = true;
    recorder_may_crash();
#ifndef PUBLISH_BEFORE_COMMIT
    announced[head] = true;
    recorder_may_crash();
#endif
#ifndef DELETE_BEFORE_COMMIT
    outbox?head;
    recorder_may_crash();
#endif
    goto begin;
over:
    ended++
}

/* At the end, which is always reached: everything is recorded and was announced. A state in which nobody can move
 * and somebody waits is reported by the checker itself. */
proctype Auditor() {
    (ended == 4);
    assert(row[0] && row[1] && announced[0] && announced[1] && empty(outbox))
}

/* In every state. */
#define WHERE(j) ((state[j] == pending) == ready[j] && (state[j] == running) == leased[j])
#define KEPT(j) (state[j] != completed || row[j] || outbox??[eval(j)])
#define TOLD(j) (!announced[j] || row[j])

#ifdef ONE_PLACE
ltl one_place { [] (WHERE(0) && WHERE(1)) }
#endif
#ifdef KEPT_UNTIL_RECORDED
ltl kept_until_recorded { [] (KEPT(0) && KEPT(1)) }
#endif
#ifdef TOLD_AFTER_THE_ROW
ltl told_after_the_row { [] (TOLD(0) && TOLD(1)) }
#endif
#ifdef ONE_SETTLE
ltl one_settle { [] (settles[0] <= 1 && settles[1] <= 1 && !stale_write) }
#endif

init {
    atomic { run Worker(); run Worker(); run Reclaimer(); run Recorder(); run Auditor() }
}
