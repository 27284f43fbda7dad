//! The picture inside a card. Pictures that a card only names by URL are none: nothing here fetches.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::line::{Encoding, Line};

/// As exporters write it: with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The bytes of an embedded picture: `ENCODING=b` or `BASE64`, or a `data:` URI in any version.
pub(super) fn embedded(line: &Line) -> Option<Vec<u8>> {
    let value = line.value();
    let start: String = value.iter().take(128).map(|&b| char::from(b).to_ascii_lowercase()).collect();
    if start.trim_start().starts_with("data:") {
        let (head, _) = start.split_once("base64")?;
        let data = &value[head.len() + "base64".len()..];
        return base64(data.strip_prefix(b"\\").unwrap_or(data).strip_prefix(b",")?);
    }
    (line.encoding() == Encoding::Base64 && !start.contains(':')).then(|| base64(&value))?
}

/// Decodes base64, white space left out. `None` where it is something else, or nothing.
pub(super) fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    LENIENT.decode(text).ok().filter(|bytes| !bytes.is_empty())
}
