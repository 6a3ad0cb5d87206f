/* See request.h. */
#include "api/request.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define MAX_TEXT 256

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

char *pr_api_decode(struct pr_arena *a, const char *s, size_t n, bool plus)
{
    char *out = pr_arena_alloc(a, n + 1);
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        int high, low;
        if (s[i] != '%') {
            out[k++] = plus && s[i] == '+' ? ' ' : s[i];
            continue;
        }
        if (i + 2 >= n || (high = hex(s[i + 1])) < 0 || (low = hex(s[i + 2])) < 0)
            return NULL;
        out[k++] = (char)(high << 4 | low);
        i += 2;
    }
    return memchr(out, 0, k) || !pr_utf8_valid(out, k) ? NULL : out;
}

static const struct pr_api_param *param_of(const struct pr_api_route *r, const char *name, size_t n)
{
    for (size_t i = 0; i < r->n_params; i++)
        if (strlen(r->params[i].name) == n && !memcmp(r->params[i].name, name, n))
            return &r->params[i];
    return NULL;
}

static struct pr_api_value *value_of(const struct pr_api_request *q, const char *name)
{
    for (size_t i = 0; i < q->n_values; i++)
        if (!strcmp(q->values[i].param->name, name))
            return (struct pr_api_value *)(uintptr_t)&q->values[i];
    return NULL;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    for (const char *s = choices; s; s = strchr(s, '|') ? strchr(s, '|') + 1 : NULL)
        if (n && strcspn(s, "|") == n && !memcmp(s, text, n))
            return true;
    return false;
}

/* Both 0: any. */
static enum pr_code check_range(const struct pr_api_param *p, double x, struct pr_error *e)
{
    if (!isfinite(x))
        return pr_fail(e, PR_E_USAGE, "%s: not a number", p->name);
    if ((p->min != 0 || p->max != 0) && (x < p->min || x > p->max))
        return pr_fail(e, PR_E_USAGE, "%s: %.17g is out of range, %.17g to %.17g are taken",
            p->name, x, p->min, p->max);
    return PR_OK;
}

static enum pr_code read_int(struct pr_api_value *v, const char *text, struct pr_error *e)
{
    char *end;
    errno = 0;
    long long x = strtoll(text, &end, 10);
    if (strspn(text, "-0123456789") != strlen(text) || !*text || *end || errno)
        return pr_fail(e, PR_E_USAGE, "%s: '%.60s' is not a whole number", v->param->name, text);
    v->whole = x;
    v->real = (double)x;
    return check_range(v->param, v->real, e);
}

static enum pr_code read_real(struct pr_api_value *v, const char *text, struct pr_error *e)
{
    char *end;
    v->real = strtod(text, &end);
    if (strspn(text, "-+.eE0123456789") != strlen(text) || !*text || *end)
        return pr_fail(e, PR_E_USAGE, "%s: '%.60s' is not a number", v->param->name, text);
    return check_range(v->param, v->real, e);
}

static enum pr_code read_text(struct pr_api_value *v, const char *text, struct pr_error *e)
{
    const struct pr_api_param *p = v->param;
    size_t max = p->max > 0 ? (size_t)p->max : MAX_TEXT;
    if (p->type == PR_API_CHOICE && !is_choice(p->choices, text))
        return pr_fail(e, PR_E_USAGE, "%s: '%.60s' is none of %s", p->name, text, p->choices);
    if (p->type == PR_API_BOOL && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return pr_fail(e, PR_E_USAGE, "%s: '%.60s' is neither true nor false", p->name, text);
    v->whole = p->type == PR_API_BOOL && !strcmp(text, "true");
    if (strlen(text) > max)
        return pr_fail(e, PR_E_USAGE, "%s: longer than %zu bytes", p->name, max);
    return PR_OK;
}

/* A value given as text; text lives as long as the request. */
static enum pr_code add(
    struct pr_api_request *q, const struct pr_api_param *p, const char *text, struct pr_error *e)
{
    if (q->n_values == PR_API_MAX_VALUES)
        return pr_fail(e, PR_E_USAGE, "more than %d parameters", PR_API_MAX_VALUES);
    struct pr_api_value *v = &q->values[q->n_values];
    *v = (struct pr_api_value){.param = p, .text = text};
    enum pr_code code = p->type == PR_API_INT    ? read_int(v, text, e)
                        : p->type == PR_API_REAL ? read_real(v, text, e)
                                                 : read_text(v, text, e);
    q->n_values += !code;
    return code;
}

/* {id} of the route's path, and what stands there in the request's. */
static enum pr_code parse_path(
    struct pr_api_request *q, const char *path, size_t path_n, struct pr_error *e)
{
    static const struct pr_api_param any = {.name = "id", .type = PR_API_TEXT};
    const char *r = q->route->path, *end = path + path_n;
    enum pr_code code = PR_OK;
    while (!code && *r && path < end) {
        size_t here = strcspn(r, "/"), there = strcspn(path, "/?");
        there = there < (size_t)(end - path) ? there : (size_t)(end - path);
        if (*r == '{') {
            const struct pr_api_param *p = param_of(q->route, r + 1, here - 2);
            char *text = pr_api_decode(&q->arena, path, there, false);
            code = text && *text
                       ? add(q, p ? p : &any, text, e)
                       : pr_fail(e, PR_E_USAGE, "%.*s: not UTF-8", (int)(here - 2), r + 1);
        }
        r += here + (r[here] == '/');
        path += there + (there < (size_t)(end - path));
    }
    return code;
}

static enum pr_code parse_pair(
    struct pr_api_request *q, const char *s, size_t n, struct pr_error *e)
{
    const char *equals = memchr(s, '=', n);
    size_t name_n = equals ? (size_t)(equals - s) : n;
    char *name = pr_api_decode(&q->arena, s, name_n, true);
    char *text = equals ? pr_api_decode(&q->arena, equals + 1, n - name_n - 1, true)
                        : pr_arena_strndup(&q->arena, "", 0);
    if (!name || !text)
        return pr_fail(e, PR_E_USAGE, "%s: a broken escape, or not UTF-8", name ? name : "query");
    const struct pr_api_param *p = param_of(q->route, name, strlen(name));
    struct pr_str in_path = PR_STR_INIT(300);
    pr_str_printf(&in_path, "{%.200s}", name);
    if (p && strstr(q->route->path, pr_str_cstr(&in_path)))
        p = NULL;
    pr_str_done(&in_path);
    if (!p)
        return pr_fail(e, PR_E_USAGE, "%.100s: %s knows no such parameter", name, q->route->path);
    if (value_of(q, p->name))
        return pr_fail(e, PR_E_USAGE, "%s: given twice", p->name);
    return add(q, p, text, e);
}

static enum pr_code fill_in(struct pr_api_request *q, struct pr_error *e)
{
    const struct pr_api_route *r = q->route;
    for (size_t i = 0; i < r->n_params; i++) {
        enum pr_code code = PR_OK;
        if (value_of(q, r->params[i].name))
            continue;
        if (r->params[i].required)
            return pr_fail(e, PR_E_USAGE, "%s: missing", r->params[i].name);
        if (r->params[i].fallback && (code = add(q, &r->params[i], r->params[i].fallback, e)))
            return code;
    }
    return PR_OK;
}

enum pr_code pr_api_request_parse(struct pr_api_request *q, const struct pr_api_route *route,
    const char *path, size_t path_n, const char *query, struct pr_error *e)
{
    q->route = route;
    enum pr_code code = parse_path(q, path, path_n, e);
    for (const char *s = query; !code && s && *s;) {
        size_t n = strcspn(s, "&");
        if (n)
            code = parse_pair(q, s, n, e);
        s += n + (s[n] == '&');
    }
    /* An action's parameters are in its body. */
    return code || route->post ? code : fill_in(q, e);
}

static enum pr_code add_member(
    struct pr_api_request *q, const struct pr_api_param *p, const json_t *x, struct pr_error *e)
{
    static const char *const wanted[] = {[PR_API_TEXT] = "a string",
        [PR_API_INT] = "a whole number",
        [PR_API_REAL] = "a number",
        [PR_API_CHOICE] = "a string",
        [PR_API_BOOL] = "true or false"};
    bool fits = p->type == PR_API_INT    ? json_is_integer(x)
                : p->type == PR_API_REAL ? json_is_number(x)
                : p->type == PR_API_BOOL ? json_is_boolean(x)
                                         : json_is_string(x);
    if (!fits)
        return pr_fail(e, PR_E_USAGE, "%s: %s where %s was expected", p->name, pr_json_type_name(x),
            wanted[p->type]);
    if (p->type == PR_API_BOOL)
        return add(q, p, json_is_true(x) ? "true" : "false", e);
    if (json_is_string(x)) {
        if (strlen(json_string_value(x)) != json_string_length(x))
            return pr_fail(e, PR_E_USAGE, "%s: holds a NUL", p->name);
        return add(q, p, json_string_value(x), e);
    }
    struct pr_api_value v = {
        .param = p, .whole = json_integer_value(x), .real = json_number_value(x)};
    enum pr_code code = check_range(p, v.real, e);
    if (!code && q->n_values < PR_API_MAX_VALUES)
        q->values[q->n_values++] = v;
    return code;
}

enum pr_code pr_api_request_body(
    struct pr_api_request *q, const char *text, size_t n, struct pr_error *e)
{
    const char *key;
    json_t *x;
    enum pr_code code = pr_json_parse(text, n, PR_JSON_STRICT, "body", &q->body, NULL, e);
    if (code)
        return code;
    if (!json_is_object(q->body))
        return pr_fail(
            e, PR_E_FORMAT, "body: %s where an object was expected", pr_json_type_name(q->body));
    json_object_foreach (q->body, key, x) {
        const struct pr_api_param *p = param_of(q->route, key, strlen(key));
        if (!p)
            return pr_fail(
                e, PR_E_USAGE, "body: %.100s: %s knows no such member", key, q->route->path);
        if (!json_is_null(x) && (code = add_member(q, p, x, e)))
            return pr_wrap(e, code, "body");
    }
    code = fill_in(q, e);
    return code ? pr_wrap(e, code, "body") : PR_OK;
}

void pr_api_request_done(struct pr_api_request *q)
{
    json_decref(q->body);
    pr_arena_done(&q->arena);
}

/* ---- what handlers ask ---- */

const char *pr_api_text(const struct pr_api_request *q, const char *name)
{
    const struct pr_api_value *v = value_of(q, name);
    return v ? v->text : NULL;
}

bool pr_api_int(const struct pr_api_request *q, const char *name, int64_t *ret)
{
    const struct pr_api_value *v = value_of(q, name);
    if (v)
        *ret = v->whole;
    return v != NULL;
}

bool pr_api_real(const struct pr_api_request *q, const char *name, double *ret)
{
    const struct pr_api_value *v = value_of(q, name);
    if (v)
        *ret = v->real;
    return v != NULL;
}

const json_t *pr_api_body(const struct pr_api_request *q)
{
    return q->body;
}

const char *pr_api_who(const struct pr_api_request *q)
{
    return q->who;
}

const char *pr_api_peer(const struct pr_api_request *q)
{
    return q->peer;
}
