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
 * factors has room up to the next multiple of NN_DRAWN, whose blocks are drawn together so that their latencies overlap. */
#define NN_DRAWN 64
NN_FUNC void nn_dropout_factors(real *factors, isize n, double rate, uint64_t seed, uint64_t iteration, uint64_t layer,
                                uint64_t row)
{
    const real keep = (real)(1 / (1 - rate));
    const nn_sbits threshold = (nn_sbits)(rate * 65536);
    for (isize c = 0; c < n; c += NN_DRAWN) {
        _Alignas(NN_ALIGN) nn_sbits draws[NN_DRAWN];
        for (int b = 0; b < NN_DRAWN / 16 && c + 16 * b < n; b++) {
            const nn_block at = {{(uint64_t)(c / 16 + b), row, layer, iteration}};
            const nn_block block = nn_philox(seed, NN_STREAM_DROPOUT, at);
            for (int i = 0; i < 16; i++) draws[16 * b + i] = (nn_sbits)(block.word[i / 4] >> (16 * (i % 4)) & 0xffff);
        }
        for (isize i = 0; i < NN_DRAWN && c + i < n; i += NN_V) {
            ivec dropped = *(const ivec *)(draws + i) < viset1(threshold);
            vstore(factors + c + i, vfrombits(~dropped & vbits(vset1(keep))));
        }
    }
}

#endif
