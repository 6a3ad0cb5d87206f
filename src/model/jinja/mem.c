/* Memory, limits and failure of one compile or render: an arena with a cap, a step counter, and the
 * one way out. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "model/jinja/value.h"

static _Noreturn void leave(struct jctx *c, enum pr_code code)
{
    c->code = code;
    longjmp(c->fail, 1);
}

void j_raise(struct jctx *c, const char *fmt, ...)
{
    char text[900];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    leave(c, pr_fail(c->e, PR_E_TEMPLATE, "line %u: %s", c->line, text));
}

void j_fail(struct jctx *c, enum pr_code code, const char *fmt, ...)
{
    char text[900];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    leave(c, pr_fail(c->e, code, "line %u: %s", c->line, text));
}

void j_raise_text(struct jctx *c, const struct jstr *text)
{
    leave(c, pr_fail(c->e, PR_E_TEMPLATE, "%.*s", (int)(text->len < 4096 ? text->len : 4096),
                 text->data));
}

void j_charge(struct jctx *c, uint64_t steps)
{
    if (c->steps_max - c->steps < steps)
        j_fail(c, PR_E_LIMIT, "the template needs more than %llu steps",
            (unsigned long long)c->steps_max);
    c->steps += steps;
}

void *j_alloc(struct jctx *c, size_t n)
{
    if (c->mem_max - c->mem_used < n || n > c->mem_max)
        j_fail(c, PR_E_LIMIT, "the template needs more than %zu MiB of memory", c->mem_max >> 20);
    j_charge(c, 1 + n / 256);
    c->mem_used += n + 16;
    if (c->mem_used > c->mem_max)
        c->mem_used = c->mem_max;
    return pr_arena_alloc(&c->arena, n);
}

void *j_array(struct jctx *c, size_t count, size_t size)
{
    size_t bytes;
    if (!pr_mul(count, size, &bytes))
        j_fail(c, PR_E_LIMIT, "the template asks for %zu values at once", count);
    return j_alloc(c, bytes);
}

void j_enter(struct jctx *c)
{
    if (++c->depth > J_MAX_DEPTH)
        j_fail(c, PR_E_LIMIT, "nested more than %d levels deep", J_MAX_DEPTH);
    j_charge(c, 1);
}

void j_put(struct jctx *c, struct jbuf *b, const char *bytes, size_t n)
{
    if (b->cap - b->len < n) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        if (cap - b->len < n)
            cap = b->len + n;
        char *fresh = j_alloc(c, cap);
        if (b->len)
            memcpy(fresh, b->data, b->len);
        b->data = fresh;
        b->cap = cap;
    }
    if (n)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
}

void j_puts(struct jctx *c, struct jbuf *b, const char *text)
{
    j_put(c, b, text, strlen(text));
}

void j_putc(struct jctx *c, struct jbuf *b, char ch)
{
    j_put(c, b, &ch, 1);
}

void j_put_char(struct jctx *c, struct jbuf *b, uint32_t code_point)
{
    char buf[4];
    j_put(c, b, buf, pr_utf8_encode(code_point, buf));
}

void j_putf(struct jctx *c, struct jbuf *b, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (n > 0)
        j_put(c, b, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void j_output(struct jctx *c, const struct jstr *s)
{
    if (c->max_output - c->out->len < s->len)
        j_fail(c, PR_E_LIMIT, "the template's output passes %zu bytes", c->max_output);
    j_put(c, c->out, s->data, s->len);
}
