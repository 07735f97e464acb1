# How many workers a job gets, and for how many rows there is room at a time.

cdef enum:
    SEGMENT_BYTES = 1 << 20     # activations and deltas of a segment: what a second-level cache holds
    SEGMENT_ROWS = 1024         # but never fewer, or register tiles are wasted; a multiple of NN_GROUP
    GROUPS_PER_THREAD = 4       # of rows: with fewer, shares are too unequal
    MAX_LEAVES = 1 << 24        # numbers
    FLOPS_PER_THREAD = 1500000  # what the tuner begins with: another thread for each so many operations of a step
    FLOPS_WORTH_A_TRY = 250000  # with fewer for each, another thread has not paid on any processor: some 3 us of one
    FORWARD_FLOPS = 2           # for each weight and row: a multiply-add
    TRAINING_FLOPS = 6          # forward, back, and the gradient


cdef int worker_count(const Network *net, double flops_per_weight, isize rows, isize grain,
                      double flops_per_worker) noexcept nogil:
    """As many threads as the step's arithmetic may be worth, and no more than it has grains of rows."""
    cdef double flops = flops_per_weight * <double>rows * <double>net.n_parameters
    cdef isize n = min(1 + <isize>min(flops / flops_per_worker, 1e6), (rows + grain - 1) // grain)
    return <int>min(n, <isize>thread_limit())


cdef int may_go_by_groups(const Network *net, isize n_groups, int n_workers) noexcept nogil:
    """Whether the rows of a segment are shared group by group as far as the gradients, so that a worker's activations
    stay with it: if there are enough for equal shares. A batchnorm needs the whole batch on the way."""
    return (n_workers > 1 and net.n_live_norms == 0 and n_groups >= GROUPS_PER_THREAD * n_workers
            and n_groups * net.n_weights <= MAX_LEAVES)


cdef isize room_for(const Network *net, int training, int whole, isize rows, int n_workers) noexcept nogil:
    """Rows that the arena needs room for: a segment of a batch, or a tile for each worker."""
    cdef isize fit = SEGMENT_BYTES // ((2 * net.n_columns + net.n_word_columns) * <isize>sizeof(real))
    if training and (net.n_live_norms > 0 or whole):
        return rows  # a batchnorm needs the whole batch
    if not training:
        return <isize>n_workers * TILE_ROWS if rows > TILE_ROWS else min(rows, <isize>TILE_ROWS)
    return min(rows, max(<isize>SEGMENT_ROWS, fit // NN_GROUP * NN_GROUP) * n_workers)
