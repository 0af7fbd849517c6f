use std::cell::OnceCell;
use std::fs::File;
use std::io;

/// Something that can be read at an offset: a file, or plain bytes.
pub trait ReadAt {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `buf` from `offset` on.
    ///
    /// # Errors
    ///
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) when the end comes first, or the operating system's answer.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        self.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = start.checked_add(buf.len()).and_then(|end| self.get(start..end));
        buf.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// Bytes at the beginning of a file that are read at once: most of what is looked at lies there.
const HEAD: usize = 8 * 1024;

/// An open file and the length it had when it was opened.
pub(in crate::discovery) struct FileAt<'a> {
    file: &'a File,
    len: u64,
    /// The beginning, once something of it was wanted.
    head: OnceCell<Vec<u8>>,
}

impl<'a> FileAt<'a> {
    pub(in crate::discovery) const fn new(file: &'a File, len: u64) -> Self {
        let head = OnceCell::new();
        Self { file, len, head }
    }

    /// The beginning; empty where it cannot be read, which whoever reads the place itself finds out.
    fn head(&self) -> &[u8] {
        self.head.get_or_init(|| {
            let len = usize::try_from(self.len).map_or(HEAD, |len| len.min(HEAD));
            let mut head = vec![0; len];
            match self.read_through(0, &mut head) {
                Ok(()) => head,
                Err(_) => Vec::new(),
            }
        })
    }

    #[cfg(unix)]
    fn read_through(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(self.file, buf, offset)
    }

    #[cfg(not(unix))]
    fn read_through(&self, _: u64, _: &mut [u8]) -> io::Result<()> {
        let _ = self.file;
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl ReadAt for FileAt<'_> {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        match start.checked_add(buf.len()) {
            Some(end) if end <= HEAD => match self.head().get(start..end) {
                Some(bytes) => {
                    buf.copy_from_slice(bytes);
                    Ok(())
                }
                None => self.read_through(offset, buf),
            },
            _ => self.read_through(offset, buf),
        }
    }
}
