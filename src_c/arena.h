/* arena.h -- the engine's memory and its clock: the two things it asks of the operating system. */
#ifndef NN_ARENA_H
#define NN_ARENA_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "nncore.h"

#define NN_HUGE_PAGE ((size_t)1 << 21)

/* n reals, zeroed and aligned to a cache line, or NULL. Large arenas ask for huge pages: their panels are read in long
 * straight lines from many places at once, more than the first-level TLB has entries for. */
NN_FUNC real *nn_allocate(isize n)
{
    size_t bytes = (size_t)n * sizeof(real), align = bytes >= NN_HUGE_PAGE ? NN_HUGE_PAGE : NN_ALIGN;
    void *p = NULL;
    if (posix_memalign(&p, align, bytes ? bytes : NN_ALIGN) != 0) return NULL;
#ifdef MADV_HUGEPAGE
    if (bytes >= NN_HUGE_PAGE) madvise(p, bytes, MADV_HUGEPAGE);
#endif
    return memset(p, 0, bytes);
}

/* seconds on a clock that never goes back */
NN_FUNC double nn_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#endif
