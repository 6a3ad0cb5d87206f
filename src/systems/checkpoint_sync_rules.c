/* Checkpoint sync's rules that look at nothing but their arguments. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "systems/checkpoint_sync.h"

int64_t pr_sync_delay_ms(double base_s, double max_s, int64_t tries, double u)
{
    double doublings = tries > 1 ? (double)(tries - 1) : 0;
    double s = base_s * pow(2, doublings < 60 ? doublings : 60);
    if (s > max_s)
        s = max_s;
    return (int64_t)(1000 * s * (0.5 + 0.5 * u));
}

bool pr_sync_rests(int64_t since_ms, int64_t now_ms, double look_s)
{
    return since_ms <= now_ms && (double)(now_ms - since_ms) >= 1000 * look_s;
}

int64_t pr_sync_wait_ms(int64_t due_ms, int64_t now_ms, int64_t longest_ms)
{
    int64_t ms;
    if (due_ms <= now_ms)
        return 0;
    return __builtin_sub_overflow(due_ms, now_ms, &ms) || ms > longest_ms ? longest_ms : ms;
}

void pr_sync_other_name(const char *name, const char *content, char ret[256])
{
    snprintf(ret, 256, "%.240s.%.8s", name, content);
}

static bool is_weights(const char *name)
{
    static const char end[] = ".safetensors";
    size_t n = strlen(name), m = strlen(end);
    return n >= m && !strcmp(name + n - m, end);
}

int64_t pr_sync_trained_ns(const struct pr_listed *l)
{
    int64_t weights = INT64_MIN, any = INT64_MIN;
    for (size_t i = 0; i < l->n; i++) {
        const struct pr_listed_file *f = &l->files[i];
        if (f->kind != PR_LISTED_FILE)
            continue;
        if (f->mtime_ns > any)
            any = f->mtime_ns;
        if (is_weights(f->name) && f->mtime_ns > weights)
            weights = f->mtime_ns;
    }
    if (weights != INT64_MIN)
        return weights;
    return any != INT64_MIN ? any : 0;
}

static bool same_time(int64_t a, int64_t b)
{
    const int64_t s = 1000000000;
    return a == b || ((a % s == 0 || b % s == 0) && a / s == b / s);
}

static bool counts(const struct pr_listed_file *f, bool all)
{
    return f->kind == PR_LISTED_FILE && (all || pr_fetch_wants(f->name));
}

static size_t count(const struct pr_listed *l, bool all)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += counts(&l->files[i], all);
    return n;
}

bool pr_sync_is_copy(
    const struct pr_listed *here, const struct pr_listed *there, bool optimizer_state)
{
    size_t n = count(there, optimizer_state);
    if (!n || n != count(here, true))
        return false;
    for (size_t i = 0; i < there->n; i++) {
        const struct pr_listed_file *f = &there->files[i];
        if (!counts(f, optimizer_state))
            continue;
        const struct pr_listed_file *mine = pr_listed_find(here, f->name);
        if (!mine || mine->kind != PR_LISTED_FILE || mine->size != f->size ||
            !same_time(mine->mtime_ns, f->mtime_ns))
            return false;
    }
    return true;
}
