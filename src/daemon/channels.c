/* The channels of proctor.yaml: which there are, and what is wrong with others (channels.h). */
#include "daemon/channels.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "daemon/quiet.h"
#include "lib/suggest.h"
#include "net/fetch.h"
#include "systems/system.h"

#define MAX_CHANNELS 32
#define MAX_NAME     64
#define MAX_ADDRESS  320
#define TIMEOUT_S    15

static const struct pr_channel_kind *const kinds[] = {
#define PR_X(name) &pr_channel_kind_##name,
    PR_CHANNEL_KINDS(PR_X)
#undef PR_X
};
#define N_KINDS (sizeof kinds / sizeof *kinds)

/* ---- problems ---- */

struct reading {
    const struct pr_config *config;
    const char *name; /* of the channel */
    struct pr_channel *c;
    json_t *problems;
};

static bool wrong(const struct reading *r, const char *fmt, ...) PR_PRINTF(2, 3);
static bool wrong(const struct reading *r, const char *fmt, ...)
{
    char text[600];
    struct pr_error clean;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pr_fail(&clean, PR_E_USAGE, "alerts.channels.%.64s: %s", r->name, text);
    json_array_append_new(r->problems, json_string(clean.message));
    return false;
}

/* ---- values ---- */

static bool is_line(const json_t *v)
{
    const char *s = json_string_value(v);
    return s && *s && !strpbrk(s, "\r\n");
}

static bool set_url(const struct reading *r, const char *key, const json_t *v, void *field)
{
    struct pr_error e;
    if (!is_line(v) || pr_fetch_check(json_string_value(v), &e))
        return wrong(r, "%s: a url that begins with http:// or https:// was expected", key);
    *(char **)field = pr_strdup(json_string_value(v));
    return true;
}

static bool set_file(const struct reading *r, const char *key, const json_t *v, void *field)
{
    const char *s = json_string_value(v), *home = getenv("HOME");
    if (!is_line(v))
        return wrong(r, "%s: a file was expected", key);
    *(char **)field = !strncmp(s, "~/", 2) && home ? pr_path_join(home, s + 2)
                      : *s == '/'                  ? pr_strdup(s)
                                                   : pr_path_join(r->config->base_dir, s);
    return true;
}

/* As a header takes it, or several with commas between. */
static bool set_address(const struct reading *r, const char *key, const json_t *v, void *field)
{
    struct pr_str all = PR_STR_INIT(MAX_ADDRESS * 16);
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    bool fits = n > 0;
    for (size_t i = 0; i < n && fits; i++) {
        const json_t *one = json_is_array(v) ? json_array_get(v, i) : v;
        const char *s = json_string_value(one);
        fits = is_line(one) && strchr(s, '@') && strlen(s) <= MAX_ADDRESS;
        for (const char *p = s; fits && *p; p++)
            fits = *p >= ' ' && (unsigned char)*p < 0x7f;
        if (fits)
            pr_str_printf(&all, "%s%s", i ? ", " : "", s);
    }
    if (fits && !all.over)
        *(char **)field = pr_str_take(&all);
    pr_str_done(&all);
    return fits || wrong(r, "%s: a mail address was expected, or a list of some", key);
}

static bool set_command(const struct reading *r, const char *key, const json_t *v, void *field)
{
    bool fits = json_array_size(v) > 0 && json_array_size(v) < 64;
    for (size_t i = 0; i < json_array_size(v) && fits; i++)
        fits = json_is_string(json_array_get(v, i));
    if (!fits || !is_line(json_array_get(v, 0)))
        return wrong(r, "%s: a list was expected: a program and its arguments", key);
    *(json_t **)field = json_deep_copy(v);
    return true;
}

static bool set_levels(const struct reading *r, const char *key, const json_t *v, void *field)
{
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    unsigned levels = 0;
    for (size_t i = 0; i < n; i++) {
        const char *s = json_string_value(json_is_array(v) ? json_array_get(v, i) : v);
        unsigned bit = 0;
        for (unsigned l = PR_ALERT_INFO; l <= PR_ALERT_CRITICAL; l++)
            if (s && !strcmp(s, pr_alert_level_name((enum pr_alert_level)l)))
                bit = 1u << l;
        if (!bit)
            return wrong(r, "%s: a list of info, warning and critical was expected", key);
        levels |= bit;
    }
    *(unsigned *)field = levels;
    return levels || wrong(r, "%s: an empty list: nothing would ever be sent", key);
}

/* "watch" is the supervisor's own. */
static bool set_systems(const struct reading *r, const char *key, const json_t *v, void *field)
{
    size_t i;
    const json_t *one;
    if (!json_array_size(v))
        return wrong(r, "%s: a list of systems was expected", key);
    json_array_foreach (v, i, one) {
        const char *s = json_string_value(one);
        if (!s || (strcmp(s, "watch") && !pr_system_find(s)))
            return wrong(r, "%s: there is no system '%.64s'; \"watch\" is proctor itself", key,
                s ? s : pr_json_type_name(one));
    }
    *(json_t **)field = json_deep_copy(v);
    return true;
}

static bool set_bool(const struct reading *r, const char *key, const json_t *v, void *field)
{
    if (!json_is_boolean(v))
        return wrong(r, "%s: true or false was expected", key);
    *(bool *)field = json_is_true(v);
    return true;
}

static bool set_seconds(const struct reading *r, const char *key, const json_t *v, void *field)
{
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > 600)
        return wrong(r, "%s: a whole number from 1 to 600 was expected", key);
    *(int64_t *)field = json_integer_value(v);
    return true;
}

/* ---- keys ---- */

#define AT(field) offsetof(struct pr_channel, field)
#define ALL_KINDS 0
static const struct channel_key {
    const char *name;
    unsigned of; /* kinds with this key alone */
    size_t at;
    bool (*set)(const struct reading *r, const char *key, const json_t *v, void *field);
} keys[] = {
    {"url", PR_CHANNEL_URL, AT(url), set_url},
    {"url_file", PR_CHANNEL_URL, AT(url_file), set_file},
    {"ca_file", PR_CHANNEL_URL, AT(ca_file), set_file},
    {"token_file", PR_CHANNEL_TOKEN, AT(token_file), set_file},
    {"command", PR_CHANNEL_COMMAND, AT(command), set_command},
    {"to", PR_CHANNEL_MAIL, AT(to), set_address},
    {"from", PR_CHANNEL_MAIL, AT(from), set_address},
    {"levels", ALL_KINDS, AT(levels), set_levels},
    {"systems", ALL_KINDS, AT(systems), set_systems},
    {"resolved", ALL_KINDS, AT(resolved), set_bool},
    {"timeout_seconds", ALL_KINDS, AT(timeout_seconds), set_seconds},
};
#define N_KEYS (sizeof keys / sizeof *keys)

static bool set_key(const struct reading *r, const char *name, const json_t *v)
{
    const char *known[N_KEYS + 1];
    size_t n = 0;
    for (size_t i = 0; i < N_KEYS; i++) {
        if (keys[i].of && !(keys[i].of & r->c->kind->keys))
            continue;
        if (!strcmp(keys[i].name, name))
            return keys[i].set(r, name, v, (char *)r->c + keys[i].at);
        known[n++] = keys[i].name;
    }
    const char *near = pr_suggest(name, known, n);
    return wrong(r, "a %s has no key '%.64s'%s%s%s", r->c->kind->name, name,
        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool set_kind(const struct reading *r, const json_t *v)
{
    const char *kind = json_string_value(json_object_get(v, "kind"));
    struct pr_str known = PR_STR_INIT(500);
    for (size_t i = 0; i < N_KINDS; i++) {
        if (kind && !strcmp(kinds[i]->name, kind))
            r->c->kind = kinds[i];
        pr_str_printf(&known, "%s%s", i ? ", " : "", kinds[i]->name);
    }
    if (!r->c->kind && kind)
        wrong(r, "there is no kind '%.64s'; known: %s", kind, pr_str_cstr(&known));
    else if (!r->c->kind)
        wrong(r, "kind is missing: one of %s", pr_str_cstr(&known));
    pr_str_done(&known);
    return r->c->kind;
}

static bool is_whole(const struct reading *r)
{
    const struct pr_channel *c = r->c;
    unsigned k = c->kind->keys;
    if ((k & PR_CHANNEL_URL) && !c->url && !c->url_file)
        return wrong(r, "url is missing (or url_file, a file with it)");
    if ((k & PR_CHANNEL_URL) && c->url && c->url_file)
        return wrong(r, "url and url_file: one of them was expected");
    if ((k & PR_CHANNEL_COMMAND) && !c->command)
        return wrong(r, "command is missing: a list, a program and its arguments");
    if ((k & PR_CHANNEL_MAIL) && (!c->to || !c->from))
        return wrong(r, "%s is missing: a mail address", c->to ? "from" : "to");
    return true;
}

static bool read_channel(const struct reading *r, const json_t *v)
{
    const char *key;
    json_t *value;
    bool fits = true;
    size_t n = strlen(r->name);
    if (!n || n > MAX_NAME || r->name[strcspn(r->name, "\r\n\t")])
        return wrong(r, "a name of 1 to %d characters was expected", MAX_NAME);
    if (!json_is_object(v))
        return wrong(
            r, "a map with kind and url or command was expected, not %s", pr_json_type_name(v));
    if (!set_kind(r, v))
        return false;
    json_object_foreach ((json_t *)(uintptr_t)v, key, value)
        if (strcmp(key, "kind") != 0)
            fits &= set_key(r, key, value);
    return fits && is_whole(r);
}

void pr_channels_read(const struct pr_config *c, struct pr_channels *ret, json_t *problems)
{
    const char *name;
    json_t *v;
    struct pr_error e;
    struct pr_quiet quiet;
    size_t cap = 0;
    *ret = (struct pr_channels){0};
    json_object_foreach (c->alerts.channels, name, v) {
        struct pr_channel one = {
            .name = pr_strdup(name), .levels = 7, .resolved = true, .timeout_seconds = TIMEOUT_S};
        const struct reading r = {.config = c, .name = name, .c = &one, .problems = problems};
        bool fits = read_channel(&r, v);
        if (fits && ret->n == MAX_CHANNELS)
            fits = wrong(&r, "left out: at most %d channels", MAX_CHANNELS);
        if (fits)
            PR_PUSH(ret->v, ret->n, cap, one);
        else
            pr_channel_done(&one);
    }
    if (pr_quiet_parse(c->alerts.quiet_hours, &quiet, &e))
        json_array_append_new(problems, json_string(e.message));
}

void pr_channel_done(struct pr_channel *c)
{
    char *const texts[] = {c->name, c->url, c->url_file, c->token_file, c->ca_file, c->to, c->from};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        pr_free(texts[i]);
    json_decref(c->systems);
    json_decref(c->command);
    *c = (struct pr_channel){0};
}

void pr_channels_done(struct pr_channels *c)
{
    for (size_t i = 0; i < c->n; i++)
        pr_channel_done(&c->v[i]);
    pr_free(c->v);
    *c = (struct pr_channels){0};
}

static char *copy_of(const char *s)
{
    return s ? pr_strdup(s) : NULL;
}

/* Another thread's: jansson counts references without a lock. */
void pr_channel_copy(const struct pr_channel *c, struct pr_channel *ret)
{
    *ret = *c;
    char **const texts[] = {&ret->name, &ret->url, &ret->url_file, &ret->token_file, &ret->ca_file,
        &ret->to, &ret->from};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = copy_of(*texts[i]);
    ret->systems = json_deep_copy(c->systems);
    ret->command = json_deep_copy(c->command);
}

const struct pr_channel *pr_channel_find(const struct pr_channels *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (!strcmp(c->v[i].name, name))
            return &c->v[i];
    return NULL;
}

bool pr_channel_takes(const struct pr_channel *c, const char *system, enum pr_alert_level level)
{
    size_t i;
    const json_t *one;
    if (!(c->levels & 1u << level))
        return false;
    json_array_foreach (c->systems, i, one)
        if (!strcmp(json_string_value(one), system))
            return true;
    return !c->systems;
}

/* ---- files ---- */

static void check_file(
    const struct pr_channel *c, const char *key, const char *path, bool secret, json_t *problems)
{
    struct stat st;
    struct pr_error e;
    const struct reading r = {.name = c->name, .problems = problems};
    int fd;
    if (!path)
        return;
    if (pr_file_open(AT_FDCWD, path, false, &fd, NULL, &e)) {
        wrong(&r, "%s: %s", key, e.message);
        return;
    }
    if (secret && !fstat(fd, &st) && st.st_mode & 077)
        wrong(&r, "%s: %s may be read by others: chmod 600", key, path);
    close(fd);
}

void pr_channels_check_files(const struct pr_channels *c, json_t *problems)
{
    for (size_t i = 0; i < c->n; i++) {
        check_file(&c->v[i], "url_file", c->v[i].url_file, true, problems);
        check_file(&c->v[i], "token_file", c->v[i].token_file, true, problems);
        check_file(&c->v[i], "ca_file", c->v[i].ca_file, false, problems);
    }
}
