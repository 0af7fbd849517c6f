use crate::discovery::bytes::u32_at;

const HEADER_LEN: usize = 12;

/// One note of a note segment.
#[derive(Clone, Copy, Debug)]
pub(in crate::discovery) struct Note<'a> {
    pub(in crate::discovery) owner: &'a [u8],
    pub(in crate::discovery) kind: u32,
    pub(in crate::discovery) descriptor: &'a [u8],
    /// Offset of the descriptor in the segment.
    pub(in crate::discovery) descriptor_at: usize,
}

/// The notes of a segment; ends after the first broken one, which is an `Err`.
///
/// Alignments other than 8 count as 4: compilers write others, and then lay the notes out as with 4.
#[derive(Debug)]
pub(in crate::discovery) struct Notes<'a> {
    bytes: &'a [u8],
    at: usize,
    align: usize,
}

impl<'a> Notes<'a> {
    pub(in crate::discovery) fn new(bytes: &'a [u8], align: u64) -> Self {
        let align = if align == 8 { 8 } else { 4 };
        Self { bytes, at: 0, align }
    }

    fn parse(&self) -> Option<(Note<'a>, usize)> {
        let rest = self.bytes.get(self.at..)?;
        let owner_len = usize::try_from(u32_at(rest, 0)?).ok()?;
        let descriptor_len = usize::try_from(u32_at(rest, 4)?).ok()?;
        let owner = rest.get(HEADER_LEN..)?.get(..owner_len)?;
        let start = (HEADER_LEN + owner_len).next_multiple_of(self.align);
        let descriptor = rest.get(start..)?.get(..descriptor_len)?;
        let note = Note {
            owner,
            kind: u32_at(rest, 8)?,
            descriptor,
            descriptor_at: self.at + start,
        };
        Some((
            note,
            self.at + (start + descriptor_len).next_multiple_of(self.align),
        ))
    }
}

impl<'a> Iterator for Notes<'a> {
    type Item = Result<Note<'a>, ()>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        // Zeros up to the alignment of what follows.
        if rest.len() < HEADER_LEN && rest.iter().all(|&byte| byte == 0) {
            return None;
        }
        match self.parse() {
            Some((note, end)) => {
                self.at = end;
                Some(Ok(note))
            }
            None => {
                self.at = self.bytes.len();
                Some(Err(()))
            }
        }
    }
}
