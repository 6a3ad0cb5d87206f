/* The grader's own side. */
