//! The bundled webhook plugin.
