/* Bases: "Convert the binary number 1011 to decimal." → "11", and sums and bitwise operations in
 * binary, octal and hexadecimal.  `level_of` says what makes a level. */
#include <stdio.h>
#include <string.h>

#include "skills/bases_form.h"
#include "skills/phrase.h"
#include "skills/skill.h"
#include "skills/text.h"

static bool take(const char *prompt, size_t n, struct pr_bases *ret)
{
    return pr_bases_take((struct pr_skill_text){prompt, n}, ret);
}

static void put_golden(const struct pr_bases *q, struct pr_str *golden)
{
    pr_bases_put_digits(q->value, q->to, golden);
}

static int bits_of(uint64_t x)
{
    return x ? 64 - __builtin_clzll(x) : 1;
}

/* ---- levels -------------------------------------------------------------------------------- */

static bool is_power(int base)
{
    return base == 2 || base == 8 || base == 16;
}

static int level_of_conversion(int from, int to, int bits)
{
    int other = from == 10 ? to : from;
    if (is_power(from) && is_power(to))
        return bits > 20 ? 0 : from == 2 || to == 2 ? 1 : 5;
    if (from != 10 && to != 10)
        return bits <= 24 ? 9 : 0;
    if (!is_power(other))
        return bits <= 20 ? 5 : 0;
    return bits > 16 ? 0 : other == 2 ? 2 : 3;
}

static int level_of(const struct pr_bases *q)
{
    int bits = 0, base = q->v[0].base;
    bool same = q->to == base;
    for (int i = 0; i < q->n; i++) {
        int own = bits_of(q->v[i].value);
        bits = own > bits ? own : bits;
    }
    if (!q->n_steps)
        return level_of_conversion(base, q->to, bits);
    const struct pr_bases_step *s = &q->steps[0];
    bool shift = s->op == PR_BASES_LEFT || s->op == PR_BASES_RIGHT;
    same = same && (shift || q->v[1].base == base);
    if (q->n_steps > 1)
        return bits <= 16 && q->n_steps <= 3 ? 10 : 0;
    if (bits > 16)
        return 0;
    if (!same || base == 10)
        return 8;
    if (s->op <= PR_BASES_MINUS || shift)
        return base == 2 && s->op == PR_BASES_PLUS && bits <= 12 ? 4 : 7;
    return base == 2 && bits <= 12 ? 6 : 8;
}

static int level(const char *prompt, size_t n)
{
    struct pr_bases q;
    return take(prompt, n, &q) ? level_of(&q) : 0;
}

/* ---- making -------------------------------------------------------------------------------- */

/* What is drawn for a level; what then is of another is drawn again. */
static const struct {
    int steps, bits;
    const char *from, *to;  /* bases, as letters: b o d h, and * for any */
    const char *operations; /* as places in enum pr_bases_op */
    bool same;              /* all numbers and the answer in one base */
} kinds[PR_SKILL_LEVELS] = {
    {0, 20, "boh", "boh", "", false},
    {0, 16, "bd", "bd", "", false},
    {0, 16, "odh", "odh", "", false},
    {1, 12, "b", "b", "0", true},
    {0, 20, "oh*d", "oh*d", "", false},
    {1, 12, "b", "b", "234", true},
    {1, 16, "boh", "boh", "0156", true},
    {1, 16, "bdh", "bodh", "0123456", false},
    {0, 24, "*boh", "*boh", "", false},
    {2, 16, "bdh", "bodh", "0123456", false},
};

static int any_base(struct pr_rng *rng, const char *letters)
{
    char c = letters[pr_rng_below(rng, strlen(letters))];
    return c == 'b'   ? 2
           : c == 'o' ? 8
           : c == 'd' ? 10
           : c == 'h' ? 16
                      : (int)pr_skill_between(rng, 3, 15);
}

static uint64_t any_value(struct pr_rng *rng, int bits)
{
    int own = (int)pr_skill_between(rng, 2, bits);
    return (uint64_t)1 << (own - 1) | pr_rng_below(rng, (uint64_t)1 << (own - 1));
}

/* "0b1011 AND 0b110", or with an operation in brackets on either side. */
static void put_operation(struct pr_rng *rng, int level, int base, int steps, struct pr_str *out)
{
    const char *ops = kinds[level - 1].operations;
    enum pr_bases_op op = (enum pr_bases_op)(ops[pr_rng_below(rng, strlen(ops))] - '0');
    bool shift = op == PR_BASES_LEFT || op == PR_BASES_RIGHT,
         inner_left = shift || pr_rng_below(rng, 2);
    for (int side = 0; side < 2; side++) {
        int own = kinds[level - 1].same ? base : any_base(rng, kinds[level - 1].from);
        if (side)
            pr_str_printf(out, " %s ", pr_bases_op_text(op));
        if (steps > 1 && inner_left == !side) {
            pr_str_putc(out, '(');
            put_operation(rng, level, base, steps - 1, out);
            pr_str_putc(out, ')');
        } else if (side && shift) {
            pr_str_printf(out, "%d", (int)pr_skill_between(rng, 1, 6));
        } else {
            pr_bases_put_prefixed(any_value(rng, kinds[level - 1].bits), own, out);
        }
    }
}

static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)
{
    int steps = kinds[level - 1].steps;
    size_t from = prompt->len;
    struct pr_bases q;
    struct pr_str expression = PR_STR_INIT(1024);
    do { /* read again as solve would */
        int base = any_base(rng, kinds[level - 1].from);
        int to = kinds[level - 1].same ? base : any_base(rng, kinds[level - 1].to);
        prompt->len = from;
        pr_str_clear(&expression);
        if (steps)
            put_operation(
                rng, level, base, steps + (level == 10 && pr_rng_below(rng, 2)), &expression);
        pr_bases_put(rng, any_value(rng, kinds[level - 1].bits), base,
            steps ? pr_str_cstr(&expression) : NULL, to, prompt);
    } while (!take(prompt->data + from, prompt->len - from, &q) || level_of(&q) != level);
    put_golden(&q, golden);
    pr_str_done(&expression);
}

/* ---- solving ------------------------------------------------------------------------------- */

static void from_base(struct pr_skill_text digits, int base, uint64_t value, struct pr_str *out)
{
    uint64_t place = 1;
    for (size_t i = 1; i < digits.n; i++)
        place *= (uint64_t)base;
    for (size_t i = 0; i < digits.n; i++, place /= (uint64_t)base) {
        uint64_t digit = 0;
        (void)pr_bases_read_digits((struct pr_skill_text){digits.s + i, 1}, base, &digit);
        pr_str_printf(out, "%s%llu*%llu", i ? " + " : "", (unsigned long long)digit,
            (unsigned long long)place);
    }
    pr_str_printf(out, " = %llu\n", (unsigned long long)value);
}

static void to_base(uint64_t value, int base, struct pr_str *out)
{
    do {
        pr_str_printf(out, "%llu / %d = %llu remainder ", (unsigned long long)value, base,
            (unsigned long long)(value / (uint64_t)base));
        pr_bases_put_digits(value % (uint64_t)base, base, out);
        pr_str_putc(out, '\n');
    } while (value /= (uint64_t)base);
    pr_str_puts(out, "the remainders from the last to the first\n");
}

/* Digit by digit between binary and octal or hexadecimal. */
static void by_groups(const struct pr_bases *q, int wide, struct pr_str *out)
{
    int bits = wide == 8 ? 3 : 4;
    struct pr_str digits = PR_STR_INIT(256);
    pr_bases_put_digits(q->value, wide, &digits);
    pr_str_printf(
        out, "each %s digit stands for %d bits\n", wide == 8 ? "octal" : "hexadecimal", bits);
    for (size_t i = 0; i < digits.len; i++) {
        uint64_t digit = 0;
        (void)pr_bases_read_digits((struct pr_skill_text){digits.data + i, 1}, wide, &digit);
        for (int b = bits; b-- > 0;)
            pr_str_putc(out, digit >> b & 1 ? '1' : '0');
        pr_str_printf(out, " is %c\n", digits.data[i]);
    }
    pr_str_done(&digits);
}

static void put_working(const struct pr_bases *q, struct pr_str *out)
{
    int from = q->v[0].base;
    if (!q->n_steps && is_power(from) && is_power(q->to) && (from == 2 || q->to == 2)) {
        by_groups(q, from == 2 ? q->to : from, out);
        return;
    }
    bool bits_alone = q->n_steps > 0 && q->to == 2;
    for (int i = 0; i < q->n_steps; i++)
        bits_alone = bits_alone && q->steps[i].op >= PR_BASES_AND && q->steps[i].base == 2;
    for (int i = 0; i < q->n; i++)
        if (q->v[i].base != 10 && q->v[i].digits.n < 40 && !bits_alone)
            from_base(q->v[i].digits, q->v[i].base, q->v[i].value, out);
    for (int i = 0; i < q->n_steps; i++) {
        const struct pr_bases_step *s = &q->steps[i];
        bool bits = s->op >= PR_BASES_AND;
        int base = bits ? 2 : 10;
        pr_bases_put_prefixed(s->a, base, out);
        pr_str_printf(out, " %s ", pr_bases_op_text(s->op));
        pr_bases_put_prefixed(s->b, s->op >= PR_BASES_LEFT ? 10 : base, out);
        pr_str_puts(out, " = ");
        pr_bases_put_prefixed(s->result, base, out);
        if (bits)
            pr_str_printf(out, " = %llu", (unsigned long long)s->result);
        pr_str_putc(out, '\n');
    }
    if (q->to != 10 && !bits_alone)
        to_base(q->value, q->to, out);
}

static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working)
{
    struct pr_bases q;
    if (!take(prompt, n, &q))
        return false;
    if (golden)
        put_golden(&q, golden);
    if (working)
        put_working(&q, working);
    return true;
}

/* In either case, with or without the prefix; bits may stand in groups with a space between. */
static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_bases q;
    struct pr_skill_text t = pr_skill_answer(answer, n);
    char packed[128];
    size_t m = 0;
    uint64_t value;
    if (!take(prompt, prompt_len, &q))
        return false;
    if (q.to == 10)
        return pr_answer_is_number(answer, n, (int64_t)q.value);
    if (q.to == 2   ? pr_skill_take(&t, "0b")
        : q.to == 8 ? pr_skill_take(&t, "0o")
                    : q.to == 16 && pr_skill_take(&t, "0x"))
        t.n = t.n && (t.s[0] == ' ') ? 0 : t.n;
    for (size_t i = 0; i < t.n; i++) {
        if (q.to == 2 && t.s[i] == ' ' && i && t.s[i - 1] != ' ')
            continue;
        if (m == sizeof packed)
            return false;
        packed[m++] = t.s[i];
    }
    return pr_bases_read_digits((struct pr_skill_text){packed, m}, q.to, &value) &&
           value == q.value;
}

/* ---- varying ------------------------------------------------------------------------------- */

static bool vary(struct pr_rng *rng, const char *prompt, size_t n, struct pr_str *ret_prompt,
    struct pr_str *ret_golden)
{
    enum { TRIES = 5000 };
    struct pr_skill_text t = pr_skill_trim(prompt, n);
    struct pr_bases was, q;
    size_t from = ret_prompt->len;
    if (!take(t.s, t.n, &was))
        return false;
    int wanted = level_of(&was);
    for (int i = 0; i < TRIES; i++) {
        const char *at = t.s;
        ret_prompt->len = from;
        for (int k = 0; k < was.n; k++) { /* as many digits at each place, the first not 0 */
            struct pr_skill_text digits = was.v[k].digits;
            int base = was.v[k].base;
            pr_str_append(ret_prompt, at, (size_t)(digits.s - at));
            for (size_t d = 0; d < digits.n; d++)
                pr_bases_put_digits((uint64_t)pr_skill_between(rng, !d && digits.n > 1, base - 1),
                    base, ret_prompt);
            at = digits.s + digits.n;
        }
        pr_str_append(ret_prompt, at, (size_t)(t.s + t.n - at));
        const char *made = pr_str_cstr(ret_prompt) + from;
        size_t len = ret_prompt->len - from;
        if ((len != t.n || memcmp(made, t.s, len) != 0) && take(made, len, &q) &&
            level_of(&q) == wanted) {
            put_golden(&q, ret_golden);
            return true;
        }
    }
    ret_prompt->len = from;
    return false;
}

/* ---- slips --------------------------------------------------------------------------------- */

static void add_slip(
    struct pr_slips *ret, const char *pattern, uint64_t value, int base, const char *why)
{
    struct pr_str text = PR_STR_INIT(128);
    pr_bases_put_digits(value, base, &text);
    pr_slips_add(ret, pattern, pr_str_cstr(&text), "%s", why);
    pr_str_done(&text);
}

static void conversion_slips(const struct pr_bases *q, struct pr_slips *ret)
{
    struct pr_str text = PR_STR_INIT(128), back = PR_STR_INIT(128);
    pr_str_append(&text, q->v[0].digits.s, q->v[0].digits.n);
    pr_slips_add(ret, "step_missing", pr_str_cstr(&text), "the digits were copied, not converted");
    pr_str_clear(&text);
    put_golden(q, &text);
    for (size_t i = text.len; i-- > 0;)
        pr_str_putc(&back, text.data[i]);
    pr_slips_add(ret, "wrong_order", pr_str_cstr(&back),
        "the digits are there from the last to the first: remainders are read upwards");
    pr_str_done(&text);
    pr_str_done(&back);
}

static void slips(const char *prompt, size_t n, struct pr_slips *ret)
{
    static const int others[] = {10, 2, 8, 16};
    struct pr_bases q;
    uint64_t other;
    char why[160];
    if (!take(prompt, n, &q))
        return;
    const struct pr_bases_step *last = q.n_steps ? &q.steps[q.n_steps - 1] : NULL;
    if (!last)
        conversion_slips(&q, ret);
    if (last && last->op == PR_BASES_PLUS)
        add_slip(ret, "carry", last->a ^ last->b, q.to, "the bits were added without carrying");
    for (size_t i = 0; i < 4; i++) {
        snprintf(
            why, sizeof why, "the value is right, but written in base %d, not %d", others[i], q.to);
        if (others[i] != q.to)
            add_slip(ret, last ? "step_missing" : "wrong_operation", q.value, others[i], why);
    }
    for (int i = 0; last && i < PR_BASES_N_OPS; i++) {
        if (i == (int)last->op || !pr_bases_apply((enum pr_bases_op)i, last->a, last->b, &other))
            continue;
        snprintf(why, sizeof why, "%s was worked out instead of %s",
            pr_bases_op_text((enum pr_bases_op)i), pr_bases_op_text(last->op));
        add_slip(ret, "wrong_operation", other, q.to, why);
    }
    for (int i = 0; i + 1 < q.n_steps; i++)
        add_slip(ret, "step_missing", q.steps[i].result, q.to,
            "this is the result of a step on the way; the rest was left out");
}

const struct pr_skill pr_skill_bases = {
    .name = "bases",
    .summary = "binary, octal, hexadecimal and other bases; bitwise operations",
    .n_levels = PR_SKILL_LEVELS,
    .make = make,
    .solve = solve,
    .verify = verify,
    .vary = vary,
    .level = level,
    .slips = slips,
};
