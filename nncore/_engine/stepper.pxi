# One step on a batch as the caller has it, for loops of the caller's own: there, looking at arguments can take longer
# than the arithmetic. What cannot be read as it is, or must not be trained on, is left to Python, which converts it or
# says what is wrong.

cdef double SURELY_ONE = 9e-3   # how far from 1 the shares of a row may add up; Python has the last word on more


cdef inline bint is_little(const Engine *e, isize n) noexcept:
    """Whether a step on n rows, three times the work of predicting them, is done sooner than the GIL is got back."""
    return n * e.net.n_weights <= HELD_WORK // 3


cdef inline bint is_shaped(x, isize n, isize n_columns) noexcept:
    """Whether x can be read as it is, and has that shape; where there is one column, (n,) will do."""
    if not is_plain(x) or numpy.PyArray_NDIM(x) == 0 or numpy.PyArray_DIM(x, 0) != n:
        return 0
    if numpy.PyArray_NDIM(x) == 1:
        return n_columns == 1
    return numpy.PyArray_NDIM(x) == 2 and numpy.PyArray_DIM(x, 1) == n_columns


cdef bint take_few_rows(Engine *e, X, isize most) noexcept:
    """Whether X holds at most so many rows that can be trained on."""
    cdef isize n
    cdef const real *rows
    if not is_matrix(X, e.net.n_features):
        return 0
    n, rows = numpy.PyArray_DIM(X, 0), <const real *>numpy.PyArray_DATA(X)
    if not 1 <= n <= most:
        return 0
    if e.net.n_live_norms > 0 and (n == 1 or n > e.arena.room or e.arena.deltas == NULL):
        return 0  # Python knows how many a batchnorm needs, and how many there is memory for
    point_at(e, X, NN_REAL)
    e.job.n, e.job.batch_size = n, n
    return nn_finite(rows, n * e.net.n_features) and categories_fit(&e.net, rows, n)


cdef bint choices_fit(const real *shares, isize n, isize n_outputs) noexcept:
    """Whether each row holds probabilities that add up to 1."""
    cdef isize i
    cdef double total
    for i in range(n):
        if not nn_shares(shares + i * n_outputs, n_outputs, &total) or not -SURELY_ONE <= total - 1 <= SURELY_ONE:
            return 0
    return 1


cdef bint are_whole(const real *x, isize n, double most) noexcept:
    """Whether all are >= 0, and 0 or 1 if that is the most."""
    cdef isize i
    for i in range(n):
        if not (0 <= x[i] <= most) or (most == 1 and x[i] != 0 and x[i] != 1):
            return 0
    return 1


cdef bint take_values(Engine *e, y) noexcept:
    """Whether y holds targets, a column for each output."""
    cdef isize n = e.job.n, n_targets = e.net.n_targets
    cdef double total
    if e.net.heads.loss == OWN_LOSS and not e.own_checked:
        return 0  # Python does that first
    if e.net.n_heads > 1:
        return 0  # they are in arrays of their own
    if e.net.heads.loss == OWN_LOSS and is_plain(y) and numpy.PyArray_NDIM(y) == 2:
        n_targets = numpy.PyArray_DIM(y, 1)
    if n_targets == 0 or not is_shaped(y, n, n_targets):
        return 0
    e.job.n_targets = n_targets
    e.job.targets = <const real *>numpy.PyArray_DATA(y)
    if (e.net.heads.loss == NN_softmax_crossentropy or e.net.heads.loss == NN_softmax_focal
            or e.net.heads.loss == NN_kl_divergence):
        return n_targets > 1 and choices_fit(e.job.targets, n, n_targets)  # one column would be one of labels
    if e.net.heads.loss == NN_sigmoid_crossentropy or e.net.heads.loss == NN_sigmoid_focal:
        return nn_shares(e.job.targets, n * n_targets, &total)
    if e.net.heads.loss == NN_hinge or e.net.heads.loss == NN_squared_hinge:
        return are_whole(e.job.targets, n * n_targets, 1)
    if e.net.heads.loss == NN_poisson and not are_whole(e.job.targets, n * n_targets, INFINITY):
        return 0  # Python knows what to say of rates below 0
    return nn_finite(e.job.targets, n * n_targets)


cdef bint take_labels(Engine *e, y) except -1:
    """Whether y holds class indices; they are copied, for another thread may change them."""
    cdef isize i, n = e.job.n
    cdef int64_t label
    cdef bint short_ones
    if not (numpy.PyArray_CheckExact(y) and numpy.PyArray_ISCARRAY_RO(y) and numpy.PyArray_NDIM(y) == 1
            and numpy.PyArray_DIM(y, 0) == n and numpy.PyArray_ISSIGNED(y)):
        return 0
    if numpy.PyArray_ITEMSIZE(y) != 4 and numpy.PyArray_ITEMSIZE(y) != 8:
        return 0
    short_ones = numpy.PyArray_ITEMSIZE(y) == 4
    ensure_labels(&e.copies, n)
    for i in range(n):
        label = (<const int *>numpy.PyArray_DATA(y))[i] if short_ones else (<const int64_t *>numpy.PyArray_DATA(y))[i]
        if not 0 <= label < e.net.n_outputs:
            return 0
        e.copies.labels[i] = <int>label
    e.job.labels = e.copies.labels
    return 1


cdef bint take_weights(Engine *e, sample_weight) noexcept:
    """Whether all weights of rows are >= 0, and not all of them 0."""
    cdef isize i
    cdef const real *weights
    cdef bint positive = 0
    if not is_shaped(sample_weight, e.job.n, 1) or numpy.PyArray_NDIM(sample_weight) != 1:
        return 0
    weights = e.job.sample_weight = <const real *>numpy.PyArray_DATA(sample_weight)
    for i in range(e.job.n):
        if not 0 <= weights[i] < INFINITY:
            return 0
        positive |= weights[i] > 0
    return positive


cdef bint take_batch(Engine *e, X, y, sample_weight, isize most) except -1:
    """Point the job at a batch; return whether all of it can be trained on as it is."""
    cdef unsigned fp = nn_fp_begin(0)  # for comparisons that must not trap, nor take a subnormal number for zero
    cdef bint taken
    try:
        taken = take_few_rows(e, X, most)
        if taken:
            taken = take_labels(e, y) if reads_labels(&e.net) else take_values(e, y)
        return taken and (sample_weight is None or take_weights(e, sample_weight))
    finally:
        nn_fp_end(fp)


cdef int run_step(Engine *e) except -1:
    """Run the job; a little one holds the GIL, which takes milliseconds to get back from a busy thread beside."""
    if not is_little(e, e.job.n):
        return run_job(e, train_worker, TRAINING_FLOPS, e.job.n, NN_MR)
    make_room(e, 1, e.job.n, 1)
    if e.job.own != NULL:
        e.crew.forks = fork_count()  # that function may fork
    e.watch.poll_at, e.crew.threads_used = INFINITY, 1
    nn_team_gather(e.crew.team)
    train_worker(e, 0, 1)
    return raise_what_ended_it(e)


cdef real *address_of(flat, isize n) except NULL:
    if not is_shaped(flat, n, 1) or not numpy.PyArray_ISWRITEABLE(flat):
        raise ValueError(f"flat must be a writable, C-contiguous array of {n} parameters of dtype {DTYPE}")
    return <real *>numpy.PyArray_DATA(flat)


cdef double step_on(Engine *e, X, y, sample_weight, double learning_rate, uint64_t seed, isize most, flat) except? -1:
    """Train on one batch; return its loss before, or NaN with nothing done: where it does not fit, or diverges."""
    cdef double loss = NAN, seconds
    cdef real *parameters = NULL
    begin_job(e, UPDATE)
    if not take_batch(e, X, y, sample_weight, most):
        return NAN
    if flat is not None:
        parameters = address_of(flat, e.net.n_parameters)
        e.weights.transposes_due |= store_parameters(&e.net, e.weights.state, parameters, 0)
    e.job.seed, e.job.n_epochs, e.job.losses, e.job.seconds = seed, 1, &loss, &seconds
    e.job.learning_rates = &learning_rate
    try:
        run_step(e)
    finally:
        if e.outcome.diverged or e.watch.undo or nn_raised(&e.crew.overflow):
            go_back(e)
    if e.outcome.diverged:
        return NAN
    if parameters != NULL:
        load_parameters(&e.net, parameters, e.weights.state)
    return loss


cdef double step_plan(Plan plan, X, y, sample_weight, double learning_rate, uint64_t seed, isize most,
                      flat) except? -1:
    plan.enter()
    try:
        return step_on(&plan.e, X, y, sample_weight, learning_rate, seed, most, flat)
    finally:
        plan.busy = 0


cdef class Stepper:
    """Steps of one network of a model; `nncore.Stepper` documents it, `Sequential.stepper` makes it.

    It does at once what there is nothing to say about. All else it leaves to `otherwise`, which may `arm` it.

    Parameters
    ----------
    model : nncore.Sequential
    state : nncore.training.state.State
        The model's.
    batch_size : int or None
        Most rows of a step.
    otherwise : callable
        Does the step, given this stepper and the arguments of the call, and returns the loss, or says what is wrong.
    """

    cdef readonly object model, state, network, batch_size
    cdef object turn, optimizer, epoch, otherwise
    cdef Plan plan
    cdef double rate
    cdef uint64_t seed
    cdef isize most
    cdef int forks

    def __init__(self, model, state, batch_size, otherwise):
        self.model, self.state, self.network, self.turn = model, state, state.network, state.turn
        self.batch_size, self.otherwise = batch_size, otherwise
        self.most = PY_SSIZE_T_MAX if batch_size is None else batch_size

    def arm(self, optimizer, double rate, epoch):
        """Do the next steps at once, at this rate, while the model has that optimizer and, if it matters, epoch."""
        self.plan, self.forks, self.seed = self.network._plan, fork_count(), self.state.seed
        self.optimizer, self.rate, self.epoch = optimizer, rate, epoch

    def __repr__(self):
        program = self.network.program
        return (f"Stepper(n_features={program.n_features}, n_outputs={program.n_outputs}, dtype={DTYPE}, "
                f"batch_size={self.batch_size})")

    @cython.embedsignature(False)
    def __call__(self, X, y, sample_weight=None, *, epoch=None):
        """__call__($self, X, y, sample_weight=None, *, epoch=None)\n--\n
        Do one update on these rows, at most `batch_size`; return their loss before it.

        `nncore.Stepper.__call__` documents the arguments, and the errors.
        """
        cdef double loss = NAN
        if epoch is None and self.turn.trainer is None:  # or this would wait until another thread has trained
            lock = self.turn.lock
            lock.acquire()
            try:
                if self.is_armed():
                    loss = self.step(X, y, sample_weight)
            finally:
                lock.release()
        return loss if isfinite(loss) else self.otherwise(self, X, y, sample_weight, epoch)

    cdef bint is_armed(self) except -1:
        """Whether nothing has changed since it was armed, and nobody trains: the lock is held."""
        return (self.state.optimizer is self.optimizer and self.state.network is self.network
                and (self.epoch is None or self.state.epoch is self.epoch)
                and self.turn.trainer is None and self.forks == fork_count() and not self.plan.busy)

    cdef double step(self, X, y, sample_weight) except? -1:
        flat, lent = None, self.network._lent
        if lent is not None:
            if not lent.held:
                return NAN  # Python takes it back
            flat = lent.values
        if is_matrix(X, self.plan.e.net.n_features) and is_little(&self.plan.e, numpy.PyArray_DIM(X, 0)):
            return step_plan(self.plan, X, y, sample_weight, self.rate, self.seed, self.most, flat)
        self.turn.computing = True
        try:
            return step_plan(self.plan, X, y, sample_weight, self.rate, self.seed, self.most, flat)
        finally:
            self.turn.computing = False
