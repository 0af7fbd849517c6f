// The plugin that the browser tests compile in many variants: harmless, unless it was defined to fail.
//
// `support/libraries.ts` defines VARIANT_ID, _NAME, _VERSION, _AUTHOR, _ICON, _ROUTE, _DESCRIPTION, and where they are meant,
// VARIANT_BUNDLE (the script of its page) and VARIANT_FAILURE (the words with which it refuses to start).

#include <string.h>

#include "toru_plugin.h"

TORU_PLUGIN_METADATA(VARIANT_ID, VARIANT_NAME, VARIANT_VERSION, VARIANT_AUTHOR, VARIANT_ICON, VARIANT_ROUTE,
                     VARIANT_DESCRIPTION);

static ToruSlice slice(const char *text)
{
    return (ToruSlice){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

static uint32_t create(const ToruHost *host, void **out, ToruError *err)
{
    (void)host, (void)err;
    *out = NULL; // no state
    return TORU_DONE;
}

static void destroy(void *plugin)
{
    (void)plugin;
}

static uint32_t init(void *plugin, const ToruCtx *ctx, const ToruWaker *waker, ToruOp *op, ToruError *err)
{
    (void)plugin, (void)ctx, (void)waker, (void)op, (void)err;
#ifdef VARIANT_FAILURE
    static const char WORDS[] = VARIANT_FAILURE;
    size_t len = sizeof WORDS - 1;
    err->code = TORU_FAILED;
    err->text_len = len < err->text_cap ? len : err->text_cap;
    memcpy(err->text, WORDS, err->text_len);
    return TORU_FAILED;
#else
    return TORU_DONE;
#endif
}

// `GET /version`
static uint32_t version(const void *user, const void *plugin, const ToruExchange *ex, const ToruWaker *waker,
                        uint8_t *scratch, ToruOp *op)
{
    (void)user, (void)plugin, (void)waker, (void)scratch, (void)op;
    ToruResponse response = {
        .size = sizeof response,
        .status = 200,
        .body_kind = TORU_BODY_BORROWED,
        .bytes = {.ptr = (const uint8_t *)VARIANT_VERSION, .len = sizeof VARIANT_VERSION - 1},
    };
    return ex->vt->respond(ex, &response);
}

static uint32_t routes(void *plugin, const ToruRegistrar *registrar, ToruError *err)
{
    (void)plugin, (void)err;
    ToruRoute route = {
        .size = sizeof route,
        .methods = TORU_GET,
        .pattern = slice("/version"),
        .start = version,
    };
    return registrar->add(registrar, &route);
}

static uint32_t frontend(void *plugin, const ToruAssetSink *sink, ToruError *err)
{
    (void)plugin, (void)sink, (void)err;
#ifdef VARIANT_BUNDLE
    ToruAsset bundle = {
        .size = sizeof bundle,
        .path = slice("bundle.js"),
        // Without an owner: it lives as long as the library, which is never unloaded.
        .bytes = {.ptr = (const uint8_t *)VARIANT_BUNDLE, .len = sizeof VARIANT_BUNDLE - 1},
    };
    return sink->add(sink, &bundle);
#else
    return TORU_DONE;
#endif
}

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
    .frontend = frontend,
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
