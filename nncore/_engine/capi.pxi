# What the headers of src_c offer, and nothing else.

cdef extern from "nncore.h" nogil:
    ctypedef float real          # float or double: its size is taken from C
    ctypedef Py_ssize_t isize
    int NN_REAL_BITS, NN_BFLOAT16, NN_ALIGN

cdef extern from "tile.h" nogil:
    int NN_V, NN_W, NN_MR
    isize nn_panel_count(isize n_cols)
    isize nn_panel_width(isize n_cols, isize panel)
    isize nn_panel_cols(isize n_cols, isize panel)
    isize nn_padded(isize n_cols)
    isize nn_panel_at(isize n_rows, isize n_cols, isize panel, isize row)
    void nn_store_row(real *panels, isize n_rows, isize n_cols, isize row, const real *values)
    void nn_store_rows(real *panels, isize n_rows, isize n_cols, isize row, isize n, const real *values,
                       const int64_t *order)
    void nn_load_row(real *values, const real *panels, isize n_rows, isize n_cols, isize row)
    int nn_rows_differ(const real *panels, isize n_rows, isize n_cols, isize n, const real *values)
    ctypedef struct nn_product:
        const real *x
        isize x_rows
        isize n_k
        int flat
        isize n_cols
        const real *w
        const real *bias
        real *y
        int relu, more
        const real *gate
        int *suspect
        const char **ahead
        isize n_ahead, ahead_size
    void nn_product_panel(const nn_product *p, isize width, isize row, isize end)
    void nn_load_columns(real *columns, const real *panels, isize n_rows, isize n_cols, isize row, isize n)
    void nn_gather_columns(real *columns, const real *const *rows, isize n, isize n_cols)
    void nn_store_columns(real *panels, const real *columns, isize n_rows, isize n_cols, isize row, isize n)
    void nn_transpose_block(real *y, isize y_stride, const real *x, isize x_stride, isize n_i, isize n_j)

cdef extern from "narrow.h" nogil:
    int NN_REAL, NN_U8, NN_I8, NN_I16, NN_F16
    isize nn_kind_size(int kind)
    void nn_widen(real *y, int kind, const void *x, isize n)
    void nn_gather_rows(real *panels, isize n_rows, isize n_cols, isize row, isize n, int kind, const char *values,
                        const int64_t *order)

cdef extern from "bfloat16.h" nogil:
    enum:
        TILE_ROWS "NN_ROWS_TOGETHER"  # rows that go through all layers together while they are in the cache
    int NN_PAIR, NN_FILL
    isize nn_filled(isize n)
    isize nn_words(isize n)
    isize nn_short_padded(isize n_cols)
    isize nn_short_pairs_at(isize room, isize column, isize row)
    ctypedef struct nn_packing:
        const real *x
        isize x_rows, n_cols
        int flat
        real *rows
        real *pairs
        isize room
        int left
    void nn_pack(const nn_packing *p, isize row, isize end)
    void nn_pack_weight(real *w, real *t, isize t_width, const real *x, isize n_in, isize n_out, isize width)
    void nn_short_product(const nn_product *p, isize width, isize row, isize end)
    void nn_short_single(real *y, const real *x, const real *w, const real *panels, isize n_in, isize n_rows,
                         isize n_out)

cdef extern from "functions.h" nogil:
    int NN_N_FUNCTIONS
    const char *const NN_FUNCTION_NAMES[]
    void nn_apply_function(int function, real *y, const real *x, isize n)

cdef extern from "activations.h" nogil:
    int NN_identity, NN_relu, NN_sigmoid, NN_softmax, NN_tanh, NN_hard_sigmoid, NN_hard_tanh, NN_softsign
    int NN_N_ACTIVATIONS
    const char *const NN_ACTIVATION_NAMES[]
    const int NN_ACTIVATION_KEEPS_INPUT[]
    void nn_activate(int activation, real parameter, real *y, const real *x, isize n)
    void nn_activate_backward(int activation, real parameter, real *dx, const real *dy, const real *y, const real *x,
                              isize n)
    void nn_softmax_columns(real *x, isize n)
    void nn_softmax_backward_columns(real *dx, const real *dy, const real *y, isize n)

cdef extern from "columns.h" nogil:
    void nn_columns_panel(int nv, int relu, real *y, const real *x, const real *w, isize w_width, const real *bias,
                          isize n_k, isize n_out)
    void nn_to_columns(int nv, real *columns, const real *rows, isize n, isize n_cols)
    void nn_from_columns(int nv, real *rows, const real *columns, isize n, isize n_cols)
    int nn_finite(const real *x, isize n)
    int nn_shares(const real *x, isize n, double *total)

cdef extern from "single.h" nogil:
    void nn_single_dense(real *y, const real *x, const real *w, isize n_in, isize n_rows, isize n_out)
    void nn_flat_dense(real *y, const real *x, const real *w, const real *bias, isize n_in, isize n_out)
    void nn_single_softmax(real *x, isize n)

cdef extern from "losses.h" nogil:
    int NN_sigmoid_crossentropy, NN_softmax_crossentropy, NN_sparse_softmax_crossentropy, NN_N_LOSSES
    int NN_sigmoid_focal, NN_poisson, NN_hinge, NN_squared_hinge
    const char *const NN_LOSS_NAMES[]
    void nn_elementwise_loss(int loss, double parameter, double *value, real *z, const real *t, isize n,
                             const real *scale)
    void nn_sparse_softmax_loss(double *value, real *z, const real *labels, isize n, const real *scale)
    void nn_softmax_loss(double *value, real *z, const real *t, isize n, const real *scale)

cdef extern from "row_losses.h" nogil:
    int NN_softmax_focal, NN_kl_divergence, NN_gaussian
    ctypedef struct nn_reading:
        isize n_targets, n
        const double *parameters
        const double *weights
        const double *positives
        double smoothing
        int missing
    void nn_softmax_focal_loss(double parameter, double *value, real *z, const real *t, isize n, const real *scale)
    void nn_kl_loss(double *value, real *z, const real *t, isize n, const real *scale)
    void nn_gaussian_loss(double floor, double *value, real *z, const real *t, const real *w, isize n,
                          const real *scale)
    void nn_weighted_loss(int loss, const double *parameters, double *value, real *z, const real *t, const real *w,
                          isize n, const real *scale)
    void nn_read_targets(const nn_reading *r, int choice, int shifts, real *t, real *w)

cdef extern from "links.h" nogil:
    int NN_N_LINKS
    const char *const NN_OTHER_LINKS[]
    void nn_link_columns(int link, isize group, double floor, real *x, isize n)
    void nn_single_link(int link, isize group, double floor, real *x, isize n)

cdef extern from "optimizers.h" nogil:
    int NN_N_OPTIMIZERS
    const char *const NN_OPTIMIZER_NAMES[]
    const int NN_OPTIMIZER_SLOTS[]
    int NN_sgd, NN_adam, NN_nadam, NN_amsgrad
    ctypedef struct nn_hyper:
        real step
        real step_g
        real beta1
        real one_minus_beta1
        real beta2
        real one_minus_beta2
        real root_scale
        real epsilon
        int fused_roots
    ctypedef struct nn_shape:
        real l1, two_l2, l1_other, two_l2_other, limit, scale, keep, keep_other
    ctypedef struct nn_update:
        real scale
        int scales
    void nn_update_begin(nn_update *u, int rule, const nn_hyper *h, isize stride)
    void nn_update_shape(nn_update *u, const nn_shape *shape)
    void nn_update_rate(nn_update *u, real step, real step_g)
    isize nn_update_limited(const nn_update *u)
    void nn_shape_gradient(nn_update *u, int weight, real *g, const real *w, isize n)
    void nn_scale(real *g, real factor, isize n)
    void nn_update_run(nn_update *u, int weight, real *new, const real *old, const real *g, isize n)
    void nn_update_watch(nn_update *u, const real *x, isize n)
    int nn_update_finite(const nn_update *u)
    void nn_column_squares(double *squares, const real *x, isize n_rows, isize width)
    void nn_limit_columns(real *w, isize n_rows, isize width, double max_norm)

cdef extern from "groups.h" nogil:
    int NN_GROUP
    ctypedef struct nn_tree:
        isize before
        int last
        real *levels
        isize step
    isize nn_group_count(isize n_rows)
    isize nn_level_count(isize n_groups)
    void nn_tree_add(const nn_tree *tree, isize group, int ends, real *levels, real *sums, isize n)

cdef extern from "tuner.h" nogil:
    ctypedef struct nn_tuner:
        pass
    int nn_tuner_count(nn_tuner *t, int n_most, int guess)
    int nn_tuner_team(nn_tuner *t, int n_most, int guess, double rows)
    void nn_tuner_report(nn_tuner *t, double rows, double seconds)

cdef extern from "normalize.h" nogil:
    void nn_column_moments(real *mean, real *variance, const real *x, isize n_rows, isize width)
    void nn_normalize_scale(real *inverse, real *scale, const real *variance, const real *gamma, real epsilon,
                            isize width)
    void nn_normalize(real *y, const real *x, const real *mean, const real *scale, const real *beta, isize n_rows,
                      isize width)
    void nn_normalize_column(real *x, real mean, real scale, real beta, isize n)
    void nn_normalize_sums(real *dgamma, real *dbeta, const real *dy, const real *x, const real *mean,
                           const real *inverse, isize n_rows, isize width)
    void nn_normalize_backward(real *dx, const real *dy, const real *x, const real *mean, const real *inverse,
                               const real *scale, const real *dgamma, const real *dbeta, isize n, isize n_rows,
                               isize width, int more)
    void nn_running_average(real *running, const real *old, const real *batch, real momentum, real factor, isize width)
    void nn_layer_norm(real *y, real *xhat, real *inverse, const real *x, const real *w, isize w_rows, real epsilon,
                       int centred, isize n_rows, isize n_cols, isize row, isize end)
    void nn_layer_norm_backward(real *dx, const real *dy, const real *xhat, const real *w, isize w_rows, real inverse,
                                int centred, isize n_rows, isize n_cols, isize row, int more)
    void nn_product_sums(real *sums, const nn_tree *tree, const real *dy, const real *xhat, isize n_rows, isize width)

cdef extern from "monitor.h" nogil:
    ctypedef struct nn_figures:
        double mean, deviation, least, largest
    ctypedef struct nn_sums:
        pass
    void nn_sums_add(nn_sums *s, const real *x, isize n)
    void nn_sums_figures(const nn_sums *s, nn_figures *f)
    void nn_vector_figures(const real *x, isize n, nn_figures *f)
    double nn_norm(const real *x, isize n)
    double nn_distance(const real *a, const real *b, isize n)
    double nn_mean(const double *x, isize n)
    void nn_histogram(double *bins, int n_bins, const real *x, isize n, isize most, double least, double largest)

cdef extern from "elementwise.h" nogil:
    int NN_DRAWN
    void nn_add(real *y, const real *a, const real *b, isize n)
    void nn_multiply(real *y, const real *a, const real *b, isize n, int more)
    void nn_dropout_factors(real *factors, isize n, double rate, uint64_t seed, uint64_t iteration, uint64_t layer,
                            uint64_t row)
    void nn_noise(real *noise, isize n, double deviation, uint64_t seed, uint64_t iteration, uint64_t layer,
                  uint64_t row)
    void nn_penalise(real *dy, const real *y, real l1, real two_l2, isize n_rows, isize width, isize n_cols)
    void nn_prelu(real *y, real *z, const real *x, const real *alpha, isize n_rows, isize width)
    void nn_prelu_backward(real *dx, const real *dy, const real *x, const real *alpha, isize n_rows, isize width,
                           int more)

cdef extern from "gradient.h" nogil:
    ctypedef struct nn_outer:
        const real *x
        const real *dz
        const real *x_pairs
        const real *dz_pairs
        isize n_rows, n_in, n_out, x_width, width
        real *gradient
        nn_tree tree
        int with_bias
        nn_update *update
        real *new
        const real *old
        real *scratch
    void nn_outer_block(const nn_outer *p)
    void nn_outer_update(const nn_outer *p, isize i, isize n)
    void nn_column_sums(real *sums, const nn_tree *tree, const real *dz, isize n_rows, isize width)

cdef extern from "lookup.h" nogil:
    void nn_move_columns(real *y, isize y_cols, isize y_at, const real *x, isize x_cols, isize x_at, isize n,
                         isize room, isize row, isize end, int more)
    void nn_clear(real *y, isize n_cols, isize room, isize row, isize end)
    int nn_are_tokens(const real *x, isize n, isize step, isize n_tokens)
    void nn_one_hot(real *y, const real *x, isize n_in, isize n_tokens, isize room, isize row, isize end)
    void nn_look_up(real *y, real *kept, const real *x, const real *table, int flat, isize n_tokens, isize n_out,
                    isize room, isize row, isize end)
    void nn_look_up_gradient(const nn_outer *p, isize first)

cdef extern from "lanes.h" nogil:
    ctypedef struct nn_lanes_product:
        const real *a
        const real *b
        isize a_row, a_k, b_k, b_col, n_rows, n_k, n_cols
        real *y
        const real *bias
        int goes_on, more, relu
    void nn_lanes_multiply(const nn_lanes_product *p)
    void nn_lanes_sums(real *sums, const real *x, isize n_rows, isize n, int goes_on)
    void nn_update_begin_lanes(nn_update *u, int rule, const nn_hyper *h, isize stride)
    void nn_update_lane_shapes(nn_update *u, const nn_shape *shape)
    void nn_update_lanes(const nn_update *u, int *finite, isize *limited)
    void nn_lanes_put(real *lanes, int lane, const real *x, isize n)
    void nn_lanes_take(real *x, const real *lanes, int lane, isize n)

cdef extern from "rng.h" nogil:
    void nn_count_up(int64_t *order, isize begin, isize end)
    int NN_STREAM_SHUFFLE, NN_STREAM_BLOCKS
    void nn_shuffle(int64_t *order, isize n, isize i, isize stop, uint64_t seed, int stream, uint64_t part,
                    uint64_t epoch)
    ctypedef struct nn_place:
        isize block, row
    void nn_rows_of_blocks(int64_t *rows, isize n_here, const int64_t *blocks, isize block_rows, isize n, nn_place *at)

cdef extern from "threads.h" nogil:
    ctypedef struct nn_flag:
        pass
    void nn_raise(nn_flag *flag)
    void nn_lower(nn_flag *flag)
    ctypedef struct nn_tally:
        pass
    void nn_tally_add(nn_tally *tally, long n)
    long nn_tally_take(nn_tally *tally)
    int nn_raised(nn_flag *flag)

cdef extern from "team.h" nogil:
    int NN_MAX_ITEMS
    ctypedef struct nn_team:
        pass
    ctypedef void (*nn_work)(void *argument, long item, int worker) noexcept nogil
    void nn_team_init(nn_team *team)
    void nn_team_gather(nn_team *team)
    void nn_team_assist(nn_team *team, int worker, int n_workers, nn_work work, void *argument)
    void nn_team_resize(nn_team *team, int n_workers)
    void nn_team_desert(nn_team *team)
    void nn_team_follow(nn_team *team, int worker, int n_workers, nn_work work, void *argument)
    void nn_team_run(nn_team *team, long n_items, int n_workers, nn_work work, void *argument)
    void nn_team_dismiss(nn_team *team)

cdef extern from "roots.h" nogil:
    void nn_roots(real *x, isize n, int fused)

cdef extern from "cpu.h" nogil:
    int nn_cpu_slow_roots()
    unsigned nn_fp_begin(int flush)
    void nn_fp_end(unsigned before)

cdef extern from "arena.h" nogil:
    real *nn_allocate(isize n)   # zeroed, 64-byte aligned reals; NULL if there is no memory
    double nn_now()              # seconds, monotonic


cdef inline int real_type() noexcept nogil:
    return numpy.NPY_FLOAT if NN_REAL_BITS == 32 else numpy.NPY_DOUBLE
