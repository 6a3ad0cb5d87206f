/* Operators, attributes, items and slices, with Python's rules and Python's messages. */
#include <math.h>
#include <string.h>

#include "model/jinja/value.h"

static const char *const op_text[] = {[J_ADD] = "+",
    [J_SUB] = "-",
    [J_MUL] = "*",
    [J_DIV] = "/",
    [J_FLOORDIV] = "//",
    [J_MOD] = "%",
    [J_POW] = "** or pow()"};

static _Noreturn void unsupported(struct jctx *c, enum jbinop op, struct jv a, struct jv b)
{
    j_raise(c, "unsupported operand type(s) for %s: '%s' and '%s'", op_text[op], j_type_name(a),
        j_type_name(b));
}

static _Noreturn void overflow(struct jctx *c)
{
    j_raise(c, "integer overflow: the result is beyond 64 bits");
}

static struct jv int_pow(struct jctx *c, int64_t base, int64_t exponent)
{
    if (exponent < 0) {
        if (!base)
            j_raise(c, "0.0 cannot be raised to a negative power");
        return j_float(pow((double)base, (double)exponent));
    }
    int64_t r = 1;
    while (exponent) {
        if ((exponent & 1) && __builtin_mul_overflow(r, base, &r))
            overflow(c);
        exponent >>= 1;
        if (exponent && __builtin_mul_overflow(base, base, &base)) {
            overflow(c);
        }
    }
    return j_int(r);
}

static struct jv int_op(struct jctx *c, enum jbinop op, int64_t a, int64_t b)
{
    int64_t r = 0;
    bool over = false;
    switch (op) {
    case J_ADD:
        over = __builtin_add_overflow(a, b, &r);
        break;
    case J_SUB:
        over = __builtin_sub_overflow(a, b, &r);
        break;
    case J_MUL:
        over = __builtin_mul_overflow(a, b, &r);
        break;
    case J_DIV:
        if (!b)
            j_raise(c, "division by zero");
        return j_float((double)a / (double)b);
    case J_POW:
        return int_pow(c, a, b);
    default:
        if (!b)
            j_raise(c, "integer division or modulo by zero");
        if (a == INT64_MIN && b == -1) {
            over = op == J_FLOORDIV;
            break;
        }
        r = op == J_MOD ? a % b : a / b;
        if (a % b && (a < 0) != (b < 0))
            r += op == J_MOD ? b : -1;
    }
    if (over)
        overflow(c);
    return j_int(r);
}

static struct jv float_pow(struct jctx *c, double a, double b)
{
    if (a == 0 && b < 0)
        j_raise(c, "0.0 cannot be raised to a negative power");
    if (a < 0 && isfinite(b) && b != floor(b))
        j_fail(c, PR_E_UNSUPPORTED, "a complex number as the result of **");
    double r = pow(a, b);
    if (isinf(r) && isfinite(a) && isfinite(b))
        j_raise(c, "(34, 'Numerical result out of range')");
    return j_float(r);
}

/* Python's floor division and modulo: the remainder has the divisor's sign. */
static struct jv float_divmod(struct jctx *c, enum jbinop op, double a, double b)
{
    if (b == 0)
        j_raise(c, op == J_MOD ? "float modulo" : "float floor division by zero");
    double mod = fmod(a, b), div = (a - mod) / b;
    if (mod != 0) {
        if ((b < 0) != (mod < 0)) {
            mod += b;
            div -= 1;
        }
    } else {
        mod = copysign(0, b);
    }
    if (op == J_MOD)
        return j_float(mod);
    double whole = floor(div);
    if (div != 0 && div - whole > 0.5)
        whole += 1;
    return j_float(div != 0 ? whole : copysign(0, a / b));
}

static struct jv float_op(struct jctx *c, enum jbinop op, double a, double b)
{
    switch (op) {
    case J_ADD:
        return j_float(a + b);
    case J_SUB:
        return j_float(a - b);
    case J_MUL:
        return j_float(a * b);
    case J_DIV:
        if (b == 0)
            j_raise(c, "float division by zero");
        return j_float(a / b);
    case J_POW:
        return float_pow(c, a, b);
    default:
        return float_divmod(c, op, a, b);
    }
}

static struct jv add_strings(struct jctx *c, struct jv a, struct jv b)
{
    bool markup = a.s->markup || b.s->markup;
    if (markup) {
        a = j_escape(c, a);
        b = j_escape(c, b);
    }
    struct jbuf buf = {0};
    buf.data = j_alloc(c, a.s->len + b.s->len);
    buf.cap = a.s->len + b.s->len;
    j_put(c, &buf, a.s->data, a.s->len);
    j_put(c, &buf, b.s->data, b.s->len);
    return j_with_markup(c, j_buf_str(c, &buf), markup);
}

static bool is_list(struct jv v)
{
    return v.type == J_LIST || v.type == J_TUPLE;
}

static struct jv add(struct jctx *c, struct jv a, struct jv b)
{
    if (a.type == J_STR && b.type == J_STR)
        return add_strings(c, a, b);
    if (is_list(a) && a.type == b.type) {
        struct jlist *l = j_list_new(c, a.l->n + b.l->n);
        for (size_t i = 0; i < a.l->n; i++)
            j_list_push(c, l, a.l->v[i]);
        for (size_t i = 0; i < b.l->n; i++)
            j_list_push(c, l, b.l->v[i]);
        return (struct jv){.type = a.type, .l = l};
    }
    if (a.type == J_STR || is_list(a))
        j_raise(c, "can only concatenate %s (not \"%s\") to %s", j_type_name(a), j_type_name(b),
            j_type_name(a));
    unsupported(c, J_ADD, a, b);
}

static struct jv repeat(struct jctx *c, struct jv v, int64_t times)
{
    size_t n = times > 0 ? (size_t)times : 0;
    if (v.type == J_STR) {
        size_t bytes;
        if (!pr_mul(v.s->len, n, &bytes))
            j_fail(c, PR_E_LIMIT, "a string repeated %zu times", n);
        char *data = j_alloc(c, bytes);
        for (size_t i = 0; i < bytes; i += v.s->len)
            memcpy(data + i, v.s->data, v.s->len);
        return j_with_markup(c, j_strn(c, data, bytes), v.s->markup);
    }
    size_t total;
    if (!pr_mul(v.l->n, n, &total))
        j_fail(c, PR_E_LIMIT, "a list repeated %zu times", n);
    struct jlist *l = j_list_new(c, total);
    for (size_t i = 0; i < total; i++)
        j_list_push(c, l, v.l->v[i % v.l->n]);
    return (struct jv){.type = v.type, .l = l};
}

static struct jv multiply(struct jctx *c, struct jv a, struct jv b)
{
    bool sequence_a = a.type == J_STR || is_list(a), sequence_b = b.type == J_STR || is_list(b);
    if (sequence_a && j_is_integer(b))
        return repeat(c, a, j_as_int(b));
    if (sequence_b && j_is_integer(a))
        return repeat(c, b, j_as_int(a));
    if (sequence_a || sequence_b)
        j_raise(
            c, "can't multiply sequence by non-int of type '%s'", j_type_name(sequence_a ? b : a));
    unsupported(c, J_MUL, a, b);
}

struct jv j_binary(struct jctx *c, enum jbinop op, struct jv a, struct jv b)
{
    if (op == J_MOD && a.type == J_STR)
        return j_percent(c, a.s, b);
    if (a.type == J_UNDEF)
        j_raise_undefined(c, a);
    if (b.type == J_UNDEF)
        j_raise_undefined(c, b);
    if (j_is_integer(a) && j_is_integer(b))
        return int_op(c, op, j_as_int(a), j_as_int(b));
    if (j_is_number(a) && j_is_number(b))
        return float_op(c, op, j_as_double(a), j_as_double(b));
    if (op == J_ADD)
        return add(c, a, b);
    if (op == J_MUL)
        return multiply(c, a, b);
    unsupported(c, op, a, b);
}

struct jv j_negate(struct jctx *c, struct jv v)
{
    if (v.type == J_UNDEF)
        j_raise_undefined(c, v);
    if (v.type == J_FLOAT)
        return j_float(-v.f);
    if (!j_is_integer(v))
        j_raise(c, "bad operand type for unary -: '%s'", j_type_name(v));
    return int_op(c, J_SUB, 0, j_as_int(v));
}

struct jv j_positive(struct jctx *c, struct jv v)
{
    if (v.type == J_UNDEF)
        j_raise_undefined(c, v);
    if (v.type == J_FLOAT)
        return v;
    if (!j_is_integer(v))
        j_raise(c, "bad operand type for unary +: '%s'", j_type_name(v));
    return j_int(j_as_int(v));
}

/* --- attributes --- */

static bool one_of(const struct jstr *name, const char *const *list)
{
    for (; *list; list++)
        if (strlen(*list) == name->len && !memcmp(*list, name->data, name->len))
            return true;
    return false;
}

/* Attributes that Python has and the sandbox hides: reading one gives an undefined value, calling
 * it raises. */
static bool hidden(struct jv obj, const struct jstr *name)
{
    static const char *const dict[] = {"clear", "pop", "popitem", "setdefault", "update", NULL};
    static const char *const list[] = {
        "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort", NULL};
    static const char *const object[] = {"__class__", "__delattr__", "__dir__", "__doc__", "__eq__",
        "__format__", "__ge__", "__getattribute__", "__gt__", "__hash__", "__init__",
        "__init_subclass__", "__le__", "__lt__", "__ne__", "__new__", "__reduce__", "__reduce_ex__",
        "__repr__", "__setattr__", "__sizeof__", "__str__", "__subclasshook__", NULL};
    static const char *const sized[] = {"__contains__", "__getitem__", "__iter__", "__len__", NULL};
    if (obj.type == J_DICT && one_of(name, dict))
        return true;
    if (obj.type == J_LIST && one_of(name, list))
        return true;
    if ((obj.type == J_DICT || obj.type == J_STR || is_list(obj)) && one_of(name, sized))
        return true;
    return one_of(name, object);
}

static void refuse_unknown_method(struct jctx *c, struct jv obj, const struct jstr *name)
{
    static const char *const str[] = {
        "encode", "format_map", "isidentifier", "maketrans", "translate", NULL};
    static const char *const dict[] = {"fromkeys", NULL};
    static const char *const number[] = {"as_integer_ratio", "conjugate", "from_bytes", "fromhex",
        "hex", "to_bytes", "bit_count", NULL};
    if ((obj.type == J_STR && one_of(name, str)) || (obj.type == J_DICT && one_of(name, dict)) ||
        (j_is_number(obj) && one_of(name, number)))
        j_fail(c, PR_E_UNSUPPORTED, "the attribute '%s' of '%s' is not supported", j_show(c, name),
            j_type_name(obj));
}

static struct jv plain_attribute(struct jv obj, const struct jstr *name)
{
    struct jv key = {.type = J_STR, .s = name};
    if (obj.type == J_CYCLER && j_is_str(key, "current"))
        return obj.cy->items->v[obj.cy->pos];
    if (obj.type == J_RANGE) {
        if (j_is_str(key, "start"))
            return j_int(obj.r->start);
        if (j_is_str(key, "stop"))
            return j_int(obj.r->stop);
        if (j_is_str(key, "step"))
            return j_int(obj.r->step);
    }
    if (obj.type == J_TUPLE && obj.l->group) {
        if (j_is_str(key, "grouper"))
            return obj.l->v[0];
        if (j_is_str(key, "list"))
            return obj.l->v[1];
    }
    if (j_is_integer(obj)) {
        if (j_is_str(key, "real") || j_is_str(key, "numerator"))
            return j_int(j_as_int(obj));
        if (j_is_str(key, "imag") || j_is_str(key, "denominator"))
            return j_int(j_is_str(key, "denominator"));
    }
    if (obj.type == J_FLOAT && (j_is_str(key, "real") || j_is_str(key, "imag")))
        return j_float(j_is_str(key, "real") ? obj.f : 0);
    return j_missing();
}

struct jv j_attribute(struct jctx *c, struct jv obj, const struct jstr *name)
{
    if (obj.type == J_UNDEF && !(name->len >= 2 && !memcmp(name->data, "__", 2)))
        j_raise_undefined(c, obj);
    if (obj.type == J_NAMESPACE) {
        const struct jentry *e = j_dict_find_str(c, obj.d, name->data, name->len);
        return e ? e->value : j_missing();
    }
    if (hidden(obj, name))
        return j_undef_unsafe(c, obj, j_show(c, name));
    struct jv v = obj.type == J_LOOP    ? j_loop_attribute(c, obj, name)
                  : obj.type == J_MACRO ? j_macro_attribute(c, obj.m, name)
                                        : plain_attribute(obj, name);
    if (v.type != J_MISSING)
        return v;
    const struct jfn *fn = j_find_method(obj.type, name->data, name->len);
    if (fn) {
        struct jmethod *bm = j_alloc(c, sizeof *bm);
        *bm = (struct jmethod){.self = obj, .fn = fn};
        return (struct jv){.type = J_METHOD, .bm = bm};
    }
    refuse_unknown_method(c, obj, name);
    return j_missing();
}

/* obj[key]; MISSING where Python would raise TypeError, IndexError or KeyError. */
static struct jv item(struct jctx *c, struct jv obj, struct jv key)
{
    if (obj.type == J_UNDEF)
        j_raise_undefined(c, obj);
    if (obj.type == J_DICT) {
        const struct jentry *e = j_hashable(c, key) ? j_dict_find(c, obj.d, key) : NULL;
        return e ? e->value : j_missing();
    }
    size_t n;
    bool indexed = is_list(obj) || obj.type == J_STR || obj.type == J_RANGE;
    if (!indexed || !j_is_integer(key) || !j_len(c, obj, &n))
        return j_missing();
    int64_t i = j_as_int(key);
    if (i < 0)
        i += (int64_t)n;
    if (i < 0 || (size_t)i >= n)
        return j_missing();
    if (obj.type == J_RANGE)
        return j_range_at(obj.r, (size_t)i);
    if (obj.type != J_STR)
        return obj.l->v[i];
    size_t from = j_char_offset(obj.s, (size_t)i), to = from + 1;
    j_charge(c, from / 256);
    while (to < obj.s->len && ((unsigned char)obj.s->data[to] & 0xc0) == 0x80)
        to++;
    return j_substr(c, obj.s, from, to);
}

struct jv j_getattr(struct jctx *c, struct jv obj, const struct jstr *name)
{
    struct jv v = j_attribute(c, obj, name), key = {.type = J_STR, .s = name};
    if (v.type == J_MISSING)
        v = item(c, obj, key);
    return v.type == J_MISSING ? j_undef_attr(c, obj, key) : v;
}

struct jv j_getitem(struct jctx *c, struct jv obj, struct jv key)
{
    struct jv v = item(c, obj, key);
    if (v.type == J_MISSING && key.type == J_STR)
        v = j_attribute(c, obj, key.s);
    return v.type == J_MISSING ? j_undef_attr(c, obj, key) : v;
}

/* --- slices --- */

static int64_t slice_index(struct jctx *c, struct jv v, int64_t missing)
{
    if (v.type == J_NONE || v.type == J_MISSING)
        return missing;
    if (!j_is_integer(v))
        j_raise(c, "slice indices must be integers or None or have an __index__ method");
    return j_as_int(v);
}

static int64_t clamp(int64_t i, int64_t n, bool backward)
{
    int64_t low = backward ? -1 : 0, high = backward ? n - 1 : n;
    if (i < 0)
        i += n;
    return i < low ? low : i > high ? high : i;
}

static struct jv range_part(
    struct jctx *c, const struct jrange *of, int64_t from, int64_t to, int64_t by, size_t count)
{
    struct jrange *r = j_alloc(c, sizeof *r);
    *r = (struct jrange){.start = j_range_at(of, (size_t)from).i,
        .stop = j_range_at(of, (size_t)to).i,
        .step = (int64_t)((uint64_t)by * (uint64_t)of->step),
        .n = count};
    return (struct jv){.type = J_RANGE, .r = r};
}

static struct jv take(struct jctx *c, struct jv obj, int64_t start, int64_t step, size_t count)
{
    if (obj.type == J_STR && step == 1) {
        size_t from = j_char_offset(obj.s, (size_t)start), to = from;
        for (size_t i = 0; i < count; i++)
            do
                to++;
            while (to < obj.s->len && ((unsigned char)obj.s->data[to] & 0xc0) == 0x80);
        j_charge(c, to / 256);
        return j_substr(c, obj.s, from, to);
    }
    const struct jlist *from = j_items(c, obj);
    if (obj.type != J_STR) {
        struct jlist *l = j_list_new(c, count);
        for (size_t i = 0; i < count; i++)
            j_list_push(c, l, from->v[start + (int64_t)i * step]);
        return (struct jv){.type = obj.type, .l = l};
    }
    struct jbuf b = {0};
    for (size_t i = 0; i < count; i++) {
        const struct jstr *ch = from->v[start + (int64_t)i * step].s;
        j_put(c, &b, ch->data, ch->len);
    }
    return j_with_markup(c, j_buf_str(c, &b), obj.s->markup);
}

struct jv j_slice(struct jctx *c, struct jv obj, struct jv start, struct jv stop, struct jv step)
{
    if (obj.type == J_UNDEF)
        j_raise_undefined(c, obj);
    size_t len;
    if (obj.type == J_DICT)
        j_raise(c, "unhashable type: 'slice'");
    if (!(is_list(obj) || obj.type == J_STR || obj.type == J_RANGE) || !j_len(c, obj, &len))
        j_raise(c, "'%s' object is not subscriptable", j_type_name(obj));
    int64_t n = (int64_t)len, by = slice_index(c, step, 1);
    if (!by)
        j_raise(c, "slice step cannot be zero");
    bool back = by < 0;
    int64_t from = slice_index(c, start, back ? INT64_MAX : 0);
    int64_t to = slice_index(c, stop, back ? INT64_MIN + n : INT64_MAX);
    from = clamp(from, n, back);
    to = clamp(to < INT64_MIN + n ? INT64_MIN + n : to, n, back);
    uint64_t span =
        back ? (from > to ? (uint64_t)(from - to) : 0) : (to > from ? (uint64_t)(to - from) : 0);
    uint64_t stride = back ? (uint64_t)0 - (uint64_t)by : (uint64_t)by;
    size_t count = span ? (size_t)((span - 1) / stride + 1) : 0;
    if (obj.type == J_RANGE)
        return range_part(c, obj.r, from, to, by, count);
    if (count <= 1)
        by = 1; /* a step beyond the sequence; keeps start + i * by in range */
    return take(c, obj, count ? from : 0, by, count);
}

/* --- sorting: a stable merge sort over (key, item) --- */

struct sorter {
    struct jctx *c;
    struct jv *items, *keys, *tmp_items, *tmp_keys;
    bool reverse;
};

static void merge(struct sorter *s, size_t from, size_t mid, size_t to)
{
    size_t a = from, b = mid, k = from;
    while (a < mid || b < to) {
        bool take_b = a == mid;
        if (a < mid && b < to)
            take_b = s->reverse ? j_compare(s->c, s->keys[a], s->keys[b], J_LT)
                                : j_compare(s->c, s->keys[b], s->keys[a], J_LT);
        size_t from_at = take_b ? b++ : a++;
        s->tmp_items[k] = s->items[from_at];
        s->tmp_keys[k++] = s->keys[from_at];
    }
    memcpy(s->items + from, s->tmp_items + from, (to - from) * sizeof *s->items);
    memcpy(s->keys + from, s->tmp_keys + from, (to - from) * sizeof *s->keys);
}

void j_sort(struct jctx *c, struct jv *items, struct jv *keys, size_t n, bool reverse)
{
    struct sorter s = {.c = c, .items = items, .keys = keys, .reverse = reverse};
    s.tmp_items = j_array(c, n, sizeof *items);
    s.tmp_keys = j_array(c, n, sizeof *keys);
    for (size_t width = 1; width < n; width *= 2)
        for (size_t i = 0; i + width < n; i += 2 * width)
            merge(&s, i, i + width, i + 2 * width < n ? i + 2 * width : n);
}
