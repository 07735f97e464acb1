# What training hands back.


cdef class TrainResult:
    """How a call of ``Plan.train`` went.

    Attributes
    ----------
    losses : ndarray of shape (n_epochs,), float64
        Loss of every epoch that was completed.
    head_losses : ndarray of shape (n_epochs, n_heads), float64
        The same of each of several heads, without its weight; of a single one (n_epochs, 0).
    seconds : ndarray of shape (n_epochs,), float64
        How long each of them took.
    clipped : ndarray of shape (n_epochs,), float64
        Share of the steps, or without clip_norm of the gradients' values, that were clipped; NaN where nothing is.
    recorded : ndarray of shape (m,), int64
        The epochs, those of them that were completed, after which the layers were recorded.
    records : ndarray of shape (m, n_rows, n_fields), float64
        The record of each row of the program: `nncore.history.layers.FIELDS`, then the bins; NaN where none applies.
    scores : ndarray of shape (n_scored, n_scores), float64
        Of the epochs that were scored, all of them unless a signal struck in the last one's scoring: the shares of
        right rows, then the validation loss and the shares of those rows.
    diverged : bool
        Whether a loss, a weight or a sum of squares stopped being finite; the plan is then as it was at the start of
        `epoch`.
    epoch, batch : int
        Where it diverged, the epoch counted from that of the call.
    last_finite_loss : float
        Mean loss of the last batch that had one.
    """

    cdef readonly object losses, head_losses, seconds, clipped, recorded, records, scores
    cdef readonly bint diverged
    cdef readonly isize epoch, batch
    cdef readonly double last_finite_loss


cdef TrainResult new_result(isize n_epochs, recorded, isize n_rows, isize n_scores, isize n_heads):
    """Room for all epochs, and for a record of n_rows rows after each of those in `recorded`."""
    cdef TrainResult result = TrainResult()
    result.losses, result.seconds, result.clipped = np.empty(n_epochs), np.empty(n_epochs), np.full(n_epochs, NAN)
    result.recorded = np.array([], np.int64) if recorded is None else np.asarray(recorded)
    result.records = np.empty((len(result.recorded), n_rows, N_FIELDS))
    result.scores = np.empty((n_epochs, n_scores))
    result.head_losses = np.empty((n_epochs, 0 if n_heads == 1 else n_heads))
    return result


cdef int fill_result(Engine *e, TrainResult result) except -1:
    """Let the job write to the arrays of a new result."""
    cdef double[::1] losses = result.losses, seconds = result.seconds, clipped = result.clipped
    cdef const int64_t[::1] recorded = result.recorded
    cdef double[:, :, ::1] records = result.records
    cdef double[:, ::1] scores = result.scores, of_heads = result.head_losses
    e.job.losses, e.job.seconds = &losses[0], &seconds[0]
    if e.net.n_heads > 1:
        e.job.of_heads = &of_heads[0, 0]
    if e.optimizer.clip_value > 0 or e.optimizer.clip_norm > 0:
        e.job.clipped = &clipped[0]
    if recorded.shape[0] > 0:
        e.job.recorded, e.job.n_records, e.job.records = &recorded[0], recorded.shape[0], &records[0, 0, 0]
        ensure_records(e)
    if e.scoring.n_scores > 0:
        e.scoring.scores = &scores[0, 0]
    return 0


cdef bint is_filling(const Engine *e, TrainResult result) except -1:
    """Whether it is the result of the training that runs, which may be a single step after the one that it is of."""
    cdef const double[::1] losses = result.losses
    return losses.shape[0] > 0 and training_job(e).losses == &losses[0]


cdef int cut_result(TrainResult result, const Outcome *outcome) except -1:
    """Leave the epochs that were completed."""
    result.losses, result.seconds = result.losses[:outcome.epochs_done], result.seconds[:outcome.epochs_done]
    result.clipped = result.clipped[:outcome.epochs_done]
    result.head_losses = result.head_losses[:outcome.epochs_done]
    result.recorded = result.recorded[result.recorded < outcome.epochs_done]
    result.records = result.records[:len(result.recorded)]
    result.scores = result.scores[:outcome.epochs_scored]
    result.diverged, result.epoch, result.batch = outcome.diverged, outcome.epoch, outcome.batch
    result.last_finite_loss = outcome.last_finite_loss
    return 0


cdef TrainResult prepare_training(Engine *e, numpy.ndarray X, target, sample_weight, isize first_epoch,
                                  isize epochs, isize batch_size, bint shuffle, uint64_t seed, real[:, ::1] predictions,
                                  max_seconds, const double[::1] learning_rates, const int64_t[::1] recorded,
                                  const Scoring *scoring, windows, feed):
    """Make a job of what `Plan.train` was given; return where its results will be."""
    cdef TrainResult result
    check_training(e, epochs, batch_size)
    prepare_job(e, UPDATE, X, target, sample_weight, predictions, 0)
    e.job.batch_size = min(batch_size, e.job.n)
    e.job.seed, e.job.first_epoch, e.job.n_epochs = seed, first_epoch, epochs
    e.job.max_seconds = 0 if max_seconds is None else max(float(max_seconds), 1e-9)
    take_scoring(e, scoring)
    result = new_result(epochs, recorded, e.net.n_rows, scoring.n_scores, e.net.n_heads)
    fill_result(e, result)
    if learning_rates is not None:
        check_rates(learning_rates.shape[0], epochs * n_batches(&e.job))
        e.job.learning_rates = &learning_rates[0]
    if windows is not None:
        take_windows(e, shuffle, windows, feed)
    elif shuffle:
        if e.job.n > MAX_SHUFFLED:
            raise ValueError(f"X has {e.job.n:,} rows; at most {MAX_SHUFFLED:,} can be shuffled")
        ensure_order(&e.copies, e.job.n)
        e.job.slots = e.job.order = e.copies.order
    return result


cdef int end_training(Engine *e, TrainResult result) except -1:
    cut_result(result, &e.outcome)
    Py_XDECREF(e.copies.fed)
    e.copies.fed = NULL
    if e.outcome.diverged or e.watch.undo or nn_raised(&e.crew.overflow):
        go_back(e)
    return 0
