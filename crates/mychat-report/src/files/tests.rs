//! Files of every kind before and after a report is written to them.

use std::fs;

use super::*;

#[test]
fn trying_out_leaves_everything_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("new"));
    replace(&old, "kept").unwrap();
    check_writable(&old).and_then(|()| check_writable(&new)).unwrap();
    assert_eq!(read(&old).unwrap(), "kept");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_cannot_be_written_is_said_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let said =
        |path: &Path| check_writable(path).unwrap_err().to_string().replace(&folder.path().display().to_string(), "F");
    assert_eq!(said(&folder.path().join("none/x")), "cannot write F/none/x: there is no directory F/none");
    assert_eq!(said(folder.path()), "cannot write F: it is a directory");
}

#[test]
fn a_text_that_has_no_place_is_kept_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("none").join("x.json");
    let error = replace(&gone, "a run").unwrap_err();
    let place = keep_elsewhere(&gone, "a run").unwrap();
    assert_eq!(fs::read_to_string(&place).unwrap(), "a run");
    assert!(error.kept_in(&place).to_string().ends_with(&format!("; it is kept in {}", place.display())));
    fs::remove_file(place).unwrap();
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn symlinks_and_hard_links_are_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "old").unwrap();
        fs::hard_link(at("file"), at("hard")).unwrap();
        symlink("file", at("soft")).unwrap();
        symlink("new", at("dangling")).unwrap();
        for (name, text) in [("soft", "by the symlink, longer"), ("hard", "short"), ("dangling", "made")] {
            check_writable(&at(name)).unwrap();
            replace(&at(name), text).unwrap();
            assert_eq!(fs::read_to_string(at(name)).unwrap(), text);
        }
        assert_eq!(fs::read_to_string(at("file")).unwrap(), "short");
        assert_eq!(fs::read_to_string(at("new")).unwrap(), "made");
        assert!(fs::symlink_metadata(at("soft")).unwrap().is_symlink());
        assert!(fs::symlink_metadata(at("dangling")).unwrap().is_symlink());
        assert_eq!(fs::metadata(at("file")).unwrap().nlink(), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "no temporary file is left");
    }

    #[test]
    fn a_private_file_stays_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("private");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let before = fs::metadata(&path).unwrap();
        replace(&path, "new").unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!(after.mode() & 0o777, 0o600);
        assert_ne!(after.ino(), before.ino(), "a plain file is replaced by a rename");
    }

    #[test]
    fn every_spelling_of_a_path_is_one_file() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let same = |one: &str, other: &str| FileIdentity::of(&at(one)) == FileIdentity::of(&at(other));
        fs::create_dir(at("sub")).unwrap();
        fs::write(at("file"), "").unwrap();
        fs::hard_link(at("file"), at("hard")).unwrap();
        symlink("sub", at("link")).unwrap();
        symlink("sub/new", at("dangling")).unwrap();
        for (one, other) in
            [("file", "sub/../file"), ("file", "hard"), ("sub/new", "link/new"), ("sub/new", "dangling"), ("x", "./x")]
        {
            assert!(same(one, other), "{one} and {other}");
        }
        assert!(!same("file", "new") && !same("new", "sub/new") && !same("sub", "new"));
        assert_eq!(FileIdentity::of(Path::new("-")), FileIdentity::of(Path::new("/dev/stdout")));
        assert_eq!(FileIdentity::of(Path::new("/dev/null")), None, "a device has room for all reports");
    }

    #[test]
    fn links_in_a_circle_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("circle");
        symlink("circle", &path).unwrap();
        assert!(check_writable(&path).is_err());
        assert!(replace(&path, "x").is_err());
    }
}
