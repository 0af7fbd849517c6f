// GET /later: takes a responder, and answers from a thread of the plugin's own.

#define _POSIX_C_SOURCE 200809L

#include "plugin.h"

#include <signal.h>
#include <stdlib.h>

// A request that waits for its answer.
struct Job {
    struct Job *next;
    const ToruResponder *responder; // one reference, ours
};

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

uint32_t later(const void *user, const void *instance, const ToruExchange *ex,
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

bool start_worker(Plugin *plugin)
{
    // Signals are the host's business: the thread inherits a mask that blocks them all.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    plugin->has_worker = pthread_create(&plugin->worker, NULL, work, plugin) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return plugin->has_worker;
}

// Has the worker answer what is queued and waits for it, which is prompt: no job makes it sleep.
void stop_worker(Plugin *plugin)
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
