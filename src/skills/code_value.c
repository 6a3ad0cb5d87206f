/* Reading and working out expressions. */
#include "skills/code_value.h"

#include <string.h>

#define MAX_VALUE   1000000000000
#define MAX_DEPTH   6
#define MAX_FACTORS 16

static bool expression(
    struct pr_skill_text *t, struct pr_code_values *v, bool live, int depth, int64_t *ret);

static bool is_keyword(const char *s)
{
    static const char *const words[] = {"and", "as", "break", "def", "del", "elif", "else", "for",
        "from", "if", "import", "in", "is", "lambda", "not", "or", "pass", "print", "range",
        "return", "try", "while", "with", "yield"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (!strcmp(words[i], s))
            return true;
    return false;
}

int pr_code_take_name(struct pr_skill_text *t, struct pr_code_values *v)
{
    char name[PR_CODE_NAME];
    size_t n = 0;
    int i = 0;
    while (n < t->n && t->s[n] >= 'a' && t->s[n] <= 'z')
        n++;
    if (!n || n >= PR_CODE_NAME)
        return -1;
    memcpy(name, t->s, n);
    name[n] = 0;
    while (i < v->n && strcmp(v->names[i], name) != 0)
        i++;
    if (i == PR_CODE_NAMES || (i == v->n && is_keyword(name)))
        return -1;
    if (i == v->n) {
        memcpy(v->names[i], name, sizeof name);
        v->n++;
    }
    t->s += n;
    t->n -= n;
    return i;
}

bool pr_code_get(const struct pr_code_values *v, int name, int64_t *ret)
{
    *ret = v->x[name];
    return v->set[name];
}

void pr_code_set(struct pr_code_values *v, int name, int64_t x)
{
    v->set[name] = true;
    v->x[name] = x;
}

bool pr_code_apply(const char *op, int64_t a, int64_t b, int64_t *ret)
{
    bool divides = !strcmp(op, "//") || !strcmp(op, "%");
    if (divides && !b)
        return false;
    if (divides) {
        int64_t quotient = a / b, rest = a % b;
        if (rest && (rest < 0) != (b < 0)) {
            quotient--;
            rest += b;
        }
        *ret = op[0] == '/' ? quotient : rest;
    } else if (op[0] == '*') {
        if (__builtin_mul_overflow(a, b, ret))
            return false;
    } else {
        *ret = op[0] == '+' ? a + b : a - b;
    }
    return *ret <= MAX_VALUE && *ret >= -MAX_VALUE;
}

static bool factor(
    struct pr_skill_text *t, struct pr_code_values *v, bool live, int depth, int64_t *ret)
{
    if (depth > MAX_DEPTH)
        return false;
    if (pr_skill_take(t, "-")) {
        if (!factor(t, v, live, depth + 1, ret))
            return false;
        *ret = -*ret;
        return true;
    }
    if (pr_skill_take(t, "("))
        return expression(t, v, live, depth + 1, ret) && pr_skill_take(t, ")");
    if (pr_skill_take_number(t, ret))
        return *ret <= MAX_VALUE;
    int name = pr_code_take_name(t, v);
    if (name < 0)
        return false;
    *ret = 0;
    return !live || pr_code_get(v, name, ret);
}

/* One of the operators, with blanks around it. */
static const char *take_operator(struct pr_skill_text *t, const char *const (*ops)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (pr_skill_take(t, ops[i][0]))
            return ops[i][1];
    return NULL;
}

static bool product(
    struct pr_skill_text *t, struct pr_code_values *v, bool live, int depth, int64_t *ret)
{
    static const char *const ops[][2] = {{" * ", "*"}, {" // ", "//"}, {" % ", "%"}};
    if (!factor(t, v, live, depth, ret))
        return false;
    for (int i = 0; i < MAX_FACTORS; i++) {
        const char *op = take_operator(t, ops, 3);
        int64_t next;
        if (!op)
            return true;
        if (!factor(t, v, live, depth, &next) || (live && !pr_code_apply(op, *ret, next, ret)))
            return false;
    }
    return false;
}

static bool expression(
    struct pr_skill_text *t, struct pr_code_values *v, bool live, int depth, int64_t *ret)
{
    static const char *const ops[][2] = {{" + ", "+"}, {" - ", "-"}};
    if (!product(t, v, live, depth, ret))
        return false;
    for (int i = 0; i < MAX_FACTORS; i++) {
        const char *op = take_operator(t, ops, 2);
        int64_t next;
        if (!op)
            return true;
        if (!product(t, v, live, depth, &next) || (live && !pr_code_apply(op, *ret, next, ret)))
            return false;
    }
    return false;
}

bool pr_code_expression(struct pr_skill_text *t, struct pr_code_values *v, bool live, int64_t *ret)
{
    bool ok = expression(t, v, live, 0, ret);
    if (!live)
        *ret = 0;
    return ok;
}

static bool comparison(struct pr_skill_text *t, struct pr_code_values *v, bool live, bool *ret)
{
    static const char *const ops[][2] = {
        {" <= ", "l"}, {" >= ", "g"}, {" == ", "="}, {" != ", "!"}, {" < ", "<"}, {" > ", ">"}};
    int64_t a, b;
    if (!pr_code_expression(t, v, live, &a))
        return false;
    const char *op = take_operator(t, ops, 6);
    if (!op || !pr_code_expression(t, v, live, &b))
        return false;
    *ret = *op == 'l'   ? a <= b
           : *op == 'g' ? a >= b
           : *op == '=' ? a == b
           : *op == '!' ? a != b
           : *op == '<' ? a < b
                        : a > b;
    return true;
}

/* Both sides are worked out: what Python would not look at must be in order all the same. */
bool pr_code_condition(struct pr_skill_text *t, struct pr_code_values *v, bool live, bool *ret)
{
    bool any = false, all;
    do {
        if (!comparison(t, v, live, &all))
            return false;
        while (pr_skill_take(t, " and ")) {
            bool next;
            if (!comparison(t, v, live, &next))
                return false;
            all = all && next;
        }
        any = any || all;
    } while (pr_skill_take(t, " or "));
    *ret = any;
    return true;
}
