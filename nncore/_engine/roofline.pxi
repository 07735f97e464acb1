# What the machine can do at best, for the benchmark: the two loops of roofline.h, without the GIL. Private.

cdef extern from "roofline.h" nogil:
    const int NN_CHAINS
    real nn_multiply_add_chains(isize n)
    void nn_state_traffic(real *p, real *m, real *v, isize n)


def _multiply_adds(isize n_flops):
    """Do at least so many floating-point operations, as independent vector multiply-adds; return how many."""
    cdef isize per_round = 2 * NN_CHAINS * NN_V
    cdef isize n = (n_flops + per_round - 1) // per_round
    cdef double keep
    with nogil:
        keep = nn_multiply_add_chains(n)
    return n * per_round if keep == keep else 0


cdef class _State:
    """Parameters and Adam's two slots: three vectors of n zeros, as the engine allocates them."""

    cdef real *data
    cdef isize n

    def __cinit__(self, isize n):
        self.n = (n + NN_V - 1) // NN_V * NN_V
        self.data = nn_allocate(3 * self.n)
        allocated(self.data, 3 * self.n)

    def __dealloc__(self):
        free(self.data)

    def sweep(self, isize repeats):
        """Read and write all three vectors, so many times."""
        cdef isize i
        with nogil:
            for i in range(repeats):
                nn_state_traffic(self.data, self.data + self.n, self.data + 2 * self.n, self.n)
