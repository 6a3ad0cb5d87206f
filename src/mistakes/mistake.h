/* Mistakes: what kind of error a wrong answer is, told by a table of recognisers.
 *
 * To add a pattern: its line in PR_MISTAKES, in the order in which they are tried; its recogniser
 * and a test; its row in docs/mistakes.md.  A recogniser sees the question, the right answer and
 * all that the model wrote; the first that recognises the answer names it.  What none recognises is
 * `other`: never forced into a pattern.
 */
#ifndef PR_MISTAKES_MISTAKE_H
#define PR_MISTAKES_MISTAKE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "exam/grade.h"
#include "skills/skill.h"

/* A wrong answer.  Texts are borrowed and may hold any bytes. */
struct pr_mistake_case {
    struct pr_text question, golden; /* golden without its think block */
    struct pr_text answer;           /* as it was checked; s NULL: there was none */
    struct pr_text output;           /* all that was generated; s NULL: not known any more */
    bool truncated, think, think_unclosed;
    const struct pr_skill *skill; /* that knows the question (pr_skill_knowing); NULL: none does */
};

enum pr_mistake_group {
    PR_MISTAKE_FORM,   /* the answer is not what can be right or wrong */
    PR_MISTAKE_NUMBER, /* a number, and another one */
    PR_MISTAKE_CHOICE, /* one of several that the question offers */
    PR_MISTAKE_LIST,   /* several items in an order */
    PR_MISTAKE_TEXT,   /* any other text */
    PR_MISTAKE_OTHER
};

/* (name, group, one line for people) */
#define PR_MISTAKES(X)                                                                             \
    X(think_unclosed, FORM, "a think block was begun and never closed")                            \
    X(looped, FORM, "it repeats itself until it is cut off")                                       \
    X(truncated, FORM, "it was cut off at the token limit")                                        \
    X(empty, FORM, "there is no answer")                                                           \
    X(refused, FORM, "it says that it cannot or will not answer")                                  \
    X(misplaced, FORM, "the right answer is there, but not as the answer")                         \
    X(format_broken, FORM, "not of the form that the question asks for")                           \
    X(wrong_order, LIST, "the right items, in another order than was asked for")                   \
    X(item_missing, LIST, "items are missing, none is new")                                        \
    X(item_added, LIST, "all the right items, and more")                                           \
    X(item_changed, LIST, "other items in place of right ones")                                    \
    X(other_choice, CHOICE, "another of those that the question offers")                           \
    X(not_offered, CHOICE, "none of those that the question offers")                               \
    X(wrong_operation, NUMBER, "the result of another operation on the same numbers")              \
    X(carry, NUMBER, "a carry or a borrow was forgotten, or made where none was")                  \
    X(step_missing, NUMBER, "a step of several was left out")                                      \
    X(sign, NUMBER, "the right amount with the other sign")                                        \
    X(off_by_one, NUMBER, "one more or one less")                                                  \
    X(place_value, NUMBER, "the right digits with the point or the zeros elsewhere")               \
    X(digit_dropped, NUMBER, "a digit is missing")                                                 \
    X(digit_added, NUMBER, "a digit too many")                                                     \
    X(digits_swapped, NUMBER, "two digits have changed places")                                    \
    X(digit_wrong, NUMBER, "one digit is wrong, the others are right")                             \
    X(near, NUMBER, "within a tenth of the right number")                                          \
    X(far, NUMBER, "another number altogether")                                                    \
    X(misspelt, TEXT, "one or two letters differ")                                                 \
    X(part, TEXT, "a part of the right answer")                                                    \
    X(other, OTHER, "none of these")

enum pr_mistake {
#define PR_X(name, group, text) PR_MISTAKE_IS_##name,
    PR_MISTAKES(PR_X)
#undef PR_X
        PR_N_MISTAKES
};

struct pr_mistake_found {
    enum pr_mistake pattern;
    char *why; /* what went wrong, at which step; one or two sentences; pr_free */
};

/* Never fails: what none recognises is PR_MISTAKE_IS_other.  The answer must be a wrong one. */
void pr_mistake_recognise(const struct pr_mistake_case *c, struct pr_mistake_found *ret);
/* The case of a grade; its texts are the grade's and its example's. */
void pr_mistake_case_of(const struct pr_grade *g, struct pr_mistake_case *ret);
const char *pr_mistake_name(enum pr_mistake m);  /* "off_by_one" */
const char *pr_mistake_about(enum pr_mistake m); /* "one more or one less" */
bool pr_mistake_find(const char *name, enum pr_mistake *ret);

#endif
