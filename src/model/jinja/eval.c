/* Expressions: one function a kind of node, in a table. */
#include <string.h>

#include "model/jinja/ast.h"

typedef struct jv (*eval_fn)(struct jctx *c, struct jenv *env, const struct jnode *n);

static struct jv eval_const(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    (void)c;
    (void)env;
    return n->value;
}

static struct jv *slot(struct jenv *env, struct jref ref)
{
    for (uint32_t up = ref.up; up; up--)
        env = env->parent;
    return &env->slots[ref.slot];
}

static struct jv eval_name(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv v = *slot(env, n->ref);
    return v.type == J_MISSING ? j_undef_name(c, n->name) : v;
}

static struct jlist *eval_all(struct jctx *c, struct jenv *env, const struct jnodes *nodes)
{
    struct jlist *l = j_list_new(c, nodes->n);
    for (size_t i = 0; i < nodes->n; i++)
        j_list_push(c, l, j_eval(c, env, nodes->v[i]));
    return l;
}

static struct jv eval_tuple(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    return j_tuple(eval_all(c, env, &n->list));
}

static struct jv eval_list(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    return j_list(eval_all(c, env, &n->list));
}

static struct jv eval_dict(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jdict *d = j_dict_new(c);
    for (size_t i = 0; i < n->list.n; i++) {
        struct jv key = j_eval(c, env, n->list.v[i]->a);
        j_dict_set(c, d, key, j_eval(c, env, n->list.v[i]->b));
    }
    return (struct jv){.type = J_DICT, .d = d};
}

static struct jv eval_cond(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    if (j_truth(c, j_eval(c, env, n->a)))
        return j_eval(c, env, n->b);
    if (n->c)
        return j_eval(c, env, n->c);
    struct jbuf b = {0};
    j_putf(c, &b,
        "the inline if-expression on line %u evaluated to false and no else section was defined.",
        n->line);
    j_putc(c, &b, '\0');
    return j_undef_hint(c, b.data);
}

static struct jv eval_or(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv a = j_eval(c, env, n->a);
    return j_truth(c, a) ? a : j_eval(c, env, n->b);
}

static struct jv eval_and(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv a = j_eval(c, env, n->a);
    return j_truth(c, a) ? j_eval(c, env, n->b) : a;
}

static struct jv eval_not(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    return j_bool(!j_truth(c, j_eval(c, env, n->a)));
}

static bool compare(struct jctx *c, struct jv a, enum jcmpop op, struct jv b)
{
    switch (op) {
    case JO_EQ:
        return j_equal(c, a, b);
    case JO_NE:
        return !j_equal(c, a, b);
    case JO_IN:
        return j_contains(c, a, b);
    case JO_NOTIN:
        return !j_contains(c, a, b);
    default:
        return j_compare(c, a, b, (enum jcmp)(op - JO_LT));
    }
}

static struct jv eval_compare(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv left = j_eval(c, env, n->a);
    for (size_t i = 0; i < n->list.n; i++) {
        struct jv right = j_eval(c, env, n->list.v[i]->a);
        c->line = n->line;
        if (!compare(c, left, n->list.v[i]->op, right))
            return j_bool(false);
        left = right;
    }
    return j_bool(true);
}

static struct jv eval_binary(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv a = j_eval(c, env, n->a), b = j_eval(c, env, n->b);
    c->line = n->line;
    return j_binary(c, n->op, a, b);
}

static struct jv eval_concat(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jbuf b = {0};
    for (size_t i = 0; i < n->list.n; i++) {
        const struct jstr *s = j_to_str(c, j_eval(c, env, n->list.v[i]));
        j_put(c, &b, s->data, s->len);
    }
    return j_buf_str(c, &b);
}

static struct jv eval_neg(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    return j_negate(c, j_eval(c, env, n->a));
}

static struct jv eval_pos(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    return j_positive(c, j_eval(c, env, n->a));
}

static struct jv eval_getattr(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv obj = j_eval(c, env, n->a);
    c->line = n->line;
    return j_getattr(c, obj, n->attr);
}

static struct jv eval_optional(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    return n ? j_eval(c, env, n) : j_none();
}

static struct jv eval_getitem(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv obj = j_eval(c, env, n->a);
    if (n->b->kind == JN_SLICE) {
        struct jv start = eval_optional(c, env, n->b->a), stop = eval_optional(c, env, n->b->b);
        struct jv step = eval_optional(c, env, n->b->c);
        c->line = n->line;
        return j_slice(c, obj, start, stop, step);
    }
    struct jv key = j_eval(c, env, n->b);
    c->line = n->line;
    return j_getitem(c, obj, key);
}

static void add_keyword(struct jctx *c, struct jargs *args, struct jv name, struct jv value)
{
    for (size_t i = 0; i < args->nkw; i++)
        if (j_equal(c, args->kw[i].name, name))
            j_raise(c, "got multiple values for keyword argument '%s'", j_show(c, name.s));
    args->kw[args->nkw++] = (struct jkw){.name = name, .value = value};
}

struct jargs j_eval_args(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jlist *l = j_list_new(c, n->list.n);
    struct jargs args = {0};
    for (size_t i = 0; i < n->list.n; i++)
        j_list_push(c, l, j_eval(c, env, n->list.v[i]));
    if (n->b) {
        struct jv more = j_eval(c, env, n->b);
        if (!j_iterable(more))
            j_raise(c, "argument after * must be an iterable, not %s", j_type_name(more));
        const struct jlist *items = j_items(c, more);
        for (size_t i = 0; i < items->n; i++)
            j_list_push(c, l, items->v[i]);
    }
    struct jv *kw = NULL;
    size_t nkw = n->list2.n;
    if (nkw)
        kw = eval_all(c, env, &n->list2)->v;
    struct jv dict = n->c ? j_eval(c, env, n->c) : j_none();
    if (n->c && dict.type != J_DICT)
        j_raise(c, "argument after ** must be a mapping, not %s", j_type_name(dict));
    size_t extra = n->c ? dict.d->n : 0;
    args.v = l->v;
    args.n = l->n;
    args.kw = j_array(c, nkw + extra + 1, sizeof *args.kw); /* one more for a call block's caller */
    for (size_t i = 0; i < nkw; i++)
        add_keyword(c, &args, (struct jv){.type = J_STR, .s = n->list2.v[i]->name}, kw[i]);
    for (size_t i = 0; i < extra; i++) {
        if (dict.d->v[i].key.type != J_STR)
            j_raise(c, "keywords must be strings");
        add_keyword(c, &args, dict.d->v[i].key, dict.d->v[i].value);
    }
    c->line = n->line;
    return args;
}

static struct jv eval_keyword(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    return j_eval(c, env, n->a);
}

static struct jv eval_call(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv f = j_eval(c, env, n->a);
    struct jargs args = j_eval_args(c, env, n);
    return j_call(c, f, &args);
}

static struct jv apply(struct jctx *c, const struct jnode *n, struct jv self, struct jargs *args)
{
    if (!n->fn)
        j_raise(c, "No %s named '%s' found.", n->kind == JN_FILTER ? "filter" : "test",
            j_show(c, n->name));
    return j_call_fn(c, n->fn, self, args);
}

struct jv j_eval_filter(struct jctx *c, struct jenv *env, const struct jnode *n, struct jv text)
{
    struct jv self;
    if (!n->a)
        self = text;
    else if (n->a->kind == JN_FILTER)
        self = j_eval_filter(c, env, n->a, text);
    else
        self = j_eval(c, env, n->a);
    struct jargs args = j_eval_args(c, env, n);
    return apply(c, n, self, &args);
}

static struct jv eval_filter(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv self = n->a ? j_eval(c, env, n->a) : j_missing();
    struct jargs args = j_eval_args(c, env, n);
    return apply(c, n, self, &args);
}

static const eval_fn table[JN_KINDS] = {
    [JN_CONST] = eval_const,
    [JN_NAME] = eval_name,
    [JN_TUPLE] = eval_tuple,
    [JN_LIST] = eval_list,
    [JN_DICT] = eval_dict,
    [JN_COND] = eval_cond,
    [JN_OR] = eval_or,
    [JN_AND] = eval_and,
    [JN_NOT] = eval_not,
    [JN_COMPARE] = eval_compare,
    [JN_BINARY] = eval_binary,
    [JN_CONCAT] = eval_concat,
    [JN_NEG] = eval_neg,
    [JN_POS] = eval_pos,
    [JN_GETATTR] = eval_getattr,
    [JN_GETITEM] = eval_getitem,
    [JN_KEYWORD] = eval_keyword,
    [JN_CALL] = eval_call,
    [JN_FILTER] = eval_filter,
    [JN_TEST] = eval_filter,
};

struct jv j_eval(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    j_enter(c);
    struct jv v = table[n->kind](c, env, n);
    c->depth--;
    return v;
}

static void unpack(struct jctx *c, struct jenv *env, const struct jnode *target, struct jv v)
{
    if (!j_iterable(v))
        j_raise(c, "cannot unpack non-iterable %s object", j_type_name(v));
    const struct jlist *items = j_items(c, v);
    if (items->n < target->list.n)
        j_raise(c, "not enough values to unpack (expected %zu, got %zu)", target->list.n, items->n);
    if (items->n > target->list.n)
        j_raise(c, "too many values to unpack (expected %zu)", target->list.n);
    for (size_t i = 0; i < items->n; i++)
        j_assign(c, env, target->list.v[i], items->v[i]);
}

void j_assign(struct jctx *c, struct jenv *env, const struct jnode *target, struct jv v)
{
    struct jv *to;
    switch (target->kind) {
    case JN_NAME:
        *slot(env, target->ref) = v;
        break;
    case JN_TUPLE:
        unpack(c, env, target, v);
        break;
    default:
        to = slot(env, target->ref);
        if (to->type != J_NAMESPACE)
            j_raise(c, "cannot assign attribute on non-namespace object");
        j_dict_set(c, to->d, (struct jv){.type = J_STR, .s = target->attr}, v);
    }
}
