/* columns.h -- layers applied to many rows at once, with the rows along the lanes.
 *
 * Columns are a matrix transposed: (n_cols, nv vectors), column c of nv * NN_V rows lying in nv vectors. In this form no
 * width of a layer leaves lanes unused, and softmax, losses and links need no transposition; but rows that only fill up
 * the lanes cost as much as others. Weights are read from the same panels as in tile.h, and each output is the same
 * chain of fused multiply-adds, so it has the same bits.
 */
#ifndef NN_COLUMNS_H
#define NN_COLUMNS_H

#include "tile.h"

/* y (mr, nv vectors) = bias + w' x, or no less than 0 if `relu`; x: (n_k, nv vectors); w: (n_k, mr) within a panel of
 * w_width; bias: (mr) or NULL */
NN_INLINE void nn_columns_tile(int mr, int nv, int relu, real *y, const real *x, const real *w, isize w_width,
                               const real *bias, isize n_k)
{
    vec acc[NN_MR][2];
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) acc[r][j] = vset1(bias ? bias[r] : 0);
    nn_accumulate(mr, nv, acc, w, 1, w_width, x, n_k);
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) vstore(y + (r * nv + j) * NN_V, relu ? vmax(vset1(0), acc[r][j]) : acc[r][j]);
}

NN_INLINE void nn_columns_rows(int nv, int relu, real *y, const real *x, const real *w, isize w_width,
                               const real *bias, isize n_k, isize n_out)
{
#define NN_TILE(mr) \
    case mr: nn_columns_tile(mr, nv, relu, y + i * nv * NN_V, x, w + i, w_width, bias ? bias + i : NULL, n_k); break;
    for (isize i = 0; i < n_out; i += NN_MR) switch (n_out - i < NN_MR ? n_out - i : NN_MR) { NN_HEIGHTS(NN_TILE) }
#undef NN_TILE
}

/* the same for one panel of outputs: y (n_out, nv vectors), nv being 1 or 2, n_out <= w_width */
NN_FUNC void nn_columns_panel(int nv, int relu, real *y, const real *x, const real *w, isize w_width, const real *bias,
                              isize n_k, isize n_out)
{
    if (nv == 2) nn_columns_rows(2, relu, y, x, w, w_width, bias, n_k, n_out);
    else nn_columns_rows(1, relu, y, x, w, w_width, bias, n_k, n_out);
}

/* columns (n_cols, nv vectors) = the transpose of rows (n, n_cols) in C order, n <= nv * NN_V; lanes n.. become zero. Of a
 * wide matrix whole vectors are read, up to NN_V - 1 values behind the last row; of a narrow one few would be in use. */
NN_FUNC void nn_to_columns(int nv, real *columns, const real *rows, isize n, isize n_cols)
{
    isize lanes = nv * NN_V;
    if (n_cols < NN_NARROW) {
        for (isize c = 0; c < n_cols; c++)
            for (isize i = 0; i < lanes; i++) columns[c * lanes + i] = i < n ? rows[i * n_cols + c] : 0;
        return;
    }
    for (isize i = 0; i < lanes; i += NN_V)
        for (isize c = 0; c < n_cols; c += NN_V)
            nn_transpose_square(columns + c * lanes + i, lanes, rows + i * n_cols + c, n_cols,
                                n - i < NN_V ? n - i : NN_V, n_cols - c < NN_V ? n_cols - c : NN_V);
}

/* the other way: rows (n, n_cols) = the transpose of columns (n_cols, nv vectors), without their lanes n.. */
NN_FUNC void nn_from_columns(int nv, real *rows, const real *columns, isize n, isize n_cols)
{
    for (isize c = 0; c < n_cols; c++)
        for (isize i = 0; i < n; i++) rows[i * n_cols + c] = columns[c * nv * NN_V + i];
}

/* whether all of x (n) are finite: 0 * x is NaN for all others, and NaN survives the sums, four to hide their latency */
NN_FUNC int nn_finite(const real *x, isize n)
{
    vec sum[4] = {vset1(0), vset1(0), vset1(0), vset1(0)}, zero = vset1(0);
    real rest = 0;
    for (; n >= 4 * NN_V; n -= 4 * NN_V, x += 4 * NN_V)
        for (int j = 0; j < 4; j++) sum[j] = vfma(zero, vload(x + j * NN_V), sum[j]);
    for (; n >= NN_V; n -= NN_V, x += NN_V) sum[0] = vfma(zero, vload(x), sum[0]);
    for (; n > 0; n--, x++) rest += 0 * *x;
    sum[0] += sum[1] + (sum[2] + sum[3]);
    return rest == 0 && vall(veq(sum[0], zero));
}

/* whether all of x (n) lie in 0..1; and what they add up to, in no order worth a promise */
NN_FUNC int nn_shares(const real *x, isize n, double *total)
{
    vec sum = vset1(0), least = vset1(0), most = vset1(1);
    real lanes[NN_V];
    int fit = 1;
    *total = 0;
    for (; n >= NN_V; n -= NN_V, x += NN_V) {
        vec some = vload(x);
        least = vmin(some, least), most = vmax(some, most), sum += some;
    }
    for (; n > 0; n--, x++) fit &= *x >= 0 && *x <= 1, *total += *x;
    vstore(lanes, sum);
    for (int l = 0; l < NN_V; l++) *total += lanes[l];
    return fit && vall(veq(least, vset1(0))) && vall(veq(most, vset1(1))) && *total == *total; /* NaN survives sums alone */
}

#endif
