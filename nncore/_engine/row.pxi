# The forward pass of a single row (single.h). Its scratch is the caller's, so that any number of threads can run it.

cdef void activate_row(int activation, real parameter, real *y, isize n) noexcept nogil:
    if activation == NN_softmax:
        nn_single_softmax(y, n)
    elif activation != NN_identity:
        nn_activate(activation, parameter, y, y, nn_padded(n))


cdef void predict_row(const Engine *e, const real *x, real *out, real *scratch, isize width) noexcept nogil:
    """out (n_outputs) = the network's output for x (n_features); scratch: (2, width)."""
    cdef int i
    cdef const Row *r
    cdef real *y = NULL
    for i in range(e.n_rows):
        r, y = e.rows + i, scratch + i % 2 * width
        if r.op == DENSE:
            nn_single_dense(y, x, e.state + r.weight, r.n_in, r.n_weight_rows, r.n_out)
        else:
            memset(y + nn_padded(r.n_in) - NN_V, 0, NN_V * sizeof(real))
            memcpy(y, x, r.n_in * sizeof(real))
        activate_row(r.activation, r.parameter, y, r.n_out)
        x = y
    activate_row(e.link, 0, y, e.n_outputs)
    memcpy(out, y, e.n_outputs * sizeof(real))
