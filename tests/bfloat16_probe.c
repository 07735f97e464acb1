/* What this processor does with bfloat16, for the tests of the oracle: loaded with ctypes.
 *
 * Compiled with -DFMA for fused multiply-adds, or with -DBF16 for AVX512_BF16. Matrices are C-contiguous; n_k is a multiple
 * of 32, n_out one of 16. The loops stand in functions of their own, so that no operation moves out of the mode around them. */
#include <immintrin.h>
#include <stdint.h>

#define APART __attribute__((noinline))
#define FTZ_AND_DAZ 0x8040

#ifdef FMA

APART static void chains(const float *a, const float *b, const float *c, float *out, long n)
{
    for (long i = 0; i < n; i++) {
        __m128 sum = _mm_fmadd_ss(_mm_set_ss(a[i]), _mm_set_ss(b[i]), _mm_set_ss(c[i]));
        _mm_store_ss(out + i, sum);
    }
}

/* out = fma(a, b, c), all (n,) */
void multiply_add(const float *a, const float *b, const float *c, float *out, long n)
{
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | FTZ_AND_DAZ);
    chains(a, b, c, out, n);
    _mm_setcsr(before);
}

#endif
#ifdef BF16

/* out (n,) = x (n,) rounded; n is a multiple of 16 */
void round_to_bfloat16(const float *x, uint16_t *out, long n)
{
    for (long i = 0; i < n; i += 16)
        _mm256_storeu_si256((__m256i *)(out + i), (__m256i)_mm512_cvtneps_pbh(_mm512_loadu_ps(x + i)));
}

/* out = fma(a[1], b[1], fma(a[0], b[0], c)), a and b (2, n), c and out (n,): VDPBF16PS takes the upper halves first; n is a
 * multiple of 16 */
void two_steps(const uint16_t *a, const uint16_t *b, const float *c, float *out, long n)
{
    for (long i = 0; i < n; i += 16) {
        __m512i pairs[2];
        for (int side = 0; side < 2; side++) {
            const uint16_t *first = (side ? b : a) + i;
            __m512i high = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)first));
            __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(first + n)));
            pairs[side] = _mm512_or_si512(_mm512_slli_epi32(high, 16), low);
        }
        _mm512_storeu_ps(out + i, _mm512_dpbf16_ps(_mm512_loadu_ps(c + i), (__m512bh)pairs[0], (__m512bh)pairs[1]));
    }
}

/* a chain over every second k of a block; the earlier of two stands in the upper half */
APART static __m512 chain(const uint16_t *a, const uint16_t *b, long n_out)
{
    __m512 sum = _mm512_setzero_ps();
    for (long k = 0; k < 32; k += 4) {
        const uint16_t *first = b + k * n_out, *second = first + 2 * n_out;
        __m512i low = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)second));
        __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)first)), 16);
        __m512i pair = _mm512_set1_epi32((int)((uint32_t)a[k] << 16 | a[k + 2]));
        sum = _mm512_dpbf16_ps(sum, (__m512bh)pair, (__m512bh)_mm512_or_si512(low, high));
    }
    return sum;
}

APART static void sums(const uint16_t *a, const uint16_t *b, float *total, long n, long n_k, long n_out)
{
    for (long i = 0; i < n; i++)
        for (long j = 0; j < n_out; j += 16)
            for (long k = 0; k < n_k; k += 32) {
                const uint16_t *row = a + i * n_k + k, *block = b + k * n_out + j;
                __m512 both = _mm512_add_ps(chain(row, block, n_out), chain(row + 1, block + n_out, n_out));
                float *place = total + i * n_out + j;
                _mm512_storeu_ps(place, _mm512_add_ps(_mm512_loadu_ps(place), both));
            }
}

/* total (n, n_out) += a (n, n_k) @ b (n_k, n_out) */
void bfloat16_product(const uint16_t *a, const uint16_t *b, float *total, long n, long n_k, long n_out)
{
    const unsigned before = _mm_getcsr();
    _mm_setcsr(before | FTZ_AND_DAZ);
    sums(a, b, total, n, n_k, n_out);
    _mm_setcsr(before);
}

#endif
