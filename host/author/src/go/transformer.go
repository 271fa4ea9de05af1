// Package export_patchpanel_plugin_transformer is what a transform exports besides.
package export_patchpanel_plugin_transformer

import (
	. "patchpanel/imports/patchpanel_plugin_transformer"
	. "patchpanel/wit/types"
)

// Transform gives one answer per event, in order; set it in init.
var Transform func(batch []Event) []Result[Outcome, Failure]
