/* Turns; see dialog.h. */
#include "queue/dialog.h"

#include <string.h>

#include "base/alloc.h"

enum pr_role pr_role_of(const char *role, size_t n)
{
    static const struct {
        const char *name;
        enum pr_role role;
    } roles[] = {
        {"user", PR_ROLE_USER},
        {"assistant", PR_ROLE_ASSISTANT},
        {"system", PR_ROLE_SYSTEM},
        {"developer", PR_ROLE_SYSTEM},
    };
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strlen(roles[i].name) == n && !memcmp(roles[i].name, role, n))
            return roles[i].role;
    return PR_ROLE_OTHER;
}

void pr_dialog_add(struct pr_dialog *d, enum pr_role role, const char *s, size_t n)
{
    struct pr_turn turn = {role, {s, n}};
    PR_PUSH(d->v, d->n, d->cap, turn);
}

void pr_dialog_clear(struct pr_dialog *d)
{
    d->n = 0;
}

void pr_dialog_done(struct pr_dialog *d)
{
    pr_free(d->v);
    *d = (struct pr_dialog){0};
}

void pr_dialog_of(struct pr_dialog *d, const struct pr_example *x)
{
    pr_dialog_clear(d);
    if (x->text.s) {
        pr_dialog_add(d, PR_ROLE_TEXT, x->text.s, x->text.n);
        return;
    }
    for (size_t i = 0; i < json_array_size(x->messages); i++) {
        const json_t *turn = json_array_get(x->messages, i);
        const json_t *role = json_object_get(turn, "role"),
                     *text = json_object_get(turn, "content");
        pr_dialog_add(d, pr_role_of(json_string_value(role), json_string_length(role)),
            json_string_value(text), json_string_length(text));
    }
    pr_dialog_add(d, PR_ROLE_ASSISTANT, x->golden.s, x->golden.n);
}
