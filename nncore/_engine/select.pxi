# Rows that compute nothing: columns chosen, blocks side by side, whole numbers as ones among zeros. These, and
# embeddings (passes.pxi), read columns of the batch, to which no delta goes back.

cdef isize run_of_columns(const Row *r, isize c) noexcept nogil:
    """How many columns from the c-th on lie side by side in x, too."""
    cdef isize n = 1
    while c + n < r.n_out and r.columns[c + n] == r.columns[c] + n:
        n += 1
    return n


cdef void select_forward(const Row *r, const real *x, const real *skip, real *y, isize room, isize row,
                         isize end) noexcept nogil:
    cdef isize c = 0, n
    if r.op == ONE_HOT:
        nn_one_hot(y, x, r.n_in, r.n_tokens, room, row, end)
    elif r.op == CONCAT:
        nn_move_columns(y, r.n_out, 0, x, r.n_in, 0, r.n_in, room, row, end, 0)
        n = r.n_out - r.n_in
        nn_move_columns(y, r.n_out, r.n_in, skip, n, 0, n, room, row, end, 0)
    else:
        while c < r.n_out:
            n = run_of_columns(r, c)
            nn_move_columns(y, r.n_out, c, x, r.n_in, r.columns[c], n, room, row, end, 0)
            c += n


cdef void select_backward(const Arena *a, const Row *r, isize row, isize end) noexcept nogil:
    cdef isize c = 0, n, width = 1 if r.op == EMBEDDING else r.n_in
    cdef const real *dy = deltas_at(a, r.y)
    cdef real *dx = deltas_at(a, r.x)
    if r.op == CONCAT:
        n = r.n_out - r.n_in
        if r.back:
            nn_move_columns(dx, r.n_in, 0, dy, r.n_out, 0, r.n_in, a.room, row, end, r.more)
        if r.back_skip:
            nn_move_columns(deltas_at(a, r.skip), n, 0, dy, r.n_out, r.n_in, n, a.room, row, end, r.more_skip)
        return
    if not r.more:
        nn_clear(dx, width, a.room, row, end)
    while r.op == COLUMNS and c < r.n_out:
        n = run_of_columns(r, c)
        nn_move_columns(dx, r.n_in, r.columns[c], dy, r.n_out, c, n, a.room, row, end, 1)
        c += n
