/* Corrections on the disk: queue/corrections/corrections_YYYYMMDD.jsonl, each written once.
 *
 * An id is that of the example and the wrong answer, and what is in any file of the folder is not
 * written again.  The day's file is replaced as a whole, so a reader and a crash see either the one
 * before or the one after. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "queue/folder.h"
#include "systems/data.h"
#include "systems/self_correction.h"

#define MAX_LINE ((size_t)4 << 20)
#define MAX_FILE ((size_t)512 << 20)

static void day_name(int64_t now_ms, char ret[64])
{
    struct tm t;
    time_t s = (time_t)(now_ms / 1000);
    gmtime_r(&s, &t);
    snprintf(ret, 64, "corrections_%04d%02d%02d.jsonl", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday);
}

/* Notes the ids of a file; returns how many lines it has. */
static enum pr_code read_ids(const char *path, json_t *ids, size_t *ret_n, struct pr_error *e)
{
    struct pr_lines l;
    enum pr_line got;
    char *text;
    size_t len;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *ret_n = 0;
    if (fd < 0)
        return errno == ENOENT ? PR_OK : pr_fail_errno(e, errno, "%s", path);
    pr_lines_init(&l, fd, MAX_LINE);
    while ((got = pr_lines_next(&l, &text, &len, e)) == PR_LINE_OK || got == PR_LINE_TOO_LONG) {
        struct pr_error ignored;
        json_t *o;
        *ret_n += got == PR_LINE_TOO_LONG || len > 0;
        if (got != PR_LINE_OK ||
            pr_json_parse(text, len, PR_JSON_LENIENT, NULL, &o, NULL, &ignored))
            continue;
        const char *id = json_string_value(json_object_get(o, "id"));
        if (id)
            json_object_set_new(ids, id, json_true());
        json_decref(o);
    }
    pr_lines_done(&l);
    close(fd);
    return got == PR_LINE_ERROR ? pr_wrap(e, PR_E_IO, "%s", path) : PR_OK;
}

static enum pr_code read_all(const char *base_dir, const char *day, json_t *ids,
    struct pr_corrections *ret, struct pr_error *e)
{
    struct pr_queue_file *v = NULL;
    size_t n = 0;
    enum pr_code code = pr_queue_list(base_dir, PR_QUEUE_CORRECTIONS, &v, &n, e);
    for (size_t i = 0; i < n && !code; i++) {
        size_t lines;
        code = read_ids(v[i].path, ids, &lines, e);
        ret->total += lines;
        ret->today += strcmp(v[i].name, day) ? 0 : lines;
    }
    pr_queue_files_free(v, n);
    return code;
}

/* The new lines behind those that the file has. */
static enum pr_code append(const char *path, const struct pr_str *lines, struct pr_error *e)
{
    struct pr_str all = PR_STR_INIT(MAX_FILE);
    char *old = NULL;
    size_t n = 0;
    enum pr_code code = PR_OK;
    if (pr_path_exists(path))
        code = pr_file_read(AT_FDCWD, path, MAX_FILE, &old, &n, e);
    if (code)
        return code;
    pr_str_append(&all, old ? old : "", n);
    if (n && old[n - 1] != '\n')
        pr_str_putc(&all, '\n');
    pr_str_append(&all, lines->data, lines->len);
    code = all.over ? pr_fail(e, PR_E_LIMIT, "%s: would be larger than 512 MiB", path)
                    : pr_file_write_atomic(path, all.data, all.len, e);
    pr_free(old);
    pr_str_done(&all);
    return code;
}

static void add_line(const struct pr_queue_error *x, const struct pr_checkpoint_row *c, json_t *ids,
    struct pr_str *lines, struct pr_corrections *ret)
{
    char id[40];
    pr_correction_id(x, id);
    if (json_object_get(ids, id))
        return;
    json_t *o = pr_correction_line(x, c, id);
    if (!o) {
        ret->unverified++;
        return;
    }
    json_object_set_new(ids, id, json_true());
    pr_json_dump(o, 0, 0, lines);
    pr_str_putc(lines, '\n');
    ret->written++;
    json_decref(o);
}

enum pr_code pr_corrections_write(const struct pr_view *v, const struct pr_checkpoint_row *c,
    const struct pr_queue_error *const *errors, size_t n, struct pr_corrections *ret,
    struct pr_error *e)
{
    struct pr_str lines = PR_STR_INIT(MAX_FILE);
    json_t *ids = json_object();
    char day[64];
    const char *base = v->data->base_dir;
    char *folder = pr_queue_path(base, PR_QUEUE_CORRECTIONS, NULL);
    *ret = (struct pr_corrections){0};
    day_name(v->now_ms, day);
    pr_data_sweep(folder, "corrections_");
    enum pr_code code = read_all(base, day, ids, ret, e);
    for (size_t i = 0; i < n && !code; i++)
        add_line(errors[i], c, ids, &lines, ret);
    if (!code && lines.over)
        code = pr_fail(e, PR_E_LIMIT, "more than 512 MiB of corrections at once");
    if (!code && ret->written) {
        char *path = pr_path_join(folder, day);
        code = pr_mkdirs(folder, e);
        if (!code)
            code = append(path, &lines, e);
        if (!code) {
            struct pr_str shown = PR_STR_INIT(256);
            pr_str_printf(&shown, "queue/corrections/%s", day);
            ret->file = pr_str_take(&shown);
            pr_fault_point(PR_FAULT_QUEUE_CORRECTED);
        }
        pr_free(path);
    }
    if (code)
        ret->written = 0;
    ret->today += ret->written;
    ret->total += ret->written;
    pr_str_done(&lines);
    json_decref(ids);
    pr_free(folder);
    return code ? pr_wrap(e, code, "corrections") : PR_OK;
}
