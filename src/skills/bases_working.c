/* How one comes to the answer of a question about bases. */
#include "skills/bases_form.h"

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

void pr_bases_working(const struct pr_bases *q, struct pr_str *out)
{
    int from = q->v[0].base;
    if (!q->n_steps && pr_bases_is_power(from) && pr_bases_is_power(q->to) &&
        (from == 2 || q->to == 2)) {
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
