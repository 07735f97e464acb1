# Predictor: one row at a time, from NumPy's memory through the kernels of single.h and back.

cdef extern from "<unistd.h>" nogil:
    int usleep(unsigned int microseconds)


cdef enum:
    STACK_REALS = 4096      # a call with wider layers takes its scratch from the heap
    HELD_WORK = 1 << 16     # multiply-adds; less is done sooner than the GIL is given away and got back


cdef double PATIENCE = 0.05
cdef long long EXACT = <long long>1 << 53  # below it, a double has all whole numbers


cdef void predict_each_row(const Network *net, const Weights *w, const real *X, isize n, real *out,
                           real *scratch) noexcept nogil:
    cdef isize i
    cdef unsigned fp = nn_fp_begin(1)
    for i in range(n):
        predict_row(net, w, X + i * net.n_features, out + i * net.n_outputs, scratch)
    nn_fp_end(fp)


cdef isize predict_some_rows(const Network *net, const Weights *w, const real *X, isize n, real *out,
                             real *scratch) noexcept nogil:
    """Rows until it is time to look for signals, or all of them; return how many."""
    cdef isize row = 0, stop, n_held = 1 + HELD_WORK // net.n_weights
    cdef double poll_at = nn_now() + POLL_SECONDS
    while row < n:
        stop = min(row + n_held, n)
        predict_each_row(net, w, X + row * net.n_features, stop - row, out + row * net.n_outputs, scratch)
        row = stop
        if nn_now() >= poll_at:
            break
    return row


cdef inline bint is_plain(x) noexcept:
    """Whether x is an array that can be read as it is: reals, aligned, in C order and in the processor's byte order."""
    return numpy.PyArray_CheckExact(x) and numpy.PyArray_TYPE(x) == real_type() and numpy.PyArray_ISCARRAY_RO(x)


cdef inline bint is_matrix(x, isize n_cols) noexcept:
    """Whether x is a plain array of so many columns."""
    return is_plain(x) and numpy.PyArray_NDIM(x) == 2 and numpy.PyArray_DIM(x, 1) == n_cols


cdef inline double plain_number(x) noexcept:
    """A Python float, or an int that a double has exactly; NaN for all else."""
    cdef long long whole
    cdef int overflow
    if PyFloat_CheckExact(x):
        return PyFloat_AS_DOUBLE(x)
    if PyLong_CheckExact(x):
        whole = PyLong_AsLongLongAndOverflow(x, &overflow)
        if not overflow and -EXACT < whole < EXACT:
            return <double>whole
    return NAN


cdef class Predictor:
    """A network frozen for calls with a single row; `nncore.Predictor` documents it, `Sequential.predictor` makes it.

    Parameters
    ----------
    program : nncore.program.Program
        The rows to run.
    parameters : array of shape (n_parameters,)
        Copied.
    statistics : array of shape (n_statistics,)
        Copied.
    convert : callable
        Makes a C-contiguous, aligned array of the engine's DTYPE from an x that is none.
    """

    cdef Network net
    cdef Weights weights            # its state and moments
    cdef readonly object program
    cdef object convert
    cdef int n_running              # calls that have given the GIL away
    cdef int n_waiting              # threads that bring other numbers, and wait until none has

    def __cinit__(self, program, const real[::1] parameters not None, const real[::1] statistics not None, convert):
        cdef Network *net = &self.net
        build_network(net, program, 0)
        self.program, self.convert = program, convert
        allocate_weights(&self.weights, net)
        begin_norms(net, self.weights.state)
        self.set_parameters(parameters, statistics)

    def __dealloc__(self):
        free_network(&self.net)
        free_weights(&self.weights)

    def set_parameters(self, const real[::1] parameters not None, const real[::1] statistics not None):
        """Take other numbers for the same program; who is calling meanwhile has the old ones until its end."""
        cdef Network *net = &self.net
        if parameters.shape[0] != net.n_parameters:
            raise ValueError(f"parameters has length {len(parameters)}, the program has {net.n_parameters} parameters")
        if statistics.shape[0] != self.program.n_statistics:
            raise ValueError(f"statistics has length {len(statistics)}, the program has {self.program.n_statistics}")
        self.wait_for_calls()
        store_parameters(net, self.weights.state, &parameters[0], 0)
        if NN_BFLOAT16:
            transpose_all(net, &self.weights)
        if net.n_norm_rows > 0:
            store_statistics(net, self.weights.state, &statistics[0])
            take_running_moments(net, &self.weights)

    def exchange(self, Predictor other not None):
        """Become what the other is, with its program, and the other what this one was."""
        while self.n_running or other.n_running:
            self.wait_for_calls()
            other.wait_for_calls()
        self.net, other.net = other.net, self.net
        self.weights, other.weights = other.weights, self.weights
        self.program, other.program = other.program, self.program

    cdef int wait_for_calls(self) except -1:
        self.n_waiting += 1
        try:
            while self.n_running:
                with nogil:
                    usleep(20)
                PyErr_CheckSignals()
        finally:
            self.n_waiting -= 1
        return 0

    cdef int let_others_in(self) except -1:
        """Begin no call while anyone waits for the end of all: threads that call again and again would never all be
        out. Not for longer than PATIENCE, for a signal's handler may call amid a call that is waited for."""
        cdef double until
        if self.n_waiting:
            until = nn_now() + PATIENCE
            while self.n_waiting and nn_now() < until:
                with nogil:
                    usleep(20)
                PyErr_CheckSignals()
        return 0

    @property
    def n_features(self):
        return self.net.n_features

    @property
    def n_outputs(self):
        return self.net.n_outputs

    @property
    def dtype(self):
        return DTYPE

    @property
    def parameters(self):
        """A copy of all weights and biases (n_parameters,), in the program's order."""
        flat = np.empty(self.net.n_parameters, DTYPE)
        cdef real[::1] out = flat
        load_parameters(&self.net, &out[0], self.weights.state)
        return flat

    @property
    def statistics(self):
        """A copy of all running means and variances (n_statistics,)."""
        flat = np.empty(self.program.n_statistics, DTYPE)
        cdef real[::1] out = flat
        if self.net.n_norm_rows > 0:
            load_statistics(&self.net, &out[0], self.weights.state)
        return flat

    def __repr__(self):
        return f"Predictor(n_features={self.n_features}, n_outputs={self.n_outputs}, dtype={DTYPE})"

    @cython.embedsignature(False)  # what `help` and `inspect` read of such a method is its docstring's first lines
    def __call__(self, x, out=None):
        """__call__($self, x, out=None)\n--\n
        Return the network's output for `x`, one row (n_features,) or n rows (n, n_features), in `out` if it is given.

        `nncore.Predictor.__call__` documents both, and the errors.
        """
        cdef numpy.ndarray source, result
        cdef isize n
        source = x if is_plain(x) else self.row_of_numbers(x)
        if source is None:
            source = self.convert(x)
        n = self.count_rows(source)
        if out is None:
            result = self.empty_outputs(source)
        else:
            result = self.checked_out(source, out)
            if n > 1 and np.may_share_memory(source, result):
                source = source.copy()  # or a row of outputs could fall on inputs that are still to be read
        self.run(<const real *>numpy.PyArray_DATA(source), n, <real *>numpy.PyArray_DATA(result))
        return result

    cdef numpy.ndarray row_of_numbers(self, x):
        """A list or tuple of one Python number for each feature, as an array; None for all else, which is looked at."""
        cdef numpy.npy_intp i, n = self.net.n_features
        cdef numpy.ndarray row
        cdef real *out
        if not (PyList_CheckExact(x) or PyTuple_CheckExact(x)) or PySequence_Fast_GET_SIZE(x) != n:
            return None
        row = numpy.PyArray_EMPTY(1, &n, real_type(), 0)
        out = <real *>numpy.PyArray_DATA(row)
        for i in range(n):
            out[i] = <real>plain_number(<object>PySequence_Fast_GET_ITEM(x, i))
            if not isfinite(out[i]):
                return None
        return row

    cdef isize count_rows(self, numpy.ndarray x) except -1:
        """Check type and shape of x, on which memory safety rests; return how many rows it holds."""
        cdef int n_dim
        if not is_plain(x):
            raise TypeError(f"x must be an array of dtype {DTYPE}, got {type(x).__name__}")
        n_dim = numpy.PyArray_NDIM(x)
        if not 1 <= n_dim <= 2 or numpy.PyArray_DIM(x, n_dim - 1) != self.net.n_features:
            n = self.net.n_features
            raise ValueError(f"x must have shape ({n},), or (n, {n}) for n rows, got {(<object>x).shape}")
        return 1 if n_dim == 1 else numpy.PyArray_DIM(x, 0)

    cdef numpy.ndarray empty_outputs(self, numpy.ndarray x):
        cdef numpy.npy_intp shape[2]
        cdef int n_dim = numpy.PyArray_NDIM(x)
        shape[0] = numpy.PyArray_DIM(x, 0)
        shape[n_dim - 1] = self.net.n_outputs
        return numpy.PyArray_EMPTY(n_dim, shape, real_type(), 0)

    cdef numpy.ndarray checked_out(self, numpy.ndarray x, out):
        cdef int n_dim = numpy.PyArray_NDIM(x)
        if not isinstance(out, numpy.ndarray):
            raise TypeError(f"out must be an array of dtype {DTYPE}, got {type(out).__name__}")
        if not numpy.PyArray_CheckExact(out) and isinstance(out, np.ma.MaskedArray):
            raise TypeError(f"out must be an array of dtype {DTYPE} without a mask, got MaskedArray; pass its .data")
        if not (numpy.PyArray_TYPE(out) == real_type() and numpy.PyArray_ISCARRAY(out)):
            found = "" if out.flags.writeable else ", read-only"
            found += "" if out.flags.c_contiguous else ", not contiguous"
            found += "" if out.flags.aligned else ", not aligned"
            expected = f"a writable, aligned, C-contiguous array of dtype {DTYPE}"
            raise ValueError(f"out must be {expected}, got {out.dtype}{found}")
        if not (numpy.PyArray_NDIM(out) == n_dim and numpy.PyArray_DIM(out, n_dim - 1) == self.net.n_outputs
                and (n_dim == 1 or numpy.PyArray_DIM(out, 0) == numpy.PyArray_DIM(x, 0))):
            expected = f"({self.net.n_outputs},)" if n_dim == 1 else f"({len(x)}, {self.net.n_outputs})"
            raise ValueError(f"out must have shape {expected} for x of shape {(<object>x).shape}, got {out.shape}")
        return out

    cdef int check_categories(self, const real *X, isize n) except -1:
        cdef isize k, i
        cdef const Category *known
        cdef const real *x
        cdef unsigned fp = nn_fp_begin(1)
        cdef int fit = categories_fit(&self.net, X, n)
        nn_fp_end(fp)
        for k in range(0 if fit else self.net.n_categories):
            known = self.net.categories + k
            for i in range(n):
                x = X + i * self.net.n_features + known.column
                if not nn_are_tokens(x, 1, 1, known.n_tokens):
                    said = repr(x[0]) if 0 <= x[0] < known.n_tokens else f"{x[0]:g}"
                    raise ValueError(f"x holds {said} at row {i}, column {known.column}, which is to be one "
                                     f"of {known.n_tokens} categories; expected a whole number from 0 to "
                                     f"{known.n_tokens - 1}")
        return 0

    cdef int run(self, const real *X, isize n, real *out) except -1:
        """Little work holds the GIL and takes its scratch from the stack; so several threads may call at once."""
        cdef real stack[STACK_REALS]
        cdef real *scratch
        cdef isize row = 0
        if self.net.n_categories > 0:
            self.check_categories(X, n)
        if self.net.n_columns <= STACK_REALS and n * self.net.n_weights <= HELD_WORK:
            predict_each_row(&self.net, &self.weights, X, n, out, stack)
            return 0
        self.let_others_in()
        scratch = nn_allocate(self.net.n_columns)
        allocated(scratch, self.net.n_columns)
        self.n_running += 1
        try:
            while row < n:
                with nogil:
                    row += predict_some_rows(&self.net, &self.weights, X + row * self.net.n_features, n - row,
                                             out + row * self.net.n_outputs, scratch)
                PyErr_CheckSignals()
        finally:
            self.n_running -= 1
            free(scratch)
        return 0
