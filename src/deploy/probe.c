/* See probe.h. */
#include "deploy/probe.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "exam/example.h"

#define HEALTH_MS 3000
#define POLL_NS   100000000
#define SHOWN     300 /* bytes of an answer that parts */

static enum pr_code stopped(const struct pr_ask *a, struct pr_error *e)
{
    return a->stop && atomic_load(a->stop) ? pr_fail(e, PR_E_CANCELLED, "stopped as asked") : PR_OK;
}

/* One look; *ret_why is for the message when time is over. */
static enum pr_code look(const struct pr_ask *a, const struct pr_driver *d, const char *url,
    const char *fingerprint, struct pr_error *why)
{
    int status = 0;
    json_t *answer = NULL;
    enum pr_code code = pr_ask_json(a, NULL, url, NULL, HEALTH_MS, &status, &answer, why);
    const char *serves = json_string_value(json_object_get(answer, "fingerprint"));
    if (!code && status != 200) {
        char *said = pr_ask_said(status, answer);
        code = pr_fail(why, PR_E_IO, "%s", said);
        pr_free(said);
    } else if (!code && d->fingerprint && fingerprint && (!serves || strcmp(serves, fingerprint))) {
        code = pr_fail(why, PR_E_CHANGED, "it serves %.12s…, and %.12s… was expected",
            serves ? serves : "nothing", fingerprint);
    }
    json_decref(answer);
    return code;
}

enum pr_code pr_deploy_health(
    const struct pr_ask *a, const struct pr_driver *d, const char *fingerprint, struct pr_error *e)
{
    struct pr_error why;
    int64_t end = pr_clock_monotonic_ns() + a->settings->timeout_seconds * 1000000000;
    if (!a->url && !a->settings->health_url)
        return PR_OK;
    char *url = a->settings->health_url ? pr_ask_fill(a, a->settings->health_url, PR_FILL_URL)
                                        : pr_ask_url(a->url, "/health");
    enum pr_code code;
    for (;;) {
        code = look(a, d, url, fingerprint, &why);
        if (!code || (code = stopped(a, e)))
            break;
        if (why.code == PR_E_CHANGED || why.code == PR_E_USAGE) { /* waiting does not help */
            code = pr_fail(e, why.code, "the server: %s", why.message);
            break;
        }
        if (pr_clock_monotonic_ns() > end) {
            code = pr_fail(e, PR_E_LIMIT, "the server is not healthy after %lld s: %s",
                (long long)a->settings->timeout_seconds, why.message);
            break;
        }
        nanosleep(&(struct timespec){.tv_nsec = POLL_NS}, NULL);
    }
    pr_free(url);
    return code;
}

/* ---- questions ---- */

static struct pr_text bare(const char *s)
{
    bool has, closed;
    struct pr_text t = pr_think_split((struct pr_text){s, strlen(s)}, &has, &closed);
    while (t.n && isspace((unsigned char)t.s[0]))
        t.s++, t.n--;
    while (t.n && isspace((unsigned char)t.s[t.n - 1]))
        t.n--;
    return t;
}

bool pr_deploy_answers_agree(const char *expected, const char *answer)
{
    struct pr_text x = bare(expected), y = bare(answer);
    return x.n == y.n && !memcmp(x.s, y.s, x.n);
}

/* The request's text; *ret_path: where it goes.  pr_free. */
static char *request(const struct pr_ask *a, const json_t *q, const char **ret_path)
{
    json_t *o = json_copy((json_t *)(uintptr_t)q);
    struct pr_str text = PR_STR_INIT((size_t)8 << 20);
    bool chat = json_object_get(q, "messages");
    *ret_path = chat ? "/v1/chat/completions" : "/v1/completions";
    json_object_del(o, "id");
    json_object_del(o, "answer");
    pr_json_set_str(o, "model", a->settings->model ? a->settings->model : a->name);
    pr_json_set_int(o, "temperature", 0);
    pr_json_dump(o, -1, 0, &text);
    json_decref(o);
    return pr_str_take(&text);
}

/* The text of a chat's or a completion's answer; NULL: it is none. */
static const char *text_of(const json_t *answer)
{
    const json_t *choice = json_array_get(json_object_get(answer, "choices"), 0);
    const json_t *message = json_object_get(choice, "message");
    const json_t *text =
        message ? json_object_get(message, "content") : json_object_get(choice, "text");
    return json_is_null(text) ? "" : json_string_value(text);
}

static json_t *shown(const json_t *q, bool agrees, const char *answer)
{
    json_t *o = json_object();
    const char *expected = json_string_value(json_object_get(q, "answer"));
    json_object_set(o, "id", json_object_get(q, "id"));
    pr_json_set_bool(o, "agrees", agrees);
    if (!agrees) {
        pr_json_set_strn(o, "expected", expected, strnlen(expected, SHOWN));
        pr_json_set_strn(o, "answer", answer, strnlen(answer, SHOWN));
    }
    return o;
}

/* PR_E_CHANGED: another model answered. */
static enum pr_code ask_one(const struct pr_ask *a, const struct pr_driver *d,
    const char *fingerprint, const json_t *q, json_t *list, int64_t *agreed, struct pr_error *e)
{
    int status = 0;
    json_t *answer = NULL;
    const char *path, *expected = json_string_value(json_object_get(q, "answer"));
    char *body = request(a, q, &path), *url = pr_ask_url(a->url, path);
    enum pr_code code = pr_ask_json(
        a, "POST", url, body, (int)(a->settings->timeout_seconds * 1000), &status, &answer, e);
    const char *by = json_string_value(json_object_get(answer, "system_fingerprint"));
    const char *text = status == 200 ? text_of(answer) : NULL;
    if (!code && !text) {
        char *said = pr_ask_said(status, answer);
        code = pr_fail(e, PR_E_IO, "asked a question, %s", said);
        pr_free(said);
    } else if (!code && d->fingerprint && fingerprint && (!by || strcmp(by, fingerprint) != 0)) {
        code = pr_fail(e, PR_E_CHANGED, "a question was answered by %.12s…, not by %.12s…",
            by ? by : "nobody", fingerprint);
    } else if (!code) {
        bool agrees = expected && pr_deploy_answers_agree(expected, text);
        *agreed += agrees;
        if (expected)
            json_array_append_new(list, shown(q, agrees, text));
    }
    json_decref(answer);
    pr_free(body);
    pr_free(url);
    return code;
}

enum pr_code pr_deploy_probe(const struct pr_ask *a, const struct pr_driver *d,
    const char *fingerprint, const json_t *questions, json_t **ret, struct pr_error *e)
{
    size_t i, n = json_array_size(questions);
    const json_t *q;
    int64_t agreed = 0, needed = a->settings->probe_agree ? a->settings->probe_agree : d->agree;
    json_t *o = json_object(), *list = json_array();
    enum pr_code code = PR_OK;
    if (!a->url)
        n = 0;
    json_array_foreach (questions, i, q) {
        if (i >= n || code || (code = stopped(a, e)))
            break;
        code = ask_one(a, d, fingerprint, q, list, &agreed, e);
    }
    if (!code && agreed * 100 < (int64_t)n * needed)
        code = pr_fail(e, PR_E_CHANGED,
            "%lld of %zu answers are those of the graded checkpoint, and %lld %% must be",
            (long long)agreed, n, (long long)needed);
    pr_json_set_int(o, "asked", (int64_t)n);
    pr_json_set_int(o, "agreed", agreed);
    pr_json_set_int(o, "needed_percent", needed);
    pr_json_set_str(o, "fingerprint", d->fingerprint && !code ? fingerprint : NULL);
    pr_json_set(o, "questions", list);
    *ret = o;
    return code;
}
