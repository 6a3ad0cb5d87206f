/* The table of doctor's checks, and the report.
 *
 * A check looks and never writes: doctor may run beside a daemon, on a full or read-only disk, and
 * by somebody who only wants to know. */
#include "daemon/doctor.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/doctor_internal.h"
#include "daemon/roles.h"

#define FUTURE_S 300 /* clocks of two machines may differ by so much */

static void check_configuration(struct pr_doctor *d);

static const struct {
    const char *name;
    void (*run)(struct pr_doctor *d);
    bool needs_folder;
} checks[] = {
    {"configuration", check_configuration, false},
    {"base folder", pr_doctor_folder, false},
    {"file system", pr_doctor_filesystem, true},
    {"disk space", pr_doctor_space, true},
    {"owner", pr_doctor_owner, true},
    {"socket", pr_doctor_socket, true},
    {"gradebook", pr_doctor_gradebook, true},
    {"checkpoints", pr_doctor_checkpoints, true},
    {"reference", pr_doctor_reference, true},
    {"suites", pr_doctor_suites, true},
    {"testing suite", pr_doctor_testing, true},
    {"curriculum", pr_doctor_curriculum, true},
    {"skills", pr_doctor_skills, false},
    {"peers", pr_doctor_peers, false},
    {"sync", pr_doctor_sync, true},
    {"deployment", pr_doctor_deploy, true},
    {"serve", pr_doctor_serve, true},
    {"alerts", pr_doctor_alerts, false},
    {"status files", pr_doctor_status, true},
    {"left-overs", pr_doctor_leftovers, true},
    {"instruction set", pr_doctor_cpu, false},
    {"memory", pr_doctor_memory, false},
    {"open files", pr_doctor_limits, false},
    {"inotify", pr_doctor_inotify, false},
    {"sandbox", pr_doctor_sandbox, false},
    {"clock", pr_doctor_clock, false},
    {"systemd", pr_doctor_unit, false},
};

static const char *const level_names[] = {
    [PR_DOCTOR_OK] = "ok",
    [PR_DOCTOR_NOTE] = "note",
    [PR_DOCTOR_WARNING] = "warning",
    [PR_DOCTOR_ERROR] = "error",
};

void pr_doctor_say(
    struct pr_doctor *d, enum pr_doctor_level level, const char *remedy, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *check = json_object();
    pr_json_set_str(check, "name", d->name);
    pr_json_set_str(check, "level", level_names[level]);
    pr_json_set_str(check, "text", text);
    pr_json_set_str(check, "remedy", remedy);
    json_array_append_new(d->checks, check);
    if (level > d->worst)
        d->worst = level;
}

char *pr_doctor_path(const struct pr_doctor *d, const char *name)
{
    return pr_path_join(d->base_dir, name);
}

char *pr_doctor_nearest(const char *path)
{
    char *p = pr_strdup(path), *slash;
    while (!pr_path_exists(p) && (slash = strrchr(p, '/')))
        slash[slash == p] = 0; /* of "/x" the "/" stays */
    return p;
}

bool pr_doctor_leaves_out(struct pr_doctor *d, const struct pr_system *s)
{
    const char *key = pr_roles_left_out(&d->config, s);
    if (key)
        pr_doctor_say(d, PR_DOCTOR_NOTE, NULL, "%s is set, and %s leaves %s out on this machine",
            s->needs, key, s->name);
    return key;
}

void pr_doctor_time(struct pr_doctor *d, const char *path, int64_t mtime_s)
{
    if (mtime_s > d->now_ms / 1000 + FUTURE_S && !*d->from_future)
        snprintf(d->from_future, sizeof d->from_future, "%s", path);
}

bool pr_doctor_read(const char *path, char *buf, size_t size)
{
    size_t n = 0;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return false;
    while (n < size - 1 && (got = read(fd, buf + n, size - 1 - n)) > 0)
        n += (size_t)got;
    close(fd);
    buf[n] = 0;
    return got >= 0;
}

bool pr_doctor_number(const char *path, uint64_t *ret)
{
    char text[64], *end;
    if (!pr_doctor_read(path, text, sizeof text) || *text == '-')
        return false;
    unsigned long long x = strtoull(text, &end, 10);
    if (end == text)
        return false;
    *ret = x;
    return true;
}

static void check_configuration(struct pr_doctor *d)
{
    struct pr_error e;
    if (!pr_config_load(d->base_dir, &d->config, &e)) {
        if (d->config.path)
            pr_doctor_say(d, PR_DOCTOR_OK, NULL, "%s is in order", d->config.path);
        else
            pr_doctor_say(d, PR_DOCTOR_NOTE, "proctor init writes one in which all is explained",
                "no proctor.yaml: every key has its default");
        return;
    }
    pr_doctor_say(d, PR_DOCTOR_ERROR,
        "correct that line; proctor init --markdown shows every key and what it takes", "%s",
        e.message);
    if (pr_config_parse("", 0, "defaults", d->base_dir, &d->config, &e))
        abort(); /* the table's own defaults do not fit: a bug of ours */
}

json_t *pr_doctor(const char *base_dir)
{
    struct pr_doctor d = {
        .base_dir = base_dir, .now_ms = pr_clock_utc_ms(), .checks = json_array()};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        d.name = checks[i].name;
        if (d.there || !checks[i].needs_folder)
            checks[i].run(&d);
    }
    json_t *doc = json_object();
    pr_json_set_int(doc, "schema_version", 1);
    pr_json_set_str(doc, "base_dir", base_dir);
    pr_json_set(doc, "checks", d.checks);
    pr_json_set_str(doc, "worst", level_names[d.worst]);
    pr_config_done(&d.config);
    return doc;
}
