//! The terminal itself.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::{process, stdio, termios};

/// Rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
}

/// A terminal, opened for us alone: whether writing to it waits is not what others have made of theirs.
#[derive(Debug)]
pub(crate) struct Tty(File);

impl Tty {
    /// The one that stdout and stderr are; `None`: they are none, or two.
    pub(crate) fn open() -> io::Result<Option<Self>> {
        let (out, err) = (stdio::stdout(), stdio::stderr());
        if !termios::isatty(out) || !termios::isatty(err) {
            return Ok(None);
        }
        let out = File::from(out.try_clone_to_owned()?);
        let err = File::from(err.try_clone_to_owned()?);
        let device = out.metadata()?.rdev();
        if err.metadata()?.rdev() != device {
            return Ok(None);
        }
        // In some containers a terminal has a name that is not there.
        let own = Self::open_anew(&out).filter(|own| own.metadata().is_ok_and(|own| own.rdev() == device));
        Ok(Some(Self(own.unwrap_or(out))))
    }

    fn open_anew(terminal: &File) -> Option<File> {
        let name = termios::ttyname(terminal, Vec::new()).ok()?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        rustix::fs::open(name, flags, Mode::empty()).ok().map(File::from)
    }

    /// For another program.
    pub(crate) fn stdio(&self) -> io::Result<Stdio> {
        let fd: OwnedFd = self.0.as_fd().try_clone_to_owned()?;
        Ok(fd.into())
    }

    /// Zero, if it does not know.
    pub(crate) fn size(&self) -> Size {
        let size = termios::tcgetwinsize(&self.0).ok();
        size.map_or(Size { rows: 0, columns: 0 }, |size| Size { rows: size.ws_row, columns: size.ws_col })
    }

    /// Whether it is ours to draw in: not while the shell, or another job, has it.
    pub(crate) fn is_ours(&self) -> bool {
        // Where it does not control us nobody shares it.
        termios::tcgetpgrp(&self.0).map_or(true, |group| group == process::getpgrp())
    }

    /// All at once: the system lets nobody write in between.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}
