/* longsum.h -- sums along a row of more terms than one chain of additions can take; those over rows: groups.h.
 *
 * A chain rounds once per term, to a last place that grows with the sum: of a million exponentials it loses a thousandth. A sum of more than NN_LONG terms is therefore cut into chains of NN_CHAIN, whose
 * sums add up in double. Shorter sums are one chain. Which of both it is depends on the number of terms alone, so that no
 * instruction set and no number of threads can change a bit.
 */
#ifndef NN_LONGSUM_H
#define NN_LONGSUM_H

#include "vec.h"

#define NN_LONG 4096
#define NN_CHAIN 512

typedef struct { double lane[NN_V]; } nn_total; /* of chains that run in the lanes of a vector */

/* how many of n terms a chain takes */
NN_INLINE isize nn_chain(isize n) { return n > NN_LONG ? NN_CHAIN : n; }

NN_INLINE void nn_total_add(nn_total *total, vec chain)
{
    real sum[NN_V];
    vstore(sum, chain);
    for (int l = 0; l < NN_V; l++) total->lane[l] += (double)sum[l];
}

/* exactly the chain, where there was but one */
NN_INLINE vec nn_total_vec(const nn_total *total)
{
    real sum[NN_V];
    for (int l = 0; l < NN_V; l++) sum[l] = (real)total->lane[l];
    return vload(sum);
}

#endif
