/* Word by word, syllable by syllable, with what is left. */
#include "skills/hidden_search.h"

#include <stdint.h>
#include <string.h>

#define MAX_STEPS      20000
#define MAX_CANDIDATES 256 /* at least as many as there are words */

/* A word of letters that the syllables have. */
struct candidate {
    size_t w, length;
    char word[PR_HIDDEN_MAX_WORD];
};

struct search {
    const struct pr_hidden *h;
    struct candidate candidates[MAX_CANDIDATES];
    size_t n_candidates;
    size_t words[PR_HIDDEN_MAX_WORDS], *first;
    uint32_t used; /* a bit a syllable */
    size_t n_used, steps;
    int found;
};

void pr_hidden_word(size_t w, char ret[PR_HIDDEN_MAX_WORD])
{
    size_t n = 0;
    for (const char *s = pr_word_list[w].syllables; *s; s++)
        if (*s != '-')
            ret[n++] = *s;
    ret[n] = 0;
}

bool pr_hidden_fits(const struct pr_hidden_clue *c, size_t w)
{
    char word[PR_HIDDEN_MAX_WORD];
    if (c->kind >= 0 && c->kind != pr_word_list[w].kind)
        return false;
    pr_hidden_word(w, word);
    return !c->length || (size_t)c->length == strlen(word);
}

static void next_clue(struct search *s, size_t i);

/* The rest of the word from the syllables left; no two equal ones are tried in one place. */
static void spell(struct search *s, size_t i, const char *rest)
{
    if (s->found > 1 || ++s->steps > MAX_STEPS) {
        s->found = 2;
        return;
    }
    if (!*rest) {
        next_clue(s, i + 1);
        return;
    }
    for (size_t k = 0; k < s->h->n_syllables; k++) {
        const char *own = s->h->syllables[k];
        size_t n = strlen(own), same = 0;
        if (s->used >> k & 1 || strncmp(rest, own, n) != 0)
            continue;
        while (same < k && (s->used >> same & 1 || strcmp(s->h->syllables[same], own) != 0))
            same++;
        if (same < k)
            continue;
        s->used |= UINT32_C(1) << k;
        s->n_used++;
        spell(s, i, rest + n);
        s->used &= ~(UINT32_C(1) << k);
        s->n_used--;
    }
}

static void next_clue(struct search *s, size_t i)
{
    const struct pr_hidden *h = s->h;
    if (i == h->n_clues) {
        if (s->n_used + h->spare != h->n_syllables)
            return;
        size_t bytes = h->n_clues * sizeof *s->words;
        if (s->found && !memcmp(s->first, s->words, bytes))
            return;
        if (!s->found++)
            memcpy(s->first, s->words, bytes);
        return;
    }
    const struct pr_hidden_clue *clue = &h->clues[i];
    for (size_t c = 0; c < s->n_candidates && s->found < 2; c++) {
        const struct candidate *own = &s->candidates[c];
        size_t k = 0;
        if ((clue->length && (size_t)clue->length != own->length) ||
            (clue->kind >= 0 && clue->kind != pr_word_list[own->w].kind))
            continue;
        while (k < i && s->words[k] != own->w)
            k++;
        if (k < i)
            continue;
        s->words[i] = own->w;
        spell(s, i, own->word);
    }
}

static uint32_t letters_of(const char *s)
{
    uint32_t mask = 0;
    for (; *s; s++)
        if (*s != '-')
            mask |= UINT32_C(1) << (*s - 'a');
    return mask;
}

static void find_candidates(struct search *s)
{
    uint32_t have = 0;
    for (size_t i = 0; i < s->h->n_syllables; i++)
        have |= letters_of(s->h->syllables[i]);
    for (size_t w = 0; w < pr_n_words && s->n_candidates < MAX_CANDIDATES; w++) {
        if (letters_of(pr_word_list[w].syllables) & ~have)
            continue;
        struct candidate *c = &s->candidates[s->n_candidates++];
        c->w = w;
        pr_hidden_word(w, c->word);
        c->length = strlen(c->word);
    }
}

int pr_hidden_solve(const struct pr_hidden *h, size_t ret[PR_HIDDEN_MAX_WORDS])
{
    struct search s;
    s.h = h;
    s.first = ret;
    s.n_candidates = s.n_used = s.steps = 0;
    s.used = 0;
    s.found = 0;
    find_candidates(&s);
    next_clue(&s, 0);
    return s.found;
}
