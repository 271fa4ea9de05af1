//! Builds the bundled plugins to components and embeds them.

fn main() -> Result<(), guest_build::Error> {
    guest_build::bundle(&guest_build::BUNDLED)
}
