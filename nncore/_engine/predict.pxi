# What every worker does in predict and evaluate: shares of rows, on a fixed grid, each through all layers.

cdef enum:
    SHARE_ROWS = 96     # rows a worker takes at a time, and whose losses are added up first; a multiple of every NN_W


cdef inline isize group_size(const Engine *e, isize n) noexcept nogil:
    """How many of n rows to take next: in columns as many as fill their lanes, but for less than half a vector."""
    if not e.in_columns:
        return min(n, <isize>TILE_ROWS)
    return min(n, <isize>NN_W if 2 * n > 3 * NN_V else <isize>NN_V)


cdef double predict_tile(Engine *e, isize start, isize n, int worker, real *scratch) noexcept nogil:
    """As predict_columns, with the outputs along the lanes as in training."""
    cdef isize i, p, room = worker * TILE_ROWS
    cdef double total = 0
    cdef Ahead ahead
    gather(e, room, room + n, start, 0)
    for p in range(nn_panel_count(e.n_features)):
        check_finite(e, values_at(e, 0) + nn_panel_at(e.room, e.n_features, p, room),
                     n * nn_panel_width(e.n_features, p))
    look_ahead(e, start + n, 0, &ahead)
    forward_rows(e, room, room + n, &ahead, scratch)
    if e.job.predictions != NULL:
        emit_predictions(e, room, room + n, start, 0, scratch)
    if e.job.losses != NULL:
        loss_rows(e, room, room + n, start, 0, 1.0, scratch)
        for i in range(room, room + n):
            total += e.row_loss[i]
    return total


cdef double predict_share(Engine *e, isize row, isize end, int worker, real *scratch) noexcept nogil:
    """Return the sum of the losses, if the job asks for them. How the rows are grouped changes no bit of an output."""
    cdef isize n
    cdef double total = 0
    while row < end:
        n = group_size(e, end - row)
        if n == 1 and e.job.losses == NULL:
            check_finite(e, e.job.X + row * e.n_features, e.n_features)
            predict_row(e, e.job.X + row * e.n_features, e.job.predictions + row * e.n_outputs, scratch,
                        nn_padded(e.widest))
        elif e.in_columns and 4 * n > 3 * NN_V:
            total += predict_columns(e, row, n, scratch)
        else:
            total += predict_tile(e, row, n, worker, scratch)
        row += n
    return total


cdef void predict_worker(void *argument, int worker, int n_workers) noexcept nogil:
    """Fill job.predictions, and job.losses with the sum of each share where there are targets."""
    cdef Engine *e = <Engine *>argument
    cdef isize n_shares = (e.job.n + SHARE_ROWS - 1) // SHARE_ROWS, share, start, n
    cdef real *scratch = e.scratch + worker * e.scratch_size
    cdef double total
    cdef unsigned fp = nn_fp_begin(0)
    for share in range(share_begin(n_shares, 1, worker, n_workers), share_begin(n_shares, 1, worker + 1, n_workers)):
        start = share * SHARE_ROWS
        n = min(<isize>SHARE_ROWS, e.job.n - start)
        total = predict_share(e, start, start + n, worker, scratch)
        if e.job.losses != NULL:
            e.job.losses[share] = total
        if worker == 0:
            poll_signals(e, n)
        if nn_raised(&e.abandon):
            break
    nn_fp_end(fp)
