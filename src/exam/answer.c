/* From generated tokens to an answer: the think block split off, confidences, truncation. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "exam/grade.h"

#define MAX_TEXT  ((size_t)1 << 30)
#define THINK_END "</think>"

static double confidence_of(const float *logprobs, size_t from, size_t n)
{
    double sum = 0;
    for (size_t i = from; i < n; i++)
        sum += (double)logprobs[i];
    /* A log-probability may round to a little above 0. */
    return n > from ? fmin(1, exp(sum / (double)(n - from))) : NAN;
}

static enum pr_code decode(const struct pr_tokenizer *t, const int32_t *ids, size_t n,
    bool skip_special, struct pr_str *out, struct pr_error *e)
{
    *out = PR_STR_INIT(MAX_TEXT);
    return pr_tokenizer_decode(t, ids, n, skip_special, out, e);
}

/* How many tokens it takes until the text holds "</think>"; found by halving, since once it is
 * there it stays.  ret_rest gets what the last of these tokens says after it. */
static enum pr_code think_tokens(const struct pr_tokenizer *t, const int32_t *ids, size_t n,
    size_t *ret, struct pr_str *ret_rest, struct pr_error *e)
{
    size_t lo = 0, hi = n; /* the text of lo tokens lacks it, that of hi has it */
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        struct pr_str text;
        enum pr_code code = decode(t, ids, mid, false, &text, e);
        bool has = memmem(pr_str_cstr(&text), text.len, THINK_END, sizeof THINK_END - 1);
        pr_str_done(&text);
        if (code)
            return code;
        *(has ? &hi : &lo) = mid;
    }
    struct pr_str text;
    enum pr_code code = decode(t, ids, hi, false, &text, e);
    const char *end = memmem(pr_str_cstr(&text), text.len, THINK_END, sizeof THINK_END - 1);
    if (!code && end) {
        end += sizeof THINK_END - 1;
        pr_str_append(ret_rest, end, text.len - (size_t)(end - text.data));
    }
    pr_str_done(&text);
    *ret = hi;
    return code;
}

/* The output's think block, where the prompt may have opened it already. */
static bool has_think(const struct pr_str *text, bool think_open, bool *ret_closed)
{
    bool has;
    if (think_open) {
        *ret_closed = memmem(pr_str_cstr(text), text->len, THINK_END, sizeof THINK_END - 1);
        return true;
    }
    (void)pr_think_split((struct pr_text){pr_str_cstr(text), text->len}, &has, ret_closed);
    return has;
}

enum pr_code pr_answer_read(const struct pr_tokenizer *t, const int32_t *ids, const float *logprobs,
    size_t n, enum pr_finish finish, bool think_open, struct pr_grade *g, struct pr_error *e)
{
    struct pr_str all = {0}, rest = PR_STR_INIT(MAX_TEXT), tail = {0};
    size_t body = n - (finish == PR_FINISH_STOP && n), from = 0, len;
    bool closed = false;
    enum pr_code code = decode(t, ids, body, false, &all, e);
    if (code)
        goto out;
    g->think = has_think(&all, think_open, &closed);
    if (g->think && closed && (code = think_tokens(t, ids, body, &from, &rest, e)))
        goto out;
    g->output_tokens = n;
    g->finish = finish == PR_FINISH_STOP ? "stop" : "length";
    g->truncated = finish != PR_FINISH_STOP || (g->think && !closed);
    g->confidence_all = confidence_of(logprobs, 0, n);
    g->confidence = g->think && !closed ? NAN : confidence_of(logprobs, from, n);
    if ((code = decode(t, ids + from, body - from, true, &tail, e)))
        goto out;
    pr_str_append(&rest, pr_str_cstr(&tail), tail.len);
    const char *s = pr_str_cstr(&rest);
    pr_utf8_trim(s, rest.len, &len);
    g->empty = !g->truncated && !len;
    if (!g->truncated) {
        /* After a think block its line breaks go too; else the answer stays as it is. */
        const char *start = g->think && len ? pr_utf8_trim(s, rest.len, &len) : s;
        g->answer_len = rest.len - (size_t)(start - s);
        g->answer = pr_strndup(start, g->answer_len);
        g->well_formed =
            pr_check_well_formed(&g->example->check, (struct pr_text){g->answer, g->answer_len});
    }
    g->output_len = all.len;
    g->output = pr_str_take(&all);
out:
    pr_str_done(&all);
    pr_str_done(&rest);
    pr_str_done(&tail);
    return code;
}
