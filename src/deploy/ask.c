/* See ask.h. */
#include "deploy/ask.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "net/fetch.h"

#define MAX_ANSWER ((size_t)4 << 20)
#define MAX_TEXT   ((size_t)1 << 20)
#define MAX_KEY    4096
#define MAX_ARGS   256

enum pr_code pr_ask_bearer(const char *path, const char *what, char **ret, struct pr_error *e)
{
    char *key = NULL;
    size_t n = 0;
    *ret = NULL;
    if (!path)
        return PR_OK;
    enum pr_code code = pr_file_read(AT_FDCWD, path, MAX_KEY, &key, &n, e);
    if (code)
        return pr_wrap(e, code, "%s", what);
    while (n && strchr(" \t\r\n", key[n - 1]))
        key[--n] = 0;
    if (!n || strpbrk(key, " \t\r\n") || strlen(key) != n)
        code = pr_fail(e, PR_E_FORMAT, "%s: %s: one word was expected", what, path);
    struct pr_str text = PR_STR_INIT(2 * MAX_KEY);
    pr_str_printf(&text, "Authorization: Bearer %s", key);
    *ret = code ? NULL : pr_str_take(&text);
    pr_str_done(&text);
    pr_free(key);
    return code;
}

enum pr_code pr_ask_json(const struct pr_ask *a, const char *method, const char *url,
    const char *body, int timeout_ms, int *ret_status, json_t **ret, struct pr_error *e)
{
    char *auth;
    const char *headers[4];
    size_t n = 0;
    *ret = NULL;
    enum pr_code code = pr_ask_bearer(a->settings->api_key_file, "deploy.api_key_file", &auth, e);
    if (code)
        return code;
    headers[n++] = "Accept: application/json";
    if (body)
        headers[n++] = "Content-Type: application/json";
    if (auth)
        headers[n++] = auth;
    headers[n] = NULL;
    const struct pr_fetch_options o = {.method = method ? method
                                                 : body ? "POST"
                                                        : NULL,
        .url = url,
        .headers = headers,
        .body = body,
        .body_n = body ? strlen(body) : 0,
        .timeout_ms = timeout_ms,
        .max_bytes = MAX_ANSWER,
        .stop = a->stop};
    struct pr_fetched got = {0};
    struct pr_error ignored;
    code = pr_fetch(&o, &got, e);
    if (!code) {
        *ret_status = got.status;
        if (pr_json_parse(
                pr_str_cstr(&got.body), got.body.len, PR_JSON_LENIENT, NULL, ret, NULL, &ignored))
            *ret = NULL;
    }
    pr_fetched_done(&got);
    pr_free(auth);
    return code;
}

char *pr_ask_said(int status, const json_t *answer)
{
    const json_t *error = json_object_get(answer, "error");
    const char *text = json_string_value(error);
    struct pr_str s = PR_STR_INIT(2048);
    if (!text)
        text = json_string_value(json_object_get(error, "message"));
    if (!text)
        text = json_string_value(json_object_get(answer, "message"));
    pr_str_printf(&s, "it answers %d%s%.500s", status, text ? ": " : "", text ? text : "");
    return pr_str_take(&s);
}

char *pr_ask_url(const char *url, const char *path)
{
    size_t n = strlen(url);
    struct pr_str s = PR_STR_INIT(65536);
    while (n && url[n - 1] == '/')
        n--;
    pr_str_append(&s, url, n);
    pr_str_puts(&s, path);
    return pr_str_take(&s);
}

/* ---- filling in ---- */

static void put_value(const char *v, enum pr_fill how, struct pr_str *out)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    if (how == PR_FILL_JSON) { /* what stands between the quotes */
        struct pr_str quoted = PR_STR_INIT(MAX_TEXT);
        json_t *o = json_object();
        pr_json_set_str(o, "v", v);
        pr_json_dump(json_object_get(o, "v"), -1, 0, &quoted);
        if (quoted.len >= 2)
            pr_str_append(out, quoted.data + 1, quoted.len - 2);
        json_decref(o);
        pr_str_done(&quoted);
        return;
    }
    for (const unsigned char *p = (const unsigned char *)v; *p; p++) {
        if (how == PR_FILL_PLAIN || strchr(plain, *p))
            pr_str_putc(out, (char)*p);
        else
            pr_str_printf(out, "%%%02X", *p);
    }
}

char *pr_ask_fill(const struct pr_ask *a, const char *text, enum pr_fill how)
{
    char slot[16];
    snprintf(slot, sizeof slot, "%d", a->slot);
    const struct {
        const char *name, *value;
    } places[] = {{"{path}", a->path}, {"{name}", a->name}, {"{version}", a->version},
        {"{slot}", slot}, {"{url}", a->url}};
    struct pr_str s = PR_STR_INIT(MAX_TEXT);
    while (*text) {
        size_t i, n = sizeof places / sizeof *places;
        for (i = 0; i < n && strncmp(text, places[i].name, strlen(places[i].name)) != 0; i++)
            continue;
        if (i == n) {
            pr_str_putc(&s, *text++);
            continue;
        }
        put_value(places[i].value ? places[i].value : "", how, &s);
        text += strlen(places[i].name);
    }
    return pr_str_take(&s);
}

/* ---- programs ---- */

enum pr_code pr_ask_command(
    const struct pr_ask *a, const char *key, const json_t *command, struct pr_error *e)
{
    char *argv[MAX_ARGS + 1] = {0};
    size_t n = json_array_size(command);
    struct pr_str out = PR_STR_INIT(65536);
    int status = 0;
    if (!n || n > MAX_ARGS)
        return pr_fail(e, PR_E_USAGE, "deploy.%s: a program and its arguments were expected", key);
    for (size_t i = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(command, i));
        argv[i] = pr_ask_fill(a, text ? text : "", PR_FILL_PLAIN);
    }
    enum pr_code code = pr_child_run((const char *const *)argv, "", 0,
        (int)(a->settings->timeout_seconds * 1000), 4096, a->stop, &out, &status, e);
    if (!code && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
        int by = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
        code = pr_fail(e, PR_E_IO, "%s ended with %s %d%s%.300s", argv[0],
            WIFSIGNALED(status) ? "signal" : "status", by, out.len ? ": " : "", pr_str_cstr(&out));
    }
    for (size_t i = 0; i < n; i++)
        pr_free(argv[i]);
    pr_str_done(&out);
    return code ? pr_wrap(e, code, "deploy.%s", key) : PR_OK;
}
