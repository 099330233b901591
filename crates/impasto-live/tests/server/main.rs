//! A real server on loopback, with a small network of random weights, driven as a page and as a script drive it.

mod closed;
mod live;
mod painting;
mod recording;
