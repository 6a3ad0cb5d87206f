/* A correction as a conversation: the question with the wrong answer, and what was wrong with it.
 *
 * What is said about the error is what is known of it: the recogniser's reason, and, where a skill
 * knows the question, its own working with the numbers of this question.  Nothing else is claimed.
 * Runs of fixed words are shorter than what contamination is found by (queue/known.h), so that two
 * corrections are no copies of each other. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "systems/self_correction.h"

#define MAX_TEXT    ((size_t)1 << 20)
#define MAX_ANSWER  1500 /* bytes of a wrong answer that are quoted */
#define MAX_IN_LINE 60   /* a longer answer is not repeated within a sentence */

/* ---- the wrong answer ---- */

/* Marks of templates and of thinking would mean something else in a training file. */
static size_t mark_at(const char *s, size_t n, const char **ret_as)
{
    static const struct {
        const char *mark, *as;
    } marks[] = {{"<think>", "(thinking:) "}, {"</think>", " (end of thinking) "}};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        size_t m = strlen(marks[i].mark);
        if (n >= m && !memcmp(s, marks[i].mark, m)) {
            *ret_as = marks[i].as;
            return m;
        }
    }
    *ret_as = "";
    if (n < 4 || s[0] != '<' || s[1] != '|')
        return 0;
    for (size_t i = 2; i + 1 < n && i < 40 && s[i] != '\n' && s[i] != ' '; i++)
        if (s[i] == '|' && s[i + 1] == '>')
            return i + 2;
    return 0;
}

static void put_clean(struct pr_str *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        const char *as;
        size_t m = mark_at(s + i, n - i, &as);
        if (m)
            pr_str_puts(out, as);
        else if ((unsigned char)s[i] >= ' ' || s[i] == '\n' || s[i] == '\t')
            pr_str_putc(out, s[i]);
        i += m ? m : 1;
    }
}

char *pr_correction_answer(const struct pr_grade *g)
{
    struct pr_str valid = PR_STR_INIT((size_t)1 << 26), clean = PR_STR_INIT((size_t)1 << 26);
    char shown[MAX_ANSWER];
    size_t n;
    if (g->answer)
        pr_utf8_append_lossy(&valid, g->answer, g->answer_len);
    else if (g->output)
        pr_utf8_append_lossy(&valid, g->output, g->output_len);
    put_clean(&clean, pr_str_cstr(&valid), valid.len);
    const char *trimmed = pr_utf8_trim(pr_str_cstr(&clean), clean.len, &n);
    char *text = pr_strndup(trimmed, n);
    pr_utf8_shorten(text, shown, sizeof shown);
    pr_free(text);
    pr_str_done(&valid);
    pr_str_done(&clean);
    return pr_strdup(shown);
}

void pr_correction_id(const struct pr_queue_error *x, char ret[40])
{
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX], *answer = pr_correction_answer(x->grade);
    struct pr_sha256 *h = pr_sha256_new();
    const char *id = x->grade->example->id;
    pr_sha256_update(h, id, strlen(id) + 1);
    pr_sha256_update(h, answer, strlen(answer));
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, hex);
    snprintf(ret, 40, "correction-%.16s", hex);
    pr_free(answer);
}

/* ---- the user's turn ---- */

static const struct {
    const char *before, *between, *after; /* question, answer */
} requests[] = {
    {"", "\n\nSomeone answered:\n", "\n\nFind the error and correct it."},
    {"", "\n\nThis answer was given:\n", "\n\nIt is wrong. Where is the mistake?"},
    {"Question:\n", "\n\nWrong answer:\n", "\n\nExplain the error, then answer."},
    {"", "\n\nA student wrote:\n", "\n\nCheck it and put it right."},
    {"Here is a problem.\n\n", "\n\nA first attempt was:\n", "\n\nWhat went wrong?"},
};
static const struct {
    const char *before, *after;
} unanswered[] = {
    {"", "\n\nNo answer was given. Answer it."},
    {"Question:\n", "\n\nThis was left unanswered. What is right?"},
    {"", "\n\nA student left this empty. Help out."},
};

static void put_request(
    struct pr_str *out, struct pr_text question, const char *answer, uint64_t pick)
{
    bool has = *answer;
    size_t k =
        pick % (has ? sizeof requests / sizeof *requests : sizeof unanswered / sizeof *unanswered);
    pr_str_puts(out, has ? requests[k].before : unanswered[k].before);
    pr_str_append(out, question.s, question.n);
    if (has) {
        pr_str_puts(out, requests[k].between);
        pr_str_puts(out, answer);
    }
    pr_str_puts(out, has ? requests[k].after : unanswered[k].after);
}

/* ---- the assistant's turn ---- */

static const char *const verdicts[] = {
    " is not right.", " is wrong.", " cannot be right.", " is a mistake."};
static const char *const stepwise[] = {
    "Step by step:", "Worked through:", "The right way:", "Done carefully:"};
static const char *const endings[] = {
    "So the answer is:", "Right is:", "The right answer:", "Therefore:"};

static void put_sentence(struct pr_str *out, const char *s)
{
    size_t n = strlen(s);
    if (!n)
        return;
    pr_str_putc(out, (char)(s[0] >= 'a' && s[0] <= 'z' ? s[0] - 'a' + 'A' : s[0]));
    pr_str_puts(out, s + 1);
    if (!strchr(".!?", s[n - 1]))
        pr_str_putc(out, '.');
}

/* What is known of the error, in words. */
static void put_error(
    struct pr_str *out, const struct pr_queue_error *x, const char *answer, uint64_t pick)
{
    bool known = x->found.why && *x->found.why;
    if (*answer && strlen(answer) <= MAX_IN_LINE && !strchr(answer, '\n'))
        pr_str_printf(
            out, "“%s”%s ", answer, verdicts[pick % (sizeof verdicts / sizeof *verdicts)]);
    else if (*answer)
        pr_str_puts(out, "That is not right. ");
    if (known)
        put_sentence(out, x->found.why);
    else if (x->found.pattern != PR_MISTAKE_IS_other)
        pr_str_printf(out, "The kind of error: %s.", pr_mistake_about(x->found.pattern));
}

static bool put_working(struct pr_str *out, const struct pr_queue_error *x, uint64_t pick)
{
    struct pr_text q = pr_example_question(x->grade->example);
    struct pr_str working = PR_STR_INIT(MAX_TEXT);
    bool known = x->skill && x->skill->solve && x->skill->solve(q.s, q.n, NULL, &working);
    size_t n;
    const char *text = pr_utf8_trim(pr_str_cstr(&working), working.len, &n);
    if (known && n) {
        pr_str_printf(out, "\n\n%s\n", stepwise[pick % (sizeof stepwise / sizeof *stepwise)]);
        pr_str_append(out, text, n);
    }
    pr_str_done(&working);
    return known && n;
}

static void put_analysis(struct pr_str *out, const struct pr_queue_error *x, const char *answer,
    struct pr_text golden, uint64_t pick)
{
    put_error(out, x, answer, pick);
    put_working(out, x, pick / 4);
    pr_str_printf(out, "%s%s\n", out->len ? "\n\n" : "",
        endings[pick / 16 % (sizeof endings / sizeof *endings)]);
    pr_str_append(out, golden.s, golden.n);
}

/* ---- the line ---- */

/* The conversation before the question stays. */
static json_t *conversation(const struct pr_example *x, const char *request, const char *analysis)
{
    json_t *list = json_array(), *turn;
    size_t i, n = json_array_size(x->messages);
    json_array_foreach (x->messages, i, turn)
        if (i + 1 < n)
            json_array_append(list, turn);
    const char *const roles[] = {"user", "assistant"}, *const texts[] = {request, analysis};
    for (size_t k = 0; k < 2; k++) {
        json_t *o = json_object();
        pr_json_set_str(o, "role", roles[k]);
        pr_json_set_str(o, "content", texts[k]);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *provenance(
    const struct pr_queue_error *x, const struct pr_checkpoint_row *c, const char *answer)
{
    json_t *o = json_object(), *from = json_object();
    pr_json_set_str(o, "checkpoint", c->name);
    pr_json_set_int(o, "step", c->step);
    pr_json_set_str(from, "id", x->grade->example->id);
    pr_json_set_str(from, "file", x->file);
    pr_json_set_int(from, "line", x->line);
    pr_json_set(o, "from", from);
    pr_json_set_str(o, "model_answer", answer);
    pr_json_set_real(o, "confidence", x->grade->confidence, "not known");
    return o;
}

static uint64_t number_of(const char *id)
{
    uint8_t digest[PR_SHA256_LEN];
    uint64_t x = 0;
    pr_sha256(id, strlen(id), digest);
    for (size_t i = 0; i < 8; i++)
        x = x << 8 | digest[i];
    return x;
}

json_t *pr_correction_line(
    const struct pr_queue_error *x, const struct pr_checkpoint_row *c, const char *id)
{
    const struct pr_example *ex = x->grade->example;
    struct pr_text q = pr_example_question(ex);
    bool has, closed;
    struct pr_text golden = pr_think_split(ex->golden, &has, &closed);
    if (x->skill && !x->skill->verify(q.s, q.n, golden.s, golden.n))
        return NULL;
    struct pr_str request = PR_STR_INIT(MAX_TEXT), analysis = PR_STR_INIT(MAX_TEXT);
    char *answer = pr_correction_answer(x->grade);
    uint64_t pick = number_of(id);
    put_request(&request, q, answer, pick / 1024);
    put_analysis(&analysis, x, answer, golden, pick);
    json_t *o = NULL;
    if (!request.over && !analysis.over && golden.n) {
        o = json_object();
        pr_json_set(o, "messages", conversation(ex, pr_str_cstr(&request), pr_str_cstr(&analysis)));
        pr_json_set_str(o, "id", id);
        if (x->of_skill)
            pr_json_set_str(o, "skill", x->of);
        pr_json_set_str(o, "difficulty", x->difficulty);
        pr_json_set_str(o, "pattern", pr_mistake_name(x->found.pattern));
        pr_json_set(o, "correction", provenance(x, c, answer));
    }
    pr_free(answer);
    pr_str_done(&request);
    pr_str_done(&analysis);
    return o;
}
