/* The tuner alone, against machines that are known: prints the time it took over that of the best count, per mille. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tuner.h"

static double uniform(void) { return rand() / (RAND_MAX + 1.0); }

/* seconds of a step: the work, shared, and what each worker but the first costs, times a noise that is at least 1 */
static double step(int count, double work, double cost, double noise)
{
    double seconds = work / count + cost * (count - 1);
    return seconds * (1 + noise * uniform() + (uniform() < 0.002 ? 20 * noise : 0));
}

static double best(int n_most, double work, double cost)
{
    double least = work;
    for (int count = 2; count <= n_most; count++) least = fmin(least, work / count + cost * (count - 1));
    return least;
}

/* usage: tuner n_most guess work cost later_cost steps noise [steps until later] */
int main(int n, char **argument)
{
    const int n_most = atoi(argument[1]), guess = atoi(argument[2]);
    const double work = atof(argument[3]), noise = atof(argument[7]);
    const long steps = n >= 8 ? atol(argument[6]) : 0, until = n == 9 ? atol(argument[8]) : steps / 2;
    double taken = 0, least = 0;
    nn_tuner tuner;
    memset(&tuner, 0, sizeof tuner);
    srand(1);
    for (long i = 0; i < steps; i++) {
        const double cost = atof(argument[i < until ? 4 : 5]), mean = 1 + noise / 2 + 0.04 * noise;
        const int count = nn_tuner_count(&tuner, n_most, guess);
        if (count < 1 || count > n_most) return 1;
        const double seconds = step(count, work, cost, noise);
        nn_tuner_report(&tuner, 64, seconds);
        taken += seconds;
        least += best(n_most, work, cost) * mean;
    }
    printf("%.1f %d\n", 1000 * (taken / least - 1), tuner.settled);
    return 0;
}
