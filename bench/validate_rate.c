/* The rate of the validator's format pass beside the JSON parser's own over the same lines, by
 * turns.  Per second of CPU time, so that what else the machine does matters less; only what
 * threads bring is by the clock.
 *
 *   bench_validate_rate FILE [ROUNDS]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "queue/line.h"

#define MAX_FILE ((size_t)4 << 30)

struct line {
    const char *s;
    size_t n;
};
static struct line *lines;
static size_t n_lines, cap;

static void parse_all(void)
{
    json_error_t e;
    for (size_t i = 0; i < n_lines; i++)
        json_decref(json_loadb(lines[i].s, lines[i].n, 0, &e));
}

static void check_all(void)
{
    static struct pr_line_result r;
    struct pr_line_checker c = {.max_turn = (size_t)256 << 10};
    for (size_t i = 0; i < n_lines; i++)
        pr_line_check(&c, lines[i].s, lines[i].n, &r);
    pr_line_checker_done(&c);
}

static struct pr_known *known;
static void read_all(void)
{
    static struct pr_line_result r;
    struct pr_line_checker c = {.max_turn = (size_t)256 << 10, .known = known};
    for (size_t i = 0; i < n_lines; i++)
        pr_line_check(&c, lines[i].s, lines[i].n, &r);
    pr_line_checker_done(&c);
}

static double less(double a, double b)
{
    return a < b ? a : b;
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static double seconds(void (*all)(void))
{
    double from = cpu_seconds();
    all();
    return cpu_seconds() - from;
}

/* By the clock, and of CPU time. */
static double validate_seconds(const char *path, size_t threads, double *cpu)
{
    struct pr_validate_options o = {.threads = threads};
    struct pr_validation *v;
    struct pr_error e;
    int64_t from = pr_clock_monotonic_ns();
    double cpu_from = cpu_seconds();
    if (pr_validate(&path, 1, &o, &v, &e))
        exit(1);
    pr_validation_free(v);
    *cpu = less(*cpu, cpu_seconds() - cpu_from);
    return (double)(pr_clock_monotonic_ns() - from) / 1e9;
}

int main(int argc, char **argv)
{
    char *text;
    size_t n;
    struct pr_error e;
    int rounds = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 5;
    double best[5] = {1e9, 1e9, 1e9, 1e9, 1e9}, cpu[2] = {1e9, 1e9};
    if (argc < 2 || pr_file_read(AT_FDCWD, argv[1], MAX_FILE, &text, &n, &e)) {
        fprintf(stderr, "%s\n", argc < 2 ? "usage: bench_validate_rate FILE [ROUNDS]" : e.message);
        return 2;
    }
    for (char *s = text, *nl; s < text + n && (nl = memchr(s, '\n', (size_t)(text + n - s)));
         s = nl + 1) {
        struct line l = {s, (size_t)(nl - s)};
        PR_PUSH(lines, n_lines, cap, l);
    }
    known = pr_known_new();
    for (int i = 0; i < rounds; i++) {
        best[0] = less(best[0], seconds(parse_all));
        best[1] = less(best[1], seconds(check_all));
        best[2] = less(best[2], seconds(read_all));
        best[3] = less(best[3], validate_seconds(argv[1], 1, &cpu[0]));
        best[4] = less(best[4], validate_seconds(argv[1], 2, &cpu[1]));
    }
    double mb = (double)n / 1e6;
    printf("{\"lines\": %zu, \"mb\": %.1f, \"jansson_mb_s\": %.1f, \"format_mb_s\": %.1f, "
           "\"format_and_words_mb_s\": %.1f, \"file_1_thread_mb_s\": %.1f, "
           "\"file_2_threads_mb_s\": %.1f, \"file_1_thread_cpu_s\": %.3f, "
           "\"file_2_threads_cpu_s\": %.3f}\n",
        n_lines, mb, mb / best[0], mb / best[1], mb / best[2], mb / best[3], mb / best[4], cpu[0],
        cpu[1]);
    pr_known_free(known);
    pr_free(lines);
    pr_free(text);
    return 0;
}
