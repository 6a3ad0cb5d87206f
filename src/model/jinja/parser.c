/* Statements: tokens to a list of nodes, and the helpers that both halves of the parser use. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/jinja/ast.h"

bool j_tok_is(const struct jtoken *t, enum jtok type, const char *text)
{
    if (t->type != type)
        return false;
    return type == JT_OP ? !strcmp(t->op, text) : j_is_str(t->value, text);
}

void j_next(struct jparser *p)
{
    if (p->at + 1 < p->t.n)
        p->at++;
    p->c->line = j_cur(p)->line;
}

bool j_skip(struct jparser *p, enum jtok type, const char *text)
{
    if (!j_tok_is(j_cur(p), type, text))
        return false;
    j_next(p);
    return true;
}

static const char *describe(struct jparser *p, const struct jtoken *t)
{
    static const char *const names[] = {[JT_DATA] = "text",
        [JT_VAR_BEGIN] = "{{",
        [JT_VAR_END] = "}}",
        [JT_BLOCK_BEGIN] = "{%",
        [JT_BLOCK_END] = "%}",
        [JT_STRING] = "a string",
        [JT_INT] = "a number",
        [JT_FLOAT] = "a number",
        [JT_EOF] = "end of template"};
    if (t->type == JT_NAME)
        return j_show(p->c, t->value.s);
    return t->type == JT_OP ? t->op : names[t->type];
}

void j_syntax(struct jparser *p, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    p->c->line = j_cur(p)->line;
    j_fail(p->c, PR_E_FORMAT, "%s (at '%s')", text, describe(p, j_cur(p)));
}

void j_unexpected(struct jparser *p)
{
    p->c->line = j_cur(p)->line;
    j_fail(p->c, PR_E_FORMAT, "unexpected '%s'", describe(p, j_cur(p)));
}

void j_expect(struct jparser *p, enum jtok type, const char *text)
{
    bool fine =
        type == JT_NAME || type == JT_OP ? j_tok_is(j_cur(p), type, text) : j_cur(p)->type == type;
    if (!fine)
        j_syntax(p, "expected '%s'", text);
    j_next(p);
}

const struct jstr *j_expect_name(struct jparser *p)
{
    if (j_cur(p)->type != JT_NAME)
        j_syntax(p, "expected a name");
    const struct jstr *name = j_cur(p)->value.s;
    j_next(p);
    return name;
}

/* --- bodies --- */

static void parse_statement(struct jparser *p, struct jnode *owner, struct jnodes *out);

static bool at_end_tag(struct jparser *p, const char *const *ends)
{
    for (; ends && *ends; ends++)
        if (j_tok_is(j_cur(p), JT_NAME, *ends))
            return true;
    return false;
}

static _Noreturn void end_of_template(struct jparser *p, const char *const *ends)
{
    p->c->line = j_cur(p)->line;
    j_fail(p->c, PR_E_FORMAT, "Unexpected end of template, looking for '%s'", *ends);
}

/* Up to an end tag, whose name is then current; to the end of the template when ends is NULL. */
static void parse_nodes(
    struct jparser *p, struct jnode *owner, struct jnodes *out, const char *const *ends)
{
    for (;;) {
        unsigned line = j_cur(p)->line;
        switch (j_cur(p)->type) {
        case JT_DATA: {
            struct jnode *n = j_node(p, JN_DATA, line, NULL, NULL, NULL);
            n->value = j_cur(p)->value;
            j_push(p, owner, out, n);
            j_next(p);
            break;
        }
        case JT_VAR_BEGIN:
            j_next(p);
            j_push(p, owner, out,
                j_node(p, JN_OUTPUT, line, j_parse_tuple(p, false, true, false), NULL, NULL));
            j_expect(p, JT_VAR_END, "}}");
            break;
        case JT_BLOCK_BEGIN:
            j_next(p);
            if (at_end_tag(p, ends))
                return;
            parse_statement(p, owner, out);
            j_expect(p, JT_BLOCK_END, "%}");
            break;
        default:
            if (ends)
                end_of_template(p, ends);
            return;
        }
    }
}

static void parse_body(
    struct jparser *p, struct jnode *owner, struct jnodes *out, const char *const *ends)
{
    j_nest(p);
    j_skip(p, JT_OP, ":");
    j_expect(p, JT_BLOCK_END, "%}");
    parse_nodes(p, owner, out, ends);
    p->nesting--;
}

/* A body with a single end tag, which is consumed. */
static void parse_closed_body(
    struct jparser *p, struct jnode *owner, struct jnodes *out, const char *end)
{
    const char *const ends[] = {end, NULL};
    parse_body(p, owner, out, ends);
    j_next(p);
}

/* The body of a function of its own: break and continue do not reach out of it. */
static void parse_function_body(
    struct jparser *p, struct jnode *owner, struct jnodes *out, const char *end)
{
    unsigned loops = p->loop_depth;
    p->loop_depth = 0;
    parse_closed_body(p, owner, out, end);
    p->loop_depth = loops;
}

/* --- targets --- */

static void set_ctx(struct jparser *p, struct jnode *n, enum jnamectx ctx)
{
    if (n->kind == JN_TUPLE) {
        for (size_t i = 0; i < n->list.n; i++)
            set_ctx(p, n->list.v[i], ctx);
        return;
    }
    if (n->kind != JN_NAME)
        j_syntax(p, "can't assign to this expression");
    n->ctx = (uint8_t)ctx;
    if (ctx == J_STORE && j_is_str((struct jv){.type = J_STR, .s = n->name}, "loop"))
        p->loop_stores++;
}

static struct jnode *parse_target(struct jparser *p, enum jnamectx ctx)
{
    struct jnode *n = j_parse_tuple(p, true, true, false);
    set_ctx(p, n, ctx);
    return n;
}

static struct jnode *name_target(struct jparser *p, enum jnamectx ctx)
{
    struct jnode *n = j_node(p, JN_NAME, j_cur(p)->line, NULL, NULL, NULL);
    static const char *const reserved[] = {"true", "True", "false", "False", "none", "None"};
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (j_tok_is(j_cur(p), JT_NAME, reserved[i]))
            j_syntax(p, "can't assign to a constant");
    n->name = j_expect_name(p);
    set_ctx(p, n, ctx);
    return n;
}

static struct jnode *clone_target(struct jparser *p, const struct jnode *n)
{
    struct jnode *copy = j_node(p, n->kind, n->line, NULL, NULL, NULL);
    copy->name = n->name;
    copy->ctx = n->ctx;
    for (size_t i = 0; i < n->list.n; i++)
        j_push(p, copy, &copy->list, clone_target(p, n->list.v[i]));
    return copy;
}

/* --- statements: each begins after its name --- */

static struct jnode *parse_for(struct jparser *p, unsigned line)
{
    size_t stores = p->loop_stores;
    struct jnode *n = j_node(p, JN_FOR, line, NULL, NULL, NULL);
    n->a = parse_target(p, J_STORE);
    j_expect(p, JT_NAME, "in");
    n->b = j_parse_tuple(p, false, false, false);
    if (j_skip(p, JT_NAME, "if")) {
        n->c = j_parse_expression(p, true);
        n->test_target = clone_target(p, n->a);
    }
    n->recursive = j_skip(p, JT_NAME, "recursive");
    unsigned loops = p->loop_depth;
    p->loop_depth = n->recursive ? 1 : loops + 1;
    static const char *const ends[] = {"endfor", "else", NULL};
    parse_body(p, n, &n->list, ends);
    p->loop_depth = n->recursive ? 0 : loops;
    bool has_else = j_tok_is(j_cur(p), JT_NAME, "else");
    j_next(p);
    if (has_else)
        parse_closed_body(p, n, &n->list2, "endfor");
    p->loop_depth = loops;
    if (p->loop_stores != stores)
        j_fail(p->c, PR_E_FORMAT, "Can't assign to special loop variable in for-loop target");
    return n;
}

static struct jnode *parse_if(struct jparser *p, unsigned line)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    struct jnode *result = j_node(p, JN_IF, line, NULL, NULL, NULL), *n = result;
    for (;;) {
        n->a = j_parse_tuple(p, false, false, false);
        parse_body(p, n, &n->list, ends);
        if (n->a->height >= n->height)
            n->height = n->a->height + 1;
        if (n != result)
            j_push(p, result, &result->list2, n);
        if (!j_tok_is(j_cur(p), JT_NAME, "elif"))
            break;
        n = j_node(p, JN_IF, j_cur(p)->line, NULL, NULL, NULL);
        j_next(p);
    }
    bool has_else = j_tok_is(j_cur(p), JT_NAME, "else");
    j_next(p);
    if (has_else)
        parse_closed_body(p, result, &result->list3, "endif");
    return result;
}

static struct jnode *parse_set(struct jparser *p, unsigned line)
{
    struct jnode *target;
    if (j_tok_is(j_cur(p) + (j_cur(p)->type != JT_EOF), JT_OP, ".")) {
        target = j_node(p, JN_NSREF, j_cur(p)->line, NULL, NULL, NULL);
        target->name = j_expect_name(p);
        j_next(p);
        target->attr = j_expect_name(p);
    } else {
        target = parse_target(p, J_STORE);
    }
    if (j_skip(p, JT_OP, "="))
        return j_node(p, JN_SET, line, target, j_parse_tuple(p, false, true, false), NULL);
    struct jnode *filter = j_parse_filters(p, NULL, false);
    struct jnode *n = j_node(p, JN_SETBLOCK, line, target, filter, NULL);
    parse_closed_body(p, n, &n->list, "endset");
    return n;
}

static void parse_signature(struct jparser *p, struct jnode *n)
{
    j_expect(p, JT_OP, "(");
    while (!j_tok_is(j_cur(p), JT_OP, ")")) {
        if (n->list.n)
            j_expect(p, JT_OP, ",");
        struct jnode *param = name_target(p, J_PARAM);
        for (size_t i = 0; i < n->list.n; i++)
            if (n->list.v[i]->name->len == param->name->len &&
                !memcmp(n->list.v[i]->name->data, param->name->data, param->name->len))
                j_syntax(p, "duplicate argument '%s'", j_show(p->c, param->name));
        if (j_skip(p, JT_OP, "="))
            j_push(p, n, &n->list2, j_parse_expression(p, true));
        else if (n->list2.n)
            j_syntax(p, "non-default argument follows default argument");
        j_push(p, n, &n->list, param);
    }
    j_next(p);
}

static struct jnode *parse_macro(struct jparser *p, unsigned line)
{
    struct jnode *n = j_node(p, JN_MACRO, line, NULL, NULL, NULL);
    n->name = name_target(p, J_STORE)->name;
    parse_signature(p, n);
    parse_function_body(p, n, &n->list3, "endmacro");
    return n;
}

static struct jnode *parse_call_block(struct jparser *p, unsigned line)
{
    struct jnode *n = j_node(p, JN_CALLBLOCK, line, NULL, NULL, NULL);
    if (j_tok_is(j_cur(p), JT_OP, "("))
        parse_signature(p, n);
    n->a = j_parse_expression(p, true);
    if (n->a->kind != JN_CALL)
        j_syntax(p, "expected call");
    if (n->a->height >= n->height)
        n->height = n->a->height + 1;
    parse_function_body(p, n, &n->list3, "endcall");
    return n;
}

/* transformers' own tag, which marks what the assistant wrote: its body, in a scope of its own. */
static struct jnode *parse_generation(struct jparser *p, unsigned line)
{
    struct jnode *n = j_node(p, JN_CALLBLOCK, line, NULL, NULL, NULL);
    parse_function_body(p, n, &n->list3, "endgeneration");
    return n;
}

static struct jnode *parse_filter_block(struct jparser *p, unsigned line)
{
    struct jnode *n = j_node(p, JN_FILTERBLOCK, line, j_parse_filters(p, NULL, true), NULL, NULL);
    parse_closed_body(p, n, &n->list, "endfilter");
    return n;
}

static struct jnode *parse_with(struct jparser *p, unsigned line)
{
    struct jnode *n = j_node(p, JN_WITH, line, NULL, NULL, NULL);
    while (j_cur(p)->type != JT_BLOCK_END) {
        if (n->list.n)
            j_expect(p, JT_OP, ",");
        j_push(p, n, &n->list, parse_target(p, J_PARAM));
        j_expect(p, JT_OP, "=");
        j_push(p, n, &n->list2, j_parse_expression(p, true));
    }
    parse_closed_body(p, n, &n->list3, "endwith");
    return n;
}

static struct jnode *loop_control(struct jparser *p, enum jkind kind, unsigned line)
{
    if (!p->loop_depth)
        j_fail(p->c, PR_E_FORMAT, "'%s' outside loop", kind == JN_BREAK ? "break" : "continue");
    return j_node(p, kind, line, NULL, NULL, NULL);
}

static struct jnode *parse_break(struct jparser *p, unsigned line)
{
    return loop_control(p, JN_BREAK, line);
}

static struct jnode *parse_continue(struct jparser *p, unsigned line)
{
    return loop_control(p, JN_CONTINUE, line);
}

/* To add a statement: a line here, its node kind in ast.h, its place in scope.c and exec.c. */
static const struct {
    const char *name;
    struct jnode *(*parse)(struct jparser *p, unsigned line); /* NULL: not supported */
} statements[] = {
    {"for", parse_for},
    {"if", parse_if},
    {"set", parse_set},
    {"macro", parse_macro},
    {"call", parse_call_block},
    {"filter", parse_filter_block},
    {"with", parse_with},
    {"break", parse_break},
    {"continue", parse_continue},
    {"generation", parse_generation},
    {"autoescape", NULL},
    {"block", NULL},
    {"extends", NULL},
    {"from", NULL},
    {"import", NULL},
    {"include", NULL},
};

static void parse_print(struct jparser *p, struct jnode *owner, struct jnodes *out)
{
    bool first = true;
    while (j_cur(p)->type != JT_BLOCK_END) {
        if (!first)
            j_expect(p, JT_OP, ",");
        first = false;
        j_push(p, owner, out,
            j_node(p, JN_OUTPUT, j_cur(p)->line, j_parse_expression(p, true), NULL, NULL));
    }
}

static void parse_statement(struct jparser *p, struct jnode *owner, struct jnodes *out)
{
    if (j_cur(p)->type != JT_NAME)
        j_syntax(p, "tag name expected");
    unsigned line = p->c->line = j_cur(p)->line;
    if (j_skip(p, JT_NAME, "print")) {
        parse_print(p, owner, out);
        return;
    }
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        if (!j_tok_is(j_cur(p), JT_NAME, statements[i].name))
            continue;
        if (!statements[i].parse)
            j_fail(p->c, PR_E_UNSUPPORTED, "the statement '%s' is not supported in chat templates",
                statements[i].name);
        j_next(p);
        struct jnode *n = statements[i].parse(p, line);
        for (int k = 0; k < 3; k++) { /* children set after the node was made */
            const struct jnode *child = k == 0 ? n->a : k == 1 ? n->b : n->c;
            if (child && child->height >= n->height)
                n->height = child->height + 1;
        }
        j_push(p, owner, out, n);
        return;
    }
    j_fail(p->c, PR_E_FORMAT, "Encountered unknown tag '%s'.", describe(p, j_cur(p)));
}

void j_parse(struct jctx *c, const char *source, size_t n, struct jnodes *ret)
{
    struct jparser p = {.c = c};
    j_lex(c, source, n, &p.t);
    parse_nodes(&p, NULL, ret, NULL);
}
