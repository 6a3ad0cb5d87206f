/* Linear equations: "Solve for x: 3x + 5 = 20" → "5".  Levels: 1 "x + b = c", 2 "ax = c" and
 * "x/a = c", 3 "ax + b = c", 4 the same with something below zero, 5 the unknown on both sides, 6 a
 * bracket, 7 a bracket and both sides, 8 a fraction as the answer, 9 the unknown over numbers, 10
 * two unknowns.  Each has more than 10^6 problems. */
#include <stdio.h>
#include <string.h>

#include "skills/answer.h"
#include "skills/form.h"
#include "skills/linear.h"
#include "skills/sentence.h"

#define MAX_EQUATION 96

struct problem {
    size_t phrase;
    int n; /* equations; 0: none could be drawn */
    char names[2], text[2][MAX_EQUATION];
    struct pr_linear_equation eq[2];
};

/* Slots: 1 and 2 the unknowns, 3 and 4 the equations. */
static const char *const one_unknown[] = {"Solve for {w1}: {s3}", "What is {w1} if {s3}?",
    "Find {w1}, given that {s3}.", "{s3}, {w1} = ?", "Let {s3}. Which number is {w1}?",
    "The equation {s3} holds for one {w1}. Which?"};
static const char *const two_unknowns[] = {"Solve for {w1} and {w2}: {s3} and {s4}",
    "Find {w1} and {w2} if {s3} and {s4}.", "{s3}; {s4}; {w1} = ?, {w2} = ?",
    "What are {w1} and {w2} when {s3} and also {s4}?"};
#define N_ONE (sizeof one_unknown / sizeof *one_unknown)
#define N_TWO (sizeof two_unknowns / sizeof *two_unknowns)

/* ---- solving ------------------------------------------------------------------------------- */

static struct pr_rational only_solution(const struct pr_linear_equation *e)
{
    struct pr_linear l = pr_linear_sub(&e->side[0], &e->side[1]);
    l.c[2].num = -l.c[2].num;
    return pr_rational_div(l.c[2], l.c[0]);
}

static bool solutions(const struct problem *p, struct pr_rational ret[2])
{
    if (p->n == 1) {
        ret[0] = only_solution(&p->eq[0]);
        return ret[0].den > 0;
    }
    struct pr_linear a = pr_linear_sub(&p->eq[0].side[0], &p->eq[0].side[1]),
                     b = pr_linear_sub(&p->eq[1].side[0], &p->eq[1].side[1]);
    struct pr_rational det =
        pr_rational_sub(pr_rational_mul(a.c[0], b.c[1]), pr_rational_mul(a.c[1], b.c[0]));
    for (int i = 0; i < 2; i++) {
        int k = 1 - i;
        struct pr_rational top =
            pr_rational_sub(pr_rational_mul(a.c[k], b.c[2]), pr_rational_mul(a.c[2], b.c[k]));
        ret[i] = pr_rational_div(top, det);
        if (i)
            ret[i].num = -ret[i].num;
    }
    return ret[0].den && ret[1].den;
}

static void put_equation(
    struct pr_str *out, const struct pr_linear_equation *e, const char names[2], const char *doing)
{
    pr_str_printf(out, "%s: ", doing);
    pr_linear_put(out, &e->side[0], names);
    pr_str_puts(out, " = ");
    pr_linear_put(out, &e->side[1], names);
    pr_str_putc(out, '\n');
}

static int64_t common_denominator(const struct pr_linear_equation *e)
{
    struct pr_rational l = {1, 1};
    for (int i = 0; i < 6; i++) {
        int64_t den = e->side[i / 3].c[i % 3].den;
        l = pr_rational_mul(l, pr_rational(den / pr_gcd(l.num ? l.num : 1, den), 1));
    }
    return l.num;
}

/* Takes `what` of both sides away, and says so. */
static void take_from_both(struct pr_str *w, struct pr_linear_equation *e, int what,
    struct pr_rational by, const char names[2])
{
    struct pr_linear l = {{{0, 1}, {0, 1}, {0, 1}}};
    struct pr_str doing = PR_STR_INIT(128);
    if (!by.num)
        return;
    l.c[what] = by;
    for (int i = 0; i < 2; i++)
        e->side[i] = pr_linear_sub(&e->side[i], &l);
    if (by.num < 0)
        l.c[what].num = -by.num;
    pr_str_puts(&doing, by.num < 0 ? "Add " : "Subtract ");
    pr_linear_put(&doing, &l, names);
    pr_str_puts(&doing, by.num < 0 ? " to both sides" : " from both sides");
    put_equation(w, e, names, pr_str_cstr(&doing));
    pr_str_done(&doing);
}

static void work_one(const struct problem *p, struct pr_str *w)
{
    struct pr_linear_equation e = p->eq[0];
    char doing[64];
    int64_t by = common_denominator(&e);
    pr_str_printf(w, "Given: %s\n", p->text[0]);
    if (by > 1) {
        for (int i = 0; i < 2; i++)
            e.side[i] = pr_linear_times(&e.side[i], pr_rational(by, 1));
        snprintf(doing, sizeof doing, "Multiply both sides by %lld", (long long)by);
        put_equation(w, &e, p->names, doing);
    } else if (e.brackets) {
        put_equation(w, &e, p->names, "Multiply out");
    }
    if (!e.side[0].c[0].num) {
        struct pr_linear left = e.side[0];
        e.side[0] = e.side[1];
        e.side[1] = left;
    }
    take_from_both(w, &e, 0, e.side[1].c[0], p->names);
    take_from_both(w, &e, 2, e.side[0].c[2], p->names);
    struct pr_rational a = e.side[0].c[0];
    if (a.num != 1 || a.den != 1) {
        struct pr_str own = PR_STR_INIT(128);
        pr_str_puts(&own, "Divide both sides by ");
        pr_rational_put(&own, a);
        for (int i = 0; i < 2; i++)
            e.side[i] = pr_linear_times(&e.side[i], pr_rational_div(pr_rational(1, 1), a));
        put_equation(w, &e, p->names, pr_str_cstr(&own));
        pr_str_done(&own);
    }
}

static void put_times(struct pr_str *w, const struct pr_linear_equation *e, const char names[2],
    const char *which, struct pr_rational by)
{
    struct pr_str doing = PR_STR_INIT(96);
    pr_str_printf(&doing, "%s times ", which);
    pr_rational_put(&doing, by);
    put_equation(w, e, names, pr_str_cstr(&doing));
    pr_str_done(&doing);
}

/* Elimination of the second unknown. */
static void work_two(const struct problem *p, const struct pr_rational x[2], struct pr_str *w)
{
    struct pr_linear_equation e[2];
    struct pr_rational zero = {0, 1};
    for (int i = 0; i < 2; i++) {
        struct pr_linear l = pr_linear_sub(&p->eq[i].side[0], &p->eq[i].side[1]);
        e[i].side[1] = (struct pr_linear){{zero, zero, {-l.c[2].num, l.c[2].den}}};
        l.c[2] = zero;
        e[i].side[0] = l;
        put_equation(w, &e[i], p->names, i ? "Second" : "First");
    }
    struct pr_rational b[2] = {e[0].side[0].c[1], e[1].side[0].c[1]};
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < 2 && b[0].num && b[1].num; k++)
            e[i].side[k] = pr_linear_times(&e[i].side[k], b[1 - i]);
    if (b[0].num && b[1].num) {
        for (int i = 0; i < 2; i++)
            put_times(w, &e[i], p->names, i ? "Second" : "First", b[1 - i]);
        for (int k = 0; k < 2; k++)
            e[0].side[k] = pr_linear_sub(&e[0].side[k], &e[1].side[k]);
        put_equation(w, &e[0], p->names, "Subtract the second from the first");
    }
    for (int i = 0; i < 2; i++) {
        if (i)
            pr_str_printf(w, "Put %c in: ", p->names[0]);
        pr_str_printf(w, "%c = ", p->names[i]);
        pr_rational_put(w, x[i]);
        pr_str_putc(w, '\n');
    }
}

static bool answer(const void *q, struct pr_str *golden, struct pr_str *working)
{
    const struct problem *p = q;
    struct pr_rational x[2];
    if (!p->n || !solutions(p, x))
        return false;
    if (p->n == 1) {
        work_one(p, working);
        pr_rational_put(golden, x[0]);
        return true;
    }
    work_two(p, x, working);
    for (int i = 0; i < 2; i++) {
        pr_str_printf(golden, "%s%c = ", i ? ", " : "", p->names[i]);
        pr_rational_put(golden, x[i]);
    }
    return true;
}

/* ---- answers ------------------------------------------------------------------------------- */

/* "x =" in front; which unknown it names, 2: none. */
static int take_name(struct pr_skill_text *t, const struct problem *p)
{
    struct pr_skill_text rest = *t;
    pr_answer_skip_space(&rest);
    for (int i = 0; i < p->n && rest.n; i++) {
        if (rest.s[0] != p->names[i])
            continue;
        rest = (struct pr_skill_text){rest.s + 1, rest.n - 1};
        pr_answer_skip_space(&rest);
        if (!pr_skill_take(&rest, "="))
            return 2;
        pr_answer_skip_space(&rest);
        *t = rest;
        return i;
    }
    return 2;
}

static bool take_value(struct pr_skill_text *t, struct pr_rational x)
{
    struct pr_rational a;
    pr_answer_skip_space(t);
    return pr_answer_take_rational(t, &a.num, &a.den) && pr_rational_same(a, x);
}

/* Between two values. */
static bool take_between(struct pr_skill_text *t)
{
    pr_answer_skip_space(t);
    bool any = pr_skill_take(t, ",") || pr_skill_take(t, ";");
    pr_answer_skip_space(t);
    return pr_skill_take(t, "and ") || any;
}

/* "x = 3, y = 2" in either order, "3, 2" and "(3, 2)" in that of the question. */
static bool right_pair(const struct problem *p, struct pr_skill_text a, const struct pr_rational *x)
{
    if (a.n > 2 && a.s[0] == '(' && a.s[a.n - 1] == ')')
        a = (struct pr_skill_text){a.s + 1, a.n - 2};
    int first = take_name(&a, p);
    if (!take_value(&a, x[first == 1]) || !take_between(&a))
        return false;
    int second = take_name(&a, p);
    if ((first == 2) != (second == 2) || (first != 2 && second != 1 - first))
        return false;
    if (!take_value(&a, x[first != 1]))
        return false;
    pr_answer_skip_space(&a);
    return !a.n;
}

static bool right(const void *q, const char *golden, struct pr_skill_text a)
{
    (void)golden;
    const struct problem *p = q;
    struct pr_rational x[2];
    if (!solutions(p, x))
        return false;
    if (p->n == 2)
        return right_pair(p, a, x);
    take_name(&a, p);
    return take_value(&a, x[0]) && !a.n;
}

static int level(const void *q)
{
    const struct problem *p = q;
    const struct pr_linear_equation *e = &p->eq[0];
    struct pr_rational x[2];
    if (p->n == 2 || !solutions(p, x))
        return 10;
    int terms = e->unknowns[0] + e->unknowns[1] + e->constants[0] + e->constants[1];
    bool both = e->unknowns[0] && e->unknowns[1];
    if (e->divided)
        return terms == 2 && !e->brackets ? 2 : 9;
    if (e->brackets)
        return both ? 7 : 6;
    if (x[0].den != 1)
        return 8;
    if (both)
        return 5;
    int own = e->unknowns[0] ? 0 : 1;
    struct pr_rational a = e->side[own].c[0];
    if (a.num == 1 && a.den == 1)
        return 1;
    if (!e->constants[own])
        return 2;
    return a.num > 0 && x[0].num >= 0 ? 3 : 4;
}

/* ---- text ---------------------------------------------------------------------------------- */

static void write(const void *q, struct pr_str *out)
{
    const struct problem *p = q;
    struct pr_slot slots[PR_SLOTS] = {{0}};
    for (int i = 0; i < p->n; i++) {
        pr_slot_text(&slots[1 + i], &p->names[i], 1);
        pr_slot_text(&slots[3 + i], p->text[i], strlen(p->text[i]));
    }
    pr_sentence_write(out, p->n == 1 ? one_unknown[p->phrase] : two_unknowns[p->phrase], slots);
}

/* Reads the equations' texts: each unknown is in some, no other is. */
static bool read_equations(struct problem *p)
{
    char names[2] = {p->names[0], p->names[1]};
    for (int i = 0; i < p->n; i++) {
        struct pr_skill_text t = {p->text[i], strlen(p->text[i])};
        if (!pr_linear_read(t, PR_LINEAR_RIGHT, names, &p->eq[i]))
            return false;
    }
    return names[1] == p->names[1];
}

static bool read_as(
    struct pr_skill_text t, const char *const *phrases, size_t n_phrases, int n, struct problem *p)
{
    for (size_t i = 0; i < n_phrases; i++) {
        struct pr_slot slots[PR_SLOTS] = {{0}};
        if (pr_sentence_which(t, &phrases[i], 1, slots))
            continue;
        *p = (struct problem){.phrase = i, .n = n};
        bool ok = true;
        for (int k = 0; k < n && ok; k++) {
            char name[2];
            ok = pr_slot_copy(&slots[1 + k], name, sizeof name) &&
                 pr_slot_copy(&slots[3 + k], p->text[k], MAX_EQUATION);
            p->names[k] = ok ? name[0] : 0;
        }
        if (ok && p->names[0] != p->names[1] && read_equations(p))
            return true;
    }
    return false;
}

static bool read(struct pr_skill_text t, void *ret)
{
    return read_as(t, two_unknowns, N_TWO, 2, ret) || read_as(t, one_unknown, N_ONE, 1, ret);
}

/* ---- drawing ------------------------------------------------------------------------------- */

/* Shapes: A to F are numbers (with their sign where a + or - stands before them), x and y the
 * unknowns. */
static const char *const shapes[PR_SKILL_LEVELS][4] = {
    {"x+B = C", "B+x = C", "C = x+B", "C = B+x"},
    {"Ax = C", "x/A = C", "C = Ax", "C = x/A"},
    {"Ax+B = C", "B+Ax = C", "C = Ax+B", "Ax+B = C+D"},
    {"Ax+B = C", "B+Ax = C", "C = Ax+B", "C = B+Ax"},
    {"Ax+B = Cx+D", "B+Ax = Cx+D", "Ax = Cx+D", "Ax+B = Cx"},
    {"A(x+B) = C", "A(x+B)+D = C", "C = A(x+B)", "D+A(x+B) = C"},
    {"A(x+B) = Cx+D", "A(x+B)+D = Cx+E", "A(x+B) = C(x+D)", "Cx+D = A(x+B)+E"},
    {"Ax+B = Cx+D", "Ax+B = C", "B+Ax = Cx+D", "C = Ax+B"},
    {"x/A+x/C = B", "x/A+B = x/C+D", "(x+B)/A = C", "x/A+B = Cx+D"},
    {"Ax+By = C", "Ax+By = C", "Ax = By+C", "Ax+By+C = D"},
};

/* Numbers of a level: to this size; negative ones where any may be. */
static int64_t any_number(struct pr_rng *rng, int lv, bool factor, bool any_sign)
{
    static const int64_t most[] = {999, 999, 99, 99, 60, 60, 40, 60, 30, 40};
    int64_t hi = factor ? (lv == 2 ? 30 : 12) : most[lv - 1];
    int64_t x = pr_skill_between(rng, factor ? 2 : 1, hi);
    return any_sign && pr_rng_below(rng, 2) ? -x : x;
}

/* Letters that stand before an unknown or a bracket, or under a line. */
static bool is_factor(const char *shape, size_t i)
{
    char next = shape[i + 1];
    return next == 'x' || next == 'y' || next == '(' || (i && shape[i - 1] == '/');
}

static void put_shape(
    struct pr_rng *rng, int lv, const char *shape, const char names[2], struct pr_str *out)
{
    for (size_t i = 0; shape[i]; i++) {
        char c = shape[i];
        if (c == 'x' || c == 'y') {
            pr_str_putc(out, names[c - 'x']);
            continue;
        }
        if (c == '+' && (shape[i + 1] == 'x' || shape[i + 1] == '(')) {
            pr_str_puts(out, " + ");
            continue;
        }
        if (c == '+')
            continue; /* with the number's sign */
        if (c < 'A' || c > 'F') {
            pr_str_putc(out, c);
            continue;
        }
        bool behind = i && shape[i - 1] == '+', factor = is_factor(shape, i);
        bool under = i && shape[i - 1] == '/';
        int64_t x = any_number(rng, lv, factor, !under && (lv > 3 || behind));
        if (behind)
            pr_str_printf(out, x < 0 ? " - %lld" : " + %lld", (long long)(x < 0 ? -x : x));
        else
            pr_str_printf(out, "%lld", (long long)x);
    }
}

/* Is the answer one that the level wants: whole below level 8, not below zero up to level 3? */
static bool wanted(struct problem *p, int lv)
{
    struct pr_rational x[2] = {{0, 1}, {0, 1}};
    return read_equations(p) && solutions(p, x) &&
           (lv == 8 || lv == 9 || (x[0].den == 1 && x[1].den == 1)) && (lv > 3 || x[0].num >= 0);
}

/* The same but for numbers, signs and the unknowns' letters? */
static bool same_shape(const char *a, const char *b)
{
    static const char skip[] = "0123456789+-";
    for (;;) {
        a += strspn(a, skip);
        b += strspn(b, skip);
        bool letters = *a >= 'a' && *a <= 'z' && *b >= 'a' && *b <= 'z';
        if (*a != *b && !letters)
            return false;
        if (!*a)
            return true;
        a++;
        b++;
    }
}

/* Numbers are drawn until the answer is one for the level. */
static void draw_text(struct pr_rng *rng, int lv, const struct problem *old, struct problem *p)
{
    for (int tries = 0; tries < 1000; tries++) {
        bool ok = true;
        for (int i = 0; i < p->n; i++) {
            struct pr_str out = PR_STR_INIT(MAX_EQUATION - 1);
            put_shape(rng, lv, shapes[lv - 1][pr_rng_below(rng, 4)], p->names, &out);
            memcpy(p->text[i], pr_str_cstr(&out), out.len + 1);
            pr_str_done(&out);
            ok = ok && (!old || same_shape(old->text[i], p->text[i]));
        }
        if (ok && wanted(p, lv))
            return;
    }
    p->n = 0;
}

static void draw(struct pr_rng *rng, int lv, const void *like, void *ret)
{
    static const char letters[] = "abcdhkmnpqrstuvwxyz";
    const struct problem *old = like;
    struct problem *p = ret;
    p->n = lv == 10 ? 2 : 1;
    p->phrase = old ? old->phrase : (size_t)pr_rng_below(rng, p->n == 2 ? N_TWO : N_ONE);
    p->names[0] = letters[pr_rng_below(rng, sizeof letters - 1)];
    while (p->n == 2 && (!p->names[1] || p->names[1] <= p->names[0])) {
        p->names[0] = letters[pr_rng_below(rng, sizeof letters - 1)];
        p->names[1] = letters[pr_rng_below(rng, sizeof letters - 1)];
    }
    draw_text(rng, lv, old, p);
}

/* ---- slips --------------------------------------------------------------------------------- */

static void add(struct pr_slips *ret, const char *pattern, struct pr_rational x, const char *fmt,
    struct pr_rational a, struct pr_rational b)
{
    struct pr_str text[3];
    const struct pr_rational values[3] = {x, a, b};
    for (int i = 0; i < 3; i++) {
        text[i] = PR_STR_INIT(64);
        pr_rational_put(&text[i], values[i]);
    }
    /* Each of the sentences has a place for both. */
    struct pr_str why = PR_STR_INIT(256);
    for (const char *p = fmt; *p; p++) {
        if (*p == '@')
            pr_str_puts(&why, pr_str_cstr(&text[1]));
        else if (*p == '#')
            pr_str_puts(&why, pr_str_cstr(&text[2]));
        else
            pr_str_putc(&why, *p);
    }
    if (x.den)
        pr_slips_add(ret, pattern, pr_str_cstr(&text[0]), "%s", pr_str_cstr(&why));
    pr_str_done(&why);
    for (int i = 0; i < 3; i++)
        pr_str_done(&text[i]);
}

static void slips_one(const struct problem *p, struct pr_slips *ret)
{
    const struct pr_linear_equation *e = &p->eq[0];
    struct pr_linear_equation first;
    const struct pr_linear *u = &e->side[e->side[0].c[0].num ? 0 : 1],
                           *o = &e->side[e->side[0].c[0].num ? 1 : 0];
    struct pr_rational a = pr_rational_sub(u->c[0], o->c[0]), b = u->c[2], c = o->c[2],
                       rest = pr_rational_sub(c, b), x = only_solution(e);
    char names[2] = {p->names[0], 0};
    struct pr_skill_text t = {p->text[0], strlen(p->text[0])};
    if (e->brackets && pr_linear_read(t, PR_LINEAR_FIRST_ONLY, names, &first))
        add(ret, "step_missing", only_solution(&first),
            "in the bracket the unknown alone was multiplied, not the number beside it", x, x);
    if (a.num == 1 && a.den != 1) {
        struct pr_rational n = {a.den, 1};
        add(ret, "step_missing", rest, "# is the unknown over @ and was not multiplied by @", n,
            rest);
        add(ret, "wrong_operation", pr_rational_div(rest, n), "# was divided by @, not multiplied",
            n, rest);
    } else if (a.num != 1) {
        add(ret, "step_missing", rest, "# is @ times the unknown and was not divided by @", a,
            rest);
        add(ret, "wrong_operation", pr_rational_mul(rest, a), "# was multiplied by @, not divided",
            a, rest);
        add(ret, "wrong_operation", pr_rational_sub(rest, a),
            "@ was taken from # instead of dividing by it", a, rest);
    }
    if (b.num)
        add(ret, "wrong_operation", pr_rational_div(pr_rational_add(c, b), a),
            "@ went to the other side, beside #, without changing its sign", b, c);
    if (o->c[0].num)
        add(ret, "wrong_operation", pr_rational_div(rest, pr_rational_add(u->c[0], o->c[0])),
            "@ and # of the unknown were added instead of subtracted", u->c[0], o->c[0]);
    struct pr_rational turned = {-x.num, x.den};
    add(ret, "sign", turned, "a sign was lost: # over @ is not that", a, rest);
}

static void slips_two(const struct problem *p, struct pr_slips *ret)
{
    struct pr_rational x[2];
    if (!solutions(p, x))
        return;
    for (int i = 0; i < 3; i++) {
        struct pr_str text = PR_STR_INIT(96);
        for (int k = 0; k < 2; k++) {
            struct pr_rational own = x[i == 2 ? 1 - k : k];
            own.num = k == i ? -own.num : own.num;
            pr_str_printf(&text, "%s%c = ", k ? ", " : "", p->names[k]);
            pr_rational_put(&text, own);
        }
        if (i == 2)
            pr_slips_add(ret, "wrong_order", pr_str_cstr(&text),
                "the values of %c and %c are exchanged", p->names[0], p->names[1]);
        else
            pr_slips_add(ret, "item_changed", pr_str_cstr(&text), "the value of %c lost its sign",
                p->names[i]);
        pr_str_clear(&text);
        if (i < 2) {
            pr_str_printf(&text, "%c = ", p->names[i]);
            pr_rational_put(&text, x[i]);
            pr_slips_add(ret, "item_missing", pr_str_cstr(&text), "%c was found, %c was not put in",
                p->names[i], p->names[1 - i]);
        }
        pr_str_done(&text);
    }
}

static void slips(const void *q, struct pr_slips *ret)
{
    const struct problem *p = q;
    if (p->n == 1)
        slips_one(p, ret);
    else
        slips_two(p, ret);
}

static const struct pr_form form = {
    .size = sizeof(struct problem),
    .draw = draw,
    .write = write,
    .read = read,
    .answer = answer,
    .level = level,
    .right = right,
    .slips = slips,
};

PR_FORM_SKILL(equations, "linear equations in one unknown, and in two");
