/* normalize.h -- batch normalisation down the columns of one panel, layer normalisation along rows of all panels.
 *
 * Sums run in an order that no instruction set changes: down a column in groups of rows (groups.h); along a row in 16
 * virtual lanes, column c in lane c % 16, added up by a fixed tree; long ones in several chains (longsum.h). Variances are taken in a
 * second pass around the mean of the first, and corrected for that mean's own rounding (Chan, Golub and LeVeque, 1983).
 */
#ifndef NN_NORMALIZE_H
#define NN_NORMALIZE_H

#include "groups.h"
#include "longsum.h"
#include "tile.h"

/* ------------------------------------------------------------------------------------------- batch normalisation */

NN_INLINE void nn_vector_moments(real *mean, real *variance, const real *x, isize n_rows, isize width)
{
    const vec n = vset1((real)n_rows);
    vec sum = vset1(0), first = vset1(0), second = vset1(0);
    nn_pile sums, firsts, seconds;
    nn_pile_begin(&sums), nn_pile_begin(&firsts), nn_pile_begin(&seconds);
    NN_EACH_GROUP(n_rows) {
        sum = vset1(0);
        for (isize r = row; r < stop; r++) sum += vload(x + r * width);
        sum = nn_pile_add(&sums, group, n_groups, sum);
    }
    const vec m = sum / n;
    NN_EACH_GROUP(n_rows) {
        first = second = vset1(0);
        for (isize r = row; r < stop; r++) {
            vec d = vload(x + r * width) - m;
            first += d;
            second = vfma(d, d, second);
        }
        first = nn_pile_add(&firsts, group, n_groups, first);
        second = nn_pile_add(&seconds, group, n_groups, second);
    }
    const vec correction = first / n;
    vstore(mean, m + correction);
    vstore(variance, vmax(vset1(0), vfnma(first, correction, second) / n));
}

/* mean and variance (width) of each column of a panel x (n_rows, width) */
NN_FUNC void nn_column_moments(real *mean, real *variance, const real *x, isize n_rows, isize width)
{
    for (isize j = 0; j < width; j += NN_V) nn_vector_moments(mean + j, variance + j, x + j, n_rows, width);
}

/* inverse (width) = 1 / sqrt(variance + epsilon), scale (width) = gamma * inverse */
NN_FUNC void nn_normalize_scale(real *inverse, real *scale, const real *variance, const real *gamma, real epsilon,
                                isize width)
{
    for (isize j = 0; j < width; j += NN_V) {
        vec a = vset1(1) / vsqrt(vload(variance + j) + vset1(epsilon));
        vstore(inverse + j, a);
        vstore(scale + j, vload(gamma + j) * a);
    }
}

/* y = (x - mean) * scale + beta; x, y: (n_rows, width), one panel; the rest (width) */
NN_FUNC void nn_normalize(real *y, const real *x, const real *mean, const real *scale, const real *beta, isize n_rows,
                          isize width)
{
    for (isize j = 0; j < width; j += NN_V) {
        const vec m = vload(mean + j), s = vload(scale + j), b = vload(beta + j);
        for (isize at = j; at < n_rows * width; at += width) vstore(y + at, vfma(vload(x + at) - m, s, b));
    }
}

/* the same for a column of its own, x (n) */
NN_FUNC void nn_normalize_column(real *x, real mean, real scale, real beta, isize n)
{
    for (isize i = 0; i < n; i += NN_V) vstore(x + i, vfma(vload(x + i) - vset1(mean), vset1(scale), vset1(beta)));
}

/* gradients of gamma and beta (width): the sums of dy * (x - mean) * inverse and of dy down each column */
NN_FUNC void nn_normalize_sums(real *dgamma, real *dbeta, const real *dy, const real *x, const real *mean,
                               const real *inverse, isize n_rows, isize width)
{
    for (isize j = 0; j < width; j += NN_V) {
        const vec m = vload(mean + j), s = vload(inverse + j);
        vec product = vset1(0), sum = vset1(0);
        nn_pile products, sums;
        nn_pile_begin(&products), nn_pile_begin(&sums);
        NN_EACH_GROUP(n_rows) {
            product = sum = vset1(0);
            for (isize at = row * width + j; at < stop * width; at += width) {
                vec d = vload(dy + at);
                sum += d;
                product = vfma(d, (vload(x + at) - m) * s, product);
            }
            product = nn_pile_add(&products, group, n_groups, product);
            sum = nn_pile_add(&sums, group, n_groups, sum);
        }
        vstore(dgamma + j, product);
        vstore(dbeta + j, sum);
    }
}

/* What goes back through a panel: dx = scale * (dy - mean of dy - xhat * mean of dy * xhat), xhat = (x - mean) * inverse;
 * dgamma and dbeta are those means times n. `more`: dx holds the part of others already. */
NN_FUNC void nn_normalize_backward(real *dx, const real *dy, const real *x, const real *mean, const real *inverse,
                                   const real *scale, const real *dgamma, const real *dbeta, isize n, isize n_rows,
                                   isize width, int more)
{
    const vec share = vset1((real)1 / (real)n);
    for (isize j = 0; j < width; j += NN_V) {
        const vec m = vload(mean + j), s = vload(inverse + j), a = vload(scale + j);
        const vec g = vload(dgamma + j) * share, b = vload(dbeta + j) * share;
        for (isize at = j; at < n_rows * width; at += width) {
            vec d = a * vfnma((vload(x + at) - m) * s, g, vload(dy + at) - b);
            vstore(dx + at, more ? vload(dx + at) + d : d);
        }
    }
}

/* running (width) = momentum * old + (1 - momentum) * factor * batch */
NN_FUNC void nn_running_average(real *running, const real *old, const real *batch, real momentum, real factor, isize width)
{
    const vec keep = vset1(momentum), take = vset1((1 - momentum) * factor);
    for (isize j = 0; j < width; j += NN_V) vstore(running + j, vfma(take, vload(batch + j), keep * vload(old + j)));
}

/* ------------------------------------------------------------------------------------------- layer normalisation */

#define NN_VIRTUAL_LANES 16
#define NN_LANE_VECTORS (NN_VIRTUAL_LANES / NN_V)

typedef struct { vec part[NN_LANE_VECTORS]; } nn_lanes; /* the 16 lanes of a sum along a row */

typedef struct { double lane[NN_VIRTUAL_LANES]; } nn_lane_totals; /* of several chains, of a long row */

/* the chains that the lanes have added up go into the totals, and the lanes begin anew */
NN_INLINE void nn_lanes_carry(nn_lane_totals *totals, nn_lanes *sum)
{
    real lane[NN_VIRTUAL_LANES];
    for (int k = 0; k < NN_LANE_VECTORS; k++) vstore(lane + k * NN_V, sum->part[k]);
    for (int i = 0; i < NN_VIRTUAL_LANES; i++) totals->lane[i] += (double)lane[i];
    *sum = (nn_lanes){{{0}}};
}

/* totals: NULL of a short row, whose lanes are one chain each */
NN_INLINE real nn_lanes_total(const nn_lanes *sum, const nn_lane_totals *totals)
{
    real lane[NN_VIRTUAL_LANES];
    for (int k = 0; k < NN_LANE_VECTORS; k++) vstore(lane + k * NN_V, sum->part[k]);
    if (totals)
        for (int i = 0; i < NN_VIRTUAL_LANES; i++) lane[i] = (real)totals->lane[i];
    for (int half = NN_VIRTUAL_LANES / 2; half > 0; half /= 2)
        for (int i = 0; i < half; i++) lane[i] += lane[i + half];
    return lane[0];
}

/* for every vector of a row, from column `begin` on and up to n columns: `at`, where it starts in panels of n_rows rows, and
 * `c`, its first column */
#define NN_ALONG_PART(begin, n, n_cols, n_rows, row) \
    for (isize c = begin, at; c < (begin) + (n) && c < (n_cols) && \
         ((at = nn_panel_at(n_rows, n_cols, c / NN_W, row) + c % NN_W), 1); c += NN_V)
#define NN_ALONG_ROW(n_cols, n_rows, row) NN_ALONG_PART(0, n_cols, n_cols, n_rows, row)
#define NN_PART(c) ((c) / NN_V % NN_LANE_VECTORS) /* which lanes of a sum it belongs to */

/* x without the lanes that only fill up the last vector */
NN_INLINE vec nn_within(vec x, isize c, isize n_cols)
{
    if (c + NN_V <= n_cols) return x;
    for (int i = 0; i < NN_V; i++) x[i] = c + i < n_cols ? x[i] : 0;
    return x;
}

/* one row: xhat = (x - mean) / sqrt(variance + epsilon), y = xhat * gamma + beta; x, y, xhat: in panels with room for
 * n_rows rows; gamma, beta: in panels of `w_rows` rows, the first and the second. xhat may be NULL. Returns the inverse
 * of the root. */
NN_FUNC real nn_layer_norm(real *y, real *xhat, const real *x, const real *w, isize w_rows, real epsilon, isize n_rows,
                           isize n_cols, isize row)
{
    nn_lanes sum = {{{0}}}, first = {{{0}}}, second = {{{0}}};
    nn_lane_totals sums, firsts, seconds; /* of a long row */
    const real n = (real)n_cols;
    const isize chain = NN_VIRTUAL_LANES * nn_chain((n_cols + NN_VIRTUAL_LANES - 1) / NN_VIRTUAL_LANES);
    const int is_long = chain < n_cols;
    if (is_long) sums = firsts = seconds = (nn_lane_totals){{0}};
    for (isize begin = 0; begin < n_cols; begin += chain) {
        NN_ALONG_PART(begin, chain, n_cols, n_rows, row) sum.part[NN_PART(c)] += nn_within(vload(x + at), c, n_cols);
        if (is_long) nn_lanes_carry(&sums, &sum);
    }
    const real m = nn_lanes_total(&sum, is_long ? &sums : NULL) / n;
    for (isize begin = 0; begin < n_cols; begin += chain) {
        NN_ALONG_PART(begin, chain, n_cols, n_rows, row)
        {
            vec d = nn_within(vload(x + at) - vset1(m), c, n_cols);
            first.part[NN_PART(c)] += d;
            second.part[NN_PART(c)] = vfma(d, d, second.part[NN_PART(c)]);
        }
        if (is_long) nn_lanes_carry(&firsts, &first), nn_lanes_carry(&seconds, &second);
    }
    const real off = nn_lanes_total(&first, is_long ? &firsts : NULL), correction = off / n;
    real variance = (nn_lanes_total(&second, is_long ? &seconds : NULL) - off * correction) / n;
    vec inverse = vset1(1) / vsqrt(vset1(variance > 0 ? variance : variance != variance ? variance : 0) + vset1(epsilon));
    NN_ALONG_ROW(n_cols, n_rows, row)
    {
        vec hat = nn_within((vload(x + at) - vset1(m + correction)) * inverse, c, n_cols);
        const real *gamma = w + nn_panel_at(w_rows, n_cols, c / NN_W, 0) + c % NN_W;
        if (xhat) vstore(xhat + at, hat);
        vstore(y + at, vfma(hat, vload(gamma), vload(gamma + nn_panel_width(n_cols, c / NN_W))));
    }
    return inverse[0];
}

/* one row back: with dh = dy * gamma, dx = inverse * (dh - mean of dh - xhat * mean of dh * xhat) */
NN_FUNC void nn_layer_norm_backward(real *dx, const real *dy, const real *xhat, const real *w, isize w_rows, real inverse,
                                    isize n_rows, isize n_cols, isize row, int more)
{
    nn_lanes sum = {{{0}}}, product = {{{0}}};
    NN_ALONG_ROW(n_cols, n_rows, row)
    {
        vec dh = vload(dy + at) * vload(w + nn_panel_at(w_rows, n_cols, c / NN_W, 0) + c % NN_W);
        sum.part[NN_PART(c)] += dh;
        product.part[NN_PART(c)] = vfma(dh, vload(xhat + at), product.part[NN_PART(c)]);
    }
    const vec a = vset1(nn_lanes_total(&sum, NULL) / (real)n_cols), b = vset1(nn_lanes_total(&product, NULL) / (real)n_cols);
    NN_ALONG_ROW(n_cols, n_rows, row)
    {
        vec dh = vload(dy + at) * vload(w + nn_panel_at(w_rows, n_cols, c / NN_W, 0) + c % NN_W);
        vec d = nn_within(vset1(inverse) * vfnma(vload(xhat + at), b, dh - a), c, n_cols);
        vstore(dx + at, more ? vload(dx + at) + d : d);
    }
}

/* gradient of gamma: sums (width) of dy * xhat down each column of a panel, both (n_rows, width) */
NN_FUNC void nn_product_sums(real *sums, const nn_tree *tree, const real *dy, const real *xhat, isize n_rows, isize width)
{
    NN_EACH_GROUP(n_rows) {
        const int ends = nn_tree_ends(tree, group, n_groups);
        for (isize j = 0; j < width; j += NN_V) {
            vec sum = vset1(0);
            for (isize at = row * width + j; at < stop * width; at += width)
                sum = vfma(vload(dy + at), vload(xhat + at), sum);
            vstore(sums + j, sum);
        }
        if (!nn_tree_is_leaf(tree, group, ends)) nn_tree_add(tree, group, ends, tree->levels, sums, width);
    }
}

#endif
