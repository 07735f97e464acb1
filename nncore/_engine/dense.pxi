# Dense: y = f(x W + b) for some rows; backward to its input; the gradient of a block of its weight.

cdef void dense_forward_rows(Engine *e, const Row *r, isize row, isize end) noexcept nogil:
    cdef nn_product product
    cdef isize p, width, at
    for p in range(nn_panel_count(r.n_out)):
        width = nn_panel_width(r.n_out, p)
        product.x, product.x_rows, product.n_k = values_at(e, r.x), e.room, r.n_in
        product.w = e.state + r.weight + nn_panel_at(r.n_in, r.n_out, p, 0)
        product.bias = NULL if r.bias < 0 else e.state + r.bias + p * NN_W
        product.y = values_at(e, r.z) + nn_panel_at(e.room, r.n_out, p, 0)
        nn_product_panel(&product, width, row, end)
        if r.activation != NN_identity and r.activation != NN_softmax:
            at = nn_panel_at(e.room, r.n_out, p, row)
            nn_activate(r.activation, r.parameter, values_at(e, r.y) + at, values_at(e, r.z) + at,
                        (end - row) * width)


cdef void dense_backward_rows(Engine *e, const Row *r, isize row, isize end) noexcept nogil:
    """delta of x = delta of z times the transposed weight."""
    cdef nn_product product
    cdef isize q
    for q in range(nn_panel_count(r.n_in)):
        product.x, product.x_rows, product.n_k = deltas_at(e, r.y), e.room, r.n_out
        product.w = e.transposed + r.transposed + nn_panel_at(r.n_out, r.n_in, q, 0)
        product.bias = NULL
        product.y = deltas_at(e, r.x) + nn_panel_at(e.room, r.n_in, q, 0)
        nn_product_panel(&product, nn_panel_width(r.n_in, q), row, end)


cdef void dense_block_gradient(Engine *e, const Row *r, const Block *block, isize n_rows, real *gradient,
                               int resume) noexcept nogil:
    """gradient: (n_in of the block, width); the sum over the first n_rows rows."""
    cdef nn_outer outer
    outer.x = values_at(e, r.x) + nn_panel_at(e.room, r.n_in, block.q, 0)
    outer.dz = deltas_at(e, r.y) + nn_panel_at(e.room, r.n_out, block.p, 0)
    outer.n_rows, outer.gradient, outer.resume = n_rows, gradient, resume
    nn_outer_block(&outer, nn_panel_width(r.n_in, block.q), nn_panel_width(r.n_out, block.p),
                   nn_panel_cols(r.n_in, block.q))


cdef void transpose_block(Engine *e, const Row *r, const Block *block, const real *weights) noexcept nogil:
    """Renew one block of the transposed weight from `weights` (n_weights)."""
    cdef isize width = nn_panel_width(r.n_out, block.p), q_width = nn_panel_width(r.n_in, block.q)
    cdef real *y = e.transposed + r.transposed + nn_panel_at(r.n_out, r.n_in, block.q, block.p * NN_W)
    cdef const real *x = weights + r.weight + nn_panel_at(r.n_in, r.n_out, block.p, block.q * NN_W)
    nn_transpose_block(y, q_width, x, width, nn_panel_cols(r.n_in, block.q), nn_panel_cols(r.n_out, block.p))
