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
    isize n_rows, n_in, n_out, x_width, width; /* n_in <= x_width inputs and n_out <= width outputs */
    real *gradient; /* (n_in, width); continued from its value if `resume`, else from zero */
    int resume;
    int with_bias;     /* there is one more row behind those of the weight: the gradient of the bias */
    nn_update *update; /* NULL: store the gradient, that is all */
    real *new;         /* (n_in, width): where the updated weights go */
    const real *old;   /* (n_in, width): the weights */
    real *scratch;     /* (NN_W, NN_W) */
} nn_outer;

NN_INLINE void nn_outer_tile(int mr, int nv, const nn_outer *p, isize i)
{
    vec acc[NN_MR][2];
    real *g = p->gradient + i * nv * NN_V;
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) acc[r][j] = p->resume ? vload(g + (r * nv + j) * NN_V) : vset1(0);
    nn_accumulate(mr, nv, acc, p->x + i, 1, p->x_width, p->dz, p->n_rows);
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

/* update n rows of the block from the i-th on, and with the last of them the bias */
NN_INLINE void nn_outer_update(const nn_outer *p, isize i, isize n)
{
    nn_update *u = p->update;
    const isize at = i * p->width, end = at + n * p->width;
    const int bias = p->with_bias && i + n == p->n_in, together = bias && !u->decays;
    if (u->penalizes || u->limits) {
        nn_shape_gradient(u, 1, p->gradient + at, p->old + at, end - at);
        if (bias) nn_shape_gradient(u, 0, p->gradient + end, p->old + end, p->width);
    }
    nn_update_run(u, 1, p->new + at, p->old + at, p->gradient + at, end - at + together * p->width);
    if (bias && !together) nn_update_run(u, 0, p->new + end, p->old + end, p->gradient + end, p->width);
}

NN_INLINE void nn_outer_rows(int nv, const nn_outer *p)
{
    for (isize i = 0; i < p->n_in; i += NN_MR) {
        isize n = p->n_in - i < NN_MR ? p->n_in - i : NN_MR;
#define NN_TILE(mr) case mr: nn_outer_tile(mr, nv, p, i); break;
        switch (n) { NN_HEIGHTS(NN_TILE) }
#undef NN_TILE
        if (p->update) nn_outer_update(p, i, n);
    }
}

NN_FUNC void nn_outer_plain(const nn_outer *p)
{
    if (p->width == NN_W) nn_outer_rows(2, p);
    else nn_outer_rows(1, p);
}

/* By way of the gradient's transpose, dz' x, whose vectors run along the inputs: for few outputs, which would leave most
 * lanes of their vectors empty. */
NN_FUNC void nn_outer_transposed(const nn_outer *p)
{
    nn_outer t = *p;
    t.x = p->dz, t.dz = p->x, t.n_in = p->n_out, t.n_out = p->n_in, t.x_width = p->width, t.width = p->x_width;
    t.gradient = p->scratch, t.update = NULL;
    if (p->resume) nn_transpose_block(p->scratch, p->x_width, p->gradient, p->width, p->n_in, p->n_out);
    nn_outer_plain(&t);
    nn_transpose_block(p->gradient, p->width, p->scratch, p->x_width, p->n_out, p->n_in);
    if (p->update) nn_outer_update(p, 0, p->n_in);
}

NN_FUNC void nn_outer_block(const nn_outer *p)
{
    if (p->with_bias) nn_column_sums(p->gradient + p->n_in * p->width, p->dz, p->n_rows, p->width, p->resume);
    if (2 * p->n_out * p->x_width <= p->n_in * p->width && p->n_rows >= NN_V) nn_outer_transposed(p);
    else nn_outer_plain(p);
}

#endif
