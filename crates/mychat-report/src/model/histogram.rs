//! Encoding of histograms in results.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};

/// Significant digits of the histograms of the tool.
const MOST_DIGITS: u8 = 3;
/// No value is larger: 10 minutes in microseconds. Values over 60 s are recorded as 60 s.
const LARGEST_VALUE: u64 = 600_000_000;
/// Bytes of an inflated histogram with these bounds: 2048 counts, then 1024 for each further power of two, of up to 9 bytes
/// each.
const LONGEST_INFLATED: u64 = 40 + 9 * (2048 + 1024 * 30);
/// Bytes of a histogram as Base64; deflating makes it at most a little longer.
const LONGEST_TEXT: usize = 2 * LONGEST_INFLATED as usize;
/// Bytes before the deflated part: a cookie and its length.
const DEFLATED_HEADER: usize = 8;

/// Reason why a stored histogram cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("its histogram is damaged: {0}")]
pub struct HistogramError(String);

/// Encodes a histogram: HdrHistogram V2, deflated, Base64.
pub fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("a histogram of these bounds fits, and a Vec takes all bytes");
    STANDARD.encode(bytes)
}

/// Decodes a histogram. Memory and time are bounded, whatever the text claims.
pub fn decode(text: &str) -> Result<Histogram<u64>, HistogramError> {
    let damaged = |reason: &str| HistogramError(reason.to_owned());
    if text.len() > LONGEST_TEXT {
        return Err(damaged("its text is too long"));
    }
    let bytes = STANDARD.decode(text).map_err(|error| HistogramError(error.to_string()))?;
    let deflated = bytes.get(DEFLATED_HEADER..).ok_or_else(|| damaged("it ends in its header"))?;
    let mut inflated = Vec::new();
    let mut source = ZlibDecoder::new(deflated).take(LONGEST_INFLATED);
    source.read_to_end(&mut inflated).map_err(|error| HistogramError(error.to_string()))?;
    check_header(&inflated).map_err(damaged)?;
    Deserializer::new().deserialize(&mut inflated.as_slice()).map_err(|error| HistogramError(error.to_string()))
}

/// Checks the sizes in the header of an inflated histogram, because the deserializer allocates what they claim.
fn check_header(inflated: &[u8]) -> Result<(), &'static str> {
    /// Cookie, length of the payload, offset, significant digits, smallest and largest value, ratio.
    const HEADER: usize = 40;
    let header = inflated.get(..HEADER).ok_or("it ends in its header")?;
    let number =
        |at: usize, bytes: usize| header[at..at + bytes].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let (payload, digits, largest) = (number(4, 4), number(12, 4), number(24, 8));
    if payload != (inflated.len() - HEADER) as u64 {
        return Err("it does not have the length that it claims");
    }
    if digits > u64::from(MOST_DIGITS) || largest > LARGEST_VALUE {
        return Err("it has other bounds than the histograms of this tool");
    }
    Ok(())
}

/// Returns the highest quantile that this number of independent samples supports: ten samples must lie beyond it.
pub fn highest_quantile(independent: u64) -> f64 {
    (1.0 - 10.0 / independent.max(1) as f64).max(0.0)
}

/// Returns the value at a quantile if there are enough samples.
pub fn quantile(histogram: &Histogram<u64>, independent: u64, quantile: f64) -> Option<u64> {
    let needed = mychat_load::verdict::samples_needed(quantile);
    (!histogram.is_empty() && independent >= needed).then(|| histogram.value_at_quantile(quantile))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn sample() -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 60_000_000, 3).unwrap();
        (0..20_000_u64).for_each(|value| histogram.record(value * value % 60_000_000 + 1).unwrap());
        histogram
    }

    /// Encodes inflated bytes as they are in a result.
    fn deflated(inflated: &[u8]) -> String {
        let mut bytes = vec![0x1c, 0x84, 0x93, 0x14, 0, 0, 0, 0];
        let mut encoder = ZlibEncoder::new(&mut bytes, Compression::fast());
        encoder.write_all(inflated).unwrap();
        encoder.finish().unwrap();
        STANDARD.encode(bytes)
    }

    fn inflated() -> Vec<u8> {
        let bytes = STANDARD.decode(encode(&sample())).unwrap();
        let mut inflated = Vec::new();
        ZlibDecoder::new(&bytes[DEFLATED_HEADER..]).read_to_end(&mut inflated).unwrap();
        inflated
    }

    #[test]
    fn a_full_histogram_is_within_the_limits() {
        assert_eq!(decode(&encode(&sample())).unwrap(), sample());
        let mut full = Histogram::new_with_bounds(1, LARGEST_VALUE, MOST_DIGITS).unwrap();
        for value in 1..LARGEST_VALUE.ilog2() {
            (0..2048).for_each(|step| full.record_n((1 << value) + (step << value >> 11), 1 << 50).unwrap());
        }
        assert_eq!(decode(&encode(&full)).unwrap(), full);
    }

    #[test]
    fn what_a_histogram_claims_is_checked_before_memory_is_allocated() {
        let claim = |at: usize, value: &[u8]| {
            let mut bytes = inflated();
            bytes[at..at + value.len()].copy_from_slice(value);
            decode(&deflated(&bytes)).unwrap_err().to_string()
        };
        let length = "its histogram is damaged: it does not have the length that it claims";
        let bounds = "its histogram is damaged: it has other bounds than the histograms of this tool";
        assert_eq!(claim(4, &[0xff; 4]), length);
        assert_eq!(claim(12, &[0, 0, 0, 5]), bounds);
        assert_eq!(claim(24, &[0x7f; 8]), bounds);
        let bomb = vec![0; 50 << 20];
        assert_eq!(decode(&deflated(&bomb)).unwrap_err().to_string(), length);
        assert_eq!(
            decode(&deflated(&[0; 39])).unwrap_err().to_string(),
            "its histogram is damaged: it ends in its header"
        );
    }
}
