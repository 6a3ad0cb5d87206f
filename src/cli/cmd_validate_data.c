/* proctor validate-data: what is wrong with which line of training files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/layout.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/term.h"
#include "daemon/config.h"
#include "queue/folder.h"
#include "queue/validate.h"

#define SHOWN_LINES 20

struct job {
    char *base;
    struct pr_config config;
    char **paths;
    size_t n_paths, cap_paths;
    double total, lines;
    struct pr_known *known;
    json_t *against; /* [{"path","examples"}] */
    struct pr_progress progress;
    int report; /* -1: none is wanted */
    int report_errno;
};

/* --- files --- */

static void add_file(struct job *j, const char *path)
{
    struct stat st;
    if (!stat(path, &st))
        j->total += (double)st.st_size;
    PR_PUSH(j->paths, j->n_paths, j->cap_paths, pr_strdup(path));
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

static enum pr_code add_folder(struct job *j, const char *folder, struct pr_error *e)
{
    char **names;
    size_t n, before = j->n_paths;
    enum pr_code code = pr_dir_list(folder, &names, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n; i++) {
        char *path = pr_path_join(folder, names[i]);
        bool data = ends_with(names[i], ".jsonl") ||
                    (ends_with(names[i], ".json") && !ends_with(names[i], ".manifest.json"));
        if (names[i][0] != '.' && data && !pr_path_is_dir(path))
            add_file(j, path);
        pr_free(path);
    }
    pr_names_free(names, n);
    return j->n_paths > before
               ? PR_OK
               : pr_fail(e, PR_E_NOT_FOUND, "%s: no *.jsonl or *.json in this folder", folder);
}

static enum pr_code add_queues(struct job *j, struct pr_error *e)
{
    for (int q = 0; q < PR_N_QUEUES; q++) {
        struct pr_queue_file *v;
        size_t n;
        if (!pr_queue_waits((enum pr_queue)q) && q != PR_QUEUE_UNVALIDATED)
            continue;
        enum pr_code code = pr_queue_list(j->base, (enum pr_queue)q, &v, &n, e);
        if (code)
            return code;
        for (size_t i = 0; i < n; i++)
            add_file(j, v[i].path);
        pr_queue_files_free(v, n);
    }
    return PR_OK;
}

static enum pr_code find_files(struct job *j, const struct pr_args *a, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; !code && i < a->n_positional; i++) {
        if (pr_path_is_dir(a->positional[i]))
            code = add_folder(j, a->positional[i], e);
        else
            add_file(j, a->positional[i]);
    }
    if (!code && pr_args_flag(a, "queue"))
        code = add_queues(j, e);
    return code;
}

/* --- what must not be trained on --- */

static enum pr_code protect(struct job *j, const char *path, struct pr_error *e)
{
    size_t n = 0;
    enum pr_code code = pr_known_protect_path(j->known, path, &n, e);
    if (code)
        return code;
    json_t *o = json_object();
    pr_json_set_str(o, "path", path);
    pr_json_set_int(o, "examples", (int64_t)n);
    json_array_append_new(j->against, o);
    return PR_OK;
}

static enum pr_code protect_all(struct job *j, const struct pr_args *a, struct pr_error *e)
{
    size_t n;
    const char *const *list = pr_args_list(a, "against", &n);
    enum pr_code code = PR_OK;
    for (size_t i = 0; !code && i < n; i++)
        code = protect(j, list[i], e);
    if (n)
        return code;
    char *data = pr_path_join(j->base, "data"), *own = pr_path_join(data, "validation");
    if (pr_path_is_dir(own) && (code = protect(j, own, e)) == PR_E_NOT_FOUND)
        code = PR_OK; /* an empty folder protects nothing */
    pr_free(data);
    pr_free(own);
    return code;
}

/* --- what comes of it --- */

static void progress(void *ctx, uint64_t bytes)
{
    struct job *j = ctx;
    pr_progress_show(&j->progress, (double)bytes, j->total, j->lines, "lines");
}

static bool stopped(void *ctx)
{
    (void)ctx;
    return pr_interrupted();
}

static const char *const verdicts[] = {"valid", "warned", "refused"};

static void report_line(struct job *j, const struct pr_validated *line)
{
    struct pr_str text = PR_STR_INIT(1 << 20);
    json_t *o = json_object(), *reasons = json_array();
    pr_json_set_str(o, "path", line->path);
    pr_json_set_int(o, "line", (int64_t)line->line);
    pr_json_set_int(o, "offset", (int64_t)line->offset);
    pr_json_set_int(o, "length", (int64_t)line->length);
    pr_json_set_str(o, "verdict", verdicts[line->verdict]);
    for (size_t i = 0; i < line->n_reasons; i++) {
        json_t *r = json_object();
        pr_json_set_str(r, "defect", pr_defect_name(line->reasons[i].defect));
        pr_json_set_str(r, "text", line->reasons[i].text);
        json_array_append_new(reasons, r);
    }
    pr_json_set(o, "reasons", reasons);
    pr_json_dump(o, 0, 0, &text);
    pr_str_putc(&text, '\n');
    if (!j->report_errno)
        j->report_errno = pr_file_write_all(j->report, pr_str_cstr(&text), text.len);
    json_decref(o);
    pr_str_done(&text);
}

static void each(void *ctx, const struct pr_validated *line)
{
    struct job *j = ctx;
    j->lines += line->line > 0;
    if (j->report >= 0 && line->verdict != PR_VALID)
        report_line(j, line);
}

static bool accepted(const struct pr_validation *v)
{
    size_t refused = v->n_refused;
    for (size_t i = 0; i < v->n_files; i++)
        refused += v->files[i].refused;
    return !refused;
}

static void put_defects(struct pr_str *out, const struct pr_validation *v)
{
    static const char *const headings[] = {"<defect", "<severity", "lines", "<what it means"};
    struct pr_table t;
    pr_table_init(&t, 4, headings);
    for (size_t d = 0; d < PR_N_DEFECTS; d++) {
        char n[32];
        if (!v->by_defect[d])
            continue;
        pr_layout_count((long long)v->by_defect[d], n);
        pr_table_cell(&t, pr_defect_name((enum pr_defect)d), 0);
        pr_table_cell(&t, pr_defect_refuses((enum pr_defect)d) ? "refused" : "warned", 0);
        pr_table_cell(&t, n, 0);
        pr_table_cell(&t, pr_defect_about((enum pr_defect)d), 0);
    }
    pr_table_finish(&t, out);
}

static void put_lines(struct pr_str *out, const struct pr_validation *v)
{
    size_t n = v->n < SHOWN_LINES ? v->n : SHOWN_LINES, all = 0;
    pr_str_putc(out, '\n');
    for (size_t i = 0; i < n; i++) {
        const struct pr_finding *f = &v->v[i];
        const char *path = v->files[f->file].path;
        pr_term_clean(out, path, strlen(path), 0);
        if (f->line)
            pr_str_printf(out, ":%zu", f->line);
        pr_str_printf(out, ": %s: ", pr_defect_name(f->defect));
        pr_term_clean(out, f->text, strlen(f->text), 0);
        pr_str_putc(out, '\n');
    }
    for (size_t d = 0; d < PR_N_DEFECTS; d++)
        all += v->by_defect[d];
    if (all > n)
        pr_str_printf(out, "… and %zu more (--report FILE has all of them)\n", all - n);
}

static void show(const struct job *j, const struct pr_validation *v)
{
    struct pr_str out = PR_STR_INIT(1 << 22);
    char lines[32], valid[32], warned[32], refused[32];
    if (v->n) {
        put_defects(&out, v);
        put_lines(&out, v);
        pr_str_putc(&out, '\n');
    }
    pr_layout_count((long long)v->n_lines, lines);
    pr_layout_count((long long)v->n_valid, valid);
    pr_layout_count((long long)v->n_warned, warned);
    pr_layout_count((long long)v->n_refused, refused);
    pr_str_printf(&out, "%s lines in %zu file%s: %s valid, %s warned, %s refused", lines,
        v->n_files, v->n_files == 1 ? "" : "s", valid, warned, refused);
    pr_str_puts(&out, json_array_size(j->against)
                          ? "\n"
                          : "; compared with no validation suite (--against DIR names one)\n");
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
}

static void print(const struct job *j, const struct pr_args *a, const struct pr_validation *v)
{
    if (!pr_args_flag(a, "json") && pr_term_is(1)) {
        show(j, v);
        return;
    }
    json_t *doc = json_object(), *found = pr_validation_json(v);
    pr_json_set_int(doc, "schema_version", 1);
    pr_json_set_bool(doc, "accepted", accepted(v));
    json_object_update(doc, found);
    json_object_set(doc, "against", j->against);
    pr_out_json(doc);
    json_decref(found);
    json_decref(doc);
}

static enum pr_code validate(
    struct job *j, const struct pr_args *a, struct pr_validation **ret, struct pr_error *e)
{
    struct pr_validate_options o = {.threads = (size_t)pr_args_int(a, "threads", 0),
        .max_turn = (size_t)pr_args_int(a, "max-turn", j->config.max_turn_bytes),
        .max_line = (size_t)pr_args_int(a, "max-line", 0),
        .known = j->known,
        .each = each,
        .progress = progress,
        .stopped = stopped,
        .ctx = j};
    pr_progress_start(&j->progress, "validating", pr_args_flag(a, "quiet"));
    enum pr_code code = pr_validate((const char *const *)j->paths, j->n_paths, &o, ret, e);
    pr_progress_end(&j->progress);
    return code;
}

/* The report appears under its name once it is complete. */
static enum pr_code with_report(
    struct job *j, const struct pr_args *a, struct pr_validation **ret, struct pr_error *e)
{
    const char *path = pr_args_text(a, "report");
    struct pr_str hidden = PR_STR_INIT(4096);
    if (!path)
        return validate(j, a, ret, e);
    pr_str_printf(&hidden, "%s.%ld.tmp", path, (long)getpid());
    j->report = open(pr_str_cstr(&hidden), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    enum pr_code code =
        j->report < 0 ? pr_fail_errno(e, errno, "%s", path) : validate(j, a, ret, e);
    if (j->report >= 0 && close(j->report) && !j->report_errno)
        j->report_errno = errno;
    if (!code && !j->report_errno && rename(pr_str_cstr(&hidden), path))
        j->report_errno = errno;
    if (!code && j->report_errno)
        code = pr_fail_errno(e, j->report_errno, "%s", path);
    if (code)
        unlink(pr_str_cstr(&hidden));
    pr_str_done(&hidden);
    return code;
}

static void job_done(struct job *j)
{
    for (size_t i = 0; i < j->n_paths; i++)
        pr_free(j->paths[i]);
    pr_free(j->paths);
    pr_free(j->base);
    pr_config_done(&j->config);
    pr_known_free(j->known);
    json_decref(j->against);
}

static int run(const struct pr_args *a)
{
    struct job j = {.base = pr_config_base_dir(pr_args_text(a, "base-dir")),
        .known = pr_known_new(),
        .against = json_array(),
        .report = -1};
    struct pr_validation *v = NULL;
    struct pr_error e;
    int status = PR_EXIT_OK;
    if (!a->n_positional && !pr_args_flag(a, "queue")) {
        pr_say("validate-data", "files or folders to validate, or --queue, were expected");
        job_done(&j);
        return PR_EXIT_USAGE;
    }
    enum pr_code code = pr_config_load(j.base, &j.config, &e);
    if (!code)
        code = find_files(&j, a, &e);
    if (!code)
        code = protect_all(&j, a, &e);
    if (!code)
        code = with_report(&j, a, &v, &e);
    if (code == PR_E_CANCELLED) {
        status = PR_EXIT_STOPPED;
    } else if (code) {
        pr_say("validate-data", "%s", e.message);
        status = PR_EXIT_REFUSED;
    } else {
        print(&j, a, v);
        status = accepted(v) ? PR_EXIT_OK : PR_EXIT_REFUSED;
    }
    pr_validation_free(v);
    job_done(&j);
    return pr_out_status(status);
}

static const struct pr_option options[] = {
    {"against", "DIR",
        "a validation folder or file that must not be trained on; may be given several times "
        "(default: data/validation of the base folder, where there is one)",
        NULL, PR_OPT_LIST},
    {"queue", NULL,
        "the files of the base folder's queue that wait: high, normal, low, unvalidated", NULL,
        PR_OPT_FLAG},
    {"report", "OUT",
        "write a JSON line for each line that is not valid: path, line, offset and length in "
        "bytes, verdict, reasons",
        NULL, PR_OPT_TEXT},
    {"max-turn", "BYTES",
        "a longer turn is refused (default: queue.max_turn_bytes of proctor.yaml, else 262144)",
        NULL, PR_OPT_INT, 1, 1e9},
    {"max-line", "BYTES", "a longer line is refused", "16777216", PR_OPT_INT, 1, 1e9},
    {"threads", "N",
        "threads to read with; results do not depend on it (default: one for each CPU)", NULL,
        PR_OPT_INT, 1, 64},
    {"json", NULL, "print the document even where a table would be shown", NULL, PR_OPT_FLAG},
    PR_OPTION_QUIET,
    PR_OPTION_BASE_DIR,
};

const struct pr_command pr_command_validate_data = {
    .name = "validate-data",
    .summary = "find what is wrong with training files, by line",
    .arguments = "FILE|FOLDER…",
    .about =
        "Reads training files in any accepted format, once and in bounded memory, and names each "
        "line that should not be trained on: broken JSON or text, missing fields, roles out of "
        "order, empty or absurdly long turns, think tags that do not match, answers that the "
        "verifier of a skill refuses, duplicates, and whatever overlaps a validation suite. "
        "Nothing is changed.\n\n"
        "Duplicates are looked for over all files of the call: the same words, or nearly the same "
        "with the same numbers (MinHash). Contaminated is a line that has 13 words in a row of a "
        "validation example, or a shorter one as a whole; case, white space and punctuation do "
        "not count. docs/queue.md has the rules.\n\n"
        "A terminal gets a table of defects and the first lines, a pipe the document "
        "{\"accepted\",\"lines\",\"valid\",\"warned\",\"refused\",\"by_defect\",\"findings\",…}. "
        "Exit status 1 when a line or file was refused; warnings alone are 0.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 100000,
    .examples = {{"Before a file goes into the queue",
                     "proctor validate-data train.jsonl --base-dir ~/TRAINING"},
        {"Is anything of an exam in what waits to be trained on?",
            "proctor validate-data --queue --against data/validation --against other/exam.jsonl"},
        {"Every line that is not valid, for a script",
            "proctor validate-data data/ --report findings.jsonl --json"}},
    .run = run,
};
