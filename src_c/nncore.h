/* nncore.h -- the number type and the words that every other header uses.
 *
 * The headers are compiled once per (number type, instruction set): NN_REAL_BITS is 32 or 64, and the compiler's own
 * flags choose the instruction set. They allocate nothing, call no Python, keep no global state and check nothing:
 * callers have already done so. Functions are nn_..., the vector vocabulary (vec.h) is v...
 */
#ifndef NNCORE_H
#define NNCORE_H

#include <stddef.h>
#include <stdint.h>

#ifndef NN_REAL_BITS
#define NN_REAL_BITS 32
#endif

#ifndef NN_BFLOAT16
#define NN_BFLOAT16 0 /* 1, with NN_REAL_BITS 32: products of matrices that are rounded to bfloat16, see bfloat16.h */
#endif
#ifndef NN_TILES
#define NN_TILES 0    /* 1, with NN_BFLOAT16 and AVX512_BF16: these by matrix registers, see tiles.h; 2: as if by them */
#endif

#if NN_REAL_BITS == 32
typedef float real;
typedef uint32_t nn_bits;  /* an unsigned integer as wide as a real */
typedef int32_t nn_sbits;
#else
typedef double real;
typedef uint64_t nn_bits;
typedef int64_t nn_sbits;
#endif

typedef ptrdiff_t isize; /* counts and offsets: signed, so that differences are */

#define NN_INLINE static inline __attribute__((always_inline, unused))
#define NN_FUNC static __attribute__((unused))
#define NN_ALIGN 64 /* bytes; every arena starts at a cache line */

#endif
