// What the broken plugins of this folder share. Each is good but for one fault, after which its file is named.
//
// The test that compiles a file defines ZOO_ID, the plugin's id, and ZOO_MARKER, the file that its constructor leaves.

#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "toru_plugin.h"

#ifndef ZOO_VERSION
#define ZOO_VERSION "1.0.0"
#endif

TORU_PLUGIN_METADATA(ZOO_ID, "Zoo", ZOO_VERSION, "Toru", "Z", "/zoo", "One fault");

__attribute__((constructor)) static void zoo_mark(void)
{
    close(open(ZOO_MARKER, O_CREAT | O_WRONLY, 0600));
}

// What happened so far, for `GET /counts`. Libraries are never unloaded: it outlives the instance.
static atomic_int zoo_made, zoo_started, zoo_stopped, zoo_ended; // instances
static atomic_int zoo_polled, zoo_dropped, zoo_released;         // operations, and whatever has a release
static atomic_int zoo_called;                                    // callbacks
static atomic_uint zoo_status;                                   // what the host said last

static ToruSlice zoo_text(const char *text)
{
    return (ToruSlice){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

static ToruResponse zoo_response(const char *body)
{
    return (ToruResponse){
        .size = sizeof(ToruResponse),
        .status = 200,
        .body_kind = TORU_BODY_BORROWED,
        .bytes = {.ptr = (const uint8_t *)body, .len = strlen(body)},
    };
}

static uint32_t zoo_answer(const ToruExchange *ex, const char *body)
{
    ToruResponse response = zoo_response(body);
    return ex->vt->respond(ex, &response);
}

// The query as a number.
static int zoo_number(const ToruExchange *ex)
{
    char text[16] = {0};
    if (ex->query.len) memcpy(text, ex->query.ptr, ex->query.len < 15 ? ex->query.len : 15);
    return atoi(text);
}

static uint32_t zoo_fail(ToruError *err, const char *words)
{
    err->code = TORU_FAILED;
    err->text_len = strlen(words);
    memcpy(err->text, words, err->text_len);
    return TORU_FAILED;
}

// The first `len` bytes of `object` where reading one more faults: in front of a page that nobody may touch.
static void *zoo_at_the_edge(const void *object, size_t len)
{
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + 4096, 4096, PROT_NONE);
    return memcpy(pages + 4096 - (len + 7) / 8 * 8, object, len);
}

#define ZOO_HANDLER(name)                                                                            \
    static uint32_t name(const void *user, const void *plugin, const ToruExchange *ex,               \
                         const ToruWaker *waker, uint8_t *scratch, ToruOp *op)

ZOO_HANDLER(zoo_ok)
{
    return zoo_answer(ex, "ok");
}

ZOO_HANDLER(zoo_counts)
{
    char text[256];
    snprintf(text, sizeof text,
             "made %d started %d stopped %d ended %d polled %d dropped %d released %d called %d status %u",
             zoo_made, zoo_started, zoo_stopped, zoo_ended, zoo_polled, zoo_dropped, zoo_released, zoo_called,
             zoo_status);
    return zoo_answer(ex, text);
}

static uint32_t zoo_add(const ToruRegistrar *registrar, const char *pattern, void *start, uint32_t flags)
{
    ToruRoute route = {
        .size = sizeof route,
        .flags = flags,
        .methods = TORU_ANY_METHOD,
        .pattern = zoo_text(pattern),
        .start = start,
    };
    return registrar->add(registrar, &route);
}

static uint32_t zoo_create(const ToruHost *host, void **out, ToruError *err)
{
    *out = NULL; // no state but the counters
    zoo_made++;
    return TORU_DONE;
}

static uint32_t zoo_init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    zoo_started++;
    return TORU_DONE;
}

static uint32_t zoo_routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    zoo_add(registrar, "/counts", zoo_counts, 0);
    return zoo_add(registrar, "/ok", zoo_ok, 0);
}

static uint32_t zoo_shutdown(void *plugin, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    zoo_stopped++;
    return TORU_DONE;
}

static void zoo_destroy(void *plugin)
{
    zoo_ended++;
}

// The table of a good plugin, with what is different.
#define ZOO_API(...)                                                                                 \
    static ToruPluginApi zoo_api = {                                                                 \
        .size = sizeof(ToruPluginApi),                                                               \
        .magic = TORU_API_MAGIC,                                                                     \
        .abi_major = TORU_ABI_MAJOR,                                                                 \
        .metadata = TORU_METADATA,                                                                   \
        .metadata_len = TORU_METADATA_LEN,                                                           \
        .create = zoo_create,                                                                        \
        .init = zoo_init,                                                                            \
        .routes = zoo_routes,                                                                        \
        .shutdown = zoo_shutdown,                                                                    \
        .destroy = zoo_destroy,                                                                      \
        __VA_ARGS__}

// A plugin whose table is different.
#define ZOO_PLUGIN(...)                                                                              \
    ZOO_API(__VA_ARGS__);                                                                            \
    uint32_t create_plugin(const ToruLoader *loader, const ToruPluginApi **out)                      \
    {                                                                                                \
        *out = &zoo_api;                                                                             \
        return TORU_DONE;                                                                            \
    }

// A plugin with one more route, `/fault`.
#define ZOO_FAULT(handler, flags)                                                                    \
    static uint32_t zoo_fault_routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)   \
    {                                                                                                \
        zoo_add(registrar, "/fault", handler, flags);                                                \
        return zoo_routes(plugin, registrar, err);                                                   \
    }                                                                                                \
    ZOO_PLUGIN(.routes = zoo_fault_routes)

// The table of an operation that counts and answers with its second poll.
static uint32_t zoo_op_poll(void *data, const ToruWaker *waker, void *io)
{
    const ToruExchange *ex = io;
    if (++zoo_polled % 2) {
        waker->vt->wake(waker);
        return TORU_PENDING;
    }
    return zoo_answer(ex, "polled");
}

static void zoo_op_drop(void *data)
{
    zoo_dropped++;
}

// A body: `poll` gets it with a counter of its polls.
typedef struct {
    ToruBody base;
    int polls;
} ZooStream;

static void zoo_stream_release(ToruBody *body)
{
    zoo_released++;
    free(body);
}

#define ZOO_STREAM_POLL(name) \
    static uint32_t name(ToruBody *body, const ToruWaker *waker, ToruFrame *frame)

static ToruBody *zoo_stream(const ToruBodyVt *vt)
{
    ZooStream *stream = calloc(1, sizeof *stream);
    stream->base.vt = vt;
    return &stream->base;
}

static uint32_t zoo_answer_stream(const ToruExchange *ex, ToruBody *stream)
{
    ToruResponse response = {.size = sizeof response, .status = 200, .body_kind = TORU_BODY_STREAM, .stream = stream};
    zoo_status = ex->vt->respond(ex, &response);
    if (zoo_status != TORU_DONE && stream && stream->vt) zoo_stream_release(stream);
    return zoo_status;
}

static ToruFrame zoo_frame(const char *text)
{
    return (ToruFrame){
        .size = sizeof(ToruFrame),
        .kind = TORU_FRAME_DATA,
        .bytes = {.ptr = (const uint8_t *)text, .len = strlen(text)},
    };
}
