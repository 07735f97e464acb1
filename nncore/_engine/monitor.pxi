# Records of the layers: what the leader writes down in the last full batch of an epoch, from what lies in memory then:
# the outputs of its first rows, later the gradients, and the weights before and after the step.

cdef enum:              # the numbers of a record, in the order of nncore.history.layers.FIELDS
    GRADIENT_NORM
    UPDATE_RATIO
    WEIGHT_MEAN
    WEIGHT_STD
    WEIGHT_MIN
    WEIGHT_MAX
    ACTIVATION_MEAN
    ACTIVATION_STD
    DEAD
    SATURATED
    BINS
    N_BINS = 32
    N_FIELDS = BINS + N_BINS

cdef enum:
    MAX_RECORDED_ROWS = 512
    MAX_BINNED = 4096

cdef double SATURATION = 0.05   # share of its largest slope below which an activation counts as saturated


cdef inline isize recorded_batch(const Job *job) noexcept nogil:
    """The last full batch of an epoch, or its only one."""
    return max(job.n // job.batch_size, <isize>1) - 1


cdef inline int records_epoch(const Engine *e, isize epoch) noexcept nogil:
    return e.records.n_done < e.job.n_records and e.job.recorded[e.records.n_done] == epoch


cdef inline int records_batch(const Engine *e, isize epoch, isize batch) noexcept nogil:
    return e.job.purpose == UPDATE and records_epoch(e, epoch) and batch == recorded_batch(&e.job)


cdef void record_weight(Engine *e, const Row *r, double *record) noexcept nogil:
    cdef isize n = n_parameter_rows(r) * r.n_out, n_weight = (r.n_in if has_matrix(r) else 1) * r.n_out
    cdef real *now = e.records.vectors
    cdef real *before = e.records.vectors + n
    cdef double norm
    cdef nn_figures figures
    if not r.frozen:
        load_matrix_rows(now, e.weights.gradient + r.weight, r)
        record[GRADIENT_NORM] = nn_norm(now, n) / e.optimizer.clip_scale
    load_matrix_rows(now, e.stage.new + r.weight, r)
    load_matrix_rows(before, e.records.weights + r.weight, r)
    norm = nn_norm(before, n_weight)
    record[UPDATE_RATIO] = nn_distance(now, before, n_weight) / norm if norm > 0 and not r.frozen else NAN
    nn_vector_figures(now, n_weight, &figures)
    record[WEIGHT_MEAN], record[WEIGHT_STD] = figures.mean, figures.deviation
    record[WEIGHT_MIN], record[WEIGHT_MAX] = figures.least, figures.largest
    nn_histogram(record + BINS, N_BINS, now, n_weight, MAX_BINNED, figures.least, figures.largest)


cdef inline void load_matrix_rows(real *flat, const real *panels, const Row *r) noexcept nogil:
    """The parameters of a row in C order."""
    cdef isize k
    for k in range(n_parameter_rows(r)):
        nn_load_row(flat + k * r.n_out, panels, r.n_weight_rows, r.n_out, k)


cdef isize count_saturated(int activation, const real *y, isize n) noexcept nogil:
    """How many outputs lie where the slope is small.

    In a = y, or of a sigmoid 2 y - 1, it is 1 - a^2 for the smooth ones, (1 - |a|)^2 for softsign, 0 or 1 for the hard
    ones.
    """
    cdef isize i, count = 0
    cdef double a, left
    for i in range(n):
        a = 2.0 * y[i] - 1.0 if activation == NN_sigmoid or activation == NN_hard_sigmoid else y[i]
        left = 1.0 - (a if a > 0 else -a)
        if activation == NN_softsign:
            count += left * left < SATURATION
        elif activation == NN_tanh or activation == NN_sigmoid:
            count += 1.0 - a * a < SATURATION
        else:
            count += left <= 0
    return count


cdef inline int may_saturate(int activation) noexcept nogil:
    return (activation == NN_tanh or activation == NN_sigmoid or activation == NN_hard_tanh
            or activation == NN_hard_sigmoid or activation == NN_softsign)


cdef void record_outputs(const Arena *a, isize n_rows, const Row *r, real *vectors, double *record) noexcept nogil:
    cdef isize i, c, saturated = 0, n_dead = 0
    cdef int saturates = may_saturate(r.activation)
    cdef real *y = vectors
    cdef real *largest = vectors + r.n_out
    cdef nn_sums sums
    cdef nn_figures figures
    memset(&sums, 0, sizeof(nn_sums))
    memset(largest, 0, r.n_out * sizeof(real))
    for i in range(n_rows):
        nn_load_row(y, values_at(a, r.y), a.room, r.n_out, i)
        nn_sums_add(&sums, y, r.n_out)
        if saturates:
            saturated += count_saturated(r.activation, y, r.n_out)
        if r.activation == NN_relu:
            for c in range(r.n_out):
                largest[c] = y[c] if y[c] > largest[c] else largest[c]
    nn_sums_figures(&sums, &figures)
    record[ACTIVATION_MEAN], record[ACTIVATION_STD] = figures.mean, figures.deviation
    if saturates:
        record[SATURATED] = saturated / <double>(n_rows * r.n_out)
    if r.activation == NN_relu:
        for c in range(r.n_out):
            n_dead += largest[c] == 0
        record[DEAD] = n_dead / <double>r.n_out


cdef inline double *record_of(const Engine *e, int row) noexcept nogil:
    """What is being written down of a row of the program; what does not apply stays NaN."""
    return e.job.records + (e.records.n_done * e.net.n_rows + row) * N_FIELDS


cdef void begin_record(Engine *e) noexcept nogil:
    """After the batch's first segment has passed: outputs. Its length depends on the threads, its first rows do not."""
    cdef int i
    cdef isize k, n_rows = min(e.stage.n_rows, <isize>MAX_RECORDED_ROWS)
    for i in range(e.net.n_rows):
        for k in range(N_FIELDS):
            record_of(e, i)[k] = NAN
        record_outputs(&e.arena, n_rows, e.net.rows + i, e.records.vectors, record_of(e, i))


cdef void keep_weights(Engine *e) noexcept nogil:
    """Before the step."""
    memcpy(e.records.weights, e.weights.state, e.net.n_weights * sizeof(real))


cdef void end_record(Engine *e) noexcept nogil:
    """After the step: gradients and weights."""
    cdef int i
    for i in range(e.net.n_rows):
        if e.net.rows[i].flat >= 0:
            record_weight(e, e.net.rows + i, record_of(e, i))
    e.records.n_done += 1


cdef int ensure_records(Engine *e) except -1:
    """Room for a copy of the weights, and for two flat vectors of one row's parameters or outputs."""
    cdef int i
    cdef isize n = 0
    for i in range(e.net.n_rows):
        n = max(n, 2 * e.net.rows[i].n_out)
        if e.net.rows[i].weight >= 0:
            n = max(n, 2 * n_parameter_rows(e.net.rows + i) * e.net.rows[i].n_out)
    ensure_vector(&e.records.weights, e.net.n_weights)
    ensure_vector(&e.records.vectors, n + 2 * NN_V)
    return ensure_vector(&e.weights.gradient, e.net.n_weights)
