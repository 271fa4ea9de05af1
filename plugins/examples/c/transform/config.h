// Reads the configuration. The router sends it as the text of a JSON object that it has parsed itself, so this only
// finds things in it.
#pragma once

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "patchpanel.h"

static unsigned json_hex4(const uint8_t *at) {
    char digits[5] = {0};
    memcpy(digits, at, 4);
    return (unsigned)strtoul(digits, NULL, 16);
}

static size_t json_utf8(unsigned code, uint8_t *out) {
    if (code < 0x80) {
        out[0] = (uint8_t)code;
        return 1;
    }
    size_t more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    for (size_t i = more; i > 0; i--, code >>= 6) out[i] = (uint8_t)(0x80 | (code & 0x3f));
    out[0] = (uint8_t)((0xf00 >> more) | code);
    return more + 1;
}

// The string whose opening quote is at `*at`; leaves `*at` behind the closing one. Free it.
static patchpanel_string_t json_string(const uint8_t **at) {
    const uint8_t *from = *at + 1, *end = from;
    while (*end != '"') end += *end == '\\' ? 2 : 1;
    *at = end + 1;
    // No escape is shorter than what it stands for.
    patchpanel_string_t out = {malloc((size_t)(end - from) + 1), 0};
    while (from < end) {
        if (*from != '\\') {
            out.ptr[out.len++] = *from++;
            continue;
        }
        const char *escape = strchr("b\bf\fn\nr\rt\t", from[1]);
        if (from[1] == 'u') {
            unsigned code = json_hex4(from + 2);
            from += 6;
            if (code >= 0xd800 && code < 0xdc00) {
                code = 0x10000 + ((code & 0x3ff) << 10) + (json_hex4(from + 2) & 0x3ff);
                from += 6;
            }
            out.len += json_utf8(code, out.ptr + out.len);
        } else {
            out.ptr[out.len++] = escape ? (uint8_t)escape[1] : from[1];
            from += 2;
        }
    }
    return out;
}

static const uint8_t *json_space(const uint8_t *at) {
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') at++;
    return at;
}

// Puts the string under `key` into `value`, which stays as it is where there is no such key. False: something else than
// a string is there.
static bool config_string(const patchpanel_string_t *config, const char *key, patchpanel_string_t *value) {
    const uint8_t *at = config->ptr, *end = at + config->len;
    int depth = 0;
    while (at < end) {
        if (*at != '"') {
            depth += (*at == '{' || *at == '[') - (*at == '}' || *at == ']');
            at++;
            continue;
        }
        patchpanel_string_t text = json_string(&at);
        at = json_space(at);
        bool found = depth == 1 && *at == ':' && text.len == strlen(key) && memcmp(text.ptr, key, text.len) == 0;
        free(text.ptr);
        if (!found) continue;
        at = json_space(at + 1);
        if (*at != '"') return false;
        *value = json_string(&at);
        return true;
    }
    return true;
}
