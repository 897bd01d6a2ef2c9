//! Contents that were read and checked a moment ago. A broadcast arrives a thousand times: the first copy is taken apart
//! digit by digit, and the others are compared with it byte for byte, which says the same and costs a tenth.

use crate::plan::stamp::{STAMP, Stamp, Unreadable};

/// How many contents are kept: more than a user falls behind the others between two reads of its connection.
const KEPT: usize = 1024;

/// The last contents that were found to be whole.
#[derive(Debug)]
pub struct Lately {
    contents: Vec<Option<(Box<[u8]>, Stamp)>>,
}

impl Default for Lately {
    fn default() -> Self {
        Self { contents: vec![None; KEPT] }
    }
}

impl Lately {
    /// As [`Stamp::read`].
    pub fn read(&mut self, content: &[u8]) -> Result<Stamp, Unreadable> {
        let Some(head) = content.first_chunk::<STAMP>() else { return Stamp::read(content) };
        // The last digits of the sequence number and of the sender: neighbours in time get places of their own.
        let place = (usize::from(head[14]) | usize::from(head[13] & 3) << 6 ^ usize::from(head[7]) << 4) % KEPT;
        let kept = &mut self.contents[place];
        if let Some((known, stamp)) = kept
            && **known == *content
        {
            return Ok(*stamp);
        }
        let stamp = Stamp::read(content)?;
        *kept = Some((content.into(), stamp));
        Ok(stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_reads_as_the_first_one_and_a_changed_one_does_not() {
        let stamp = Stamp { run: 1, sender: 2, visit: 0, sequence: 3, index: 3, intended: 4, to: 5 };
        let mut content = Vec::new();
        stamp.write(&mut content, "", "padding");
        let mut lately = Lately::default();
        for _ in 0..3 {
            assert_eq!(lately.read(&content), Ok(stamp));
        }
        *content.last_mut().unwrap() ^= 1;
        assert_eq!(lately.read(&content), Err(Unreadable::Body(stamp)));
        assert_eq!(lately.read(b"~short"), Err(Unreadable::Head));
    }
}
