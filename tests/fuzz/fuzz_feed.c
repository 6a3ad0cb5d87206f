/* What `proctor train --queue` reads of its own: OUT/.queue.jsonl and a checkpoint's account of the
 * queue's files ("queue" of proctor/training.json). */
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "train/feed_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_row(const struct pr_feed *f)
{
    assert(f->moved <= f->n);
    for (size_t i = 0; i < f->n; i++) {
        assert(*f->v[i].name && *f->v[i].name != '.' && !strchr(f->v[i].name, '/'));
        assert(strlen(f->v[i].sha256) == PR_SHA256_HEX - 1 && f->v[i].from < PR_N_QUEUES);
    }
}

static void drop_all(struct pr_feed *f)
{
    while (f->n)
        pr_feed_row_drop(f, f->n - 1);
    pr_free(f->v);
}

static void read_row(const uint8_t *data, size_t size)
{
    struct pr_feed f = {0};
    struct pr_error e;
    int fd = memfd_create("row", 0);
    if (fd < 0)
        return;
    if (write(fd, data, size) == (ssize_t)size && !lseek(fd, 0, SEEK_SET) &&
        !pr_feed_row_lines(&f, fd, &e))
        check_row(&f);
    drop_all(&f);
    close(fd);
}

static void read_state(const uint8_t *data, size_t size)
{
    struct pr_feed f = {0};
    struct pr_error e;
    json_t *state;
    if (pr_json_parse((const char *)data, size, PR_JSON_STRICT, NULL, &state, NULL, &e))
        return;
    if (!pr_feed_take_state(&f, state, &e)) {
        check_row(&f);
        assert(f.moved <= f.done && f.done <= f.n && f.n <= f.done + 1);
        assert(f.steps >= 0 && (f.done < f.n || !f.steps));
    }
    json_decref(state);
    drop_all(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_row(data, size);
    read_state(data, size);
    return 0;
}
