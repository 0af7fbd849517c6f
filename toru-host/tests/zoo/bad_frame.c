// A good frame, then by number: a borrowed one, an unknown flag, an unknown kind, bytes without an address, a bad
// trailer, trailers with a flag, an error, a panic, an unknown status; or, not quite a fault, trailers again and again.
#include "zoo.h"

static int fault_number;

ZOO_STREAM_POLL(poll)
{
    ZooStream *stream = (ZooStream *)body;
    static ToruHeader bad = {{(const uint8_t *)"x bad", 5}, {NULL, 0}}, good = {{(const uint8_t *)"x-good", 6}, {NULL, 0}};
    *frame = zoo_frame("good");
    if (stream->polls++ == 0) return TORU_DONE;
    switch (fault_number) {
    case 0: frame->flags = TORU_FRAME_BORROWED; return TORU_DONE;
    case 1: frame->flags = 1u << 31; return TORU_DONE;
    case 2: frame->kind = 77; return TORU_DONE;
    case 3: frame->bytes.ptr = NULL; return TORU_DONE;
    case 4: frame->kind = TORU_FRAME_TRAILERS, frame->headers = &bad, frame->n_headers = 1; return TORU_DONE;
    case 5: frame->kind = TORU_FRAME_TRAILERS, frame->headers = &good, frame->n_headers = 1, frame->flags = 1u << 31;
        return TORU_DONE;
    case 6: return TORU_FAILED;
    case 7: return TORU_PANICKED;
    case 9: frame->kind = TORU_FRAME_TRAILERS, frame->headers = &good, frame->n_headers = 1; return TORU_DONE;
    default: return 4711;
    }
}

static const ToruBodyVt vt = {.size = sizeof vt, .poll = poll, .release = zoo_stream_release};

ZOO_HANDLER(fault)
{
    fault_number = zoo_number(ex);
    return zoo_answer_stream(ex, zoo_stream(&vt));
}

ZOO_FAULT(fault, 0)
