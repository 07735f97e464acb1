# What every worker does in a job of training. All run this same loop and meet at barriers; worker 0 keeps the books.
#
#   epoch:   worker 0 draws the order and keeps a copy of the good state             | barrier
#   segment: each takes its share of the rows through all layers, forward and back    | barrier
#            each takes its share of the weights: gradient over all rows, update;
#            worker 0 sums the losses and polls for signals                           | barrier
#
# A batch is one segment unless its activations would not fit the caches. No result depends on the shares.

cdef inline isize share_begin(isize n, isize unit, int worker, int n_workers) noexcept nogil:
    """First of the n items of a worker's share; shares begin at multiples of `unit`."""
    cdef isize units = (n + unit - 1) // unit, begin = units * worker // n_workers * unit
    return begin if begin < n else n


cdef int is_finite(const real *a, isize n) noexcept nogil:
    """0 * a is 0 for every finite a and NaN for all others, and NaN survives the sum."""
    cdef real lanes[16]
    cdef isize i, j
    for j in range(16):
        lanes[j] = 0
    for i in range(n // 16):
        for j in range(16):
            lanes[j] += 0 * a[16 * i + j]
    for i in range(n - n % 16, n):
        lanes[0] += 0 * a[i]
    for j in range(1, 16):
        lanes[0] += lanes[j]
    return lanes[0] == 0


cdef void keep_good_state(Engine *e) noexcept nogil:
    cdef isize n_slots = NN_OPTIMIZER_SLOTS[e.rule]
    memcpy(e.good, e.weights, e.n_weights * sizeof(real))
    memcpy(e.good + e.n_weights, e.slots, n_slots * e.n_weights * sizeof(real))
    e.good_iterations = e.iterations


cdef void restore_good_state(Engine *e) noexcept nogil:
    cdef isize n_slots = NN_OPTIMIZER_SLOTS[e.rule]
    memcpy(e.weights, e.good, e.n_weights * sizeof(real))
    memcpy(e.slots, e.good + e.n_weights, n_slots * e.n_weights * sizeof(real))
    e.iterations = e.good_iterations
    transpose_all(e)


cdef void transpose_all(Engine *e) noexcept nogil:
    cdef isize i
    for i in range(e.n_blocks):
        if e.rows[e.blocks[i].row].transposed >= 0:
            transpose_block(e, e.rows + e.blocks[i].row, e.blocks + i)


cdef void begin_epoch(Engine *e, isize epoch) noexcept nogil:
    cdef isize i
    e.epoch_loss, e.epoch_started = 0, nn_now()
    if e.job.purpose == STORE_GRADIENT:
        return
    if e.job.shuffle:
        nn_shuffle(e.order, e.job.n, e.job.seed, <uint64_t>(e.job.first_epoch + epoch))
    keep_good_state(e)


cdef void end_epoch(Engine *e, isize epoch, isize last_batch) noexcept nogil:
    cdef double now = nn_now()
    if e.job.purpose == UPDATE and not is_finite(e.weights, e.n_weights):
        e.outcome.diverged, e.outcome.epoch, e.outcome.batch, e.finish = 1, epoch, last_batch, 1
        return
    e.job.losses[epoch] = e.epoch_loss / e.job.n
    e.job.seconds[epoch] = now - e.epoch_started
    e.outcome.epochs_done = epoch + 1
    if e.job.max_seconds > 0 and now - e.started > e.job.max_seconds:
        e.finish = 1


cdef void end_segment(Engine *e, isize epoch, isize batch, isize n_rows, int last) noexcept nogil:
    """Add up the losses of the segment, in the order of its rows; at the end of the batch, look at the sum."""
    cdef isize i
    for i in range(n_rows):
        e.batch_loss += e.row_loss[i]
    if last:
        e.epoch_loss += e.batch_loss
        if isfinite(e.batch_loss):
            e.outcome.last_finite_loss = e.batch_loss
        else:
            e.outcome.diverged, e.outcome.epoch, e.outcome.batch, e.stop = 1, epoch, batch, 1
        e.batch_loss = 0
    poll_signals(e, n_rows)


cdef void poll_signals(Engine *e, isize n_rows) noexcept nogil:
    """Let Python's signal handlers run, some ten milliseconds apart; what they raise ends the job."""
    e.work_since_poll += 20e3 + 6.0 * n_rows * e.n_parameters
    if e.work_since_poll < 3e8:
        return
    e.work_since_poll = 0
    with gil:
        try:
            PyErr_CheckSignals()
        except BaseException as error:
            if e.exception == NULL:
                Py_INCREF(error)
                e.exception = <PyObject *>error
            e.stop = 1


cdef void train_rows(Engine *e, isize row, isize end, isize start, isize n_batch, real *scratch) noexcept nogil:
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
        row = stop


cdef void train_batch(Engine *e, isize epoch, isize batch, int worker, int n_workers) noexcept nogil:
    cdef isize start = batch * e.job.batch_size, n_batch = min(e.job.batch_size, e.job.n - start)
    cdef isize done = 0, n_rows, i
    cdef real *scratch = e.scratch + worker * e.scratch_size
    cdef int last
    while done < n_batch:
        n_rows = min(e.room, n_batch - done)
        last = done + n_rows == n_batch
        train_rows(e, share_begin(n_rows, NN_MR, worker, n_workers), share_begin(n_rows, NN_MR, worker + 1, n_workers),
                   start + done, n_batch, scratch)
        if worker == 0 and last and e.job.purpose == UPDATE:
            prepare_hyper(e)
        nn_barrier_wait(&e.barrier, n_workers)
        for i in range(share_begin(e.n_blocks, 1, worker, n_workers),
                       share_begin(e.n_blocks, 1, worker + 1, n_workers)):
            update_block(e, e.blocks + i, n_rows, done > 0, last, gradient_scratch(e, scratch))
        if worker == 0:
            end_segment(e, epoch, batch, n_rows, last)
        nn_barrier_wait(&e.barrier, n_workers)
        done += n_rows
        if e.stop:
            return


cdef void train_worker(void *argument, int worker, int n_workers) noexcept nogil:
    cdef Engine *e = <Engine *>argument
    cdef isize epoch, batch = 0, n_batches = (e.job.n + e.job.batch_size - 1) // e.job.batch_size
    cdef unsigned fp = nn_fp_begin()
    for epoch in range(e.job.n_epochs):
        if worker == 0 and not e.finish:
            begin_epoch(e, epoch)
        nn_barrier_wait(&e.barrier, n_workers)
        if e.finish:
            break
        for batch in range(n_batches):
            train_batch(e, epoch, batch, worker, n_workers)
            if e.stop:
                break
        if worker == 0 and batch == n_batches - 1 and not e.outcome.diverged:
            end_epoch(e, epoch, batch)
        if e.stop:
            break
    nn_fp_end(fp)
