/* The list of peers: what each may say, and what is wrong with it. */
#include "daemon/peer_list.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"
#include "net/fetch.h"

#define MAX_NAME  64
#define MAX_TOKEN 512

void pr_peers_free(struct pr_peer *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pr_free(v[i].name);
        pr_free(v[i].url);
        pr_free(v[i].token_file);
        pr_free(v[i].ca_file);
        pr_free(v[i].problem);
    }
    pr_free(v);
}

static char *file_of(const struct pr_config *c, const char *path)
{
    return *path == '/' ? pr_strdup(path) : pr_path_join(c->base_dir, path);
}

/* Letters, digits, ".", "_" and "-": it is a label of metrics and a heading. */
static bool is_name(const char *s)
{
    size_t n = strlen(s);
    return n && n <= MAX_NAME &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

/* https://host:port, and a path where a proxy has it under one: no password (it would be shown), no
 * query (ours would be appended to it). */
static enum pr_code check_url(const char *url, struct pr_error *e)
{
    enum pr_code code = pr_fetch_check(url, e);
    const char *host = code ? NULL : strstr(url, "://");
    if (code)
        return pr_wrap(e, code, "url");
    if (strpbrk(url, "?#"))
        return pr_fail(e, PR_E_USAGE, "url: '?' and '#' have no place in it");
    host += 3;
    if (memchr(host, '@', strcspn(host, "/")))
        return pr_fail(e, PR_E_USAGE, "url: the token goes into token_file, no password into url");
    return PR_OK;
}

static enum pr_code set_key(const struct pr_config *c, struct pr_peer *p, const char *key,
    const json_t *value, struct pr_error *e)
{
    const char *text = json_string_value(value);
    if (strcmp(key, "url") && strcmp(key, "token_file") && strcmp(key, "ca_file"))
        return pr_fail(e, PR_E_FORMAT, "unknown key '%s' (known: url, token_file, ca_file)", key);
    if (!text || !*text)
        return pr_fail(e, PR_E_FORMAT, "%s: a text was expected", key);
    if (!strcmp(key, "token_file")) {
        p->token_file = file_of(c, text);
    } else if (!strcmp(key, "ca_file")) {
        p->ca_file = file_of(c, text);
    } else {
        enum pr_code code = check_url(text, e);
        if (code)
            return code;
        pr_free(p->url);
        p->url = pr_strdup(text);
        for (size_t n = strlen(p->url); n && p->url[n - 1] == '/'; n--)
            p->url[n - 1] = 0;
    }
    return PR_OK;
}

static enum pr_code read_peer(
    const struct pr_config *c, struct pr_peer *p, const json_t *value, struct pr_error *e)
{
    const char *key;
    json_t *one;
    if (!is_name(p->name))
        return pr_fail(
            e, PR_E_FORMAT, "a name has at most %d letters, digits, '.', '_' and '-'", MAX_NAME);
    if (!json_is_object(value))
        return pr_fail(e, PR_E_FORMAT, "a map with url was expected");
    json_object_foreach ((json_t *)(uintptr_t)value, key, one) {
        enum pr_code code = set_key(c, p, key, one, e);
        if (code)
            return code;
    }
    if (!*p->url)
        return pr_fail(e, PR_E_FORMAT, "url is missing");
    return PR_OK;
}

void pr_peers_of(const struct pr_config *c, struct pr_peer **ret, size_t *ret_n)
{
    struct pr_peer *v = NULL;
    size_t n = 0, cap = 0;
    const char *name;
    json_t *value;
    json_object_foreach (c->peers, name, value) {
        struct pr_peer p = {.name = pr_strdup(name), .url = pr_strdup("")};
        struct pr_error e;
        if (n == PR_MAX_PEERS)
            pr_fail(&e, PR_E_LIMIT, "at most %d machines are looked at", PR_MAX_PEERS);
        if (n == PR_MAX_PEERS || read_peer(c, &p, value, &e))
            p.problem = pr_strdup(e.message);
        PR_PUSH(v, n, cap, p);
        if (n > PR_MAX_PEERS)
            break;
    }
    *ret = v;
    *ret_n = n;
}

enum pr_code pr_peer_token(const char *path, char **ret, struct pr_error *e)
{
    struct stat st;
    int fd;
    char text[MAX_TOKEN + 3];
    enum pr_code code = pr_file_open(AT_FDCWD, path, false, &fd, NULL, e);
    if (code)
        return code;
    bool open_to_others = fstat(fd, &st) || st.st_mode & (S_IRWXG | S_IRWXO);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (open_to_others)
        return pr_fail(e, PR_E_USAGE, "%s: others may read it: chmod 600 on it", path);
    text[n > 0 ? n : 0] = 0;
    size_t length = strcspn(text, "\r\n");
    for (size_t i = 0; i < length; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return pr_fail(e, PR_E_FORMAT, "%s: not a token: one printable word", path);
    if (!length || length > MAX_TOKEN || strspn(text + length, "\r\n") != strlen(text + length))
        return pr_fail(
            e, PR_E_FORMAT, "%s: a token of 1 to %d bytes was expected", path, MAX_TOKEN);
    *ret = pr_strndup(text, length);
    return PR_OK;
}
