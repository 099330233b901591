// The position that stands at `at`, at most one outside of 0..len, or -1 for a zero: as `Padding::source`.
fn nearby(at: i32, len: i32) -> i32 {
    let last = len - 1;
#if ZERO
    return select(-1, at, at >= 0 && at <= last);
#end
#if REPLICATE
    return clamp(at, 0, last);
#end
#if REFLECT
    let folded = abs(at);
    return max(min(folded, 2 * last - folded), 0);
#end
}
