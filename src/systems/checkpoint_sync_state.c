/* What checkpoint sync remembers between runs: .checkpoint_sync.json of the base folder.  It can be
 * lost: what lies in the place and is a copy by names, sizes and times is adopted again (and then
 * never removed, since nobody can tell whose it is). */
#include <fcntl.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "systems/checkpoint_sync.h"

#define STATE     ".checkpoint_sync.json"
#define MAX_STATE ((size_t)64 << 20)

void pr_sync_state_load(struct pr_sync *y)
{
    struct pr_error ignored;
    char *path = pr_path_join(y->m->base_dir, STATE);
    if (pr_json_read(AT_FDCWD, path, MAX_STATE, PR_JSON_STRICT, &y->state, &ignored) ||
        !json_is_object(y->state)) {
        json_decref(y->state);
        y->state = json_object();
    }
    pr_json_set_int(y->state, "schema_version", 1);
    const char *place = y->far ? pr_store_name(y->far) : y->place;
    if (strcmp(pr_sync_text(y->state, "place"), place) != 0) { /* that was of another folder */
        json_object_del(y->state, "copied");
        json_object_del(y->state, "failed");
        pr_json_set_str(y->state, "place", place);
    }
    pr_free(path);
}

enum pr_code pr_sync_state_save(struct pr_sync *y, struct pr_error *e)
{
    char *path = pr_path_join(y->m->base_dir, STATE);
    struct pr_str out = PR_STR_INIT(MAX_STATE);
    pr_json_dump(y->state, 0, 0, &out);
    enum pr_code code = PR_OK;
    if (out.over)
        code = pr_fail(e, PR_E_LIMIT, "%s: larger than 64 MiB", path);
    if (!code)
        code = pr_file_write_atomic(path, pr_str_cstr(&out), out.len, e);
    pr_str_done(&out);
    pr_free(path);
    return code;
}

json_t *pr_sync_part(struct pr_sync *y, const char *name)
{
    json_t *o = json_object_get(y->state, name);
    bool list = !strcmp(name, "copied") || !strcmp(name, "removed");
    if (list ? json_is_array(o) : json_is_object(o))
        return o;
    o = list ? json_array() : json_object();
    pr_json_set(y->state, name, o);
    return o;
}

int64_t pr_sync_int(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

const char *pr_sync_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

json_t *pr_sync_copied_from(struct pr_sync *y, const char *from, const char *content)
{
    size_t i;
    json_t *x;
    json_array_foreach (pr_sync_part(y, "copied"), i, x) {
        if (!strcmp(pr_sync_text(x, "from"), from) &&
            !strcmp(pr_sync_text(x, "content"), content) &&
            !strcmp(pr_sync_text(x, "source"), pr_store_name(y->source)))
            return x;
    }
    return NULL;
}

json_t *pr_sync_copied_as(struct pr_sync *y, const char *name)
{
    size_t i;
    json_t *x;
    json_array_foreach (pr_sync_part(y, "copied"), i, x) {
        if (!json_is_true(json_object_get(x, "removed")) && !strcmp(pr_sync_text(x, "name"), name))
            return x;
    }
    return NULL;
}
