//! CompressedData (RFC 3274), unpacked as a stream and within bounds.

use std::io::{Read, Write};

use flate2::{Decompress, FlushDecompress, Status};
use zeroize::Zeroizing;

use super::ber::{Frame, Source};
use super::tlv::{Cursor, OCTET_STRING, SEQUENCE};
use super::{CmsError, oid};

/// Octets unpacked at a time.
const BUFFER: usize = 64 * 1024;
/// How many times larger than its packed form content may be; zlib itself reaches 1,032, documents stay below 50.
const MOST_GAIN: u64 = 100;
/// What content may unpack to, however small its packed form.
const ALWAYS: u64 = 1 << 20;

/// Unpacks the content of CompressedData into `out`, `limit` octets at most. It may be believed only on `Ok`.
pub fn decompress(input: &mut dyn Read, out: &mut dyn Write, limit: u64) -> Result<u64, CmsError> {
    let mut source = Source::new(input);
    let content_info = source.enter(Frame::INPUT, SEQUENCE)?;
    let kind = source.oid(content_info)?;
    if kind != oid::COMPRESSED_DATA {
        return Err(CmsError::Unsupported(kind.to_string()));
    }
    let content = source.enter(content_info, 0xA0)?;
    let data = source.enter(content, SEQUENCE)?;
    let version = source.small(data)?;
    Cursor(&version).version(&[0])?;
    let algorithm = source.small(data)?;
    let algorithm = Cursor(&algorithm).expect(SEQUENCE)?.as_plain_algorithm()?;
    if algorithm != oid::ZLIB {
        return Err(CmsError::Unsupported(algorithm.to_string()));
    }
    let info = source.enter(data, SEQUENCE)?;
    let content_type = source.oid(info)?;
    if content_type != oid::DATA {
        return Err(CmsError::Unsupported(content_type.to_string()));
    }
    let explicit = source.enter(info, 0xA0)?;
    let mut unpacker =
        Unpacker { zlib: Decompress::new(true), room: Zeroizing::new(vec![0; BUFFER]), ended: false, limit };
    source.octets(explicit, OCTET_STRING, &mut |piece| unpacker.take(piece, out))?;
    if !unpacker.ended {
        return Err(CmsError::Malformed("the end of the compressed content is missing"));
    }
    for frame in [explicit, info, data, content, content_info] {
        source.leave(frame)?;
    }
    source.finish()?;
    out.flush()?;
    Ok(unpacker.zlib.total_out())
}

struct Unpacker {
    zlib: Decompress,
    room: Zeroizing<Vec<u8>>,
    ended: bool,
    limit: u64,
}

impl Unpacker {
    fn take(&mut self, mut piece: &[u8], out: &mut dyn Write) -> Result<(), CmsError> {
        const DAMAGED: CmsError = CmsError::Malformed("the compressed content");
        while !piece.is_empty() {
            if self.ended {
                return Err(CmsError::Malformed("something stands after the compressed content"));
            }
            let (read, written) = (self.zlib.total_in(), self.zlib.total_out());
            let status = self.zlib.decompress(piece, &mut self.room, FlushDecompress::None).map_err(|_| DAMAGED)?;
            let read = usize::try_from(self.zlib.total_in() - read).map_err(|_| DAMAGED)?;
            let made = usize::try_from(self.zlib.total_out() - written).map_err(|_| DAMAGED)?;
            if read == 0 && made == 0 && status != Status::StreamEnd {
                return Err(DAMAGED);
            }
            let most = self.limit.min(self.zlib.total_in().saturating_mul(MOST_GAIN).saturating_add(ALWAYS));
            if self.zlib.total_out() > most {
                return Err(CmsError::TooLarge);
            }
            out.write_all(&self.room[..made])?;
            piece = &piece[read..];
            self.ended = status == Status::StreamEnd;
        }
        Ok(())
    }
}
