/* Automated testing's own suite: chosen once from `validation`, and fixed from then on.
 *
 * Easy, medium and hard get equal shares of testing.samples; where one has too few, all of them are
 * taken and the others fill up.  Within a difficulty the examples with the smallest SHA-256 of
 * their id are taken.  A line of suite.jsonl is the line that it was chosen from, with `id` and
 * `difficulty` written out, so that it is the same example (the same digest) wherever it is read:
 * it is graded once for both suites. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/suites_internal.h"
#include "systems/view.h"

#define MAX_STATE ((size_t)1 << 20) /* of suite.json */

struct drawn {
    uint8_t hash[PR_SHA256_LEN];
    size_t index, group;
};

struct group {
    const char *difficulty;
    size_t n, quota;
};

struct choice {
    struct group *groups;
    size_t n_groups, cap;
};

static int by_hash(const void *a, const void *b)
{
    const struct drawn *x = a, *y = b;
    int c = memcmp(x->hash, y->hash, PR_SHA256_LEN);
    return c ? c : (x->index > y->index) - (x->index < y->index);
}

/* easy, medium, hard, then the others by name. */
static int rank_of(const char *difficulty)
{
    static const char *const known[] = {"easy", "medium", "hard"};
    int i = 0;
    while (i < 3 && strcmp(known[i], difficulty) != 0)
        i++;
    return i;
}

static int by_difficulty(const void *a, const void *b)
{
    const struct group *x = a, *y = b;
    int rx = rank_of(x->difficulty), ry = rank_of(y->difficulty);
    return rx != ry ? rx - ry : strcmp(x->difficulty, y->difficulty);
}

static struct group *group_of(struct choice *c, const char *difficulty)
{
    for (size_t i = 0; i < c->n_groups; i++)
        if (!strcmp(c->groups[i].difficulty, difficulty))
            return &c->groups[i];
    return NULL;
}

/* Equal shares, one at a time in turn: 34, 33 and 33 of 100.  Examples without a difficulty, or
 * with one of their own kind, only fill up what the three cannot. */
static void share_out(struct choice *c, size_t samples)
{
    for (int others = 0; others < 2; others++)
        for (bool any = true; any && samples;) {
            any = false;
            for (size_t i = 0; i < c->n_groups && samples; i++) {
                struct group *g = &c->groups[i];
                if ((rank_of(g->difficulty) == 3) != others || g->quota == g->n)
                    continue;
                g->quota++;
                samples--;
                any = true;
            }
        }
}

static void count_groups(struct choice *c, const struct pr_suite *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct group *g = group_of(c, s->v[i].difficulty);
        if (!g) {
            struct group fresh = {.difficulty = s->v[i].difficulty};
            PR_PUSH(c->groups, c->n_groups, c->cap, fresh);
            g = &c->groups[c->n_groups - 1];
        }
        g->n++;
    }
    if (c->n_groups)
        qsort(c->groups, c->n_groups, sizeof *c->groups, by_difficulty);
}

/* One example as a line of its own. */
static void write_line(const struct pr_example *x, struct pr_str *out)
{
    json_t *line = json_copy(x->source); /* shallow: only two members are set */
    if (!x->own_id)
        pr_json_set_str(line, "id", x->id);
    pr_json_set_str(line, "difficulty", x->difficulty);
    pr_json_dump(line, 0, 0, out);
    pr_str_putc(out, '\n');
    json_decref(line);
}

/* Chooses from s and writes the lines, in the suite's order. */
static void choose(struct choice *c, const struct pr_suite *s, size_t samples, struct pr_str *out)
{
    struct drawn *d = pr_zalloc((s->n + 1) * sizeof *d);
    bool *taken = pr_zalloc(s->n + 1);
    count_groups(c, s);
    share_out(c, samples);
    for (size_t i = 0; i < s->n; i++) {
        pr_sha256(s->v[i].id, strlen(s->v[i].id), d[i].hash);
        d[i].index = i;
        d[i].group = (size_t)(group_of(c, s->v[i].difficulty) - c->groups);
    }
    qsort(d, s->n, sizeof *d, by_hash);
    for (size_t i = 0; i < s->n; i++) {
        struct group *g = &c->groups[d[i].group];
        taken[d[i].index] = g->quota > 0;
        g->quota -= g->quota > 0;
    }
    for (size_t i = 0; i < s->n; i++)
        if (taken[i])
            write_line(&s->v[i], out);
    pr_free(taken);
    pr_free(d);
}

/* ---- suite.json ---- */

struct state {
    int64_t version, samples; /* 0: not known */
    char fingerprint[PR_SHA256_HEX];
};

static struct state read_state(const char *path)
{
    struct state st = {0};
    json_t *o;
    const char *fingerprint = "";
    if (pr_json_read(AT_FDCWD, path, MAX_STATE, PR_JSON_STRICT, &o, NULL))
        return st;
    if (pr_json_get_int(o, "version", true, 1, INT32_MAX, &st.version, NULL) ||
        pr_json_get_int(o, "samples", true, 1, INT32_MAX, &st.samples, NULL) ||
        pr_json_get_str(o, "fingerprint", true, &fingerprint, NULL))
        st = (struct state){0};
    else
        snprintf(st.fingerprint, sizeof st.fingerprint, "%s", fingerprint);
    json_decref(o);
    return st;
}

static enum pr_code write_state(const char *path, int64_t version, int64_t samples,
    const char *source, const struct pr_suite *s, int64_t now_ms, struct pr_error *e)
{
    json_t *o = json_object(), *counts = json_object();
    struct pr_str text = PR_STR_INIT(1 << 20);
    struct choice c = {0};
    char at[32];
    pr_clock_iso8601(now_ms, at);
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_int(o, "version", version);
    pr_json_set_int(o, "samples", samples);
    pr_json_set_str(o, "chosen_at", at);
    if (source)
        pr_json_set_str(o, "source_suite_fingerprint", source);
    else
        pr_json_set_null(o, "source_suite_fingerprint", "the file was changed by hand");
    pr_json_set_str(o, "fingerprint", s->fingerprint);
    count_groups(&c, s);
    for (size_t i = 0; i < c.n_groups; i++)
        pr_json_set_int(counts, c.groups[i].difficulty, (int64_t)c.groups[i].n);
    pr_json_set(o, "by_difficulty", counts);
    pr_json_dump(o, 2, 0, &text);
    pr_str_putc(&text, '\n');
    enum pr_code code = pr_file_write_atomic(path, pr_str_cstr(&text), text.len, e);
    pr_free(c.groups);
    pr_str_done(&text);
    json_decref(o);
    return code;
}

/* ---- keeping it ---- */

struct testing {
    struct pr_refresh *r;
    struct pr_suite_report *x;
    char *folder, *lines, *state;
    struct state st;
};

static enum pr_code load(const struct testing *t, struct pr_suite **ret, struct pr_error *e)
{
    const char *path = t->lines;
    struct pr_suite_options o = {
        .name = PR_SUITE_TESTING, .allow_commands = t->r->c->allow_commands};
    return pr_suite_load(&path, 1, &o, ret, e);
}

/* The versions that there were, for numbering when suite.json is gone. */
static int64_t known_versions(const struct testing *t)
{
    struct pr_suite_row *rows;
    size_t n;
    int64_t known = 0;
    if (pr_gradebook_suites(t->r->g, false, &rows, &n, NULL))
        return t->st.version;
    for (size_t i = 0; i < n; i++)
        known += !strcmp(rows[i].name, PR_SUITE_TESTING);
    pr_suite_rows_free(rows, n);
    return known > t->st.version ? known : t->st.version;
}

/* Writes suite.jsonl, then suite.json: when it ends between the two, suite.json still names what
 * was asked before and the same choice is made again. */
static enum pr_code write_choice(
    const struct testing *t, const struct pr_suite *from, struct pr_suite **ret, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 31);
    struct choice c = {0};
    int64_t samples = t->r->c->settings.test_samples;
    enum pr_code code = pr_mkdirs(t->folder, e);
    if (!code) {
        choose(&c, from, (size_t)samples, &text);
        code = text.over ? pr_fail(e, PR_E_LIMIT, "%s: the lines are larger than 2 GiB", t->lines)
                         : pr_file_write_atomic(t->lines, pr_str_cstr(&text), text.len, e);
    }
    if (!code)
        code = load(t, ret, e);
    if (!code)
        code = write_state(
            t->state, known_versions(t) + 1, samples, from->fingerprint, *ret, t->r->now_ms, e);
    pr_free(c.groups);
    pr_str_done(&text);
    return code;
}

static enum pr_code choose_anew(
    struct testing *t, const char *validation, struct pr_suite **ret, struct pr_error *e)
{
    struct pr_suite *from = NULL;
    struct pr_suite_options o = {.name = PR_SUITE_MAIN, .allow_commands = t->r->c->allow_commands};
    enum pr_code code = pr_suite_load(&validation, 1, &o, &from, e);
    if (!code)
        code = write_choice(t, from, ret, e);
    pr_suite_free(from);
    return code;
}

/* The suite to be used, or why there is none. */
static enum pr_code obtain(
    struct testing *t, const char *validation, struct pr_suite **ret, struct pr_error *e)
{
    int64_t samples = t->r->c->settings.test_samples;
    bool there = pr_path_exists(t->lines);
    if (validation && (!there || (t->st.samples && t->st.samples != samples)))
        return choose_anew(t, validation, ret, e);
    if (!there)
        return pr_fail(e, PR_E_NOT_FOUND, "there is no suite '%s' to choose from", PR_SUITE_MAIN);
    enum pr_code code = load(t, ret, e);
    if (code)
        return code;
    /* Changed by hand, or its suite.json is gone: a version of its own. */
    if (strcmp(t->st.fingerprint, (*ret)->fingerprint) != 0)
        code = write_state(t->state, known_versions(t) + 1, t->st.samples ? t->st.samples : samples,
            NULL, *ret, t->r->now_ms, e);
    return code;
}

enum pr_code pr_refresh_testing(struct pr_refresh *r, const char *validation, struct pr_error *e)
{
    struct testing t = {.r = r, .folder = pr_path_join(r->c->base_dir, "data/testing")};
    struct pr_suite *s = NULL;
    struct pr_error why;
    enum pr_code code = PR_OK;
    t.lines = pr_path_join(t.folder, "suite.jsonl");
    t.state = pr_path_join(t.folder, "suite.json");
    if (!validation && !pr_path_exists(t.lines) && !pr_refresh_row(r, PR_SUITE_TESTING))
        goto out; /* nothing to choose from, and nothing was */
    t.x = pr_refresh_report(r, PR_SUITE_TESTING, t.lines);
    uint64_t options = 2 * (uint64_t)r->c->settings.test_samples + r->c->allow_commands;
    if (pr_path_exists(t.lines) && pr_refresh_known(r, t.x, pr_refresh_seen(r, t.folder, options)))
        goto out;
    t.st = read_state(t.state);
    t.x->seen = 0;
    enum pr_code got = obtain(&t, validation, &s, &why);
    if (got && !(s && s->n))
        pr_refresh_problem(r, t.x, "%s", why.message);
    else
        code = pr_refresh_put(r, t.x, s, e);
    if (!code && got && !t.x->problem) /* usable, though suite.json could not be written */
        t.x->problem = pr_strdup(why.message);
    if (!got && !code)
        t.x->seen = pr_refresh_seen(r, t.folder, options);
out:
    pr_suite_free(s);
    pr_free(t.folder);
    pr_free(t.lines);
    pr_free(t.state);
    return code;
}
