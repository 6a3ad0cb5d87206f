/* doctor: looks at everything a user could have wrong, and says the remedy. */
#ifndef PR_DAEMON_DOCTOR_H
#define PR_DAEMON_DOCTOR_H

#include "base/error.h"
#include "base/json.h"

/* To add a check: a function and a line in the table of doctor.c, its test in
 * tests/integration/cli_doctor.py.
 * {"schema_version","base_dir","checks": [{"name","level": "ok"|"note"|"warning"|"error","text",
 * "remedy"}],"worst"}; new reference.  A configuration that cannot be read is a check that failed.
 */
json_t *pr_doctor(const char *base_dir);

#endif
