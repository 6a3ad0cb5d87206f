/* Peak rates: loops that do nothing but read, or nothing but multiply and add. */
#include "peak.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/alloc.h"
#include "compute/cpus.h"

#define MEMORY_BYTES ((size_t)512 << 20)
#define L3_BYTES     ((size_t)12 << 20)
#define RUN_SECONDS  0.005

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_best(const double *values, size_t n)
{
    double best = values[0];
    for (size_t i = 1; i < n; i++)
        best = values[i] > best ? values[i] : best;
    return best;
}

void peak_init(struct peak *p, struct pr_pool *pool)
{
    void *memory;
    struct pr_error e;
    if (pr_big_alloc(&memory, MEMORY_BYTES, 1, "bench", &e)) {
        fprintf(stderr, "%s\n", e.message);
        abort();
    }
    memset(memory, 1, MEMORY_BYTES);
    *p = (struct peak){pool, memory, MEMORY_BYTES};
}

void peak_done(struct peak *p)
{
    pr_big_free(p->memory, p->bytes);
}

/* --- reading --- */

static uint64_t read_plain(const char *at, size_t bytes)
{
    typedef uint64_t wide __attribute__((vector_size(64), aligned(64)));
    wide sum = {0};
    for (const char *end = at + bytes; at < end; at += 64)
        sum ^= *(const wide *)(const void *)at;
    return sum[0];
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static uint64_t read_avx512(const char *at, size_t bytes)
{
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;
    for (const char *end = at + bytes; at < end; at += 256) {
        a = _mm512_xor_si512(a, _mm512_load_si512(at));
        b = _mm512_xor_si512(b, _mm512_load_si512(at + 64));
        c = _mm512_xor_si512(c, _mm512_load_si512(at + 128));
        d = _mm512_xor_si512(d, _mm512_load_si512(at + 192));
    }
    a = _mm512_xor_si512(_mm512_xor_si512(a, b), _mm512_xor_si512(c, d));
    return (uint64_t)_mm512_reduce_add_epi64(a);
}
#endif

struct job {
    const struct peak *peak;
    size_t bytes; /* of each thread */
    uint64_t (*work)(const char *at, size_t bytes);
    atomic_int arrived;
    int threads;
    double *rates;     /* out: calls a second of each item */
    atomic_ulong sink; /* keeps the results alive */
};

/* One item a thread: waits until all threads are there, then works until the time is over. */
static void work_item(void *ctx, size_t item, int thread)
{
    struct job *j = ctx;
    (void)thread;
    j->arrived++;
    while (j->arrived < j->threads)
        sched_yield();
    double start = bench_now(), end = start + RUN_SECONDS, now;
    unsigned long rounds = 0;
    uint64_t sum = 0;
    const char *slice = j->peak->memory + item * (j->peak->bytes / (size_t)j->threads);
    do {
        size_t at = j->bytes > L3_BYTES ? rounds * L3_BYTES / 8 % j->bytes : 0;
        sum += j->work(slice + at, j->bytes > L3_BYTES ? L3_BYTES / 8 : j->bytes);
        rounds++;
        now = bench_now();
    } while (now < end);
    j->rates[item] = (double)rounds / (now - start);
    j->sink += sum;
}

/* Work units a second: calls of `work` by all threads. */
static double run(struct peak *p, size_t bytes, uint64_t (*work)(const char *at, size_t bytes))
{
    int n = pr_pool_threads(p->pool);
    double rates[1024], sum = 0;
    struct job j = {.peak = p, .bytes = bytes, .work = work, .threads = n, .rates = rates};
    pr_pool_run(p->pool, (size_t)n, work_item, &j);
    for (int i = 0; i < n; i++)
        sum += rates[i];
    return sum;
}

static uint64_t (*reader(void))(const char *at, size_t bytes)
{
#if defined(__x86_64__)
    if (pr_cpu_isa().avx512)
        return read_avx512;
#endif
    return read_plain;
}

double peak_read(struct peak *p)
{
    size_t slice = p->bytes / (size_t)pr_pool_threads(p->pool) / (L3_BYTES / 8) * (L3_BYTES / 8);
    return run(p, slice, reader()) * (double)(L3_BYTES / 8);
}

double peak_read_l3(struct peak *p)
{
    size_t bytes = L3_BYTES / (size_t)pr_pool_threads(p->pool) / 4096 * 4096;
    return run(p, bytes, reader()) * (double)bytes;
}

/* --- arithmetic --- */

#define STEPS  20000
#define CHAINS 12 /* independent sums: latency × units, and few enough for 16 registers */

#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 24")
#endif

/* Runs STEPS of each chain and adds them up into total; without UNROLL everywhere the array would
 * live in memory. */
#define CHAIN_LOOP(vector, total, add, step)                                                       \
    vector sum[CHAINS];                                                                            \
    UNROLL                                                                                         \
    for (int i = 0; i < CHAINS; i++) {                                                             \
        sum[i] = total;                                                                            \
        __asm__("" : "+v"(sum[i])); /* else all chains are one */                                  \
    }                                                                                              \
    for (int n = 0; n < STEPS; n++) {                                                              \
        UNROLL                                                                                     \
        for (int i = 0; i < CHAINS; i++)                                                           \
            sum[i] = step(sum[i]);                                                                 \
    }                                                                                              \
    UNROLL                                                                                         \
    for (int i = 0; i < CHAINS; i++)                                                               \
        total = add(total, sum[i]);

#if defined(__x86_64__)
#define STEP_AVX512(s) _mm512_fmadd_ps(x, x, s)
__attribute__((target("avx512f"))) static uint64_t fma_avx512(const char *at, size_t bytes)
{
    __m512 x = _mm512_set1_ps((float)*at), total = x;
    (void)bytes;
    CHAIN_LOOP(__m512, total, _mm512_add_ps, STEP_AVX512)
    return (uint64_t)_mm512_reduce_add_ps(total);
}

#define STEP_BF16(s) _mm512_dpbf16_ps(s, x, x)
__attribute__((target("avx512f,avx512bf16"))) static uint64_t dot_bf16(const char *at, size_t bytes)
{
    __m512bh x = (__m512bh)_mm512_set1_epi16(*at);
    __m512 total = _mm512_setzero_ps();
    (void)bytes;
    CHAIN_LOOP(__m512, total, _mm512_add_ps, STEP_BF16)
    return (uint64_t)_mm512_reduce_add_ps(total);
}

#define STEP_AVX2(s) _mm256_fmadd_ps(x, x, s)
__attribute__((target("avx2,fma"))) static uint64_t fma_avx2(const char *at, size_t bytes)
{
    __m256 x = _mm256_set1_ps((float)*at), total = x;
    (void)bytes;
    CHAIN_LOOP(__m256, total, _mm256_add_ps, STEP_AVX2)
    return (uint64_t)_mm256_cvtss_f32(total);
}
#endif

/* Vectors of four floats, multiplied and then added; whatever registers there are. */
static uint64_t multiply_add(const char *at, size_t bytes)
{
    typedef float four __attribute__((vector_size(16)));
    four x = {(float)*at, 1, 1, 1}, s[12], total = x;
    (void)bytes;
    UNROLL
    for (int i = 0; i < 12; i++)
        s[i] = x + (float)i;
    for (int n = 0; n < STEPS; n++) {
        UNROLL
        for (int i = 0; i < 12; i++)
            s[i] = s[i] * x + x;
    }
    UNROLL
    for (int i = 0; i < 12; i++)
        total += s[i];
    return (uint64_t)total[0];
}

double peak_flops(struct peak *p, const char *isa, bool bf16)
{
    static const struct {
        const char *isa;
        bool bf16;
        uint64_t (*work)(const char *at, size_t bytes);
        double flops; /* of one instruction */
    } loops[] = {
#if defined(__x86_64__)
        {"avx512bf16", true, dot_bf16, 64},
        {"avx512bf16", false, fma_avx512, 32},
        {"avx512", false, fma_avx512, 32},
        {"avx2", false, fma_avx2, 16},
#endif
        {"portable", false, multiply_add, 8},
    };
    size_t n = sizeof loops / sizeof *loops, best = n - 1;
    for (size_t i = n; i-- > 0;) {
        if (!strcmp(loops[i].isa, isa) && (bf16 || !loops[i].bf16))
            best = i;
    }
    return run(p, 0, loops[best].work) * loops[best].flops * CHAINS * STEPS;
}
