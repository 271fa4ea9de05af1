// Events whose message has a certain word become errors; events without a message are dropped.
#define _GNU_SOURCE
#include "config.h"
#include "patchpanel.h"

static patchpanel_string_t word = {(uint8_t *)"urgent", 6};

bool exports_patchpanel_plugin_lifecycle_configure(
    patchpanel_string_t *config, exports_patchpanel_plugin_lifecycle_list_config_error_t *errors) {
    const char *mistake = NULL;
    if (!config_string(config, "word", &word)) mistake = "must be a string";
    else if (word.len == 0) mistake = "must not be empty";
    patchpanel_string_free(config);
    if (mistake == NULL) return true;

    errors->len = 1;
    errors->ptr = malloc(sizeof *errors->ptr);
    patchpanel_string_dup(&errors->ptr[0].path, "word");
    patchpanel_string_dup(&errors->ptr[0].message, mistake);
    return false;
}

static void transform(
    const patchpanel_plugin_events_event_t *event, exports_patchpanel_plugin_transformer_outcome_t *outcome) {
    patchpanel_string_t message = event->message;
    if (message.len == 0) {
        outcome->tag = EXPORTS_PATCHPANEL_PLUGIN_TRANSFORMER_OUTCOME_DROPPED;
        patchpanel_string_dup(&outcome->val.dropped, "there is no message");
    } else if (memmem(message.ptr, message.len, word.ptr, word.len) != NULL) {
        outcome->tag = EXPORTS_PATCHPANEL_PLUGIN_TRANSFORMER_OUTCOME_PATCHED;
        outcome->val.patched.level.is_some = true;
        outcome->val.patched.level.val = PATCHPANEL_PLUGIN_EVENTS_LEVEL_ERROR;
    } else {
        outcome->tag = EXPORTS_PATCHPANEL_PLUGIN_TRANSFORMER_OUTCOME_UNCHANGED;
    }
}

void exports_patchpanel_plugin_transformer_transform(
    exports_patchpanel_plugin_transformer_list_event_t *batch,
    exports_patchpanel_plugin_transformer_list_result_outcome_failure_t *answers) {
    answers->len = batch->len;
    // All zero: no error, and no field of a patch.
    answers->ptr = batch->len > 0 ? calloc(batch->len, sizeof *answers->ptr) : NULL;
    for (size_t i = 0; i < batch->len; i++) transform(&batch->ptr[i], &answers->ptr[i].val.ok);
    exports_patchpanel_plugin_transformer_list_event_free(batch);
}
