// By ZOO_ASSET: too short, without an address, with an unknown flag, or none.
#include "zoo.h"

static uint32_t frontend(void *plugin, const ToruAssetSink *sink, ToruError *err)
{
    ToruAsset asset = {.size = sizeof asset, .path = zoo_text("bundle.js")};
    switch (ZOO_ASSET) {
    case 0: asset.size -= 8; return sink->add(sink, zoo_at_the_edge(&asset, sizeof asset - 8));
    case 1: asset.bytes.len = 9; return sink->add(sink, &asset);
    case 2: asset.flags = 1u << 31; return sink->add(sink, &asset);
    default: return sink->add(sink, NULL);
    }
}

ZOO_PLUGIN(.frontend = frontend)
