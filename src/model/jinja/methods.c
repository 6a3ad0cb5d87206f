/* The methods of dictionaries, lists, tuples and the small objects.  Those that change their object
 * are hidden by the sandbox (ops.c). */
#include <math.h>
#include <string.h>

#include "model/jinja/strings.h"

static struct jv view(struct jctx *c, struct jv self, enum jview_kind kind)
{
    struct jview *w = j_alloc(c, sizeof *w);
    *w = (struct jview){.d = self.d, .kind = kind};
    return (struct jv){.type = J_VIEW, .w = w};
}

static J_FN(m_items)
{
    J_UNUSED_ARGS;
    return view(c, self, J_ITEMS);
}

static J_FN(m_keys)
{
    J_UNUSED_ARGS;
    return view(c, self, J_KEYS);
}

static J_FN(m_values)
{
    J_UNUSED_ARGS;
    return view(c, self, J_VALUES);
}

static J_FN(m_get)
{
    J_UNUSED_ARGS;
    const struct jentry *e = j_dict_find(c, self.d, a[0]);
    if (e)
        return e->value;
    return a[1].type == J_MISSING ? j_none() : a[1];
}

/* Nothing can change it afterwards, so a copy is the thing itself. */
static J_FN(m_copy)
{
    J_UNUSED_ARGS;
    return self;
}

static J_FN(m_index)
{
    J_UNUSED_ARGS;
    int64_t n = (int64_t)self.l->n, from = j_int_or(c, a[1], 0), to = j_int_or(c, a[2], n);
    from = from < 0 ? (from + n < 0 ? 0 : from + n) : from;
    to = to < 0 ? to + n : to > n ? n : to;
    for (int64_t i = from; i < to; i++)
        if (j_same(self.l->v[i], a[0]) || j_equal(c, self.l->v[i], a[0]))
            return j_int(i);
    j_raise(c, self.type == J_LIST ? "%s is not in list" : "tuple.index(x): x not in tuple",
        j_show(c, j_repr(c, a[0])));
}

static J_FN(m_count)
{
    J_UNUSED_ARGS;
    const struct jlist *l = j_items(c, self);
    int64_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += j_same(l->v[i], a[0]) || j_equal(c, l->v[i], a[0]);
    return j_int(n);
}

static J_FN(m_range_index)
{
    J_UNUSED_ARGS;
    const struct jlist *l = j_items(c, self);
    for (size_t i = 0; i < l->n; i++)
        if (j_equal(c, l->v[i], a[0]))
            return j_int((int64_t)i);
    j_raise(c, "%s is not in range", j_show(c, j_repr(c, a[0])));
}

static J_FN(m_cycler_next)
{
    J_UNUSED_ARGS;
    struct jv v = self.cy->items->v[self.cy->pos];
    self.cy->pos = (self.cy->pos + 1) % self.cy->items->n;
    return v;
}

static J_FN(m_cycler_reset)
{
    J_UNUSED_ARGS;
    self.cy->pos = 0;
    return j_none();
}

static J_FN(m_is_integer)
{
    J_UNUSED_ARGS;
    return j_bool(isfinite(self.f) && self.f == floor(self.f));
}

static J_FN(m_bit_length)
{
    J_UNUSED_ARGS;
    int64_t i = j_as_int(self);
    uint64_t magnitude = i < 0 ? (uint64_t)0 - (uint64_t)i : (uint64_t)i;
    return j_int(magnitude ? 64 - __builtin_clzll(magnitude) : 0);
}

static const struct jfn dict_methods[] = {
    {"copy", m_copy, "", 0, true},
    {"get", m_get, "key default", 1, true},
    {"items", m_items, "", 0, true},
    {"keys", m_keys, "", 0, true},
    {"values", m_values, "", 0, true},
    {0},
};
static const struct jfn list_methods[] = {
    {"copy", m_copy, "", 0, true},
    {"count", m_count, "value", 1, true},
    {"index", m_index, "value start stop", 1, true},
    {0},
};
static const struct jfn range_methods[] = {
    {"count", m_count, "value", 1, true},
    {"index", m_range_index, "value", 1, true},
    {0},
};
static const struct jfn cycler_methods[] = {
    {"next", m_cycler_next, "", 0, true},
    {"reset", m_cycler_reset, "", 0, true},
    {0},
};
static const struct jfn loop_methods[] = {
    {"changed", j_loop_changed, NULL, 0, false},
    {"cycle", j_loop_cycle, NULL, 0, false},
    {0},
};
static const struct jfn float_methods[] = {
    {"is_integer", m_is_integer, "", 0, true},
    {0},
};
static const struct jfn int_methods[] = {
    {"bit_length", m_bit_length, "", 0, true},
    {0},
};

static const struct jfn *const tables[] = {
    [J_BOOL] = int_methods,
    [J_INT] = int_methods,
    [J_FLOAT] = float_methods,
    [J_LIST] = list_methods,
    [J_TUPLE] = list_methods + 1, /* tuples have no copy() */
    [J_DICT] = dict_methods,
    [J_RANGE] = range_methods,
    [J_LOOP] = loop_methods,
    [J_CYCLER] = cycler_methods,
};

const struct jfn *j_find_method(enum jtype type, const char *name, size_t n)
{
    if (type == J_STR)
        return j_find_str_method(name, n);
    if ((size_t)type >= sizeof tables / sizeof *tables || !tables[type])
        return NULL;
    return j_lookup(tables[type], name, n);
}
