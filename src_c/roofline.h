/* roofline.h -- two loops that reach what the machine can: multiply-adds in registers, and an optimizer's traffic.
 *
 * The benchmark times them beside training. No training step can take less than its multiply-adds in the first loop plus
 * its update in the second, so their sum is a floor to measure the engine against.
 */
#ifndef NN_ROOFLINE_H
#define NN_ROOFLINE_H

#include "vec.h"

/* Chains in flight: a multiply-add takes 4 or 5 cycles, and a core starts at most 2 per cycle. With the two factors they
 * fit the 16 registers that every instruction set has. */
#define NN_CHAINS 12

/* n times a multiply-add of NN_CHAINS vectors; returns a sum of them all, so that the compiler must compute them */
NN_FUNC real nn_multiply_add_chains(isize n)
{
    const vec a = vset1((real)0.5), b = vset1(1); /* every chain stays between 0 and 2: no denormals, no overflow */
    vec chain[NN_CHAINS];
#pragma GCC unroll 16
    for (int c = 0; c < NN_CHAINS; c++) chain[c] = vset1((real)c / NN_CHAINS);
    for (isize i = 0; i < n; i++) {
#pragma GCC unroll 16
        for (int c = 0; c < NN_CHAINS; c++) chain[c] = vfma(chain[c], a, b);
    }
    vec sum = chain[0];
#pragma GCC unroll 16
    for (int c = 1; c < NN_CHAINS; c++) sum = sum + chain[c];
    real total = 0;
    for (int i = 0; i < NN_V; i++) total += sum[i];
    return total;
}

/* Read and write p, m and v (n), n a multiple of NN_V: what Adam does to parameters and moments, less the arithmetic.
 * They go round, p to m to v to p, so that every value is both read and written. */
NN_FUNC void nn_state_traffic(real *p, real *m, real *v, isize n)
{
    for (isize i = 0; i < n; i += NN_V) {
        vec from_p = vload(p + i), from_m = vload(m + i), from_v = vload(v + i);
        vstore(m + i, from_p);
        vstore(v + i, from_m);
        vstore(p + i, from_v);
    }
}

#endif
