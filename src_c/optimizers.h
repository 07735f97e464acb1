/* optimizers.h -- one row of NN_OPTIMIZERS per update rule, and the loop made from it.
 *
 * A row names a rule, how many slots (vectors as long as the parameters) it keeps, and needs one function
 * nn_update_<name>(w, g, s0, s1, h) that returns the new weight and changes the slots in registers.
 * nncore/optimizers.py gives the formulas and fills nn_hyper; a test compares the names.
 */
#ifndef NN_OPTIMIZERS_H
#define NN_OPTIMIZERS_H

#include "vec.h"

/*       name               slots */
#define NN_OPTIMIZERS(ROW) \
    ROW(sgd,               0) \
    ROW(momentum,          1) \
    ROW(nesterov,          1) \
    ROW(rmsprop,           1) \
    ROW(rmsprop_momentum,  2) \
    ROW(adam,              2)

#define NN_ENUM_ROW(name, slots) NN_##name,
enum { NN_OPTIMIZERS(NN_ENUM_ROW) NN_N_OPTIMIZERS };
#undef NN_ENUM_ROW
#define NN_NAME_ROW(name, slots) #name,
static const char *const NN_OPTIMIZER_NAMES[] __attribute__((unused)) = {NN_OPTIMIZERS(NN_NAME_ROW)};
#undef NN_NAME_ROW
#define NN_SLOTS_ROW(name, slots) slots,
static const int NN_OPTIMIZER_SLOTS[] __attribute__((unused)) = {NN_OPTIMIZERS(NN_SLOTS_ROW)};
#undef NN_SLOTS_ROW

/* What the rules need, ready for this step. beta1 is the momentum or first-moment rate, beta2 the second's. */
typedef struct {
    real step;       /* learning rate, for adam over 1 - beta1^t */
    real beta1, one_minus_beta1, beta2, one_minus_beta2;
    real root_scale; /* adam: 1 / sqrt(1 - beta2^t) */
    real epsilon;
    real keep;       /* 1 - learning rate * weight decay; 1 leaves weights alone */
} nn_hyper;

typedef struct { vec step, beta1, one_minus_beta1, beta2, one_minus_beta2, root_scale, epsilon; } nn_hyper_vec;

NN_INLINE vec nn_update_sgd(vec w, vec g, vec *s0, vec *s1, const nn_hyper_vec *h)
{
    (void)s0, (void)s1;
    return vfnma(h->step, g, w);
}

NN_INLINE vec nn_update_momentum(vec w, vec g, vec *s0, vec *s1, const nn_hyper_vec *h)
{
    (void)s1;
    *s0 = vfnma(h->step, g, h->beta1 * *s0);
    return w + *s0;
}

NN_INLINE vec nn_update_nesterov(vec w, vec g, vec *s0, vec *s1, const nn_hyper_vec *h)
{
    (void)s1;
    *s0 = vfnma(h->step, g, h->beta1 * *s0);
    return w + vfnma(h->step, g, h->beta1 * *s0);
}

NN_INLINE vec nn_rmsprop_step(vec g, vec *s0, const nn_hyper_vec *h)
{
    *s0 = vfma(h->one_minus_beta2 * g, g, h->beta2 * *s0);
    return h->step * g / (vsqrt(*s0) + h->epsilon);
}

NN_INLINE vec nn_update_rmsprop(vec w, vec g, vec *s0, vec *s1, const nn_hyper_vec *h)
{
    (void)s1;
    return w - nn_rmsprop_step(g, s0, h);
}

NN_INLINE vec nn_update_rmsprop_momentum(vec w, vec g, vec *s0, vec *s1, const nn_hyper_vec *h)
{
    *s1 = vfma(h->beta1, *s1, nn_rmsprop_step(g, s0, h));
    return w - *s1;
}

NN_INLINE vec nn_update_adam(vec w, vec g, vec *s0, vec *s1, const nn_hyper_vec *h)
{
    *s0 = vfma(h->one_minus_beta1, g, h->beta1 * *s0);
    *s1 = vfma(h->one_minus_beta2 * g, g, h->beta2 * *s1);
    return w - h->step * *s0 / vfma(vsqrt(*s1), h->root_scale, h->epsilon);
}

/* ------------------------------------------------------------------------------------------------------- steps */

/* the constants of all updates of a step */
typedef struct {
    nn_hyper_vec h;
    vec keep;
    vec not_finite; /* 0, or NaN once a new weight was not finite */
    int rule, decays;
    isize stride;
} nn_update;

NN_FUNC void nn_update_begin(nn_update *u, int rule, const nn_hyper *h, isize stride)
{
    u->h = (nn_hyper_vec){vset1(h->step),  vset1(h->beta1),           vset1(h->one_minus_beta1), vset1(h->beta2),
                          vset1(h->one_minus_beta2), vset1(h->root_scale), vset1(h->epsilon)};
    u->keep = vset1(h->keep);
    u->not_finite = vset1(0);
    u->rule = rule;
    u->decays = h->keep != 1;
    u->stride = stride;
}

/* One step from the state `old` to the state `new`, which may be the same. A state is a weight and its slots, `stride`
 * apart; weight, slots and g: (n), n a multiple of NN_V. `decay`: also shrink the weight by `keep`.
 * 0 * w is NaN for a weight that is not finite, and NaN survives the sum. */
#define NN_UPDATE_ROW(name, slots) \
    case NN_##name:                \
        for (isize i = 0; i < n; i += NN_V) { \
            vec s0 = slots > 0 ? vload(old + stride + i) : vset1(0); \
            vec s1 = slots > 1 ? vload(old + 2 * stride + i) : vset1(0); \
            vec w = nn_update_##name(vload(old + i) * keep, vload(g + i), &s0, &s1, &h); \
            not_finite += vset1(0) * w; \
            vstore(new + i, w); \
            if (slots > 0) vstore(new + stride + i, s0); \
            if (slots > 1) vstore(new + 2 * stride + i, s1); \
        } \
        break;
NN_FUNC void nn_update_run(nn_update *u, int decay, real *new, const real *old, const real *g, isize n)
{
    const nn_hyper_vec h = u->h; /* copies, which no store can change: the compiler keeps them in registers */
    const vec keep = decay ? u->keep : vset1(1);
    const isize stride = u->stride;
    vec not_finite = u->not_finite;
    switch (u->rule) { NN_OPTIMIZERS(NN_UPDATE_ROW) }
    u->not_finite = not_finite;
}
#undef NN_UPDATE_ROW

NN_FUNC int nn_update_finite(const nn_update *u) { return vall(veq(u->not_finite, vset1(0))); }

#endif
