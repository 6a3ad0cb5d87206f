/* Word problems: "Anna has 12 marbles. Ben gives Anna 5 more. How many marbles does Anna have now?"
 * → "17".  Levels rise with the operations: 1 and 2 have one, 3 and 4 two, 5 and 6 three, 7 and 8
 * four, 9 five, 10 six; of each pair the lower one only adds and takes away.  "3 packs of 12" is
 * two operations.  Names, things and numbers make far more than 10^6 problems at each level. */
#include <stdio.h>
#include <string.h>

#include "skills/answer.h"
#include "skills/form.h"
#include "skills/sentence.h"
#include "skills/word_stories.h"

#define MAX_STEPS 8
#define MAX_NAME  16
#define N_SLOTS   PR_SLOTS
#define MAX_TOTAL 1000000000000 /* of what is read: products stay within 64 bits */

struct step {
    enum pr_word_op op;
    size_t phrase;
    int64_t a, b;
    char other[MAX_NAME];
};

struct problem {
    size_t story, start_phrase, question_phrase, n_steps;
    int64_t start;
    char who[MAX_NAME], things[MAX_NAME];
    struct step steps[MAX_STEPS];
};

/* ---- amounts ------------------------------------------------------------------------------- */

static bool is_packs(enum pr_word_op op)
{
    return op == PR_WORD_ADD_PACKS || op == PR_WORD_SUB_PACKS;
}

static int64_t amount(const struct step *s)
{
    return is_packs(s->op) ? s->a * s->b : s->a;
}

/* false: not a whole number, or too large; below zero is left to the caller. */
static bool apply(enum pr_word_op op, int64_t total, int64_t by, int64_t *ret)
{
    switch (op) {
    case PR_WORD_ADD:
    case PR_WORD_ADD_PACKS:
        *ret = total + by;
        break;
    case PR_WORD_SUB:
    case PR_WORD_SUB_PACKS:
        *ret = total - by;
        break;
    case PR_WORD_MUL:
        if (__builtin_mul_overflow(total, by, ret))
            return false;
        break;
    default:
        if (!by || total % by)
            return false;
        *ret = total / by;
    }
    return *ret <= MAX_TOTAL && *ret >= -MAX_TOTAL;
}

static char sign_of(enum pr_word_op op)
{
    static const char signs[PR_WORD_N_OPS] = {'+', '-', '*', '/', '+', '-'};
    return op < PR_WORD_N_OPS ? signs[op] : '?';
}

static bool total_before(const struct problem *p, size_t n_steps, int64_t *ret)
{
    *ret = p->start;
    for (size_t i = 0; i < n_steps; i++)
        if (!apply(p->steps[i].op, *ret, amount(&p->steps[i]), ret) || *ret < 0)
            return false;
    return true;
}

static const char *unit(const struct problem *p)
{
    return pr_word_stories[p->story].unit ? pr_word_stories[p->story].unit : p->things;
}

static bool answer(const void *q, struct pr_str *golden, struct pr_str *working)
{
    const struct problem *p = q;
    int64_t total = p->start;
    pr_str_printf(working, "At first: %lld %s.\n", (long long)total, unit(p));
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];
        int64_t next, by = amount(s);
        if (s->a < 1 || !apply(s->op, total, by, &next) || next < 0)
            return false;
        pr_str_printf(working, "Step %zu: ", i + 1);
        if (is_packs(s->op))
            pr_str_printf(
                working, "%lld * %lld = %lld, ", (long long)s->a, (long long)s->b, (long long)by);
        pr_str_printf(working, "%lld %c %lld = %lld\n", (long long)total, sign_of(s->op),
            (long long)by, (long long)next);
        total = next;
    }
    pr_str_printf(working, "Answer: %lld", (long long)total);
    pr_str_printf(golden, "%lld", (long long)total);
    return true;
}

static bool right(const void *q, const char *golden, struct pr_skill_text a)
{
    (void)golden;
    const struct problem *p = q;
    int64_t total;
    if (!total_before(p, p->n_steps, &total))
        return false;
    struct pr_skill_text rest = a;
    if (pr_word_stories[p->story].money && pr_skill_take(&rest, "$"))
        return pr_answer_is_integer(rest, total, NULL);
    return pr_answer_is_integer(a, total, unit(p));
}

static int level(const void *q)
{
    const struct problem *p = q;
    static const int by_operations[] = {0, 1, 3, 5, 7, 9, 10};
    size_t n = 0;
    int more = 0;
    for (size_t i = 0; i < p->n_steps; i++) {
        enum pr_word_op op = p->steps[i].op;
        n += is_packs(op) ? 2 : 1;
        if (op != PR_WORD_ADD && op != PR_WORD_SUB)
            more = 1;
    }
    return n > 4 ? (n > 5 ? 10 : 9) : by_operations[n] + more;
}

static void set_name(char ret[MAX_NAME], const char *name)
{
    memcpy(ret, name, strlen(name) + 1);
}

/* ---- text ---------------------------------------------------------------------------------- */

static void slot_name(struct pr_slot *slot, const char *name)
{
    pr_slot_text(slot, name, strlen(name));
}

static void write(const void *q, struct pr_str *out)
{
    const struct problem *p = q;
    const struct pr_word_story *story = &pr_word_stories[p->story];
    struct pr_slot slots[N_SLOTS] = {{0}};
    pr_slot_number(&slots[0], p->start);
    slot_name(&slots[2], p->who);
    slot_name(&slots[3], p->things);
    slot_name(&slots[5], p->who);
    pr_sentence_write(out, story->starts[p->start_phrase], slots);
    pr_str_putc(out, ' ');
    for (size_t i = 0; i < p->n_steps; i++) {
        const struct step *s = &p->steps[i];
        pr_slot_number(&slots[0], s->a);
        pr_slot_number(&slots[1], s->b);
        slot_name(&slots[4], s->other);
        pr_sentence_write(out, story->steps[s->op][s->phrase], slots);
        pr_str_putc(out, ' ');
        slots[5] = slots[4];
    }
    pr_sentence_write(out, story->questions[p->question_phrase], slots);
}

/* The first of the phrasings with which t goes on: its number, or PR_WORD_PHRASES. */
static size_t phrase_of(
    struct pr_skill_text *t, const char *const phrases[PR_WORD_PHRASES], struct pr_slot *slots)
{
    size_t i = 0;
    while (i < PR_WORD_PHRASES && (!phrases[i] || !pr_sentence_read(t, phrases[i], slots)))
        i++;
    return i;
}

static bool take_step(struct pr_skill_text *t, const struct pr_word_story *story,
    struct pr_slot *slots, struct step *ret)
{
    for (size_t op = 0; op < PR_WORD_N_OPS; op++) {
        slots[0].set = slots[1].set = slots[4].set = false;
        size_t phrase = phrase_of(t, story->steps[op], slots);
        if (phrase == PR_WORD_PHRASES)
            continue;
        *ret = (struct step){(enum pr_word_op)op, phrase, slots[0].x, slots[1].x, ""};
        if (!slots[4].set)
            slots[4].s = (struct pr_skill_text){"", 0};
        return slots[0].x > 0 && slots[0].x < 1000000 &&
               (!is_packs(ret->op) || (slots[1].x > 0 && slots[1].x < 1000000)) &&
               pr_slot_copy(&slots[4], ret->other, MAX_NAME) && pr_skill_take(t, " ");
    }
    return false;
}

static bool read_story(struct pr_skill_text t, size_t which, struct problem *p)
{
    const struct pr_word_story *story = &pr_word_stories[which];
    struct pr_slot slots[N_SLOTS] = {{0}};
    *p = (struct problem){.story = which};
    p->start_phrase = phrase_of(&t, story->starts, slots);
    if (p->start_phrase == PR_WORD_PHRASES || slots[0].x < 0 || slots[0].x > MAX_TOTAL ||
        !pr_skill_take(&t, " "))
        return false;
    p->start = slots[0].x;
    if (!pr_slot_copy(&slots[2], p->who, MAX_NAME) || !pr_slot_copy(&slots[3], p->things, MAX_NAME))
        return false;
    slots[5] = slots[2];
    while (p->n_steps < MAX_STEPS && take_step(&t, story, slots, &p->steps[p->n_steps])) {
        p->n_steps++;
        slots[5] = slots[4];
    }
    p->question_phrase = phrase_of(&t, story->questions, slots);
    return p->n_steps && p->question_phrase < PR_WORD_PHRASES && !t.n;
}

static bool read(struct pr_skill_text t, void *ret)
{
    for (size_t i = 0; i < pr_word_n_stories; i++)
        if (read_story(t, i, ret))
            return true;
    return false;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static size_t any_phrase(struct pr_rng *rng, const char *const phrases[PR_WORD_PHRASES])
{
    size_t n = 0;
    while (n < PR_WORD_PHRASES && phrases[n])
        n++;
    return (size_t)pr_rng_below(rng, n);
}

/* Kinds and phrasings of the steps that a level has. */
static void draw_form(struct pr_rng *rng, int lv, struct problem *p)
{
    static const size_t operations[] = {1, 1, 2, 2, 3, 3, 4, 4, 5, 6};
    bool more = lv > 8 || lv % 2 == 0;
    p->story = (size_t)pr_rng_below(rng, pr_word_n_stories);
    const struct pr_word_story *story = &pr_word_stories[p->story];
    p->start_phrase = any_phrase(rng, story->starts);
    p->question_phrase = any_phrase(rng, story->questions);
    for (size_t left = operations[lv - 1]; left;) {
        struct step *s = &p->steps[p->n_steps];
        s->op = (enum pr_word_op)pr_rng_below(rng, more ? PR_WORD_N_OPS : PR_WORD_MUL);
        size_t takes = is_packs(s->op) ? 2 : 1;
        if (takes > left || !story->steps[s->op][0])
            continue;
        s->phrase = any_phrase(rng, story->steps[s->op]);
        p->n_steps++;
        left -= takes;
    }
}

/* A divisor from 2 to 12, or 1: it has none. */
static int64_t any_divisor(struct pr_rng *rng, int64_t total)
{
    int64_t from = pr_skill_between(rng, 2, 12);
    for (int64_t i = 0; i < 11; i++) {
        int64_t d = 2 + (from - 2 + i) % 11;
        if (total > d && total % d == 0)
            return d;
    }
    return 1;
}

static void draw_numbers(struct pr_rng *rng, struct problem *p)
{
    int64_t total = p->start = pr_skill_between(rng, 20, 999);
    for (size_t i = 0; i < p->n_steps; i++) {
        struct step *s = &p->steps[i];
        int64_t most = total > 2000 ? 2000 : total;
        s->b = pr_skill_between(rng, 2, 25);
        if (s->op == PR_WORD_ADD)
            s->a = pr_skill_between(rng, 2, 400);
        else if (s->op == PR_WORD_SUB)
            s->a = pr_skill_between(rng, 1, most > 1 ? most - 1 : 1);
        else if (s->op == PR_WORD_MUL)
            s->a = pr_skill_between(rng, 2, total > 2000 ? 3 : 9);
        else if (s->op == PR_WORD_DIV)
            s->a = any_divisor(rng, total);
        else
            s->a = pr_skill_between(rng, 2, 12);
        if (s->a < 2 || !apply(s->op, total, amount(s), &total) || total < 1) {
            s->a = -1; /* drawn again: answer() takes no such step */
            return;
        }
    }
}

static void draw(struct pr_rng *rng, int lv, const void *like, void *ret)
{
    struct problem *p = ret;
    if (like)
        *p = *(const struct problem *)like;
    else
        draw_form(rng, lv, p);
    const struct pr_word_story *story = &pr_word_stories[p->story];
    const char *names[MAX_STEPS + 1];
    pr_names_some(rng, story->others, names, p->n_steps + 1);
    set_name(
        p->who, story->who == story->others ? names[p->n_steps] : pr_name_any(rng, story->who));
    set_name(p->things, pr_name_any(rng, PR_THINGS));
    for (size_t i = 0; i < p->n_steps; i++)
        set_name(p->steps[i].other, names[i]);
    draw_numbers(rng, p);
}

/* ---- slips --------------------------------------------------------------------------------- */

/* The end where step i is `op` with `by` instead; op PR_WORD_N_OPS: where it is left out. */
static bool total_with(
    const struct problem *p, size_t i, enum pr_word_op op, int64_t by, int64_t *ret)
{
    *ret = p->start;
    for (size_t k = 0; k < p->n_steps; k++) {
        enum pr_word_op own = k == i ? op : p->steps[k].op;
        if (own != PR_WORD_N_OPS && !apply(own, *ret, k == i ? by : amount(&p->steps[k]), ret))
            return false;
    }
    return true;
}

static void add(struct pr_slips *ret, const char *pattern, int64_t x, const char *why)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)x);
    pr_slips_add(ret, pattern, text, "%s", why);
}

static void slips_of_step(const struct problem *p, size_t i, struct pr_slips *ret)
{
    static const enum pr_word_op inverse[PR_WORD_N_OPS] = {
        PR_WORD_SUB, PR_WORD_ADD, PR_WORD_DIV, PR_WORD_MUL, PR_WORD_SUB, PR_WORD_ADD};
    const struct step *s = &p->steps[i];
    long long by = amount(s), at = 0, x;
    int64_t total;
    char why[160];
    if (!total_before(p, i, &total))
        return;
    at = total;
    if (total_with(p, i, PR_WORD_N_OPS, 0, &total)) {
        snprintf(why, sizeof why, "step %zu was left out: %lld %c %lld was not calculated", i + 1,
            at, sign_of(s->op), by);
        add(ret, "step_missing", total, why);
    }
    for (x = 0; x < 2; x++) {
        enum pr_word_op other =
            x ? (s->op == PR_WORD_MUL ? PR_WORD_ADD : PR_WORD_SUB) : inverse[s->op];
        if (total_with(p, i, other, by, &total)) {
            snprintf(why, sizeof why, "at step %zu it was %lld %c %lld instead of %lld %c %lld",
                i + 1, at, sign_of(other), by, at, sign_of(s->op), by);
            add(ret, "wrong_operation", total, why);
        }
    }
    for (x = 0; x < 2 && is_packs(s->op); x++) {
        if (total_with(p, i, s->op, x ? s->a : s->b, &total)) {
            snprintf(why, sizeof why, "at step %zu %lld was used instead of %lld * %lld = %lld",
                i + 1, (long long)(x ? s->a : s->b), (long long)s->a, (long long)s->b, by);
            add(ret, "step_missing", total, why);
        }
    }
    if (is_packs(s->op) && total_with(p, i, s->op, s->a + s->b, &total)) {
        snprintf(why, sizeof why, "at step %zu %lld + %lld was used instead of %lld * %lld = %lld",
            i + 1, (long long)s->a, (long long)s->b, (long long)s->a, (long long)s->b, by);
        add(ret, "wrong_operation", total, why);
    }
}

static void slips(const void *q, struct pr_slips *ret)
{
    const struct problem *p = q;
    for (size_t i = p->n_steps; i-- > 0;)
        slips_of_step(p, i, ret);
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

PR_FORM_SKILL(word_problem, "a story in which an amount changes, of one to six steps");
