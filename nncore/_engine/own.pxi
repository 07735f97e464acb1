# A loss that is a function of Python: between the way forward of a batch, which is one segment, and the way back the
# leader asks it. The same way takes derivatives by the outputs that the caller has worked out already.

cdef inline real *answered(const Engine *e, isize n) noexcept nogil:
    """(n, n_outputs), behind what is asked about n rows."""
    return e.copies.asked + n * e.net.n_outputs


cdef int ensure_asked(Engine *e) except -1:
    return ensure_length(&e.copies.asked, &e.copies.n_asked, 2 * e.job.batch_size * e.net.n_outputs)


cdef void given_rows(Engine *e, isize row, isize end, real *columns) noexcept nogil:
    """Delta of the output = job.dys by what each row counts in the loss of the batch, back through the link."""
    cdef isize n, i, c, n_outputs = e.net.n_outputs
    cdef const real *rows[16]
    cdef real share
    while row < end:
        n = min(<isize>NN_V, end - row)
        for i in range(n):
            rows[i] = e.job.dys + (e.stage.done + row + i) * n_outputs
        nn_gather_columns(columns, rows, n, n_outputs)
        for i in range(0 if e.job.of_batch else n):
            share = row_share(&e.job, source_row(&e.job, e.stage.start + row + i), <double>e.stage.n_batch)
            for c in range(n_outputs):
                columns[c * NN_V + i] *= share
        store_given(&e.net, &e.arena, row, n, columns)
        if e.job.own == NULL:
            memset(e.arena.row_loss + row, 0, n * sizeof(double))
        row += n


cdef void back_through_link(const Head *h, real *dy, const real *y) noexcept nogil:
    """dy (n_outputs, NN_V), derivatives by the predictions y of a head, become those by the raw ones."""
    if h.link == NN_softmax:
        nn_softmax_backward_columns(dy, dy, y, h.n_outputs)
    elif h.link != NN_identity:
        nn_activate_backward(h.link, 0, dy, dy, y, y, h.n_outputs * NN_V)


cdef void store_given(const Network *net, const Arena *a, isize row, isize n, real *columns) noexcept nogil:
    """Deltas of the output from derivatives by the prediction; columns: (2, n_outputs, NN_V), of which n rows given."""
    cdef real *y = columns + net.n_outputs * NN_V
    cdef int k
    if net.n_heads > 1 or net.heads.link != NN_identity:
        load_predictions(net, a, row, n, y)
        for k in range(net.n_heads):
            back_through_link(net.heads + k, columns + net.heads[k].first * NN_V, y + net.heads[k].first * NN_V)
    nn_store_columns(deltas_at(a, net.rows[net.n_rows - 1].y), columns, a.room, net.n_outputs, row, n)


cdef void ask_own(Engine *e) noexcept nogil:
    """Between the two ways: what to go back with. What the function raises abandons the job and its epoch."""
    cdef unsigned fp
    cdef isize i, c, row = 0, n, n_outputs = e.net.n_outputs
    cdef real *columns = e.crew.scratch
    if nn_raised(&e.crew.abandon):
        return
    while row < e.stage.n_rows:
        n = min(<isize>NN_V, e.stage.n_rows - row)
        load_predictions(&e.net, &e.arena, row, n, columns)
        for i in range(n):
            for c in range(n_outputs):
                e.copies.asked[(row + i) * n_outputs + c] = columns[c * NN_V + i]
        row += n
    with gil:
        fp = nn_fp_begin(0)
        ask_python(e)
        nn_fp_end(fp)
    e.job.dys = answered(e, e.stage.n_rows)


cdef void ask_python(Engine *e) noexcept:
    try:
        answer_batch(e)
    except BaseException as error:
        give_up(e, error)
    leave_fork(e)


cdef int answer_batch(Engine *e) except -1:
    cdef isize n = e.stage.n_rows, i
    cdef const double[::1] values
    cdef const real[:, ::1] dys
    if not nn_finite(e.copies.asked, n * e.net.n_outputs):  # not the function's fault: the training has diverged
        memset(answered(e, n), 0, n * e.net.n_outputs * sizeof(real))
        for i in range(n):
            e.arena.row_loss[i] = NAN
        return 0
    values, dys = ask(e, e.stage.start, n, e.copies.asked)
    memcpy(answered(e, n), &dys[0, 0], n * e.net.n_outputs * sizeof(real))
    for i in range(n):
        e.arena.row_loss[i] = values[i] * row_weight(&e.job, source_row(&e.job, e.stage.start + i))
    return 0


cdef tuple ask(const Engine *e, isize start, isize n, const real *predictions):
    """What the function makes of n rows that are visited at start..: their losses, and derivatives by predictions.

    It gets copies, which it may keep and change.
    """
    cdef isize i, n_targets = e.job.n_targets
    y_true, y_pred = None, np.empty((n, e.net.n_outputs), DTYPE)
    cdef real[:, ::1] outputs = y_pred, targets
    cdef const double[::1] values
    cdef const real[:, ::1] dys
    memcpy(&outputs[0, 0], predictions, n * e.net.n_outputs * sizeof(real))
    if e.job.targets != NULL:
        y_true = np.empty((n, n_targets), DTYPE)
        targets = y_true
        for i in range(n):
            memcpy(&targets[i, 0], e.job.targets + source_row(&e.job, start + i) * n_targets, n_targets * sizeof(real))
    values, dys = (<object>e.job.own)(y_true, y_pred)
    check_rows("the losses", values.shape[0], n)
    check_rows("the derivatives", dys.shape[0], n)
    check_outputs(&e.net, "the derivatives", dys.shape[1])
    return values, dys


cdef int score_own(Engine *e, double *losses) except -1:
    """losses (n) = those of the rows of a job of evaluation, whose predictions are there."""
    cdef isize i
    cdef const double[::1] values
    if not nn_finite(e.job.predictions, e.job.n * e.net.n_outputs):
        for i in range(e.job.n):
            losses[i] = NAN
        return 0
    values = ask(e, 0, e.job.n, e.job.predictions)[0]
    for i in range(e.job.n):
        losses[i] = values[i] * row_weight(&e.job, i)
    return 0


cdef void score_own_amid(Engine *e, double *losses) noexcept nogil:
    """The same amid a job of training, between two epochs."""
    cdef unsigned fp
    with gil:
        fp = nn_fp_begin(0)
        try:
            score_own(e, losses)
        except BaseException as error:
            give_up(e, error)
        leave_fork(e)
        nn_fp_end(fp)
