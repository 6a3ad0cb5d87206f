/* Mined hard examples and corrections for a generated file, the newest first.
 *
 * One that is in a file of the queue, or in one that was trained on lately, is known (its text is),
 * and is not used again. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "queue/folder.h"
#include "systems/data_generation.h"

#define MAX_FILE    ((size_t)256 << 20)
#define MAX_MISFITS 50 /* corrections in a row that are too long for what is left */

struct source {
    const struct pr_generation_options *o;
    struct pr_generation_file *f;
    const char *key;    /* in the manifest: "hard" */
    const char *folder; /* "data/adversarial_examples" */
    const char *begin;  /* of the files' names */
    size_t wanted;      /* lines that may still come */
    size_t room;        /* bytes of answers that may still come */
    size_t misfits;     /* in a row */
    /* The line as it is written: a new reference; NULL: it is not to be used. */
    json_t *(*line)(const json_t *row);
};

/* A hard example as training data: without what the miner notes of it. */
static json_t *hard_line(const json_t *row)
{
    static const char *const keys[] = {
        "prompt", "golden", "skill", "difficulty", "level", "check", "choices", "pattern", "id"};
    const char *prompt = json_string_value(json_object_get(row, "prompt")),
               *golden = json_string_value(json_object_get(row, "golden")),
               *name = json_string_value(json_object_get(row, "skill"));
    if (!prompt || !golden)
        return NULL;
    const struct pr_skill *skill = pr_skill_knowing(name, prompt, strlen(prompt));
    if (skill && !skill->verify(prompt, strlen(prompt), golden, strlen(golden)))
        return NULL;
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *v = json_object_get(row, keys[i]);
        if (v)
            json_object_set(o, keys[i], v);
    }
    return o;
}

static json_t *correction_line(const json_t *row)
{
    if (!json_is_array(json_object_get(row, "messages")) || !json_object_get(row, "correction"))
        return NULL;
    return json_incref((json_t *)(uintptr_t)row);
}

/* Bytes of the answer that is learned. */
static size_t answer_bytes(const json_t *line)
{
    const json_t *messages = json_object_get(line, "messages"),
                 *last = json_array_get(messages, json_array_size(messages) - 1),
                 *answer =
                     last ? json_object_get(last, "content") : json_object_get(line, "golden");
    return json_string_length(answer);
}

/* Does its answer fit?  Where none of many did, no more are looked at. */
static bool fits(struct source *s, size_t bytes)
{
    bool fit = bytes <= s->room;
    s->misfits = fit ? 0 : s->misfits + 1;
    if (s->misfits == MAX_MISFITS)
        s->wanted = 0;
    return fit;
}

static bool take_line(struct source *s, const char *text, size_t n)
{
    struct pr_error ignored;
    json_t *row, *line;
    bool taken = false;
    if (!n || pr_json_parse(text, n, PR_JSON_STRICT, NULL, &row, NULL, &ignored))
        return false;
    line = json_is_object(row) ? s->line(row) : NULL;
    size_t bytes = answer_bytes(line);
    if (!line)
        s->f->unusable++;
    else if (fits(s, bytes))
        taken = pr_generation_take(s->f, s->o, line, NULL, PR_EASY, false);
    if (taken) {
        s->room -= bytes;
        s->wanted--;
    }
    json_decref(line);
    json_decref(row);
    return taken;
}

/* From its last line to its first; *ret how many were taken. */
static enum pr_code take_file(struct source *s, const char *path, size_t *ret, struct pr_error *e)
{
    char *text;
    size_t n;
    enum pr_code code = pr_file_read(AT_FDCWD, path, MAX_FILE, &text, &n, e);
    *ret = 0;
    if (code == PR_E_NOT_FOUND) /* it was just taken away */
        return PR_OK;
    if (code)
        return code;
    for (size_t end = n; end > 0 && s->wanted;) {
        const char *before = end > 1 ? memrchr(text, '\n', end - 1) : NULL;
        size_t from = before ? (size_t)(before - text) + 1 : 0;
        size_t len = end - from - (text[end - 1] == '\n');
        *ret += take_line(s, text + from, len);
        end = from;
    }
    pr_free(text);
    return PR_OK;
}

static bool is_source(const struct source *s, const char *name)
{
    size_t n = strlen(name), m = strlen(s->begin);
    return !strncmp(name, s->begin, m) && n > m + 6 && !strcmp(name + n - 6, ".jsonl");
}

/* Names end in their day, so the last is the newest. */
static enum pr_code take_all(struct source *s, size_t *ret, struct pr_error *e)
{
    char *folder = pr_path_join(s->o->base_dir, s->folder), **names = NULL;
    size_t n = 0;
    json_t *list = json_array();
    enum pr_code code = pr_path_is_dir(folder) ? pr_dir_list(folder, &names, &n, e) : PR_OK;
    for (size_t i = n; i-- > 0 && s->wanted && !code;) {
        size_t taken = 0;
        if (!is_source(s, names[i]))
            continue;
        char *path = pr_path_join(folder, names[i]);
        code = take_file(s, path, &taken, e);
        pr_free(path);
        if (code || !taken)
            continue;
        json_t *o = json_object();
        struct pr_str shown = PR_STR_INIT(8192);
        pr_str_printf(&shown, "%s/%s", s->folder, names[i]);
        pr_json_set_str(o, "file", pr_str_cstr(&shown));
        pr_json_set_int(o, "lines", (int64_t)taken);
        json_array_append_new(list, o);
        pr_str_done(&shown);
        *ret += taken;
    }
    pr_json_set(s->f->sources, s->key, list);
    pr_names_free(names, n);
    pr_free(folder);
    return code;
}

enum pr_code pr_generation_add_hard(
    const struct pr_generation_options *o, struct pr_generation_file *f, struct pr_error *e)
{
    struct source hard = {.o = o,
        .f = f,
        .key = "hard",
        .folder = "data/adversarial_examples",
        .begin = "hard_examples_",
        .wanted = o->hard,
        .room = SIZE_MAX,
        .line = hard_line};
    return take_all(&hard, &f->hard, e);
}

enum pr_code pr_generation_add_corrections(
    const struct pr_generation_options *o, struct pr_generation_file *f, struct pr_error *e)
{
    double room = o->corrections / (1 - o->corrections) * (double)f->answer_bytes;
    struct source corrections = {.o = o,
        .f = f,
        .key = "corrections",
        .folder = "queue/corrections",
        .begin = "corrections_",
        .wanted = o->corrections > 0 ? SIZE_MAX : 0,
        .room = (size_t)room,
        .line = correction_line};
    size_t before = f->answer_bytes;
    enum pr_code code = take_all(&corrections, &f->corrections, e);
    f->correction_bytes = f->answer_bytes - before;
    return code;
}
