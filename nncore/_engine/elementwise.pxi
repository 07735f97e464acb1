# Dropout and noise, the activation that is learned, penalties of outputs, and the sum at the end of a residual block.

cdef void dropout_forward_rows(Engine *e, const Row *r, isize row, isize end, real *factors) noexcept nogil:
    """y = x times factors that depend on seed, update, layer and the row's place in the batch; factors: scratch."""
    cdef const Arena *a = &e.arena
    cdef isize i, p, at
    cdef real *z = values_at(a, r.z)
    cdef double rate = 0 if e.job.frozen else r.rate
    for i in range(row, end):
        nn_dropout_factors(factors, r.n_out, rate, e.job.seed, <uint64_t>e.optimizer.iterations, <uint64_t>r.layer,
                           <uint64_t>(e.stage.done + i))
        nn_store_row(z, a.room, r.n_out, i, factors)
    for p in range(nn_panel_count(r.n_out)):
        at = nn_panel_at(a.room, r.n_out, p, row)
        nn_multiply(values_at(a, r.y) + at, values_at(a, r.x) + at, z + at, (end - row) * nn_panel_width(r.n_out, p), 0)


cdef void dropout_backward_rows(const Arena *a, const Row *r, isize row, isize end) noexcept nogil:
    cdef isize p, at
    for p in range(nn_panel_count(r.n_out)):
        at = nn_panel_at(a.room, r.n_out, p, row)
        nn_multiply(deltas_at(a, r.x) + at, deltas_at(a, r.y) + at, values_at(a, r.z) + at,
                    (end - row) * nn_panel_width(r.n_out, p), r.more)


cdef void noise_forward_rows(Engine *e, const Row *r, isize row, isize end, real *noise) noexcept nogil:
    """y = x and normal numbers that depend on seed, update, layer and the row's place in the batch; noise: scratch."""
    cdef const Arena *a = &e.arena
    cdef isize i, p, at
    cdef double deviation = 0 if e.job.frozen else r.rate
    for i in range(row, end):
        nn_noise(noise, r.n_out, deviation, e.job.seed, <uint64_t>e.optimizer.iterations, <uint64_t>r.layer,
                 <uint64_t>(e.stage.done + i))
        nn_store_row(values_at(a, r.y), a.room, r.n_out, i, noise)
    add_forward(r, values_at(a, r.x), values_at(a, r.y), values_at(a, r.y), a.room, row, end)


cdef void prelu_forward(const real *state, const Row *r, const real *x, real *y, real *z, isize room, isize row,
                        isize end) noexcept nogil:
    """z, for the way back, may be NULL."""
    cdef isize p, at
    for p in range(nn_panel_count(r.n_out)):
        at = nn_panel_at(room, r.n_out, p, row)
        nn_prelu(y + at, z + at if z != NULL else NULL, x + at, state + r.weight + nn_panel_at(1, r.n_out, p, 0),
                 end - row, nn_panel_width(r.n_out, p))


cdef void prelu_backward_rows(const Weights *w, const Arena *a, const Row *r, isize row, isize end) noexcept nogil:
    cdef isize p, at
    for p in range(nn_panel_count(r.n_out)):
        at = nn_panel_at(a.room, r.n_out, p, row)
        nn_prelu_backward(deltas_at(a, r.x) + at, deltas_at(a, r.y) + at, values_at(a, r.x) + at,
                          w.state + r.weight + nn_panel_at(1, r.n_out, p, 0), end - row, nn_panel_width(r.n_out, p),
                          r.more)


cdef void penalise_outputs(const Engine *e, const Row *r, isize row, isize end) noexcept nogil:
    """delta of y += the derivative of the row's penalties of y, as a mean over the rows of the batch."""
    cdef const Arena *a = &e.arena
    cdef isize p, at
    cdef double share = 1.0 / <double>e.stage.n_batch
    for p in range(nn_panel_count(r.n_out)):
        at = nn_panel_at(a.room, r.n_out, p, row)
        nn_penalise(deltas_at(a, r.y) + at, values_at(a, r.y) + at, <real>(share * r.activity_l1),
                    <real>(2 * share * r.activity_l2), end - row, nn_panel_width(r.n_out, p),
                    nn_panel_cols(r.n_out, p))


cdef void add_forward(const Row *r, const real *x, const real *skip, real *y, isize room, isize row,
                      isize end) noexcept nogil:
    cdef isize p, at
    for p in range(nn_panel_count(r.n_out)):
        at = nn_panel_at(room, r.n_out, p, row)
        nn_add(y + at, x + at, skip + at, (end - row) * nn_panel_width(r.n_out, p))


cdef void pass_delta(const Arena *a, const Row *r, isize source, isize block, int more, isize row,
                     isize end) noexcept nogil:
    """Hand the delta of one block to another as wide; `more`: add it to what is there."""
    cdef isize p, at, n
    cdef real *dx = deltas_at(a, block)
    cdef const real *dy = deltas_at(a, source)
    for p in range(nn_panel_count(r.n_out)):
        at, n = nn_panel_at(a.room, r.n_out, p, row), (end - row) * nn_panel_width(r.n_out, p)
        if more:
            nn_add(dx + at, dx + at, dy + at, n)
        else:
            memcpy(dx + at, dy + at, n * sizeof(real))
