//! Private files: mode 0600 in folders 0700, complete or absent, on disk before anyone is told so.

mod spool;
mod together;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::hex::Hex;

pub use spool::Spool;
pub use together::Together;

/// Why a file was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum FsError {
    /// The system refused: not there, no permission, no space.
    #[error("cannot {deed} {path}")]
    Io { deed: &'static str, path: PathBuf, source: io::Error },
    /// Others than the owner may read or write it.
    #[error("{path} may be read or changed by others (mode {mode:04o})")]
    TooOpen { path: PathBuf, mode: u32, wanted: u32 },
    /// Nothing is replaced here.
    #[error("{path} is there already")]
    Exists { path: PathBuf },
    /// It holds more than is allowed of it.
    #[error("{path} is larger than {limit} octets")]
    TooLarge { path: PathBuf, limit: u64 },
}

impl FsError {
    /// The system's own words for the refusal, if it was one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            FsError::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }
}

fn failed<'a>(deed: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> FsError + 'a {
    move |source| match source.kind() {
        io::ErrorKind::AlreadyExists => FsError::Exists { path: path.to_owned() },
        _ => FsError::Io { deed, path: path.to_owned(), source },
    }
}

/// Makes a folder and its parents, 0700 each; one that is there already must not be open to others.
pub fn private_dir(path: &Path) -> Result<(), FsError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make", path))?;
    check_private(path)
}

/// Makes a folder and its parents, 0700 each; one that is there already is taken as it is.
pub fn make_dir(path: &Path) -> Result<(), FsError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed("make", path))
}

/// Refuses a file or folder that group or others may read, write or enter.
pub fn check_private(path: &Path) -> Result<(), FsError> {
    let metadata = path.metadata().map_err(failed("read", path))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
        return Err(FsError::TooOpen { path: path.to_owned(), mode, wanted });
    }
    Ok(())
}

/// Reads a private file of at most `limit` octets, its mode checked first.
pub fn read_private(path: &Path, limit: u64) -> Result<Vec<u8>, FsError> {
    check_private(path)?;
    read_bounded(path, limit)
}

/// Reads a secret that a service manager handed over. It lets the service in by an access list, whose mask stands where the
/// mode of the group does (systemd.exec, LoadCredential; acl(5)): the group may seem to read it, others may not.
pub fn read_credential(path: &Path, limit: u64) -> Result<Vec<u8>, FsError> {
    let mode = path.metadata().map_err(failed("read", path))?.permissions().mode() & 0o7777;
    if mode & 0o037 != 0 {
        return Err(FsError::TooOpen { path: path.to_owned(), mode, wanted: 0o400 });
    }
    read_bounded(path, limit)
}

/// Reads any file of at most `limit` octets.
pub fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, FsError> {
    let file = File::open(path).map_err(failed("read", path))?;
    let length = file.metadata().map_err(failed("read", path))?.len();
    // Room for all of it at once: a growing buffer would leave copies behind, of secrets too.
    let mut bytes = Vec::with_capacity(usize::try_from(length.min(limit) + 1).unwrap_or(0));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(FsError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}

/// Whether something stands at a path, a dangling link included.
pub fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// When a file was last written, where that can be learned.
pub fn modified(path: &Path) -> Option<jiff::Timestamp> {
    path.metadata().ok().and_then(|metadata| jiff::Timestamp::from_second(metadata.mtime()).ok())
}

/// Opens a file for reading.
pub fn open(path: &Path) -> Result<File, FsError> {
    File::open(path).map_err(failed("read", path))
}

/// Gives a file a second name on the same file system, unless something stands there.
pub fn link(from: &Path, to: &Path) -> Result<(), FsError> {
    std::fs::hard_link(from, to).map_err(failed("create", to))
}

/// Gives a file or folder another name.
pub fn rename(from: &Path, to: &Path) -> Result<(), FsError> {
    std::fs::rename(from, to).map_err(failed("rename", to))
}

/// Removes a file; one that is gone already is as good as removed.
pub fn remove(path: &Path) -> Result<(), FsError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes a folder with everything in it.
pub fn remove_dir(path: &Path) -> Result<(), FsError> {
    std::fs::remove_dir_all(path).map_err(failed("remove", path))
}

/// The names in a folder, in no order; names that are not UTF-8 are left out.
pub fn entries(dir: &Path) -> Result<Vec<String>, FsError> {
    let entries = dir.read_dir().map_err(failed("read", dir))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

/// Puts a folder's entries on disk, so that a rename in it outlives a power cut.
pub fn sync_dir(path: &Path) -> Result<(), FsError> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(failed("sync", path))
}

/// A private file under a random name beside its final place: it appears whole or not at all, and is removed on drop.
#[derive(Debug)]
pub struct Staged {
    file: File,
    path: PathBuf,
    published: bool,
}

impl Staged {
    /// Starts a file in a folder; the name says nothing of the content.
    pub fn new(dir: &Path) -> Result<Staged, FsError> {
        loop {
            let path = dir.join(format!(".staged-{}", random_name()));
            match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) => return Ok(Staged { file, path, published: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(failed("create", &path)(error)),
            }
        }
    }

    /// The open file.
    pub fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Where it stands for now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs it and gives it its name; what stood there is replaced.
    pub fn publish(mut self, path: &Path) -> Result<(), FsError> {
        self.file.sync_all().map_err(failed("sync", &self.path))?;
        std::fs::rename(&self.path, path).map_err(failed("rename", path))?;
        self.published = true;
        sync_dir(parent(path))
    }

    /// Gives it its name without waiting for the disk: readers find the old file or the new one, but a power cut may leave
    /// either, or an empty one.
    fn publish_unsynced(mut self, path: &Path) -> Result<(), FsError> {
        std::fs::rename(&self.path, path).map_err(failed("rename", path))?;
        self.published = true;
        Ok(())
    }

    /// Syncs it and gives it its name, unless something stands there.
    pub fn publish_new(self, path: &Path) -> Result<(), FsError> {
        self.publish_inside(path)?;
        sync_dir(parent(path))
    }

    /// The same in a [`StagedDir`], whose names are synced together when it gets its own.
    pub fn publish_inside(mut self, path: &Path) -> Result<(), FsError> {
        self.file.sync_all().map_err(failed("sync", &self.path))?;
        std::fs::hard_link(&self.path, path).map_err(failed("create", path))?;
        std::fs::remove_file(&self.path).map_err(failed("rename", path))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be told here, and a leftover is swept by its name.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Write for Staged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A private folder under a random name: filled, then given its name in one step, or removed on drop.
#[derive(Debug)]
pub struct StagedDir {
    path: PathBuf,
    published: bool,
}

impl StagedDir {
    /// Starts a folder inside another.
    pub fn new(dir: &Path) -> Result<StagedDir, FsError> {
        let path = dir.join(format!(".staged-{}", random_name()));
        DirBuilder::new().mode(0o700).create(&path).map_err(failed("create", &path))?;
        Ok(StagedDir { path, published: false })
    }

    /// Where it stands for now.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Syncs the folder and gives it its name, unless something stands there. The files in it were synced by who wrote them.
    pub fn publish_new(self, path: &Path) -> Result<(), FsError> {
        sync_dir(&self.path)?;
        self.rename(path)?;
        sync_dir(parent(path))
    }
}

impl Drop for StagedDir {
    fn drop(&mut self) {
        if !self.published {
            // Nothing can be told here, and a leftover is swept by its name.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Removes what killed processes left under staged names in a folder, if nobody touched it for an hour.
pub fn sweep_staged(dir: &Path, now: jiff::Timestamp) -> Result<(), FsError> {
    for entry in dir.read_dir().map_err(failed("read", dir))? {
        let entry = entry.map_err(failed("read", dir))?;
        // By name first: a folder of messages has very many entries that are no concern of this.
        if !entry.file_name().to_string_lossy().starts_with(".staged-") {
            continue;
        }
        let Ok(metadata) = entry.metadata() else { continue };
        if now.as_second() - metadata.mtime() > 3600 {
            let path = entry.path();
            let removed = if metadata.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.map_err(failed("remove", &path))?;
        }
    }
    Ok(())
}

/// How many files of a folder were last written before a moment; a folder that is not there has none.
pub fn count_older(dir: &Path, before: jiff::Timestamp) -> Result<u64, FsError> {
    if !exists(dir) {
        return Ok(0);
    }
    let mut count = 0;
    for entry in dir.read_dir().map_err(failed("read", dir))? {
        let metadata = entry.and_then(|entry| entry.metadata()).map_err(failed("read", dir))?;
        count += u64::from(metadata.is_file() && metadata.mtime() < before.as_second());
    }
    Ok(count)
}

/// Writes a private file whole: temporary name, sync, rename, sync of the folder.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let mut staged = Staged::new(parent(path))?;
    staged.write_all(bytes).map_err(failed("write", path))?;
    staged.publish(path)
}

/// Writes a private file whole that can be fetched or computed again, without waiting for the disk. A power cut may empty it
/// or bring the old one back: only for what its reader proves before it believes it.
pub fn write_cached(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let mut staged = Staged::new(parent(path))?;
    staged.write_all(bytes).map_err(failed("write", path))?;
    staged.publish_unsynced(path)
}

/// Writes a private file whole, unless something stands there.
pub fn write_private_new(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let mut staged = Staged::new(parent(path))?;
    staged.write_all(bytes).map_err(failed("write", path))?;
    staged.publish_new(path)
}

/// The same in a [`StagedDir`], whose names are synced together when it gets its own.
pub fn write_private_inside(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    let mut staged = Staged::new(parent(path))?;
    staged.write_all(bytes).map_err(failed("write", path))?;
    staged.publish_inside(path)
}

/// Makes a private file in a [`StagedDir`]; it is synced when the folder gets its name.
pub fn create_inside(path: &Path) -> Result<File, FsError> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed("create", path))
}

/// Writes a private file into a [`StagedDir`]; it is synced when the folder gets its name.
pub fn write_inside(path: &Path, bytes: &[u8]) -> Result<(), FsError> {
    create_inside(path)?.write_all(bytes).map_err(failed("write", path))
}

/// Opens a private file for appending, made if it is not there; `Log::append` returns once the bytes are on disk.
pub fn open_append(path: &Path) -> Result<File, FsError> {
    let new = !exists(path);
    let file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(failed("open", path))?;
    check_private(path)?;
    if new {
        sync_dir(parent(path))?;
    }
    Ok(file)
}

/// Opens a file that somebody named, to read it. A pipe that nobody writes to does not block: it opens, and is then seen to be
/// no file.
pub fn open_given(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("the flags of open are an int");
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// An exclusive lock that ends with the process: a file of its own, never removed.
#[derive(Debug)]
pub struct Lock {
    /// Held, not read: the lock ends when the file is closed.
    _file: File,
}

impl Lock {
    /// Waits for the lock.
    pub fn acquire(path: &Path) -> Result<Lock, FsError> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed("open", path))?;
        file.lock().map_err(failed("lock", path))?;
        Ok(Lock { _file: file })
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    }
}

fn random_name() -> String {
    let mut random = [0u8; 8];
    aws_lc_rs::rand::fill(&mut random).expect("the system gives randomness");
    Hex(&random).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_is_private_and_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(read_private(&path, 10).unwrap(), b"two");
        write_cached(&path, b"three").unwrap();
        assert_eq!(read_private(&path, 10).unwrap(), b"three");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(dir.path().read_dir().unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn nothing_is_replaced_where_a_new_file_was_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_private_new(&path, b"one").unwrap();
        assert!(matches!(write_private_new(&path, b"two"), Err(FsError::Exists { .. })));
        assert_eq!(read_private(&path, 10).unwrap(), b"one");
    }

    #[test]
    fn wider_modes_and_larger_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_private(&path, b"four").unwrap();
        assert!(matches!(read_private(&path, 3), Err(FsError::TooLarge { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_private(&path, 9), Err(FsError::TooOpen { mode: 0o640, wanted: 0o600, .. })));
    }

    #[test]
    fn a_folder_that_many_publish_at_once_is_published_by_one_of_them() {
        let dir = tempfile::tempdir().unwrap();
        for round in 0..50 {
            let place = dir.path().join(round.to_string());
            let start = std::sync::Barrier::new(4);
            let publish = || {
                let staged = StagedDir::new(dir.path()).unwrap();
                write_private_inside(&staged.path().join("a"), b"one").unwrap();
                start.wait();
                staged.publish_new(&place)
            };
            let results = std::thread::scope(|scope| {
                let running = [(); 4].map(|()| scope.spawn(publish));
                running.map(|thread| thread.join().unwrap())
            });
            let published = results.iter().filter(|result| result.is_ok()).count();
            let found = results.iter().filter(|result| matches!(result, Err(FsError::Exists { .. }))).count();
            assert_eq!((published, found), (1, 3), "{results:?}");
        }
        assert_eq!(dir.path().read_dir().unwrap().count(), 50, "those who came late leave nothing");
    }

    #[test]
    fn an_abandoned_stage_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut staged = Staged::new(dir.path()).unwrap();
        staged.write_all(b"half").unwrap();
        drop(staged);
        drop(StagedDir::new(dir.path()).unwrap());
        assert_eq!(dir.path().read_dir().unwrap().count(), 0);
    }
}
