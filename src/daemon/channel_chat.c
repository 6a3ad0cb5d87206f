/* slack and discord: incoming webhooks of two chats. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "daemon/channels.h"

#define LINES 10 /* of a summary */

/* ---- slack: text for notifications, blocks of plain text for the channel ---- */

#define SLACK_HEADER 150
#define SLACK_TEXT   2900 /* a block takes 3000 characters */

/* In `text`, & < > would make links and mentions. */
static char *slack_escaped(const char *s)
{
    struct pr_str out = PR_STR_INIT(1 << 20);
    for (; *s; s++) {
        if (*s == '&')
            pr_str_puts(&out, "&amp;");
        else if (*s == '<')
            pr_str_puts(&out, "&lt;");
        else if (*s == '>')
            pr_str_puts(&out, "&gt;");
        else
            pr_str_putc(&out, *s);
    }
    return pr_str_take(&out);
}

static json_t *slack_plain(const char *s, size_t max)
{
    json_t *o = json_object();
    /* Lines stay: what comes here was cleaned. */
    size_t n = pr_utf8_valid_prefix(s, strnlen(s, max));
    pr_json_set_str(o, "type", "plain_text");
    pr_json_set_strn(o, "text", s, n);
    pr_json_set_bool(o, "emoji", false);
    return o;
}

static json_t *slack_block(const char *type, const char *text, size_t max)
{
    json_t *o = json_object();
    pr_json_set_str(o, "type", type);
    pr_json_set(o, "text", slack_plain(text, max));
    return o;
}

static json_t *slack_context(const struct pr_message *m)
{
    char at[32], line[200];
    json_t *o = json_object(), *elements = json_array();
    pr_clock_iso8601(m->v[0].raised_ms, at);
    snprintf(
        line, sizeof line, "since %s%s%.120s", at, m->page ? "  " : "", m->page ? m->page : "");
    pr_json_set_str(o, "type", "context");
    json_array_append_new(elements, slack_plain(line, sizeof line));
    pr_json_set(o, "elements", elements);
    return o;
}

static void make_slack(
    const struct pr_channel *c, const char *url, const struct pr_message *m, struct pr_outgoing *o)
{
    (void)c;
    (void)url;
    char *title = pr_message_title(m), *text = pr_message_text(m, LINES, SLACK_TEXT);
    struct pr_str both = PR_STR_INIT(1 << 16);
    pr_str_printf(&both, "%s\n%s", title, text);
    char *escaped = slack_escaped(pr_str_cstr(&both));
    json_t *doc = json_object(), *blocks = json_array();
    pr_json_set_str(doc, "text", escaped);
    json_array_append_new(blocks, slack_block("header", title, SLACK_HEADER));
    json_array_append_new(blocks, slack_block("section", text, SLACK_TEXT));
    json_array_append_new(blocks, slack_context(m));
    pr_json_set(doc, "blocks", blocks);
    pr_json_set_bool(doc, "unfurl_links", false);
    pr_outgoing_json(o, doc);
    pr_free(escaped);
    pr_str_done(&both);
    pr_free(title);
    pr_free(text);
}

const struct pr_channel_kind pr_channel_kind_slack = {
    .name = "slack", .keys = PR_CHANNEL_URL, .make = make_slack};

/* ---- discord ---- */

#define DISCORD_CONTENT 2000
#define DISCORD_TEXT    1900 /* doubled by escapes it still fits 4096 */

/* Marks of its Markdown, so that no text makes a link or a heading. */
static char *discord_escaped(const char *s, size_t max)
{
    struct pr_str out = PR_STR_INIT(max);
    for (; *s; s++) {
        size_t room = max - out.len;
        if (strchr("\\*_~`|<>[]()#-", *s)) {
            if (room < 2)
                break;
            pr_str_putc(&out, '\\');
        } else if (((unsigned char)*s & 0xc0) != 0x80 && room < 4) {
            break; /* no half of a character */
        }
        pr_str_putc(&out, *s);
    }
    return pr_str_take(&out);
}

static json_t *discord_embed(const struct pr_message *m, const char *text)
{
    static const int colors[] = {0x3b82f6, 0xf59e0b, 0xdc2626};
    char at[32];
    json_t *o = json_object();
    struct pr_str all = PR_STR_INIT(DISCORD_TEXT + 600);
    pr_str_printf(&all, "%s%s%s", text, m->page ? "\n" : "", m->page ? m->page : "");
    char *escaped = discord_escaped(pr_str_cstr(&all), 4096);
    pr_str_done(&all);
    pr_clock_iso8601(m->v[0].raised_ms, at);
    pr_json_set_str(o, "description", escaped);
    pr_json_set_int(o, "color", pr_message_resolved(m) ? 0x16a34a : colors[pr_message_level(m)]);
    pr_json_set_str(o, "timestamp", at);
    pr_free(escaped);
    return o;
}

static void make_discord(
    const struct pr_channel *c, const char *url, const struct pr_message *m, struct pr_outgoing *o)
{
    (void)c;
    (void)url;
    char *title = pr_message_title(m), *text = pr_message_text(m, LINES, DISCORD_TEXT);
    char *content = discord_escaped(title, DISCORD_CONTENT);
    json_t *doc = json_object(), *embeds = json_array(), *mentions = json_object();
    pr_json_set_str(doc, "content", content);
    json_array_append_new(embeds, discord_embed(m, text));
    pr_json_set(doc, "embeds", embeds);
    pr_json_set(mentions, "parse", json_array());
    pr_json_set(doc, "allowed_mentions", mentions);
    pr_outgoing_json(o, doc);
    pr_free(content);
    pr_free(title);
    pr_free(text);
}

const struct pr_channel_kind pr_channel_kind_discord = {
    .name = "discord", .keys = PR_CHANNEL_URL, .make = make_discord};
