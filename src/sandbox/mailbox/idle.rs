//! IDLE (RFC 2177): the client waits, and is told at once.

use std::io::{BufRead, ErrorKind, Write};
use std::time::Duration;

use crate::sandbox::mailbox::{Done, Outcome, PATIENCE, Session};
use crate::sandbox::wire::Line;

/// How often the folder is looked at: its index may be written by another process.
const INTERVAL: Duration = Duration::from_millis(20);

impl Session<'_> {
    pub(super) fn idle(&mut self) -> Outcome {
        self.wire.write_all(b"+ idling\r\n")?;
        self.wire.flush()?;
        self.wire.set_patience(INTERVAL)?;
        let rounds = PATIENCE.as_millis() / INTERVAL.as_millis();
        for _ in 0..rounds {
            match self.wire.fill_buf() {
                Ok(_) => {
                    self.wire.set_patience(PATIENCE)?;
                    return match self.wire.read_line(80)? {
                        Line::Whole(line) if line.eq_ignore_ascii_case(b"DONE") => {
                            self.done_with_news("IDLE completed".to_owned())
                        }
                        Line::End => Ok(Done::Gone),
                        _ => Ok(Done::Bad("only DONE may stand here")),
                    };
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
            if let Some(gone) = self.refresh()? {
                return Ok(gone);
            }
            self.wire.flush()?;
        }
        self.untagged("BYE idle for too long")?;
        Ok(Done::Gone)
    }
}
