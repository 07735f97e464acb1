# Dropout, and the sum at the end of a residual block.

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
