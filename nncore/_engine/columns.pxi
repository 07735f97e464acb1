# The forward pass in columns (columns.h): nv vectors of rows at a time, through all layers.

cdef inline void check_finite(const Job *job, Crew *crew, const real *x, isize n) noexcept nogil:
    """Look at the caller's values x (n) for NaN and infinity, best at a copy that lies in the cache."""
    if job.purpose == PREDICT and not nn_finite(x, n):
        nn_raise(&crew.not_finite)


cdef inline int categories_fit(const Network *net, const real *rows, isize n) noexcept nogil:
    """Whether the columns of categories hold such, in rows (n, n_features)."""
    cdef isize k
    for k in range(net.n_categories):
        if not nn_are_tokens(rows + net.categories[k].column, n, net.n_features, net.categories[k].n_tokens):
            return 0
    return 1


cdef void check_inputs(Engine *e, const real *rows, isize n) noexcept nogil:
    check_finite(&e.job, &e.crew, rows, n * e.net.n_features)
    if e.job.purpose == PREDICT and not categories_fit(&e.net, rows, n):
        nn_raise(&e.crew.not_finite)


cdef void load_rows(Engine *e, int nv, real *columns, real *spare, isize start, isize n) noexcept nogil:
    """columns (n_features, nv vectors) = the caller's rows start .. start + n - 1; spare: as large, and a vector."""
    cdef const real *rows = <const real *>(e.job.X + start * e.job.row_bytes)
    if e.job.kind != NN_REAL:
        nn_widen(spare, e.job.kind, rows, n * e.net.n_features)
        rows = spare
    elif (start + n) * e.net.n_features + NN_V > e.job.n * e.net.n_features:
        memcpy(spare, rows, n * e.net.n_features * sizeof(real))  # nothing of the caller's behind the last row is read
        rows = spare
    nn_to_columns(nv, columns, rows, n, e.net.n_features)
    check_finite(&e.job, &e.crew, columns, e.net.n_features * nv * NN_V)


cdef void copy_vectors(real *y, isize y_step, const real *x, isize x_step, isize n) noexcept nogil:
    """n vectors, so many vectors apart: between columns of one vector and one half of columns of two."""
    cdef isize c
    for c in range(n):
        memcpy(y + c * y_step * NN_V, x + c * x_step * NN_V, NN_V * sizeof(real))


cdef void activate_columns(int activation, real parameter, int nv, real *y, isize n_cols, real *spare) noexcept nogil:
    """y (n_cols, nv vectors) = f(y); spare: (n_cols, NN_V)."""
    cdef int j
    if activation == NN_softmax:
        for j in range(nv):
            copy_vectors(spare, 1, y + j * NN_V, nv, n_cols)
            nn_softmax_columns(spare, n_cols)
            copy_vectors(y + j * NN_V, nv, spare, 1, n_cols)
    elif activation != NN_identity:
        nn_activate(activation, parameter, y, y, n_cols * nv * NN_V)


cdef void link_in_columns(const Network *net, int nv, real *y, real *spare) noexcept nogil:
    """As `activate_columns`, by the network's links."""
    cdef int j
    if net.n_heads == 1 and net.heads.link < NN_N_ACTIVATIONS:
        activate_columns(net.heads.link, 0, nv, y, net.n_outputs, spare)
        return
    for j in range(nv):
        copy_vectors(spare, 1, y + j * NN_V, nv, net.n_outputs)
        apply_link(net, spare)
        copy_vectors(y + j * NN_V, nv, spare, 1, net.n_outputs)


cdef void dense_columns(const real *state, const Row *r, int nv, real *x, real *y) noexcept nogil:
    """y (n_out, nv vectors) = f(x W + b); x may be overwritten."""
    cdef isize p, width
    cdef const real *w
    cdef const real *bias
    for p in range(nn_panel_count(r.n_out)):
        width = nn_panel_width(r.n_out, p)
        w = state + r.weight + nn_panel_at(r.n_weight_rows, r.n_out, p, 0)
        bias = w + r.n_in * width if r.n_weight_rows > r.n_in else NULL
        nn_columns_panel(nv, r.activation == NN_relu, y + p * NN_W * nv * NN_V, x, w, width, bias, r.n_in,
                         nn_panel_cols(r.n_out, p))
    if r.activation != NN_relu:
        activate_columns(r.activation, r.parameter, nv, y, r.n_out, x)


cdef void normalize_columns(const Weights *w, const Row *r, int nv, real *x) noexcept nogil:
    """x (n_out, nv vectors) = batchnorm(x)."""
    cdef isize p, c
    cdef const real *beta
    for p in range(nn_panel_count(r.n_out)):
        beta = w.state + norm_parameter(r, BETA, p)
        for c in range(nn_panel_cols(r.n_out, p)):
            nn_normalize_column(x + (p * NN_W + c) * nv * NN_V, norm_at(w, r, MEAN, p)[c], norm_at(w, r, SCALE, p)[c],
                                beta[c], nv * NN_V)


cdef void loss_of_group(Engine *e, int nv, const real *z, isize start, isize n, real *spare, real *w) noexcept nogil:
    """job.losses of n rows; z: (n_outputs, nv vectors); spare: (2, n_outputs, NN_V); w: as in `loss_of_columns`."""
    cdef double value[16]
    cdef isize j, n_here
    for j in range(nv):
        n_here = min(<isize>NN_V, n - j * NN_V)
        copy_vectors(spare, 1, z + j * NN_V, nv, e.net.n_outputs)
        loss_of_columns(&e.net, &e.job, n_here, start + j * NN_V, 1.0, value, spare, spare + e.net.n_outputs * NN_V, w,
                        NULL if e.job.of_heads == NULL else e.job.of_heads + start + j * NN_V, e.job.n)
        memcpy(e.job.losses + start + j * NN_V, value, n_here * sizeof(double))


cdef void predict_columns(Engine *e, isize start, isize n, real *scratch) noexcept nogil:
    """Fill job.predictions and job.losses, where there are such, for n <= NN_W rows.

    scratch: (2, NN_W, widest), and a vector; then the loss's weights of targets.
    """
    cdef int i, nv = 2 if n > NN_V else 1
    cdef const Row *r
    cdef real *x = scratch
    cdef real *y = scratch + NN_W * e.net.widest
    load_rows(e, nv, x, y, start, n)
    for i in range(e.net.n_rows):
        r = e.net.rows + i
        if r.op == DENSE:
            dense_columns(e.weights.state, r, nv, x, y)
            x, y = y, x
        elif r.op == BATCHNORM:
            normalize_columns(&e.weights, r, nv, x)
        elif r.op == ACTIVATION:
            activate_columns(r.activation, r.parameter, nv, x, r.n_out, y)
    if e.job.losses != NULL:
        loss_of_group(e, nv, x, start, n, y, scratch + columns_scratch(&e.net))
    if e.job.predictions != NULL:
        link_in_columns(&e.net, nv, x, y)
        nn_from_columns(nv, e.job.predictions + start * e.net.n_outputs, x, n, e.net.n_outputs)
