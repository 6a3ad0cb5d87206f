/* The turns of a line, without the JSON around them: what validation and comparison look at. */
#ifndef PR_QUEUE_DIALOG_H
#define PR_QUEUE_DIALOG_H

#include "exam/example.h"

/* TEXT: plain text, which is one turn of nobody. */
enum pr_role { PR_ROLE_SYSTEM, PR_ROLE_USER, PR_ROLE_ASSISTANT, PR_ROLE_OTHER, PR_ROLE_TEXT };
enum pr_role pr_role_of(const char *role, size_t n); /* of a template's role: "user" */

struct pr_turn {
    enum pr_role role;
    struct pr_text text; /* borrowed; s NULL: the turn has none (tool calls) */
};

/* Zero-initialise; clear keeps the memory. */
struct pr_dialog {
    struct pr_turn *v;
    size_t n, cap;
};
void pr_dialog_add(struct pr_dialog *d, enum pr_role role, const char *s, size_t n);
void pr_dialog_clear(struct pr_dialog *d);
void pr_dialog_done(struct pr_dialog *d);
/* Fills d (cleared) with the turns of x, the golden answer last; they borrow from x. */
void pr_dialog_of(struct pr_dialog *d, const struct pr_example *x);

#endif
