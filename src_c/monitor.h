/* monitor.h -- figures of plain vectors, for the records of training: in float64, and in an order that depends on nothing
 * but their length, so that every machine records the same bits.
 */
#ifndef NN_MONITOR_H
#define NN_MONITOR_H

#include <math.h>

#include "nncore.h"

#define NN_SUM_LANES 16

typedef struct {
    double mean, deviation, least, largest;
} nn_figures;

NN_INLINE double nn_lane_sum(const double lane[NN_SUM_LANES])
{
    double sum[NN_SUM_LANES];
    for (int l = 0; l < NN_SUM_LANES; l++) sum[l] = lane[l];
    for (int half = NN_SUM_LANES / 2; half > 0; half /= 2)
        for (int l = 0; l < half; l++) sum[l] += sum[l + half];
    return sum[0];
}

/* sums of x and of its squares, in lanes that go on from one call to the next */
typedef struct {
    double sum[NN_SUM_LANES], squares[NN_SUM_LANES], n;
} nn_sums;

NN_FUNC void nn_sums_add(nn_sums *s, const real *x, isize n)
{
    nn_sums t = *s; /* a copy, which no store can change: the compiler keeps it in registers */
    isize i = 0;
    for (; i + NN_SUM_LANES <= n; i += NN_SUM_LANES)
        for (int l = 0; l < NN_SUM_LANES; l++) {
            double a = x[i + l];
            t.sum[l] += a;
            t.squares[l] += a * a;
        }
    for (int l = 0; i + l < n; l++) {
        double a = x[i + l];
        t.sum[l] += a;
        t.squares[l] += a * a;
    }
    t.n += (double)n;
    *s = t;
}

/* mean and deviation from the sums; deviations far below the mean's rounding come out as 0 */
NN_FUNC void nn_sums_figures(const nn_sums *s, nn_figures *f)
{
    f->mean = nn_lane_sum(s->sum) / s->n;
    double variance = nn_lane_sum(s->squares) / s->n - f->mean * f->mean;
    f->deviation = variance > 0 ? sqrt(variance) : 0;
}

NN_FUNC double nn_norm(const real *x, isize n)
{
    nn_sums s = {{0}, {0}, 0};
    nn_sums_add(&s, x, n);
    return sqrt(nn_lane_sum(s.squares));
}

NN_FUNC void nn_vector_figures(const real *x, isize n, nn_figures *f)
{
    nn_sums s = {{0}, {0}, 0};
    real least[NN_SUM_LANES], largest[NN_SUM_LANES];
    nn_sums_add(&s, x, n);
    nn_sums_figures(&s, f);
    for (int l = 0; l < NN_SUM_LANES; l++) least[l] = largest[l] = x[l < n ? l : 0];
    for (isize i = 0; i + NN_SUM_LANES <= n; i += NN_SUM_LANES)
        for (int l = 0; l < NN_SUM_LANES; l++) {
            least[l] = x[i + l] < least[l] ? x[i + l] : least[l];
            largest[l] = x[i + l] > largest[l] ? x[i + l] : largest[l];
        }
    for (isize i = n - n % NN_SUM_LANES; i < n; i++) {
        least[0] = x[i] < least[0] ? x[i] : least[0];
        largest[0] = x[i] > largest[0] ? x[i] : largest[0];
    }
    for (int l = 1; l < NN_SUM_LANES; l++) {
        least[0] = least[l] < least[0] ? least[l] : least[0];
        largest[0] = largest[l] > largest[0] ? largest[l] : largest[0];
    }
    f->least = least[0];
    f->largest = largest[0];
}

/* Euclidean distance of a and b (n) */
NN_FUNC double nn_distance(const real *a, const real *b, isize n)
{
    double lane[NN_SUM_LANES] = {0};
    isize i = 0;
    for (; i + NN_SUM_LANES <= n; i += NN_SUM_LANES)
        for (int l = 0; l < NN_SUM_LANES; l++) {
            double d = (double)a[i + l] - (double)b[i + l];
            lane[l] += d * d;
        }
    for (int l = 0; i + l < n; l++) {
        double d = (double)a[i + l] - (double)b[i + l];
        lane[l] += d * d;
    }
    return sqrt(nn_lane_sum(lane));
}

/* of x (n), one after the other. A function of its own: what is computed here stays between nn_fp_begin and nn_fp_end. */
__attribute__((noinline)) NN_FUNC double nn_mean(const double *x, isize n)
{
    double total = 0;
    for (isize i = 0; i < n; i++) total += x[i];
    return total / (double)n;
}

/* bins (n_bins) = how many of up to `most` evenly spaced values of x (n) lie in each of equal bins from least to largest */
NN_FUNC void nn_histogram(double *bins, int n_bins, const real *x, isize n, isize most, double least, double largest)
{
    const double width = (largest - least) / n_bins;
    const isize step = n <= most ? 1 : (n + most - 1) / most;
    for (int b = 0; b < n_bins; b++) bins[b] = 0;
    for (isize i = 0; i < n; i += step) {
        double place = width > 0 ? ((double)x[i] - least) / width : 0;
        int b = place >= 0 ? (place < n_bins ? (int)place : n_bins - 1) : 0; /* NaN goes to the first */
        bins[b] += 1;
    }
}

#endif
