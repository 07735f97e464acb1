# One call: point the engine at the caller's arrays, once their shapes are checked, and let the pool run the job.

cdef isize MAX_SHUFFLED = <isize>1 << 32   # rows: see rng.h

cdef enum:
    TUNED_STEPS = 16      # of a job: with fewer, it has as many workers from its beginning to its end


cdef void begin_job(Engine *e, int purpose) noexcept:
    """Forget the job before."""
    memset(&e.job, 0, sizeof(Job))
    memset(&e.outcome, 0, sizeof(Outcome))
    memset(&e.scoring, 0, sizeof(Scoring))
    e.job.purpose, e.outcome.last_finite_loss, e.tuning.step_by_step = purpose, NAN, 0
    e.arena.training = purpose != EVALUATE and purpose != PREDICT
    nn_lower(&e.crew.abandon)
    nn_lower(&e.crew.overflow)
    nn_lower(&e.crew.not_finite)
    e.books.batch_loss = e.watch.work_since_poll = 0
    e.books.iterations_before, e.books.spare_is_start = e.optimizer.iterations, 0
    e.watch.watcher = e.watch.batch_listener = NULL
    e.watch.undo, e.records.n_done = 0, 0
    if purpose == UPDATE or purpose == STORE_GRADIENT or purpose == EVALUATE:
        e.job.own = e.own_loss
        e.job.whole = e.own_loss != NULL


cdef int kind_of_numbers(numpy.ndarray X, isize n_cols) noexcept:
    """What the numbers of so many columns are, if rows of X can be read as they lie; else -1."""
    cdef int found = numpy.PyArray_TYPE(X)
    if numpy.PyArray_NDIM(X) != 2 or numpy.PyArray_DIM(X, 1) != n_cols or not numpy.PyArray_ISCARRAY_RO(X):
        return -1
    if found == real_type():
        return NN_REAL
    if found == numpy.NPY_UINT8:
        return NN_U8
    if found == numpy.NPY_INT8:
        return NN_I8
    if found == numpy.NPY_INT16:
        return NN_I16
    return NN_F16 if found == numpy.NPY_FLOAT16 else -1


cdef int point_at(Engine *e, numpy.ndarray X, int kind) noexcept:
    """Let the job read the rows of X, which have been looked at."""
    e.job.X, e.job.kind = <const char *>numpy.PyArray_DATA(X), kind
    e.job.row_bytes = e.net.n_features * nn_kind_size(kind)
    return 0


cdef int check_readable(numpy.ndarray X, isize n_features) except -1:
    """Return what its numbers are."""
    cdef int kind = kind_of_numbers(X, n_features)
    if kind < 0:
        raise ValueError(f"X has shape {(<object>X).shape} and dtype {X.dtype}, expected at least one row of "
                         f"{n_features} features, aligned and in C order, of {DTYPE}, uint8, int8, int16 or float16")
    return kind


cdef int take_rows(Engine *e, numpy.ndarray X) except -1:
    """Let the job read the rows of X as they lie, be they of narrower numbers than `DTYPE`."""
    return point_at(e, X, check_readable(X, e.net.n_features))


cdef int prepare_job(Engine *e, int purpose, numpy.ndarray X, object target, object sample_weight,
                     real[:, ::1] predictions, isize batch_size) except -1:
    """Check the shapes, on which memory safety rests, and point the job at the caller's arrays; X None is fed later."""
    cdef const real[::1] weights
    cdef isize n = len(target if X is None else X)
    begin_job(e, purpose)
    if X is not None:
        take_rows(e, X)
    if n < 1:
        raise ValueError(f"X has shape (0, {e.net.n_features}), expected at least one row of them")
    e.job.n, e.job.batch_size = n, batch_size
    if target is not None:
        take_target(e, target)
    if sample_weight is not None:
        weights = sample_weight
        check_rows("sample_weight", weights.shape[0], n)
        e.job.sample_weight = &weights[0]
    if predictions is not None:
        check_rows("predictions", predictions.shape[0], n)
        check_outputs(&e.net, "predictions", predictions.shape[1])
        e.job.predictions = &predictions[0, 0]
    return 0


cdef int take_target(Engine *e, object target) except -1:
    cdef const int[::1] labels
    cdef const real[:, ::1] targets
    if reads_labels(&e.net):
        labels = target
        check_rows("target", labels.shape[0], e.job.n)
        copy_labels(&e.copies, labels, e.net.n_outputs)
        e.job.labels = e.copies.labels
    else:
        targets = target
        check_rows("target", targets.shape[0], e.job.n)
        if e.net.heads.loss != OWN_LOSS:
            check_targets(&e.net, targets.shape[1])
        e.job.targets, e.job.n_targets = &targets[0, 0], targets.shape[1]
    return 0


cdef int check_length(const Network *net, str name, isize n) except -1:
    if n != net.n_parameters:
        raise ValueError(f"{name} has length {n}, the program has {net.n_parameters} parameters")
    return 0


cdef int check_statistics(isize n_statistics, str name, isize n) except -1:
    if n != n_statistics:
        raise ValueError(f"{name} has length {n}, the program has {n_statistics} statistics")
    return 0


cdef int check_training(const Engine *e, isize epochs, isize batch_size) except -1:
    if epochs < 1 or batch_size < 1:
        raise ValueError(f"epochs and batch_size must be at least 1, got {epochs} and {batch_size}")
    if e.weights.spare == NULL:
        raise RuntimeError("set_optimizer comes before train")
    return 0


cdef int check_rows(str name, isize n, isize expected) except -1:
    if n != expected:
        raise ValueError(f"{name} has {n} rows, X has {expected}")
    return 0


cdef int check_rates(isize n, isize expected) except -1:
    if n != expected:
        raise ValueError(f"learning_rates has length {n}, this training has {expected} steps")
    return 0


cdef int check_outputs(const Network *net, str name, isize n) except -1:
    if n != net.n_outputs:
        raise ValueError(f"{name} has {n} columns, the network has {net.n_outputs} outputs")
    return 0


cdef int check_targets(const Network *net, isize n) except -1:
    if n != net.n_targets:
        raise ValueError(f"target has {n} columns, the network's loss reads {net.n_targets}")
    return 0


cdef int make_room(Engine *e, int training, isize rows_per_step, int n_workers) except -1:
    """Make the memory that the job works in, and bring it up to date."""
    cdef isize room = room_for(&e.net, training, e.job.whole, rows_per_step, n_workers)
    ensure_scratch(&e.crew, n_workers)
    ensure_room(&e.arena, &e.net, room, e.arena.training)
    if (e.arena.training or NN_BFLOAT16) and e.weights.transposes_due:
        transpose_all(&e.net, &e.weights)
    if not training:
        return 0
    if e.net.n_norm_rows > e.net.n_live_norms:
        take_running_moments(&e.net, &e.weights)  # of the frozen ones; the others work out the batch's
    if e.job.own != NULL:
        ensure_asked(e)
    if (e.job.purpose == STORE_GRADIENT or e.job.batch_size > e.arena.room or e.net.n_norm_rows > 0
            or e.net.n_vectors > 0 or e.optimizer.clip_norm > 0):
        ensure_vector(&e.weights.gradient, e.net.n_weights)
    if e.optimizer.clip_norm > 0 and e.optimizer.squares == NULL:
        e.optimizer.squares = <double *>nn_allocate(e.net.n_squares * 2)
        allocated(e.optimizer.squares, e.net.n_squares * 2)
    return make_room_for_sums(e, n_workers)


cdef int make_room_for_sums(Engine *e, int n_workers) except -1:
    """Over the rows of a batch; of one group, as most are, they need none.

    The last batch may be one segment where the others are several, and the pool may have fewer workers than asked for.
    """
    cdef isize n_groups = nn_group_count(min(e.job.batch_size, e.arena.room))
    cdef isize n_levels = nn_level_count(nn_group_count(e.job.batch_size)), size = block_size() * n_workers
    if e.job.batch_size > e.arena.room:
        size = max(size, e.net.n_weights)
    ensure_length(&e.weights.levels, &e.weights.n_levels, n_levels * size)
    if n_workers > 1 and may_go_by_groups(&e.net, n_groups, 2):
        ensure_length(&e.weights.leaves, &e.weights.n_leaves, n_groups * e.net.n_weights)
    return 0


cdef int choose_workers(Engine *e, Tuning *t, int trains, double flops_per_weight, isize rows_per_step,
                        isize grain) except -1:
    """Fill in t: the workers of the job, of one of many steps those that the leader may choose from.

    A worker gets at least `grain` rows of a step.
    """
    cdef isize n = 2 * TUNERS * <isize>sizeof(nn_tuner) // <isize>sizeof(real), size = rows_per_step >> 4, k = 0
    t.guess = worker_count(&e.net, flops_per_weight, rows_per_step, grain, FLOPS_PER_THREAD)
    t.n_most = worker_count(&e.net, flops_per_weight, rows_per_step, grain, FLOPS_WORTH_A_TRY)
    t.step_by_step, t.team = 0, t.guess
    if t.n_most == 1 or not tunes_threads():
        t.n_most = 1
        return 0
    if e.crew.tuners == NULL:
        e.crew.tuners = <nn_tuner *>nn_allocate(n)
        allocated(e.crew.tuners, n)
    while size >> k and k < TUNERS - 1:
        k += 1
    t.tuner = e.crew.tuners + trains * TUNERS + k
    t.step_by_step = trains and e.job.n_epochs * n_batches(&e.job) >= TUNED_STEPS
    if t.step_by_step:
        t.team = nn_tuner_team(t.tuner, t.n_most, t.guess, <double>e.job.n * e.job.n_epochs)
    else:
        t.team = nn_tuner_count(t.tuner, t.n_most, t.guess)
    return 0


cdef void start_clock(Engine *e) noexcept nogil:
    e.books.started = nn_now()
    e.watch.poll_at = e.books.started + POLL_SECONDS


cdef int run_workers(Engine *e, nn_task task, Tuning *t, isize n_rows) noexcept nogil:
    """Return how many there were. What is not tuned step by step is one step, waking the workers included.

    Of a training, the rows that count are those of the epochs that have been done.
    """
    cdef double started = nn_now()
    cdef isize before = e.outcome.epochs_done
    cdef int n_workers
    e.crew.forks = fork_count()  # between two runs of a call, Python may have forked
    nn_team_gather(e.crew.team)
    n_workers = run_on_pool(task, e, t.team)
    if e.arena.training and e.job.purpose == UPDATE:
        n_rows = e.job.n * (e.outcome.epochs_done - before)
    if (n_rows > 0 and t.n_most > 1 and not t.step_by_step and n_workers == t.team and not nn_raised(&e.crew.abandon)
            and nn_tuner_count(t.tuner, t.n_most, t.guess) == t.team):
        nn_tuner_report(t.tuner, <double>n_rows, nn_now() - started)
    return n_workers


cdef int run_job(Engine *e, nn_task task, double flops_per_weight, isize rows_per_step, isize grain) except -1:
    """Choose the threads, make room, run, and raise what a signal handler or the watcher raised."""
    cdef isize n_rows = e.job.n * max(e.job.n_epochs, <isize>1)
    choose_workers(e, &e.tuning, task == train_worker, flops_per_weight, rows_per_step, grain)
    make_room(e, task == train_worker, rows_per_step, e.tuning.team)
    with nogil:
        start_clock(e)
        e.crew.threads_used = run_workers(e, task, &e.tuning, n_rows)
    return raise_what_ended_it(e)


cdef int raise_what_ended_it(Engine *e) except -1:
    if e.watch.exception != NULL:
        error = <object>e.watch.exception
        Py_XDECREF(e.watch.exception)
        e.watch.exception = NULL
        raise error
    return 0


cdef int run_prediction(Engine *e) except -1:
    """As `run_job`; little work is done sooner than the GIL is given away and got back."""
    cdef unsigned fp
    if e.job.n * e.net.n_weights > HELD_WORK:
        return run_job(e, predict_worker, FORWARD_FLOPS, e.job.n, TILE_ROWS)
    make_room(e, 0, e.job.n, 1)
    e.watch.poll_at, e.crew.threads_used = INFINITY, 1
    fp = nn_fp_begin(1)
    take_running_moments(&e.net, &e.weights)
    predict_rows(e, 0, e.job.n, 0, e.crew.scratch)
    nn_fp_end(fp)
    return 0


cdef double store_gradient(Engine *e, numpy.ndarray X, target, sample_weight, real[::1] gradient_out,
                           uint64_t seed, int whole) except? -1:
    """Return the mean loss over all rows in training, and store its gradient, in the program's order."""
    cdef double loss = 0, seconds
    check_length(&e.net, "gradient_out", gradient_out.shape[0])
    prepare_job(e, STORE_GRADIENT, X, target, sample_weight, None, len(X))
    e.job.n_epochs, e.job.losses, e.job.seconds = 1, &loss, &seconds
    e.job.seed = seed
    e.job.whole |= whole
    run_job(e, train_worker, TRAINING_FLOPS, e.job.n, NN_MR)
    load_parameters(&e.net, &gradient_out[0], e.weights.gradient)
    return e.books.epoch_loss / e.job.n if e.outcome.diverged else loss  # then no epoch came to its end


cdef int take_heads(Engine *e, double[:, ::1] head_losses) except -1:
    """Where an evaluation writes the losses of all rows of each of several heads."""
    if head_losses.shape[0] != e.net.n_heads or head_losses.shape[1] != e.job.n or e.net.n_heads == 1:
        shape = head_losses.shape[0], head_losses.shape[1]
        raise ValueError(f"head_losses has shape {shape}, there are {e.net.n_heads} head(s) and {e.job.n} rows")
    e.job.of_heads = &head_losses[0, 0]
    return 0


cdef double mean_loss(const double *losses, isize n) noexcept nogil:
    """Of all rows of an evaluation, one after the other, whoever has computed them."""
    cdef unsigned fp = nn_fp_begin(1)
    cdef double mean = nn_mean(losses, n)
    nn_fp_end(fp)
    return mean


cdef int predict_flat(Engine *e, const real *flat) except -1:
    """Predict a single row by flat parameters; only those of norms, and what has to be rounded, are stored first."""
    cdef unsigned fp
    ensure_scratch(&e.crew, 1)
    if NN_BFLOAT16:
        if store_parameters(&e.net, e.weights.state, flat, 0) or e.weights.transposes_due:
            transpose_all(&e.net, &e.weights)
    else:
        store_parameters(&e.net, e.weights.state, flat, 1)
    fp = nn_fp_begin(1)
    take_running_moments(&e.net, &e.weights)
    check_inputs(e, <const real *>e.job.X, 1)
    predict_row_by(&e.net, &e.weights, flat, <const real *>e.job.X, e.job.predictions, e.crew.scratch)
    nn_fp_end(fp)
    return 0


cdef object copy_block(const Engine *e, const real *blocks, int row):
    """What a row of the program has in `values` or `deltas`, for the rows of the job."""
    cdef const Row *r = e.net.rows + row
    cdef isize i
    copy = np.empty((e.job.n, r.n_out), DTYPE)
    cdef real[:, ::1] rows = copy
    for i in range(e.job.n):
        nn_load_row(&rows[i, 0], blocks + r.y * e.arena.room, e.arena.room, r.n_out, i)
    return copy
