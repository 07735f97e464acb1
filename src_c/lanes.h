/* lanes.h -- small networks of one shape at once, a network in each lane of a vector.
 *
 * Small layers leave lanes of a vector empty, and their loops are over before they have begun. So all that is one number
 * of a network is a vector here, matrices are (rows, columns, NN_V), and no width and no number of rows leaves a lane
 * empty. Activations, softmax, losses and updates work on vectors without knowing what a lane is: they are those of all
 * networks. Only products differ: both of their factors are vectors, none is broadcast.
 *
 * Every output of a lane is the chain of fused multiply-adds that tile.h makes of its network alone, in the same order.
 */
#ifndef NN_LANES_H
#define NN_LANES_H

#include "groups.h"
#include "optimizers.h"
#include "tile.h"

/* y (n_rows, n_cols) = a (n_rows, n_k) times b (n_k, n_cols). Steps and strides are in vectors: the same loop serves the
 * way forward (b the weight), back (b its transpose) and a gradient (a the transposed input). */
typedef struct {
    const real *a, *b;
    isize a_row, a_k, b_k, b_col; /* from one row, or k, or column to the next */
    isize n_rows, n_k, n_cols;
    real *y;          /* (n_rows, n_cols), in C order */
    const real *bias; /* (n_cols), what the chains begin with, or NULL for zero */
    int goes_on;      /* the chains begin with y: they are those of earlier rows */
    int more;         /* y += the product, whose chains begin with zero */
    int relu;         /* y = max(0, bias + product) */
} nn_lanes_product;

/* rows row .. row + nr - 1 by columns col .. col + nc - 1; nr and nc are constants after inlining */
NN_INLINE void nn_lanes_tile(int nr, int nc, const nn_lanes_product *p, isize row, isize col)
{
    vec acc[8][4];
    const isize a_row = p->a_row * NN_V, a_k = p->a_k * NN_V, b_k = p->b_k * NN_V, b_col = p->b_col * NN_V;
    const real *a = p->a + row * a_row, *b = p->b + col * b_col;
    real *y = p->y + (row * p->n_cols + col) * NN_V;
    const isize y_row = p->n_cols * NN_V;
#pragma GCC unroll 8
    for (int r = 0; r < nr; r++)
#pragma GCC unroll 4
        for (int c = 0; c < nc; c++)
            acc[r][c] = p->goes_on ? vload(y + r * y_row + c * NN_V)
                        : p->bias  ? vload(p->bias + (col + c) * NN_V)
                                   : vset1(0);
    for (isize k = 0; k < p->n_k; k++, a += a_k, b += b_k) {
        vec factor[4];
#pragma GCC unroll 4
        for (int c = 0; c < nc; c++) factor[c] = vload(b + c * b_col);
#pragma GCC unroll 8
        for (int r = 0; r < nr; r++) {
            const vec x = vload(a + r * a_row);
#pragma GCC unroll 4
            for (int c = 0; c < nc; c++) acc[r][c] = vfma(x, factor[c], acc[r][c]);
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < nr; r++)
#pragma GCC unroll 4
        for (int c = 0; c < nc; c++) {
            vec sum = acc[r][c];
            if (p->more) sum += vload(y + r * y_row + c * NN_V);
            if (p->relu) sum = vmax(vset1(0), sum);
            vstore(y + r * y_row + c * NN_V, sum);
        }
}

#define NN_LANES_COLS (NN_MR >= 12 ? 4 : 2) /* accumulators, factors and one vector of a: what the registers hold */

/* `nc` columns, all rows */
NN_INLINE void nn_lanes_columns(int nc, const nn_lanes_product *p, isize col)
{
    isize row = 0;
    if (nc <= NN_LANES_COLS / 2)
        for (; p->n_rows - row >= 8; row += 8) nn_lanes_tile(8, nc, p, row, col);
    for (; p->n_rows - row >= 4; row += 4) nn_lanes_tile(4, nc, p, row, col);
    switch (p->n_rows - row) {
    case 3: nn_lanes_tile(3, nc, p, row, col); break;
    case 2: nn_lanes_tile(2, nc, p, row, col); break;
    case 1: nn_lanes_tile(1, nc, p, row, col); break;
    }
}

NN_FUNC void nn_lanes_multiply(const nn_lanes_product *p)
{
    isize col = 0;
    for (; p->n_cols - col >= NN_LANES_COLS; col += NN_LANES_COLS) nn_lanes_columns(NN_LANES_COLS, p, col);
    const isize left = p->n_cols - col;
    if (NN_LANES_COLS > 3 && left == 3) nn_lanes_columns(3, p, col);
    if (NN_LANES_COLS > 2 && left == 2) nn_lanes_columns(2, p, col);
    if (left == 1) nn_lanes_columns(1, p, col);
}

/* sums (n) += x (n_rows, n), row by row; or if they do not go on, what such chains from zero give */
NN_FUNC void nn_lanes_sums(real *sums, const real *x, isize n_rows, isize n, int goes_on)
{
    for (isize c = 0; c < n * NN_V; c += NN_V) {
        vec sum = goes_on ? vload(sums + c) : vset1(0);
        for (isize r = 0; r < n_rows; r++) sum += vload(x + r * n * NN_V + c);
        vstore(sums + c, sum);
    }
}

/* ----------------------------------------------------------------------------------------------------- updates */

/* as nn_update_begin, where each lane has its own constants (NN_V) */
#define NN_LANES_OF(name)                                 \
    for (int l = 0; l < NN_V; l++) lanes[l] = h[l].name;  \
    u->h.name = vload(lanes);
NN_FUNC void nn_update_begin_lanes(nn_update *u, int rule, const nn_hyper *h, isize stride)
{
    real lanes[NN_V];
    nn_update_begin(u, rule, h, stride);
    NN_LANES_OF(step) NN_LANES_OF(step_g) NN_LANES_OF(beta1) NN_LANES_OF(one_minus_beta1)
    NN_LANES_OF(beta2) NN_LANES_OF(one_minus_beta2) NN_LANES_OF(root_scale) NN_LANES_OF(epsilon)
}
#undef NN_LANES_OF

/* as nn_update_shape, where each lane has its own shape (NN_V); no norm is bounded */
NN_FUNC void nn_update_lane_shapes(nn_update *u, const nn_shape *shape)
{
    real l1[NN_V], two_l2[NN_V], limit[NN_V], keep[NN_V], keep_other[NN_V];
    u->penalizes = u->penalizes_other = u->limits = u->scales = u->decays = 0, u->scale = 1;
    for (int l = 0; l < NN_V; l++, shape++) {
        l1[l] = shape->l1, two_l2[l] = shape->two_l2, keep[l] = shape->keep, keep_other[l] = shape->keep_other;
        limit[l] = shape->limit != 0 ? shape->limit : (real)__builtin_inf();
        u->penalizes |= shape->l1 != 0 || shape->two_l2 != 0;
        u->limits |= shape->limit != 0;
        u->decays |= shape->keep != 1 || shape->keep_other != 1;
    }
    u->l1 = vload(l1), u->two_l2 = vload(two_l2), u->limit = vload(limit);
    u->keep = vload(keep), u->keep_other = vload(keep_other);
}

/* of each lane: whether all of its new weights were finite, and how many values the limit has changed (NN_V) */
NN_FUNC void nn_update_lanes(const nn_update *u, int *finite, isize *limited)
{
    for (int l = 0; l < NN_V; l++) finite[l] = u->not_finite[l] == 0, limited[l] = u->n_limited[l];
}

/* ------------------------------------------------------------------------------------------------------- states */

/* x (n) into, or out of, one lane of n vectors */
NN_FUNC void nn_lanes_put(real *lanes, int lane, const real *x, isize n)
{
    for (isize i = 0; i < n; i++) lanes[i * NN_V + lane] = x[i];
}

NN_FUNC void nn_lanes_take(real *x, const real *lanes, int lane, isize n)
{
    for (isize i = 0; i < n; i++) x[i] = lanes[i * NN_V + lane];
}

#endif
