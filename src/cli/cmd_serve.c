/* proctor serve: an OpenAI-compatible server of one checkpoint. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/secret.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/note.h"
#include "cli/option_keys.h"
#include "cli/serving.h"
#include "cli/session.h"
#include "cli/term.h"
#include "daemon/config.h"
#include "http/hosts.h"
#include "serve/http.h"

#define DRAIN_MS    10000
#define MOST_CACHED 64

struct setup {
    struct pr_serve_server_options server;
    struct pr_serve_http_options http;
    char *key, *note; /* note: where status/serve.json is; NULL: nowhere */
};

/* ---- serving ---- */

static enum pr_code listen_and_serve(
    const struct setup *u, struct pr_serving *w, struct pr_error *e)
{
    struct pr_serve_http *h;
    struct pr_serve_now now;
    enum pr_code code = pr_serve_http_new(w->server, &u->http, &h, e);
    if (code)
        return code;
    json_t *note = pr_note_new();
    pr_note_set_url(note, "url", pr_serve_http_tls(h), u->http.bind, pr_serve_http_port(h), "/v1");
    code = u->note ? pr_note_write(u->note, note, e) : PR_OK;
    if (!code) {
        pr_serve_server_now(w->server, &now);
        pr_say("serve", "%s (%.16s, %s) at %s%s", now.name, now.fingerprint, now.numerics,
            json_string_value(json_object_get(note, "url")), u->key ? ", with a key" : "");
        pr_serving_run(w);
        pr_note_remove(u->note);
    }
    json_decref(note);
    pr_serve_http_stop(h);
    pr_serve_server_drain(w->server, code ? 0 : DRAIN_MS);
    pr_serve_http_free(h);
    return code;
}

static int serve(const struct setup *u, const char *dir, bool watch)
{
    struct pr_serving w;
    struct pr_error e;
    if (watch && !pr_serving_wait(dir))
        return PR_EXIT_STOPPED;
    pr_serving_init(&w, dir, watch);
    enum pr_code code = pr_serve_server_new(&u->server, &w.server, &e);
    if (!code) {
        code = listen_and_serve(u, &w, &e);
        pr_serve_server_free(w.server);
    }
    if (code)
        pr_say("serve", "%s", e.message);
    return code == PR_E_CANCELLED ? PR_EXIT_STOPPED : code ? PR_EXIT_REFUSED : PR_EXIT_OK;
}

/* ---- from the command line ---- */

static const struct pr_option_key keys[] = {{"port", "serve.port"}, {"bind", "serve.bind"},
    {"name", "serve.name"}, {"kv-mb", "serve.kv_mb"}, {"deadline", "serve.deadline_seconds"}};

static enum pr_code read_key(
    const struct pr_args *a, const struct pr_config *c, char **ret, struct pr_error *e)
{
    const char *path = pr_args_text(a, "api-key-file");
    path = path ? path : c->serve.api_key_file;
    *ret = NULL;
    if (path)
        return pr_secret_read(path, "key", ret, e);
    if (pr_host_is_loopback(c->serve.bind))
        return PR_OK;
    return pr_fail(e, PR_E_USAGE,
        "at %s others could ask too: give a file with a key (--api-key-file), or listen at "
        "127.0.0.1",
        c->serve.bind);
}

static enum pr_math math_of(const char *name)
{
    return !strcmp(name, "f32") ? PR_MATH_F32 : !strcmp(name, "bf16") ? PR_MATH_BF16 : PR_MATH_AUTO;
}

static bool interrupted(void *ctx)
{
    (void)ctx;
    return pr_interrupted();
}

static enum pr_code make_setup(const struct pr_args *a, const struct pr_config *c, const char *dir,
    struct setup *u, struct pr_error *e)
{
    *u = (struct setup){.server = {.dir = dir,
                            .bind = c->serve.bind,
                            .name = c->serve.name,
                            .most_waiting = (size_t)pr_args_int(a, "max-waiting", 0),
                            .deadline_s = (int)c->serve.deadline_seconds,
                            .allow_load = true,
                            .stop = {interrupted, NULL}},
        .http = {.bind = c->serve.bind,
            .port = (int)c->serve.port,
            .tls_certificate = pr_args_text(a, "tls-certificate"),
            .tls_key = pr_args_text(a, "tls-key"),
            .max_connections = (size_t)pr_args_int(a, "max-connections", 0)}};
    u->server.model = (struct pr_serve_model_options){.math = math_of(pr_args_text(a, "dtype")),
        .n_threads = (int)pr_args_int(a, "threads", 0),
        .kv_bytes = (size_t)c->serve.kv_mb << 20,
        .most_cached = MOST_CACHED,
        .checkpoint = {.base_model = pr_args_text(a, "base-model"),
            .bases = (const char *const(*)[2])c->bases,
            .n_bases = c->n_bases},
        .prompt = {.template_vars = c->variables}};
    if (!u->http.tls_certificate != !u->http.tls_key)
        return pr_fail(e, PR_E_USAGE, "--tls-certificate and --tls-key go together");
    if (!pr_config_parse_date(c->date, &u->server.model.prompt.now_utc_ms))
        u->server.model.prompt.now_utc_ms = 0;
    if (pr_args_given(a, "base-dir") || !a->n_positional)
        u->note = pr_path_join(c->base_dir, "status/serve.json");
    enum pr_code code = read_key(a, c, &u->key, e);
    u->server.key = u->key;
    return code;
}

static void setup_done(struct setup *u)
{
    if (u->key)
        explicit_bzero(u->key, strlen(u->key));
    pr_free(u->key);
    pr_free(u->note);
}

static int fail(enum pr_code code, const struct pr_error *e)
{
    pr_say("serve", "%s", e->message);
    return code == PR_E_USAGE ? PR_EXIT_USAGE : PR_EXIT_REFUSED;
}

static int run_with(const struct pr_args *a, struct pr_config *c)
{
    struct pr_error e;
    struct setup u;
    enum pr_code code = pr_option_keys_set(a, keys, sizeof keys / sizeof *keys, c, &e);
    if (code)
        return fail(PR_E_USAGE, &e);
    const char *dir = a->n_positional   ? a->positional[0]
                      : c->serve.target ? c->serve.target
                                        : c->deploy.target;
    if (!dir) {
        pr_say("serve",
            "which checkpoint?  Name its folder, or set serve.target (or deploy.target) "
            "in proctor.yaml");
        return PR_EXIT_USAGE;
    }
    code = make_setup(a, c, dir, &u, &e);
    int status =
        code ? fail(code, &e) : serve(&u, dir, pr_args_flag(a, "watch") || !a->n_positional);
    setup_done(&u);
    return status;
}

static int run(const struct pr_args *a)
{
    struct pr_error e;
    struct pr_config c;
    const char *given = pr_args_text(a, "base-dir");
    if (given && !pr_path_is_dir(given)) {
        pr_say("serve", "--base-dir: %s is no folder", given);
        return PR_EXIT_REFUSED;
    }
    pr_interrupt_mend_sigbus();
    pr_serving_heed_hup();
    char *dir = pr_config_base_dir(given);
    enum pr_code code = pr_config_load(dir, &c, &e);
    pr_free(dir);
    if (code)
        return fail(PR_E_FORMAT, &e);
    int status = run_with(a, &c);
    pr_config_done(&c);
    return status;
}

static const struct pr_option options[] = {
    {"port", "N", "port; 0 takes a free one (default: serve.port of proctor.yaml, else 8000)", NULL,
        PR_OPT_INT, 0, 65535},
    {"bind", "ADDRESS",
        "address to listen at; off loopback a key is needed (default: serve.bind of proctor.yaml, "
        "else 127.0.0.1)",
        NULL, PR_OPT_TEXT},
    {"api-key-file", "FILE",
        "file with the key that clients send, readable by its owner alone (default: "
        "serve.api_key_file of proctor.yaml, else none)",
        NULL, PR_OPT_TEXT},
    {"name", "NAME",
        "what clients call the model (default: serve.name of proctor.yaml, else the folder's name)",
        NULL, PR_OPT_TEXT},
    {"watch", NULL,
        "swap in what comes to be at MODEL_DIR: a link that is changed, a folder that is exchanged "
        "or written over",
        NULL, PR_OPT_FLAG},
    {"kv-mb", "N",
        "MB of keys and values that a model may hold; 0 is a quarter of its weights, 64 to 4096 "
        "(default: serve.kv_mb of proctor.yaml, else 0)",
        NULL, PR_OPT_INT, 0, 16777216},
    {"max-waiting", "N",
        "answers (choices) under way and waiting at a time; more are told to wait (429)", "1024",
        PR_OPT_INT, 1, 1000000},
    {"deadline", "S",
        "seconds after which an answer that is not ready ends as an error; 0 never (default: "
        "serve.deadline_seconds of proctor.yaml, else 600)",
        NULL, PR_OPT_INT, 0, 86400},
    {"max-connections", "N", "connections that are open at a time", "1024", PR_OPT_INT, 16, 65536},
    {"tls-certificate", "FILE", "PEM file with the certificate chain; with --tls-key", NULL,
        PR_OPT_TEXT},
    {"tls-key", "FILE", "PEM file with its private key", NULL, PR_OPT_TEXT},
    PR_OPTION_DTYPE,
    PR_OPTION_THREADS,
    PR_OPTION_BASE_MODEL,
    PR_OPTION_BASE_DIR,
};

const struct pr_command pr_command_serve = {
    .name = "serve",
    .summary = "serve a checkpoint over the OpenAI API; swap it without a gap",
    .arguments = "[MODEL_DIR]",
    .about =
        "Serves /v1/chat/completions, /v1/completions and /v1/models as OpenAI's clients ask for "
        "them, until it is stopped; without MODEL_DIR, the checkpoint that serve.target of "
        "proctor.yaml names. Requests are computed together, each exactly as it would be alone: a "
        "greedy answer is that of 'proctor complete'.\n\n"
        "Another checkpoint is loaded beside the one that serves; then new requests go to it, "
        "those under way end on the old one, and that is let go. No request is dropped. It comes "
        "by\n"
        "  POST /v1/load   {\"path\": FOLDER}\n"
        "  SIGHUP          what is at MODEL_DIR now\n"
        "  --watch         whenever another complete folder is at MODEL_DIR, or it was written "
        "over "
        "(always without MODEL_DIR)\n\n"
        "Every answer names the fingerprint of the model that gave it: system_fingerprint, and the "
        "header X-Model-Fingerprint. GET /health says whether it serves, GET /metrics how much. "
        "SIGTERM lets what is under way end, for 10 seconds at most.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 1,
    .examples = {{"Serve a checkpoint on this machine", "proctor serve models/checkpoint-100"},
        {"Whatever a link leads to, under a name that stays",
            "proctor serve --watch --name my-model models/deployed"},
        {"The one that serve.target of proctor.yaml names", "proctor serve --base-dir ~/TRAINING"},
        {"Start it, and ask it",
            "proctor serve --name m models/checkpoint-100 & sleep 5; curl -s "
            "localhost:8000/v1/completions -H 'Content-Type: application/json' -d "
            "'{\"model\":\"m\",\"prompt\":\"2 + 2 =\"}'"},
        {"For other machines",
            "(umask 077; openssl rand -hex 24 > key) && proctor serve --bind 0.0.0.0 "
            "--api-key-file key models/checkpoint-100"}},
    .run = run,
};
