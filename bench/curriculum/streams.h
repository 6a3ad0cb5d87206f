/* Made-up streams of probes through the code that decides: how often is a name wrong, how often is
 * the better strategy found, and after how many probes?  Used by bench_evidence and test_evidence.
 */
#ifndef PR_BENCH_CURRICULUM_STREAMS_H
#define PR_BENCH_CURRICULUM_STREAMS_H

#include <stddef.h>
#include <stdint.h>

#include "curriculum/evidence.h"

#define PR_STREAM_KINDS(X)                                                                         \
    X(NORMAL, "normal")                                                                            \
    X(UNEQUAL, "variances from 1/9 to 9 of random's")                                              \
    X(HEAVY, "heavy tails (Student's t, 3 df)")                                                    \
    X(SKEWED, "skewed, the arms unequally")                                                        \
    X(FLAT, "flat (uniform)")                                                                      \
    X(BLOCKS, "nearly all of it common to a block")                                                \
    X(DRIFT, "level and noise drift over start checkpoints")                                       \
    X(COARSE, "scores in few steps")                                                               \
    X(FAILING, "a tenth of the probes fail")                                                       \
    X(DIVERGING, "the worst 10 to 50 % of three arms' models diverge")                             \
    X(CRASHING, "the worst 10 to 50 % of three arms' probes fail")                                 \
    X(RANDOM_DIVERGING, "the worst 30 % of random's models diverge")                               \
    X(RANDOM_CRASHING, "the worst 30 % of random's probes fail")
enum pr_stream_kind {
#define PR_X(name, text) PR_STREAM_##name,
    PR_STREAM_KINDS(PR_X)
#undef PR_X
        PR_N_STREAM_KINDS
};
const char *pr_stream_kind_text(enum pr_stream_kind k);

struct pr_stream_effects {
    /* Of easy_to_hard, hard_first, interleaved, adaptive, in standard deviations of the difference
     * between two random arms. */
    double of[4];
};
struct pr_stream_result {
    size_t streams;
    size_t wrong;  /* ever named a strategy that is not better, or random where one is not worse */
    size_t right;  /* ended with a name that is not wrong: one that is better, or random rightly */
    size_t best;   /* ended with the arm of the largest effect */
    double probes; /* mean number a stream */
    size_t by_blocks[31]; /* streams decided after so many blocks */
};
/* Probes are asked for by pr_evidence_next until nothing is open; o: NULL for the defaults. */
void pr_streams_run(enum pr_stream_kind kind, const struct pr_stream_effects *effects,
    size_t streams, uint64_t seed, const struct pr_evidence_options *o,
    struct pr_stream_result *ret);

#endif
