// By number: an unknown kind, bytes without an address, no stream, and streams whose tables lack what they need.
#include "zoo.h"

ZOO_STREAM_POLL(poll)
{
    return TORU_END;
}

ZOO_HANDLER(fault)
{
    ToruBodyVt vt = {.size = sizeof vt, .poll = poll, .release = zoo_stream_release};
    ToruBodyVt without_poll = vt, without_release = vt;
    without_poll.poll = NULL;
    without_release.release = NULL;
    vt.size = 32;
    ToruBufVt buf_vt = {.size = 16};
    ToruBuf buf = {zoo_at_the_edge(&buf_vt, 16)}, no_vt = {NULL};
    ToruResponse response = zoo_response("body");
    response.body_kind = TORU_BODY_STREAM;
    switch (zoo_number(ex)) {
    case 0: response.body_kind = 77; break;
    case 1: response.body_kind = TORU_BODY_BYTES, response.bytes = (ToruBytes){NULL, 9, NULL}; break;
    case 2: response.body_kind = TORU_BODY_BORROWED, response.bytes = (ToruBytes){NULL, 9, NULL}; break;
    case 3: response.body_kind = TORU_BODY_BYTES, response.bytes.len = (size_t)-1; break;
    case 4: response.body_kind = TORU_BODY_BYTES, response.bytes.owner = &buf; break;
    case 5: response.body_kind = TORU_BODY_BYTES, response.bytes.owner = &no_vt; break;
    case 6: response.stream = NULL; break;
    case 7: response.stream = zoo_stream(NULL); break;
    case 8: response.stream = zoo_stream(zoo_at_the_edge(&vt, 32)); break;
    case 9: response.stream = zoo_stream(zoo_at_the_edge(&without_poll, sizeof vt)); break;
    case 10: response.stream = zoo_stream(zoo_at_the_edge(&without_release, sizeof vt)); break;
    }
    zoo_status = ex->vt->respond(ex, &response);
    return TORU_DONE;
}

ZOO_FAULT(fault, 0)
