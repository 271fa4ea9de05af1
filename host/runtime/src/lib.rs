//! Everything that knows wasmtime: engine, bindings, limits, grants, loading, reloading.
