/* What people see on a terminal. */
#include "cli/term.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/utf8.h"

#define BAR_EVERY_NS  100000000LL  /* a terminal */
#define LINE_EVERY_NS 5000000000LL /* a log */

static bool bar_shown; /* one bar at most, in the main thread */

bool pr_term_is(int fd)
{
    return isatty(fd) == 1;
}

size_t pr_term_width(int fd)
{
    struct winsize w;
    if (!pr_term_is(fd) || ioctl(fd, TIOCGWINSZ, &w) || !w.ws_col)
        return 100;
    return w.ws_col < 40 ? 40 : w.ws_col > 200 ? 200 : w.ws_col;
}

size_t pr_term_height(int fd)
{
    struct winsize w;
    if (!pr_term_is(fd) || ioctl(fd, TIOCGWINSZ, &w) || !w.ws_row)
        return 40;
    return w.ws_row < 5 ? 5 : w.ws_row;
}

static void to_stderr(const char *s, size_t n)
{
    while (n) {
        ssize_t w = write(2, s, n);
        if (w <= 0)
            return; /* nobody is left to tell */
        s += w;
        n -= (size_t)w;
    }
}

static void clear_bar(void)
{
    if (bar_shown)
        to_stderr("\r\033[K", 4);
    bar_shown = false;
}

void pr_say(const char *command, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    struct pr_str line = PR_STR_INIT(1 << 16);
    pr_str_printf(&line, "proctor%s%s: ", command ? " " : "", command ? command : "");
    pr_term_clean(&line, text, strlen(text), 0);
    pr_str_putc(&line, '\n');
    clear_bar();
    to_stderr(pr_str_cstr(&line), line.len);
    pr_str_done(&line);
}

/* Characters that move the cursor, change colours, or make text read in another order. */
static bool is_hostile(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xad;
}

static size_t width_of(uint32_t c)
{
    if (c < 0x300)
        return 1;
    bool wide = (c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0x303e) ||
                (c >= 0x3041 && c <= 0xa4cf) || (c >= 0xac00 && c <= 0xd7a3) ||
                (c >= 0xf900 && c <= 0xfaff) || (c >= 0xfe30 && c <= 0xfe6f) ||
                (c >= 0xff00 && c <= 0xff60) || (c >= 0xffe0 && c <= 0xffe6) ||
                (c >= 0x1f300 && c <= 0x1faff) || (c >= 0x20000 && c <= 0x3fffd);
    bool none = (c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) ||
                (c >= 0x20d0 && c <= 0x20ff) || (c >= 0xfe00 && c <= 0xfe0f) ||
                (c >= 0xfe20 && c <= 0xfe2f);
    return wide ? 2 : none ? 0 : 1;
}

size_t pr_term_columns(const char *text, size_t n)
{
    size_t columns = 0;
    uint32_t c;
    for (size_t i = 0; i < n; columns += width_of(c))
        i += pr_utf8_decode(text + i, &c);
    return columns;
}

void pr_term_clean(struct pr_str *out, const char *text, size_t n, size_t max_columns)
{
    struct pr_str valid = PR_STR_INIT(3 * n + 8);
    pr_utf8_append_lossy(&valid, text, n);
    const char *s = pr_str_cstr(&valid);
    bool blank = false;
    struct pr_str clean = PR_STR_INIT(3 * n + 8);
    for (size_t i = 0; i < valid.len;) {
        uint32_t c;
        size_t len = pr_utf8_decode(s + i, &c);
        bool space = pr_utf8_is_space(c);
        if (space && !blank)
            pr_str_putc(&clean, ' ');
        else if (!space && is_hostile(c))
            pr_str_putc(&clean, '?');
        else if (!space)
            pr_str_append(&clean, s + i, len);
        blank = space;
        i += len;
    }
    s = pr_str_cstr(&clean);
    size_t keep = clean.len;
    if (max_columns && pr_term_columns(s, clean.len) > max_columns) {
        size_t at = 0;
        uint32_t c;
        for (keep = 0; keep < clean.len;) {
            size_t len = pr_utf8_decode(s + keep, &c);
            if (at + width_of(c) > max_columns - 1)
                break;
            at += width_of(c);
            keep += len;
        }
    }
    pr_str_append(out, s, keep);
    if (keep < clean.len)
        pr_str_puts(out, "…");
    pr_str_done(&clean);
    pr_str_done(&valid);
}

void pr_progress_start(struct pr_progress *p, const char *label, bool quiet)
{
    long long now = pr_clock_monotonic_ns();
    *p = (struct pr_progress){
        .label = label, .off = quiet, .tty = pr_term_is(2), .start_ns = now, .shown_ns = now};
}

/* "1:05:09", "3:07" */
static void put_time(struct pr_str *out, double seconds)
{
    long long s = seconds > 0 && seconds < 1e9 ? llround(seconds) : 0;
    if (s >= 3600)
        pr_str_printf(out, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        pr_str_printf(out, "%lld:%02lld", s / 60, s % 60);
}

static void put_bar(struct pr_str *out, double share)
{
    enum { CELLS = 24 };
    int full = (int)(share * CELLS);
    pr_str_puts(out, " [");
    for (int i = 0; i < CELLS; i++)
        pr_str_putc(out, i < full ? '=' : i == full ? '>' : ' ');
    pr_str_putc(out, ']');
}

/* Over the last one on a terminal, else as a line of its own. */
static void show_line(const struct pr_progress *p, struct pr_str *line)
{
    if (p->tty)
        to_stderr("\r", 1);
    pr_str_puts(line, p->tty ? "\033[K" : "\n");
    to_stderr(pr_str_cstr(line), line->len);
    bar_shown |= p->tty;
}

void pr_progress_show(
    struct pr_progress *p, double done, double total, double count, const char *rate_unit)
{
    long long now = pr_clock_monotonic_ns();
    if (p->off || now - p->shown_ns < (p->tty ? BAR_EVERY_NS : LINE_EVERY_NS))
        return;
    p->shown_ns = now;
    /* An estimate of the whole may shrink or grow; what is shown never goes back. */
    if (done < p->last_done)
        done = p->last_done;
    p->last_done = done;
    double seconds = (double)(now - p->start_ns) / 1e9;
    double share = total > 0 ? fmin(done / total, 1) : -1;
    struct pr_str line = PR_STR_INIT(8192);
    size_t width = pr_term_width(2);
    pr_term_clean(&line, p->label, strlen(p->label), p->tty ? width / 3 : 0);
    if (share >= 0 && p->tty && width >= 80)
        put_bar(&line, share);
    if (share >= 0)
        pr_str_printf(&line, " %3.0f%%", floor(100 * share));
    if (count > 0 && seconds > 0)
        pr_str_printf(&line, "  %.*f %s/s", count / seconds < 10, count / seconds, rate_unit);
    if (share > 0) {
        pr_str_puts(&line, "  ");
        put_time(&line, seconds / share * (1 - share));
        pr_str_puts(&line, " left");
    }
    show_line(p, &line);
    pr_str_done(&line);
}

void pr_progress_end(struct pr_progress *p)
{
    (void)p;
    clear_bar();
}
