//! What `wit-bindgen` makes of `wit/`, cut along interfaces instead of worlds: macros that a crate exports share one
//! namespace, so `lifecycle`, which every world exports, may be generated only once. A component is made of the pieces
//! that it uses, and those of one kind add up to its world.

#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "generated code"
)]

/// The host's functions. Parameters borrow, so that a log line allocates nothing but its list of fields.
pub mod host {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package patchpanel:sdk;
            world host {
                import patchpanel:plugin/log@0.1.0;
                import patchpanel:plugin/kv@0.1.0;
                import patchpanel:plugin/secrets@0.1.0;
                import patchpanel:plugin/http@0.1.0;
                import patchpanel:plugin/mail@0.1.0;
                import patchpanel:plugin/notify@0.1.0;
            }
        ",
        ownership: Borrowing { duplicate_if_necessary: false },
        additional_derives: [PartialEq],
        generate_all,
    });
}

/// What all worlds export.
pub mod lifecycle {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package patchpanel:sdk;
            world lifecycle { export patchpanel:plugin/lifecycle@0.1.0; }
        ",
        pub_export_macro: true,
        export_macro_name: "__export_lifecycle",
        additional_derives: [PartialEq, Eq],
        generate_all,
    });
}

/// What `redactor-plugin` exports besides.
pub mod redactor {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package patchpanel:sdk;
            world redactor { export patchpanel:plugin/redactor@0.1.0; }
        ",
        pub_export_macro: true,
        export_macro_name: "__export_redactor",
        generate_all,
    });
}

/// What `transform-plugin` exports besides.
pub mod transformer {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package patchpanel:sdk;
            world transformer { export patchpanel:plugin/transformer@0.1.0; }
        ",
        pub_export_macro: true,
        export_macro_name: "__export_transformer",
        additional_derives: [PartialEq],
        with: {
            "patchpanel:plugin/events@0.1.0": super::host::patchpanel::plugin::events,
        },
        generate_all,
    });
}

/// What `timed-transform-plugin` exports besides what `transform-plugin` does.
pub mod timer {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package patchpanel:sdk;
            world timer { export patchpanel:plugin/timer@0.1.0; }
        ",
        pub_export_macro: true,
        export_macro_name: "__export_timer",
        with: {
            "patchpanel:plugin/events@0.1.0": super::host::patchpanel::plugin::events,
        },
        generate_all,
    });
}

/// What `channel-plugin` exports besides.
pub mod channel {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package patchpanel:sdk;
            world channel { export patchpanel:plugin/channel@0.1.0; }
        ",
        pub_export_macro: true,
        export_macro_name: "__export_channel",
        additional_derives: [PartialEq],
        with: {
            "patchpanel:plugin/events@0.1.0": super::host::patchpanel::plugin::events,
        },
        generate_all,
    });
}
