// The position inside 0..len that stands at `at`, or -1 for a zero; see `Padding::source`.
fn source(at: i32, len: i32) -> i32 {
    let last = len - 1;
#if ZERO
    return select(-1, at, at >= 0 && at <= last);
#end
#if REPLICATE
    return clamp(at, 0, last);
#end
#if REFLECT
    let period = max(2 * last, 1);
    let folded = ((at % period) + period) % period;
    return max(min(folded, 2 * last - folded), 0);
#end
}
