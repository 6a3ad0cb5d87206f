/* Reading and writing questions about order. */
#include "skills/ordering_form.h"

#include <string.h>

#include "skills/expression.h"
#include "skills/phrase.h"

/* Ways to say a direction, by the letter that forms ask for. */
static const struct {
    char role;
    bool down;
    const char *text;
} directions[] = {
    {'c', false, "smaller"},
    {'c', true, "larger"},
    {'c', true, "greater"},
    {'f', false, "first"},
    {'f', true, "last"},
    {'s', false, "ascending"},
    {'s', true, "descending"},
    {'s', false, "increasing"},
    {'s', true, "decreasing"},
    {'w', false, "alphabetical"},
    {'w', true, "reverse alphabetical"},
    {'e', false, "smallest"},
    {'e', true, "largest"},
};
#define N_DIRECTIONS (int)(sizeof directions / sizeof *directions)

/* What stands at each %: a direction (above), o the other end, n an ordinal, i an item, l a list.
 */
static const struct {
    enum pr_order_kind kind;
    bool words, expressions;
    const char *text, *slots;
} forms[] = {
    {PR_ORDER_CHOOSE, false, true, "Which is %, % or %? Give the value.", "cii"},
    {PR_ORDER_CHOOSE, false, true, "Give the value of the % one: % or %.", "cii"},
    {PR_ORDER_CHOOSE, false, false, "Which is %, % or %?", "cii"},
    {PR_ORDER_CHOOSE, false, false, "Which number is %: % or %?", "cii"},
    {PR_ORDER_CHOOSE, false, false, "Which of % and % is %?", "iic"},
    {PR_ORDER_CHOOSE, true, false, "Which word comes % in the alphabet, % or %?", "fii"},
    {PR_ORDER_CHOOSE, true, false, "Which of % and % comes % in a dictionary?", "iif"},
    {PR_ORDER_SORT, false, false, "Sort in % order: %.", "sl"},
    {PR_ORDER_SORT, false, false, "Sort these numbers in % order: %", "sl"},
    {PR_ORDER_SORT, false, false, "Arrange from % to %: %.", "eol"},
    {PR_ORDER_SORT, false, false, "Put % in order, the % first.", "le"},
    {PR_ORDER_SORT, true, false, "Sort in % order: %.", "wl"},
    {PR_ORDER_SORT, true, false, "Put these words in % order: %", "wl"},
    {PR_ORDER_NTH, false, false, "What is the % % of %?", "nel"},
    {PR_ORDER_NTH, false, false, "Which number is the % % of these: %?", "nel"},
    {PR_ORDER_NTH, false, false, "What is the % of %?", "el"},
};
#define N_FORMS (int)(sizeof forms / sizeof *forms)

static const char *const ordinals[] = {"", "", "second", "third", "fourth", "fifth"};
#define N_ORDINALS (sizeof ordinals / sizeof *ordinals)

static int direction(char role, struct pr_skill_text t)
{
    for (int i = 0; i < N_DIRECTIONS; i++)
        if (directions[i].role == role && pr_text_is(t, directions[i].text))
            return i;
    return -1;
}

/* ---- items --------------------------------------------------------------------------------- */

static bool is_word(const char *s)
{
    size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz");
    return n && !s[n];
}

bool pr_order_value(struct pr_order *q, int i)
{
    struct pr_order_item *item = &q->v[i];
    struct pr_skill_text t = {item->text, strlen(item->text)};
    struct pr_expr x;
    item->value = 0;
    if (q->words)
        return is_word(item->text);
    if (!q->expressions)
        return pr_skill_take_decimal(&t, &item->value) && !t.n;
    return pr_expr_take(&t, &x) && !t.n && x.v[x.root].op &&
           !__builtin_mul_overflow(x.v[x.root].value, PR_DECIMAL_UNIT, &item->value);
}

static bool add_item(struct pr_order *q, struct pr_skill_text t)
{
    t = pr_skill_trim(t.s, t.n);
    if (!t.n || t.n >= PR_ORDER_TEXT || q->n == PR_ORDER_ITEMS || memchr(t.s, 0, t.n))
        return false;
    memcpy(q->v[q->n].text, t.s, t.n);
    q->v[q->n].text[t.n] = 0;
    return pr_order_value(q, q->n++);
}

static bool add_list(struct pr_order *q, struct pr_skill_text t)
{
    for (;;) {
        const char *comma = memchr(t.s, ',', t.n);
        size_t n = comma ? (size_t)(comma - t.s) : t.n;
        if (!add_item(q, (struct pr_skill_text){t.s, n}))
            return false;
        if (!comma)
            return q->n > 1;
        t = (struct pr_skill_text){comma + 1, t.n - n - 1};
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool take_slot(struct pr_order *q, char role, struct pr_skill_text t)
{
    size_t nth;
    int other;
    switch (role) {
    case 'i':
        return add_item(q, t);
    case 'l':
        return add_list(q, t);
    case 'n':
        nth = pr_text_index(t, ordinals, N_ORDINALS);
        q->nth = (int)nth;
        return nth > 1 && nth < N_ORDINALS;
    case 'o': /* the other end, after the first was read */
        other = direction('e', t);
        return other >= 0 && directions[other].down != q->down;
    default:
        q->word = direction(role, t);
        q->down = q->word >= 0 && directions[q->word].down;
        return q->word >= 0;
    }
}

/* "The second largest" says nothing clear where numbers are equal. */
static bool is_clear(const struct pr_order *q)
{
    if (q->nth > q->n)
        return false;
    for (int i = 0; i < q->n && q->kind == PR_ORDER_NTH && q->nth > 1; i++)
        for (int k = 0; k < i; k++)
            if (!pr_order_compare(q, &q->v[i], &q->v[k]))
                return false;
    return true;
}

bool pr_order_take(struct pr_skill_text t, struct pr_order *ret)
{
    struct pr_skill_text slots[PR_PHRASE_SLOTS];
    t = pr_skill_trim(t.s, t.n);
    for (int i = 0; i < N_FORMS; i++) {
        if (!pr_phrase_take(t, forms[i].text, slots))
            continue;
        *ret = (struct pr_order){.kind = forms[i].kind,
            .form = i,
            .words = forms[i].words,
            .expressions = forms[i].expressions,
            .nth = 1};
        bool ok = true;
        for (int k = 0; ok && forms[i].slots[k]; k++)
            ok = take_slot(ret, forms[i].slots[k], slots[k]);
        if (ok && is_clear(ret))
            return true;
    }
    return false;
}

/* ---- writing ------------------------------------------------------------------------------- */

void pr_order_put(const struct pr_order *q, struct pr_str *out)
{
    const char *slots[PR_PHRASE_SLOTS];
    struct pr_str list = PR_STR_INIT(PR_ORDER_ITEMS * PR_ORDER_TEXT * 2);
    int item = 0;
    for (int i = 0; i < q->n; i++)
        pr_str_printf(&list, "%s%s", i ? ", " : "", q->v[i].text);
    for (int k = 0; forms[q->form].slots[k]; k++) {
        char role = forms[q->form].slots[k];
        slots[k] = role == 'i'   ? q->v[item++].text
                   : role == 'l' ? pr_str_cstr(&list)
                   : role == 'n' ? ordinals[q->nth]
                   : role == 'o' ? (q->down ? "smallest" : "largest")
                                 : directions[q->word].text;
    }
    pr_phrase_put(out, forms[q->form].text, slots);
    pr_str_done(&list);
}

void pr_order_phrase(struct pr_rng *rng, struct pr_order *q)
{
    do
        q->form = (int)pr_rng_below(rng, (uint64_t)N_FORMS);
    while (forms[q->form].kind != q->kind || forms[q->form].words != q->words ||
           forms[q->form].expressions != q->expressions);
    const char *slots = forms[q->form].slots;
    do
        q->word = (int)pr_rng_below(rng, (uint64_t)N_DIRECTIONS);
    while (!strchr(slots, directions[q->word].role));
    q->down = directions[q->word].down;
    q->nth = !strchr(slots, 'n') ? 1 : (int)pr_skill_between(rng, 2, q->n > 5 ? 5 : q->n - 1);
}

/* ---- the order itself ---------------------------------------------------------------------- */

int pr_order_compare(
    const struct pr_order *q, const struct pr_order_item *a, const struct pr_order_item *b)
{
    return q->words ? strcmp(a->text, b->text) : (a->value > b->value) - (a->value < b->value);
}

void pr_order_sorted(const struct pr_order *q, struct pr_order_item *ret)
{
    for (int i = 0; i < q->n; i++) {
        int k = i;
        for (; k > 0; k--) {
            int c = pr_order_compare(q, &ret[k - 1], &q->v[i]);
            if (q->down ? c >= 0 : c <= 0)
                break;
            ret[k] = ret[k - 1];
        }
        ret[k] = q->v[i];
    }
}
