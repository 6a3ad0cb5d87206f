/* The questions of the skill `ordering`, as a value: read from text, written as text. */
#ifndef PR_SKILLS_ORDERING_FORM_H
#define PR_SKILLS_ORDERING_FORM_H

#include "skills/skill.h"
#include "skills/text.h"

#define PR_ORDER_ITEMS 32
#define PR_ORDER_TEXT  64

enum pr_order_kind {
    PR_ORDER_CHOOSE, /* the larger or smaller of two */
    PR_ORDER_SORT,
    PR_ORDER_NTH /* the n-th from one end */
};
struct pr_order_item {
    char text[PR_ORDER_TEXT]; /* as the question writes it */
    int64_t value;            /* of a number in units of PR_DECIMAL_UNIT; of words 0 */
};
struct pr_order {
    enum pr_order_kind kind;
    int form; /* which phrasing */
    bool words, expressions;
    bool down; /* larger, last, descending */
    int word;  /* how the direction is said */
    int nth;   /* from 1 */
    int n;
    struct pr_order_item v[PR_ORDER_ITEMS];
};

bool pr_order_take(struct pr_skill_text t, struct pr_order *ret);
void pr_order_put(const struct pr_order *q, struct pr_str *out);
/* A random phrasing for this kind, for words or expressions or neither, with a random direction. */
void pr_order_phrase(struct pr_rng *rng, struct pr_order *q);
/* Reads q->v[i].value from its text; false: it is not what the question's kind compares. */
bool pr_order_value(struct pr_order *q, int i);
/* <0, 0, >0: does a come before b in rising order? */
int pr_order_compare(
    const struct pr_order *q, const struct pr_order_item *a, const struct pr_order_item *b);
/* The items in the order that is asked for; equal ones as they stand. */
void pr_order_sorted(const struct pr_order *q, struct pr_order_item *ret);
/* Is it the right answer, however it is written? */
bool pr_order_accepts(const struct pr_order *q, const char *answer, size_t n);
/* What typical mistakes would answer. */
void pr_order_slips(const struct pr_order *q, struct pr_slips *ret);

#endif
