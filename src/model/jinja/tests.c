/* Jinja's tests: `value is NAME(argument)`. */
#include <string.h>

#include "model/jinja/strings.h"

static struct jv modulo_is(struct jctx *c, struct jv v, struct jv by, int64_t want)
{
    return j_bool(j_equal(c, j_binary(c, J_MOD, v, by), j_int(want)));
}

static J_FN(t_odd)
{
    J_UNUSED_ARGS;
    return modulo_is(c, self, j_int(2), 1);
}

static J_FN(t_even)
{
    J_UNUSED_ARGS;
    return modulo_is(c, self, j_int(2), 0);
}

static J_FN(t_divisibleby)
{
    J_UNUSED_ARGS;
    return modulo_is(c, self, a[0], 0);
}

static J_FN(t_defined)
{
    J_UNUSED_ARGS;
    return j_bool(self.type != J_UNDEF);
}

static J_FN(t_undefined)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_UNDEF);
}

static J_FN(t_filter)
{
    J_UNUSED_ARGS;
    (void)j_hash(c, self); /* Jinja looks it up in a dictionary */
    return j_bool(self.type == J_STR && (j_find_filter(self.s->data, self.s->len) ||
                                            j_refused_filter(self.s->data, self.s->len)));
}

static J_FN(t_test)
{
    J_UNUSED_ARGS;
    (void)j_hash(c, self);
    return j_bool(self.type == J_STR && j_find_test(self.s->data, self.s->len));
}

static J_FN(t_none)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_NONE);
}

static J_FN(t_boolean)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_BOOL);
}

static J_FN(t_false)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_BOOL && !self.b);
}

static J_FN(t_true)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_BOOL && self.b);
}

static J_FN(t_integer)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_INT);
}

static J_FN(t_float)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_FLOAT);
}

static J_FN(t_number)
{
    J_UNUSED_ARGS;
    return j_bool(j_is_number(self));
}

static J_FN(t_lower)
{
    J_UNUSED_ARGS;
    return j_bool(j_is_lower(j_to_str(c, self)));
}

static J_FN(t_upper)
{
    J_UNUSED_ARGS;
    return j_bool(j_is_upper(j_to_str(c, self)));
}

static J_FN(t_string)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_STR);
}

static J_FN(t_mapping)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_DICT);
}

static J_FN(t_sequence)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_UNDEF || self.type == J_STR || self.type == J_LIST ||
                  self.type == J_TUPLE || self.type == J_DICT || self.type == J_RANGE);
}

static J_FN(t_iterable)
{
    J_UNUSED_ARGS;
    return j_bool(j_iterable(self) || self.type == J_LOOP);
}

static J_FN(t_callable)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_UNDEF || self.type == J_FUNC || self.type == J_METHOD ||
                  self.type == J_MACRO || self.type == J_LOOP || self.type == J_JOINER);
}

static J_FN(t_sameas)
{
    J_UNUSED_ARGS;
    return j_bool(j_same(self, a[0]));
}

static J_FN(t_escaped)
{
    J_UNUSED_ARGS;
    return j_bool(self.type == J_STR && self.s->markup);
}

static J_FN(t_in)
{
    J_UNUSED_ARGS;
    return j_bool(j_contains(c, self, a[0]));
}

static J_FN(t_eq)
{
    J_UNUSED_ARGS;
    return j_bool(j_equal(c, self, a[0]));
}

static J_FN(t_ne)
{
    J_UNUSED_ARGS;
    return j_bool(!j_equal(c, self, a[0]));
}

static J_FN(t_lt)
{
    J_UNUSED_ARGS;
    return j_bool(j_compare(c, self, a[0], J_LT));
}

static J_FN(t_le)
{
    J_UNUSED_ARGS;
    return j_bool(j_compare(c, self, a[0], J_LE));
}

static J_FN(t_gt)
{
    J_UNUSED_ARGS;
    return j_bool(j_compare(c, self, a[0], J_GT));
}

static J_FN(t_ge)
{
    J_UNUSED_ARGS;
    return j_bool(j_compare(c, self, a[0], J_GE));
}

static const struct jfn tests[] = {
    {"!=", t_ne, "b", 1, true},
    {"<", t_lt, "b", 1, true},
    {"<=", t_le, "b", 1, true},
    {"==", t_eq, "b", 1, true},
    {">", t_gt, "b", 1, true},
    {">=", t_ge, "b", 1, true},
    {"boolean", t_boolean, "", 0, false},
    {"callable", t_callable, "", 0, true},
    {"defined", t_defined, "", 0, false},
    {"divisibleby", t_divisibleby, "num", 1, false},
    {"eq", t_eq, "b", 1, true},
    {"equalto", t_eq, "b", 1, true},
    {"escaped", t_escaped, "", 0, false},
    {"even", t_even, "", 0, false},
    {"false", t_false, "", 0, false},
    {"filter", t_filter, "", 0, false},
    {"float", t_float, "", 0, false},
    {"ge", t_ge, "b", 1, true},
    {"greaterthan", t_gt, "b", 1, true},
    {"gt", t_gt, "b", 1, true},
    {"in", t_in, "seq", 1, false},
    {"integer", t_integer, "", 0, false},
    {"iterable", t_iterable, "", 0, false},
    {"le", t_le, "b", 1, true},
    {"lessthan", t_lt, "b", 1, true},
    {"lower", t_lower, "", 0, false},
    {"lt", t_lt, "b", 1, true},
    {"mapping", t_mapping, "", 0, false},
    {"ne", t_ne, "b", 1, true},
    {"none", t_none, "", 0, false},
    {"number", t_number, "", 0, false},
    {"odd", t_odd, "", 0, false},
    {"sameas", t_sameas, "other", 1, false},
    {"sequence", t_sequence, "", 0, false},
    {"string", t_string, "", 0, false},
    {"test", t_test, "", 0, false},
    {"true", t_true, "", 0, false},
    {"undefined", t_undefined, "", 0, false},
    {"upper", t_upper, "", 0, false},
    {0},
};

const struct jfn *j_find_test(const char *name, size_t n)
{
    return j_lookup(tests, name, n);
}
