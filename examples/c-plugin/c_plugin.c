// A Toru plugin in C: one file against one header.
//
// Two routes show the two ways of answering. `GET /greeting/{name}` answers before its function
// returns. `GET /later` takes a responder and answers from another thread.
//
// Read it from the bottom: create_plugin hands out the table of functions, and the table leads to
// everything else. Every field used here belongs to version 1.0 of the contract, so TORU_HAS is not
// needed; it is for what later minor versions append.

#define _POSIX_C_SOURCE 200809L

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "toru_plugin.h"

TORU_PLUGIN_METADATA("c-hello", "Hello from C", "0.1.0",   // id, name, version
                     "Toru authors", "👋", "/c-hello",     // author, icon, route
                     "Greets from C, at once and later");  // description

// Longest name that is greeted, in bytes.
#define NAME_MAX_BYTES 256

// ---- Answers ------------------------------------------------------------------------------------

static ToruSlice slice(const char *text)
{
    return (ToruSlice){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

// A response with a JSON body, and the header that it points to: both live in the caller's frame
// until respond has returned, which is as long as the host looks at them.
typedef struct {
    ToruHeader content_type;
    ToruResponse response;
} Answer;

static const ToruResponse *json(Answer *answer, uint16_t status, const char *body, size_t len)
{
    answer->content_type = (ToruHeader){
        .name = slice("content-type"),
        .value = slice("application/json"),
        // String literals are never freed, and libraries never unloaded: no copy needed.
        .flags = TORU_HEADER_STATIC_NAME | TORU_HEADER_STATIC_VALUE,
    };
    answer->response = (ToruResponse){
        .size = sizeof(ToruResponse),
        .status = status,
        .headers = &answer->content_type,
        .n_headers = 1,
        // Copied by the host during the call, so that it may stand on the stack.
        .body_kind = TORU_BODY_BORROWED,
        .bytes = {.ptr = (const uint8_t *)body, .len = len, .owner = NULL},
    };
    return &answer->response;
}

// Explains an error to people, where the host has room for it, and returns its code.
static uint32_t fail(ToruError *err, uint32_t code, const char *text)
{
    if (err) {
        size_t len = strlen(text);
        err->code = code;
        err->text_len = len < err->text_cap ? len : err->text_cap;
        if (err->text_len > 0) {
            memcpy(err->text, text, err->text_len);
        }
    }
    return code;
}

// ---- GET /greeting/{name} -----------------------------------------------------------------------

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20; // lower case
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Captures arrive as they were sent. Decodes one to at most `cap` bytes; false when it is malformed.
static bool percent_decode(ToruSlice raw, uint8_t *out, size_t cap, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t byte = raw.ptr[i];
        if (byte == '%') {
            int high = raw.len - i > 2 ? hex_digit(raw.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(raw.ptr[i + 2]) : -1;
            if (low < 0) {
                return false;
            }
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (*len == cap) {
            return false;
        }
        out[(*len)++] = byte;
    }
    return true;
}

// Bytes of the UTF-8 sequence at `text`, or 0 when it is none: cut short, overlong, a surrogate, or
// beyond U+10FFFF.
static size_t utf8_sequence(const uint8_t *text, size_t len)
{
    uint8_t first = text[0];
    size_t n = first < 0x80   ? 1
               : first < 0xC2 ? 0
               : first < 0xE0 ? 2
               : first < 0xF0 ? 3
               : first < 0xF5 ? 4
                              : 0;
    if (n == 0 || n > len) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if (n > 2) {
        bool overlong = (first == 0xE0 && text[1] < 0xA0) || (first == 0xF0 && text[1] < 0x90);
        bool surrogate = first == 0xED && text[1] > 0x9F;
        bool too_high = first == 0xF4 && text[1] > 0x8F;
        return overlong || surrogate || too_high ? 0 : n;
    }
    return n;
}

// Appends text as the inside of a JSON string. Needs room for six bytes for each one given. Returns
// the new length, or 0 when the text is not UTF-8.
static size_t append_json(char *out, size_t at, const uint8_t *text, size_t len)
{
    static const char HEX[] = "0123456789abcdef";
    for (size_t i = 0; i < len;) {
        size_t n = utf8_sequence(text + i, len - i);
        if (n == 0) {
            return 0;
        }
        uint8_t c = text[i];
        if (c < 0x20) {
            memcpy(out + at, "\\u00", 4);
            out[at + 4] = HEX[c >> 4];
            out[at + 5] = HEX[c & 15];
            at += 6;
        } else {
            if (c == '"' || c == '\\') {
                out[at++] = '\\';
            }
            memcpy(out + at, text + i, n);
            at += n;
        }
        i += n;
    }
    return at;
}

static uint32_t greet(const void *user, const void *plugin, const ToruExchange *ex,
                      const ToruWaker *waker, uint8_t *scratch, ToruOp *op)
{
    // This handler needs no data of its own and never suspends.
    (void)user, (void)plugin, (void)waker, (void)scratch, (void)op;

    static const char BEFORE[] = "{\"message\":\"Hello, ";
    static const char AFTER[] = "!\"}";
    static const char REFUSED[] = "{\"error\":\"a name is 1 to 256 bytes of UTF-8\"}";
    uint8_t name[NAME_MAX_BYTES];
    char body[sizeof BEFORE + 6 * NAME_MAX_BYTES + sizeof AFTER];
    Answer answer;

    size_t name_len = 0;
    size_t len = sizeof BEFORE - 1;
    memcpy(body, BEFORE, len);
    bool decoded = ex->n_params > 0 && percent_decode(ex->params[0], name, sizeof name, &name_len);
    if (decoded && name_len > 0) {
        len = append_json(body, len, name, name_len);
    }
    if (!decoded || name_len == 0 || len == 0) {
        return ex->vt->respond(ex, json(&answer, 400, REFUSED, sizeof REFUSED - 1));
    }
    memcpy(body + len, AFTER, sizeof AFTER - 1);
    len += sizeof AFTER - 1;
    // TORU_DONE once the answer was accepted; an error is the host's to handle as well.
    return ex->vt->respond(ex, json(&answer, 200, body, len));
}

// ---- GET /later ---------------------------------------------------------------------------------

// A request that waits for its answer.
typedef struct Job {
    struct Job *next;
    const ToruResponder *responder; // one reference, ours
} Job;

// One instance: a thread, and the queue that it works off.
typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    Job *first;
    Job **last;    // where the next job is hooked in
    bool stopping; // nothing is queued any more
    bool has_worker;
    pthread_t worker;
} Plugin;

static void answer_later(const ToruResponder *responder, bool stopping)
{
    static const char BODY[] = "{\"message\":\"Hello, from another thread!\"}";
    static const char SORRY[] = "{\"error\":\"the plugin is shutting down\"}";
    Answer answer;

    // Nobody waits any more when the client has gone away or the time is up. The work, had there
    // been any, would be saved. An answer that comes too late nevertheless is refused harmlessly.
    if (!responder->vt->is_cancelled(responder)) {
        const ToruResponse *response = stopping ? json(&answer, 503, SORRY, sizeof SORRY - 1)
                                                : json(&answer, 200, BODY, sizeof BODY - 1);
        (void)responder->vt->respond(responder, response);
    }
    // Exactly once on every path. Without an answer before, the host would now answer 500.
    responder->vt->release(responder);
}

static void *work(void *data)
{
    Plugin *plugin = data;
    pthread_mutex_lock(&plugin->lock);
    for (;;) {
        Job *job = plugin->first;
        if (job) {
            plugin->first = job->next;
            if (!plugin->first) {
                plugin->last = &plugin->first;
            }
            bool stopping = plugin->stopping;
            // Never call the host with a lock held that a route's function waits for.
            pthread_mutex_unlock(&plugin->lock);
            answer_later(job->responder, stopping);
            free(job);
            pthread_mutex_lock(&plugin->lock);
        } else if (plugin->stopping) {
            break;
        } else {
            pthread_cond_wait(&plugin->changed, &plugin->lock);
        }
    }
    pthread_mutex_unlock(&plugin->lock);
    return NULL;
}

static uint32_t later(const void *user, const void *instance, const ToruExchange *ex,
                      const ToruWaker *waker, uint8_t *scratch, ToruOp *op)
{
    // `user` is the plugin too, without const: see routes.
    (void)instance, (void)waker, (void)scratch, (void)op;
    Plugin *plugin = (Plugin *)(uintptr_t)user;

    Job *job = malloc(sizeof *job);
    if (!job) {
        return TORU_BUSY;
    }
    job->next = NULL;
    job->responder = ex->vt->detach(ex);
    if (!job->responder) {
        free(job);
        return TORU_INTERNAL;
    }
    pthread_mutex_lock(&plugin->lock);
    *plugin->last = job;
    plugin->last = &job->next;
    pthread_cond_signal(&plugin->changed);
    pthread_mutex_unlock(&plugin->lock);
    // From here on the exchange is no longer ours: the answer may already have been given.
    return TORU_DETACHED;
}

// ---- The life of an instance --------------------------------------------------------------------

static uint32_t create(const ToruHost *host, void **out, ToruError *err)
{
    (void)host;
    Plugin *plugin = calloc(1, sizeof *plugin);
    if (!plugin) {
        return fail(err, TORU_INTERNAL, "out of memory");
    }
    plugin->last = &plugin->first;
    if (pthread_mutex_init(&plugin->lock, NULL) != 0) {
        free(plugin);
        return fail(err, TORU_INTERNAL, "no mutex");
    }
    if (pthread_cond_init(&plugin->changed, NULL) != 0) {
        pthread_mutex_destroy(&plugin->lock);
        free(plugin);
        return fail(err, TORU_INTERNAL, "no condition variable");
    }
    *out = plugin;
    return TORU_DONE;
}

// Writes a line to the host's log, if it has one.
static void log_info(const ToruCtx *ctx, const char *message)
{
    const ToruLog *log = ctx->vt->ext(ctx, (const uint8_t *)TORU_LOG_ID, sizeof TORU_LOG_ID - 1);
    if (log && log->max_level(ctx) >= TORU_LOG_INFO) {
        ToruLogRecord record = {
            .size = sizeof record,
            .level = TORU_LOG_INFO,
            .target = slice("c_plugin"),
            .file = slice(__FILE__),
            .line = __LINE__,
            .message = slice(message),
        };
        (void)log->emit(ctx, &record);
    }
}

static uint32_t init(void *instance, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op,
                     ToruError *err)
{
    (void)waker, (void)op; // done at once
    Plugin *plugin = instance;

    // Signals are the host's business: the thread inherits a mask that blocks them all.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    plugin->has_worker = pthread_create(&plugin->worker, NULL, work, plugin) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!plugin->has_worker) {
        return fail(err, TORU_INTERNAL, "no thread could be started");
    }
    log_info(ctx, "the worker is running");
    return TORU_DONE;
}

static uint32_t routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    const ToruRoute all[] = {
        {
            .size = sizeof(ToruRoute),
            .methods = TORU_GET,
            .pattern = slice("/greeting/{name}"),
            .start = greet,
        },
        {
            .size = sizeof(ToruRoute),
            .methods = TORU_GET,
            .pattern = slice("/later"),
            .user = plugin,
            .start = later,
        },
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        uint32_t status = registrar->add(registrar, &all[i]);
        if (status != TORU_DONE) {
            return fail(err, status, "the host refused a route");
        }
    }
    return TORU_DONE;
}

// Has the worker answer what is queued and waits for it, which is prompt: no job makes it sleep.
static void stop(Plugin *plugin)
{
    if (!plugin->has_worker) {
        return;
    }
    pthread_mutex_lock(&plugin->lock);
    plugin->stopping = true;
    pthread_cond_signal(&plugin->changed);
    pthread_mutex_unlock(&plugin->lock);
    pthread_join(plugin->worker, NULL);
    plugin->has_worker = false;
}

static uint32_t shutdown(void *plugin, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    (void)waker, (void)op, (void)err;
    stop(plugin);
    return TORU_DONE;
}

static void destroy(void *instance)
{
    Plugin *plugin = instance;
    stop(plugin); // a host that has no time for shutdown leaves no thread behind either
    pthread_cond_destroy(&plugin->changed);
    pthread_mutex_destroy(&plugin->lock);
    free(plugin);
}

// ---- First contact ------------------------------------------------------------------------------

static const ToruPluginApi api = {
    .size = sizeof(ToruPluginApi),
    .magic = TORU_API_MAGIC,
    .abi_major = TORU_ABI_MAJOR,
    .abi_minor = TORU_ABI_MINOR,
    .metadata = TORU_METADATA,
    .metadata_len = TORU_METADATA_LEN,
    .create = create,
    .init = init,
    .routes = routes,
    .shutdown = shutdown,
    .destroy = destroy,
};

uint32_t create_plugin(const ToruLoader *loader, const ToruPluginApi **out)
{
    if (!loader || !out) {
        return TORU_INVALID;
    }
    if (loader->abi_major != TORU_ABI_MAJOR) {
        return TORU_UNSUPPORTED;
    }
    *out = &api;
    return TORU_DONE;
}
