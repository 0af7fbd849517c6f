// A header by number; the first ones are fine.
#include "zoo.h"

#define LITERAL(text) {.ptr = (const uint8_t *)text, .len = sizeof text - 1}

ZOO_HANDLER(fault)
{
    static const ToruHeader all[] = {
        {LITERAL("x-good"), LITERAL("good")},
        {LITERAL("X-Upper"), LITERAL("good")},
        {LITERAL("x-empty"), {NULL, 0}},
        {LITERAL("x-8-bit"), LITERAL("caf\xe9")},
        {LITERAL("x-tab"), LITERAL("a\tb")},
        {LITERAL("x-static"), LITERAL("static"), TORU_HEADER_STATIC_NAME | TORU_HEADER_STATIC_VALUE},
        // From here on all are bad.
        {LITERAL("x bad"), LITERAL("value")},
        {LITERAL("x:bad"), LITERAL("value")},
        {LITERAL("x\nbad"), LITERAL("value")},
        {LITERAL("x\0bad"), LITERAL("value")},
        {LITERAL("caf\xe9"), LITERAL("value")},
        {LITERAL(""), LITERAL("value")},
        {{NULL, 0}, LITERAL("value")},
        {{NULL, 5}, LITERAL("value")},
        {LITERAL("x-bad"), LITERAL("a\nb")},
        {LITERAL("x-bad"), LITERAL("a\rb")},
        {LITERAL("x-bad"), LITERAL("a\0b")},
        {LITERAL("x-bad"), LITERAL("a\x7f")},
        {LITERAL("x-bad"), {NULL, 5}},
        {LITERAL("x-bad"), LITERAL("a\nb"), TORU_HEADER_STATIC_VALUE},
        {LITERAL("x-bad"), {NULL, 5}, TORU_HEADER_STATIC_VALUE},
    };
    ToruResponse response = zoo_response("body");
    response.headers = &all[zoo_number(ex)];
    response.n_headers = 1;
    zoo_status = ex->vt->respond(ex, &response);
    return TORU_DONE;
}

ZOO_FAULT(fault, 0)
