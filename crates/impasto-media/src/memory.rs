//! Whether memory will be there: asked for before a picture is decoded, since a failed allocation ends the program.

/// Whether so many bytes can be had in one piece. They are given back at once.
pub fn is_there(bytes: u64) -> bool {
    usize::try_from(bytes).is_ok_and(|bytes| Vec::<u8>::new().try_reserve_exact(bytes).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_memory_is_there_and_all_of_it_is_not() {
        assert!(is_there(1 << 20));
        assert!(!is_there(u64::MAX));
        assert!(!is_there(1 << 62));
    }
}
