/* Reading and writing questions about bases. */
#include "skills/bases_form.h"

#include <stdio.h>
#include <string.h>

#include "skills/phrase.h"

static const struct {
    int base;
    const char *name, *prefix;
} named[] = {
    {2, "binary", "0b"}, {8, "octal", "0o"}, {10, "decimal", ""}, {16, "hexadecimal", "0x"}};
#define N_NAMED (sizeof named / sizeof *named)

/* N a base's name, B its number, d digits, x an expression. */
static const struct {
    const char *text, *slots;
} forms[] = {
    {"Convert the % number % to %.", "NdN"},
    {"What is the % number % in %?", "NdN"},
    {"Write % % in %.", "NdN"},
    {"Convert % from base % to base %.", "dBB"},
    {"What is % (base %) in base %?", "dBB"},
    {"Express the base % number % in base %.", "BdB"},
    {"Convert % to %.", "xN"},
    {"What is % in %?", "xN"},
    {"Compute % in %.", "xN"},
    {"Evaluate % and give the result in %.", "xN"},
};
#define N_FORMS         (sizeof forms / sizeof *forms)
#define ONLY_CONVERSION 6 /* "Convert % to %" asks for no operation */

static const struct {
    const char *text, *sign;
} operations[PR_BASES_N_OPS] = {
    [PR_BASES_PLUS] = {"+", NULL},
    [PR_BASES_MINUS] = {"-", "\xe2\x88\x92"},
    [PR_BASES_AND] = {"AND", "&"},
    [PR_BASES_OR] = {"OR", "|"},
    [PR_BASES_XOR] = {"XOR", "^"},
    [PR_BASES_LEFT] = {"<<", NULL},
    [PR_BASES_RIGHT] = {">>", NULL},
};

bool pr_bases_is_power(int base)
{
    return base == 2 || base == 8 || base == 16;
}

const char *pr_bases_op_text(enum pr_bases_op op)
{
    return operations[op].text;
}

bool pr_bases_apply(enum pr_bases_op op, uint64_t a, uint64_t b, uint64_t *ret)
{
    if ((op == PR_BASES_MINUS && b > a) ||
        ((op == PR_BASES_LEFT || op == PR_BASES_RIGHT) && b > 16))
        return false;
    switch (op) {
    case PR_BASES_PLUS:
        *ret = a + b;
        break;
    case PR_BASES_MINUS:
        *ret = a - b;
        break;
    case PR_BASES_AND:
        *ret = a & b;
        break;
    case PR_BASES_OR:
        *ret = a | b;
        break;
    case PR_BASES_XOR:
        *ret = a ^ b;
        break;
    case PR_BASES_LEFT:
        if (a > PR_BASES_MAX >> b)
            return false;
        *ret = a << b;
        break;
    default:
        *ret = a >> b;
        break;
    }
    return *ret <= PR_BASES_MAX;
}

/* ---- numbers ------------------------------------------------------------------------------- */

static int digit_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 99;
}

bool pr_bases_read_digits(struct pr_skill_text t, int base, uint64_t *ret)
{
    uint64_t x = 0;
    for (size_t i = 0; i < t.n; i++) {
        int digit = digit_value(t.s[i]);
        if (digit >= base)
            return false;
        x = x * (uint64_t)base + (uint64_t)digit;
        if (x > PR_BASES_MAX)
            return false;
    }
    *ret = x;
    return t.n > 0;
}

void pr_bases_put_digits(uint64_t value, int base, struct pr_str *out)
{
    char digits[64];
    size_t n = sizeof digits;
    do
        digits[--n] = "0123456789abcdef"[value % (uint64_t)base];
    while (value /= (uint64_t)base);
    pr_str_append(out, digits + n, sizeof digits - n);
}

void pr_bases_put_prefixed(uint64_t value, int base, struct pr_str *out)
{
    for (size_t i = 0; i < N_NAMED; i++)
        if (named[i].base == base)
            pr_str_puts(out, named[i].prefix);
    pr_bases_put_digits(value, base, out);
}

static const char *name_of(int base)
{
    for (size_t i = 0; i < N_NAMED; i++)
        if (named[i].base == base)
            return named[i].name;
    return NULL;
}

static int base_named(struct pr_skill_text t)
{
    for (size_t i = 0; i < N_NAMED; i++)
        if (pr_text_is(t, named[i].name))
            return named[i].base;
    return 0;
}

static int base_numbered(struct pr_skill_text t)
{
    int64_t x;
    return pr_skill_take_number(&t, &x) && !t.n && x >= 2 && x <= 16 ? (int)x : 0;
}

/* ---- expressions --------------------------------------------------------------------------- */

static bool add_operand(struct pr_bases *q, struct pr_skill_text digits, int base)
{
    uint64_t value;
    if (q->n == PR_BASES_OPERANDS || !base || !pr_bases_read_digits(digits, base, &value))
        return false;
    q->v[q->n].digits = digits;
    q->v[q->n].value = value;
    q->v[q->n++].base = base;
    return true;
}

static void skip_spaces(struct pr_skill_text *t)
{
    while (pr_skill_take(t, " "))
        continue;
}

static bool take_operation(struct pr_skill_text *t, enum pr_bases_op *ret)
{
    struct pr_skill_text rest = *t;
    skip_spaces(&rest);
    for (size_t i = 0; i < PR_BASES_N_OPS; i++)
        if (pr_skill_take(&rest, operations[i].text) ||
            (operations[i].sign && pr_skill_take(&rest, operations[i].sign))) {
            *t = rest;
            *ret = (enum pr_bases_op)i;
            return true;
        }
    return false;
}

static bool take_expression(
    struct pr_skill_text *t, struct pr_bases *q, int depth, uint64_t *ret, int *ret_base);

static bool take_operand(
    struct pr_skill_text *t, struct pr_bases *q, int depth, uint64_t *ret, int *ret_base)
{
    skip_spaces(t);
    if (pr_skill_take(t, "(")) {
        if (depth > 4 || !take_expression(t, q, depth + 1, ret, ret_base))
            return false;
        skip_spaces(t);
        return pr_skill_take(t, ")");
    }
    int base = pr_skill_take(t, "0b")   ? 2
               : pr_skill_take(t, "0o") ? 8
               : pr_skill_take(t, "0x") ? 16
                                        : 10;
    size_t n = 0;
    while (n < t->n && digit_value(t->s[n]) < base)
        n++;
    if (!add_operand(q, (struct pr_skill_text){t->s, n}, base))
        return false;
    *ret = q->v[q->n - 1].value;
    *ret_base = base;
    t->s += n;
    t->n -= n;
    return true;
}

/* Without brackets only what everybody reads alike: sums, and one operation repeated. */
static bool may_follow(enum pr_bases_op before, enum pr_bases_op op)
{
    bool sum = before <= PR_BASES_MINUS && op <= PR_BASES_MINUS;
    return sum || (before == op && op < PR_BASES_LEFT);
}

static bool take_expression(
    struct pr_skill_text *t, struct pr_bases *q, int depth, uint64_t *ret, int *ret_base)
{
    enum pr_bases_op op, before = PR_BASES_N_OPS;
    uint64_t right;
    int base;
    if (!take_operand(t, q, depth, ret, ret_base))
        return false;
    while (take_operation(t, &op)) {
        if ((before != PR_BASES_N_OPS && !may_follow(before, op)) ||
            !take_operand(t, q, depth, &right, &base))
            return false;
        struct pr_bases_step *s = &q->steps[q->n_steps++]; /* those of the operand came first */
        *s = (struct pr_bases_step){.op = op, .a = *ret, .b = right, .base = *ret_base};
        if (!pr_bases_apply(op, s->a, s->b, &s->result))
            return false;
        *ret = s->result;
        before = op;
    }
    return true;
}

/* ---- questions ----------------------------------------------------------------------------- */

static bool take_form(size_t form, const struct pr_skill_text *slots, struct pr_bases *q)
{
    const char *roles = forms[form].slots;
    struct pr_skill_text x = slots[0];
    int base;
    if (roles[0] == 'x') {
        q->to = base_named(slots[1]);
        return q->to && take_expression(&x, q, 0, &q->value, &base) && !x.n &&
               (form != ONLY_CONVERSION || !q->n_steps);
    }
    bool digits_first = roles[0] == 'd';
    struct pr_skill_text from = slots[digits_first ? 1 : 0];
    bool names = roles[0] == 'N';
    q->to = names ? base_named(slots[2]) : base_numbered(slots[2]);
    if (!q->to || !add_operand(q, slots[digits_first ? 0 : 1],
                      names ? base_named(from) : base_numbered(from)))
        return false;
    q->value = q->v[0].value;
    return true;
}

bool pr_bases_take(struct pr_skill_text t, struct pr_bases *ret)
{
    struct pr_skill_text slots[PR_PHRASE_SLOTS];
    t = pr_skill_trim(t.s, t.n);
    for (size_t i = 0; i < N_FORMS; i++) {
        *ret = (struct pr_bases){0};
        /* What converts nothing is no question. */
        if (pr_phrase_take(t, forms[i].text, slots) && take_form(i, slots, ret) &&
            (ret->n_steps || ret->v[0].base != ret->to))
            return true;
    }
    return false;
}

void pr_bases_put(struct pr_rng *rng, uint64_t value, int from, const char *expression, int to,
    struct pr_str *out)
{
    struct pr_str digits = PR_STR_INIT(256);
    char numbers[2][8];
    bool names = name_of(from) && name_of(to);
    size_t form;
    do
        form = pr_rng_below(rng, N_FORMS);
    while (expression ? form <= ONLY_CONVERSION
                      : forms[form].slots[1] != 'B' && forms[form].slots[0] != 'B' && !names);
    snprintf(numbers[0], sizeof numbers[0], "%d", from);
    snprintf(numbers[1], sizeof numbers[1], "%d", to);
    const char *roles = forms[form].slots, *slots[3];
    if (expression)
        pr_str_puts(&digits, expression);
    else if (roles[0] == 'x')
        pr_bases_put_prefixed(value, from, &digits);
    else
        pr_bases_put_digits(value, from, &digits);
    for (size_t i = 0, bases = roles[0] == 'x'; roles[i]; i++) {
        size_t which = roles[i] == 'N' || roles[i] == 'B' ? bases++ : 0;
        slots[i] = roles[i] == 'N'   ? name_of(which ? to : from)
                   : roles[i] == 'B' ? numbers[which]
                                     : pr_str_cstr(&digits);
    }
    pr_phrase_put(out, forms[form].text, slots);
    pr_str_done(&digits);
}
