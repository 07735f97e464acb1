# Lanes: small networks of one shape that are trained together, each in a lane of the vectors of lanes.h.
#
# A network keeps its Engine: its job, order of rows, optimizer, books and outcome are those of a training alone, and
# the functions of train.pxi keep them. Only the arithmetic of a batch is done here, for all lanes at once, and every
# lane's in the order in which it would be done for its network alone:
#
#   products, gradients, biases    the chains of lanes.h, over k or over the rows of each group
#   groups of rows                 the tree of groups.h, whose sums do not know what a lane is
#   activations, losses, updates   the functions of all networks, for lanes that are networks instead of rows
#   sums of losses                 row by row, in double
#
# A network boards an empty lane between two epochs. It leaves once its epochs are done, or at once if it diverges; the
# next one of those that wait takes the lane. What an empty lane computes is nobody's.

cdef enum:
    LANE_ROWS = 48        # most rows that go through all layers together

cdef struct Lanes:
    Engine *engines[16]   # whose network is in each lane; NULL for none
    Engine *readers[16]   # whose rows each lane reads: an empty one somebody's
    Engine **all          # (n_all): in the order in which they board
    isize n_all, n_boarded
    const Network *net    # of the first: what all have in common
    Arena arena           # for LANE_ROWS rows, each as many values as there are lanes: (columns, NN_V) for a row
    real *state           # (1 + n_slots, n_parameters, NN_V), in the order of the program
    real *spare           # as in Weights
    real *gradient        # (n_parameters, NN_V)
    real *levels          # (levels, n_parameters, NN_V): of the sums over the groups of a batch
    real *flat            # (n_parameters): on the way between a lane and panels
    real *scratch         # (n_outputs, NN_V): targets, predictions; or the factors of dropout
    isize *sources        # (LANE_ROWS, NN_V), as those that follow: numbers of the rows that each lane reads
    double *weights       # of these rows
    real *scales          # the same over the rows of the batch
    isize weight_step     # from one row's to the next: 0 where all weigh 1
    real *labels          # where there are such
    int spare_is_start    # as in Books
    int forks             # as in Crew
    PyObject *exception   # of a signal's handler: all of them end
    double batch_loss[16]
    int apart[16]         # whether the network does this batch with its own engine, which records its layers


# -------------------------------------------------------------------------------------------------- rows of a batch

cdef void begin_lanes_batch(Lanes *g, isize n_batch) noexcept nogil:
    """Note what is the same for all rows of a batch: where nobody weighs them, a weight of 1, too."""
    cdef int lane, weighted = 0
    for lane in range(NN_V):
        weighted |= g.readers[lane].job.sample_weight != NULL
        g.weights[lane], g.scales[lane], g.batch_loss[lane] = 1.0, <real>(1.0 / n_batch), 0
    g.weight_step = NN_V if weighted else 0


cdef void gather_lanes(Lanes *g, isize start, isize n, double n_batch) noexcept nogil:
    """The rows that each network visits at start.., with what its loss asks of them."""
    cdef isize i, source
    cdef int lane
    cdef const Job *job
    for lane in range(NN_V):
        job = &g.readers[lane].job
        for i in range(n):
            g.sources[i * NN_V + lane] = source_row(job, start + i)
        if job.labels != NULL:
            for i in range(n):
                g.labels[i * NN_V + lane] = job.labels[g.sources[i * NN_V + lane]]
        if g.weight_step > 0:
            for i in range(n):
                source = g.sources[i * NN_V + lane]
                g.weights[i * NN_V + lane] = row_weight(job, source)
                g.scales[i * NN_V + lane] = <real>(row_weight(job, source) / n_batch)
    for i in range(n):
        gather_lane_rows(g, i)


cdef inline void gather_lane_rows(Lanes *g, isize i) noexcept nogil:
    cdef const real *rows[16]
    cdef int lane
    for lane in range(NN_V):
        rows[lane] = <const real *>g.readers[lane].job.X + g.sources[i * NN_V + lane] * g.net.n_features
    nn_gather_columns(g.arena.values + i * g.net.n_features * NN_V, rows, NN_V, g.net.n_features)


cdef void softmax_of_lanes(real *y, const real *x, isize n, isize n_cols) noexcept nogil:
    cdef isize i
    if y != x:
        memcpy(y, x, n * n_cols * NN_V * sizeof(real))
    for i in range(n):
        nn_softmax_columns(y + i * n_cols * NN_V, n_cols)


cdef void activate_lanes(const Arena *a, const Row *r, const real *x, isize n) noexcept nogil:
    if r.activation == NN_softmax:
        softmax_of_lanes(values_at(a, r.y), x, n, r.n_out)
    else:
        nn_activate(r.activation, r.parameter, values_at(a, r.y), x, n * r.n_out * NN_V)


cdef void activate_lanes_backward(const Arena *a, const Row *r, isize dx_block, isize n) noexcept nogil:
    cdef isize i, size = r.n_out * NN_V
    cdef real *dx = deltas_at(a, dx_block)
    if r.activation == NN_softmax:
        for i in range(n):
            nn_softmax_backward_columns(dx + i * size, deltas_at(a, r.y) + i * size, values_at(a, r.y) + i * size,
                                        r.n_out)
    else:
        nn_activate_backward(r.activation, r.parameter, dx, deltas_at(a, r.y), values_at(a, r.y), values_at(a, r.z),
                             n * size)


cdef void dense_lanes(const Lanes *g, const Row *r, isize n) noexcept nogil:
    cdef nn_lanes_product p
    memset(&p, 0, sizeof(p))
    p.a, p.a_row, p.a_k = values_at(&g.arena, r.x), r.n_in, 1
    p.b, p.b_k, p.b_col = g.state + r.flat * NN_V, r.n_out, 1
    p.n_rows, p.n_k, p.n_cols = n, r.n_in, r.n_out
    p.y, p.relu = values_at(&g.arena, r.z), r.activation == NN_relu
    p.bias = p.b + r.n_in * r.n_out * NN_V if r.n_weight_rows > r.n_in else NULL
    nn_lanes_multiply(&p)
    if r.activation != NN_identity and r.activation != NN_relu:
        activate_lanes(&g.arena, r, values_at(&g.arena, r.z), n)


cdef void dense_lanes_gradient(const Lanes *g, const Row *r, isize n, int goes_on) noexcept nogil:
    """Add n rows to the gradient of a weight and its bias, or begin a group with them."""
    cdef nn_lanes_product p
    memset(&p, 0, sizeof(p))
    p.a, p.a_row, p.a_k = values_at(&g.arena, r.x), 1, r.n_in
    p.b, p.b_k, p.b_col = deltas_at(&g.arena, r.y), r.n_out, 1
    p.n_rows, p.n_k, p.n_cols = r.n_in, n, r.n_out
    p.y, p.goes_on = g.gradient + r.flat * NN_V, goes_on
    nn_lanes_multiply(&p)
    if r.n_weight_rows > r.n_in:
        nn_lanes_sums(p.y + r.n_in * r.n_out * NN_V, p.b, n, r.n_out, goes_on)


cdef void dense_lanes_backward(const Lanes *g, const Row *r, isize n) noexcept nogil:
    cdef nn_lanes_product p
    memset(&p, 0, sizeof(p))
    p.a, p.a_row, p.a_k = deltas_at(&g.arena, r.y), r.n_out, 1
    p.b, p.b_k, p.b_col = g.state + r.flat * NN_V, 1, r.n_out
    p.n_rows, p.n_k, p.n_cols = n, r.n_out, r.n_in
    p.y, p.more = deltas_at(&g.arena, r.x), r.more
    nn_lanes_multiply(&p)


cdef void drop_lanes(Lanes *g, const Row *r, isize i, isize row, isize n) noexcept nogil:
    """As `dropout_forward_rows`, for the i-th row of the program, each lane by the stream of its network."""
    cdef const real *factors[16]
    cdef real *z = values_at(&g.arena, r.z)
    cdef isize k, width = (r.n_out + NN_DRAWN - 1) // NN_DRAWN * NN_DRAWN
    cdef int lane
    cdef Engine *e
    for k in range(n):
        for lane in range(NN_V):
            e, factors[lane] = g.readers[lane], g.scratch + lane * width
            nn_dropout_factors(g.scratch + lane * width, r.n_out, e.net.rows[i].rate, e.job.seed,
                               <uint64_t>e.optimizer.iterations, <uint64_t>e.net.rows[i].layer, <uint64_t>(row + k))
        nn_gather_columns(z + k * r.n_out * NN_V, factors, NN_V, r.n_out)
    nn_multiply(values_at(&g.arena, r.y), values_at(&g.arena, r.x), z, n * r.n_out * NN_V, 0)


cdef void forward_lanes(Lanes *g, isize row, isize n) noexcept nogil:
    """n rows, from number `row` of the batch on, which have been gathered."""
    cdef isize i
    cdef const Row *r
    cdef const Arena *a = &g.arena
    for i in range(g.net.n_rows):
        r = g.net.rows + i
        if r.op == DENSE:
            dense_lanes(g, r, n)
        elif r.op == ACTIVATION:
            activate_lanes(a, r, values_at(a, r.x), n)
        elif r.op == DROPOUT:
            drop_lanes(g, r, i, row, n)
        else:
            nn_add(values_at(a, r.y), values_at(a, r.x), values_at(a, r.skip), n * r.n_out * NN_V)


cdef void backward_lanes(Lanes *g, isize n, int goes_on) noexcept nogil:
    """From the delta of the output to the gradients of all weights; see `backward_rows`."""
    cdef isize i
    cdef const Row *r
    cdef const Arena *a = &g.arena
    for i in range(g.net.n_rows - 1, -1, -1):
        r = g.net.rows + i
        if r.op == DENSE:
            if r.activation != NN_identity:
                activate_lanes_backward(a, r, r.y, n)
            dense_lanes_gradient(g, r, n, goes_on)
            if r.back:
                dense_lanes_backward(g, r, n)
        elif not r.back and not r.back_skip:
            continue
        elif r.op == ACTIVATION:
            activate_lanes_backward(a, r, r.own_delta if r.more else r.x, n)
            if r.more:
                pass_lanes_delta(a, r, r.own_delta, r.x, 1, n)
        elif r.op == DROPOUT:
            nn_multiply(deltas_at(a, r.x), deltas_at(a, r.y), values_at(a, r.z), n * r.n_out * NN_V, r.more)
        else:
            if r.back:
                pass_lanes_delta(a, r, r.y, r.x, r.more, n)
            if r.back_skip:
                pass_lanes_delta(a, r, r.y, r.skip, r.more_skip, n)


cdef void pass_lanes_delta(const Arena *a, const Row *r, isize source, isize block, int more, isize n) noexcept nogil:
    cdef isize size = n * r.n_out * NN_V
    if more:
        nn_add(deltas_at(a, block), deltas_at(a, block), deltas_at(a, source), size)
    else:
        memcpy(deltas_at(a, block), deltas_at(a, source), size * sizeof(real))


# ------------------------------------------------------------------------------------------------ predictions, loss

cdef void emit_lanes(Lanes *g, isize n) noexcept nogil:
    """Copy the outputs, behind the link, to the caller's `predictions`, of the networks whose caller wants them."""
    cdef isize i, c, n_outputs = g.net.n_outputs
    cdef int lane
    cdef real *out
    for i in range(n):
        memcpy(g.scratch, lane_outputs(g) + i * n_outputs * NN_V, n_outputs * NN_V * sizeof(real))
        apply_link(g.net, g.scratch)
        for lane in range(NN_V):
            if predicts_in_lane(g, lane):
                out = g.engines[lane].job.predictions + g.sources[i * NN_V + lane] * n_outputs
                for c in range(n_outputs):
                    out[c] = g.scratch[c * NN_V + lane]


cdef inline int predicts_in_lane(const Lanes *g, int lane) noexcept nogil:
    return g.engines[lane] != NULL and not g.apart[lane] and g.engines[lane].job.predictions != NULL


cdef inline real *lane_outputs(const Lanes *g) noexcept nogil:
    return values_at(&g.arena, g.net.rows[g.net.n_rows - 1].y)


cdef void lose_lanes(Lanes *g, isize n) noexcept nogil:
    """Add the losses of n rows to those of their batches; delta of the output = the gradients over the batch's rows."""
    cdef isize i, n_outputs = g.net.n_outputs
    cdef real *z = deltas_at(&g.arena, g.net.rows[g.net.n_rows - 1].y)
    cdef double value[16]
    cdef int lane, by_labels = g.readers[0].job.labels != NULL
    memcpy(z, lane_outputs(g), n * n_outputs * NN_V * sizeof(real))
    for i in range(n):
        if not by_labels:
            gather_lane_targets(g, i)
        apply_loss(g.net.heads, value, z + i * n_outputs * NN_V, g.labels + i * NN_V, g.scratch,
                   g.scales + i * g.weight_step)
        for lane in range(NN_V):
            g.batch_loss[lane] += value[lane] * g.weights[i * g.weight_step + lane]


cdef void gather_lane_targets(Lanes *g, isize i) noexcept nogil:
    cdef const real *rows[16]
    cdef int lane
    for lane in range(NN_V):
        rows[lane] = g.readers[lane].job.targets + g.sources[i * NN_V + lane] * g.net.n_outputs
    nn_gather_columns(g.scratch, rows, NN_V, g.net.n_outputs)
