/* Findings, decisions, alerts. */
