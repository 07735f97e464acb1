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
    build_blocks(e)
    e.widest = e.n_features
    for i in range(n):
        e.widest = max(e.widest, e.rows[i].n_out)
        e.scratch_size = max(e.scratch_size, 2 * NN_V * e.rows[i].n_out)
    e.scratch_size += (2 * NN_W + 1) * NN_W
    e.in_columns = columns_pay(e)
    e.scratch_size = max(e.scratch_size, columns_scratch(e) if e.in_columns else 2 * nn_padded(e.widest))
    e.scratch_size = (e.scratch_size + 15) // 16 * 16
    return 0


cdef int build_row(Engine *e, int i, object source) except -1:
    cdef Row *r = e.rows + i
    r.op = ("dense", "activation").index(source.op)
    r.activation = name_index(source.activation, NN_ACTIVATION_NAMES, NN_N_ACTIVATIONS)
    # by way of double: Cython takes `real` for float and would round a Python float to that
    r.parameter, r.n_in, r.n_out = <real><double>source.parameter, source.n_in, source.n_out
    r.plain, r.n_weight_rows = source.weight, r.n_in + (source.bias >= 0)
    r.weight = r.transposed = -1
    r.x = 0 if i == 0 else e.rows[i - 1].y
    r.y = e.n_columns
    e.n_columns += nn_padded(r.n_out)
    r.z = r.y if r.op == DENSE else r.x
    if r.op == DENSE and NN_ACTIVATION_KEEPS_INPUT[r.activation]:
        r.z = e.n_columns
        e.n_columns += nn_padded(r.n_out)
    if r.op == DENSE:
        place_parameters(e, r, i)
    return 0


cdef isize columns_scratch(const Engine *e) noexcept:
    """What predict_columns needs: two areas for the widest columns, and a vector."""
    return 2 * NN_W * (e.widest + 1)


cdef int columns_pay(const Engine *e) noexcept:
    """Columns compute no filling of panels, but transpose the input, and suffer more where they outgrow the cache."""
    cdef int i
    cdef isize filling = 0
    for i in range(e.n_rows):
        filling += (nn_padded(e.rows[i].n_out) - e.rows[i].n_out) * (WORK_OF_ACTIVATION + e.rows[i].n_in)
    return (filling > WORK_OF_TRANSPOSING * e.n_features
            and (e.n_weights + columns_scratch(e)) * <isize>sizeof(real) < COLUMNS_BYTES)


cdef void place_parameters(Engine *e, Row *r, int i) noexcept:
    """Only rows behind the first dense row pass a gradient on, so only they need the transpose."""
    cdef int j, first = 1
    for j in range(i):
        first = first and e.rows[j].op != DENSE
    r.weight = e.n_weights
    e.n_weights += (nn_padded(r.n_out) * r.n_weight_rows + 15) // 16 * 16
    if not first:
        r.transposed = e.n_transposed
        e.n_transposed += (nn_padded(r.n_in) * r.n_out + 15) // 16 * 16


cdef int build_blocks(Engine *e) except -1:
    cdef int i
    cdef isize p, q, k = 0
    for i in range(e.n_rows):
        if e.rows[i].op == DENSE:
            e.n_blocks += nn_panel_count(e.rows[i].n_in) * nn_panel_count(e.rows[i].n_out)
    e.blocks = <Block *>calloc(e.n_blocks, sizeof(Block))
    allocated(e.blocks, e.n_blocks)
    for i in range(e.n_rows):
        if e.rows[i].op != DENSE:
            continue
        for p in range(nn_panel_count(e.rows[i].n_out)):
            for q in range(nn_panel_count(e.rows[i].n_in)):
                e.blocks[k].row, e.blocks[k].p, e.blocks[k].q = i, p, q
                k += 1
    return 0


# ---------------------------------------------------------------------------- plain vectors in and out of panels

cdef void load_plain(Engine *e, real *plain, const real *panelled) noexcept nogil:
    """plain: (n_parameters), in the order of the program."""
    cdef int i
    cdef Row *r
    for i in range(e.n_rows):
        r = e.rows + i
        if r.op == DENSE:
            load_matrix(plain + r.plain, panelled + r.weight, r.n_weight_rows, r.n_out)


cdef void store_plain(Engine *e, real *panelled, const real *plain) noexcept nogil:
    cdef int i
    cdef Row *r
    for i in range(e.n_rows):
        r = e.rows + i
        if r.op == DENSE:
            store_matrix(panelled + r.weight, plain + r.plain, r.n_weight_rows, r.n_out)
