# From nncore.program's rows to the engine's: codes for names, offsets into panelled arenas for those into flat vectors.

cdef enum:                    # measured; in multiply-adds for each value
    WORK_OF_ACTIVATION = 8
    WORK_OF_TRANSPOSING = 6
    COLUMNS_BYTES = 1 << 20   # what a second-level cache holds
    SET_BYTES = 1 << 12       # memory so far apart shares a set of the first-level cache, on all processors that matter

cdef enum:
    MAX_CLASSES = 1 << 24     # as many whole numbers float32 can count: losses.h compares labels as reals

OPS = ("dense", "activation", "batchnorm", "layernorm", "dropout", "add",  # in the order of their enum
       "columns", "concat", "one_hot", "embedding", "prelu", "rmsnorm", "noise")


cdef int build_network(Network *net, object program, int to_inputs) except -1:
    """to_inputs: whether deltas go back as far as what the network reads."""
    cdef int i, n = len(program.rows)
    net.n_features, net.n_outputs, net.n_parameters = program.n_features, program.n_outputs, program.n_parameters
    build_heads(net, program)
    net.rows = <Row *>calloc(n, sizeof(Row))
    allocated(net.rows, n)
    net.n_rows, net.to_inputs = n, to_inputs
    net.n_columns, net.widest = nn_padded(net.n_features), net.n_features
    for i in range(n):
        build_row(net, i, program.rows[i])
        net.widest = max(net.widest, net.rows[i].n_out)
        net.n_written += net.rows[i].n_out
    for i in range(n):
        connect_row(net, i, program.rows[i])
    if net.n_heads > 1:
        net.linked = new_block(net, net.n_outputs)
    note_kinds(net)
    build_categories(net, program.categories)
    build_norms(net)
    build_blocks(net)
    build_panels(net)
    net.in_columns = columns_pay(net)
    net.gathers = net.reads_batch or (not NN_BFLOAT16 and rows_collide(net.n_features))  # rounding reads no line twice
    return 0


cdef int link_code(str name) except -1:
    cdef int i
    for i in range(NN_N_LINKS - NN_N_ACTIVATIONS):
        if NN_OTHER_LINKS[i] == name.encode():
            return NN_N_ACTIVATIONS + i
    return name_index(name, NN_ACTIVATION_NAMES, NN_N_ACTIVATIONS)


cdef int build_heads(Network *net, object program) except -1:
    """One for each loss; a program with a single one says of itself what else its heads say."""
    cdef isize first = 0
    if not program.heads:
        build_head(net, net.n_outputs, program.loss, program.loss_parameter, program.link, program.reading, 1.0)
        return 0
    for head in program.heads:
        if not 1 <= head.n_outputs <= net.n_outputs:
            raise ValueError(f"a head has {head.n_outputs} outputs, the network has {net.n_outputs}")
        build_head(net, head.n_outputs, head.loss, head.loss_parameter, head.link, head.reading, head.weight)
        first += head.n_outputs
    if first != net.n_outputs:
        raise ValueError(f"the heads have {first} outputs, the network has {net.n_outputs}")
    return 0


cdef int build_head(Network *net, isize n_outputs, str loss, double parameter, str link, object reading,
                    double weight) except -1:
    """Append a head, for the next columns of what the last row writes."""
    cdef Head *heads = <Head *>realloc(net.heads, (net.n_heads + 1) * sizeof(Head))
    cdef Head *h
    cdef isize first = 0
    allocated(heads, net.n_heads + 1)
    net.heads = heads
    if net.n_heads > 0:
        h = heads + net.n_heads - 1
        first = h.first + h.n_outputs
    h = heads + net.n_heads
    memset(h, 0, sizeof(Head))
    net.n_heads += 1
    h.first, h.first_target, h.n_outputs = first, net.n_targets, n_outputs
    h.loss_parameter, h.weight = parameter, weight
    h.loss = OWN_LOSS if loss == "custom" else name_index(loss, NN_LOSS_NAMES, NN_N_LOSSES)
    h.link = link_code(link)
    build_reading(h, reading)
    h.n_targets = 1 if h.loss == NN_sparse_softmax_crossentropy else h.reading.n_targets
    net.n_targets += h.n_targets
    if h.loss == NN_sparse_softmax_crossentropy and n_outputs > MAX_CLASSES:
        raise ValueError(f"the network has {n_outputs:,} outputs; sparse labels can tell {MAX_CLASSES:,} apart")
    if net.n_heads > 1 and (h.loss == OWN_LOSS or net.heads.loss == OWN_LOSS):
        raise ValueError("a loss of the user's own cannot be one of several")
    return 0


cdef int build_reading(Head *h, object reading) except -1:
    """Take over a `nncore.losses.Reading`; None leaves targets as they are."""
    cdef isize c, n
    cdef double *columns
    h.reading.n_targets = h.n_outputs
    if reading is None:
        return 0
    n = h.reading.n = len(reading.parameters)
    if not 1 <= reading.n_targets <= n <= h.n_outputs or n % reading.n_targets > 0:
        raise ValueError(f"{reading.n_targets} targets cannot be read as {n} for {h.n_outputs} outputs")
    columns = <double *>calloc(3 * n, sizeof(double))
    allocated(columns, 3 * n)
    h.reading.parameters, h.reading.weights, h.reading.positives = columns, columns + n, columns + 2 * n
    for c in range(n):
        columns[c], columns[n + c] = reading.parameters[c], reading.weights[c]
        columns[2 * n + c] = reading.positives[c]
    h.reading.n_targets, h.reading.smoothing, h.reading.missing = (
        reading.n_targets, reading.smoothing, reading.missing)
    return 0


cdef int build_row(Network *net, int i, object source) except -1:
    cdef Row *r = net.rows + i
    r.op = OPS.index(source.op)
    r.activation = name_index(source.activation, NN_ACTIVATION_NAMES, NN_N_ACTIVATIONS)
    # by way of double: Cython takes `real` for float and would round a Python float to that
    r.parameter, r.n_in, r.n_out = <real><double>source.parameter, source.n_in, source.n_out
    r.momentum, r.rate, r.layer = <real><double>source.momentum, source.parameter, source.layer
    r.bias_l1, r.bias_l2 = source.bias_l1, source.bias_l2
    r.l1, r.l2, r.max_norm = source.l1, source.l2, source.max_norm or 0.0
    r.activity_l1, r.activity_l2 = source.activity_l1, source.activity_l2
    r.weight_decay = -1.0 if source.weight_decay is None else source.weight_decay
    r.frozen, r.rate_factor = source.frozen, source.rate_factor
    r.flat, r.statistics = source.weight, source.statistics
    build_columns(r, source.columns)
    r.n_tokens = source.n_tokens
    if r.op == EMBEDDING:
        r.n_in = r.n_tokens
    r.x, r.live_x = block_of(net, source.source, 0), block_of(net, source.source, 1)
    r.skip, r.live_skip = block_of(net, source.skip, 0), block_of(net, source.skip, 1)
    r.y = new_block(net, r.n_out)
    r.live_y = r.live_x if r.op == DROPOUT or r.op == NOISE else r.y
    r.z = r.y if r.op == DENSE else r.x
    if keeps_own(r) or (r.op == DENSE and NN_ACTIVATION_KEEPS_INPUT[r.activation]):
        r.z = new_block(net, r.n_out)
    if r.op == LAYERNORM or r.op == RMSNORM or r.op == EMBEDDING:
        r.inverse = new_block(net, 1)
    place_parameters(net, r, source.bias >= 0)
    return 0


cdef int build_columns(Row *r, tuple columns) except -1:
    cdef isize c
    if r.op == COLUMNS:
        r.columns = <isize *>calloc(r.n_out, sizeof(isize))
        allocated(r.columns, r.n_out)
        for c in range(r.n_out):
            r.columns[c] = columns[c]
    return 0


cdef int build_categories(Network *net, tuple categories) except -1:
    cdef isize k, n = len(categories)
    net.categories = <Category *>calloc(max(n, <isize>1), sizeof(Category))
    allocated(net.categories, n)
    for k in range(n):
        net.categories[k].column, net.categories[k].n_tokens = categories[k].column, categories[k].n
    net.n_categories = n
    return 0


cdef isize block_of(const Network *net, int row, int live) noexcept:
    """The block that a row writes; the first one, of the batch, for -1 and less."""
    return 0 if row < 0 else net.rows[row].live_y if live else net.rows[row].y


cdef isize new_block(Network *net, isize n_columns) noexcept:
    cdef isize block = net.n_columns
    net.n_columns += nn_padded(n_columns)
    return block


cdef int learns(const Network *net, isize block) noexcept:
    """Whether a block depends on parameters, so that its delta is worth knowing."""
    cdef int i
    if block == 0:
        return net.to_inputs
    for i in range(net.n_rows):
        if net.rows[i].y == block:
            return (net.rows[i].flat >= 0 and not net.rows[i].frozen) or net.rows[i].back or net.rows[i].back_skip
    return 0


cdef int connect_row(Network *net, int i, object source) except -1:
    """Work out which deltas go back; those of earlier rows are known by now."""
    cdef Row *r = net.rows + i
    cdef Row *before = net.rows + max(<int>source.source, 0)
    cdef int j, first = 1
    r.back, r.back_skip = learns(net, r.x), reads_two(r) and learns(net, r.skip)
    r.more_skip = reads_two(r) and r.skip == r.x
    for j in range(net.n_rows):
        if j > i:
            r.more |= reads(net, j, r.x)
            r.more_skip |= reads(net, j, r.skip)
        elif j < i:
            first &= not reads(net, j, r.x)
    if r.op == ACTIVATION and r.more:
        r.own_delta = new_block(net, r.n_out)
    if r.op == DENSE and r.back:
        r.transposed = net.n_transposed
        net.n_transposed += (nn_padded(r.n_in) * (nn_words(r.n_out) if NN_BFLOAT16 else r.n_out) + 15) // 16 * 16
        # the slope needs the whole delta: the first reader is the last to add its part
        first &= r.x != 0 and before.op == DENSE and before.activation == NN_relu
        r.gate = before.gated = first
    return 0


cdef int reads(const Network *net, int j, isize block) noexcept:
    return net.rows[j].x == block or (reads_two(net.rows + j) and net.rows[j].skip == block)


cdef isize columns_scratch(const Network *net) noexcept nogil:
    """What predict_columns needs: two areas for the widest columns, and a vector."""
    return 2 * NN_W * (net.widest + 1)


cdef isize weights_scratch(const Network *net) noexcept:
    """The area of the loss for the weights of targets, where these are read."""
    cdef int k
    for k in range(net.n_heads):
        if net.heads[k].reading.parameters != NULL:
            return NN_V * net.n_outputs
    return 0


cdef isize scratch_for(const Network *net) noexcept:
    """What any of a worker's duties needs; loss.pxi says where the gradient's part lies."""
    cdef int i
    cdef isize size = 0
    for i in range(net.n_rows):
        size = max(size, 2 * NN_V * net.rows[i].n_out + NN_DRAWN)
    size += weights_scratch(net) + (2 * NN_W + 1) * NN_W
    size = max(size, net.n_columns, columns_scratch(net) + weights_scratch(net) if net.in_columns else 0)
    return (size + 15) // 16 * 16


cdef int columns_pay(const Network *net) noexcept:
    """Columns compute no filling of panels, but transpose the input, and suffer more where they outgrow the cache."""
    cdef int i
    cdef isize filling = 0
    for i in range(net.n_rows):
        if net.rows[i].op not in (DENSE, ACTIVATION, BATCHNORM, DROPOUT, NOISE) or NN_BFLOAT16:
            return 0  # columns.pxi has no such
        if net.rows[i].live_x != (net.rows[i - 1].live_y if i > 0 else 0):
            return 0  # as in a part of a program, of which branches were not put together yet
        if net.rows[i].op == DENSE:
            filling += (nn_padded(net.rows[i].n_out) - net.rows[i].n_out) * (WORK_OF_ACTIVATION + net.rows[i].n_in)
    return (filling > WORK_OF_TRANSPOSING * net.n_features
            and (net.n_weights + columns_scratch(net)) * <isize>sizeof(real) < COLUMNS_BYTES)


cdef int rows_collide(isize n_cols) noexcept:
    """Whether rows in C order lie multiples of SET_BYTES apart, or nearly: a set holds fewer than a register tile."""
    cdef isize beyond = n_cols * <isize>sizeof(real) + NN_ALIGN
    return beyond >= SET_BYTES and beyond % SET_BYTES < 2 * NN_ALIGN


cdef void place_parameters(Network *net, Row *r, int has_bias) noexcept:
    """A norm has places for gamma and beta even if they are not learned."""
    r.weight = r.transposed = -1
    if has_matrix(r):
        r.n_weight_rows = r.n_in + has_bias
        if NN_BFLOAT16 and r.op == DENSE:
            place_words(net, r)
    elif r.op == BATCHNORM or r.op == LAYERNORM or r.op == RMSNORM:
        r.n_weight_rows = 4 if r.op == BATCHNORM else 2
    elif r.op == PRELU:
        r.n_weight_rows = 1
    else:
        return
    r.weight = net.n_weights
    net.n_weights += (nn_padded(r.n_out) * r.n_weight_rows + 15) // 16 * 16


cdef void note_kinds(Network *net) noexcept:
    """What kinds of rows there are."""
    cdef int i
    net.first_learning = net.n_rows
    for i in range(net.n_rows):
        net.n_vectors += net.rows[i].op in (LAYERNORM, RMSNORM, PRELU)
        net.reads_batch |= net.rows[i].op != DENSE and net.rows[i].live_x == 0
        net.reads_batch |= reads_two(net.rows + i) and net.rows[i].live_skip == 0
        if net.rows[i].flat >= 0 and not net.rows[i].frozen:
            net.first_learning = min(net.first_learning, i)
        net.penalizes |= net.rows[i].l1 != 0 or net.rows[i].l2 != 0
        net.penalizes |= net.rows[i].bias_l1 != 0 or net.rows[i].bias_l2 != 0
        net.decays |= net.rows[i].weight_decay > 0
        net.limits_columns |= net.rows[i].max_norm != 0
        net.scales_rates |= net.rows[i].rate_factor != 1


cdef int build_norms(Network *net) except -1:
    cdef int i
    net.norm_rows = <int *>calloc(net.n_rows, sizeof(int))
    allocated(net.norm_rows, net.n_rows)
    net.live_norms = <int *>calloc(net.n_rows, sizeof(int))
    allocated(net.live_norms, net.n_rows)
    for i in range(net.n_rows):
        if net.rows[i].op == BATCHNORM:
            net.norm_rows[net.n_norm_rows] = i
            net.n_norm_rows += 1
            if not net.rows[i].frozen:
                net.live_norms[net.n_live_norms] = i
                net.n_live_norms += 1
            net.rows[i].moments = net.n_moments
            net.n_moments += nn_padded(net.rows[i].n_out) * N_NORM_ROWS
    return 0


cdef inline isize inputs_of_blocks(const Row *r) noexcept:
    """How many blocks there are for each panel of outputs."""
    return 0 if r.weight < 0 else nn_panel_count(r.n_in) if has_matrix(r) else 1


cdef int build_blocks(Network *net) except -1:
    cdef int i
    cdef isize p, q, k = 0
    for i in range(net.n_rows):
        net.n_blocks += inputs_of_blocks(net.rows + i) * nn_panel_count(net.rows[i].n_out)
    net.blocks = <Block *>calloc(net.n_blocks, sizeof(Block))
    allocated(net.blocks, net.n_blocks)
    for i in range(net.n_rows):
        for p in range(nn_panel_count(net.rows[i].n_out)):
            for q in range(inputs_of_blocks(net.rows + i)):
                net.blocks[k].row, net.blocks[k].p, net.blocks[k].q = i, p, q
                k += 1
    return 0


cdef int build_panels(Network *net) except -1:
    cdef isize k
    net.panels = <Panel *>calloc(net.n_blocks, sizeof(Panel))
    allocated(net.panels, net.n_blocks)
    for k in range(net.n_blocks):
        if net.blocks[k].q == 0:
            net.panels[net.n_panels].row, net.panels[net.n_panels].p = net.blocks[k].row, net.blocks[k].p
            net.panels[net.n_panels].column = net.n_squares
            net.n_squares += nn_panel_width(net.rows[net.blocks[k].row].n_out, net.blocks[k].p)
            net.n_panels += 1
    return 0
