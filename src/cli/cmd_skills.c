/* proctor skills: the skills there are, and problems of them as JSON Lines. */
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/term.h"
#include "exam/suite.h"
#include "skills/generate.h"

#define MAX_TEXT ((size_t)1 << 34)
#define MAX_LINE 8192

/* ---- the list ---- */

/* The first problem of a skill and a difficulty with seed 1, as "42+7= 49". */
static void sample(
    const struct pr_skill *s, enum pr_difficulty d, struct pr_str *prompt, struct pr_str *golden)
{
    struct pr_rng rng;
    pr_rng_seed(&rng, 1);
    pr_str_clear(prompt);
    pr_str_clear(golden);
    s->make(&rng, (int)d + 1, prompt, golden);
}

static int list(void)
{
    static const char *const headings[] = {"<skill", "<what is asked", "<easy", "<medium", "<hard"};
    struct pr_str prompt = PR_STR_INIT(MAX_LINE), golden = PR_STR_INIT(MAX_LINE),
                  out = PR_STR_INIT(1 << 20);
    struct pr_table t;
    size_t n;
    const struct pr_skill *const *skills = pr_skills(&n);
    pr_table_init(&t, 5, headings);
    for (size_t i = 0; i < n; i++) {
        pr_table_cell(&t, skills[i]->name, 0);
        pr_table_cell(&t, skills[i]->summary, 0);
        for (size_t d = 0; d < PR_N_DIFFICULTIES; d++) {
            sample(skills[i], (enum pr_difficulty)d, &prompt, &golden);
            pr_table_cellf(&t, "%s → %s", pr_str_cstr(&prompt), pr_str_cstr(&golden));
        }
    }
    pr_table_finish(&t, &out);
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&prompt);
    pr_str_done(&golden);
    pr_str_done(&out);
    return pr_out_status(PR_EXIT_OK);
}

/* ---- what is asked for ---- */

struct wanted {
    const struct pr_skill **skills; /* owned */
    size_t n_skills;                /* 0: all */
    bool difficulties[PR_N_DIFFICULTIES];
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
        w->difficulties[d] = true;
        if (!text[n])
            return PR_OK;
        text += n + 1;
    }
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
            pr_say("skills", "%s: %zu lines could not be read and exclude nothing", files[i],
                s->n_skipped);
        pr_suite_free(s);
        if (code)
            return code;
    }
    return PR_OK;
}

static void put_problem(const struct pr_problem *p, struct pr_str *out)
{
    char id[64];
    pr_problem_id(p, id);
    pr_str_printf(out, "{\"id\":\"%s\"", id);
    pr_row_put_text(out, "prompt", p->prompt, strlen(p->prompt));
    pr_row_put_text(out, "golden", p->golden, strlen(p->golden));
    pr_str_printf(out, ",\"skill\":\"%s\",\"difficulty\":\"%s\",\"check\":\"verifier\"}",
        p->skill->name, pr_difficulty_name(p->difficulty));
}

/* Appends up to count lines to *file, or writes them to stdout where file is NULL. */
static size_t put_problems(struct pr_generator *g, size_t count, struct pr_str *file)
{
    struct pr_str line = PR_STR_INIT(MAX_LINE);
    struct pr_problem p;
    size_t made = 0;
    while (made < count && !pr_interrupted() && pr_generator_next(g, &p)) {
        pr_str_clear(&line);
        put_problem(&p, &line);
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
        if (c.empty)
            pr_say("skills", "%s, %s: there are no more than these %zu problems", c.skill->name,
                pr_difficulty_name(c.difficulty), c.made);
    }
    if (made < count)
        pr_say("skills", "%zu problems instead of %zu: no further ones exist", made, count);
}

static int generate(const struct pr_args *a, const struct wanted *w)
{
    const char *path = pr_args_text(a, "out");
    size_t count = (size_t)pr_args_int(a, "count", 0);
    struct pr_str file = PR_STR_INIT(MAX_TEXT);
    struct pr_error e;
    struct pr_generator *g = pr_generator_new((uint64_t)pr_args_int(a, "seed", 0),
        w->n_skills ? w->skills : NULL, w->n_skills, w->difficulties);
    if (pr_args_flag(a, "repeat"))
        pr_generator_repeat(g);
    enum pr_code code = exclude(g, a, &e);
    int status = PR_EXIT_OK;
    if (code)
        goto out;
    size_t made = put_problems(g, count, path ? &file : NULL);
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
        pr_say("skills", "%s", e.message);
    pr_generator_free(g);
    pr_str_done(&file);
    return pr_out_status(code ? PR_EXIT_REFUSED : status);
}

static enum pr_code check_use(const struct pr_args *a, struct pr_error *e)
{
    static const char *const own[] = {
        "count", "seed", "skill", "difficulty", "exclude", "repeat", "out"};
    if (a->n_positional && strcmp(a->positional[0], "generate") != 0)
        return pr_fail(e, PR_E_USAGE, "'%s' is not known here; 'generate' is", a->positional[0]);
    for (size_t i = 0; i < sizeof own / sizeof *own && !a->n_positional; i++)
        if (pr_args_given(a, own[i]))
            return pr_fail(e, PR_E_USAGE, "--%s belongs to 'proctor skills generate'", own[i]);
    if (a->n_positional && !pr_args_given(a, "count"))
        return pr_fail(e, PR_E_USAGE, "--count is missing: how many problems are wanted?");
    return PR_OK;
}

static int run(const struct pr_args *a)
{
    struct wanted w = {0};
    struct pr_error e;
    int status;
    enum pr_code code = check_use(a, &e);
    if (!code)
        code = read_skills(a, &w, &e);
    if (!code)
        code = read_difficulties(pr_args_text(a, "difficulty"), &w, &e);
    if (code) {
        pr_say("skills", "%s", e.message);
        status = PR_EXIT_USAGE;
    } else {
        status = a->n_positional ? generate(a, &w) : list();
    }
    pr_free(w.skills);
    return status;
}

static const struct pr_option options[] = {
    {"count", "N", "how many problems, spread evenly over skills and difficulties", NULL,
        PR_OPT_INT, 1, 100000000},
    {"seed", "S", "the same seed gives the same problems, everywhere and in every release", "0",
        PR_OPT_INT, 0, 9e15},
    {"skill", "NAME", "one skill; may be given several times (default: all)", NULL, PR_OPT_LIST},
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
    {"out", "FILE", "write here instead of stdout; the file appears when it is complete", NULL,
        PR_OPT_TEXT},
};

const struct pr_command pr_command_skills = {
    .name = "skills",
    .summary = "make problems with verified answers",
    .arguments = "[generate --count N]",
    .about =
        "Lists the skills that proctor can make problems of and whose answers it can verify. "
        "With 'generate' it writes distinct problems as JSON Lines, examples of an exam and "
        "of training alike: {\"id\",\"prompt\",\"golden\",\"skill\",\"difficulty\",\"check\"}. "
        "Where fewer exist than were asked for, all of them are written and that is said.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 1,
    .examples = {{"What there is", "proctor skills"},
        {"An exam",
            "proctor skills generate --count 300 --seed 1 --out data/validation/skills.jsonl"},
        {"Training data that shares no question with it",
            "proctor skills generate --count 20000 --seed 2 --exclude "
            "data/validation/skills.jsonl --out train.jsonl"}},
    .run = run,
};
