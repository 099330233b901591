//! Impasto's fast CPU engine: kernels, plan, arena and threads.
