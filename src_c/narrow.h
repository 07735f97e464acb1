/* narrow.h -- rows of numbers with fewer bits than a real has, which become reals as they are read.
 *
 * Each of them is a real, so that who reads them so has the bits of who converted them all before.
 */
#ifndef NN_NARROW_H
#define NN_NARROW_H

#include <string.h>

#include "tile.h"

enum { NN_REAL, NN_U8, NN_I8, NN_I16, NN_F16 }; /* what the numbers of the caller's rows are */

NN_INLINE isize nn_kind_size(int kind) /* bytes */
{
    return kind == NN_REAL ? (isize)sizeof(real) : kind == NN_I16 || kind == NN_F16 ? 2 : 1;
}

/* A half as a float32 of the same value: no arithmetic on subnormal numbers, which jobs count as zero; masks instead of
 * branches, so that compilers make vectors of it. */
NN_INLINE float nn_from_half(uint16_t half)
{
    const uint32_t size = half & 0x7fff, sign = (uint32_t)half << 16 & 0x80000000u, shift = (uint32_t)112 << 23;
    const uint32_t is_small = -(uint32_t)(size < 0x400), is_endless = -(uint32_t)(size >= 0x7c00); /* NaN, too */
    const float small = (float)(int32_t)size * 0x1p-24f;
    uint32_t bits;
    float value;
    memcpy(&bits, &small, sizeof bits);
    bits = sign | (bits & is_small) | (((size << 13) + shift + (shift & is_endless)) & ~is_small);
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* y (n) = x (n), of a kind other than NN_REAL */
NN_FUNC void nn_widen(real *restrict y, int kind, const void *restrict x, isize n)
{
#define NN_WIDEN(type, value) \
    for (isize i = 0; i < n; i++) { \
        const type some = ((const type *)x)[i]; \
        y[i] = (real)(value); \
    }
    if (kind == NN_U8) NN_WIDEN(uint8_t, some)
    else if (kind == NN_I8) NN_WIDEN(int8_t, some)
    else if (kind == NN_I16) NN_WIDEN(int16_t, some)
    else NN_WIDEN(uint16_t, nn_from_half(some))
#undef NN_WIDEN
}

enum { NN_WIDENED = 512, NN_SHORT_ROW = 64 }; /* numbers at a time, which stay in the cache: whole panels; of few columns */

/* nn_gather_rows of few columns: as many rows at once as NN_WIDENED numbers are */
NN_INLINE void nn_gather_short_rows(real *panels, isize n_rows, isize n_cols, isize row, isize n, int kind,
                                    const char *values, const int64_t *order)
{
    const isize size = n_cols * nn_kind_size(kind), most = NN_WIDENED / n_cols;
    real some[NN_WIDENED];
    int16_t packed[NN_WIDENED]; /* room for numbers of the largest size */
    for (isize i = 0; i < n; i += most) {
        const isize here = n - i < most ? n - i : most;
        for (isize k = 0; k < here; k++)
            memcpy((char *)packed + k * size, values + (order ? order[i + k] : i + k) * size, size);
        nn_widen(some, kind, packed, here * n_cols);
        nn_store_rows(panels, n_rows, n_cols, row + i, here, some, NULL);
    }
}

/* as nn_store_rows, of rows of any other kind */
NN_FUNC void nn_gather_narrow_rows(real *panels, isize n_rows, isize n_cols, isize row, isize n, int kind,
                                   const char *values, const int64_t *order)
{
    const isize size = nn_kind_size(kind);
    real some[NN_WIDENED];
    if (n_cols <= NN_SHORT_ROW) {
        nn_gather_short_rows(panels, n_rows, n_cols, row, n, kind, values, order);
        return;
    }
    for (isize i = 0; i < n; i++) {
        const char *x = values + (order ? order[i] : i) * n_cols * size;
        for (isize c = 0; c < n_cols; c += NN_WIDENED) {
            const isize width = n_cols - c < NN_WIDENED ? n_cols - c : NN_WIDENED;
            nn_widen(some, kind, x + c * size, width);
            nn_store_row(panels + c * n_rows, n_rows, width, row + i, some);
        }
    }
}

/* ... of any kind */
NN_INLINE void nn_gather_rows(real *panels, isize n_rows, isize n_cols, isize row, isize n, int kind,
                              const char *values, const int64_t *order)
{
    if (kind == NN_REAL) nn_store_rows(panels, n_rows, n_cols, row, n, (const real *)values, order);
    else nn_gather_narrow_rows(panels, n_rows, n_cols, row, n, kind, values, order);
}

#endif
