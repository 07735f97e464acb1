# What worker 0 does now and then while a job runs: Python's signal handlers, and whoever watches the training.

cdef enum:
    POLL_WORK = 2000000     # operations between two looks at the clock: some ten microseconds
cdef str FORKED = ("this process was forked in the middle of an epoch and cannot finish it: its model is at the start "
                   "of that epoch; call fit again")
cdef double POLL_SECONDS = 0.03   # between two looks for signals: they take the GIL, which others may hold


cdef inline void poll(Engine *e, double work) noexcept nogil:
    """Let Python's signal handlers and the watcher run now and then; what they raise abandons the job and its epoch.

    For worker 0 alone, after so many operations.
    """
    e.watch.work_since_poll += work
    if e.watch.work_since_poll >= POLL_WORK:
        look_at_clock(e)


cdef inline void poll_rows(Engine *e, isize n_rows) noexcept nogil:
    poll(e, 20e3 + 6.0 * n_rows * e.net.n_parameters)


cdef void look_at_clock(Engine *e) noexcept nogil:
    cdef unsigned fp
    e.watch.work_since_poll = 0
    if nn_now() < e.watch.poll_at:
        return
    with gil:
        fp = nn_fp_begin(0)  # for what runs now
        e.watch.poll_at = 0
        if e.lanes != NULL:
            run_lanes_handlers(e.lanes)
        else:
            run_handlers(e)
        nn_fp_end(fp)
    if e.watch.poll_at == 0:
        e.watch.poll_at = nn_now() + POLL_SECONDS  # from now on: a slow watcher must leave time to train


cdef void run_handlers(Engine *e) noexcept:
    try:
        if threading.get_ident() == threading.main_thread().ident:
            PyErr_CheckSignals()
        elif e.watch.watcher == NULL:
            e.watch.poll_at = INFINITY  # Python runs signal handlers in its main thread alone
        if e.watch.watcher != NULL and e.job.purpose == UPDATE:  # not while a finished epoch is scored
            call_watcher(e)
    except BaseException as error:
        give_up(e, error)
    leave_fork(e)


cdef void leave_fork(Engine *e) noexcept:
    if fork_count() != e.crew.forks:  # what has just run has forked, and this is the child
        nn_team_desert(e.crew.team)
        give_up(e, RuntimeError(FORKED))


cdef void give_up(Engine *e, object error) noexcept:
    """Abandon the job and its epoch; the first error of several will be raised."""
    if e.watch.exception == NULL:
        Py_INCREF(error)
        e.watch.exception = <PyObject *>error
    e.watch.undo = 1
    nn_raise(&e.crew.abandon)


cdef int tell_batch(Engine *e, isize batch) noexcept nogil:
    """Tell the listener of a batch that has been trained on; return whether to go on."""
    cdef unsigned fp
    with gil:
        fp = nn_fp_begin(0)
        try:
            if (<object>e.watch.batch_listener)(e.outcome.epochs_done, batch, e.outcome.last_finite_loss):
                e.watch.undo = 1
                nn_raise(&e.crew.abandon)
        except BaseException as error:
            give_up(e, error)
        leave_fork(e)
        nn_fp_end(fp)
    return not nn_raised(&e.crew.abandon)


cdef int call_watcher(Engine *e) except -1:
    """Tell the watcher how far training has come; it may say that this is enough."""
    cdef isize n_rows = e.job.first + e.stage.start - e.stage.done  # of the epoch's batches that are done
    if (<object>e.watch.watcher)(e.outcome.epochs_done, n_rows, e.books.epoch_loss / n_rows if n_rows else NAN):
        e.watch.undo = 1
        nn_raise(&e.crew.abandon)
    return 0
