// Replaces ticket numbers such as TCK-1234 by [ticket].
#include "config.h"
#include "patchpanel.h"

static patchpanel_string_t prefix = {(uint8_t *)"TCK-", 4};

bool exports_patchpanel_plugin_lifecycle_configure(
    patchpanel_string_t *config, exports_patchpanel_plugin_lifecycle_list_config_error_t *errors) {
    const char *mistake = NULL;
    if (!config_string(config, "prefix", &prefix)) mistake = "must be a string";
    else if (prefix.len == 0) mistake = "must not be empty";
    patchpanel_string_free(config);
    if (mistake == NULL) return true;

    errors->len = 1;
    errors->ptr = malloc(sizeof *errors->ptr);
    patchpanel_string_dup(&errors->ptr[0].path, "prefix");
    patchpanel_string_dup(&errors->ptr[0].message, mistake);
    return false;
}

// How many bytes at the start of `text` are a ticket's number; 0 where there is none.
static size_t ticket(const uint8_t *text, size_t len) {
    if (len < prefix.len || memcmp(text, prefix.ptr, prefix.len) != 0) return 0;
    size_t end = prefix.len;
    while (end < len && text[end] >= '0' && text[end] <= '9') end++;
    return end > prefix.len ? end : 0;
}

static const char REPLACEMENT[] = "[ticket]";
static const size_t REPLACEMENT_LEN = sizeof REPLACEMENT - 1;

bool exports_patchpanel_plugin_redactor_redact(
    exports_patchpanel_plugin_redactor_texts_t *batch, exports_patchpanel_plugin_redactor_edits_t *answer,
    patchpanel_string_t *error) {
    (void)error;
    exports_patchpanel_plugin_redactor_list_edit_t edits = {NULL, 0};
    size_t room = 0;
    uint32_t start = 0;
    for (uint32_t index = 0; index < batch->texts.len; index++) {
        uint32_t end = batch->texts.ptr[index].end;
        for (uint32_t at = start; at < end;) {
            uint32_t len = (uint32_t)ticket(batch->bytes.ptr + at, end - at);
            if (len == 0) {
                at++;
                continue;
            }
            if (edits.len == room) {
                room = room ? room * 2 : 16;
                edits.ptr = realloc(edits.ptr, room * sizeof *edits.ptr);
            }
            uint32_t bytes_end = (uint32_t)((edits.len + 1) * REPLACEMENT_LEN);
            edits.ptr[edits.len++] = (exports_patchpanel_plugin_redactor_edit_t){
                .text = index, .start = at - start, .end = at - start + len, .label = 0, .bytes_end = bytes_end};
            at += len;
        }
        start = end;
    }
    // The generated function for texts forgets their paths.
    patchpanel_list_string_free(&batch->paths);
    batch->paths.len = 0;
    exports_patchpanel_plugin_redactor_texts_free(batch);

    answer->labels.len = 1;
    answer->labels.ptr = malloc(sizeof *answer->labels.ptr);
    patchpanel_string_dup(answer->labels.ptr, "ticket");
    answer->edits = edits;
    // The router frees no empty list.
    answer->bytes.len = edits.len * REPLACEMENT_LEN;
    answer->bytes.ptr = edits.len > 0 ? malloc(answer->bytes.len) : NULL;
    for (size_t i = 0; i < edits.len; i++)
        memcpy(answer->bytes.ptr + i * REPLACEMENT_LEN, REPLACEMENT, REPLACEMENT_LEN);
    return true;
}
