/* How fast the engine is on one checkpoint, and how far from what this machine can do: loading,
 * prefill and scoring of packed tokens, batched decoding, memory.  Prints JSON Lines;
 * bench/engines.py sets them beside other engines.
 *
 *   engine DIR [--dtype f32|bf16] [--threads N] [--repeat N] [--quick]
 *
 * Rates are medians of the repeats.  The peaks are measured in the same process just before, so
 * that a share compares like with like on a busy machine too.  Work is counted from the shape: two
 * operations a weight and token, attention over the mean context.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "model/checkpoint.h"
#include "model/engine.h"
#include "peak.h"

struct bench {
    const char *dir;
    enum pr_math math;
    int threads, repeat;
    bool quick;
    struct pr_checkpoint *checkpoint;
    struct pr_engine *engine;
    const struct pr_model_config *config;
    struct pr_rng rng;
    double body, head; /* operations a token: linear layers; vocabulary */
    double attention;  /* operations a token and key that it sees */
    struct peak peak;
    /* Operations and bytes a second: the best measured beside the row in hand, and in the whole
     * run. On a shared machine the memory's speed halves and doubles within a minute. */
    double flops, bandwidth, best_flops, best_bandwidth;
};

static double now(void)
{
    return (double)pr_clock_monotonic_ns() / 1e9;
}

static void print_row(json_t *row)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 20);
    pr_json_dump(row, 0, 6, &text);
    puts(pr_str_cstr(&text));
    fflush(stdout);
    pr_str_done(&text);
    json_decref(row);
}

/* A field of /proc/self/status in bytes, or 0. */
static uint64_t status_bytes(const char *key)
{
    char line[256];
    uint64_t kb = 0;
    FILE *f = fopen("/proc/self/status", "re");
    if (!f)
        return 0;
    size_t n = strlen(key);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, key, n) == 0 && line[n] == ':')
            kb = strtoull(line + n + 1, NULL, 10);
    fclose(f);
    return kb * 1024;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
/* Sorts v on the way. */
static double median(double *v, size_t n)
{
    qsort(v, n, sizeof *v, compare_doubles);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* ---- One run of `n` sequences of `len` random ids ---- */

enum want { WANT_LAST, WANT_ANSWERS, WANT_ALL, WANT_NEW };
static const char *const want_names[] = {"prefill", "score answers", "score all", "decode"};

struct batch {
    struct pr_request *requests;
    size_t n, len, max_new;
    int32_t *ids, *new_ids;
    float *numbers;
};

static void batch_init(
    struct bench *b, struct batch *t, enum want want, size_t n, size_t len, size_t max_new)
{
    size_t vocab = b->config->vocab, numbers = want == WANT_LAST ? vocab : len + max_new;
    *t = (struct batch){.n = n, .len = len, .max_new = max_new};
    t->requests = pr_zalloc(n * sizeof *t->requests);
    t->ids = pr_alloc(n * len * sizeof *t->ids);
    t->new_ids = pr_alloc(n * (max_new + 1) * sizeof *t->new_ids);
    t->numbers = pr_alloc(n * numbers * sizeof *t->numbers);
    for (size_t i = 0; i < n * len; i++)
        t->ids[i] = (int32_t)pr_rng_below(&b->rng, vocab);
    for (size_t i = 0; i < n; i++) {
        struct pr_request *r = &t->requests[i];
        r->ids = t->ids + i * len;
        r->n = len;
        r->score_from = len;
        if (want == WANT_LAST) {
            r->logits = t->numbers + i * numbers;
        } else if (want == WANT_NEW) {
            r->max_new = max_new;
            r->new_ids = t->new_ids + i * (max_new + 1);
            r->new_logprobs = t->numbers + i * numbers;
        } else {
            /* An answer is the last eighth of its sequence. */
            r->score_from = want == WANT_ALL ? 1 : len - len / 8;
            r->logprobs = t->numbers + i * numbers;
        }
    }
}

static void batch_done(struct batch *t)
{
    pr_free(t->requests);
    pr_free(t->ids);
    pr_free(t->new_ids);
    pr_free(t->numbers);
}

/* Seconds of one run; the ids are new each time, so nothing can be remembered from the last. */
static enum pr_code run_once(struct bench *b, enum want want, size_t n, size_t len, size_t max_new,
    double *ret, struct pr_error *e)
{
    struct batch t;
    batch_init(b, &t, want, n, len, max_new);
    struct pr_run run = {0};
    double begin = now();
    enum pr_code code = pr_engine_run(b->engine, t.requests, n, &run, e);
    *ret = now() - begin;
    for (size_t i = 0; i < n && !code; i++)
        if (t.requests[i].bad_number)
            code = pr_fail(e, PR_E_NUMBER, "request %zu: its logits are not numbers", i);
    batch_done(&t);
    return code;
}

/* Done between the measurements of the engine, so that a slow moment of the machine hits both. */
static void measure_peaks(struct bench *b, int times)
{
    for (int i = 0; i < times; i++) {
        const char *isa = pr_kernels_default()->isa;
        double flops = peak_flops(&b->peak, isa, b->math == PR_MATH_BF16);
        double bandwidth = peak_read(&b->peak);
        b->flops = flops > b->flops ? flops : b->flops;
        b->bandwidth = bandwidth > b->bandwidth ? bandwidth : b->bandwidth;
        b->best_flops = flops > b->best_flops ? flops : b->best_flops;
        b->best_bandwidth = bandwidth > b->best_bandwidth ? bandwidth : b->best_bandwidth;
    }
}

static enum pr_code bench_tokens(
    struct bench *b, enum want want, size_t n, size_t len, struct pr_error *e)
{
    double seconds[32], warm;
    b->flops = b->bandwidth = 0;
    enum pr_code code = run_once(b, want, n, len, 0, &warm, e);
    for (int i = 0; i < b->repeat && !code; i++) {
        measure_peaks(b, 4);
        code = run_once(b, want, n, len, 0, &seconds[i], e);
    }
    if (code)
        return code;
    double typical = median(seconds, (size_t)b->repeat), s = seconds[0], tokens = (double)(n * len);
    /* Rows of logits: one a sequence, the answers, or all but the last token. */
    double logits = (double)n * (want == WANT_LAST     ? 1.0
                                    : want == WANT_ALL ? (double)(len - 1)
                                                       : (double)(len / 8));
    double work = tokens * (b->body + b->attention * (double)(len + 1) / 2) + logits * b->head;
    json_t *row = json_object();
    pr_json_set_str(row, "what", want_names[want]);
    pr_json_set_int(row, "sequences", (int64_t)n);
    pr_json_set_int(row, "length", (int64_t)len);
    pr_json_set_real(row, "tokens_per_second", tokens / typical, NULL);
    pr_json_set_real(row, "best_tokens_per_second", tokens / s, NULL);
    pr_json_set_real(row, "share_of_peak_flops", work / s / b->flops, NULL);
    pr_json_set_real(row, "limit_tokens_per_second", tokens / (work / b->flops), NULL);
    print_row(row);
    return PR_OK;
}

/* Decoding alone: the time of a long run less that of a short one with prompts of the same length.
 */
static enum pr_code bench_decode(struct bench *b, size_t n, struct pr_error *e)
{
    const size_t prompt = 8, few = 4, many = b->quick ? 20 : 52;
    double rates[32], warm;
    b->flops = b->bandwidth = 0;
    enum pr_code code = run_once(b, WANT_NEW, n, prompt, few, &warm, e);
    for (int i = 0; i < b->repeat && !code; i++) {
        double a = 0, z = 0;
        measure_peaks(b, 4);
        if ((code = run_once(b, WANT_NEW, n, prompt, few, &a, e)) ||
            (code = run_once(b, WANT_NEW, n, prompt, many, &z, e)))
            break;
        rates[i] = (double)(n * (many - few)) / (z - a);
    }
    if (code)
        return code;
    const struct pr_model_config *c = b->config;
    double typical = median(rates, (size_t)b->repeat), rate = rates[b->repeat - 1];
    double context = (double)(prompt + (many + few) / 2);
    double element =
        b->math == PR_MATH_F32 ? 4 : 2; /* of the KV cache; weights as they are stored */
    double weights = (b->body + b->head) / 2 *
                     (double)pr_dtype_size(
                         pr_checkpoint_tensor(b->checkpoint, "model.embed_tokens.weight")->dtype);
    double kv = 2.0 * c->n_layers * c->n_kv_heads * c->head_dim * element * context;
    double bytes = weights + (double)n * kv; /* read once a step */
    double work = (double)n * (b->body + b->head + b->attention * context);
    double limit_memory = (double)n * b->bandwidth / bytes,
           limit_flops = (double)n * b->flops / work;
    json_t *row = json_object();
    pr_json_set_str(row, "what", want_names[WANT_NEW]);
    pr_json_set_int(row, "sequences", (int64_t)n);
    pr_json_set_real(row, "tokens_per_second", typical, NULL);
    pr_json_set_real(row, "best_tokens_per_second", rate, NULL);
    pr_json_set_real(row, "share_of_bandwidth", rate / limit_memory, NULL);
    pr_json_set_real(row, "share_of_peak_flops", rate / limit_flops, NULL);
    pr_json_set_real(row, "limit_tokens_per_second",
        limit_memory < limit_flops ? limit_memory : limit_flops, NULL);
    print_row(row);
    return PR_OK;
}

/* ---- Loading ---- */

static void count_work(struct bench *b)
{
    const struct pr_model_config *c = b->config;
    double h = c->hidden, q = (double)c->n_heads * c->head_dim,
           kv = (double)c->n_kv_heads * c->head_dim;
    b->body = 2.0 * c->n_layers * (h * (q + 2 * kv) + q * h + 3 * h * c->intermediate);
    b->head = 2.0 * h * c->vocab;
    b->attention = 4.0 * c->n_layers * q;
}

static enum pr_code load(struct bench *b, struct pr_error *e)
{
    struct pr_checkpoint_options open = {.weights = true};
    struct pr_engine_options options = {.math = b->math, .n_threads = b->threads};
    double begin = now(), opened, packed, scored;
    enum pr_code code = pr_checkpoint_open(b->dir, &open, &b->checkpoint, e);
    if (code)
        return code;
    opened = now();
    b->config = pr_checkpoint_config(b->checkpoint);
    if ((code = pr_engine_new(b->checkpoint, &options, &b->engine, e)))
        return code;
    packed = now();
    if ((code = run_once(b, WANT_ALL, 1, 16, 0, &scored, e)))
        return code;
    double ready = now(), seconds;
    b->math = pr_engine_math(b->engine);
    count_work(b);
    /* Memory is read here, before the peaks take theirs: a full pass with logits is the most there
     * is beside the KV cache of what is generated. */
    if ((code = run_once(b, WANT_ALL, 8, 64, 0, &seconds, e)))
        return code;
    uint64_t file = pr_checkpoint_weight_bytes(b->checkpoint), peak = status_bytes("VmHWM");
    json_t *row = json_object();
    pr_json_set_str(row, "what", "load");
    pr_json_set_str(row, "numerics", pr_engine_numerics(b->engine));
    pr_json_set_int(row, "threads", pr_engine_threads(b->engine));
    pr_json_set_real(row, "open_seconds", opened - begin, NULL);
    pr_json_set_real(row, "pack_seconds", packed - opened, NULL);
    pr_json_set_real(row, "first_score_seconds", scored, NULL);
    pr_json_set_real(row, "ready_seconds", ready - begin, NULL);
    pr_json_set_int(row, "weight_bytes", (int64_t)file);
    pr_json_set_int(row, "peak_rss_bytes", (int64_t)peak);
    pr_json_set_real(row, "peak_rss_share", (double)peak / (double)file, NULL);
    print_row(row);
    return PR_OK;
}

static void print_peaks(const struct bench *b)
{
    json_t *row = json_object();
    pr_json_set_str(row, "what", "machine");
    pr_json_set_str(row, "math", b->math == PR_MATH_BF16 ? "bf16" : "f32");
    pr_json_set_int(row, "threads", pr_engine_threads(b->engine));
    pr_json_set_real(row, "peak_flops", b->best_flops, NULL);
    pr_json_set_real(row, "read_bytes_per_second", b->best_bandwidth, NULL);
    pr_json_set_real(row, "body_flops_per_token", b->body, NULL);
    pr_json_set_real(row, "head_flops_per_token", b->head, NULL);
    print_row(row);
}

static enum pr_code bench_all(struct bench *b, struct pr_error *e)
{
    static const struct {
        enum want want;
        size_t n, len;
        bool slow;
    } scores[] = {{WANT_LAST, 1, 128, false}, {WANT_LAST, 1, 512, false}, {WANT_LAST, 8, 64, false},
        {WANT_LAST, 1, 2048, true}, {WANT_ALL, 1, 512, false}, {WANT_ALL, 8, 64, false},
        {WANT_ANSWERS, 8, 64, false}, {WANT_ANSWERS, 64, 64, true}};
    static const size_t decodes[] = {1, 8, 16, 32};
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < sizeof scores / sizeof *scores && !code; i++)
        if ((!b->quick || !scores[i].slow) && scores[i].len <= b->config->max_position)
            code = bench_tokens(b, scores[i].want, scores[i].n, scores[i].len, e);
    for (size_t i = 0; i < sizeof decodes / sizeof *decodes && !code; i++)
        code = bench_decode(b, decodes[i], e);
    return code;
}

static bool parse(struct bench *b, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i], *value = i + 1 < argc ? argv[i + 1] : "";
        char *end = NULL;
        if (strcmp(a, "--quick") == 0) {
            b->quick = true;
        } else if (strcmp(a, "--dtype") == 0) {
            b->math = strcmp(value, "f32") == 0    ? PR_MATH_F32
                      : strcmp(value, "bf16") == 0 ? PR_MATH_BF16
                                                   : PR_MATH_AUTO;
            i++;
        } else if (strcmp(a, "--threads") == 0 || strcmp(a, "--repeat") == 0) {
            long n = strtol(value, &end, 10);
            if (end == value || *end || n < 0 || n > 1024)
                return false;
            *(a[2] == 't' ? &b->threads : &b->repeat) = (int)n;
            i++;
        } else if (a[0] == '-' || b->dir) {
            return false;
        } else {
            b->dir = a;
        }
    }
    return b->dir && b->repeat >= 1 && b->repeat <= 32;
}

int main(int argc, char **argv)
{
    struct bench b = {.repeat = 5};
    struct pr_error e;
    if (!parse(&b, argc, argv)) {
        fprintf(stderr, "usage: engine DIR [--dtype f32|bf16] [--threads N] [--repeat 1..32] "
                        "[--quick]\n");
        return 2;
    }
    pr_rng_seed(&b.rng, 1);
    enum pr_code code = load(&b, &e);
    struct pr_pool *pool = NULL;
    if (!code)
        code = pr_pool_new(pr_engine_threads(b.engine), &pool, &e);
    if (!code) {
        peak_init(&b.peak, pool);
        measure_peaks(&b, 20);
        code = bench_all(&b, &e);
        print_peaks(&b);
        peak_done(&b.peak);
    }
    pr_pool_free(pool);
    if (code)
        fprintf(stderr, "bench: %s\n", e.message);
    pr_engine_free(b.engine);
    pr_checkpoint_free(b.checkpoint);
    return code ? 1 : 0;
}
