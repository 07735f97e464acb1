# Predict and evaluate: one stage, whose items are rows, each through all layers.

cdef inline isize group_size(const Engine *e, isize n) noexcept nogil:
    """How many of n rows to take next: in columns as many as fill their lanes, but for less than half a vector."""
    if not e.in_columns:
        return min(n, <isize>TILE_ROWS)
    return min(n, <isize>NN_W if 2 * n > 3 * NN_V else <isize>NN_V)


cdef void predict_tile(Engine *e, isize start, isize n, int worker, real *scratch) noexcept nogil:
    """As predict_columns, with the outputs along the lanes as in training."""
    cdef isize p, room = worker * TILE_ROWS
    cdef Ahead ahead
    gather(e, room, room + n, start, 0)
    for p in range(nn_panel_count(e.n_features)):
        check_finite(e, values_at(e, 0) + nn_panel_at(e.room, e.n_features, p, room),
                     n * nn_panel_width(e.n_features, p))
    look_ahead(e, start + n, 0, &ahead)
    forward_rows(e, 0, e.n_rows, room, room + n, &ahead, scratch)
    if e.job.predictions != NULL:
        emit_predictions(e, room, room + n, start, 0, scratch)
    if e.job.losses != NULL:
        loss_rows(e, room, room + n, start, 0, 1.0, scratch)
        memcpy(e.job.losses + start, e.row_loss + room, n * sizeof(double))


cdef void predict_rows(Engine *e, isize row, isize end, int worker, real *scratch) noexcept nogil:
    """Fill job.predictions and job.losses, where there are such; how the rows are grouped changes no bit of them."""
    cdef isize n
    while row < end and not nn_raised(&e.abandon):
        n = group_size(e, end - row)
        if n == 1 and e.job.losses == NULL:
            check_finite(e, e.job.X + row * e.n_features, e.n_features)
            predict_row(e, e.job.X + row * e.n_features, e.job.predictions + row * e.n_outputs, scratch)
        elif e.in_columns and 4 * n > 3 * NN_V:
            predict_columns(e, row, n, scratch)
        else:
            predict_tile(e, row, n, worker, scratch)
        if worker == 0:
            poll(e, n)
        row += n


cdef void predict_item(void *argument, long item, int worker) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef isize begin = item * e.stage.per_item
    predict_rows(e, begin, min(begin + e.stage.per_item, e.stage.n), worker, e.scratch + worker * e.scratch_size)


cdef void predict_worker(void *argument, int worker, int n_workers) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef unsigned fp = nn_fp_begin(0)
    if worker == 0:
        take_running_moments(e)
        run_stage(e, predict_item, e.job.n, rows_per_item(e.job.n, n_workers), n_workers)
        nn_team_dismiss(e.team)
    else:
        nn_team_follow(e.team, worker, n_workers, predict_item, e)
    nn_fp_end(fp)
