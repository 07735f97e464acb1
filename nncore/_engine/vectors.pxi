# Flat vectors, in the order of the program, in and out of states, which lie in panels.

cdef void load_parameters(const Network *net, real *flat, const real *state) noexcept nogil:
    """flat: (n_parameters), in the order of the program."""
    cdef int i
    cdef isize k
    cdef const Row *r
    for i in range(net.n_rows):
        r = net.rows + i
        if r.flat >= 0:
            for k in range(n_parameter_rows(r)):
                nn_load_row(flat + r.flat + k * r.n_out, state + r.weight, r.n_weight_rows, r.n_out, k)


cdef int store_parameters(const Network *net, real *state, const real *flat, int of_norms_only) noexcept nogil:
    """Store what differs by a bit; return whether anything does."""
    cdef int i, differs = 0
    cdef const Row *r
    for i in range(net.n_rows):
        r = net.rows + i
        if of_norms_only and has_matrix(r):
            continue
        if r.flat >= 0 and nn_rows_differ(state + r.weight, r.n_weight_rows, r.n_out, n_parameter_rows(r),
                                          flat + r.flat):
            differs = 1
            nn_store_rows(state + r.weight, r.n_weight_rows, r.n_out, 0, n_parameter_rows(r), flat + r.flat, NULL)
    return differs


cdef void load_statistics(const Network *net, real *flat, const real *state) noexcept nogil:
    """flat: (n_statistics): mean and variance of each batchnorm."""
    cdef int i, k
    cdef const Row *r
    for i in range(net.n_norm_rows):
        r = net.rows + net.norm_rows[i]
        for k in range(2):
            nn_load_row(flat + r.statistics + k * r.n_out, state + r.weight, r.n_weight_rows, r.n_out,
                        RUNNING_MEAN + k)


cdef void store_statistics(const Network *net, real *state, const real *flat) noexcept nogil:
    cdef int i, k
    cdef const Row *r
    for i in range(net.n_norm_rows):
        r = net.rows + net.norm_rows[i]
        for k in range(2):
            nn_store_row(state + r.weight, r.n_weight_rows, r.n_out, RUNNING_MEAN + k,
                         flat + r.statistics + k * r.n_out)


cdef int begin_norms(const Network *net, real *state) except -1:
    """gamma 1 in every norm, also in those that do not learn it; running variance 1 in every batchnorm."""
    cdef int i
    cdef const Row *r
    cdef real[::1] ones = np.ones(net.widest, DTYPE)
    for i in range(net.n_rows):
        r = net.rows + i
        if r.op == BATCHNORM or r.op == LAYERNORM or r.op == RMSNORM:
            nn_store_row(state + r.weight, r.n_weight_rows, r.n_out, GAMMA, &ones[0])
        if r.op == BATCHNORM:
            nn_store_row(state + r.weight, r.n_weight_rows, r.n_out, RUNNING_VARIANCE, &ones[0])
    return 0
