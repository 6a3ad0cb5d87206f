/* Statements: scopes entered and left, loops, macros, blocks. */
#include <string.h>

#include "model/jinja/ast.h"

enum flow { FLOW_NEXT, FLOW_BREAK, FLOW_CONTINUE };
typedef enum flow (*exec_fn)(struct jctx *c, struct jenv *env, const struct jnode *n);

static enum flow exec_all(struct jctx *c, struct jenv *env, const struct jnodes *body);

/* --- scopes --- */

static struct jv lookup(struct jctx *c, const struct jstr *name)
{
    const struct jentry *e = j_dict_find_str(c, c->vars, name->data, name->len);
    if (e)
        return e->value;
    const struct jfn *fn = j_find_global(name->data, name->len);
    return fn ? (struct jv){.type = J_FUNC, .fn = fn} : j_missing();
}

static struct jenv *env_new(struct jctx *c, const struct jscope *s, struct jenv *parent)
{
    struct jenv *env = j_alloc(c, sizeof *env + s->n * sizeof env->slots[0]);
    env->parent = parent;
    return env;
}

/* What each slot holds at the start; parameters were set before. */
static void env_enter(struct jctx *c, const struct jscope *s, struct jenv *env)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct jslot *slot = &s->v[i];
        if (slot->load == JL_RESOLVE) {
            env->slots[i] = lookup(c, slot->name);
        } else if (slot->load == JL_ALIAS) {
            struct jenv *from = env;
            for (uint32_t up = slot->from.up; up; up--)
                from = from->parent;
            env->slots[i] = from->slots[slot->from.slot];
        } else if (slot->load == JL_UNDEFINED) {
            env->slots[i] = j_missing();
        }
    }
    j_charge(c, s->n / 4);
}

/* --- loops --- */

struct jloop {
    const struct jnode *node;
    struct jenv *outer; /* where the loop stands: what loop(...) runs in again */
    struct jenv *test_env;
    struct jlist *source; /* items still to come from `pos` on */
    size_t pos;
    struct jiter *iter; /* the generator they come from: read only as far as the loop gets */
    bool test;          /* the loop's condition is still to be applied to them */
    bool has_after, length_known;
    struct jv before, current, after;
    int64_t index0; /* -1 before the first item */
    size_t length, depth0;
    struct jlist *last_changed;
};

/* The next item that passes the condition, which is evaluated only now. */
static bool loop_pull(struct jctx *c, struct jloop *l, struct jv *ret)
{
    while (l->pos < l->source->n) {
        struct jv v = l->source->v[l->pos++];
        if (l->iter)
            l->iter->pos++;
        *ret = v;
        if (!l->test)
            return true;
        j_assign(c, l->test_env, l->node->test_target, v);
        env_enter(c, l->node->test_scope, l->test_env);
        if (j_truth(c, j_eval(c, l->test_env, l->node->c)))
            return true;
    }
    return false;
}

static bool loop_peek(struct jctx *c, struct jloop *l)
{
    if (!l->has_after)
        l->has_after = loop_pull(c, l, &l->after);
    return l->has_after;
}

static bool loop_next(struct jctx *c, struct jloop *l)
{
    struct jv v;
    if (l->has_after) {
        v = l->after;
        l->has_after = false;
    } else if (!loop_pull(c, l, &v)) {
        return false;
    }
    l->index0++;
    l->before = l->current;
    l->current = v;
    return true;
}

static size_t loop_length(struct jctx *c, struct jloop *l)
{
    if (l->length_known)
        return l->length;
    struct jlist *rest = j_list_new(c, 0);
    struct jv v;
    while (loop_pull(c, l, &v))
        j_list_push(c, rest, v);
    l->source = rest;
    l->pos = 0;
    l->iter = NULL;
    l->test = false;
    l->length = rest->n + (size_t)(l->index0 + 1) + l->has_after;
    l->length_known = true;
    return l->length;
}

size_t j_loop_length(const struct jloop *l, size_t *ret_index)
{
    if (ret_index)
        *ret_index = (size_t)(l->index0 + 1);
    return l->length_known ? l->length : (size_t)(l->index0 + 1);
}

struct jv j_loop_attribute(struct jctx *c, struct jv loop, const struct jstr *name)
{
    struct jloop *l = loop.loop;
    struct jv key = {.type = J_STR, .s = name};
    int64_t i = l->index0;
    if (j_is_str(key, "index"))
        return j_int(i + 1);
    if (j_is_str(key, "index0"))
        return j_int(i);
    if (j_is_str(key, "first"))
        return j_bool(i == 0);
    if (j_is_str(key, "last"))
        return j_bool(!loop_peek(c, l));
    if (j_is_str(key, "length"))
        return j_int((int64_t)loop_length(c, l));
    if (j_is_str(key, "revindex"))
        return j_int((int64_t)loop_length(c, l) - i);
    if (j_is_str(key, "revindex0"))
        return j_int((int64_t)loop_length(c, l) - i - 1);
    if (j_is_str(key, "depth"))
        return j_int((int64_t)l->depth0 + 1);
    if (j_is_str(key, "depth0"))
        return j_int((int64_t)l->depth0);
    if (j_is_str(key, "previtem"))
        return i ? l->before : j_undef_hint(c, "there is no previous item");
    if (j_is_str(key, "nextitem"))
        return loop_peek(c, l) ? l->after : j_undef_hint(c, "there is no next item");
    return j_missing();
}

struct jv j_loop_cycle(struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
{
    (void)a;
    if (!raw->n)
        j_raise(c, "no items for cycling given");
    return raw->v[(size_t)self.loop->index0 % raw->n];
}

struct jv j_loop_changed(
    struct jctx *c, struct jv self, const struct jv *a, const struct jargs *raw)
{
    (void)a;
    struct jlist *now = j_list_new(c, raw->n);
    for (size_t i = 0; i < raw->n; i++)
        j_list_push(c, now, raw->v[i]);
    struct jlist *last = self.loop->last_changed;
    bool same = last && last->n == now->n;
    for (size_t i = 0; same && i < now->n; i++)
        same = j_same(last->v[i], now->v[i]) || j_equal(c, last->v[i], now->v[i]);
    if (!same)
        self.loop->last_changed = now;
    return j_bool(!same);
}

static enum flow run_loop(
    struct jctx *c, struct jenv *env, const struct jnode *n, struct jv items, size_t depth0)
{
    struct jloop *l = j_alloc(c, sizeof *l);
    *l = (struct jloop){.node = n, .outer = env, .depth0 = depth0, .index0 = -1};
    l->test = n->c != NULL;
    if (items.type == J_ITER) {
        l->iter = items.it;
        l->source = j_list_new(c, 0);
        l->source->v = items.it->pos ? items.it->l->v + items.it->pos : items.it->l->v;
        l->source->n = items.it->l->n - items.it->pos;
    } else {
        c->line = n->line;
        l->source = j_items(c, items);
        l->length = l->source->n;
        l->length_known = !l->test;
    }
    if (n->c)
        l->test_env = env_new(c, n->test_scope, env);
    struct jenv *body = env_new(c, n->scope, env);
    bool untouched = true; /* no iteration came to the end of the body: the else branch runs */
    while (loop_next(c, l)) {
        j_charge(c, 1);
        j_assign(c, body, n->a, l->current);
        if (n->uses_loop)
            body->slots[n->loop_slot] = (struct jv){.type = J_LOOP, .loop = l};
        env_enter(c, n->scope, body);
        enum flow flow = exec_all(c, body, &n->list);
        if (flow == FLOW_BREAK)
            break;
        if (flow == FLOW_NEXT)
            untouched = false;
    }
    if (!untouched || !n->list2.n)
        return FLOW_NEXT;
    struct jenv *other = env_new(c, n->else_scope, env);
    env_enter(c, n->else_scope, other);
    return exec_all(c, other, &n->list2);
}

static enum flow exec_for(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    return run_loop(c, env, n, j_eval(c, env, n->b), 0);
}

struct jv j_call_loop(struct jctx *c, struct jloop *l, const struct jargs *args)
{
    if (!l->node->recursive)
        j_raise(c, "The loop must have the 'recursive' marker to be called recursively.");
    if (args->n != 1 || args->nkw)
        j_raise(c, "loop() takes one argument: what to iterate over");
    struct jbuf text = {0}, *saved = c->out;
    c->out = &text;
    j_enter(c);
    run_loop(c, l->outer, l->node, args->v[0], l->depth0 + 1);
    c->depth--;
    c->out = saved;
    return j_buf_str(c, &text);
}

/* --- macros --- */

const struct jstr *j_macro_name(const struct jmacro *m)
{
    return m->node->name;
}

struct jv j_macro_attribute(struct jctx *c, const struct jmacro *m, const struct jstr *name)
{
    struct jv key = {.type = J_STR, .s = name};
    if (j_is_str(key, "name"))
        return m->node->name ? (struct jv){.type = J_STR, .s = m->node->name} : j_none();
    if (j_is_str(key, "caller"))
        return j_bool(m->node->takes_caller);
    if (j_is_str(key, "catch_kwargs"))
        return j_bool(m->node->takes_kwargs);
    if (j_is_str(key, "catch_varargs"))
        return j_bool(m->node->takes_varargs);
    if (!j_is_str(key, "arguments"))
        return j_missing();
    struct jlist *l = j_list_new(c, m->node->list.n);
    for (size_t i = 0; i < m->node->list.n; i++)
        j_list_push(c, l, (struct jv){.type = J_STR, .s = m->node->list.v[i]->name});
    return j_tuple(l);
}

static struct jv pop_keyword(struct jctx *c, struct jargs *args, struct jv name)
{
    for (size_t i = 0; i < args->nkw; i++) {
        if (!j_equal(c, args->kw[i].name, name))
            continue;
        struct jv v = args->kw[i].value;
        memmove(&args->kw[i], &args->kw[i + 1], (--args->nkw - i) * sizeof *args->kw);
        return v;
    }
    return j_missing();
}

/* Puts the arguments into the parameters' slots; what is not given stays MISSING. */
static void bind_macro(
    struct jctx *c, const struct jmacro *m, struct jenv *env, const struct jargs *given)
{
    const struct jnode *n = m->node;
    struct jargs args = *given;
    args.kw = j_array(c, given->nkw, sizeof *args.kw);
    if (given->nkw)
        memcpy(args.kw, given->kw, given->nkw * sizeof *args.kw);
    for (size_t i = 0; i < n->list.n; i++) {
        struct jv name = {.type = J_STR, .s = n->list.v[i]->name};
        env->slots[n->list.v[i]->ref.slot] = i < args.n ? args.v[i] : pop_keyword(c, &args, name);
    }
    const char *called = n->name ? j_show(c, n->name) : "None";
    if (n->takes_caller) {
        struct jv caller = pop_keyword(c, &args, j_str(c, "caller"));
        bool none = caller.type == J_MISSING || caller.type == J_NONE;
        env->slots[n->caller_slot] = none ? j_undef_hint(c, "No caller defined") : caller;
    }
    if (n->takes_kwargs) {
        struct jdict *d = j_dict_new(c);
        for (size_t i = 0; i < args.nkw; i++)
            j_dict_set(c, d, args.kw[i].name, args.kw[i].value);
        env->slots[n->kwargs_slot] = (struct jv){.type = J_DICT, .d = d};
    } else if (args.nkw) {
        if (pop_keyword(c, &args, j_str(c, "caller")).type != J_MISSING)
            j_raise(c,
                "macro '%s' was invoked with two values for the special caller argument. This is "
                "most likely a bug.",
                called);
        j_raise(
            c, "macro '%s' takes no keyword argument '%s'", called, j_show(c, args.kw[0].name.s));
    }
    if (n->takes_varargs) {
        struct jlist *l = j_list_new(c, 0);
        for (size_t i = n->list.n; i < args.n; i++)
            j_list_push(c, l, args.v[i]);
        env->slots[n->varargs_slot] = j_tuple(l);
    } else if (args.n > n->list.n) {
        j_raise(c, "macro '%s' takes not more than %zu argument(s)", called, n->list.n);
    }
}

static struct jv not_provided(struct jctx *c, const struct jstr *name)
{
    struct jbuf b = {0};
    j_putf(c, &b, "parameter '%s' was not provided", j_show(c, name));
    j_putc(c, &b, '\0');
    return j_undef_hint(c, b.data);
}

struct jv j_call_macro(struct jctx *c, const struct jmacro *m, const struct jargs *args)
{
    const struct jnode *n = m->node;
    struct jenv *env = env_new(c, n->scope, m->env);
    bind_macro(c, m, env, args);
    env_enter(c, n->scope, env);
    j_enter(c);
    size_t without_default = n->list.n - n->list2.n;
    for (size_t i = 0; i < n->list.n; i++) {
        struct jv *slot = &env->slots[n->list.v[i]->ref.slot];
        if (slot->type == J_MISSING)
            *slot = i < without_default ? not_provided(c, n->list.v[i]->name)
                                        : j_eval(c, env, n->list2.v[i - without_default]);
    }
    struct jbuf text = {0}, *saved = c->out;
    c->out = &text;
    exec_all(c, env, &n->list3);
    c->out = saved;
    c->depth--;
    return j_buf_str(c, &text);
}

static struct jv macro_here(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jmacro *m = j_alloc(c, sizeof *m);
    *m = (struct jmacro){.node = n, .env = env};
    return (struct jv){.type = J_MACRO, .m = m};
}

static enum flow exec_macro(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    env->slots[n->ref.slot] = macro_here(c, env, n);
    return FLOW_NEXT;
}

/* Jinja joins the results of call and filter blocks as they are. */
static void output_text(struct jctx *c, struct jv v)
{
    if (v.type != J_STR)
        j_raise(c, "sequence item 0: expected str instance, %s found", j_type_name(v));
    j_output(c, v.s);
}

static enum flow exec_call_block(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv caller = macro_here(c, env, n), result;
    struct jargs none = {0};
    if (n->a) {
        struct jv f = j_eval(c, env, n->a->a);
        struct jargs args = j_eval_args(c, env, n->a);
        args.kw[args.nkw++] = (struct jkw){.name = j_str(c, "caller"), .value = caller};
        result = j_call(c, f, &args);
    } else {
        result = j_call(c, caller, &none);
    }
    output_text(c, result);
    return FLOW_NEXT;
}

/* --- the rest --- */

static enum flow exec_data(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    (void)env;
    j_output(c, n->value.s);
    return FLOW_NEXT;
}

static enum flow exec_output(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    j_output(c, j_to_str(c, j_eval(c, env, n->a)));
    return FLOW_NEXT;
}

static enum flow exec_if(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    if (j_truth(c, j_eval(c, env, n->a)))
        return exec_all(c, env, &n->list);
    for (size_t i = 0; i < n->list2.n; i++)
        if (j_truth(c, j_eval(c, env, n->list2.v[i]->a)))
            return exec_all(c, env, &n->list2.v[i]->list);
    return exec_all(c, env, &n->list3);
}

static enum flow exec_set(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jv v = j_eval(c, env, n->b);
    c->line = n->line;
    j_assign(c, env, n->a, v);
    return FLOW_NEXT;
}

/* Runs a body in a scope of its own and catches what it writes. */
static enum flow capture(struct jctx *c, struct jenv *env, const struct jnode *n,
    struct jenv **ret_inner, struct jv *ret)
{
    struct jenv *inner = env_new(c, n->scope, env);
    env_enter(c, n->scope, inner);
    struct jbuf text = {0}, *saved = c->out;
    c->out = &text;
    enum flow flow = exec_all(c, inner, &n->list);
    c->out = saved;
    *ret_inner = inner;
    *ret = j_buf_str(c, &text);
    return flow;
}

static enum flow exec_set_block(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jenv *inner;
    struct jv text;
    enum flow flow = capture(c, env, n, &inner, &text);
    if (flow == FLOW_NEXT)
        j_assign(c, env, n->a, n->b ? j_eval_filter(c, inner, n->b, text) : text);
    return flow;
}

static enum flow exec_filter_block(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jenv *inner;
    struct jv text;
    enum flow flow = capture(c, env, n, &inner, &text);
    if (flow == FLOW_NEXT)
        output_text(c, j_eval_filter(c, inner, n->a, text));
    return flow;
}

static enum flow exec_with(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    struct jenv *inner = env_new(c, n->scope, env);
    env_enter(c, n->scope, inner);
    for (size_t i = 0; i < n->list.n; i++)
        j_assign(c, inner, n->list.v[i], j_eval(c, env, n->list2.v[i]));
    return exec_all(c, inner, &n->list3);
}

static enum flow exec_break(struct jctx *c, struct jenv *env, const struct jnode *n)
{
    (void)c;
    (void)env;
    return n->kind == JN_BREAK ? FLOW_BREAK : FLOW_CONTINUE;
}

static const exec_fn table[JN_KINDS] = {
    [JN_DATA] = exec_data,
    [JN_OUTPUT] = exec_output,
    [JN_FOR] = exec_for,
    [JN_IF] = exec_if,
    [JN_SET] = exec_set,
    [JN_SETBLOCK] = exec_set_block,
    [JN_MACRO] = exec_macro,
    [JN_CALLBLOCK] = exec_call_block,
    [JN_FILTERBLOCK] = exec_filter_block,
    [JN_WITH] = exec_with,
    [JN_BREAK] = exec_break,
    [JN_CONTINUE] = exec_break,
};

static enum flow exec_all(struct jctx *c, struct jenv *env, const struct jnodes *body)
{
    for (size_t i = 0; i < body->n; i++) {
        const struct jnode *n = body->v[i];
        c->line = n->line;
        j_enter(c);
        enum flow flow = table[n->kind](c, env, n);
        c->depth--;
        if (flow != FLOW_NEXT)
            return flow;
    }
    return FLOW_NEXT;
}

void j_exec_template(struct jctx *c)
{
    struct jenv *env = env_new(c, c->t->scope, NULL);
    env_enter(c, c->t->scope, env);
    exec_all(c, env, &c->t->body);
}
