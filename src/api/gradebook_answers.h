/* What plugin_gradebook.c's endpoints answer, a file each. */
#ifndef PR_API_GRADEBOOK_ANSWERS_H
#define PR_API_GRADEBOOK_ANSWERS_H

#include "api/api.h"

pr_api_handler pr_api_gradebook_history;  /* gradebook_history.c */
pr_api_handler pr_api_gradebook_examples; /* gradebook_examples.c */
pr_api_handler pr_api_gradebook_example;
pr_api_handler pr_api_gradebook_compare; /* gradebook_compare.c */
pr_api_handler pr_api_gradebook_calibration;

#endif
