/* doctor: the examples that checkpoints are graded on. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "daemon/doctor_internal.h"
#include "exam/suite.h"

#define MAX_SHOWN 3 /* lines of a suite that could not be used */
#define FEW       100

static const char no_examples[] =
    "put lines such as {\"prompt\": \"2 + 2 =\", \"golden\": \"4\"} into data/validation/*.jsonl";

/* "100 easy, 100 medium, 100 hard" */
static void difficulties(const struct pr_suite *s, struct pr_str *out)
{
    const char *names[16];
    size_t counts[16] = {0}, n = 0;
    for (size_t i = 0; i < s->n; i++) {
        const char *x = s->v[i].difficulty ? s->v[i].difficulty : PR_UNSPECIFIED;
        size_t k = 0;
        while (k < n && strcmp(names[k], x))
            k++;
        if (k == 16)
            continue; /* a line of text need not name them all */
        if (k == n)
            names[n++] = x;
        counts[k]++;
    }
    for (size_t k = 0; k < n; k++)
        pr_str_printf(out, "%s%zu %.40s", k ? ", " : "", counts[k], names[k]);
}

static void say_issues(struct pr_doctor *d, const struct pr_suite *s)
{
    size_t shown = 0;
    for (size_t i = 0; i < s->n_issues && shown < MAX_SHOWN; i++) {
        if (!s->issues[i].skipped)
            continue;
        struct pr_str text = PR_STR_INIT(8192);
        pr_suite_issue_text(s, &s->issues[i], &text);
        pr_doctor_say(d, PR_DOCTOR_WARNING, "correct or remove the line", "%s: not used: %s",
            s->name, pr_str_cstr(&text));
        pr_str_done(&text);
        shown++;
    }
    if (s->n_skipped > shown)
        pr_doctor_say(d, PR_DOCTOR_WARNING, "proctor inspect FILE names them all",
            "%s: %zu more lines are not used", s->name, s->n_skipped - shown);
    if (s->n_repeated)
        pr_doctor_say(d, PR_DOCTOR_WARNING, "give each example an id of its own, or none",
            "%s: %zu lines repeat an id: the first of each is used", s->name, s->n_repeated);
}

static void say_answers(struct pr_doctor *d, const struct pr_suite *s)
{
    size_t plain = 0;
    for (size_t i = 0; i < s->n; i++)
        plain += !s->v[i].golden.s;
    if (plain && plain == s->n)
        pr_doctor_say(d, PR_DOCTOR_WARNING, no_examples,
            "%s: no example has a golden answer: there will be a loss, and no accuracy", s->name);
    else if (plain)
        pr_doctor_say(d, PR_DOCTOR_NOTE, NULL,
            "%s: %zu of %zu examples have no golden answer: of those only the loss is taken",
            s->name, plain, s->n);
}

static bool load(struct pr_doctor *d, const char *name, const char *path, struct pr_suite **ret)
{
    const struct pr_suite_options o = {.name = name, .allow_commands = d->config.allow_commands};
    struct pr_error e;
    if (!pr_suite_load(&path, 1, &o, ret, &e))
        return true;
    pr_doctor_say(d, PR_DOCTOR_ERROR, no_examples, "%s: %s", name, e.message);
    if (*ret)
        say_issues(d, *ret);
    return false;
}

static void check_suite(struct pr_doctor *d, const struct pr_suite_dir *dir)
{
    struct pr_suite *s = NULL;
    if (load(d, dir->name, dir->path, &s)) {
        struct pr_str by = PR_STR_INIT(4096);
        difficulties(s, &by);
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s: %zu examples of %zu file%s (%s)", s->name, s->n,
            s->n_files, s->n_files == 1 ? "" : "s", pr_str_cstr(&by));
        if (s->n < FEW)
            pr_doctor_say(d, PR_DOCTOR_NOTE,
                "some hundred examples tell a drop of a few points from chance",
                "%s: with %zu examples only large drops can be told from chance", s->name, s->n);
        say_issues(d, s);
        say_answers(d, s);
        pr_str_done(&by);
    }
    pr_suite_free(s);
}

void pr_doctor_suites(struct pr_doctor *d)
{
    char *folder = pr_doctor_path(d, "data/validation");
    struct pr_suite_dir *dirs = NULL;
    size_t n = 0;
    struct pr_error e;
    if (pr_suite_dirs(folder, &dirs, &n, &e)) {
        pr_doctor_say(d, PR_DOCTOR_ERROR, no_examples, "nothing to grade on: %s", e.message);
        pr_free(folder);
        return;
    }
    bool validation = false;
    for (size_t i = 0; i < n; i++) {
        validation |= !strcmp(dirs[i].path, folder);
        check_suite(d, &dirs[i]);
    }
    if (!validation)
        pr_doctor_say(d, PR_DOCTOR_ERROR, no_examples,
            "no *.jsonl directly in %s: the suite 'validation' is empty, and its subfolders are "
            "further suites",
            folder);
    pr_suite_dirs_free(dirs, n);
    pr_free(folder);
}

void pr_doctor_testing(struct pr_doctor *d)
{
    char *path = pr_doctor_path(d, "data/testing/suite.jsonl"),
         *about = pr_doctor_path(d, "data/testing/suite.json");
    struct pr_suite *s = NULL;
    json_t *doc = NULL;
    struct pr_error e;
    if (!pr_path_exists(path)) {
        pr_doctor_say(d, PR_DOCTOR_NOTE, NULL,
            "not chosen yet: %lld examples of 'validation' when the automated tests first run",
            (long long)d->config.settings.test_samples);
    } else if (load(d, "testing", path, &s)) {
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%zu examples, chosen once", s->n);
        say_issues(d, s);
        if ((int64_t)s->n < d->config.settings.test_samples)
            pr_doctor_say(d, PR_DOCTOR_NOTE,
                "more examples in data/validation, and a new choice: "
                "remove data/testing/suite.jsonl",
                "testing.samples asks for %lld", (long long)d->config.settings.test_samples);
    }
    if (pr_path_exists(about) &&
        pr_json_read(AT_FDCWD, about, (size_t)16 << 20, PR_JSON_STRICT, &doc, &e))
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "remove both files in data/testing: the suite is chosen "
            "anew, as its next version",
            "%s", e.message);
    json_decref(doc);
    pr_suite_free(s);
    pr_free(path);
    pr_free(about);
}
