/* tiles.h -- products of bfloat16.h by the processor's tile registers (AMX), and what stands for these elsewhere.
 *
 * A tile has NN_TILE rows of NN_TILE words. One instruction adds to a tile of sums the product of NN_TILE rows and a block
 * of NN_TILE columns. Registers 0 to 3 hold sums, (2, 2) tiles, 4 and 5 the left operand, 6 and 7 the right one: four
 * products for four loads, and as many sums as the instruction takes times as long to end as to begin.
 *
 * NN_TILES 1: the instructions. 2: functions that do the same, for processors without them; for tests.
 */
#ifndef NN_TILES_H
#define NN_TILES_H

#include "bfloat16.h"

#define NN_TILE 16
#define NN_TILE_RUN 16  /* blocks of k at a time: their weights, 32 KiB at most, stay in the first-level cache */
#define NN_TILE_ROWS 64 /* for so many rows, whose sums wait for the next run */

/* ------------------------------------------------------------------------------------------------ the registers */

#if NN_TILES == 1

/* row i of a tile lies at `at` + i * step words; the compiler moves no access to memory across */
#define NN_TILE_LOAD(t, at, step) \
    __asm__ __volatile__("tileloadd (%0,%1,4), %%tmm" #t : : "r"((const real *)(at)), "r"((isize)(step)) : "memory")
#define NN_TILE_STORE(t, at, step) \
    __asm__ __volatile__("tilestored %%tmm" #t ", (%0,%1,4)" : : "r"((real *)(at)), "r"((isize)(step)) : "memory")
#define NN_TILE_ZERO(t) __asm__ __volatile__("tilezero %%tmm" #t : : : "memory")
#define NN_TILE_DOT(t, a, b) __asm__ __volatile__("tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #t : : : "memory")

#else

static _Thread_local real nn_tile[8][NN_TILE][NN_TILE];

static void nn_tile_load(int t, const real *at, isize step)
{
    for (int r = 0; r < NN_TILE; r++) memcpy(nn_tile[t][r], at + r * step, sizeof nn_tile[t][r]);
}

static void nn_tile_store(int t, real *at, isize step)
{
    for (int r = 0; r < NN_TILE; r++) memcpy(at + r * step, nn_tile[t][r], sizeof nn_tile[t][r]);
}

static void nn_tile_dot(int t, int a, int b)
{
    for (int r = 0; r < NN_TILE; r++) {
        vec even = vset1(0), odd = vset1(0);
        for (int k = 0; k < NN_TILE; k++) {
            const ivec left = vbits(vset1(nn_tile[a][r][k])), right = vbits(vload(nn_tile[b][k])), high = viset1(-65536);
            even = vfma(vfrombits(left << 16), vfrombits(right << 16), even);
            odd = vfma(vfrombits(left & high), vfrombits(right & high), odd);
        }
        vstore(nn_tile[t][r], vload(nn_tile[t][r]) + (even + odd));
    }
}

#define NN_TILE_LOAD(t, at, step) nn_tile_load(t, at, step)
#define NN_TILE_STORE(t, at, step) nn_tile_store(t, at, step)
#define NN_TILE_ZERO(t) memset(nn_tile[t], 0, sizeof nn_tile[t])
#define NN_TILE_DOT(t, a, b) nn_tile_dot(t, a, b)

#endif

/* ---------------------------------------------------------------------------------------------- sums of tiles */

/* the (mt, nt) tiles of sums begin with what lies at `from`, or with 0 if that is NULL; mt and nt are 1 or 2 */
NN_INLINE void nn_tiles_from(int mt, int nt, const real *from, isize step)
{
    if (!from) {
        NN_TILE_ZERO(0);
        if (nt > 1) NN_TILE_ZERO(1);
        if (mt > 1) NN_TILE_ZERO(2);
        if (mt > 1 && nt > 1) NN_TILE_ZERO(3);
        return;
    }
    NN_TILE_LOAD(0, from, step);
    if (nt > 1) NN_TILE_LOAD(1, from + NN_TILE, step);
    if (mt > 1) NN_TILE_LOAD(2, from + NN_TILE * step, step);
    if (mt > 1 && nt > 1) NN_TILE_LOAD(3, from + NN_TILE * step + NN_TILE, step);
}

NN_INLINE void nn_tiles_to(int mt, int nt, real *to, isize step)
{
    NN_TILE_STORE(0, to, step);
    if (nt > 1) NN_TILE_STORE(1, to + NN_TILE, step);
    if (mt > 1) NN_TILE_STORE(2, to + NN_TILE * step, step);
    if (mt > 1 && nt > 1) NN_TILE_STORE(3, to + NN_TILE * step + NN_TILE, step);
}

typedef struct {
    const real *left, *right;     /* words */
    isize left_step, right_step;  /* from row to row of a tile */
    isize left_block, right_block; /* to the next NN_BLOCK k */
    isize n_blocks;
} nn_operands;

/* the sums += the products of all blocks; the left tiles lie behind each other, the right ones beside */
NN_INLINE void nn_tiles_add(int mt, int nt, const nn_operands *p)
{
    const real *a = p->left, *b = p->right;
    for (isize i = p->n_blocks; i > 0; i--, a += p->left_block, b += p->right_block) {
        NN_TILE_LOAD(4, a, p->left_step);
        NN_TILE_LOAD(6, b, p->right_step);
        NN_TILE_DOT(0, 4, 6);
        if (nt > 1) {
            NN_TILE_LOAD(7, b + NN_TILE, p->right_step);
            NN_TILE_DOT(1, 4, 7);
        }
        if (mt > 1) {
            NN_TILE_LOAD(5, a + NN_TILE * p->left_step, p->left_step);
            NN_TILE_DOT(2, 5, 6);
            if (nt > 1) NN_TILE_DOT(3, 5, 7);
        }
    }
}

/* (mt * NN_TILE, nt * NN_TILE) sums from `from` on, to `to` */
NN_INLINE void nn_tiles_sum(int mt, int nt, const nn_operands *p, const real *from, isize from_step, real *to)
{
    nn_tiles_from(mt, nt, from, from_step);
    nn_tiles_add(mt, nt, p);
    nn_tiles_to(mt, nt, to, nt * NN_TILE);
}

/* ------------------------------------------------------------------------------------------- y = bias + x w */

/* n <= NN_TILE_ROWS rows of one run of blocks; waiting: their sums */
NN_INLINE void nn_tile_run(int nt, const nn_product *p, real *waiting, isize row, isize n, isize first, isize last)
{
    const isize width = nt * NN_TILE;
    for (isize r = 0; r < n; r += 2 * NN_TILE) {
        const nn_operands o = {p->x + nn_short_row_at(p->x_rows, first, row + r), p->w + first * NN_BLOCK_WORDS * width,
                               NN_BLOCK_WORDS, width, p->x_rows * NN_BLOCK_WORDS, NN_BLOCK_WORDS * width, last - first};
        const real *from = first == 0 ? p->bias : waiting + r * width;
        const isize step = first == 0 ? 0 : width;
        if (n - r > NN_TILE) nn_tiles_sum(2, nt, &o, from, step, waiting + r * width);
        else nn_tiles_sum(1, nt, &o, from, step, waiting + r * width);
    }
}

NN_INLINE void nn_tile_rows(int nt, const nn_product *p, isize row, isize n)
{
    _Alignas(NN_ALIGN) real waiting[NN_TILE_ROWS * NN_W];
    const isize n_blocks = (p->n_k + NN_BLOCK - 1) / NN_BLOCK;
    const isize n_runs = n_blocks > NN_TILE_RUN ? (n_blocks + NN_TILE_RUN - 1) / NN_TILE_RUN : 1;
    for (isize run = 0; run < n_runs; run++)
        nn_tile_run(nt, p, waiting, row, n, n_blocks * run / n_runs, n_blocks * (run + 1) / n_runs);
    for (isize r = 0; r < n; r++) {
        vec sums[1][2];
        for (int j = 0; j < nt; j++) sums[0][j] = vload(waiting + (r * nt + j) * NN_V);
        nn_short_finish(1, nt, p, row + r, sums);
    }
}

/* As nn_product_panel, but x are rows with room for x_rows, and w words. It looks at `suspect`, and not at `flat`. */
NN_FUNC void nn_short_product(const nn_product *p, isize width, isize row, isize end)
{
    for (isize at = row; at < end; at += NN_TILE_ROWS) {
        const isize n = end - at < NN_TILE_ROWS ? end - at : NN_TILE_ROWS;
        for (isize c = 0; p->n_ahead > 0 && c < p->n_k; c += NN_W) /* its share of the rows ahead */
            nn_product_prefetch(p, p->n_ahead * (at - row) / (end - row), p->n_ahead * (at + n - row) / (end - row), c);
        if (width == NN_W) nn_tile_rows(2, p, at, n);
        else nn_tile_rows(1, p, at, n);
    }
}

/* ---------------------------------------------------------------------------------------------- a single row */

/* As in chains.h. All rows of a tile are the same one, which costs no more. */
NN_FUNC void nn_short_single(real *y, const real *x, const real *w, const real *panels, isize n_in, isize n_rows,
                             isize n_out)
{
    _Alignas(NN_ALIGN) real words[NN_TILE_RUN * NN_BLOCK_WORDS], sums[NN_TILE * NN_W];
    for (isize k = 0; k < n_in; k += NN_TILE_RUN * NN_BLOCK) {
        const isize left = n_in - k, n_k = left < NN_TILE_RUN * NN_BLOCK ? left : NN_TILE_RUN * NN_BLOCK;
        const nn_packing packing = {x + k, 1, n_k, 1, words, NULL, 1, 0};
        nn_pack(&packing, 0, 1);
        for (isize p = 0; p < nn_panel_count(n_out); p++) {
            const isize width = nn_panel_width(n_out, p);
            const nn_operands o = {words, w + nn_panel_at(nn_words(n_in), n_out, p, k / NN_PAIR), 0, width,
                                   NN_BLOCK_WORDS, NN_BLOCK_WORDS * width, (n_k + NN_BLOCK - 1) / NN_BLOCK};
            const real *from = n_rows > n_in ? panels + nn_panel_at(n_rows, n_out, p, n_in) : NULL;
            if (k > 0) from = y + p * NN_W;
            if (width == NN_W) nn_tiles_sum(1, 2, &o, from, 0, sums);
            else nn_tiles_sum(1, 1, &o, from, 0, sums);
            memcpy(y + p * NN_W, sums, width * sizeof(real));
        }
    }
}

/* --------------------------------------------------------------------------------------------- sums over rows */

/* gradient (n_in, nt tiles) = x' dz over n_rows rows, a group's at most; x and dz are pairs, x transposed */
NN_INLINE void nn_tile_outer(int nt, real *gradient, isize n_in, const real *x, const real *dz, isize n_rows)
{
    _Alignas(NN_ALIGN) real sums[2 * NN_TILE * NN_W];
    const nn_operands o = {x, dz, NN_BLOCK_WORDS, NN_BLOCK, NN_BLOCK_WORDS * NN_BLOCK, NN_BLOCK_WORDS * NN_BLOCK,
                           (n_rows + NN_BLOCK - 1) / NN_BLOCK};
    real *to = n_in % NN_TILE ? sums : gradient; /* behind a gradient there is that of a bias */
    if (n_in > NN_TILE) nn_tiles_sum(2, nt, &o, NULL, 0, to);
    else nn_tiles_sum(1, nt, &o, NULL, 0, to);
    if (to == sums) memcpy(gradient, sums, n_in * nt * NN_TILE * sizeof(real));
}

#endif
