/* Values: construction, and what Python asks of any object: truth, length, iteration, membership.
 */
#include "model/jinja/value.h"

#include <string.h>

const struct jundef j_plain_undef = {.hint = "value is undefined"};

static size_t count_chars(const char *s, size_t n)
{
    size_t chars = 0;
    for (size_t i = 0; i < n; i++)
        chars += ((unsigned char)s[i] & 0xc0) != 0x80;
    return chars;
}

struct jv j_strn(struct jctx *c, const char *s, size_t n)
{
    struct jstr *str = j_alloc(c, sizeof *str);
    *str = (struct jstr){.data = n ? s : "", .len = n, .chars = count_chars(s, n)};
    j_charge(c, n / 256);
    return (struct jv){.type = J_STR, .s = str};
}

struct jv j_str(struct jctx *c, const char *s)
{
    return j_strn(c, s, strlen(s));
}

struct jv j_strcopy(struct jctx *c, const char *s, size_t n)
{
    char *copy = j_alloc(c, n + 1);
    if (n)
        memcpy(copy, s, n);
    return j_strn(c, copy, n);
}

struct jv j_buf_str(struct jctx *c, const struct jbuf *b)
{
    return j_strn(c, b->data, b->len);
}

struct jv j_with_markup(struct jctx *c, struct jv s, bool markup)
{
    if (s.type != J_STR || s.s->markup == markup)
        return s;
    struct jstr *copy = j_alloc(c, sizeof *copy);
    *copy = *s.s;
    copy->markup = markup;
    return (struct jv){.type = J_STR, .s = copy};
}

static struct jv undef(struct jctx *c, struct jundef u)
{
    struct jundef *p = j_alloc(c, sizeof *p);
    *p = u;
    return (struct jv){.type = J_UNDEF, .u = p};
}

struct jv j_undef_name(struct jctx *c, const struct jstr *name)
{
    return undef(c, (struct jundef){.name = {.type = J_STR, .s = name}});
}

struct jv j_undef_attr(struct jctx *c, struct jv obj, struct jv name)
{
    return undef(c, (struct jundef){.obj = obj, .name = name});
}

struct jv j_undef_hint(struct jctx *c, const char *hint)
{
    return undef(c, (struct jundef){.hint = hint});
}

struct jv j_undef_unsafe(struct jctx *c, struct jv obj, const char *attr)
{
    struct jbuf b = {0};
    j_putf(c, &b, "access to attribute '%s' of '%s' object is unsafe.", attr, j_type_name(obj));
    j_putc(c, &b, '\0');
    return undef(c, (struct jundef){.hint = b.data, .security = true});
}

void j_raise_undefined(struct jctx *c, struct jv v)
{
    const struct jundef *u = v.u;
    if (u->hint)
        j_raise(c, "%s", u->hint);
    const char *name = j_show(c, j_repr(c, u->name));
    if (u->obj.type == J_MISSING)
        j_raise(c, "%s is undefined", name);
    const char *type = j_type_name(u->obj);
    const char *object = u->obj.type == J_NONE ? "" : " object";
    if (u->obj.type == J_NONE)
        type = "None";
    if (u->name.type != J_STR)
        j_raise(c, "%s%s has no element %s", type, object, name);
    j_raise(c, "'%s%s' has no attribute %s", type, object, name);
}

struct jlist *j_list_new(struct jctx *c, size_t cap)
{
    struct jlist *l = j_alloc(c, sizeof *l);
    l->cap = cap;
    if (cap)
        l->v = j_array(c, cap, sizeof *l->v);
    return l;
}

void j_list_push(struct jctx *c, struct jlist *l, struct jv v)
{
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 4;
        struct jv *fresh = j_array(c, cap, sizeof *fresh);
        if (l->n)
            memcpy(fresh, l->v, l->n * sizeof *fresh);
        l->v = fresh;
        l->cap = cap;
    }
    l->v[l->n++] = v;
}

struct jv j_list(struct jlist *l)
{
    return (struct jv){.type = J_LIST, .l = l};
}

struct jv j_tuple(struct jlist *l)
{
    return (struct jv){.type = J_TUPLE, .l = l};
}

struct jv j_pair(struct jctx *c, struct jv a, struct jv b)
{
    struct jlist *l = j_list_new(c, 2);
    j_list_push(c, l, a);
    j_list_push(c, l, b);
    return j_tuple(l);
}

struct jv j_generator(struct jctx *c, struct jlist *l, const char *kind)
{
    struct jiter *it = j_alloc(c, sizeof *it);
    *it = (struct jiter){.l = l, .kind = kind};
    return (struct jv){.type = J_ITER, .it = it};
}

/* --- numbers --- */

bool j_is_integer(struct jv v)
{
    return v.type == J_INT || v.type == J_BOOL;
}

bool j_is_number(struct jv v)
{
    return j_is_integer(v) || v.type == J_FLOAT;
}

int64_t j_as_int(struct jv v)
{
    return v.type == J_BOOL ? v.b : v.i;
}

double j_as_double(struct jv v)
{
    return v.type == J_FLOAT ? v.f : (double)j_as_int(v);
}

/* --- length, truth, iteration --- */

struct jv j_range_at(const struct jrange *r, size_t i)
{
    return j_int((int64_t)((uint64_t)r->start + i * (uint64_t)r->step));
}

bool j_len(struct jctx *c, struct jv v, size_t *ret)
{
    (void)c;
    switch (v.type) {
    case J_UNDEF:
        *ret = 0;
        return true;
    case J_STR:
        *ret = v.s->chars;
        return true;
    case J_LIST:
    case J_TUPLE:
        *ret = v.l->n;
        return true;
    case J_DICT:
        *ret = v.d->n;
        return true;
    case J_RANGE:
        *ret = v.r->n;
        return true;
    case J_VIEW:
        *ret = v.w->d->n;
        return true;
    case J_LOOP:
        *ret = j_loop_length(v.loop, NULL);
        return true;
    default:
        return false;
    }
}

bool j_truth(struct jctx *c, struct jv v)
{
    size_t n;
    switch (v.type) {
    case J_NONE:
    case J_MISSING:
        return false;
    case J_BOOL:
        return v.b;
    case J_INT:
        return v.i != 0;
    case J_FLOAT:
        return v.f != 0;
    default:
        return j_len(c, v, &n) ? n > 0 : true;
    }
}

bool j_iterable(struct jv v)
{
    switch (v.type) {
    case J_UNDEF:
    case J_STR:
    case J_LIST:
    case J_TUPLE:
    case J_DICT:
    case J_RANGE:
    case J_VIEW:
    case J_ITER:
        return true;
    default:
        return false;
    }
}

static struct jlist *view_items(struct jctx *c, const struct jdict *d, enum jview_kind kind)
{
    struct jlist *l = j_list_new(c, d->n);
    for (size_t i = 0; i < d->n; i++)
        j_list_push(c, l,
            kind == J_KEYS     ? d->v[i].key
            : kind == J_VALUES ? d->v[i].value
                               : j_pair(c, d->v[i].key, d->v[i].value));
    return l;
}

static struct jlist *chars_of(struct jctx *c, const struct jstr *s)
{
    struct jlist *l = j_list_new(c, s->chars);
    for (size_t i = 0; i < s->len;) {
        size_t n = 1;
        while (i + n < s->len && ((unsigned char)s->data[i + n] & 0xc0) == 0x80)
            n++;
        j_list_push(c, l, j_strn(c, s->data + i, n));
        i += n;
    }
    return l;
}

struct jlist *j_items(struct jctx *c, struct jv v)
{
    struct jlist *l;
    switch (v.type) {
    case J_UNDEF:
        return j_list_new(c, 0);
    case J_LIST:
    case J_TUPLE:
        return v.l;
    case J_STR:
        return chars_of(c, v.s);
    case J_DICT:
        return view_items(c, v.d, J_KEYS);
    case J_VIEW:
        return view_items(c, v.w->d, v.w->kind);
    case J_RANGE:
        l = j_list_new(c, v.r->n);
        for (size_t i = 0; i < v.r->n; i++)
            j_list_push(c, l, j_range_at(v.r, i));
        return l;
    case J_ITER:
        l = j_list_new(c, 0);
        l->v = v.it->pos ? v.it->l->v + v.it->pos : v.it->l->v;
        l->n = l->cap = v.it->l->n - v.it->pos;
        v.it->pos = v.it->l->n;
        return l;
    default:
        j_raise(c, "'%s' object is not iterable", j_type_name(v));
    }
}

static bool str_contains(struct jctx *c, const struct jstr *s, const struct jstr *part)
{
    j_charge(c, s->len / 64);
    return !part->len || memmem(s->data, s->len, part->data, part->len);
}

bool j_contains(struct jctx *c, struct jv item, struct jv container)
{
    if (container.type == J_STR) {
        if (item.type != J_STR)
            j_raise(c, "'in <string>' requires string as left operand, not %s", j_type_name(item));
        return str_contains(c, container.s, item.s);
    }
    if (container.type == J_DICT)
        return j_dict_find(c, container.d, item) != NULL;
    if (container.type == J_VIEW && container.w->kind == J_KEYS)
        return j_dict_find(c, container.w->d, item) != NULL;
    if (!j_iterable(container))
        j_raise(c, "argument of type '%s' is not iterable", j_type_name(container));
    const struct jlist *l = j_items(c, container);
    for (size_t i = 0; i < l->n; i++)
        if (j_same(l->v[i], item) || j_equal(c, l->v[i], item))
            return true;
    return false;
}

static const char *const type_names[] = {
    [J_MISSING] = "missing",
    [J_UNDEF] = "Undefined",
    [J_NONE] = "NoneType",
    [J_BOOL] = "bool",
    [J_INT] = "int",
    [J_FLOAT] = "float",
    [J_STR] = "str",
    [J_LIST] = "list",
    [J_TUPLE] = "tuple",
    [J_DICT] = "dict",
    [J_RANGE] = "range",
    [J_VIEW] = "dict_view",
    [J_ITER] = "generator",
    [J_NAMESPACE] = "jinja2.utils.Namespace",
    [J_MACRO] = "jinja2.runtime.Macro",
    [J_FUNC] = "function",
    [J_METHOD] = "builtin_function_or_method",
    [J_LOOP] = "jinja2.runtime.LoopContext",
    [J_CYCLER] = "jinja2.utils.Cycler",
    [J_JOINER] = "jinja2.utils.Joiner",
};

const char *j_type_name(struct jv v)
{
    static const char *const views[] = {
        [J_KEYS] = "dict_keys", [J_VALUES] = "dict_values", [J_ITEMS] = "dict_items"};
    if (v.type == J_VIEW)
        return views[v.w->kind];
    if (v.type == J_ITER)
        return v.it->kind;
    if (v.type == J_STR && v.s->markup)
        return "Markup";
    return type_names[v.type];
}

bool j_is_str(struct jv v, const char *text)
{
    return v.type == J_STR && v.s->len == strlen(text) && !memcmp(v.s->data, text, v.s->len);
}
