/* Texts of alerts as channels take them (channels.h): one line, bounded, nothing hidden in them. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "daemon/channels.h"

#define MAX_TEXT   4096 /* of one alert */
#define MAX_SYSTEM 64
#define MAX_TITLE  200

/* Controls, format characters (which turn the direction of text, or are not seen), line and
 * paragraph separators, private use, what is not assigned. */
static bool is_hidden(uint32_t c)
{
    const char *k = pr_utf8_category(c);
    return k[0] == 'C' || !strcmp(k, "Zl") || !strcmp(k, "Zp");
}

void pr_channel_clean(struct pr_str *out, const char *s, size_t max)
{
    static const char cut[] = "…";
    struct pr_str valid = PR_STR_INIT(1 << 20), clean = PR_STR_INIT(1 << 20);
    size_t fits = 0; /* the part of clean that leaves room for the cut mark */
    bool gap = false;
    pr_utf8_append_lossy(&valid, s, strnlen(s, 1 << 18));
    for (size_t i = 0; i < valid.len && clean.len <= max;) {
        uint32_t c;
        size_t n = pr_utf8_decode(valid.data + i, &c);
        bool hidden = is_hidden(c);
        if (hidden || c == ' ') {
            gap = clean.len > 0;
        } else {
            if (gap)
                pr_str_putc(&clean, ' ');
            gap = false;
            pr_str_append(&clean, valid.data + i, n);
        }
        if (clean.len + sizeof cut - 1 <= max)
            fits = clean.len;
        i += n;
    }
    if (clean.len <= max) {
        pr_str_append(out, pr_str_cstr(&clean), clean.len);
    } else {
        pr_str_append(out, pr_str_cstr(&clean), fits);
        if (max >= sizeof cut - 1)
            pr_str_puts(out, cut);
    }
    pr_str_done(&valid);
    pr_str_done(&clean);
}

char *pr_channel_cleaned(const char *s, size_t max)
{
    struct pr_str out = PR_STR_INIT(max + 1);
    pr_channel_clean(&out, s, max);
    return pr_str_take(&out);
}

const char *pr_notice_status(const struct pr_notice *n)
{
    return pr_delivery_kind_name(n->kind);
}

bool pr_message_resolved(const struct pr_message *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].kind != PR_DELIVERY_RESOLVED)
            return false;
    return true;
}

enum pr_alert_level pr_message_level(const struct pr_message *m)
{
    enum pr_alert_level worst = PR_ALERT_INFO;
    for (size_t i = 0; i < m->n; i++)
        if (m->v[i].kind != PR_DELIVERY_RESOLVED && m->v[i].level > worst)
            worst = m->v[i].level;
    return worst;
}

static void put_upper(struct pr_str *out, const char *s)
{
    for (; *s; s++)
        pr_str_putc(out, (char)toupper((unsigned char)*s));
}

static void put_mark(struct pr_str *out, const struct pr_notice *n)
{
    static const char *const marks[] = {[PR_DELIVERY_FIRING] = "",
        [PR_DELIVERY_RESOLVED] = "RESOLVED",
        [PR_DELIVERY_REPEAT] = "STILL ",
        [PR_DELIVERY_TEST] = "TEST"};
    pr_str_puts(out, "[");
    pr_str_puts(out, marks[n->kind]);
    if (n->kind == PR_DELIVERY_FIRING || n->kind == PR_DELIVERY_REPEAT)
        put_upper(out, pr_alert_level_name(n->level));
    pr_str_puts(out, "] ");
}

char *pr_message_title(const struct pr_message *m)
{
    struct pr_str out = PR_STR_INIT(4096);
    const struct pr_notice *n = &m->v[0];
    if (m->n > 1) {
        pr_str_printf(&out, "[%zu ALERTS] ", m->n);
        put_upper(
            &out, pr_message_resolved(m) ? "resolved" : pr_alert_level_name(pr_message_level(m)));
    } else {
        put_mark(&out, n);
        pr_channel_clean(&out, n->system, MAX_SYSTEM);
        if (n->checkpoint) {
            pr_str_puts(&out, ": ");
            pr_channel_clean(&out, n->checkpoint, MAX_SYSTEM);
        }
    }
    pr_str_puts(&out, " on ");
    pr_channel_clean(&out, m->machine, MAX_SYSTEM);
    char *title = pr_channel_cleaned(pr_str_cstr(&out), MAX_TITLE);
    pr_str_done(&out);
    return title;
}

char *pr_message_text(const struct pr_message *m, size_t lines, size_t max)
{
    struct pr_str out = PR_STR_INIT(max + 200);
    size_t shown = m->n < lines ? m->n : lines;
    size_t room = max / shown < MAX_TEXT ? max / shown : MAX_TEXT;
    if (m->n > 1 && room > 64)
        room -= 64; /* of its mark, and of the last line */
    for (size_t i = 0; i < shown; i++) {
        if (i)
            pr_str_putc(&out, '\n');
        if (m->n > 1)
            put_mark(&out, &m->v[i]);
        pr_channel_clean(&out, m->v[i].text, room);
    }
    if (m->n > shown)
        pr_str_printf(&out, "\nand %zu more", m->n - shown);
    return pr_str_take(&out);
}

/* ---- where it comes from ---- */

void pr_channel_page(const struct pr_config *c, char *ret, size_t size)
{
    char host[256] = "localhost";
    const char *bind = c->api.bind;
    *ret = 0;
    if (!c->api.enabled || !c->api.page_port)
        return;
    bool any = !strcmp(bind, "0.0.0.0") || !strcmp(bind, "::");
    if (any && gethostname(host, sizeof host - 1))
        return;
    snprintf(ret, size, strchr(any ? host : bind, ':') ? "%s://[%s]:%lld/" : "%s://%s:%lld/",
        c->api.tls_certificate ? "https" : "http", any ? host : bind, (long long)c->api.page_port);
}

void pr_channel_machine(char *ret, size_t size)
{
    if (gethostname(ret, size - 1) || !*ret)
        snprintf(ret, size, "localhost");
    ret[size - 1] = 0;
}
