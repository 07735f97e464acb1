/* gradient.h -- the gradient of a weight, tile by tile, and the update of each tile while its gradient is hot.
 *
 * Tile by tile, for the processor runs ahead: while the square roots and divisions of one tile's update wait for each
 * other, the multiply-adds of the next tile have begun.
 */
#ifndef NN_GRADIENT_H
#define NN_GRADIENT_H

#if NN_TILES
#include "tiles.h"
#else
#include "chains.h"
#endif
#include "groups.h"
#include "optimizers.h"
#include "tile.h"

/* gradient = x' dz: a block of one panel of inputs by one panel of outputs; each value a sum over the rows, as groups.h
 * has it. Where the tree does not end with these rows, the levels hold what there is, and not the gradient. */
typedef struct {
    const real *x;  /* (n_rows, x_width): one panel of the layer's input */
    const real *dz; /* (n_rows, width): one panel of the deltas */
    const real *x_pairs, *dz_pairs; /* if NN_BFLOAT16: these columns and rows of both, rounded; then x itself is not read */
    isize n_rows, n_in, n_out, x_width, width; /* n_in <= x_width inputs and n_out <= width outputs */
    real *gradient; /* (n_in, width) */
    nn_tree tree;   /* with levels as large as the gradient */
    int with_bias;     /* there is one more row behind those of the weight: the gradient of the bias */
    nn_update *update; /* NULL: store the gradient, that is all */
    real *new;         /* (n_in, width): where the updated weights go */
    const real *old;   /* (n_in, width): the weights */
    real *scratch;     /* (NN_W, NN_W) */
} nn_outer;

NN_INLINE void nn_outer_tile(int mr, int nv, const nn_outer *p, isize i, isize row, isize n_rows)
{
    vec acc[NN_MR][2];
    real *g = p->gradient + i * nv * NN_V;
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) acc[r][j] = vset1(0);
    nn_accumulate(mr, nv, acc, p->x + row * p->x_width + i, 1, p->x_width, p->dz + row * nv * NN_V, n_rows);
#pragma GCC unroll 16
    for (int r = 0; r < mr; r++)
        for (int j = 0; j < nv; j++) vstore(g + (r * nv + j) * NN_V, acc[r][j]);
}

/* sums (width) of the deltas dz (n_rows, width) down each column: the gradient of the bias */
NN_FUNC void nn_column_sums(real *sums, const nn_tree *tree, const real *dz, isize n_rows, isize width)
{
    NN_EACH_GROUP(n_rows) {
        const int ends = nn_tree_ends(tree, group, n_groups);
        vec a = vset1(0), b = vset1(0);
        if (width == NN_V) {
            for (isize r = row; r < stop; r++) a += vload(dz + r * NN_V);
        } else {
            for (isize r = row; r < stop; r++) {
                a += vload(dz + r * NN_W);
                b += vload(dz + r * NN_W + NN_V);
            }
            vstore(sums + NN_V, b);
        }
        vstore(sums, a);
        if (!nn_tree_is_leaf(tree, group, ends)) nn_tree_add(tree, group, ends, tree->levels, sums, width);
    }
}

/* update n rows of the block from the i-th on, and with the last of them the bias */
NN_INLINE void nn_outer_update(const nn_outer *p, isize i, isize n)
{
    nn_update *u = p->update;
    const isize at = i * p->width, end = at + n * p->width;
    const int bias = p->with_bias && i + n == p->n_in, together = bias && !u->decays;
    if (u->penalizes || u->penalizes_other || u->limits) {
        nn_shape_gradient(u, 1, p->gradient + at, p->old + at, end - at);
        if (bias) nn_shape_gradient(u, 0, p->gradient + end, p->old + end, p->width);
    }
    nn_update_run(u, 1, p->new + at, p->old + at, p->gradient + at, end - at + together * p->width);
    if (bias && !together) nn_update_run(u, 0, p->new + end, p->old + end, p->gradient + end, p->width);
}

/* n inputs from the i-th on have the sums of a group */
NN_INLINE void nn_outer_end(const nn_outer *p, isize i, isize n, isize group, int ends)
{
    const isize at = i * p->width;
    if (!nn_tree_is_leaf(&p->tree, group, ends))
        nn_tree_add(&p->tree, group, ends, p->tree.levels + at, p->gradient + at, n * p->width);
    if (p->update && ends) nn_outer_update(p, i, n);
}

#if NN_TILES

NN_INLINE void nn_outer_group(int nv, const nn_outer *p, isize row, isize n_rows, isize group, int ends)
{
    const isize at = nn_short_pairs_at(0, 0, row);
    nn_tile_outer(nv, p->gradient, p->n_in, p->x_pairs + at, p->dz_pairs + at, n_rows);
    nn_outer_end(p, 0, p->n_in, group, ends);
}

#elif NN_BFLOAT16

/* run after run of rows, so that those stay in the cache */
NN_INLINE void nn_outer_group(int nv, const nn_outer *p, isize row, isize n_rows, isize group, int ends)
{
    const isize n_tiles = (p->n_in + NN_SHORT_MR - 1) / NN_SHORT_MR;
    for (isize done = 0; done < n_rows; done += NN_RUN) {
        const isize n = n_rows - done < NN_RUN ? n_rows - done : NN_RUN, at = nn_short_pairs_at(0, 0, row + done);
        for (isize tile = 0, i = 0, end; tile < n_tiles; tile++, i = end) {
            end = p->n_in * (tile + 1) / n_tiles;
            real *sums = p->gradient + i * nv * NN_V;
#define NN_TILE(mr) case mr: nn_short_outer(mr, nv, sums, p->x_pairs + at + i, p->dz_pairs + at, n, done > 0); break;
            switch (end - i) { NN_SHORT_HEIGHTS(NN_TILE) }
#undef NN_TILE
            if (done + n == n_rows) nn_outer_end(p, i, end - i, group, ends);
        }
    }
}

#else

NN_INLINE void nn_outer_group(int nv, const nn_outer *p, isize row, isize n_rows, isize group, int ends)
{
    for (isize i = 0; i < p->n_in; i += NN_MR) {
        const isize n = p->n_in - i < NN_MR ? p->n_in - i : NN_MR;
#define NN_TILE(mr) case mr: nn_outer_tile(mr, nv, p, i, row, n_rows); break;
        switch (n) { NN_HEIGHTS(NN_TILE) }
#undef NN_TILE
        nn_outer_end(p, i, n, group, ends);
    }
}

#endif

/* Group after group, so that its part of both panels stays in the cache. */
NN_FUNC void nn_outer_plain(const nn_outer *p)
{
    NN_EACH_GROUP(p->n_rows) {
        const int ends = nn_tree_ends(&p->tree, group, n_groups);
        if (p->width == NN_W) nn_outer_group(2, p, row, stop - row, group, ends);
        else nn_outer_group(1, p, row, stop - row, group, ends);
    }
}

/* By way of the gradient's transpose, dz' x, whose vectors run along the inputs: for few outputs, which would leave most
 * lanes of their vectors empty. */
NN_FUNC void nn_outer_transposed(const nn_outer *p)
{
    nn_outer t = *p;
    t.n_in = p->n_out, t.n_out = p->n_in, t.x_width = p->width, t.width = p->x_width;
    t.gradient = p->scratch, t.update = NULL, t.tree.before = 0, t.tree.last = 1;
    NN_EACH_GROUP(p->n_rows) {
        const int ends = nn_tree_ends(&p->tree, group, n_groups);
        t.x = p->dz + row * p->width, t.dz = p->x + row * p->x_width, t.n_rows = stop - row;
        nn_outer_plain(&t);
        nn_transpose_block(p->gradient, p->width, p->scratch, p->x_width, p->n_out, p->n_in);
        if (!nn_tree_is_leaf(&p->tree, group, ends))
            nn_tree_add(&p->tree, group, ends, p->tree.levels, p->gradient, p->n_in * p->width);
        if (p->update && ends) nn_outer_update(p, 0, p->n_in);
    }
}

NN_FUNC void nn_outer_block(const nn_outer *p)
{
    if (p->with_bias) {
        nn_tree tree = p->tree;
        tree.levels += p->n_in * p->width;
        nn_column_sums(p->gradient + p->n_in * p->width, &tree, p->dz, p->n_rows, p->width);
    }
    if (!NN_BFLOAT16 && 2 * p->n_out * p->x_width <= p->n_in * p->width && p->n_rows >= NN_V) nn_outer_transposed(p);
    else nn_outer_plain(p);
}

#endif
