# What every worker does in predict and evaluate: tiles of rows, on a fixed grid, each through all layers.

cdef void predict_worker(void *argument, int worker, int n_workers) noexcept nogil:
    """Fill job.predictions, and job.losses with the sum of each tile where there are targets."""
    cdef Engine *e = <Engine *>argument
    cdef isize n_tiles = (e.job.n + TILE_ROWS - 1) // TILE_ROWS, room = worker * TILE_ROWS, tile, start, n, i
    cdef real *scratch = e.scratch + worker * e.scratch_size
    cdef unsigned fp = nn_fp_begin(0)
    for tile in range(share_begin(n_tiles, 1, worker, n_workers), share_begin(n_tiles, 1, worker + 1, n_workers)):
        start = tile * TILE_ROWS
        n = min(<isize>TILE_ROWS, e.job.n - start)
        gather(e, room, room + n, start, 0)
        forward_rows(e, room, room + n, scratch)
        if e.job.predictions != NULL:
            emit_predictions(e, room, room + n, start, 0, scratch)
        if e.job.losses != NULL:
            loss_rows(e, room, room + n, start, 0, 1.0, scratch)
            e.job.losses[tile] = 0
            for i in range(room, room + n):
                e.job.losses[tile] += e.row_loss[i]
        if worker == 0:
            poll_signals(e, n)
        if nn_raised(&e.abandon):
            break
    nn_fp_end(fp)
