/* What charts of long trainings cost: a curve of many points, and the history of many checkpoints,
 * asked as the page asks, first and again.
 *
 *   bench_curves [points [checkpoints [examples [FOLDER]]]]      default 1000000 2000 300
 *
 * With FOLDER that base folder's proctor.db is filled and left there, for bench/page.mjs.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/request.h"
#include "api/router.h"
#include "base/clock.h"
#include "base/rng.h"
#include "gradebook/curves.h"

static struct pr_error error;
static char made_dir[] = "/tmp/proctor-curves-XXXXXX";
static char options[65];
static struct pr_config config;

static void check(enum pr_code code)
{
    if (!code)
        return;
    fprintf(stderr, "%s\n", error.message);
    exit(1);
}

static double since(int64_t begin_ns)
{
    return (double)(pr_clock_monotonic_ns() - begin_ns) / 1e6;
}

/* ---- filling ---- */

static struct pr_suite *make_suite(size_t n)
{
    static const char *const difficulties[] = {"easy", "medium", "hard"};
    struct pr_suite *s;
    char **lines = pr_zalloc((n + 1) * sizeof *lines);
    for (size_t i = 0; i < n; i++) {
        struct pr_str line = PR_STR_INIT(1000);
        pr_str_printf(&line,
            "{\"line\":{\"prompt\":\"%zu + %zu\",\"golden\":\"%zu\"},\"difficulty\":\"%s\"}", i,
            i * 7, i * 8, difficulties[i % 3]);
        lines[i] = pr_str_take(&line);
    }
    check(pr_suite_from_lines("validation", (const char *const *)lines, n, false, &s, &error));
    for (size_t i = 0; i < n; i++)
        pr_free(lines[i]);
    pr_free(lines);
    return s;
}

static void add_checkpoint(
    struct pr_gradebook *g, const struct pr_suite *s, size_t m, struct pr_rng *rng)
{
    struct pr_checkpoint_row row;
    int64_t id, settings;
    char path[64], digest[PR_SHA256_HEX];
    snprintf(path, sizeof path, "/models/checkpoint-%zu", m);
    struct pr_opened o = {.origin = {.step = (int64_t)m * 100, .run = "run", .history = "history"},
        .options = options,
        .settings_fingerprint = "settings",
        .settings = json_pack("{s:s, s:i}", "numerics", "f32/avx2/4", "max_new_tokens", 512)};
    snprintf(o.fingerprint, sizeof o.fingerprint, "%064zx", m);
    check(pr_gradebook_note_checkpoint(g, path, o.fingerprint, false, (int64_t)m + 1, &id, &error));
    check(pr_gradebook_set_opened(g, id, &o, (int64_t)m + 1, &error));
    json_decref(o.settings);
    check(pr_gradebook_checkpoint(g, id, &row, &error));
    check(pr_gradebook_settings(g, row.model, options, &settings, &error));
    for (size_t i = 0; i < s->n; i++) {
        struct pr_grade x = {.example = &s->v[i],
            .graded = true,
            .answer_tokens = 3,
            .nll = 3 * pr_rng_double(rng),
            .finish = "stop",
            .well_formed = true,
            .correct = pr_rng_below(rng, 3) ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG,
            .confidence = pr_rng_double(rng),
            .output_tokens = 3};
        x.loss = x.nll / 3;
        x.confidence_all = x.confidence;
        pr_sha256_hex(s->v[i].digest, digest);
        check(pr_gradebook_put_grade(
            g, row.model, settings, digest, &x, (int64_t)m + 1, NULL, &error));
    }
    pr_checkpoint_row_done(&row);
}

static void fill(const char *path, size_t points, size_t checkpoints, size_t examples)
{
    struct pr_gradebook *g;
    struct pr_rng rng;
    int64_t suite, begin = pr_clock_monotonic_ns();
    pr_rng_seed(&rng, 1);
    check(pr_gradebook_open(path, PR_GRADEBOOK_OWN, &g, &error));
    struct pr_suite *s = make_suite(examples);
    check(pr_gradebook_put_suite(g, s, 1, &suite, &error));
    for (size_t m = 0; m < checkpoints; m += 100) {
        check(pr_gradebook_begin(g, &error));
        for (size_t k = m; k < checkpoints && k < m + 100; k++)
            add_checkpoint(g, s, k, &rng);
        check(pr_gradebook_commit(g, &error));
    }
    struct pr_point *v = pr_zalloc((points + 1) * sizeof *v);
    for (size_t i = 0; i < points; i++)
        v[i] = (struct pr_point){
            (int64_t)i, i % 9973 == 0 ? NAN : 2 + pr_rng_normal(&rng) / (1 + (double)i / 1e5)};
    check(pr_gradebook_log_points(g, 1, "loss", v, points, (int64_t)points, &error));
    pr_free(v);
    pr_suite_free(s);
    pr_gradebook_close(g);
    printf("filled in %.1f s\n", since(begin) / 1000);
}

/* ---- asking ---- */

static void ask(struct pr_gradebook *g, const char *what, const char *url)
{
    struct pr_api_match m;
    struct pr_api_request q = {0};
    struct pr_str text = PR_STR_INIT((size_t)1 << 30);
    json_t *doc = NULL, *none = json_object();
    struct pr_api_context x = {
        .config = &config, .g = g, .peers = none, .api = none, .panels = none, .now_ms = 1};
    size_t n = strcspn(url, "?");
    int64_t begin = pr_clock_monotonic_ns();
    pr_api_router_find("GET", url, n, &m);
    check(pr_api_request_parse(&q, m.route, url, n, url[n] ? url + n + 1 : NULL, &error));
    check(pr_gradebook_begin(g, &error));
    check(m.route->get(&x, &q, &doc, &error));
    pr_gradebook_rollback(g);
    double made = since(begin);
    pr_json_dump(doc, -1, 0, &text);
    printf(
        "%-44s %9.2f ms, as text %6.2f ms, %zu bytes\n", what, made, since(begin) - made, text.len);
    pr_str_done(&text);
    json_decref(doc);
    json_decref(none);
    pr_api_request_done(&q);
}

int main(int argc, char *argv[])
{
    static const struct {
        const char *what, *url;
    } asked[] = {
        {"status", "/api/status"},
        {"status, again", "/api/status"},
        {"curves, first", "/api/curves"},
        {"curves, again", "/api/curves"},
        {"a curve, first", "/api/curves/1"},
        {"a curve, again", "/api/curves/1"},
        {"a curve, smoothed", "/api/curves/1?smoothing=0.99"},
        {"a tenth of it", "/api/curves/1?from=100000&to=200000"},
        {"history, first", "/api/gradebook/history"},
        {"history, again", "/api/gradebook/history"},
        {"history, 200 wide", "/api/gradebook/history?width=200"},
        {"checkpoints, first", "/api/checkpoints?limit=50"},
        {"checkpoints, again", "/api/checkpoints?limit=50"},
        {"examples", "/api/gradebook/examples?limit=50"},
        {"examples, searched", "/api/gradebook/examples?search=12"},
    };
    size_t points = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    size_t checkpoints = argc > 2 ? strtoul(argv[2], NULL, 10) : 2000;
    size_t examples = argc > 3 ? strtoul(argv[3], NULL, 10) : 300;
    const char *kept = argc > 4 ? argv[4] : NULL, *dir = kept ? kept : mkdtemp(made_dir);
    char path[4096];
    struct pr_gradebook *g;
    if (!dir)
        return 1;
    check(pr_config_load(dir, &config, &error));
    pr_config_grading_fingerprint(&config, options);
    snprintf(path, sizeof path, "%s/proctor.db", dir);
    printf("%zu points, %zu checkpoints, %zu examples\n", points, checkpoints, examples);
    fill(path, points, checkpoints, examples);
    if (kept) {
        pr_config_done(&config);
        return 0;
    }
    check(pr_gradebook_open(path, PR_GRADEBOOK_READ, &g, &error));
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++)
        ask(g, asked[i].what, asked[i].url);
    pr_gradebook_close(g);
    pr_config_done(&config);
    static const char *const files[] = {"proctor.db", "proctor.db-wal", "proctor.db-shm"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        unlink(path);
    }
    return rmdir(dir) != 0;
}
