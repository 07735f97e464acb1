# Updates: the rule's constants for this step, and the update of one block of one weight while its gradient is hot.

cdef enum:
    POWER_PERIOD = 64   # iterations between two powers from scratch

cdef int fused_roots = nn_cpu_slow_roots()  # no bit depends on it


def _fuse_roots(bint fuse):
    """From now on let new optimizers take square roots by multiply-adds, or not; return what was before. For tests."""
    global fused_roots
    before, fused_roots = bool(fused_roots), fuse
    return before


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


cdef void raise_powers(Optimizer *o) noexcept nogil:
    """Bring power1 and power2 to `iterations`; mostly one multiplication each."""
    if o.power_of == o.iterations - 1 and o.iterations % POWER_PERIOD:
        o.power1 *= o.beta1
        o.power2 *= o.beta2
    else:
        o.power1 = periodic_power(o.beta1, o.iterations)
        o.power2 = periodic_power(o.beta2, o.iterations)
    o.power_of = o.iterations


cdef int configure_optimizer(Optimizer *o, const Network *net, object optimizer) except -1:
    """Take the rule and constants of an `nncore.optimizers` dataclass."""
    cdef int rule = name_index(optimizer.rule, NN_OPTIMIZER_NAMES, NN_N_OPTIMIZERS)
    o.rule, o.learning_rate = rule, optimizer.rate
    o.beta1 = getattr(optimizer, "beta_1", getattr(optimizer, "momentum", 0.0))
    o.beta2 = getattr(optimizer, "beta_2", getattr(optimizer, "rho", 0.0))
    o.epsilon = getattr(optimizer, "epsilon", 0.0)
    o.weight_decay = getattr(optimizer, "weight_decay", 0.0)
    o.decays_biases = getattr(optimizer, "decay_bias", False)
    o.clip_value, o.clip_norm, o.clip_scale = optimizer.clip_value or 0.0, optimizer.clip_norm or 0.0, 1.0
    o.shapes = net.penalizes or net.decays or o.weight_decay > 0 or o.clip_value > 0 or o.clip_norm > 0
    o.power_of, o.hyper.fused_roots = -1, fused_roots
    return 0


cdef void prepare_hyper(Optimizer *o) noexcept nogil:
    """Count one more step and fill o.hyper for it."""
    cdef nn_hyper *h = &o.hyper
    o.iterations += 1
    h.beta1, h.one_minus_beta1 = <real>o.beta1, <real>(1.0 - o.beta1)
    h.beta2, h.one_minus_beta2 = <real>o.beta2, <real>(1.0 - o.beta2)
    h.epsilon, h.root_scale = <real>o.epsilon, 1
    if o.rule == NN_adam or o.rule == NN_nadam or o.rule == NN_amsgrad:
        raise_powers(o)
        h.root_scale = <real>(1.0 / sqrt(1.0 - o.power2))
    set_steps(o, o.learning_rate, &h.step, &h.step_g)


cdef void set_steps(const Optimizer *o, double rate, real *step, real *step_g) noexcept nogil:
    """What a learning rate makes of the rule's constants in this step."""
    step[0] = <real>rate
    if o.rule == NN_adam or o.rule == NN_amsgrad:
        step[0] = <real>(rate / (1.0 - o.power1))
    elif o.rule == NN_nadam:
        step_g[0] = <real>(rate * (1.0 - o.beta1) / (1.0 - o.power1))
        step[0] = <real>(rate * o.beta1 / (1.0 - o.power1 * o.beta1))


cdef void scale_steps(const Optimizer *o, const Row *r, nn_update *update) noexcept nogil:
    """Let the update be that of the row's own learning rate."""
    cdef real step, step_g = 0
    set_steps(o, o.learning_rate * r.rate_factor, &step, &step_g)
    nn_update_rate(update, step, step_g)


# --------------------------------------------------------------------------------------------------- one block

cdef nn_shape shape_for(const Optimizer *o, const Row *r) noexcept nogil:
    """What is done to a weight besides the rule."""
    cdef nn_shape shape
    cdef double decay = o.weight_decay if r.weight_decay < 0 else r.weight_decay
    shape.l1, shape.two_l2, shape.limit = <real>r.l1, <real>(2 * r.l2), <real>o.clip_value
    shape.l1_other, shape.two_l2_other = <real>r.bias_l1, <real>(2 * r.bias_l2)
    shape.scale, shape.keep = <real>o.clip_scale, <real>(1.0 - o.learning_rate * r.rate_factor * decay)
    shape.keep_other = shape.keep if o.decays_biases else 1
    return shape


cdef inline isize block_at(const Row *r, const Block *block) noexcept nogil:
    """Where a block starts in a state."""
    return r.weight + nn_panel_at(r.n_weight_rows, r.n_out, block.p, block.q * NN_W)


cdef inline int has_bias(const Row *r, const Block *block) noexcept nogil:
    """The bias, a row behind those of the weight, goes with the last of their blocks."""
    return r.n_weight_rows > r.n_in and (block.q + 1) * NN_W >= r.n_in


cdef inline isize block_size() noexcept nogil:
    """Of the largest block, its bias included."""
    return (NN_W + 1) * NN_W


cdef nn_tree tree_of_block(const Engine *e, isize at, int worker) noexcept nogil:
    """Of the sums over rows; a segment that is all of its batch needs the levels for one block at a time."""
    cdef nn_tree tree
    cdef isize size = block_size() * nn_level_count(nn_group_count(e.stage.n_batch))
    cdef int alone = e.stage.done == 0 and e.stage.last
    tree.before, tree.last = e.stage.done // NN_GROUP, e.stage.last
    tree.levels = e.weights.levels + (worker * size if alone else at)
    tree.step = block_size() if alone else e.net.n_weights
    return tree


cdef void outer_of_rows(const Engine *e, const Block *block, isize row, isize end, real *scratch,
                        nn_outer *outer) noexcept nogil:
    """What the gradient of a block of a weight is taken from: rows row .. end - 1 of the segment."""
    cdef const Row *r = e.net.rows + block.row
    cdef const Arena *a = &e.arena
    outer.x = values_at(a, r.x) + nn_panel_at(a.room, r.n_in, block.q, row)
    outer.dz = deltas_at(a, r.y) + nn_panel_at(a.room, r.n_out, block.p, row)
    outer.n_in, outer.x_width = nn_panel_cols(r.n_in, block.q), nn_panel_width(r.n_in, block.q)
    outer.n_out, outer.width = nn_panel_cols(r.n_out, block.p), nn_panel_width(r.n_out, block.p)
    outer.n_rows, outer.with_bias, outer.scratch = end - row, has_bias(r, block), scratch
    outer.update = NULL
    if r.op == EMBEDDING:
        outer.x, outer.x_width = values_at(a, r.inverse) + row, 1
    elif NN_BFLOAT16:
        outer.x_pairs = input_pairs(a, r) + nn_short_pairs_at(word_room(a), block.q * NN_W, row)
        outer.dz_pairs = delta_pairs(a, r) + nn_short_pairs_at(word_room(a), block.p * NN_W, row)


cdef void matrix_gradient(const Row *r, const Block *block, const nn_outer *outer) noexcept nogil:
    if r.op == EMBEDDING:
        nn_look_up_gradient(outer, block.q * NN_W)
    else:
        nn_outer_block(outer)


cdef void gradients_of_group(Engine *e, isize row, isize end, real *scratch) noexcept nogil:
    """All gradients of one group of rows, of which the deltas have just been computed, into its leaf of the trees."""
    cdef isize i, at
    cdef const Row *r
    cdef nn_outer outer
    cdef real *leaf = e.weights.leaves + row // NN_GROUP * e.net.n_weights
    outer.tree.before, outer.tree.last = 0, 1
    for i in range(e.net.n_blocks):
        r, at = e.net.rows + e.net.blocks[i].row, block_at(e.net.rows + e.net.blocks[i].row, e.net.blocks + i)
        if r.frozen:
            continue
        if has_matrix(r):
            outer_of_rows(e, e.net.blocks + i, row, end, scratch, &outer)
            outer.gradient = leaf + at
            matrix_gradient(r, e.net.blocks + i, &outer)
        elif r.op != BATCHNORM:
            columns_gradient(leaf + at, &e.arena, outer.tree, r, e.net.blocks[i].p, row, end)


cdef void add_leaves(const Engine *e, const nn_tree *tree, isize at, isize n, real *gradient) noexcept nogil:
    """Take in what the groups of the segment have at `at`; where the batch ends, that makes the gradient (n)."""
    cdef isize g, n_groups = nn_group_count(e.stage.n_rows)
    cdef real *leaf = e.weights.leaves + at
    for g in range(n_groups):
        nn_tree_add(tree, g, tree.last and g == n_groups - 1, tree.levels, leaf + g * e.net.n_weights, n)
    if tree.last:
        memcpy(gradient, leaf + (n_groups - 1) * e.net.n_weights, n * sizeof(real))


cdef void gradient_of_weight(Engine *e, const Block *block, int worker, real *scratch,
                             nn_update *update) noexcept nogil:
    """Add the segment's rows to the gradient of a block of a weight; update the block at once where that is possible.

    Then the gradient stays in scratch and never reaches memory.
    """
    cdef const Stage *s = &e.stage
    cdef const Weights *w = &e.weights
    cdef isize at = block_at(e.net.rows + block.row, block)
    cdef nn_outer outer
    outer_of_rows(e, block, 0, s.n_rows, scratch + block_size(), &outer)
    outer.gradient = scratch if s.fused and not s.keeps_gradient else w.gradient + at
    outer.tree = tree_of_block(e, at, worker)
    outer.update, outer.new, outer.old = update if s.fused else NULL, s.new + at, w.state + at
    if s.by_groups:
        add_leaves(e, &outer.tree, at, (outer.n_in + outer.with_bias) * outer.width, outer.gradient)
        if s.fused:
            nn_outer_update(&outer, 0, outer.n_in)
    else:
        matrix_gradient(e.net.rows + block.row, block, &outer)
    if s.fused:
        transpose_block(&e.net, w, block, s.new)


cdef void gradient_block(Engine *e, const Block *block, int worker, real *scratch, nn_update *update) noexcept nogil:
    cdef const Row *r = e.net.rows + block.row
    cdef const Stage *s = &e.stage
    cdef const Weights *w = &e.weights
    cdef isize at = block_at(r, block), width = nn_panel_width(r.n_out, block.p), n
    cdef nn_tree tree
    if has_matrix(r):
        gradient_of_weight(e, block, worker, scratch, update)
        n = nn_panel_cols(r.n_in, block.q) * width
    else:
        if r.op != BATCHNORM:
            tree = tree_of_block(e, at, worker)
            if s.by_groups:
                add_leaves(e, &tree, at, n_parameter_rows(r) * width, w.gradient + at)
            else:
                columns_gradient(w.gradient + at, &e.arena, tree, r, block.p, 0, s.n_rows)
        n = 0
    if s.updates and r.flat >= 0 and not (has_matrix(r) and s.fused):
        nn_shape_gradient(update, 1, w.gradient + at, w.state + at, n)
        if not has_matrix(r) or has_bias(r, block):
            nn_shape_gradient(update, 0, w.gradient + at + n, w.state + at + n,
                              (1 if has_matrix(r) else n_parameter_rows(r)) * width)
    if s.fused and not has_matrix(r):
        update_norm(w, s, r, block.p, update)


cdef void rest_block(const Engine *e, const Row *r, const Block *block) noexcept nogil:
    """Of a frozen row: no gradient, and in the new state what is in the old one."""
    cdef const Stage *s = &e.stage
    cdef const Weights *w = &e.weights
    cdef isize k, at = block_at(r, block), size = nn_panel_width(r.n_out, block.p)
    size *= nn_panel_cols(r.n_in, block.q) + has_bias(r, block) if has_matrix(r) else r.n_weight_rows
    if s.kind == GRADIENTS and w.gradient != NULL:
        memset(w.gradient + at, 0, size * sizeof(real))
    if (s.fused or s.kind == UPDATES) and s.new != w.state:
        for k in range(1 + w.n_slots):
            memcpy(s.new + k * e.net.n_weights + at, w.state + k * e.net.n_weights + at, size * sizeof(real))


cdef void update_norm(const Weights *w, const Stage *s, const Row *r, isize p, nn_update *update) noexcept nogil:
    """Step gamma and beta or alpha, and the running averages of a batchnorm, to the new state."""
    cdef isize at = norm_parameter(r, GAMMA, p), n = n_parameter_rows(r) * nn_panel_width(r.n_out, p)
    if r.flat >= 0:
        if update.scales:
            nn_scale(w.gradient + at, update.scale, n)
        nn_update_run(update, 0, s.new + at, w.state + at, w.gradient + at, n)
    elif s.new != w.state:
        memcpy(s.new + at, w.state + at, n * sizeof(real))
    if r.op == BATCHNORM:
        average_moments(w, s, r, p, update)


cdef void update_block(const Network *net, const Weights *w, const Stage *s, const Block *block,
                       nn_update *update) noexcept nogil:
    """Step the parameters of a block, whose gradient is in memory, to the new state."""
    cdef const Row *r = net.rows + block.row
    cdef isize at = block_at(r, block), width = nn_panel_width(r.n_out, block.p)
    cdef isize n = nn_panel_cols(r.n_in, block.q) * width
    if not has_matrix(r):
        update_norm(w, s, r, block.p, update)
        return
    if update.scales:
        nn_scale(w.gradient + at, update.scale, n + has_bias(r, block) * width)
    nn_update_run(update, 1, s.new + at, w.state + at, w.gradient + at, n)
    at += n
    if has_bias(r, block):
        nn_update_run(update, 0, s.new + at, w.state + at, w.gradient + at, width)
    transpose_block(net, w, block, s.new)


cdef void work_on_blocks(Engine *e, isize begin, isize end, int worker, real *scratch) noexcept nogil:
    """GRADIENTS or UPDATES."""
    cdef isize i, n_limited
    cdef nn_update update
    cdef nn_shape shape
    cdef double work = NN_W * NN_W * (20.0 + (2.0 * e.stage.n_rows if e.stage.kind == GRADIENTS else 0.0))
    nn_update_begin(&update, e.optimizer.rule, &e.optimizer.hyper, e.net.n_weights)
    for i in range(begin, end):
        if nn_raised(&e.crew.abandon):
            break
        if e.net.rows[e.net.blocks[i].row].frozen:
            rest_block(e, e.net.rows + e.net.blocks[i].row, e.net.blocks + i)
            continue
        if e.net.scales_rates:
            scale_steps(&e.optimizer, e.net.rows + e.net.blocks[i].row, &update)
        if e.optimizer.shapes:
            shape = shape_for(&e.optimizer, e.net.rows + e.net.blocks[i].row)
            nn_update_shape(&update, &shape)
        if e.stage.kind == GRADIENTS:
            gradient_block(e, e.net.blocks + i, worker, scratch, &update)
        else:
            update_block(&e.net, &e.weights, &e.stage, e.net.blocks + i, &update)
        if worker == 0:
            poll(e, work)
    n_limited = nn_update_limited(&update)
    if n_limited > 0:
        nn_tally_add(&e.optimizer.n_clipped_values, n_limited)
    if not nn_update_finite(&update):
        nn_raise(&e.crew.overflow)


# ------------------------------------------------------------------------------------------ norms of columns

cdef void squares_of_panel(double *squares, const real *gradient, const Row *r, const Panel *panel) noexcept nogil:
    cdef isize at = r.weight + nn_panel_at(r.n_weight_rows, r.n_out, panel.p, 0)
    nn_column_squares(squares + panel.column, gradient + at, n_parameter_rows(r), nn_panel_width(r.n_out, panel.p))


cdef void clip_norm(Optimizer *o, const Network *net) noexcept nogil:
    """From the squares of all columns to the factor that bounds the norm; summed in the order of the columns."""
    cdef isize i, c
    cdef const Panel *panel
    cdef double norm = 0
    for i in range(net.n_panels):
        panel = net.panels + i
        if net.rows[panel.row].flat >= 0 and not net.rows[panel.row].frozen:
            for c in range(nn_panel_cols(net.rows[panel.row].n_out, panel.p)):
                norm += o.squares[panel.column + c]
    norm = sqrt(norm)
    o.clip_scale = o.clip_norm / norm if norm > o.clip_norm else 1.0
    o.n_clipped_steps += norm > o.clip_norm


cdef void limit_panel(const Network *net, const Weights *w, const Panel *panel, real *state) noexcept nogil:
    """Keep max_norm in `state`, and renew what is transposed."""
    cdef const Row *r = net.rows + panel.row
    cdef Block block
    if r.op != DENSE or r.max_norm == 0 or r.frozen:
        return
    nn_limit_columns(state + r.weight + nn_panel_at(r.n_weight_rows, r.n_out, panel.p, 0), r.n_in,
                     nn_panel_width(r.n_out, panel.p), r.max_norm)
    block.row, block.p = panel.row, panel.p
    for block.q in range(nn_panel_count(r.n_in)):
        transpose_block(net, w, &block, state)
