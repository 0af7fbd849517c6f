// GET /greeting/{name}: answers before the function returns, with the word from the configuration.

#include "plugin.h"

#include <string.h>

// Longest name that is greeted, in bytes.
#define NAME_MAX_BYTES 256

uint32_t greet(const void *user, const void *instance, const ToruExchange *ex,
               const ToruWaker *waker, uint8_t *scratch, ToruOp *op)
{
    // This handler needs no data of its own and never suspends.
    (void)user, (void)waker, (void)scratch, (void)op;
    const Plugin *plugin = instance;

    static const char BEFORE[] = "{\"message\":\"";
    static const char AFTER[] = "!\"}";
    static const char REFUSED[] = "{\"error\":\"a name is 1 to 256 bytes of UTF-8\"}";
    uint8_t name[NAME_MAX_BYTES];
    char body[sizeof BEFORE + 6 * (WORD_MAX_BYTES + NAME_MAX_BYTES) + sizeof ", " + sizeof AFTER];
    Answer answer;

    size_t name_len = 0;
    bool decoded = ex->n_params > 0 && percent_decode(ex->params[0], name, sizeof name, &name_len);
    size_t len = sizeof BEFORE - 1;
    memcpy(body, BEFORE, len);
    // The word was found to be UTF-8 when it was read.
    len = append_json(body, len, plugin->word, plugin->word_len);
    memcpy(body + len, ", ", 2);
    if (decoded && name_len > 0) {
        len = append_json(body, len + 2, name, name_len);
    }
    if (!decoded || name_len == 0 || len == 0) {
        return ex->vt->respond(ex, json(&answer, 400, REFUSED, sizeof REFUSED - 1));
    }
    memcpy(body + len, AFTER, sizeof AFTER - 1);
    len += sizeof AFTER - 1;
    // TORU_DONE once the answer was accepted; an error is the host's to handle as well.
    return ex->vt->respond(ex, json(&answer, 200, body, len));
}
