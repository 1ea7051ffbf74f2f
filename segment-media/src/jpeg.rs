//! JPEG, both ways.

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use crate::Picture;
use crate::picture::SIDE_MAX;

/// A picture could not be encoded: its sides do not fit.
#[derive(Debug, thiserror::Error)]
#[error("the picture was not encoded ({0}): the stream ends; choose another size")]
pub struct EncodeError(String);

/// A picture could not be decoded. It is not shown; the next one may be.
#[derive(Debug, thiserror::Error)]
#[error("a picture is damaged or too large ({0}): it is left out")]
pub struct DecodeError(String);

/// As a JPEG of this quality, 1 to 100, with half of the colours' resolution.
///
/// # Errors
/// [`EncodeError`].
pub fn encode(picture: &Picture, quality: u8) -> Result<Bytes, EncodeError> {
    let mut bytes = Vec::with_capacity(picture.width() * picture.height() / 16);
    let mut encoder = Encoder::new(&mut bytes, quality.clamp(1, 100));
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    let side = |length: usize| u16::try_from(length).map_err(|error| EncodeError(error.to_string()));
    let (width, height) = (side(picture.width())?, side(picture.height())?);
    let encoded = encoder.encode(picture.pixels(), width, height, ColorType::Rgb);
    encoded.map_err(|error| EncodeError(error.to_string()))?;
    Ok(bytes.into())
}

/// From a JPEG of at most 4,096 pixels on each side.
///
/// # Errors
/// [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<Picture, DecodeError> {
    let mut decoder = decoder(bytes);
    let pixels = decoder.decode().map_err(|error| DecodeError(error.to_string()))?;
    let info = decoder.info().ok_or_else(|| DecodeError("no size".into()))?;
    Picture::from_pixels(info.width.into(), info.height.into(), pixels)
        .ok_or_else(|| DecodeError("the pixels do not fit the size".into()))
}

/// The sides of a JPEG, read from its head.
///
/// # Errors
/// [`DecodeError`].
pub fn size(bytes: &[u8]) -> Result<(u16, u16), DecodeError> {
    let mut decoder = decoder(bytes);
    decoder.decode_headers().map_err(|error| DecodeError(error.to_string()))?;
    decoder.info().map(|info| (info.width, info.height)).ok_or_else(|| DecodeError("no size".into()))
}

fn decoder(bytes: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    let options = DecoderOptions::default()
        .set_max_width(SIDE_MAX)
        .set_max_height(SIDE_MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
}
