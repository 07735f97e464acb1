/* gradient.h -- the gradient of a weight, tile by tile, and the update of each tile while its gradient is hot.
 *
 * Tile by tile, for the processor runs ahead: while the square roots and divisions of one tile's update wait for each
 * other, the multiply-adds of the next tile have begun.
 */
#ifndef NN_GRADIENT_H
#define NN_GRADIENT_H

#include "optimizers.h"
#include "tile.h"

/* gradient = x' dz: a block of one panel of inputs by one panel of outputs */
typedef struct {
    const real *x;  /* (n_rows, x_width): one panel of the layer's input */
    const real *dz; /* (n_rows, width): one panel of the deltas */
    isize n_rows;
    real *gradient; /* (n_in of the block, width); continued from its value if `resume`, else from zero */
    int resume;
    int with_bias;     /* there is one more row behind those of the weight: the gradient of the bias */
    nn_update *update; /* NULL: store the gradient, that is all */
    real *new;         /* (n_in of the block, width): where the updated weights go */
    const real *old;   /* (n_in of the block, width): the weights */
} nn_outer;

NN_INLINE void nn_outer_tile(int mr, int nv, isize x_width, const nn_outer *p, isize i)
{
    vec acc[NN_MR][2];
    real *g = p->gradient + i * nv * NN_V;
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) acc[r][j] = p->resume ? vload(g + (r * nv + j) * NN_V) : vset1(0);
    nn_accumulate(mr, nv, acc, p->x + i, 1, x_width, p->dz, p->n_rows);
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) vstore(g + (r * nv + j) * NN_V, acc[r][j]);
}

/* sum of the deltas over the rows, down each column: the gradient of the bias */
NN_FUNC void nn_column_sums(real *sums, const real *dz, isize n_rows, isize width, int resume)
{
    vec a = resume ? vload(sums) : vset1(0);
    if (width == NN_V) {
        for (isize r = 0; r < n_rows; r++) a += vload(dz + r * NN_V);
    } else {
        vec b = resume ? vload(sums + NN_V) : vset1(0);
        for (isize r = 0; r < n_rows; r++, dz += NN_W) {
            a += vload(dz);
            b += vload(dz + NN_V);
        }
        vstore(sums + NN_V, b);
    }
    vstore(sums, a);
}

/* update `n` rows of the block from the i-th on, and the bias behind them if `bias` */
NN_INLINE void nn_outer_update(int nv, const nn_outer *p, isize i, isize n, int bias)
{
    const isize at = i * nv * NN_V, end = at + n * nv * NN_V;
    const int together = bias && p->update->decays == 0;
    nn_update_run(p->update, 1, p->new + at, p->old + at, p->gradient + at, end - at + together * nv * NN_V);
    if (bias && !together) nn_update_run(p->update, 0, p->new + end, p->old + end, p->gradient + end, nv * NN_V);
}

NN_INLINE void nn_outer_rows(int nv, isize x_width, const nn_outer *p, isize n_in)
{
    if (p->with_bias) nn_column_sums(p->gradient + n_in * nv * NN_V, p->dz, p->n_rows, nv * NN_V, p->resume);
    for (isize i = 0; i < n_in; i += NN_MR) {
        isize n = n_in - i < NN_MR ? n_in - i : NN_MR;
#define NN_TILE(mr) case mr: nn_outer_tile(mr, nv, x_width, p, i); break;
        switch (n) { NN_HEIGHTS(NN_TILE) }
#undef NN_TILE
        if (p->update) nn_outer_update(nv, p, i, n, p->with_bias && i + n == n_in);
    }
}

NN_FUNC void nn_outer_block(const nn_outer *p, isize x_width, isize width, isize n_in)
{
    if (width == NN_W) nn_outer_rows(2, x_width, p, n_in);
    else nn_outer_rows(1, x_width, p, n_in);
}

#endif
