/* What a look through the weights found, in words. */
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "model/scan.h"

#define MAX_NAMED 8 /* tensors noted one by one; the rest are counted */

/* "[3, 17]": where element i of t lies. */
static void place_text(const struct pr_tensor *t, uint64_t i, struct pr_str *out)
{
    uint64_t at[PR_MAX_RANK] = {0};
    for (uint32_t d = t->rank; d-- > 0;) {
        at[d] = i % t->shape[d];
        i /= t->shape[d];
    }
    pr_str_putc(out, '[');
    for (uint32_t d = 0; d < t->rank; d++)
        pr_str_printf(out, "%s%llu", d ? ", " : "", (unsigned long long)at[d]);
    pr_str_putc(out, ']');
}

static void note_values(const struct pr_tensor *t, const struct pr_scan *s, struct pr_notes *notes)
{
    struct pr_str place = PR_STR_INIT(512);
    if (s->n_nan + s->n_inf) {
        place_text(t, s->first_bad, &place);
        pr_notes_add(notes, "tensor '%.200s': %llu NaN and %llu infinite values, the first at %s",
            t->name, (unsigned long long)s->n_nan, (unsigned long long)s->n_inf,
            pr_str_cstr(&place));
    } else {
        pr_notes_add(notes, "tensor '%.200s' is all zeros", t->name);
    }
    pr_str_done(&place);
}

/* Biases begin as zeros and may stay so. */
static bool may_be_zero(const struct pr_tensor *t)
{
    size_t n = strlen(t->name);
    return n >= 5 && !strcmp(t->name + n - 5, ".bias");
}

void pr_scan_notes(const struct pr_tensor *const *tensors, size_t n, struct pr_pool *pool,
    struct pr_notes *notes, struct pr_notes *bad_names)
{
    struct pr_scan *found = pr_zalloc((n + 1) * sizeof *found);
    size_t noted = 0;
    pr_scan_tensors(tensors, n, pool, found);
    for (int bad = 1; bad >= 0; bad--) { /* what is broken before what is odd */
        for (size_t i = 0; i < n; i++) {
            bool is_bad = found[i].n_nan + found[i].n_inf > 0;
            if (is_bad != (bad == 1) || (!bad && (!found[i].all_zero || may_be_zero(tensors[i]))))
                continue;
            if (is_bad)
                pr_notes_add(bad_names, "%s", tensors[i]->name);
            if (noted++ < MAX_NAMED)
                note_values(tensors[i], &found[i], notes);
        }
    }
    if (noted > MAX_NAMED)
        pr_notes_add(
            notes, "%zu more tensors hold NaN, infinities or only zeros", noted - MAX_NAMED);
    pr_free(found);
}
