/* Arithmetic by columns. */
#include "skills/columns.h"

#include <stdio.h>

/* Says it once for a line: "8 + 7 = 15, write 5, carry 1". */
static void add_lines(struct pr_str *out, int64_t a, int64_t b)
{
    int64_t carry = 0;
    if (a <= 9 && b <= 9) /* a column alone: the last line of all says it */
        return;
    for (; a || b; a /= 10, b /= 10) {
        int64_t x = a % 10, y = b % 10, sum = x + y + carry;
        pr_str_printf(out, "%lld + %lld", (long long)x, (long long)y);
        if (carry)
            pr_str_puts(out, " + 1 carried");
        pr_str_printf(out, " = %lld", (long long)sum);
        if (sum > 9)
            pr_str_printf(out, ", write %lld, carry 1", (long long)(sum % 10));
        pr_str_putc(out, '\n');
        carry = sum > 9;
    }
    if (carry)
        pr_str_puts(out, "write the carried 1 in front\n");
}

static void subtract_lines(struct pr_str *out, int64_t a, int64_t b)
{
    int64_t borrow = 0;
    if (a <= 9 && b <= a)
        return;
    if (a < b) {
        pr_str_printf(out, "%lld is larger than %lld: subtract the other way round, minus sign\n",
            (long long)b, (long long)a);
        int64_t larger = b;
        b = a;
        a = larger;
    }
    for (; a; a /= 10, b /= 10) {
        int64_t x = a % 10, y = b % 10 + borrow, lend = x < y ? 10 : 0;
        pr_str_printf(out, "%lld - %lld", (long long)x, (long long)(b % 10));
        if (borrow)
            pr_str_puts(out, " - 1 borrowed");
        if (lend)
            pr_str_printf(out, ": borrow 10, %lld - %lld", (long long)(x + lend), (long long)y);
        pr_str_printf(out, " = %lld\n", (long long)(x + lend - y));
        borrow = lend > 0;
    }
}

/* One factor's digits times the other; the last line of all says the product. */
static void multiply_lines(struct pr_str *out, int64_t a, int64_t b)
{
    int64_t place = 1, sum = 0;
    if (b <= 9) {
        int64_t one = b;
        b = a;
        a = one;
    }
    for (int64_t rest = b; rest && b > 9; rest /= 10) {
        int64_t digit = rest % 10, part = digit ? a * (digit * place) : 0; /* within the product */
        sum += part;
        if (digit)
            pr_str_printf(out, "%lld * %lld = %lld, together %lld\n", (long long)a,
                (long long)(digit * place), (long long)part, (long long)sum);
        place = rest > 9 ? place * 10 : place;
    }
}

void pr_column_working(struct pr_str *out, char op, int64_t a, int64_t b)
{
    int64_t result;
    if (!pr_column_result(op, a, b, &result))
        return;
    if (op == '+')
        add_lines(out, a, b);
    else if (op == '-')
        subtract_lines(out, a, b);
    else if (op == '*')
        multiply_lines(out, a, b);
    else
        pr_str_printf(out, "%lld * %lld = %lld\n", (long long)b, (long long)result, (long long)a);
    pr_str_printf(out, "%lld %c %lld = %lld\n", (long long)a, op, (long long)b, (long long)result);
}

bool pr_column_plain(char op, int64_t a, int64_t b)
{
    for (; a || b; a /= 10, b /= 10)
        if (op == '+' ? a % 10 + b % 10 > 9 : a % 10 < b % 10)
            return false;
    return true;
}

bool pr_column_result(char op, int64_t a, int64_t b, int64_t *ret)
{
    switch (op) {
    case '+':
        return !__builtin_add_overflow(a, b, ret);
    case '-':
        return !__builtin_sub_overflow(a, b, ret);
    case '*':
        return !__builtin_mul_overflow(a, b, ret);
    default:
        if (!b || (b == -1 && a == INT64_MIN) || a % b)
            return false;
        *ret = a / b;
        return true;
    }
}

static void add_slip(struct pr_slips *ret, const char *pattern, int64_t answer, const char *why)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)answer);
    pr_slips_add(ret, pattern, text, "%s", why);
}

static void other_operations(struct pr_slips *ret, char op, int64_t a, int64_t b)
{
    static const struct {
        char op;
        const char *done;
    } all[] = {{'+', "added"}, {'-', "subtracted"}, {'*', "multiplied"}, {'/', "divided"}};
    const char *asked = "";
    for (size_t i = 0; i < 4; i++)
        if (all[i].op == op)
            asked = all[i].done;
    for (size_t i = 0; i < 4; i++) {
        char why[160];
        int64_t x;
        if (all[i].op == op || !pr_column_result(all[i].op, a, b, &x))
            continue;
        snprintf(why, sizeof why, "%lld and %lld were %s, not %s: %lld %c %lld = %lld",
            (long long)a, (long long)b, all[i].done, asked, (long long)a, all[i].op, (long long)b,
            (long long)x);
        add_slip(ret, "wrong_operation", x, why);
    }
}

/* Each single carry or borrow forgotten, then all of them. */
static void forgotten(struct pr_slips *ret, char op, int64_t a, int64_t b, int64_t right)
{
    int64_t place = 1, carry = 0, without = 0;
    int n = 0;
    for (int64_t x = a, y = b; (x || y) && place < INT64_MAX / 100; x /= 10, y /= 10) {
        int64_t column = op == '+' ? x % 10 + y % 10 : x % 10 - y % 10;
        int64_t full = op == '+' ? column + carry : column - carry;
        char why[160];
        without += (op == '+' ? column % 10 : (column < 0 ? column + 10 : column)) * place;
        carry = op == '+' ? full > 9 : full < 0;
        if (carry) {
            n++;
            snprintf(why, sizeof why, "the 1 %s in %lld %c %lld (column of %lld) was forgotten",
                op == '+' ? "carried" : "borrowed", (long long)(x % 10), op, (long long)(y % 10),
                (long long)place);
            add_slip(ret, "carry", op == '+' ? right - place * 10 : right + place * 10, why);
        }
        place *= 10;
    }
    if (n > 1)
        add_slip(ret, "carry", without,
            op == '+' ? "each column was added by itself, no 1 was carried"
                      : "each column was subtracted by itself, no 1 was borrowed");
    if (n && op == '-') {
        int64_t turned = 0;
        place = 1;
        for (int64_t x = a, y = b; (x || y) && place < INT64_MAX / 100; x /= 10, y /= 10) {
            int64_t d = x % 10 - y % 10;
            turned += (d < 0 ? -d : d) * place;
            place *= 10;
        }
        add_slip(ret, "carry", turned,
            "in each column the smaller digit was taken from the larger, instead of borrowing");
    }
}

void pr_column_slips(struct pr_slips *ret, char op, int64_t a, int64_t b)
{
    int64_t right;
    if (a < 0 || b < 0 || !pr_column_result(op, a, b, &right))
        return;
    if (op == '+' || (op == '-' && a >= b))
        forgotten(ret, op, a, b, right);
    if (right)
        add_slip(ret, "sign", -right,
            right < 0 ? "the minus sign was left out" : "the result has a minus sign too many");
    other_operations(ret, op, a, b);
}
