# The Python class around an Engine: it owns the memory, and every job runs with the GIL released.

cdef class Plan:
    """A program made ready to run: its parameters, its optimizer's state, and memory for the rows of a batch.

    Parameters
    ----------
    program : nncore.program.Program
        The rows to run.
    to_inputs : bool
        Whether `input_gradient` can be asked for.
    """

    cdef Engine e
    cdef int busy
    cdef object own_loss
    cdef readonly object program
    cdef readonly TrainResult result    # of the last train, also of one that a signal ended; while one runs, with room

    def __cinit__(self, program, bint to_inputs=False):
        cdef Engine *e = &self.e
        self.program = program
        build_network(&e.net, program, to_inputs)
        if e.net.heads.loss == OWN_LOSS:
            self.own_loss = program.own_loss
            e.own_loss = <PyObject *>self.own_loss
        allocate_weights(&e.weights, &e.net)
        ensure_vector(&e.weights.transposed, e.net.n_transposed)
        begin_norms(&e.net, e.weights.state)
        gather_crew(&e.crew)
        e.crew.scratch_size = scratch_for(&e.net)
        e.optimizer.rule, e.optimizer.clip_scale = NN_sgd, 1
        if e.net.n_heads > 1:
            e.books.of_heads = <double *>calloc(2 * e.net.n_heads, sizeof(double))
            allocated(e.books.of_heads, 2 * e.net.n_heads)

    def __dealloc__(self):
        free_engine(&self.e)

    @property
    def threads_used(self):
        """By the last job."""
        return self.e.crew.threads_used

    @property
    def loss_is_checked(self):
        """Whether `step` may go by a loss of the user's own."""
        return bool(self.e.own_checked)

    @loss_is_checked.setter
    def loss_is_checked(self, bint checked):
        self.e.own_checked = checked

    cdef int enter(self) except -1:
        """Jobs keep their state in the plan: one at a time. The GIL makes test and set one step."""
        if self.busy:
            raise RuntimeError("model is computing already, in another thread or in the call that called this one")
        self.busy = 1
        return 0

    # ----------------------------------------------------------------------------------------------- state in and out

    def set_parameters(self, const real[::1] parameters not None):
        """Take all weights and biases, in the program's order; return whether any of them differs by a bit.

        Where none does, nothing is copied.
        """
        cdef int differs
        check_length(&self.e.net, "parameters", parameters.shape[0])
        self.enter()
        differs = store_parameters(&self.e.net, self.e.weights.state, &parameters[0], 0)
        self.e.weights.transposes_due |= differs
        self.busy = 0
        return bool(differs)

    def get_parameters(self, real[::1] out not None):
        check_length(&self.e.net, "out", out.shape[0])
        load_parameters(&self.e.net, &out[0], self.e.weights.state)

    def set_statistics(self, const real[::1] statistics not None):
        """Take all running means and variances, in the program's order."""
        check_statistics(self.program.n_statistics, "statistics", statistics.shape[0])
        self.enter()
        if statistics.shape[0] > 0:
            store_statistics(&self.e.net, self.e.weights.state, &statistics[0])
        self.busy = 0

    def get_statistics(self, real[::1] out not None):
        check_statistics(self.program.n_statistics, "out", out.shape[0])
        if out.shape[0] > 0:
            load_statistics(&self.e.net, &out[0], self.e.weights.state)

    @property
    def n_slots(self):
        """How many numbers the optimizer remembers per parameter."""
        return self.e.weights.n_slots

    @property
    def iterations(self):
        """Number of updates done."""
        return self.e.optimizer.iterations

    @iterations.setter
    def iterations(self, isize n):
        if n < 0:
            raise ValueError(f"iterations must be at least 0, got {n}")
        self.enter()
        self.e.optimizer.iterations = n
        self.busy = 0

    def set_slots(self, const real[:, ::1] slots not None):
        """Take the optimizer's state, one flat vector per slot."""
        cdef isize i
        if slots.shape[0] != self.n_slots:
            raise ValueError(f"slots has {slots.shape[0]} rows, the optimizer keeps {self.n_slots}")
        check_length(&self.e.net, "a row of slots", slots.shape[1])
        self.enter()
        for i in range(slots.shape[0]):
            store_parameters(&self.e.net, self.e.weights.state + (1 + i) * self.e.net.n_weights, &slots[i, 0], 0)
        self.busy = 0

    def get_slots(self, real[:, ::1] out not None):
        cdef isize i
        if out.shape[0] != self.n_slots:
            raise ValueError(f"out has {out.shape[0]} rows, the optimizer keeps {self.n_slots}")
        check_length(&self.e.net, "a row of out", out.shape[1])
        for i in range(out.shape[0]):
            load_parameters(&self.e.net, &out[i, 0], self.e.weights.state + (1 + i) * self.e.net.n_weights)

    def set_optimizer(self, optimizer):
        """Take the rule and constants of an `nncore.optimizers` dataclass.

        The slots and the count of iterations stay where the new rule has as many slots; else they start anew.
        """
        cdef Engine *e = &self.e
        cdef Optimizer wanted
        self.enter()
        try:
            wanted = e.optimizer
            configure_optimizer(&wanted, &e.net, optimizer)  # which runs Python's code: it may raise, for a signal, too
            if e.weights.spare == NULL or NN_OPTIMIZER_SLOTS[wanted.rule] != e.weights.n_slots:
                renew_slots(&e.weights, e.net.n_weights, NN_OPTIMIZER_SLOTS[wanted.rule])
                wanted.iterations = 0
            e.optimizer = wanted
        finally:
            self.busy = 0

    # -------------------------------------------------------------------------------------------------------- running

    def train(self, numpy.ndarray X, target not None, sample_weight=None, *, isize first_epoch=0,
              isize epochs=1, isize batch_size=32, bint shuffle=True, uint64_t seed=0, real[:, ::1] predictions=None,
              max_seconds=None, const double[::1] learning_rates=None, const int64_t[::1] recorded=None, watcher=None,
              validation=None, const double[::1] thresholds=None, listener=None, windows=None, feed=None,
              batch_listener=None):
        """Run whole epochs of mini-batch training.

        Parameters
        ----------
        X : array of shape (n, n_features)
            Of DTYPE, uint8, int8, int16 or float16: the last four count as what they are as DTYPE.
        target : int32 array of shape (n,) or real array of shape (n, n_outputs)
            Class indices for the sparse loss, values otherwise.
        sample_weight : array of shape (n,), optional
        first_epoch : int
            Number of the first epoch: it and `seed` determine the shuffles.
        epochs, batch_size : int
        shuffle : bool
        seed : int
        predictions : array of shape (n, n_outputs), optional
            Receives each row's output as of the step that trained on it.
        max_seconds : float, optional
            Return at the first end of an epoch after this time.
        learning_rates : float64 array of shape (epochs * steps of an epoch,), optional
            The learning rate of every step; the last one that was used stays in place of the optimizer's.
        recorded : int64 array of shape (n_records,), optional
            Ascending numbers of epochs of this call, 0 for the first, after which to record the layers.
        watcher : callable, optional
            Called some thirty times a second with the number of epochs that are done, the rows of the next one that
            have been trained on, and their mean loss (NaN if there are none). If it returns true or raises,
            training ends at once, and the plan returns to the start of that epoch.
        validation : tuple, optional
            X, target, sample_weight or None, predictions or None of rows to evaluate after each epoch.
        thresholds : float64 array of shape (n_counts,), optional
            For each, after each epoch, the share of the predictions that are right, of the rows trained on and of those
            of `validation`: NaN counts rows whose largest output is the true class, a number outputs on the right side
            of it. Both sets need `predictions`.
        listener : callable, optional
            Called after each epoch with its number, counted from that of the call, and a list of its loss and scores.
            If it returns true, that epoch is the last; so it is if it raises.
        windows : tuple of two int, optional
            Rows of a block and of a window, whole batches: `shuffle` then changes the places of blocks, and of the rows
            of each window, see `nncore.base.random.block_permutation`.
        feed : callable, optional
            X is None, and this is called before each window with the number of the epoch and that of the window in it.
            It returns the window's rows, blocks in the order of the epoch, each as it is: at least so many, in an array
            that it leaves alone until the next call. An error of its ends training at the start of the epoch.
        batch_listener : callable, optional
            Called after each batch with the number of epochs that are done, that of the batch in its epoch, and its
            loss. If it returns true or raises, training ends as by the watcher.

        Returns
        -------
        TrainResult
        """
        cdef Engine *e = &self.e
        cdef TrainResult result
        cdef Scoring scoring
        if (X is None) != (feed is not None) or (feed is not None and windows is None):
            raise ValueError("give X, or feed and windows")
        self.enter()  # first: a job of another thread may be exchanging what is checked
        try:
            row_losses = prepare_scoring(e, &scoring, validation, thresholds, listener)
            result = prepare_training(e, X, target, sample_weight, first_epoch, epochs, batch_size, shuffle, seed,
                                      predictions, max_seconds, learning_rates, recorded, &scoring, windows, feed)
            self.result = result  # already, for a child process in which the job does not come to its end
            e.watch.watcher = NULL if watcher is None else <PyObject *>watcher
            e.watch.batch_listener = NULL if batch_listener is None else <PyObject *>batch_listener
            try:
                run_training(e)
            finally:
                end_training(e, result)
            return result
        finally:
            self.busy = 0

    def step(self, X, y, sample_weight, double learning_rate, uint64_t seed, isize most, flat):
        """Train on one batch as the caller has it, if it is what the engine reads and has at most so many rows.

        Parameters
        ----------
        X, y, sample_weight
            Anything. A step is done on C-contiguous arrays of the engine's DTYPE (class indices: of int32 or int64)
            whose shapes and values may be trained on.
        learning_rate : float
        seed : int
        most : int
        flat : array of shape (n_parameters,), or None
            Parameters that go before the plan's own, and receive the new ones.

        Returns
        -------
        float or None
            The mean loss before the step; None, and nothing done, where the batch does not fit or the step diverges.
        """
        cdef double loss = step_plan(self, X, y, sample_weight, learning_rate, seed, most, flat)
        return loss if isfinite(loss) else None

    def go_back(self):
        """Where a training has been cut short by a fork of another thread: end it, at the start of its epoch."""
        if self.busy and is_training(&self.e):
            if self.result is not None and is_filling(&self.e, self.result):
                cut_result(self.result, &self.e.outcome)
            go_back(&self.e)

    def loss_and_gradient(self, numpy.ndarray X not None, target not None, sample_weight,
                          real[::1] gradient_out not None, uint64_t seed=0):
        """Return the mean loss over all rows, as training would see it; store its gradient, in the program's order."""
        self.enter()
        try:
            return store_gradient(&self.e, X, target, sample_weight, gradient_out, seed, 0)
        finally:
            self.busy = 0

    def explain(self, numpy.ndarray X not None, target not None, sample_weight, real[::1] gradient_out not None,
                uint64_t seed=0):
        """As `loss_and_gradient`, in the same bits as the first half of a training step on these rows as one batch.

        Returns
        -------
        loss : float
        values, deltas : list of ndarray of shape (n, n_out), or of None
            What every row of the program wrote, and the derivative of the loss by it: by the weighted sums of a dense
            row with an activation of its own, by the raw prediction of the last row, None where training has no use
            for it.
        """
        cdef Engine *e = &self.e
        cdef int i
        self.enter()
        try:
            loss = store_gradient(e, X, target, sample_weight, gradient_out, seed, 1)
            values = [copy_block(e, e.arena.values, i) for i in range(e.net.n_rows)]
            deltas = [copy_block(e, e.arena.deltas, i) if learns(&e.net, e.net.rows[i].y) else None
                      for i in range(e.net.n_rows)]
            return loss, values, deltas
        finally:
            self.busy = 0

    def backpropagate(self, numpy.ndarray X not None, const real[:, :, ::1] dys not None):
        """Carry derivatives of k functions by the raw predictions, dys (k, n, n_outputs), back through all rows.

        Returns
        -------
        values : list of ndarray of shape (n, n_out)
            What every row of the program wrote.
        deltas : list of ndarray of shape (k, n, n_out), or of None
            The derivatives by it, as in `explain`.
        """
        cdef Engine *e = &self.e
        cdef int i
        values = np.empty((len(X), e.net.n_written), DTYPE)
        deltas = np.empty((dys.shape[0], len(X), e.net.n_written), DTYPE)
        self.enter()
        try:
            prepare_backpropagation(e, X, dys, values, deltas)
            run_job(e, backpropagate_worker, FORWARD_FLOPS * (1 + dys.shape[0]), e.job.n, TILE_ROWS)
        finally:
            self.busy = 0
        ends = np.cumsum([e.net.rows[i].n_out for i in range(e.net.n_rows - 1)], dtype=np.intp)
        deltas = [d if learns(&e.net, e.net.rows[i].y) else None
                  for i, d in enumerate(np.split(deltas, ends, axis=2))]
        return np.split(values, ends, axis=1), deltas

    def backward(self, numpy.ndarray X not None, dys not None, real[::1] gradient_out not None, uint64_t seed=0,
                 bint training=True):
        """Store the derivative of ``sum(dys * outputs)`` by every parameter, in the program's order.

        Parameters
        ----------
        X : array of shape (n, n_features)
        dys : array of shape (n, n_outputs), or callable
            The derivatives by the outputs behind the link; or what returns, given None and the outputs, values of the
            rows, which do not matter if they are finite, and these derivatives.
        gradient_out : array of shape (n_parameters,)
        seed : int
        training : bool
            Whether batchnorm goes by the batch, which its running averages take in, and dropout drops.

        Returns
        -------
        bool
            Whether the outputs are finite; if not, there is no gradient. An array of dys is not asked that.
        """
        self.enter()
        try:
            return bool(backward_job(&self.e, X, dys, gradient_out, seed, training))
        finally:
            self.busy = 0

    def apply_gradient(self, const real[::1] gradient not None, double learning_rate):
        """Do one update by this gradient, in the program's order.

        Returns
        -------
        bool
            Whether all weights are finite after it; if not, nothing has been done.
        """
        self.enter()
        try:
            return bool(apply_job(&self.e, gradient, learning_rate))
        finally:
            self.busy = 0

    def input_gradient(self, numpy.ndarray X not None, const real[:, ::1] dys, real[:, :, ::1] out not None):
        """Store derivatives by the inputs; batchnorm goes by its running averages, and nothing is dropped.

        Parameters
        ----------
        X : array of shape (n, n_features)
        dys : array of shape (n, n_outputs), or None
            The derivatives by the outputs of one function, behind the link; None for every output by itself.
        out : array of shape (n, 1, n_features), or (n, n_outputs, n_features)
        """
        cdef Engine *e = &self.e
        self.enter()
        try:
            prepare_input_gradient(e, X, dys, out)
            run_job(e, backpropagate_worker, FORWARD_FLOPS * (1 + e.job.n_functions), e.job.n, TILE_ROWS)
        finally:
            self.busy = 0

    def reads(self, X):
        """Whether X is what `predict` takes: an array (n, n_features) of DTYPE, aligned and in C order."""
        return is_matrix(X, self.e.net.n_features)

    cdef numpy.ndarray outputs_for(self, numpy.ndarray X, out):
        """Check both, on which memory safety rests; return `out`, or a new array."""
        cdef numpy.npy_intp shape[2]
        check_readable(X, self.e.net.n_features)
        shape[0], shape[1] = numpy.PyArray_DIM(X, 0), self.e.net.n_outputs
        if out is None:
            return numpy.PyArray_EMPTY(2, shape, real_type(), 0)
        if not (is_matrix(out, shape[1]) and numpy.PyArray_DIM(out, 0) == shape[0] and numpy.PyArray_ISWRITEABLE(out)):
            raise ValueError(f"out must be a writable array {(shape[0], shape[1])} of {DTYPE} in C order")
        return out

    cdef int begin_prediction(self, numpy.ndarray X, numpy.ndarray out) except -1:
        self.enter()
        begin_job(&self.e, PREDICT)
        point_at(&self.e, X, kind_of_numbers(X, self.e.net.n_features))
        self.e.job.n = numpy.PyArray_DIM(X, 0)
        self.e.job.predictions = <real *>numpy.PyArray_DATA(out)
        return 0

    def predict(self, numpy.ndarray X not None, out=None):
        """Return the network's output (n, n_outputs) for every row of X, behind the link, in `out` if that is given.

        None if a value of X, where it is of DTYPE, is not finite, or not the category that it should be.
        """
        cdef numpy.ndarray result = self.outputs_for(X, out)
        if numpy.PyArray_DIM(X, 0) == 0:
            return result
        self.begin_prediction(X, result)
        try:
            run_prediction(&self.e)
            return None if nn_raised(&self.e.crew.not_finite) else result
        finally:
            self.busy = 0

    def predict_row(self, numpy.ndarray X not None, parameters):
        """As `predict` for a single row, by parameters that are read where they lie and not copied.

        The GIL is held, so that no other thread writes to them meanwhile.
        """
        cdef numpy.ndarray result = self.outputs_for(X, None)
        if numpy.PyArray_DIM(X, 0) != 1 or numpy.PyArray_TYPE(X) != real_type():
            raise ValueError(f"X must be a single row, got {len(X)}, of {DTYPE}, got {X.dtype}")
        if not (is_plain(parameters) and numpy.PyArray_SIZE(parameters) == self.e.net.n_parameters):
            raise ValueError(f"parameters must be a vector of {self.e.net.n_parameters} numbers of {DTYPE}")
        self.begin_prediction(X, result)
        try:
            predict_flat(&self.e, <const real *>numpy.PyArray_DATA(parameters))
            return None if nn_raised(&self.e.crew.not_finite) else result
        finally:
            self.busy = 0

    def evaluate(self, numpy.ndarray X not None, target not None, sample_weight=None,
                 real[:, ::1] predictions=None, double[::1] row_losses=None, double[:, ::1] head_losses=None):
        """Return the mean loss over all rows; optionally store the outputs (n, n_outputs), and the loss of each row.

        head_losses (n_heads, n): receives the loss of each row by each of several heads, without the head's weight.
        """
        cdef Engine *e = &self.e
        cdef double[::1] losses = np.empty(max(len(X), 1)) if row_losses is None else row_losses
        check_rows("row_losses", losses.shape[0], max(len(X), 1))
        self.enter()
        try:
            if e.net.heads.loss == OWN_LOSS and predictions is None:
                predictions = np.empty((len(X), e.net.n_outputs), DTYPE)
            prepare_job(e, EVALUATE, X, target, sample_weight, predictions, 0)
            e.job.losses = NULL if e.net.heads.loss == OWN_LOSS else &losses[0]
            if head_losses is not None:
                take_heads(e, head_losses)
            run_job(e, predict_worker, FORWARD_FLOPS, e.job.n, TILE_ROWS)
            if e.net.heads.loss == OWN_LOSS:
                score_own(e, &losses[0])
            return mean_loss(&losses[0], e.job.n)
        finally:
            self.busy = 0
