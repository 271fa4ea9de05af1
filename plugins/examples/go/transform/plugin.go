// Events whose message has a certain word become errors; events without a message are dropped.
package main

import (
	"encoding/json"
	"strings"

	lifecycle "patchpanel/exports/export_patchpanel_plugin_lifecycle"
	transformer "patchpanel/exports/export_patchpanel_plugin_transformer"
	_ "patchpanel/exports/wit_exports"
	events "patchpanel/imports/patchpanel_plugin_events"
	. "patchpanel/imports/patchpanel_plugin_lifecycle"
	. "patchpanel/imports/patchpanel_plugin_transformer"
	. "patchpanel/wit/types"
)

var word string

func init() {
	lifecycle.Configure = configure
	transformer.Transform = transformAll
}

func configure(text string) Result[Unit, []ConfigError] {
	config := struct{ Word string }{"urgent"}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return Err[Unit]([]ConfigError{{Message: err.Error()}})
	}
	if config.Word == "" {
		return Err[Unit]([]ConfigError{{Path: "word", Message: "must not be empty"}})
	}
	word = config.Word
	return Ok[Unit, []ConfigError](Unit{})
}

func transformAll(batch []Event) []Result[Outcome, Failure] {
	answers := make([]Result[Outcome, Failure], len(batch))
	for i, event := range batch {
		answers[i] = Ok[Outcome, Failure](transform(event))
	}
	return answers
}

func transform(event Event) Outcome {
	switch {
	case event.Message == "":
		return MakeOutcomeDropped("there is no message")
	case strings.Contains(event.Message, word):
		return MakeOutcomePatched(Patch{Level: Some(events.Level_Error)})
	default:
		return MakeOutcomeUnchanged()
	}
}

func main() {}
