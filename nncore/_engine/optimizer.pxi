# Updates: the rule's constants for this step, and the update of one block of one weight while its gradient is hot.

cdef enum:
    POWER_PERIOD = 64   # iterations between two powers from scratch

cdef double integer_power(double base, isize exponent) noexcept nogil:
    """base ** exponent by squaring: unlike libm's pow, the same bits everywhere."""
    cdef double result = 1.0
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


cdef double periodic_power(double base, isize exponent) noexcept nogil:
    """base ** exponent from the power before it on; every `POWER_PERIOD`-th from scratch, so that the bits depend on
    base and exponent alone and rounding does not add up."""
    cdef isize i
    cdef double result = integer_power(base, exponent - exponent % POWER_PERIOD)
    for i in range(exponent % POWER_PERIOD):
        result *= base
    return result


cdef void raise_powers(Engine *e) noexcept nogil:
    """Bring power1 and power2 to `iterations`; mostly one multiplication each."""
    if e.power_of == e.iterations - 1 and e.iterations % POWER_PERIOD:
        e.power1 *= e.beta1
        e.power2 *= e.beta2
    else:
        e.power1 = periodic_power(e.beta1, e.iterations)
        e.power2 = periodic_power(e.beta2, e.iterations)
    e.power_of = e.iterations


cdef int configure_optimizer(Engine *e, object optimizer) except -1:
    """Take the rule and constants of an `nncore.optimizers` dataclass."""
    cdef int rule = name_index(optimizer.rule, NN_OPTIMIZER_NAMES, NN_N_OPTIMIZERS)
    e.rule, e.learning_rate = rule, optimizer.rate
    e.beta1 = getattr(optimizer, "beta_1", getattr(optimizer, "momentum", 0.0))
    e.beta2 = getattr(optimizer, "beta_2", getattr(optimizer, "rho", 0.0))
    e.epsilon = getattr(optimizer, "epsilon", 0.0)
    e.weight_decay = getattr(optimizer, "weight_decay", 0.0)
    e.clip_value, e.clip_norm, e.clip_scale = optimizer.clip_value or 0.0, optimizer.clip_norm or 0.0, 1.0
    e.shapes = e.penalizes or e.decays or e.weight_decay > 0 or e.clip_value > 0 or e.clip_norm > 0
    e.power_of = -1
    return 0


cdef void prepare_hyper(Engine *e) noexcept nogil:
    """Count one more step and fill e.hyper for it."""
    cdef nn_hyper *h = &e.hyper
    e.iterations += 1
    h.beta1, h.one_minus_beta1 = <real>e.beta1, <real>(1.0 - e.beta1)
    h.beta2, h.one_minus_beta2 = <real>e.beta2, <real>(1.0 - e.beta2)
    h.epsilon, h.step, h.root_scale = <real>e.epsilon, <real>e.learning_rate, 1
    if e.rule == NN_adam or e.rule == NN_nadam:
        raise_powers(e)
        h.step = <real>(e.learning_rate / (1.0 - e.power1))
        h.root_scale = <real>(1.0 / sqrt(1.0 - e.power2))
    if e.rule == NN_nadam:
        h.step_g = <real>(e.learning_rate * (1.0 - e.beta1) / (1.0 - e.power1))
        h.step = <real>(e.learning_rate * e.beta1 / (1.0 - e.power1 * e.beta1))


# --------------------------------------------------------------------------------------------------- one block

cdef void shape_for(Engine *e, const Row *r, nn_update *update) noexcept nogil:
    """Tell an update which weight it has come to."""
    cdef nn_shape shape
    cdef double decay = e.weight_decay if r.weight_decay < 0 else r.weight_decay
    shape.l1, shape.two_l2, shape.limit = <real>r.l1, <real>(2 * r.l2), <real>e.clip_value
    shape.scale, shape.keep = <real>e.clip_scale, <real>(1.0 - e.learning_rate * decay)
    nn_update_shape(update, &shape)


cdef inline isize block_at(const Row *r, const Block *block) noexcept nogil:
    """Where a block starts in a state."""
    return r.weight + nn_panel_at(r.n_weight_rows, r.n_out, block.p, block.q * NN_W)


cdef inline int has_bias(const Row *r, const Block *block) noexcept nogil:
    """The bias, a row behind those of the weight, goes with the last of their blocks."""
    return r.n_weight_rows > r.n_in and (block.q + 1) * NN_W >= r.n_in


cdef void gradient_of_weight(Engine *e, const Block *block, real *scratch, nn_update *update) noexcept nogil:
    """Add the segment's rows to the gradient of a block of a weight; update the block at once where that is possible.

    Then the gradient stays in scratch and never reaches memory.
    """
    cdef const Row *r = e.rows + block.row
    cdef const Stage *s = &e.stage
    cdef isize at = block_at(r, block)
    cdef nn_outer outer
    outer.x = values_at(e, r.x) + nn_panel_at(e.room, r.n_in, block.q, 0)
    outer.dz = deltas_at(e, r.y) + nn_panel_at(e.room, r.n_out, block.p, 0)
    outer.n_in, outer.x_width = nn_panel_cols(r.n_in, block.q), nn_panel_width(r.n_in, block.q)
    outer.n_out, outer.width = nn_panel_cols(r.n_out, block.p), nn_panel_width(r.n_out, block.p)
    outer.gradient = scratch if s.fused and not s.resume and not s.keeps_gradient else e.gradient + at
    outer.scratch = scratch + (NN_W + 1) * NN_W
    outer.n_rows, outer.resume = s.n_rows, s.resume
    outer.update, outer.new, outer.old = update if s.fused else NULL, s.new + at, e.state + at
    outer.with_bias = has_bias(r, block)
    nn_outer_block(&outer)
    if s.fused:
        transpose_block(e, block, s.new)


cdef void gradient_block(Engine *e, const Block *block, real *scratch, nn_update *update) noexcept nogil:
    cdef const Row *r = e.rows + block.row
    cdef isize at = block_at(r, block), width = nn_panel_width(r.n_out, block.p), n
    if r.op == DENSE:
        gradient_of_weight(e, block, scratch, update)
        n = nn_panel_cols(r.n_in, block.q) * width
    else:
        if r.op == LAYERNORM:
            layernorm_gradient(e, r, block.p)
        n = 0
    if e.stage.updates and r.plain >= 0 and (r.op != DENSE or not e.stage.fused):
        nn_shape_gradient(update, 1, e.gradient + at, e.state + at, n)
        if r.op != DENSE or has_bias(r, block):
            nn_shape_gradient(update, 0, e.gradient + at + n, e.state + at + n, (1 if r.op == DENSE else 2) * width)
    if e.stage.fused and r.op != DENSE:
        update_norm(e, r, block.p, update)


cdef void update_norm(Engine *e, const Row *r, isize p, nn_update *update) noexcept nogil:
    """Step gamma and beta, and the running averages of a batchnorm, to the new state."""
    cdef isize at = norm_parameter(r, GAMMA, p), n = 2 * nn_panel_width(r.n_out, p)
    if r.plain >= 0:
        if update.scales:
            nn_scale(e.gradient + at, update.shape.scale, n)
        nn_update_run(update, 0, e.stage.new + at, e.state + at, e.gradient + at, n)
    elif e.stage.new != e.state:
        memcpy(e.stage.new + at, e.state + at, n * sizeof(real))
    if r.op == BATCHNORM:
        average_moments(e, r, p, update)


cdef void update_block(Engine *e, const Block *block, nn_update *update) noexcept nogil:
    """Step the parameters of a block, whose gradient is in memory, to the new state."""
    cdef const Row *r = e.rows + block.row
    cdef isize at = block_at(r, block), width = nn_panel_width(r.n_out, block.p)
    cdef isize n = nn_panel_cols(r.n_in, block.q) * width
    if r.op != DENSE:
        update_norm(e, r, block.p, update)
        return
    if update.scales:
        nn_scale(e.gradient + at, update.shape.scale, n + has_bias(r, block) * width)
    nn_update_run(update, 1, e.stage.new + at, e.state + at, e.gradient + at, n)
    at += n
    if has_bias(r, block):
        nn_update_run(update, 0, e.stage.new + at, e.state + at, e.gradient + at, width)
    transpose_block(e, block, e.stage.new)


cdef void work_on_blocks(Engine *e, isize begin, isize end, real *scratch) noexcept nogil:
    """GRADIENTS or UPDATES."""
    cdef isize i
    cdef nn_update update
    nn_update_begin(&update, e.rule, &e.hyper, e.n_weights)
    for i in range(begin, end):
        if e.shapes:
            shape_for(e, e.rows + e.blocks[i].row, &update)
        if e.stage.kind == GRADIENTS:
            gradient_block(e, e.blocks + i, scratch, &update)
        else:
            update_block(e, e.blocks + i, &update)
    if update.n_limited > 0:
        nn_tally_add(&e.n_clipped_values, update.n_limited)
    if not nn_update_finite(&update):
        nn_raise(&e.overflow)


# ------------------------------------------------------------------------------------------ norms of columns

cdef void squares_of_panel(Engine *e, const Panel *panel) noexcept nogil:
    cdef const Row *r = e.rows + panel.row
    cdef isize at = r.weight + nn_panel_at(r.n_weight_rows, r.n_out, panel.p, 0)
    nn_column_squares(e.squares + panel.column, e.gradient + at, n_plain_rows(r), nn_panel_width(r.n_out, panel.p))


cdef void clip_norm(Engine *e) noexcept nogil:
    """From the squares of all columns to the factor that bounds the norm; summed in the order of the columns."""
    cdef isize i, c
    cdef const Panel *panel
    cdef double norm = 0
    for i in range(e.n_panels):
        panel = e.panels + i
        if e.rows[panel.row].plain >= 0:
            for c in range(nn_panel_cols(e.rows[panel.row].n_out, panel.p)):
                norm += e.squares[panel.column + c]
    norm = sqrt(norm)
    e.clip_scale = e.clip_norm / norm if norm > e.clip_norm else 1.0
    e.n_clipped_steps += norm > e.clip_norm


cdef void limit_panel(Engine *e, const Panel *panel) noexcept nogil:
    """Keep max_norm, and renew what is transposed."""
    cdef const Row *r = e.rows + panel.row
    cdef Block block
    if r.op != DENSE or r.max_norm == 0:
        return
    nn_limit_columns(e.stage.new + r.weight + nn_panel_at(r.n_weight_rows, r.n_out, panel.p, 0), r.n_in,
                     nn_panel_width(r.n_out, panel.p), r.max_norm)
    block.row, block.p = panel.row, panel.p
    for block.q in range(nn_panel_count(r.n_in)):
        transpose_block(e, &block, e.stage.new)
