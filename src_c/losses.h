/* losses.h -- losses of rows and their gradients with respect to the raw prediction z (the logits of a crossentropy).
 *
 * Values are accumulated in double. One row of NN_LOSSES per elementwise loss: nn_<name>_slope(z, t, a, &log_term) is the
 * derivative of the loss of one output, nn_<name>_value(z, t, log_term, a) the loss itself, in double; `a` is the
 * parameter (delta of huber), log_term what both make of one exponential. The two softmax losses work on whole rows, as
 * do those of row_losses.h. nncore/losses.py holds the same names, a test compares them.
 */
#ifndef NN_LOSSES_H
#define NN_LOSSES_H

#include "activations.h"

#define NN_LOSSES(ROW)         \
    ROW(squared_error)         \
    ROW(absolute_error)        \
    ROW(huber)                 \
    ROW(sigmoid_crossentropy)  \
    ROW(log_cosh)              \
    ROW(poisson)               \
    ROW(hinge)                 \
    ROW(squared_hinge)         \
    ROW(sigmoid_focal)         \
    ROW(pinball)

#define NN_ENUM_ROW(name) NN_##name,
enum {
    NN_LOSSES(NN_ENUM_ROW) NN_softmax_crossentropy, NN_sparse_softmax_crossentropy, NN_softmax_focal, NN_kl_divergence,
    NN_gaussian, NN_N_LOSSES
};
#undef NN_ENUM_ROW
#define NN_NAME_ROW(name) #name,
static const char *const NN_LOSS_NAMES[] __attribute__((unused)) = {
    NN_LOSSES(NN_NAME_ROW) "softmax_crossentropy", "sparse_softmax_crossentropy", "softmax_focal", "kl_divergence",
    "gaussian"};
#undef NN_NAME_ROW

NN_INLINE vec nn_squared_error_slope(vec z, vec t, vec a, vec *log_term)
{
    NN_UNUSED(a); NN_UNUSED(log_term);
    return vset1(2) * (z - t);
}
NN_INLINE dvec nn_squared_error_value(dvec z, dvec t, dvec log_term, dvec a)
{
    NN_UNUSED(log_term); NN_UNUSED(a);
    return (z - t) * (z - t);
}

NN_INLINE vec nn_absolute_error_slope(vec z, vec t, vec a, vec *log_term) /* 0 where equal, NaN where either is NaN */
{
    NN_UNUSED(a); NN_UNUSED(log_term);
    vec d = z - t;
    return vselect(veq(d, vset1(0)), vset1(0), vselect(vlt(d, vset1(0)), vset1(-1), vselect(vgt(d, vset1(0)), vset1(1), d)));
}
NN_INLINE dvec nn_absolute_error_value(dvec z, dvec t, dvec log_term, dvec a)
{
    NN_UNUSED(log_term); NN_UNUSED(a);
    return dabs(z - t);
}

NN_INLINE vec nn_huber_slope(vec z, vec t, vec a, vec *log_term)
{
    NN_UNUSED(log_term);
    return vmax(-a, vmin(a, z - t));
}
/* d^2 / 2 up to d = a, then a (d - a / 2) */
NN_INLINE dvec nn_huber_value(dvec z, dvec t, dvec log_term, dvec a)
{
    NN_UNUSED(log_term);
    dvec d = dabs(z - t), bounded = dselect(d < a, d, a);
    return bounded * (d - dset1(0.5) * bounded);
}

/* s(z) - t with s the sigmoid, without cancellation where s(z) is close to t: both s(z) and 1 - s(z) = s(-z) come from
 * e = exp(-|z|), and so does log_term = log(1 + e) */
NN_INLINE vec nn_sigmoid_crossentropy_slope(vec z, vec t, vec a, vec *log_term)
{
    NN_UNUSED(a);
    vec e = vexp_minus_abs(z), large = vset1(1) / (vset1(1) + e), small = e * large;
    vmask positive = vlt(vset1(0), z);
    vec s = vselect(positive, large, small), rest = vselect(positive, small, large);
    *log_term = vlog1p_exp(e);
    return (vset1(1) - t) * s - t * rest;
}
/* -t log(s(z)) - (1 - t) log(1 - s(z)), rewritten so that no finite z overflows or saturates */
NN_INLINE dvec nn_sigmoid_crossentropy_value(dvec z, dvec t, dvec log_term, dvec a)
{
    NN_UNUSED(a);
    return z * (dselect(z > dset1(0), dset1(1), dset1(0)) - t) + log_term;
}

/* log(cosh(d)), d = z - t. Near 0 it is log1p(cosh(d) - 1), with cosh(d) - 1 = e^2 / (2 + 2 e), e = exp(|d|) - 1; else
 * |d| + log1p(exp(-2 |d|)) - log(2). log_term is the first, >= 0, or what the second adds to |d|, < 0. */
NN_INLINE vec nn_log_cosh_slope(vec z, vec t, vec a, vec *log_term)
{
    NN_UNUSED(a);
    vec d = z - t, size = vabs(d), e = vexpm1(vmin(vset1(1), size));
    vec near = vlog1p(e * e / (vset1(2) + (e + e))), far = vlog1p_exp(vexp_minus_abs(d + d)) - vset1(NN_LN2);
    *log_term = vselect(vlt(size, vset1(1)), near, far);
    return vtanh(d);
}
NN_INLINE dvec nn_log_cosh_value(dvec z, dvec t, dvec log_term, dvec a)
{
    NN_UNUSED(a);
    return dselect(log_term < dset1(0), dabs(z - t) + log_term, log_term);
}

/* exp(z) - t z: but for what follows from t alone, minus the log likelihood of a count t where exp(z) are expected */
NN_INLINE vec nn_poisson_slope(vec z, vec t, vec a, vec *log_term)
{
    NN_UNUSED(a);
    *log_term = vexp(z);
    return *log_term - t;
}
NN_INLINE dvec nn_poisson_value(dvec z, dvec t, dvec log_term, dvec a)
{
    NN_UNUSED(a);
    return log_term - t * z;
}

/* what is missing to a margin of 1, max(0, 1 - s z) for s = 2 t - 1; with the slope 0 where nothing is */
NN_INLINE vec nn_hinge_slope(vec z, vec t, vec a, vec *log_term)
{
    NN_UNUSED(a); NN_UNUSED(log_term);
    vec s = t + (t - vset1(1)), missing = vfnma(s, z, vset1(1));
    return vselect(vgt(missing, vset1(0)), -s, vselect(veq(missing, missing), vset1(0), missing));
}
NN_INLINE dvec nn_hinge_value(dvec z, dvec t, dvec log_term, dvec a)
{
    NN_UNUSED(log_term); NN_UNUSED(a);
    dvec missing = dset1(1) - (t + (t - dset1(1))) * z;
    return dselect(missing <= dset1(0), dset1(0), missing);
}

NN_INLINE vec nn_squared_hinge_slope(vec z, vec t, vec a, vec *log_term)
{
    NN_UNUSED(a); NN_UNUSED(log_term);
    vec s = t + (t - vset1(1)), missing = vmax(vset1(0), vfnma(s, z, vset1(1)));
    return vset1(-2) * s * missing;
}
NN_INLINE dvec nn_squared_hinge_value(dvec z, dvec t, dvec log_term, dvec a)
{
    dvec missing = nn_hinge_value(z, t, log_term, a);
    return missing * missing;
}

/* x^a for 0 <= x <= 1 and a >= 0 */
NN_INLINE vec nn_share_power(vec x, vec a)
{
    vec of_zero = vselect(veq(a, vset1(0)), vset1(1), vset1(0));
    return vselect(veq(x, vset1(0)), of_zero, vexp(a * vlog(x)));
}

/* Lin et al., "Focal loss for dense object detection", 2017: the crossentropy times q^a, q = 1 - (t p + (1 - t)(1 - p))
 * being how wrong p = s(z) is; as in sigmoid_crossentropy, p and 1 - p keep their digits. log_term is the loss. */
NN_INLINE vec nn_sigmoid_focal_slope(vec z, vec t, vec a, vec *log_term)
{
    vec one = vset1(1), zero = vset1(0), u = one - t;
    vec e = vexp_minus_abs(z), large = one / (one + e), small = e * large, log1p_e = vlog1p_exp(e);
    vmask positive = vlt(zero, z);
    vec p = vselect(positive, large, small), rest = vselect(positive, small, large);
    vec wrong = t * rest + u * p, power = nn_share_power(wrong, a);
    vec crossentropy = t * (vmax(zero, -z) + log1p_e) + u * (vmax(zero, z) + log1p_e);
    vec change = vselect(veq(wrong, zero), zero, p * rest * (u - t) / wrong); /* of log(wrong) */
    *log_term = power * crossentropy;
    return power * ((u * p - t * rest) + a * change * crossentropy);
}
NN_INLINE dvec nn_sigmoid_focal_value(dvec z, dvec t, dvec log_term, dvec a)
{
    NN_UNUSED(z); NN_UNUSED(t); NN_UNUSED(a);
    return log_term;
}

/* Koenker and Bassett, "Regression quantiles", 1978: a d where t is d above z, (1 - a) d where it is below */
NN_INLINE vec nn_pinball_slope(vec z, vec t, vec a, vec *log_term) /* 0 where equal, as that of absolute_error */
{
    NN_UNUSED(log_term);
    vec d = z - t, zero = vset1(0);
    return vselect(vlt(d, zero), -a, vselect(vgt(d, zero), vset1(1) - a, d));
}
NN_INLINE dvec nn_pinball_value(dvec z, dvec t, dvec log_term, dvec a)
{
    NN_UNUSED(log_term);
    dvec d = z - t;
    return dselect(d < dset1(0), -a * d, (dset1(1) - a) * d);
}

/* --------------------------------------------------------------------- NN_V rows at once: z, t: (n, NN_V) in columns
 * z becomes dz = scale * gradient; scale (NN_V) is 0 in lanes that are no rows. value (NN_V) = the losses of the rows. */

/* an elementwise loss: the mean over the n outputs */
#define NN_LOSS_ROW(name)                                                                                       \
    case NN_##name:                                                                                             \
        for (isize c = 0; c < n; c++, z += NN_V, t += NN_V) {                                                   \
            real terms[NN_V];                                                                                   \
            vec log_term = vset1(0), slope = nn_##name##_slope(vload(z), vload(t), a, &log_term);               \
            vstore(terms, log_term);                                                                            \
            for (int l = 0; l < NN_V; l += NN_D)                                                                \
                sum[l / NN_D] += nn_##name##_value(dload(z + l), dload(t + l), dload(terms + l), dset1(parameter)); \
            vstore(z, slope * each);                                                                            \
        }                                                                                                       \
        break;
NN_FUNC void nn_elementwise_loss(int loss, double parameter, double *value, real *z, const real *t, isize n,
                                 const real *scale)
{
    dvec sum[NN_V / NN_D] = {{0}};
    const vec a = vset1((real)parameter), each = vload(scale) / vset1((real)n);
    switch (loss) { NN_LOSSES(NN_LOSS_ROW) }
    for (int l = 0; l < NN_V; l += NN_D) dstore(value + l, sum[l / NN_D] / dset1((double)n));
}
#undef NN_LOSS_ROW

/* -log softmax(z)[label]; labels (NN_V), in 0 .. n - 1, as reals, which hold every class number there can be */
NN_FUNC void nn_sparse_softmax_loss(double *value, real *z, const real *labels, isize n, const real *scale)
{
    real of_label[NN_V], tops[NN_V], log_term[NN_V];
    const vec label = vload(labels);
    vec top, z_label = vload(z), column = vset1(0);
    for (isize c = 1; c < n; c++) {
        column += vset1(1);
        z_label = vselect(veq(label, column), vload(z + c * NN_V), z_label);
    }
    vec rest = nn_exp_columns(z, n, &top), factor = vload(scale) / (vset1(1) + rest);
    vec at_top = -rest * factor; /* scale * (p - 1) without cancellation, where the label is the maximum */
    column = vset1(0);
    for (isize c = 0; c < n; c++, column += vset1(1)) { /* z_label == top in the loop: before it, gcc 12 breaks down */
        vec dz = vload(z + c * NN_V) * factor, dz_label = vselect(veq(z_label, top), at_top, dz - vload(scale));
        vstore(z + c * NN_V, vselect(veq(label, column), dz_label, dz));
    }
    vstore(tops, top);
    vstore(of_label, z_label);
    vstore(log_term, vlog1p(rest));
    for (int l = 0; l < NN_V; l++) value[l] = ((double)tops[l] - (double)of_label[l]) + (double)log_term[l];
}

/* -sum of t log softmax(z), for any t: one-hot, probabilities, or other masses */
NN_FUNC void nn_softmax_loss(double *value, real *z, const real *t, isize n, const real *scale)
{
    dvec linear[NN_V / NN_D] = {{0}}, mass[NN_V / NN_D] = {{0}};
    real log_term[NN_V], total[NN_V], tops[NN_V];
    vec top = vload(z), rest, inverse;
    for (isize c = 1; c < n; c++) top = vmax(vload(z + c * NN_V), top);
    vstore(tops, top);
    for (isize c = 0; c < n; c++)
        for (int l = 0; l < NN_V; l += NN_D) {
            dvec mass_c = dload(t + c * NN_V + l), distance = dload(tops + l) - dload(z + c * NN_V + l);
            mass[l / NN_D] += mass_c;
            linear[l / NN_D] += dselect(mass_c == dset1(0), dset1(0), mass_c * distance); /* which may overflow */
        }
    rest = nn_exp_columns(z, n, &top);
    inverse = vset1(1) / (vset1(1) + rest);
    vstore(log_term, vlog1p(rest));
    for (int l = 0; l < NN_V; l++) {
        total[l] = (real)mass[l / NN_D][l % NN_D];
        value[l] = linear[l / NN_D][l % NN_D] + mass[l / NN_D][l % NN_D] * (double)log_term[l];
    }
    vec sum = vload(total), missing = sum * rest * inverse;
    for (isize c = 0; c < n; c++) {
        vec e = vload(z + c * NN_V), target = vload(t + c * NN_V);
        vec at_top = (sum - target) - missing; /* sum * p - target without cancellation, where e = 1 */
        vec slope = vselect(veq(e, vset1(1)), at_top, vfma(e * inverse, sum, -target));
        vstore(z + c * NN_V, slope * vload(scale));
    }
}

#endif
