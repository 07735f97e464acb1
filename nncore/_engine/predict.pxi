# Predict and evaluate: one stage, whose items are rows, each through all layers.

cdef inline isize group_size(int in_columns, isize n) noexcept nogil:
    """How many of n rows to take next: in columns as many as fill their lanes, but for less than half a vector."""
    if not in_columns:
        return min(n, <isize>TILE_ROWS)
    return min(n, <isize>NN_W if 2 * n > 3 * NN_V else <isize>NN_V)


cdef void predict_tile(Engine *e, isize start, isize n, int worker, real *scratch) noexcept nogil:
    """As predict_columns, with the outputs along the lanes as in training."""
    cdef isize p, room = worker * TILE_ROWS
    cdef Ahead ahead
    gather(e, room, room + n, start)
    for p in range(nn_panel_count(e.net.n_features)):
        check_finite(&e.job, &e.crew, values_at(&e.arena, 0) + nn_panel_at(e.arena.room, e.net.n_features, p, room),
                     n * nn_panel_width(e.net.n_features, p))
    look_ahead(&e.net, &e.job, start + n, &ahead)
    forward_rows(e, 0, e.net.n_rows, room, room + n, &ahead, scratch)
    if e.job.predictions != NULL:
        emit_predictions(e, room, room + n, start, scratch)
    if e.job.losses != NULL:
        loss_rows(e, room, room + n, start, 1.0, scratch)
        memcpy(e.job.losses + start, e.arena.row_loss + room, n * sizeof(double))


cdef void predict_one(Engine *e, isize row, real *scratch) noexcept nogil:
    cdef const real *x = e.job.X + row * e.net.n_features
    check_finite(&e.job, &e.crew, x, e.net.n_features)
    predict_row(&e.net, &e.weights, x, e.job.predictions + row * e.net.n_outputs, scratch)


cdef void predict_rows(Engine *e, isize row, isize end, int worker, real *scratch) noexcept nogil:
    """Fill job.predictions and job.losses, where there are such; how the rows are grouped changes no bit of them."""
    cdef isize n
    while row < end and not nn_raised(&e.crew.abandon):
        n = group_size(e.net.in_columns, end - row)
        if n == 1 and e.job.losses == NULL:
            predict_one(e, row, scratch)
        elif e.net.in_columns and 4 * n > 3 * NN_V:
            predict_columns(e, row, n, scratch)
        else:
            predict_tile(e, row, n, worker, scratch)
        if worker == 0:
            poll_rows(e, n)
        row += n


cdef void predict_item(void *argument, long item, int worker) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef isize begin = item * e.stage.per_item, end = min(begin + e.stage.per_item, e.stage.n)
    predict_rows(e, begin, end, worker, e.crew.scratch + worker * e.crew.scratch_size)


cdef void predict_worker(void *argument, int worker, int n_workers) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef unsigned fp = nn_fp_begin(1)
    if worker == 0:
        take_running_moments(&e.net, &e.weights)
        run_stage(e, predict_item, e.job.n, rows_per_item(e.job.n, n_workers), n_workers)
        nn_team_dismiss(e.crew.team)
    else:
        nn_team_follow(e.crew.team, worker, n_workers, predict_item, e)
    nn_fp_end(fp)
