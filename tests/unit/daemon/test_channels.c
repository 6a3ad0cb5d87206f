/* Channels: what is read of proctor.yaml, what each kind sends, byte by byte, and what is never
 * told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "daemon/channels.h"

#define AT 1767225600000LL /* 2026-01-01T00:00:00Z */

static const struct pr_notice fires = {.delivery = 7,
                                  .alert = 3,
                                  .kind = PR_DELIVERY_FIRING,
                                  .level = PR_ALERT_CRITICAL,
                                  .system = "regression-monitor",
                                  .key = "validation/checkpoint-1574#4",
                                  .text = "checkpoint-1574 on validation: loss <up> & *worse*",
                                  .checkpoint = "checkpoint-1574",
                                  .raised_ms = AT},
                              over = {.delivery = 8,
                                  .alert = 3,
                                  .kind = PR_DELIVERY_RESOLVED,
                                  .level = PR_ALERT_CRITICAL,
                                  .system = "regression-monitor",
                                  .key = "validation/checkpoint-1574#4",
                                  .text = "checkpoint-1574 on validation: loss",
                                  .checkpoint = "checkpoint-1574",
                                  .raised_ms = AT,
                                  .cleared_ms = AT + 60000};

static struct pr_message message_of(const struct pr_notice *v, size_t n)
{
    return (struct pr_message){.v = v,
        .n = n,
        .channel = "c",
        .machine = "trainer",
        .page = "http://127.0.0.1:8080/",
        .now_ms = AT + 5000};
}

static struct pr_outgoing make(
    const struct pr_channel_kind *kind, const char *url, const struct pr_message *m)
{
    struct pr_outgoing o = {.body = PR_STR_INIT(1 << 20)};
    struct pr_channel c = {.name = (char *)(uintptr_t) "c",
        .kind = kind,
        .to = (char *)(uintptr_t) "me@example.org",
        .from = (char *)(uintptr_t) "proctor@example.org"};
    kind->make(&c, url, m, &o);
    assert_false(o.body.over);
    return o;
}

/* Exactly this, but for the spaces between: keys in this order, every character of a text. */
static void assert_json(const struct pr_outgoing *o, const char *expected)
{
    struct pr_error e;
    json_t *v;
    struct pr_str again = PR_STR_INIT(1 << 20);
    if (pr_json_parse(expected, strlen(expected), 0, NULL, &v, NULL, &e))
        fail_msg("%s", e.message);
    pr_json_dump(v, 0, 0, &again);
    if (o->body.len && o->body.data[o->body.len - 1] == '\n')
        pr_str_putc(&again, '\n');
    assert_string_equal(pr_str_cstr(&o->body), pr_str_cstr(&again));
    json_decref(v);
    pr_str_done(&again);
}

static void assert_sends(const struct pr_channel_kind *kind, const char *url,
    const struct pr_message *m, const char *expected)
{
    struct pr_outgoing o = make(kind, url, m);
    assert_json(&o, expected);
    assert_string_equal(o.headers[0], "Content-Type: application/json");
    pr_outgoing_done(&o);
}

/* ---- payloads ---- */

#define LABELS                                                                                     \
    "{\"alertname\":\"regression-monitor\",\"severity\":\"critical\","                             \
    "\"system\":\"regression-monitor\",\"checkpoint\":\"checkpoint-1574\",\"instance\":"           \
    "\"trainer\"}"
#define GROUP                                                                                      \
    "\"groupKey\":\"{}:{alertname=\\\"regression-monitor\\\", system=\\\"regression-monitor\\\"}"  \
    "\",\"groupLabels\":{\"alertname\":\"regression-monitor\",\"system\":\"regression-monitor\"}," \
    "\"truncatedAlerts\":0,"

static void webhook_speaks_as_alertmanager(void **state)
{
    (void)state;
    struct pr_message m = message_of(&fires, 1);
#define NOTES                                                                                      \
    "{\"summary\":\"[CRITICAL] regression-monitor: checkpoint-1574 on trainer\",\"description\":"  \
    "\"checkpoint-1574 on validation: loss <up> & *worse*\"}"
    assert_sends(&pr_channel_kind_webhook, "http://x/", &m,
        "{\"version\":\"4\"," GROUP "\"status\":\"firing\",\"receiver\":\"c\","
        "\"commonLabels\":" LABELS ",\"commonAnnotations\":" NOTES
        ",\"externalURL\":\"http://127.0.0.1:8080/\",\"alerts\":[{\"status\":\"firing\","
        "\"labels\":" LABELS ",\"annotations\":" NOTES
        ",\"startsAt\":\"2026-01-01T00:00:00Z\",\"endsAt\":\"0001-01-01T00:00:00Z\","
        "\"generatorURL\":\"http://127.0.0.1:8080/\",\"fingerprint\":\"6c8e85d833055e47\"}]}");
}

static void webhook_tells_a_recovery_with_the_same_fingerprint(void **state)
{
    (void)state;
    struct pr_error e;
    json_t *doc[2];
    const struct pr_notice *both[2] = {&fires, &over};
    for (int i = 0; i < 2; i++) {
        struct pr_message m = message_of(both[i], 1);
        struct pr_outgoing o = make(&pr_channel_kind_webhook, "http://x/", &m);
        assert_int_equal(pr_json_parse(o.body.data, o.body.len, 0, NULL, &doc[i], NULL, &e), 0);
        pr_outgoing_done(&o);
    }
    const json_t *a = json_array_get(json_object_get(doc[0], "alerts"), 0),
                 *b = json_array_get(json_object_get(doc[1], "alerts"), 0);
    assert_true(json_equal(json_object_get(a, "fingerprint"), json_object_get(b, "fingerprint")));
    assert_true(
        json_equal(json_object_get(doc[0], "groupKey"), json_object_get(doc[1], "groupKey")));
    assert_string_equal(json_string_value(json_object_get(doc[1], "status")), "resolved");
    assert_string_equal(json_string_value(json_object_get(b, "status")), "resolved");
    assert_string_equal(json_string_value(json_object_get(b, "endsAt")), "2026-01-01T00:01:00Z");
    json_decref(doc[0]);
    json_decref(doc[1]);
}

static void slack_gets_escaped_text_and_plain_blocks(void **state)
{
    (void)state;
    struct pr_message m = message_of(&fires, 1);
    assert_sends(&pr_channel_kind_slack, "http://x/", &m,
        "{\"text\":\"[CRITICAL] regression-monitor: checkpoint-1574 on trainer\\n"
        "checkpoint-1574 on validation: loss &lt;up&gt; &amp; *worse*\",\"blocks\":["
        "{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":"
        "\"[CRITICAL] regression-monitor: checkpoint-1574 on trainer\",\"emoji\":false}},"
        "{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"text\":"
        "\"checkpoint-1574 on validation: loss <up> & *worse*\",\"emoji\":false}},"
        "{\"type\":\"context\",\"elements\":[{\"type\":\"plain_text\",\"text\":"
        "\"since 2026-01-01T00:00:00Z  http://127.0.0.1:8080/\",\"emoji\":false}]}],"
        "\"unfurl_links\":false}");
}

static void discord_mentions_nobody(void **state)
{
    (void)state;
    struct pr_message m = message_of(&fires, 1);
    assert_sends(&pr_channel_kind_discord, "http://x/", &m,
        "{\"content\":\"\\\\[CRITICAL\\\\] regression\\\\-monitor: checkpoint\\\\-1574 on "
        "trainer\","
        "\"embeds\":[{\"description\":\"checkpoint\\\\-1574 on validation: loss \\\\<up\\\\> & "
        "\\\\*worse\\\\*\\nhttp://127.0.0.1:8080/\",\"color\":14427686,"
        "\"timestamp\":\"2026-01-01T00:00:00Z\"}],\"allowed_mentions\":{\"parse\":[]}}");
}

static void ntfy_is_published_at_the_root(void **state)
{
    (void)state;
    struct pr_message m = message_of(&fires, 1);
    struct pr_outgoing o = make(&pr_channel_kind_ntfy, "https://ntfy.example/my-topic/?auth=x", &m);
    assert_string_equal(o.url, "https://ntfy.example/?auth=x");
    assert_json(&o,
        "{\"topic\":\"my-topic\",\"title\":\"[CRITICAL] regression-monitor: checkpoint-1574 on "
        "trainer\",\"message\":\"checkpoint-1574 on validation: loss <up> & *worse*\","
        "\"priority\":5,\"tags\":[\"rotating_light\",\"proctor\"],"
        "\"click\":\"http://127.0.0.1:8080/\"}");
    pr_outgoing_done(&o);
    m = message_of(&over, 1);
    o = make(&pr_channel_kind_ntfy, "https://ntfy.example/my-topic", &m);
    assert_string_equal(o.url, "https://ntfy.example/");
    assert_non_null(
        strstr(pr_str_cstr(&o.body), "\"priority\": 3, \"tags\": [\"white_check_mark\""));
    pr_outgoing_done(&o);
}

static void a_command_gets_one_line_of_json(void **state)
{
    (void)state;
    struct pr_message m = message_of(&over, 1);
    assert_sends(&pr_channel_kind_command, NULL, &m,
        "{\"schema_version\":1,\"at\":\"2026-01-01T00:00:05Z\",\"channel\":\"c\","
        "\"machine\":\"trainer\",\"page\":\"http://127.0.0.1:8080/\","
        "\"title\":\"[RESOLVED] regression-monitor: checkpoint-1574 on trainer\",\"alerts\":["
        "{\"status\":\"resolved\",\"alert\":3,\"level\":\"critical\","
        "\"system\":\"regression-monitor\",\"key\":\"validation/checkpoint-1574#4\","
        "\"checkpoint\":\"checkpoint-1574\",\"text\":\"checkpoint-1574 on validation: loss\","
        "\"raised_at\":\"2026-01-01T00:00:00Z\",\"cleared_at\":\"2026-01-01T00:01:00Z\"}]}\n");
}

static void an_email_is_a_message(void **state)
{
    (void)state;
    struct pr_message m = message_of(&fires, 1);
    struct pr_outgoing o = make(&pr_channel_kind_email, NULL, &m);
    assert_string_equal(pr_str_cstr(&o.body),
        "From: proctor@example.org\n"
        "To: me@example.org\n"
        "Subject: [CRITICAL] regression-monitor: checkpoint-1574 on trainer\n"
        "Date: Thu, 1 Jan 2026 00:00:05 +0000\n"
        "Message-ID: <3.7.1767225600000@06ea17a8981d25b0.proctor>\n"
        "References: <3.1767225600000@06ea17a8981d25b0.proctor>\n"
        "Auto-Submitted: auto-generated\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=utf-8\n"
        "Content-Transfer-Encoding: 8bit\n"
        "\n"
        "checkpoint-1574 on validation: loss <up> & *worse*\n"
        "\n"
        "since    2026-01-01T00:00:00Z\n"
        "machine  trainer\n"
        "page     http://127.0.0.1:8080/\n"
        "seen     proctor alert ack 3\n");
    assert_null(o.headers[0]);
    pr_outgoing_done(&o);
}

static void no_line_of_an_email_is_too_long_or_a_lone_dot(void **state)
{
    (void)state;
    char text[5000];
    struct pr_notice n = fires;
    memset(text, 'x', sizeof text);
    for (size_t i = 100; i < 1000; i += 7)
        text[i] = ' ';
    memcpy(text + 2000, " . ", 3);
    text[4000] = 0;
    n.text = text;
    n.checkpoint = "größe-ünïcödé-größe-ünïcödé-größe-ünïcödé-größe";
    struct pr_message m = message_of(&n, 1);
    struct pr_outgoing o = make(&pr_channel_kind_email, NULL, &m);
    const char *subject = strstr(pr_str_cstr(&o.body), "Subject: =?UTF-8?B?");
    assert_non_null(subject);
    for (const char *line = pr_str_cstr(&o.body); *line;) {
        size_t len = strcspn(line, "\n");
        assert_true(len <= 900);
        assert_false(len == 1 && *line == '.');
        line += len + 1;
    }
    for (const char *line = subject; strncmp(line, "Date", 4) != 0; line = strchr(line, '\n') + 1)
        assert_true(strcspn(line, "\n") <= 85);
    pr_outgoing_done(&o);
}

/* ---- many at once, and hostile ones ---- */

static void a_storm_is_one_message(void **state)
{
    (void)state;
    struct pr_notice v[25];
    for (size_t i = 0; i < 25; i++)
        v[i] = fires;
    v[3].level = PR_ALERT_WARNING;
    v[4].system = "watch";
    struct pr_message m = message_of(v, 25);
    char *title = pr_message_title(&m), *text = pr_message_text(&m, 10, 2000);
    assert_string_equal(title, "[25 ALERTS] CRITICAL on trainer");
    size_t lines = 1;
    for (const char *p = text; (p = strchr(p, '\n')); p++)
        lines++;
    assert_int_equal(lines, 11);
    assert_true(strlen(text) < 2200);
    assert_non_null(strstr(text, "\nand 15 more"));
    assert_non_null(strstr(text, "[WARNING] "));
    pr_free(title);
    pr_free(text);
    struct pr_error e;
    json_t *doc;
    struct pr_outgoing o = make(&pr_channel_kind_webhook, "http://x/", &m);
    assert_int_equal(pr_json_parse(o.body.data, o.body.len, 0, NULL, &doc, NULL, &e), PR_OK);
    assert_int_equal(json_array_size(json_object_get(doc, "alerts")), 25);
    assert_null(json_object_get(json_object_get(doc, "commonLabels"), "severity"));
    assert_non_null(json_object_get(json_object_get(doc, "commonLabels"), "instance"));
    assert_string_equal(json_string_value(json_object_get(doc, "groupKey")), "{}:{}");
    json_decref(doc);
    pr_outgoing_done(&o);
}

static void assert_clean(const char *s, size_t max, const char *expected)
{
    char *clean = pr_channel_cleaned(s, max);
    assert_string_equal(clean, expected);
    pr_free(clean);
}

static void texts_hide_nothing_and_have_an_end(void **state)
{
    (void)state;
    assert_clean("a\x1b[31mb\nc\td", 100, "a [31mb c d");
    assert_clean("a\xe2\x80\xae"
                 "b\xe2\x80\x8b"
                 "c\xe2\x80\xa8"
                 "d",
        100, "a b c d");
    assert_clean("  \x01\x02 a \x7f", 100, "a");
    assert_clean("a\xff"
                 "b",
        100,
        "a\xef\xbf\xbd"
        "b");
    assert_clean("abcdefghij", 10, "abcdefghij");
    assert_clean("abcdefghijk", 10, "abcdefg…");
    assert_clean("ééééé", 9, "ééé…");
    assert_clean("abc", 2, "");
}

static void every_kind_bounds_a_text_without_end(void **state)
{
    (void)state;
    static const struct pr_channel_kind *const kinds[] = {
#define PR_X(name) &pr_channel_kind_##name,
        PR_CHANNEL_KINDS(PR_X)
#undef PR_X
    };
    static const size_t most[] = {12000, 20000, 8000, 5000, 30000, 8000};
    size_t size = 1 << 20;
    char *text = pr_alloc(size);
    for (size_t i = 0; i < size; i++)
        text[i] = "\x1b]*<@ab\n"[i % 8];
    text[size - 1] = 0;
    struct pr_notice n = fires;
    n.text = n.checkpoint = n.key = n.system = text;
    struct pr_message m = message_of(&n, 1);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct pr_outgoing o = make(kinds[i], "http://x/topic", &m);
        if (o.body.len > most[i])
            fail_msg("%s: %zu bytes", kinds[i]->name, o.body.len);
        assert_null(strchr(pr_str_cstr(&o.body), '\x1b'));
        assert_null(strstr(pr_str_cstr(&o.body), "\\u001b"));
        pr_outgoing_done(&o);
    }
    pr_free(text);
}

/* ---- proctor.yaml ---- */

static json_t *problems_of(const char *yaml, struct pr_channels *ret)
{
    struct pr_config c;
    struct pr_error e;
    json_t *problems = json_array();
    if (pr_config_parse(yaml, strlen(yaml), "proctor.yaml", "/base", &c, &e))
        fail_msg("%s", e.message);
    pr_channels_read(&c, ret, problems);
    pr_config_done(&c);
    return problems;
}

static void channels_are_read_with_their_keys(void **state)
{
    (void)state;
    struct pr_channels c;
    json_t *problems = problems_of(
        "alerts:\n"
        "  quiet_hours: 22:00-07:00\n"
        "  channels:\n"
        "    phone: {kind: ntfy, url: 'https://ntfy.sh/t', levels: [critical], systems: [watch]}\n"
        "    chat: {kind: slack, url_file: secrets/slack, resolved: false, timeout_seconds: 30}\n"
        "    mail: {kind: email, command: [/usr/sbin/sendmail, -t], to: [a@b.c, d@e.f], from: "
        "g@h.i}\n"
        "    own: {kind: command, command: [./notify]}\n",
        &c);
    if (json_array_size(problems))
        fail_msg("%s", json_string_value(json_array_get(problems, 0)));
    json_decref(problems);
    assert_int_equal(c.n, 4);
    const struct pr_channel *phone = pr_channel_find(&c, "phone");
    assert_string_equal(phone->url, "https://ntfy.sh/t");
    assert_true(pr_channel_takes(phone, "watch", PR_ALERT_CRITICAL));
    assert_false(pr_channel_takes(phone, "watch", PR_ALERT_WARNING));
    assert_false(pr_channel_takes(phone, "regression-monitor", PR_ALERT_CRITICAL));
    const struct pr_channel *chat = pr_channel_find(&c, "chat");
    assert_string_equal(chat->url_file, "/base/secrets/slack");
    assert_false(chat->resolved);
    assert_int_equal(chat->timeout_seconds, 30);
    assert_true(pr_channel_takes(chat, "anything", PR_ALERT_INFO));
    assert_string_equal(pr_channel_find(&c, "mail")->to, "a@b.c, d@e.f");
    assert_null(pr_channel_find(&c, "nobody"));
    struct pr_channel copy;
    pr_channel_copy(chat, &copy);
    pr_channels_done(&c);
    assert_string_equal(copy.url_file, "/base/secrets/slack");
    pr_channel_done(&copy);
}

static void what_is_wrong_is_named_and_the_others_go_on(void **state)
{
    (void)state;
    static const struct {
        const char *channel, *says;
    } cases[] = {
        {"{kind: pigeon, url: 'http://x/'}", "there is no kind 'pigeon'; known: webhook, slack"},
        {"{url: 'http://x/'}", "kind is missing"},
        {"{kind: slack}", "url is missing"},
        {"{kind: slack, url: 'ftp://x/'}", "a url that begins with http://"},
        {"{kind: slack, url: 'http://x/', url_file: y}", "one of them was expected"},
        {"{kind: slack, url: 'http://x/', level: [critical]}", "did you mean 'levels'?"},
        {"{kind: slack, url: 'http://x/', command: [a]}", "a slack has no key 'command'"},
        {"{kind: slack, url: 'http://x/', levels: [loud]}", "levels: a list of info"},
        {"{kind: slack, url: 'http://x/', levels: []}", "nothing would ever be sent"},
        {"{kind: slack, url: 'http://x/', systems: [x]}", "there is no system 'x'"},
        {"{kind: command}", "command is missing"},
        {"{kind: command, command: ls}", "command: a list was expected"},
        {"{kind: email, command: [s], to: a@b.c}", "from is missing"},
        {"{kind: email, command: [s], to: \"a@b.c\\nBcc: x@y.z\", from: d@e.f}",
            "to: a mail address"},
        {"{kind: ntfy, url: 'http://x/', timeout_seconds: 0}", "from 1 to 600"},
        {"7", "a map with kind"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[500];
        struct pr_channels c;
        snprintf(yaml, sizeof yaml,
            "alerts: {channels: {bad: %s, good: {kind: webhook, url: 'http://x/'}}}\n",
            cases[i].channel);
        json_t *problems = problems_of(yaml, &c);
        assert_int_equal(json_array_size(problems), 1);
        const char *text = json_string_value(json_array_get(problems, 0));
        if (!strstr(text, cases[i].says) || !strstr(text, "alerts.channels.bad: "))
            fail_msg("'%s' does not say '%s'", text, cases[i].says);
        assert_int_equal(c.n, 1);
        assert_string_equal(c.v[0].name, "good");
        pr_channels_done(&c);
        json_decref(problems);
    }
}

static void no_problem_repeats_a_url(void **state)
{
    (void)state;
    struct pr_channels c;
    json_t *problems = problems_of(
        "alerts: {channels: {a: {kind: slack, url: 'htp://hooks/SECRET'}}, quiet_hours: never}\n",
        &c);
    assert_int_equal(json_array_size(problems), 2);
    assert_null(strstr(json_string_value(json_array_get(problems, 0)), "SECRET"));
    pr_channels_done(&c);
    json_decref(problems);
}

static void a_secret_that_others_may_read_is_named(void **state)
{
    (void)state;
    char dir[] = "/tmp/proctor-channels-XXXXXX";
    assert_non_null(mkdtemp(dir));
    char *path = pr_path_join(dir, "url");
    struct pr_error e;
    assert_int_equal(pr_file_write_atomic(path, "http://x/\n", 10, &e), PR_OK);
    chmod(path, 0644);
    struct pr_channel one = {.name = pr_strdup("a"),
        .kind = &pr_channel_kind_slack,
        .url_file = pr_strdup(path),
        .ca_file = pr_strdup("/nowhere")};
    struct pr_channels c = {.v = &one, .n = 1};
    json_t *problems = json_array();
    pr_channels_check_files(&c, problems);
    assert_int_equal(json_array_size(problems), 2);
    assert_non_null(strstr(json_string_value(json_array_get(problems, 0)), "chmod 600"));
    assert_non_null(strstr(json_string_value(json_array_get(problems, 1)), "ca_file"));
    json_decref(problems);
    pr_channel_done(&one);
    pr_free(path);
    assert_int_equal(pr_remove_tree(dir, NULL), PR_OK);
}

/* ---- programs ---- */

static enum pr_code run_command(const char *script, int64_t seconds, struct pr_error *e)
{
    struct pr_message m = message_of(&fires, 1);
    struct pr_channel c = {.name = (char *)(uintptr_t) "c",
        .kind = &pr_channel_kind_command,
        .timeout_seconds = seconds,
        .command = json_pack("[sss]", "/bin/sh", "-c", script)};
    int retry;
    enum pr_code code = pr_channel_send(&c, &m, NULL, &retry, e);
    json_decref(c.command);
    return code;
}

static void a_program_is_told_and_its_exit_counts(void **state)
{
    (void)state;
    struct pr_error e = {0};
    if (run_command("read line; case $line in *checkpoint-1574*) exit 0;; esac; exit 1", 60, &e))
        fail_msg("%s", e.message);
    assert_int_equal(run_command("exit 0 # reads nothing", 60, &e), PR_OK);
    assert_int_equal(run_command("echo no such user; exit 67", 60, &e), PR_E_IO);
    assert_string_equal(e.message, "/bin/sh: exit status 67: no such user");
    assert_int_equal(run_command("kill -9 $$", 60, &e), PR_E_IO);
    assert_string_equal(e.message, "/bin/sh: killed by signal 9");
    assert_int_equal(run_command("sleep 600 & exit 0 # leaves one behind", 60, &e), PR_OK);
    assert_int_equal(run_command("sleep 600", 1, &e), PR_E_LIMIT);
    assert_string_equal(e.message, "/bin/sh: not over within 1 s");
    assert_int_equal(run_command("yes", 1, &e), PR_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webhook_speaks_as_alertmanager),
        cmocka_unit_test(webhook_tells_a_recovery_with_the_same_fingerprint),
        cmocka_unit_test(slack_gets_escaped_text_and_plain_blocks),
        cmocka_unit_test(discord_mentions_nobody),
        cmocka_unit_test(ntfy_is_published_at_the_root),
        cmocka_unit_test(a_command_gets_one_line_of_json),
        cmocka_unit_test(an_email_is_a_message),
        cmocka_unit_test(no_line_of_an_email_is_too_long_or_a_lone_dot),
        cmocka_unit_test(a_storm_is_one_message),
        cmocka_unit_test(texts_hide_nothing_and_have_an_end),
        cmocka_unit_test(every_kind_bounds_a_text_without_end),
        cmocka_unit_test(channels_are_read_with_their_keys),
        cmocka_unit_test(what_is_wrong_is_named_and_the_others_go_on),
        cmocka_unit_test(no_problem_repeats_a_url),
        cmocka_unit_test(a_secret_that_others_may_read_is_named),
        cmocka_unit_test(a_program_is_told_and_its_exit_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
