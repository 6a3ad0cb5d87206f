/* A skill that is an HTTP server: GET /info, POST /generate and, where its info says so, POST
 * /verify. */
#include <string.h>

#include "base/alloc.h"
#include "net/fetch.h"
#include "skills/source_kinds.h"

struct server {
    char *url;
    int timeout_ms;
    bool asked, verifies;
};

/* body NULL: GET.  *ret: pr_fetched_done. */
static enum pr_code ask(const struct server *s, const char *path, struct pr_str *body,
    struct pr_fetched *ret, struct pr_error *e)
{
    static const char *const headers[] = {
        "Content-Type: application/json", "Accept: application/json", NULL};
    struct pr_str url = PR_STR_INIT(4096);
    size_t n = strlen(s->url);
    pr_str_append(&url, s->url, n && s->url[n - 1] == '/' ? n - 1 : n);
    pr_str_puts(&url, path);
    struct pr_fetch_options o = {.method = body ? "POST" : NULL,
        .url = pr_str_cstr(&url),
        .headers = headers,
        .body = body ? pr_str_cstr(body) : NULL,
        .body_n = body ? body->len : 0,
        .timeout_ms = s->timeout_ms,
        .max_bytes = PR_SOURCE_MAX_ANSWER};
    enum pr_code code =
        url.over ? pr_fail(e, PR_E_USAGE, "its url is too long") : pr_fetch(&o, ret, e);
    if (!code && ret->status != 200) {
        code = pr_fail(e, PR_E_IO, "answered HTTP %d", ret->status);
        pr_fetched_done(ret);
    }
    pr_str_done(&url);
    if (body)
        pr_str_done(body);
    return code ? pr_wrap(e, code, "%s", path) : PR_OK;
}

static enum pr_code info(void *own, struct pr_source_info *ret, struct pr_error *e)
{
    struct server *s = own;
    struct pr_fetched f;
    enum pr_code code = ask(s, "/info", NULL, &f, e);
    if (code)
        return code;
    code = pr_outside_info(pr_str_cstr(&f.body), f.body.len, ret, &s->verifies, e);
    s->asked = !code;
    pr_fetched_done(&f);
    return code;
}

static enum pr_code generate(void *own, size_t count, int level, uint64_t seed,
    struct pr_source_problems *ret, struct pr_error *e)
{
    struct pr_str body = PR_STR_INIT(256);
    struct pr_fetched f;
    pr_outside_put_generate(&body, NULL, count, level, seed);
    enum pr_code code = ask(own, "/generate", &body, &f, e);
    if (code)
        return code;
    code = pr_outside_problems(pr_str_cstr(&f.body), f.body.len, count, ret, e);
    pr_fetched_done(&f);
    return code ? pr_wrap(e, code, "/generate") : PR_OK;
}

static enum pr_code verify(void *own, const char *prompt, const char *answer,
    enum pr_source_verdict *ret, char **ret_reason, struct pr_error *e)
{
    struct server *s = own;
    struct pr_source_info ignored;
    enum pr_code code = s->asked ? PR_OK : info(s, &ignored, e);
    if (code)
        return code;
    if (!s->verifies) {
        *ret = PR_SOURCE_CANNOT_SAY;
        *ret_reason = pr_strdup("the server offers no verifier");
        return PR_OK;
    }
    struct pr_str body = PR_STR_INIT(16 * PR_SOURCE_MAX_TEXT);
    struct pr_fetched f;
    pr_outside_put_verify(&body, NULL, prompt, answer);
    code = ask(s, "/verify", &body, &f, e);
    if (code)
        return code;
    code = pr_outside_verdict(pr_str_cstr(&f.body), f.body.len, ret, ret_reason, e);
    pr_fetched_done(&f);
    return code;
}

static void done(void *own)
{
    struct server *s = own;
    pr_free(s->url);
    pr_free(s);
}

struct pr_skill_source *pr_source_server(const char *name, const char *url, int timeout_ms)
{
    static const struct pr_source_kind kind = {info, generate, verify, done};
    struct server *s = pr_zalloc(sizeof *s);
    s->url = pr_strdup(url);
    s->timeout_ms = timeout_ms;
    return pr_source_new(name, &kind, s);
}
