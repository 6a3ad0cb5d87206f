/* The sequential test: raises `critical` before all examples are graded.
 *
 * It bets, over the graded beginning of the order that all checkpoints share, on whether an
 * example's loss is above (1 + threshold) × the baseline's + margin.  Under the null that this is
 * no likelier than not, wealth is a martingale, so that looking after every example costs nothing.
 * The order is random and fixed before any outcome, which is what the bet needs.  A checkpoint of
 * unchanged quality loses such bets nearly always: its real rate of early alarms is far below
 * early_rate.
 *
 * Medians and means differ: where most losses are tiny, most may rise and the mean stay.  So the
 * mean over the beginning must be past the same bar as well.  The exact test over all examples
 * replaces the verdict in any case. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "systems/judge.h"

static void bad_numbers(size_t n_bad, struct pr_judgement *ret)
{
    char text[120];
    snprintf(text, sizeof text,
        "NaN or infinity came out of the model for %zu of the first examples", n_bad);
    ret->reason = pr_strdup(text);
    pr_json_set_str(ret->evidence, "rule", "bad_numbers");
    pr_json_set_int(ret->evidence, "n_bad", (int64_t)n_bad);
}

/* The number of examples after which the bet was won; 0: it was not. */
static size_t bet(const struct pr_settings *s, const struct pr_pairs *p, struct pr_betting *b)
{
    double factor = 1 + s->threshold / 100, sum_a = 0, sum_b = 0;
    pr_betting_init(b);
    for (size_t i = 0; i < p->n_loss; i++) {
        sum_a += p->loss_a[i];
        sum_b += p->loss_b[i];
        double n = (double)(i + 1);
        pr_betting_add(b, p->loss_b[i] <= factor * p->loss_a[i] + s->margin_nats);
        if (pr_betting_p(b, PR_BET_LOST) <= s->early_rate &&
            sum_b / n > factor * sum_a / n + s->margin_nats)
            return i + 1;
    }
    return 0;
}

static void won(const struct pr_settings *s, const struct pr_pairs *p, const struct pr_betting *b,
    size_t n, struct pr_judgement *ret)
{
    json_t *o = json_object();
    double a = pr_stats_sum(p->loss_a, n) / (double)n, z = pr_stats_sum(p->loss_b, n) / (double)n;
    pr_json_set_int(o, "n", (int64_t)n);
    pr_json_set_int(o, "above", (int64_t)b->lost);
    pr_json_set_int(o, "not_above", (int64_t)b->gained);
    pr_json_set_real(o, "log_e", b->max_log_e[PR_BET_LOST], NULL);
    pr_json_set_real(o, "p", pr_betting_p(b, PR_BET_LOST), NULL);
    pr_json_set_real(o, "rate", s->early_rate, NULL);
    pr_json_set_real(o, "baseline", a, NULL);
    pr_json_set_real(o, "checkpoint", z, NULL);
    pr_json_set_real(o, "increase_percent", a > 0 ? 100 * (z - a) / a : NAN, "baseline loss is 0");
    pr_json_set(ret->evidence, "sequential", o);
    pr_json_set_str(ret->evidence, "rule", "sequential");
    char text[300];
    snprintf(text, sizeof text,
        "after %zu examples: loss %.4f where the baseline had %.4f, above its bar on %" PRIu64
        " of them (anytime-valid p = %.2g); all examples are still to be graded",
        n, z, a, b->lost, pr_betting_p(b, PR_BET_LOST));
    ret->reason = pr_strdup(text);
}

enum pr_code pr_judge_early(const struct pr_settings *s, const struct pr_grades *baseline,
    const struct pr_grades *checkpoint, struct pr_judgement *ret, struct pr_error *e)
{
    size_t n_bad = pr_bad_numbers(checkpoint), n = 0;
    struct pr_pairs p = {0};
    struct pr_betting b;
    enum pr_code code = PR_OK;
    ret->judged = ret->early = false;
    if (!n_bad && baseline) {
        if ((code = pr_pairs_make(baseline, checkpoint, true, &p, e)))
            return code;
        n = bet(s, &p, &b);
    }
    if (n_bad || n) {
        ret->judged = ret->early = true;
        ret->level = PR_LEVEL_CRITICAL;
        ret->evidence = pr_evidence_new(s, baseline, checkpoint);
        pr_json_set_bool(ret->evidence, "early", true);
        if (n_bad)
            bad_numbers(n_bad, ret);
        else
            won(s, &p, &b, n, ret);
        pr_json_set(
            ret->evidence, "rules", json_pack("[O]", json_object_get(ret->evidence, "rule")));
        pr_json_set_str(ret->evidence, "reason", ret->reason);
    }
    pr_pairs_done(&p);
    return PR_OK;
}
