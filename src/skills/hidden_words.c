/* Word puzzles: "Syllables: ger, ba, ti, na, na. Hidden: animal (5 letters); fruit (6
 * letters)." → "tiger, banana".  The words are those of word_list.c; a puzzle has exactly one
 * answer in them.  Levels: 1 two words of four syllables, 2 of five, 3 of six and more (or with
 * some left over), 4 three words of up to seven, 5 of more, 6 with some left over, 7 four words, 8
 * with some left over, 9 five words, 10 six; from 7 on a clue may be the kind or the length alone.
 * Pairs of words, times the order of the syllables, make more than 10^6 puzzles at the first level
 * too. */
#include <stdio.h>
#include <string.h>

#include "skills/answer.h"
#include "skills/form.h"
#include "skills/hidden_search.h"
#include "skills/sentence.h"

struct problem {
    size_t frame;
    struct pr_hidden h;
};

/* Slots: 0 how many syllables are left over, 3 the syllables, 4 the clues. */
static const char *const frames[][2] = {
    {"Syllables: {s3}. Hidden: {s4}.", "Syllables: {s3}. Hidden: {s4}. Left over: {d0}."},
    {"{s3} hide {s4}. Which words?", "{s3} hide {s4} and {d0} spare. Which words?"},
    {"Build {s4} from {s3}.", "Build {s4} from {s3} ({d0} unused)."},
    {"{s3} = {s4} = ?", "{s3} = {s4} + {d0} to spare = ?"},
};
#define N_FRAMES (sizeof frames / sizeof *frames)

/* ---- answers ------------------------------------------------------------------------------- */

static void put_words(struct pr_str *out, const size_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char word[PR_HIDDEN_MAX_WORD];
        pr_hidden_word(words[i], word);
        pr_str_printf(out, "%s%s", i ? ", " : "", word);
    }
}

static void put_clue(struct pr_str *out, const struct pr_hidden_clue *c)
{
    pr_str_puts(out, c->kind < 0 ? "word" : pr_word_kinds[c->kind]);
    if (c->length)
        pr_str_printf(out, " (%d letters)", c->length);
}

static bool answer(const void *q, struct pr_str *golden, struct pr_str *working)
{
    const struct problem *p = q;
    size_t words[PR_HIDDEN_MAX_WORDS];
    if (!p->h.n_clues || pr_hidden_solve(&p->h, words) != 1)
        return false;
    put_words(golden, words, p->h.n_clues);
    for (size_t i = 0; i < p->h.n_clues; i++) {
        char word[PR_HIDDEN_MAX_WORD];
        put_clue(working, &p->h.clues[i]);
        pr_str_puts(working, ": ");
        for (const char *s = pr_word_list[words[i]].syllables; *s; s++) {
            if (*s == '-')
                pr_str_puts(working, " + ");
            else
                pr_str_putc(working, *s);
        }
        pr_hidden_word(words[i], word);
        pr_str_printf(working, " = %s\n", word);
    }
    pr_str_printf(working, "Syllables left over: %zu", p->h.spare);
    return true;
}

/* The list of the golden answer, item by item. */
static bool right(const void *q, const char *golden, struct pr_skill_text a)
{
    struct pr_skill_text list = {golden, strlen(golden)};
    (void)q;
    while (list.n) {
        struct pr_skill_text want, item;
        if (!pr_answer_next_item(&list, &want) || !pr_answer_next_item(&a, &item) ||
            !pr_answer_same_word(item, want.s, want.n))
            return false;
        /* A comma behind the last word leaves an item that is not there. */
        if (!list.n && item.s + item.n != a.s)
            return false;
    }
    return !a.n;
}

static int level(const void *q)
{
    const struct pr_hidden *h = &((const struct problem *)q)->h;
    size_t used = h->n_syllables - h->spare;
    if (h->n_clues < 3)
        return h->spare || used > 5 ? 3 : used > 4 ? 2 : 1;
    if (h->n_clues == 3)
        return h->spare ? 6 : used > 7 ? 5 : 4;
    if (h->n_clues == 4)
        return h->spare ? 8 : 7;
    return h->n_clues == 5 ? 9 : 10;
}

/* ---- text ---------------------------------------------------------------------------------- */

static void write(const void *q, struct pr_str *out)
{
    const struct problem *p = q;
    struct pr_slot slots[PR_SLOTS] = {{0}};
    struct pr_str syllables = PR_STR_INIT(512), clues = PR_STR_INIT(512);
    for (size_t i = 0; i < p->h.n_syllables; i++)
        pr_str_printf(&syllables, "%s%s", i ? ", " : "", p->h.syllables[i]);
    for (size_t i = 0; i < p->h.n_clues; i++) {
        pr_str_puts(&clues, i ? "; " : "");
        put_clue(&clues, &p->h.clues[i]);
    }
    pr_slot_number(&slots[0], (int64_t)p->h.spare);
    pr_slot_text(&slots[3], pr_str_cstr(&syllables), syllables.len);
    pr_slot_text(&slots[4], pr_str_cstr(&clues), clues.len);
    pr_sentence_write(out, frames[p->frame][p->h.spare > 0], slots);
    pr_str_done(&syllables);
    pr_str_done(&clues);
}

/* Cuts up to the separator off; false: nothing is there. */
static bool cut(struct pr_skill_text *t, const char *by, struct pr_skill_text *ret)
{
    size_t n = strlen(by);
    const char *end = t->n ? memmem(t->s, t->n, by, n) : NULL;
    ret->s = t->s;
    ret->n = end ? (size_t)(end - t->s) : t->n;
    size_t skip = ret->n + (end ? n : 0);
    t->s += skip;
    t->n -= skip;
    return ret->n > 0 && (!end || t->n);
}

static bool read_syllables(struct pr_skill_text t, struct pr_hidden *h)
{
    while (t.n) {
        struct pr_skill_text s;
        if (h->n_syllables == PR_HIDDEN_MAX_SYLLABLES || !cut(&t, ", ", &s) ||
            s.n >= PR_HIDDEN_MAX_SYLLABLE)
            return false;
        char *own = h->syllables[h->n_syllables++];
        memcpy(own, s.s, s.n);
        own[s.n] = 0;
        if (strspn(own, "abcdefghijklmnopqrstuvwxyz") != s.n)
            return false;
    }
    return h->n_syllables > 0;
}

static bool read_clue(struct pr_skill_text t, struct pr_hidden_clue *ret)
{
    struct pr_slot slots[PR_SLOTS] = {{0}};
    struct pr_skill_text rest = t, name = t;
    *ret = (struct pr_hidden_clue){.kind = -1};
    if (pr_sentence_read(&rest, "{s5} ({d0} letters)", slots) && !rest.n) {
        name = slots[5].s;
        if (slots[0].x < 1 || slots[0].x > PR_HIDDEN_MAX_WORD)
            return false;
        ret->length = (int)slots[0].x;
        if (pr_skill_says(name.s, name.n, "word", 4))
            return true;
    }
    for (size_t i = 0; i < pr_n_word_kinds; i++)
        if (pr_skill_says(name.s, name.n, pr_word_kinds[i], strlen(pr_word_kinds[i]))) {
            ret->kind = (int)i;
            return true;
        }
    return false;
}

static bool read_clues(struct pr_skill_text t, struct pr_hidden *h)
{
    while (t.n) {
        struct pr_skill_text s;
        if (h->n_clues == PR_HIDDEN_MAX_WORDS || !cut(&t, "; ", &s) ||
            !read_clue(s, &h->clues[h->n_clues]))
            return false;
        h->n_clues++;
    }
    return h->n_clues > 0;
}

static bool read(struct pr_skill_text t, void *ret)
{
    struct problem *p = ret;
    for (size_t i = 0; i < 2 * N_FRAMES; i++) {
        struct pr_slot slots[PR_SLOTS] = {{0}};
        *p = (struct problem){.frame = i / 2};
        if (pr_sentence_which(t, &frames[i / 2][i % 2], 1, slots) ||
            !read_syllables(slots[3].s, &p->h) || !read_clues(slots[4].s, &p->h))
            continue;
        if (i % 2 && (slots[0].x < 1 || slots[0].x >= (int64_t)p->h.n_syllables))
            return false;
        p->h.spare = i % 2 ? (size_t)slots[0].x : 0;
        return true;
    }
    return false;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static bool add_syllables(struct pr_hidden *h, const char *s)
{
    while (*s) {
        size_t n = strcspn(s, "-");
        if (h->n_syllables == PR_HIDDEN_MAX_SYLLABLES)
            return false;
        memcpy(h->syllables[h->n_syllables], s, n);
        h->syllables[h->n_syllables++][n] = 0;
        s += n + (s[n] == '-');
    }
    return true;
}

static void shuffle(struct pr_rng *rng, struct pr_hidden *h)
{
    for (size_t i = h->n_syllables; i > 1; i--) {
        char other[PR_HIDDEN_MAX_SYLLABLE];
        size_t k = (size_t)pr_rng_below(rng, i);
        memcpy(other, h->syllables[k], sizeof other);
        memcpy(h->syllables[k], h->syllables[i - 1], sizeof other);
        memcpy(h->syllables[i - 1], other, sizeof other);
    }
}

static void draw(struct pr_rng *rng, int lv, const void *like, void *ret)
{
    static const size_t n_words[] = {2, 2, 2, 3, 3, 3, 4, 4, 5, 6};
    const struct problem *old = like;
    struct problem *p = ret;
    struct pr_hidden *h = &p->h;
    p->frame = old ? old->frame : (size_t)pr_rng_below(rng, N_FRAMES);
    size_t n = old ? old->h.n_clues : n_words[lv - 1];
    for (; h->n_clues < n; h->n_clues++) {
        size_t w = (size_t)pr_rng_below(rng, pr_n_words);
        char word[PR_HIDDEN_MAX_WORD];
        pr_hidden_word(w, word);
        struct pr_hidden_clue c = {pr_word_list[w].kind, (int)strlen(word)};
        uint64_t less = lv < 7 ? 0 : pr_rng_below(rng, 4);
        if (old ? !old->h.clues[h->n_clues].length : less == 1)
            c.length = 0;
        else if (old ? old->h.clues[h->n_clues].kind < 0 : less == 2)
            c.kind = -1;
        h->clues[h->n_clues] = c;
        if (!add_syllables(h, pr_word_list[w].syllables))
            return;
    }
    size_t used = h->n_syllables;
    if (old ? old->h.spare > 0 : lv == 6 || lv == 8 || (lv == 9 && pr_rng_below(rng, 2)))
        add_syllables(h, pr_word_list[pr_rng_below(rng, pr_n_words)].syllables);
    h->spare = h->n_syllables - used;
    shuffle(rng, h);
}

/* ---- slips --------------------------------------------------------------------------------- */

static void add(
    struct pr_slips *ret, const char *pattern, const size_t *words, size_t n, const char *why)
{
    struct pr_str text = PR_STR_INIT(256);
    put_words(&text, words, n);
    pr_slips_add(ret, pattern, pr_str_cstr(&text), "%s", why);
    pr_str_done(&text);
}

/* Another word for the clue, which the syllables do not give. */
static void slip_other_word(
    const struct problem *p, const size_t *words, size_t i, struct pr_slips *ret)
{
    size_t own[PR_HIDDEN_MAX_WORDS];
    char old[PR_HIDDEN_MAX_WORD], other[PR_HIDDEN_MAX_WORD], why[128];
    memcpy(own, words, sizeof own);
    pr_hidden_word(words[i], old);
    for (size_t k = 1; k < pr_n_words; k++) {
        own[i] = (words[i] + k) % pr_n_words;
        pr_hidden_word(own[i], other);
        if (!pr_hidden_fits(&p->h.clues[i], own[i]))
            continue;
        snprintf(
            why, sizeof why, "%s fits the clue and not the syllables, which give %s", other, old);
        add(ret, "item_changed", own, p->h.n_clues, why);
        return;
    }
}

static void slips(const void *q, struct pr_slips *ret)
{
    const struct problem *p = q;
    size_t words[PR_HIDDEN_MAX_WORDS] = {0}, own[PR_HIDDEN_MAX_WORDS], n = p->h.n_clues;
    char word[PR_HIDDEN_MAX_WORD], why[128];
    if (pr_hidden_solve(&p->h, words) != 1)
        return;
    for (size_t i = 0; i < n; i++) {
        memcpy(own, words, sizeof own);
        pr_hidden_word(words[i], word);
        memmove(own + i, own + i + 1, (n - i - 1) * sizeof *own);
        snprintf(why, sizeof why, "word %zu of %zu, %s, was not found", i + 1, n, word);
        if (n > 1)
            add(ret, "item_missing", own, n - 1, why);
        slip_other_word(p, words, i, ret);
        if (i + 1 == n)
            break;
        memcpy(own, words, sizeof own);
        own[i] = words[i + 1];
        own[i + 1] = words[i];
        snprintf(why, sizeof why, "%s belongs to clue %zu, not %zu", word, i + 1, i + 2);
        add(ret, "wrong_order", own, n, why);
    }
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

PR_FORM_SKILL(hidden_words, "words hidden in scrambled syllables, told by clues");
