/* A grade as the members of a message, and back.  One table of plain members each way; what belongs
 * together is checked afterwards: a grader has read a stranger's files. */
#include "grader/message.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "grader/wire.h"

#define MAX_TOKENS  ((int64_t)1 << 31)
#define MAX_CHOICES 1024

/* Sums of log-probabilities are rounded: a certain token may come out a hair above 0. */
#define ROUNDING 1e-3

static void put_number(json_t *m, const char *key, double x)
{
    pr_json_set(m, key, isfinite(x) ? json_real(x) : json_null());
}

static void put_text(json_t *m, const char *key, const char *s, size_t n)
{
    if (s)
        pr_json_set_strn(m, key, s, n);
    else
        pr_json_set(m, key, json_null());
}

static void put_verdict(json_t *m, const char *key, enum pr_verdict v)
{
    pr_json_set(m, key, v == PR_VERDICT_NONE ? json_null() : json_boolean(v == PR_VERDICT_RIGHT));
}

static void put_choices(json_t *m, const struct pr_grade *g)
{
    json_t *list = json_array();
    for (size_t i = 0; i < g->n_choices; i++) {
        json_t *one = json_object();
        put_number(one, "log_likelihood", g->choices[i].log_likelihood);
        pr_json_set_int(one, "tokens", (int64_t)g->choices[i].tokens);
        json_array_append_new(list, one);
    }
    pr_json_set(m, "choices", list);
    pr_json_set_int(m, "chosen", (int64_t)g->chosen);
    pr_json_set_int(m, "chosen_per_length", (int64_t)g->chosen_per_length);
    put_verdict(m, "correct_per_length", g->correct_per_length);
}

void pr_message_put_grade(json_t *m, const struct pr_grade *g)
{
    char digest[PR_SHA256_HEX];
    pr_sha256_hex(g->example->digest, digest);
    pr_json_set_str(m, "example", digest);
    pr_json_set_bool(m, "graded", g->graded);
    pr_json_set_str(m, "reason", g->reason);
    pr_json_set_int(m, "answer_tokens", (int64_t)g->answer_tokens);
    put_number(m, "nll", g->nll);
    put_number(m, "loss", g->loss);
    pr_json_set_str(m, "loss_reason", g->loss_reason);
    pr_json_set_bool(m, "bad_number", g->bad_number);
    put_text(m, "answer", g->answer, g->answer_len);
    put_text(m, "output", g->output, g->output_len);
    put_verdict(m, "correct", g->correct);
    pr_json_set_str(m, "correct_reason", g->correct_reason);
    put_number(m, "confidence", g->confidence);
    put_number(m, "confidence_all", g->confidence_all);
    pr_json_set_str(m, "finish", g->finish);
    pr_json_set_bool(m, "truncated", g->truncated);
    pr_json_set_bool(m, "empty", g->empty);
    pr_json_set_bool(m, "well_formed", g->well_formed);
    pr_json_set_bool(m, "think", g->think);
    pr_json_set_int(m, "output_tokens", (int64_t)g->output_tokens);
    if (g->choices)
        put_choices(m, g);
    else
        pr_json_set(m, "choices", json_null());
}

static enum pr_code get_digest(const json_t *m, char ret[65], struct pr_error *e)
{
    const char *s;
    enum pr_code code = pr_json_get_str(m, "example", true, &s, e);
    if (code)
        return code;
    if (strlen(s) != 64 || strspn(s, "0123456789abcdef") != 64)
        return pr_fail(e, PR_E_FORMAT, "'example' is no digest of 64 hexadecimal digits");
    memcpy(ret, s, 65);
    return PR_OK;
}

static enum pr_code get_count(
    const json_t *m, const char *key, size_t max, size_t *ret, struct pr_error *e)
{
    int64_t x = 0;
    enum pr_code code = pr_json_get_int(m, key, true, 0, (int64_t)max, &x, e);
    *ret = (size_t)x;
    return code;
}

/* The member must be there, null included, so that a field left out is noticed. */
static enum pr_code get_member(
    const json_t *m, const char *key, const json_t **ret, struct pr_error *e)
{
    *ret = json_object_get(m, key);
    return *ret ? PR_OK : pr_fail(e, PR_E_FORMAT, "'%s' is missing", key);
}

static enum pr_code get_number(
    const json_t *m, const char *key, double min, double max, double *ret, struct pr_error *e)
{
    const json_t *v;
    enum pr_code code = get_member(m, key, &v, e);
    *ret = NAN;
    return code ? code : pr_json_get_real(m, key, false, min, max, ret, e);
}

static enum pr_code get_text(
    const json_t *m, const char *key, char **ret, size_t *ret_len, struct pr_error *e)
{
    const json_t *v;
    enum pr_code code = get_member(m, key, &v, e);
    if (code || json_is_null(v))
        return code;
    if (!json_is_string(v))
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, a string was expected", key, pr_json_type_name(v));
    size_t n = json_string_length(v);
    if (!ret_len && !pr_wire_is_plain(v)) /* a reason, for people */
        return pr_fail(e, PR_E_FORMAT, "'%s' is not a text of one line", key);
    *ret = pr_strndup(json_string_value(v), n);
    if (ret_len)
        *ret_len = n;
    return PR_OK;
}

static enum pr_code get_verdict(
    const json_t *m, const char *key, enum pr_verdict *ret, struct pr_error *e)
{
    const json_t *v;
    bool right = false;
    enum pr_code code = get_member(m, key, &v, e);
    if (!code)
        code = pr_json_get_bool(m, key, false, &right, e);
    if (!code && !json_is_null(v))
        *ret = right ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
    return code;
}

static enum pr_code get_finish(const json_t *m, const char **ret, struct pr_error *e)
{
    char *text = NULL;
    enum pr_code code = get_text(m, "finish", &text, NULL, e);
    if (!code && text && !(*ret = pr_grade_finish(text)))
        code = pr_fail(e, PR_E_FORMAT, "'finish' is '%.40s', which is none that there is", text);
    pr_free(text);
    return code;
}

static enum pr_code get_choices(const json_t *m, struct pr_grade *g, struct pr_error *e)
{
    const json_t *list;
    enum pr_code code = get_member(m, "choices", &list, e);
    if (code || json_is_null(list))
        return code;
    size_t n = json_array_size(list);
    if (n < 2 || n > MAX_CHOICES) /* 0: no array */
        return pr_fail(e, PR_E_FORMAT, "'choices' is %s, an array of 2 to %d was expected",
            json_is_array(list) ? "of another length" : pr_json_type_name(list), MAX_CHOICES);
    g->choices = pr_zalloc(n * sizeof *g->choices);
    g->n_choices = n;
    for (size_t i = 0; i < n && !code; i++) {
        const json_t *one = json_array_get(list, i);
        if (!json_is_object(one))
            return pr_fail(e, PR_E_FORMAT, "'choices'[%zu] is %s, an object was expected", i,
                pr_json_type_name(one));
        code =
            get_number(one, "log_likelihood", -1e300, ROUNDING, &g->choices[i].log_likelihood, e);
        if (!code)
            code = get_count(one, "tokens", MAX_TOKENS, &g->choices[i].tokens, e);
    }
    if (code || (code = get_count(m, "chosen", n - 1, &g->chosen, e)) ||
        (code = get_count(m, "chosen_per_length", n - 1, &g->chosen_per_length, e)))
        return code;
    return get_verdict(m, "correct_per_length", &g->correct_per_length, e);
}

static enum pr_code get_flags(const json_t *m, struct pr_grade *g, struct pr_error *e)
{
    const struct {
        const char *key;
        bool *ret;
    } flags[] = {
        {"graded", &g->graded},
        {"bad_number", &g->bad_number},
        {"truncated", &g->truncated},
        {"empty", &g->empty},
        {"well_formed", &g->well_formed},
        {"think", &g->think},
    };
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < sizeof flags / sizeof *flags && !code; i++)
        code = pr_json_get_bool(m, flags[i].key, true, flags[i].ret, e);
    return code;
}

static enum pr_code get_numbers(const json_t *m, struct pr_grade *g, struct pr_error *e)
{
    const struct {
        const char *key;
        double min, max;
        double *ret;
    } numbers[] = {
        {"nll", -ROUNDING, 1e300, &g->nll},
        {"loss", -ROUNDING, 1e300, &g->loss},
        {"confidence", 0, 1 + ROUNDING, &g->confidence},
        {"confidence_all", 0, 1 + ROUNDING, &g->confidence_all},
    };
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !code; i++)
        code = get_number(m, numbers[i].key, numbers[i].min, numbers[i].max, numbers[i].ret, e);
    if (!code)
        code = get_count(m, "answer_tokens", MAX_TOKENS, &g->answer_tokens, e);
    if (!code)
        code = get_count(m, "output_tokens", MAX_TOKENS, &g->output_tokens, e);
    return code;
}

static enum pr_code get_texts(const json_t *m, struct pr_grade *g, struct pr_error *e)
{
    enum pr_code code = get_text(m, "reason", &g->reason, NULL, e);
    if (!code)
        code = get_text(m, "answer", &g->answer, &g->answer_len, e);
    if (!code)
        code = get_text(m, "output", &g->output, &g->output_len, e);
    if (!code)
        code = get_text(m, "correct_reason", &g->correct_reason, NULL, e);
    if (!code)
        code = get_text(m, "loss_reason", &g->loss_reason, NULL, e);
    return code ? code : get_finish(m, &g->finish, e);
}

/* What cannot be true together, whatever each member says. */
static enum pr_code check_sense(const struct pr_grade *g, struct pr_error *e)
{
    double expected = g->nll / (double)g->answer_tokens;
    const struct {
        bool wrong;
        const char *what;
    } rules[] = {
        {!g->graded && !g->reason, "it was not graded, and 'reason' does not say why"},
        {!g->graded && (g->answer || g->correct != PR_VERDICT_NONE || !isnan(g->loss)),
            "it was not graded, and yet there is an answer, a verdict or a loss"},
        {isnan(g->nll) != isnan(g->loss), "one of 'nll' and 'loss' is known and the other is not"},
        {g->graded && isnan(g->loss) && !g->loss_reason,
            "the loss is unknown, and 'loss_reason' does not say why"},
        {!isnan(g->loss) && g->loss_reason, "the loss is known, and 'loss_reason' says why not"},
        {!isnan(g->loss) && !g->answer_tokens, "a loss over no tokens"},
        {!isnan(g->loss) && g->answer_tokens &&
                fabs(g->loss - expected) > 1e-9 * (1 + fabs(expected)),
            "'loss' is not 'nll' / 'answer_tokens'"},
        {g->truncated && g->correct == PR_VERDICT_RIGHT, "an answer that was cut off is right"},
        {g->correct != PR_VERDICT_NONE && !g->finish, "a verdict without an answer"},
        {g->choices && g->output, "choices, and yet something was generated"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].wrong)
            return pr_fail(e, PR_E_FORMAT, "%s", rules[i].what);
    return PR_OK;
}

enum pr_code pr_message_get_grade(
    const json_t *m, struct pr_grade *ret, char ret_digest[65], struct pr_error *e)
{
    struct pr_grade g = {.nll = NAN, .loss = NAN, .confidence = NAN, .confidence_all = NAN};
    char digest[65];
    enum pr_code code = get_digest(m, digest, e);
    if (!code)
        code = get_flags(m, &g, e);
    if (!code)
        code = get_numbers(m, &g, e);
    if (!code)
        code = get_texts(m, &g, e);
    if (!code)
        code = get_verdict(m, "correct", &g.correct, e);
    if (!code)
        code = get_choices(m, &g, e);
    if (!code)
        code = check_sense(&g, e);
    if (code) {
        pr_grade_done(&g);
        return pr_wrap(e, code, "grade");
    }
    *ret = g;
    memcpy(ret_digest, digest, sizeof digest);
    return PR_OK;
}
