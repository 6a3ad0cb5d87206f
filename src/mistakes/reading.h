/* Reading a case: what kind of question it is, and what the answer claims (docs/mistakes.md,
 * "Reading an answer").  Texts are borrowed from the case.
 *
 * The reading is made once and each recogniser looks at it. */
#ifndef PR_MISTAKES_READING_H
#define PR_MISTAKES_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mistakes/figure.h"
#include "mistakes/mistake.h"
#include "mistakes/working.h"

/* Of what is longer only so much is read: the beginning of a question or right answer, the end of
 * an answer.  Keeps the work bounded. */
#define PR_READING_MAX (64 << 10)

enum pr_question_kind {
    PR_KIND_LIST,
    PR_KIND_CHOICE,
    PR_KIND_COMPUTED, /* the value of one of several expressions */
    PR_KIND_NUMBER,
    PR_KIND_DATE,
    PR_KIND_TEXT,
    PR_N_KINDS
};

struct pr_items {
    struct pr_text *v; /* trimmed, in the order given; owned */
    size_t n, cap;
};

/* What a choice offers. */
enum pr_offer_kind {
    PR_OFFER_WORDS,   /* yes, no, unknown: all of the kind */
    PR_OFFER_SIGNS,   /* < = >: all of the kind */
    PR_OFFER_LETTERS, /* (A) … (B) … */
    PR_OFFER_NUMBERS,
    PR_OFFER_TEXTS
};
#define PR_MAX_OFFERS 26
struct pr_offers {
    enum pr_offer_kind kind;
    struct pr_text v[PR_MAX_OFFERS];       /* what is named: "yes", "A", "31", "lead" */
    struct pr_text content[PR_MAX_OFFERS]; /* letters: what stands behind them */
    struct pr_figure number[PR_MAX_OFFERS];
    size_t n;
};

/* A date: days since 1970-01-01, or a day of the week from Monday, 0. */
struct pr_day {
    bool weekday;
    int64_t n;
};

/* A value: which of its members counts follows from the kind of the question. */
struct pr_claim {
    bool there;
    struct pr_text text; /* where it stands, without what is around it */
    struct pr_figure number;
    struct pr_items items;
    size_t offer; /* choice: index of what is offered, or PR_SPAN_NONE: another of the kind */
    struct pr_day day;
};

#define PR_MAX_WORKINGS 16

struct pr_reading {
    const struct pr_mistake_case *c;
    enum pr_question_kind kind;
    struct pr_text question, golden, answer; /* trimmed */
    struct pr_text think;                    /* within the think block; s NULL: there is none */
    struct pr_offers offers;
    /* Ways to the right answer, and of a computed choice also to the others; the right one first.
     */
    struct pr_working workings[PR_MAX_WORKINGS];
    size_t n_workings;
    /* list: what parts its items; items are characters where it is empty. */
    struct pr_text separator;
    bool characters, numbers; /* list: of what */
    bool json;                /* text: the right answer is a JSON object or array */
    struct pr_claim right, given;
    bool thought; /* the think block's last value is the right one */
    struct pr_slips slips;
};

void pr_reading_make(const struct pr_mistake_case *c, struct pr_reading *ret);
void pr_reading_done(struct pr_reading *r);
/* Is the value of the answer the right one, in whatever notation? */
bool pr_reading_same(const struct pr_reading *r, const struct pr_claim *claim);
/* What stands in the think block, which the prompt may have opened (s NULL: there is none that is
 * closed), and what follows it; s NULL: one was begun and never closed.  Any bytes, unlike
 * pr_think_split. */
struct pr_text pr_reading_think(struct pr_text output, struct pr_text *ret_rest);
/* The claim of a text by the reading's kind; claim->items is to be dropped by
 * pr_claim_done. last: of several unmarked ones the last. */
void pr_reading_claim(
    const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret);
void pr_claim_done(struct pr_claim *c);

/* --- parts of it, a file each --- */
/* Where marked values begin, the strongest mark first: ####, \boxed{, **, "answer is", =. *nth
 * starts at 0; false: no more.  The region lasts as long as the value may. */
bool pr_reading_marked(struct pr_text t, int *nth, struct pr_text *ret);
bool pr_number_claim(struct pr_text t, bool last, struct pr_claim *ret); /* claim_number.c */
bool pr_offers_find(struct pr_reading *r);                               /* offers.c */
/* Does the piece of the question begin or end with the text, as words? */
bool pr_offer_holds(struct pr_text piece, struct pr_text text);
bool pr_computed_find(struct pr_reading *r); /* offers.c */
bool pr_choice_claim(const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret);
bool pr_list_kind(struct pr_reading *r); /* items.c; fills right */
bool pr_list_claim(const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret);
bool pr_day_read(struct pr_text t, struct pr_day *ret); /* day.c; the whole text */
/* The first date in t at or after *at, which is moved behind it. */
bool pr_day_next(struct pr_text t, size_t *at, struct pr_day *ret, struct pr_text *ret_text);
bool pr_day_claim(const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret);
void pr_day_put(struct pr_str *out, struct pr_day d);

#endif
