# Activations over blocks of rows. Elementwise ones run straight over panels; softmax takes row by row.

cdef void softmax_rows(const real *x, real *y, isize n_rows, isize n_cols, isize row, isize end,
                       real *columns) noexcept nogil:
    """x, y: matrices in panels with room for n_rows rows; columns: scratch (n_cols, NN_V)."""
    cdef isize n
    while row < end:
        n = min(<isize>NN_V, end - row)
        nn_load_columns(columns, x, n_rows, n_cols, row, n)
        nn_softmax_columns(columns, n_cols)
        nn_store_columns(y, columns, n_rows, n_cols, row, n)
        row += n


cdef void softmax_backward_rows(real *dx, const real *dy, const real *y, isize n_rows, isize n_cols, isize row,
                                isize end, real *columns) noexcept nogil:
    """columns: scratch (2, n_cols, NN_V)."""
    cdef isize n
    cdef real *y_columns = columns + n_cols * NN_V
    while row < end:
        n = min(<isize>NN_V, end - row)
        nn_load_columns(columns, dy, n_rows, n_cols, row, n)
        nn_load_columns(y_columns, y, n_rows, n_cols, row, n)
        nn_softmax_backward_columns(columns, columns, y_columns, n_cols)
        nn_store_columns(dx, columns, n_rows, n_cols, row, n)
        row += n


cdef void activation_forward_rows(const Arena *a, const Row *r, const real *x, isize row, isize end,
                                  real *scratch) noexcept nogil:
    """y = f(x) for a block x of n_out columns."""
    cdef isize p, at
    cdef real *y = values_at(a, r.y)
    if r.activation == NN_softmax:
        softmax_rows(x, y, a.room, r.n_out, row, end, scratch)
        return
    for p in range(nn_panel_count(r.n_out)):
        at = nn_panel_at(a.room, r.n_out, p, row)
        nn_activate(r.activation, r.parameter, y + at, x + at, (end - row) * nn_panel_width(r.n_out, p))


cdef void activation_backward_rows(const Arena *a, const Row *r, isize dx_block, isize row, isize end,
                                   real *scratch) noexcept nogil:
    """delta of dx_block = delta of y times f'; dx_block may be y itself."""
    cdef isize p, at
    cdef const real *dy = deltas_at(a, r.y)
    cdef const real *y = values_at(a, r.y)
    cdef const real *z = values_at(a, r.z)
    cdef real *dx = deltas_at(a, dx_block)
    if r.activation == NN_softmax:
        softmax_backward_rows(dx, dy, y, a.room, r.n_out, row, end, scratch)
        return
    for p in range(nn_panel_count(r.n_out)):
        at = nn_panel_at(a.room, r.n_out, p, row)
        nn_activate_backward(r.activation, r.parameter, dx + at, dy + at, y + at, z + at,
                             (end - row) * nn_panel_width(r.n_out, p))
