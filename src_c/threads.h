/* threads.h -- a pool of workers that outlives the calls. What they do together: team.h.
 *
 * A waiting thread spins for some tens of microseconds, then sleeps; between jobs that follow each other closely it spins for
 * longer. A job waits for no thread that has not begun with it. Not OpenMP: a child forked after a parallel region
 * hangs in libgomp, and its pool competes with others. The one pool lives in nncore/_engine/runtime.pyx; workers never
 * touch Python and take no signals. After a fork the child has no workers and starts its own when it needs them.
 */
#ifndef NN_THREADS_H
#define NN_THREADS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* for cpu_set_t */
#endif
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define NN_MAX_THREADS 256
#define NN_SPINS 2000 /* pauses of 10 to 40 ns, by processor */
/* Nanoseconds. Between jobs a thread spins for NN_PATIENCE if that would have been enough the last time: a loop around
 * predict often comes back sooner, and half of a short job is over when a thread has been woken for it. It is a tenth of
 * the time for which a system lets a thread run before it looks for another; the threads of BLAS and OpenMP libraries spin
 * for milliseconds. Where the pauses take more than NN_TAKEN, another program has had the processor: the thread sleeps. */
#define NN_PATIENCE 300000
#define NN_TAKEN 1000000

static inline void nn_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

/* ------------------------------------------------------------------------------ wait until a counter has moved on */

typedef struct {
    atomic_int value, sleepers;
    pthread_mutex_t lock;
    pthread_cond_t moved;
} nn_counter;

static inline void nn_counter_init(nn_counter *c)
{
    atomic_store(&c->value, 0);
    atomic_store(&c->sleepers, 0);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->moved, NULL);
}

/* The addition to value and the load of sleepers, and the mirror image in nn_counter_wait, are sequentially consistent: one
 * side always sees the other, so no wake-up is lost. */
static inline void nn_counter_add(nn_counter *c)
{
    atomic_fetch_add(&c->value, 1); /* atomic integers wrap around */
    if (atomic_load(&c->sleepers) == 0) return;
    pthread_mutex_lock(&c->lock);
    pthread_cond_broadcast(&c->moved);
    pthread_mutex_unlock(&c->lock);
}

/* returns whether it has moved */
static inline int nn_counter_spin(nn_counter *c, int old)
{
    for (int i = 0; i < NN_SPINS; i++) {
        if (atomic_load_explicit(&c->value, memory_order_acquire) != old) return 1;
        nn_pause();
    }
    return 0;
}

static inline void nn_counter_sleep(nn_counter *c, int old)
{
    pthread_mutex_lock(&c->lock);
    atomic_fetch_add(&c->sleepers, 1);
    while (atomic_load(&c->value) == old) pthread_cond_wait(&c->moved, &c->lock);
    atomic_fetch_sub(&c->sleepers, 1);
    pthread_mutex_unlock(&c->lock);
}

/* returns whether it slept */
static inline int nn_counter_wait(nn_counter *c, int old)
{
    if (nn_counter_spin(c, old)) return 0;
    nn_counter_sleep(c, old);
    return 1;
}

/* ----------------------------------------------------------------------------------------------------- processors */

static inline int nn_processor(void) /* the one this thread runs on; -1 where the system does not tell */
{
#ifdef __linux__
    return sched_getcpu();
#else
    return -1;
#endif
}

/* Move this thread to another processor if it runs on that one. Linux likes to wake a thread where its waker runs, and on
 * virtual machines leaves it there for milliseconds: the two would take turns, with another processor idle. */
static inline void nn_leave_processor(int processor)
{
#ifdef __linux__
    cpu_set_t allowed, others;
    if (processor < 0 || processor >= CPU_SETSIZE || sched_getcpu() != processor) return;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
    others = allowed;
    CPU_CLR(processor, &others);
    if (CPU_COUNT(&others) > 0 && sched_setaffinity(0, sizeof others, &others) == 0)
        sched_setaffinity(0, sizeof allowed, &allowed); /* it stays where it is, and may be moved again */
#else
    (void)processor;
#endif
}

/* ---------------------------------------------------------------------------------------------------------- flag */

/* A flag that one thread raises while others look. What it announces is ordered by a stage's end, where that matters. */
typedef atomic_int nn_flag;
static inline void nn_raise(nn_flag *flag) { atomic_store_explicit(flag, 1, memory_order_relaxed); }
static inline void nn_lower(nn_flag *flag) { atomic_store_explicit(flag, 0, memory_order_relaxed); }
static inline int nn_raised(nn_flag *flag) { return atomic_load_explicit(flag, memory_order_relaxed); }

/* A count that many threads add to; the order cannot matter. */
typedef atomic_long nn_tally;
static inline void nn_tally_add(nn_tally *tally, long n) { atomic_fetch_add_explicit(tally, n, memory_order_relaxed); }
static inline long nn_tally_take(nn_tally *tally) { return atomic_exchange_explicit(tally, 0, memory_order_relaxed); }

/* ---------------------------------------------------------------------------------------------------------- pool */

typedef void (*nn_task)(void *argument, int worker, int n_workers);

struct nn_pool;

typedef struct {       /* of one thread of the pool */
    _Alignas(64) nn_counter job; /* moves when there is a job for it; threads that a job does not need sleep on */
    atomic_int offered; /* whether that job still waits for it: either the thread or, in the end, the caller takes it back */
    struct nn_pool *pool;
    int worker;
    int patient;       /* whether NN_PATIENCE would have been enough the last time */
    pthread_t thread;
} nn_seat;

typedef struct nn_pool {
    nn_seat seats[NN_MAX_THREADS];
    nn_counter finished; /* moves when the last worker of a job is done */
    atomic_int running, busy;
    int n_threads;       /* started, besides the caller */
    int n_workers;       /* of the current job, the caller included */
    int processor;       /* of its caller */
#ifdef __linux__
    cpu_set_t allowed;   /* the processors that the threads may use: those of the last caller */
#endif
    nn_task task;
    void *argument;
} nn_pool;

static inline void nn_pool_init(nn_pool *p) /* also in a forked child: forgets threads that the fork did not copy */
{
    memset(p, 0, sizeof *p);
    nn_counter_init(&p->finished);
}

static inline int64_t nn_clock(void) /* nanoseconds */
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* wait until its counter is no longer `old`; returns whether it slept */
static inline int nn_seat_wait(nn_seat *seat, int old)
{
    const int64_t began = nn_clock();
    int64_t before, now = began;
    do {
        if (nn_counter_spin(&seat->job, old)) return 0;
        before = now, now = nn_clock();
    } while (seat->patient && now - began < NN_PATIENCE && now - before < NN_TAKEN);
    nn_counter_sleep(&seat->job, old);
    seat->patient = nn_clock() - began < NN_PATIENCE;
    return 1;
}

static void *nn_pool_worker(void *argument)
{
    nn_seat *seat = argument;
    nn_pool *p = seat->pool;
    for (int seen = 0;;) {
        int slept = nn_seat_wait(seat, seen), offered = 1;
        seen = atomic_load(&seat->job.value);
        if (!atomic_compare_exchange_strong(&seat->offered, &offered, 0)) continue; /* the others have done it already */
        if (slept) nn_leave_processor(p->processor);
        p->task(p->argument, seat->worker, p->n_workers);
        if (atomic_fetch_sub(&p->running, 1) == 1) nn_counter_add(&p->finished);
    }
    return NULL;
}

/* the caller's end of a job: wait for those that have begun with it; the others need not come any more */
static inline void nn_pool_end(nn_pool *p, int n_workers, int finished)
{
    int absent = 0;
    for (int i = 0; i < n_workers - 1; i++) absent += atomic_exchange(&p->seats[i].offered, 0);
    if (absent == 0 || atomic_fetch_sub(&p->running, absent) != absent) nn_counter_wait(&p->finished, finished);
}

static inline void nn_pool_grow(nn_pool *p, int n_threads) /* as far as the system lets us */
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* threads inherit the mask: signals stay with the caller's threads */
    while (p->n_threads < n_threads) {
        nn_seat *seat = &p->seats[p->n_threads];
        nn_counter_init(&seat->job);
        seat->pool = p, seat->worker = p->n_threads + 1;
        if (pthread_create(&seat->thread, NULL, nn_pool_worker, seat) != 0) break;
        pthread_detach(seat->thread);
        p->n_threads++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Threads inherit the processors that their creator may use: let them use the caller's instead, where that differs. Nobody
 * may be at work. */
static inline void nn_pool_follow_caller(nn_pool *p)
{
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0 || CPU_EQUAL(&allowed, &p->allowed)) return;
    for (int i = 0; i < p->n_threads; i++) pthread_setaffinity_np(p->seats[i].thread, sizeof allowed, &allowed);
    p->allowed = allowed;
#else
    (void)p;
#endif
}

/* Runs task(argument, worker, n) for worker = 0 .. n - 1, the caller being worker 0, and returns n: n_workers, or fewer if
 * the system gives no more threads, or 1 if the pool is serving another caller. */
static inline int nn_pool_run(nn_pool *p, nn_task task, void *argument, int n_workers)
{
    int idle = 0;
    if (n_workers > 1 && atomic_compare_exchange_strong(&p->busy, &idle, 1)) {
        nn_pool_follow_caller(p);
        nn_pool_grow(p, n_workers - 1);
        if (n_workers > p->n_threads + 1) n_workers = p->n_threads + 1;
        if (n_workers > 1) {
            p->task = task, p->argument = argument, p->n_workers = n_workers, p->processor = nn_processor();
            atomic_store(&p->running, n_workers - 1);
            int done = atomic_load(&p->finished.value);
            for (int i = 0; i < n_workers - 1; i++) {
                atomic_store(&p->seats[i].offered, 1);
                nn_counter_add(&p->seats[i].job);
            }
            task(argument, 0, n_workers);
            if (p->n_threads > 0) nn_pool_end(p, n_workers, done); /* else this is a child that the task has forked */
            atomic_store(&p->busy, 0);
            return n_workers;
        }
        atomic_store(&p->busy, 0);
    }
    task(argument, 0, 1);
    return 1;
}

#endif
