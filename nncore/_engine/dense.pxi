# Dense: y = f(x W + b) for some rows, and backward to its input. The gradient of its weight: optimizer.pxi.

cdef void dense_forward_rows(const Weights *w, const Arena *a, const Row *r, isize row, isize end,
                             Input *input) noexcept nogil:
    """Each panel asks for its share of the rows ahead. Where the caller's rows are read, `row` is 0."""
    cdef nn_product product
    cdef isize p, width, at, n_panels = nn_panel_count(r.n_out), first
    if NN_BFLOAT16:
        round_input(a, r, row, end, input)
    for p in range(n_panels):
        first = input.n_ahead * p // n_panels
        product.ahead, product.n_ahead = input.ahead + first, input.n_ahead * (p + 1) // n_panels - first
        product.ahead_size = input.ahead_size
        width = nn_panel_width(r.n_out, p)
        product.x, product.x_rows, product.n_k = input_of(a, r), a.room, r.n_in
        product.flat = input.rows != NULL and r.live_x == 0
        product.suspect = NULL
        if product.flat:
            product.x, product.suspect = input.rows, &input.suspect if p == 0 else NULL
        product.n_cols = nn_panel_cols(r.n_out, p)
        product.w = w.state + r.weight + nn_panel_at(r.n_weight_rows, r.n_out, p, 0)
        product.bias = product.w + r.n_in * width if r.n_weight_rows > r.n_in else NULL
        product.y = values_at(a, r.z) + nn_panel_at(a.room, r.n_out, p, 0)
        product.relu, product.more, product.gate = r.activation == NN_relu, 0, NULL
        if NN_BFLOAT16:
            product.x, product.x_rows = input_words(a, r), word_room(a)
            product.w = w.words + r.words + nn_panel_at(nn_words(r.n_in), r.n_out, p, 0)
            nn_short_product(&product, width, row, end)
        else:
            nn_product_panel(&product, width, row, end)
        if r.activation != NN_identity and r.activation != NN_relu and r.activation != NN_softmax:
            at = nn_panel_at(a.room, r.n_out, p, row)
            nn_activate(r.activation, r.parameter, values_at(a, r.y) + at, values_at(a, r.z) + at,
                        (end - row) * width)


cdef void dense_backward_rows(const Weights *w, const Arena *a, const Row *r, isize row, isize end) noexcept nogil:
    """delta of x = delta of z times the transposed weight; with r.gate, times the slope of the relu that made x."""
    cdef nn_product product
    cdef isize q
    for q in range(nn_panel_count(r.n_in)):
        product.x, product.x_rows, product.n_k = deltas_at(a, r.y), a.room, r.n_out
        product.n_cols = nn_panel_cols(r.n_in, q)
        product.w = w.transposed + r.transposed + nn_panel_at(r.n_out, r.n_in, q, 0)
        product.bias, product.flat, product.suspect = NULL, 0, NULL
        product.y = deltas_at(a, r.x) + nn_panel_at(a.room, r.n_in, q, 0)
        product.relu, product.more, product.gate, product.n_ahead = 0, r.more, NULL, 0
        if r.gate:
            product.gate = values_at(a, r.x) + nn_panel_at(a.room, r.n_in, q, 0)
        if NN_BFLOAT16:
            product.x, product.x_rows = delta_words(a, r), word_room(a)
            product.w = w.transposed + r.transposed + nn_panel_at(nn_words(r.n_out), r.n_in, q, 0)
            nn_short_product(&product, nn_panel_width(r.n_in, q), row, end)
        else:
            nn_product_panel(&product, nn_panel_width(r.n_in, q), row, end)


cdef void transpose_block(const Network *net, const Weights *w, const Block *block, const real *state) noexcept nogil:
    """Renew one block of the transposed weight, if its row has one, from `state`; and of its words."""
    cdef const Row *r = net.rows + block.row
    if NN_BFLOAT16 and r.op == DENSE:
        round_block(w, r, block, state)
        return
    if r.transposed < 0:
        return
    cdef isize width = nn_panel_width(r.n_out, block.p), q_width = nn_panel_width(r.n_in, block.q)
    cdef real *y = w.transposed + r.transposed + nn_panel_at(r.n_out, r.n_in, block.q, block.p * NN_W)
    cdef const real *x = state + r.weight + nn_panel_at(r.n_weight_rows, r.n_out, block.p, block.q * NN_W)
    nn_transpose_block(y, q_width, x, width, nn_panel_cols(r.n_in, block.q), nn_panel_cols(r.n_out, block.p))
