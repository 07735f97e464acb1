# The forward pass of a single row (single.h). Its scratch is the caller's, so that any number of threads can run it.

cdef void activate_row(int activation, real parameter, real *y, isize n) noexcept nogil:
    if activation == NN_softmax:
        nn_single_softmax(y, n)
    elif activation != NN_identity:
        nn_activate(activation, parameter, y, y, nn_padded(n))


cdef inline void dense_row(const Weights *weights, const real *flat, const Row *r, const real *x,
                           real *y) noexcept nogil:
    cdef const real *w = weights.state + r.weight
    if NN_BFLOAT16:
        nn_short_single(y, x, weights.words + r.words, w, r.n_in, r.n_weight_rows, r.n_out)
    elif flat == NULL:
        nn_single_dense(y, x, w, r.n_in, r.n_weight_rows, r.n_out)
    else:
        w = flat + r.flat
        nn_flat_dense(y, x, w, w + r.n_in * r.n_out if r.n_weight_rows > r.n_in else NULL, r.n_in, r.n_out)
    activate_row(r.activation, r.parameter, y, r.n_out)


cdef inline void apply_row(const Weights *w, const real *flat, const Row *r, const real *x, const real *skip,
                           real *y) noexcept nogil:
    """A block with room for one row is a plain vector, so that the functions for blocks serve vectors as well."""
    if r.op == DENSE:
        dense_row(w, flat, r, x, y)
    elif r.op == ACTIVATION:
        memcpy(y, x, nn_padded(r.n_in) * sizeof(real))
        activate_row(r.activation, r.parameter, y, r.n_out)
    elif r.op == BATCHNORM:
        batchnorm_forward(w, r, x, y, 1, 0, 1)
    elif r.op == LAYERNORM or r.op == RMSNORM:
        layernorm_forward(w.state, r, x, y, NULL, NULL, 1, 0, 1)
    elif r.op == PRELU:
        prelu_forward(w.state, r, x, y, NULL, 1, 0, 1)
    elif r.op == ADD:
        add_forward(r, x, skip, y, 1, 0, 1)
    elif r.op == EMBEDDING:
        if flat == NULL:
            nn_look_up(y, NULL, x, w.state + r.weight, 0, r.n_in, r.n_out, 1, 0, 1)
        else:
            nn_look_up(y, NULL, x, flat + r.flat, 1, r.n_in, r.n_out, 1, 0, 1)
    elif selects(r):
        select_forward(r, x, skip, y, 1, 0, 1)


cdef inline void link_row(const Head *h, real *y) noexcept nogil:
    if h.link < NN_N_ACTIVATIONS:
        activate_row(h.link, 0, y, h.n_outputs)
    else:
        nn_single_link(h.link, h.n_outputs // h.reading.n_targets, h.loss_parameter, y, h.n_outputs)


cdef void link_each(const Network *net, const real *y, real *out, real *spare) noexcept nogil:
    """out (n_outputs) = y behind the link of each head; spare: for whole vectors of one head, which begin anywhere."""
    cdef int k
    cdef const Head *h
    for k in range(net.n_heads):
        h = net.heads + k
        memset(spare, 0, nn_padded(h.n_outputs) * sizeof(real))
        memcpy(spare, y + h.first, h.n_outputs * sizeof(real))
        link_row(h, spare)
        memcpy(out + h.first, spare, h.n_outputs * sizeof(real))


cdef inline void predict_row_by(const Network *net, const Weights *w, const real *flat, const real *x, real *out,
                                real *scratch) noexcept nogil:
    """out (n_outputs) = the network's output for x (n_features); scratch: (n_columns).

    flat: the parameters to take the dense rows' weights from; NULL for the state, as always if NN_BFLOAT16.
    """
    cdef int i
    cdef const Row *r = NULL
    cdef const real *source
    cdef real *y
    if net.reads_batch:
        memset(scratch + nn_padded(net.n_features) - NN_V, 0, NN_V * sizeof(real))
        memcpy(scratch, x, net.n_features * sizeof(real))
    for i in range(net.n_rows):
        r = net.rows + i
        source = x if r.live_x == 0 and r.op == DENSE else scratch + r.live_x
        apply_row(w, flat, r, source, scratch + r.live_skip, scratch + r.y)
    y = scratch + r.live_y
    if net.n_heads == 1:
        link_row(net.heads, y)
        memcpy(out, y, net.n_outputs * sizeof(real))
    else:
        link_each(net, y, out, scratch + net.linked)


cdef void predict_row(const Network *net, const Weights *w, const real *x, real *out, real *scratch) noexcept nogil:
    """By the state. A function of its own, so that the compiler leaves out what the flat vector takes."""
    predict_row_by(net, w, NULL, x, out, scratch)
