// Replaces ticket numbers such as TCK-1234 by [ticket].
package main

import (
	"encoding/json"
	"regexp"

	lifecycle "patchpanel/exports/export_patchpanel_plugin_lifecycle"
	redactor "patchpanel/exports/export_patchpanel_plugin_redactor"
	_ "patchpanel/exports/wit_exports"
	. "patchpanel/imports/patchpanel_plugin_lifecycle"
	. "patchpanel/imports/patchpanel_plugin_redactor"
	. "patchpanel/wit/types"
)

const replacement = "[ticket]"

var pattern *regexp.Regexp

func init() {
	lifecycle.Configure = configure
	redactor.Redact = redact
}

func configure(text string) Result[Unit, []ConfigError] {
	config := struct{ Prefix string }{"TCK-"}
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return Err[Unit]([]ConfigError{{Message: err.Error()}})
	}
	if config.Prefix == "" {
		return Err[Unit]([]ConfigError{{Path: "prefix", Message: "must not be empty"}})
	}
	pattern = regexp.MustCompile(regexp.QuoteMeta(config.Prefix) + "[0-9]+")
	return Ok[Unit, []ConfigError](Unit{})
}

func redact(batch Texts) Result[Edits, string] {
	edits := Edits{Labels: []string{"ticket"}}
	start := uint32(0)
	for index, text := range batch.Texts {
		for _, found := range pattern.FindAllIndex(batch.Bytes[start:text.End], -1) {
			edits.Bytes = append(edits.Bytes, replacement...)
			edits.Edits = append(edits.Edits, Edit{
				Text:     uint32(index),
				Start:    uint32(found[0]),
				End:      uint32(found[1]),
				Label:    0,
				BytesEnd: uint32(len(edits.Bytes)),
			})
		}
		start = text.End
	}
	return Ok[Edits, string](edits)
}

func main() {}
