/* doctor: what `proctor serve` would answer with, and where. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/secret.h"
#include "daemon/deploy_config.h"
#include "daemon/doctor_internal.h"
#include "http/hosts.h"
#include "machine/memory.h"
#include "model/memory.h"
#include "net/fetch.h"

#define ASK_MS     2000
#define MAX_ANSWER 65536
#define MIB        ((double)(1 << 20))

/* ---- where ---- */

/* Does a server of this base folder answer there (NULL: not known where)?  Then the report says
 * what it serves. */
static bool is_served(struct pr_doctor *d, const char *at)
{
    char *url = at ? pr_path_join(at, "health") : NULL;
    const struct pr_fetch_options o = {.url = url, .timeout_ms = ASK_MS, .max_bytes = MAX_ANSWER};
    struct pr_fetched got = {0};
    struct pr_error e;
    json_t *answer = NULL;
    if (url && (pr_fetch(&o, &got, &e) || pr_json_parse(pr_str_cstr(&got.body), got.body.len,
                                              PR_JSON_LENIENT, NULL, &answer, NULL, &e)))
        answer = NULL;
    const char *fingerprint = pr_json_text(answer, "fingerprint"),
               *model = pr_json_text(answer, "model");
    if (fingerprint)
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s answers, with %.80s (%.16s)", at,
            model ? model : "?", fingerprint);
    json_decref(answer);
    pr_fetched_done(&got);
    pr_free(url);
    return fingerprint;
}

/* 0, or errno of bind(2): whether the server could listen there, without listening. */
static int try_bind(const struct addrinfo *a)
{
    int on = 1, err = 0, fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* as the server does */
    if (bind(fd, a->ai_addr, a->ai_addrlen))
        err = errno;
    close(fd);
    return err;
}

static void check_port(struct pr_doctor *d, const char *own)
{
    const char *at = d->config.serve.bind;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found = NULL;
    int port = (int)d->config.serve.port;
    char text[16];
    snprintf(text, sizeof text, "%d", port);
    int no = getaddrinfo(at, text, &hints, &found), err = no ? 0 : try_bind(found);
    if (no)
        pr_doctor_say(d, PR_DOCTOR_ERROR, "correct serve.bind in proctor.yaml",
            "serve.bind: %s: %s", at, gai_strerror(no));
    else if (err == EADDRINUSE && own && !strncmp(own, "https:", 6))
        pr_doctor_say(d, PR_DOCTOR_NOTE, NULL,
            "%s is this folder's server, by its note; over https it is not asked", own);
    else if (err == EADDRINUSE)
        pr_doctor_say(d, PR_DOCTOR_ERROR, "set serve.port to another one, or to 0 for a free one",
            "port %d at %s is in use, and what listens there does not answer as this folder's "
            "proctor serve would",
            port, at);
    else if (err)
        pr_doctor_say(d, PR_DOCTOR_ERROR, "correct serve.bind or serve.port in proctor.yaml",
            "port %d at %s cannot be listened at: %s", port, at, strerror(err));
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "nothing serves now; %s%s at %s is free",
            port ? "port " : "a port", port ? text : "", at);
    if (found)
        freeaddrinfo(found);
}

/* ---- for whom ---- */

static void check_key(struct pr_doctor *d)
{
    const char *path = d->config.serve.api_key_file;
    struct pr_error e;
    char *key = NULL;
    if (path && pr_secret_read(path, "key", &key, &e))
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "(umask 077; openssl rand -hex 24 > FILE) makes one, for serve.api_key_file", "%s",
            e.message);
    else if (!path && !pr_host_is_loopback(d->config.serve.bind))
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "name a file with a key as serve.api_key_file, or set serve.bind to 127.0.0.1",
            "at %s others could ask too, and no key is asked for: it will not start",
            d->config.serve.bind);
    if (key)
        explicit_bzero(key, strlen(key));
    pr_free(key);
}

/* ---- what ---- */

static void check_memory(struct pr_doctor *d, struct pr_model_memory m, bool served)
{
    uint64_t one = m.weights + m.kv, free_bytes;
    free_bytes = pr_machine_memory_available("/proc", "/sys/fs/cgroup");
    double one_mib = (double)one / MIB, free_mib = (double)free_bytes / MIB;
    const char *remedy =
        "a smaller serve.kv_mb takes less; so does a machine that does nothing else";
    if (!free_bytes)
        pr_doctor_say(d, PR_DOCTOR_NOTE, NULL, "the system does not tell how much memory is free");
    else if (!served && one > free_bytes)
        pr_doctor_say(d, PR_DOCTOR_ERROR, remedy,
            "it takes %.1f MiB of memory (weights and KV cache), and %.1f MiB are free", one_mib,
            free_mib);
    else if ((served ? one : 2 * one) > free_bytes)
        pr_doctor_say(d, PR_DOCTOR_WARNING, remedy,
            "another one of its size cannot be swapped in beside it: each takes %.1f MiB (weights "
            "and KV cache), and %.1f MiB are free%s",
            one_mib, free_mib, served ? " beside the one that serves" : "");
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL,
            "it takes %.1f MiB of memory (weights and KV cache), and another one fits beside it",
            one_mib);
}

static enum pr_code open_model(
    const struct pr_doctor *d, const char *dir, struct pr_model_memory *ret, struct pr_error *e)
{
    const struct pr_checkpoint_options o = {.bases = (const char *const(*)[2])d->config.bases,
        .n_bases = d->config.n_bases,
        .weights = true};
    const struct pr_engine_options engine = {.math = PR_MATH_AUTO};
    const struct pr_tokenizer *tokenizer;
    struct pr_checkpoint *c = NULL;
    enum pr_math math;
    char numerics[PR_NUMERICS_MAX];
    enum pr_code code = pr_checkpoint_open(dir, &o, &c, e);
    if (!code)
        code = pr_checkpoint_tokenizer(c, &tokenizer, e);
    if (!code)
        code = pr_engine_choose(c, &engine, &math, numerics, e);
    if (!code)
        *ret = pr_model_memory_of(c, math, (size_t)d->config.serve.kv_mb << 20);
    pr_checkpoint_free(c);
    return code;
}

static void check_model(struct pr_doctor *d, const char *dir, bool served)
{
    struct pr_model_memory m;
    struct pr_error e;
    if (!pr_path_exists(dir)) {
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            d->config.deploy.target && !strcmp(dir, d->config.deploy.target)
                ? "it waits until the first checkpoint is deployed: proctor deploy"
                : "it waits until a checkpoint is there; if none will be, correct serve.target",
            "%s is not there, or a link to nothing", dir);
    } else if (open_model(d, dir, &m, &e)) {
        pr_doctor_say(
            d, PR_DOCTOR_ERROR, "proctor inspect says more; correct serve.target", "%s", e.message);
    } else {
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s is a checkpoint that opens", dir);
        check_memory(d, m, served);
    }
}

void pr_doctor_serve(struct pr_doctor *d)
{
    const char *dir = d->config.serve.target ? d->config.serve.target : d->config.deploy.target;
    if (!d->config.serve.target && !d->config.serve.enabled) {
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "nothing is served (serve.target, serve.enabled)");
        return;
    }
    if (!dir) {
        pr_doctor_say(d, PR_DOCTOR_WARNING, "set serve.target to a checkpoint's folder",
            "serve.enabled is true, but neither serve.target nor deploy.target names what to "
            "serve");
        return;
    }
    char *own = pr_deploy_own_server(&d->config);
    bool served = is_served(d, own);
    if (!served)
        check_port(d, own);
    pr_free(own);
    check_key(d);
    check_model(d, dir, served);
}
