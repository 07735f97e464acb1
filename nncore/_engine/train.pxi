# What every worker does in a job of training. All run this same loop and meet at barriers; worker 0 keeps the books.
#
#   epoch:   worker 0 draws the order                                                 | barrier
#   segment: each takes its share of the rows through all layers, forward and back;
#            worker 0 polls for signals                                               | barrier
#            each takes its share of the weights: gradient over all rows, update;
#            worker 0 sums the losses                                                 | barrier
#   after an epoch's first batch: worker 0 exchanges the states                       | barrier
#
# A batch is one segment unless its activations would not fit the caches. No result depends on the shares.

cdef enum:
    POLL_WORK = 2000000     # operations between two looks at the clock: some ten microseconds
cdef double POLL_SECONDS = 0.03   # between two looks for signals: they take the GIL, which others may hold

cdef inline isize share_begin(isize n, isize unit, int worker, int n_workers) noexcept nogil:
    """First of the n items of a worker's share; shares begin at multiples of `unit`."""
    cdef isize units = (n + unit - 1) // unit, begin = units * worker // n_workers * unit
    return begin if begin < n else n


cdef inline isize row_unit(isize n_rows, int n_workers) noexcept nogil:
    """Whole tiles where every worker has several, else smaller ones, for even shares; no result depends on it."""
    return NN_MR if n_rows >= 8 * NN_MR * n_workers else 2


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
    e.epoch_loss, e.epoch_started = 0, nn_now()
    e.iterations_before, e.other_is_before = e.iterations, 0
    if e.job.shuffle:
        nn_shuffle(e.order, e.job.n, e.job.seed, <uint64_t>(e.job.first_epoch + epoch))


cdef void diverge(Engine *e, isize epoch, isize batch) noexcept nogil:
    e.outcome.diverged, e.outcome.epoch, e.outcome.batch = 1, epoch, batch


cdef void end_epoch(Engine *e, isize epoch, isize last_batch) noexcept nogil:
    cdef double now = nn_now()
    if nn_raised(&e.overflow):
        diverge(e, epoch, last_batch)
        nn_raise(&e.finish)
        return
    e.job.losses[epoch] = e.epoch_loss / e.job.n
    e.job.seconds[epoch] = now - e.epoch_started
    e.outcome.epochs_done = epoch + 1
    if e.job.max_seconds > 0 and now - e.started > e.job.max_seconds:
        nn_raise(&e.finish)


cdef void end_segment(Engine *e, isize epoch, isize batch, isize n_rows, isize n_batch, int last) noexcept nogil:
    """Add up the losses of the segment, in the order of its rows; at the end of the batch, look at the sum."""
    cdef isize i
    for i in range(n_rows):
        e.batch_loss += e.row_loss[i]
    if not last:
        return
    e.epoch_loss += e.batch_loss
    if isfinite(e.batch_loss):
        e.outcome.last_finite_loss = e.batch_loss / n_batch
    else:
        diverge(e, epoch, batch)
        nn_raise(&e.stop)
    e.batch_loss = 0


cdef void poll_signals(Engine *e, isize n_rows) noexcept nogil:
    """Let Python's signal handlers run now and then; what they raise abandons the job."""
    cdef double now
    e.work_since_poll += 20e3 + 6.0 * n_rows * e.n_parameters
    if e.work_since_poll < POLL_WORK:
        return
    e.work_since_poll = 0
    now = nn_now()
    if now < e.poll_at:
        return
    e.poll_at = now + POLL_SECONDS
    cdef unsigned fp
    with gil:
        fp = nn_fp_begin(0)  # for the handlers
        run_signal_handlers(e)
        nn_fp_end(fp)


cdef void run_signal_handlers(Engine *e) noexcept:
    try:
        if threading.get_ident() == threading.main_thread().ident:
            PyErr_CheckSignals()
        else:
            e.poll_at = INFINITY  # Python runs handlers in its main thread alone
    except BaseException as error:
        if e.exception == NULL:
            Py_INCREF(error)
            e.exception = <PyObject *>error
        nn_raise(&e.abandon)


# ------------------------------------------------------------------------------------------------ all workers

cdef void train_rows(Engine *e, isize row, isize end, isize start, isize n_batch, int worker,
                     real *scratch) noexcept nogil:
    """Forward, loss and backward of the segment's rows row..end; its row 0 is visited at `start`."""
    cdef isize stop
    cdef int ordered = e.job.shuffle
    while row < end:
        stop = min(row + TILE_ROWS, end)
        gather(e, row, stop, start + row, ordered)
        forward_rows(e, row, stop, scratch)
        if e.job.predictions != NULL:
            emit_predictions(e, row, stop, start + row, ordered, scratch)
        loss_rows(e, row, stop, start + row, ordered, <double>n_batch, scratch)
        backward_rows(e, row, stop, scratch)
        if worker == 0:
            poll_signals(e, stop - row)
        if nn_raised(&e.abandon):
            return
        row = stop


cdef int train_segment(Engine *e, isize epoch, isize batch, isize done, isize n_rows, int worker,
                       int n_workers) noexcept nogil:
    """Return whether to go on."""
    cdef isize start = batch * e.job.batch_size, n_batch = min(e.job.batch_size, e.job.n - start)
    cdef isize unit = row_unit(n_rows, n_workers)
    cdef real *scratch = e.scratch + worker * e.scratch_size
    cdef real *new = e.other if batch == 0 else e.state
    cdef int last = done + n_rows == n_batch
    train_rows(e, share_begin(n_rows, unit, worker, n_workers), share_begin(n_rows, unit, worker + 1, n_workers),
               start + done, n_batch, worker, scratch)
    if worker == 0 and last and e.job.purpose == UPDATE and not nn_raised(&e.abandon):
        prepare_hyper(e)
    nn_barrier_wait(&e.barrier, n_workers)
    if nn_raised(&e.abandon):
        return 0
    update_blocks(e, share_begin(e.n_blocks, 1, worker, n_workers), share_begin(e.n_blocks, 1, worker + 1, n_workers),
                  new, n_rows, done > 0, last, gradient_scratch(e, scratch))
    if worker == 0:
        end_segment(e, epoch, batch, n_rows, n_batch, last)
    nn_barrier_wait(&e.barrier, n_workers)
    return not nn_raised(&e.stop)


cdef int train_batch(Engine *e, isize epoch, isize batch, int worker, int n_workers) noexcept nogil:
    """Return whether to go on."""
    cdef isize n_batch = min(e.job.batch_size, e.job.n - batch * e.job.batch_size), done = 0, n_rows
    while done < n_batch:
        n_rows = min(e.room, n_batch - done)
        if not train_segment(e, epoch, batch, done, n_rows, worker, n_workers):
            return 0
        done += n_rows
    if batch == 0 and e.job.purpose == UPDATE:
        if worker == 0:
            exchange_states(e)
            e.other_is_before = 1
        nn_barrier_wait(&e.barrier, n_workers)
    return 1


cdef void train_worker(void *argument, int worker, int n_workers) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef isize epoch, batch, n_batches = (e.job.n + e.job.batch_size - 1) // e.job.batch_size
    cdef unsigned fp = nn_fp_begin(e.job.purpose == UPDATE)
    for epoch in range(e.job.n_epochs):
        if worker == 0 and not nn_raised(&e.finish):
            begin_epoch(e, epoch)
        nn_barrier_wait(&e.barrier, n_workers)
        if nn_raised(&e.finish):
            break
        for batch in range(n_batches):
            if not train_batch(e, epoch, batch, worker, n_workers):
                nn_fp_end(fp)
                return
        if worker == 0:
            end_epoch(e, epoch, n_batches - 1)
    nn_fp_end(fp)
