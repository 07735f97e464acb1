/* row_losses.h -- losses that look at whole rows, beyond the two crossentropies of losses.h; and the elementwise ones with
 * a weight for each number, and how targets are read for them.
 *
 * NN_V rows at once, as there: z (n, NN_V) becomes dz = scale * gradient, value (NN_V) = the losses of the rows.
 */
#ifndef NN_ROW_LOSSES_H
#define NN_ROW_LOSSES_H

#include "losses.h"

/* One class of a focal loss: p = softmax(z), wrong = 1 - p without cancellation, log_p = log(p), power = wrong^a, and h,
 * the slope of -wrong^a log(p) in p, times p. */
typedef struct { vec p, wrong, log_p, power, h; } nn_focal;

NN_INLINE nn_focal nn_focal_class(vec z, vec top, vec rest, vec a)
{
    nn_focal f;
    vec d = z - top, e = vexp(d), inverse = vset1(1) / (vset1(1) + rest);
    f.p = e * inverse;
    f.wrong = vselect(veq(d, vset1(0)), rest, vset1(1) + (rest - e)) * inverse;
    f.log_p = d - vlog1p(rest);
    f.power = nn_share_power(f.wrong, a);
    vec steepness = vselect(veq(f.wrong, vset1(0)), vset1(-1), f.log_p / f.wrong); /* whose limit is -1 */
    f.h = f.power * (a * f.p * steepness - vset1(1));
    return f;
}

/* -sum of t (1 - p)^a log(p), p = softmax(z) (Lin et al., 2017), for any masses t */
NN_FUNC void nn_softmax_focal_loss(double parameter, double *value, real *z, const real *t, isize n, const real *scale)
{
    const vec a = vset1((real)parameter), zero = vset1(0);
    nn_total others = {{0}}, slopes = {{0}}, loss = {{0}};
    vec top = vload(z), ties = zero;
    for (isize c = 1; c < n; c++) top = vmax(vload(z + c * NN_V), top);
    for (isize c = 0; c < n; c++) {
        vec x = vload(z + c * NN_V);
        vmask is_top = veq(x, top);
        nn_total_add(&others, vselect(is_top, zero, vexp(x - top)));
        ties += vselect(is_top, vset1(1), zero);
    }
    vec rest = nn_total_vec(&others) + (ties - vset1(1));
    for (isize c = 0; c < n; c++) {
        nn_focal f = nn_focal_class(vload(z + c * NN_V), top, rest, a);
        vec mass = vload(t + c * NN_V);
        nn_total_add(&loss, vselect(veq(mass, zero), zero, -mass * f.power * f.log_p)); /* which may be infinite */
        nn_total_add(&slopes, mass * f.h);
    }
    vec sum = nn_total_vec(&slopes);
    for (isize c = 0; c < n; c++) {
        nn_focal f = nn_focal_class(vload(z + c * NN_V), top, rest, a);
        vec own = vload(t + c * NN_V) * f.h;
        vstore(z + c * NN_V, (own * f.wrong - f.p * (sum - own)) * vload(scale));
    }
    for (int l = 0; l < NN_V; l++) value[l] = loss.lane[l];
}

/* sum of t log(t / softmax(z)): the crossentropy less the entropy of t */
NN_FUNC void nn_kl_loss(double *value, real *z, const real *t, isize n, const real *scale)
{
    nn_total entropy = {{0}};
    nn_softmax_loss(value, z, t, n, scale);
    for (isize c = 0; c < n; c++) {
        vec mass = vload(t + c * NN_V);
        nn_total_add(&entropy, vselect(veq(mass, vset1(0)), vset1(0), mass * vlog(mass)));
    }
    for (int l = 0; l < NN_V; l++) value[l] += entropy.lane[l];
}

/* Of n columns half are means, the others s, and the variance is v = exp(s) + exp(floor): the mean over the n / 2 targets
 * of w (log(v) + (mean - t)^2 / v) / 2. With log(v) = max(s, floor) + log1p(exp(-|s - floor|)) nothing overflows before
 * its time. t, w: (n / 2, NN_V). */
NN_FUNC void nn_gaussian_loss(double floor, double *value, real *z, const real *t, const real *w, isize n,
                              const real *scale)
{
    const isize n_means = n / 2;
    const vec least = vset1((real)floor), half = vset1((real)0.5), zero = vset1(0), scaled = vload(scale);
    dvec sum[NN_V / NN_D] = {{0}};
    for (isize c = 0; c < n_means; c++) {
        real log_v[NN_V], inverses[NN_V], *mean = z + c * NN_V, *s = z + (n_means + c) * NN_V;
        vec above = vload(s) - least, d = vload(mean) - vload(t + c * NN_V);
        vec of_v = vmax(least, vload(s)) + vlog1p_exp(vexp_minus_abs(above)), inverse = vexp(-of_v);
        vec weight = vload(w + c * NN_V), each = scaled * weight / vset1((real)n_means);
        vmask none = veq(weight, zero);
        vstore(log_v, of_v);
        vstore(inverses, inverse);
        for (int l = 0; l < NN_V; l += NN_D) {
            dvec distance = dload(mean + l) - dload(t + c * NN_V + l);
            dvec l_c = dset1(0.5) * (dload(log_v + l) + distance * distance * dload(inverses + l));
            dvec weighs = dload(w + c * NN_V + l);
            sum[l / NN_D] += dselect(weighs == dset1(0), dset1(0), weighs * l_c);
        }
        vstore(mean, vselect(none, zero, d * inverse * each));
        vstore(s, vselect(none, zero, half * (vset1(1) - d * (d * inverse)) * vsigmoid(above) * each));
    }
    for (int l = 0; l < NN_V; l += NN_D) dstore(value + l, sum[l / NN_D] / dset1((double)n_means));
}

/* An elementwise loss with a parameter for each column, parameters (n), and a weight for each number, w (n, NN_V): the sum
 * of w l over n. What weighs nothing adds nothing, whatever it is. */
NN_FUNC void nn_weighted_loss(int loss, const double *parameters, double *value, real *z, const real *t, const real *w,
                              isize n, const real *scale)
{
    double of_column[NN_V];
    real each[NN_V];
    for (int l = 0; l < NN_V; l++) value[l] = 0;
    for (isize c = 0; c < n; c++, z += NN_V, t += NN_V, w += NN_V) {
        vstore(each, vload(scale) * vload(w) / vset1((real)n));
        nn_elementwise_loss(loss, parameters[c], of_column, z, t, 1, each);
        vstore(z, vselect(veq(vload(w), vset1(0)), vset1(0), vload(z)));
        for (int l = 0; l < NN_V; l++) value[l] += w[l] == 0 ? 0 : (double)w[l] * of_column[l];
    }
    for (int l = 0; l < NN_V; l++) value[l] /= (double)n;
}

/* ------------------------------------------------------------------------------------- how targets are read */

/* What lies between the caller's targets and those of a kernel. Each of the n outputs has its parameter, its weight, and
 * what a target of 1 weighs where one of 0 weighs 1; several outputs in a row may have one target. */
typedef struct {
    isize n_targets, n;
    const double *parameters, *weights, *positives; /* (n) each; NULL where targets are read as they are */
    double smoothing;                               /* this share of a target is that of one who knows nothing */
    int missing;                                    /* whether NaN is a target that nobody has measured */
} nn_reading;

/* t (n_targets, NN_V), in the caller's words, becomes (n, NN_V); w (n, NN_V): what each weighs. Of a choice among the n
 * outputs masses are scaled, and nothing is weighed; `shifts`: a crossentropy, where the two weights of a probability
 * make another probability. */
NN_FUNC void nn_read_targets(const nn_reading *r, int choice, int shifts, real *t, real *w)
{
    const vec zero = vset1(0), one = vset1(1);
    const vec keep = vset1((real)(1 - r->smoothing)), blur = vset1((real)(r->smoothing / (choice ? (double)r->n : 2.0)));
    const isize repeats = r->n / r->n_targets;
    for (isize c = r->n; c-- > 0;) { /* from the last on: targets are spread in place */
        vec target = vload(t + c / repeats * NN_V), weight = vset1((real)r->weights[c]);
        if (r->missing) {
            vmask measured = veq(target, target);
            target = vselect(measured, target, zero);
            weight = vselect(measured, weight, zero);
        }
        if (r->smoothing > 0) target = target * keep + blur;
        if (choice) target = target * weight;
        else if (r->positives[c] != 1) {
            vec yes = vset1((real)r->positives[c]) * target, all = yes + (one - target);
            if (shifts) target = yes / all;
            weight = weight * all;
        }
        vstore(t + c * NN_V, target);
        vstore(w + c * NN_V, weight);
    }
}

#endif
