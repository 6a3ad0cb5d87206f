/* Code tracing: what does a small program print?  It is really run (code_run.c).  Levels: 1 one or
 * two assignments, 2 more of them, 3 if, 4 a loop, 5 a loop with if, 6 while, 7 a loop in a loop, 8
 * the same with if, 9 while with if, 10 loops in loops that are left early.  Names and numbers make
 * more than 10^6 programs at each level. */
#include <string.h>

#include "skills/answer.h"
#include "skills/code_run.h"
#include "skills/code_write.h"
#include "skills/form.h"

#define MAX_CODE   1024
#define MAX_OUT    256
#define MADE_STEPS 60 /* of what is made: it can be traced by hand */
#define MADE_LEN   60 /* of what such a program prints */
#define MADE_VALUE 7  /* digits of a number that is printed */

struct problem {
    size_t frame;
    bool drawn; /* it must not be longer than what is traced by hand */
    char code[MAX_CODE];
};

/* What stands before the program and behind it. */
static const char *const frames[][2] = {
    {"What does this program print?\n\n", ""},
    {"", "\n\nWhat is printed?"},
    {"Run this in your head:\n\n", "\n\nOutput?"},
    {"```python\n", "\n```\nOutput:"},
    {"Python:\n", "\n(prints what?)"},
};
#define N_FRAMES (sizeof frames / sizeof *frames)

static struct pr_skill_text code_of(const struct problem *p)
{
    return (struct pr_skill_text){p->code, strlen(p->code)};
}

/* ---- answers ------------------------------------------------------------------------------- */

static bool is_traceable(const struct pr_str *out, int steps)
{
    size_t digits = 0, most = 0;
    for (size_t i = 0; i < out->len; i++) {
        digits = out->data[i] >= '0' && out->data[i] <= '9' ? digits + 1 : 0;
        most = digits > most ? digits : most;
    }
    return steps <= MADE_STEPS && out->len <= MADE_LEN && most <= MADE_VALUE;
}

static bool answer(const void *q, struct pr_str *golden, struct pr_str *working)
{
    const struct problem *p = q;
    int steps = 0;
    return *p->code &&
           pr_code_run(
               code_of(p), PR_CODE_RIGHT, golden, working->max ? working : NULL, NULL, &steps) &&
           golden->len && golden->len <= MAX_OUT && (!p->drawn || is_traceable(golden, steps));
}

/* The next line without blanks at its ends. */
static struct pr_skill_text next_line(struct pr_skill_text *t)
{
    const char *end = t->n ? memchr(t->s, '\n', t->n) : NULL;
    size_t n = end ? (size_t)(end - t->s) : t->n, skip = n + (end != NULL);
    struct pr_skill_text line = pr_skill_trim(t->s, n);
    t->s += skip;
    t->n -= skip;
    return line;
}

/* Line by line the same; one number alone may be written as numbers are. */
static bool right(const void *q, const char *golden, struct pr_skill_text a)
{
    struct pr_skill_text t = {golden, strlen(golden)}, number = t;
    int64_t x;
    (void)q;
    if (pr_answer_take_integer(&number, &x) && !number.n)
        return pr_answer_is_integer(a, x, NULL);
    while (t.n || a.n) {
        struct pr_skill_text want = next_line(&t), got = next_line(&a);
        if (!pr_skill_says(got.s, got.n, want.s, want.n))
            return false;
    }
    return true;
}

static int level(const void *q)
{
    const struct problem *p = q;
    struct pr_code_shape s = {0};
    if (!pr_code_run(code_of(p), PR_CODE_RIGHT, NULL, NULL, &s, NULL))
        return 1;
    if (!s.loop_depth)
        return s.ifs ? 3 : s.assignments > 2 ? 2 : 1;
    if (s.loop_depth == 1)
        return s.whiles ? (s.ifs ? 9 : 6) : (s.ifs ? 5 : 4);
    return s.breaks ? 10 : s.ifs ? 8 : 7;
}

/* ---- text ---------------------------------------------------------------------------------- */

static void write(const void *q, struct pr_str *out)
{
    const struct problem *p = q;
    pr_str_printf(out, "%s%s%s", frames[p->frame][0], p->code, frames[p->frame][1]);
}

static bool read(struct pr_skill_text t, void *ret)
{
    struct problem *p = ret;
    for (size_t i = 0; i < N_FRAMES; i++) {
        struct pr_skill_text rest = t;
        const char *after = frames[i][1];
        size_t n = strlen(after);
        if (!pr_skill_take(&rest, frames[i][0]) || rest.n <= n ||
            memcmp(rest.s + rest.n - n, after, n) != 0)
            continue;
        rest.n -= n;
        if (rest.n >= MAX_CODE || memchr(rest.s, 0, rest.n))
            return false;
        *p = (struct problem){.frame = i};
        memcpy(p->code, rest.s, rest.n);
        return true;
    }
    return false;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c) != NULL;
}

static bool is_in_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* A word that is a name or a number counts as 0, an operator as +, a comparison as <. */
static char next_of_shape(const char **p)
{
    static const char *const words[] = {
        "for", "in", "range", "while", "if", "elif", "else", "print", "break", "and", "or"};
    const char *s = *p;
    if (!is_in_name(*s)) {
        static const char ops[] = "+-*/%", compare[] = "<>=!";
        const char *set = is_one_of(*s, ops) ? ops : is_one_of(*s, compare) ? compare : NULL;
        char kind = *s;
        if (!set || (s[0] == '=' && s[1] != '=')) {
            *p = s + (*s != 0);
            return kind;
        }
        *p = s + strspn(s, set);
        return set == ops ? '+' : '<';
    }
    size_t n = 0;
    while (is_in_name(s[n]))
        n++;
    *p = s + n;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == n && !memcmp(words[i], s, n))
            return (char)('A' + (int)i);
    return '0';
}

static bool same_shape(const char *a, const char *b)
{
    for (;;) {
        char x = next_of_shape(&a), y = next_of_shape(&b);
        if (x != y)
            return false;
        if (!x)
            return true;
    }
}

static void draw(struct pr_rng *rng, int lv, const void *like, void *ret)
{
    const struct problem *old = like;
    struct problem *p = ret;
    p->frame = old ? old->frame : (size_t)pr_rng_below(rng, N_FRAMES);
    p->drawn = true;
    for (int tries = 0; tries < 100; tries++) {
        struct pr_str code = PR_STR_INIT(MAX_CODE - 1);
        pr_code_write(rng, lv, &code);
        memcpy(p->code, pr_str_cstr(&code), code.len + 1);
        pr_str_done(&code);
        if (!old || same_shape(old->code, p->code))
            return;
    }
    /* Of another shape than is made: any of the level does, so that there is one. */
}

/* ---- slips --------------------------------------------------------------------------------- */

/* Names the line by its number and its text. */
static void put_slip(const struct problem *p, int line, const char *pattern, const char *out,
    const char *why, struct pr_slips *ret)
{
    struct pr_skill_text t = code_of(p), text = next_line(&t);
    for (int i = 1; i < line; i++)
        text = next_line(&t);
    pr_slips_add(ret, pattern, out, "line %d, \"%.*s\": %s", line, (int)text.n, text.s, why);
}

static void slips(const void *q, struct pr_slips *ret)
{
    static const struct {
        enum pr_code_reading how;
        const char *pattern, *why; /* after the line */
    } readings[] = {
        {PR_CODE_END_INCLUDED, "off_by_one", "the range was taken to include its end"},
        {PR_CODE_ONE_LESS, "off_by_one", "the last round of the loop was missed"},
        {PR_CODE_ONE_ROUND, "step_missing", "the loop was gone through only once"},
        {PR_CODE_OTHER_BRANCH, "wrong_operation", "the condition was taken the other way"},
        {PR_CODE_ONE_BY_ONE, "wrong_operation",
            "the first name was set before the second was worked out"},
        {PR_CODE_NO_UPDATE, "step_missing", "what is worked out there was not kept"},
    };
    const struct problem *p = q;
    struct pr_code_shape s = {0};
    if (!pr_code_run(code_of(p), PR_CODE_RIGHT, NULL, NULL, &s, NULL))
        return;
    const int lines[] = {s.first_for, s.first_for, s.first_for ? s.first_for : s.first_while,
        s.first_if, s.first_pair, s.first_update};
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++) {
        struct pr_str out = PR_STR_INIT(MAX_OUT);
        if (lines[i] && pr_code_run(code_of(p), readings[i].how, &out, NULL, NULL, NULL) && out.len)
            put_slip(p, lines[i], readings[i].pattern, out.data, readings[i].why, ret);
        pr_str_done(&out);
    }
}

static const struct pr_form form = {
    .size = sizeof(struct problem),
    .draw = draw,
    .write = write,
    .read = read,
    .answer = answer,
    .level = level,
    .right = right,
    .slips = slips,
};

PR_FORM_SKILL(code_tracing, "what a small program prints");
