//! Frames in and out of Impasto: stills, video and cameras.
