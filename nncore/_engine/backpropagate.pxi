# The way back from given derivatives instead of a loss: one stage, whose items are rows, each forward once and back
# once for every function whose derivatives are wanted. Rows may not depend on each other, as they do by a batchnorm.

cdef void emit_blocks(const Network *net, const Arena *a, const real *blocks, isize row, isize n,
                      real *out) noexcept nogil:
    """out (n, n_written) = what all rows of the program have in `values` or `deltas`, side by side."""
    cdef int i
    cdef isize k
    cdef const Row *r
    for k in range(n):
        for i in range(net.n_rows):
            r = net.rows + i
            nn_load_row(out, blocks + r.y * a.room, a.room, r.n_out, row + k)
            out += r.n_out


cdef void backpropagate_tile(Engine *e, isize start, isize n, isize room, real *scratch) noexcept nogil:
    """The caller's rows start .. start + n - 1, in the arena from row `room` on."""
    cdef const Job *job = &e.job
    cdef isize k, at
    cdef real *dy = deltas_at(&e.arena, e.net.rows[e.net.n_rows - 1].y)
    cdef Input input
    input.rows, input.n_ahead = NULL, 0
    gather(&e.net, &e.job, &e.arena, room, room + n, start)
    forward_rows(e, &e.arena, 0, e.net.n_rows, room, room + n, &input, scratch)
    emit_blocks(&e.net, &e.arena, e.arena.values, room, n, job.values + start * e.net.n_written)
    for k in range(job.n_functions):
        at = k * job.n + start
        nn_store_rows(dy, e.arena.room, e.net.n_outputs, room, n, job.dys + at * e.net.n_outputs, NULL)
        backward_rows(e, 0, e.net.n_rows, room, room + n, scratch)
        emit_blocks(&e.net, &e.arena, e.arena.deltas, room, n, job.deltas + at * e.net.n_written)


cdef void backpropagate_item(void *argument, long item, int worker) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef isize row = item * e.stage.per_item, end = min(row + e.stage.per_item, e.stage.n), n
    while row < end and not nn_raised(&e.crew.abandon):
        n = min(<isize>TILE_ROWS, end - row)
        if e.job.values != NULL:
            backpropagate_tile(e, row, n, worker * TILE_ROWS, e.crew.scratch + worker * e.crew.scratch_size)
        else:
            input_tile(e, row, n, worker * TILE_ROWS, e.crew.scratch + worker * e.crew.scratch_size)
        if worker == 0:
            poll_rows(e, n)
        row += n


cdef void backpropagate_worker(void *argument, int worker, int n_workers) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef unsigned fp = nn_fp_begin(1)
    if worker == 0:
        if e.job.frozen:
            take_running_moments(&e.net, &e.weights)
        run_stage(e, backpropagate_item, e.job.n, rows_per_item(e.job.n, n_workers), n_workers)
        nn_team_dismiss(e.crew.team)
    else:
        nn_team_assist(e.crew.team, worker, n_workers, backpropagate_item, e)
    nn_fp_end(fp)


cdef int prepare_backpropagation(Engine *e, numpy.ndarray X, const real[:, :, ::1] dys, real[:, ::1] values,
                                 real[:, :, ::1] deltas) except -1:
    """values: (n, n_written); deltas: (k, n, n_written)."""
    cdef int i
    for i in range(e.net.n_rows):
        if e.net.rows[i].op == BATCHNORM or e.net.rows[i].op == DROPOUT or e.net.rows[i].op == NOISE:
            raise ValueError("rows of a batch depend on each other by batchnorm, and on chance by dropout or noise")
    prepare_job(e, BACKPROPAGATE, X, None, None, None, len(X))
    check_rows("dys", dys.shape[1], e.job.n)
    check_outputs(&e.net, "dys", dys.shape[2])
    if dys.shape[0] < 1:
        raise ValueError("dys is empty, expected the derivatives of at least one function")
    e.job.dys, e.job.n_functions = &dys[0, 0, 0], dys.shape[0]
    e.job.values, e.job.deltas = &values[0, 0], &deltas[0, 0, 0]
    return 0
