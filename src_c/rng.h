/* rng.h -- counter-based random numbers: Philox4x64-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3", 2011), the generator that NumPy calls Philox. A block is a pure function of (key, counter), so any thread
 * can draw any number and nothing has to be stored.
 */
#ifndef NN_RNG_H
#define NN_RNG_H

#include "nncore.h"

enum { NN_STREAM_SHUFFLE = 2, NN_STREAM_DROPOUT = 4, NN_STREAM_BLOCKS = 6, NN_STREAM_NOISE = 7 };
/* second words of the key: nncore/base/random.py has all */

typedef struct { uint64_t word[4]; } nn_block;

NN_INLINE nn_block nn_philox(uint64_t key0, uint64_t key1, nn_block counter)
{
    const uint64_t m0 = 0xD2E7470EE14C6C93u, m1 = 0xCA5A826395121157u; /* multipliers and Weyl steps of the paper */
    const uint64_t w0 = 0x9E3779B97F4A7C15u, w1 = 0xBB67AE8584CAA73Bu;
    uint64_t a = counter.word[0], b = counter.word[1], c = counter.word[2], d = counter.word[3];
    for (int round = 0; round < 10; round++, key0 += w0, key1 += w1) {
        const unsigned __int128 p0 = (unsigned __int128)m0 * a, p1 = (unsigned __int128)m1 * c; /* one instruction each */
        a = (uint64_t)(p1 >> 64) ^ b ^ key0;
        b = (uint64_t)p1;
        c = (uint64_t)(p0 >> 64) ^ d ^ key1;
        d = (uint64_t)p0;
    }
    return (nn_block){{a, b, c, d}};
}

/* order[begin .. end - 1] = begin .. end - 1 */
NN_FUNC void nn_count_up(int64_t *order, isize begin, isize end)
{
    for (isize i = begin; i < end; i++) order[i] = i;
}

/* order (n), counted up = the permutation in which `epoch` visits n <= 2^32 rows: Fisher-Yates from the last row down. A
 * word of a block holds two draws, the low half first; no row's chance is off by more than n / 2^32 of itself. Whatever
 * else it holds changes places likewise. `part` tells apart what an epoch draws of one stream.
 * One call takes it from row i to row `stop`; so many rows a call, but for the last, as are a multiple of NN_SWAPS: the
 * draws come in such batches, so that the latencies of their blocks overlap. */
#define NN_SWAPS 128
NN_FUNC void nn_shuffle(int64_t *order, isize n, isize i, isize stop, uint64_t seed, int stream, uint64_t part,
                        uint64_t epoch)
{
    uint32_t draws[NN_SWAPS];
    uint64_t block = (uint64_t)(n - 1 - i) / 8;
    while (i > stop) {
        for (int k = 0; k < NN_SWAPS; k += 8) {
            nn_block b = nn_philox(seed, (uint64_t)stream, (nn_block){{block++, part, 0, epoch}});
            for (int w = 0; w < 4; w++) {
                draws[k + 2 * w] = (uint32_t)b.word[w];
                draws[k + 2 * w + 1] = (uint32_t)(b.word[w] >> 32);
            }
        }
        for (int k = 0; k < NN_SWAPS && i > stop; k++, i--) {
            isize j = (isize)(draws[k] * ((uint64_t)i + 1) >> 32);
            int64_t swap = order[i];
            order[i] = order[j];
            order[j] = swap;
        }
    }
}

typedef struct { isize block, row; } nn_place; /* in the order of an epoch's blocks: which block, which row of it */

/* rows (n_here) = those of the blocks that `blocks` names one after the other, from *at on, which moves on behind them;
 * block b has the rows from b * block_rows on, the last one as many as there are of n */
NN_FUNC void nn_rows_of_blocks(int64_t *rows, isize n_here, const int64_t *blocks, isize block_rows, isize n, nn_place *at)
{
    for (isize done = 0; done < n_here;) {
        isize begin = blocks[at->block] * block_rows, size = n - begin < block_rows ? n - begin : block_rows;
        isize left = size - at->row, take = left < n_here - done ? left : n_here - done;
        for (isize i = 0; i < take; i++) rows[done + i] = begin + at->row + i;
        done += take, at->row += take;
        if (at->row == size) at->block++, at->row = 0;
    }
}

#endif
