// Package export_patchpanel_plugin_lifecycle is what every plugin exports.
package export_patchpanel_plugin_lifecycle

import (
	. "patchpanel/imports/patchpanel_plugin_lifecycle"
	. "patchpanel/wit/types"
)

// Configure is called once, before anything else; set it in init.
var Configure func(config string) Result[Unit, []ConfigError]
