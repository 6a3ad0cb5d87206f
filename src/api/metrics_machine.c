/* Metrics of this machine, and whether its peers answer. */
#include <stdio.h>

#include "api/metrics_internal.h"

static const json_t *gpus(const struct pr_metrics *m)
{
    return json_object_get(m->x->machine, "gpus");
}

static void index_of(const json_t *gpu, char ret[24])
{
    snprintf(ret, 24, "%lld", (long long)json_integer_value(json_object_get(gpu, "index")));
}

static enum pr_code gpu_info(struct pr_metrics *m)
{
    const json_t *one;
    size_t i;
    char index[24];
    json_array_foreach (gpus(m), i, one) {
        index_of(one, index);
        pr_metrics_sample(m, 1, "gpu", index, "name",
            json_string_value(json_object_get(one, "name")), "uuid",
            json_string_value(json_object_get(one, "uuid")), NULL);
    }
    return PR_OK;
}

static enum pr_code of_gpus(struct pr_metrics *m, const char *key, double unit)
{
    const json_t *one;
    size_t i;
    char index[24];
    json_array_foreach (gpus(m), i, one) {
        index_of(one, index);
        pr_metrics_json(m, json_object_get(one, key), unit, "gpu", index);
    }
    return PR_OK;
}

static enum pr_code of_host(struct pr_metrics *m, const char *key, double unit)
{
    const json_t *host = json_object_get(m->x->machine, "host");
    pr_metrics_json(m, json_object_get(host, key), unit, NULL, NULL);
    return PR_OK;
}

static enum pr_code of_disks(struct pr_metrics *m, const char *key, double unit)
{
    const json_t *one, *host = json_object_get(m->x->machine, "host");
    size_t i;
    json_array_foreach (json_object_get(host, "disks"), i, one)
        pr_metrics_json(m, json_object_get(one, key), unit, "path",
            json_string_value(json_object_get(one, "path")));
    return PR_OK;
}

static enum pr_code peer_up(struct pr_metrics *m)
{
    const char *name;
    json_t *one;
    json_object_foreach ((json_t *)(uintptr_t)m->x->peers, name, one)
        pr_metrics_json(m, json_object_get(one, "reachable"), 1, "peer", name);
    return PR_OK;
}

#define OF(where, name, key, unit)                                                                 \
    static enum pr_code name(struct pr_metrics *m)                                                 \
    {                                                                                              \
        return of_##where(m, key, unit);                                                           \
    }
OF(gpus, gpu_memory_used, "memory_used_bytes", 1)
OF(gpus, gpu_memory_size, "memory_total_bytes", 1)
OF(gpus, gpu_utilization, "utilization_percent", 0.01)
OF(gpus, gpu_temperature, "temperature_celsius", 1)
OF(gpus, gpu_power, "power_watts", 1)
OF(gpus, gpu_power_limit, "power_limit_watts", 1)
OF(host, host_cpu, "cpu_percent", 0.01)
OF(host, host_cpus, "cpus", 1)
OF(host, host_load, "load1", 1)
OF(host, host_memory_used, "memory_used_bytes", 1)
OF(host, host_memory_size, "memory_total_bytes", 1)
OF(host, host_memory_limit, "memory_limit_bytes", 1)
OF(disks, disk_free, "free_bytes", 1)
OF(disks, disk_used, "used_bytes", 1)
OF(disks, disk_size, "total_bytes", 1)
#undef OF

#define GAUGE "gauge"
const struct pr_metric pr_metrics_machine[] = {
    {"proctor_gpu_info", GAUGE, "gpu, name, uuid", "1; which GPUs there are", gpu_info},
    {"proctor_gpu_memory_used_bytes", GAUGE, "gpu", "memory in use on the GPU", gpu_memory_used},
    {"proctor_gpu_memory_size_bytes", GAUGE, "gpu", "memory that the GPU has", gpu_memory_size},
    {"proctor_gpu_utilization_ratio", GAUGE, "gpu",
        "share of time in which something ran on it, 0 to 1", gpu_utilization},
    {"proctor_gpu_temperature_celsius", GAUGE, "gpu", "its temperature", gpu_temperature},
    {"proctor_gpu_power_watts", GAUGE, "gpu", "power that it draws", gpu_power},
    {"proctor_gpu_power_limit_watts", GAUGE, "gpu", "power that it may draw", gpu_power_limit},
    {"proctor_host_cpu_ratio", GAUGE, "", "share of all CPUs' time that was busy, 0 to 1",
        host_cpu},
    {"proctor_host_cpus", GAUGE, "", "CPUs that are online", host_cpus},
    {"proctor_host_load1", GAUGE, "", "load average of a minute", host_load},
    {"proctor_host_memory_used_bytes", GAUGE, "", "memory that is not available to others",
        host_memory_used},
    {"proctor_host_memory_size_bytes", GAUGE, "", "memory of the host", host_memory_size},
    {"proctor_host_memory_limit_bytes", GAUGE, "", "limit of the control group that proctor is in",
        host_memory_limit},
    {"proctor_disk_free_bytes", GAUGE, "path", "room on the disk for who is not root", disk_free},
    {"proctor_disk_used_bytes", GAUGE, "path", "room that is taken", disk_used},
    {"proctor_disk_size_bytes", GAUGE, "path", "size of the disk", disk_size},
    {"proctor_peer_up", GAUGE, "peer", "1 while the other machine answers", peer_up},
    {NULL},
};
