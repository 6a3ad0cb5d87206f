/* Text from tokens, one at a time.
 *
 * A token's text may depend on the one before it (a decoder may leave out a space) and may end
 * within a character.  So the text of the last tokens is made with those before them, and again
 * without the last; what it is longer by is new, once it does not end in a replacement character.
 */
#include "serve/text.h"

#include <string.h>

#include "base/alloc.h"

#define MAX_TEXT ((size_t)64 << 20)
#define MAX_OPEN 64 /* tokens that are taken for one unfinished character at most */

void pr_serve_text_init(struct pr_serve_text *t, const struct pr_tokenizer *tokenizer,
    const char *const *stop, size_t n_stop)
{
    *t = (struct pr_serve_text){
        .tokenizer = tokenizer, .stop = stop, .n_stop = n_stop, .held = PR_STR_INIT(MAX_TEXT)};
}

void pr_serve_text_done(struct pr_serve_text *t)
{
    pr_ids_done(&t->ids);
    pr_str_done(&t->held);
}

static bool is_open(const struct pr_str *s)
{
    return s->len >= 3 && !memcmp(s->data + s->len - 3, "\xef\xbf\xbd", 3);
}

/* Appends to held what the ids behind `read` add; `all`: even an unfinished character. */
static enum pr_code take_new(struct pr_serve_text *t, bool all, struct pr_error *e)
{
    struct pr_str before = PR_STR_INIT(MAX_TEXT), now = PR_STR_INIT(MAX_TEXT);
    enum pr_code code = pr_tokenizer_decode(t->tokenizer, t->ids.v, t->read, true, &before, e);
    if (!code)
        code = pr_tokenizer_decode(t->tokenizer, t->ids.v, t->ids.n, true, &now, e);
    bool open = !all && is_open(&now) && t->ids.n - t->read < MAX_OPEN;
    if (!code && !open) {
        if (now.len > before.len)
            pr_str_append(&t->held, now.data + before.len, now.len - before.len);
        /* The window becomes those that were read just now. */
        memmove(t->ids.v, t->ids.v + t->read, (t->ids.n - t->read) * sizeof *t->ids.v);
        t->ids.n -= t->read;
        t->read = t->ids.n;
    }
    pr_str_done(&before);
    pr_str_done(&now);
    return code;
}

/* Where the first stop text begins; held.len: none is there. */
static size_t find_stop(const struct pr_serve_text *t)
{
    size_t at = t->held.len;
    for (size_t i = 0; i < t->n_stop && t->held.len; i++) {
        const char *found = memmem(t->held.data, t->held.len, t->stop[i], strlen(t->stop[i]));
        if (found && (size_t)(found - t->held.data) < at)
            at = (size_t)(found - t->held.data);
    }
    return at;
}

/* Bytes at the end of held that a stop text begins with. */
static size_t begun(const struct pr_serve_text *t)
{
    size_t most = 0;
    for (size_t i = 0; i < t->n_stop; i++) {
        size_t n = strlen(t->stop[i]) - 1;
        n = n < t->held.len ? n : t->held.len;
        while (n > most && memcmp(t->held.data + t->held.len - n, t->stop[i], n) != 0)
            n--;
        most = n > most ? n : most;
    }
    return most;
}

static void give(struct pr_serve_text *t, size_t n, struct pr_str *out)
{
    if (!n)
        return;
    pr_str_append(out, t->held.data, n);
    memmove(t->held.data, t->held.data + n, t->held.len - n);
    t->held.len -= n;
}

static void give_until_stop(struct pr_serve_text *t, bool all, struct pr_str *out)
{
    size_t at = find_stop(t);
    if (at < t->held.len) {
        t->stopped = true;
        give(t, at, out);
        pr_str_clear(&t->held);
    } else {
        give(t, t->held.len - (all ? 0 : begun(t)), out);
    }
}

enum pr_code pr_serve_text_add(
    struct pr_serve_text *t, int32_t id, struct pr_str *out, bool *ret_goes_on, struct pr_error *e)
{
    *ret_goes_on = false;
    if (t->stopped)
        return PR_OK;
    pr_ids_push(&t->ids, id);
    enum pr_code code = take_new(t, false, e);
    if (!code)
        give_until_stop(t, false, out);
    *ret_goes_on = !t->stopped;
    return code;
}

enum pr_code pr_serve_text_end(struct pr_serve_text *t, struct pr_str *out, struct pr_error *e)
{
    if (t->stopped)
        return PR_OK;
    enum pr_code code = t->ids.n > t->read ? take_new(t, true, e) : PR_OK;
    if (!code)
        give_until_stop(t, true, out);
    return code;
}
