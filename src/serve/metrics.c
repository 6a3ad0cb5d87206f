/* See metrics.h. */
#include "serve/metrics.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "serve/server_internal.h"

static const double bounds[PR_SERVE_BUCKETS] = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120};

void pr_serve_tally_init(struct pr_serve_tally *t)
{
    *t = (struct pr_serve_tally){0};
    pthread_mutex_init(&t->lock, NULL);
}

void pr_serve_tally_done(struct pr_serve_tally *t)
{
    pr_free(t->rows);
    pthread_mutex_destroy(&t->lock);
}

static void count(struct pr_serve_tally *t, const char *route, int status)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->rows[i].status == status && !strcmp(t->rows[i].route, route)) {
            t->rows[i].n++;
            return;
        }
    struct pr_serve_tally_row row = {route, status, 1};
    PR_PUSH(t->rows, t->n, t->cap, row);
}

void pr_serve_tally_request(struct pr_serve_tally *t, const char *route, int status)
{
    pthread_mutex_lock(&t->lock);
    count(t, route, status);
    pthread_mutex_unlock(&t->lock);
}

static void add(struct pr_serve_tally *t, struct pr_serve_histogram *h, int64_t ns)
{
    double s = (double)ns * 1e-9;
    size_t i = 0;
    while (i < PR_SERVE_BUCKETS && s > bounds[i])
        i++;
    pthread_mutex_lock(&t->lock);
    h->counts[i]++;
    h->sum_s += s;
    pthread_mutex_unlock(&t->lock);
}

void pr_serve_tally_first_token(struct pr_serve_tally *t, int64_t ns)
{
    add(t, &t->first_token, ns);
}

void pr_serve_tally_whole(struct pr_serve_tally *t, int64_t ns)
{
    add(t, &t->whole, ns);
}

/* ---- as text ---- */

static void put_kind(struct pr_str *out, const char *name, const char *kind, const char *help)
{
    pr_str_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_histogram(
    struct pr_str *out, const char *name, const char *help, const struct pr_serve_histogram *h)
{
    uint64_t n = 0;
    put_kind(out, name, "histogram", help);
    for (size_t i = 0; i < PR_SERVE_BUCKETS; i++) {
        n += h->counts[i];
        pr_str_printf(out, "%s_bucket{le=\"%g\"} %llu\n", name, bounds[i], (unsigned long long)n);
    }
    n += h->counts[PR_SERVE_BUCKETS];
    pr_str_printf(out, "%s_bucket{le=\"+Inf\"} %llu\n%s_sum %.9g\n%s_count %llu\n", name,
        (unsigned long long)n, name, h->sum_s, name, (unsigned long long)n);
}

void pr_serve_tally_text(struct pr_serve_tally *t, struct pr_str *out)
{
    pthread_mutex_lock(&t->lock);
    put_kind(out, "proctor_serve_requests_total", "counter",
        "requests by route and status; 499: the client went away");
    for (size_t i = 0; i < t->n; i++)
        pr_str_printf(out, "proctor_serve_requests_total{route=\"%s\",status=\"%d\"} %llu\n",
            t->rows[i].route, t->rows[i].status, (unsigned long long)t->rows[i].n);
    put_histogram(out, "proctor_serve_first_token_seconds",
        "from the end of a request to its first token", &t->first_token);
    put_histogram(out, "proctor_serve_request_seconds",
        "from the end of a request to the end of its answer", &t->whole);
    pthread_mutex_unlock(&t->lock);
}

static void put_number(
    struct pr_str *out, const char *name, const char *kind, const char *help, uint64_t n)
{
    put_kind(out, name, kind, help);
    pr_str_printf(out, "%s %llu\n", name, (unsigned long long)n);
}

static void add_counts(struct pr_batcher_counts *sum, const struct pr_batcher_counts *c)
{
    sum->waiting += c->waiting;
    sum->running += c->running;
    sum->kv_pages += c->kv_pages;
    sum->kv_most += c->kv_most;
    sum->cached += c->cached;
    sum->passes += c->passes;
    sum->tokens_prefilled += c->tokens_prefilled;
    sum->tokens_cached += c->tokens_cached;
    sum->tokens_generated += c->tokens_generated;
    sum->set_back += c->set_back;
}

/* Label values hold no other characters that would need it. */
static void put_label(struct pr_str *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            pr_str_putc(out, '\\');
        pr_str_putc(out, (unsigned char)*text < ' ' ? '?' : *text);
    }
}

static void put_server(struct pr_serve_server *s, struct pr_str *out)
{
    struct pr_batcher_counts sum = {0}, c;
    size_t n_models = 1, n_answers;
    uint64_t n_swaps;
    pthread_mutex_lock(&s->lock);
    add_counts(&sum, &s->past);
    pr_serve_model_count(s->current->model, &c);
    add_counts(&sum, &c);
    for (const struct pr_serve_loaded *l = s->old; l; l = l->next, n_models++) {
        pr_serve_model_count(l->model, &c);
        add_counts(&sum, &c);
    }
    n_answers = s->n_answers;
    n_swaps = s->n_swaps;
    put_kind(out, "proctor_serve_model_info", "gauge", "the model that serves");
    pr_str_puts(out, "proctor_serve_model_info{name=\"");
    put_label(out, pr_serve_name_of(s->current));
    pr_str_printf(out, "\",fingerprint=\"%s\",numerics=\"%s\"} 1\n",
        pr_serve_model_fingerprint(s->current->model), pr_serve_model_numerics(s->current->model));
    pthread_mutex_unlock(&s->lock);
    const struct {
        const char *name, *kind, *help;
        uint64_t n;
    } rows[] = {
        {"answers", "gauge", "answers under way and waiting", n_answers},
        {"sequences_running", "gauge", "sequences with keys and values", sum.running},
        {"sequences_waiting", "gauge", "sequences that wait for room", sum.waiting},
        {"kv_pages", "gauge", "pages of the KV cache in use", sum.kv_pages},
        {"kv_pages_most", "gauge", "pages that it may have", sum.kv_most},
        {"cached_beginnings", "gauge", "beginnings in the prefix cache", sum.cached},
        {"models_loaded", "gauge", "models in memory: the one that serves and those it replaced",
            n_models},
        {"swaps_total", "counter", "models that were swapped in", n_swaps},
        {"passes_total", "counter", "passes of the engine", sum.passes},
        {"tokens_prefilled_total", "counter", "tokens of prompts computed", sum.tokens_prefilled},
        {"tokens_cached_total", "counter", "tokens of prompts from the prefix cache",
            sum.tokens_cached},
        {"tokens_generated_total", "counter", "tokens generated", sum.tokens_generated},
        {"set_back_total", "counter", "sequences set back for want of room", sum.set_back},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[80];
        snprintf(name, sizeof name, "proctor_serve_%s", rows[i].name);
        put_number(out, name, rows[i].kind, rows[i].help, rows[i].n);
    }
}

void pr_serve_do_metrics(
    struct pr_serve_exchange *x, const struct pr_serve_head *h, const char *body, size_t n)
{
    struct pr_serve_server *s = pr_serve_exchange_server(x);
    struct pr_str out = PR_STR_INIT(1 << 20);
    (void)h, (void)body, (void)n;
    put_server(s, &out);
    pr_serve_tally_text(&s->tally, &out);
    pr_serve_answer_text(
        x, 200, NULL, "text/plain; version=0.0.4; charset=utf-8", pr_str_cstr(&out), out.len);
    pr_str_done(&out);
}
