/* What follows from a vocabulary and its merges once both are read: ids to strings, the tokens of
 * single bytes, the unknown token. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "model/tok_internal.h"

uint32_t pr_tok_byte_char(uint8_t b)
{
    if ((b >= '!' && b <= '~') || (b >= 0xa1 && b != 0xad))
        return b;
    if (b <= 0x20)
        return 0x100u + b;
    return b == 0xad ? 0x143 : 0x100u + 33 + (b - 0x7fu);
}

int pr_tok_char_byte(uint32_t c)
{
    if (c >= 0x100 && c <= 0x120)
        return (int)(c - 0x100);
    if (c >= 0x121 && c <= 0x142)
        return (int)(c - 0x121 + 0x7f);
    if (c == 0x143)
        return 0xad;
    return c < 0x100 && pr_tok_byte_char((uint8_t)c) == c ? (int)c : -1;
}

void pr_tok_bytes_map(const char *s, size_t n, struct pr_str *out)
{
    for (size_t i = 0; i < n; i++) {
        char buf[4];
        pr_str_append(out, buf, pr_utf8_encode(pr_tok_byte_char((uint8_t)s[i]), buf));
    }
}

static void note_missing_bytes(const struct pr_tok_bpe *m, struct pr_notes *notes, const char *name)
{
    size_t missing = 0;
    int first = -1;
    for (int b = 255; b >= 0; b--) {
        char c = (char)b; /* a character with a token of its own needs no fallback */
        bool own = !m->bytes && b < 0x80 && pr_tok_strings_find(&m->vocab, &c, 1);
        if (m->byte_id[b] < 0 && !own) {
            missing++;
            first = b;
        }
    }
    if (missing)
        pr_notes_add(notes,
            "%s: %zu of the 256 byte tokens are missing, the first is 0x%02X: text with these "
            "bytes "
            "loses them or becomes unknown",
            name, missing, (unsigned)first);
}

/* The tokens of bytes: of the byte's character for byte-level models, of "<0x0A>" for others. */
static void find_bytes(struct pr_tok_bpe *m, struct pr_notes *notes, const char *name)
{
    for (unsigned b = 0; b < 256; b++) {
        char text[8];
        size_t n = m->bytes ? pr_utf8_encode(pr_tok_byte_char((uint8_t)b), text)
                            : (size_t)snprintf(text, sizeof text, "<0x%02X>", b);
        const struct pr_tok_entry *found = pr_tok_strings_find(&m->vocab, text, n);
        m->byte_id[b] = found ? found->id : -1;
    }
    if (m->bytes || m->byte_fallback)
        note_missing_bytes(m, notes, name);
}

/* A table of the merges of two bytes: the first look-up of every pair in a new word. */
static void find_byte_pairs(struct pr_tok_bpe *m)
{
    if (!m->bytes || m->prefix || m->suffix)
        return;
    for (unsigned b = 0; b < 256; b++)
        if (m->byte_id[b] < 0)
            return;
    m->byte_rank = pr_alloc(65536 * sizeof *m->byte_rank);
    for (unsigned i = 0; i < 65536; i++)
        m->byte_rank[i] = pr_tok_bpe_rank(m, m->byte_id[i >> 8], m->byte_id[i & 255]);
}

enum pr_code pr_tok_bpe_finish(
    struct pr_tok_bpe *m, struct pr_notes *notes, const char *name, struct pr_error *e)
{
    int32_t top = -1;
    for (size_t i = 0; i < m->vocab.n; i++)
        if (m->vocab.v[i].id > top)
            top = m->vocab.v[i].id;
    void *by_id;
    enum pr_code code =
        pr_big_alloc(&by_id, (size_t)top + 1, sizeof *m->by_id, "the vocabulary's ids", e);
    if (code)
        return code;
    m->by_id = by_id;
    m->n_ids = top + 1;
    size_t repeats = 0;
    for (size_t i = 0; i < m->vocab.n; i++) {
        uint32_t *slot = &m->by_id[m->vocab.v[i].id];
        if (*slot && repeats++ == 0)
            pr_notes_add(notes, "%s: tokens '%.60s' and '%.60s' share the id %d", name,
                m->vocab.pool + m->vocab.v[*slot - 1].off, m->vocab.pool + m->vocab.v[i].off,
                m->vocab.v[i].id);
        if (!*slot)
            *slot = (uint32_t)i + 1;
    }
    if (repeats > 1)
        pr_notes_add(notes, "%s: %zu ids are shared by several tokens", name, repeats);
    m->ids_repeat = repeats > 0;
    const struct pr_tok_entry *unk =
        m->unk ? pr_tok_strings_find(&m->vocab, m->unk, strlen(m->unk)) : NULL;
    m->unk_id = unk ? unk->id : -1;
    if (m->unk && !unk)
        pr_notes_add(notes, "%s: the unknown token '%.60s' is not in the vocabulary", name, m->unk);
    find_bytes(m, notes, name);
    find_byte_pairs(m);
    return PR_OK;
}
