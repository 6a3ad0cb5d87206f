/* See auth.h. */
#include "api/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/sha256.h"

#define MAX_SESSIONS 256
#define MAX_PEERS    1024
#define MAX_WRONG    10
#define MINUTE_NS    60000000000

/* Of sessions only a hash is kept: nothing in memory is a cookie that would be taken. */
struct session {
    uint8_t hash[PR_SHA256_LEN];
    int64_t used_ns; /* 0: free */
};

struct wrong {
    char peer[64];
    int64_t since_ns;
    int n; /* 0: free */
};

struct pr_api_auth {
    pthread_mutex_t lock; /* guards what follows the token */
    char *token;
    struct session sessions[MAX_SESSIONS];
    struct wrong wrong[MAX_PEERS];
};

static enum pr_code random_hex(char ret[PR_API_SESSION_CHARS + 1], struct pr_error *e)
{
    uint8_t bytes[PR_SHA256_LEN];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return pr_fail_errno(e, errno, "the system gives no random numbers");
    pr_sha256_hex(bytes, ret);
    return PR_OK;
}

/* ---- the token's file ---- */

static enum pr_code create(const char *path, struct pr_error *e)
{
    char text[PR_API_SESSION_CHARS + 2];
    enum pr_code code = random_hex(text, e);
    if (code)
        return code;
    memcpy(text + PR_API_SESSION_CHARS, "\n", 2);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errno == EEXIST ? PR_OK : pr_fail_errno(e, errno, "%s", path);
    int err = pr_file_write_all(fd, text, strlen(text));
    if (!err && fsync(fd))
        err = errno;
    close(fd);
    if (err) {
        unlink(path);
        return pr_fail_errno(e, err, "%s", path);
    }
    return PR_OK;
}

enum pr_code pr_api_auth_new(const char *path, struct pr_api_auth **ret, struct pr_error *e)
{
    char *token;
    enum pr_code code = pr_secret_read(path, "token", &token, e);
    if (code == PR_E_NOT_FOUND && !(code = create(path, e)))
        code = pr_secret_read(path, "token", &token, e);
    if (code)
        return code;
    struct pr_api_auth *a = pr_zalloc(sizeof *a);
    pthread_mutex_init(&a->lock, NULL);
    a->token = token;
    *ret = a;
    return PR_OK;
}

void pr_api_auth_free(struct pr_api_auth *a)
{
    if (!a)
        return;
    pthread_mutex_destroy(&a->lock);
    explicit_bzero(a->token, strlen(a->token));
    pr_free(a->token);
    pr_free(a);
}

/* ---- how often one may be wrong ---- */

/* The peer's entry, or the one to take for it: a free one, else the oldest.  Under the lock. */
static struct wrong *entry_of(struct pr_api_auth *a, const char *peer, int64_t now_ns)
{
    struct wrong *take = &a->wrong[0];
    for (size_t i = 0; i < MAX_PEERS; i++) {
        struct wrong *w = &a->wrong[i];
        if (w->n && now_ns - w->since_ns > MINUTE_NS)
            w->n = 0;
        if (w->n && !strcmp(w->peer, peer))
            return w;
        if (!w->n ? take->n != 0 : take->n && w->since_ns < take->since_ns)
            take = w;
    }
    return take;
}

static bool must_wait(struct pr_api_auth *a, const char *peer, int64_t now_ns)
{
    const struct wrong *w = entry_of(a, peer, now_ns);
    return w->n >= MAX_WRONG && !strcmp(w->peer, peer);
}

static void count_wrong(struct pr_api_auth *a, const char *peer, int64_t now_ns)
{
    struct wrong *w = entry_of(a, peer, now_ns);
    if (!w->n || strcmp(w->peer, peer) != 0) {
        *w = (struct wrong){.since_ns = now_ns};
        memcpy(w->peer, peer, strnlen(peer, sizeof w->peer - 1));
    }
    w->n++;
}

static enum pr_api_verdict judge(
    struct pr_api_auth *a, const char *token, const char *peer, int64_t now_ns)
{
    if (must_wait(a, peer, now_ns))
        return PR_API_WAIT;
    if (pr_same_secret(a->token, token))
        return PR_API_TOKEN;
    count_wrong(a, peer, now_ns);
    return PR_API_WRONG;
}

/* ---- sessions ---- */

/* The value of our cookie in a Cookie header: PR_API_SESSION_CHARS bytes, or NULL. */
static const char *find_cookie(const char *header)
{
    static const char name[] = PR_API_COOKIE "=";
    for (const char *s = header; s; s = strchr(s, ';')) {
        s += strspn(s, "; ");
        if (!strncmp(s, name, sizeof name - 1)) {
            s += sizeof name - 1;
            return strcspn(s, "; ") == PR_API_SESSION_CHARS ? s : NULL;
        }
    }
    return NULL;
}

/* By hash, so that the time of the comparison tells nothing of a session.  Under the lock. */
static struct session *find_session(struct pr_api_auth *a, const char *cookie, int64_t now_ns)
{
    uint8_t hash[PR_SHA256_LEN];
    const char *id = find_cookie(cookie);
    if (!id)
        return NULL;
    pr_sha256(id, PR_API_SESSION_CHARS, hash);
    for (size_t i = 0; i < MAX_SESSIONS; i++) {
        struct session *s = &a->sessions[i];
        if (s->used_ns && !memcmp(s->hash, hash, sizeof hash))
            return now_ns - s->used_ns < (int64_t)PR_API_SESSION_S * 1000000000 ? s : NULL;
    }
    return NULL;
}

bool pr_api_auth_has_session(struct pr_api_auth *a, const char *cookie, int64_t now_ns)
{
    if (!cookie)
        return false;
    pthread_mutex_lock(&a->lock);
    bool ret = find_session(a, cookie, now_ns) != NULL;
    pthread_mutex_unlock(&a->lock);
    return ret;
}

enum pr_api_verdict pr_api_auth_check(struct pr_api_auth *a, const char *authorization,
    const char *cookie, const char *peer, int64_t now_ns)
{
    enum pr_api_verdict verdict = PR_API_NOBODY;
    pthread_mutex_lock(&a->lock);
    if (authorization) {
        bool bearer = !strncasecmp(authorization, "Bearer ", 7);
        verdict = judge(a, bearer ? authorization + 7 : "", peer, now_ns);
    } else if (cookie && find_cookie(cookie)) {
        struct session *s = find_session(a, cookie, now_ns);
        if (s)
            s->used_ns = now_ns;
        verdict = s ? PR_API_SESSION : PR_API_WRONG;
    }
    pthread_mutex_unlock(&a->lock);
    return verdict;
}

enum pr_api_verdict pr_api_auth_login(struct pr_api_auth *a, const char *token, const char *peer,
    int64_t now_ns, char ret[PR_API_SESSION_CHARS + 1])
{
    struct pr_error e;
    if (random_hex(ret, &e))
        return PR_API_WAIT;
    pthread_mutex_lock(&a->lock);
    enum pr_api_verdict verdict = judge(a, token, peer, now_ns);
    struct session *take = &a->sessions[0];
    for (size_t i = 1; i < MAX_SESSIONS; i++)
        if (a->sessions[i].used_ns < take->used_ns)
            take = &a->sessions[i];
    if (verdict == PR_API_TOKEN) {
        pr_sha256(ret, PR_API_SESSION_CHARS, take->hash);
        take->used_ns = now_ns ? now_ns : 1;
    }
    pthread_mutex_unlock(&a->lock);
    return verdict;
}

void pr_api_auth_logout(struct pr_api_auth *a, const char *cookie)
{
    if (!cookie)
        return;
    pthread_mutex_lock(&a->lock);
    struct session *s = find_session(a, cookie, 1);
    if (s)
        *s = (struct session){0};
    pthread_mutex_unlock(&a->lock);
}
