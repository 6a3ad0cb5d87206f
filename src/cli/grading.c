/* Grading for the commands: suites, progress, checkpoints of the base folder. */
#include "cli/grading.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/rows.h"

#define MAX_TEXT     ((size_t)1 << 33)
#define MAX_WARNINGS 20

static void say(const struct pr_grading *g, const struct pr_error *e)
{
    if (e->code != PR_E_CANCELLED)
        pr_say(g->args->command->name, "%s", e->message);
}

int pr_grading_failed(void)
{
    return pr_interrupted() ? PR_EXIT_STOPPED : pr_out_open() ? PR_EXIT_REFUSED : PR_EXIT_OK;
}

/* Says what of the suite could not be used. */
static void say_warnings(const struct pr_grading *g)
{
    char *text = NULL;
    json_t *report = NULL;
    if (proctor_suite_report(g->suite, &text, NULL) ||
        pr_json_parse(text, strlen(text), PR_JSON_LENIENT, NULL, &report, NULL, NULL)) {
        proctor_free(text);
        return;
    }
    const json_t *warnings = json_object_get(report, "warnings");
    size_t n = json_array_size(warnings);
    for (size_t i = 0; i < n && i < MAX_WARNINGS; i++)
        pr_say(g->args->command->name, "%s", json_string_value(json_array_get(warnings, i)));
    if (n > MAX_WARNINGS)
        pr_say(g->args->command->name, "… and %zu more such lines", n - MAX_WARNINGS);
    json_decref(report);
    proctor_free(text);
}

static enum pr_code open_suite(struct pr_grading *g, size_t samples, struct pr_error *e)
{
    size_t n;
    const char *const *paths = pr_args_list(g->args, "suite", &n);
    char *folder = pr_path_join(g->session.config.base_dir, "data/validation");
    const char *usual[1] = {folder};
    bool allow = g->session.config.allow_commands || (pr_args_has(g->args, "allow-commands") &&
                                                         pr_args_flag(g->args, "allow-commands"));
    struct proctor_suite_options so = {.samples = samples, .allow_commands = allow};
    enum pr_code code;
    if (!n && !pr_path_is_dir(folder))
        code = pr_fail(e, PR_E_USAGE, "no --suite, and the base folder has no %s", folder);
    else
        code = proctor_suite_open(n ? paths : usual, n ? n : 1, &so, &g->suite, e);
    pr_free(folder);
    return code;
}

int pr_grading_init(struct pr_grading *g, const struct pr_args *a, size_t samples)
{
    struct pr_error e;
    *g = (struct pr_grading){.args = a,
        .arrived = PR_STR_INIT(MAX_TEXT),
        .examples = PR_STR_INIT(MAX_TEXT),
        .quiet = pr_args_flag(a, "quiet")};
    int status = pr_session_init(&g->session, a, true);
    if (status)
        return status;
    g->max_new_tokens = (size_t)g->session.config.max_new_tokens;
    if (pr_args_has(a, "max-new-tokens"))
        g->max_new_tokens =
            (size_t)pr_args_int(a, "max-new-tokens", g->session.config.max_new_tokens);
    if (open_suite(g, samples, &e)) {
        say(g, &e);
        pr_grading_done(g);
        return e.code == PR_E_USAGE ? PR_EXIT_USAGE : PR_EXIT_REFUSED;
    }
    say_warnings(g);
    return PR_EXIT_OK;
}

void pr_grading_done(struct pr_grading *g)
{
    proctor_suite_close(g->suite);
    pr_session_done(&g->session);
    pr_str_done(&g->arrived);
    pr_str_done(&g->examples);
    *g = (struct pr_grading){0};
}

/* A line of the examples file: the grade's own, and whose it is. */
static void put_line(const struct pr_grading *g, struct pr_str *out, const char *line)
{
    pr_str_append(out, line, strlen(line) - 1); /* without its closing brace */
    pr_row_put_text(out, "checkpoint", g->checkpoint, strlen(g->checkpoint));
    pr_str_puts(out, "}\n");
}

static int on_example(void *ctx, const char *line)
{
    struct pr_grading *g = ctx;
    put_line(g, &g->arrived, line);
    return pr_interrupted();
}

static int on_progress(void *ctx, uint64_t done, uint64_t total, size_t examples)
{
    struct pr_grading *g = ctx;
    (void)examples;
    pr_progress_show(&g->progress, (double)done, (double)total, (double)done, "tokens");
    return pr_interrupted() || !pr_out_open();
}

static void collect(struct pr_grading *g, const struct proctor_grades *grades)
{
    for (size_t i = 0; i < proctor_grades_count(grades); i++) {
        char *line = NULL;
        if (!proctor_grades_example(grades, i, false, &line, NULL))
            put_line(g, &g->examples, line);
        proctor_free(line);
    }
}

static struct proctor_grades *grade(struct pr_grading *g, struct proctor_model *m)
{
    struct proctor_grades *grades = NULL;
    struct pr_str label = PR_STR_INIT(8192);
    struct proctor_grade_options o = {.max_new_tokens = g->max_new_tokens,
        .example = on_example,
        .progress = on_progress,
        .ctx = g};
    struct pr_error e;
    g->checkpoint = proctor_name(m);
    pr_str_clear(&g->arrived);
    pr_str_printf(&label, "grading %s", g->checkpoint);
    pr_progress_start(&g->progress, pr_str_cstr(&label), g->quiet);
    enum pr_code code = proctor_grade(m, g->suite, &o, &grades, &e);
    pr_progress_end(&g->progress);
    if (!code) {
        collect(g, grades);
    } else {
        say(g, &e);
        if (g->arrived.len && code == PR_E_CANCELLED)
            pr_str_append(&g->examples, g->arrived.data, g->arrived.len);
    }
    g->checkpoint = NULL;
    pr_str_done(&label);
    return grades;
}

struct proctor_grades *pr_grading_run(
    struct pr_grading *g, const char *dir, struct proctor_model **ret_model)
{
    struct proctor_model *m = pr_session_open(&g->session, g->args, dir);
    struct proctor_grades *grades = m ? grade(g, m) : NULL;
    bool keep = grades && ret_model;
    if (ret_model)
        *ret_model = keep ? m : NULL;
    if (!keep)
        proctor_close(m);
    return grades;
}

json_t *pr_grading_parse(const struct pr_grading *g, char *text)
{
    json_t *doc = NULL;
    struct pr_error e;
    if (pr_json_parse(text, strlen(text), PR_JSON_LENIENT, NULL, &doc, NULL, &e))
        say(g, &e);
    proctor_free(text);
    return doc;
}

json_t *pr_grading_document(const struct pr_grading *g, const struct proctor_grades *grades)
{
    char *text = NULL;
    struct pr_error e;
    if (proctor_grades_document(grades, &text, &e)) {
        say(g, &e);
        return NULL;
    }
    return pr_grading_parse(g, text);
}

json_t *pr_grading_example(
    const struct pr_grading *g, const struct proctor_grades *grades, size_t i)
{
    char *text = NULL;
    struct pr_error e;
    if (proctor_grades_example(grades, i, true, &text, &e)) {
        say(g, &e);
        return NULL;
    }
    return pr_grading_parse(g, text);
}

/* For what is no regular file: a pipe or a device. */
static enum pr_code write_through(const char *path, const char *bytes, size_t n, struct pr_error *e)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    enum pr_code code = fd < 0 ? pr_fail_errno(e, errno, "%s", path) : PR_OK;
    while (n && !code) {
        ssize_t w = write(fd, bytes, n);
        if (w < 0 && errno != EINTR)
            code = pr_fail_errno(e, errno, "%s", path);
        if (w > 0) {
            bytes += w;
            n -= (size_t)w;
        }
    }
    if (fd >= 0)
        close(fd);
    return code;
}

bool pr_grading_write(const struct pr_grading *g, const char *path, const char *bytes, size_t n)
{
    struct stat st;
    struct pr_error e;
    bool special = !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
    enum pr_code code =
        special ? write_through(path, bytes, n, &e) : pr_file_write_atomic(path, bytes, n, &e);
    if (code)
        say(g, &e);
    return !code;
}

/* The number N of a folder named checkpoint-N, or -1. */
static int64_t step_of(const char *name)
{
    static const char prefix[] = "checkpoint-";
    int64_t step = 0;
    const char *s = name + sizeof prefix - 1;
    if (strncmp(name, prefix, sizeof prefix - 1) || !*s || strlen(s) > 15)
        return -1;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return -1;
        step = step * 10 + (*s - '0');
    }
    return step;
}

/* The complete checkpoint of the highest step in a folder, or the one of exactly `step`. */
static char *find_in(const char *folder, int64_t step)
{
    char **names, *found = NULL;
    size_t n;
    int64_t best = -1;
    if (pr_dir_list(folder, &names, &n, NULL))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        int64_t s = step_of(names[i]);
        bool complete = false;
        if (s < 0 || (step >= 0 && s != step) || s <= best)
            continue;
        char *path = pr_path_join(folder, names[i]);
        if (step >= 0 || (!proctor_complete(path, &complete, NULL, NULL) && complete)) {
            pr_free(found);
            found = path;
            best = s;
        } else {
            pr_free(path);
        }
    }
    pr_names_free(names, n);
    return found;
}

/* A folder that holds no checkpoints may be one itself. */
static char *find_newest(const char *folder)
{
    char *found = find_in(folder, -1);
    char *config = pr_path_join(folder, "config.json");
    bool complete = false;
    if (!found && pr_path_exists(config) && !proctor_complete(folder, &complete, NULL, NULL) &&
        complete)
        found = pr_strdup(folder);
    pr_free(config);
    return found;
}

static char *find_wanted(const char *folder, int64_t step)
{
    return step >= 0 ? find_in(folder, step) : find_newest(folder);
}

char *pr_grading_find_checkpoint(const struct pr_grading *g, int64_t step)
{
    const struct pr_config *c = &g->session.config;
    static const char *const usual[] = {"models/current_model", "current_model"};
    char *found = NULL;
    if (c->current)
        found = find_wanted(c->current, step);
    for (size_t i = 0; i < 2 && !c->current && !found; i++) {
        char *folder = pr_path_join(c->base_dir, usual[i]);
        found = find_wanted(folder, step);
        pr_free(folder);
    }
    if (!found && step >= 0)
        pr_say(g->args->command->name, "%s: no checkpoint-%lld in %s",
            c->current ? c->current : c->base_dir, (long long)step,
            c->current ? "it" : "models/current_model or current_model");
    else if (!found)
        pr_say(g->args->command->name, "%s: no complete checkpoint in %s",
            c->current ? c->current : c->base_dir,
            c->current ? "it" : "models/current_model or current_model");
    return found;
}
