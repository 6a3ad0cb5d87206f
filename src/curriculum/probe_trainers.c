/* Who trains a probe: the table, and the checkpoint that came of it (probe_internal.h). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "curriculum/probe_child.h"
#include "curriculum/probe_internal.h"
#include "model/checkpoint.h"

/* ---- arguments ---- */

static void add(struct pr_probe_argv *a, char *text)
{
    PR_PUSH(a->v, a->n, a->cap, text);
}

static void add_text(struct pr_probe_argv *a, const char *text)
{
    add(a, pr_strdup(text));
}

static void add_format(struct pr_probe_argv *a, const char *fmt, ...) PR_PRINTF(2, 3);
static void add_format(struct pr_probe_argv *a, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    add_text(a, text);
}

static void argv_done(struct pr_probe_argv *a)
{
    for (size_t i = 0; i < a->n; i++)
        pr_free(a->v[i]);
    pr_free(a->v);
}

/* Shortest decimal text that reads back as the same number. */
static void put_real(struct pr_str *out, double x)
{
    char text[32];
    int digits = 1;
    do
        snprintf(text, sizeof text, "%.*g", digits, x);
    while (strtod(text, NULL) != x && ++digits <= 17);
    pr_str_puts(out, text);
}

/* ---- the built-in trainer ---- */

static bool takes_any(const struct pr_probe_options *o)
{
    (void)o;
    return true;
}

/* The prompts of the training are those of the examination. */
static void add_prompt_options(const struct pr_probe_options *o, struct pr_probe_argv *a)
{
    const char *name;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)o->template_vars, name, value) {
        struct pr_str text = PR_STR_INIT(1 << 24);
        pr_str_printf(&text, "%s=", name);
        pr_json_dump(value, 0, 0, &text);
        add_text(a, "--template-var");
        add(a, pr_str_take(&text));
    }
    if (o->now_utc_ms) {
        char date[32];
        pr_clock_iso8601(o->now_utc_ms, date);
        add_format(a, "--date=%.10s", date);
    }
}

/* Constant rate, so that where in the order an example stands decides when it is trained on and not
 * how much; the warm-up is for the optimizer, which starts from nothing. */
static void builtin_arguments(const struct pr_probe *p, struct pr_probe_argv *a)
{
    const struct pr_probe_options *o = p->o;
    struct pr_str rate = PR_STR_INIT(64);
    put_real(&rate, o->learning_rate);
    add_text(a, o->program ? o->program : "/proc/self/exe");
    const char *const fixed[] = {"train", p->start, "--data", p->folder.order, "--order",
        p->folder.order, "--out", p->folder.out, "--lr", pr_str_cstr(&rate), "--schedule",
        "constant", "--resume", "never", "--status", "none", "--quiet"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        add_text(a, fixed[i]);
    add_format(a, "--steps=%llu", (unsigned long long)p->steps);
    add_format(a, "--warmup=%llu", (unsigned long long)(p->steps / 20));
    add_format(a, "--batch=%u", o->batch);
    add_format(a, "--seed=%llu", (unsigned long long)o->seed);
    if (o->lora_rank)
        add_format(a, "--lora-rank=%u", o->lora_rank);
    if (o->n_threads)
        add_format(a, "--threads=%d", o->n_threads);
    if (p->base_folder) {
        add_text(a, "--base-model");
        add_text(a, p->base_folder);
    }
    add_prompt_options(o, a);
    pr_str_done(&rate);
}

/* ---- a command of the user's ---- */

static const char *const placeholders[] = {
    "order", "start", "out", "seed", "tokens", "learning_rate"};
enum placeholder { ORDER, START, OUT, SEED, TOKENS, LEARNING_RATE, N_PLACEHOLDERS };

static bool takes_command(const struct pr_probe_options *o)
{
    return o->command != NULL;
}

/* What stands in braces at s: its length with them where it looks like a placeholder (lower-case
 * letters and underscores), else 0; *ret: which, or N_PLACEHOLDERS. */
static size_t placeholder_at(const char *s, enum placeholder *ret)
{
    size_t n = *s == '{' ? strspn(s + 1, "abcdefghijklmnopqrstuvwxyz_") : 0;
    if (!n || s[n + 1] != '}')
        return 0;
    *ret = N_PLACEHOLDERS;
    for (unsigned i = 0; i < N_PLACEHOLDERS; i++)
        if (strlen(placeholders[i]) == n && !strncmp(placeholders[i], s + 1, n))
            *ret = (enum placeholder)i;
    return n + 2;
}

enum pr_code pr_probe_command_check(const char *const *argv, struct pr_error *e)
{
    bool seen[N_PLACEHOLDERS + 1] = {false};
    if (!argv[0] || !*argv[0])
        return pr_fail(e, PR_E_USAGE, "the trainer's command names no program");
    for (size_t i = 0; argv[i]; i++) {
        for (const char *s = argv[i]; *s; s++) {
            enum placeholder which;
            size_t n = placeholder_at(s, &which);
            if (n && which == N_PLACEHOLDERS)
                return pr_fail(e, PR_E_USAGE,
                    "the trainer's command: there is no placeholder %.*s; there are {order}, "
                    "{start}, {out}, {seed}, {tokens} and {learning_rate}",
                    (int)(n < 40 ? n : 40), s);
            if (n)
                seen[which] = true;
        }
    }
    static const enum placeholder needed[] = {ORDER, OUT};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!seen[needed[i]])
            return pr_fail(e, PR_E_USAGE,
                "the trainer's command has no {%s} among its arguments: without it, what it trains "
                "is no probe",
                placeholders[needed[i]]);
    return PR_OK;
}

static void fill_in(const struct pr_probe *p, enum placeholder which, struct pr_str *out)
{
    const struct pr_probe_options *o = p->o;
    const char *const texts[N_PLACEHOLDERS] = {
        [ORDER] = p->folder.order, [START] = p->start, [OUT] = p->folder.out};
    const uint64_t numbers[N_PLACEHOLDERS] = {[SEED] = o->seed, [TOKENS] = p->tokens};
    if (texts[which])
        pr_str_puts(out, texts[which]);
    else if (which == LEARNING_RATE)
        put_real(out, o->learning_rate);
    else
        pr_str_printf(out, "%llu", (unsigned long long)numbers[which]);
}

static void command_arguments(const struct pr_probe *p, struct pr_probe_argv *a)
{
    for (size_t i = 0; p->o->command[i]; i++) {
        struct pr_str text = PR_STR_INIT(1 << 20);
        for (const char *s = p->o->command[i]; *s;) {
            enum placeholder which;
            size_t n = placeholder_at(s, &which);
            if (n && which < N_PLACEHOLDERS)
                fill_in(p, which, &text);
            else
                pr_str_putc(&text, *s);
            s += n ? n : 1;
        }
        add(a, pr_str_take(&text));
    }
}

static const struct pr_probe_trainer trainers[] = {
    {"command", takes_command, command_arguments},
    {"builtin", takes_any, builtin_arguments},
};

const struct pr_probe_trainer *pr_probe_trainer_of(const struct pr_probe_options *o)
{
    const struct pr_probe_trainer *t = trainers;
    while (!t->takes(o))
        t++;
    return t;
}

/* ---- what came of it ---- */

/* The number of a folder named checkpoint-N; -1. */
static int64_t number_of(const char *name)
{
    static const char prefix[] = "checkpoint-";
    const char *s = name + sizeof prefix - 1;
    int64_t n = 0;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || !*s || strlen(s) > 15)
        return -1;
    for (; *s; s++) {
        if (*s < '0' || *s > '9')
            return -1;
        n = n * 10 + (*s - '0');
    }
    return n;
}

struct found {
    char *path; /* owned; NULL: none yet */
    int64_t number, mtime_ns;
    struct pr_error why; /* why the last one that is none is none */
};

/* A folder's number counts before its age: checkpoint-200 is newer than checkpoint-100. */
static void consider(struct found *f, const char *path, int64_t number)
{
    struct stat st;
    struct pr_error why;
    bool complete = false;
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return;
    if (pr_checkpoint_complete(path, &complete, &why, &why) || !complete) {
        f->why = why;
        return;
    }
    int64_t mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    if (f->path && (number < f->number || (number == f->number && mtime <= f->mtime_ns)))
        return;
    pr_free(f->path);
    f->path = pr_strdup(path);
    f->number = number;
    f->mtime_ns = mtime;
}

/* The checkpoint in `out`: that folder itself (where a trainer leaves what it ended with), else the
 * newest of those in it. */
static enum pr_code find_checkpoint(const struct pr_probe *p, char **ret, struct pr_error *e)
{
    struct found f = {.number = INT64_MIN};
    char **names;
    size_t n;
    enum pr_code code = pr_dir_list(p->folder.out, &names, &n, e);
    if (code)
        return code;
    consider(&f, p->folder.out, 0);
    bool itself = f.path != NULL, any = false;
    for (size_t i = 0; i < n && !itself; i++) {
        char *path = pr_path_join(p->folder.out, names[i]);
        any |= names[i][0] != '.';
        if (names[i][0] != '.')
            consider(&f, path, number_of(names[i]));
        pr_free(path);
    }
    pr_names_free(names, n);
    if (f.path) {
        *ret = f.path;
        return PR_OK;
    }
    char *words = pr_probe_child_words(p->folder.log);
    code = pr_fail(e, PR_E_NOT_FOUND, "the trainer left no checkpoint in {out}%s%s%s%s",
        any ? ": " : "", any ? f.why.message : "", *words ? "; it wrote last: " : "", words);
    pr_free(words);
    return code;
}

enum pr_code pr_probe_train(const struct pr_probe *p, char **ret, struct pr_error *e)
{
    const struct pr_probe_options *o = p->o;
    struct pr_probe_argv argv = {.v = NULL};
    pr_probe_trainer_of(o)->arguments(p, &argv);
    add(&argv, NULL);
    struct pr_probe_child c = {.argv = (const char *const *)argv.v,
        .log = p->folder.log,
        .n_threads = o->n_threads,
        .nice = o->nice,
        .cpu_percent = o->cpu_percent,
        .deadline_ns = p->deadline_ns,
        .stopped = o->stopped};
    enum pr_code code = pr_probe_child_run(&c, e);
    if (!code)
        code = find_checkpoint(p, ret, e);
    argv_done(&argv);
    return code;
}
