# One job of a plan: point the engine at the caller's arrays, once their shapes are checked, and let the pool run it.


cdef int prepare_job(Engine *e, int purpose, const real[:, ::1] X, object target, object sample_weight,
                     real[:, ::1] predictions, isize batch_size) except -1:
    """Check the shapes, on which memory safety rests, and point the job at the caller's arrays."""
    cdef const int[::1] labels
    cdef const real[:, ::1] targets
    cdef const real[::1] weights
    cdef isize n = X.shape[0]
    memset(&e.job, 0, sizeof(Job))
    memset(&e.outcome, 0, sizeof(Outcome))
    e.training = purpose == UPDATE or purpose == STORE_GRADIENT
    e.outcome.last_finite_loss = NAN
    nn_lower(&e.abandon)
    nn_lower(&e.overflow)
    nn_lower(&e.not_finite)
    e.batch_loss = e.work_since_poll = 0
    e.watcher, e.undo = NULL, 0
    e.n_recorded = 0
    if n < 1 or X.shape[1] != e.n_features:
        raise ValueError(f"X has shape ({n}, {X.shape[1]}), expected at least one row of {e.n_features} features")
    e.job.purpose, e.job.X, e.job.n, e.job.batch_size = purpose, &X[0, 0], n, batch_size
    if target is not None and e.loss == NN_sparse_softmax_crossentropy:
        labels = target
        check_rows("target", labels.shape[0], n)
        copy_labels(e, labels)
        e.job.labels = e.labels
    elif target is not None:
        targets = target
        check_rows("target", targets.shape[0], n)
        check_outputs(e, "target", targets.shape[1])
        e.job.targets = &targets[0, 0]
    if sample_weight is not None:
        weights = sample_weight
        check_rows("sample_weight", weights.shape[0], n)
        e.job.sample_weight = &weights[0]
    if predictions is not None:
        check_rows("predictions", predictions.shape[0], n)
        check_outputs(e, "predictions", predictions.shape[1])
        e.job.predictions = &predictions[0, 0]
    return 0


cdef int check_rows(str name, isize n, isize expected) except -1:
    if n != expected:
        raise ValueError(f"{name} has {n} rows, X has {expected}")
    return 0


cdef int check_rates(isize n, isize expected) except -1:
    if n != expected:
        raise ValueError(f"learning_rates has length {n}, this training has {expected} steps")
    return 0


cdef int check_outputs(const Engine *e, str name, isize n) except -1:
    if n != e.n_outputs:
        raise ValueError(f"{name} has {n} columns, the network has {e.n_outputs} outputs")
    return 0


cdef int run_job(Engine *e, nn_task task, isize rows_per_step, isize grain) except -1:
    """Choose the threads, make room, run, and raise what a signal handler or the watcher raised.

    A worker gets at least `grain` rows of a step.
    """
    cdef int training = task == train_worker
    cdef int n_workers = worker_count(e, 6.0 if training else 2.0, rows_per_step, grain)
    ensure_scratch(e, n_workers)
    ensure_room(e, room_for(e, training, rows_per_step, n_workers), training)
    if training and (e.job.purpose == STORE_GRADIENT or e.job.batch_size > e.room or e.n_norm_rows > 0
                     or e.n_layer_norms > 0 or e.clip_norm > 0):
        ensure_vector(&e.gradient, e.n_weights)
    if training and e.clip_norm > 0 and e.squares == NULL:
        e.squares = <double *>nn_allocate(e.n_squares * 2)
        allocated(e.squares, e.n_squares * 2)
    with nogil:
        e.started = nn_now()
        e.poll_at = e.started + POLL_SECONDS
        nn_team_gather(e.team)
        e.threads_used = run_on_pool(task, e, n_workers)
    if e.exception != NULL:
        error = <object>e.exception
        Py_XDECREF(e.exception)
        e.exception = NULL
        raise error
    return 0
