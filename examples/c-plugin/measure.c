// POST /measure: reads a request's body in frames, as they arrive, and tells how long it was.
//
// Nothing is collected: a body of any length takes no more memory than its largest frame.

#include "plugin.h"

#include <inttypes.h>
#include <stdio.h>

// What reads the body. Lies in the scratch that the host lends.
typedef struct {
    ToruBody *body; // ours until it is released; null when there is none
    uint64_t bytes, lines;
} Measure;

const size_t MEASURE_SIZE = sizeof(Measure);

static void release_body(Measure *measure)
{
    if (measure->body) {
        measure->body->vt->release(measure->body);
        measure->body = NULL;
    }
}

static void add(Measure *measure, const ToruFrame *frame)
{
    if (frame->kind != TORU_FRAME_DATA) {
        return; // trailers, which nobody asked for
    }
    measure->bytes += frame->bytes.len;
    for (size_t i = 0; i < frame->bytes.len; i++) {
        measure->lines += frame->bytes.ptr[i] == '\n';
    }
    // Lent bytes go back by themselves; others are ours, and are given back once.
    if (!(frame->flags & TORU_FRAME_BORROWED) && frame->bytes.owner) {
        frame->bytes.owner->vt->release(frame->bytes.owner);
    }
}

// Reads what is there. TORU_END at the end; TORU_PENDING when more is to come, and the waker will be
// called then.
static uint32_t read_on(Measure *measure, const ToruWaker *waker)
{
    for (;;) {
        if (!measure->body) {
            return TORU_END;
        }
        ToruFrame frame = {.size = sizeof frame};
        uint32_t status = measure->body->vt->poll(measure->body, waker, &frame);
        if (status != TORU_DONE) {
            return status;
        }
        add(measure, &frame);
    }
}

static uint32_t go_on(Measure *measure, const ToruWaker *waker, const ToruExchange *ex)
{
    char text[96];
    Answer answer;
    uint32_t status = read_on(measure, waker);
    if (status == TORU_PENDING) {
        return TORU_PENDING;
    }
    release_body(measure);
    if (status != TORU_END) {
        return refuse(ex, status); // too large, or the client has gone away
    }
    int len = snprintf(text, sizeof text, "{\"bytes\":%" PRIu64 ",\"lines\":%" PRIu64 "}",
                       measure->bytes, measure->lines);
    return ex->vt->respond(ex, json(&answer, 200, text, (size_t)len));
}

static uint32_t poll_measure(void *data, const ToruWaker *waker, void *io)
{
    return go_on(data, waker, io);
}

static void drop_measure(void *data)
{
    release_body(data);
}

static const ToruOpVt MEASURE_OP = {
    .size = sizeof(ToruOpVt),
    .poll = poll_measure,
    .drop = drop_measure,
};

HANDLER(measure)
{
    (void)user, (void)instance;
    Measure *measure = (Measure *)(void *)scratch;
    *measure = (Measure){.body = ex->vt->body(ex)};
    // The body may be there already: then there is nothing to wait for, and no operation.
    uint32_t status = go_on(measure, waker, ex);
    if (status == TORU_PENDING) {
        *op = (ToruOp){.data = measure, .vt = &MEASURE_OP};
    }
    return status;
}
