/* Equality, order and hashes as Python has them, and the dictionaries that stand on them. */
#include <math.h>
#include <string.h>

#include "model/jinja/value.h"

/* -1, 0, 1; 2 where one is NaN.  Exact where an int meets a double. */
static int order_numbers(struct jv a, struct jv b)
{
    if (a.type == J_FLOAT && b.type == J_FLOAT)
        return isnan(a.f) || isnan(b.f) ? 2 : (a.f > b.f) - (a.f < b.f);
    if (a.type == J_FLOAT)
        return isnan(a.f) ? 2 : -order_numbers(b, a);
    if (b.type != J_FLOAT) {
        int64_t x = j_as_int(a), y = j_as_int(b);
        return (x > y) - (x < y);
    }
    if (isnan(b.f))
        return 2;
    if (b.f >= 9223372036854775808.0)
        return -1;
    if (b.f < -9223372036854775808.0)
        return 1;
    int64_t x = j_as_int(a), y = (int64_t)b.f;
    if (x != y)
        return x > y ? 1 : -1;
    double rest = b.f - (double)y;
    return (rest < 0) - (rest > 0);
}

/* --- hash and equality --- */

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15u;
    return h ^ h >> 29;
}

static uint64_t hash_bytes(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
    return mix(h, n);
}

bool j_hashable(struct jctx *c, struct jv v)
{
    if (v.type != J_TUPLE)
        return v.type != J_LIST && v.type != J_DICT && !(v.type == J_VIEW && v.w->kind != J_VALUES);
    j_enter(c);
    bool all = true;
    for (size_t i = 0; i < v.l->n && all; i++)
        all = j_hashable(c, v.l->v[i]);
    c->depth--;
    return all;
}

uint64_t j_hash(struct jctx *c, struct jv v)
{
    if (v.type == J_STR) {
        j_charge(c, v.s->len / 64);
        return hash_bytes(v.s->data, v.s->len);
    }
    if (v.type == J_FLOAT && v.f == floor(v.f) && fabs(v.f) < 9e18)
        return mix(1, (uint64_t)(int64_t)v.f);
    if (j_is_integer(v))
        return mix(1, (uint64_t)j_as_int(v));
    if (v.type == J_FLOAT) {
        uint64_t bits;
        memcpy(&bits, &v.f, sizeof bits);
        return mix(2, bits);
    }
    if (!j_hashable(c, v))
        j_raise(c, "unhashable type: '%s'",
            j_type_name(v.type == J_TUPLE ? (struct jv){.type = J_LIST} : v));
    if (v.type != J_TUPLE)
        return mix(3, v.type);
    uint64_t h = 4;
    j_enter(c);
    for (size_t i = 0; i < v.l->n; i++)
        h = mix(h, j_hash(c, v.l->v[i]));
    c->depth--;
    return h;
}

static bool equal_lists(struct jctx *c, const struct jlist *a, const struct jlist *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (!j_same(a->v[i], b->v[i]) && !j_equal(c, a->v[i], b->v[i]))
            return false;
    return true;
}

static bool equal_dicts(struct jctx *c, const struct jdict *a, const struct jdict *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct jentry *other = j_dict_find(c, b, a->v[i].key);
        if (!other ||
            (!j_same(other->value, a->v[i].value) && !j_equal(c, other->value, a->v[i].value)))
            return false;
    }
    return true;
}

static bool equal_ranges(const struct jrange *a, const struct jrange *b)
{
    return a->n == b->n && (!a->n || (a->start == b->start && (a->n == 1 || a->step == b->step)));
}

bool j_same(struct jv a, struct jv b)
{
    if (a.type != b.type)
        return false;
    switch (a.type) {
    case J_NONE:
        return true;
    case J_BOOL:
        return a.b == b.b;
    case J_INT: /* CPython shares these */
        return a.i == b.i && a.i >= -5 && a.i <= 256;
    case J_FLOAT:
        return false;
    default:
        return a.s == b.s;
    }
}

static bool equal_views(struct jctx *c, const struct jview *a, const struct jview *b)
{
    if (a->kind != b->kind || a->kind == J_VALUES || a->d->n != b->d->n)
        return false;
    for (size_t i = 0; i < a->d->n; i++) {
        const struct jentry *e = j_dict_find(c, b->d, a->d->v[i].key);
        if (!e || (a->kind == J_ITEMS && !j_equal(c, e->value, a->d->v[i].value)))
            return false;
    }
    return true;
}

bool j_equal(struct jctx *c, struct jv a, struct jv b)
{
    j_charge(c, 1);
    if (j_is_number(a) && j_is_number(b))
        return order_numbers(a, b) == 0;
    if (a.type != b.type)
        return false;
    if (a.type == J_STR) {
        j_charge(c, a.s->len / 256);
        return a.s->len == b.s->len && !memcmp(a.s->data, b.s->data, a.s->len);
    }
    bool equal;
    j_enter(c);
    switch (a.type) {
    case J_UNDEF:
    case J_NONE:
        equal = true;
        break;
    case J_LIST:
    case J_TUPLE:
        equal = equal_lists(c, a.l, b.l);
        break;
    case J_DICT:
        equal = equal_dicts(c, a.d, b.d);
        break;
    case J_RANGE:
        equal = equal_ranges(a.r, b.r);
        break;
    case J_VIEW:
        equal = equal_views(c, a.w, b.w);
        break;
    default:
        equal = a.s == b.s;
    }
    c->depth--;
    return equal;
}

static const char *const cmp_text[] = {[J_LT] = "<", [J_LE] = "<=", [J_GT] = ">", [J_GE] = ">="};

static bool from_order(int order, enum jcmp op)
{
    if (order == 2)
        return false;
    return op == J_LT ? order < 0 : op == J_LE ? order <= 0 : op == J_GT ? order > 0 : order >= 0;
}

bool j_compare(struct jctx *c, struct jv a, struct jv b, enum jcmp op)
{
    j_charge(c, 1);
    if (a.type == J_UNDEF)
        j_raise_undefined(c, a);
    if (b.type == J_UNDEF)
        j_raise_undefined(c, b);
    if (j_is_number(a) && j_is_number(b))
        return from_order(order_numbers(a, b), op);
    if (a.type == J_STR && b.type == J_STR) { /* code point order is byte order in UTF-8 */
        size_t n = a.s->len < b.s->len ? a.s->len : b.s->len;
        j_charge(c, n / 256);
        int d = memcmp(a.s->data, b.s->data, n);
        int by_len = (a.s->len > b.s->len) - (a.s->len < b.s->len);
        return from_order(d < 0 ? -1 : d > 0 ? 1 : by_len, op);
    }
    if ((a.type == J_LIST || a.type == J_TUPLE) && a.type == b.type) {
        j_enter(c);
        size_t i = 0;
        while (i < a.l->n && i < b.l->n &&
               (j_same(a.l->v[i], b.l->v[i]) || j_equal(c, a.l->v[i], b.l->v[i])))
            i++;
        bool r;
        if (i < a.l->n && i < b.l->n)
            r = j_compare(c, a.l->v[i], b.l->v[i], op);
        else
            r = from_order((a.l->n > b.l->n) - (a.l->n < b.l->n), op);
        c->depth--;
        return r;
    }
    j_raise(c, "'%s' not supported between instances of '%s' and '%s'", cmp_text[op],
        j_type_name(a), j_type_name(b));
}

/* --- dictionaries --- */

struct jdict *j_dict_new(struct jctx *c)
{
    return j_alloc(c, sizeof(struct jdict));
}

static bool entry_is(struct jctx *c, const struct jentry *e, struct jv key, uint64_t hash)
{
    return e->hash == hash && (j_same(e->key, key) || j_equal(c, e->key, key));
}

static struct jentry *find_hashed(
    struct jctx *c, const struct jdict *d, struct jv key, uint64_t hash)
{
    if (!d->index) {
        for (size_t i = 0; i < d->n; i++)
            if (entry_is(c, &d->v[i], key, hash))
                return &d->v[i];
        return NULL;
    }
    for (size_t at = hash & (d->index_cap - 1); d->index[at]; at = (at + 1) & (d->index_cap - 1))
        if (entry_is(c, &d->v[d->index[at] - 1], key, hash))
            return &d->v[d->index[at] - 1];
    return NULL;
}

static void reindex(struct jctx *c, struct jdict *d)
{
    d->index_cap = 32;
    while (d->index_cap < d->cap * 2)
        d->index_cap *= 2;
    d->index = j_array(c, d->index_cap, sizeof *d->index);
    for (size_t i = 0; i < d->n; i++) {
        size_t at = d->v[i].hash & (d->index_cap - 1);
        while (d->index[at])
            at = (at + 1) & (d->index_cap - 1);
        d->index[at] = (uint32_t)i + 1;
    }
}

void j_dict_set(struct jctx *c, struct jdict *d, struct jv key, struct jv value)
{
    uint64_t hash = j_hash(c, key);
    struct jentry *e = find_hashed(c, d, key, hash);
    if (e) {
        e->value = value;
        return;
    }
    if (d->n == d->cap) {
        size_t cap = d->cap ? d->cap * 2 : 8;
        struct jentry *fresh = j_array(c, cap, sizeof *fresh);
        if (d->n)
            memcpy(fresh, d->v, d->n * sizeof *fresh);
        d->v = fresh;
        d->cap = cap;
        if (cap > 8)
            reindex(c, d);
    }
    d->v[d->n++] = (struct jentry){.key = key, .value = value, .hash = hash};
    if (!d->index)
        return;
    size_t at = hash & (d->index_cap - 1);
    while (d->index[at])
        at = (at + 1) & (d->index_cap - 1);
    d->index[at] = (uint32_t)d->n;
}

struct jentry *j_dict_find(struct jctx *c, const struct jdict *d, struct jv key)
{
    return find_hashed(c, d, key, j_hash(c, key));
}

struct jentry *j_dict_find_str(struct jctx *c, const struct jdict *d, const char *key, size_t n)
{
    struct jstr s = {.data = key, .len = n};
    return find_hashed(c, d, (struct jv){.type = J_STR, .s = &s}, hash_bytes(key, n));
}
