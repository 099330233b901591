//! Through the crate `yuv`, which has vector instructions for x86-64 and ARM.

use crate::{Chroma, Color, Matrix, Planes};
use impasto_core::Image;
use yuv::{
    BufferStoreMut, YuvChromaSubsampling, YuvConversionMode, YuvGrayImage, YuvPlanarImage, YuvPlanarImageMut,
    YuvRange, YuvStandardMatrix,
};

fn matrix_of(color: Color) -> YuvStandardMatrix {
    match color.matrix {
        Matrix::Bt601 => YuvStandardMatrix::Bt601,
        Matrix::Bt709 => YuvStandardMatrix::Bt709,
        Matrix::Bt2020 => YuvStandardMatrix::Bt2020,
    }
}

fn range_of(color: Color) -> YuvRange {
    if color.full { YuvRange::Full } else { YuvRange::Limited }
}

/// YCbCr to sRGB.
///
/// # Panics
/// If the planes do not have the length that their size asks for.
pub fn image_from_planes(planes: &Planes) -> Image {
    let (width, height) = (planes.width, planes.height);
    let mut image = Image::black(width, height);
    let stride = 3 * width as u32;
    let (range, matrix) = (range_of(planes.color), matrix_of(planes.color));
    let chroma_stride = planes.chroma.plane(width, height).0 as u32;
    let planar = YuvPlanarImage {
        y_plane: &planes.y,
        y_stride: width as u32,
        u_plane: &planes.u,
        u_stride: chroma_stride,
        v_plane: &planes.v,
        v_stride: chroma_stride,
        width: width as u32,
        height: height as u32,
    };
    let done = match planes.chroma {
        Chroma::C420 => yuv::yuv420_to_rgb(&planar, image.rgb_mut(), stride, range, matrix),
        Chroma::C422 => yuv::yuv422_to_rgb(&planar, image.rgb_mut(), stride, range, matrix),
        Chroma::C444 => yuv::yuv444_to_rgb(&planar, image.rgb_mut(), stride, range, matrix),
        Chroma::Mono => {
            let grey = YuvGrayImage {
                y_plane: &planes.y,
                y_stride: width as u32,
                width: width as u32,
                height: height as u32,
            };
            yuv::yuv400_to_rgb(&grey, image.rgb_mut(), stride, range, matrix)
        }
    };
    done.expect("planes of the stated size");
    image
}

/// sRGB to planar 4:2:0 of the same size; a chroma sample is the mean of its pixels.
pub fn planes_from_image(image: &Image, color: Color) -> Planes {
    let (width, height) = (image.width(), image.height());
    let mut planar = YuvPlanarImageMut::alloc(width as u32, height as u32, YuvChromaSubsampling::Yuv420);
    let (range, matrix) = (range_of(color), matrix_of(color));
    let mode = YuvConversionMode::Balanced;
    yuv::rgb_to_yuv420(&mut planar, image.rgb(), 3 * width as u32, range, matrix, mode)
        .expect("planes of the picture's size");
    let owned = |plane: BufferStoreMut<u8>| match plane {
        BufferStoreMut::Owned(bytes) => bytes,
        BufferStoreMut::Borrowed(bytes) => bytes.to_vec(),
    };
    let [y, u, v] = [planar.y_plane, planar.u_plane, planar.v_plane].map(owned);
    Planes { width, height, chroma: Chroma::C420, color, y, u, v }
}
