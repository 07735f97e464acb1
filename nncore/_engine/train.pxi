# A job of training. Worker 0 leads and keeps the books; the others help in the stages that it opens (team.h).
#
#   epoch:   the leader draws the order, or window by window (windows.pxi)
#   segment: a stage whose items are rows: each through all layers, forward and back; the leader polls for signals
#            a stage whose items are blocks of weights: gradient over all rows, update
#            the leader sums the losses
#   after an epoch's first batch: the leader exchanges the states
#
# A batch is one segment unless its activations would not fit the caches. A batchnorm, which needs the whole batch at
# once, makes one segment of it in any case and cuts the way of the rows in two; so does a loss of the caller's own, in
# the middle, where the leader asks Python for it; a bound on the gradient's norm cuts gradient and update in two. No
# result depends on who does what.

cdef inline isize rows_per_item(isize n_rows, int n_workers) noexcept nogil:
    """All rows for a single worker, else about a tile: as equal as shares and tiles can be."""
    if n_workers == 1:
        return n_rows
    cdef isize share = (n_rows + n_workers - 1) // n_workers, n_tiles = (share + TILE_ROWS - 1) // TILE_ROWS
    cdef isize tile = nn_filled((share + n_tiles - 1) // n_tiles)  # register tiles of few rows are slow
    return max(tile, nn_filled(1 + n_rows // NN_MAX_ITEMS))  # bfloat16.pxi rounds so many rows at a time


cdef inline isize blocks_per_item(isize n_blocks, int n_workers) noexcept nogil:
    return n_blocks if n_workers == 1 else 1 + n_blocks // NN_MAX_ITEMS


# ------------------------------------------------------------------------------------------------ states

cdef void exchange_states(Weights *w) noexcept nogil:
    w.state, w.spare = w.spare, w.state


cdef void transpose_all(const Network *net, Weights *w) noexcept nogil:
    cdef isize i
    for i in range(net.n_blocks):
        transpose_block(net, w, net.blocks + i, w.state)
    w.transposes_due = 0


cdef void go_back(Engine *e) noexcept nogil:
    """Return to the state at the start of the epoch."""
    if e.lanes != NULL:
        leave_lane(e, 0)
    if e.books.spare_is_start:
        exchange_states(&e.weights)
        e.books.spare_is_start = 0
    e.optimizer.iterations = e.books.iterations_before
    e.weights.transposes_due = 1


# ------------------------------------------------------------------------------------------------ worker 0's books

cdef enum:
    SHUFFLED = 1 << 17    # rows between two polls; a multiple of rng.h's NN_SWAPS

cdef void begin_epoch(Engine *e, isize epoch) noexcept nogil:
    e.books.epoch_loss, e.books.epoch_started, e.optimizer.n_clipped_steps = 0, nn_now(), 0
    nn_tally_take(&e.optimizer.n_clipped_values)
    begin_heads(e)
    begin_anew(e)
    if e.job.window:
        begin_windows(e, <uint64_t>(e.job.first_epoch + epoch))
    elif e.job.order != NULL:
        draw_order(e, <uint64_t>(e.job.first_epoch + epoch))


cdef void begin_heads(Engine *e) noexcept nogil:
    if e.books.of_heads != NULL:
        memset(e.books.of_heads, 0, 2 * e.net.n_heads * sizeof(double))


cdef void add_heads(Engine *e) noexcept nogil:
    """What `end_segment` does to the losses, to those of each of several heads."""
    cdef int k
    cdef isize i
    cdef double *batch = e.books.of_heads
    cdef double *epoch = e.books.of_heads + e.net.n_heads
    for k in range(e.net.n_heads):
        for i in range(e.stage.n_rows):
            batch[k] += e.arena.row_loss[(k + 1) * e.arena.room + i]
        if e.stage.last:
            epoch[k] += batch[k]
            batch[k] = 0


cdef void end_heads(Engine *e, isize epoch) noexcept nogil:
    cdef int k
    for k in range(e.net.n_heads if e.job.of_heads != NULL else 0):
        e.job.of_heads[epoch * e.net.n_heads + k] = e.books.of_heads[e.net.n_heads + k] / e.job.n


cdef void begin_anew(Engine *e) noexcept nogil:
    """Between two epochs: nothing of the next one is done, and the state is the one at its start."""
    e.books.iterations_before, e.books.spare_is_start = e.optimizer.iterations, 0
    e.job.first = e.stage.start = e.stage.done = 0


cdef void draw_order(Engine *e, uint64_t epoch) noexcept nogil:
    count_up(e, e.job.order, e.job.n)
    shuffle(e, e.job.order, e.job.n, NN_STREAM_SHUFFLE, 0, epoch)


cdef void count_up(Engine *e, int64_t *order, isize n) noexcept nogil:
    """In parts, between which the leader polls, as in `shuffle`: of many rows it takes a second."""
    cdef isize row, stop = 0
    while stop < n and not nn_raised(&e.crew.abandon):
        row, stop = stop, min(stop + SHUFFLED, n)
        nn_count_up(order, row, stop)
        poll(e, <double>(stop - row))


cdef void shuffle(Engine *e, int64_t *order, isize n, int stream, uint64_t part, uint64_t epoch) noexcept nogil:
    cdef isize row = n - 1, stop
    while row > 0 and not nn_raised(&e.crew.abandon):
        stop = max(row - SHUFFLED, <isize>0)
        nn_shuffle(order, n, row, stop, e.job.seed, stream, part, epoch)
        poll(e, 20.0 * (row - stop))
        row = stop


cdef void diverge(Outcome *o, isize epoch, isize batch) noexcept nogil:
    o.diverged, o.epoch, o.batch = 1, epoch, batch


cdef double clipped_share(Engine *e) noexcept nogil:
    """Of the epoch's steps, whose gradient had too large a norm; else of the values of all its gradients."""
    cdef double n_steps = <double>n_batches(&e.job)
    if e.optimizer.clip_norm > 0:
        return e.optimizer.n_clipped_steps / n_steps
    return nn_tally_take(&e.optimizer.n_clipped_values) / (n_steps * e.net.n_parameters)


cdef int end_epoch(Engine *e, isize epoch) noexcept nogil:
    """Return whether to go on."""
    cdef double now = nn_now()
    e.job.losses[epoch] = e.books.epoch_loss / e.job.n
    end_heads(e, epoch)
    e.job.seconds[epoch] = now - e.books.epoch_started
    if e.job.clipped != NULL:
        e.job.clipped[epoch] = clipped_share(e)
    begin_anew(e)
    e.outcome.epochs_done = epoch + 1
    return has_time(e, now)


cdef inline int has_time(const Engine *e, double now) noexcept nogil:
    return e.job.max_seconds == 0 or now - e.books.started <= e.job.max_seconds


cdef int end_segment(Engine *e, isize epoch, isize batch) noexcept nogil:
    """Add up the losses of the segment, in the order of its rows; at the end of the batch, look at the sum.

    Return whether to go on.
    """
    cdef isize i
    for i in range(e.stage.n_rows):
        e.books.batch_loss += e.arena.row_loss[i]
    if e.job.of_heads != NULL:
        add_heads(e)
    if not e.stage.last:
        return 1
    cdef double loss = e.books.batch_loss
    e.books.epoch_loss += loss
    e.books.batch_loss = 0
    if isfinite(loss):
        e.outcome.last_finite_loss = loss / e.stage.n_batch
    if not isfinite(loss) or nn_raised(&e.crew.overflow):
        diverge(&e.outcome, epoch, batch)
        return 0
    return 1


# ------------------------------------------------------------------------------------------------ all workers

cdef inline int phase_begin(const Network *net, int phase) noexcept nogil:
    """The first program row of a phase; of the one after the last, the number of rows."""
    return 0 if phase == 0 else net.live_norms[phase - 1] if phase <= net.n_live_norms else net.n_rows


cdef inline const Row *norm_of_phase(const Network *net, int phase) noexcept nogil:
    """The batchnorm with which a phase begins."""
    return net.rows + net.live_norms[phase - 1]


cdef void forward_tile(Engine *e, isize row, isize end, isize next, real *scratch) noexcept nogil:
    """Rows row .. end - 1 of the segment through the stage's phase; those from `next` on will be read soon."""
    cdef Stage *s = &e.stage
    cdef Input input
    input.rows, input.n_ahead = NULL, 0
    if s.phase == 0:
        gather(&e.net, &e.job, &e.arena, row, end, s.start + row)
        look_ahead(&e.net, &e.job, s.start + next, &input)
    forward_rows(e, &e.arena, phase_begin(&e.net, s.phase), phase_begin(&e.net, s.phase + 1), row, end, &input, scratch)
    if s.phase == e.net.n_live_norms:
        if e.job.predictions != NULL:
            emit_predictions(e, &e.arena, row, end, s.start + row, scratch)
        if e.job.dys == NULL and s.kind == TURN:
            loss_rows(e, &e.arena, row, end, s.start + row, <double>s.n_batch, scratch)


cdef void backward_tile(Engine *e, isize row, isize end, real *scratch) noexcept nogil:
    """Back through the stage's phase, beginning with the batchnorm behind it, whose sums are known."""
    cdef Stage *s = &e.stage
    cdef int first = phase_begin(&e.net, s.phase) + (s.phase > 0), last = phase_begin(&e.net, s.phase + 1)
    if s.phase < e.net.n_live_norms:
        last += 1
    elif e.job.dys != NULL:
        given_rows(e, row, end, scratch)
    backward_rows(e, first, last, row, end, scratch)


cdef void train_rows(Engine *e, isize row, isize end, isize then, int worker, real *scratch) noexcept nogil:
    """Rows row .. end - 1 of the segment, tile by tile; the worker will probably go on with `then`."""
    cdef isize stop
    while row < end and not nn_raised(&e.crew.abandon):
        stop = min(row + TILE_ROWS, end)
        if e.stage.kind != BACKWARD:
            forward_tile(e, row, stop, stop if stop < end else then, scratch)
        if e.stage.kind != FORWARD:
            backward_tile(e, row, stop, scratch)
        if worker == 0:
            poll_rows(e, stop - row)
        row = stop


cdef isize row_after(const Stage *s, isize item, int worker) noexcept nogil:
    """Where a worker goes on after an item of its share, or, behind the last one, in the next segment."""
    cdef isize n_items = (s.n + s.per_item - 1) // s.per_item
    cdef isize begin = n_items * worker // s.n_workers, end = n_items * (worker + 1) // s.n_workers
    return (item + 1) * s.per_item if begin <= item < end - 1 else s.n + begin * s.per_item


cdef void work_on_panels(Engine *e, isize begin, isize end, int worker) noexcept nogil:
    cdef isize p
    cdef const Stage *s = &e.stage
    cdef const Panel *panel
    for p in range(begin, end):
        if nn_raised(&e.crew.abandon):
            return
        panel = e.net.panels + p
        if s.kind == MOMENTS:
            moments_panel(&e.weights, &e.arena, norm_of_phase(&e.net, s.phase), p, s.n_rows)
        elif s.kind == SUMS:
            sums_panel(&e.weights, &e.arena, norm_of_phase(&e.net, s.phase), p, s.n_rows)
        elif s.kind == SQUARES:
            squares_of_panel(e.optimizer.squares, e.weights.gradient, e.net.rows + panel.row, panel)
        else:
            limit_panel(&e.net, &e.weights, panel, s.new)
        if worker == 0:
            poll(e, panel_work(e))


cdef inline double panel_work(const Engine *e) noexcept nogil:
    """How many operations a panel is worth, roughly: several for each of its values."""
    cdef isize n_values = e.stage.n_rows if e.stage.kind in (MOMENTS, SUMS) else e.net.n_parameters // e.net.n_panels
    return 8.0 * NN_W * n_values if e.stage.kind in (MOMENTS, SUMS) else 8.0 * n_values


cdef void train_item(void *argument, long item, int worker) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef isize begin = item * e.stage.per_item, end = min(begin + e.stage.per_item, e.stage.n)
    cdef real *scratch = e.crew.scratch + worker * e.crew.scratch_size
    if e.stage.kind in (FORWARD, TURN, BACKWARD):
        train_rows(e, begin, end, row_after(&e.stage, item, worker), worker, scratch)
        if e.stage.by_groups and e.stage.kind != FORWARD and not nn_raised(&e.crew.abandon):
            gradients_of_group(e, begin, end, gradient_scratch(&e.crew, scratch))
    elif e.stage.kind in (GRADIENTS, UPDATES):
        work_on_blocks(e, begin, end, worker, gradient_scratch(&e.crew, scratch))
    else:
        work_on_panels(e, begin, end, worker)


# ------------------------------------------------------------------------------------------------ the leader

cdef void run_stage(Engine *e, nn_work work, isize n, isize per_item, int n_workers) noexcept nogil:
    """Do `work` on n rows or blocks, so many per item."""
    e.stage.n, e.stage.per_item, e.stage.n_workers = n, per_item, n_workers
    nn_team_run(e.crew.team, (n + per_item - 1) // per_item, n_workers, work, e)


cdef inline isize n_batches(const Job *job) noexcept nogil:
    return (job.n + job.batch_size - 1) // job.batch_size


cdef void row_stage(Engine *e, int kind, int phase, int n_workers) noexcept nogil:
    e.stage.kind, e.stage.phase = kind, phase
    cdef isize per_item = NN_GROUP if e.stage.by_groups else rows_per_item(e.stage.n_rows, n_workers)
    run_stage(e, train_item, e.stage.n_rows, per_item, n_workers)


cdef void weight_stage(Engine *e, int kind, isize n, int n_workers) noexcept nogil:
    """Of n blocks or panels."""
    e.stage.kind = kind
    run_stage(e, train_item, n, blocks_per_item(n, n_workers), n_workers)


cdef void norm_stage(Engine *e, int kind, int phase, int n_workers) noexcept nogil:
    """Of the panels of the batchnorm with which a phase begins."""
    e.stage.phase = phase
    weight_stage(e, kind, nn_panel_count(norm_of_phase(&e.net, phase).n_out), n_workers)


cdef void pass_rows(Engine *e, int n_workers) noexcept nogil:
    """The segment's rows forward through the network and back."""
    cdef int phase
    if e.job.frozen:
        take_running_moments(&e.net, &e.weights)
    for phase in range(e.net.n_live_norms):
        row_stage(e, FORWARD, phase, n_workers)
        if not e.job.frozen:
            norm_stage(e, MOMENTS, phase + 1, n_workers)
    if e.job.own == NULL:
        row_stage(e, TURN, e.net.n_live_norms, n_workers)
    else:
        row_stage(e, FORWARD, e.net.n_live_norms, n_workers)
        ask_own(e)
        row_stage(e, BACKWARD, e.net.n_live_norms, n_workers)
    for phase in range(e.net.n_live_norms, 0, -1):
        norm_stage(e, SUMS, phase, n_workers)
        if not norm_of_phase(&e.net, phase).back and e.net.live_norms[phase - 1] <= e.net.first_learning:
            break  # nothing before it learns
        row_stage(e, BACKWARD, phase - 1, n_workers)


cdef void step_weights(Engine *e, int n_workers) noexcept nogil:
    """The gradients of all weights and, at the end of a batch, their updates."""
    cdef Stage *s = &e.stage
    weight_stage(e, GRADIENTS, e.net.n_blocks, n_workers)
    if s.updates and not s.fused:
        weight_stage(e, SQUARES, e.net.n_panels, n_workers)
        clip_norm(&e.optimizer, &e.net)
        weight_stage(e, UPDATES, e.net.n_blocks, n_workers)
    if s.updates and e.net.limits_columns:
        weight_stage(e, LIMITS, e.net.n_panels, n_workers)


cdef int train_segment(Engine *e, isize epoch, isize batch, isize done, isize n_rows, int n_workers) noexcept nogil:
    """Return whether to go on."""
    cdef Stage *s = &e.stage
    cdef isize start = batch * e.job.batch_size
    s.n_batch, s.start, s.done = min(e.job.batch_size, e.job.n - start), start + done - e.job.first, done
    s.n_rows, s.last = n_rows, done + n_rows == s.n_batch
    s.new = e.weights.spare if batch == 0 and e.job.purpose == UPDATE else e.weights.state
    s.updates = s.last and e.job.purpose == UPDATE
    s.fused = s.updates and e.optimizer.clip_norm == 0
    s.keeps_gradient = records_batch(e, epoch, batch)
    s.by_groups = may_go_by_groups(&e.net, nn_group_count(n_rows), n_workers)
    pass_rows(e, n_workers)
    if nn_raised(&e.crew.abandon):
        return 0
    if s.keeps_gradient and done == 0:
        begin_record(e)
    if s.updates:
        if e.job.learning_rates != NULL:
            e.optimizer.learning_rate = e.job.learning_rates[epoch * n_batches(&e.job) + batch]
        prepare_hyper(&e.optimizer)
    if s.keeps_gradient and s.updates:
        keep_weights(e)
    step_weights(e, n_workers)
    if nn_raised(&e.crew.abandon):
        return 0
    if s.keeps_gradient and s.updates:
        end_record(e)
    return end_segment(e, epoch, batch)


cdef int train_batch(Engine *e, isize epoch, isize batch, int n_workers) noexcept nogil:
    """Return whether to go on."""
    cdef isize n_batch = min(e.job.batch_size, e.job.n - batch * e.job.batch_size), done = 0, n_rows
    while done < n_batch:
        n_rows = n_batch - done
        if n_rows > e.arena.room:
            n_rows = e.arena.room // NN_GROUP * NN_GROUP
        if not train_segment(e, epoch, batch, done, n_rows, n_workers):
            return 0
        done += n_rows
    if batch == 0 and e.job.purpose == UPDATE:
        exchange_states(&e.weights)
        e.books.spare_is_start = 1
    return 1


cdef int tuned_batch(Engine *e, isize epoch, isize batch, int n_workers) noexcept nogil:
    """A batch with as many workers as has proved best. Return whether to go on."""
    cdef int wanted, count, goes_on
    cdef double started
    if not e.tuning.step_by_step or n_workers < e.tuning.team:  # the pool may have had fewer
        return train_batch(e, epoch, batch, n_workers)
    wanted = nn_tuner_count(e.tuning.tuner, e.tuning.n_most, e.tuning.guess)
    count = min(wanted, n_workers)  # a trial that the team is too small for waits for the next job
    nn_team_resize(e.crew.team, count)
    started = nn_now()
    goes_on = train_batch(e, epoch, batch, count)
    if goes_on and count == wanted:
        nn_tuner_report(e.tuning.tuner, <double>e.stage.n_batch, nn_now() - started)
    return goes_on


cdef void train_epochs(Engine *e, int n_workers) noexcept nogil:
    """All epochs of the job; the next one where each is scored."""
    cdef isize epoch, batch, first = e.outcome.epochs_done
    for epoch in range(first, first + 1 if e.scoring.asked else e.job.n_epochs):
        begin_epoch(e, epoch)
        if nn_raised(&e.crew.abandon):
            return
        for batch in range(n_batches(&e.job)):
            if begins_window(&e.job, batch) and not begin_window(e, epoch, batch):
                return
            if not tuned_batch(e, epoch, batch, n_workers):
                return
            if e.watch.batch_listener != NULL and not tell_batch(e, batch):
                return
        if not end_epoch(e, epoch):
            return


cdef void train_worker(void *argument, int worker, int n_workers) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef unsigned fp = nn_fp_begin(1)
    if worker == 0:
        train_epochs(e, n_workers)
        nn_team_dismiss(e.crew.team)
    else:
        nn_team_follow(e.crew.team, worker, n_workers, train_item, e)
    nn_fp_end(fp)
