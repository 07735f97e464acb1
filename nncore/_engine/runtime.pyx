"""What all engine modules share: which processor this is, and the one pool of workers."""

cdef extern from "threads.h" nogil:
    int NN_MAX_THREADS
    ctypedef struct nn_pool:
        pass
    void nn_pool_init(nn_pool *pool)
    int nn_pool_run(nn_pool *pool, nn_task task, void *argument, int n_workers)

cdef extern from "cpu.h" nogil:
    int nn_cpu_level()
    bint nn_cpu_halves_512()
    bint nn_cpu_allow_tiles()
    int nn_cpuid(unsigned leaf, unsigned subleaf, unsigned *found)
    unsigned nn_cpu_saves()
    unsigned nn_fp_begin(int flush)
    void nn_fp_end(unsigned before)
    void nn_cpu_name(char *name)

cdef extern from "math.h" nogil:
    double fabs(double)

cdef extern from "pthread.h" nogil:
    int pthread_atfork(void (*prepare)() noexcept nogil, void (*parent)() noexcept nogil,
                       void (*child)() noexcept nogil)


cdef nn_pool pool
MAX_THREADS = NN_MAX_THREADS


cdef int forks = 0


cdef int fork_count() noexcept nogil:
    """How many forks lie between the process that imported this and the running one."""
    return forks


cdef void restart_pool() noexcept nogil:
    global forks
    nn_pool_init(&pool)
    forks += 1


cdef int run_on_pool(nn_task task, void *argument, int n_workers) noexcept nogil:
    """Run ``task(argument, worker, n)`` on `n_workers` threads, or as many as there are; return n."""
    return nn_pool_run(&pool, task, argument, n_workers)


cdef int limit = 1


cdef int thread_limit() noexcept nogil:
    return limit


def set_thread_limit(int n_threads):
    """Let jobs use up to `n_threads` threads; nncore.set_num_threads checks the number."""
    global limit
    limit = min(max(n_threads, 1), NN_MAX_THREADS)


def get_thread_limit():
    return limit


cdef bint tunes = True


cdef bint tunes_threads() noexcept nogil:
    return tunes


def tune_threads(bint on):
    """Let jobs find out how many threads are best, or not: then they take the first guess. For tests."""
    global tunes
    tunes = on


def cpu_level():
    """Return 0 for any processor, 1 for AVX2 with FMA, 2 for AVX-512, 3 for that with BF16, 4 for AMX with BF16."""
    return nn_cpu_level()


def cpu_allow_tiles():
    """Ask the system for the registers of AMX, for all threads from now on; return whether it grants them."""
    return nn_cpu_allow_tiles()


def cpu_halves_512():
    """Whether this processor computes 512-bit vectors as two of 256 bits."""
    return nn_cpu_halves_512()


def cpuid(unsigned leaf, unsigned subleaf):
    """Return the registers EAX, EBX, ECX and EDX of a leaf of CPUID; None where this processor has no such leaf."""
    cdef unsigned found[4]
    return (found[0], found[1], found[2], found[3]) if nn_cpuid(leaf, subleaf, found) else None


def cpu_saves():
    """Return XCR0: a bit for each set of registers that the operating system saves; 0 where that cannot be read."""
    return nn_cpu_saves()


def cpu_name():
    """Return the processor's own name, or '' where it has none to tell."""
    cdef char name[49]
    nn_cpu_name(name)
    return (<bytes>name).decode("ascii", "replace").strip()


ctypedef fused weight:
    float
    double


def absolute_and_square_sums(const weight[::1] w):
    """Return the sums of abs(w) and of w**2, in float64: value i is added to sum i % 8 of eight, which are added up."""
    cdef double absolute[8]
    cdef double squares[8]
    cdef double value
    cdef Py_ssize_t i, k, n = w.shape[0]
    for k in range(8):
        absolute[k] = squares[k] = 0
    for i in range(0, n - 7, 8):
        for k in range(8):
            value = w[i + k]
            absolute[k] += fabs(value)
            squares[k] += value * value
    for i in range(n - n % 8, n):
        value = w[i]
        absolute[i % 8] += fabs(value)
        squares[i % 8] += value * value
    return sum_of_eight(absolute), sum_of_eight(squares)


cdef inline double sum_of_eight(const double *s) noexcept nogil:
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]))


def begin_arithmetic():
    """Let this thread round to nearest and trap nothing, as every thread does at its start; return what was set."""
    return nn_fp_begin(0)


def end_arithmetic(unsigned before):
    """Go back to what `begin_arithmetic` has returned."""
    nn_fp_end(before)


restart_pool()
pthread_atfork(NULL, NULL, restart_pool)
