/* Standard input, line by line, without waiting longer than a batch is worth. */
#include "cli/input.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "cli/interrupt.h"

void pr_input_init(struct pr_input *in)
{
    struct stat st;
    *in = (struct pr_input){0};
    pr_lines_init(&in->lines, 0, PR_INPUT_MAX_LINE);
    if (!fstat(0, &st) && S_ISREG(st.st_mode))
        in->size = (double)st.st_size;
}

void pr_input_done(struct pr_input *in)
{
    pr_lines_done(&in->lines);
}

/* Is a line there (or the end), waiting for it if asked?  A line of which only a part has come
 * counts as there: its rest is on the way. */
static bool ready(const struct pr_input *in, bool wait)
{
    const struct pr_lines *l = &in->lines;
    size_t have = l->buf.len - l->start;
    if (l->eof || (have && memchr(l->buf.data + l->start, '\n', have)))
        return true;
    struct pollfd p[2] = {{.fd = 0, .events = POLLIN}, {.fd = pr_interrupt_fd(), .events = POLLIN}};
    for (;;) {
        int n = poll(p, 2, wait ? -1 : 0);
        if (pr_interrupted())
            return false;
        if (n >= 0 || errno != EINTR)
            return p[0].revents != 0 || n < 0;
    }
}

static bool is_blank(const char *s, size_t n)
{
    return strspn(s, " \t\r") == n;
}

static void parse(struct pr_input_line *line)
{
    if (pr_json_parse(line->text, line->len, PR_JSON_LENIENT, NULL, &line->row, NULL, &line->error))
        return;
    if (!json_is_object(line->row)) {
        pr_fail(&line->error, PR_E_FORMAT, "the line is %s, an object was expected",
            pr_json_type_name(line->row));
        json_decref(line->row);
        line->row = NULL;
    }
}

enum pr_code pr_input_batch(
    struct pr_input *in, struct pr_input_line *lines, size_t max, size_t *ret_n, struct pr_error *e)
{
    size_t n = 0;
    while (n < max && !in->ended && !pr_interrupted() && ready(in, n == 0)) {
        char *text = NULL;
        size_t len = 0;
        enum pr_line what = pr_lines_next(&in->lines, &text, &len, e);
        if (what == PR_LINE_ERROR)
            return pr_wrap(e, e->code, "standard input");
        in->ended = what == PR_LINE_END;
        if (in->ended || (what == PR_LINE_OK && is_blank(text, len)))
            continue;
        struct pr_input_line *line = &lines[n++];
        *line = (struct pr_input_line){.number = in->lines.number};
        in->read += (double)len + 1;
        if (what == PR_LINE_TOO_LONG) {
            pr_fail(&line->error, PR_E_LIMIT, "longer than %zu bytes", PR_INPUT_MAX_LINE);
            continue;
        }
        if (line->number == 1 && len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) {
            text += 3; /* a byte order mark */
            len -= 3;
        }
        line->text = pr_strndup(text, len);
        line->len = len;
        parse(line);
    }
    *ret_n = n;
    return PR_OK;
}

void pr_input_line_done(struct pr_input_line *line)
{
    pr_free(line->text);
    json_decref(line->row);
    *line = (struct pr_input_line){0};
}
