/* lookup.h -- rows of a program that compute nothing: columns moved from block to block; whole numbers that become ones
 * among zeros, or rows of a table.
 */
#ifndef NN_LOOKUP_H
#define NN_LOOKUP_H

#include <string.h>

#include "elementwise.h"
#include "gradient.h"

/* In rows row .. end - 1 of panels with room for `room` rows: columns y_at .. y_at + n - 1 of y (y_cols wide) = those of x
 * (x_cols wide) from x_at on, or if `more` += them. What fills the last panel of y becomes zero with its last column. */
NN_FUNC void nn_move_columns(real *y, isize y_cols, isize y_at, const real *x, isize x_cols, isize x_at, isize n,
                             isize room, isize row, isize end, int more)
{
    const isize filling = more || y_at + n < y_cols ? 0 : nn_padded(y_cols) - y_cols;
    isize some;
    for (; n > 0; n -= some, y_at += some, x_at += some) {
        const isize y_width = nn_panel_width(y_cols, y_at / NN_W), x_width = nn_panel_width(x_cols, x_at / NN_W);
        real *to = y + nn_panel_at(room, y_cols, y_at / NN_W, row) + y_at % NN_W;
        const real *from = x + nn_panel_at(room, x_cols, x_at / NN_W, row) + x_at % NN_W;
        some = NN_W - (y_at % NN_W > x_at % NN_W ? y_at % NN_W : x_at % NN_W);
        some = n < some ? n : some;
        if (some == NN_W && more) nn_add(to, to, from, (end - row) * NN_W);
        else if (some == NN_W) memcpy(to, from, (size_t)((end - row) * NN_W) * sizeof(real));
        else
            for (isize i = row; i < end; i++, to += y_width, from += x_width)
                for (isize c = 0; c < some; c++) to[c] = more ? to[c] + from[c] : from[c];
    }
    if (filling > 0) {
        const isize width = nn_panel_width(y_cols, (y_cols - 1) / NN_W);
        real *to = y + nn_panel_at(room, y_cols, (y_cols - 1) / NN_W, row) + width - filling;
        for (isize i = row; i < end; i++, to += width)
            for (isize c = 0; c < filling; c++) to[c] = 0;
    }
}

/* rows row .. end - 1 of a block become zero */
NN_FUNC void nn_clear(real *y, isize n_cols, isize room, isize row, isize end)
{
    for (isize p = 0; p < nn_panel_count(n_cols); p++)
        memset(y + nn_panel_at(room, n_cols, p, row), 0,
               (size_t)((end - row) * nn_panel_width(n_cols, p)) * sizeof(real));
}

/* The whole number that x is, if it is one of first .. first + n - 1, counted from `first`; else -1. */
NN_INLINE isize nn_token(real x, isize first, isize n)
{
    const isize whole = x >= (real)first && x < (real)(first + n) ? (isize)x : -1;
    return whole >= 0 && (real)whole == x ? whole - first : -1;
}

/* whether all n values, `step` apart, are whole numbers from 0, below n_tokens */
NN_FUNC int nn_are_tokens(const real *x, isize n, isize step, isize n_tokens)
{
    for (isize i = 0; i < n; i++)
        if (nn_token(x[i * step], 0, n_tokens) < 0) return 0;
    return 1;
}

/* y (n_in * n_tokens wide): a one for each whole number of x (n_in wide), all else zeros */
NN_FUNC void nn_one_hot(real *y, const real *x, isize n_in, isize n_tokens, isize room, isize row, isize end)
{
    nn_clear(y, n_in * n_tokens, room, row, end);
    for (isize c = 0; c < n_in; c++) {
        const isize step = nn_panel_width(n_in, c / NN_W);
        const real *from = x + nn_panel_at(room, n_in, c / NN_W, 0) + c % NN_W;
        for (isize i = row; i < end; i++) {
            const isize token = nn_token(from[i * step], 0, n_tokens), at = c * n_tokens + token;
            if (token >= 0) y[nn_panel_at(room, n_in * n_tokens, at / NN_W, i) + at % NN_W] = 1;
        }
    }
}

/* y (n_out wide) = for each row of x, one column, the row of table (n_tokens, n_out) that it names, or zeros; plus zero, as
 * a product with ones among zeros has it: then a minus is lost that stands before a zero. The table lies in panels, or, if
 * `flat`, in C order. kept: where x goes, one behind the other; or NULL. */
NN_FUNC void nn_look_up(real *y, real *kept, const real *x, const real *table, int flat, isize n_tokens, isize n_out,
                        isize room, isize row, isize end)
{
    for (isize i = row; i < end; i++) {
        if (kept) kept[i] = x[i * NN_V];
        const isize token = nn_token(x[i * NN_V], 0, n_tokens);
        for (isize c = 0; c < nn_padded(n_out); c += NN_V) {
            const isize p = c / NN_W, lane = c % NN_W;
            vec value = vset1(0);
            if (token >= 0 && !flat) value += vload(table + nn_panel_at(n_tokens, n_out, p, token) + lane);
            else if (token >= 0) value += n_out - c < NN_V ? vload_part(table + token * n_out + c, n_out - c)
                                                           : vload(table + token * n_out + c);
            vstore(y + nn_panel_at(room, n_out, p, i) + lane, value);
        }
    }
}

/* As nn_outer_block of ones among zeros, in its bits: the numbers x (n_rows), with room for a vector more, say to which row
 * of the gradient, counted from `first`, the deltas are added. Most vectors of them name none of its rows. */
NN_FUNC void nn_look_up_gradient(const nn_outer *p, isize first)
{
    NN_EACH_GROUP(p->n_rows) {
        memset(p->gradient, 0, (size_t)(p->n_in * p->width) * sizeof(real));
        for (isize i = row; i < stop; i += NN_V) {
            const vec off = vload(p->x + i) - vset1((real)first);
            if (vall(vle(vset1((real)p->n_in), vmax(off, vset1(0) - off)))) continue;
            for (isize k = i; k < stop && k < i + NN_V; k++) {
                const isize token = nn_token(p->x[k], first, p->n_in);
                real *g = p->gradient + token * p->width;
                if (token >= 0) nn_add(g, g, p->dz + k * p->width, p->width);
            }
        }
        nn_outer_end(p, 0, p->n_in, group, nn_tree_ends(&p->tree, group, n_groups));
    }
}

#endif
