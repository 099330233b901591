//! A frame allocates nothing.

use impasto_core::conformance::Case;
use impasto_core::{NetworkBuilder, Padding, Plan, Tensor};
use impasto_cpu::{CpuEngine, Isa, Precision};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// The system's allocator, counting.
struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, SeqCst);
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn case() -> Case {
    let mut b = NetworkBuilder::new("all kinds").fit_picture(4);
    let x = b.input(3);
    let x = b.conv("a", x, 16, 3, 2, Padding::Replicate);
    let skip = b.relu(x);
    let x = b.conv("b", skip, 32, 3, 1, Padding::Reflect);
    let x = b.relu(x);
    let x = b.max_pool2(x);
    let x = b.adain("site", x, 32, 1e-5);
    let x = b.upsample2(x);
    let x = b.conv("c", x, 16, 3, 1, Padding::Zero);
    let x = b.add(x, skip);
    let x = b.upsample2(x);
    b.conv("d", x, 3, 3, 1, Padding::Replicate);
    Case::new("all kinds", b.finish(), 64, 96, 1)
}

#[test]
fn a_frame_allocates_nothing() {
    let case = case();
    for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
        for isa in Isa::ALL {
            let Ok(engine) = CpuEngine::with(isa, 2) else { continue };
            let mut plan =
                engine.precision(precision).plan(&case.network, &case.weights, 64, 96).expect("it plans");
            let mut output = Tensor::zeros(plan.output_shape());
            let mut frame = || plan.run(&case.input, &case.conditions(), &mut output).expect("it runs");
            // Threads allocate when they first meet; statistics are first remembered here.
            frame();
            let before = CALLS.load(SeqCst);
            frame();
            frame();
            assert_eq!(CALLS.load(SeqCst) - before, 0, "{isa} {precision}");
        }
    }
}
