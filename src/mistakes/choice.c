/* Choices: what else was offered, or was not. */
#include "mistakes/recognisers.h"
#include "mistakes/span.h"

bool pr_mistake_is_other_choice(const struct pr_reading *r, struct pr_str *why)
{
    if (r->kind == PR_KIND_COMPUTED) {
        for (size_t i = 1; i < r->n_workings; i++) {
            const struct pr_working *w = &r->workings[i];
            if (!r->given.number.exact ||
                !pr_ratio_equal(w->v[w->n - 1].value, r->given.number.value))
                continue;
            pr_span_quote(why, r->given.text);
            pr_str_puts(why, " is ");
            pr_span_quote(why, pr_span(r->question, w->from, w->to));
            pr_str_puts(why, ", the value of ");
            pr_span_quote(why, pr_span(r->question, r->workings[0].from, r->workings[0].to));
            pr_str_puts(why, " was asked for");
            return true;
        }
        return false;
    }
    if (r->given.offer == PR_SPAN_NONE)
        return false;
    pr_span_quote(why, r->given.text);
    pr_str_puts(why, " was chosen where ");
    pr_span_quote(why, r->right.text);
    pr_str_puts(why, " is right");
    return true;
}

bool pr_mistake_is_not_offered(const struct pr_reading *r, struct pr_str *why)
{
    if (r->kind != PR_KIND_CHOICE || r->given.offer != PR_SPAN_NONE)
        return false;
    pr_span_quote(why, r->given.text);
    pr_str_puts(why, " is none of ");
    for (size_t i = 0; i < r->offers.n && i < 4; i++) {
        pr_str_puts(why, i ? ", " : "");
        pr_span_quote(why, i == r->right.offer ? r->right.text : r->offers.v[i]);
    }
    pr_str_puts(why, r->offers.n > 4 ? " …" : "");
    return true;
}
