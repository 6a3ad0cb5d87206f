/* See note.h. */
#include "cli/note.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"

#define MAX_NOTE 65536

void pr_note_set_url(
    json_t *note, const char *key, bool tls, const char *bind, int port, const char *path)
{
    char url[400];
    bool any = !strcmp(bind, "0.0.0.0") || !strcmp(bind, "::");
    bool v6 = !any && strchr(bind, ':');
    snprintf(url, sizeof url, "%s://%s%.200s%s:%d%.60s", tls ? "https" : "http", v6 ? "[" : "",
        any ? "127.0.0.1" : bind, v6 ? "]" : "", port, path);
    pr_json_set_str(note, key, url);
}

json_t *pr_note_new(void)
{
    char at[32];
    json_t *o = json_object();
    pr_clock_iso8601(pr_clock_utc_ms(), at);
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_int(o, "pid", (int64_t)getpid());
    pr_json_set_str(o, "started_at", at);
    return o;
}

enum pr_code pr_note_write(const char *path, const json_t *note, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(MAX_NOTE);
    char *folder = pr_strndup(path, (size_t)(strrchr(path, '/') - path));
    pr_json_dump(note, 2, 0, &text);
    pr_str_putc(&text, '\n');
    enum pr_code code = pr_mkdirs(folder, e);
    if (!code)
        code = pr_file_write_atomic(path, pr_str_cstr(&text), text.len, e);
    pr_str_done(&text);
    pr_free(folder);
    return code;
}

void pr_note_remove(const char *path)
{
    json_t *o = NULL;
    struct pr_error e;
    if (!path || pr_json_read(AT_FDCWD, path, MAX_NOTE, PR_JSON_STRICT, &o, &e))
        return;
    if (json_integer_value(json_object_get(o, "pid")) == (json_int_t)getpid())
        unlink(path);
    json_decref(o);
}
