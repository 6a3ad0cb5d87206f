/* Counts of the server, and their text for Prometheus. */
#ifndef PR_SERVE_METRICS_H
#define PR_SERVE_METRICS_H

#include <pthread.h>
#include <stdint.h>

#include "base/str.h"

#define PR_SERVE_BUCKETS 14

struct pr_serve_histogram {
    uint64_t counts[PR_SERVE_BUCKETS + 1]; /* the last: longer than the longest */
    double sum_s;
};

struct pr_serve_tally_row {
    const char *route; /* of the table; "other": none of it */
    int status;
    uint64_t n;
};

struct pr_serve_tally {
    pthread_mutex_t lock; /* guards all */
    struct pr_serve_tally_row *rows;
    size_t n, cap;
    struct pr_serve_histogram first_token, whole;
};

void pr_serve_tally_init(struct pr_serve_tally *t);
void pr_serve_tally_done(struct pr_serve_tally *t);
/* One request is over; 499: its client went away. */
void pr_serve_tally_request(struct pr_serve_tally *t, const char *route, int status);
/* Nanoseconds from the end of the request to its first token, and to its answer's end. */
void pr_serve_tally_first_token(struct pr_serve_tally *t, int64_t ns);
void pr_serve_tally_whole(struct pr_serve_tally *t, int64_t ns);
void pr_serve_tally_text(struct pr_serve_tally *t, struct pr_str *out);

#endif
