//! Limits on what a file from outside may ask for.

/// Ceilings a reader keeps while it looks at a file it does not trust. Each is far above what a weight
/// file needs and far below what would hurt; a caller with an unusual file may raise them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest description (pickle or safetensors header), in bytes. torchvision's VGG-19 needs 3 KB.
    pub header_bytes: u64,
    /// Most values one pickle may make.
    pub values: usize,
    /// Most entries visited while looking for tensors in nested dictionaries.
    pub entries: usize,
    /// Deepest nesting of dictionaries that is searched for tensors.
    pub depth: usize,
    /// Most dimensions of a tensor.
    pub dimensions: usize,
    /// Most numbers in a tensor that is read (a tensor that is only listed may be larger).
    pub numbers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            header_bytes: 16 << 20,
            values: 1 << 20,
            entries: 100_000,
            depth: 16,
            dimensions: 8,
            numbers: 1 << 25,
        }
    }
}
