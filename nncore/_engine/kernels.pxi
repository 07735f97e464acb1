# Single kernels on NumPy arrays: the code of the plan, callable piece by piece. `nncore.kernels` documents them.

DTYPE = np.dtype(np.float32 if NN_REAL_BITS == 32 else np.float64)
TILE_SHAPE = (NN_MR, NN_W)
N_LANES = NN_V
ACTIVATION_NAMES = tuple(NN_ACTIVATION_NAMES[i].decode() for i in range(NN_N_ACTIVATIONS))
KEEPS_INPUT = tuple(bool(NN_ACTIVATION_KEEPS_INPUT[i]) for i in range(NN_N_ACTIVATIONS))
LOSS_NAMES = tuple(NN_LOSS_NAMES[i].decode() for i in range(NN_N_LOSSES))
OPTIMIZER_NAMES = tuple(NN_OPTIMIZER_NAMES[i].decode() for i in range(NN_N_OPTIMIZERS))
OPTIMIZER_SLOTS = tuple(NN_OPTIMIZER_SLOTS[i] for i in range(NN_N_OPTIMIZERS))


cdef class _CleanFloatingPoint:
    """A with block in the kernels' floating-point environment."""

    cdef unsigned before

    def __enter__(self):
        self.before = nn_fp_begin(NN_BFLOAT16)  # there subnormal numbers count as zero by definition

    def __exit__(self, *exception):
        nn_fp_end(self.before)


cdef class _Panels:
    """A zeroed matrix in panels."""

    cdef real *data
    cdef isize n_rows, n_cols

    def __cinit__(self, isize n_rows, isize n_cols):
        self.n_rows, self.n_cols = n_rows, n_cols
        self.data = nn_allocate(n_rows * nn_padded(n_cols))
        allocated(self.data, n_rows * nn_padded(n_cols))

    def __dealloc__(self):
        free(self.data)

    cdef real *panel(self, isize p) noexcept:
        return self.data + nn_panel_at(self.n_rows, self.n_cols, p, 0)

    cdef object to_array(self):
        out = np.empty((self.n_rows, self.n_cols), DTYPE)
        cdef real[:, ::1] view_out = out
        if out.size:
            load_matrix(&view_out[0, 0], self.data, self.n_rows, self.n_cols)
        return out


cdef _Panels in_panels(const real[:, ::1] matrix):
    panels = _Panels(matrix.shape[0], matrix.shape[1])
    if matrix.shape[0] and matrix.shape[1]:
        store_matrix(panels.data, &matrix[0, 0], matrix.shape[0], matrix.shape[1])
    return panels


cdef class _Words:
    """What bfloat16.h makes of the rows of a matrix."""

    cdef _Panels memory
    cdef isize room, n_cols

    def __cinit__(self, _Panels matrix, bint left):
        cdef nn_packing packing
        self.room, self.n_cols = nn_filled(matrix.n_rows), matrix.n_cols
        self.memory = _Panels(1, NN_PAIR * self.room * nn_short_padded(self.n_cols))
        packing.x, packing.x_rows, packing.n_cols, packing.flat = matrix.data, matrix.n_rows, matrix.n_cols, 0
        packing.rows, packing.pairs, packing.room, packing.left = self.memory.data, self.pairs(0), self.room, left
        nn_pack(&packing, 0, matrix.n_rows)

    cdef real *pairs(self, isize panel) noexcept:
        return (self.memory.data + (NN_PAIR - 1) * self.room * nn_short_padded(self.n_cols)
                + nn_short_pairs_at(self.room, panel * NN_W, 0))


cdef _Panels words_of_weight(_Panels w):
    cdef isize p
    words = _Panels(nn_words(w.n_rows), w.n_cols)
    for p in range(nn_panel_count(w.n_cols)):
        nn_pack_weight(words.panel(p), NULL, 0, w.panel(p), w.n_rows, nn_panel_cols(w.n_cols, p),
                       nn_panel_width(w.n_cols, p))
    return words


cdef _Panels product(_Panels x, _Panels w, _Panels bias):
    """bias + x w, in panels; bias may be None."""
    cdef nn_product p
    cdef isize i
    cdef _Words x_words = _Words(x, 1) if NN_BFLOAT16 else None
    cdef _Panels w_words = words_of_weight(w) if NN_BFLOAT16 else None
    y = _Panels(x.n_rows, w.n_cols)
    for i in range(nn_panel_count(w.n_cols)):
        p.x, p.x_rows, p.n_k, p.w, p.y = x.data, x.n_rows, x.n_cols, w.panel(i), y.panel(i)
        p.more, p.n_cols = 0, nn_panel_cols(w.n_cols, i)
        p.bias, p.relu, p.gate = NULL if bias is None else bias.panel(i), 0, NULL
        p.n_ahead, p.flat, p.suspect = 0, 0, NULL
        if NN_BFLOAT16:
            p.x, p.x_rows, p.w = x_words.memory.data, x_words.room, w_words.panel(i)
            nn_short_product(&p, nn_panel_width(w.n_cols, i), 0, x.n_rows)
        else:
            nn_product_panel(&p, nn_panel_width(w.n_cols, i), 0, x.n_rows)
    return y


def dense_forward(const real[:, ::1] x not None, const real[:, ::1] weight not None, const real[::1] bias,
                  str activation, double parameter):
    b = None if bias is None else in_panels(np.asarray(bias)[None, :])
    with _CleanFloatingPoint():
        z = product(in_panels(x), in_panels(weight), b).to_array()
    return z if activation == "identity" else activate(activation, z, parameter)


def dense_backward(const real[:, ::1] x not None, const real[:, ::1] weight not None, const real[:, ::1] dz not None):
    cdef nn_outer outer
    cdef isize p, q, n_in = x.shape[1], n_out = dz.shape[1], n = x.shape[0]
    cdef _Panels x_panels = in_panels(x), dz_panels = in_panels(dz)
    cdef _Panels dweight = _Panels(n_in, n_out), dbias = _Panels(1, n_out), scratch = _Panels(NN_W, NN_W)
    cdef _Panels levels = _Panels(nn_level_count(nn_group_count(n)) * NN_W, NN_W)
    cdef _Words x_words = _Words(x_panels, 1) if NN_BFLOAT16 else None
    cdef _Words dz_words = _Words(dz_panels, 0) if NN_BFLOAT16 else None
    outer.tree.before, outer.tree.last, outer.tree.levels, outer.tree.step = 0, 1, levels.data, NN_W * NN_W
    transposed = in_panels(np.ascontiguousarray(np.asarray(weight).T))
    with _CleanFloatingPoint():
        dx = product(dz_panels, transposed, None)
        for p in range(nn_panel_count(n_out)):
            nn_column_sums(dbias.panel(p), &outer.tree, dz_panels.panel(p), n, nn_panel_width(n_out, p))
            for q in range(nn_panel_count(n_in)):
                outer.x, outer.dz, outer.n_rows = x_panels.panel(q), dz_panels.panel(p), n
                outer.n_in, outer.x_width = nn_panel_cols(n_in, q), nn_panel_width(n_in, q)
                outer.n_out, outer.width = nn_panel_cols(n_out, p), nn_panel_width(n_out, p)
                outer.update, outer.with_bias, outer.scratch = NULL, 0, scratch.data
                outer.gradient = dweight.panel(p) + q * NN_W * nn_panel_width(n_out, p)
                if NN_BFLOAT16:
                    outer.x_pairs, outer.dz_pairs = x_words.pairs(q), dz_words.pairs(p)
                nn_outer_block(&outer)
    return dx.to_array(), dweight.to_array(), dbias.to_array()[0]


def transpose(const real[:, ::1] x not None):
    """The transpose, by way of the panels' blocks."""
    cdef isize p, q, n = x.shape[0], m = x.shape[1]
    cdef _Panels a = in_panels(x), b = _Panels(m, n)
    for p in range(nn_panel_count(m)):
        for q in range(nn_panel_count(n)):
            nn_transpose_block(b.panel(q) + p * NN_W * nn_panel_width(n, q), nn_panel_width(n, q),
                               a.panel(p) + q * NN_W * nn_panel_width(m, p), nn_panel_width(m, p),
                               nn_panel_cols(n, q), nn_panel_cols(m, p))
    return b.to_array()


# ---------------------------------------------------------------------------------------------------- elementwise

cdef object padded_copy(values):
    """A flat copy whose length is a multiple of NN_V."""
    flat = np.zeros((values.size + NN_V - 1) // NN_V * NN_V, DTYPE)
    flat[:values.size] = np.asarray(values).reshape(-1)
    return flat


def activate(str activation, x, double parameter):
    cdef int code = name_index(activation, NN_ACTIVATION_NAMES, NN_N_ACTIVATIONS)
    if code == NN_softmax:
        return softmax(x)
    flat = padded_copy(x)
    cdef real[::1] a = flat
    with _CleanFloatingPoint():
        if a.shape[0]:
            nn_activate(code, <real>parameter, &a[0], &a[0], a.shape[0])
    return flat[:x.size].reshape(x.shape)


def activate_backward(str activation, dy, x, y, double parameter):
    cdef int code = name_index(activation, NN_ACTIVATION_NAMES, NN_N_ACTIVATIONS)
    if code == NN_softmax:
        return softmax_backward(dy, y)
    flat = padded_copy(dy)
    cdef real[::1] a = flat, b = padded_copy(x), c = padded_copy(y)
    with _CleanFloatingPoint():
        if a.shape[0]:
            nn_activate_backward(code, <real>parameter, &a[0], &a[0], &c[0], &b[0], a.shape[0])
    return flat[:dy.size].reshape(dy.shape)


def softmax(const real[:, ::1] x not None):
    cdef _Panels a = in_panels(x)
    cdef real[::1] columns = np.empty(max(a.n_cols * NN_V, 1), DTYPE)
    with _CleanFloatingPoint():
        if a.n_cols:
            softmax_rows(a.data, a.data, a.n_rows, a.n_cols, 0, a.n_rows, &columns[0])
    return a.to_array()


def softmax_backward(const real[:, ::1] dy not None, const real[:, ::1] y not None):
    cdef _Panels a = in_panels(dy), b = in_panels(y)
    cdef real[::1] columns = np.empty(max(2 * a.n_cols * NN_V, 1), DTYPE)
    with _CleanFloatingPoint():
        if a.n_cols:
            softmax_backward_rows(a.data, a.data, b.data, a.n_rows, a.n_cols, 0, a.n_rows, &columns[0])
    return a.to_array()


def function(str name, const real[::1] x not None):
    """One function of vecmath.h on a vector."""
    cdef int code = name_index(name, NN_FUNCTION_NAMES, NN_N_FUNCTIONS)
    flat = padded_copy(x)
    cdef real[::1] a = flat
    with _CleanFloatingPoint():
        if a.shape[0]:
            nn_apply_function(code, &a[0], &a[0], a.shape[0])
    return flat[:x.shape[0]]


FUNCTION_NAMES = tuple(NN_FUNCTION_NAMES[i].decode() for i in range(NN_N_FUNCTIONS))


# -------------------------------------------------------------------------------------- losses, updates, the order

def loss(str name, const real[:, ::1] raw_prediction not None, target, double parameter, reading=None):
    """Losses of the rows, and their gradients: the engine's code on a network without layers."""
    cdef Network net
    cdef Job job
    cdef _Panels z = in_panels(raw_prediction)
    cdef isize n = raw_prediction.shape[0], row = 0
    cdef const int[::1] labels
    cdef const real[:, ::1] targets
    memset(&net, 0, sizeof(Network))
    memset(&job, 0, sizeof(Job))
    net.n_outputs = raw_prediction.shape[1]
    build_head(&net, net.n_outputs, name, parameter, "identity", reading, 1.0)
    values = np.empty(n + NN_V)
    cdef double[::1] out = values
    cdef real[:, ::1] columns = np.zeros((3, max(net.n_outputs * NN_V, 1)), DTYPE)
    if reads_labels(&net):
        labels = target
        job.labels = &labels[0] if n else NULL
    else:
        targets = target
        job.targets = &targets[0, 0] if n else NULL
    with _CleanFloatingPoint():
        while row < n:
            nn_load_columns(&columns[0, 0], z.data, n, net.n_outputs, row, min(<isize>NN_V, n - row))
            loss_of_columns(&net, &job, min(<isize>NN_V, n - row), row, 1.0, &out[row], &columns[0, 0], &columns[1, 0],
                            &columns[2, 0])
            nn_store_columns(z.data, &columns[0, 0], n, net.n_outputs, row, min(<isize>NN_V, n - row))
            row += NN_V
    free_network(&net)
    return values[:n], z.to_array()


def _roots(const real[::1] x not None):
    """The square roots of x, as update rules take them. For tests."""
    roots = np.zeros((x.shape[0] + NN_V - 1) // NN_V * NN_V, DTYPE)
    roots[: x.shape[0]] = x
    cdef real[::1] r = roots
    with _CleanFloatingPoint():
        if r.shape[0]:
            nn_roots(&r[0], r.shape[0], fused_roots)
    return roots[: x.shape[0]]


def update(optimizer, real[::1] w not None, const real[::1] g not None, real[:, ::1] slots, isize t, bint decay):
    """One step of an optimizer's rule on w and slots (n_slots, n), in place; t counts from 1."""
    cdef Network net
    cdef Optimizer o
    cdef nn_update step
    cdef nn_shape shape
    memset(&shape, 0, sizeof(nn_shape))
    shape.scale = 1
    memset(&net, 0, sizeof(Network))
    memset(&o, 0, sizeof(Optimizer))
    configure_optimizer(&o, &net, optimizer)
    cdef isize n = w.shape[0], n_slots = NN_OPTIMIZER_SLOTS[o.rule], i
    copies = np.zeros((2 + n_slots, (n + NN_V - 1) // NN_V * NN_V), DTYPE)  # gradient, then a state
    copies[0, :n], copies[1, :n] = g, w
    for i in range(n_slots):
        copies[2 + i, :n] = slots[i]
    cdef real[:, ::1] a = copies
    o.iterations = t - 1
    with _CleanFloatingPoint():
        prepare_hyper(&o)
        if n:
            nn_update_begin(&step, o.rule, &o.hyper, a.shape[1])
            shape.keep = <real>(1.0 - o.learning_rate * o.weight_decay)
            shape.keep_other = shape.keep if o.decays_biases else 1
            nn_update_shape(&step, &shape)
            nn_update_run(&step, decay, &a[1, 0], &a[1, 0], &a[0, 0], a.shape[1])
    np.asarray(w)[:] = copies[1, :n]
    for i in range(n_slots):
        np.asarray(slots)[i] = copies[2 + i, :n]


def permutation(isize n, uint64_t seed, uint64_t epoch, part=None):
    """The order in which an epoch visits n rows; in parts, as train.pxi draws it, between which signals are heard.

    With a `part` that of its blocks, 0, or of the rows in one of its windows, counted from 1.
    """
    cdef int stream = NN_STREAM_SHUFFLE if part is None else NN_STREAM_BLOCKS
    cdef uint64_t number = 0 if part is None else part
    out = np.empty(n, np.int64)
    cdef int64_t[::1] order = out
    cdef isize row = n - 1, stop
    if n:
        nn_count_up(&order[0], 0, n)
    while row > 0:
        stop = max(row - SHUFFLED, <isize>0)
        with nogil:
            nn_shuffle(&order[0], n, row, stop, seed, stream, number, epoch)
        PyErr_CheckSignals()
        row = stop
    return out


def mean(const double[::1] values not None):
    """Their mean, of which there are some, in the bits of `Plan.evaluate` for losses of rows."""
    cdef unsigned fp = nn_fp_begin(1)
    cdef double found = nn_mean(&values[0], values.shape[0])
    nn_fp_end(fp)
    return found
