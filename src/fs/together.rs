//! Folders that get their names together: the disk is waited for once for all of them, not once for each file.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::{FsError, StagedDir, exists, failed, make_dir, parent, sync_dir};

/// With fewer folders each file is synced by itself: a sync of the file system also waits for what others have written.
const WORTH_IT: usize = 3;

/// A sync of the file system that took longer waited for somebody else's writing; from then on each file is synced by itself.
const TOO_LONG: Duration = Duration::from_secs(2);

/// Gives staged folders their names, each only once all that is in it is on disk.
#[derive(Debug)]
pub struct Together {
    /// Open since before anything was written: only what goes wrong from then on is told by syncfs(2).
    root: File,
    path: PathBuf,
    at_once: bool,
}

impl Together {
    /// For folders staged in this one; their names are below it.
    pub fn new(dir: &Path) -> Result<Together, FsError> {
        let root = File::open(dir).map_err(failed("open", dir))?;
        let at_once = tells_of_failures()
            && rustix::fs::fstatfs(&root).is_ok_and(|it| u32::try_from(it.f_type).is_ok_and(keeps_its_word));
        Ok(Together { root, path: dir.to_owned(), at_once })
    }

    /// Syncs all that stands in the folders, then gives each its name, then syncs the names. Where something has the name
    /// already, that stays and the folder goes.
    pub fn publish(&mut self, folders: Vec<(StagedDir, PathBuf)>) -> Result<(), FsError> {
        if !(folders.len() >= WORTH_IT && self.sync_all()?) {
            folders.iter().try_for_each(|(folder, _)| sync_inside(folder.path()))?;
        }
        let mut above = BTreeSet::new();
        for (folder, name) in folders {
            let dir = parent(&name).to_owned();
            if !above.contains(&dir) {
                make_dir(&dir)?;
                above.insert(dir);
            }
            match folder.rename(&name) {
                Ok(()) | Err(FsError::Exists { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        // Folders above may have been made just now: their names are synced too, up to the one that was there before.
        let between = above.iter().flat_map(|dir| dir.ancestors().skip(1).take_while(|it| it.starts_with(&self.path)));
        let between: BTreeSet<PathBuf> = between.map(Path::to_owned).collect();
        above.union(&between).try_for_each(|dir| sync_dir(dir))
    }

    /// Syncs the whole file system, where that can be relied on; tells whether it was.
    fn sync_all(&mut self) -> Result<bool, FsError> {
        if !self.at_once {
            return Ok(false);
        }
        let begun = Instant::now();
        match rustix::fs::syncfs(&self.root) {
            Ok(()) => {
                self.at_once = begun.elapsed() < TOO_LONG;
                Ok(true)
            }
            // A service that may not call it.
            Err(Errno::PERM | Errno::ACCESS | Errno::NOSYS) => {
                self.at_once = false;
                Ok(false)
            }
            Err(error) => Err(failed("sync", &self.path)(error.into())),
        }
    }
}

/// Syncs the files of a folder, and their names.
fn sync_inside(dir: &Path) -> Result<(), FsError> {
    for entry in dir.read_dir().map_err(failed("read", dir))? {
        let path = entry.map_err(failed("read", dir))?.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(failed("sync", &path))?;
    }
    sync_dir(dir)
}

/// Whether syncfs(2) tells of what could not be written: Linux does since 5.8.
fn tells_of_failures() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (5, 8)
}

/// Whether all of a file system of this kind is on disk once syncfs(2) says so. Where files are kept by another program (FUSE) or
/// another machine, that need not hear of it; only fsync(2) of each file is passed on to it.
fn keeps_its_word(kind: u32) -> bool {
    /// `f_type` of statfs(2): ext2 to ext4, XFS, Btrfs, F2FS, tmpfs.
    const KNOWN: [u32; 5] = [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994];
    KNOWN.contains(&kind)
}

impl StagedDir {
    /// Gives the folder its name, unless something stands there. It and what is in it were synced before.
    pub(super) fn rename(mut self, name: &Path) -> Result<(), FsError> {
        if exists(name) {
            return Err(FsError::Exists { path: name.to_owned() });
        }
        std::fs::rename(&self.path, name).map_err(|error| match error.kind() {
            // Somebody else published it since the look above.
            std::io::ErrorKind::DirectoryNotEmpty => FsError::Exists { path: name.to_owned() },
            _ => failed("create", name)(error),
        })?;
        self.published = true;
        Ok(())
    }

    /// Syncs the folder with all that is in it and gives it its name, unless something stands there.
    pub fn publish_whole(self, name: &Path) -> Result<(), FsError> {
        sync_inside(&self.path)?;
        self.rename(name)?;
        sync_dir(parent(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::write_inside;

    #[test]
    fn a_file_system_of_another_program_or_machine_is_synced_file_by_file() {
        let [ext4, fuse, nfs, cifs, overlay] = [0xef53, 0x6573_5546, 0x6969, 0xff53_4d42, 0x794c_7630];
        assert!(keeps_its_word(ext4));
        assert!(![fuse, nfs, cifs, overlay].into_iter().any(keeps_its_word));
    }

    #[test]
    fn folders_get_their_names_together_and_none_is_replaced() {
        for count in [1, WORTH_IT + 2] {
            let dir = tempfile::tempdir().unwrap();
            let mut together = Together::new(dir.path()).unwrap();
            let staged = |text: &str| {
                let folder = StagedDir::new(dir.path()).unwrap();
                write_inside(&folder.path().join("message.txt"), text.as_bytes()).unwrap();
                folder
            };
            let name = |number: usize| dir.path().join("quarantine").join(number.to_string());
            together.publish((0..count).map(|number| (staged("first"), name(number))).collect()).unwrap();
            together.publish((0..count).map(|number| (staged("second"), name(number))).collect()).unwrap();
            for number in 0..count {
                assert_eq!(std::fs::read(name(number).join("message.txt")).unwrap(), b"first");
            }
            assert_eq!(dir.path().read_dir().unwrap().count(), 1, "nothing staged is left");
        }
    }
}
