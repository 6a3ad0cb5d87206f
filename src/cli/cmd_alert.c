/* proctor alert: what is wrong, that somebody saw it, and whether word of it would arrive. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/term.h"
#include "daemon/acting.h"
#include "daemon/alert_view.h"
#include "daemon/channels.h"
#include "daemon/config.h"
#include "daemon/owner.h"

#define SHOWN  200
#define ASK_MS 2000

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* ---- list ---- */

static enum pr_code read_alerts(const char *base_dir, bool all, json_t **ret, struct pr_error *e)
{
    struct pr_gradebook *g = NULL;
    json_t *question = json_object(), *answer = NULL;
    pr_json_set_str(question, "type", "ping");
    bool owned = !pr_owner_ask(base_dir, question, ASK_MS, &answer, NULL);
    char *path = pr_path_join(base_dir, "proctor.db");
    enum pr_code code =
        pr_gradebook_open(path, owned ? PR_GRADEBOOK_READ : PR_GRADEBOOK_LOOK, &g, e);
    if (code == PR_E_NOT_FOUND)
        code = pr_fail(e, code, "nothing was graded in %s yet: there is no proctor.db", base_dir);
    if (!code)
        code = pr_alerts_document(g, !all, NULL, SHOWN, ret, e);
    pr_gradebook_close(g);
    pr_free(path);
    json_decref(answer);
    json_decref(question);
    return code;
}

/* "phone sent, mail waiting (HTTP status 500)": the last of each channel. */
static void put_said(const json_t *alert, struct pr_str *out)
{
    const json_t *d, *list = json_object_get(alert, "deliveries");
    size_t n = json_array_size(list);
    for (size_t i = 0; i < n; i++) {
        bool last = true;
        d = json_array_get(list, i);
        for (size_t k = i + 1; k < n; k++)
            last &= strcmp(text_of(json_array_get(list, k), "channel"), text_of(d, "channel")) != 0;
        if (last)
            pr_str_printf(
                out, "%s%s %s", out->len ? ", " : "", text_of(d, "channel"), text_of(d, "state"));
    }
}

static const char *standing(const json_t *a)
{
    return *text_of(a, "cleared_at") ? "over" : *text_of(a, "acknowledged_at") ? "seen" : "open";
}

static void show_alerts(const json_t *doc)
{
    static const char *const headings[] = {
        "id", "<level", "<is", "<since", "<system", "<text", "<told"};
    struct pr_str out = PR_STR_INIT(1 << 22);
    struct pr_table t;
    const json_t *a, *list = json_object_get(doc, "alerts");
    size_t i;
    if (!json_array_size(list)) {
        pr_out_text("no alerts\n", 10);
        return;
    }
    pr_table_init(&t, 7, headings);
    json_array_foreach (list, i, a) {
        struct pr_str said = PR_STR_INIT(1 << 14);
        put_said(a, &said);
        pr_table_cellf(&t, "%lld", (long long)json_integer_value(json_object_get(a, "id")));
        pr_table_cell(&t, text_of(a, "level"), 10);
        pr_table_cell(&t, standing(a), 5);
        pr_table_cellf(&t, "%.16sZ", text_of(a, "raised_at"));
        pr_table_cell(&t, text_of(a, "system"), 24);
        pr_table_cell(&t, text_of(a, "text"), 90);
        pr_table_cell(&t, pr_str_cstr(&said), 40);
        pr_str_done(&said);
    }
    pr_table_finish(&t, &out);
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
}

static int list(const struct pr_args *a, const char *base_dir)
{
    struct pr_error e;
    json_t *doc;
    if (read_alerts(base_dir, pr_args_flag(a, "all"), &doc, &e)) {
        pr_say("alert", "%s", e.message);
        return PR_EXIT_REFUSED;
    }
    if (pr_args_flag(a, "json"))
        pr_out_json(doc);
    else
        show_alerts(doc);
    json_decref(doc);
    return PR_EXIT_OK;
}

/* ---- ack ---- */

static int ack(const struct pr_args *a, const char *base_dir)
{
    struct pr_error e;
    char *end = NULL;
    const char *text = a->n_positional > 1 ? a->positional[1] : "";
    long long id = *text >= '0' && *text <= '9' ? strtoll(text, &end, 10) : 0;
    if (id < 1 || *end) {
        pr_say("alert", "ack: an alert's number was expected, as proctor alert list shows it");
        return PR_EXIT_USAGE;
    }
    json_t *m = pr_act_message("acknowledge", "cli");
    pr_json_set_int(m, "alert", id);
    enum pr_code code = pr_act_here(base_dir, m, &e);
    json_decref(m);
    if (code)
        pr_say("alert", "%s", e.message);
    return code ? PR_EXIT_REFUSED : PR_EXIT_OK;
}

/* ---- test ---- */

static bool test_one(const struct pr_config *c, const struct pr_channel *channel, bool json)
{
    int retry;
    struct pr_error e;
    char machine[256], page[512];
    int64_t now_ms = pr_clock_utc_ms();
    pr_channel_machine(machine, sizeof machine);
    pr_channel_page(c, page, sizeof page);
    struct pr_notice n = {.kind = PR_DELIVERY_TEST,
        .level = PR_ALERT_INFO,
        .system = "watch",
        .key = "test",
        .text = "This is a test of proctor's alerts: nothing is wrong.",
        .raised_ms = now_ms};
    struct pr_message m = {.v = &n,
        .n = 1,
        .channel = channel->name,
        .machine = machine,
        .page = *page ? page : NULL,
        .now_ms = now_ms};
    enum pr_code code = pr_channel_send(channel, &m, NULL, &retry, &e);
    json_t *o = json_object();
    pr_json_set_str(o, "channel", channel->name);
    pr_json_set_str(o, "kind", channel->kind->name);
    pr_json_set_bool(o, "sent", !code);
    pr_json_set_str(o, "reason", code ? e.message : NULL);
    struct pr_str line = PR_STR_INIT(4096);
    pr_str_printf(
        &line, "%s (%s): %s\n", channel->name, channel->kind->name, code ? e.message : "sent");
    if (json)
        pr_out_json(o);
    else
        pr_out_text(pr_str_cstr(&line), line.len);
    pr_str_done(&line);
    json_decref(o);
    return !code;
}

static int test_all(const struct pr_config *c, const char *only, bool json)
{
    struct pr_channels channels;
    json_t *x, *problems = json_array();
    size_t i, n = 0, failed = 0;
    pr_channels_read(c, &channels, problems);
    json_array_foreach (problems, i, x)
        pr_say("alert", "%s", json_string_value(x));
    failed += json_array_size(problems);
    for (i = 0; i < channels.n && pr_out_open(); i++)
        if (!only || !strcmp(only, channels.v[i].name)) {
            n++;
            failed += !test_one(c, &channels.v[i], json);
        }
    if (!n && only)
        pr_say(
            "alert", "alerts.channels of proctor.yaml has no channel '%s' that can be used", only);
    else if (!n && !failed)
        pr_say("alert", "alerts.channels of proctor.yaml names no channel");
    pr_channels_done(&channels);
    json_decref(problems);
    return n && !failed ? PR_EXIT_OK : PR_EXIT_REFUSED;
}

static int test(const struct pr_args *a, const char *base_dir)
{
    struct pr_config c;
    struct pr_error e;
    if (pr_config_load(base_dir, &c, &e)) {
        pr_say("alert", "%s", e.message);
        return PR_EXIT_REFUSED;
    }
    int status =
        test_all(&c, a->n_positional > 1 ? a->positional[1] : NULL, pr_args_flag(a, "json"));
    pr_config_done(&c);
    return status;
}

/* ---- the command ---- */

static const struct {
    const char *name;
    int (*run)(const struct pr_args *a, const char *base_dir);
    size_t max_args; /* behind it */
} verbs[] = {{"list", list, 0}, {"ack", ack, 1}, {"test", test, 1}};

static int run(const struct pr_args *a)
{
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (strcmp(verbs[i].name, a->positional[0]) != 0)
            continue;
        if (a->n_positional - 1 > verbs[i].max_args) {
            pr_say("alert", "%s: what is '%s' for?", verbs[i].name,
                a->positional[verbs[i].max_args + 1]);
            return PR_EXIT_USAGE;
        }
        char *base_dir = pr_config_base_dir(pr_args_text(a, "base-dir"));
        int status = verbs[i].run(a, base_dir);
        pr_free(base_dir);
        return status;
    }
    pr_say("alert", "'%s' is none of list, ack and test", a->positional[0]);
    return PR_EXIT_USAGE;
}

static const struct pr_option options[] = {
    PR_OPTION_BASE_DIR,
    {"all", NULL, "list: those that are over too", NULL, PR_OPT_FLAG},
    {"json", NULL, "list, test: print JSON", NULL, PR_OPT_FLAG},
};

const struct pr_command pr_command_alert = {
    .name = "alert",
    .summary = "list alerts, acknowledge one, or test where they are sent",
    .arguments = "list|ack ID|test [CHANNEL]",
    .about =
        "`list` shows the alerts that are open, the newest first, and what was told where. `ack` "
        "notes that somebody saw one: it is not sent again, and stays open until its cause is "
        "gone. `test` sends a test message at each channel of alerts.channels, or at one, now, "
        "and says of each what happened; the exit status is 1 where one failed.\n\n"
        "docs/alerts.md has the kinds of channels, quiet hours, and what is raised when.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 2,
    .examples = {{"What is wrong now?", "proctor alert list"},
        {"Somebody looks after it", "proctor alert ack 12"},
        {"Would word of it arrive?", "proctor alert test"}},
    .run = run,
};
