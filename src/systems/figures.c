/* The figures of one set of grades: those of `proctor eval`, taken from its document, so that no
 * second definition of any of them exists. */
#include <math.h>

#include "systems/view.h"

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static size_t whole(const json_t *o, const char *key)
{
    return (size_t)json_integer_value(json_object_get(o, key));
}

enum pr_code pr_figures_make(const struct pr_grades *g, struct pr_figures *ret, struct pr_error *e)
{
    json_t *doc;
    enum pr_code code = pr_grades_figures(g, &doc, e);
    if (code)
        return code;
    const json_t *quality = json_object_get(doc, "quality");
    size_t asked = whole(quality, "n");
    *ret = (struct pr_figures){.n = whole(doc, "n"),
        .n_accuracy = whole(doc, "n_accuracy"),
        .n_ungraded = whole(doc, "n_ungraded"),
        .n_bad = whole(doc, "n_bad"),
        .loss = number(doc, "loss"),
        .loss_mean_per_example = number(doc, "loss_mean_per_example"),
        .accuracy = number(doc, "accuracy"),
        .ece = number(doc, "ece"),
        .format_ok = asked ? (double)whole(quality, "format_ok") / (double)asked : NAN,
        .document = doc};
    return PR_OK;
}

void pr_figures_done(struct pr_figures *f)
{
    json_decref(f->document);
    *f = (struct pr_figures){0};
}
