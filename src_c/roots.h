/* roots.h -- square roots by multiply-adds, to the same bits as the processor's own.
 *
 * A core has one divider for roots and quotients. On Intel's a vector of 512 bits occupies it for 19 cycles with a root
 * (double: 31), for 16 with a quotient, while two multiply-adds begin in each; so a rule that wants both takes the root
 * from there. AMD's divider is quicker than these multiply-adds.
 *
 * With y near 1 / sqrt(v), t = v y and e = 1 - t y, the root is t / sqrt(1 - e). The first y comes from the bits of v, whose
 * exponent it halves and negates (Lomont, 2003), so that |e| <= 0.0684; the rest is a polynomial in e, in double after
 * a first one that brings y nearer. Then s is within 2 units in the last place, and s + (v - s s) / (2 s) rounds as it
 * should (Markstein, 1990): tests try all float mantissas, and those double ones whose roots are nearest to a tie.
 */
#ifndef NN_ROOTS_H
#define NN_ROOTS_H

#include "vec.h"

/* v - s s must be normal, so all roots are taken of numbers so much larger; 0 stays 0. Of the guesses that serve as well,
 * these are two with which 4 less one unit in the last place, whose root is nearest to a tie, comes out right, too. */
#if NN_REAL_BITS == 32
#define NN_ROOT_GUESS ((nn_sbits)0x5f374000)
#define NN_ROOT_SCALE ((real)0x1p32)
#define NN_ROOT_UNSCALE ((real)0x1p-16)
#define NN_ROOT_LIMIT ((real)0x1p96)
/* 1 / sqrt(1 - e) for |e| <= 0.0684; relative error 2^-25.3 */
static const real NN_ROOT[] = {
    0.274950922f, 0.313939184f, 0.374997705f, 0.499998331f, 1.0f,
};
#else
#define NN_ROOT_GUESS ((nn_sbits)0x5fe6e88000000000)
#define NN_ROOT_SCALE ((real)0x1p64)
#define NN_ROOT_UNSCALE ((real)0x1p-32)
#define NN_ROOT_LIMIT ((real)0x1p960)
/* 1 / sqrt(1 - e) for |e| <= 0.0684; relative error 2^-19.9 */
static const real NN_ROOT[] = {
    0.31375851358319684, 0.37606337128744333, 0.49999900292996391, 1.0,
};
#endif

/* whether a module is for processors whose divider may be that slow: one with vectors of 512 bits */
#define NN_FUSED_ROOTS (NN_V * NN_REAL_BITS == 512)

NN_INLINE vec nn_root(vec a, int fused)
{
    if (!NN_FUSED_ROOTS || !fused) return vsqrt(a);
    if (!vall(vle(vset1(0), a)) || !vall(vlt(a, vset1(NN_ROOT_LIMIT)))) return vsqrt(a); /* negative, huge, inf, NaN */
    const vec one = vset1(1), v = a * vset1(NN_ROOT_SCALE);
    vec y = vfrombits(viset1(NN_ROOT_GUESS) - (ivec)((uvec)vbits(v) >> 1));
    vec t = v * y, e = vfnma(t, y, one), root = vset1(NN_ROOT[0]);
#pragma GCC unroll 8
    for (int i = 1; i < (int)(sizeof NN_ROOT / sizeof *NN_ROOT); i++) root = vfma(root, e, vset1(NN_ROOT[i]));
    if (NN_REAL_BITS == 64) {
        y *= root, t = v * y, e = vfnma(t, y, one);
        root = vfma(vfma(vset1((real)0.375), e, vset1((real)0.5)), e, one);
    }
    const vec s = t * root, over_2s = vset1((real)0.5) * y * root;
    return vfma(vfnma(s, s, v), over_2s, s) * vset1(NN_ROOT_UNSCALE);
}

/* the roots of x (n), n a multiple of NN_V, in place */
NN_FUNC void nn_roots(real *x, isize n, int fused)
{
    for (isize i = 0; i < n; i += NN_V) vstore(x + i, fused ? nn_root(vload(x + i), 1) : nn_root(vload(x + i), 0));
}

#endif
