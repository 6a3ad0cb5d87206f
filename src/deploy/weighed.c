/* See weighed.h. */
#include "deploy/weighed.h"

#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "deploy/place.h"

#define FILE_NAME "weighed.json"
#define MAX_BYTES ((size_t)8 << 20)

json_t *pr_weighed_read(const char *versions)
{
    json_t *o = NULL;
    struct pr_error ignored;
    char *path = pr_path_join(versions, FILE_NAME);
    if (pr_json_read(AT_FDCWD, path, MAX_BYTES, PR_JSON_STRICT, &o, &ignored))
        o = NULL;
    pr_free(path);
    return o;
}

/* Those of another deployed checkpoint do not count. */
static const json_t *list_of(const json_t *weighed, const char *deployed)
{
    const char *own = pr_json_text(weighed, "deployed");
    return own && deployed && !strcmp(own, deployed) ? json_object_get(weighed, "candidates")
                                                     : NULL;
}

size_t pr_weighed_rank(const json_t *weighed, const char *deployed, const char *candidate)
{
    const json_t *list = list_of(weighed, deployed);
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        const char *own = json_string_value(json_array_get(list, i));
        if (own && !strcmp(own, candidate))
            return i + 1;
    }
    return n + 1;
}

double pr_weighed_share(double rate, size_t k)
{
    return rate * 6 / (M_PI * M_PI * (double)k * (double)k);
}

static enum pr_code put(const struct pr_place *p, const json_t *list, const char *deployed,
    const char *candidate, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(MAX_BYTES);
    json_t *o = json_object(), *all = list ? json_copy((json_t *)(uintptr_t)list) : json_array();
    char *path = pr_path_join(p->versions, FILE_NAME);
    json_array_append_new(all, json_string(candidate));
    pr_json_set_str(o, "deployed", deployed);
    pr_json_set(o, "candidates", all);
    pr_json_dump(o, 0, 0, &text);
    pr_str_putc(&text, '\n');
    enum pr_code code = text.over ? pr_fail(e, PR_E_LIMIT, "%s: over %zu bytes", path, MAX_BYTES)
                                  : pr_file_write_atomic(path, pr_str_cstr(&text), text.len, e);
    pr_free(path);
    json_decref(o);
    pr_str_done(&text);
    return code;
}

enum pr_code pr_weighed_note(const struct pr_deploy_settings *s, const json_t *status,
    const json_t *gate, struct pr_error *e)
{
    struct pr_place place;
    const char *deployed = pr_json_text(json_object_get(status, "current"), "fingerprint"),
               *candidate = pr_json_text(json_object_get(gate, "candidate"), "fingerprint");
    if (!deployed || !candidate || !strcmp(deployed, candidate) ||
        !json_is_number(json_object_get(json_object_get(gate, "confirm"), "p")))
        return PR_OK;
    enum pr_code code = pr_place_open(s->target, &place, e);
    if (code)
        return code;
    code = pr_place_lock(&place, e);
    json_t *now = code ? NULL : pr_weighed_read(place.versions);
    const json_t *list = list_of(now, deployed);
    if (!code && pr_weighed_rank(now, deployed, candidate) > json_array_size(list))
        code = put(&place, list, deployed, candidate, e);
    json_decref(now);
    pr_place_done(&place);
    return code;
}
