/* The kernels of bfloat16.h alone, bit for bit against a scalar loop over the definition: prints how many values it has
 * compared, how many of these were NaN or zero, and how many differed. Compiled for each instruction set. */
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "cpu.h"
#include "gradient.h"

#if defined(__x86_64__)
#define FUSES __attribute__((target("fma"), noinline)) /* also beside a base that has no such instruction */
#else
#define FUSES __attribute__((noinline))
#endif
#define MOST_GROUPS 8

static uint64_t seed = 88172645463325252u;
static long n_compared, n_nan, n_zero, n_wrong;

static uint32_t draw(void)
{
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static float from_bits(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

/* ------------------------------------------------------------------------------------------------ the definition */

static float rounded(float f)
{
    const uint32_t u = bits_of(f), magnitude = u & 0x7fffffff;
    if (magnitude > 0x7f800000) return from_bits((u & 0xffff0000) | 0x400000);
    if (magnitude < 0x00800000) return from_bits(u & 0x80000000);
    return from_bits((u + 0x7fff + (u >> 16 & 1)) & 0xffff0000);
}

/* sum of a[k * a_step] * b[k * b_step] over n k, from `sum` on; with subnormal numbers as zero, as main() has it */
FUSES static float dot(const float *a, isize a_step, const float *b, isize b_step, isize n, float sum)
{
    for (isize k = 0; k < n; k += 32) {
        float chain[2] = {0, 0};
        for (isize i = 0; i < 32; i++) {
            const float x = k + i < n ? rounded(a[(k + i) * a_step]) : 0;
            const float y = k + i < n ? rounded(b[(k + i) * b_step]) : 0;
            chain[i % 2] = __builtin_fmaf(x, y, chain[i % 2]);
        }
        sum = sum + (chain[0] + chain[1]);
    }
    return sum;
}

static float tree(const float *groups, isize n)
{
    isize half = 1;
    if (n == 1) return groups[0];
    while (2 * half < n) half *= 2;
    return tree(groups, half) + tree(groups + half, n - half);
}

/* ------------------------------------------------------------------------------------------------------- the data */

enum { PLAIN, ANY_BITS, UNDERFLOW, OVERFLOW, SPECIAL, VANISHING, N_KINDS };

static float value(int kind)
{
    static const uint32_t special[] = {0, 0x80000000, 0x3f800000, 0x7f800000, 0xff800000, 0x7fc00001, 0x00000010,
                                       0x80400000, 0x7f7fffff, 0xff7fffff, 0x00800000, 0x3f808000, 0x3f818000};
    const float plain = (float)((int)(draw() % 2001) - 1000) / 1000;
    if (kind == ANY_BITS) return from_bits(draw());
    if (kind == UNDERFLOW) return from_bits((draw() & 0x807fffff) | (draw() % 24 + 52) << 23); /* of products */
    if (kind == OVERFLOW) return from_bits((draw() & 0x807fffff) | (draw() % 12 + 185) << 23);
    if (kind == SPECIAL && draw() % 8 == 0) return from_bits(special[draw() % (sizeof special / sizeof *special)]);
    if (kind == VANISHING) return draw() % 3 ? from_bits((draw() & 0x80ffffff) | (draw() % 2 + 62) << 23) : -0.0f;
    return plain;
}

static float *reals(isize n) { return nn_allocate(n + NN_BLOCK); } /* and what a vector reads behind them */

static float *matrix(isize n_rows, isize n_cols, int kind)
{
    float *m = reals(n_rows * n_cols);
    for (isize i = 0; i < n_rows * n_cols; i++) m[i] = value(kind);
    return m;
}

/* a matrix in panels, which are filled up with NaN, or zero */
static float *in_panels(const float *m, isize n_rows, isize n_cols, int with_nan)
{
    float *panels = reals(n_rows * nn_padded(n_cols));
    for (isize i = 0; with_nan && i < n_rows * nn_padded(n_cols); i++) panels[i] = from_bits(0x7fc00000);
    for (isize r = 0; r < n_rows; r++)
        for (isize c = 0; c < n_cols; c++)
            panels[nn_panel_at(n_rows, n_cols, c / NN_W, r) + c % NN_W] = m[r * n_cols + c];
    return panels;
}

static void compare(const char *what, float got, float expected, isize i, isize j)
{
    n_compared++, n_nan += expected != expected, n_zero += expected == 0;
    if (bits_of(got) == bits_of(expected) || (got != got && expected != expected)) return;
    if (n_wrong++ < 10) printf("%s (%td, %td): %08x, not %08x\n", what, i, j, bits_of(got), bits_of(expected));
}

/* -------------------------------------------------------------------------------------------------------- kernels */

typedef struct {
    isize n, n_in, n_out, room; /* rows; columns; rows that there are words for */
    float *x, *weight, *dz, *other;  /* in C order; the weight's last row is the bias; other: (n, the larger) */
    float *weight_panels, *dz_panels, *words, *transposed;
    nn_packing input, delta;
} layer;

static nn_packing packed(const float *x, isize n, isize n_cols, isize room, int flat, isize at_a_time, int left)
{
    const isize size = room * nn_short_padded(n_cols);
    nn_packing p = {x, n, n_cols, flat, reals(size), reals(size), room, left};
    memset(p.rows, 0xff, size * sizeof(float)); /* NaN, where nothing is written */
    memset(p.pairs, 0xff, size * sizeof(float));
    for (isize row = 0; row < n; row += at_a_time) nn_pack(&p, row, row + at_a_time < n ? row + at_a_time : n);
    return p;
}

static float *pairs_of(const nn_packing *p) { return NN_PAIR == 2 ? p->pairs : p->rows; }

static void pack_weight(layer *l)
{
    for (isize p = 0; p < nn_panel_count(l->n_out); p++)
        for (isize q = 0; q < nn_panel_count(l->n_in); q++)
            nn_pack_weight(l->words + nn_panel_at(nn_words(l->n_in), l->n_out, p, q * NN_W / NN_PAIR),
                           l->transposed + nn_panel_at(nn_words(l->n_out), l->n_in, q, p * NN_W / NN_PAIR),
                           nn_panel_width(l->n_in, q),
                           l->weight_panels + nn_panel_at(l->n_in + 1, l->n_out, p, q * NN_W),
                           nn_panel_cols(l->n_in, q), nn_panel_cols(l->n_out, p), nn_panel_width(l->n_out, p));
}

static void check_forward(const layer *l, int with_bias, int relu)
{
    const isize half = l->n / 2 / NN_FILL * NN_FILL;
    int suspect = 0, strange = 0;
    float *y = reals(l->n * nn_padded(l->n_out));
    for (isize p = 0; p < nn_panel_count(l->n_out); p++) {
        nn_product m = {.x = l->input.rows, .x_rows = l->room, .n_k = l->n_in, .n_cols = nn_panel_cols(l->n_out, p)};
        m.w = l->words + nn_panel_at(nn_words(l->n_in), l->n_out, p, 0);
        m.bias = with_bias ? l->weight_panels + nn_panel_at(l->n_in + 1, l->n_out, p, l->n_in) : NULL;
        m.y = y + nn_panel_at(l->n, l->n_out, p, 0), m.relu = relu, m.suspect = p == 0 ? &suspect : NULL;
        nn_short_product(&m, nn_panel_width(l->n_out, p), 0, half);
        nn_short_product(&m, nn_panel_width(l->n_out, p), half, l->n);
    }
    for (isize r = 0; r < l->n; r++)
        for (isize c = 0; c < l->n_out; c++) {
            const float bias = with_bias ? l->weight[l->n_in * l->n_out + c] : 0;
            const float z = dot(l->x + r * l->n_in, 1, l->weight + c, l->n_out, l->n_in, bias);
            strange |= c == 0 && z * 0 != 0;
            compare("product", y[nn_panel_at(l->n, l->n_out, c / NN_W, r) + c % NN_W], relu && 0 > z ? 0 : z, r, c);
        }
    if (strange && !suspect) n_wrong++, puts("a sum that is not finite has gone unnoticed");
    free(y);
}

static void check_single(const layer *l)
{
    float *y = reals(nn_padded(l->n_out));
    const float *bias = l->weight + l->n_in * l->n_out;
    nn_short_single(y, l->x, l->words, l->weight_panels, l->n_in, l->n_in + 1, l->n_out);
    for (isize c = 0; c < l->n_out; c++)
        compare("single row", y[c], dot(l->x, 1, l->weight + c, l->n_out, l->n_in, bias[c]), 0, c);
    free(y);
}

static void check_backward(const layer *l, int more, int gated)
{
    float *dx = in_panels(l->other, l->n, l->n_in, 0), *gate = in_panels(l->x, l->n, l->n_in, 1);
    for (isize q = 0; q < nn_panel_count(l->n_in); q++) {
        const isize at = nn_panel_at(l->n, l->n_in, q, 0);
        nn_product m = {.x = l->delta.rows, .x_rows = l->room, .n_k = l->n_out, .n_cols = nn_panel_cols(l->n_in, q)};
        m.w = l->transposed + nn_panel_at(nn_words(l->n_out), l->n_in, q, 0);
        m.y = dx + at, m.more = more, m.gate = gated ? gate + at : NULL;
        nn_short_product(&m, nn_panel_width(l->n_in, q), 0, l->n);
    }
    for (isize r = 0; r < l->n; r++)
        for (isize c = 0; c < l->n_in; c++) {
            float expected = dot(l->dz + r * l->n_out, 1, l->weight + c * l->n_out, 1, l->n_out, 0);
            if (more) expected += l->other[r * l->n_in + c];
            if (gated) expected *= l->x[r * l->n_in + c] > 0;
            compare("backward", dx[nn_panel_at(l->n, l->n_in, c / NN_W, r) + c % NN_W], expected, r, c);
        }
    free(dx), free(gate);
}

/* the gradient of a weight, or of a bias in row n_in, which is a sum of what has not been rounded */
static float expected_gradient(const layer *l, isize i, isize j)
{
    float groups[MOST_GROUPS];
    for (isize g = 0; g < nn_group_count(l->n); g++) {
        const isize row = g * NN_GROUP, n = l->n - row < NN_GROUP ? l->n - row : NN_GROUP;
        const float *dz = l->dz + row * l->n_out + j;
        groups[g] = 0;
        if (i < l->n_in) groups[g] = dot(l->x + row * l->n_in + i, l->n_in, dz, l->n_out, n, 0);
        else for (isize r = 0; r < n; r++) groups[g] += dz[r * l->n_out];
    }
    return tree(groups, nn_group_count(l->n));
}

static void check_gradient(const layer *l)
{
    const isize size = (NN_W + 1) * NN_W;
    float *gradient = reals(size), *levels = reals(size * NN_LEVELS);
    for (isize p = 0; p < nn_panel_count(l->n_out); p++)
        for (isize q = 0; q < nn_panel_count(l->n_in); q++) {
            nn_outer o = {.n_rows = l->n, .gradient = gradient, .with_bias = 1, .tree = {0, 1, levels, size}};
            o.x_pairs = pairs_of(&l->input) + nn_short_pairs_at(l->room, q * NN_W, 0);
            o.dz_pairs = pairs_of(&l->delta) + nn_short_pairs_at(l->room, p * NN_W, 0);
            o.dz = l->dz_panels + nn_panel_at(l->n, l->n_out, p, 0);
            o.n_in = nn_panel_cols(l->n_in, q), o.x_width = nn_panel_width(l->n_in, q);
            o.n_out = nn_panel_cols(l->n_out, p), o.width = nn_panel_width(l->n_out, p);
            nn_outer_block(&o);
            for (isize i = 0; i <= o.n_in; i++)
                for (isize j = 0; j < o.n_out; j++)
                    compare("gradient", gradient[i * o.width + j],
                            expected_gradient(l, i < o.n_in ? q * NN_W + i : l->n_in, p * NN_W + j), i, j);
        }
    free(gradient), free(levels);
}

/* all kernels for n rows of a layer; bits of `options` say how */
static void check_layer(isize n, isize n_in, isize n_out, int kind, int weight_kind, unsigned options)
{
    const isize at_a_time = options & 8 ? nn_filled(48) : options & 16 ? NN_FILL : n;
    layer l = {.n = n, .n_in = n_in, .n_out = n_out, .room = nn_filled(n) + (options & 4 ? NN_FILL : 0)};
    l.x = matrix(n, n_in, kind), l.weight = matrix(n_in + 1, n_out, weight_kind), l.dz = matrix(n, n_out, kind);
    l.other = matrix(n, n_in, PLAIN);
    float *x_panels = in_panels(l.x, n, n_in, 1);
    l.weight_panels = in_panels(l.weight, n_in + 1, n_out, 0), l.dz_panels = in_panels(l.dz, n, n_out, 0);
    l.words = reals(nn_words(n_in) * nn_padded(n_out)), l.transposed = reals(nn_words(n_out) * nn_padded(n_in));
    l.input = packed(options & 4 ? l.x : x_panels, n, n_in, l.room, options & 4, at_a_time, 1);
    l.delta = packed(l.dz_panels, n, n_out, l.room, 0, at_a_time, 0);
    pack_weight(&l);
    check_forward(&l, options & 1, options & 2);
    check_single(&l);
    check_backward(&l, options & 2, options & 1);
    check_gradient(&l);
    float *all[] = {l.x, l.weight, l.dz, l.other, x_panels, l.weight_panels, l.dz_panels, l.words, l.transposed,
                    l.input.rows, l.input.pairs, l.delta.rows, l.delta.pairs};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
}

/* rounding alone: of random bits, of ties, of subnormal numbers */
static void check_rounding(void)
{
    for (int k = 0; k < 20000; k++) {
        const float x[] = {from_bits(draw()), value(SPECIAL), from_bits(draw() << 15), from_bits(draw() & 0x81ffffff)};
        nn_packing p = packed(x, 4, 1, NN_FILL, 1, 4, 0);
        for (int r = 0; r < 4; r++) {
            const uint32_t word = bits_of(p.rows[r * NN_BLOCK_WORDS]);
            compare("rounding", from_bits(NN_TILES ? word << 16 : word & 0xffff0000), rounded(x[r]), r, 0);
        }
        free(p.rows), free(p.pairs);
    }
}

int main(void)
{
    if (NN_TILES == 1 && !nn_cpu_allow_tiles()) return 2;
    const unsigned before = nn_fp_begin(1);
    check_rounding();
    for (isize n = 1; n <= 70; n++) /* every remainder of rows, inputs and outputs, of every kind */
        check_layer(n, n * 37 % 70 + 1, n * 23 % 70 + 1, n % N_KINDS, n / N_KINDS % N_KINDS, (unsigned)n * 11);
    for (isize k = 1; k <= 66; k++) {
        check_layer(5, k, 1 + k % 4, k % N_KINDS, SPECIAL, (unsigned)k);
        check_layer(3, 1 + k % 5, k, 1 + k % 5, k % N_KINDS, (unsigned)k);
        check_layer(k, 3, 2, VANISHING, k % N_KINDS, (unsigned)k);
        check_layer(2, k, k, VANISHING, VANISHING, (unsigned)k);
    }
    check_layer(13, 784, 20, SPECIAL, PLAIN, 1); /* several runs of blocks, several groups of rows */
    check_layer(50, 300, 64, PLAIN, PLAIN, 9);
    check_layer(256, 33, 10, UNDERFLOW, OVERFLOW, 3);
    check_layer(257, 5, 40, PLAIN, ANY_BITS, 11);
    check_layer(600, 7, 3, OVERFLOW, UNDERFLOW, 8);
    check_layer(1100, 3, 17, VANISHING, VANISHING, 8);
    for (int k = 0; k < 150; k++)
        check_layer(draw() % 100 + 1, draw() % 150 + 1, draw() % 80 + 1, draw() % N_KINDS, draw() % N_KINDS, draw());
    nn_fp_end(before);
    printf("%ld %ld %ld %ld\n", n_compared, n_nan, n_zero, n_wrong);
    return 0;
}
