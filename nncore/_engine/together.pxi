# Plans trained together, in lanes: what Python sees of lanes.pxi.

cdef int has_same_row(const Row *r, const Row *s) noexcept:
    """Whether two rows compute the same, but for penalties, decay and the rate of a dropout."""
    return (r.op == s.op and r.activation == s.activation and (r.op == DROPOUT or r.parameter == s.parameter)
            and r.n_in == s.n_in and r.n_out == s.n_out and r.x == s.x and r.y == s.y and r.z == s.z
            and r.skip == s.skip and r.flat == s.flat and r.n_weight_rows == s.n_weight_rows)


cdef int check_lane(const Engine *e, const Engine *first, isize k) except -1:
    """What the memory of lanes rests on, and all that their arithmetic takes to be one for all."""
    cdef const Network *net = &e.net
    cdef const Row *r
    cdef int i
    if net.n_heads > 1 or first.net.n_heads > 1:
        raise ValueError(f"plan {k} has several losses, which lanes do not add up")
    if net.heads.loss == OWN_LOSS:
        raise ValueError(f"plan {k} has a loss of its own, which lanes do not ask")
    if NN_BFLOAT16:
        raise ValueError("lanes multiply what is not rounded: no products of bfloat16")
    if e.job.kind != NN_REAL:
        raise ValueError(f"X of plan {k} is not of {DTYPE}, which lanes read alone")
    if (net.n_rows != first.net.n_rows or net.n_features != first.net.n_features
            or net.heads.loss != first.net.heads.loss or net.heads.loss_parameter != first.net.heads.loss_parameter
            or net.heads.link != first.net.heads.link
            or net.heads.reading.parameters != NULL or first.net.heads.reading.parameters != NULL
            or e.optimizer.rule != first.optimizer.rule):
        raise ValueError(f"plan {k} has another shape, loss or rule than plan 0")
    for i in range(net.n_rows):
        r = net.rows + i
        if (r.op not in (DENSE, ACTIVATION, DROPOUT, ADD) or r.max_norm != 0 or e.optimizer.clip_norm > 0
                or r.activity_l1 != 0 or r.activity_l2 != 0):
            raise ValueError(f"plan {k} has a norm, max_norm or clip_norm, or a row or penalty that lanes have not")
        if r.bias_l1 != 0 or r.bias_l2 != 0:
            raise ValueError(f"plan {k} has a bias_l1 or bias_l2, which lanes have not")
        if not has_same_row(r, first.net.rows + i):
            raise ValueError(f"row {i} of plan {k} is not that of plan 0")
    if e.job.n != first.job.n or e.job.batch_size != first.job.batch_size:
        raise ValueError(f"plan {k} has {e.job.n} rows in batches of {e.job.batch_size}, plan 0 has {first.job.n} in "
                         f"batches of {first.job.batch_size}")
    return 0


cdef int make_room_apart(Engine *e) except -1:
    """For what the network's own engine does, by this thread alone: scores of an epoch, batches that are recorded."""
    if e.scoring.validation.X != NULL:
        exchange_jobs(e)
        make_room(e, 0, e.job.n, 1)
        exchange_jobs(e)
        e.scoring.tuning.team = e.scoring.tuning.n_most = e.scoring.tuning.guess = 1
    if e.job.n_records > 0:
        make_room(e, 1, e.job.batch_size, 1)
    return 0


cdef class _Together:
    """Plans that have begun a job of training each, and the lanes they share."""

    cdef Lanes g
    cdef list plans, results, held

    def __cinit__(self, isize n):
        self.plans, self.results, self.held = [], [], []
        self.g.all = <Engine **>calloc(max(n, <isize>1), sizeof(Engine *))
        allocated(<void *>self.g.all, n)

    def __dealloc__(self):
        free_lanes(&self.g)

    def add(self, Plan plan not None, X, target, sample_weight=None, *, isize first_epoch=0, isize epochs=1,
            isize batch_size=32, bint shuffle=True, uint64_t seed=0, predictions=None, max_seconds=None,
            learning_rates=None, recorded=None, watcher=None, validation=None, thresholds=None, listener=None):
        cdef Engine *e = &plan.e
        cdef Scoring scoring
        plan.enter()
        self.plans.append(plan)
        self.held.append(prepare_scoring(e, &scoring, validation, thresholds, listener))
        borrowed = X, target, sample_weight, predictions, learning_rates, recorded, thresholds, *(validation or ())
        self.held += [memoryview(array) for array in borrowed if array is not None]
        self.held += [watcher, listener]
        plan.result = prepare_training(e, X, target, sample_weight, first_epoch, epochs, batch_size, shuffle, seed,
                                       predictions, max_seconds, learning_rates, recorded, &scoring, None, None)
        self.results.append(plan.result)
        e.watch.watcher = NULL if watcher is None else <PyObject *>watcher
        self.g.all[self.g.n_all] = e
        check_lane(e, self.g.all[0], self.g.n_all)
        make_room_apart(e)
        self.g.n_all += 1

    def run(self):
        if NN_BFLOAT16:  # for the compiler, which leaves the lanes out there
            return
        self.g.net, self.g.forks = &self.g.all[0].net, fork_count()
        make_lanes(&self.g)
        with nogil:
            train_lanes(&self.g)
        if self.g.exception != NULL:
            error = <object>self.g.exception
            Py_XDECREF(self.g.exception)
            self.g.exception = NULL
            raise error

    def end(self):
        """Let go of the plans; return the error of each, or None."""
        cdef Plan plan
        errors = []
        for plan, result in zip(self.plans, self.results):
            error = None
            try:
                end_training(&plan.e, result)
                raise_what_ended_it(&plan.e)
            except BaseException as found:
                error = found
            errors.append(error)
        for plan in self.plans:
            plan.busy = 0
        return errors


def train_together(plans, calls):
    """Train small networks of one shape together, each to the bits that ``plans[k].train(**calls[k])`` would give.

    So many at a time as a vector has lanes: the first ones in the list begin, and where one ends, the next takes its
    place. Plans may differ in their values and slots, in the constants of the optimizer, in penalties and the rates of
    dropout, but in no row of the program beside these, nor in the loss or the optimizer's rule; and jobs not in the
    number of rows and the batch size. Norms, max_norm and clip_norm are not for lanes.

    Parameters
    ----------
    plans : sequence of Plan
        Each once.
    calls : sequence of dict
        For each, what `Plan.train` takes. Watchers and listeners are called by this thread. Those of one network end
        its training alone, by true or by an error; a signal ends all, each at the start of its epoch.

    Returns
    -------
    results : list of TrainResult
        Of each. One that diverges is as `Plan.train` leaves it, the others go on.
    errors : list of BaseException or None
        What its watcher or listener has raised.

    Raises
    ------
    ValueError
        If a network cannot be trained with the others: none is trained then.
    BaseException
        What a signal's handler has raised.
    """
    plans, calls = list(plans), list(calls)
    if len(plans) != len(calls):
        raise ValueError(f"{len(plans)} plans have {len(calls)} calls: give one for each")
    together = _Together(len(plans))
    try:
        for plan, call in zip(plans, calls):
            together.add(plan, **call)
        if plans:
            together.run()
    finally:
        errors = together.end()
    return together.results, errors
