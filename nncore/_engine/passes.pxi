# The whole program, or the part of it between two batchnorms, for some rows.

cdef void forward_rows(Engine *e, const Arena *a, int first, int last, isize row, isize end, Input *input,
                       real *scratch) noexcept nogil:
    """Rows first .. last - 1 of the program."""
    cdef int i
    cdef const Row *r
    cdef const Weights *w = &e.weights
    for i in range(first, last):
        r = e.net.rows + i
        if r.op == DENSE:
            dense_forward_rows(w, a, r, row, end, input)
            input.n_ahead = 0
            if r.activation == NN_softmax:
                activation_forward_rows(a, r, values_at(a, r.z), row, end, scratch)
        elif r.op == ACTIVATION:
            activation_forward_rows(a, r, input_of(a, r), row, end, scratch)
        elif r.op == BATCHNORM:
            batchnorm_forward(w, r, input_of(a, r), values_at(a, r.y), a.room, row, end)
        elif r.op == LAYERNORM or r.op == RMSNORM:
            layernorm_forward_rows(w, a, r, row, end)
        elif r.op == PRELU:
            prelu_forward(w.state, r, input_of(a, r), values_at(a, r.y), values_at(a, r.z) if a.training else NULL,
                          a.room, row, end)
        elif r.op == DROPOUT and a.training:
            dropout_forward_rows(e, r, row, end, scratch)
        elif r.op == NOISE and a.training:
            noise_forward_rows(e, r, row, end, scratch)
        elif r.op == ADD:
            add_forward(r, input_of(a, r), skip_of(a, r), values_at(a, r.y), a.room, row, end)
        elif r.op == EMBEDDING:
            nn_look_up(values_at(a, r.y), values_at(a, r.inverse) if a.training else NULL, input_of(a, r),
                       w.state + r.weight, 0, r.n_in, r.n_out, a.room, row, end)
        elif selects(r):
            select_forward(r, input_of(a, r), skip_of(a, r), values_at(a, r.y), a.room, row, end)


cdef inline int penalised(const Engine *e, const Row *r) noexcept nogil:
    """Whether what a row writes counts; not where derivatives of a given function are asked for."""
    return (r.activity_l1 != 0 or r.activity_l2 != 0) and not e.job.frozen and e.job.purpose != BACKPROPAGATE


cdef void backward_rows(Engine *e, int first, int last, isize row, isize end, real *scratch) noexcept nogil:
    """Rows last - 1 .. first of the program: from the delta of what each writes to that of what it reads."""
    cdef int i
    cdef const Row *r
    cdef const Weights *w = &e.weights
    cdef const Arena *a = &e.arena
    for i in range(last - 1, first - 1, -1):
        r = e.net.rows + i
        if r.op == DENSE:
            if r.frozen and not r.back:
                continue  # nobody has worked out its delta
            if penalised(e, r):
                penalise_outputs(e, r, row, end)
            if r.activation != NN_identity and not r.gated:
                activation_backward_rows(a, r, r.y, row, end, scratch)
            if NN_BFLOAT16:
                round_delta(a, r, row, end)
            if r.back:
                dense_backward_rows(w, a, r, row, end)
        elif not r.back and not r.back_skip:
            continue
        elif r.op == ACTIVATION:
            if penalised(e, r):
                penalise_outputs(e, r, row, end)
            activation_backward_rows(a, r, r.own_delta if r.more else r.x, row, end, scratch)
            if r.more:
                pass_delta(a, r, r.own_delta, r.x, 1, row, end)
        elif r.op == BATCHNORM:
            batchnorm_backward_rows(w, a, r, row, end, e.stage.n_rows, e.job.frozen)
        elif r.op == LAYERNORM or r.op == RMSNORM:
            layernorm_backward_rows(w, a, r, row, end)
        elif r.op == DROPOUT:
            dropout_backward_rows(a, r, row, end)
        elif selects(r):
            select_backward(a, r, row, end)
        elif r.op == PRELU:
            prelu_backward_rows(w, a, r, row, end)
        else:
            if r.back:
                pass_delta(a, r, r.y, r.x, r.more, row, end)
            if r.back_skip:
                pass_delta(a, r, r.y, r.skip, r.more_skip, row, end)
