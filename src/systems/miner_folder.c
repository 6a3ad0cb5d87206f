/* data/adversarial_examples: the files of hard examples, a day each, and more lines for today's.
 *
 * Others may write there too: what is no example is counted and stays where it is.  A file is
 * replaced as a whole by what was in it and the new lines, so that a reader never sees half of a
 * line and a killed writer leaves the old file. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "systems/miner.h"

#define PREFIX   "hard_examples_"
#define SUFFIX   ".jsonl"
#define MAX_FILE ((size_t)256 << 20)
#define MAX_LINE ((size_t)16 << 20)

static bool is_ours(const char *name)
{
    size_t n = strlen(name), head = strlen(PREFIX), tail = strlen(SUFFIX);
    return n > head + tail && !strncmp(name, PREFIX, head) && !strcmp(name + n - tail, SUFFIX);
}

/* "hard_examples_20261129.jsonl.tmp.XXXXXX": of a writer that was killed.  There is one writer at a
 * time, and it is not writing now. */
static bool is_stale(const char *name)
{
    size_t n = strlen(name), tail = strlen(SUFFIX ".tmp.XXXXXX");
    return n > tail && !strncmp(name, PREFIX, strlen(PREFIX)) &&
           !strncmp(name + n - tail, SUFFIX ".tmp.", strlen(SUFFIX ".tmp."));
}

static char *today_path(const char *folder, int64_t now_ms)
{
    char at[32], name[64];
    pr_clock_iso8601(now_ms, at);
    snprintf(name, sizeof name, PREFIX "%.4s%.2s%.2s" SUFFIX, at, at + 5, at + 8);
    return pr_path_join(folder, name);
}

/* ---- reading ---- */

static void note_line(struct pr_miner_folder *f, json_t *line, bool today)
{
    const char *id = json_string_value(json_object_get(line, "id"));
    if (id)
        PR_PUSH(f->ids, f->n_ids, f->ids_cap, pr_strdup(id));
    f->n_today += today;
    json_array_insert(f->newest, 0, line);
    if (json_array_size(f->newest) > PR_MINER_SHOWN)
        json_array_remove(f->newest, PR_MINER_SHOWN);
}

static enum pr_code read_lines(
    struct pr_miner_folder *f, struct pr_lines *l, bool today, struct pr_error *e)
{
    for (;;) {
        char *text;
        size_t n;
        json_t *line = NULL;
        struct pr_error ignored;
        enum pr_line got = pr_lines_next(l, &text, &n, e);
        if (got == PR_LINE_END)
            return PR_OK;
        if (got == PR_LINE_ERROR)
            return e->code;
        if (got == PR_LINE_OK && !n)
            continue;
        if (got == PR_LINE_TOO_LONG ||
            pr_json_parse(text, n, PR_JSON_LENIENT, NULL, &line, NULL, &ignored) ||
            !json_is_string(json_object_get(line, "prompt")))
            f->n_broken++;
        else
            note_line(f, line, today);
        json_decref(line);
    }
}

static enum pr_code read_file(struct pr_miner_folder *f, const char *path, struct pr_error *e)
{
    struct pr_lines l;
    int fd;
    enum pr_code code = pr_file_open(AT_FDCWD, path, false, &fd, NULL, e);
    if (code)
        return code;
    pr_lines_init(&l, fd, MAX_LINE);
    code = read_lines(f, &l, !strcmp(path, f->today), e);
    pr_lines_done(&l);
    close(fd);
    return code ? pr_wrap(e, code, "%s", path) : PR_OK;
}

static void take_names(struct pr_miner_folder *f, char **names, size_t n)
{
    f->files = pr_zalloc((n + 1) * sizeof *f->files);
    for (size_t i = 0; i < n; i++) {
        char *path = pr_path_join(f->path, names[i]);
        if (is_ours(names[i])) {
            f->files[f->n_files++] = path;
            continue;
        }
        if (is_stale(names[i]))
            unlink(path);
        pr_free(path);
    }
}

enum pr_code pr_miner_folder_read(
    const char *base_dir, int64_t now_ms, struct pr_miner_folder *ret, struct pr_error *e)
{
    char **names;
    size_t n;
    struct pr_miner_folder f = {.newest = json_array()};
    enum pr_code code = PR_OK;
    f.path = pr_path_join(base_dir, PR_MINER_FOLDER);
    f.today = today_path(f.path, now_ms);
    if (pr_path_is_dir(f.path) && !(code = pr_dir_list(f.path, &names, &n, e))) {
        take_names(&f, names, n);
        pr_names_free(names, n);
    }
    for (size_t i = 0; i < f.n_files && !code; i++)
        code = read_file(&f, f.files[i], e);
    if (code) {
        pr_miner_folder_done(&f);
        return code;
    }
    *ret = f;
    return PR_OK;
}

void pr_miner_folder_done(struct pr_miner_folder *f)
{
    pr_free(f->path);
    pr_free(f->today);
    pr_names_free(f->files, f->n_files);
    pr_names_free(f->ids, f->n_ids);
    json_decref(f->newest);
    *f = (struct pr_miner_folder){0};
}

bool pr_miner_folder_has(const struct pr_miner_folder *f, const char *id)
{
    for (size_t i = f->n_ids; i-- > 0;)
        if (!strcmp(f->ids[i], id))
            return true;
    return false;
}

size_t pr_miner_folder_count(const struct pr_miner_folder *f, const char *fingerprint)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n_ids; i++)
        n += !strncmp(f->ids[i], fingerprint, 8) && f->ids[i][8] == '-';
    return n;
}

/* ---- writing ---- */

static enum pr_code old_content(const char *path, struct pr_str *out, struct pr_error *e)
{
    char *text;
    size_t n;
    if (!pr_path_exists(path))
        return PR_OK;
    enum pr_code code = pr_file_read(AT_FDCWD, path, MAX_FILE, &text, &n, e);
    if (code == PR_E_LIMIT)
        return pr_wrap(e, code, "nothing is added to today's hard examples (move the file away)");
    if (code)
        return code;
    pr_str_append(out, text, n);
    if (n && text[n - 1] != '\n') /* half a line of somebody else's */
        pr_str_putc(out, '\n');
    pr_free(text);
    return PR_OK;
}

enum pr_code pr_miner_folder_add(struct pr_miner_folder *f, const json_t *lines, struct pr_error *e)
{
    struct pr_str out = PR_STR_INIT(2 * MAX_FILE);
    size_t i;
    json_t *line;
    enum pr_code code = json_array_size(lines) ? pr_mkdirs(f->path, e) : PR_OK;
    if (code || !json_array_size(lines))
        return code;
    if (!(code = old_content(f->today, &out, e))) {
        json_array_foreach (lines, i, line) {
            pr_json_dump(line, 0, 0, &out);
            pr_str_putc(&out, '\n');
        }
        code = out.over ? pr_fail(e, PR_E_LIMIT, "%s: too large", f->today)
                        : pr_file_write_atomic(f->today, out.data, out.len, e);
    }
    pr_str_done(&out);
    if (!code)
        json_array_foreach (lines, i, line)
            note_line(f, line, true);
    return code;
}
