/* losses.h -- losses of rows and their gradients with respect to the raw prediction z (the logits of a crossentropy).
 *
 * Values are accumulated in double. One row of NN_LOSSES per elementwise loss: nn_<name>_value(z, t, log_term, a) is the
 * loss of one output, nn_<name>_slope(z, t, a) its derivative, `a` the parameter (delta of huber). The log_term column
 * says whether the value wants log1p(exp(-|z|)). The two softmax losses work on whole rows.
 * nncore/losses.py holds the same names, a test compares them.
 */
#ifndef NN_LOSSES_H
#define NN_LOSSES_H

#include "activations.h"

/*       name                   log_term */
#define NN_LOSSES(ROW)                \
    ROW(squared_error,          0)    \
    ROW(absolute_error,         0)    \
    ROW(huber,                  0)    \
    ROW(sigmoid_crossentropy,   1)

#define NN_ENUM_ROW(name, log_term) NN_##name,
enum { NN_LOSSES(NN_ENUM_ROW) NN_softmax_crossentropy, NN_sparse_softmax_crossentropy, NN_N_LOSSES };
#undef NN_ENUM_ROW
#define NN_NAME_ROW(name, log_term) #name,
static const char *const NN_LOSS_NAMES[] __attribute__((unused)) = {
    NN_LOSSES(NN_NAME_ROW) "softmax_crossentropy", "sparse_softmax_crossentropy"};
#undef NN_NAME_ROW

NN_INLINE double nn_squared_error_value(double z, double t, double log_term, double a)
{
    (void)log_term, (void)a;
    return (z - t) * (z - t);
}
NN_INLINE vec nn_squared_error_slope(vec z, vec t, vec a) { (void)a; return vset1(2) * (z - t); }

NN_INLINE double nn_absolute_error_value(double z, double t, double log_term, double a)
{
    (void)log_term, (void)a;
    return __builtin_fabs(z - t);
}
NN_INLINE vec nn_absolute_error_slope(vec z, vec t, vec a) /* 0 where they are equal, NaN where either is NaN */
{
    (void)a;
    vec d = z - t;
    return vselect(veq(d, vset1(0)), vset1(0), vselect(vlt(d, vset1(0)), vset1(-1), vselect(vgt(d, vset1(0)), vset1(1), d)));
}

NN_INLINE double nn_huber_value(double z, double t, double log_term, double a)
{
    (void)log_term;
    double d = __builtin_fabs(z - t);
    return d <= a ? 0.5 * d * d : a * (d - 0.5 * a);
}
NN_INLINE vec nn_huber_slope(vec z, vec t, vec a) { return vmax(-a, vmin(a, z - t)); }

/* -t log(s(z)) - (1 - t) log(1 - s(z)) with s the sigmoid, rewritten so that no finite z overflows or saturates */
NN_INLINE double nn_sigmoid_crossentropy_value(double z, double t, double log_term, double a)
{
    (void)a;
    return (z > 0 ? z * (1 - t) : -z * t) + log_term;
}
/* s(z) - t, without cancellation where s(z) is close to t: both s(z) and 1 - s(z) = s(-z) come from exp(-|z|) */
NN_INLINE vec nn_sigmoid_crossentropy_slope(vec z, vec t, vec a)
{
    (void)a;
    vec e = vexp(-vabs(z)), large = vset1(1) / (vset1(1) + e), small = e * large;
    vmask positive = vlt(vset1(0), z);
    vec s = vselect(positive, large, small), rest = vselect(positive, small, large);
    return (vset1(1) - t) * s - t * rest;
}

NN_INLINE vec nn_log_term(vec z) { return vsoftplus(-vabs(z)); }

/* --------------------------------------------------------------------- NN_V rows at once: z, t: (n, NN_V) in columns
 * z becomes dz = scale * gradient; scale (NN_V) is 0 in lanes that are no rows. value (NN_V) = the losses of the rows. */

/* an elementwise loss: the mean over the n outputs */
#define NN_LOSS_ROW(name, log_term)                                                                   \
    case NN_##name:                                                                                   \
        for (isize c = 0; c < n; c++, z += NN_V, t += NN_V) {                                         \
            real terms[NN_V];                                                                         \
            if (log_term) vstore(terms, nn_log_term(vload(z)));                                       \
            for (int l = 0; l < NN_V; l++)                                                            \
                sum[l] += nn_##name##_value((double)z[l], (double)t[l], log_term ? (double)terms[l] : 0, parameter); \
            vstore(z, nn_##name##_slope(vload(z), vload(t), a) * each);                               \
        }                                                                                             \
        break;
NN_FUNC void nn_elementwise_loss(int loss, double parameter, double *value, real *z, const real *t, isize n,
                                 const real *scale)
{
    double sum[NN_V] = {0};
    const vec a = vset1((real)parameter), each = vload(scale) / vset1((real)n);
    const double count = (double)n;
    switch (loss) { NN_LOSSES(NN_LOSS_ROW) }
    for (int l = 0; l < NN_V; l++) value[l] = sum[l] / count;
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
    double linear[NN_V] = {0}, mass[NN_V] = {0};
    real log_term[NN_V], total[NN_V];
    vec top = vload(z), rest, inverse;
    for (isize c = 1; c < n; c++) top = vmax(vload(z + c * NN_V), top);
    for (isize c = 0; c < n; c++)
        for (int l = 0; l < NN_V; l++) {
            double mass_c = (double)t[c * NN_V + l], distance = (double)top[l] - (double)z[c * NN_V + l];
            mass[l] += mass_c;
            linear[l] += mass_c == 0 ? 0 : mass_c * distance; /* the distance may overflow */
        }
    rest = nn_exp_columns(z, n, &top);
    inverse = vset1(1) / (vset1(1) + rest);
    vstore(log_term, vlog1p(rest));
    for (int l = 0; l < NN_V; l++) {
        total[l] = (real)mass[l];
        value[l] = linear[l] + mass[l] * (double)log_term[l];
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
