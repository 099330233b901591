//! The real binary, over a tiny model made here.

mod bad_input;
mod commands;
mod studio;
mod stylize;
