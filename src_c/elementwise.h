/* elementwise.h -- dropout and sums of blocks; n is a multiple of NN_V. */
#ifndef NN_ELEMENTWISE_H
#define NN_ELEMENTWISE_H

#include "rng.h"
#include "vec.h"

/* y = a + b */
NN_FUNC void nn_add(real *y, const real *a, const real *b, isize n)
{
    for (isize i = 0; i < n; i += NN_V) vstore(y + i, vload(a + i) + vload(b + i));
}

/* y = a * b, or if `more` y += a * b */
NN_FUNC void nn_multiply(real *y, const real *a, const real *b, isize n, int more)
{
    for (isize i = 0; i < n; i += NN_V) {
        vec product = vload(a + i) * vload(b + i);
        vstore(y + i, more ? vload(y + i) + product : product);
    }
}

/* factors (n) of one row: 0 for what is dropped, else 1 / (1 - rate). Every column has 16 bits of its own, of a block for
 * each 16 columns, and is dropped where they are below rate * 2^16; which bits depends on nothing but the arguments.
 * factors has room up to the next multiple of 16. */
NN_FUNC void nn_dropout_factors(real *factors, isize n, double rate, uint64_t seed, uint64_t iteration, uint64_t layer,
                                uint64_t row)
{
    const real keep = (real)(1 / (1 - rate));
    const unsigned threshold = (unsigned)(rate * 65536);
    for (isize c = 0; c < n; c += 16) {
        nn_block b = nn_philox(seed, NN_STREAM_DROPOUT, (nn_block){{(uint64_t)c / 16, row, layer, iteration}});
        uint16_t draws[16];
        for (int i = 0; i < 16; i++) draws[i] = (uint16_t)(b.word[i / 4] >> (16 * (i % 4)));
        for (int i = 0; i < 16; i++) factors[c + i] = draws[i] < threshold ? 0 : keep;
    }
}

#endif
