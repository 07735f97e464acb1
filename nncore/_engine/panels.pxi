# Matrices in and out of panels (tile.h explains the layout).

cdef void store_row(real *panels, isize n_rows, isize n_cols, isize row, const real *values) noexcept nogil:
    """values: (n_cols); the filling of the last panel is left as it is."""
    cdef isize p
    for p in range(nn_panel_count(n_cols)):
        memcpy(panels + nn_panel_at(n_rows, n_cols, p, row), values + p * NN_W, nn_panel_cols(n_cols, p) * sizeof(real))


cdef void load_row(real *values, const real *panels, isize n_rows, isize n_cols, isize row) noexcept nogil:
    """values: (n_cols)."""
    cdef isize p
    for p in range(nn_panel_count(n_cols)):
        memcpy(values + p * NN_W, panels + nn_panel_at(n_rows, n_cols, p, row), nn_panel_cols(n_cols, p) * sizeof(real))


cdef void store_matrix(real *panels, const real *matrix, isize n_rows, isize n_cols) noexcept nogil:
    """matrix: (n_rows, n_cols) in C order."""
    cdef isize row
    for row in range(n_rows):
        store_row(panels, n_rows, n_cols, row, matrix + row * n_cols)


cdef void load_matrix(real *matrix, const real *panels, isize n_rows, isize n_cols) noexcept nogil:
    cdef isize row
    for row in range(n_rows):
        load_row(matrix + row * n_cols, panels, n_rows, n_cols, row)
