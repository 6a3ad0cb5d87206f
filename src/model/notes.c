/* The two small lists of the tokenizer's interface: token ids, and notes about what was odd. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "model/tokenizer.h"

void pr_ids_push(struct pr_ids *ids, int32_t id)
{
    PR_PUSH(ids->v, ids->n, ids->cap, id);
}

void pr_ids_done(struct pr_ids *ids)
{
    pr_free(ids->v);
    *ids = (struct pr_ids){0};
}

void pr_notes_add(struct pr_notes *notes, const char *fmt, ...)
{
    char text[512]; /* names from hostile files are cut here, as error messages are */
    if (!notes)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    for (char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    PR_PUSH(
        notes->v, notes->n, notes->cap, pr_strndup(text, pr_utf8_valid_prefix(text, strlen(text))));
}

void pr_notes_done(struct pr_notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        pr_free(notes->v[i]);
    pr_free(notes->v);
    *notes = (struct pr_notes){0};
}
