/* Files to blocks; see blocks.h. */
#include "queue/blocks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"
#include "base/utf8.h"
#include "exam/suite.h"

#define READ ((size_t)256 << 10)

/* What is read and not yet handed out: buf[start, end), from byte `base` of the file on. */
struct pr_blocks {
    int fd, err;
    char *path, *buf;
    size_t cap, start, end, max_line, number;
    uint64_t base;
    bool eof, array, begun, bom, over;
    struct pr_block *out;
};

void pr_block_clear(struct pr_block *b)
{
    pr_free(b->fault);
    b->fault = NULL;
    b->n_text = b->n = 0;
    b->bom = b->last = false;
}

void pr_block_done(struct pr_block *b)
{
    pr_free(b->text);
    pr_free(b->lines);
    pr_free(b->fault);
    *b = (struct pr_block){0};
}

static void fault(struct pr_blocks *b, const char *fmt, ...) PR_PRINTF(2, 3);
static void fault(struct pr_blocks *b, const char *fmt, ...)
{
    char text[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    pr_free(b->out->fault);
    b->out->fault = pr_strdup(text);
    b->over = true;
}

/* Makes more bytes there from `keep` on, which become the buffer's beginning; false at the end. */
static bool more(struct pr_blocks *b, size_t keep)
{
    if (b->eof)
        return false;
    if (b->buf) /* nothing is there before the first read */
        memmove(b->buf, b->buf + keep, b->end - keep);
    b->base += keep;
    b->end -= keep;
    b->start -= keep;
    if (b->cap - b->end < READ) {
        b->cap = b->end + 2 * READ > 2 * b->cap ? b->end + 2 * READ : 2 * b->cap;
        b->buf = pr_realloc(b->buf, b->cap, 1);
    }
    ssize_t n;
    do {
        n = read(b->fd, b->buf + b->end, b->cap - b->end);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        b->err = errno;
    b->eof = n <= 0;
    b->end += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static void emit(struct pr_blocks *b, const char *s, size_t n, uint64_t offset, uint64_t length)
{
    struct pr_block *o = b->out;
    struct pr_block_line line = {o->n_text, n, offset, length, b->number, !s};
    if (s) {
        if (o->n_text + n + 1 > o->cap_text) {
            o->cap_text =
                o->n_text + n + 1 > PR_BLOCK_BYTES ? o->n_text + n + 1 : PR_BLOCK_BYTES + 1;
            o->text = pr_realloc(o->text, o->cap_text, 1);
        }
        memcpy(o->text + o->n_text, s, n);
        o->text[o->n_text + n] = 0;
        o->n_text += n + 1;
    }
    PR_PUSH(o->lines, o->n, o->cap, line);
}

/* --- JSON Lines --- */

/* The end of the line at start: the index of its newline, or of the file's end.  A line that
 * outgrows the limit is passed over, and its length counted. */
static bool line_end(struct pr_blocks *b, size_t *ret_end, uint64_t *ret_skipped)
{
    size_t from = b->start;
    *ret_skipped = 0;
    for (;;) {
        const char *nl = memchr(b->buf + from, '\n', b->end - from);
        if (nl) {
            *ret_end = (size_t)(nl - b->buf);
            return true;
        }
        if (b->end - b->start > b->max_line + 1) {
            *ret_skipped += b->end - b->start;
            b->start = b->end;
        }
        from = b->end - b->start; /* what it will be once the buffer has moved */
        if (!more(b, b->start)) {
            *ret_end = b->end;
            return b->end > b->start || *ret_skipped;
        }
    }
}

static void next_line(struct pr_blocks *b)
{
    size_t end;
    uint64_t skipped;
    if (!line_end(b, &end, &skipped)) {
        b->over = true;
        return;
    }
    const char *s = b->buf + b->start;
    size_t n = end - b->start;
    uint64_t offset = b->base + b->start - skipped;
    bool ended = end < b->end;
    b->number++;
    b->start = end + ended;
    if (n && s[n - 1] == '\r' && ended)
        n--;
    if (skipped || n > b->max_line) {
        emit(b, NULL, 0, offset, skipped + n);
        return;
    }
    size_t i = 0;
    while (i < n && is_space(s[i]))
        i++;
    if (i < n)
        emit(b, s, n, offset, n);
}

/* --- the elements of an array --- */

/* The next byte that is no white space, or -1 at the end. */
static int peek(struct pr_blocks *b)
{
    for (;;) {
        while (b->start < b->end && is_space(b->buf[b->start]))
            b->start++;
        if (b->start < b->end)
            return (unsigned char)b->buf[b->start];
        if (!more(b, b->start))
            return -1;
    }
}

/* How far into a value we are. */
struct value {
    int depth;
    bool string, escaped, scalar;
};

/* Takes one byte; true: the value ends before it (`after` false) or with it. */
static bool value_byte(struct value *v, char c, bool *ret_after)
{
    *ret_after = true;
    if (v->string) {
        if (v->escaped || c == '\\') {
            v->escaped = !v->escaped;
        } else if (c == '"') {
            v->string = false;
            return !v->depth;
        }
        return false;
    }
    if (c == '"') {
        v->string = true;
    } else if (c == '{' || c == '[') {
        v->depth++;
    } else if (c == '}' || c == ']') {
        if (v->depth)
            return !--v->depth;
        *ret_after = false;
        return true;
    } else if (!v->depth && (c == ',' || is_space(c))) {
        *ret_after = false;
        return true;
    }
    return false;
}

static void next_element(struct pr_blocks *b)
{
    struct value v = {0};
    size_t at = b->start;
    uint64_t skipped = 0;
    bool done = false, after = false;
    while (!done) {
        if (at == b->end) {
            if (b->end - b->start > b->max_line) {
                skipped += b->end - b->start;
                b->start = b->end;
            }
            at = b->end - b->start;
            if (!more(b, b->start)) {
                fault(b, "the array ends within its element %zu", b->number + 1);
                return;
            }
        }
        done = value_byte(&v, b->buf[at], &after);
        at += !done || after;
    }
    size_t n = at - b->start;
    uint64_t offset = b->base + b->start - skipped;
    b->number++;
    if (skipped || n > b->max_line)
        emit(b, NULL, 0, offset, skipped + n);
    else
        emit(b, b->buf + b->start, n, offset, n);
    b->start = at;
}

static void next_in_array(struct pr_blocks *b)
{
    int c = peek(b);
    if (b->begun && c == ',') {
        b->start++;
        c = peek(b);
        if (c == ',' || c == ']')
            fault(b, "an element is missing after element %zu of the array", b->number);
    } else if (c == ']') {
        b->over = true;
    } else if (b->begun && c >= 0) {
        fault(b, "no comma after element %zu of the array", b->number);
    }
    if (c < 0)
        fault(b, "the array does not end: %zu elements were read", b->number);
    if (!b->over)
        next_element(b);
    b->begun = true;
}

/* The place of '[' in an object's member "examples" or "data", within what is buffered; 0: none. */
static size_t container_list(const struct pr_blocks *b)
{
    size_t i = b->start + 1, key = 0, key_n = 0, string = 0;
    struct value v = {.depth = 1};
    for (bool after; i < b->end; i++) {
        char c = b->buf[i];
        if (c == '[' && !v.string && v.depth == 1) {
            const char *k = b->buf + key;
            if ((key_n == 8 && !memcmp(k, "examples", 8)) || (key_n == 4 && !memcmp(k, "data", 4)))
                return i;
        }
        if (c == '"' && !v.string)
            string = i + 1;
        else if (c == '"' && !v.escaped && v.depth == 1)
            key_n = i - (key = string);
        if (value_byte(&v, c, &after))
            return 0;
    }
    return 0;
}

static enum pr_code find_array(struct pr_blocks *b, struct pr_error *e)
{
    int c = peek(b);
    size_t at = b->start;
    if (c == '{') {
        while (b->end - b->start < READ && more(b, b->start))
            ;
        at = container_list(b);
    }
    if (c != '[' && (c != '{' || !at))
        return pr_fail(e, PR_E_FORMAT,
            "an array of examples, or an object that begins with few members before 'examples', "
            "was expected");
    b->start = at + 1;
    b->array = true;
    return PR_OK;
}

/* --- blocks --- */

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcasecmp(s + n - m, end);
}

enum pr_code pr_blocks_open(
    const char *path, size_t max_line, struct pr_blocks **ret, struct pr_error *e)
{
    int fd;
    enum pr_code code = pr_file_open(AT_FDCWD, path, false, &fd, NULL, e);
    if (code)
        return code;
    struct pr_blocks *b = pr_zalloc(sizeof *b);
    *b = (struct pr_blocks){.fd = fd, .path = pr_strdup(path), .max_line = max_line};
    while (b->end < 3 && more(b, 0))
        ;
    b->start = b->end ? pr_utf8_bom(b->buf, b->end) : 0;
    b->bom = b->start;
    if (ends_with(path, ".json") && pr_suite_is_whole_json(fd))
        code = find_array(b, e);
    if (code)
        pr_blocks_close(b);
    else
        *ret = b;
    return code;
}

void pr_blocks_close(struct pr_blocks *b)
{
    if (!b)
        return;
    close(b->fd);
    pr_free(b->path);
    pr_free(b->buf);
    pr_free(b);
}

void pr_blocks_next(struct pr_blocks *b, struct pr_block *ret)
{
    b->out = ret;
    pr_block_clear(ret);
    ret->bom = b->bom;
    b->bom = false;
    while (!b->over && ret->n < PR_BLOCK_LINES && ret->n_text < PR_BLOCK_BYTES) {
        if (b->array)
            next_in_array(b);
        else
            next_line(b);
    }
    if (b->err)
        fault(b, "%s", strerror(b->err));
    ret->last = b->over;
    b->out = NULL;
}

uint64_t pr_blocks_read(const struct pr_blocks *b)
{
    return b->base + b->start;
}
