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

static int level_of_conversion(int from, int to, int bits)
{
    int other = from == 10 ? to : from;
    if (pr_bases_is_power(from) && pr_bases_is_power(to))
        return bits > 20 ? 0 : from == 2 || to == 2 ? 1 : 5;
    if (from != 10 && to != 10)
        return bits <= 24 ? 9 : 0;
    if (!pr_bases_is_power(other))
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

static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working)
{
    struct pr_bases q;
    if (!take(prompt, n, &q))
        return false;
    if (golden)
        put_golden(&q, golden);
    if (working)
        pr_bases_working(&q, working);
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

static void slips(const char *prompt, size_t n, struct pr_slips *ret)
{
    struct pr_bases q;
    if (take(prompt, n, &q))
        pr_bases_slips(&q, ret);
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
