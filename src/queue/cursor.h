/* JSON text read from front to back without making values of it, for quick.c.  Whatever is unusual,
 * although it may be sound, is false: escapes in keys, long numbers, objects of many members within
 * others, repeated keys. */
#ifndef PR_QUEUE_CURSOR_H
#define PR_QUEUE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>

#include "exam/checks.h" /* struct pr_text */

struct pr_cursor {
    const char *s, *end; /* what is left; valid UTF-8 */
    char *decoded;       /* room for all strings with escapes: as many bytes as the text has */
    size_t n_decoded;
};

enum pr_value_type {
    PR_VALUE_ABSENT,
    PR_VALUE_NOTHING, /* null */
    PR_VALUE_STRING,
    PR_VALUE_NUMBER,
    PR_VALUE_OTHER, /* true, false, an array or an object, which was passed over */
    PR_VALUE_TURNS, /* quick.c's own */
};

struct pr_value {
    struct pr_text key, text; /* text: of strings and numbers; in the text or in `decoded` */
    enum pr_value_type type;
};

bool pr_text_same(struct pr_text a, struct pr_text b);

static inline void pr_cursor_skip_space(struct pr_cursor *r)
{
    while (r->s < r->end && (*r->s == ' ' || *r->s == '\t' || *r->s == '\n' || *r->s == '\r'))
        r->s++;
}

/* Takes the character c after white space, where it is next. */
static inline bool pr_cursor_take(struct pr_cursor *r, char c)
{
    pr_cursor_skip_space(r);
    if (r->s == r->end || *r->s != c)
        return false;
    r->s++;
    return true;
}

/* A member's key, and the colon after it. */
bool pr_cursor_key(struct pr_cursor *r, struct pr_text *ret);
/* Any value: fills text and type. */
bool pr_cursor_value(struct pr_cursor *r, struct pr_value *ret);

#endif
