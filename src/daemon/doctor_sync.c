/* doctor: what brings checkpoints here, or from here to another machine.
 *
 * The other side is asked for its listing, as a look of checkpoint sync asks, with less patience.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "curriculum/probe_child.h"
#include "daemon/doctor_internal.h"
#include "systems/sync_places.h"
#include "transfer/push.h"

#define CONNECT_S 3
#define ANSWER_S  3
#define GB        1e9

static const char by_hand[] =
    "as the user that runs proctor, `ssh -o BatchMode=yes HOST true` must work; sync.remote_host, "
    "remote_user, remote_port and ssh_options say which way";
static const char by_itself[] =
    "it is tried again by itself; if that machine is up, correct sync.remote_host or remote_port";
static const char other_folder[] =
    "correct sync.remote_dir, or make that folder; a relative one is of the home folder there";
static const char mounted[] = "mount it, or correct sync.remote_dir";
static const char writable[] = "give it to the user that runs proctor";

static void check_programs(struct pr_doctor *d)
{
    static const struct {
        const char *name, *remedy;
    } programs[] = {
        {"ssh", "install it: package openssh-client"}, {"rsync", "install it: package rsync"}};
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        struct pr_error e;
        char *path = NULL;
        if (pr_probe_program(programs[i].name, &path, &e))
            pr_doctor_say(d, PR_DOCTOR_ERROR, programs[i].remedy,
                "%s is not installed here, and checkpoints come by it", programs[i].name);
        pr_free(path);
    }
}

static void say_failed(
    struct pr_doctor *d, const struct pr_sync_settings *s, const struct pr_error *e)
{
    bool later = s->remote_host && (e->code == PR_E_IO || e->code == PR_E_LIMIT);
    const char *remedy = !s->remote_host             ? mounted
                         : later                     ? by_itself
                         : e->code == PR_E_NOT_FOUND ? other_folder
                                                     : by_hand;
    pr_doctor_say(d, later ? PR_DOCTOR_WARNING : PR_DOCTOR_ERROR, remedy, "%s", e->message);
}

static void say_room(
    struct pr_doctor *d, const struct pr_sync_settings *s, const char *dir, double bytes)
{
    bool is_short = bytes / GB < s->reserve_gb;
    pr_doctor_say(d, is_short ? PR_DOCTOR_WARNING : PR_DOCTOR_OK,
        is_short ? "free some there, or lower sync.reserve_gb" : NULL,
        is_short
            ? "%.1f GB are free at %s, and sync.reserve_gb is %.1f: older checkpoints that came "
              "go for a new one, and if that is not enough none comes"
            : "%.1f GB are free at %s; %.1f stay so",
        bytes / GB, dir, s->reserve_gb);
}

/* Of the other machine, over the connection that there is. */
static void check_far_room(
    struct pr_doctor *d, const struct pr_sync_settings *s, struct pr_store *store)
{
    uint64_t bytes = pr_push_room(store);
    if (bytes != UINT64_MAX)
        say_room(d, s, pr_store_name(store), (double)bytes);
}

static void check_listing(struct pr_doctor *d, const struct pr_sync_settings *s)
{
    struct pr_store *store = NULL;
    struct pr_listing l = {0};
    struct pr_error e;
    enum pr_code code = pr_sync_open_remote(s, d->base_dir, CONNECT_S, ANSWER_S, NULL, &store, &e);
    if (!code)
        code = pr_store_list(store, &l, &e);
    if (code)
        say_failed(d, s, &e);
    else
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s holds %zu checkpoint%s", pr_store_name(store), l.n,
            l.n == 1 ? "" : "s");
    if (!code && s->push && s->remote_host)
        check_far_room(d, s, store);
    pr_listing_done(&l);
    pr_store_free(store);
}

/* Is there room where they go, and may they go there? */
static void check_place(struct pr_doctor *d, const struct pr_sync_settings *s, const char *dir)
{
    char *there = pr_doctor_nearest(dir); /* it is made when the first comes */
    struct statvfs v;
    if (!pr_path_is_dir(there))
        pr_doctor_say(d, PR_DOCTOR_ERROR, s->push ? mounted : "correct sync.local_dir",
            "%s is no folder", there);
    else if (access(there, W_OK | X_OK))
        pr_doctor_say(d, PR_DOCTOR_ERROR, writable, "%s: this user cannot write there: %s", there,
            strerror(errno));
    else if (statvfs(there, &v))
        pr_doctor_say(d, PR_DOCTOR_WARNING, writable, "%s: %s", there, strerror(errno));
    else
        say_room(d, s, dir, (double)v.f_bavail * (double)v.f_frsize);
    pr_free(there);
}

static bool is_same(const char *a, const char *b)
{
    struct stat x, y;
    return !strcmp(a, b) ||
           (!stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* What comes elsewhere is graded by nobody. */
static void check_watched(struct pr_doctor *d, const struct pr_sync_settings *s)
{
    char *usual[2] = {
        pr_doctor_path(d, "models/current_model"), pr_doctor_path(d, "current_model")};
    const char *to = s->local_dir;
    bool watched = !to || (s->current ? is_same(to, s->current)
                                      : is_same(to, usual[0]) || is_same(to, usual[1]));
    if (!watched)
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "set models.current to the same folder, or leave sync.local_dir out",
            "what comes to %s is not graded: the watch looks at %s", to,
            s->current ? s->current : usual[0]);
    pr_free(usual[0]);
    pr_free(usual[1]);
}

static void check_source(struct pr_doctor *d, const char *dir)
{
    if (pr_path_is_dir(dir) && access(dir, R_OK | X_OK))
        pr_doctor_say(d, PR_DOCTOR_ERROR, writable, "%s: this user cannot read there: %s", dir,
            strerror(errno));
    else if (pr_path_is_dir(dir))
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "checkpoints are pushed from %s", dir);
    else
        pr_doctor_say(d, PR_DOCTOR_WARNING,
            "let the trainer write there, or correct sync.local_dir",
            "%s, whose checkpoints are to be pushed, is not there", dir);
}

void pr_doctor_sync(struct pr_doctor *d)
{
    struct pr_sync_settings s = d->config.sync;
    s.current = d->config.current;
    if (!s.remote_dir) {
        pr_doctor_say(d, PR_DOCTOR_OK, NULL, "nothing is synced (sync.remote_dir)");
        return;
    }
    if (pr_doctor_leaves_out(d, &pr_system_checkpoint_sync))
        return;
    char *local = pr_sync_local_dir(&s, d->base_dir);
    char *far = s.push && !s.remote_host ? pr_sync_mounted_dir(&s, d->base_dir) : NULL;
    if (s.remote_host)
        check_programs(d);
    check_listing(d, &s);
    if (s.push)
        check_source(d, local);
    else
        check_watched(d, &s);
    if (far || !s.push)
        check_place(d, &s, far ? far : local);
    pr_free(far);
    pr_free(local);
}
