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
    e.rule, e.learning_rate = rule, optimizer.learning_rate
    e.beta1 = getattr(optimizer, "beta_1", getattr(optimizer, "momentum", 0.0))
    e.beta2 = getattr(optimizer, "beta_2", getattr(optimizer, "rho", 0.0))
    e.epsilon = getattr(optimizer, "epsilon", 0.0)
    e.weight_decay = getattr(optimizer, "weight_decay", 0.0)
    e.power_of = -1
    return 0


cdef void prepare_hyper(Engine *e) noexcept nogil:
    """Count one more step and fill e.hyper for it."""
    cdef nn_hyper *h = &e.hyper
    e.iterations += 1
    h.beta1, h.one_minus_beta1 = <real>e.beta1, <real>(1.0 - e.beta1)
    h.beta2, h.one_minus_beta2 = <real>e.beta2, <real>(1.0 - e.beta2)
    h.epsilon, h.step, h.root_scale = <real>e.epsilon, <real>e.learning_rate, 1
    h.keep = <real>(1.0 - e.learning_rate * e.weight_decay)
    if e.rule == NN_adam:
        raise_powers(e)
        h.step = <real>(e.learning_rate / (1.0 - e.power1))
        h.root_scale = <real>(1.0 / sqrt(1.0 - e.power2))


cdef void update_block(Engine *e, const Block *block, real *scratch, nn_update *update) noexcept nogil:
    """Add the segment's rows to a block's gradient; on a batch's last segment step its parameters to the new state.

    The gradient stays in scratch when the whole batch is one segment: then it never reaches memory. The bias, a row
    behind those of the weight, goes with the last of their blocks; no rule makes it decay.
    """
    cdef const Row *r = e.rows + block.row
    cdef isize at = r.weight + nn_panel_at(r.n_weight_rows, r.n_out, block.p, block.q * NN_W)
    cdef int store = e.job.purpose == STORE_GRADIENT or not e.stage.last
    cdef nn_outer outer
    outer.x = values_at(e, r.x) + nn_panel_at(e.room, r.n_in, block.q, 0)
    outer.dz = deltas_at(e, r.y) + nn_panel_at(e.room, r.n_out, block.p, 0)
    outer.n_in, outer.x_width = nn_panel_cols(r.n_in, block.q), nn_panel_width(r.n_in, block.q)
    outer.n_out, outer.width = nn_panel_cols(r.n_out, block.p), nn_panel_width(r.n_out, block.p)
    outer.gradient = e.gradient + at if store or e.stage.resume else scratch
    outer.scratch = scratch + (NN_W + 1) * NN_W
    outer.n_rows, outer.resume = e.stage.n_rows, e.stage.resume
    outer.update, outer.new, outer.old = NULL if store else update, e.stage.new + at, e.state + at
    outer.with_bias = r.n_weight_rows > r.n_in and (block.q + 1) * NN_W >= r.n_in
    nn_outer_block(&outer)
    if not store:
        transpose_block(e, block, e.stage.new)


cdef void update_blocks(Engine *e, isize begin, isize end, real *scratch) noexcept nogil:
    cdef isize i
    cdef nn_update update
    nn_update_begin(&update, e.rule, &e.hyper, e.n_weights)
    for i in range(begin, end):
        update_block(e, e.blocks + i, scratch, &update)
    if not nn_update_finite(&update):
        nn_raise(&e.overflow)
