/* The skills that are built on form.h, beside what test_skills proves of all: each level's own
 * answers are right, changed ones are not, a level is known again, a variation stays at it, slips
 * are wrong answers.  PROCTOR_SKILLS_N problems of each skill and level (100), or 10,000 where it
 * is `full`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "mistakes/mistake.h"
#include "skills/skill.h"

#define MAX_TEXT 8192

static struct pr_str prompt, golden, text, working;
static long long n_refused;

static size_t n_problems(void)
{
    const char *n = getenv("PROCTOR_SKILLS_N");
    if (!n || !*n)
        return 100;
    return strcmp(n, "full") != 0 ? strtoul(n, NULL, 10) : 10000;
}

typedef void each_fn(const struct pr_skill *s, int level, struct pr_rng *rng);

static bool is_ours(const struct pr_skill *s)
{
    static const char *const names[] = {"word_problem", "equations", "sequences", "dates",
        "strings", "hidden_words", "graph_paths", "tables", "code_tracing"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], s->name))
            return true;
    return false;
}

/* Calls each with `prompt` and `golden` for all problems of these skills. */
static void for_all(size_t n, each_fn *each)
{
    size_t n_skills;
    const struct pr_skill *const *list = pr_skills(&n_skills);
    const char *only = getenv("PROCTOR_SKILLS_ONLY");
    for (size_t i = 0; i < n_skills; i++) {
        if (!is_ours(list[i]) || (only && strcmp(only, list[i]->name) != 0))
            continue;
        for (int level = 1; level <= PR_SKILL_LEVELS; level++) {
            struct pr_rng rng;
            pr_rng_seed(&rng, 1000 + (uint64_t)level);
            for (size_t k = 0; k < n; k++) {
                pr_str_clear(&prompt);
                pr_str_clear(&golden);
                list[i]->make(&rng, level, &prompt, &golden);
                if (prompt.over || golden.over || !prompt.len || !golden.len)
                    fail_msg("%s, level %d makes no question", list[i]->name, level);
                each(list[i], level, &rng);
            }
        }
    }
}

static bool right(const struct pr_skill *s, const char *answer, size_t n)
{
    /* In blocks of their own, so that a sanitizer sees a read past either. */
    char *p = pr_alloc(prompt.len ? prompt.len : 1), *a = pr_alloc(n ? n : 1);
    memcpy(p, pr_str_cstr(&prompt), prompt.len);
    if (n)
        memcpy(a, answer, n);
    bool is = s->verify(p, prompt.len, a, n);
    pr_free(p);
    pr_free(a);
    return is;
}

/* ---- right answers, solving, levels -------------------------------------------------------- */

static void expect_solved(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    (void)rng;
    pr_str_clear(&text);
    pr_str_clear(&working);
    if (!s->solve(prompt.data, prompt.len, &text, &working))
        fail_msg("%s, level %d: '%s' is not solved", s->name, level, prompt.data);
    if (strcmp(pr_str_cstr(&text), golden.data) != 0)
        fail_msg("%s: '%s' → '%s', solved '%s'", s->name, prompt.data, golden.data, text.data);
    if (!working.len || working.over)
        fail_msg("%s: '%s' has no working", s->name, prompt.data);
    if (!right(s, golden.data, golden.len))
        fail_msg(
            "%s, level %d: '%s' is not answered by '%s'", s->name, level, prompt.data, golden.data);
    pr_str_clear(&text);
    pr_str_printf(&text, " \n%s\t", golden.data);
    if (!right(s, text.data, text.len))
        fail_msg("%s: white space around '%s' counts", s->name, golden.data);
    int own = s->level(prompt.data, prompt.len);
    if (own != level)
        fail_msg(
            "%s: '%s' was made at level %d and is taken for %d", s->name, prompt.data, level, own);
}

static void what_is_made_is_solved_accepted_and_known_by_its_level(void **state)
{
    (void)state;
    for_all(n_problems(), expect_solved);
}

/* ---- wrong answers ------------------------------------------------------------------------- */

/* Appends the answer so that two which say the same are the same bytes: white space and commas
 * between items are one space, none around =, and "June" is "Jun", "July" "Jul".  Case is kept. */
static void plain(const char *s, size_t n, char *ret)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 2 && (!strncmp(s + i - 3, "June", 4) || !strncmp(s + i - 3, "July", 4)))
            continue;
        bool gap = strchr(" ,\n\t", s[i]) != NULL && s[i];
        if (!gap)
            ret[k++] = s[i];
        else if (k && ret[k - 1] != ' ' && ret[k - 1] != '=')
            ret[k++] = ' ';
        if (k > 1 && ret[k - 1] == '=' && ret[k - 2] == ' ')
            ret[--k - 1] = '=';
    }
    while (k && ret[k - 1] == ' ')
        k--;
    ret[k] = 0;
}

static void expect_wrong(const struct pr_skill *s, const char *answer, size_t n)
{
    static char a[MAX_TEXT + 8], b[MAX_TEXT + 8];
    plain(answer, n, a);
    plain(golden.data, golden.len, b);
    if (!strcmp(a, b))
        return;
    n_refused++;
    if (right(s, answer, n))
        fail_msg("%s: '%s' → '%s' is answered by '%.*s' too", s->name, prompt.data, golden.data,
            (int)n, answer);
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One byte changed, gone, twice, or in its neighbour's place. */
static void expect_changed_byte_wrong(const struct pr_skill *s, size_t i, struct pr_rng *rng)
{
    static char m[MAX_TEXT];
    size_t n = golden.len;
    char c = golden.data[i];
    bool digit = c >= '0' && c <= '9';
    memcpy(m, golden.data, n + 1);
    for (int k = 0; k < 2 && is_alnum(c); k++) {
        char other =
            (char)(digit ? ('0' + (c - '0' + 1 + (int)pr_rng_below(rng, 9)) % 10)
                         : (char)((c & 0x20 ? 'a' : 'A') +
                                  ((c | 0x20) - 'a' + 1 + (int)pr_rng_below(rng, 25)) % 26));
        m[i] = other;
        expect_wrong(s, m, n);
        m[i] = c;
    }
    m[i] = digit ? 'o' : '7';
    if (is_alnum(c))
        expect_wrong(s, m, n);
    m[i] = c;
    memmove(m + i, m + i + 1, n - i);
    expect_wrong(s, m, n - 1);
    memcpy(m, golden.data, i + 1);
    memcpy(m + i + 1, golden.data + i, n - i);
    if (is_alnum(c))
        expect_wrong(s, m, n + 1);
    memcpy(m, golden.data, n + 1);
    if (i + 1 < n && m[i] != m[i + 1]) {
        m[i] = m[i + 1];
        m[i + 1] = c;
        expect_wrong(s, m, n);
    }
}

/* Each whole number in it one more and one less. */
static void expect_near_misses_wrong(const struct pr_skill *s)
{
    for (const char *p = golden.data; *p;) {
        char *end;
        if (*p < '0' || *p > '9') {
            p++;
            continue;
        }
        long long x = strtoll(p, &end, 10);
        for (long long by = -1; by <= 1; by += 2) {
            pr_str_clear(&text);
            pr_str_append(&text, golden.data, (size_t)(p - golden.data));
            pr_str_printf(&text, "%lld%s", x + by, end);
            expect_wrong(s, text.data, text.len);
        }
        p = end;
    }
}

/* The golden answer with other signs, units and words around it; its items turned round. */
static void expect_dressed_wrong(const struct pr_skill *s)
{
    static const char *const dresses[] = {"-%s", "%s km", "%s%%", "%s0", "0%s", "1%s", "%s.5",
        "not %s", "%s %s", "%s or 7", "= %s", "%s?", "(%s", "-+%s", "%s-", "about %s", "%s,",
        ",%s"};
    for (size_t i = 0; i < sizeof dresses / sizeof *dresses; i++) {
        pr_str_clear(&text);
        for (const char *p = dresses[i]; *p; p++) {
            if (p[0] == '%' && p[1] == 's') {
                pr_str_puts(&text, golden.data);
                p++;
            } else if (p[0] != '%' || p[1] != '%') {
                pr_str_putc(&text, *p);
            }
        }
        /* "03 March 2021" is that date. */
        if (!strcmp(dresses[i], "0%s") && strchr(golden.data, ' '))
            continue;
        bool zero = !strcmp(golden.data, "0") && strspn(text.data, "-0") == text.len;
        if (!zero && strcmp(text.data, golden.data) != 0)
            expect_wrong(s, text.data, text.len);
    }
    const char *comma = strstr(golden.data, ", ");
    if (comma) {
        pr_str_clear(&text);
        pr_str_printf(&text, "%s, %.*s", comma + 2, (int)(comma - golden.data), golden.data);
        /* "y = 2, x = 1" says the same, and so may a date. */
        if (!strchr(golden.data, '='))
            expect_wrong(s, text.data, text.len);
    }
    expect_wrong(s, "", 0);
}

static void expect_mutants_wrong(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    (void)level;
    assert_true(golden.len + 8 < MAX_TEXT);
    /* Of a long answer a part each time. */
    size_t step = golden.len > 20 ? golden.len / 8 : 1;
    for (size_t i = step > 1 ? pr_rng_below(rng, step) : 0; i < golden.len; i += step)
        expect_changed_byte_wrong(s, i, rng);
    expect_near_misses_wrong(s);
    expect_dressed_wrong(s);
}

static void a_changed_answer_is_wrong(void **state)
{
    (void)state;
    n_refused = 0;
    for_all(n_problems(), expect_mutants_wrong);
    print_message("%lld wrong answers refused\n", n_refused);
}

/* ---- varying, slips ------------------------------------------------------------------------ */

static void expect_varied(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    struct pr_str other = PR_STR_INIT(MAX_TEXT), its = PR_STR_INIT(MAX_TEXT);
    if (!s->vary(rng, prompt.data, prompt.len, &other, &its))
        fail_msg("%s, level %d: '%s' is not varied", s->name, level, prompt.data);
    if (!strcmp(other.data, prompt.data))
        fail_msg("%s: '%s' is varied to itself", s->name, prompt.data);
    if (s->level(other.data, other.len) != level)
        fail_msg("%s: '%s' of level %d is varied to '%s' of level %d", s->name, prompt.data, level,
            other.data, s->level(other.data, other.len));
    pr_str_clear(&text);
    if (!s->solve(other.data, other.len, &text, NULL) || strcmp(text.data, its.data) != 0)
        fail_msg(
            "%s: '%s' → '%s' is solved '%s'", s->name, other.data, its.data, pr_str_cstr(&text));
    pr_str_done(&other);
    pr_str_done(&its);
}

static void a_variation_is_another_question_of_the_level(void **state)
{
    (void)state;
    for_all(n_problems(), expect_varied);
}

static bool is_pattern(const char *name)
{
    static const char *const names[] = {
#define PR_X(id, group, about) #id,
        PR_MISTAKES(PR_X)
#undef PR_X
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

static long long n_slips, n_without;

static void expect_slips_wrong(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    (void)level;
    (void)rng;
    struct pr_slips slips = {0};
    s->slips(prompt.data, prompt.len, &slips);
    for (size_t i = 0; i < slips.n; i++) {
        const struct pr_slip *x = &slips.v[i];
        if (!is_pattern(x->pattern))
            fail_msg("%s: no mistake is called '%s'", s->name, x->pattern);
        if (!*x->why || !*x->answer || right(s, x->answer, strlen(x->answer)))
            fail_msg("%s: '%s' is answered by the slip '%s' (%s)", s->name, prompt.data, x->answer,
                x->why);
    }
    n_slips += (long long)slips.n;
    n_without += !slips.n;
    pr_slips_done(&slips);
}

static void slips_are_wrong_answers_with_a_pattern_and_a_reason(void **state)
{
    (void)state;
    n_slips = n_without = 0;
    for_all(n_problems(), expect_slips_wrong);
    print_message("%lld slips, %lld questions without any\n", n_slips, n_without);
}

/* ---- hostile bytes, and what is promised --------------------------------------------------- */

static void feed(const struct pr_skill *s, struct pr_rng *rng, const char *p, size_t n)
{
    struct pr_slips slips = {0};
    char *own = pr_alloc(n ? n : 1);
    if (n)
        memcpy(own, p, n);
    pr_str_clear(&text);
    pr_str_clear(&working);
    bool solved = s->solve(own, n, &text, &working);
    if (!solved && (text.len || working.len))
        fail_msg("%s: what is not solved leaves '%s'", s->name, pr_str_cstr(&text));
    if (solved && !s->verify(own, n, text.data, text.len))
        fail_msg("%s: '%.*s' is not answered by its own '%s'", s->name, (int)n, p, text.data);
    if (solved != (s->level(own, n) > 0))
        fail_msg("%s: '%.*s' has an answer or a level alone", s->name, (int)n, p);
    s->verify(own, n, own, n);
    s->verify(prompt.data, prompt.len, own, n);
    s->slips(own, n, &slips);
    pr_str_clear(&text);
    pr_str_clear(&working);
    if (pr_rng_below(rng, 16) == 0)
        s->vary(rng, own, n, &text, &working);
    pr_slips_done(&slips);
    pr_free(own);
}

/* The question with some bytes changed, cut, or parts of it twice. */
static void expect_survived(const struct pr_skill *s, int level, struct pr_rng *rng)
{
    static const char bytes[] = "0123456789-+*/=,.: \n\"()[]{}<>|xyABab\x00\x80\xff";
    static char m[2 * MAX_TEXT];
    (void)level;
    memcpy(m, prompt.data, prompt.len);
    size_t n = prompt.len, changes = 1 + pr_rng_below(rng, 3);
    for (size_t i = 0; i < changes; i++)
        m[pr_rng_below(rng, n)] = bytes[pr_rng_below(rng, sizeof bytes - 1)];
    feed(s, rng, m, n);
    feed(s, rng, prompt.data, pr_rng_below(rng, prompt.len));
    size_t from = pr_rng_below(rng, prompt.len), len = pr_rng_below(rng, prompt.len - from);
    memcpy(m, prompt.data, prompt.len);
    memmove(m + from + len, m + from, n - from);
    feed(s, rng, m, n + len);
}

static void hostile_bytes_are_survived(void **state)
{
    (void)state;
    /* A table of one row cannot be varied by another row of it. */
    static const char one_row[] = "What is the age of Ada?\n\nname,age\nAda,7";
    struct pr_rng few;
    pr_rng_seed(&few, 1);
    pr_str_clear(&text);
    pr_str_clear(&working);
    pr_skill_find("tables")->vary(&few, one_row, sizeof one_row - 1, &text, &working);
    size_t n = n_problems();
    for_all(n > 1000 ? 1000 : n / 2 + 1, expect_survived);
}

/* Known facts, in the forms that people write, and what only looks like them. */
static void answers_are_taken_as_people_write_them(void **state)
{
    (void)state;
    static const struct {
        const char *skill, *prompt, *right, *wrong; /* several, with | between */
    } t[] = {
        {"word_problem", "Ada has 900 cards. Ada finds 334 more. How many cards does Ada have now?",
            "1234|1,234|+1234|1234 cards|1,234 Cards",
            "12,34|1234 card|1234 cats|01234|-1234|$1234"},
        {"word_problem", "Ada has 9 dollars. Ada spends 8 dollars. How much money has Ada got now?",
            "1|$1|1 dollar|1 dollars", "1 euro|$ 1 1|9"},
        {"equations", "Solve for x: 2x = 3", "3/2|6/4|1.5|x = 3/2|x=1.50",
            "3|2/3|y = 3/2|-3/2|3/0"},
        {"equations", "Solve for x: 4 - x = 6",
            "-2|\xe2\x88\x92"
            "2|x = -2|-4/2",
            "2|- 2|--2"},
        {"equations", "x + y = 5; x - y = 1; x = ?, y = ?",
            "x = 3, y = 2|y = 2, x = 3|3, 2|(3, 2)|x=3 and y=2",
            "2, 3|x = 2, y = 3|x = 3|3 2|3, y = 2"},
        {"sequences", "Continue 3, -1, -5, where all steps are equal.", "-9", "9|-8"},
        {"dates", "Add 1 days to 28 February 1900.",
            "1 March 1900|1900-03-01|March 1, 1900|1st of March 1900|01 mar 1900",
            "29 February 1900|1/3/1900|1 March|2 March 1900|1th March 1900|1900-3-1"},
        {"dates", "Add 1 days to 2000-02-28.", "2000-02-29|29 February 2000", "2000-03-01"},
        {"dates", "Which weekday is 1 January 2000?", "Saturday|saturday|Sat",
            "Sunday|S|Saturdays"},
        {"dates", "How many days after 1999-12-31 is 2001-01-01?", "367|367 days", "366|367 weeks"},
        {"strings", "abcab: replace a by z = ?", "zbczb|ZBCZB|\"zbczb\"", "zbcab|'zbczb'|zbczb."},
        {"strings", "abcab: capitalise vowels = ?", "AbcAb", "abcab|ABCAB"},
        {"hidden_words",
            "Syllables: ger, pal, ti, ne. Hidden: animal (5 letters); country (5 letters).",
            "tiger, nepal|Tiger and Nepal|tiger,nepal|tiger, and nepal",
            "nepal, tiger|tiger|tiger nepal|tiger, nepal,|tiger, nepal, tiger|ti-ger, nepal"},
        {"graph_paths", "A-B, B-C, C-D, A-D. Fewest edges from A to C?", "2|+2", "3|two|2.0"},
        {"graph_paths", "A>B, C>B. Can A reach C along the arrows?", "no|No", "yes|none|n"},
        {"tables", "Which name has the highest age?\n\nname,age\nAda,7\nBen,9", "Ben|ben", "Ada|9"},
        {"code_tracing", "Python:\nn = -7\nprint(n // 2, n % 3)\nprint(n)\n(prints what?)",
            "-4 2\n-7|-4 2 \n -7", "-3 2\n-7|-4 2 -7|-4, 2\n-7|-4 2"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const struct pr_skill *s = pr_skill_find(t[i].skill);
        pr_str_clear(&prompt);
        pr_str_puts(&prompt, t[i].prompt);
        for (int k = 0; k < 2; k++) {
            for (const char *p = k ? t[i].wrong : t[i].right; *p;) {
                size_t n = strcspn(p, "|");
                if (right(s, p, n) != !k)
                    fail_msg("%s: '%s' and '%.*s'", s->name, prompt.data, (int)n, p);
                p += n + (p[n] == '|');
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_made_is_solved_accepted_and_known_by_its_level),
        cmocka_unit_test(a_changed_answer_is_wrong),
        cmocka_unit_test(a_variation_is_another_question_of_the_level),
        cmocka_unit_test(slips_are_wrong_answers_with_a_pattern_and_a_reason),
        cmocka_unit_test(hostile_bytes_are_survived),
        cmocka_unit_test(answers_are_taken_as_people_write_them),
    };
    prompt = PR_STR_INIT(MAX_TEXT - 1);
    golden = PR_STR_INIT(MAX_TEXT - 1);
    text = PR_STR_INIT(4 * MAX_TEXT);
    working = PR_STR_INIT(1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pr_str_done(&prompt);
    pr_str_done(&golden);
    pr_str_done(&text);
    pr_str_done(&working);
    return failed;
}
