/* bfloat16.h -- products of matrices that are rounded to bfloat16, summed in float32.
 *
 * Arithmetic. What the processors with matrix registers do, and so the same bits on all: the sum over k begins with the bias
 * or +0. To it is added, for each block of NN_BLOCK k, the last one filled up with zeros, the sum of two chains of fused
 * multiply-adds from +0: of the even k and of the odd ones, both ascending. Subnormal numbers count as zero.
 *
 * Layout. Values lie in words (vec.h): where processors multiply pairs, (k, k + 2) share one, so that its two halves belong
 * to one chain; else every value has a word. Either way the words of four k alternate: even, odd, and so on. What the kernels
 * read is filled up with zeros to a multiple of 4 k, NN_FOUR words; of a block that has no more, the rest, whose products are
 * zero, is one addition of zero.
 *   rows: (blocks of NN_BLOCK columns, room, NN_BLOCK / NN_PAIR words): a row's values along k, to be multiplied with
 *   weights: panels as in tile.h, whose rows are words of inputs, or in the transpose of outputs
 *   pairs: (blocks of NN_BLOCK columns, room / NN_PAIR words of rows, NN_BLOCK): for sums over rows. Without pairs, the
 *   same as rows.
 */
#ifndef NN_BFLOAT16_H
#define NN_BFLOAT16_H

#include "tile.h"

#define NN_BLOCK 32
#define NN_FOUR (4 / NN_PAIR)               /* words of four k */
#define NN_BLOCK_WORDS (NN_BLOCK / NN_PAIR) /* words of a block */
#define NN_UNIT (NN_PAIR * NN_V)            /* columns that are packed together: a panel, or half of one */

/* Rows of a register tile: three vectors for each of one row, two chains and the sum. */
#if NN_MR == 12
#define NN_SHORT_MR 4
#define NN_SHORT_HEIGHTS(ROW) ROW(1) ROW(2) ROW(3) ROW(4)
#elif NN_MR == 6
#define NN_SHORT_MR 3
#define NN_SHORT_HEIGHTS(ROW) ROW(1) ROW(2) ROW(3)
#else
#define NN_SHORT_MR 2
#define NN_SHORT_HEIGHTS(ROW) ROW(1) ROW(2)
#endif
#define NN_RUN (4 * NN_BLOCK) /* k at a time: the words of these, of 48 rows and of weights, stay in the first-level cache */

NN_INLINE isize nn_fours(isize n) { return (n + 3) / 4; }

/* rows of words for n rows of values: of weights, and of pairs */
NN_INLINE isize nn_words(isize n) { return nn_fours(n) * NN_FOUR; }

/* words that rows, or pairs, take for each row of the room, which is a multiple of 4 */
NN_INLINE isize nn_short_padded(isize n_cols) { return (n_cols + NN_BLOCK - 1) / NN_BLOCK * NN_BLOCK_WORDS; }

/* where the words of a row begin, in rows */
NN_INLINE isize nn_short_row_at(isize room, isize block, isize row) { return (block * room + row) * NN_BLOCK_WORDS; }

/* where a column begins with a row that is a multiple of 4, in pairs */
NN_INLINE isize nn_short_pairs_at(isize room, isize column, isize row)
{
    return (column / NN_BLOCK * room + row) / NN_PAIR * NN_BLOCK + column % NN_BLOCK;
}

/* ---------------------------------------------------------------------------------------------------- packing */

/* words (NN_FOUR, step) of one vector of columns of four rows */
NN_INLINE void nn_store_four(real *words, isize step, vec a, vec b, vec c, vec d)
{
#if NN_PAIR == 2
    vstore(words, vwords(a, c));
    vstore(words + step, vwords(b, d));
#else
    vstore(words, vshort(a));
    vstore(words + step, vshort(b));
    vstore(words + 2 * step, vshort(c));
    vstore(words + 3 * step, vshort(d));
#endif
}

typedef struct {
    const real *x;      /* (x_rows, n_cols) in panels; in C order if `flat` */
    isize x_rows, n_cols;
    int flat;
    real *rows, *pairs; /* with room for `room` rows, a multiple of 4; pairs may be NULL, and are not looked at without pairs */
    isize room;
} nn_packing;

NN_INLINE vec nn_load_some(const real *x, isize n)
{
    return n >= NN_V ? vload(x) : n > 0 ? vload_part(x, n) : vset1(0);
}

/* n <= 4 rows of n_cols <= NN_UNIT columns of x (., step); all behind them counts as zero */
NN_INLINE void nn_pack_four(int n, const real *x, isize step, isize n_cols, real *rows, real *pairs)
{
    vec a[4][NN_PAIR];
#pragma GCC unroll 4
    for (int r = 0; r < 4; r++)
        for (int j = 0; j < NN_PAIR; j++)
            a[r][j] = r < n ? nn_load_some(x + r * step + j * NN_V, n_cols - j * NN_V) : vset1(0);
#if NN_PAIR == 2
#pragma GCC unroll 4
    for (int r = 0; r < n; r++) vstore(rows + r * NN_BLOCK_WORDS, vrow(a[r][0], a[r][1]));
#else
    pairs = rows;
#endif
    if (pairs)
        for (int j = 0; j < NN_PAIR; j++)
            nn_store_four(pairs + j * NN_V, NN_BLOCK, a[0][j], a[1][j], a[2][j], a[3][j]);
}

NN_INLINE void nn_pack_unit(const nn_packing *p, isize c, isize n_cols, isize row, isize end)
{
    const isize panel = c / NN_W, step = p->flat ? p->n_cols : nn_panel_width(p->n_cols, panel);
    const real *x = p->x + (p->flat ? row * step + c : nn_panel_at(p->x_rows, p->n_cols, panel, row) + c - panel * NN_W);
    real *rows = p->rows + nn_short_row_at(p->room, c / NN_BLOCK, row) + c % NN_BLOCK / NN_PAIR;
    real *pairs = NN_PAIR == 2 && p->pairs ? p->pairs + nn_short_pairs_at(p->room, c, row) : NULL;
    for (; end - row >= 4; row += 4, x += 4 * step, rows += 4 * NN_BLOCK_WORDS) {
        nn_pack_four(4, x, step, n_cols, rows, pairs);
        if (pairs) pairs += NN_FOUR * NN_BLOCK;
    }
    switch (end - row) {
    case 1: nn_pack_four(1, x, step, n_cols, rows, pairs); break;
    case 2: nn_pack_four(2, x, step, n_cols, rows, pairs); break;
    case 3: nn_pack_four(3, x, step, n_cols, rows, pairs); break;
    }
}

/* rows row .. end - 1, `row` a multiple of 4; of pairs also what fills up the last four */
NN_FUNC void nn_pack(const nn_packing *p, isize row, isize end)
{
    isize c = 0;
    for (; p->n_cols - c >= NN_UNIT; c += NN_UNIT) nn_pack_unit(p, c, NN_UNIT, row, end);
    if (c < p->n_cols) nn_pack_unit(p, c, p->n_cols - c, row, end);
}

/* A block of a weight x (n_in, width), n_out columns of it in use: into rows of words of w (., width) and, unless that is
 * NULL, of its transpose t (., t_width), NN_W of both at most. What fills up four rows of w becomes zero; of t it is. */
NN_FUNC void nn_pack_weight(real *w, real *t, isize t_width, const real *x, isize n_in, isize n_out, isize width)
{
    const isize whole = n_in / 4 * 4;
    for (isize j = 0; j < width; j += NN_V) {
        real *words = w + j;
        for (isize i = 0; i < whole; i += 4, words += NN_FOUR * width) {
            const real *at = x + i * width + j;
            nn_store_four(words, width, vload(at), vload(at + width), vload(at + 2 * width), vload(at + 3 * width));
        }
        if (whole < n_in) {
            vec a[4];
            for (isize r = 0; r < 4; r++) a[r] = whole + r < n_in ? vload(x + (whole + r) * width + j) : vset1(0);
            nn_store_four(words, width, a[0], a[1], a[2], a[3]);
        }
    }
    if (!t) return;
#if NN_PAIR == 2
    for (isize i = 0; i < n_in; i += NN_V) {
        vec a[NN_V];
#pragma GCC unroll 16
        for (isize r = 0; r < NN_V; r++) {
            const real *at = x + (i + r) * width;
            a[r] = i + r >= n_in ? vset1(0) : vrow(vload(at), width == NN_W ? vload(at + NN_V) : vset1(0));
        }
        nn_transpose(a);
#pragma GCC unroll 16
        for (isize k = 0; k < NN_V; k++)
            if (k < nn_words(n_out)) vstore(t + k * t_width + i, a[k]);
    }
#else
    nn_transpose_block(t, t_width, w, width, n_in, n_out);
#endif
}

/* ---------------------------------------------------------------------------------------------- the inner loop */

/* sums (mr, nv vectors) += even + odd, of one block, or of its first `fours` times four k. Of x the words of row r lie at
 * x[r * row_step + i * k_step]; w: (words, w_step). mr, nv and the steps are constants after inlining. */
NN_INLINE void nn_chains(int mr, int nv, vec sums[NN_SHORT_MR][2], const real *x, isize row_step, isize k_step,
                         const real *w, isize w_step, isize fours)
{
    vec even[NN_SHORT_MR][2], odd[NN_SHORT_MR][2], b[2];
#pragma GCC unroll 8
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) even[r][j] = odd[r][j] = vset1(0);
    for (isize i = fours * NN_FOUR; i > 0; i -= 2, x += 2 * k_step, w += 2 * w_step) {
        for (int j = 0; j < nv; j++) b[j] = vload(w + j * NN_V);
#pragma GCC unroll 8
        for (int r = 0; r < mr; r++) {
            const vec a = vset1(x[r * row_step]);
            for (int j = 0; j < nv; j++) even[r][j] = vdot(even[r][j], a, b[j]);
        }
        for (int j = 0; j < nv; j++) b[j] = vload(w + w_step + j * NN_V);
#pragma GCC unroll 8
        for (int r = 0; r < mr; r++) {
            const vec a = vset1(x[r * row_step + k_step]);
            for (int j = 0; j < nv; j++) odd[r][j] = vdot(odd[r][j], a, b[j]);
        }
    }
    const vec zero = vset1(0);
    if (fours < NN_BLOCK / 4) {
#pragma GCC unroll 8
        for (int r = 0; r < mr; r++)
            for (int j = 0; j < nv; j++) even[r][j] += zero, odd[r][j] += zero;
    }
#pragma GCC unroll 8
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) sums[r][j] += even[r][j] + odd[r][j];
}

/* the same for n_k > 0 from the first of a block on; the words of a row's next block lie x_step further */
NN_INLINE void nn_blocks(int mr, int nv, vec sums[NN_SHORT_MR][2], const real *x, isize row_step, isize k_step,
                         isize x_step, const real *w, isize w_step, isize n_k)
{
    for (; n_k >= NN_BLOCK; n_k -= NN_BLOCK, x += x_step, w += NN_BLOCK_WORDS * w_step)
        nn_chains(mr, nv, sums, x, row_step, k_step, w, w_step, NN_BLOCK / 4);
    if (n_k > 0) nn_chains(mr, nv, sums, x, row_step, k_step, w, w_step, nn_fours(n_k));
}

/* sums = y, (mr, nv vectors) `step` apart, or 0 if that is NULL; and the other way */
NN_INLINE void nn_load_sums(int mr, int nv, vec sums[NN_SHORT_MR][2], const real *y, isize step)
{
#pragma GCC unroll 8
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) sums[r][j] = y ? vload(y + r * step + j * NN_V) : vset1(0);
}

NN_INLINE void nn_store_sums(int mr, int nv, real *y, vec sums[NN_SHORT_MR][2])
{
#pragma GCC unroll 8
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) vstore(y + (r * nv + j) * NN_V, sums[r][j]);
}

/* ------------------------------------------------------------------------------------------- y = bias + x w */

#define NN_SHORT_ROWS 48 /* so many rows' sums wait for the next run */

/* y (mr, nv vectors) = the sums, as nn_product says */
NN_INLINE void nn_short_finish(int mr, int nv, const nn_product *p, isize row, vec sums[NN_SHORT_MR][2])
{
    real *y = p->y + row * nv * NN_V;
    const real *gate = p->gate ? p->gate + row * nv * NN_V : NULL;
    if (p->suspect) {
        vec finite = vset1(0);
        for (int r = 0; r < mr; r++) finite = vfma(vset1(0), sums[r][0], finite);
        if (!vall(veq(finite, vset1(0)))) *p->suspect = 1;
    }
#pragma GCC unroll 8
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) {
            vec a = sums[r][j];
            if (p->more) a += vload(y + (r * nv + j) * NN_V);
            if (p->relu) a = vmax(vset1(0), a);
            if (gate) a *= vselect(vgt(vload(gate + (r * nv + j) * NN_V), vset1(0)), vset1(1), vset1(0));
            vstore(y + (r * nv + j) * NN_V, a);
        }
}

/* `waiting`: the tile's sums before this run of k */
NN_INLINE void nn_short_tile(int mr, int nv, const nn_product *p, real *waiting, isize row, isize k)
{
    const isize block = k / NN_BLOCK, left = p->n_k - k, width = nv * NN_V;
    vec sums[NN_SHORT_MR][2];
    if (k > 0) nn_load_sums(mr, nv, sums, waiting, width);
    else nn_load_sums(mr, nv, sums, p->bias, 0);
    nn_blocks(mr, nv, sums, p->x + nn_short_row_at(p->x_rows, block, row), NN_BLOCK_WORDS, 1,
              p->x_rows * NN_BLOCK_WORDS, p->w + block * NN_BLOCK_WORDS * width, width, left < NN_RUN ? left : NN_RUN);
    if (left > NN_RUN) nn_store_sums(mr, nv, waiting, sums);
    else nn_short_finish(mr, nv, p, row, sums);
}

/* Run after run, so that its weights come into the first-level cache once for all rows. Tiles are as equal as can be. */
NN_INLINE void nn_short_rows(int nv, const nn_product *p, isize row, isize n)
{
    _Alignas(NN_ALIGN) real waiting[NN_SHORT_ROWS * NN_W];
    const isize n_tiles = (n + NN_SHORT_MR - 1) / NN_SHORT_MR;
    for (isize k = 0; k < p->n_k; k += NN_RUN)
        for (isize tile = 0, begin = 0, end; tile < n_tiles; tile++, begin = end) {
            end = n * (tile + 1) / n_tiles;
            real *sums = waiting + begin * nv * NN_V;
            if (p->n_ahead > 0) /* each tile asks for its share of the rows ahead */
                for (isize c = k; c < p->n_k && c < k + NN_RUN; c += NN_W)
                    nn_product_prefetch(p, p->n_ahead * tile / n_tiles, p->n_ahead * (tile + 1) / n_tiles, c);
#define NN_TILE(mr) case mr: nn_short_tile(mr, nv, p, sums, row + begin, k); break;
            switch (end - begin) { NN_SHORT_HEIGHTS(NN_TILE) }
#undef NN_TILE
        }
}

/* As nn_product_panel, but x are rows with room for x_rows, and w words. It looks at `suspect`, and not at `flat`. */
NN_FUNC void nn_short_product(const nn_product *p, isize width, isize row, isize end)
{
    for (; row < end; row += NN_SHORT_ROWS) {
        const isize n = end - row < NN_SHORT_ROWS ? end - row : NN_SHORT_ROWS;
        if (width == NN_W) nn_short_rows(2, p, row, n);
        else nn_short_rows(1, p, row, n);
    }
}

/* ---------------------------------------------------------------------------------------------- a single row */

/* y (nn_padded(n_out)) = bias + x w for one row x (n_in), rounded 32 values at a time; w: words; panels: the float32 weights
 * (n_rows, n_out), of which only row n_in is read, the bias, if n_rows > n_in */
NN_FUNC void nn_short_single(real *y, const real *x, const real *w, const real *panels, isize n_in, isize n_rows,
                             isize n_out)
{
    _Alignas(NN_ALIGN) real words[4 * NN_BLOCK_WORDS];
    for (isize k = 0; k < n_in; k += NN_BLOCK) {
        const isize n_k = n_in - k < NN_BLOCK ? n_in - k : NN_BLOCK;
        const nn_packing packing = {x + k, 1, n_k, 1, words, NULL, 4};
        nn_pack(&packing, 0, 1);
        for (isize p = 0; p < nn_panel_count(n_out); p++) {
            const isize width = nn_panel_width(n_out, p);
            const real *block = w + nn_panel_at(nn_words(n_in), n_out, p, k / NN_PAIR);
            const real *from = n_rows > n_in ? panels + nn_panel_at(n_rows, n_out, p, n_in) : NULL;
            vec sums[NN_SHORT_MR][2];
            if (k > 0) from = y + p * NN_W;
            if (width == NN_W) {
                nn_load_sums(1, 2, sums, from, 0);
                nn_blocks(1, 2, sums, words, 0, 1, 0, block, NN_W, n_k);
                nn_store_sums(1, 2, y + p * NN_W, sums);
            } else {
                nn_load_sums(1, 1, sums, from, 0);
                nn_blocks(1, 1, sums, words, 0, 1, 0, block, NN_V, n_k);
                nn_store_sums(1, 1, y + p * NN_W, sums);
            }
        }
    }
}

/* --------------------------------------------------------------------------------------------- sums over rows */

/* sums (mr, nv vectors) of a gradient = x' dz over n_rows rows, or if `more` plus that; x and dz are pairs */
NN_INLINE void nn_short_outer(int mr, int nv, real *sums, const real *x, const real *dz, isize n_rows, int more)
{
    vec a[NN_SHORT_MR][2];
    nn_load_sums(mr, nv, a, more ? sums : NULL, nv * NN_V);
    nn_blocks(mr, nv, a, x, 1, NN_BLOCK, NN_BLOCK_WORDS * NN_BLOCK, dz, NN_BLOCK, n_rows);
    nn_store_sums(mr, nv, sums, a);
}

#endif
