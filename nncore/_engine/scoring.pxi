# What follows each epoch of a job of training, where somebody asks for it: the loss of other rows, how many predictions
# are right, and a call of Python that gets these numbers. Each epoch is then a run of its own of the pool, and so is
# each evaluation, which takes as many workers as `Plan.evaluate` would.

cdef object prepare_scoring(Engine *e, Scoring *s, validation, const double[::1] thresholds, listener):
    """Check what is asked for, before the job itself is prepared; return what the job has to keep."""
    memset(s, 0, sizeof(Scoring))
    row_losses = None
    if thresholds is not None and thresholds.shape[0] > 0:
        s.thresholds, s.n_counts = &thresholds[0], thresholds.shape[0]
    s.n_scores = s.n_counts
    if validation is not None:
        s.n_scores += 1 + s.n_counts
        X, target, sample_weight, predictions = validation
        row_losses = prepare_validation(e, s, X, target, sample_weight, predictions)
    s.listener = NULL if listener is None else <PyObject *>listener
    s.asked = s.n_scores > 0 or listener is not None
    return row_losses


cdef object prepare_validation(Engine *e, Scoring *s, numpy.ndarray X, target, sample_weight,
                               real[:, ::1] predictions):
    """Prepare a job that evaluates, as `Plan.evaluate` does; return room for the losses of its rows."""
    row_losses = np.empty(max(len(X), 1))
    cdef double[::1] losses = row_losses
    if e.net.heads.loss == OWN_LOSS and predictions is None:
        predictions = np.empty((len(X), e.net.n_outputs), DTYPE)
    exchange_copies(e)
    try:
        prepare_job(e, EVALUATE, X, target, sample_weight, predictions, 0)
    finally:
        exchange_copies(e)
    s.validation = e.job
    s.row_losses = &losses[0]
    s.validation.losses = NULL if e.net.heads.loss == OWN_LOSS else s.row_losses
    check_counted(e, s, &s.validation)
    return row_losses, predictions


cdef void exchange_copies(Engine *e) noexcept:
    """The labels of both jobs are needed at once."""
    e.copies, e.validation_copies = e.validation_copies, e.copies


cdef int check_counted(const Engine *e, const Scoring *s, const Job *job) except -1:
    """The memory of what `share_right` reads."""
    cdef isize i
    if s.n_counts > 0 and job.predictions == NULL:
        raise ValueError("thresholds need predictions, of the validation rows, too")
    if s.n_counts > 0 and job.targets != NULL:
        check_outputs(&e.net, "target", job.n_targets)
    for i in range(s.n_counts):
        if s.thresholds[i] == s.thresholds[i] and job.targets == NULL:
            raise ValueError(f"class indices have no outputs to compare with a threshold of {s.thresholds[i]:g}")
    return 0


cdef int take_scoring(Engine *e, const Scoring *s) except -1:
    """Let the job that has been prepared be followed by it."""
    check_counted(e, s, &e.job)
    e.scoring = s[0]
    return 0


cdef int run_training(Engine *e) except -1:
    """As run_job; where epochs are scored, train and score in turn."""
    if not e.scoring.asked:
        return run_job(e, train_worker, TRAINING_FLOPS, e.job.batch_size, NN_MR)
    choose_workers(e, &e.tuning, 1, TRAINING_FLOPS, e.job.batch_size, NN_MR)
    if e.scoring.validation.X != NULL:
        exchange_jobs(e)
        choose_workers(e, &e.scoring.tuning, 0, FORWARD_FLOPS, e.job.n, TILE_ROWS)
        make_room(e, 0, e.job.n, e.scoring.tuning.team)
        exchange_jobs(e)
    make_room(e, 1, e.job.batch_size, e.tuning.team)
    with nogil:
        start_clock(e)
        train_and_score(e)
    return raise_what_ended_it(e)


cdef void exchange_jobs(Engine *e) noexcept nogil:
    """From training to evaluating, and back."""
    e.job, e.scoring.validation = e.scoring.validation, e.job
    e.arena.training = e.job.purpose == UPDATE


cdef inline const Job *training_job(const Engine *e) noexcept nogil:
    """The job, or, while an epoch is being scored, the one that trains and has changed places with it."""
    return &e.scoring.validation if e.scoring.asked and e.scoring.validation.purpose == UPDATE else &e.job


cdef inline int is_training(const Engine *e) noexcept nogil:
    """Whether the job is one of training, be it that an epoch is being scored."""
    return training_job(e).purpose == UPDATE


cdef void train_and_score(Engine *e) noexcept nogil:
    """What ends the scoring of an epoch does not undo it: there is nothing to go back to then."""
    cdef isize epoch
    for epoch in range(e.job.n_epochs):
        e.crew.threads_used = run_workers(e, train_worker, &e.tuning, e.job.n)
        if e.outcome.epochs_done == epoch:
            return  # it diverged, or was given up
        if not score_epoch(e, epoch) or call_listener(e, epoch) or not has_time(e, nn_now()):
            return


cdef int score_epoch(Engine *e, isize epoch) noexcept nogil:
    """Return whether it came to its end."""
    cdef Scoring *s = &e.scoring
    cdef double *scores = s.scores + epoch * s.n_scores
    count_right(e, scores)
    if s.validation.X != NULL:
        exchange_jobs(e)
        run_workers(e, predict_worker, &e.scoring.tuning, e.job.n)
        if e.job.own != NULL and not nn_raised(&e.crew.abandon):
            score_own_amid(e, s.row_losses)
        scores[s.n_counts] = mean_loss(s.row_losses, e.job.n)
        count_right(e, scores + s.n_counts + 1)
        exchange_jobs(e)
    if nn_raised(&e.crew.abandon):
        return 0
    e.outcome.epochs_scored = epoch + 1
    return 1


cdef void count_right(const Engine *e, double *shares) noexcept nogil:
    cdef isize i
    for i in range(e.scoring.n_counts):
        shares[i] = share_right(&e.job, e.net.n_outputs, e.scoring.thresholds[i])


cdef double share_right(const Job *job, isize n_outputs, double threshold) noexcept nogil:
    """Of its predictions: see `Plan.train`."""
    cdef isize row, right = 0
    cdef int of_rows = threshold != threshold
    for row in range(job.n):
        right += is_right(job, row, n_outputs) if of_rows else right_outputs(job, row, n_outputs, threshold)
    return right / <double>(job.n * (1 if of_rows else n_outputs))


cdef inline int is_right(const Job *job, isize row, isize n_outputs) noexcept nogil:
    cdef isize found = largest(job.predictions + row * n_outputs, n_outputs)
    return found == (largest(job.targets + row * n_outputs, n_outputs) if job.labels == NULL else job.labels[row])


cdef inline isize largest(const real *y, isize n) noexcept nogil:
    """The first of several; of NaN the first, as NumPy's argmax has it."""
    cdef isize c, best = 0
    for c in range(1, n):
        if y[best] != y[best]:
            break
        if not y[c] <= y[best]:
            best = c
    return best


cdef inline isize right_outputs(const Job *job, isize row, isize n_outputs, double threshold) noexcept nogil:
    cdef isize i, right = 0
    for i in range(row * n_outputs, (row + 1) * n_outputs):
        right += (job.predictions[i] > threshold) == (job.targets[i] > 0.5)
    return right


cdef int call_listener(Engine *e, isize epoch) noexcept nogil:
    """Return whether the epoch is to be the last."""
    if e.scoring.listener == NULL:
        return 0
    with gil:
        return told_enough(e, epoch)


cdef int told_enough(Engine *e, isize epoch) noexcept:
    cdef const double *scores = e.scoring.scores + epoch * e.scoring.n_scores
    cdef isize i
    try:
        numbers = [e.job.losses[epoch]]
        for i in range(e.scoring.n_scores):
            numbers.append(scores[i])
        return bool((<object>e.scoring.listener)(epoch, numbers))
    except BaseException as error:
        give_up(e, error)
        return 1
