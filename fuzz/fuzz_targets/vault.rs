//! The vault file: what opens under the service key is what was sealed, and a failure changes nothing on disk.

#![no_main]

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use mss::vault::{Opener, ServiceKey, Vault};
use mss_fuzz::{WORLD, folder, leftovers};

fn private(path: &Path, octets: &[u8]) {
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path).expect("a file can be made");
    file.write_all(octets).expect("a file takes octets");
}

fuzz_target!(|octets: &[u8]| {
    let folder = folder();
    let (path, key) = (folder.path().join("vault"), folder.path().join("key"));
    private(&path, octets);
    private(&key, "07".repeat(32).as_bytes());
    let key = ServiceKey::read(&key).expect("the service key of the seeds");
    let _ = Vault::takes_passphrase(&path);
    if let Ok(vault) = Vault::open(&path, Opener::ServiceKey(&key)) {
        assert_eq!(vault.document().text().expose(), "version = 1\n", "other settings were believed");
    }
    assert!(Vault::open(&path, Opener::Identity(&WORLD.durand)).is_err(), "no seed is sealed for a certificate");
    assert_eq!(std::fs::read(&path).expect("the vault is there"), octets, "reading changed the vault");
    assert_eq!(leftovers(folder.path()), 2, "something was left behind");
});
