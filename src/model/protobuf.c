/* Walking over the fields of a protocol-buffer message. */
#include "model/protobuf.h"

static bool varint(struct pr_proto *p, uint64_t *ret)
{
    uint64_t x = 0;
    for (unsigned shift = 0; shift < 70 && p->at < p->end; shift += 7) {
        unsigned char c = *p->at++;
        if (shift < 64)
            x |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80)) {
            *ret = x;
            return true;
        }
    }
    return false;
}

static bool fixed(struct pr_proto *p, unsigned bytes, uint64_t *ret)
{
    if ((uint64_t)(p->end - p->at) < bytes)
        return false;
    *ret = 0;
    for (unsigned i = bytes; i-- > 0;)
        *ret = *ret << 8 | p->at[i];
    p->at += bytes;
    return true;
}

static bool payload(struct pr_proto *p, struct pr_proto_field *f)
{
    switch (f->wire) {
    case PR_WIRE_VARINT:
        return varint(p, &f->value);
    case PR_WIRE_64:
        return fixed(p, 8, &f->value);
    case PR_WIRE_32:
        return fixed(p, 4, &f->value);
    case PR_WIRE_BYTES:
        if (!varint(p, &f->value) || f->value > (uint64_t)(p->end - p->at))
            return false;
        f->bytes = (struct pr_proto){.at = p->at, .end = p->at + f->value};
        p->at += f->value;
        return true;
    }
    return false; /* groups and what does not exist */
}

bool pr_proto_next(struct pr_proto *p, struct pr_proto_field *ret)
{
    uint64_t key;
    *ret = (struct pr_proto_field){0};
    if (p->bad || p->at == p->end)
        return false;
    if (varint(p, &key) && key >> 3) {
        ret->number = key >> 3;
        ret->wire = (enum pr_wire)(key & 7);
        if (payload(p, ret))
            return true;
    }
    p->bad = true;
    return false;
}
