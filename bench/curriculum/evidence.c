/* How often the evidence of probes names a wrong strategy, and what it finds: streams of made-up
 * probes through pr_evidence_next and pr_evidence_weigh until nothing is open any more.
 *
 *   bench_evidence [STREAMS]     2,000 of each kind by default
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "curriculum/streams.h"

static void row(enum pr_stream_kind kind, const char *what, const struct pr_stream_effects *effects,
    size_t streams, uint64_t seed)
{
    struct pr_stream_result r;
    pr_streams_run(kind, effects, streams, seed, NULL, &r);
    double n = (double)r.streams, p = (double)r.wrong / n;
    printf("| %s | %s | %.2f %% (± %.2f) | %.1f %% | %.1f %% | %.0f |\n", what,
        pr_stream_kind_text(kind), 100 * p, 196 * sqrt(p * (1 - p) / n), 100 * (double)r.right / n,
        100 * (double)r.best / n, r.probes);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    long streams = argc > 1 ? strtol(argv[1], NULL, 10) : 2000;
    if (streams < 1) {
        fputs("usage: bench_evidence [STREAMS]\n", stderr);
        return 2;
    }
    static const struct {
        const char *what;
        struct pr_stream_effects effects;
    } cases[] = {
        {"none differs", {{0, 0, 0, 0}}},
        {"two worse, two alike", {{-1, -1, 0, 0}}},
        {"all worse by 1", {{-1, -1, -1, -1}}},
        {"all worse by 2", {{-2, -2, -2, -2}}},
        {"one better by 0.5", {{0, 0.5, 0, 0}}},
        {"one better by 1", {{0, 1, 0, 0}}},
        {"one better by 2", {{0, 2, 0, 0}}},
        {"one better by 3", {{0, 3, 0, 0}}},
        {"one better by 1, one by 2", {{1, 0, 2, -1}}},
    };
    puts("| truth | noise | ever a wrong name | ends with a right name | with the best | probes |");
    puts("| --- | --- | --- | --- | --- | --- |");
    for (int k = 0; k < PR_N_STREAM_KINDS; k++)
        for (size_t c = 0; c < 2; c++)
            row((enum pr_stream_kind)k, cases[c].what, &cases[c].effects, (size_t)streams,
                1000000 * (uint64_t)(k + 1));
    for (size_t c = 2; c < sizeof cases / sizeof *cases; c++)
        row(PR_STREAM_NORMAL, cases[c].what, &cases[c].effects, (size_t)streams, 77000000);
    return 0;
}
