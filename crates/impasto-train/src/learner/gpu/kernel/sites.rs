//! Statistics of channels, and the styles that take their place.

use super::{Kit, each};
use crate::learner::gpu::Fault;
use crate::learner::gpu::room::{Room, floats};
use impasto_gpu::compute::wgpu::Buffer;
use impasto_gpu::compute::{Launch, Params, Source};

/// Affine maps over channels, see `site.wgsl`. A place is the length of a style vector, and where the site's part begins.
#[derive(Clone, Copy)]
pub(in crate::learner::gpu) enum Enter<'a> {
    AdaIn { moments: &'a Buffer, style: &'a Buffer, place: (usize, usize) },
    Modulate { style: &'a Buffer, place: (usize, usize) },
    Leave { moments: &'a Buffer },
    LeaveBack { moments: &'a Buffer, divisor: f32, gradient: &'a Buffer },
}

impl Kit<'_> {
    /// `moments[n][c] = (mean, deviation)`.
    pub fn moments(&self, x: &Room, (divisor, eps): (f32, f32), moments: &Buffer) -> Result<Launch, Fault> {
        let source = Self::reducing("moments", include_str!("moments.wgsl"));
        let params = Params::new([x.shape.area(), x.shape.channels]).float(divisor).float(eps);
        self.launch(&source, &params, &[&x.buffer], &[moments], [x.shape.channels, x.samples, 1])
    }

    /// Style in, or statistics out: writes coefficients of the channels of `x`, or the vector of its statistics.
    pub fn site(&self, what: Enter, x: &Room, written: &Buffer) -> Result<Launch, Fault> {
        let (unused, own) = (self.unused(), (2 * x.shape.channels, 0));
        let (name, moments, style, (len, start), divisor) = match what {
            Enter::AdaIn { moments, style, place } => ("ADAIN", moments, style, place, 1.0),
            Enter::Modulate { style, place } => ("MODULATE", unused, style, place, 1.0),
            Enter::Leave { moments } => ("LEAVE", moments, unused, own, 1.0),
            Enter::LeaveBack { moments, divisor, gradient } => {
                ("LEAVE_BACK", moments, gradient, own, divisor)
            }
        };
        let mut source = Source::new("site", include_str!("site.wgsl"), false);
        for known in ["ADAIN", "MODULATE", "LEAVE", "LEAVE_BACK"] {
            source = source.with(known, known == name);
        }
        let params = Params::new([x.samples, x.shape.channels, len, start, x.shape.area()]).float(divisor);
        // What is written is bound once; the kernel has a place for either kind.
        let spare = floats(self.gpu, 4)?;
        let both = if name == "LEAVE" { [&spare, written] } else { [written, &spare] };
        let groups = each(x.channels());
        self.launch(&source, &params, &[moments, style], &both, groups)
    }

    /// Adds the gradient to a site's part of the style; gives the coefficients of that to `x`. Without `moments` the site only modulates.
    pub fn site_back(
        &self,
        (dy, x): (&Room, &Room),
        moments: Option<(&Buffer, f32)>,
        style: &Buffer,
        (len, start): (usize, usize),
        to_style: &Buffer,
        coefficients: &Buffer,
    ) -> Result<Launch, Fault> {
        let source = Self::reducing("site_back", include_str!("site_back.wgsl"))
            .with("ADAIN", moments.is_some())
            .with("MODULATE", moments.is_none());
        let (moments, divisor) = moments.unwrap_or((self.unused(), 1.0));
        let params = Params::new([x.shape.channels, len, start, x.shape.area()]).float(divisor);
        let read = [&dy.buffer, &x.buffer, moments, style];
        self.launch(&source, &params, &read, &[to_style, coefficients], [x.shape.channels, x.samples, 1])
    }
}
