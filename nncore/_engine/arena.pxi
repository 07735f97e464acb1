# All memory of a plan: of its weights, for the rows of a pass, and for copies of what a job reads.

cdef struct Weights:      # vectors in panels, parallel to each other but for the last two
    # A state is (1 + n_slots, n_weights): weights and biases, then the optimizer's slots in the same places.
    # The first step of an epoch writes its new state to `spare`, and the two change places: then `spare` is the state
    # at the start of the epoch, to go back to if training diverges. All other steps work in place.
    real *state
    real *spare
    isize n_slots
    real *gradient        # (n_weights), where a caller or a later stage wants it
    real *levels          # (n_levels): of the sums over the rows of a batch, see tree_of_block
    isize n_levels
    real *leaves          # (n_leaves): gradients of the groups of a segment, each (n_weights): see may_go_by_groups
    isize n_leaves
    real *transposed      # (n_transposed): weights of all dense rows that pass a delta on
    real *words           # (n_words): weights of all dense rows, rounded; NULL unless NN_BFLOAT16
    int transposes_due    # whether the state has changed since; they are made, and words, when a job needs them
    real *moments         # (n_moments): see N_NORM_ROWS

cdef struct Arena:        # what a pass computes, for `room` rows at a time
    isize room
    real *values
    real *deltas
    real *words           # (n_word_columns, word_room): what dense rows read, and deltas, rounded
    double *row_loss      # (room), and of each of several heads once more
    int training          # whether batchnorm takes the batch's statistics and dropout drops

cdef struct Copies:       # of what belongs to a job, kept so that the next one need not allocate
    int64_t *order        # in which an epoch visits the caller's rows
    isize n_order
    int *labels           # another thread may change the caller's array
    isize n_labels
    PyObject *fed         # what holds the rows of a window, see take_fed; no copy, but kept as long
    real *asked           # (2, batch, n_outputs): what a loss of the caller's own is asked about, and what it answers
    isize n_asked


cdef inline real *values_at(const Arena *a, isize columns) noexcept nogil:
    return a.values + columns * a.room


cdef inline real *deltas_at(const Arena *a, isize columns) noexcept nogil:
    return a.deltas + columns * a.room


cdef inline real *input_of(const Arena *a, const Row *r) noexcept nogil:
    return values_at(a, r.x if a.training else r.live_x)


cdef inline real *skip_of(const Arena *a, const Row *r) noexcept nogil:
    return values_at(a, r.skip if a.training else r.live_skip)


cdef int allocated(void *p, isize n) except -1:
    if p == NULL:
        raise MemoryError(f"nncore needs {n * sizeof(real):,} bytes more than there are")
    return 0


cdef int ensure_vector(real **vector, isize n) except -1:
    if vector[0] == NULL:
        vector[0] = nn_allocate(n)
        allocated(vector[0], n)
    return 0


# ------------------------------------------------------------------------------------------------------ weights

cdef int allocate_weights(Weights *w, const Network *net) except -1:
    """What predicting takes: the weights and what batchnorms work out."""
    ensure_vector(&w.state, net.n_weights)
    if NN_BFLOAT16:
        ensure_vector(&w.words, net.n_words)
    return ensure_vector(&w.moments, net.n_moments)


cdef int renew_slots(Weights *w, isize n_weights, isize n_slots) except -1:
    """Give the optimizer empty slots; the weights stay."""
    cdef isize n = (1 + n_slots) * n_weights
    cdef real *state = nn_allocate(n)
    cdef real *spare = nn_allocate(n)
    if state == NULL or spare == NULL:
        free(state)
        free(spare)
        allocated(NULL, 2 * n)
    memcpy(state, w.state, n_weights * sizeof(real))
    free(w.state)
    free(w.spare)
    w.state, w.spare, w.n_slots = state, spare, n_slots
    return 0


cdef int ensure_length(real **vector, isize *length, isize n) except -1:
    """Make a vector whose values nobody needs any more at least so long."""
    if n <= length[0]:
        return 0
    cdef real *longer = nn_allocate(n)
    allocated(longer, n)
    free(vector[0])
    vector[0], length[0] = longer, n
    return 0


cdef void free_weights(Weights *w) noexcept nogil:
    free(w.state)
    free(w.spare)
    free(w.gradient)
    free(w.levels)
    free(w.leaves)
    free(w.transposed)
    free(w.words)
    free(w.moments)


# --------------------------------------------------------------------------------------------- rows of a pass

cdef int ensure_room(Arena *a, const Network *net, isize room, int training) except -1:
    """Make `values`, `words`, `row_loss` and, for training, `deltas` large enough for `room` rows."""
    if room <= a.room:
        return ensure_vector(&a.deltas, a.room * net.n_columns) if training else 0
    cdef real *values = nn_allocate(room * net.n_columns)
    cdef real *words = nn_allocate(nn_filled(room) * net.n_word_columns)
    cdef double *row_loss = <double *>nn_allocate(room * 2 * (1 if net.n_heads == 1 else 1 + net.n_heads))
    if values == NULL or words == NULL or row_loss == NULL:
        free(values)
        free(words)
        free(row_loss)
        allocated(NULL, room * (net.n_columns + net.n_word_columns + 2))
    free_arena(a)
    a.values, a.words, a.deltas, a.row_loss, a.room = values, words, NULL, row_loss, room
    return ensure_room(a, net, room, training)


cdef void free_arena(Arena *a) noexcept nogil:
    free(a.values)
    free(a.words)
    free(a.deltas)
    free(a.row_loss)


# ----------------------------------------------------------------------------------------------- a job's copies

cdef int ensure_order(Copies *c, isize n) except -1:
    if n <= c.n_order:
        return 0
    cdef int64_t *order = <int64_t *>nn_allocate(n * 2)
    allocated(order, n * 2)
    free(c.order)
    c.order, c.n_order = order, n
    return 0


cdef int ensure_labels(Copies *c, isize n) except -1:
    if n <= c.n_labels:
        return 0
    cdef int *labels = <int *>nn_allocate(n)
    allocated(labels, n)
    free(c.labels)
    c.labels, c.n_labels = labels, n
    return 0


cdef int copy_labels(Copies *c, const int[::1] labels, isize n_outputs) except -1:
    """Copy the labels, and check the copies: they become indices."""
    cdef isize i, n = labels.shape[0]
    ensure_labels(c, n)
    for i in range(n):
        c.labels[i] = labels[i]
        if not 0 <= c.labels[i] < n_outputs:
            raise ValueError(f"label {c.labels[i]} in row {i} is not in 0..{n_outputs - 1}")
    return 0


cdef void free_copies(Copies *c) noexcept nogil:
    free(c.order)
    free(c.labels)
    free(c.asked)
