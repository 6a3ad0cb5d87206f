/* Patterns with slots, written and read. */
#include "skills/sentence.h"

#include <string.h>

#define MAX_NUMBER 1000000000000000 /* 10^15: sums and small multiples stay within 64 bits */

struct slot_at {
    char kind; /* d, w or s */
    size_t place;
};

void pr_slot_number(struct pr_slot *slot, int64_t x)
{
    *slot = (struct pr_slot){.set = true, .x = x};
}

void pr_slot_text(struct pr_slot *slot, const char *s, size_t n)
{
    *slot = (struct pr_slot){.set = true, .s = {s, n}};
}

bool pr_slot_copy(const struct pr_slot *slot, char *ret, size_t size)
{
    if (slot->s.n >= size)
        return false;
    if (slot->s.n)
        memcpy(ret, slot->s.s, slot->s.n);
    ret[slot->s.n] = 0;
    return true;
}

/* "{d0}" at p. */
static bool slot_at(const char *p, struct slot_at *ret)
{
    if (p[0] != '{')
        return false;
    *ret = (struct slot_at){p[1], (size_t)(p[2] - '0')};
    return true;
}

void pr_sentence_write(struct pr_str *out, const char *pattern, const struct pr_slot *slots)
{
    for (const char *p = pattern; *p;) {
        struct slot_at at;
        if (!slot_at(p, &at)) {
            size_t n = strcspn(p, "{");
            pr_str_append(out, p, n);
            p += n;
            continue;
        }
        if (at.kind == 'd')
            pr_str_printf(out, "%lld", (long long)slots[at.place].x);
        else
            pr_str_append(out, slots[at.place].s.s, slots[at.place].s.n);
        p += 4;
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool take_signed(struct pr_skill_text *t, int64_t *ret)
{
    struct pr_skill_text rest = *t;
    bool minus = pr_skill_take(&rest, "-");
    if (!pr_skill_take_number(&rest, ret) || *ret > MAX_NUMBER || (minus && !*ret))
        return false;
    *ret = minus ? -*ret : *ret;
    *t = rest;
    return true;
}

/* How long the text of an {s} slot is: up to `stop` (n bytes), to the end where that is empty. */
static size_t text_length(struct pr_skill_text t, const char *stop, size_t n)
{
    if (!n)
        return t.n;
    const char *end = memmem(t.s, t.n, stop, n);
    return end ? (size_t)(end - t.s) : 0;
}

static bool take_slot(struct pr_skill_text *t, char kind, const char *after, struct pr_slot *slot)
{
    struct pr_slot found = {.set = true};
    if (kind == 'd') {
        if (!take_signed(t, &found.x))
            return false;
    } else {
        size_t n = 0;
        while (kind == 'w' && n < t->n && is_letter(t->s[n]))
            n++;
        if (kind == 's')
            n = text_length(*t, after, strcspn(after, "{"));
        if (!n)
            return false;
        found.s = (struct pr_skill_text){t->s, n};
        t->s += n;
        t->n -= n;
    }
    if (slot->set && (slot->x != found.x || slot->s.n != found.s.n ||
                         (found.s.n && memcmp(slot->s.s, found.s.s, found.s.n) != 0)))
        return false;
    *slot = found;
    return true;
}

bool pr_sentence_read(struct pr_skill_text *t, const char *pattern, struct pr_slot *slots)
{
    struct pr_skill_text rest = *t;
    struct pr_slot found[PR_SLOTS];
    memcpy(found, slots, sizeof found);
    for (const char *p = pattern; *p;) {
        struct slot_at at;
        if (slot_at(p, &at)) {
            p += 4;
            if (!take_slot(&rest, at.kind, p, &found[at.place]))
                return false;
            continue;
        }
        size_t n = strcspn(p, "{");
        if (rest.n < n || memcmp(rest.s, p, n) != 0)
            return false;
        rest.s += n;
        rest.n -= n;
        p += n;
    }
    *t = rest;
    memcpy(slots, found, sizeof found);
    return true;
}

bool pr_sentence_ends_alike(struct pr_skill_text t, const char *pattern)
{
    const char *slot = strrchr(pattern, '}'), *end = slot ? slot + 1 : pattern;
    size_t n = strlen(end);
    return t.n >= n && !memcmp(t.s + t.n - n, end, n);
}

size_t pr_sentence_which(
    struct pr_skill_text t, const char *const *patterns, size_t n, struct pr_slot *slots)
{
    for (size_t i = 0; i < n; i++) {
        struct pr_skill_text rest = t;
        struct pr_slot found[PR_SLOTS];
        if (!pr_sentence_ends_alike(t, patterns[i]))
            continue;
        memcpy(found, slots, sizeof found);
        if (pr_sentence_read(&rest, patterns[i], found) && !rest.n) {
            memcpy(slots, found, sizeof found);
            return i;
        }
    }
    return n;
}
