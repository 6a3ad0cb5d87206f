/* Counting unusable output; see collapse.h for the numbers. */
#include "systems/collapse.h"

#include <math.h>
#include <string.h>

#define MIN_REPEATED 32
#define MAX_CYCLE    256
#define MIN_TIMES    4

bool pr_output_repeats(const char *text, size_t n)
{
    if (n < MIN_REPEATED)
        return false;
    size_t need = n - n / 4 > MIN_REPEATED ? n - n / 4 : MIN_REPEATED;
    for (size_t cycle = 1; cycle <= MAX_CYCLE && cycle * MIN_TIMES <= n; cycle++) {
        size_t same = cycle; /* bytes at the end that this cycle explains */
        while (same < n && text[n - 1 - same] == text[n - 1 - same + cycle])
            same++;
        if (same >= need && same >= cycle * MIN_TIMES)
            return true;
    }
    return false;
}

void pr_outputs_count(const struct pr_grades *g, struct pr_outputs *ret)
{
    struct pr_outputs o = {0};
    for (size_t i = 0; i < g->n; i++) {
        const struct pr_grade *x = &g->v[i];
        if (!x->graded || !x->finish || !strcmp(x->finish, "choice"))
            continue;
        bool repeats = x->output && pr_output_repeats(x->output, x->output_len);
        o.asked++;
        o.empty += x->empty;
        o.truncated += x->truncated;
        o.repeating += repeats;
        o.cut += x->empty || x->truncated;
        o.unusable += x->empty || x->truncated || repeats;
        o.texts += !x->texts_dropped;
        o.tokens += x->output_tokens;
    }
    *ret = o;
}

static json_t *counts(const struct pr_outputs *o, bool texts)
{
    json_t *j = json_object();
    pr_json_set_int(j, "asked", (int64_t)o->asked);
    pr_json_set_int(j, "empty", (int64_t)o->empty);
    pr_json_set_int(j, "truncated", (int64_t)o->truncated);
    if (texts)
        pr_json_set_int(j, "repeating", (int64_t)o->repeating);
    else
        pr_json_set_null(j, "repeating", "the texts of the answers are not at hand");
    pr_json_set_int(j, "unusable", (int64_t)(texts ? o->unusable : o->cut));
    pr_json_set_real(j, "mean_output_tokens", o->asked ? (double)o->tokens / (double)o->asked : NAN,
        "nothing was asked");
    return j;
}

bool pr_outputs_collapsed(
    const struct pr_outputs *baseline, const struct pr_outputs *now, json_t **ret_evidence)
{
    /* Repeating output counts on both sides or on neither. */
    bool texts = now->texts == now->asked && (!baseline || baseline->texts == baseline->asked);
    double share = now->asked ? (double)(texts ? now->unusable : now->cut) / (double)now->asked : 0;
    double usual = 0, limit = PR_COLLAPSE_ALONE;
    if (baseline && baseline->asked) {
        usual = (double)(texts ? baseline->unusable : baseline->cut) / (double)baseline->asked;
        limit = fmax(PR_COLLAPSE_SHARE, usual + PR_COLLAPSE_EXCESS);
    }
    json_t *j = json_object();
    pr_json_set(j, "checkpoint", counts(now, texts));
    if (baseline)
        pr_json_set(j, "baseline", counts(baseline, texts));
    else
        pr_json_set_null(j, "baseline", "there is no baseline");
    pr_json_set_real(j, "unusable_share", now->asked ? share : NAN, "nothing was asked");
    pr_json_set_real(j, "limit", limit, NULL);
    *ret_evidence = j;
    return now->asked >= PR_COLLAPSE_MIN_ASKED && share >= limit;
}
