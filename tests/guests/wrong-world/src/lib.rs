//! A sound component that is no plugin: it exports nothing and declares nothing.
