# What dense rows multiply where NN_BFLOAT16: words (bfloat16.h) of their weights, renewed by blocks as the transposes,
# and of their inputs and deltas, made tile by tile when those are. In all other modules the compiler leaves this out.

cdef inline isize word_room(const Arena *a) noexcept nogil:
    return nn_filled(a.room)


cdef inline real *input_words(const Arena *a, const Row *r) noexcept nogil:
    """A dense row's input: rows, and behind them pairs, if words hold such."""
    return a.words + r.input_words * word_room(a)


cdef inline real *input_pairs(const Arena *a, const Row *r) noexcept nogil:
    return input_words(a, r) + (NN_PAIR - 1) * nn_short_padded(r.n_in) * word_room(a)


cdef inline real *delta_words(const Arena *a, const Row *r) noexcept nogil:
    """... its delta."""
    return a.words + r.delta_words * word_room(a)


cdef inline real *delta_pairs(const Arena *a, const Row *r) noexcept nogil:
    return delta_words(a, r) + (NN_PAIR - 1) * nn_short_padded(r.n_out) * word_room(a)


cdef inline isize word_columns(isize n_cols) noexcept nogil:
    """Words of rows and of pairs, for each row of the room."""
    return NN_PAIR * nn_short_padded(n_cols)


cdef void place_words(Network *net, Row *r) noexcept:
    """Find room for the words of a dense row."""
    r.words, r.input_words = net.n_words, net.n_word_columns
    r.delta_words = r.input_words + word_columns(r.n_in)
    net.n_word_columns = r.delta_words + word_columns(r.n_out)
    net.n_words += (nn_padded(r.n_out) * nn_words(r.n_in) + 15) // 16 * 16


cdef void round_input(const Arena *a, const Row *r, isize row, isize end, const Input *input) noexcept nogil:
    """row: a multiple of NN_FILL, as of all tiles; pairs are for the gradient."""
    cdef nn_packing packing
    packing.x, packing.x_rows, packing.n_cols, packing.flat = input_of(a, r), a.room, r.n_in, 0
    if input.rows != NULL and r.live_x == 0:
        packing.x, packing.flat = input.rows, 1
    packing.rows, packing.pairs, packing.room, packing.left = input_words(a, r), NULL, word_room(a), 1
    if a.training:
        packing.pairs = input_pairs(a, r)
    nn_pack(&packing, row, end)


cdef void round_delta(const Arena *a, const Row *r, isize row, isize end) noexcept nogil:
    cdef nn_packing packing
    packing.x, packing.x_rows, packing.n_cols, packing.flat = deltas_at(a, r.y), a.room, r.n_out, 0
    packing.rows, packing.pairs, packing.room, packing.left = delta_words(a, r), delta_pairs(a, r), word_room(a), 0
    nn_pack(&packing, row, end)


cdef void round_block(const Weights *w, const Row *r, const Block *block, const real *state) noexcept nogil:
    """Renew the words of one block of a dense row's weight from `state`, and of its transpose, where there is one."""
    cdef isize width = nn_panel_width(r.n_out, block.p), q_width = nn_panel_width(r.n_in, block.q)
    cdef real *transposed = NULL
    cdef real *words = w.words + r.words + nn_panel_at(nn_words(r.n_in), r.n_out, block.p, block.q * NN_W // NN_PAIR)
    cdef const real *x = state + r.weight + nn_panel_at(r.n_weight_rows, r.n_out, block.p, block.q * NN_W)
    if r.transposed >= 0 and w.transposed != NULL:
        transposed = w.transposed + r.transposed
        transposed += nn_panel_at(nn_words(r.n_out), r.n_in, block.q, block.p * NN_W // NN_PAIR)
    nn_pack_weight(words, transposed, q_width, x, nn_panel_cols(r.n_in, block.q), nn_panel_cols(r.n_out, block.p),
                   width)
