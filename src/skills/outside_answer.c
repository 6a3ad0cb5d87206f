/* What programs and servers are told, and the reading of what they answer: hostile until checked.
 */
#include <string.h>

#include "base/alloc.h"
#include "skills/source_kinds.h"

/* ---- requests ------------------------------------------------------------------------------ */

static void put_request(struct pr_str *out, const char *type, json_t *o)
{
    json_t *all = json_object();
    if (type)
        pr_json_set_str(all, "type", type);
    json_object_update(all, o);
    pr_json_dump(all, -1, 0, out);
    json_decref(all);
    json_decref(o);
}

void pr_outside_put_generate(
    struct pr_str *out, const char *type, size_t count, int level, uint64_t seed)
{
    json_t *o = json_object();
    pr_json_set_int(o, "count", (int64_t)count);
    pr_json_set_int(o, "level", level);
    pr_json_set_int(o, "seed", (int64_t)seed);
    put_request(out, type, o);
}

void pr_outside_put_verify(
    struct pr_str *out, const char *type, const char *prompt, const char *answer)
{
    json_t *o = json_object();
    pr_json_set_str(o, "prompt", prompt);
    pr_json_set_str(o, "answer", answer);
    put_request(out, type, o);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* An object; {"error":"…"} is a failure in the other's words. */
static enum pr_code parse(const char *text, size_t n, json_t **ret, struct pr_error *e)
{
    enum pr_code code = pr_json_parse(text, n, PR_JSON_STRICT, "its answer", ret, NULL, e);
    if (code)
        return code;
    const char *error = json_string_value(json_object_get(*ret, "error"));
    if (!json_is_object(*ret))
        code = pr_fail(
            e, PR_E_FORMAT, "its answer is %s, an object was expected", pr_json_type_name(*ret));
    else if (error)
        code = pr_fail(e, PR_E_UNSUPPORTED, "it says: %.300s", error);
    if (code)
        json_decref(*ret);
    return code;
}

enum pr_code pr_outside_info(
    const char *text, size_t n, struct pr_source_info *ret, bool *ret_verifies, struct pr_error *e)
{
    json_t *o;
    int64_t levels = 0;
    const char *summary = "";
    bool verifies = false;
    enum pr_code code = parse(text, n, &o, e);
    if (code)
        return code;
    code = pr_json_get_int(o, "levels", true, 1, PR_SOURCE_MAX_LEVELS, &levels, e);
    if (!code)
        code = pr_json_get_str(o, "summary", false, &summary, e);
    if (!code)
        code = pr_json_get_bool(o, "verify", false, &verifies, e);
    if (!code && (strlen(summary) >= sizeof ret->summary || strpbrk(summary, "\r\n")))
        code = pr_fail(e, PR_E_FORMAT, "'summary': one line below %zu bytes was expected",
            sizeof ret->summary);
    if (!code) {
        *ret = (struct pr_source_info){.n_levels = (int)levels};
        memcpy(ret->summary, summary, strlen(summary));
        *ret_verifies = verifies;
    }
    json_decref(o);
    return code ? pr_wrap(e, code, "info") : PR_OK;
}

/* A text that is there, not empty and not too long. */
static enum pr_code get_text(const json_t *o, const char *key, const char **ret, struct pr_error *e)
{
    const char *text = NULL;
    enum pr_code code = pr_json_get_str(o, key, true, &text, e);
    if (code)
        return code;
    if (!*text || strlen(text) > PR_SOURCE_MAX_TEXT)
        return pr_fail(
            e, PR_E_FORMAT, "'%s': a text of 1 to %zu bytes was expected", key, PR_SOURCE_MAX_TEXT);
    *ret = text;
    return PR_OK;
}

enum role { SYSTEM, USER, ASSISTANT };

static enum pr_code get_turn(
    const json_t *turn, enum role *ret, const char **ret_text, struct pr_error *e)
{
    static const struct {
        const char *name;
        enum role role;
    } roles[] = {{"system", SYSTEM}, {"user", USER}, {"human", USER}, {"assistant", ASSISTANT},
        {"gpt", ASSISTANT}};
    bool sharegpt = json_object_get(turn, "from") != NULL;
    const char *name = NULL;
    enum pr_code code = !json_is_object(turn)
                            ? pr_fail(e, PR_E_FORMAT, "an object was expected")
                            : pr_json_get_str(turn, sharegpt ? "from" : "role", true, &name, e);
    if (!code)
        code = get_text(turn, sharegpt ? "value" : "content", ret_text, e);
    if (code)
        return code;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (!strcmp(roles[i].name, name)) {
            *ret = roles[i].role;
            return PR_OK;
        }
    return pr_fail(e, PR_E_FORMAT, "role '%.40s': system, user or assistant was expected", name);
}

/* [system,] user, assistant: what the system says is put before the question. */
static enum pr_code from_turns(
    const json_t *turns, struct pr_source_problem *ret, struct pr_error *e)
{
    const char *texts[3] = {NULL};
    size_t n = json_array_size(turns), next = 0;
    for (size_t i = 0; i < n; i++) {
        enum role role = SYSTEM;
        const char *text = NULL;
        enum pr_code code = get_turn(json_array_get(turns, i), &role, &text, e);
        if (code)
            return pr_wrap(e, code, "turn %zu", i + 1);
        if (role == USER && !next)
            next = USER;
        if (role != next || next > ASSISTANT)
            return pr_fail(e, PR_E_FORMAT,
                "turn %zu: a question and its answer were expected, a system's text before them "
                "if need be",
                i + 1);
        texts[next++] = text;
    }
    if (!texts[USER] || !texts[ASSISTANT])
        return pr_fail(e, PR_E_FORMAT, "%zu turns: a question and its answer were expected", n);
    struct pr_str prompt = PR_STR_INIT(2 * PR_SOURCE_MAX_TEXT + 4);
    pr_str_printf(&prompt, "%s%s%s", texts[SYSTEM] ? texts[SYSTEM] : "",
        texts[SYSTEM] ? "\n\n" : "", texts[USER]);
    ret->prompt = pr_str_take(&prompt);
    ret->golden = pr_strdup(texts[ASSISTANT]);
    return PR_OK;
}

static enum pr_code from_conversation(
    const json_t *c, struct pr_source_problem *ret, struct pr_error *e)
{
    const json_t *turns = json_is_array(c) ? c : json_object_get(c, "messages");
    if (!turns)
        turns = json_object_get(c, "conversations");
    if (!json_is_array(turns))
        return pr_fail(
            e, PR_E_FORMAT, "a list of turns was expected, under 'messages' or 'conversations'");
    return from_turns(turns, ret, e);
}

static enum pr_code from_pair(const json_t *o, struct pr_source_problem *ret, struct pr_error *e)
{
    const char *prompt = NULL, *golden = NULL;
    enum pr_code code = !json_is_object(o) ? pr_fail(e, PR_E_FORMAT, "an object was expected")
                                           : get_text(o, "prompt", &prompt, e);
    if (!code)
        code = get_text(o, "golden", &golden, e);
    if (code)
        return code;
    ret->prompt = pr_strdup(prompt);
    ret->golden = pr_strdup(golden);
    return PR_OK;
}

enum pr_code pr_outside_problems(
    const char *text, size_t n, size_t count, struct pr_source_problems *ret, struct pr_error *e)
{
    json_t *o;
    struct pr_source_problems all = {0};
    enum pr_code code = parse(text, n, &o, e);
    if (code)
        return code;
    const json_t *pairs = json_object_get(o, "problems"),
                 *list = pairs ? pairs : json_object_get(o, "conversations");
    size_t many = json_array_size(list);
    if (!json_is_array(list))
        code =
            pr_fail(e, PR_E_FORMAT, "its answer has no list under 'problems' or 'conversations'");
    else if (many > count)
        code = pr_fail(
            e, PR_E_FORMAT, "%zu problems were answered where %zu were asked for", many, count);
    for (size_t i = 0; !code && i < many; i++) {
        struct pr_source_problem p = {0};
        const json_t *x = json_array_get(list, i);
        code = pairs ? from_pair(x, &p, e) : from_conversation(x, &p, e);
        if (code)
            code = pr_wrap(e, code, "%s %zu", pairs ? "problem" : "conversation", i + 1);
        else
            PR_PUSH(all.v, all.n, all.cap, p);
    }
    for (size_t i = 0; !code && i < all.n; i++)
        PR_PUSH(ret->v, ret->n, ret->cap, all.v[i]);
    if (!code)
        all.n = 0; /* the texts have a new owner */
    pr_source_problems_done(&all);
    json_decref(o);
    return code;
}

enum pr_code pr_outside_verdict(
    const char *text, size_t n, enum pr_source_verdict *ret, char **ret_reason, struct pr_error *e)
{
    json_t *o;
    const char *reason = NULL;
    enum pr_code code = parse(text, n, &o, e);
    if (code)
        return code;
    const json_t *correct = json_object_get(o, "correct");
    code = pr_json_get_str(o, "reason", false, &reason, e);
    if (!code && !json_is_boolean(correct) && !json_is_null(correct))
        code = pr_fail(e, PR_E_FORMAT, "'correct' is %s: true, false or null was expected",
            correct ? pr_json_type_name(correct) : "missing");
    if (!code && reason && strlen(reason) > PR_SOURCE_MAX_TEXT)
        code = pr_fail(e, PR_E_FORMAT, "'reason' is longer than %zu bytes", PR_SOURCE_MAX_TEXT);
    if (!code) {
        *ret = json_is_true(correct)    ? PR_SOURCE_RIGHT
               : json_is_false(correct) ? PR_SOURCE_WRONG
                                        : PR_SOURCE_CANNOT_SAY;
        *ret_reason = reason ? pr_strdup(reason) : NULL;
    }
    json_decref(o);
    return code ? pr_wrap(e, code, "verify") : PR_OK;
}
