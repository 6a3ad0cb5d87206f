/* The parent's side of a grader. */
