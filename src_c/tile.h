/* tile.h -- matrices in panels, and the one loop that multiplies them.
 *
 * Layout. A matrix of n_cols columns is cut into panels of NN_W columns, the last one narrow (NN_V) where that is enough;
 * a panel is contiguous, row after row. So a kernel walks memory in a straight line whatever the width of a layer: a
 * row-major matrix would cost a TLB entry and often a cache set per row. Columns that only fill up a panel are zero in
 * weights and in deltas, and are never used as inputs.
 *
 * Arithmetic. Every output is ONE chain of fused multiply-adds over k in ascending order, so tile sizes, panels, threads
 * and row slices cannot change a bit of it.
 */
#ifndef NN_TILE_H
#define NN_TILE_H

#include "vec.h"

#define NN_W (2 * NN_V)
/* Rows of a register tile: 2 * NN_MR accumulators, 2 vectors of weights, 1 broadcast input. There is a tile of every
 * height up to that, so that no number of rows falls off the fast path. */
#if NN_VEC_BYTES == 64 || defined(__AVX512VL__) /* 32 registers */
#define NN_MR 12
#define NN_HEIGHTS(ROW) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7) ROW(8) ROW(9) ROW(10) ROW(11) ROW(12)
#elif NN_VEC_BYTES == 32
#define NN_MR 6
#define NN_HEIGHTS(ROW) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6)
#else
#define NN_MR 4
#define NN_HEIGHTS(ROW) ROW(1) ROW(2) ROW(3) ROW(4)
#endif

/* ---------------------------------------------------------------------------------------------------- layout */

NN_INLINE isize nn_panel_count(isize n_cols) { return (n_cols + NN_W - 1) / NN_W; }

NN_INLINE isize nn_panel_width(isize n_cols, isize panel)
{
    return n_cols - panel * NN_W <= NN_V ? NN_V : NN_W;
}

NN_INLINE isize nn_panel_cols(isize n_cols, isize panel) /* without the filling */
{
    return n_cols - panel * NN_W < NN_W ? n_cols - panel * NN_W : NN_W;
}

NN_INLINE isize nn_padded(isize n_cols)
{
    return n_cols == 0 ? 0 : (nn_panel_count(n_cols) - 1) * NN_W + nn_panel_width(n_cols, nn_panel_count(n_cols) - 1);
}

/* where row `row` of panel `panel` starts, in a matrix with room for n_rows rows */
NN_INLINE isize nn_panel_at(isize n_rows, isize n_cols, isize panel, isize row)
{
    return panel * NN_W * n_rows + row * nn_panel_width(n_cols, panel);
}

/* one row into panels; values (n_cols); the filling becomes zero */
NN_FUNC void nn_store_row(real *panels, isize n_rows, isize n_cols, isize row, const real *values)
{
    real *y = panels + row * NN_W;
    for (; n_cols >= NN_W; n_cols -= NN_W, values += NN_W, y += n_rows * NN_W) {
        vstore(y, vload(values));
        vstore(y + NN_V, vload(values + NN_V));
    }
    if (n_cols > NN_V) {
        vstore(y, vload(values));
        vstore(y + NN_V, vload_part(values + NN_V, n_cols - NN_V));
    } else if (n_cols == NN_V) {
        vstore(y - row * NN_V, vload(values)); /* the last panel is narrow */
    } else if (n_cols > 0) {
        vstore(y - row * NN_V, vload_part(values, n_cols));
    }
}

/* rows row .. row + n - 1 of panels = those of values (., n_cols) that `order` (n) names, or the first n if it is NULL */
NN_FUNC void nn_store_rows(real *panels, isize n_rows, isize n_cols, isize row, isize n, const real *values,
                           const int64_t *order)
{
    if (n_cols <= NN_V) {
        for (isize i = 0; i < n; i++)
            vstore(panels + (row + i) * NN_V, vload_part(values + (order ? order[i] : i) * n_cols, n_cols));
        return;
    }
    for (isize i = 0; i < n; i++)
        nn_store_row(panels, n_rows, n_cols, row + i, values + (order ? order[i] : i) * n_cols);
}

/* one row out of panels */
NN_FUNC void nn_load_row(real *values, const real *panels, isize n_rows, isize n_cols, isize row)
{
    const real *x = panels + row * NN_W;
    for (; n_cols >= NN_W; n_cols -= NN_W, values += NN_W, x += n_rows * NN_W) {
        vstore(values, vload(x));
        vstore(values + NN_V, vload(x + NN_V));
    }
    if (n_cols <= NN_V) x -= row * NN_V;
    for (isize c = 0; c < n_cols; c++) values[c] = x[c];
}

/* the bits in which one row in panels differs from values (n_cols) */
NN_INLINE ivec nn_row_difference(const real *panels, isize n_rows, isize n_cols, isize row, const real *values)
{
    const real *x = panels + row * NN_W;
    ivec found = viset1(0);
    for (; n_cols >= NN_W; n_cols -= NN_W, values += NN_W, x += n_rows * NN_W)
        found |= (vbits(vload(values)) ^ vbits(vload(x))) | (vbits(vload(values + NN_V)) ^ vbits(vload(x + NN_V)));
    if (n_cols <= NN_V) x -= row * NN_V;
    if (n_cols >= NN_V) {
        found |= vbits(vload(values)) ^ vbits(vload(x));
        n_cols -= NN_V, values += NN_V, x += NN_V;
    }
    return n_cols > 0 ? found | (vbits(vload_part(values, n_cols)) ^ vbits(vload_part(x, n_cols))) : found;
}

/* whether the first n of n_rows rows in panels differ by a bit from values (n, n_cols); looked at 32 at a time */
NN_FUNC int nn_rows_differ(const real *panels, isize n_rows, isize n_cols, isize n, const real *values)
{
    for (isize row = 0; row < n;) {
        const isize end = n - row < 32 ? n : row + 32;
        ivec found = viset1(0);
        for (; row < end; row++, values += n_cols) found |= nn_row_difference(panels, n_rows, n_cols, row, values);
        for (int i = 0; i < NN_V; i++)
            if (found[i]) return 1;
    }
    return 0;
}

/* -------------------------------------------------------------------------------------------- the inner loop */

/* acc (mr, nv vectors) += x (mr, n_k) times w (n_k, nv vectors); x[r][k] lies at x[r * row_step + k * k_step].
 * mr, nv and the steps are constants after inlining, so acc lives in registers. */
NN_INLINE void nn_accumulate(int mr, int nv, vec acc[NN_MR][2], const real *x, isize row_step, isize k_step,
                             const real *w, isize n_k)
{
    for (isize k = 0; k < n_k; k++, x += k_step, w += nv * NN_V) {
        vec b[2];
        for (int j = 0; j < nv; j++) b[j] = vload(w + j * NN_V);
#pragma GCC unroll 16
        for (int r = 0; r < mr; r++) {
            vec a = vset1(x[r * row_step]);
            for (int j = 0; j < nv; j++) acc[r][j] = vfma(a, b[j], acc[r][j]);
        }
    }
}

/* ----------------------------------------------------------------------------------- y = bias + x w, one panel of y */

typedef struct {
    const real *x;    /* (x_rows, n_k) in panels; in C order if `flat` */
    isize x_rows, n_k;
    int flat;
    isize n_cols;     /* columns of the panel that are not filling */
    const real *w;    /* (n_k, width): one panel of the weight */
    const real *bias; /* (width), or NULL for zero */
    real *y;          /* (., width): one panel of the output */
    int relu;         /* y = max(0, bias + x w): cheaper here than in a pass of its own */
    int more;         /* y += bias + x w: y holds the part of others already */
    const real *gate; /* (., width), or NULL: then y = y * (gate > 0), relu's backward */
    int *suspect;     /* of a flat x: set where a sum is NaN or infinite, as all sums over such an x are; or NULL */
    const char *const *ahead; /* n_ahead rows (n_k) that will be read soon: brought into the cache meanwhile */
    isize n_ahead, ahead_size; /* bytes of each number */
} nn_product;

/* columns k .. k + NN_W - 1 of rows begin .. end - 1 of those ahead */
NN_INLINE void nn_product_prefetch(const nn_product *p, isize begin, isize end, isize k)
{
    const isize line = NN_ALIGN / (isize)sizeof(real);
    for (isize i = begin; i < end; i++)
        for (isize at = 0; at < NN_W; at += line) __builtin_prefetch(p->ahead[i] + (k + at) * p->ahead_size);
}

NN_INLINE void nn_add_tile(int mr, int nv, vec acc[NN_MR][2], const real *y)
{
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) acc[r][j] += vload(y + (r * nv + j) * NN_V);
}

/* whether the first vector of each row is finite: 0 * a is NaN for all others, and three sums hide its latency */
NN_INLINE int nn_tile_finite(int mr, vec acc[NN_MR][2])
{
    vec sum[3] = {vset1(0), vset1(0), vset1(0)}, zero = vset1(0);
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++) sum[r % 3] = vfma(zero, acc[r][0], sum[r % 3]);
    return vall(veq(sum[0] + (sum[1] + sum[2]), zero));
}

NN_INLINE void nn_product_tile(int mr, int nv, int flat, const nn_product *p, isize row, isize ahead, isize ahead_end)
{
    vec acc[NN_MR][2];
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) acc[r][j] = p->bias ? vload(p->bias + j * NN_V) : vset1(0);
    const real *w = p->w, *x = p->x;
    isize left = p->n_k;
    for (; left > NN_V; left -= NN_W, x += flat ? NN_W : p->x_rows * NN_W) {
        isize n_k = left < NN_W ? left : NN_W, step = flat ? p->n_k : NN_W;
        nn_product_prefetch(p, ahead, ahead_end, p->n_k - left);
        nn_accumulate(mr, nv, acc, x + row * step, step, 1, w, n_k);
        w += n_k * nv * NN_V;
    }
    if (left > 0) {
        isize step = flat ? p->n_k : NN_V;
        nn_accumulate(mr, nv, acc, x + row * step, step, 1, w, left);
    }
    if (flat && p->suspect && !nn_tile_finite(mr, acc)) *p->suspect = 1;
    real *y = p->y + row * nv * NN_V;
    const real *gate = p->gate ? p->gate + row * nv * NN_V : NULL;
    if (p->more) nn_add_tile(mr, nv, acc, y);
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) {
            vec a = acc[r][j];
            if (p->relu) a = vmax(vset1(0), a);
            if (gate) a *= vselect(vgt(vload(gate + (r * nv + j) * NN_V), vset1(0)), vset1(1), vset1(0));
            vstore(y + (r * nv + j) * NN_V, a);
        }
}

NN_INLINE void nn_product_rows(int nv, int flat, const nn_product *p, isize row, isize end)
{
    const isize begin = row, n = end - begin; /* each tile asks for its share of the rows ahead */
    for (; row < end; row += NN_MR) {
        const isize height = end - row < NN_MR ? end - row : NN_MR, done = row - begin;
        isize ahead = 0, ahead_end = 0;
        if (p->n_ahead > 0) ahead = p->n_ahead * done / n, ahead_end = p->n_ahead * (done + height) / n;
#define NN_TILE(mr) case mr: nn_product_tile(mr, nv, flat, p, row, ahead, ahead_end); break;
        switch (height) { NN_HEIGHTS(NN_TILE) }
#undef NN_TILE
    }
}

/* ---------------------------------------------------------------------------------------------- transposition */

/* a becomes its transpose: interleaving row i with row i + NN_V / 2, log2(NN_V) times over, transposes */
NN_INLINE void nn_transpose(vec a[NN_V])
{
    vec b[NN_V];
    ivec low, high;
    for (int i = 0; i < NN_V; i++) {
        low[i] = i / 2 + i % 2 * NN_V;
        high[i] = low[i] + NN_V / 2;
    }
#pragma GCC unroll 4
    for (int stage = 0; stage < NN_V_LOG2; stage++) {
#pragma GCC unroll 8
        for (int i = 0; i < NN_V / 2; i++) {
            b[2 * i] = vshuffle(a[i], a[i + NN_V / 2], low);
            b[2 * i + 1] = vshuffle(a[i], a[i + NN_V / 2], high);
        }
#pragma GCC unroll 16
        for (int i = 0; i < NN_V; i++) a[i] = b[i];
    }
}

/* y[j][i] = x[i][j] for n_i <= NN_V rows and n_j <= NN_V columns of x; lanes n_i.. of each row of y become zero */
NN_INLINE void nn_transpose_square(real *y, isize y_stride, const real *x, isize x_stride, isize n_i, isize n_j)
{
    vec a[NN_V];
#pragma GCC unroll 16
    for (int i = 0; i < NN_V; i++) a[i] = i < n_i ? vload(x + i * x_stride) : vset1(0);
    nn_transpose(a);
#pragma GCC unroll 16
    for (int j = 0; j < NN_V; j++)
        if (j < n_j) vstore(y + j * y_stride, a[j]);
}

/* y (n_j, y_stride) = transpose of x (n_i, x_stride); n_i <= y_stride, n_j <= x_stride, both strides panel widths */
NN_FUNC void nn_transpose_block(real *y, isize y_stride, const real *x, isize x_stride, isize n_i, isize n_j)
{
    for (isize i = 0; i < n_i; i += NN_V)
        for (isize j = 0; j < n_j; j += NN_V)
            nn_transpose_square(y + j * y_stride + i, y_stride, x + i * x_stride + j, x_stride, n_i - i, n_j - j);
}

/* ------------------------------------------------------------------------ y = bias + x w, for a few columns of y */

/* With few columns most lanes of a row of y would be filling. So rows are the lanes: squares of x are transposed, and there
 * is one chain for each column and each of `groups` vectors of rows. More columns, or fewer inputs, do not pay for that. */
#define NN_FEW (NN_V == 16 ? 4 : NN_V == 8 ? 2 : 0)
#define NN_FEW_INPUTS 32

NN_INLINE void nn_product_few_rows(int n_cols, int groups, const nn_product *p, isize row)
{
    vec acc[4][2];
    real columns[2 * NN_V * NN_V];
    const real *w = p->w;
    for (int c = 0; c < n_cols; c++)
        for (int g = 0; g < groups; g++) acc[c][g] = vset1(p->bias ? p->bias[c] : 0);
    for (isize k = 0; k < p->n_k; k += NN_V) {
        const isize panel = k / NN_W, width = nn_panel_width(p->n_k, panel), n_k = p->n_k - k < NN_V ? p->n_k - k : NN_V;
        const real *x = p->x + nn_panel_at(p->x_rows, p->n_k, panel, row) + (k - panel * NN_W);
        for (int g = 0; g < groups; g++)
            nn_transpose_square(columns + g * NN_V * NN_V, NN_V, x + g * NN_V * width, width, NN_V, n_k);
        for (isize j = 0; j < n_k; j++, w += NN_V)
            for (int c = 0; c < n_cols; c++)
                for (int g = 0; g < groups; g++)
                    acc[c][g] = vfma(vload(columns + (g * NN_V + j) * NN_V), vset1(w[c]), acc[c][g]);
    }
    for (int g = 0; g < groups; g++) {
        for (int c = 0; c < n_cols; c++) vstore(columns + c * NN_V, p->relu ? vmax(vset1(0), acc[c][g]) : acc[c][g]);
        nn_transpose_square(p->y + (row + g * NN_V) * NN_V, NN_V, columns, NN_V, n_cols, NN_V);
    }
}

/* n_cols is at most NN_FEW; returns the first row that is left, for there are less than NN_V */
NN_INLINE isize nn_product_few(int n_cols, const nn_product *p, isize row, isize end)
{
    for (; end - row >= 2 * NN_V; row += 2 * NN_V) nn_product_few_rows(n_cols, 2, p, row);
    for (; end - row >= NN_V; row += NN_V) nn_product_few_rows(n_cols, 1, p, row);
    return row;
}

/* rows row .. end - 1 of one output panel */
NN_FUNC void nn_product_panel(const nn_product *p, isize width, isize row, isize end)
{
    if (p->n_cols <= NN_FEW && p->n_k >= NN_FEW_INPUTS && !p->flat && !p->more && !p->gate && p->n_ahead == 0)
        switch (p->n_cols) {
        case 1: row = nn_product_few(1, p, row, end); break;
        case 2: row = nn_product_few(2, p, row, end); break;
        case 3: row = nn_product_few(3, p, row, end); break;
        case 4: row = nn_product_few(4, p, row, end); break;
        }
    if (p->flat) {
        if (width == NN_W) nn_product_rows(2, 1, p, row, end);
        else nn_product_rows(1, 1, p, row, end);
    } else if (width == NN_W) {
        nn_product_rows(2, 0, p, row, end);
    } else {
        nn_product_rows(1, 0, p, row, end);
    }
}

/* --------------------------------------------------------------------------------------------------- columns
 * What works on whole rows (softmax, losses) takes NN_V rows at once, transposed: column c of all of them is one vector,
 * so that sums over a row run in the order of its columns and never across the lanes of a vector. */

#define NN_NARROW (NN_V / 2) /* columns; fewer are copied one value at a time */

/* columns (n_cols, NN_V) = rows row .. row + n - 1 of a matrix in panels, n <= NN_V; lanes n.. become zero */
NN_FUNC void nn_load_columns(real *columns, const real *panels, isize n_rows, isize n_cols, isize row, isize n)
{
    for (isize c = 0; c < n_cols; c += NN_V) {
        isize p = c / NN_W, left = n_cols - c;
        const real *x = panels + nn_panel_at(n_rows, n_cols, p, row) + (c - p * NN_W);
        nn_transpose_square(columns + c * NN_V, NN_V, x, nn_panel_width(n_cols, p), n, left < NN_V ? left : NN_V);
    }
}

/* columns (n_cols, NN_V) = n <= NN_V rows (n_cols) that lie anywhere; lanes n.. become zero, or of few columns stay */
NN_FUNC void nn_gather_columns(real *columns, const real *const *rows, isize n, isize n_cols)
{
    if (n_cols < NN_NARROW) {
        for (isize i = 0; i < n; i++)
            for (isize c = 0; c < n_cols; c++) columns[c * NN_V + i] = rows[i][c];
        return;
    }
    for (isize c = 0; c < n_cols; c += NN_V) {
        const isize left = n_cols - c;
        vec a[NN_V];
#pragma GCC unroll 16
        for (int i = 0; i < NN_V; i++)
            a[i] = i >= n ? vset1(0) : left < NN_V ? vload_part(rows[i] + c, left) : vload(rows[i] + c);
        nn_transpose(a);
#pragma GCC unroll 16
        for (int j = 0; j < NN_V; j++)
            if (j < left) vstore(columns + (c + j) * NN_V, a[j]);
    }
}

/* the other way; the filling of the panels becomes zero */
NN_FUNC void nn_store_columns(real *panels, const real *columns, isize n_rows, isize n_cols, isize row, isize n)
{
    for (isize c = 0; c < n_cols; c += NN_V) {
        isize p = c / NN_W;
        real *y = panels + nn_panel_at(n_rows, n_cols, p, row) + (c - p * NN_W);
        nn_transpose_square(y, nn_panel_width(n_cols, p), columns + c * NN_V, NN_V, n_cols - c, n);
    }
}

#endif
