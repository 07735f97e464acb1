"""What the engine modules call in `runtime`: the one pool of workers."""

cdef extern from "threads.h" nogil:
    ctypedef void (*nn_task)(void *argument, int worker, int n_workers) noexcept nogil

cdef int run_on_pool(nn_task task, void *argument, int n_workers) noexcept nogil
cdef int thread_limit() noexcept nogil
cdef bint tunes_threads() noexcept nogil
cdef int fork_count() noexcept nogil
