/* What another machine answers: any JSON is cut down to known members of known types, or refused;
 * and cutting down what was cut down changes nothing. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "api/peers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* No number that JSON cannot hold, nothing that is long. */
static void check(const json_t *v, int depth)
{
    const char *key;
    json_t *one;
    size_t i;
    must(depth < 8);
    if (json_is_real(v))
        must(isfinite(json_real_value(v)));
    if (json_is_string(v))
        must(json_string_length(v) <= 300);
    must(json_array_size(v) <= 256);
    json_array_foreach ((json_t *)(uintptr_t)v, i, one)
        check(one, depth + 1);
    if (json_is_object(v))
        json_object_foreach ((json_t *)(uintptr_t)v, key, one)
            check(one, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pr_error e;
    json_t *v, *ret = NULL;
    if (pr_json_parse((const char *)data, size, PR_JSON_STRICT, "peer", &v, NULL, &e))
        return 0;
    if (pr_peer_clean_status(v, &ret, &e))
        must(!ret && *e.message);
    else
        check(ret, 0);
    json_decref(ret);
    ret = NULL;
    if (pr_peer_clean_gpu(v, &ret, &e)) {
        must(!ret && *e.message);
    } else {
        json_t *again = NULL;
        check(ret, 0);
        json_object_set_new(ret, "self", json_true());
        json_t *whole = json_pack("{s:[O]}", "machines", ret);
        must(!pr_peer_clean_gpu(whole, &again, &e));
        json_object_del(ret, "self");
        must(json_equal(ret, again));
        json_decref(again);
        json_decref(whole);
    }
    json_decref(ret);
    json_decref(v);
    return 0;
}
