/* email: a message (RFC 5322) on the stdin of a program such as sendmail -t. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "daemon/channels.h"

#define LINES    50
#define MAX_TEXT 20000
#define COLUMNS  76  /* bytes; a word may be longer */
#define LONGEST  900 /* a line of a message has 998 at most */

static bool is_ascii(const char *s)
{
    for (; *s; s++)
        if (*s < ' ' || (unsigned char)*s >= 0x7f)
            return false;
    return true;
}

static void put_base64(struct pr_str *out, const char *s, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        size_t k = n - i;
        unsigned v = (unsigned)(unsigned char)s[i] << 16;
        v |= k > 1 ? (unsigned)(unsigned char)s[i + 1] << 8 : 0;
        v |= k > 2 ? (unsigned)(unsigned char)s[i + 2] : 0;
        pr_str_putc(out, digits[v >> 18]);
        pr_str_putc(out, digits[v >> 12 & 63]);
        pr_str_putc(out, k > 1 ? digits[v >> 6 & 63] : '=');
        pr_str_putc(out, k > 2 ? digits[v & 63] : '=');
    }
}

/* Encoded words of at most 75 characters, a line each; whole characters in each of them. */
static void put_subject(struct pr_str *out, const char *s)
{
    pr_str_puts(out, "Subject: ");
    if (is_ascii(s)) {
        pr_str_puts(out, s);
        pr_str_puts(out, "\n");
        return;
    }
    for (size_t n = strlen(s), i = 0; i < n;) {
        size_t take = 0;
        while (i + take < n) {
            uint32_t c;
            size_t k = pr_utf8_decode(s + i + take, &c);
            if (take + k > 42)
                break;
            take += k;
        }
        pr_str_puts(out, i ? " =?UTF-8?B?" : "=?UTF-8?B?");
        put_base64(out, s + i, take);
        pr_str_puts(out, "?=\n");
        i += take;
    }
}

static void put_date(struct pr_str *out, int64_t ms)
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    pr_str_printf(out, "Date: %.3s, %d %.3s %d %02d:%02d:%02d +0000\n", days + 3 * tm.tm_wday,
        tm.tm_mday, months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* Messages about one alert refer to one that never was, so that a mail program shows them as one
 * conversation; one that was sent twice has one id. */
static void put_ids(struct pr_str *out, const struct pr_message *m)
{
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    const struct pr_notice *n = &m->v[0];
    pr_sha256(m->machine, strlen(m->machine), digest);
    pr_sha256_hex(digest, hex);
    pr_str_printf(out, "Message-ID: <%lld.%lld.%lld@%.16s.proctor>\n", (long long)n->alert,
        (long long)n->delivery, (long long)(n->delivery ? n->raised_ms : m->now_ms), hex);
    if (n->alert && m->n == 1)
        pr_str_printf(out, "References: <%lld.%lld@%.16s.proctor>\n", (long long)n->alert,
            (long long)n->raised_ms, hex);
}

/* A line, broken at spaces; a lone "." would end the message for sendmail. */
static void put_wrapped(struct pr_str *out, const char *line, size_t n)
{
    while (n) {
        size_t take = n;
        if (n > COLUMNS) {
            for (take = COLUMNS; take && line[take] != ' '; take--)
                ;
            if (!take)
                for (take = COLUMNS; take < n && take < LONGEST && line[take] != ' '; take++)
                    ;
            while (take < n && ((unsigned char)line[take] & 0xc0) == 0x80)
                take--;
        }
        pr_str_append(out, line, take);
        pr_str_puts(out, take == 1 && *line == '.' ? " \n" : "\n");
        while (take < n && line[take] == ' ')
            take++;
        line += take;
        n -= take;
    }
}

static void put_body(struct pr_str *out, const struct pr_message *m)
{
    char at[32], *text = pr_message_text(m, LINES, MAX_TEXT);
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\n");
        put_wrapped(out, line, n);
        line += line[n] ? n + 1 : n;
    }
    pr_clock_iso8601(m->v[0].raised_ms, at);
    pr_str_printf(out, "\nsince    %s\n", at);
    if (m->v[0].kind == PR_DELIVERY_RESOLVED) {
        pr_clock_iso8601(m->v[0].cleared_ms, at);
        pr_str_printf(out, "until    %s\n", at);
    }
    pr_str_puts(out, "machine  ");
    pr_channel_clean(out, m->machine, 64);
    if (m->page)
        pr_str_printf(out, "\npage     %s", m->page);
    if (m->n == 1 && m->v[0].alert && m->v[0].kind != PR_DELIVERY_RESOLVED)
        pr_str_printf(out, "\nseen     proctor alert ack %lld", (long long)m->v[0].alert);
    pr_str_puts(out, "\n");
    pr_free(text);
}

static void make(
    const struct pr_channel *c, const char *url, const struct pr_message *m, struct pr_outgoing *o)
{
    (void)url;
    struct pr_str *out = &o->body;
    struct pr_str body = PR_STR_INIT(1 << 18);
    char *title = pr_message_title(m);
    put_body(&body, m);
    pr_str_printf(out, "From: %s\nTo: %s\n", c->from, c->to);
    put_subject(out, title);
    put_date(out, m->now_ms);
    put_ids(out, m);
    pr_str_puts(out,
        "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n");
    pr_str_append(out, pr_str_cstr(&body), body.len);
    pr_free(title);
    pr_str_done(&body);
}

const struct pr_channel_kind pr_channel_kind_email = {
    .name = "email", .keys = PR_CHANNEL_COMMAND | PR_CHANNEL_MAIL, .make = make};
