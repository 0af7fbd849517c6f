// GET and POST /count: a number that outlives the server, and the two ways in which a store answers.
//
// A store may answer at once, or later. Whoever asks it passes a waker and room for an operation;
// after TORU_PENDING that operation is polled, each time the waker was called, until it ends. So the
// handler becomes an operation itself, which polls the store's whenever the host polls it.

#include "plugin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY "count"

// What waits for the store. Lies in the scratch that the host lends.
typedef struct {
    ToruOp store;   // the store's operation, ours to poll and to drop
    bool has_store; // until it was dropped
    bool writes;    // which of the two results it is
    ToruKvPage page;
    ToruKvCommitted committed;
} Count;

const size_t COUNT_SIZE = sizeof(Count);

static uint32_t tell(const ToruExchange *ex, int64_t number)
{
    char body[64];
    Answer answer;
    int len = snprintf(body, sizeof body, "{\"count\":%" PRId64 "}", number);
    return ex->vt->respond(ex, json(&answer, 200, body, (size_t)len));
}

// Answers, whatever the store says.
static uint32_t finish(const Count *count, const ToruExchange *ex, uint32_t status)
{
    if (status != TORU_DONE) {
        return refuse(ex, status);
    }
    if (count->writes) {
        return tell(ex, count->committed.sum);
    }
    int64_t number = 0;
    char text[32] = {0};
    if (count->page.n_entries > 0) {
        // Numbers are stored as decimal text.
        ToruSlice value = count->page.entries[0].value;
        memcpy(text, value.ptr, value.len < sizeof text ? value.len : sizeof text - 1);
        number = strtoll(text, NULL, 10);
    }
    // The page is ours; nobody reads it after this.
    if (count->page.owner) {
        count->page.owner->vt->release(count->page.owner);
    }
    return tell(ex, number);
}

static uint32_t poll_count(void *data, const ToruWaker *waker, void *io)
{
    Count *count = data;
    void *result = count->writes ? (void *)&count->committed : (void *)&count->page;
    uint32_t status = count->store.vt->poll(count->store.data, waker, result);
    if (status == TORU_PENDING) {
        return TORU_PENDING;
    }
    count->store.vt->drop(count->store.data);
    count->has_store = false;
    // The exchange is what the host passes to the operations of its routes.
    return finish(count, io, status);
}

// The client has gone away, or the plugin is being disabled: the store is told by dropping its operation.
static void drop_count(void *data)
{
    Count *count = data;
    if (count->has_store) {
        count->store.vt->drop(count->store.data);
    }
}

static const ToruOpVt COUNT_OP = {.size = sizeof(ToruOpVt), .poll = poll_count, .drop = drop_count};

static uint32_t ask(const Plugin *plugin, bool writes, const ToruExchange *ex, const ToruWaker *waker,
                    uint8_t *scratch, ToruOp *op)
{
    static const char NO_STORE[] = "{\"error\":\"this host stores nothing\"}";
    Answer answer;
    if (!plugin->kv) {
        return ex->vt->respond(ex, json(&answer, 503, NO_STORE, sizeof NO_STORE - 1));
    }
    // Large and aligned enough, since the route says how much it needs.
    Count *count = (Count *)(void *)scratch;
    *count = (Count){
        .writes = writes,
        .page = {.size = sizeof(ToruKvPage)},
        .committed = {.size = sizeof(ToruKvCommitted)},
    };
    uint32_t status;
    if (writes) {
        // An addition, not a read and a write: no count is lost, whoever else counts.
        const ToruKvMutation add = {.kind = TORU_KV_ADD, .key = slice(KEY), .delta = 1};
        status = plugin->kv->commit(plugin->ctx, NULL, 0, &add, 1, waker, &count->committed, &count->store);
    } else {
        const ToruSlice key = slice(KEY);
        status = plugin->kv->get(plugin->ctx, &key, 1, waker, &count->page, &count->store);
    }
    if (status != TORU_PENDING) {
        return finish(count, ex, status);
    }
    count->has_store = true;
    *op = (ToruOp){.data = count, .vt = &COUNT_OP};
    return TORU_PENDING;
}

HANDLER(count)
{
    (void)user;
    return ask(instance, false, ex, waker, scratch, op);
}

HANDLER(count_up)
{
    (void)user;
    return ask(instance, true, ex, waker, scratch, op);
}
