/* See mapped.h.  The table that the handler reads is lock-free: a thread may be stopped anywhere.
 */
#include "base/mapped.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

/* Files of all open checkpoints.  One that finds no place is mapped all the same, and not mended.
 */
#define MOST 4096

static struct {
    atomic_uintptr_t begin; /* 0: free */
    atomic_size_t bytes;    /* 0 until the rest is set */
    atomic_bool torn;
} table[MOST];
/* A handler asks no library for it. */
static atomic_uintptr_t page_size;

enum pr_code pr_mapped_open(
    int fd, uint64_t bytes, const char *name, const unsigned char **ret, struct pr_error *e)
{
    void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
        return pr_fail_errno(e, errno, "%s: map %llu bytes", name, (unsigned long long)bytes);
    atomic_store(&page_size, (uintptr_t)sysconf(_SC_PAGESIZE));
    for (size_t i = 0; i < MOST; i++) {
        uintptr_t free = 0;
        if (!atomic_compare_exchange_strong(&table[i].begin, &free, (uintptr_t)p))
            continue;
        atomic_store(&table[i].torn, false);
        atomic_store(&table[i].bytes, bytes);
        break;
    }
    *ret = p;
    return PR_OK;
}

/* The place of the mapping that at is in; MOST: none. */
static size_t place_of(uintptr_t at)
{
    size_t i = 0;
    while (i < MOST && at - atomic_load(&table[i].begin) >= atomic_load(&table[i].bytes))
        i++;
    return i;
}

void pr_mapped_close(const unsigned char *map, uint64_t bytes)
{
    if (!map)
        return;
    size_t i = place_of((uintptr_t)map);
    if (i < MOST) {
        atomic_store(&table[i].bytes, 0);
        atomic_store(&table[i].begin, 0);
    }
    munmap((void *)(uintptr_t)map, bytes);
}

bool pr_mapped_is_whole(const unsigned char *map)
{
    size_t i = place_of((uintptr_t)map);
    return i == MOST || !atomic_load(&table[i].torn);
}

bool pr_mapped_mend(const void *at)
{
    uintptr_t size = atomic_load(&page_size);
    size_t i = place_of((uintptr_t)at);
    if (i == MOST)
        return false;
    atomic_store(&table[i].torn, true);
    int err = errno;
    bool ok = mmap((void *)((uintptr_t)at / size * size), size, PROT_READ,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
    errno = err;
    return ok;
}
