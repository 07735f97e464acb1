# Matrices in and out of panels (tile.h explains the layout).

cdef void store_matrix(real *panels, const real *matrix, isize n_rows, isize n_cols) noexcept nogil:
    """matrix: (n_rows, n_cols) in C order."""
    nn_store_rows(panels, n_rows, n_cols, 0, n_rows, matrix, NULL)


cdef void load_matrix(real *matrix, const real *panels, isize n_rows, isize n_cols) noexcept nogil:
    cdef isize row
    for row in range(n_rows):
        nn_load_row(matrix + row * n_cols, panels, n_rows, n_cols, row)
