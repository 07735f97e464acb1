# Training in lanes: batches, epochs, and who boards and leaves between them. The arithmetic of rows is in lanes.pxi,
# the books are those of train.pxi.

# --------------------------------------------------------------------------------------------------------- boarding

cdef inline isize lane_slots(const Lanes *g) noexcept nogil:
    return g.all[0].weights.n_slots


cdef void into_lane(Lanes *g, Engine *e, real *state) noexcept nogil:
    """The state of a network into its lane of `state`."""
    cdef isize s, n = g.net.n_parameters
    for s in range(1 + lane_slots(g)):
        load_parameters(&e.net, g.flat, e.weights.state + s * e.net.n_weights)
        nn_lanes_put(state + s * n * NN_V, e.lane, g.flat, n)


cdef void out_of_lane(Lanes *g, Engine *e, const real *state) noexcept nogil:
    """The other way."""
    cdef isize s, n = g.net.n_parameters
    for s in range(1 + lane_slots(g)):
        nn_lanes_take(g.flat, state + s * n * NN_V, e.lane, n)
        store_parameters(&e.net, e.weights.state + s * e.net.n_weights, g.flat, 0)
    e.weights.transposes_due = 1


cdef void board_lane(Lanes *g, int lane) noexcept nogil:
    """Let the next one that waits take an empty lane."""
    cdef Engine *e = g.all[g.n_boarded]
    g.n_boarded += 1
    g.engines[lane] = g.readers[lane] = e
    e.lanes, e.lane = g, lane
    into_lane(g, e, g.state)
    e.crew.forks, e.crew.threads_used = g.forks, 1
    start_clock(e)


cdef void leave_lane(Engine *e, int finished) noexcept nogil:
    """Take the network out of its lane: as it is at the end of an epoch, or as it was at the start of this one."""
    cdef Lanes *g = e.lanes
    cdef isize s, n = g.net.n_parameters
    out_of_lane(g, e, g.spare if g.spare_is_start and not finished else g.state)
    memset(g.flat, 0, n * sizeof(real))
    for s in range(1 + lane_slots(g)):
        nn_lanes_put(g.state + s * n * NN_V, e.lane, g.flat, n)  # what is left behind shall make no step slow
    g.engines[e.lane], e.lanes = NULL, NULL


cdef Engine *some_engine(const Lanes *g) noexcept nogil:
    """The one in the first lane that has one; NULL if all are empty."""
    cdef int lane
    for lane in range(NN_V):
        if g.engines[lane] != NULL:
            return g.engines[lane]
    return NULL


# ---------------------------------------------------------------------------------------------------------- batches

cdef inline isize rows_of_tile(isize n) noexcept nogil:
    """Tiles as equal as can be: a gradient's chains stop and go on between them."""
    cdef isize n_tiles = (n + LANE_ROWS - 1) // LANE_ROWS
    return ((n + n_tiles - 1) // n_tiles + 3) // 4 * 4


cdef int pass_lanes(Lanes *g, isize start, isize n_batch) noexcept nogil:
    """A batch forward and back, with the gradients of all weights. Return whether somebody goes on."""
    cdef isize row = 0, tile = rows_of_tile(n_batch), n, group, n_values = g.net.n_parameters * NN_V
    cdef int lane, predicts = 0
    cdef nn_tree tree
    cdef Engine *leader = some_engine(g)
    tree.before, tree.last, tree.levels, tree.step = 0, 1, g.levels, n_values
    for lane in range(NN_V):
        predicts |= predicts_in_lane(g, lane)
    begin_lanes_batch(g, n_batch)
    while row < n_batch and g.exception == NULL:
        group = row // NN_GROUP
        n = min(tile, min(n_batch, (group + 1) * NN_GROUP) - row)
        gather_lanes(g, start + row, n, <double>n_batch)
        forward_lanes(g, row, n)
        if predicts:
            emit_lanes(g, n)
        lose_lanes(g, n)
        backward_lanes(g, n, row % NN_GROUP > 0)
        row += n
        if n_batch > NN_GROUP and (row == n_batch or row % NN_GROUP == 0):
            nn_tree_add(&tree, group, row == n_batch, g.levels, g.gradient, n_values)
        poll(leader, 6.0 * n * n_values)
    drop_lanes_abandoned(g)
    return some_engine(g) != NULL


cdef void prepare_lanes(const Lanes *g, nn_update *update, isize batch) noexcept nogil:
    """The constants of each network's update."""
    cdef nn_hyper hyper[16]
    cdef int lane
    cdef Engine *e
    for lane in range(NN_V):
        e = g.engines[lane]
        if e != NULL and not g.apart[lane]:
            if e.job.learning_rates != NULL:
                e.optimizer.learning_rate = e.job.learning_rates[e.outcome.epochs_done * n_batches(&e.job) + batch]
            prepare_hyper(&e.optimizer)
        hyper[lane] = g.readers[lane].optimizer.hyper
    nn_update_begin_lanes(update, g.readers[0].optimizer.rule, hyper, g.net.n_parameters * NN_V)


cdef int lanes_shape(const Lanes *g) noexcept nogil:
    """Whether something is done to gradients and weights of one of them besides the rule."""
    cdef int lane, shapes = 0
    for lane in range(NN_V):
        shapes |= g.readers[lane].optimizer.shapes
    return shapes


cdef void shape_lanes(const Lanes *g, nn_update *update, int row) noexcept nogil:
    """Tell the update which weight it has come to."""
    cdef nn_shape shapes[16]
    cdef int lane
    for lane in range(NN_V):
        shapes[lane] = shape_for(&g.readers[lane].optimizer, g.readers[lane].net.rows + row)
    nn_update_lane_shapes(update, shapes)


cdef void update_lanes(const Lanes *g, nn_update *update, real *new) noexcept nogil:
    cdef isize at, n
    cdef int i, shapes = lanes_shape(g)
    cdef const Row *r
    for i in range(g.net.n_rows):
        r = g.net.rows + i
        if r.op == DENSE:
            if shapes:
                shape_lanes(g, update, i)
            at, n = r.flat * NN_V, r.n_in * r.n_out * NN_V
            update_lanes_run(g, update, 1, new, at, n)
            if r.n_weight_rows > r.n_in:
                update_lanes_run(g, update, 0, new, at + n, r.n_out * NN_V)


cdef void update_lanes_run(const Lanes *g, nn_update *update, int weight, real *new, isize at, isize n) noexcept nogil:
    nn_shape_gradient(update, weight, g.gradient + at, g.state + at, n)
    nn_update_run(update, weight, new + at, g.state + at, g.gradient + at, n)


cdef void train_apart(Lanes *g, isize batch) noexcept nogil:
    """Let those whose layers are recorded in this batch do it with their own engines."""
    cdef int lane
    cdef Engine *e
    for lane in range(NN_V):
        e = g.engines[lane]
        g.apart[lane] = e != NULL and records_batch(e, e.outcome.epochs_done, batch)
        if g.apart[lane]:
            out_of_lane(g, e, g.state)
            transpose_all(&e.net, &e.weights)
            train_batch(e, e.outcome.epochs_done, batch, 1)
            e.books.spare_is_start = 0  # that one is in the lanes


cdef void end_lanes(Lanes *g, const nn_update *update, real *new, isize batch, isize n_batch) noexcept nogil:
    """Look at the losses, as `end_segment` does; who diverges leaves."""
    cdef int finite[16]
    cdef isize limited[16]
    cdef int lane
    cdef Engine *e
    nn_update_lanes(update, finite, limited)
    for lane in range(NN_V):
        e = g.engines[lane]
        if e == NULL:
            continue
        if g.apart[lane]:
            into_lane(g, e, new)
        else:
            end_lane(e, batch, n_batch, g.batch_loss[lane], finite[lane], limited[lane])
        if e.outcome.diverged:
            go_back(e)


cdef void end_lane(Engine *e, isize batch, isize n_batch, double loss, int finite, isize limited) noexcept nogil:
    if limited > 0:
        nn_tally_add(&e.optimizer.n_clipped_values, limited)
    e.books.epoch_loss += loss
    if isfinite(loss):
        e.outcome.last_finite_loss = loss / n_batch
    if not isfinite(loss) or not finite:
        diverge(&e.outcome, e.outcome.epochs_done, batch)


cdef int train_lanes_batch(Lanes *g, isize batch) noexcept nogil:
    """Return whether somebody goes on."""
    cdef const Job *job = &g.all[0].job
    cdef isize start = batch * job.batch_size, n_batch = min(job.batch_size, job.n - start)
    cdef nn_update update
    cdef real *new = g.spare if batch == 0 else g.state
    train_apart(g, batch)
    if not pass_lanes(g, start, n_batch):
        return 0
    prepare_lanes(g, &update, batch)
    update_lanes(g, &update, new)
    end_lanes(g, &update, new, batch, n_batch)
    if batch == 0:
        g.state, g.spare, g.spare_is_start = g.spare, g.state, 1
    return some_engine(g) != NULL


# ----------------------------------------------------------------------------------------------------------- epochs

cdef void drop_lanes_abandoned(Lanes *g) noexcept nogil:
    """Let those leave whose watcher or listener has ended their job, or all after a signal."""
    cdef int lane
    for lane in range(NN_V):
        if g.engines[lane] != NULL and nn_raised(&g.engines[lane].crew.abandon):
            go_back(g.engines[lane])


cdef int begin_lanes_epoch(Lanes *g) noexcept nogil:
    """Fill the empty lanes and draw the orders; return whether somebody is left."""
    cdef int lane
    g.spare_is_start = 0
    for lane in range(NN_V):
        if g.engines[lane] == NULL and g.n_boarded < g.n_all:
            board_lane(g, lane)
    for lane in range(NN_V):
        if g.readers[lane] == NULL:
            g.readers[lane] = g.engines[0]  # there never were so many
        if g.engines[lane] != NULL:
            begin_epoch(g.engines[lane], g.engines[lane].outcome.epochs_done)
    drop_lanes_abandoned(g)
    return some_engine(g) != NULL


cdef int end_lane_epoch(Lanes *g, Engine *e) noexcept nogil:
    """Return whether the network goes on. What is scored, its own engine does, as after an epoch alone."""
    cdef isize epoch = e.outcome.epochs_done
    cdef int goes_on = end_epoch(e, epoch)
    if e.scoring.asked:
        nn_lanes_take(g.flat, g.state, e.lane, g.net.n_parameters)
        store_parameters(&e.net, e.weights.state, g.flat, 0)
        goes_on = score_epoch(e, epoch) and not call_listener(e, epoch) and has_time(e, nn_now())
    return goes_on and e.outcome.epochs_done < e.job.n_epochs


cdef void end_lanes_epoch(Lanes *g) noexcept nogil:
    """Who has done the last epoch leaves. What ends the scoring of one undoes no epoch."""
    cdef int lane
    cdef Engine *e
    g.spare_is_start = 0
    for lane in range(NN_V):
        e = g.engines[lane]
        if e != NULL and not end_lane_epoch(g, e):
            leave_lane(e, 1)


cdef void train_lanes(Lanes *g) noexcept nogil:
    """All epochs of all of them."""
    cdef unsigned fp = nn_fp_begin(1)
    cdef isize batch
    while g.n_boarded < g.n_all or some_engine(g) != NULL:
        if not begin_lanes_epoch(g):
            continue
        for batch in range(n_batches(&g.all[0].job)):
            if not train_lanes_batch(g, batch):
                break
        else:
            end_lanes_epoch(g)
    nn_fp_end(fp)


cdef void run_lanes_handlers(Lanes *g) noexcept:
    """As `run_handlers`, for all that are in lanes: a signal ends all of them, a watcher the job that it watches."""
    cdef int lane
    cdef Engine *e
    try:
        if threading.get_ident() == threading.main_thread().ident:
            PyErr_CheckSignals()
    except BaseException as error:
        give_up_lanes(g, error)
    if fork_count() != g.forks:
        for lane in range(NN_V):
            if g.engines[lane] != NULL:
                nn_team_desert(g.engines[lane].crew.team)
        give_up_lanes(g, RuntimeError(FORKED))
    for lane in range(NN_V):
        e = g.engines[lane]
        if e != NULL and e.watch.watcher != NULL and e.job.purpose == UPDATE and not nn_raised(&e.crew.abandon):
            try:
                call_watcher(e)
            except BaseException as error:
                give_up(e, error)


cdef void give_up_lanes(Lanes *g, object error) noexcept:
    """Abandon all jobs, and let nobody board any more."""
    cdef int lane
    if g.exception == NULL:
        Py_INCREF(error)
        g.exception = <PyObject *>error
    g.n_boarded = g.n_all
    for lane in range(NN_V):
        if g.engines[lane] != NULL:
            g.engines[lane].watch.undo = 1
            nn_raise(&g.engines[lane].crew.abandon)


# ----------------------------------------------------------------------------------------------------------- memory

cdef int make_lanes(Lanes *g) except -1:
    """Memory for networks of the shape of the first."""
    cdef const Network *net = g.net
    cdef isize n_levels = nn_level_count(nn_group_count(g.all[0].job.batch_size)), n = net.n_parameters * NN_V
    ensure_room(&g.arena, net, LANE_ROWS * NN_V, 1)
    ensure_vector(&g.state, (1 + lane_slots(g)) * n)
    ensure_vector(&g.spare, (1 + lane_slots(g)) * n)
    ensure_vector(&g.gradient, n)
    ensure_vector(&g.levels, n_levels * n)
    ensure_vector(&g.flat, net.n_parameters)
    ensure_vector(&g.scratch, NN_V * (net.widest + NN_DRAWN))
    ensure_vector(&g.scales, LANE_ROWS * NN_V)
    ensure_vector(&g.labels, LANE_ROWS * NN_V)
    g.sources = <isize *>nn_allocate(LANE_ROWS * NN_V * 2)
    g.weights = <double *>nn_allocate(LANE_ROWS * NN_V * 2)
    allocated(g.sources, LANE_ROWS * NN_V * 2)
    return allocated(g.weights, LANE_ROWS * NN_V * 2)


cdef void free_lanes(Lanes *g) noexcept nogil:
    free_arena(&g.arena)
    free(g.state)
    free(g.spare)
    free(g.gradient)
    free(g.levels)
    free(g.flat)
    free(g.scratch)
    free(g.sources)
    free(g.weights)
    free(g.scales)
    free(g.labels)
    free(g.all)
