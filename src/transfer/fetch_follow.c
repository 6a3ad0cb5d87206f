/* Hashing files while they are still coming, so that a fetch takes no longer for it.
 *
 * rsync hashes each file that it brings on both sides, compares the two, and says what it is.  So
 * the other side reads a file once, and here what lies on the disk is hashed by the same function,
 * XXH3 of 128 bits: https://github.com/Cyan4973/xxHash.  It is no cryptographic one: it finds
 * what broke, and who could forge it owns the source anyway.  An old rsync takes MD5, which never
 * agrees with it, and of a file that is whole by size and time rsync says nothing: those are
 * compared otherwise.
 *
 * rsync writes a file that was not there in place and from front to back, so what lies there is
 * read behind it.  Files that an earlier try left are written anywhere, and are hashed afterwards.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/file.h"
#include "transfer/fetch_internal.h"

#define CHUNK      ((size_t)1 << 20)
#define PER_TICK   128 /* chunks: `stop` is looked at in between */
#define HEX        ((size_t)32)
#define SYNC_BYTES ((off_t)16 << 20)

struct pr_follow {
    bool follows;
    int fd;       /* -1: not there yet */
    off_t synced; /* up to here it is on its way to the disk */
    XXH3_state_t *h;
    char told[33]; /* its hash over there; "": not known */
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
            (void)XXH3_128bits_update(f->h, buf, (size_t)n);
    }
    begin_sync(f);
    return true;
}

static void give_up(struct pr_follow *f)
{
    (void)XXH3_freeState(f->h);
    if (f->fd >= 0)
        close(f->fd);
    *f = (struct pr_follow){.fd = -1};
}

static bool open_file(const struct pr_job *j, size_t i)
{
    struct pr_follow *f = &j->follow[i];
    if (f->fd < 0 && pr_file_open(j->dir, j->names[i], true, &f->fd, NULL, NULL)) {
        f->fd = -1;
        return false;
    }
    if (!f->h && (f->h = XXH3_createState()))
        (void)XXH3_128bits_reset(f->h);
    return f->h;
}

void pr_follow_tick(struct pr_job *j)
{
    char *buf = pr_alloc(CHUNK);
    int chunks = PER_TICK;
    for (size_t i = 0; i < j->n; i++)
        if (j->follow[i].follows && open_file(j, i) && !read_on(&j->follow[i], buf, &chunks))
            give_up(&j->follow[i]);
    pr_free(buf);
}

/* "HASH NAME" */
static void note_line(struct pr_job *j, const char *line, size_t n)
{
    if (n <= HEX + 1 || strspn(line, "0123456789abcdef") != HEX || line[HEX] != ' ')
        return;
    for (size_t i = 0; i < j->n; i++)
        if (strlen(j->names[i]) == n - HEX - 1 && !memcmp(j->names[i], line + HEX + 1, n - HEX - 1))
            memcpy(j->follow[i].told, line, HEX);
}

void pr_follow_told(struct pr_job *j, const char *said)
{
    for (size_t n; *said; said += n + (said[n] != 0)) {
        n = strcspn(said, "\n");
        note_line(j, said, n);
    }
}

static void hex_of(XXH128_hash_t hash, char ret[HEX + 1])
{
    snprintf(ret, HEX + 1, "%016llx%016llx", (unsigned long long)hash.high64,
        (unsigned long long)hash.low64);
}

bool pr_follow_agrees(struct pr_job *j, size_t i)
{
    struct pr_follow *f = &j->follow[i];
    char here[HEX + 1];
    if (!*f->told || !open_file(j, i))
        return false;
    char *buf = pr_alloc(CHUNK);
    bool ok = true;
    for (int chunks = 0; ok && !chunks;) { /* until a read says that it is over */
        chunks = PER_TICK;
        ok = read_on(f, buf, &chunks) && !(j->o->stop && atomic_load(j->o->stop));
    }
    pr_free(buf);
    if (ok) {
        hex_of(XXH3_128bits_digest(f->h), here);
        ok = !strcmp(here, f->told);
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
