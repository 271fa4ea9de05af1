/// What a plugin keeps under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptValue {
    /// Whatever the plugin likes.
    pub bytes: Vec<u8>,
    /// When it is gone, in nanoseconds since the Unix epoch by the store's [`Clock`](crate::Clock); `None`: never.
    pub expires: Option<u64>,
}
