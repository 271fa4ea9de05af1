// Package export_patchpanel_plugin_channel is what a channel exports besides.
package export_patchpanel_plugin_channel

import (
	. "patchpanel/imports/patchpanel_plugin_channel"
	. "patchpanel/wit/types"
)

// Deliver gives one answer per delivery, in order; set it in init.
var Deliver func(batch []Delivery) []Result[Receipt, Problem]

// CheckHealth tells whether deliveries would work now; set it in init where that can be known.
var CheckHealth = func() Result[Unit, string] { return Ok[Unit, string](Unit{}) }
