# What is being done: the job of the running call, the stage its workers are in, and the Engine that holds everything.

cdef enum:                # what a job is for
    UPDATE
    STORE_GRADIENT
    BACKPROPAGATE
    EVALUATE
    PREDICT

cdef struct Job:          # what a call works on; the arrays are borrowed from the caller, but for the copies
    int purpose
    const char *X         # (n, n_features), of numbers of `kind`: see narrow.h
    int kind
    isize row_bytes       # from one row to the next
    const int *labels     # (n), or NULL
    const real *targets   # (n, n_outputs), or NULL
    const real *sample_weight          # (n), or NULL
    isize n_targets       # columns of targets: n_outputs, but for a loss of the caller's own
    real *predictions     # (n, n_outputs), or NULL
    isize n, batch_size
    int64_t *order        # in which to visit the rows, drawn anew for every epoch; NULL for the caller's
    int64_t *slots        # where X has them, in that order: the same, unless X is what is fed; NULL with `order`
    isize window          # rows that are drawn, and fed, together: see windows.pxi; 0 for all of an epoch
    isize first, here     # the first row of the window that is trained on, in the order of the epoch, and how many
    isize block_rows      # of a block
    int64_t *blocks       # in which order an epoch visits them; NULL where that is the caller's
    nn_place at           # where the next window begins
    PyObject *feed        # returns X of a window; NULL where X has all rows
    int whole             # one segment, whose values and deltas somebody wants to see
    int frozen            # batchnorm by its running averages, nothing is dropped
    uint64_t seed
    isize first_epoch, n_epochs
    double max_seconds
    const double *learning_rates       # (n_epochs, steps of an epoch), or NULL
    double *losses        # (n_epochs); in evaluate (n), one per row
    double *of_heads      # (n_epochs, n_heads), in evaluate (n_heads, n): of several heads, or NULL
    double *seconds       # (n_epochs)
    double *clipped       # (n_epochs), or NULL: see clipped_share
    const int64_t *recorded  # (n_records): epochs of this job after which to record the layers, ascending
    isize n_records
    double *records       # (n_records, n_rows, N_FIELDS)
    PyObject *own         # what Python function makes losses and derivatives of outputs: own.pxi; NULL for none
    const real *dys       # (n_functions, n, n_outputs): for backpropagate.pxi, which fills the two below; for own.pxi
    #                       (batch, n_outputs), NULL where a loss of the engine's makes the derivatives
    int of_batch          # whether they are those of the batch's loss, and not of the losses of its rows
    isize n_functions
    real *values          # (n, n_written)
    real *deltas          # (n_functions, n, n_written)

cdef struct Outcome:      # how a job of training went
    isize epochs_done, epochs_scored, epoch, batch
    int diverged
    double last_finite_loss

cdef struct Input:        # how a tile's rows of X are read
    const real *rows      # (n, n_features) where the caller has them; NULL where they have been gathered
    int suspect           # whether a sum over them was NaN or infinite, or nobody has looked
    const char *ahead[TILE_ROWS]       # rows that the worker will read next
    isize n_ahead, ahead_size          # how many; bytes of each number

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
    isize start           # the segment's first row, counted in the order of the window
    isize done            # rows of the batch before it
    isize n_rows, n_batch  # of the segment; of the batch it is part of
    int last              # whether it ends the batch
    int by_groups         # whether gradients are taken with the rows, group by group, and only added up later
    int updates           # whether it ends with a new state
    int fused             # whether a block's update follows its gradient at once
    int keeps_gradient    # whether somebody wants to see it then
    real *new             # the state to write

cdef struct Books:        # kept by worker 0 while a job of training runs
    double batch_loss, epoch_loss
    double *of_heads                   # (2, n_heads): the same of each of several heads
    double started, epoch_started      # job; epoch
    isize iterations_before            # the epoch
    int spare_is_start                 # `spare` holds the state at the start of the epoch; else `state` still does

cdef struct Optimizer:
    int rule
    double learning_rate, beta1, beta2, epsilon, weight_decay
    int decays_biases                  # and gammas and betas
    double clip_value, clip_norm       # 0 for none
    double clip_scale                  # of this step
    int shapes                         # whether something is done to gradients and weights besides the rule
    isize n_clipped_steps
    nn_tally n_clipped_values
    double *squares                    # (n_squares): of the gradient, each column of all panels, for clip_norm
    nn_hyper hyper
    isize iterations
    double power1, power2              # of beta1 and beta2
    isize power_of                     # to this number of iterations

cdef struct Records:      # for monitor.pxi
    isize n_done                       # epochs of this job that have been recorded
    real *weights                      # (n_weights): before the step that is recorded
    real *vectors                      # two flat ones, of one row's parameters or outputs

cdef enum:
    TUNERS = 16           # for steps of so many powers of two of rows

cdef struct Tuning:       # how many workers the steps of this job have; no result depends on it
    nn_tuner *tuner       # of this job's steps; unless n_most is 1
    int n_most, guess
    int team              # workers of this job
    int step_by_step      # whether the leader asks before every step of the job

cdef struct Crew:         # the workers, and what they tell each other
    nn_team *team
    real *scratch                      # an area of `scratch_size` for each worker; loss.pxi divides it
    isize scratch_size
    int n_scratch
    nn_tuner *tuners                   # (2, TUNERS): of all else and of training; NULL while no job may have helpers
    int threads_used                   # by the last job
    int forks                          # the fork_count() of the process in which the job began
    nn_flag abandon                    # a signal's handler or the watcher wants to end the job: skip what is left
    nn_flag overflow                   # a worker has seen a weight that is not finite
    nn_flag not_finite                 # a worker has seen an input that is not finite, or not the category it should be

cdef struct Watch:        # for poll.pxi
    double work_since_poll, poll_at
    PyObject *exception                # raised by a signal handler or the watcher while the job ran
    PyObject *watcher                  # called now and then while training runs; NULL for none
    PyObject *batch_listener           # called after each batch; NULL for none
    int undo                           # one of them has ended the job: the epoch that has begun shall not count

cdef struct Scoring:      # what is worked out after each epoch of a job of training, for scoring.pxi
    int asked             # whether anything is
    Job validation        # evaluates other rows; X is NULL for none
    Tuning tuning         # ... with how many workers
    const double *thresholds           # (n_counts): see share_right
    isize n_counts, n_scores
    double *row_losses    # of the rows of the validation
    double *scores        # (n_epochs, n_scores): shares of right rows; loss of the validation rows, their shares
    PyObject *listener    # gets them after each epoch, and may say that it is the last; NULL for none

cdef struct Lanes         # networks that are trained together: lanes.pxi

cdef struct Engine:       # one compiled network, its state and its memory; the job that is running, and who works on it
    Network net
    Weights weights
    Arena arena
    Copies copies
    Copies validation_copies
    Optimizer optimizer
    Job job
    Outcome outcome
    Stage stage
    Books books
    Records records
    Crew crew
    Tuning tuning
    Watch watch
    Scoring scoring
    PyObject *own_loss    # the network's, if its loss is one; borrowed from the plan
    int own_checked       # whether its derivative has been compared with its values, so that steps may go by it
    Lanes *lanes          # while it is one of several in whose vectors it has a lane; else NULL
    int lane


cdef int ensure_scratch(Crew *c, int n_workers) except -1:
    cdef real *scratch
    if n_workers > c.n_scratch:
        scratch = nn_allocate(c.scratch_size * n_workers)
        allocated(scratch, c.scratch_size * n_workers)
        free(c.scratch)
        c.scratch, c.n_scratch = scratch, n_workers
    return 0


cdef int gather_crew(Crew *c) except -1:
    cdef isize n = sizeof(nn_team) // sizeof(real) + 1
    c.team = <nn_team *>nn_allocate(n)
    allocated(c.team, n)
    nn_team_init(c.team)
    return 0


cdef void free_engine(Engine *e) noexcept nogil:
    free_network(&e.net)
    free_weights(&e.weights)
    free_arena(&e.arena)
    free_copies(&e.copies)
    free_copies(&e.validation_copies)
    free(e.optimizer.squares)
    free(e.books.of_heads)
    free(e.records.weights)
    free(e.records.vectors)
    free(e.crew.scratch)
    free(e.crew.team)
    free(e.crew.tuners)
