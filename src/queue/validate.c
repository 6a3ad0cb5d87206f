/* Validation: what the threads of stream.c found of each line, and what depends on the lines
 * before it. */
#include "queue/validate.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "queue/idtable.h"
#include "queue/stream.h"

#define MAX_LINE   ((size_t)16 << 20)
#define MAX_TURN   ((size_t)256 << 10)
#define MAX_LISTED 100

struct run {
    const char *const *paths;
    struct pr_validate_options o;
    struct pr_validation *v;
    struct pr_idtable ids;
    bool only_add; /* texts are added whatever was there before, and ids do not matter */
};

static void list(struct run *r, size_t file, size_t line, const struct pr_reason *why)
{
    struct pr_validation *v = r->v;
    v->by_defect[why->defect]++;
    if (v->n >= r->o.max_listed)
        return;
    struct pr_finding f = {file, line, why->defect, pr_strdup(why->text)};
    PR_PUSH(v->v, v->n, v->cap, f);
}

/* --- what depends on the lines before --- */

static void check_id(struct run *r, struct pr_line_result *x, size_t file, size_t line)
{
    const struct pr_idtable_row *first =
        pr_idtable_add(&r->ids, x->id, (uint32_t)file, (uint32_t)line);
    if (first)
        pr_line_reason(x, PR_DEFECT_REPEATED_ID, "id '%s' is already at %s:%u", x->id_text,
            r->paths[first->file], first->line);
}

static void name_match(struct pr_line_result *x, const struct pr_known_match *m)
{
    char place[300] = "";
    if (m->line)
        snprintf(place, sizeof place, "%s:%zu", m->file, m->line);
    else
        snprintf(place, sizeof place, "%s", m->file);
    if (m->kind == PR_KNOWN_CONTAMINATED)
        pr_line_reason(x, PR_DEFECT_CONTAMINATED, "shares '%s' with example '%.60s' at %s",
            m->words, m->id, place);
    else if (m->kind == PR_KNOWN_EXACT)
        pr_line_reason(x, PR_DEFECT_DUPLICATE, "the same text is at %s", place);
    else
        pr_line_reason(x, PR_DEFECT_NEAR_DUPLICATE, "nearly the same text is at %s", place);
}

static void check_text(
    struct run *r, struct pr_line_result *x, size_t file, size_t line, struct pr_known_match *m)
{
    if (!r->only_add) {
        pr_known_find(r->o.known, &x->text, m);
        if (m->kind != PR_KNOWN_NEW)
            name_match(x, m);
    }
    if (!x->refused)
        pr_known_insert(r->o.known, &x->text, r->paths[file], line);
}

/* --- results --- */

static void deliver(
    struct run *r, struct pr_validated *line, const struct pr_line_result *x, size_t file)
{
    line->path = r->paths[file];
    line->reasons = x->reasons;
    line->n_reasons = x->n_reasons;
    line->verdict = x->refused ? PR_REFUSED : x->n_reasons ? PR_WARNED : PR_VALID;
    for (size_t i = 0; i < x->n_reasons; i++)
        list(r, file, line->line, &x->reasons[i]);
    if (r->o.each)
        r->o.each(r->o.ctx, line);
}

static void take_line(
    struct run *r, struct pr_stream_block *b, const struct pr_block_line *l, bool bom)
{
    struct pr_line_result *x = &b->results[l - b->block.lines];
    struct pr_validated line = {
        .line = l->number, .offset = l->offset, .length = l->length, .match.kind = PR_KNOWN_NEW};
    if (l->too_long)
        pr_line_reason(x, PR_DEFECT_LONG_LINE, "the line has %llu bytes, the limit is %zu",
            (unsigned long long)l->length, r->o.max_line);
    else
        line.bytes = b->block.text + l->at;
    if (bom)
        pr_line_reason(x, PR_DEFECT_BOM, "a UTF-8 byte order mark stands before it");
    if (!x->refused && x->has_id && !r->only_add)
        check_id(r, x, b->file, l->number);
    if (!x->refused && x->has_text)
        check_text(r, x, b->file, l->number, &line.match);
    deliver(r, &line, x, b->file);
    struct pr_validated_file *f = &r->v->files[b->file];
    f->n_lines++;
    f->n_valid += line.verdict == PR_VALID;
    f->n_warned += line.verdict == PR_WARNED;
    f->n_refused += line.verdict == PR_REFUSED;
}

static void end_file(struct run *r, const struct pr_stream_block *b)
{
    struct pr_validated_file *f = &r->v->files[b->file];
    struct pr_line_result x = {0};
    struct pr_validated line = {.line = 0, .match.kind = PR_KNOWN_NEW};
    if (b->block.fault)
        pr_line_reason(&x, PR_DEFECT_UNREADABLE, "%s", b->block.fault);
    else if (!f->n_lines)
        pr_line_reason(&x, PR_DEFECT_EMPTY_FILE, "no examples");
    f->refused = x.refused;
    if (x.n_reasons)
        deliver(r, &line, &x, b->file);
    r->v->n_lines += f->n_lines;
    r->v->n_valid += f->n_valid;
    r->v->n_warned += f->n_warned;
    r->v->n_refused += f->n_refused;
    r->v->bytes += f->bytes;
}

static void take_block(struct run *r, struct pr_stream_block *b)
{
    for (size_t i = 0; i < b->block.n; i++)
        take_line(r, b, &b->block.lines[i], b->block.bom && !i);
    r->v->files[b->file].bytes = b->open_failed ? 0 : b->read;
    if (r->o.progress)
        r->o.progress(r->o.ctx, r->v->bytes + r->v->files[b->file].bytes);
    if (b->block.last)
        end_file(r, b);
}

static enum pr_code go(struct run *r, size_t n, struct pr_error *e)
{
    struct pr_stream_options o = {r->o.threads, r->o.max_line, r->o.max_turn, r->o.known};
    struct pr_stream *s = pr_stream_new(r->paths, n, &o);
    struct pr_stream_block *b;
    enum pr_code code = PR_OK;
    while (!code && (b = pr_stream_next(s))) {
        take_block(r, b);
        if (r->o.stopped && r->o.stopped(r->o.ctx))
            code = pr_fail(e, PR_E_CANCELLED, "stopped while %s was read", r->paths[b->file]);
    }
    pr_stream_free(s);
    pr_idtable_done(&r->ids);
    return code;
}

static enum pr_code validate(const char *const *paths, size_t n,
    const struct pr_validate_options *options, bool only_add, struct pr_validation **ret,
    struct pr_error *e)
{
    struct run r = {.paths = paths, .only_add = only_add, .v = pr_zalloc(sizeof *r.v)};
    if (options)
        r.o = *options;
    r.o.max_line = r.o.max_line ? r.o.max_line : MAX_LINE;
    r.o.max_turn = r.o.max_turn ? r.o.max_turn : MAX_TURN;
    r.o.max_listed = r.o.max_listed ? r.o.max_listed : MAX_LISTED;
    r.v->files = pr_zalloc((n + 1) * sizeof *r.v->files);
    r.v->n_files = n;
    for (size_t i = 0; i < n; i++)
        r.v->files[i].path = pr_strdup(paths[i]);
    enum pr_code code = go(&r, n, e);
    if (code)
        pr_validation_free(r.v);
    else
        *ret = r.v;
    return code;
}

enum pr_code pr_validate(const char *const *paths, size_t n,
    const struct pr_validate_options *options, struct pr_validation **ret, struct pr_error *e)
{
    return validate(paths, n, options, false, ret, e);
}

enum pr_code pr_known_add_file(
    struct pr_known *k, const char *path, size_t *ret_n, struct pr_error *e)
{
    struct pr_validate_options o = {.threads = 1, .known = k, .max_listed = 1};
    struct pr_validation *v = NULL;
    enum pr_code code = validate(&path, 1, &o, true, &v, e);
    if (!code && v->by_defect[PR_DEFECT_UNREADABLE])
        code = pr_fail(e, PR_E_IO, "%s", v->n ? v->v[0].text : path);
    if (!code && ret_n)
        *ret_n = v->n_valid + v->n_warned;
    pr_validation_free(v);
    return code;
}

void pr_validation_free(struct pr_validation *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->n_files; i++)
        pr_free(v->files[i].path);
    for (size_t i = 0; i < v->n; i++)
        pr_free(v->v[i].text);
    pr_free(v->files);
    pr_free(v->v);
    pr_free(v);
}

static json_t *counts(uint64_t bytes, size_t lines, size_t valid, size_t warned, size_t refused)
{
    json_t *o = json_object();
    pr_json_set_int(o, "bytes", (int64_t)bytes);
    pr_json_set_int(o, "lines", (int64_t)lines);
    pr_json_set_int(o, "valid", (int64_t)valid);
    pr_json_set_int(o, "warned", (int64_t)warned);
    pr_json_set_int(o, "refused", (int64_t)refused);
    return o;
}

json_t *pr_validation_json(const struct pr_validation *v)
{
    json_t *doc = counts(v->bytes, v->n_lines, v->n_valid, v->n_warned, v->n_refused);
    json_t *files = json_array(), *by = json_object(), *findings = json_array();
    for (size_t i = 0; i < v->n_files; i++) {
        const struct pr_validated_file *f = &v->files[i];
        json_t *o = counts(f->bytes, f->n_lines, f->n_valid, f->n_warned, f->n_refused);
        pr_json_set_str(o, "path", f->path);
        pr_json_set_bool(o, "accepted", !f->refused);
        json_array_append_new(files, o);
    }
    for (size_t d = 0; d < PR_N_DEFECTS; d++)
        if (v->by_defect[d])
            pr_json_set_int(by, pr_defect_name((enum pr_defect)d), (int64_t)v->by_defect[d]);
    for (size_t i = 0; i < v->n; i++) {
        json_t *o = json_object();
        pr_json_set_str(o, "path", v->files[v->v[i].file].path);
        pr_json_set_int(o, "line", (int64_t)v->v[i].line);
        pr_json_set_str(o, "defect", pr_defect_name(v->v[i].defect));
        pr_json_set_str(o, "severity", pr_defect_refuses(v->v[i].defect) ? "refused" : "warned");
        pr_json_set_str(o, "text", v->v[i].text);
        json_array_append_new(findings, o);
    }
    pr_json_set(doc, "files", files);
    pr_json_set(doc, "by_defect", by);
    pr_json_set(doc, "findings", findings);
    return doc;
}
