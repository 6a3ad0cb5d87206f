/* The fields of a protocol-buffer message, one by one; nothing is copied. */
#ifndef PR_MODEL_PROTOBUF_H
#define PR_MODEL_PROTOBUF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum pr_wire { PR_WIRE_VARINT = 0, PR_WIRE_64 = 1, PR_WIRE_BYTES = 2, PR_WIRE_32 = 5 };

struct pr_proto {
    const unsigned char *at, *end;
    bool bad; /* the bytes are no message */
};

struct pr_proto_field {
    uint64_t number;
    enum pr_wire wire;
    uint64_t value;        /* varint, or the bits of a fixed number */
    struct pr_proto bytes; /* of PR_WIRE_BYTES: a string or a message within */
};

/* The next field; false at the end, with p->bad where that is not the end of a message. */
bool pr_proto_next(struct pr_proto *p, struct pr_proto_field *ret);

static inline float pr_proto_float(uint64_t bits)
{
    uint32_t u = (uint32_t)bits;
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

static inline double pr_proto_double(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

#endif
