/* proctor api: serves the API and the page until it is stopped. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/http.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/note.h"
#include "cli/option_keys.h"
#include "cli/term.h"
#include "daemon/config.h"
#include "daemon/log.h"

static json_t *make_note(const struct pr_api *a, const struct pr_http *h, const char *bind)
{
    bool tls = pr_http_tls(h);
    json_t *o = pr_note_new();
    pr_note_set_url(o, "api_url", tls, bind, pr_http_port(h, PR_HTTP_API), "/");
    pr_note_set_url(o, "page_url", tls, bind, pr_http_port(h, PR_HTTP_PAGE), "/");
    pr_json_set_bool(o, "page", pr_api_has_page(a));
    return o;
}

static void wait_for_end(void)
{
    while (!pr_interrupted()) {
        struct pollfd stop = {.fd = pr_interrupt_fd(), .events = POLLIN};
        poll(&stop, 1, -1);
    }
}

static enum pr_code serve(struct pr_api *a, const struct pr_config *c, struct pr_error *e)
{
    struct pr_http *h = NULL;
    enum pr_code code = pr_http_new(a, c, &h, e);
    if (code)
        return code;
    char *path = pr_path_join(c->base_dir, "status/api.json");
    json_t *note = make_note(a, h, c->api.bind);
    code = pr_note_write(path, note, e);
    if (!code) {
        pr_say("api", "the page is at %s, the API at %s",
            json_string_value(json_object_get(note, "page_url")),
            json_string_value(json_object_get(note, "api_url")));
        wait_for_end();
        pr_note_remove(path);
    }
    json_decref(note);
    pr_free(path);
    pr_http_stop(h);
    pr_api_stop(a);
    pr_http_free(h);
    return code;
}

/* ---- from the command line ---- */

/* Ends with the one that started it, however that one ends. */
static bool bind_to_parent(int64_t parent)
{
    if (!parent)
        return true;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    return (int64_t)getppid() == parent; /* it may have died before this */
}

static const struct pr_option_key keys[] = {
    {"port", "api.port"}, {"page-port", "api.page_port"}, {"bind", "api.bind"}};

static void log_to(const struct pr_config *c)
{
    char *folder = pr_path_join(c->base_dir, "logs");
    pr_log_init(&(struct pr_log_options){.folder = folder,
        .level = pr_log_level_of(c->log_level),
        .max_bytes = c->log_max_mb << 20,
        .max_days = c->log_max_days,
        .keep = (int)c->log_keep});
    pr_free(folder);
}

/* As far as graders do: however much is asked of it, grading and the user's training keep their
 * share. */
static void stand_back(const struct pr_config *c)
{
    int mine = getpriority(PRIO_PROCESS, 0);
    if (mine < c->grader_nice)
        setpriority(PRIO_PROCESS, 0, (int)c->grader_nice);
}

static int run_with(const struct pr_args *args, struct pr_config *c)
{
    struct pr_error e;
    struct pr_api *a = NULL;
    if (pr_option_keys_set(args, keys, sizeof keys / sizeof *keys, c, &e)) {
        pr_say("api", "%s", e.message);
        return PR_EXIT_USAGE;
    }
    log_to(c);
    stand_back(c);
    enum pr_code code = pr_api_new(c, &a, &e);
    if (!code) {
        code = serve(a, c, &e);
        pr_api_stop(a);
        pr_api_free(a);
    }
    pr_log_done();
    if (code)
        pr_say("api", "%s", e.message);
    return code ? PR_EXIT_REFUSED : PR_EXIT_OK;
}

static int run(const struct pr_args *a)
{
    struct pr_error e;
    struct pr_config c;
    int status = PR_EXIT_REFUSED;
    if (!bind_to_parent(pr_args_int(a, "parent", 0)))
        return PR_EXIT_OK;
    char *dir = pr_config_base_dir(pr_args_text(a, "base-dir"));
    if (!pr_path_is_dir(dir))
        pr_say("api", "there is no base folder %s: `proctor init` makes one", dir);
    else if (pr_config_load(dir, &c, &e))
        pr_say("api", "%s", e.message);
    else {
        status = run_with(a, &c);
        pr_config_done(&c);
    }
    pr_free(dir);
    return status;
}

static const struct pr_option options[] = {
    PR_OPTION_BASE_DIR,
    {"port", "N",
        "port of the API; 0 takes a free one (default: api.port of proctor.yaml, else 5000)", NULL,
        PR_OPT_INT, 0, 65535},
    {"page-port", "N",
        "port of the page; 0 takes a free one (default: api.page_port of proctor.yaml, else 8080)",
        NULL, PR_OPT_INT, 0, 65535},
    {"bind", "ADDRESS", "address to listen at (default: api.bind of proctor.yaml, else 127.0.0.1)",
        NULL, PR_OPT_TEXT},
    {"parent", "PID", "end when this process, which started it, does", NULL, PR_OPT_INT, 1, 1e9},
};

const struct pr_command pr_command_api = {
    .name = "api",
    .summary = "serve the HTTP API and the live page",
    .arguments = "",
    .about =
        "Serves the API and the page over HTTP until it is stopped. `proctor run` does so by "
        "itself unless api.enabled of proctor.yaml says no; by itself this command shows a base "
        "folder in which nothing is watched too.\n\n"
        "It only reads: the gradebook, the status files, and what the running proctor says of "
        "itself. Where it can be reached is in status/api.json. On loopback reading needs no "
        "token; at any other address everything does, and actions always do: the token is in "
        "api.token in the base folder (api.token_file).",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = {{"Look at a base folder on this machine", "proctor api"},
        {"Free ports, for a script", "proctor api --port 0 --page-port 0"},
        {"For other machines; the token is needed then", "proctor api --bind 0.0.0.0"}},
    .run = run,
};
