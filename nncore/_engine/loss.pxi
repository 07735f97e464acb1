# The loss: targets in, the deltas of the output and a loss per row out; predictions with their link.
# A worker's scratch: two areas (n_outputs, NN_V) of columns, then the gradient of a block and its transpose.

cdef inline real *gradient_scratch(Engine *e, real *scratch) noexcept nogil:
    return scratch + e.scratch_size - (2 * NN_W + 1) * NN_W


cdef inline isize source_row(Engine *e, isize i, int ordered) noexcept nogil:
    """The caller's row number of the i-th row to be visited."""
    return e.order[i] if ordered else i


cdef void gather(Engine *e, isize row, isize end, isize start, int ordered) noexcept nogil:
    """Copy the caller's rows that are visited at start.. into the input block."""
    cdef isize i
    for i in range(row, end):
        nn_store_row(values_at(e, 0), e.room, e.n_features, i,
                     e.job.X + source_row(e, start + i - row, ordered) * e.n_features)


cdef enum:
    WIDE_ROW = 64         # features: narrower rows are read in time without being asked for

cdef void look_ahead(Engine *e, isize start, int ordered, Ahead *ahead) noexcept nogil:
    """Note the caller's rows that are visited at start.., a tile of them."""
    cdef isize i
    ahead.n = 0
    if e.n_features >= WIDE_ROW:
        ahead.n = max(<isize>0, min(<isize>TILE_ROWS, e.job.n - start))
    for i in range(ahead.n):
        ahead.rows[i] = e.job.X + source_row(e, start + i, ordered) * e.n_features


cdef inline const real *outputs(Engine *e) noexcept nogil:
    return values_at(e, e.rows[e.n_rows - 1].y if e.training else e.rows[e.n_rows - 1].live_y)


# --------------------------------------------------------------------------------------------------- predictions

cdef void apply_link(Engine *e, real *columns) noexcept nogil:
    if e.link == NN_softmax:
        nn_softmax_columns(columns, e.n_outputs)
    elif e.link != NN_identity:
        nn_activate(e.link, 0, columns, columns, e.n_outputs * NN_V)


cdef void emit_predictions(Engine *e, isize row, isize end, isize start, int ordered, real *columns) noexcept nogil:
    """Copy the outputs, behind the link, to the caller's `predictions`."""
    cdef isize n, i, c
    cdef real *out
    while row < end:
        n = min(<isize>NN_V, end - row)
        nn_load_columns(columns, outputs(e), e.room, e.n_outputs, row, n)
        apply_link(e, columns)
        for i in range(n):
            out = e.job.predictions + source_row(e, start + i, ordered) * e.n_outputs
            for c in range(e.n_outputs):
                out[c] = columns[c * NN_V + i]
        row += n
        start += n


# ---------------------------------------------------------------------------------------------------------- loss

cdef inline double row_weight(Engine *e, isize source) noexcept nogil:
    return 1.0 if e.job.sample_weight == NULL else e.job.sample_weight[source]


cdef void load_targets(Engine *e, isize n, isize start, int ordered, real *t) noexcept nogil:
    """t: (n_outputs, NN_V); lanes n.. are left as they are: their losses are not used, and their scale is zero."""
    cdef isize i, c
    cdef const real *target
    for i in range(n):
        target = e.job.targets + source_row(e, start + i, ordered) * e.n_outputs
        for c in range(e.n_outputs):
            t[c * NN_V + i] = target[c]


cdef void loss_of_columns(Engine *e, isize n, isize start, int ordered, double n_batch, double *value, real *z,
                          real *t) noexcept nogil:
    """value (NN_V) = weighted losses; z: in raw predictions, out their gradients over n_batch; n <= NN_V rows."""
    cdef real scale[16]
    cdef real labels[16]
    cdef isize i, source
    cdef real each = <real>(1.0 / n_batch)
    for i in range(NN_V):
        scale[i], labels[i] = each if i < n else 0, 0
    for i in range(n):
        source = source_row(e, start + i, ordered)
        if e.job.sample_weight != NULL:
            scale[i] = <real>(row_weight(e, source) / n_batch)
        if e.job.labels != NULL:
            labels[i] = e.job.labels[source]
    if e.loss == NN_sparse_softmax_crossentropy:
        nn_sparse_softmax_loss(value, z, labels, e.n_outputs, scale)
    else:
        load_targets(e, n, start, ordered, t)
        if e.loss == NN_softmax_crossentropy:
            nn_softmax_loss(value, z, t, e.n_outputs, scale)
        else:
            nn_elementwise_loss(e.loss, e.loss_parameter, value, z, t, e.n_outputs, scale)
    if e.job.sample_weight != NULL:
        for i in range(n):
            value[i] *= row_weight(e, source_row(e, start + i, ordered))


cdef void loss_rows(Engine *e, isize row, isize end, isize start, int ordered, double n_batch,
                    real *columns) noexcept nogil:
    """row_loss[i] = weighted loss of row i; in training, delta of the output = its gradient over n_batch."""
    cdef isize n
    cdef double value[16]
    while row < end:
        n = min(<isize>NN_V, end - row)
        nn_load_columns(columns, outputs(e), e.room, e.n_outputs, row, n)
        loss_of_columns(e, n, start, ordered, n_batch, value, columns, columns + e.n_outputs * NN_V)
        memcpy(e.row_loss + row, value, n * sizeof(double))
        if e.job.purpose != EVALUATE:
            nn_store_columns(deltas_at(e, e.rows[e.n_rows - 1].y), columns, e.room, e.n_outputs, row, n)
        row += n
        start += n
