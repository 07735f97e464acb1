/* activations.h -- one row of NN_ACTIVATIONS per elementwise activation, and the two loops made from the rows.
 *
 * A row names an activation `f` and says what backward re-reads: Y, the output alone, or XY, the input too. It needs two
 * functions: `nn_f(x, a)` = y and `nn_f_slope(x, y, a)` = dy/dx, from y where that is possible; `a` is the parameter of
 * the activation (slope of leaky_relu, alpha of elu and celu). Softmax works on whole rows and has its own functions.
 * The row number is the code in a program: nncore/activations.py holds the same names, a test compares them.
 */
#ifndef NN_ACTIVATIONS_H
#define NN_ACTIVATIONS_H

#include "tile.h"
#include "longsum.h"
#include "vecmath.h"

/*       name        backward re-reads */
#define NN_ACTIVATIONS(ROW) \
    ROW(identity,    Y)     \
    ROW(relu,        Y)     \
    ROW(leaky_relu,  Y)     \
    ROW(elu,         Y)     \
    ROW(tanh,        Y)     \
    ROW(sigmoid,     Y)     \
    ROW(softplus,    Y)     \
    ROW(gelu,        XY)    \
    ROW(silu,        XY)    \
    ROW(exponential, Y)     \
    ROW(selu,        Y)     \
    ROW(mish,        XY)    \
    ROW(hard_sigmoid, Y)    \
    ROW(hard_tanh,   Y)     \
    ROW(hard_swish,  XY)    \
    ROW(softsign,    Y)     \
    ROW(relu6,       Y)     \
    ROW(celu,        Y)

#define NN_ENUM_ROW(name, keeps) NN_##name,
enum { NN_ACTIVATIONS(NN_ENUM_ROW) NN_softmax, NN_N_ACTIVATIONS };
#undef NN_ENUM_ROW

#define NN_NAME_ROW(name, keeps) #name,
static const char *const NN_ACTIVATION_NAMES[] __attribute__((unused)) = {NN_ACTIVATIONS(NN_NAME_ROW) "softmax"};
#undef NN_NAME_ROW

enum { NN_KEEPS_Y = 0, NN_KEEPS_XY = 1 };
#define NN_KEEPS_ROW(name, keeps) NN_KEEPS_##keeps,
static const int NN_ACTIVATION_KEEPS_INPUT[] __attribute__((unused)) = {NN_ACTIVATIONS(NN_KEEPS_ROW) NN_KEEPS_Y};
#undef NN_KEEPS_ROW

#define NN_UNUSED(a) ((void)(a))

NN_INLINE vec nn_identity(vec x, vec a) { NN_UNUSED(a); return x; }
NN_INLINE vec nn_identity_slope(vec x, vec y, vec a) { NN_UNUSED(x); NN_UNUSED(y); NN_UNUSED(a); return vset1(1); }

/* vmax(0, x) and not vmax(x, 0): the second operand wins when x is NaN */
NN_INLINE vec nn_relu(vec x, vec a) { NN_UNUSED(a); return vmax(vset1(0), x); }
NN_INLINE vec nn_relu_slope(vec x, vec y, vec a)
{
    NN_UNUSED(x); NN_UNUSED(a);
    return vselect(vgt(y, vset1(0)), vset1(1), vset1(0));
}

NN_INLINE vec nn_leaky_relu(vec x, vec a) { return vselect(vgt(x, vset1(0)), x, a * x); }
NN_INLINE vec nn_leaky_relu_slope(vec x, vec y, vec a) { NN_UNUSED(x); return vselect(vgt(y, vset1(0)), vset1(1), a); }

NN_INLINE vec nn_elu(vec x, vec a) { return vselect(vgt(x, vset1(0)), x, a * vexpm1(x)); }
NN_INLINE vec nn_elu_slope(vec x, vec y, vec a) { NN_UNUSED(x); return vselect(vgt(y, vset1(0)), vset1(1), y + a); }

/* Barron, "Continuously differentiable exponential linear units", 2017 */
NN_INLINE vec nn_celu(vec x, vec a) { return vselect(vgt(x, vset1(0)), x, a * vexpm1(x / a)); }
NN_INLINE vec nn_celu_slope(vec x, vec y, vec a) { NN_UNUSED(x); return vselect(vgt(y, vset1(0)), vset1(1), y / a + vset1(1)); }

NN_INLINE vec nn_tanh(vec x, vec a) { NN_UNUSED(a); return vtanh(x); }
NN_INLINE vec nn_tanh_slope(vec x, vec y, vec a) { NN_UNUSED(x); NN_UNUSED(a); return vfnma(y, y, vset1(1)); }

NN_INLINE vec nn_sigmoid(vec x, vec a) { NN_UNUSED(a); return vsigmoid(x); }
NN_INLINE vec nn_sigmoid_slope(vec x, vec y, vec a) { NN_UNUSED(x); NN_UNUSED(a); return vfnma(y, y, y); }

NN_INLINE vec nn_softplus(vec x, vec a) { NN_UNUSED(a); return vsoftplus(x); }
NN_INLINE vec nn_softplus_slope(vec x, vec y, vec a) /* sigmoid(x) = 1 - exp(-y) */
{
    NN_UNUSED(x); NN_UNUSED(a);
    return -vexpm1(-y);
}

NN_INLINE vec nn_exponential(vec x, vec a) { NN_UNUSED(a); return vexp(x); }
NN_INLINE vec nn_exponential_slope(vec x, vec y, vec a) { NN_UNUSED(x); NN_UNUSED(a); return y; }

/* Hendrycks & Gimpel, "Gaussian error linear units", 2016: x times the normal distribution function */
NN_INLINE vec nn_gelu(vec x, vec a)
{
    NN_UNUSED(a);
    vec density;
    return x * vnormal(x, &density);
}
NN_INLINE vec nn_gelu_slope(vec x, vec y, vec a)
{
    NN_UNUSED(y); NN_UNUSED(a);
    vec density, distribution = vnormal(x, &density);
    return vfma(x, density, distribution);
}

NN_INLINE vec nn_silu(vec x, vec a) { NN_UNUSED(a); return x * vsigmoid(x); }
NN_INLINE vec nn_silu_slope(vec x, vec y, vec a) /* s + x s (1 - s) */
{
    NN_UNUSED(a);
    vec s = vsigmoid(x);
    return vfma(y, vset1(1) - s, s);
}

/* Klambauer et al., "Self-normalizing neural networks", 2017 */
#define NN_SELU_SCALE ((real)1.0507009873554804934193349852946)
#define NN_SELU_LIMIT ((real)1.7580993408473768599402175208123) /* scale times alpha, 1.6732632423543772848170429916717 */
NN_INLINE vec nn_selu(vec x, vec a)
{
    NN_UNUSED(a);
    return vselect(vgt(x, vset1(0)), vset1(NN_SELU_SCALE) * x, vset1(NN_SELU_LIMIT) * vexpm1(x));
}
NN_INLINE vec nn_selu_slope(vec x, vec y, vec a)
{
    NN_UNUSED(x); NN_UNUSED(a);
    return vselect(vgt(y, vset1(0)), vset1(NN_SELU_SCALE), y + vset1(NN_SELU_LIMIT));
}

/* Misra, "Mish", 2019: x tanh(log(1 + e)) = x n / (n + 2) with e = exp(x), n = e (e + 2); from x = 20 on that is x */
#define NN_MISH_END 20
NN_INLINE vec nn_mish(vec x, vec a)
{
    NN_UNUSED(a);
    const vec e = vexp(vmin(vset1(NN_MISH_END), x)), n = e * (e + vset1(2));
    return x * (n / (n + vset1(2)));
}
NN_INLINE vec nn_mish_slope(vec x, vec y, vec a) /* n / (n + 2) + 4 x e (1 + e) / (n + 2)^2 */
{
    NN_UNUSED(y); NN_UNUSED(a);
    const vec z = vmin(vset1(NN_MISH_END), x), e = vexp(z), n = e * (e + vset1(2)), part = vset1(1) / (n + vset1(2));
    return vfma(z * part, vset1(4) * e * ((vset1(1) + e) * part), n * part);
}

/* x + 3 is exact where it is small; clamped, NaN stays */
NN_INLINE vec nn_hard_sigmoid(vec x, vec a)
{
    NN_UNUSED(a);
    return vclamp(x + vset1(3), 0, 6) * vset1((real)1 / 6);
}
NN_INLINE vec nn_inner_slope(vec y, real low, real high, real slope)
{
    return vselect(vgt(y, vset1(low)), vselect(vlt(y, vset1(high)), vset1(slope), vset1(0)), vset1(0));
}
NN_INLINE vec nn_hard_sigmoid_slope(vec x, vec y, vec a)
{
    NN_UNUSED(x); NN_UNUSED(a);
    return nn_inner_slope(y, 0, 1, (real)1 / 6);
}

NN_INLINE vec nn_hard_tanh(vec x, vec a) { NN_UNUSED(a); return vclamp(x, -1, 1); }
NN_INLINE vec nn_hard_tanh_slope(vec x, vec y, vec a) { NN_UNUSED(x); NN_UNUSED(a); return nn_inner_slope(y, -1, 1, 1); }

/* Howard et al., "Searching for MobileNetV3", 2019 */
NN_INLINE vec nn_hard_swish(vec x, vec a) { return x * nn_hard_sigmoid(x, a); }
NN_INLINE vec nn_hard_swish_slope(vec x, vec y, vec a)
{
    NN_UNUSED(y); NN_UNUSED(a);
    const vec inside = vfma(x, vset1((real)1 / 3), vset1((real)0.5));
    return vselect(vle(x, vset1(-3)), vset1(0), vselect(vle(vset1(3), x), vset1(1), inside));
}

NN_INLINE vec nn_softsign(vec x, vec a) { NN_UNUSED(a); return x / (vset1(1) + vabs(x)); }
NN_INLINE vec nn_softsign_slope(vec x, vec y, vec a) /* 1 / (1 + |x|)^2 */
{
    NN_UNUSED(x); NN_UNUSED(a);
    const vec left = vset1(1) - vabs(y);
    return left * left;
}

NN_INLINE vec nn_relu6(vec x, vec a) { NN_UNUSED(a); return vclamp(x, 0, 6); }
NN_INLINE vec nn_relu6_slope(vec x, vec y, vec a) { NN_UNUSED(x); NN_UNUSED(a); return nn_inner_slope(y, 0, 6, 1); }

/* ------------------------------------------------------------------------------------------------------- loops */

/* y = f(x); n is a multiple of NN_V; x and y may be the same */
#define NN_FORWARD_ROW(name, keeps) \
    case NN_##name:                 \
        for (isize i = 0; i < n; i += NN_V) vstore(y + i, nn_##name(vload(x + i), a)); \
        break;
NN_FUNC void nn_activate(int activation, real parameter, real *y, const real *x, isize n)
{
    const vec a = vset1(parameter);
    switch (activation) { NN_ACTIVATIONS(NN_FORWARD_ROW) }
}
#undef NN_FORWARD_ROW

/* dx = dy f'(x); dx and dy may be the same; x is read only where the row says XY */
#define NN_BACKWARD_ROW(name, keeps) \
    case NN_##name:                  \
        for (isize i = 0; i < n; i += NN_V) { \
            vec input = NN_KEEPS_##keeps ? vload(x + i) : vset1(0); \
            vstore(dx + i, vload(dy + i) * nn_##name##_slope(input, vload(y + i), a)); \
        } \
        break;
NN_FUNC void nn_activate_backward(int activation, real parameter, real *dx, const real *dy, const real *y,
                                  const real *x, isize n)
{
    const vec a = vset1(parameter);
    switch (activation) { NN_ACTIVATIONS(NN_BACKWARD_ROW) }
}
#undef NN_BACKWARD_ROW

/* ------------------------------------------------------------------------------- softmax, NN_V rows at once */

/* x (n, NN_V), columns: becomes exp(x - top); rest = their sum without those that are the top, ties = how many are */
NN_INLINE void nn_exp_chain(real *x, isize n, vec top, vec *rest, vec *ties)
{
    vec sum = vset1(0), count = vset1(0);
    for (isize c = 0; c < n; c++) {
        vec z = vload(x + c * NN_V), e = vexp(z - top);
        vmask is_top = veq(z, top);
        vstore(x + c * NN_V, e);
        sum += vselect(is_top, vset1(0), e);
        count += vselect(is_top, vset1(1), vset1(0));
    }
    *rest = sum;
    *ties = count;
}

/* the same for more than NN_LONG columns: rest + (ties - 1) */
__attribute__((noinline)) NN_FUNC vec nn_exp_long(real *x, isize n, vec top)
{
    nn_total total = {{0}};
    vec rest, ties;
    for (isize c = 0; c < n; c += NN_CHAIN) {
        nn_exp_chain(x + c * NN_V, n - c < NN_CHAIN ? n - c : NN_CHAIN, top, &rest, &ties);
        nn_total_add(&total, c == 0 ? ties - vset1(1) : ties);
        nn_total_add(&total, rest);
    }
    return nn_total_vec(&total);
}

/* x (n, NN_V), columns: becomes exp(x - top), top being the largest of each row. Returns rest = the sum of the row without
 * the one that is the maximum itself, so that log1p(rest) + top - x[label] is the crossentropy without cancellation,
 * however small it is; the softmax is x / (1 + rest). */
NN_INLINE vec nn_exp_columns(real *x, isize n, vec *top)
{
    vec m = vload(x), rest, ties;
    for (isize c = 1; c < n; c++) m = vmax(vload(x + c * NN_V), m);
    *top = m;
    if (n > NN_LONG) return nn_exp_long(x, n, m);
    nn_exp_chain(x, n, m, &rest, &ties);
    return rest + (ties - vset1(1));
}

/* x (n, NN_V) becomes its softmax, row by row */
NN_FUNC void nn_softmax_columns(real *x, isize n)
{
    vec top, scale = vset1(1) / (vset1(1) + nn_exp_columns(x, n, &top));
    for (isize c = 0; c < n; c++) vstore(x + c * NN_V, vload(x + c * NN_V) * scale);
}

/* dx = y (dy - sum(dy y)); dx, dy, y: (n, NN_V); dx and dy may be the same */
NN_FUNC void nn_softmax_backward_columns(real *dx, const real *dy, const real *y, isize n)
{
    vec sum = vset1(0);
    for (isize c = 0; c < n; c++) sum = vfma(vload(dy + c * NN_V), vload(y + c * NN_V), sum);
    for (isize c = 0; c < n; c++) vstore(dx + c * NN_V, vload(y + c * NN_V) * (vload(dy + c * NN_V) - sum));
}

#endif
