//! The export macros, and what they expand to.
//!
//! Natively they expand to a type check, because a component's exports do not link outside WebAssembly.

use crate::bindings::redactor::exports::patchpanel::plugin::redactor as wit;
use crate::{Channel, ConfigError, Delivery, Event, Failure, Outcome, Problem, Receipt, Redactor, Timer, Transform};
use std::cell::RefCell;

/// The one instance that a component holds, from `configure` on.
#[derive(Debug)]
pub struct Slot<T>(RefCell<Option<T>>);

impl<T> Slot<T> {
    /// Before `configure`.
    #[must_use]
    pub const fn new() -> Self {
        Self(RefCell::new(None))
    }

    fn fill(&self, made: Result<T, Vec<ConfigError>>) -> Result<(), Vec<ConfigError>> {
        *self.0.borrow_mut() = Some(made?);
        Ok(())
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self::new()
    }
}

const NOT_CONFIGURED: &str = "the plugin was called before it was configured";

impl<T: Redactor> Slot<T> {
    /// `lifecycle.configure` of a redactor.
    ///
    /// # Errors
    /// The mistakes in the configuration.
    pub fn configure_redactor(&self, config: &str) -> Result<(), Vec<ConfigError>> {
        self.fill(crate::testing::configure_redactor(config))
    }

    /// `redactor.redact`.
    ///
    /// # Errors
    /// Where the batch or the plugin's answer is not well formed.
    pub fn redact(&self, batch: &wit::Texts) -> Result<wit::Edits, String> {
        let mut plugin = self.0.borrow_mut();
        crate::redactor::redact_batch(plugin.as_mut().ok_or(NOT_CONFIGURED)?, batch)
    }
}

impl<T: Transform> Slot<T> {
    /// `lifecycle.configure` of a transform.
    ///
    /// # Errors
    /// The mistakes in the configuration.
    pub fn configure_transform(&self, config: &str) -> Result<(), Vec<ConfigError>> {
        self.fill(crate::testing::configure_transform(config))
    }

    /// `transformer.transform`.
    pub fn transform(&self, batch: &[Event]) -> Vec<Result<Outcome, Failure>> {
        match self.0.borrow_mut().as_mut() {
            Some(plugin) => crate::transform::transform_batch(plugin, batch),
            None => batch
                .iter()
                .map(|_| Err(Failure::Retry(NOT_CONFIGURED.to_owned())))
                .collect(),
        }
    }
}

impl<T: Timer> Slot<T> {
    /// `timer.due`.
    ///
    /// # Errors
    /// Why nothing can be given out now.
    pub fn due(&self, now: u64) -> Result<Vec<Event>, String> {
        self.0.borrow_mut().as_mut().ok_or(NOT_CONFIGURED)?.due(now)
    }

    /// `timer.stored`.
    ///
    /// # Errors
    /// Why the events may become due again.
    pub fn stored(&self, ids: &[String]) -> Result<(), String> {
        self.0.borrow_mut().as_mut().ok_or(NOT_CONFIGURED)?.stored(ids)
    }
}

impl<T: Channel> Slot<T> {
    /// `lifecycle.configure` of a channel.
    ///
    /// # Errors
    /// The mistakes in the configuration.
    pub fn configure_channel(&self, config: &str) -> Result<(), Vec<ConfigError>> {
        self.fill(crate::testing::configure_channel(config))
    }

    /// `channel.deliver`.
    pub fn deliver(&self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        match self.0.borrow_mut().as_mut() {
            Some(plugin) => plugin.deliver_batch(batch),
            None => batch
                .iter()
                .map(|_| Err(Problem::Retry(NOT_CONFIGURED.to_owned())))
                .collect(),
        }
    }

    /// `channel.check-health`.
    ///
    /// # Errors
    /// Why deliveries would not work.
    pub fn check_health(&self) -> Result<(), String> {
        self.0.borrow_mut().as_mut().ok_or(NOT_CONFIGURED)?.check_health()
    }
}

/// Makes the crate a redactor plugin: `export_redactor!(MyType);` or, with a declaration,
///
/// ```text
/// export_redactor! {
///     MyType,
///     name: "redact",                             // else the crate's name
///     description: "Hides secrets.",
///     capabilities: r#"{"secrets": ["key"]}"#,    // what it asks the operator for
///     config_schema: include_str!("schema.json"),
///     examples: include_str!("examples.json"),    // tried before a revision takes over, and by `cargo test`
/// }
/// ```
#[macro_export]
macro_rules! export_redactor {
    ($type:ty $(, $key:ident : $value:expr)* $(,)?) => {
        $crate::__export!("redactor", $type, $($key: $value,)*);

        #[cfg(test)]
        mod patchpanel_declaration {
            #[allow(unused_imports, reason = "the type may be named by its full path")]
            use super::*;

            #[test]
            fn parses_and_its_examples_hold() {
                let problems = $crate::testing::check_redactor_declaration::<$type>(&PATCHPANEL_DECLARATION);
                assert_eq!(problems, Vec::<String>::new());
            }
        }

        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || {
            const fn is_redactor<T: $crate::Redactor>() {}
            is_redactor::<$type>();
        };

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "generated exports")]
        const _: () = {
            use $crate::__private::{ConfigError, lifecycle, redactor};

            thread_local! {
                static SLOT: $crate::__private::Slot<$type> = const { $crate::__private::Slot::new() };
            }

            struct Component;

            impl lifecycle::exports::patchpanel::plugin::lifecycle::Guest for Component {
                fn configure(config: String) -> Result<(), Vec<ConfigError>> {
                    SLOT.with(|slot| slot.configure_redactor(&config))
                }
            }

            impl redactor::exports::patchpanel::plugin::redactor::Guest for Component {
                fn redact(
                    batch: redactor::exports::patchpanel::plugin::redactor::Texts,
                ) -> Result<redactor::exports::patchpanel::plugin::redactor::Edits, String> {
                    SLOT.with(|slot| slot.redact(&batch))
                }
            }

            $crate::__private::lifecycle::__export_lifecycle!(Component with_types_in $crate::__private::lifecycle);
            $crate::__private::redactor::__export_redactor!(Component with_types_in $crate::__private::redactor);
        };
    };
}

/// Makes the crate a transform plugin. Takes what [`export_redactor!`] takes.
#[macro_export]
macro_rules! export_transform {
    ($type:ty $(, $key:ident : $value:expr)* $(,)?) => {
        $crate::__export_transform!(Transform, $type, { $($key: $value,)* } {});
    };
}

/// Makes the crate a transform plugin that also gives out events when it is time: the type is a [`Timer`],
/// too. Takes what [`export_redactor!`] takes.
#[macro_export]
macro_rules! export_timed_transform {
    ($type:ty $(, $key:ident : $value:expr)* $(,)?) => {
        $crate::__export_transform!(Timer, $type, { $($key: $value,)* } {
            use $crate::__private::timer;

            impl timer::exports::patchpanel::plugin::timer::Guest for Component {
                fn due(now: u64) -> Result<Vec<Event>, String> {
                    SLOT.with(|slot| slot.due(now))
                }

                fn stored(ids: Vec<String>) -> Result<(), String> {
                    SLOT.with(|slot| slot.stored(&ids))
                }
            }

            $crate::__private::timer::__export_timer!(Component with_types_in $crate::__private::timer);
        });
    };
}

/// A transform's exports, and what is exported besides.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_transform {
    ($trait:ident, $type:ty, { $($key:ident : $value:expr,)* } { $($besides:tt)* }) => {
        $crate::__export!("transform", $type, $($key: $value,)*);
        $crate::__check_declaration!();

        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || {
            const fn is_transform<T: $crate::$trait>() {}
            is_transform::<$type>();
        };

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "generated exports")]
        const _: () = {
            use $crate::__private::{ConfigError, lifecycle, transformer};
            use $crate::{Event, Failure, Outcome};

            thread_local! {
                static SLOT: $crate::__private::Slot<$type> = const { $crate::__private::Slot::new() };
            }

            struct Component;

            impl lifecycle::exports::patchpanel::plugin::lifecycle::Guest for Component {
                fn configure(config: String) -> Result<(), Vec<ConfigError>> {
                    SLOT.with(|slot| slot.configure_transform(&config))
                }
            }

            impl transformer::exports::patchpanel::plugin::transformer::Guest for Component {
                fn transform(batch: Vec<Event>) -> Vec<Result<Outcome, Failure>> {
                    SLOT.with(|slot| slot.transform(&batch))
                }
            }

            $crate::__private::lifecycle::__export_lifecycle!(Component with_types_in $crate::__private::lifecycle);
            $crate::__private::transformer::__export_transformer!(Component with_types_in $crate::__private::transformer);
            $($besides)*
        };
    };
}

/// Makes the crate a channel plugin. Takes what [`export_redactor!`] takes.
#[macro_export]
macro_rules! export_channel {
    ($type:ty $(, $key:ident : $value:expr)* $(,)?) => {
        $crate::__export!("channel", $type, $($key: $value,)*);
        $crate::__check_declaration!();

        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || {
            const fn is_channel<T: $crate::Channel>() {}
            is_channel::<$type>();
        };

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "generated exports")]
        const _: () = {
            use $crate::__private::{ConfigError, channel, lifecycle};
            use $crate::{Delivery, Problem, Receipt};

            thread_local! {
                static SLOT: $crate::__private::Slot<$type> = const { $crate::__private::Slot::new() };
            }

            struct Component;

            impl lifecycle::exports::patchpanel::plugin::lifecycle::Guest for Component {
                fn configure(config: String) -> Result<(), Vec<ConfigError>> {
                    SLOT.with(|slot| slot.configure_channel(&config))
                }
            }

            impl channel::exports::patchpanel::plugin::channel::Guest for Component {
                fn deliver(batch: Vec<Delivery>) -> Vec<Result<Receipt, Problem>> {
                    SLOT.with(|slot| slot.deliver(&batch))
                }

                fn check_health() -> Result<(), String> {
                    SLOT.with(|slot| slot.check_health())
                }
            }

            $crate::__private::lifecycle::__export_lifecycle!(Component with_types_in $crate::__private::lifecycle);
            $crate::__private::channel::__export_channel!(Component with_types_in $crate::__private::channel);
        };
    };
}

/// The declaration, and its custom section.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($kind:literal, $type:ty, $($key:ident : $value:expr,)*) => {
        #[allow(clippy::needless_update, reason = "all fields may be given")]
        const PATCHPANEL_DECLARED: $crate::__private::Declaration = $crate::__private::Declaration {
            $($key: $value,)*
            ..$crate::__private::Declaration::new($kind, env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))
        };

        #[allow(dead_code, reason = "natively only tests read it")]
        const PATCHPANEL_DECLARATION: [u8; PATCHPANEL_DECLARED.size()] = PATCHPANEL_DECLARED.to_bytes();

        #[cfg(target_family = "wasm")]
        #[allow(unsafe_code, reason = "the linker takes the section's name on trust")]
        const _: () = {
            #[used]
            #[unsafe(link_section = "patchpanel-plugin")]
            static SECTION: [u8; PATCHPANEL_DECLARED.size()] = PATCHPANEL_DECLARATION;
        };
    };
}

/// A test that the declaration parses.
#[doc(hidden)]
#[macro_export]
macro_rules! __check_declaration {
    () => {
        #[cfg(test)]
        mod patchpanel_declaration {
            #[test]
            fn parses() {
                let problems = $crate::testing::check_declaration(&super::PATCHPANEL_DECLARATION);
                assert_eq!(problems, Vec::<String>::new());
            }
        }
    };
}
