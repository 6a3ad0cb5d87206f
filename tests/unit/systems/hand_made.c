/* See hand_made.h. */
#include "hand_made.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/sha256.h"

struct pr_error hand_made_error;

void hand_made_ok(
    enum pr_code code, const struct pr_error *e, const char *what, const char *file, int line)
{
    if (code)
        fail_msg("%s:%d: %s: %s", file, line, what, e->message);
}

static void hex_of(const char *word, char ret[PR_SHA256_HEX])
{
    uint8_t digest[PR_SHA256_LEN];
    pr_sha256(word, strlen(word), digest);
    pr_sha256_hex(digest, ret);
}

void hand_made_init_at(struct hand_made *h, const char *dir, const char *options)
{
    *h = (struct hand_made){.options = options, .now_ms = HAND_MADE_NOW};
    pr_settings_default(&h->settings);
    h->path = pr_path_join(dir, "proctor.db");
    HAND_MADE_OK(pr_gradebook_open(h->path, PR_GRADEBOOK_OWN, &h->g, &hand_made_error));
}

void hand_made_init(struct hand_made *h)
{
    char dir[] = "/tmp/proctor-hand-made-XXXXXX";
    assert_non_null(mkdtemp(dir));
    hand_made_init_at(h, dir, HAND_MADE_OPTIONS);
    memcpy(h->dir, dir, sizeof dir);
}

void hand_made_close_book(struct hand_made *h)
{
    pr_gradebook_close(h->g);
    pr_free(h->path);
}

void hand_made_done(struct hand_made *h)
{
    char **names;
    size_t n;
    hand_made_close_book(h);
    HAND_MADE_OK(pr_dir_list(h->dir, &names, &n, &hand_made_error));
    for (size_t i = 0; i < n; i++) {
        char *path = pr_path_join(h->dir, names[i]);
        unlink(path);
        pr_free(path);
    }
    pr_names_free(names, n);
    rmdir(h->dir);
}

static int64_t store_suite(struct hand_made *h, const char *name, char **lines, size_t n)
{
    struct pr_suite *s;
    int64_t id;
    HAND_MADE_OK(
        pr_suite_from_lines(name, (const char *const *)lines, n, false, &s, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_begin(h->g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_put_suite(h->g, s, h->now_ms, &id, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h->g, &hand_made_error));
    pr_suite_free(s);
    for (size_t i = 0; i < n; i++)
        pr_free(lines[i]);
    pr_free(lines);
    return id;
}

int64_t hand_made_suite(struct hand_made *h, const char *name, size_t n, int variant)
{
    static const char *const levels[] = {"easy", "medium", "hard"};
    static const char *const skills[] = {
        "addition", "subtraction", "comparison", "sorting", "syllogism"};
    char **lines = pr_zalloc((n + 1) * sizeof *lines);
    for (size_t i = 0; i < n; i++) {
        struct pr_str line = PR_STR_INIT(1000);
        pr_str_printf(&line,
            "{\"line\":{\"id\":\"e%04zu\",\"prompt\":\"What is %zu + %d?\",\"golden\":\"%zu\","
            "\"skill\":\"%s\",\"difficulty\":\"%s\"},\"difficulty\":null}",
            i, i, variant, i + (size_t)variant, skills[i / 3 % 5], levels[i % 3]);
        lines[i] = pr_str_take(&line);
    }
    return store_suite(h, name, lines, n);
}

int64_t hand_made_plain_suite(struct hand_made *h, const char *name, size_t n)
{
    char **lines = pr_zalloc((n + 1) * sizeof *lines);
    for (size_t i = 0; i < n; i++) {
        struct pr_str line = PR_STR_INIT(1000);
        pr_str_printf(&line,
            "{\"line\":{\"id\":\"p%04zu\",\"text\":\"The number %zu is a number.\"},"
            "\"difficulty\":null}",
            i, i);
        lines[i] = pr_str_take(&line);
    }
    return store_suite(h, name, lines, n);
}

int64_t hand_made_checkpoint(
    struct hand_made *h, const char *run, int64_t step, const char *content)
{
    struct hand_made_place p = {.run = run, .step = step, .content = content};
    return hand_made_place(h, &p);
}

int64_t hand_made_place(struct hand_made *h, const struct hand_made_place *p)
{
    char path[256], identity[PR_SHA256_HEX], word[600];
    const char *run = p->run ? p->run : "run";
    if (p->folder)
        snprintf(path, sizeof path, "/models/%s", p->folder);
    else
        snprintf(path, sizeof path, "/models/%s/checkpoint-%lld", run, (long long)p->step);
    snprintf(word, sizeof word, "%s %s", path, p->content ? p->content : "");
    hex_of(word, identity);
    int64_t id;
    HAND_MADE_OK(pr_gradebook_begin(h->g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_note_checkpoint(
        h->g, path, identity, p->reference, h->now_ms, &id, &hand_made_error));
    if (!p->not_opened) {
        json_t *settings =
            json_pack("{s:s,s:i}", "numerics", "f32/made/by.hand", "max_new_tokens", 32);
        struct pr_opened o = {.origin = {.step = p->step},
            .weight_bytes = 4096,
            .parameters = 1024,
            .bad_weights = p->bad_weights,
            .options = p->options ? p->options : h->options,
            .settings = settings};
        hex_of(p->content ? p->content : word, o.fingerprint);
        snprintf(o.origin.run, sizeof o.origin.run, "%s", run);
        snprintf(o.origin.history, sizeof o.origin.history, "%s", p->history ? p->history : run);
        snprintf(word, sizeof word, "settings of %s %s", o.options, p->settings ? p->settings : "");
        hex_of(word, o.settings_fingerprint);
        HAND_MADE_OK(pr_gradebook_set_opened(h->g, id, &o, h->now_ms, &hand_made_error));
        json_decref(settings);
    }
    HAND_MADE_OK(pr_gradebook_commit(h->g, &hand_made_error));
    h->now_ms += 1000;
    return id;
}

/* How hard example i is for every model: uniform in (0, 1), the same in every test. */
static double hardness(size_t i)
{
    struct pr_rng r;
    pr_rng_seed(&r, 0x68617264 + i);
    return pr_rng_double(&r);
}

/* Models a checkpoint by its ability: it answers example i rightly with probability
 * sigmoid(k·(ability − hardness)); k is steep when spread is small. */
static double chance(double ability, double hard, double spread)
{
    double k = 8 / fmax(spread, 1e-3);
    return 1 / (1 + exp(-k * (ability - hard)));
}

/* The ability whose mean chance over the examples is `accuracy`. */
static double ability_of(size_t n, double accuracy, double spread)
{
    double lo = -2, hi = 3;
    for (int step = 0; step < 60; step++) {
        double mid = (lo + hi) / 2, sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += chance(mid, hardness(i), spread);
        if (sum < accuracy * (double)n)
            lo = mid;
        else
            hi = mid;
    }
    return (lo + hi) / 2;
}

struct hand_made_answer *hand_made_draw(
    uint64_t seed, size_t n, double accuracy, double loss, double spread)
{
    struct hand_made_answer *v = pr_zalloc((n + 1) * sizeof *v);
    struct pr_rng r;
    pr_rng_seed(&r, seed);
    double ability = ability_of(n, accuracy, spread), mean = 0;
    for (size_t i = 0; i < n; i++) {
        double p = chance(ability, hardness(i), spread);
        v[i].right = pr_rng_double(&r) < p;
        v[i].confidence = fmin(fmax(p, 1e-6), 1 - 1e-6);
        v[i].loss = (0.2 + 1.6 * hardness(i)) * exp(0.1 * spread * pr_rng_normal(&r));
        mean += (0.2 + 1.6 * hardness(i)) / (double)n;
    }
    for (size_t i = 0; i < n; i++)
        v[i].loss *= loss / mean;
    return v;
}

static void fill(struct pr_grade *g, const struct hand_made_answer *a)
{
    bool plain = !g->example->golden.s, known = !a->bad_number && !a->reason;
    g->graded = !a->reason;
    g->reason = a->reason ? pr_strdup(a->reason) : NULL;
    g->bad_number = a->bad_number;
    g->answer_tokens = a->reason ? 0 : 3;
    g->loss = known ? a->loss : NAN;
    g->nll = known ? 3 * a->loss : NAN;
    g->loss_reason = known ? NULL : pr_strdup("NaN or infinity came out of the model");
    g->confidence = g->confidence_all = NAN;
    if (plain || a->reason)
        return;
    g->truncated = a->truncated;
    g->empty = a->empty;
    g->well_formed = !a->malformed && !a->truncated && !a->empty;
    g->correct = a->undecided ? PR_VERDICT_NONE : a->right ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
    g->correct_reason = a->undecided ? pr_strdup("the judge did not answer") : NULL;
    g->confidence = g->confidence_all = known ? a->confidence : NAN;
    g->finish = a->truncated ? "length" : "stop";
    g->output_tokens = a->truncated ? 32 : 3;
    g->output = pr_strdup(a->empty ? "" : "42<|im_end|>");
    g->output_len = strlen(g->output);
    g->answer = a->truncated ? NULL : pr_strdup(a->empty ? "" : "42");
    g->answer_len = g->answer ? strlen(g->answer) : 0;
}

static void put(struct hand_made *h, const struct pr_checkpoint_row *c, int64_t settings,
    const struct pr_example *x, const struct hand_made_answer *a)
{
    struct pr_grade g = {.example = x};
    char digest[PR_SHA256_HEX];
    if (a->missing)
        return;
    fill(&g, a);
    pr_sha256_hex(x->digest, digest);
    HAND_MADE_OK(pr_gradebook_put_grade(
        h->g, c->model, settings, digest, &g, h->now_ms, NULL, &hand_made_error));
    pr_grade_done(&g);
}

void hand_made_grade(struct hand_made *h, int64_t checkpoint, int64_t suite,
    const struct hand_made_answer *v, size_t n)
{
    struct pr_checkpoint_row c;
    struct pr_suite *s;
    int64_t settings;
    HAND_MADE_OK(pr_gradebook_checkpoint(h->g, checkpoint, &c, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_load_suite(h->g, suite, &s, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_begin(h->g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_settings(h->g, c.model, h->options, &settings, &hand_made_error));
    assert_true(settings > 0 && n <= s->n);
    for (size_t i = 0; i < n; i++)
        put(h, &c, settings, &s->v[i], &v[i]);
    HAND_MADE_OK(pr_gradebook_commit(h->g, &hand_made_error));
    pr_suite_free(s);
    pr_checkpoint_row_done(&c);
}

void hand_made_grade_drawn(struct hand_made *h, int64_t checkpoint, int64_t suite, uint64_t seed,
    double accuracy, double loss)
{
    struct pr_suite *s;
    HAND_MADE_OK(pr_gradebook_load_suite(h->g, suite, &s, &hand_made_error));
    struct hand_made_answer *v = hand_made_draw(seed, s->n, accuracy, loss, 1);
    hand_made_grade(h, checkpoint, suite, v, s->n);
    pr_free(v);
    pr_suite_free(s);
}

void hand_made_open(struct hand_made *h, struct pr_view *v)
{
    HAND_MADE_OK(pr_gradebook_begin(h->g, &hand_made_error));
    HAND_MADE_OK(pr_view_open(h->g, &h->settings, h->options, h->now_ms, v, &hand_made_error));
    v->pool = h->pool;
}

void hand_made_close(struct hand_made *h, struct pr_view *v)
{
    pr_view_close(v);
    pr_gradebook_rollback(h->g);
}

void hand_made_find(struct hand_made *h, const struct pr_system *s, struct pr_findings *ret)
{
    struct pr_view v;
    *ret = (struct pr_findings){0};
    hand_made_open(h, &v);
    HAND_MADE_OK(s->run(&v, ret, &hand_made_error));
    hand_made_close(h, &v);
    assert_non_null(ret->status);
}

void hand_made_apply(struct hand_made *h, const struct pr_system *s, struct pr_findings *f)
{
    HAND_MADE_OK(pr_gradebook_begin(h->g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_put_finding(h->g, s->name, f->status, h->now_ms, &hand_made_error));
    for (size_t i = 0; i < f->n_decisions; i++)
        HAND_MADE_OK(pr_gradebook_put_decision(h->g, &f->decisions[i], &hand_made_error));
    for (size_t i = 0; i < f->n_alerts; i++)
        HAND_MADE_OK(pr_gradebook_raise(h->g, s->name, f->alerts[i].key, f->alerts[i].checkpoint,
            f->alerts[i].level, f->alerts[i].text, h->now_ms, NULL, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h->g, &hand_made_error));
    pr_findings_done(f);
    h->now_ms += 1000;
}
