/* cpu.h -- what this processor and operating system can run, and the floating-point environment of the kernels. */
#ifndef NN_CPU_H
#define NN_CPU_H

#if defined(__x86_64__) || defined(__i386__)

#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif
#include <xmmintrin.h>

static inline unsigned nn_xgetbv(void) /* which registers the operating system saves */
{
    unsigned low, high;
    __asm__ __volatile__(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* 0: base, 1: AVX2 and FMA, 2: AVX-512 F, DQ, BW and VL, 3: these and BF16, 4: and AMX with BF16 */
static inline int nn_cpu_level(void)
{
    unsigned a, b, c, d;
    const unsigned fma = 1u << 12, osxsave = 1u << 27, avx = 1u << 28, avx2 = 1u << 5;
    const unsigned avx512 = (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31); /* F DQ BW VL */
    const unsigned amx = (1u << 22) | (1u << 24);                              /* BF16 TILE */
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (fma | osxsave | avx)) != (fma | osxsave | avx)) return 0;
    unsigned saved = nn_xgetbv();
    if ((saved & 0x06) != 0x06 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & avx2)) return 0;
    if ((saved & 0xe6) != 0xe6 || (b & avx512) != avx512) return 1;
    const int has_tiles = (d & amx) == amx && (saved & 0x60000) == 0x60000;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a & 1u << 5)) return 2;
    return 3 + has_tiles;
}

/* Ask the operating system to save this process' matrix registers; whether it does. It refuses, for one, where a thread
 * handles its signals on a stack that is too small for them. */
static inline int nn_cpu_allow_tiles(void)
{
#if defined(__linux__) && defined(__x86_64__)
    const long ask_for_state = 0x1023, of_tiles = 18; /* ARCH_REQ_XCOMP_PERM, XFEATURE_XTILE_DATA */
    return nn_cpu_level() >= 4 && syscall(SYS_arch_prctl, ask_for_state, of_tiles) == 0;
#else
    return 0;
#endif
}

/* whether it computes 512-bit vectors as two of 256 bits, one after the other: AMD's family 19h, Zen 4 */
static inline int nn_cpu_halves_512(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx || c != signature_AMD_ecx) return 0;
    return __get_cpuid(1, &a, &b, &c, &d) && ((a >> 8) & 15) + ((a >> 20) & 255) == 0x19;
}

/* EAX, EBX, ECX and EDX of a leaf of CPUID in found[4]; returns 0 where the processor has no such leaf */
static inline int nn_cpuid(unsigned leaf, unsigned subleaf, unsigned found[4])
{
    return __get_cpuid_count(leaf, subleaf, found, found + 1, found + 2, found + 3);
}

/* XCR0, or 0 where the system does not let it be read */
static inline unsigned nn_cpu_saves(void)
{
    unsigned leaf[4];
    return nn_cpuid(1, 0, leaf) && leaf[2] & 1u << 27 ? nn_xgetbv() : 0;
}

/* whether a square root of 512 bits occupies the divider for longer than multiply-adds that compute it take: Intel's */
static inline int nn_cpu_slow_roots(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(0, &a, &b, &c, &d) && b == signature_INTEL_ebx && c == signature_INTEL_ecx;
}

static inline void nn_cpu_name(char name[49])
{
    unsigned *words = (unsigned *)name, max;
    name[0] = name[48] = 0;
    if ((max = __get_cpuid_max(0x80000000u, 0)) < 0x80000004u) return;
    for (unsigned i = 0; i < 3; i++)
        __get_cpuid(0x80000002u + i, words + 4 * i, words + 4 * i + 1, words + 4 * i + 2, words + 4 * i + 3);
}

/* Matrix registers are the thread's between nn_fp_begin(1) and nn_fp_end, all eight of them with 16 rows of 64 bytes, and
 * after what runs in between by itself, which may have had them. A thread that has none is sooner exchanged for another. */
#define NN_HAD_TILES (1u << 31) /* in what nn_fp_begin returns; the processor has no such flag */
#if NN_TILES == 1
static _Thread_local unsigned nn_has_tiles; /* NN_HAD_TILES, or 0 */

static inline void nn_tiles_take(void)
{
    static const struct { unsigned char palette, start_row, unused[14]; unsigned short bytes[16]; unsigned char rows[16]; }
        shape = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
    __asm__ __volatile__("ldtilecfg %0" : : "m"(shape) : "memory");
    nn_has_tiles = NN_HAD_TILES;
}
static inline unsigned nn_tiles_begin(int computes)
{
    const unsigned before = nn_has_tiles;
    if (computes) nn_tiles_take();
    return before;
}
static inline void nn_tiles_end(unsigned before)
{
    if (before & NN_HAD_TILES) { nn_tiles_take(); return; }
    if (nn_has_tiles) __asm__ __volatile__("tilerelease" : : : "memory");
    nn_has_tiles = 0;
}
#else
static inline unsigned nn_tiles_begin(int computes) { (void)computes; return 0; }
static inline void nn_tiles_end(unsigned before) { (void)before; }
#endif

/* Round to nearest, no traps: whatever another library has set, the bits are the same. `flush`: subnormal numbers count
 * as zero. They are up to 200 times as slow, and networks are full of them: a dead unit's moments decay for thousands of
 * steps, and units far in the tail of a sigmoid put them out. The compiler may move no access to memory across either. */
#define NN_FENCE() __asm__ __volatile__("" ::: "memory")
static inline unsigned nn_fp_begin(int flush)
{
    unsigned before = _mm_getcsr(), wanted = flush ? 0x9fc0 : 0x1f80;
    NN_FENCE();
    if (before != wanted) _mm_setcsr(wanted);
    NN_FENCE();
    return before | nn_tiles_begin(flush);
}
static inline void nn_fp_end(unsigned before)
{
    NN_FENCE();
    nn_tiles_end(before);
    _mm_setcsr(before & ~NN_HAD_TILES);
    NN_FENCE();
}

#else

static inline int nn_cpu_level(void) { return 0; }
static inline int nn_cpu_halves_512(void) { return 0; }
static inline int nn_cpu_allow_tiles(void) { return 0; }
static inline int nn_cpuid(unsigned leaf, unsigned subleaf, unsigned found[4])
{
    (void)leaf; (void)subleaf; (void)found;
    return 0;
}
static inline unsigned nn_cpu_saves(void) { return 0; }
static inline int nn_cpu_slow_roots(void) { return 0; }
static inline void nn_cpu_name(char name[49]) { name[0] = 0; }
#if defined(__aarch64__)
static inline unsigned nn_fp_begin(int flush)
{
    unsigned long before, wanted = flush ? 1ul << 24 : 0;
    __asm__ __volatile__("mrs %0, fpcr" : "=r"(before) : : "memory");
    __asm__ __volatile__("msr fpcr, %0" : : "r"(wanted) : "memory");
    return (unsigned)before;
}
static inline void nn_fp_end(unsigned before)
{
    unsigned long value = before;
    __asm__ __volatile__("msr fpcr, %0" : : "r"(value) : "memory");
}
#else
static inline unsigned nn_fp_begin(int flush) { (void)flush; return 0; }
static inline void nn_fp_end(unsigned before) { (void)before; }
#endif

#endif
#endif
