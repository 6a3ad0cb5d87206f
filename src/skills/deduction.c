/* Deduction: "All toves are zorks. All zorks are sneds. Are all toves sneds?" → "yes", and at
 * higher levels "If the tove is red, then the zork is not tall. …".  Answers: yes, no, and unknown
 * where the question is whether something is so.  `level_of` says what makes a level. */
#include <stdio.h>
#include <string.h>

#include "skills/deduction_form.h"
#include "skills/phrase.h"
#include "skills/skill.h"
#include "skills/text.h"

static const char *const verdicts[] = {
    [PR_VERDICT_NO] = "no", [PR_VERDICT_YES] = "yes", [PR_VERDICT_UNKNOWN] = "unknown"};

static bool infer(const struct pr_logic *q, enum pr_verdict *ret, struct pr_str *working)
{
    return q->facts ? pr_logic_facts(q, ret, working) : pr_logic_kinds(q, ret, working);
}

static bool take(const char *prompt, size_t n, struct pr_logic *ret, enum pr_verdict *verdict)
{
    return pr_logic_take((struct pr_skill_text){prompt, n}, ret) && infer(ret, verdict, NULL);
}

/* ---- levels -------------------------------------------------------------------------------- */

static int level_of(const struct pr_logic *q)
{
    bool some = false, only_all = true, joined = false;
    for (int i = 0; i < q->n; i++) {
        enum pr_logic_kind kind = q->v[i].kind;
        some = some || kind == PR_LOGIC_SOME || kind == PR_LOGIC_SOME_NOT;
        only_all = only_all && kind == PR_LOGIC_ALL;
        joined = joined || (kind != PR_LOGIC_FACT && kind != PR_LOGIC_IF);
    }
    if (!q->facts)
        return some                    ? (q->n <= 5 ? 5 : 0)
               : q->n <= 3 && only_all ? (q->n <= 2 ? 1 : 2)
                                       : (q->n <= 4      ? 3
                                             : q->n <= 7 ? 4
                                                         : 0);
    if (!joined)
        return q->n <= 2 ? 6 : q->n <= 4 ? 7 : 0;
    return q->n_names <= 4 ? 8 : q->n_names <= 5 ? 9 : q->n_names <= 7 ? 10 : 0;
}

static int level(const char *prompt, size_t n)
{
    struct pr_logic q;
    enum pr_verdict verdict;
    return take(prompt, n, &q, &verdict) ? level_of(&q) : 0;
}

/* ---- making -------------------------------------------------------------------------------- */

static const char *const adjectives[] = {"red", "green", "blue", "yellow", "tall", "short", "warm",
    "cold", "round", "flat", "heavy", "light", "loud", "quiet", "old", "young", "bright", "dark",
    "soft", "hard", "wet", "dry", "clean", "dusty", "fast", "slow", "empty", "full", "open",
    "closed"};

static void other_names(struct pr_rng *rng, struct pr_logic *q)
{
    for (int i = 0; i < q->n_names; i++) {
        char *noun = q->names[i][0];
        bool again;
        do {
            pr_skill_word(rng, noun);
            if (!q->facts) /* a plural */
                memcpy(noun + strlen(noun), "s", 2);
            again = false;
            for (int k = 0; k < i; k++)
                again = again || !strcmp(noun, q->names[k][0]);
        } while (again);
        if (q->facts)
            snprintf(q->names[i][1], PR_LOGIC_TEXT, "%s",
                adjectives[pr_rng_below(rng, sizeof adjectives / sizeof *adjectives)]);
    }
}

static void shuffle(struct pr_rng *rng, struct pr_logic *q)
{
    for (int i = q->n - 1; i > 0; i--) {
        int k = (int)pr_rng_below(rng, (uint64_t)i + 1);
        struct pr_statement s = q->v[i];
        q->v[i] = q->v[k];
        q->v[k] = s;
    }
}

static int any_name(struct pr_rng *rng, const struct pr_logic *q)
{
    return (int)pr_rng_below(rng, (uint64_t)q->n_names);
}

static void ask(struct pr_rng *rng, struct pr_logic *q)
{
    struct pr_literal *v = q->question.v;
    v[0] = v[1] = (struct pr_literal){0};
    v[0].name = v[1].name = any_name(rng, q);
    while (v[1].name == v[0].name)
        v[1].name = any_name(rng, q);
}

static void add(struct pr_logic *q, enum pr_logic_kind kind, int a, int b)
{
    q->v[q->n++] = (struct pr_statement){kind, {{.name = a}, {.name = b}}};
}

/* A chain of "all" over the first names, and the others' statements beside it. */
static void draw_kinds(struct pr_rng *rng, int level, struct pr_logic *q)
{
    int links = level <= 2 ? level + 1 : level == 3 ? 3 : level == 4 ? 5 : 2;
    q->n_names = links + 1 + (level > 2);
    for (int i = 0; i < links; i++)
        add(q, PR_LOGIC_ALL, i, i + 1);
    int other = links + 1, at = (int)pr_rng_below(rng, (uint64_t)links + 1);
    if (level == 3)
        add(q, pr_rng_below(rng, 2) ? PR_LOGIC_ALL : PR_LOGIC_NO, at, other);
    if (level == 4)
        add(q, PR_LOGIC_NO, at, other);
    if (level == 5) {
        bool turned = pr_rng_below(rng, 2);
        add(q, pr_rng_below(rng, 2) ? PR_LOGIC_SOME : PR_LOGIC_SOME_NOT, turned ? other : at,
            turned ? at : other);
        if (pr_rng_below(rng, 2))
            add(q, PR_LOGIC_NO, (int)pr_rng_below(rng, (uint64_t)links + 1), other);
    }
}

static struct pr_literal any_literal(struct pr_rng *rng, int name)
{
    return (struct pr_literal){.name = name, .negated = pr_rng_below(rng, 3) == 0};
}

static void draw_facts(struct pr_rng *rng, int level, struct pr_logic *q)
{
    static const enum pr_logic_kind kinds[] = {PR_LOGIC_IF, PR_LOGIC_IF, PR_LOGIC_IF_BOTH,
        PR_LOGIC_OR, PR_LOGIC_XOR, PR_LOGIC_ONLY_IF, PR_LOGIC_IFF, PR_LOGIC_NOT_BOTH};
    q->facts = true;
    q->n_names = level <= 6 ? 2 : level == 7 ? (int)pr_skill_between(rng, 3, 4) : level - 4;
    for (int i = 1; i < q->n_names; i++) {
        enum pr_logic_kind kind = level <= 7 ? PR_LOGIC_IF : kinds[pr_rng_below(rng, 8)];
        struct pr_statement *s = &q->v[q->n++];
        bool turned = pr_rng_below(rng, 2);
        int third = (int)pr_rng_below(rng, (uint64_t)q->n_names);
        if (kind == PR_LOGIC_IF_BOTH && (third == i || third == i - 1))
            kind = PR_LOGIC_OR;
        *s = (struct pr_statement){.kind = kind};
        s->v[0] = any_literal(rng, turned ? i : i - 1); /* one after the other: the order counts */
        s->v[1] = any_literal(rng, turned ? i - 1 : i);
        s->v[2] = any_literal(rng, third);
    }
    for (int i = 0; i < (level <= 8 ? 1 : 2); i++)
        q->v[q->n++] = (struct pr_statement){PR_LOGIC_FACT, {any_literal(rng, any_name(rng, q))}};
}

/* Nothing that a statement says in so many words. */
static bool is_given(const struct pr_logic *q)
{
    for (int i = 0; i < q->n; i++) {
        const struct pr_statement *s = &q->v[i];
        if (q->facts && s->kind == PR_LOGIC_FACT && s->v[0].name == q->question.v[0].name)
            return true;
        for (int k = 0; k < i; k++)
            if (s->kind == q->v[k].kind && s->v[0].name == q->v[k].v[0].name &&
                (s->kind == PR_LOGIC_FACT || s->v[1].name == q->v[k].v[1].name))
                return true;
    }
    return false;
}

static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)
{
    struct pr_logic q;
    enum pr_verdict verdict = PR_VERDICT_NO, wanted = (enum pr_verdict)pr_rng_below(rng, 3);
    for (int tries = 0;; tries++) {
        q = (struct pr_logic){0};
        if (level <= 5)
            draw_kinds(rng, level, &q);
        else
            draw_facts(rng, level, &q);
        pr_logic_phrase(rng, &q);
        ask(rng, &q);
        if (is_given(&q) || level_of(&q) != level || !infer(&q, &verdict, NULL))
            continue;
        /* Each answer about as often; "unknown" is none of some questions. */
        if (verdict == wanted || (wanted == PR_VERDICT_UNKNOWN && q.ask == PR_LOGIC_FOLLOWS) ||
            tries > 200)
            break;
    }
    other_names(rng, &q);
    shuffle(rng, &q);
    pr_logic_put(&q, prompt);
    pr_str_puts(golden, verdicts[verdict]);
}

/* ---- solving, verifying, varying ----------------------------------------------------------- */

static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working)
{
    struct pr_logic q;
    enum pr_verdict verdict;
    if (!take(prompt, n, &q, &verdict))
        return false;
    if (golden)
        pr_str_puts(golden, verdicts[verdict]);
    if (working)
        (void)infer(&q, &verdict, working);
    return true;
}

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_logic q;
    enum pr_verdict verdict;
    return take(prompt, prompt_len, &q, &verdict) &&
           pr_answer_is_word(answer, n, verdicts[verdict]);
}

/* Other names, another order of the statements, and as likely as not another question. */
static bool vary(struct pr_rng *rng, const char *prompt, size_t n, struct pr_str *ret_prompt,
    struct pr_str *ret_golden)
{
    struct pr_logic q;
    enum pr_verdict verdict;
    if (!take(prompt, n, &q, &verdict))
        return false;
    struct pr_literal asked[2] = {q.question.v[0], q.question.v[1]};
    if (pr_rng_below(rng, 2) && q.n_names > 1)
        ask(rng, &q);
    if (!infer(&q, &verdict, NULL)) {
        q.question.v[0] = asked[0];
        q.question.v[1] = asked[1];
        if (!infer(&q, &verdict, NULL))
            return false;
    }
    other_names(rng, &q);
    shuffle(rng, &q);
    pr_logic_put(&q, ret_prompt);
    pr_str_puts(ret_golden, verdicts[verdict]);
    return true;
}

/* ---- slips --------------------------------------------------------------------------------- */

static const char *reason(const struct pr_logic *q, enum pr_verdict right, enum pr_verdict said)
{
    if (right == PR_VERDICT_UNKNOWN)
        return said == PR_VERDICT_YES ? "what is not excluded was taken for certain"
                                      : "what is not said was taken for excluded";
    if (said == PR_VERDICT_UNKNOWN)
        return "the statements decide it, over several steps";
    struct pr_logic converse = *q;
    enum pr_verdict other;
    converse.question.v[0] = q->question.v[1];
    converse.question.v[1] = q->question.v[0];
    if (!q->facts && q->question.kind == PR_LOGIC_ALL && said == PR_VERDICT_YES &&
        infer(&converse, &other, NULL) && other == PR_VERDICT_YES)
        return "the statement was turned round: all of the second are the first, not all of the "
               "first the second";
    return said == PR_VERDICT_YES ? "nothing that is stated leads there"
                                  : "the chain of statements that leads there was missed";
}

static void slips(const char *prompt, size_t n, struct pr_slips *ret)
{
    struct pr_logic q;
    enum pr_verdict right;
    if (!take(prompt, n, &q, &right))
        return;
    for (size_t i = 0; i < 3; i++)
        if (i != right && (i != PR_VERDICT_UNKNOWN || q.ask != PR_LOGIC_FOLLOWS))
            pr_slips_add(
                ret, "other_choice", verdicts[i], "%s", reason(&q, right, (enum pr_verdict)i));
}

const struct pr_skill pr_skill_deduction = {
    .name = "deduction",
    .summary = "what follows from statements about kinds or facts",
    .n_levels = PR_SKILL_LEVELS,
    .make = make,
    .solve = solve,
    .verify = verify,
    .vary = vary,
    .level = level,
    .slips = slips,
};
