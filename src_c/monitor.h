/* monitor.h -- figures of plain vectors, for the records of training: in float64, and in an order that depends on nothing
 * but their length, so that every machine records the same bits.
 */
#ifndef NN_MONITOR_H
#define NN_MONITOR_H

#include <math.h>

#include "nncore.h"

#define NN_SUM_LANES 16

typedef struct {
    double n, mean, deviation, least, largest, norm;
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
    isize i = 0;
    for (; i + NN_SUM_LANES <= n; i += NN_SUM_LANES)
        for (int l = 0; l < NN_SUM_LANES; l++) {
            double a = x[i + l];
            s->sum[l] += a;
            s->squares[l] += a * a;
        }
    for (int l = 0; i + l < n; l++) {
        double a = x[i + l];
        s->sum[l] += a;
        s->squares[l] += a * a;
    }
    s->n += (double)n;
}

/* mean and deviation from the sums; deviations far below the mean's rounding come out as 0 */
NN_FUNC void nn_sums_figures(const nn_sums *s, nn_figures *f)
{
    double squares = nn_lane_sum(s->squares);
    f->n = s->n;
    f->mean = nn_lane_sum(s->sum) / s->n;
    f->norm = sqrt(squares);
    double variance = squares / s->n - f->mean * f->mean;
    f->deviation = variance > 0 ? sqrt(variance) : 0;
}

NN_FUNC void nn_vector_figures(const real *x, isize n, nn_figures *f)
{
    nn_sums s = {{0}, {0}, 0};
    real least = x[0], largest = x[0];
    nn_sums_add(&s, x, n);
    nn_sums_figures(&s, f);
    for (isize i = 1; i < n; i++) {
        least = x[i] < least ? x[i] : least;
        largest = x[i] > largest ? x[i] : largest;
    }
    f->least = least;
    f->largest = largest;
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
