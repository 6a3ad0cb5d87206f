/* JSON in and out: the variables as jansson holds them, and tojson as Python's json.dumps writes.
 */
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "model/jinja/value.h"

struct jv j_from_json(struct jctx *c, const json_t *j)
{
    switch (json_typeof(j)) {
    case JSON_TRUE:
    case JSON_FALSE:
        return j_bool(json_is_true(j));
    case JSON_INTEGER:
        return j_int(json_integer_value(j));
    case JSON_REAL:
        return j_float(json_real_value(j));
    case JSON_STRING:
        return j_strn(c, json_string_value(j), json_string_length(j));
    case JSON_NULL:
        return j_none();
    default:
        break;
    }
    j_enter(c);
    struct jv v;
    if (json_is_array(j)) {
        v = j_list(j_list_new(c, json_array_size(j)));
        size_t i;
        json_t *item;
        json_array_foreach (j, i, item)
            j_list_push(c, v.l, j_from_json(c, item));
    } else {
        v = (struct jv){.type = J_DICT, .d = j_dict_new(c)};
        const char *key;
        size_t len;
        json_t *item;
        json_object_keylen_foreach((json_t *)j, key, len, item)
            j_dict_set(c, v.d, j_strn(c, key, len), j_from_json(c, item));
    }
    c->depth--;
    return v;
}

struct writer {
    struct jctx *c;
    struct jbuf out;
    bool ascii, sort_keys, pretty;
    const struct jstr *indent, *item_sep, *key_sep;
};

static void put_json(struct writer *w, struct jv v, unsigned level);

static void put_escape(struct writer *w, uint32_t ch)
{
    static const char *const named[128] = {['"'] = "\\\"",
        ['\\'] = "\\\\",
        ['\n'] = "\\n",
        ['\r'] = "\\r",
        ['\t'] = "\\t",
        ['\f'] = "\\f",
        ['\b'] = "\\b"};
    if (ch < 128 && named[ch]) {
        j_puts(w->c, &w->out, named[ch]);
    } else if (ch < 0x10000) {
        j_putf(w->c, &w->out, "\\u%04x", ch);
    } else {
        ch -= 0x10000;
        j_putf(w->c, &w->out, "\\u%04x\\u%04x", 0xd800 + (ch >> 10), 0xdc00 + (ch & 0x3ff));
    }
}

static void put_string(struct writer *w, const struct jstr *s)
{
    j_putc(w->c, &w->out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < s->len;) {
        uint32_t ch;
        size_t n = pr_utf8_decode(s->data + i, &ch);
        if (ch < 0x20 || ch == '"' || ch == '\\' || (w->ascii && ch > 0x7e && ch != 0x7f)) {
            j_put(w->c, &w->out, s->data + plain, i - plain);
            put_escape(w, ch);
            plain = i + n;
        }
        i += n;
    }
    j_put(w->c, &w->out, s->data + plain, s->len - plain);
    j_putc(w->c, &w->out, '"');
}

static void newline(struct writer *w, unsigned level)
{
    if (!w->pretty)
        return;
    j_putc(w->c, &w->out, '\n');
    for (unsigned i = 0; i < level; i++)
        j_put(w->c, &w->out, w->indent->data, w->indent->len);
}

static void put_list(struct writer *w, const struct jlist *l, unsigned level)
{
    j_putc(w->c, &w->out, '[');
    for (size_t i = 0; i < l->n; i++) {
        if (i)
            j_put(w->c, &w->out, w->item_sep->data, w->item_sep->len);
        newline(w, level + 1);
        put_json(w, l->v[i], level + 1);
    }
    if (l->n)
        newline(w, level);
    j_putc(w->c, &w->out, ']');
}

static void put_number(struct writer *w, double x)
{
    if (isnan(x))
        j_puts(w->c, &w->out, "NaN");
    else if (isinf(x))
        j_puts(w->c, &w->out, x < 0 ? "-Infinity" : "Infinity");
    else
        j_put_float(w->c, &w->out, x);
}

static void put_key(struct writer *w, struct jv key)
{
    if (key.type == J_STR) {
        put_string(w, key.s);
        return;
    }
    if (key.type != J_NONE && !j_is_number(key))
        j_raise(w->c, "keys must be str, int, float, bool or None, not %s", j_type_name(key));
    j_putc(w->c, &w->out, '"');
    put_json(w, key, 0);
    j_putc(w->c, &w->out, '"');
}

static void put_dict(struct writer *w, const struct jdict *d, unsigned level)
{
    struct jctx *c = w->c;
    struct jv *values = j_array(c, d->n, sizeof *values), *keys = j_array(c, d->n, sizeof *keys);
    for (size_t i = 0; i < d->n; i++) {
        keys[i] = d->v[i].key;
        values[i] = j_pair(c, d->v[i].key, d->v[i].value);
    }
    if (w->sort_keys)
        j_sort(c, values, keys, d->n, false);
    j_putc(c, &w->out, '{');
    for (size_t i = 0; i < d->n; i++) {
        if (i)
            j_put(c, &w->out, w->item_sep->data, w->item_sep->len);
        newline(w, level + 1);
        put_key(w, values[i].l->v[0]);
        j_put(c, &w->out, w->key_sep->data, w->key_sep->len);
        put_json(w, values[i].l->v[1], level + 1);
    }
    if (d->n)
        newline(w, level);
    j_putc(c, &w->out, '}');
}

static void put_json(struct writer *w, struct jv v, unsigned level)
{
    struct jctx *c = w->c;
    j_enter(c);
    switch (v.type) {
    case J_NONE:
        j_puts(c, &w->out, "null");
        break;
    case J_BOOL:
        j_puts(c, &w->out, v.b ? "true" : "false");
        break;
    case J_INT:
        j_putf(c, &w->out, "%lld", (long long)v.i);
        break;
    case J_FLOAT:
        put_number(w, v.f);
        break;
    case J_STR:
        put_string(w, v.s);
        break;
    case J_LIST:
    case J_TUPLE:
        put_list(w, v.l, level);
        break;
    case J_DICT:
        put_dict(w, v.d, level);
        break;
    default:
        j_raise(c, "Object of type %s is not JSON serializable", j_type_name(v));
    }
    c->depth--;
}

static const struct jstr *separator(struct jctx *c, struct jv pair, size_t i)
{
    if (!j_iterable(pair))
        j_raise(c, "cannot unpack non-iterable %s object", j_type_name(pair));
    const struct jlist *l = j_items(c, pair);
    if (l->n != 2)
        j_raise(c, "tojson takes two separators, not %zu", l->n);
    if (l->v[i].type != J_STR)
        j_raise(c, "tojson's separators must be strings, not %s", j_type_name(l->v[i]));
    return l->v[i].s;
}

struct jv j_tojson(
    struct jctx *c, struct jv v, bool ascii, struct jv indent, struct jv separators, bool sort_keys)
{
    struct writer w = {.c = c, .ascii = ascii, .sort_keys = sort_keys};
    w.pretty = indent.type != J_NONE && indent.type != J_MISSING;
    w.indent = j_str(c, "").s;
    if (indent.type == J_STR) {
        w.indent = indent.s;
    } else if (j_is_integer(indent)) {
        struct jbuf b = {0};
        for (int64_t i = 0; i < j_as_int(indent); i++)
            j_putc(c, &b, ' ');
        w.indent = j_buf_str(c, &b).s;
    } else if (w.pretty) {
        j_raise(c, "can't multiply sequence by non-int of type '%s'", j_type_name(indent));
    }
    w.item_sep = j_str(c, w.pretty ? "," : ", ").s;
    w.key_sep = j_str(c, ": ").s;
    if (separators.type != J_NONE && separators.type != J_MISSING) {
        w.item_sep = separator(c, separators, 0);
        w.key_sep = separator(c, separators, 1);
    }
    put_json(&w, v, 0);
    return j_buf_str(c, &w.out);
}
