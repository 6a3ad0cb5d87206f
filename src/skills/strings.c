/* Words that are changed letter by letter: "kelpo: reverse it = ?" → "oplek".  Levels: one change,
 * 1 a letter by its number, 2 reversal, 3 counting, 4 without vowels, 5 sorting, 6 replacing, 7
 * shifting (Caesar), 8 rotating, doubling, swapping the ends or capital vowels; 9 two changes, 10
 * three.  Words are made of syllables: each level has more than 10^6 questions.  The wordings are
 * short, so that three without a number among them stay below twelve fixed words. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skills/answer.h"
#include "skills/form.h"
#include "skills/sentence.h"

#define MAX_WORD 40
#define MAX_TEXT 96 /* a word doubled */
#define MAX_OPS  4

enum kind {
    NTH,
    REVERSE,
    COUNT,
    NO_VOWELS,
    SORT,
    REPLACE,
    SHIFT,
    ROTATE,
    DOUBLE,
    SWAP_ENDS,
    CAPITALS,
    N_KINDS
};

struct op {
    enum kind kind;
    size_t wording;
    int64_t k;
    char from, to;
};

struct problem {
    size_t frame, n_ops;
    struct op ops[MAX_OPS];
    char word[MAX_WORD + 1];
};

#define WORDINGS 2
/* Slots: 0 a number, 1 and 2 letters. */
static const struct {
    int level;
    const char *words[WORDINGS];
} kinds[N_KINDS] = {
    [NTH] = {1, {"letter number {d0}", "take letter {d0}"}},
    [REVERSE] = {2, {"reverse it", "write backwards"}},
    [COUNT] = {3, {"count letter {w1}", "how many {w1}"}},
    [NO_VOWELS] = {4, {"drop vowels", "without vowels"}},
    [SORT] = {5, {"sort letters", "alphabetical order"}},
    [REPLACE] = {6, {"replace {w1} by {w2}", "each {w1} becomes {w2}"}},
    [SHIFT] = {7, {"shift letters {d0} on", "each letter + {d0}"}},
    [ROTATE] = {8, {"rotate left by {d0}", "move first {d0} last"}},
    [DOUBLE] = {8, {"double each letter", "each letter twice"}},
    [SWAP_ENDS] = {8, {"swap ends", "exchange ends"}},
    [CAPITALS] = {8, {"vowels uppercase", "capitalise vowels"}},
};

/* ---- changes ------------------------------------------------------------------------------- */

static bool is_vowel(char c)
{
    return c && strchr("aeiou", c) != NULL;
}

static char shifted(char c, int64_t k)
{
    return (char)('a' + (c - 'a' + (k % 26 + 26)) % 26);
}

static void sort(char *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = i; k && s[k - 1] > s[k]; k--) {
            char c = s[k];
            s[k] = s[k - 1];
            s[k - 1] = c;
        }
}

static size_t count(const char *s, char c)
{
    size_t n = 0;
    for (; *s; s++)
        n += *s == c;
    return n;
}

/* Changes letter by letter: what is left of each, doubled or not. */
static void change_each(const struct op *op, char s[MAX_TEXT])
{
    char out[MAX_TEXT];
    size_t n = 0;
    for (const char *p = s; *p && n + 2 < MAX_TEXT; p++) {
        char c = *p;
        if (op->kind == NO_VOWELS && is_vowel(c))
            continue;
        if (op->kind == REPLACE && c == op->from)
            c = op->to;
        if (op->kind == SHIFT)
            c = shifted(c, op->k);
        if (op->kind == CAPITALS && is_vowel(c))
            c = (char)(c - 32);
        out[n++] = c;
        if (op->kind == DOUBLE)
            out[n++] = c;
    }
    out[n] = 0;
    memcpy(s, out, n + 1);
}

/* Changes s in place; false: there is no such letter, or nothing left. */
static bool apply(const struct op *op, char s[MAX_TEXT])
{
    char old[MAX_TEXT];
    size_t n = strlen(s);
    memcpy(old, s, n + 1);
    switch (op->kind) {
    case NTH:
        if (op->k < 1 || op->k > (int64_t)n)
            return false;
        s[0] = old[op->k - 1];
        s[1] = 0;
        break;
    case REVERSE:
        for (size_t i = 0; i < n; i++)
            s[i] = old[n - 1 - i];
        break;
    case COUNT:
        snprintf(s, MAX_TEXT, "%zu", count(old, op->from));
        break;
    case SORT:
        sort(s, n);
        break;
    case ROTATE:
        if (op->k < 1 || op->k >= (int64_t)n)
            return false;
        for (size_t i = 0; i < n; i++)
            s[i] = old[(i + (size_t)op->k) % n];
        break;
    case SWAP_ENDS:
        s[0] = old[n - 1];
        s[n - 1] = old[0];
        break;
    default:
        change_each(op, s);
    }
    return s[0] != 0;
}

/* The result of ops; ones after a letter, a count or capitals are none of ours. */
static bool run(const struct problem *p, const struct op *ops, size_t n_ops, char s[MAX_TEXT])
{
    memcpy(s, p->word, strlen(p->word) + 1);
    for (size_t i = 0; i < n_ops; i++) {
        enum kind k = ops[i].kind;
        if (!apply(&ops[i], s) || strlen(s) > MAX_WORD ||
            ((k == NTH || k == COUNT || k == CAPITALS) && i + 1 < n_ops))
            return false;
    }
    return true;
}

static void slots_of(const struct op *op, struct pr_slot slots[PR_SLOTS])
{
    pr_slot_number(&slots[0], op->k);
    pr_slot_text(&slots[1], &op->from, 1);
    pr_slot_text(&slots[2], &op->to, 1);
}

static void put_op(const struct op *op, struct pr_str *out)
{
    struct pr_slot slots[PR_SLOTS] = {{0}};
    slots_of(op, slots);
    pr_sentence_write(out, kinds[op->kind].words[op->wording], slots);
}

/* What a step needs beside its result: the letters' numbers, or what becomes of each. */
static void work_letters(const struct op *op, const char *before, struct pr_str *w)
{
    if (op->kind != NTH && op->kind != COUNT && op->kind != SHIFT)
        return;
    for (size_t i = 0; before[i]; i++) {
        pr_str_puts(w, i ? ", " : "  ");
        if (op->kind == SHIFT)
            pr_str_printf(w, "%c to %c", before[i], shifted(before[i], op->k));
        else
            pr_str_printf(w, "%zu %c", i + 1, before[i]);
    }
    pr_str_putc(w, '\n');
}

static bool answer(const void *q, struct pr_str *golden, struct pr_str *working)
{
    const struct problem *p = q;
    char s[MAX_TEXT], before[MAX_TEXT] = "";
    if (!p->n_ops || !run(p, p->ops, p->n_ops, s))
        return false;
    memcpy(before, p->word, strlen(p->word) + 1);
    for (size_t i = 0; i < p->n_ops; i++) {
        char after[MAX_TEXT];
        memcpy(after, before, sizeof after);
        apply(&p->ops[i], after);
        pr_str_printf(working, "Step %zu, ", i + 1);
        put_op(&p->ops[i], working);
        pr_str_printf(working, ": %s -> %s\n", before, after);
        work_letters(&p->ops[i], before, working);
        memcpy(before, after, sizeof before);
    }
    pr_str_puts(golden, s);
    return true;
}

static bool right(const void *q, const char *golden, struct pr_skill_text a)
{
    (void)golden;
    const struct problem *p = q;
    char s[MAX_TEXT];
    if (!run(p, p->ops, p->n_ops, s))
        return false;
    enum kind last = p->ops[p->n_ops - 1].kind;
    a = pr_answer_unquoted(a);
    if (last == CAPITALS)
        return a.n == strlen(s) && !memcmp(a.s, s, a.n);
    return pr_answer_same_word(a, s, strlen(s));
}

static int level(const void *q)
{
    const struct problem *p = q;
    return p->n_ops == 1 ? kinds[p->ops[0].kind].level : p->n_ops == 2 ? 9 : 10;
}

/* ---- text ---------------------------------------------------------------------------------- */

/* Slots: 3 the word, 4 the changes. */
static const char *const frames[] = {
    "Word {w3}: {s4}. Result?", "{w3}: {s4} = ?", "Take {w3}, then {s4}.", "{w3} -> {s4} -> ?"};
#define N_FRAMES (sizeof frames / sizeof *frames)

static void write(const void *q, struct pr_str *out)
{
    const struct problem *p = q;
    struct pr_slot slots[PR_SLOTS] = {{0}};
    struct pr_str ops = PR_STR_INIT(1024);
    for (size_t i = 0; i < p->n_ops; i++) {
        pr_str_puts(&ops, i ? ", then " : "");
        put_op(&p->ops[i], &ops);
    }
    pr_slot_text(&slots[3], p->word, strlen(p->word));
    pr_slot_text(&slots[4], pr_str_cstr(&ops), ops.len);
    pr_sentence_write(out, frames[p->frame], slots);
    pr_str_done(&ops);
}

static bool is_letter(struct pr_skill_text t)
{
    return t.n == 1 && t.s[0] >= 'a' && t.s[0] <= 'z';
}

static bool take_op(struct pr_skill_text *t, struct op *ret)
{
    for (size_t k = 0; k < N_KINDS; k++)
        for (size_t i = 0; i < WORDINGS; i++) {
            struct pr_slot slots[PR_SLOTS] = {{0}};
            struct pr_skill_text rest = *t;
            if (!pr_sentence_read(&rest, kinds[k].words[i], slots) ||
                (rest.n && !pr_skill_take(&rest, ", then ")))
                continue;
            if ((slots[1].set && !is_letter(slots[1].s)) ||
                (slots[2].set && !is_letter(slots[2].s)) || slots[0].x < 0 || slots[0].x > 1000)
                return false;
            *ret = (struct op){.kind = (enum kind)k,
                .wording = i,
                .k = slots[0].x,
                .from = slots[1].set ? slots[1].s.s[0] : 'a',
                .to = slots[2].set ? slots[2].s.s[0] : 'a'};
            *t = rest;
            return true;
        }
    return false;
}

static bool read(struct pr_skill_text t, void *ret)
{
    struct problem *p = ret;
    for (size_t i = 0; i < N_FRAMES; i++) {
        struct pr_slot slots[PR_SLOTS] = {{0}};
        *p = (struct problem){.frame = i};
        if (pr_sentence_which(t, &frames[i], 1, slots) ||
            !pr_slot_copy(&slots[3], p->word, sizeof p->word) || strlen(p->word) < 2 ||
            strspn(p->word, "abcdefghijklmnopqrstuvwxyz") != strlen(p->word))
            continue;
        struct pr_skill_text ops = slots[4].s;
        while (p->n_ops < MAX_OPS && take_op(&ops, &p->ops[p->n_ops]))
            p->n_ops++;
        /* ", then " at the very end was taken with the change before it. */
        if (p->n_ops && !ops.n && slots[4].s.s[slots[4].s.n - 1] != ' ')
            return true;
    }
    return false;
}

/* ---- drawing ------------------------------------------------------------------------------- */

/* Consonant, vowel, consonant … */
static void draw_word(struct pr_rng *rng, int lv, char *word)
{
    static const char consonants[] = "bcdfghjklmnprstvwz", vowels[] = "aeiou";
    size_t n = (size_t)pr_skill_between(rng, lv < 3 ? 6 : 7, lv < 3 ? 8 : 9);
    for (size_t i = 0; i < n; i++)
        word[i] = i % 2 ? vowels[pr_rng_below(rng, 5)]
                        : consonants[pr_rng_below(rng, sizeof consonants - 1)];
    /* A letter more often than chance makes it. */
    word[pr_rng_below(rng, n)] = word[pr_rng_below(rng, n)];
    word[n] = 0;
}

static void draw_numbers(struct pr_rng *rng, const struct problem *p, struct op *op)
{
    size_t n = strlen(p->word);
    op->from = p->word[pr_rng_below(rng, n)];
    do
        op->to = (char)('a' + (int)pr_rng_below(rng, 26));
    while (op->to == op->from);
    if (op->kind == NTH)
        op->k = pr_skill_between(rng, 2, (int64_t)n - 1);
    else
        op->k = pr_skill_between(rng, 1, op->kind == SHIFT ? 5 : 3);
}

static void draw(struct pr_rng *rng, int lv, const void *like, void *ret)
{
    struct problem *p = ret;
    p->frame = (size_t)pr_rng_below(rng, N_FRAMES);
    p->n_ops = lv < 9 ? 1 : lv == 9 ? 2 : 3;
    if (like)
        *p = *(const struct problem *)like;
    draw_word(rng, lv, p->word);
    for (size_t i = 0; i < p->n_ops; i++) {
        struct op *op = &p->ops[i];
        while (!like) {
            op->kind = (enum kind)pr_rng_below(rng, N_KINDS);
            op->wording = (size_t)pr_rng_below(rng, WORDINGS);
            size_t same = 0;
            while (p->ops[same].kind != op->kind)
                same++;
            if (same == i && (p->n_ops > 1 || kinds[op->kind].level == lv))
                break;
        }
        draw_numbers(rng, p, op);
    }
}

/* ---- slips --------------------------------------------------------------------------------- */

static void add_run(const struct problem *p, const struct op *ops, size_t n, struct pr_slips *ret,
    const char *pattern, const char *why)
{
    char s[MAX_TEXT];
    if (run(p, ops, n, s))
        pr_slips_add(ret, pattern, s, "%s", why);
}

/* The step with another number than k. */
static void slips_number(const struct problem *p, size_t i, struct pr_slips *ret)
{
    struct op ops[MAX_OPS];
    char why[96];
    memcpy(ops, p->ops, sizeof ops);
    for (int by = -1; by <= 1; by += 2) {
        ops[i].k = p->ops[i].k + by;
        snprintf(why, sizeof why, "at step %zu it was %lld instead of %lld", i + 1,
            (long long)ops[i].k, (long long)p->ops[i].k);
        add_run(p, ops, p->n_ops, ret, "off_by_one", why);
    }
    if (ops[i].kind == NTH)
        return;
    ops[i].k = ops[i].kind == SHIFT ? -p->ops[i].k : (int64_t)strlen(p->word) - p->ops[i].k;
    snprintf(why, sizeof why, "step %zu went %lld the other way", i + 1, (long long)p->ops[i].k);
    add_run(p, ops, p->n_ops, ret, "wrong_operation", why);
}

static void slips_order(const struct problem *p, size_t i, struct pr_slips *ret)
{
    struct op ops[MAX_OPS];
    char why[96], s[MAX_TEXT];
    memcpy(ops, p->ops, sizeof ops);
    /* A step left out. */
    memmove(ops + i, ops + i + 1, (p->n_ops - i - 1) * sizeof *ops);
    snprintf(why, sizeof why, "step %zu of %zu was left out", i + 1, p->n_ops);
    if (p->ops[i].kind != NTH && p->ops[i].kind != COUNT)
        add_run(p, ops, p->n_ops - 1, ret, "step_missing", why);
    if (i + 1 < p->n_ops) {
        memcpy(ops, p->ops, sizeof ops);
        ops[i] = p->ops[i + 1];
        ops[i + 1] = p->ops[i];
        snprintf(why, sizeof why, "step %zu was done before step %zu", i + 2, i + 1);
        add_run(p, ops, p->n_ops, ret, "wrong_order", why);
    } else if (p->ops[i].kind == SORT && run(p, p->ops, p->n_ops, s)) {
        struct op back = {.kind = REVERSE};
        apply(&back, s);
        pr_slips_add(ret, "wrong_order", s, "step %zu sorted from z to a", i + 1);
    } else if (p->ops[i].kind == COUNT && run(p, p->ops, p->n_ops, s)) {
        long long n = strtoll(s, NULL, 10);
        for (int by = -1; by <= 1; by += 2) {
            snprintf(s, sizeof s, "%lld", n + by);
            pr_slips_add(ret, "off_by_one", s, "one %c was %s: there are %lld", p->ops[i].from,
                by < 0 ? "missed" : "counted twice", n);
        }
    }
}

/* Only the first of the letters was replaced or dropped. */
static void slip_first_only(const struct problem *p, struct pr_slips *ret)
{
    const struct op *op = &p->ops[0];
    char s[MAX_TEXT];
    bool drop = op->kind == NO_VOWELS;
    if (p->n_ops > 1 || (!drop && op->kind != REPLACE))
        return;
    memcpy(s, p->word, strlen(p->word) + 1);
    for (size_t i = 0; s[i]; i++) {
        if (drop ? !is_vowel(s[i]) : s[i] != op->from)
            continue;
        if (drop)
            memmove(s + i, s + i + 1, strlen(s + i));
        else
            s[i] = op->to;
        pr_slips_add(
            ret, "step_missing", s, "letter %zu alone was changed, not those after it", i + 1);
        return;
    }
}

static void slips(const void *q, struct pr_slips *ret)
{
    const struct problem *p = q;
    for (size_t i = 0; i < p->n_ops; i++) {
        enum kind k = p->ops[i].kind;
        slips_order(p, i, ret);
        if (k == NTH || k == SHIFT || k == ROTATE)
            slips_number(p, i, ret);
    }
    slip_first_only(p, ret);
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

PR_FORM_SKILL(strings, "words changed letter by letter, in one to three steps");
