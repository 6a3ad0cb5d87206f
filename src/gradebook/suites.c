/* Suites, their examples, settings. */
