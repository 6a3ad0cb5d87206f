/* The number that a text claims. */
#include "mistakes/reading.h"
#include "mistakes/span.h"

static bool take(struct pr_figure f, struct pr_claim *ret)
{
    ret->number = f;
    ret->text = f.text;
    return ret->there = true;
}

/* The number that a marked region begins with, or the only one in it. */
static bool marked(struct pr_text region, struct pr_figure *ret)
{
    struct pr_figure more;
    size_t at = 0;
    if (pr_figure_whole(pr_span_unwrap(region), ret))
        return true;
    if (!pr_figure_next(region, &at, ret))
        return false;
    return pr_span_unwrap(region).s == ret->text.s || !pr_figure_next(region, &at, &more);
}

bool pr_number_claim(struct pr_text t, bool last, struct pr_claim *ret)
{
    struct pr_figure f, first;
    struct pr_text region;
    size_t at = 0, n = 0;
    if (pr_figure_whole(t, &f))
        return take(f, ret);
    while (pr_figure_next(t, &at, &f) && ++n == 1)
        first = f;
    if (n == 1)
        return take(first, ret);
    for (int nth = 0; n > 1 && pr_reading_marked(t, &nth, &region);)
        if (marked(region, &f))
            return take(f, ret);
    if (!n || !last)
        return false;
    for (at = 0; pr_figure_next(t, &at, &f);)
        first = f;
    return take(first, ret);
}
