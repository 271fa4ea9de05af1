// Counts deliveries for each type of event.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "patchpanel.h"

typedef exports_patchpanel_plugin_channel_receipt_t receipt_t;
typedef exports_patchpanel_plugin_channel_problem_t problem_t;

bool exports_patchpanel_plugin_lifecycle_configure(
    patchpanel_string_t *config, exports_patchpanel_plugin_lifecycle_list_config_error_t *errors) {
    (void)errors;
    patchpanel_string_free(config);
    return true;
}

// Adds one to the number under `key`, and returns it; 0 where the store fails. Other instances count at the same time:
// what they changed meanwhile is read again.
static unsigned long increment(patchpanel_string_t *key) {
    for (;;) {
        patchpanel_option_list_u8_t before;
        patchpanel_plugin_kv_error_t error;
        if (!patchpanel_plugin_kv_get(key, &before, &error)) {
            patchpanel_plugin_kv_error_free(&error);
            return 0;
        }
        char digits[24] = {0};
        if (before.is_some && before.val.len < sizeof digits) memcpy(digits, before.val.ptr, before.val.len);
        unsigned long count = strtoul(digits, NULL, 10) + 1;
        snprintf(digits, sizeof digits, "%lu", count);

        patchpanel_list_u8_t after = {(uint8_t *)digits, strlen(digits)};
        bool stored;
        bool answered = patchpanel_plugin_kv_compare_and_set(
            key, before.is_some ? &before.val : NULL, &after, NULL, &stored, &error);
        patchpanel_option_list_u8_free(&before);
        if (!answered) {
            patchpanel_plugin_kv_error_free(&error);
            return 0;
        }
        if (stored) return count;
    }
}

// `format` with the type and the number of the event, as a string of its own.
static void print(patchpanel_string_t *out, const char *format, patchpanel_string_t type, unsigned long count) {
    size_t room = strlen(format) + type.len + 24;
    out->ptr = malloc(room);
    out->len = (size_t)snprintf((char *)out->ptr, room, format, (int)type.len, (char *)type.ptr, count);
}

static bool deliver(const patchpanel_plugin_events_event_t *event, receipt_t *receipt, problem_t *problem) {
    if (event->level == PATCHPANEL_PLUGIN_EVENTS_LEVEL_DEBUG) {
        problem->tag = EXPORTS_PATCHPANEL_PLUGIN_CHANNEL_PROBLEM_REJECT;
        patchpanel_string_dup(&problem->val.reject, "debug is not counted");
        return false;
    }
    patchpanel_string_t key, line;
    print(&key, "count/%.*s", event->type, 0);
    unsigned long count = increment(&key);
    patchpanel_string_free(&key);
    if (count == 0) {
        problem->tag = EXPORTS_PATCHPANEL_PLUGIN_CHANNEL_PROBLEM_RETRY;
        patchpanel_string_dup(&problem->val.retry, "the counts cannot be reached");
        return false;
    }
    print(&line, "%.*s: %lu", event->type, count);
    patchpanel_list_tuple2_string_string_t no_fields = {NULL, 0};
    patchpanel_plugin_log_write(PATCHPANEL_PLUGIN_EVENTS_LEVEL_INFO, &line, &no_fields);
    patchpanel_string_free(&line);

    receipt->reference.is_some = receipt->detail.is_some = true;
    print(&receipt->reference.val, "%.*s#%lu", event->type, count);
    patchpanel_string_dup(&receipt->detail.val, "counted");
    return true;
}

void exports_patchpanel_plugin_channel_deliver(
    exports_patchpanel_plugin_channel_list_delivery_t *batch,
    exports_patchpanel_plugin_channel_list_result_receipt_problem_t *answers) {
    answers->len = batch->len;
    answers->ptr = batch->len > 0 ? calloc(batch->len, sizeof *answers->ptr) : NULL;
    for (size_t i = 0; i < batch->len; i++) {
        exports_patchpanel_plugin_channel_result_receipt_problem_t *answer = &answers->ptr[i];
        answer->is_err = !deliver(&batch->ptr[i].event, &answer->val.ok, &answer->val.err);
    }
    exports_patchpanel_plugin_channel_list_delivery_free(batch);
}

bool exports_patchpanel_plugin_channel_check_health(patchpanel_string_t *error) {
    (void)error;
    return true;
}
