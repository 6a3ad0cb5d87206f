/* Grades: one row each, packed, and back again bit by bit. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "base/str.h"
#include "gradebook/sqlite.h"

#define DAMAGED       "%s: %s cannot be read; it is damaged: 'proctor doctor' says more"
#define LEFT_NO_WORDS "no reason was given"

static const char *const finishes[] = {NULL, "stop", "length", "choice"};

/* What a grade's columns hold. */
struct packed {
    int64_t flags;
    double loss, confidence_all; /* NaN where a flag says them */
    struct pr_sql_text answer, output, reason, loss_reason, correct_reason;
    struct pr_str choices;
};

static bool same_bits(double a, double b)
{
    uint64_t x, y; /* -0.0 is another number than 0.0 here */
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return (isnan(a) && isnan(b)) || x == y;
}

/* Little-endian base 128. */
static void put_number(struct pr_str *out, uint64_t x)
{
    for (; x >= 128; x >>= 7)
        pr_str_putc(out, (char)(x | 128));
    pr_str_putc(out, (char)x);
}

static bool get_number(const uint8_t **p, const uint8_t *end, uint64_t *ret)
{
    *ret = 0;
    for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
        uint8_t byte = *(*p)++;
        *ret |= (uint64_t)(byte & 127) << shift;
        if (!(byte & 128))
            return true;
    }
    return false;
}

static void pack_choices(const struct pr_grade *g, struct pr_str *out)
{
    *out = PR_STR_INIT((size_t)1 << 28);
    if (!g->choices && !g->chosen && !g->chosen_per_length)
        return;
    put_number(out, g->chosen);
    put_number(out, g->chosen_per_length);
    put_number(out, g->choices ? g->n_choices : 0);
    for (size_t i = 0; g->choices && i < g->n_choices; i++) {
        pr_str_append(out, (const char *)&g->choices[i].log_likelihood, sizeof(double));
        put_number(out, g->choices[i].tokens);
    }
}

static bool unpack_choices(const uint8_t *p, size_t n, struct pr_grade *g)
{
    const uint8_t *end = p + n;
    uint64_t chosen, per_length, count, tokens;
    if (!get_number(&p, end, &chosen) || !get_number(&p, end, &per_length) ||
        !get_number(&p, end, &count) || count > (size_t)(end - p) / 9)
        return false;
    g->chosen = chosen;
    g->chosen_per_length = per_length;
    g->n_choices = count;
    g->choices = count ? pr_zalloc(count * sizeof *g->choices) : NULL;
    for (size_t i = 0; i < count; i++) {
        if ((size_t)(end - p) < sizeof(double))
            return false;
        memcpy(&g->choices[i].log_likelihood, p, sizeof(double));
        p += sizeof(double);
        if (!get_number(&p, end, &tokens))
            return false;
        g->choices[i].tokens = tokens;
    }
    return p == end;
}

static int64_t flags_of(const struct pr_grade *g)
{
    int64_t finish = 0;
    for (int i = 1; i < 4 && g->finish; i++)
        if (!strcmp(g->finish, finishes[i]))
            finish = i;
    bool implied = g->answer_tokens && same_bits(g->loss, g->nll / (double)g->answer_tokens);
    return g->graded * PR_GRADE_GRADED | g->bad_number * PR_GRADE_BAD_NUMBER |
           g->truncated * PR_GRADE_TRUNCATED | g->empty * PR_GRADE_EMPTY |
           g->well_formed * PR_GRADE_WELL_FORMED | g->think * PR_GRADE_THINK |
           (g->correct & 3) << PR_GRADE_CORRECT |
           (g->correct_per_length & 3) << PR_GRADE_CORRECT_PER_LENGTH | finish << PR_GRADE_FINISH |
           implied * PR_GRADE_LOSS_IMPLIED |
           same_bits(g->confidence, g->confidence_all) * PR_GRADE_CONFIDENCE_SAME |
           g->texts_dropped * PR_GRADE_TEXTS_DROPPED;
}

/* What must be kept of the output beside the answer. */
static enum pr_output_kept output_kept(const struct pr_grade *g, size_t *ret_n)
{
    *ret_n = g->output_len;
    if (!g->output)
        return PR_OUTPUT_NONE;
    if (!g->answer || g->answer_len > g->output_len ||
        memcmp(g->output + g->output_len - g->answer_len, g->answer, g->answer_len))
        return PR_OUTPUT_ALL;
    *ret_n = g->output_len - g->answer_len;
    return *ret_n ? PR_OUTPUT_BEFORE_ANSWER : PR_OUTPUT_IS_ANSWER;
}

static enum pr_code put_string(
    struct pr_gradebook *g, const char *s, struct pr_sql_text *ret, struct pr_error *e)
{
    return pr_text_put(g, s, s ? strlen(s) : 0, ret, e);
}

static enum pr_code pack(
    struct pr_gradebook *g, const struct pr_grade *x, struct packed *p, struct pr_error *e)
{
    size_t n;
    enum pr_output_kept kept = output_kept(x, &n);
    bool whole = kept == PR_OUTPUT_BEFORE_ANSWER || kept == PR_OUTPUT_ALL;
    const char *reason = x->graded || x->reason ? x->reason : LEFT_NO_WORDS;
    enum pr_code code;
    *p = (struct packed){.flags = flags_of(x) | (int64_t)kept << PR_GRADE_OUTPUT};
    p->loss = p->flags & PR_GRADE_LOSS_IMPLIED ? NAN : x->loss;
    p->confidence_all = p->flags & PR_GRADE_CONFIDENCE_SAME ? NAN : x->confidence_all;
    pack_choices(x, &p->choices);
    if ((code = pr_text_put(g, x->answer, x->answer_len, &p->answer, e)) ||
        (code = pr_text_put(g, whole ? x->output : NULL, n, &p->output, e)) ||
        (code = put_string(g, reason, &p->reason, e)) ||
        (code = put_string(g, x->loss_reason, &p->loss_reason, e)))
        return code;
    return put_string(g, x->correct_reason, &p->correct_reason, e);
}

static enum pr_code insert(struct pr_gradebook *g, int64_t model, int64_t settings, int64_t example,
    const struct pr_grade *x, int64_t now_ms, struct pr_error *e)
{
    struct packed p;
    enum pr_code code = pack(g, x, &p, e);
    if (!code)
        code = pr_sql_run(g, e,
            "INSERT INTO grades(model, settings, example, flags, answer_tokens, nll, loss,"
            " confidence, confidence_all, output_tokens, answer, output, reason, loss_reason,"
            " correct_reason, choices) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            "iiiiidddd"
            "ovvvvvb",
            model, settings, example, p.flags, (int64_t)x->answer_tokens, x->nll, p.loss,
            x->confidence, p.confidence_all, (int64_t)x->output_tokens, &p.answer, &p.output,
            &p.reason, &p.loss_reason, &p.correct_reason, p.choices.data, p.choices.len);
    pr_str_done(&p.choices);
    if (code)
        return code;
    bool texts = x->answer || x->output;
    return pr_sql_run(g, e,
        "INSERT INTO graded(model, settings, n, first_ms, last_ms, texts, cleared)"
        " VALUES(?, ?, 1, ?3, ?3, ?4, 0) ON CONFLICT DO UPDATE SET n = n + 1, last_ms = ?3,"
        " texts = texts | ?4, cleared = iif(?4, 0, cleared)",
        "iiii", model, settings, now_ms, (int64_t)texts);
}

/* A grade comes from a grader that has read a stranger's files: its choices must be the example's,
 * since readers go through both together. */
static enum pr_code find_example(struct pr_gradebook *g, const char *digest,
    const struct pr_grade *x, int64_t *ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    enum pr_code code =
        pr_sql_query(g, &st, e, "SELECT id, choices FROM examples WHERE digest = ?", "s", digest);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    if (!row)
        return pr_fail(e, PR_E_NOT_FOUND, "%s: no suite has an example %.64s", g->path, digest);
    *ret = sqlite3_column_int64(st, 0);
    size_t choices = (size_t)sqlite3_column_int64(st, 1);
    pr_sql_done(st);
    size_t most = choices ? choices - 1 : 0;
    if ((x->choices && x->n_choices != choices) || x->chosen > most || x->chosen_per_length > most)
        return pr_fail(e, PR_E_FORMAT, "a grade of example %.64s has %zu choices, it has %zu",
            digest, x->n_choices, choices);
    return PR_OK;
}

enum pr_code pr_gradebook_put_grade(struct pr_gradebook *g, int64_t model, int64_t settings,
    const char *digest, const struct pr_grade *grade, int64_t now_ms, bool *ret_new,
    struct pr_error *e)
{
    int64_t example = 0, have;
    bool own;
    enum pr_code code = find_example(g, digest, grade, &example, e);
    if (code || (code = pr_sql_int(g, 0, &have, e,
                     "SELECT 1 FROM grades WHERE model = ? AND settings = ? AND example = ?", "iii",
                     model, settings, example)))
        return code;
    if (!have) {
        if ((code = pr_sql_enter(g, &own, e)))
            return code;
        code = insert(g, model, settings, example, grade, now_ms, e);
        if ((code = pr_sql_leave(g, own, code, e)))
            return code;
    }
    if (ret_new)
        *ret_new = !have;
    return PR_OK;
}

static double column_real(sqlite3_stmt *st, int column)
{
    return sqlite3_column_type(st, column) == SQLITE_NULL ? NAN : sqlite3_column_double(st, column);
}

void pr_grade_read_flags(struct pr_grade *g, int64_t f)
{
    g->graded = f & PR_GRADE_GRADED;
    g->bad_number = f & PR_GRADE_BAD_NUMBER;
    g->truncated = f & PR_GRADE_TRUNCATED;
    g->empty = f & PR_GRADE_EMPTY;
    g->well_formed = f & PR_GRADE_WELL_FORMED;
    g->think = f & PR_GRADE_THINK;
    g->correct = (enum pr_verdict)(f >> PR_GRADE_CORRECT & 3);
    g->correct_per_length = (enum pr_verdict)(f >> PR_GRADE_CORRECT_PER_LENGTH & 3);
    g->finish = finishes[f >> PR_GRADE_FINISH & 3];
    g->texts_dropped = f & PR_GRADE_TEXTS_DROPPED;
    if (f & PR_GRADE_LOSS_IMPLIED)
        g->loss = g->nll / (double)g->answer_tokens;
    if (f & PR_GRADE_CONFIDENCE_SAME)
        g->confidence_all = g->confidence;
}

/* Columns of SELECTED. */
enum {
    FLAGS,
    ANSWER_TOKENS,
    NLL,
    LOSS,
    CONFIDENCE,
    CONFIDENCE_ALL,
    OUTPUT_TOKENS,
    ANSWER,
    OUTPUT,
    REASON,
    LOSS_REASON,
    CORRECT_REASON,
    CHOICES
};
#define SELECTED                                                                                   \
    "SELECT flags, answer_tokens, nll, loss, confidence, confidence_all, output_tokens, answer,"   \
    " output, reason, loss_reason, correct_reason, choices FROM grades"

static enum pr_code read_output(
    struct pr_gradebook *b, sqlite3_stmt *st, struct pr_grade *g, struct pr_error *e)
{
    enum pr_output_kept kept =
        (enum pr_output_kept)(sqlite3_column_int64(st, FLAGS) >> PR_GRADE_OUTPUT & 3);
    if (kept == PR_OUTPUT_NONE)
        return PR_OK;
    size_t n;
    char *own;
    enum pr_code code = pr_text_get(b, st, OUTPUT, &own, &n, e);
    if (code || kept == PR_OUTPUT_ALL) {
        g->output = own;
        g->output_len = n;
        return code;
    }
    struct pr_str text = PR_STR_INIT((size_t)1 << 31);
    pr_str_append(&text, own ? own : "", n);
    pr_str_append(&text, g->answer ? g->answer : "", g->answer_len);
    g->output_len = text.len;
    g->output = pr_str_take(&text);
    pr_free(own);
    return PR_OK;
}

static enum pr_code read_grade(
    struct pr_gradebook *b, sqlite3_stmt *st, bool texts, struct pr_grade *g, struct pr_error *e)
{
    size_t n;
    enum pr_code code;
    g->answer_tokens = (size_t)sqlite3_column_int64(st, ANSWER_TOKENS);
    g->nll = column_real(st, NLL);
    g->loss = column_real(st, LOSS);
    g->confidence = column_real(st, CONFIDENCE);
    g->confidence_all = column_real(st, CONFIDENCE_ALL);
    g->output_tokens = (size_t)sqlite3_column_int64(st, OUTPUT_TOKENS);
    pr_grade_read_flags(g, sqlite3_column_int64(st, FLAGS));
    if ((code = pr_text_get(b, st, REASON, &g->reason, &n, e)) ||
        (code = pr_text_get(b, st, LOSS_REASON, &g->loss_reason, &n, e)) ||
        (code = pr_text_get(b, st, CORRECT_REASON, &g->correct_reason, &n, e)))
        return code;
    const void *blob = sqlite3_column_blob(st, CHOICES);
    if (blob && !unpack_choices(blob, (size_t)sqlite3_column_bytes(st, CHOICES), g))
        return pr_fail(e, PR_E_FORMAT, DAMAGED, b->path, "the choices of a grade");
    if (!texts || g->texts_dropped) {
        int64_t f = sqlite3_column_int64(st, FLAGS);
        g->texts_dropped |=
            (f >> PR_GRADE_OUTPUT & 3) || sqlite3_column_type(st, ANSWER) != SQLITE_NULL;
        return PR_OK;
    }
    if ((code = pr_text_get(b, st, ANSWER, &g->answer, &g->answer_len, e)))
        return code;
    return read_output(b, st, g, e);
}

static enum pr_code read_one(struct pr_gradebook *b, int64_t model, int64_t settings, bool texts,
    struct pr_grade *g, struct pr_error *e)
{
    char digest[PR_SHA256_HEX];
    sqlite3_stmt *st = NULL;
    bool row;
    pr_sha256_hex(g->example->digest, digest);
    enum pr_code code = pr_sql_query(b, &st, e,
        SELECTED " WHERE model = ? AND settings = ?"
                 " AND example = (SELECT id FROM examples WHERE digest = ?)",
        "iis", model, settings, digest);
    if (code || (code = pr_sql_step(b, st, &row, e)) || !row)
        return code;
    code = read_grade(b, st, texts, g, e);
    pr_sql_done(st);
    if (!code && g->choices && g->n_choices != g->example->check.n_choices)
        code = pr_fail(e, PR_E_FORMAT, DAMAGED, b->path, "the choices of a grade");
    return code;
}

/* What the settings document says about how the grades were made. */
static enum pr_code describe(
    struct pr_gradebook *g, int64_t settings, struct pr_grades *out, struct pr_error *e)
{
    static const char *const types[] = {"f32", "bf16"};
    sqlite3_stmt *st = NULL;
    bool row;
    enum pr_code code = pr_sql_query(
        g, &st, e, "SELECT fingerprint, document FROM settings WHERE id = ?", "i", settings);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    if (!row)
        return pr_fail(e, PR_E_NOT_FOUND, "%s: no settings %lld", g->path, (long long)settings);
    pr_sql_column_copy(st, 0, out->settings_fingerprint, sizeof out->settings_fingerprint);
    code = pr_sql_column_json(st, 1, &out->settings, e);
    pr_sql_done(st);
    if (code)
        return code;
    const char *numerics = json_string_value(json_object_get(out->settings, "numerics"));
    const char *shape = json_string_value(json_object_get(out->settings, "template"));
    json_int_t limit = json_integer_value(json_object_get(out->settings, "max_new_tokens"));
    out->numerics = pr_strdup(numerics ? numerics : "");
    out->has_template = shape && strcmp(shape, "none");
    out->max_new_tokens = limit > 0 ? (size_t)limit : 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t n = strlen(types[i]);
        if (!strncmp(out->numerics, types[i], n) && (!out->numerics[n] || out->numerics[n] == '/'))
            out->dtype = types[i];
    }
    return PR_OK;
}

static struct pr_grades *grades_new(const struct pr_checkpoint_row *c, const struct pr_suite *suite)
{
    struct pr_grades *out = pr_zalloc(sizeof *out);
    out->suite = suite;
    out->n = suite->n;
    out->v = pr_zalloc((suite->n + 1) * sizeof *out->v);
    for (size_t i = 0; i < suite->n; i++)
        out->v[i] = (struct pr_grade){.example = &suite->v[i],
            .nll = NAN,
            .loss = NAN,
            .confidence = NAN,
            .confidence_all = NAN};
    out->checkpoint = pr_strdup(c->name);
    out->path = pr_strdup(c->path);
    out->origin.step = c->step;
    memcpy(out->fingerprint, c->fingerprint, sizeof out->fingerprint);
    memcpy(out->origin.run, c->run, sizeof out->origin.run);
    memcpy(out->origin.history, c->history, sizeof out->origin.history);
    return out;
}

enum pr_code pr_gradebook_grades(struct pr_gradebook *g, const struct pr_checkpoint_row *checkpoint,
    int64_t settings, const struct pr_suite *suite, bool texts, struct pr_grades **ret,
    struct pr_error *e)
{
    struct pr_grades *out = grades_new(checkpoint, suite);
    enum pr_code code = describe(g, settings, out, e);
    for (size_t i = 0; i < out->n && !code; i++)
        code = read_one(g, checkpoint->model, settings, texts, &out->v[i], e);
    if (code) {
        pr_grades_free(out);
        return code;
    }
    *ret = out;
    return PR_OK;
}

enum pr_code pr_gradebook_count(struct pr_gradebook *g, int64_t model, int64_t settings,
    int64_t suite, size_t *ret_done, size_t *ret_all, struct pr_error *e)
{
    int64_t done, all;
    enum pr_code code = pr_sql_int(g, 0, &all, e, "SELECT n FROM suites WHERE id = ?", "i", suite);
    if (!code)
        code = pr_sql_int(g, 0, &done, e,
            "SELECT count(*) FROM suite_examples x CROSS JOIN grades g ON g.model = ?"
            " AND g.settings = ? AND g.example = x.example WHERE x.suite = ?",
            "iii", model, settings, suite);
    if (code)
        return code;
    *ret_done = (size_t)done;
    *ret_all = (size_t)all;
    return PR_OK;
}
