/* proctor generate: problems of skills as JSON Lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "cli/term.h"
#include "exam/suite.h"
#include "skills/generate.h"

#define MAX_TEXT ((size_t)1 << 34)
#define MAX_LINE 65536

/* ---- what is asked for ---- */

struct wanted {
    const struct pr_skill **skills; /* owned */
    size_t n_skills;                /* 0: all */
    struct pr_levels levels;
};

static enum pr_code read_skills(const struct pr_args *a, struct wanted *w, struct pr_error *e)
{
    size_t n;
    const char *const *names = pr_args_list(a, "skill", &n);
    w->skills = pr_zalloc((n + 1) * sizeof(void *));
    for (size_t i = 0; i < n; i++) {
        const struct pr_skill *s = pr_skill_find(names[i]);
        if (!s) {
            struct pr_str known = PR_STR_INIT(1024);
            pr_skill_names(&known);
            pr_fail(e, PR_E_USAGE, "--skill: there is no '%s', there are %s", names[i], known.data);
            pr_str_done(&known);
            return PR_E_USAGE;
        }
        bool twice = false;
        for (size_t k = 0; k < w->n_skills; k++)
            twice |= w->skills[k] == s;
        if (!twice)
            w->skills[w->n_skills++] = s;
    }
    return PR_OK;
}

/* "easy,hard" */
static enum pr_code read_difficulties(const char *text, struct wanted *w, struct pr_error *e)
{
    for (;;) {
        size_t n = strcspn(text, ",");
        char *name = pr_strndup(text, n);
        enum pr_difficulty d = PR_EASY;
        bool known = pr_difficulty_find(name, &d);
        if (!known)
            pr_fail(e, PR_E_USAGE, "--difficulty: '%s' is none of easy, medium, hard", name);
        pr_free(name);
        if (!known)
            return PR_E_USAGE;
        w->levels.difficulties[d] = true;
        if (!text[n])
            return PR_OK;
        text += n + 1;
    }
}

/* "7" or "2-5" */
static enum pr_code read_levels(const char *text, struct wanted *w, struct pr_error *e)
{
    char *end;
    long lo = strtol(text, &end, 10), hi = *end == '-' ? strtol(end + 1, &end, 10) : lo;
    bool digits = *text >= '0' && *text <= '9';
    if (!digits || *end || lo < 1 || hi < lo || hi > PR_SKILL_LEVELS)
        return pr_fail(e, PR_E_USAGE,
            "--level: '%.40s' is no level from 1 to %d, nor two as in 2-5", text, PR_SKILL_LEVELS);
    w->levels.lo = (int)lo;
    w->levels.hi = (int)hi;
    return PR_OK;
}

/* ---- making them ---- */

/* Every question of the files, whatever format they have. */
static enum pr_code exclude(struct pr_generator *g, const struct pr_args *a, struct pr_error *e)
{
    size_t n;
    const char *const *files = pr_args_list(a, "exclude", &n);
    /* A check by a command is not run here, so it need not be allowed. */
    struct pr_suite_options o = {.allow_commands = true};
    for (size_t i = 0; i < n; i++) {
        struct pr_suite *s = NULL;
        enum pr_code code = pr_suite_load(&files[i], 1, &o, &s, e);
        for (size_t k = 0; !code && k < s->n; k++) {
            struct pr_text q = pr_example_question(&s->v[k]);
            pr_generator_exclude(g, q.s, q.n);
        }
        if (!code && s->n_skipped)
            pr_say("generate", "%s: %zu lines could not be read and exclude nothing", files[i],
                s->n_skipped);
        pr_suite_free(s);
        if (code)
            return code;
    }
    return PR_OK;
}

static void put_turn(struct pr_str *out, const char *role, const char *text)
{
    pr_str_printf(out, "{\"role\":\"%s\"", role);
    pr_row_put_text(out, "content", text, strlen(text));
    pr_str_putc(out, '}');
}

static void put_problem(const struct pr_problem *p, bool messages, struct pr_str *out)
{
    char id[128];
    pr_problem_id(p, id);
    pr_str_printf(out, "{\"id\":\"%s\"", id);
    if (messages) {
        pr_str_puts(out, ",\"messages\":[");
        put_turn(out, "user", p->prompt);
        pr_str_putc(out, ',');
        put_turn(out, "assistant", p->golden);
        pr_str_putc(out, ']');
    } else {
        pr_row_put_text(out, "prompt", p->prompt, strlen(p->prompt));
        pr_row_put_text(out, "golden", p->golden, strlen(p->golden));
    }
    pr_str_printf(out,
        ",\"skill\":\"%s\",\"difficulty\":\"%s\",\"level\":%d,\"check\":\"verifier\"}",
        p->skill->name, pr_difficulty_name(p->difficulty), p->level);
}

/* Appends up to count lines to *file, or writes them to stdout where file is NULL. */
static size_t put_problems(struct pr_generator *g, size_t count, bool messages, struct pr_str *file)
{
    struct pr_str line = PR_STR_INIT(MAX_LINE);
    struct pr_problem p;
    size_t made = 0;
    while (made < count && !pr_interrupted() && pr_generator_next(g, &p)) {
        pr_str_clear(&line);
        put_problem(&p, messages, &line);
        if (!file && !pr_out_line(line.data, line.len))
            break;
        if (file) {
            pr_str_append(file, line.data, line.len);
            pr_str_putc(file, '\n');
        }
        made++;
    }
    pr_str_done(&line);
    return made;
}

static void say_empty_cells(const struct pr_generator *g, size_t made, size_t count)
{
    for (size_t i = 0; i < pr_generator_cells(g); i++) {
        struct pr_generator_cell c = pr_generator_cell(g, i);
        char level[32];
        snprintf(level, sizeof level, "level %d", c.level);
        if (c.empty)
            pr_say("generate", "%s, %s: there are no more than these %zu problems", c.skill->name,
                c.skill->n_levels == PR_N_DIFFICULTIES
                    ? pr_difficulty_name(pr_skill_difficulty(c.skill, c.level))
                    : level,
                c.made);
    }
    if (made < count)
        pr_say("generate", "%zu problems instead of %zu: no further ones exist", made, count);
}

static int generate(const struct pr_args *a, const struct wanted *w)
{
    const char *path = pr_args_text(a, "out");
    size_t count = (size_t)pr_args_int(a, "count", 0);
    struct pr_str file = PR_STR_INIT(MAX_TEXT);
    struct pr_error e;
    struct pr_generator *g = pr_generator_new((uint64_t)pr_args_int(a, "seed", 0),
        w->n_skills ? w->skills : NULL, w->n_skills, &w->levels);
    if (pr_args_flag(a, "repeat"))
        pr_generator_repeat(g);
    enum pr_code code = exclude(g, a, &e);
    int status = PR_EXIT_OK;
    if (code)
        goto out;
    size_t made = put_problems(g, count, pr_args_flag(a, "messages"), path ? &file : NULL);
    if (pr_interrupted()) {
        status = PR_EXIT_STOPPED;
        goto out;
    }
    if (pr_out_open() && (made < count || !pr_args_flag(a, "repeat")))
        say_empty_cells(g, made, count);
    if (path)
        code = file.over ? pr_fail(&e, PR_E_LIMIT, "%s would be larger than 16 GiB", path)
                         : pr_file_write_atomic(path, pr_str_cstr(&file), file.len, &e);
out:
    if (code)
        pr_say("generate", "%s", e.message);
    pr_generator_free(g);
    pr_str_done(&file);
    return pr_out_status(code ? PR_EXIT_REFUSED : status);
}

static int run(const struct pr_args *a)
{
    struct wanted w = {.levels = {1, PR_SKILL_LEVELS, {false}}};
    struct pr_error e;
    enum pr_code code =
        pr_args_given(a, "count")
            ? read_skills(a, &w, &e)
            : pr_fail(&e, PR_E_USAGE, "--count is missing: how many problems are wanted?");
    if (!code)
        code = read_difficulties(pr_args_text(a, "difficulty"), &w, &e);
    if (!code && pr_args_given(a, "level"))
        code = read_levels(pr_args_text(a, "level"), &w, &e);
    if (code)
        pr_say("generate", "%s", e.message);
    int status = code ? PR_EXIT_USAGE : generate(a, &w);
    pr_free(w.skills);
    return status;
}

static const struct pr_option options[] = {
    {"count", "N", "how many problems, spread evenly over skills and levels", NULL, PR_OPT_INT, 1,
        100000000},
    {"seed", "S", "the same seed gives the same problems, everywhere and in every release", "0",
        PR_OPT_INT, 0, 9e15},
    {"skill", "NAME", "one skill; may be given several times (default: all)", NULL, PR_OPT_LIST},
    {"level", "N|LO-HI", "one level or a range of them, from 1 to 10 (default: all)", NULL,
        PR_OPT_TEXT},
    {"difficulty", "LEVELS", "easy, medium, hard, or several with commas between them",
        "easy,medium,hard", PR_OPT_TEXT},
    {"exclude", "FILE",
        "leave out every question that these examples ask, as validation examples must not be "
        "trained on",
        NULL, PR_OPT_FILES},
    {"repeat", NULL,
        "where fewer exist than asked for they come again, with -2, -3 … after their id, so that "
        "every skill keeps its share",
        NULL, PR_OPT_FLAG},
    {"messages", NULL, "lines in chat format, {\"messages\": [{\"role\", \"content\"} …]}", NULL,
        PR_OPT_FLAG},
    {"out", "FILE", "write here instead of stdout; the file appears when it is complete", NULL,
        PR_OPT_TEXT},
};

const struct pr_command pr_command_generate = {
    .name = "generate",
    .summary = "make problems with verified answers",
    .arguments = "--count N",
    .about = "Writes distinct problems of the skills ('proctor skills' lists them) as JSON Lines, "
             "examples of an exam and of training alike: "
             "{\"id\",\"prompt\",\"golden\",\"skill\",\"difficulty\",\"level\",\"check\"}. "
             "Where fewer exist than were asked for, all of them are written and that is said.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = {{"An exam",
                     "proctor generate --count 300 --seed 1 --out data/validation/skills.jsonl"},
        {"Training data that shares no question with it",
            "proctor generate --count 20000 --seed 2 --exclude data/validation/skills.jsonl --out "
            "train.jsonl"},
        {"One skill at some levels, as chats",
            "proctor generate --skill arithmetic --level 4-6 --count 1000 --messages"}},
    .run = run,
};
