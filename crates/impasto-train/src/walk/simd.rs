//! One body, compiled twice: for the baseline and for AVX-512.

/// Declares a function whose loops the compiler turns into AVX-512 where the processor has it. The body is written
/// once, and results do not depend on which copy runs beyond the fusing of a product and a sum, which is not enabled.
macro_rules! wide_fn {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$E:ident>($($arg:ident: $ty:ty),* $(,)?) $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name<$E: crate::walk::Element>($($arg: $ty),*) {
            #[inline(always)]
            #[allow(clippy::too_many_arguments)]
            fn body<$E: crate::walk::Element>($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
                #[allow(clippy::too_many_arguments)]
                fn wide<$E: crate::walk::Element>($($arg: $ty),*) {
                    body::<$E>($($arg),*)
                }
                if is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                {
                    // SAFETY: the processor has what the function enables.
                    return unsafe { wide::<$E>($($arg),*) };
                }
            }
            body::<$E>($($arg),*)
        }
    };
}

pub(crate) use wide_fn;
