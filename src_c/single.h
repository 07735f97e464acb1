/* single.h -- a layer applied to a single row: a vector times a matrix in panels, and softmax along one vector.
 *
 * With one row a register tile runs along the outputs instead: up to NN_SINGLE vectors of them at once, as many chains
 * of fused multiply-adds as hide its latency. Each output is the same chain as in tile.h, so it has the same bits.
 * A row of a matrix in panels with room for one row is a plain vector, filled up to whole vectors.
 */
#ifndef NN_SINGLE_H
#define NN_SINGLE_H

#include "longsum.h"
#include "tile.h"
#include "vecmath.h"

#define NN_SINGLE 8 /* even, so that only the last tile can end with a narrow panel */
#define NN_SINGLE_SIZES(CASE) CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8)

/* y (nv vectors) = bias + x w; x: (n_in); w: (n_rows, .) in (nv + 1) / 2 panels, the last one narrow if nv is odd; the
 * bias, if there is one, is row n_in of w, which then has n_rows = n_in + 1 */
NN_INLINE void nn_single_tile(int nv, real *y, const real *x, const real *w, isize n_in, isize n_rows)
{
#define NN_WEIGHTS(j, k) \
    vload(w + (j) / 2 * NN_W * n_rows + (k) * ((j) == nv - 1 && nv % 2 ? NN_V : NN_W) + (j) % 2 * NN_V)
    vec acc[NN_SINGLE];
#pragma GCC unroll 8
    for (int j = 0; j < nv; j++) acc[j] = n_rows > n_in ? NN_WEIGHTS(j, n_in) : vset1(0);
    for (isize k = 0; k < n_in; k++) {
        vec a = vset1(x[k]);
#pragma GCC unroll 8
        for (int j = 0; j < nv; j++) acc[j] = vfma(a, NN_WEIGHTS(j, k), acc[j]);
    }
#pragma GCC unroll 8
    for (int j = 0; j < nv; j++) vstore(y + j * NN_V, acc[j]);
#undef NN_WEIGHTS
}

/* y (nn_padded(n_out)) = bias + x w; x: (n_in); w: (n_rows, n_out) in panels, bias included */
NN_FUNC void nn_single_dense(real *y, const real *x, const real *w, isize n_in, isize n_rows, isize n_out)
{
#define NN_CASE(nv) case nv: nn_single_tile(nv, y + c, x, w + c * n_rows, n_in, n_rows); break;
    for (isize c = 0; c < nn_padded(n_out); c += NN_SINGLE * NN_V) {
        isize left = (nn_padded(n_out) - c) / NN_V;
        switch (left < NN_SINGLE ? left : NN_SINGLE) { NN_SINGLE_SIZES(NN_CASE) }
    }
#undef NN_CASE
}

/* y (nv vectors, the last one of `last` lanes if that is less than NN_V) = bias + x w; w: (n_in, step) in C order */
NN_INLINE void nn_flat_tile(int nv, int whole, real *y, const real *x, const real *w, const real *bias, isize n_in,
                            isize step, isize last)
{
#define NN_WEIGHTS(p, j) ((j) < nv - 1 || whole ? vload((p) + (j) * NN_V) : vload_part((p) + (j) * NN_V, last))
    vec acc[NN_SINGLE];
#pragma GCC unroll 8
    for (int j = 0; j < nv; j++) acc[j] = bias ? NN_WEIGHTS(bias, j) : vset1(0);
    for (isize k = 0; k < n_in; k++, w += step) {
        vec a = vset1(x[k]);
#pragma GCC unroll 8
        for (int j = 0; j < nv; j++) acc[j] = vfma(a, NN_WEIGHTS(w, j), acc[j]);
    }
#pragma GCC unroll 8
    for (int j = 0; j < nv; j++) vstore(y + j * NN_V, acc[j]);
#undef NN_WEIGHTS
}

/* as nn_single_dense, in the same bits, with w (n_in, n_out) in C order, and the bias (n_out) or NULL */
NN_FUNC void nn_flat_dense(real *y, const real *x, const real *w, const real *bias, isize n_in, isize n_out)
{
#define NN_CASE(nv) \
    case nv: \
        if (last == NN_V) nn_flat_tile(nv, 1, y + c, x, w + c, b, n_in, n_out, last); \
        else nn_flat_tile(nv, 0, y + c, x, w + c, b, n_in, n_out, last); \
        break;
    for (isize c = 0; c < n_out; c += NN_SINGLE * NN_V) {
        const isize cols = n_out - c < NN_SINGLE * NN_V ? n_out - c : NN_SINGLE * NN_V, nv = (cols + NN_V - 1) / NN_V;
        const isize last = cols - (nv - 1) * NN_V;
        const real *b = bias ? bias + c : NULL;
        switch (nv) { NN_SINGLE_SIZES(NN_CASE) }
    }
#undef NN_CASE
}

/* x (n) becomes its softmax; the steps are those of nn_softmax_columns. x has room for nn_padded(n). */
NN_FUNC void nn_single_softmax(real *x, isize n)
{
    real top = x[0], rest = 0, ties = 0;
    double total = 0;
    for (isize c = 1; c < n; c++) top = x[c] > top ? x[c] : top;
    for (isize c = 0; c < n; c += NN_V) {
        vec z = vload(x + c), e = vexp(z - vset1(top)), one = vset1(1), zero = vset1(0);
        vec others = vselect(veq(z, vset1(top)), zero, e), equals = vselect(veq(z, vset1(top)), one, zero);
        vstore(x + c, e);
        for (int l = 0; l < NN_V && c + l < n; l++) {
            rest += others[l];
            ties += equals[l];
        }
        if (n > NN_LONG && ((c + NN_V) % NN_CHAIN == 0 || c + NN_V >= n)) {
            total += (double)(c < NN_CHAIN ? ties - 1 : ties);
            total += (double)rest;
            rest = ties = 0;
        }
    }
    vec scale = vset1(1 / (1 + (n > NN_LONG ? (real)total : rest + (ties - 1))));
    for (isize c = 0; c < n; c += NN_V) vstore(x + c, vload(x + c) * scale);
}

#endif
