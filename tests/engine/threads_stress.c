/* Jobs of changing size from several callers at once, each of several stages: built with the thread sanitizer, or not, and
 * run by test_threads.py. Prints ok, or the count of jobs that went wrong. */
#include "team.h"
#include <stdio.h>

enum { CALLERS = 3, JOBS = 2000, STAGES = 3, MOST_ITEMS = 11 };
static nn_pool pool;

typedef struct {
    nn_team team;
    int parts[MOST_ITEMS]; /* one for each item: no atomics, so the sanitizer sees it if a stage's end orders nothing */
    int stage, n_items, wrong;
    atomic_int others;
} job;

static void work(void *argument, long item, int worker)
{
    job *j = argument;
    (void)worker;
    j->parts[item] += j->stage + (int)item;
}

static void lead(job *j, int n_workers)
{
    for (j->stage = 0; j->stage < STAGES; j->stage++) {
        const int active = 1 + (j->stage + j->n_items) % n_workers; /* some rest, and are recalled */
        for (int i = 0; i < j->n_items; i++) j->parts[i] = 0;
        nn_team_resize(&j->team, active);
        nn_team_run(&j->team, j->n_items, active, work, j);
        for (int i = 0; i < j->n_items; i++) j->wrong += j->parts[i] != j->stage + i; /* done, and done once */
    }
    nn_team_dismiss(&j->team);
}

static void task(void *argument, int worker, int n_workers)
{
    job *j = argument;
    if (worker == 0) lead(j, n_workers);
    else nn_team_follow(&j->team, worker, n_workers, work, j);
}

/* a job of a single stage */
static void short_task(void *argument, int worker, int n_workers)
{
    job *j = argument;
    if (worker > 0) {
        nn_team_assist(&j->team, worker, n_workers, work, j);
        return;
    }
    for (int i = 0; i < j->n_items; i++) j->parts[i] = 0;
    nn_team_run(&j->team, j->n_items, n_workers, work, j);
    for (int i = 0; i < j->n_items; i++) j->wrong += j->parts[i] != j->stage + i;
    nn_team_dismiss(&j->team);
}

/* An item that ends only when all others are done: the others' workers have to take them from its worker's share. */
static void patient_work(void *argument, long item, int worker)
{
    job *j = argument;
    (void)worker;
    if (item == 0)
        while (atomic_load(&j->others) < j->n_items - 1) sched_yield();
    else atomic_fetch_add(&j->others, 1);
}

static void patient_task(void *argument, int worker, int n_workers)
{
    job *j = argument;
    if (worker > 0) nn_team_follow(&j->team, worker, n_workers, patient_work, j);
    else if (n_workers > 1) nn_team_run(&j->team, j->n_items, n_workers, patient_work, j);
    if (worker == 0) nn_team_dismiss(&j->team);
}

static void *caller(void *argument)
{
    static job jobs[CALLERS];
    long wrong = 0, seed = (long)argument;
    job *j = &jobs[seed];
    nn_team_init(&j->team);
    for (int i = 0; i < JOBS; i++) {
        j->wrong = 0, j->n_items = (int)((seed + i) % (MOST_ITEMS + 1));
        nn_team_gather(&j->team);
        int asked = 1 + (int)((seed * 7 + i * 5) % 4), got = nn_pool_run(&pool, i % 3 ? task : short_task, j, asked);
        wrong += j->wrong + (got < 1 || got > asked);
    }
    return (void *)wrong;
}

static long steal(int n_items)
{
    static job j;
    nn_team_init(&j.team);
    nn_team_gather(&j.team);
    j.n_items = n_items;
    atomic_store(&j.others, 0);
    int got = nn_pool_run(&pool, patient_task, &j, 3);
    return got > 1 && atomic_load(&j.others) != n_items - 1;
}

/* Jobs offered to a thread that never comes, as one does whose processor is busy: the caller does them alone. */
static long absent(void)
{
    static nn_pool empty;
    static job j;
    nn_pool_init(&empty);
    nn_counter_init(&empty.seats[0].job);
    empty.n_threads = 1;
#ifdef __linux__
    if (sched_getaffinity(0, sizeof empty.allowed, &empty.allowed) != 0) return 0;
#endif
    nn_team_init(&j.team);
    j.n_items = MOST_ITEMS;
    for (int i = 0; i < 10; i++) {
        nn_team_gather(&j.team);
        nn_pool_run(&empty, i % 2 ? task : short_task, &j, 2);
        j.wrong += atomic_load(&empty.seats[0].offered) + atomic_load(&empty.running);
    }
    return j.wrong;
}

/* A thread that leaves its processor keeps its affinity; it stays where there is no other processor. */
static long leave(void)
{
#ifdef __linux__
    cpu_set_t before, after;
    if (sched_getaffinity(0, sizeof before, &before) != 0) return 0;
    long moved = 0;
    for (int i = 0; i < 100; i++) { /* the system may move it back at once, but not each time */
        int here = nn_processor();
        nn_leave_processor(here);
        moved |= nn_processor() != here;
    }
    return sched_getaffinity(0, sizeof after, &after) != 0 || !CPU_EQUAL(&before, &after)
           || moved != (CPU_COUNT(&before) > 1);
#else
    return 0;
#endif
}

int main(void)
{
    pthread_t threads[CALLERS];
    nn_pool_init(&pool);
    long wrong = leave() + absent() + steal(2) + steal(MOST_ITEMS) + steal(NN_MAX_ITEMS);
    for (long i = 0; i < CALLERS; i++) pthread_create(&threads[i], NULL, caller, (void *)i);
    for (int i = 0; i < CALLERS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        wrong += (long)result;
    }
    if (wrong) printf("%ld wrong\n", wrong);
    else puts("ok");
    return wrong != 0;
}
