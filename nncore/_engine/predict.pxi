# Predict and evaluate: one stage, whose items are rows, each through all layers.

cdef inline isize group_size(int in_columns, isize n) noexcept nogil:
    """How many of n rows to take next: in columns as many as fill their lanes, but for less than half a vector."""
    if not in_columns:
        return min(n, <isize>TILE_ROWS)
    return min(n, <isize>NN_W if 2 * n > 3 * NN_V else <isize>NN_V)


cdef void take_tile(const Engine *e, int worker, Arena *tile) noexcept nogil:
    """A worker's part of the arena, in one piece: processors also fetch what lies behind, which would be another's."""
    tile[0] = e.arena
    tile.room = min(e.arena.room, <isize>TILE_ROWS)
    tile.values += worker * TILE_ROWS * e.net.n_columns
    tile.words += worker * TILE_ROWS * e.net.n_word_columns
    tile.row_loss += worker * TILE_ROWS


cdef void predict_tile(Engine *e, isize start, isize n, int worker, real *scratch) noexcept nogil:
    """As predict_columns, with the outputs along the lanes as in training."""
    cdef const real *rows = <const real *>(e.job.X + start * e.job.row_bytes)
    cdef Arena tile
    cdef Input input
    take_tile(e, worker, &tile)
    input.rows, input.suspect = rows, 0
    if e.net.gathers or e.job.kind != NN_REAL:
        input.rows, input.suspect = NULL, e.job.kind == NN_REAL  # of others Python has looked at all
        gather(&e.net, &e.job, &tile, 0, n, start)
    look_ahead(&e.net, &e.job, start + n, &input)
    forward_rows(e, &tile, 0, e.net.n_rows, 0, n, &input, scratch)
    if input.suspect:
        check_inputs(e, rows, n)
    if e.job.predictions != NULL:
        emit_predictions(e, &tile, 0, n, start, scratch)
    if e.job.losses != NULL:
        loss_rows(e, &tile, 0, n, start, 1.0, scratch)
        memcpy(e.job.losses + start, tile.row_loss, n * sizeof(double))


cdef void predict_one(Engine *e, isize row, real *scratch) noexcept nogil:
    cdef const real *x = <const real *>(e.job.X + row * e.job.row_bytes)
    check_inputs(e, x, 1)
    predict_row(&e.net, &e.weights, x, e.job.predictions + row * e.net.n_outputs, scratch)


cdef void predict_rows(Engine *e, isize row, isize end, int worker, real *scratch) noexcept nogil:
    """Fill job.predictions and job.losses, where there are such; how the rows are grouped changes no bit of them."""
    cdef isize n
    while row < end and not nn_raised(&e.crew.abandon):
        n = group_size(e.net.in_columns, end - row)
        if n == 1 and e.job.losses == NULL and e.job.kind == NN_REAL:
            predict_one(e, row, scratch)
        elif e.net.in_columns and 4 * n > 3 * NN_V:
            predict_columns(e, row, n, scratch)
        else:
            predict_tile(e, row, n, worker, scratch)
        if worker == 0:
            poll_rows(e, n)
        row += n


cdef enum:
    FEW_UNITS = 8         # for each worker: a whole one more for one of them would cost more than a smaller tile
    FEW_ROWS = 4          # of a register tile: those of fewer are slow

cdef inline isize row_of_item(const Engine *e, isize item) noexcept nogil:
    """The first row of an item: whole register tiles, or lanes, as equal as they can be; of few rows, parts of such."""
    cdef isize unit = NN_W if e.net.in_columns else NN_MR
    if e.job.n < FEW_UNITS * unit * e.stage.n_workers:
        unit = NN_V if e.net.in_columns else FEW_ROWS
    return min(e.job.n, (e.job.n + unit - 1) // unit * item // e.stage.n * unit)


cdef isize predict_items(const Engine *e, int n_workers) noexcept nogil:
    """How many items: equal shares of about a tile each; all rows for a single worker."""
    cdef isize share = e.job.n // n_workers, most = NN_MAX_ITEMS // n_workers
    return 1 if n_workers == 1 else n_workers * min(share // TILE_ROWS + 1, most)


cdef void predict_item(void *argument, long item, int worker) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    predict_rows(e, row_of_item(e, item), row_of_item(e, item + 1), worker,
                 e.crew.scratch + worker * e.crew.scratch_size)


cdef void predict_worker(void *argument, int worker, int n_workers) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef unsigned fp = nn_fp_begin(1)
    if worker == 0:
        take_running_moments(&e.net, &e.weights)
        run_stage(e, predict_item, predict_items(e, n_workers), 1, n_workers)
        nn_team_dismiss(e.crew.team)
    else:
        nn_team_assist(e.crew.team, worker, n_workers, predict_item, e)
    nn_fp_end(fp)
