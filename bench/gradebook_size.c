/* How large a gradebook gets and how fast it is: checkpoints × examples of made-up grades with
 * answers of two lengths, beside one JSON line a grade, before and after compaction.
 *
 *   bench_gradebook_size [checkpoints [examples]]      default 1000 300
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/sha256.h"
#include "gradebook/gradebook.h"

#define DAY_MS ((int64_t)86400000)

struct shape {
    const char *name;
    size_t mean;   /* bytes of an answer */
    double repeat; /* of all answers so many are those of the checkpoint before */
    bool think;    /* a think block of twice the answer's length before it */
};

struct bench {
    const struct shape *shape;
    struct pr_gradebook *g;
    struct pr_suite *suite;
    struct pr_rng rng;
    char **answers; /* of the checkpoint before, by example */
    size_t checkpoints;
    uint64_t naive; /* bytes of JSON Lines */
    double seconds;
    char dir[64], path[96];
};

static void check(enum pr_code code, const struct pr_error *e)
{
    if (!code)
        return;
    fprintf(stderr, "%s\n", e->message);
    exit(1);
}

static struct pr_suite *make_suite(size_t n)
{
    struct pr_error e;
    struct pr_suite *s;
    char **lines = pr_zalloc((n + 1) * sizeof *lines);
    for (size_t i = 0; i < n; i++) {
        struct pr_str line = PR_STR_INIT(1000);
        pr_str_printf(&line,
            "{\"line\":{\"prompt\":\"What is the sum of %zu and %zu?\",\"golden\":\"%zu\","
            "\"skill\":\"addition\"},\"difficulty\":\"easy\"}",
            i, i * 7, i * 8);
        lines[i] = pr_str_take(&line);
    }
    check(pr_suite_from_lines("validation", (const char *const *)lines, n, false, &s, &e), &e);
    for (size_t i = 0; i < n; i++)
        pr_free(lines[i]);
    pr_free(lines);
    return s;
}

/* Words of random letters, from half to one and a half times the mean length. */
static char *new_text(struct bench *b, size_t mean)
{
    struct pr_str text = PR_STR_INIT(1 << 20);
    size_t n = mean / 2 + pr_rng_below(&b->rng, mean + 1);
    for (size_t i = 0; i < n; i++)
        pr_str_putc(
            &text, pr_rng_below(&b->rng, 6) ? (char)('a' + pr_rng_below(&b->rng, 26)) : ' ');
    return pr_str_take(&text);
}

static void make_grade(struct bench *b, size_t i, struct pr_grade *ret)
{
    if (!b->answers[i] || pr_rng_double(&b->rng) >= b->shape->repeat) {
        pr_free(b->answers[i]);
        b->answers[i] = new_text(b, b->shape->mean);
    }
    struct pr_grade x = {.example = &b->suite->v[i],
        .graded = true,
        .answer_tokens = 3 + pr_rng_below(&b->rng, 40),
        .nll = 30 * pr_rng_double(&b->rng),
        .finish = "stop",
        .well_formed = true,
        .think = b->shape->think,
        .correct = pr_rng_below(&b->rng, 3) ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG,
        .confidence = pr_rng_double(&b->rng),
        .output_tokens = b->shape->mean / 4,
        .answer = pr_strdup(b->answers[i]),
        .answer_len = strlen(b->answers[i])};
    x.loss = x.nll / (double)x.answer_tokens;
    x.confidence_all = b->shape->think ? pr_rng_double(&b->rng) : x.confidence;
    struct pr_str output = PR_STR_INIT(1 << 20);
    if (b->shape->think) {
        char *block = new_text(b, 2 * b->shape->mean);
        pr_str_printf(&output, "<think>%s</think>\n", block);
        pr_free(block);
    }
    pr_str_append(&output, x.answer, x.answer_len);
    x.output_len = output.len;
    x.output = pr_str_take(&output);
    *ret = x;
}

static void count_naive(struct bench *b, const struct pr_grade *x)
{
    struct pr_str text = PR_STR_INIT(1 << 24);
    json_t *line = pr_grade_line(x);
    pr_json_dump(line, 0, 0, &text);
    b->naive += text.len + 1;
    json_decref(line);
    pr_str_done(&text);
}

static int64_t add_checkpoint(struct bench *b, size_t m, int64_t now_ms, int64_t *ret_settings)
{
    struct pr_error e;
    struct pr_checkpoint_row row;
    int64_t id;
    char path[64];
    snprintf(path, sizeof path, "/training/models/current_model/checkpoint-%zu", m);
    struct pr_opened o = {.origin = {.step = (int64_t)m, .run = "0123456789abcdef"},
        .options = "options",
        .settings_fingerprint = "settings",
        .settings = json_pack("{s:s, s:i}", "numerics", "f32/avx2/4", "max_new_tokens", 512)};
    snprintf(o.fingerprint, sizeof o.fingerprint, "%064zx", m);
    snprintf(o.origin.history, sizeof o.origin.history, "%016zx", m);
    check(pr_gradebook_note_checkpoint(b->g, path, o.fingerprint, false, now_ms, &id, &e), &e);
    check(pr_gradebook_set_opened(b->g, id, &o, now_ms, &e), &e);
    json_decref(o.settings);
    check(pr_gradebook_checkpoint(b->g, id, &row, &e), &e);
    int64_t model = row.model;
    pr_checkpoint_row_done(&row);
    check(pr_gradebook_settings(b->g, model, "options", ret_settings, &e), &e);
    return model;
}

/* A checkpoint a day, its grades in one transaction; only the gradebook's own time is counted. */
static void store(struct bench *b, size_t m)
{
    struct pr_error e;
    int64_t settings, now_ms = (int64_t)(m + 1) * DAY_MS, model;
    struct pr_grade *v = pr_zalloc(b->suite->n * sizeof *v);
    for (size_t i = 0; i < b->suite->n; i++) {
        make_grade(b, i, &v[i]);
        count_naive(b, &v[i]);
    }
    int64_t start = pr_clock_monotonic_ns();
    check(pr_gradebook_begin(b->g, &e), &e);
    model = add_checkpoint(b, m, now_ms, &settings);
    for (size_t i = 0; i < b->suite->n; i++) {
        char digest[PR_SHA256_HEX];
        pr_sha256_hex(b->suite->v[i].digest, digest);
        check(pr_gradebook_put_grade(b->g, model, settings, digest, &v[i], now_ms, NULL, &e), &e);
    }
    check(pr_gradebook_commit(b->g, &e), &e);
    b->seconds += (double)(pr_clock_monotonic_ns() - start) / 1e9;
    for (size_t i = 0; i < b->suite->n; i++)
        pr_grade_done(&v[i]);
    pr_free(v);
}

static double read_all(struct bench *b)
{
    struct pr_error e;
    struct pr_checkpoint_row *rows;
    size_t n;
    int64_t settings, start = pr_clock_monotonic_ns();
    check(pr_gradebook_checkpoints(b->g, NULL, &rows, &n, &e), &e);
    for (size_t i = 0; i < n; i++) {
        struct pr_grades *gs;
        check(pr_gradebook_settings(b->g, rows[i].model, "options", &settings, &e), &e);
        check(pr_gradebook_grades(b->g, &rows[i], settings, b->suite, true, &gs, &e), &e);
        pr_grades_free(gs);
    }
    pr_checkpoint_rows_free(rows, n);
    return (double)(pr_clock_monotonic_ns() - start) / 1e6 / (double)n;
}

/* Closing brings the log in, so that the file is all there is. */
static uint64_t size_of(struct bench *b)
{
    struct pr_error e;
    struct pr_gradebook_size s;
    pr_gradebook_close(b->g);
    check(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, &e), &e);
    check(pr_gradebook_size(b->g, &s, &e), &e);
    return s.bytes;
}

static double compact(struct bench *b, double *ret_longest)
{
    struct pr_error e;
    bool more = true;
    struct pr_retention r = {.now_ms = ((int64_t)b->checkpoints + 1000) * DAY_MS, .texts_days = 30};
    double all = 0;
    *ret_longest = 0;
    while (more) {
        int64_t start = pr_clock_monotonic_ns();
        check(pr_gradebook_compact(b->g, &r, &more, &e), &e);
        double ms = (double)(pr_clock_monotonic_ns() - start) / 1e6;
        *ret_longest = ms > *ret_longest ? ms : *ret_longest;
        all += ms / 1e3;
    }
    return all;
}

static void run(const struct shape *shape, size_t checkpoints, size_t examples)
{
    struct pr_error e;
    int64_t suite;
    double longest;
    struct bench b = {
        .shape = shape, .checkpoints = checkpoints, .dir = "/tmp/proctor-bench-XXXXXX"};
    pr_rng_seed(&b.rng, 1);
    if (!mkdtemp(b.dir))
        exit(1);
    snprintf(b.path, sizeof b.path, "%s/proctor.db", b.dir);
    check(pr_gradebook_open(b.path, PR_GRADEBOOK_OWN, &b.g, &e), &e);
    b.suite = make_suite(examples);
    b.answers = pr_zalloc(examples * sizeof *b.answers);
    check(pr_gradebook_put_suite(b.g, b.suite, 0, &suite, &e), &e);
    for (size_t m = 0; m < checkpoints; m++)
        store(&b, m);
    double n = (double)checkpoints * (double)examples;
    uint64_t before = size_of(&b);
    double read_ms = read_all(&b), compacting = compact(&b, &longest);
    uint64_t after = size_of(&b);
    printf("%-22s %8.1f %9.1f %7.1f %9.1f %7.1f %10.1f %9.2f %8.2f %9.1f %8.0f\n", shape->name,
        (double)b.naive / 1e6, (double)before / 1e6, (double)before / n, (double)after / 1e6,
        (double)after / n, (double)b.naive / (double)before, b.seconds * 1e3 / (double)checkpoints,
        read_ms, compacting, longest);
    fflush(stdout);
    pr_gradebook_close(b.g);
    unlink(b.path);
    rmdir(b.dir);
    for (size_t i = 0; i < examples; i++)
        pr_free(b.answers[i]);
    pr_free(b.answers);
    pr_suite_free(b.suite);
}

int main(int argc, char **argv)
{
    static const struct shape shapes[] = {{"24 bytes, 60 % again", 24, 0.6, false},
        {"24 bytes, all new", 24, 0, false}, {"400 bytes, 30 % again", 400, 0.3, false},
        {"400 bytes and thought", 400, 0.3, true}};
    size_t checkpoints = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
    size_t examples = argc > 2 ? strtoul(argv[2], NULL, 10) : 300;
    if (!checkpoints || !examples)
        return 2;
    printf("%zu checkpoints of %zu examples; MB = 10^6 bytes; ms a checkpoint\n", checkpoints,
        examples);
    printf("%-22s %8s %9s %7s %9s %7s %10s %9s %8s %9s %8s\n", "answers", "JSON MB", "file MB",
        "B/grade", "compacted", "B/grade", "JSON/file", "store ms", "read ms", "compact s",
        "step ms");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        run(&shapes[i], checkpoints, examples);
    return 0;
}
