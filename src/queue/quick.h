/* Lines read without making JSON values of them, several times as fast: a line that is plainly
 * sound gives its turns here; of any other nothing is said, and exam/example.h decides.
 *
 * What quick accepts, pr_json_parse and pr_example_parse accept too, without a warning and with the
 * same turns; the fuzz target holds the two together. */
#ifndef PR_QUEUE_QUICK_H
#define PR_QUEUE_QUICK_H

#include <stdbool.h>
#include <stddef.h>

#include "queue/dialog.h"

/* Zero-initialise; kept from line to line for its memory. */
struct pr_quick {
    const struct pr_format *format;
    struct pr_dialog dialog;  /* its texts are in the line or in `decoded` */
    struct pr_text id, skill; /* s NULL: the line has none */
    char *decoded;            /* strings with escapes, of this line */
    size_t cap_decoded;
};
void pr_quick_done(struct pr_quick *q);
/* s: valid UTF-8. */
bool pr_quick_read(struct pr_quick *q, const char *s, size_t n);

#endif
