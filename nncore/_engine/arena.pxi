# The program as C rows, and all memory of a plan.

cdef enum:                # what a row of the program does
    DENSE
    ACTIVATION
    BATCHNORM
    LAYERNORM
    DROPOUT
    ADD

cdef enum:
    TILE_ROWS = 48        # rows that go through all layers together while they are in the cache; a multiple of NN_MR

cdef enum:                # the rows of a norm's parameters, panels in a state
    GAMMA
    BETA
    RUNNING_MEAN          # of a batchnorm only
    RUNNING_VARIANCE

cdef enum:                # the rows of what a batchnorm has worked out, panels in `norms`
    MEAN                  # of the batch; to predict, the running one
    VARIANCE
    INVERSE               # 1 / sqrt(variance + epsilon)
    SCALE                 # gamma * INVERSE
    N_NORM_ROWS

cdef struct Row:          # one row of the program
    int op, activation, layer
    real parameter        # of the activation; epsilon of a norm
    double rate           # of dropout
    isize n_in, n_out
    isize x, y            # blocks of `values` and `deltas`: first column, times the rows that the arena has room for
    isize z               # what is kept for the way back: the input of an activation that re-reads it, normalised by a
    #                       layernorm, the factors of dropout; else the same as y
    isize skip            # block that an add reads besides x
    isize live_x, live_skip, live_y  # x, skip and y to predict: dropout does nothing then
    isize inverse         # block of one column: a layernorm's inverse roots
    isize part            # block for an activation's part of the delta of x, where others have put theirs there
    int back, back_skip   # whether x (skip) needs a delta: something before it has parameters
    int more, more_skip   # whether a later row has already put its part of that delta there
    int gate              # whether the product that makes that delta does the slope of the relu that made x
    int gated             # whether it does that of this row
    isize weight          # panels in a state and its parallel vectors; the bias is one more row behind the weight's
    isize n_weight_rows   # n_in, and one more where there is a bias; the rows of a norm
    isize transposed      # the weight's transpose in `transposed`; -1 where no delta goes back
    isize plain           # weight and bias, or gamma and beta, in the plain, flat parameter vector; -1 for none
    isize statistics      # running mean and variance in the plain vector of statistics
    isize norm            # panels in `norms`
    real momentum
    double l1, l2, weight_decay, max_norm  # weight_decay: -1 for the optimizer's; max_norm: 0 for none

cdef struct Block:        # a panel of inputs by a panel of outputs of one weight, or a panel of a norm's parameters:
    int row               # the unit of work of an update
    isize p, q            # panel of outputs, panel of inputs

cdef struct Panel:        # a panel of outputs of one weight, all its inputs: the unit of work of norms of columns
    int row
    isize p
    isize column          # its first in `squares`

cdef enum:                # what a job is for
    UPDATE
    STORE_GRADIENT
    EVALUATE
    PREDICT

cdef struct Job:          # what a call works on; the arrays are borrowed from the caller
    int purpose
    const real *X         # (n, n_features)
    const int *labels     # (n), or NULL
    const real *targets   # (n, n_outputs), or NULL
    const real *sample_weight          # (n), or NULL
    real *predictions     # (n, n_outputs), or NULL
    isize n, batch_size
    int shuffle, whole    # whole: one segment, whose values and deltas somebody wants to see
    uint64_t seed
    isize first_epoch, n_epochs
    double max_seconds
    const double *learning_rates       # (n_epochs, steps of an epoch), or NULL
    double *losses        # (n_epochs); in evaluate (n), one per row
    double *seconds       # (n_epochs)
    double *clipped       # (n_epochs), or NULL: see clipped_share
    const int64_t *recorded  # (n_records): epochs of this job after which to record the layers, ascending
    isize n_records
    double *records       # (n_records, n_rows, N_FIELDS)

cdef struct Ahead:        # rows of X that a worker will read next
    const real *rows[TILE_ROWS]
    isize n

cdef enum:                # what a stage of training does
    FORWARD               # rows of the segment through the program's rows before the next batchnorm
    TURN                  # ... from the last batchnorm to the end, loss, and back to that batchnorm
    BACKWARD              # ... from one batchnorm back to the one before
    MOMENTS               # panels of a batchnorm: mean and variance of the batch
    SUMS                  # panels of a batchnorm: gradients of gamma and beta
    GRADIENTS             # blocks of weights: gradient and, where nothing else has to be known first, update
    SQUARES               # panels of gradients: for their norm
    UPDATES               # blocks of weights: update
    LIMITS                # panels of weights: max_norm

cdef struct Stage:        # what workers are doing together: items of a segment's rows, or of the network's blocks
    int kind, n_workers
    int phase             # the rows between two batchnorms, counted from the input; phases > 0 start with theirs
    isize n, per_item
    isize start           # the segment's first row, counted in the order of the epoch
    isize done            # rows of the batch before it
    isize n_rows, n_batch  # of the segment; of the batch it is part of
    int resume, last      # whether it goes on with a gradient; whether it ends the batch
    int updates           # whether it ends with a new state
    int fused             # whether a block's update follows its gradient at once
    int keeps_gradient    # whether somebody wants to see it then
    real *new             # the state to write

cdef struct Outcome:      # how a job of training went
    isize epochs_done, epoch, batch
    int diverged
    double last_finite_loss

cdef struct Engine:       # one compiled network: its program, its memory, its state
    Row *rows
    int n_rows, loss, link
    double loss_parameter
    isize n_features, n_outputs, n_parameters
    isize n_weights, n_transposed      # lengths of the panelled vectors
    isize n_columns                    # of all blocks of values together
    isize widest                       # the largest of n_features and all n_out
    int reads_batch                    # whether a row other than a dense one reads the batch itself
    int in_columns                     # whether columns.pxi predicts quicker than the tiles of training
    # A state is (1 + n_slots, n_weights): weights and biases in panels, then the optimizer's slots in the same places.
    # The first step of an epoch writes its new state to `other`, and the two change places: then `other` is the state
    # at the start of the epoch, to go back to if training diverges. All other steps work in place.
    real *state
    real *other
    isize n_slots
    real *gradient                     # (n_weights), where a caller or a batch of several segments wants it
    real *before                       # (n_weights): before the step that is recorded
    real *plain                        # for monitor.pxi
    isize n_recorded                   # epochs of this job so far
    real *transposed                   # weights of all dense rows that pass a delta on
    Block *blocks
    isize n_blocks
    Panel *panels
    isize n_panels
    int *norm_rows                     # numbers of the batchnorm rows, in order
    int n_norm_rows
    int n_layer_norms
    real *norms                        # (n_norms): see N_NORM_ROWS
    isize n_norms
    int penalizes, decays, limits_columns  # whether a row has l1 or l2; a weight_decay of its own; max_norm
    double *squares                    # of each column of all panels
    isize n_squares
    # memory for `room` rows at a time
    isize room
    real *values
    real *deltas
    double *row_loss
    int64_t *order                     # in which an epoch visits the caller's rows
    isize n_order
    int *labels                        # the plan's own copy: another thread may change the caller's array
    isize n_labels
    real *scratch                      # an area of `scratch_size` for each worker; loss.pxi divides it
    isize scratch_size
    int n_scratch
    # optimizer
    int rule
    double learning_rate, beta1, beta2, epsilon, weight_decay
    double clip_value, clip_norm       # 0 for none
    double clip_scale                  # of this step
    int shapes                         # whether something is done to gradients and weights besides the rule
    isize n_clipped_steps
    nn_tally n_clipped_values
    nn_hyper hyper
    isize iterations
    double power1, power2              # of beta1 and beta2
    isize power_of                     # to this number of iterations
    # the running job
    int training                       # whether batchnorm takes the batch's statistics and dropout drops
    Job job
    Outcome outcome
    int threads_used                   # by the last job
    nn_team *team
    Stage stage
    double batch_loss, epoch_loss
    isize iterations_before            # the epoch
    int other_is_before                # `other` holds the state before the epoch; else `state` still does
    double started, epoch_started
    nn_flag abandon                    # a signal's handler or the watcher wants to end the job: skip what is left
    nn_flag overflow                   # a worker has seen a weight that is not finite
    nn_flag not_finite                 # a worker has seen an input that is not finite
    double work_since_poll, poll_at
    PyObject *exception                # raised by a signal handler or the watcher while the job ran
    PyObject *watcher                  # called now and then while training runs; NULL for none
    int undo                           # one of them has ended the job: the epoch that has begun shall not count


cdef inline real *values_at(Engine *e, isize columns) noexcept nogil:
    return e.values + columns * e.room


cdef inline real *deltas_at(Engine *e, isize columns) noexcept nogil:
    return e.deltas + columns * e.room


cdef inline real *input_of(Engine *e, const Row *r) noexcept nogil:
    return values_at(e, r.x if e.training else r.live_x)


cdef inline isize n_plain_rows(const Row *r) noexcept nogil:
    """How many rows of a weight's panels are parameters."""
    return r.n_weight_rows if r.op == DENSE else 2


cdef int name_index(str name, const char *const *names, int n) except -1:
    cdef int i
    for i in range(n):
        if names[i] == name.encode():
            return i
    raise ValueError(f"this engine has no {name!r}")


cdef int allocated(void *p, isize n) except -1:
    if p == NULL:
        raise MemoryError(f"nncore needs {n * sizeof(real):,} bytes more than there are")
    return 0


cdef int ensure_room(Engine *e, isize room, int training) except -1:
    """Make `values`, `row_loss` and, for training, `deltas` large enough for `room` rows."""
    if room <= e.room:
        return ensure_vector(&e.deltas, e.room * e.n_columns) if training else 0
    cdef real *values = nn_allocate(room * e.n_columns)
    cdef double *row_loss = <double *>nn_allocate(room * 2)
    if values == NULL or row_loss == NULL:
        free(values)
        free(row_loss)
        allocated(NULL, room * (e.n_columns + 2))
    free(e.values)
    free(e.deltas)
    free(e.row_loss)
    e.values, e.deltas, e.row_loss, e.room = values, NULL, row_loss, room
    return ensure_room(e, room, training)


cdef int ensure_order(Engine *e, isize n) except -1:
    if n <= e.n_order:
        return 0
    cdef int64_t *order = <int64_t *>nn_allocate(n * 2)
    allocated(order, n * 2)
    free(e.order)
    e.order, e.n_order = order, n
    return 0


cdef int copy_labels(Engine *e, const int[::1] labels) except -1:
    """Copy the labels into the plan, and check the copies: they become indices."""
    cdef isize i, n = labels.shape[0]
    cdef int *copy
    if n > e.n_labels:
        copy = <int *>nn_allocate(n)
        allocated(copy, n)
        free(e.labels)
        e.labels, e.n_labels = copy, n
    for i in range(n):
        e.labels[i] = labels[i]
        if not 0 <= e.labels[i] < e.n_outputs:
            raise ValueError(f"label {e.labels[i]} in row {i} is not in 0..{e.n_outputs - 1}")
    return 0


cdef int ensure_vector(real **vector, isize n) except -1:
    if vector[0] == NULL:
        vector[0] = nn_allocate(n)
        allocated(vector[0], n)
    return 0


cdef int renew_slots(Engine *e, isize n_slots) except -1:
    """Give the optimizer empty slots and set its count of steps to zero; the weights stay."""
    cdef isize n = (1 + n_slots) * e.n_weights
    cdef real *state = nn_allocate(n)
    cdef real *other = nn_allocate(n)
    if state == NULL or other == NULL:
        free(state)
        free(other)
        allocated(NULL, 2 * n)
    memcpy(state, e.state, e.n_weights * sizeof(real))
    free(e.state)
    free(e.other)
    e.state, e.other, e.n_slots, e.iterations = state, other, n_slots, 0
    return 0


cdef int ensure_scratch(Engine *e, int n_workers) except -1:
    cdef real *scratch
    if n_workers > e.n_scratch:
        scratch = nn_allocate(e.scratch_size * n_workers)
        allocated(scratch, e.scratch_size * n_workers)
        free(e.scratch)
        e.scratch, e.n_scratch = scratch, n_workers
    return 0


cdef void free_engine(Engine *e) noexcept nogil:
    free(e.rows)
    free(e.state)
    free(e.other)
    free(e.gradient)
    free(e.before)
    free(e.plain)
    free(e.transposed)
    free(e.blocks)
    free(e.panels)
    free(e.norm_rows)
    free(e.norms)
    free(e.squares)
    free(e.values)
    free(e.deltas)
    free(e.row_loss)
    free(e.order)
    free(e.labels)
    free(e.scratch)
    free(e.team)
