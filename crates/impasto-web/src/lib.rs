//! Impasto inside a web page.
//!
//! A [`Page`] is the painter behind a page without a server: it answers requests ([`Request`]: JSON, and bytes beside
//! it), in a Web Worker. In WebAssembly the module `abi` gives it to JavaScript in seven functions; natively it is an
//! ordinary value, which the tests drive. The files of the page itself, and what makes a site of them, stand in
//! [`site`].
#![deny(unsafe_code)]

#[cfg(target_arch = "wasm32")]
mod abi;
mod error;
mod page;
mod request;
#[cfg(not(target_arch = "wasm32"))]
pub mod site;

pub use error::WebError;
pub use page::Page;
pub use request::{Reply, Request};
