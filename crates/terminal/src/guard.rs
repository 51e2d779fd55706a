//! Somebody who gives the terminal back when this process cannot: it was killed, or crashed.

use std::io::{self, Read as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use crate::screen::GIVE_BACK;
use crate::tty::Tty;

/// What the shell does: it notes how the terminal is set, says so, and waits for a word, which does not come from a process that has died.
fn script() -> String {
    format!(
        "trap '' HUP INT QUIT TERM TSTP TTIN TTOU PIPE; kept=$(stty -g <&1 2>/dev/null); echo >&2; exec 2>/dev/null; read -r word; \
         [ \"$word\" = over ] && exit; printf '{GIVE_BACK}'; [ -n \"$kept\" ] && stty \"$kept\" <&1"
    )
}

/// A shell that waits for our end, in a group of its own: keys of the terminal do not reach it.
#[derive(Debug)]
pub(crate) struct Guard(Child);

impl Guard {
    pub(crate) fn start(tty: &Tty) -> io::Result<Self> {
        let mut child = Command::new("/bin/sh")
            .args(["-c", &script()])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(tty.stdio()?)
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        if let Some(mut ready) = child.stderr.take() {
            // Before the settings of the terminal are changed.
            let _ = ready.read(&mut [0; 1])?;
        }
        Ok(Self(child))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut words) = self.0.stdin.take() {
            // If it is gone already there is nobody to send home.
            drop(words.write_all(b"over\n"));
        }
        // Somebody else may have asked for it.
        drop(self.0.wait());
    }
}
