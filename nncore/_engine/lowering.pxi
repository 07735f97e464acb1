# From nncore.program's rows to the engine's: codes for names, offsets into panelled arenas for plain ones.

cdef enum:                    # measured; in multiply-adds for each value
    WORK_OF_ACTIVATION = 8
    WORK_OF_TRANSPOSING = 6
    COLUMNS_BYTES = 1 << 20   # what a second-level cache holds

cdef enum:
    MAX_CLASSES = 1 << 24     # as many whole numbers float32 can count: losses.h compares labels as reals

cdef int build_engine(Engine *e, object program) except -1:
    cdef int i, n = len(program.rows)
    e.n_features, e.n_outputs, e.n_parameters = program.n_features, program.n_outputs, program.n_parameters
    e.loss = name_index(program.loss, NN_LOSS_NAMES, NN_N_LOSSES)
    e.link = name_index(program.link, NN_ACTIVATION_NAMES, NN_N_ACTIVATIONS)
    e.loss_parameter = program.loss_parameter
    if e.loss == NN_sparse_softmax_crossentropy and e.n_outputs > MAX_CLASSES:
        raise ValueError(f"the network has {e.n_outputs:,} outputs; sparse labels can tell {MAX_CLASSES:,} apart")
    e.rows = <Row *>calloc(n, sizeof(Row))
    allocated(e.rows, n)
    e.n_rows = n
    e.n_columns = nn_padded(e.n_features)
    for i in range(n):
        build_row(e, i, program.rows[i])
    for i in range(n):
        connect_row(e, i, program.rows[i])
    build_norms(e)
    build_blocks(e)
    build_panels(e)
    e.widest = e.n_features
    for i in range(n):
        e.widest = max(e.widest, e.rows[i].n_out)
        e.scratch_size = max(e.scratch_size, 2 * NN_V * e.rows[i].n_out + NN_DRAWN)
    e.scratch_size += (2 * NN_W + 1) * NN_W
    e.in_columns = columns_pay(e)
    e.scratch_size = max(e.scratch_size, e.n_columns, columns_scratch(e) if e.in_columns else 0)
    e.scratch_size = (e.scratch_size + 15) // 16 * 16
    return 0


cdef int build_row(Engine *e, int i, object source) except -1:
    cdef Row *r = e.rows + i
    r.op = ("dense", "activation", "batchnorm", "layernorm", "dropout", "add").index(source.op)
    r.activation = name_index(source.activation, NN_ACTIVATION_NAMES, NN_N_ACTIVATIONS)
    # by way of double: Cython takes `real` for float and would round a Python float to that
    r.parameter, r.n_in, r.n_out = <real><double>source.parameter, source.n_in, source.n_out
    r.momentum, r.rate, r.layer = <real><double>source.momentum, source.parameter, source.layer
    r.l1, r.l2, r.max_norm = source.l1, source.l2, source.max_norm or 0.0
    r.weight_decay = -1.0 if source.weight_decay is None else source.weight_decay
    r.plain, r.statistics = source.weight, source.statistics
    r.x, r.live_x = block_of(e, source.source, 0), block_of(e, source.source, 1)
    r.skip, r.live_skip = block_of(e, source.skip, 0), block_of(e, source.skip, 1)
    r.y = new_block(e, r.n_out)
    r.live_y = r.live_x if r.op == DROPOUT else r.y
    r.z = r.y if r.op == DENSE else r.x
    if r.op == LAYERNORM or r.op == DROPOUT or (r.op == DENSE and NN_ACTIVATION_KEEPS_INPUT[r.activation]):
        r.z = new_block(e, r.n_out)
    if r.op == LAYERNORM:
        r.inverse = new_block(e, 1)
    place_parameters(e, r, source.bias >= 0)
    return 0


cdef isize block_of(const Engine *e, int row, int live) noexcept:
    """The block that a row writes; the first one, of the batch, for -1 and less."""
    return 0 if row < 0 else e.rows[row].live_y if live else e.rows[row].y


cdef isize new_block(Engine *e, isize n_columns) noexcept:
    cdef isize block = e.n_columns
    e.n_columns += nn_padded(n_columns)
    return block


cdef int learns(const Engine *e, isize block) noexcept:
    """Whether a block depends on parameters, so that its delta is worth knowing."""
    cdef int i
    for i in range(e.n_rows):
        if e.rows[i].y == block:
            return e.rows[i].plain >= 0 or e.rows[i].back or e.rows[i].back_skip
    return 0


cdef int connect_row(Engine *e, int i, object source) except -1:
    """Work out which deltas go back; those of earlier rows are known by now."""
    cdef Row *r = e.rows + i
    cdef Row *before = e.rows + <int>source.source
    cdef int j, first = 1
    r.back, r.back_skip = learns(e, r.x), r.op == ADD and learns(e, r.skip)
    for j in range(e.n_rows):
        if j > i:
            r.more |= reads(e, j, r.x)
            r.more_skip |= reads(e, j, r.skip)
        elif j < i:
            first &= not reads(e, j, r.x)
    if r.op == ACTIVATION and r.more:
        r.part = new_block(e, r.n_out)
    if r.op == DENSE and r.back:
        r.transposed = e.n_transposed
        e.n_transposed += (nn_padded(r.n_in) * r.n_out + 15) // 16 * 16
        # the slope needs the whole delta: the first reader is the last to add its part
        r.gate = before.gated = first and before.op == DENSE and before.activation == NN_relu
    return 0


cdef int reads(const Engine *e, int j, isize block) noexcept:
    return e.rows[j].x == block or (e.rows[j].op == ADD and e.rows[j].skip == block)


cdef isize columns_scratch(const Engine *e) noexcept:
    """What predict_columns needs: two areas for the widest columns, and a vector."""
    return 2 * NN_W * (e.widest + 1)


cdef int columns_pay(const Engine *e) noexcept:
    """Columns compute no filling of panels, but transpose the input, and suffer more where they outgrow the cache."""
    cdef int i
    cdef isize filling = 0
    for i in range(e.n_rows):
        if e.rows[i].op == LAYERNORM or e.rows[i].op == ADD:
            return 0  # columns.pxi has no such
        if e.rows[i].op == DENSE:
            filling += (nn_padded(e.rows[i].n_out) - e.rows[i].n_out) * (WORK_OF_ACTIVATION + e.rows[i].n_in)
    return (filling > WORK_OF_TRANSPOSING * e.n_features
            and (e.n_weights + columns_scratch(e)) * <isize>sizeof(real) < COLUMNS_BYTES)


cdef void place_parameters(Engine *e, Row *r, int has_bias) noexcept:
    """A norm has places for gamma and beta even if they are not learned."""
    r.weight = r.transposed = -1
    if r.op == DENSE:
        r.n_weight_rows = r.n_in + has_bias
    elif r.op == BATCHNORM or r.op == LAYERNORM:
        r.n_weight_rows = 4 if r.op == BATCHNORM else 2
    else:
        return
    r.weight = e.n_weights
    e.n_weights += (nn_padded(r.n_out) * r.n_weight_rows + 15) // 16 * 16


cdef int build_norms(Engine *e) except -1:
    cdef int i
    e.norm_rows = <int *>calloc(e.n_rows, sizeof(int))
    allocated(e.norm_rows, e.n_rows)
    for i in range(e.n_rows):
        e.n_layer_norms += e.rows[i].op == LAYERNORM
        e.reads_batch |= e.rows[i].op != DENSE and e.rows[i].live_x == 0
        e.reads_batch |= e.rows[i].op == ADD and e.rows[i].live_skip == 0
        e.penalizes |= e.rows[i].l1 != 0 or e.rows[i].l2 != 0
        e.decays |= e.rows[i].weight_decay > 0
        e.limits_columns |= e.rows[i].max_norm != 0
        if e.rows[i].op == BATCHNORM:
            e.norm_rows[e.n_norm_rows] = i
            e.n_norm_rows += 1
            e.rows[i].norm = e.n_norms
            e.n_norms += nn_padded(e.rows[i].n_out) * N_NORM_ROWS
    e.norms = nn_allocate(e.n_norms)
    return allocated(e.norms, e.n_norms)


cdef inline isize inputs_of_blocks(const Row *r) noexcept:
    """How many blocks there are for each panel of outputs."""
    return 0 if r.weight < 0 else nn_panel_count(r.n_in) if r.op == DENSE else 1


cdef int build_blocks(Engine *e) except -1:
    cdef int i
    cdef isize p, q, k = 0
    for i in range(e.n_rows):
        e.n_blocks += inputs_of_blocks(e.rows + i) * nn_panel_count(e.rows[i].n_out)
    e.blocks = <Block *>calloc(e.n_blocks, sizeof(Block))
    allocated(e.blocks, e.n_blocks)
    for i in range(e.n_rows):
        for p in range(nn_panel_count(e.rows[i].n_out)):
            for q in range(inputs_of_blocks(e.rows + i)):
                e.blocks[k].row, e.blocks[k].p, e.blocks[k].q = i, p, q
                k += 1
    return 0


cdef int build_panels(Engine *e) except -1:
    cdef isize k
    e.panels = <Panel *>calloc(e.n_blocks, sizeof(Panel))
    allocated(e.panels, e.n_blocks)
    for k in range(e.n_blocks):
        if e.blocks[k].q == 0:
            e.panels[e.n_panels].row, e.panels[e.n_panels].p = e.blocks[k].row, e.blocks[k].p
            e.panels[e.n_panels].column = e.n_squares
            e.n_squares += nn_panel_width(e.rows[e.blocks[k].row].n_out, e.blocks[k].p)
            e.n_panels += 1
    return 0


# ---------------------------------------------------------------------------- plain vectors in and out of panels

cdef void load_plain(Engine *e, real *plain, const real *panelled) noexcept nogil:
    """plain: (n_parameters), in the order of the program."""
    cdef int i
    cdef isize k
    cdef const Row *r
    for i in range(e.n_rows):
        r = e.rows + i
        if r.plain >= 0:
            for k in range(n_plain_rows(r)):
                nn_load_row(plain + r.plain + k * r.n_out, panelled + r.weight, r.n_weight_rows, r.n_out, k)


cdef void store_plain(Engine *e, real *panelled, const real *plain) noexcept nogil:
    cdef int i
    cdef isize k
    cdef const Row *r
    for i in range(e.n_rows):
        r = e.rows + i
        if r.plain >= 0:
            for k in range(n_plain_rows(r)):
                nn_store_row(panelled + r.weight, r.n_weight_rows, r.n_out, k, plain + r.plain + k * r.n_out)


cdef void load_statistics(Engine *e, real *plain, const real *state) noexcept nogil:
    """plain: (n_statistics): mean and variance of each batchnorm."""
    cdef int i, k
    cdef const Row *r
    for i in range(e.n_norm_rows):
        r = e.rows + e.norm_rows[i]
        for k in range(2):
            nn_load_row(plain + r.statistics + k * r.n_out, state + r.weight, r.n_weight_rows, r.n_out,
                        RUNNING_MEAN + k)


cdef void store_statistics(Engine *e, real *state, const real *plain) noexcept nogil:
    cdef int i, k
    cdef const Row *r
    for i in range(e.n_norm_rows):
        r = e.rows + e.norm_rows[i]
        for k in range(2):
            nn_store_row(state + r.weight, r.n_weight_rows, r.n_out, RUNNING_MEAN + k,
                         plain + r.statistics + k * r.n_out)


cdef int begin_norms(Engine *e) except -1:
    """gamma 1 in every norm, also in those that do not learn it; running variance 1 in every batchnorm."""
    cdef int i
    cdef const Row *r
    cdef real[::1] ones = np.ones(e.widest, DTYPE)
    for i in range(e.n_rows):
        r = e.rows + i
        if r.op == BATCHNORM or r.op == LAYERNORM:
            nn_store_row(e.state + r.weight, r.n_weight_rows, r.n_out, GAMMA, &ones[0])
        if r.op == BATCHNORM:
            nn_store_row(e.state + r.weight, r.n_weight_rows, r.n_out, RUNNING_VARIANCE, &ones[0])
    return 0
