/* Training files: arbitrary bytes as a file → validation against a small protected suite.  The
 * first byte says whether the file is called .jsonl or .json.
 *
 * Beside not crashing: counts add up, reasons are valid text, lines are where they are said to be,
 * and what the quick reader accepts the exam's readers accept with the same turns. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "queue/line.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/proctor-fuzz-XXXXXX";
static char paths[2][64], suite_path[64];
static struct pr_suite *suite;

static void write_file(const char *path, const void *bytes, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || pr_file_write_all(fd, bytes, n))
        abort();
    close(fd);
}

static void clean_up(void)
{
    unlink(paths[0]);
    unlink(paths[1]);
    unlink(suite_path);
    rmdir(folder);
    pr_suite_free(suite);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char text[] =
        "{\"prompt\":\"one two three four five six seven eight nine ten eleven twelve 13\","
        "\"golden\":\"14\"}\n{\"prompt\":\"1+1=\",\"golden\":\"2\"}\n";
    const char *list[] = {suite_path};
    (void)argc;
    (void)argv;
    if (!mkdtemp(folder))
        abort();
    snprintf(paths[0], sizeof paths[0], "%s/x.jsonl", folder);
    snprintf(paths[1], sizeof paths[1], "%s/x.json", folder);
    snprintf(suite_path, sizeof suite_path, "%s/suite.jsonl", folder);
    write_file(suite_path, text, sizeof text - 1);
    if (pr_suite_load(list, 1, NULL, &suite, NULL))
        abort();
    atexit(clean_up);
    return 0;
}

static void never(void *ctx, const char *text)
{
    (void)ctx;
    fprintf(stderr, "the quick reader passed over: %s\n", text);
    abort();
}

static void same_turns(const struct pr_quick *q, const struct pr_example *x)
{
    struct pr_dialog d = {0};
    pr_dialog_of(&d, x);
    if (q->format != x->format || d.n != q->dialog.n || x->own_id != (q->id.s != NULL))
        abort();
    for (size_t i = 0; i < d.n; i++) {
        const struct pr_turn *a = &d.v[i], *b = &q->dialog.v[i];
        if (a->role != b->role || a->text.n != b->text.n ||
            memcmp(a->text.s, b->text.s, a->text.n) != 0)
            abort();
    }
    pr_dialog_done(&d);
}

static void quick_is_right(const char *s, size_t n)
{
    static struct pr_quick q;
    struct pr_arena arena = {0};
    struct pr_example x;
    struct pr_error e;
    struct pr_json_notes notes = {0};
    struct pr_example_options o = {.allow_commands = true, .warn = never};
    json_t *line = NULL;
    char *own = pr_strndup(s, n); /* its own block, so that reading past it is seen */
    bool has, closed;
    if (pr_utf8_valid(own, n) && pr_quick_read(&q, own, n)) {
        if (pr_json_parse(own, n, PR_JSON_LENIENT, NULL, &line, &notes, &e) ||
            notes.lone_surrogate || notes.nul || notes.repeated_key || notes.number_range)
            abort();
        pr_think_split(q.dialog.v[q.dialog.n - 1].text, &has, &closed);
        bool open = has && !closed; /* which the validator names itself */
        if (!pr_example_parse(line, &o, &arena, &x, &e)) {
            same_turns(&q, &x);
            pr_example_done(&x);
        } else if (!open) {
            never(NULL, e.message);
        }
    }
    json_decref(line);
    pr_arena_done(&arena);
    pr_free(own);
}

struct file {
    const uint8_t *bytes;
    size_t n;
};

static void each(void *ctx, const struct pr_validated *v)
{
    const struct file *f = ctx;
    if (v->offset > f->n || v->length > f->n - v->offset ||
        (v->bytes && memcmp(v->bytes, f->bytes + v->offset, v->length) != 0) ||
        (v->verdict == PR_VALID) != !v->n_reasons)
        abort();
    for (size_t i = 0; i < v->n_reasons; i++)
        if (!pr_utf8_valid(v->reasons[i].text, strlen(v->reasons[i].text)))
            abort();
    if (v->bytes)
        quick_is_right(v->bytes, v->length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct file f = {data + 1, size - 1};
    const char *list[] = {paths[data[0] & 1]};
    struct pr_known *k = pr_known_new();
    struct pr_validate_options o = {
        .threads = 1, .max_line = 4000, .max_turn = 1000, .known = k, .each = each, .ctx = &f};
    struct pr_validation *v;
    write_file(list[0], f.bytes, f.n);
    if (pr_known_protect(k, suite, suite_path, NULL) || pr_validate(list, 1, &o, &v, NULL) ||
        v->n_lines != v->n_valid + v->n_warned + v->n_refused || v->bytes > f.n)
        abort();
    json_decref(pr_validation_json(v));
    pr_validation_free(v);
    pr_known_free(k);
    return 0;
}
