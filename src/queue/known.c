/* Known texts; see known.h.  words.c makes words of them, grams.c holds what is protected, seen.c
 * what was added. */
#include "queue/known.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "queue/known_internal.h"
#include "queue/seen.h"

struct owner {
    const char *file; /* one of files: threads that read texts must not look at that vector */
    uint32_t line;
    char *id;
};

struct pr_known {
    struct pr_grams grams;
    struct pr_seen seen;
    struct owner *owners; /* of grams: validation examples */
    size_t n_owners, owners_cap;
    char **files;
    size_t n_files, files_cap;
    struct pr_known_scratch scratch; /* for add and protect, which only one thread calls */
    struct pr_dialog dialog;
};

struct pr_known *pr_known_new(void)
{
    return pr_zalloc(sizeof(struct pr_known));
}

void pr_known_scratch_done(struct pr_known_scratch *s)
{
    pr_words_done(&s->words);
    pr_free(s->ends);
}

void pr_known_free(struct pr_known *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < k->n_owners; i++)
        pr_free(k->owners[i].id);
    for (size_t i = 0; i < k->n_files; i++)
        pr_free(k->files[i]);
    pr_grams_done(&k->grams);
    pr_seen_done(&k->seen);
    pr_known_scratch_done(&k->scratch);
    pr_dialog_done(&k->dialog);
    pr_free(k->owners);
    pr_free(k->files);
    pr_free(k);
}

/* Files come one after the other, so the last one is nearly always it. */
static uint32_t file_index(struct pr_known *k, const char *path)
{
    for (size_t i = k->n_files; i-- > 0;)
        if (!strcmp(k->files[i], path))
            return (uint32_t)i;
    PR_PUSH(k->files, k->n_files, k->files_cap, pr_strdup(path));
    return (uint32_t)k->n_files - 1;
}

static uint32_t line_number(size_t line)
{
    return line > UINT32_MAX ? UINT32_MAX : (uint32_t)line;
}

/* --- protected texts --- */

/* The words of all turns, and where each turn's end.  The system's turns at the beginning are the
 * same in many examples, and having them in common says nothing: `from` is where they end. */
static void read_words(const struct pr_dialog *d, struct pr_known_scratch *s)
{
    bool system = true;
    s->words.n = s->n_ends = s->from = 0;
    for (size_t i = 0; i < d->n; i++) {
        if (d->v[i].text.s)
            pr_words_add(&s->words, d->v[i].text.s, d->v[i].text.n);
        PR_PUSH(s->ends, s->n_ends, s->ends_cap, s->words.n);
        system &= d->v[i].role == PR_ROLE_SYSTEM;
        if (system)
            s->from = s->words.n;
    }
    /* The last answer, where there is one, is what comes after the question. */
    bool answered = d->n && d->v[d->n - 1].role == PR_ROLE_ASSISTANT;
    s->question_end = !answered ? s->words.n : d->n > 1 ? s->ends[d->n - 2] : 0;
    if (s->question_end < s->from)
        s->question_end = s->from;
}

static void protect(struct pr_known *k, const struct pr_example *x, uint32_t file)
{
    struct owner o = {k->files[file], line_number(x->line), pr_strdup(x->id)};
    uint32_t owner = (uint32_t)k->n_owners;
    PR_PUSH(k->owners, k->n_owners, k->owners_cap, o);
    struct pr_known_scratch *r = &k->scratch;
    pr_dialog_of(&k->dialog, x);
    read_words(&k->dialog, r);
    const uint64_t *w = r->words.v + r->from;
    size_t n = r->words.n - r->from, question = r->question_end - r->from;
    if (question < PR_GRAM_WORDS)
        pr_grams_add_whole(&k->grams, w, question, owner);
    if (n < PR_GRAM_WORDS)
        pr_grams_add_whole(&k->grams, w, n, owner);
    else
        pr_grams_add(&k->grams, w, n, question, owner);
}

enum pr_code pr_known_protect(
    struct pr_known *k, const struct pr_suite *s, const char *path, struct pr_error *e)
{
    if (s->n > UINT32_MAX - 1 - k->n_owners)
        return pr_fail(e, PR_E_LIMIT, "%s: too many examples to protect", path);
    for (size_t i = 0; i < s->n; i++) {
        size_t f = s->v[i].file;
        protect(k, &s->v[i], file_index(k, f < s->n_files ? s->files[f].path : path));
    }
    return PR_OK;
}

/* --- reading a text --- */

/* The words [from, from + count) of all turns, as people read them. */
static void show_words(
    const struct pr_dialog *d, size_t from, size_t count, struct pr_known_match *m)
{
    struct pr_str text = PR_STR_INIT(1 << 20);
    for (size_t i = 0; i < d->n && count; i++) {
        if (!d->v[i].text.s)
            continue;
        size_t n = pr_words_text(d->v[i].text.s, d->v[i].text.n, from, count, &text);
        size_t took = n <= from ? 0 : n - from < count ? n - from : count;
        from = n <= from ? from - n : 0;
        count -= took;
    }
    pr_utf8_shorten(pr_str_cstr(&text), m->words, sizeof m->words);
    pr_str_done(&text);
}

/* A short protected text is one of the user's turns, the question as a whole, or all of it.  Where
 * in the words: *ret_at, *ret_n. */
static uint32_t find_short(const struct pr_known *k, const struct pr_dialog *d,
    const struct pr_known_scratch *s, size_t *ret_at, size_t *ret_n)
{
    const uint64_t *w = s->words.v;
    for (size_t i = 0; i < d->n + 2; i++) {
        size_t from = s->from, to = i == d->n ? s->question_end : s->words.n;
        if (i < d->n) {
            if (d->v[i].role != PR_ROLE_USER && d->v[i].role != PR_ROLE_TEXT)
                continue;
            from = i ? s->ends[i - 1] : 0;
            to = s->ends[i];
        }
        if (to - from >= PR_GRAM_WORDS)
            continue;
        uint32_t owner = pr_grams_find_whole(&k->grams, w + from, to - from);
        if (owner != PR_GRAMS_NONE) {
            *ret_at = from;
            *ret_n = to - from;
            return owner;
        }
    }
    return PR_GRAMS_NONE;
}

static void look_up(const struct pr_known *k, const struct pr_dialog *d,
    const struct pr_known_scratch *s, struct pr_known_match *m)
{
    size_t at = 0, n = PR_GRAM_WORDS;
    uint32_t owner = pr_grams_find(&k->grams, s->words.v, s->words.n, &at);
    if (owner == PR_GRAMS_NONE)
        owner = find_short(k, d, s, &at, &n);
    if (owner == PR_GRAMS_NONE)
        return;
    const struct owner *o = &k->owners[owner];
    m->kind = PR_KNOWN_CONTAMINATED;
    m->file = o->file;
    m->line = o->line;
    m->id = o->id;
    show_words(d, at, n, m);
}

void pr_known_read(const struct pr_known *k, const struct pr_dialog *d, struct pr_known_scratch *s,
    struct pr_known_text *ret)
{
    read_words(d, s);
    ret->protected = (struct pr_known_match){.kind = PR_KNOWN_NEW};
    if (k->grams.n)
        look_up(k, d, s, &ret->protected);
    pr_print_make(
        s->words.v + s->from, s->words.n - s->from, s->question_end - s->from, &ret->print);
}

/* --- the texts before --- */

void pr_known_find(
    const struct pr_known *k, const struct pr_known_text *t, struct pr_known_match *ret)
{
    bool near;
    *ret = t->protected;
    if (ret->kind != PR_KNOWN_NEW)
        return;
    const struct pr_seen_text *seen = pr_seen_find(&k->seen, &t->print, &near);
    if (!seen)
        return;
    ret->kind = near ? PR_KNOWN_NEAR : PR_KNOWN_EXACT;
    ret->file = k->files[seen->file];
    ret->line = seen->line;
}

void pr_known_insert(
    struct pr_known *k, const struct pr_known_text *t, const char *path, size_t line)
{
    pr_seen_add(&k->seen, &t->print, file_index(k, path), line_number(line));
}

void pr_known_check(
    const struct pr_known *k, const struct pr_example *x, struct pr_known_match *ret)
{
    struct pr_known_scratch s = {0};
    struct pr_dialog d = {0};
    struct pr_known_text t;
    pr_dialog_of(&d, x);
    pr_known_read(k, &d, &s, &t);
    pr_known_find(k, &t, ret);
    if (ret->kind == PR_KNOWN_EXACT || ret->kind == PR_KNOWN_NEAR)
        show_words(&d, 0, PR_GRAM_WORDS, ret);
    pr_known_scratch_done(&s);
    pr_dialog_done(&d);
}

void pr_known_add(struct pr_known *k, const struct pr_example *x, const char *path, size_t line)
{
    struct pr_known_text t;
    pr_dialog_of(&k->dialog, x);
    pr_known_read(k, &k->dialog, &k->scratch, &t);
    pr_known_insert(k, &t, path, line);
}
