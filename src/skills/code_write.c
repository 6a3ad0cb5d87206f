/* Programs from patterns, in which letters stand for what is drawn:
 *
 *   A B C D E  names, different from each other
 *   9 8 7      numbers of two digits, of one digit from 2 on, from 2 to 5
 *   +          + - or *          /  // or %          <  a comparison
 *
 * Everything else stands for itself; what a level calls for is told in code_tracing.c. */
#include "skills/code_write.h"

#include <string.h>

#include "skills/text.h"

#define PATTERNS 4
#define N_NAMES  5

static const char *const patterns[][PATTERNS] = {
    {"A = 9\nB = A + 9\nprint(B)", "A = 9 + 9\nprint(A + 9)", "A = 9\nB = 9\nprint(A + B + 8)",
        "A = 9\nB = (A + 8) * 8\nprint(B)"},
    {"A = 9\nB = 9\nA += B + 8\nprint(A)", "A = 9\nB = 9\nA, B = B, A + B\nprint(A, B)",
        "A = 9\nB = A / 8\nC = A + B\nB -= C\nprint(B)",
        "A = 9\nB = 9\nC = A - B\nA *= 7\nprint(A + C)"},
    {"A = 9\nB = 9\nif A < B:\n    A = A + 8\nelse:\n    A = B + 8\nprint(A)",
        "A = 9\nif A % 7 == 0:\n    A += 9\nelse:\n    A -= 9\nprint(A * 7)",
        "A = 9\nB = 9\nif A < 9:\n    B += A\nelif B < 9:\n    B -= A\nelse:\n    B *= 7\nprint(B)",
        "A = 9\nB = 9\nif A < 9 and B < 9:\n    A += B\nif B < A:\n    B = 9\nprint(A, B)"},
    {"A = 9\nfor B in range(7):\n    A = A + B * 8\nprint(A)",
        "A = 8\nfor B in range(8, 18):\n    A += B\nprint(A)",
        "A = 9\nB = 9\nfor C in range(7):\n    A, B = B, A + B\nprint(B)",
        "A = 8\nfor B in [9, 8, 9, 8]:\n    A += B * 7\nprint(A)"},
    {"A = 9\nfor B in range(7, 16):\n    if B % 7 == 0:\n        A += B\n    else:\n        A -= "
     "8\nprint(A)",
        "A = 8\nfor B in [9, 8, 9, 8, 9]:\n    if B < 9:\n        A += B\nprint(A)",
        "A = 9\nB = 8\nfor C in range(7, 28, 7):\n    if A < C:\n        A += C\n        B += "
        "8\nprint(A, B)",
        "A = 0\nfor B in range(8):\n    if A < 9:\n        A += B + 8\nprint(A)"},
    {"A = 9\nB = 0\nwhile A > 8:\n    A -= 8\n    B += 8\nprint(A, B)",
        "A = 8\nB = 9\nwhile A < 9:\n    A *= 7\n    B += A\nprint(B)",
        "A = 99\nB = 0\nwhile A > 0:\n    B += A % 10\n    A //= 7\nprint(B)",
        "A = 9\nB = 9\nwhile B != 0:\n    A, B = B, A % B\nprint(A * 8)"},
    {"A = 9\nfor B in range(7):\n    for C in range(7):\n        A += B * C + 8\nprint(A)",
        "A = 8\nfor B in range(8, 12):\n    for C in range(B, 11):\n        A += B + C\nprint(A)",
        "A = 9\nB = 8\nfor C in [8, 8, 8]:\n    B += C\n    for D in range(7):\n        A += "
        "D * B\nprint(A)",
        "A = 9\nfor B in range(7, 0, -1):\n    A -= 8\n    for C in range(B):\n        A = A + "
        "C\nprint(A)"},
    {"A = 9\nfor B in range(7):\n    for C in range(7):\n        if (B + C) % 7 == 0:\n            "
     "A += 8\n        else:\n            A -= B\nprint(A)",
        "A = 8\nB = 9\nfor C in range(7):\n    for D in range(C, 5):\n        if D * 8 < 9:\n     "
        "       A += D\n    B -= A\nprint(A, B)",
        "A = 9\nfor B in [9, 8, 9]:\n    for C in range(7):\n        if A < B:\n            A += C "
        "+ 8\n        elif C == 7:\n            A -= 8\nprint(A)",
        "A = 0\nB = 9\nfor C in range(1, 7):\n    for D in range(1, 7):\n        if C != D and B < "
        "99:\n            A += C * D\n            B += 8\nprint(A, B)"},
    {"A = 9\nB = 0\nwhile A > 1 and B < 8:\n    if A % 2 == 0:\n        A //= 2\n    else:\n     "
     "   A = A * 7 + 8\n    B += 1\nprint(A, B)",
        "A = 9\nB = 9\nwhile A != B:\n    if A > B:\n        A -= B\n    else:\n        B -= "
        "A\nprint(A * 8)",
        "A = 99\nB = 8\nC = 0\nwhile A > 0:\n    if A % 7 < 2:\n        B += A\n    C += 1\n    A "
        "//= 7\nprint(B, C)",
        "A = 8\nB = 9\nwhile A < 9:\n    if B < 9:\n        B += A\n    else:\n        B -= 8\n   "
        " A += 8\nprint(A, B)"},
    {"A = 9\nfor B in range(7):\n    for C in range(7):\n        if A < 9:\n            break\n    "
     "    A += B * 8 + C\n    print(A)",
        "A = 8\nB = 9\nwhile A < 9:\n    A += 8\n    for C in range(7):\n        if C * A > 9:\n  "
        "          break\n        B += C\n    print(A, B)",
        "A = 9\nfor B in [8, 9, 8]:\n    C = 0\n    while C < 7:\n        if A % 7 == C:\n         "
        "   break\n        A += B\n        C += 1\n    print(A + C)",
        "A = 0\nfor B in range(8, 15):\n    for C in range(2, B):\n        if B % C == 0:\n        "
        "    A += C * 8\n            break\n    A += 8\nprint(A)"},
};

static void put_number(struct pr_rng *rng, int64_t lo, int64_t hi, struct pr_str *out)
{
    pr_str_printf(out, "%lld", (long long)pr_skill_between(rng, lo, hi));
}

/* An operator with blanks around it stands for one like it: p is at the operator. */
static bool put_operator(struct pr_rng *rng, const char *p, bool in_loop, struct pr_str *out)
{
    static const char *const sums[] = {"+", "-", "*"}, *const parts[] = {"//", "%"},
                             *const compare[] = {"<", ">", "<=", ">=", "!="};
    if (p[-1] != ' ' || p[1] != ' ')
        return false;
    if (*p == '+')
        pr_str_puts(out, sums[pr_rng_below(rng, in_loop ? 2 : 3)]);
    else if (*p == '/')
        pr_str_puts(out, parts[pr_rng_below(rng, 2)]);
    else if (*p == '<')
        pr_str_puts(out, compare[pr_rng_below(rng, 5)]);
    else
        return false;
    return true;
}

/* A run of the digits 7 to 9 that stands for a number; how long it is, 0: it stands for itself. */
static size_t put_drawn(struct pr_rng *rng, const char *p, struct pr_str *out)
{
    size_t n = strspn(p, "0123456789");
    if (n == 1 && *p == '9')
        put_number(rng, 10, 99, out);
    else if (n == 1 && *p == '8')
        put_number(rng, 2, 9, out);
    else if (n == 1 && *p == '7')
        put_number(rng, 2, 5, out);
    else if (n == 2 && !memcmp(p, "99", 2))
        put_number(rng, 100, 999, out);
    else
        return 0;
    return n;
}

void pr_code_write(struct pr_rng *rng, int level, struct pr_str *out)
{
    static const char *const names[] = {"a", "b", "c", "d", "k", "m", "n", "p", "q", "s", "t", "u",
        "v", "x", "y", "z", "sum", "num", "total", "count", "left", "step", "value", "high", "low"};
    size_t own[N_NAMES];
    for (size_t i = 0; i < N_NAMES;) {
        size_t k = 0;
        own[i] = (size_t)pr_rng_below(rng, sizeof names / sizeof *names);
        while (own[k] != own[i])
            k++;
        i += k == i;
    }
    const char *pattern = patterns[level - 1][pr_rng_below(rng, PATTERNS)];
    for (const char *p = pattern; *p; p++) {
        size_t n = *p >= '0' && *p <= '9' ? put_drawn(rng, p, out) : 0;
        if (n)
            p += n - 1;
        else if (*p >= 'A' && *p < 'A' + N_NAMES)
            pr_str_puts(out, names[own[*p - 'A']]);
        else if (*p >= '0' && *p <= '9') {
            n = strspn(p, "0123456789");
            pr_str_append(out, p, n);
            p += n - 1;
        } else if (p == pattern || !put_operator(rng, p, level > 3, out))
            pr_str_putc(out, *p);
    }
}
