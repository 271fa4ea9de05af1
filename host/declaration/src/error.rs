/// Why a file does not say what it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationError {
    /// Not a component at all.
    #[error("not a WebAssembly component: {0}")]
    NotAComponent(String),
    /// There is no custom section that says what it is.
    #[error(
        "the component does not declare itself: it has no custom section `patchpanel-plugin` (the SDK's export macro \
         writes one, and `patchpanel plugin pack`)"
    )]
    Undeclared,
    /// The custom section cannot be read.
    #[error("the component's declaration is wrong: {0}")]
    Wrong(String),
    /// Built against a contract that this host does not speak.
    #[error("built against version {found} of the plugin contract; this router speaks {supported}")]
    ApiVersion {
        /// Of the component.
        found: String,
        /// Of this host.
        supported: &'static str,
    },
}
