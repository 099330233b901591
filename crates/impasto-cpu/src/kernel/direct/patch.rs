//! Windows of each panel: in the activation itself, or in a patch that is filled here.

use super::{Direct, Feed, Job, PANELS, Size, View};
use crate::kernel::gemm::Windows;
use crate::kernel::step::Picture;
use crate::simd::Simd;

impl Job<'_> {
    /// Addresses of the windows of the job's panels; fills the patches that are needed.
    ///
    /// # Safety
    /// As for [`super::Step::job`].
    #[inline(always)]
    pub(super) unsafe fn places<S: Simd>(&self, s: S) -> [Windows; PANELS] {
        let Direct { window, stored, .. } = *self.layer;
        let (lines, run, step) = (window.kernel, window.kernel * stored, window.stride * stored);
        let mut places = [Windows { first: self.patch, line: 0, lines, run, step }; PANELS];
        let (mut at, mut patch) = (0, self.patch);
        while at < self.count {
            // SAFETY: `scratch()` has room for a patch for every panel, and panels that share one need less.
            unsafe {
                if let Some((first, line)) = self.in_place(at) {
                    (places[at].first, places[at].line) = (first, line);
                    at += 1;
                    continue;
                }
                let panels = self.together(at);
                let line = self.layer.line(panels) * stored;
                self.fill(s, at, patch, line);
                for (i, place) in places[at..at + panels].iter_mut().enumerate() {
                    (place.first, place.line) = (patch.add(i * S::MR * step), line);
                }
                patch = patch.add(lines * line);
                at += panels;
            }
        }
        places
    }

    /// Address of a panel's windows in the activation, if they can be read there, and the values from line to line.
    ///
    /// # Safety
    /// As for [`Job::places`].
    #[inline(always)]
    unsafe fn in_place(&self, panel: usize) -> Option<(*const f32, usize)> {
        let Direct { window, rows, columns, feed: Feed::View(view), .. } = self.layer else { return None };
        let (y, x, _) = self.layer.panel(self.first + panel);
        let (y, x) = (y * window.stride, x * window.stride);
        // All the panel's rows are read, also those beyond the last result.
        let whole = rows.straight(y) >= window.kernel && columns.straight(x) >= self.layer.line(1);
        if !view.is_plain() || !whole {
            return None;
        }
        // SAFETY: straight runs are inside the map.
        let first = unsafe { view.map.at::<f32>(rows.at[y] as usize, columns.at[x] as usize) };
        Some((first, view.map.width * view.map.channels))
    }

    /// Number of panels from `panel` on, which is not in place, share a patch: those that follow in the same row and are not in
    /// place either.
    ///
    /// # Safety
    /// As for [`Job::places`].
    #[inline(always)]
    unsafe fn together(&self, panel: usize) -> usize {
        let (first, across) = (self.first + panel, self.layer.across);
        let most = (self.count - panel).min(across - first % across);
        // SAFETY: panels of the job.
        (1..most).find(|&i| unsafe { self.in_place(panel + i) }.is_some()).unwrap_or(most)
    }

    /// Fills a patch from the first window of `panel` on: `line` values of each line, less at the end of the row, where
    /// what is left from elsewhere stays behind the last result.
    ///
    /// # Safety
    /// As for [`Job::places`]; the patch must have room.
    #[inline(always)]
    unsafe fn fill<S: Simd>(&self, s: S, panel: usize, patch: *mut f32, line: usize) {
        let Direct { window, rows, columns, stored, .. } = self.layer;
        let (y, x, _) = self.layer.panel(self.first + panel);
        let x = x * window.stride;
        let count = (line / stored).min(columns.at.len() - x);
        for (ky, &row) in rows.at[y * window.stride..][..window.kernel].iter().enumerate() {
            // SAFETY: as the caller says.
            unsafe {
                let out = patch.add(ky * line);
                match self.layer.feed {
                    _ if row < 0 => out.write_bytes(0, count * stored),
                    Feed::View(view) => self.copy(s, &view, row as usize, (x, count), out),
                    Feed::Picture { size, mul, add } => {
                        self.convert(size, (mul, add), row as usize, (x, count), out);
                    }
                }
            }
        }
    }

    /// Copies `count` positions of a row as the view shows them.
    ///
    /// # Safety
    /// As for [`Job::fill`].
    #[inline(always)]
    unsafe fn copy<S: Simd>(&self, s: S, view: &View, row: usize, (x, count): (usize, usize), out: *mut f32) {
        let channels = view.map.channels;
        for lane in (0..channels).step_by(S::LANES) {
            // SAFETY: indices of the axes are inside the map; the patch has room for all positions.
            unsafe {
                let transform = view.load_transform(s, lane);
                for (i, &column) in self.layer.columns.at[x..x + count].iter().enumerate() {
                    let v = if column < 0 {
                        s.splat(0.0)
                    } else {
                        let column = column as usize;
                        transform.apply(
                            s,
                            s.load(view.map.at::<f32>(row, column).add(lane)),
                            view.cell(row, column),
                        )
                    };
                    s.store(out.add(i * channels + lane), v);
                }
            }
        }
    }

    /// Turns `count` pixels of a row into `mul * value + add`.
    ///
    /// # Safety
    /// As for [`Job::fill`].
    #[inline(always)]
    unsafe fn convert(
        &self,
        size: Size,
        (mul, add): (f32, f32),
        row: usize,
        (x, count): (usize, usize),
        out: *mut f32,
    ) {
        let (columns, n) = (&self.layer.columns, size.channels);
        // SAFETY: the patch has room for all pixels.
        let out = unsafe { std::slice::from_raw_parts_mut(out, count * n) };
        let mut i = 0;
        while i < count {
            let column = columns.at[x + i];
            let pixels = columns.straight(x + i).clamp(1, count - i);
            let out = &mut out[i * n..(i + pixels) * n];
            i += pixels;
            if column < 0 {
                out.fill(0.0);
                continue;
            }
            let first = row * size.width + column as usize;
            if let Picture::Bytes(data) = self.frame.input {
                let mul = mul * (1.0 / 255.0);
                for (out, &byte) in out.iter_mut().zip(&data[first * n..]) {
                    *out = mul * f32::from(byte) + add;
                }
                continue;
            }
            for (at, out) in out.iter_mut().enumerate() {
                *out = mul * self.frame.input.value(size, at % n, first + at / n) + add;
            }
        }
    }
}
