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

cdef inline bint reads_labels(const Network *net) noexcept nogil:
    """Whether targets are class indices and nothing else."""
    return net.n_heads == 1 and net.heads.loss == NN_sparse_softmax_crossentropy


cdef void link_head(const Head *h, real *columns) noexcept nogil:
    """columns: the head's (n_outputs, NN_V)."""
    if h.link == NN_softmax:
        nn_softmax_columns(columns, h.n_outputs)
    elif h.link >= NN_N_ACTIVATIONS:
        nn_link_columns(h.link, h.n_outputs // h.reading.n_targets, h.loss_parameter, columns, h.n_outputs)
    elif h.link != NN_identity:
        nn_activate(h.link, 0, columns, columns, h.n_outputs * NN_V)


cdef void apply_link(const Network *net, real *columns) noexcept nogil:
    cdef int k
    for k in range(net.n_heads):
        link_head(net.heads + k, columns + net.heads[k].first * NN_V)


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


cdef void load_targets(const Network *net, const Head *h, const Job *job, isize n, isize start, real *t) noexcept nogil:
    """t: (n_targets, NN_V); lanes n.. do not matter: their losses are not used, and their scale is zero."""
    cdef const real *rows[16]
    cdef isize i
    for i in range(n):
        rows[i] = job.targets + source_row(job, start + i) * net.n_targets + h.first_target
    nn_gather_columns(t, rows, n, h.n_targets)


cdef void spread_labels(const real *labels, real *t, isize n_outputs) noexcept nogil:
    """t (n_outputs, NN_V) = one-hot."""
    cdef isize c
    cdef int lane
    for c in range(n_outputs):
        for lane in range(NN_V):
            t[c * NN_V + lane] = 1 if labels[lane] == c else 0


cdef void apply_loss(const Head *h, double *value, real *z, const real *labels, const real *t,
                     const real *scale) noexcept nogil:
    """value (NN_V) = the losses of the lanes; z (n_outputs, NN_V): in raw predictions, out their gradients by scale."""
    if h.loss == NN_sparse_softmax_crossentropy:
        nn_sparse_softmax_loss(value, z, labels, h.n_outputs, scale)
    elif h.loss == NN_softmax_crossentropy:
        nn_softmax_loss(value, z, t, h.n_outputs, scale)
    elif h.loss == NN_kl_divergence:
        nn_kl_loss(value, z, t, h.n_outputs, scale)
    elif h.loss == NN_softmax_focal:
        nn_softmax_focal_loss(h.loss_parameter, value, z, t, h.n_outputs, scale)
    else:
        nn_elementwise_loss(h.loss, h.loss_parameter, value, z, t, h.n_outputs, scale)


cdef inline bint chooses(const Head *h) noexcept nogil:
    """Whether the loss is that of one choice among the outputs."""
    return (h.loss == NN_softmax_crossentropy or h.loss == NN_sparse_softmax_crossentropy
            or h.loss == NN_softmax_focal)


cdef void apply_read_loss(const Head *h, double *value, real *z, const real *labels, real *t, real *w,
                          const real *scale) noexcept nogil:
    """As `apply_loss`, where the targets have to be read; their weights come into w (n_outputs, NN_V)."""
    if h.loss == NN_sparse_softmax_crossentropy:
        spread_labels(labels, t, h.n_outputs)
    nn_read_targets(&h.reading, chooses(h), h.loss == NN_sigmoid_crossentropy, t, w)
    if h.loss == NN_gaussian:
        nn_gaussian_loss(h.loss_parameter, value, z, t, w, h.n_outputs, scale)
    elif h.loss == NN_softmax_focal:
        nn_softmax_focal_loss(h.loss_parameter, value, z, t, h.n_outputs, scale)
    elif chooses(h):
        nn_softmax_loss(value, z, t, h.n_outputs, scale)
    else:
        nn_weighted_loss(h.loss, h.reading.parameters, value, z, t, w, h.n_outputs, scale)


cdef void loss_of_heads(const Network *net, const Job *job, isize n, isize start, double *value, real *z, real *t,
                        real *w, const real *scale, double *of_heads, isize step) noexcept nogil:
    """value (NN_V) = the weighted sum of all heads' losses, in their order; of_heads, `step` apart: those of each."""
    cdef double of_head[16]
    cdef real scaled[16]
    cdef const Head *h
    cdef isize i
    cdef int k
    memset(value, 0, NN_V * sizeof(double))
    for k in range(net.n_heads):
        h = net.heads + k
        for i in range(NN_V):
            scaled[i] = scale[i] * <real>h.weight
        loss_of_head(net, h, job, n, start, of_head, z + h.first * NN_V, NULL, t, w, scaled)
        for i in range(n):
            value[i] += h.weight * of_head[i]
        if of_heads != NULL:
            for i in range(n):
                of_heads[k * step + i] = of_head[i] * row_weight(job, source_row(job, start + i))


cdef inline void loss_of_head(const Network *net, const Head *h, const Job *job, isize n, isize start, double *value,
                              real *z, const real *labels, real *t, real *w, const real *scale) noexcept nogil:
    """As `loss_of_columns`, before the weights of rows; labels: NULL where they are targets among others."""
    cdef real own[16]
    if job.labels == NULL:
        load_targets(net, h, job, n, start, t)
        if h.loss == NN_sparse_softmax_crossentropy:
            memcpy(own, t, NN_V * sizeof(real))
            labels = own
    if h.reading.parameters == NULL:
        apply_loss(h, value, z, labels, t, scale)
    else:
        apply_read_loss(h, value, z, labels, t, w, scale)


cdef void loss_of_columns(const Network *net, const Job *job, isize n, isize start, double n_batch, double *value,
                          real *z, real *t, real *w, double *of_heads=NULL, isize step=0) noexcept nogil:
    """value (NN_V) = weighted losses; z: in raw predictions, out their gradients over n_batch; n <= NN_V rows.

    t, w: areas (n_outputs, NN_V), w only where targets have to be read. of_heads: see `loss_of_heads`.
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
    if net.n_heads == 1:
        loss_of_head(net, net.heads, job, n, start, value, z, labels, t, w, scale)
    else:
        loss_of_heads(net, job, n, start, value, z, t, w, scale, of_heads, step)
    if job.sample_weight != NULL:
        for i in range(n):
            value[i] *= row_weight(job, source_row(job, start + i))


cdef double *heads_of_rows(const Engine *e, const Arena *a, isize row, isize start, isize *step) noexcept nogil:
    """Where the losses of each head go, `step` apart, of the arena's rows from `row` on, the caller's from `start`."""
    if e.job.purpose != EVALUATE:
        step[0] = a.room
        return a.row_loss + a.room + row
    step[0] = e.job.n
    return NULL if e.job.of_heads == NULL else e.job.of_heads + start


cdef void loss_rows(Engine *e, const Arena *a, isize row, isize end, isize start, double n_batch,
                    real *columns) noexcept nogil:
    """row_loss[i] = weighted loss of row i; in training, delta of the output = its gradient over n_batch."""
    cdef isize n, n_outputs = e.net.n_outputs, step = 0
    cdef double value[16]
    cdef double *of_heads = NULL
    while row < end:
        n = min(<isize>NN_V, end - row)
        if e.net.n_heads > 1:
            of_heads = heads_of_rows(e, a, row, start, &step)
        nn_load_columns(columns, outputs(&e.net, a), a.room, n_outputs, row, n)
        loss_of_columns(&e.net, &e.job, n, start, n_batch, value, columns, columns + n_outputs * NN_V,
                        columns + 2 * n_outputs * NN_V, of_heads, step)
        memcpy(a.row_loss + row, value, n * sizeof(double))
        if e.job.purpose != EVALUATE:
            nn_store_columns(deltas_at(a, e.net.rows[e.net.n_rows - 1].y), columns, a.room, n_outputs, row, n)
        row += n
        start += n
