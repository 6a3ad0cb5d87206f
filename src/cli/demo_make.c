/* See demo.h: problems of rising difficulty, a tokenizer, the shape of a small model. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/demo.h"
#include "cli/output.h"
#include "cli/own_child.h"
#include "daemon/config.h"

#define LOG "logs/demo.log"

/* 0.8 million parameters: enough for the problems, small enough for two CPU cores. */
static const char model[] = "{\n"
                            "  \"architectures\": [\"Qwen3ForCausalLM\"],\n"
                            "  \"model_type\": \"qwen3\",\n"
                            "  \"hidden_size\": 128,\n"
                            "  \"num_hidden_layers\": 4,\n"
                            "  \"num_attention_heads\": 4,\n"
                            "  \"num_key_value_heads\": 2,\n"
                            "  \"head_dim\": 32,\n"
                            "  \"intermediate_size\": 384,\n"
                            "  \"hidden_act\": \"silu\",\n"
                            "  \"vocab_size\": 320,\n"
                            "  \"max_position_embeddings\": 256,\n"
                            "  \"rms_norm_eps\": 1e-06,\n"
                            "  \"rope_theta\": 10000.0,\n"
                            "  \"attention_bias\": false,\n"
                            "  \"initializer_range\": 0.05,\n"
                            "  \"tie_word_embeddings\": true,\n"
                            "  \"torch_dtype\": \"float32\"\n"
                            "}\n";

/* What differs from the defaults: answers are short; probes' turn comes after the training, so that
 * both have the machine for themselves (until then the mix follows from the grades alone); files
 * are as large as the initial ones (demo_queue.c), and a small skill's problems come again. */
#define WEIGHT(name) #name ": 1, "
static const char *const settings[][2] = {
    {"watch.scan_seconds", "1"},
    {"eval.max_new_tokens", "24"},
    {"machine.intervals", "{data-generation: 2, self-correction: 5, curriculum-optimizer: 5, "
                          "checkpoint-sync: 1, auto-deployment: 5}"},
    {"sync.remote_dir", PR_DEMO_TRAINER},
    {"sync.keep", "100"},
    {"deploy.target", PR_DEMO_SERVED},
    {"deploy.driver", "proctor"},
    {"serve.enabled", "true"},
    {"miner.samples", "60"},
    {"miner.rounds", "2"},
    {"correction.error_threshold", "5"},
    {"correction.samples", "60"},
    {"correction.max_samples", "60"},
    {"generation.skills", "{" PR_DEMO_SKILLS(WEIGHT) "}"},
    {"generation.lines", PR_DEMO_FILE_LINES},
    {"generation.min_files", "3"},
    {"generation.repeat", "true"},
    {"curriculum.pool", "[data/training]"},
    {"curriculum.budget_percent", "0"},
    {"curriculum.probe_tokens", "20000"},
    {"curriculum.batch", "64"},
    {"curriculum.learning_rate", "0.001"},
    {"curriculum.samples", "150"},
};
#define N_SETTINGS (sizeof settings / sizeof *settings)

/* The usual ports of API, page and served model: where another program has one, a free one will do.
 */
static const struct {
    const char *key;
    in_port_t port;
    const char *other; /* then; who deploys must know where the model is served before it is */
} ports[] = {{"api.port", 5000, "0"}, {"api.page_port", 8080, "0"}, {"serve.port", 8000, "18000"}};
#define N_PORTS (sizeof ports / sizeof *ports)

static const char *const folders[] = {"data/validation", "data/training", PR_DEMO_TRAINER,
    "models/current_model", "served", "status", "logs"};

struct step {
    const char *makes; /* it is done when this is there */
    const char *args[28];
};
#define NAMED(name) "--skill", #name,
#define GENERATE(...)                                                                              \
    {                                                                                              \
        "generate", PR_DEMO_SKILLS(NAMED) __VA_ARGS__                                              \
    }
static const struct step steps[] = {
    {"data/validation/easy.jsonl", GENERATE("--difficulty", "easy", "--count", "100", "--seed", "1",
                                       "--out", "data/validation/easy.jsonl")},
    {"data/validation/medium.jsonl", GENERATE("--difficulty", "medium", "--count", "100", "--seed",
                                         "1", "--out", "data/validation/medium.jsonl")},
    {"data/validation/hard.jsonl", GENERATE("--difficulty", "hard", "--count", "100", "--seed", "1",
                                       "--out", "data/validation/hard.jsonl")},
    {"data/training/easy.jsonl",
        GENERATE("--difficulty", "easy", "--count", "26000", "--repeat", "--seed", "2", "--exclude",
            "data/validation/easy.jsonl", "--out", "data/training/easy.jsonl")},
    {"data/training/medium.jsonl",
        GENERATE("--difficulty", "medium", "--count", "24000", "--repeat", "--seed", "2",
            "--exclude", "data/validation/medium.jsonl", "--out", "data/training/medium.jsonl")},
    {"data/training/hard.jsonl",
        GENERATE("--difficulty", "hard", "--count", "8000", "--repeat", "--seed", "2", "--exclude",
            "data/validation/hard.jsonl", "--out", "data/training/hard.jsonl")},
    {"models/tokenizer/tokenizer.json",
        {"train-tokenizer", "--data", "data/training/easy.jsonl", "data/training/medium.jsonl",
            "data/training/hard.jsonl", "--vocab-size", "320", "--out", "models/tokenizer"}},
};

void pr_demo_command(struct pr_str *out, const char *const *args)
{
    pr_str_puts(out, "$ proctor");
    for (size_t i = 0; args[i]; i++)
        pr_str_printf(out, " %s", args[i]);
}

/* Runs a step and shows it as a line with the seconds it took. */
static enum pr_code take(const struct step *s, struct pr_error *e)
{
    struct pr_own_child c = {0};
    struct pr_str line = PR_STR_INIT(1 << 14);
    int64_t began = pr_clock_monotonic_ns();
    enum pr_code code = pr_own_child_start(&c, s->args, LOG, e);
    if (!code)
        code = pr_own_child_wait(&c, e);
    if (!code && (c.status || !pr_path_exists(s->makes)))
        code = pr_fail(e, PR_E_IO,
            "proctor %s ended with status %d and no %s: %s in the "
            "demo's folder says why",
            s->args[0], c.status, s->makes, LOG);
    if (!code) {
        pr_demo_command(&line, s->args);
        pr_str_printf(&line, "   (%.1f s)\n", (double)(pr_clock_monotonic_ns() - began) / 1e9);
        pr_out_text(pr_str_cstr(&line), line.len);
    }
    pr_str_done(&line);
    return code;
}

static enum pr_code write_text(const char *path, const char *text, size_t n, struct pr_error *e)
{
    return pr_path_exists(path) ? PR_OK : pr_file_write_atomic(path, text, n, e);
}

static bool is_taken(in_port_t port)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    static const int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    bool taken = bind(fd, (const struct sockaddr *)&at, sizeof at) && errno == EADDRINUSE;
    close(fd);
    return taken;
}

static void configuration(struct pr_str *yaml)
{
    const char *set[N_SETTINGS + N_PORTS][2];
    size_t n = N_SETTINGS;
    memcpy(set, settings, sizeof settings);
    for (size_t i = 0; i < N_PORTS; i++) {
        if (!is_taken(ports[i].port))
            continue;
        set[n][0] = ports[i].key;
        set[n++][1] = ports[i].other;
    }
    pr_config_file(set, n, yaml);
}

enum pr_code pr_demo_make(struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !code; i++)
        code = pr_mkdirs(folders[i], e);
    struct pr_str yaml = PR_STR_INIT(1 << 20);
    configuration(&yaml);
    if (!code)
        code = write_text("proctor.yaml", pr_str_cstr(&yaml), yaml.len, e);
    pr_str_done(&yaml);
    if (!code)
        code = write_text("models/config.json", model, strlen(model), e);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !code; i++)
        if (!pr_path_exists(steps[i].makes))
            code = take(&steps[i], e);
    return code ? code : pr_demo_fill_queue(e);
}
