/* The schema, a step a version. */
