/* team.h -- the stages of a job. A stage is a number of items; each worker has a share of them and helps the others when it
 * is done, so that nobody waits for a worker whose processor is busy with something else: only for the item it is at.
 *
 * The caller leads: it opens one stage after the other and works like the rest. No result may depend on who does what.
 */
#ifndef NN_TEAM_H
#define NN_TEAM_H

#include "threads.h" /* first: it asks for GNU's extensions */

#include <assert.h>

#define NN_MAX_ITEMS 65535 /* of a stage */

typedef void (*nn_work)(void *argument, long item, int worker);

/* A worker's share of a stage: number of the stage << 32 | first item not taken << 16 | end. One word, so that an item is
 * taken in one step, and none from a stage that is over. The owner takes from the front, the others from the end. */
typedef struct {
    _Alignas(64) _Atomic uint64_t ticket;
} nn_share;

typedef struct {
    nn_counter stage;   /* moves when a stage opens, and when there will be no more */
    nn_counter drained; /* moves when the last item of a stage is done */
    atomic_int left;    /* items of the stage that are not done */
    atomic_int dismissed;
    int before;         /* value of `stage` before the first one */
    int alone;          /* whether the others were lost in a fork: see nn_team_desert */
    atomic_int active;  /* workers that the leader wants now; the others sleep */
    nn_counter recalled; /* moves when it wants another number */
    atomic_int processor; /* of the leader */
    nn_share shares[NN_MAX_THREADS];
} nn_team;

static inline void nn_team_init(nn_team *t)
{
    memset(t, 0, sizeof *t);
    nn_counter_init(&t->stage);
    nn_counter_init(&t->drained);
    nn_counter_init(&t->recalled);
    atomic_store(&t->active, NN_MAX_THREADS);
}

/* before the job starts: nobody may be at work */
static inline void nn_team_gather(nn_team *t)
{
    t->before = atomic_load(&t->stage.value);
    atomic_store(&t->dismissed, 0);
    atomic_store(&t->active, NN_MAX_THREADS);
    t->alone = 0;
}

/* The leader, between two stages: so many workers take the next ones. */
static inline void nn_team_resize(nn_team *t, int n_workers)
{
    if (atomic_load_explicit(&t->active, memory_order_relaxed) == n_workers) return;
    atomic_store(&t->active, n_workers);
    nn_counter_add(&t->recalled);
}

/* In a child that the leader forked in the middle of a stage, where there are no others: it shall not wait for what they had
 * taken. The job is to be abandoned. */
static inline void nn_team_desert(nn_team *t)
{
    nn_team_init(t); /* somebody may have held the locks */
    t->alone = 1;
}

static inline long nn_team_take(nn_share *share, unsigned stage, int own)
{
    uint64_t ticket = atomic_load_explicit(&share->ticket, memory_order_acquire);
    for (;;) {
        long next = ticket >> 16 & 0xffff, end = ticket & 0xffff;
        if (ticket >> 32 != stage || next >= end) return -1;
        uint64_t rest = own ? ticket + (1u << 16) : ticket - 1;
        if (atomic_compare_exchange_weak(&share->ticket, &ticket, rest)) return own ? next : end - 1;
    }
}

static inline void nn_team_help(nn_team *t, int stage, int worker, int n_workers, nn_work work, void *argument)
{
    for (int k = 0; k < n_workers; k++) {
        nn_share *share = &t->shares[(worker + k) % n_workers];
        int done = 0;
        for (long item; (item = nn_team_take(share, (unsigned)stage, k == 0)) >= 0; done++) work(argument, item, worker);
        if (done > 0 && atomic_fetch_sub(&t->left, done) == done) nn_counter_add(&t->drained);
    }
}

/* Wait while the leader does not want this worker. Who misses a change sees the counter move. Returns whether it slept. */
static inline int nn_team_rest(nn_team *t, int worker)
{
    for (int slept = 0;;) {
        const int recalled = atomic_load(&t->recalled.value);
        if (worker < atomic_load(&t->active) || atomic_load(&t->dismissed)) return slept;
        slept |= nn_counter_wait(&t->recalled, recalled);
    }
}

/* what all workers but the leader do: help until there are no more stages */
static inline void nn_team_follow(nn_team *t, int worker, int n_workers, nn_work work, void *argument)
{
    for (int stage = t->before;;) {
        int slept = nn_team_rest(t, worker);
        slept |= nn_counter_wait(&t->stage, stage);
        stage = atomic_load(&t->stage.value);
        if (slept) nn_leave_processor(atomic_load_explicit(&t->processor, memory_order_relaxed));
        if (atomic_load(&t->dismissed)) return;
        nn_team_help(t, stage, worker, n_workers, work, argument);
    }
}

/* ... and where there is but one: who is done leaves, so that the leader need not wait until it has heard so */
static inline void nn_team_assist(nn_team *t, int worker, int n_workers, nn_work work, void *argument)
{
    nn_counter_wait(&t->stage, t->before);
    if (!atomic_load(&t->dismissed)) nn_team_help(t, atomic_load(&t->stage.value), worker, n_workers, work, argument);
}

/* the leader, worker 0: one stage; everything written before it is visible to the items, and they to what comes after */
static inline void nn_team_run(nn_team *t, long n_items, int n_workers, nn_work work, void *argument)
{
    assert(n_items <= NN_MAX_ITEMS || n_workers == 1);
    if (n_workers == 1 || n_items == 1) {
        for (long item = 0; item < n_items; item++) work(argument, item, 0);
        return;
    }
    int stage = (int)((unsigned)atomic_load(&t->stage.value) + 1), drained = atomic_load(&t->drained.value);
    if (n_items == 0) return;
    atomic_store(&t->left, (int)n_items);
    for (long w = 0; w < n_workers; w++) {
        uint64_t begin = (uint64_t)(n_items * w / n_workers), end = (uint64_t)(n_items * (w + 1) / n_workers);
        atomic_store(&t->shares[w].ticket, (uint64_t)(unsigned)stage << 32 | begin << 16 | end);
    }
    atomic_store_explicit(&t->processor, nn_processor(), memory_order_relaxed);
    nn_counter_add(&t->stage);
    nn_team_help(t, stage, 0, n_workers, work, argument);
    if (!t->alone) nn_counter_wait(&t->drained, drained);
}

static inline void nn_team_dismiss(nn_team *t)
{
    atomic_store(&t->dismissed, 1);
    nn_counter_add(&t->stage);
    nn_counter_add(&t->recalled);
}

#endif
