/* See answers.h. */
#include "api/answers.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

void pr_api_time(json_t *o, const char *key, int64_t ms)
{
    char at[32];
    if (ms)
        pr_clock_iso8601(ms, at);
    pr_json_set_str(o, key, ms ? at : NULL);
}

void pr_api_append_real(json_t *list, double x)
{
    json_array_append_new(list, isfinite(x) ? json_real(x) : json_null());
}

enum pr_code pr_api_need_gradebook(const struct pr_api_context *x, struct pr_error *e)
{
    return x->g ? PR_OK
                : pr_fail(e, PR_E_NOT_FOUND,
                      "nothing was graded in this base folder yet: there is "
                      "no gradebook");
}

/* The longest beginning of at most `most` bytes that ends with a character: one has at most three
 * bytes behind its first. */
static size_t cut_at(const char *s, size_t most)
{
    size_t n = most;
    for (int back = 0; back < 3 && n && ((unsigned char)s[n] & 0xc0) == 0x80; back++)
        n--;
    return ((unsigned char)s[n] & 0xc0) == 0x80 ? most : n;
}

void pr_api_set_text(json_t *o, const char *key, const char *s, size_t n, size_t most)
{
    char other[80];
    if (!s) {
        pr_json_set(o, key, json_null());
        return;
    }
    if (n <= most) {
        pr_json_set_strn(o, key, s, n);
        return;
    }
    pr_json_set_strn(o, key, s, cut_at(s, most));
    snprintf(other, sizeof other, "%s_cut", key);
    pr_json_set_bool(o, other, true);
    snprintf(other, sizeof other, "%s_bytes", key);
    pr_json_set_int(o, other, (int64_t)n);
}

void pr_api_options(const struct pr_api_context *x, char ret[65])
{
    pr_config_grading_fingerprint(x->config, ret);
}

enum pr_code pr_api_suite(
    const struct pr_api_context *x, const char *name, struct pr_suite_row **ret, struct pr_error *e)
{
    struct pr_suite_row *v = NULL;
    size_t n = 0, at = 0;
    enum pr_code code = pr_api_need_gradebook(x, e);
    if (code || (code = pr_gradebook_suites(x->g, true, &v, &n, e)))
        return code;
    name = name ? name : PR_SUITE_MAIN;
    while (at < n && strcmp(v[at].name, name))
        at++;
    if (at == n) {
        struct pr_str names = PR_STR_INIT(4000);
        for (size_t i = 0; i < n && i < 20; i++)
            pr_str_printf(&names, "%s%s", i ? ", " : "", v[i].name);
        code = pr_fail(e, PR_E_NOT_FOUND, "no suite '%s' is in use; %s%s", name,
            n ? "there are " : "there is none yet", pr_str_cstr(&names));
        pr_str_done(&names);
    } else {
        *ret = pr_alloc(sizeof **ret);
        **ret = v[at];
        v[at].name = NULL;
    }
    pr_suite_rows_free(v, n);
    return code;
}

enum pr_code pr_api_checkpoint(const struct pr_api_context *x, int64_t id,
    struct pr_checkpoint_row *ret, int64_t *ret_settings, struct pr_error *e)
{
    char options[65];
    struct pr_checkpoint_row c;
    enum pr_code code = pr_api_need_gradebook(x, e);
    if (code)
        return code;
    code = pr_gradebook_checkpoint(x->g, id, &c, e);
    if (code == PR_E_NOT_FOUND)
        return pr_fail(e, code, "there is no checkpoint %lld", (long long)id);
    if (code)
        return code;
    *ret_settings = 0;
    pr_api_options(x, options);
    if (c.model && (code = pr_gradebook_settings(x->g, c.model, options, ret_settings, e))) {
        pr_checkpoint_row_done(&c);
        return code;
    }
    *ret = c;
    return PR_OK;
}

void pr_api_set_checkpoint(json_t *o, int64_t id, const char *name, int64_t step)
{
    pr_json_set_int(o, "id", id);
    pr_json_set_str(o, "name", name);
    if (step >= 0)
        pr_json_set_int(o, "step", step);
    else
        pr_json_set_null(o, "step", "neither trainer_state.json nor the folder's name says it");
}

enum pr_code pr_api_finding(
    const struct pr_api_context *x, const char *system, json_t **ret, struct pr_error *e)
{
    *ret = NULL;
    return x->g ? pr_gradebook_finding(x->g, system, ret, NULL, e) : PR_OK;
}
