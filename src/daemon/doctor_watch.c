/* doctor: the daemon's own things: owner, socket, gradebook, channels of alerts, systemd's unit. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "daemon/channels.h"
#include "daemon/doctor_internal.h"
#include "daemon/owner.h"
#include "gradebook/gradebook.h"

#define MAX_SHOWN 5
#define ANSWER_MS 5000

/* The process that holds the kernel's lock on proctor.lock, from /proc/locks, since trying the lock
 * could keep a proctor that starts now from taking it; 0: none. */
static long lock_holder(const struct pr_doctor *d)
{
    char *path = pr_doctor_path(d, "proctor.lock"), text[1 << 16], place[64];
    struct stat st;
    long pid = 0;
    bool there = !stat(path, &st);
    pr_free(path);
    if (!there || !pr_doctor_read("/proc/locks", text, sizeof text))
        return 0;
    snprintf(place, sizeof place, " %02x:%02x:%llu ", major(st.st_dev), minor(st.st_dev),
        (unsigned long long)st.st_ino);
    for (char *line = text, *end; *line && !pid; line = end) { /* "1: FLOCK ADVISORY WRITE pid …" */
        end = line + strcspn(line, "\n");
        if (*end)
            *end++ = 0;
        const char *write = strstr(line, " WRITE ");
        if (!strstr(line, " FLOCK ") || !strstr(line, place) || strstr(line, "->") || !write)
            continue;
        pid = strtol(write + strlen(" WRITE "), NULL, 10);
        if (pid <= 0)
            pid = -1; /* of another container */
    }
    return pid;
}

static void say_owner(struct pr_doctor *d, const json_t *state)
{
    const json_t *owner = json_object_get(state, "owner"),
                 *storage = json_object_get(state, "storage");
    const char *version = NULL, *since = NULL, *paused = NULL, *reason = NULL;
    int64_t pid = 0;
    (void)!pr_json_get_int(owner, "pid", false, 0, INT32_MAX, &pid, NULL);
    (void)!pr_json_get_str(owner, "version", false, &version, NULL);
    (void)!pr_json_get_str(owner, "since", false, &since, NULL);
    pr_doctor_say(d, PR_DOCTOR_OK, NULL, "process %lld runs on this folder, since %.40s",
        (long long)pid, since ? since : "a time that it does not say");
    if (version && strcmp(version, PR_VERSION))
        pr_doctor_say(d, PR_DOCTOR_NOTE, "restart it to have both the same",
            "it is proctor %.40s, this is proctor %s", version, PR_VERSION);
    (void)!pr_json_get_str(storage, "state", false, &paused, NULL);
    (void)!pr_json_get_str(storage, "reason", false, &reason, NULL);
    if (paused && !strcmp(paused, "paused"))
        pr_doctor_say(d, PR_DOCTOR_ERROR, "it goes on by itself once that is mended",
            "it has stopped grading: %.500s", reason ? reason : "it does not say why");
}

void pr_doctor_owner(struct pr_doctor *d)
{
    struct pr_error e;
    json_t *question = json_pack("{s:s}", "type", "state"), *answer = NULL;
    enum pr_code code = pr_owner_ask(d->base_dir, question, ANSWER_MS, &answer, &e);
    long holder = code ? lock_holder(d) : 0;
    json_decref(question);
    d->owned = !code || holder;
    if (!code)
        say_owner(d, json_object_get(answer, "state"));
    else if (code == PR_E_NOT_FOUND && !holder)
        pr_doctor_say(
            d, PR_DOCTOR_NOTE, "proctor run starts one", "no proctor runs on this folder");
    else if (holder > 0)
        pr_doctor_say(d, PR_DOCTOR_ERROR, "end that process, and start proctor again",
            "process %ld owns this folder and does not answer: %s", holder, e.message);
    else
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "run doctor as the user and in the container that proctor runs in", "%s", e.message);
    json_decref(answer);
}

void pr_doctor_socket(struct pr_doctor *d)
{
    char *path = pr_doctor_path(d, "proctor.sock");
    struct stat st;
    if (lstat(path, &st))
        pr_doctor_say(d, d->owned ? PR_DOCTOR_WARNING : PR_DOCTOR_OK,
            d->owned ? "restart proctor: commands cannot reach it" : NULL, "there is none");
    else if (!S_ISSOCK(st.st_mode))
        pr_doctor_say(
            d, PR_DOCTOR_ERROR, "remove it, and start proctor again", "%s is no socket", path);
    else if (st.st_mode & 077)
        pr_doctor_say(d, PR_DOCTOR_ERROR, "chmod 600 on it",
            "other users may connect to %s (mode %03o)", path, (unsigned)(st.st_mode & 0777));
    else if (st.st_uid != geteuid() && geteuid())
        pr_doctor_say(d, PR_DOCTOR_WARNING, "run commands as the user that runs proctor",
            "%s is another user's (uid %u)", path, (unsigned)st.st_uid);
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s",
            d->owned ? "only this user may connect" : "left by a proctor that ended; harmless");
    pr_free(path);
}

/* The checkpoints that the gradebook holds something against. */
static void say_refused(struct pr_doctor *d, struct pr_gradebook *g)
{
    const struct pr_checkpoint_filter all = {0};
    struct pr_checkpoint_row *rows = NULL;
    size_t n = 0, shown = 0, more = 0;
    if (pr_gradebook_checkpoints(g, &all, &rows, &n, NULL))
        return;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].state != PR_CHECKPOINT_QUARANTINED && rows[i].state != PR_CHECKPOINT_REFUSED)
            continue;
        if (shown++ < MAX_SHOWN)
            pr_doctor_say(d, PR_DOCTOR_WARNING,
                "it is tried again once its files change; proctor inspect says more",
                "%s is %s: %s", rows[i].name, pr_checkpoint_state_name(rows[i].state),
                rows[i].reason ? rows[i].reason : "no reason is known");
        else
            more++;
    }
    if (more)
        pr_doctor_say(d, PR_DOCTOR_WARNING, "proctor status lists them",
            "and %zu more checkpoints are refused or quarantined", more);
    pr_checkpoint_rows_free(rows, n);
}

static void say_problems(struct pr_doctor *d, struct pr_gradebook *g)
{
    static const char remedy[] =
        "stop proctor, keep a copy of proctor.db, then sqlite3 proctor.db .recover into a new one; "
        "without it the checkpoints are graded again";
    char **problems = NULL;
    size_t n = 0;
    struct pr_error e;
    if (pr_gradebook_check(g, &problems, &n, &e)) {
        pr_doctor_say(d, PR_DOCTOR_ERROR, remedy, "%s", e.message);
        return;
    }
    for (size_t i = 0; i < n && i < MAX_SHOWN; i++)
        pr_doctor_say(d, PR_DOCTOR_ERROR, remedy, "%s", problems[i]);
    if (!n)
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "intact (schema %d)", pr_gradebook_schema(g));
    pr_names_free(problems, n);
}

void pr_doctor_gradebook(struct pr_doctor *d)
{
    char *path = pr_doctor_path(d, "proctor.db");
    struct pr_gradebook *g = NULL;
    struct pr_error e;
    enum pr_code code =
        pr_gradebook_open(path, d->owned ? PR_GRADEBOOK_READ : PR_GRADEBOOK_LOOK, &g, &e);
    if (code == PR_E_NOT_FOUND)
        pr_doctor_say(d, PR_DOCTOR_NOTE, NULL, "none yet: proctor makes it when it first runs");
    else if (code == PR_E_UNSUPPORTED)
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "use that proctor; one written by an older proctor is brought up to date by 'proctor "
            "run'",
            "%s", e.message);
    else if (code)
        pr_doctor_say(d, PR_DOCTOR_ERROR,
            "proctor.db must belong to the user that runs proctor and be whole; a copy of it put "
            "back works, and without one the checkpoints are graded again",
            "%s", e.message);
    else {
        say_problems(d, g);
        say_refused(d, g);
    }
    pr_gradebook_close(g);
    pr_free(path);
}

/* A program that a channel runs: is it there? */
static void check_program(const struct pr_channel *c, json_t *problems)
{
    const char *program = json_string_value(json_array_get(c->command, 0));
    char text[700];
    if (!program || !strchr(program, '/') || !access(program, X_OK))
        return;
    snprintf(text, sizeof text, "alerts.channels.%s: %.500s cannot be run: %s", c->name, program,
        strerror(errno));
    json_array_append_new(problems, json_string(text));
}

void pr_doctor_alerts(struct pr_doctor *d)
{
    struct pr_channels c;
    json_t *x, *problems = json_array();
    size_t i;
    pr_channels_read(&d->config, &c, problems);
    pr_channels_check_files(&c, problems);
    for (i = 0; i < c.n; i++)
        check_program(&c.v[i], problems);
    json_array_foreach (problems, i, x)
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "correct it: docs/alerts.md has the keys of each kind; what is wrong is left out, and "
            "the watch goes on without it",
            "%s", json_string_value(x));
    if (c.n)
        pr_doctor_say(d, PR_DOCTOR_OK, "proctor alert test says whether they arrive",
            "%zu channel%s of alerts", c.n, c.n == 1 ? "" : "s");
    else if (!json_array_size(problems))
        pr_doctor_say(d, PR_DOCTOR_NOTE, "alerts.channels of proctor.yaml names where to",
            "alerts are shown and sent nowhere");
    pr_channels_done(&c);
    json_decref(problems);
}

/* Is base_dir named in the unit's file? */
static bool names_folder(const struct pr_doctor *d, const char *path)
{
    char *text = NULL, *real = realpath(d->base_dir, NULL);
    size_t n;
    bool found = !pr_file_read(AT_FDCWD, path, 1 << 20, &text, &n, NULL) &&
                 (strstr(text, d->base_dir) || (real && strstr(text, real)));
    pr_free(real); /* realpath's memory is the C library's, as all of alloc.h's is */
    pr_free(text);
    return found;
}

void pr_doctor_unit(struct pr_doctor *d)
{
    const char *home = getenv("HOME");
    char *users = pr_path_join(home ? home : "/", ".config/systemd/user/proctor.service");
    const char *const paths[] = {"/etc/systemd/system/proctor.service",
        "/usr/local/lib/systemd/system/proctor.service", "/lib/systemd/system/proctor.service",
        users};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof paths / sizeof *paths && !found; i++)
        if (pr_path_exists(paths[i]))
            found = paths[i];
    if (!found)
        pr_doctor_say(d, PR_DOCTOR_NOTE,
            pr_path_exists("/run/systemd/system")
                ? "docs/running.md says how to have proctor started and watched by systemd"
                : NULL,
            "no unit proctor.service here");
    else if (!names_folder(d, found))
        pr_doctor_say(d, PR_DOCTOR_NOTE,
            "name the base folder in it, after --base-dir and as ReadWritePaths",
            "%s is there, for another base folder", found);
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s", found);
    pr_free(users);
}
