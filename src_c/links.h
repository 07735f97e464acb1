/* links.h -- what turns raw predictions into predictions, beyond the activations: links that look at several outputs.
 *
 * Their codes follow those of the activations. Each is there for NN_V rows at once, x (n, NN_V) in columns, and for a
 * single row x (n); the steps are the same.
 */
#ifndef NN_LINKS_H
#define NN_LINKS_H

#include "activations.h"

enum { NN_sorted = NN_N_ACTIVATIONS, NN_mean_and_variance, NN_N_LINKS };

static const char *const NN_OTHER_LINKS[] __attribute__((unused)) = {"sorted", "mean_and_variance"};

/* in each `group` of outputs in a row the smaller comes first; a NaN stays where it is */
NN_INLINE void nn_sort_columns(real *x, isize n, isize group)
{
    for (isize first = 0; first < n; first += group)
        for (isize last = first + 1; last < first + group; last++)
            for (isize c = last; c > first; c--) {
                real *low = x + (c - 1) * NN_V, *high = x + c * NN_V;
                vec a = vload(low), b = vload(high);
                vmask swap = vlt(b, a);
                vstore(low, vselect(swap, b, a));
                vstore(high, vselect(swap, a, b));
            }
}
NN_INLINE void nn_sort_row(real *x, isize n, isize group)
{
    for (isize first = 0; first < n; first += group)
        for (isize last = first + 1; last < first + group; last++)
            for (isize c = last; c > first; c--) {
                real a = x[c - 1], b = x[c];
                if (b < a) x[c - 1] = b, x[c] = a;
            }
}

/* The second half of the outputs are s: variances are exp(s) + exp(floor). */
NN_FUNC void nn_link_columns(int link, isize group, double floor, real *x, isize n)
{
    if (link == NN_sorted) {
        nn_sort_columns(x, n, group);
        return;
    }
    const vec least = vexp(vset1((real)floor));
    for (isize c = n / 2; c < n; c++) vstore(x + c * NN_V, vexp(vload(x + c * NN_V)) + least);
}
NN_FUNC void nn_single_link(int link, isize group, double floor, real *x, isize n)
{
    if (link == NN_sorted) {
        nn_sort_row(x, n, group);
        return;
    }
    const vec least = vexp(vset1((real)floor));
    for (isize c = n / 2; c < n; c++) {
        vec variance = vexp(vset1(x[c])) + least;
        x[c] = variance[0];
    }
}

#endif
