/* The questions of the skill `bases`, as a value: numbers in bases 2 to 16, joined by operations,
 * and the base that the result is wanted in. */
#ifndef PR_SKILLS_BASES_FORM_H
#define PR_SKILLS_BASES_FORM_H

#include "skills/skill.h"
#include "skills/text.h"

#define PR_BASES_OPERANDS 8
#define PR_BASES_MAX      ((uint64_t)1 << 48)

enum pr_bases_op {
    PR_BASES_PLUS,
    PR_BASES_MINUS,
    PR_BASES_AND,
    PR_BASES_OR,
    PR_BASES_XOR,
    PR_BASES_LEFT,
    PR_BASES_RIGHT,
    PR_BASES_N_OPS
};
struct pr_bases_step { /* a op b = result, in the order of working them out */
    enum pr_bases_op op;
    uint64_t a, b, result;
    int base; /* of the left operand */
};
struct pr_bases {
    int n, n_steps;
    struct {
        struct pr_skill_text digits; /* where they stand in the question */
        uint64_t value;
        int base;
    } v[PR_BASES_OPERANDS];
    struct pr_bases_step steps[PR_BASES_OPERANDS];
    uint64_t value;
    int to; /* the base of the answer */
};

bool pr_bases_take(struct pr_skill_text t, struct pr_bases *ret);
/* A question in a random phrasing that fits: a number to convert, or an expression (NULL: none). */
void pr_bases_put(struct pr_rng *rng, uint64_t value, int from, const char *expression, int to,
    struct pr_str *out);
/* "0b1011"; decimal without a prefix. */
void pr_bases_put_prefixed(uint64_t value, int base, struct pr_str *out);
void pr_bases_put_digits(uint64_t value, int base, struct pr_str *out);
/* All of t in this base; either case; zeros in front are fine. */
bool pr_bases_read_digits(struct pr_skill_text t, int base, uint64_t *ret);
const char *pr_bases_op_text(enum pr_bases_op op);
/* false: below zero, or past PR_BASES_MAX. */
bool pr_bases_apply(enum pr_bases_op op, uint64_t a, uint64_t b, uint64_t *ret);
/* 2, 8 or 16: its digits are groups of bits. */
bool pr_bases_is_power(int base);
/* Appends the steps to the answer, a line a step. */
void pr_bases_working(const struct pr_bases *q, struct pr_str *out);
/* What typical mistakes would answer. */
void pr_bases_slips(const struct pr_bases *q, struct pr_slips *ret);

#endif
