/* bfloat16.h -- products of matrices that are rounded to bfloat16, summed in float32.
 *
 * Arithmetic. What the processors with matrix registers do, and so the same bits on all: the sum over k begins with the bias
 * or +0. To it is added, for each block of NN_BLOCK k, the last one filled up with zeros, the sum of two chains of fused
 * multiply-adds from +0: of the even k and of the odd ones, both ascending. Subnormal numbers count as zero.
 *
 * Layout. Values lie in words (vec.h). Where vectors multiply pairs, (k, k + 2) share one, so that its two halves belong to
 * one chain; where they do not, every value has a word. Either way the words of four k alternate: even, odd, and so on. With
 * matrix registers (NN_TILES) it is (k, k + 1), a half for each chain. What the kernels read is filled up with zeros to a
 * multiple of NN_FILL k; of a block that has no more, the rest, whose products are zero, is one addition of zero.
 *   rows: (blocks of NN_BLOCK columns, room, NN_BLOCK / NN_PAIR words): a row's values along k, to be multiplied with
 *   weights: panels as in tile.h, whose rows are words of inputs, or in the transpose of outputs
 *   pairs: (blocks of NN_BLOCK columns, room / NN_PAIR words of rows, NN_BLOCK): for sums over rows. Without pairs, the
 *   same as rows. With matrix registers, of the left operand of such a sum, each NN_FILL rows' words are transposed.
 * Rooms, and where some rows of one are packed or multiplied by themselves, are multiples of NN_FILL rows.
 */
#ifndef NN_BFLOAT16_H
#define NN_BFLOAT16_H

#include "tile.h"

#define NN_BLOCK 32
#define NN_FILL (NN_TILES ? NN_BLOCK : 4)
#define NN_FOUR (4 / NN_PAIR)               /* words of four k */
#define NN_BLOCK_WORDS (NN_BLOCK / NN_PAIR) /* words of a block */
#define NN_UNIT (NN_PAIR * NN_V)            /* columns that are packed together: a panel, or half of one */
#define NN_ROWS_TOGETHER (NN_TILES ? 96 : 48) /* rows that go through all layers together; a multiple of NN_FILL and NN_MR */

NN_INLINE isize nn_filled(isize n) { return (n + NN_FILL - 1) / NN_FILL * NN_FILL; }

/* rows of words for n rows of values: of weights, and of pairs */
NN_INLINE isize nn_words(isize n) { return nn_filled(n) / NN_PAIR; }

/* words that rows, or pairs, take for each row of the room */
NN_INLINE isize nn_short_padded(isize n_cols) { return (n_cols + NN_BLOCK - 1) / NN_BLOCK * NN_BLOCK_WORDS; }

/* where the words of a row begin, in rows */
NN_INLINE isize nn_short_row_at(isize room, isize block, isize row) { return (block * room + row) * NN_BLOCK_WORDS; }

/* where a column begins with a row that is a multiple of NN_FILL, in pairs */
NN_INLINE isize nn_short_pairs_at(isize room, isize column, isize row)
{
    return (column / NN_BLOCK * room + row) / NN_PAIR * NN_BLOCK + column % NN_BLOCK;
}

/* ---------------------------------------------------------------------------------------------------- packing */

/* words (NN_FOUR, step) of one vector of columns of four rows */
NN_INLINE void nn_store_four(real *words, isize step, vec a, vec b, vec c, vec d)
{
#if NN_TILES
    vstore(words, vwords(a, b));
    vstore(words + step, vwords(c, d));
#elif NN_PAIR == 2
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
    real *rows, *pairs; /* with room for `room` rows; pairs may be NULL, and are not looked at where words are not pairs */
    isize room;
    int left;           /* the pairs will be a left operand */
} nn_packing;

NN_INLINE vec nn_load_some(const real *x, isize n)
{
    return n >= NN_V ? vload(x) : n > 0 ? vload_part(x, n) : vset1(0);
}

#if NN_TILES

/* words of columns c .. c + NN_V - 1 of n <= NN_FILL rows x (., step), n_cols columns of which exist */
NN_INLINE void nn_pack_pairs(const real *x, isize step, isize n, isize n_cols, real *pairs, int left)
{
    vec a[NN_V];
#pragma GCC unroll 16
    for (int i = 0; i < NN_V; i++, x += 2 * step) {
        const vec first = 2 * i < n ? nn_load_some(x, n_cols) : vset1(0);
        a[i] = vwords(first, 2 * i + 1 < n ? nn_load_some(x + step, n_cols) : vset1(0));
    }
    if (left) nn_transpose(a);
#pragma GCC unroll 16
    for (int i = 0; i < NN_V; i++) vstore(pairs + i * (left ? NN_V : NN_BLOCK), a[i]);
}

NN_INLINE void nn_pack_unit(const nn_packing *p, isize c, isize n_cols, isize row, isize end)
{
    const isize panel = c / NN_W, step = p->flat ? p->n_cols : nn_panel_width(p->n_cols, panel);
    for (; row < end; row += NN_FILL) {
        const isize n = end - row < NN_FILL ? end - row : NN_FILL;
        const real *x = p->x + (p->flat ? row * step + c : nn_panel_at(p->x_rows, p->n_cols, panel, row) + c - panel * NN_W);
        real *rows = p->rows + nn_short_row_at(p->room, c / NN_BLOCK, row);
        real *pairs = p->pairs ? p->pairs + nn_short_pairs_at(p->room, c, row) : NULL;
        for (isize r = 0; r < n; r++)
            vstore(rows + r * NN_BLOCK_WORDS,
                   vrow(nn_load_some(x + r * step, n_cols), nn_load_some(x + r * step + NN_V, n_cols - NN_V)));
        for (int j = 0; pairs && j < NN_PAIR; j++) {
            const real *from = x + (n_cols > j * NN_V ? j * NN_V : 0);
            if (p->left) nn_pack_pairs(from, step, n, n_cols - j * NN_V, pairs + j * NN_V * NN_BLOCK_WORDS, 1);
            else nn_pack_pairs(from, step, n, n_cols - j * NN_V, pairs + j * NN_V, 0);
        }
    }
}
#else

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

#endif

/* rows row .. end - 1, `row` a multiple of NN_FILL; of pairs also what fills up the last ones */
NN_FUNC void nn_pack(const nn_packing *p, isize row, isize end)
{
    isize c = 0;
    for (; p->n_cols - c >= NN_UNIT; c += NN_UNIT) nn_pack_unit(p, c, NN_UNIT, row, end);
    if (c < p->n_cols) nn_pack_unit(p, c, p->n_cols - c, row, end);
}

/* A block of a weight x (n_in, width), n_out columns of it in use: into rows of words of w (., width) and, unless that is
 * NULL, of its transpose t (., t_width), NN_W of both at most. What fills up rows of w becomes zero; of t it is. */
NN_FUNC void nn_pack_weight(real *w, real *t, isize t_width, const real *x, isize n_in, isize n_out, isize width)
{
    const isize whole = n_in / 4 * 4, filled = nn_filled(n_in);
    for (isize j = 0; j < width; j += NN_V) {
        real *words = w + j;
        for (isize i = 0; i < whole; i += 4, words += NN_FOUR * width) {
            const real *at = x + i * width + j;
            nn_store_four(words, width, vload(at), vload(at + width), vload(at + 2 * width), vload(at + 3 * width));
        }
        for (isize i = whole; i < filled; i += 4, words += NN_FOUR * width) {
            vec a[4];
            for (isize r = 0; r < 4; r++) a[r] = i + r < n_in ? vload(x + (i + r) * width + j) : vset1(0);
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

/* ---------------------------------------------------------------------------------------------- after the sums */

/* y (mr, nv vectors) = the sums, as nn_product says */
NN_INLINE void nn_short_finish(int mr, int nv, const nn_product *p, isize row, vec sums[][2])
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

#endif
