/* doctor: what auto-deployment brings checkpoints to, and the server that loads them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "curriculum/probe_child.h"
#include "daemon/deploy_config.h"
#include "daemon/doctor_internal.h"
#include "deploy/deploy.h"
#include "deploy/source.h"
#include "net/fetch.h"

#define HEALTH_MS 2000

/* ---- the target ---- */

/* File systems whose rename knows no RENAME_EXCHANGE, by statfs(2)'s number: those of which it is
 * certain (fs/nfs/dir.c, fs/smb/client/inode.c, fs/9p/vfs_inode.c, fs/ceph/dir.c,
 * fs/exfat/namei.c). */
static const struct {
    uint32_t type;
    const char *name;
} no_exchange[] = {{0x6969, "NFS"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"}, {0x517b, "SMB"},
    {0x01021997, "9P"}, {0x00c36400, "Ceph"}, {0x2011bab0, "exFAT"}};

/* Why a real folder cannot be exchanged with a version; NULL: nothing is known against it. */
static const char *no_exchange_of(const struct pr_place *p, char *buf, size_t size)
{
    struct stat target, parent;
    struct statfs s;
    if (!stat(p->target, &target) && !stat(p->parent, &parent) && target.st_dev != parent.st_dev)
        return "it is a mount point";
    for (size_t i = 0; !statfs(p->target, &s) && i < sizeof no_exchange / sizeof *no_exchange; i++)
        if (no_exchange[i].type == (uint32_t)s.f_type) {
            snprintf(buf, size, "%s cannot exchange folders", no_exchange[i].name);
            return buf;
        }
    return NULL;
}

static void say_link(struct pr_doctor *d, const struct pr_place *p, const json_t *now)
{
    char *text = pr_place_link(p);
    if (!now)
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "correct or remove the link; the next deployment replaces it",
            "%s is a link to %s, which is no folder: no server can load it", p->target,
            text ? text : "?");
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s is a link to %s", p->target, text ? text : "?");
    pr_free(text);
}

static void say_folder(struct pr_doctor *d, const struct pr_place *p)
{
    char buf[64];
    const char *why = no_exchange_of(p, buf, sizeof buf);
    if (why)
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "move the folder into deploy.target + \".versions\", and make deploy.target a symbolic "
            "link to it",
            "%s is a real folder, and nothing can take its place: %s", p->target, why);
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s is a real folder, exchanged whole", p->target);
}

static void check_target(struct pr_doctor *d, const struct pr_place *p)
{
    enum pr_target_kind kind = PR_TARGET_NONE;
    struct pr_error e;
    json_t *now = pr_place_current(p);
    if (pr_place_kind(p, &kind, &e))
        pr_doctor_say(
            d, PR_DOCTOR_ERROR, "make room for it, or correct deploy.target", "%s", e.message);
    else if (kind == PR_TARGET_NONE)
        pr_doctor_say(
            d, PR_DOCTOR_OK, NULL, "%s is not there yet: it becomes a symbolic link", p->target);
    else if (kind == PR_TARGET_LINK)
        say_link(d, p, now);
    else
        say_folder(d, p);
    if (now && !pr_json_text(now, "version"))
        pr_doctor_say(d, PR_DOCTOR_NOTE,
            "if it is none of the ranked checkpoints, the first deployment over it is made by "
            "hand: "
            "proctor deploy --force",
            "what it is now was not put there by proctor");
    json_decref(now);
}

static bool check_writable(struct pr_doctor *d, const char *dir)
{
    char *there = pr_doctor_nearest(dir);
    bool ok = pr_path_is_dir(there) && !access(there, W_OK | X_OK);
    if (!ok)
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "give it to the user that runs proctor, or correct deploy.target",
            "%s: versions cannot be put there: %s", there,
            pr_path_is_dir(there) ? strerror(errno) : "no folder");
    pr_free(there);
    return ok;
}

static void check_parent(struct pr_doctor *d, const struct pr_place *p)
{
    if (!check_writable(d, p->versions)) /* itself, or its parent, or what is above that */
        return;
    if (!pr_path_exists(p->parent))
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "correct deploy.target, if it is not meant: the first deployment makes that folder",
            "%s, in which the target is to lie, is not there", p->parent);
    else if (pr_path_exists(p->versions)) /* else it was looked at already */
        check_writable(d, p->parent);
}

static void check_journal(struct pr_doctor *d, const struct pr_place *p)
{
    struct pr_journal j;
    struct pr_error e;
    if (pr_journal_read(p->journal, &j, &e)) {
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "move the file away: what was deployed before is then not known any more", "%s",
            e.message);
        return;
    }
    const struct pr_deployment *last = pr_journal_last(&j);
    const char *version = last ? pr_json_text(last->plan, "version") : NULL;
    if (last && !pr_deployment_is_over(last))
        pr_doctor_say(d, d->owned ? PR_DOCTOR_NOTE : PR_DOCTOR_WARNING,
            "if nobody is at it now, the next start (proctor run, deploy or rollback) recovers it: "
            "given up before the swap, finished after it",
            "the deployment of %s is not over; its last step was '%s'", version ? version : "?",
            pr_deploy_step_names[last->step]);
    pr_journal_done(&j);
}

/* ---- the server ---- */

static void check_commands(struct pr_doctor *d, const struct pr_deploy_settings *s)
{
    const struct {
        const char *key;
        const json_t *command;
    } v[] = {{"command", s->command}, {"start_command", s->start_command},
        {"switch_command", s->switch_command}, {"stop_command", s->stop_command}};
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        const char *name = json_string_value(json_array_get(v[i].command, 0));
        struct pr_error e;
        char *path = NULL;
        if (name && !strchr(name, '{') && pr_probe_program(name, &path, &e))
            pr_doctor_say(d, PR_DOCTOR_ERROR, "name it with its path, or correct it there",
                "deploy.%s: %s", v[i].key, e.message);
        pr_free(path);
    }
}

/* Asks once; false with why. */
static bool is_healthy(const struct pr_ask *a, struct pr_error *e)
{
    const char *given = a->settings->health_url;
    char *url = given ? pr_ask_fill(a, given, PR_FILL_URL) : pr_ask_url(a->url, "/health");
    char *shown = pr_fetch_shown(url);
    json_t *answer = NULL;
    int status = 0;
    enum pr_code code = pr_ask_json(a, NULL, url, NULL, HEALTH_MS, &status, &answer, e);
    if (!code && status != 200) {
        char *said = pr_ask_said(status, answer);
        code = pr_fail(e, PR_E_IO, "%s: %s", shown, said);
        pr_free(said);
    }
    json_decref(answer);
    pr_free(shown);
    pr_free(url);
    return !code;
}

static void say_health(struct pr_doctor *d, bool healthy, const struct pr_error *e)
{
    bool ours = !healthy && e->code != PR_E_IO && e->code != PR_E_LIMIT;
    if (healthy)
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "the server is healthy");
    else
        pr_doctor_say(d, ours ? PR_DOCTOR_ERROR : PR_DOCTOR_WARNING,
            ours ? "correct it in proctor.yaml"
                 : "start it before the first deployment, or correct deploy.url or health_url",
            ours ? "%s" : "the server is not healthy now: %s", e->message);
}

/* vLLM's is in one of two places. */
static void check_health(
    struct pr_doctor *d, const struct pr_deploy_settings *s, const struct pr_place *p)
{
    struct pr_ask a = {.settings = s, .path = p->target, .name = p->name, .version = ""};
    const json_t *slots = s->driver && !strcmp(s->driver, "vllm") ? s->slots : NULL;
    struct pr_error e;
    bool healthy = false;
    a.url = s->url;
    if (!slots && !s->url && !s->health_url) {
        pr_doctor_say(d, PR_DOCTOR_NOTE, "set deploy.url to have the server probed",
            "no server is asked whether it serves what is deployed: deploy.url is not set");
        return;
    }
    if (!slots)
        healthy = is_healthy(&a, &e);
    for (a.slot = 1; slots && a.slot <= 2 && !healthy; a.slot++) {
        a.url = json_string_value(json_array_get(slots, (size_t)a.slot - 1));
        healthy = is_healthy(&a, &e);
    }
    say_health(d, healthy, &e);
}

static void check_server(
    struct pr_doctor *d, const struct pr_deploy_settings *s, const struct pr_place *p)
{
    const struct pr_driver *driver;
    struct pr_error e;
    char *bearer = NULL;
    if (pr_deploy_source_check(s, &e))
        pr_doctor_say(d, PR_DOCTOR_ERROR, "correct deploy.source in proctor.yaml", "%s", e.message);
    check_commands(d, s);
    if (pr_ask_bearer(s->api_key_file, "deploy.api_key_file", &bearer, &e))
        pr_doctor_say(d, PR_DOCTOR_ERROR, "correct deploy.api_key_file", "%s", e.message);
    else if (pr_driver_check(s, &driver, &e))
        pr_doctor_say(
            d, PR_DOCTOR_ERROR, "docs/deploy.md has an example of each driver", "%s", e.message);
    else
        check_health(d, s, p);
    if (bearer)
        explicit_bzero(bearer, strlen(bearer));
    pr_free(bearer);
}

void pr_doctor_deploy(struct pr_doctor *d)
{
    struct pr_deploy_config c;
    struct pr_place p;
    struct pr_error e;
    if (!d->config.deploy.target) {
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "nothing is deployed (deploy.target)");
        return;
    }
    if (pr_doctor_leaves_out(d, &pr_system_auto_deployment))
        return;
    pr_deploy_config_of(&d->config, &c);
    if (pr_place_open(c.settings.target, &p, &e)) {
        pr_doctor_say(d, PR_DOCTOR_ERROR, "correct it in proctor.yaml", "%s", e.message);
    } else {
        check_parent(d, &p);
        check_target(d, &p);
        check_journal(d, &p);
        check_server(d, &c.settings, &p);
        pr_place_done(&p);
    }
    pr_deploy_config_done(&c);
}
