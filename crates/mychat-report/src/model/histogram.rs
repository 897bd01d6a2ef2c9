//! Encoding of histograms in results.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer as _, V2DeflateSerializer};

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

/// Decodes a histogram.
pub fn decode(text: &str) -> Result<Histogram<u64>, HistogramError> {
    let bytes = STANDARD.decode(text).map_err(|error| HistogramError(error.to_string()))?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| HistogramError(error.to_string()))
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
