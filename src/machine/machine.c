/* Where GPUs are asked for: NVML, then nvidia-smi, then nobody, with the reason. */
#include "machine/machine.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "machine/machine_internal.h"

#define AGAIN_NS (60LL * 1000000000) /* where there is nothing to be asked */
#define SMI_NS   (10LL * 1000000000) /* a process each time */

struct pr_machine {
    struct pr_host_eye *host;
    /* of the thread that looks at GPUs */
    struct pr_nvml *nvml; /* NULL: not loaded */
    json_t *last;         /* what to answer until next_ns; NULL: look */
    int64_t next_ns;
};

struct pr_machine *pr_machine_new(const char *const *folders)
{
    struct pr_machine *m = pr_zalloc(sizeof *m);
    m->host = pr_host_eye_new(folders);
    return m;
}

void pr_machine_free(struct pr_machine *m)
{
    if (!m)
        return;
    pr_host_eye_free(m->host);
    pr_nvml_close(m->nvml);
    json_decref(m->last);
    pr_free(m);
}

static json_t *document(json_t *gpus, const char *source, const char *reason)
{
    json_t *o = json_object();
    pr_json_set(o, "gpus", gpus);
    pr_json_set_str(o, "gpu_source", source);
    pr_json_set_str(o, "gpu_reason", reason);
    return o;
}

/* A driver that stopped answering (a GPU fell off the bus, it was unloaded) is begun with anew. */
static enum pr_code ask_nvml(struct pr_machine *m, json_t **ret, struct pr_error *e)
{
    enum pr_code code = m->nvml ? PR_OK : pr_nvml_open(&m->nvml, e);
    if (!code && (code = pr_nvml_look(m->nvml, ret, e))) {
        pr_nvml_close(m->nvml);
        m->nvml = NULL;
    }
    return code;
}

static json_t *keep(struct pr_machine *m, json_t *document, int64_t for_ns)
{
    m->last = json_incref(document);
    m->next_ns = pr_clock_monotonic_ns() + for_ns;
    return document;
}

static json_t *none(struct pr_machine *m, const struct pr_error *nvml, const struct pr_error *smi)
{
    struct pr_str reason = PR_STR_INIT(4 * sizeof nvml->message);
    if (nvml->code == PR_E_NOT_FOUND && smi->code == PR_E_NOT_FOUND)
        pr_str_puts(&reason, "this machine has no NVIDIA driver: neither libnvidia-ml.so.1 nor "
                             "nvidia-smi is there");
    else
        pr_str_printf(&reason, "%s; %s", nvml->message, smi->message);
    json_t *o = document(json_array(), NULL, pr_str_cstr(&reason));
    pr_str_done(&reason);
    return keep(m, o, AGAIN_NS);
}

json_t *pr_machine_look_gpus(struct pr_machine *m)
{
    struct pr_error nvml, smi;
    json_t *gpus;
    if (m->last && pr_clock_monotonic_ns() < m->next_ns)
        return json_incref(m->last);
    json_decref(m->last);
    m->last = NULL;
    if (!ask_nvml(m, &gpus, &nvml))
        return document(gpus, "nvml", NULL);
    if (!pr_smi_look(&gpus, &smi))
        return keep(m, document(gpus, "nvidia-smi", NULL), SMI_NS);
    return none(m, &nvml, &smi);
}

json_t *pr_machine_look_host(struct pr_machine *m)
{
    return pr_host_eye_look(m->host);
}
