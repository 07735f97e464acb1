# A job of training. Worker 0 leads and keeps the books; the others help in the stages that it opens (team.h).
#
#   epoch:   the leader draws the order
#   segment: a stage whose items are rows: each through all layers, forward and back; the leader polls for signals
#            a stage whose items are blocks of weights: gradient over all rows, update
#            the leader sums the losses
#   after an epoch's first batch: the leader exchanges the states
#
# A batch is one segment unless its activations would not fit the caches. A batchnorm, which needs the whole batch at
# once, makes one segment of it in any case and cuts the way of the rows in two; a bound on the gradient's norm cuts
# gradient and update in two. No result depends on who does what.

cdef inline isize rows_per_item(isize n_rows, int n_workers) noexcept nogil:
    """All rows for a single worker, else about a tile: as equal as shares and tiles can be."""
    if n_workers == 1:
        return n_rows
    cdef isize share = (n_rows + n_workers - 1) // n_workers, n_tiles = (share + TILE_ROWS - 1) // TILE_ROWS
    cdef isize tile = ((share + n_tiles - 1) // n_tiles + 3) // 4 * 4  # register tiles of few rows are slow
    return max(tile, 1 + n_rows // NN_MAX_ITEMS)


cdef inline isize blocks_per_item(isize n_blocks, int n_workers) noexcept nogil:
    return n_blocks if n_workers == 1 else 1 + n_blocks // NN_MAX_ITEMS


# ------------------------------------------------------------------------------------------------ states

cdef void exchange_states(Engine *e) noexcept nogil:
    e.state, e.other = e.other, e.state


cdef void transpose_all(Engine *e) noexcept nogil:
    cdef isize i
    for i in range(e.n_blocks):
        transpose_block(e, e.blocks + i, e.state)


cdef void go_back(Engine *e) noexcept nogil:
    """Return to the state at the start of the epoch."""
    if e.other_is_before:
        exchange_states(e)
    e.iterations = e.iterations_before
    transpose_all(e)


# ------------------------------------------------------------------------------------------------ worker 0's books

cdef void begin_epoch(Engine *e, isize epoch) noexcept nogil:
    e.epoch_loss, e.epoch_started, e.n_clipped_steps = 0, nn_now(), 0
    nn_tally_take(&e.n_clipped_values)
    e.iterations_before, e.other_is_before = e.iterations, 0
    if e.job.shuffle:
        nn_shuffle(e.order, e.job.n, e.job.seed, <uint64_t>(e.job.first_epoch + epoch))


cdef void diverge(Engine *e, isize epoch, isize batch) noexcept nogil:
    e.outcome.diverged, e.outcome.epoch, e.outcome.batch = 1, epoch, batch


cdef double clipped_share(Engine *e) noexcept nogil:
    """Of the epoch's steps, whose gradient had too large a norm; else of the values of all its gradients."""
    cdef double n_steps = <double>n_batches(e)
    if e.clip_norm > 0:
        return e.n_clipped_steps / n_steps
    return nn_tally_take(&e.n_clipped_values) / (n_steps * e.n_parameters)


cdef int end_epoch(Engine *e, isize epoch) noexcept nogil:
    """Return whether to go on."""
    cdef double now = nn_now()
    e.job.losses[epoch] = e.epoch_loss / e.job.n
    e.job.seconds[epoch] = now - e.epoch_started
    if e.job.clipped != NULL:
        e.job.clipped[epoch] = clipped_share(e)
    e.outcome.epochs_done = epoch + 1
    return e.job.max_seconds == 0 or now - e.started <= e.job.max_seconds


cdef int end_segment(Engine *e, isize epoch, isize batch) noexcept nogil:
    """Add up the losses of the segment, in the order of its rows; at the end of the batch, look at the sum.

    Return whether to go on.
    """
    cdef isize i
    for i in range(e.stage.n_rows):
        e.batch_loss += e.row_loss[i]
    if not e.stage.last:
        return 1
    cdef double loss = e.batch_loss
    e.epoch_loss += loss
    e.batch_loss = 0
    if not isfinite(loss) or nn_raised(&e.overflow):
        diverge(e, epoch, batch)
        return 0
    e.outcome.last_finite_loss = loss / e.stage.n_batch
    return 1


# ------------------------------------------------------------------------------------------------ all workers

cdef inline int phase_begin(const Engine *e, int phase) noexcept nogil:
    """The first program row of a phase; of the one after the last, the number of rows."""
    return 0 if phase == 0 else e.norm_rows[phase - 1] if phase <= e.n_norm_rows else e.n_rows


cdef void forward_tile(Engine *e, isize row, isize end, isize next, real *scratch) noexcept nogil:
    """Rows row .. end - 1 of the segment through the stage's phase; those from `next` on will be read soon."""
    cdef Stage *s = &e.stage
    cdef int ordered = e.job.shuffle
    cdef Ahead ahead
    ahead.n = 0
    if s.phase == 0:
        gather(e, row, end, s.start + row, ordered)
        look_ahead(e, s.start + next, ordered, &ahead)
    forward_rows(e, phase_begin(e, s.phase), phase_begin(e, s.phase + 1), row, end, &ahead, scratch)
    if s.kind == TURN:
        if e.job.predictions != NULL:
            emit_predictions(e, row, end, s.start + row, ordered, scratch)
        loss_rows(e, row, end, s.start + row, ordered, <double>s.n_batch, scratch)


cdef void backward_tile(Engine *e, isize row, isize end, real *scratch) noexcept nogil:
    """Back through the stage's phase, beginning with the batchnorm behind it, whose sums are known."""
    cdef Stage *s = &e.stage
    cdef int first = phase_begin(e, s.phase) + (s.phase > 0), last = phase_begin(e, s.phase + 1)
    backward_rows(e, first, last + (s.kind == BACKWARD), row, end, scratch)


cdef void train_rows(Engine *e, isize row, isize end, isize then, int worker, real *scratch) noexcept nogil:
    """Rows row .. end - 1 of the segment, tile by tile; the worker will probably go on with `then`."""
    cdef isize stop
    while row < end and not nn_raised(&e.abandon):
        stop = min(row + TILE_ROWS, end)
        if e.stage.kind != BACKWARD:
            forward_tile(e, row, stop, stop if stop < end else then, scratch)
        if e.stage.kind != FORWARD:
            backward_tile(e, row, stop, scratch)
        if worker == 0:
            poll(e, stop - row)
        row = stop


cdef isize row_after(const Engine *e, isize item, int worker) noexcept nogil:
    """Where a worker goes on after an item of its share, or, behind the last one, in the next segment."""
    cdef const Stage *s = &e.stage
    cdef isize n_items = (s.n + s.per_item - 1) // s.per_item
    cdef isize begin = n_items * worker // s.n_workers, end = n_items * (worker + 1) // s.n_workers
    return (item + 1) * s.per_item if begin <= item < end - 1 else s.n + begin * s.per_item


cdef void work_on_panels(Engine *e, isize begin, isize end) noexcept nogil:
    cdef isize p
    for p in range(begin, end):
        if e.stage.kind == MOMENTS:
            moments_panel(e, e.rows + e.norm_rows[e.stage.phase - 1], p)
        elif e.stage.kind == SUMS:
            sums_panel(e, e.rows + e.norm_rows[e.stage.phase - 1], p)
        elif e.stage.kind == SQUARES:
            squares_of_panel(e, e.panels + p)
        else:
            limit_panel(e, e.panels + p)


cdef void train_item(void *argument, long item, int worker) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef isize begin = item * e.stage.per_item, end = min(begin + e.stage.per_item, e.stage.n)
    cdef real *scratch = e.scratch + worker * e.scratch_size
    if e.stage.kind in (FORWARD, TURN, BACKWARD):
        train_rows(e, begin, end, row_after(e, item, worker), worker, scratch)
    elif e.stage.kind in (GRADIENTS, UPDATES):
        work_on_blocks(e, begin, end, gradient_scratch(e, scratch))
    else:
        work_on_panels(e, begin, end)


# ------------------------------------------------------------------------------------------------ the leader

cdef void run_stage(Engine *e, nn_work work, isize n, isize per_item, int n_workers) noexcept nogil:
    """Do `work` on n rows or blocks, so many per item."""
    e.stage.n, e.stage.per_item, e.stage.n_workers = n, per_item, n_workers
    nn_team_run(e.team, (n + per_item - 1) // per_item, n_workers, work, e)


cdef inline isize n_batches(const Engine *e) noexcept nogil:
    return (e.job.n + e.job.batch_size - 1) // e.job.batch_size


cdef void row_stage(Engine *e, int kind, int phase, int n_workers) noexcept nogil:
    e.stage.kind, e.stage.phase = kind, phase
    run_stage(e, train_item, e.stage.n_rows, rows_per_item(e.stage.n_rows, n_workers), n_workers)


cdef void weight_stage(Engine *e, int kind, isize n, int n_workers) noexcept nogil:
    """Of n blocks or panels."""
    e.stage.kind = kind
    run_stage(e, train_item, n, blocks_per_item(n, n_workers), n_workers)


cdef void norm_stage(Engine *e, int kind, int phase, int n_workers) noexcept nogil:
    """Of the panels of the batchnorm with which a phase begins."""
    e.stage.phase = phase
    weight_stage(e, kind, nn_panel_count(e.rows[e.norm_rows[phase - 1]].n_out), n_workers)


cdef void pass_rows(Engine *e, int n_workers) noexcept nogil:
    """The segment's rows forward through the network and back."""
    cdef int phase
    for phase in range(e.n_norm_rows):
        row_stage(e, FORWARD, phase, n_workers)
        norm_stage(e, MOMENTS, phase + 1, n_workers)
    row_stage(e, TURN, e.n_norm_rows, n_workers)
    for phase in range(e.n_norm_rows, 0, -1):
        norm_stage(e, SUMS, phase, n_workers)
        if not e.rows[e.norm_rows[phase - 1]].back:
            break  # nothing before it has parameters
        row_stage(e, BACKWARD, phase - 1, n_workers)


cdef void step_weights(Engine *e, int n_workers) noexcept nogil:
    """The gradients of all weights and, at the end of a batch, their updates."""
    cdef Stage *s = &e.stage
    weight_stage(e, GRADIENTS, e.n_blocks, n_workers)
    if s.updates and not s.fused:
        weight_stage(e, SQUARES, e.n_panels, n_workers)
        clip_norm(e)
        weight_stage(e, UPDATES, e.n_blocks, n_workers)
    if s.updates and e.limits_columns:
        weight_stage(e, LIMITS, e.n_panels, n_workers)


cdef int train_segment(Engine *e, isize epoch, isize batch, isize done, isize n_rows, int n_workers) noexcept nogil:
    """Return whether to go on."""
    cdef Stage *s = &e.stage
    cdef isize start = batch * e.job.batch_size
    s.n_batch, s.start, s.done = min(e.job.batch_size, e.job.n - start), start + done, done
    s.n_rows, s.resume, s.last = n_rows, done > 0, done + n_rows == s.n_batch
    s.new = e.other if batch == 0 and e.job.purpose == UPDATE else e.state
    s.updates = s.last and e.job.purpose == UPDATE
    s.fused = s.updates and e.clip_norm == 0
    s.keeps_gradient = records_batch(e, epoch, batch)
    pass_rows(e, n_workers)
    if nn_raised(&e.abandon):
        return 0
    if s.keeps_gradient and done == 0:
        begin_record(e)
    if s.updates:
        if e.job.learning_rates != NULL:
            e.learning_rate = e.job.learning_rates[epoch * n_batches(e) + batch]
        prepare_hyper(e)
    if s.keeps_gradient and s.updates:
        keep_weights(e)
    step_weights(e, n_workers)
    if s.keeps_gradient and s.updates:
        end_record(e)
    return end_segment(e, epoch, batch)


cdef int train_batch(Engine *e, isize epoch, isize batch, int n_workers) noexcept nogil:
    """Return whether to go on."""
    cdef isize n_batch = min(e.job.batch_size, e.job.n - batch * e.job.batch_size), done = 0, n_rows
    while done < n_batch:
        n_rows = min(e.room, n_batch - done)
        if not train_segment(e, epoch, batch, done, n_rows, n_workers):
            return 0
        done += n_rows
    if batch == 0 and e.job.purpose == UPDATE:
        exchange_states(e)
        e.other_is_before = 1
    return 1


cdef void train_epochs(Engine *e, int n_workers) noexcept nogil:
    cdef isize epoch, batch
    for epoch in range(e.job.n_epochs):
        begin_epoch(e, epoch)
        for batch in range(n_batches(e)):
            if not train_batch(e, epoch, batch, n_workers):
                return
        if not end_epoch(e, epoch):
            return


cdef void train_worker(void *argument, int worker, int n_workers) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef unsigned fp = nn_fp_begin(e.job.purpose == UPDATE or e.job.whole)
    if worker == 0:
        train_epochs(e, n_workers)
        nn_team_dismiss(e.team)
    else:
        nn_team_follow(e.team, worker, n_workers, train_item, e)
    nn_fp_end(fp)
