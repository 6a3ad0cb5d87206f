/* See promotion.h. */
#include "systems/promotion.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "exam/stats.h"
#include "systems/pieces.h"

#define DRAWS      1000
#define MIN_DRAWS  200
#define MAX_TABLE  ((size_t)8 << 20) /* bytes of the counts of all draws; for it there are fewer */
#define MAX_GROUPS 256
#define Z_95       1.959964

enum half { CHOOSE, CONFIRM, HALVES };

/* One half of the examples: what every item scores on it. */
struct part {
    size_t n;
    struct pr_score_draws draws;
    struct pr_score *scores; /* (items, and after them those of the past) */
    double *drawn;           /* (n_draws) the candidate's; made when needed */
    struct pr_score_sheet *sheets;
};

/* Examples of one difficulty or skill. */
struct group {
    const char *by, *name;
};

struct work {
    const struct pr_comparison *c;
    bool *confirms; /* (examples) */
    struct part part[HALVES];
    struct group groups[MAX_GROUPS];
    size_t n_groups;
    size_t candidate; /* item; SIZE_MAX: none */
};

bool pr_promotion_confirms(const char *id)
{
    static const char salt[] = "proctor promotion\n";
    struct pr_str text = PR_STR_INIT(1 << 20);
    uint8_t digest[PR_SHA256_LEN];
    pr_str_puts(&text, salt);
    pr_str_puts(&text, id);
    pr_sha256(pr_str_cstr(&text), text.len, digest);
    pr_str_done(&text);
    return digest[0] & 1;
}

/* ---- the halves ---- */

static size_t n_items(const struct work *w)
{
    return w->c->ranking.n + w->c->n_past;
}

static const struct pr_score_sheet *sheet_of(const struct work *w, size_t item)
{
    size_t n = w->c->ranking.n;
    return item < n ? &w->c->ranking.v[item].sheet : &w->c->past[item - n].sheet;
}

/* Those of its examples that are in the half; an example with a bad number counts in both, so that
 * neither has a score. */
static struct pr_score_sheet half_of(
    const struct pr_score_sheet *s, const bool *confirms, enum half which)
{
    struct pr_score_sheet ret = {.cells = pr_zalloc((s->n + 1) * sizeof *ret.cells),
        .n_bad = s->n_bad,
        .n_graded = s->n_graded};
    for (size_t i = 0; i < s->n; i++)
        if (confirms[i] == (which == CONFIRM)) {
            ret.n_decided += s->cells[i].decided;
            ret.n_right += s->cells[i].right;
            ret.cells[ret.n++] = s->cells[i];
        }
    ret.reason = s->reason ? pr_strdup(s->reason) : NULL;
    return ret;
}

static void make_part(struct work *w, enum half which)
{
    struct part *p = &w->part[which];
    p->scores = pr_zalloc((n_items(w) + 1) * sizeof *p->scores);
    p->sheets = pr_zalloc((n_items(w) + 1) * sizeof *p->sheets);
    for (size_t i = 0; i < n_items(w); i++) {
        p->sheets[i] = half_of(sheet_of(w, i), w->confirms, which);
        pr_score_make(&p->sheets[i], &w->c->weights, &p->scores[i]);
    }
    for (size_t i = 0; i < w->c->examples->n; i++)
        p->n += w->confirms[i] == (which == CONFIRM);
    size_t draws = p->n > MAX_TABLE / DRAWS ? MAX_TABLE / p->n : DRAWS;
    pr_score_draws_make(
        p->n, draws < MIN_DRAWS ? MIN_DRAWS : draws, PR_STATS_SEED + which, &p->draws);
}

static void part_done(const struct work *w, struct part *p)
{
    for (size_t i = 0; i < n_items(w); i++)
        pr_score_sheet_done(&p->sheets[i]);
    pr_free(p->sheets);
    pr_free(p->drawn);
    pr_free(p->scores);
    pr_score_draws_done(&p->draws);
}

static double *draw(const struct work *w, const struct part *p, size_t item)
{
    double *ret = pr_zalloc((p->draws.n_draws + 1) * sizeof *ret);
    pr_score_redraw(&p->sheets[item], &w->c->weights, &p->draws, ret);
    return ret;
}

/* How far chance moves the difference of the candidate to this one. */
static double spread_of(const struct work *w, struct part *p, size_t item)
{
    if (!p->drawn)
        p->drawn = draw(w, p, w->candidate);
    double *its = draw(w, p, item), spread = pr_score_spread(p->drawn, its, p->draws.n_draws);
    pr_free(its);
    return spread;
}

/* The best on the choosing half; of equals the later, as in the ranking. */
static size_t choose(const struct work *w)
{
    const struct pr_ranking *r = &w->c->ranking;
    size_t best = SIZE_MAX;
    for (size_t k = 0; k < r->n; k++) {
        double x = w->part[CHOOSE].scores[r->order[k]].value;
        if (!r->v[r->order[k]].excluded && isfinite(x) &&
            (best == SIZE_MAX || x > w->part[CHOOSE].scores[best].value))
            best = r->order[k];
    }
    return best;
}

/* ---- one against the candidate ---- */

/* P(Z >= z) of a standard normal. */
static double tail(double z)
{
    return 0.5 * erfc(z / sqrt(2));
}

static json_t *difference_json(const struct work *w, struct part *p, size_t item, bool with_p)
{
    json_t *o = json_object();
    double d = p->scores[w->candidate].value - p->scores[item].value;
    double spread = spread_of(w, p, item);
    bool known = isfinite(d) && spread > 0;
    pr_json_set_real(o, "difference", d, p->scores[item].reason);
    pr_json_set(
        o, "ci95", known ? pr_interval_json(d - Z_95 * spread, d + Z_95 * spread) : json_null());
    if (with_p && d == 0)
        pr_json_set_real(o, "p", 1, NULL);
    else if (with_p)
        pr_json_set_real(o, "p", known ? tail(d / spread) : NAN,
            "how far chance moves the difference is not known on so few examples");
    pr_json_set_int(o, "n", (int64_t)p->n);
    return o;
}

static const char *name_of(const struct work *w, const struct group *g, size_t example)
{
    const struct pr_example *x = &w->c->examples->v[example];
    return !strcmp(g->by, "skill") ? x->skill : x->difficulty;
}

static void add_group(struct work *w, const char *by, const char *name)
{
    for (size_t i = 0; i < w->n_groups; i++)
        if (!strcmp(w->groups[i].by, by) && !strcmp(w->groups[i].name, name))
            return;
    if (w->n_groups < MAX_GROUPS)
        w->groups[w->n_groups++] = (struct group){by, name};
}

static void find_groups(struct work *w)
{
    for (size_t i = 0; i < w->c->examples->n; i++) {
        const struct pr_example *x = &w->c->examples->v[i];
        if (x->difficulty)
            add_group(w, "difficulty", x->difficulty);
        if (x->skill)
            add_group(w, "skill", x->skill);
    }
}

/* NULL: it has not. */
static json_t *collapse_json(const struct work *w, const struct group *g, size_t item)
{
    const struct pr_score_cell *was = sheet_of(w, item)->cells,
                               *now = sheet_of(w, w->candidate)->cells;
    size_t n = 0, right_was = 0, right_now = 0, gained = 0, lost = 0;
    for (size_t i = 0; i < w->c->examples->n; i++) {
        const char *name = name_of(w, g, i);
        if (!name || strcmp(name, g->name) != 0 || !was[i].decided || !now[i].decided)
            continue;
        n++;
        right_was += was[i].right;
        right_now += now[i].right;
        gained += !was[i].right && now[i].right;
        lost += was[i].right && !now[i].right;
    }
    double p = pr_stats_mcnemar_worse(gained, lost);
    double points = n ? 100.0 * ((double)right_was - (double)right_now) / (double)n : 0;
    if (points < PR_COLLAPSE_POINTS || p * (double)w->n_groups > PR_COLLAPSE_P)
        return NULL;
    json_t *o = json_object();
    pr_json_set_str(o, "by", g->by);
    pr_json_set_str(o, "name", g->name);
    pr_json_set_int(o, "n", (int64_t)n);
    pr_json_set_real(o, "was", (double)right_was / (double)n, NULL);
    pr_json_set_real(o, "now", (double)right_now / (double)n, NULL);
    pr_json_set_real(o, "p", p, NULL);
    return o;
}

static json_t *against_json(struct work *w, const struct pr_checkpoint_row *row, size_t item)
{
    json_t *o = pr_checkpoint_json(row), *collapsed = json_array();
    pr_json_set_bool(o, "gone", row->state == PR_CHECKPOINT_GONE);
    pr_json_set(o, "choose", difference_json(w, &w->part[CHOOSE], item, false));
    pr_json_set(o, "confirm", difference_json(w, &w->part[CONFIRM], item, true));
    for (size_t g = 0; g < w->n_groups; g++) {
        json_t *found = collapse_json(w, &w->groups[g], item);
        if (found)
            json_array_append_new(collapsed, found);
    }
    pr_json_set(o, "collapsed", collapsed);
    return o;
}

/* ---- the document ---- */

static const struct pr_comparison_entry *entry_of(const struct pr_comparison *c, size_t item)
{
    size_t i = c->newest_of[item];
    while (i != SIZE_MAX && c->entries[i].not_best)
        i = c->entries[i].next;
    return i == SIZE_MAX ? NULL : &c->entries[i];
}

static bool is_tied_with_best(const struct work *w)
{
    const struct pr_ranking *r = &w->c->ranking;
    const struct pr_rank_item *x = &r->v[w->candidate];
    bool tied = w->candidate == r->best;
    for (size_t i = 0; i < x->n_tied; i++)
        tied |= x->tied[i] == r->best;
    return tied;
}

/* Those of the past, which are few, and before them as ranked, the best first: what is deployed was
 * the best once, however old it is. */
static void put_against(struct work *w, json_t *list)
{
    const size_t most = PR_COMPARISON_LISTED - w->c->n_past;
    const struct pr_ranking *r = &w->c->ranking;
    for (size_t k = 0; k < r->n; k++) {
        if (r->order[k] == w->candidate)
            continue;
        for (size_t i = w->c->newest_of[r->order[k]]; i != SIZE_MAX; i = w->c->entries[i].next) {
            if (json_array_size(list) == most)
                break;
            const struct pr_comparison_entry *x = &w->c->entries[i];
            json_array_append_new(list, against_json(w, x->row, x->item));
        }
    }
    for (size_t i = 0; i < w->c->n_past; i++)
        json_array_append_new(list, against_json(w, &w->c->past[i].row, r->n + i));
}

static void set_candidate(struct work *w, const struct pr_comparison_entry *x, json_t *o)
{
    json_t *against = json_array();
    json_t *row = pr_checkpoint_json(x->row);
    pr_json_set_str(o, "candidate", x->row->name);
    json_object_del(row, "checkpoint");
    json_object_update(o, row);
    json_decref(row);
    if (x->level)
        pr_json_set_str(o, "level", x->level);
    else
        pr_json_set_null(o, "level", "it is not judged yet");
    for (int k = 0; k < HALVES; k++) {
        const struct pr_score *s = &w->part[k].scores[w->candidate];
        pr_json_set_real(o, k == CHOOSE ? "score_choose" : "score_confirm", s->value, s->reason);
    }
    pr_json_set_bool(o, "tied_with_best", is_tied_with_best(w));
    put_against(w, against);
    pr_json_set(o, "against", against);
}

static void done(struct work *w)
{
    for (int k = 0; k < HALVES; k++)
        part_done(w, &w->part[k]);
    pr_free(w->confirms);
}

json_t *pr_promotion_json(const struct pr_comparison *c)
{
    struct work w = {.c = c, .candidate = SIZE_MAX};
    json_t *o = json_object();
    w.confirms = pr_zalloc((c->examples->n + 1) * sizeof *w.confirms);
    for (size_t i = 0; i < c->examples->n; i++)
        w.confirms[i] = pr_promotion_confirms(c->examples->v[i].id);
    make_part(&w, CHOOSE);
    make_part(&w, CONFIRM);
    find_groups(&w);
    w.candidate = choose(&w);
    pr_json_set_str(o, "rule",
        "the examples are split in two halves by the SHA-256 of their ids; the candidate has the "
        "best score on the one (choose), what it gains is confirmed on the other");
    pr_json_set_int(o, "n_choose", (int64_t)w.part[CHOOSE].n);
    pr_json_set_int(o, "n_confirm", (int64_t)w.part[CONFIRM].n);
    const struct pr_comparison_entry *x = w.candidate == SIZE_MAX ? NULL : entry_of(c, w.candidate);
    if (x) {
        set_candidate(&w, x, o);
    } else {
        pr_json_set_null(o, "candidate",
            c->n ? "no ranked checkpoint may be the best" : "nothing is ranked yet");
        pr_json_set(o, "against", json_array());
    }
    done(&w);
    return o;
}
