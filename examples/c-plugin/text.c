// Text: percent-encoding, UTF-8 and JSON strings.

#include "plugin.h"

#include <string.h>

ToruSlice slice(const char *text)
{
    return (ToruSlice){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20; // lower case
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool percent_decode(ToruSlice raw, uint8_t *out, size_t cap, size_t *len)
{
    *len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t byte = raw.ptr[i];
        if (byte == '%') {
            int high = raw.len - i > 2 ? hex_digit(raw.ptr[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(raw.ptr[i + 2]) : -1;
            if (low < 0) {
                return false;
            }
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (*len == cap) {
            return false;
        }
        out[(*len)++] = byte;
    }
    return true;
}

// Bytes of the UTF-8 sequence at `text`, or 0 when it is none: cut short, overlong, a surrogate, or
// beyond U+10FFFF.
static size_t utf8_sequence(const uint8_t *text, size_t len)
{
    uint8_t first = text[0];
    size_t n = first < 0x80   ? 1
               : first < 0xC2 ? 0
               : first < 0xE0 ? 2
               : first < 0xF0 ? 3
               : first < 0xF5 ? 4
                              : 0;
    if (n == 0 || n > len) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    if (n > 2) {
        bool overlong = (first == 0xE0 && text[1] < 0xA0) || (first == 0xF0 && text[1] < 0x90);
        bool surrogate = first == 0xED && text[1] > 0x9F;
        bool too_high = first == 0xF4 && text[1] > 0x8F;
        return overlong || surrogate || too_high ? 0 : n;
    }
    return n;
}

size_t append_json(char *out, size_t at, const uint8_t *text, size_t len)
{
    static const char HEX[] = "0123456789abcdef";
    for (size_t i = 0; i < len;) {
        size_t n = utf8_sequence(text + i, len - i);
        if (n == 0) {
            return 0;
        }
        uint8_t c = text[i];
        if (c < 0x20) {
            memcpy(out + at, "\\u00", 4);
            out[at + 4] = HEX[c >> 4];
            out[at + 5] = HEX[c & 15];
            at += 6;
        } else {
            if (c == '"' || c == '\\') {
                out[at++] = '\\';
            }
            memcpy(out + at, text + i, n);
            at += n;
        }
        i += n;
    }
    return at;
}
