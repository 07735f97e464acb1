/* Jobs of changing size from several callers at once, each of several stages: built with the thread sanitizer, or not, and
 * run by test_threads.py. Prints ok, or the count of jobs that went wrong. */
#include <stdio.h>
#include "team.h"

enum { CALLERS = 3, JOBS = 2000, STAGES = 3, MOST_ITEMS = 11 };
static nn_pool pool;

typedef struct {
    nn_team team;
    int parts[MOST_ITEMS]; /* one for each item: no atomics, so the sanitizer sees it if a stage's end orders nothing */
    int stage, n_items, wrong;
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
        for (int i = 0; i < j->n_items; i++) j->parts[i] = 0;
        nn_team_run(&j->team, j->n_items, n_workers, work, j);
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

static void *caller(void *argument)
{
    static job jobs[CALLERS];
    long wrong = 0, seed = (long)argument;
    job *j = &jobs[seed];
    nn_team_init(&j->team);
    for (int i = 0; i < JOBS; i++) {
        j->wrong = 0, j->n_items = (int)((seed + i) % (MOST_ITEMS + 1));
        nn_team_gather(&j->team);
        int asked = 1 + (int)((seed * 7 + i * 5) % 4), got = nn_pool_run(&pool, task, j, asked);
        wrong += j->wrong + (got < 1 || got > asked);
    }
    return (void *)wrong;
}

int main(void)
{
    pthread_t threads[CALLERS];
    long wrong = 0;
    nn_pool_init(&pool);
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
