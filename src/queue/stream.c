/* A ring of blocks: the caller's thread fills them in order and takes them in order; in between any
 * thread looks at their lines.  `lock` guards the three counters and done[]; a block belongs to
 * whoever the counters say. */
#include "queue/stream.h"

#include <pthread.h>

#include "base/alloc.h"
#include "compute/cpus.h"

#define MAX_THREADS 64
#define MAX_SLOTS   (MAX_THREADS + 2)

struct pr_stream {
    const char *const *paths;
    size_t n_paths, file; /* the one being read */
    struct pr_blocks *open;
    struct pr_stream_options o;
    struct pr_stream_block slots[MAX_SLOTS];
    size_t n_slots;
    pthread_t threads[MAX_THREADS];
    size_t n_threads; /* beside the caller's */
    struct pr_line_checker own;
    bool held; /* the block at `taken` is with the caller */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t taken, claimed, filled; /* how many blocks so far */
    bool done[MAX_SLOTS], stop;
};

static struct pr_stream_block *slot(struct pr_stream *s, size_t i)
{
    return &s->slots[i % s->n_slots];
}

static void look_at(struct pr_line_checker *c, struct pr_stream_block *b)
{
    for (size_t i = 0; i < b->block.n; i++) {
        const struct pr_block_line *l = &b->block.lines[i];
        if (!l->too_long)
            pr_line_check(c, b->block.text + l->at, l->n, &b->results[i]);
        else
            b->results[i] = (struct pr_line_result){.refused = true};
    }
}

/* Looks at the next block that nobody has claimed; lock held, given up meanwhile. */
static bool work(struct pr_stream *s, struct pr_line_checker *c)
{
    if (s->claimed == s->filled)
        return false;
    size_t i = s->claimed++;
    pthread_mutex_unlock(&s->lock);
    look_at(c, slot(s, i));
    pthread_mutex_lock(&s->lock);
    s->done[i % s->n_slots] = true;
    pthread_cond_broadcast(&s->changed);
    return true;
}

static struct pr_line_checker checker(const struct pr_stream *s)
{
    return (struct pr_line_checker){.max_turn = s->o.max_turn, .known = s->o.known};
}

static void *worker(void *arg)
{
    struct pr_stream *s = arg;
    struct pr_line_checker c = checker(s);
    pthread_mutex_lock(&s->lock);
    while (!s->stop)
        if (!work(s, &c))
            pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    pr_line_checker_done(&c);
    return NULL;
}

struct pr_stream *pr_stream_new(
    const char *const *paths, size_t n, const struct pr_stream_options *options)
{
    struct pr_stream *s = pr_zalloc(sizeof *s);
    s->paths = paths;
    s->n_paths = n;
    s->o = *options;
    size_t threads = s->o.threads ? s->o.threads : (size_t)pr_cpus_usable();
    threads = threads > MAX_THREADS ? MAX_THREADS : threads;
    s->n_slots = threads + 2;
    s->own = checker(s);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    while (
        s->n_threads + 1 < threads && !pthread_create(&s->threads[s->n_threads], NULL, worker, s))
        s->n_threads++;
    return s;
}

void pr_stream_free(struct pr_stream *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < s->n_threads; i++)
        pthread_join(s->threads[i], NULL);
    for (size_t i = 0; i < s->n_slots; i++) {
        pr_block_done(&s->slots[i].block);
        pr_free(s->slots[i].results);
    }
    pr_line_checker_done(&s->own);
    pr_blocks_close(s->open);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->changed);
    pr_free(s);
}

/* Reads the next block; false when all files are read. */
static bool fill(struct pr_stream *s, struct pr_stream_block *b)
{
    struct pr_error e;
    if (s->file == s->n_paths)
        return false;
    b->file = s->file;
    b->open_failed = false;
    if (!s->open && pr_blocks_open(s->paths[s->file], s->o.max_line, &s->open, &e)) {
        pr_block_clear(&b->block);
        b->open_failed = b->block.last = true;
        b->block.fault = pr_strdup(e.message);
        s->file++;
        return true;
    }
    pr_blocks_next(s->open, &b->block);
    b->read = pr_blocks_read(s->open);
    if (b->block.n > b->cap_results) {
        pr_free(b->results);
        b->results = pr_zalloc(b->block.n * sizeof *b->results);
        b->cap_results = b->block.n;
    }
    if (b->block.last) {
        pr_blocks_close(s->open);
        s->open = NULL;
        s->file++;
    }
    return true;
}

struct pr_stream_block *pr_stream_next(struct pr_stream *s)
{
    struct pr_stream_block *ret = NULL;
    pthread_mutex_lock(&s->lock);
    s->taken += s->held;
    s->held = false;
    for (;;) {
        while (s->filled - s->taken < s->n_slots) {
            pthread_mutex_unlock(&s->lock);
            bool is = fill(s, slot(s, s->filled));
            pthread_mutex_lock(&s->lock);
            if (!is)
                break;
            s->done[s->filled % s->n_slots] = false;
            s->filled++;
            pthread_cond_broadcast(&s->changed);
        }
        if (s->taken == s->filled)
            break;
        if (s->done[s->taken % s->n_slots]) {
            ret = slot(s, s->taken);
            s->held = true;
            break;
        }
        if (!work(s, &s->own))
            pthread_cond_wait(&s->changed, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return ret;
}
