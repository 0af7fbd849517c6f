// GET /countdown/{from}: a response whose body is produced in frames, one each time the host asks.
//
// The host asks for the next frame when the client has room for it, so a slow client costs nothing
// but its place. Between two frames the body waits for a timer of the host, without a thread.

#include "plugin.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Largest number to count down from.
#define FROM_MAX 1000000
// Between two frames, in nanoseconds.
#define PAUSE_NS 1000000

// Bytes of one frame, which the host gives back when they are sent: perhaps later, from another thread.
typedef struct {
    ToruBuf base; // first, so that a pointer to it is a pointer to the whole
    atomic_size_t references;
    size_t len;
    char text[16];
} Line;

static void retain_line(const ToruBuf *buf)
{
    atomic_fetch_add_explicit(&((Line *)(uintptr_t)buf)->references, 1, memory_order_relaxed);
}

static void release_line(const ToruBuf *buf)
{
    Line *line = (Line *)(uintptr_t)buf;
    if (atomic_fetch_sub_explicit(&line->references, 1, memory_order_acq_rel) == 1) {
        free(line);
    }
}

static const ToruBufVt LINE = {.size = sizeof(ToruBufVt), .retain = retain_line, .release = release_line};

typedef struct {
    ToruBody base;
    const Plugin *plugin; // bodies are given back before the instance is destroyed
    unsigned left;
    ToruOp pause;
    bool is_pausing;
} Countdown;

// Waits between two frames. TORU_DONE when the time has passed.
static uint32_t wait(Countdown *body, const ToruWaker *waker)
{
    const Plugin *plugin = body->plugin;
    if (!plugin->rt) {
        return TORU_DONE; // a host without timers gets all of it at once
    }
    if (!body->is_pausing) {
        uint64_t until = plugin->rt->now(plugin->ctx) + PAUSE_NS;
        uint32_t status = plugin->rt->sleep_until(plugin->ctx, until, &body->pause);
        if (status != TORU_PENDING) {
            return status;
        }
        body->is_pausing = true;
    }
    // The first poll hands the waker over: without it nobody would wake the body up.
    uint32_t status = body->pause.vt->poll(body->pause.data, waker, NULL);
    if (status != TORU_PENDING) {
        body->pause.vt->drop(body->pause.data);
        body->is_pausing = false;
    }
    return status;
}

static uint32_t poll_countdown(ToruBody *base, const ToruWaker *waker, ToruFrame *frame)
{
    Countdown *body = (Countdown *)base;
    if (body->left == 0) {
        return TORU_END;
    }
    uint32_t status = wait(body, waker);
    if (status != TORU_DONE) {
        return status;
    }
    Line *line = malloc(sizeof *line);
    if (!line) {
        return TORU_INTERNAL;
    }
    line->base.vt = &LINE;
    atomic_init(&line->references, 1);
    line->len = (size_t)snprintf(line->text, sizeof line->text, "%u\n", body->left--);
    // One reference goes to the host with the frame.
    frame->kind = TORU_FRAME_DATA;
    frame->bytes = (ToruBytes){.ptr = (const uint8_t *)line->text, .len = line->len, .owner = &line->base};
    return TORU_DONE;
}

// After the last frame, or when the client has gone away before it.
static void release_countdown(ToruBody *base)
{
    Countdown *body = (Countdown *)base;
    if (body->is_pausing) {
        body->pause.vt->drop(body->pause.data);
    }
    free(body);
}

static const ToruBodyVt COUNTDOWN = {
    .size = sizeof(ToruBodyVt),
    .poll = poll_countdown,
    .release = release_countdown,
};

HANDLER(countdown)
{
    (void)user, (void)waker, (void)scratch, (void)op;
    static const char REFUSED[] = "{\"error\":\"from is a number from 1 to 1000000\"}";
    Answer refused;
    uint8_t digits[8] = {0};
    size_t len = 0;
    char *end = NULL;
    bool decoded = ex->n_params > 0 && percent_decode(ex->params[0], digits, sizeof digits - 1, &len);
    unsigned long from = decoded ? strtoul((const char *)digits, &end, 10) : 0;
    if (from < 1 || from > FROM_MAX || *end != '\0' || digits[0] < '0' || digits[0] > '9') {
        return ex->vt->respond(ex, json(&refused, 400, REFUSED, sizeof REFUSED - 1));
    }
    Countdown *body = calloc(1, sizeof *body);
    if (!body) {
        return TORU_INTERNAL;
    }
    body->base.vt = &COUNTDOWN;
    body->plugin = instance;
    body->left = (unsigned)from;
    const ToruHeader type = {
        .name = slice("content-type"),
        .value = slice("text/plain"),
        .flags = TORU_HEADER_STATIC_NAME | TORU_HEADER_STATIC_VALUE,
    };
    const ToruResponse response = {
        .size = sizeof response,
        .status = 200,
        .body_kind = TORU_BODY_STREAM,
        .headers = &type,
        .n_headers = 1,
        .stream = &body->base,
    };
    uint32_t status = ex->vt->respond(ex, &response);
    if (status != TORU_DONE) {
        release_countdown(&body->base); // it stayed ours
    }
    return status;
}
