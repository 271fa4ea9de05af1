# Thin on purpose: each makes sure that the pinned toolchain and its WebAssembly target are there, then calls cargo.
.PHONY: demo test toolchain

demo: toolchain
	cargo run --release -p patchpanel -- demo

test: toolchain
	cargo test --workspace

# Explicit, because rustup installs nothing by itself where RUSTUP_AUTO_INSTALL=0 is set.
toolchain:
	@command -v rustup >/dev/null || { echo "rustup is needed: it brings the pinned Rust and its WebAssembly target" >&2; exit 1; }
	rustup toolchain install --no-self-update
