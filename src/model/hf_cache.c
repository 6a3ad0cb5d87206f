/* models--<owner>--<name>/refs/<revision> holds a commit; snapshots/<commit> is the folder. */
#include "model/hf_cache.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"

static const struct {
    const char *variable, *below;
} places[] = {
    {"HF_HUB_CACHE", ""},
    {"HUGGINGFACE_HUB_CACHE", ""},
    {"HF_HOME", "hub"},
    {"XDG_CACHE_HOME", "huggingface/hub"},
    {"HOME", ".cache/huggingface/hub"},
};

void pr_hf_cache_places(char ***ret, size_t *ret_n)
{
    size_t cap = 0;
    *ret = NULL;
    *ret_n = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = getenv(places[i].variable);
        if (value && *value)
            PR_PUSH(*ret, *ret_n, cap,
                *places[i].below ? pr_path_join(value, places[i].below) : pr_strdup(value));
    }
}

/* A component of a name: what Hugging Face allows, so that it can lead nowhere else. */
static bool plain(const char *s, size_t n)
{
    if (!n || n > 128 || s[0] == '.' || s[0] == '-')
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

/* "models--owner--name", or NULL; pr_free. */
static char *folder_of(const char *name)
{
    const char *slash = strchr(name, '/');
    struct pr_str s = PR_STR_INIT(512);
    if (slash) {
        if (!plain(name, (size_t)(slash - name)) || !plain(slash + 1, strlen(slash + 1)))
            return NULL;
        pr_str_printf(&s, "models--%.*s--%s", (int)(slash - name), name, slash + 1);
    } else {
        if (!plain(name, strlen(name)))
            return NULL;
        pr_str_printf(&s, "models--%s", name);
    }
    return pr_str_take(&s);
}

static bool is_commit(const char *s)
{
    return strlen(s) == 40 && strspn(s, "0123456789abcdef") == 40;
}

/* The commit that refs/<revision> names; the revision itself where it is one. */
static char *commit_of(const char *model, const char *revision)
{
    if (is_commit(revision))
        return pr_strdup(revision);
    char *refs = pr_path_join(model, "refs"), *path = pr_path_join(refs, revision), *text = NULL;
    size_t n;
    if (!plain(revision, strlen(revision)) || pr_file_read(AT_FDCWD, path, 256, &text, &n, NULL)) {
        text = NULL;
    } else {
        text[strcspn(text, " \r\n")] = 0;
        if (!plain(text, strlen(text))) {
            pr_free(text);
            text = NULL;
        }
    }
    pr_free(path);
    pr_free(refs);
    return text;
}

static char *snapshot_in(const char *cache, const char *folder, const char *revision)
{
    char *model = pr_path_join(cache, folder), *commit = commit_of(model, revision), *found = NULL;
    if (commit) {
        char *snapshots = pr_path_join(model, "snapshots");
        found = pr_path_join(snapshots, commit);
        pr_free(snapshots);
    }
    if (found && !pr_path_is_dir(found)) {
        pr_free(found);
        found = NULL;
    }
    pr_free(commit);
    pr_free(model);
    return found;
}

enum pr_code pr_hf_cache_find(
    const char *name, const char *revision, char **ret, struct pr_error *e)
{
    char *folder = folder_of(name), *found = NULL;
    if (!folder)
        return pr_fail(e, PR_E_FORMAT, "'%.200s' is not a name of a Hugging Face model", name);
    struct pr_str looked = PR_STR_INIT(600);
    for (size_t i = 0; !found && i < sizeof places / sizeof *places; i++) {
        const char *value = getenv(places[i].variable);
        if (!value || !*value)
            continue;
        char *cache = *places[i].below ? pr_path_join(value, places[i].below) : pr_strdup(value);
        found = snapshot_in(cache, folder, revision ? revision : "main");
        pr_str_printf(&looked, "%s%.200s", looked.len ? ", " : "", cache);
        pr_free(cache);
    }
    enum pr_code code = PR_OK;
    if (found)
        *ret = found;
    else
        code = pr_fail(e, PR_E_NOT_FOUND, "%s is not in the Hugging Face cache (%s)", folder,
            looked.len ? pr_str_cstr(&looked) : "no HOME");
    pr_str_done(&looked);
    pr_free(folder);
    return code;
}
