/* proctor skills: the skills there are, with examples. */
#include <string.h>

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/term.h"
#include "daemon/config.h"
#include "daemon/skill_sources.h"
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

static enum pr_code read_sources(
    const struct pr_args *a, struct pr_skill_source ***ret, size_t *ret_n, struct pr_error *e)
{
    struct pr_config c;
    char *base = pr_config_base_dir(pr_args_text(a, "base-dir"));
    enum pr_code code = pr_config_load(base, &c, e);
    pr_free(base);
    if (code)
        return code;
    code = pr_skill_sources_of(&c, ret, ret_n, e);
    pr_config_done(&c);
    return code;
}

/* The first problem with seed 1. */
static enum pr_code put_outside_sample(
    struct pr_skill_source *s, int level, struct pr_str *out, struct pr_error *e)
{
    struct pr_source_problems p = {0};
    enum pr_code code = pr_source_generate(s, 1, level, 1, &p, e);
    if (p.n) { /* made harmless: it may be anything */
        pr_term_clean(out, p.v[0].prompt, strlen(p.v[0].prompt), 0);
        pr_str_puts(out, " → ");
        pr_term_clean(out, p.v[0].golden, strlen(p.v[0].golden), 0);
    }
    pr_source_problems_done(&p);
    return code;
}

/* Programs and servers of proctor.yaml; what does not answer is said and left out. */
static void list_outside(const struct pr_args *a, struct pr_table *t)
{
    struct pr_skill_source **v = NULL;
    struct pr_error e;
    size_t n = 0;
    if (read_sources(a, &v, &n, &e))
        pr_say("skills", "%s", e.message);
    for (size_t i = 0; i < n; i++) {
        struct pr_str sample = PR_STR_INIT(4 * MAX_LINE);
        struct pr_source_info info;
        if (pr_source_info(v[i], &info, &e) || put_outside_sample(v[i], 1, &sample, &e)) {
            pr_say("skills", "%s", e.message);
        } else {
            pr_table_cell(t, pr_source_name(v[i]), 0);
            pr_table_cellf(t, "%d", info.n_levels);
            pr_table_cell(t, info.summary, 0);
            pr_table_cell(t, pr_str_cstr(&sample), 0);
        }
        pr_str_done(&sample);
    }
    pr_skill_sources_free(v, n);
}

static int list(const struct pr_args *a)
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
    list_outside(a, &t);
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

static int unknown(const char *name, struct pr_skill_source *const *v, size_t n)
{
    struct pr_str known = PR_STR_INIT(8192);
    pr_skill_names(&known);
    for (size_t i = 0; i < n; i++)
        pr_str_printf(&known, ", %s", pr_source_name(v[i]));
    pr_say("skills", "there is no skill '%s', there are %s", name, pr_str_cstr(&known));
    pr_str_done(&known);
    return PR_EXIT_USAGE;
}

static int show_outside(const struct pr_args *a)
{
    struct pr_skill_source **v = NULL, *s;
    struct pr_source_info info;
    struct pr_error e;
    size_t n = 0;
    struct pr_str out = PR_STR_INIT(64 << 20);
    enum pr_code code = read_sources(a, &v, &n, &e);
    int status = PR_EXIT_REFUSED;
    if (!code && !(s = pr_skill_sources_find(v, n, a->positional[0]))) {
        status = unknown(a->positional[0], v, n);
        goto out;
    }
    if (!code)
        code = pr_source_info(s, &info, &e);
    if (!code)
        pr_str_printf(&out, "%s: ", pr_source_name(s));
    if (!code)
        pr_term_clean(&out, info.summary, strlen(info.summary), 0);
    pr_str_puts(&out, "\n");
    for (int level = 1; !code && level <= info.n_levels; level++) {
        pr_str_printf(
            &out, "%2d %-6s  ", level, pr_difficulty_name(pr_source_difficulty(&info, level)));
        code = put_outside_sample(s, level, &out, &e);
        pr_str_putc(&out, '\n');
    }
    if (code)
        pr_say("skills", "%s", e.message);
    else
        status = put_text(&out);
out:
    pr_str_done(&out);
    pr_skill_sources_free(v, n);
    return status;
}

static int run(const struct pr_args *a)
{
    const struct pr_skill *s = a->n_positional ? pr_skill_find(a->positional[0]) : NULL;
    return !a->n_positional ? list(a) : s ? show(s) : show_outside(a);
}

static const struct pr_option options[] = {PR_OPTION_BASE_DIR};

const struct pr_command pr_command_skills = {
    .name = "skills",
    .summary = "list the skills that problems can be made of",
    .arguments = "[NAME]",
    .about = "Lists the skills that proctor can make problems of and whose answers it can verify; "
             "with a name, an example of each of its levels. Those that proctor.yaml names under "
             "skills.programs and skills.servers follow proctor's own. 'proctor generate' makes "
             "problems.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 1,
    .examples = {{"What there is", "proctor skills"},
        {"The levels of one", "proctor skills arithmetic"}},
    .run = run,
};
