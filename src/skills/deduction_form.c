/* Reading and writing deductions. */
#include "skills/deduction_form.h"

#include <string.h>

#include "skills/phrase.h"

static const struct {
    const char *text;
    int literals;
} statements[PR_LOGIC_N_KINDS] = {
    [PR_LOGIC_ALL] = {"All % are %", 2},
    [PR_LOGIC_NO] = {"No % are %", 2},
    [PR_LOGIC_SOME_NOT] = {"Some % are not %", 2},
    [PR_LOGIC_SOME] = {"Some % are %", 2},
    [PR_LOGIC_FACT] = {"%", 1},
    [PR_LOGIC_IF] = {"If %, then %", 2},
    [PR_LOGIC_IF_BOTH] = {"If % and %, then %", 3},
    [PR_LOGIC_OR] = {"Either % or %, or both", 2},
    [PR_LOGIC_XOR] = {"Either % or %, but not both", 2},
    [PR_LOGIC_ONLY_IF] = {"% only if %", 2},
    [PR_LOGIC_IFF] = {"% if and only if %", 2},
    [PR_LOGIC_NOT_BOTH] = {"It is not true that both % and %", 2},
};
/* The order in which a sentence is tried: the longer of two that begin alike first. */
static const enum pr_logic_kind tried[] = {PR_LOGIC_ALL, PR_LOGIC_NO, PR_LOGIC_SOME_NOT,
    PR_LOGIC_SOME, PR_LOGIC_IF_BOTH, PR_LOGIC_IF, PR_LOGIC_OR, PR_LOGIC_XOR, PR_LOGIC_NOT_BOTH,
    PR_LOGIC_IFF, PR_LOGIC_ONLY_IF, PR_LOGIC_FACT};

static const struct {
    enum pr_logic_ask ask;
    enum pr_logic_kind kind;
    const char *text;
} questions[] = {
    {PR_LOGIC_FOLLOWS, PR_LOGIC_ALL, "Are all % %?"},
    {PR_LOGIC_FOLLOWS, PR_LOGIC_ALL, "Does it follow that all % are %?"},
    {PR_LOGIC_FOLLOWS, PR_LOGIC_ALL, "Must all % be %?"},
    {PR_LOGIC_FOLLOWS, PR_LOGIC_NO, "Does it follow that no % are %?"},
    {PR_LOGIC_FOLLOWS, PR_LOGIC_SOME_NOT, "Does it follow that some % are not %?"},
    {PR_LOGIC_FOLLOWS, PR_LOGIC_SOME, "Does it follow that some % are %?"},
    {PR_LOGIC_POSSIBLE, PR_LOGIC_SOME, "Can some % be %?"},
    {PR_LOGIC_POSSIBLE, PR_LOGIC_SOME, "Is it possible that some % are %?"},
    {PR_LOGIC_IS, PR_LOGIC_FACT, "Is the % %?"},
    {PR_LOGIC_IS, PR_LOGIC_FACT, "Is it true that the % is %?"},
};
#define N_QUESTIONS (int)(sizeof questions / sizeof *questions)

#define HINT_FOLLOWS " Answer yes or no."
#define HINT_OTHER   " Answer yes, no or unknown."

int pr_logic_literals(enum pr_logic_kind kind)
{
    return statements[kind].literals;
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool is_word(struct pr_skill_text t)
{
    bool letters = t.n > 0 && t.n < PR_LOGIC_TEXT && !pr_text_is(t, "not");
    for (size_t i = 0; i < t.n; i++)
        letters = letters && t.s[i] >= 'a' && t.s[i] <= 'z';
    return letters;
}

/* The place of this name, entered where it is new; -1: it is none, or there are too many. */
static int name_of(struct pr_logic *q, struct pr_skill_text noun, struct pr_skill_text adjective)
{
    int most = q->facts ? PR_LOGIC_ATOMS : PR_LOGIC_NAMES;
    if (!is_word(noun) || (q->facts && !is_word(adjective)))
        return -1;
    for (int i = 0; i < q->n_names; i++)
        if (pr_text_is(noun, q->names[i][0]) &&
            (!q->facts || pr_text_is(adjective, q->names[i][1])))
            return i;
    if (q->n_names == most)
        return -1;
    memcpy(q->names[q->n_names][0], noun.s, noun.n);
    if (q->facts)
        memcpy(q->names[q->n_names][1], adjective.s, adjective.n);
    return q->n_names++;
}

/* A kind; or "the tove is not red". */
static bool take_literal(struct pr_logic *q, struct pr_skill_text t, struct pr_literal *ret)
{
    struct pr_skill_text slots[2] = {t};
    *ret = (struct pr_literal){.name = -1};
    if (q->facts) {
        ret->negated = pr_phrase_take(t, "the % is not %", slots) ||
                       pr_phrase_take(t, "The % is not %", slots);
        if (!ret->negated && !pr_phrase_take(t, "the % is %", slots) &&
            !pr_phrase_take(t, "The % is %", slots))
            return false;
    }
    ret->name = name_of(q, slots[0], slots[1]);
    return ret->name >= 0;
}

static bool take_literals(
    struct pr_logic *q, int n, const struct pr_skill_text *slots, struct pr_literal *ret)
{
    for (int i = 0; i < n; i++)
        if (!take_literal(q, slots[i], &ret[i]))
            return false;
    return true;
}

static bool take_statement(struct pr_logic *q, struct pr_skill_text t)
{
    struct pr_skill_text slots[PR_PHRASE_SLOTS];
    if (q->n == PR_LOGIC_STATEMENTS)
        return false;
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        enum pr_logic_kind kind = tried[i];
        struct pr_statement *s = &q->v[q->n];
        int names = q->n_names;
        bool fits = q->facts == (kind >= PR_LOGIC_FACT);
        if (!fits || !pr_phrase_take(t, statements[kind].text, slots))
            continue;
        s->kind = kind;
        if (take_literals(q, statements[kind].literals, slots, s->v)) {
            q->n++;
            return true;
        }
        memset(q->names[names], 0, sizeof q->names[0] * (size_t)(PR_LOGIC_NAMES - names));
        q->n_names = names;
    }
    return false;
}

static bool take_question(struct pr_logic *q, struct pr_skill_text t)
{
    struct pr_skill_text slots[PR_PHRASE_SLOTS];
    const char *mark = t.n ? memchr(t.s, '?', t.n) : NULL;
    if (!mark)
        return false;
    struct pr_skill_text hint = {mark + 1, t.n - (size_t)(mark + 1 - t.s)};
    t.n -= hint.n;
    for (int i = 0; i < N_QUESTIONS; i++) {
        if (q->facts != (questions[i].kind >= PR_LOGIC_FACT) ||
            !pr_phrase_take(t, questions[i].text, slots))
            continue;
        q->form = i;
        q->ask = questions[i].ask;
        q->question.kind = questions[i].kind;
        q->hint = hint.n > 0;
        if (q->hint && !pr_text_is(hint, q->ask == PR_LOGIC_FOLLOWS ? HINT_FOLLOWS : HINT_OTHER))
            return false;
        struct pr_literal *v = q->question.v;
        if (!q->facts)
            return take_literals(q, 2, slots, v) && v[0].name != v[1].name;
        v[0].name = name_of(q, slots[0], slots[1]);
        return v[0].name >= 0;
    }
    return false;
}

static bool take_all(struct pr_skill_text t, bool facts, struct pr_logic *q)
{
    *q = (struct pr_logic){.facts = facts};
    for (;;) {
        const char *stop = t.s && t.n ? memmem(t.s, t.n, ". ", 2) : NULL;
        const char *mark = t.n ? memchr(t.s, '?', t.n) : NULL;
        if (!stop || (mark && mark < stop))
            break;
        size_t n = (size_t)(stop - t.s);
        if (!take_statement(q, (struct pr_skill_text){t.s, n}))
            return false;
        t = (struct pr_skill_text){stop + 2, t.n - n - 2};
    }
    return q->n && take_question(q, t);
}

bool pr_logic_take(struct pr_skill_text t, struct pr_logic *ret)
{
    t = pr_skill_trim(t.s, t.n);
    return take_all(t, false, ret) || take_all(t, true, ret);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void put_literal(const struct pr_logic *q, struct pr_literal l, struct pr_str *out)
{
    pr_str_clear(out);
    if (q->facts)
        pr_str_printf(out, "the %s is %s%s", q->names[l.name][0], l.negated ? "not " : "",
            q->names[l.name][1]);
    else
        pr_str_puts(out, q->names[l.name][0]);
}

void pr_logic_put_statement(
    const struct pr_logic *q, const struct pr_statement *s, struct pr_str *out)
{
    struct pr_str texts[3];
    const char *slots[3];
    size_t from = out->len;
    for (int i = 0; i < 3; i++) {
        texts[i] = PR_STR_INIT(256);
        if (i < statements[s->kind].literals)
            put_literal(q, s->v[i], &texts[i]);
        slots[i] = pr_str_cstr(&texts[i]);
    }
    pr_phrase_put(out, statements[s->kind].text, slots);
    pr_str_putc(out, '.');
    if (!out->over && out->data[from] == 't')
        out->data[from] = 'T';
    for (int i = 0; i < 3; i++)
        pr_str_done(&texts[i]);
}

void pr_logic_put(const struct pr_logic *q, struct pr_str *out)
{
    for (int i = 0; i < q->n; i++) {
        pr_logic_put_statement(q, &q->v[i], out);
        pr_str_putc(out, ' ');
    }
    const struct pr_literal *v = q->question.v;
    const char *slots[2] = {
        q->names[v[0].name][0], q->facts ? q->names[v[0].name][1] : q->names[v[1].name][0]};
    pr_phrase_put(out, questions[q->form].text, slots);
    if (q->hint)
        pr_str_puts(out, q->ask == PR_LOGIC_FOLLOWS ? HINT_FOLLOWS : HINT_OTHER);
}

void pr_logic_phrase(struct pr_rng *rng, struct pr_logic *q)
{
    bool some = false, no = false;
    for (int i = 0; i < q->n; i++) {
        some = some || q->v[i].kind == PR_LOGIC_SOME || q->v[i].kind == PR_LOGIC_SOME_NOT;
        no = no || q->v[i].kind == PR_LOGIC_NO;
    }
    for (;;) {
        q->form = (int)pr_rng_below(rng, (uint64_t)N_QUESTIONS);
        enum pr_logic_kind kind = questions[q->form].kind;
        bool fits = kind == PR_LOGIC_ALL || some || (no && kind != PR_LOGIC_SOME_NOT) ||
                    questions[q->form].ask == PR_LOGIC_POSSIBLE;
        if (q->facts ? kind == PR_LOGIC_FACT : kind < PR_LOGIC_FACT && fits)
            break;
    }
    q->ask = questions[q->form].ask;
    q->question.kind = questions[q->form].kind;
    q->hint = pr_rng_below(rng, 2);
}
