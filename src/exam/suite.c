/* Reading suites: files to lines, lines to examples, ids, the fingerprint. */
#include "exam/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "base/utf8.h"
#include "exam/suiteset.h"

/* What loading needs beyond the suite itself. */
struct loader {
    struct pr_suite *s;
    struct pr_suite_options o;
    struct pr_idset ids;
    size_t file, line;
    const char *raw; /* the line being read; NULL: none to show */
    size_t raw_len;
    struct pr_error first; /* the first reason for which a line was skipped */
};

static struct pr_suite_file *current(struct loader *l)
{
    return &l->s->files[l->file];
}

static void note(struct loader *l, bool skipped, const char *text)
{
    struct pr_suite *s = l->s;
    if (skipped) {
        if (!s->n_skipped)
            pr_fail(&l->first, PR_E_FORMAT, "%s:%zu: %s", current(l)->path, l->line, text);
        s->n_skipped++;
        current(l)->n_skipped++;
    } else {
        s->n_warned++;
        current(l)->n_warned++;
    }
    if (s->n_issues < PR_SUITE_ISSUES) {
        struct pr_suite_issue i = {l->file, l->line, skipped, pr_strdup(text)};
        PR_PUSH(s->issues, s->n_issues, s->issues_cap, i);
    }
}

#define SHOWN 100 /* bytes of a line that is shown beside its reason */

/* Skips the line being read and shows its beginning, whatever bytes it has. */
static void refuse(struct loader *l, const char *why)
{
    struct pr_str text = PR_STR_INIT(1 << 16);
    size_t n = l->raw_len < SHOWN ? l->raw_len : SHOWN;
    pr_str_puts(&text, why);
    if (l->raw && n) {
        pr_str_puts(&text, ": ");
        size_t at = text.len;
        pr_utf8_append_lossy(&text, l->raw, n);
        for (; at < text.len; at++)
            if ((unsigned char)text.data[at] < 0x20 || text.data[at] == 0x7f)
                text.data[at] = '?';
        pr_str_puts(&text, n < l->raw_len ? "\u2026" : "");
    }
    note(l, true, pr_str_cstr(&text));
    pr_str_done(&text);
}

static void warn(void *ctx, const char *text)
{
    note(ctx, false, text);
}

static void warn_forgiven(struct loader *l, const struct pr_json_notes *n)
{
    const struct {
        bool is;
        const char *text;
    } all[] = {
        {n->lone_surrogate, "a lone surrogate escape was read as U+FFFD"},
        {n->nul, "the text holds NUL (\\u0000)"},
        {n->repeated_key, "a key is repeated, its last value is used"},
        {n->number_range, "a number is out of range"},
        {n->nan, "NaN or Infinity was read as null"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].is)
            warn(l, all[i].text);
}

/* Takes one parsed line into the suite, or notes why not. */
static void take(struct loader *l, const json_t *line)
{
    struct pr_suite *s = l->s;
    struct pr_example x;
    struct pr_error e;
    struct pr_example_options o = {.allow_commands = l->o.allow_commands,
        .file_difficulty = pr_suite_file_difficulty(current(l)->path),
        .warn = warn,
        .ctx = l};
    if (pr_example_parse(line, &o, &s->arena, &x, &e)) {
        refuse(l, e.message);
        return;
    }
    size_t first = pr_idset_add(&l->ids, x.id, s->n);
    if (first != s->n) {
        const struct pr_example *seen = &s->v[first];
        struct pr_str text = PR_STR_INIT(1 << 17);
        pr_str_printf(&text, "%s '%.200s' is already at %s:%zu; %s",
            x.own_id ? "id" : "the same example, id", x.id, s->files[seen->file].path, seen->line,
            l->o.keep_repeated ? "both are used" : "that one is used");
        note(l, !l->o.keep_repeated, pr_str_cstr(&text));
        pr_str_done(&text);
        s->n_repeated++;
        if (!l->o.keep_repeated) {
            pr_example_done(&x);
            return;
        }
    }
    x.file = l->file;
    x.line = l->line;
    PR_PUSH(s->v, s->n, s->cap, x);
    size_t n;
    current(l)->by_format[x.format - pr_formats(&n)]++;
    current(l)->n_used++;
}

static void take_line(struct loader *l, const char *text, size_t n)
{
    json_t *v = NULL;
    struct pr_json_notes notes = {0};
    struct pr_error e;
    if (l->line == 1 && n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
        text += 3;
        n -= 3;
    }
    /* Blank: ASCII white space alone; anything else is for the parser to name. */
    size_t i = 0;
    while (i < n && strchr(" \t\r\n\v\f", text[i]) && text[i])
        i++;
    if (i == n)
        return;
    current(l)->n_lines++;
    l->raw = text;
    l->raw_len = n;
    if (pr_json_parse(text, n, PR_JSON_LENIENT, NULL, &v, &notes, &e)) {
        refuse(l, e.message);
        return;
    }
    if (n > PR_SUITE_WARN_LINE) {
        struct pr_str big = PR_STR_INIT(100);
        pr_str_printf(&big, "the line is %.1f MB long", (double)n / 1e6);
        warn(l, pr_str_cstr(&big));
        pr_str_done(&big);
    }
    warn_forgiven(l, &notes);
    take(l, v);
    json_decref(v);
}

static enum pr_code read_lines(struct loader *l, int fd, struct pr_error *e)
{
    struct pr_lines lines;
    enum pr_code code = PR_OK;
    size_t max = l->o.max_line ? l->o.max_line : PR_SUITE_MAX_LINE;
    pr_lines_init(&lines, fd, max);
    for (bool more = true; more;) {
        char *text;
        size_t n;
        enum pr_line kind = pr_lines_next(&lines, &text, &n, e);
        l->line = lines.number;
        if (l->o.stopped && l->o.stopped(l->o.ctx)) {
            code = pr_fail(e, PR_E_CANCELLED, "stopped while %s was read", current(l)->path);
            break;
        }
        if (kind == PR_LINE_OK) {
            take_line(l, text, n);
        } else if (kind == PR_LINE_TOO_LONG) {
            struct pr_str big = PR_STR_INIT(100);
            pr_str_printf(&big, "the line is longer than %zu bytes", max);
            current(l)->n_lines++;
            note(l, true, pr_str_cstr(&big));
            pr_str_done(&big);
        } else {
            more = false;
            code = kind == PR_LINE_ERROR ? e ? e->code : PR_E_IO : PR_OK;
        }
    }
    pr_lines_done(&lines);
    return code;
}

/* A .json file: an array of examples, or an object that holds one as "examples" (BIG-Bench Hard) or
 * "data"; the place of an example counts as its line. */
static enum pr_code read_whole(struct loader *l, const char *path, struct pr_error *e)
{
    char *text;
    size_t n;
    json_t *v = NULL;
    struct pr_json_notes notes = {0};
    enum pr_code code = pr_file_read(AT_FDCWD, path, PR_SUITE_MAX_FILE, &text, &n, e);
    if (code)
        return code;
    bool bom = n >= 3 && !memcmp(text, "\xef\xbb\xbf", 3);
    code = pr_json_parse(text + 3 * bom, n - 3 * bom, PR_JSON_LENIENT, path, &v, &notes, e);
    pr_free(text);
    if (code)
        return code;
    l->line = 0;
    l->raw = NULL;
    warn_forgiven(l, &notes);
    const json_t *list = v, *one;
    if (json_is_object(v)) {
        list = json_object_get(v, "examples");
        list = list ? list : json_object_get(v, "data");
    }
    size_t i;
    if (json_is_array(list)) {
        json_array_foreach (list, i, one) {
            l->line = i + 1;
            current(l)->n_lines++;
            take(l, one);
        }
    } else {
        code = pr_fail(e, PR_E_FORMAT,
            "%s: an array of examples, or an object with 'examples', was expected", path);
    }
    json_decref(v);
    return code;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcasecmp(s + n - m, end);
}

bool pr_suite_is_whole_json(int fd)
{
    char head[4096];
    ssize_t n = pread(fd, head, sizeof head - 1, 0);
    size_t i = n >= 3 && !memcmp(head, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (n > 0 && i < (size_t)n && strchr(" \t\r\n", head[i]) && head[i])
        i++;
    if (n <= 0 || i >= (size_t)n)
        return false;
    if (head[i] == '[')
        return true;
    head[n] = 0;
    char *line_end = memchr(head + i, '\n', (size_t)n - i);
    json_t *v = NULL;
    struct pr_error e;
    /* A first line that is an object by itself: JSON Lines, unless it is the container. */
    if (line_end && !pr_json_parse(head + i, (size_t)(line_end - head) - i, PR_JSON_LENIENT, NULL,
                        &v, NULL, &e)) {
        bool container = json_is_array(json_object_get(v, "examples"));
        json_decref(v);
        return container;
    }
    return true;
}

static enum pr_code read_file(struct loader *l, const char *path, struct pr_error *e)
{
    int fd;
    size_t n_formats;
    enum pr_code code = pr_file_open(AT_FDCWD, path, false, &fd, NULL, e);
    if (code)
        return code;
    pr_formats(&n_formats);
    struct pr_suite_file f = {
        .path = pr_strdup(path), .by_format = pr_zalloc(n_formats * sizeof(size_t))};
    PR_PUSH(l->s->files, l->s->n_files, l->s->files_cap, f);
    l->file = l->s->n_files - 1;
    if (ends_with(path, ".json") && pr_suite_is_whole_json(fd))
        code = read_whole(l, path, e);
    else
        code = read_lines(l, fd, e);
    close(fd);
    return code;
}

static enum pr_code read_folder(struct loader *l, const char *folder, struct pr_error *e)
{
    char **names;
    size_t n, used = 0;
    enum pr_code code = pr_dir_list(folder, &names, &n, e);
    if (code)
        return code;
    for (size_t i = 0; !code && i < n; i++) {
        if (!ends_with(names[i], ".jsonl") || names[i][0] == '.')
            continue;
        char *path = pr_path_join(folder, names[i]);
        if (!pr_path_is_dir(path)) {
            code = read_file(l, path, e);
            used++;
        }
        pr_free(path);
    }
    pr_names_free(names, n);
    return code || used ? code
                        : pr_fail(e, PR_E_NOT_FOUND, "%s: no *.jsonl in this folder", folder);
}

/* "validation" of data/validation/ or validation.jsonl; several joined by '+'. */
static char *name_of(const char *const *paths, size_t n)
{
    struct pr_str name = PR_STR_INIT(4096);
    for (size_t i = 0; i < n; i++) {
        char *base = pr_path_base(paths[i]);
        char *dot = strrchr(base, '.');
        if (dot && dot != base && !pr_path_is_dir(paths[i]))
            *dot = 0;
        pr_str_printf(&name, "%s%s", i ? "+" : "", base);
        pr_free(base);
    }
    return pr_str_take(&name);
}

static int by_digest(const void *a, const void *b)
{
    return memcmp(a, b, PR_SHA256_LEN);
}

enum pr_code pr_suite_fingerprint(
    const struct pr_suite *s, char ret[PR_SHA256_HEX], struct pr_error *e)
{
    void *block;
    uint8_t hash[PR_SHA256_LEN];
    enum pr_code code = pr_big_alloc(&block, s->n + 1, PR_SHA256_LEN, "suite fingerprint", e);
    if (code)
        return code;
    uint8_t *all = block;
    for (size_t i = 0; i < s->n; i++)
        memcpy(all + i * PR_SHA256_LEN, s->v[i].digest, PR_SHA256_LEN);
    qsort(all, s->n, PR_SHA256_LEN, by_digest);
    pr_sha256(all, s->n * PR_SHA256_LEN, hash);
    pr_sha256_hex(hash, ret);
    pr_big_free(block, (s->n + 1) * PR_SHA256_LEN);
    return PR_OK;
}

enum pr_code pr_suite_load(const char *const *paths, size_t n_paths,
    const struct pr_suite_options *options, struct pr_suite **ret, struct pr_error *e)
{
    struct loader l = {.s = pr_zalloc(sizeof *l.s)};
    enum pr_code code = PR_OK;
    if (options)
        l.o = *options;
    *ret = NULL;
    for (size_t i = 0; !code && i < n_paths; i++)
        code = pr_path_is_dir(paths[i]) ? read_folder(&l, paths[i], e) : read_file(&l, paths[i], e);
    if (!code)
        code = pr_suite_fingerprint(l.s, l.s->fingerprint, e);
    pr_idset_done(&l.ids);
    if (code) {
        pr_suite_free(l.s);
        return code;
    }
    l.s->name = l.o.name ? pr_strdup(l.o.name) : name_of(paths, n_paths);
    l.s->n_all = l.s->n;
    *ret = l.s;
    if (!l.s->n) {
        if (l.s->n_skipped)
            return pr_fail(e, PR_E_FORMAT,
                "no usable examples: all %zu lines were skipped; the first: %s", l.s->n_skipped,
                l.first.message);
        return pr_fail(e, PR_E_FORMAT, "%s: no examples", n_paths ? paths[0] : "the suite");
    }
    pr_suite_select(l.s, l.o.samples);
    return PR_OK;
}

static enum pr_code unpack(
    struct pr_suite *s, const char *text, struct pr_example_options *o, struct pr_error *e)
{
    json_t *v = NULL;
    struct pr_example x;
    enum pr_code code = pr_json_parse(text, strlen(text), PR_JSON_LENIENT, NULL, &v, NULL, e);
    if (code)
        return code;
    o->file_difficulty = json_string_value(json_object_get(v, "difficulty"));
    code = pr_example_parse(json_object_get(v, "line"), o, &s->arena, &x, e);
    json_decref(v);
    if (!code)
        PR_PUSH(s->v, s->n, s->cap, x);
    return code;
}

enum pr_code pr_suite_from_lines(const char *name, const char *const *lines, size_t n,
    bool allow_commands, struct pr_suite **ret, struct pr_error *e)
{
    struct pr_suite *s = pr_zalloc(sizeof *s);
    struct pr_example_options o = {.allow_commands = allow_commands};
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n && !code; i++)
        if ((code = unpack(s, lines[i], &o, e)))
            pr_wrap(e, code, "example %zu of %s", i, name);
    if (!code)
        code = pr_suite_fingerprint(s, s->fingerprint, e);
    if (code) {
        pr_suite_free(s);
        return code;
    }
    s->name = pr_strdup(name);
    s->n_all = s->n;
    *ret = s;
    return PR_OK;
}

void pr_suite_free(struct pr_suite *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        pr_example_done(&s->v[i]);
    for (size_t i = 0; i < s->n_files; i++) {
        pr_free(s->files[i].path);
        pr_free(s->files[i].by_format);
    }
    for (size_t i = 0; i < s->n_issues; i++)
        pr_free(s->issues[i].text);
    pr_free(s->v);
    pr_free(s->files);
    pr_free(s->issues);
    pr_free(s->name);
    pr_arena_done(&s->arena);
    pr_free(s);
}
