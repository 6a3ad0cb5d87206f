/* ntfy: a notification on a phone.  Published as JSON, which takes every character, at the server's
 * root: the topic is the last part of the url's path. */
#include <string.h>

#include "base/alloc.h"
#include "daemon/channels.h"

#define LINES    10
#define MAX_TEXT 3500 /* ntfy makes an attachment of what is longer than 4096 bytes */

static json_t *tags_of(const struct pr_message *m)
{
    static const char *const tags[] = {"information_source", "warning", "rotating_light"};
    json_t *list = json_array();
    json_array_append_new(
        list, json_string(pr_message_resolved(m) ? "white_check_mark" : tags[pr_message_level(m)]));
    json_array_append_new(list, json_string("proctor"));
    return list;
}

/* 1 is the least, 5 the most urgent. */
static int priority_of(const struct pr_message *m)
{
    static const int priorities[] = {2, 3, 5};
    return pr_message_resolved(m) ? 3 : priorities[pr_message_level(m)];
}

/* "https://ntfy.sh/topic?auth=x" → "https://ntfy.sh/?auth=x", "topic". */
static void split(const char *url, char **ret_root, char **ret_topic)
{
    size_t path = strcspn(url, "?#"), end = path;
    while (end && url[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin && url[begin - 1] != '/')
        begin--;
    struct pr_str root = PR_STR_INIT(1 << 14);
    pr_str_append(&root, url, begin);
    pr_str_puts(&root, url + path);
    *ret_root = pr_str_take(&root);
    *ret_topic = pr_strndup(url + begin, end - begin);
}

static void make(
    const struct pr_channel *c, const char *url, const struct pr_message *m, struct pr_outgoing *o)
{
    (void)c;
    char *topic, *title = pr_message_title(m), *text = pr_message_text(m, LINES, MAX_TEXT);
    split(url, &o->url, &topic);
    json_t *doc = json_object();
    pr_json_set_str(doc, "topic", topic);
    pr_json_set_str(doc, "title", title);
    pr_json_set_str(doc, "message", text);
    pr_json_set_int(doc, "priority", priority_of(m));
    pr_json_set(doc, "tags", tags_of(m));
    if (m->page)
        pr_json_set_str(doc, "click", m->page);
    pr_outgoing_json(o, doc);
    pr_free(topic);
    pr_free(title);
    pr_free(text);
}

const struct pr_channel_kind pr_channel_kind_ntfy = {
    .name = "ntfy", .keys = PR_CHANNEL_URL | PR_CHANNEL_TOKEN, .make = make};
