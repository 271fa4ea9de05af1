//! One colour for each level, on whatever the message is shown.

use patchpanel_plugin::Level;

/// The colour of a level, as 0xRRGGBB.
#[must_use]
pub const fn color(level: Level) -> u32 {
    match level {
        Level::Debug => 0x9e_9e_9e,
        Level::Info => 0x2f_80_ed,
        Level::Warning => 0xf2_b7_05,
        Level::Error => 0xe5_48_4d,
        Level::Critical => 0x8e_1b_1b,
    }
}

/// The same as `#rrggbb`.
#[must_use]
pub fn hex_color(level: Level) -> String {
    format!("#{:06x}", color(level))
}
