/* elementwise.h -- dropout, noise, the relu with a slope that is learned, penalties, sums of
 * blocks; n is a multiple of NN_V, but for what is drawn. */
#ifndef NN_ELEMENTWISE_H
#define NN_ELEMENTWISE_H

#include "rng.h"
#include "vecmath.h"

/* y = a + b */
NN_FUNC void nn_add(real *y, const real *a, const real *b, isize n)
{
    for (isize i = 0; i < n; i += NN_V) vstore(y + i, vload(a + i) + vload(b + i));
}

/* y = a * b, or if `more` y += a * b */
NN_FUNC void nn_multiply(real *y, const real *a, const real *b, isize n, int more)
{
    for (isize i = 0; i < n; i += NN_V) {
        vec product = vload(a + i) * vload(b + i);
        vstore(y + i, more ? vload(y + i) + product : product);
    }
}

/* factors (n) of one row: 0 for what is dropped, else 1 / (1 - rate). Every column has 16 bits of its own, of a block for
 * each 16 columns, and is dropped where they are below rate * 2^16; which bits depends on nothing but the arguments.
 * factors has room up to the next multiple of NN_DRAWN, whose blocks are drawn together so that their latencies overlap. */
#define NN_DRAWN 64
NN_FUNC void nn_dropout_factors(real *factors, isize n, double rate, uint64_t seed, uint64_t iteration, uint64_t layer,
                                uint64_t row)
{
    const real keep = (real)(1 / (1 - rate));
    const nn_sbits threshold = (nn_sbits)(rate * 65536);
    for (isize c = 0; c < n; c += NN_DRAWN) {
        _Alignas(NN_ALIGN) nn_sbits draws[NN_DRAWN];
        for (int b = 0; b < NN_DRAWN / 16 && c + 16 * b < n; b++) {
            const nn_block at = {{(uint64_t)(c / 16 + b), row, layer, iteration}};
            const nn_block block = nn_philox(seed, NN_STREAM_DROPOUT, at);
            for (int i = 0; i < 16; i++) draws[16 * b + i] = (nn_sbits)(block.word[i / 4] >> (16 * (i % 4)) & 0xffff);
        }
        for (isize i = 0; i < NN_DRAWN && c + i < n; i += NN_V) {
            ivec dropped = *(const ivec *)(draws + i) < viset1(threshold);
            vstore(factors + c + i, vfrombits(~dropped & vbits(vset1(keep))));
        }
    }
}

/* -z of a normal number z that is less with the chance q, for q in [2^-33, 1/2]. As Giles does it ("Approximating the erfinv
 * function", 2010), of w = -log(4 q (1 - q)), divided by 1 - 2q it is two polynomials, which are fitted to 4e-7 of it. Without
 * a fused multiply-add, so that NumPy has the same bits: nncore/base/random.py. */
NN_INLINE vec nn_horner(vec w, const float *c)
{
    vec p = vset1((real)c[0]);
#pragma GCC unroll 8
    for (int i = 1; i < 9; i++) p = p * w + vset1((real)c[i]);
    return p;
}
NN_INLINE vec nn_normal_quantile(vec q)
{
    static const float near[] = {4.0348286e-08f, 4.8610764e-07f, -4.990492e-06f, -6.2180256e-06f, 0.00030914994f,
                                 -0.0017730101f, -0.0059081707f, 0.34880266f, 2.1233137f};
    static const float far[] = {-2.7946055e-05f, -0.00016247992f, 0.0016234738f, -0.0048423563f, 0.008227203f,
                                -0.01089864f, 0.013330569f, 1.4165909f, 4.006435f};
    vec k, m = vmantissa(vset1(4) * q * (vset1(1) - q), &k), s = (m - vset1(1)) / (m + vset1(1)), z = s * s;
    vec series = ((z * vset1((real)2 / 9) + vset1((real)2 / 7)) * z + vset1((real)2 / 5)) * z + vset1((real)2 / 3);
    vec w = vset1(0) - (k * vset1(NN_LN2) + (s * z * series + vset1(2) * s));
    vec p = vselect(vlt(w, vset1(5)), nn_horner(w - vset1((real)2.5), near), nn_horner(vsqrt(w) - vset1(3), far));
    return p * (vset1(1) - vset1(2) * q);
}

/* noise (n) of one row: normal numbers with this deviation. Every column has 32 bits of its own, of a block for each 8
 * columns: a number t from -2^31 on, whose sign is the noise's, and q = |t + 1/2| / 2^32 the chance of one farther out. Room
 * and draws as those of nn_dropout_factors. */
NN_FUNC void nn_noise(real *noise, isize n, double deviation, uint64_t seed, uint64_t iteration, uint64_t layer, uint64_t row)
{
    const vec scale = vset1((real)deviation);
    for (isize c = 0; c < n; c += NN_DRAWN) {
        _Alignas(NN_ALIGN) real draws[NN_DRAWN];
        for (int b = 0; b < NN_DRAWN / 8 && c + 8 * b < n; b++) {
            const nn_block at = {{(uint64_t)(c / 8 + b), row, layer, iteration}};
            const nn_block block = nn_philox(seed, NN_STREAM_NOISE, at);
            for (int i = 0; i < 8; i++) draws[8 * b + i] = (real)(int32_t)(uint32_t)(block.word[i / 2] >> (32 * (i % 2)));
        }
        for (isize i = 0; i < NN_DRAWN && c + i < n; i += NN_V) {
            const vec t = vload(draws + i) + vset1((real)0.5);
            vstore(noise + c + i, vcopysign(nn_normal_quantile(vabs(t) * vset1((real)0x1p-32)), t) * scale);
        }
    }
}

/* y = x where that is positive, else alpha * x; z = what alpha has multiplied, else 0, unless NULL; x, y, z: (n_rows, width),
 * one panel; alpha (width) */
NN_FUNC void nn_prelu(real *y, real *z, const real *x, const real *alpha, isize n_rows, isize width)
{
    for (isize j = 0; j < width; j += NN_V) {
        const vec a = vload(alpha + j);
        for (isize at = j; at < n_rows * width; at += width) {
            const vec v = vload(x + at);
            if (z) vstore(z + at, vmin(vset1(0), v));
            vstore(y + at, vselect(vgt(v, vset1(0)), v, a * v));
        }
    }
}

/* dx = dy, times alpha where x is not positive; `more`: dx holds the part of others already */
NN_FUNC void nn_prelu_backward(real *dx, const real *dy, const real *x, const real *alpha, isize n_rows, isize width,
                               int more)
{
    for (isize j = 0; j < width; j += NN_V) {
        const vec a = vload(alpha + j);
        for (isize at = j; at < n_rows * width; at += width) {
            vec d = vload(dy + at);
            d = vselect(vgt(vload(x + at), vset1(0)), d, a * d);
            vstore(dx + at, more ? vload(dx + at) + d : d);
        }
    }
}

/* dy (n_rows, n_cols of width), one panel, += the derivative of l1 * sum |y| + l2 * sum y^2; at 0 that of |y| is 0 */
NN_FUNC void nn_penalise(real *dy, const real *y, real l1, real two_l2, isize n_rows, isize width, isize n_cols)
{
    for (isize row = 0; row < n_rows; row++, dy += width, y += width)
        for (isize c = 0; c < n_cols; c++) dy[c] += two_l2 * y[c] + (y[c] > 0 ? l1 : y[c] < 0 ? -l1 : 0);
}

#endif
