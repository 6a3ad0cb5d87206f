/* proctor status: what the watch does and what it found, once or kept up to date on a terminal. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/layout.h"
#include "cli/output.h"
#include "cli/status_view.h"
#include "cli/term.h"
#include "daemon/config.h"
#include "daemon/owner.h"
#include "daemon/server.h"
#include "daemon/state.h"

#define ASK_MS   2000
#define FRAME_MS 1000
/* Looking takes at most a fifth of the time, however large the base folder is. */
#define SHARE 5

#define ENTER "\033[?1049h\033[?25l" /* the other screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"

/* What the owner says now; NULL with *ret_why when nobody owns the folder or no answer came. */
static json_t *ask_owner(const char *base_dir, struct pr_error *why)
{
    json_t *question = json_object(), *answer = NULL, *live = NULL;
    pr_json_set_str(question, "type", "state");
    enum pr_code code = pr_owner_ask(base_dir, question, ASK_MS, &answer, why);
    if (!code) {
        live = json_object_get(answer, "state");
        live = json_is_object(live) ? json_incref(live) : NULL;
        if (!live)
            pr_fail(why, PR_E_FORMAT, "the owner's answer holds no state");
    } else if (code == PR_E_NOT_FOUND) {
        pr_fail(why, code, "no proctor runs in this base folder");
    }
    json_decref(answer);
    json_decref(question);
    return live;
}

static enum pr_code look(const char *base_dir, json_t **ret, struct pr_error *e)
{
    struct pr_config c;
    struct pr_gradebook *g = NULL;
    struct pr_error why;
    enum pr_code code = pr_config_load(base_dir, &c, e);
    if (code)
        return code;
    json_t *live = ask_owner(base_dir, &why);
    char *path = pr_path_join(base_dir, "proctor.db");
    code = pr_gradebook_open(path, live ? PR_GRADEBOOK_READ : PR_GRADEBOOK_LOOK, &g, e);
    if (code == PR_E_NOT_FOUND)
        code = PR_OK;
    if (!code)
        code = pr_state_document(&c, g, live, pr_clock_utc_ms(), ret, e);
    if (!code && !live)
        pr_json_set_str(*ret, "live_reason", why.message);
    if (!code) {
        char *page = pr_server_page(base_dir);
        pr_json_set_str(*ret, "page", page);
        pr_free(page);
    }
    pr_gradebook_close(g);
    json_decref(live);
    pr_free(path);
    pr_config_done(&c);
    return code;
}

static int show_once(const char *base_dir, bool json)
{
    json_t *doc;
    struct pr_error e;
    if (look(base_dir, &doc, &e)) {
        pr_say("status", "%s", e.message);
        return PR_EXIT_REFUSED;
    }
    if (json) {
        pr_out_json(doc);
    } else {
        struct pr_str text = PR_STR_INIT(1 << 22);
        pr_status_view(doc, pr_term_width(1), &text);
        pr_out_text(pr_str_cstr(&text), text.len);
        pr_str_done(&text);
    }
    json_decref(doc);
    return PR_EXIT_OK;
}

/* Over the last frame, line by line, so that nothing flickers. */
static void draw(const char *text, size_t height)
{
    struct pr_str shown = PR_STR_INIT(1 << 22), frame = PR_STR_INIT(1 << 22);
    size_t width = pr_term_width(1), room = height > 3 ? height - 1 : 2;
    size_t left = pr_layout_cut(&shown, text, width, room);
    pr_str_puts(&frame, "\033[H");
    for (const char *s = pr_str_cstr(&shown); *s;) {
        size_t n = strcspn(s, "\n");
        pr_str_append(&frame, s, n);
        pr_str_puts(&frame, "\033[K\n");
        s += n + (s[n] == '\n');
    }
    if (left)
        pr_str_printf(&frame, "… %zu more lines; Ctrl-C ends", left);
    else
        pr_str_puts(&frame, "Ctrl-C ends");
    pr_str_puts(&frame, "\033[K\033[J");
    pr_out_text(pr_str_cstr(&frame), frame.len);
    pr_str_done(&frame);
    pr_str_done(&shown);
}

/* Until Ctrl-C; the last frame stays on the terminal. */
static int show_live(const char *base_dir)
{
    struct pr_str text = PR_STR_INIT(1 << 22);
    pr_out_text(ENTER, strlen(ENTER));
    while (!pr_interrupted() && pr_out_open()) {
        json_t *doc = NULL;
        struct pr_error e;
        int64_t began = pr_clock_monotonic_ns();
        pr_str_clear(&text);
        if (look(base_dir, &doc, &e)) { /* the configuration may be in the middle of an edit */
            pr_str_puts(&text, "proctor status: ");
            pr_term_clean(&text, e.message, strlen(e.message), 0);
            pr_str_putc(&text, '\n');
        } else {
            pr_status_view(doc, pr_term_width(1), &text);
        }
        json_decref(doc);
        draw(pr_str_cstr(&text), pr_term_height(1));
        int64_t took_ms = (pr_clock_monotonic_ns() - began) / 1000000;
        int wait_ms = took_ms * SHARE > FRAME_MS ? (int)(took_ms * SHARE) : FRAME_MS;
        struct pollfd stop = {.fd = pr_interrupt_fd(), .events = POLLIN};
        poll(&stop, 1, wait_ms);
    }
    pr_out_text(LEAVE, strlen(LEAVE));
    pr_out_text(pr_str_cstr(&text), text.len);
    pr_str_done(&text);
    return PR_EXIT_OK;
}

static int run(const struct pr_args *a)
{
    bool json = pr_args_flag(a, "json"), once = json || pr_args_flag(a, "once");
    char *base_dir = pr_config_base_dir(pr_args_text(a, "base-dir"));
    int status;
    if (!pr_path_is_dir(base_dir)) {
        pr_say("status", "there is no base folder %s: `proctor init` makes one", base_dir);
        status = PR_EXIT_REFUSED;
    } else if (once || !pr_term_is(1)) {
        status = show_once(base_dir, json);
    } else {
        status = show_live(base_dir);
    }
    pr_free(base_dir);
    return status;
}

static const struct pr_option options[] = {
    PR_OPTION_BASE_DIR,
    {"once", NULL, "show it once and end, on a terminal too", NULL, PR_OPT_FLAG},
    {"json", NULL, "print the whole state as one JSON document", NULL, PR_OPT_FLAG},
};

const struct pr_command pr_command_status = {
    .name = "status",
    .summary = "show what the watch does and what it found",
    .arguments = "",
    .about =
        "Shows where the training stands, the newest and the best checkpoint, what each system "
        "last found and when, the queue of grading with its progress, the tokens that were "
        "computed, and open alerts. On a terminal it is kept up to date, about once a second, "
        "until Ctrl-C; in a pipe it is shown once.\n\n"
        "It only reads, and works without a running proctor too: then it shows what was found "
        "last, and says that nothing is watched.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = {{"How does it stand?", "proctor status"},
        {"The newest verdict, for a script", "proctor status --json | jq -r .newest.level"}},
    .run = run,
};
