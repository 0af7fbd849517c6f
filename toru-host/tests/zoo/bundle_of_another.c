// Its script is ZOO_SCRIPT.
#include "zoo.h"

static uint32_t frontend(void *plugin, const ToruAssetSink *sink, ToruError *err)
{
    ToruSlice script = zoo_text(ZOO_SCRIPT);
    ToruAsset asset = {
        .size = sizeof asset,
        .path = zoo_text("bundle.js"),
        .bytes = {.ptr = script.ptr, .len = script.len},
    };
    return sink->add(sink, &asset);
}

ZOO_PLUGIN(.frontend = frontend)
