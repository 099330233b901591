//! Fills a job's patch: from an activation, or with the windows over the picture.

use super::super::picture::Size;
use super::super::step::Picture;
use super::super::view::{Half, View};
use super::{Job, Tiled};
use crate::simd::Simd;

impl Job<'_> {
    /// Stored rows and columns under the patch.
    fn sources(&self) -> (&[i32], &[i32]) {
        let Tiled { stride, kernel, rows, columns, .. } = self.layer;
        // Doubled views are read as they are stored.
        let stride = if self.layer.is_up() { 1 } else { *stride };
        let side = |n: usize| (n - 1) * stride + kernel;
        (&rows[self.y * stride..][..side(self.high)], &columns[self.x * stride..][..side(self.wide)])
    }

    /// Copies the patch from an activation.
    ///
    /// # Safety
    /// As for [`Step::job`].
    #[inline(always)]
    pub(super) unsafe fn fill<S: Simd>(&self, s: S, view: &View) {
        let (rows, columns) = self.sources();
        let (n, patch_wide) = (view.map.channels, self.layer.cut.patch_wide);
        let inner = 1..columns.len().max(2) - 1;
        let straight = columns.len() > 2
            && columns[inner.start] >= 0
            && columns[inner.end - 1] - columns[inner.start] == inner.len() as i32 - 1;
        for (dy, &row) in rows.iter().enumerate() {
            // SAFETY: indices of the axes are inside the map; the patch has that many rows and columns.
            unsafe {
                let out = self.patch.add(dy * patch_wide * n).cast::<Half>();
                if row < 0 {
                    std::ptr::write_bytes(out, 0, columns.len() * n);
                } else if straight && view.is_plain() {
                    let from = view.map.at::<Half>(row as usize, columns[inner.start] as usize);
                    std::ptr::copy_nonoverlapping(from, out.add(n), inner.len() * n);
                    self.fill_position(s, view, row, columns[0], out);
                    self.fill_position(s, view, row, columns[inner.end], out.add(inner.end * n));
                } else {
                    for (dx, &column) in columns.iter().enumerate() {
                        self.fill_position(s, view, row, column, out.add(dx * n));
                    }
                }
            }
        }
    }

    /// Copies one position, or zeros.
    ///
    /// # Safety
    /// Row and column must be inside the map, or the column negative; `out` a position of the patch.
    #[inline(always)]
    unsafe fn fill_position<S: Simd>(&self, s: S, view: &View, row: i32, column: i32, out: *mut Half) {
        // SAFETY: as the caller says.
        unsafe {
            if column < 0 {
                return std::ptr::write_bytes(out, 0, view.map.channels);
            }
            let from = view.map.at::<Half>(row as usize, column as usize);
            if view.is_plain() {
                return std::ptr::copy_nonoverlapping(from, out, view.map.channels);
            }
            let cell = view.cell(row as usize, column as usize);
            for lane in (0..view.map.channels).step_by(S::LANES) {
                let v = view.load_transform(s, lane).apply(s, s.load_half(from.add(lane).cast()), cell);
                s.store_half(out.add(lane).cast(), v);
            }
        }
    }

    /// Packs the windows over the picture: first its lines, then from them every window's rows.
    ///
    /// # Safety
    /// As for [`Step::job`].
    #[inline(always)]
    pub(super) unsafe fn fill_picture(&self, size: Size, mul: f32, add: f32) {
        let Tiled { cut, kernel, stride, .. } = self.layer;
        let (rows, columns) = self.sources();
        let run = kernel * size.channels;
        let length = columns.len() * size.channels;
        // SAFETY: `scratch()` has room for the lines behind the patch.
        let lines = unsafe { std::slice::from_raw_parts_mut(self.lines, rows.len() * length) };
        // The weights hold `mul / 255`; what is packed is the byte, moved by what `add` is in bytes.
        let shift = add / mul * 255.0;
        for (&row, line) in rows.iter().zip(lines.chunks_exact_mut(length)) {
            self.fill_line(size, shift, row, columns, line);
        }
        for dy in 0..self.high {
            for dx in 0..self.wide {
                // SAFETY: inside the patch, whose positions have room for the whole window.
                let out = unsafe {
                    let at = self.patch.add((dy * cut.patch_wide + dx) * cut.position);
                    std::slice::from_raw_parts_mut(at, cut.position)
                };
                let from = &lines[dy * stride * length + dx * stride * size.channels..];
                match (kernel, run) {
                    // Known lengths become a few moves.
                    (3, 9) => pack_window(from, length, 3, 9, out),
                    _ => pack_window(from, length, *kernel, run, out),
                }
            }
        }
    }

    /// One line of the picture in bf16, `channels` values a position.
    #[inline(always)]
    fn fill_line(&self, size: Size, shift: f32, row: i32, columns: &[i32], line: &mut [u16]) {
        if row < 0 {
            return line.fill(0);
        }
        let start = row as usize * size.width;
        // Columns are one after another but for the ends.
        let inner = 1..columns.len().max(2) - 1;
        let straight = columns.len() > 2
            && columns[inner.start] >= 0
            && columns[inner.end - 1] - columns[inner.start] == inner.len() as i32 - 1;
        if straight {
            let at = start + columns[inner.start] as usize;
            let out = &mut line[size.channels..][..inner.len() * size.channels];
            self.fill_inner(size, shift, at, out);
            self.fill_ends(size, shift, start, &columns[..1], &mut line[..size.channels]);
            let end = inner.end * size.channels;
            self.fill_ends(size, shift, start, &columns[inner.end..], &mut line[end..]);
        } else {
            self.fill_ends(size, shift, start, columns, line);
        }
    }

    /// Neighbouring pixels from pixel `at` on.
    #[inline(always)]
    fn fill_inner(&self, size: Size, shift: f32, at: usize, line: &mut [u16]) {
        let n = size.channels;
        match self.frame.input {
            Picture::Bytes(data) => {
                let from = &data[at * n..][..line.len()];
                for (out, &byte) in line.iter_mut().zip(from) {
                    *out = narrow(f32::from(byte) + shift);
                }
            }
            Picture::Planar(data) => {
                for c in 0..n {
                    let from = &data[c * size.height * size.width + at..][..line.len() / n];
                    for (out, &v) in line.chunks_exact_mut(n).zip(from) {
                        out[c] = narrow(v * 255.0 + shift);
                    }
                }
            }
        }
    }

    /// Single pixels of the row that starts at pixel `start`, or zeros.
    #[inline(always)]
    fn fill_ends(&self, size: Size, shift: f32, start: usize, columns: &[i32], line: &mut [u16]) {
        for (&column, out) in columns.iter().zip(line.chunks_exact_mut(size.channels)) {
            match column {
                ..0 => out.fill(0),
                _ => self.fill_inner(size, shift, start + column as usize, out),
            }
        }
    }
}

/// One window from the lines it begins in, `kernel` runs of `run` values; the rest of `out` is zero.
#[inline(always)]
fn pack_window(lines: &[u16], length: usize, kernel: usize, run: usize, out: &mut [u16]) {
    for ky in 0..kernel {
        out[ky * run..][..run].copy_from_slice(&lines[ky * length..][..run]);
    }
    out[kernel * run..].fill(0);
}

/// Rounds to bf16, halves to even; NaN stays NaN. Without a branch, so that loops over it become vectors.
#[inline(always)]
fn narrow(v: f32) -> u16 {
    let bits = v.to_bits();
    let rounded = bits.wrapping_add(0x7fff + ((bits >> 16) & 1)) >> 16;
    (if v.is_nan() { (bits >> 16) | 0x40 } else { rounded }) as u16
}
