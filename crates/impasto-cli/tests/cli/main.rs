//! The real binary, over a tiny model made here.

mod bad_input;
mod commands;
mod live;
mod live_film;
mod others;
mod preset;
mod readme;
mod studio;
mod stylize;
mod train;
mod tune;
mod video;
mod video_view;
mod watch;
