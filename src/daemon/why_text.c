/* A decision in sentences, from its evidence alone.
 *
 * To add a kind of decision: its line in `kinds` below.  A kind without one is told by its verdict
 * and, where the evidence has a `reason`, by that. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "daemon/state_internal.h"

struct telling {
    const struct pr_decision *d;
    const char *suite, *against; /* names; never NULL */
    struct pr_str *out;
};

static const json_t *at(const struct telling *t, const char *section, const char *key)
{
    const json_t *o = t->d->evidence;
    if (section)
        o = json_object_get(o, section);
    return json_object_get(o, key);
}

static const char *text_at(const struct telling *t, const char *section, const char *key)
{
    return json_string_value(at(t, section, key));
}

static long long whole_at(const struct telling *t, const char *section, const char *key)
{
    return (long long)json_integer_value(at(t, section, key));
}

/* ", 95 % interval +0.0162 to +0.0642", without the signs where it is no difference */
static void put_interval(
    const struct telling *t, const json_t *v, int digits, bool difference, const char *unit)
{
    static const char *const formats[] = {
        ", 95 %% interval %.*f to %.*f%s", ", 95 %% interval %+.*f to %+.*f%s"};
    const json_t *lo = json_array_get(v, 0), *hi = json_array_get(v, 1);
    if (json_is_number(lo) && json_is_number(hi))
        pr_str_printf(t->out, formats[difference], digits, json_number_value(lo), digits,
            json_number_value(hi), unit);
}

static void put_reason(const struct telling *t)
{
    const char *reason = text_at(t, NULL, "reason");
    pr_str_printf(t->out, ": %s.", reason ? reason : "no reason was noted");
}

static void put_loss(const struct telling *t)
{
    const json_t *was = at(t, "loss", "baseline"), *is = at(t, "loss", "checkpoint");
    const json_t *percent = at(t, "loss", "increase_percent"), *p = at(t, "loss", "p");
    if (!json_is_number(was) || !json_is_number(is))
        return;
    pr_str_printf(t->out, " Loss per example %.4f against %.4f over %lld pairs",
        json_number_value(is), json_number_value(was), whole_at(t, "loss", "n"));
    if (json_is_number(percent))
        pr_str_printf(t->out, " (%+.1f %%", json_number_value(percent));
    put_interval(t, at(t, "loss", "increase_percent_ci95"), 1, true, " %");
    if (json_is_number(p))
        pr_str_printf(t->out, ", p = %.2g", json_number_value(p));
    pr_str_puts(t->out, json_is_number(percent) ? ")." : ".");
}

static void put_accuracy(const struct telling *t)
{
    const json_t *was = at(t, "accuracy", "baseline"), *is = at(t, "accuracy", "checkpoint");
    const json_t *p = at(t, "accuracy", "p");
    if (!json_is_number(was) || !json_is_number(is))
        return;
    pr_str_printf(t->out, " Accuracy %.1f %% against %.1f %%: %lld answers lost, %lld gained",
        100 * json_number_value(is), 100 * json_number_value(was), whole_at(t, "accuracy", "lost"),
        whole_at(t, "accuracy", "gained"));
    put_interval(t, at(t, "accuracy", "difference_points_ci95"), 1, true, " points");
    if (json_is_number(p))
        pr_str_printf(t->out, ", p = %.2g", json_number_value(p));
    pr_str_putc(t->out, '.');
}

static void tell_verdict(const struct telling *t)
{
    const json_t *points = at(t, "detectable_drop", "accuracy_points");
    const json_t *percent = at(t, "detectable_drop", "loss_percent");
    pr_str_printf(t->out, "%s on %s", t->d->verdict, t->suite);
    if (json_is_true(at(t, NULL, "early")))
        pr_str_puts(t->out, " by its first examples");
    if (t->d->against)
        pr_str_printf(t->out, ", against %s", t->against);
    put_reason(t);
    put_loss(t);
    put_accuracy(t);
    if (json_is_number(points) && json_is_number(percent))
        pr_str_printf(t->out,
            " A drop of %.1f points or a loss higher by %.1f %% would have been found in 80 %% of "
            "cases.",
            json_number_value(points), json_number_value(percent));
}

static void tell_baseline(const struct telling *t)
{
    const json_t *p = at(t, "improvement", "p");
    const char *from = text_at(t, NULL, "from");
    if (strcmp(t->d->verdict, "moved") != 0) {
        pr_str_printf(t->out, "it is no longer the baseline on %s.", t->suite);
        return;
    }
    pr_str_printf(t->out, "it became the baseline on %s", t->suite);
    if (from && json_is_number(p))
        pr_str_printf(t->out, ", in place of %s: its loss is lower with p = %.2g (needed: %.2g).",
            from, json_number_value(p), json_number_value(at(t, "improvement", "needed")));
    else
        pr_str_puts(t->out, ": it is the first that was graded.");
}

static void tell_ranking(const struct telling *t)
{
    const json_t *score = at(t, NULL, "score"), *behind = at(t, "runner_up", "behind_best");
    const char *next = json_string_value(json_array_get(at(t, "runner_up", "checkpoints"), 0));
    const char *was = text_at(t, "previous", "checkpoint");
    pr_str_printf(t->out, "it became the best checkpoint on %s", t->suite);
    if (json_is_number(score))
        pr_str_printf(t->out, " with a score of %.4f", json_number_value(score));
    put_interval(t, at(t, NULL, "score_ci95"), 4, false, "");
    if (was)
        pr_str_printf(t->out, ", after %s", was);
    if (next && json_is_number(behind)) {
        pr_str_printf(t->out, "; next was %s, %.4f behind", next, json_number_value(behind));
        put_interval(t, at(t, "runner_up", "behind_best_ci95"), 4, false, "");
    }
    pr_str_putc(t->out, '.');
}

static void tell_candidate(const struct telling *t)
{
    const json_t *choose = at(t, NULL, "score_choose"), *confirm = at(t, NULL, "score_confirm");
    pr_str_printf(t->out,
        "it became the candidate for deployment: the best on the %lld examples of %s that choose",
        whole_at(t, NULL, "n_choose"), t->suite);
    if (json_is_number(choose))
        pr_str_printf(t->out, ", with a score of %.4f", json_number_value(choose));
    if (json_is_number(confirm))
        pr_str_printf(t->out, " (on the %lld that confirm %.4f)", whole_at(t, NULL, "n_confirm"),
            json_number_value(confirm));
    if (t->d->against)
        pr_str_printf(t->out, ", after %s", t->against);
    pr_str_putc(t->out, '.');
}

static void tell_test(const struct telling *t)
{
    const json_t *accuracy = at(t, NULL, "overall_accuracy");
    pr_str_printf(t->out, "%s in the test of %lld", t->d->verdict, whole_at(t, NULL, "n"));
    if (json_is_number(accuracy))
        pr_str_printf(t->out, ", accuracy %.1f %%", 100 * json_number_value(accuracy));
    if (t->d->against)
        pr_str_printf(t->out, ", against %s", t->against);
    put_reason(t);
}

static void tell_calibration(const struct telling *t)
{
    const json_t *ece = at(t, NULL, "ece"), *p99 = at(t, "ece_noise", "p99");
    const json_t *mean = at(t, NULL, "mean_confidence"), *accuracy = at(t, NULL, "accuracy");
    pr_str_printf(t->out, "%s on %s", t->d->verdict, t->suite);
    if (json_is_number(ece))
        pr_str_printf(
            t->out, ": ECE %.3f over %lld answers", json_number_value(ece), whole_at(t, NULL, "n"));
    if (json_is_number(p99))
        pr_str_printf(
            t->out, " (chance alone gives a calibrated model up to %.3f)", json_number_value(p99));
    if (json_is_number(mean) && json_is_number(accuracy))
        pr_str_printf(t->out, ", mean confidence %.1f %% with an accuracy of %.1f %%",
            100 * json_number_value(mean), 100 * json_number_value(accuracy));
    pr_str_putc(t->out, '.');
}

static void tell_strategy(const struct telling *t)
{
    const char *best = text_at(t, NULL, "best_strategy");
    pr_str_printf(
        t->out, "%s, the best order of training is %s", t->d->verdict, best ? best : "not known");
    put_reason(t);
}

static void tell_deployment(const struct telling *t)
{
    static const char *const ends[][2] = {{"deployed", "it was deployed"},
        {"failed", "it could not be deployed"}, {"rolled_back", "its deployment was rolled back"}};
    const char *target = text_at(t, NULL, "target"), *reason = text_at(t, NULL, "reason");
    const json_t *asked = at(t, "probe", "asked"), *agreed = at(t, "probe", "agreed");
    const char *end = NULL;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(t->d->verdict, ends[i][0]))
            end = ends[i][1];
    pr_str_puts(t->out, end ? end : t->d->verdict);
    if (target)
        pr_str_printf(t->out, " (%s)", target);
    if (reason)
        pr_str_printf(t->out, ": %s", reason);
    if (json_is_integer(asked) && json_is_integer(agreed) && json_integer_value(asked))
        pr_str_printf(t->out, "; of %lld questions %lld were answered like the graded checkpoint",
            (long long)json_integer_value(asked), (long long)json_integer_value(agreed));
    pr_str_putc(t->out, '.');
}

static const struct kind {
    const char *name;
    void (*tell)(const struct telling *t);
} kinds[] = {
    {"verdict", tell_verdict},
    {"baseline", tell_baseline},
    {"ranking", tell_ranking},
    {"candidate", tell_candidate},
    {"test", tell_test},
    {"calibration", tell_calibration},
    {"strategy", tell_strategy},
    {"deployment", tell_deployment},
};

void pr_why_say_decision(
    const struct pr_decision *d, const char *suite, const char *against, bool present, json_t *list)
{
    char when[32];
    struct pr_str out = PR_STR_INIT(1 << 14);
    struct telling t = {.d = d,
        .suite = suite ? suite : "an older suite",
        .against = against ? against : "one that is forgotten",
        .out = &out};
    const struct kind *k = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, d->kind))
            k = &kinds[i];
    pr_clock_iso8601(d->at_ms, when);
    pr_str_printf(&out, "%.16sZ %s%s: ", when, d->system, present ? "" : " (superseded)");
    if (k) {
        k->tell(&t);
    } else {
        pr_str_printf(&out, "%s %s", d->kind, d->verdict);
        put_reason(&t);
    }
    json_t *o = json_object();
    pr_json_set_strn(o, "text", pr_str_cstr(&out), out.len);
    json_array_append(list, json_object_get(o, "text"));
    json_decref(o);
    pr_str_done(&out);
}
