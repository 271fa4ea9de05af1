module tally

go 1.27

require patchpanel v0.0.0

replace patchpanel => ./bindings
