# Updates: the rule's constants for this step, and the update of one block of one weight while its gradient is hot.

cdef double integer_power(double base, isize exponent) noexcept nogil:
    """base ** exponent by squaring: unlike libm's pow, the same bits everywhere."""
    cdef double result = 1.0
    while exponent > 0:
        if exponent & 1:
            result *= base
        base *= base
        exponent >>= 1
    return result


cdef int configure_optimizer(Engine *e, object optimizer) except -1:
    """Take the rule and constants of an `nncore.optimizers` dataclass."""
    cdef int rule = name_index(optimizer.rule, NN_OPTIMIZER_NAMES, NN_N_OPTIMIZERS)
    e.rule, e.learning_rate = rule, optimizer.learning_rate
    e.beta1 = getattr(optimizer, "beta_1", getattr(optimizer, "momentum", 0.0))
    e.beta2 = getattr(optimizer, "beta_2", getattr(optimizer, "rho", 0.0))
    e.epsilon = getattr(optimizer, "epsilon", 0.0)
    e.weight_decay = getattr(optimizer, "weight_decay", 0.0)
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
        h.step = <real>(e.learning_rate / (1.0 - integer_power(e.beta1, e.iterations)))
        h.root_scale = <real>(1.0 / sqrt(1.0 - integer_power(e.beta2, e.iterations)))


cdef void update_vector(Engine *e, real *new, isize at, const real *gradient, isize n, int decay) noexcept nogil:
    """Step n parameters from e.state to the state `new`, and look whether they are still finite."""
    nn_update(e.rule, &e.hyper, decay, new + at, e.state + at, e.n_weights, gradient, n)
    if not nn_all_finite(new + at, n):
        nn_raise(&e.overflow)


cdef void update_block(Engine *e, const Block *block, real *new, isize n_rows, int resume, int last,
                       real *scratch) noexcept nogil:
    """Add n_rows rows to a block's gradient; on the last segment of a batch step its parameters to the state `new`.

    The gradient stays in scratch when the whole batch is one segment: then it never reaches memory.
    """
    cdef const Row *r = e.rows + block.row
    cdef isize width = nn_panel_width(r.n_out, block.p), n = nn_panel_cols(r.n_in, block.q) * width
    cdef isize at = r.weight + nn_panel_at(r.n_in, r.n_out, block.p, block.q * NN_W), bias = r.bias + block.p * NN_W
    cdef int keep = e.job.purpose == STORE_GRADIENT or resume or not last
    cdef real *g = e.gradient + at if keep else scratch
    cdef real *g_bias = e.gradient + bias if keep else scratch + NN_W * NN_W
    dense_block_gradient(e, r, block, n_rows, g, resume)
    if r.bias >= 0 and block.q == 0:
        nn_column_sums(g_bias, deltas_at(e, r.y) + nn_panel_at(e.room, r.n_out, block.p, 0), n_rows, width, resume)
    if e.job.purpose == STORE_GRADIENT or not last:
        return
    update_vector(e, new, at, g, n, 1)
    if r.bias >= 0 and block.q == 0:
        update_vector(e, new, bias, g_bias, width, 0)
    if r.transposed >= 0:
        transpose_block(e, r, block, new)
