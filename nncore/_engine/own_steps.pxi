# What a loop of the caller's own is made of: the gradient of a function of the outputs whose derivatives are given, an
# update by a gradient that is given, and derivatives by the inputs.

cdef int check_link(const Network *net) except -1:
    cdef int k
    for k in range(net.n_heads):
        if net.heads[k].link >= NN_N_ACTIVATIONS:
            raise ValueError("derivatives go back through an activation, and not through what makes these predictions")
    return 0


cdef int backward_job(Engine *e, numpy.ndarray X, object dys, real[::1] gradient_out, uint64_t seed,
                      bint training) except -1:
    """Store the derivative of the sum of dys * outputs by every parameter; return 0 where outputs are not finite."""
    cdef double loss = 0, seconds
    cdef const real[:, ::1] given
    check_link(&e.net)
    check_length(&e.net, "gradient_out", gradient_out.shape[0])
    prepare_job(e, STORE_GRADIENT, X, None, None, None, len(X))
    e.job.own, e.job.whole = NULL, callable(dys)
    if callable(dys):
        e.job.own = <PyObject *>dys
    else:
        given = dys
        check_rows("dys", given.shape[0], e.job.n)
        check_outputs(&e.net, "dys", given.shape[1])
        e.job.dys = &given[0, 0]
    e.job.n_epochs, e.job.losses, e.job.seconds, e.job.seed = 1, &loss, &seconds, seed
    e.job.of_batch, e.job.frozen = 1, not training
    run_job(e, train_worker, TRAINING_FLOPS, e.job.n, NN_MR)
    if e.outcome.diverged:
        return 0
    load_parameters(&e.net, &gradient_out[0], e.weights.gradient)
    if training:
        average_all(e)
    return 1


cdef void average_all(Engine *e) noexcept nogil:
    """Let the running averages of all batchnorms take in the batch that has just passed, as its step would."""
    cdef unsigned fp = nn_fp_begin(1)
    cdef nn_update update
    cdef int i
    cdef isize p
    cdef const Row *r
    nn_update_begin(&update, e.optimizer.rule, &e.optimizer.hyper, e.net.n_weights)
    e.stage.new = e.weights.state
    for i in range(e.net.n_live_norms):
        r = e.net.rows + e.net.live_norms[i]
        for p in range(nn_panel_count(r.n_out)):
            average_moments(&e.weights, &e.stage, r, p, &update)
    nn_fp_end(fp)


# ------------------------------------------------------------------------------------------------ one update

cdef void shape_given(Engine *e) noexcept nogil:
    """Penalties and the limit of values for a gradient that lies there whole."""
    cdef nn_update update
    cdef nn_shape shape
    cdef const Row *r
    cdef isize i, at, n, width
    nn_update_begin(&update, e.optimizer.rule, &e.optimizer.hyper, e.net.n_weights)
    for i in range(e.net.n_blocks):
        r = e.net.rows + e.net.blocks[i].row
        if r.flat < 0 or r.frozen:
            continue
        shape = shape_for(&e.optimizer, r)
        nn_update_shape(&update, &shape)
        at, width = block_at(r, e.net.blocks + i), nn_panel_width(r.n_out, e.net.blocks[i].p)
        n = nn_panel_cols(r.n_in, e.net.blocks[i].q) * width if has_matrix(r) else 0
        nn_shape_gradient(&update, 1, e.weights.gradient + at, e.weights.state + at, n)
        if not has_matrix(r) or has_bias(r, e.net.blocks + i):
            nn_shape_gradient(&update, 0, e.weights.gradient + at + n, e.weights.state + at + n,
                              (1 if has_matrix(r) else n_parameter_rows(r)) * width)


cdef void apply_worker(void *argument, int worker, int n_workers) noexcept nogil:
    """One worker's: an update reads and writes memory, and does little else."""
    cdef Engine *e = <Engine *>argument
    cdef unsigned fp = nn_fp_begin(1)
    memset(&e.stage, 0, sizeof(Stage))
    e.stage.n_batch = 1  # of which no batchnorm learns anything
    e.stage.last, e.stage.updates, e.stage.new = 1, 1, e.weights.spare
    e.optimizer.learning_rate = e.job.learning_rates[0]
    prepare_hyper(&e.optimizer)
    if e.optimizer.shapes:
        shape_given(e)
    if e.optimizer.clip_norm > 0:
        weight_stage(e, SQUARES, e.net.n_panels, 1)
        clip_norm(&e.optimizer, &e.net)
    weight_stage(e, UPDATES, e.net.n_blocks, 1)
    if e.net.limits_columns:
        weight_stage(e, LIMITS, e.net.n_panels, 1)
    exchange_states(&e.weights)
    e.books.spare_is_start = 1
    nn_team_dismiss(e.crew.team)
    nn_fp_end(fp)


cdef int apply_job(Engine *e, const real[::1] gradient, double learning_rate) except -1:
    """Return whether all weights are finite; if not, nothing has been done."""
    check_length(&e.net, "gradient", gradient.shape[0])
    if e.weights.spare == NULL:
        raise RuntimeError("set_optimizer comes before an update")
    begin_job(e, UPDATE)
    e.job.own, e.job.n, e.job.batch_size, e.job.learning_rates = NULL, 1, 1, &learning_rate
    e.tuning.n_most = e.tuning.team = 1
    make_room(e, 1, 1, 1)
    ensure_vector(&e.weights.gradient, e.net.n_weights)
    store_parameters(&e.net, e.weights.gradient, &gradient[0], 0)
    try:
        with nogil:
            start_clock(e)
            e.crew.threads_used = run_workers(e, apply_worker, &e.tuning, 0)
        raise_what_ended_it(e)
    finally:
        if e.watch.undo or nn_raised(&e.crew.overflow):
            go_back(e)
    return not nn_raised(&e.crew.overflow)


# ------------------------------------------------------------------------------------------------ by the inputs

cdef void give_function(Engine *e, isize k, isize start, isize n, isize room, real *columns) noexcept nogil:
    """Deltas of the output for function k, in the arena from row `room` on: as given, or of output k."""
    cdef isize row = 0, i, some
    cdef const real *rows[16]
    while row < n:
        some = min(n - row, <isize>NN_V)
        if e.job.dys == NULL:
            memset(columns, 0, e.net.n_outputs * NN_V * sizeof(real))
            for i in range(some):
                columns[k * NN_V + i] = 1
        else:
            for i in range(some):
                rows[i] = e.job.dys + (start + row + i) * e.net.n_outputs
            nn_gather_columns(columns, rows, some, e.net.n_outputs)
        store_given(&e.net, &e.arena, room + row, some, columns)
        row += some


cdef void input_tile(Engine *e, isize start, isize n, isize room, real *scratch) noexcept nogil:
    """As backpropagate_tile: job.deltas (n, n_functions, n_features), of given derivatives, or of every output."""
    cdef isize k, i
    cdef Input input
    input.rows, input.n_ahead = NULL, 0
    gather(&e.net, &e.job, &e.arena, room, room + n, start)
    forward_rows(e, &e.arena, 0, e.net.n_rows, room, room + n, &input, scratch)
    for k in range(e.job.n_functions):
        give_function(e, k, start, n, room, scratch)
        backward_rows(e, 0, e.net.n_rows, room, room + n, scratch)
        for i in range(n):
            nn_load_row(e.job.deltas + ((start + i) * e.job.n_functions + k) * e.net.n_features,
                        deltas_at(&e.arena, 0), e.arena.room, e.net.n_features, room + i)


cdef int prepare_input_gradient(Engine *e, numpy.ndarray X, const real[:, ::1] dys, real[:, :, ::1] out) except -1:
    if not e.net.to_inputs:
        raise RuntimeError("the plan was made without to_inputs")
    check_link(&e.net)
    prepare_job(e, BACKPROPAGATE, X, None, None, None, len(X))
    e.job.n_functions = e.net.n_outputs
    if dys is not None:
        check_rows("dys", dys.shape[0], e.job.n)
        check_outputs(&e.net, "dys", dys.shape[1])
        e.job.dys, e.job.n_functions = &dys[0, 0], 1
    if out.shape[0] != e.job.n or out.shape[1] != e.job.n_functions or out.shape[2] != e.net.n_features:
        raise ValueError(f"out must have shape {(e.job.n, e.job.n_functions, e.net.n_features)}")
    e.job.deltas, e.job.frozen, e.stage.n_rows = &out[0, 0, 0], 1, 1
    return 0
