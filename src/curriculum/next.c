/* Which probe to run next: where the question is still open, and nowhere else.
 *
 * Which arms a block consists of follows from the blocks before it alone, so that a block is
 * finished as it was begun whatever comes out on the way.  Where a training keeps its last few
 * checkpoints only, a block's start may vanish after a probe or two: whoever was tried in the
 * fewest blocks comes first, so that the last of the table get their seeds too.  Dropping an arm
 * never makes a name more likely to be wrong (a test that is stopped early rejects less often); it
 * costs power where the arm would have recovered, so that a nominal 5 % is good enough a reason.
 */
#include <math.h>

#include "curriculum/blocks.h"
#include "curriculum/looks.h"

#define DROP     0.05 /* nominal level at which an arm is clearly worse than another */
#define DIVERGED 2    /* blocks more than random, after which no more is spent on an arm */

/* Blocks that may come to no pair at all, in all; a multiple of max_seeds.  Every other block uses
 * up a seed of some arm, which has an end of its own. */
#define BARREN 4

/* What is known at the beginning of a block. */
struct plan {
    const struct pr_blocks *b;
    size_t n_blocks; /* before it */
    const struct pr_evidence_options *o;
    struct pr_evidence seen;
    size_t tried[PR_MAX_ARMS];
    size_t barren; /* blocks with random and no pair */
    size_t best;   /* pr_arms(): none is better than random */
};

static const struct pr_arm_evidence *seen_of(const struct plan *p, size_t arm)
{
    return &p->seen.arms[arm - (arm > pr_arm_random())];
}

static bool clearly_below(const struct plan *p, size_t arm, size_t other)
{
    double d[PR_MOST_SEEDS], mean, se;
    size_t n = pr_blocks_pairs(p->b, p->n_blocks, arm, other, p->o->max_seeds, d);
    pr_looks_mean(d, n, &mean, &se);
    double above = pr_looks_t_p(mean, se, n);
    return n >= PR_MIN_SEEDS && !isnan(above) && 1 - above < DROP;
}

/* May this strategy still turn out to be the best? */
static bool candidate(const struct plan *p, size_t arm)
{
    const struct pr_arm_evidence *a = seen_of(p, arm);
    return !a->worse && !clearly_below(p, arm, pr_arm_random()) &&
           (p->best == pr_arms() || arm == p->best || !clearly_below(p, arm, p->best));
}

/* Nobody would train in an order that destroys the model.  Of the A/A arm it is chance. */
static bool diverges(const struct plan *p, size_t arm)
{
    const struct pr_arm_evidence *a = seen_of(p, arm);
    return arm != pr_arm_again() && a->diverged >= a->random_diverged + DIVERGED;
}

static bool exhausted(const struct plan *p, size_t arm)
{
    return p->tried[arm] >= p->o->max_seeds || diverges(p, arm);
}

/* The strategies beside random that the block probes; returns their number. */
static size_t open_strategies(const struct plan *p, bool *open)
{
    size_t n_open = 0, n_left = 0, rivals = 0;
    bool hopeless = true;
    for (size_t arm = 0; arm < pr_arms(); arm++) {
        open[arm] = false;
        if (arm == pr_arm_random())
            continue;
        bool few = seen_of(p, arm)->n < p->o->min_seeds, again = arm == pr_arm_again();
        open[arm] = !exhausted(p, arm) && (few || (!again && candidate(p, arm)));
        n_open += open[arm];
        rivals += open[arm] && !again && arm != p->best;
        n_left += !again && !seen_of(p, arm)->worse;
        /* One that cannot be called worse any more keeps random from being called the best. */
        hopeless = hopeless && (again || seen_of(p, arm)->worse || !exhausted(p, arm));
    }
    if (p->best != pr_arms() && rivals == 0 && open[p->best]) {
        open[p->best] = false; /* nobody is left to compare it with */
        n_open--;
    }
    if (n_open > 0 || p->best != pr_arms() || !hopeless || n_left == 0)
        return n_open;
    for (size_t arm = 0; arm < pr_arms(); arm++) /* is random the best of all? */
        if (arm != pr_arm_random() && arm != pr_arm_again() && !seen_of(p, arm)->worse) {
            open[arm] = true;
            n_open++;
        }
    return n_open;
}

static bool is_barren(const struct pr_block *x)
{
    size_t scores = 0;
    for (size_t arm = 0; arm < pr_arms(); arm++)
        scores += isfinite(x->score[arm]) != 0;
    return x->tried[pr_arm_random()] && (!isfinite(x->score[pr_arm_random()]) || scores < 2);
}

static void make_plan(const struct pr_blocks *b, size_t n_blocks,
    const struct pr_evidence_options *o, struct plan *ret)
{
    *ret = (struct plan){.b = b, .n_blocks = n_blocks, .o = o, .best = pr_arms()};
    pr_blocks_weigh(b, n_blocks, o, false, &ret->seen);
    for (size_t i = 0; i < n_blocks; i++) {
        ret->barren += is_barren(&b->v[i]);
        for (size_t arm = 0; arm < pr_arms(); arm++)
            ret->tried[arm] += b->v[i].tried[arm];
    }
    for (size_t arm = 0; arm < pr_arms(); arm++)
        if (ret->seen.decided && ret->seen.best == pr_arm_name(arm) && arm != pr_arm_random())
            ret->best = arm;
}

static size_t open_at(const struct plan *p, bool *open)
{
    return p->barren < BARREN * p->o->max_seeds ? open_strategies(p, open) : 0;
}

/* The arm that block i still lacks; pr_arms(): none, or random failed and it is worth nothing. */
static size_t lacking(const struct pr_blocks *b, size_t i, const struct pr_evidence_options *o)
{
    const struct pr_block *x = &b->v[i];
    struct plan p;
    bool open[PR_MAX_ARMS] = {false};
    size_t next = pr_arms();
    if (!x->tried[pr_arm_random()])
        return pr_arm_random();
    if (isnan(x->score[pr_arm_random()]))
        return pr_arms();
    make_plan(b, i, o, &p);
    if (open_at(&p, open) == 0)
        return pr_arms();
    for (size_t arm = 0; arm < pr_arms(); arm++)
        if (open[arm] && !x->tried[arm] && (next == pr_arms() || p.tried[arm] < p.tried[next]))
            next = arm;
    return next;
}

/* The last block, of those from `start` where it is given; b->n: there is none. */
static size_t last_block(const struct pr_blocks *b, const int64_t *start)
{
    for (size_t i = b->n; i-- > 0;)
        if (!start || b->v[i].start == *start)
            return i;
    return b->n;
}

bool pr_evidence_next(const struct pr_probe_outcome *v, size_t n,
    const struct pr_evidence_options *o, int64_t start, const char **ret_arm, uint64_t *ret_seed)
{
    struct pr_evidence_options checked;
    struct pr_blocks b;
    struct plan p;
    bool open[PR_MAX_ARMS], found = true;
    if (pr_evidence_options_check(o, &checked, NULL) != PR_OK)
        return false;
    pr_blocks_make(v, n, &b);
    size_t last = last_block(&b, &start),
           arm = last < b.n ? lacking(&b, last, &checked) : pr_arms();
    make_plan(&b, b.n, &checked, &p);
    if (arm < pr_arms()) {
        *ret_arm = pr_arm_name(arm);
        *ret_seed = b.v[last].seed;
    } else if (open_at(&p, open) > 0) {
        *ret_arm = PR_ARM_RANDOM;
        *ret_seed = b.n ? b.v[b.n - 1].seed + 1 : 1;
    } else {
        found = false;
    }
    pr_blocks_done(&b);
    return found;
}

bool pr_evidence_begun(const struct pr_probe_outcome *v, size_t n,
    const struct pr_evidence_options *o, int64_t *ret_start)
{
    struct pr_evidence_options checked;
    struct pr_blocks b;
    if (pr_evidence_options_check(o, &checked, NULL) != PR_OK)
        return false;
    pr_blocks_make(v, n, &b);
    size_t last = last_block(&b, NULL);
    bool begun = last < b.n && lacking(&b, last, &checked) < pr_arms();
    if (begun)
        *ret_start = b.v[last].start;
    pr_blocks_done(&b);
    return begun;
}

size_t pr_evidence_lacking(const struct pr_probe_outcome *v, size_t n,
    const struct pr_evidence_options *o, const char *ret[PR_MAX_ARMS])
{
    struct pr_evidence_options checked;
    struct pr_blocks b;
    struct plan p;
    size_t k = 0;
    if (pr_evidence_options_check(o, &checked, NULL) != PR_OK)
        return 0;
    pr_blocks_make(v, n, &b);
    make_plan(&b, b.n, &checked, &p);
    for (size_t arm = 0; arm < pr_arms(); arm++) {
        if (arm == pr_arm_random() || diverges(&p, arm))
            continue;
        size_t pairs = seen_of(&p, arm)->n;
        bool more = arm != pr_arm_again() && pairs < checked.max_seeds && candidate(&p, arm);
        if (pairs < checked.min_seeds || more)
            ret[k++] = pr_arm_name(arm);
    }
    pr_blocks_done(&b);
    return k;
}
