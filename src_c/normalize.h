/* normalize.h -- batch normalisation down the columns of one panel, layer normalisation, and that of root
 * mean squares, along rows of all panels.
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

/* lane i of the result is the sum of lanes i and i + half */
NN_INLINE vec nn_fold(vec a, int half)
{
    ivec beyond;
    for (int i = 0; i < NN_V; i++) beyond[i] = (i + half) % NN_V;
    return a + vshuffle(a, a, beyond);
}

/* totals: NULL of a short row, whose lanes are one chain each */
NN_INLINE real nn_lanes_total(const nn_lanes *sum, const nn_lane_totals *totals)
{
    nn_lanes lanes = *sum;
    if (totals)
        for (int i = 0; i < NN_VIRTUAL_LANES; i++) lanes.part[i / NN_V][i % NN_V] = (real)totals->lane[i];
#pragma GCC unroll 8
    for (int half = NN_LANE_VECTORS / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++) lanes.part[k] += lanes.part[k + half];
    vec total = lanes.part[0];
    if (NN_V > 8) total = nn_fold(total, 8);
    if (NN_V > 4) total = nn_fold(total, 4);
    if (NN_V > 2) total = nn_fold(total, 2);
    return nn_fold(total, 1)[0];
}

/* how many columns one chain in each lane takes */
NN_INLINE isize nn_lanes_chain(isize n_cols)
{
    return NN_VIRTUAL_LANES * nn_chain((n_cols + NN_VIRTUAL_LANES - 1) / NN_VIRTUAL_LANES);
}

/* The statements for every vector of a row, from column `begin` to before column `end`: `at` is where it starts in panels
 * of n_rows rows, `c` its first column, `k` to which lanes of a sum it belongs, `whole` whether no lane of it only fills it
 * up. All that does not depend on the row is a constant, for as many columns at a time as are whole panels and all lanes. */
#define NN_STRETCH (NN_W > NN_VIRTUAL_LANES ? NN_W : NN_VIRTUAL_LANES)
#define NN_EACH_VECTOR _Pragma("GCC unroll 16") for (int v = 0; v < NN_STRETCH / NN_V; v++)
#define NN_VECTOR(is_whole, place) \
    const int whole __attribute__((unused)) = is_whole, k __attribute__((unused)) = v % NN_LANE_VECTORS; \
    const isize c __attribute__((unused)) = stretch + v * NN_V, at = place;
#define NN_ALONG(begin, end, n_cols, n_rows, row, ...) \
    do { \
        isize stretch = begin; \
        for (; stretch + NN_STRETCH <= (end); stretch += NN_STRETCH) NN_EACH_VECTOR { \
            NN_VECTOR(1, (stretch + v * NN_V / NN_W * NN_W) * (n_rows) + (row) * NN_W + v * NN_V % NN_W) \
            __VA_ARGS__ \
        } \
        NN_EACH_VECTOR if (stretch + v * NN_V < (end)) { \
            NN_VECTOR(0, nn_panel_at(n_rows, n_cols, c / NN_W, row) + c % NN_W) \
            __VA_ARGS__ \
        } \
    } while (0)

/* x without the lanes that only fill up the last vector */
NN_INLINE vec nn_within(int whole, vec x, isize c, isize n_cols)
{
    real lane[NN_V];
    if (whole || c + NN_V <= n_cols) return x;
    vstore(lane, x);
    return vload_part(lane, n_cols - c);
}

#define NN_NORM_ROWS 8 /* whose sums wait for each other's; more would leave the first-level cache */

/* the sum of a row of x, which is in panels with room for n_rows rows */
NN_INLINE real nn_row_sum(const real *x, isize n_rows, isize n_cols, isize row)
{
    nn_lanes sum = {{{0}}};
    nn_lane_totals sums; /* of a long row */
    const isize chain = nn_lanes_chain(n_cols);
    if (chain < n_cols) sums = (nn_lane_totals){{0}};
    for (isize begin = 0; begin < n_cols; begin += chain) {
        const isize end = begin + chain < n_cols ? begin + chain : n_cols;
        NN_ALONG(begin, end, n_cols, n_rows, row, sum.part[k] += nn_within(whole, vload(x + at), c, n_cols););
        if (chain < n_cols) nn_lanes_carry(&sums, &sum);
    }
    return nn_lanes_total(&sum, chain < n_cols ? &sums : NULL);
}

/* the sums of its differences from `mean` and of their squares */
NN_INLINE void nn_row_moments(real *off, real *square, const real *x, real mean, isize n_rows, isize n_cols, isize row)
{
    nn_lanes first = {{{0}}}, second = {{{0}}};
    nn_lane_totals firsts, seconds; /* of a long row */
    const isize chain = nn_lanes_chain(n_cols);
    if (chain < n_cols) firsts = seconds = (nn_lane_totals){{0}};
    for (isize begin = 0; begin < n_cols; begin += chain) {
        const isize end = begin + chain < n_cols ? begin + chain : n_cols;
        NN_ALONG(begin, end, n_cols, n_rows, row, {
            vec d = nn_within(whole, vload(x + at) - vset1(mean), c, n_cols);
            first.part[k] += d;
            second.part[k] = vfma(d, d, second.part[k]);
        });
        if (chain < n_cols) nn_lanes_carry(&firsts, &first), nn_lanes_carry(&seconds, &second);
    }
    *off = nn_lanes_total(&first, chain < n_cols ? &firsts : NULL);
    *square = nn_lanes_total(&second, chain < n_cols ? &seconds : NULL);
}

NN_INLINE void nn_row_normalize(real *y, real *xhat, const real *x, const real *w, isize w_rows, real mean, real inverse,
                                isize n_rows, isize n_cols, isize row)
{
    NN_ALONG(0, n_cols, n_cols, n_rows, row, {
        vec hat = nn_within(whole, (vload(x + at) - vset1(mean)) * vset1(inverse), c, n_cols);
        const real *gamma = w + (c - c % NN_W) * w_rows + c % NN_W;
        const real *beta = gamma + (whole ? NN_W : nn_panel_width(n_cols, c / NN_W));
        if (xhat) vstore(xhat + at, hat);
        vstore(y + at, vfma(hat, vload(gamma), vload(beta)));
    });
}

/* rows row .. end - 1: xhat = (x - mean) / sqrt(variance + epsilon), y = xhat * gamma + beta; x, y, xhat: in panels with room
 * for n_rows rows; gamma, beta: in panels of `w_rows` rows, the first and the second. The inverse of the root goes to
 * inverse[NN_V * row]. xhat and inverse may be NULL. If not `centred`, 0 stands for the mean, so that the variance is the mean
 * of the squares. Some rows at a time go through each pass: a row alone would wait for one sum after the other, and for the
 * divider. */
NN_FUNC void nn_layer_norm(real *y, real *xhat, real *inverse, const real *x, const real *w, isize w_rows, real epsilon,
                           int centred, isize n_rows, isize n_cols, isize row, isize end)
{
    real mean[NN_VIRTUAL_LANES] = {0}, off[NN_VIRTUAL_LANES] = {0}, square[NN_VIRTUAL_LANES] = {0}, root[NN_VIRTUAL_LANES];
    const vec n = vset1((real)n_cols);
    for (isize some; row < end; row += some) {
        some = end - row < NN_NORM_ROWS ? end - row : NN_NORM_ROWS;
        for (isize i = 0; i < some && centred; i++) mean[i] = nn_row_sum(x, n_rows, n_cols, row + i) / (real)n_cols;
        for (isize i = 0; i < some; i++) nn_row_moments(off + i, square + i, x, mean[i], n_rows, n_cols, row + i);
        for (isize i = 0; i < some; i += NN_V) {
            vec first = centred ? vload(off + i) : vset1(0), correction = first / n;
            vec variance = (vload(square + i) - first * correction) / n;
            vstore(mean + i, vload(mean + i) + correction);
            vstore(root + i, vset1(1) / vsqrt(vmax(vset1(0), variance) + vset1(epsilon)));
        }
        for (isize i = 0; i < some; i++)
            nn_row_normalize(y, xhat, x, w, w_rows, mean[i], root[i], n_rows, n_cols, row + i);
        if (inverse)
            for (isize i = 0; i < some; i++) inverse[(row + i) * NN_V] = root[i];
    }
}

/* one row back: with dh = dy * gamma, dx = inverse * (dh - mean of dh - xhat * mean of dh * xhat), without the mean of dh
 * if not `centred` */
NN_FUNC void nn_layer_norm_backward(real *dx, const real *dy, const real *xhat, const real *w, isize w_rows, real inverse,
                                    int centred, isize n_rows, isize n_cols, isize row, int more)
{
    nn_lanes sum = {{{0}}}, product = {{{0}}};
    NN_ALONG(0, n_cols, n_cols, n_rows, row, {
        vec dh = vload(dy + at) * vload(w + (c - c % NN_W) * w_rows + c % NN_W);
        sum.part[k] += dh;
        product.part[k] = vfma(dh, vload(xhat + at), product.part[k]);
    });
    const vec a = vset1(centred ? nn_lanes_total(&sum, NULL) / (real)n_cols : 0);
    const vec b = vset1(nn_lanes_total(&product, NULL) / (real)n_cols);
    NN_ALONG(0, n_cols, n_cols, n_rows, row, {
        vec dh = vload(dy + at) * vload(w + (c - c % NN_W) * w_rows + c % NN_W);
        vec d = nn_within(whole, vset1(inverse) * vfnma(vload(xhat + at), b, dh - a), c, n_cols);
        vstore(dx + at, more ? vload(dx + at) + d : d);
    });
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
