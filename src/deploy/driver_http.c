/* Servers that are told over HTTP. */
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "deploy/driver.h"

enum pr_code pr_driver_needs_url(const struct pr_deploy_settings *s, struct pr_error *e)
{
    return s->url ? PR_OK
                  : pr_fail(e, PR_E_USAGE, "deploy.driver is %s: set deploy.url", s->driver);
}

enum pr_code pr_driver_http_check(const struct pr_deploy_settings *s, struct pr_error *e)
{
    return s->http_url ? PR_OK
                       : pr_fail(e, PR_E_USAGE, "deploy.driver is http: set deploy.http_url");
}

static int timeout_ms(const struct pr_ask *a)
{
    return (int)(a->settings->timeout_seconds * 1000);
}

/* One request that must be answered with 2xx, and without "success": false.  *ret_status: of the
 * answer, 0 where there was none. */
static enum pr_code tell_once(const struct pr_ask *a, const char *method, const char *url,
    const char *body, int *ret_status, struct pr_error *e)
{
    json_t *answer = NULL;
    *ret_status = 0;
    enum pr_code code = pr_ask_json(a, method, url, body, timeout_ms(a), ret_status, &answer, e);
    if (!code && (*ret_status < 200 || *ret_status > 299 ||
                     json_is_false(json_object_get(answer, "success")))) {
        char *said = pr_ask_said(*ret_status, answer);
        code = pr_fail(e, PR_E_IO, "%s", said);
        pr_free(said);
    }
    json_decref(answer);
    return code ? pr_wrap(e, code, "reloading the server") : PR_OK;
}

static enum pr_code tell(const struct pr_ask *a, const char *method, const char *url,
    const char *body, struct pr_error *e)
{
    int status;
    return tell_once(a, method, url, body, &status, e);
}

/* {key: value} posted to url + path; *ret_status as of tell_once. */
static enum pr_code post_once(const struct pr_ask *a, const char *path, const char *key,
    const char *value, int *ret_status, struct pr_error *e)
{
    struct pr_str body = PR_STR_INIT(65536);
    json_t *o = json_object();
    char *url = pr_ask_url(a->url, path);
    pr_json_set_str(o, key, value);
    pr_json_dump(o, -1, 0, &body);
    enum pr_code code = tell_once(a, "POST", url, pr_str_cstr(&body), ret_status, e);
    json_decref(o);
    pr_free(url);
    pr_str_done(&body);
    return code;
}

static enum pr_code post(const struct pr_ask *a, const char *path, const char *key,
    const char *value, struct pr_error *e)
{
    int status;
    return post_once(a, path, key, value, &status, e);
}

/* One that watches the target may be loading it already (409), and one that waited for the first
 * checkpoint is about to listen. */
enum pr_code pr_driver_proctor(const struct pr_ask *a, struct pr_error *e)
{
    int64_t end = pr_clock_monotonic_ns() + a->settings->timeout_seconds * 1000000000;
    for (;;) {
        int status;
        enum pr_code code = post_once(a, "/v1/load", "path", a->path, &status, e);
        bool passes = status == 409 || (!status && code == PR_E_IO);
        if (code && passes && a->stop && atomic_load(a->stop)) /* no answer that would count */
            return pr_fail(e, PR_E_CANCELLED, "stopped as asked");
        if (!code || !passes || pr_clock_monotonic_ns() > end)
            return code;
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    }
}

/* sglang's http_server.py: POST /update_weights_from_disk {"model_path"} → {"success","message"},
 * with 400 when it did not; its cache of prefixes is flushed. */
enum pr_code pr_driver_sglang(const struct pr_ask *a, struct pr_error *e)
{
    return post(a, "/update_weights_from_disk", "model_path", a->path, e);
}

enum pr_code pr_driver_http(const struct pr_ask *a, struct pr_error *e)
{
    const struct pr_deploy_settings *s = a->settings;
    char *url = pr_ask_fill(a, s->http_url, PR_FILL_URL);
    char *body = s->http_body ? pr_ask_fill(a, s->http_body, PR_FILL_JSON) : NULL;
    enum pr_code code = tell(a, s->http_method ? s->http_method : "POST", url, body, e);
    pr_free(url);
    pr_free(body);
    return code;
}

/* ---- llama-server as a router: tools/server/README.md of llama.cpp ---- */

/* "loaded", "loading", "sleeping", "unloaded" … of a model in GET /models; "" where it is not
 * listed; pr_free.  again: files that are new or were replaced are looked for before. */
static enum pr_code llama_status(const struct pr_ask *a, const char *name, bool again, char **ret,
    bool *ret_failed, struct pr_error *e)
{
    int status = 0;
    json_t *answer = NULL;
    const json_t *x;
    size_t i;
    char *url = pr_ask_url(a->url, again ? "/models?reload=1" : "/models");
    enum pr_code code = pr_ask_json(a, NULL, url, NULL, 5000, &status, &answer, e);
    *ret = NULL;
    *ret_failed = false;
    json_array_foreach (json_object_get(answer, "data"), i, x) {
        const char *id = json_string_value(json_object_get(x, "id"));
        const json_t *st = json_object_get(x, "status");
        const char *value = json_string_value(json_object_get(st, "value"));
        if (id && !strcmp(id, name) && !*ret) {
            *ret = pr_strdup(value ? value : "");
            *ret_failed = json_is_true(json_object_get(st, "failed"));
        }
    }
    if (!code && !*ret)
        *ret = pr_strdup("");
    json_decref(answer);
    pr_free(url);
    return code;
}

/* Waits until the model's status is `want`. */
static enum pr_code llama_wait(
    const struct pr_ask *a, const char *name, const char *want, struct pr_error *e)
{
    int64_t end = pr_clock_monotonic_ns() + a->settings->timeout_seconds * 1000000000;
    for (;;) {
        char *now = NULL;
        bool failed;
        enum pr_code code = llama_status(a, name, false, &now, &failed, e);
        bool is = !code && !strcmp(now, want);
        if (!code && !is && failed && !strcmp(want, "loaded"))
            code = pr_fail(e, PR_E_IO, "llama-server could not load '%s'", name);
        if (!code && !is && pr_clock_monotonic_ns() > end)
            code = pr_fail(e, PR_E_LIMIT, "llama-server: '%s' is '%s', not %s, after %lld s", name,
                now, want, (long long)a->settings->timeout_seconds);
        if (!code && a->stop && atomic_load(a->stop))
            code = pr_fail(e, PR_E_CANCELLED, "stopped as asked");
        pr_free(now);
        if (code || is)
            return code;
        nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    }
}

/* It takes GGUF alone: deploy.command, where there is one, makes it out of {path}. */
enum pr_code pr_driver_llama(const struct pr_ask *a, struct pr_error *e)
{
    const char *name = a->settings->model ? a->settings->model : a->name;
    char *now = NULL;
    bool failed;
    enum pr_code code = PR_OK;
    if (json_array_size(a->settings->command))
        code = pr_ask_command(a, "command", a->settings->command, e);
    if (!code)
        code = llama_status(a, name, true, &now, &failed, e);
    if (!code && !*now)
        code = pr_fail(e, PR_E_IO,
            "llama-server lists no model '%s': set deploy.model to the name of the file in its "
            "--models-dir, without .gguf",
            name);
    else if (!code && strcmp(now, "unloaded") != 0) {
        struct pr_error ignored; /* one that was replaced may be going by itself */
        (void)!post(a, "/models/unload", "model", name, &ignored);
        code = llama_wait(a, name, "unloaded", e);
    }
    if (!code)
        code = post(a, "/models/load", "model", name, e);
    if (!code)
        code = llama_wait(a, name, "loaded", e);
    pr_free(now);
    return code;
}
