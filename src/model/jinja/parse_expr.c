/* Expressions: Jinja's grammar by recursive descent, in its own order of precedence (which is not
 * quite Python's: ** groups to the left and binds weaker than a sign, ~ lies between + and *). */
#include <string.h>

#include "model/jinja/ast.h"

struct jnode *j_node(struct jparser *p, enum jkind kind, unsigned line, struct jnode *a,
    struct jnode *b, struct jnode *c)
{
    struct jnode *n = j_alloc(p->c, sizeof *n);
    n->kind = kind;
    n->line = line;
    n->a = a;
    n->b = b;
    n->c = c;
    struct jnode *const children[] = {a, b, c};
    for (int i = 0; i < 3; i++)
        if (children[i] && children[i]->height >= n->height)
            n->height = children[i]->height + 1;
    if (n->height > J_MAX_HEIGHT)
        j_fail(p->c, PR_E_LIMIT, "an expression nested more than %d levels deep", J_MAX_HEIGHT);
    return n;
}

void j_push(struct jparser *p, struct jnode *owner, struct jnodes *list, struct jnode *child)
{
    if (owner && child->height >= owner->height)
        owner->height = child->height + 1;
    if (child->height >= J_MAX_HEIGHT)
        j_fail(p->c, PR_E_LIMIT, "nested more than %d levels deep", J_MAX_HEIGHT);
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 4;
        struct jnode **fresh = j_array(p->c, cap, sizeof *fresh);
        if (list->n)
            memcpy(fresh, list->v, list->n * sizeof *fresh);
        list->v = fresh;
        list->cap = cap;
    }
    list->v[list->n++] = child;
}

void j_nest(struct jparser *p)
{
    p->c->line = j_cur(p)->line;
    if (++p->nesting > J_MAX_NESTING)
        j_fail(p->c, PR_E_LIMIT, "nested more than %d levels deep", J_MAX_NESTING);
}

static bool op_is(struct jparser *p, const char *op)
{
    return j_tok_is(j_cur(p), JT_OP, op);
}

static struct jnode *constant(struct jparser *p, struct jv v)
{
    struct jnode *n = j_node(p, JN_CONST, j_cur(p)->line, NULL, NULL, NULL);
    n->value = v;
    return n;
}

static struct jnode *parse_name(struct jparser *p)
{
    static const struct {
        const char *name;
        struct jv value;
    } constants[] = {
        {"true", {.type = J_BOOL, .b = true}},
        {"True", {.type = J_BOOL, .b = true}},
        {"false", {.type = J_BOOL}},
        {"False", {.type = J_BOOL}},
        {"none", {.type = J_NONE}},
        {"None", {.type = J_NONE}},
    };
    struct jnode *n = constant(p, j_none());
    size_t i = 0, count = sizeof constants / sizeof *constants;
    while (i < count && !j_tok_is(j_cur(p), JT_NAME, constants[i].name))
        i++;
    if (i < count) {
        n->value = constants[i].value;
    } else {
        n->kind = JN_NAME;
        n->name = j_cur(p)->value.s;
    }
    j_next(p);
    return n;
}

static struct jnode *parse_strings(struct jparser *p)
{
    struct jnode *n = constant(p, j_cur(p)->value);
    j_next(p);
    if (j_cur(p)->type != JT_STRING)
        return n;
    struct jbuf b = {0};
    j_put(p->c, &b, n->value.s->data, n->value.s->len);
    for (; j_cur(p)->type == JT_STRING; j_next(p))
        j_put(p->c, &b, j_cur(p)->value.s->data, j_cur(p)->value.s->len);
    n->value = j_buf_str(p->c, &b);
    return n;
}

static struct jnode *parse_list(struct jparser *p)
{
    struct jnode *n = j_node(p, JN_LIST, j_cur(p)->line, NULL, NULL, NULL);
    j_next(p);
    while (!op_is(p, "]")) {
        if (n->list.n)
            j_expect(p, JT_OP, ",");
        if (op_is(p, "]"))
            break;
        j_push(p, n, &n->list, j_parse_expression(p, true));
    }
    j_next(p);
    return n;
}

static struct jnode *parse_dict(struct jparser *p)
{
    struct jnode *n = j_node(p, JN_DICT, j_cur(p)->line, NULL, NULL, NULL);
    j_next(p);
    while (!op_is(p, "}")) {
        if (n->list.n)
            j_expect(p, JT_OP, ",");
        if (op_is(p, "}"))
            break;
        struct jnode *key = j_parse_expression(p, true);
        j_expect(p, JT_OP, ":");
        struct jnode *value = j_parse_expression(p, true);
        j_push(p, n, &n->list, j_node(p, JN_PAIR, key->line, key, value, NULL));
    }
    j_next(p);
    return n;
}

struct jnode *j_parse_primary(struct jparser *p)
{
    struct jnode *n;
    j_nest(p);
    switch (j_cur(p)->type) {
    case JT_NAME:
        n = parse_name(p);
        break;
    case JT_STRING:
        n = parse_strings(p);
        break;
    case JT_INT:
    case JT_FLOAT:
        n = constant(p, j_cur(p)->value);
        j_next(p);
        break;
    default:
        if (op_is(p, "(")) {
            j_next(p);
            n = j_parse_tuple(p, false, true, true);
            j_expect(p, JT_OP, ")");
        } else if (op_is(p, "[")) {
            n = parse_list(p);
        } else if (op_is(p, "{")) {
            n = parse_dict(p);
        } else {
            j_unexpected(p);
        }
    }
    p->nesting--;
    return n;
}

/* Jinja means a loop's "in" and "recursive" to end a tuple too, but its check never matches. */
static bool tuple_end(struct jparser *p)
{
    enum jtok type = j_cur(p)->type;
    return type == JT_VAR_END || type == JT_BLOCK_END || op_is(p, ")");
}

struct jnode *j_parse_tuple(struct jparser *p, bool simplified, bool with_cond, bool parentheses)
{
    struct jnode *n = j_node(p, JN_TUPLE, j_cur(p)->line, NULL, NULL, NULL);
    bool comma = false;
    for (;;) {
        if (n->list.n)
            j_expect(p, JT_OP, ",");
        if (tuple_end(p))
            break;
        j_push(p, n, &n->list, simplified ? j_parse_primary(p) : j_parse_expression(p, with_cond));
        if (!op_is(p, ","))
            break;
        comma = true;
    }
    if (comma)
        return n;
    if (n->list.n)
        return n->list.v[0];
    if (!parentheses)
        j_syntax(p, "Expected an expression");
    return n;
}

/* --- what follows a primary: subscripts, calls, filters, tests --- */

static struct jnode *subscript_part(struct jparser *p)
{
    unsigned line = j_cur(p)->line;
    struct jnode *part[3] = {NULL, NULL, NULL};
    if (op_is(p, ":")) {
        j_next(p);
    } else {
        part[0] = j_parse_expression(p, true);
        if (!op_is(p, ":"))
            return part[0];
        j_next(p);
    }
    if (!op_is(p, ":") && !op_is(p, "]") && !op_is(p, ","))
        part[1] = j_parse_expression(p, true);
    if (op_is(p, ":")) {
        j_next(p);
        if (!op_is(p, "]") && !op_is(p, ","))
            part[2] = j_parse_expression(p, true);
    }
    return j_node(p, JN_SLICE, line, part[0], part[1], part[2]);
}

static struct jnode *parse_subscript(struct jparser *p, struct jnode *node)
{
    unsigned line = j_cur(p)->line;
    struct jnode *arg;
    if (j_skip(p, JT_OP, ".")) {
        if (j_cur(p)->type == JT_NAME) {
            struct jnode *n = j_node(p, JN_GETATTR, line, node, NULL, NULL);
            n->attr = j_cur(p)->value.s;
            j_next(p);
            return n;
        }
        if (j_cur(p)->type != JT_INT)
            j_syntax(p, "expected name or number");
        arg = constant(p, j_cur(p)->value);
        j_next(p);
        return j_node(p, JN_GETITEM, line, node, arg, NULL);
    }
    j_next(p);
    struct jnode *tuple = j_node(p, JN_TUPLE, line, NULL, NULL, NULL);
    while (!op_is(p, "]")) {
        if (tuple->list.n)
            j_expect(p, JT_OP, ",");
        struct jnode *part = subscript_part(p);
        if (part->kind == JN_SLICE && (tuple->list.n || op_is(p, ",")))
            j_fail(p->c, PR_E_UNSUPPORTED, "a slice beside other subscripts");
        j_push(p, tuple, &tuple->list, part);
    }
    j_next(p);
    arg = tuple->list.n == 1 ? tuple->list.v[0] : tuple;
    return j_node(p, JN_GETITEM, line, node, arg, NULL);
}

static void ensure(struct jparser *p, bool fine)
{
    if (!fine)
        j_syntax(p, "invalid syntax for function call expression");
}

static void parse_argument(struct jparser *p, struct jnode *call)
{
    if (j_skip(p, JT_OP, "*")) {
        ensure(p, !call->b && !call->c);
        call->b = j_parse_expression(p, true);
    } else if (j_skip(p, JT_OP, "**")) {
        ensure(p, !call->c);
        call->c = j_parse_expression(p, true);
    } else if (j_cur(p)->type == JT_NAME && j_tok_is(j_cur(p) + 1, JT_OP, "=")) {
        ensure(p, !call->c);
        struct jnode *kw = j_node(p, JN_KEYWORD, j_cur(p)->line, NULL, NULL, NULL);
        kw->name = j_cur(p)->value.s;
        j_next(p);
        j_next(p);
        kw->a = j_parse_expression(p, true);
        kw->height = kw->a->height + 1;
        j_push(p, call, &call->list2, kw);
    } else {
        ensure(p, !call->b && !call->c && !call->list2.n);
        j_push(p, call, &call->list, j_parse_expression(p, true));
    }
}

static void parse_arguments(struct jparser *p, struct jnode *call)
{
    j_expect(p, JT_OP, "(");
    bool first = true;
    while (!op_is(p, ")")) {
        if (!first) {
            j_expect(p, JT_OP, ",");
            if (op_is(p, ")"))
                break;
        }
        parse_argument(p, call);
        first = false;
    }
    j_next(p);
    struct jnode *const dynamic[] = {call->b, call->c};
    for (int i = 0; i < 2; i++)
        if (dynamic[i] && dynamic[i]->height >= call->height)
            call->height = dynamic[i]->height + 1;
    for (size_t i = 0; i < call->list2.n; i++)
        for (size_t k = 0; k < i; k++)
            if (call->list2.v[i]->name->len == call->list2.v[k]->name->len &&
                !memcmp(call->list2.v[i]->name->data, call->list2.v[k]->name->data,
                    call->list2.v[i]->name->len))
                j_syntax(p, "keyword argument repeated: %s", j_show(p->c, call->list2.v[i]->name));
}

static struct jnode *parse_call(struct jparser *p, struct jnode *node)
{
    struct jnode *n = j_node(p, JN_CALL, j_cur(p)->line, node, NULL, NULL);
    parse_arguments(p, n);
    return n;
}

static struct jnode *parse_postfix(struct jparser *p, struct jnode *node)
{
    for (;;) {
        if (op_is(p, ".") || op_is(p, "["))
            node = parse_subscript(p, node);
        else if (op_is(p, "("))
            node = parse_call(p, node);
        else
            return node;
    }
}

static const struct jstr *dotted_name(struct jparser *p)
{
    const struct jstr *name = j_expect_name(p);
    while (j_skip(p, JT_OP, ".")) {
        struct jbuf b = {0};
        j_put(p->c, &b, name->data, name->len);
        j_putc(p->c, &b, '.');
        name = j_expect_name(p);
        j_put(p->c, &b, name->data, name->len);
        name = j_buf_str(p->c, &b).s;
    }
    return name;
}

struct jnode *j_parse_filters(struct jparser *p, struct jnode *node, bool start_inline)
{
    while (start_inline || op_is(p, "|")) {
        if (!start_inline)
            j_next(p);
        start_inline = false;
        struct jnode *n = j_node(p, JN_FILTER, j_cur(p)->line, node, NULL, NULL);
        n->name = dotted_name(p);
        if (op_is(p, "("))
            parse_arguments(p, n);
        n->fn = j_find_filter(n->name->data, n->name->len);
        if (!n->fn && j_refused_filter(n->name->data, n->name->len))
            j_fail(
                p->c, PR_E_UNSUPPORTED, "the filter '%s' is not supported", j_show(p->c, n->name));
        node = n;
    }
    return node;
}

static bool starts_test_argument(struct jparser *p)
{
    const struct jtoken *t = j_cur(p);
    if (t->type == JT_NAME)
        return !j_tok_is(t, JT_NAME, "else") && !j_tok_is(t, JT_NAME, "or") &&
               !j_tok_is(t, JT_NAME, "and");
    return t->type == JT_STRING || t->type == JT_INT || t->type == JT_FLOAT || op_is(p, "[") ||
           op_is(p, "{");
}

static struct jnode *parse_test(struct jparser *p, struct jnode *node)
{
    unsigned line = j_cur(p)->line;
    j_next(p); /* is */
    bool negated = j_skip(p, JT_NAME, "not");
    struct jnode *n = j_node(p, JN_TEST, line, node, NULL, NULL);
    n->name = dotted_name(p);
    if (op_is(p, "(")) {
        parse_arguments(p, n);
    } else if (starts_test_argument(p)) {
        if (j_tok_is(j_cur(p), JT_NAME, "is"))
            j_syntax(p, "You cannot chain multiple tests with is");
        j_push(p, n, &n->list, parse_postfix(p, j_parse_primary(p)));
    }
    n->fn = j_find_test(n->name->data, n->name->len);
    return negated ? j_node(p, JN_NOT, line, n, NULL, NULL) : n;
}

static struct jnode *parse_filter_expr(struct jparser *p, struct jnode *node)
{
    for (;;) {
        if (op_is(p, "|"))
            node = j_parse_filters(p, node, false);
        else if (j_tok_is(j_cur(p), JT_NAME, "is"))
            node = parse_test(p, node);
        else if (op_is(p, "("))
            node = parse_call(p, node);
        else
            return node;
    }
}

/* --- operators, weakest last --- */

static struct jnode *parse_unary(struct jparser *p, bool with_filter)
{
    unsigned line = j_cur(p)->line;
    struct jnode *node;
    if (op_is(p, "-") || op_is(p, "+")) {
        enum jkind kind = op_is(p, "-") ? JN_NEG : JN_POS;
        j_nest(p);
        j_next(p);
        node = j_node(p, kind, line, parse_unary(p, false), NULL, NULL);
        p->nesting--;
    } else {
        node = j_parse_primary(p);
    }
    node = parse_postfix(p, node);
    return with_filter ? parse_filter_expr(p, node) : node;
}

/* Left-associative operators of one level. */
struct binary {
    const char *text;
    enum jbinop op;
};

static struct jnode *parse_left(
    struct jparser *p, const struct binary *ops, struct jnode *(*operand)(struct jparser *p))
{
    unsigned line = j_cur(p)->line;
    struct jnode *left = operand(p);
    for (;;) {
        const struct binary *o = ops;
        while (o->text && !op_is(p, o->text))
            o++;
        if (!o->text)
            return left;
        j_next(p);
        left = j_node(p, JN_BINARY, line, left, operand(p), NULL);
        left->op = (uint8_t)o->op;
        line = j_cur(p)->line;
    }
}

static struct jnode *parse_operand(struct jparser *p)
{
    return parse_unary(p, true);
}

static struct jnode *parse_pow(struct jparser *p)
{
    static const struct binary ops[] = {{"**", J_POW}, {NULL, 0}};
    return parse_left(p, ops, parse_operand);
}

static struct jnode *parse_math2(struct jparser *p)
{
    static const struct binary ops[] = {
        {"*", J_MUL}, {"/", J_DIV}, {"//", J_FLOORDIV}, {"%", J_MOD}, {NULL, 0}};
    return parse_left(p, ops, parse_pow);
}

static struct jnode *parse_concat(struct jparser *p)
{
    unsigned line = j_cur(p)->line;
    struct jnode *first = parse_math2(p);
    if (!op_is(p, "~"))
        return first;
    struct jnode *n = j_node(p, JN_CONCAT, line, NULL, NULL, NULL);
    j_push(p, n, &n->list, first);
    while (j_skip(p, JT_OP, "~"))
        j_push(p, n, &n->list, parse_math2(p));
    return n;
}

static struct jnode *parse_math1(struct jparser *p)
{
    static const struct binary ops[] = {{"+", J_ADD}, {"-", J_SUB}, {NULL, 0}};
    return parse_left(p, ops, parse_concat);
}

/* Consumes a comparison operator; -1: there is none. */
static int compare_op(struct jparser *p)
{
    static const char *const ops[] = {[JO_EQ] = "==",
        [JO_NE] = "!=",
        [JO_LT] = "<",
        [JO_LE] = "<=",
        [JO_GT] = ">",
        [JO_GE] = ">="};
    for (int i = 0; i < (int)(sizeof ops / sizeof *ops); i++)
        if (j_skip(p, JT_OP, ops[i]))
            return i;
    if (j_skip(p, JT_NAME, "in"))
        return JO_IN;
    if (!j_tok_is(j_cur(p), JT_NAME, "not") || !j_tok_is(j_cur(p) + 1, JT_NAME, "in"))
        return -1;
    j_next(p);
    j_next(p);
    return JO_NOTIN;
}

static struct jnode *parse_compare(struct jparser *p)
{
    unsigned line = j_cur(p)->line;
    struct jnode *first = parse_math1(p);
    int op = compare_op(p);
    if (op < 0)
        return first;
    struct jnode *n = j_node(p, JN_COMPARE, line, first, NULL, NULL);
    for (; op >= 0; op = compare_op(p)) {
        struct jnode *operand = j_node(p, JN_OPERAND, j_cur(p)->line, parse_math1(p), NULL, NULL);
        operand->op = (uint8_t)op;
        j_push(p, n, &n->list, operand);
    }
    return n;
}

static struct jnode *parse_not(struct jparser *p)
{
    unsigned line = j_cur(p)->line;
    if (!j_tok_is(j_cur(p), JT_NAME, "not"))
        return parse_compare(p);
    j_nest(p);
    j_next(p);
    struct jnode *n = j_node(p, JN_NOT, line, parse_not(p), NULL, NULL);
    p->nesting--;
    return n;
}

static struct jnode *parse_and(struct jparser *p)
{
    struct jnode *left = parse_not(p);
    while (j_tok_is(j_cur(p), JT_NAME, "and")) {
        unsigned line = j_cur(p)->line;
        j_next(p);
        left = j_node(p, JN_AND, line, left, parse_not(p), NULL);
    }
    return left;
}

static struct jnode *parse_or(struct jparser *p)
{
    struct jnode *left = parse_and(p);
    while (j_tok_is(j_cur(p), JT_NAME, "or")) {
        unsigned line = j_cur(p)->line;
        j_next(p);
        left = j_node(p, JN_OR, line, left, parse_and(p), NULL);
    }
    return left;
}

struct jnode *j_parse_expression(struct jparser *p, bool with_cond)
{
    j_nest(p);
    unsigned line = j_cur(p)->line;
    struct jnode *n = parse_or(p);
    while (with_cond && j_skip(p, JT_NAME, "if")) {
        struct jnode *test = parse_or(p), *other = NULL;
        if (j_skip(p, JT_NAME, "else"))
            other = j_parse_expression(p, true);
        n = j_node(p, JN_COND, line, test, n, other);
        line = j_cur(p)->line;
    }
    p->nesting--;
    return n;
}
