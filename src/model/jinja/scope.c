/* Which variable a name means: the rules of Jinja's compiler, restated.
 *
 * Loops, macros, call blocks, with, filter and set blocks open a scope; if does not.  Before a
 * scope's nodes are resolved, all of them are analysed (not what lies in inner scopes): a name that
 * is only read is looked up outward and, where no outer scope mentions it, among the template's
 * variables when the scope is entered; a name that is assigned somewhere in the scope has a slot of
 * its own, which starts as the outer value, or as undefined, or (assigned in some branches of an if
 * only) as the template's variable.  Templates depend on the odd consequences, so nothing here is
 * simplified.
 */
#include <string.h>

#include "model/jinja/ast.h"

static void each(const struct jnodes *l, void (*f)(void *, struct jnode *), void *ctx)
{
    for (size_t i = 0; i < l->n; i++)
        f(ctx, l->v[i]);
}

static void one(struct jnode *n, void (*f)(void *, struct jnode *), void *ctx)
{
    if (n)
        f(ctx, n);
}

void j_each_child(const struct jnode *n, void (*f)(void *ctx, struct jnode *child), void *ctx)
{
    bool call = n->kind == JN_CALL || n->kind == JN_FILTER || n->kind == JN_TEST;
    if (n->kind == JN_FILTERBLOCK)
        each(&n->list, f, ctx);
    one(n->a, f, ctx);
    if (!call)
        one(n->b, f, ctx);
    if (!call && n->kind != JN_FOR)
        one(n->c, f, ctx);
    if (n->kind != JN_FILTERBLOCK)
        each(&n->list, f, ctx);
    each(&n->list2, f, ctx);
    each(&n->list3, f, ctx);
    if (call)
        one(n->b, f, ctx);
    if (call || n->kind == JN_FOR)
        one(n->c, f, ctx);
}

static bool same_name(const struct jstr *a, const struct jstr *b)
{
    return a == b || (a->len == b->len && !memcmp(a->data, b->data, a->len));
}

/* --- names that are read before they are declared (loop, caller, kwargs, varargs) --- */

struct undeclared {
    const char *name;
    bool found, done;
};

static void visit_undeclared(void *ctx, struct jnode *n)
{
    struct undeclared *u = ctx;
    if (u->done)
        return;
    if (n->kind == JN_NAME && j_is_str((struct jv){.type = J_STR, .s = n->name}, u->name)) {
        u->found = n->ctx == J_LOAD;
        u->done = true;
    }
    j_each_child(n, visit_undeclared, u);
}

static bool uses_undeclared(const struct jnodes *body, const char *name)
{
    struct undeclared u = {.name = name};
    each(body, visit_undeclared, &u);
    return u.found;
}

/* --- analysis of one scope --- */

struct analysis {
    struct jctx *c;
    struct jscope *scope;
    bool as_param; /* names stored now are parameters (a loop's targets) */
};

/* A slot exists once a name is known in the scope; it is a reference once `load` is set. */
static size_t find_slot(struct analysis *a, const struct jstr *name)
{
    struct jscope *s = a->scope;
    j_charge(a->c, 1 + s->n / 8);
    for (size_t i = 0; i < s->n; i++)
        if (same_name(s->v[i].name, name))
            return i;
    return SIZE_MAX;
}

static struct jslot *make_slot(struct analysis *a, const struct jstr *name)
{
    struct jscope *s = a->scope;
    size_t i = find_slot(a, name);
    if (i != SIZE_MAX)
        return &s->v[i];
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 8;
        struct jslot *fresh = j_array(a->c, cap, sizeof *fresh);
        if (s->n)
            memcpy(fresh, s->v, s->n * sizeof *fresh);
        s->v = fresh;
        s->cap = cap;
    }
    s->v[s->n] = (struct jslot){.name = name};
    return &s->v[s->n++];
}

static bool find_ref(
    struct jctx *c, const struct jscope *s, const struct jstr *name, struct jref *ret)
{
    for (uint32_t up = 0; s; s = s->parent, up++) {
        j_charge(c, 1 + s->n / 8);
        for (size_t i = 0; i < s->n; i++) {
            if (s->v[i].load != JL_NONE && same_name(s->v[i].name, name)) {
                *ret = (struct jref){.up = up, .slot = (uint32_t)i};
                return true;
            }
        }
    }
    return false;
}

static bool outer_ref(struct analysis *a, const struct jstr *name, struct jref *ret)
{
    if (!a->scope->parent || !find_ref(a->c, a->scope->parent, name, ret))
        return false;
    ret->up++;
    return true;
}

static void store(struct analysis *a, const struct jstr *name)
{
    struct jslot *s = make_slot(a, name);
    s->stored = true;
    if (s->load == JL_NONE)
        s->load = outer_ref(a, name, &s->from) ? JL_ALIAS : JL_UNDEFINED;
}

static uint32_t declare_parameter(struct analysis *a, const struct jstr *name)
{
    struct jslot *s = make_slot(a, name);
    s->stored = true;
    s->load = JL_PARAM;
    return (uint32_t)(s - a->scope->v);
}

static void load(struct analysis *a, const struct jstr *name)
{
    struct jref ref;
    if (!find_ref(a->c, a->scope, name, &ref))
        make_slot(a, name)->load = JL_RESOLVE;
}

static void analyse(void *ctx, struct jnode *n);

static struct jslot *copy_slots(struct analysis *a, size_t *ret_n)
{
    struct jscope *s = a->scope;
    struct jslot *copy = j_array(a->c, s->n, sizeof *copy);
    if (s->n)
        memcpy(copy, s->v, s->n * sizeof *copy);
    *ret_n = s->n;
    j_charge(a->c, s->n);
    return copy;
}

/* State before an if: known slots keep their places, what a branch did to them is undone. */
static void restore_slots(struct analysis *a, const struct jslot *saved, size_t n)
{
    for (size_t i = 0; i < a->scope->n; i++) {
        struct jslot *s = &a->scope->v[i];
        if (i < n)
            *s = saved[i];
        else
            *s = (struct jslot){.name = s->name};
    }
}

static void analyse_if(struct analysis *a, struct jnode *n)
{
    analyse(a, n->a);
    size_t n_before, n_branch[3];
    struct jslot *before = copy_slots(a, &n_before), *branch[3];
    const struct jnodes *const bodies[] = {&n->list, &n->list2, &n->list3};
    for (int i = 0; i < 3; i++) {
        each(bodies[i], analyse, a);
        branch[i] = copy_slots(a, &n_branch[i]);
        restore_slots(a, before, n_before);
    }
    for (size_t i = 0; i < a->scope->n; i++) {
        struct jslot *s = &a->scope->v[i];
        bool stored_before = s->stored;
        int stores = 0;
        for (int k = 0; k < 3; k++) {
            if (i >= n_branch[k] || branch[k][i].load == JL_NONE)
                continue;
            s->load = branch[k][i].load;
            s->from = branch[k][i].from;
            stores += branch[k][i].stored;
            s->stored |= branch[k][i].stored;
        }
        if (stored_before || !stores || stores == 3)
            continue;
        s->load = outer_ref(a, s->name, &s->from) ? JL_ALIAS : JL_RESOLVE;
    }
}

/* What a node within the scope means for the scope's names; stops at inner scopes. */
static void analyse(void *ctx, struct jnode *n)
{
    struct analysis *a = ctx;
    switch (n->kind) {
    case JN_NAME:
        if (a->as_param || n->ctx == J_PARAM)
            declare_parameter(a, n->name);
        else if (n->ctx == J_STORE)
            store(a, n->name);
        else
            load(a, n->name);
        break;
    case JN_NSREF:
        load(a, n->name);
        break;
    case JN_IF:
        analyse_if(a, n);
        break;
    case JN_MACRO:
        store(a, n->name);
        break;
    case JN_SET:
        analyse(a, n->b);
        analyse(a, n->a);
        break;
    case JN_FOR:
        analyse(a, n->b);
        break;
    case JN_CALLBLOCK:
    case JN_FILTERBLOCK:
    case JN_SETBLOCK:
        if (n->a)
            analyse(a, n->a);
        break;
    case JN_WITH:
        each(&n->list2, analyse, a);
        break;
    default:
        j_each_child(n, analyse, a);
    }
}

/* --- resolving: writes refs, opens inner scopes --- */

struct resolver {
    struct jctx *c;
    struct jscope *scope;
    bool soft; /* within an if of this scope: an unknown filter or test is an error only when
                  reached */
};

static void resolve(void *ctx, struct jnode *n);

static struct jscope *inner(struct resolver *r)
{
    struct jscope *s = j_alloc(r->c, sizeof *s);
    s->parent = r->scope;
    return s;
}

static void resolve_in(struct resolver *r, struct jscope *s, const struct jnodes *body)
{
    struct resolver inside = {.c = r->c, .scope = s};
    each(body, resolve, &inside);
}

static void resolve_one_in(struct resolver *r, struct jscope *s, struct jnode *n)
{
    struct resolver inside = {.c = r->c, .scope = s};
    if (n)
        resolve(&inside, n);
}

static void analyse_target(struct analysis *a, struct jnode *target)
{
    a->as_param = true;
    analyse(a, target);
    a->as_param = false;
}

static void resolve_for(struct resolver *r, struct jnode *n)
{
    struct jctx *c = r->c;
    struct analysis body = {.c = c, .scope = n->scope = inner(r)};
    n->uses_loop = n->recursive || uses_undeclared(&n->list, "loop");
    if (n->uses_loop)
        n->loop_slot = declare_parameter(&body, j_str(c, "loop").s);
    analyse_target(&body, n->a);
    each(&n->list, analyse, &body);
    resolve(r, n->b);
    resolve_one_in(r, n->scope, n->a);
    resolve_in(r, n->scope, &n->list);
    if (n->list2.n) {
        struct analysis other = {.c = c, .scope = n->else_scope = inner(r)};
        each(&n->list2, analyse, &other);
        resolve_in(r, n->else_scope, &n->list2);
    }
    if (n->c) {
        struct analysis test = {.c = c, .scope = n->test_scope = inner(r)};
        analyse_target(&test, n->test_target);
        analyse(&test, n->c);
        resolve_one_in(r, n->test_scope, n->test_target);
        resolve_one_in(r, n->test_scope, n->c);
    }
}

static bool has_param(const struct jnode *n, const char *name, size_t *ret)
{
    for (size_t i = 0; i < n->list.n; i++) {
        if (j_is_str((struct jv){.type = J_STR, .s = n->list.v[i]->name}, name)) {
            *ret = i;
            return true;
        }
    }
    return false;
}

/* MACRO and CALLBLOCK: a function's parameters and body. */
static void resolve_function(struct resolver *r, struct jnode *n)
{
    struct jctx *c = r->c;
    struct analysis a = {.c = c, .scope = n->scope = inner(r)};
    each(&n->list, analyse, &a);
    each(&n->list2, analyse, &a);
    each(&n->list3, analyse, &a);
    size_t at;
    if (uses_undeclared(&n->list3, "caller")) {
        if (!has_param(n, "caller", &at)) {
            n->caller_slot = declare_parameter(&a, j_str(c, "caller").s);
            n->takes_caller = true;
        } else if (at + n->list2.n < n->list.n) {
            c->line = n->line;
            j_fail(c, PR_E_FORMAT,
                "the special \"caller\" argument must be omitted or be given a "
                "default.");
        }
    }
    if (uses_undeclared(&n->list3, "kwargs") && !has_param(n, "kwargs", &at)) {
        n->kwargs_slot = declare_parameter(&a, j_str(c, "kwargs").s);
        n->takes_kwargs = true;
    }
    if (uses_undeclared(&n->list3, "varargs") && !has_param(n, "varargs", &at)) {
        n->varargs_slot = declare_parameter(&a, j_str(c, "varargs").s);
        n->takes_varargs = true;
    }
    resolve_in(r, n->scope, &n->list);
    resolve_in(r, n->scope, &n->list2);
    resolve_in(r, n->scope, &n->list3);
}

static void must_ref(struct resolver *r, const struct jstr *name, struct jref *ret)
{
    if (!find_ref(r->c, r->scope, name, ret))
        j_fail(r->c, PR_E_FORMAT, "the name '%s' cannot be resolved", j_show(r->c, name));
}

static void resolve_softly(struct resolver *r, struct jnode *n)
{
    bool soft = r->soft;
    r->soft = true;
    j_each_child(n, resolve, r);
    r->soft = soft;
}

static void resolve_use(struct resolver *r, struct jnode *n)
{
    if (!n->fn && !r->soft) {
        r->c->line = n->line;
        j_fail(r->c, PR_E_FORMAT, "No %s named '%s'.", n->kind == JN_FILTER ? "filter" : "test",
            j_show(r->c, n->name));
    }
    j_each_child(n, resolve, r);
}

static void resolve(void *ctx, struct jnode *n)
{
    struct resolver *r = ctx;
    struct analysis a = {.c = r->c};
    switch (n->kind) {
    case JN_NAME:
    case JN_NSREF:
        must_ref(r, n->name, &n->ref);
        break;
    case JN_FILTER:
    case JN_TEST:
        resolve_use(r, n);
        break;
    case JN_IF:
    case JN_COND:
        resolve_softly(r, n);
        break;
    case JN_FOR:
        resolve_for(r, n);
        break;
    case JN_MACRO:
        must_ref(r, n->name, &n->ref);
        resolve_function(r, n);
        break;
    case JN_CALLBLOCK:
        resolve_function(r, n);
        if (n->a)
            resolve(r, n->a);
        break;
    case JN_FILTERBLOCK:
        a.scope = n->scope = inner(r);
        each(&n->list, analyse, &a);
        analyse(&a, n->a);
        resolve_in(r, n->scope, &n->list);
        resolve_one_in(r, n->scope, n->a);
        break;
    case JN_SETBLOCK:
        a.scope = n->scope = inner(r);
        each(&n->list, analyse, &a);
        resolve_in(r, n->scope, &n->list);
        if (n->b) /* Jinja forgets to analyse the filter's arguments; unknown names are variables */
            analyse(&a, n->b);
        resolve_one_in(r, n->scope, n->b);
        resolve(r, n->a);
        break;
    case JN_WITH:
        a.scope = n->scope = inner(r);
        each(&n->list, analyse, &a);
        each(&n->list3, analyse, &a);
        each(&n->list2, resolve, r);
        resolve_in(r, n->scope, &n->list);
        resolve_in(r, n->scope, &n->list3);
        break;
    default:
        j_each_child(n, resolve, r);
    }
}

void j_resolve_names(struct jctx *c, struct pr_template *t)
{
    t->scope = j_alloc(c, sizeof *t->scope);
    struct analysis a = {.c = c, .scope = t->scope};
    each(&t->body, analyse, &a);
    struct resolver r = {.c = c, .scope = t->scope};
    each(&t->body, resolve, &r);
}
