//! Our names of codecs, and Matroska's.

const CODECS: [(&str, &str); 9] = [
    ("mjpeg", "V_MJPEG"),
    ("h264", "V_MPEG4/ISO/AVC"),
    ("h265", "V_MPEGH/ISO/HEVC"),
    ("vp8", "V_VP8"),
    ("vp9", "V_VP9"),
    ("av1", "V_AV1"),
    ("opus", "A_OPUS"),
    ("aac", "A_AAC"),
    ("flac", "A_FLAC"),
];

/// Ours.
pub(super) fn name(matroska: &str) -> Option<&'static str> {
    CODECS.iter().find(|(_, id)| *id == matroska).map(|(name, _)| *name)
}

/// Matroska's.
pub(super) fn codec_id(name: &str) -> Option<&'static str> {
    CODECS.iter().find(|(known, _)| *known == name).map(|(_, id)| *id)
}

/// How much sound a decoder of Opus throws away at the beginning, as its head says.
pub(super) fn opus_delay_us(config: &[u8]) -> u64 {
    const SAMPLES_PER_MS: u64 = 48;
    match config.get(10..12) {
        Some(&[low, high]) => u64::from(u16::from_le_bytes([low, high])) * 1_000 / SAMPLES_PER_MS,
        _ => 0,
    }
}
