/* Standard output. */
#include "cli/output.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/term.h"

static enum { OPEN, CLOSED, FAILED } state;

bool pr_out_text(const char *text, size_t n)
{
    while (n && state == OPEN) {
        ssize_t w = write(1, text, n);
        if (w >= 0) {
            text += w;
            n -= (size_t)w;
        } else if (errno == EAGAIN) { /* a pipe that someone made non-blocking */
            struct pollfd p = {.fd = 1, .events = POLLOUT};
            poll(&p, 1, -1);
        } else if (errno == EPIPE) {
            state = CLOSED;
        } else if (errno != EINTR) {
            pr_say(NULL, "standard output: %s", strerror(errno));
            state = FAILED;
        }
    }
    return state == OPEN;
}

/* The escape for a line separator at s, and its length in bytes; NULL for anything else. */
static const char *separator(const char *s, size_t left, size_t *ret_len)
{
    static const struct {
        const char *bytes, *escape;
    } separators[] = {
        {"\xc2\x85", "\\u0085"}, {"\xe2\x80\xa8", "\\u2028"}, {"\xe2\x80\xa9", "\\u2029"}};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(separators[i].bytes);
        if (left >= n && !memcmp(s, separators[i].bytes, n)) {
            *ret_len = n;
            return separators[i].escape;
        }
    }
    return NULL;
}

bool pr_out_line(const char *json, size_t n)
{
    struct pr_str line = PR_STR_INIT(SIZE_MAX / 2);
    size_t from = 0, len;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)json[i];
        const char *escape = c == 0xc2 || c == 0xe2 ? separator(json + i, n - i, &len) : NULL;
        if (!escape)
            continue;
        pr_str_append(&line, json + from, i - from);
        pr_str_puts(&line, escape);
        from = i + len;
    }
    pr_str_append(&line, json + from, n - from);
    pr_str_putc(&line, '\n');
    bool open = pr_out_text(pr_str_cstr(&line), line.len);
    pr_str_done(&line);
    return open;
}

bool pr_out_json(const json_t *document)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 32);
    pr_json_dump(document, 0, 0, &text);
    bool open = pr_out_line(pr_str_cstr(&text), text.len);
    pr_str_done(&text);
    return open;
}

bool pr_out_open(void)
{
    return state == OPEN;
}

int pr_out_status(int status)
{
    return state == FAILED && status == PR_EXIT_OK ? PR_EXIT_REFUSED : status;
}
