/* optimizers.h -- one row of NN_OPTIMIZERS per update rule, and the loop made from it.
 *
 * A row names a rule, how many slots (vectors as long as the parameters) it keeps, which of them, counted from 1, sums
 * squares of gradients (0: none), and needs one function nn_update_<name>(w, g, s0, s1, s2, h) that returns the new weight
 * and changes the slots in registers.
 * nncore/optimizers.py gives the formulas and fills nn_hyper; a test compares the names.
 */
#ifndef NN_OPTIMIZERS_H
#define NN_OPTIMIZERS_H

#include "roots.h"

/*       name               slots, squares */
#define NN_OPTIMIZERS(ROW) \
    ROW(sgd,               0, 0) \
    ROW(momentum,          1, 0) \
    ROW(nesterov,          1, 0) \
    ROW(rmsprop,           1, 1) \
    ROW(rmsprop_momentum,  2, 1) \
    ROW(adam,              2, 2) \
    ROW(adagrad,           1, 1) \
    ROW(nadam,             2, 2) \
    ROW(lion,              1, 0) \
    ROW(amsgrad,           3, 3) \
    ROW(rmsprop_centered,  2, 1) \
    ROW(rmsprop_centered_momentum, 3, 1)

#define NN_ENUM_ROW(name, slots, squares) NN_##name,
enum { NN_OPTIMIZERS(NN_ENUM_ROW) NN_N_OPTIMIZERS };
#undef NN_ENUM_ROW
#define NN_NAME_ROW(name, slots, squares) #name,
static const char *const NN_OPTIMIZER_NAMES[] __attribute__((unused)) = {NN_OPTIMIZERS(NN_NAME_ROW)};
#undef NN_NAME_ROW
#define NN_SLOTS_ROW(name, slots, squares) slots,
static const int NN_OPTIMIZER_SLOTS[] __attribute__((unused)) = {NN_OPTIMIZERS(NN_SLOTS_ROW)};
#undef NN_SLOTS_ROW

/* What the rules need, ready for this step. beta1 is the momentum or first-moment rate, beta2 the second's. */
typedef struct {
    real step;       /* learning rate, for adam over 1 - beta1^t, for nadam times beta1 / (1 - beta1^(t+1)) */
    real step_g;     /* nadam: the step along the gradient itself */
    real beta1, one_minus_beta1, beta2, one_minus_beta2;
    real root_scale; /* adam, nadam: 1 / sqrt(1 - beta2^t) */
    real epsilon;
    int fused_roots; /* whether roots are taken by multiply-adds, as roots.h says: no bit depends on it */
} nn_hyper;

typedef struct {
    vec step, step_g, beta1, one_minus_beta1, beta2, one_minus_beta2, root_scale, epsilon;
    int fused_roots;
} nn_hyper_vec;

NN_INLINE vec nn_update_sgd(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    (void)s0, (void)s1, (void)s2;
    return vfnma(h->step, g, w);
}

NN_INLINE vec nn_update_momentum(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    (void)s1, (void)s2;
    *s0 = vfnma(h->step, g, h->beta1 * *s0);
    return w + *s0;
}

NN_INLINE vec nn_update_nesterov(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    (void)s1, (void)s2;
    *s0 = vfnma(h->step, g, h->beta1 * *s0);
    return w + vfnma(h->step, g, h->beta1 * *s0);
}

NN_INLINE vec nn_rmsprop_step(vec g, vec *s0, const nn_hyper_vec *h)
{
    *s0 = vfma(h->one_minus_beta2 * g, g, h->beta2 * *s0);
    return h->step * g / (nn_root(*s0, h->fused_roots) + h->epsilon);
}

NN_INLINE vec nn_update_rmsprop(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    (void)s1, (void)s2;
    return w - nn_rmsprop_step(g, s0, h);
}

NN_INLINE vec nn_update_rmsprop_momentum(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    (void)s2;
    *s1 = vfma(h->beta1, *s1, nn_rmsprop_step(g, s0, h));
    return w - *s1;
}

NN_INLINE vec nn_update_adam(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    (void)s2;
    *s0 = vfma(h->one_minus_beta1, g, h->beta1 * *s0);
    *s1 = vfma(h->one_minus_beta2 * g, g, h->beta2 * *s1);
    return w - h->step * *s0 / vfma(nn_root(*s1, h->fused_roots), h->root_scale, h->epsilon);
}

NN_INLINE vec nn_update_adagrad(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    (void)s1, (void)s2;
    *s0 = vfma(g, g, *s0);
    return w - h->step * g / (nn_root(*s0, h->fused_roots) + h->epsilon);
}

NN_INLINE vec nn_update_nadam(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    (void)s2;
    *s0 = vfma(h->one_minus_beta1, g, h->beta1 * *s0);
    *s1 = vfma(h->one_minus_beta2 * g, g, h->beta2 * *s1);
    const vec ahead = vfma(h->step, *s0, h->step_g * g);
    return w - ahead / vfma(nn_root(*s1, h->fused_roots), h->root_scale, h->epsilon);
}

/* 0 * blend is NaN for a gradient that is not finite: its sign alone would pass for a step like any other. */
NN_INLINE vec nn_update_lion(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    (void)s1, (void)s2;
    const vec blend = vfma(h->one_minus_beta1, g, h->beta1 * *s0), zero = vset1(0);
    const vec step = vselect(vgt(blend, zero), h->step, vselect(vlt(blend, zero), zero - h->step, zero));
    *s0 = vfma(h->one_minus_beta2, g, h->beta2 * *s0);
    return w - vfma(zero, blend, step);
}

NN_INLINE vec nn_update_amsgrad(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    *s0 = vfma(h->one_minus_beta1, g, h->beta1 * *s0);
    *s1 = vfma(h->one_minus_beta2 * g, g, h->beta2 * *s1);
    *s2 = vmax(*s2, *s1); /* NaN where s1 is */
    return w - h->step * *s0 / vfma(nn_root(*s2, h->fused_roots), h->root_scale, h->epsilon);
}

/* s1 is the mean gradient; rounding may take the variance a little below 0 */
NN_INLINE vec nn_centered_step(vec g, vec *s0, vec *s1, const nn_hyper_vec *h)
{
    *s0 = vfma(h->one_minus_beta2 * g, g, h->beta2 * *s0);
    *s1 = vfma(h->one_minus_beta2, g, h->beta2 * *s1);
    const vec variance = vmax(vset1(0), vfnma(*s1, *s1, *s0));
    return h->step * g / (nn_root(variance, h->fused_roots) + h->epsilon);
}

NN_INLINE vec nn_update_rmsprop_centered(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    (void)s2;
    return w - nn_centered_step(g, s0, s1, h);
}

NN_INLINE vec nn_update_rmsprop_centered_momentum(vec w, vec g, vec *s0, vec *s1, vec *s2, const nn_hyper_vec *h)
{
    *s2 = vfma(h->beta1, *s2, nn_centered_step(g, s0, s1, h));
    return w - *s2;
}

/* ------------------------------------------------------------------------------------------------------- steps */

/* What is done to a weight's gradient and to the weight besides the rule; where l1, two_l2 and limit are 0 and scale and
 * both keeps are 1, nothing. */
typedef struct {
    real l1, two_l2; /* penalties: adds l1 * sign(w) + two_l2 * w to the gradient */
    real l1_other, two_l2_other; /* the same of a bias */
    real limit;      /* then no value of the gradient is larger */
    real scale;      /* then it is multiplied, to bound its norm */
    real keep;       /* before the step the weight is multiplied: 1 - learning rate * weight decay */
    real keep_other; /* and so is what is no weight: a bias, a gamma, a beta */
} nn_shape;

/* the constants of all updates of a step, and of the weight it has come to; a lane may be a network of its own */
typedef struct {
    nn_hyper_vec h;
    vec not_finite; /* 0, or NaN once a new weight was not finite, or what divides its steps */
    int rule;
    isize stride;
    vec l1, two_l2, l1_other, two_l2_other, limit, keep, keep_other;
    real scale;
    int penalizes, penalizes_other, limits, scales, decays;
    ivec n_limited; /* how many values of gradients the limit has changed */
} nn_update;

/* the weight that comes next */
NN_FUNC void nn_update_shape(nn_update *u, const nn_shape *shape)
{
    u->l1_other = vset1(shape->l1_other), u->two_l2_other = vset1(shape->two_l2_other);
    u->penalizes_other = shape->l1_other != 0 || shape->two_l2_other != 0;
    u->l1 = vset1(shape->l1), u->two_l2 = vset1(shape->two_l2), u->limit = vset1(shape->limit);
    u->keep = vset1(shape->keep), u->keep_other = vset1(shape->keep_other), u->scale = shape->scale;
    u->penalizes = shape->l1 != 0 || shape->two_l2 != 0;
    u->limits = shape->limit != 0;
    u->scales = shape->scale != 1;
    u->decays = shape->keep != 1 || shape->keep_other != 1;
}

NN_FUNC void nn_update_begin(nn_update *u, int rule, const nn_hyper *h, isize stride)
{
    const nn_shape none = {0, 0, 0, 0, 0, 1, 1, 1};
    u->h = (nn_hyper_vec){vset1(h->step),  vset1(h->step_g),          vset1(h->beta1),      vset1(h->one_minus_beta1),
                          vset1(h->beta2), vset1(h->one_minus_beta2), vset1(h->root_scale), vset1(h->epsilon),
                          h->fused_roots};
    u->not_finite = vset1(0);
    u->rule = rule;
    u->stride = stride;
    u->n_limited = viset1(0);
    nn_update_shape(u, &none);
}

/* the rule's constants of another learning rate */
NN_FUNC void nn_update_rate(nn_update *u, real step, real step_g)
{
    u->h.step = vset1(step);
    u->h.step_g = vset1(step_g);
}

/* g (n) += the penalties' gradient at w, cut to the limit; `weight` is 0 for a bias, which has its own. A lane without
 * a penalty of its own keeps its gradient, whose zeros adding one would turn positive. */
NN_FUNC void nn_shape_gradient(nn_update *u, int weight, real *g, const real *w, isize n)
{
    const vec l1 = weight ? u->l1 : u->l1_other, two_l2 = weight ? u->two_l2 : u->two_l2_other, limit = u->limit, zero = vset1(0), one = vfrombits(viset1(1));
    const vmask penalized = vlt(zero, l1 + two_l2);
    if (weight ? u->penalizes : u->penalizes_other)
        for (isize i = 0; i < n; i += NN_V) {
            vec a = vload(w + i), sign = vselect(veq(a, zero), zero, vcopysign(l1, a));
            vstore(g + i, vselect(penalized, vfma(two_l2, a, vload(g + i)) + sign, vload(g + i)));
        }
    if (!u->limits) return;
    for (isize i = 0; i < n; i += NN_V) {
        const vec a = vload(g + i);
        u->n_limited += vbits(vselect(vgt(a, limit), one, vselect(vlt(a, -limit), one, zero)));
        vstore(g + i, vmax(-limit, vmin(limit, a)));
    }
}

/* how many values the limit has changed, since `begin` */
NN_FUNC isize nn_update_limited(const nn_update *u)
{
    isize n = 0;
    for (int l = 0; l < NN_V; l++) n += u->n_limited[l];
    return n;
}

NN_FUNC void nn_scale(real *g, real factor, isize n)
{
    for (isize i = 0; i < n; i += NN_V) vstore(g + i, vload(g + i) * vset1(factor));
}

/* One step from the state `old` to the state `new`, which may be the same. A state is a weight and its slots, `stride`
 * apart; weight, slots and g: (n), n a multiple of NN_V. `weight` is 0 for what is none: a bias, a gamma, a beta.
 * all - all is NaN if a weight is not finite, or if squares are not: under an infinite sum of them it would stand still for
 * good, and nobody would know. NaN survives the sum. (Additions alone: the divider is where multiply-adds would be done.) */
#define NN_UPDATE_ROW(name, slots, squares) \
    case NN_##name:                \
        for (isize i = 0; i < n; i += NN_V) { \
            vec s0 = slots > 0 ? vload(old + stride + i) : vset1(0); \
            vec s1 = slots > 1 ? vload(old + 2 * stride + i) : vset1(0); \
            vec s2 = slots > 2 ? vload(old + 3 * stride + i) : vset1(0); \
            vec w = vload(old + i); \
            if (decays) w *= keep; \
            w = nn_update_##name(w, vload(g + i), &s0, &s1, &s2, &h); \
            const vec all = squares == 0 ? w : w + (squares == 1 ? s0 : squares == 2 ? s1 : s2); \
            not_finite += all - all; \
            vstore(new + i, w); \
            if (slots > 0) vstore(new + stride + i, s0); \
            if (slots > 1) vstore(new + 2 * stride + i, s1); \
            if (slots > 2) vstore(new + 3 * stride + i, s2); \
        } \
        break;
NN_INLINE void nn_update_rows(nn_update *u, int weight, real *new, const real *old, const real *g, isize n,
                              int fused_roots)
{
    nn_hyper_vec h = u->h; /* copies, which no store can change: the compiler keeps them in registers */
    h.fused_roots = fused_roots;
    const vec keep = weight ? u->keep : u->keep_other;
    const isize stride = u->stride;
    const int decays = u->decays;
    vec not_finite = u->not_finite;
    switch (u->rule) { NN_OPTIMIZERS(NN_UPDATE_ROW) }
    u->not_finite = not_finite;
}
#undef NN_UPDATE_ROW

NN_FUNC void nn_update_run(nn_update *u, int weight, real *new, const real *old, const real *g, isize n)
{
    if (NN_FUSED_ROOTS && u->h.fused_roots) nn_update_rows(u, weight, new, old, g, n, 1);
    else nn_update_rows(u, weight, new, old, g, n, 0);
}

/* count new values x (n) besides the weights among those that must be finite */
NN_FUNC void nn_update_watch(nn_update *u, const real *x, isize n)
{
    for (isize i = 0; i < n; i += NN_V) u->not_finite += vset1(0) * vload(x + i);
}

/* squares (width) = the sums of the squares down each column of one panel x (n_rows, width) */
NN_FUNC void nn_column_squares(double *squares, const real *x, isize n_rows, isize width)
{
    for (isize j = 0; j < width; j++) squares[j] = 0;
    for (isize r = 0; r < n_rows; r++)
        for (isize j = 0; j < width; j++) squares[j] += (double)x[r * width + j] * (double)x[r * width + j];
}

/* scale down the columns of a panel w (n_rows, width) whose norm is larger than max_norm */
NN_FUNC void nn_limit_columns(real *w, isize n_rows, isize width, double max_norm)
{
    double squares[2 * NN_V];
    real factor[2 * NN_V];
    nn_column_squares(squares, w, n_rows, width);
    for (isize j = 0; j < width; j++)
        factor[j] = squares[j] > max_norm * max_norm ? (real)(max_norm / __builtin_sqrt(squares[j])) : 1;
    for (isize r = 0; r < n_rows; r++)
        for (isize j = 0; j < width; j += NN_V) vstore(w + r * width + j, vload(w + r * width + j) * vload(factor + j));
}

NN_FUNC int nn_update_finite(const nn_update *u) { return vall(veq(u->not_finite, vset1(0))); }

#endif
