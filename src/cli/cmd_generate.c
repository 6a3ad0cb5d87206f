/* proctor generate: problems of skills as JSON Lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/problems.h"
#include "cli/term.h"
#include "daemon/config.h"
#include "daemon/skill_sources.h"
#include "exam/suite.h"
#include "skills/generate.h"

#define MAX_TEXT ((size_t)1 << 34)

/* ---- what is asked for ---- */

struct wanted {
    const struct pr_skill **skills; /* owned; ours */
    size_t n_skills;
    struct pr_skill_source **sources; /* owned: all that proctor.yaml names */
    size_t n_sources;
    struct pr_skill_source **outside; /* owned; those of them that are wanted */
    size_t n_outside;                 /* 0 of both kinds: all of ours */
    struct pr_levels levels;
};

static void free_wanted(struct wanted *w)
{
    pr_free(w->skills);
    pr_free(w->outside);
    pr_skill_sources_free(w->sources, w->n_sources);
}

/* proctor.yaml is read for the first skill that is none of ours. */
static enum pr_code find_outside(const struct pr_args *a, struct wanted *w, const char *name,
    struct pr_skill_source **ret, struct pr_error *e)
{
    struct pr_config c;
    char *base = pr_config_base_dir(pr_args_text(a, "base-dir"));
    enum pr_code code = w->sources ? PR_OK : pr_config_load(base, &c, e);
    pr_free(base);
    if (!w->sources && !code) {
        code = pr_skill_sources_of(&c, &w->sources, &w->n_sources, e);
        pr_config_done(&c);
    }
    if (code)
        return code;
    *ret = pr_skill_sources_find(w->sources, w->n_sources, name);
    if (*ret)
        return PR_OK;
    struct pr_str known = PR_STR_INIT(8192);
    pr_skill_names(&known);
    for (size_t i = 0; i < w->n_sources; i++)
        pr_str_printf(&known, ", %s", pr_source_name(w->sources[i]));
    pr_fail(e, PR_E_USAGE, "--skill: there is no '%s', there are %s", name, pr_str_cstr(&known));
    pr_str_done(&known);
    return PR_E_USAGE;
}

static bool holds(const void *const *v, size_t n, const void *x)
{
    bool found = false;
    for (size_t i = 0; i < n; i++)
        found = found || v[i] == x;
    return found;
}

static enum pr_code read_skills(const struct pr_args *a, struct wanted *w, struct pr_error *e)
{
    size_t n;
    const char *const *names = pr_args_list(a, "skill", &n);
    w->skills = pr_zalloc((n + 1) * sizeof(void *));
    w->outside = pr_zalloc((n + 1) * sizeof(void *));
    for (size_t i = 0; i < n; i++) {
        const struct pr_skill *s = pr_skill_find(names[i]);
        struct pr_skill_source *source = NULL;
        enum pr_code code = s ? PR_OK : find_outside(a, w, names[i], &source, e);
        if (code)
            return code;
        if (s && !holds((const void *const *)w->skills, w->n_skills, s))
            w->skills[w->n_skills++] = s;
        if (source && !holds((const void *const *)w->outside, w->n_outside, source))
            w->outside[w->n_outside++] = source;
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
    if (!digits || *end || lo < 1 || hi < lo || hi > PR_SOURCE_MAX_LEVELS)
        return pr_fail(e, PR_E_USAGE,
            "--level: '%.40s' is no level from 1 to %d, nor two as in 2-5", text,
            PR_SOURCE_MAX_LEVELS);
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

/* Appends up to count problems of our own skills. */
static void put_problems(struct pr_generator *g, size_t count, struct pr_problem_sink *sink)
{
    struct pr_problem p;
    char id[128];
    for (size_t made = 0; made < count && !pr_interrupted() && pr_generator_next(g, &p); made++) {
        pr_problem_id(&p, id);
        const struct pr_problem_row row = {.id = id,
            .prompt = p.prompt,
            .golden = p.golden,
            .skill = p.skill->name,
            .difficulty = p.difficulty,
            .level = p.level,
            .verifier = true};
        if (!pr_problem_put(sink, &row))
            break;
    }
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

/* Ours first, then the others; every level of either has the same share. */
static enum pr_code put_all(const struct pr_args *a, const struct wanted *w, struct pr_generator *g,
    struct pr_problem_sink *sink, struct pr_error *e)
{
    size_t count = (size_t)pr_args_int(a, "count", 0), cells = 0, others = 0;
    if (w->n_skills || !w->n_outside)
        cells = pr_generator_cells(g);
    enum pr_code code = pr_problems_outside_cells(w->outside, w->n_outside, &w->levels, &others, e);
    if (code)
        return code;
    if (!cells && !others)
        return pr_fail(e, PR_E_USAGE, "none of these skills has such a level");
    size_t outside = !others  ? 0
                     : !cells ? count
                              : count / (cells + others) * others +
                                    count % (cells + others) * others / (cells + others);
    if (cells)
        put_problems(g, count - outside, sink);
    size_t own = sink->n;
    if (outside)
        code = pr_problems_outside(w->outside, w->n_outside, &w->levels, outside,
            (uint64_t)pr_args_int(a, "seed", 0), g, sink, e);
    if (!code && cells && !pr_interrupted() && pr_out_open() &&
        (own < count - outside || !pr_args_flag(a, "repeat")))
        say_empty_cells(g, own, count - outside);
    return code;
}

static int generate(const struct pr_args *a, const struct wanted *w)
{
    const char *path = pr_args_text(a, "out");
    struct pr_str file = PR_STR_INIT(MAX_TEXT);
    struct pr_problem_sink sink = {
        .file = path ? &file : NULL, .messages = pr_args_flag(a, "messages")};
    struct pr_error e;
    struct pr_generator *g = pr_generator_new((uint64_t)pr_args_int(a, "seed", 0),
        w->n_skills ? w->skills : NULL, w->n_skills, &w->levels);
    if (pr_args_flag(a, "repeat"))
        pr_generator_repeat(g);
    enum pr_code code = exclude(g, a, &e);
    if (!code)
        code = put_all(a, w, g, &sink, &e);
    if (!code && path && !pr_interrupted())
        code = file.over ? pr_fail(&e, PR_E_LIMIT, "%s would be larger than 16 GiB", path)
                         : pr_file_write_atomic(path, pr_str_cstr(&file), file.len, &e);
    if (code)
        pr_say("generate", "%s", e.message);
    pr_generator_free(g);
    pr_str_done(&file);
    return pr_out_status(code ? PR_EXIT_REFUSED : pr_interrupted() ? PR_EXIT_STOPPED : PR_EXIT_OK);
}

static int run(const struct pr_args *a)
{
    struct wanted w = {.levels = {1, PR_SOURCE_MAX_LEVELS, {false}}};
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
    free_wanted(&w);
    return status;
}

static const struct pr_option options[] = {
    {"count", "N", "how many problems, spread evenly over skills and levels", NULL, PR_OPT_INT, 1,
        100000000},
    {"seed", "S", "the same seed gives the same problems, everywhere and in every release", "0",
        PR_OPT_INT, 0, 9e15},
    {"skill", "NAME",
        "one skill, of proctor's own or one that proctor.yaml names; may be given several times "
        "(default: "
        "all of proctor's own)",
        NULL, PR_OPT_LIST},
    {"level", "N|LO-HI",
        "one level or a range of them; proctor's own skills have 3 or 10 (default: all)", NULL,
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
    PR_OPTION_BASE_DIR,
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
