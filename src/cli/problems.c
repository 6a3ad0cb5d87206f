/* Lines of problems, and the problems of skills from outside. */
#include "cli/problems.h"

#include <stdio.h>
#include <string.h>

#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "cli/term.h"

#define MAX_LINE ((size_t)2 << 20)
#define ROUNDS   10 /* requests to a cell that repeats itself */

static void put_turn(struct pr_str *out, const char *role, const char *text)
{
    pr_str_printf(out, "{\"role\":\"%s\"", role);
    pr_row_put_text(out, "content", text, strlen(text));
    pr_str_putc(out, '}');
}

static void put_row(struct pr_str *out, const struct pr_problem_row *r, bool messages)
{
    pr_str_printf(out, "{\"id\":\"%s\"", r->id);
    if (messages) {
        pr_str_puts(out, ",\"messages\":[");
        put_turn(out, "user", r->prompt);
        pr_str_putc(out, ',');
        put_turn(out, "assistant", r->golden);
        pr_str_putc(out, ']');
    } else {
        pr_row_put_text(out, "prompt", r->prompt, strlen(r->prompt));
        pr_row_put_text(out, "golden", r->golden, strlen(r->golden));
    }
    pr_str_printf(out, ",\"skill\":\"%s\",\"difficulty\":\"%s\",\"level\":%d%s}", r->skill,
        pr_difficulty_name(r->difficulty), r->level, r->verifier ? ",\"check\":\"verifier\"" : "");
}

bool pr_problem_put(struct pr_problem_sink *s, const struct pr_problem_row *row)
{
    struct pr_str line = PR_STR_INIT(MAX_LINE);
    bool open = true;
    put_row(&line, row, s->messages);
    if (s->file) {
        pr_str_append(s->file, line.data, line.len);
        pr_str_putc(s->file, '\n');
    } else {
        open = pr_out_line(line.data, line.len);
    }
    s->n += open;
    pr_str_done(&line);
    return open;
}

/* ---- from outside -------------------------------------------------------------------------- */

static bool fits(const struct pr_levels *l, const struct pr_source_info *info, int level)
{
    return level >= l->lo && level <= l->hi && l->difficulties[pr_source_difficulty(info, level)];
}

enum pr_code pr_problems_outside_cells(struct pr_skill_source *const *v, size_t n,
    const struct pr_levels *levels, size_t *ret, struct pr_error *e)
{
    *ret = 0;
    for (size_t i = 0; i < n; i++) {
        struct pr_source_info info;
        enum pr_code code = pr_source_info(v[i], &info, e);
        if (code)
            return code;
        for (int level = 1; level <= info.n_levels; level++)
            *ret += fits(levels, &info, level);
    }
    return PR_OK;
}

/* Those of the answer that are new, up to count.  Returns false when stdout is closed. */
static bool put_new(const struct pr_source_problems *p, struct pr_problem_row row, const char *cell,
    size_t count, struct pr_generator *g, struct pr_problem_sink *sink, size_t *made)
{
    for (size_t i = 0; i < p->n && *made < count; i++) {
        char id[128];
        row.prompt = p->v[i].prompt;
        row.golden = p->v[i].golden;
        if (!pr_generator_claim(g, row.prompt, strlen(row.prompt)))
            continue;
        pr_problem_id_of(cell, row.prompt, 1, id);
        row.id = id;
        if (!pr_problem_put(sink, &row))
            return false;
        ++*made;
    }
    return true;
}

/* One skill at one level: asked again, with another seed, where problems came before. */
static enum pr_code put_cell(struct pr_skill_source *s, const struct pr_source_info *info,
    int level, size_t count, uint64_t seed, struct pr_generator *g, struct pr_problem_sink *sink,
    struct pr_error *e)
{
    struct pr_problem_row row = {.skill = pr_source_name(s),
        .difficulty = pr_source_difficulty(info, level),
        .level = level};
    char name[32], cell[64];
    struct pr_rng rng;
    size_t made = 0;
    enum pr_code code = PR_OK;
    snprintf(name, sizeof name, "level %d", level);
    snprintf(cell, sizeof cell, "%.40s-%d", row.skill, level);
    pr_rng_seed(&rng, pr_cell_seed(seed, row.skill, name));
    for (int i = 0; !code && i < ROUNDS && made < count && !pr_interrupted(); i++) {
        struct pr_source_problems p = {0};
        size_t wanted = count - made;
        code = pr_source_generate(s, wanted, level, pr_rng_u64(&rng) >> 11, &p, e);
        bool more = !code && p.n == wanted;
        bool open = put_new(&p, row, cell, count, g, sink, &made);
        pr_source_problems_done(&p);
        if (!open || !more)
            break;
    }
    if (!code && made < count && pr_out_open() && !pr_interrupted())
        pr_say("generate", "%s, level %d: %zu problems instead of %zu came", row.skill, level, made,
            count);
    return code;
}

enum pr_code pr_problems_outside(struct pr_skill_source *const *v, size_t n,
    const struct pr_levels *levels, size_t count, uint64_t seed, struct pr_generator *g,
    struct pr_problem_sink *sink, struct pr_error *e)
{
    size_t cells, place = 0;
    enum pr_code code = pr_problems_outside_cells(v, n, levels, &cells, e);
    for (size_t i = 0; !code && i < n; i++) {
        struct pr_source_info info;
        code = pr_source_info(v[i], &info, e);
        for (int level = 1; !code && level <= info.n_levels; level++) {
            if (!fits(levels, &info, level))
                continue;
            size_t share = count / cells + (place++ < count % cells);
            if (share && pr_out_open() && !pr_interrupted())
                code = put_cell(v[i], &info, level, share, seed, g, sink, e);
        }
    }
    return code;
}
