/* chains.h -- products of bfloat16.h by vectors: in each lane the two chains of a block, and the sum. */
#ifndef NN_CHAINS_H
#define NN_CHAINS_H

#include "bfloat16.h"

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
    if (fours < NN_BLOCK / 4) {
#pragma GCC unroll 8
        for (int r = 0; r < mr; r++)
            for (int j = 0; j < nv; j++) even[r][j] += vset1(0), odd[r][j] += vset1(0);
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
    if (n_k > 0) nn_chains(mr, nv, sums, x, row_step, k_step, w, w_step, (n_k + 3) / 4);
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
    for (isize k = 0; k == 0 || k < p->n_k; k += NN_RUN)
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
        const nn_packing packing = {x + k, 1, n_k, 1, words, NULL, 4, 0};
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
