// The configuration: {"word": "Good morning"} has people greeted like that.

#include "plugin.h"

#include <string.h>

// Where a reader of JSON is.
typedef struct {
    const uint8_t *at, *end;
} Reader;

static void skip_space(Reader *json)
{
    while (json->at < json->end && strchr(" \t\r\n", *json->at)) {
        json->at++;
    }
}

static bool take(Reader *json, char c)
{
    skip_space(json);
    if (json->at == json->end || *json->at != (uint8_t)c) {
        return false;
    }
    json->at++;
    return true;
}

// Reads a string without escapes, and leaves it where it is. False for anything else.
static bool take_string(Reader *json, ToruSlice *out)
{
    if (!take(json, '"')) {
        return false;
    }
    out->ptr = json->at;
    while (json->at < json->end && *json->at != '"' && *json->at != '\\') {
        json->at++;
    }
    out->len = (size_t)(json->at - out->ptr);
    return take(json, '"');
}

// Reads {"word": "…"}, or {}. A plugin with more to configure takes a library for JSON.
static bool read_word(ToruSlice text, ToruSlice *word)
{
    Reader json = {.at = text.ptr, .end = text.ptr + text.len};
    ToruSlice name;
    if (!take(&json, '{')) {
        return false;
    }
    if (!take(&json, '}')) {
        bool read = take_string(&json, &name) && name.len == 4 && memcmp(name.ptr, "word", 4) == 0 &&
                    take(&json, ':') && take_string(&json, word) && take(&json, '}');
        if (!read) {
            return false;
        }
    }
    skip_space(&json);
    return json.at == json.end;
}

uint32_t configure(Plugin *plugin, ToruError *err)
{
    ToruSlice word = slice("Hello");
    const ToruConfig *config =
        plugin->ctx->vt->ext(plugin->ctx, (const uint8_t *)TORU_CONFIG_ID, sizeof TORU_CONFIG_ID - 1);
    ToruBytes text = {0};
    if (config) {
        uint32_t status = config->get(plugin->ctx, &text);
        if (status != TORU_DONE) {
            return fail(err, status, "the configuration cannot be read");
        }
    }
    // Bytes that come back are ours until they are released, once, on every path below.
    char ignored[6 * WORD_MAX_BYTES];
    bool good = !config || read_word((ToruSlice){.ptr = text.ptr, .len = text.len}, &word);
    good = good && word.len > 0 && word.len <= sizeof plugin->word &&
           append_json(ignored, 0, word.ptr, word.len) > 0;
    if (good) {
        memcpy(plugin->word, word.ptr, word.len);
        plugin->word_len = word.len;
    }
    if (text.owner) {
        text.owner->vt->release(text.owner);
    }
    // An administrator who mistyped something wants to know now, not to wonder later.
    return good ? TORU_DONE
                : fail(err, TORU_INVALID, "the configuration has to be {\"word\": \"…\"}, with 1 to 64 bytes and no escapes");
}
