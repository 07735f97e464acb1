# What training hands back.


cdef class TrainResult:
    """How a call of ``Plan.train`` went.

    Attributes
    ----------
    losses : ndarray of shape (n_epochs,), float64
        Loss of every epoch that was completed.
    seconds : ndarray of shape (n_epochs,), float64
        How long each of them took.
    clipped : ndarray of shape (n_epochs,), float64
        Share of the steps, or without clip_norm of the gradients' values, that were clipped; NaN where nothing is.
    recorded : ndarray of shape (m,), int64
        The epochs, those of them that were completed, after which the layers were recorded.
    records : ndarray of shape (m, n_rows, n_fields), float64
        The record of each row of the program: `nncore.history.layers.FIELDS`, then the bins; NaN where none applies.
    diverged : bool
        Whether a loss or weight stopped being finite; the plan is then as it was at the start of `epoch`.
    epoch, batch : int
        Where it diverged, the epoch counted from that of the call.
    last_finite_loss : float
        Mean loss of the last batch that had one.
    """

    cdef readonly object losses, seconds, clipped, recorded, records
    cdef readonly bint diverged
    cdef readonly isize epoch, batch
    cdef readonly double last_finite_loss


cdef TrainResult train_result(const Outcome *outcome, losses, seconds, clipped, recorded, records):
    """Cut the arrays that training has filled to the epochs that were completed."""
    cdef TrainResult result = TrainResult()
    result.losses, result.seconds = losses[:outcome.epochs_done], seconds[:outcome.epochs_done]
    result.clipped = clipped[:outcome.epochs_done]
    result.recorded = np.array([], np.int64) if recorded is None else np.asarray(recorded)
    result.recorded = result.recorded[result.recorded < outcome.epochs_done]
    result.records = records[:len(result.recorded)]
    result.diverged, result.epoch, result.batch = outcome.diverged, outcome.epoch, outcome.batch
    result.last_finite_loss = outcome.last_finite_loss
    return result
