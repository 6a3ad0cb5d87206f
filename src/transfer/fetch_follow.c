/* Hashing files while they are still coming, so that a fetch over a network takes no longer for it.
 *
 * rsync writes a file that was not there in place and from front to back, so what lies there is
 * read behind it.  Files that an earlier try left are written anywhere, and are hashed afterwards.
 * A hash from here is believed only where it is the other side's: any other is computed again from
 * the whole file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "transfer/fetch_internal.h"

#define CHUNK      ((size_t)1 << 20)
#define PER_TICK   128 /* chunks: `stop` is looked at in between */
#define SYNC_BYTES ((off_t)16 << 20)

struct pr_follow {
    bool follows;
    int fd;       /* -1: not there yet */
    off_t synced; /* up to here it is on its way to the disk */
    struct pr_sha256 *h;
};

void pr_follow_begin(struct pr_job *j)
{
    j->follow = pr_zalloc((j->n + 1) * sizeof *j->follow);
    for (size_t i = 0; i < j->n; i++) {
        struct stat st;
        bool there = !fstatat(j->dir, j->names[i], &st, AT_SYMLINK_NOFOLLOW);
        j->follow[i] = (struct pr_follow){.follows = !there, .fd = -1};
    }
}

/* What has come goes to the disk meanwhile, so that the sync at the end has little left to do. */
static void begin_sync(struct pr_follow *f)
{
    off_t at = lseek(f->fd, 0, SEEK_CUR);
    if (at - f->synced < SYNC_BYTES)
        return;
    (void)sync_file_range(f->fd, f->synced, at - f->synced, SYNC_FILE_RANGE_WRITE);
    f->synced = at;
}

/* Up to *chunks more of what is there; false: it cannot be followed any more. */
static bool read_on(struct pr_follow *f, char *buf, int *chunks)
{
    for (ssize_t n = 1; n && *chunks > 0; --*chunks) {
        n = read(f->fd, buf, CHUNK);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0)
            pr_sha256_update(f->h, buf, (size_t)n);
    }
    begin_sync(f);
    return true;
}

static void give_up(struct pr_follow *f)
{
    uint8_t digest[PR_SHA256_LEN];
    if (f->h)
        pr_sha256_final(f->h, digest); /* frees it */
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct pr_follow){.fd = -1};
}

static void follow_one(struct pr_job *j, size_t i, char *buf, int *chunks)
{
    struct pr_follow *f = &j->follow[i];
    if (f->fd < 0) {
        if (pr_file_open(j->dir, j->names[i], true, &f->fd, NULL, NULL)) {
            f->fd = -1; /* later */
            return;
        }
        f->h = pr_sha256_new();
    }
    if (!read_on(f, buf, chunks))
        give_up(f);
}

void pr_follow_tick(struct pr_job *j)
{
    char *buf = pr_alloc(CHUNK);
    int chunks = PER_TICK;
    for (size_t i = 0; i < j->n; i++)
        if (j->follow[i].follows)
            follow_one(j, i, buf, &chunks);
    pr_free(buf);
}

bool pr_follow_agrees(struct pr_job *j, size_t i, const char *sum)
{
    struct pr_follow *f = &j->follow[i];
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    if (!f->follows || f->fd < 0)
        return false;
    char *buf = pr_alloc(CHUNK);
    bool ok = true;
    for (int chunks = 0; ok && !chunks;) { /* until a read says that it is over */
        chunks = PER_TICK;
        ok = read_on(f, buf, &chunks) && !(j->o->stop && atomic_load(j->o->stop));
    }
    pr_free(buf);
    if (ok) {
        pr_sha256_final(f->h, digest);
        f->h = NULL;
        pr_sha256_hex(digest, hex);
        ok = !strcmp(hex, sum);
    }
    give_up(f);
    return ok;
}

void pr_follow_done(struct pr_job *j)
{
    for (size_t i = 0; j->follow && i < j->n; i++)
        give_up(&j->follow[i]);
    pr_free(j->follow);
    j->follow = NULL;
}
