/* What this machine's GPUs, memory and disks do.
 *
 * The owner of a base folder looks (sv_machine.c): it shows the last look in its state, keeps
 * curves of it in the gradebook, and raises alerts by it.  NVML is loaded with dlopen; where it is
 * not there nvidia-smi is asked; where neither is, the look says so.
 *
 * GPUs and the host are looked at apart from each other: either can hang (a driver that is stuck, a
 * disk over a network that is gone), and then only its own numbers grow old.  Both are to be called
 * on a thread of their own; one at a time each. */
#ifndef PR_MACHINE_MACHINE_H
#define PR_MACHINE_MACHINE_H

#include "base/error.h"
#include "base/json.h"

struct pr_machine;
/* folders: NULL-terminated; their file systems, each once, are the disks that are shown. */
struct pr_machine *pr_machine_new(const char *const *folders);
void pr_machine_free(struct pr_machine *m);

/* {"gpus", "gpu_source", "gpu_reason"} as docs/api.md has them in /api/gpu.  New reference, never
 * NULL.
 *
 * PROCTOR_NVML names another library than libnvidia-ml.so.1 (tests; a driver in an odd place).
 * Where there is no GPU it is asked again once a minute; nvidia-smi, which costs a process, every
 * 10 s, and its last answer is given in between. */
json_t *pr_machine_look_gpus(struct pr_machine *m);
/* "host" of the same document.  New reference, never NULL. */
json_t *pr_machine_look_host(struct pr_machine *m);

#endif
