/* vec.h -- one vector type `vec` of NN_V reals, with the same vocabulary on every instruction set.
 *
 * This file, tile.h, tiles.h and cpu.h are the only ones that know instruction sets. Arithmetic + - * / on `vec` and + - & | ^ <<
 * on `ivec` are the compiler's vector extension. A fused multiply-add happens only where vfma is written
 * (-ffp-contract=off), so AVX2 and AVX-512 give the same bits; the base variant may have no such instruction and
 * rounds twice. Comparisons are false for NaN.
 *
 *   vmask       result of a comparison            vselect(m, a, b)   a where m holds, else b
 *   vmax(a, b)  a > b ? a : b, so b if unordered  vmin(a, b)         a < b ? a : b, so b if unordered
 *   vall(m)     whether m holds in all lanes       vload_part(p, n)   p[0] .. p[n - 1], then zeros; 0 <= n <= NN_V
 *   vround(a)   to the nearest integer, ties to even, for |a| < 2^22 (float) or 2^51 (double)
 *   vscale(a, n + NN_MAGIC)   a * 2^n for an integer n, |n| < 1100 (float: 252); underflows gradually, rounds once
 */
#ifndef NN_VEC_H
#define NN_VEC_H

#include "nncore.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

#if defined(NN_VEC_BYTES) /* avx512vl: 32 bytes with the registers of AVX-512; setup.py says so */
#elif defined(__AVX512F__)
#define NN_VEC_BYTES 64
#elif defined(__AVX2__) && defined(__FMA__)
#define NN_VEC_BYTES 32
#else
#define NN_VEC_BYTES 16
#endif

#define NN_V ((int)(NN_VEC_BYTES / sizeof(real)))
/* log2(NN_V) */
#define NN_V_LOG2 (NN_V == 16 ? 4 : NN_V == 8 ? 3 : NN_V == 4 ? 2 : 1)

/* Adding it rounds to an integer, which is then found, as two's complement, in the low bits of the sum. */
#define NN_MAGIC (NN_REAL_BITS == 32 ? (real)0x1.8p23 : (real)0x1.8p52)

typedef real vec __attribute__((vector_size(NN_VEC_BYTES)));
typedef nn_sbits ivec __attribute__((vector_size(NN_VEC_BYTES)));
typedef nn_bits uvec __attribute__((vector_size(NN_VEC_BYTES)));
typedef real nn_unaligned_vec __attribute__((vector_size(NN_VEC_BYTES), aligned(sizeof(real)), may_alias));

NN_INLINE vec vload(const real *p) { return *(const nn_unaligned_vec *)p; }
NN_INLINE void vstore(real *p, vec a) { *(nn_unaligned_vec *)p = a; }
NN_INLINE ivec vbits(vec a) { return (ivec)a; }
NN_INLINE vec vfrombits(ivec a) { return (vec)a; }
NN_INLINE ivec viset1(nn_sbits a) { return a - (ivec){0}; }

#if defined(__AVX512VL__) /* --------------------------------------------------- AVX-512, vectors of 64 or 32 bytes */

#if NN_VEC_BYTES == 64
#define NN_BITS(name) _mm512_##name
#else
#define NN_BITS(name) _mm256_##name
#endif
#if NN_REAL_BITS == 32
#define NN_P(name) NN_BITS(name##_ps)
#define NN_M(name) NN_BITS(name##_ps_mask)
#else
#define NN_P(name) NN_BITS(name##_pd)
#define NN_M(name) NN_BITS(name##_pd_mask)
#endif
#if NN_VEC_BYTES * 8 / NN_REAL_BITS == 16
typedef __mmask16 vmask;
#else
typedef __mmask8 vmask;
#endif
NN_INLINE vec vset1(real a) { return NN_P(set1)(a); }
NN_INLINE vec vfma(vec a, vec b, vec c) { return NN_P(fmadd)(a, b, c); }   /* a * b + c */
NN_INLINE vec vfnma(vec a, vec b, vec c) { return NN_P(fnmadd)(a, b, c); } /* c - a * b */
NN_INLINE vec vmax(vec a, vec b) { return NN_P(max)(a, b); }
NN_INLINE vec vmin(vec a, vec b) { return NN_P(min)(a, b); }
NN_INLINE vec vsqrt(vec a) { return NN_P(sqrt)(a); }
NN_INLINE vec vround(vec a) { return NN_P(roundscale)(a, 8); } /* 8: to nearest, no exception */
NN_INLINE vmask vlt(vec a, vec b) { return NN_M(cmp)(a, b, _CMP_LT_OQ); }
NN_INLINE vmask vle(vec a, vec b) { return NN_M(cmp)(a, b, _CMP_LE_OQ); }
NN_INLINE vmask veq(vec a, vec b) { return NN_M(cmp)(a, b, _CMP_EQ_OQ); }
NN_INLINE vec vselect(vmask m, vec a, vec b) { return NN_P(mask_blend)(m, b, a); }
NN_INLINE int vall(vmask m) { return m == (1u << NN_V) - 1; }
NN_INLINE vec vload_part(const real *p, isize n) { return NN_P(maskz_loadu)((vmask)((1u << n) - 1), p); }
NN_INLINE vec vscale(vec a, vec n_magic) { return NN_P(scalef)(a, n_magic - vset1(NN_MAGIC)); }

#elif NN_VEC_BYTES == 32 /* -------------------------------------------------------- AVX2 + FMA */

typedef vec vmask;
#if NN_REAL_BITS == 32
#define NN_P(name) _mm256_##name##_ps
#define NN_LANES _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)
#else
#define NN_P(name) _mm256_##name##_pd
#define NN_LANES _mm256_setr_epi64x(0, 1, 2, 3)
#endif
NN_INLINE vec vset1(real a) { return NN_P(set1)(a); }
NN_INLINE vec vfma(vec a, vec b, vec c) { return NN_P(fmadd)(a, b, c); }
NN_INLINE vec vfnma(vec a, vec b, vec c) { return NN_P(fnmadd)(a, b, c); }
NN_INLINE vec vmax(vec a, vec b) { return NN_P(max)(a, b); }
NN_INLINE vec vmin(vec a, vec b) { return NN_P(min)(a, b); }
NN_INLINE vec vsqrt(vec a) { return NN_P(sqrt)(a); }
NN_INLINE vec vround(vec a) { return NN_P(round)(a, 8); }
NN_INLINE vmask vlt(vec a, vec b) { return NN_P(cmp)(a, b, _CMP_LT_OQ); }
NN_INLINE vmask vle(vec a, vec b) { return NN_P(cmp)(a, b, _CMP_LE_OQ); }
NN_INLINE vmask veq(vec a, vec b) { return NN_P(cmp)(a, b, _CMP_EQ_OQ); }
NN_INLINE vec vselect(vmask m, vec a, vec b) { return NN_P(blendv)(b, a, m); }
NN_INLINE int vall(vmask m) { return NN_P(movemask)(m) == (1 << NN_V) - 1; }
NN_INLINE vec vload_part(const real *p, isize n)
{
    return NN_P(maskload)(p, (__m256i)(viset1((nn_sbits)n) > (ivec)NN_LANES));
}

#else /* ---------------------------------------------------------- any processor: 16-byte vectors of the compiler */

typedef ivec vmask;
NN_INLINE vec vset1(real a)
{
    vec v;
    for (int i = 0; i < NN_V; i++) v[i] = a;
    return v;
}
#if defined(__aarch64__) /* NEON fuses: the same bits as AVX2, unless FTZ meets a result that rounds up to normal */
#include <arm_neon.h>
#if NN_REAL_BITS == 32
#define NN_P(name) v##name##q_f32
typedef float32x4_t nn_neon;
#else
#define NN_P(name) v##name##q_f64
typedef float64x2_t nn_neon;
#endif
NN_INLINE vec vfma(vec a, vec b, vec c) { return (vec)NN_P(fma)((nn_neon)c, (nn_neon)a, (nn_neon)b); }
NN_INLINE vec vfnma(vec a, vec b, vec c) { return (vec)NN_P(fms)((nn_neon)c, (nn_neon)a, (nn_neon)b); }
NN_INLINE vec vsqrt(vec a) { return (vec)NN_P(sqrt)((nn_neon)a); }
#else
NN_INLINE vec vfma(vec a, vec b, vec c) { return a * b + c; }
NN_INLINE vec vfnma(vec a, vec b, vec c) { return c - a * b; }
NN_INLINE vec vsqrt(vec a)
{
    for (int i = 0; i < NN_V; i++) a[i] = NN_REAL_BITS == 32 ? __builtin_sqrtf(a[i]) : (real)__builtin_sqrt(a[i]);
    return a;
}
#endif
NN_INLINE vmask vlt(vec a, vec b) { return (vmask)(a < b); }
NN_INLINE vmask vle(vec a, vec b) { return (vmask)(a <= b); }
NN_INLINE vmask veq(vec a, vec b) { return (vmask)(a == b); }
NN_INLINE vec vselect(vmask m, vec a, vec b) { return (vec)((m & (ivec)a) | (~m & (ivec)b)); }
NN_INLINE int vall(vmask m)
{
    nn_sbits all = -1;
    for (int i = 0; i < NN_V; i++) all &= m[i];
    return all != 0;
}
NN_INLINE vec vload_part(const real *p, isize n)
{
    vec v = vset1(0);
    for (isize i = 0; i < n; i++) v[i] = p[i];
    return v;
}
NN_INLINE vec vmax(vec a, vec b) { return vselect(vlt(b, a), a, b); }
NN_INLINE vec vmin(vec a, vec b) { return vselect(vlt(a, b), a, b); }
NN_INLINE vec vround(vec a) { return (a + vset1(NN_MAGIC)) - vset1(NN_MAGIC); } /* the sign of zero may be lost */

#endif /* ------------------------------------------------------------------------------------------------------ */

#if !defined(__AVX512VL__)
NN_INLINE vec vscale(vec a, vec n_magic) /* in two steps: the first factor, about 2^(n/2), cannot round */
{
    int mantissa = NN_REAL_BITS == 32 ? 23 : 52;
    uvec one = (uvec)vbits(vset1(1)), n = (uvec)vbits(n_magic), half = n >> 1;
    vec first = vfrombits((ivec)((half << mantissa) + one));
    vec second = vfrombits((ivec)(((n - half) << mantissa) + one));
    return a * first * second;
}
#endif
NN_INLINE vmask vgt(vec a, vec b) { return vlt(b, a); }

#define NN_SIGN_BIT ((nn_sbits)((nn_bits)1 << (NN_REAL_BITS - 1)))
NN_INLINE vec vabs(vec a) { return vfrombits(vbits(a) & viset1(~NN_SIGN_BIT)); }
NN_INLINE vec vcopysign(vec magnitude, vec sign) /* magnitude must not be negative */
{
    return vfrombits(vbits(magnitude) | (vbits(sign) & viset1(NN_SIGN_BIT)));
}

/* ---------------------------------------------------------------------------- in double: NN_D lanes of NN_V at a time */

#define NN_D ((int)(NN_VEC_BYTES / sizeof(double)))
typedef double dvec __attribute__((vector_size(NN_VEC_BYTES)));
typedef int64_t dmask __attribute__((vector_size(NN_VEC_BYTES))); /* of comparisons, which are the compiler's: < > == */
typedef real nn_part __attribute__((vector_size(NN_D * sizeof(real)), aligned(sizeof(real)), may_alias));
typedef double nn_unaligned_dvec __attribute__((vector_size(NN_VEC_BYTES), aligned(sizeof(double)), may_alias));

NN_INLINE dvec dload(const real *p) { return __builtin_convertvector(*(const nn_part *)p, dvec); }
NN_INLINE void dstore(double *p, dvec a) { *(nn_unaligned_dvec *)p = a; }
NN_INLINE dvec dset1(double a) { return a - (dvec){0}; }
NN_INLINE dvec dselect(dmask m, dvec a, dvec b) { return (dvec)((m & (dmask)a) | (~m & (dmask)b)); }
NN_INLINE dvec dabs(dvec a) { return (dvec)((dmask)a & INT64_MAX); }

/* --------------------------------------------------------------------------------------------------- bfloat16
 * A word has the size of a float32 and holds NN_PAIR bfloat16 (see bfloat16.h): where the processor multiplies pairs two of
 * them, the first in the high half, else one, which is the float32 of that value.
 *
 *   vdot(sum, a, b)   sum plus the products of the first values of a and b, then plus those of the second ones; each
 *                     fused, subnormal numbers counting as zero (where values are single, if the environment says so)
 *   vwords(a, b)      NN_PAIR == 2: the words (a, b), rounded         vshort(a)   NN_PAIR == 1: a rounded
 *   vrow(a, b)        NN_PAIR == 2: of 2 * NN_V values in a row the words (0, 2), (1, 3), (4, 6), (5, 7), ..., rounded
 * With matrix registers (NN_TILES) the first of a word is in the low half, and vrow's words are (0, 1), (2, 3), ...
 *
 * float64 has no use for any of it.
 */
#if defined(__AVX512BF16__) && NN_VEC_BYTES == 64 && NN_REAL_BITS == 32

#define NN_PAIR 2
#if NN_TILES
NN_INLINE vec vwords(vec a, vec b)
{
    const __m512i order = _mm512_setr_epi32(
        0x00100000, 0x00110001, 0x00120002, 0x00130003, 0x00140004, 0x00150005, 0x00160006, 0x00170007,
        0x00180008, 0x00190009, 0x001a000a, 0x001b000b, 0x001c000c, 0x001d000d, 0x001e000e, 0x001f000f);
    return (vec)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(b, a));
}
NN_INLINE vec vrow(vec a, vec b) { return (vec)_mm512_cvtne2ps_pbh(b, a); }
#else
NN_INLINE vec vdot(vec sum, vec a, vec b) { return _mm512_dpbf16_ps(sum, (__m512bh)b, (__m512bh)a); }
NN_INLINE vec vwords(vec a, vec b)
{
    const __m512i order = _mm512_setr_epi32(
        0x00100000, 0x00110001, 0x00120002, 0x00130003, 0x00140004, 0x00150005, 0x00160006, 0x00170007,
        0x00180008, 0x00190009, 0x001a000a, 0x001b000b, 0x001c000c, 0x001d000d, 0x001e000e, 0x001f000f);
    return (vec)_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(a, b));
}
NN_INLINE vec vrow(vec a, vec b)
{
    const __m128i order = _mm_setr_epi8(4, 5, 0, 1, 6, 7, 2, 3, 12, 13, 8, 9, 14, 15, 10, 11);
    return (vec)_mm512_shuffle_epi8((__m512i)_mm512_cvtne2ps_pbh(b, a), _mm512_broadcast_i32x4(order));
}
#endif

#else

#define NN_PAIR 1
NN_INLINE vec vdot(vec sum, vec a, vec b)
{
#if NN_VEC_BYTES > 16 || NN_REAL_BITS == 64 || defined(__aarch64__)
    return vfma(a, b, sum);
#else /* the product is exact in double, and no sum of it and a float32 is rounded to the middle of two float32 */
    typedef double doubles __attribute__((vector_size(2 * NN_VEC_BYTES)));
    doubles exact = __builtin_convertvector(a, doubles) * __builtin_convertvector(b, doubles);
    return __builtin_convertvector(exact + __builtin_convertvector(sum, doubles), vec);
#endif
}
NN_INLINE vec vshort(vec a) /* to nearest, ties to even; subnormal numbers count as zero, NaN stays quiet */
{
    const ivec u = vbits(a), sign = viset1(NN_SIGN_BIT), infinity = viset1(0x7f800000), high = viset1(-65536);
    const ivec rounded = (u + viset1(0x7fff) + ((u >> 16) & viset1(1))) & high;
    const ivec tiny = (u & infinity) == viset1(0), nan = (u & ~sign) > infinity;
    return vfrombits((~nan & ((~tiny & rounded) | (tiny & u & sign))) | (nan & ((u & high) | viset1(0x400000))));
}

#endif

/* ------------------------------------------------------------------------------------------------ across lanes */

/* lane i of the result is lane index[i] of (a, b), counted through both; index is a constant after inlining */
NN_INLINE vec vshuffle(vec a, vec b, ivec index)
{
#ifdef __clang__
    vec y;
    for (int i = 0; i < NN_V; i++) y[i] = index[i] < NN_V ? a[index[i]] : b[index[i] - NN_V];
    return y;
#else
    return __builtin_shuffle(a, b, index);
#endif
}

#endif
