// A Toru plugin in C: a few files against one header.
//
// Each path that it answers has a file of its own, which shows one thing:
//
//   GET  /greeting/{name}   an answer before the function returns, and configuration   greeting.c
//   GET  /later             an answer from another thread                              later.c
//   GET  /count             stored data, and operations that may suspend               count.c
//   POST /count             the same, written
//   GET  /countdown/{from}  a response produced in frames                              countdown.c
//   POST /measure           a request read in frames                                   measure.c
//
// Read this file from the bottom: create_plugin hands out the table of functions, and the table
// leads to everything else. Every field used here belongs to version 1.0 of the contract, so
// TORU_HAS is not needed; it is for what later minor versions append.

#include "plugin.h"

#include <stdlib.h>

TORU_PLUGIN_METADATA("c-hello", "Hello from C", "0.1.0",   // id, name, version
                     "Toru authors", "👋", "",             // author, icon, and no page
                     "Greets, counts and measures, from C"); // description

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

// A table of the host, or null where the host does not offer it.
#define EXTENSION(ctx, id) ((ctx)->vt->ext((ctx), (const uint8_t *)(id), sizeof(id) - 1))

static uint32_t init(void *instance, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op,
                     ToruError *err)
{
    (void)waker, (void)op; // done at once
    Plugin *plugin = instance;
    plugin->ctx = ctx;
    plugin->kv = EXTENSION(ctx, TORU_KV_ID);
    plugin->rt = EXTENSION(ctx, TORU_RT_ID);

    uint32_t status = configure(plugin, err);
    if (status != TORU_DONE) {
        return status;
    }
    if (!start_worker(plugin)) {
        return fail(err, TORU_INTERNAL, "no thread could be started");
    }
    log_info(ctx, "the worker is running");
    return TORU_DONE;
}

static uint32_t routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    const struct {
        uint32_t method;
        const char *pattern;
        HANDLER((*start));
        size_t scratch; // bytes that its operation needs
    } all[] = {
        {TORU_GET, "/greeting/{name}", greet, 0},
        {TORU_GET, "/later", later, 0},
        {TORU_GET, "/count", count, COUNT_SIZE},
        {TORU_POST, "/count", count_up, COUNT_SIZE},
        {TORU_GET, "/countdown/{from}", countdown, 0},
        {TORU_POST, "/measure", measure, MEASURE_SIZE},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const ToruRoute route = {
            .size = sizeof route,
            .methods = all[i].method,
            .op_size = all[i].scratch,
            .op_align = all[i].scratch > 0 ? TORU_SCRATCH_ALIGN_MAX : 0,
            .pattern = slice(all[i].pattern),
            // For the handler that needs the plugin without const.
            .user = plugin,
            .start = all[i].start,
        };
        uint32_t status = registrar->add(registrar, &route);
        if (status != TORU_DONE) {
            return fail(err, status, "the host refused a route");
        }
    }
    return TORU_DONE;
}

static uint32_t shutdown(void *plugin, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    (void)waker, (void)op, (void)err;
    stop_worker(plugin);
    return TORU_DONE;
}

static void destroy(void *instance)
{
    Plugin *plugin = instance;
    stop_worker(plugin); // a host that has no time for shutdown leaves no thread behind either
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
