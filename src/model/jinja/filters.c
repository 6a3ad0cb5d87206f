/* The table of filters, and those of them that are about one value.
 *
 * To add a filter: its function here (or in filters_seq.c, filters_text.c, declared in filters.h),
 * a line in the table, a line in tests/integration/template_cases.py. */
#include "model/jinja/filters.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static J_FN(f_abs)
{
    J_UNUSED_ARGS;
    if (self.type == J_FLOAT)
        return j_float(fabs(self.f));
    if (!j_is_integer(self))
        j_raise(c, "bad operand type for abs(): '%s'", j_type_name(self));
    return j_as_int(self) < 0 ? j_negate(c, self) : j_int(j_as_int(self));
}

static J_FN(f_attr)
{
    J_UNUSED_ARGS;
    if (a[0].type != J_STR)
        j_raise(c, "attribute name must be string, not '%s'", j_type_name(a[0]));
    struct jv v = j_attribute(c, self, a[0].s);
    return v.type == J_MISSING ? j_undef_attr(c, self, a[0]) : v;
}

static J_FN(f_default)
{
    J_UNUSED_ARGS;
    if (self.type != J_UNDEF && !(j_truth(c, a[1]) && !j_truth(c, self)))
        return self;
    return a[0].type == J_MISSING ? j_str(c, "") : a[0];
}

/* --- numbers --- */

static struct jv whole(struct jctx *c, double x)
{
    if (!(fabs(x) < 9.2e18))
        j_raise(c, isinf(x) ? "cannot convert float infinity to integer"
                            : "integer overflow: the float is beyond 64 bits");
    return j_int((int64_t)x);
}

static J_FN(f_int)
{
    J_UNUSED_ARGS;
    struct jv fallback = a[0].type == J_MISSING ? j_int(0) : a[0];
    int64_t i, base = j_int_or(c, a[1], 10);
    double x;
    if (self.type == J_UNDEF)
        j_raise_undefined(c, self);
    if (j_is_integer(self))
        return j_int(j_as_int(self));
    if (self.type == J_FLOAT)
        return isnan(self.f) ? fallback : whole(c, self.f);
    if (self.type != J_STR)
        return fallback;
    if (base >= 0 && base <= 36 && j_parse_int(c, self.s, (int)base, &i))
        return j_int(i);
    return j_parse_float(c, self.s, &x) && !isnan(x) ? whole(c, x) : fallback;
}

static J_FN(f_float)
{
    J_UNUSED_ARGS;
    double x;
    if (self.type == J_UNDEF)
        j_raise_undefined(c, self);
    if (j_is_number(self))
        return j_float(j_as_double(self));
    if (self.type == J_STR && j_parse_float(c, self.s, &x))
        return j_float(x);
    return a[0].type == J_MISSING ? j_float(0) : a[0];
}

static struct jv round_int(struct jctx *c, int64_t v, int64_t precision)
{
    if (precision >= 0)
        return j_int(v);
    if (precision < -18)
        return j_int(0);
    int64_t unit = 1;
    for (int64_t i = precision; i < 0; i++)
        unit *= 10;
    int64_t rest = v % unit, low = v - rest;
    if (rest < 0) {
        rest += unit;
        if (__builtin_sub_overflow(low, unit, &low))
            j_raise(c, "integer overflow: the result is beyond 64 bits");
    }
    bool up = rest > unit - rest || (rest == unit - rest && (low / unit) % 2 != 0);
    if (up && __builtin_add_overflow(low, unit, &low))
        j_raise(c, "integer overflow: the result is beyond 64 bits");
    return j_int(low);
}

static double round_float(double x, int64_t precision)
{
    if (!isfinite(x) || precision > 330)
        return x;
    if (precision < -330)
        return 0 * x;
    if (precision >= 0) { /* printf rounds the exact value, ties to even, as Python does */
        char text[800];
        snprintf(text, sizeof text, "%.*f", (int)precision, x);
        return strtod(text, NULL);
    }
    double unit = pow(10, (double)-precision);
    double y = x / unit, r = nearbyint(y);
    return r * unit;
}

static J_FN(f_round)
{
    J_UNUSED_ARGS;
    int64_t precision = j_int_or(c, a[0], 0);
    bool ceiling = j_is_str(a[1], "ceil"), flooring = j_is_str(a[1], "floor");
    if (a[1].type != J_MISSING && !ceiling && !flooring && !j_is_str(a[1], "common"))
        j_raise(c, "method must be common, ceil or floor");
    if (self.type == J_UNDEF)
        j_raise_undefined(c, self);
    if (!j_is_number(self))
        j_raise(c, "type %s doesn't define __round__ method", j_type_name(self));
    if (!ceiling && !flooring)
        return self.type == J_FLOAT ? j_float(round_float(self.f, precision))
                                    : round_int(c, j_as_int(self), precision);
    double unit = pow(10, (double)precision), scaled = j_as_double(self) * unit;
    return j_float(((ceiling ? ceil(scaled) : floor(scaled)) + 0.0) / unit); /* never -0.0 */
}

static J_FN(f_filesizeformat)
{
    J_UNUSED_ARGS;
    static const char *const decimal[] = {"kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};
    static const char *const binary[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"};
    struct jargs none = {0};
    struct jv fallback[J_MAX_PARAMS] = {{J_NONE}};
    struct jv number = f_float(c, self, fallback, &none);
    if (number.type != J_FLOAT)
        j_raise(c, "could not convert %s to float", j_show(c, j_repr(c, self)));
    double bytes = number.f, base = j_truth(c, a[0]) ? 1024 : 1000;
    struct jbuf b = {0};
    if (bytes == 1)
        return j_str(c, "1 Byte");
    if (bytes < base) {
        j_putf(c, &b, "%lld Bytes", (long long)bytes);
        return j_buf_str(c, &b);
    }
    double unit = base * base;
    size_t i = 0;
    for (; i < 7 && bytes >= unit; i++)
        unit *= base;
    j_putf(c, &b, "%.1f %s", base * bytes / unit, (base > 1000 ? binary : decimal)[i]);
    return j_buf_str(c, &b);
}

/* --- strings --- */

static const struct jstr *soft(struct jctx *c, struct jv v)
{
    return j_to_str(c, v);
}

static J_FN(f_capitalize)
{
    J_UNUSED_ARGS;
    return j_capitalize(c, soft(c, self));
}

static J_FN(f_lower)
{
    J_UNUSED_ARGS;
    return j_lower(c, soft(c, self));
}

static J_FN(f_upper)
{
    J_UNUSED_ARGS;
    return j_upper(c, soft(c, self));
}

static J_FN(f_center)
{
    J_UNUSED_ARGS;
    return j_pad(c, soft(c, self), j_int_or(c, a[0], 80), ' ', '^');
}

static J_FN(f_trim)
{
    J_UNUSED_ARGS;
    return j_strip(c, soft(c, self), a[0], J_BOTH);
}

static J_FN(f_replace)
{
    J_UNUSED_ARGS;
    const struct jstr *old = j_to_str(c, a[0]), *with = j_to_str(c, a[1]);
    struct jv r = j_replace(c, j_to_str(c, self), old, with, j_int_or(c, a[2], -1));
    return j_with_markup(c, r, false);
}

static J_FN(f_string)
{
    J_UNUSED_ARGS;
    return (struct jv){.type = J_STR, .s = soft(c, self)};
}

static J_FN(f_safe)
{
    J_UNUSED_ARGS;
    return j_with_markup(c, (struct jv){.type = J_STR, .s = soft(c, self)}, true);
}

static J_FN(f_escape)
{
    J_UNUSED_ARGS;
    return j_escape(c, self);
}

static J_FN(f_forceescape)
{
    J_UNUSED_ARGS;
    struct jv text = {.type = J_STR, .s = soft(c, self)};
    return j_escape(c, j_with_markup(c, text, false));
}

static J_FN(f_format)
{
    J_UNUSED_ARGS;
    if (raw->n && raw->nkw)
        j_raise(c, "can't handle positional and keyword arguments at the same time");
    if (raw->nkw) {
        struct jdict *d = j_dict_new(c);
        for (size_t i = 0; i < raw->nkw; i++)
            j_dict_set(c, d, raw->kw[i].name, raw->kw[i].value);
        return j_percent(c, soft(c, self), (struct jv){.type = J_DICT, .d = d});
    }
    struct jlist *l = j_list_new(c, raw->n);
    for (size_t i = 0; i < raw->n; i++)
        j_list_push(c, l, raw->v[i]);
    return j_percent(c, soft(c, self), j_tuple(l));
}

/* transformers' own: json.dumps, nothing escaped for HTML. */
static J_FN(f_tojson)
{
    J_UNUSED_ARGS;
    return j_tojson(c, self, j_truth(c, a[0]), a[1], a[2], j_truth(c, a[3]));
}

static const struct jfn filters[] = {
    {"abs", f_abs, "", 0, true},
    {"attr", f_attr, "name", 1, false},
    {"batch", j_filter_batch, "linecount fill_with", 1, false},
    {"capitalize", f_capitalize, "", 0, false},
    {"center", f_center, "width", 0, false},
    {"count", j_filter_length, "", 0, true},
    {"d", f_default, "default_value boolean", 0, false},
    {"default", f_default, "default_value boolean", 0, false},
    {"dictsort", j_filter_dictsort, "case_sensitive by reverse", 0, false},
    {"e", f_escape, "", 0, true},
    {"escape", f_escape, "", 0, true},
    {"filesizeformat", f_filesizeformat, "binary", 0, false},
    {"first", j_filter_first, "", 0, false},
    {"float", f_float, "default", 0, false},
    {"forceescape", f_forceescape, "", 0, false},
    {"format", f_format, NULL, 0, false},
    {"groupby", j_filter_groupby, "attribute default case_sensitive", 1, false},
    {"indent", j_filter_indent, "width first blank", 0, false},
    {"int", f_int, "default base", 0, false},
    {"items", j_filter_items, "", 0, false},
    {"join", j_filter_join, "d attribute", 0, false},
    {"last", j_filter_last, "", 0, false},
    {"length", j_filter_length, "", 0, true},
    {"list", j_filter_list, "", 0, false},
    {"lower", f_lower, "", 0, false},
    {"map", j_filter_map, NULL, 0, false},
    {"max", j_filter_max, "case_sensitive attribute", 0, false},
    {"min", j_filter_min, "case_sensitive attribute", 0, false},
    {"reject", j_filter_reject, NULL, 0, false},
    {"rejectattr", j_filter_rejectattr, NULL, 0, false},
    {"replace", f_replace, "old new count", 2, false},
    {"reverse", j_filter_reverse, "", 0, false},
    {"round", f_round, "precision method", 0, false},
    {"safe", f_safe, "", 0, false},
    {"select", j_filter_select, NULL, 0, false},
    {"selectattr", j_filter_selectattr, NULL, 0, false},
    {"slice", j_filter_slice, "slices fill_with", 1, false},
    {"sort", j_filter_sort, "reverse case_sensitive attribute", 0, false},
    {"string", f_string, "", 0, false},
    {"striptags", j_filter_striptags, "", 0, false},
    {"sum", j_filter_sum, "attribute start", 0, false},
    {"title", j_filter_title, "", 0, false},
    {"tojson", f_tojson, "ensure_ascii indent separators sort_keys", 0, false},
    {"trim", f_trim, "chars", 0, false},
    {"truncate", j_filter_truncate, "length killwords end leeway", 0, false},
    {"unique", j_filter_unique, "case_sensitive attribute", 0, false},
    {"upper", f_upper, "", 0, false},
    {"urlencode", j_filter_urlencode, "", 0, false},
    {"wordcount", j_filter_wordcount, "", 0, false},
    {"xmlattr", j_filter_xmlattr, "autospace", 0, false},
    {0},
};

const struct jfn *j_find_filter(const char *name, size_t n)
{
    return j_lookup(filters, name, n);
}

bool j_refused_filter(const char *name, size_t n)
{
    static const char *const refused[] = {"pprint", "random", "urlize", "wordwrap"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strlen(refused[i]) == n && !memcmp(refused[i], name, n))
            return true;
    return false;
}
