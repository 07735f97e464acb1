# Windows: an epoch in parts, each drawn, and where X is not in memory fed, before it is trained on.
#
# Rows that lie together are a block. An epoch visits the blocks in an order that is drawn first; that sequence of rows
# is cut into windows, whole batches each, and a window is shuffled within itself. So the order of an epoch depends on
# seed, epoch and sizes alone: whether a window is rows of the caller's X or what Python feeds changes no bit.

cdef int take_windows(Engine *e, bint shuffle, windows, feed) except -1:
    """Prepare a job of training for windows = (rows of a block, rows of a window); feed may be None."""
    cdef Job *job = &e.job
    cdef isize n_blocks, size
    job.block_rows, size = windows
    if job.block_rows < 1 or size < 1 or (size < job.n and size % job.batch_size):
        raise ValueError(f"windows must be rows of a block, and whole batches of {job.batch_size}, got {windows}")
    if size > MAX_SHUFFLED:
        raise ValueError(f"a window has {size:,} rows; at most {MAX_SHUFFLED:,} can be shuffled")
    job.window = min(size, job.n)
    n_blocks = (job.n - 1) // job.block_rows + 1
    ensure_order(&e.copies, 2 * job.window + n_blocks)
    job.order = e.copies.order
    job.slots = job.order if feed is None else job.order + job.window
    job.blocks = job.order + 2 * job.window if shuffle else NULL
    job.feed = NULL if feed is None else <PyObject *>feed
    return 0


cdef void begin_windows(Engine *e, uint64_t epoch) noexcept nogil:
    cdef Job *job = &e.job
    cdef isize n_blocks = (job.n - 1) // job.block_rows + 1
    job.at.block = job.at.row = 0
    if job.blocks != NULL:
        count_up(e, job.blocks, n_blocks)
        shuffle(e, job.blocks, n_blocks, NN_STREAM_BLOCKS, 0, epoch)


cdef inline int begins_window(const Job *job, isize batch) noexcept nogil:
    return job.window and batch * job.batch_size % job.window == 0


cdef int begin_window(Engine *e, isize epoch, isize batch) noexcept nogil:
    """Return whether to go on."""
    cdef Job *job = &e.job
    cdef isize i, first = batch * job.batch_size
    cdef uint64_t part = <uint64_t>(1 + first // job.window), number = <uint64_t>(job.first_epoch + epoch)
    job.first, job.here = first, min(job.window, job.n - first)
    e.stage.start = e.stage.done = 0
    if job.blocks == NULL:
        for i in range(job.here):
            job.order[i] = first + i
    else:
        nn_rows_of_blocks(job.order, job.here, job.blocks, job.block_rows, job.n, &job.at)
        shuffle(e, job.order, job.here, NN_STREAM_BLOCKS, part, number)
    if job.feed != NULL:
        count_up(e, job.slots, job.here)
        if job.blocks != NULL:
            shuffle(e, job.slots, job.here, NN_STREAM_BLOCKS, part, number)
        if not nn_raised(&e.crew.abandon):
            with gil:
                take_fed(e, <isize>number, <isize>part - 1)
    return not nn_raised(&e.crew.abandon)


cdef void take_fed(Engine *e, isize epoch, isize window) noexcept:
    """Point the job at the rows that Python has for the window; an error of its abandons the job and its epoch."""
    cdef numpy.ndarray X
    cdef unsigned fp = nn_fp_begin(0)  # for what runs now
    try:
        X = found = (<object>e.job.feed)(epoch, window)
        shape = np.shape(X)
        if len(shape) != 2 or shape[0] < e.job.here or shape[1] != e.net.n_features:
            raise ValueError(f"the window {window} must have {e.job.here} rows of {e.net.n_features} features, got "
                             f"{' of '.join(map(str, shape))}")
        take_rows(e, X)
        Py_XDECREF(e.copies.fed)
        e.copies.fed = <PyObject *>found
        Py_INCREF(found)
    except BaseException as error:
        give_up(e, error)
    nn_fp_end(fp)
