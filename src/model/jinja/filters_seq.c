/* Filters over sequences and mappings. */
#include "model/jinja/filters.h"

#include <string.h>

/* --- attribute paths: "a.b.0", an integer, or nothing --- */

struct path {
    struct jlist *parts;
};

static struct path read_path(struct jctx *c, struct jv attribute)
{
    struct path p = {.parts = j_list_new(c, 1)};
    if (attribute.type == J_MISSING || attribute.type == J_NONE)
        return p;
    if (attribute.type != J_STR) {
        j_list_push(c, p.parts, attribute);
        return p;
    }
    const struct jlist *words = j_split(c, attribute.s, j_str(c, "."), -1, false);
    for (size_t i = 0; i < words->n; i++) {
        const struct jstr *w = words->v[i].s;
        int64_t number;
        bool digits = w->len > 0;
        for (size_t k = 0; k < w->len; k++)
            digits &= w->data[k] >= '0' && w->data[k] <= '9';
        digits = digits && j_parse_int(c, w, 10, &number);
        j_list_push(c, p.parts, digits ? j_int(number) : words->v[i]);
    }
    return p;
}

static struct jv follow(struct jctx *c, const struct path *p, struct jv v, struct jv fallback)
{
    for (size_t i = 0; i < p->parts->n; i++) {
        v = j_getitem(c, v, p->parts->v[i]);
        if (v.type == J_UNDEF && fallback.type != J_MISSING && fallback.type != J_NONE)
            v = fallback;
    }
    return v;
}

static struct jv fold_case(struct jctx *c, struct jv v, bool case_sensitive)
{
    return v.type == J_STR && !case_sensitive ? j_lower(c, v.s) : v;
}

static struct jlist *copy_list(struct jctx *c, const struct jlist *from)
{
    struct jlist *l = j_list_new(c, from->n);
    if (from->n)
        memcpy(l->v, from->v, from->n * sizeof *l->v);
    l->n = from->n;
    return l;
}

/* --- order --- */

J_FN(j_filter_sort)
{
    J_UNUSED_ARGS;
    bool case_sensitive = j_truth(c, a[1]);
    struct jlist *l = copy_list(c, j_items(c, self));
    struct jlist *names = j_list_new(c, 1);
    if (a[2].type == J_STR)
        names = j_split(c, a[2].s, j_str(c, ","), -1, false);
    else
        j_list_push(c, names, a[2]);
    struct path *paths = j_array(c, names->n, sizeof *paths);
    for (size_t i = 0; i < names->n; i++)
        paths[i] = read_path(c, names->v[i]);
    struct jv *keys = j_array(c, l->n, sizeof *keys);
    for (size_t i = 0; i < l->n; i++) {
        keys[i] = j_list(j_list_new(c, names->n));
        for (size_t k = 0; k < names->n; k++)
            j_list_push(c, keys[i].l,
                fold_case(c, follow(c, &paths[k], l->v[i], j_missing()), case_sensitive));
    }
    j_sort(c, l->v, keys, l->n, j_truth(c, a[0]));
    return j_list(l);
}

J_FN(j_filter_dictsort)
{
    J_UNUSED_ARGS;
    if (self.type != J_DICT)
        j_raise(c, "'%s' object has no attribute 'items'", j_type_name(self));
    bool by_value = j_is_str(a[1], "value");
    if (a[1].type != J_MISSING && !by_value && !j_is_str(a[1], "key"))
        j_raise(c, "You can only sort by either \"key\" or \"value\"");
    struct jlist *l = j_list_new(c, self.d->n);
    struct jv *keys = j_array(c, self.d->n, sizeof *keys);
    for (size_t i = 0; i < self.d->n; i++) {
        const struct jentry *e = &self.d->v[i];
        keys[i] = fold_case(c, by_value ? e->value : e->key, j_truth(c, a[0]));
        j_list_push(c, l, j_pair(c, e->key, e->value));
    }
    j_sort(c, l->v, keys, l->n, j_truth(c, a[2]));
    return j_list(l);
}

static struct jv extreme(struct jctx *c, struct jv self, const struct jv *a, enum jcmp better)
{
    const struct jlist *l = j_items(c, self);
    if (!l->n)
        return j_undef_hint(c, "No aggregated item, sequence was empty.");
    struct path p = read_path(c, a[1]);
    bool case_sensitive = j_truth(c, a[0]);
    size_t best = 0;
    struct jv best_key = fold_case(c, follow(c, &p, l->v[0], j_missing()), case_sensitive);
    for (size_t i = 1; i < l->n; i++) {
        struct jv key = fold_case(c, follow(c, &p, l->v[i], j_missing()), case_sensitive);
        if (j_compare(c, key, best_key, better)) {
            best = i;
            best_key = key;
        }
    }
    return l->v[best];
}

J_FN(j_filter_min)
{
    J_UNUSED_ARGS;
    return extreme(c, self, a, J_LT);
}

J_FN(j_filter_max)
{
    J_UNUSED_ARGS;
    return extreme(c, self, a, J_GT);
}

J_FN(j_filter_reverse)
{
    J_UNUSED_ARGS;
    if (self.type == J_STR)
        return j_slice(c, self, j_none(), j_none(), j_int(-1));
    if (!j_iterable(self))
        j_raise(c, "argument must be iterable");
    struct jlist *l = copy_list(c, j_items(c, self));
    for (size_t i = 0; i < l->n / 2; i++) {
        struct jv t = l->v[i];
        l->v[i] = l->v[l->n - 1 - i];
        l->v[l->n - 1 - i] = t;
    }
    return self.type == J_ITER ? j_list(l) : j_generator(c, l, "list_reverseiterator");
}

J_FN(j_filter_unique)
{
    J_UNUSED_ARGS;
    struct path p = read_path(c, a[1]);
    struct jdict *seen = j_dict_new(c);
    struct jlist *out = j_list_new(c, 0);
    const struct jlist *l = j_items(c, self);
    for (size_t i = 0; i < l->n; i++) {
        struct jv key = fold_case(c, follow(c, &p, l->v[i], j_missing()), j_truth(c, a[0]));
        if (j_dict_find(c, seen, key))
            continue;
        j_dict_set(c, seen, key, j_none());
        j_list_push(c, out, l->v[i]);
    }
    return j_generator(c, out, "generator");
}

J_FN(j_filter_groupby)
{
    J_UNUSED_ARGS;
    struct path p = read_path(c, a[0]);
    bool case_sensitive = j_truth(c, a[2]);
    struct jlist *l = copy_list(c, j_items(c, self)), *out = j_list_new(c, 0);
    struct jv *keys = j_array(c, l->n, sizeof *keys);
    for (size_t i = 0; i < l->n; i++)
        keys[i] = fold_case(c, follow(c, &p, l->v[i], a[1]), case_sensitive);
    j_sort(c, l->v, keys, l->n, false);
    for (size_t i = 0; i < l->n;) {
        struct jlist *group = j_list_new(c, 0);
        size_t from = i;
        for (; i < l->n && (i == from || j_equal(c, keys[from], keys[i])); i++)
            j_list_push(c, group, l->v[i]);
        struct jv pair = j_pair(c, follow(c, &p, l->v[from], a[1]), j_list(group));
        pair.l->group = true;
        j_list_push(c, out, pair);
    }
    return j_list(out);
}

/* --- parts --- */

J_FN(j_filter_first)
{
    J_UNUSED_ARGS;
    if (self.type == J_ITER && self.it->pos < self.it->l->n)
        return self.it->l->v[self.it->pos++];
    const struct jlist *l = j_items(c, self);
    return l->n ? l->v[0] : j_undef_hint(c, "No first item, sequence was empty.");
}

J_FN(j_filter_last)
{
    J_UNUSED_ARGS;
    if (self.type == J_ITER || !j_iterable(self))
        j_raise(c, "'%s' object is not reversible", j_type_name(self));
    const struct jlist *l = j_items(c, self);
    return l->n ? l->v[l->n - 1] : j_undef_hint(c, "No last item, sequence was empty.");
}

J_FN(j_filter_length)
{
    J_UNUSED_ARGS;
    size_t n;
    if (!j_len(c, self, &n))
        j_raise(c, "object of type '%s' has no len()", j_type_name(self));
    return j_int((int64_t)n);
}

J_FN(j_filter_list)
{
    J_UNUSED_ARGS;
    return j_list(copy_list(c, j_items(c, self)));
}

J_FN(j_filter_items)
{
    J_UNUSED_ARGS;
    if (self.type == J_UNDEF)
        return j_generator(c, j_list_new(c, 0), "generator");
    if (self.type != J_DICT)
        j_raise(c, "Can only get item pairs from a mapping.");
    struct jview *w = j_alloc(c, sizeof *w);
    *w = (struct jview){.d = self.d, .kind = J_ITEMS};
    return j_generator(c, j_items(c, (struct jv){.type = J_VIEW, .w = w}), "generator");
}

J_FN(j_filter_batch)
{
    J_UNUSED_ARGS;
    int64_t size = j_int_or(c, a[0], 0);
    const struct jlist *l = j_items(c, self);
    struct jlist *out = j_list_new(c, 0), *row = j_list_new(c, 0);
    for (size_t i = 0; i < l->n; i++) {
        if ((int64_t)row->n == size) {
            j_list_push(c, out, j_list(row));
            row = j_list_new(c, 0);
        }
        j_list_push(c, row, l->v[i]);
    }
    bool fill = a[1].type != J_MISSING && a[1].type != J_NONE;
    while (row->n && fill && (int64_t)row->n < size)
        j_list_push(c, row, a[1]);
    if (row->n)
        j_list_push(c, out, j_list(row));
    return j_generator(c, out, "generator");
}

J_FN(j_filter_slice)
{
    J_UNUSED_ARGS;
    int64_t slices = j_int_or(c, a[0], 0);
    const struct jlist *l = j_items(c, self);
    if (!slices)
        j_raise(c, "integer division or modulo by zero");
    struct jlist *out = j_list_new(c, 0);
    size_t count = slices > 0 ? (size_t)slices : 0, at = 0;
    bool fill = a[1].type != J_MISSING && a[1].type != J_NONE;
    for (size_t i = 0; i < count; i++) {
        bool extra = i < l->n % count;
        struct jlist *part = j_list_new(c, 0);
        for (size_t k = 0; k < l->n / count + extra; k++)
            j_list_push(c, part, l->v[at++]);
        if (fill && !extra)
            j_list_push(c, part, a[1]);
        j_list_push(c, out, j_list(part));
    }
    return j_generator(c, out, "generator");
}

J_FN(j_filter_join)
{
    J_UNUSED_ARGS;
    const struct jlist *l = j_items(c, self);
    struct path p = read_path(c, a[1]);
    struct jlist *text = j_list_new(c, l->n);
    for (size_t i = 0; i < l->n; i++) {
        const struct jstr *s = j_to_str(c, follow(c, &p, l->v[i], j_missing()));
        j_list_push(c, text, (struct jv){.type = J_STR, .s = s});
    }
    struct jv sep = {.type = J_STR, .s = j_to_str(c, a[0])};
    return j_join(c, j_with_markup(c, sep, false).s, text);
}

J_FN(j_filter_sum)
{
    J_UNUSED_ARGS;
    const struct jlist *l = j_items(c, self);
    struct path p = read_path(c, a[0]);
    struct jv total = a[1].type == J_MISSING ? j_int(0) : a[1];
    if (total.type == J_STR)
        j_raise(c, "sum() can't sum strings [use ''.join(seq) instead]");
    for (size_t i = 0; i < l->n; i++)
        total = j_binary(c, J_ADD, total, follow(c, &p, l->v[i], j_missing()));
    return total;
}

/* --- map and select --- */

static struct jv keyword(const struct jargs *raw, const char *name)
{
    for (size_t i = 0; i < raw->nkw; i++)
        if (j_is_str(raw->kw[i].name, name))
            return raw->kw[i].value;
    return j_missing();
}

static struct jargs rest_of(const struct jargs *raw, size_t skip)
{
    struct jargs rest = *raw;
    rest.v += skip;
    rest.n -= skip;
    return rest;
}

static const struct jfn *named(struct jctx *c, struct jv name, bool filter)
{
    const char *what = filter ? "filter" : "test";
    if (name.type != J_STR)
        j_raise(c, "No %s named %s.", what, j_show(c, j_repr(c, name)));
    const struct jfn *fn =
        filter ? j_find_filter(name.s->data, name.s->len) : j_find_test(name.s->data, name.s->len);
    if (!fn && filter && j_refused_filter(name.s->data, name.s->len))
        j_fail(c, PR_E_UNSUPPORTED, "the filter '%s' is not supported", j_show(c, name.s));
    if (!fn)
        j_raise(c, "No %s named %s.", what, j_show(c, j_repr(c, name)));
    return fn;
}

J_FN(j_filter_map)
{
    J_UNUSED_ARGS;
    struct jlist *out = j_list_new(c, 0);
    if (!j_truth(c, self))
        return j_generator(c, out, "generator");
    const struct jlist *l = j_items(c, self);
    struct jv attribute = keyword(raw, "attribute");
    if (!raw->n && attribute.type == J_MISSING)
        j_raise(c, "map requires a filter argument");
    if (!raw->n) {
        struct jv fallback = keyword(raw, "default");
        if (raw->nkw > 1u + (fallback.type != J_MISSING))
            j_raise(c, "Unexpected keyword argument");
        struct path p = read_path(c, attribute);
        for (size_t i = 0; i < l->n; i++)
            j_list_push(c, out, follow(c, &p, l->v[i], fallback));
        return j_generator(c, out, "generator");
    }
    struct jargs args = rest_of(raw, 1);
    for (size_t i = 0; i < l->n; i++)
        j_list_push(c, out, j_call_fn(c, named(c, raw->v[0], true), l->v[i], &args));
    return j_generator(c, out, "generator");
}

static struct jv choose(
    struct jctx *c, struct jv self, const struct jargs *raw, bool by_attribute, bool keep)
{
    struct jlist *out = j_list_new(c, 0);
    if (!j_truth(c, self))
        return j_generator(c, out, "generator");
    if (by_attribute && !raw->n)
        j_raise(c, "Missing parameter for attribute name");
    size_t skip = by_attribute;
    struct path p = read_path(c, by_attribute ? raw->v[0] : j_missing());
    const struct jlist *l = j_items(c, self);
    for (size_t i = 0; i < l->n; i++) {
        struct jv v = follow(c, &p, l->v[i], j_missing());
        if (raw->n > skip) {
            struct jargs args = rest_of(raw, skip + 1);
            v = j_call_fn(c, named(c, raw->v[skip], false), v, &args);
        }
        if (j_truth(c, v) == keep)
            j_list_push(c, out, l->v[i]);
    }
    return j_generator(c, out, "generator");
}

J_FN(j_filter_select)
{
    J_UNUSED_ARGS;
    return choose(c, self, raw, false, true);
}

J_FN(j_filter_reject)
{
    J_UNUSED_ARGS;
    return choose(c, self, raw, false, false);
}

J_FN(j_filter_selectattr)
{
    J_UNUSED_ARGS;
    return choose(c, self, raw, true, true);
}

J_FN(j_filter_rejectattr)
{
    J_UNUSED_ARGS;
    return choose(c, self, raw, true, false);
}
