/* Standard output. */
#include "cli/output.h"

#include <errno.h>
#include <poll.h>
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

bool pr_out_json(const json_t *document)
{
    struct pr_str line = PR_STR_INIT((size_t)1 << 32);
    pr_json_dump(document, 0, 0, &line);
    pr_str_putc(&line, '\n');
    bool open = pr_out_text(pr_str_cstr(&line), line.len);
    pr_str_done(&line);
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
