# The program as C rows: what a Network says is fixed once it is built (lowering.pxi).

cdef enum:                # what a row of the program does
    DENSE
    ACTIVATION
    BATCHNORM
    LAYERNORM
    DROPOUT
    ADD
    COLUMNS
    CONCAT
    ONE_HOT
    EMBEDDING
    PRELU
    RMSNORM
    NOISE

cdef enum:                # in place of a loss of losses.h
    OWN_LOSS = -1         # the caller's, a function of Python: own.pxi

cdef enum:                # the rows of a norm's parameters, panels in a state
    GAMMA
    BETA
    RUNNING_MEAN          # of a batchnorm only
    RUNNING_VARIANCE

cdef enum:                # the rows of what a batchnorm has worked out, panels in `moments`
    MEAN                  # of the batch; to predict, the running one
    VARIANCE
    INVERSE               # 1 / sqrt(variance + epsilon)
    SCALE                 # gamma * INVERSE
    N_NORM_ROWS

cdef struct Row:          # one row of the program
    int op, activation, layer
    real parameter        # of the activation; epsilon of a norm
    double rate           # of dropout; deviation of noise
    isize n_in, n_out     # n_in of an embedding, which reads one column: the rows of its table
    isize x, y            # blocks of `values` and `deltas`: first column, times the rows that the arena has room for
    isize z               # what is kept for the way back: the input of an activation that re-reads it, normalised by a
    #                       layernorm, the factors of dropout, what a prelu's alpha has multiplied; else the same as y
    isize skip            # block that an add or a concat reads besides x
    isize live_x, live_skip, live_y  # x, skip and y to predict: dropout and noise do nothing then
    isize inverse         # block of one column: a layernorm's inverse roots; what an embedding reads, without filling
    isize own_delta       # block for an activation's share of the delta of x, where others have put theirs there
    int back, back_skip   # whether x (skip) needs a delta: something before it has parameters
    int more, more_skip   # whether a later row has already put its share of that delta there
    int gate              # whether the product that makes that delta does the slope of the relu that made x
    int gated             # whether it does that of this row
    isize weight          # panels in a state and its parallel vectors; the bias is one more row behind the weight's
    isize n_weight_rows   # n_in, and one more where there is a bias; the rows of a norm; 1 of a prelu
    isize transposed      # the weight's transpose in `transposed`; -1 where no delta goes back
    isize words           # if NN_BFLOAT16: the weight rounded, in `words`; what a dense row reads and its delta, too,
    isize input_words, delta_words  # in the arena's: first column, as of x and y
    int frozen            # whether training leaves its parameters, and a batchnorm's running averages, as they are
    double rate_factor    # of the learning rate, for its parameters
    isize flat            # weight and bias, gamma and beta or alpha, in the program's flat parameter vector; or -1
    isize statistics      # running mean and variance in the flat vector of statistics
    isize moments         # panels in `moments`
    real momentum
    isize *columns        # (n_out) that a row of columns reads, of x; else NULL
    isize n_tokens        # whole numbers that a column of a one_hot or an embedding can be
    double bias_l1, bias_l2
    double l1, l2, weight_decay, max_norm  # weight_decay: -1 for the optimizer's; max_norm: 0 for none
    double activity_l1, activity_l2        # penalties of what the row writes

cdef struct Block:        # a panel of inputs by a panel of outputs of one weight, or a panel of a norm's parameters:
    int row               # the unit of work of an update
    isize p, q            # panel of outputs, panel of inputs

cdef struct Panel:        # a panel of outputs of one weight, all its inputs: the unit of work of norms of columns
    int row
    isize p
    isize column          # its first in `squares`

cdef struct Category:     # a column of the batch that holds whole numbers from 0, below n_tokens
    isize column, n_tokens

cdef struct Head:         # columns of what the last row writes, in a row, and what becomes of them
    int loss, link
    double loss_parameter, weight
    nn_reading reading    # of targets; its arrays NULL where they are read as they are
    isize first, n_outputs
    isize first_target, n_targets          # among the columns of the job's targets

cdef struct Network:
    Row *rows
    Head *heads
    int n_rows, n_heads
    isize n_features, n_outputs, n_parameters
    isize n_targets                        # columns that all heads read
    isize linked                           # block for one row of a head, where there are several
    isize widest                           # the largest of n_features and all n_out
    isize n_columns                        # of all blocks of values together
    isize n_written                        # numbers that all rows of the program write for a row of the data
    isize n_weights, n_transposed, n_moments, n_squares  # lengths of vectors in panels
    isize n_words, n_word_columns          # of weights; of what dense rows read, and of deltas, for each row of a pass
    Block *blocks
    isize n_blocks
    Panel *panels
    isize n_panels
    int to_inputs                          # whether deltas go back as far as what the network reads
    int *norm_rows                         # numbers of the batchnorm rows, in order
    int n_norm_rows, n_vectors             # n_vectors: how many other rows than dense ones and batchnorms learn
    int *live_norms                        # of those that are not frozen: they take the moments of the batch
    int n_live_norms
    Category *categories
    isize n_categories
    int first_learning                     # the first row whose parameters learn; n_rows for none
    int scales_rates                       # whether a row has a rate_factor other than 1
    int reads_batch                        # whether a row other than a dense one reads the batch itself
    int gathers                            # whether predict_tile copies the caller's rows first
    int in_columns                         # whether columns.pxi predicts quicker than the tiles of training
    int penalizes, decays, limits_columns  # whether a row has l1 or l2; a weight_decay of its own; max_norm


cdef inline int has_matrix(const Row *r) noexcept nogil:
    """Whether what a row learns is a matrix, of n_in rows, which may have a bias behind it; else gamma and beta."""
    return r.op == DENSE or r.op == EMBEDDING


cdef inline int selects(const Row *r) noexcept nogil:
    """Whether a row computes nothing: select.pxi."""
    return COLUMNS <= r.op <= EMBEDDING


cdef inline int reads_two(const Row *r) noexcept nogil:
    return r.op == ADD or r.op == CONCAT


cdef inline isize n_parameter_rows(const Row *r) noexcept nogil:
    """How many rows of a weight's panels are parameters; an rmsnorm's beta is 0, and none."""
    return r.n_weight_rows if has_matrix(r) else 1 if r.op == PRELU or r.op == RMSNORM else 2


cdef inline int keeps_own(const Row *r) noexcept nogil:
    """Whether a row keeps something for the way back that is neither its input nor its output."""
    return r.op == LAYERNORM or r.op == RMSNORM or r.op == PRELU or r.op == DROPOUT


cdef int name_index(str name, const char *const *names, int n) except -1:
    cdef int i
    for i in range(n):
        if names[i] == name.encode():
            return i
    raise ValueError(f"this engine has no {name!r}")


cdef void free_heads(Network *net) noexcept nogil:
    cdef int k
    for k in range(net.n_heads):
        free(<void *>net.heads[k].reading.parameters)
    free(net.heads)


cdef void free_network(Network *net) noexcept nogil:
    cdef int i
    for i in range(net.n_rows):
        free(net.rows[i].columns)
    free(net.rows)
    free_heads(net)
    free(net.categories)
    free(net.blocks)
    free(net.panels)
    free(net.norm_rows)
    free(net.live_norms)
