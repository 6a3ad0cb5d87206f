/* Mistakes: a question, a right answer, an answer and an output of arbitrary bytes, parted by 0xff;
 * a first byte of flags, and the last part may be left away.  None may crash, read astray or take
 * long; each gets a pattern and says why in valid UTF-8. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "mistakes/mistake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pr_text part[PARTS] = {0};
    char *block[PARTS] = {0};
    unsigned flags = size ? data[0] : 0;
    size_t at = size ? 1 : 0;
    for (size_t i = 0; i < PARTS && at <= size; i++) {
        const uint8_t *from = data + at, *cut = size > at ? memchr(from, 0xff, size - at) : NULL;
        size_t n = cut ? (size_t)(cut - from) : size - at;
        /* A block of its own and no larger, so that reading past it is seen. */
        block[i] = pr_alloc(n ? n : 1);
        if (n)
            memcpy(block[i], from, n);
        part[i] = (struct pr_text){.s = block[i], .n = n};
        at += n + 1;
    }
    struct pr_mistake_case c = {.question = part[0],
        .golden = part[1],
        .answer = part[2],
        .output = part[3].s ? part[3] : part[2],
        .truncated = flags & 1,
        .think = flags & 2,
        .think_unclosed = (flags & 6) == 6};
    if (c.question.s)
        c.skill = pr_skill_knowing(NULL, c.question.s, c.question.n);
    struct pr_mistake_found found;
    pr_mistake_recognise(&c, &found);
    if (found.pattern >= PR_N_MISTAKES || !*found.why ||
        !pr_utf8_valid(found.why, strlen(found.why)))
        abort();
    pr_free(found.why);
    for (size_t i = 0; i < PARTS; i++)
        pr_free(block[i]);
    return 0;
}
