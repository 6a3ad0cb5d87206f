/* What this machine's GPUs, memory and disks do.
 *
 * The owner of a base folder samples (sv_machine.c): it shows the last sample in its state, keeps
 * curves of it in the gradebook, and raises alerts by it.  NVML is loaded with dlopen; where it is
 * not there nvidia-smi is asked; where neither is, the sample says so.  A driver that does not
 * answer holds up nothing but the sampling thread: the sample is then old, and is not shown as a
 * number. */
#ifndef PR_MACHINE_MACHINE_H
#define PR_MACHINE_MACHINE_H

#include "base/error.h"
#include "base/json.h"

struct pr_machine;
/* base_dir: its file system is among the disks. */
struct pr_machine *pr_machine_new(const char *base_dir);
void pr_machine_free(struct pr_machine *m);
/* Looks now (may take a second or, with a driver that hangs, for ever: call it on a thread of its
 * own).  The document that docs/api.md gives a machine in /api/gpu has, from `gpus` to `host`.  New
 * reference, never NULL. */
json_t *pr_machine_sample(struct pr_machine *m);

#endif
