# Batch and layer normalisation, and that of root mean squares, a layer normalisation around 0 whose beta stays 0.
# Batchnorm's statistics are those of the whole batch: train.pxi has a stage for them between the program's rows before
# and those behind.

cdef inline real *norm_at(const Weights *w, const Row *r, int which, isize p) noexcept nogil:
    """One of N_NORM_ROWS vectors, panel p."""
    return w.moments + r.moments + nn_panel_at(N_NORM_ROWS, r.n_out, p, which)


cdef inline isize norm_parameter(const Row *r, int which, isize p) noexcept nogil:
    """Where panel p of GAMMA, BETA, RUNNING_MEAN or RUNNING_VARIANCE lies in a state."""
    return r.weight + nn_panel_at(r.n_weight_rows, r.n_out, p, which)


cdef void scale_panel(const Weights *w, const Row *r, isize p) noexcept nogil:
    """INVERSE and SCALE of VARIANCE."""
    nn_normalize_scale(norm_at(w, r, INVERSE, p), norm_at(w, r, SCALE, p), norm_at(w, r, VARIANCE, p),
                       w.state + norm_parameter(r, GAMMA, p), r.parameter, nn_panel_width(r.n_out, p))


cdef void moments_panel(const Weights *w, const Arena *a, const Row *r, isize p, isize n_rows) noexcept nogil:
    nn_column_moments(norm_at(w, r, MEAN, p), norm_at(w, r, VARIANCE, p),
                      values_at(a, r.x) + nn_panel_at(a.room, r.n_out, p, 0), n_rows, nn_panel_width(r.n_out, p))
    scale_panel(w, r, p)


cdef void take_running_moments(const Network *net, const Weights *w) noexcept nogil:
    """To predict."""
    cdef int i
    cdef isize p, k, n
    cdef const Row *r
    for i in range(net.n_norm_rows):
        r = net.rows + net.norm_rows[i]
        for p in range(nn_panel_count(r.n_out)):
            n = nn_panel_width(r.n_out, p) * sizeof(real)
            memcpy(norm_at(w, r, MEAN, p), w.state + norm_parameter(r, RUNNING_MEAN, p), n)
            memcpy(norm_at(w, r, VARIANCE, p), w.state + norm_parameter(r, RUNNING_VARIANCE, p), n)
            for k in range(nn_panel_cols(r.n_out, p), nn_panel_width(r.n_out, p)):
                norm_at(w, r, VARIANCE, p)[k] = 1  # of filling it is 0, and Normalization has no epsilon
            scale_panel(w, r, p)


cdef void batchnorm_forward(const Weights *w, const Row *r, const real *x, real *y, isize room, isize row,
                            isize end) noexcept nogil:
    """x, y: blocks with room for `room` rows."""
    cdef isize p, at
    for p in range(nn_panel_count(r.n_out)):
        at = nn_panel_at(room, r.n_out, p, row)
        nn_normalize(y + at, x + at, norm_at(w, r, MEAN, p), norm_at(w, r, SCALE, p),
                     w.state + norm_parameter(r, BETA, p), end - row, nn_panel_width(r.n_out, p))


cdef void sums_panel(const Weights *w, const Arena *a, const Row *r, isize p, isize n_rows) noexcept nogil:
    """The gradients of gamma and beta, on which the delta of x depends."""
    cdef isize at = nn_panel_at(a.room, r.n_out, p, 0)
    nn_normalize_sums(w.gradient + norm_parameter(r, GAMMA, p), w.gradient + norm_parameter(r, BETA, p),
                      deltas_at(a, r.y) + at, values_at(a, r.x) + at, norm_at(w, r, MEAN, p), norm_at(w, r, INVERSE, p),
                      n_rows, nn_panel_width(r.n_out, p))


cdef void batchnorm_backward_rows(const Weights *w, const Arena *a, const Row *r, isize row, isize end, isize n_rows,
                                  int frozen) noexcept nogil:
    """n_rows: of the batch. frozen: its moments are not those of the batch, and do not depend on x; of a row that
    does not learn, the gradients of gamma and beta are zero for that reason."""
    cdef isize p, at
    cdef real[32] none
    cdef const real *dgamma = none
    cdef const real *dbeta = none
    memset(none, 0, sizeof(none))
    for p in range(nn_panel_count(r.n_out)):
        at = nn_panel_at(a.room, r.n_out, p, row)
        if not frozen:
            dgamma, dbeta = w.gradient + norm_parameter(r, GAMMA, p), w.gradient + norm_parameter(r, BETA, p)
        nn_normalize_backward(deltas_at(a, r.x) + at, deltas_at(a, r.y) + at, values_at(a, r.x) + at,
                              norm_at(w, r, MEAN, p), norm_at(w, r, INVERSE, p), norm_at(w, r, SCALE, p),
                              dgamma, dbeta, n_rows, end - row, nn_panel_width(r.n_out, p), r.more)


cdef void layernorm_forward(const real *state, const Row *r, const real *x, real *y, real *hat, real *inverse,
                            isize room, isize row, isize end) noexcept nogil:
    """hat and inverse, for the way back, may be NULL."""
    nn_layer_norm(y, hat, inverse, x, state + r.weight, r.n_weight_rows, r.parameter, r.op == LAYERNORM, room, r.n_out,
                  row, end)


cdef void layernorm_forward_rows(const Weights *w, const Arena *a, const Row *r, isize row, isize end) noexcept nogil:
    if a.training:
        layernorm_forward(w.state, r, input_of(a, r), values_at(a, r.y), values_at(a, r.z), values_at(a, r.inverse),
                          a.room, row, end)
    else:
        layernorm_forward(w.state, r, input_of(a, r), values_at(a, r.y), NULL, NULL, a.room, row, end)


cdef void layernorm_backward_rows(const Weights *w, const Arena *a, const Row *r, isize row, isize end) noexcept nogil:
    cdef isize i
    cdef const real *inverse = values_at(a, r.inverse)
    for i in range(row, end):
        nn_layer_norm_backward(deltas_at(a, r.x), deltas_at(a, r.y), values_at(a, r.z), w.state + r.weight,
                               r.n_weight_rows, inverse[i * NN_V], r.op == LAYERNORM, a.room, r.n_out, i, r.more)


cdef void columns_gradient(real *gradient, const Arena *a, nn_tree tree, const Row *r, isize p, isize row,
                           isize end) noexcept nogil:
    """gradient: of gamma, or alpha, and behind it, of a layernorm, beta."""
    cdef isize at = nn_panel_at(a.room, r.n_out, p, row), width = nn_panel_width(r.n_out, p)
    nn_product_sums(gradient, &tree, deltas_at(a, r.y) + at, values_at(a, r.z) + at, end - row, width)
    if n_parameter_rows(r) == 2:
        tree.levels += width
        nn_column_sums(gradient + width, &tree, deltas_at(a, r.y) + at, end - row, width)


cdef void average_moments(const Weights *w, const Stage *s, const Row *r, isize p, nn_update *update) noexcept nogil:
    """Write the running averages to the new state; a single row has no variance and leaves them alone."""
    cdef isize width = nn_panel_width(r.n_out, p), n = s.n_batch
    cdef isize mean = norm_parameter(r, RUNNING_MEAN, p), variance = norm_parameter(r, RUNNING_VARIANCE, p)
    cdef real unbiased = <real>(<double>n / <double>max(n - 1, <isize>1))
    cdef real momentum = r.momentum if n > 1 else 1
    nn_running_average(s.new + mean, w.state + mean, norm_at(w, r, MEAN, p), momentum, 1, width)
    nn_running_average(s.new + variance, w.state + variance, norm_at(w, r, VARIANCE, p), momentum, unbiased,
                       width)
    nn_update_watch(update, s.new + mean, width)
    nn_update_watch(update, s.new + variance, width)
