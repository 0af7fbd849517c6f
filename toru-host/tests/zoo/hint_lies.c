// Says that four bytes come; sends as many as the number says.
#include "zoo.h"

static int wanted;

ZOO_STREAM_POLL(poll)
{
    if (((ZooStream *)body)->polls++ == wanted) return TORU_END;
    *frame = zoo_frame("x");
    return TORU_DONE;
}

static uint32_t hint(ToruBody *body, ToruBodyHint *out)
{
    out->flags = TORU_HINT_EXACT;
    out->len = 4;
    return TORU_DONE;
}

static const ToruBodyVt vt = {.size = sizeof vt, .poll = poll, .hint = hint, .release = zoo_stream_release};

ZOO_HANDLER(fault)
{
    wanted = zoo_number(ex);
    return zoo_answer_stream(ex, zoo_stream(&vt));
}

ZOO_FAULT(fault, 0)
