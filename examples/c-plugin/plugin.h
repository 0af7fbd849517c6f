// What the files of this plugin share. Nothing of it is exported: the library is built with
// -fvisibility=hidden, and create_plugin alone leaves it.

#ifndef C_PLUGIN_H
#define C_PLUGIN_H

#include <pthread.h>
#include <stdbool.h>

#include "toru_plugin.h"

// Longest word that greets, in bytes.
#define WORD_MAX_BYTES 64

typedef struct Job Job;

// One instance.
typedef struct {
    // What the host gave: valid as long as the process lives. The extensions are null where a host
    // does not offer them.
    const ToruCtx *ctx;
    const ToruKv *kv;
    const ToruRt *rt;

    // From the configuration.
    uint8_t word[WORD_MAX_BYTES];
    size_t word_len;

    // The thread that answers later, and the queue that it works off.
    pthread_mutex_t lock;
    pthread_cond_t changed;
    Job *first;
    Job **last;    // where the next job is hooked in
    bool stopping; // nothing is queued any more
    bool has_worker;
    pthread_t worker;
} Plugin;

// ---- answer.c -----------------------------------------------------------------------------------

// A response with a JSON body, and the header that it points to: both live in the caller's frame
// until respond has returned, which is as long as the host looks at them.
typedef struct {
    ToruHeader content_type;
    ToruResponse response;
} Answer;

const ToruResponse *json(Answer *answer, uint16_t status, const char *body, size_t len);

// Answers with an error, as the status word of a host function has it: the host writes the body, a
// problem document like its own. A handler that returns an error instead is answered for with 500.
uint32_t refuse(const ToruExchange *ex, uint32_t status);

// Explains an error to people, where the host has room for it, and returns its code.
uint32_t fail(ToruError *err, uint32_t code, const char *text);

// ---- text.c -------------------------------------------------------------------------------------

ToruSlice slice(const char *text);

// Captures arrive as they were sent. Decodes one to at most `cap` bytes; false when it is malformed.
bool percent_decode(ToruSlice raw, uint8_t *out, size_t cap, size_t *len);

// Appends text as the inside of a JSON string. Needs room for six bytes for each one given. Returns
// the new length, or 0 when the text is not UTF-8.
size_t append_json(char *out, size_t at, const uint8_t *text, size_t len);

// ---- config.c -----------------------------------------------------------------------------------

// Takes over what the administrator configured. TORU_DONE, or an error with words in `err`.
uint32_t configure(Plugin *plugin, ToruError *err);

// ---- later.c ------------------------------------------------------------------------------------

bool start_worker(Plugin *plugin);
void stop_worker(Plugin *plugin);

// ---- Handlers, one file for each path -----------------------------------------------------------

#define HANDLER(name)                                                                              \
    uint32_t name(const void *user, const void *instance, const ToruExchange *ex,                  \
                  const ToruWaker *waker, uint8_t *scratch, ToruOp *op)

HANDLER(greet);     // greeting.c
HANDLER(later);     // later.c
HANDLER(count);     // count.c
HANDLER(count_up);  // count.c
HANDLER(countdown); // countdown.c
HANDLER(measure);   // measure.c

// Memory that a handler's operation needs for as long as the request is not answered: the host
// provides it, so that nothing has to be allocated.
extern const size_t COUNT_SIZE;
extern const size_t MEASURE_SIZE;

#endif
