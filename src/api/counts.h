/* What this process has answered so far; for /metrics.  Any thread. */
#ifndef PR_API_COUNTS_H
#define PR_API_COUNTS_H

#include <stdint.h>

#define PR_API_CODES 600 /* of HTTP: below it */

void pr_api_count_answer(int code);
void pr_api_count_stream(int more); /* 1: one listens to events, -1: not any more */

uint64_t pr_api_answers(int code); /* how many with this code */
int64_t pr_api_streams(void);      /* how many listen now */

#endif
