/* vecmath.h -- exp, log, tanh and their relatives for whole vectors.
 *
 * Every function is one straight line of the same operations on every instruction set, so that AVX2 and AVX-512 give
 * the same bits (but for which NaN a NaN is); only the constants and the lengths of the tables depend on the number
 * type. Special values are C's: NaN gives NaN, exp overflows to inf and underflows gradually, log(0) is -inf, log of
 * less is NaN, odd functions keep the sign of zero.
 *
 * The argument of an exponential is reduced by Cody and Waite's two-part log(2), that of a logarithm as in fdlibm; what
 * is left is a polynomial, fitted by coefficients.py. Largest distance from the correctly rounded result, in units in
 * the last place, on AVX-512: float over all 2^32 inputs (bench/ulp.py measures it), double over 2 * 10^7:
 *
 *             exp  expm1  log  log1p  tanh  sigmoid  softplus  erf  erfc  normal
 *   float       1      1    1      1     3        3         3    1     4       4
 *   double      1      1    1      1     3        2         3    1     4       5
 */
#ifndef NN_VECMATH_H
#define NN_VECMATH_H

#include "vec.h"

/* ----------------------------------------------------------------------------------------------------- constants */

#if NN_REAL_BITS == 32

#define NN_MANTISSA 23
#define NN_BIAS 127
#define NN_LN2_HI ((real)0x1.63p-1) /* so few bits that its product with an exponent is exact */
#define NN_LN2_LO ((real)-2.12194440054690583e-4)
#define NN_EXP_MIN ((real)-104)  /* below, exp is 0 */
#define NN_EXP_MAX ((real)89)    /* above, exp is inf */
#define NN_EXPM1_MIN ((real)-18) /* below, expm1 is -1 */
#define NN_TANH_MAX ((real)10)   /* above, tanh is 1; above twice that, sigmoid is 1 */
#define NN_ERFC_MAX ((real)10.2) /* above, erfc is 0 */
#define NN_CUT 12                /* without so many bits, a real has an exact square */

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2)/2; relative error 2^-26.1 */
static const real NN_EXP[] = {
    0.00138995482f, 0.00836612564f, 0.0416668393f, 0.16666548f, 0.5f,
};
/* tanh(r/2) / r in z = r^2 <= (log(2)/2)^2; relative error 2^-24.1 */
static const real NN_TANH[] = {
    0.00409696391f, -0.0416640826f, 0.5f,
};
/* tanh(r/2) / r in z = r^2 <= (3 log(2)/2)^2; relative error 2^-25.4 */
static const real NN_TANH_WIDE[] = {
    3.30429939e-5f, -0.000413310627f, 0.00416376302f, -0.0416663475f, 0.5f,
};
/* (2 atanh(s) - 2s) / s^3 in z = s^2 <= (3 - 2 sqrt(2))^2; relative error 2^-30.2 */
static const real NN_LOG[] = {
    0.298718929f, 0.399775594f, 0.666667759f,
};
/* (2 atanh(t/2) - t) / t^3 in z = t^2 <= (2/3)^2; relative error 2^-27.7 */
static const real NN_LOG1P[] = {
    0.000547007425f, 0.00218773633f, 0.0125066992f, 0.0833330229f,
};
/* erf(x) / x - 1 in z = x^2 <= 1; relative error 2^-29.4 */
static const real NN_ERF[] = {
    7.80690316e-5f, -0.00079978531f, 0.0051871622f, -0.0268533472f, 0.112835787f, -0.37612626f, 0.128379166f,
};
/* (1 + x/2) exp(x^2) erfc(x) in u = (x - 2) / (x + 2); relative error 2^-25.8 */
static const real NN_ERFC[] = {
    3.40633815e-5f, 3.49180882e-5f, -0.000280071225f, -0.000425193924f, 0.00151584262f, 0.00324028707f,
    -0.0107481042f, -0.0182211511f, 0.139735416f, -0.343580335f, 0.510791361f,
};

#else

#define NN_MANTISSA 52
#define NN_BIAS 1023
#define NN_LN2_HI ((real)0x1.62e42feep-1)
#define NN_LN2_LO ((real)1.90821492927058770002e-10)
#define NN_EXP_MIN ((real)-746)
#define NN_EXP_MAX ((real)710)
#define NN_EXPM1_MIN ((real)-38)
#define NN_TANH_MAX ((real)20)
#define NN_ERFC_MAX ((real)27.3)
#define NN_CUT 27

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2)/2; relative error 2^-55.2 */
static const real NN_EXP[] = {
    2.5045987200560869e-8, 2.7622329791145045e-7, 2.7557425079071001e-6, 2.4801516126046336e-5,
    0.00019841269709151277, 0.0013888888920654706, 0.0083333333333884801, 0.041666666666619702, 0.16666666666666602,
    0.5,
};
/* tanh(r/2) / r in z = r^2 <= (log(2)/2)^2; relative error 2^-57.7 */
static const real NN_TANH[] = {
    4.2048213846665178e-7, -4.3248479793127086e-6, 4.2713613504007961e-5, -0.00042162697479661136,
    0.0041666666664934744, -0.041666666666665596, 0.5,
};
/* tanh(r/2) / r in z = r^2 <= (3 log(2)/2)^2; relative error 2^-62.2 */
static const real NN_TANH_WIDE[] = {
    -2.4713592755266855e-12, 4.0617709271777874e-11, -4.4745104813385083e-10, 4.4928582819872401e-9,
    -4.4422705448396679e-8, 4.3848956863217846e-7, -4.3277509471638072e-6, 4.2713844652217414e-5,
    -0.00042162698411122283, 0.0041666666666658105, -0.04166666666666665, 0.5,
};
/* (2 atanh(s) - 2s) / s^3 in z = s^2 <= (3 - 2 sqrt(2))^2; relative error 2^-59.5 */
static const real NN_LOG[] = {
    0.14798606157432628, 0.15313802553604802, 0.18183573302285885, 0.22222198415004799, 0.28571428743779043,
    0.39999999999409142, 0.66666666666667351,
};
/* (2 atanh(t/2) - t) / t^3 in z = t^2 <= (2/3)^2; relative error 2^-54.2 */
static const real NN_LOG1P[] = {
    3.3836658082964787e-7, 7.5551114895054906e-7, 4.1462250538961527e-6, 1.8755238985794474e-5, 8.8783272937899001e-5,
    0.00043402720501595107, 0.0022321428951677293, 0.012499999998765105, 0.083333333333347123,
};
/* erf(x) / x - 1 in z = x^2 <= 1; relative error 2^-56.3 */
static const real NN_ERF[] = {
    1.4343800807279886e-10, -1.6464824368910913e-9, 1.6013236726378247e-8, -1.6557129422239295e-7,
    1.6481058775536207e-6, -1.492688145599475e-5, 0.00012055386193042688, -0.00085483285357911031,
    0.0052239776526924672, -0.026866170648031137, 0.11283791670971098, -0.37612638903184098, 0.12837916709551259,
};
/* (1 + x/2) exp(x^2) erfc(x) in u = (x - 2) / (x + 2); relative error 2^-55.7 */
static const real NN_ERFC[] = {
    -3.0474919349360666e-9, -7.6131711129627011e-9, 1.2486629720528828e-8, 5.6616636596300084e-8,
    2.2270715247712664e-8, -1.6112428097262082e-7, -3.0806656413770734e-7, -1.3304516029785647e-9,
    1.0152862180378493e-6, 1.8236798375042883e-6, -5.6914767750363004e-7, -8.0612202469701517e-6,
    -1.084613670671292e-5, 1.7074647118200581e-5, 7.2234958051225592e-5, 1.7185686201521436e-5,
    -0.00033153669585877203, -0.00041864802824106615, 0.0015453060249794206, 0.0032395925337209848,
    -0.010755330944548957, -0.018221115753436455, 0.13973604627802419, -0.34358034220690531, 0.5107913526210115,
};

#endif

#define NN_LOG2_E ((real)1.44269504088896340736)
#define NN_LN2 ((real)0.693147180559945309417)
#define NN_INF ((real)__builtin_inf())
#define NN_NAN ((real)__builtin_nan(""))
#define NN_BITS_OF_ONE ((nn_sbits)NN_BIAS << NN_MANTISSA)
#define NN_BITS_OF_SQRT_HALF (NN_REAL_BITS == 32 ? (nn_sbits)0x3f3504f3 : (nn_sbits)0x3fe6a09e667f3bcd)
#define NN_NEGLIGIBLE ((real)1 / ((nn_sbits)1 << (NN_MANTISSA + 2))) /* adding it to 1 changes nothing */
#define NN_TANH_NEAR ((real)1.03972077083991796) /* 3 log(2)/2: where n would go from 1 to 2 */
#define NN_SQRT2 ((real)1.41421356237309504880)

/* ----------------------------------------------------------------------------------------------------------- exp */

/* the polynomial with coefficients c, highest order first */
NN_INLINE vec vhorner(vec x, const real *c, int n)
{
    vec p = vset1(c[0]);
#pragma GCC unroll 32
    for (int i = 1; i < n; i++) p = vfma(p, x, vset1(c[i]));
    return p;
}
#define NN_POLYNOMIAL(x, table) vhorner(x, table, (int)(sizeof(table) / sizeof((table)[0])))

/* x within [low, high]; NaN stays */
NN_INLINE vec vclamp(vec x, real low, real high) { return vmax(vset1(low), vmin(vset1(high), x)); }

/* the integer nearest x / log(2), plus NN_MAGIC */
NN_INLINE vec vexponent(vec x) { return vfma(x, vset1(NN_LOG2_E), vset1(NN_MAGIC)); }

/* x - n log(2), with log(2) in two parts of which the first, times n, is exact (Cody and Waite) */
NN_INLINE vec vreduce(vec x, vec n_magic)
{
    vec n = n_magic - vset1(NN_MAGIC);
    return vfnma(n, vset1(NN_LN2_LO), vfnma(n, vset1(NN_LN2_HI), x));
}

/* exp(r) for |r| <= log(2)/2 */
NN_INLINE vec vexp_reduced(vec r)
{
    vec one = vset1(1), q = NN_POLYNOMIAL(r, NN_EXP);
    return vfma(vfma(q, r, one), r, one);
}

NN_INLINE vec vexp(vec x)
{
    x = vclamp(x, NN_EXP_MIN, NN_EXP_MAX);
    vec n = vexponent(x);
    return vscale(vexp_reduced(vreduce(x, n)), n);
}

/* 2^(n + shift) where that is a normal number */
NN_INLINE vec vpow2(vec n_magic, int shift)
{
    uvec exponent = (uvec)viset1((nn_sbits)(NN_BIAS + shift) << NN_MANTISSA);
    return vfrombits((ivec)(((uvec)vbits(n_magic) << NN_MANTISSA) + exponent));
}

/* With exp(x) = 2^n (1 + r + r^2 q) and r = exact - low, which rounds: 2^n (r^2 q - low) + (2^n exact + (2^n - 1)),
 * halved, so that 2^128 does not overflow */
NN_INLINE vec vexpm1(vec x)
{
    vec a = vclamp(x, NN_EXPM1_MIN, NN_EXP_MAX), n_magic = vexponent(a), n = n_magic - vset1(NN_MAGIC);
    vec exact = vfnma(n, vset1(NN_LN2_HI), a), low = n * vset1(NN_LN2_LO), r = exact - low;
    vec rest = vfma(r * r, NN_POLYNOMIAL(r, NN_EXP), -low);
    vec power = vpow2(n_magic, -1);
    vec half = vfma(power, rest, vfma(power, exact, power - vset1((real)0.5)));
    return vselect(vlt(vabs(x), vset1(NN_NEGLIGIBLE)), x, half + half);
}

/* w of exp(r) = (1 + w) / (1 - w), that is tanh(r/2), for |r| <= log(2)/2: odd, so that half the terms do */
NN_INLINE vec vtanh_half(vec r) { return r * NN_POLYNOMIAL(r * r, NN_TANH); }

/* With exp(2|x|) = 2^n (1 + w) / (1 - w): tanh|x| = 1 + 2 (w - 1) / (2^n + 1 + (2^n - 1) w), and w itself for small x, where
 * n is taken as 0. Both never fall as x grows, because no rounding lets them: r/2 outweighs the rest of w, and where w
 * grows, 1 - w falls and the denominator rises. n is small, so that one part of log(2) will do. */
NN_INLINE vec vtanh(vec x)
{
    vec a = vmin(vset1(NN_TANH_MAX), vabs(x)), twice = a + a;
    vmask near = vlt(twice, vset1(NN_TANH_NEAR));
    vec n = vselect(near, vset1(NN_MAGIC), vexponent(twice));
    vec r = vfnma(n - vset1(NN_MAGIC), vset1(NN_LN2), twice), z = r * r, half = vset1((real)0.5) * r;
    vec w = vfma(r * z, vhorner(z, NN_TANH_WIDE, (int)(sizeof NN_TANH_WIDE / sizeof(real)) - 1), half);
    vec power = vpow2(n, 0), less = power - vset1(1), more = power + vset1(1);
    vec far = vfma(vset1(2), (w - vset1(1)) / vfma(less, w, more), vset1(1));
    return vcopysign(vselect(near, w, far), x);
}

/* With exp(x) = 2^n (1 + w) / (1 - w): sigmoid(x) = 2^n (1 + w) / (1 - w + 2^n (1 + w)), where in the denominator a
 * very small 2^n is as good as 0. */
NN_INLINE vec vsigmoid(vec x)
{
    x = vclamp(x, NN_EXP_MIN, 2 * NN_TANH_MAX);
    vec one = vset1(1), n = vexponent(x), w = vtanh_half(vreduce(x, n));
    vec power = vpow2(vmax(vset1(NN_MAGIC - 100), n), 0);
    return vscale((one + w) / vfma(power, one + w, one - w), n);
}

/* ----------------------------------------------------------------------------------------------------------- log */

/* m in [sqrt(1/2), sqrt(2)) and k of a normal x = 2^k m */
NN_INLINE vec vmantissa(vec x, vec *k)
{
    uvec bits = (uvec)vbits(x) + (uvec)viset1(NN_BITS_OF_ONE - NN_BITS_OF_SQRT_HALF); /* unsigned: it may wrap */
    vec offset = vset1((real)((nn_bits)1 << NN_MANTISSA)); /* as NN_MAGIC, for integers that are not negative */
    *k = vfrombits((ivec)(bits >> NN_MANTISSA) | vbits(offset)) - (offset + vset1(NN_BIAS));
    return vfrombits(((ivec)bits & viset1(((nn_sbits)1 << NN_MANTISSA) - 1)) + viset1(NN_BITS_OF_SQRT_HALF));
}

/* k log(2) + log(1 + f + low), by the formula of fdlibm:
 * log(1 + f) = 2 atanh(s) = f - f^2/2 + s (f^2/2 + s^2 P(s^2)), s = f / (2 + f) */
NN_INLINE vec vlog_sum(vec k, vec f, vec low)
{
    vec s = f / (vset1(2) + f), z = s * s;
    vec half_square = vset1((real)0.5) * f * f;
    vec tail = vfma(z, NN_POLYNOMIAL(z, NN_LOG), half_square);
    vec small = vfma(s, tail, vfma(k, vset1(NN_LN2_LO), low));
    return vfma(k, vset1(NN_LN2_HI), f - (half_square - small));
}

/* y, but -inf at x = pole, NaN left of it, and x itself where that is inf or NaN */
NN_INLINE vec vlog_special(vec y, vec x, real pole)
{
    y = vselect(vlt(x, vset1(NN_INF)), y, x);
    y = vselect(vlt(x, vset1(pole)), vset1(NN_NAN), y);
    return vselect(veq(x, vset1(pole)), vset1(-NN_INF), y);
}

NN_INLINE vec vlog(vec x)
{
    int lift = NN_MANTISSA + 2; /* by which subnormal numbers become normal */
    vec zero = vset1(0), k;
    vmask subnormal = vlt(x, vfrombits(viset1((nn_sbits)1 << NN_MANTISSA)));
    vec m = vmantissa(vselect(subnormal, x * vset1((real)((nn_sbits)1 << lift)), x), &k);
    k = k - vselect(subnormal, vset1(lift), zero);
    return vlog_special(vlog_sum(k, m - vset1(1), zero), x, 0);
}

/* u = 1 + x has lost c of x: f + low = (u + c) / 2^k - 1 */
NN_INLINE vec vlog1p(vec x)
{
    vec one = vset1(1), half = vset1((real)0.5), k;
    vec u = one + x, m = vmantissa(u, &k);
    vec twice_power = vpow2(vset1(NN_MAGIC) - k, 1); /* 2 / 2^k, but 0 for the largest k, whose c is 0 */
    vec c = half * (x - (u - one)) * twice_power;
    vec f = (m - one) + c, low = c - (f - (m - one));
    vec y = vselect(vlt(vabs(x), vset1(NN_NEGLIGIBLE)), x, vlog_sum(k, f, low));
    return vlog_special(y, x, -1);
}

/* exp(-|x|), which cannot overflow */
NN_INLINE vec vexp_minus_abs(vec x)
{
    vec a = vmax(vset1(NN_EXP_MIN), vfrombits(vbits(x) | viset1(NN_SIGN_BIT)));
    vec n = vexponent(a);
    return vscale(vexp_reduced(vreduce(a, n)), n);
}

/* log(1 + e) = 2 atanh(t/2), t = e / (1 + e/2) <= 2/3 for e = exp(-|x|) */
NN_INLINE vec vlog1p_exp(vec e)
{
    vec t = (e + e) / (vset1(2) + e), z = t * t;
    return vfma(t * z, NN_POLYNOMIAL(z, NN_LOG1P), t);
}

NN_INLINE vec vsoftplus(vec x) { return vmax(vset1(0), x) + vlog1p_exp(vexp_minus_abs(x)); }

/* ---------------------------------------------------------------------------------------------------------- erfc */

/* exp(-scale a^2), scale a power of 2: a^2 = cut^2 + (a - cut)(a + cut), where cut^2 is exact */
NN_INLINE vec vgaussian(vec a, real scale)
{
    vec cut = vfrombits(vbits(a) & viset1(-((nn_sbits)1 << NN_CUT)));
    vec x = vset1(-scale) * cut * cut, low = vset1(scale) * (cut - a) * (cut + a);
    vec n = vexponent(x + low);
    return vscale(vexp_reduced(vreduce(x, n) + low), n);
}

/* exp(x^2) erfc(x) for x = a / scale >= 0, as q P(u) with q = 2 / (x + 2) and u = (x - 2) / (x + 2), which is taken as
 * x q - 1 to be accurate near x = 0 (after Shepherd and Laframboise, Mathematics of Computation 36, 1981) */
NN_INLINE vec verfcx(vec a, real scale)
{
    vec pole = vset1(2 * scale), q = pole / (a + pole);
    vec u = vfma(a * q, vset1(1 / scale), vset1(-1));
    return q * NN_POLYNOMIAL(u, NN_ERFC);
}

/* erfc(a) for a >= 0 */
NN_INLINE vec verfc_tail(vec a)
{
    a = vmin(vset1(NN_ERFC_MAX), a);
    return vgaussian(a, 1) * verfcx(a, 1);
}

NN_INLINE vec verfc(vec x)
{
    vec tail = verfc_tail(vabs(x));
    return vselect(vlt(x, vset1(0)), vset1(2) - tail, tail);
}

NN_INLINE vec verf(vec x)
{
    vec near = vfma(x, NN_POLYNOMIAL(x * x, NN_ERF), x);
    vec far = vcopysign(vset1(1) - verfc_tail(vabs(x)), x);
    return vselect(vlt(vabs(x), vset1(1)), near, far);
}

/* The normal distribution function at x, and its density: gelu(x) = x * distribution, whose derivative is
 * distribution + x * density. Unlike erfc(-x / sqrt(2)) / 2 it does not suffer from the rounding of x / sqrt(2). */
NN_INLINE vec vnormal(vec x, vec *density)
{
    vec a = vmin(vset1(NN_ERFC_MAX * NN_SQRT2), vabs(x));
    vec e = vgaussian(a, (real)0.5);
    vec tail = vset1((real)0.5) * e * verfcx(a, NN_SQRT2);
    *density = e * vset1((real)0.398942280401432677940);
    return vselect(vlt(x, vset1(0)), tail, vset1(1) - tail);
}

#endif
