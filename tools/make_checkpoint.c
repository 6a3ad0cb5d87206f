/* make-checkpoint: writes a Hugging Face checkpoint folder with seeded random weights, of any
 * supported architecture and any shape, for tests and benches.  Run it through
 * script/make-checkpoint.
 *
 * A shape comes from a preset, and each number can be set on the command line; config.json is made
 * from the same numbers, and the tensors' names and shapes from config.json's meaning, so that what
 * it writes is what a trainer would have saved.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "make_checkpoint.h"
#include "model/config.h"

/* Published shapes, and two small ones for tests.  The first is the default. */
static const struct shape presets[] = {
    {"qwen3-tiny", "Qwen3ForCausalLM", 2, 64, 4, 2, 32, 160, 1024, true, 1e6, 1e-6, 4096, 0, 0},
    {"qwen3-0.6b", "Qwen3ForCausalLM", 28, 1024, 16, 8, 128, 3072, 151936, true, 1e6, 1e-6, 40960,
        0, 0},
    {"qwen2.5-0.5b", "Qwen2ForCausalLM", 24, 896, 14, 2, 64, 4864, 151936, true, 1e6, 1e-6, 32768,
        0, 0},
    {"llama-3.2-1b", "LlamaForCausalLM", 16, 2048, 32, 8, 64, 8192, 128256, true, 5e5, 1e-5, 131072,
        0, 32},
    {"smollm-135m", "LlamaForCausalLM", 30, 576, 9, 3, 64, 1536, 49152, true, 1e4, 1e-5, 2048, 0,
        0},
    {"mistral-tiny", "MistralForCausalLM", 3, 96, 6, 2, 16, 224, 1024, false, 1e6, 1e-5, 4096, 48,
        0},
};
#define N_PRESETS (sizeof presets / sizeof *presets)

static void usage(FILE *f)
{
    fprintf(f,
        "usage: make-checkpoint OUT [--preset NAME] [options]\n"
        "  --preset NAME      start from a known shape (default %s); presets:",
        presets[0].name);
    for (size_t i = 0; i < N_PRESETS; i++)
        fprintf(f, " %s", presets[i].name);
    fprintf(f, "\n"
               "  --arch NAME        architecture, as in config.json:");
    size_t n;
    const struct pr_arch *table = pr_arch_table(&n);
    for (size_t i = 0; i < n; i++)
        fprintf(f, " %s", table[i].name);
    fprintf(f,
        "\n"
        "  --layers N --hidden N --heads N --kv-heads N --head-dim N --mlp N --vocab N\n"
        "  --max-position N --window N --theta X --eps X --llama3-factor X (0: no rope scaling)\n"
        "  --tied | --untied\n"
        "  --bias LIST        of qkv, o, mlp, separated by commas (where the architecture has "
        "them)\n"
        "  --dtype T          f32, f16 or bf16 (default)\n"
        "  --max-shard BYTES  start another file beyond this size, with an index\n"
        "  --seed N           default 1\n"
        "  --std X            of the matrices, default 0.02\n"
        "  --eos ID           end token (default: the tokenizer folder's, else the last)\n"
        "  --tokenizer T      a folder to copy from, 'bytes' (a tokenizer of bytes), or 'none'\n"
        "  --step N           write a trainer_state.json of that step\n"
        "example: make-checkpoint /tmp/q --preset qwen3-0.6b --tokenizer bytes\n");
}

enum option_kind { OPT_INT, OPT_REAL };
struct number_option {
    const char *name;
    enum option_kind kind;
    void *at;
    double min, max;
};

static bool set_number(const struct number_option *o, const char *text)
{
    char *end = NULL;
    errno = 0;
    double x = strtod(text, &end);
    if (errno || end == text || *end || !(x >= o->min && x <= o->max))
        return false;
    if (o->kind == OPT_REAL) {
        *(double *)o->at = x;
        return true;
    }
    long long i = strtoll(text, &end, 10);
    if (*end)
        return false;
    *(int64_t *)o->at = i;
    return true;
}

static bool set_bias(struct job *job, const char *list)
{
    static const struct {
        const char *name;
        unsigned bit;
    } known[] = {{"qkv", BIAS_QKV}, {"o", BIAS_O}, {"mlp", BIAS_MLP}};
    job->bias = 0;
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ",");
        unsigned bit = 0;
        for (size_t i = 0; i < 3; i++)
            if (strlen(known[i].name) == n && memcmp(known[i].name, p, n) == 0)
                bit = known[i].bit;
        if (!bit)
            return false;
        job->bias |= bit;
        p += n + (p[n] == ',');
    }
    return true;
}

static bool set_dtype(struct job *job, const char *text)
{
    static const struct {
        const char *name;
        enum pr_dtype t;
    } known[] = {{"f32", PR_F32}, {"f16", PR_F16}, {"bf16", PR_BF16}};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(known[i].name, text) == 0) {
            job->dtype = known[i].t;
            return true;
        }
    return false;
}

static bool set_preset(struct job *job, const char *name)
{
    for (size_t i = 0; i < N_PRESETS; i++)
        if (strcmp(presets[i].name, name) == 0) {
            job->shape = presets[i];
            return true;
        }
    return false;
}

static bool set_text(struct job *job, const char *option, const char *value)
{
    if (strcmp(option, "--preset") == 0)
        return true; /* taken first */
    if (strcmp(option, "--arch") == 0)
        return (job->shape.arch = value, pr_arch_find(value) != NULL);
    if (strcmp(option, "--bias") == 0)
        return set_bias(job, value);
    if (strcmp(option, "--dtype") == 0)
        return set_dtype(job, value);
    if (strcmp(option, "--tokenizer") == 0)
        return (job->tokenizer = value, true);
    return false;
}

static bool parse_option(
    struct job *job, int64_t *seed, int64_t *shard, const char *option, const char *value)
{
    struct shape *s = &job->shape;
    const struct number_option numbers[] = {
        {"--layers", OPT_INT, &s->layers, 1, 512},
        {"--hidden", OPT_INT, &s->hidden, 1, 1 << 20},
        {"--heads", OPT_INT, &s->heads, 1, 1 << 16},
        {"--kv-heads", OPT_INT, &s->kv_heads, 1, 1 << 16},
        {"--head-dim", OPT_INT, &s->head_dim, 2, 1 << 16},
        {"--mlp", OPT_INT, &s->mlp, 1, 1 << 20},
        {"--vocab", OPT_INT, &s->vocab, 2, 1 << 24},
        {"--max-position", OPT_INT, &s->max_position, 1, 1 << 30},
        {"--window", OPT_INT, &s->window, 0, 1 << 30},
        {"--theta", OPT_REAL, &s->theta, 1, 1e12},
        {"--eps", OPT_REAL, &s->eps, 0, 1},
        {"--llama3-factor", OPT_REAL, &s->llama3_factor, 0, 1e6},
        {"--std", OPT_REAL, &job->std, 0, 1e3},
        {"--eos", OPT_INT, &job->eos, 0, 1 << 24},
        {"--step", OPT_INT, &job->step, 0, 1e15},
        {"--seed", OPT_INT, seed, 0, 1e15},
        {"--max-shard", OPT_INT, shard, 1, 1e18},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(numbers[i].name, option) == 0)
            return set_number(&numbers[i], value);
    return set_text(job, option, value);
}

static enum pr_code parse(struct job *job, int argc, char **argv, struct pr_error *e)
{
    int64_t seed = 1, shard = INT64_MAX;
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--preset") == 0 && !set_preset(job, argv[i + 1]))
            return pr_fail(e, PR_E_USAGE, "no preset '%s'", argv[i + 1]);
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (a[0] != '-') {
            if (job->out)
                return pr_fail(e, PR_E_USAGE, "more than one folder: '%s' and '%s'", job->out, a);
            job->out = a;
        } else if (strcmp(a, "--tied") == 0 || strcmp(a, "--untied") == 0) {
            job->shape.tied = a[2] == 't';
        } else if (i + 1 == argc) {
            return pr_fail(e, PR_E_USAGE, "unknown option, or one without its value: %s", a);
        } else if (!parse_option(job, &seed, &shard, a, argv[i + 1])) {
            return pr_fail(e, PR_E_USAGE, "%s '%s': unknown, or out of range", a, argv[i + 1]);
        } else {
            i++;
        }
    }
    if (!job->out)
        return pr_fail(e, PR_E_USAGE, "which folder?");
    if (job->shape.heads % job->shape.kv_heads)
        return pr_fail(e, PR_E_USAGE, "--heads must be a multiple of --kv-heads");
    const struct pr_arch *arch = pr_arch_find(job->shape.arch);
    if (arch->qkv_bias)
        job->bias |= BIAS_QKV;
    /* attention_bias gives biases to all four projections at once */
    if (arch->attention_bias_key && job->bias & (BIAS_QKV | BIAS_O))
        job->bias |= BIAS_QKV | BIAS_O;
    if (((job->bias & BIAS_O) && !arch->attention_bias_key) ||
        ((job->bias & BIAS_QKV) && !arch->attention_bias_key && !arch->qkv_bias) ||
        ((job->bias & BIAS_MLP) && !arch->mlp_bias_key))
        return pr_fail(e, PR_E_USAGE, "%s has no such bias", arch->name);
    if (strcmp(job->tokenizer, "bytes") == 0 && job->shape.vocab < BYTE_VOCAB)
        return pr_fail(e, PR_E_USAGE, "--tokenizer bytes needs --vocab of at least %d", BYTE_VOCAB);
    job->seed = (uint64_t)seed;
    job->max_shard = (uint64_t)shard;
    return PR_OK;
}

static enum pr_code make(
    struct job *job, uint64_t *ret_elements, size_t *ret_files, struct pr_error *e)
{
    enum pr_code code = pr_mkdirs(job->out, e);
    if (code || (code = make_eos(job, e)) || (code = make_tokenizer(job, e)) ||
        (code = make_configs(job, e)) || (code = make_weights(job, ret_elements, ret_files, e)))
        return code;
    return make_trainer_state(job, e); /* last, as trainers do */
}

int main(int argc, char **argv)
{
    struct job job = {.shape = presets[0],
        .tokenizer = "none",
        .dtype = PR_BF16,
        .std = 0.02,
        .step = -1,
        .eos = -1};
    struct pr_error e;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    int64_t begin = pr_clock_monotonic_ns();
    uint64_t elements = 0;
    size_t files = 0;
    enum pr_code code = parse(&job, argc, argv, &e);
    if (!code)
        code = make(&job, &elements, &files, &e);
    if (code)
        fprintf(stderr, "make-checkpoint: %s\n", e.message);
    else
        fprintf(stderr, "%s: %.1f M parameters, %.2f GB in %zu file%s, %.1f s\n", job.out,
            (double)elements / 1e6, (double)(elements * pr_dtype_size(job.dtype)) / 1e9, files,
            files == 1 ? "" : "s", (double)(pr_clock_monotonic_ns() - begin) / 1e9);
    return code == PR_E_USAGE ? 2 : code ? 1 : 0;
}
