/* Jobs of changing size from several callers at once, each with barriers inside: built with the thread sanitizer, or not,
 * and run by test_threads.py. Prints ok, or the count of jobs that went wrong. */
#include <stdio.h>
#include "threads.h"

enum { CALLERS = 3, JOBS = 2000, ROUNDS = 3 };
static nn_pool pool;

typedef struct {
    nn_barrier barrier;
    int parts[16];  /* one for each worker: no atomics, so the sanitizer sees it if a barrier orders nothing */
    int total, wrong;
} job;

static void task(void *argument, int worker, int n_workers)
{
    job *j = argument;
    for (int round = 0; round < ROUNDS; round++) {
        j->parts[worker] = round + worker;
        nn_barrier_wait(&j->barrier, n_workers);
        if (worker == 0) {
            j->total = 0;
            for (int w = 0; w < n_workers; w++) j->total += j->parts[w];
            j->wrong += j->total != n_workers * round + n_workers * (n_workers - 1) / 2;
        }
        nn_barrier_wait(&j->barrier, n_workers);
    }
}

static void *caller(void *argument)
{
    long wrong = 0, seed = (long)argument;
    for (int i = 0; i < JOBS; i++) {
        job j = {.wrong = 0};
        nn_barrier_init(&j.barrier);
        int asked = 1 + (int)((seed * 7 + i * 5) % 4), got = nn_pool_run(&pool, task, &j, asked);
        wrong += j.wrong + (got < 1 || got > asked);
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
