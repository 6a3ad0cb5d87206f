/* The parts of a look, for this folder's files and their tests alone:
 *
 *   machine.c  where GPUs are asked for: NVML, nvidia-smi, nobody
 *   nvml.c     NVIDIA's library, loaded when it is there
 *   smi.c      NVIDIA's program, and the parser of what it prints
 *   host.c     /proc, control groups, file systems
 *   gpu.c      one GPU's figures, whoever told them
 */
#ifndef PR_MACHINE_MACHINE_INTERNAL_H
#define PR_MACHINE_MACHINE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

#define PR_MACHINE_MAX_GPUS 64

/* ---- one GPU (gpu.c) ---- */

enum pr_gpu_figure {
    PR_GPU_MEMORY_USED,
    PR_GPU_MEMORY_TOTAL,
    PR_GPU_UTILIZATION,
    PR_GPU_TEMPERATURE,
    PR_GPU_POWER,
    PR_GPU_POWER_LIMIT,
    PR_GPU_FIGURES
};
/* Sets the figure, in its own unit.  A value that cannot be (110 %) is null, and says what came. */
void pr_gpu_set(json_t *gpu, enum pr_gpu_figure f, double value);
void pr_gpu_set_unknown(json_t *gpu, enum pr_gpu_figure f, const char *reason);

/* ---- NVML (nvml.c) ---- */

struct pr_nvml;
/* Loads and initialises it.  PR_E_NOT_FOUND: there is no such library here. */
PR_MUST_CHECK enum pr_code pr_nvml_open(struct pr_nvml **ret, struct pr_error *e);
void pr_nvml_close(struct pr_nvml *n);
/* *ret: an array of GPUs, new reference.  A figure that the driver does not tell is null with its
 * reason; failing is that no GPU can be listed. */
PR_MUST_CHECK enum pr_code pr_nvml_look(struct pr_nvml *n, json_t **ret, struct pr_error *e);

/* ---- nvidia-smi (smi.c) ---- */

PR_MUST_CHECK enum pr_code pr_smi_look(json_t **ret, struct pr_error *e);
/* What it prints: a line a GPU.  Anything that is not exactly that is PR_E_FORMAT. */
PR_MUST_CHECK enum pr_code pr_smi_parse(
    const char *text, size_t n, json_t **ret, struct pr_error *e);

/* ---- the host (host.c) ---- */

/* The CPUs' ticks as "cpu …" of /proc/stat has them. */
struct pr_cpu_ticks {
    uint64_t busy, all;
};
PR_MUST_CHECK enum pr_code pr_cpu_parse(
    const char *text, struct pr_cpu_ticks *ret, struct pr_error *e);
/* The share that was busy between two looks; NaN and why where that cannot be said. */
double pr_cpu_percent(
    const struct pr_cpu_ticks *before, const struct pr_cpu_ticks *now, const char **ret_reason);
/* A value of /proc/meminfo in bytes; false: it has no such line. */
bool pr_meminfo_parse(const char *text, const char *name, uint64_t *ret);

struct pr_host_eye;
struct pr_host_eye *pr_host_eye_new(const char *const *folders);
void pr_host_eye_free(struct pr_host_eye *h);
json_t *pr_host_eye_look(struct pr_host_eye *h);

#endif
