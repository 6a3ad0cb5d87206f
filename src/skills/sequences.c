/* Sequences: "a fixed number is added each time: 3, 7, 11, ?" → "15".  The question names the
 * rule's family and never its numbers, so that one answer alone follows.  Levels: 1 rising
 * arithmetic, 2 falling or below zero, 3 geometric, 4 sums of two terms, 5 times p plus q, 6
 * constant second differences, 7 two arithmetic ones in turn, 8 adding and multiplying in turn, 9
 * an arithmetic and a geometric one in turn, 10 p times the last plus q times the one before.  Each
 * level has more than 10^6 problems. */
#include <stdio.h>
#include <string.h>

#include "skills/answer.h"
#include "skills/form.h"
#include "skills/sentence.h"

#define MAX_TERMS 10
#define MIN_TERMS 3
#define MAX_TERM  1000000000 /* products of two stay within 64 bits */
#define MAX_RULE  1000000    /* of p and q */

struct problem {
    size_t family, wording, frame;
    int n;
    int64_t t[MAX_TERMS + 1]; /* the next one at n, once it is known */
    int64_t p, q;             /* the rule's numbers */
};

/* ---- families ------------------------------------------------------------------------------ */

/* Each finds p and q from the terms shown, checks all of them, and the next term; false: the terms
 * do not follow such a rule, or more than one. */
static bool next_arithmetic(struct problem *s)
{
    s->p = s->t[1] - s->t[0];
    for (int i = 1; i < s->n; i++)
        if (s->t[i] - s->t[i - 1] != s->p)
            return false;
    s->t[s->n] = s->t[s->n - 1] + s->p;
    return s->p != 0;
}

static bool next_geometric(struct problem *s)
{
    if (!s->t[0] || s->t[1] % s->t[0])
        return false;
    s->p = s->t[1] / s->t[0];
    for (int i = 1; i < s->n; i++)
        if (s->t[i - 1] * s->p != s->t[i])
            return false;
    s->t[s->n] = s->t[s->n - 1] * s->p;
    return s->p != 0 && s->p != 1;
}

static bool next_sum(struct problem *s)
{
    for (int i = 2; i < s->n; i++)
        if (s->t[i] != s->t[i - 1] + s->t[i - 2])
            return false;
    s->t[s->n] = s->t[s->n - 1] + s->t[s->n - 2];
    return s->n >= 4;
}

static bool next_affine(struct problem *s)
{
    int64_t d = s->t[1] - s->t[0];
    if (!d || s->n < 4 || (s->t[2] - s->t[1]) % d)
        return false;
    s->p = (s->t[2] - s->t[1]) / d;
    s->q = s->t[1] - s->p * s->t[0];
    for (int i = 1; i < s->n; i++)
        if (s->t[i - 1] * s->p + s->q != s->t[i])
            return false;
    s->t[s->n] = s->t[s->n - 1] * s->p + s->q;
    return s->p > 1 && s->q;
}

static bool next_quadratic(struct problem *s)
{
    s->p = s->t[1] - s->t[0];
    s->q = s->t[2] - s->t[1] - s->p;
    for (int i = 2; i < s->n; i++)
        if (s->t[i] - 2 * s->t[i - 1] + s->t[i - 2] != s->q)
            return false;
    s->t[s->n] = 2 * s->t[s->n - 1] - s->t[s->n - 2] + s->q;
    return s->n >= 4 && s->q;
}

static bool is_arithmetic(const struct problem *s, int from, int64_t *ret)
{
    *ret = s->t[from + 2] - s->t[from];
    for (int i = from + 2; i < s->n; i += 2)
        if (s->t[i] - s->t[i - 2] != *ret)
            return false;
    return *ret != 0;
}

static bool is_geometric(const struct problem *s, int from, int64_t *ret)
{
    if (!s->t[from] || s->t[from + 2] % s->t[from])
        return false;
    *ret = s->t[from + 2] / s->t[from];
    for (int i = from + 2; i < s->n; i += 2)
        if (s->t[i - 2] * *ret != s->t[i])
            return false;
    return *ret != 0 && *ret != 1;
}

static bool next_in_turn(struct problem *s)
{
    if (s->n < 6 || !is_arithmetic(s, 0, &s->p) || !is_arithmetic(s, 1, &s->q))
        return false;
    s->t[s->n] = s->t[s->n - 2] + (s->n % 2 ? s->q : s->p);
    return true;
}

/* Would the terms also do for multiplying first? */
static bool multiplies_first(const struct problem *s)
{
    const int64_t *t = s->t;
    for (int i = 3; i < s->n; i++)
        if (i % 2 ? t[i] * t[0] != t[i - 1] * t[1] : t[i] - t[i - 1] != t[2] - t[1])
            return false;
    return true;
}

/* p is added, then q multiplied, in turn. */
static bool next_alternating(struct problem *s)
{
    s->p = s->t[1] - s->t[0];
    if (s->n < 5 || !s->p || !s->t[1] || s->t[2] % s->t[1])
        return false;
    s->q = s->t[2] / s->t[1];
    if (s->q < 2 || multiplies_first(s))
        return false;
    for (int i = 1; i <= s->n; i++) {
        int64_t next = i % 2 ? s->t[i - 1] + s->p : s->t[i - 1] * s->q;
        if (i == s->n)
            s->t[i] = next;
        else if (s->t[i] != next)
            return false;
    }
    return true;
}

/* p is the step of the arithmetic one, q the factor of the other, which begins at place q_from. */
static bool mixed_from(struct problem *s, int q_from)
{
    if (!is_geometric(s, q_from, &s->q) || !is_arithmetic(s, 1 - q_from, &s->p))
        return false;
    s->t[s->n] = s->n % 2 == q_from ? s->t[s->n - 2] * s->q : s->t[s->n - 2] + s->p;
    return true;
}

static bool next_mixed(struct problem *s)
{
    struct problem other = *s;
    bool a = s->n >= 6 && mixed_from(s, 0), b = s->n >= 6 && mixed_from(&other, 1);
    if (a && b)
        return s->t[s->n] == other.t[s->n];
    if (b)
        *s = other;
    return a || b;
}

static bool next_recurrence(struct problem *s)
{
    const int64_t *t = s->t;
    int64_t det = t[1] * t[1] - t[0] * t[2], p = t[2] * t[1] - t[0] * t[3],
            q = t[1] * t[3] - t[2] * t[2];
    if (s->n < 5 || !det || p % det || q % det)
        return false;
    s->p = p / det;
    s->q = q / det;
    if (s->p > MAX_RULE || s->p < -MAX_RULE || s->q > MAX_RULE || s->q < -MAX_RULE)
        return false;
    for (int i = 2; i < s->n; i++)
        if (t[i] != s->p * t[i - 1] + s->q * t[i - 2])
            return false;
    s->t[s->n] = s->p * t[s->n - 1] + s->q * t[s->n - 2];
    return s->p && s->q;
}

enum { ARITHMETIC, GEOMETRIC, SUM, AFFINE, QUADRATIC, IN_TURN, ALTERNATING, MIXED, RECURRENCE };

#define WORDINGS 2
static const struct {
    bool (*next)(struct problem *s);
    int level, least, most; /* terms that are shown */
    const char *words[WORDINGS];
} families[] = {
    [ARITHMETIC] = {next_arithmetic, 1, 3, 6,
        {"a fixed number is added each time", "all steps are equal"}},
    [GEOMETRIC] = {next_geometric, 3, 4, 5,
        {"each term is multiplied by a fixed number", "neighbours have a fixed ratio"}},
    [SUM] = {next_sum, 4, 4, 7,
        {"two terms in a row make the next", "each is the sum of both before"}},
    [AFFINE] = {next_affine, 5, 4, 6, {"each step is times p, plus q", "p * last + q is next"}},
    [QUADRATIC] = {next_quadratic, 6, 4, 6,
        {"the differences change by a fixed number", "the second differences are all the same"}},
    [IN_TURN] = {next_in_turn, 7, 6, 9,
        {"two arithmetic sequences take turns", "every other term has a fixed step"}},
    [ALTERNATING] = {next_alternating, 8, 5, 7,
        {"+ p and * q take turns", "by turns + p and * q is done"}},
    [MIXED] = {next_mixed, 9, 6, 9,
        {"arithmetic and geometric take turns", "fixed step, fixed ratio, in turn"}},
    [RECURRENCE] = {next_recurrence, 10, 5, 7,
        {"p * last + q * second-last is next", "next = p * this + q * previous"}},
};
#define N_FAMILIES (sizeof families / sizeof *families)

static int level(const void *x)
{
    const struct problem *s = x;
    if (s->family == ARITHMETIC)
        return s->t[1] > s->t[0] && s->t[0] >= 0 ? 1 : 2;
    return families[s->family].level;
}

/* ---- working ------------------------------------------------------------------------------- */

#define LL(x) ((long long)(x))
/* For "%s %lld": a sum's sign and amount. */
#define PLUS(x) (x) < 0 ? "-" : "+", LL((x) < 0 ? -(x) : (x))

static void work_differences(const struct problem *s, struct pr_str *w)
{
    pr_str_puts(w, "Differences:");
    for (int i = 1; i < s->n; i++)
        pr_str_printf(w, "%s %lld", i > 1 ? "," : "", LL(s->t[i] - s->t[i - 1]));
    pr_str_putc(w, '\n');
}

/* How the term at i comes from those before. */
static void put_step(const struct problem *s, int i, struct pr_str *w)
{
    long long a = s->t[i - 1], b = i > 1 ? s->t[i - 2] : 0, p = s->p, q = s->q;
    switch (s->family) {
    case ARITHMETIC:
        pr_str_printf(w, "%lld %s %lld", a, PLUS(p));
        break;
    case GEOMETRIC:
        pr_str_printf(w, "%lld * %lld", a, p);
        break;
    case SUM:
        pr_str_printf(w, "%lld %s %lld", b, PLUS(a));
        break;
    case AFFINE:
        pr_str_printf(w, "%lld * %lld %s %lld", p, a, PLUS(q));
        break;
    case QUADRATIC:
        pr_str_printf(w, "%lld + (%lld %s %lld)", a, a - b, PLUS(q));
        break;
    case IN_TURN:
        pr_str_printf(w, "%lld %s %lld", b, PLUS(i % 2 ? q : p));
        break;
    case ALTERNATING:
        if (i % 2)
            pr_str_printf(w, "%lld %s %lld", a, PLUS(p));
        else
            pr_str_printf(w, "%lld * %lld", a, q);
        break;
    case MIXED:
        if (s->t[i - 2] + s->p == s->t[i])
            pr_str_printf(w, "%lld %s %lld", b, PLUS(p));
        else
            pr_str_printf(w, "%lld * %lld", b, q);
        break;
    default:
        pr_str_printf(w, "%lld * %lld + %lld * %lld", p, a, q, b);
    }
    pr_str_printf(w, " = %lld\n", LL(s->t[i]));
}

static void work(const struct problem *s, struct pr_str *w)
{
    static const char *const rules[N_FAMILIES] = {[ARITHMETIC] = "The step is %lld.\n",
        [GEOMETRIC] = "The factor is %lld.\n",
        [AFFINE] = "p = %lld, q = %lld\n",
        [QUADRATIC] = "The first difference is %lld, and they change by %lld.\n",
        [IN_TURN] = "Places 1, 3, 5 ... have the step %lld, places 2, 4, 6 ... the step %lld.\n",
        [ALTERNATING] = "In turn %lld is added and %lld multiplied.\n",
        [MIXED] = "One has the step %lld, the other the factor %lld.\n",
        [RECURRENCE] = "p = %lld, q = %lld\n"};
    if (s->family == ARITHMETIC || s->family == QUADRATIC || s->family == AFFINE)
        work_differences(s, w);
    if (s->family == RECURRENCE)
        for (int i = 2; i < 4; i++)
            pr_str_printf(
                w, "%lldp + %lldq = %lld\n", LL(s->t[i - 1]), LL(s->t[i - 2]), LL(s->t[i]));
    if (s->family != SUM) {
        char line[128];
        const char *rule = rules[s->family], *second = strstr(rule, "%lld");
        /* The table's own texts: one number or two. */
        size_t n = second ? (size_t)(second - rule) : 0;
        const char *rest = rule + n + 4, *other = strstr(rest, "%lld");
        if (other)
            snprintf(line, sizeof line, "%.*s%lld%.*s%lld%s", (int)n, rule, LL(s->p),
                (int)(other - rest), rest, LL(s->q), other + 4);
        else
            snprintf(line, sizeof line, "%.*s%lld%s", (int)n, rule, LL(s->p), rest);
        pr_str_puts(w, line);
    }
    bool far = s->family == IN_TURN || s->family == MIXED;
    for (int i = far                                                 ? 2
                 : s->family == ARITHMETIC || s->family == GEOMETRIC ? s->n
                                                                     : 2;
         i <= s->n; i++) {
        if (i == s->n)
            pr_str_puts(w, "Next: ");
        put_step(s, i, w);
    }
}

static bool answer(const void *x, struct pr_str *golden, struct pr_str *working)
{
    struct problem s = *(const struct problem *)x;
    if (!families[s.family].next(&s) || s.t[s.n] > MAX_TERM * INT64_C(100) ||
        s.t[s.n] < MAX_TERM * INT64_C(-100))
        return false;
    work(&s, working);
    pr_str_printf(golden, "%lld", LL(s.t[s.n]));
    return true;
}

static bool right(const void *x, const char *golden, struct pr_skill_text a)
{
    (void)golden;
    struct problem s = *(const struct problem *)x;
    return families[s.family].next(&s) && pr_answer_is_integer(a, s.t[s.n], NULL);
}

/* ---- text ---------------------------------------------------------------------------------- */

/* Slots: 1 the rule's family, 3 the terms. */
static const char *const frames[] = {"{s1}: {s3}, ?", "Sequence ({s1}): {s3}. What is next?",
    "{s3}, ... Here {s1}. Next term?", "Continue {s3}, where {s1}.", "If {s1}, after {s3} comes?"};
#define N_FRAMES (sizeof frames / sizeof *frames)

static void write(const void *x, struct pr_str *out)
{
    const struct problem *s = x;
    const char *words = families[s->family].words[s->wording];
    struct pr_slot slots[PR_SLOTS] = {{0}};
    struct pr_str terms = PR_STR_INIT(512);
    for (int i = 0; i < s->n; i++)
        pr_str_printf(&terms, "%s%lld", i ? ", " : "", LL(s->t[i]));
    pr_slot_text(&slots[1], words, strlen(words));
    pr_slot_text(&slots[3], pr_str_cstr(&terms), terms.len);
    pr_sentence_write(out, frames[s->frame], slots);
    pr_str_done(&terms);
}

static bool read_terms(struct pr_skill_text t, struct problem *s)
{
    struct pr_slot slots[PR_SLOTS] = {{0}};
    do {
        slots[0].set = false;
        if (s->n == MAX_TERMS || !pr_sentence_read(&t, "{d0}", slots) || slots[0].x > MAX_TERM ||
            slots[0].x < -MAX_TERM)
            return false;
        s->t[s->n++] = slots[0].x;
    } while (pr_skill_take(&t, ", "));
    return !t.n && s->n >= MIN_TERMS;
}

static bool read_family(struct pr_skill_text words, struct problem *s)
{
    for (size_t f = 0; f < N_FAMILIES; f++)
        for (size_t i = 0; i < WORDINGS; i++) {
            const char *own = families[f].words[i];
            if (pr_skill_says(words.s, words.n, own, strlen(own))) {
                s->family = f;
                s->wording = i;
                return true;
            }
        }
    return false;
}

static bool read(struct pr_skill_text t, void *ret)
{
    struct problem *s = ret;
    for (size_t i = 0; i < N_FRAMES; i++) {
        struct pr_slot slots[PR_SLOTS] = {{0}};
        *s = (struct problem){.frame = i};
        if (!pr_sentence_which(t, &frames[i], 1, slots) && read_family(slots[1].s, s) &&
            read_terms(slots[3].s, s))
            return true;
    }
    return false;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static void draw_terms(struct pr_rng *rng, int lv, struct problem *s)
{
    int64_t p = pr_skill_between(rng, 2, 5), q = pr_skill_between(rng, 2, 60);
    int64_t *t = s->t;
    t[0] = pr_skill_between(rng, 1, 400);
    t[1] = pr_skill_between(rng, 1, 400);
    if (s->family == ARITHMETIC) {
        p = pr_skill_between(rng, 2, 99);
        t[0] = lv == 1 ? pr_skill_between(rng, 0, 999) : pr_skill_between(rng, -200, 999);
        p = lv == 2 && pr_rng_below(rng, 4) ? -p : p;
    } else if (s->family == GEOMETRIC) {
        t[0] = pr_skill_between(rng, 2, 9999);
        p = pr_skill_between(rng, 2, 6);
    } else if (s->family == AFFINE) {
        t[0] = pr_skill_between(rng, 1, 150);
        q = pr_skill_between(rng, -90, 90);
    } else if (s->family == QUADRATIC) {
        p = pr_skill_between(rng, 1, 90);
        q = pr_skill_between(rng, -20, 20);
        t[1] = t[0] + p;
    } else if (s->family == MIXED || s->family == RECURRENCE) {
        t[0] = pr_skill_between(rng, 1, s->family == MIXED ? 40 : 90);
        t[1] = pr_skill_between(rng, 1, s->family == MIXED ? 40 : 90);
        q = pr_skill_between(rng, s->family == MIXED ? 2 : -3, 4);
        p = s->family == MIXED ? pr_skill_between(rng, 2, 60) : pr_skill_between(rng, 1, 4);
    } else {
        p = s->family == IN_TURN ? pr_skill_between(rng, -60, 60) : pr_skill_between(rng, 2, 60);
        q = s->family == IN_TURN ? q : pr_skill_between(rng, 2, 4);
    }
    int64_t q_from = (int64_t)pr_rng_below(rng, 2);
    for (int i = 1; i < s->n; i++) {
        int64_t a = t[i - 1], b = i > 1 ? t[i - 2] : 0;
        bool second = i > 1;
        switch (s->family) {
        case ARITHMETIC:
            t[i] = a + p;
            break;
        case GEOMETRIC:
            t[i] = a * p;
            break;
        case SUM:
            t[i] = second ? a + b : t[i];
            break;
        case AFFINE:
            t[i] = p * a + q;
            break;
        case QUADRATIC:
            t[i] = second ? 2 * a - b + q : t[i];
            break;
        case IN_TURN:
            t[i] = second ? b + (i % 2 ? q : p) : t[i];
            break;
        case ALTERNATING:
            t[i] = i % 2 ? a + p : a * q;
            break;
        case MIXED:
            t[i] = !second ? t[i] : i % 2 == q_from ? b * q : b + p;
            break;
        default:
            t[i] = second ? p * a + q * b : t[i];
        }
    }
}

static void draw(struct pr_rng *rng, int lv, const void *like, void *ret)
{
    static const size_t of_level[] = {ARITHMETIC, ARITHMETIC, GEOMETRIC, SUM, AFFINE, QUADRATIC,
        IN_TURN, ALTERNATING, MIXED, RECURRENCE};
    struct problem *s = ret;
    if (like) {
        *s = *(const struct problem *)like;
    } else {
        s->family = of_level[lv - 1];
        s->frame = (size_t)pr_rng_below(rng, N_FRAMES);
        s->wording = (size_t)pr_rng_below(rng, WORDINGS);
        s->n = (int)pr_skill_between(rng, families[s->family].least, families[s->family].most);
    }
    draw_terms(rng, lv, s);
}

/* ---- slips --------------------------------------------------------------------------------- */

static void add(struct pr_slips *ret, const char *pattern, int64_t x, const char *why)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", LL(x));
    pr_slips_add(ret, pattern, text, "%s", why);
}

static void slips(const void *x, struct pr_slips *ret)
{
    struct problem s = *(const struct problem *)x;
    char why[160];
    if (!families[s.family].next(&s))
        return;
    int64_t a = s.t[s.n - 1], b = s.t[s.n - 2], p = s.p, q = s.q;
#define SLIP(pattern, value, ...)                                                                  \
    do {                                                                                           \
        snprintf(why, sizeof why, __VA_ARGS__);                                                    \
        add(ret, pattern, value, why);                                                             \
    } while (0)
    if (s.family == ARITHMETIC) {
        SLIP("wrong_operation", a - p, "%lld was taken from %lld instead of added", LL(p), LL(a));
        SLIP("step_missing", a + 2 * p, "a term was passed over: twice %lld was added", LL(p));
    } else {
        SLIP("wrong_operation", 2 * a - b,
            "the last difference, %lld - %lld = %lld, was added again", LL(a), LL(b), LL(a - b));
    }
    if (s.family == GEOMETRIC)
        SLIP(
            "wrong_operation", a + p, "%lld was added to %lld instead of multiplied", LL(p), LL(a));
    if (s.family == SUM)
        SLIP("wrong_operation", a + s.t[s.n - 3], "%lld and %lld were added, not the last two",
            LL(a), LL(s.t[s.n - 3]));
    if (s.family == AFFINE) {
        SLIP("step_missing", p * a, "%lld * %lld, and %lld was not added", LL(p), LL(a), LL(q));
        SLIP("step_missing", a + q, "%lld was not multiplied by %lld", LL(a), LL(p));
    }
    if (s.family == IN_TURN || s.family == MIXED) {
        SLIP("wrong_operation", a + p, "the step %lld was added to %lld, of the other sequence",
            LL(p), LL(a));
        SLIP("wrong_operation", s.family == MIXED ? a * q : a + q,
            "the rule with %lld was used on %lld, of the other sequence", LL(q), LL(a));
        SLIP("wrong_operation", b + (s.n % 2 ? p : q),
            "to %lld the rule of the other one was applied", LL(b));
    }
    if (s.family == ALTERNATING)
        SLIP("wrong_operation", s.n % 2 ? a * q : a + p,
            "it was the other one's turn: %lld %s %lld", LL(a), s.n % 2 ? "+" : "*",
            LL(s.n % 2 ? p : q));
    if (s.family == RECURRENCE) {
        SLIP("step_missing", p * a, "%lld * %lld is missing", LL(q), LL(b));
        SLIP("wrong_operation", a * q + b * p, "%lld and %lld were exchanged", LL(p), LL(q));
        SLIP("wrong_operation", a + b, "the last two were added without %lld and %lld", LL(p),
            LL(q));
    }
#undef SLIP
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

PR_FORM_SKILL(sequences, "the next term of a sequence whose kind of rule is named");
