/* proctor skills: the skills there are, with examples. */
#include <string.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/term.h"
#include "skills/skill.h"

#define MAX_LINE 65536

/* The first problem of a skill and a level with seed 1. */
static void put_sample(const struct pr_skill *s, int level, struct pr_str *out)
{
    struct pr_str prompt = PR_STR_INIT(MAX_LINE), golden = PR_STR_INIT(MAX_LINE);
    struct pr_rng rng;
    pr_rng_seed(&rng, 1);
    s->make(&rng, level, &prompt, &golden);
    pr_str_printf(out, "%s → %s", pr_str_cstr(&prompt), pr_str_cstr(&golden));
    pr_str_done(&prompt);
    pr_str_done(&golden);
}

static int put_text(struct pr_str *out)
{
    pr_out_text(pr_str_cstr(out), out->len);
    pr_str_done(out);
    return pr_out_status(PR_EXIT_OK);
}

static int list(void)
{
    static const char *const headings[] = {
        "<skill", "levels", "<what is asked", "<for example, at the first level"};
    struct pr_str out = PR_STR_INIT(1 << 20);
    struct pr_table t;
    size_t n;
    const struct pr_skill *const *skills = pr_skills(&n);
    pr_table_init(&t, 4, headings);
    for (size_t i = 0; i < n; i++) {
        struct pr_str sample = PR_STR_INIT(2 * MAX_LINE);
        put_sample(skills[i], 1, &sample);
        pr_table_cell(&t, skills[i]->name, 0);
        pr_table_cellf(&t, "%d", skills[i]->n_levels);
        pr_table_cell(&t, skills[i]->summary, 0);
        pr_table_cell(&t, pr_str_cstr(&sample), 0);
        pr_str_done(&sample);
    }
    pr_table_finish(&t, &out);
    return put_text(&out);
}

/* A level a line, whole: examples may be long. */
static int show(const struct pr_skill *s)
{
    struct pr_str out = PR_STR_INIT(1 << 20);
    pr_str_printf(&out, "%s: %s\n", s->name, s->summary);
    for (int level = 1; level <= s->n_levels; level++) {
        pr_str_printf(&out, "%2d %-6s  ", level, pr_difficulty_name(pr_skill_difficulty(s, level)));
        put_sample(s, level, &out);
        pr_str_putc(&out, '\n');
    }
    return put_text(&out);
}

static int run(const struct pr_args *a)
{
    if (!a->n_positional)
        return list();
    const struct pr_skill *s = pr_skill_find(a->positional[0]);
    if (s)
        return show(s);
    struct pr_str known = PR_STR_INIT(4096);
    pr_skill_names(&known);
    pr_say("skills", "there is no skill '%s', there are %s", a->positional[0], pr_str_cstr(&known));
    pr_str_done(&known);
    return PR_EXIT_USAGE;
}

const struct pr_command pr_command_skills = {
    .name = "skills",
    .summary = "list the skills that problems can be made of",
    .arguments = "[NAME]",
    .about = "Lists the skills that proctor can make problems of and whose answers it can verify; "
             "with a name, an example of each of its levels. 'proctor generate' makes problems.",
    .max_args = 1,
    .examples = {{"What there is", "proctor skills"},
        {"The levels of one", "proctor skills arithmetic"}},
    .run = run,
};
