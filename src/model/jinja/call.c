/* Calling things: arguments matched to parameters as Python does it. */
#include <string.h>

#include "model/jinja/value.h"

const struct jfn *j_lookup(const struct jfn *table, const char *name, size_t n)
{
    for (; table->name; table++)
        if (strlen(table->name) == n && !memcmp(table->name, name, n))
            return table;
    return NULL;
}

struct params {
    struct {
        const char *name;
        size_t len;
    } v[J_MAX_PARAMS];
    size_t n;
};

static struct params read_params(const char *text)
{
    struct params p = {0};
    while (*text && p.n < J_MAX_PARAMS) {
        size_t len = strcspn(text, " ");
        p.v[p.n].name = text;
        p.v[p.n++].len = len;
        text += len + (text[len] == ' ');
    }
    return p;
}

static void bind_keyword(struct jctx *c, const struct jfn *fn, const struct params *p,
    struct jv *bound, const struct jkw *kw)
{
    const struct jstr *name = kw->name.s;
    if (fn->positional)
        j_raise(c, "%s() takes no keyword arguments", fn->name);
    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].len != name->len || memcmp(p->v[i].name, name->data, name->len))
            continue;
        if (bound[i].type != J_MISSING)
            j_raise(c, "%s() got multiple values for argument '%s'", fn->name, j_show(c, name));
        bound[i] = kw->value;
        return;
    }
    j_raise(c, "%s() got an unexpected keyword argument '%s'", fn->name, j_show(c, name));
}

struct jv j_call_fn(struct jctx *c, const struct jfn *fn, struct jv self, const struct jargs *args)
{
    struct jv bound[J_MAX_PARAMS] = {{J_MISSING}};
    if (!fn->params)
        return fn->call(c, self, bound, args);
    struct params p = read_params(fn->params);
    if (args->n > p.n)
        j_raise(c, "%s() takes at most %zu arguments (%zu given)", fn->name, p.n, args->n);
    for (size_t i = 0; i < args->n; i++)
        bound[i] = args->v[i];
    for (size_t i = 0; i < args->nkw; i++)
        bind_keyword(c, fn, &p, bound, &args->kw[i]);
    for (size_t i = 0; i < fn->required; i++)
        if (bound[i].type == J_MISSING)
            j_raise(
                c, "%s() missing required argument '%.*s'", fn->name, (int)p.v[i].len, p.v[i].name);
    return fn->call(c, self, bound, args);
}

static struct jv call_joiner(struct jctx *c, struct jjoiner *jo)
{
    if (jo->used)
        return jo->sep;
    jo->used = true;
    return j_str(c, "");
}

struct jv j_call(struct jctx *c, struct jv f, const struct jargs *args)
{
    switch (f.type) {
    case J_UNDEF:
        j_raise_undefined(c, f);
    case J_FUNC:
        return j_call_fn(c, f.fn, j_missing(), args);
    case J_METHOD:
        return j_call_fn(c, f.bm->fn, f.bm->self, args);
    case J_MACRO:
        return j_call_macro(c, f.m, args);
    case J_LOOP:
        return j_call_loop(c, f.loop, args);
    case J_JOINER:
        if (args->n || args->nkw)
            j_raise(c, "a joiner takes no arguments");
        return call_joiner(c, f.jo);
    default:
        j_raise(c, "'%s' object is not callable", j_type_name(f));
    }
}
