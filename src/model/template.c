/* Chat templates: compile once, render often.  Everything of a compile lies in the template's
 * arena, everything of a render in an arena that is dropped at its end. */
#include "model/template.h"

#include <string.h>

#include "base/utf8.h"
#include "model/jinja/ast.h"

#define COMPILE_MEMORY ((size_t)256 << 20)
#define COMPILE_STEPS  50000000u
#define RENDER_MEMORY  ((size_t)512 << 20)
#define RENDER_STEPS   20000000u
#define RENDER_OUTPUT  ((size_t)16 << 20)
#define MAX_SOURCE     ((size_t)8 << 20)

static void compile(struct jctx *c, struct pr_template *t, const char *source, size_t n)
{
    j_parse(c, source, n, &t->body);
    j_resolve_names(c, t);
}

enum pr_code pr_template_compile(
    const char *source, size_t n, struct pr_template **ret, struct pr_error *e)
{
    struct pr_error local;
    if (n > MAX_SOURCE)
        return pr_fail(
            e, PR_E_LIMIT, "a template of %zu bytes, at most %zu are taken", n, MAX_SOURCE);
    size_t good = pr_utf8_valid_prefix(source, n);
    if (good < n)
        return pr_fail_at(e, PR_E_FORMAT, (int64_t)good, "the template is not valid UTF-8");
    struct pr_template *t = pr_zalloc(sizeof *t);
    t->c = pr_zalloc(sizeof *t->c);
    t->c->mem_max = COMPILE_MEMORY;
    t->c->steps_max = COMPILE_STEPS;
    t->c->line = 1;
    t->c->e = e ? e : &local;
    if (setjmp(t->c->fail)) {
        enum pr_code code = t->c->code;
        pr_template_free(t);
        return code;
    }
    compile(t->c, t, source, n);
    t->c->e = NULL;
    *ret = t;
    return PR_OK;
}

void pr_template_free(struct pr_template *t)
{
    if (!t)
        return;
    pr_arena_done(&t->c->arena);
    pr_free(t->c);
    pr_free(t);
}

static void render(struct jctx *c, const json_t *vars)
{
    struct jv v = json_is_object(vars) ? j_from_json(c, vars)
                                       : (struct jv){.type = J_DICT, .d = j_dict_new(c)};
    c->vars = v.d;
    j_exec_template(c);
}

enum pr_code pr_template_render(const struct pr_template *t, const json_t *vars,
    const struct pr_template_options *options, struct pr_str *out, struct pr_error *e)
{
    static const struct pr_template_options none;
    struct pr_error local;
    if (!options)
        options = &none;
    struct jctx *c = pr_zalloc(sizeof *c);
    struct jbuf text = {0};
    c->t = t;
    c->e = e ? e : &local;
    c->now_utc_ms = options->now_utc_ms;
    c->max_output = options->max_output ? options->max_output : RENDER_OUTPUT;
    c->steps_max = options->max_steps ? options->max_steps : RENDER_STEPS;
    c->mem_max = RENDER_MEMORY;
    c->out = &text;
    enum pr_code code = PR_OK;
    if (setjmp(c->fail))
        code = c->code;
    else
        render(c, vars);
    if (code == PR_OK) {
        bool was_over = out->over;
        out->over = false;
        pr_str_append(out, text.data, text.len);
        if (out->over)
            code = pr_fail(e, PR_E_LIMIT, "the template's output passes %zu bytes", out->max);
        out->over |= was_over;
    }
    pr_arena_done(&c->arena);
    pr_free(c);
    return code;
}
