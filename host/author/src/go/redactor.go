// Package export_patchpanel_plugin_redactor is what a redactor exports besides.
package export_patchpanel_plugin_redactor

import (
	. "patchpanel/imports/patchpanel_plugin_redactor"
	. "patchpanel/wit/types"
)

// Redact finds what must not be seen; set it in init.
var Redact func(batch Texts) Result[Edits, string]
