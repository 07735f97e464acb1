# The loss: targets in, the deltas of the output and a loss per row out; predictions with their link.
# A worker's scratch: two areas (n_outputs, NN_V) of columns, a third one where targets have to be read, then the
# gradient of a block and its transpose.

cdef inline real *gradient_scratch(const Crew *c, real *scratch) noexcept nogil:
    return scratch + c.scratch_size - (2 * NN_W + 1) * NN_W


cdef inline isize source_row(const Job *job, isize i) noexcept nogil:
    """The caller's row number of the i-th row to be visited, counted from the window's first."""
    return i if job.order == NULL else job.order[i]


cdef void gather(const Network *net, const Job *job, const Arena *a, isize row, isize end, isize start) noexcept nogil:
    """Copy the caller's rows that are visited at start.. into the input block."""
    cdef const char *X = job.X if job.slots != NULL else job.X + start * job.row_bytes
    nn_gather_rows(values_at(a, 0), a.room, net.n_features, row, end - row, job.kind, X,
                   NULL if job.slots == NULL else job.slots + start)


cdef enum:
    WIDE_ROW = 64         # features: narrower rows are read in time without being asked for

cdef void look_ahead(const Network *net, const Job *job, isize start, Input *input) noexcept nogil:
    """Note the caller's rows that are visited at start.., a tile of them."""
    cdef isize i
    input.n_ahead, input.ahead_size = 0, nn_kind_size(job.kind)
    if net.n_features >= WIDE_ROW:
        input.n_ahead = max(<isize>0, min(<isize>TILE_ROWS, (job.here if job.window else job.n) - start))
    for i in range(input.n_ahead):
        input.ahead[i] = job.X + (start + i if job.slots == NULL else job.slots[start + i]) * job.row_bytes


cdef inline const real *outputs(const Network *net, const Arena *a) noexcept nogil:
    return values_at(a, net.rows[net.n_rows - 1].y if a.training else net.rows[net.n_rows - 1].live_y)


# --------------------------------------------------------------------------------------------------- predictions

cdef void apply_link(const Network *net, real *columns) noexcept nogil:
    if net.link == NN_softmax:
        nn_softmax_columns(columns, net.n_outputs)
    elif net.link >= NN_N_ACTIVATIONS:
        nn_link_columns(net.link, net.n_outputs // net.reading.n_targets, net.loss_parameter, columns, net.n_outputs)
    elif net.link != NN_identity:
        nn_activate(net.link, 0, columns, columns, net.n_outputs * NN_V)


cdef inline void load_predictions(const Network *net, const Arena *a, isize row, isize n, real *columns) noexcept nogil:
    """columns (n_outputs, NN_V) = the outputs of n <= NN_V rows, behind the link."""
    nn_load_columns(columns, outputs(net, a), a.room, net.n_outputs, row, n)
    apply_link(net, columns)


cdef void emit_predictions(Engine *e, const Arena *a, isize row, isize end, isize start,
                           real *columns) noexcept nogil:
    """Copy the outputs, behind the link, to the caller's `predictions`."""
    cdef isize n, i, c, n_outputs = e.net.n_outputs
    cdef real *out
    while row < end:
        n = min(<isize>NN_V, end - row)
        load_predictions(&e.net, a, row, n, columns)
        for i in range(n):
            out = e.job.predictions + source_row(&e.job, start + i) * n_outputs
            for c in range(n_outputs):
                out[c] = columns[c * NN_V + i]
        row += n
        start += n


# ---------------------------------------------------------------------------------------------------------- loss

cdef inline double row_weight(const Job *job, isize source) noexcept nogil:
    return 1.0 if job.sample_weight == NULL else job.sample_weight[source]


cdef inline real row_share(const Job *job, isize source, double n_batch) noexcept nogil:
    """What a row's loss counts in that of its batch."""
    return <real>(row_weight(job, source) / n_batch)


cdef void load_targets(const Job *job, isize n_targets, isize n, isize start, real *t) noexcept nogil:
    """t: (n_targets, NN_V); lanes n.. do not matter: their losses are not used, and their scale is zero."""
    cdef const real *rows[16]
    cdef isize i
    for i in range(n):
        rows[i] = job.targets + source_row(job, start + i) * n_targets
    nn_gather_columns(t, rows, n, n_targets)


cdef void spread_labels(const real *labels, real *t, isize n_outputs) noexcept nogil:
    """t (n_outputs, NN_V) = one-hot."""
    cdef isize c
    cdef int lane
    for c in range(n_outputs):
        for lane in range(NN_V):
            t[c * NN_V + lane] = 1 if labels[lane] == c else 0


cdef void apply_loss(const Network *net, double *value, real *z, const real *labels, const real *t,
                     const real *scale) noexcept nogil:
    """value (NN_V) = the losses of the lanes; z (n_outputs, NN_V): in raw predictions, out their gradients by scale."""
    if net.loss == NN_sparse_softmax_crossentropy:
        nn_sparse_softmax_loss(value, z, labels, net.n_outputs, scale)
    elif net.loss == NN_softmax_crossentropy:
        nn_softmax_loss(value, z, t, net.n_outputs, scale)
    elif net.loss == NN_kl_divergence:
        nn_kl_loss(value, z, t, net.n_outputs, scale)
    elif net.loss == NN_softmax_focal:
        nn_softmax_focal_loss(net.loss_parameter, value, z, t, net.n_outputs, scale)
    else:
        nn_elementwise_loss(net.loss, net.loss_parameter, value, z, t, net.n_outputs, scale)


cdef inline bint chooses(const Network *net) noexcept nogil:
    """Whether the loss is that of one choice among the outputs."""
    return (net.loss == NN_softmax_crossentropy or net.loss == NN_sparse_softmax_crossentropy
            or net.loss == NN_softmax_focal)


cdef void apply_read_loss(const Network *net, double *value, real *z, const real *labels, real *t, real *w,
                          const real *scale) noexcept nogil:
    """As `apply_loss`, where the targets have to be read; their weights come into w (n_outputs, NN_V)."""
    if net.loss == NN_sparse_softmax_crossentropy:
        spread_labels(labels, t, net.n_outputs)
    nn_read_targets(&net.reading, chooses(net), net.loss == NN_sigmoid_crossentropy, t, w)
    if net.loss == NN_gaussian:
        nn_gaussian_loss(net.loss_parameter, value, z, t, w, net.n_outputs, scale)
    elif net.loss == NN_softmax_focal:
        nn_softmax_focal_loss(net.loss_parameter, value, z, t, net.n_outputs, scale)
    elif chooses(net):
        nn_softmax_loss(value, z, t, net.n_outputs, scale)
    else:
        nn_weighted_loss(net.loss, net.reading.parameters, value, z, t, w, net.n_outputs, scale)


cdef void loss_of_columns(const Network *net, const Job *job, isize n, isize start, double n_batch, double *value,
                          real *z, real *t, real *w) noexcept nogil:
    """value (NN_V) = weighted losses; z: in raw predictions, out their gradients over n_batch; n <= NN_V rows.

    t, w: areas (n_outputs, NN_V), w only where targets have to be read.
    """
    cdef real scale[16]
    cdef real labels[16]
    cdef isize i, source
    cdef real each = <real>(1.0 / n_batch)
    for i in range(NN_V):
        scale[i], labels[i] = each if i < n else 0, 0
    for i in range(n):
        source = source_row(job, start + i)
        if job.sample_weight != NULL:
            scale[i] = row_share(job, source, n_batch)
        if job.labels != NULL:
            labels[i] = job.labels[source]
    if job.labels == NULL:
        load_targets(job, net.reading.n_targets, n, start, t)
    if net.reading.parameters == NULL:
        apply_loss(net, value, z, labels, t, scale)
    else:
        apply_read_loss(net, value, z, labels, t, w, scale)
    if job.sample_weight != NULL:
        for i in range(n):
            value[i] *= row_weight(job, source_row(job, start + i))


cdef void loss_rows(Engine *e, const Arena *a, isize row, isize end, isize start, double n_batch,
                    real *columns) noexcept nogil:
    """row_loss[i] = weighted loss of row i; in training, delta of the output = its gradient over n_batch."""
    cdef isize n, n_outputs = e.net.n_outputs
    cdef double value[16]
    while row < end:
        n = min(<isize>NN_V, end - row)
        nn_load_columns(columns, outputs(&e.net, a), a.room, n_outputs, row, n)
        loss_of_columns(&e.net, &e.job, n, start, n_batch, value, columns, columns + n_outputs * NN_V,
                        columns + 2 * n_outputs * NN_V)
        memcpy(a.row_loss + row, value, n * sizeof(double))
        if e.job.purpose != EVALUATE:
            nn_store_columns(deltas_at(a, e.net.rows[e.net.n_rows - 1].y), columns, a.room, n_outputs, row, n)
        row += n
        start += n
