// Answers, and words for an error.

#include "plugin.h"

#include <string.h>

const ToruResponse *json(Answer *answer, uint16_t status, const char *body, size_t len)
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

uint32_t refuse(const ToruExchange *ex, uint32_t status)
{
    ToruResponse response = {.size = sizeof response, .flags = TORU_RESPONSE_ERROR};
    switch (status) {
    case TORU_TOO_LARGE:
        response.status = 413;
        break;
    case TORU_DISCONNECTED:
        response.status = 400;
        break;
    case TORU_BUSY:
    case TORU_TIMED_OUT:
        response.status = 503;
        break;
    case TORU_QUOTA:
    case TORU_STORAGE_FULL:
        response.status = 507;
        break;
    default: // among them those of later versions of the contract
        response.status = 500;
    }
    return ex->vt->respond(ex, &response);
}

uint32_t fail(ToruError *err, uint32_t code, const char *text)
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
